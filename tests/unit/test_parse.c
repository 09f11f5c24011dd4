/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_parse.c - numbers and durations: tables of text and what it must become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "daemon/core/rng.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

enum { UNTOUCHED = 424242 };

static void check_i64(const char *text, int rc, int64_t expected)
{
    int64_t value = UNTOUCHED;

    if (mir_parse_i64(text, strlen(text), &value) != rc ||
        value != (rc == 0 ? expected : UNTOUCHED))
        fail_msg("\"%s\" became %lld", text, (long long)value);
}

static void reads_integers(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"+7", 7},
        {"007", 7},
        {"-12", -12},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"0000000000000000000000000000001", 1},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++)
        check_i64(cases[i].text, 0, cases[i].value);
}

static void refuses_what_is_no_integer(void **state)
{
    static const char *const no_number[] = {"",   "-",   "+",   " 1",  "1 ",     "1.0", "1e3",
                                            "0x", "--1", "+-1", "1-1", "12abc9", "١"};
    static const char *const too_large[] = {"9223372036854775808", "-9223372036854775809",
                                            "99999999999999999999999"};

    (void)state;
    for (size_t i = 0; i < N_OF(no_number); i++)
        check_i64(no_number[i], -EINVAL, 0);
    for (size_t i = 0; i < N_OF(too_large); i++)
        check_i64(too_large[i], -ERANGE, 0);
    check_i64("99999999999999999999999x", -EINVAL, 0);
}

static void reads_no_further_than_told(void **state)
{
    int64_t value = 0;
    double x = 0;

    (void)state;
    assert_int_equal(mir_parse_i64("12345", 2, &value), 0);
    assert_int_equal(value, 12);
    assert_int_equal(mir_parse_f64("1.5999", 3, &x), 0);
    assert_true(x > 1.49 && x < 1.51);
    assert_int_equal(mir_parse_i64("1\0002", 3, &value), -EINVAL);
}

static void check_f64(const char *text, int rc, double expected)
{
    double value = UNTOUCHED;

    if (mir_parse_f64(text, strlen(text), &value) != rc)
        fail_msg("\"%s\" became %.17g", text, value);
    if (rc != 0)
        expected = UNTOUCHED;
    /* To the last bit. */
    if (memcmp(&value, &expected, sizeof(value)) != 0)
        fail_msg("\"%s\" became %.17g", text, value);
}

static void reads_decimals_to_the_last_bit(void **state)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0", 0.0},
        {"-0", -0.0},
        {"1535348017.0", 1535348017.0},
        {".5", 0.5},
        {"5.", 5.0},
        {"-12.75", -12.75},
        {"0.1", 0.1},
        {"1e22", 1e22},
        {"1e23", 1e23},
        {"1E-3", 1e-3},
        {"123456789012345678901234567890", 123456789012345678901234567890.0},
        {"9007199254740993", 9007199254740992.0},
        {"9007199254740993.00000000000000000000000000001", 9007199254740994.0},
        {"2.2250738585072011e-308", 2.2250738585072011e-308},
        {"1e-400", 0.0},
        {"1e-999999999999", 0.0},
        {"0e999999", 0.0},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++)
        check_f64(cases[i].text, 0, cases[i].value);
}

static void agrees_with_strtod_on_random_numbers(void **state)
{
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 20230201);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        uint64_t digits = mir_rng_u64(&rng) >> mir_rng_below(&rng, 60);

        (void)snprintf(text, sizeof(text), "%llu.%06lluE%+d", (unsigned long long)digits,
                       (unsigned long long)mir_rng_below(&rng, 1000000),
                       (int)mir_rng_below(&rng, 80) - 40);
        check_f64(text, 0, strtod(text, NULL));
    }
}

static void refuses_what_is_no_decimal(void **state)
{
    static const char *const no_number[] = {"",      ".",   "-",   "-.",    "e5",       "1e",
                                            "1e+",   "nan", "inf", "-inf",  "0x1p3",    "1,5",
                                            "1.2.3", " 1",  "1 ",  "1e5.0", "infinity", "1_000"};

    (void)state;
    for (size_t i = 0; i < N_OF(no_number); i++)
        check_f64(no_number[i], -EINVAL, 0);
    check_f64("1e400", -ERANGE, 0);
    check_f64("-1e999999999", -ERANGE, 0);
}

/* Any locale with a comma for the point must change nothing; there is none on a bare system. */
static void reads_the_same_in_every_locale(void **state)
{
    (void)state;
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL)
        (void)setlocale(LC_NUMERIC, "C.UTF-8");
    check_f64("3.14159265358979323846264338327950288", 0, 3.141592653589793);
    (void)setlocale(LC_NUMERIC, "C");
}

static const struct {
    const char *text;
    int64_t unit_s;
    int64_t value;
} durations[] = {
    {"0", 1, 0},
    {"90", 1, 90},
    {"90", 60, 5400},
    {"1.5", 3600, 5400},
    {"45s", 60, 45},
    {"30m", 1, 1800},
    {"1.5h", 1, 5400},
    {"48h", 1, 172800},
    {"2d", 1, 172800},
    {"1w", 1, 604800},
    {"0.1s", 1, 0},
    {"1e3", 1, 1000},
    {"2-00:00:00", 60, 172800},
    {"1-12", 60, 129600},
    {"1-12:30", 60, 131400},
    {"1-02:03:04", 1, 93784},
    {"48:00:00", 60, 172800},
    {"10:00", 60, 600},
    {"0:00:01", 1, 1},
    {"0:90:00", 1, 5400},
    {"365-00:00:00", 1, 31536000},
    {"00:00:00", 1, 0},
};

static void reads_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(durations); i++) {
        const char *text = durations[i].text;
        int64_t value = UNTOUCHED;

        if (mir_parse_duration(text, strlen(text), durations[i].unit_s, &value) != 0 ||
            value != durations[i].value)
            fail_msg("\"%s\" became %lld", text, (long long)value);
    }
}

static void refuses_what_is_no_duration(void **state)
{
    static const char *const cases[] = {
        "",     "-1",    "-5:00",   "+5",        "h",    "1y",     "1 h",  "1h30m",  ":",
        "1:",   ":1",    "1:2:3:4", "1-",        "-1-2", "1-2-3",  "1--2", "1:-2",   "1:+2",
        "1-+2", "1-12h", "1:30h",   "UNLIMITED", "nan",  "1.5:00", "1e-h", "1:2:3 ", "0x10",
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        int64_t value = UNTOUCHED;

        if (mir_parse_duration(cases[i], strlen(cases[i]), 60, &value) != -EINVAL ||
            value != UNTOUCHED)
            fail_msg("\"%s\" became %lld", cases[i], (long long)value);
    }
}

static void refuses_durations_that_do_not_fit(void **state)
{
    static const char *const cases[] = {
        "9223372036854775807m",     "1e18w",
        "153722867280912931:00:00", "9223372036854775807-00",
        "99999999999999999999",     "9223372036854775807:59",
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        int64_t value = UNTOUCHED;

        if (mir_parse_duration(cases[i], strlen(cases[i]), 1, &value) != -ERANGE ||
            value != UNTOUCHED)
            fail_msg("\"%s\" became %lld", cases[i], (long long)value);
    }
}

static void writes_durations_for_people(void **state)
{
    static const struct {
        int64_t s;
        const char *text;
    } cases[] = {
        {0, "0 s"},         {45, "45 s"},      {59, "59 s"},      {60, "1 min"},
        {720, "12 min"},    {3569, "59 min"},  {3570, "1.0 h"},   {12240, "3.4 h"},
        {172799, "48.0 h"}, {172800, "2.0 d"}, {181440, "2.1 d"}, {-90, "-2 min"},
        {-3600, "-1.0 h"},
    };
    char buf[32];

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++)
        assert_string_equal(mir_format_duration(cases[i].s, buf), cases[i].text);
    assert_int_equal(strlen(mir_format_duration(INT64_MIN, buf)) < 32, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(refuses_what_is_no_integer),
        cmocka_unit_test(reads_no_further_than_told),
        cmocka_unit_test(reads_decimals_to_the_last_bit),
        cmocka_unit_test(agrees_with_strtod_on_random_numbers),
        cmocka_unit_test(refuses_what_is_no_decimal),
        cmocka_unit_test(reads_the_same_in_every_locale),
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(refuses_what_is_no_duration),
        cmocka_unit_test(refuses_durations_that_do_not_fit),
        cmocka_unit_test(writes_durations_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
