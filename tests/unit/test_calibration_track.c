/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_calibration_track.c - what calibrations have learned along a simulated log, and
 * when; and promises of two methods at once.
 */
#include "traces/replay/calibration_track.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/model_fixture.h"
#include "traces/generate/generate.h"

enum { HOUR = 3600, DAY = 86400, LEARNED_UNTIL = 3 * DAY, END = 10 * DAY };

struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_sim_options sim;
    struct mir_job_timeline timeline;
    struct mir_wait_model *model;
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

/* Ten days of too much work; jobs submitted from `changed_at` on run to their limits. */
static void open_world(struct world *w, int64_t changed_at)
{
    struct mir_generate_params params;
    struct mir_error err = {{0}};

    memset(w, 0, sizeof *w);
    mir_joblog_init(&w->log);
    mir_generate_default(&params);
    params.jobs_per_day *= 1.4;
    if (mir_generate(&params, 5, END, 0, &w->log, &err) != 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < w->log.n_jobs; i++)
        if (w->log.jobs[i].submit_at >= changed_at)
            w->log.jobs[i].run_s = w->log.jobs[i].limit_s;
    mir_cluster_init(&w->cluster, MIR_SCHED_SLURM, 76);
    mir_sim_options_init(&w->sim);
    w->sim.cluster = &w->cluster;
    w->sim.workload = &w->workload;
    make_workload(w);
    w->model = fixture_model();
    w->model->origin.to_at = LEARNED_UNTIL;
    fixture_quantiles(w->model, MIR_WAIT_XGB_Q, "nodes", 1e6F, 1, 1); /* half an hour at most */
}

static void close_world(struct world *w)
{
    mir_wait_model_unref(w->model);
    mir_job_timeline_release(&w->timeline);
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static struct mir_calibration_track track_of(const struct world *w)
{
    struct mir_calibration_track track = {0};
    struct mir_error err = {{0}};

    if (mir_calibration_track_make(&w->sim, &w->timeline, w->model, END, &track, &err) != 0)
        fail_msg("%s", err.text);
    return track;
}

static uint64_t learned(const struct mir_calibration *c)
{
    uint64_t n = 0;

    for (unsigned k = 0; k < MIR_CALIBRATION_CLASSES; k++)
        n += c->n_learned[k];
    return n;
}

/* Too short by far for a queue that is days long. */
static void promises_that_are_broken_raise_the_levels(void **state)
{
    const struct mir_calibration *c;
    struct mir_calibration_track track;
    struct world w;
    unsigned higher = 0;

    (void)state;
    open_world(&w, INT64_MAX);
    track = track_of(&w);
    assert_null(mir_calibration_track_at(&track, LEARNED_UNTIL - 1));
    c = mir_calibration_track_at(&track, LEARNED_UNTIL + HOUR - 1);
    assert_int_equal(learned(&c[MIR_WAIT_XGB_Q]), 0);
    c = mir_calibration_track_at(&track, END);
    assert_true(learned(&c[MIR_WAIT_XGB_Q]) > 300);
    assert_int_equal(learned(&c[MIR_WAIT_FOREST_Q]), 0); /* the model has none */
    for (unsigned k = 0; k < MIR_CALIBRATION_CLASSES; k++)
        higher += c[MIR_WAIT_XGB_Q].asked[k][4] > 0.5;
    assert_true(higher > 3);
    mir_calibration_track_release(&track);
    close_world(&w);
}

/* Other run times from an instant on: nothing is another before it, and something after. */
static void nothing_is_learned_before_it_is_known(void **state)
{
    enum { CHANGED = 6 * DAY };
    struct mir_calibration_track a, b;
    const size_t size = sizeof(struct mir_calibration[MIR_N_QUANTILE_METHODS]);
    struct world w, other;

    (void)state;
    open_world(&w, INT64_MAX);
    open_world(&other, CHANGED);
    a = track_of(&w);
    b = track_of(&other);
    for (int64_t at = LEARNED_UNTIL; at < CHANGED; at += HOUR)
        assert_memory_equal(mir_calibration_track_at(&a, at), mir_calibration_track_at(&b, at),
                            size);
    assert_memory_not_equal(mir_calibration_track_at(&a, END), mir_calibration_track_at(&b, END),
                            size);
    mir_calibration_track_release(&a);
    mir_calibration_track_release(&b);
    close_world(&other);
    close_world(&w);
}

/* Each lesson counts once: no more of them than jobs were submitted. */
static void a_job_teaches_once(void **state)
{
    const struct mir_calibration *c;
    struct mir_calibration_track track;
    uint64_t n_jobs = 0;
    struct world w;

    (void)state;
    open_world(&w, INT64_MAX);
    track = track_of(&w);
    for (size_t i = 0; i < w.workload.n_jobs; i++)
        n_jobs += w.workload.jobs[i].submit_at >= LEARNED_UNTIL;
    c = mir_calibration_track_at(&track, END);
    assert_true(learned(&c[MIR_WAIT_XGB_Q]) <= n_jobs);
    assert_true(learned(&c[MIR_WAIT_XGB_Q]) > n_jobs / 2);
    mir_calibration_track_release(&track);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promises_that_are_broken_raise_the_levels),
        cmocka_unit_test(nothing_is_learned_before_it_is_known),
        cmocka_unit_test(a_job_teaches_once),
    };

    return cmocka_run_group_tests_name("calibration_track", tests, NULL, NULL);
}
