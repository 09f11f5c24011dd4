/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workload.c - see workload.h. */
#include "traces/sim/workload.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/host/stem.h"

void mir_workload_options_init(struct mir_workload_options *options)
{
    *options = (struct mir_workload_options){.from_at = INT64_MIN, .to_at = INT64_MAX};
}

static int64_t round_down(int64_t value, int64_t step)
{
    int64_t rest = value % step;

    return value - (rest < 0 ? rest + step : rest);
}

static int32_t round_up(int32_t value, int32_t step)
{
    int64_t up = ((int64_t)value + step - 1) / step * step;

    return up > INT32_MAX ? INT32_MAX : (int32_t)up;
}

/* Before the sort: arrivals of one rounded instant come in the order of their numbers. */
static void round_submissions(struct mir_joblog *log, int32_t step)
{
    if (step <= 1)
        return;
    for (size_t i = 0; i < log->n_jobs; i++)
        log->jobs[i].submit_at = round_down(log->jobs[i].submit_at, step);
    log->sorted = false;
}

static void
map_names(struct mir_joblog *log, const struct mir_cluster *cluster, struct mir_workload *out)
{
    size_t n_names = log->names.n; /* before stems join them */

    out->partition_of = MIR_NEW_ARRAY(uint16_t, log->partitions.n + 1);
    out->qos_of = MIR_NEW_ARRAY(uint8_t, log->qos.n + 1);
    for (uint32_t i = 0; i <= log->partitions.n; i++) {
        const char *name = mir_names_get(&log->partitions, i);

        out->partition_of[i] = (uint16_t)mir_cluster_find_partition(cluster, name);
    }
    for (uint32_t i = 0; i <= log->qos.n; i++) {
        const char *name = mir_names_get(&log->qos, i);
        uint32_t qos = 0;

        while (qos < cluster->n_qos && strcmp(cluster->qos[qos].name, name) != 0)
            qos++;
        out->qos_of[i] = (uint8_t)qos;
    }
    out->stem_of = MIR_NEW_ARRAY(uint32_t, n_names + 1);
    for (uint32_t i = 1; i <= n_names; i++) {
        char stem[MIR_STEM_MAX + 1];
        size_t len = mir_name_stem(mir_names_get(&log->names, i), stem);

        out->stem_of[i] = mir_names_add(&log->names, stem, len);
    }
}

/* CPUs of the smallest node that the partition has; 0 where the cluster does not say. */
static uint32_t cpus_per_node(const struct mir_cluster *cluster, uint32_t partition)
{
    uint32_t n = UINT32_MAX;

    for (uint32_t i = 0; i < cluster->n_node_sets; i++) {
        if ((cluster->partitions[partition].node_sets >> i & 1) && cluster->node_sets[i].n_cpus < n)
            n = cluster->node_sets[i].n_cpus;
    }
    return n == UINT32_MAX ? 0 : n;
}

static uint32_t
size_of(const struct mir_job *job, const struct mir_cluster *cluster, uint32_t partition)
{
    uint32_t per_node;

    if (job->n_nodes > 0)
        return job->n_nodes;
    per_node = cpus_per_node(cluster, partition);
    if (per_node <= 1)
        return job->n_cpus;
    return job->n_cpus / per_node + (job->n_cpus % per_node != 0);
}

/* Run time and limit as they are simulated; false: there is nothing to run. */
static bool set_times(const struct mir_joblog *log,
                      const struct mir_workload_options *options,
                      struct mir_job *job)
{
    const struct mir_job_extra *extra = mir_joblog_get_extra(log, job);

    if (job->run_s <= 0 && options->keep_cancelled && extra->cancelled_s >= 0) {
        if (job->limit_s <= 0)
            job->limit_s = extra->cancelled_s > 0 ? extra->cancelled_s : 1;
        job->run_s = job->limit_s;
        return true;
    }
    if (job->run_s >= 0 && job->run_s < options->min_run_s)
        job->run_s = options->min_run_s;
    if (job->run_s <= 0)
        return false;
    if (options->round_run_s > 1)
        job->run_s = round_up(job->run_s, options->round_run_s);
    if (job->limit_s <= 0)
        job->limit_s = job->run_s;
    if (job->run_s > job->limit_s)
        job->run_s = job->limit_s;
    return true;
}

/* Make `job` what is simulated; false, counted in out->dropped: it is not. */
static bool take(const struct mir_cluster *cluster,
                 const struct mir_workload_options *options,
                 struct mir_workload *out,
                 struct mir_job *job)
{
    struct mir_job made = *job;
    uint32_t partition = out->partition_of[job->partition];

    made.n_nodes = size_of(job, cluster, partition);
    if (job->submit_at < options->from_at || job->submit_at >= options->to_at)
        out->dropped.outside++;
    else if (!set_times(out->log, options, &made))
        out->dropped.no_run++;
    else if (made.n_nodes == 0)
        out->dropped.no_size++;
    else if (made.n_nodes > mir_cluster_partition_nodes(cluster, partition) ||
             made.n_nodes > cluster->partitions[partition].max_nodes)
        out->dropped.too_large++;
    else {
        *job = made;
        return true;
    }
    return false;
}

/* Those that stay move to the front, in order; those that go are behind them, in no order. */
static void select_jobs(struct mir_joblog *log,
                        const struct mir_cluster *cluster,
                        const struct mir_workload_options *options,
                        struct mir_workload *out)
{
    for (size_t i = 0; i < log->n_jobs; i++) {
        struct mir_job job = log->jobs[i];

        if (!take(cluster, options, out, &job))
            continue;
        log->jobs[i] = log->jobs[out->n_jobs];
        log->jobs[out->n_jobs++] = job;
        if (job.n_nodes > out->max_nodes)
            out->max_nodes = job.n_nodes;
    }
    if (out->n_jobs < log->n_jobs)
        log->sorted = false;
}

static int refuse(const struct mir_workload_dropped *d, struct mir_error *err)
{
    return mir_error_set(err, -ENODATA,
                         "no job is left to simulate: %" PRIu64 " without a run time, %" PRIu64
                         " without a size, %" PRIu64 " too large, %" PRIu64
                         " submitted outside of the time asked for",
                         d->no_run, d->no_size, d->too_large, d->outside);
}

int mir_workload_create(struct mir_joblog *log,
                        const struct mir_cluster *cluster,
                        const struct mir_workload_options *options,
                        struct mir_workload *out,
                        struct mir_error *err)
{
    struct mir_workload made = {.log = log};

    round_submissions(log, options->round_submit_s);
    mir_joblog_sort(log);
    map_names(log, cluster, &made);
    select_jobs(log, cluster, options, &made);
    if (made.n_jobs == 0) {
        refuse(&made.dropped, err);
        mir_workload_release(&made);
        return -ENODATA;
    }
    made.jobs = log->jobs;
    *out = made;
    return 0;
}

void mir_workload_release(struct mir_workload *workload)
{
    free(workload->partition_of);
    free(workload->qos_of);
    free(workload->stem_of);
    *workload = (struct mir_workload){0};
}

size_t mir_workload_find(const struct mir_workload *workload, int64_t at)
{
    size_t low = 0, high = workload->n_jobs;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (workload->jobs[middle].submit_at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
