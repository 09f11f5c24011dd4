/* SPDX-License-Identifier: GPL-3.0-or-later */
/* random_world.c - see random_world.h. */
#include "tests/oracle/random_world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

enum { N_USERS = 4, N_ACCOUNTS = 2 };

int64_t mir_random_between(struct mir_rng *rng, int64_t low, int64_t high)
{
    return low + (int64_t)mir_rng_below(rng, (uint64_t)(high - low) + 1);
}

static bool one_in(struct mir_random_world *w, uint64_t n)
{
    return mir_rng_below(&w->rng, n) == 0;
}

static void make_partition(struct mir_random_world *w, const char *name, uint64_t node_sets)
{
    struct mir_cluster *c = &w->cluster;
    struct mir_partition *p = &c->partitions[c->n_partitions++];

    *p = c->partitions[0];
    memset(p->name, 0, sizeof(p->name));
    strncpy(p->name, name, sizeof(p->name) - 1);
    p->is_default = false;
    p->node_sets = node_sets;
    p->priority_tier = (uint16_t)mir_random_between(&w->rng, 1, 2);
    p->priority_job_factor = (uint16_t)mir_random_between(&w->rng, 0, 10);
}

/* default: both sets; left, right: one each. */
static void make_partitions(struct mir_random_world *w)
{
    struct mir_cluster *c = &w->cluster;

    c->node_sets[1] = c->node_sets[0];
    c->node_sets[0].n_nodes = (uint32_t)mir_random_between(&w->rng, 1, 12);
    c->node_sets[1].n_nodes = (uint32_t)mir_random_between(&w->rng, 1, 12);
    c->node_sets[1].weight = (uint32_t)mir_random_between(&w->rng, 1, 2);
    c->n_node_sets = 2;
    c->partitions[0].node_sets = 3;
    make_partition(w, "left", 1);
    make_partition(w, "right", 2);
}

static void make_priorities(struct mir_random_world *w)
{
    struct mir_priority *p = &w->cluster.priority;
    uint32_t *const weights[] = {&p->weight_age, &p->weight_fairshare, &p->weight_job_size,
                                 &p->weight_partition, &p->weight_qos};

    p->multifactor = true;
    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
        *weights[i] = one_in(w, 2) ? 0 : (uint32_t)mir_random_between(&w->rng, 1, 10000);
    p->max_age_s = (int32_t)mir_random_between(&w->rng, 1, 10 * w->max_run_s);
    p->decay_half_life_s = (int32_t)mir_random_between(&w->rng, 0, 10 * w->max_run_s);
    p->calc_period_s = (int32_t)mir_random_between(&w->rng, 1, 300);
    p->favor_small = one_in(w, 3);
    mir_cluster_add_qos(&w->cluster, "low=1", NULL);
    mir_cluster_add_qos(&w->cluster, "high=10", NULL);
}

static void make_cluster(struct mir_random_world *w, enum mir_scheduler scheduler)
{
    struct mir_sched_params *p = &w->cluster.params;

    mir_cluster_init(&w->cluster, scheduler, (uint32_t)mir_random_between(&w->rng, 1, 24));
    p->backfill = (w->features & MIR_WORLD_BACKFILL) != 0;
    p->sched_interval_s = (int32_t)mir_random_between(&w->rng, 1, 60);
    p->bf_interval_s = (int32_t)mir_random_between(&w->rng, 1, 60);
    p->bf_resolution_s = (int32_t)mir_random_between(&w->rng, 1, 60);
    p->bf_window_s = (int32_t)(60 * mir_random_between(&w->rng, 1, w->max_run_s / 10 + 10));
    if (one_in(w, 4))
        p->bf_max_job_test = (uint32_t)mir_random_between(&w->rng, 1, 20);
    p->bf_continue = one_in(w, 2);
    if (w->features & MIR_WORLD_PARTITIONS)
        make_partitions(w);
    if (w->features & MIR_WORLD_PRIORITIES)
        make_priorities(w);
}

static uint32_t name_number(struct mir_names *names, const char *prefix, int64_t number)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%s%lld", prefix, (long long)number);

    return mir_names_add(names, text, (size_t)len);
}

static void set_owner(struct mir_random_world *w, struct mir_job *job)
{
    static const char *const partitions[] = {"default", "left", "right"};
    static const char *const qos[] = {"low", "high", "unknown"};
    size_t i = (size_t)mir_random_between(&w->rng, 0, 2);

    job->user = name_number(&w->log.users, "u", mir_random_between(&w->rng, 1, N_USERS));
    job->account =
        (uint16_t)name_number(&w->log.accounts, "a", mir_random_between(&w->rng, 1, N_ACCOUNTS));
    job->name = name_number(&w->log.names, "n", mir_random_between(&w->rng, 1, 3));
    if (w->features & MIR_WORLD_PARTITIONS)
        job->partition =
            (uint16_t)mir_names_add(&w->log.partitions, partitions[i], strlen(partitions[i]));
    i = (size_t)mir_random_between(&w->rng, 0, 2);
    if (w->features & MIR_WORLD_PRIORITIES)
        job->qos = (uint8_t)mir_names_add(&w->log.qos, qos[i], strlen(qos[i]));
}

/* Mostly small, some of half the machine, some of all of it. */
static uint32_t random_size(struct mir_random_world *w)
{
    uint32_t n = mir_cluster_nodes(&w->cluster);

    if (one_in(w, 8))
        return n;
    return (uint32_t)mir_random_between(&w->rng, 1, one_in(w, 2) ? n : n / 4 + 1);
}

static void set_times(struct mir_random_world *w, struct mir_job *job)
{
    int64_t run_s = w->unit_s * mir_random_between(&w->rng, 1, w->max_run_s / w->unit_s);
    int64_t limit_s = run_s;

    switch (mir_rng_below(&w->rng, 4)) {
    case 0: /* ends as planned */
        break;
    case 1: /* killed */
        limit_s = mir_random_between(&w->rng, 1, run_s);
        break;
    default:
        limit_s += w->unit_s * mir_random_between(&w->rng, 0, 2 * w->max_run_s / w->unit_s);
        break;
    }
    job->run_s = (int32_t)run_s;
    job->limit_s = (int32_t)limit_s;
}

static void set_dependency(struct mir_random_world *w, struct mir_job *job)
{
    static const char *const kinds[] = {"afterany:", "after:"};
    struct mir_job_extra *extra = mir_joblog_extra(&w->log, job);

    if (job->id == 1 || one_in(w, 3))
        extra->dependency = mir_names_add(&w->log.names, "singleton", 9);
    else
        extra->dependency = name_number(&w->log.names, kinds[mir_rng_below(&w->rng, 2)],
                                        mir_random_between(&w->rng, 1, job->id - 1));
}

static void set_features(struct mir_random_world *w, struct mir_job *job)
{
    if ((w->features & MIR_WORLD_DELAYS) && one_in(w, 4))
        job->eligible_s = (int32_t)mir_random_between(&w->rng, 0, w->max_run_s);
    if ((w->features & MIR_WORLD_PRIORITIES) && one_in(w, 5))
        mir_joblog_extra(&w->log, job)->nice = (int32_t)mir_random_between(&w->rng, -500, 500);
    if ((w->features & MIR_WORLD_DEPENDENCIES) && one_in(w, 3))
        set_dependency(w, job);
    if ((w->features & MIR_WORLD_CANCELLATIONS) && one_in(w, 4)) {
        mir_joblog_extra(&w->log, job)->cancelled_s =
            (int32_t)mir_random_between(&w->rng, 0, 2 * w->max_run_s);
        job->run_s = MIR_UNKNOWN;
        job->state = MIR_STATE_CANCELLED;
    }
}

/* `job` and its brothers: tasks of one array of that many with one throttle. */
static void make_array(struct mir_random_world *w, struct mir_job job)
{
    int32_t n = (int32_t)mir_random_between(&w->rng, 2, 6);
    int32_t throttle = (int32_t)mir_random_between(&w->rng, 1, 3);

    for (int32_t i = 0; i < n; i++) {
        struct mir_job *task = mir_joblog_add(&w->log);

        *task = job;
        task->extra = 0;
        task->array_task = i;
        mir_joblog_extra(&w->log, task)->array_throttle = throttle;
    }
}

static void make_jobs(struct mir_random_world *w)
{
    int64_t n = mir_random_between(&w->rng, 1, one_in(w, 4) ? 120 : 30);
    int64_t gap = mir_random_between(&w->rng, 0, 2 * w->max_run_s / w->unit_s);
    int64_t at = one_in(w, 2) ? 0 : 1600000000;

    for (int64_t i = 0; i < n; i++) {
        struct mir_job *job = mir_joblog_add(&w->log);

        if (one_in(w, 2))
            at += w->unit_s * mir_random_between(&w->rng, 0, gap);
        job->id = (uint32_t)i + 1;
        job->submit_at = at;
        job->n_nodes = random_size(w);
        job->state = MIR_STATE_COMPLETED;
        set_times(w, job);
        set_owner(w, job);
        set_features(w, job);
        if ((w->features & MIR_WORLD_ARRAYS) && job->extra == 0 && one_in(w, 4)) {
            struct mir_job model = *job;

            w->log.n_jobs--;
            make_array(w, model);
        }
    }
}

/* From the first submission on; the last step gives all nodes back. */
static void make_capacity(struct mir_random_world *w)
{
    uint32_t n_nodes = mir_cluster_nodes(&w->cluster);
    size_t n = (size_t)mir_random_between(&w->rng, 1, 8);
    int64_t at = w->log.jobs[0].submit_at;

    w->capacity.steps = MIR_NEW_ARRAY(struct mir_capacity_step, n);
    w->capacity.n_steps = n;
    for (size_t i = 0; i < n; i++) {
        w->capacity.steps[i] = (struct mir_capacity_step){
            .at = at,
            .n_nodes = i + 1 == n ? n_nodes : (uint32_t)mir_random_between(&w->rng, 0, n_nodes),
        };
        at += mir_random_between(&w->rng, 1, 2 * w->max_run_s);
    }
}

void mir_random_world_init(struct mir_random_world *w,
                           uint64_t seed,
                           enum mir_scheduler scheduler,
                           unsigned features)
{
    static const int64_t units[] = {1, 1, 7, 60};
    struct mir_workload_options options;
    int rc;

    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->features = features;
    mir_rng_init(&w->rng, seed);
    w->unit_s = units[mir_rng_below(&w->rng, 4)];
    w->max_run_s = w->unit_s * mir_random_between(&w->rng, 1, 30);
    make_cluster(w, scheduler);
    mir_joblog_init(&w->log);
    make_jobs(w);
    if (features & MIR_WORLD_CAPACITY)
        make_capacity(w);
    /* One that always fits, so that no world is empty. */
    w->log.jobs[0].n_nodes = 1;
    w->log.jobs[0].run_s = 1;
    w->log.jobs[0].extra = 0;
    mir_workload_options_init(&options);
    options.keep_cancelled = true;
    w->log.sorted = false;
    rc = mir_workload_create(&w->log, &w->cluster, &options, &w->workload, NULL);
    assert(rc == 0);
    (void)rc;
}

void mir_random_world_release(struct mir_random_world *w)
{
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
    free(w->capacity.steps);
    memset(w, 0, sizeof(*w));
}

struct mir_request mir_random_request(struct mir_random_world *w)
{
    const struct mir_job *like = &w->workload.jobs[mir_rng_below(&w->rng, w->workload.n_jobs)];
    int32_t limit_s = (int32_t)mir_random_between(&w->rng, 1, 3 * w->max_run_s);

    return (struct mir_request){
        .n_nodes = like->n_nodes,
        .limit_s = limit_s,
        .run_s = one_in(w, 2) ? MIR_UNKNOWN : (int32_t)mir_random_between(&w->rng, 1, limit_s),
        .user = like->user,
        .partition = like->partition,
        .account = like->account,
        .qos = like->qos,
    };
}
