/*
 * check.h - the days on which a new model is checked, and the model in use beside it.
 * Neither may have learned from them.
 *
 * What is scored for the new model is its twin: the same, fitted to what was before
 * these days.  The model in use is scored as it is, so the days begin where its training
 * ended, if that is later than where they would begin: in the timer's rhythm twin and
 * model in use then know the same past.  Where too few days are left after it, it is
 * not scored: it would be asked about what it has seen.
 */
#ifndef MIR_TRAIN_CHECK_H
#define MIR_TRAIN_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/predict/wait_model.h"
#include "models/train/evaluation.h"

struct mir_check_days {
    int64_t from_at, to_at; /* submissions in [from_at, to_at); the twin learns before from_at */
    bool compares;          /* the model in use has seen none of them */
};

/* Why there are no scores of it, for people. */
#define MIR_CHECK_NOT_COMPARED                                                                     \
    "the model in use has learned from the days of the check: not compared"

/*
 * Of a window that is learned from.  `current_to_at` is where training of the model in
 * use ended; INT64_MIN: there is none.  False: too short for a part to be held out.
 */
bool mir_check_days(int64_t from_at,
                    int64_t to_at,
                    int64_t current_to_at,
                    struct mir_check_days *out);

/*
 * The model in use, which the caller unrefs.  Returns 0; -ENODATA: a model that cannot
 * be compared (damaged, of another version or feature set, without quantiles): `err`
 * says why, and nobody need fail; another errno: the file cannot be read.
 */
int mir_check_open_current(const char *path, struct mir_wait_model **out, struct mir_error *err);

/* Add a score to a model; not where it is NaN, or when there is no room. */
void mir_check_add(struct mir_wait_model *m, double value, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* All figures of an evaluation, as "WHO xgb-q calibrated pinball 0.5". */
void mir_check_add_all(struct mir_wait_model *m, const char *who, const struct mir_evaluation *e);

#endif
