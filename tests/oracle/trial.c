/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trial.c - see trial.h. */
#include "tests/oracle/trial.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"

enum { N_SEEDS = 250 };

#define SLURM MIR_SCHED_SLURM, MIR_EVENTS_BATCH, false
#define BF MIR_WORLD_BACKFILL
#define PRIO MIR_WORLD_PRIORITIES

static const struct mir_trial_kind kinds[] = {
    {"fcfs", MIR_SCHED_FCFS, MIR_EVENTS_BATCH, false, 0},
    {"easy_batch", MIR_SCHED_EASY, MIR_EVENTS_BATCH, false, 0},
    {"easy_event", MIR_SCHED_EASY, MIR_EVENTS_SINGLE, false, 0},
    {"easy_node", MIR_SCHED_EASY, MIR_EVENTS_BATCH, true, 0},
    {"conservative", MIR_SCHED_CONSERVATIVE, MIR_EVENTS_BATCH, false, 0},
    {"slurm_builtin", SLURM, 0},
    {"slurm", SLURM, BF},
    {"slurm_node", MIR_SCHED_SLURM, MIR_EVENTS_BATCH, true, BF},
    {"slurm_node_all", MIR_SCHED_SLURM, MIR_EVENTS_BATCH, true,
     BF | PRIO | MIR_WORLD_DELAYS | MIR_WORLD_CANCELLATIONS | MIR_WORLD_DEPENDENCIES},
    {"slurm_capacity", SLURM, BF | MIR_WORLD_CAPACITY},
    {"slurm_priorities", SLURM, BF | PRIO},
    {"slurm_partitions", SLURM, BF | PRIO | MIR_WORLD_PARTITIONS},
    {"slurm_builtin_partitions", SLURM, MIR_WORLD_PARTITIONS},
    {"slurm_delays", SLURM, BF | PRIO | MIR_WORLD_DELAYS},
    {"slurm_cancellations", SLURM, BF | PRIO | MIR_WORLD_CANCELLATIONS},
    {"slurm_dependencies", SLURM, BF | PRIO | MIR_WORLD_DEPENDENCIES},
    {"slurm_arrays", SLURM, BF | PRIO | MIR_WORLD_ARRAYS},
    {"slurm_all", SLURM, 0x7fu},
};

enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

void mir_trial_fail(const struct mir_trial *t,
                    const char *file,
                    int line,
                    const char *claim,
                    const char *fmt,
                    ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    print_error("%s, seed %" PRIu64 ": %s: not %s\n", t->kind->name, t->w.seed, text, claim);
    _fail(file, line);
}

struct mir_sim *mir_trial_open(const struct mir_trial *t)
{
    struct mir_sim_options options;
    struct mir_error err = {{0}};
    struct mir_sim *sim = NULL;

    mir_sim_options_init(&options);
    options.cluster = &t->w.cluster;
    options.workload = &t->w.workload;
    options.capacity = t->w.capacity.n_steps > 0 ? &t->w.capacity : NULL;
    options.event_order = t->kind->event_order;
    options.node_identity = t->kind->node_identity;
    options.keep_starts = true;
    options.keep_summary = true;
    options.keep_history = true;
    CLAIM(t, mir_sim_create(&options, &sim, &err) == 0, "%s", err.text);
    return sim;
}

struct mir_sim *mir_trial_open_midway(struct mir_trial *t, size_t *instant)
{
    struct mir_sim *sim = mir_trial_open(t);

    *instant = (size_t)mir_random_between(&t->w.rng, 0, (int64_t)t->n_instants - 1);
    mir_sim_advance(sim, t->instants[*instant]);
    return sim;
}

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void find_instants(struct mir_trial *t)
{
    size_t n = 0;

    t->instants = MIR_NEW_ARRAY(int64_t, 3 * t->w.workload.n_jobs);
    for (size_t i = 0; i < t->w.workload.n_jobs; i++) {
        const struct mir_job *job = &t->w.workload.jobs[i];

        t->instants[n++] = job->submit_at;
        if (t->starts[i] != INT64_MIN) {
            t->instants[n++] = t->starts[i];
            t->instants[n++] = t->starts[i] + job->run_s;
        }
    }
    qsort(t->instants, n, sizeof(*t->instants), by_time);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || t->instants[i] != t->instants[t->n_instants - 1])
            t->instants[t->n_instants++] = t->instants[i];
    }
}

void mir_trial_init(struct mir_trial *t, const struct mir_trial_kind *kind, uint64_t seed)
{
    memset(t, 0, sizeof(*t));
    t->kind = kind;
    mir_random_world_init(&t->w, seed, kind->scheduler, kind->features);
    t->sim = mir_trial_open(t);
    mir_sim_run(t->sim);
    t->starts = mir_sim_starts(t->sim);
    find_instants(t);
}

void mir_trial_release(struct mir_trial *t)
{
    mir_sim_destroy(t->sim);
    free(t->instants);
    mir_random_world_release(&t->w);
}

static void check_one(mir_property_f property, const struct mir_trial_kind *kind, uint64_t seed)
{
    struct mir_trial t;

    mir_trial_init(&t, kind, seed);
    property(&t);
    mir_trial_release(&t);
}

void mir_trial_check(mir_property_f property, mir_applies_f applies)
{
    const char *only = getenv("MIRAGE_SEED");
    int64_t first = 1, last = N_SEEDS;
    size_t n_kinds = 0;

    if (only != NULL && mir_parse_i64(only, strlen(only), &first) == 0)
        last = first;
    for (size_t k = 0; k < N_KINDS; k++) {
        if (applies != NULL && !applies(&kinds[k]))
            continue;
        n_kinds++;
        for (int64_t seed = first; seed <= last; seed++)
            check_one(property, &kinds[k], (uint64_t)seed);
    }
    assert_true(n_kinds > 0);
}

void mir_trial_observe(const struct mir_trial *t, struct mir_sim *sim, struct mir_snapshot *out)
{
    struct mir_host *host = mir_sim_host(sim);
    struct mir_error err = {{0}};
    int rc = host->ops->observe(host, MIR_SNAPSHOT_JOBS | MIR_SNAPSHOT_SUMMARY, out, &err);

    CLAIM(t, rc == 0, "%s", err.text);
    CLAIM(t, out->now == mir_sim_now(sim), "now %" PRId64, out->now);
}

void mir_trial_claim_starts(const struct mir_trial *t, const struct mir_sim *sim)
{
    const int64_t *starts = mir_sim_starts(sim);

    for (size_t i = 0; i < t->w.workload.n_jobs; i++)
        CLAIM(t, starts[i] == t->starts[i], "job %zu: %" PRId64 ", not %" PRId64, i, starts[i],
              t->starts[i]);
}
