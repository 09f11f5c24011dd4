/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_comparison.c - figures against sums done by hand, intervals against theory. */
#include "traces/replay/comparison.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/core/rng.h"
#include "tests/unit/comparison_fixture.h"

enum { H = FIXTURE_HOUR };

/* cmocka 1.1.5 has assert_float_equal() alone. */
static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.12g is not %.12g within %g", value, expected, tolerance);
}

/* Reactive 0, 1, 3, 20 h; a policy with overlaps of 2 and 1 h, then 60 s and 10 h. */
static void make_four(struct mir_comparison *c)
{
    static const int32_t reactive[] = {0, 1 * H, 3 * H, 20 * H};
    static const int32_t policy[] = {-2 * H, -1 * H, 60, 10 * H};
    static const int32_t bound[] = {0, 0, 0, 4 * H};

    fixture_init(c, 2, 4, 1);
    fixture_fill(c, &c->rows[0], "reactive", reactive);
    fixture_fill(c, &c->rows[1], "policy", policy);
    fixture_fill(c, &c->clairvoyant, "clairvoyant", bound);
}

static void figures_agree_with_sums_by_hand(void **state)
{
    struct mir_comparison c;
    struct mir_figures f;

    (void)state;
    make_four(&c);
    mir_comparison_figures(&c, &c.rows[1], 0, -1, &f);
    assert_int_equal(f.n, 4);
    assert_int_equal(f.n_episodes, 4);
    assert_int_equal(f.n_unstarted, 0);
    assert_near(f.interruption_mean_h, (10 + 1 / 60.0) / 4, 1e-12);
    /* Sorted 0, 0, 1/60, 10: at 1.5, 2.7 and 2.97. */
    assert_near(f.interruption_p50_h, 0.5 / 60, 1e-12);
    assert_near(f.interruption_p90_h, 1 / 60.0 + 0.7 * (10 - 1 / 60.0), 1e-12);
    assert_near(f.interruption_p99_h, 1 / 60.0 + 0.97 * (10 - 1 / 60.0), 1e-12);
    assert_near(f.overlap_mean_h, 0.75, 1e-12);
    assert_near(f.zero_share, 0.75, 1e-12);
    assert_near(f.late_share, 0.5, 1e-12);
    assert_near(f.cost_mean_h, (13 + 1 / 60.0) / 4, 1e-12);
    /* Reactive 24 h in sum, hindsight 4. */
    assert_near(f.gap_closed, (24 - 13 - 1 / 60.0) / 20, 1e-12);
    mir_comparison_figures(&c, &c.rows[1], 1, -1, &f);
    assert_near(f.cost_mean_h, (11.5 + 1 / 60.0) / 4, 1e-12);
    assert_near(f.gap_closed, (24 - 11.5 - 1 / 60.0) / 20, 1e-12);
    mir_comparison_release(&c);
}

static void reactive_closes_nothing_and_hindsight_all(void **state)
{
    struct mir_comparison c;
    struct mir_figures f;

    (void)state;
    make_four(&c);
    mir_comparison_figures(&c, &c.rows[0], 0, -1, &f);
    assert_near(f.gap_closed, 0, 1e-12);
    mir_comparison_figures(&c, &c.clairvoyant, 0, -1, &f);
    assert_near(f.gap_closed, 1, 1e-12);
    assert_near(f.cost_mean_h, 1, 1e-12);
    mir_comparison_release(&c);
}

static void classes_split_where_the_header_says(void **state)
{
    static const int32_t reactive[] = {-5, 2 * H, 2 * H + 1, 12 * H, 12 * H + 1, FIXTURE_NEVER};
    static const enum mir_load expected[] = {MIR_LOAD_LOW,    MIR_LOAD_LOW,   MIR_LOAD_MEDIUM,
                                             MIR_LOAD_MEDIUM, MIR_LOAD_HEAVY, MIR_LOAD_HEAVY};
    struct mir_comparison c;
    struct mir_figures f;

    (void)state;
    fixture_init(&c, 1, 6, 1);
    fixture_fill(&c, &c.rows[0], "reactive", reactive);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(mir_comparison_load(&c, i), expected[i]);
    for (int load = 0; load < MIR_N_LOADS; load++) {
        mir_comparison_figures(&c, &c.rows[0], 0, load, &f);
        assert_int_equal(f.n, 2);
    }
    assert_string_equal(mir_load_name(MIR_LOAD_LOW), "low");
    assert_string_equal(mir_load_name(MIR_LOAD_HEAVY), "heavy");
    mir_comparison_release(&c);
}

static void a_policy_is_classed_by_what_reactive_came_to(void **state)
{
    struct mir_comparison c;
    struct mir_figures f;

    (void)state;
    make_four(&c);
    mir_comparison_figures(&c, &c.rows[1], 0, MIR_LOAD_LOW, &f);
    assert_int_equal(f.n, 2);
    assert_near(f.overlap_mean_h, 1.5, 1e-12);
    mir_comparison_figures(&c, &c.rows[1], 0, MIR_LOAD_HEAVY, &f);
    assert_int_equal(f.n, 1);
    assert_near(f.interruption_p50_h, 10, 1e-12);
    assert_near(f.gap_closed, 10 / 16.0, 1e-12);
    mir_comparison_release(&c);
}

static void one_second_above_a_minute_is_an_interruption(void **state)
{
    static const int32_t outcomes[] = {60, 61};
    struct mir_comparison c;
    struct mir_figures f;

    (void)state;
    fixture_init(&c, 1, 2, 1);
    fixture_fill(&c, &c.rows[0], "reactive", outcomes);
    mir_comparison_figures(&c, &c.rows[0], 0, -1, &f);
    assert_near(f.zero_share, 0.5, 1e-12);
    assert_near(f.late_share, 1, 1e-12);
    mir_comparison_release(&c);
}

static void what_never_started_counts_thirty_days(void **state)
{
    static const int32_t outcomes[] = {0, FIXTURE_NEVER};
    struct mir_comparison c;
    struct mir_figures f;

    (void)state;
    fixture_init(&c, 1, 2, 1);
    fixture_fill(&c, &c.rows[0], "reactive", outcomes);
    mir_comparison_figures(&c, &c.rows[0], 0, -1, &f);
    assert_int_equal(f.n, 2);
    assert_int_equal(f.n_unstarted, 1);
    assert_near(f.interruption_mean_h, 360, 1e-12);
    assert_near(f.cost_mean_h, 360, 1e-12);
    mir_comparison_release(&c);
}

static void no_gap_is_nan(void **state)
{
    static const int32_t same[] = {1 * H, 2 * H};
    static const int32_t worse[] = {3 * H, 5 * H};
    struct mir_comparison c;
    struct mir_figures f;

    (void)state;
    fixture_init(&c, 1, 2, 1);
    fixture_fill(&c, &c.rows[0], "reactive", same);
    mir_comparison_figures(&c, &c.rows[0], 0, -1, &f); /* no clairvoyant at all */
    assert_true(isnan(f.gap_closed) && isnan(f.gap_low) && isnan(f.gap_high));
    fixture_fill(&c, &c.clairvoyant, "clairvoyant", same);
    mir_comparison_figures(&c, &c.rows[0], 0, -1, &f);
    assert_true(isnan(f.gap_closed) && isnan(f.gap_low) && isnan(f.gap_high));
    c.clairvoyant.outcomes[0][0].start_at += worse[0];
    mir_comparison_figures(&c, &c.rows[0], 0, -1, &f); /* a negative gap */
    assert_true(isnan(f.gap_closed));
    mir_comparison_release(&c);
}

static void an_empty_class_has_no_figures(void **state)
{
    static const int32_t idle[] = {0, 0};
    struct mir_comparison c;
    struct mir_figures f;

    (void)state;
    fixture_init(&c, 1, 2, 1);
    fixture_fill(&c, &c.rows[0], "reactive", idle);
    mir_comparison_figures(&c, &c.rows[0], 0, MIR_LOAD_HEAVY, &f);
    assert_int_equal(f.n, 0);
    assert_true(isnan(f.cost_mean_h) && isnan(f.zero_share) && isnan(f.cost_low_h));
    mir_comparison_release(&c);
}

/* Were links resampled one by one, the mean would vary. */
static void links_of_an_episode_stay_together(void **state)
{
    static const int32_t outcomes[] = {1 * H, 3 * H, 4 * H, 0, 2 * H, 2 * H};
    struct mir_comparison c;
    struct mir_figures f;

    (void)state;
    fixture_init(&c, 1, 3, 2);
    fixture_fill(&c, &c.rows[0], "reactive", outcomes);
    mir_comparison_figures(&c, &c.rows[0], 0, -1, &f);
    assert_int_equal(f.n, 6);
    assert_int_equal(f.n_episodes, 3);
    assert_near(f.cost_mean_h, 2, 1e-12);
    assert_near(f.cost_low_h, 2, 1e-12);
    assert_near(f.cost_high_h, 2, 1e-12);
    mir_comparison_release(&c);
}

enum { N_RANDOM = 168 };

/* Exponential interruptions with mean 5 h; the policy has half of each and noise. */
static void make_random(struct mir_comparison *c, uint64_t seed)
{
    int32_t reactive[N_RANDOM], policy[N_RANDOM], bound[N_RANDOM];
    struct mir_rng rng;

    mir_rng_init(&rng, seed);
    for (size_t i = 0; i < N_RANDOM; i++) {
        reactive[i] = (int32_t)(5 * H * mir_rng_exponential(&rng));
        policy[i] = (int32_t)(reactive[i] * 0.5 + 0.5 * H * mir_rng_normal(&rng));
        bound[i] = 0;
    }
    fixture_init(c, 2, N_RANDOM, 1);
    fixture_fill(c, &c->rows[0], "reactive", reactive);
    fixture_fill(c, &c->rows[1], "policy", policy);
    fixture_fill(c, &c->clairvoyant, "clairvoyant", bound);
}

/* 400 samples: 95 % +- 2 standard errors of 1.1 %, and 2 % for the percentile method at n = 168. */
static void interval_holds_the_true_mean_about_as_often_as_it_says(void **state)
{
    enum { N_SAMPLES = 400 };
    unsigned n_held = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= N_SAMPLES; seed++) {
        struct mir_comparison c;
        struct mir_figures f;

        make_random(&c, seed);
        c.seed = seed;
        mir_comparison_figures(&c, &c.rows[0], 0, -1, &f);
        n_held += f.cost_low_h <= 5 && f.cost_high_h >= 5;
        mir_comparison_release(&c);
    }
    assert_in_range(n_held, N_SAMPLES * 91 / 100, N_SAMPLES * 97 / 100);
}

/* Normal theory: half the interval is 1.96 standard errors; within 12 % at 1000 resamples. */
static void interval_is_as_wide_as_theory_has_it(void **state)
{
    struct mir_comparison c;
    struct mir_figures f;
    double variance = 0, half;

    (void)state;
    make_random(&c, 77);
    mir_comparison_figures(&c, &c.rows[0], 0, -1, &f);
    for (size_t i = 0; i < N_RANDOM; i++) {
        double h = (double)mir_outcome_signed_s(&c.rows[0].outcomes[0][i]) / H - f.cost_mean_h;

        variance += h * h / (N_RANDOM - 1);
    }
    half = 1.96 * sqrt(variance / N_RANDOM);
    assert_near((f.cost_high_h - f.cost_low_h) / 2, half, 0.12 * half);
    mir_comparison_release(&c);
}

/* Resampled together, reactive and policy move together; apart, this would be far wider. */
static void gap_interval_pairs_the_episodes(void **state)
{
    struct mir_comparison c;
    struct mir_figures f;

    (void)state;
    make_random(&c, 12);
    mir_comparison_figures(&c, &c.rows[1], 0, -1, &f);
    assert_true(f.gap_low < f.gap_closed && f.gap_closed < f.gap_high);
    assert_near(f.gap_closed, 0.5, 0.1);
    assert_true(f.gap_high - f.gap_low < 0.12);
    mir_comparison_release(&c);
}

/* Bit for bit, NaN too, but for the padding after the counts. */
static void assert_same_figures(const struct mir_figures *a, const struct mir_figures *b)
{
    const size_t first = offsetof(struct mir_figures, interruption_mean_h);

    assert_int_equal(a->n, b->n);
    assert_int_equal(a->n_episodes, b->n_episodes);
    assert_int_equal(a->n_unstarted, b->n_unstarted);
    assert_memory_equal((const char *)a + first, (const char *)b + first, sizeof *a - first);
}

static void the_seed_and_nothing_else_decides_the_interval(void **state)
{
    struct mir_comparison c;
    struct mir_figures a, b, other;

    (void)state;
    make_random(&c, 4);
    mir_comparison_figures(&c, &c.rows[1], 0, -1, &a);
    mir_comparison_figures(&c, &c.rows[1], 0, -1, &b);
    assert_same_figures(&a, &b);
    c.seed++;
    mir_comparison_figures(&c, &c.rows[1], 0, -1, &other);
    assert_true(other.cost_low_h != a.cost_low_h);
    assert_near(other.cost_mean_h, a.cost_mean_h, 0);
    mir_comparison_release(&c);
}

static void the_grid_has_the_figures_of_single_calls(void **state)
{
    struct mir_comparison c;
    struct mir_figure_grid grid;

    (void)state;
    make_random(&c, 3);
    mir_figure_grid_init(&grid, &c);
    for (uint32_t row = 0; row <= c.n_rows; row++) {
        for (uint32_t w = 0; w < c.n_weights; w++) {
            for (int load = -1; load < MIR_N_LOADS; load++) {
                struct mir_figures f;

                mir_comparison_figures(&c, row < c.n_rows ? &c.rows[row] : &c.clairvoyant, w, load,
                                       &f);
                assert_same_figures(mir_figure_grid_get(&grid, row, w, load), &f);
            }
        }
    }
    mir_figure_grid_release(&grid);
    mir_comparison_release(&c);
}

static void release_accepts_a_zeroed_struct(void **state)
{
    struct mir_comparison c = {0};

    (void)state;
    mir_comparison_release(&c);
    assert_null(c.rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_agree_with_sums_by_hand),
        cmocka_unit_test(reactive_closes_nothing_and_hindsight_all),
        cmocka_unit_test(classes_split_where_the_header_says),
        cmocka_unit_test(a_policy_is_classed_by_what_reactive_came_to),
        cmocka_unit_test(one_second_above_a_minute_is_an_interruption),
        cmocka_unit_test(what_never_started_counts_thirty_days),
        cmocka_unit_test(no_gap_is_nan),
        cmocka_unit_test(an_empty_class_has_no_figures),
        cmocka_unit_test(links_of_an_episode_stay_together),
        cmocka_unit_test(interval_holds_the_true_mean_about_as_often_as_it_says),
        cmocka_unit_test(interval_is_as_wide_as_theory_has_it),
        cmocka_unit_test(gap_interval_pairs_the_episodes),
        cmocka_unit_test(the_seed_and_nothing_else_decides_the_interval),
        cmocka_unit_test(the_grid_has_the_figures_of_single_calls),
        cmocka_unit_test(release_accepts_a_zeroed_struct),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
