/*
 * waits_stats.h - a simulated schedule in figures, and held against the waits
 * that the log recorded.  Durations in seconds.  Any thread.
 */
#ifndef MIR_REPLAY_WAITS_STATS_H
#define MIR_REPLAY_WAITS_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "traces/sim/workload.h"
#include "traces/stats/stats.h"

/* Bounded slowdown does not blow up on jobs shorter than this (Feitelson et al. 1997). */
enum { MIR_SLOWDOWN_BOUND_S = 10 };

/* Jobs [first, end) of the workload; start[i] belongs to jobs[i], INT64_MIN: not started. */
struct mir_schedule_slice {
    const struct mir_workload *workload;
    const int64_t *start_at;
    size_t first, end;
    uint32_t n_nodes; /* of the machine */
};

struct mir_schedule_figures {
    size_t n_jobs;
    size_t n_unstarted; /* left out of all below */
    double mean_wait_s, p50_wait_s, p90_wait_s, p99_wait_s, max_wait_s;
    double bounded_slowdown; /* mean of max(1, (wait + run) / max(10, run)) */
    double utilisation; /* node-seconds used from the slice's first submission to its last end, of
                           those the machine has; by all jobs simulated, not only the slice's */
    int64_t makespan_s; /* from the first submission to the last end */
};

void mir_schedule_figures(const struct mir_schedule_slice *slice, struct mir_schedule_figures *out);

/* Simulated against recorded waits, over one class of jobs. */
struct mir_wait_match {
    size_t n_jobs;
    double sim_mean_s, sim_p50_s, sim_p90_s;
    double log_mean_s, log_p50_s, log_p90_s;
    double error_p5_s, error_p25_s, error_p50_s, error_p75_s,
        error_p95_s; /* simulated - recorded */
    double abs_error_mean_s;
    double pearson, spearman; /* NaN where one side does not vary */
};

struct mir_wait_matches {
    size_t n_without; /* jobs whose wait the log does not tell */
    struct mir_wait_match all;
    struct mir_wait_match by_size[MIR_N_SIZES];
    struct mir_wait_match by_limit[MIR_N_LIMITS];
};

void mir_wait_matches(const struct mir_schedule_slice *slice, struct mir_wait_matches *out);

#endif
