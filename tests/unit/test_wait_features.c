/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_wait_features.c - the numbers that waits are predicted from: worked out by
 * hand on small queues, counted again the slow way on random ones, and on queues that
 * should not be.  Random cases print their seed.
 */
#include "models/features/wait_features.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"

enum { HOUR = 3600, DAY = 86400, NOW = 1700000000, MAX_JOBS = 400 };

/* A queue with room, an outlook and a book. */
struct scene {
    struct mir_pending_job pending[MAX_JOBS];
    struct mir_running_job running[MAX_JOBS];
    struct mir_start starts[MAX_JOBS];
    struct mir_snapshot queue;
    struct mir_request request;
    struct mir_wait_case c;
    struct mir_run_book *book;
    struct mir_queue_outlook *outlook;
    float x[MIR_N_WAIT_FEATURES];
};

/* Ten nodes, all idle; a request for four of them for a day. */
static void scene_init(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->queue = (struct mir_snapshot){.now = NOW,
                                     .n_nodes = 10,
                                     .n_nodes_free = 10,
                                     .pending = s->pending,
                                     .running = s->running,
                                     .history = {s->starts, 0, NULL, 0}};
    s->request = (struct mir_request){.n_nodes = 4, .limit_s = DAY, .run_s = MIR_UNKNOWN};
    s->c = (struct mir_wait_case){&s->request, NAN, INT64_MIN};
    s->book = mir_run_book_create();
    s->outlook = mir_queue_outlook_create();
}

static int set_up(void **state)
{
    struct scene *s = MIR_NEW(struct scene);

    scene_init(s);
    *state = s;
    return 0;
}

static void scene_release(struct scene *s)
{
    mir_queue_outlook_destroy(s->outlook);
    mir_run_book_destroy(s->book);
}

static int tear_down(void **state)
{
    scene_release(*state);
    free(*state);
    return 0;
}

/* Since `age_s`, until `left_s` from now. */
static struct mir_running_job *
add_running(struct scene *s, uint32_t n_nodes, int64_t age_s, int64_t left_s)
{
    struct mir_running_job *r = &s->running[s->queue.n_running++];

    *r = (struct mir_running_job){.submit_at = NOW - age_s,
                                  .start_at = NOW - age_s,
                                  .planned_end_at = NOW + left_s,
                                  .id = (uint32_t)(1000 + s->queue.n_running),
                                  .n_nodes = n_nodes};
    s->queue.n_nodes_free -= n_nodes;
    return r;
}

/* The next of the queue: its priority is one lower. */
static struct mir_pending_job *
add_pending(struct scene *s, uint32_t n_nodes, int32_t limit_s, int64_t age_s)
{
    size_t i = s->queue.n_pending++;

    s->pending[i] = (struct mir_pending_job){.submit_at = NOW - age_s,
                                             .eligible_at = NOW - age_s,
                                             .id = (uint32_t)(2000 + i),
                                             .limit_s = limit_s,
                                             .n_nodes = n_nodes,
                                             .priority = (double)(1000 - i)};
    return &s->pending[i];
}

static void
add_start(struct scene *s, uint32_t n_nodes, int32_t limit_s, int64_t ago_s, int32_t wait_s)
{
    s->starts[s->queue.history.n_old++] = (struct mir_start){
        .start_at = NOW - ago_s, .wait_s = wait_s, .limit_s = limit_s, .n_nodes = n_nodes};
}

static void look(struct scene *s)
{
    mir_queue_outlook_update(s->outlook, &s->queue, s->book);
    mir_wait_features(s->outlook, &s->c, s->x);
}

static float value(const struct scene *s, const char *name)
{
    unsigned i = 0;

    while (strcmp(mir_wait_feature_table[i].name, name) != 0)
        i++;
    return s->x[i];
}

static void assert_value(const struct scene *s, const char *name, double truth)
{
    double x = (double)value(s, name);

    if (!(fabs(x - truth) <= 1e-5 * fmax(1, fabs(truth))))
        fail_msg("%s: %g, not %g", name, x, truth);
}

static void assert_unknown(const struct scene *s, const char *name)
{
    if (!isnan(value(s, name)))
        fail_msg("%s: %g, not unknown", name, (double)value(s, name));
}

/* ---- The table */

static void every_feature_has_a_name_a_unit_and_a_source(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++) {
        const struct mir_feature *f = &mir_wait_feature_table[i];

        assert_true(strlen(f->name) > 0 &&
                    strspn(f->name, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(f->name));
        assert_true(strlen(f->unit) > 0 && strlen(f->text) > 0);
        assert_string_not_equal(mir_feature_source_name(f->source), "unknown");
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(f->name, mir_wait_feature_table[k].name);
    }
    assert_string_equal(mir_wait_feature_table[MIR_WAIT_FEATURE_NODES].name, "nodes");
    assert_string_equal(mir_wait_feature_table[MIR_WAIT_FEATURE_NODES_SHARE].name, "nodes_share");
    assert_string_equal(mir_wait_feature_table[MIR_WAIT_FEATURE_LIMIT].name, "limit");
    assert_string_equal(mir_wait_feature_table[MIR_WAIT_FEATURE_PLAN_LIMIT].name, "plan_limit");
    assert_string_equal(mir_feature_source_name((enum mir_feature_source)99), "unknown");
}

/* ---- Small queues by hand */

static void an_idle_machine_makes_nobody_wait(void **state)
{
    struct scene *s = *state;

    s->c.predecessor_end_at = NOW + 5 * HOUR;
    look(s);
    assert_value(s, "nodes", 4);
    assert_value(s, "nodes_share", 0.4);
    assert_value(s, "limit", 24);
    assert_value(s, "predecessor_left", 5);
    assert_value(s, "nodes_free_minus", 6);
    assert_value(s, "plan_limit", 0);
    assert_value(s, "plan_mean", 0);
    assert_value(s, "plan_p90", 0);
    assert_value(s, "fluid_wait", 0);
    assert_value(s, "drain_time", 0);
    assert_unknown(s, "running_age");
    assert_unknown(s, "pending_oldest");
    assert_unknown(s, "wait_mean");
    assert_unknown(s, "wait_alike_last");
    assert_unknown(s, "user_pending");
}

/* 2023-11-14 22:13:20 was a Tuesday. */
static void the_calendar_is_utc(void **state)
{
    struct scene *s = *state;

    look(s);
    assert_value(s, "hour", 22 + 800.0 / 3600);
    assert_value(s, "weekday", 1);
    assert_unknown(s, "predecessor_left");
}

static void what_waits_is_counted_before_and_behind(void **state)
{
    struct scene *s = *state;

    s->request.user = 7;
    add_running(s, 6, 3 * HOUR, HOUR)->user = 7;
    add_running(s, 4, HOUR / 2, HOUR);
    add_pending(s, 2, 2 * HOUR, 5 * HOUR)->user = 7;
    add_pending(s, 8, 20 * HOUR, 4 * HOUR);
    add_pending(s, 5, 12 * HOUR, 9 * HOUR)->user = 7;
    add_pending(s, 1, HOUR, HOUR);
    s->c.priority = 998; /* as the third has: it is tried after it */
    look(s);
    assert_value(s, "pending_jobs", 4);
    assert_value(s, "pending_nodes", 16);
    assert_value(s, "pending_node_hours_limit", 4 + 160 + 60 + 1);
    assert_value(s, "ahead_jobs", 3);
    assert_value(s, "ahead_nodes", 15);
    assert_value(s, "ahead_node_hours_limit", 224);
    assert_value(s, "ahead_large_jobs", 2);
    assert_value(s, "ahead_largest", 8);
    assert_value(s, "pending_oldest", 9);
    assert_value(s, "pending_alike_jobs", 2);
    assert_value(s, "pending_alike_oldest", 9);
    assert_value(s, "pending_alike_mean", 6.5);
    assert_value(s, "user_pending", 2);
    assert_value(s, "user_running", 1);
    assert_value(s, "running_jobs", 2);
    assert_value(s, "running_age", 2);
    assert_value(s, "nodes_free", 0);
    assert_value(s, "nodes_free_minus", -4);
    assert_true(value(s, "ahead_node_hours_expected") < value(s, "ahead_node_hours_limit"));
    s->c.priority = 999.5;
    look(s);
    assert_value(s, "ahead_jobs", 1);
    s->c.priority = 1e9;
    look(s);
    assert_value(s, "ahead_jobs", 0);
    assert_value(s, "ahead_largest", 0);
    s->c.priority = NAN;
    look(s);
    assert_value(s, "ahead_jobs", 4);
}

static void a_job_whose_priority_nobody_knows_lets_nobody_pass(void **state)
{
    struct scene *s = *state;

    for (int i = 0; i < 6; i++)
        add_pending(s, 1, HOUR, HOUR);
    s->pending[3].priority = NAN;
    s->c.priority = 1e9;
    look(s);
    assert_value(s, "ahead_jobs", 4);
}

/* Slurm tries them in this order, whatever the numbers say: partitions have tiers. */
static void the_order_of_the_queue_is_slurm_s(void **state)
{
    struct scene *s = *state;

    for (int i = 0; i < 6; i++)
        add_pending(s, 1, HOUR, HOUR)->priority = 10;
    s->pending[4].priority = 500;
    s->c.priority = 100;
    look(s);
    assert_value(s, "ahead_jobs", 5);
}

static void held_jobs_are_only_counted(void **state)
{
    struct scene *s = *state;

    add_running(s, 10, HOUR, 2 * HOUR);
    add_pending(s, 10, DAY, HOUR)->eligible_at = INT64_MAX;
    add_pending(s, 10, DAY, 3 * HOUR)->eligible_at = NOW + 1;
    add_pending(s, 1, HOUR, 2 * HOUR)->eligible_at = NOW;
    look(s);
    assert_value(s, "held_jobs", 2);
    assert_value(s, "pending_jobs", 1);
    assert_value(s, "pending_nodes", 1);
    assert_value(s, "ahead_jobs", 1);
    assert_value(s, "pending_oldest", 2);
    assert_value(s, "plan_limit", 2);
    assert_value(s, "submitted_6h", 240 + 240 + 1); /* they were submitted all the same */
}

/* Now 10 nodes are busy: 6 until 2 h from now, 4 until 5 h. */
static void the_plan_by_limits_is_slurm_s(void **state)
{
    struct scene *s = *state;

    add_running(s, 6, HOUR, 2 * HOUR);
    add_running(s, 4, HOUR, 5 * HOUR);
    look(s);
    assert_value(s, "plan_limit", 2);
    assert_value(s, "planned_release_1h", 0);
    assert_value(s, "planned_release_2h", 6);
    assert_value(s, "planned_release_8h", 10);
    add_pending(s, 10, 3 * HOUR, HOUR); /* from 5 h to 8 h */
    look(s);
    assert_value(s, "plan_limit", 8);
    s->request.limit_s = 3 * HOUR; /* fits before it */
    look(s);
    assert_value(s, "plan_limit", 2);
    s->request.n_nodes = 7;
    look(s);
    assert_value(s, "plan_limit", 8);
    s->c.priority = 2000; /* before all */
    look(s);
    assert_value(s, "plan_limit", 5);
}

static void who_starts_beyond_the_window_of_backfill_holds_no_nodes(void **state)
{
    struct scene *s = *state;

    add_running(s, 10, HOUR, 30 * HOUR);
    add_pending(s, 10, 10 * HOUR, HOUR);
    look(s);
    assert_value(s, "plan_limit", 30); /* the window is a day */
    mir_queue_outlook_set_window(s->outlook, 2 * DAY);
    mir_wait_features(s->outlook, &s->c, s->x);
    assert_value(s, "plan_limit", 40);
    mir_queue_outlook_set_window(s->outlook, 29 * HOUR);
    look(s);
    assert_value(s, "plan_limit", 30);
    mir_queue_outlook_set_window(s->outlook, 30 * HOUR);
    look(s);
    assert_value(s, "plan_limit", 40);
    mir_queue_outlook_set_window(s->outlook, 0);
    look(s);
    assert_value(s, "plan_limit", 30);
}

/* A crowd whose jobs are over after ten minutes, whatever their limit. */
static void run_times_that_are_known_shorten_the_wait(void **state)
{
    struct scene *s = *state;

    for (uint64_t id = 1; id <= 300; id++) {
        const struct mir_run_shape shape = {.user = 1, .n_nodes = 10, .limit_s = 24 * HOUR};

        mir_run_book_start(s->book, id, &shape, NOW - DAY);
        mir_run_book_end(s->book, id, NOW - DAY + 600);
    }
    mir_run_book_update(s->book, NOW);
    add_running(s, 10, 60, 24 * HOUR - 60)->user = 1;
    look(s);
    assert_true(value(s, "expected_release_1h") > 9);
    assert_value(s, "planned_release_12h", 0);
    assert_true(value(s, "plan_limit") > 23);
    assert_true(value(s, "plan_mean") < 1);
    assert_true(value(s, "plan_p50") < 1);
    assert_true(value(s, "fluid_wait") <= 1);
    s->running[0].chained = 1; /* of a chain it is known that it runs to its limit */
    look(s);
    assert_value(s, "expected_release_12h", 0);
    assert_value(s, "expected_release_24h", 10);
    assert_value(s, "plan_p10", 24 - 60.0 / 3600);
    assert_value(s, "drain_time", 24 - 60.0 / 3600);
}

static void a_job_past_its_end_may_end_any_moment(void **state)
{
    struct scene *s = *state;

    add_running(s, 10, 3 * HOUR, -HOUR);
    look(s);
    assert_value(s, "planned_release_1h", 10);
    assert_value(s, "expected_release_1h", 10);
    assert_value(s, "plan_limit", 0);
    assert_value(s, "plan_p90", 0);
    assert_value(s, "drain_time", 0);
}

static void what_never_fits_is_far_away_and_not_infinite(void **state)
{
    struct scene *s = *state;

    s->request.n_nodes = 11;
    look(s);
    assert_value(s, "plan_limit", 60 * 24);
    assert_value(s, "plan_p10", 60 * 24);
    assert_value(s, "plan_average", 60 * 24);
    assert_value(s, "fluid_wait", 60 * 24);
    assert_value(s, "nodes_share", 1.1);
    s->request.n_nodes = UINT32_MAX;
    look(s);
    assert_value(s, "plan_limit", 60 * 24);
}

static void a_machine_without_nodes_has_no_shares(void **state)
{
    struct scene *s = *state;

    s->queue.n_nodes = 0;
    s->queue.n_nodes_free = 0;
    add_pending(s, 2, HOUR, HOUR);
    look(s);
    assert_unknown(s, "nodes_share");
    assert_unknown(s, "drain_time");
    assert_value(s, "plan_limit", 60 * 24);
    assert_value(s, "nodes_in_service", 0);
}

/* ---- History */

static void the_past_is_summed_by_spans(void **state)
{
    struct scene *s = *state;

    add_start(s, 8, DAY, 80 * HOUR, 600);
    add_start(s, 4, DAY, 30 * HOUR, 600);
    add_start(s, 2, 10 * HOUR, 5 * HOUR, 2 * HOUR); /* submitted 7 h ago */
    add_start(s, 1, 3 * HOUR, HOUR, 1800);
    add_pending(s, 1, HOUR, 1800);
    look(s);
    assert_value(s, "started_1h", 3);
    assert_value(s, "started_6h", 23);
    assert_value(s, "started_24h", 23);
    assert_value(s, "started_72h", 23 + 96);
    assert_value(s, "submitted_1h", 1);
    assert_value(s, "submitted_6h", 3 + 1);
    assert_value(s, "submitted_24h", 23 + 1);
    assert_value(s, "submitted_72h", 23 + 96 + 1);
    assert_value(s, "starts_6h", 2);
    assert_value(s, "starts_24h", 2);
    assert_value(s, "wait_mean", (600 + 600 + 7200 + 1800) / 4.0 / 3600);
    assert_value(s, "wait_max", 2);
}

static void past_waits_are_those_of_jobs_like_it(void **state)
{
    struct scene *s = *state;

    add_start(s, 4, DAY, 20 * HOUR, 9 * HOUR);
    add_start(s, 5, 12 * HOUR, 10 * HOUR, 3 * HOUR);
    add_start(s, 1, 2 * DAY, 6 * HOUR, 30 * HOUR);   /* as long, not as large */
    add_start(s, 9, 11 * HOUR, 3 * HOUR, 50 * HOUR); /* as large, not half as long */
    look(s);
    assert_value(s, "wait_alike_last", 3);
    assert_value(s, "wait_alike_age", 10);
    assert_value(s, "wait_alike_mean", 6);
    assert_value(s, "wait_alike_max", 9);
    assert_value(s, "wait_long_mean", 14);
    assert_value(s, "wait_long_max", 30);
}

static void only_the_last_of_them_count(void **state)
{
    struct scene *s = *state;

    for (int i = 0; i < 60; i++)
        add_start(s, 4, DAY, (100 - i) * HOUR, (i < 40 ? 100 : i < 50 ? 10 : 1) * HOUR);
    look(s);
    assert_value(s, "wait_alike_max", 1); /* of 10 */
    assert_value(s, "wait_long_max", 10); /* of 20 */
    assert_value(s, "wait_max", 100);     /* of 50 */
    assert_value(s, "wait_mean", (30 * 100 + 10 * 10 + 10) / 50.0);
    for (int i = 0; i < 55; i++)
        s->starts[i].n_nodes = 1; /* as long, but not as large: 5 are alike */
    look(s);
    assert_value(s, "wait_alike_mean", 1);
    assert_value(s, "wait_long_max", 10);
}

/* A forked host has the history of the one it comes from, and its own. */
static void a_history_in_two_parts_is_one_history(void **state)
{
    struct scene *s = *state;
    float whole[MIR_N_WAIT_FEATURES];

    for (int i = 0; i < 300; i++)
        add_start(s, (uint32_t)(1 + i % 7), (1 + i % 30) * HOUR, (300 - i) * 1000, i * 61 % 5000);
    look(s);
    memcpy(whole, s->x, sizeof whole);
    for (size_t n = 0; n <= 300; n += 50) {
        s->queue.history = (struct mir_history){s->starts, n, s->starts + n, 300 - n};
        look(s);
        assert_memory_equal(s->x, whole, sizeof whole);
    }
}

/* ---- Random queues */

static int64_t between(struct mir_rng *rng, int64_t low, int64_t high)
{
    return low + (int64_t)mir_rng_below(rng, (uint64_t)(high - low + 1));
}

static void draw_queue(struct scene *s, struct mir_rng *rng, size_t n_running, size_t n_pending)
{
    s->queue.n_nodes = 200;
    s->queue.n_nodes_free = 200;
    for (size_t i = 0; i < n_running && s->queue.n_nodes_free > 8; i++) {
        int64_t limit_s = between(rng, 600, 2 * DAY), age_s = between(rng, 0, limit_s);

        add_running(s, (uint32_t)between(rng, 1, 8), age_s, limit_s - age_s)->user =
            (uint32_t)between(rng, 0, 5);
    }
    for (size_t i = 0; i < n_pending; i++) {
        struct mir_pending_job *job =
            add_pending(s, (uint32_t)between(rng, 1, 32), (int32_t)between(rng, 600, 2 * DAY),
                        between(rng, 0, 3 * DAY));

        job->user = (uint32_t)between(rng, 0, 5);
        if (between(rng, 0, 9) == 0)
            job->eligible_at = INT64_MAX;
    }
}

/* Requests of all ranks, one after another: what one leaves behind must not touch the next. */
static void the_order_of_the_questions_does_not_matter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct scene *s = MIR_NEW(struct scene);
        struct mir_rng rng;

        mir_rng_init(&rng, seed);
        scene_init(s);
        draw_queue(s, &rng, 60, seed % 2 == 0 ? 390 : 60); /* more than are planned; fewer */
        mir_queue_outlook_update(s->outlook, &s->queue, s->book);
        for (int i = 0; i < 40; i++) {
            struct mir_queue_outlook *fresh = mir_queue_outlook_create();
            float alone[MIR_N_WAIT_FEATURES];

            s->request.n_nodes = (uint32_t)between(&rng, 1, 40);
            s->request.limit_s = (int32_t)between(&rng, 600, 2 * DAY);
            s->request.user = (uint32_t)between(&rng, 0, 5);
            s->c.priority = between(&rng, 0, 9) == 0 ? NAN : (double)between(&rng, 500, 1010);
            mir_wait_features(s->outlook, &s->c, s->x);
            mir_queue_outlook_update(fresh, &s->queue, s->book);
            mir_wait_features(fresh, &s->c, alone);
            if (memcmp(alone, s->x, sizeof alone) != 0)
                fail_msg("seed %" PRIu64 ", question %d", seed, i);
            mir_queue_outlook_destroy(fresh);
        }
        scene_release(s);
        free(s);
    }
}

/* Of 16 futures the tenth part lies between the second and the third, and so on. */
static void the_plan_s_quantiles_are_those_of_the_futures(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct scene *s = MIR_NEW(struct scene);
        double by_limit_s, f[MIR_OUTLOOK_FUTURES], sum_s = 0;
        struct mir_rng rng;

        mir_rng_init(&rng, seed);
        scene_init(s);
        draw_queue(s, &rng, 60, 30);
        look(s);
        mir_queue_outlook_plan(s->outlook, &s->c, &by_limit_s, f);
        for (int k = 0; k < MIR_OUTLOOK_FUTURES; k++) {
            assert_true(k == 0 || f[k - 1] <= f[k]);
            sum_s += f[k];
        }
        assert_value(s, "plan_limit", by_limit_s / HOUR);
        assert_value(s, "plan_p10", (f[1] + f[2]) / 2 / HOUR);
        assert_value(s, "plan_p25", (f[3] + 3 * f[4]) / 4 / HOUR);
        assert_value(s, "plan_p50", (f[7] + f[8]) / 2 / HOUR);
        assert_value(s, "plan_p75", (3 * f[11] + f[12]) / 4 / HOUR);
        assert_value(s, "plan_p90", (f[13] + f[14]) / 2 / HOUR);
        assert_value(s, "plan_average", sum_s / MIR_OUTLOOK_FUTURES / HOUR);
        assert_true(f[0] < f[MIR_OUTLOOK_FUTURES - 1]); /* they are not all the same */
        scene_release(s);
        free(s);
    }
}

/* The same draw for the same job: a wait must not jitter between two looks. */
static void looking_twice_sees_the_same(void **state)
{
    struct scene *s = *state;
    float first[MIR_N_WAIT_FEATURES];
    struct mir_rng rng;

    mir_rng_init(&rng, 1);
    draw_queue(s, &rng, 60, 100);
    look(s);
    memcpy(first, s->x, sizeof first);
    look(s);
    assert_memory_equal(first, s->x, sizeof first);
    s->queue.now += 1;
    look(s);
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++)
        if (!isnan(first[i]))
            assert_true(fabsf(s->x[i] - first[i]) <= 0.01F + 0.01F * fabsf(first[i]));
}

/* ---- Queues that should not be */

static int64_t odd_time(struct mir_rng *rng)
{
    static const int64_t odd[] = {INT64_MIN, INT64_MAX, 0,         -1,
                                  NOW,       NOW - DAY, NOW + DAY, NOW - HOUR};

    return odd[mir_rng_below(rng, sizeof odd / sizeof *odd)];
}

static uint32_t odd_count(struct mir_rng *rng)
{
    static const uint32_t odd[] = {0, 1, 3, 64, INT32_MAX, UINT32_MAX, UINT32_MAX - 1};

    return odd[mir_rng_below(rng, sizeof odd / sizeof *odd)];
}

static int32_t odd_limit(struct mir_rng *rng)
{
    static const int32_t odd[] = {0, 1, 60, HOUR, DAY, MIR_UNKNOWN, MIR_UNLIMITED, INT32_MIN};

    return odd[mir_rng_below(rng, sizeof odd / sizeof *odd)];
}

static double odd_priority(struct mir_rng *rng)
{
    static const double odd[] = {0, 1, 1e9, -1, NAN, INFINITY, -INFINITY};

    return odd[mir_rng_below(rng, sizeof odd / sizeof *odd)];
}

static void draw_odd(struct scene *s, struct mir_rng *rng)
{
    s->queue.n_nodes = odd_count(rng);
    s->queue.n_nodes_free = odd_count(rng);
    s->queue.n_running = mir_rng_below(rng, 20);
    s->queue.n_pending = mir_rng_below(rng, 20);
    s->queue.history.n_old = mir_rng_below(rng, 20);
    for (size_t i = 0; i < s->queue.n_running; i++)
        s->running[i] = (struct mir_running_job){odd_time(rng),
                                                 odd_time(rng),
                                                 odd_time(rng),
                                                 odd_count(rng),
                                                 odd_count(rng),
                                                 odd_count(rng),
                                                 odd_count(rng),
                                                 0,
                                                 0,
                                                 0,
                                                 (uint8_t)mir_rng_below(rng, 2)};
    for (size_t i = 0; i < s->queue.n_pending; i++)
        s->pending[i] = (struct mir_pending_job){odd_time(rng),
                                                 odd_time(rng),
                                                 odd_count(rng),
                                                 odd_limit(rng),
                                                 odd_count(rng),
                                                 odd_count(rng),
                                                 odd_count(rng),
                                                 odd_priority(rng),
                                                 0,
                                                 0,
                                                 0,
                                                 0};
    for (size_t i = 0; i < s->queue.history.n_old; i++)
        s->starts[i] = (struct mir_start){
            odd_time(rng), odd_limit(rng), odd_limit(rng), odd_count(rng), 0, 0, 0, 0, 0};
    s->request.n_nodes = odd_count(rng);
    s->request.limit_s = odd_limit(rng);
    s->request.user = odd_count(rng);
    s->c.priority = odd_priority(rng);
    s->c.predecessor_end_at = odd_time(rng);
}

static void no_queue_is_too_odd_to_look_at(void **state)
{
    struct scene *s = *state;

    for (uint64_t seed = 1; seed <= 5000; seed++) {
        struct mir_rng rng;

        mir_rng_init(&rng, seed);
        draw_odd(s, &rng);
        look(s);
        for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++)
            if (isinf(s->x[i]))
                fail_msg("seed %" PRIu64 ": %s", seed, mir_wait_feature_table[i].name);
        assert_true(value(s, "plan_limit") >= 0 && value(s, "plan_p50") >= 0);
        assert_true(value(s, "fluid_wait") >= 0 && value(s, "fluid_wait") <= 60 * 24);
    }
}

/* Ten thousand wait and a thousand run; the last of them is asked for, and the first. */
static void a_long_queue_is_work_beyond_what_is_planned(void **state)
{
    enum { N = 10000 };
    struct scene *s = *state;
    struct mir_pending_job *pending = MIR_NEW_ARRAY(struct mir_pending_job, N);
    struct mir_running_job *running = MIR_NEW_ARRAY(struct mir_running_job, 1000);

    for (uint32_t i = 0; i < N; i++)
        pending[i] = (struct mir_pending_job){.submit_at = NOW - DAY,
                                              .eligible_at = NOW - DAY,
                                              .id = i,
                                              .limit_s = HOUR,
                                              .n_nodes = 3,
                                              .priority = N - i};
    for (uint32_t i = 0; i < 1000; i++)
        running[i] = (struct mir_running_job){
            .start_at = NOW, .planned_end_at = NOW + HOUR, .id = N + i, .n_nodes = 1, .chained = 1};
    s->queue.n_nodes = 1000;
    s->queue.n_nodes_free = 0;
    s->queue.pending = pending;
    s->queue.n_pending = N;
    s->queue.running = running;
    s->queue.n_running = 1000;
    s->request.n_nodes = 101;
    look(s);
    assert_value(s, "ahead_jobs", N);
    assert_value(s, "ahead_node_hours_limit", 3 * N);
    /* 300 are planned for the second hour and leave 100; the others are 29.1 h of work. */
    assert_value(s, "plan_limit", 2 + 29.1);
    s->c.priority = N + 1;
    mir_wait_features(s->outlook, &s->c, s->x);
    assert_value(s, "plan_limit", 1);
    free(pending);
    free(running);
}

#define SCENE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(every_feature_has_a_name_a_unit_and_a_source),
        SCENE_TEST(an_idle_machine_makes_nobody_wait),
        SCENE_TEST(the_calendar_is_utc),
        SCENE_TEST(what_waits_is_counted_before_and_behind),
        SCENE_TEST(a_job_whose_priority_nobody_knows_lets_nobody_pass),
        SCENE_TEST(the_order_of_the_queue_is_slurm_s),
        SCENE_TEST(held_jobs_are_only_counted),
        SCENE_TEST(the_plan_by_limits_is_slurm_s),
        SCENE_TEST(who_starts_beyond_the_window_of_backfill_holds_no_nodes),
        SCENE_TEST(run_times_that_are_known_shorten_the_wait),
        SCENE_TEST(a_job_past_its_end_may_end_any_moment),
        SCENE_TEST(what_never_fits_is_far_away_and_not_infinite),
        SCENE_TEST(a_machine_without_nodes_has_no_shares),
        SCENE_TEST(the_past_is_summed_by_spans),
        SCENE_TEST(past_waits_are_those_of_jobs_like_it),
        SCENE_TEST(only_the_last_of_them_count),
        SCENE_TEST(a_history_in_two_parts_is_one_history),
        SCENE_TEST(the_order_of_the_questions_does_not_matter),
        SCENE_TEST(the_plan_s_quantiles_are_those_of_the_futures),
        SCENE_TEST(looking_twice_sees_the_same),
        SCENE_TEST(no_queue_is_too_odd_to_look_at),
        SCENE_TEST(a_long_queue_is_work_beyond_what_is_planned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
