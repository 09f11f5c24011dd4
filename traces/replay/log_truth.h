/*
 * log_truth.h - what a lookahead would know if it knew: run times, arrivals, or finer
 * steps, taken from the log.  Cheating on purpose: which guess costs how much?
 * Read-only once made; any thread.
 */
#ifndef MIR_REPLAY_TRUTH_H
#define MIR_REPLAY_TRUTH_H

#include <stdint.h>

#include "daemon/core/error.h"
#include "models/lookahead/lookahead.h"
#include "traces/sim/workload.h"

enum mir_log_truth_part {
    MIR_LOG_TRUTH_RUN_TIMES = 1u << 0, /* of jobs that run and wait */
    MIR_LOG_TRUTH_ARRIVALS = 1u << 1,  /* of jobs that are to come, with their run times */
    MIR_LOG_TRUTH_GRID = 1u << 2,      /* candidate submissions at every period */
};

/* "run-times,arrivals,grid", any of them; -EINVAL: `text` is something else. */
int mir_log_truth_parse(const char *text, unsigned *parts, struct mir_error *err);

/* "run times, arrivals and grid": for people; in `text`. */
const char *mir_log_truth_format(unsigned parts, char text[64]);

struct mir_log_truth {
    struct mir_lookahead_truth known; /* for mir_lookahead_set_truth(); lends from here */
    const struct mir_workload *workload;
    struct mir_seed_arrival *arrivals; /* owned */
    struct mir_log_truth_job *jobs;    /* by submission and id; owned */
};

/* The parts' truth of the workload, which is lent. `*out` does not move while it is lent. */
void mir_log_truth_make(const struct mir_workload *workload,
                        unsigned parts,
                        struct mir_log_truth *out);
void mir_log_truth_release(struct mir_log_truth *truth);

#endif
