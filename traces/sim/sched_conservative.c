/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sched_conservative.c - conservative backfilling with compression, as pyss
 * does it and the reference schedules have it: every job holds a reservation
 * from its arrival on; after each end the waiting jobs move to earlier holes one
 * by one in queue order; nobody moves later.  The rules in full, with what
 * happens inside one second, stand at the top of tests/oracle/oracle.c.
 */
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "traces/sim/state.h"

static void reset(struct mir_sim *sim)
{
    mir_plan_reset(&sim->plan, 1, sim->now, sim->free);
    sim->plan_valid = true;
    sim->next_start_at = INT64_MAX;
}

/* Give the job the earliest place; a place it had already keeps its stamp. */
static void place(struct mir_sim *sim, struct mir_queued *q)
{
    size_t i = mir_plan_find(&sim->plan, 1, 1, q->n_nodes, q->limit_s, 0);

    if (i == sim->plan.n) { /* nodes out of service: not within sight */
        q->reserved_at = INT64_MAX;
        return;
    }
    int64_t at = sim->plan.at[i];
    if (at != q->reserved_at || q->stamp == 0) {
        q->reserved_at = at;
        q->stamp = ++sim->next_stamp;
    }
    mir_plan_take(&sim->plan, sim->set_order, 1, 1, at, at + q->limit_s, q->n_nodes, NULL, i);
}

/* Arrivals go to the end of the queue: those without a stamp have no place yet. */
static void place_new(struct mir_sim *sim)
{
    size_t end = sim->head + sim->n_queue;
    size_t i = end;

    while (i > sim->head && sim->queue[i - 1].stamp == 0)
        i--;
    for (; i < end; i++)
        place(sim, &sim->queue[i]);
}

static void compress(struct mir_sim *sim)
{
    for (size_t i = sim->head; i < sim->head + sim->n_queue; i++) {
        struct mir_queued *q = &sim->queue[i];
        if (q->reserved_at <= sim->now)
            continue;
        if (q->reserved_at != INT64_MAX)
            mir_plan_give(&sim->plan, q->reserved_at, q->reserved_at + q->limit_s, q->n_nodes);
        place(sim, q);
    }
    mir_plan_merge(&sim->plan);
}

static int by_stamp(const void *a, const void *b)
{
    const struct mir_queued *x = a;
    const struct mir_queued *y = b;

    return (x->stamp > y->stamp) - (x->stamp < y->stamp);
}

static void start_due(struct mir_sim *sim)
{
    struct mir_queued due[64];
    size_t n;

    do { /* in handfuls: more than 64 starts in a second are rare */
        n = 0;
        for (size_t i = sim->head; i < sim->head + sim->n_queue && n < 64; i++) {
            struct mir_queued *q = &sim->queue[i];
            if (q->reserved_at > sim->now)
                continue;
            due[n++] = *q;
            mir_sim_mark_gone(sim, i);
        }
        qsort(due, n, sizeof(due[0]), by_stamp);
        for (size_t i = 0; i < n; i++)
            mir_sim_start(sim, &due[i]);
        mir_sim_sweep(sim);
    } while (n == 64);

    sim->next_start_at = INT64_MAX;
    for (size_t i = sim->head; i < sim->head + sim->n_queue; i++)
        if (sim->queue[i].reserved_at < sim->next_start_at)
            sim->next_start_at = sim->queue[i].reserved_at;
}

/* The plan from scratch, after nodes came or went: running jobs first, then the queue in order. */
static void rebuild(struct mir_sim *sim)
{
    mir_plan_reset(&sim->plan, 1, sim->now, sim->free);
    for (size_t i = 0; i < sim->n_releases; i++)
        mir_plan_append(&sim->plan, 1, sim->releases[i].at, &sim->releases[i].n_nodes);
    for (size_t i = sim->head; i < sim->head + sim->n_queue; i++)
        place(sim, &sim->queue[i]);
    sim->plan_valid = true;
}

static void instant(struct mir_sim *sim)
{
    int32_t slot;

    if (sim->n_cancels > 0)
        mir_sim_process_cancels(sim);
    if (!sim->plan_valid)
        rebuild(sim);
    mir_plan_begin_at(&sim->plan, 1, sim->now);
    mir_sim_process_arrivals(sim);
    place_new(sim);
    while ((slot = mir_sim_pop_end(sim)) != MIR_NO_SLOT) {
        struct mir_slot *r = &sim->slots[slot];
        if (r->planned_end_at > sim->now)
            mir_plan_give(&sim->plan, sim->now, r->planned_end_at, r->n_nodes);
        mir_sim_finish(sim, (uint32_t)slot);
        compress(sim);
        sim->plan_valid = true;
    }
    if (sim->n_held > 0) {
        mir_sim_process_held(sim, true);
        place_new(sim);
    }
    start_due(sim);
    sim->plan_valid = true;
}

/* After a submission from outside. */
static void pass(struct mir_sim *sim)
{
    mir_plan_begin_at(&sim->plan, 1, sim->now);
    place_new(sim);
    start_due(sim);
    sim->plan_valid = true;
}

static int64_t next_tick(const struct mir_sim *sim)
{
    return sim->next_start_at;
}

const struct mir_sched_ops mir_sched_conservative = {
    .reset = reset,
    .pass = pass,
    .next_tick = next_tick,
    .instant = instant,
};
