/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_shapes.c - requests to learn: as a user lists them, as a log suggests. */
#include "models/train/shapes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void reads_sizes_and_the_limit_after_them(void **state)
{
    static const struct mir_shape expected[] = {
        {1, 172800}, {2, 172800}, {8, 172800}, {1, 5400}, {16, 86400},
    };
    struct mir_shapes s;
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(mir_shapes_parse("--shapes", "1,2,8x48h,1x90,16x1d", &s, &err), 0);
    assert_int_equal(s.n, 5);
    for (uint32_t i = 0; i < s.n; i++) {
        assert_int_equal(s.list[i].n_nodes, expected[i].n_nodes);
        assert_int_equal(s.list[i].limit_s, expected[i].limit_s);
    }
}

static void refuses_what_is_no_list_and_shows_it(void **state)
{
    static const char *const bad[] = {
        "",        "1",    "1,2",     "1x48h,2", "0x48h", "x48h",   "1x",          "1x0",
        "1xnever", "1x1s", "1,,2x2h", "1x48h,",  "-1x2h", "1.5x2h", "99999999x2h",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mir_shapes s;
        struct mir_error err = {{0}};

        if (mir_shapes_parse("--shapes", bad[i], &s, &err) != -EINVAL)
            fail_msg("'%s' is taken", bad[i]);
        assert_non_null(strstr(err.text, "--shapes: "));
    }
}

static void refuses_one_shape_twice_and_more_than_there_is_room_for(void **state)
{
    struct mir_shapes s;
    struct mir_error err = {{0}};
    char text[1024] = "";

    (void)state;
    assert_int_equal(mir_shapes_parse("--shapes", "1,2x48h,4,1x2d", &s, &err), -EINVAL);
    assert_non_null(strstr(err.text, "1 node, 48 h is there twice"));
    assert_int_equal(mir_shapes_parse("--shapes", "1,1x48h", &s, &err), -EINVAL);
    for (int i = 1; i <= MIR_SHAPES_MAX + 1; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", i == 1 ? "" : ",", i);
    strncat(text, "x1h", sizeof text - strlen(text) - 1);
    assert_int_equal(mir_shapes_parse("--shapes", text, &s, &err), -EINVAL);
    assert_non_null(strstr(err.text, "at most"));
}

/* Many short jobs, few long ones that hold most of the machine; a month later it is otherwise. */
static void chooses_the_limit_that_holds_the_machine_then_the_commonest(void **state)
{
    struct mir_job jobs[1000] = {{0}};
    struct mir_workload w = {.jobs = jobs, .n_jobs = 1000};
    struct mir_shapes s;

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        jobs[i].submit_at = (int64_t)i;
        jobs[i].n_nodes = i % 100 == 0 ? 16 : 1;
        jobs[i].limit_s = i % 100 == 0 ? 86400 : i % 2 == 0 ? 600 : i % 3 == 0 ? 14400 : 7200;
        jobs[i].run_s = i % 100 == 0 ? 80000 : 60;
        if (i >= 900) /* not to be looked at */
            jobs[i] = (struct mir_job){
                .submit_at = (int64_t)i, .n_nodes = 64, .limit_s = 3600, .run_s = 3600};
    }
    mir_shapes_choose(&w, 40, 900, &s);
    assert_int_equal(s.n, 4 + 2 * 2); /* 16 nodes are more than a quarter of 40 */
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(s.list[i].n_nodes, 1u << i);
        assert_int_equal(s.list[i].limit_s, 86400);
    }
    assert_int_equal(s.list[4].limit_s, 7200); /* ten minutes are commoner, and too short */
    assert_int_equal(s.list[5].n_nodes, 4);
    assert_int_equal(s.list[6].limit_s, 14400);
}

static void chooses_something_where_the_log_gives_no_limit(void **state)
{
    struct mir_job job = {.n_nodes = 1, .limit_s = MIR_UNLIMITED, .run_s = 60};
    struct mir_workload w = {.jobs = &job, .n_jobs = 1};
    struct mir_shapes s;

    (void)state;
    mir_shapes_choose(&w, 2, INT64_MAX, &s);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.list[0].n_nodes, 1);
    assert_int_equal(s.list[0].limit_s, 172800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_sizes_and_the_limit_after_them),
        cmocka_unit_test(refuses_what_is_no_list_and_shows_it),
        cmocka_unit_test(refuses_one_shape_twice_and_more_than_there_is_room_for),
        cmocka_unit_test(chooses_the_limit_that_holds_the_machine_then_the_commonest),
        cmocka_unit_test(chooses_something_where_the_log_gives_no_limit),
    };

    return cmocka_run_group_tests_name("train_shapes", tests, NULL, NULL);
}
