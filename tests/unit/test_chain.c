/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_chain.c - one link of a chain under good, failing and broken policies. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/engine/chain.h"

enum { START = 1000000, LIMIT = 172800, END = START + LIMIT };

/* A policy that answers what the test told it and keeps the view. */
struct script {
    int rc;
    const char *error; /* NULL: leaves `err` alone */
    struct mirage_decision answer;
    struct mirage_view view;
    struct mir_request successor;
    struct mirage_decision given; /* as it came in */
    unsigned n_asked;
};

static int script_decide(void *state,
                         const struct mirage_view *view,
                         struct mirage_decision *out,
                         struct mir_error *err)
{
    struct script *s = state;

    s->n_asked++;
    s->view = *view;
    s->successor = *view->successor;
    s->given = *out;
    *out = s->answer;
    if (s->error != NULL)
        mir_error_set(err, s->rc, "%s", s->error);
    return s->rc;
}

static const struct mirage_plugin script_plugin = {
    .abi = MIRAGE_PLUGIN_ABI,
    .size = sizeof(script_plugin),
    .name = "script",
    .decide = script_decide,
};

static const struct mir_chain_settings settings = {
    .shape = {.n_nodes = 8, .limit_s = LIMIT, .run_s = MIR_UNKNOWN, .user = 42},
    .overlap_weight = 0.5,
    .period_s = 600,
    .warmup_s = 90,
};

static struct mir_link script_link(struct script *s)
{
    return (struct mir_link){
        .settings = &settings,
        .plugin = &script_plugin,
        .policy_state = s,
        .predecessor_submit_at = START - 5000,
        .predecessor_start_at = START,
        .predecessor_end_at = END,
    };
}

static void shows_the_policy_the_chain_and_the_queue(void **state)
{
    struct script s = {.answer = {.action = MIRAGE_SUBMIT, .wait_s = 77, .reason = "because"}};
    const struct mir_link link = script_link(&s);
    const struct mir_snapshot queue = {.now = START + 1200};
    struct mirage_decision d;

    (void)state;
    mir_link_decide(&link, &queue, &d);
    assert_int_equal(s.view.size, sizeof(struct mirage_view));
    assert_int_equal(s.view.now, START + 1200);
    assert_ptr_equal(s.view.queue, &queue);
    assert_int_equal(s.successor.n_nodes, 8);
    assert_int_equal(s.successor.user, 42);
    assert_int_equal(s.view.predecessor_submit_at, START - 5000);
    assert_int_equal(s.view.predecessor_start_at, START);
    assert_int_equal(s.view.predecessor_end_at, END);
    assert_int_equal(s.view.predecessor_nodes, 8);
    assert_int_equal(s.view.predecessor_limit_s, LIMIT);
    assert_int_equal(s.view.period_s, 600);
    assert_int_equal(s.view.warmup_s, 90);
    assert_true(fabs(s.view.overlap_weight - 0.5) < 1e-12);
    assert_int_equal(s.given.size, sizeof(struct mirage_decision));
    assert_int_equal(d.action, MIRAGE_SUBMIT);
    assert_true(fabs(d.wait_s - 77) < 1e-9);
    assert_string_equal(d.reason, "because");
}

static void submits_at_and_past_the_end_without_asking(void **state)
{
    static const int64_t instants[] = {END, END + 1, END + 999999};
    struct script s = {.answer = {.action = MIRAGE_WAIT}, .rc = -EIO};
    const struct mir_link link = script_link(&s);

    (void)state;
    for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
        const struct mir_snapshot queue = {.now = instants[i]};
        struct mirage_decision d;

        mir_link_decide(&link, &queue, &d);
        assert_int_equal(d.action, MIRAGE_SUBMIT);
        assert_true(d.wait_s < 0);
        assert_true(d.reason[0] != '\0');
        assert_int_equal(d.size, sizeof(d));
    }
    assert_int_equal(s.n_asked, 0);
}

static void a_failing_policy_waits_and_says_why(void **state)
{
    const struct mir_snapshot queue = {.now = END - 1};
    struct script s = {
        .rc = -EIO,
        .error = "model is gone",
        .answer = {.action = MIRAGE_SUBMIT, .wait_s = 5, .reason = "half an answer"},
    };
    const struct mir_link link = script_link(&s);
    struct mirage_decision d;

    (void)state;
    mir_link_decide(&link, &queue, &d);
    assert_int_equal(d.action, MIRAGE_WAIT);
    assert_true(d.wait_s < 0);
    assert_string_equal(d.reason, "script failed, waits: model is gone");

    s.error = NULL;
    mir_link_decide(&link, &queue, &d);
    assert_int_equal(d.action, MIRAGE_WAIT);
    assert_string_equal(d.reason, "script failed, waits: error 5");
}

static void a_long_error_is_cut_to_a_reason(void **state)
{
    const struct mir_snapshot queue = {.now = START};
    char text[400];
    struct script s = {.rc = -EIO, .error = text};
    const struct mir_link link = script_link(&s);
    struct mirage_decision d;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    mir_link_decide(&link, &queue, &d);
    assert_int_equal(strlen(d.reason), sizeof(d.reason) - 1);
    assert_memory_equal(d.reason, "script failed, waits: xxx", 25);
}

static void nonsense_from_a_policy_is_made_harmless(void **state)
{
    const struct mir_snapshot queue = {.now = START};
    const int nonsense = 17; /* what a module of another compiler may put into an enum */
    struct script s = {.answer = {.wait_s = NAN}};
    const struct mir_link link = script_link(&s);
    struct mirage_decision d;

    (void)state;
    mir_link_decide(&link, &queue, &d);
    assert_int_equal(d.action, MIRAGE_WAIT);
    assert_true(d.wait_s < 0);
    assert_string_equal(d.reason, "script gives no reason");

    memset(s.answer.reason, 'r', sizeof(s.answer.reason));
    s.answer.reason[3] = '\n';
    s.answer.wait_s = INFINITY;
    mir_link_decide(&link, &queue, &d);
    assert_int_equal(strlen(d.reason), sizeof(d.reason) - 1);
    assert_memory_equal(d.reason, "rrr r", 5);
    assert_true(d.wait_s < 0);

    memcpy(&s.answer.action, &nonsense, sizeof(s.answer.action));
    mir_link_decide(&link, &queue, &d);
    assert_int_equal(d.action, MIRAGE_WAIT);
    assert_string_equal(d.reason, "script failed, waits: answered neither wait nor submit");
}

static void next_decision_is_the_first_on_the_grid(void **state)
{
    static const int32_t periods[] = {1, 7, 600, 1000, LIMIT, LIMIT + 1};
    struct script s = {0};

    (void)state;
    for (size_t p = 0; p < sizeof(periods) / sizeof(periods[0]); p++) {
        struct mir_chain_settings own = settings;
        struct mir_link link = script_link(&s);
        int64_t expected = START;

        own.period_s = periods[p];
        link.settings = &own;
        link.predecessor_end_at = START + 2500; /* 2500 is no multiple of 600, 1000 or 7 */
        for (int64_t at = START - 10; at < START + 3000; at++) {
            while (expected < at && expected < link.predecessor_end_at)
                expected += own.period_s;
            if (expected > link.predecessor_end_at)
                expected = link.predecessor_end_at;
            assert_int_equal(mir_link_next_decision(&link, at), expected);
        }
    }
}

static void next_decision_survives_extreme_times(void **state)
{
    struct script s = {0};
    struct mir_chain_settings own = settings;
    struct mir_link link = script_link(&s);

    (void)state;
    link.settings = &own;
    assert_int_equal(mir_link_next_decision(&link, INT64_MIN), START);
    assert_int_equal(mir_link_next_decision(&link, INT64_MAX), END);
    own.period_s = INT32_MAX;
    link.predecessor_end_at = INT64_MAX;
    assert_int_equal(mir_link_next_decision(&link, INT64_MAX - 1), INT64_MAX);
    own.period_s = 0;
    link.predecessor_end_at = END;
    assert_int_equal(mir_link_next_decision(&link, START + 1), END);
    link.predecessor_end_at = START - 5; /* ended before it began: never beyond its end */
    assert_int_equal(mir_link_next_decision(&link, START), START - 5);
}

/* Walk a link under `spec` as a daemon does; returns when the successor is submitted. */
static int64_t submission_under(const char *spec, unsigned *n_decisions)
{
    struct mir_policy *policy = NULL;
    struct script unused = {0};
    struct mir_link link = script_link(&unused);
    struct mirage_decision d = {.action = MIRAGE_WAIT};
    int64_t at = START - 1;

    *n_decisions = 0;
    assert_int_equal(mir_policy_create(spec, &policy, NULL), 0);
    link.plugin = mir_policy_plugin(policy);
    assert_int_equal(mir_policy_open(policy, 1, &link.policy_state, NULL), 0);
    while (d.action == MIRAGE_WAIT) {
        struct mir_snapshot queue = {.now = mir_link_next_decision(&link, at + 1)};

        assert_true(queue.now > at);
        at = queue.now;
        mir_link_decide(&link, &queue, &d);
        ++*n_decisions;
    }
    link.plugin->close(link.policy_state);
    mir_policy_destroy(policy);
    return at;
}

static void walks_real_policies_to_their_submission(void **state)
{
    unsigned n;

    (void)state;
    assert_int_equal(submission_under("reactive", &n), END);
    assert_int_equal(n, LIMIT / 600 + 1);
    assert_int_equal(submission_under("lead:hours=6", &n), END - 6 * 3600);
    /* 605 s are not on the grid: the decision at 600 s before the end is the first to see it. */
    assert_int_equal(submission_under("lead:seconds=605", &n), END - 600);
    assert_int_equal(submission_under("lead:hours=100", &n), START);
    assert_int_equal(n, 1);
    assert_int_equal(submission_under("avg", &n), END);
}

static void hands_on_what_predicts_waits(void **state)
{
    struct script s = {.answer = {.action = MIRAGE_WAIT, .reason = "because"}};
    struct mir_link link = script_link(&s);
    const struct mir_snapshot queue = {.now = START + 1200};
    struct mirage_decision d;

    (void)state;
    mir_link_decide(&link, &queue, &d);
    assert_null(s.view.forecaster);
    assert_true(isnan(s.view.successor_priority));
    link.forecaster = (struct mir_forecaster *)&s; /* nobody looks into it */
    link.successor_priority = 4321.5;
    mir_link_decide(&link, &queue, &d);
    assert_ptr_equal(s.view.forecaster, &s);
    assert_true(fabs(s.view.successor_priority - 4321.5) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_policy_the_chain_and_the_queue),
        cmocka_unit_test(hands_on_what_predicts_waits),
        cmocka_unit_test(submits_at_and_past_the_end_without_asking),
        cmocka_unit_test(a_failing_policy_waits_and_says_why),
        cmocka_unit_test(a_long_error_is_cut_to_a_reason),
        cmocka_unit_test(nonsense_from_a_policy_is_made_harmless),
        cmocka_unit_test(next_decision_is_the_first_on_the_grid),
        cmocka_unit_test(next_decision_survives_extreme_times),
        cmocka_unit_test(walks_real_policies_to_their_submission),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
