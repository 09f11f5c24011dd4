/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_clock.c - clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "daemon/core/clock.h"

static void wall_clock_is_in_this_century(void **state)
{
    (void)state;
    assert_true(mir_clock_wall() > 1600000000);
    assert_true(mir_clock_wall() < 4102444800);
}

static void monotonic_clock_counts_a_sleep_and_never_goes_back(void **state)
{
    int64_t before_ns = mir_clock_mono_ns();
    int64_t last_ns = before_ns;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t now_ns = mir_clock_mono_ns();

        assert_true(now_ns >= last_ns);
        last_ns = now_ns;
    }
    usleep(2000);
    assert_true(mir_clock_mono_ns() - before_ns >= 2000000);
}

static void cpu_clock_does_not_count_a_sleep(void **state)
{
    int64_t before_ns = mir_clock_cpu_ns();

    (void)state;
    usleep(100000);
    assert_true(mir_clock_cpu_ns() - before_ns < 50000000);
    assert_true(mir_clock_cpu_ns() >= before_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wall_clock_is_in_this_century),
        cmocka_unit_test(monotonic_clock_counts_a_sleep_and_never_goes_back),
        cmocka_unit_test(cpu_clock_does_not_count_a_sleep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
