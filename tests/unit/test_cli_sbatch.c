/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cli_sbatch.c - the comment among sbatch's arguments, in the script, and with consent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/args.h"
#include "daemon/cli/consent.h"
#include "daemon/cli/environment.h"
#include "daemon/cli/sbatch.h"
#include "daemon/core/alloc.h"
#include "daemon/host/wire.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

enum { MAX_ARGS = 16 };

/* Words between single blanks. */
static int split(char *line, char *argv[MAX_ARGS])
{
    int argc = 0;

    while (line != NULL && *line != '\0' && argc < MAX_ARGS - 1)
        argv[argc++] = strsep(&line, " ");
    argv[argc] = NULL;
    return argc;
}

static void finds_comment_and_script_among_the_options(void **state)
{
    static const struct {
        const char *line, *rest, *comment, *mirage, *script;
    } cases[] = {
        {"job.sh", "job.sh", NULL, NULL, "job.sh"},
        {"--comment=x job.sh a", "job.sh a", "x", NULL, "job.sh"},
        {"--comment x job.sh --comment=y", "job.sh --comment=y", "x", NULL, "job.sh"},
        {"--comm x job.sh", "job.sh", "x", NULL, "job.sh"},
        {"--comment=x --comment=y job.sh", "job.sh", "y", NULL, "job.sh"},
        {"--comment= job.sh", "job.sh", "", NULL, "job.sh"},
        {"-N 2 -n4 --time 5 job.sh", "-N 2 -n4 --time 5 job.sh", NULL, NULL, "job.sh"},
        {"-N 2 --mirage w=1 job.sh", "-N 2 job.sh", NULL, "w=1", "job.sh"},
        {"-HN 2 --comment c j", "-HN 2 j", "c", NULL, "j"},
        {"-HN2 --comment c j", "-HN2 j", "c", NULL, "j"},
        {"-k --comment c j", "-k j", "c", NULL, "j"},
        {"--exclusive --nice --comment=c j", "--exclusive --nice j", "c", NULL, "j"},
        {"--hold --contiguous -J --comment=c j", "--hold --contiguous -J --comment=c j", NULL, NULL,
         "j"},
        {"--job-name --comment=x j --comment y", "--job-name --comment=x j --comment y", NULL, NULL,
         "j"},
        {"-- --comment=x", "-- --comment=x", NULL, NULL, "--comment=x"},
        {"--wrap=x --comment=c", "--wrap=x", "c", NULL, NULL},
        {"--spank-thing --comment=c j", "--spank-thing j", "c", NULL, "j"},
        {"--spank-thing value --comment=c j", "--spank-thing value j", "c", NULL, "j"},
        /* an existing file after an option that is not known is the script */
        {"--spank-flag /etc/passwd --comment=c", "--spank-flag /etc/passwd --comment=c", NULL, NULL,
         "/etc/passwd"},
        {"--constraint comment j", "--constraint comment j", NULL, NULL, "j"},
        {"- x", "- x", NULL, NULL, "-"},
        {"", "", NULL, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        char *argv[MAX_ARGS], *line = mir_strdup(cases[i].line);
        struct mir_str rest = {0};
        struct mir_error err = {{0}};
        struct mir_sbatch s;
        const char *const expected[] = {cases[i].comment, cases[i].mirage, cases[i].script};
        const char *now[3];

        if (mir_sbatch_parse(split(line, argv), argv, &s, &err) != 0)
            fail_msg("%s: %s", cases[i].line, err.text);
        now[0] = s.comment;
        now[1] = s.mirage;
        now[2] = s.script;
        mir_str_add(&rest, "");
        for (size_t k = 0; k < s.n; k++)
            mir_str_addf(&rest, "%s%s", k > 0 ? " " : "", s.argv[k]);
        assert_null(s.argv[s.n]);
        if (strcmp(rest.text, cases[i].rest) != 0)
            fail_msg("%s: rest is %s", cases[i].line, rest.text);
        for (size_t k = 0; k < N_OF(now); k++) {
            if ((now[k] == NULL) != (expected[k] == NULL) ||
                (now[k] != NULL && strcmp(now[k], expected[k]) != 0))
                fail_msg("%s: %zu is %s", cases[i].line, k, now[k] != NULL ? now[k] : "none");
        }
        mir_str_release(&rest);
        mir_sbatch_release(&s);
        free(line);
    }
}

static void arguments_are_written_so_that_none_is_lost(void **state)
{
    static const struct {
        char *argv[6];
        const char *text;
    } cases[] = {
        {{"job.sh", "a", "b"}, "a b"},
        {{"-N", "2", "job.sh", "two words", "100%"}, "two%20words 100%25"},
        {{"job.sh", "", "x"}, " x"},
        {{"job.sh", "a\tb\n\x7f"}, "a%09b%0A%7F"},
        {{"job.sh", "\xc3\xa4", "k=v"}, "\xc3\xa4 k=v"},
        {{"--comment=c", "job.sh", "--mirage", "--comment=d"}, "--mirage --comment=d"},
        {{"job.sh"}, ""},
        {{"--wrap=true"}, ""},
        {{"-N", "2"}, ""},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct mir_error err = {{0}};
        struct mir_str text = {0};
        struct mir_sbatch s;
        int argc = 0;

        while (argc < 6 && cases[i].argv[argc] != NULL)
            argc++;
        assert_int_equal(mir_sbatch_parse(argc, cases[i].argv, &s, &err), 0);
        mir_sbatch_list_arguments(&s, &text);
        assert_string_equal(text.text, cases[i].text);
        mir_str_release(&text);
        mir_sbatch_release(&s);
    }
}

/* What is written is what the broker reads: each argument is a value of a record. */
static void arguments_are_read_again_as_values_of_the_wire(void **state)
{
    char *const argv[] = {"job.sh", "one two", "%20", "x=y", "tab\there"};
    struct mir_error err = {{0}};
    struct mir_str text = {0};
    struct mir_sbatch s;
    char *rest, *word;
    size_t i = 1;

    (void)state;
    assert_int_equal(mir_sbatch_parse(5, argv, &s, &err), 0);
    mir_sbatch_list_arguments(&s, &text);
    rest = text.text;
    while ((word = strsep(&rest, " ")) != NULL) {
        struct mir_wire_record record;
        struct mir_str line = {0};

        mir_str_addf(&line, "a v=%s", word);
        assert_int_equal(mir_wire_parse(line.text, line.len, &record, &err), 0);
        assert_int_equal(record.n_fields, 1);
        assert_string_equal(record.fields[0].value, argv[i++]);
        mir_str_release(&line);
    }
    assert_int_equal(i, 5);
    mir_str_release(&text);
    mir_sbatch_release(&s);
}

static void options_that_only_ask_submit_nothing(void **state)
{
    static const struct {
        const char *line;
        bool asks;
    } cases[] = {{"--help", true},     {"-V", true},      {"--test-only j", true},
                 {"-QV", true},        {"--usage", true}, {"-N 1 j", false},
                 {"-J help j", false}, {"-JV j", false},  {"j --help", false}};

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        char *argv[MAX_ARGS], *line = mir_strdup(cases[i].line);
        struct mir_error err = {{0}};
        struct mir_sbatch s;

        assert_int_equal(mir_sbatch_parse(split(line, argv), argv, &s, &err), 0);
        if (s.only_asks != cases[i].asks)
            fail_msg("%s", cases[i].line);
        mir_sbatch_release(&s);
        free(line);
    }
}

static void a_comment_without_value_is_refused(void **state)
{
    static const char *const lines[] = {"--comment", "-N 1 --mirage"};

    (void)state;
    for (size_t i = 0; i < N_OF(lines); i++) {
        char *argv[MAX_ARGS], *line = mir_strdup(lines[i]);
        struct mir_error err = {{0}};
        struct mir_sbatch s;

        assert_int_equal(mir_sbatch_parse(split(line, argv), argv, &s, &err), -EINVAL);
        assert_non_null(strstr(err.text, "needs a value"));
        free(line);
    }
}

static void reads_the_comment_of_the_script_as_sbatch_does(void **state)
{
    static const struct {
        const char *script, *comment; /* NULL: none */
    } cases[] = {
        {"#!/bin/sh\n#SBATCH --comment=x\n", "x"},
        {"#!/bin/sh\n#SBATCH --comment x\n", "x"},
        {"#SBATCH -N1 --comment=\"two words\" -n2\n", "two words"},
        {"#SBATCH --comment='a \"b\"'\r\n", "a \"b\""},
        {"#SBATCH --comment=a\\ b", "a b"},
        {"#SBATCH --comment=x # --comment=y\n", "x"},
        {"#SBATCH --comment=x\n\n# text\n#SBATCH --comment=y\n", "y"},
        {"#SBATCH --comment=x\necho\n#SBATCH --comment=y\n", "x"},
        {"##SBATCH --comment=x\n# SBATCH --comment=x\n #SBATCH --comment=x\n", NULL},
        {"#SBATCH --constraint=comment\n", NULL},
        {"#SBATCH --comment\n", NULL},
        {"#SBATCH --comment=\n", ""},
        {"#SBATCH", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct mir_str out = {0};
        bool found = mir_sbatch_script_comment(cases[i].script, &out);

        if (found != (cases[i].comment != NULL) ||
            (found && strcmp(out.text, cases[i].comment) != 0))
            fail_msg("%s: %s", cases[i].script, found ? out.text : "none");
        mir_str_release(&out);
    }
}

static void consent_joins_the_users_own_words(void **state)
{
    static const struct {
        const char *comment, *options, *expected;
    } cases[] = {
        {NULL, NULL, "mirage"},
        {"", "", "mirage"},
        {"", "w=0.1,links=20", "mirage:w=0.1,links=20"},
        {"my run", NULL, "my run mirage"},
        {"my run ", "w=1", "my run mirage:w=1"},
        {"mirage", NULL, "mirage"},
        {"x mirage:w=2 y", NULL, "x mirage:w=2 y"},
        {"x mirage:w=2  y", "w=1", "x mirage:w=1  y"},
        {"mirage:w=2", "", "mirage"},
        {"miraged mirage=abc.1.00 xmirage", NULL, "miraged mirage=abc.1.00 xmirage mirage"},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct mir_str out = {0};

        mir_consent_add(cases[i].comment, cases[i].options, &out);
        assert_string_equal(out.text, cases[i].expected);
        assert_true(mir_consent_given(out.text));
        mir_str_release(&out);
    }
    assert_false(mir_consent_given(NULL));
    assert_false(mir_consent_given("mirages mirage=x.1.2"));
}

static void options_are_one_printable_word(void **state)
{
    static const char *const bad[] = {"w=1 links=2", "w=1\n", "\xc3\xa9", "a\tb"};
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(mir_consent_check("w=0.1,until=2027-01-01T12:00", &err), 0);
    assert_int_equal(mir_consent_check("", &err), 0);
    for (size_t i = 0; i < N_OF(bad); i++)
        assert_int_equal(mir_consent_check(bad[i], &err), -EINVAL);
}

static void the_environment_is_packed_with_its_job(void **state)
{
    char *const environment[] = {(char[]){"A=1"}, (char[]){"B=x\ny"}, NULL};
    static const char expected[] = "mirage-environment 1\njob=42\nA=1\0B=x\ny";
    struct mir_str out = {0};
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(mir_environment_pack(42, environment, &out, &err), 0);
    assert_int_equal(out.len, sizeof(expected));
    assert_memory_equal(out.text, expected, sizeof(expected));
    mir_str_release(&out);
}

static void an_environment_over_half_a_megabyte_is_refused(void **state)
{
    char *big = mir_alloc(MIR_ENVIRONMENT_MAX, 1);
    char *const environment[] = {big, NULL};
    struct mir_str out = {0};
    struct mir_error err = {{0}};

    (void)state;
    memset(big, 'x', MIR_ENVIRONMENT_MAX - 1);
    assert_int_equal(mir_environment_pack(1, environment, &out, &err), -E2BIG);
    big[MIR_ENVIRONMENT_MAX - 100] = '\0';
    mir_str_release(&out);
    assert_int_equal(mir_environment_pack(1, environment, &out, &err), 0);
    mir_str_release(&out);
    free(big);
}

/* ---- The command line of mirage itself */

static int
parse_args(const char *text, struct mir_cli_args *args, char *line, struct mir_error *err)
{
    char *argv[MAX_ARGS];

    memcpy(line, text, strlen(text) + 1);
    return mir_cli_args_parse(split(line, argv), argv, args, err);
}

static void the_command_line_is_understood_or_refused(void **state)
{
    static const struct {
        const char *line, *error; /* NULL: good */
    } cases[] = {
        {"mirage status", NULL},
        {"mirage --json list --all --user=u", NULL},
        {"mirage why -n 5 abc --parsable2", NULL},
        {"mirage why -n5 abc", "unknown option -n5"},
        {"mirage why -n 0 abc", "-n: expected a number from 1 to 100"},
        {"mirage why -n 101 abc", "-n: expected"},
        {"mirage stop --keep-successor abc", NULL},
        {"mirage stop", "stop: CHAIN is missing"},
        {"mirage stop a b", "one argument too many"},
        {"mirage enroll 12 w=1 --export", NULL},
        {"mirage enroll 12 w=1 links=2", "one argument too many"},
        {"mirage status --all", "unknown option --all of status"},
        {"mirage fly", "unknown command 'fly'"},
        {"mirage", "which command?"},
        {"mirage --help", NULL},
        {"mirage stop --help", NULL},
        {"mirage --socket", "--socket needs a value"},
        {"mirage list --json=1", "--json takes no value"},
        {"mirage submit --json --mirage w=1 -N 2 --help", NULL},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct mir_cli_args args;
        struct mir_error err = {{0}};
        char line[128];
        int rc = parse_args(cases[i].line, &args, line, &err);

        if (cases[i].error == NULL ? rc != 0
                                   : rc != -EINVAL || strstr(err.text, cases[i].error) == NULL)
            fail_msg("%s: %d %s", cases[i].line, rc, err.text);
    }
}

static void what_is_not_mirages_goes_to_sbatch(void **state)
{
    struct mir_cli_args args;
    struct mir_error err = {{0}};
    char line[128];

    (void)state;
    assert_int_equal(
        parse_args("mirage submit --json --mirage w=1 -N 2 --json x", &args, line, &err), 0);
    assert_int_equal(args.cli.format, MIR_FORMAT_JSON);
    assert_string_equal(args.cli.options, "w=1");
    assert_int_equal(args.cli.argc, 4);
    assert_false(args.help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_comment_and_script_among_the_options),
        cmocka_unit_test(arguments_are_written_so_that_none_is_lost),
        cmocka_unit_test(arguments_are_read_again_as_values_of_the_wire),
        cmocka_unit_test(options_that_only_ask_submit_nothing),
        cmocka_unit_test(a_comment_without_value_is_refused),
        cmocka_unit_test(reads_the_comment_of_the_script_as_sbatch_does),
        cmocka_unit_test(consent_joins_the_users_own_words),
        cmocka_unit_test(options_are_one_printable_word),
        cmocka_unit_test(the_environment_is_packed_with_its_job),
        cmocka_unit_test(an_environment_over_half_a_megabyte_is_refused),
        cmocka_unit_test(the_command_line_is_understood_or_refused),
        cmocka_unit_test(what_is_not_mirages_goes_to_sbatch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
