/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_zone_rule.c - POSIX TZ rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "daemon/core/zone_rule.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

/* What `TZ=rule date -d time` says of the offset. */
static const struct {
    const char *rule;
    const char *utc;
    int32_t offset_s;
} cases[] = {
    {"UTC0", "2023-01-01", 0},
    {"JST-9", "2023-01-01", 32400},
    {"<+0545>-5:45", "2023-07-01", 20700},
    {"CST6CDT,M3.2.0,M11.1.0", "2023-03-12T07:59:59", -21600},
    {"CST6CDT,M3.2.0,M11.1.0", "2023-03-12T08:00:00", -18000},
    {"CST6CDT,M3.2.0,M11.1.0", "2023-11-05T06:59:59", -18000},
    {"CST6CDT,M3.2.0,M11.1.0", "2023-11-05T07:00:00", -21600},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "2023-03-26T00:59:59", 3600},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "2023-03-26T01:00:00", 7200},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "2023-10-29T01:00:00", 3600},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2023-01-01", 39600},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2023-07-01", 37800},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2023-03-26T00:59:59", -7200},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2023-03-26T01:00:00", -3600},
    {"AAA0BBB,J60/0,J300/0", "2024-02-29T23:59:59", 0},
    {"AAA0BBB,J60/0,J300/0", "2024-03-01T00:00:00", 3600},
    {"AAA0BBB,59/0,300/0", "2024-02-29T00:00:00", 3600},
};

static void knows_the_offset_at_an_instant(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct mir_zone_rule rule;
        int64_t at;

        assert_int_equal(mir_zone_rule_parse(cases[i].rule, strlen(cases[i].rule), &rule), 0);
        assert_int_equal(mir_parse_time(cases[i].utc, strlen(cases[i].utc), NULL, &at), 0);
        if (mir_zone_rule_offset_at(&rule, at) != cases[i].offset_s)
            fail_msg("%s at %s: %d", cases[i].rule, cases[i].utc,
                     mir_zone_rule_offset_at(&rule, at));
    }
}

static void refuses_what_is_no_rule(void **state)
{
    static const char *const wrong[] = {
        "",
        "CST",
        "C6",
        "6",
        "<+03-3",
        "CST99",
        "CST6CDT",
        "CST6CDT,M3.2.0",
        "CST6CDT,M13.2.0,M11.1.0",
        "CST6CDT,M3.6.0,M11.1.0",
        "CST6CDT,M3.2.7,M11.1.0",
        "CST6CDT,M3.2,M11.1.0",
        "CST6CDT,J0,J100",
        "CST6CDT,366,1",
        "CST6CDT,M3.2.0/,M11.1.0",
        "CST6CDT,M3.2.0/168,M11.1.0",
        "CST6CDT,M3.2.0,M11.1.0x",
        "CST6:CDT,M3.2.0,M11.1.0",
    };
    struct mir_zone_rule rule;

    (void)state;
    for (size_t i = 0; i < N_OF(wrong); i++)
        if (mir_zone_rule_parse(wrong[i], strlen(wrong[i]), &rule) != -EINVAL)
            fail_msg("\"%s\" was taken for a rule", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_offset_at_an_instant),
        cmocka_unit_test(refuses_what_is_no_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
