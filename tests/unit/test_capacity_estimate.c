/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_capacity_estimate.c - how many nodes there were, and from when on a log
 * can be trusted: against schedules made here on a machine that is known.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "traces/generate/generate.h"
#include "traces/reader/reader.h"
#include "traces/stats/stats.h"

enum { DAY_S = 86400 };

static const int64_t START_AT = INT64_C(19723) * DAY_S;

/* The machine of the test. */
static const struct mir_capacity_step machine[] = {
    {.at = INT64_C(19723) * DAY_S, .n_nodes = 76},
    {.at = INT64_C(19733) * DAY_S, .n_nodes = 60},
    {.at = INT64_C(19743) * DAY_S, .n_nodes = 76},
    {.at = INT64_C(19750) * DAY_S, .n_nodes = 30}, /* an outage of a day */
    {.at = INT64_C(19751) * DAY_S, .n_nodes = 70},
};

enum { N_STEPS = sizeof machine / sizeof *machine, N_DAYS = 40 };

static size_t step_at(int64_t at)
{
    size_t i = N_STEPS - 1;

    while (i > 0 && machine[i].at > at)
        i--;
    return i;
}

/* Nodes busy at `at` among the first `n` jobs, and the next end after it. */
static uint32_t busy_at(const struct mir_joblog *log, size_t n, int64_t at, int64_t *next_at)
{
    uint32_t busy = 0;

    for (size_t i = 0; i < n; i++) {
        const struct mir_job *j = &log->jobs[i];
        int64_t end = j->submit_at + j->wait_s + j->run_s;

        if (end <= at)
            continue;
        busy += j->n_nodes;
        if (end < *next_at)
            *next_at = end;
    }
    return busy;
}

/* First come, first served: slow, and too simple to be wrong. */
static void schedule(struct mir_joblog *log)
{
    int64_t at = INT64_MIN;

    for (size_t i = 0; i < log->n_jobs; i++) {
        struct mir_job *j = &log->jobs[i];

        if (at < j->submit_at)
            at = j->submit_at;
        for (;;) {
            size_t step = step_at(at);
            int64_t next_at = step + 1 < N_STEPS ? machine[step + 1].at : INT64_MAX;

            if (busy_at(log, i, at, &next_at) + j->n_nodes <= machine[step].n_nodes)
                break;
            at = next_at;
        }
        j->wait_s = (int32_t)(at - j->submit_at);
    }
}

/* Short jobs of one and two nodes, so that a queue fills the machine to the last node. */
static void make_log(struct mir_joblog *log, double jobs_per_day)
{
    struct mir_generate_params p;
    struct mir_error err;

    mir_generate_default(&p);
    p.jobs_per_day = jobs_per_day;
    p.week_spread = 0.1;
    p.n_shapes = 2;
    p.shapes[0] = (struct mir_generate_shape){1, 4 * 3600, 0.8, 0.2, 0.1, 0.5, 0.2};
    p.shapes[1] = (struct mir_generate_shape){2, 2 * 3600, 0.2, 0.2, 0.1, 0.5, 0.2};
    mir_joblog_init(log);
    assert_int_equal(mir_generate(&p, 1, N_DAYS * DAY_S, START_AT, log, &err), 0);
    schedule(log);
}

/* The mean of every step, its first half day aside: what runs then was started before. */
static void expect_machine(const struct mir_capacity *c, size_t first, size_t last)
{
    for (size_t i = first; i <= last; i++) {
        int64_t from = machine[i].at + DAY_S / 2;
        int64_t to = i + 1 < N_STEPS ? machine[i + 1].at : START_AT + (N_DAYS - 1) * DAY_S;
        double mean = mir_capacity_mean(c, from, to);

        if (!(fabs(mean - machine[i].n_nodes) <= 0.03 * machine[i].n_nodes))
            fail_msg("step %zu: %g nodes, not %u", i, mean, machine[i].n_nodes);
    }
}

static void finds_the_machines_steps_again(void **state)
{
    struct mir_capacity_options options;
    struct mir_capacity c;
    struct mir_joblog log;
    struct mir_error err;

    (void)state;
    mir_capacity_options_init(&options);
    make_log(&log, 900);
    assert_int_equal(mir_capacity_estimate(&log, &options, &c, &err), 0);
    expect_machine(&c, 0, N_STEPS - 1);
    for (size_t i = 0; i < c.n_steps; i++) {
        assert_int_equal(c.steps[i].node_set, 0);
        assert_true(i == 0 || c.steps[i].at > c.steps[i - 1].at);
        assert_true(i == 0 || c.steps[i].n_nodes != c.steps[i - 1].n_nodes);
    }
    assert_true(c.steps[0].at <= log.jobs[0].submit_at);
    mir_capacity_release(&c);
    mir_joblog_release(&log);
}

/* Where nobody waits, a quiet night is no outage: the level of the weeks around holds. */
static void quiet_times_keep_the_level(void **state)
{
    struct mir_capacity_options options;
    struct mir_capacity c;
    struct mir_joblog log;
    struct mir_error err;

    (void)state;
    mir_capacity_options_init(&options);
    make_log(&log, 450);
    assert_int_equal(mir_capacity_estimate(&log, &options, &c, &err), 0);
    for (int d = 0; d < N_DAYS; d++) {
        int64_t at = START_AT + d * (int64_t)DAY_S;

        if (step_at(at) != 3)
            assert_true(mir_capacity_mean(&c, at, at + DAY_S) > 50);
    }
    mir_capacity_release(&c);
    mir_joblog_release(&log);
}

static void never_exceeds_the_machine_the_log_tells(void **state)
{
    struct mir_capacity_options options;
    struct mir_capacity c;
    struct mir_joblog log;
    struct mir_error err;

    (void)state;
    mir_capacity_options_init(&options);
    make_log(&log, 900);
    log.n_nodes = 65;
    assert_int_equal(mir_capacity_estimate(&log, &options, &c, &err), 0);
    for (size_t i = 0; i < c.n_steps; i++)
        assert_true(c.steps[i].n_nodes <= 65);
    mir_capacity_release(&c);
    mir_joblog_release(&log);
}

static void refuses_options_that_make_no_sense(void **state)
{
    struct mir_capacity_options good, bad[7];
    struct mir_capacity c = {.n_steps = 12345};
    struct mir_joblog log;
    struct mir_error err;

    (void)state;
    mir_capacity_options_init(&good);
    for (size_t i = 0; i < 7; i++)
        bad[i] = good;
    bad[0].window_s = 59;
    bad[1].quantile = 0;
    bad[2].quantile = (double)NAN;
    bad[3].min_wait_s = -1;
    bad[4].min_users = 0;
    bad[5].min_share = 1.1;
    bad[6].level_s = -1;
    make_log(&log, 100);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(mir_capacity_estimate(&log, &bad[i], &c, &err), -EINVAL);
    for (size_t i = 0; i < log.n_jobs; i++)
        log.jobs[i].wait_s = MIR_UNKNOWN;
    assert_int_equal(mir_capacity_estimate(&log, &good, &c, &err), -ENODATA);
    log.jobs[0].wait_s = log.jobs[1].wait_s = 0;
    log.jobs[1].submit_at = INT64_MAX / 2;
    assert_int_equal(mir_capacity_estimate(&log, &good, &c, &err), -EINVAL);
    assert_int_equal(c.n_steps, 12345);
    mir_joblog_release(&log);
}

static void mean_weighs_by_time(void **state)
{
    struct mir_capacity_step steps[] = {{.at = 100, .n_nodes = 10}, {.at = 200, .n_nodes = 20}};
    const struct mir_capacity c = {.steps = steps, .n_steps = 2}, none = {0};

    (void)state;
    assert_true(fabs(mir_capacity_mean(&c, 0, 400) - 15) < 1e-12); /* the first reaches back */
    assert_true(fabs(mir_capacity_mean(&c, 150, 250) - 15) < 1e-12);
    assert_true(fabs(mir_capacity_mean(&c, 190, 230) - 17.5) < 1e-12);
    assert_true(fabs(mir_capacity_mean(&c, 300, 300)) < 1e-12);
    assert_true(fabs(mir_capacity_mean(&none, 0, 10)) < 1e-12);
}

/* A log from its machine's first day on has nothing to hide. */
static void whole_log_has_no_left_edge(void **state)
{
    struct mir_joblog log;
    int64_t at = 12345;

    (void)state;
    make_log(&log, 700);
    assert_false(mir_log_left_edge(&log, &at));
    mir_joblog_release(&log);
}

/* The same schedule without what started in its first eight busy days. */
static void cut_log_has_a_left_edge(void **state)
{
    int64_t cut_at = START_AT + 8 * DAY_S, at = 0;
    struct mir_joblog log;
    size_t n = 0;

    (void)state;
    make_log(&log, 1100);
    for (size_t i = 0; i < log.n_jobs; i++) {
        if (log.jobs[i].submit_at + log.jobs[i].wait_s >= cut_at)
            log.jobs[n++] = log.jobs[i];
    }
    assert_true(n < log.n_jobs);
    log.n_jobs = n;
    assert_true(mir_log_left_edge(&log, &at));
    /* Behind the cut, before long: the queue of then was a matter of days. */
    assert_true(at > cut_at && at <= cut_at + 10 * DAY_S);
    mir_joblog_release(&log);
}

static bool read_tacc(struct mir_joblog *log)
{
    const char *folder = getenv("MIRAGE_SHARED");
    const struct mir_read_options options = {0};
    struct mir_read_result result;
    struct mir_error err;
    char path[512];

    snprintf(path, sizeof path, "%s/traces/tacc-ls6-a100_2022-10_2023-02.log.xz",
             folder != NULL ? folder : MIR_SOURCE_DIR "/../shared");
    if (access(path, R_OK) != 0)
        return false;
    mir_joblog_init(log);
    assert_int_equal(mir_log_read(path, &options, log, &result, &err), 0);
    return true;
}

/* The log's README: skip submissions before about 2022-11-14. */
static void tacc_log_has_a_left_edge(void **state)
{
    struct mir_joblog log;
    int64_t at = 0;

    (void)state;
    if (!read_tacc(&log))
        skip();
    assert_true(mir_log_left_edge(&log, &at));
    assert_true(at >= INT64_C(1667260800) && at <= INT64_C(1669334400)); /* 11-01 to 11-25 */
    mir_joblog_release(&log);
}

/*
 * 76 nodes, of which not all are there all the time: by the log's README 69 to
 * 76 in December and February, 80 in January.  One week has an outage of half
 * the machine; the others are within 66 and 84.
 */
static void tacc_log_has_about_76_nodes(void **state)
{
    struct mir_stats_options options;
    struct mir_log_stats s;
    struct mir_joblog log;
    struct mir_error err;
    int low = 0;

    (void)state;
    if (!read_tacc(&log))
        skip();
    mir_stats_options_init(&options);
    options.from_at = INT64_C(1668384000); /* 2022-11-14 */
    assert_int_equal(mir_log_stats_compute(&log, &options, &s, &err), 0);
    assert_int_equal(s.n_weeks, 16);
    for (size_t i = 0; i < s.n_weeks; i++) {
        assert_true(s.weeks[i].capacity > 60 && s.weeks[i].capacity < 84);
        low += s.weeks[i].capacity < 66;
    }
    assert_true(low <= 1);
    assert_true(s.capacity > 70 && s.capacity < 77);
    mir_log_stats_release(&s);
    mir_joblog_release(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_machines_steps_again),
        cmocka_unit_test(quiet_times_keep_the_level),
        cmocka_unit_test(never_exceeds_the_machine_the_log_tells),
        cmocka_unit_test(refuses_options_that_make_no_sense),
        cmocka_unit_test(mean_weighs_by_time),
        cmocka_unit_test(whole_log_has_no_left_edge),
        cmocka_unit_test(cut_log_has_a_left_edge),
        cmocka_unit_test(tacc_log_has_a_left_edge),
        cmocka_unit_test(tacc_log_has_about_76_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
