/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_sim_reserved.c - reservations: who may run beside them, and before. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "traces/generate/generate.h"
#include "traces/sim/sim.h"

enum { HOUR = 3600, DAY = 86400, NOW = 1700000000, NODES = 10 };

struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_sim *sim;
};

static void open_sim(struct world *w, const struct mir_reserved *reserved, size_t n)
{
    struct mir_workload_options workload_options;
    struct mir_sim_options options;

    mir_workload_options_init(&workload_options);
    assert_int_equal(
        mir_workload_create(&w->log, &w->cluster, &workload_options, &w->workload, NULL), 0);
    mir_sim_options_init(&options);
    options.cluster = &w->cluster;
    options.workload = &w->workload;
    options.from_at = NOW;
    options.keep_starts = true;
    options.reserved = reserved;
    options.n_reserved = n;
    assert_int_equal(mir_sim_create(&options, &w->sim, NULL), 0);
}

/* Ten idle nodes; a log has a job, which comes when all is over. */
static void open_idle(struct world *w,
                      enum mir_scheduler scheduler,
                      const struct mir_reserved *reserved,
                      size_t n)
{
    struct mir_job *job;

    *w = (struct world){0};
    mir_joblog_init(&w->log);
    job = mir_joblog_add(&w->log);
    job->submit_at = NOW + 1000 * HOUR;
    job->id = 1;
    job->n_nodes = 1;
    job->run_s = job->limit_s = HOUR;
    mir_cluster_init(&w->cluster, scheduler, NODES);
    open_sim(w, reserved, n);
}

static void close_world(struct world *w)
{
    mir_sim_destroy(w->sim);
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static uint64_t submit(struct world *w, uint32_t n_nodes, int32_t limit_s, int32_t run_s)
{
    const struct mir_request request = {.n_nodes = n_nodes, .limit_s = limit_s, .run_s = run_s};
    uint64_t serial;

    assert_int_equal(mir_sim_submit(w->sim, &request, &serial, NULL), 0);
    return serial;
}

/* Hours from now, or -1. */
static double start_h(struct world *w, uint64_t serial)
{
    int64_t at = mir_sim_advance_to_start(w->sim, serial, NOW + 100 * HOUR);

    return at == INT64_MAX ? -1 : (double)(at - NOW) / HOUR;
}

static void what_would_run_into_maintenance_waits_for_its_end(void **state)
{
    static const struct mir_reserved all = {NOW + 2 * HOUR, NOW + 5 * HOUR, NODES};
    uint64_t too_long, fits, second;
    struct world w;

    (void)state;
    open_idle(&w, MIR_SCHED_SLURM, &all, 1);
    too_long = submit(&w, 1, 2 * HOUR + 1, HOUR); /* by its limit */
    fits = submit(&w, 6, 2 * HOUR, 2 * HOUR);
    second = submit(&w, 6, HOUR, HOUR);
    assert_float_equal(start_h(&w, fits), 0, 1e-9); /* it is not held up */
    assert_float_equal(start_h(&w, too_long), 5, 0.02);
    assert_float_equal(start_h(&w, second), 5, 0.02);
    close_world(&w);
}

static void others_run_beside_a_reservation(void **state)
{
    static const struct mir_reserved six = {NOW + 2 * HOUR, NOW + 50 * HOUR, 6};
    uint64_t first, second, third, wide;
    struct world w;

    (void)state;
    open_idle(&w, MIR_SCHED_SLURM, &six, 1);
    first = submit(&w, 3, 10 * HOUR, 8 * HOUR);
    second = submit(&w, 3, 10 * HOUR, 8 * HOUR); /* one node is left beside it */
    third = submit(&w, 1, 10 * HOUR, 10 * HOUR);
    wide = submit(&w, 5, HOUR, HOUR);
    assert_float_equal(start_h(&w, first), 0, 1e-9);
    assert_float_equal(start_h(&w, third), 0, 0.02);
    assert_float_equal(start_h(&w, wide), 0, 0.02);
    assert_float_equal(start_h(&w, second), 8, 0.02);
    close_world(&w);
}

/* Who was there before it was known goes on; what it has not got it does not give back. */
static void other_schedulers_find_the_nodes_gone(void **state)
{
    static const struct mir_reserved all = {NOW + 2 * HOUR, NOW + 5 * HOUR, NODES};
    uint64_t running, next;
    struct world w;

    (void)state;
    open_idle(&w, MIR_SCHED_FCFS, &all, 1);
    running = submit(&w, 4, 10 * HOUR, 8 * HOUR);
    assert_float_equal(start_h(&w, running), 0, 1e-9);
    mir_sim_advance(w.sim, NOW + 3 * HOUR);
    next = submit(&w, 6, HOUR, HOUR);
    assert_float_equal(start_h(&w, next), 5, 1e-9);
    next = submit(&w, 7, HOUR, HOUR);
    assert_float_equal(start_h(&w, next), 8, 1e-9);
    close_world(&w);
}

/* ---- generated weeks */

static const struct mir_reserved several[] = {
    {NOW + 3 * DAY, NOW + 4 * DAY, 76},
    {NOW + 6 * DAY + 777, NOW + 9 * DAY, 30},
    {NOW + 8 * DAY, NOW + 10 * DAY, 20},
    {NOW + 11 * DAY, NOW + 11 * DAY, 76}, /* of no length */
};

enum { N_SEVERAL = 4 };

static int64_t reserved_at(int64_t at)
{
    int64_t n = 0;

    for (size_t i = 0; i < N_SEVERAL; i++)
        if (several[i].from_at <= at && at < several[i].to_at)
            n += several[i].n_nodes;
    return n;
}

/* Nodes of those that run at `at`, and by their limits may still run at `until`. */
static int64_t busy(const struct world *w, int64_t at, int64_t until)
{
    const int64_t *starts = mir_sim_starts(w->sim);
    int64_t n = 0;

    for (size_t i = 0; i < w->workload.n_jobs; i++) {
        const struct mir_job *job = &w->workload.jobs[i];

        if (starts[i] <= at && starts[i] + job->run_s > at && starts[i] + job->limit_s > until)
            n += job->n_nodes;
    }
    return n;
}

static void open_generated(struct world *w, uint32_t n_sets)
{
    struct mir_generate_params params;

    *w = (struct world){0};
    mir_joblog_init(&w->log);
    mir_generate_default(&params);
    params.jobs_per_day *= 1.2;
    assert_int_equal(mir_generate(&params, 3, 14 * DAY, NOW, &w->log, NULL), 0);
    mir_cluster_init(&w->cluster, MIR_SCHED_SLURM, 76);
    if (n_sets > 1) { /* the same nodes, of two sets */
        w->cluster.n_node_sets = 2;
        w->cluster.node_sets[0].n_nodes = 50;
        w->cluster.node_sets[1] = w->cluster.node_sets[0];
        w->cluster.node_sets[1].n_nodes = 26;
        w->cluster.partitions[0].node_sets = 3;
    }
    open_sim(w, several, N_SEVERAL);
}

/* At no start is more in use than is there, or may be when the next reservations begin. */
static void nobody_has_what_is_reserved(void **state)
{
    (void)state;
    for (uint32_t n_sets = 1; n_sets <= 2; n_sets++) {
        const int64_t *starts;
        struct world w;
        size_t n_in = 0;

        open_generated(&w, n_sets);
        mir_sim_run(w.sim);
        starts = mir_sim_starts(w.sim);
        for (size_t i = 0; i < w.workload.n_jobs; i++) {
            assert_true(starts[i] != INT64_MIN);
            n_in += reserved_at(starts[i]) > 0;
            assert_true(busy(&w, starts[i], starts[i]) <= 76 - reserved_at(starts[i]));
            for (size_t k = 0; k < N_SEVERAL; k++)
                if (several[k].from_at > starts[i] && several[k].to_at > several[k].from_at)
                    assert_true(busy(&w, starts[i], several[k].from_at) <=
                                76 - reserved_at(several[k].from_at));
        }
        assert_true(n_in > 100); /* beside the second and third */
        close_world(&w);
    }
}

/* A copy knows what has begun. */
static void forks_go_on_as_the_original(void **state)
{
    static const struct mir_request request = {.n_nodes = 8, .limit_s = DAY, .run_s = DAY};
    struct mir_sim *scratch;
    struct world w;

    (void)state;
    open_generated(&w, 1);
    scratch = mir_sim_fork(w.sim);
    for (int64_t at = NOW + DAY; at < NOW + 12 * DAY; at += 7 * HOUR) {
        struct mir_sim *fork;
        int64_t start_at;
        uint64_t serial;

        mir_sim_advance(w.sim, at);
        start_at = mir_sim_probe(w.sim, scratch, &request, at + 20 * DAY);
        fork = mir_sim_fork(w.sim);
        assert_int_equal(mir_sim_submit(fork, &request, &serial, NULL), 0);
        assert_int_equal(mir_sim_advance_to_start(fork, serial, at + 20 * DAY), start_at);
        mir_sim_destroy(fork);
    }
    mir_sim_destroy(scratch);
    close_world(&w);
}

static void too_many_are_refused(void **state)
{
    static const struct mir_reserved many[MIR_MAX_RESERVED + 1];
    struct mir_sim_options options;
    struct mir_error err = {{0}};
    struct mir_sim *sim = NULL;
    struct world w;

    (void)state;
    open_idle(&w, MIR_SCHED_SLURM, NULL, 0);
    mir_sim_options_init(&options);
    options.cluster = &w.cluster;
    options.workload = &w.workload;
    options.reserved = many;
    options.n_reserved = MIR_MAX_RESERVED + 1;
    assert_int_equal(mir_sim_create(&options, &sim, &err), -EINVAL);
    assert_non_null(strstr(err.text, "16 reservations"));
    options.n_reserved = 1;
    options.node_identity = true;
    assert_int_equal(mir_sim_create(&options, &sim, &err), -EINVAL);
    assert_non_null(strstr(err.text, "no reservations"));
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_would_run_into_maintenance_waits_for_its_end),
        cmocka_unit_test(others_run_beside_a_reservation),
        cmocka_unit_test(other_schedulers_find_the_nodes_gone),
        cmocka_unit_test(nobody_has_what_is_reserved),
        cmocka_unit_test(forks_go_on_as_the_original),
        cmocka_unit_test(too_many_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
