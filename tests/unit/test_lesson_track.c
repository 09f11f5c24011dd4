/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_lesson_track.c - lessons as a log goes on, where the simulator is right and where not. */
#include "traces/replay/lesson_track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"

enum { HOUR = 3600, DAY = 24 * HOUR, T0 = 1675209600, NODES = 16, DAYS = 30 };

/* A machine for which jobs queue up, and another one that a lookahead takes it for. */
struct world {
    struct mir_joblog log;
    struct mir_cluster cluster, believed;
    struct mir_workload workload;
    struct mir_sim_options options;
    struct mir_job_timeline timeline;
    struct mir_habit_track habits;
    struct mir_lesson_track track;
};

/* Jobs of up to eight nodes that run for some part of their limit: about `load` of `n_nodes`. */
static void add_jobs(struct world *w, uint32_t n_nodes, double load, int days)
{
    struct mir_rng rng;
    double at = T0;

    mir_rng_init(&rng, 7);
    for (uint32_t id = 1; at < T0 + (double)days * DAY; id++) {
        struct mir_job *job = mir_joblog_add(&w->log);

        job->submit_at = (int64_t)at;
        job->id = id;
        job->n_nodes = 1u << mir_rng_below(&rng, 4);
        job->user = 1 + (uint32_t)mir_rng_below(&rng, 5);
        job->limit_s = HOUR * (2 + (int32_t)mir_rng_below(&rng, 11));
        job->run_s = 60 + (int32_t)(mir_rng_double(&rng) * (job->limit_s - 60));
        at += mir_rng_double(&rng) * 2 * (3.75 * 3.5 * HOUR) / (n_nodes * load);
    }
}

static void init_world(struct world *w)
{
    *w = (struct world){0};
    mir_joblog_init(&w->log);
    mir_cluster_init(&w->cluster, MIR_SCHED_SLURM, NODES);
    mir_cluster_init(&w->believed, MIR_SCHED_SLURM, NODES);
}

static void run_world(struct world *w, int days)
{
    struct mir_workload_options options;
    struct mir_lookahead_options belief;
    struct mir_lookahead *lookahead;

    mir_workload_options_init(&options);
    assert_int_equal(mir_workload_create(&w->log, &w->cluster, &options, &w->workload, NULL), 0);
    mir_sim_options_init(&w->options);
    w->options.cluster = &w->cluster;
    w->options.workload = &w->workload;
    w->options.from_at = T0;
    assert_int_equal(mir_job_timeline_create(&w->options, &w->timeline, NULL), 0);
    mir_habit_track_make(&w->timeline, &w->habits);
    mir_lookahead_options_init(&belief);
    belief.cluster = &w->believed;
    lookahead = mir_lookahead_create(&belief);
    assert_int_equal(mir_lesson_track_make(&w->options, &w->timeline, &w->habits, lookahead, T0,
                                           T0 + (int64_t)days * DAY, &w->track, NULL),
                     0);
    mir_lookahead_destroy(lookahead);
}

static void close_world(struct world *w)
{
    mir_lesson_track_release(&w->track);
    mir_habit_track_release(&w->habits);
    mir_job_timeline_release(&w->timeline);
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static const struct mir_lessons *at_day(const struct world *w, int day)
{
    return mir_lesson_track_at(&w->track, T0 + (int64_t)day * DAY);
}

/* In how many of its hours trust was lost; the greatest share outside is told. */
static size_t hours_lost(const struct world *w, double *worst)
{
    size_t n = 0;

    *worst = 0;
    for (size_t i = 0; i < w->track.n; i++) {
        const struct mir_lookahead_trust *t = &w->track.v[i].trust;

        n += t->lost;
        if (t->n_looks >= MIR_TRUST_LOOKS_LEAST && t->outside > *worst)
            *worst = t->outside;
    }
    return n;
}

static void where_the_simulator_is_right_trust_is_kept(void **state)
{
    struct world w;
    double worst;

    (void)state;
    init_world(&w);
    add_jobs(&w, NODES, 0.95, DAYS);
    run_world(&w, DAYS);
    assert_int_equal(at_day(&w, DAYS)->trust.n_looks, MIR_TRUST_LOOKS);
    assert_int_equal(hours_lost(&w, &worst), 0);
    assert_true(worst < 0.4);
    close_world(&w);
}

/* Half of the nodes are idle and nobody's who waits, which the lookahead cannot know. */
static void half_of_the_nodes_reserved_unseen_loses_trust(void **state)
{
    struct world w;
    double worst;

    (void)state;
    init_world(&w);
    w.cluster.n_node_sets = 2;
    w.cluster.node_sets[1] = w.cluster.node_sets[0];
    w.cluster.node_sets[0].n_nodes = w.cluster.node_sets[1].n_nodes = NODES / 2;
    w.cluster.partitions[0].node_sets = 1;
    add_jobs(&w, NODES / 2, 0.9, DAYS);
    run_world(&w, DAYS);
    assert_true(at_day(&w, DAYS)->trust.lost);
    assert_true(hours_lost(&w, &worst) > 20 * 24);
    close_world(&w);
}

/* Large jobs go first, always, and the lookahead takes it for first come, first served. */
static void another_order_of_starts_loses_trust(void **state)
{
    struct world w;
    double worst;

    (void)state;
    init_world(&w);
    w.cluster.priority.multifactor = true;
    w.cluster.priority.weight_job_size = 1000000;
    add_jobs(&w, NODES, 0.95, DAYS);
    run_world(&w, DAYS);
    assert_true(hours_lost(&w, &worst) > 0);
    close_world(&w);
}

/* What happens later changes nothing of what was said before. */
static void nothing_later_is_looked_at(void **state)
{
    struct world half, whole;

    (void)state;
    init_world(&half);
    init_world(&whole);
    add_jobs(&half, NODES, 0.95, 6);
    add_jobs(&whole, NODES, 0.95, 12);
    run_world(&half, 6);
    run_world(&whole, 12);
    for (int hour = 0; hour < 6 * 24; hour++)
        assert_memory_equal(&half.track.v[hour], &whole.track.v[hour], sizeof(struct mir_lessons));
    assert_true(at_day(&whole, 5)->trust.n_looks > 0);
    assert_memory_not_equal(at_day(&whole, 12), at_day(&half, 12), sizeof(struct mir_lessons));
    assert_null(mir_lesson_track_at(&whole.track, T0 - 2 * HOUR));
    close_world(&half);
    close_world(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_the_simulator_is_right_trust_is_kept),
        cmocka_unit_test(half_of_the_nodes_reserved_unseen_loses_trust),
        cmocka_unit_test(another_order_of_starts_loses_trust),
        cmocka_unit_test(nothing_later_is_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
