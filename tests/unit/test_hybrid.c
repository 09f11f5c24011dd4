/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_hybrid.c - the policy that weighs futures and a forest, where both are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/lookahead/lookahead.h"
#include "models/predict/forecaster.h"
#include "plugins/policy.h"
#include "tests/unit/model_fixture.h"

enum { HOUR = 3600, END_AT = 1675209600, NODES = 10 };

/* t at level 1 of the forest: a median of 1.6 h, a 0.82 quantile of 6.3 h. */
static const float SLOPE = 4;

/* A machine of ten nodes without jobs: all futures say that nobody waits. */
struct scene {
    struct mir_policy *policy;
    void *instance;
    struct mir_cluster cluster;
    struct mir_lookahead *lookahead;
    struct mir_wait_model *model;
    struct mir_forecaster *forecaster;
    struct mir_run_book *runs;
    struct mir_request successor;
    struct mirage_view view; /* but for now and queue */
    struct mirage_decision last;
};

static void scene_open(struct scene *s, const char *spec)
{
    struct mir_lookahead_options options;
    struct mir_error err = {{0}};

    *s = (struct scene){.successor = {.n_nodes = 2, .limit_s = 48 * HOUR}};
    if (mir_policy_create(spec, &s->policy, &err) != 0)
        fail_msg("%s: %s", spec, err.text);
    assert_int_equal(mir_policy_open(s->policy, 1, &s->instance, &err), 0);
    s->runs = mir_run_book_create();
    mir_cluster_init(&s->cluster, MIR_SCHED_SLURM, NODES);
    mir_lookahead_options_init(&options);
    options.cluster = &s->cluster;
    s->lookahead = mir_lookahead_create(&options);
    mir_lookahead_set_books(s->lookahead, s->runs, NULL);
    s->model = fixture_model();
    fixture_quantiles(s->model, MIR_WAIT_FOREST_Q, "nodes", 0, SLOPE, SLOPE);
    s->forecaster = mir_forecaster_create(0);
    mir_forecaster_set_book(s->forecaster, s->runs);
    mir_forecaster_set_model(s->forecaster, s->model);
    s->view = (struct mirage_view){
        .size = sizeof(s->view),
        .successor = &s->successor,
        .predecessor_start_at = END_AT - 48 * HOUR,
        .predecessor_end_at = END_AT,
        .predecessor_nodes = 2,
        .predecessor_limit_s = 48 * HOUR,
        .period_s = 600,
        .overlap_weight = 1,
        .forecaster = s->forecaster,
        .successor_priority = NAN,
        .lookahead = s->lookahead,
    };
}

static void scene_close(struct scene *s)
{
    mir_policy_plugin(s->policy)->close(s->instance);
    mir_policy_destroy(s->policy);
    mir_forecaster_destroy(s->forecaster);
    mir_wait_model_unref(s->model);
    mir_lookahead_destroy(s->lookahead);
    mir_run_book_destroy(s->runs);
}

static enum mirage_action decide(struct scene *s, double left_h)
{
    const struct mir_snapshot queue = {
        .now = END_AT - (int64_t)(left_h * HOUR),
        .n_nodes = NODES,
        .n_nodes_free = NODES,
    };
    struct mir_error err = {{0}};

    s->view.now = queue.now;
    s->view.queue = &queue;
    mir_lookahead_look(s->lookahead, &queue);
    mir_forecaster_look(s->forecaster, &queue);
    s->last = (struct mirage_decision){.size = sizeof(s->last)};
    assert_int_equal(mir_policy_plugin(s->policy)->decide(s->instance, &s->view, &s->last, &err),
                     0);
    assert_non_null(memchr(s->last.reason, '\0', sizeof(s->last.reason)));
    return s->last.action;
}

static void assert_says(const struct scene *s, const char *part)
{
    if (strstr(s->last.reason, part) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", s->last.reason, part);
}

/* It submits when this much is left and not before, give or take the forest's 20 waits. */
static void assert_lead(struct scene *s, double lead_h)
{
    assert_int_equal(decide(s, lead_h * 1.15 + 0.2), MIRAGE_WAIT);
    s->view.predecessor_start_at++; /* another link: it is not quiet */
    assert_int_equal(decide(s, lead_h * 0.85 - 0.2), MIRAGE_SUBMIT);
    s->view.predecessor_start_at++;
}

/* ---- what it decides */

static void without_the_lookahead_it_leads_by_the_quantile(void **state)
{
    static const double weights[] = {1, 0.5, 0.1};
    struct scene s;

    (void)state;
    scene_open(&s, "hybrid:share=0");
    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
        s.view.overlap_weight = weights[i];
        assert_lead(&s, fixture_quantile_h((double)SLOPE, 1 / (1 + weights[i])));
    }
    scene_close(&s);
}

/* Nobody waits in any of its futures: the end is the time. */
static void without_the_forest_it_believes_the_futures(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "hybrid:share=1");
    for (double left_h = 10; left_h > 0.1; left_h -= 0.5)
        assert_int_equal(decide(&s, left_h), MIRAGE_WAIT);
    scene_close(&s);
}

/*
 * Half of the futures have no wait: the 10/11 quantile of all is the 9/11 quantile of the
 * forest's half, and the median of all is no wait.
 */
static void leads_by_the_quantile_of_both_together(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "hybrid:share=0.5");
    s.view.overlap_weight = 0.1;
    assert_lead(&s, fixture_quantile_h((double)SLOPE, 9.0 / 11));
    s.view.overlap_weight = 1;
    assert_int_equal(decide(&s, 0.9), MIRAGE_WAIT);
    assert_says(&s, "hybrid: now ");
    assert_says(&s, " h by forest-q");
    assert_int_equal(s.last.fell_back, 0);
    scene_close(&s);
}

static void the_successor_warms_up_before_the_end(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "hybrid:share=0");
    s.view.warmup_s = 3 * HOUR;
    assert_lead(&s, 3 + fixture_quantile_h((double)SLOPE, 0.5));
    scene_close(&s);
}

/* The longest of the forest's waits is 13.5 h: a third of the way there, and 2 h at most. */
static void is_quiet_while_it_is_early_for_both(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "hybrid");
    assert_int_equal(decide(&s, 18), MIRAGE_WAIT);
    assert_true(s.last.wait_s >= 0);
    assert_int_equal(decide(&s, 16.6), MIRAGE_WAIT);
    assert_says(&s, "looks again in");
    assert_true(s.last.wait_s < 0);
    assert_int_equal(decide(&s, 16.4), MIRAGE_WAIT);
    assert_true(s.last.wait_s >= 0);
    s.view.predecessor_start_at++; /* the next link: nothing is remembered */
    assert_int_equal(decide(&s, 16.39), MIRAGE_WAIT);
    assert_true(s.last.wait_s >= 0);
    scene_close(&s);
}

/* ---- with less */

static void asks_the_one_that_is_there(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "hybrid");
    s.view.lookahead = NULL;
    assert_int_equal(decide(&s, 1.2), MIRAGE_SUBMIT);
    assert_says(&s, "no lookahead: forest-q: ");
    assert_int_equal(s.last.fell_back, 1);
    s.view.lookahead = s.lookahead;
    s.view.size = offsetof(struct mirage_view, lookahead); /* an older host program */
    assert_int_equal(decide(&s, 1.2), MIRAGE_SUBMIT);
    assert_says(&s, "no lookahead: forest-q: ");
    s.view.size = sizeof(s.view);
    s.successor.n_nodes = NODES + 1; /* can never run, so that nobody predicts it */
    assert_int_equal(decide(&s, 1.2), MIRAGE_WAIT);
    assert_int_equal(s.last.fell_back, 1);
    scene_close(&s);
}

static void without_a_forecast_the_lookahead_decides(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "hybrid");
    s.model->ranges[MIR_WAIT_FEATURE_NODES].high = 1; /* two are asked for */
    assert_int_equal(decide(&s, 1.2), MIRAGE_WAIT);
    assert_says(&s, "out of the model's range: lookahead: ");
    assert_int_equal(s.last.fell_back, 1);
    mir_forecaster_set_model(s.forecaster, NULL);
    assert_int_equal(decide(&s, 1.2), MIRAGE_WAIT);
    assert_says(&s, "no model: lookahead: ");
    s.view.forecaster = NULL;
    assert_int_equal(decide(&s, 1.2), MIRAGE_WAIT);
    assert_says(&s, "no model: lookahead: ");
    s.view.lookahead = NULL;
    assert_int_equal(decide(&s, 1.2), MIRAGE_WAIT);
    assert_says(&s, "no lookahead: no model, by qbets: ");
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_lookahead_it_leads_by_the_quantile),
        cmocka_unit_test(without_the_forest_it_believes_the_futures),
        cmocka_unit_test(leads_by_the_quantile_of_both_together),
        cmocka_unit_test(the_successor_warms_up_before_the_end),
        cmocka_unit_test(is_quiet_while_it_is_early_for_both),
        cmocka_unit_test(asks_the_one_that_is_there),
        cmocka_unit_test(without_a_forecast_the_lookahead_decides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
