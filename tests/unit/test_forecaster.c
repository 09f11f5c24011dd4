/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_forecaster.c - queue, run times, model and calibration put together: small
 * models made by hand, whose answers are known.
 */
#include "models/predict/forecaster.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/model_fixture.h"

enum { HOUR = 3600, DAY = 86400, NOW = 1700000000 };

/* Waits of requests for 5 nodes or more grow three times as fast with the level. */
static const float SLOPE = 1.5F, STEEP_SLOPE = 4.5F;

struct desk {
    struct mir_pending_job pending[4];
    struct mir_running_job running[2];
    struct mir_snapshot queue;
    struct mir_request request;
    struct mir_wait_case c;
    struct mir_wait_model *model;
    struct mir_forecaster *f;
};

static void make_queue(struct desk *d)
{
    for (int i = 0; i < 2; i++)
        d->running[i] = (struct mir_running_job){.submit_at = NOW - 3 * HOUR,
                                                 .start_at = NOW - 2 * HOUR,
                                                 .planned_end_at = NOW + (3 + 20 * i) * HOUR,
                                                 .id = (uint32_t)(1 + i),
                                                 .n_nodes = 5};
    for (int i = 0; i < 4; i++)
        d->pending[i] = (struct mir_pending_job){.submit_at = NOW - HOUR,
                                                 .eligible_at = NOW - HOUR,
                                                 .id = (uint32_t)(10 + i),
                                                 .limit_s = 4 * HOUR,
                                                 .n_nodes = 2};
    d->queue = (struct mir_snapshot){.now = NOW,
                                     .n_nodes = 10,
                                     .pending = d->pending,
                                     .n_pending = 2,
                                     .running = d->running,
                                     .n_running = 2};
}

static int set_up(void **state)
{
    static struct desk desk;
    struct desk *d = &desk;

    memset(d, 0, sizeof *d);
    make_queue(d);
    d->request = (struct mir_request){.n_nodes = 2, .limit_s = 6 * HOUR, .run_s = MIR_UNKNOWN};
    d->c = (struct mir_wait_case){&d->request, NAN, INT64_MIN};
    d->model = fixture_model();
    fixture_quantiles(d->model, MIR_WAIT_XGB_Q, "nodes", 5, SLOPE, STEEP_SLOPE);
    d->f = mir_forecaster_create(0);
    mir_forecaster_set_model(d->f, d->model);
    mir_forecaster_look(d->f, &d->queue);
    *state = d;
    return 0;
}

static int tear_down(void **state)
{
    struct desk *d = *state;

    mir_forecaster_destroy(d->f);
    mir_wait_model_unref(d->model);
    return 0;
}

static struct mir_forecast ask(struct desk *d, double level)
{
    struct mir_forecast forecast;
    struct mir_error err = {{0}};

    if (mir_forecaster_wait(d->f, &d->c, MIR_WAIT_XGB_Q, level, &forecast, &err) != 0)
        fail_msg("%s", err.text);
    return forecast;
}

static float feature(struct desk *d, const char *name)
{
    float x[MIR_N_WAIT_FEATURES];

    mir_forecaster_features(d->f, &d->c, x);
    return x[fixture_feature(name)];
}

static void assert_about(double value, double truth)
{
    if (!(fabs(value - truth) <= 1e-4 * fmax(1, fabs(truth))))
        fail_msg("%g, not %g", value, truth);
}

/* ---- Waits */

static void the_model_is_asked_about_the_request(void **state)
{
    struct desk *d = *state;
    struct mir_forecast forecast = ask(d, 0.75);

    assert_about(forecast.wait_h, fixture_quantile_h((double)SLOPE, 0.75));
    assert_about(forecast.p10_h, fixture_quantile_h((double)SLOPE, 0.1));
    assert_about(forecast.p50_h, fixture_quantile_h((double)SLOPE, 0.5));
    assert_about(forecast.p90_h, fixture_quantile_h((double)SLOPE, 0.9));
    assert_about(forecast.level, 0.75);
    assert_false(forecast.out_of_range);
    assert_int_equal(forecast.n_outside, 0);
    d->request.n_nodes = 5;
    assert_about(ask(d, 0.6).wait_h, fixture_quantile_h((double)STEEP_SLOPE, 0.6));
}

static void slurm_s_plan_comes_with_it(void **state)
{
    struct desk *d = *state;

    /* After 3 h 5 nodes come free, and two jobs hold 4 of them for 4 h. */
    assert_about(ask(d, 0.5).plan_h, 7);
    d->request.n_nodes = 1;
    assert_about(ask(d, 0.5).plan_h, 3);
    d->request.n_nodes = 2;
    d->queue.n_pending = 4;
    mir_forecaster_look(d->f, &d->queue);
    assert_about(ask(d, 0.5).plan_h, 11);
}

static void the_window_of_backfill_is_the_site_s(void **state)
{
    struct desk *d = *state;
    struct mir_forecaster *near = mir_forecaster_create(2 * HOUR);
    float x[MIR_N_WAIT_FEATURES];

    d->queue.n_pending = 4;
    mir_forecaster_look(near, &d->queue);
    mir_forecaster_features(near, &d->c, x);
    assert_about((double)x[MIR_WAIT_FEATURE_PLAN_LIMIT], 3); /* nobody is planned in two hours */
    assert_about((double)feature(d, "plan_limit"), 11);
    mir_forecaster_destroy(near);
}

static void a_calibration_changes_the_level_that_is_asked(void **state)
{
    struct desk *d = *state;
    struct mir_calibration calibration;
    unsigned class = mir_calibration_class(2, 6 * HOUR);
    struct mir_forecast forecast;

    mir_calibration_init(&calibration, MIR_CALIBRATION_GAMMA);
    mir_forecaster_set_calibration(d->f, MIR_WAIT_XGB_Q, &calibration);
    assert_about(ask(d, 0.5).wait_h, fixture_quantile_h((double)SLOPE, 0.5));
    for (unsigned i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++)
        calibration.asked[class][i] = 0.3 + (double)mir_wait_levels[i] / 2;
    forecast = ask(d, 0.5);
    assert_about(forecast.level, 0.55);
    assert_about(forecast.wait_h, fixture_quantile_h((double)SLOPE, 0.55));
    assert_about(forecast.p10_h, fixture_quantile_h((double)SLOPE, 0.35));
    assert_about(forecast.p50_h, forecast.wait_h);
    assert_about(forecast.p90_h, fixture_quantile_h((double)SLOPE, 0.75));
    d->request.limit_s = HOUR; /* of another class */
    assert_about(ask(d, 0.5).level, 0.5);
    mir_forecaster_set_calibration(d->f, MIR_WAIT_XGB_Q, NULL);
    mir_forecaster_set_calibration(d->f, MIR_WAIT_FOREST_Q, &calibration); /* another's */
    d->request.limit_s = 6 * HOUR;
    assert_about(ask(d, 0.5).level, 0.5);
}

/* ---- Looking */

/* What is changed behind its back is seen at the first question, and not at the second. */
static void nothing_is_computed_before_it_is_asked_for_and_then_once(void **state)
{
    struct desk *d = *state;

    mir_forecaster_look(d->f, &d->queue);
    d->queue.n_pending = 3;
    assert_about((double)feature(d, "pending_jobs"), 3);
    d->queue.n_pending = 2;
    (void)ask(d, 0.5);
    assert_about((double)feature(d, "pending_jobs"), 3);
    mir_forecaster_look(d->f, &d->queue);
    assert_about((double)feature(d, "pending_jobs"), 2);
}

static void run_times_come_from_the_book(void **state)
{
    struct desk *d = *state;
    struct mir_run_book *book = mir_run_book_create();
    float unknown = feature(d, "expected_release_1h");

    mir_forecaster_set_book(d->f, book);
    assert_true(feature(d, "expected_release_1h") == unknown); /* it has learned nothing */
    for (uint64_t id = 1; id <= 300; id++) {
        const struct mir_run_shape shape = {.n_nodes = 5, .limit_s = 5 * HOUR};

        mir_run_book_start(book, id, &shape, NOW - 10 * HOUR);
        mir_run_book_end(book, id, NOW - 10 * HOUR + 9000);
    }
    mir_run_book_update(book, NOW);
    mir_forecaster_look(d->f, &d->queue);
    assert_true(feature(d, "expected_release_1h") > unknown + 1);
    mir_forecaster_set_book(d->f, NULL);
    assert_true(feature(d, "expected_release_1h") == unknown);
    mir_run_book_destroy(book);
}

static void features_are_those_of_training(void **state)
{
    struct desk *d = *state;
    struct mir_queue_outlook *outlook = mir_queue_outlook_create();
    struct mir_run_book *book = mir_run_book_create();
    float x[MIR_N_WAIT_FEATURES], truth[MIR_N_WAIT_FEATURES];

    mir_queue_outlook_update(outlook, &d->queue, book);
    mir_wait_features(outlook, &d->c, truth);
    mir_forecaster_features(d->f, &d->c, x);
    assert_memory_equal(x, truth, sizeof x);
    mir_queue_outlook_destroy(outlook);
    mir_run_book_destroy(book);
}

/* ---- Out of range */

static void set_range(struct desk *d, const char *name, float low, float high)
{
    d->model->ranges[fixture_feature(name)] = (struct mir_feature_range){low, high, low, 1};
}

static void a_request_that_training_did_not_know_is_not_believed(void **state)
{
    struct desk *d = *state;
    struct mir_forecast forecast;

    set_range(d, "nodes", 2, 4);
    set_range(d, "limit", 1, 12);
    set_range(d, "hour", -1, 0); /* far outside, but the hour alone is no reason */
    forecast = ask(d, 0.5);
    assert_false(forecast.out_of_range);
    assert_int_equal(forecast.n_outside, 1);
    assert_int_equal(forecast.furthest, fixture_feature("hour"));
    d->request.n_nodes = 1;
    forecast = ask(d, 0.5);
    assert_true(forecast.out_of_range);
    assert_int_equal(forecast.n_outside, 2);
    assert_int_equal(forecast.furthest, MIR_WAIT_FEATURE_NODES);
    d->request.n_nodes = 4;
    d->request.limit_s = 13 * HOUR;
    forecast = ask(d, 0.5);
    assert_true(forecast.out_of_range);
    assert_int_equal(forecast.furthest, MIR_WAIT_FEATURE_LIMIT);
    d->request.limit_s = 12 * HOUR;
    assert_false(ask(d, 0.5).out_of_range);
}

static void a_request_larger_than_the_machine_is_not_believed(void **state)
{
    struct desk *d = *state;
    struct mir_forecast forecast;

    d->request.n_nodes = 10;
    assert_false(ask(d, 0.5).out_of_range);
    d->request.n_nodes = 11;
    forecast = ask(d, 0.5);
    assert_true(forecast.out_of_range);
    assert_int_equal(forecast.n_outside, 1);
    assert_int_equal(forecast.furthest, MIR_WAIT_FEATURE_NODES_SHARE);
    d->request.n_nodes = 2;
    d->queue.n_nodes = 0; /* nothing is in service */
    mir_forecaster_look(d->f, &d->queue);
    assert_true(ask(d, 0.5).out_of_range);
}

/* The first `n` known features, other than the request's own, outside of their range. */
static unsigned put_outside(struct desk *d, unsigned n)
{
    float x[MIR_N_WAIT_FEATURES];
    unsigned n_done = 0;

    mir_forecaster_features(d->f, &d->c, x);
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES && n_done < n; i++) {
        if (isnan(x[i]) || i == MIR_WAIT_FEATURE_NODES || i == MIR_WAIT_FEATURE_LIMIT)
            continue;
        d->model->ranges[i] = (struct mir_feature_range){x[i] + 1, x[i] + 2, x[i] + 1, 1};
        n_done++;
    }
    return n_done;
}

static void a_queue_that_is_outside_in_a_quarter_of_all_is_not_believed(void **state)
{
    struct desk *d = *state;

    assert_int_equal(put_outside(d, 18), 18);
    assert_int_equal(ask(d, 0.5).n_outside, 18);
    assert_false(ask(d, 0.5).out_of_range);
    assert_int_equal(put_outside(d, 19), 19);
    assert_int_equal(ask(d, 0.5).n_outside, 19);
    assert_true(ask(d, 0.5).out_of_range);
}

/* ---- The paper's methods */

static void an_outcome_comes_from_the_paper_s_state(void **state)
{
    struct desk *d = *state;
    struct mir_paper_history *paper = MIR_NEW(struct mir_paper_history);
    const struct mir_paper_chain chain = {.predecessor_elapsed_s = 2 * HOUR};
    double outcome_h = 0;

    fixture_outcome(d->model, MIR_WAIT_RF, MIR_PAPER_ROWS - 1, 37, HOUR, -3, 4);
    fixture_outcome(d->model, MIR_WAIT_XGB, MIR_PAPER_ROWS - 1, 0, 5, 7, 8);
    mir_paper_history_init(paper);
    assert_int_equal(mir_forecaster_outcome(d->f, &chain, MIR_WAIT_RF, &outcome_h, NULL), -ENODATA);
    mir_forecaster_set_paper(d->f, paper);
    assert_int_equal(mir_forecaster_outcome(d->f, &chain, MIR_WAIT_RF, &outcome_h, NULL), 0);
    assert_about(outcome_h, 4);
    assert_int_equal(mir_forecaster_outcome(d->f, NULL, MIR_WAIT_RF, &outcome_h, NULL), 0);
    assert_about(outcome_h, -3);
    d->queue.pending_sum.n_jobs = 6;
    mir_paper_history_push(paper, &d->queue);
    assert_int_equal(mir_forecaster_outcome(d->f, NULL, MIR_WAIT_XGB, &outcome_h, NULL), 0);
    assert_about(outcome_h, 8);
    free(paper);
}

/* ---- Without an answer */

static void says_what_is_missing(void **state)
{
    struct desk *d = *state;
    struct mir_forecaster *empty = mir_forecaster_create(0);
    struct mir_forecast_driver drivers[MIR_FORECAST_DRIVERS];
    struct mir_forecast forecast;
    struct mir_error err = {{0}};
    double outcome_h;

    assert_int_equal(mir_forecaster_wait(empty, &d->c, MIR_WAIT_XGB_Q, 0.5, &forecast, &err),
                     -ENODATA);
    assert_string_equal(err.text, "there is no model");
    mir_forecaster_set_model(empty, d->model);
    assert_ptr_equal(mir_forecaster_model(empty), d->model);
    assert_int_equal(mir_forecaster_wait(empty, &d->c, MIR_WAIT_XGB_Q, 0.5, &forecast, &err),
                     -ENODATA);
    assert_string_equal(err.text, "no queue has been looked at");
    mir_forecaster_look(empty, &d->queue);
    assert_int_equal(mir_forecaster_wait(empty, &d->c, MIR_WAIT_FOREST_Q, 0.5, &forecast, &err),
                     -ENODATA);
    assert_string_equal(err.text, "the model cannot answer this by forest-q");
    fixture_outcome(d->model, MIR_WAIT_RF, 0, 0, 1, 0, 0);
    assert_int_equal(mir_forecaster_wait(empty, &d->c, MIR_WAIT_RF, 0.5, &forecast, &err),
                     -ENODATA);
    assert_int_equal(mir_forecaster_outcome(empty, NULL, MIR_WAIT_XGB_Q, &outcome_h, &err),
                     -ENODATA);
    assert_int_equal(mir_forecaster_explain(empty, &d->c, MIR_WAIT_RF, drivers, &err), -ENODATA);
    assert_int_equal(mir_forecaster_wait(empty, &d->c, MIR_WAIT_XGB_Q, 0.5, &forecast, &err), 0);
    mir_forecaster_set_model(empty, NULL);
    assert_null(mir_forecaster_model(empty));
    assert_int_equal(mir_forecaster_explain(empty, &d->c, MIR_WAIT_XGB_Q, drivers, &err), -ENODATA);
    mir_forecaster_destroy(empty);
    mir_forecaster_destroy(NULL);
}

/* ---- What drives it */

enum { N_TREES = 5 };

/* A tree a feature: `t` is less by `change` where the feature is below 0, or unknown. */
static void grow(struct mir_trees *t, const char *const *names, const float *change)
{
    mir_trees_release(t);
    *t = (struct mir_trees){.n_features = MIR_N_WAIT_FEATURES,
                            .n_outputs = MIR_N_WAIT_LEVELS_TRAINED,
                            .n_trees = N_TREES,
                            .n_nodes = 3 * N_TREES,
                            .n_leaves = 2 * N_TREES,
                            .scale = 1};
    t->roots = MIR_NEW_ARRAY(uint32_t, N_TREES);
    t->nodes = MIR_NEW_ARRAY(struct mir_tree_node, 3 * N_TREES);
    t->values = MIR_NEW_ARRAY(float, 2 * (size_t)N_TREES * MIR_N_WAIT_LEVELS_TRAINED);
    for (uint32_t i = 0; i < N_TREES; i++) {
        float *low = t->values + 2 * (size_t)i * MIR_N_WAIT_LEVELS_TRAINED;

        t->roots[i] = 3 * i;
        t->nodes[3 * i] = (struct mir_tree_node){0, 3 * i + 1, fixture_feature(names[i]), 1, 0};
        t->nodes[3 * i + 1] = (struct mir_tree_node){0, 2 * i, MIR_TREE_LEAF, 0, 0};
        t->nodes[3 * i + 2] = (struct mir_tree_node){0, 2 * i + 1, MIR_TREE_LEAF, 0, 0};
        for (unsigned k = 0; k < MIR_N_WAIT_LEVELS_TRAINED; k++) {
            low[k] = 1;
            low[MIR_N_WAIT_LEVELS_TRAINED + k] = 1 + change[i];
        }
    }
}

static void the_strongest_driver_comes_first(void **state)
{
    static const char *const names[N_TREES] = {"nodes", "limit", "pending_jobs", "hour",
                                               "running_jobs"};
    static const float change[N_TREES] = {0.1F, -0.8F, 0.4F, 0.2F, 0.6F};
    struct desk *d = *state;
    struct mir_forecast_driver drivers[MIR_FORECAST_DRIVERS];
    double sum = N_TREES + 0.5; /* of all t */

    grow(&d->model->trees[MIR_WAIT_XGB_Q], names, change);
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++)
        d->model->ranges[i].median = -1;
    assert_int_equal(mir_forecaster_explain(d->f, &d->c, MIR_WAIT_XGB_Q, drivers, NULL), 0);
    for (unsigned i = 0; i < MIR_FORECAST_DRIVERS; i++) {
        static const unsigned strongest[] = {1, 4, 2};
        unsigned tree = strongest[i];
        double truth_h = (exp(sum) - exp(sum - (double)change[tree])) / 4;

        assert_int_equal(drivers[i].feature, fixture_feature(names[tree]));
        assert_about(drivers[i].change_h, truth_h);
    }
    assert_true(drivers[0].change_h < 0 && drivers[1].change_h > 0);
    assert_about(drivers[0].value, 6);
    assert_about(drivers[1].value, 2);
    assert_about(drivers[2].value, 2);
}

/* What is not known has a part as well: were it as usual, the wait would be another. */
static void a_feature_that_is_unknown_may_drive(void **state)
{
    struct desk *d = *state;
    struct mir_forecast_driver drivers[MIR_FORECAST_DRIVERS];

    fixture_quantiles(d->model, MIR_WAIT_FOREST_Q, "wait_mean", 5, SLOPE, STEEP_SLOPE);
    d->model->ranges[fixture_feature("wait_mean")].median = 9;
    assert_int_equal(mir_forecaster_explain(d->f, &d->c, MIR_WAIT_FOREST_Q, drivers, NULL), 0);
    assert_int_equal(drivers[0].feature, fixture_feature("wait_mean"));
    assert_true(isnan(drivers[0].value));
    assert_about(drivers[0].change_h, fixture_quantile_h((double)SLOPE, 0.5) -
                                          fixture_quantile_h((double)STEEP_SLOPE, 0.5));
    assert_true(drivers[1].change_h == 0);
}

#define DESK_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(the_model_is_asked_about_the_request),
        DESK_TEST(slurm_s_plan_comes_with_it),
        DESK_TEST(the_window_of_backfill_is_the_site_s),
        DESK_TEST(a_calibration_changes_the_level_that_is_asked),
        DESK_TEST(nothing_is_computed_before_it_is_asked_for_and_then_once),
        DESK_TEST(run_times_come_from_the_book),
        DESK_TEST(features_are_those_of_training),
        DESK_TEST(a_request_that_training_did_not_know_is_not_believed),
        DESK_TEST(a_request_larger_than_the_machine_is_not_believed),
        DESK_TEST(a_queue_that_is_outside_in_a_quarter_of_all_is_not_believed),
        DESK_TEST(an_outcome_comes_from_the_paper_s_state),
        DESK_TEST(says_what_is_missing),
        DESK_TEST(the_strongest_driver_comes_first),
        DESK_TEST(a_feature_that_is_unknown_may_drive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
