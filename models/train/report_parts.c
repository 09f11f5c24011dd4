/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_parts.c - what the reports of an evaluation share. */
#include <math.h>
#include <string.h>

#include "models/train/report.h"

#define FIELD(name) offsetof(struct mir_score, name)

const struct mir_score_column MIR_SCORE_COLUMNS[MIR_N_SCORE_COLUMNS] = {
    {"pinball_t_p50", "pinball loss, t", "p50", FIELD(pinball_t[0]), false, NAN},
    {"pinball_t_p90", "pinball loss, t", "p90", FIELD(pinball_t[1]), false, NAN},
    {"pinball_t_p95", "pinball loss, t", "p95", FIELD(pinball_t[2]), false, NAN},
    {"pinball_h_p50", "pinball loss, h", "p50", FIELD(pinball_h[0]), false, NAN},
    {"pinball_h_p90", "pinball loss, h", "p90", FIELD(pinball_h[1]), false, NAN},
    {"pinball_h_p95", "pinball loss, h", "p95", FIELD(pinball_h[2]), false, NAN},
    {"mae_h", "median", "MAE, h", FIELD(mae_h), false, NAN},
    {"within_2", "median", "x/2", FIELD(within_2), true, 1},
    {"at_once", "told", "at once", FIELD(at_once), true, INFINITY},
    {"coverage_p50", "others within", "p50", FIELD(coverage[MIR_SCORED_P50]), true, 0.5},
    {"coverage_p90", "others within", "p90", FIELD(coverage[MIR_SCORED_P90]), true, 0.9},
    {"coverage_p95", "others within", "p95", FIELD(coverage[MIR_SCORED_P95]), true, 0.95},
};

double mir_score_value(const struct mir_score_column *column, const struct mir_score *score)
{
    double value;

    memcpy(&value, (const char *)score + column->offset, sizeof value);
    return value;
}

char *mir_score_format(const struct mir_score_column *column, double value, char buf[32])
{
    if (isnan(value))
        snprintf(buf, 32, "-");
    else if (column->share)
        snprintf(buf, 32, "%.1f %%", value * 100);
    else
        snprintf(buf, 32, "%.3f", value);
    return buf;
}

/* How far from the best that there could be. */
static double distance(const struct mir_score_column *column, double value)
{
    return isnan(column->goal) ? value : fabs(value - column->goal);
}

static bool looks_like(const struct mir_score_column *column, double a, double b)
{
    char x[32], y[32];

    return strcmp(mir_score_format(column, a, x), mir_score_format(column, b, y)) == 0;
}

bool mir_score_is_best(const struct mir_evaluation *e,
                       const struct mir_score_column *column,
                       uint32_t prediction,
                       uint32_t class)
{
    double own = mir_score_value(column, &e->scores[prediction][class]);
    bool alike = true;

    if (isnan(own) || isinf(column->goal))
        return false;
    for (uint32_t p = 0; p < e->n_predictions; p++) {
        double other = mir_score_value(column, &e->scores[p][class]);

        if (isnan(other) || looks_like(column, own, other))
            continue;
        alike = false;
        if (distance(column, other) < distance(column, own))
            return false;
    }
    return !alike;
}

char *mir_prediction_label(const struct mir_prediction *p, char buf[48])
{
    snprintf(buf, 48, "%s%s", p->name, p->calibrated ? ", calibrated" : "");
    return buf;
}
