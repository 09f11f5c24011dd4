/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_stats.c - the figures of a log small enough to be worked out by hand. */
#include "traces/stats/stats.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

enum { HOUR_S = 3600, DAY_S = 86400, WEEK_S = 7 * DAY_S };

static const int64_t MONDAY = INT64_C(19723) * DAY_S; /* 2024-01-01 */

struct line {
    int64_t submit_s; /* after MONDAY */
    int32_t wait_s, run_s, limit_s;
    uint32_t n_nodes, user;
    uint8_t state;
};

/*
 * Two weeks.  The first: three jobs, 10 + 80 + 96 = 186 node-hours.  The second: one
 * job that never started, one of four nodes for one hour.
 */
static const struct line lines[] = {
    {10 * HOUR_S, 0, 10 * HOUR_S, 48 * HOUR_S, 1, 1, MIR_STATE_COMPLETED},
    {11 * HOUR_S, 100, 40 * HOUR_S, 48 * HOUR_S, 2, 2, MIR_STATE_COMPLETED},
    {DAY_S + 10 * HOUR_S, 300, 48 * HOUR_S, 48 * HOUR_S, 2, 1, MIR_STATE_TIMEOUT},
    {WEEK_S, MIR_UNKNOWN, MIR_UNKNOWN, 24 * HOUR_S, 8, 2, MIR_STATE_CANCELLED},
    {WEEK_S + 5 * DAY_S, 2000, HOUR_S, 2 * HOUR_S, 4, 3, MIR_STATE_FAILED},
};

enum { N_LINES = sizeof lines / sizeof *lines };

static void make_log(struct mir_joblog *log)
{
    static const char *const users[] = {"", "ann", "bob", "cem"};

    mir_joblog_init(log);
    log->n_nodes = 10;
    for (int i = N_LINES - 1; i >= 0; i--) { /* the order does not matter */
        struct mir_job *j = mir_joblog_add(log);

        j->submit_at = MONDAY + lines[i].submit_s;
        j->wait_s = lines[i].wait_s;
        j->run_s = lines[i].run_s;
        j->limit_s = lines[i].limit_s;
        j->n_nodes = lines[i].n_nodes;
        j->user = mir_names_add(&log->users, users[lines[i].user], 3);
        j->state = lines[i].state;
    }
}

static int set_up(void **state)
{
    static struct mir_log_stats stats;
    struct mir_stats_options options;
    struct mir_joblog log;
    struct mir_error err;

    mir_stats_options_init(&options);
    make_log(&log);
    assert_int_equal(mir_log_stats_compute(&log, &options, &stats, &err), 0);
    mir_joblog_release(&log);
    *state = &stats;
    return 0;
}

static int tear_down(void **state)
{
    mir_log_stats_release(*state);
    return 0;
}

static void expect_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fmax(1, fabs(b))))
        fail_msg("%.12g is not %.12g", a, b);
}

static void counts_jobs_users_and_sizes(void **state)
{
    const struct mir_log_stats *s = *state;

    assert_int_equal(s->n_jobs, 5);
    assert_int_equal(s->n_started, 4);
    assert_int_equal(s->n_users, 3);
    assert_int_equal(s->first_submit_at, MONDAY + 10 * HOUR_S);
    assert_int_equal(s->last_submit_at, MONDAY + WEEK_S + 5 * DAY_S);
    assert_true(s->counts_nodes);
    assert_int_equal(s->n_nodes, 10);
    assert_int_equal(s->max_size, 8);
    assert_int_equal(s->busy_peak, 4); /* the two jobs of two nodes, from Tuesday on */
    expect_near(s->offered_node_s, (10 + 80 + 96 + 4) * HOUR_S);
    assert_false(s->left_edge);
}

static void tells_waits_by_class(void **state)
{
    const struct mir_log_stats *s = *state;
    const struct mir_wait_figures *all = &s->wait[MIR_N_SIZES][MIR_N_LIMITS];

    assert_int_equal(all->n, 4);
    expect_near(all->mean_s, (0 + 100 + 300 + 2000) / 4.0);
    expect_near(all->p50_s, 200);
    expect_near(all->p90_s, 300 + 0.7 * 1700); /* at 0.9 * 3 = 2.7 */
    expect_near(all->p99_s, 300 + 0.97 * 1700);
    assert_int_equal(s->wait[MIR_SIZE_1][MIR_LIMIT_MORE].n, 1);
    assert_int_equal(s->wait[MIR_SIZE_4][MIR_LIMIT_MORE].n, 2);
    expect_near(s->wait[MIR_SIZE_4][MIR_LIMIT_MORE].mean_s, 200);
    assert_int_equal(s->wait[MIR_SIZE_4][MIR_LIMIT_12H].n, 1);
    assert_int_equal(s->wait[MIR_SIZE_4][MIR_N_LIMITS].n, 3);
    expect_near(s->wait[MIR_SIZE_4][MIR_N_LIMITS].mean_s, 800);
    assert_int_equal(s->wait[MIR_N_SIZES][MIR_LIMIT_MORE].n, 3);
    assert_int_equal(s->wait[MIR_SIZE_16][MIR_LIMIT_48H].n, 0); /* never started */
}

static void tells_run_against_limit(void **state)
{
    const struct mir_log_stats *s = *state;

    /* 10/48, 40/48, 1, 1/2 in order: 0.2083 0.5 0.8333 1 */
    assert_int_equal(s->n_ratio, 4);
    expect_near(s->ratio_p50, (0.5 + 40 / 48.0) / 2);
    expect_near(s->ratio_p25, 10 / 48.0 + 0.75 * (0.5 - 10 / 48.0));
    expect_near(s->ratio_p99, 40 / 48.0 + 0.97 * (1 - 40 / 48.0));
    expect_near(s->at_limit_share, 0.25);
}

static void ranks_limits_and_sizes_by_use(void **state)
{
    const struct mir_log_stats *s = *state;

    assert_int_equal(s->n_limits, 3);
    assert_int_equal(s->limits[0].value, 48 * HOUR_S);
    assert_int_equal(s->limits[0].n, 3);
    assert_int_equal(s->limits[1].value, 2 * HOUR_S); /* of equals the smaller first */
    assert_int_equal(s->limits[2].value, 24 * HOUR_S);
    assert_int_equal(s->n_sizes, 4);
    assert_int_equal(s->sizes[0].value, 2);
    assert_int_equal(s->sizes[0].n, 2);
    assert_int_equal(s->sizes[1].value, 1);
    assert_int_equal(s->states[MIR_STATE_COMPLETED], 2);
    assert_int_equal(s->states[MIR_STATE_TIMEOUT], 1);
    assert_int_equal(s->states[MIR_STATE_CANCELLED], 1);
    assert_int_equal(s->states[MIR_STATE_UNKNOWN], 0);
}

static void counts_submissions_by_hour_and_weekday(void **state)
{
    const struct mir_log_stats *s = *state;

    assert_int_equal(s->by_hour[10], 2);
    assert_int_equal(s->by_hour[11], 1);
    assert_int_equal(s->by_hour[0], 2);
    assert_int_equal(s->by_weekday[0], 3);
    assert_int_equal(s->by_weekday[1], 1);
    assert_int_equal(s->by_weekday[5], 1);
}

static void tells_load_by_week(void **state)
{
    const struct mir_log_stats *s = *state;
    const struct mir_week_stats *a = &s->weeks[0], *b = &s->weeks[1];
    double covered_s = WEEK_S - 10 * HOUR_S;

    assert_int_equal(s->n_weeks, 2);
    assert_int_equal(a->at, MONDAY);
    assert_int_equal(a->from_at, MONDAY + 10 * HOUR_S);
    assert_int_equal(a->to_at, MONDAY + WEEK_S);
    assert_int_equal(a->n_jobs, 3);
    expect_near(a->offered_node_s, 186 * HOUR_S);
    expect_near(a->load, 186 * HOUR_S / (covered_s * a->capacity));
    /* All three end within the week. */
    expect_near(a->busy_mean, 186 * HOUR_S / covered_s);
    assert_int_equal(a->busy_peak, 4);
    assert_int_equal(a->wait.n, 3);
    expect_near(a->wait.p50_s, 100);
    assert_int_equal(b->at, MONDAY + WEEK_S);
    assert_int_equal(b->to_at, MONDAY + WEEK_S + 5 * DAY_S + 1);
    assert_int_equal(b->n_jobs, 2);
    assert_int_equal(b->wait.n, 1);
    assert_int_equal(b->busy_peak, 0); /* its only job starts after the last submission */
    /* Nothing ever waits long with others: the level is what was busy for 90 % of a window. */
    assert_true(s->capacity >= 2 && s->capacity <= 4);
}

static void keeps_to_the_interval(void **state)
{
    struct mir_stats_options options;
    struct mir_log_stats s = {.n_jobs = 12345};
    struct mir_joblog log;
    struct mir_error err;

    (void)state;
    mir_stats_options_init(&options);
    make_log(&log);
    options.from_at = MONDAY + 11 * HOUR_S;
    options.to_at = MONDAY + WEEK_S;
    assert_int_equal(mir_log_stats_compute(&log, &options, &s, &err), 0);
    assert_int_equal(s.n_jobs, 2);
    assert_int_equal(s.n_weeks, 1);
    expect_near(s.offered_node_s, 176 * HOUR_S);
    assert_int_equal(s.busy_peak, 4);
    mir_log_stats_release(&s);
    options.from_at = MONDAY + 3 * WEEK_S;
    s.n_jobs = 12345;
    options.to_at = INT64_MAX;
    assert_int_equal(mir_log_stats_compute(&log, &options, &s, &err), -ENODATA);
    assert_int_equal(s.n_jobs, 12345);
    log.jobs[0].submit_at = INT64_MAX - 1;
    options.from_at = INT64_MIN;
    assert_int_equal(mir_log_stats_compute(&log, &options, &s, &err), -EINVAL);
    mir_joblog_release(&log);
}

static void counts_processors_where_the_log_has_no_nodes(void **state)
{
    struct mir_stats_options options;
    struct mir_log_stats s;
    struct mir_joblog log;
    struct mir_error err;

    (void)state;
    mir_stats_options_init(&options);
    make_log(&log);
    log.n_procs = 640;
    for (size_t i = 0; i < log.n_jobs; i++) {
        log.jobs[i].n_cpus = log.jobs[i].n_nodes * 64;
        log.jobs[i].n_nodes = 0;
    }
    assert_int_equal(mir_log_stats_compute(&log, &options, &s, &err), 0);
    assert_false(s.counts_nodes);
    assert_int_equal(s.n_nodes, 640);
    assert_int_equal(s.max_size, 512);
    mir_log_stats_release(&s);
    mir_joblog_release(&log);
}

/* What `generate` writes: no waits, and everything that does not need them. */
static void does_without_start_times(void **state)
{
    struct mir_stats_options options;
    struct mir_log_stats s;
    struct mir_joblog log;
    struct mir_error err;
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    (void)state;
    mir_stats_options_init(&options);
    make_log(&log);
    for (size_t i = 0; i < log.n_jobs; i++)
        log.jobs[i].wait_s = MIR_UNKNOWN;
    assert_int_equal(mir_log_stats_compute(&log, &options, &s, &err), 0);
    assert_int_equal(s.n_started, 0);
    assert_int_equal(s.steps.n_steps, 0);
    assert_int_equal(s.n_ratio, 4);
    expect_near(s.capacity, 10); /* as the log says */
    expect_near(s.weeks[0].load, 186 * HOUR_S / ((WEEK_S - 10.0 * HOUR_S) * 10));
    assert_int_equal(mir_log_stats_print(to, &s, &err), 0);
    assert_int_equal(mir_log_stats_json(to, &s, &err), 0);
    fclose(to);
    assert_non_null(strstr(text, "No waits"));
    assert_non_null(strstr(text, "\"busy_mean\":null"));
    free(text);
    mir_log_stats_release(&s);
    mir_joblog_release(&log);
}

static struct json_object *get(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    if (!json_object_object_get_ex(o, key, &v))
        fail_msg("no key %s", key);
    return v;
}

static void json_holds_what_is_known(void **state)
{
    const struct mir_log_stats *s = *state;
    struct json_object *o, *w;
    struct mir_error err;
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    assert_int_equal(mir_log_stats_json(to, s, &err), 0);
    fclose(to);
    o = json_tokener_parse(text);
    assert_non_null(o);
    assert_int_equal(json_object_get_int64(get(o, "jobs")), 5);
    assert_int_equal(json_object_get_int64(get(o, "machine_nodes")), 10);
    assert_string_equal(json_object_get_string(get(o, "unit")), "nodes");
    assert_null(get(o, "left_edge_at"));
    expect_near(json_object_get_double(get(o, "offered_node_h")), 190);
    w = get(get(get(get(o, "wait_s"), "by_size_and_limit"), "2-4"), ">=48h");
    expect_near(json_object_get_double(get(w, "mean")), 200);
    w = get(get(get(get(o, "wait_s"), "by_size_and_limit"), "17+"), "<=1h");
    assert_null(get(w, "mean"));
    expect_near(json_object_get_double(get(get(o, "run_limit_ratio"), "at_limit_share")), 0.25);
    assert_int_equal(json_object_array_length(get(o, "weeks")), 2);
    assert_int_equal(json_object_array_length(get(o, "by_hour")), 24);
    assert_int_equal(json_object_array_length(get(o, "capacity")), s->steps.n_steps);
    assert_int_equal(json_object_get_int(get(get(o, "states"), "TIMEOUT")), 1);
    json_object_put(o);
    free(text);
}

static void print_fits_people(void **state)
{
    struct mir_error err;
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    assert_int_equal(mir_log_stats_print(to, *state, &err), 0);
    fclose(to);
    assert_non_null(strstr(text, "5 jobs of 3 users, submitted 2024-01-01 to 2024-01-13"));
    assert_non_null(strstr(text, "\n2024-01-08      2  "));
    assert_null(strstr(text, "Left edge"));
    assert_null(strstr(text, "nan"));
    free(text);
}

static void reports_a_full_disk(void **state)
{
    FILE *full = fopen("/dev/full", "w");
    struct mir_error err;

    if (full == NULL)
        skip();
    setvbuf(full, NULL, _IONBF, 0);
    assert_int_equal(mir_log_stats_print(full, *state, &err), -EIO);
    clearerr(full);
    assert_int_equal(mir_log_stats_json(full, *state, &err), -EIO);
    fclose(full);
}

static void classes_meet_where_they_should(void **state)
{
    (void)state;
    assert_int_equal(mir_size_class(1), MIR_SIZE_1);
    assert_int_equal(mir_size_class(2), MIR_SIZE_4);
    assert_int_equal(mir_size_class(4), MIR_SIZE_4);
    assert_int_equal(mir_size_class(5), MIR_SIZE_16);
    assert_int_equal(mir_size_class(16), MIR_SIZE_16);
    assert_int_equal(mir_size_class(17), MIR_SIZE_MORE);
    assert_int_equal(mir_limit_class(3600), MIR_LIMIT_1H);
    assert_int_equal(mir_limit_class(3601), MIR_LIMIT_12H);
    assert_int_equal(mir_limit_class(12 * HOUR_S), MIR_LIMIT_12H);
    assert_int_equal(mir_limit_class(48 * HOUR_S - 1), MIR_LIMIT_48H);
    assert_int_equal(mir_limit_class(48 * HOUR_S), MIR_LIMIT_MORE);
    assert_int_equal(mir_limit_class(MIR_UNLIMITED), MIR_LIMIT_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_jobs_users_and_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_waits_by_class, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_run_against_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ranks_limits_and_sizes_by_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_submissions_by_hour_and_weekday, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_load_by_week, set_up, tear_down),
        cmocka_unit_test(keeps_to_the_interval),
        cmocka_unit_test(counts_processors_where_the_log_has_no_nodes),
        cmocka_unit_test(does_without_start_times),
        cmocka_unit_test_setup_teardown(json_holds_what_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(print_fits_people, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reports_a_full_disk, set_up, tear_down),
        cmocka_unit_test(classes_meet_where_they_should),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
