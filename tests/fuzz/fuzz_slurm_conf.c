/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_slurm_conf.c - a slurm.conf of any bytes at all. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/host/job.h"
#include "traces/sim/cluster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

/* What was accepted must be a cluster that can be simulated. */
static void check(const struct mir_cluster *c)
{
    uint64_t sets = c->n_node_sets == 64 ? UINT64_MAX : (UINT64_C(1) << c->n_node_sets) - 1;
    uint32_t n_default = 0;

    require(c->n_node_sets > 0 && c->n_node_sets <= MIR_MAX_NODE_SETS);
    require(c->n_partitions > 0 && c->n_partitions <= MIR_MAX_PARTITIONS);
    require(mir_cluster_nodes(c) > 0);
    for (uint32_t i = 0; i < c->n_node_sets; i++) {
        require(c->node_sets[i].n_nodes > 0);
        require(memchr(c->node_sets[i].name, '\0', sizeof(c->node_sets[i].name)) != NULL);
    }
    for (uint32_t i = 0; i < c->n_partitions; i++) {
        require((c->partitions[i].node_sets & ~sets) == 0);
        require(mir_cluster_find_partition(c, c->partitions[i].name) == i);
        require(c->partitions[i].max_time_s >= 0);
        require(c->partitions[i].default_time_s >= MIR_UNKNOWN);
        n_default += c->partitions[i].is_default;
    }
    require(n_default <= 1);
    require(c->params.bf_interval_s > 0 || !c->params.backfill);
    require(c->params.bf_window_s > 0 && c->params.bf_resolution_s > 0);
    require(c->priority.max_age_s > 0 && c->priority.calc_period_s > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mir_cluster c;
    struct mir_error err = {{0}};

    if (mir_slurm_conf_parse("fuzz", (const char *)data, size, &c, &err) == 0)
        check(&c);
    else
        require(strncmp(err.text, "fuzz:", 5) == 0);
    return 0;
}
