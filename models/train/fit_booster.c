/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fit_booster.c - matrices and boosters. */
#include "models/train/fit_booster.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include <xgboost/c_api.h>

#include "daemon/core/alloc.h"
#include "models/train/convert.h"

enum {
    HISTOGRAM_BYTES = 1 << 29, /* per thread */
    MIN_BINS = 16,
    MAX_BINS = 256,
};

/*
 * What XGBoost gets for a missing number: less than any that there is.  Where no
 * number is missing it bins them into a byte each, and grows trees in two thirds of
 * the time; a tree can still tell, by a split below the least number there is.
 */
static const float MISSING = -1e30F;

struct mir_matrix {
    DMatrixHandle handle;
    size_t n_rows;
    uint32_t n_features;
    uint32_t max_bin;
};

struct mir_booster {
    BoosterHandle handle;
    const struct mir_matrix *matrix;
};

/* The first line: below it is a stack trace. */
static int failed(struct mir_error *err, const char *what)
{
    const char *text = XGBGetLastError();

    return mir_error_set(err, -EIO, "XGBoost, %s: %.*s", what, (int)strcspn(text, "\n"), text);
}

static void drop(const char *message)
{
    (void)message;
}

/* Both are the calling thread's own. */
static int quiet(struct mir_error *err)
{
    if (XGBRegisterLogCallback(drop) != 0 || XGBSetGlobalConfig("{\"verbosity\": 0}") != 0)
        return failed(err, "configuration");
    return 0;
}

/* ---- Rows */

uint32_t mir_matrix_bins(uint32_t n_features, uint32_t max_depth)
{
    /* A node of the last level has none. */
    uint64_t n_nodes = ((uint64_t)1 << max_depth) - 1;
    uint64_t n = HISTOGRAM_BYTES / (16 * n_nodes * n_features);

    return n < MIN_BINS ? MIN_BINS : n > MAX_BINS ? MAX_BINS : (uint32_t)n;
}

/* A booster of one leaf: rows are binned when the first booster meets them. */
static int bin(const struct mir_matrix *m, struct mir_error *err)
{
    struct mir_booster_params stump = {
        .max_depth = 1, .n_parallel = 1, .eta = 1, .subsample = 1, .colsample_bynode = 1};
    float *zeros = MIR_NEW_ARRAY(float, m->n_rows);
    struct mir_booster *b = NULL;
    int rc = mir_booster_create(m, &stump, &b, err);

    if (rc == 0)
        rc = mir_booster_boost(b, zeros, zeros, err);
    mir_booster_destroy(b);
    free(zeros);
    return rc;
}

/* `x` with MISSING for NaN; NULL when there is none.  The caller frees. */
static float *fill_missing(const float *x, size_t n)
{
    float *filled = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!isnan(x[i]))
            continue;
        if (filled == NULL) {
            filled = MIR_NEW_ARRAY(float, n);
            memcpy(filled, x, n * sizeof(*x));
        }
        filled[i] = MISSING;
    }
    return filled;
}

int mir_matrix_create(const float *x,
                      size_t n_rows,
                      uint32_t n_features,
                      uint32_t max_bin,
                      struct mir_matrix **out,
                      struct mir_error *err)
{
    struct mir_matrix *m = MIR_NEW(struct mir_matrix);
    float *filled = fill_missing(x, n_rows * n_features);
    int rc = quiet(err);

    *m = (struct mir_matrix){NULL, n_rows, n_features, max_bin};
    if (rc == 0 && XGDMatrixCreateFromMat_omp(filled != NULL ? filled : x, n_rows, n_features, NAN,
                                              &m->handle, 1) != 0)
        rc = failed(err, "rows");
    free(filled);
    if (rc == 0)
        rc = bin(m, err);
    if (rc != 0) {
        mir_matrix_destroy(m);
        return rc;
    }
    *out = m;
    return 0;
}

void mir_matrix_destroy(struct mir_matrix *m)
{
    if (m == NULL)
        return;
    if (m->handle != NULL)
        (void)XGDMatrixFree(m->handle);
    free(m);
}

int mir_matrix_set(struct mir_matrix *m,
                   const char *field,
                   const float *values,
                   struct mir_error *err)
{
    return XGDMatrixSetFloatInfo(m->handle, field, values, m->n_rows) != 0 ? failed(err, field) : 0;
}

/* ---- Boosters */

static int set_text(struct mir_booster *b, const char *name, const char *value, struct mir_error *e)
{
    return XGBoosterSetParam(b->handle, name, value) != 0 ? failed(e, name) : 0;
}

static int set_number(struct mir_booster *b, const char *name, double value, struct mir_error *err)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%.10g", value);
    return set_text(b, name, text, err);
}

static int set_objective(struct mir_booster *b, double aft_scale, struct mir_error *err)
{
    int rc;

    if (aft_scale == 0) {
        rc = set_text(b, "objective", "reg:squarederror", err);
        return rc != 0 ? rc : set_number(b, "base_score", 0, err);
    }
    rc = set_text(b, "objective", "survival:aft", err);
    if (rc == 0)
        rc = set_text(b, "aft_loss_distribution", "normal", err);
    if (rc == 0)
        rc = set_number(b, "aft_loss_distribution_scale", aft_scale, err);
    /* Of the time, whose logarithm is the margin. */
    return rc != 0 ? rc : set_number(b, "base_score", 1, err);
}

static int set_all(struct mir_booster *b, const struct mir_booster_params *p, struct mir_error *err)
{
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"verbosity", 0},
        {"nthread", 1},
        {"seed", (double)(p->seed >> 33)}, /* XGBoost's generator takes 32 bits */
        {"max_bin", b->matrix->max_bin},   /* another number would bin again */
        {"max_depth", p->max_depth},
        {"num_parallel_tree", p->n_parallel},
        {"eta", p->eta},
        {"lambda", p->lambda},
        {"min_child_weight", p->min_child_weight},
        {"subsample", p->subsample},
        {"colsample_bynode", p->colsample_bynode},
    };
    int rc = set_text(b, "tree_method", "hist", err);

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers) && rc == 0; i++)
        rc = set_number(b, numbers[i].name, numbers[i].value, err);
    return rc != 0 ? rc : set_objective(b, p->aft_scale, err);
}

int mir_booster_create(const struct mir_matrix *m,
                       const struct mir_booster_params *params,
                       struct mir_booster **out,
                       struct mir_error *err)
{
    struct mir_booster *b = MIR_NEW(struct mir_booster);
    int rc = quiet(err);

    b->matrix = m;
    if (rc == 0 && XGBoosterCreate(&m->handle, 1, &b->handle) != 0)
        rc = failed(err, "booster");
    if (rc == 0)
        rc = set_all(b, params, err);
    if (rc != 0) {
        mir_booster_destroy(b);
        return rc;
    }
    *out = b;
    return 0;
}

void mir_booster_destroy(struct mir_booster *b)
{
    if (b == NULL)
        return;
    if (b->handle != NULL)
        (void)XGBoosterFree(b->handle);
    free(b);
}

int mir_booster_boost(struct mir_booster *b, float *gradient, float *hessian, struct mir_error *err)
{
    return XGBoosterBoostOneIter(b->handle, b->matrix->handle, gradient, hessian,
                                 b->matrix->n_rows) != 0
               ? failed(err, "boosting")
               : 0;
}

int mir_booster_update(struct mir_booster *b, int round, struct mir_error *err)
{
    return XGBoosterUpdateOneIter(b->handle, round, b->matrix->handle) != 0
               ? failed(err, "boosting")
               : 0;
}

int mir_booster_margins(struct mir_booster *b, const float **out, struct mir_error *err)
{
    static const char config[] = "{\"type\": 1, \"training\": true, \"iteration_begin\": 0, "
                                 "\"iteration_end\": 0, \"strict_shape\": true}";
    const bst_ulong *shape;
    bst_ulong n_dimensions;

    if (XGBoosterPredictFromDMatrix(b->handle, b->matrix->handle, config, &shape, &n_dimensions,
                                    out) != 0)
        return failed(err, "prediction");
    assert(n_dimensions == 2 && shape[0] == b->matrix->n_rows && shape[1] == 1);
    return 0;
}

int mir_booster_trees(struct mir_booster *b,
                      struct mir_trees *out,
                      double *gain,
                      struct mir_error *err)
{
    bst_ulong len;
    const char *json;
    int rc;

    if (XGBoosterSaveModelToBuffer(b->handle, "{\"format\": \"json\"}", &len, &json) != 0)
        return failed(err, "saving");
    rc = mir_convert_model(json, len, b->matrix->n_features, out, gain, err);
    /* Where MISSING went. */
    for (uint32_t i = 0; rc == 0 && i < out->n_nodes; i++)
        if (out->nodes[i].feature != MIR_TREE_LEAF)
            out->nodes[i].missing_left = MISSING < out->nodes[i].threshold;
    return rc;
}
