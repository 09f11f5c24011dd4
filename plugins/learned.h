/*
 * learned.h - the policies that ask a trained model: one body, which the folders
 * rf, xgb, forest-q and xgb-q give their names to.  The forecaster (view->forecaster)
 * predicts; where it cannot, or says that it must not be believed, qbets decides
 * and the reason says why.  One thread at a time per instance.
 */
#ifndef MIR_POLICY_LEARNED_H
#define MIR_POLICY_LEARNED_H

#include <stdbool.h>
#include <stdint.h>

#include "models/predict/wait_model.h"
#include "plugins/plugin.h"

/* What both rules read: the forecaster's queue, and what qbets does. */
enum { MIR_LEARNED_PARTS = MIR_SNAPSHOT_FORECAST | MIR_SNAPSHOT_HISTORY };

/*
 * An instance that asks for `method`.  MIR_WAIT_FOREST_Q, MIR_WAIT_XGB_Q: submits
 * when the 1 / (1 + w) quantile of the wait (quantile= fixes it) is left.
 * MIR_WAIT_RF, MIR_WAIT_XGB: the Mirage paper's rule, submits when the predicted
 * outcome in hours is at least threshold= (-0.5); the weight does not matter but
 * to qbets.  Returns 0 or -EINVAL for wrong options.
 */
int mir_learned_open(enum mir_wait_method method,
                     const struct mirage_options *options,
                     void **state,
                     struct mir_error *err);

/*
 * `n` waits of a submission now that are equally likely, ascending, hours, by FOREST_Q or
 * XGB_Q.  False where there are none to believe, and why not in `why`.
 */
bool mir_learned_waits(const struct mirage_view *view,
                       enum mir_wait_method method,
                       double *wait_h,
                       uint32_t n,
                       char why[64]);

/* decide() and close() of all four. */
int mir_learned_decide(void *state,
                       const struct mirage_view *view,
                       struct mirage_decision *out,
                       struct mir_error *err);
void mir_learned_close(void *state);

#endif
