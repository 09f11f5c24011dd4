/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * priority.c - Slurm's multifactor priority (slurm.conf(5), "Multifactor
 * Priority Plugin"), as an order of the queue.
 *
 * All jobs age at one rate, so while no job has reached PriorityMaxAge and there
 * is no fair share, the order of two jobs never changes: a job's key is its
 * priority at time zero, computed once.  Ages at their cap fall behind again,
 * which is looked at every PriorityCalcPeriod; with fair share the keys are the
 * priorities of the last PriorityCalcPeriod, as in slurmctld.
 */
#include <math.h>

#include "traces/sim/state.h"

static const struct mir_priority *settings(const struct mir_sim *sim)
{
    return &sim->options.cluster->priority;
}

bool mir_has_priorities(const struct mir_sim *sim)
{
    return sim->options.cluster->scheduler == MIR_SCHED_SLURM && settings(sim)->multifactor;
}

bool mir_has_fairshare(const struct mir_sim *sim)
{
    return settings(sim)->multifactor && settings(sim)->accounting &&
           settings(sim)->weight_fairshare > 0;
}

/* In a planted simulator, fair share stays what the reported priorities say. */
static bool fairshare_moves(const struct mir_sim *sim)
{
    return mir_has_fairshare(sim) && sim->planted == NULL;
}

/* ---- factors in [0, 1] */

/*
 * The job's share of the machine: of its nodes, and where the cluster says how
 * many processors a node has, the mean of that and its share of the processors.
 */
static double size_share(const struct mir_sim *sim, const struct mir_job *job)
{
    const struct mir_cluster *c = sim->options.cluster;
    double n_cpus = (double)(job->n_cpus > job->n_nodes ? job->n_cpus : job->n_nodes);
    double nodes = 0.0, cpus = 0.0;

    for (uint32_t s = 0; s < c->n_node_sets; s++) {
        nodes += (double)c->node_sets[s].n_nodes;
        cpus += (double)c->node_sets[s].n_nodes * (double)c->node_sets[s].n_cpus;
    }
    double share = (double)job->n_nodes / nodes;
    if (cpus > 0.0)
        share = (share + n_cpus / cpus) / 2.0;
    return fmin(share, 1.0);
}

static double size_factor(const struct mir_sim *sim, const struct mir_job *job)
{
    double share = size_share(sim, job);

    if (settings(sim)->small_relative_to_time)
        return fmin(share / (job->limit_s > 60 ? (double)job->limit_s / 60.0 : 1.0), 1.0);
    return settings(sim)->favor_small ? 1.0 - share : share;
}

static double partition_factor(const struct mir_sim *sim, uint16_t partition)
{
    const struct mir_cluster *c = sim->options.cluster;
    double most = 0.0;

    if (settings(sim)->no_normal_part)
        return (double)c->partitions[partition].priority_job_factor;
    for (uint32_t i = 0; i < c->n_partitions; i++)
        most = fmax(most, (double)c->partitions[i].priority_job_factor);
    return most > 0.0 ? (double)c->partitions[partition].priority_job_factor / most : 0.0;
}

static double qos_factor(const struct mir_sim *sim, const struct mir_job *job)
{
    const struct mir_cluster *c = sim->options.cluster;
    uint32_t qos = sim->options.workload->qos_of[job->qos];
    double most = 0.0;

    if (qos >= c->n_qos)
        return 0.0;
    if (settings(sim)->no_normal_qos)
        return (double)c->qos[qos].priority;
    for (uint32_t i = 0; i < c->n_qos; i++)
        most = fmax(most, (double)c->qos[i].priority);
    return most > 0.0 ? (double)c->qos[qos].priority / most : 0.0;
}

/* ---- keys */

static double nice_of(const struct mir_sim *sim, uint32_t number)
{
    const struct mir_job *job = mir_sim_job(sim, number);

    if (number >= sim->n_jobs)
        return sim->added_nice[number - sim->n_jobs];
    if (sim->planted != NULL)
        return number < sim->planted->n_offsets ? -sim->planted->offset[number] : 0.0;
    return job->extra != 0 ? mir_joblog_get_extra(sim->options.workload->log, job)->nice : 0;
}

/* Everything of the priority that does not depend on age. */
static double
priority_without_age(const struct mir_sim *sim, const struct mir_job *job, double nice)
{
    const struct mir_priority *p = settings(sim);
    uint16_t partition = sim->options.workload->partition_of[job->partition];
    double sum = (double)p->weight_job_size * size_factor(sim, job);

    if (p->weight_partition > 0)
        sum += (double)p->weight_partition * partition_factor(sim, partition);
    if (p->weight_qos > 0)
        sum += (double)p->weight_qos * qos_factor(sim, job);
    if (mir_has_fairshare(sim))
        sum += (double)p->weight_fairshare * mir_fairshare_factor(sim, job);
    return sum - nice;
}

/* Slurm's priorities are whole numbers, and 0 means held. */
static double whole(double priority)
{
    return priority < 1.0 ? 1.0 : floor(priority);
}

static double age_s(const struct mir_sim *sim, int64_t eligible_at)
{
    int64_t age = sim->now - eligible_at;

    if (age < 0)
        return 0.0;
    return age < settings(sim)->max_age_s ? (double)age : (double)settings(sim)->max_age_s;
}

/* As slurmctld would compute it at `at`. */
static double key_at(const struct mir_sim *sim, uint32_t number, int64_t eligible_at, int64_t at)
{
    if (!mir_has_priorities(sim))
        return 0.0; /* by submission */
    double fixed = priority_without_age(sim, mir_sim_job(sim, number), nice_of(sim, number));
    if (fairshare_moves(sim))
        return whole(fixed + sim->age_rate * age_s(sim, eligible_at));
    if (sim->age_rate <= 0.0)
        return whole(fixed);
    /* The priority at the epoch, were the job that old; a capped age has moved on since. */
    int64_t from = eligible_at;
    if (at - from > settings(sim)->max_age_s)
        from = at - settings(sim)->max_age_s;
    return fixed - sim->age_rate * (double)from;
}

double mir_priority_key(const struct mir_sim *sim, uint32_t number, int64_t eligible_at)
{
    return key_at(sim, number, eligible_at, sim->now);
}

double mir_priority_of(const struct mir_sim *sim, const struct mir_queued *q)
{
    if (!mir_has_priorities(sim))
        return 0.0;
    double fixed = priority_without_age(sim, mir_sim_job(sim, q->job), nice_of(sim, q->job));
    return whole(fixed + sim->age_rate * age_s(sim, q->eligible_at));
}

double mir_sim_request_priority(const struct mir_sim *sim, const struct mir_request *request)
{
    const struct mir_job job = {
        .limit_s = request->limit_s,
        .n_nodes = request->n_nodes,
        .user = request->user,
        .partition = request->partition,
        .account = request->account,
        .qos = request->qos,
    };

    return mir_has_priorities(sim) ? whole(priority_without_age(sim, &job, request->nice)) : NAN;
}

/* ---- life */

static void rank_tiers(struct mir_sim *sim)
{
    const struct mir_cluster *c = sim->options.cluster;

    for (uint32_t i = 0; i < c->n_partitions; i++)
        for (uint32_t k = 0; k < c->n_partitions; k++)
            if (c->partitions[k].priority_tier < c->partitions[i].priority_tier)
                sim->tier_of[i]++;
}

/* The first tick of PriorityCalcPeriod after `at`. */
static int64_t calc_after(const struct mir_sim *sim, int64_t at)
{
    int64_t period = settings(sim)->calc_period_s > 0 ? settings(sim)->calc_period_s : 300;
    int64_t since = at - sim->options.from_at;

    return sim->options.from_at + (since / period + 1) * period;
}

void mir_priority_watch(struct mir_sim *sim, int64_t eligible_at)
{
    if (sim->age_rate <= 0.0)
        return;
    int64_t at =
        calc_after(sim, fairshare_moves(sim) ? sim->now : eligible_at + settings(sim)->max_age_s);
    if (at < sim->next_calc_at)
        sim->next_calc_at = at;
}

void mir_priority_init(struct mir_sim *sim)
{
    const struct mir_priority *p = settings(sim);

    rank_tiers(sim);
    if (sim->options.cluster->scheduler != MIR_SCHED_SLURM || !p->multifactor)
        return;
    if (p->accounting && p->max_age_s > 0)
        sim->age_rate = (double)p->weight_age / (double)p->max_age_s;
    if (mir_has_fairshare(sim))
        mir_fairshare_init(sim);
    if (mir_has_fairshare(sim))
        sim->next_calc_at = calc_after(sim, sim->now);
}

/* Insertion sort: the order hardly changes from tick to tick.  Did it at all? */
static bool sort_queue(struct mir_sim *sim)
{
    bool moved = false;

    if (sim->n_queue == 0)
        return false;
    struct mir_queued *queue = sim->queue + sim->head;

    for (size_t i = 1; i < sim->n_queue; i++) {
        struct mir_queued q = queue[i];
        size_t k = i;
        while (k > 0 && mir_sim_tried_before(&q, &queue[k - 1])) {
            queue[k] = queue[k - 1];
            k--;
        }
        queue[k] = q;
        moved = moved || k != i;
    }
    return moved;
}

/* When does, or did, the oldest job in the queue reach PriorityMaxAge? */
static int64_t first_age_cap(const struct mir_sim *sim)
{
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < sim->n_queue; i++)
        if (sim->queue[sim->head + i].eligible_at < first)
            first = sim->queue[sim->head + i].eligible_at;
    return first == INT64_MAX ? first : first + settings(sim)->max_age_s;
}

/* False: no key has changed since the last tick; the next one is set. */
static bool keys_have_changed(struct mir_sim *sim)
{
    if (fairshare_moves(sim)) {
        sim->next_calc_at = calc_after(sim, sim->now);
        mir_fairshare_tick(sim);
        return true;
    }
    int64_t cap_at = first_age_cap(sim);
    bool capped = cap_at < sim->now;
    sim->next_calc_at = cap_at == INT64_MAX ? cap_at : calc_after(sim, capped ? sim->now : cap_at);
    return capped;
}

void mir_priority_tick(struct mir_sim *sim)
{
    if (!keys_have_changed(sim))
        return;
    for (size_t i = 0; i < sim->n_queue; i++) {
        struct mir_queued *q = &sim->queue[sim->head + i];
        q->key = mir_priority_key(sim, q->job, q->eligible_at);
    }
    if (sort_queue(sim))
        mir_sim_disturb(sim, false);
}

/* ---- planting */

double mir_priority_planted_key(const struct mir_sim *sim, uint32_t number, int64_t eligible_at)
{
    int32_t period = settings(sim)->calc_period_s > 0 ? settings(sim)->calc_period_s : 300;

    if (sim->now - eligible_at <= settings(sim)->max_age_s)
        return key_at(sim, number, eligible_at, sim->now);
    return key_at(sim, number, eligible_at, calc_after(sim, sim->now) - period);
}

double mir_priority_computed(const struct mir_sim *sim, uint32_t number, int64_t eligible_at)
{
    double fixed = priority_without_age(sim, mir_sim_job(sim, number), 0.0);

    return fixed + sim->age_rate * age_s(sim, eligible_at);
}

/*
 * In whole points, so that what the report rounds off is as computed: then jobs
 * of one priority come in the order in which their ages and sizes put them.
 */
double mir_priority_offset(double computed, double reported)
{
    double seen = whole(computed);

    return reported < seen || reported > seen ? reported - floor(computed) : 0.0;
}
