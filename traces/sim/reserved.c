/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reserved.c - nodes that are kept from jobs for a time, and known to be so before.
 *
 * slurmctld gives a job no node of a reservation that begins before the job's limit
 * ends.  Counted nodes have no names, so what is asked for instead is that at the begin of
 * each reservation enough nodes are left beside it for all who may still run then.
 */
#include <string.h>

#include "traces/sim/state.h"

static uint32_t bit_of(size_t i)
{
    return (uint32_t)1 << i;
}

/* `n` nodes of the cluster in proportion: those of set `s`. */
static int32_t share_of(const struct mir_sim *sim, uint32_t n, uint32_t s)
{
    const struct mir_cluster *c = sim->options.cluster;
    uint64_t total = mir_cluster_nodes(c), before = 0, wanted = n < total ? n : total;

    for (uint32_t k = 0; k < s; k++)
        before += c->node_sets[k].n_nodes;
    return (int32_t)((before + c->node_sets[s].n_nodes) * wanted / total - before * wanted / total);
}

static void add_free(struct mir_sim *sim, uint32_t n_nodes, int32_t sign)
{
    for (uint32_t s = 0; s < sim->n_sets; s++)
        sim->free[s] += sign * share_of(sim, n_nodes, s);
}

/* ---- events */

static bool is_to_come(const struct mir_sim *sim, size_t i)
{
    return (sim->reserved_begun & bit_of(i)) == 0;
}

static bool is_over(const struct mir_sim *sim, size_t i)
{
    return (sim->reserved_over & bit_of(i)) != 0;
}

void mir_sim_begin_reserved(struct mir_sim *sim, size_t i, uint32_t n_nodes)
{
    sim->reserved_begun |= bit_of(i);
    sim->reserved_nodes[i] = n_nodes;
    add_free(sim, n_nodes, -1);
}

static void end_reserved(struct mir_sim *sim, size_t i)
{
    sim->reserved_over |= bit_of(i);
    add_free(sim, sim->reserved_nodes[i], 1);
}

void mir_sim_process_reserved(struct mir_sim *sim)
{
    bool began = false, ended = false;

    for (size_t i = 0; i < sim->options.n_reserved; i++) {
        const struct mir_reserved *r = &sim->options.reserved[i];

        if (is_to_come(sim, i) && r->from_at <= sim->now) {
            mir_sim_begin_reserved(sim, i, r->n_nodes);
            began = true;
        }
        if (!is_to_come(sim, i) && !is_over(sim, i) && r->to_at <= sim->now) {
            end_reserved(sim, i);
            ended = true;
        }
    }
    if (began || ended)
        mir_sim_disturb(sim, ended);
}

int64_t mir_sim_next_reserved(const struct mir_sim *sim)
{
    int64_t next_at = INT64_MAX;

    for (size_t i = 0; i < sim->options.n_reserved; i++) {
        const struct mir_reserved *r = &sim->options.reserved[i];
        int64_t at = is_over(sim, i) ? INT64_MAX : is_to_come(sim, i) ? r->from_at : r->to_at;

        next_at = at < next_at ? at : next_at;
    }
    return next_at;
}

/* ---- what a job can have */

/* Of each set what reservations have at `at`, and what those have who may still run then. */
static void taken_at(const struct mir_sim *sim, int64_t at, int32_t *taken)
{
    memset(taken, 0, sim->n_sets * sizeof(*taken));
    for (size_t i = 0; i < sim->options.n_reserved; i++) {
        const struct mir_reserved *r = &sim->options.reserved[i];
        uint32_t n = is_to_come(sim, i) ? r->n_nodes : sim->reserved_nodes[i];

        for (uint32_t s = 0; s < sim->n_sets && r->from_at <= at && at < r->to_at; s++)
            taken[s] += share_of(sim, n, s);
    }
    for (size_t i = sim->n_releases; i-- > 0 && sim->releases[i].at > at;) {
        const struct mir_release *r = &sim->releases[i];

        for (uint32_t s = 0; s < sim->n_sets; s++)
            taken[s] +=
                (int32_t)(sim->n_sets == 1 ? r->n_nodes
                                           : sim->slot_nodes[(size_t)r->slot * sim->n_sets + s]);
    }
}

bool mir_sim_choose_beside(const struct mir_sim *sim,
                           uint64_t mask,
                           uint32_t n_nodes,
                           int32_t limit_s,
                           uint32_t *nodes)
{
    int32_t free[MIR_MAX_NODE_SETS], taken[MIR_MAX_NODE_SETS];

    memcpy(free, sim->free, sim->n_sets * sizeof(*free));
    for (size_t i = 0; i < sim->options.n_reserved; i++) {
        int64_t at = sim->options.reserved[i].from_at;

        if (!is_to_come(sim, i) || at >= sim->now + limit_s || sim->options.reserved[i].to_at <= at)
            continue;
        taken_at(sim, at, taken);
        for (uint32_t s = 0; s < sim->n_sets; s++)
            if (sim->in_service[s] - taken[s] < free[s])
                free[s] = sim->in_service[s] - taken[s];
    }
    return mir_sim_choose_of(sim, free, mask, n_nodes, nodes);
}

void mir_sim_plan_reserved(struct mir_sim *sim)
{
    int32_t delta[MIR_MAX_NODE_SETS];

    for (size_t i = 0; i < sim->options.n_reserved; i++) {
        const struct mir_reserved *r = &sim->options.reserved[i];
        bool to_come = is_to_come(sim, i);

        if (is_over(sim, i) || r->to_at <= r->from_at || r->to_at <= sim->now)
            continue;
        for (uint32_t s = 0; s < sim->n_sets; s++)
            delta[s] =
                to_come ? -share_of(sim, r->n_nodes, s) : share_of(sim, sim->reserved_nodes[i], s);
        mir_plan_add(&sim->plan, sim->n_sets, to_come ? r->from_at : r->to_at,
                     to_come ? r->to_at : INT64_MAX, delta);
    }
}
