/*
 * node_sets.h - which partitions share nodes: nodes that are in the same partitions
 * are a set.  slurmctld tells partitions and nodes apart and at different times; what
 * it told last of each is kept.  One thread.
 */
#ifndef MIR_BROKER_NODE_SETS_H
#define MIR_BROKER_NODE_SETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/compat.h"
#include "daemon/host/live.h"

/* By place in slurmctld's table of nodes.  Start from {0}. */
struct mir_node_sets {
    bool *in_service;
    size_t n_nodes;
    uint64_t *member_of; /* bit p: it is in partition p */
    size_t n_members;
    uint32_t n_partitions;
};

void mir_node_sets_take_nodes(struct mir_node_sets *s, const node_info_msg_t *in);
void mir_node_sets_take_partitions(struct mir_node_sets *s, const partition_info_msg_t *in);

/*
 * Number the sets that have nodes in service, into `cluster` and the `sets` of its
 * partitions, which are in the order of the message above.  With more than 64
 * partitions, or more sets than MIR_LIVE_SETS_MAX, there are none.
 */
void mir_node_sets_number(const struct mir_node_sets *s,
                          struct mir_live_partition *partitions,
                          size_t n_partitions,
                          struct mir_live_cluster *cluster);

void mir_node_sets_release(struct mir_node_sets *s);

#endif
