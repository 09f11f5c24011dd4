/*
 * arrivals.h - what will be submitted: a model of this cluster's own past that
 * draws possible futures.  It learns online from submissions, and from run times
 * once they are known; nothing later than what it was told is looked at.  One
 * thread at a time per book.
 *
 * The method and what it was measured against are in README.md.
 */
#ifndef MIR_FUTURES_ARRIVALS_H
#define MIR_FUTURES_ARRIVALS_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/rng.h"
#include "models/run_time/book.h"

/* A submission; numbers of names as in a snapshot (daemon/host/snapshot.h). */
struct mir_arrival {
    int64_t submit_at;
    uint32_t n_nodes;
    int32_t limit_s;
    int32_t run_s; /* drawn: 1 .. limit_s; told: MIR_UNKNOWN until it has ended */
    uint32_t user;
    uint32_t name; /* stem; 0: not known */
    uint16_t partition;
    uint16_t account;
    uint8_t qos;
};

struct mir_arrivals_book;

/* At most `max` submissions, of [1, 2^30], are remembered (those told last). */
struct mir_arrivals_book *mir_arrivals_book_create(size_t max);
/* Accepts NULL. */
void mir_arrivals_book_destroy(struct mir_arrivals_book *book);

/*
 * Of submissions before `at` only some were told: those that still waited or ran when
 * somebody began to look.  Nothing is drawn from them.  At first: all were told, since
 * the earliest.
 */
void mir_arrivals_book_set_since(struct mir_arrivals_book *book, int64_t at);

/*
 * A job was submitted, `id` names it; in any order of submit_at.  An id that is
 * remembered already is ignored.
 */
void mir_arrivals_book_submit(struct mir_arrivals_book *book,
                              uint64_t id,
                              const struct mir_arrival *arrival);

/* It runs since then: a job that has not ended runs longer than it has run. */
void mir_arrivals_book_started(struct mir_arrivals_book *book, uint64_t id, int64_t start_at);

/* It ran so long.  An unknown `id` is ignored, here and above. */
void mir_arrivals_book_ran(struct mir_arrivals_book *book, uint64_t id, int32_t run_s);

/*
 * Where to draw run times of jobs that have not ended; updated by its owner and lent
 * until the next call of this.  NULL, as at first: a book that knows nothing.
 */
void mir_arrivals_book_set_runs(struct mir_arrivals_book *book, struct mir_run_book *runs);

/* Drawn submissions, by submit_at; reused from draw to draw. Starts as {0}. */
struct mir_arrivals {
    struct mir_arrival *v;
    size_t n, cap;
    uint32_t n_days; /* for which submissions are known; 0: less than one, there are hardly any */
};
void mir_arrivals_release(struct mir_arrivals *a);

/*
 * One possible future: the submissions in (now, until], of 30 days at most.  The same
 * state of `rng` and of the book give the same future; what was submitted or ended
 * after `now` does not count.  Run times are drawn too: a job that is remembered
 * without one gets one from the run-time book.  n is 0 while the book knows less than
 * a day.  Draws for one (now, until] share their preparation, until the next submission.
 */
void mir_arrivals_book_draw(struct mir_arrivals_book *book,
                            int64_t now,
                            int64_t until,
                            struct mir_rng *rng,
                            struct mir_arrivals *out);

/* Submissions remembered; the submit_at of the one told first (0: none). */
size_t mir_arrivals_book_len(const struct mir_arrivals_book *book);
int64_t mir_arrivals_book_since(const struct mir_arrivals_book *book);

#endif
