/*
 * convert.h - a model of XGBoost's as struct mir_trees, to the last bit: thresholds
 * and leaf values are the floats that XGBoost has.  Any thread.
 */
#ifndef MIR_TRAIN_CONVERT_H
#define MIR_TRAIN_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/predict/trees.h"

/*
 * `json` is what XGBoosterSaveModelToBuffer() gives as {"format":"json"} for a
 * gbtree booster with one output and numeric features.  `*out` ({0} before; the
 * caller releases it) has one output, scale 1 and base 0: what base_score means
 * depends on the objective and is the caller's.  To `gain` (n_features numbers; may
 * be NULL) each split adds its loss reduction: XGBoost's total_gain.
 * Returns 0 or -EBADMSG; then `*out` is as it was.
 */
int mir_convert_model(const char *json,
                      size_t len,
                      uint32_t n_features,
                      struct mir_trees *out,
                      double *gain,
                      struct mir_error *err);

/*
 * Trees with one output get `n_outputs`: their values are in `output`, zeros in the
 * others; mir_trees_narrow() drops those again once all are joined.
 */
void mir_convert_widen(struct mir_trees *trees, uint32_t output, uint32_t n_outputs);

/*
 * The trees of all parts, in their order, as one; base 0, scale 1.  Parts have the
 * same n_features and n_outputs, no `only`, stay the caller's, and n_parts > 0.  `*out` is {0}
 * before.  Returns 0, or -E2BIG over MIR_TREES_MAX_NODES.
 */
int mir_convert_join(const struct mir_trees *parts,
                     uint32_t n_parts,
                     struct mir_trees *out,
                     struct mir_error *err);

#endif
