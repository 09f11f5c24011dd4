/*
 * references.h - what can be said of a wait without learning, for the same
 * submissions: the mean of recent waits, QBETS, and Slurm's own plan by limits.
 */
#ifndef MIR_TRAIN_REFERENCES_H
#define MIR_TRAIN_REFERENCES_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/host/snapshot.h"
#include "models/train/evaluation.h"
#include "traces/replay/job_timeline.h"

/* Starts in their order. */
struct mir_starts {
    struct mir_start *list; /* owned */
    size_t n;
};

/* Those of a simulated log. */
void mir_starts_of_timeline(const struct mir_job_timeline *timeline, struct mir_starts *out);
void mir_starts_release(struct mir_starts *starts);

/*
 * Add "mean wait" (of the last 100 starts before each row, of all jobs) and "qbets"
 * (a bound with 95 % confidence, of starts like the row's, as the policy of that
 * name has it) to the evaluation: a row sees the starts up to its own time.
 */
void mir_references_add(struct mir_evaluation *e, const struct mir_starts *starts);

/* Add "recent waits": the quantiles of the last 1000 waits that were known, of all jobs. */
void mir_references_add_recent(struct mir_evaluation *e, const struct mir_starts *starts);

#endif
