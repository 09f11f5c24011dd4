/*
 * mixer.h - how long will this very job run?  The inner half of book.h: what the book
 * pools by shape is one expert's word, held against those of other contexts: the last
 * runs of this user with this limit, how long the job has waited, how many of its
 * siblings run and for how long they have.  In each bin of the limit every expert has
 * a probability that a job that came so far ends there; they are mixed as in PAQ
 * (Mahoney 2005, "Adaptive weighing of context models for lossless data compression"):
 * p = squash(sum of w stretch(p_i)), whose weights follow the gradient of the coding
 * cost at each end.  All is learned online, with nothing trained before.
 *
 * One thread at a time.
 */
#ifndef MIR_RUN_TIME_MIXER_H
#define MIR_RUN_TIME_MIXER_H

#include <stdbool.h>
#include <stdint.h>

#include "models/run_time/book.h"

struct mir_run_mixer;

/* A job that runs, as the mixer keeps it; the mixer's. */
struct mir_mixed_job;

struct mir_run_mixer *mir_run_mixer_create(void);
/* Accepts NULL. */
void mir_run_mixer_destroy(struct mir_run_mixer *m);

/*
 * A job with a limit starts; `pooled` is what the book says of it.  Starts and ends are
 * told in their order.
 */
struct mir_mixed_job *mir_run_mixer_start(struct mir_run_mixer *m,
                                          const struct mir_run_shape *shape,
                                          const struct mir_run_curve *pooled,
                                          int64_t start_at);

/* It ended after `run_s`, or (cut) because its limit was reached; `job` is gone. */
void mir_run_mixer_end(struct mir_run_mixer *m, struct mir_mixed_job *job, double run_s, bool cut);

/* Nobody knows what became of it; `job` is gone. */
void mir_run_mixer_drop(struct mir_run_mixer *m, struct mir_mixed_job *job);

/*
 * The curve at `now` of a job with a limit that started at `start_at`; INT64_MAX: that
 * still waits.  What a job that runs has survived already is left as pooled.
 */
void mir_run_mixer_curve(struct mir_run_mixer *m,
                         const struct mir_run_shape *shape,
                         const struct mir_run_curve *pooled,
                         int64_t start_at,
                         int64_t now,
                         struct mir_run_curve *out);

/* Jobs that wait and differ in nothing but waits of one class have one curve. */
unsigned mir_run_mixer_wait_class(int32_t waited_s);

#endif
