/*
 * sweep.h - the recorded past played once through: how many nodes are busy and
 * who is waiting, from one change to the next.  Internal to traces/stats.
 */
#ifndef MIR_STATS_SWEEP_H
#define MIR_STATS_SWEEP_H

#include "traces/stats/stats.h"

enum { MIR_WEEK_S = 7 * 86400, MIR_DAY_S = 86400 };

struct mir_sweep_event {
    int64_t at;
    uint32_t job;
    uint8_t kind;
};

/* The changes of a log in order; lends the log. */
struct mir_sweep {
    const struct mir_joblog *log;
    struct mir_sweep_event *events;
    size_t n_events;
    int64_t first_start_at, last_end_at, first_submit_at, last_submit_at; /* of jobs that ran */
};

/* Between two changes. */
struct mir_sweep_segment {
    int64_t from_at, to_at;
    uint32_t busy;    /* nodes */
    uint32_t waiters; /* users with a small job that has waited for long; of nameless ones, jobs */
};

/*
 * What happened in a window of time.  `contended`: enough users with a small
 * job that has waited for long.
 */
struct mir_window {
    double contended_s;
    double contended_mean; /* busy nodes meanwhile */
    uint32_t contended_quantile;
    double busy_mean;
    uint32_t busy_p90, busy_peak;
};

static inline uint32_t mir_job_size(const struct mir_job *job)
{
    return job->n_nodes > 0 ? job->n_nodes : job->n_cpus;
}

/* Did the job run, and do we know when? */
static inline bool mir_job_ran(const struct mir_job *job)
{
    return job->wait_s >= 0 && job->run_s > 0 && mir_job_size(job) > 0;
}

/* Returns 0, -ENODATA when no job ran, or -EINVAL when they are centuries apart. */
int mir_sweep_init(struct mir_sweep *sweep,
                   const struct mir_joblog *log,
                   int32_t min_wait_s,
                   struct mir_error *err);
void mir_sweep_release(struct mir_sweep *sweep);

/*
 * What happened in each of `n` windows of `width_s` from `from_at` on; the
 * caller frees the result.
 */
struct mir_window *mir_sweep_windows(const struct mir_sweep *sweep,
                                     const struct mir_capacity_options *options,
                                     int64_t from_at,
                                     int64_t width_s,
                                     size_t n);

/* The largest multiple of `step_s`, counted from `origin_at`, that is not after `at`. */
int64_t mir_floor_time(int64_t at, int64_t origin_at, int64_t step_s);

/* Monday 00:00 at or before `at`. */
int64_t mir_monday(int64_t at);

#endif
