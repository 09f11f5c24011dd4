/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.c - see check.h. */
#include "models/train/check.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    DAY_S = 86400,
    SHARE = 8, /* the window's last eighth is held out, within bounds */
    MIN_S = 4 * DAY_S,
    MAX_S = 16 * DAY_S,
    UNKNOWN_S = 2 * DAY_S, /* the last waits are hardly known */
};

/* ---- Days */

bool mir_check_days(int64_t from_at,
                    int64_t to_at,
                    int64_t current_to_at,
                    struct mir_check_days *out)
{
    int64_t held_out_s = (to_at - from_at) / SHARE;

    held_out_s = held_out_s < MIN_S ? MIN_S : held_out_s;
    held_out_s = held_out_s > MAX_S ? MAX_S : held_out_s;
    if (held_out_s * 2 > to_at - from_at)
        return false;
    *out = (struct mir_check_days){
        .from_at = to_at - held_out_s,
        .to_at = to_at - UNKNOWN_S,
        .compares = current_to_at != INT64_MIN && current_to_at <= to_at - MIN_S,
    };
    if (out->compares && current_to_at > out->from_at)
        out->from_at = current_to_at;
    return true;
}

/* ---- The model in use */

int mir_check_open_current(const char *path, struct mir_wait_model **out, struct mir_error *err)
{
    struct mir_wait_model *m = NULL;
    struct mir_error why = {{0}};
    int rc = mir_wait_model_load(path, &m, &why);

    if (rc == -EBADMSG || rc == -ENOEXEC || rc == -EFBIG)
        return mir_error_set(err, -ENODATA, "%s", why.text);
    if (rc != 0)
        return mir_error_set(err, rc, "%s", why.text);
    if (!mir_wait_model_has(m, MIR_WAIT_FOREST_Q) && !mir_wait_model_has(m, MIR_WAIT_XGB_Q)) {
        mir_wait_model_unref(m);
        return mir_error_set(err, -ENODATA, "%s: predicts no quantiles", path);
    }
    *out = m;
    return 0;
}

/* ---- Scores */

void mir_check_add(struct mir_wait_model *m, double value, const char *fmt, ...)
{
    struct mir_model_score *score = &m->scores[m->n_scores];
    va_list args;

    if (m->n_scores == MIR_MODEL_SCORES_MAX || !isfinite(value))
        return;
    va_start(args, fmt);
    vsnprintf(score->name, sizeof score->name, fmt, args);
    va_end(args);
    score->value = value;
    m->n_scores++;
}

void mir_check_add_all(struct mir_wait_model *m, const char *who, const struct mir_evaluation *e)
{
    for (uint32_t p = 0; p < e->n_predictions; p++) {
        const struct mir_score *s = &e->scores[p][0];
        char name[sizeof m->scores[0].name];

        snprintf(name, sizeof name, "%s %s%s", who, e->predictions[p].name,
                 e->predictions[p].calibrated ? " calibrated" : "");
        for (unsigned k = 0; k < MIR_N_PROMISES; k++)
            mir_check_add(m, s->pinball_t[k], "%s pinball %g", name,
                          mir_scored_levels[mir_promises[k]]);
        mir_check_add(m, s->mae_h, "%s mae h", name);
        mir_check_add(m, s->within_2, "%s within 2", name);
        for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++)
            mir_check_add(m, s->coverage[k], "%s coverage %g", name, mir_scored_levels[k]);
    }
}
