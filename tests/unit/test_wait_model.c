/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_wait_model.c - what a model answers, and who keeps it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/predict/wait_model.h"
#include "tests/unit/wood_fixture.h"

enum { N = MIR_N_WAIT_LEVELS_TRAINED };

static double at_level(unsigned i)
{
    return (double)mir_wait_levels[i];
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fmax(1, fabs(b));
}

static void the_grid_ascends_and_has_the_levels_of_usual_weights(void **state)
{
    static const double weights[] = {1, 0.5, 0.2, 0.1};

    (void)state;
    for (unsigned i = 0; i < N; i++) {
        assert_true(at_level(i) > 0 && at_level(i) < 1);
        assert_true(i == 0 || at_level(i) > at_level(i - 1));
    }
    for (size_t k = 0; k < sizeof(weights) / sizeof(*weights); k++) {
        unsigned n = 0;

        for (unsigned i = 0; i < N; i++)
            n += fabs(at_level(i) - 1 / (1 + weights[k])) < 1e-7;
        assert_int_equal(n, 1);
    }
}

static void hours_become_t_and_hours_again(void **state)
{
    static const double hours[] = {0, 1e-6, 0.01, 0.25, 1, 10, 48, 1000, MIR_WAIT_MAX_H};

    (void)state;
    for (size_t i = 0; i < sizeof(hours) / sizeof(*hours); i++)
        assert_true(near(mir_wait_from_t(mir_wait_to_t(hours[i])), hours[i]));
    assert_true(near(mir_wait_to_t(0.25), log(2)));
    assert_true(mir_wait_to_t(-1) == 0 && mir_wait_from_t(-1) == 0);
    assert_true(mir_wait_from_t(1e9) == MIR_WAIT_MAX_H);
    assert_true(mir_wait_from_t(mir_wait_to_t(1e300)) <= MIR_WAIT_MAX_H);
}

static void names_each_method(void **state)
{
    (void)state;
    assert_string_equal(mir_wait_method_name(MIR_WAIT_FOREST_Q), "forest-q");
    assert_string_equal(mir_wait_method_name(MIR_WAIT_XGB_Q), "xgb-q");
    assert_string_equal(mir_wait_method_name(MIR_WAIT_RF), "rf");
    assert_string_equal(mir_wait_method_name(MIR_WAIT_XGB), "xgb");
}

/* ---- Quantiles */

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static void
check_quantiles(const struct mir_wait_model *m, enum mir_wait_method method, const float *x)
{
    double got[N];
    float t[N];

    mir_trees_predict(&m->trees[method], x, t);
    qsort(t, N, sizeof(*t), ascending);
    mir_wait_model_quantiles(m, method, x, got);
    for (unsigned i = 0; i < N; i++) {
        assert_true(got[i] == mir_wait_from_t((double)t[i]));
        assert_true(got[i] >= 0 && (i == 0 || got[i] >= got[i - 1]));
        assert_true(mir_wait_model_quantile(m, method, x, at_level(i)) == got[i]);
    }
}

static void quantiles_are_the_sorted_outputs_of_the_trees(void **state)
{
    struct mir_wait_model *m = wood_model(5);
    unsigned n_crossed = 0;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 5);
    for (int i = 0; i < 500; i++) {
        float x[MIR_N_WAIT_FEATURES], t[N];

        wood_input(x, MIR_N_WAIT_FEATURES, &rng);
        check_quantiles(m, MIR_WAIT_FOREST_Q, x);
        check_quantiles(m, MIR_WAIT_XGB_Q, x);
        mir_trees_predict(&m->trees[MIR_WAIT_XGB_Q], x, t);
        n_crossed += t[0] > t[N - 1];
    }
    assert_true(n_crossed > 50); /* or there was nothing to sort */
    mir_wait_model_unref(m);
}

static void a_level_below_the_grid_gets_its_lowest(void **state)
{
    static const double q[N] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

    (void)state;
    assert_true(mir_wait_quantile_between(q, 0.05) == 1);
    assert_true(mir_wait_quantile_between(q, 0.01) == 1);
    assert_true(mir_wait_quantile_between(q, 0) == 1);
    assert_true(mir_wait_quantile_between(q, -3) == 1);
    assert_true(mir_wait_quantile_between(q, (double)NAN) == 1);
}

/* As steep as the grid's end, and neither endless nor out of order. */
static void above_the_grid_there_is_a_tail(void **state)
{
    static const double q[N] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const double none[N] = {0}, wild[N] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, MIR_WAIT_MAX_H};
    double end = mir_wait_quantile_between(q, 1);

    (void)state;
    assert_true(mir_wait_quantile_between(q, (double)mir_wait_levels[N - 1]) == 11);
    assert_true(mir_wait_quantile_between(q, 0.9500001) < 11.001);
    for (double level = 0.951; level < 1; level += 0.001)
        assert_true(mir_wait_quantile_between(q, level) >
                    mir_wait_quantile_between(q, level - 0.001));
    assert_true(end > 20 && end < 25); /* 11 h and half an e-fold of 4 h + 1, 3.9 times 0.17 */
    assert_true(mir_wait_quantile_between(q, (double)INFINITY) == end);
    assert_true(mir_wait_quantile_between(none, 0.99) < 0.02);
    assert_true(mir_wait_quantile_between(wild, 0.99) == MIR_WAIT_MAX_H);
}

static void a_level_between_two_is_linear_in_t(void **state)
{
    double q[N] = {0};

    (void)state;
    q[4] = 2; /* 0.5 */
    for (unsigned i = 5; i < N; i++)
        q[i] = 12;
    /* t is log 9 at 0.5 and log 49 at 0.6: half way log 21, a quarter of it log(9^.75 49^.25). */
    assert_true(fabs(mir_wait_quantile_between(q, 0.55) - 5) < 1e-5);
    assert_true(fabs(mir_wait_quantile_between(q, 0.525) - (pow(9, 0.75) * pow(49, 0.25) - 1) / 4) <
                1e-5);
    assert_true(mir_wait_quantile_between(q, 0.7) == 12);
    assert_true(mir_wait_quantile_between(q, 0.3) == 0);
}

static void a_higher_level_never_gives_a_shorter_wait(void **state)
{
    struct mir_wait_model *m = wood_model(6);
    float x[MIR_N_WAIT_FEATURES];
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 6);
    for (int i = 0; i < 20; i++) {
        double before = 0;

        wood_input(x, MIR_N_WAIT_FEATURES, &rng);
        for (int k = -10; k <= 1010; k++) {
            double q = mir_wait_model_quantile(m, MIR_WAIT_FOREST_Q, x, k / 1000.0);

            assert_true(q >= before);
            before = q;
        }
    }
    mir_wait_model_unref(m);
}

static void no_prediction_is_above_ten_years(void **state)
{
    struct mir_wait_model *m = wood_model(7);
    struct mir_trees *t = &m->trees[MIR_WAIT_XGB_Q];
    float x[MIR_N_WAIT_FEATURES] = {0};
    double q[N];

    (void)state;
    for (unsigned k = 0; k < N; k++)
        t->base[k] = k % 2 ? MIR_TREES_MAX_VALUE : -MIR_TREES_MAX_VALUE;
    mir_wait_model_quantiles(m, MIR_WAIT_XGB_Q, x, q);
    assert_true(q[0] == 0);
    assert_true(q[N - 1] == MIR_WAIT_MAX_H);
    assert_true(mir_wait_quantile_between(q, 0.58) <= MIR_WAIT_MAX_H);
    mir_wait_model_unref(m);
}

/* ---- The paper's */

static void an_outcome_is_what_the_trees_say(void **state)
{
    enum { WIDTH = MIR_PAPER_ROWS * MIR_PAPER_WIDTH };
    struct mir_wait_model *m = wood_model(8);
    float *x = MIR_NEW_ARRAY(float, WIDTH), wanted;
    unsigned n_negative = 0;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 8);
    m->trees[MIR_WAIT_RF].base[0] = -2;
    for (int i = 0; i < 100; i++) {
        double got;

        wood_input(x, WIDTH, &rng);
        mir_trees_predict(&m->trees[MIR_WAIT_RF], x, &wanted);
        got = mir_wait_model_outcome(m, MIR_WAIT_RF, x);
        assert_true(got == (double)wanted);
        mir_trees_predict(&m->trees[MIR_WAIT_XGB], x, &wanted);
        assert_true(mir_wait_model_outcome(m, MIR_WAIT_XGB, x) == (double)wanted);
        n_negative += got < 0;
    }
    assert_true(n_negative > 0); /* an overlap stays one */
    free(x);
    mir_wait_model_unref(m);
}

/* ---- What training did not see */

static void counts_features_outside_and_finds_the_furthest(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create();
    float x[MIR_N_WAIT_FEATURES];
    unsigned furthest = 99;

    (void)state;
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++) {
        m->ranges[i] = (struct mir_feature_range){0, 10, 5, 2};
        x[i] = i % 2 ? 0 : 10; /* the bounds are inside */
    }
    x[3] = NAN;
    assert_int_equal(mir_wait_model_outside(m, x, &furthest), 0);
    assert_int_equal(furthest, 99);

    x[20] = 13; /* 1.5 interquartile ranges out */
    assert_int_equal(mir_wait_model_outside(m, x, &furthest), 1);
    assert_int_equal(furthest, 20);

    x[30] = -4; /* 2 */
    assert_int_equal(mir_wait_model_outside(m, x, &furthest), 2);
    assert_int_equal(furthest, 30);

    m->ranges[40].iqr = 0; /* then the range is the measure */
    x[40] = 29;
    assert_int_equal(mir_wait_model_outside(m, x, &furthest), 3);
    assert_int_equal(furthest, 30);
    x[40] = 31;
    assert_int_equal(mir_wait_model_outside(m, x, &furthest), 3);
    assert_int_equal(furthest, 40);

    m->ranges[41] = (struct mir_feature_range){1, 1, 1, 0}; /* one value: infinitely far */
    x[41] = 1.5F;
    assert_int_equal(mir_wait_model_outside(m, x, &furthest), 4);
    assert_int_equal(furthest, 41);
    mir_wait_model_unref(m);
}

static void nothing_is_outside_of_what_was_never_known(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create();
    float x[MIR_N_WAIT_FEATURES] = {1, -1e30F, INFINITY, NAN};
    unsigned furthest = 99;

    (void)state;
    assert_int_equal(mir_wait_model_outside(m, x, &furthest), 0);
    assert_int_equal(furthest, 99);
    mir_wait_model_unref(m);
}

/* ---- Who has it */

static void an_empty_model_has_no_method_and_this_builds_features(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create(), *full = wood_model(1);

    (void)state;
    assert_string_equal(m->origin.feature_set, MIR_WAIT_FEATURE_SET);
    for (unsigned i = 0; i < MIR_N_WAIT_METHODS; i++) {
        assert_false(mir_wait_model_has(m, i));
        assert_false(mir_wait_model_has(NULL, i));
        assert_true(mir_wait_model_has(full, i));
    }
    mir_wait_model_unref(m);
    mir_wait_model_unref(full);
    mir_wait_model_unref(NULL);
}

/* Under a sanitizer: it is freed neither too early nor twice nor never. */
static void the_last_reference_ends_it(void **state)
{
    struct mir_wait_model *m = wood_model(2);
    float x[MIR_N_WAIT_FEATURES] = {0};

    (void)state;
    assert_ptr_equal(mir_wait_model_ref(m), m);
    assert_ptr_equal(mir_wait_model_ref(m), m);
    mir_wait_model_unref(m);
    mir_wait_model_unref(m);
    assert_int_equal(m->n_refs, 1);
    (void)mir_wait_model_quantile(m, MIR_WAIT_FOREST_Q, x, 0.5);
    mir_wait_model_unref(m);
}

static void *use(void *context)
{
    struct mir_wait_model *m = context;
    float x[MIR_N_WAIT_FEATURES] = {0};

    for (int i = 0; i < 20000; i++) {
        mir_wait_model_ref(m);
        if (i % 1000 == 0)
            (void)mir_wait_model_quantile(m, MIR_WAIT_XGB_Q, x, 0.5);
        mir_wait_model_unref(m);
    }
    mir_wait_model_unref(m);
    return NULL;
}

static void threads_share_it(void **state)
{
    struct mir_wait_model *m = wood_model(3);
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, mir_wait_model_ref(m)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(m->n_refs, 1);
    mir_wait_model_unref(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_grid_ascends_and_has_the_levels_of_usual_weights),
        cmocka_unit_test(hours_become_t_and_hours_again),
        cmocka_unit_test(names_each_method),
        cmocka_unit_test(quantiles_are_the_sorted_outputs_of_the_trees),
        cmocka_unit_test(a_level_below_the_grid_gets_its_lowest),
        cmocka_unit_test(above_the_grid_there_is_a_tail),
        cmocka_unit_test(a_level_between_two_is_linear_in_t),
        cmocka_unit_test(a_higher_level_never_gives_a_shorter_wait),
        cmocka_unit_test(no_prediction_is_above_ten_years),
        cmocka_unit_test(an_outcome_is_what_the_trees_say),
        cmocka_unit_test(counts_features_outside_and_finds_the_furthest),
        cmocka_unit_test(nothing_is_outside_of_what_was_never_known),
        cmocka_unit_test(an_empty_model_has_no_method_and_this_builds_features),
        cmocka_unit_test(the_last_reference_ends_it),
        cmocka_unit_test(threads_share_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
