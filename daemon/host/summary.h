/*
 * summary.h - the five-number summaries of a queue (struct mir_jobs_summary),
 * kept up to date job by job instead of sorted anew at every look.
 * Sorted arrays with room at both ends: on a queue of 50 an update takes tens of
 * nanoseconds, on one of 20,000 a microsecond or two; a look depends on neither.
 * One thread at a time per summary.
 */
#ifndef MIR_HOST_SUMMARY_H
#define MIR_HOST_SUMMARY_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/host/snapshot.h"

/* Numbers in ascending order, in the middle of their memory.  Private to summary.c. */
struct mir_order {
    int32_t *memory;
    size_t head; /* the least is memory[head] */
    size_t len;
    size_t cap;
};

/*
 * Starts as {0}; ends with mir_summary_release().  Times are kept in 32 bits, as
 * seconds since `base_at`, the time of the first job after the summary was empty;
 * a job 68 years away from that one counts as 68 years away.
 */
struct mir_summary {
    int64_t base_at;
    uint64_t n_nodes_pending;
    uint64_t n_nodes_running;
    struct mir_order pending_limit;
    struct mir_order pending_submit;
    struct mir_order running_limit;
    struct mir_order running_wait;
    struct mir_order running_start;
};

/* A job waits: its limit, when it was submitted, its size. */
void mir_summary_add_pending(struct mir_summary *s,
                             int32_t limit_s,
                             int64_t submit_at,
                             uint32_t n_nodes);

/* The same numbers as when it was added; a job that was never added is a bug (asserted). */
void mir_summary_remove_pending(struct mir_summary *s,
                                int32_t limit_s,
                                int64_t submit_at,
                                uint32_t n_nodes);

/* A job runs since `start_at`, having waited for `wait_s`. */
void mir_summary_add_running(struct mir_summary *s,
                             int32_t limit_s,
                             int32_t wait_s,
                             int64_t start_at,
                             uint32_t n_nodes);
void mir_summary_remove_running(struct mir_summary *s,
                                int32_t limit_s,
                                int32_t wait_s,
                                int64_t start_at,
                                uint32_t n_nodes);

/* Make `to` (a summary, or {0}) say what `from` says, reusing its memory. */
void mir_summary_copy(struct mir_summary *to, const struct mir_summary *from);

/* No jobs; the memory is kept for the next ones. */
void mir_summary_clear(struct mir_summary *s);
void mir_summary_release(struct mir_summary *s);

/* What is seen at `now`; every field of both is set. */
void mir_summary_get(const struct mir_summary *s,
                     int64_t now,
                     struct mir_jobs_summary *pending,
                     struct mir_jobs_summary *running);

#endif
