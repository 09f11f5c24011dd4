/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_stem.c - what the names of a job's runs have in common. */
#include "daemon/host/stem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void runs_of_one_job_share_a_stem(void **state)
{
    static const struct {
        const char *name, *stem;
    } cases[] = {
        {"train", "train"},
        {"train_ab.12", "train_ab"},
        {"train_ab.13", "train_ab"},
        {"2023-02-01 run", "-- run"},
        {"job-7 -._", "job"},
        {"7zip", "zip"},
        {"0123456789x ", "x"},
        {"a1b2c3", "abc"},
        {"step._-", "step"},
        {"_hidden", "_hidden"},
        {"1234", ""},
        {"...", ""},
        {"", ""},
        {"r\xc3\xa9seau3", "r\xc3\xa9seau"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char stem[MIR_STEM_MAX + 1];

        memset(stem, 'x', sizeof stem);
        assert_int_equal(mir_name_stem(cases[i].name, stem), strlen(cases[i].stem));
        assert_string_equal(stem, cases[i].stem);
    }
}

/* Digits do not count: what is cut is the stem, not the name. */
static void a_long_name_is_cut(void **state)
{
    char name[4 * MIR_STEM_MAX], stem[MIR_STEM_MAX + 2];

    (void)state;
    memset(name, 'a', sizeof name);
    memset(name, '5', MIR_STEM_MAX);
    name[sizeof name - 1] = '\0';
    stem[MIR_STEM_MAX + 1] = '!';
    assert_int_equal(mir_name_stem(name, stem), MIR_STEM_MAX);
    assert_int_equal(strlen(stem), MIR_STEM_MAX);
    assert_int_equal(stem[MIR_STEM_MAX + 1], '!');
    memset(name + 2 * MIR_STEM_MAX - 3, '-', 10); /* a cut may lay dashes bare */
    assert_int_equal(mir_name_stem(name, stem), MIR_STEM_MAX - 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_one_job_share_a_stem),
        cmocka_unit_test(a_long_name_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
