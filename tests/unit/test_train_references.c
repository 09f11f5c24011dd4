/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_references.c - what needs no learning sees the past, and the right part of it. */
#include "models/train/references.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"

enum { N = 600 };

/* A start a minute; the i-th waited i + 1 seconds. */
static struct mir_starts ramp(void)
{
    struct mir_starts starts = {MIR_NEW_ARRAY(struct mir_start, N), N};

    for (int i = 0; i < N; i++)
        starts.list[i] = (struct mir_start){
            .start_at = 60 * (int64_t)i, .wait_s = i + 1, .limit_s = 172800, .n_nodes = 1};
    return starts;
}

static void ask_at(struct mir_evaluation *e, const int64_t *at, size_t n)
{
    mir_evaluation_init(e, n);
    for (size_t i = 0; i < n; i++)
        e->rows[i] = (struct mir_truth){.at = at[i], .n_nodes = 1, .limit_s = 172800};
}

static void near(double a, double b)
{
    if (!(fabs(a - b) < 1e-4))
        fail_msg("%.9g, not %.9g", a, b);
}

static void the_mean_is_of_the_last_hundred_starts_before(void **state)
{
    static const int64_t at[] = {-1, 0, 60 * 49 + 30, 60 * 250, 60 * N};
    struct mir_starts starts = ramp();
    struct mir_evaluation e;
    const float *hours;

    (void)state;
    ask_at(&e, at, 5);
    mir_references_add(&e, &starts);
    assert_string_equal(e.predictions[0].name, "mean wait");
    hours = e.predictions[0].hours;
    assert_true(isnan(hours[0]));
    near(3600 * (double)hours[1 * MIR_SCORED_LEVELS], 1);
    near(3600 * (double)hours[2 * MIR_SCORED_LEVELS], 25.5);  /* 1 to 50 */
    near(3600 * (double)hours[3 * MIR_SCORED_LEVELS], 201.5); /* 152 to 251 */
    near(3600 * (double)hours[4 * MIR_SCORED_LEVELS], N - 49.5);
    mir_evaluation_release(&e);
    mir_starts_release(&starts);
}

static void recent_waits_are_quantiles_of_the_last_thousand(void **state)
{
    static const int64_t at[] = {-1, 60 * 99, 60 * N};
    struct mir_starts starts = ramp();
    struct mir_evaluation e;
    const float *hours;

    (void)state;
    ask_at(&e, at, 3);
    mir_references_add_recent(&e, &starts);
    hours = e.predictions[0].hours;
    assert_true(isnan(hours[MIR_SCORED_P50]));
    near(3600 * (double)hours[MIR_SCORED_LEVELS + MIR_SCORED_P50], 50); /* of 1 .. 100 */
    near(3600 * (double)hours[MIR_SCORED_LEVELS + MIR_SCORED_P90], 90);
    near(3600 * (double)hours[2 * MIR_SCORED_LEVELS + MIR_SCORED_P50], 300);
    mir_evaluation_release(&e);
    mir_starts_release(&starts);
}

/* In a steady queue the bound lies above the quantile, and not by much. */
static void qbets_bounds_the_quantile_from_above(void **state)
{
    struct mir_starts starts = {MIR_NEW_ARRAY(struct mir_start, 2000), 2000};
    const int64_t at[] = {2000 * 60};
    struct mir_evaluation e;
    struct mir_rng rng;
    const float *hours;

    (void)state;
    mir_rng_init(&rng, 1);
    for (int i = 0; i < 2000; i++)
        starts.list[i] = (struct mir_start){.start_at = 60 * (int64_t)i,
                                            .wait_s = (int32_t)mir_rng_below(&rng, 36000),
                                            .limit_s = 172800,
                                            .n_nodes = 1};
    ask_at(&e, at, 1);
    mir_references_add(&e, &starts);
    assert_string_equal(e.predictions[1].name, "qbets");
    hours = e.predictions[1].hours;
    assert_true(hours[MIR_SCORED_P50] > 5 && hours[MIR_SCORED_P50] < 5.6F);
    assert_true(hours[MIR_SCORED_P90] > 9 && hours[MIR_SCORED_P90] < 9.5F);
    assert_true(hours[MIR_SCORED_P95] > hours[MIR_SCORED_P90]);
    mir_evaluation_release(&e);
    mir_starts_release(&starts);
}

/* Later starts are others; what is said is not. */
static void no_reference_sees_the_future(void **state)
{
    static const int64_t at[] = {60 * 100, 60 * 300};
    struct mir_starts a = ramp(), b = ramp();
    struct mir_evaluation of_a, of_b;

    (void)state;
    for (int i = 301; i < N; i++)
        b.list[i].wait_s = 1000000;
    ask_at(&of_a, at, 2);
    ask_at(&of_b, at, 2);
    mir_references_add(&of_a, &a);
    mir_references_add_recent(&of_a, &a);
    mir_references_add(&of_b, &b);
    mir_references_add_recent(&of_b, &b);
    for (uint32_t p = 0; p < 3; p++)
        assert_memory_equal(of_a.predictions[p].hours, of_b.predictions[p].hours,
                            2 * MIR_SCORED_LEVELS * sizeof(float));
    mir_evaluation_release(&of_a);
    mir_evaluation_release(&of_b);
    mir_starts_release(&a);
    mir_starts_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_is_of_the_last_hundred_starts_before),
        cmocka_unit_test(recent_waits_are_quantiles_of_the_last_thousand),
        cmocka_unit_test(qbets_bounds_the_quantile_from_above),
        cmocka_unit_test(no_reference_sees_the_future),
    };

    return cmocka_run_group_tests_name("train_references", tests, NULL, NULL);
}
