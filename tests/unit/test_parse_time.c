/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_parse_time.c - times with and without zones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "daemon/core/rng.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

enum { UNTOUCHED = 424242 };

static const struct {
    const char *text;
    int64_t at;
} times[] = {
    {"1970-01-01", 0},
    {"1970-01-01T00:00:00", 0},
    {"2023-02-01", 1675209600},
    {"2023-02-01T12:34", 1675254840},
    {"2023-02-01 12:34:56", 1675254896},
    {"2023-02-01T12:34:56.999", 1675254896},
    {"2023-02-01T12:34:56Z", 1675254896},
    {"2023-02-01T12:34Z", 1675254840},
    {"2023-02-01 12:34:56+00:00", 1675254896},
    {"2023-02-01T12:34:56-06:00", 1675276496},
    {"2023-02-01T12:34:56+0530", 1675235096},
    {"2023-02-01T12:34:56.5+05", 1675236896},
    {"2000-02-29", 951782400},
    {"1969-12-31T23:59:59", -1},
    {"0000-01-01", -62167219200},
    {"9999-12-31T23:59:59", 253402300799},
    {"2016-12-31T23:59:60", 1483228800},
    {"@0", 0},
    {"@-5", -5},
    {"@1535348017", 1535348017},
    {"1535348017", 1535348017},
    {"100000000", 100000000},
};

static void reads_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(times); i++) {
        int64_t at = UNTOUCHED;

        if (mir_parse_time(times[i].text, strlen(times[i].text), NULL, &at) != 0 ||
            at != times[i].at)
            fail_msg("\"%s\" became %lld", times[i].text, (long long)at);
    }
}

static void refuses_what_is_no_time(void **state)
{
    static const char *const cases[] = {
        "",
        "Unknown",
        "None",
        "2023",
        "12345678",
        "2023-1-1",
        "2023-13-01",
        "2023-00-01",
        "2023-02-29",
        "1900-02-29",
        "2023-04-31",
        "2023-01-00",
        "2023-01-01T",
        "2023-01-01T24:00",
        "2023-01-01T12",
        "2023-01-01T12:60",
        "2023-01-01T12:00:61",
        "2023-01-01T12:00:",
        "2023-01-01T12:00:00.",
        "2023-01-01T12:00:00 ",
        "2023-01-01T12:00:00+",
        "2023-01-01T12:00:00+1",
        "2023-01-01T12:00:00+24:00",
        "2023-01-01T12:00:00+05:60",
        "2023-01-01T12:00:00+05:3",
        "2023-01-01T12:00:00+05:",
        "2023-01-01T12:00:00ZZ",
        "2023-01-01T12:00:00CST",
        "2023-01-01Z",
        "2023-01-01x",
        "2023/01/01",
        "-2023-01-01",
        " 2023-01-01",
        "@",
        "@x",
        "@1.5",
        "1535348017.0",
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        int64_t at = UNTOUCHED;

        if (mir_parse_time(cases[i], strlen(cases[i]), NULL, &at) != -EINVAL || at != UNTOUCHED)
            fail_msg("\"%s\" became %lld", cases[i], (long long)at);
    }
}

static void refuses_seconds_that_do_not_fit(void **state)
{
    int64_t at = UNTOUCHED;

    (void)state;
    assert_int_equal(mir_parse_time("99999999999999999999", 20, NULL, &at), -ERANGE);
    assert_int_equal(mir_parse_time("@99999999999999999999", 21, NULL, &at), -ERANGE);
    assert_int_equal(at, UNTOUCHED);
}

static void uses_the_zone_only_where_the_text_has_none(void **state)
{
    struct mir_zone *zone;
    int64_t at;

    (void)state;
    assert_int_equal(mir_zone_create("America/Chicago", &zone), 0);
    assert_int_equal(mir_parse_time("2023-02-01T12:34:56", 19, zone, &at), 0);
    assert_int_equal(at, 1675276496);
    assert_int_equal(mir_parse_time("2023-07-01", 10, zone, &at), 0);
    assert_int_equal(at, 1688187600);
    assert_int_equal(mir_parse_time("2023-02-01T12:34:56Z", 20, zone, &at), 0);
    assert_int_equal(at, 1675254896);
    assert_int_equal(mir_parse_time("1535348017", 10, zone, &at), 0);
    assert_int_equal(at, 1535348017);
    mir_zone_destroy(zone);
}

static void writes_what_it_reads(void **state)
{
    struct mir_rng rng;
    char buf[32];

    (void)state;
    assert_string_equal(mir_format_time(0, buf), "1970-01-01T00:00:00");
    assert_string_equal(mir_format_time(-1, buf), "1969-12-31T23:59:59");
    assert_string_equal(mir_format_time(1675254896, buf), "2023-02-01T12:34:56");
    mir_rng_init(&rng, 11);
    for (int i = 0; i < 100000; i++) {
        int64_t at = (int64_t)mir_rng_below(&rng, 300000000000) - 60000000000;
        int64_t again = UNTOUCHED;

        (void)mir_format_time(at, buf);
        assert_int_equal(mir_parse_time(buf, strlen(buf), NULL, &again), 0);
        assert_true(again == at);
    }
}

static void writes_absurd_times_without_leaving_its_buffer(void **state)
{
    char buf[32];

    (void)state;
    assert_in_range(strlen(mir_format_time(INT64_MAX, buf)), 19, 31);
    assert_in_range(strlen(mir_format_time(INT64_MIN, buf)), 19, 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_times),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(refuses_seconds_that_do_not_fit),
        cmocka_unit_test(uses_the_zone_only_where_the_text_has_none),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(writes_absurd_times_without_leaving_its_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
