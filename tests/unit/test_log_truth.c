/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_log_truth.c - what a lookahead is told that nobody could know. */
#include "traces/replay/log_truth.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/host/job.h"
#include "traces/sim/cluster.h"

enum { HOUR = 3600, T0 = 1675209600, N_JOBS = 3 };

struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_log_truth truth;
};

/* Job 12, 11, 10, of which the last two come together; they run for 1, 2 and 3 hours. */
static void open_world(struct world *w, unsigned parts)
{
    struct mir_workload_options options;

    *w = (struct world){0};
    mir_joblog_init(&w->log);
    for (uint32_t i = 0; i < N_JOBS; i++) {
        struct mir_job *job = mir_joblog_add(&w->log);

        job->submit_at = i == 0 ? T0 : T0 + HOUR;
        job->id = 12 - i;
        job->n_nodes = 1 + i;
        job->limit_s = 4 * HOUR;
        job->run_s = (int32_t)(i + 1) * HOUR;
    }
    mir_cluster_init(&w->cluster, MIR_SCHED_SLURM, 4);
    mir_workload_options_init(&options);
    assert_int_equal(mir_workload_create(&w->log, &w->cluster, &options, &w->workload, NULL), 0);
    mir_log_truth_make(&w->workload, parts, &w->truth);
}

static void close_world(struct world *w)
{
    mir_log_truth_release(&w->truth);
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static int32_t run_s(const struct world *w, uint32_t id, int64_t submit_at)
{
    return w->truth.known.run_s(w->truth.known.context, id, submit_at);
}

static void knows_how_long_each_job_runs(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, MIR_LOG_TRUTH_RUN_TIMES);
    assert_int_equal(run_s(&w, 12, T0), HOUR);
    assert_int_equal(run_s(&w, 11, T0 + HOUR), 2 * HOUR);
    assert_int_equal(run_s(&w, 10, T0 + HOUR), 3 * HOUR);
    assert_int_equal(run_s(&w, 12, T0 + HOUR),
                     MIR_UNKNOWN); /* a chain's own job is no job of the log */
    assert_null(w.truth.known.arrivals);
    assert_false(w.truth.known.fine);
    close_world(&w);
}

static void knows_what_arrives(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, MIR_LOG_TRUTH_ARRIVALS | MIR_LOG_TRUTH_GRID);
    assert_int_equal(w.truth.known.n_arrivals, N_JOBS);
    assert_int_equal(w.truth.known.arrivals[0].submit_at, T0);
    assert_int_equal(w.truth.known.arrivals[0].run_s, HOUR);
    assert_int_equal(w.truth.known.arrivals[2].submit_at, T0 + HOUR);
    assert_int_equal(w.truth.known.arrivals[0].limit_s, 4 * HOUR);
    assert_null(w.truth.known.run_s);
    assert_true(w.truth.known.fine);
    close_world(&w);
}

static void parts_are_read_and_told(void **state)
{
    unsigned parts = 0;
    char text[64];

    (void)state;
    assert_int_equal(mir_log_truth_parse("grid", &parts, NULL), 0);
    assert_int_equal(parts, MIR_LOG_TRUTH_GRID);
    assert_int_equal(mir_log_truth_parse("arrivals,run-times", &parts, NULL), 0);
    assert_int_equal(parts, MIR_LOG_TRUTH_ARRIVALS | MIR_LOG_TRUTH_RUN_TIMES);
    assert_string_equal(mir_log_truth_format(parts, text), "run times, arrivals");
    assert_string_equal(mir_log_truth_format(0, text), "");
}

static void other_words_are_refused(void **state)
{
    static const char *const bad[] = {"", ",", "grid,", "grid,,arrivals", "gri", "grids", "Grid"};
    unsigned parts = 77;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mir_error err = {{0}};

        assert_int_equal(mir_log_truth_parse(bad[i], &parts, &err), -EINVAL);
        assert_non_null(strstr(err.text, "run-times, arrivals, grid"));
    }
    assert_int_equal(parts, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_how_long_each_job_runs),
        cmocka_unit_test(knows_what_arrives),
        cmocka_unit_test(parts_are_read_and_told),
        cmocka_unit_test(other_words_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
