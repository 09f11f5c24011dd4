/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_convert.c - do converted trees say what XGBoost says? */
#include "models/train/convert.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <xgboost/c_api.h>

#include "tests/unit/fit_fixture.h"

enum { N_FEATURES = 9, N_ROWS = 3000 };

static const char margin[] = "{\"type\": 1, \"training\": false, \"iteration_begin\": 0, "
                             "\"iteration_end\": 0, \"strict_shape\": true}";

static void xgb(int rc)
{
    if (rc != 0)
        fail_msg("%s", XGBGetLastError());
}

struct booster {
    struct fit_rows rows;
    DMatrixHandle matrix;
    BoosterHandle handle;
    struct mir_trees trees;
    double gain[N_FEATURES];
};

static DMatrixHandle matrix_of(const float *x, size_t n)
{
    DMatrixHandle m;

    xgb(XGDMatrixCreateFromMat_omp(x, n, N_FEATURES, NAN, &m, 1));
    return m;
}

static void convert(struct booster *b)
{
    struct mir_error err = {{0}};
    const char *json;
    bst_ulong len;

    xgb(XGBoosterSaveModelToBuffer(b->handle, "{\"format\": \"json\"}", &len, &json));
    if (mir_convert_model(json, len, N_FEATURES, &b->trees, b->gain, &err) != 0)
        fail_msg("%s", err.text);
}

/* `params` ends with NULL; base_score 0. */
static void train(struct booster *b, uint64_t seed, int n_rounds, const char *const *params)
{
    fit_rows_init(&b->rows, seed, N_ROWS, N_FEATURES, false);
    b->trees = (struct mir_trees){0};
    memset(b->gain, 0, sizeof(b->gain));
    b->matrix = matrix_of(b->rows.x, N_ROWS);
    xgb(XGDMatrixSetFloatInfo(b->matrix, "label", b->rows.y, N_ROWS));
    xgb(XGBoosterCreate(&b->matrix, 1, &b->handle));
    xgb(XGBoosterSetParam(b->handle, "verbosity", "0"));
    xgb(XGBoosterSetParam(b->handle, "nthread", "1"));
    xgb(XGBoosterSetParam(b->handle, "base_score", "0"));
    for (; *params != NULL; params += 2)
        xgb(XGBoosterSetParam(b->handle, params[0], params[1]));
    for (int i = 0; i < n_rounds; i++)
        xgb(XGBoosterUpdateOneIter(b->handle, i, b->matrix));
    convert(b);
}

static void end(struct booster *b)
{
    mir_trees_release(&b->trees);
    xgb(XGBoosterFree(b->handle));
    xgb(XGDMatrixFree(b->matrix));
    fit_rows_release(&b->rows);
}

/* XGBoost's margins of other rows; the caller frees. */
static float *margins_of(const struct booster *b, const float *x, size_t n)
{
    DMatrixHandle m = matrix_of(x, n);
    const bst_ulong *shape;
    bst_ulong n_dimensions;
    const float *lent;
    float *out = MIR_NEW_ARRAY(float, n);

    xgb(XGBoosterPredictFromDMatrix(b->handle, m, margin, &shape, &n_dimensions, &lent));
    memcpy(out, lent, n * sizeof(*out));
    xgb(XGDMatrixFree(m));
    return out;
}

static const char *const ways[][20] = {
    {"tree_method", "hist", "max_depth", "6", NULL},
    {"tree_method", "exact", "max_depth", "5", "gamma", "3", NULL}, /* pruned: nodes are gaps */
    {"tree_method", "approx", "num_parallel_tree", "4", "subsample", "0.5", NULL},
    {"tree_method", "hist", "grow_policy", "lossguide", "max_leaves", "40", "max_depth", "0", NULL},
    {"tree_method", "hist", "max_depth", "12", "lambda", "0", "eta", "1", NULL},
};

static void predicts_what_xgboost_predicts(void **state)
{
    struct fit_rows fresh;

    (void)state;
    fit_rows_init(&fresh, 77, 5000, N_FEATURES, false);
    for (size_t i = 0; i < 5000 * N_FEATURES; i += 7)
        fresh.x[i] = NAN; /* also where training saw none missing */
    for (size_t way = 0; way < sizeof(ways) / sizeof(*ways); way++) {
        struct booster b;
        float *theirs;

        train(&b, way, 12, ways[way]);
        assert_int_equal(mir_trees_check(&b.trees, NULL), 0);
        assert_int_equal(b.trees.n_trees, way == 2 ? 48 : 12);
        theirs = margins_of(&b, fresh.x, 5000);
        for (size_t i = 0; i < 5000; i++) {
            double ours = fit_predict(&b.trees, fresh.x + i * N_FEATURES, 0);

            if (!(fabs(ours - (double)theirs[i]) <= 1e-5))
                fail_msg("way %zu, row %zu: %.9g, not %.9g", way, i, ours, (double)theirs[i]);
        }
        free(theirs);
        end(&b);
    }
    fit_rows_release(&fresh);
}

/* Of one tree the margin is the leaf's value itself: equal to the last bit. */
static void keeps_leaf_values_to_the_last_bit(void **state)
{
    struct booster b;
    float *theirs;

    (void)state;
    train(&b, 3, 1, ways[4]);
    assert_true(b.trees.n_leaves > 100);
    theirs = margins_of(&b, b.rows.x, N_ROWS);
    for (size_t i = 0; i < N_ROWS; i++)
        assert_memory_equal(&b.trees.values[fit_leaf(&b.trees, 0, b.rows.x + i * N_FEATURES)],
                            &theirs[i], sizeof(float));
    free(theirs);
    end(&b);
}

/* Rows that lie on each threshold, and one float to its either side. */
static void splits_at_the_very_float(void **state)
{
    struct booster b;
    float *x, *theirs;
    size_t n = 0;

    (void)state;
    train(&b, 4, 1, ways[4]);
    x = MIR_NEW_ARRAY(float, (size_t)b.trees.n_nodes * 3 * N_FEATURES);
    for (uint32_t i = 0; i < b.trees.n_nodes; i++) {
        const struct mir_tree_node *node = &b.trees.nodes[i];

        for (int side = -1; side <= 1 && node->feature != MIR_TREE_LEAF; side++, n++) {
            memcpy(x + n * N_FEATURES, b.rows.x + (i * 13 % N_ROWS) * N_FEATURES,
                   N_FEATURES * sizeof(*x));
            x[n * N_FEATURES + node->feature] =
                side == 0 ? node->threshold : nextafterf(node->threshold, (float)side * INFINITY);
        }
    }
    assert_true(n > 300);
    theirs = margins_of(&b, x, n);
    for (size_t i = 0; i < n; i++)
        assert_memory_equal(&b.trees.values[fit_leaf(&b.trees, 0, x + i * N_FEATURES)], &theirs[i],
                            sizeof(float));
    free(theirs);
    free(x);
    end(&b);
}

static void adds_up_the_gain_as_xgboost_does(void **state)
{
    struct booster b;
    bst_ulong n_names, n_dimensions;
    const bst_ulong *shape;
    const char **names;
    const float *scores;

    (void)state;
    train(&b, 5, 8, ways[0]);
    xgb(XGBoosterFeatureScore(b.handle, "{\"importance_type\": \"total_gain\"}", &n_names, &names,
                              &n_dimensions, &shape, &scores));
    assert_int_equal(n_names, N_FEATURES);
    for (bst_ulong i = 0; i < n_names; i++) {
        long feature = strtol(names[i] + 1, NULL, 10);

        assert_near(b.gain[feature], (double)scores[i], 1e-4 * (double)scores[i]);
    }
    end(&b);
}

/* A split and two leaves, or what `left`, `feature` and `kind` make of it. */
static int
convert_text(struct mir_trees *out, const char *left, const char *feature, const char *kind)
{
    double gain[2] = {0};
    char json[1024];
    int len = snprintf(
        json, sizeof(json),
        "{\"learner\":{\"gradient_booster\":{\"model\":{\"trees\":[{\"left_children\":[%s],"
        "\"right_children\":[2,-1,-1],\"split_indices\":[%s],\"split_type\":[%s,0,0],"
        "\"split_conditions\":[1.00000005960464477539062501,-2.5E-1,7E0],"
        "\"default_left\":[1,0,0],\"loss_changes\":[3.5E0,0E0,0E0]}]}}}}",
        left, feature, kind);

    return mir_convert_model(json, (size_t)len, 2, out, gain, NULL);
}

/* The decimal is above the middle of two floats, by less than a double can tell. */
static void reads_decimals_as_floats_at_once(void **state)
{
    struct mir_trees t = {0};

    (void)state;
    assert_int_equal(convert_text(&t, "1,-1,-1", "1,0,0", "0"), 0);
    assert_int_equal(t.n_nodes, 3);
    assert_int_equal(t.nodes[0].feature, 1);
    assert_int_equal(t.nodes[0].missing_left, 1);
    assert_true(t.nodes[0].threshold == nextafterf(1, 2));
    assert_true(t.values[0] == -0.25F && t.values[1] == 7);
    mir_trees_release(&t);
}

static void refuses_what_is_no_tree(void **state)
{
    static const struct {
        const char *left, *feature, *kind;
    } cases[] = {
        {"1,-1", "1,0,0", "0"},     /* another number of nodes */
        {"3,-1,-1", "1,0,0", "0"},  /* a child that is not there */
        {"-2,-1,-1", "1,0,0", "0"}, /* neither */
        {"0,-1,-1", "1,0,0", "0"},  /* a circle */
        {"1,1,-1", "1,0,0", "0"},   /* its own child */
        {"1,-1,-1", "2,0,0", "0"},  /* a feature that is not there */
        {"1,-1,-1", "-1,0,0", "0"}, /* neither */
        {"1,-1,-1", "1,0,0", "1"},  /* a categorical split */
        {"", "", "0"},              /* no node */
        {"1,-1,-1", "1,0", "0"},    /* a short column */
        {"1,-1,-1", "x", "0"},      /* no JSON */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mir_trees t = {0};

        if (convert_text(&t, cases[i].left, cases[i].feature, cases[i].kind) != -EBADMSG)
            fail_msg("case %zu was accepted", i);
        assert_null(t.nodes);
    }
}

static void refuses_a_truncated_model(void **state)
{
    struct mir_trees t = {0};
    struct booster b;
    const char *json;
    bst_ulong len;

    (void)state;
    train(&b, 6, 1, ways[0]);
    xgb(XGBoosterSaveModelToBuffer(b.handle, "{\"format\": \"json\"}", &len, &json));
    for (bst_ulong cut = 0; cut < len; cut += 1 + len / 50)
        assert_int_equal(mir_convert_model(json, cut, N_FEATURES, &t, NULL, NULL), -EBADMSG);
    assert_int_equal(mir_convert_model("{}", 2, N_FEATURES, &t, NULL, NULL), -EBADMSG);
    end(&b);
}

static void joined_parts_predict_their_sum(void **state)
{
    struct booster b[2];
    struct mir_trees parts[2], all = {0};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        train(&b[i], 10 + i, 3 + (int)i, ways[i]);
        mir_convert_widen(&b[i].trees, 2 * i, 3);
        parts[i] = b[i].trees;
    }
    assert_int_equal(mir_convert_join(parts, 2, &all, NULL), 0);
    assert_int_equal(mir_trees_check(&all, NULL), 0);
    assert_int_equal(all.n_trees, 7);
    for (size_t i = 0; i < N_ROWS; i++) {
        const float *x = b[0].rows.x + i * N_FEATURES;

        assert_near(fit_predict(&all, x, 0), fit_predict(&parts[0], x, 0), 1e-9);
        assert_near(fit_predict(&all, x, 1), 0, 0);
        assert_near(fit_predict(&all, x, 2), fit_predict(&parts[1], x, 2), 1e-9);
        assert_true(fabs(fit_predict(&all, x, 2)) > 0);
    }
    mir_trees_release(&all);
    end(&b[0]);
    end(&b[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicts_what_xgboost_predicts),
        cmocka_unit_test(keeps_leaf_values_to_the_last_bit),
        cmocka_unit_test(splits_at_the_very_float),
        cmocka_unit_test(adds_up_the_gain_as_xgboost_does),
        cmocka_unit_test(reads_decimals_as_floats_at_once),
        cmocka_unit_test(refuses_what_is_no_tree),
        cmocka_unit_test(refuses_a_truncated_model),
        cmocka_unit_test(joined_parts_predict_their_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
