/*
 * workload.h - a job log made ready for simulation: which of its jobs run, with
 * which size, limit and true duration.  Made once, read-only afterwards, shared
 * by every simulator and fork; it lends the log's jobs, so the log outlives it.
 */
#ifndef MIR_SIM_WORKLOAD_H
#define MIR_SIM_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/joblog.h"
#include "traces/sim/cluster.h"

/* Why jobs of the log are not in the workload. */
struct mir_workload_dropped {
    uint64_t no_run;    /* run time not given or not positive */
    uint64_t no_size;   /* neither nodes nor processors given */
    uint64_t too_large; /* more nodes than its partition has or its MaxNodes allows */
    uint64_t outside;   /* submitted outside [from, to) */
};

struct mir_workload_options {
    int64_t from_at; /* submissions in [from_at, to_at) */
    int64_t to_at;
    int32_t round_submit_s; /* submissions rounded down to a multiple; 0 or 1: not */
    int32_t round_run_s;    /* run times rounded up to a multiple */
    int32_t min_run_s;      /* jobs that ran shorter, even not at all, count as this long; 0: not */
    bool keep_cancelled;    /* jobs cancelled while pending; their run_s is their limit */
};

/*
 * The log's jobs, in place: sorted by submission, those that cannot be
 * simulated taken out (kept at the end of log->jobs, behind n_jobs of the
 * workload), `n_nodes` set to the size in the simulator's unit (nodes where the
 * log gives them; else as many as its processors fill where the cluster gives
 * n_cpus, else processors), limit_s to run_s where it is not given, run_s cut
 * at limit_s: a job is killed at its limit.  Rule for rule this is the input of
 * the reference schedules.
 */
struct mir_workload {
    const struct mir_job *jobs;
    size_t n_jobs;
    const struct mir_joblog *log; /* for extras and names */
    uint32_t max_nodes;           /* of one job */
    struct mir_workload_dropped dropped;
    /*
     * Numbers in cluster->partitions and ->qos by the log's own numbers, of
     * which there are log->partitions.n and log->qos.n.  A partition that the
     * cluster does not have becomes its default one; a QOS, n_qos.
     */
    uint16_t *partition_of;
    uint8_t *qos_of;
    uint32_t *stem_of; /* by a job name's number: that of its stem (stem.h), in log->names too */
};

/* `*options` with from and to at the ends of time and nothing rounded. */
void mir_workload_options_init(struct mir_workload_options *options);

/*
 * `log` is changed in place as told above.  Returns 0, or -ENODATA when no job
 * is left, with the reasons counted in `err`.
 */
int mir_workload_create(struct mir_joblog *log,
                        const struct mir_cluster *cluster,
                        const struct mir_workload_options *options,
                        struct mir_workload *out,
                        struct mir_error *err);
void mir_workload_release(struct mir_workload *workload);

/* The first job submitted at or after `at`; n_jobs when there is none. */
size_t mir_workload_find(const struct mir_workload *workload, int64_t at);

#endif
