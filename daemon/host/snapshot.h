/*
 * snapshot.h - what can be seen of a cluster at one instant: the queue, the
 * running jobs, their summary, the waits of jobs that started.  Real Slurm and
 * the simulator fill the same structs.  Everything in a snapshot is lent by the
 * host and good until its next call; times are seconds since the epoch.
 */
#ifndef MIR_HOST_SNAPSHOT_H
#define MIR_HOST_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

/* Parts of a snapshot that cost something: a policy names those it reads. */
enum mir_snapshot_part {
    MIR_SNAPSHOT_SUMMARY = 1u << 0, /* pending_sum, running_sum */
    MIR_SNAPSHOT_JOBS = 1u << 1,    /* pending[], running[] */
    MIR_SNAPSHOT_HISTORY = 1u << 2, /* history */
    /*
     * Nothing of the snapshot: the policy asks the forecaster, which looks at the
     * same queue (jobs and history are filled for it).
     */
    MIR_SNAPSHOT_FORECAST = 1u << 3,
    /* Nor of this: the forecaster needs the last day of queues in the Mirage paper's shape. */
    MIR_SNAPSHOT_PAPER = 1u << 4,
    /* Nor of this: the policy asks the lookahead, which looks at the same queue (its jobs). */
    MIR_SNAPSHOT_LOOKAHEAD = 1u << 5,
};

struct mir_pending_job {
    int64_t submit_at;
    int64_t eligible_at; /* from when its age counts; INT64_MAX: held or waiting for another job */
    uint32_t id;
    int32_t limit_s;
    uint32_t n_nodes;
    uint32_t user;   /* number of a name, as in struct mir_job */
    uint32_t name;   /* number of the stem of its name (stem.h); 0: not known */
    double priority; /* Slurm's, now */
    uint16_t partition;
    uint16_t account;
    uint8_t qos;
    uint8_t chained; /* 1: a job of a Mirage chain */
};

struct mir_running_job {
    int64_t submit_at;
    int64_t start_at;
    int64_t planned_end_at; /* start + limit */
    uint32_t id;
    uint32_t n_nodes;
    uint32_t user;
    uint32_t name; /* number of the stem of its name (stem.h); 0: not known */
    uint16_t partition;
    uint16_t account;
    uint8_t qos;
    uint8_t chained; /* 1: a job of a Mirage chain: it runs until its limit */
};

/*
 * Five-number summaries at 0, 25, 50, 75 and 100 %, linear between order
 * statistics (numpy.percentile's default); all zero for an empty set.
 */
struct mir_jobs_summary {
    uint32_t n_jobs;
    uint64_t n_nodes;
    double limit_s[5];
    double wait_s[5];    /* pending: waited so far; running: waited before the start */
    double elapsed_s[5]; /* running: since the start; pending: zero */
};

/* A job that started: one lesson about waits. */
struct mir_start {
    int64_t start_at;
    int32_t wait_s; /* start - submit */
    int32_t limit_s;
    uint32_t n_nodes;
    uint32_t user;
    uint16_t partition;
    uint16_t account;
    uint8_t qos;
    uint8_t chained; /* 1: a job of a Mirage chain, not of the background */
};

/*
 * Starts in the order in which they happened, in two runs of memory: first all
 * of `old`, then all of `recent`.  The history of one host only ever grows at
 * its end, so a policy remembers how many it has seen and goes on from there.
 */
struct mir_history {
    const struct mir_start *old;
    size_t n_old;
    const struct mir_start *recent;
    size_t n_recent;
};

static inline size_t mir_history_len(const struct mir_history *h)
{
    return h->n_old + h->n_recent;
}

static inline const struct mir_start *mir_history_at(const struct mir_history *h, size_t i)
{
    return i < h->n_old ? &h->old[i] : &h->recent[i - h->n_old];
}

struct mir_snapshot {
    int64_t now;
    uint32_t n_nodes;      /* in service now */
    uint32_t n_nodes_free; /* of them, idle */
    struct mir_jobs_summary pending_sum, running_sum;
    const struct mir_pending_job *pending; /* in the order in which Slurm would try them */
    size_t n_pending;
    const struct mir_running_job *running; /* in the order in which they started */
    size_t n_running;
    struct mir_history history;
};

#endif
