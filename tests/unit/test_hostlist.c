/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_hostlist.c - Slurm's lists of node names. */
#include "traces/sim/hostlist.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/str.h"

static int join(void *context, const char *name, size_t len)
{
    struct mir_str *s = context;

    assert_int_equal(strlen(name), len);
    if (s->len > 0)
        mir_str_add(s, " ");
    mir_str_add_n(s, name, len);
    return 0;
}

static void expands_ranges_in_the_order_written(void **state)
{
    static const struct {
        const char *list, *names;
    } cases[] = {
        {"n1", "n1"},
        {"alpha,beta,gamma", "alpha beta gamma"},
        {"n[1-3]", "n1 n2 n3"},
        {"n[01-03,15]", "n01 n02 n03 n15"},
        {"n[8-11]", "n8 n9 n10 n11"},
        {"n[098-101]", "n098 n099 n100 n101"},
        {"n[01-02],gpu[1-2]", "n01 n02 gpu1 gpu2"},
        {"n[3,1],n2", "n3 n1 n2"},
        {"rack[0-1]_blade[0-2]",
         "rack0_blade0 rack0_blade1 rack0_blade2 rack1_blade0 rack1_blade1 rack1_blade2"},
        {"a[1-2]b[1]c[1-2]", "a1b1c1 a1b1c2 a2b1c1 a2b1c2"},
        {"c[7]-ib", "c7-ib"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mir_str s = {0};
        uint32_t n = 0, words = 1;

        assert_int_equal(mir_hostlist_each(cases[i].list, strlen(cases[i].list), join, &s, NULL),
                         0);
        assert_string_equal(s.text, cases[i].names);
        for (const char *p = cases[i].names; *p != '\0'; p++)
            words += *p == ' ';
        assert_int_equal(mir_hostlist_count(cases[i].list, strlen(cases[i].list), &n, NULL), 0);
        assert_int_equal(n, words);
        mir_str_release(&s);
    }
}

static void an_empty_list_has_no_names(void **state)
{
    uint32_t n = 7;

    (void)state;
    assert_int_equal(mir_hostlist_count("", 0, &n, NULL), 0);
    assert_int_equal(n, 0);
}

static void reads_no_further_than_its_length(void **state)
{
    uint32_t n = 0;

    (void)state;
    assert_int_equal(mir_hostlist_count("n[1-3],x[1-9]", 6, &n, NULL), 0);
    assert_int_equal(n, 3);
}

static void refuses_what_is_no_list(void **state)
{
    static const char *const cases[] = {
        "n[1-3",         "n1-3]",   "n]1-3[", "n[]",    "n[1-]",    "n[-3]",   "n[3-1]",
        "n[1,]",         "n[a-b]",  "n1,",    ",n1",    "n1,,n2",   "n[1--2]", "n[[1]]",
        "n[1234567890]", "n[1-3]]", "n[1 2]", "a[1]b[", "n[1-3],[",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mir_error err = {{0}};
        uint32_t n = 7;

        if (mir_hostlist_count(cases[i], strlen(cases[i]), &n, &err) != -EINVAL)
            fail_msg("accepted \"%s\"", cases[i]);
        assert_int_equal(n, 7);
        assert_int_not_equal(err.text[0], '\0');
    }
}

static void refuses_lists_that_would_fill_the_memory(void **state)
{
    static const char huge[] = "n[0-99999]x[0-99999]y[0-99999]";
    char name[400];
    struct mir_error err = {{0}};
    uint32_t n;

    (void)state;
    assert_int_equal(mir_hostlist_count(huge, strlen(huge), &n, &err), -EINVAL);
    assert_non_null(strstr(err.text, "more than"));
    memset(name, 'x', sizeof(name));
    memcpy(name, "n[1]", 4);
    assert_int_equal(mir_hostlist_count(name, sizeof(name), &n, &err), -EINVAL);
    assert_non_null(strstr(err.text, "longer than"));
    for (size_t i = 0; i + 3 <= sizeof(name); i += 3)
        memcpy(name + i, "[1]", 3);
    assert_int_equal(mir_hostlist_count(name, 396, &n, &err), -EINVAL);
    assert_non_null(strstr(err.text, "brackets"));
}

static int stop_at_second(void *context, const char *name, size_t len)
{
    int *n = context;

    (void)name;
    (void)len;
    return ++*n == 2 ? -ECANCELED : 0;
}

static void hands_on_what_the_callback_returned(void **state)
{
    int n = 0;

    (void)state;
    assert_int_equal(mir_hostlist_each("n[1-9]", 6, stop_at_second, &n, NULL), -ECANCELED);
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expands_ranges_in_the_order_written),
        cmocka_unit_test(an_empty_list_has_no_names),
        cmocka_unit_test(reads_no_further_than_its_length),
        cmocka_unit_test(refuses_what_is_no_list),
        cmocka_unit_test(refuses_lists_that_would_fill_the_memory),
        cmocka_unit_test(hands_on_what_the_callback_returned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
