/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cli_table.c - columns: alignment, width, separators, and text that is not to be trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/table.h"

static const struct mir_table_column columns[] = {{"CHAIN", false},
                                                  {"JOBID", true},
                                                  {"REASON", false}};

static void fill(struct mir_table *t)
{
    static const char *const cells[] = {"abc", "7", "none", "abcdefgh", "1234567", "a long reason"};

    mir_table_init(t, columns, 3);
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
        mir_table_add(t, cells[i]);
}

static void check(bool header, size_t width, const char *expected)
{
    struct mir_table t;
    struct mir_str out = {0};

    fill(&t);
    mir_table_align(&t, header, width, &out);
    assert_string_equal(out.text, expected);
    mir_str_release(&out);
    mir_table_release(&t);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    check(true, 0,
          "CHAIN      JOBID REASON\n"
          "abc            7 none\n"
          "abcdefgh 1234567 a long reason\n");
    check(false, 0,
          "abc            7 none\n"
          "abcdefgh 1234567 a long reason\n");
}

static void no_line_is_longer_than_the_terminal(void **state)
{
    (void)state;
    check(true, 20,
          "CHAIN      JOBID REA\n"
          "abc            7 non\n"
          "abcdefgh 1234567 a l\n");
    check(true, 5, "CHAIN\nabc\nabcde\n");
}

static void bars_separate_and_never_stand_in_a_cell(void **state)
{
    struct mir_table t;
    struct mir_str out = {0};

    (void)state;
    mir_table_init(&t, columns, 3);
    mir_table_add(&t, "a|b");
    mir_table_add(&t, NULL);
    mir_table_add(&t, "two\nlines");
    mir_table_bars(&t, true, &out);
    assert_string_equal(out.text, "CHAIN|JOBID|REASON\na/b||two?lines\n");
    mir_str_release(&out);
    mir_table_bars(&t, false, &out);
    assert_string_equal(out.text, "a/b||two?lines\n");
    mir_str_release(&out);
    mir_table_release(&t);
}

static void escape_sequences_do_not_reach_the_terminal(void **state)
{
    struct mir_str out = {0};

    (void)state;
    mir_table_clean("\x1b[2Jx\x7f\xc2\x9b"
                    "31m\xc3\xa9",
                    &out);
    assert_string_equal(out.text, "?[2Jx??31m\xc3\xa9");
    mir_str_release(&out);
}

static void characters_are_counted_not_bytes(void **state)
{
    struct mir_table t;
    struct mir_str out = {0};

    (void)state;
    mir_table_init(&t, columns, 3);
    mir_table_add(&t, "\xc3\xa9\xc3\xa9");
    mir_table_add(&t, "1");
    mir_table_add(&t, "\xe2\x89\xa5");
    mir_table_align(&t, false, 6, &out);
    assert_string_equal(out.text, "\xc3\xa9\xc3\xa9 1 \xe2\x89\xa5\n");
    mir_str_release(&out);
    mir_table_align(&t, false, 1, &out);
    assert_string_equal(out.text, "\xc3\xa9\n");
    mir_str_release(&out);
    mir_table_release(&t);
}

static void an_empty_table_is_its_header(void **state)
{
    struct mir_table t;
    struct mir_str out = {0};

    (void)state;
    mir_table_init(&t, columns, 3);
    mir_table_align(&t, true, 0, &out);
    assert_string_equal(out.text, "CHAIN JOBID REASON\n");
    mir_str_release(&out);
    mir_table_release(&t);
}

static void durations_are_as_slurm_writes_them(void **state)
{
    static const struct {
        int64_t s;
        const char *text;
    } cases[] = {
        {0, "0:00"},
        {59, "0:59"},
        {600, "10:00"},
        {3600, "1:00:00"},
        {86399, "23:59:59"},
        {86400, "1-00:00:00"},
        {-61, "-1:01"},
        {864000 + 62, "10-00:01:02"},
        {INT64_MIN, "-106751991167300-15:30:08"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mir_str out = {0};

        mir_print_duration(cases[i].s, &out);
        assert_string_equal(out.text, cases[i].text);
        mir_str_release(&out);
    }
}

static void times_and_durations_are_for_people_or_for_programs(void **state)
{
    struct mir_cli people = {.format = MIR_FORMAT_TABLE}, programs = {.format = MIR_FORMAT_BARS};
    static const char *const expected[] = {
        "2026-01-01T00:00:00Z", "-", "10:00", "-", "-", "1767225600", "", "600", "", "",
    };
    struct mir_table t;

    (void)state;
    mir_table_init(&t, columns, 3);
    for (int i = 0; i < 2; i++) {
        const struct mir_cli *cli = i == 0 ? &people : &programs;

        mir_cell_time(&t, cli, 1767225600);
        mir_cell_time(&t, cli, 0);
        mir_cell_duration(&t, cli, 600.2);
        mir_cell_duration(&t, cli, (double)NAN);
        mir_cell_duration(&t, cli, 1e300);
    }
    assert_int_equal(t.n_cells, 10);
    for (size_t i = 0; i < 10; i++)
        assert_string_equal(t.cells[i], expected[i]);
    mir_table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(no_line_is_longer_than_the_terminal),
        cmocka_unit_test(bars_separate_and_never_stand_in_a_cell),
        cmocka_unit_test(escape_sequences_do_not_reach_the_terminal),
        cmocka_unit_test(characters_are_counted_not_bytes),
        cmocka_unit_test(an_empty_table_is_its_header),
        cmocka_unit_test(durations_are_as_slurm_writes_them),
        cmocka_unit_test(times_and_durations_are_for_people_or_for_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
