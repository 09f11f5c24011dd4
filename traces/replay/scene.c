/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scene.c - see scene.h. */
#include "traces/replay/scene.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/progress.h"
#include "traces/generate/generate.h"
#include "traces/reader/reader.h"
#include "traces/stats/stats.h"

enum { SHOWN_BAD_LINES = 20 };

/* ---- The log */

struct reading {
    struct mir_progress progress;
    bool quiet, open;
    uint64_t done;
    uint64_t n_bad;
};

static void show_bad_line(void *context, const char *text)
{
    struct reading *r = context;

    if (r->n_bad++ < SHOWN_BAD_LINES)
        fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
}

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    struct reading *r = context;

    if (!r->open)
        mir_progress_open(&r->progress, "reading", total, r->quiet);
    r->open = true;
    mir_progress_add(&r->progress, done - r->done);
    r->done = done;
}

static int
read_file(const struct mir_replay_options *o, struct mir_joblog *log, struct mir_error *err)
{
    struct reading r = {.quiet = o->quiet};
    struct mir_read_options options = {
        .format = o->format,
        .strict = o->strict,
        .zone = o->zone,
        .bad_line = show_bad_line,
        .progress = show_progress,
        .context = &r,
    };
    struct mir_read_result result = {0};
    int rc = mir_log_read(o->log_path, &options, log, &result, err);

    if (r.open)
        mir_progress_close(&r.progress);
    if (r.n_bad > SHOWN_BAD_LINES)
        fprintf(stderr, "%s: ... and %" PRIu64 " more\n", program_invocation_short_name,
                r.n_bad - SHOWN_BAD_LINES);
    if (r.n_bad > 0 && rc == 0)
        fprintf(stderr, "%s: %" PRIu64 " of %" PRIu64 " lines skipped as bad\n",
                program_invocation_short_name, r.n_bad, result.n_lines);
    return rc;
}

static int
generate_default(const struct mir_replay_options *o, struct mir_joblog *log, struct mir_error *err)
{
    struct mir_generate_params params;
    int rc;

    mir_generate_default(&params);
    rc = mir_generate(&params, o->seed, o->duration_s, o->start_at, log, err);
    if (rc == 0)
        log->n_nodes = params.n_nodes;
    return rc;
}

int mir_scene_read_log(const struct mir_replay_options *options,
                       struct mir_joblog *log,
                       struct mir_error *err)
{
    mir_joblog_init(log);
    return options->log_path == NULL ? generate_default(options, log, err)
                                     : read_file(options, log, err);
}

const char *mir_scene_log_name(const struct mir_replay_options *options)
{
    if (options->log_path == NULL)
        return "embedded workload";
    return strcmp(options->log_path, "-") == 0 ? "standard input" : options->log_path;
}

/* ---- The machine */

/* In the unit of the log's jobs: nodes, or processors where no job says nodes. */
static uint32_t size_by_log(const struct mir_joblog *log)
{
    for (size_t i = 0; i < log->n_jobs; i++) {
        if (log->jobs[i].n_nodes > 0)
            return log->n_nodes;
    }
    return log->n_procs > 0 ? log->n_procs : log->n_nodes;
}

/* The most that was ever in service. */
static uint32_t size_by_capacity(const struct mir_capacity *capacity)
{
    uint32_t most = 0;

    for (size_t i = 0; i < capacity->n_steps; i++) {
        if (capacity->steps[i].n_nodes > most)
            most = capacity->steps[i].n_nodes;
    }
    return most;
}

static int
make_machine(const struct mir_replay_options *o, struct mir_scene *s, struct mir_error *err)
{
    uint32_t n = o->n_nodes > 0 ? o->n_nodes : size_by_log(&s->log);
    int rc;

    if (o->slurm_conf != NULL) {
        rc = mir_slurm_conf_read(o->slurm_conf, &s->cluster, err);
        if (rc == 0 && o->scheduler_given)
            s->cluster.scheduler = o->scheduler;
        return rc;
    }
    if (n == 0)
        n = size_by_capacity(&s->capacity);
    if (n == 0)
        return mir_error_set(err, -EINVAL,
                             "%s does not say how large the machine is: give --nodes, "
                             "--slurm-conf or --capacity auto (mirage-replay stats shows how many "
                             "nodes were busy)",
                             s->name);
    mir_cluster_init(&s->cluster, o->scheduler, n);
    return 0;
}

static int
make_cluster(const struct mir_replay_options *o, struct mir_scene *s, struct mir_error *err)
{
    int rc = make_machine(o, s, err);

    for (uint32_t i = 0; i < o->n_sets && rc == 0; i++)
        rc = mir_cluster_set(&s->cluster, o->sets[i].key, o->sets[i].value, err);
    for (uint32_t i = 0; i < o->n_qos && rc == 0; i++)
        rc = mir_cluster_add_qos(&s->cluster, o->qos[i], err);
    return rc;
}

/* ---- The chain's job */

static int add_name(struct mir_names *names,
                    const char *what,
                    const char *name,
                    uint32_t max,
                    uint32_t *out,
                    struct mir_error *err)
{
    *out = name[0] == '\0' ? 0 : mir_names_add(names, name, strlen(name));
    if (*out <= max)
        return 0;
    return mir_error_set(err, -ERANGE, "too many %s names in the log for one more", what);
}

static bool has_partition(const struct mir_cluster *cluster, const char *name)
{
    for (uint32_t i = 0; i < cluster->n_partitions; i++) {
        if (strcmp(cluster->partitions[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Without a slurm.conf there is one partition, and its name means nothing. */
static int check_partition(const struct mir_replay_options *o,
                           const struct mir_cluster *cluster,
                           struct mir_error *err)
{
    if (o->slurm_conf == NULL || o->chain.partition[0] == '\0' ||
        has_partition(cluster, o->chain.partition))
        return 0;
    return mir_error_set(err, -EINVAL, "--chain: %s has no partition '%s'", o->slurm_conf,
                         o->chain.partition);
}

/* Before the workload is made: it maps every name of the log to the cluster's. */
static int
make_shape(const struct mir_replay_options *o, struct mir_scene *s, struct mir_error *err)
{
    const struct mir_chain_options *c = &o->chain;
    uint32_t partition = 0, account = 0, qos = 0;
    int rc = check_partition(o, &s->cluster, err);

    s->shape = (struct mir_request){
        .n_nodes = c->n_nodes,
        .limit_s = c->limit_s,
        .run_s = c->run_s == MIR_UNKNOWN ? c->limit_s : c->run_s,
        .nice = c->nice,
    };
    if (rc == 0)
        rc = add_name(&s->log.users, "user", c->user, UINT32_MAX, &s->shape.user, err);
    if (rc == 0)
        rc = add_name(&s->log.partitions, "partition", c->partition, UINT16_MAX, &partition, err);
    if (rc == 0)
        rc = add_name(&s->log.accounts, "account", c->account, UINT16_MAX, &account, err);
    if (rc == 0)
        rc = add_name(&s->log.qos, "qos", c->qos, UINT8_MAX, &qos, err);
    s->shape.partition = (uint16_t)partition;
    s->shape.account = (uint16_t)account;
    s->shape.qos = (uint8_t)qos;
    return rc;
}

/* ---- All of it */

/* Before the workload is made, which keeps of the log only what can run. */
static int
make_capacity(const struct mir_replay_options *o, struct mir_scene *s, struct mir_error *err)
{
    struct mir_capacity_options options;
    int rc;

    if (o->capacity == NULL)
        return 0;
    mir_capacity_options_init(&options);
    if (strcmp(o->capacity, "auto") == 0)
        rc = mir_capacity_estimate(&s->log, &options, &s->capacity, err);
    else
        rc = mir_capacity_read(o->capacity, &s->capacity, err);
    s->has_capacity = rc == 0;
    return rc;
}

/* A step may name a set that is not there, or more nodes than the set has. */
static int
check_capacity(const struct mir_replay_options *o, struct mir_scene *s, struct mir_error *err)
{
    bool estimated = s->has_capacity && strcmp(o->capacity, "auto") == 0;

    if (estimated && s->cluster.n_node_sets > 1)
        return mir_error_set(err, -EINVAL,
                             "--capacity auto cannot tell the %u kinds of nodes in %s apart",
                             s->cluster.n_node_sets, o->slurm_conf);
    for (size_t i = 0; i < s->capacity.n_steps; i++) {
        struct mir_capacity_step *step = &s->capacity.steps[i];
        uint32_t max = step->node_set < s->cluster.n_node_sets
                           ? s->cluster.node_sets[step->node_set].n_nodes
                           : 0;

        if (step->n_nodes > max && !estimated)
            return mir_error_set(err, -EINVAL, "%s: %u nodes of node set %u, which has %u",
                                 o->capacity, step->n_nodes, step->node_set, max);
        if (step->n_nodes > max)
            step->n_nodes = max;
    }
    return 0;
}

static int make_workload(const struct mir_replay_options *o,
                         bool cold,
                         struct mir_scene *s,
                         struct mir_error *err)
{
    struct mir_workload_options options;

    mir_workload_options_init(&options);
    options.round_submit_s = o->round_submit_s;
    options.round_run_s = o->round_run_s;
    options.min_run_s = o->min_run_s;
    if (cold) {
        options.from_at = o->from_at;
        options.to_at = o->to_at;
    }
    return mir_workload_create(&s->log, &s->cluster, &options, &s->workload, err);
}

/* Before the workload is made, as the log is whole then. */
static void find_left_edge(struct mir_scene *s)
{
    int64_t at;

    if (mir_log_left_edge(&s->log, &at))
        s->trusted_at = at;
}

int mir_scene_open(const struct mir_replay_options *options,
                   bool cold,
                   struct mir_scene *out,
                   struct mir_error *err)
{
    int rc;

    *out = (struct mir_scene){.name = mir_scene_log_name(options), .trusted_at = INT64_MIN};
    rc = mir_scene_read_log(options, &out->log, err);
    return rc == 0 ? mir_scene_make(options, cold, out, err) : rc;
}

int mir_scene_make(const struct mir_replay_options *options,
                   bool cold,
                   struct mir_scene *out,
                   struct mir_error *err)
{
    int rc = make_capacity(options, out, err);

    if (rc == 0)
        rc = make_cluster(options, out, err);
    if (rc == 0)
        rc = check_capacity(options, out, err);
    if (rc == 0)
        rc = make_shape(options, out, err);
    if (rc == 0)
        find_left_edge(out);
    if (rc == 0)
        rc = make_workload(options, cold, out, err);
    return rc;
}

void mir_scene_release(struct mir_scene *scene)
{
    mir_workload_release(&scene->workload);
    mir_capacity_release(&scene->capacity);
    mir_joblog_release(&scene->log);
}

const struct mir_capacity *mir_scene_capacity(const struct mir_scene *scene)
{
    return scene->has_capacity ? &scene->capacity : NULL;
}

static int32_t longest_limit_s(const struct mir_workload *w)
{
    int32_t longest = 0;

    for (size_t i = 0; i < w->n_jobs; i++)
        longest = w->jobs[i].limit_s > longest ? w->jobs[i].limit_s : longest;
    return longest;
}

void mir_scene_print_notes(const struct mir_scene *scene)
{
    const struct mir_sched_params *p = &scene->cluster.params;
    const struct mir_priority *q = &scene->cluster.priority;
    int32_t longest_s = longest_limit_s(&scene->workload);
    char limit[32], window[32];

    if (scene->cluster.scheduler != MIR_SCHED_SLURM)
        return;
    if (p->backfill && longest_s > p->bf_window_s)
        fprintf(stderr,
                "%s: limits reach %s, backfill plans %s ahead: large jobs may be "
                "overtaken for long, as under Slurm; its manual advises a bf_window of the "
                "longest limit (--set bf_window=MINUTES)\n",
                program_invocation_short_name, mir_format_duration(longest_s, limit),
                mir_format_duration(p->bf_window_s, window));
    if (q->multifactor && !q->accounting && (q->weight_age > 0 || q->weight_fairshare > 0))
        fprintf(stderr,
                "%s: without AccountingStorageType=accounting_storage/slurmdbd Slurm ignores "
                "PriorityWeightAge and PriorityWeightFairshare; so does the simulation\n",
                program_invocation_short_name);
}
