/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_live.c - which job is meant, and names that go over the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/host/live.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define OTHER_TOKEN "f123456789abcdef0123456789abcdef"
#define COMMENT "mirage mirage=abcdef27.1." TOKEN

static void finds_a_job_by_its_id(void **state)
{
    struct mir_live_job jobs[] = {{.id = 3}, {.id = 5}, {.id = 9}, {.id = UINT32_MAX}};
    struct mir_live_jobs list = {.jobs = jobs, .n_jobs = 4};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_ptr_equal(mir_live_jobs_find(&list, jobs[i].id), &jobs[i]);
    assert_null(mir_live_jobs_find(&list, 0));
    assert_null(mir_live_jobs_find(&list, 4));
    assert_null(mir_live_jobs_find(&list, 10));
    list.n_jobs = 0;
    assert_null(mir_live_jobs_find(&list, 3));
}

static void knows_a_job_from_one_that_was_given_its_id(void **state)
{
    static const struct {
        struct mir_live_job job;
        struct mir_job_identity who;
        uint32_t restarts_seen;
        bool same;
    } cases[] = {
        /* the user's own: id, uid, submit time */
        {{.id = 7, .uid = 5, .submit_at = 100}, {7, 5, 100, ""}, 0, true},
        {{.id = 8, .uid = 5, .submit_at = 100}, {7, 5, 100, ""}, 0, false},
        {{.id = 7, .uid = 6, .submit_at = 100}, {7, 5, 100, ""}, 0, false},
        {{.id = 7, .uid = 5, .submit_at = 101}, {7, 5, 100, ""}, 0, false},
        {{.id = 7, .uid = 5, .submit_at = 150, .restarts = 1}, {7, 5, 100, ""}, 0, true},
        {{.id = 7, .uid = 5, .submit_at = 150, .restarts = 1}, {7, 5, 100, ""}, 1, false},
        {{.id = 7, .uid = 5, .submit_at = 0}, {7, 5, 0, ""}, 0, false},
        {{.id = 7, .uid = 5, .submit_at = 100, .restarts = 1}, {7, 5, 0, ""}, 0, false},
        {{.id = 0, .uid = 5, .submit_at = 100}, {0, 5, 100, ""}, 0, false},
        /* ours: the token too */
        {{.id = 7, .uid = 5, .submit_at = 100, .comment = COMMENT}, {7, 5, 100, TOKEN}, 0, true},
        {{.id = 7, .uid = 5, .submit_at = 100, .comment = COMMENT}, {0, 5, 0, TOKEN}, 0, true},
        {{.id = 7, .uid = 5, .submit_at = 0, .comment = COMMENT}, {7, 5, 100, TOKEN}, 0, true},
        {{.id = 7, .uid = 6, .submit_at = 100, .comment = COMMENT}, {0, 5, 0, TOKEN}, 0, false},
        {{.id = 7, .uid = 5, .submit_at = 100, .comment = COMMENT},
         {7, 5, 100, OTHER_TOKEN},
         0,
         false},
        {{.id = 7, .uid = 5, .submit_at = 100, .comment = "mirage"}, {7, 5, 100, TOKEN}, 0, false},
        {{.id = 7, .uid = 5, .submit_at = 101, .comment = COMMENT}, {7, 5, 100, TOKEN}, 0, false},
        {{.id = 7, .uid = 5, .submit_at = 101, .restarts = 3, .comment = COMMENT},
         {7, 5, 100, TOKEN},
         2,
         true},
        /* a copy of the comment in a job of one's own */
        {{.id = 9, .uid = 5, .submit_at = 150, .restarts = 1, .comment = COMMENT},
         {7, 5, 100, TOKEN},
         0,
         false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_live_job job = cases[i].job;

        if (job.comment == NULL)
            job.comment = "";
        if (mir_job_is(&job, &cases[i].who, cases[i].restarts_seen) != cases[i].same)
            fail_msg("case %zu: expected %d", i, cases[i].same);
    }
}

static void every_name_comes_back(void **state)
{
    (void)state;
    for (int i = MIR_REFUSAL_NONE; i <= MIR_REFUSAL_TEMPLATE; i++)
        assert_int_equal(mir_refusal_parse(mir_refusal_name((enum mir_refusal)i)), i);
    for (uint8_t i = MIR_STATE_UNKNOWN; i <= MIR_STATE_OTHER; i++)
        assert_int_equal(mir_job_state_parse(mir_job_state_name(i)), i);
    for (int i = MIR_ENVIRONMENT_NONE; i <= MIR_ENVIRONMENT_LOGIN; i++) {
        enum mir_environment_source source = (enum mir_environment_source)i;

        assert_int_equal(mir_environment_source_parse(mir_environment_source_name(source)), i);
    }
    assert_string_equal(mir_refusal_name(MIR_REFUSAL_NOT_CARRIED), "not_carried");
    assert_string_equal(mir_job_state_name(MIR_STATE_OUT_OF_MEMORY), "OUT_OF_MEMORY");
    assert_string_equal(mir_outcome_name(MIR_OUTCOME_UNAVAILABLE), "unavailable");
    assert_string_equal(mir_environment_source_name(MIR_ENVIRONMENT_STATE_SAVE), "state_save");
}

static void unknown_names_and_numbers_have_a_place(void **state)
{
    (void)state;
    assert_int_equal(mir_refusal_parse("LIMIT"), MIR_REFUSAL_OTHER);
    assert_int_equal(mir_refusal_parse(NULL), MIR_REFUSAL_OTHER);
    assert_int_equal(mir_job_state_parse("running"), MIR_STATE_UNKNOWN);
    assert_int_equal(mir_environment_source_parse(""), MIR_ENVIRONMENT_NONE);
    assert_string_equal(mir_refusal_name((enum mir_refusal)99), "other");
    assert_string_equal(mir_outcome_name((enum mir_outcome)99), "unknown");
    assert_string_equal(mir_job_state_name(200), "UNKNOWN");
    assert_string_equal(mir_environment_source_name((enum mir_environment_source)99), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_job_by_its_id),
        cmocka_unit_test(knows_a_job_from_one_that_was_given_its_id),
        cmocka_unit_test(every_name_comes_back),
        cmocka_unit_test(unknown_names_and_numbers_have_a_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
