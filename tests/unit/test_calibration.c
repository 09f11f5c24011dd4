/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_calibration.c - promised coverage under drift: the guarantee of adaptive
 * conformal inference, checked as the identity it is, and what a reader gets to see.
 */
#include "models/predict/calibration.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/rng.h"
#include "daemon/host/job.h"

enum { N = MIR_N_WAIT_LEVELS_TRAINED, HOUR = 3600 };

static double grid(unsigned i)
{
    return (double)mir_wait_levels[i];
}

/* What a model says that takes waits for exponential with this mean. */
static void exponential(double mean_h, double out[N])
{
    for (unsigned i = 0; i < N; i++)
        out[i] = -mean_h * log1p(-grid(i));
}

static void assert_about(double value, double truth, double tolerance)
{
    if (!(fabs(value - truth) <= tolerance))
        fail_msg("%g, not %g +- %g", value, truth, tolerance);
}

/* ---- Reading */

static void a_new_one_asks_for_what_is_wanted(void **state)
{
    struct mir_calibration c;
    double quantiles[N];

    (void)state;
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    exponential(3, quantiles);
    for (unsigned k = 0; k < MIR_CALIBRATION_CLASSES; k++) {
        assert_int_equal(c.n_learned[k], 0);
        for (double level = 0.05; level <= 0.95; level += 0.01) {
            assert_about(mir_calibration_level(&c, k, level), level, 1e-7);
            assert_about(mir_calibration_quantile(&c, k, quantiles, level),
                         mir_wait_quantile_between(quantiles, level), 1e-6);
        }
    }
}

static void beyond_the_grid_the_outermost_level_is_asked(void **state)
{
    struct mir_calibration c;

    (void)state;
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    c.asked[0][0] = 0.02;
    c.asked[0][N - 1] = 0.98;
    assert_true(mir_calibration_level(&c, 0, 0) == 0.02);
    assert_true(mir_calibration_level(&c, 0, -INFINITY) == 0.02);
    assert_true(mir_calibration_level(&c, 0, 1) == 0.98);
    assert_true(mir_calibration_level(&c, 0, 0.999) == 0.98);
}

static void between_the_levels_of_the_grid_it_is_linear(void **state)
{
    struct mir_calibration c;

    (void)state;
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    for (unsigned i = 0; i < N; i++)
        c.asked[3][i] = (double)(i + 1) / 20;
    for (unsigned i = 0; i + 1 < N; i++)
        for (double part = 0; part <= 1; part += 0.25)
            assert_about(mir_calibration_level(&c, 3, grid(i) + part * (grid(i + 1) - grid(i))),
                         (i + 1 + part) / 20, 1e-12);
}

/* A level that was moved past its neighbour: the higher level never asks for less. */
static void levels_that_crossed_are_told_in_order(void **state)
{
    struct mir_calibration c;
    struct mir_rng rng;

    (void)state;
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    mir_rng_init(&rng, 1);
    for (int n = 0; n < 200; n++) {
        double sum = 0, read = 0, before = 0;

        for (unsigned i = 0; i < N; i++)
            c.asked[5][i] = 0.001 + 0.998 * mir_rng_double(&rng);
        for (double level = 0; level <= 1; level += 0.001) {
            double asked = mir_calibration_level(&c, 5, level);

            assert_true(asked >= before);
            before = asked;
        }
        for (unsigned i = 0; i < N; i++) { /* the same numbers, in another order */
            sum += c.asked[5][i];
            read += mir_calibration_level(&c, 5, grid(i));
        }
        assert_about(read, sum, 1e-9);
    }
}

/* ---- Classes */

static void classes_go_by_size_and_limit(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 5, 9};
    static const uint32_t last[] = {1, 2, 4, 8, UINT32_MAX};
    static const int32_t limits[] = {1, 2 * HOUR + 1, 24 * HOUR + 1};
    static const int32_t longest[] = {2 * HOUR, 24 * HOUR, MIR_UNLIMITED};
    unsigned n = 0;

    (void)state;
    for (unsigned s = 0; s < MIR_CALIBRATION_SIZES; s++) {
        for (unsigned l = 0; l < MIR_CALIBRATION_LIMITS; l++, n++) {
            assert_int_equal(mir_calibration_class(sizes[s], limits[l]), n);
            assert_int_equal(mir_calibration_class(last[s], longest[l]), n);
        }
    }
    assert_int_equal(n, MIR_CALIBRATION_CLASSES);
    assert_int_equal(mir_calibration_class(0, HOUR), mir_calibration_class(1, HOUR));
    assert_int_equal(mir_calibration_class(1, MIR_UNKNOWN),
                     mir_calibration_class(1, MIR_UNLIMITED));
}

static void a_class_learns_for_itself_alone(void **state)
{
    struct mir_calibration c, before;
    double quantiles[N];

    (void)state;
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    before = c;
    exponential(1, quantiles);
    mir_calibration_learn(&c, 4, quantiles, 100);
    assert_int_equal(c.n_learned[4], 1);
    for (unsigned k = 0; k < MIR_CALIBRATION_CLASSES; k++) {
        if (k == 4)
            assert_memory_not_equal(c.asked[k], before.asked[k], sizeof c.asked[k]);
        else
            assert_memory_equal(c.asked[k], before.asked[k], sizeof c.asked[k]);
        assert_int_equal(c.n_learned[k], k == 4);
    }
}

/* ---- Learning */

/* Eq. 2 of the paper, for coverage instead of error. */
static void one_wait_moves_each_level_by_a_step(void **state)
{
    struct mir_calibration c;
    double quantiles[N];

    (void)state;
    mir_calibration_init(&c, 0.01);
    exponential(1, quantiles);
    mir_calibration_learn(&c, 0, quantiles, log(2) - 1e-3); /* covered from 0.5 on */
    for (unsigned i = 0; i < N; i++)
        assert_about(c.asked[0][i], grid(i) + 0.01 * (grid(i) - (grid(i) > 0.49)), 1e-12);
}

/* Shares of `n` waits, `factor` times as long as the model says, within each promise. */
static void live_through(struct mir_calibration *c,
                         struct mir_rng *rng,
                         double factor,
                         int n,
                         double covered[N])
{
    double quantiles[N];

    exponential(1, quantiles);
    for (unsigned i = 0; i < N; i++)
        covered[i] = 0;
    for (int t = 0; t < n; t++) {
        double wait_h = factor * mir_rng_exponential(rng);

        for (unsigned i = 0; i < N; i++)
            covered[i] +=
                wait_h <= mir_calibration_quantile(c, 2, quantiles, grid(i)) ? 1.0 / n : 0;
        mir_calibration_learn(c, 2, quantiles, wait_h);
    }
}

/*
 * What was promised and what came true differ, over T waits, by as much as the level
 * has moved, in steps of gamma: (asked after - asked before) / (gamma T).  Each part is
 * looked at by itself: too high and too low must not make up for each other.
 */
static void the_promise_holds_when_waits_become_longer_and_shorter(void **state)
{
    static const double factors[] = {1.2, 0.8, 1.2};
    struct mir_calibration c, before;
    double covered[N];
    struct mir_rng rng;
    const int n = (int)(30 / MIR_CALIBRATION_GAMMA);

    (void)state;
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    mir_rng_init(&rng, 2);
    for (size_t part = 0; part < sizeof factors / sizeof *factors; part++) {
        before = c;
        live_through(&c, &rng, factors[part], n, covered);
        /* Beyond its outermost levels a model says nothing: those two cannot follow. */
        for (unsigned i = 1; i + 1 < N; i++) {
            assert_about(covered[i], grid(i), 0.01);
            assert_about(covered[i], grid(i) - (c.asked[2][i] - before.asked[2][i]) / (c.gamma * n),
                         0.002); /* it is asked in order, and learns without */
        }
    }
    assert_int_equal(c.n_learned[2], 3 * n);
}

static void without_it_the_promise_would_not_hold(void **state)
{
    struct mir_calibration c;
    double covered[N];
    struct mir_rng rng;
    const int n = (int)(30 / MIR_CALIBRATION_GAMMA);

    (void)state;
    mir_calibration_init(&c, 0);
    mir_rng_init(&rng, 2);
    live_through(&c, &rng, 1.2, n, covered);
    for (unsigned i = 1; i + 1 < N; i++)
        assert_true(covered[i] < grid(i) - 0.01);
}

/* How many waits take a level all the way that moves by the least step, 5 % of gamma. */
static int all_the_way(const struct mir_calibration *c)
{
    return (int)(1 / (0.05 * c->gamma)) + 1;
}

/* At the ends a level stops, and comes back as soon as waits do. */
static void a_level_never_runs_away(void **state)
{
    struct mir_calibration c;
    double quantiles[N];

    (void)state;
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    exponential(1, quantiles);
    for (int t = 0; t < all_the_way(&c); t++)
        mir_calibration_learn(&c, 0, quantiles, 1e6);
    for (unsigned i = 0; i < N; i++)
        assert_true(c.asked[0][i] > 0.99 && c.asked[0][i] <= 0.999);
    for (int t = 0; t < 2 * all_the_way(&c); t++)
        mir_calibration_learn(&c, 0, quantiles, 0);
    for (unsigned i = 0; i < N; i++)
        assert_true(c.asked[0][i] < 0.01 && c.asked[0][i] >= 0.001);
    for (int t = 0; t < (int)(1 / c.gamma); t++) /* the median moves by half of gamma */
        mir_calibration_learn(&c, 0, quantiles, 1e6);
    assert_about(mir_calibration_level(&c, 0, 0.5), 0.5, 0.01);
}

static void a_job_that_waits_beyond_everything_is_uncovered_everywhere(void **state)
{
    struct mir_calibration c;
    double quantiles[N];

    (void)state;
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    exponential(1, quantiles);
    mir_calibration_learn(&c, 0, quantiles, quantiles[N - 1] + 1e-6);
    for (unsigned i = 0; i < N; i++)
        assert_about(c.asked[0][i], fmin(grid(i) * (1 + c.gamma), 0.999), 1e-12);
}

/* Idle weeks: nothing could be promised less, and nothing is. */
static void a_start_at_once_that_was_told_moves_nothing(void **state)
{
    struct mir_calibration c, before;
    double quantiles[N] = {0};

    (void)state;
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    before = c;
    mir_calibration_learn(&c, 0, quantiles, MIR_CALIBRATION_AT_ONCE_H / 2);
    assert_memory_equal(c.asked, before.asked, sizeof c.asked);
    quantiles[N - 1] = 1; /* an hour, for the most careful: that was too much */
    mir_calibration_learn(&c, 0, quantiles, 0);
    assert_true(c.asked[0][N - 1] < before.asked[0][N - 1]);
    assert_true(c.asked[0][0] == before.asked[0][0]);
}

/* The grid ends at 0.95; where that is too little, the tail beyond it is asked for. */
static void a_promise_can_grow_beyond_the_grid(void **state)
{
    struct mir_calibration c;
    double quantiles[N], longest = 0;

    (void)state;
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    exponential(1, quantiles);
    for (int t = 0; t < 4000; t++) {
        longest = mir_calibration_quantile(&c, 0, quantiles, 0.95);
        assert_true(mir_calibration_highest(&c, 0, quantiles) >= longest);
        mir_calibration_learn(&c, 0, quantiles, quantiles[N - 1] * (t % 10 == 0 ? 1.3 : 0.5));
    }
    assert_true(longest > quantiles[N - 1] * 1.2 && longest < quantiles[N - 1] * 1.5);
}

static void a_wait_that_is_no_number_teaches_nothing(void **state)
{
    struct mir_calibration c, before;
    double quantiles[N];

    (void)state;
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    before = c;
    exponential(1, quantiles);
    mir_calibration_learn(&c, 0, quantiles, NAN);
    assert_memory_equal(&c, &before, sizeof c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_asks_for_what_is_wanted),
        cmocka_unit_test(beyond_the_grid_the_outermost_level_is_asked),
        cmocka_unit_test(between_the_levels_of_the_grid_it_is_linear),
        cmocka_unit_test(levels_that_crossed_are_told_in_order),
        cmocka_unit_test(classes_go_by_size_and_limit),
        cmocka_unit_test(a_class_learns_for_itself_alone),
        cmocka_unit_test(one_wait_moves_each_level_by_a_step),
        cmocka_unit_test(the_promise_holds_when_waits_become_longer_and_shorter),
        cmocka_unit_test(without_it_the_promise_would_not_hold),
        cmocka_unit_test(a_level_never_runs_away),
        cmocka_unit_test(a_job_that_waits_beyond_everything_is_uncovered_everywhere),
        cmocka_unit_test(a_start_at_once_that_was_told_moves_nothing),
        cmocka_unit_test(a_promise_can_grow_beyond_the_grid),
        cmocka_unit_test(a_wait_that_is_no_number_teaches_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
