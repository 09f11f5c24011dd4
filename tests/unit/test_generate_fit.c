/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_generate_fit.c - fit a log, generate from the fit, and find the log's
 * figures again.  They are computed here, by nothing that the fit uses.
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

#include "daemon/core/rng.h"
#include "traces/generate/generate.h"
#include "traces/reader/reader.h"

enum { DAY_S = 86400, N_SIZES = 4, N_LIMITS = 4, N_QUANTILES = 5 };

static const double quantiles[N_QUANTILES] = {0.1, 0.25, 0.5, 0.75, 0.9};

struct figures {
    double jobs_per_day, node_s_per_day;
    double sizes[N_SIZES], limits[N_LIMITS];
    double ratio[N_QUANTILES], at_limit;
    double hours[24], days[7];
};

static int compare_double(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void measure(const struct mir_joblog *log, int64_t from_at, struct figures *f)
{
    double *ratio = calloc(log->n_jobs, sizeof *ratio), n, span_days;
    int64_t last_at = from_at;
    size_t k = 0;

    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < log->n_jobs; i++) {
        const struct mir_job *j = &log->jobs[i];
        double h = j->limit_s / 3600.0;

        if (j->submit_at < from_at || j->run_s <= 0)
            continue;
        last_at = j->submit_at;
        ratio[k] = fmin((double)j->run_s / j->limit_s, 1);
        f->at_limit += ratio[k++] >= 0.98;
        f->node_s_per_day += (double)j->n_nodes * (j->run_s < j->limit_s ? j->run_s : j->limit_s);
        f->sizes[j->n_nodes <= 1 ? 0 : j->n_nodes <= 4 ? 1 : j->n_nodes <= 16 ? 2 : 3]++;
        f->limits[h <= 1 ? 0 : h <= 12 ? 1 : h < 48 ? 2 : 3]++;
        f->hours[j->submit_at / 3600 % 24]++;
        f->days[(j->submit_at / DAY_S + 3) % 7]++;
    }
    n = (double)k;
    span_days = (double)(last_at - from_at) / DAY_S;
    qsort(ratio, k, sizeof *ratio, compare_double);
    for (int i = 0; i < N_QUANTILES; i++)
        f->ratio[i] = ratio[(size_t)(quantiles[i] * (n - 1))];
    free(ratio);
    f->at_limit /= n;
    f->jobs_per_day = n / span_days;
    f->node_s_per_day /= span_days;
    for (int i = 0; i < N_SIZES; i++)
        f->sizes[i] /= n;
    for (int i = 0; i < N_LIMITS; i++)
        f->limits[i] /= n;
    for (int i = 0; i < 24; i++)
        f->hours[i] *= 24 / n;
    for (int i = 0; i < 7; i++)
        f->days[i] *= 7 / n;
}

static void expect_near(const char *what, double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%s: log %g, generated %g, tolerance %g", what, a, b, tolerance);
}

/*
 * Tolerances: shares and ratios by their sampling error in a few tens of
 * thousands of jobs that come in batches by few users; the load, a sum of few
 * large jobs, is the least certain.
 */
static void expect_alike(const struct figures *a, const struct figures *b)
{
    expect_near("jobs per day", a->jobs_per_day, b->jobs_per_day, 0.05 * a->jobs_per_day);
    expect_near("offered load", a->node_s_per_day, b->node_s_per_day, 0.1 * a->node_s_per_day);
    expect_near("at limit", a->at_limit, b->at_limit, 0.03);
    for (int i = 0; i < N_SIZES; i++)
        expect_near("size class", a->sizes[i], b->sizes[i], 0.02);
    for (int i = 0; i < N_LIMITS; i++)
        expect_near("limit class", a->limits[i], b->limits[i], 0.03);
    for (int i = 0; i < N_QUANTILES; i++)
        expect_near("run/limit", a->ratio[i], b->ratio[i], 0.01 + 0.15 * a->ratio[i]);
    for (int i = 0; i < 24; i++)
        expect_near("hour", a->hours[i], b->hours[i], 0.25);
    for (int i = 0; i < 7; i++)
        expect_near("weekday", a->days[i], b->days[i], 0.15);
}

/* Fit `log`, generate `days` with another seed, compare. */
static void
expect_fit(const struct mir_joblog *log, const struct mir_generate_fit_options *o, int64_t days)
{
    struct mir_generate_params p;
    struct mir_joblog again;
    struct figures a, b;
    struct mir_error err;
    int64_t from_at = o->from_at > log->jobs[0].submit_at ? o->from_at : log->jobs[0].submit_at;

    assert_int_equal(mir_generate_fit(log, o, &p, &err), 0);
    mir_joblog_init(&again);
    assert_int_equal(mir_generate(&p, 4711, days * DAY_S, from_at, &again, &err), 0);
    measure(log, from_at, &a);
    measure(&again, from_at, &b);
    expect_alike(&a, &b);
    expect_near("expected load", mir_generate_offered_load(&p),
                a.node_s_per_day / DAY_S / p.n_nodes, 0.02 * mir_generate_offered_load(&p));
    mir_joblog_release(&again);
}

/* Jobs by rules that the generator does not have: exponential runs, odd limits, three shifts. */
static void add_odd_job(struct mir_joblog *log, struct mir_rng *rng, int64_t at)
{
    static const int32_t limits[] = {1800, 3600, 7200, 5400, 43200, 86400, 172800, 259200};
    struct mir_job *j = mir_joblog_add(log);
    char name[16];
    int len;
    double run;

    j->submit_at = at;
    j->id = (uint32_t)log->n_jobs;
    j->n_nodes = (uint32_t)1 << (mir_rng_below(rng, 32) < 24 ? 0 : mir_rng_below(rng, 6));
    j->limit_s = limits[mir_rng_below(rng, 8)] + 60 * (int32_t)mir_rng_below(rng, 3);
    run = mir_rng_exponential(rng) * 0.3 * j->limit_s;
    j->run_s = run > j->limit_s ? j->limit_s : 1 + (int32_t)(run * 0.999);
    len = snprintf(name, sizeof name, "u%d", (int)(mir_rng_exponential(rng) * 10));
    j->user = mir_names_add(&log->users, name, (size_t)len);
}

static void make_odd_log(struct mir_joblog *log, int64_t days)
{
    struct mir_rng rng;

    mir_rng_init(&rng, 99);
    mir_joblog_init(log);
    log->n_nodes = 64;
    for (int64_t hour = 0; hour < 24 * days; hour++) {
        double rate = hour % 24 < 8 ? 1 : hour % 24 < 16 ? 9 : 5;

        for (double t = mir_rng_exponential(&rng) / rate; t < 1;
             t += mir_rng_exponential(&rng) / rate)
            add_odd_job(log, &rng,
                        INT64_C(1600000000) / 3600 * 3600 +
                            (int64_t)((double)hour * 3600 + t * 3600));
    }
    mir_joblog_sort(log);
}

static void finds_an_odd_logs_figures_again(void **state)
{
    struct mir_generate_fit_options o;
    struct mir_joblog log;

    (void)state;
    mir_generate_fit_options_init(&o);
    make_odd_log(&log, 200);
    expect_fit(&log, &o, 200);
    mir_joblog_release(&log);
}

/* What is generated is fitted with what it was generated from. */
static void finds_its_own_parameters_again(void **state)
{
    struct mir_generate_fit_options o;
    struct mir_generate_params p, q;
    struct mir_joblog log;
    struct mir_error err;

    (void)state;
    mir_generate_fit_options_init(&o);
    mir_generate_default(&p);
    p.repeat_share = 0.5;
    mir_joblog_init(&log);
    assert_int_equal(mir_generate(&p, 12, 500 * DAY_S, INT64_C(19723) * DAY_S, &log, &err), 0);
    assert_int_equal(mir_generate_fit(&log, &o, &q, &err), 0);
    expect_near("nodes", p.n_nodes, q.n_nodes, 0);
    expect_near("users", p.n_users, q.n_users, 0);
    expect_near("shapes", p.n_shapes, q.n_shapes, 0);
    expect_near("jobs per day", p.jobs_per_day, q.jobs_per_day, 5);
    expect_near("zipf", p.user_zipf, q.user_zipf, 0.08);
    expect_near("batch", p.batch_mean, q.batch_mean, 0.15);
    expect_near("gap", p.batch_gap_s, q.batch_gap_s, 10);
    expect_near("repeats", p.repeat_share, q.repeat_share, 0.1);
    expect_near("weeks", p.week_spread, q.week_spread, 0.08);
    mir_joblog_release(&log);
}

static void machine_is_the_busiest_moment_where_nobody_tells(void **state)
{
    struct mir_generate_fit_options o;
    struct mir_generate_params p;
    struct mir_joblog log;
    struct mir_error err;

    (void)state;
    mir_generate_fit_options_init(&o);
    make_odd_log(&log, 20);
    log.n_nodes = 0;
    assert_int_equal(mir_generate_fit(&log, &o, &p, &err), -EINVAL);
    for (size_t i = 0; i < log.n_jobs; i++)
        log.jobs[i].wait_s = 0;
    log.jobs[7].n_nodes = 5000;
    assert_int_equal(mir_generate_fit(&log, &o, &p, &err), 0);
    assert_true(p.n_nodes >= 5000 && p.n_nodes < 5600);
    o.n_nodes = 77;
    assert_int_equal(mir_generate_fit(&log, &o, &p, &err), 0);
    assert_int_equal(p.n_nodes, 77);
    mir_joblog_release(&log);
}

static void refuses_a_log_of_too_few_jobs(void **state)
{
    struct mir_generate_fit_options o;
    struct mir_generate_params p = {.n_nodes = 12345};
    struct mir_joblog log;
    struct mir_error err;

    (void)state;
    mir_generate_fit_options_init(&o);
    make_odd_log(&log, 20);
    o.from_at = log.jobs[0].submit_at;
    o.to_at = log.jobs[99].submit_at; /* 99 jobs, as no two are at one second here */
    assert_int_equal(mir_generate_fit(&log, &o, &p, &err), -ENODATA);
    for (size_t i = 0; i < log.n_jobs; i++)
        log.jobs[i].limit_s = i % 2 ? MIR_UNKNOWN : MIR_UNLIMITED;
    o.to_at = INT64_MAX;
    assert_int_equal(mir_generate_fit(&log, &o, &p, &err), -ENODATA);
    assert_int_equal(p.n_nodes, 12345);
    mir_joblog_release(&log);
}

static void refuses_times_that_are_centuries_apart(void **state)
{
    struct mir_generate_fit_options o;
    struct mir_generate_params p;
    struct mir_joblog log;
    struct mir_error err;

    (void)state;
    mir_generate_fit_options_init(&o);
    make_odd_log(&log, 20);
    log.jobs[log.n_jobs - 1].submit_at = INT64_C(1) << 61;
    assert_int_equal(mir_generate_fit(&log, &o, &p, &err), -EINVAL);
    mir_joblog_release(&log);
}

static void finds_the_tacc_logs_figures_again(void **state)
{
    const char *folder = getenv("MIRAGE_SHARED");
    const struct mir_read_options read_options = {0};
    struct mir_read_result result;
    struct mir_generate_fit_options o;
    struct mir_joblog log;
    struct mir_error err;
    char path[512];

    (void)state;
    snprintf(path, sizeof path, "%s/traces/tacc-ls6-a100_2022-10_2023-02.log.xz",
             folder != NULL ? folder : MIR_SOURCE_DIR "/../shared");
    if (access(path, R_OK) != 0)
        skip();
    mir_joblog_init(&log);
    assert_int_equal(mir_log_read(path, &read_options, &log, &result, &err), 0);
    mir_generate_fit_options_init(&o);
    o.from_at = INT64_C(1668384000); /* 2022-11-14, behind the left edge */
    expect_fit(&log, &o, 500);
    mir_joblog_release(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_an_odd_logs_figures_again),
        cmocka_unit_test(finds_its_own_parameters_again),
        cmocka_unit_test(machine_is_the_busiest_moment_where_nobody_tells),
        cmocka_unit_test(refuses_a_log_of_too_few_jobs),
        cmocka_unit_test(refuses_times_that_are_centuries_apart),
        cmocka_unit_test(finds_the_tacc_logs_figures_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
