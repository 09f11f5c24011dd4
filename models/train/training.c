/* SPDX-License-Identifier: GPL-3.0-or-later */
/* training.c - see training.h. */
#include "models/train/training.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

static int fit_quantiles(enum mir_wait_method method,
                         const struct mir_fit_rows *rows,
                         const struct mir_fit_options *options,
                         struct mir_wait_model *model,
                         struct mir_error *err)
{
    const struct mir_fit_data data = mir_fit_rows_data(rows);
    struct mir_trees *trees = &model->trees[method];
    float gain[MIR_N_WAIT_FEATURES] = {0};
    int rc;

    if (method == MIR_WAIT_FOREST_Q)
        rc = mir_fit_forest_q(&data, mir_wait_levels, MIR_N_WAIT_LEVELS_TRAINED, options, trees,
                              gain, err);
    else
        rc = mir_fit_boost_q(&data, mir_wait_levels, MIR_N_WAIT_LEVELS_TRAINED, options, trees,
                             gain, err);
    if (rc == 0 && (method == MIR_WAIT_XGB_Q || !mir_wait_model_has(model, MIR_WAIT_XGB_Q)))
        memcpy(model->importance, gain, sizeof gain);
    return rc;
}

/* The paper's regressors know nothing of waits that are not over: those are left out. */
static int fit_mean(enum mir_wait_method method,
                    const struct mir_paper_labels *paper,
                    const struct mir_fit_options *options,
                    struct mir_wait_model *model,
                    struct mir_error *err)
{
    struct mir_fit_data data = {.n_features = MIR_PAPER_STATE};
    float *x = MIR_NEW_ARRAY(float, paper->n *MIR_PAPER_STATE), *y = MIR_NEW_ARRAY(float, paper->n);
    int rc;

    for (size_t i = 0; i < paper->n; i++) {
        if (paper->rows[i].censored)
            continue;
        memcpy(x + data.n_rows * MIR_PAPER_STATE, paper->states + i * MIR_PAPER_STATE,
               MIR_PAPER_STATE * sizeof(*x));
        y[data.n_rows++] = paper->rows[i].wait_h - paper->rows[i].left_h;
    }
    data.x = x;
    data.y = y;
    if (method == MIR_WAIT_RF)
        rc = mir_fit_forest_mean(&data, options, &model->trees[method], err);
    else
        rc = mir_fit_boost_mean(&data, options, &model->trees[method], err);
    free(x);
    free(y);
    return rc;
}

int mir_training_fit(enum mir_wait_method method,
                     const struct mir_fit_rows *rows,
                     const struct mir_paper_labels *paper,
                     const struct mir_fit_options *options,
                     struct mir_wait_model *model,
                     struct mir_error *err)
{
    mir_trees_release(&model->trees[method]);
    if (method == MIR_WAIT_FOREST_Q || method == MIR_WAIT_XGB_Q)
        return fit_quantiles(method, rows, options, model, err);
    return fit_mean(method, paper, options, model, err);
}
