/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_learned_policies.c - rf, xgb, forest-q and xgb-q on models whose answers are known. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/predict/forecaster.h"
#include "plugins/policy.h"
#include "tests/unit/model_fixture.h"

enum { HOUR = 3600, END_AT = 1675209600, N_STARTS = 300 };

/* t at level 1 of the fixture's models: a median of 1.6 h, a 0.91 quantile of 9.2 h. */
static const float SLOPE = 4;

/* A chain of one node and 48 h, and what its policy sees. */
struct scene {
    struct mir_policy *policy;
    void *instance;
    struct mir_wait_model *model;
    struct mir_forecaster *forecaster;
    struct mir_run_book *book;
    struct mir_paper_history paper;
    struct mir_start starts[N_STARTS];
    struct mir_pending_job pending[3];
    struct mir_request successor;
    struct mirage_view view; /* but for now, queue and successor */
    struct mirage_decision last;
};

static void scene_open(struct scene *s, const char *spec)
{
    struct mir_error err = {{0}};

    *s = (struct scene){.successor = {.n_nodes = 1, .limit_s = 48 * HOUR}};
    for (int i = 0; i < N_STARTS; i++)
        s->starts[i] =
            (struct mir_start){.n_nodes = 1, .limit_s = 48 * HOUR, .wait_s = 60 * ((7 * i) % 400)};
    if (mir_policy_create(spec, &s->policy, &err) != 0)
        fail_msg("%s: %s", spec, err.text);
    assert_int_equal(mir_policy_open(s->policy, 1, &s->instance, &err), 0);
    s->model = fixture_model();
    s->book = mir_run_book_create();
    s->forecaster = mir_forecaster_create(0);
    mir_forecaster_set_book(s->forecaster, s->book);
    mir_paper_history_init(&s->paper);
    mir_forecaster_set_paper(s->forecaster, &s->paper);
    s->view = (struct mirage_view){
        .size = sizeof(s->view),
        .predecessor_submit_at = END_AT - 50 * HOUR,
        .predecessor_start_at = END_AT - 48 * HOUR,
        .predecessor_end_at = END_AT,
        .predecessor_nodes = 1,
        .predecessor_limit_s = 48 * HOUR,
        .period_s = 600,
        .overlap_weight = 1,
        .forecaster = s->forecaster,
        .successor_priority = NAN,
    };
}

/* The forecaster of a scene has its model; one without is the test's wish. */
static void scene_use_model(struct scene *s)
{
    mir_forecaster_set_model(s->forecaster, s->model);
}

static void scene_close(struct scene *s)
{
    mir_policy_plugin(s->policy)->close(s->instance);
    mir_policy_destroy(s->policy);
    mir_forecaster_destroy(s->forecaster);
    mir_run_book_destroy(s->book);
    mir_wait_model_unref(s->model);
}

static enum mirage_action decide(struct scene *s, int64_t left_s)
{
    const struct mir_snapshot queue = {
        .now = END_AT - left_s,
        .n_nodes = 76,
        .pending = s->pending,
        .n_pending = s->pending[0].n_nodes > 0 ? 3 : 0,
        .history = {.old = s->starts, .n_old = 0, .recent = s->starts, .n_recent = N_STARTS},
    };
    struct mir_error err = {{0}};

    s->view.now = queue.now;
    s->view.queue = &queue;
    s->view.successor = &s->successor;
    mir_forecaster_look(s->forecaster, &queue);
    s->last = (struct mirage_decision){.size = sizeof(s->last)};
    assert_int_equal(mir_policy_plugin(s->policy)->decide(s->instance, &s->view, &s->last, &err),
                     0);
    assert_non_null(memchr(s->last.reason, '\0', sizeof(s->last.reason)));
    assert_null(strchr(s->last.reason, '\n'));
    return s->last.action;
}

/* It submits when this much is left, and not a minute before. */
static void assert_lead(struct scene *s, double lead_s)
{
    assert_int_equal(decide(s, (int64_t)lead_s + 60), MIRAGE_WAIT);
    assert_int_equal(decide(s, (int64_t)lead_s - 60), MIRAGE_SUBMIT);
}

static void assert_says(const struct scene *s, const char *part)
{
    if (strstr(s->last.reason, part) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", s->last.reason, part);
}

static const struct {
    const char *name;
    enum mir_wait_method method;
} by_quantile[] = {{"forest-q", MIR_WAIT_FOREST_Q}, {"xgb-q", MIR_WAIT_XGB_Q}},
  by_outcome[] = {{"rf", MIR_WAIT_RF}, {"xgb", MIR_WAIT_XGB}};

/* ---- The quantile rule */

static void quantile_policies_lead_by_the_quantile_of_the_weight(void **state)
{
    static const double weights[] = {1, 0.5, 0.25};

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct scene s;

        scene_open(&s, by_quantile[p].name);
        fixture_quantiles(s.model, by_quantile[p].method, "nodes", 1000, SLOPE, 0);
        scene_use_model(&s);
        for (size_t i = 0; i < 3; i++) {
            double wait_s = HOUR * fixture_quantile_h((double)SLOPE, 1 / (1 + weights[i]));

            s.view.overlap_weight = weights[i];
            assert_lead(&s, wait_s);
            assert_true(fabs(s.last.wait_s - wait_s) < 2);
            assert_int_equal(s.last.fell_back, 0);
        }
        /* By hand: (exp(4 * 0.8) - 1) / 4 = 5.9 h. */
        assert_says(&s, by_quantile[p].name);
        assert_says(&s, ": p10 7 min, p90 8.9 h, 0.8 quantile 5.9 h >= 5.9 h left");
        scene_close(&s);
    }
}

static void a_given_quantile_overrules_the_weight(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "xgb-q:quantile=0.7");
    fixture_quantiles(s.model, MIR_WAIT_XGB_Q, "nodes", 1000, SLOPE, 0);
    scene_use_model(&s);
    assert_lead(&s, HOUR * fixture_quantile_h((double)SLOPE, 0.7));
    s.view.overlap_weight = 0.1;
    assert_lead(&s, HOUR * fixture_quantile_h((double)SLOPE, 0.7));
    scene_close(&s);
}

static void a_warm_up_comes_on_top_of_the_wait(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "forest-q");
    fixture_quantiles(s.model, MIR_WAIT_FOREST_Q, "nodes", 1000, SLOPE, 0);
    scene_use_model(&s);
    s.view.warmup_s = 900;
    assert_lead(&s, HOUR * fixture_quantile_h((double)SLOPE, 0.5) + 900);
    scene_close(&s);
}

/* The model's answer depends on what only the chain knows: nothing is made up or left out. */
static void the_model_is_asked_about_this_very_successor(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "xgb-q");
    fixture_quantiles(s.model, MIR_WAIT_XGB_Q, "limit", 47.9F, 0, SLOPE);
    scene_use_model(&s);
    assert_int_equal(decide(&s, HOUR), MIRAGE_SUBMIT);
    s.successor.limit_s = 47 * HOUR;
    assert_int_equal(decide(&s, HOUR), MIRAGE_WAIT);
    scene_close(&s);

    scene_open(&s, "xgb-q");
    fixture_quantiles(s.model, MIR_WAIT_XGB_Q, "predecessor_left", 1.2F, SLOPE, 0);
    scene_use_model(&s);
    assert_lead(&s, 1.2 * HOUR);
    scene_close(&s);

    scene_open(&s, "xgb-q");
    for (int i = 0; i < 3; i++)
        s.pending[i] = (struct mir_pending_job){.submit_at = END_AT - 60 * HOUR,
                                                .eligible_at = END_AT - 60 * HOUR,
                                                .id = (uint32_t)i + 1,
                                                .limit_s = HOUR,
                                                .n_nodes = 1,
                                                .priority = 300 - 100 * i};
    fixture_quantiles(s.model, MIR_WAIT_XGB_Q, "ahead_jobs", 2.5F, 0, SLOPE);
    scene_use_model(&s);
    assert_int_equal(decide(&s, HOUR), MIRAGE_SUBMIT);
    s.view.successor_priority = 100;
    assert_int_equal(decide(&s, HOUR), MIRAGE_SUBMIT);
    s.view.successor_priority = 150;
    assert_int_equal(decide(&s, HOUR), MIRAGE_WAIT);
    scene_close(&s);
}

/* ---- The paper's rule */

static void paper_policies_submit_from_the_threshold_on(void **state)
{
    static const struct {
        const char *options;
        float outcome_h;
        int32_t warmup_s;
        enum mirage_action action;
    } cases[] = {
        {"", -0.51F, 0, MIRAGE_WAIT},
        {"", -0.5F, 0, MIRAGE_SUBMIT},
        {"", 3, 0, MIRAGE_SUBMIT},
        {"", -30, 0, MIRAGE_WAIT},
        {":threshold=-2", -1.9F, 0, MIRAGE_SUBMIT},
        {":threshold=-2", -2.1F, 0, MIRAGE_WAIT},
        {":threshold=1", 0.5F, 0, MIRAGE_WAIT},
        {"", -1, 30 * 60, MIRAGE_SUBMIT},
        {"", -1, 29 * 60, MIRAGE_WAIT},
    };

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct scene s;
            char spec[64];

            snprintf(spec, sizeof(spec), "%s%s", by_outcome[p].name, cases[i].options);
            scene_open(&s, spec);
            s.view.warmup_s = cases[i].warmup_s;
            fixture_outcome(s.model, by_outcome[p].method, 0, 0, 1e6F, cases[i].outcome_h, 0);
            scene_use_model(&s);
            assert_int_equal(decide(&s, 10 * HOUR), cases[i].action);
            assert_int_equal(lround(s.last.wait_s),
                             lround(fmax(0, 3600 * (10 + (double)cases[i].outcome_h))));
            assert_true(strncmp(s.last.reason, by_outcome[p].name, strlen(by_outcome[p].name)) ==
                        0);
            scene_close(&s);
        }
    }
}

static void the_weight_does_not_move_the_papers_rule(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "rf");
    fixture_outcome(s.model, MIR_WAIT_RF, 0, 0, 1e6F, -0.4F, 0);
    scene_use_model(&s);
    s.view.overlap_weight = 1000;
    assert_int_equal(decide(&s, 40 * HOUR), MIRAGE_SUBMIT);
    assert_says(&s, "0.4 h before the predecessor's end, threshold -0.5 h reached");
    scene_close(&s);
}

/* In the newest row, and in the oldest: the paper's code writes the chain into all of them. */
static void the_papers_models_see_the_chain(void **state)
{
    static const struct {
        unsigned index;
        float between; /* a threshold between the two chains' numbers */
    } cases[] = {{34, 2879}, {35, 0.5F}, {36, 7199}, {37, 36000 - 1}, {38, 2879}, {39, 0.5F}};

    (void)state;
    for (unsigned row = 0; row < MIR_PAPER_ROWS; row += MIR_PAPER_ROWS - 1) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct scene s;

            scene_open(&s, "xgb");
            fixture_outcome(s.model, MIR_WAIT_XGB, row, cases[i].index, cases[i].between, -9, 1);
            scene_use_model(&s);
            assert_int_equal(decide(&s, 38 * HOUR), MIRAGE_SUBMIT);
            s.view.predecessor_limit_s = s.successor.limit_s = HOUR;
            s.view.predecessor_nodes = s.successor.n_nodes = 0;
            s.view.predecessor_submit_at = s.view.predecessor_start_at = END_AT - 47 * HOUR;
            assert_int_equal(decide(&s, 38 * HOUR), MIRAGE_WAIT);
            scene_close(&s);
        }
    }
}

/* ---- Where there is no forecast */

/* The same action as qbets takes, and its reason behind ours. */
static void assert_decides_as_qbets(struct scene *s, const char *qbets_spec, const char *because)
{
    struct scene other;
    char expected[64 + sizeof(s->last.reason)];

    scene_open(&other, qbets_spec);
    for (int64_t left_s = 600; left_s < 12 * HOUR; left_s += 600) {
        assert_int_equal(decide(s, left_s), decide(&other, left_s));
        assert_true(fabs(s->last.wait_s - other.last.wait_s) < 1e-9);
        snprintf(expected, sizeof(expected), "%s, by qbets: %s", because, other.last.reason);
        assert_string_equal(s->last.reason, expected);
        assert_int_equal(s->last.fell_back, 1);
        assert_int_equal(other.last.fell_back, 0);
    }
    /* Otherwise nothing was compared. */
    assert_true(other.last.wait_s > 600 && other.last.wait_s < 12 * HOUR);
    scene_close(&other);
}

static void without_a_model_qbets_decides(void **state)
{
    static const char *const names[] = {"rf", "xgb", "forest-q", "xgb-q"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct scene s;

        scene_open(&s, names[i]);
        s.view.forecaster = NULL;
        assert_decides_as_qbets(&s, "qbets", "no model");
        s.view.forecaster = s.forecaster;
        assert_decides_as_qbets(&s, "qbets", "no model");
        scene_close(&s);
    }
}

static void a_view_without_forecasters_is_as_good_as_no_model(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "xgb-q");
    fixture_quantiles(s.model, MIR_WAIT_XGB_Q, "nodes", 1000, SLOPE, 0);
    scene_use_model(&s);
    s.view.size = offsetof(struct mirage_view, forecaster);
    assert_decides_as_qbets(&s, "qbets", "no model");
    scene_close(&s);
}

static void a_method_that_the_model_lacks_is_named(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "forest-q");
    fixture_quantiles(s.model, MIR_WAIT_XGB_Q, "nodes", 1000, SLOPE, 0);
    scene_use_model(&s);
    assert_decides_as_qbets(&s, "qbets", "no forest-q in the model");
    scene_close(&s);
}

static void far_from_what_training_saw_qbets_decides(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "xgb-q");
    fixture_quantiles(s.model, MIR_WAIT_XGB_Q, "nodes", 1000, SLOPE, 0);
    /* All but the request itself, and one more than the others. */
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++) {
        if (i != fixture_feature("nodes") && i != fixture_feature("limit"))
            s.model->ranges[i] = (struct mir_feature_range){1e6F, 1e7F, 1e6F, 1};
    }
    s.model->ranges[fixture_feature("nodes_in_service")].low = 1e8F;
    scene_use_model(&s);
    assert_decides_as_qbets(&s, "qbets", "nodes_in_service out of range");
    scene_close(&s);
}

static void without_the_papers_history_qbets_decides(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "rf");
    fixture_outcome(s.model, MIR_WAIT_RF, 0, 0, 1e6F, 3, 0);
    scene_use_model(&s);
    mir_forecaster_set_paper(s.forecaster, NULL);
    assert_int_equal(decide(&s, 47 * HOUR), MIRAGE_WAIT);
    assert_says(&s, ", by qbets: 95 % bound");
    scene_close(&s);
}

static void qbets_gets_the_quantile_that_was_given(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "xgb-q:quantile=0.9");
    assert_decides_as_qbets(&s, "qbets:quantile=0.9", "no model");
    scene_close(&s);
    /* 1 has no bound; the highest there is. */
    scene_open(&s, "xgb-q:quantile=1");
    assert_decides_as_qbets(&s, "qbets:quantile=0.99", "no model");
    scene_close(&s);
}

/* ---- As policies */

static void options_of_the_other_rule_are_refused(void **state)
{
    static const struct {
        const char *spec, *says;
    } cases[] = {
        {"forest-q:threshold=1", "known: quantile"}, {"xgb-q:quantile=1.5", "out of range"},
        {"rf:quantile=0.5", "known: threshold"},     {"xgb:threshold=x", "not a number"},
        {"xgb-q:quantile=-0.1", "out of range"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mir_error err = {{0}};
        struct mir_policy *policy = NULL;

        assert_int_equal(mir_policy_create(cases[i].spec, &policy, &err), -EINVAL);
        if (strstr(err.text, cases[i].says) == NULL)
            fail_msg("%s: \"%s\"", cases[i].spec, err.text);
    }
}

/* A loaded plugin finds the forecaster in the program that loads it. */
static void loaded_from_a_file_they_decide_alike(void **state)
{
    static const char *const names[] = {"rf", "xgb", "forest-q", "xgb-q"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct scene s, loaded;
        char path[256];

        snprintf(path, sizeof(path), "%s/plugins/%s.so", MIR_BINARY_DIR, names[i]);
        scene_open(&s, names[i]);
        scene_open(&loaded, path);
        assert_ptr_not_equal(mir_policy_plugin(s.policy), mir_policy_plugin(loaded.policy));
        assert_string_equal(mir_policy_plugin(loaded.policy)->name, names[i]);
        for (size_t p = 0; p < 2; p++) {
            fixture_quantiles(loaded.model, by_quantile[p].method, "nodes", 1000, SLOPE, 0);
            fixture_quantiles(s.model, by_quantile[p].method, "nodes", 1000, SLOPE, 0);
            fixture_outcome(loaded.model, by_outcome[p].method, 0, 0, 1e6F, 0.25F, 0);
            fixture_outcome(s.model, by_outcome[p].method, 0, 0, 1e6F, 0.25F, 0);
        }
        scene_use_model(&loaded);
        scene_use_model(&s);
        assert_int_equal(decide(&s, HOUR), MIRAGE_SUBMIT);
        assert_int_equal(decide(&loaded, HOUR), MIRAGE_SUBMIT);
        assert_string_equal(s.last.reason, loaded.last.reason);
        scene_close(&loaded);
        scene_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantile_policies_lead_by_the_quantile_of_the_weight),
        cmocka_unit_test(a_given_quantile_overrules_the_weight),
        cmocka_unit_test(a_warm_up_comes_on_top_of_the_wait),
        cmocka_unit_test(the_model_is_asked_about_this_very_successor),
        cmocka_unit_test(paper_policies_submit_from_the_threshold_on),
        cmocka_unit_test(the_weight_does_not_move_the_papers_rule),
        cmocka_unit_test(the_papers_models_see_the_chain),
        cmocka_unit_test(without_a_model_qbets_decides),
        cmocka_unit_test(a_view_without_forecasters_is_as_good_as_no_model),
        cmocka_unit_test(a_method_that_the_model_lacks_is_named),
        cmocka_unit_test(far_from_what_training_saw_qbets_decides),
        cmocka_unit_test(without_the_papers_history_qbets_decides),
        cmocka_unit_test(qbets_gets_the_quantile_that_was_given),
        cmocka_unit_test(options_of_the_other_rule_are_refused),
        cmocka_unit_test(loaded_from_a_file_they_decide_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
