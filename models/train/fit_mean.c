/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fit_mean.c - trees for the mean: a random forest, gradient boosting. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "models/train/convert.h"
#include "models/train/fit.h"
#include "models/train/fit_booster.h"
#include "models/train/fit_run.h"

/* ---- Forest */

enum {
    FOREST_TREES = 100,
    FOREST_DEPTH = 10,
    FOREST_TOGETHER = 5,  /* trees that are grown on the same columns */
    FOREST_COLUMNS = 512, /* so many features at a time: memory, and trees that differ */
};

struct forest {
    const struct mir_fit_data *data;
    uint64_t seed;
    uint32_t n_trees, n_columns;
    struct mir_matrix *matrix; /* NULL: tasks take columns of their own */
    float *gradient, *hessian;
    struct mir_trees *parts; /* a task each */
};

static uint32_t n_tasks(const struct forest *f)
{
    return (f->n_trees + FOREST_TOGETHER - 1) / FOREST_TOGETHER;
}

/* A random n_columns of all features, ascending. */
static uint32_t *draw_columns(const struct forest *f, uint32_t task)
{
    uint32_t n_left = f->n_columns, n_features = f->data->n_features;
    uint32_t *columns = MIR_NEW_ARRAY(uint32_t, f->n_columns);
    struct mir_rng rng;

    mir_rng_init(&rng, mir_fit_seed(~f->seed, task));
    for (uint32_t i = 0; i < n_features && n_left > 0; i++)
        if (mir_rng_below(&rng, n_features - i) < n_left)
            columns[f->n_columns - n_left--] = i;
    return columns;
}

static int bin_columns(const struct forest *f,
                       const uint32_t *columns,
                       struct mir_matrix **out,
                       struct mir_error *err)
{
    const struct mir_fit_data *d = f->data;
    float *x = MIR_NEW_ARRAY(float, d->n_rows * f->n_columns);
    int rc;

    for (size_t i = 0; i < d->n_rows; i++)
        for (size_t j = 0; j < f->n_columns; j++)
            x[i * f->n_columns + j] = d->x[i * d->n_features + columns[j]];
    rc = mir_matrix_create(x, d->n_rows, f->n_columns, mir_matrix_bins(f->n_columns, FOREST_DEPTH),
                           out, err);
    free(x);
    return rc;
}

/*
 * As in scikit-learn, each tree gets about as many different rows as a bootstrap has
 * (63 %); as in Breiman's, each split a third of the features.
 */
static int
grow(const struct forest *f, const struct mir_matrix *matrix, uint32_t task, struct mir_error *err)
{
    uint32_t first = task * FOREST_TOGETHER;
    uint32_t n = f->n_trees - first < FOREST_TOGETHER ? f->n_trees - first : FOREST_TOGETHER;
    struct mir_booster_params params = {
        .seed = mir_fit_seed(f->seed, task),
        .max_depth = FOREST_DEPTH,
        .n_parallel = n,
        .eta = n, /* XGBoost divides it by n_parallel */
        .min_child_weight = 3,
        .subsample = 0.632,
        .colsample_bynode = 1.0 / 3,
    };
    struct mir_booster *b = NULL;
    int rc = mir_booster_create(matrix, &params, &b, err);

    if (rc == 0)
        rc = mir_booster_boost(b, f->gradient, f->hessian, err);
    if (rc == 0)
        rc = mir_booster_trees(b, &f->parts[task], NULL, err);
    mir_booster_destroy(b);
    return rc;
}

/* From the numbers of columns to those of features. */
static void rename_features(struct mir_trees *t, const uint32_t *columns, uint32_t n_features)
{
    t->n_features = n_features;
    for (uint32_t i = 0; i < t->n_nodes; i++)
        if (t->nodes[i].feature != MIR_TREE_LEAF)
            t->nodes[i].feature = (uint16_t)columns[t->nodes[i].feature];
}

static int grow_on_columns(const struct forest *f, uint32_t task, struct mir_error *err)
{
    uint32_t *columns = draw_columns(f, task);
    struct mir_matrix *matrix = NULL;
    int rc = bin_columns(f, columns, &matrix, err);

    if (rc == 0)
        rc = grow(f, matrix, task, err);
    if (rc == 0)
        rename_features(&f->parts[task], columns, f->data->n_features);
    mir_matrix_destroy(matrix);
    free(columns);
    return rc;
}

static int grow_task(struct mir_fit_run *run, void *fit, uint32_t task, struct mir_error *err)
{
    struct forest *f = fit;
    int rc = f->matrix != NULL ? grow(f, f->matrix, task, err) : grow_on_columns(f, task, err);

    return rc != 0 ? rc : mir_fit_run_step(run, 1.0 / n_tasks(f), err);
}

static int forest_init(struct forest *f, double mean, struct mir_error *err)
{
    const struct mir_fit_data *d = f->data;

    f->n_columns = d->n_features < FOREST_COLUMNS ? d->n_features : FOREST_COLUMNS;
    f->gradient = MIR_NEW_ARRAY(float, d->n_rows);
    f->hessian = MIR_NEW_ARRAY(float, d->n_rows);
    mir_fit_squared_error(d, mean, f->gradient, f->hessian);
    f->parts = MIR_NEW_ARRAY(struct mir_trees, n_tasks(f));
    if (f->n_columns < d->n_features)
        return 0;
    return mir_matrix_create(d->x, d->n_rows, d->n_features,
                             mir_matrix_bins(d->n_features, FOREST_DEPTH), &f->matrix, err);
}

static void forest_release(struct forest *f)
{
    for (uint32_t i = 0; f->parts != NULL && i < n_tasks(f); i++)
        mir_trees_release(&f->parts[i]);
    mir_matrix_destroy(f->matrix);
    free(f->gradient);
    free(f->hessian);
    free(f->parts);
}

int mir_fit_forest_mean(const struct mir_fit_data *data,
                        const struct mir_fit_options *options,
                        struct mir_trees *out,
                        struct mir_error *err)
{
    struct forest f = {
        .data = data,
        .seed = options->seed,
        .n_trees = mir_fit_number(options->n_trees, FOREST_TREES),
    };
    int rc = mir_fit_check(data, err);
    double mean = rc == 0 ? mir_fit_mean(data) : 0;

    if (rc == 0)
        rc = forest_init(&f, mean, err);
    if (rc == 0)
        rc = mir_fit_run_tasks(options, grow_task, &f, n_tasks(&f), err);
    if (rc == 0)
        rc = mir_convert_join(f.parts, n_tasks(&f), out, err);
    if (rc == 0) {
        out->base[0] = (float)mean;
        out->scale = 1 / (float)f.n_trees;
    }
    forest_release(&f);
    return rc;
}

/* ---- Boosting */

enum { BOOST_ROUNDS = 100, BOOST_DEPTH = 6 };

struct boost {
    const struct mir_fit_data *data;
    uint32_t n_rounds;
    uint64_t seed;
    double mean;
    struct mir_trees trees;
};

static int boost_round(const struct boost *f,
                       struct mir_booster *b,
                       float *gradient,
                       float *hessian,
                       struct mir_error *err)
{
    const float *margins;
    int rc = mir_booster_margins(b, &margins, err);

    if (rc != 0)
        return rc;
    mir_fit_squared_error(f->data, f->mean, gradient, hessian);
    for (size_t i = 0; i < f->data->n_rows; i++)
        gradient[i] += margins[i];
    return mir_booster_boost(b, gradient, hessian, err);
}

static int boost_rounds(struct mir_fit_run *run,
                        const struct boost *f,
                        struct mir_booster *b,
                        struct mir_error *err)
{
    float *gradient = MIR_NEW_ARRAY(float, f->data->n_rows);
    float *hessian = MIR_NEW_ARRAY(float, f->data->n_rows);
    int rc = 0;

    for (uint32_t i = 0; i < f->n_rounds && rc == 0; i++) {
        rc = boost_round(f, b, gradient, hessian, err);
        if (rc == 0)
            rc = mir_fit_run_step(run, 1.0 / f->n_rounds, err);
    }
    free(gradient);
    free(hessian);
    return rc;
}

/* XGBoost's defaults, but for the method: its own is the slow exact one. */
static int boost_task(struct mir_fit_run *run, void *fit, uint32_t task, struct mir_error *err)
{
    struct boost *f = fit;
    const struct mir_fit_data *d = f->data;
    struct mir_booster_params params = {
        .seed = mir_fit_seed(f->seed, task),
        .max_depth = BOOST_DEPTH,
        .n_parallel = 1,
        .eta = 0.3,
        .lambda = 1,
        .min_child_weight = 1,
        .subsample = 1,
        .colsample_bynode = 1,
    };
    struct mir_matrix *matrix = NULL;
    struct mir_booster *b = NULL;
    int rc = mir_matrix_create(d->x, d->n_rows, d->n_features,
                               mir_matrix_bins(d->n_features, BOOST_DEPTH), &matrix, err);

    if (rc == 0)
        rc = mir_booster_create(matrix, &params, &b, err);
    if (rc == 0)
        rc = boost_rounds(run, f, b, err);
    if (rc == 0)
        rc = mir_booster_trees(b, &f->trees, NULL, err);
    mir_booster_destroy(b);
    mir_matrix_destroy(matrix);
    return rc;
}

int mir_fit_boost_mean(const struct mir_fit_data *data,
                       const struct mir_fit_options *options,
                       struct mir_trees *out,
                       struct mir_error *err)
{
    struct boost f = {
        .data = data,
        .n_rounds = mir_fit_number(options->n_rounds, BOOST_ROUNDS),
        .seed = options->seed,
    };
    int rc = mir_fit_check(data, err);

    if (rc != 0)
        return rc;
    f.mean = mir_fit_mean(data);
    rc = mir_fit_run_tasks(options, boost_task, &f, 1, err);
    if (rc != 0)
        return rc;
    *out = f.trees;
    out->base[0] = (float)f.mean;
    return 0;
}
