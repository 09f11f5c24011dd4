/*
 * conf_sets.h - nodes of a slurm.conf put together into the cluster's node sets:
 * those that are in the same partitions and are the same hardware.
 * Private to the reader of slurm.conf.
 */
#ifndef MIR_SIM_CONF_SETS_H
#define MIR_SIM_CONF_SETS_H

#include "traces/sim/cluster.h"
#include "traces/sim/conf_nodes.h"

/*
 * Fill cluster->node_sets and the partitions' node_sets from the nodes in
 * service, whose `partitions` are known.  Returns 0, or -E2BIG when even without
 * looking at the hardware they make more than MIR_MAX_NODE_SETS sets.
 */
int mir_conf_sets_make(const struct mir_conf_nodes *nodes, struct mir_cluster *cluster);

#endif
