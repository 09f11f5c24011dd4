/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_bootstrap.c - quantiles against sorting, resamples against what they must add up to. */
#include "traces/replay/bootstrap.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/core/rng.h"

enum { MAX_VALUES = 60 };

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double quantile_by_sorting(const double *values, size_t n, double q)
{
    double sorted[MAX_VALUES];
    double at = q * (double)(n - 1);
    size_t k = (size_t)at;

    for (size_t i = 0; i < n; i++)
        sorted[i] = values[i];
    qsort(sorted, n, sizeof *sorted, compare_doubles);
    if (k + 1 >= n)
        return sorted[n - 1];
    return sorted[k] + (at - (double)k) * (sorted[k + 1] - sorted[k]);
}

static void quantile_agrees_with_sorting(void **state)
{
    const uint64_t seed = 20230201;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, seed);
    for (int round = 0; round < 20000; round++) {
        double values[MAX_VALUES], copy[MAX_VALUES];
        size_t n = 1 + mir_rng_below(&rng, MAX_VALUES);
        uint64_t n_different = 1 + mir_rng_below(&rng, 70);
        double q = round % 5 == 0 ? (double)(round % 10) / 5 : mir_rng_double(&rng);

        for (size_t i = 0; i < n; i++)
            copy[i] = values[i] = (double)mir_rng_below(&rng, n_different);
        if (fabs(mir_quantile(values, n, q) - quantile_by_sorting(copy, n, q)) > 1e-9)
            fail_msg("seed %llu, round %d, n %zu, q %g", (unsigned long long)seed, round, n, q);
    }
}

static void quantile_is_linear_between_order_statistics(void **state)
{
    double values[] = {40, 10, 30, 20};

    (void)state;
    /* numpy.percentile([10, 20, 30, 40], [0, 50, 90, 99, 100]) */
    assert_true(fabs(mir_quantile(values, 4, 0) - 10) < 1e-12);
    assert_true(fabs(mir_quantile(values, 4, 0.5) - 25) < 1e-12);
    assert_true(fabs(mir_quantile(values, 4, 0.9) - 37) < 1e-12);
    assert_true(fabs(mir_quantile(values, 4, 0.99) - 39.7) < 1e-12);
    assert_true(fabs(mir_quantile(values, 4, 1) - 40) < 1e-12);
    assert_true(isnan(mir_quantile(values, 0, 0.5)));
}

static void every_resample_draws_as_many_episodes_as_there_are(void **state)
{
    struct mir_resamples rs;

    (void)state;
    mir_resamples_init(&rs, 37, 5);
    for (size_t r = 0; r < MIR_N_RESAMPLES; r++) {
        unsigned n = 0;

        for (uint32_t e = 0; e < rs.n_episodes; e++)
            n += rs.times[e * MIR_N_RESAMPLES + r];
        assert_int_equal(n, 37);
    }
    mir_resamples_release(&rs);
}

static void a_sum_counts_each_episode_as_often_as_drawn(void **state)
{
    double of_episode[11], sums[MIR_N_RESAMPLES];
    struct mir_resamples rs;

    (void)state;
    for (uint32_t e = 0; e < 11; e++)
        of_episode[e] = (double)(e * e) - 7;
    mir_resamples_init(&rs, 11, 9);
    mir_resamples_sum(&rs, of_episode, sums);
    for (size_t r = 0; r < MIR_N_RESAMPLES; r++) {
        double expected = 0;

        for (uint32_t e = 0; e < 11; e++)
            expected += of_episode[e] * rs.times[e * MIR_N_RESAMPLES + r];
        assert_true(fabs(sums[r] - expected) < 1e-9);
    }
    mir_resamples_release(&rs);
}

static void resamples_are_not_all_alike(void **state)
{
    struct mir_resamples rs;
    unsigned n_drawn_once = 0;

    (void)state;
    mir_resamples_init(&rs, 100, 3);
    for (size_t r = 0; r < MIR_N_RESAMPLES; r++)
        n_drawn_once += rs.times[r] == 1;
    /* Binomial(100, 1/100): the first episode is drawn exactly once in 37 % of resamples. */
    assert_in_range(n_drawn_once, 300, 440);
    mir_resamples_release(&rs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantile_agrees_with_sorting),
        cmocka_unit_test(quantile_is_linear_between_order_statistics),
        cmocka_unit_test(every_resample_draws_as_many_episodes_as_there_are),
        cmocka_unit_test(a_sum_counts_each_episode_as_often_as_drawn),
        cmocka_unit_test(resamples_are_not_all_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
