/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_live_books.c - what is known at each decision of an episode. */
#include "traces/replay/live_books.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"

enum { HOUR = 3600, T0 = 1675209600, N_JOBS = 4 };

/* Four nodes, four jobs of one node: job i comes at i hours and runs for two. */
struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_job_timeline timeline;
    struct mir_live_books *books;
};

static void open_world(struct world *w)
{
    struct mir_workload_options options;
    struct mir_sim_options sim;

    *w = (struct world){0};
    mir_joblog_init(&w->log);
    for (uint32_t i = 0; i < N_JOBS; i++) {
        struct mir_job *job = mir_joblog_add(&w->log);

        job->submit_at = T0 + i * HOUR;
        job->id = 10 + i;
        job->n_nodes = 1;
        job->limit_s = 4 * HOUR;
        job->run_s = 2 * HOUR;
    }
    mir_cluster_init(&w->cluster, MIR_SCHED_SLURM, 4);
    mir_workload_options_init(&options);
    assert_int_equal(mir_workload_create(&w->log, &w->cluster, &options, &w->workload, NULL), 0);
    mir_sim_options_init(&sim);
    sim.cluster = &w->cluster;
    sim.workload = &w->workload;
    sim.from_at = T0;
    assert_int_equal(mir_job_timeline_create(&sim, &w->timeline, NULL), 0);
    w->books = mir_live_books_create(&w->timeline, T0, INT64_MAX);
}

static void close_world(struct world *w)
{
    mir_live_books_destroy(w->books);
    mir_job_timeline_release(&w->timeline);
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static void follow(struct world *w, double hours, const struct mir_snapshot *shown)
{
    struct mir_snapshot queue = *shown;

    queue.now = T0 + (int64_t)(hours * HOUR);
    mir_live_books_follow(w->books, &queue);
}

static void assert_knows(const struct world *w, size_t submitted, size_t running, size_t ended)
{
    assert_int_equal(mir_arrivals_book_len(mir_live_books_arrivals(w->books)), submitted);
    assert_int_equal(mir_run_book_running(mir_live_books_runs(w->books)), running);
    assert_int_equal(mir_run_book_ends(mir_live_books_runs(w->books)), ended);
}

static const struct mir_snapshot empty = {.n_nodes = 4};

static void knows_what_has_happened_and_no_more(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    follow(&w, 0, &empty);
    assert_knows(&w, 1, 1, 0);
    follow(&w, 1.5, &empty);
    assert_knows(&w, 2, 2, 0);
    follow(&w, 2.5, &empty);
    assert_knows(&w, 3, 2, 1);
    follow(&w, 100, &empty);
    assert_knows(&w, 4, 0, 4);
    close_world(&w);
}

static void what_the_queue_shows_has_not_ended(void **state)
{
    const struct mir_running_job running = {.id = 10, .n_nodes = 1};
    const struct mir_pending_job pending = {.id = 11, .n_nodes = 1};
    const struct mir_snapshot shown = {
        .running = &running, .n_running = 1, .pending = &pending, .n_pending = 1};
    struct world w;

    (void)state;
    open_world(&w);
    follow(&w, 4.5, &shown); /* in the log, 10 to 12 have ended and 13 runs */
    assert_knows(&w, 4, 2, 1);
    follow(&w, 4.6, &empty);
    assert_knows(&w, 4, 1, 3);
    close_world(&w);
}

static void each_episode_begins_anew(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    follow(&w, 100, &empty);
    mir_live_books_begin(w.books);
    follow(&w, 1.5, &empty);
    assert_knows(&w, 2, 2, 0);
    follow(&w, 0.5, &empty); /* a chain that branched goes back in time */
    assert_knows(&w, 1, 1, 0);
    close_world(&w);
}

static void submissions_outside_of_the_episodes_world_do_not_exist(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    mir_live_books_destroy(w.books);
    w.books = mir_live_books_create(&w.timeline, T0 + HOUR, T0 + 3 * HOUR);
    follow(&w, 100, &empty);
    assert_int_equal(mir_arrivals_book_len(mir_live_books_arrivals(w.books)), 2);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_has_happened_and_no_more),
        cmocka_unit_test(what_the_queue_shows_has_not_ended),
        cmocka_unit_test(each_episode_begins_anew),
        cmocka_unit_test(submissions_outside_of_the_episodes_world_do_not_exist),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
