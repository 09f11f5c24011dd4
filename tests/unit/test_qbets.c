/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_qbets.c - the binomial bound, rare runs, and what happens when waits change. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/rng.h"
#include "plugins/qbets/binomial.h"
#include "plugins/qbets/bound.h"
#include "plugins/qbets/rare_run.h"

static double binomial_pmf(uint32_t n, double q, uint32_t i)
{
    return exp(lgamma(n + 1.0) - lgamma(i + 1.0) - lgamma(n - i + 1.0) + i * log(q) +
               (n - i) * log1p(-q));
}

/* The definition, term by term; 0 when no rank reaches the confidence. */
static uint32_t expected_rank(uint32_t n, double q, double confidence, double *cdf)
{
    *cdf = 0;
    for (uint32_t k = 1; k <= n; k++) {
        *cdf += binomial_pmf(n, q, k - 1);
        if (*cdf >= confidence - 1e-10)
            return k;
    }
    return 0;
}

static void rank_equals_the_exhaustive_sum(void **state)
{
    static const double quantiles[] = {0.05, 1 / 3.0, 0.5, 2 / 3.0, 10 / 11.0, 0.95, 0.99};
    static const double confidences[] = {0.5, 0.8, 0.95, 0.99};

    (void)state;
    for (size_t a = 0; a < sizeof(quantiles) / sizeof(quantiles[0]); a++) {
        for (size_t c = 0; c < sizeof(confidences) / sizeof(confidences[0]); c++) {
            struct mir_binomial_rank b;

            mir_binomial_rank_init(&b, quantiles[a], confidences[c]);
            for (uint32_t n = 1; n <= 400; n++) {
                double cdf;
                uint32_t rank = expected_rank(n, quantiles[a], confidences[c], &cdf);

                mir_binomial_rank_grow(&b);
                assert_int_equal(b.n, n);
                assert_int_equal(b.rank, rank);
                assert_int_equal(b.rank == 0, n < b.n_min);
            }
        }
    }
}

static void rank_stays_exact_over_thousands_of_values(void **state)
{
    struct mir_binomial_rank b;
    double cdf;

    (void)state;
    mir_binomial_rank_init(&b, 0.95, 0.95);
    for (uint32_t n = 1; n <= 10000; n++)
        mir_binomial_rank_grow(&b);
    assert_int_equal(b.rank, expected_rank(10000, 0.95, 0.95, &cdf));
    assert_true(fabs(b.cdf - cdf) < 1e-8);
}

static void needs_59_values_for_95_of_95(void **state)
{
    struct mir_qbets q;
    int32_t bound = -7;

    (void)state;
    mir_qbets_init(&q, 0.95, 0.95, 100);
    assert_int_equal(q.rank.n_min, 59); /* the first n with 0.95^n <= 0.05 */
    assert_false(mir_qbets_bound(&q, &bound));
    assert_int_equal(bound, -7);
    for (int32_t i = 1; i <= 58; i++) {
        mir_qbets_add(&q, i);
        assert_false(mir_qbets_bound(&q, &bound));
        assert_int_equal(bound, i);
    }
    mir_qbets_add(&q, 0);
    assert_true(mir_qbets_bound(&q, &bound));
    assert_int_equal(bound, 58);
    mir_qbets_release(&q);
}

static void normal_quantile_equals_the_table(void **state)
{
    (void)state;
    assert_true(fabs(mir_normal_quantile(0.5)) < 1e-12);
    assert_true(fabs(mir_normal_quantile(0.95) - 1.6448536269514722) < 1e-12);
    assert_true(fabs(mir_normal_quantile(0.001) + 3.0902323061678132) < 1e-12);
}

static void three_in_a_row_are_rare_without_correlation(void **state)
{
    (void)state;
    assert_int_equal(mir_rare_run(0.95, 0), 3);
    assert_int_equal(mir_rare_run(0.95, -0.5), 3);
    assert_int_equal(mir_rare_run(0.95, NAN), 3);
    assert_int_equal(mir_rare_run(0.5, 0), 13); /* 2^-13 is the first below 0.05^3 */
}

/* Share of starting points of a simulated AR(1) series that begin `run` values above. */
static double simulated_run_share(double quantile, double rho, uint32_t run, uint64_t seed)
{
    enum { N = 4000000 };
    double above = mir_normal_quantile(quantile), sd = sqrt(1 - rho * rho);
    struct mir_rng rng;
    uint32_t in_row = 0, n_runs = 0;
    double x;

    mir_rng_init(&rng, seed);
    x = mir_rng_normal(&rng);
    for (int i = 0; i < N; i++) {
        in_row = x > above ? in_row + 1 : 0;
        n_runs += in_row >= run;
        x = rho * x + sd * mir_rng_normal(&rng);
    }
    return n_runs / (double)N;
}

static void rare_runs_are_as_rare_as_simulated_ones(void **state)
{
    static const struct {
        double quantile, rho;
    } cases[] = {{0.95, 0.5}, {0.95, 0.9}, {0.5, 0.3}, {2 / 3.0, 0.7}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t run = mir_rare_run(cases[i].quantile, cases[i].rho);

        /* 500 events on average, more where they come in clusters: 25 % is generous. */
        assert_true(simulated_run_share(cases[i].quantile, cases[i].rho, run, 1) <
                    1.25 * MIR_RARE_RUN_PROBABILITY);
        assert_true(simulated_run_share(cases[i].quantile, cases[i].rho, run - 1, 2) >
                    0.75 * MIR_RARE_RUN_PROBABILITY);
    }
}

static void rare_runs_grow_with_correlation(void **state)
{
    (void)state;
    for (int q = 1; q <= 99; q += 7) {
        for (int r = 0; r < 9; r++)
            assert_true(mir_rare_run(q / 100.0, r / 10.0) <=
                        mir_rare_run(q / 100.0, (r + 1) / 10.0));
        assert_int_equal(mir_rare_run(q / 100.0, 0.95), mir_rare_run(q / 100.0, 0.9));
    }
}

static int32_t lognormal(struct mir_rng *rng, double median_s, double sigma)
{
    return (int32_t)(median_s * exp(sigma * mir_rng_normal(rng)));
}

/* Is the bound above the true quantile as often as the confidence says? */
static void bound_holds_with_its_confidence(void **state)
{
    static const double quantiles[] = {0.5, 0.67, 0.95};
    enum { N_SERIES = 2000, N_VALUES = 150 };

    (void)state;
    for (size_t a = 0; a < sizeof(quantiles) / sizeof(quantiles[0]); a++) {
        double truth = 5000 * exp(1.5 * mir_normal_quantile(quantiles[a]));
        uint32_t n_above = 0;

        for (uint64_t seed = 0; seed < N_SERIES; seed++) {
            struct mir_rng rng;
            struct mir_qbets q;
            int32_t bound = 0;

            mir_rng_init(&rng, seed);
            mir_qbets_init(&q, quantiles[a], 0.95, 1000);
            for (int i = 0; i < N_VALUES; i++)
                mir_qbets_add(&q, lognormal(&rng, 5000, 1.5));
            assert_true(mir_qbets_bound(&q, &bound));
            n_above += bound + 1 >= truth; /* values are whole seconds, cut */
            mir_qbets_release(&q);
        }
        /* One and a half standard errors of a share of 2000 below 0.95; at most all. */
        if (n_above < 0.943 * N_SERIES || n_above == N_SERIES)
            fail_msg("quantile %g: %u of %d", quantiles[a], n_above, N_SERIES);
    }
}

/* Values of a correlated series that moves to another level now and then. */
static void next_values_stay_below_the_bound(void **state)
{
    enum { N_VALUES = 20000 };
    const double rho = 0.6;
    struct mir_rng rng;
    struct mir_qbets q;
    uint32_t n_asked = 0, n_below = 0;
    double level = 8, x = 0;

    (void)state;
    mir_rng_init(&rng, 11);
    mir_qbets_init(&q, 0.9, 0.95, 2000);
    for (int i = 0; i < N_VALUES; i++) {
        int32_t bound, value;

        if (i % 2000 == 0)
            level = 6 + 4 * mir_rng_double(&rng);
        x = rho * x + sqrt(1 - rho * rho) * mir_rng_normal(&rng);
        value = (int32_t)exp(level + x);
        if (mir_qbets_bound(&q, &bound)) {
            n_asked++;
            n_below += value <= bound;
        }
        mir_qbets_add(&q, value);
    }
    assert_true(n_asked > N_VALUES - 100);
    assert_true(n_below >= 0.9 * n_asked);
    assert_true(n_below < 0.99 * n_asked); /* not by bounding everything */
    assert_true(q.n_changes >= 1);
    mir_qbets_release(&q);
}

static void forgets_when_waits_jump(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct mir_rng rng;
        struct mir_qbets q;
        int32_t bound = 0;
        uint32_t before;

        mir_rng_init(&rng, seed);
        mir_qbets_init(&q, 0.95, 0.95, 2000);
        for (int i = 0; i < 1000; i++)
            mir_qbets_add(&q, lognormal(&rng, 100, 0.3));
        before = q.n_changes;
        assert_true(mir_qbets_bound(&q, &bound) && bound < 400);
        /* Three in a row; a fourth where the noise passes for correlation. Up to three
         * come after the change when old values had begun the run. */
        for (int i = 0; i < 4; i++)
            mir_qbets_add(&q, lognormal(&rng, 20000, 0.1));
        assert_true(q.n_changes > before);
        assert_true(q.window.n <= 59 + 3);
        assert_true(mir_qbets_bound(&q, &bound) && bound > 10000);
        mir_qbets_release(&q);
    }
}

static void keeps_its_history_while_nothing_changes(void **state)
{
    uint32_t n_changes = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct mir_rng rng;
        struct mir_qbets q;

        mir_rng_init(&rng, seed);
        mir_qbets_init(&q, 0.95, 0.95, 2000);
        for (int i = 0; i < 1000; i++)
            mir_qbets_add(&q, lognormal(&rng, 100, 1));
        n_changes += q.n_changes;
        mir_qbets_release(&q);
    }
    /* 100,000 values at 1.25e-4 each: 12 if the bound were the quantile itself; more early on. */
    assert_in_range(n_changes, 0, 25);
}

static void clearing_is_as_good_as_new(void **state)
{
    struct mir_qbets used, fresh;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 3);
    mir_qbets_init(&used, 0.8, 0.9, 50);
    mir_qbets_init(&fresh, 0.8, 0.9, 50);
    for (int i = 0; i < 300; i++)
        mir_qbets_add(&used, lognormal(&rng, i < 200 ? 50 : 90000, 2));
    mir_qbets_clear(&used);
    for (int i = 0; i < 300; i++) {
        int32_t wait_s = lognormal(&rng, i < 200 ? 50 : 90000, 2), a = 0, b = 0;

        mir_qbets_add(&used, wait_s);
        mir_qbets_add(&fresh, wait_s);
        assert_int_equal(mir_qbets_bound(&used, &a), mir_qbets_bound(&fresh, &b));
        assert_int_equal(a, b);
        assert_int_equal(used.window.n, fresh.window.n);
    }
    mir_qbets_release(&used);
    mir_qbets_release(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rank_equals_the_exhaustive_sum),
        cmocka_unit_test(rank_stays_exact_over_thousands_of_values),
        cmocka_unit_test(needs_59_values_for_95_of_95),
        cmocka_unit_test(normal_quantile_equals_the_table),
        cmocka_unit_test(three_in_a_row_are_rare_without_correlation),
        cmocka_unit_test(rare_runs_are_as_rare_as_simulated_ones),
        cmocka_unit_test(rare_runs_grow_with_correlation),
        cmocka_unit_test(bound_holds_with_its_confidence),
        cmocka_unit_test(next_values_stay_below_the_bound),
        cmocka_unit_test(forgets_when_waits_jump),
        cmocka_unit_test(keeps_its_history_while_nothing_changes),
        cmocka_unit_test(clearing_is_as_good_as_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
