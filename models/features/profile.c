/* SPDX-License-Identifier: GPL-3.0-or-later */
/* profile.c - free nodes over time to come. */
#include "models/features/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

void mir_profile_release(struct mir_profile *p)
{
    free(p->steps);
    *p = (struct mir_profile){0};
}

static void reserve(struct mir_profile *p, size_t n)
{
    p->steps = mir_grow(p->steps, &p->cap, n, sizeof(*p->steps));
}

void mir_profile_begin(struct mir_profile *p, int64_t free_nodes)
{
    reserve(p, 1);
    p->steps[0] = (struct mir_profile_step){0, free_nodes};
    p->n = 1;
}

/*
 * Shell's sort, with Ciura's gaps: a look at a queue sorts eighteen short lists, and
 * qsort()'s calls would cost more than all the planning.
 */
static void sort_by_time(struct mir_profile_step *steps, size_t n)
{
    static const size_t gaps[] = {1, 4, 10, 23, 57, 132, 301, 701, 1750, 3937, 8858, 19930};

    for (size_t g = sizeof(gaps) / sizeof(gaps[0]); g-- > 0;) {
        for (size_t i = gaps[g]; i < n; i++) {
            struct mir_profile_step step = steps[i];
            size_t k = i;

            for (; k >= gaps[g] && steps[k - gaps[g]].at_s > step.at_s; k -= gaps[g])
                steps[k] = steps[k - gaps[g]];
            steps[k] = step;
        }
    }
}

void mir_profile_release_nodes(struct mir_profile *p,
                               const double *at_s,
                               const uint32_t *n_nodes,
                               size_t n)
{
    size_t to = 0;

    reserve(p, n + 1);
    for (size_t i = 0; i < n; i++)
        p->steps[i + 1] = (struct mir_profile_step){at_s[i] > 0 ? at_s[i] : 0, n_nodes[i]};
    sort_by_time(p->steps + 1, n);
    for (size_t i = 1; i <= n; i++) {
        int64_t free_nodes = p->steps[to].free + p->steps[i].free;

        if (p->steps[i].at_s > p->steps[to].at_s)
            to++;
        p->steps[to] = (struct mir_profile_step){p->steps[i].at_s, free_nodes};
    }
    p->n = to + 1;
}

/* The last step that begins at or before `at_s`; no branch depends on what is compared. */
static size_t step_at(const struct mir_profile *p, double at_s)
{
    const struct mir_profile_step *step = p->steps;

    for (size_t n = at_s > 0 ? p->n : 1; n > 1; n -= n / 2)
        step += step[n / 2].at_s <= at_s ? n / 2 : 0;
    return (size_t)(step - p->steps);
}

double
mir_profile_find(const struct mir_profile *p, double from_s, uint32_t n_nodes, double length_s)
{
    const struct mir_profile_step *step = p->steps + step_at(p, from_s), *end = p->steps + p->n;
    int64_t need = n_nodes;

    while (step < end) {
        double begin_s = step->at_s > from_s ? step->at_s : from_s, end_s = begin_s + length_s;

        while (step < end && step->free >= need && step->at_s < end_s)
            step++;
        if (step == end || step->at_s >= end_s)
            return begin_s;
        while (step < end && step->free < need)
            step++;
    }
    return INFINITY;
}

/* A step that begins at `at_s` exactly. */
static size_t cut(struct mir_profile *p, double at_s)
{
    size_t i = step_at(p, at_s);

    if (p->steps[i].at_s == at_s)
        return i;
    reserve(p, p->n + 1);
    memmove(p->steps + i + 2, p->steps + i + 1, (p->n - i - 1) * sizeof(p->steps[0]));
    p->steps[i + 1] = (struct mir_profile_step){at_s, p->steps[i].free};
    p->n++;
    return i + 1;
}

static void add(struct mir_profile *p, double at_s, int64_t n_nodes, double length_s)
{
    size_t begin = cut(p, at_s);
    size_t end = isfinite(length_s) ? cut(p, at_s + length_s) : p->n;

    for (size_t i = begin; i < end; i++)
        p->steps[i].free += n_nodes;
}

void mir_profile_take(struct mir_profile *p, double at_s, uint32_t n_nodes, double length_s)
{
    add(p, at_s, -(int64_t)n_nodes, length_s);
}

/* The steps that the take made stay: neighbours that are alike change no answer. */
void mir_profile_give(struct mir_profile *p, double at_s, uint32_t n_nodes, double length_s)
{
    add(p, at_s, n_nodes, length_s);
}
