/*
 * habits.h - what the run-time book does not know of a cluster, learned online from
 * the same starts and ends: jobs that wait run longer than others of their shape, as
 * who is in a hurry is not there; and jobs of one user and name run alike.  One
 * thread at a time per book.
 */
#ifndef MIR_LOOKAHEAD_HABITS_H
#define MIR_LOOKAHEAD_HABITS_H

#include <stddef.h>
#include <stdint.h>

#include "models/run_time/book.h"

enum {
    MIR_HABIT_MEMORY = 8192, /* the last starts that count */
    MIR_HABIT_PRIOR = 40,    /* what is assumed at first counts as so many ends, or pairs */
};

/* Plain data. */
struct mir_habits {
    /* The hazards of jobs that wait are the run-time book's, times this, in (0, 4]. */
    double waiting_hazard;
    /* How likely two jobs of one user and name run alike in a future, each one asked: [0, 1]. */
    double kinship;
};

/* What is assumed before anything is learned. */
void mir_habits_init(struct mir_habits *h);

struct mir_habit_book;

struct mir_habit_book *mir_habit_book_create(void);
/* Accepts NULL. */
void mir_habit_book_destroy(struct mir_habit_book *book);

/*
 * What draws took the run time of a job from on average that starts now: a queue shows
 * it half-way of its wait (shape->waited_s).  Lent until the next call on the book.
 */
const struct mir_run_curve *mir_habit_curve(struct mir_run_book *runs,
                                            const struct mir_run_shape *shape);

/*
 * A job started; `id` names it until its end.  `curve` (copied) is
 * mir_habit_curve(), at the start or shortly before.  Starts are told in their order.
 */
void mir_habit_book_start(struct mir_habit_book *book,
                          uint64_t id,
                          const struct mir_run_shape *shape,
                          const struct mir_run_curve *curve,
                          int64_t submit_at,
                          int64_t start_at);

/* It ended.  An unknown `id` is ignored. */
void mir_habit_book_end(struct mir_habit_book *book, uint64_t id, int64_t end_at);

/* What was learned by `now`: jobs that run count as run until then, and not as ended. */
void mir_habit_book_get(const struct mir_habit_book *book, int64_t now, struct mir_habits *out);

#endif
