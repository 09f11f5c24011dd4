/*
 * queue.h - from a live cluster's lists to the snapshot that policies read:
 * names become numbers, pending jobs are put in Slurm's order, a job that starts
 * becomes a lesson about waits.  Owns names and history; one thread.
 */
#ifndef MIR_HOST_QUEUE_H
#define MIR_HOST_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/host/host.h"
#include "daemon/host/live.h"
#include "daemon/host/snapshot.h"

struct mir_queue;

/*
 * At most `history_max` starts are kept in memory (about 60 bytes each): the
 * newest.  When they are more, the oldest quarter goes at once, so that a policy
 * that counts what it has seen notices and begins anew.
 */
struct mir_queue *mir_queue_create(size_t history_max);

/* Accepts NULL. */
void mir_queue_destroy(struct mir_queue *q);

/*
 * A job of the past, from accounting or the journal, in any order, before or
 * after lists were seen; one that is known already (id, submit time), that never
 * started, or whose row is half-filled (no eligible time, no start) is left out,
 * and so is one that became eligible more than a minute after its submission
 * (dependency, --begin): its wait says nothing about the queue.  Returns true
 * when it was new.
 */
bool mir_queue_learn(struct mir_queue *q, const struct mir_live_past *past);

/* Sort what was learnt into start order; once, after the last page, before the first snapshot. */
void mir_queue_settle(struct mir_queue *q);

/*
 * A new list: replaces the last one; jobs that have started since join the
 * history, with the same exceptions and but for those that were resized.  An
 * array's remainder counts as its tasks, at most 1,000 of one and 20,000 more
 * than records in all.
 */
void mir_queue_update(struct mir_queue *q, const struct mir_live_jobs *jobs);

void mir_queue_set_cluster(struct mir_queue *q, const struct mir_live_cluster *cluster);

/* Starts that the last mir_queue_update() added, for the journal; good as long as its list. */
const struct mir_live_past *mir_queue_new_starts(const struct mir_queue *q, size_t *n);

/* The queue as of the last list, its `now` set to `now`.  Lent until the next call. */
const struct mir_snapshot *mir_queue_snapshot(struct mir_queue *q, int64_t now);

/* A successor alike to `job`, in the numbers of this queue's names. */
void mir_queue_request(struct mir_queue *q,
                       const struct mir_live_job *job,
                       struct mir_request *out);

#endif
