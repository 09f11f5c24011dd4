/*
 * episodes_fixture.h - for tests of the engines of `run` and `together`: a log, a machine
 * and settings, of which a case changes what it is about.
 */
#ifndef MIR_TEST_EPISODES_FIXTURE_H
#define MIR_TEST_EPISODES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/host/joblog.h"
#include "traces/generate/generate.h"
#include "traces/replay/episodes.h"

enum { HOUR = 3600, DAY = 86400, MAX_TEST_POLICIES = 8 };

struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_policy *policies[MAX_TEST_POLICIES];
    double weights[2];
    struct mir_episodes e;
    struct mir_comparison c;
    struct mir_episodes_notes notes;
};

static inline void open_world(struct world *w, enum mir_scheduler scheduler, uint32_t n_nodes)
{
    memset(w, 0, sizeof *w);
    mir_joblog_init(&w->log);
    mir_cluster_init(&w->cluster, scheduler, n_nodes);
    w->weights[0] = 1;
    w->weights[1] = 0.1;
    w->e = (struct mir_episodes){
        .cluster = &w->cluster,
        .workload = &w->workload,
        .policies = w->policies,
        .weights = w->weights,
        .n_weights = 2,
        .shape = {.n_nodes = 1, .limit_s = HOUR, .run_s = HOUR},
        .n_jobs = 2,
        .every_s = HOUR,
        .period_s = 600,
        .from_at = 1000,
        .to_at = 1001,
        .cold_arrivals_s = 5 * DAY,
        .cold_warmup_s = 2 * DAY,
        .seed = 1,
        .n_threads = 1,
    };
}

static inline void close_world(struct world *w)
{
    mir_comparison_release(&w->c);
    for (uint32_t i = 0; i < w->e.n_policies; i++)
        mir_policy_destroy(w->policies[i]);
    mir_wait_model_unref(w->e.model);
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static inline void add_job(struct world *w, int64_t submit_at, uint32_t n_nodes, int32_t run_s)
{
    struct mir_job *job = mir_joblog_add(&w->log);

    job->submit_at = submit_at;
    job->id = (uint32_t)w->log.n_jobs;
    job->n_nodes = n_nodes;
    job->run_s = run_s;
    job->limit_s = run_s;
}

static inline void add_policy(struct world *w, const char *spec)
{
    struct mir_error err = {{0}};

    if (mir_policy_create(spec, &w->policies[w->e.n_policies], &err) != 0)
        fail_msg("%s: %s", spec, err.text);
    w->e.n_policies++;
}

static inline void make_workload(struct world *w)
{
    struct mir_workload_options options;
    struct mir_error err = {{0}};

    mir_workload_options_init(&options);
    if (mir_workload_create(&w->log, &w->cluster, &options, &w->workload, &err) != 0)
        fail_msg("%s", err.text);
}

static inline void open_generated(struct world *w, enum mir_scheduler scheduler, uint64_t seed)
{
    struct mir_generate_params params;
    struct mir_error err = {{0}};

    open_world(w, scheduler, 76);
    mir_generate_default(&params);
    params.jobs_per_day *= 1.15; /* so that there are waits to predict */
    if (mir_generate(&params, seed, 24 * DAY, 0, &w->log, &err) != 0)
        fail_msg("%s", err.text);
    w->e.shape = (struct mir_request){.n_nodes = 4, .limit_s = DAY, .run_s = DAY};
    w->e.from_at = 6 * DAY;
    w->e.to_at = 14 * DAY;
    w->e.every_s = 37 * HOUR;
    add_policy(w, "reactive");
    add_policy(w, "lead:hours=5");
    add_policy(w, "avg");
    make_workload(w);
}

#endif
