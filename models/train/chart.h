/*
 * chart.h - the drawings of an evaluation, with the words of traces/replay/chart.h.
 * Everything is appended to a string; colours come from the page's style sheet.
 * Private to models/train.  One thread per string.
 */
#ifndef MIR_TRAIN_CHART_H
#define MIR_TRAIN_CHART_H

#include "daemon/core/str.h"
#include "models/train/report.h"

/* Promised against kept, level by level: as the models say it, and calibrated. */
void mir_chart_reliability(struct mir_str *s, const struct mir_evaluation_report *r);

/* What the model looks at. */
void mir_chart_gains(struct mir_str *s, const struct mir_evaluation_report *r);

/* Medians against what came out, on logarithmic axes: the best model, and Slurm's plan. */
void mir_chart_truth(struct mir_str *s, const struct mir_evaluation_report *r);

/* Day by day: the share of waits within p50 and p90, and how long waits were. */
void mir_chart_days(struct mir_str *s, const struct mir_evaluation_report *r);

#endif
