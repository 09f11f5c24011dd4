/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_fit.c - what the fits learn, that they learn it every time, and what they refuse. */
#include "models/train/fit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <xgboost/c_api.h>

#include "models/train/fit_booster.h"
#include "models/train/fit_run.h"
#include "tests/unit/fit_fixture.h"

enum { N_LEVELS = 3 };

static const float levels[N_LEVELS] = {0.1F, 0.5F, 0.9F};
static const double normal_quantiles[N_LEVELS] = {-1.2815515655, 0, 1.2815515655};

static void good(int rc, const struct mir_error *err)
{
    if (rc != 0)
        fail_msg("%d: %s", rc, err->text);
}

static double true_quantile(const float *x, int k)
{
    return fit_mean_of(x) + fit_spread_of(x) * normal_quantiles[k];
}

/* Mean distance between a fit's output and what is true, over fresh rows. */
static double distance(const struct mir_trees *t, uint32_t output, int k, uint32_t n_features)
{
    struct fit_rows fresh;
    double sum = 0;

    fit_rows_init(&fresh, 4711, 2000, n_features, false);
    for (size_t i = 0; i < 2000; i++) {
        const float *x = fresh.x + i * n_features;

        sum += fabs(fit_predict(t, x, output) - true_quantile(x, k));
    }
    fit_rows_release(&fresh);
    return sum / 2000;
}

/* ---- Quantiles of censored rows */

/* Weeks in remission of the 21 treated patients of Freireich et al. (1963), + censored. */
static const struct {
    float weeks;
    unsigned char censored;
} freireich[] = {
    {6, 0},  {6, 0},  {6, 0},  {6, 1},  {7, 0},  {9, 1},  {10, 0},
    {10, 1}, {11, 1}, {13, 0}, {16, 0}, {17, 1}, {19, 1}, {20, 1},
    {22, 0}, {23, 0}, {25, 1}, {32, 1}, {32, 1}, {34, 1}, {35, 1},
};

enum { N_PATIENTS = sizeof(freireich) / sizeof(*freireich) };

/*
 * The curve as in textbooks: 0.857 after 6 weeks, 0.807 after 7, 0.753 after 10, 0.690
 * after 13, 0.627 after 16, 0.538 after 22, 0.448 after 23.
 */
static void censored_quantiles_are_those_of_kaplan_and_meier(void **state)
{
    static const struct {
        float level, weeks;
    } cases[] = {
        {0.14F, 6},   {0.15F, 7},   {0.19F, 7},  {0.2F, 10},   {0.245F, 10}, {0.25F, 13},
        {0.309F, 13}, {0.312F, 16}, {0.46F, 22}, {0.465F, 23}, {0.55F, 23},  {0.56F, 35},
    };
    float x[N_PATIENTS] = {0}, y[N_PATIENTS], found;
    unsigned char censored[N_PATIENTS];
    struct mir_fit_data data = {x, y, censored, N_PATIENTS, 1};
    uint32_t *order;

    (void)state;
    for (size_t i = 0; i < N_PATIENTS; i++) { /* not in order */
        y[i * 8 % N_PATIENTS] = freireich[i].weeks;
        censored[i * 8 % N_PATIENTS] = freireich[i].censored;
    }
    order = mir_fit_order(&data);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        mir_fit_quantiles(&data, order, N_PATIENTS, &cases[i].level, 1, &found);
        if (found != cases[i].weeks)
            fail_msg("level %g: %g, not %g", (double)cases[i].level, (double)found,
                     (double)cases[i].weeks);
    }
    free(order);
}

static void of_ten_rows_the_first_is_the_tenth(void **state)
{
    float y[10], found[9], tenths[9];
    struct mir_fit_data data = {y, y, NULL, 10, 1};
    uint32_t *order;

    (void)state;
    for (int i = 0; i < 10; i++)
        y[i] = (float)i;
    for (int i = 0; i < 9; i++)
        tenths[i] = (float)(i + 1) / 10;
    order = mir_fit_order(&data);
    mir_fit_quantiles(&data, order, 10, tenths, 9, found);
    for (int i = 0; i < 9; i++)
        assert_near(found[i], i, 0);
    free(order);
}

/* ---- The forest, by its definition */

static void xgb(int rc)
{
    if (rc != 0)
        fail_msg("%s", XGBGetLastError());
}

/* Tree number `tree` of a forest, straight from XGBoost: the leaf of each row. */
static void leaves_of(const struct fit_rows *r, uint64_t seed, uint32_t tree, unsigned *leaf)
{
    static const char config[] = "{\"type\": 6, \"training\": false, \"iteration_begin\": 0, "
                                 "\"iteration_end\": 0, \"strict_shape\": true}";
    static const char *const params[][2] = {
        {"tree_method", "hist"}, {"num_parallel_tree", "1"},  {"eta", "1"},
        {"lambda", "0"},         {"max_depth", "9"},          {"min_child_weight", "40"},
        {"subsample", "0.3"},    {"colsample_bynode", "0.4"}, {"nthread", "1"},
    };
    const struct mir_fit_data *d = &r->data;
    float *gradient = MIR_NEW_ARRAY(float, d->n_rows), *hessian = MIR_NEW_ARRAY(float, d->n_rows);
    float *x = MIR_NEW_ARRAY(float, d->n_rows * d->n_features);
    char number[24];
    DMatrixHandle m;
    BoosterHandle b;
    const bst_ulong *shape;
    bst_ulong n_dimensions;
    const float *lent;

    mir_fit_squared_error(d, mir_fit_mean(d), gradient, hessian);
    for (size_t i = 0; i < d->n_rows * d->n_features; i++)
        x[i] = isnan(d->x[i]) ? -1 : d->x[i]; /* less than any number there is */
    xgb(XGDMatrixCreateFromMat_omp(x, d->n_rows, d->n_features, NAN, &m, 1));
    xgb(XGBoosterCreate(&m, 1, &b));
    for (size_t i = 0; i < sizeof(params) / sizeof(*params); i++)
        xgb(XGBoosterSetParam(b, params[i][0], params[i][1]));
    (void)snprintf(number, sizeof(number), "%u", (unsigned)(mir_fit_seed(seed, tree) >> 33));
    xgb(XGBoosterSetParam(b, "seed", number));
    xgb(XGBoosterBoostOneIter(b, m, gradient, hessian, d->n_rows));
    xgb(XGBoosterPredictFromDMatrix(b, m, config, &shape, &n_dimensions, &lent));
    for (size_t i = 0; i < d->n_rows; i++)
        leaf[i] = (unsigned)lent[i];
    xgb(XGBoosterFree(b));
    xgb(XGDMatrixFree(m));
    free(x);
    free(gradient);
    free(hessian);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* The value that so many of the rows in a leaf reach; none is censored. */
static double
naive_quantile(const struct fit_rows *r, const unsigned *leaf, unsigned which, double level)
{
    float *values = MIR_NEW_ARRAY(float, r->data.n_rows);
    size_t n = 0;
    float found;

    for (size_t i = 0; i < r->data.n_rows; i++)
        if (leaf[i] == which)
            values[n++] = r->y[i];
    qsort(values, n, sizeof(*values), by_value);
    found = values[(size_t)ceil(level * (double)n - 1e-5) - 1];
    free(values);
    return (double)found;
}

static void a_forest_averages_the_quantiles_of_its_leaves(void **state)
{
    enum { N_TREES = 3, N_ROWS = 4000 };
    struct mir_fit_options options = {.seed = 9, .n_trees = N_TREES};
    struct mir_trees t = {0};
    struct mir_error err = {{0}};
    struct fit_rows r;
    static unsigned leaf[N_TREES][N_ROWS];

    (void)state;
    fit_rows_init(&r, 20, N_ROWS, 6, false);
    good(mir_fit_forest_q(&r.data, levels, N_LEVELS, &options, &t, NULL, &err), &err);
    good(mir_trees_check(&t, &err), &err);
    assert_int_equal(t.n_trees, N_TREES);
    assert_int_equal(t.n_outputs, N_LEVELS);
    assert_true(t.n_leaves > 20);
    for (uint32_t i = 0; i < N_TREES; i++)
        leaves_of(&r, 9, i, leaf[i]);
    for (size_t row = 0; row < N_ROWS; row += 37)
        for (int k = 0; k < N_LEVELS; k++) {
            double sum = 0;

            for (int i = 0; i < N_TREES; i++)
                sum += naive_quantile(&r, leaf[i], leaf[i][row], (double)levels[k]);
            assert_near(fit_predict(&t, r.x + row * 6, (uint32_t)k), sum / N_TREES, 1e-5);
        }
    mir_trees_release(&t);
    fit_rows_release(&r);
}

static void a_forest_that_cannot_split_has_the_quantiles_of_all(void **state)
{
    struct mir_fit_options options = {.seed = 1, .n_trees = 4};
    struct mir_trees t = {0};
    struct mir_error err = {{0}};
    float x[1000] = {0}, y[1000], gain = 7;
    struct mir_fit_data data = {x, y, NULL, 1000, 1};

    (void)state;
    for (int i = 0; i < 1000; i++)
        y[i] = (float)(i * 7 % 1000);
    good(mir_fit_forest_q(&data, levels, N_LEVELS, &options, &t, &gain, &err), &err);
    assert_int_equal(t.n_leaves, 4);
    assert_near(fit_predict(&t, x, 0), 99, 1e-3);
    assert_near(fit_predict(&t, x, 1), 499, 1e-3);
    assert_near(fit_predict(&t, x, 2), 899, 1e-3);
    assert_near(gain, 0, 0);
    mir_trees_release(&t);
}

/* ---- What is learned */

typedef int (*fit_q_f)(const struct mir_fit_data *,
                       const float *,
                       uint32_t,
                       const struct mir_fit_options *,
                       struct mir_trees *,
                       float *,
                       struct mir_error *);

static const fit_q_f fits_q[] = {mir_fit_forest_q, mir_fit_boost_q};

static void quantiles_follow_what_moves_and_spreads_them(void **state)
{
    struct mir_fit_options options = {.seed = 2, .n_threads = 2};
    struct mir_error err = {{0}};
    struct fit_rows r;

    (void)state;
    fit_rows_init(&r, 21, 12000, 5, false);
    for (int i = 0; i < 2; i++) {
        struct mir_trees t = {0};
        float gain[5];

        good(fits_q[i](&r.data, levels, N_LEVELS, &options, &t, gain, &err), &err);
        good(mir_trees_check(&t, &err), &err);
        assert_int_equal(t.only != NULL, fits_q[i] == mir_fit_boost_q);
        /* A constant would be 0.6 away or more. */
        for (uint32_t k = 0; k < N_LEVELS; k++)
            assert_true(distance(&t, k, (int)k, 5) < 0.25);
        assert_near(gain[0] + gain[1] + gain[2] + gain[3] + gain[4], 1, 1e-5);
        assert_true(gain[FIT_MEAN] + gain[FIT_SPREAD] + gain[FIT_SOMETIMES] > 0.8);
        mir_trees_release(&t);
    }
    fit_rows_release(&r);
}

/* As if bounds were values, medians come out too low. */
static void a_censored_row_is_a_bound_and_no_value(void **state)
{
    struct mir_fit_options options = {.seed = 3, .n_threads = 2};
    struct mir_error err = {{0}};
    struct fit_rows r;

    (void)state;
    fit_rows_init(&r, 22, 12000, 4, true);
    for (int i = 0; i < 2; i++) {
        struct mir_trees aware = {0}, naive = {0};
        struct mir_fit_data values = r.data;

        values.censored = NULL;
        good(fits_q[i](&r.data, levels, N_LEVELS, &options, &aware, NULL, &err), &err);
        good(fits_q[i](&values, levels, N_LEVELS, &options, &naive, NULL, &err), &err);
        assert_true(distance(&aware, 1, 1, 4) < 0.6 * distance(&naive, 1, 1, 4));
        mir_trees_release(&aware);
        mir_trees_release(&naive);
    }
    fit_rows_release(&r);
}

static void means_are_learned(void **state)
{
    struct mir_fit_options options = {.seed = 4, .n_threads = 2};
    struct mir_error err = {{0}};
    struct mir_trees forest = {0}, boost = {0};
    struct fit_rows r;

    (void)state;
    fit_rows_init(&r, 23, 8000, 5, false);
    good(mir_fit_forest_mean(&r.data, &options, &forest, &err), &err);
    good(mir_fit_boost_mean(&r.data, &options, &boost, &err), &err);
    good(mir_trees_check(&forest, &err), &err);
    good(mir_trees_check(&boost, &err), &err);
    assert_int_equal(forest.n_trees, 100);
    assert_int_equal(boost.n_trees, 100);
    /* The median of a normal variable is its mean. */
    assert_true(distance(&forest, 0, 1, 5) < 0.2);
    assert_true(distance(&boost, 0, 1, 5) < 0.3);
    mir_trees_release(&forest);
    mir_trees_release(&boost);
    fit_rows_release(&r);
}

/* More features than a tree gets to see: each sees its own, and knows their numbers. */
static void a_forest_of_many_features_finds_the_few(void **state)
{
    enum { MANY = 600, N_ROWS = 600 };
    struct mir_fit_options options = {.seed = 5, .n_threads = 2, .n_trees = 20};
    uint32_t n_roots[MANY] = {0};
    struct mir_error err = {{0}};
    struct mir_trees t = {0};
    struct fit_rows r;

    (void)state;
    fit_rows_init(&r, 24, N_ROWS, MANY, false);
    for (size_t i = 0; i < N_ROWS; i++) /* a copy at the far end */
        r.x[i * MANY + MANY - 1] = r.x[i * MANY];
    good(mir_fit_forest_mean(&r.data, &options, &t, &err), &err);
    good(mir_trees_check(&t, &err), &err);
    assert_int_equal(t.n_features, MANY);
    for (uint32_t i = 0; i < t.n_trees; i++)
        n_roots[t.nodes[t.roots[i]].feature]++;
    /* Half of the trees may split their root by one of the two. */
    assert_true(n_roots[FIT_MEAN] > 0 && n_roots[MANY - 1] > 0);
    assert_true(n_roots[FIT_MEAN] + n_roots[MANY - 1] >= 6);
    mir_trees_release(&t);
    fit_rows_release(&r);
}

static void survival_finds_location_and_scale(void **state)
{
    enum { N_ROWS = 12000 };
    struct mir_fit_options options = {.seed = 6};
    struct mir_error err = {{0}};
    struct mir_trees t = {0};
    struct fit_rows r;
    struct mir_rng rng;

    (void)state;
    fit_rows_init(&r, 25, N_ROWS, 4, false);
    mir_rng_init(&rng, 26);
    for (size_t i = 0; i < N_ROWS; i++) { /* one spread for all */
        float until = (float)(1 + 5 * mir_rng_double(&rng));

        r.y[i] = (float)(fit_mean_of(r.x + i * 4) + 0.5 * mir_rng_normal(&rng));
        r.censored[i] = r.y[i] > until;
        r.y[i] = fminf(r.y[i], until);
    }
    good(mir_fit_aft(&r.data, &options, &t, &err), &err);
    good(mir_trees_check(&t, &err), &err);
    assert_int_equal(t.n_outputs, 2);
    assert_true(distance(&t, 0, 1, 4) < 0.1);
    /* Not less: what the location is wrong by is in it. */
    assert_near(fit_predict(&t, r.x, 1), 0.515, 0.03);
    mir_trees_release(&t);
    fit_rows_release(&r);
}

/* ---- Again */

struct method {
    const char *name;
    int (*fit)(const struct fit_rows *,
               const struct mir_fit_options *,
               struct mir_trees *,
               struct mir_error *);
};

static int forest_q(const struct fit_rows *r,
                    const struct mir_fit_options *o,
                    struct mir_trees *t,
                    struct mir_error *err)
{
    return mir_fit_forest_q(&r->data, levels, N_LEVELS, o, t, NULL, err);
}

static int boost_q(const struct fit_rows *r,
                   const struct mir_fit_options *o,
                   struct mir_trees *t,
                   struct mir_error *err)
{
    return mir_fit_boost_q(&r->data, levels, N_LEVELS, o, t, NULL, err);
}

static int forest_mean(const struct fit_rows *r,
                       const struct mir_fit_options *o,
                       struct mir_trees *t,
                       struct mir_error *err)
{
    return mir_fit_forest_mean(&r->data, o, t, err);
}

static int boost_mean(const struct fit_rows *r,
                      const struct mir_fit_options *o,
                      struct mir_trees *t,
                      struct mir_error *err)
{
    return mir_fit_boost_mean(&r->data, o, t, err);
}

static int aft(const struct fit_rows *r,
               const struct mir_fit_options *o,
               struct mir_trees *t,
               struct mir_error *err)
{
    return mir_fit_aft(&r->data, o, t, err);
}

static const struct method methods[] = {
    {"forest_q", forest_q},     {"boost_q", boost_q}, {"forest_mean", forest_mean},
    {"boost_mean", boost_mean}, {"aft", aft},
};

enum { N_METHODS = sizeof(methods) / sizeof(*methods) };

static bool same_trees(const struct mir_trees *a, const struct mir_trees *b)
{
    return a->n_trees == b->n_trees && a->n_nodes == b->n_nodes && a->n_leaves == b->n_leaves &&
           a->n_outputs == b->n_outputs && memcmp(a->base, b->base, sizeof(a->base)) == 0 &&
           memcmp(a->roots, b->roots, a->n_trees * sizeof(*a->roots)) == 0 &&
           memcmp(a->nodes, b->nodes, a->n_nodes * sizeof(*a->nodes)) == 0 &&
           (a->only == NULL) == (b->only == NULL) &&
           memcmp(a->values, b->values,
                  (size_t)a->n_leaves * mir_trees_values_per_leaf(a) * sizeof(*a->values)) == 0;
}

static void same_in_threads(const struct method *m, const struct fit_rows *r, uint32_t most)
{
    struct mir_fit_options options = {.seed = 40, .n_trees = 12, .n_rounds = 6};
    struct mir_error err = {{0}};
    struct mir_trees first = {0};

    good(m->fit(r, &options, &first, &err), &err);
    for (options.n_threads = 1; options.n_threads <= most; options.n_threads++) {
        struct mir_trees t = {0};

        good(m->fit(r, &options, &t, &err), &err);
        if (!same_trees(&first, &t))
            fail_msg("%s: other trees in %u threads", m->name, options.n_threads);
        mir_trees_release(&t);
    }
    mir_trees_release(&first);
}

static void the_same_seed_gives_the_same_bytes_in_any_number_of_threads(void **state)
{
    struct fit_rows r, wide;

    (void)state;
    fit_rows_init(&r, 30, 4000, 6, true);
    fit_rows_init(&wide, 30, 300, 520, true); /* more features than a tree of a forest sees */
    for (int m = 0; m < N_METHODS; m++)
        same_in_threads(&methods[m], &r, 4);
    same_in_threads(&methods[2], &wide, 3);
    fit_rows_release(&r);
    fit_rows_release(&wide);
}

static void another_seed_gives_another_sample(void **state)
{
    struct mir_error err = {{0}};
    struct fit_rows r;

    (void)state;
    fit_rows_init(&r, 31, 3000, 5, false);
    for (int m = 0; m < N_METHODS; m++) {
        struct mir_fit_options options = {.seed = 1, .n_trees = 5, .n_rounds = 3};
        struct mir_trees a = {0}, b = {0};

        good(methods[m].fit(&r, &options, &a, &err), &err);
        options.seed = 2;
        good(methods[m].fit(&r, &options, &b, &err), &err);
        /* XGBoost's defaults sample nothing. */
        assert_int_equal(same_trees(&a, &b), methods[m].fit == boost_mean);
        mir_trees_release(&a);
        mir_trees_release(&b);
    }
    fit_rows_release(&r);
}

static void trees_of_a_forest_differ(void **state)
{
    struct mir_fit_options options = {.seed = 1, .n_trees = 6};
    struct mir_error err = {{0}};
    struct fit_rows r;

    (void)state;
    fit_rows_init(&r, 32, 3000, 5, false);
    for (int m = 0; m < N_METHODS; m += 2) { /* both forests, and boosting's parallel trees */
        struct mir_trees t = {0};

        options.n_rounds = 2;
        good(methods[m].fit(&r, &options, &t, &err), &err);
        for (uint32_t i = 0; i < t.n_trees; i++)
            for (uint32_t k = 0; k < i; k++) {
                const struct mir_tree_node *a = &t.nodes[t.roots[i]], *b = &t.nodes[t.roots[k]];

                assert_true(a->feature != b->feature || a->threshold != b->threshold ||
                            a[a->left - t.roots[i]].threshold != b[b->left - t.roots[k]].threshold);
            }
        mir_trees_release(&t);
    }
    fit_rows_release(&r);
}

/* ---- Quiet, and alone */

static unsigned count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned n = 0;

    assert_non_null(tasks);
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        n += entry->d_name[0] != '.';
    (void)closedir(tasks);
    return n;
}

struct watch {
    double last;
    unsigned n_calls, most_threads, stop_after;
};

static bool look(void *context, double done)
{
    struct watch *w = context;
    unsigned n_threads = count_threads();

    assert_true(done >= w->last && done <= 1);
    w->last = done;
    w->n_calls++;
    w->most_threads = n_threads > w->most_threads ? n_threads : w->most_threads;
    return w->stop_after > 0 && w->n_calls >= w->stop_after;
}

/* XGBoost's own wait for each other in a loop, while others want the processor. */
static void no_thread_is_started_that_was_not_asked_for(void **state)
{
    unsigned n_before = count_threads(); /* a sanitizer may have one */
    struct mir_error err = {{0}};
    struct fit_rows r;

    (void)state;
    fit_rows_init(&r, 33, 2000, 5, false);
    for (int m = 0; m < N_METHODS; m++)
        for (uint32_t n_threads = 1; n_threads <= 2; n_threads++) {
            struct watch w = {0};
            struct mir_fit_options options = {1, n_threads, 12, 6, look, &w};
            struct mir_trees t = {0};

            good(methods[m].fit(&r, &options, &t, &err), &err);
            assert_true(w.n_calls >= 3);
            assert_near(w.last, 1, 1e-9);
            assert_true(w.most_threads < n_before + n_threads);
            assert_int_equal(count_threads(), n_before);
            mir_trees_release(&t);
        }
    fit_rows_release(&r);
}

static void stops_when_told_to(void **state)
{
    struct mir_error err = {{0}};
    struct fit_rows r;

    (void)state;
    fit_rows_init(&r, 34, 2000, 5, false);
    for (int m = 0; m < N_METHODS; m++) {
        struct watch w = {.stop_after = 2};
        struct mir_fit_options options = {1, 2, 60, 20, look, &w};
        struct mir_trees t = {0};

        assert_int_equal(methods[m].fit(&r, &options, &t, &err), -ECANCELED);
        assert_true(w.n_calls <= 4);
        assert_null(t.nodes);
    }
    fit_rows_release(&r);
}

/* A file in the place of stdout and stderr while everything runs. */
static void prints_nothing(void **state)
{
    char path[] = "/tmp/mirage-test-fit-XXXXXX";
    int file = mkstemp(path), out, bad;
    struct mir_fit_options options = {.seed = 1, .n_threads = 2, .n_trees = 6, .n_rounds = 3};
    struct mir_booster_params wrong = {.eta = -1};
    struct mir_booster *b = NULL;
    struct mir_matrix *matrix = NULL;
    struct mir_error err = {{0}};
    struct fit_rows r;
    struct stat info;

    (void)state;
    assert_true(file >= 0);
    (void)unlink(path);
    fit_rows_init(&r, 35, 2000, 5, true);
    (void)fflush(NULL);
    out = dup(STDOUT_FILENO);
    bad = dup(STDERR_FILENO);
    (void)dup2(file, STDOUT_FILENO);
    (void)dup2(file, STDERR_FILENO);
    for (int m = 0; m < N_METHODS; m++) {
        struct mir_trees t = {0};

        (void)methods[m].fit(&r, &options, &t, &err);
        mir_trees_release(&t);
    }
    (void)mir_matrix_create(r.x, r.data.n_rows, 5, 256, &matrix, &err);
    if (mir_booster_create(matrix, &wrong, &b, &err) == 0)
        (void)mir_booster_boost(b, r.x, r.x, &err);
    mir_booster_destroy(b);
    mir_matrix_destroy(matrix);
    (void)fflush(NULL);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(bad, STDERR_FILENO);
    (void)close(out);
    (void)close(bad);
    assert_int_equal(fstat(file, &info), 0);
    (void)close(file);
    assert_int_equal(info.st_size, 0);
    fit_rows_release(&r);
}

static void errors_carry_the_first_line_of_xgboosts(void **state)
{
    struct mir_booster_params wrong = {
        .max_depth = 2, .n_parallel = 1, .eta = -1, .subsample = 1, .colsample_bynode = 1};
    struct mir_matrix *matrix = NULL;
    struct mir_booster *b = NULL;
    struct mir_error err = {{0}};
    struct fit_rows r;

    (void)state;
    fit_rows_init(&r, 36, 200, 5, false);
    good(mir_matrix_create(r.x, 200, 5, 256, &matrix, &err), &err);
    good(mir_booster_create(matrix, &wrong, &b, &err), &err);
    assert_int_equal(mir_booster_boost(b, r.x, r.x, &err), -EIO);
    assert_non_null(strstr(err.text, "XGBoost, boosting: "));
    assert_non_null(strstr(err.text, "learning_rate"));
    assert_null(strchr(err.text, '\n'));
    mir_booster_destroy(b);
    mir_matrix_destroy(matrix);
    fit_rows_release(&r);
}

struct chores {
    uint32_t n_done, fails;
};

static int do_chore(struct mir_fit_run *run, void *fit, uint32_t task, struct mir_error *err)
{
    struct chores *c = fit;

    (void)run;
    c->n_done++;
    return task == c->fails ? mir_error_set(err, -EIO, "chore %u", task) : 0;
}

static void the_first_failure_is_told_and_is_the_end(void **state)
{
    struct mir_fit_options options = {.n_threads = 1};
    struct chores c = {0, 3};
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(mir_fit_run_tasks(&options, do_chore, &c, 10, &err), -EIO);
    assert_string_equal(err.text, "chore 3");
    assert_int_equal(c.n_done, 4);
    c = (struct chores){0, 10};
    assert_int_equal(mir_fit_run_tasks(&options, do_chore, &c, 10, &err), 0);
    assert_int_equal(c.n_done, 10);
}

/* ---- What is refused */

static void refuses_rows_that_are_none(void **state)
{
    struct mir_fit_options options = {.seed = 1};
    struct mir_error err = {{0}};
    struct mir_trees t = {0};
    struct mir_fit_data few;
    struct fit_rows r;

    (void)state;
    fit_rows_init(&r, 37, 200, 5, false);
    for (int m = 0; m < N_METHODS; m++) {
        float keep_x = r.x[503], keep_y = r.y[150];

        r.x[503] = -INFINITY;
        assert_int_equal(methods[m].fit(&r, &options, &t, &err), -EINVAL);
        assert_string_equal(err.text, "row 100: feature 3 is -inf");
        r.x[503] = keep_x;
        r.y[150] = NAN;
        assert_int_equal(methods[m].fit(&r, &options, &t, &err), -EINVAL);
        assert_string_equal(err.text, "row 150: y is nan");
        r.y[150] = keep_y;
        few = r.data;
        r.data.n_rows = MIR_FIT_MIN_ROWS - 1;
        assert_int_equal(methods[m].fit(&r, &options, &t, &err), -ENODATA);
        r.data.n_rows = few.n_rows;
        r.data.n_features = 0;
        assert_int_equal(methods[m].fit(&r, &options, &t, &err), -EINVAL);
        r.data.n_features = few.n_features;
        assert_null(t.nodes);
    }
    r.y[3] = 41; /* e to the power of 41 */
    assert_int_equal(aft(&r, &options, &t, &err), -EINVAL);
    fit_rows_release(&r);
}

static void refuses_levels_that_are_none(void **state)
{
    static const float bad[] = {0, 1, -0.5F, 1.5F, NAN};
    float many[MIR_TREES_MAX_OUTPUTS + 1];
    struct mir_fit_options options = {.seed = 1};
    struct mir_error err = {{0}};
    struct mir_trees t = {0};
    struct fit_rows r;

    (void)state;
    fit_rows_init(&r, 38, 200, 5, false);
    for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++)
        many[i] = 0.5F;
    for (int m = 0; m < 2; m++) {
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
            assert_int_equal(fits_q[m](&r.data, &bad[i], 1, &options, &t, NULL, &err), -EINVAL);
        assert_int_equal(fits_q[m](&r.data, many, 0, &options, &t, NULL, &err), -EINVAL);
        assert_int_equal(
            fits_q[m](&r.data, many, sizeof(many) / sizeof(*many), &options, &t, NULL, &err),
            -EINVAL);
    }
    fit_rows_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(censored_quantiles_are_those_of_kaplan_and_meier),
        cmocka_unit_test(of_ten_rows_the_first_is_the_tenth),
        cmocka_unit_test(a_forest_averages_the_quantiles_of_its_leaves),
        cmocka_unit_test(a_forest_that_cannot_split_has_the_quantiles_of_all),
        cmocka_unit_test(quantiles_follow_what_moves_and_spreads_them),
        cmocka_unit_test(a_censored_row_is_a_bound_and_no_value),
        cmocka_unit_test(means_are_learned),
        cmocka_unit_test(a_forest_of_many_features_finds_the_few),
        cmocka_unit_test(survival_finds_location_and_scale),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes_in_any_number_of_threads),
        cmocka_unit_test(another_seed_gives_another_sample),
        cmocka_unit_test(trees_of_a_forest_differ),
        cmocka_unit_test(no_thread_is_started_that_was_not_asked_for),
        cmocka_unit_test(stops_when_told_to),
        cmocka_unit_test(the_first_failure_is_told_and_is_the_end),
        cmocka_unit_test(prints_nothing),
        cmocka_unit_test(errors_carry_the_first_line_of_xgboosts),
        cmocka_unit_test(refuses_rows_that_are_none),
        cmocka_unit_test(refuses_levels_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
