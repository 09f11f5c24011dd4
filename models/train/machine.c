/* SPDX-License-Identifier: GPL-3.0-or-later */
/* machine.c - see machine.h. */
#include "models/train/machine.h"

#include <math.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"

static uint32_t scaled(uint32_t n_nodes, double scale)
{
    double n = round((double)n_nodes * scale);

    if (n_nodes == 0)
        return 0;
    return n < 1 ? 1 : n > 1 << 24 ? 1 << 24 : (uint32_t)n;
}

static uint32_t largest_of(const struct mir_machine *m, uint16_t partition)
{
    uint32_t number = m->workload.partition_of[partition];
    uint32_t n = mir_cluster_partition_nodes(&m->cluster, number);
    uint32_t allowed = m->cluster.partitions[number].max_nodes;

    return n < allowed ? n : allowed;
}

static void scale_capacity(struct mir_machine *m, const struct mir_capacity *from, double scale)
{
    m->has_capacity = true;
    m->capacity.n_steps = from->n_steps;
    m->capacity.steps = MIR_NEW_ARRAY(struct mir_capacity_step, from->n_steps);
    for (size_t i = 0; i < from->n_steps; i++) {
        m->capacity.steps[i] = from->steps[i];
        m->capacity.steps[i].n_nodes = scaled(from->steps[i].n_nodes, scale);
    }
}

static void pick_jobs(struct mir_machine *m, const struct mir_workload *from)
{
    m->jobs = MIR_NEW_ARRAY(struct mir_job, from->n_jobs);
    m->workload.jobs = m->jobs;
    m->workload.n_jobs = 0;
    m->workload.max_nodes = 0;
    for (size_t i = 0; i < from->n_jobs; i++) {
        const struct mir_job *job = &from->jobs[i];

        if (job->n_nodes > largest_of(m, job->partition))
            continue;
        m->jobs[m->workload.n_jobs++] = *job;
        if (job->n_nodes > m->workload.max_nodes)
            m->workload.max_nodes = job->n_nodes;
    }
}

void mir_machine_init(struct mir_machine *m, const struct mir_scene *scene, double scale)
{
    const struct mir_capacity *capacity = mir_scene_capacity(scene);

    *m = (struct mir_machine){.cluster = scene->cluster, .workload = scene->workload};
    for (uint32_t i = 0; i < m->cluster.n_node_sets; i++)
        m->cluster.node_sets[i].n_nodes = scaled(m->cluster.node_sets[i].n_nodes, scale);
    if (capacity != NULL)
        scale_capacity(m, capacity, scale);
    pick_jobs(m, &scene->workload);
}

void mir_machine_release(struct mir_machine *m)
{
    free(m->jobs);
    mir_capacity_release(&m->capacity);
    *m = (struct mir_machine){0};
}

void mir_machine_options(const struct mir_machine *m, struct mir_sim_options *out)
{
    mir_sim_options_init(out);
    out->cluster = &m->cluster;
    out->workload = &m->workload;
    out->capacity = m->has_capacity ? &m->capacity : NULL;
}

uint32_t mir_machine_largest(const struct mir_machine *m, const struct mir_request *request)
{
    return largest_of(m, request->partition);
}
