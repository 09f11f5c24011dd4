/*
 * pack.h - a snapshot's queue as bytes, so that a decision can be asked again.
 * The history is not in it: the journal keeps starts by themselves, and the
 * pass's row says how many there were.  Any thread.
 */
#ifndef MIR_ENGINE_PACK_H
#define MIR_ENGINE_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"
#include "daemon/host/snapshot.h"

enum { MIR_PACK_MAX_JOBS = 10000000 };

/* Append nodes, summaries, pending and running jobs; about 32 bytes a job. */
void mir_pack_queue(const struct mir_snapshot *queue, struct mir_str *out);

/*
 * The snapshot of `bytes` as it looked at `now` (several decisions share a
 * queue: waits and run times have grown since it was packed).  The caller frees
 * `*memory`, which the arrays of `*out` are in.  Returns 0 or -EBADMSG.
 */
int mir_unpack_queue(const void *bytes,
                     size_t len,
                     int64_t now,
                     struct mir_snapshot *out,
                     void **memory,
                     struct mir_error *err);

#endif
