/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_waits_stats.c - figures of a schedule, against sums done by hand. */
#include "traces/replay/waits_stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/core/quantile.h"

enum { N_JOBS = 5 };

/* cmocka's own compares as floats. */
static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) < 1e-9))
        fail_msg("%.12g is not %.12g", value, expected);
}

/* Five jobs; submit, nodes, run, limit, recorded wait. */
static struct mir_job jobs[N_JOBS] = {
    {.submit_at = 100, .n_nodes = 1, .run_s = 5, .limit_s = 3600, .wait_s = 10},
    {.submit_at = 110, .n_nodes = 2, .run_s = 100, .limit_s = 7200, .wait_s = 20},
    {.submit_at = 120, .n_nodes = 5, .run_s = 50, .limit_s = 48 * 3600, .wait_s = MIR_UNKNOWN},
    {.submit_at = 130, .n_nodes = 1, .run_s = 20, .limit_s = 3600, .wait_s = 20},
    {.submit_at = 140, .n_nodes = 1, .run_s = 20, .limit_s = 3600, .wait_s = 0},
};

static const struct mir_workload workload = {.jobs = jobs, .n_jobs = N_JOBS};

/* Waits of 0, 40, 10, 20; the last job never starts. */
static const int64_t starts[N_JOBS] = {100, 150, 130, 150, INT64_MIN};

static const struct mir_schedule_slice whole = {.workload = &workload,
                                                .start_at = starts,
                                                .first = 0,
                                                .end = N_JOBS,
                                                .n_nodes = 8};

static void figures_are_those_of_the_jobs_that_started(void **state)
{
    struct mir_schedule_figures f;

    (void)state;
    mir_schedule_figures(&whole, &f);
    assert_int_equal(f.n_jobs, 5);
    assert_int_equal(f.n_unstarted, 1);
    assert_near(f.mean_wait_s, 17.5);
    assert_near(f.p50_wait_s, 15);
    assert_near(f.max_wait_s, 40);
    /* max(1, 5/10), 140/100, 60/50, 40/20 */
    assert_near(f.bounded_slowdown, (1 + 1.4 + 1.2 + 2) / 4);
    assert_int_equal(f.makespan_s, 150);
    assert_near(f.utilisation, (5 + 200 + 250 + 20) / (8.0 * 150));
}

static void a_slices_utilisation_counts_everybodys_jobs(void **state)
{
    struct mir_schedule_slice slice = whole;
    struct mir_schedule_figures f;

    (void)state;
    slice.first = 2;
    slice.end = 4;
    mir_schedule_figures(&slice, &f);
    assert_int_equal(f.n_jobs, 2);
    /* From the submission at 120 to the end at 180. */
    assert_int_equal(f.makespan_s, 60);
    assert_near(f.utilisation, (2 * 30 + 5 * 50 + 20) / (8.0 * 60));
}

static void quantiles_lie_between_order_statistics(void **state)
{
    const double values[] = {0, 10, 20, 40};

    (void)state;
    assert_near(mir_sorted_quantile(values, 4, 0), 0);
    assert_near(mir_sorted_quantile(values, 4, 0.5), 15);
    assert_near(mir_sorted_quantile(values, 4, 0.9), 34);
    assert_near(mir_sorted_quantile(values, 4, 1), 40);
    assert_near(mir_sorted_quantile(values, 1, 0.9), 0);
    assert_near(mir_sorted_quantile(values, 0, 0.9), 0);
}

static void only_jobs_with_both_waits_are_matched(void **state)
{
    struct mir_wait_matches m;

    (void)state;
    mir_wait_matches(&whole, &m);
    assert_int_equal(m.n_without, 1);
    /* Pairs (simulated, recorded): (0, 10) (40, 20) (20, 20). */
    assert_int_equal(m.all.n_jobs, 3);
    assert_near(m.all.sim_mean_s, 20);
    assert_near(m.all.log_mean_s, 50.0 / 3);
    assert_near(m.all.abs_error_mean_s, 10);
    assert_near(m.all.error_p50_s, 0);
    assert_near(m.all.error_p5_s, -9);
    /* Ranks (1, 1) (3, 2.5) (2, 2.5): 1.5 / sqrt(2 * 1.5). */
    assert_near(m.all.spearman, sqrt(3) / 2);
    /* Both deviations: (-20, -20/3) (20, 10/3) (0, 10/3). */
    assert_near(m.all.pearson, 200 / sqrt(800 * 600.0 / 9));
}

static void jobs_are_classed_by_nodes_and_limit(void **state)
{
    struct mir_wait_matches m;

    (void)state;
    mir_wait_matches(&whole, &m);
    assert_int_equal(m.by_size[MIR_SIZE_1].n_jobs, 2);
    assert_int_equal(m.by_size[MIR_SIZE_4].n_jobs, 1);
    assert_int_equal(m.by_size[MIR_SIZE_16].n_jobs, 0);
    assert_int_equal(m.by_limit[MIR_LIMIT_1H].n_jobs, 2);
    assert_int_equal(m.by_limit[MIR_LIMIT_12H].n_jobs, 1);
    assert_int_equal(m.by_limit[MIR_LIMIT_MORE].n_jobs, 0);
    /* One job has no correlation with itself. */
    assert_true(isnan(m.by_limit[MIR_LIMIT_12H].pearson));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_jobs_that_started),
        cmocka_unit_test(a_slices_utilisation_counts_everybodys_jobs),
        cmocka_unit_test(quantiles_lie_between_order_statistics),
        cmocka_unit_test(only_jobs_with_both_waits_are_matched),
        cmocka_unit_test(jobs_are_classed_by_nodes_and_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
