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

void mir_profile_begin(struct mir_profile *p, int32_t free_nodes)
{
    reserve(p, 1);
    p->steps[0] = (struct mir_profile_step){0, free_nodes};
    p->n = 1;
}

static int by_time(const void *a, const void *b)
{
    double x = ((const struct mir_profile_step *)a)->at_s;
    double y = ((const struct mir_profile_step *)b)->at_s;

    return (x > y) - (x < y);
}

void mir_profile_release_nodes(struct mir_profile *p,
                               const double *at_s,
                               const uint32_t *n_nodes,
                               size_t n)
{
    size_t to = 0;

    reserve(p, n + 1);
    for (size_t i = 0; i < n; i++)
        p->steps[i + 1] = (struct mir_profile_step){at_s[i] > 0 ? at_s[i] : 0, (int32_t)n_nodes[i]};
    qsort(p->steps + 1, n, sizeof(p->steps[0]), by_time);
    for (size_t i = 1; i <= n; i++) {
        int32_t free_nodes = p->steps[to].free + p->steps[i].free;

        if (p->steps[i].at_s > p->steps[to].at_s)
            to++;
        p->steps[to] = (struct mir_profile_step){p->steps[i].at_s, free_nodes};
    }
    p->n = to + 1;
}

/* The last step that begins at or before `at_s`. */
static size_t step_at(const struct mir_profile *p, double at_s)
{
    size_t low = 0, high = p->n;

    while (high - low > 1) {
        size_t mid = (low + high) / 2;

        if (p->steps[mid].at_s <= at_s)
            low = mid;
        else
            high = mid;
    }
    return low;
}

double
mir_profile_find(const struct mir_profile *p, double from_s, uint32_t n_nodes, double length_s)
{
    double begin_s = from_s;

    for (size_t i = step_at(p, from_s); i < p->n; i++) {
        if (p->steps[i].free < (int32_t)n_nodes)
            begin_s = i + 1 < p->n ? p->steps[i + 1].at_s : INFINITY;
        else if (i + 1 == p->n || p->steps[i + 1].at_s >= begin_s + length_s)
            return begin_s;
    }
    return begin_s;
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

void mir_profile_take(struct mir_profile *p, double at_s, uint32_t n_nodes, double length_s)
{
    size_t begin = cut(p, at_s), end = isfinite(length_s) ? cut(p, at_s + length_s) : p->n;

    for (size_t i = begin; i < end; i++)
        p->steps[i].free -= (int32_t)n_nodes;
}
