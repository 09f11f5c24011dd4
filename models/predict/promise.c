/* SPDX-License-Identifier: GPL-3.0-or-later */
/* promise.c - see promise.h. */
#include "models/predict/promise.h"

#include <assert.h>
#include <math.h>

void mir_promise_make(const struct mir_wait_model *m,
                      const struct mir_request *request,
                      const float x[MIR_N_WAIT_FEATURES],
                      struct mir_promise *out)
{
    double quantiles[MIR_N_WAIT_LEVELS_TRAINED];

    *out = (struct mir_promise){.class = mir_calibration_class(request->n_nodes, request->limit_s)};
    for (int k = 0; k < MIR_N_QUANTILE_METHODS; k++) {
        if (!mir_wait_model_has(m, (enum mir_wait_method)k))
            continue;
        mir_wait_model_quantiles(m, (enum mir_wait_method)k, x, quantiles);
        for (int i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++)
            out->quantiles[k][i] = (float)quantiles[i];
    }
}

void mir_calibrations_init(struct mir_calibration c[MIR_N_QUANTILE_METHODS])
{
    for (int i = 0; i < MIR_N_QUANTILE_METHODS; i++)
        mir_calibration_init(&c[i], MIR_CALIBRATION_GAMMA);
}

static void
said(const struct mir_promise *p, int method, double quantiles[MIR_N_WAIT_LEVELS_TRAINED])
{
    for (int i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++)
        quantiles[i] = (double)p->quantiles[method][i];
}

void mir_promise_learn(const struct mir_promise *p,
                       const struct mir_wait_model *m,
                       double wait_h,
                       struct mir_calibration c[MIR_N_QUANTILE_METHODS])
{
    double quantiles[MIR_N_WAIT_LEVELS_TRAINED];

    for (int i = 0; i < MIR_N_QUANTILE_METHODS; i++) {
        if (!mir_wait_model_has(m, (enum mir_wait_method)i))
            continue;
        said(p, i, quantiles);
        mir_calibration_learn(&c[i], p->class, quantiles, wait_h);
    }
}

double mir_promise_highest(const struct mir_promise *p,
                           const struct mir_wait_model *m,
                           const struct mir_calibration c[MIR_N_QUANTILE_METHODS])
{
    double quantiles[MIR_N_WAIT_LEVELS_TRAINED], highest = 0;

    for (int i = 0; i < MIR_N_QUANTILE_METHODS; i++) {
        if (!mir_wait_model_has(m, (enum mir_wait_method)i))
            continue;
        said(p, i, quantiles);
        highest = fmax(highest, mir_calibration_highest(&c[i], p->class, quantiles));
    }
    return highest;
}

double mir_promise_quantile(const struct mir_promise *p,
                            enum mir_wait_method method,
                            const struct mir_calibration *c,
                            double level)
{
    double quantiles[MIR_N_WAIT_LEVELS_TRAINED];

    assert((int)method < MIR_N_QUANTILE_METHODS);
    said(p, (int)method, quantiles);
    return mir_calibration_quantile(c, p->class, quantiles, level);
}
