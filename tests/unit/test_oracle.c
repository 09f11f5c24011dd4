/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_oracle.c - the oracle that the simulator is held against, itself held
 * against schedules of independent programs and against cases worked by hand.
 */
#include "tests/oracle/oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "tests/oracle/reference.h"
#include "traces/reader/reader.h"
#include "traces/sim/workload.h"

static struct mir_oracle_job job(int64_t submit_at, int64_t n_nodes, int64_t run_s, int64_t limit_s)
{
    return (struct mir_oracle_job){
        .submit_at = submit_at, .run_s = run_s, .limit_s = limit_s, .n_nodes = n_nodes};
}

static void expect(enum mir_oracle_rule rule,
                   int64_t n_nodes,
                   struct mir_oracle_job *jobs,
                   size_t n_jobs,
                   const int64_t *starts)
{
    mir_oracle_schedule(rule, n_nodes, jobs, n_jobs);
    for (size_t i = 0; i < n_jobs; i++)
        assert_int_equal(jobs[i].start_at, starts[i]);
}

static void fcfs_never_overtakes(void **state)
{
    struct mir_oracle_job jobs[] = {job(0, 3, 10, 10), job(1, 2, 5, 5), job(2, 1, 1, 1)};
    static const int64_t starts[] = {0, 10, 10};

    (void)state;
    expect(MIR_ORACLE_FCFS, 4, jobs, 3, starts);
}

static void easy_fills_holes_without_delaying_the_head(void **state)
{
    /* The third would end after the head's shadow, 10, and there is no extra; the fourth fits. */
    struct mir_oracle_job jobs[] = {job(0, 3, 10, 10), job(1, 4, 5, 5), job(2, 1, 9, 9),
                                    job(3, 1, 7, 7)};
    static const int64_t starts[] = {0, 10, 15, 3};

    (void)state;
    expect(MIR_ORACLE_EASY_BATCH, 4, jobs, 4, starts);
}

static void easy_spends_what_the_head_leaves_once(void **state)
{
    /* The head of 5 at 10 leaves 1 of 6: one of the two long jobs may run beside it. */
    struct mir_oracle_job jobs[] = {job(0, 3, 10, 10), job(1, 5, 20, 20), job(1, 1, 50, 50),
                                    job(1, 1, 50, 50)};
    static const int64_t starts[] = {0, 10, 1, 30};

    (void)state;
    expect(MIR_ORACLE_EASY_BATCH, 6, jobs, 4, starts);
}

static void order_inside_a_second_decides_between_batch_and_event(void **state)
{
    /*
     * At 5 the first job ends early and two arrive.  In a batch the larger is
     * the head and starts; event by event the machine is still busy when they
     * arrive, and the small one fits what is left.
     */
    struct mir_oracle_job batch[] = {job(0, 3, 5, 100), job(5, 4, 10, 10), job(5, 1, 10, 10)};
    struct mir_oracle_job event[] = {job(0, 3, 5, 100), job(5, 4, 10, 10), job(5, 1, 10, 10)};
    static const int64_t batch_starts[] = {0, 5, 15};
    static const int64_t event_starts[] = {0, 15, 5};

    (void)state;
    expect(MIR_ORACLE_EASY_BATCH, 4, batch, 3, batch_starts);
    expect(MIR_ORACLE_EASY_EVENT, 4, event, 3, event_starts);
}

static void a_planned_end_makes_room_before_it_is_handled(void **state)
{
    struct mir_oracle_job jobs[] = {job(0, 3, 5, 5), job(5, 4, 10, 10), job(5, 1, 10, 10)};
    static const int64_t starts[] = {0, 5, 15};

    (void)state;
    expect(MIR_ORACLE_EASY_EVENT, 4, jobs, 3, starts);
}

static void machines_with_names_refuse_what_counts_allow(void **state)
{
    /*
     * From 1 on machine 0 is free, 1 and 2 are busy until 10, 3 until 40.  The
     * head of 2 waits for 10, when three are free and one is extra: by count the
     * long job may have it at 3; by name machine 0 is the head's.
     */
    struct mir_oracle_job count[] = {job(0, 1, 1, 1), job(0, 2, 10, 10), job(0, 1, 40, 40),
                                     job(2, 2, 10, 10), job(3, 1, 60, 60)};
    struct mir_oracle_job node[] = {job(0, 1, 1, 1), job(0, 2, 10, 10), job(0, 1, 40, 40),
                                    job(2, 2, 10, 10), job(3, 1, 60, 60)};
    static const int64_t count_starts[] = {0, 0, 0, 10, 3};
    static const int64_t node_starts[] = {0, 0, 0, 10, 10};

    (void)state;
    expect(MIR_ORACLE_EASY_BATCH, 4, count, 5, count_starts);
    expect(MIR_ORACLE_EASY_NODE, 4, node, 5, node_starts);
}

static void conservative_delays_nobody_who_came_before(void **state)
{
    /* EASY would start the last at 3, as it does not delay the head; it delays the third. */
    struct mir_oracle_job easy[] = {job(0, 2, 10, 10), job(1, 3, 5, 5), job(2, 4, 10, 10),
                                    job(3, 1, 30, 30)};
    struct mir_oracle_job conservative[] = {job(0, 2, 10, 10), job(1, 3, 5, 5), job(2, 4, 10, 10),
                                            job(3, 1, 30, 30)};
    static const int64_t easy_starts[] = {0, 10, 33, 3};
    static const int64_t conservative_starts[] = {0, 10, 15, 25};

    (void)state;
    expect(MIR_ORACLE_EASY_BATCH, 4, easy, 4, easy_starts);
    expect(MIR_ORACLE_CONSERVATIVE, 4, conservative, 4, conservative_starts);
}

static void conservative_moves_up_in_queue_order_on_an_early_end(void **state)
{
    struct mir_oracle_job jobs[] = {job(0, 4, 6, 20), job(1, 2, 10, 10), job(2, 3, 10, 10),
                                    job(3, 2, 10, 10)};
    static const int64_t starts[] = {0, 6, 16, 6};

    (void)state;
    expect(MIR_ORACLE_CONSERVATIVE, 4, jobs, 4, starts);
}

/* ---- the reference schedules */

struct reference_case {
    const char *trace, *starts, *column;
    enum mir_oracle_rule rule;
    uint32_t n_procs;
    size_t n_jobs;
    int64_t sum_of_waits_s; /* as published with the schedules */
};

#define KTH "traces/KTH-SP2-1996.swf.xz", "reference-schedules/KTH-SP2-1996.starts.csv.xz"
#define THETA "traces/alcf-theta_2022.swf.xz", "reference-schedules/alcf-theta_2022.starts.csv.xz"

static const struct reference_case reference_cases[] = {
    {KTH, "easy_batch", MIR_ORACLE_EASY_BATCH, 100, 28481, 194655880},
    {KTH, "easy_event", MIR_ORACLE_EASY_EVENT, 100, 28481, 194720954},
    {KTH, "easy_node", MIR_ORACLE_EASY_NODE, 100, 28481, 187805994},
    {KTH, "conservative_event", MIR_ORACLE_CONSERVATIVE, 100, 28481, 208211808},
    {KTH, "fcfs", MIR_ORACLE_FCFS, 100, 28481, 10075905909},
    {THETA, "easy_batch", MIR_ORACLE_EASY_BATCH, 4360, 23911, 1047723969},
    {THETA, "easy_event", MIR_ORACLE_EASY_EVENT, 4360, 23911, 1041288742},
    {THETA, "easy_node", MIR_ORACLE_EASY_NODE, 4360, 23911, 1051723889},
};

/* Oracle jobs from a workload, in the trace's own seconds; the caller frees. */
static struct mir_oracle_job *jobs_of(const struct mir_workload *w)
{
    struct mir_oracle_job *jobs = MIR_NEW_ARRAY(struct mir_oracle_job, w->n_jobs);

    for (size_t i = 0; i < w->n_jobs; i++)
        jobs[i] = job(w->jobs[i].submit_at - w->log->unix_start_at, w->jobs[i].n_nodes,
                      w->jobs[i].run_s, w->jobs[i].limit_s);
    return jobs;
}

static void compare(const struct reference_case *c,
                    const struct mir_workload *w,
                    const struct mir_reference *reference)
{
    struct mir_oracle_job *jobs = jobs_of(w);
    int64_t sum = 0;

    assert_int_equal(w->n_jobs, c->n_jobs);
    mir_oracle_schedule(c->rule, c->n_procs, jobs, w->n_jobs);
    for (size_t i = 0; i < w->n_jobs; i++) {
        uint32_t id = w->jobs[i].id;

        assert_true(id < reference->n);
        if (jobs[i].start_at != reference->start_at[id])
            fail_msg("%s, job %u: start %lld, reference %lld", c->column, id,
                     (long long)jobs[i].start_at, (long long)reference->start_at[id]);
        sum += jobs[i].start_at - jobs[i].submit_at;
    }
    assert_true(sum == c->sum_of_waits_s);
    free(jobs);
}

static void run_case(const struct reference_case *c, const char *trace, const char *starts)
{
    const struct mir_read_options read_options = {.format = MIR_FORMAT_SWF};
    struct mir_workload_options options;
    struct mir_read_result result;
    struct mir_reference reference;
    struct mir_cluster cluster;
    struct mir_workload w;
    struct mir_joblog log;

    mir_joblog_init(&log);
    mir_cluster_init(&cluster, MIR_SCHED_EASY, c->n_procs);
    mir_workload_options_init(&options);
    assert_int_equal(mir_log_read(trace, &read_options, &log, &result, NULL), 0);
    assert_int_equal(mir_workload_create(&log, &cluster, &options, &w, NULL), 0);
    assert_int_equal(mir_reference_read(starts, c->column, &reference, NULL), 0);
    compare(c, &w, &reference);
    mir_reference_release(&reference);
    mir_workload_release(&w);
    mir_joblog_release(&log);
}

static void equals_the_reference_schedules_start_by_start(void **state)
{
    size_t n_run = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(reference_cases) / sizeof(reference_cases[0]); i++) {
        char *trace = mir_shared_path(reference_cases[i].trace);
        char *starts = mir_shared_path(reference_cases[i].starts);

        if (trace != NULL && starts != NULL) {
            run_case(&reference_cases[i], trace, starts);
            n_run++;
        }
        free(trace);
        free(starts);
    }
    if (n_run == 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fcfs_never_overtakes),
        cmocka_unit_test(easy_fills_holes_without_delaying_the_head),
        cmocka_unit_test(easy_spends_what_the_head_leaves_once),
        cmocka_unit_test(order_inside_a_second_decides_between_batch_and_event),
        cmocka_unit_test(a_planned_end_makes_room_before_it_is_handled),
        cmocka_unit_test(machines_with_names_refuse_what_counts_allow),
        cmocka_unit_test(conservative_delays_nobody_who_came_before),
        cmocka_unit_test(conservative_moves_up_in_queue_order_on_an_early_end),
        cmocka_unit_test(equals_the_reference_schedules_start_by_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
