/*
 * cluster_model.h - the live cluster as the simulator knows one (traces/sim/cluster.h).
 * Pure; any thread.
 *
 * What slurmctld does not tell is assumed: nodes of a set are alike, of any weight;
 * what QOS add to priorities is taken for fair share (traces/sim/seed.h); a partition
 * that is down runs what it runs and starts nothing.
 */
#ifndef MIR_ENGINE_CLUSTER_MODEL_H
#define MIR_ENGINE_CLUSTER_MODEL_H

#include "daemon/core/error.h"
#include "daemon/host/live.h"
#include "traces/sim/cluster.h"

/*
 * Returns 0, or -ENOTSUP with the reason in a few words ("federated"): `*out` then has
 * the settings and neither nodes nor partitions.
 */
int mir_cluster_model(const struct mir_live_cluster *live,
                      struct mir_cluster *out,
                      struct mir_error *err);

#endif
