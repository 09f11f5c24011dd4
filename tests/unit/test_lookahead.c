/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_lookahead.c - submissions judged in futures whose truth is known, and the policy that asks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/host/runs.h"
#include "models/lookahead/draws.h"
#include "tests/unit/lookahead_fixture.h"

enum { N_LESSONS = 600 };

static void ask(struct scene *s)
{
    struct mir_error err = {{0}};

    mir_lookahead_look(s->lookahead, &s->queue);
    if (mir_lookahead_ask(s->lookahead, &s->c, &s->answer, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(s->answer.points[0].submit_at, NOW);
}

static double best_h(const struct scene *s)
{
    return (double)(s->answer.points[s->answer.best].submit_at - NOW) / HOUR;
}

/* ---- what is known */

static void an_idle_machine_is_worth_waiting_for(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    ask(&s);
    assert_true(s.answer.wait_h < 0.1);
    assert_float_equal(s.answer.points[0].cost_h, 10, 0.1);
    assert_float_equal(best_h(&s), 10, 0.1);
    assert_float_equal(s.answer.now_minus_best_h, 10, 0.1);
    assert_int_equal(s.answer.earliest_best_at, NOW + 10 * HOUR);
    scene_close(&s);
}

static void the_successor_warms_up_before_the_end(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.c.warmup_s = 10 * HOUR;
    ask(&s);
    assert_int_equal(s.answer.best, 0);
    assert_true(s.answer.points[0].cost_h < 0.1);
    assert_true(s.answer.now_minus_best_h < 0);
    scene_close(&s);
}

/* Nothing starts before 6 h, so all that is submitted until then is one and the same. */
static void knows_when_a_full_machine_gets_free(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    add_certain(&s, NODES, NOW + 6 * HOUR);
    ask(&s);
    assert_float_equal(s.answer.wait_h, 6, 0.1);
    assert_float_equal(s.answer.points[0].wait_p90_h, 6, 0.1);
    assert_float_equal(s.answer.points[0].cost_h, 4, 0.1);
    s.c.predecessor_end_at = NOW + 6 * HOUR;
    ask(&s);
    assert_true(s.answer.points[0].cost_h < 0.1);
    assert_true(s.answer.now_minus_best_h <= 0);
    scene_close(&s);
}

/* A successor of 48 h would run into it, whenever it is submitted; one of an hour would not. */
static void maintenance_is_foreseen(void **state)
{
    const struct mir_reserved reserved[] = {{NOW + 12 * HOUR, NOW + 20 * HOUR, NODES}};
    struct scene s;

    (void)state;
    scene_open(&s);
    mir_lookahead_set_reserved(s.lookahead, reserved, 1);
    ask(&s);
    assert_float_equal(s.answer.wait_h, 20, 0.1);
    assert_float_equal(s.answer.points[0].cost_h, 10, 0.1);
    assert_float_equal(s.answer.points[s.answer.n_points - 1].cost_h, 10, 0.1);
    assert_true(s.answer.now_minus_best_h <= 0);
    s.successor.limit_s = HOUR;
    ask(&s);
    assert_true(s.answer.wait_h < 0.1);
    s.successor.limit_s = 48 * HOUR;
    mir_lookahead_set_reserved(s.lookahead, reserved, 0);
    ask(&s);
    assert_true(s.answer.wait_h < 0.1);
    scene_close(&s);
}

/* It has all that is neither free nor a job's, and gives it back in five hours. */
static void what_is_reserved_now_comes_back(void **state)
{
    const struct mir_reserved reserved[] = {{NOW - HOUR, NOW + 5 * HOUR, 8}};
    struct scene s;

    (void)state;
    scene_open(&s);
    add_certain(&s, 4, NOW + 30 * HOUR);
    s.queue.n_nodes_free = 0;
    s.successor.n_nodes = 6;
    mir_lookahead_set_reserved(s.lookahead, reserved, 1);
    ask(&s);
    assert_float_equal(s.answer.wait_h, 5, 0.1);
    mir_lookahead_set_reserved(s.lookahead, NULL, 0);
    ask(&s);
    assert_true(s.answer.wait_h > 25);
    scene_close(&s);
}

static void who_waits_ahead_goes_first(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    add_certain(&s, NODES, NOW + 6 * HOUR);
    s.pending[0] = (struct mir_pending_job){
        .submit_at = NOW - HOUR,
        .eligible_at = NOW - HOUR,
        .id = 9,
        .limit_s = 5 * HOUR,
        .n_nodes = NODES,
        .user = USER,
    };
    s.queue.n_pending = 1;
    for (int i = 0; i < N_LESSONS; i++) { /* such jobs run three hours */
        const struct mir_run_shape shape = {USER, 0, NODES, 5 * HOUR, 0};

        mir_run_book_start(s.runs, (uint64_t)i, &shape, NOW - 100 * HOUR);
        mir_run_book_end(s.runs, (uint64_t)i, NOW - 97 * HOUR);
    }
    mir_run_book_update(s.runs, NOW);
    ask(&s);
    assert_true(s.answer.wait_h > 8.5 && s.answer.wait_h < 10.1);
    scene_close(&s);
}

static void what_can_never_run_is_refused(void **state)
{
    struct mir_error err = {{0}};
    struct scene s;

    (void)state;
    scene_open(&s);
    s.successor.n_nodes = NODES + 1;
    assert_int_equal(mir_lookahead_ask(s.lookahead, &s.c, &s.answer, &err), -ENODATA);
    mir_lookahead_look(s.lookahead, &s.queue);
    assert_int_equal(mir_lookahead_ask(s.lookahead, &s.c, &s.answer, &err), -E2BIG);
    assert_true(err.text[0] != '\0');
    scene_close(&s);
}

static void what_never_starts_in_sight_counts_as_late(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    add_certain(&s, NODES, NOW + 1000 * HOUR);
    ask(&s);
    assert_float_equal(s.answer.points[0].cost_h, 48, 1e-9);
    assert_float_equal(s.answer.wait_h, 58, 1e-9);
    scene_close(&s);
}

/* ---- what is not known */

/* A full machine of jobs that may end any time, and others who will want it, hour by hour. */
static void uncertain_scene(struct scene *s)
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
            .user = USER,
        };
    s->queue.n_pending = NODES;
}

static void same_seed_same_answer(void **state)
{
    struct scene a, b;

    (void)state;
    uncertain_scene(&a);
    uncertain_scene(&b);
    ask(&b); /* what was asked before does not matter */
    b.successor.n_nodes = 4;
    ask(&b);
    b.successor.n_nodes = 2;
    ask(&a);
    ask(&b);
    assert_int_equal(memcmp(&a.answer, &b.answer, sizeof(a.answer)), 0);
    scene_close(&b);
    mir_lookahead_destroy(a.lookahead);
    b.answer = a.answer;
    a.options.seed = 2;
    a.lookahead = mir_lookahead_create(&a.options);
    mir_lookahead_set_books(a.lookahead, a.runs, NULL);
    ask(&a);
    assert_int_not_equal(memcmp(&a.answer, &b.answer, sizeof(a.answer)), 0);
    scene_close(&a);
}

static void dear_overlap_makes_it_later(void **state)
{
    double last_h = -1;
    struct scene s;

    (void)state;
    uncertain_scene(&s);
    for (double w = 0.01; w < 3; w *= 4) {
        s.c.overlap_weight = w;
        ask(&s);
        assert_true(best_h(&s) >= last_h);
        last_h = best_h(&s);
    }
    assert_true(last_h > 2);
    s.c.overlap_weight = 0.01;
    ask(&s);
    assert_true(best_h(&s) < 2);
    scene_close(&s);
}

static void fear_of_the_tail_makes_it_earlier(void **state)
{
    struct scene s;
    double mean_h;

    (void)state;
    uncertain_scene(&s);
    s.c.overlap_weight = 0.3;
    ask(&s);
    mean_h = best_h(&s);
    s.c.tail = 0.9;
    ask(&s);
    assert_true(best_h(&s) < mean_h);
    scene_close(&s);
}

static void foresight_makes_waiting_worth_more(void **state)
{
    struct scene s;
    double blind_h;

    (void)state;
    uncertain_scene(&s);
    s.c.n_futures = 16;
    ask(&s);
    blind_h = s.answer.now_minus_best_h;
    s.c.foresight = 0.5;
    ask(&s);
    assert_true(s.answer.now_minus_best_h > blind_h + 0.1);
    scene_close(&s);
}

static void plays_more_futures_where_it_is_close(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    ask(&s);
    assert_int_equal(s.answer.n_futures, s.options.n_futures_min);
    scene_close(&s);
    uncertain_scene(&s);
    /* Somewhere between too early and too late, now is about as good as later. */
    for (int h = 1; h < 20 && s.answer.n_futures < s.options.n_futures_max; h++) {
        s.c.predecessor_end_at = NOW + h * HOUR;
        ask(&s);
    }
    assert_int_equal(s.answer.n_futures, s.options.n_futures_max);
    s.c.n_futures = 20;
    ask(&s);
    assert_int_equal(s.answer.n_futures, 20);
    scene_close(&s);
}

/* Over 16 futures each sixteenth of the distribution is drawn once. */
static void draws_are_spread_over_the_distribution(void **state)
{
    const struct mir_run_shape shape = {USER, 0, 2, 41 * HOUR, 0};
    struct mir_draws d = {.habits = {1, 0}};
    struct mir_seed seed;
    unsigned seen[16] = {0};
    struct scene s;

    (void)state;
    uncertain_scene(&s);
    mir_draws_begin(&d, &s.queue, 1);
    for (uint32_t f = 0; f < 16; f++) {
        double left_s, survival;

        mir_draws_future(&d, s.runs, NULL, f, NOW, &seed);
        left_s = seed.running_left_s[1] - 0.5;
        survival = mir_run_survival(mir_run_book_curve(s.runs, &shape), HOUR, left_s);
        if (seed.running_left_s[1] < 40 * HOUR)
            seen[(unsigned)((1 - survival) * 16)]++;
        assert_true(seed.running_left_s[1] <= 40 * HOUR);
    }
    for (unsigned k = 0; k < 12; k++) /* the rest runs to the limit */
        assert_int_equal(seen[k], 1);
    mir_draws_release(&d);
    scene_close(&s);
}

/* The time that a job waiting in the scene runs in a future. */
static int32_t run_of_waiting(struct scene *s, double hazard, double kinship, uint32_t f, size_t i)
{
    struct mir_draws d = {.habits = {hazard, kinship}};
    struct mir_seed seed;
    int32_t run_s;

    mir_draws_begin(&d, &s->queue, 1);
    mir_draws_future(&d, s->runs, NULL, f, NOW, &seed);
    run_s = seed.pending_run_s[i];
    mir_draws_release(&d);
    return run_s;
}

static void who_waits_is_drawn_to_run_longer(void **state)
{
    unsigned n_longer = 0;
    struct scene s;

    (void)state;
    uncertain_scene(&s);
    for (uint32_t f = 0; f < 16; f++) {
        assert_true(run_of_waiting(&s, 0.5, 0, f, 0) >= run_of_waiting(&s, 1, 0, f, 0));
        n_longer += run_of_waiting(&s, 0.5, 0, f, 0) > run_of_waiting(&s, 1, 0, f, 0);
    }
    assert_true(n_longer > 8);
    scene_close(&s);
}

static void jobs_of_one_kind_run_alike(void **state)
{
    unsigned n_alike = 0, n_strangers = 0;
    struct scene s;

    (void)state;
    uncertain_scene(&s);
    s.pending[2].user = USER + 1;
    for (uint32_t f = 0; f < 64; f++) {
        assert_int_equal(run_of_waiting(&s, 1, 1, f, 0), run_of_waiting(&s, 1, 1, f, 1));
        n_alike += run_of_waiting(&s, 1, 0.5, f, 0) == run_of_waiting(&s, 1, 0.5, f, 1);
        n_strangers += run_of_waiting(&s, 1, 1, f, 0) == run_of_waiting(&s, 1, 1, f, 2);
    }
    assert_in_range(n_alike, 4, 40); /* where both are asked for it: a quarter, and the limit */
    assert_true(n_strangers < 30);
    scene_close(&s);
}

/* ---- what is known for sure */

static int32_t three_hours(const void *context, uint32_t id, int64_t submit_at)
{
    (void)context;
    (void)submit_at;
    return id == 100 ? 3 * HOUR : MIR_UNKNOWN;
}

/* Of the running ones the first, which began an hour ago, ends in two; the rest is drawn. */
static void true_run_times_are_not_drawn(void **state)
{
    const struct mir_lookahead_truth truth = {.run_s = three_hours};
    struct mir_draws d = {.habits = {1, 0}, .truth = &truth};
    struct mir_seed seed;
    unsigned n_other = 0;
    struct scene s;

    (void)state;
    scene_open(&s);
    add_uncertain(&s, 2);
    add_uncertain(&s, 2);
    s.pending[0] = (struct mir_pending_job){
        .submit_at = NOW, .eligible_at = NOW, .id = 100, .limit_s = 40 * HOUR, .n_nodes = 1};
    s.queue.n_pending = 1;
    mir_draws_begin(&d, &s.queue, 1);
    for (uint32_t f = 0; f < 16; f++) {
        mir_draws_future(&d, s.runs, NULL, f, NOW, &seed);
        assert_int_equal(seed.running_left_s[0], 2 * HOUR);
        assert_int_equal(seed.pending_run_s[0], 3 * HOUR);
        n_other += seed.running_left_s[1] != 2 * HOUR;
    }
    assert_int_equal(n_other, 16);
    mir_draws_release(&d);
    scene_close(&s);
}

static void true_arrivals_are_those_until_the_horizon(void **state)
{
    const struct mir_seed_arrival arrivals[] = {{.submit_at = NOW - 1},
                                                {.submit_at = NOW},
                                                {.submit_at = NOW + 1},
                                                {.submit_at = NOW + HOUR},
                                                {.submit_at = NOW + HOUR + 1}};
    const struct mir_lookahead_truth truth = {.arrivals = arrivals, .n_arrivals = 5};
    struct mir_draws d = {.habits = {1, 0}, .truth = &truth};
    struct mir_seed seed;
    struct scene s;

    (void)state;
    scene_open(&s);
    mir_draws_begin(&d, &s.queue, 1);
    mir_draws_future(&d, s.runs, NULL, 0, NOW + HOUR, &seed);
    assert_int_equal(seed.n_arrivals, 2);
    assert_ptr_equal(seed.arrivals, &arrivals[2]);
    mir_draws_release(&d);
    scene_close(&s);
}

static void a_fine_grid_has_a_candidate_each_period(void **state)
{
    const struct mir_lookahead_truth truth = {.fine = true};
    struct scene s;
    uint32_t last;

    (void)state;
    scene_open(&s);
    ask(&s);
    assert_true(s.answer.points[6].submit_at > NOW + 6 * 600);
    mir_lookahead_set_truth(s.lookahead, &truth);
    for (s.c.predecessor_end_at = NOW + 5 * HOUR; s.c.predecessor_end_at <= NOW + 2000 * HOUR;
         s.c.predecessor_end_at += 665 * HOUR) {
        ask(&s);
        last = s.answer.n_points - 1;
        for (uint32_t k = 0; k < 30; k++)
            assert_int_equal(s.answer.points[k].submit_at, NOW + k * 600);
        assert_int_equal(s.answer.points[last].submit_at, s.c.predecessor_end_at);
    }
    scene_close(&s);
}

/* ---- the policy */

static enum mirage_action decide(struct asking *a, int64_t at)
{
    a->scene.queue.now = at;
    mir_lookahead_look(a->scene.lookahead, &a->scene.queue);
    return asking_decide(a);
}

/* When it submits, asked every ten minutes. */
static int64_t submits_at(struct asking *a)
{
    int64_t at = NOW;

    while (at < a->view.predecessor_end_at && decide(a, at) == MIRAGE_WAIT)
        at += 600;
    return at;
}

static void on_an_idle_machine_the_policy_submits_last(void **state)
{
    struct asking a;

    (void)state;
    asking_open(&a, "lookahead");
    assert_int_equal(submits_at(&a), a.view.predecessor_end_at);
    asking_close(&a);
    asking_open(&a, "lookahead");
    a.view.warmup_s = 2 * HOUR;
    assert_in_range(submits_at(&a), NOW + 8 * HOUR - 600, NOW + 8 * HOUR);
    assert_says(&a, "lookahead: now 0 s, best 0 s +- 0 s");
    asking_close(&a);
}

/* What is full until the predecessor's end is as well entered now as later: nothing is lost. */
static void a_full_machine_is_queued_for_at_once(void **state)
{
    struct asking a;

    (void)state;
    asking_open(&a, "lookahead");
    add_certain(&a.scene, NODES, NOW + 10 * HOUR);
    assert_int_equal(decide(&a, NOW), MIRAGE_SUBMIT);
    assert_says(&a, "32 futures"); /* all say the same: no more are needed */
    assert_int_equal(lround(a.last.wait_s / HOUR), 10);
    assert_int_equal(a.last.fell_back, 0);
    asking_close(&a);
}

/* What lies hours ahead in all futures is not asked for every ten minutes. */
static void the_policy_is_quiet_for_a_third_of_the_way(void **state)
{
    struct asking a;

    (void)state;
    asking_open(&a, "lookahead");
    a.view.predecessor_end_at = NOW + 3 * HOUR;
    assert_int_equal(decide(&a, NOW), MIRAGE_WAIT);
    assert_true(a.last.wait_s >= 0);
    assert_int_equal(decide(&a, NOW + HOUR - 600), MIRAGE_WAIT);
    assert_says(&a, "looks again in 10 min");
    assert_true(a.last.wait_s < 0);
    assert_int_equal(decide(&a, NOW + HOUR), MIRAGE_WAIT);
    assert_true(a.last.wait_s >= 0);
    a.view.predecessor_start_at++; /* the next link: nothing is remembered */
    assert_int_equal(decide(&a, NOW + HOUR + 60), MIRAGE_WAIT);
    assert_true(a.last.wait_s >= 0);
    asking_close(&a);
}

static void a_margin_lets_it_submit_at_a_small_loss(void **state)
{
    struct asking a;

    (void)state;
    asking_open(&a, "lookahead:margin=3h");
    assert_in_range(submits_at(&a), NOW + 7 * HOUR - 600, NOW + 7 * HOUR + 600);
    asking_close(&a);
}

static void without_a_lookahead_another_rule_decides(void **state)
{
    struct asking a;

    (void)state;
    asking_open(&a, "lookahead");
    a.view.lookahead = NULL;
    assert_int_equal(decide(&a, NOW), MIRAGE_WAIT);
    assert_int_equal(a.last.fell_back, 1);
    assert_says(&a, "no lookahead: no model, by qbets");
    a.view.lookahead = a.scene.lookahead;
    a.view.size = offsetof(struct mirage_view, lookahead); /* an older host program */
    assert_int_equal(decide(&a, NOW), MIRAGE_WAIT);
    assert_int_equal(a.last.fell_back, 1);
    a.view.size = sizeof(a.view);
    a.scene.successor.n_nodes = NODES + 1;
    assert_int_equal(decide(&a, NOW), MIRAGE_WAIT);
    assert_int_equal(a.last.fell_back, 1);
    asking_close(&a);
}

static void where_trust_is_lost_another_rule_decides_until_it_is_found(void **state)
{
    struct mir_lessons lessons;
    struct asking a;

    (void)state;
    mir_lessons_init(&lessons);
    asking_open(&a, "lookahead");
    lessons.trust = (struct mir_lookahead_trust){50, 80, 0.61, true};
    mir_lookahead_set_lessons(a.scene.lookahead, &lessons);
    assert_int_equal(decide(&a, NOW), MIRAGE_WAIT);
    assert_int_equal(a.last.fell_back, 1);
    assert_says(&a, "lookahead: 61 % outside its 90 % band: no model, by qbets");
    lessons.trust.lost = false;
    mir_lookahead_set_lessons(a.scene.lookahead, &lessons);
    assert_int_equal(decide(&a, NOW + 600), MIRAGE_WAIT);
    assert_int_equal(a.last.fell_back, 0);
    asking_close(&a);
}

/* Of one's own queue, from the same futures: who waits behind a full machine starts when it ends. */
static void jobs_that_wait_are_foretold(void **state)
{
    struct mir_lesson_book *book = mir_lesson_book_create();
    struct scene s;

    (void)state;
    scene_open(&s);
    add_certain(&s, NODES, NOW + 6 * HOUR);
    s.pending[0] = (struct mir_pending_job){.submit_at = NOW - 60,
                                            .eligible_at = NOW - 60,
                                            .id = 9,
                                            .limit_s = 5 * HOUR,
                                            .n_nodes = NODES,
                                            .user = USER};
    s.queue.n_pending = 1;
    mir_lookahead_look(s.lookahead, &s.queue);
    assert_int_equal(mir_lookahead_foretell(s.lookahead, book, NULL), 0);
    assert_int_equal(mir_lookahead_cost(s.lookahead).n_futures, MIR_LESSON_FUTURES);
    mir_lesson_book_start(book, mir_run_key(9, NOW - 60), NOW + 6 * HOUR);
    assert_int_equal(mir_lesson_book_get(book)->trust.n_starts, 1);
    assert_true(mir_lesson_book_get(book)->trust.outside < 0.5); /* within */
    assert_int_equal(mir_lookahead_foretell(s.lookahead, book, NULL), 0);
    assert_int_equal(mir_lookahead_cost(s.lookahead).n_futures, MIR_LESSON_FUTURES); /* no more */
    mir_lookahead_refuse(s.lookahead, "no lookahead");
    assert_int_equal(mir_lookahead_foretell(s.lookahead, book, NULL), -ENOTSUP);
    mir_lesson_book_destroy(book);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_machine_is_worth_waiting_for),
        cmocka_unit_test(the_successor_warms_up_before_the_end),
        cmocka_unit_test(knows_when_a_full_machine_gets_free),
        cmocka_unit_test(maintenance_is_foreseen),
        cmocka_unit_test(what_is_reserved_now_comes_back),
        cmocka_unit_test(who_waits_ahead_goes_first),
        cmocka_unit_test(what_can_never_run_is_refused),
        cmocka_unit_test(what_never_starts_in_sight_counts_as_late),
        cmocka_unit_test(same_seed_same_answer),
        cmocka_unit_test(dear_overlap_makes_it_later),
        cmocka_unit_test(fear_of_the_tail_makes_it_earlier),
        cmocka_unit_test(foresight_makes_waiting_worth_more),
        cmocka_unit_test(plays_more_futures_where_it_is_close),
        cmocka_unit_test(draws_are_spread_over_the_distribution),
        cmocka_unit_test(who_waits_is_drawn_to_run_longer),
        cmocka_unit_test(jobs_of_one_kind_run_alike),
        cmocka_unit_test(true_run_times_are_not_drawn),
        cmocka_unit_test(true_arrivals_are_those_until_the_horizon),
        cmocka_unit_test(a_fine_grid_has_a_candidate_each_period),
        cmocka_unit_test(on_an_idle_machine_the_policy_submits_last),
        cmocka_unit_test(a_full_machine_is_queued_for_at_once),
        cmocka_unit_test(the_policy_is_quiet_for_a_third_of_the_way),
        cmocka_unit_test(a_margin_lets_it_submit_at_a_small_loss),
        cmocka_unit_test(without_a_lookahead_another_rule_decides),
        cmocka_unit_test(where_trust_is_lost_another_rule_decides_until_it_is_found),
        cmocka_unit_test(jobs_that_wait_are_foretold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
