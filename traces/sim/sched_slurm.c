/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sched_slurm.c - what slurmctld does: a main scheduler that starts jobs in
 * priority order and stops, partition by partition, at the first that does not
 * fit; and backfill every bf_interval, which gives every job in priority order
 * the earliest place under requested limits and starts those whose place is now.
 *
 * Two traits of backfill that textbooks do not have (slurmctld's select plugins,
 * will-run test) decide how long jobs wait:
 *   - running jobs are taken out in groups by planned end, and a pending job is
 *     expected when the last of a group ends; the groups span 30 s, then 60 s,
 *     120 s ... so a start far ahead is told too late by hours;
 *   - a job whose expected start lies beyond bf_window gets no reservation, and
 *     reservations are rounded down to bf_resolution at both ends.
 *
 * A pass in which nothing can change is not made: between two events the plan
 * in absolute time stays what it was, so backfill runs at the first tick after
 * something happened; after arrivals behind what was planned it goes on from
 * where it stopped; and it stops when no job left in the queue fits what is free.
 */
#include <string.h>

#include "daemon/core/alloc.h"
#include "traces/sim/state.h"

/* ---- main scheduler */

/* One partition over one set of nodes: the first job that does not fit ends the pass. */
static void main_pass_single(struct mir_sim *sim)
{
    if (sim->main_blocked)
        return;
    sim->counters.n_main_passes++;
    while (sim->n_queue > 0) {
        const struct mir_queued *q = &sim->queue[sim->head];
        if ((int32_t)q->n_nodes > sim->free[0]) {
            sim->main_blocked = true;
            return;
        }
        sim->sched->start(sim, q);
        sim->head++;
        sim->n_queue--;
    }
}

/* A job that does not fit closes its partition and its nodes to the jobs behind it. */
static void main_pass_many(struct mir_sim *sim, bool whole_queue)
{
    const struct mir_cluster *c = sim->options.cluster;
    uint32_t depth = whole_queue ? UINT32_MAX : c->params.default_queue_depth;
    uint64_t closed_sets = 0;
    uint64_t closed_partitions = 0;
    uint32_t nodes[MIR_MAX_NODE_SETS];
    size_t end = sim->head + sim->n_queue;

    sim->counters.n_main_passes++;
    sim->queue_cut = false;
    for (size_t i = sim->head; i < end; i++) {
        struct mir_queued *q = &sim->queue[i];
        if (depth-- == 0) {
            sim->queue_cut = true;
            break;
        }
        if ((closed_partitions >> q->partition & 1) != 0)
            continue;
        uint64_t mask = c->partitions[q->partition].node_sets;
        if (!mir_sim_choose(sim, mask & ~closed_sets, q->n_nodes, nodes)) {
            closed_partitions |= (uint64_t)1 << q->partition;
            closed_sets |= mask;
            continue;
        }
        /* Who would run into a reservation does not hold up others. */
        if (sim->options.n_reserved > 0 &&
            !mir_sim_choose_beside(sim, mask & ~closed_sets, q->n_nodes, q->limit_s, nodes))
            continue;
        mir_sim_start_on(sim, q, nodes);
        mir_sim_mark_gone(sim, i);
    }
    mir_sim_sweep(sim);
}

static bool on_grid(const struct mir_sim *sim, int32_t interval_s)
{
    return interval_s > 0 && (sim->now - sim->options.from_at) % interval_s == 0;
}

static void main_pass(struct mir_sim *sim)
{
    const struct mir_cluster *c = sim->options.cluster;
    bool whole_queue = on_grid(sim, c->params.sched_interval_s);

    if (c->params.defer && !sim->ends_since_main && !whole_queue)
        return;
    if (sim->n_queue > 0) {
        if (c->n_partitions == 1 && sim->n_sets == 1 && sim->options.n_reserved == 0)
            main_pass_single(sim);
        else if (sim->ends_since_main || sim->queue_since_main || (whole_queue && sim->queue_cut))
            main_pass_many(sim, whole_queue);
    }
    sim->ends_since_main = false;
    sim->queue_since_main = false;
}

/* ---- backfill */

int64_t mir_slurm_next_window(const struct mir_sim *sim, int64_t window_s)
{
    int32_t linear_s = sim->options.cluster->params.bf_window_linear_s;

    if (linear_s > 0)
        return window_s + linear_s;
    return window_s < INT32_MAX ? 2 * window_s : window_s;
}

/* Free nodes by planned ends, in the growing groups of slurmctld's will-run test. */
static void plan_running(struct mir_sim *sim)
{
    int64_t window = MIR_WILL_RUN_WINDOW_S;
    uint32_t nodes[MIR_MAX_NODE_SETS];
    size_t i = 0;

    mir_plan_reset(&sim->plan, sim->n_sets, sim->now, sim->free);
    while (i < sim->n_releases) {
        int64_t first_at = sim->releases[i].at;
        int64_t last_at;
        uint32_t n = 0;
        memset(nodes, 0, sim->n_sets * sizeof(*nodes));
        do {
            const struct mir_release *r = &sim->releases[i++];
            last_at = r->at;
            for (uint32_t s = 0; s < sim->n_sets; s++)
                nodes[s] += sim->n_sets == 1 ? r->n_nodes
                                             : sim->slot_nodes[(size_t)r->slot * sim->n_sets + s];
        } while (i < sim->n_releases && sim->releases[i].at <= first_at + window &&
                 n++ < MIR_WILL_RUN_GROUP);
        mir_plan_append(&sim->plan, sim->n_sets, last_at > sim->now ? last_at : sim->now + 1,
                        nodes);
        window = mir_slurm_next_window(sim, window);
    }
    if (sim->options.n_reserved > 0)
        mir_sim_plan_reserved(sim);
    sim->plan_valid = true;
    sim->n_planned = 0;
    sim->n_tested = 0;
}

/* Limits that count jobs, and ages, make a plan that cannot be continued. */
static bool plan_can_go_on(const struct mir_sched_params *p)
{
    return p->bf_max_job_user == 0 && p->bf_max_job_part == 0 &&
           p->bf_job_part_count_reserve == 0 && p->bf_min_age_reserve_s == 0;
}

/* Limits on how many jobs of one kind a pass looks at; counts live for one pass. */
struct bf_limits {
    uint32_t *by_user;
    size_t n_users;
    uint32_t by_partition[MIR_MAX_PARTITIONS];
    uint32_t reserved[MIR_MAX_PARTITIONS];
};

static void limits_init(struct mir_sim *sim, struct bf_limits *l)
{
    size_t n_users = sim->options.workload->log->users.n + 1;

    l->by_user = NULL;
    if (plan_can_go_on(&sim->options.cluster->params))
        return; /* nothing is counted */
    memset(l, 0, sizeof(*l));
    if (sim->options.cluster->params.bf_max_job_user == 0)
        return;
    sim->bf_count = mir_grow(sim->bf_count, &sim->cap_bf_count, n_users, sizeof(*sim->bf_count));
    memset(sim->bf_count, 0, n_users * sizeof(*sim->bf_count));
    l->by_user = sim->bf_count;
    l->n_users = n_users;
}

static bool limits_skip(const struct mir_sim *sim, struct bf_limits *l, const struct mir_queued *q)
{
    const struct mir_sched_params *p = &sim->options.cluster->params;

    if (p->bf_max_job_part > 0 && l->by_partition[q->partition]++ >= p->bf_max_job_part)
        return true;
    if (l->by_user == NULL)
        return false;
    uint32_t user = mir_sim_job(sim, q->job)->user;
    return user < l->n_users && l->by_user[user]++ >= p->bf_max_job_user;
}

static bool may_reserve(const struct mir_sim *sim, struct bf_limits *l, const struct mir_queued *q)
{
    const struct mir_sched_params *p = &sim->options.cluster->params;

    if (p->bf_min_age_reserve_s > 0 && sim->now - q->eligible_at < p->bf_min_age_reserve_s)
        return false;
    return p->bf_job_part_count_reserve == 0 ||
           l->reserved[q->partition]++ < p->bf_job_part_count_reserve;
}

int64_t mir_slurm_round_down(int64_t at, int32_t resolution_s)
{
    if (resolution_s <= 1)
        return at;
    if (at >= 0 && at <= UINT32_MAX) /* until 2106: half the time of a 64-bit division */
        return at - (int64_t)((uint32_t)at % (uint32_t)resolution_s);
    return at - at % resolution_s;
}

static void reserve(struct mir_sim *sim, const struct mir_queued *q, uint64_t mask, size_t step)
{
    int32_t resolution = sim->options.cluster->params.bf_resolution_s;
    int64_t at = sim->plan.at[step];
    int64_t from = mir_slurm_round_down(at, resolution);
    int64_t to = mir_slurm_round_down(at + q->limit_s, resolution);

    if (from < sim->now)
        from = sim->now;
    if (to > from)
        mir_plan_take(&sim->plan, sim->set_order, sim->n_sets, mask, from, to, q->n_nodes, NULL,
                      step);
}

static void start_planned(struct mir_sim *sim, const struct mir_queued *q, uint64_t mask)
{
    uint32_t nodes[MIR_MAX_NODE_SETS] = {0};

    mir_plan_take(&sim->plan, sim->set_order, sim->n_sets, mask, sim->now, sim->now + q->limit_s,
                  q->n_nodes, nodes, 0);
    mir_sim_start_on(sim, q, sim->n_sets == 1 ? &q->n_nodes : nodes);
}

/* The first of queue[i, end) that fits `free` nodes; `end`: none. */
static size_t next_fitting(const struct mir_sim *sim, size_t i, size_t end, int32_t free)
{
    if (free <= 0)
        return end;
    while (i < end && (int32_t)sim->queue[i].n_nodes > free)
        i++;
    return i;
}

/*
 * Is there a job in queue[i, end) that fits what the plan has free now?  `*at`
 * remembers the nearest one, so that the walks of a whole pass cost one walk.
 */
static bool one_fits(const struct mir_sim *sim, size_t i, size_t end, size_t *at)
{
    if (sim->n_sets > 1)
        return true;
    *at = next_fitting(sim, *at < i ? i : *at, end, sim->plan.free[0]);
    return *at < end;
}

/* Tasks of one array stand together in the queue, as one record in slurmctld's. */
struct array_run {
    uint32_t id;
    uint32_t n_reserved;
};

/*
 * Is the job's turn over before it began?  slurmctld takes an array for one job:
 * it counts once against bf_max_job_test, and once as many of its tasks have a
 * reservation as may, the others are passed over.
 */
static bool test_skip(struct mir_sim *sim, struct array_run *run, const struct mir_queued *q)
{
    const struct mir_sched_params *p = &sim->options.cluster->params;

    if (q->array == 0 || q->array != run->id) {
        *run = (struct array_run){.id = q->array};
        sim->n_tested++;
        return false;
    }
    return run->n_reserved >= (p->bf_max_job_array_resv > 0 ? p->bf_max_job_array_resv : 1);
}

/*
 * Where jobs of a shape were found room in this pass.  A pass only takes nodes, and steps
 * are only inserted, so the next of the shape need not be looked for further ahead.
 */
enum { N_SHAPES = 32 };

struct shape_room {
    uint32_t n_nodes; /* 0: of none yet */
    int32_t limit_s;
    uint16_t partition;
    size_t step;
};

static size_t
find_room(const struct mir_sim *sim, struct shape_room *rooms, const struct mir_queued *q)
{
    uint32_t hash = (q->n_nodes * 0x9e3779b1u) ^ ((uint32_t)q->limit_s * 0x85ebca6bu);
    struct shape_room *room = &rooms[hash >> 16 & (N_SHAPES - 1)];
    uint64_t mask = sim->options.cluster->partitions[q->partition].node_sets;

    if (room->n_nodes != q->n_nodes || room->limit_s != q->limit_s ||
        room->partition != q->partition)
        *room = (struct shape_room){q->n_nodes, q->limit_s, q->partition, 0};
    room->step = mir_plan_find(&sim->plan, sim->n_sets, mask, q->n_nodes, q->limit_s, room->step);
    return room->step;
}

/* Plan the queue from `first` on; returns how many jobs were started. */
static size_t plan_queue(struct mir_sim *sim, size_t first, size_t *stopped)
{
    const struct mir_cluster *c = sim->options.cluster;
    int64_t horizon = sim->now + c->params.bf_window_s;
    size_t end = sim->head + sim->n_queue;
    struct shape_room rooms[N_SHAPES] = {{0}};
    struct array_run run = {0};
    struct bf_limits limits;
    size_t n_started = 0;
    size_t fitting = first;
    size_t i = first;

    limits_init(sim, &limits);
    for (; i < end && one_fits(sim, i, end, &fitting); i++) {
        struct mir_queued *q = &sim->queue[i];
        uint64_t mask = c->partitions[q->partition].node_sets;
        if (test_skip(sim, &run, q))
            continue;
        if (sim->n_tested > c->params.bf_max_job_test)
            break;
        if (limits_skip(sim, &limits, q))
            continue;
        size_t step = find_room(sim, rooms, q);
        if (step == 0) {
            start_planned(sim, q, mask);
            mir_sim_mark_gone(sim, i);
            if (++n_started == c->params.bf_max_job_start)
                break;
            continue;
        }
        run.n_reserved++;
        if (step < sim->plan.n && sim->plan.at[step] <= horizon && may_reserve(sim, &limits, q))
            reserve(sim, q, mask, step);
    }
    *stopped = i;
    return n_started;
}

static void backfill_pass(struct mir_sim *sim)
{
    const struct mir_sched_params *p = &sim->options.cluster->params;
    bool kept = sim->plan_valid && plan_can_go_on(p);
    size_t stopped;

    sim->last_backfill_at = sim->now;
    sim->backfill_due = false;
    size_t end = sim->head + sim->n_queue;
    if (sim->n_sets == 1 && next_fitting(sim, sim->head, end, sim->free[0]) == end)
        return; /* whatever the plan, nothing can start */
    if (kept) {
        sim->counters.n_plan_kept++;
        mir_plan_begin_at(&sim->plan, sim->n_sets, sim->now);
    } else {
        sim->counters.n_backfill_passes++;
        plan_running(sim);
    }
    if (plan_queue(sim, sim->head + sim->n_planned, &stopped) > 0)
        mir_sim_sweep(sim); /* a start makes the plan invalid and another pass due */
    else
        sim->n_planned = stopped - sim->head;
    if (!plan_can_go_on(p))
        sim->plan_valid = false;
}

void mir_slurm_pass(struct mir_sim *sim)
{
    const struct mir_sched_params *p = &sim->options.cluster->params;

    if (sim->now >= sim->next_calc_at)
        mir_priority_tick(sim);
    main_pass(sim);
    if (sim->n_queue == 0)
        sim->backfill_due = false;
    else if (p->backfill && sim->backfill_due && sim->last_backfill_at != sim->now &&
             on_grid(sim, p->bf_interval_s))
        sim->sched->backfill(sim);
}

/* The first point of the grid at or after now and later than `last`. */
static int64_t grid(const struct mir_sim *sim, int32_t interval_s, int64_t last)
{
    int64_t since = sim->now - sim->options.from_at;
    int64_t at = sim->options.from_at + (since + interval_s - 1) / interval_s * interval_s;

    return at > last ? at : at + interval_s;
}

/* Will anything but the scheduler itself ever happen?  Without it new priorities start nobody. */
static bool world_moves(const struct mir_sim *sim)
{
    const struct mir_capacity *c = sim->options.capacity;

    return sim->n_ends > 0 || sim->next_arrival < sim->end_arrival || sim->n_held > 0 ||
           sim->n_cancels > 0 || (c != NULL && sim->next_capacity < c->n_steps) ||
           (sim->options.n_reserved > 0 && mir_sim_next_reserved(sim) < INT64_MAX);
}

int64_t mir_slurm_next_tick(const struct mir_sim *sim)
{
    const struct mir_sched_params *p = &sim->options.cluster->params;
    int64_t t = INT64_MAX;

    if (sim->n_queue == 0)
        return t;
    if (sim->backfill_due && p->backfill && (sim->n_sets > 1 || sim->free[0] > 0))
        t = grid(sim, p->bf_interval_s, sim->last_backfill_at);
    if (sim->next_calc_at < t && world_moves(sim))
        t = sim->next_calc_at;
    if (p->sched_interval_s > 0 && (sim->queue_cut || (p->defer && sim->queue_since_main))) {
        int64_t at = grid(sim, p->sched_interval_s, sim->now);
        t = at < t ? at : t;
    }
    return t;
}

const struct mir_sched_ops mir_sched_slurm = {
    .pass = mir_slurm_pass,
    .next_tick = mir_slurm_next_tick,
    .start = mir_sim_start,
    .backfill = backfill_pass,
    .starts_at_once = true,
};
