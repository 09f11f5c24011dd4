/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fit_boost.c - boosted quantiles. */
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "models/train/convert.h"
#include "models/train/fit.h"
#include "models/train/fit_booster.h"
#include "models/train/fit_run.h"

enum {
    N_ROUNDS = 80,
    N_PARALLEL = 4,
    MAX_DEPTH = 4,
};

/* Over how many units of y the pinball's corner is rounded. */
#define SMOOTH 0.2F

/* The second derivative is zero nearly everywhere, so that it cannot steer: a constant. */
#define HESSIAN 0.5F

struct boost {
    const struct mir_fit_data *data;
    const float *levels;
    float base[MIR_TREES_MAX_OUTPUTS]; /* where each level starts: the quantile of all y */
    uint32_t n_levels, n_rounds;
    uint64_t seed;
    struct mir_matrix *matrix;
    float *hessian;
    struct mir_trees *parts; /* of a level each */
    double *gains;           /* n_levels x n_features */
};

/*
 * exp without libm, whose last bits differ from version to version: 2^n times a
 * Taylor polynomial on half of ln 2 to either side; right to 1e-6 of itself.
 */
static inline float exp_near(float v)
{
    float n = (float)(int32_t)(v * 1.44269504F + (v < 0 ? -0.5F : 0.5F));
    float r = v - n * 0.693359375F + n * 2.12194440e-4F;
    float e = 1 + r * (1 + r * (0.5F + r * (1.F / 6 + r * (1.F / 24 + r * (1.F / 120)))));
    uint32_t bits = (uint32_t)((int32_t)n + 127) << 23;
    float scale;

    memcpy(&scale, &bits, sizeof(scale));
    return e * scale;
}

static inline float sigmoid(float v)
{
    return 1 / (1 + exp_near(v < -30 ? 30 : v > 30 ? -30 : -v));
}

static void pinball_gradient(const struct mir_fit_data *d,
                             float level,
                             float base,
                             const float *margins,
                             float *out)
{
    for (size_t i = 0; i < d->n_rows; i++) {
        float above = d->y[i] - base - margins[i];

        out[i] = 1 - level - sigmoid(above / SMOOTH);
    }
    /* Of a censored row it is known that it is above what is below its bound, and no more. */
    for (size_t i = 0; i < d->n_rows && d->censored != NULL; i++)
        if (d->censored[i])
            out[i] = d->y[i] - base - margins[i] > 0 ? -level : 0;
}

static int boost_rounds(struct mir_fit_run *run,
                        const struct boost *f,
                        uint32_t k,
                        struct mir_booster *b,
                        struct mir_error *err)
{
    float *gradient = MIR_NEW_ARRAY(float, f->data->n_rows);
    const float *margins;
    int rc = 0;

    for (uint32_t i = 0; i < f->n_rounds && rc == 0; i++) {
        rc = mir_booster_margins(b, &margins, err);
        if (rc != 0)
            break;
        pinball_gradient(f->data, f->levels[k], f->base[k], margins, gradient);
        rc = mir_booster_boost(b, gradient, f->hessian, err);
        if (rc == 0)
            rc = mir_fit_run_step(run, 1.0 / f->n_rounds / f->n_levels, err);
    }
    free(gradient);
    return rc;
}

static int boost_level(struct mir_fit_run *run, void *fit, uint32_t k, struct mir_error *err)
{
    struct boost *f = fit;
    struct mir_booster_params params = {
        .seed = mir_fit_seed(f->seed, k),
        .max_depth = MAX_DEPTH,
        .n_parallel = N_PARALLEL,
        .eta = 0.3,
        .lambda = 0.1,
        .min_child_weight = 60, /* of HESSIAN per sampled row */
        .subsample = 0.3,
        .colsample_bynode = 0.3,
    };
    struct mir_booster *b = NULL;
    int rc = mir_booster_create(f->matrix, &params, &b, err);

    if (rc == 0)
        rc = boost_rounds(run, f, k, b, err);
    if (rc == 0)
        rc = mir_booster_trees(b, &f->parts[k], f->gains + (size_t)k * f->data->n_features, err);
    if (rc == 0)
        mir_convert_widen(&f->parts[k], k, f->n_levels);
    mir_booster_destroy(b);
    return rc;
}

static int boost_init(struct boost *f, struct mir_error *err)
{
    const struct mir_fit_data *d = f->data;
    uint32_t n_bins = mir_matrix_bins(d->n_features, MAX_DEPTH);
    uint32_t *order = mir_fit_order(d);

    mir_fit_quantiles(d, order, d->n_rows, f->levels, f->n_levels, f->base);
    free(order);
    f->hessian = MIR_NEW_ARRAY(float, d->n_rows);
    for (size_t i = 0; i < d->n_rows; i++)
        f->hessian[i] = HESSIAN;
    f->parts = MIR_NEW_ARRAY(struct mir_trees, f->n_levels);
    f->gains = MIR_NEW_ARRAY(double, (size_t)f->n_levels * d->n_features);
    return mir_matrix_create(d->x, d->n_rows, d->n_features, n_bins, &f->matrix, err);
}

static void boost_release(struct boost *f)
{
    for (uint32_t i = 0; i < f->n_levels && f->parts != NULL; i++)
        mir_trees_release(&f->parts[i]);
    mir_matrix_destroy(f->matrix);
    free(f->hessian);
    free(f->parts);
    free(f->gains);
}

int mir_fit_boost_q(const struct mir_fit_data *data,
                    const float *levels,
                    uint32_t n_levels,
                    const struct mir_fit_options *options,
                    struct mir_trees *out,
                    float *gain,
                    struct mir_error *err)
{
    struct boost f = {
        .data = data,
        .levels = levels,
        .n_levels = n_levels,
        .n_rounds = mir_fit_number(options->n_rounds, N_ROUNDS),
        .seed = options->seed,
    };
    int rc = mir_fit_check_q(data, levels, n_levels, err);

    if (rc == 0)
        rc = boost_init(&f, err);
    if (rc == 0)
        rc = mir_fit_run_tasks(options, boost_level, &f, n_levels, err);
    if (rc == 0)
        rc = mir_convert_join(f.parts, n_levels, out, err);
    if (rc == 0) {
        memcpy(out->base, f.base, n_levels * sizeof(*f.base));
        (void)mir_trees_narrow(out);
        mir_fit_share_gain(f.gains, n_levels, data->n_features, gain);
    }
    boost_release(&f);
    return rc;
}
