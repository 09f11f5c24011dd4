/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_forecasts.c - what learned policies are given in a replay, and that none of it is the future. */
#include "traces/replay/forecasts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "tests/unit/model_fixture.h"
#include "traces/generate/generate.h"

enum { HOUR = 3600, DAY = 86400, NOW = 9 * DAY + 777 };

static const int64_t NEVER = 1000 * (int64_t)DAY;

/* A generated month under two learned policies. */
struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_policy *policies[3];
    struct mir_wait_model *model;
    struct mir_episodes e;
    struct mir_sim_options options;
    struct mir_background background;
};

static void make_log(struct world *w)
{
    struct mir_generate_params params;
    struct mir_error err = {{0}};

    mir_joblog_init(&w->log);
    mir_generate_default(&params);
    params.jobs_per_day *= 1.15;
    if (mir_generate(&params, 5, 20 * DAY, 0, &w->log, &err) != 0)
        fail_msg("%s", err.text);
}

static void make_workload(struct world *w)
{
    struct mir_workload_options options;

    mir_cluster_init(&w->cluster, MIR_SCHED_SLURM, 76);
    mir_workload_options_init(&options);
    assert_int_equal(mir_workload_create(&w->log, &w->cluster, &options, &w->workload, NULL), 0);
    mir_sim_options_init(&w->options);
    w->options.cluster = &w->cluster;
    w->options.workload = &w->workload;
    w->options.keep_history = true;
    w->options.from_at = w->workload.jobs[0].submit_at;
}

/*
 * Another future: what runs at `at`, and what starts later, runs for another time
 * from then on.  No scheduler knows run times, so up to `at` all is as it was.
 */
static void change_the_future(struct world *w, int64_t at)
{
    struct mir_sim_options options = w->options;
    struct mir_sim *sim;
    const int64_t *starts;

    options.keep_starts = true;
    assert_int_equal(mir_sim_create(&options, &sim, NULL), 0);
    mir_sim_run(sim);
    starts = mir_sim_starts(sim);
    for (size_t i = 0; i < w->workload.n_jobs; i++) {
        struct mir_job *job = &w->log.jobs[i]; /* what workload.jobs lends */
        int64_t ran_s = starts[i] < at ? at - starts[i] : 0;

        if (job->run_s > ran_s)
            job->run_s = (int32_t)(ran_s + 1 + (job->run_s - ran_s) / 3);
    }
    mir_sim_destroy(sim);
}

static void open_world(struct world *w, int64_t change_at)
{
    struct mir_error err = {{0}};

    *w = (struct world){0};
    make_log(w);
    make_workload(w);
    change_the_future(w, change_at);
    w->model = fixture_model();
    fixture_quantiles(w->model, MIR_WAIT_FOREST_Q, "nodes", 3, 1, 2);
    fixture_outcome(w->model, MIR_WAIT_RF, 0, 0, 1, -1, 1);
    assert_int_equal(mir_policy_create("forest-q", &w->policies[0], &err), 0);
    assert_int_equal(mir_policy_create("rf", &w->policies[1], &err), 0);
    assert_int_equal(mir_policy_create("lookahead", &w->policies[2], &err), 0);
    w->e = (struct mir_episodes){
        .cluster = &w->cluster,
        .workload = &w->workload,
        .policies = w->policies,
        .n_policies = 3,
        .model = w->model,
        .shape = {.n_nodes = 4, .limit_s = DAY, .run_s = DAY},
        .n_jobs = 2,
        .from_at = 8 * DAY + 11,
        .to_at = 12 * DAY,
    };
    assert_int_equal(mir_background_make(&w->e, &w->options, w->e.from_at, &w->background, &err),
                     0);
}

static void close_world(struct world *w)
{
    mir_background_release(&w->background);
    mir_policy_destroy(w->policies[0]);
    mir_policy_destroy(w->policies[1]);
    mir_policy_destroy(w->policies[2]);
    mir_wait_model_unref(w->model);
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static struct mir_sim *sim_at(const struct world *w, int64_t at, bool keep_summary)
{
    struct mir_sim_options options = w->options;
    struct mir_sim *sim;

    options.keep_summary = keep_summary;
    assert_int_equal(mir_sim_create(&options, &sim, NULL), 0);
    mir_sim_advance(sim, at);
    return sim;
}

static void observe(struct mir_sim *sim, unsigned parts, struct mir_snapshot *out)
{
    struct mir_host *host = mir_sim_host(sim);

    assert_int_equal(host->ops->observe(host, parts, out, NULL), 0);
}

/* ---- The paper's rows */

/* From the log's begin, so that nothing is left to the rows' own idea of where a day begins. */
static void history_by_hand(const struct world *w, int64_t at, struct mir_paper_history *out)
{
    struct mir_sim *sim = sim_at(w, 0, true);

    mir_paper_history_init(out);
    for (int64_t t = 0; t <= at; t += MIR_PAPER_PERIOD_S) {
        struct mir_snapshot queue;

        mir_sim_advance(sim, t);
        observe(sim, MIR_SNAPSHOT_SUMMARY, &queue);
        mir_paper_history_push(out, &queue);
    }
    mir_sim_destroy(sim);
}

static void assert_same_history(struct mir_paper_history *a, struct mir_paper_history *b)
{
    const size_t size = sizeof(float) * MIR_PAPER_ROWS * MIR_PAPER_WIDTH;

    assert_memory_equal(mir_paper_history_view(a, NULL), mir_paper_history_view(b, NULL), size);
}

static void rows_are_the_queue_every_ten_minutes_up_to_now(void **state)
{
    static const int64_t at[] = {8 * DAY + 11, 9 * DAY + 599, 9 * DAY + 600, 11 * DAY + 1};
    struct mir_paper_history given, expected;
    struct world w;

    (void)state;
    open_world(&w, NEVER);
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        mir_paper_rows_history(&w.background.paper, at[i], &given);
        history_by_hand(&w, at[i], &expected);
        assert_same_history(&given, &expected);
    }
    close_world(&w);
}

static void before_the_log_the_paper_sees_nothing(void **state)
{
    struct mir_paper_history given, expected;
    struct mir_paper_rows rows = {0};
    struct world w;

    (void)state;
    open_world(&w, NEVER);
    assert_int_equal(mir_paper_rows_make(&w.options, 3 * HOUR, 5 * HOUR, &rows, NULL), 0);
    mir_paper_rows_history(&rows, 4 * HOUR, &given);
    history_by_hand(&w, 4 * HOUR, &expected);
    assert_same_history(&given, &expected);
    mir_paper_rows_history(&rows, rows.first_at - 1, &given);
    mir_paper_history_init(&expected);
    assert_same_history(&given, &expected);
    mir_paper_rows_release(&rows);
    close_world(&w);
}

/* The rows end when the machine is empty, and that is what it stays. */
static void past_the_log_the_queue_stays_empty(void **state)
{
    struct mir_paper_history given, expected;
    struct mir_paper_rows rows = {0};
    struct world w;

    (void)state;
    open_world(&w, NEVER);
    assert_int_equal(mir_paper_rows_make(&w.options, 19 * DAY, 4000 * DAY, &rows, NULL), 0);
    assert_true(rows.n > 144 && rows.n < 144 * 20);
    mir_paper_rows_history(&rows, 2000 * DAY, &given);
    mir_paper_history_init(&expected);
    assert_same_history(&given, &expected);
    mir_paper_rows_release(&rows);
    close_world(&w);
}

static void rows_are_only_taken_for_those_who_read_them(void **state)
{
    struct mir_background background = {0};
    struct world w;

    (void)state;
    open_world(&w, NEVER);
    w.e.n_policies = 1;
    assert_int_equal(mir_background_make(&w.e, &w.options, w.e.from_at, &background, NULL), 0);
    assert_true(background.jobs.n_events > 0);
    assert_int_equal(background.paper.n, 0);
    assert_int_equal(mir_forecasts_wanted(&w.e), MIR_SNAPSHOT_FORECAST);
    w.e.model = NULL;
    assert_int_equal(mir_forecasts_wanted(&w.e), 0);
    w.e.n_policies = 3;
    assert_int_equal(mir_forecasts_wanted(&w.e), MIR_SNAPSHOT_LOOKAHEAD);
    mir_background_release(&background);
    close_world(&w);
}

/* ---- Nothing of the future */

struct knowledge {
    float features[MIR_N_WAIT_FEATURES];
    struct mir_paper_history paper;
};

/* What an episode that forks at `at` is told when the queue is `queue`. */
static void
learn(const struct world *w, int64_t at, const struct mir_snapshot *queue, struct knowledge *out)
{
    const struct mir_wait_case c = {&w->e.shape, NAN, queue->now + 5 * HOUR};
    struct mir_forecasts *f = mir_forecasts_create(&w->e, &w->background);

    assert_int_equal(mir_forecasts_begin(f, &w->options, at, NULL), 0);
    mir_forecaster_features(mir_forecasts_look(f, queue, true), &c, out->features);
    mir_paper_rows_history(&w->background.paper, queue->now, &out->paper);
    mir_forecasts_destroy(f);
}

static bool same_features(const struct knowledge *a, const struct knowledge *b)
{
    return memcmp(a->features, b->features, sizeof(a->features)) == 0;
}

static void no_forecast_depends_on_what_happens_later(void **state)
{
    struct world w, other;
    struct mir_sim *sim;
    struct mir_snapshot queue;
    struct knowledge known, elsewhere, leaked, leaked_elsewhere;

    (void)state;
    open_world(&w, NEVER);
    open_world(&other, NOW);
    sim = sim_at(&w, NOW, false);
    observe(sim, MIR_SNAPSHOT_JOBS | MIR_SNAPSHOT_HISTORY, &queue);
    assert_true(queue.n_pending > 0 && queue.n_running > 10);
    learn(&w, NOW, &queue, &known);
    learn(&other, NOW, &queue, &elsewhere);
    assert_true(same_features(&known, &elsewhere));
    assert_same_history(&known.paper, &elsewhere.paper);
    /* A book that is a day ahead of its time is found out: the test can fail. */
    learn(&w, NOW + DAY, &queue, &leaked);
    learn(&other, NOW + DAY, &queue, &leaked_elsewhere);
    assert_false(same_features(&leaked, &leaked_elsewhere));
    mir_sim_destroy(sim);
    close_world(&other);
    close_world(&w);
}

/* What an episode that began half a day ago sees of the futures when the queue is `queue`. */
static void look_ahead(const struct world *w,
                       const struct mir_snapshot *queue,
                       struct mir_lookahead_answer *out)
{
    const struct mir_lookahead_case c = {
        .successor = &w->e.shape,
        .predecessor_end_at = queue->now + 10 * HOUR,
        .overlap_weight = 1,
        .period_s = HOUR,
        .n_futures = 16,
    };
    struct mir_forecasts *f = mir_forecasts_create(&w->e, &w->background);

    assert_int_equal(mir_forecasts_begin(f, &w->options, NOW - DAY / 2, NULL), 0);
    assert_int_equal(mir_lookahead_ask(mir_forecasts_look_ahead(f, queue), &c, out, NULL), 0);
    mir_forecasts_destroy(f);
}

static void no_lookahead_depends_on_what_happens_later(void **state)
{
    struct mir_lookahead_answer here, elsewhere;
    struct mir_snapshot queue;
    struct world w, other;
    struct mir_sim *sim;

    (void)state;
    open_world(&w, NEVER);
    open_world(&other, NOW);
    sim = sim_at(&w, NOW, false);
    observe(sim, MIR_SNAPSHOT_JOBS, &queue);
    look_ahead(&w, &queue, &here);
    look_ahead(&other, &queue, &elsewhere);
    assert_memory_equal(&here, &elsewhere, sizeof(here));
    /* What a day from now is known is found out: the test can fail. */
    queue.now += DAY;
    look_ahead(&w, &queue, &here);
    look_ahead(&other, &queue, &elsewhere);
    assert_memory_not_equal(&here, &elsewhere, sizeof(here));
    mir_sim_destroy(sim);
    close_world(&other);
    close_world(&w);
}

/* Two futures in a row, as a worker goes through them: the second is not the first's. */
static void a_cold_episode_knows_its_own_world_alone(void **state)
{
    struct mir_sim_options cold;
    struct mir_forecasts *f, *fresh;
    struct mir_snapshot queue;
    float again[MIR_N_WAIT_FEATURES], first[MIR_N_WAIT_FEATURES];
    struct mir_sim *sim;
    struct world w;
    const struct mir_wait_case c = {&w.e.shape, NAN, NOW + 5 * HOUR};

    (void)state;
    open_world(&w, NEVER);
    w.e.protocol = MIR_PROTOCOL_COLD;
    cold = w.options;
    cold.from_at = 7 * DAY;
    cold.to_at = 12 * DAY;
    sim = sim_at(&w, NOW, false);
    observe(sim, MIR_SNAPSHOT_JOBS | MIR_SNAPSHOT_HISTORY, &queue);
    f = mir_forecasts_create(&w.e, NULL);
    fresh = mir_forecasts_create(&w.e, NULL);
    assert_int_equal(mir_forecasts_begin(f, &w.options, 15 * DAY, NULL), 0);
    assert_int_equal(mir_forecasts_begin(f, &cold, NOW, NULL), 0);
    assert_int_equal(mir_forecasts_begin(fresh, &cold, NOW, NULL), 0);
    mir_forecaster_features(mir_forecasts_look(f, &queue, true), &c, again);
    mir_forecaster_features(mir_forecasts_look(fresh, &queue, true), &c, first);
    assert_memory_equal(again, first, sizeof(first));
    mir_forecasts_destroy(f);
    mir_forecasts_destroy(fresh);
    mir_sim_destroy(sim);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_queue_every_ten_minutes_up_to_now),
        cmocka_unit_test(before_the_log_the_paper_sees_nothing),
        cmocka_unit_test(past_the_log_the_queue_stays_empty),
        cmocka_unit_test(rows_are_only_taken_for_those_who_read_them),
        cmocka_unit_test(no_forecast_depends_on_what_happens_later),
        cmocka_unit_test(no_lookahead_depends_on_what_happens_later),
        cmocka_unit_test(a_cold_episode_knows_its_own_world_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
