/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_seats.c - how many connections a user, all users and admins get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/http/seats.h"

enum { ALICE = 1000, ADMIN = 0 };

static void gives_one_user_a_few(void **state)
{
    struct mir_seats seats;

    (void)state;
    mir_seats_init(&seats);
    for (int i = 0; i < MIR_SEATS_PER_USER; i++)
        assert_true(mir_seats_take(&seats, ALICE, false));
    assert_false(mir_seats_take(&seats, ALICE, false));
    assert_true(mir_seats_take(&seats, ALICE + 1, false));
    mir_seats_leave(&seats, ALICE);
    assert_true(mir_seats_take(&seats, ALICE, false));
    assert_false(mir_seats_take(&seats, ALICE, false));
    mir_seats_release(&seats);
}

static void keeps_some_for_admins(void **state)
{
    struct mir_seats seats;
    uint32_t uid = ALICE;

    (void)state;
    mir_seats_init(&seats);
    while (mir_seats_take(&seats, uid, false))
        uid++;
    assert_int_equal(uid - ALICE, MIR_SEATS_USERS);
    for (int i = MIR_SEATS_USERS; i < MIR_SEATS; i++)
        assert_true(mir_seats_take(&seats, ADMIN, true));
    assert_false(mir_seats_take(&seats, ADMIN, true));
    mir_seats_leave(&seats, ALICE);
    assert_true(mir_seats_take(&seats, ADMIN, true));
    mir_seats_release(&seats);
}

static void counts_no_admin_among_the_users(void **state)
{
    struct mir_seats seats;
    uint32_t uid = ALICE;

    (void)state;
    mir_seats_init(&seats);
    for (int i = 0; i < MIR_SEATS - MIR_SEATS_USERS; i++)
        assert_true(mir_seats_take(&seats, ADMIN, true));
    while (mir_seats_take(&seats, uid, false))
        uid++;
    assert_int_equal(uid - ALICE, MIR_SEATS_USERS);
    mir_seats_release(&seats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_one_user_a_few),
        cmocka_unit_test(keeps_some_for_admins),
        cmocka_unit_test(counts_no_admin_among_the_users),
    };

    return cmocka_run_group_tests_name("seats", tests, NULL, NULL);
}
