/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_job_timeline.c - starts and ends of a simulated log: held against what the
 * simulator shows at every instant, in random worlds of every kind.
 */
#include "traces/replay/job_timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "tests/oracle/trial.h"

static void options_of(const struct mir_trial *t, struct mir_sim_options *out)
{
    mir_sim_options_init(out);
    out->cluster = &t->w.cluster;
    out->workload = &t->w.workload;
    out->capacity = t->w.capacity.n_steps > 0 ? &t->w.capacity : NULL;
    out->event_order = t->kind->event_order;
    out->node_identity = t->kind->node_identity;
    out->keep_history = true; /* the caller's own options do not disturb the timeline */
}

static void make(const struct mir_trial *t, struct mir_job_timeline *out)
{
    struct mir_sim_options options;
    struct mir_error err = {{0}};

    options_of(t, &options);
    CLAIM(t, mir_job_timeline_create(&options, out, &err) == 0, "%s", err.text);
}

enum stage { AHEAD, RUNS, OVER };

static void is_in_order(struct mir_trial *t)
{
    struct mir_job_timeline timeline;
    enum stage *stages = MIR_NEW_ARRAY(enum stage, t->w.workload.n_jobs);

    make(t, &timeline);
    for (size_t i = 0; i < timeline.n_events; i++) {
        const struct mir_job_event *e = &timeline.events[i];

        CLAIM(t, i == 0 || e[-1].at <= e->at, "event %zu", i);
        CLAIM(t, e->job < t->w.workload.n_jobs, "event %zu", i);
        if (e->start != 0) {
            CLAIM(t, stages[e->job] == AHEAD, "job %u starts twice", e->job);
            CLAIM(t, e->at == t->starts[e->job], "job %u starts", e->job);
            stages[e->job] = RUNS;
        } else {
            CLAIM(t, stages[e->job] == RUNS, "job %u ends", e->job);
            CLAIM(t, e->at > t->starts[e->job], "job %u ends", e->job);
            stages[e->job] = OVER;
        }
    }
    for (size_t i = 0; i < t->w.workload.n_jobs; i++)
        CLAIM(t, stages[i] != RUNS, "job %zu never ends", i);
    free(stages);
    mir_job_timeline_release(&timeline);
    CLAIM(t, timeline.events == NULL, "released");
}

static void every_start_is_followed_by_its_end(void **state)
{
    (void)state;
    mir_trial_check(is_in_order, NULL);
}

/* Nodes, not numbers of jobs: ids are not unique in these worlds. */
static void shows_who_runs(struct mir_trial *t)
{
    struct mir_sim *sim = mir_trial_open(t);
    struct mir_job_timeline timeline;
    int64_t n_nodes = 0, n_running = 0;
    size_t next = 0;

    make(t, &timeline);
    for (size_t i = 0; i < t->n_instants; i++) {
        struct mir_snapshot queue;
        int64_t seen = 0;

        mir_sim_advance(sim, t->instants[i]);
        mir_trial_observe(t, sim, &queue);
        for (; next < timeline.n_events && timeline.events[next].at <= queue.now; next++) {
            int sign = timeline.events[next].start != 0 ? 1 : -1;

            n_running += sign;
            n_nodes += sign * (int64_t)t->w.workload.jobs[timeline.events[next].job].n_nodes;
        }
        for (size_t k = 0; k < queue.n_running; k++)
            seen += queue.running[k].n_nodes;
        CLAIM(t, n_running == (int64_t)queue.n_running, "at %" PRId64, queue.now);
        CLAIM(t, n_nodes == seen, "at %" PRId64, queue.now);
    }
    mir_sim_destroy(sim);
    mir_job_timeline_release(&timeline);
}

static void at_every_instant_those_run_that_run_in_the_simulator(void **state)
{
    (void)state;
    mir_trial_check(shows_who_runs, NULL);
}

/* ---- The book that follows it */

static void knows_the_past_alone(struct mir_trial *t)
{
    struct mir_job_timeline timeline;
    struct mir_timeline_book steps, leap;
    size_t n_started = 0, n_ended = 0, next = 0;

    make(t, &timeline);
    mir_timeline_book_init(&steps, &timeline);
    for (size_t i = 0; i < t->n_instants; i++) {
        mir_timeline_book_advance(&steps, t->instants[i]);
        for (; next < timeline.n_events && timeline.events[next].at <= t->instants[i]; next++) {
            n_started += timeline.events[next].start;
            n_ended += timeline.events[next].start == 0;
        }
        CLAIM(t, mir_run_book_ends(steps.book) == n_ended, "instant %zu", i);
        CLAIM(t, mir_run_book_running(steps.book) == n_started - n_ended, "instant %zu", i);
        if (i == t->n_instants / 2) { /* one that comes later has read the same */
            const struct mir_job *job = &t->w.workload.jobs[0];
            struct mir_run_shape shape = {job->user, t->w.workload.stem_of[job->name], job->n_nodes,
                                          job->limit_s, 0};
            struct mir_run_curve a, b;

            mir_timeline_book_init(&leap, &timeline);
            mir_timeline_book_advance(&leap, t->instants[i]);
            a = *mir_run_book_curve(steps.book, &shape);
            b = *mir_run_book_curve(leap.book, &shape);
            CLAIM(t, memcmp(&a, &b, sizeof a) == 0, "instant %zu", i);
            mir_timeline_book_release(&leap);
        }
    }
    mir_timeline_book_release(&steps);
    mir_job_timeline_release(&timeline);
}

static void a_reader_knows_what_has_happened_and_nothing_later(void **state)
{
    (void)state;
    mir_trial_check(knows_the_past_alone, NULL);
}

static void fails_where_the_simulator_does(void **state)
{
    struct mir_sim_options options;
    struct mir_job_timeline timeline = {0};
    struct mir_random_world w;
    struct mir_error err = {{0}};

    (void)state;
    mir_random_world_init(&w, 1, MIR_SCHED_EASY, 0);
    mir_sim_options_init(&options);
    options.workload = &w.workload;
    assert_int_equal(mir_job_timeline_create(&options, &timeline, &err), -EINVAL);
    assert_true(err.text[0] != '\0');
    assert_null(timeline.events);
    mir_random_world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_start_is_followed_by_its_end),
        cmocka_unit_test(at_every_instant_those_run_that_run_in_the_simulator),
        cmocka_unit_test(a_reader_knows_what_has_happened_and_nothing_later),
        cmocka_unit_test(fails_where_the_simulator_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
