/*
 * live_books.h - what could be known at each decision of an episode: run times and
 * submissions up to then, and nothing later.  Unlike job_timeline.h's book, which
 * stands still during an episode, these follow its decisions; each episode begins
 * with fresh ones, so that the order of episodes does not matter.  One thread at a
 * time.
 *
 * Starts and ends are those of the log's simulation without any chain.  A chain may
 * delay others, so a job that the decision's own queue still shows has not ended,
 * whatever that simulation says; it is told of once it has left the queue.
 */
#ifndef MIR_REPLAY_LIVE_BOOKS_H
#define MIR_REPLAY_LIVE_BOOKS_H

#include <stdint.h>

#include "daemon/host/snapshot.h"
#include "models/futures/arrivals.h"
#include "models/run_time/book.h"
#include "traces/replay/job_timeline.h"

struct mir_live_books;

/* `timeline` is lent; submissions from `from_at` until before `to_at` exist. */
struct mir_live_books *
mir_live_books_create(const struct mir_job_timeline *timeline, int64_t from_at, int64_t to_at);
/* Accepts NULL. */
void mir_live_books_destroy(struct mir_live_books *b);

/* Another episode: all is forgotten. */
void mir_live_books_begin(struct mir_live_books *b);

/* A decision on `queue` (its jobs); where that is before the last one, all is read anew. */
void mir_live_books_follow(struct mir_live_books *b, const struct mir_snapshot *queue);

/* Lent until the next follow, begin or destroy. */
struct mir_run_book *mir_live_books_runs(const struct mir_live_books *b);
struct mir_arrivals_book *mir_live_books_arrivals(const struct mir_live_books *b);

#endif
