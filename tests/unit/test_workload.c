/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_workload.c - which jobs of a log are simulated, and as what. */
#include "traces/sim/workload.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload_options options;
    struct mir_workload workload;
};

static int set_up(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof(f));
    mir_joblog_init(&f.log);
    mir_cluster_init(&f.cluster, MIR_SCHED_EASY, 100);
    mir_workload_options_init(&f.options);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    mir_workload_release(&f->workload);
    mir_joblog_release(&f->log);
    return 0;
}

static struct mir_job *
add(struct fixture *f, int64_t submit_at, uint32_t n_nodes, int32_t run_s, int32_t limit_s)
{
    struct mir_job *job = mir_joblog_add(&f->log);

    job->id = (uint32_t)f->log.n_jobs;
    job->submit_at = submit_at;
    job->n_nodes = n_nodes;
    job->run_s = run_s;
    job->limit_s = limit_s;
    return job;
}

static void create(struct fixture *f)
{
    struct mir_error err = {{0}};

    if (mir_workload_create(&f->log, &f->cluster, &f->options, &f->workload, &err) != 0)
        fail_msg("%s", err.text);
}

static void a_job_is_killed_at_its_limit(void **state)
{
    struct fixture *f = *state;

    add(f, 0, 1, 500, 300);
    add(f, 1, 1, 200, 300);
    add(f, 2, 1, 500, MIR_UNLIMITED);
    create(f);
    assert_int_equal(f->workload.n_jobs, 3);
    assert_int_equal(f->workload.jobs[0].run_s, 300);
    assert_int_equal(f->workload.jobs[0].limit_s, 300);
    assert_int_equal(f->workload.jobs[1].run_s, 200);
    assert_int_equal(f->workload.jobs[2].run_s, 500);
    assert_int_equal(f->workload.jobs[2].limit_s, MIR_UNLIMITED);
}

static void a_limit_not_given_is_the_run_time(void **state)
{
    struct fixture *f = *state;

    add(f, 0, 1, 500, MIR_UNKNOWN);
    add(f, 1, 1, 400, 0);
    create(f);
    assert_int_equal(f->workload.jobs[0].limit_s, 500);
    assert_int_equal(f->workload.jobs[1].limit_s, 400);
}

static void jobs_that_cannot_run_are_dropped_and_counted(void **state)
{
    struct fixture *f = *state;

    add(f, 5, 1, 10, 20);
    add(f, 4, 1, 0, 20);
    add(f, 3, 1, MIR_UNKNOWN, 20);
    add(f, 2, 0, 10, 20);
    add(f, 1, 101, 10, 20);
    add(f, 0, 100, 10, 20);
    create(f);
    assert_int_equal(f->workload.n_jobs, 2);
    assert_int_equal(f->workload.jobs[0].id, 6);
    assert_int_equal(f->workload.jobs[1].id, 1);
    assert_int_equal(f->workload.dropped.no_run, 2);
    assert_int_equal(f->workload.dropped.no_size, 1);
    assert_int_equal(f->workload.dropped.too_large, 1);
    assert_int_equal(f->workload.dropped.outside, 0);
    assert_int_equal(f->workload.max_nodes, 100);
    /* In place, and none is lost: the dropped ones stand behind the others. */
    assert_ptr_equal(f->workload.jobs, f->log.jobs);
    assert_int_equal(f->log.n_jobs, 6);
}

static void dropped_jobs_stay_as_the_log_has_them(void **state)
{
    struct fixture *f = *state;
    size_t n_seen = 0;

    add(f, 0, 1, 500, 300);
    add(f, 100, 1, 500, 300);
    f->options.to_at = 100;
    create(f);
    for (size_t i = 0; i < f->log.n_jobs; i++) {
        if (f->log.jobs[i].id == 2) {
            assert_int_equal(f->log.jobs[i].run_s, 500);
            n_seen++;
        }
    }
    assert_int_equal(n_seen, 1);
}

static void processors_are_the_size_where_nodes_are_not_given(void **state)
{
    struct fixture *f = *state;

    add(f, 0, 0, 10, 20)->n_cpus = 64;
    add(f, 1, 2, 10, 20)->n_cpus = 64;
    create(f);
    assert_int_equal(f->workload.jobs[0].n_nodes, 64);
    assert_int_equal(f->workload.jobs[1].n_nodes, 2);
}

static void processors_fill_nodes_where_the_cluster_says_how_many(void **state)
{
    struct fixture *f = *state;

    f->cluster.node_sets[0].n_cpus = 40;
    add(f, 0, 0, 10, 20)->n_cpus = 40;
    add(f, 1, 0, 10, 20)->n_cpus = 41;
    add(f, 2, 0, 10, 20)->n_cpus = UINT32_MAX;
    create(f);
    assert_int_equal(f->workload.jobs[0].n_nodes, 1);
    assert_int_equal(f->workload.jobs[1].n_nodes, 2);
    assert_int_equal(f->workload.dropped.too_large, 1);
}

static void order_is_by_submission_then_number(void **state)
{
    struct fixture *f = *state;

    add(f, 50, 1, 10, 20)->id = 9;
    add(f, 50, 1, 10, 20)->id = 8;
    add(f, 40, 1, 10, 20)->id = 10;
    f->log.sorted = false;
    create(f);
    assert_int_equal(f->workload.jobs[0].id, 10);
    assert_int_equal(f->workload.jobs[1].id, 8);
    assert_int_equal(f->workload.jobs[2].id, 9);
}

static void the_window_takes_its_start_and_not_its_end(void **state)
{
    struct fixture *f = *state;

    for (int64_t at = 99; at <= 201; at++)
        add(f, at, 1, 10, 20);
    f->options.from_at = 100;
    f->options.to_at = 200;
    create(f);
    assert_int_equal(f->workload.n_jobs, 100);
    assert_int_equal(f->workload.jobs[0].submit_at, 100);
    assert_int_equal(f->workload.jobs[99].submit_at, 199);
    assert_int_equal(f->workload.dropped.outside, 3);
}

static void another_window_can_be_taken_from_the_same_log(void **state)
{
    struct fixture *f = *state;

    for (int64_t at = 0; at < 100; at++)
        add(f, at, 1, 10, 20);
    f->options.from_at = 60;
    f->options.to_at = 70;
    create(f);
    assert_int_equal(f->workload.n_jobs, 10);
    mir_workload_release(&f->workload);
    f->options.from_at = 10;
    f->options.to_at = 65;
    create(f);
    assert_int_equal(f->workload.n_jobs, 55);
    for (size_t i = 0; i < 55; i++)
        assert_int_equal(f->workload.jobs[i].submit_at, 10 + (int64_t)i);
}

static void rounds_submissions_down_and_run_times_up(void **state)
{
    struct fixture *f = *state;

    add(f, 119, 1, 61, 300)->id = 1;
    add(f, 60, 1, 60, 300)->id = 2;
    add(f, -1, 1, 290, 299)->id = 3;
    f->options.round_submit_s = 60;
    f->options.round_run_s = 60;
    create(f);
    assert_int_equal(f->workload.jobs[0].submit_at, -60);
    assert_int_equal(f->workload.jobs[0].run_s, 299);
    /* One minute for both now, so their numbers decide. */
    assert_int_equal(f->workload.jobs[1].id, 1);
    assert_int_equal(f->workload.jobs[1].submit_at, 60);
    assert_int_equal(f->workload.jobs[1].run_s, 120);
    assert_int_equal(f->workload.jobs[2].submit_at, 60);
    assert_int_equal(f->workload.jobs[2].run_s, 60);
}

static void jobs_cancelled_while_pending_stay_only_if_asked_for(void **state)
{
    struct fixture *f = *state;

    mir_joblog_extra(&f->log, add(f, 0, 1, MIR_UNKNOWN, 3600))->cancelled_s = 50;
    mir_joblog_extra(&f->log, add(f, 1, 1, MIR_UNKNOWN, MIR_UNKNOWN))->cancelled_s = 0;
    add(f, 2, 1, 10, 20);
    create(f);
    assert_int_equal(f->workload.n_jobs, 1);
    assert_int_equal(f->workload.dropped.no_run, 2);
    mir_workload_release(&f->workload);
    f->options.keep_cancelled = true;
    create(f);
    assert_int_equal(f->workload.n_jobs, 3);
    assert_int_equal(f->workload.jobs[0].run_s, 3600);
    assert_int_equal(f->workload.jobs[1].run_s, 1);
    assert_int_equal(f->workload.dropped.no_run, 0);
}

static void partitions_and_qos_are_found_by_name(void **state)
{
    struct fixture *f = *state;
    struct mir_cluster *c = &f->cluster;
    uint16_t fat, gone;
    uint8_t high, strange;

    c->node_sets[1] = (struct mir_node_set){.name = "fat", .n_nodes = 4};
    c->n_node_sets = 2;
    c->partitions[1] = c->partitions[0];
    strncpy(c->partitions[1].name, "fat", sizeof(c->partitions[1].name) - 1);
    c->partitions[1].is_default = false;
    c->partitions[1].node_sets = 2;
    c->n_partitions = 2;
    assert_int_equal(mir_cluster_add_qos(c, "low=1", NULL), 0);
    assert_int_equal(mir_cluster_add_qos(c, "high=10", NULL), 0);
    fat = (uint16_t)mir_names_add(&f->log.partitions, "fat", 3);
    gone = (uint16_t)mir_names_add(&f->log.partitions, "gone", 4);
    high = (uint8_t)mir_names_add(&f->log.qos, "high", 4);
    strange = (uint8_t)mir_names_add(&f->log.qos, "strange", 7);
    add(f, 0, 4, 10, 20)->partition = fat;
    add(f, 1, 5, 10, 20)->partition = fat;
    add(f, 2, 5, 10, 20)->partition = gone;
    create(f);
    assert_int_equal(f->workload.partition_of[fat], 1);
    assert_int_equal(f->workload.partition_of[gone], 0);
    assert_int_equal(f->workload.partition_of[0], 0);
    assert_int_equal(f->workload.qos_of[high], 1);
    assert_int_equal(f->workload.qos_of[strange], 2);
    assert_int_equal(f->workload.n_jobs, 2);
    assert_int_equal(f->workload.dropped.too_large, 1);
}

static void more_than_a_partition_s_max_nodes_is_too_large(void **state)
{
    struct fixture *f = *state;

    f->cluster.partitions[0].max_nodes = 16;
    add(f, 0, 16, 10, 20);
    add(f, 1, 17, 10, 20);
    create(f);
    assert_int_equal(f->workload.n_jobs, 1);
    assert_int_equal(f->workload.dropped.too_large, 1);
}

static void nothing_left_is_enodata_and_says_why(void **state)
{
    struct fixture *f = *state;
    struct mir_error err = {{0}};

    add(f, 0, 101, 10, 20);
    add(f, 0, 1, 0, 20);
    assert_int_equal(mir_workload_create(&f->log, &f->cluster, &f->options, &f->workload, &err),
                     -ENODATA);
    assert_non_null(strstr(err.text, "1 without a run time"));
    assert_non_null(strstr(err.text, "1 too large"));
    assert_null(f->workload.partition_of);
}

static void finds_the_first_job_at_or_after_an_instant(void **state)
{
    struct fixture *f = *state;

    add(f, 10, 1, 10, 20);
    add(f, 20, 1, 10, 20);
    add(f, 20, 1, 10, 20);
    add(f, 30, 1, 10, 20);
    create(f);
    assert_int_equal(mir_workload_find(&f->workload, INT64_MIN), 0);
    assert_int_equal(mir_workload_find(&f->workload, 10), 0);
    assert_int_equal(mir_workload_find(&f->workload, 11), 1);
    assert_int_equal(mir_workload_find(&f->workload, 20), 1);
    assert_int_equal(mir_workload_find(&f->workload, 21), 3);
    assert_int_equal(mir_workload_find(&f->workload, 31), 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_is_killed_at_its_limit),
        TEST(a_limit_not_given_is_the_run_time),
        TEST(jobs_that_cannot_run_are_dropped_and_counted),
        TEST(dropped_jobs_stay_as_the_log_has_them),
        TEST(processors_are_the_size_where_nodes_are_not_given),
        TEST(processors_fill_nodes_where_the_cluster_says_how_many),
        TEST(order_is_by_submission_then_number),
        TEST(the_window_takes_its_start_and_not_its_end),
        TEST(another_window_can_be_taken_from_the_same_log),
        TEST(rounds_submissions_down_and_run_times_up),
        TEST(jobs_cancelled_while_pending_stay_only_if_asked_for),
        TEST(partitions_and_qos_are_found_by_name),
        TEST(more_than_a_partition_s_max_nodes_is_too_large),
        TEST(nothing_left_is_enodata_and_says_why),
        TEST(finds_the_first_job_at_or_after_an_instant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
