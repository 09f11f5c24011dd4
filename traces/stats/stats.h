/*
 * stats.h - what is in a job log: how much load, which waits for whom, how much
 * of what is asked for is used, and how many nodes the scheduler seems to have
 * had.  Computed by one thread from a log that nobody changes meanwhile; the
 * result is plain data, read by any.
 *
 * A job's size is its nodes where the log gives them, else its processors, as
 * in the simulator.  Weeks begin on Monday 00:00 of the log's clock.  Quantiles
 * are linear between order statistics.
 */
#ifndef MIR_STATS_STATS_H
#define MIR_STATS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/core/error.h"
#include "daemon/host/joblog.h"
#include "traces/sim/capacity.h"

/*
 * How effective capacity is estimated.  Whenever several users' small jobs have
 * been waiting for a while, the scheduler had nothing to give: what is busy
 * then is what there was.  See README.md for why these values.
 */
struct mir_capacity_options {
    int32_t window_s;   /* one estimate per window */
    double quantile;    /* of the busy nodes over the contended time of a window */
    int32_t min_wait_s; /* a job that waits longer than this waits for nodes ... */
    uint32_t min_users; /* ... and so many users with such a job are contention */
    double min_share;   /* of the window that is contended, below which it tells nothing */
    int32_t level_s;    /* a window that tells nothing has the highest level within this */
};

/* Windows of 6 h, quantile 0.75, 10 minutes, 3 users, a quarter of the window, 28 days. */
void mir_capacity_options_init(struct mir_capacity_options *options);

/*
 * The number of nodes that the scheduler seems to have had, as steps of node
 * set 0 from the log's first submission on.  The caller ends `*out` with
 * mir_capacity_release().  Returns 0, -ENODATA when the log has no start times,
 * or -EINVAL for options or a span of time that make no sense.
 */
int mir_capacity_estimate(const struct mir_joblog *log,
                          const struct mir_capacity_options *options,
                          struct mir_capacity *out,
                          struct mir_error *err);

/* The steps' mean over [from_at, to_at); 0 for no steps or an empty interval. */
double mir_capacity_mean(const struct mir_capacity *capacity, int64_t from_at, int64_t to_at);

/*
 * Some logs hold only what started after a moment at which the machine was busy
 * already: their first days show long waits beside idle nodes.  Returns true
 * and the time from which the log can be trusted, or false when nothing of that
 * kind is seen.
 */
bool mir_log_left_edge(const struct mir_joblog *log, int64_t *from_at);

/* Waits in seconds; all 0 when n is. */
struct mir_wait_figures {
    uint64_t n;
    double mean_s, p50_s, p90_s, p99_s;
};

enum mir_size_class { MIR_SIZE_1, MIR_SIZE_4, MIR_SIZE_16, MIR_SIZE_MORE, MIR_N_SIZES };
enum mir_limit_class { MIR_LIMIT_1H, MIR_LIMIT_12H, MIR_LIMIT_48H, MIR_LIMIT_MORE, MIR_N_LIMITS };

/* 1, 2-4, 5-16, 17 and more. */
enum mir_size_class mir_size_class(uint32_t size);
const char *mir_size_class_name(enum mir_size_class c);

/* Up to 1 h, up to 12 h, below 48 h, 48 h and more (and none). */
enum mir_limit_class mir_limit_class(int32_t limit_s);
const char *mir_limit_class_name(enum mir_limit_class c);

struct mir_week_stats {
    int64_t at;             /* Monday; the first and the last week may be cut by the log's ends */
    int64_t from_at, to_at; /* the part of it that the log covers */
    uint64_t n_jobs;        /* submitted */
    double offered_node_s;  /* size * run of the jobs submitted */
    double load;            /* offered / (covered time * effective nodes) */
    double capacity;        /* effective nodes, mean; 0: unknown */
    double busy_mean;       /* nodes */
    uint32_t busy_peak;
    struct mir_wait_figures wait; /* of the jobs submitted */
};

struct mir_count {
    int64_t value; /* a limit in seconds, a size */
    uint64_t n;
};

enum { MIR_STATS_TOP = 12, MIR_N_STATES = 11 };

struct mir_log_stats {
    uint64_t n_jobs;    /* submitted within the interval asked for */
    uint64_t n_started; /* of them, with a known wait */
    uint64_t n_users;
    int64_t first_submit_at, last_submit_at;
    bool counts_nodes; /* sizes are nodes; else processors */
    uint32_t n_nodes;  /* of the machine in that unit, as the log says; 0: it does not */
    uint32_t max_size;
    uint32_t busy_peak; /* over the whole log */
    double offered_node_s;
    double load;     /* over the whole interval; 0: unknown */
    double capacity; /* effective nodes, mean over the interval; 0: unknown */
    struct mir_wait_figures wait[MIR_N_SIZES + 1][MIR_N_LIMITS + 1]; /* last of each: all */
    uint64_t n_ratio;                                                /* jobs with run and limit */
    double ratio_p10, ratio_p25, ratio_p50, ratio_p75, ratio_p90, ratio_p99;
    double at_limit_share;                  /* ran 98 % of the limit or more */
    struct mir_count limits[MIR_STATS_TOP]; /* most used first */
    size_t n_limits;
    struct mir_count sizes[MIR_STATS_TOP];
    size_t n_sizes;
    uint64_t states[MIR_N_STATES]; /* by enum mir_job_state */
    uint64_t by_hour[24];          /* submissions */
    uint64_t by_weekday[7];        /* Monday first */
    bool left_edge;
    int64_t left_edge_at;         /* use the log from here on */
    struct mir_week_stats *weeks; /* owned */
    size_t n_weeks;
    struct mir_capacity steps; /* effective nodes over time; owned; empty: unknown */
};

struct mir_stats_options {
    int64_t from_at,
        to_at; /* submissions in [from_at, to_at); the busy nodes are always all jobs' */
    struct mir_capacity_options capacity;
};

void mir_stats_options_init(struct mir_stats_options *options);

/*
 * The caller ends `*out` with mir_log_stats_release(); on failure it is left as
 * it was.  O(n log n), about 100 bytes a job.  Returns 0, -ENODATA when no job
 * is in the interval, or -EINVAL as mir_capacity_estimate() does.
 */
int mir_log_stats_compute(const struct mir_joblog *log,
                          const struct mir_stats_options *options,
                          struct mir_log_stats *out,
                          struct mir_error *err);

/* Accepts a zeroed struct. */
void mir_log_stats_release(struct mir_log_stats *stats);

/* For people, about 80 columns wide.  Returns 0 or -EIO. */
int mir_log_stats_print(FILE *to, const struct mir_log_stats *stats, struct mir_error *err);

/*
 * One JSON object; times are seconds since the epoch, durations and node-hours
 * have their unit in the key, what is not known is null.  README.md lists the
 * keys; keys are only ever added.  Returns 0 or -EIO.
 */
int mir_log_stats_json(FILE *to, const struct mir_log_stats *stats, struct mir_error *err);

#endif
