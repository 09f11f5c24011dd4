/*
 * queue.h - from a live cluster's lists to the snapshot that policies read:
 * names become numbers, pending jobs are put in Slurm's order, a job that starts
 * becomes a lesson about waits, one that starts or ends an event for whoever
 * learns how long jobs run.  Owns names and history; one thread.
 */
#ifndef MIR_HOST_QUEUE_H
#define MIR_HOST_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/host/host.h"
#include "daemon/host/joblog.h"
#include "daemon/host/live.h"
#include "daemon/host/runs.h"
#include "daemon/host/snapshot.h"

struct mir_queue;

/*
 * At most `history_max` starts are kept in memory (about 90 bytes each): the
 * newest.  When they are more, the oldest quarter goes at once, so that a policy
 * that counts what it has seen notices and begins anew.  Of names of jobs the
 * first 100,000 stems (stem.h) have a number; all that come later have none (0).
 */
struct mir_queue *mir_queue_create(size_t history_max);

/* Accepts NULL. */
void mir_queue_destroy(struct mir_queue *q);

/*
 * A job of the past, from accounting or the journal, in any order, before or
 * after lists were seen.  It is a lesson about waits unless it is known already
 * (id, submit time), never started, has a half-filled row (no eligible time, no
 * start), or became eligible more than a minute after its submission (dependency,
 * --begin): its wait then says nothing about the queue.  Whatever it waited for,
 * it is a run once its end is known.  Returns true when either was new.
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

/*
 * Which jobs have started and which have ended since the last call, by time: for a
 * book of run times.  Each run is told once as started and once, after it, as
 * ended, however often lists, accounting and the journal speak of it:
 *
 * - A job of the past is told when its end is known, start and end together.  One
 *   that has not ended is told by the list that has it.
 * - Of the lists, one that runs starts; one that has ended ends; one that ran and is
 *   gone (slurmctld keeps ended jobs for MinJobAge) ended when it was planned to or
 *   at the list's time, whichever came first.  Accounting's later word on its end is
 *   not heard.
 * - A requeue renews the submit time: each run of a job counts by itself.
 * - While a job is suspended its run goes on: from start to end is what is told, and
 *   Slurm moves its planned end.
 * - A job that has changed its size is left out, but ends when its start was told
 *   before the change.  slurmdbd begins a new row at the change, like another job's:
 *   that one counts.
 * - A job that never ran (cancelled while pending) is no run.
 *
 * Lent until the next call on the queue.  All of the history is in one order when the
 * first call comes after mir_queue_settle().  Call after each list, or memory grows
 * with up to 4 x history_max events of 64 bytes, of which the oldest go.
 *
 *     const struct mir_run_event *events = mir_queue_run_events(q, &n);
 *
 *     for (size_t i = 0; i < n; i++) {
 *         const struct mir_run_event *e = &events[i];
 *         const struct mir_run_shape shape = {e->user, e->name, e->n_nodes, e->limit_s,
 *                                             mir_run_waited_s(e->submit_at, e->start_at)};
 *
 *         if (e->ended)
 *             mir_run_book_end(book, e->run, e->at);
 *         else
 *             mir_run_book_start(book, e->run, &shape, e->at);
 *     }
 *     mir_run_book_update(book, now);
 */
const struct mir_run_event *mir_queue_run_events(struct mir_queue *q, size_t *n);

/* The queue as of the last list, its `now` set to `now`.  Lent until the next call. */
const struct mir_snapshot *mir_queue_snapshot(struct mir_queue *q, int64_t now);

/* Names of partitions by their numbers, as far as any was seen; a job in several names them all. */
const struct mir_names *mir_queue_partitions(const struct mir_queue *q);

/* A successor alike to `job`, in the numbers of this queue's names. */
void mir_queue_request(struct mir_queue *q,
                       const struct mir_live_job *job,
                       struct mir_request *out);

#endif
