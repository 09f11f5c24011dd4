/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sched_easy_node.c - EASY with machine identities (`easy_node` of the
 * reference schedules): a job takes the lowest-numbered machines of those it
 * may use, and the head's reservation is a fixed set of machines.
 */
#include <string.h>

#include "traces/sim/state.h"

static uint64_t *machines_of(struct mir_sim *sim, uint32_t slot)
{
    return sim->slot_machines + (size_t)slot * sim->n_words;
}

/* The `n` lowest of `from` (there are as many) to `out`. */
static void take_lowest(uint64_t *out, const uint64_t *from, uint32_t n, size_t n_words)
{
    for (size_t w = 0; w < n_words; w++) {
        uint64_t bits = from[w];
        uint32_t here = (uint32_t)__builtin_popcountll(bits);
        if (here > n) { /* drop the highest ones */
            uint64_t keep = 0;
            for (; n > 0; n--) {
                uint64_t low = bits & (~bits + 1);
                keep |= low;
                bits ^= low;
            }
            bits = keep;
        } else {
            n -= here;
        }
        out[w] = bits;
    }
}

/* Start the job on the lowest machines of `allowed`. */
static void start_on(struct mir_sim *sim, const struct mir_queued *q, const uint64_t *allowed)
{
    uint64_t *mine = machines_of(sim, mir_sim_start(sim, q));
    take_lowest(mine, allowed, q->n_nodes, sim->n_words);
    for (size_t w = 0; w < sim->n_words; w++)
        sim->machines_free[w] &= ~mine[w];
}

/* The head's set and its shadow time. */
static int64_t reserve(struct mir_sim *sim, uint32_t n_nodes, uint64_t *set)
{
    uint32_t free = (uint32_t)sim->free[0];
    size_t i = 0;

    memcpy(set, sim->machines_free, sim->n_words * sizeof(*set));
    while (i < sim->n_releases) {
        int64_t at = sim->releases[i].at;
        for (; i < sim->n_releases && sim->releases[i].at == at; i++) {
            const uint64_t *theirs = machines_of(sim, sim->releases[i].slot);
            free += sim->releases[i].n_nodes;
            for (size_t w = 0; w < sim->n_words; w++)
                set[w] |= theirs[w];
        }
        if (free >= n_nodes) {
            take_lowest(set, set, n_nodes, sim->n_words);
            return at;
        }
    }
    return INT64_MAX;
}

static uint32_t outside(const struct mir_sim *sim, const uint64_t *set, uint64_t *out)
{
    uint32_t n = 0;

    for (size_t w = 0; w < sim->n_words; w++) {
        out[w] = sim->machines_free[w] & ~set[w];
        n += (uint32_t)__builtin_popcountll(out[w]);
    }
    return n;
}

static void backfill(struct mir_sim *sim)
{
    uint64_t *set = sim->machine_scratch;
    uint64_t *allowed = set + sim->n_words;
    int64_t shadow_at = reserve(sim, sim->queue[sim->head].n_nodes, set);
    size_t end = sim->head + sim->n_queue;

    for (size_t i = sim->head + 1; i < end && sim->free[0] > 0; i++) {
        struct mir_queued *q = &sim->queue[i];
        if ((int32_t)q->n_nodes > sim->free[0])
            continue;
        if (sim->now + q->limit_s <= shadow_at)
            start_on(sim, q, sim->machines_free);
        else if (outside(sim, set, allowed) >= q->n_nodes)
            start_on(sim, q, allowed);
        else
            continue;
        mir_sim_mark_gone(sim, i);
    }
    mir_sim_sweep(sim);
}

static void pass(struct mir_sim *sim)
{
    sim->counters.n_main_passes++;
    while (sim->n_queue > 0 && (int32_t)sim->queue[sim->head].n_nodes <= sim->free[0]) {
        start_on(sim, &sim->queue[sim->head], sim->machines_free);
        sim->head++;
        sim->n_queue--;
    }
    if (sim->n_queue > 1 && sim->free[0] > 0)
        backfill(sim);
}

const struct mir_sched_ops mir_sched_easy_node = {.pass = pass};
