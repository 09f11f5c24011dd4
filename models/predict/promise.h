/*
 * promise.h - what a model said of the wait of one submission, by each of its
 * methods with quantiles, and what their calibrations learn once that wait is known.
 * The daemon keeps one of every job that it sees come, a replay one of every job of
 * its log.  Plain data; any thread.
 */
#ifndef MIR_PREDICT_PROMISE_H
#define MIR_PREDICT_PROMISE_H

#include <stdint.h>

#include "models/features/wait_features.h"
#include "models/predict/calibration.h"
#include "models/predict/wait_model.h"

struct mir_promise {
    uint32_t class; /* mir_calibration_class() */
    /* In hours, ascending, not calibrated; of a method that the model has not: 0. */
    float quantiles[MIR_N_QUANTILE_METHODS][MIR_N_WAIT_LEVELS_TRAINED];
};

/* Of a request whose features are `x`. */
void mir_promise_make(const struct mir_wait_model *m,
                      const struct mir_request *request,
                      const float x[MIR_N_WAIT_FEATURES],
                      struct mir_promise *out);

/* One calibration for each method: nothing learned. */
void mir_calibrations_init(struct mir_calibration c[MIR_N_QUANTILE_METHODS]);

/*
 * Its wait is known, or longer than mir_promise_highest() already (then once and for
 * all): each method of the model learns.
 */
void mir_promise_learn(const struct mir_promise *p,
                       const struct mir_wait_model *m,
                       double wait_h,
                       struct mir_calibration c[MIR_N_QUANTILE_METHODS]);

/* The longest wait, in hours, that some method counts as covered at some level. */
double mir_promise_highest(const struct mir_promise *p,
                           const struct mir_wait_model *m,
                           const struct mir_calibration c[MIR_N_QUANTILE_METHODS]);

/* What one method promised at `level`, calibrated, in hours. */
double mir_promise_quantile(const struct mir_promise *p,
                            enum mir_wait_method method,
                            const struct mir_calibration *c,
                            double level);

#endif
