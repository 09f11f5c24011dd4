/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cluster.c - see cluster.h.  Defaults and ranges are those of slurm.conf(5) of
 * Slurm 22.05.
 */
#include "traces/sim/cluster.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/core/parse.h"
#include "daemon/host/job.h"

enum { DAY_S = 86400 };

static const char *const scheduler_names[] = {
    [MIR_SCHED_SLURM] = "slurm",
    [MIR_SCHED_FCFS] = "fcfs",
    [MIR_SCHED_EASY] = "easy",
    [MIR_SCHED_CONSERVATIVE] = "conservative",
};

enum { N_SCHEDULERS = sizeof(scheduler_names) / sizeof(scheduler_names[0]) };

static const struct mir_sched_params default_params = {
    .backfill = true,
    .sched_interval_s = 60,
    .bf_interval_s = 30,
    .bf_window_s = 1440 * 60,
    .bf_resolution_s = 60,
    .bf_max_job_test = 500,
    .bf_max_job_array_resv = 20,
    .default_queue_depth = 100,
};

static const struct mir_priority default_priority = {
    .max_age_s = 7 * DAY_S,
    .decay_half_life_s = 7 * DAY_S,
    .calc_period_s = 300,
    .multifactor = true,
    .accounting = true,
};

void mir_cluster_init(struct mir_cluster *cluster, enum mir_scheduler scheduler, uint32_t n_nodes)
{
    memset(cluster, 0, sizeof(*cluster));
    strncpy(cluster->name, "cluster", sizeof(cluster->name) - 1);
    cluster->scheduler = scheduler;
    cluster->params = default_params;
    cluster->priority = default_priority;
    if (n_nodes == 0)
        return;
    cluster->n_node_sets = 1;
    cluster->node_sets[0] = (struct mir_node_set){
        .name = "nodes",
        .n_nodes = n_nodes,
        .weight = 1,
    };
    cluster->n_partitions = 1;
    cluster->partitions[0] = (struct mir_partition){
        .name = "default",
        .node_sets = 1,
        .max_time_s = MIR_UNLIMITED,
        .default_time_s = MIR_UNKNOWN,
        .max_nodes = UINT32_MAX,
        .priority_tier = 1,
        .priority_job_factor = 1,
        .is_default = true,
        .up = true,
    };
}

/* How a setting's text becomes a number. */
enum kind {
    INT32,      /* in [low, high] */
    UINT32,     /* in [low, high] */
    MINUTES,    /* the text counts minutes; int32_t seconds */
    MINUS_ONE,  /* INT32, and -1 for "never" */
    FLAG,       /* bool; set by its name alone */
    SLURM_TIME, /* Slurm's time string, bare numbers are minutes; int32_t seconds */
};

struct setting {
    const char *key;
    enum kind kind;
    int64_t low;
    int64_t high;
    size_t offset; /* in struct mir_cluster */
};

#define PARAM(field) offsetof(struct mir_cluster, params.field)
#define PRIORITY(field) offsetof(struct mir_cluster, priority.field)

static const struct setting params[] = {
    {"bf_continue", FLAG, 0, 1, PARAM(bf_continue)},
    {"bf_interval", MINUS_ONE, 1, 10800, PARAM(bf_interval_s)},
    {"bf_job_part_count_reserve", UINT32, 0, 100000, PARAM(bf_job_part_count_reserve)},
    {"bf_max_job_array_resv", UINT32, 0, 1000, PARAM(bf_max_job_array_resv)},
    {"bf_max_job_assoc", UINT32, 0, 1000000, PARAM(bf_max_job_assoc)},
    {"bf_max_job_part", UINT32, 0, 1000000, PARAM(bf_max_job_part)},
    {"bf_max_job_start", UINT32, 0, 10000, PARAM(bf_max_job_start)},
    {"bf_max_job_test", UINT32, 1, 1000000, PARAM(bf_max_job_test)},
    {"bf_max_job_user", UINT32, 0, 1000000, PARAM(bf_max_job_user)},
    {"bf_max_job_user_part", UINT32, 0, 1000000, PARAM(bf_max_job_user_part)},
    {"bf_min_age_reserve", INT32, 0, 30 * DAY_S, PARAM(bf_min_age_reserve_s)},
    {"bf_resolution", INT32, 1, 3600, PARAM(bf_resolution_s)},
    {"bf_window", MINUTES, 1, 43200, PARAM(bf_window_s)},
    {"bf_window_linear", INT32, 0, DAY_S, PARAM(bf_window_linear_s)},
    {"default_queue_depth", UINT32, 1, UINT32_MAX, PARAM(default_queue_depth)},
    {"defer", FLAG, 0, 1, PARAM(defer)},
    {"partition_job_depth", UINT32, 0, UINT32_MAX, PARAM(partition_job_depth)},
    {"sched_interval", MINUS_ONE, 1, DAY_S, PARAM(sched_interval_s)},
    {"sched_max_job_start", UINT32, 0, UINT32_MAX, PARAM(sched_max_job_start)},
};

static const struct setting priorities[] = {
    {"PriorityCalcPeriod", SLURM_TIME, 1, INT32_MAX, PRIORITY(calc_period_s)},
    {"PriorityDecayHalfLife", SLURM_TIME, 0, INT32_MAX, PRIORITY(decay_half_life_s)},
    {"PriorityFavorSmall", FLAG, 0, 1, PRIORITY(favor_small)},
    {"PriorityMaxAge", SLURM_TIME, 1, INT32_MAX, PRIORITY(max_age_s)},
    {"PriorityWeightAge", UINT32, 0, UINT32_MAX, PRIORITY(weight_age)},
    {"PriorityWeightFairshare", UINT32, 0, UINT32_MAX, PRIORITY(weight_fairshare)},
    {"PriorityWeightJobSize", UINT32, 0, UINT32_MAX, PRIORITY(weight_job_size)},
    {"PriorityWeightPartition", UINT32, 0, UINT32_MAX, PRIORITY(weight_partition)},
    {"PriorityWeightQOS", UINT32, 0, UINT32_MAX, PRIORITY(weight_qos)},
};

static const struct setting flags[] = {
    {"ACCRUE_ALWAYS", FLAG, 0, 1, PRIORITY(accrue_always)},
    /* Slurm: "automatically enables NO_FAIR_TREE". */
    {"DEPTH_OBLIVIOUS", FLAG, 0, 1, PRIORITY(no_fair_tree)},
    {"INCR_ONLY", FLAG, 0, 1, PRIORITY(incr_only)},
    {"NO_FAIR_TREE", FLAG, 0, 1, PRIORITY(no_fair_tree)},
    {"NO_NORMAL_PART", FLAG, 0, 1, PRIORITY(no_normal_part)},
    {"NO_NORMAL_QOS", FLAG, 0, 1, PRIORITY(no_normal_qos)},
    {"SMALL_RELATIVE_TO_TIME", FLAG, 0, 1, PRIORITY(small_relative_to_time)},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct setting *
find(const struct setting *table, size_t n, const char *key, size_t len)
{
    for (size_t i = 0; i < n; i++) {
        if (strncasecmp(table[i].key, key, len) == 0 && table[i].key[len] == '\0')
            return &table[i];
    }
    return NULL;
}

static int parse_flag(const char *value, size_t len, int64_t *out)
{
    static const struct {
        const char *text;
        int64_t value;
    } words[] = {{"", 1}, {"yes", 1}, {"true", 1}, {"1", 1}, {"no", 0}, {"false", 0}, {"0", 0}};

    for (size_t i = 0; i < COUNT(words); i++) {
        if (strlen(words[i].text) == len && strncasecmp(words[i].text, value, len) == 0) {
            *out = words[i].value;
            return 0;
        }
    }
    return -EINVAL;
}

/* A number in the setting's own unit, its range checked. */
static int parse_value(const struct setting *setting,
                       const char *value,
                       size_t len,
                       int64_t *out,
                       struct mir_error *err)
{
    int rc;

    if (setting->kind == FLAG)
        rc = parse_flag(value, len, out);
    else if (setting->kind == SLURM_TIME)
        rc = mir_parse_duration(value, len, 60, out);
    else
        rc = mir_parse_i64(value, len, out);
    if (rc != 0)
        return mir_error_set(err, -EINVAL, "%s: \"%.*s\" is not %s", setting->key, (int)len, value,
                             setting->kind == FLAG         ? "yes or no"
                             : setting->kind == SLURM_TIME ? "a time (minutes, or days-hours)"
                                                           : "a number");
    if (setting->kind == MINUS_ONE && *out == -1)
        return 0;
    if (*out < setting->low || *out > setting->high)
        return mir_error_set(err, -EINVAL, "%s: %" PRId64 " is not in %" PRId64 "..%" PRId64,
                             setting->key, *out, setting->low, setting->high);
    return 0;
}

static int apply(struct mir_cluster *cluster,
                 const struct setting *setting,
                 const char *value,
                 size_t len,
                 struct mir_error *err)
{
    char *field = (char *)cluster + setting->offset;
    int64_t number = 0;
    int rc = parse_value(setting, value, len, &number, err);

    if (rc != 0)
        return rc;
    if (setting->kind == FLAG) {
        *(bool *)field = number != 0;
    } else if (setting->kind == UINT32) {
        uint32_t u = (uint32_t)number;

        memcpy(field, &u, sizeof(u));
    } else {
        int32_t i = (int32_t)(setting->kind == MINUTES ? number * 60 : number);

        memcpy(field, &i, sizeof(i));
    }
    if (cluster->params.bf_interval_s < 0)
        cluster->params.backfill = false;
    return 0;
}

/* One "name=value" or "name" of a SchedulerParameters list. */
static int
set_param(struct mir_cluster *cluster, const char *text, size_t len, struct mir_error *err)
{
    const char *equals = memchr(text, '=', len);
    size_t key_len = equals == NULL ? len : (size_t)(equals - text);
    const struct setting *setting = find(params, COUNT(params), text, key_len);

    if (setting == NULL)
        return 0;
    if (equals == NULL)
        return apply(cluster, setting, "", 0, err);
    return apply(cluster, setting, equals + 1, len - key_len - 1, err);
}

/* From the last to the first, so that the first of a name counts, as in slurmctld. */
static int set_params(struct mir_cluster *cluster, const char *list, struct mir_error *err)
{
    size_t end = strlen(list);
    int rc = 0;

    while (rc == 0) {
        const char *comma = memrchr(list, ',', end);
        size_t begin = comma == NULL ? 0 : (size_t)(comma - list) + 1;

        rc = set_param(cluster, list + begin, end - begin, err);
        if (comma == NULL)
            break;
        end = begin - 1;
    }
    return rc;
}

/* A list replaces the one before; flags that bear on nothing here are skipped. */
static int set_flags(struct mir_cluster *cluster, const char *list)
{
    for (size_t i = 0; i < COUNT(flags); i++)
        *(bool *)((char *)cluster + flags[i].offset) = false;
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        const struct setting *flag = find(flags, COUNT(flags), list, len);

        if (flag != NULL)
            *(bool *)((char *)cluster + flag->offset) = true;
        list += len;
        list += *list == ',';
    }
    return 0;
}

static int set_scheduler_type(struct mir_cluster *cluster, const char *value, struct mir_error *err)
{
    if (strcasecmp(value, "sched/backfill") == 0)
        cluster->params.backfill = cluster->params.bf_interval_s > 0;
    else if (strcasecmp(value, "sched/builtin") == 0)
        cluster->params.backfill = false;
    else
        return mir_error_set(err, -EINVAL,
                             "SchedulerType: \"%s\" is not sched/backfill or sched/builtin", value);
    return 0;
}

static int set_priority_type(struct mir_cluster *cluster, const char *value, struct mir_error *err)
{
    if (strcasecmp(value, "priority/multifactor") == 0)
        cluster->priority.multifactor = true;
    else if (strcasecmp(value, "priority/basic") == 0)
        cluster->priority.multifactor = false;
    else
        return mir_error_set(err, -EINVAL,
                             "PriorityType: \"%s\" is not priority/multifactor or priority/basic",
                             value);
    return 0;
}

int mir_cluster_set(struct mir_cluster *cluster,
                    const char *key,
                    const char *value,
                    struct mir_error *err)
{
    const struct setting *setting = find(params, COUNT(params), key, strlen(key));

    if (setting == NULL)
        setting = find(priorities, COUNT(priorities), key, strlen(key));
    if (setting != NULL)
        return apply(cluster, setting, value, strlen(value), err);
    if (strcasecmp(key, "SchedulerParameters") == 0)
        return set_params(cluster, value, err);
    if (strcasecmp(key, "SchedulerType") == 0)
        return set_scheduler_type(cluster, value, err);
    if (strcasecmp(key, "PriorityType") == 0)
        return set_priority_type(cluster, value, err);
    if (strcasecmp(key, "AccountingStorageType") == 0) {
        cluster->priority.accounting = strcasecmp(value, "accounting_storage/slurmdbd") == 0;
        return 0;
    }
    if (strcasecmp(key, "PriorityFlags") == 0)
        return set_flags(cluster, value);
    if (strcasecmp(key, "ClusterName") == 0) {
        snprintf(cluster->name, sizeof(cluster->name), "%s", value);
        return 0;
    }
    return mir_error_set(err, -EINVAL, "%s: not a setting that the simulator knows", key);
}

int mir_cluster_add_qos(struct mir_cluster *cluster, const char *text, struct mir_error *err)
{
    const char *equals = strrchr(text, '=');
    size_t len = equals == NULL ? 0 : (size_t)(equals - text);
    int64_t priority;
    uint32_t i = 0;

    if (len == 0 || len >= sizeof(cluster->qos[0].name) ||
        mir_parse_i64(equals + 1, strlen(equals + 1), &priority) != 0 || priority < 0 ||
        priority > UINT32_MAX)
        return mir_error_set(err, -EINVAL, "qos: \"%s\" is not NAME=PRIORITY", text);
    while (i < cluster->n_qos &&
           (strlen(cluster->qos[i].name) != len || memcmp(cluster->qos[i].name, text, len) != 0))
        i++;
    if (i == MIR_MAX_QOS - 1)
        return mir_error_set(err, -EINVAL, "qos: more than %d", MIR_MAX_QOS - 1);
    memcpy(cluster->qos[i].name, text, len);
    cluster->qos[i].priority = (uint32_t)priority;
    if (i == cluster->n_qos)
        cluster->n_qos++;
    return 0;
}

int mir_scheduler_parse(const char *name, enum mir_scheduler *out, struct mir_error *err)
{
    for (int i = 0; i < N_SCHEDULERS; i++) {
        if (strcmp(name, scheduler_names[i]) == 0) {
            *out = (enum mir_scheduler)i;
            return 0;
        }
    }
    return mir_error_set(err, -EINVAL, "scheduler: \"%s\" is not slurm, fcfs, easy or conservative",
                         name);
}

const char *mir_scheduler_name(enum mir_scheduler scheduler)
{
    return (unsigned)scheduler < N_SCHEDULERS ? scheduler_names[scheduler] : "?";
}

static uint32_t nodes_of(const struct mir_cluster *cluster, uint64_t node_sets)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < cluster->n_node_sets; i++) {
        if (node_sets >> i & 1)
            n += cluster->node_sets[i].n_nodes;
    }
    return n;
}

uint32_t mir_cluster_nodes(const struct mir_cluster *cluster)
{
    return nodes_of(cluster, UINT64_MAX);
}

int32_t mir_cluster_window_s(const struct mir_cluster *cluster)
{
    bool backfills = cluster->scheduler == MIR_SCHED_SLURM && cluster->params.backfill;

    return backfills ? cluster->params.bf_window_s : 0;
}

uint32_t mir_cluster_partition_nodes(const struct mir_cluster *cluster, uint32_t partition)
{
    return nodes_of(cluster, cluster->partitions[partition].node_sets);
}

uint32_t mir_cluster_find_partition(const struct mir_cluster *cluster, const char *name)
{
    uint32_t fallback = 0;

    for (uint32_t i = 0; i < cluster->n_partitions; i++) {
        if (strcmp(cluster->partitions[i].name, name) == 0)
            return i;
        if (cluster->partitions[i].is_default)
            fallback = i;
    }
    return fallback;
}
