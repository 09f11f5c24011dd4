/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_rng.c - random numbers, held against a second implementation and against their laws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "daemon/core/rng.h"

/* Printed by a Python program written from the papers, with integers of any size. */
static const struct {
    uint64_t seed;
    uint64_t state[4];
    uint64_t out[4];
} references[] = {
    {
        0,
        {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, 0xf88bb8a8724c81ec},
        {0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c},
    },
    {
        42,
        {0xbdd732262feb6e95, 0x28efe333b266f103, 0x47526757130f9f52, 0x581ce1ff0e4ae394},
        {0x15780b2e0c2ec716, 0x6104d9866d113a7e, 0xae17533239e499a1, 0xecb8ad4703b360a1},
    },
    {
        UINT64_MAX,
        {0xe4d971771b652c20, 0xe99ff867dbf682c9, 0x382ff84cb27281e9, 0x6d1db36ccba982d2},
        {0x8f5520d52a7ead08, 0xc476a018caa1802d, 0x81de31c0d260469e, 0xbf658d7e065f3c2f},
    },
};

static void seeds_and_draws_as_the_reference_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
        struct mir_rng rng;

        mir_rng_init(&rng, references[i].seed);
        for (int k = 0; k < 4; k++)
            assert_true(rng.s[k] == references[i].state[k]);
        for (int k = 0; k < 4; k++)
            assert_true(mir_rng_u64(&rng) == references[i].out[k]);
    }
}

/* The vector that other libraries test with: the state 1, 2, 3, 4. */
static void draws_the_published_sequence(void **state)
{
    static const uint64_t expected[] = {
        11520u,
        0u,
        1509978240u,
        1215971899390074240u,
        1216172134540287360u,
        607988272756665600u,
        16172922978634559625u,
        8476171486693032832u,
        10595114339597558777u,
        2904607092377533576u,
    };
    struct mir_rng rng = {{1, 2, 3, 4}};

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_true(mir_rng_u64(&rng) == expected[i]);
}

static void streams_of_a_seed_differ(void **state)
{
    uint64_t first[1000];

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        struct mir_rng rng;

        /* Neighbouring seeds too: seed 0 stream 1 must not be seed 1 stream 0. */
        mir_rng_init_stream(&rng, i % 10, i / 10);
        first[i] = mir_rng_u64(&rng);
        for (uint64_t k = 0; k < i; k++)
            assert_true(first[k] != first[i]);
    }
}

static void repeats_a_stream(void **state)
{
    struct mir_rng a, b;

    (void)state;
    mir_rng_init_stream(&a, 7, 3);
    mir_rng_init_stream(&b, 7, 3);
    for (int i = 0; i < 100; i++)
        assert_true(mir_rng_u64(&a) == mir_rng_u64(&b));
}

enum { N_DRAWS = 200000 };

struct moments {
    double mean, variance, min, max;
};

static struct moments draw_moments(double (*draw)(struct mir_rng *rng), uint64_t seed)
{
    struct moments m = {.min = INFINITY, .max = -INFINITY};
    struct mir_rng rng;
    double sum = 0, sum2 = 0;

    mir_rng_init(&rng, seed);
    for (int i = 0; i < N_DRAWS; i++) {
        double x = draw(&rng);

        sum += x;
        sum2 += x * x;
        m.min = fmin(m.min, x);
        m.max = fmax(m.max, x);
    }
    m.mean = sum / N_DRAWS;
    m.variance = sum2 / N_DRAWS - m.mean * m.mean;
    return m;
}

/* Tolerance: five standard errors of the mean, and a wide one for the variance. */
static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.17g is not within %g of %g", value, tolerance, expected);
}

static void doubles_are_uniform_below_one(void **state)
{
    struct moments m = draw_moments(mir_rng_double, 1);

    (void)state;
    assert_near(m.mean, 0.5, 5 * sqrt(1.0 / 12 / N_DRAWS));
    assert_near(m.variance, 1.0 / 12, 0.001);
    assert_true(m.min >= 0 && m.min < 0.001);
    assert_true(m.max < 1 && m.max > 0.999);
}

static void normals_have_mean_zero_and_variance_one(void **state)
{
    struct moments m = draw_moments(mir_rng_normal, 2);

    (void)state;
    assert_near(m.mean, 0, 5 / sqrt(N_DRAWS));
    assert_near(m.variance, 1, 0.02);
    assert_true(m.min < -3.5 && m.max > 3.5);
}

static void exponentials_have_mean_and_variance_one(void **state)
{
    struct moments m = draw_moments(mir_rng_exponential, 3);

    (void)state;
    assert_near(m.mean, 1, 5 / sqrt(N_DRAWS));
    assert_near(m.variance, 1, 0.05);
    assert_true(m.min >= 0 && isfinite(m.max) && m.max > 9);
}

/* 2^63 + 1 is where a modulo would show: half of all draws must be thrown away. */
static void below_has_no_bias(void **state)
{
    uint64_t counts[6] = {0};
    struct mir_rng rng;
    uint64_t n = (1ull << 63) + 1;
    int upper = 0;

    (void)state;
    mir_rng_init(&rng, 4);
    for (int i = 0; i < 60000; i++)
        counts[mir_rng_below(&rng, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(counts[i], 9500, 10500);
    for (int i = 0; i < 10000; i++) {
        uint64_t x = mir_rng_below(&rng, n);

        assert_true(x < n);
        upper += x >= n / 2;
    }
    assert_in_range(upper, 4700, 5300);
    assert_true(mir_rng_below(&rng, 1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_and_draws_as_the_reference_does),
        cmocka_unit_test(draws_the_published_sequence),
        cmocka_unit_test(streams_of_a_seed_differ),
        cmocka_unit_test(repeats_a_stream),
        cmocka_unit_test(doubles_are_uniform_below_one),
        cmocka_unit_test(normals_have_mean_zero_and_variance_one),
        cmocka_unit_test(exponentials_have_mean_and_variance_one),
        cmocka_unit_test(below_has_no_bias),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
