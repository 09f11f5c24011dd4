/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sim.c - the simulated cluster: its life, its clock, copies and probes.
 */
#include "traces/sim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "traces/sim/state.h"

void mir_sim_options_init(struct mir_sim_options *options)
{
    *options = (struct mir_sim_options){.from_at = INT64_MIN, .to_at = INT64_MAX};
}

/* ---- making one */

static const struct mir_sched_ops *sched_of(const struct mir_sim_options *o)
{
    switch (o->cluster->scheduler) {
    case MIR_SCHED_SLURM:
        return o->node_identity ? &mir_sched_slurm_node : &mir_sched_slurm;
    case MIR_SCHED_FCFS:
        return &mir_sched_fcfs;
    case MIR_SCHED_CONSERVATIVE:
        return &mir_sched_conservative;
    case MIR_SCHED_EASY:
        break;
    }
    if (o->node_identity)
        return &mir_sched_easy_node;
    return o->event_order == MIR_EVENTS_SINGLE ? &mir_sched_easy_single : &mir_sched_easy_batch;
}

static int check_options(const struct mir_sim_options *o, struct mir_error *err)
{
    if (o->cluster == NULL || o->workload == NULL)
        return mir_error_set(err, -EINVAL, "a simulation needs a cluster and a workload");
    if (mir_cluster_nodes(o->cluster) == 0)
        return mir_error_set(err, -EINVAL, "the cluster has no nodes");
    if (mir_cluster_nodes(o->cluster) > INT32_MAX / 2)
        return mir_error_set(err, -EINVAL, "the cluster has too many nodes");
    if (o->node_identity && (o->cluster->n_node_sets != 1 || o->cluster->n_partitions != 1))
        return mir_error_set(err, -EINVAL, "machine identities need one partition of alike nodes");
    if (o->node_identity && o->capacity != NULL)
        return mir_error_set(err, -EINVAL, "machine identities know no changing capacity");
    if (o->node_identity && o->n_reserved > 0)
        return mir_error_set(err, -EINVAL, "machine identities know no reservations");
    if (o->n_reserved > MIR_MAX_RESERVED)
        return mir_error_set(err, -EINVAL, "more than %d reservations", MIR_MAX_RESERVED);
    if (o->cluster->n_node_sets > 1 && o->cluster->scheduler == MIR_SCHED_CONSERVATIVE)
        return mir_error_set(err, -EINVAL, "conservative backfilling knows one set of nodes only");
    return 0;
}

static void init_sets(struct mir_sim *sim)
{
    const struct mir_cluster *c = sim->options.cluster;

    sim->n_sets = c->n_node_sets;
    for (uint32_t s = 0; s < sim->n_sets; s++) {
        sim->in_service[s] = (int32_t)c->node_sets[s].n_nodes;
        sim->free[s] = sim->in_service[s];
        uint32_t k = s;
        while (k > 0 && c->node_sets[sim->set_order[k - 1]].weight > c->node_sets[s].weight) {
            sim->set_order[k] = sim->set_order[k - 1];
            k--;
        }
        sim->set_order[k] = (uint8_t)s;
    }
}

static void init_arrivals(struct mir_sim *sim)
{
    const struct mir_workload *w = sim->options.workload;

    sim->jobs = w->jobs;
    sim->n_jobs = w->n_jobs;
    sim->next_arrival = mir_workload_find(w, sim->options.from_at);
    sim->end_arrival =
        sim->options.to_at == INT64_MAX ? w->n_jobs : mir_workload_find(w, sim->options.to_at);
    if (sim->options.from_at == INT64_MIN)
        sim->options.from_at =
            sim->next_arrival < w->n_jobs ? w->jobs[sim->next_arrival].submit_at : 0;
    sim->now = sim->options.from_at;
}

static void init_machines(struct mir_sim *sim)
{
    if (sim->sched != &mir_sched_easy_node && sim->sched != &mir_sched_slurm_node)
        return;
    uint32_t n = (uint32_t)sim->in_service[0];
    sim->n_words = (n + 63) / 64;
    sim->machines_free = MIR_NEW_ARRAY(uint64_t, sim->n_words);
    sim->machine_scratch = MIR_NEW_ARRAY(uint64_t, 2 * sim->n_words);
    for (uint32_t i = 0; i < n; i++)
        sim->machines_free[i / 64] |= (uint64_t)1 << (i % 64);
}

int mir_sim_create(const struct mir_sim_options *options,
                   struct mir_sim **out,
                   struct mir_error *err)
{
    int rc = check_options(options, err);
    if (rc < 0)
        return rc;

    struct mir_sim *sim = MIR_NEW(struct mir_sim);
    sim->host.ops = &mir_sim_host_ops;
    sim->options = *options;
    sim->sched = sched_of(options);
    sim->free_slot = MIR_NO_SLOT;
    sim->watched = UINT64_MAX;
    sim->next_calc_at = INT64_MAX;
    sim->last_backfill_at = INT64_MIN;
    init_sets(sim);
    init_arrivals(sim);
    init_machines(sim);
    mir_priority_init(sim);
    mir_sim_index_ids(sim);
    if (options->keep_starts) {
        sim->starts = MIR_NEW_ARRAY(int64_t, sim->n_jobs);
        for (size_t i = 0; i < sim->n_jobs; i++)
            sim->starts[i] = INT64_MIN;
    }
    if (options->keep_history) /* lent to forks, so it must never move */
        sim->history = mir_grow(NULL, &sim->cap_history, sim->n_jobs + 1, sizeof(*sim->history));
    if (sim->sched->reset != NULL)
        sim->sched->reset(sim);
    *out = sim;
    return 0;
}

void mir_sim_destroy(struct mir_sim *sim)
{
    if (sim == NULL)
        return;
    mir_sim_destroy(sim->scratch);
    free(sim->queue);
    free(sim->slots);
    free(sim->slot_nodes);
    free(sim->ends);
    free(sim->releases);
    free(sim->held);
    free(sim->cancels);
    free(sim->added);
    free(sim->added_start);
    free(sim->added_end);
    free(sim->added_nice);
    mir_plan_release(&sim->plan);
    free(sim->assocs);
    free(sim->bf_count);
    free(sim->machines_free);
    free(sim->slot_machines);
    free(sim->machine_scratch);
    mir_summary_release(&sim->summary);
    free(sim->starts);
    free(sim->history);
    free(sim->seen_pending);
    free(sim->seen_running);
    if (sim->owns_by_id)
        free(sim->by_id);
    free(sim);
}

struct mir_host *mir_sim_host(struct mir_sim *sim)
{
    return &sim->host;
}

/* ---- copies */

/* Like mir_grow() and memcpy(): `*array` holds the first n elements of `from` afterwards. */
static void *copy_array(void *array, size_t *cap, const void *from, size_t n, size_t size)
{
    if (n > *cap)
        array = mir_grow(array, cap, n, size);
    if (n > 0)
        memcpy(array, from, n * size);
    return array;
}

#define COPY(member, count, capacity)                                                              \
    to->member = copy_array(to->member, &to->capacity, from->member, (count), sizeof(*to->member))

static void copy_jobs(struct mir_sim *to, const struct mir_sim *from)
{
    to->head = 0;
    to->n_queue = from->n_queue;
    if (from->n_queue > 0)
        to->queue = copy_array(to->queue, &to->cap_queue, from->queue + from->head, from->n_queue,
                               sizeof(*to->queue));
    to->n_slots = from->n_slots;
    COPY(slots, from->n_slots, cap_slots);
    if (from->n_sets > 1)
        COPY(slot_nodes, from->n_slots * from->n_sets, cap_slot_nodes);
    to->free_slot = from->free_slot;
    to->n_running = from->n_running;
    to->n_ends = from->n_ends;
    COPY(ends, from->n_ends, cap_ends);
    to->n_releases = from->n_releases;
    COPY(releases, from->n_releases, cap_releases);
    to->next_sequence = from->next_sequence;
    to->n_held = from->n_held;
    COPY(held, from->n_held, cap_held);
    to->n_cancels = from->n_cancels;
    COPY(cancels, from->n_cancels, cap_cancels);
    to->n_added = from->n_added;
    COPY(added, from->n_added, cap_added);
    COPY(added_start, from->n_added, cap_added_start);
    COPY(added_end, from->n_added, cap_added_end);
    COPY(added_nice, from->n_added, cap_added_nice);
}

static void copy_scheduler(struct mir_sim *to, const struct mir_sim *from)
{
    if (from->plan_valid)
        mir_plan_copy(&to->plan, &from->plan, from->n_sets);
    to->n_planned = from->n_planned;
    to->n_tested = from->n_tested;
    to->plan_valid = from->plan_valid;
    to->ends_since_main = from->ends_since_main;
    to->queue_since_main = from->queue_since_main;
    to->main_blocked = from->main_blocked;
    to->queue_cut = from->queue_cut;
    to->backfill_due = from->backfill_due;
    to->last_backfill_at = from->last_backfill_at;
    to->next_calc_at = from->next_calc_at;
    to->next_start_at = from->next_start_at;
    to->next_stamp = from->next_stamp;
    to->usage_at = from->usage_at;
    if (from->n_assocs > 0)
        memcpy(to->assocs, from->assocs, from->n_assocs * sizeof(*to->assocs));
    if (from->n_words > 0) {
        memcpy(to->machines_free, from->machines_free, from->n_words * sizeof(uint64_t));
        COPY(slot_machines, from->n_slots * from->n_words, cap_slot_machines);
    }
}

/* The parent's history is lent; what a fork of a fork has added since is copied. */
static void copy_history(struct mir_sim *to, const struct mir_sim *from)
{
    if (from->history_old == NULL) {
        to->history_old = from->history;
        to->n_history_old = from->n_history;
        to->n_history = 0;
        return;
    }
    to->history_old = from->history_old;
    to->n_history_old = from->n_history_old;
    to->n_history = from->n_history;
    COPY(history, from->n_history, cap_history);
}

void mir_sim_copy(struct mir_sim *to, const struct mir_sim *from)
{
    to->now = from->now;
    to->jobs = from->jobs; /* a planted simulator's are others each time, and so is its clock */
    to->n_jobs = from->n_jobs;
    to->planted = from->planted;
    to->options.from_at = from->options.from_at;
    to->next_arrival = from->next_arrival;
    to->end_arrival = from->end_arrival;
    memcpy(to->free, from->free, from->n_sets * sizeof(*to->free));
    memcpy(to->in_service, from->in_service, from->n_sets * sizeof(*to->in_service));
    to->next_capacity = from->next_capacity;
    to->options.reserved = from->options.reserved;
    to->options.n_reserved = from->options.n_reserved;
    to->reserved_begun = from->reserved_begun;
    to->reserved_over = from->reserved_over;
    memcpy(to->reserved_nodes, from->reserved_nodes,
           from->options.n_reserved * sizeof(*to->reserved_nodes));
    to->watched = UINT64_MAX;
    to->counters = from->counters;
    copy_jobs(to, from);
    copy_scheduler(to, from);
    if (to->options.keep_summary)
        mir_summary_copy(&to->summary, &from->summary);
    if (to->options.keep_history)
        copy_history(to, from);
}

/* Fresh buffers around the same options. */
static struct mir_sim *like(const struct mir_sim *from)
{
    struct mir_sim *to = MIR_NEW(struct mir_sim);

    to->host = from->host;
    to->options = from->options;
    to->options.keep_starts = false;
    to->sched = from->sched;
    to->jobs = from->jobs;
    to->n_jobs = from->n_jobs;
    to->n_sets = from->n_sets;
    memcpy(to->set_order, from->set_order, sizeof(to->set_order));
    memcpy(to->tier_of, from->tier_of, sizeof(to->tier_of));
    to->age_rate = from->age_rate;
    to->size_rate = from->size_rate;
    to->by_id = from->by_id;
    to->n_by_id = from->n_by_id;
    to->n_assocs = from->n_assocs;
    if (from->n_assocs > 0)
        to->assocs = MIR_NEW_ARRAY(struct mir_assoc, from->n_assocs);
    to->n_words = from->n_words;
    if (from->n_words > 0) {
        to->machines_free = MIR_NEW_ARRAY(uint64_t, from->n_words);
        to->machine_scratch = MIR_NEW_ARRAY(uint64_t, 2 * from->n_words);
    }
    return to;
}

struct mir_sim *mir_sim_fork(const struct mir_sim *from)
{
    struct mir_sim *to = like(from);

    mir_sim_copy(to, from);
    return to;
}

/* ---- the clock */

int64_t mir_sim_now(const struct mir_sim *sim)
{
    return sim->now;
}

static void process_capacity(struct mir_sim *sim)
{
    const struct mir_capacity *c = sim->options.capacity;
    bool changed = false;

    while (sim->next_capacity < c->n_steps && c->steps[sim->next_capacity].at <= sim->now) {
        const struct mir_capacity_step *step = &c->steps[sim->next_capacity++];
        if (step->node_set >= sim->n_sets)
            continue;
        int32_t n = (int32_t)step->n_nodes;
        sim->free[step->node_set] += n - sim->in_service[step->node_set];
        sim->in_service[step->node_set] = n;
        changed = true;
    }
    if (changed)
        mir_sim_disturb(sim, true);
}

static int64_t next_event(const struct mir_sim *sim)
{
    int64_t t = INT64_MAX;

    if (sim->next_arrival < sim->end_arrival)
        t = sim->jobs[sim->next_arrival].submit_at;
    if (sim->n_ends > 0 && mir_end_at(&sim->ends[0]) < t)
        t = mir_end_at(&sim->ends[0]);
    if (sim->n_held > 0) {
        int64_t at = mir_sim_next_held(sim);
        t = at < t ? at : t;
    }
    if (sim->n_cancels > 0 && sim->cancels[0].at < t)
        t = sim->cancels[0].at;
    if (sim->options.capacity != NULL && sim->next_capacity < sim->options.capacity->n_steps &&
        sim->options.capacity->steps[sim->next_capacity].at < t)
        t = sim->options.capacity->steps[sim->next_capacity].at;
    if (sim->options.n_reserved > 0) {
        int64_t at = mir_sim_next_reserved(sim);
        t = at < t ? at : t;
    }
    if (sim->sched->next_tick != NULL) {
        int64_t at = sim->sched->next_tick(sim);
        t = at < t ? at : t;
    }
    return t < sim->now ? sim->now : t;
}

static void instant_of_batches(struct mir_sim *sim)
{
    uint64_t ended = sim->counters.n_ended;

    mir_sim_process_ends(sim);
    if (sim->n_cancels > 0)
        mir_sim_process_cancels(sim);
    if (sim->n_held > 0)
        mir_sim_process_held(sim, sim->counters.n_ended != ended);
    mir_sim_process_arrivals(sim);
    sim->sched->pass(sim);
}

static void instant(struct mir_sim *sim)
{
    if (sim->options.capacity != NULL)
        process_capacity(sim);
    if (sim->options.n_reserved > 0)
        mir_sim_process_reserved(sim);
    if (sim->sched->instant != NULL)
        sim->sched->instant(sim);
    else
        instant_of_batches(sim);
}

/* Handle events up to `to`, or until the watched job has started. */
static void run_to(struct mir_sim *sim, int64_t to)
{
    while (!sim->watched_started) {
        int64_t t = next_event(sim);
        if (t > to || t == INT64_MAX)
            return;
        sim->now = t;
        instant(sim);
    }
}

void mir_sim_advance(struct mir_sim *sim, int64_t to)
{
    run_to(sim, to);
    if (to > sim->now)
        sim->now = to;
}

static bool idle(const struct mir_sim *sim)
{
    return sim->n_queue == 0 && sim->n_running == 0 && sim->n_held == 0 &&
           sim->next_arrival >= sim->end_arrival;
}

void mir_sim_run(struct mir_sim *sim)
{
    while (!idle(sim)) {
        int64_t t = next_event(sim);
        if (t == INT64_MAX)
            return; /* jobs that nothing will ever let run */
        sim->now = t;
        instant(sim);
    }
}

/* ---- jobs from outside */

static int
check_request(const struct mir_sim *sim, const struct mir_request *r, struct mir_error *err)
{
    const struct mir_cluster *c = sim->options.cluster;
    const struct mir_joblog *log = sim->options.workload->log;

    if (r->partition >= log->partitions.n || r->qos >= log->qos.n)
        return mir_error_set(err, -EINVAL, "partition %u or QOS %u: not a name of the log",
                             r->partition, r->qos);
    uint32_t p = sim->options.workload->partition_of[r->partition];
    if (r->n_nodes == 0 || r->limit_s <= 0)
        return mir_error_set(err, -EINVAL, "a job needs at least one node and a time limit");
    uint32_t most = mir_cluster_partition_nodes(c, p);
    if (c->partitions[p].max_nodes < most)
        most = c->partitions[p].max_nodes;
    if (r->n_nodes > most)
        return mir_error_set(err, -E2BIG, "%u nodes asked for, partition '%s' allows %u",
                             r->n_nodes, c->partitions[p].name, most);
    return 0;
}

int mir_sim_submit(struct mir_sim *sim,
                   const struct mir_request *request,
                   uint64_t *serial,
                   struct mir_error *err)
{
    int rc = check_request(sim, request, err);
    if (rc < 0)
        return rc;

    size_t k = sim->n_added++;
    sim->added = mir_grow(sim->added, &sim->cap_added, sim->n_added, sizeof(*sim->added));
    sim->added_start =
        mir_grow(sim->added_start, &sim->cap_added_start, sim->n_added, sizeof(*sim->added_start));
    sim->added_end =
        mir_grow(sim->added_end, &sim->cap_added_end, sim->n_added, sizeof(*sim->added_end));
    int32_t run = request->run_s == MIR_UNKNOWN || request->run_s > request->limit_s
                      ? request->limit_s
                      : request->run_s;
    sim->added[k] = (struct mir_job){
        .submit_at = sim->now,
        .id = (uint32_t)(sim->n_jobs + k),
        .wait_s = MIR_UNKNOWN,
        .run_s = run,
        .limit_s = request->limit_s,
        .n_nodes = request->n_nodes,
        .user = request->user,
        .array_task = MIR_UNKNOWN,
        .account = request->account,
        .partition = request->partition,
        .qos = request->qos,
        .eligible_s = 0,
    };
    sim->added_nice =
        mir_grow(sim->added_nice, &sim->cap_added_nice, sim->n_added, sizeof(*sim->added_nice));
    sim->added_nice[k] = request->nice;
    sim->added_start[k] = INT64_MIN;
    sim->added_end[k] = INT64_MIN;
    *serial = sim->n_jobs + k;
    mir_sim_arrive(sim, (uint32_t)*serial);
    sim->sched->pass(sim);
    return 0;
}

int64_t mir_sim_advance_to_start(struct mir_sim *sim, uint64_t serial, int64_t until)
{
    size_t k = (size_t)(serial - sim->n_jobs);

    if (sim->added_start[k] == INT64_MIN) {
        sim->watched = k;
        sim->watched_started = false;
        run_to(sim, until);
        sim->watched = UINT64_MAX;
        sim->watched_started = false;
    }
    if (sim->added_start[k] != INT64_MIN)
        return sim->added_start[k];
    if (until > sim->now && until != INT64_MAX)
        sim->now = until;
    return INT64_MAX;
}

int64_t mir_sim_advance_to_any_start(struct mir_sim *sim, int64_t until)
{
    sim->watches_all = true;
    sim->watched_started = false;
    run_to(sim, until);
    if (!sim->watched_started && until > sim->now)
        sim->now = until;
    sim->watches_all = false;
    sim->watched_started = false;
    return sim->now;
}

int64_t mir_sim_start_of(const struct mir_sim *sim, uint64_t serial)
{
    int64_t start_at = sim->added_start[serial - sim->n_jobs];

    return start_at != INT64_MIN ? start_at : INT64_MAX;
}

int64_t mir_sim_probe(const struct mir_sim *sim,
                      struct mir_sim *scratch,
                      const struct mir_request *request,
                      int64_t until)
{
    uint64_t serial;

    scratch->options.keep_history = false; /* nobody will ask what led to the start */
    scratch->options.keep_summary = false;
    mir_sim_copy(scratch, sim);
    if (mir_sim_submit(scratch, request, &serial, NULL) < 0)
        return INT64_MAX;
    return mir_sim_advance_to_start(scratch, serial, until);
}

const int64_t *mir_sim_starts(const struct mir_sim *sim)
{
    return sim->starts;
}

const struct mir_sim_counters *mir_sim_counters(const struct mir_sim *sim)
{
    return &sim->counters;
}
