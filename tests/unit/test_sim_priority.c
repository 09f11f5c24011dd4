/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_sim_priority.c - the priority that a request would have is the one that it gets. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "traces/sim/sim.h"

enum { HOUR = 3600, N_NODES = 10 };

/* A machine that one job fills, two users and a QOS; a case sets what it is about. */
struct fixture {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_sim *sim;
};

static void add_job(struct fixture *f, int64_t submit_at, const char *user)
{
    struct mir_job *job = mir_joblog_add(&f->log);

    job->id = 100 + (uint32_t)f->log.n_jobs; /* added jobs count from the number of jobs */
    job->submit_at = submit_at;
    job->run_s = job->limit_s = 100 * HOUR;
    job->n_nodes = N_NODES;
    job->user = mir_names_add(&f->log.users, user, strlen(user));
    job->account = (uint16_t)mir_names_add(&f->log.accounts, "x", 1);
}

static void open_fixture(struct fixture *f, enum mir_scheduler scheduler)
{
    mir_joblog_init(&f->log);
    add_job(f, 0, "heavy");
    add_job(f, 60, "light");
    mir_names_add(&f->log.qos, "fast", 4);
    mir_cluster_init(&f->cluster, scheduler, N_NODES);
    assert_int_equal(mir_cluster_add_qos(&f->cluster, "fast=50", NULL), 0);
    assert_int_equal(mir_cluster_add_qos(&f->cluster, "faster=100", NULL), 0);
}

static void start(struct fixture *f)
{
    struct mir_workload_options workload_options;
    struct mir_sim_options options;

    mir_workload_options_init(&workload_options);
    assert_int_equal(
        mir_workload_create(&f->log, &f->cluster, &workload_options, &f->workload, NULL), 0);
    mir_sim_options_init(&options);
    options.cluster = &f->cluster;
    options.workload = &f->workload;
    assert_int_equal(mir_sim_create(&options, &f->sim, NULL), 0);
    mir_sim_advance(f->sim, 7 * HOUR);
}

static void close_fixture(struct fixture *f)
{
    mir_sim_destroy(f->sim);
    mir_workload_release(&f->workload);
    mir_joblog_release(&f->log);
}

/* As a snapshot shows it, of the job that was submitted last. */
static double priority_once_submitted(struct fixture *f, const struct mir_request *request)
{
    struct mir_host *host = mir_sim_host(f->sim);
    struct mir_snapshot s;
    struct mir_job_ref job;

    assert_int_equal(host->ops->submit(host, request, &job, NULL), 0);
    assert_int_equal(host->ops->observe(host, MIR_SNAPSHOT_JOBS, &s, NULL), 0);
    for (size_t i = 0; i < s.n_pending; i++) {
        if (s.pending[i].id == job.id)
            return s.pending[i].priority;
    }
    fail_msg("the job does not wait");
    return NAN;
}

static const struct {
    uint32_t age, fairshare, size, qos;
    bool favor_small, relative;
} weights[] = {
    {1000, 0, 0, 0, false, false},      {0, 0, 1000, 0, false, false},
    {0, 0, 1000, 0, true, false},       {0, 0, 100000, 0, false, true},
    {0, 0, 0, 5000, false, false},      {0, 10000, 0, 0, false, false},
    {5000, 777, 3000, 999, true, true},
};

static void a_request_has_the_priority_that_it_gets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
        for (int k = 0; k < 8; k++) {
            struct fixture f;
            struct mir_request request = {
                .n_nodes = k % 2 == 0 ? 1 : 8,
                .limit_s = HOUR * (1 + k),
                .run_s = HOUR,
                .qos = (uint8_t)(k / 4),
                .nice = k == 6   ? -400
                        : k == 7 ? 300
                                 : 0,
            };
            double expected;

            open_fixture(&f, MIR_SCHED_SLURM);
            f.cluster.priority.weight_age = weights[i].age;
            f.cluster.priority.weight_fairshare = weights[i].fairshare;
            f.cluster.priority.weight_job_size = weights[i].size;
            f.cluster.priority.weight_qos = weights[i].qos;
            f.cluster.priority.favor_small = weights[i].favor_small;
            f.cluster.priority.small_relative_to_time = weights[i].relative;
            start(&f);
            request.user = f.log.jobs[k / 2 % 2].user;
            request.account = f.log.jobs[0].account;
            expected = mir_sim_request_priority(f.sim, &request);
            assert_true(expected >= 1);
            assert_true(fabs(priority_once_submitted(&f, &request) - expected) < 1e-9);
            close_fixture(&f);
        }
    }
}

static void nice_and_usage_count(void **state)
{
    struct mir_request request = {.n_nodes = 1, .limit_s = HOUR, .run_s = HOUR};
    struct fixture f;
    double heavy, light;

    (void)state;
    open_fixture(&f, MIR_SCHED_SLURM);
    f.cluster.priority.weight_fairshare = 10000;
    start(&f);
    request.account = f.log.jobs[0].account;
    request.user = f.log.jobs[0].user;
    heavy = mir_sim_request_priority(f.sim, &request);
    request.user = f.log.jobs[1].user;
    light = mir_sim_request_priority(f.sim, &request);
    assert_true(heavy < light);
    request.nice = 100;
    assert_true(fabs(mir_sim_request_priority(f.sim, &request) - (light - 100)) < 1e-9);
    close_fixture(&f);
}

static void schedulers_without_priorities_have_none(void **state)
{
    const struct mir_request request = {.n_nodes = 1, .limit_s = HOUR, .run_s = HOUR};

    (void)state;
    for (int basic = 0; basic < 2; basic++) {
        struct fixture f;

        open_fixture(&f, basic ? MIR_SCHED_SLURM : MIR_SCHED_EASY);
        f.cluster.priority.multifactor = !basic;
        start(&f);
        assert_true(isnan(mir_sim_request_priority(f.sim, &request)));
        close_fixture(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_the_priority_that_it_gets),
        cmocka_unit_test(nice_and_usage_count),
        cmocka_unit_test(schedulers_without_priorities_have_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
