/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sched_easy.c - first come, first served, and EASY backfilling on counts
 * (Lifka, "The ANL/IBM SP scheduling system", 1995), rule for rule as the
 * reference schedules define `fcfs`, `easy_batch` and `easy_event`.
 */
#include "traces/sim/state.h"

static bool fits(const struct mir_sim *sim, const struct mir_queued *q)
{
    return (int32_t)q->n_nodes <= mir_sim_free_for(sim, q->partition);
}

/* Start from the head while it fits. */
static void start_heads(struct mir_sim *sim)
{
    sim->counters.n_main_passes++;
    while (sim->n_queue > 0 && fits(sim, &sim->queue[sim->head])) {
        mir_sim_start(sim, &sim->queue[sim->head]);
        sim->head++;
        sim->n_queue--;
    }
}

/* When the head can start by planned ends, and how many of its nodes are then left over. */
struct shadow {
    int64_t at;
    int32_t extra;
};

/* Nodes of the partition's sets that the slot gives back. */
static int32_t gives(const struct mir_sim *sim, uint16_t partition, const struct mir_release *r)
{
    if (sim->n_sets == 1)
        return sim->slots[r->slot].released ? 0 : (int32_t)r->n_nodes;
    uint64_t mask = sim->options.cluster->partitions[partition].node_sets;
    int32_t n = 0;
    for (uint32_t s = 0; s < sim->n_sets; s++)
        if ((mask >> s & 1) != 0)
            n += (int32_t)sim->slot_nodes[(size_t)r->slot * sim->n_sets + s];
    return sim->slots[r->slot].released ? 0 : n;
}

static struct shadow find_shadow(const struct mir_sim *sim, const struct mir_queued *head)
{
    int32_t need = (int32_t)head->n_nodes;
    int32_t free = mir_sim_free_for(sim, head->partition);
    size_t i = 0;

    while (i < sim->n_releases) {
        int64_t at = sim->releases[i].at;
        do
            free += gives(sim, head->partition, &sim->releases[i++]);
        while (i < sim->n_releases && sim->releases[i].at == at);
        if (free >= need)
            return (struct shadow){at, free - need};
    }
    return (struct shadow){INT64_MAX, 0}; /* nodes out of service: nobody knows */
}

/* Does the job use nodes that the head waits for? */
static bool competes(const struct mir_sim *sim, uint16_t a, uint16_t b)
{
    if (sim->n_sets == 1)
        return true;
    const struct mir_partition *p = sim->options.cluster->partitions;
    return (p[a].node_sets & p[b].node_sets) != 0;
}

static void backfill(struct mir_sim *sim)
{
    const struct mir_queued *head = &sim->queue[sim->head];
    struct shadow shadow = find_shadow(sim, head);
    uint16_t head_partition = head->partition;
    size_t end = sim->head + sim->n_queue;

    for (size_t i = sim->head + 1; i < end; i++) {
        struct mir_queued *q = &sim->queue[i];
        int32_t n = (int32_t)q->n_nodes;
        if (n > mir_sim_free_for(sim, q->partition))
            continue;
        bool late = sim->now + q->limit_s > shadow.at;
        if (late && competes(sim, q->partition, head_partition)) {
            if (n > shadow.extra)
                continue;
            shadow.extra -= n;
        }
        mir_sim_start(sim, q);
        mir_sim_mark_gone(sim, i);
        if (sim->n_sets == 1 && sim->free[0] <= 0)
            break;
    }
    mir_sim_sweep(sim);
}

static void pass_fcfs(struct mir_sim *sim)
{
    start_heads(sim);
}

static void pass_easy(struct mir_sim *sim)
{
    start_heads(sim);
    if (sim->n_queue > 1 && (sim->n_sets > 1 || sim->free[0] > 0))
        backfill(sim);
}

/* Jobs planned to end by now count as gone, handled or not. */
static void release_planned(struct mir_sim *sim)
{
    for (size_t i = 0; i < sim->n_releases && sim->releases[i].at <= sim->now; i++)
        mir_sim_release_nodes(sim, sim->releases[i].slot);
}

static void instant_easy_single(struct mir_sim *sim)
{
    int32_t slot;

    release_planned(sim);
    if (sim->n_cancels > 0)
        mir_sim_process_cancels(sim);
    while (sim->next_arrival < sim->end_arrival &&
           sim->jobs[sim->next_arrival].submit_at <= sim->now) {
        mir_sim_arrive(sim, (uint32_t)sim->next_arrival++);
        pass_easy(sim);
    }
    while ((slot = mir_sim_pop_end(sim)) != MIR_NO_SLOT) {
        mir_sim_finish(sim, (uint32_t)slot);
        pass_easy(sim);
    }
    if (sim->n_held > 0) {
        mir_sim_process_held(sim, true);
        pass_easy(sim);
    }
}

const struct mir_sched_ops mir_sched_fcfs = {.pass = pass_fcfs, .starts_at_once = true};
const struct mir_sched_ops mir_sched_easy_batch = {.pass = pass_easy, .starts_at_once = true};
const struct mir_sched_ops mir_sched_easy_single = {.pass = pass_easy,
                                                    .instant = instant_easy_single};
