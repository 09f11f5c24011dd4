/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_chains.c - chains that see each other in their futures, and what they do without time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/lookahead_fixture.h"

/* All but two nodes are busy for good: one chain can go on, the other cannot. */
static void last_nodes(struct scene *s)
{
    scene_open(s);
    add_certain(s, NODES - 2, NOW + 1000 * HOUR);
}

/* Jobs that may end any time, and others who will want the machine, hour by hour. */
static void uncertain(struct scene *s)
{
    scene_open(s);
    for (unsigned i = 0; i < 5; i++)
        add_uncertain(s, 2);
    for (unsigned i = 0; i < NODES; i++)
        s->pending[i] = (struct mir_pending_job){
            .submit_at = NOW - HOUR,
            .eligible_at = NOW + (i + 1) * HOUR - 60,
            .id = 200 + i,
            .limit_s = 40 * HOUR,
            .n_nodes = 2,
            .user = 7,
        };
    s->queue.n_pending = NODES;
}

static void look(struct scene *s, size_t n_chains)
{
    mir_lookahead_look(s->lookahead, &s->queue);
    mir_lookahead_set_chains(s->lookahead, s->chains, n_chains);
}

static struct mir_lookahead_answer ask(struct scene *s, uint64_t chain)
{
    struct mir_lookahead_answer answer;
    struct mir_error err = {{0}};

    s->c.chain = chain;
    if (mir_lookahead_ask(s->lookahead, &s->c, &answer, &err) != 0)
        fail_msg("%s", err.text);
    return answer;
}

static int64_t best_at(const struct mir_lookahead_answer *a)
{
    return a->points[a->best].submit_at;
}

/* ---- who sees whom */

static void a_chain_alone_is_answered_as_if_there_were_no_chains(void **state)
{
    struct mir_lookahead_answer without, with;
    struct scene s;

    (void)state;
    uncertain(&s);
    look(&s, 0);
    without = ask(&s, 0);
    for (int i = 0; i < 2; i++) { /* also once it has a plan */
        look(&s, 1);
        with = ask(&s, A);
        assert_memory_equal(&with, &without, sizeof(with));
    }
    scene_close(&s);
}

static void chains_that_want_the_last_nodes_go_earlier(void **state)
{
    struct mir_lookahead_answer alone, first, second;
    struct scene s;

    (void)state;
    last_nodes(&s);
    look(&s, 1);
    alone = ask(&s, A);
    assert_int_equal(best_at(&alone), NOW + 10 * HOUR);
    look(&s, 2);
    first = ask(&s, A);
    second = ask(&s, B);
    assert_true(best_at(&first) < NOW + 10 * HOUR);
    assert_true(best_at(&second) < best_at(&first));
    assert_true(first.points[first.n_points - 1].wait_p50_h > 40);
    scene_close(&s);
}

/* Where nodes are for both, the other's coming changes nothing. */
static void chains_that_both_find_room_wait_as_before(void **state)
{
    struct mir_lookahead_answer a;
    struct scene s;

    (void)state;
    scene_open(&s);
    add_certain(&s, NODES - 4, NOW + 1000 * HOUR);
    for (int i = 0; i < 3; i++) {
        look(&s, 2);
        for (uint64_t chain = A; chain <= B; chain++) {
            a = ask(&s, chain);
            assert_int_equal(best_at(&a), NOW + 10 * HOUR);
            assert_true(a.points[a.n_points - 1].wait_p90_h < 0.1);
        }
    }
    scene_close(&s);
}

static void who_has_submitted_is_in_the_queue_at_once(void **state)
{
    int64_t submit_at, answered_at;
    struct scene s;

    (void)state;
    last_nodes(&s);
    look(&s, 2);
    ask(&s, A);
    assert_true(mir_lookahead_plan(s.lookahead, A, &submit_at, &answered_at));
    assert_true(ask(&s, B).wait_h < 0.1);
    mir_lookahead_submitted(s.lookahead, 99); /* nobody */
    assert_true(ask(&s, B).wait_h < 0.1);
    mir_lookahead_submitted(s.lookahead, A);
    assert_true(ask(&s, B).wait_h > 40);
    look(&s, 2); /* its next link: what was submitted is in the snapshot, or nowhere */
    assert_false(mir_lookahead_plan(s.lookahead, A, &submit_at, &answered_at));
    assert_true(ask(&s, B).wait_h < 0.1);
    scene_close(&s);
}

static void a_waiting_job_of_a_chain_runs_to_its_limit(void **state)
{
    struct mir_lookahead_answer a;
    struct scene s;

    (void)state;
    last_nodes(&s);
    s.pending[0] = (struct mir_pending_job){
        .submit_at = NOW - 60,
        .eligible_at = NOW - 60,
        .id = 300,
        .limit_s = 30 * HOUR,
        .n_nodes = 2,
        .user = 7,
        .chained = 1,
    };
    s.queue.n_pending = 1;
    look(&s, 1);
    a = ask(&s, A);
    assert_float_equal(a.points[0].wait_p10_h, 30, 0.1);
    assert_float_equal(a.points[0].wait_p90_h, 30, 0.1);
    scene_close(&s);
}

/* Neither matters to the other here, so what differs could only be the draws. */
static void the_order_of_asking_does_not_change_the_draws(void **state)
{
    struct mir_lookahead_answer a, b, again;
    struct scene s;

    (void)state;
    uncertain(&s);
    s.chains[1].predecessor_end_at = NOW + 500 * HOUR;
    look(&s, 2);
    a = ask(&s, A);
    s.queue.now = NOW; /* the same look */
    look(&s, 2);
    s.c.predecessor_end_at = NOW + 500 * HOUR;
    s.c.n_futures = 16;
    b = ask(&s, B);
    assert_true(best_at(&b) > NOW + 100 * HOUR);
    s.c.predecessor_end_at = NOW + 10 * HOUR;
    s.c.n_futures = 0;
    again = ask(&s, A);
    assert_memory_equal(&a, &again, sizeof(a));
    scene_close(&s);
}

/* The other comes beyond all horizons; what it changes is that fewer candidates are probed. */
static void fewer_probes_tell_the_same_to_a_period(void **state)
{
    struct mir_lookahead_answer exact, sketch;
    struct scene s;

    (void)state;
    uncertain(&s);
    s.c.n_futures = 16;
    look(&s, 1);
    exact = ask(&s, A);
    s.chains[1].predecessor_end_at = NOW + 500 * HOUR;
    look(&s, 2);
    sketch = ask(&s, A);
    assert_int_equal(sketch.n_points, exact.n_points);
    for (uint32_t k = 0; k < exact.n_points; k++)
        assert_float_equal(sketch.points[k].cost_h, exact.points[k].cost_h, PERIOD / 3600.0F);
    assert_float_equal(sketch.points[0].cost_h, exact.points[0].cost_h, 1e-9);
    scene_close(&s);
}

/* ---- whose turn it is */

static void an_answer_is_wanted_after_a_third_of_the_way(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    look(&s, 2);
    assert_int_equal(mir_lookahead_needed_at(s.lookahead, 99), INT64_MIN);
    assert_int_equal(mir_lookahead_needed_at(s.lookahead, A), NOW + 10 * HOUR);
    ask(&s, A); /* idle: best at the end, and nobody has to wait */
    assert_int_equal(mir_lookahead_needed_at(s.lookahead, A), NOW + 10 * HOUR / 3);
    assert_true(mir_lookahead_needed_at(s.lookahead, B) > NOW + 9 * HOUR);
    add_certain(&s, NODES, NOW + 4 * HOUR);
    look(&s, 2);
    assert_int_equal(mir_lookahead_needed_at(s.lookahead, A), NOW + 10 * HOUR / 3);
    ask(&s, A); /* 4 h, and half as long again */
    assert_in_range(mir_lookahead_needed_at(s.lookahead, B), NOW + 4 * HOUR - 600, NOW + 4 * HOUR);
    scene_close(&s);
}

static void one_question_leaves_time_to_the_others(void **state)
{
    struct mir_lookahead_answer a;
    struct scene s;

    (void)state;
    uncertain(&s);
    s.c.overlap_weight = 0.3;
    look(&s, 2);
    mir_lookahead_set_budget(s.lookahead, (int64_t)1 << 50, 0);
    a = ask(&s, A);
    assert_true(a.n_futures > 16);
    look(&s, 2);
    mir_lookahead_set_budget(s.lookahead, 1, 0);
    a = ask(&s, A);
    assert_int_equal(a.n_futures, 16);
    scene_close(&s);
}

/* What does not fit is asked with the next budget, if it ever fits. */
static void a_question_that_would_exceed_the_budget_is_not_begun(void **state)
{
    const int64_t much_ns = (int64_t)1 << 50;
    struct mir_lookahead_answer a;
    struct mir_error err = {{0}};
    struct scene s;

    (void)state;
    uncertain(&s);
    look(&s, 2);
    mir_lookahead_set_budget(s.lookahead, much_ns, much_ns);
    ask(&s, A);
    s.queue.now += 600;
    look(&s, 2);
    mir_lookahead_set_budget(s.lookahead, 1, much_ns);
    assert_int_equal(mir_lookahead_ask(s.lookahead, &s.c, &a, &err), -EBUSY);
    assert_string_equal(err.text, "CPU budget spent");
    mir_lookahead_set_budget(s.lookahead, much_ns, much_ns);
    ask(&s, A);
    s.queue.now += 600;
    look(&s, 2);
    mir_lookahead_set_budget(s.lookahead, 1, 1); /* there is never more */
    a = ask(&s, A);
    assert_int_equal(a.n_futures, 16);
    scene_close(&s);
}

static int64_t plan_of(const struct scene *s, uint64_t chain)
{
    int64_t submit_at, answered_at;

    assert_true(mir_lookahead_plan(s->lookahead, chain, &submit_at, &answered_at));
    assert_int_equal(answered_at, s->queue.now);
    return submit_at;
}

/* Who is not asked has a plan too, from futures in which all submit as they plan. */
static void a_survey_puts_all_plans_right(void **state)
{
    int64_t submit_at, answered_at;
    struct scene s;

    (void)state;
    last_nodes(&s);
    look(&s, 2);
    assert_false(mir_lookahead_plan(s.lookahead, B, &submit_at, &answered_at));
    mir_lookahead_set_budget(s.lookahead, (int64_t)1 << 50, 0);
    ask(&s, A);
    assert_int_equal(plan_of(&s, B), NOW); /* the other is there first, at the same time */
    scene_close(&s);
    scene_open(&s);
    s.chains[1].warmup_s = 2 * HOUR;
    look(&s, 2);
    mir_lookahead_set_budget(s.lookahead, (int64_t)1 << 50, 0);
    ask(&s, A);
    assert_in_range(plan_of(&s, B), NOW + 8 * HOUR - 60, NOW + 8 * HOUR);
    scene_close(&s);
}

/* Once it has one, a plan moves in steps. */
static void a_survey_moves_plans_in_steps(void **state)
{
    int64_t submit_at, answered_at;
    struct scene s;

    (void)state;
    scene_open(&s);
    look(&s, 2);
    mir_lookahead_set_budget(s.lookahead, (int64_t)1 << 50, 0);
    ask(&s, A);
    assert_int_equal(plan_of(&s, B), NOW + 10 * HOUR);
    add_certain(&s, NODES, NOW + 20 * HOUR);
    s.queue.now = NOW + 1200; /* too soon for another */
    look(&s, 2);
    ask(&s, A);
    s.queue.now = NOW + 1800;
    look(&s, 2);
    ask(&s, A);
    assert_int_equal(plan_of(&s, B), NOW + 8 * HOUR);
    s.queue.now = NOW + 3000;
    look(&s, 2);
    ask(&s, B);
    s.queue.now = NOW + 3600; /* another survey, and an answer that is newer than the last */
    look(&s, 2);
    ask(&s, A);
    assert_true(mir_lookahead_plan(s.lookahead, B, &submit_at, &answered_at));
    assert_int_equal(answered_at, NOW + 3000);
    scene_close(&s);
}

/* ---- the policy without time */

static void open_a(struct asking *a)
{
    asking_open(a, "lookahead");
    a->view.warmup_s = 9 * HOUR; /* so that the best time is near */
    a->view.chain = A;
}

static enum mirage_action decide(struct asking *a, int64_t at, int64_t cpu_ns)
{
    a->scene.queue.now = at;
    look(&a->scene, 2);
    mir_lookahead_set_budget(a->scene.lookahead, cpu_ns, 0);
    return asking_decide(a);
}

static void without_time_the_last_answer_is_held_to(void **state)
{
    struct asking a;

    (void)state;
    open_a(&a);
    assert_int_equal(decide(&a, NOW, -1), MIRAGE_WAIT);
    assert_int_equal(decide(&a, NOW + 2400, 0), MIRAGE_WAIT);
    assert_says(&a, "CPU budget spent, best in 14 min as of 40 min ago");
    assert_int_equal(a.last.fell_back, 0);
    assert_int_equal(decide(&a, NOW + HOUR, 0), MIRAGE_SUBMIT);
    assert_int_equal(a.last.fell_back, 0);
    asking_close(&a);
}

static void an_answer_of_long_ago_is_not_held_to(void **state)
{
    struct asking a;

    (void)state;
    open_a(&a);
    a.view.warmup_s = 0;
    assert_int_equal(decide(&a, NOW, -1), MIRAGE_WAIT);
    assert_int_equal(decide(&a, NOW + 6 * HOUR, 0), MIRAGE_WAIT);
    assert_int_equal(a.last.fell_back, 0);
    decide(&a, NOW + 6 * HOUR + PERIOD, 0);
    assert_int_equal(a.last.fell_back, 1);
    assert_says(&a, "CPU budget spent: ");
    asking_close(&a);
}

static void whose_turn_has_not_come_waits(void **state)
{
    struct asking a;

    (void)state;
    open_a(&a);
    assert_int_equal(decide(&a, NOW, 0), MIRAGE_WAIT);
    assert_says(&a, "CPU budget spent, not its turn for 10.0 h");
    assert_int_equal(a.last.fell_back, 0);
    a.view.chain = 0; /* of none that the lookahead knows */
    decide(&a, NOW, 0);
    assert_int_equal(a.last.fell_back, 1);
    asking_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_alone_is_answered_as_if_there_were_no_chains),
        cmocka_unit_test(chains_that_want_the_last_nodes_go_earlier),
        cmocka_unit_test(chains_that_both_find_room_wait_as_before),
        cmocka_unit_test(who_has_submitted_is_in_the_queue_at_once),
        cmocka_unit_test(a_waiting_job_of_a_chain_runs_to_its_limit),
        cmocka_unit_test(the_order_of_asking_does_not_change_the_draws),
        cmocka_unit_test(fewer_probes_tell_the_same_to_a_period),
        cmocka_unit_test(an_answer_is_wanted_after_a_third_of_the_way),
        cmocka_unit_test(one_question_leaves_time_to_the_others),
        cmocka_unit_test(a_question_that_would_exceed_the_budget_is_not_begun),
        cmocka_unit_test(a_survey_puts_all_plans_right),
        cmocka_unit_test(a_survey_moves_plans_in_steps),
        cmocka_unit_test(without_time_the_last_answer_is_held_to),
        cmocka_unit_test(an_answer_of_long_ago_is_not_held_to),
        cmocka_unit_test(whose_turn_has_not_come_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
