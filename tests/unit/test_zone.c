/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_zone.c - wall time to UTC, held against Python's zoneinfo (which printed the table). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/zone.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

/* datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp() */
static const struct {
    const char *zone;
    const char *local;
    int64_t at;
} cases[] = {
    {"America/Chicago", "2023-03-12 01:59:59", 1678607999}, /* clocks go to 03:00 next */
    {"America/Chicago", "2023-03-12 02:00:00", 1678608000}, /* a time that never was */
    {"America/Chicago", "2023-03-12 02:30:00", 1678609800},
    {"America/Chicago", "2023-03-12 03:00:00", 1678608000},
    {"America/Chicago", "2023-11-05 00:59:59", 1699163999},
    {"America/Chicago", "2023-11-05 01:00:00", 1699164000}, /* the first of two */
    {"America/Chicago", "2023-11-05 01:59:59", 1699167599},
    {"America/Chicago", "2023-11-05 02:00:00", 1699171200},
    {"America/Chicago", "1970-01-01 00:00:00", 21600},
    {"America/Chicago", "1883-11-18 12:00:00", -2717647764},
    {"America/Chicago", "1800-01-01 00:00:00", -5364641364}, /* local mean time */
    {"America/Chicago", "2037-12-31 23:59:59", 2145938399},
    {"America/Chicago", "2038-03-14 02:30:00", 2152168200}, /* by the rule, from here on */
    {"America/Chicago", "2050-07-01 12:00:00", 2540307600},
    {"America/Chicago", "2050-11-06 01:30:00", 2551329000},
    {"America/Chicago", "2099-01-01 00:00:00", 4070930400},
    {"Europe/Berlin", "2023-03-26 02:30:00", 1679794200},
    {"Europe/Berlin", "2060-07-01 00:00:00", 2855858400},
    {"Australia/Sydney", "2061-01-01 00:00:00", 2871723600}, /* summer over the new year */
    {"Australia/Sydney", "2061-07-01 00:00:00", 2887365600},
    {"Asia/Kathmandu", "2023-01-01 00:00:00", 1672510500},
    {"Australia/Lord_Howe", "2023-04-02 01:45:00", 1680360300}, /* half an hour of summer */
    {"Europe/Dublin", "2050-07-01 00:00:00", 2540242800},
    {"Pacific/Apia", "2011-12-30 12:00:00", 1325282400}, /* a day that never was */
    {"Etc/UTC", "2023-01-01 00:00:00", 1672531200},
    {"UTC", "2023-01-01 00:00:00", 1672531200},
};

static void knows_wall_times_as_python_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct mir_zone *zone;
        int64_t at = -1;

        assert_int_equal(mir_zone_create(cases[i].zone, &zone), 0);
        assert_int_equal(mir_parse_time(cases[i].local, strlen(cases[i].local), zone, &at), 0);
        if (at != cases[i].at)
            fail_msg("%s in %s became %lld", cases[i].local, cases[i].zone, (long long)at);
        mir_zone_destroy(zone);
    }
}

static void goes_back_and_forth_over_a_century(void **state)
{
    struct mir_zone *zone;

    (void)state;
    assert_int_equal(mir_zone_create("America/Chicago", &zone), 0);
    for (int64_t at = -3000000000; at < 5000000000; at += 99991) {
        int64_t local = at + mir_zone_offset_at(zone, at);
        int64_t back = mir_zone_to_utc(zone, local);

        /* Twice an hour of autumn is ambiguous: then the first of both. */
        assert_true(back == at || (back < at && back + mir_zone_offset_at(zone, back) == local));
    }
    mir_zone_destroy(zone);
}

static void refuses_names_that_are_no_zone(void **state)
{
    static const char *const names[] = {
        "",        "Nowhere/Town", "../../../etc/passwd", "/etc/passwd",
        "America", "zone.tab",     "tzdata.zi",           "America/Chicago\n"};
    struct mir_zone *zone = NULL;

    (void)state;
    for (size_t i = 0; i < N_OF(names); i++)
        assert_int_equal(mir_zone_create(names[i], &zone), -ENOENT);
    assert_null(zone);
    mir_zone_destroy(NULL);
}

static size_t read_chicago(unsigned char *data, size_t cap)
{
    FILE *f = fopen("/usr/share/zoneinfo/America/Chicago", "rb");
    size_t len;

    assert_non_null(f);
    len = fread(data, 1, cap, f);
    assert_in_range(len, 100, cap - 1);
    assert_int_equal(fclose(f), 0);
    return len;
}

static void refuses_a_truncated_file(void **state)
{
    unsigned char data[8192];
    size_t len = read_chicago(data, sizeof(data));
    struct mir_zone *zone = NULL;

    (void)state;
    assert_int_equal(mir_zone_parse(data, len, &zone), 0);
    mir_zone_destroy(zone);
    for (size_t cut = 0; cut < len; cut++) {
        /* Of its own size, so that a read past its end is seen. */
        unsigned char *copy = malloc(cut > 0 ? cut : 1);

        assert_non_null(copy);
        memcpy(copy, data, cut);
        assert_int_equal(mir_zone_parse(copy, cut, &zone), -EBADMSG);
        free(copy);
    }
}

static void refuses_a_damaged_header(void **state)
{
    struct mir_zone *zone = NULL;

    (void)state;
    for (size_t i = 20; i < 44; i++) {
        unsigned char data[8192];
        size_t len = read_chicago(data, sizeof(data));

        data[i] = 0xff;
        assert_int_equal(mir_zone_parse(data, len, &zone), -EBADMSG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_wall_times_as_python_does),
        cmocka_unit_test(goes_back_and_forth_over_a_century),
        cmocka_unit_test(refuses_names_that_are_no_zone),
        cmocka_unit_test(refuses_a_truncated_file),
        cmocka_unit_test(refuses_a_damaged_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
