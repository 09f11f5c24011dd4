/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_broker_environment.c - environments as munge, slurmdbd and slurmctld hold them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/broker/environment.h"
#include "daemon/core/str.h"

static void reads_what_enrolment_hands_in(void **state)
{
    static const char bytes[] = "mirage-environment 1\njob=12\nA=1\0B=two\nlines\0C=";
    struct mir_environment e = {0};

    (void)state;
    assert_int_equal(mir_environment_parse_enrolled(bytes, sizeof(bytes), 12, &e, NULL), 0);
    assert_int_equal(e.n, 3);
    assert_string_equal(mir_environment_get(&e, "B"), "two\nlines");
    assert_string_equal(mir_environment_get(&e, "C"), "");
    assert_null(mir_environment_get(&e, "D"));
    mir_environment_release(&e);
    assert_int_equal(mir_environment_parse_enrolled(bytes, sizeof(bytes), 1, &e, NULL), -EBADMSG);
    assert_int_equal(mir_environment_parse_enrolled(bytes, sizeof(bytes), 120, &e, NULL), -EBADMSG);
    assert_int_equal(mir_environment_parse_enrolled(bytes, sizeof(bytes) - 1, 12, &e, NULL),
                     -EBADMSG);
    assert_int_equal(mir_environment_parse_enrolled("", 0, 12, &e, NULL), -EBADMSG);
    mir_environment_release(&e);
}

static void reads_slurmctlds_file(void **state)
{
    static const char strings[] = "A=1\0B=two\nlines";
    struct mir_environment e = {0};
    char bytes[4 + sizeof(strings)];
    uint32_t count = 2;

    (void)state;
    memcpy(bytes, &count, 4);
    memcpy(bytes + 4, strings, sizeof(strings));
    assert_int_equal(mir_environment_parse_saved(bytes, sizeof(bytes), &e, NULL), 0);
    assert_int_equal(e.n, 2);
    assert_string_equal(e.v[1], "B=two\nlines");
    mir_environment_release(&e);
    for (size_t len = 0; len < sizeof(bytes); len++) {
        assert_int_equal(mir_environment_parse_saved(bytes, len, &e, NULL), -EBADMSG);
        mir_environment_release(&e);
    }
    count = 3;
    memcpy(bytes, &count, 4);
    assert_int_equal(mir_environment_parse_saved(bytes, sizeof(bytes), &e, NULL), -EBADMSG);
    mir_environment_release(&e);
}

static void reads_lines_and_says_when_they_are_in_doubt(void **state)
{
    struct mir_environment e = {0};
    bool ambiguous = true;

    (void)state;
    assert_int_equal(mir_environment_parse_lines("A=1\nB=x=y\nC=\n", &e, &ambiguous, NULL), 0);
    assert_int_equal(e.n, 3);
    assert_false(ambiguous);
    assert_string_equal(mir_environment_get(&e, "B"), "x=y");
    mir_environment_release(&e);
    assert_int_equal(
        mir_environment_parse_lines("BASH_FUNC_f%%=() {  echo 1\n}\nB=2", &e, &ambiguous, NULL), 0);
    assert_true(ambiguous);
    assert_int_equal(e.n, 2);
    assert_string_equal(e.v[0], "BASH_FUNC_f%%=() {  echo 1\n}");
    mir_environment_release(&e);
    assert_int_equal(mir_environment_parse_lines("A=1\n\nB=2", &e, &ambiguous, NULL), 0);
    assert_true(ambiguous);
    assert_string_equal(e.v[0], "A=1\n");
    mir_environment_release(&e);
    assert_int_equal(mir_environment_parse_lines("", &e, &ambiguous, NULL), 0);
    assert_int_equal(e.n, 0);
}

static void strips_what_belongs_to_one_job(void **state)
{
    static const char *const gone[] = {"SLURM_JOB_ID=1",         "SLURM_STEP_ID=0",
                                       "SLURM_STEPID=0",         "SLURM_ARRAY_TASK_ID=1",
                                       "SLURM_NODELIST=n1",      "SLURMD_NODENAME=n1",
                                       "CUDA_VISIBLE_DEVICES=0", "MIRAGE_LINK=3"};
    static const char *const stays[] = {"SLURM_UMASK=0022",    "SLURM_SUBMIT_DIR=/tmp",
                                        "SLURM_RLIMIT_CORE=0", "SLURM_PRIO_PROCESS=0",
                                        "SLURM_JOB_NAME=x",    "SLURM_CONF=/etc/slurm.conf",
                                        "PATH=/bin",           "_SLURM_SPANK_OPTION_a_b=c"};
    struct mir_environment e = {0};

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        mir_environment_add(&e, gone[i], strlen(gone[i]));
        mir_environment_add(&e, stays[i], strlen(stays[i]));
    }
    mir_environment_strip(&e);
    assert_int_equal(e.n, 8);
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(e.v[i], stays[i]);
    mir_environment_release(&e);
    mir_environment_add(&e, "CUDA_VISIBLE_DEVICES=0", 22);
    mir_environment_strip(&e);
    assert_int_equal(e.n, 1);
    mir_environment_release(&e);
}

static void sets_in_place_of_adding(void **state)
{
    struct mir_environment e = {0};

    (void)state;
    mir_environment_set(&e, "A", "1");
    mir_environment_set(&e, "AB", "2");
    mir_environment_set(&e, "A", "3");
    assert_int_equal(e.n, 2);
    assert_string_equal(mir_environment_get(&e, "A"), "3");
    mir_environment_release(&e);
}

/* A counted list of counted strings, as slurmctld packs it. */
static void pack(struct mir_str *s, const char *const *words, unsigned char n)
{
    mir_str_add_n(s, "junk\0\0\0", 7);
    mir_str_add_n(s, (const char *)&n, 1);
    for (unsigned char i = 0; i < n; i++) {
        unsigned char size = (unsigned char)(strlen(words[i]) + 1);

        mir_str_add_n(s, "\0\0\0", 3);
        mir_str_add_n(s, (const char *)&size, 1);
        mir_str_add_n(s, words[i], size);
    }
}

static void finds_arguments_in_the_saved_state(void **state)
{
    static const char *const list[] = {"/s.sh", "a b", "", "c"};
    static const char *const other[] = {"/s.sh", "a", "b", "", "c"};
    static const char *const longer[] = {"/s.sh", "a b", "", "cc"};
    struct mir_environment e = {0};
    struct mir_str s = {0};

    (void)state;
    pack(&s, longer, 4);
    pack(&s, list, 4);
    pack(&s, list, 4);
    assert_int_equal(mir_environment_find_arguments(s.text, s.len, "/s.sh a b  c", &e), 0);
    assert_int_equal(e.n, 3);
    assert_string_equal(e.v[0], "a b");
    assert_string_equal(e.v[1], "");
    assert_string_equal(e.v[2], "c");
    mir_environment_release(&e);
    assert_int_equal(mir_environment_find_arguments(s.text, s.len, "/s.sh a", &e), -ENOENT);
    pack(&s, other, 5);
    assert_int_equal(mir_environment_find_arguments(s.text, s.len, "/s.sh a b  c", &e), -ENOTUNIQ);
    assert_int_equal(e.n, 0);
    mir_str_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_enrolment_hands_in),
        cmocka_unit_test(reads_slurmctlds_file),
        cmocka_unit_test(reads_lines_and_says_when_they_are_in_doubt),
        cmocka_unit_test(strips_what_belongs_to_one_job),
        cmocka_unit_test(sets_in_place_of_adding),
        cmocka_unit_test(finds_arguments_in_the_saved_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
