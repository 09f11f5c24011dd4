/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_sim_oracle.c - the simulator's textbook schedulers against the oracle,
 * start by start, on thousands of small random clusters.  A failure prints the
 * seed; MIRAGE_SEED=N runs that one alone.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "tests/oracle/oracle.h"
#include "tests/oracle/random_world.h"
#include "traces/sim/sim.h"

enum { N_SEEDS = 3000 };

struct variant {
    const char *name;
    enum mir_oracle_rule rule;
    enum mir_scheduler scheduler;
    enum mir_event_order event_order;
    bool node_identity;
};

static const struct variant fcfs = {"fcfs", MIR_ORACLE_FCFS, MIR_SCHED_FCFS, MIR_EVENTS_BATCH,
                                    false};
static const struct variant easy_batch = {"easy_batch", MIR_ORACLE_EASY_BATCH, MIR_SCHED_EASY,
                                          MIR_EVENTS_BATCH, false};
static const struct variant easy_event = {"easy_event", MIR_ORACLE_EASY_EVENT, MIR_SCHED_EASY,
                                          MIR_EVENTS_SINGLE, false};
static const struct variant easy_node = {"easy_node", MIR_ORACLE_EASY_NODE, MIR_SCHED_EASY,
                                         MIR_EVENTS_BATCH, true};
static const struct variant conservative = {"conservative", MIR_ORACLE_CONSERVATIVE,
                                            MIR_SCHED_CONSERVATIVE, MIR_EVENTS_BATCH, false};

static struct mir_sim *open_sim(const struct variant *v, const struct mir_random_world *w)
{
    struct mir_error err = {{0}};
    struct mir_sim_options options;
    struct mir_sim *sim = NULL;

    mir_sim_options_init(&options);
    options.cluster = &w->cluster;
    options.workload = &w->workload;
    options.event_order = v->event_order;
    options.node_identity = v->node_identity;
    options.keep_starts = true;
    if (mir_sim_create(&options, &sim, &err) != 0)
        fail_msg("%s, seed %" PRIu64 ": %s", v->name, w->seed, err.text);
    return sim;
}

static struct mir_oracle_job *ask_oracle(const struct variant *v, const struct mir_random_world *w)
{
    size_t n = w->workload.n_jobs;
    struct mir_oracle_job *jobs = MIR_NEW_ARRAY(struct mir_oracle_job, n);

    for (size_t i = 0; i < n; i++) {
        const struct mir_job *job = &w->workload.jobs[i];

        jobs[i] = (struct mir_oracle_job){.submit_at = job->submit_at,
                                          .run_s = job->run_s,
                                          .limit_s = job->limit_s,
                                          .n_nodes = job->n_nodes};
    }
    mir_oracle_schedule(v->rule, mir_cluster_nodes(&w->cluster), jobs, n);
    return jobs;
}

static void print_jobs(const struct mir_random_world *w,
                       const struct mir_oracle_job *jobs,
                       const int64_t *starts)
{
    fprintf(stderr, "# %u nodes; submit, run, limit, nodes: oracle, simulator\n",
            mir_cluster_nodes(&w->cluster));
    for (size_t i = 0; i < w->workload.n_jobs; i++)
        fprintf(stderr,
                "# %zu: %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 ": %" PRId64 " %" PRId64
                "%s\n",
                i, jobs[i].submit_at, jobs[i].run_s, jobs[i].limit_s, jobs[i].n_nodes,
                jobs[i].start_at, starts[i], jobs[i].start_at == starts[i] ? "" : "  <--");
}

static void compare(const struct variant *v, uint64_t seed)
{
    struct mir_random_world w;
    struct mir_oracle_job *jobs;
    struct mir_sim *sim;
    const int64_t *starts;

    mir_random_world_init(&w, seed, v->scheduler, 0);
    sim = open_sim(v, &w);
    mir_sim_run(sim);
    starts = mir_sim_starts(sim);
    jobs = ask_oracle(v, &w);
    for (size_t i = 0; i < w.workload.n_jobs; i++) {
        if (starts[i] == jobs[i].start_at)
            continue;
        print_jobs(&w, jobs, starts);
        fail_msg("%s, seed %" PRIu64 ": job %zu", v->name, seed, i);
    }
    free(jobs);
    mir_sim_destroy(sim);
    mir_random_world_release(&w);
}

static void compare_all(const struct variant *v)
{
    const char *only = getenv("MIRAGE_SEED");
    int64_t seed;

    if (only != NULL && mir_parse_i64(only, strlen(only), &seed) == 0) {
        compare(v, (uint64_t)seed);
        return;
    }
    for (uint64_t i = 1; i <= N_SEEDS; i++)
        compare(v, i);
}

static void fcfs_starts_when_the_oracle_says(void **state)
{
    (void)state;
    compare_all(&fcfs);
}

static void easy_by_batches_starts_when_the_oracle_says(void **state)
{
    (void)state;
    compare_all(&easy_batch);
}

static void easy_by_events_starts_when_the_oracle_says(void **state)
{
    (void)state;
    compare_all(&easy_event);
}

static void easy_with_machine_identities_starts_when_the_oracle_says(void **state)
{
    (void)state;
    compare_all(&easy_node);
}

static void conservative_starts_when_the_oracle_says(void **state)
{
    (void)state;
    compare_all(&conservative);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fcfs_starts_when_the_oracle_says),
        cmocka_unit_test(easy_by_batches_starts_when_the_oracle_says),
        cmocka_unit_test(easy_by_events_starts_when_the_oracle_says),
        cmocka_unit_test(easy_with_machine_identities_starts_when_the_oracle_says),
        cmocka_unit_test(conservative_starts_when_the_oracle_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
