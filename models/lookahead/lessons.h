/*
 * lessons.h - was a lookahead right?  Each played future tells when every waiting job of
 * the queue would start, so a job that was just submitted gets a forecast for nothing, and
 * once it starts, that is a lesson: the calibration of the forecasts moves
 * (models/predict/calibration.h), and it counts whether the start was within what
 * was foretold at all.  One thread at a time per book; what it says is plain data.
 */
#ifndef MIR_LOOKAHEAD_LESSONS_H
#define MIR_LOOKAHEAD_LESSONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/host/snapshot.h"
#include "models/predict/calibration.h"

enum {
    MIR_LESSON_LOOK_S = 3600,         /* futures are played for lessons so often */
    MIR_LESSON_FUTURES = 16,          /* as many */
    MIR_LESSON_HORIZON_S = 48 * 3600, /* a longer wait counts as so long */
    MIR_LESSON_OPEN_MAX = 4096,       /* forecasts of unknown outcome; the oldest is dropped */
    MIR_TRUST_LOOKS = 50,             /* the last that count for trust */
    MIR_TRUST_LOOKS_LEAST = 30,       /* before which nothing is said */
};

/*
 * Is the cluster as it is simulated?  Where it is, one start in ten falls outside of the
 * 90 % band of its forecast (not calibrated).  Starts of jobs that were foretold
 * together share their fate, so each look counts once, by the share of its jobs that
 * fell outside; starts at once that were foretold so do not count.  See README.md for
 * what this comes to where the simulator is right, and where not.
 */
struct mir_lookahead_trust {
    uint32_t n_looks;  /* of the last MIR_TRUST_LOOKS that have taught, how many there are */
    uint32_t n_starts; /* in them */
    double outside;    /* their mean share */
    bool lost;         /* above 50 %, and until it is down to 35 % again */
};

/* For a reason: "lookahead: 61 % outside its 90 % band". */
enum { MIR_TRUST_TEXT = 40 };
void mir_trust_text(const struct mir_lookahead_trust *t, char text[MIR_TRUST_TEXT]);

struct mir_lessons {
    struct mir_calibration calibration; /* of its classes, those of mir_lesson_class() */
    struct mir_lookahead_trust trust;
};

/*
 * The calibration's class that a request belongs to: that of its limit, sizes together, as
 * jobs of many nodes are few.
 */
unsigned mir_lesson_class(int32_t limit_s);

/* Nothing learned. */
void mir_lessons_init(struct mir_lessons *l);

struct mir_lesson_book;

struct mir_lesson_book *mir_lesson_book_create(void);
/* Accepts NULL. */
void mir_lesson_book_destroy(struct mir_lesson_book *book);

/*
 * The waiting jobs that a look at `queue` should foretell: submitted since the last look
 * and within MIR_LESSON_LOOK_S, so that they stand where one stands that is submitted now;
 * eligible; no chain's, as Mirage itself decides what becomes of it; no array's, whose
 * tasks have one name.  Returns how many, their indices in pending[] in `out` (room for
 * n_pending), and takes this as the last look.  Starts up to now are told before; what
 * still waits beyond the horizon is late, once and for all, and what has left the queue
 * otherwise (cancelled) is no lesson.
 */
size_t
mir_lesson_book_look(struct mir_lesson_book *book, const struct mir_snapshot *queue, size_t *out);

/*
 * In equally likely futures played at `now` the job, one of `n_alike` of its
 * class that are foretold, starts at `start_at`[n], which is sorted here; later ones than
 * the horizon, and INT64_MAX, count as that.
 */
void mir_lesson_book_foretell(struct mir_lesson_book *book,
                              const struct mir_pending_job *job,
                              int64_t now,
                              size_t n_alike,
                              int64_t *start_at,
                              uint32_t n);

/* The job `key` (mir_run_key() of its number and submission) has started.  Unknown: ignored. */
void mir_lesson_book_start(struct mir_lesson_book *book, uint64_t key, int64_t start_at);

/* What was learned so far; lent until the book learns again. */
const struct mir_lessons *mir_lesson_book_get(const struct mir_lesson_book *book);

#endif
