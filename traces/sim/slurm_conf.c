/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * slurm_conf.c - a struct mir_cluster from a slurm.conf: general keys, includes,
 * partitions, and the node sets that follow from who is in which partition.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "daemon/core/str.h"
#include "daemon/host/job.h"
#include "traces/sim/cluster.h"
#include "traces/sim/conf_nodes.h"
#include "traces/sim/conf_sets.h"
#include "traces/sim/conf_text.h"

enum { MAX_INCLUDES = 8, MAX_FILE_BYTES = 64 << 20 };

/* A partition's node list, kept until all nodes are known.  Strings owned. */
struct part_nodes {
    char *where;
    char *nodes;
};

struct reader {
    struct mir_cluster *cluster;
    struct mir_conf_nodes nodes;
    struct mir_partition part_default; /* what PartitionName=DEFAULT says so far */
    char *part_default_nodes;          /* owned; NULL: nothing */
    struct part_nodes part_nodes[MIR_MAX_PARTITIONS];
    bool type_is_backfill; /* SchedulerType, which SchedulerParameters may overrule */
    const char *directory; /* of the main file; NULL: no includes */
    unsigned depth;        /* of Include */
};

static int refuse(const struct mir_conf_line *line,
                  const struct mir_conf_pair *pair,
                  const char *what,
                  struct mir_error *err)
{
    return mir_error_set(err, -EINVAL, "%s:%zu: %s: \"%.100s\" is not %s", line->file, line->number,
                         pair->key, pair->value, what);
}

/* MaxTime and DefaultTime: Slurm counts whole minutes and rounds up. */
static int parse_limit(const struct mir_conf_line *line,
                       const struct mir_conf_pair *pair,
                       int32_t *out,
                       struct mir_error *err)
{
    int64_t s;

    if (strcasecmp(pair->value, "UNLIMITED") == 0 || strcasecmp(pair->value, "INFINITE") == 0 ||
        strcmp(pair->value, "-1") == 0) {
        *out = MIR_UNLIMITED;
        return 0;
    }
    if (mir_parse_duration(pair->value, strlen(pair->value), 60, &s) != 0 || s > INT32_MAX - 60)
        return refuse(line, pair, "a time limit", err);
    *out = (int32_t)((s + 59) / 60 * 60);
    return 0;
}

static int parse_default_limit(const struct mir_conf_line *line,
                               const struct mir_conf_pair *pair,
                               int32_t *out,
                               struct mir_error *err)
{
    if (strcasecmp(pair->value, "NONE") != 0)
        return parse_limit(line, pair, out, err);
    *out = MIR_UNKNOWN;
    return 0;
}

static int parse_max_nodes(const struct mir_conf_line *line,
                           const struct mir_conf_pair *pair,
                           uint32_t *out,
                           struct mir_error *err)
{
    int64_t n;
    int rc;

    *out = UINT32_MAX;
    if (strcasecmp(pair->value, "UNLIMITED") == 0 || strcasecmp(pair->value, "INFINITE") == 0)
        return 0;
    rc = mir_conf_number(line, pair, -1, UINT32_MAX - 1, &n, err);
    if (rc == 0 && n >= 0)
        *out = (uint32_t)n;
    return rc;
}

static int parse_yes(const struct mir_conf_line *line,
                     const struct mir_conf_pair *pair,
                     bool *out,
                     struct mir_error *err)
{
    if (strcasecmp(pair->value, "YES") != 0 && strcasecmp(pair->value, "NO") != 0)
        return refuse(line, pair, "YES or NO", err);
    *out = strcasecmp(pair->value, "YES") == 0;
    return 0;
}

static int parse_part_state(const struct mir_conf_line *line,
                            const struct mir_conf_pair *pair,
                            bool *up,
                            struct mir_error *err)
{
    static const char *const down[] = {"DOWN", "DRAIN", "INACTIVE"};

    *up = strcasecmp(pair->value, "UP") == 0;
    for (size_t i = 0; !*up && i < sizeof(down) / sizeof(down[0]); i++) {
        if (strcasecmp(pair->value, down[i]) == 0)
            return 0;
    }
    return *up ? 0 : refuse(line, pair, "a state of a partition", err);
}

static int set_priority(struct mir_partition *p,
                        const struct mir_conf_line *line,
                        const struct mir_conf_pair *pair,
                        bool tier,
                        bool factor,
                        struct mir_error *err)
{
    int64_t n;
    int rc = mir_conf_number(line, pair, 0, UINT16_MAX, &n, err);

    if (rc != 0)
        return rc;
    if (tier)
        p->priority_tier = (uint16_t)n;
    if (factor)
        p->priority_job_factor = (uint16_t)n;
    return 0;
}

static int set_min_nodes(struct mir_partition *p,
                         const struct mir_conf_line *line,
                         const struct mir_conf_pair *pair,
                         struct mir_error *err)
{
    int64_t n;
    int rc = mir_conf_number(line, pair, 0, UINT32_MAX - 1, &n, err);

    if (rc == 0)
        p->min_nodes = (uint32_t)n;
    return rc;
}

static int set_part_field(struct mir_partition *p,
                          const struct mir_conf_line *line,
                          const struct mir_conf_pair *pair,
                          struct mir_error *err)
{
    const char *key = pair->key;

    if (strcasecmp(key, "MaxTime") == 0)
        return parse_limit(line, pair, &p->max_time_s, err);
    if (strcasecmp(key, "DefaultTime") == 0)
        return parse_default_limit(line, pair, &p->default_time_s, err);
    if (strcasecmp(key, "MaxNodes") == 0)
        return parse_max_nodes(line, pair, &p->max_nodes, err);
    if (strcasecmp(key, "MinNodes") == 0)
        return set_min_nodes(p, line, pair, err);
    if (strcasecmp(key, "PriorityTier") == 0)
        return set_priority(p, line, pair, true, false, err);
    if (strcasecmp(key, "PriorityJobFactor") == 0)
        return set_priority(p, line, pair, false, true, err);
    if (strcasecmp(key, "Priority") == 0) /* Slurm before 16.05: both at once */
        return set_priority(p, line, pair, true, true, err);
    if (strcasecmp(key, "Default") == 0)
        return parse_yes(line, pair, &p->is_default, err);
    if (strcasecmp(key, "State") == 0)
        return parse_part_state(line, pair, &p->up, err);
    return 0;
}

static bool has_partition(const struct mir_cluster *c, const char *name)
{
    for (uint32_t i = 0; i < c->n_partitions; i++) {
        if (strcmp(c->partitions[i].name, name) == 0)
            return true;
    }
    return false;
}

/* The last partition that says Default=YES is it, as in slurmctld. */
static void take_default(struct mir_cluster *c, uint32_t number)
{
    for (uint32_t i = 0; c->partitions[number].is_default && i < c->n_partitions; i++)
        c->partitions[i].is_default = i == number;
}

static int append_partition(struct reader *r,
                            const struct mir_conf_line *line,
                            struct mir_partition *p,
                            const char *nodes,
                            struct mir_error *err)
{
    struct mir_cluster *c = r->cluster;
    const char *name = line->pairs[0].value;
    struct mir_str where = {0};

    if (has_partition(c, name))
        return 0;
    if (c->n_partitions == MIR_MAX_PARTITIONS)
        return mir_error_set(err, -EINVAL, "%s:%zu: PartitionName: more than %d partitions",
                             line->file, line->number, MIR_MAX_PARTITIONS);
    if (*name == '\0' || strlen(name) >= sizeof(p->name))
        return refuse(line, &line->pairs[0], "a name of 1 to 63 bytes", err);
    memcpy(p->name, name, strlen(name) + 1);
    mir_str_addf(&where, "%s:%zu", line->file, line->number);
    r->part_nodes[c->n_partitions].where = where.text;
    r->part_nodes[c->n_partitions].nodes = mir_strdup(nodes == NULL ? "" : nodes);
    c->partitions[c->n_partitions++] = *p;
    take_default(c, c->n_partitions - 1);
    return 0;
}

static int read_partition(struct reader *r, const struct mir_conf_line *line, struct mir_error *err)
{
    struct mir_partition p = r->part_default;
    const char *nodes = mir_conf_line_get(line, "Nodes");

    for (size_t i = 1; i < line->n_pairs; i++) {
        int rc = set_part_field(&p, line, &line->pairs[i], err);

        if (rc != 0)
            return rc;
    }
    if (strcasecmp(line->pairs[0].value, "DEFAULT") != 0)
        return append_partition(r, line, &p, nodes != NULL ? nodes : r->part_default_nodes, err);
    r->part_default = p;
    if (nodes != NULL) {
        free(r->part_default_nodes);
        r->part_default_nodes = mir_strdup(nodes);
    }
    return 0;
}

static bool bears_on_scheduling(const char *key)
{
    static const char *const keys[] = {
        "AccountingStorageType",   "ClusterName",           "PriorityCalcPeriod",
        "PriorityDecayHalfLife",   "PriorityFavorSmall",    "PriorityFlags",
        "PriorityMaxAge",          "PriorityType",          "PriorityWeightAge",
        "PriorityWeightFairshare", "PriorityWeightJobSize", "PriorityWeightPartition",
        "PriorityWeightQOS",       "SchedulerParameters",   "SchedulerType",
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcasecmp(keys[i], key) == 0)
            return true;
    }
    return false;
}

/* A key given again replaces what it said before, with all its parameters. */
static void forget_params(struct reader *r)
{
    struct mir_cluster defaults;

    mir_cluster_init(&defaults, MIR_SCHED_SLURM, 0);
    r->cluster->params = defaults.params;
    r->cluster->params.backfill = r->type_is_backfill;
}

static int read_general(struct reader *r, const struct mir_conf_line *line, struct mir_error *err)
{
    for (size_t i = 0; i < line->n_pairs; i++) {
        const struct mir_conf_pair *pair = &line->pairs[i];
        struct mir_error why;

        if (!bears_on_scheduling(pair->key))
            continue;
        if (strcasecmp(pair->key, "SchedulerParameters") == 0)
            forget_params(r);
        if (mir_cluster_set(r->cluster, pair->key, pair->value, &why) != 0)
            return mir_error_set(err, -EINVAL, "%s:%zu: %.400s", line->file, line->number,
                                 why.text);
        if (strcasecmp(pair->key, "SchedulerType") == 0)
            r->type_is_backfill = strcasecmp(pair->value, "sched/backfill") == 0;
    }
    return 0;
}

static int read_file(struct reader *r, const char *path, struct mir_error *err);

/* "%c" is the cluster's name; a relative path is beside the main file. */
static int include(struct reader *r, const struct mir_conf_line *line, struct mir_error *err)
{
    struct mir_str path = {0};
    struct mir_error why = {{0}};
    int rc;

    if (r->directory == NULL || r->depth == MAX_INCLUDES)
        return mir_error_set(err, -EINVAL, "%s:%zu: Include: %s", line->file, line->number,
                             r->directory == NULL ? "not possible here" : "too many levels deep");
    if (line->include[0] != '/')
        mir_str_addf(&path, "%s/", r->directory);
    for (const char *s = line->include; *s != '\0'; s++) {
        bool is_name = s[0] == '%' && s[1] == 'c';

        mir_str_add_n(&path, is_name ? r->cluster->name : s,
                      is_name ? strlen(r->cluster->name) : 1);
        s += is_name;
    }
    r->depth++;
    rc = path.len == 0 ? -ENOENT : read_file(r, path.text, &why);
    r->depth--;
    mir_str_release(&path);
    if (rc == -EINVAL)
        return mir_error_set(err, rc, "%s", why.text);
    return rc == 0 ? 0
                   : mir_error_set(err, -EINVAL, "%s:%zu: Include: %.400s", line->file,
                                   line->number, why.text);
}

static int read_line(void *context, const struct mir_conf_line *line, struct mir_error *err)
{
    struct reader *r = context;
    const char *key;

    if (line->include != NULL)
        return include(r, line, err);
    key = line->pairs[0].key;
    if (strcasecmp(key, "NodeName") == 0)
        return mir_conf_nodes_add(&r->nodes, line, err);
    if (strcasecmp(key, "NodeSet") == 0)
        return mir_conf_nodes_add_set(&r->nodes, line, err);
    if (strcasecmp(key, "DownNodes") == 0)
        return mir_conf_nodes_add_down(&r->nodes, line, err);
    if (strcasecmp(key, "PartitionName") == 0)
        return read_partition(r, line, err);
    if (strcasecmp(key, "FrontendName") == 0 || strcasecmp(key, "SwitchName") == 0)
        return 0;
    return read_general(r, line, err);
}

/* The whole file, which the caller frees. */
static int slurp(const char *path, char **text, size_t *len, struct mir_error *err)
{
    FILE *f = fopen(path, "re");
    char *buf = NULL;
    size_t cap = 0, n = 0, got;
    int rc = 0;

    if (f == NULL)
        return mir_error_set(err, -errno, "%s: %s", path, strerror(errno));
    do {
        buf = mir_grow(buf, &cap, n + 65536, 1);
        got = fread(buf + n, 1, 65536, f);
        n += got;
    } while (got > 0 && n <= MAX_FILE_BYTES);
    if (ferror(f))
        rc = mir_error_set(err, -EIO, "%s: %s", path, strerror(errno));
    else if (n > MAX_FILE_BYTES)
        rc = mir_error_set(err, -EINVAL, "%s:1: too long for a slurm.conf", path);
    fclose(f);
    if (rc != 0) {
        free(buf);
        return rc;
    }
    *text = buf;
    *len = n;
    return 0;
}

static int read_file(struct reader *r, const char *path, struct mir_error *err)
{
    char *text = NULL;
    size_t len = 0;
    int rc = slurp(path, &text, &len, err);

    if (rc != 0)
        return rc;
    rc = mir_conf_text_each(path, text, len, read_line, r, err);
    free(text);
    return rc;
}

static int resolve_partitions(struct reader *r, struct mir_error *err)
{
    for (uint32_t i = 0; i < r->cluster->n_partitions; i++) {
        const struct part_nodes *p = &r->part_nodes[i];
        int rc = mir_conf_nodes_mark(&r->nodes, p->where, p->nodes, UINT64_C(1) << i, err);

        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The cluster from what was read; `name` stands for the file where no line is to blame. */
static int finish(struct reader *r, const char *name, struct mir_error *err)
{
    int rc;

    if (r->cluster->n_partitions == 0)
        return mir_error_set(err, -EINVAL, "%s:1: PartitionName: no partition is given", name);
    rc = mir_conf_nodes_finish(&r->nodes, err);
    if (rc == 0)
        rc = resolve_partitions(r, err);
    if (rc == 0 && mir_conf_sets_make(&r->nodes, r->cluster) != 0)
        rc = mir_error_set(err, -EINVAL,
                           "%s:1: NodeName: nodes are in more than %d combinations of partitions",
                           name, MIR_MAX_NODE_SETS);
    if (rc == 0 && r->cluster->n_node_sets == 0)
        rc =
            mir_error_set(err, -EINVAL, "%s:1: NodeName: no partition has a node in service", name);
    return rc;
}

static struct reader *reader_create(const char *directory)
{
    struct reader *r = MIR_NEW(struct reader);

    r->cluster = MIR_NEW(struct mir_cluster);
    mir_cluster_init(r->cluster, MIR_SCHED_SLURM, 0);
    r->cluster->priority.accounting = false; /* slurmctld's default is accounting_storage/none */
    mir_conf_nodes_init(&r->nodes);
    r->directory = directory;
    r->type_is_backfill = true;
    r->part_default = (struct mir_partition){
        .max_time_s = MIR_UNLIMITED,
        .default_time_s = MIR_UNKNOWN,
        .max_nodes = UINT32_MAX,
        .priority_tier = 1,
        .priority_job_factor = 1,
        .up = true,
    };
    return r;
}

static void reader_destroy(struct reader *r)
{
    for (size_t i = 0; i < MIR_MAX_PARTITIONS; i++) {
        free(r->part_nodes[i].where);
        free(r->part_nodes[i].nodes);
    }
    free(r->part_default_nodes);
    mir_conf_nodes_release(&r->nodes);
    free(r->cluster);
    free(r);
}

int mir_slurm_conf_read(const char *path, struct mir_cluster *out, struct mir_error *err)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL ? mir_strdup(".") : strndup(path, (size_t)(slash - path));
    struct reader *r = reader_create(directory == NULL ? "" : directory);
    int rc = read_file(r, path, err);

    if (rc == 0)
        rc = finish(r, path, err);
    if (rc == 0)
        *out = *r->cluster;
    reader_destroy(r);
    free(directory);
    return rc;
}

int mir_slurm_conf_parse(const char *name,
                         const char *text,
                         size_t len,
                         struct mir_cluster *out,
                         struct mir_error *err)
{
    struct reader *r = reader_create(NULL);
    int rc = mir_conf_text_each(name, text, len, read_line, r, err);

    if (rc == 0)
        rc = finish(r, name, err);
    if (rc == 0)
        *out = *r->cluster;
    reader_destroy(r);
    return rc;
}
