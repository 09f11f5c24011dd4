/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_leak.c - no feature sees the future; and features that are made to see it are
 * found out, by name.
 */
#include "models/train/leak.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "models/features/paper_state.h"
#include "tests/oracle/random_world.h"
#include "tests/oracle/reference.h"
#include "traces/generate/generate.h"
#include "traces/reader/reader.h"

enum { HOUR = 3600, DAY = 86400, N_WORLDS = 4 };

static const struct mir_request requests[] = {
    {.n_nodes = 1, .limit_s = 48 * HOUR, .run_s = MIR_UNKNOWN, .user = 1},
    {.n_nodes = 8, .limit_s = 12 * HOUR, .run_s = MIR_UNKNOWN, .user = 2},
    {.n_nodes = 32, .limit_s = 2 * HOUR, .run_s = MIR_UNKNOWN},
};

enum { N_REQUESTS = sizeof requests / sizeof *requests };

struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_sim_options options;
};

static void close_world(struct world *w)
{
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static void make_workload(struct world *w)
{
    struct mir_workload_options options;
    struct mir_error err = {{0}};

    mir_workload_options_init(&options);
    if (mir_workload_create(&w->log, &w->cluster, &options, &w->workload, &err) != 0)
        fail_msg("%s", err.text);
    mir_sim_options_init(&w->options);
    w->options.cluster = &w->cluster;
    w->options.workload = &w->workload;
}

static void set_up_cluster(struct mir_cluster *c)
{
    mir_cluster_init(c, MIR_SCHED_SLURM, 76);
    c->params.backfill = true;
    c->params.bf_window_s = 2 * DAY;
    c->priority.multifactor = true;
    c->priority.accounting = true;
    c->priority.weight_age = 7000;
    c->priority.weight_job_size = 100;
    c->priority.weight_fairshare = 0;
    c->priority.max_age_s = 7 * DAY;
}

/* Three weeks on 76 nodes, most of the time with a queue. */
static void open_generated(struct world *w)
{
    struct mir_generate_params params;
    struct mir_error err = {{0}};

    memset(w, 0, sizeof *w);
    mir_joblog_init(&w->log);
    mir_generate_default(&params);
    params.jobs_per_day *= 1.2;
    if (mir_generate(&params, 3, 21 * DAY, 0, &w->log, &err) != 0)
        fail_msg("%s", err.text);
    set_up_cluster(&w->cluster);
    make_workload(w);
}

static void check(const struct world *w,
                  const int64_t *instants,
                  uint32_t n_instants,
                  mir_leak_features_f features,
                  void *context,
                  struct mir_leak_report *out)
{
    const struct mir_leak_options options = {
        .sim = &w->options,
        .requests = requests,
        .n_requests = N_REQUESTS,
        .instants = instants,
        .n_instants = n_instants,
        .n_worlds = N_WORLDS,
        .seed = 1,
        .features = features,
        .context = context,
    };
    struct mir_error err = {{0}};

    if (mir_leak_check(&options, out, &err) != 0)
        fail_msg("%s", err.text);
}

static const int64_t instants[] = {6 * DAY, 17 * DAY + 100, 11 * DAY + 3 * HOUR};

enum { N_INSTANTS = sizeof instants / sizeof *instants };

static void check_generated(mir_leak_features_f features, struct mir_leak_report *out)
{
    struct world w;

    open_generated(&w);
    check(&w, instants, N_INSTANTS, features, NULL, out);
    close_world(&w);
}

static void assert_clean(const struct mir_leak_report *report)
{
    for (uint32_t i = 0; i < report->n_leaks; i++)
        print_error("%s: %g, elsewhere %g, first at %" PRId64 "\n", report->leaks[i].name,
                    report->leaks[i].here, report->leaks[i].elsewhere, report->leaks[i].at);
    assert_int_equal(report->n_leaks, 0);
}

static bool leaks(const struct mir_leak_report *report, const char *name)
{
    for (uint32_t i = 0; i < report->n_leaks; i++)
        if (strcmp(report->leaks[i].name, name) == 0)
            return true;
    return false;
}

static unsigned feature(const char *name)
{
    unsigned i = 0;

    while (strcmp(mir_wait_feature_table[i].name, name) != 0)
        i++;
    return i;
}

/* ---- Features as they are */

static void no_feature_of_training_sees_the_future(void **state)
{
    struct mir_leak_report report;

    (void)state;
    check_generated(NULL, &report);
    assert_clean(&report);
    assert_int_equal(report.n_compared, N_INSTANTS * N_REQUESTS * 2 * N_WORLDS);
    assert_int_equal(report.n_waits, N_INSTANTS * N_REQUESTS * N_WORLDS);
    /* The futures were others: most waits are. */
    assert_true(report.n_changed > 10000);
    assert_true(report.n_waits_changed > report.n_waits / 2);
}

/* When some of the jobs have come. */
static int64_t midway(const struct mir_sim_options *options, uint64_t seed)
{
    const struct mir_workload *w = options->workload;

    return w->jobs[(w->n_jobs * (1 + seed % 3) / 4) % w->n_jobs].submit_at;
}

/* Partitions, priorities, begin times, cancellations, dependencies, arrays, capacity. */
static void no_feature_sees_the_future_of_any_kind_of_world(void **state)
{
    const unsigned all = 0xffu;
    uint64_t n_changed = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct mir_random_world random;
        struct mir_leak_report report;
        struct world w = {0};
        int64_t at;

        mir_random_world_init(&random, seed, MIR_SCHED_SLURM, seed % 3 == 0 ? all : (unsigned)seed);
        mir_sim_options_init(&w.options);
        w.options.cluster = &random.cluster;
        w.options.workload = &random.workload;
        w.options.capacity = random.capacity.n_steps > 0 ? &random.capacity : NULL;
        at = midway(&w.options, seed);
        check(&w, &at, 1, NULL, NULL, &report);
        if (report.n_leaks > 0)
            print_error("seed %" PRIu64 "\n", seed);
        assert_clean(&report);
        n_changed += report.n_waits_changed;
        mir_random_world_release(&random);
    }
    assert_true(n_changed > 300);
}

static struct mir_job *add_job(struct world *w, int64_t submit_at, int32_t run_s)
{
    struct mir_job *job = mir_joblog_add(&w->log);

    job->id = (uint32_t)w->log.n_jobs;
    job->submit_at = submit_at;
    job->n_nodes = 1;
    job->run_s = run_s;
    job->limit_s = 2 * run_s;
    job->state = MIR_STATE_COMPLETED;
    return job;
}

/*
 * The first job is cancelled while it runs, so that the second, which depends on its
 * success, never starts.  All that was known when the instant came.
 */
static void what_was_cancelled_before_is_known(void **state)
{
    struct mir_leak_report report;
    struct world w = {0};
    int64_t at = 50;
    struct mir_job *job;

    (void)state;
    mir_joblog_init(&w.log);
    job = add_job(&w, 0, 1000);
    job->state = MIR_STATE_CANCELLED;
    mir_joblog_extra(&w.log, job)->cancelled_s = 10;
    job = add_job(&w, 1, 1000);
    mir_joblog_extra(&w.log, job)->dependency =
        mir_names_add(&w.log.names, "afterok:1", strlen("afterok:1"));
    add_job(&w, 2, 1000);
    add_job(&w, 60, 1000);
    set_up_cluster(&w.cluster);
    make_workload(&w);
    check(&w, &at, 1, NULL, NULL, &report);
    assert_clean(&report);
    assert_true(report.n_changed > 0);
    close_world(&w);
}

static void no_feature_sees_the_future_of_a_real_log(void **state)
{
    static const int64_t february[] = {1675209600, 1675209600 + 9 * DAY, 1675209600 + 20 * DAY};
    const struct mir_read_options options = {0};
    struct mir_read_result result;
    struct mir_leak_report report;
    struct mir_error err = {{0}};
    struct world w = {0};
    char *path = mir_shared_path("traces/tacc-ls6-a100_2022-10_2023-02.log.xz");
    char text[256];

    (void)state;
    if (path == NULL) {
        print_message("the TACC log is not in ../shared nor where MIRAGE_SHARED says\n");
        skip();
    }
    mir_joblog_init(&w.log);
    if (mir_log_read(path, &options, &w.log, &result, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
    set_up_cluster(&w.cluster);
    make_workload(&w);
    check(&w, february, 3, NULL, NULL, &report);
    assert_clean(&report);
    assert_true(report.n_waits_changed > report.n_waits / 2);
    print_message("%s\n", mir_leak_text(&report, text, sizeof text));
    close_world(&w);
}

/* The paper's 42 numbers, in the places of the first 42 features. */
static int paper_features(void *context,
                          const struct mir_leak_world *world,
                          const struct mir_wait_case *c,
                          float out[MIR_N_WAIT_FEATURES],
                          struct mir_error *err)
{
    (void)context;
    (void)c;
    (void)err;
    memset(out, 0, MIR_N_WAIT_FEATURES * sizeof *out);
    mir_paper_state(world->queue, NULL, out);
    return 0;
}

static void the_paper_s_state_sees_no_future_either(void **state)
{
    struct mir_leak_report report;

    (void)state;
    check_generated(paper_features, &report);
    assert_clean(&report);
}

/* ---- Planted leaks */

/* When the jobs that run now really end: the mistake that is easiest to make. */
static int peek_at_run_times(void *context,
                             const struct mir_leak_world *world,
                             const struct mir_wait_case *c,
                             float out[MIR_N_WAIT_FEATURES],
                             struct mir_error *err)
{
    const struct mir_job_timeline *t = world->timeline;
    int64_t last_at = 0;

    mir_leak_features(context, world, c, out, err);
    for (size_t i = 0; i < t->n_events && t->events[i].at <= world->queue->now; i++) {
        const struct mir_job *job = &t->workload->jobs[t->events[i].job];

        if (t->events[i].start != 0 && t->events[i].at + job->run_s > last_at)
            last_at = t->events[i].at + job->run_s;
    }
    out[feature("running_age")] = (float)(last_at - world->queue->now);
    return 0;
}

static void a_feature_that_peeks_at_run_times_is_caught(void **state)
{
    struct mir_leak_report report;
    char text[256];

    (void)state;
    check_generated(peek_at_run_times, &report);
    assert_int_equal(report.n_leaks, 1);
    assert_string_equal(report.leaks[0].name, "running_age");
    assert_int_equal(report.leaks[0].feature, feature("running_age"));
    assert_int_equal(report.leaks[0].at, instants[0]);
    assert_true(report.leaks[0].here != report.leaks[0].elsewhere);
    assert_true(report.leaks[0].n > report.n_compared / 2);
    assert_string_equal(mir_leak_text(&report, text, sizeof text),
                        "LEAK: 1 of 72 features see the future: running_age");
}

static int peek_at_arrivals(void *context,
                            const struct mir_leak_world *world,
                            const struct mir_wait_case *c,
                            float out[MIR_N_WAIT_FEATURES],
                            struct mir_error *err)
{
    const struct mir_workload *w = world->options->workload;
    size_t next = mir_workload_find(w, world->queue->now + 1);

    mir_leak_features(context, world, c, out, err);
    out[feature("pending_jobs")] += next < w->n_jobs ? (float)w->jobs[next].n_nodes : 0;
    out[feature("user_pending")] = next < w->n_jobs ? (float)w->jobs[next].user : 0;
    return 0;
}

static void a_feature_that_knows_who_comes_next_is_caught(void **state)
{
    struct mir_leak_report report;

    (void)state;
    check_generated(peek_at_arrivals, &report);
    assert_int_equal(report.n_leaks, 2);
    assert_string_equal(report.leaks[0].name, "pending_jobs");
    assert_string_equal(report.leaks[1].name, "user_pending");
}

/* The wait that the log tells of a job that still waits. */
static int peek_at_logged_waits(void *context,
                                const struct mir_leak_world *world,
                                const struct mir_wait_case *c,
                                float out[MIR_N_WAIT_FEATURES],
                                struct mir_error *err)
{
    const struct mir_workload *w = world->options->workload;

    mir_leak_features(context, world, c, out, err);
    for (size_t i = 0; i < w->n_jobs; i++)
        if (world->queue->n_pending > 0 && w->jobs[i].id == world->queue->pending[0].id)
            out[feature("pending_oldest")] = (float)w->jobs[i].wait_s;
    return 0;
}

static void a_feature_that_reads_the_log_s_waits_is_caught(void **state)
{
    struct mir_leak_report report;

    (void)state;
    check_generated(peek_at_logged_waits, &report);
    assert_int_equal(report.n_leaks, 1);
    assert_string_equal(report.leaks[0].name, "pending_oldest");
}

/* A run-time book that is ahead of its time by `*context` seconds. */
static int read_tomorrow(void *context,
                         const struct mir_leak_world *world,
                         const struct mir_wait_case *c,
                         float out[MIR_N_WAIT_FEATURES],
                         struct mir_error *err)
{
    struct mir_leak_world ahead = *world;
    struct mir_timeline_book book;

    mir_timeline_book_init(&book, world->timeline);
    mir_timeline_book_advance(&book, world->queue->now + *(const int64_t *)context);
    ahead.book = book.book;
    mir_leak_features(NULL, &ahead, c, out, err);
    mir_timeline_book_release(&book);
    return 0;
}

static void a_run_time_book_that_is_ahead_of_its_time_is_caught(void **state)
{
    int64_t ahead_s = HOUR, now_s = 0;
    struct mir_leak_report report;
    struct world w;

    (void)state;
    open_generated(&w);
    check(&w, instants, N_INSTANTS, read_tomorrow, &now_s, &report);
    assert_clean(&report);
    check(&w, instants, N_INSTANTS, read_tomorrow, &ahead_s, &report);
    assert_true(leaks(&report, "plan_mean"));
    assert_true(leaks(&report, "expected_release_4h"));
    assert_false(leaks(&report, "plan_limit"));
    assert_false(leaks(&report, "ahead_jobs"));
    close_world(&w);
}

static int peek_at_capacity(void *context,
                            const struct mir_leak_world *world,
                            const struct mir_wait_case *c,
                            float out[MIR_N_WAIT_FEATURES],
                            struct mir_error *err)
{
    const struct mir_capacity *capacity = world->options->capacity;

    mir_leak_features(context, world, c, out, err);
    out[feature("nodes_in_service")] =
        capacity->n_steps > 1 ? (float)capacity->steps[1].n_nodes : 0;
    return 0;
}

static void a_feature_that_knows_of_the_next_outage_is_caught(void **state)
{
    struct mir_capacity_step steps[] = {{4 * DAY, 70, 0}, {7 * DAY, 40, 0}, {8 * DAY, 76, 0}};
    const struct mir_capacity capacity = {steps, 3};
    struct mir_leak_report report;
    struct world w;

    (void)state;
    open_generated(&w);
    w.options.capacity = &capacity;
    check(&w, instants, 1, NULL, NULL, &report);
    assert_clean(&report);
    check(&w, instants, 1, peek_at_capacity, NULL, &report);
    assert_int_equal(report.n_leaks, 1);
    assert_string_equal(report.leaks[0].name, "nodes_in_service");
    close_world(&w);
}

/* ---- What it says */

static int refuse(void *context,
                  const struct mir_leak_world *world,
                  const struct mir_wait_case *c,
                  float out[MIR_N_WAIT_FEATURES],
                  struct mir_error *err)
{
    (void)context;
    (void)world;
    (void)c;
    (void)out;
    return mir_error_set(err, -EIO, "no features today");
}

static void says_why_it_could_not_check(void **state)
{
    int64_t at = 10 * DAY, late = 4000 * (int64_t)DAY;
    struct mir_leak_options options = {
        .requests = requests, .n_requests = 1, .instants = &at, .n_worlds = 1};
    struct mir_leak_report report;
    struct mir_error err = {{0}};
    struct world w;

    (void)state;
    open_generated(&w);
    options.sim = &w.options;
    assert_int_equal(mir_leak_check(&options, &report, &err), -EINVAL);
    options.n_instants = 1;
    options.features = refuse;
    assert_int_equal(mir_leak_check(&options, &report, &err), -EIO);
    assert_string_equal(err.text, "no features today");
    options.features = NULL;
    options.instants = &late;
    assert_int_equal(mir_leak_check(&options, &report, &err), -ENODATA);
    w.options.cluster = NULL;
    assert_int_equal(mir_leak_check(&options, &report, &err), -EINVAL);
    close_world(&w);
}

static void tells_in_a_line_how_much_was_compared(void **state)
{
    struct mir_leak_report report = {.n_compared = 120, .n_waits = 60, .n_waits_changed = 45};
    char text[256], small[8];

    (void)state;
    assert_string_equal(mir_leak_text(&report, text, sizeof text),
                        "no feature sees the future: 120 states compared with others of the same "
                        "past, in which 75 % of the waits are different");
    report.n_leaks = 2;
    report.leaks[0].name = "plan_p50";
    report.leaks[1].name = "hour";
    assert_string_equal(mir_leak_text(&report, text, sizeof text),
                        "LEAK: 2 of 72 features see the future: plan_p50, hour");
    assert_string_equal(mir_leak_text(&report, small, sizeof small), "LEAK: 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_feature_of_training_sees_the_future),
        cmocka_unit_test(no_feature_sees_the_future_of_any_kind_of_world),
        cmocka_unit_test(what_was_cancelled_before_is_known),
        cmocka_unit_test(no_feature_sees_the_future_of_a_real_log),
        cmocka_unit_test(the_paper_s_state_sees_no_future_either),
        cmocka_unit_test(a_feature_that_peeks_at_run_times_is_caught),
        cmocka_unit_test(a_feature_that_knows_who_comes_next_is_caught),
        cmocka_unit_test(a_feature_that_reads_the_log_s_waits_is_caught),
        cmocka_unit_test(a_run_time_book_that_is_ahead_of_its_time_is_caught),
        cmocka_unit_test(a_feature_that_knows_of_the_next_outage_is_caught),
        cmocka_unit_test(says_why_it_could_not_check),
        cmocka_unit_test(tells_in_a_line_how_much_was_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
