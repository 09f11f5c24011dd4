/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_reader_sacct.c - Slurm's notations: job ids, array tasks, TRES, counts, states. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "traces/reader/internal.h"

static void reads_job_ids_of_every_shape(void **state)
{
    static const struct {
        const char *text;
        struct mir_sacct_id id;
        const char *tasks;
    } cases[] = {
        {"123", {.id = 123, .task = MIR_UNKNOWN}, ""},
        {"0", {.id = 0, .task = MIR_UNKNOWN}, ""},
        {"4294967295", {.id = UINT32_MAX, .task = MIR_UNKNOWN}, ""},
        {"123_0", {.id = 123, .task = 0}, ""},
        {"123_4", {.id = 123, .task = 4}, ""},
        {"123_[5-9%2]", {.id = 123, .task = MIR_UNKNOWN, .throttle = 2}, "5-9"},
        {"123_[1,3-9:2]", {.id = 123, .task = MIR_UNKNOWN}, "1,3-9:2"},
        {"123+1", {.id = 123, .task = MIR_UNKNOWN, .het_offset = 1}, ""},
        {"123.batch", {.id = 123, .task = MIR_UNKNOWN, .is_step = true}, ""},
        {"123_4.extern", {.id = 123, .task = 4, .is_step = true}, ""},
        {"123+1.0", {.id = 123, .task = MIR_UNKNOWN, .het_offset = 1, .is_step = true}, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_sacct_id id;

        if (mir_sacct_id_parse(mir_span_of(cases[i].text), &id) != 0)
            fail_msg("%s is refused", cases[i].text);
        assert_int_equal(id.id, cases[i].id.id);
        assert_int_equal(id.task, cases[i].id.task);
        assert_int_equal(id.throttle, cases[i].id.throttle);
        assert_int_equal(id.het_offset, cases[i].id.het_offset);
        assert_int_equal(id.is_step, cases[i].id.is_step);
        assert_true(mir_span_is(id.tasks, cases[i].tasks));
    }
}

static void refuses_what_is_no_job_id(void **state)
{
    static const char *const cases[] = {
        "",
        "x",
        "-1",
        "4294967296",
        "123_",
        "123_x",
        "123_[",
        "123_[]",
        "123_[5-9",
        "123_[5-9%]",
        "123_[%2]",
        "123_[5-9%2x]",
        "123_4_5",
        "123+",
        "123+x",
        "4294967295+1",
        "123.",
        "123 ",
        "123_2147483648",
        "99999999999999999999999",
        "123_[1]x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_sacct_id id;

        if (mir_sacct_id_parse(mir_span_of(cases[i]), &id) == 0)
            fail_msg("%s is accepted", cases[i]);
    }
}

static void takes_task_lists_apart(void **state)
{
    struct mir_span tasks = mir_span_of("1,3-9:2,12-14");
    static const int32_t expected[][3] = {{1, 1, 1}, {3, 9, 2}, {12, 14, 1}};
    int32_t first, last, step;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mir_sacct_tasks_next(&tasks, &first, &last, &step), 1);
        assert_int_equal(first, expected[i][0]);
        assert_int_equal(last, expected[i][1]);
        assert_int_equal(step, expected[i][2]);
    }
    assert_int_equal(mir_sacct_tasks_next(&tasks, &first, &last, &step), 0);
}

static void refuses_broken_task_lists(void **state)
{
    static const char *const cases[] = {
        "-1", "9-1", "1-", "1,", "1-9:0", "1-9:", "1;2", "...", "x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_span tasks = mir_span_of(cases[i]);
        int32_t first, last, step;
        int rc;

        while ((rc = mir_sacct_tasks_next(&tasks, &first, &last, &step)) > 0)
            continue;
        if (rc != -EINVAL)
            fail_msg("%s is accepted", cases[i]);
    }
}

static void counts_every_gpu_once(void **state)
{
    static const struct {
        const char *text;
        struct mir_sacct_tres tres;
    } cases[] = {
        {"", {0}},
        {"billing=8,cpu=8,gres/gpu=4,gres/gpu:a100=4,mem=64G,node=2",
         {2, 8, 4, UINT64_C(64) << 30}},
        {"gres/gpu:a100=4,gres/gpu=4", {0, 0, 4, 0}},
        {"gres/gpu:a100=4,gres/gpu:v100=2", {0, 0, 6, 0}},
        {"mem=512", {0, 0, 0, 512 << 20}},
        {"mem=1.50G", {0, 0, 0, 1610612736}},
        {"mem=2T,energy=18446744073709551614,license/x=3", {0, 0, 0, UINT64_C(2) << 40}},
        {"node=2K", {2048, 0, 0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_sacct_tres got;

        if (mir_sacct_tres_parse(mir_span_of(cases[i].text), &got) != 0)
            fail_msg("%s is refused", cases[i].text);
        assert_int_equal(got.n_nodes, cases[i].tres.n_nodes);
        assert_int_equal(got.n_cpus, cases[i].tres.n_cpus);
        assert_int_equal(got.n_gpus, cases[i].tres.n_gpus);
        assert_int_equal(got.mem_bytes, cases[i].tres.mem_bytes);
    }
}

static void refuses_broken_tres(void **state)
{
    static const char *const cases[] = {
        "cpu",     "cpu=",      "cpu=x",     "cpu=-1",  "cpu=1,,node=1",   "node=1e12",
        "mem=-1G", "gres/gpu=", "mem=1e30G", "mem=nan", "gres/gpu:a100=x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_sacct_tres got;

        if (mir_sacct_tres_parse(mir_span_of(cases[i]), &got) == 0)
            fail_msg("%s is accepted", cases[i]);
    }
}

static void knows_states_however_they_are_written(void **state)
{
    static const struct {
        const char *text;
        enum mir_job_state state;
    } cases[] = {
        {"", MIR_STATE_UNKNOWN},
        {"COMPLETED", MIR_STATE_COMPLETED},
        {"CANCELLED", MIR_STATE_CANCELLED},
        {"CANCELLED by 1234", MIR_STATE_CANCELLED},
        {"CANCELLED+", MIR_STATE_CANCELLED},
        {"OUT_OF_ME+", MIR_STATE_OUT_OF_MEMORY},
        {"NODE_FAIL", MIR_STATE_NODE_FAIL},
        {"PREEMPTED", MIR_STATE_PREEMPTED},
        {"TIMEOUT", MIR_STATE_TIMEOUT},
        {"REVOKED", MIR_STATE_OTHER},
        {"COMPLETEDx", MIR_STATE_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(mir_state_of(mir_span_of(cases[i].text)), cases[i].state);
    for (unsigned s = MIR_STATE_UNKNOWN; s <= MIR_STATE_OTHER; s++)
        assert_int_equal(mir_state_of(mir_span_of(mir_state_word(s))), s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_job_ids_of_every_shape),
        cmocka_unit_test(refuses_what_is_no_job_id),
        cmocka_unit_test(takes_task_lists_apart),
        cmocka_unit_test(refuses_broken_task_lists),
        cmocka_unit_test(counts_every_gpu_once),
        cmocka_unit_test(refuses_broken_tres),
        cmocka_unit_test(knows_states_however_they_are_written),
    };

    return cmocka_run_group_tests_name("reader_sacct", tests, NULL, NULL);
}
