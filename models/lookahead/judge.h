/*
 * judge.h - from the starts in many futures to what each submission costs, and
 * whether now is the cheapest.
 */
#ifndef MIR_LOOKAHEAD_JUDGE_H
#define MIR_LOOKAHEAD_JUDGE_H

#include "models/lookahead/lookahead.h"
#include "models/lookahead/starts.h"
#include "models/predict/calibration.h"

/* What a start at that time costs in hours, no tail weighed: the successor serves once it is warm. */
double mir_judge_cost_h(const struct mir_lookahead_case *c, int64_t start_at);

/*
 * The starts that are judged, in the first `n_futures` of the table and after them in those that
 * the case's told waits make up: of submission k and future f, [k * *n + f].  The caller frees them.
 */
int64_t *mir_judge_starts(const struct mir_start_table *t,
                          const struct mir_calibration *calibration,
                          const struct mir_lookahead_case *c,
                          uint32_t n_futures,
                          uint32_t *n);

/* Judge by the first `n_futures` of the table, of which there are at least 2; calibrate.h. */
void mir_judge(const struct mir_start_table *t,
               const struct mir_calibration *calibration,
               const struct mir_lookahead_case *c,
               uint32_t n_futures,
               struct mir_lookahead_answer *out);

#endif
