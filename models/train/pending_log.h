/*
 * pending_log.h - a published log of jobs that were waiting when somebody looked once
 * a day (Popa and Alain 2023, Graham): what was seen of the queue then, and when the
 * job started in the end.  It cannot be replayed, but forecasts can be held against it.
 */
#ifndef MIR_TRAIN_PENDING_LOG_H
#define MIR_TRAIN_PENDING_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"

enum { MIR_PENDING_FEATURES = 32 };

struct mir_pending_row {
    int64_t poll_at; /* when it was seen waiting */
    int64_t start_at;
    int32_t limit_s;
    uint32_t n_nodes, n_gpus;
};

struct mir_pending_log {
    struct mir_pending_row *rows; /* by poll_at, then start_at; owned */
    float *features;              /* n x n_features, NaN: missing; owned */
    size_t n;
    uint32_t n_features;
    char names[MIR_PENDING_FEATURES][32]; /* as the file calls them */
    uint64_t n_bad;                       /* lines that could not be read */
};

/*
 * Read a CSV file, compressed or not, whose header has at least poll_time, start,
 * eligible and limit_s (seconds; times since the epoch).  Features are limit_s,
 * priority, level_fs, all req_*, q_* and r_* that hold numbers, and how long the job
 * had waited.  The caller ends `*out` ({0} before) with mir_pending_log_release(),
 * also after a failure.  Returns 0, -EBADMSG, -ENODATA or an errno from reading.
 */
int mir_pending_log_read(const char *path, struct mir_pending_log *out, struct mir_error *err);

/* The same from memory; `name` is for messages. */
int mir_pending_log_parse(const char *name,
                          const void *bytes,
                          size_t len,
                          struct mir_pending_log *out,
                          struct mir_error *err);
void mir_pending_log_release(struct mir_pending_log *log);

#endif
