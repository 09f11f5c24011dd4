/*
 * explain.h - why an answer is what it is: how far its futures spread, and the jobs
 * whose run times decide when a successor starts that is submitted now.  The half of
 * mir_lookahead_explain() that knows draws and starts.  One thread at a time.
 */
#ifndef MIR_LOOKAHEAD_EXPLAIN_H
#define MIR_LOOKAHEAD_EXPLAIN_H

#include "models/lookahead/draws.h"
#include "models/lookahead/lookahead.h"
#include "models/lookahead/starts.h"
#include "models/predict/calibration.h"

/*
 * From the first `n_futures` of the table, and the draws that they were played with.
 *
 * Bands: the 10 % and 90 % quantiles of each submission's cost, linear between order
 * statistics; no tail is weighed in them.
 *
 * Jobs: the one whose drawn run time goes best with the start; then, with what it
 * explains taken out, the next, so that jobs that are drawn alike count once.  With
 * as many jobs as a queue has, some go well with anything: one counts only when chance
 * alone would show its like among that many jobs once in 20 times (of ranks, Fisher's z,
 * Bonferroni), and when it moves the start by a minute.  Run times count up to where the table ends.
 */
void mir_explain(const struct mir_start_table *t,
                 const struct mir_calibration *calibration,
                 const struct mir_draws *d,
                 const struct mir_lookahead_case *c,
                 uint32_t n_futures,
                 struct mir_lookahead_fan *out);

#endif
