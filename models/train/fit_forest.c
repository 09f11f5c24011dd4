/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fit_forest.c - the quantile forest. */
#include <math.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "models/train/convert.h"
#include "models/train/fit.h"
#include "models/train/fit_booster.h"
#include "models/train/fit_run.h"

enum {
    N_TREES = 60,
    MAX_DEPTH = 9,
    MIN_CHILD_ROWS = 40, /* sampled ones: three times as many of all */
};

struct forest {
    const struct mir_fit_data *data;
    const float *levels;
    uint32_t n_levels, n_trees;
    uint64_t seed;
    struct mir_matrix *matrix;
    uint32_t *order;           /* mir_fit_order() */
    float *gradient, *hessian; /* of the squared error of a constant: the same for all trees */
    struct mir_trees *parts;   /* a tree each */
    double *gains;             /* n_trees x n_features */
};

static uint32_t find_leaf(const struct mir_trees *t, const float *x)
{
    const struct mir_tree_node *node = &t->nodes[t->roots[0]];

    while (node->feature != MIR_TREE_LEAF) {
        float v = x[node->feature];
        bool left = isnan(v) ? node->missing_left : v < node->threshold;

        node = &t->nodes[node->left + !left];
    }
    return node->left;
}

/* ends[i]: where leaf i's rows end in `rows`, which has each leaf's by y. */
static void sort_into_leaves(const struct forest *f,
                             const struct mir_trees *tree,
                             uint32_t *ends,
                             uint32_t *rows)
{
    const struct mir_fit_data *d = f->data;
    uint32_t *leaf = MIR_NEW_ARRAY(uint32_t, d->n_rows);

    for (size_t i = 0; i < d->n_rows; i++) {
        leaf[i] = find_leaf(tree, d->x + i * d->n_features);
        if (leaf[i] + 1 < tree->n_leaves)
            ends[leaf[i] + 1]++;
    }
    for (uint32_t i = 1; i < tree->n_leaves; i++)
        ends[i] += ends[i - 1]; /* where leaf i begins, for now */
    for (size_t i = 0; i < d->n_rows; i++)
        rows[ends[leaf[f->order[i]]]++] = f->order[i];
    free(leaf);
}

/* All rows count in their leaf, not only those that the tree was grown on. */
static void fill_leaves(const struct forest *f, struct mir_trees *tree)
{
    uint32_t *ends = MIR_NEW_ARRAY(uint32_t, tree->n_leaves);
    uint32_t *rows = MIR_NEW_ARRAY(uint32_t, f->data->n_rows);

    sort_into_leaves(f, tree, ends, rows);
    mir_convert_widen(tree, 0, f->n_levels);
    for (uint32_t i = 0; i < tree->n_leaves; i++) {
        uint32_t begin = i > 0 ? ends[i - 1] : 0;

        if (ends[i] > begin)
            mir_fit_quantiles(f->data, rows + begin, ends[i] - begin, f->levels, f->n_levels,
                              tree->values + (size_t)i * f->n_levels);
    }
    free(rows);
    free(ends);
}

static int grow(const struct forest *f, uint32_t number, struct mir_error *err)
{
    struct mir_booster_params params = {
        .seed = mir_fit_seed(f->seed, number),
        .max_depth = MAX_DEPTH,
        .n_parallel = 1,
        .eta = 1,
        .min_child_weight = MIN_CHILD_ROWS,
        .subsample = 0.3,
        .colsample_bynode = 0.4,
    };
    struct mir_booster *b = NULL;
    int rc = mir_booster_create(f->matrix, &params, &b, err);

    if (rc == 0)
        rc = mir_booster_boost(b, f->gradient, f->hessian, err);
    if (rc == 0)
        rc = mir_booster_trees(b, &f->parts[number],
                               f->gains + (size_t)number * f->data->n_features, err);
    mir_booster_destroy(b);
    return rc;
}

static int grow_tree(struct mir_fit_run *run, void *fit, uint32_t number, struct mir_error *err)
{
    struct forest *f = fit;
    int rc = grow(f, number, err);

    if (rc != 0)
        return rc;
    fill_leaves(f, &f->parts[number]);
    return mir_fit_run_step(run, 1.0 / f->n_trees, err);
}

static int forest_init(struct forest *f, struct mir_error *err)
{
    const struct mir_fit_data *d = f->data;
    uint32_t n_bins = mir_matrix_bins(d->n_features, MAX_DEPTH);

    f->order = mir_fit_order(d);
    f->gradient = MIR_NEW_ARRAY(float, d->n_rows);
    f->hessian = MIR_NEW_ARRAY(float, d->n_rows);
    mir_fit_squared_error(d, mir_fit_mean(d), f->gradient, f->hessian);
    f->parts = MIR_NEW_ARRAY(struct mir_trees, f->n_trees);
    f->gains = MIR_NEW_ARRAY(double, (size_t)f->n_trees * d->n_features);
    return mir_matrix_create(d->x, d->n_rows, d->n_features, n_bins, &f->matrix, err);
}

static void forest_release(struct forest *f)
{
    for (uint32_t i = 0; i < f->n_trees && f->parts != NULL; i++)
        mir_trees_release(&f->parts[i]);
    mir_matrix_destroy(f->matrix);
    free(f->order);
    free(f->gradient);
    free(f->hessian);
    free(f->parts);
    free(f->gains);
}

int mir_fit_forest_q(const struct mir_fit_data *data,
                     const float *levels,
                     uint32_t n_levels,
                     const struct mir_fit_options *options,
                     struct mir_trees *out,
                     float *gain,
                     struct mir_error *err)
{
    struct forest f = {
        .data = data,
        .levels = levels,
        .n_levels = n_levels,
        .n_trees = mir_fit_number(options->n_trees, N_TREES),
        .seed = options->seed,
    };
    int rc = mir_fit_check_q(data, levels, n_levels, err);

    if (rc == 0)
        rc = forest_init(&f, err);
    if (rc == 0)
        rc = mir_fit_run_tasks(options, grow_tree, &f, f.n_trees, err);
    if (rc == 0)
        rc = mir_convert_join(f.parts, f.n_trees, out, err);
    if (rc == 0) {
        out->scale = 1 / (float)f.n_trees;
        mir_fit_share_gain(f.gains, f.n_trees, data->n_features, gain);
    }
    forest_release(&f);
    return rc;
}
