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
 * In `share` of all futures, those that are played, nobody waits: their 1 / (1 + w) quantile is
 * one of the forest's.
 */
static void leads_by_the_quantile_of_both_together(void **state)
{
    static const double shares[] = {0.1, 0.4, 0.8}, weights[] = {1, 0.5, 0.1};
    struct scene s;
    char spec[64];

    (void)state;
    for (size_t k = 0; k < sizeof(shares) / sizeof(shares[0]); k++) {
        snprintf(spec, sizeof(spec), "hybrid:share=%g,foresight=0", shares[k]);
        scene_open(&s, spec);
        for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
            double level = (1 / (1 + weights[i]) - shares[k]) / (1 - shares[k]);

            s.view.overlap_weight = weights[i];
            if (level > 0)
                assert_lead(&s, fixture_quantile_h((double)SLOPE, level));
            else
                assert_int_equal(decide(&s, 0.5), MIRAGE_WAIT);
        }
        assert_says(&s, "hybrid: now ");
        assert_says(&s, " futures without arrivals, forest-q ");
        assert_int_equal(s.last.fell_back, 0);
        scene_close(&s);
    }
}

static void the_successor_warms_up_before_the_end(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "hybrid:share=0.1,foresight=0");
    s.view.warmup_s = 3 * HOUR;
    assert_lead(&s, 3 + fixture_quantile_h((double)SLOPE, 0.4 / 0.9));
    scene_close(&s);
}

/* Three hours before the end; of what is told half comes an hour early, half three hours late. */
static void told_waits_have_their_share_of_costs_and_waits(void **state)
{
    const double wait_h[] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6};
    struct mir_snapshot queue = {.now = END_AT - 3 * HOUR, .n_nodes = NODES, .n_nodes_free = NODES};
    struct mir_lookahead_case c = {
        .predecessor_end_at = END_AT,
        .overlap_weight = 0.5,
        .period_s = 600,
        .n_futures = 60,
        .told = {wait_h, 20, 0.25},
    };
    struct mir_lookahead_answer a;
    struct mir_lookahead_fan fan;
    struct scene s;
    uint32_t last;

    (void)state;
    scene_open(&s, "hybrid");
    c.successor = &s.successor;
    mir_lookahead_look(s.lookahead, &queue);
    assert_int_equal(mir_lookahead_ask(s.lookahead, &c, &a, NULL), 0);
    last = a.n_points - 1;
    /* All that are played start at once. */
    assert_float_equal(a.points[0].cost_h, 0.75 * 1.5 + 0.25 * (0.5 * 0.5 + 0.5 * 3), 0.05);
    assert_float_equal(a.points[0].wait_p50_h, 0, 0.02);
    assert_float_equal(a.points[0].wait_p90_h, 6, 0.02);
    /* They wait as long whenever one submits. */
    assert_float_equal(a.points[last].cost_h, 0.25 * (0.5 * 2 + 0.5 * 6), 0.05);
    assert_true(mir_lookahead_explain(s.lookahead, &c, &a, &fan));
    assert_float_equal(fan.cost_p90_h[last], 6, 0.02);
    c.told.n = 0;
    assert_int_equal(mir_lookahead_ask(s.lookahead, &c, &a, NULL), 0);
    assert_float_equal(a.points[0].cost_h, 1.5, 0.01);
    scene_close(&s);
}

/* The longest of the forest's waits is 12 h or so: a third of the way there, and 2 h at most. */
static void is_quiet_while_it_is_early_for_both(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "hybrid");
    assert_int_equal(decide(&s, 24), MIRAGE_WAIT);
    assert_true(s.last.wait_s >= 0);
    assert_int_equal(decide(&s, 22.1), MIRAGE_WAIT);
    assert_says(&s, "hybrid: in no future is it time yet, looks again in 6 min");
    assert_true(s.last.wait_s < 0);
    assert_int_equal(decide(&s, 21.9), MIRAGE_WAIT);
    assert_true(s.last.wait_s >= 0);
    s.view.predecessor_start_at++; /* the next link: nothing is remembered */
    assert_int_equal(decide(&s, 21.8), MIRAGE_WAIT);
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

static void without_a_forecast_futures_alone_decide(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "hybrid");
    s.model->ranges[MIR_WAIT_FEATURE_NODES].high = 1; /* two are asked for */
    s.view.predecessor_start_at++;                    /* not quiet */
    assert_int_equal(decide(&s, 1.2), MIRAGE_WAIT);
    assert_says(&s, "hybrid, nodes out of range: now ");
    assert_int_equal(s.last.fell_back, 1);
    mir_forecaster_set_model(s.forecaster, NULL);
    s.view.predecessor_start_at++; /* not quiet */
    assert_int_equal(decide(&s, 1.2), MIRAGE_WAIT);
    assert_says(&s, "hybrid, no model: now ");
    s.view.forecaster = NULL;
    s.view.predecessor_start_at++; /* not quiet */
    assert_int_equal(decide(&s, 1.2), MIRAGE_WAIT);
    assert_says(&s, "hybrid, no model: now ");
    s.view.lookahead = NULL;
    s.view.predecessor_start_at++; /* not quiet */
    assert_int_equal(decide(&s, 1.2), MIRAGE_WAIT);
    assert_says(&s, "no lookahead: no model, by qbets: ");
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_forest_it_believes_the_futures),
        cmocka_unit_test(leads_by_the_quantile_of_both_together),
        cmocka_unit_test(the_successor_warms_up_before_the_end),
        cmocka_unit_test(told_waits_have_their_share_of_costs_and_waits),
        cmocka_unit_test(is_quiet_while_it_is_early_for_both),
        cmocka_unit_test(asks_the_one_that_is_there),
        cmocka_unit_test(without_a_forecast_futures_alone_decide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
