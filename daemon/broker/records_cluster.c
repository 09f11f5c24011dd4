/* SPDX-License-Identifier: GPL-3.0-or-later */
/* records_cluster.c - configuration, nodes, partitions, reservations from Slurm's structs. */
#include "daemon/broker/records.h"

#include <stdio.h>
#include <string.h>

#include "daemon/host/job.h"

#define COPY(to, from) copy_text((to), sizeof(to), (from))

/* Cut at the end of `to`: these are shown and compared, never handed back to Slurm. */
static void copy_text(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", from == NULL ? "" : from);
}

static const struct {
    uint32_t bit;
    const char *name;
} priority_flags[] = {
    {PRIORITY_FLAGS_ACCRUE_ALWAYS, "ACCRUE_ALWAYS"},
    {PRIORITY_FLAGS_MAX_TRES, "MAX_TRES"},
    {PRIORITY_FLAGS_SIZE_RELATIVE, "SMALL_RELATIVE_TO_TIME"},
    {PRIORITY_FLAGS_DEPTH_OBLIVIOUS, "DEPTH_OBLIVIOUS"},
    {PRIORITY_FLAGS_CALCULATE_RUNNING, "CALCULATE_RUNNING"},
    {PRIORITY_FLAGS_INCR_ONLY, "INCR_ONLY"},
    {PRIORITY_FLAGS_NO_NORMAL_ASSOC, "NO_NORMAL_ASSOC"},
    {PRIORITY_FLAGS_NO_NORMAL_PART, "NO_NORMAL_PART"},
    {PRIORITY_FLAGS_NO_NORMAL_QOS, "NO_NORMAL_QOS"},
    {PRIORITY_FLAGS_NO_NORMAL_TRES, "NO_NORMAL_TRES"},
};

static void name_priority_flags(uint32_t flags, char *to, size_t cap)
{
    size_t len = 0;

    to[0] = '\0';
    /* FAIR_TREE has been the default since 19.05; slurm.conf names its absence. */
    if ((flags & PRIORITY_FLAGS_FAIR_TREE) == 0)
        len = (size_t)snprintf(to, cap, "NO_FAIR_TREE");
    for (size_t i = 0; i < sizeof priority_flags / sizeof priority_flags[0]; i++) {
        if ((flags & priority_flags[i].bit) == 0 || len >= cap)
            continue;
        len += (size_t)snprintf(to + len, cap - len, "%s%s", len == 0 ? "" : ",",
                                priority_flags[i].name);
    }
}

/* NO_VAL and what no int32_t holds is 0: not told. */
static int32_t seconds(uint32_t s)
{
    return s > INT32_MAX ? 0 : (int32_t)s;
}

void mir_record_conf_read(const slurm_conf_t *in, struct mir_live_cluster *out)
{
    const char *accounting = in->accounting_storage_type;
    bool multifactor = in->priority_type != NULL && strstr(in->priority_type, "multifactor");

    COPY(out->name, in->cluster_name);
    COPY(out->slurm_version, in->version);
    out->message_timeout_s = in->msg_timeout;
    out->min_job_age_s = in->min_job_age > INT32_MAX ? INT32_MAX : (int32_t)in->min_job_age;
    out->accounting = accounting != NULL && strstr(accounting, "slurmdbd") != NULL;
    out->stores_comment = (in->conf_flags & MIR_CONF_STORES_COMMENT) != 0;
    out->stores_environment = (in->conf_flags & MIR_CONF_STORES_ENVIRONMENT) != 0;
    out->stores_script = (in->conf_flags & MIR_CONF_STORES_SCRIPT) != 0;
    out->accrue_always = (in->priority_flags & PRIORITY_FLAGS_ACCRUE_ALWAYS) != 0;
    COPY(out->scheduler, in->schedtype);
    COPY(out->priority_type, in->priority_type);
    COPY(out->scheduler_parameters, in->sched_params);
    out->priority_flags[0] = '\0';
    if (multifactor)
        name_priority_flags(in->priority_flags, out->priority_flags, sizeof out->priority_flags);
    out->weight_age = in->priority_weight_age;
    out->weight_fair_share = in->priority_weight_fs;
    out->weight_job_size = in->priority_weight_js;
    out->weight_partition = in->priority_weight_part;
    out->weight_qos = in->priority_weight_qos;
    out->max_age_s = seconds(in->priority_max_age);
    out->calc_period_s = seconds(in->priority_calc_period);
    out->favor_small = in->priority_favor_small != 0;
}

static bool node_is_down(uint32_t state)
{
    const uint32_t unusable = NODE_STATE_DRAIN | NODE_STATE_FAIL | NODE_STATE_INVALID_REG;
    uint32_t base = state & NODE_STATE_BASE;

    return base == NODE_STATE_UNKNOWN || base == NODE_STATE_DOWN || base == NODE_STATE_ERROR ||
           (state & unusable) != 0;
}

static bool node_is_idle(uint32_t state)
{
    /* A reserved one is idle for those alone who may use it. */
    const uint32_t busy = NODE_STATE_COMPLETING | NODE_STATE_NO_RESPOND | NODE_STATE_MAINT |
                          NODE_STATE_RES | NODE_STATE_REBOOT_ISSUED | NODE_STATE_POWERING_DOWN;

    return (state & NODE_STATE_BASE) == NODE_STATE_IDLE && (state & busy) == 0;
}

/* Without a name: a place in slurmctld's table that no node has. */
static bool node_is_there(const node_info_t *node)
{
    return node->name != NULL && (node->node_state & NODE_STATE_BASE) != NODE_STATE_FUTURE;
}

bool mir_record_node_in_service(const node_info_t *node)
{
    return node_is_there(node) && !node_is_down(node->node_state);
}

void mir_record_nodes_read(const node_info_msg_t *in, struct mir_live_cluster *out)
{
    out->n_nodes = out->n_nodes_idle = out->n_nodes_down = 0;
    for (uint32_t i = 0; i < in->record_count; i++) {
        const node_info_t *node = &in->node_array[i];

        if (!node_is_there(node))
            continue;
        out->n_nodes++;
        if (node_is_down(node->node_state))
            out->n_nodes_down++;
        else if (node_is_idle(node->node_state))
            out->n_nodes_idle++;
    }
}

void mir_record_partition_read(const partition_info_t *in, struct mir_live_partition *out)
{
    *out = (struct mir_live_partition){0};
    COPY(out->name, in->name);
    out->n_nodes = in->total_nodes;
    out->n_cpus = in->total_cpus;
    out->limit_max_s = mir_record_limit_s(in->max_time);
    out->up = in->state_up == PARTITION_UP;
    out->tier = in->priority_tier;
    out->job_factor = in->priority_job_factor;
}

void mir_record_reservation_read(const reserve_info_t *in, struct mir_live_reservation *out)
{
    *out = (struct mir_live_reservation){0};
    COPY(out->name, in->name);
    out->start_at = in->start_time;
    out->end_at = in->end_time;
    out->n_nodes = in->node_cnt == NO_VAL ? 0 : in->node_cnt;
    out->maintenance = (in->flags & RESERVE_FLAG_MAINT) != 0;
}
