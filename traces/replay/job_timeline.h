/*
 * job_timeline.h - a run-time book that follows a simulated log: at any time it
 * knows the starts and ends up to then and nothing later.  The times are those of
 * the simulated machine without any chain, which a host that is forked there
 * shares.  One thread at a time per reader; any number of readers of one timeline.
 */
#ifndef MIR_REPLAY_JOB_TIMELINE_H
#define MIR_REPLAY_JOB_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/run_time/book.h"
#include "traces/sim/sim.h"

struct mir_job_event {
    int64_t at;
    uint32_t job;   /* of the workload */
    uint32_t start; /* 1: starts; 0: ends */
};

/* Starts and ends of a workload's jobs, in order of time.  Read-only once made. */
struct mir_job_timeline {
    const struct mir_workload *workload; /* lent */
    struct mir_job_event *events;
    size_t n_events;
};

/* Run the simulator over the whole workload.  Returns 0 or -EINVAL. */
int mir_job_timeline_create(const struct mir_sim_options *options,
                            struct mir_job_timeline *out,
                            struct mir_error *err);
void mir_job_timeline_release(struct mir_job_timeline *t);

/* Where a reader is. */
struct mir_timeline_book {
    const struct mir_job_timeline *timeline; /* lent */
    struct mir_run_book *book;               /* owned */
    size_t next;
};

void mir_timeline_book_init(struct mir_timeline_book *b, const struct mir_job_timeline *timeline);
void mir_timeline_book_release(struct mir_timeline_book *b);

/* All that happened up to and at `now`, which never goes back. */
void mir_timeline_book_advance(struct mir_timeline_book *b, int64_t now);

#endif
