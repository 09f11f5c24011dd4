/* SPDX-License-Identifier: GPL-3.0-or-later */
/* node_sets.c - nodes by the partitions that they are in. */
#include "daemon/broker/node_sets.h"

#include <stdlib.h>

#include "daemon/broker/records.h"
#include "daemon/core/alloc.h"

enum { PARTITIONS_MAX = 64 };

void mir_node_sets_take_nodes(struct mir_node_sets *s, const node_info_msg_t *in)
{
    free(s->in_service);
    s->n_nodes = in->record_count;
    s->in_service = MIR_NEW_ARRAY(bool, s->n_nodes);
    for (size_t i = 0; i < s->n_nodes; i++)
        s->in_service[i] = mir_record_node_in_service(&in->node_array[i]);
}

/* The last place that any partition names, and one. */
static size_t places_of(const partition_info_msg_t *in)
{
    size_t n = 0;

    for (uint32_t p = 0; p < in->record_count; p++) {
        const int32_t *pair = in->partition_array[p].node_inx;

        for (; pair != NULL && pair[0] >= 0; pair += 2)
            if (pair[1] >= pair[0] && (size_t)pair[1] >= n)
                n = (size_t)pair[1] + 1;
    }
    return n;
}

void mir_node_sets_take_partitions(struct mir_node_sets *s, const partition_info_msg_t *in)
{
    free(s->member_of);
    s->n_partitions = in->record_count;
    s->n_members = places_of(in);
    s->member_of = MIR_NEW_ARRAY(uint64_t, s->n_members);
    for (uint32_t p = 0; p < in->record_count && p < PARTITIONS_MAX; p++) {
        const int32_t *pair = in->partition_array[p].node_inx; /* from, to, from, to, -1 */

        for (; pair != NULL && pair[0] >= 0; pair += 2)
            for (int32_t i = pair[0]; i <= pair[1]; i++)
                s->member_of[i] |= UINT64_C(1) << p;
    }
}

/* The set of nodes with those partitions; a new one; or MIR_LIVE_SETS_MAX: no room for it. */
static uint32_t
set_of(uint64_t members, uint64_t found[MIR_LIVE_SETS_MAX], struct mir_live_cluster *cluster)
{
    uint32_t i = 0;

    while (i < cluster->n_sets && found[i] != members)
        i++;
    if (i == cluster->n_sets && i < MIR_LIVE_SETS_MAX) {
        found[i] = members;
        cluster->set_nodes[cluster->n_sets++] = 0;
    }
    return i;
}

static bool count_nodes(const struct mir_node_sets *s,
                        uint64_t found[MIR_LIVE_SETS_MAX],
                        struct mir_live_cluster *cluster)
{
    size_t n = s->n_nodes < s->n_members ? s->n_nodes : s->n_members;

    cluster->n_sets = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t set;

        if (!s->in_service[i] || s->member_of[i] == 0)
            continue;
        set = set_of(s->member_of[i], found, cluster);
        if (set == MIR_LIVE_SETS_MAX)
            return false;
        cluster->set_nodes[set]++;
    }
    return true;
}

void mir_node_sets_number(const struct mir_node_sets *s,
                          struct mir_live_partition *partitions,
                          size_t n_partitions,
                          struct mir_live_cluster *cluster)
{
    uint64_t found[MIR_LIVE_SETS_MAX] = {0};

    if (n_partitions != s->n_partitions || n_partitions > PARTITIONS_MAX ||
        !count_nodes(s, found, cluster))
        cluster->n_sets = 0;
    for (size_t p = 0; p < n_partitions; p++) {
        partitions[p].sets = 0;
        for (uint32_t i = 0; i < cluster->n_sets; i++)
            if ((found[i] >> p & 1) != 0)
                partitions[p].sets |= UINT32_C(1) << i;
    }
}

void mir_node_sets_release(struct mir_node_sets *s)
{
    free(s->in_service);
    free(s->member_of);
    *s = (struct mir_node_sets){0};
}
