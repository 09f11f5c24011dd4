/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fit_aft.c - survival:aft, the accelerated failure time model (Barnwal, Cho and
 * Hocking, arXiv 2006.04920).  XGBoost takes bounds of a time and models its
 * logarithm, which is what y is; the scale is a parameter that it does not fit.
 * So: with a guess and without some rows, whose residuals tell the scale; again with
 * that; then with the scale found and all rows.
 */
#include <errno.h>
#include <math.h>
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
    MIN_CHILD_ROWS = 120,
    N_BLOCKS = 25, /* neighbouring rows are alike: what is held out is in blocks, ... */
    EVERY = 5,     /* ... one of so many */
    N_GUESSES = 2, /* of the scale: a wrong one moves the location where rows are censored */
};

struct aft {
    const struct mir_fit_data *data;
    uint32_t n_rounds;
    uint64_t seed;
    double mean, scale;
    struct mir_matrix *matrix;
    struct mir_trees trees;
};

static bool is_censored(const struct mir_fit_data *d, size_t row)
{
    return d->censored != NULL && d->censored[row];
}

static bool is_held_out(const struct mir_fit_data *d, size_t row)
{
    return row * N_BLOCKS / d->n_rows % EVERY == EVERY - 1;
}

/* Around the mean, so that margins start at 0. */
static int set_bounds(const struct aft *f, struct mir_error *err)
{
    const struct mir_fit_data *d = f->data;
    float *bound = MIR_NEW_ARRAY(float, d->n_rows);
    int rc;

    for (size_t i = 0; i < d->n_rows; i++)
        bound[i] = (float)exp((double)d->y[i] - f->mean);
    rc = mir_matrix_set(f->matrix, "label_lower_bound", bound, err);
    for (size_t i = 0; i < d->n_rows; i++)
        if (is_censored(d, i))
            bound[i] = INFINITY;
    if (rc == 0)
        rc = mir_matrix_set(f->matrix, "label_upper_bound", bound, err);
    free(bound);
    return rc;
}

static int set_weights(const struct aft *f, bool hold_out, struct mir_error *err)
{
    float *weight = MIR_NEW_ARRAY(float, f->data->n_rows);
    int rc;

    for (size_t i = 0; i < f->data->n_rows; i++)
        weight[i] = hold_out && is_held_out(f->data, i) ? 0 : 1;
    rc = mir_matrix_set(f->matrix, "weight", weight, err);
    free(weight);
    return rc;
}

static int
boost(struct mir_fit_run *run, const struct aft *f, struct mir_booster **out, struct mir_error *err)
{
    struct mir_booster_params params = {
        .seed = f->seed,
        .max_depth = MAX_DEPTH,
        .n_parallel = N_PARALLEL,
        .eta = 0.3,
        .lambda = 0.1,
        /* A row that is not censored weighs one over the variance. */
        .min_child_weight = MIN_CHILD_ROWS / (f->scale * f->scale),
        .subsample = 0.3,
        .colsample_bynode = 0.3,
        .aft_scale = f->scale,
    };
    int rc = mir_booster_create(f->matrix, &params, out, err);

    for (uint32_t i = 0; i < f->n_rounds && rc == 0; i++) {
        rc = mir_booster_update(*out, (int)i, err);
        if (rc == 0)
            rc = mir_fit_run_step(run, 1.0 / (N_GUESSES + 1) / f->n_rounds, err);
    }
    return rc;
}

/* Mean square of a centred normal variable of this scale that is above `bound`. */
static double square_above(double bound, double scale)
{
    double z = bound / scale;
    double tail = erfc(z / sqrt(2)) / 2;
    double hazard = tail > 0 ? exp(-z * z / 2) / sqrt(2 * 3.14159265358979) / tail : z;

    return scale * scale * (1 + z * hazard);
}

/* One step of expectation and maximisation (Dempster, Laird and Rubin 1977). */
static double improve_scale(const struct aft *f, const float *margins, double scale)
{
    const struct mir_fit_data *d = f->data;
    double sum = 0, n = 0;

    for (size_t i = 0; i < d->n_rows; i++) {
        double residual = (double)d->y[i] - f->mean - (double)margins[i];

        if (!is_held_out(d, i))
            continue;
        sum += is_censored(d, i) ? square_above(residual, scale) : residual * residual;
        n++;
    }
    return fmax(sqrt(sum / n), 1e-3);
}

/* Least squares around the mean; censored rows as they are. */
static double guess_scale(const struct aft *f)
{
    const struct mir_fit_data *d = f->data;
    double sum = 0;

    for (size_t i = 0; i < d->n_rows; i++)
        sum += ((double)d->y[i] - f->mean) * ((double)d->y[i] - f->mean);
    return fmax(sqrt(sum / (double)d->n_rows), 1e-3);
}

static int measure_scale(struct mir_fit_run *run, struct aft *f, struct mir_error *err)
{
    struct mir_booster *b = NULL;
    const float *margins;
    int rc = boost(run, f, &b, err);

    if (rc == 0)
        rc = mir_booster_margins(b, &margins, err);
    for (int i = 0; i < 50 && rc == 0; i++)
        f->scale = improve_scale(f, margins, f->scale);
    mir_booster_destroy(b);
    return rc;
}

static int fit_all(struct mir_fit_run *run, struct aft *f, struct mir_error *err)
{
    struct mir_booster *b = NULL;
    int rc = boost(run, f, &b, err);

    if (rc == 0)
        rc = mir_booster_trees(b, &f->trees, NULL, err);
    mir_booster_destroy(b);
    return rc;
}

static int aft_task(struct mir_fit_run *run, void *fit, uint32_t task, struct mir_error *err)
{
    struct aft *f = fit;
    int rc = set_bounds(f, err);

    (void)task;
    f->scale = guess_scale(f);
    if (rc == 0)
        rc = set_weights(f, true, err);
    for (int i = 0; i < N_GUESSES && rc == 0; i++)
        rc = measure_scale(run, f, err);
    if (rc == 0)
        rc = set_weights(f, false, err);
    return rc != 0 ? rc : fit_all(run, f, err);
}

static int check_range(const struct mir_fit_data *d, struct mir_error *err)
{
    for (size_t i = 0; i < d->n_rows; i++)
        if (fabsf(d->y[i]) > MIR_FIT_MAX_LOG_Y)
            return mir_error_set(err, -EINVAL, "row %zu: y is %g, no logarithm of a time", i,
                                 (double)d->y[i]);
    return 0;
}

int mir_fit_aft(const struct mir_fit_data *data,
                const struct mir_fit_options *options,
                struct mir_trees *out,
                struct mir_error *err)
{
    struct aft f = {
        .data = data,
        .n_rounds = mir_fit_number(options->n_rounds, N_ROUNDS),
        .seed = mir_fit_seed(options->seed, 0),
    };
    int rc = mir_fit_check(data, err);

    if (rc == 0)
        rc = check_range(data, err);
    if (rc != 0)
        return rc;
    f.mean = mir_fit_mean(data);
    rc = mir_matrix_create(data->x, data->n_rows, data->n_features,
                           mir_matrix_bins(data->n_features, MAX_DEPTH), &f.matrix, err);
    if (rc == 0)
        rc = mir_fit_run_tasks(options, aft_task, &f, 1, err);
    mir_matrix_destroy(f.matrix);
    if (rc != 0)
        return rc;
    mir_convert_widen(&f.trees, 0, 2);
    *out = f.trees;
    out->base[0] = (float)f.mean;
    out->base[1] = (float)f.scale;
    (void)mir_trees_narrow(out);
    return 0;
}
