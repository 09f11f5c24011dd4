/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_error.c - failures told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "daemon/core/error.h"

static void returns_the_code_and_writes_the_text(void **state)
{
    struct mir_error err = {""};

    (void)state;
    assert_int_equal(mir_error_set(&err, -EINVAL, "%s:%d: bad", "log", 7), -EINVAL);
    assert_string_equal(err.text, "log:7: bad");
}

static void accepts_no_error_at_all(void **state)
{
    (void)state;
    assert_int_equal(mir_error_set(NULL, -EIO, "%d", 1), -EIO);
}

static void cuts_what_does_not_fit(void **state)
{
    struct mir_error err;
    char longer[2000];

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(mir_error_set(&err, -E2BIG, "%s", longer), -E2BIG);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void adds_context_to_its_own_text(void **state)
{
    struct mir_error err;

    (void)state;
    mir_error_set(&err, -ENOENT, "no such file");
    mir_error_set(&err, -ENOENT, "read log: %s", err.text);
    assert_string_equal(err.text, "read log: no such file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(returns_the_code_and_writes_the_text),
        cmocka_unit_test(accepts_no_error_at_all),
        cmocka_unit_test(cuts_what_does_not_fit),
        cmocka_unit_test(adds_context_to_its_own_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
