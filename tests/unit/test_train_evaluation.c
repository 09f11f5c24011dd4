/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_evaluation.c - figures by hand, what is not known to the end, and calibration in time. */
#include "models/train/evaluation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/rng.h"

static struct mir_truth row(int64_t at, double wait_h, bool censored)
{
    return (struct mir_truth){
        .at = at,
        .known_at = censored ? INT64_MAX : at + (int64_t)(wait_h * 3600),
        .wait_h = (float)wait_h,
        .censored = censored,
        .n_nodes = 1,
        .limit_s = 172800,
    };
}

static void near(double a, double b)
{
    if (!(fabs(a - b) < 1e-6))
        fail_msg("%.9g, not %.9g", a, b);
}

/* Said 4 h each time; 2, 4 and 10 came out. */
static void scores_what_was_said(void **state)
{
    struct mir_evaluation e;
    struct mir_prediction *p;
    const struct mir_score *s;

    (void)state;
    mir_evaluation_init(&e, 3);
    e.rows[0] = row(0, 2, false);
    e.rows[1] = row(1, 4, false);
    e.rows[2] = row(2, 10, false);
    p = mir_evaluation_add(&e, "four", false);
    for (size_t i = 0; i < 3; i++)
        mir_prediction_set_point(p, i, 4);
    mir_evaluation_score(&e);
    s = &e.scores[0][0];
    assert_int_equal(s->n, 3);
    near(s->mae_h, 8.0 / 3);
    near(s->pinball_h[0], (0.5 * 2 + 0.5 * 6) / 3);
    near(s->pinball_h[1], (0.1 * 2 + 0.9 * 6) / 3);
    near(s->pinball_h[2], (0.05 * 2 + 0.95 * 6) / 3);
    near(s->pinball_t[0], 0.5 * (log(17.0 / 9) + log(41.0 / 17)) / 3);
    near(s->coverage[MIR_SCORED_P50], 2.0 / 3); /* 4 h stays within 4 h */
    near(s->within_2, 2.0 / 3);
    near(e.mean_wait_h, 16.0 / 3);
    mir_evaluation_release(&e);
}

static void below_ten_minutes_all_is_alike(void **state)
{
    struct mir_evaluation e;
    struct mir_prediction *p;

    (void)state;
    mir_evaluation_init(&e, 2);
    e.rows[0] = row(0, 0, false);
    e.rows[1] = row(1, 0.5, false);
    p = mir_evaluation_add(&e, "soon", false);
    mir_prediction_set_point(p, 0, 0.16);
    mir_prediction_set_point(p, 1, 0.01); /* counts as 10 min, and 30 min came out */
    mir_evaluation_score(&e);
    near(e.scores[0][0].within_2, 0.5);
    mir_evaluation_release(&e);
}

/* It has waited 5 h and waits: too long for who said 3 h, not known for who said 8 h. */
static void what_still_waits_counts_where_it_decides(void **state)
{
    struct mir_evaluation e;
    struct mir_prediction *p;

    (void)state;
    mir_evaluation_init(&e, 2);
    e.rows[0] = row(0, 5, true);
    e.rows[1] = row(0, 1, false);
    p = mir_evaluation_add(&e, "short", false);
    mir_prediction_set_point(p, 0, 3);
    mir_prediction_set_point(p, 1, 3);
    p = mir_evaluation_add(&e, "long", false);
    mir_prediction_set_point(p, 0, 8);
    mir_prediction_set_point(p, 1, 8);
    mir_evaluation_score(&e);
    assert_int_equal(e.n_censored, 1);
    near(e.mean_wait_h, 1);
    near(e.scores[0][0].coverage[MIR_SCORED_P90], 0.5);
    near(e.scores[0][0].mae_h, 2);
    near(e.scores[1][0].coverage[MIR_SCORED_P90], 1);
    near(e.scores[1][0].mae_h, 7);
    assert_int_equal(mir_truth_within(&e.rows[0], 3), 0);
    assert_int_equal(mir_truth_within(&e.rows[0], 8), -1);
    assert_int_equal(mir_truth_within(&e.rows[1], NAN), -1);
    mir_evaluation_release(&e);
}

static void who_says_nothing_has_no_figures(void **state)
{
    struct mir_evaluation e;

    (void)state;
    mir_evaluation_init(&e, 1);
    e.rows[0] = row(0, 5, false);
    mir_evaluation_add(&e, "silent", false);
    mir_evaluation_score(&e);
    assert_int_equal(e.scores[0][0].n, 0);
    assert_true(isnan(e.scores[0][0].mae_h));
    assert_true(isnan(e.scores[0][0].coverage[0]));
    mir_evaluation_release(&e);
}

static void classes_share_the_rows_among_them(void **state)
{
    struct mir_evaluation e;
    struct mir_prediction *p;

    (void)state;
    mir_evaluation_init(&e, 3);
    for (size_t i = 0; i < 3; i++) {
        e.rows[i] = row((int64_t)i, 1, false);
        e.rows[i].class = mir_evaluation_class(&e, i < 2 ? 1 : 8, i < 2 ? "1 node" : "8 nodes");
    }
    p = mir_evaluation_add(&e, "x", false);
    for (size_t i = 0; i < 3; i++)
        mir_prediction_set_point(p, i, (double)i);
    mir_evaluation_score(&e);
    assert_int_equal(e.n_classes, 3);
    assert_int_equal(e.classes[0].n, 3);
    assert_int_equal(e.classes[1].n, 2);
    near(e.scores[0][1].mae_h, 0.5);
    near(e.scores[0][2].mae_h, 1);
    mir_evaluation_release(&e);
}

/* Waits of up to an hour more than the least; the model knows that, but not all of the hour. */
static void fill_too_short(struct mir_evaluation *e, double least_h)
{
    struct mir_prediction *p;
    struct mir_rng rng;

    mir_rng_init(&rng, 5);
    mir_evaluation_init(e, 20000); /* the calibration settles over the first thousand */
    p = mir_evaluation_add(e, "m", true);
    for (size_t i = 0; i < e->n; i++) {
        double grid[MIR_N_WAIT_LEVELS_TRAINED];

        e->rows[i] = row((int64_t)i * 60, least_h + mir_rng_double(&rng), false);
        for (unsigned k = 0; k < MIR_N_WAIT_LEVELS_TRAINED; k++) /* promises 1.5 times too little */
            grid[k] = least_h + (double)mir_wait_levels[k] / 1.5;
        mir_prediction_set(p, i, grid);
    }
    mir_evaluation_calibrate(e, 0);
    mir_evaluation_score(e);
}

static void calibration_brings_the_median_back(void **state)
{
    struct mir_evaluation e;

    (void)state;
    fill_too_short(&e, 0.1);
    assert_int_equal(e.n_predictions, 2);
    assert_true(e.predictions[1].calibrated);
    assert_true(e.scores[0][0].coverage[MIR_SCORED_P50] < 0.38);
    assert_true(fabs(e.scores[1][0].coverage[MIR_SCORED_P50] - 0.5) < 0.03);
    mir_evaluation_release(&e);
}

/* The first wait is known after the last row was asked: nothing may have moved. */
static void a_wait_teaches_only_once_it_is_over(void **state)
{
    struct mir_evaluation e;

    (void)state;
    fill_too_short(&e, 400);
    for (size_t i = 0; i < e.n * MIR_SCORED_LEVELS; i++) /* a step of a level is 5e-4 h or more */
        assert_true(fabsf(e.predictions[0].hours[i] - e.predictions[1].hours[i]) < 1e-4F);
    mir_evaluation_release(&e);
}

/* It waits for weeks, and half a day was said: that is known after half a day. */
static void a_broken_promise_teaches_before_it_is_over(void **state)
{
    struct mir_evaluation e;
    struct mir_prediction *p;
    double grid[MIR_N_WAIT_LEVELS_TRAINED];

    (void)state;
    mir_evaluation_init(&e, 3);
    p = mir_evaluation_add(&e, "m", true);
    for (size_t i = 0; i < e.n; i++) {
        e.rows[i] = row((int64_t)i * 8 * 3600, 500, i == 1);
        for (unsigned k = 0; k < MIR_N_WAIT_LEVELS_TRAINED; k++)
            grid[k] = 10 + (double)k / 10;
        mir_prediction_set(p, i, grid);
    }
    mir_evaluation_calibrate(&e, 0);
    p = &e.predictions[1];
    near((double)p->hours[MIR_SCORED_LEVELS + 4], (double)p->hours[4]);
    assert_true(p->hours[2 * MIR_SCORED_LEVELS + 4] > p->hours[4]);
    mir_evaluation_release(&e);
}

/* A minute was said each time: twice it was so, and of the two others one was longer. */
static void a_foretold_start_at_once_is_no_kept_promise(void **state)
{
    struct mir_evaluation e;
    struct mir_prediction *p;
    const struct mir_score *s;

    (void)state;
    mir_evaluation_init(&e, 4);
    p = mir_evaluation_add(&e, "soon", false);
    for (size_t i = 0; i < e.n; i++) {
        e.rows[i] = row((int64_t)i, i < 2 ? 0 : 3, false);
        mir_prediction_set_point(p, i, i < 3 ? 1 / 60.0 : 3);
    }
    mir_evaluation_score(&e);
    s = &e.scores[0][0];
    near(s->at_once, 0.5);
    near(s->coverage[MIR_SCORED_P50], 0.5);
    assert_int_equal(s->n, 4);
    mir_evaluation_release(&e);
}

/* Other waits after an instant change nothing of what was said up to it. */
static void calibration_does_not_see_the_future(void **state)
{
    struct mir_evaluation a, b;

    (void)state;
    fill_too_short(&a, 0.1);
    fill_too_short(&b, 0.1);
    for (size_t i = 2000; i < b.n; i++)
        b.rows[i].wait_h = 99;
    mir_evaluation_calibrate(&b, 0);
    assert_memory_equal(a.predictions[1].hours, b.predictions[2].hours,
                        2000 * MIR_SCORED_LEVELS * sizeof(float));
    assert_memory_not_equal(a.predictions[1].hours, b.predictions[2].hours,
                            a.n * MIR_SCORED_LEVELS * sizeof(float));
    mir_evaluation_release(&a);
    mir_evaluation_release(&b);
}

static void the_best_is_learned_and_has_the_least_loss(void **state)
{
    struct mir_evaluation e;

    (void)state;
    mir_evaluation_init(&e, 1);
    e.rows[0] = row(0, 1, false);
    for (int i = 0; i < 3; i++) {
        static const double said[] = {3, 2, 1};
        double grid[MIR_N_WAIT_LEVELS_TRAINED];
        struct mir_prediction *p = mir_evaluation_add(&e, "p", i < 2);

        for (unsigned k = 0; k < MIR_N_WAIT_LEVELS_TRAINED; k++)
            grid[k] = said[i];
        if (i < 2)
            mir_prediction_set(p, 0, grid);
        else
            mir_prediction_set_point(p, 0, said[i]);
    }
    mir_evaluation_score(&e);
    assert_int_equal(mir_evaluation_best(&e, false), 1);
    assert_int_equal(mir_evaluation_best(&e, true), UINT32_MAX);
    mir_evaluation_release(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_what_was_said),
        cmocka_unit_test(below_ten_minutes_all_is_alike),
        cmocka_unit_test(what_still_waits_counts_where_it_decides),
        cmocka_unit_test(who_says_nothing_has_no_figures),
        cmocka_unit_test(classes_share_the_rows_among_them),
        cmocka_unit_test(calibration_brings_the_median_back),
        cmocka_unit_test(a_wait_teaches_only_once_it_is_over),
        cmocka_unit_test(a_broken_promise_teaches_before_it_is_over),
        cmocka_unit_test(a_foretold_start_at_once_is_no_kept_promise),
        cmocka_unit_test(calibration_does_not_see_the_future),
        cmocka_unit_test(the_best_is_learned_and_has_the_least_loss),
    };

    return cmocka_run_group_tests_name("train_evaluation", tests, NULL, NULL);
}
