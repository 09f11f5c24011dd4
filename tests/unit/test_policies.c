/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_policies.c - each built-in policy on histories whose answer is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "plugins/asa/learner.h"
#include "plugins/policy.h"

enum { HOUR = 3600, END_AT = 1000000, MAX_STARTS = 30000 };

/* A chain of one node and 48 h under a policy, and the history it sees. */
struct scene {
    struct mir_policy *policy;
    void *instance;
    struct mir_start *starts;
    size_t n;
    struct mir_request successor;
    double weight;
    int32_t warmup_s;
    struct mirage_decision last;
};

static void scene_open(struct scene *s, const char *spec, uint64_t seed)
{
    struct mir_error err = {{0}};

    *s = (struct scene){.successor = {.n_nodes = 1, .limit_s = 48 * HOUR}, .weight = 1};
    s->starts = MIR_NEW_ARRAY(struct mir_start, MAX_STARTS);
    if (mir_policy_create(spec, &s->policy, &err) != 0)
        fail_msg("%s: %s", spec, err.text);
    assert_int_equal(mir_policy_open(s->policy, seed, &s->instance, &err), 0);
}

static void scene_close(struct scene *s)
{
    mir_policy_plugin(s->policy)->close(s->instance);
    mir_policy_destroy(s->policy);
    free(s->starts);
}

static void add_start(struct scene *s, uint32_t n_nodes, int32_t limit_s, int32_t wait_s)
{
    assert_true(s->n < MAX_STARTS);
    s->starts[s->n++] =
        (struct mir_start){.n_nodes = n_nodes, .limit_s = limit_s, .wait_s = wait_s};
}

/* A start of the successor's own class. */
static void add_wait(struct scene *s, int32_t wait_s)
{
    add_start(s, 1, 48 * HOUR, wait_s);
}

static enum mirage_action decide(struct scene *s, int64_t left_s)
{
    const struct mirage_plugin *plugin = mir_policy_plugin(s->policy);
    const struct mir_snapshot queue = {
        .now = END_AT - left_s,
        .history = {.old = s->starts,
                    .n_old = s->n / 2,
                    .recent = s->starts + s->n / 2,
                    .n_recent = s->n - s->n / 2},
    };
    const struct mirage_view view = {
        .size = sizeof(view),
        .now = queue.now,
        .queue = &queue,
        .successor = &s->successor,
        .predecessor_start_at = END_AT - 48 * HOUR,
        .predecessor_end_at = END_AT,
        .predecessor_nodes = 1,
        .predecessor_limit_s = 48 * HOUR,
        .period_s = 600,
        .warmup_s = s->warmup_s,
        .overlap_weight = s->weight,
    };
    struct mir_error err = {{0}};

    s->last = (struct mirage_decision){.size = sizeof(s->last)};
    assert_int_equal(plugin->decide(s->instance, &view, &s->last, &err), 0);
    assert_non_null(memchr(s->last.reason, '\0', sizeof(s->last.reason)));
    assert_true(strlen(s->last.reason) > 5);
    assert_null(strchr(s->last.reason, '\n'));
    return s->last.action;
}

/* It counts with `wait_s` and acts on it to the second. */
static void assert_wait(struct scene *s, int32_t wait_s)
{
    assert_int_equal(decide(s, wait_s + s->warmup_s + 1), MIRAGE_WAIT);
    assert_int_equal(decide(s, wait_s + s->warmup_s), MIRAGE_SUBMIT);
    assert_int_equal(lround(s->last.wait_s), wait_s);
}

static void every_policy_waits_on_an_empty_history(void **state)
{
    static const char *const specs[] = {"reactive", "avg",       "quantile", "qbets",
                                        "asa",      "rf",        "xgb",      "forest-q",
                                        "xgb-q",    "lookahead", "hybrid"};

    (void)state;
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        struct scene s;

        scene_open(&s, specs[i], 1);
        s.warmup_s = 600;
        assert_int_equal(decide(&s, 48 * HOUR), MIRAGE_WAIT);
        assert_int_equal(decide(&s, 1), MIRAGE_WAIT);
        assert_true(s.last.wait_s < 0);
        scene_close(&s);
    }
}

static void every_policy_says_what_it_reads(void **state)
{
    (void)state;
    for (size_t i = 0; mir_policy_builtin()[i] != NULL; i++) {
        const struct mirage_plugin *p = mir_policy_builtin()[i];
        bool learns = strcmp(p->name, "reactive") != 0 && strcmp(p->name, "lead") != 0;
        bool paper = strcmp(p->name, "rf") == 0 || strcmp(p->name, "xgb") == 0;
        bool ahead = strcmp(p->name, "lookahead") == 0 || strcmp(p->name, "hybrid") == 0;
        bool asks = paper || ahead || strstr(p->name, "-q") != NULL;
        bool weighs = asks || strcmp(p->name, "quantile") == 0 || strcmp(p->name, "qbets") == 0;

        assert_int_equal(p->snapshot_parts, (learns ? MIR_SNAPSHOT_HISTORY : 0) |
                                                (asks ? MIR_SNAPSHOT_FORECAST : 0) |
                                                (paper ? MIR_SNAPSHOT_PAPER : 0) |
                                                (ahead ? MIR_SNAPSHOT_LOOKAHEAD : 0));
        assert_int_equal(p->uses_weight, weighs);
        p->close(NULL);
    }
}

static void reactive_never_submits(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "reactive", 1);
    add_wait(&s, 100 * HOUR);
    for (int64_t left_s = 48 * HOUR; left_s > 0; left_s -= 600)
        assert_int_equal(decide(&s, left_s), MIRAGE_WAIT);
    scene_close(&s);
}

static void lead_submits_at_its_lead(void **state)
{
    static const struct {
        const char *spec;
        int64_t lead_s;
    } cases[] = {{"lead:hours=6", 6 * HOUR}, {"lead:minutes=90", 5400}, {"lead:seconds=7", 7}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;

        scene_open(&s, cases[i].spec, 1);
        s.warmup_s = 1200; /* the lead is what the user says: nothing is added */
        assert_int_equal(decide(&s, cases[i].lead_s + 1), MIRAGE_WAIT);
        assert_int_equal(decide(&s, cases[i].lead_s), MIRAGE_SUBMIT);
        scene_close(&s);
    }
}

static void avg_is_the_mean_of_the_last_starts_of_all_jobs(void **state)
{
    struct scene s;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 5);
    scene_open(&s, "avg:last=10", 1);
    for (int round = 0; round < 200; round++) {
        uint64_t n_new = mir_rng_below(&rng, 25);
        int64_t sum_s = 0;
        size_t n;

        for (uint64_t i = 0; i < n_new; i++)
            add_start(&s, 1 + (uint32_t)i, 60, (int32_t)mir_rng_below(&rng, 9 * HOUR));
        n = s.n < 10 ? s.n : 10;
        for (size_t i = s.n - n; i < s.n; i++)
            sum_s += s.starts[i].wait_s;
        decide(&s, HOUR);
        if (n > 0)
            assert_true(fabs(s.last.wait_s - (double)sum_s / (double)n) < 1e-6);
    }
    scene_close(&s);
}

static void avg_gives_its_reason_in_hours(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "avg", 1);
    for (int i = 0; i < 150; i++)
        add_wait(&s, i < 50 ? 400 * HOUR : 3 * HOUR);
    assert_wait(&s, 3 * HOUR);
    decide(&s, 5 * HOUR);
    assert_string_equal(s.last.reason, "mean wait of last 100 starts 3.0 h < 5.0 h left");
    s.warmup_s = 1800;
    decide(&s, 3 * HOUR);
    assert_string_equal(s.last.reason,
                        "mean wait of last 100 starts 3.0 h, warm-up 30 min >= 3.0 h left");
    assert_wait(&s, 3 * HOUR);
    scene_close(&s);
}

static void quantile_is_the_newsvendors(void **state)
{
    static const struct {
        double weight;
        int32_t wait_s; /* of waits 1..100 minutes: rank ceil(100 / (1 + w)) */
    } cases[] = {{1, 50 * 60}, {0.5, 67 * 60}, {0.1, 91 * 60}, {0, 100 * 60}, {3, 25 * 60}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;

        scene_open(&s, "quantile", 1);
        s.weight = cases[i].weight;
        s.warmup_s = 60;
        for (int32_t k = 0; k < 100; k++)
            add_wait(&s, 60 * (1 + k * 37 % 100));
        assert_wait(&s, cases[i].wait_s);
        scene_close(&s);
    }
}

static void quantile_fixed_ignores_the_weight(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "quantile:quantile=0.07", 1);
    for (int32_t k = 1; k <= 100; k++)
        add_wait(&s, k * 60);
    assert_wait(&s, 7 * 60); /* 0.07 * 100 is more than 7 in binary */
    s.weight = 0.01;
    assert_wait(&s, 7 * 60);
    scene_close(&s);
}

/* What a lead costs over all waits of the scene. */
static double cost_of_lead(const struct scene *s, double lead_s)
{
    double cost = 0;

    for (size_t i = 0; i < s->n; i++) {
        double late_s = s->starts[i].wait_s - lead_s;
        cost += late_s > 0 ? late_s : -late_s * s->weight;
    }
    return cost;
}

static void quantile_minimises_the_cost_it_stands_for(void **state)
{
    struct scene s;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 9);
    scene_open(&s, "quantile", 1);
    s.weight = 0.25;
    for (int i = 0; i < 200; i++)
        add_wait(&s, (int32_t)(5000 * mir_rng_exponential(&rng)));
    decide(&s, HOUR);
    for (double lead_s = 0; lead_s < 50000; lead_s += 10)
        assert_true(cost_of_lead(&s, s.last.wait_s) <= cost_of_lead(&s, lead_s) + 1e-6);
    scene_close(&s);
}

static void quantile_falls_back_and_says_so(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "quantile", 1);
    for (int i = 0; i < 300; i++)
        add_start(&s, 8, HOUR, 7 * HOUR);
    for (int i = 0; i < 19; i++)
        add_start(&s, 1, 48 * HOUR, 2 * HOUR);
    assert_int_equal(decide(&s, 10 * HOUR), MIRAGE_WAIT);
    assert_string_equal(s.last.reason,
                        "0.5 quantile of last 200 waits (all jobs) 7.0 h < 10.0 h left");
    add_start(&s, 1, HOUR, 3 * HOUR);
    decide(&s, 10 * HOUR);
    assert_string_equal(s.last.reason,
                        "0.5 quantile of last 20 waits (1 node) 2.0 h < 10.0 h left");
    add_start(&s, 1, 60 * HOUR, HOUR);
    decide(&s, 10 * HOUR);
    assert_string_equal(
        s.last.reason, "0.5 quantile of last 20 waits (1 node, 48 h and more) 2.0 h < 10.0 h left");
    scene_close(&s);
}

static void qbets_submits_at_its_bound(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "qbets:quantile=0.95", 1);
    for (int32_t k = 1; k <= 59; k++)
        add_wait(&s, 60 * k);
    assert_wait(&s, 59 * 60); /* 59 values: the largest is the 95 % bound */
    assert_non_null(strstr(s.last.reason, "95 % bound on 0.95 quantile of 59 waits (1 node, 48 h"));
    scene_close(&s);
}

static void qbets_says_when_there_are_too_few(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "qbets:quantile=0.95", 1);
    for (int32_t k = 1; k <= 30; k++)
        add_start(&s, 4, HOUR, 60 * k);
    assert_wait(&s, 30 * 60);
    assert_non_null(strstr(s.last.reason, "largest of 30 waits, too few for a bound, (all jobs)"));
    scene_close(&s);
}

static void qbets_follows_the_weight_within_its_limits(void **state)
{
    struct scene s;
    double before;

    (void)state;
    scene_open(&s, "qbets", 1);
    for (int32_t k = 0; k < 1000; k++)
        add_wait(&s, 10 * (1 + k * 387 % 1000));
    decide(&s, 48 * HOUR);
    before = s.last.wait_s;
    assert_true(before > 5000 && before < 5500);
    s.weight = 0; /* the whole distribution: taken as 0.99 */
    decide(&s, 48 * HOUR);
    assert_true(s.last.wait_s >= 9900 && s.last.wait_s < 10000);
    assert_non_null(strstr(s.last.reason, "0.99 quantile"));
    s.weight = 1;
    decide(&s, 48 * HOUR);
    assert_true(fabs(s.last.wait_s - before) < 1e-9);
    scene_close(&s);
}

static void qbets_reacts_to_a_jump_within_a_chain(void **state)
{
    struct scene s;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 4);
    scene_open(&s, "qbets:quantile=0.9", 1);
    for (int i = 0; i < 1000; i++)
        add_wait(&s, (int32_t)(600 * mir_rng_exponential(&rng)));
    decide(&s, 48 * HOUR);
    assert_true(s.last.wait_s < 2 * HOUR);
    for (int i = 0; i < 6; i++)
        add_wait(&s, 20 * HOUR + (int32_t)mir_rng_below(&rng, 600));
    decide(&s, 48 * HOUR);
    assert_true(s.last.wait_s >= 20 * HOUR);
    scene_close(&s);
}

static void learners_give_the_same_whether_asked_often_or_once(void **state)
{
    static const char *const specs[] = {"avg", "quantile", "qbets", "asa"};

    (void)state;
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        struct scene often, once;
        struct mir_rng rng;

        mir_rng_init(&rng, 21);
        scene_open(&often, specs[i], 3);
        scene_open(&once, specs[i], 3);
        for (int k = 0; k < 900; k++) {
            int32_t wait_s = (int32_t)exp(4 + 6 * mir_rng_double(&rng) + (k > 500));

            add_wait(&often, wait_s);
            add_wait(&once, wait_s);
            decide(&often, 48 * HOUR);
        }
        decide(&often, 48 * HOUR);
        decide(&once, 48 * HOUR);
        assert_string_equal(often.last.reason, once.last.reason);
        scene_close(&often);
        scene_close(&once);
    }
}

static void asa_alternatives_span_0_to_48_hours(void **state)
{
    struct mir_asa a;

    (void)state;
    mir_asa_init(&a);
    assert_true(a.wait_s[0] >= 0 && a.wait_s[0] < 1e-9);
    for (int i = 1; i < MIR_ASA_N; i++)
        assert_true(a.wait_s[i] > a.wait_s[i - 1]);
    for (int i = 2; i < MIR_ASA_N; i++)
        assert_true(a.wait_s[i] / a.wait_s[i - 1] < 1.22);
    assert_true(fabs(a.wait_s[MIR_ASA_N - 1] - 48 * HOUR) < 1e-6);
}

static void asa_converges_to_a_constant_wait(void **state)
{
    static const int32_t waits[] = {0, 30, 5000, 20 * HOUR, 400 * HOUR};

    (void)state;
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        double truth = fmin(waits[i], 48 * HOUR), before = 0, share = 0;
        double weight[MIR_ASA_N];
        struct mir_asa a;

        mir_asa_init(&a);
        for (int k = 1; k <= 1000; k++) {
            mir_asa_learn(&a, waits[i]);
            if (k != 10 && k != 100 && k != 1000)
                continue;
            mir_asa_weights(&a, weight);
            share = 0;
            for (int j = 0; j < MIR_ASA_N; j++) {
                if (fabs(a.wait_s[j] - truth) <= fmax(0.22 * truth, 10))
                    share += weight[j];
            }
            assert_true(share > before); /* ever more */
            before = share;
        }
        assert_true(share > 0.95);
    }
}

static void asa_draws_by_weight(void **state)
{
    double weight[MIR_ASA_N], sum = 0;
    struct mir_asa a;

    (void)state;
    mir_asa_init(&a);
    for (int32_t k = 0; k < 50; k++)
        mir_asa_learn(&a, 100 + 500 * k);
    mir_asa_weights(&a, weight);
    for (int i = 0; i < MIR_ASA_N; i++) {
        double drawn = mir_asa_sample(&a, sum + weight[i] / 2);

        assert_true(fabs(drawn - a.wait_s[i]) < 1e-9);
        sum += weight[i];
    }
    assert_true(fabs(sum - 1) < 1e-12);
    assert_true(fabs(mir_asa_sample(&a, 0)) < 1e-9);
    assert_true(fabs(mir_asa_sample(&a, 1) - 48 * HOUR) < 1e-6);
}

static void asa_is_the_same_for_the_same_seed(void **state)
{
    double waits[20];
    unsigned n_different = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        for (int again = 0; again < 2; again++) {
            struct scene s;

            scene_open(&s, "asa", seed);
            for (int32_t k = 0; k < 60; k++)
                add_wait(&s, 100 * k * k);
            decide(&s, HOUR);
            if (again)
                assert_true(fabs(s.last.wait_s - waits[seed]) < 1e-9);
            waits[seed] = s.last.wait_s;
            /* No new draw while nothing was learned. */
            decide(&s, 30);
            assert_true(fabs(s.last.wait_s - waits[seed]) < 1e-9);
            scene_close(&s);
        }
        n_different += fabs(waits[seed] - waits[0]) > 1;
    }
    assert_true(n_different >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_policy_waits_on_an_empty_history),
        cmocka_unit_test(every_policy_says_what_it_reads),
        cmocka_unit_test(reactive_never_submits),
        cmocka_unit_test(lead_submits_at_its_lead),
        cmocka_unit_test(avg_is_the_mean_of_the_last_starts_of_all_jobs),
        cmocka_unit_test(avg_gives_its_reason_in_hours),
        cmocka_unit_test(quantile_is_the_newsvendors),
        cmocka_unit_test(quantile_fixed_ignores_the_weight),
        cmocka_unit_test(quantile_minimises_the_cost_it_stands_for),
        cmocka_unit_test(quantile_falls_back_and_says_so),
        cmocka_unit_test(qbets_submits_at_its_bound),
        cmocka_unit_test(qbets_says_when_there_are_too_few),
        cmocka_unit_test(qbets_follows_the_weight_within_its_limits),
        cmocka_unit_test(qbets_reacts_to_a_jump_within_a_chain),
        cmocka_unit_test(learners_give_the_same_whether_asked_often_or_once),
        cmocka_unit_test(asa_alternatives_span_0_to_48_hours),
        cmocka_unit_test(asa_converges_to_a_constant_wait),
        cmocka_unit_test(asa_draws_by_weight),
        cmocka_unit_test(asa_is_the_same_for_the_same_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
