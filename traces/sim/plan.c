/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.c - free nodes over time, as a scheduler plans it.
 *
 * Most of a simulation in Slurm's manner is spent in mir_plan_find().  Its common
 * case, one set of nodes, is two plain scans that mostly end after a few steps:
 * scanning eight steps at a time (AVX2) and looking the window's end up by halves
 * were tried and are slower, RICC 88,000 -> 40,000 jobs/s.
 */
#include "traces/sim/state.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

/* More steps than are ever in use at once keep the scans free of bounds. */
static void plan_reserve(struct mir_plan *plan, uint32_t n_sets, size_t n)
{
    if (n <= plan->cap && n * n_sets <= plan->cap_free)
        return;
    plan->at = mir_grow(plan->at, &plan->cap, n, sizeof(*plan->at));
    plan->free = mir_grow(plan->free, &plan->cap_free, n * n_sets, sizeof(*plan->free));
}

void mir_plan_reset(struct mir_plan *plan, uint32_t n_sets, int64_t now, const int32_t *free)
{
    plan_reserve(plan, n_sets, 64);
    plan->n = 1;
    plan->at[0] = now;
    memcpy(plan->free, free, n_sets * sizeof(*free));
}

void mir_plan_append(struct mir_plan *plan, uint32_t n_sets, int64_t at, const uint32_t *n_nodes)
{
    if (plan->at[plan->n - 1] != at) {
        plan_reserve(plan, n_sets, plan->n + 1);
        plan->at[plan->n] = at;
        memcpy(plan->free + plan->n * n_sets, plan->free + (plan->n - 1) * n_sets,
               n_sets * sizeof(*plan->free));
        plan->n++;
    }
    int32_t *free = plan->free + (plan->n - 1) * n_sets;
    for (uint32_t s = 0; s < n_sets; s++)
        free[s] += (int32_t)n_nodes[s];
}

/* ---- one set of nodes */

static size_t find_one(const struct mir_plan *plan, int32_t n_nodes, int64_t limit_s, size_t begin)
{
    const int32_t *free = plan->free;
    const int64_t *at = plan->at;
    size_t n = plan->n;

    for (;;) {
        while (begin < n && free[begin] < n_nodes)
            begin++;
        if (begin == n)
            return n;
        int64_t end = at[begin] + limit_s;
        size_t i = begin + 1;
        while (i < n && free[i] >= n_nodes && at[i] < end)
            i++;
        if (i == n || at[i] >= end)
            return begin;
        begin = i + 1;
    }
}

/* ---- several sets: what a job may have over a window is the sum of each set's minimum */

static bool fits_many(const struct mir_plan *plan,
                      uint32_t n_sets,
                      uint64_t mask,
                      uint32_t n_nodes,
                      size_t begin,
                      int64_t end,
                      int32_t *least)
{
    for (uint32_t s = 0; s < n_sets; s++)
        least[s] = plan->free[begin * n_sets + s];
    for (size_t i = begin;; i++) {
        int64_t sum = 0;
        for (uint32_t s = 0; s < n_sets; s++) {
            int32_t f = plan->free[i * n_sets + s];
            least[s] = f < least[s] ? f : least[s];
            if ((mask >> s & 1) != 0 && least[s] > 0)
                sum += least[s];
        }
        if (sum < (int64_t)n_nodes)
            return false;
        if (i + 1 == plan->n || plan->at[i + 1] >= end)
            return true;
    }
}

size_t mir_plan_find(const struct mir_plan *plan,
                     uint32_t n_sets,
                     uint64_t mask,
                     uint32_t n_nodes,
                     int64_t limit_s,
                     size_t first)
{
    if (n_sets == 1)
        return find_one(plan, (int32_t)n_nodes, limit_s, first);

    int32_t least[MIR_MAX_NODE_SETS];
    for (size_t begin = first; begin < plan->n; begin++)
        if (fits_many(plan, n_sets, mask, n_nodes, begin, plan->at[begin] + limit_s, least))
            return begin;
    return plan->n;
}

/* The first step at or after `at`; reservations mostly end behind all others. */
static size_t first_at(const struct mir_plan *plan, int64_t at)
{
    size_t low = 0, high = plan->n;

    if (plan->at[high - 1] < at)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (plan->at[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * The step that begins at `at`, made where there is none; `at` not before the
 * first.  `guess` is where it may well be.
 */
static size_t step_at(struct mir_plan *plan, uint32_t n_sets, int64_t at, size_t guess)
{
    size_t low = guess;

    if (guess >= plan->n || plan->at[guess] < at || (guess > 0 && plan->at[guess - 1] >= at))
        low = first_at(plan, at);
    if (low < plan->n && plan->at[low] == at)
        return low;
    plan_reserve(plan, n_sets, plan->n + 1);
    memmove(plan->at + low + 1, plan->at + low, (plan->n - low) * sizeof(*plan->at));
    memmove(plan->free + (low + 1) * n_sets, plan->free + low * n_sets,
            (plan->n - low) * n_sets * sizeof(*plan->free));
    plan->at[low] = at;
    memcpy(plan->free + low * n_sets, plan->free + (low - 1) * n_sets,
           n_sets * sizeof(*plan->free));
    plan->n++;
    return low;
}

static void take_many(struct mir_plan *plan,
                      const uint8_t *set_order,
                      uint32_t n_sets,
                      uint64_t mask,
                      size_t begin,
                      size_t end,
                      uint32_t n_nodes,
                      uint32_t *nodes)
{
    int32_t least[MIR_MAX_NODE_SETS];

    fits_many(plan, n_sets, mask, 0, begin, end < plan->n ? plan->at[end] : INT64_MAX, least);
    for (uint32_t k = 0; k < n_sets && n_nodes > 0; k++) {
        uint32_t s = set_order[k];
        if ((mask >> s & 1) == 0 || least[s] <= 0)
            continue;
        uint32_t take = (uint32_t)least[s] < n_nodes ? (uint32_t)least[s] : n_nodes;
        n_nodes -= take;
        if (nodes != NULL)
            nodes[s] = take;
        for (size_t i = begin; i < end; i++)
            plan->free[i * n_sets + s] -= (int32_t)take;
    }
}

void mir_plan_take(struct mir_plan *plan,
                   const uint8_t *set_order,
                   uint32_t n_sets,
                   uint64_t mask,
                   int64_t from,
                   int64_t to,
                   uint32_t n_nodes,
                   uint32_t *nodes,
                   size_t guess)
{
    size_t begin = step_at(plan, n_sets, from, guess);
    size_t end = step_at(plan, n_sets, to, plan->n);

    if (n_sets == 1) {
        for (size_t i = begin; i < end; i++)
            plan->free[i] -= (int32_t)n_nodes;
        return;
    }
    take_many(plan, set_order, n_sets, mask, begin, end, n_nodes, nodes);
}

void mir_plan_give(struct mir_plan *plan, int64_t from, int64_t to, uint32_t n_nodes)
{
    size_t begin = step_at(plan, 1, from, plan->n);
    size_t end = step_at(plan, 1, to, plan->n);

    for (size_t i = begin; i < end; i++)
        plan->free[i] += (int32_t)n_nodes;
}

void mir_plan_add(struct mir_plan *plan,
                  uint32_t n_sets,
                  int64_t from,
                  int64_t to,
                  const int32_t *delta)
{
    size_t begin = step_at(plan, n_sets, from, plan->n);
    size_t end = to == INT64_MAX ? plan->n : step_at(plan, n_sets, to, plan->n);

    for (size_t i = begin; i < end; i++)
        for (uint32_t s = 0; s < n_sets; s++)
            plan->free[i * n_sets + s] += delta[s];
}

void mir_plan_merge(struct mir_plan *plan)
{
    size_t to = 1;

    for (size_t i = 1; i < plan->n; i++) {
        if (plan->free[i] == plan->free[to - 1])
            continue;
        plan->at[to] = plan->at[i];
        plan->free[to++] = plan->free[i];
    }
    plan->n = to;
}

void mir_plan_begin_at(struct mir_plan *plan, uint32_t n_sets, int64_t now)
{
    size_t past = 0;

    while (past + 1 < plan->n && plan->at[past + 1] <= now)
        past++;
    if (past > 0) {
        plan->n -= past;
        memmove(plan->at, plan->at + past, plan->n * sizeof(*plan->at));
        memmove(plan->free, plan->free + past * n_sets, plan->n * n_sets * sizeof(*plan->free));
    }
    plan->at[0] = now;
}

void mir_plan_copy(struct mir_plan *to, const struct mir_plan *from, uint32_t n_sets)
{
    to->n = from->n;
    if (from->n == 0)
        return;
    plan_reserve(to, n_sets, from->n);
    memcpy(to->at, from->at, from->n * sizeof(*to->at));
    memcpy(to->free, from->free, from->n * n_sets * sizeof(*to->free));
}

void mir_plan_release(struct mir_plan *plan)
{
    free(plan->at);
    free(plan->free);
    *plan = (struct mir_plan){0};
}
