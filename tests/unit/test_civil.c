/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_civil.c - calendar arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/core/civil.h"

/* Walks day by day over 800 years, counting as on paper. */
static void agrees_with_counting_day_by_day(void **state)
{
    struct mir_civil expected = {1600, 1, 1};
    int64_t first = mir_civil_to_days(expected);
    int weekday = 6; /* 1 January 1600 was a Saturday */

    (void)state;
    assert_int_equal(first, -135140);
    for (int64_t day = first; expected.year < 2400; day++) {
        struct mir_civil date = mir_civil_from_days(day);

        assert_true(date.year == expected.year);
        assert_int_equal(date.month, expected.month);
        assert_int_equal(date.day, expected.day);
        assert_true(mir_civil_to_days(date) == day);
        assert_int_equal(mir_civil_weekday(day), weekday);
        weekday = (weekday + 1) % 7;
        if (++expected.day > mir_civil_month_days(expected.year, expected.month)) {
            expected.day = 1;
            expected.month = expected.month % 12 + 1;
            expected.year += expected.month == 1;
        }
    }
}

static void knows_leap_years(void **state)
{
    (void)state;
    assert_true(mir_civil_is_leap(2000));
    assert_true(mir_civil_is_leap(2024));
    assert_false(mir_civil_is_leap(1900));
    assert_false(mir_civil_is_leap(2023));
    assert_int_equal(mir_civil_month_days(2024, 2), 29);
    assert_int_equal(mir_civil_month_days(2023, 2), 28);
    assert_int_equal(mir_civil_month_days(2023, 12), 31);
}

static void splits_times_before_the_epoch_downwards(void **state)
{
    int32_t second;

    (void)state;
    assert_int_equal(mir_civil_split(-1, &second), -1);
    assert_int_equal(second, 86399);
    assert_int_equal(mir_civil_split(-86400, &second), -1);
    assert_int_equal(second, 0);
    assert_int_equal(mir_civil_split(86400 + 5, &second), 1);
    assert_int_equal(second, 5);
    (void)mir_civil_split(INT64_MIN, &second);
    assert_in_range(second, 0, 86399);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_counting_day_by_day),
        cmocka_unit_test(knows_leap_years),
        cmocka_unit_test(splits_times_before_the_epoch_downwards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
