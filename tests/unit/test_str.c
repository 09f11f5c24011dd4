/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_str.c - a string that grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "daemon/core/str.h"

static void builds_text_piece_by_piece(void **state)
{
    struct mir_str s = {0};

    (void)state;
    mir_str_add(&s, "wait");
    mir_str_add_n(&s, "=12345", 3);
    mir_str_addf(&s, " of %d %s", 7, "jobs");
    assert_string_equal(s.text, "wait=12 of 7 jobs");
    assert_int_equal(s.len, strlen(s.text));
    mir_str_release(&s);
    assert_null(s.text);
}

static void is_terminated_after_adding_nothing(void **state)
{
    struct mir_str s = {0};

    (void)state;
    mir_str_add_n(&s, NULL, 0);
    assert_string_equal(s.text, "");
    mir_str_addf(&s, "%s", "");
    assert_string_equal(s.text, "");
    assert_int_equal(s.len, 0);
    mir_str_release(&s);
}

static void grows_without_losing_a_byte(void **state)
{
    struct mir_str s = {0};

    (void)state;
    for (int i = 0; i < 10000; i++)
        mir_str_addf(&s, "%04d", i);
    assert_int_equal(s.len, 40000);
    assert_memory_equal(s.text + 4 * 9876, "9876", 4);
    assert_int_equal(s.text[40000], '\0');
    mir_str_release(&s);
}

static void keeps_nul_bytes(void **state)
{
    struct mir_str s = {0};

    (void)state;
    mir_str_add_n(&s, "a\0b", 3);
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.text, "a\0b", 4);
    mir_str_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_text_piece_by_piece),
        cmocka_unit_test(is_terminated_after_adding_nothing),
        cmocka_unit_test(grows_without_losing_a_byte),
        cmocka_unit_test(keeps_nul_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
