/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_habit_track.c - habits as a log goes on, and nothing of later. */
#include "traces/replay/habit_track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"

enum { HOUR = 3600, DAY = 24 * HOUR, T0 = 1675209600, N_JOBS = 400 };

/* A machine for which jobs queue up; in the first half they run for minutes, then to hours. */
struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_job_timeline timeline;
    struct mir_habit_track track;
};

/* The first `n` jobs of it. */
static void open_world(struct world *w, uint32_t n)
{
    struct mir_workload_options options;
    struct mir_sim_options sim;

    *w = (struct world){0};
    mir_joblog_init(&w->log);
    for (uint32_t i = 0; i < n; i++) {
        struct mir_job *job = mir_joblog_add(&w->log);

        job->submit_at = T0 + i / 10 * DAY;
        job->id = 1 + i;
        job->n_nodes = 16;
        job->user = 1;
        job->limit_s = 48 * HOUR;
        job->run_s = i < N_JOBS / 2 ? 700 : 2 * HOUR;
    }
    mir_cluster_init(&w->cluster, MIR_SCHED_SLURM, 16);
    mir_workload_options_init(&options);
    assert_int_equal(mir_workload_create(&w->log, &w->cluster, &options, &w->workload, NULL), 0);
    mir_sim_options_init(&sim);
    sim.cluster = &w->cluster;
    sim.workload = &w->workload;
    sim.from_at = T0;
    assert_int_equal(mir_job_timeline_create(&sim, &w->timeline, NULL), 0);
    mir_habit_track_make(&w->timeline, &w->track);
}

static void close_world(struct world *w)
{
    mir_habit_track_release(&w->track);
    mir_job_timeline_release(&w->timeline);
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static struct mir_habits at(const struct world *w, int64_t now)
{
    struct mir_habits h;

    mir_habit_track_at(&w->track, now, &h);
    return h;
}

static void before_anything_happened_it_assumes(void **state)
{
    struct mir_habits first;
    struct world w;

    (void)state;
    mir_habits_init(&first);
    open_world(&w, N_JOBS);
    assert_float_equal(at(&w, T0 - DAY).waiting_hazard, first.waiting_hazard, 1e-12);
    assert_float_equal(at(&w, T0 - DAY).kinship, first.kinship, 1e-12);
    close_world(&w);
}

static void who_waits_and_runs_longer_than_before_is_noticed(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, N_JOBS);
    assert_true(at(&w, T0 + 19 * DAY).waiting_hazard > 0.97 * at(&w, T0 + 16 * DAY).waiting_hazard);
    assert_true(at(&w, T0 + 22 * DAY).waiting_hazard < 0.95 * at(&w, T0 + 19 * DAY).waiting_hazard);
    close_world(&w);
}

/* What happens later changes nothing of what was said before. */
static void nothing_later_is_looked_at(void **state)
{
    struct world half, whole;

    (void)state;
    open_world(&half, N_JOBS / 2);
    open_world(&whole, N_JOBS);
    for (unsigned day = 0; day < 19; day++) {
        struct mir_habits a = at(&half, T0 + day * DAY), b = at(&whole, T0 + day * DAY);

        assert_memory_equal(&a, &b, sizeof(a));
    }
    assert_true(at(&half, T0 + 90 * DAY).waiting_hazard !=
                at(&whole, T0 + 90 * DAY).waiting_hazard);
    close_world(&whole);
    close_world(&half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_anything_happened_it_assumes),
        cmocka_unit_test(who_waits_and_runs_longer_than_before_is_noticed),
        cmocka_unit_test(nothing_later_is_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
