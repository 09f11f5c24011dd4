/*
 * calibrate.h - starts over futures as the lessons have them: spread as wide as what was
 * foretold before turned out to be.  The futures stay what they are, and in their order:
 * the one with the r-th start of a submission gets the start at the level that is asked
 * for where r / n is wanted (ensemble copula coupling: Schefzik, Thorarinsdottir and
 * Gneiting 2013).  So costs of one future still belong together, and means, tails
 * and paired differences are taken as before.  Any thread.
 */
#ifndef MIR_LOOKAHEAD_CALIBRATE_H
#define MIR_LOOKAHEAD_CALIBRATE_H

#include <stdint.h>

#include "models/lookahead/starts.h"
#include "models/predict/calibration.h"

/*
 * Of the first `n_futures`, with room for `n_more` after them; of submission k and future f:
 * [k * (n_futures + n_more) + f].  The caller frees it.  NULL, or nothing learned of the
 * successor's class: as they are.
 */
int64_t *mir_calibrated_starts(const struct mir_start_table *t,
                               const struct mir_calibration *c,
                               uint32_t n_futures,
                               uint32_t n_more);

/*
 * The quantile `level` of what `n` ascending values were drawn from, for a successor of
 * that limit: with Weibull's positions as in lessons.  NULL, or nothing learned of its
 * class: mir_sorted_quantile().
 */
double mir_calibrated_quantile(const double *sorted,
                               uint32_t n,
                               double level,
                               int32_t limit_s,
                               const struct mir_calibration *c);

#endif
