/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_log_cut.c - a log as it was at one instant. */
#include "models/train/log_cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/rng.h"

enum { CUT = 10000 };

static struct mir_job *
add(struct mir_joblog *log, int64_t submit_at, int32_t wait_s, int32_t run_s, int32_t limit_s)
{
    struct mir_job *job = mir_joblog_add(log);

    job->submit_at = submit_at;
    job->wait_s = wait_s;
    job->run_s = run_s;
    job->limit_s = limit_s;
    job->n_nodes = 1;
    job->priority = 77;
    job->state = MIR_STATE_COMPLETED;
    return job;
}

static void keeps_what_was_over_and_removes_what_came_later(void **state)
{
    struct mir_joblog log;

    (void)state;
    mir_joblog_init(&log);
    add(&log, 100, 50, 500, 3600);
    add(&log, CUT, 0, 10, 3600);
    add(&log, 9000, 0, 1000, 3600); /* ends at the very instant: that is known */
    add(&log, CUT + 5, 0, 10, 3600);
    mir_joblog_forget_after(&log, CUT);
    assert_int_equal(log.n_jobs, 2);
    assert_int_equal(log.jobs[0].run_s, 500);
    assert_int_equal(log.jobs[0].priority, 77);
    assert_int_equal(log.jobs[1].run_s, 1000);
    assert_int_equal(log.jobs[1].state, MIR_STATE_COMPLETED);
    mir_joblog_release(&log);
}

static void forgets_the_end_of_what_ran(void **state)
{
    struct mir_joblog log;

    (void)state;
    mir_joblog_init(&log);
    add(&log, 9000, 500, 501, 3600);
    add(&log, 9000, 500, 800, MIR_UNLIMITED);
    mir_joblog_forget_after(&log, CUT);
    assert_int_equal(log.jobs[0].run_s, 3600);
    assert_int_equal(log.jobs[0].wait_s, 500);
    assert_int_equal(log.jobs[0].state, MIR_STATE_RUNNING);
    assert_int_equal(log.jobs[1].run_s, 500); /* so long it had run */
    mir_joblog_release(&log);
}

static void forgets_the_start_of_what_waited(void **state)
{
    struct mir_joblog log;

    (void)state;
    mir_joblog_init(&log);
    add(&log, 9000, 1000, 60, 3600);
    add(&log, 9000, 5000, 60, MIR_UNKNOWN);
    mir_joblog_forget_after(&log, CUT);
    assert_int_equal(log.jobs[0].wait_s, MIR_UNKNOWN);
    assert_int_equal(log.jobs[0].run_s, 3600);
    assert_int_equal(log.jobs[0].priority, 0);
    assert_int_equal(log.jobs[0].state, MIR_STATE_PENDING);
    assert_int_equal(log.jobs[1].run_s, MIR_UNKNOWN);
    mir_joblog_release(&log);
}

/* Whatever happens later: the log that is left is the same, byte for byte. */
static void two_logs_with_one_past_are_one(void **state)
{
    struct mir_joblog a, b;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 3);
    mir_joblog_init(&a);
    mir_joblog_init(&b);
    for (int i = 0; i < 2000; i++) {
        int64_t submit_at = (int64_t)mir_rng_below(&rng, 2 * CUT);
        int32_t wait_s = (int32_t)mir_rng_below(&rng, 4000);
        int32_t run_s = (int32_t)mir_rng_below(&rng, 4000) + 1;
        int64_t start_at = submit_at + wait_s;
        int32_t later_s = (int32_t)mir_rng_below(&rng, 900);

        if (submit_at < CUT)
            add(&a, submit_at, wait_s, run_s, 4000);
        else
            continue;
        if (start_at >= CUT) /* another start and another run */
            add(&b, submit_at, wait_s + later_s, later_s + 1, 4000)->priority = 1;
        else if (start_at + run_s > CUT)
            add(&b, submit_at, wait_s, run_s + later_s, 4000)->state = MIR_STATE_FAILED;
        else
            add(&b, submit_at, wait_s, run_s, 4000);
        if (later_s % 3 == 0)
            add(&b, CUT + later_s, 0, 5, 5);
    }
    mir_joblog_forget_after(&a, CUT);
    mir_joblog_forget_after(&b, CUT);
    assert_true(a.n_jobs > 500);
    assert_int_equal(a.n_jobs, b.n_jobs);
    assert_memory_equal(a.jobs, b.jobs, a.n_jobs * sizeof(*a.jobs));
    mir_joblog_release(&a);
    mir_joblog_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_was_over_and_removes_what_came_later),
        cmocka_unit_test(forgets_the_end_of_what_ran),
        cmocka_unit_test(forgets_the_start_of_what_waited),
        cmocka_unit_test(two_logs_with_one_past_are_one),
    };

    return cmocka_run_group_tests_name("train_log_cut", tests, NULL, NULL);
}
