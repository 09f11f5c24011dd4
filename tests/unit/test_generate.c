/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_generate.c - the synthetic workload is the same each time, and as its parameters say. */
#include "traces/generate/generate.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY_S = 86400, WEEK_S = 7 * DAY_S };

static const int64_t START_AT = INT64_C(19723) * DAY_S; /* 2024-01-01, a Monday */

static void
make(const struct mir_generate_params *p, uint64_t seed, int64_t days, struct mir_joblog *log)
{
    struct mir_error err;

    mir_joblog_init(log);
    assert_int_equal(mir_generate(p, seed, days * DAY_S, START_AT, log, &err), 0);
}

/* FNV-1a over the fields, not the bytes, so that it is the same everywhere. */
static uint64_t fingerprint(const struct mir_joblog *log)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < log->n_jobs; i++) {
        const struct mir_job *j = &log->jobs[i];
        const uint64_t fields[] = {
            (uint64_t)j->submit_at,
            j->id,
            (uint64_t)j->run_s,
            (uint64_t)j->limit_s,
            j->n_nodes,
            j->user,
            j->account,
            j->name,
            j->state,
        };

        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
            h = (h ^ fields[k]) * UINT64_C(1099511628211);
    }
    return h;
}

static void same_seed_gives_the_same_log(void **state)
{
    struct mir_generate_params p;
    struct mir_joblog a, b, c;

    (void)state;
    mir_generate_default(&p);
    make(&p, 1, 30, &a);
    make(&p, 1, 30, &b);
    make(&p, 2, 30, &c);
    assert_int_equal(a.n_jobs, b.n_jobs);
    assert_memory_equal(a.jobs, b.jobs, a.n_jobs * sizeof *a.jobs);
    assert_true(fingerprint(&a) != fingerprint(&c));
    mir_joblog_release(&a);
    mir_joblog_release(&b);
    mir_joblog_release(&c);
}

/* Changes only when the default workload is changed on purpose. */
static void default_log_of_seed_1_is_what_it_was(void **state)
{
    struct mir_generate_params p;
    struct mir_joblog log;

    (void)state;
    mir_generate_default(&p);
    make(&p, 1, 60, &log);
    assert_int_equal(log.n_jobs, 8597);
    assert_true(fingerprint(&log) == UINT64_C(18071688901322513744));
    mir_joblog_release(&log);
}

static void jobs_are_complete_sorted_and_possible(void **state)
{
    struct mir_generate_params p;
    struct mir_joblog log;

    (void)state;
    mir_generate_default(&p);
    make(&p, 3, 60, &log);
    assert_true(log.sorted);
    assert_int_equal(log.n_nodes, p.n_nodes);
    for (size_t i = 0; i < log.n_jobs; i++) {
        const struct mir_job *j = &log.jobs[i];

        assert_int_equal(j->id, i + 1);
        assert_true(i == 0 || j->submit_at >= log.jobs[i - 1].submit_at);
        assert_true(j->submit_at >= START_AT && j->submit_at < START_AT + 60 * DAY_S);
        assert_true(j->run_s >= 1 && j->run_s <= j->limit_s);
        assert_true(j->n_nodes >= 1 && j->n_nodes <= p.n_nodes);
        assert_true(j->user > 0 && j->account > 0 && j->name > 0);
        assert_int_equal(j->wait_s, MIR_UNKNOWN);
        assert_int_equal(j->state == MIR_STATE_TIMEOUT, j->run_s == j->limit_s);
    }
    mir_joblog_release(&log);
}

static double node_s(const struct mir_job *j)
{
    return (double)j->n_nodes * j->run_s;
}

static double load_of(const struct mir_joblog *log, int64_t from_at, int64_t to_at)
{
    double sum = 0;

    for (size_t i = 0; i < log->n_jobs; i++) {
        if (log->jobs[i].submit_at >= from_at && log->jobs[i].submit_at < to_at)
            sum += node_s(&log->jobs[i]);
    }
    return sum / (double)(to_at - from_at) / log->n_nodes;
}

/* The promise of mir_generate_default(), over seeds. */
static void default_has_light_medium_and_heavy_weeks(void **state)
{
    struct mir_generate_params p;
    double all = 0;
    int light = 0, heavy = 0, n = 0;

    (void)state;
    mir_generate_default(&p);
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct mir_joblog log;

        make(&p, seed, 56, &log);
        for (int w = 0; w < 8; w++) {
            double load = load_of(&log, START_AT + w * WEEK_S, START_AT + (w + 1) * WEEK_S);

            light += load < 0.8;
            heavy += load > 0.9;
            n++;
            assert_true(load > 0.35 && load < 1.5);
            all += load;
        }
        mir_joblog_release(&log);
    }
    assert_true(light >= n / 5);
    assert_true(heavy >= n / 10); /* enough for days of backlog */
    assert_true(fabs(all / n - mir_generate_offered_load(&p)) < 0.06);
}

static int compare_double(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Users ask for far more than they use: the figures for such a log. */
static void default_limits_are_overestimated(void **state)
{
    struct mir_generate_params p;
    struct mir_joblog log;
    double *ratio, hits = 0;

    (void)state;
    mir_generate_default(&p);
    make(&p, 5, 200, &log);
    ratio = calloc(log.n_jobs, sizeof *ratio);
    for (size_t i = 0; i < log.n_jobs; i++) {
        ratio[i] = (double)log.jobs[i].run_s / log.jobs[i].limit_s;
        hits += ratio[i] >= 0.98;
    }
    qsort(ratio, log.n_jobs, sizeof *ratio, compare_double);
    assert_true(ratio[log.n_jobs / 2] > 0.05 && ratio[log.n_jobs / 2] < 0.1);
    assert_true(fabs(hits / (double)log.n_jobs - 0.165) < 0.02);
    free(ratio);
    mir_joblog_release(&log);
}

/* Each share within four standard errors of a sum of batches. */
static void shapes_keep_their_shares(void **state)
{
    struct mir_generate_params p;
    struct mir_joblog log;

    (void)state;
    mir_generate_default(&p);
    make(&p, 8, 400, &log);
    for (uint32_t s = 0; s < p.n_shapes; s++) {
        double n = 0, share;

        for (size_t i = 0; i < log.n_jobs; i++)
            n += log.jobs[i].n_nodes == p.shapes[s].n_nodes &&
                 log.jobs[i].limit_s == p.shapes[s].limit_s;
        share = n / (double)log.n_jobs;
        assert_true(fabs(share - p.shapes[s].share) < 0.15 * p.shapes[s].share + 0.002);
    }
    mir_joblog_release(&log);
}

static void rhythm_follows_hours_and_weekdays(void **state)
{
    struct mir_generate_params p;
    struct mir_joblog log;
    double hours[24] = {0}, days[7] = {0}, n;

    (void)state;
    mir_generate_default(&p);
    p.batch_mean = 1;
    p.week_spread = 0;
    make(&p, 9, 700, &log);
    n = (double)log.n_jobs;
    for (size_t i = 0; i < log.n_jobs; i++) {
        int64_t s = log.jobs[i].submit_at - START_AT;

        hours[s % DAY_S / 3600]++;
        days[s / DAY_S % 7]++;
    }
    for (int i = 0; i < 24; i++)
        assert_true(fabs(hours[i] / n * 24 - p.hour_factor[i]) < 0.08);
    for (int i = 0; i < 7; i++)
        assert_true(fabs(days[i] / n * 7 - p.weekday_factor[i]) < 0.04);
    assert_true(fabs(n / 700 / p.jobs_per_day - 1) < 0.02);
    mir_joblog_release(&log);
}

/* From a start that is no midnight, the hours are still the clock's. */
static void rhythm_keeps_to_the_clock(void **state)
{
    struct mir_generate_params p;
    struct mir_joblog log;
    struct mir_error err;

    (void)state;
    mir_generate_default(&p);
    memset(p.hour_factor, 0, sizeof p.hour_factor);
    p.hour_factor[13] = 24;
    p.batch_mean = 1;
    mir_joblog_init(&log);
    assert_int_equal(mir_generate(&p, 1, 30 * DAY_S, -12345, &log, &err), 0);
    assert_true(log.n_jobs > 1000);
    for (size_t i = 0; i < log.n_jobs; i++)
        assert_int_equal(((log.jobs[i].submit_at % DAY_S + DAY_S) % DAY_S) / 3600, 13);
    mir_joblog_release(&log);
}

static void users_submit_bursts(void **state)
{
    struct mir_generate_params p;
    struct mir_joblog log;
    double near = 0;

    (void)state;
    mir_generate_default(&p);
    p.batch_mean = 5;
    p.batch_gap_s = 0;
    make(&p, 4, 100, &log);
    for (size_t i = 1; i < log.n_jobs; i++)
        near += log.jobs[i].submit_at == log.jobs[i - 1].submit_at;
    /* Of a batch of five, four follow at once. */
    assert_true(fabs(near / (double)log.n_jobs - 0.8) < 0.03);
    mir_joblog_release(&log);
}

static void refuses_durations_that_make_no_sense(void **state)
{
    struct mir_generate_params p;
    struct mir_joblog log;
    struct mir_error err;
    const int64_t bad[] = {0, -1, INT64_MIN, INT64_MAX, INT64_C(1) << 50};

    (void)state;
    mir_generate_default(&p);
    mir_joblog_init(&log);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(mir_generate(&p, 1, bad[i], START_AT, &log, &err), -EINVAL);
        assert_non_null(strstr(err.text, "duration"));
    }
    p.jobs_per_day = 1e8;
    assert_int_equal(mir_generate(&p, 1, 30 * DAY_S, START_AT, &log, &err), -EINVAL);
    p.n_shapes = 0;
    assert_int_equal(mir_generate(&p, 1, 30 * DAY_S, START_AT, &log, &err), -EINVAL);
    assert_non_null(strstr(err.text, "shape"));
    assert_int_equal(log.n_jobs, 0);
    mir_joblog_release(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_the_same_log),
        cmocka_unit_test(default_log_of_seed_1_is_what_it_was),
        cmocka_unit_test(jobs_are_complete_sorted_and_possible),
        cmocka_unit_test(default_has_light_medium_and_heavy_weeks),
        cmocka_unit_test(default_limits_are_overestimated),
        cmocka_unit_test(shapes_keep_their_shares),
        cmocka_unit_test(rhythm_follows_hours_and_weekdays),
        cmocka_unit_test(rhythm_keeps_to_the_clock),
        cmocka_unit_test(users_submit_bursts),
        cmocka_unit_test(refuses_durations_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
