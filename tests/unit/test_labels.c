/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_labels.c - counterfactual waits: each one done again the long way, with a
 * simulator of its own from the beginning of time; and nothing in a row that was not
 * known at its instant.
 */
#include "models/train/labels.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "traces/generate/generate.h"

enum { HOUR = 3600, DAY = 86400 };

static const struct mir_request shapes[] = {
    {.n_nodes = 1, .limit_s = 12 * HOUR, .run_s = MIR_UNKNOWN},
    {.n_nodes = 8, .limit_s = 24 * HOUR, .run_s = MIR_UNKNOWN},
    {.n_nodes = 30, .limit_s = 6 * HOUR, .run_s = MIR_UNKNOWN},
};

enum { N_SHAPES = sizeof shapes / sizeof *shapes };

struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_sim_options sim;
    struct mir_job_timeline timeline;
    struct mir_labels_options o;
};

static void make_workload(struct world *w)
{
    struct mir_workload_options options;
    struct mir_error err = {{0}};

    mir_workload_options_init(&options);
    if (mir_workload_create(&w->log, &w->cluster, &options, &w->workload, &err) != 0 ||
        mir_job_timeline_create(&w->sim, &w->timeline, &err) != 0)
        fail_msg("%s", err.text);
}

/* Two weeks of too much work; jobs submitted from `changed_at` on run to their limits. */
static void open_world(struct world *w, int64_t changed_at)
{
    struct mir_generate_params params;
    struct mir_error err = {{0}};

    memset(w, 0, sizeof *w);
    mir_joblog_init(&w->log);
    mir_generate_default(&params);
    params.jobs_per_day *= 1.4;
    if (mir_generate(&params, 5, 14 * DAY, 0, &w->log, &err) != 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < w->log.n_jobs; i++)
        if (w->log.jobs[i].submit_at >= changed_at)
            w->log.jobs[i].run_s = w->log.jobs[i].limit_s;
    mir_cluster_init(&w->cluster, MIR_SCHED_SLURM, 76);
    w->cluster.params.backfill = true;
    w->cluster.params.bf_window_s = 3 * DAY;
    w->cluster.priority.multifactor = true;
    w->cluster.priority.accounting = true;
    w->cluster.priority.weight_age = 1000;
    w->cluster.priority.weight_job_size = 500;
    w->cluster.priority.weight_fairshare = 0;
    mir_sim_options_init(&w->sim);
    w->sim.cluster = &w->cluster;
    w->sim.workload = &w->workload;
    make_workload(w);
    w->o = (struct mir_labels_options){
        .sim = &w->sim,
        .timeline = &w->timeline,
        .shapes = shapes,
        .n_shapes = N_SHAPES,
        .from_at = 5 * DAY,
        .to_at = 8 * DAY,
        .known_until_at = 14 * DAY,
        .every_s = 20 * HOUR,
        .probe_every_s = 3 * HOUR,
        .seed = 1,
        .n_threads = 1,
    };
}

static void close_world(struct world *w)
{
    mir_job_timeline_release(&w->timeline);
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static void make(const struct world *w, struct mir_labels *out)
{
    struct mir_error err = {{0}};

    *out = (struct mir_labels){0};
    if (mir_labels_make(&w->o, out, &err) != 0)
        fail_msg("%s", err.text);
}

static float value(const struct mir_label *row, const char *name)
{
    unsigned i = 0;

    while (strcmp(mir_wait_feature_table[i].name, name) != 0)
        i++;
    return row->features[i];
}

/* ---- The truth */

/* The start of the row's successor in a world of its own; INT64_MAX: not by the end. */
static int64_t start_the_long_way(const struct world *w, const struct mir_label *row)
{
    const struct mir_request *r = &shapes[row->shape];
    int64_t round = row->episode / N_SHAPES, turn = row->episode % N_SHAPES;
    int64_t submit_at =
        w->o.from_at + round * w->o.every_s + turn * (int64_t)w->o.every_s / N_SHAPES;
    struct mir_sim *sim;
    uint64_t serial;
    int64_t at;

    assert_int_equal(mir_sim_create(&w->sim, &sim, NULL), 0);
    mir_sim_advance(sim, submit_at);
    assert_int_equal(mir_sim_submit(sim, r, &serial, NULL), 0);
    at = mir_sim_advance_to_start(sim, serial, row->at);
    assert_true(at <= row->at && row->at < at + r->limit_s);
    assert_true(fabs((double)row->left_h * HOUR - (double)(at + r->limit_s - row->at)) < 1);
    mir_sim_advance(sim, row->at);
    assert_int_equal(mir_sim_submit(sim, r, &serial, NULL), 0);
    at = mir_sim_advance_to_start(sim, serial, w->o.known_until_at);
    mir_sim_destroy(sim);
    return at;
}

static void every_wait_is_what_submitting_then_would_have_given(void **state)
{
    struct mir_labels labels;
    struct world w;
    double sum_h = 0;

    (void)state;
    open_world(&w, INT64_MAX);
    make(&w, &labels);
    assert_true(labels.n > 50);
    for (size_t i = 0; i < labels.n; i++) {
        const struct mir_label *row = &labels.rows[i];
        int64_t start_at = start_the_long_way(&w, row);

        assert_int_equal(row->censored, start_at == INT64_MAX);
        if (!row->censored)
            assert_true(fabs((double)row->wait_h * HOUR - (double)(start_at - row->at)) < 1);
        assert_true(value(row, "nodes") == (float)shapes[row->shape].n_nodes);
        assert_true(value(row, "predecessor_left") == row->left_h);
        sum_h += (double)row->wait_h;
    }
    assert_true(sum_h / (double)labels.n > 1); /* there was something to wait for */
    mir_labels_release(&labels);
    assert_null(labels.rows);
    close_world(&w);
}

static void rows_come_by_predecessor_and_time(void **state)
{
    struct mir_labels labels;
    bool seen[N_SHAPES] = {false};
    struct world w;

    (void)state;
    open_world(&w, INT64_MAX);
    make(&w, &labels);
    assert_int_equal(mir_labels_episodes(&w.o), 4 * N_SHAPES);
    assert_int_equal(labels.n_episodes, 4 * N_SHAPES);
    for (size_t i = 0; i < labels.n; i++) {
        const struct mir_label *row = &labels.rows[i];

        assert_int_equal(row->shape, row->episode % N_SHAPES);
        seen[row->shape] = true;
        if (i > 0 && row[-1].episode == row->episode)
            assert_int_equal(row->at - row[-1].at, w.o.probe_every_s);
        else
            assert_true(i == 0 || row[-1].episode < row->episode);
    }
    for (uint32_t s = 0; s < N_SHAPES; s++)
        assert_true(seen[s]);
    mir_labels_release(&labels);
    close_world(&w);
}

/* Bytes, so that NaN equals NaN; field by field, as there is padding. */
static void assert_same_row(const struct mir_label *a, const struct mir_label *b)
{
    assert_int_equal(a->at, b->at);
    assert_int_equal(a->episode, b->episode);
    assert_int_equal(a->shape, b->shape);
    assert_int_equal(a->censored, b->censored);
    assert_true(a->wait_h == b->wait_h && a->left_h == b->left_h);
    assert_memory_equal(a->features, b->features, sizeof a->features);
}

static void the_number_of_threads_does_not_matter(void **state)
{
    struct mir_labels one, many;
    struct world w;

    (void)state;
    open_world(&w, INT64_MAX);
    make(&w, &one);
    for (uint32_t n = 2; n <= 5; n++) {
        w.o.n_threads = n;
        make(&w, &many);
        assert_int_equal(one.n, many.n);
        for (size_t i = 0; i < one.n; i++)
            assert_same_row(&one.rows[i], &many.rows[i]);
        mir_labels_release(&many);
    }
    mir_labels_release(&one);
    close_world(&w);
}

/* In any order, and no predecessor in two of them. */
static void parts_together_are_what_all_at_once_is(void **state)
{
    struct mir_labels all, part, parts = {0};
    uint32_t n_episodes = 0;
    struct world w;

    (void)state;
    open_world(&w, INT64_MAX);
    make(&w, &all);
    w.o.n_parts = 3;
    for (uint32_t i = 0; i < 3; i++) {
        w.o.part = 2 - i;
        n_episodes += mir_labels_episodes(&w.o);
        make(&w, &part);
        assert_true(part.n > 0 && part.n < all.n);
        mir_labels_add(&parts, &part);
        mir_labels_release(&part);
    }
    assert_int_equal(n_episodes, all.n_episodes);
    assert_int_equal(parts.n_episodes, all.n_episodes);
    assert_int_equal(parts.n, all.n);
    for (size_t i = 0; i < all.n; i++)
        assert_same_row(&all.rows[i], &parts.rows[i]);
    mir_labels_release(&parts);
    mir_labels_release(&all);
    close_world(&w);
}

static void another_seed_tries_other_instants(void **state)
{
    struct mir_labels a, b;
    struct world w;

    (void)state;
    open_world(&w, INT64_MAX);
    make(&w, &a);
    w.o.seed = 2;
    make(&w, &b);
    assert_true(a.rows[0].at != b.rows[0].at || a.rows[10].at != b.rows[10].at);
    mir_labels_release(&a);
    mir_labels_release(&b);
    close_world(&w);
}

static void a_wait_beyond_what_is_known_is_a_lower_bound(void **state)
{
    struct mir_labels all, cut;
    struct world w;
    size_t n_censored = 0, k = 0;

    (void)state;
    open_world(&w, INT64_MAX);
    make(&w, &all);
    w.o.known_until_at = 9 * DAY + 5 * HOUR;
    make(&w, &cut);
    for (size_t i = 0; i < cut.n; i++, k++) {
        const struct mir_label *row = &cut.rows[i];
        double known_h = (double)(w.o.known_until_at - row->at) / HOUR;

        while (all.rows[k].episode != row->episode || all.rows[k].at != row->at)
            k++;
        assert_true(row->at < w.o.known_until_at);
        assert_memory_equal(row->features, all.rows[k].features, sizeof row->features);
        n_censored += row->censored;
        assert_int_equal(row->censored, (double)all.rows[k].wait_h > known_h);
        if (row->censored)
            assert_true(fabs((double)row->wait_h - known_h) < 1e-3);
        else
            assert_true(row->wait_h == all.rows[k].wait_h);
    }
    assert_true(n_censored > 5 && n_censored < cut.n && cut.n < all.n);
    mir_labels_release(&all);
    mir_labels_release(&cut);
    close_world(&w);
}

/* ---- What could be seen */

static void no_row_depends_on_what_comes_after_it(void **state)
{
    const int64_t changed_at = 8 * DAY;
    struct mir_labels here, elsewhere;
    struct world w, other;
    size_t n = 0, n_other_waits = 0, k = 0;

    (void)state;
    open_world(&w, INT64_MAX);
    open_world(&other, changed_at);
    make(&w, &here);
    make(&other, &elsewhere);
    for (size_t i = 0; i < here.n; i++) {
        const struct mir_label *row = &here.rows[i];

        if (row->at >= changed_at)
            continue;
        while (elsewhere.rows[k].episode != row->episode || elsewhere.rows[k].at != row->at)
            k++;
        assert_memory_equal(row->features, elsewhere.rows[k].features, sizeof row->features);
        n_other_waits += row->wait_h != elsewhere.rows[k].wait_h;
        n++;
    }
    assert_true(n > 20 && n_other_waits > 0);
    mir_labels_release(&here);
    mir_labels_release(&elsewhere);
    close_world(&other);
    close_world(&w);
}

/* Size counts: a job of 30 nodes goes before the small ones of its age. */
static void a_request_has_the_priority_that_it_would_have(void **state)
{
    struct mir_labels labels;
    struct world w;
    size_t n_before = 0, n = 0;

    (void)state;
    open_world(&w, INT64_MAX);
    make(&w, &labels);
    for (size_t i = 0; i < labels.n; i++) {
        const struct mir_label *row = &labels.rows[i];

        if (shapes[row->shape].n_nodes < 30 || value(row, "pending_jobs") < 10)
            continue;
        n++;
        n_before += value(row, "ahead_jobs") < value(row, "pending_jobs");
    }
    assert_true(n > 3 && n_before > n / 2);
    mir_labels_release(&labels);
    close_world(&w);
}

/* ---- What it refuses */

static void says_why_there_is_nothing_to_try(void **state)
{
    enum { N_MANY = UINT16_MAX + 1 };
    struct mir_request endless = shapes[0], huge = shapes[0];
    struct mir_request *many = MIR_NEW_ARRAY(struct mir_request, N_MANY);
    struct mir_labels labels = {0};
    struct world w;

    (void)state;
    open_world(&w, INT64_MAX);
    endless.limit_s = MIR_UNLIMITED;
    huge.n_nodes = 77;
    for (int i = 0; i < N_MANY; i++)
        many[i] = shapes[0];
    for (int k = 0; k < 8; k++) {
        struct mir_error err = {{0}};
        struct mir_labels_options o = w.o;

        o.n_threads = 3;
        o.to_at = k == 0 ? o.from_at : k == 4 ? INT64_MAX / 2 : o.to_at;
        o.every_s = k == 1 ? 0 : k == 4 ? 1 : o.every_s;
        o.probe_every_s = k == 2 ? 0 : o.probe_every_s;
        o.n_shapes = k == 3 ? 0 : k == 7 ? N_MANY : k >= 5 ? 1 : o.n_shapes;
        o.shapes = k == 5 ? &endless : k == 6 ? &huge : k == 7 ? many : o.shapes;
        assert_int_equal(mir_labels_make(&o, &labels, &err), k == 6 ? -E2BIG : -EINVAL);
        assert_true(err.text[0] != '\0');
        mir_labels_release(&labels);
    }
    free(many);
    close_world(&w);
}

static void plans_reach_as_far_as_the_cluster_s_backfill(void **state)
{
    struct mir_cluster c;

    (void)state;
    mir_cluster_init(&c, MIR_SCHED_SLURM, 10);
    c.params.backfill = true;
    c.params.bf_window_s = 7 * DAY;
    assert_int_equal(mir_cluster_window_s(&c), 7 * DAY);
    c.params.backfill = false;
    assert_int_equal(mir_cluster_window_s(&c), 0);
    mir_cluster_init(&c, MIR_SCHED_EASY, 10);
    assert_int_equal(mir_cluster_window_s(&c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wait_is_what_submitting_then_would_have_given),
        cmocka_unit_test(rows_come_by_predecessor_and_time),
        cmocka_unit_test(the_number_of_threads_does_not_matter),
        cmocka_unit_test(parts_together_are_what_all_at_once_is),
        cmocka_unit_test(another_seed_tries_other_instants),
        cmocka_unit_test(a_wait_beyond_what_is_known_is_a_lower_bound),
        cmocka_unit_test(no_row_depends_on_what_comes_after_it),
        cmocka_unit_test(a_request_has_the_priority_that_it_would_have),
        cmocka_unit_test(says_why_there_is_nothing_to_try),
        cmocka_unit_test(plans_reach_as_far_as_the_cluster_s_backfill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
