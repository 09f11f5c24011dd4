/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cluster_model.c - slurmctld's words, one by one, into a struct mir_cluster. */
#include "daemon/engine/cluster_model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/host/job.h"

_Static_assert((int)MIR_LIVE_SETS_MAX <= (int)MIR_MAX_NODE_SETS, "each set has a place");

/* ---- settings */

static void set_parameter(struct mir_cluster *out, const char *text, size_t len)
{
    char one[sizeof(((struct mir_live_cluster *)0)->scheduler_parameters)];

    if (len >= sizeof(one))
        return;
    memcpy(one, text, len);
    one[len] = '\0';
    (void)mir_cluster_set(out, "SchedulerParameters", one, NULL);
}

/*
 * From the last to the first, of which the first of a name counts, as in slurmctld,
 * which goes on with the default where it cannot read one.
 */
static void read_parameters(const struct mir_live_cluster *live, struct mir_cluster *out)
{
    const char *list = live->scheduler_parameters;
    size_t end = strlen(list);
    const char *comma = memrchr(list, ',', end);

    if (end == sizeof(live->scheduler_parameters) - 1) /* the broker has cut it */
        end = comma != NULL ? (size_t)(comma - list) : 0;
    for (;;) {
        size_t begin;

        comma = memrchr(list, ',', end);
        begin = comma != NULL ? (size_t)(comma - list) + 1 : 0;
        set_parameter(out, list + begin, end - begin);
        if (comma == NULL)
            return;
        end = begin - 1;
    }
}

static uint32_t sum_of(uint32_t a, uint32_t b)
{
    return a < UINT32_MAX - b ? a + b : UINT32_MAX;
}

/*
 * Priorities of QOS are slurmdbd's, and nobody asks it.  A seed finds the fair share of
 * an association in what its waiting jobs have: with this weight, the QOS' part as well.
 */
static void read_priority(const struct mir_live_cluster *live, struct mir_cluster *out)
{
    struct mir_priority *p = &out->priority;

    (void)mir_cluster_set(out, "PriorityFlags", live->priority_flags, NULL);
    p->accounting = live->accounting;
    p->weight_age = live->weight_age;
    p->weight_fairshare = sum_of(live->weight_fair_share, live->weight_qos);
    p->weight_job_size = live->weight_job_size;
    p->weight_partition = live->weight_partition;
    p->favor_small = live->favor_small;
    p->accrue_always |= live->accrue_always;
    if (live->max_age_s > 0)
        p->max_age_s = live->max_age_s;
    if (live->calc_period_s > 0)
        p->calc_period_s = live->calc_period_s;
}

/* ---- is it one that the simulator can play? */

/* "sched/backfill" and the like, or what else it says. */
static int
read_type(const char *key, const char *type, struct mir_cluster *out, struct mir_error *err)
{
    if (type[0] == '\0')
        return mir_error_set(err, -ENOTSUP, "%s not told", key);
    if (mir_cluster_set(out, key, type, NULL) != 0)
        return mir_error_set(err, -ENOTSUP, "%s", type);
    return 0;
}

static int
read_settings(const struct mir_live_cluster *live, struct mir_cluster *out, struct mir_error *err)
{
    int rc = read_type("SchedulerType", live->scheduler, out, err);

    if (rc == 0)
        rc = read_type("PriorityType", live->priority_type, out, err);
    snprintf(out->name, sizeof(out->name), "%s", live->name);
    read_parameters(live, out);
    read_priority(live, out);
    if (rc == 0 && live->federated)
        rc = mir_error_set(err, -ENOTSUP, "federated");
    return rc;
}

/* ---- nodes and partitions */

static uint16_t short_of(uint32_t n)
{
    return (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
}

static struct mir_partition partition_of(const struct mir_live_partition *p)
{
    struct mir_partition out = {
        .node_sets = p->sets,
        .max_time_s = p->limit_max_s,
        .default_time_s = MIR_UNKNOWN,
        .max_nodes = p->up ? UINT32_MAX : 0, /* its running jobs go on */
        .min_nodes = 0,
        .priority_tier = short_of(p->tier),
        .priority_job_factor = short_of(p->job_factor),
        .up = p->up,
    };

    snprintf(out.name, sizeof(out.name), "%s", p->name);
    return out;
}

static void add_set(struct mir_cluster *out, uint32_t n_nodes)
{
    struct mir_node_set *set = &out->node_sets[out->n_node_sets++];

    *set = (struct mir_node_set){.n_nodes = n_nodes, .weight = 1};
    snprintf(set->name, sizeof(set->name), "set %u", (unsigned)out->n_node_sets);
}

static uint32_t nodes_in_service(const struct mir_live_cluster *live)
{
    return live->n_nodes > live->n_nodes_down ? live->n_nodes - live->n_nodes_down : 0;
}

static int check_machine(const struct mir_live_cluster *live, struct mir_error *err)
{
    if (live->n_partitions == 0)
        return mir_error_set(err, -ENOTSUP, "partitions not told");
    if (live->n_partitions > MIR_MAX_PARTITIONS)
        return mir_error_set(err, -ENOTSUP, "over %d partitions", MIR_MAX_PARTITIONS);
    if (nodes_in_service(live) == 0)
        return mir_error_set(err, -ENOTSUP, "no node in service");
    if (live->n_sets == 0 && live->n_partitions > 1)
        return mir_error_set(err, -ENOTSUP, "shared nodes not told");
    return 0;
}

/* One partition has all nodes, whoever counts them. */
static void read_machine(const struct mir_live_cluster *live, struct mir_cluster *out)
{
    for (uint32_t i = 0; i < live->n_sets; i++)
        add_set(out, live->set_nodes[i]);
    if (live->n_sets == 0)
        add_set(out, nodes_in_service(live));
    for (size_t i = 0; i < live->n_partitions; i++)
        out->partitions[out->n_partitions++] = partition_of(&live->partitions[i]);
    if (live->n_sets == 0)
        out->partitions[0].node_sets = 1;
    out->partitions[0].is_default = true; /* nobody asks: jobs name theirs */
}

int mir_cluster_model(const struct mir_live_cluster *live,
                      struct mir_cluster *out,
                      struct mir_error *err)
{
    int rc;

    mir_cluster_init(out, MIR_SCHED_SLURM, 0);
    rc = read_settings(live, out, err);
    if (rc == 0)
        rc = check_machine(live, err);
    if (rc == 0)
        read_machine(live, out);
    return rc;
}
