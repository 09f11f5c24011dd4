/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_joblog.c - a job log in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/rng.h"
#include "daemon/host/joblog.h"

static void numbers_names_in_the_order_of_first_use(void **state)
{
    struct mir_joblog log;

    (void)state;
    mir_joblog_init(&log);
    assert_int_equal(mir_names_add(&log.users, "", 0), 0);
    assert_int_equal(mir_names_add(&log.users, "ada", 3), 1);
    assert_int_equal(mir_names_add(&log.users, "bob", 3), 2);
    assert_int_equal(mir_names_add(&log.users, "adam", 3), 1);
    assert_int_equal(mir_names_add(&log.users, "adam", 4), 3);
    assert_int_equal(mir_names_find(&log.users, "bob", 3), 2);
    assert_int_equal(mir_names_find(&log.users, "eve", 3), 0);
    assert_int_equal(mir_names_find(&log.accounts, "bob", 3), 0);
    assert_string_equal(mir_names_get(&log.users, 3), "adam");
    assert_string_equal(mir_names_get(&log.users, 0), "");
    assert_string_equal(mir_names_get(&log.users, 4), "");
    assert_string_equal(mir_names_get(&log.users, UINT32_MAX), "");
    mir_joblog_release(&log);
}

static void keeps_a_hundred_thousand_names_apart(void **state)
{
    struct mir_joblog log;
    char name[32];

    (void)state;
    mir_joblog_init(&log);
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 1; i <= 100000; i++) {
            int len = snprintf(name, sizeof(name), "user%u", i * 7);

            assert_int_equal(mir_names_add(&log.names, name, (size_t)len), i);
        }
    assert_int_equal(log.names.n, 100001);
    for (uint32_t i = 1; i <= 100000; i++) {
        int len = snprintf(name, sizeof(name), "user%u", i * 7);

        assert_int_equal(mir_names_find(&log.names, name, (size_t)len), i);
        assert_string_equal(mir_names_get(&log.names, i), name);
    }
    mir_joblog_release(&log);
}

/* Names of one byte, all 256: NUL among them, which a job name may hold. */
static void tells_names_of_any_byte_apart(void **state)
{
    struct mir_names names = {0};
    struct mir_joblog log = {0};

    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        char c = (char)i;

        assert_int_equal(mir_names_find(&names, &c, 1), 0);
        assert_int_equal(mir_names_add(&names, &c, 1), i + 1);
    }
    log.users = names;
    mir_joblog_release(&log);
}

static void appends_jobs_of_which_nothing_is_known(void **state)
{
    struct mir_joblog log;
    const struct mir_job *job;

    (void)state;
    mir_joblog_init(&log);
    job = mir_joblog_add(&log);
    assert_int_equal(job->wait_s, MIR_UNKNOWN);
    assert_int_equal(job->run_s, MIR_UNKNOWN);
    assert_int_equal(job->limit_s, MIR_UNKNOWN);
    assert_int_equal(job->array_task, MIR_UNKNOWN);
    assert_int_equal(job->eligible_s, 0);
    assert_int_equal(job->n_nodes, 0);
    assert_int_equal(job->user, 0);
    assert_int_equal(job->state, MIR_STATE_UNKNOWN);
    assert_int_equal(log.n_jobs, 1);
    mir_joblog_release(&log);
}

static void gives_extras_to_those_who_ask(void **state)
{
    struct mir_joblog log;
    const struct mir_job_extra *none;

    (void)state;
    mir_joblog_init(&log);
    for (int i = 0; i < 100; i++) {
        struct mir_job *job = mir_joblog_add(&log);

        if (i % 2 == 1)
            mir_joblog_extra(&log, job)->nice = i;
        if (i % 2 == 1)
            assert_int_equal(mir_joblog_extra(&log, job)->nice, i);
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(mir_joblog_get_extra(&log, &log.jobs[i])->nice, i % 2 == 1 ? i : 0);
    none = mir_joblog_get_extra(&log, &log.jobs[0]);
    assert_int_equal(none->cancelled_s, MIR_UNKNOWN);
    assert_int_equal(none->mem_bytes, 0);
    mir_joblog_release(&log);
    mir_joblog_release(&log);
}

/* Few different values, so that ties of every kind occur; `user` remembers the place. */
static void fill_at_random(struct mir_joblog *log, uint64_t seed, uint32_t n)
{
    struct mir_rng rng;

    mir_rng_init(&rng, seed);
    for (uint32_t i = 0; i < n; i++) {
        struct mir_job *job = mir_joblog_add(log);

        job->submit_at = (int64_t)mir_rng_below(&rng, n / 8 + 1) - n / 16;
        job->id = (uint32_t)mir_rng_below(&rng, 3);
        job->array_task = (int32_t)mir_rng_below(&rng, 3) - 1;
        job->user = i;
    }
}

static void assert_ordered(const struct mir_joblog *log)
{
    for (size_t i = 1; i < log->n_jobs; i++) {
        const struct mir_job *a = &log->jobs[i - 1];
        const struct mir_job *b = &log->jobs[i];

        if (a->submit_at != b->submit_at)
            assert_true(a->submit_at < b->submit_at);
        else if (a->id != b->id)
            assert_true(a->id < b->id);
        else if (a->array_task != b->array_task)
            assert_true(a->array_task < b->array_task);
        else
            assert_true(a->user < b->user);
    }
}

static void sorts_stably_and_loses_no_job(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 300; n++) {
        struct mir_joblog log;
        uint64_t sum = 0;

        mir_joblog_init(&log);
        fill_at_random(&log, n, n);
        mir_joblog_sort(&log);
        assert_true(log.sorted);
        assert_ordered(&log);
        for (uint32_t i = 0; i < n; i++)
            sum += log.jobs[i].user;
        assert_int_equal(log.n_jobs, n);
        assert_int_equal(sum, (uint64_t)n * (n > 0 ? n - 1 : 0) / 2);
        mir_joblog_release(&log);
    }
}

static void sorts_a_large_log_and_then_leaves_it_alone(void **state)
{
    struct mir_joblog log;
    struct mir_job *before;

    (void)state;
    mir_joblog_init(&log);
    fill_at_random(&log, 99, 200000);
    assert_false(log.sorted);
    mir_joblog_sort(&log);
    assert_ordered(&log);
    before = log.jobs;
    mir_joblog_sort(&log);
    assert_ptr_equal(log.jobs, before);
    assert_ordered(&log);
    mir_joblog_release(&log);
}

static void labels_jobs_as_slurm_does(void **state)
{
    struct mir_job job = {.id = 123, .array_task = MIR_UNKNOWN};
    char buf[32];

    (void)state;
    assert_string_equal(mir_job_label(&job, buf), "123");
    job.array_task = 4;
    assert_string_equal(mir_job_label(&job, buf), "123_4");
    job.id = UINT32_MAX;
    job.array_task = INT32_MAX;
    assert_string_equal(mir_job_label(&job, buf), "4294967295_2147483647");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_names_in_the_order_of_first_use),
        cmocka_unit_test(keeps_a_hundred_thousand_names_apart),
        cmocka_unit_test(tells_names_of_any_byte_apart),
        cmocka_unit_test(appends_jobs_of_which_nothing_is_known),
        cmocka_unit_test(gives_extras_to_those_who_ask),
        cmocka_unit_test(sorts_stably_and_loses_no_job),
        cmocka_unit_test(sorts_a_large_log_and_then_leaves_it_alone),
        cmocka_unit_test(labels_jobs_as_slurm_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
