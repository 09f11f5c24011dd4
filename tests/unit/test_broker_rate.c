/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_broker_rate.c - submissions an hour, per user and in all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/broker/rate.h"
#include "daemon/core/rng.h"

static const int64_t second = 1000000000;

enum { ALICE = 1001, BOB = 1002, HOUR = 3600 };

static void lets_a_user_through_until_his_cap(void **state)
{
    struct mir_rate rate = {0};
    struct mir_error err = {{0}};

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mir_rate_check(&rate, ALICE, 3, 100, 0, i * second, &err), 0);
        mir_rate_count(&rate, ALICE, i * second);
    }
    assert_int_equal(mir_rate_check(&rate, ALICE, 3, 100, 0, 10 * second, &err), -EDQUOT);
    assert_non_null(strstr(err.text, "uid 1001"));
    assert_non_null(strstr(err.text, "3591 s"));
    assert_int_equal(mir_rate_check(&rate, BOB, 3, 100, 0, 10 * second, &err), 0);
    mir_rate_release(&rate);
}

static void lets_all_through_until_their_cap(void **state)
{
    struct mir_rate rate = {0};
    struct mir_error err = {{0}};

    (void)state;
    mir_rate_count(&rate, ALICE, 0);
    mir_rate_count(&rate, BOB, second);
    assert_int_equal(mir_rate_check(&rate, 1003, 9, 3, 0, 2 * second, &err), 0);
    mir_rate_count(&rate, 1003, 2 * second);
    assert_int_equal(mir_rate_check(&rate, 1004, 9, 3, 0, 3 * second, &err), -EDQUOT);
    assert_non_null(strstr(err.text, "all users"));
    mir_rate_release(&rate);
}

static void slides(void **state)
{
    struct mir_rate rate = {0};

    (void)state;
    mir_rate_count(&rate, ALICE, 0);
    mir_rate_count(&rate, ALICE, 1800 * second);
    assert_int_equal(mir_rate_check(&rate, ALICE, 2, 9, 0, HOUR * second - 1, NULL), -EDQUOT);
    assert_int_equal(mir_rate_check(&rate, ALICE, 2, 9, 0, HOUR * second, NULL), 0);
    mir_rate_count(&rate, ALICE, HOUR * second);
    assert_int_equal(mir_rate_check(&rate, ALICE, 2, 9, 0, HOUR * second, NULL), -EDQUOT);
    assert_int_equal(mir_rate_check(&rate, ALICE, 2, 9, 0, 5400 * second, NULL), 0);
    mir_rate_release(&rate);
}

static void counts_what_is_under_way(void **state)
{
    struct mir_rate rate = {0};

    (void)state;
    mir_rate_count(&rate, ALICE, 0);
    assert_int_equal(mir_rate_check(&rate, BOB, 9, 4, 2, 0, NULL), 0);
    assert_int_equal(mir_rate_check(&rate, BOB, 9, 4, 3, 0, NULL), -EDQUOT);
    mir_rate_release(&rate);
}

static void a_cap_of_nothing_lets_nothing_through(void **state)
{
    struct mir_rate rate = {0};

    (void)state;
    assert_int_equal(mir_rate_check(&rate, ALICE, 0, 9, 0, 0, NULL), -EDQUOT);
    assert_int_equal(mir_rate_check(&rate, ALICE, 9, 0, 0, 0, NULL), -EDQUOT);
    assert_int_equal(mir_rate_check(&rate, ALICE, -1, -1, 0, 0, NULL), -EDQUOT);
    mir_rate_release(&rate);
}

static void its_table_is_bounded(void **state)
{
    struct mir_rate rate = {0};

    (void)state;
    for (int i = 0; i < MIR_RATE_EVENTS_MAX + 10; i++)
        mir_rate_count(&rate, (uid_t)(1000 + i), 0);
    assert_int_equal(rate.n_events, MIR_RATE_EVENTS_MAX);
    assert_int_equal(mir_rate_check(&rate, 1, 9, INT32_MAX, 0, 0, NULL), -EDQUOT);
    assert_int_equal(mir_rate_check(&rate, 1, 9, 9, 0, HOUR * second, NULL), 0);
    mir_rate_release(&rate);
}

/* Whatever comes when: no hour holds more than the caps. */
static void no_hour_holds_more_than_the_caps(void **state)
{
    enum { N = 4000, USERS = 5, USER_CAP = 7, ALL_CAP = 20 };
    const uint64_t seed = 20240601;
    struct mir_rate rate = {0};
    struct mir_rng rng;
    static int64_t at[N];
    static uid_t who[N];
    int64_t now = 0;
    size_t n = 0;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    mir_rng_init(&rng, seed);
    for (int i = 0; i < N; i++) {
        uid_t uid = (uid_t)(1000 + mir_rng_below(&rng, USERS));

        now += (int64_t)mir_rng_below(&rng, 200) * second;
        if (mir_rate_check(&rate, uid, USER_CAP, ALL_CAP, 0, now, NULL) != 0)
            continue;
        mir_rate_count(&rate, uid, now);
        at[n] = now;
        who[n++] = uid;
    }
    assert_true(n > 1000);
    for (size_t i = 0; i < n; i++) {
        int of_user = 0, of_all = 0;

        for (size_t k = i; k < n && at[k] - at[i] < HOUR * second; k++) {
            of_all++;
            of_user += who[k] == who[i];
        }
        assert_true(of_all <= ALL_CAP);
        assert_true(of_user <= USER_CAP);
    }
    mir_rate_release(&rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_a_user_through_until_his_cap),
        cmocka_unit_test(lets_all_through_until_their_cap),
        cmocka_unit_test(slides),
        cmocka_unit_test(counts_what_is_under_way),
        cmocka_unit_test(a_cap_of_nothing_lets_nothing_through),
        cmocka_unit_test(its_table_is_bounded),
        cmocka_unit_test(no_hour_holds_more_than_the_caps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
