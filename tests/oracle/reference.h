/*
 * reference.h - the shared traces and reference schedules, where a machine has
 * them: in $MIRAGE_SHARED, or in "shared" beside the source tree.
 */
#ifndef MIR_TESTS_REFERENCE_H
#define MIR_TESTS_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"

/* The path of a shared file ("traces/KTH-SP2-1996.swf.xz"); the caller frees. NULL: not there. */
char *mir_shared_path(const char *name);

/* One column of a reference schedule. */
struct mir_reference {
    int64_t *start_at; /* by job number, in the trace's own seconds; INT64_MIN: no such job */
    size_t n;
};

/*
 * Read `column` ("easy_batch") of the schedule at `path` (CSV, compressed or
 * not).  Returns 0, -EIO, or -EINVAL when there is no such column or a line is
 * not numbers.
 */
int mir_reference_read(const char *path,
                       const char *column,
                       struct mir_reference *out,
                       struct mir_error *err);
void mir_reference_release(struct mir_reference *reference);

/* An episode of the paper's authors' simulator: a chain on a cluster that began empty. */
struct mir_reference_episode {
    int64_t episode_at; /* the empty cluster; seconds since the epoch, the log's clock as UTC */
    int64_t chain_nodes;
    double reactive_signed_h; /* successor's start - predecessor's end */
};

/*
 * Read the episodes of chains of `chain_nodes` from the CSV at `path`, in the
 * file's order; the caller frees `*out`.  Returns 0, -EIO, or -EINVAL when a
 * column is missing, a line does not parse or there is no such episode.
 */
int mir_reference_read_episodes(const char *path,
                                int64_t chain_nodes,
                                struct mir_reference_episode **out,
                                size_t *n_out,
                                struct mir_error *err);

#endif
