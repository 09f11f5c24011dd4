/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * seed.c - see seed.h.  A bed has one simulator and a workload of its own, which
 * is written anew for each seed: running jobs, then waiting ones, then arrivals,
 * so that a job's number tells what it was in the snapshot.
 */
#include "traces/sim/seed.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "traces/sim/state.h"

/* As many as there can be numbers: no number needs a check. */
enum { N_PARTITION_NUMBERS = UINT16_MAX + 1, N_QOS_NUMBERS = UINT8_MAX + 1 };

struct mir_seed_bed {
    struct mir_sim *sim;
    struct mir_joblog log; /* without jobs and names, but with their numbers */
    struct mir_workload workload;
    struct mir_job *jobs;
    size_t cap_jobs;
    double *offset; /* by job number, see struct mir_planted */
    size_t cap_offset;
    size_t cap_starts;        /* of the simulator's */
    struct mir_assoc *assocs; /* `usage` counts the jobs that speak for it */
    size_t cap_assocs;
    struct mir_planted planted;
    uint32_t most[MIR_MAX_PARTITIONS]; /* nodes that a job can ever get */
    double cpus_per_node;
};

/* ---- life */

static void map_numbers(struct mir_seed_bed *bed,
                        const struct mir_cluster *cluster,
                        const uint16_t *partition_of,
                        size_t n_partitions,
                        const uint8_t *qos_of,
                        size_t n_qos)
{
    struct mir_workload *w = &bed->workload;

    w->partition_of = MIR_NEW_ARRAY(uint16_t, N_PARTITION_NUMBERS);
    w->qos_of = MIR_NEW_ARRAY(uint8_t, N_QOS_NUMBERS);
    memset(w->qos_of, (int)cluster->n_qos, N_QOS_NUMBERS);
    for (size_t i = 0; partition_of != NULL && i < n_partitions && i < N_PARTITION_NUMBERS; i++)
        w->partition_of[i] = partition_of[i] < cluster->n_partitions ? partition_of[i] : 0;
    for (size_t i = 0; qos_of != NULL && i < n_qos && i < N_QOS_NUMBERS; i++)
        w->qos_of[i] = qos_of[i] < cluster->n_qos ? qos_of[i] : (uint8_t)cluster->n_qos;
    bed->log.partitions.n = N_PARTITION_NUMBERS;
    bed->log.qos.n = N_QOS_NUMBERS;
    w->log = &bed->log;
}

static double mean_cpus(const struct mir_cluster *c)
{
    double nodes = 0.0, cpus = 0.0;

    for (uint32_t s = 0; s < c->n_node_sets; s++) {
        nodes += (double)c->node_sets[s].n_nodes;
        cpus += (double)c->node_sets[s].n_nodes * (double)c->node_sets[s].n_cpus;
    }
    return nodes > 0.0 ? cpus / nodes : 0.0;
}

struct mir_seed_bed *mir_seed_bed_create(const struct mir_cluster *cluster,
                                         const uint16_t *partition_of,
                                         size_t n_partitions,
                                         const uint8_t *qos_of,
                                         size_t n_qos)
{
    struct mir_seed_bed *bed = MIR_NEW(struct mir_seed_bed);
    struct mir_sim_options options;

    map_numbers(bed, cluster, partition_of, n_partitions, qos_of, n_qos);
    mir_sim_options_init(&options);
    options.cluster = cluster;
    options.workload = &bed->workload;
    options.from_at = 0;
    if (mir_sim_create(&options, &bed->sim, NULL) != 0) {
        mir_seed_bed_destroy(bed);
        return NULL;
    }
    bed->cpus_per_node = mean_cpus(cluster);
    bed->sim->planted = &bed->planted;
    return bed;
}

void mir_seed_bed_destroy(struct mir_seed_bed *bed)
{
    if (bed == NULL)
        return;
    mir_sim_destroy(bed->sim);
    free(bed->workload.partition_of);
    free(bed->workload.qos_of);
    free(bed->jobs);
    free(bed->offset);
    free(bed->assocs);
    free(bed);
}

/* ---- an empty cluster at the snapshot's time */

static void clear(struct mir_sim *sim)
{
    sim->head = sim->n_queue = 0;
    sim->n_slots = sim->n_running = 0;
    sim->free_slot = MIR_NO_SLOT;
    sim->n_ends = sim->n_releases = 0;
    sim->next_sequence = 0;
    sim->n_held = sim->n_cancels = sim->n_added = 0;
    sim->reserved_begun = sim->reserved_over = 0;
    sim->watched = UINT64_MAX;
    sim->watched_started = false;
    sim->plan_valid = sim->main_blocked = sim->queue_cut = false;
    sim->n_planned = 0;
    sim->n_tested = 0;
    sim->last_backfill_at = INT64_MIN;
    sim->next_calc_at = INT64_MAX;
    sim->next_start_at = INT64_MAX;
    sim->next_stamp = 0;
    sim->counters = (struct mir_sim_counters){0};
}

static void make_room(struct mir_seed_bed *bed, const struct mir_seed *seed)
{
    size_t n_now = seed->queue->n_running + seed->queue->n_pending + 1; /* never none */

    bed->jobs = mir_grow(bed->jobs, &bed->cap_jobs, n_now + seed->n_arrivals, sizeof(*bed->jobs));
    bed->offset = mir_grow(bed->offset, &bed->cap_offset, n_now, sizeof(*bed->offset));
    bed->workload.jobs = bed->jobs;
    bed->workload.n_jobs = 0;
    bed->log.users.n = 0;
    bed->planted = (struct mir_planted){.offset = bed->offset};
    bed->sim->jobs = bed->jobs;
    bed->sim->n_jobs = 0;
}

/* The bed's next job; its number. */
static uint32_t add_job(struct mir_seed_bed *bed, const struct mir_job *job)
{
    size_t number = bed->workload.n_jobs++;

    bed->jobs[number] = *job;
    if (job->user >= bed->log.users.n)
        bed->log.users.n = (size_t)job->user + 1; /* for bf_max_job_user */
    return (uint32_t)number;
}

static uint32_t cpus_of(const struct mir_seed_bed *bed, uint32_t n_nodes)
{
    return bed->cpus_per_node > 0.0 ? (uint32_t)(bed->cpus_per_node * (double)n_nodes) : 0;
}

/* ---- nodes and who has them */

/* All sets free and as large as the cluster says; nodes that it does not know join the largest. */
static void open_sets(struct mir_sim *sim, uint32_t n_nodes)
{
    const struct mir_cluster *c = sim->options.cluster;
    uint32_t known = mir_cluster_nodes(c);
    uint32_t largest = 0;

    for (uint32_t s = 0; s < sim->n_sets; s++) {
        sim->in_service[s] = (int32_t)c->node_sets[s].n_nodes;
        if (sim->in_service[s] > sim->in_service[largest])
            largest = s;
    }
    if (n_nodes > known)
        sim->in_service[largest] += (int32_t)(n_nodes - known);
    memcpy(sim->free, sim->in_service, sim->n_sets * sizeof(*sim->free));
}

/* What is left over beyond n_free leaves the service, from each set in proportion. */
static void close_sets(struct mir_sim *sim, uint32_t n_free)
{
    int64_t total = 0;

    for (uint32_t s = 0; s < sim->n_sets; s++)
        total += sim->free[s];
    int64_t surplus = total - (int64_t)n_free;
    for (uint32_t s = 0; s < sim->n_sets && total > 0; s++) {
        int64_t take = (surplus * sim->free[s] + total / 2) / total;
        total -= sim->free[s];
        surplus -= take;
        sim->free[s] -= (int32_t)take;
        sim->in_service[s] -= (int32_t)take;
    }
}

static struct mir_job running_job(const struct mir_running_job *r)
{
    return (struct mir_job){
        .submit_at = r->submit_at,
        .id = r->id,
        .wait_s = MIR_UNKNOWN,
        .run_s = MIR_UNKNOWN,
        .limit_s = (int32_t)(r->planned_end_at - r->start_at),
        .n_nodes = r->n_nodes,
        .user = r->user,
        .name = r->name,
        .array_task = MIR_UNKNOWN,
        .account = r->account,
        .partition = r->partition,
        .qos = r->qos,
    };
}

/* At most `most` nodes; returns how many it has. */
static uint32_t plant_running_job(struct mir_seed_bed *bed,
                                  const struct mir_running_job *r,
                                  int32_t left_s,
                                  uint32_t most)
{
    struct mir_sim *sim = bed->sim;
    struct mir_job job = running_job(r);
    uint16_t partition = bed->workload.partition_of[r->partition];
    uint32_t nodes[MIR_MAX_NODE_SETS];
    struct mir_slot slot = {
        .start_at = r->start_at,
        .end_at = sim->now + (left_s > 0 ? left_s : 1),
        .planned_end_at = r->planned_end_at,
        .submit_at = r->submit_at,
        .job = add_job(bed, &job),
        .partition = partition,
    };

    /* Reservations of a whole schedule cannot be made into the past. */
    if (sim->options.cluster->scheduler == MIR_SCHED_CONSERVATIVE &&
        slot.planned_end_at < slot.end_at)
        slot.planned_end_at = slot.end_at;
    mir_sim_choose(sim, sim->options.cluster->partitions[partition].node_sets,
                   r->n_nodes < most ? r->n_nodes : most, nodes);
    for (uint32_t s = 0; s < sim->n_sets; s++)
        slot.n_nodes += nodes[s];
    if (slot.n_nodes > 0)
        mir_sim_plant_running(sim, &slot, nodes);
    return slot.n_nodes;
}

/* Of what is neither free nor a running job's: what reservations have that give it back. */
static uint32_t reserved_of(const struct mir_seed *seed, uint32_t n_missing)
{
    uint64_t n = 0;

    for (size_t i = 0; i < seed->n_reserved; i++) {
        const struct mir_reserved *r = &seed->reserved[i];

        if (r->from_at <= seed->queue->now && r->to_at > seed->queue->now)
            n += r->n_nodes;
    }
    return n < n_missing ? (uint32_t)n : n_missing;
}

/* Those that have begun share them. */
static void plant_reserved(struct mir_sim *sim, const struct mir_seed *seed, uint32_t n_nodes)
{
    for (size_t i = 0; i < seed->n_reserved; i++) {
        const struct mir_reserved *r = &seed->reserved[i];
        uint32_t n = r->n_nodes < n_nodes ? r->n_nodes : n_nodes;

        if (r->from_at > seed->queue->now)
            continue;
        n = r->to_at > seed->queue->now ? n : 0;
        mir_sim_begin_reserved(sim, i, n);
        n_nodes -= n;
    }
}

static void plant_running(struct mir_seed_bed *bed, const struct mir_seed *seed)
{
    const struct mir_snapshot *queue = seed->queue;
    uint32_t n_free = queue->n_nodes_free;
    uint32_t busy = queue->n_nodes > n_free ? queue->n_nodes - n_free : 0, n_reserved;

    open_sets(bed->sim, n_free + busy);
    for (size_t i = 0; i < queue->n_running; i++)
        busy -= plant_running_job(bed, &queue->running[i], seed->running_left_s[i], busy);
    n_reserved = reserved_of(seed, busy);
    close_sets(bed->sim, n_free + n_reserved);
    plant_reserved(bed->sim, seed, n_reserved);
    memset(bed->offset, 0, queue->n_running * sizeof(*bed->offset));
}

static void measure_partitions(struct mir_seed_bed *bed)
{
    const struct mir_sim *sim = bed->sim;
    const struct mir_cluster *c = sim->options.cluster;

    for (uint32_t p = 0; p < c->n_partitions; p++) {
        uint32_t n = 0;
        for (uint32_t s = 0; s < sim->n_sets; s++)
            if ((c->partitions[p].node_sets >> s & 1) != 0)
                n += (uint32_t)sim->in_service[s];
        bed->most[p] = n < c->partitions[p].max_nodes ? n : c->partitions[p].max_nodes;
    }
}

static bool ever_fits(const struct mir_seed_bed *bed, uint16_t partition, uint32_t n_nodes)
{
    return n_nodes > 0 && n_nodes <= bed->most[bed->workload.partition_of[partition]];
}

/* ---- the queue */

/* A log's rules: no limit is the run time, and at its limit a job is killed. */
static void set_times(struct mir_job *job, int32_t limit_s, int32_t run_s)
{
    job->run_s = run_s > 0 ? run_s : 1;
    job->limit_s = limit_s > 0 ? limit_s : job->run_s;
    if (job->run_s > job->limit_s)
        job->run_s = job->limit_s;
}

static struct mir_job pending_job(const struct mir_seed_bed *bed, const struct mir_pending_job *p)
{
    return (struct mir_job){
        .submit_at = p->submit_at,
        .id = p->id,
        .wait_s = MIR_UNKNOWN,
        .n_nodes = p->n_nodes,
        .n_cpus = cpus_of(bed, p->n_nodes),
        .user = p->user,
        .name = p->name,
        .array_task = MIR_UNKNOWN,
        .account = p->account,
        .partition = p->partition,
        .qos = p->qos,
    };
}

/* Neighbours of one id are tasks of one array. */
static bool is_task(const struct mir_snapshot *queue, size_t i)
{
    const struct mir_pending_job *p = queue->pending;

    return p[i].id != 0 && ((i > 0 && p[i - 1].id == p[i].id) ||
                            (i + 1 < queue->n_pending && p[i + 1].id == p[i].id));
}

static bool joins(const struct mir_seed_bed *bed, const struct mir_pending_job *p)
{
    return p->eligible_at != INT64_MAX && ever_fits(bed, p->partition, p->n_nodes);
}

static void add_pending(struct mir_seed_bed *bed, const struct mir_seed *seed)
{
    const struct mir_snapshot *queue = seed->queue;

    for (size_t i = 0; i < queue->n_pending; i++) {
        const struct mir_pending_job *p = &queue->pending[i];
        if (!joins(bed, p))
            continue;
        struct mir_job job = pending_job(bed, p);
        set_times(&job, p->limit_s, seed->pending_run_s[i]);
        if (is_task(queue, i))
            job.array_task = 0;
        bed->offset[add_job(bed, &job)] = 0.0;
    }
    bed->sim->n_jobs = bed->workload.n_jobs;
}

/* Number of the first waiting job. */
static uint32_t first_waiting(const struct mir_seed *seed)
{
    return (uint32_t)seed->queue->n_running;
}

/* Is there a number that counts? */
static bool is_reported(const struct mir_seed_bed *bed, const struct mir_pending_job *p)
{
    return p->priority > 0.0 && mir_has_priorities(bed->sim);
}

/* The job's among the first `*n_assocs`, which are in order; a new one where there is none. */
static struct mir_assoc *
assoc_of(struct mir_seed_bed *bed, const struct mir_pending_job *p, size_t *n_assocs)
{
    size_t n = *n_assocs;
    size_t i = 0, high = n;

    while (i < high) {
        const struct mir_assoc *a = &bed->assocs[i + (high - i) / 2];
        if (a->account < p->account || (a->account == p->account && a->user < p->user))
            i += (high - i) / 2 + 1;
        else
            high = i + (high - i) / 2;
    }
    if (i < n && bed->assocs[i].account == p->account && bed->assocs[i].user == p->user)
        return &bed->assocs[i];
    bed->assocs = mir_grow(bed->assocs, &bed->cap_assocs, n + 1, sizeof(*bed->assocs));
    memmove(bed->assocs + i + 1, bed->assocs + i, (n - i) * sizeof(*bed->assocs));
    bed->assocs[i] = (struct mir_assoc){.account = p->account, .user = p->user};
    *n_assocs = n + 1;
    return &bed->assocs[i];
}

/* What is reported beyond all other factors is fair share; summed by association. */
static size_t sum_shares(struct mir_seed_bed *bed, const struct mir_seed *seed)
{
    double weight = (double)bed->sim->options.cluster->priority.weight_fairshare;
    uint32_t number = first_waiting(seed);
    size_t n = 0;

    for (size_t i = 0; i < seed->queue->n_pending; i++) {
        const struct mir_pending_job *p = &seed->queue->pending[i];
        if (!joins(bed, p))
            continue;
        double factor =
            (p->priority - mir_priority_computed(bed->sim, number++, p->eligible_at)) / weight;
        if (!is_reported(bed, p))
            continue;
        struct mir_assoc *a = assoc_of(bed, p, &n);
        a->factor += factor < 0.0 ? 0.0 : factor > 1.0 ? 1.0 : factor;
        a->usage += 1.0;
    }
    return n;
}

/*
 * An association's factor is the mean over its waiting jobs; that of one of which
 * none waits, the mean over those.
 */
static void infer_shares(struct mir_seed_bed *bed, const struct mir_seed *seed)
{
    size_t n = sum_shares(bed, seed);
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        bed->assocs[i].factor /= bed->assocs[i].usage;
        sum += bed->assocs[i].factor;
    }
    bed->planted.assocs = bed->assocs;
    bed->planted.n_assocs = n;
    bed->planted.newcomer_factor = n > 0 ? sum / (double)n : 0.0;
}

static void hold(struct mir_sim *sim, uint32_t number, int64_t until)
{
    sim->held = mir_grow(sim->held, &sim->cap_held, sim->n_held + 1, sizeof(*sim->held));
    sim->held[sim->n_held++] = (struct mir_later){until, number};
}

static void
plant_waiting_job(struct mir_seed_bed *bed, const struct mir_pending_job *p, uint32_t number)
{
    struct mir_sim *sim = bed->sim;

    if (is_reported(bed, p))
        bed->offset[number] =
            mir_priority_offset(mir_priority_computed(sim, number, p->eligible_at), p->priority);
    if (p->eligible_at > sim->now)
        hold(sim, number, p->eligible_at);
    else
        mir_sim_plant_waiting(sim, number, p->eligible_at);
}

/* When does the oldest age reach its cap?  One that did so long ago counts from now. */
static void watch_ages(struct mir_sim *sim, int64_t oldest_at)
{
    int64_t capped_at = sim->now - sim->options.cluster->priority.max_age_s;

    if (sim->n_queue > 0)
        mir_priority_watch(sim, oldest_at > capped_at ? oldest_at : capped_at);
}

static void plant_waiting(struct mir_seed_bed *bed, const struct mir_seed *seed)
{
    const struct mir_snapshot *queue = seed->queue;
    int64_t oldest_at = INT64_MAX;
    uint32_t number = first_waiting(seed);

    add_pending(bed, seed);
    if (mir_has_fairshare(bed->sim))
        infer_shares(bed, seed);
    bed->planted.n_offsets = bed->workload.n_jobs;
    for (size_t i = 0; i < queue->n_pending; i++) {
        if (!joins(bed, &queue->pending[i]))
            continue;
        plant_waiting_job(bed, &queue->pending[i], number++);
        if (queue->pending[i].eligible_at < oldest_at)
            oldest_at = queue->pending[i].eligible_at;
    }
    watch_ages(bed->sim, oldest_at);
}

/* ---- what is to come */

static void add_arrivals(struct mir_seed_bed *bed, const struct mir_seed *seed)
{
    bed->sim->next_arrival = bed->workload.n_jobs;
    for (size_t i = 0; i < seed->n_arrivals; i++) {
        const struct mir_seed_arrival *a = &seed->arrivals[i];
        if (!ever_fits(bed, a->partition, a->n_nodes))
            continue;
        struct mir_job job = {
            .submit_at = a->submit_at,
            .id = (uint32_t)bed->workload.n_jobs,
            .wait_s = MIR_UNKNOWN,
            .n_nodes = a->n_nodes,
            .n_cpus = cpus_of(bed, a->n_nodes),
            .user = a->user,
            .array_task = MIR_UNKNOWN,
            .account = a->account,
            .partition = a->partition,
            .qos = a->qos,
        };
        set_times(&job, a->limit_s, a->run_s);
        add_job(bed, &job);
    }
    bed->sim->n_jobs = bed->sim->end_arrival = bed->workload.n_jobs;
}

/* ---- who starts when */

static void clear_starts(struct mir_seed_bed *bed)
{
    struct mir_sim *sim = bed->sim;

    sim->starts =
        mir_grow(sim->starts, &bed->cap_starts, bed->workload.n_jobs + 1, sizeof(*sim->starts));
    for (size_t i = 0; i < bed->workload.n_jobs; i++)
        sim->starts[i] = INT64_MAX;
}

void mir_seed_bed_starts(const struct mir_seed_bed *bed,
                         const struct mir_snapshot *queue,
                         int64_t *start_at)
{
    size_t number = queue->n_running;

    for (size_t i = 0; i < queue->n_pending; i++)
        start_at[i] = joins(bed, &queue->pending[i]) ? bed->sim->starts[number++] : INT64_MAX;
}

/* ---- the scheduler */

/*
 * Has something happened since the tick of backfill before now, of what shows?
 * Then backfill looks at the queue at now, and not again in the same second.
 * Starts that fall on a tick are mostly backfill's own, which make another pass.
 */
static bool backfill_is_due(const struct mir_sim *sim, const struct mir_snapshot *queue)
{
    int64_t since = sim->now - sim->options.cluster->params.bf_interval_s;

    for (size_t i = queue->n_running; i-- > 0;)
        if (queue->running[i].start_at >= since)
            return true;
    for (size_t i = 0; i < queue->n_pending; i++)
        if (queue->pending[i].eligible_at > since && queue->pending[i].eligible_at <= sim->now)
            return true;
    return false;
}

/* With SchedulerParameters=defer, what waits does so until a tick or an end. */
static void first_pass(struct mir_sim *sim, const struct mir_snapshot *queue)
{
    sim->backfill_due = true;
    sim->queue_since_main = true;
    sim->ends_since_main = !sim->options.cluster->params.defer;
    if (sim->sched->instant != NULL)
        sim->sched->instant(sim);
    else
        sim->sched->pass(sim);
    if (!backfill_is_due(sim, queue))
        sim->last_backfill_at = INT64_MIN;
}

struct mir_sim *mir_seed_bed_plant(struct mir_seed_bed *bed, const struct mir_seed *seed)
{
    struct mir_sim *sim = bed->sim;

    clear(sim);
    sim->now = seed->queue->now;
    sim->options.from_at = seed->ticks_from_at <= sim->now ? seed->ticks_from_at : 0;
    sim->options.reserved = seed->reserved;
    sim->options.n_reserved = seed->n_reserved;
    make_room(bed, seed);
    plant_running(bed, seed);
    measure_partitions(bed);
    plant_waiting(bed, seed);
    add_arrivals(bed, seed);
    clear_starts(bed);
    first_pass(sim, seed->queue);
    return sim;
}
