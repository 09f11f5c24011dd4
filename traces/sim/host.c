/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * host.c - the simulator as a struct mir_host: what a policy sees of it and what
 * the engine may do to it, exactly as with real Slurm.
 */
#include "daemon/host/host.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "traces/sim/state.h"

static struct mir_sim *sim_of(struct mir_host *host)
{
    return (struct mir_sim *)host; /* its first member */
}

static int64_t host_now(const struct mir_host *host)
{
    return ((const struct mir_sim *)host)->now;
}

static int host_advance(struct mir_host *host, int64_t to, struct mir_error *err)
{
    struct mir_sim *sim = sim_of(host);

    if (to < sim->now)
        return mir_error_set(err, -EINVAL, "cannot advance to the past");
    mir_sim_advance(sim, to);
    return 0;
}

/* ---- what can be seen */

static uint32_t stem_of(const struct mir_sim *sim, const struct mir_job *job)
{
    const uint32_t *stems = sim->options.workload->stem_of;

    return stems == NULL ? job->name : stems[job->name]; /* NULL: planted, names are stems */
}

static struct mir_pending_job see_pending(const struct mir_sim *sim, const struct mir_queued *q)
{
    const struct mir_job *job = mir_sim_job(sim, q->job);

    return (struct mir_pending_job){
        .submit_at = q->submit_at,
        .eligible_at = q->eligible_at,
        .id = job->id,
        .limit_s = q->limit_s,
        .n_nodes = q->n_nodes,
        .user = job->user,
        .name = stem_of(sim, job),
        .priority = mir_priority_of(sim, q),
        .partition = job->partition,
        .account = job->account,
        .qos = job->qos,
        .chained = q->job >= sim->n_jobs,
    };
}

static void observe_pending(struct mir_sim *sim, struct mir_snapshot *out)
{
    size_t n = 0;

    sim->seen_pending = mir_grow(sim->seen_pending, &sim->cap_seen_pending,
                                 sim->n_queue + sim->n_held, sizeof(*sim->seen_pending));
    for (size_t i = 0; i < sim->n_queue; i++)
        sim->seen_pending[n++] = see_pending(sim, &sim->queue[sim->head + i]);
    for (size_t i = 0; i < sim->n_held; i++) {
        const struct mir_job *job = mir_sim_job(sim, sim->held[i].job);
        sim->seen_pending[n++] = (struct mir_pending_job){
            .submit_at = job->submit_at,
            .eligible_at = sim->held[i].at,
            .id = job->id,
            .limit_s = job->limit_s,
            .n_nodes = job->n_nodes,
            .user = job->user,
            .name = stem_of(sim, job),
            .partition = job->partition,
            .account = job->account,
            .qos = job->qos,
        };
    }
    out->pending = sim->seen_pending;
    out->n_pending = n;
}

static int by_sequence(const void *a, const void *b)
{
    const struct mir_slot *x = *(const struct mir_slot *const *)a;
    const struct mir_slot *y = *(const struct mir_slot *const *)b;

    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static void observe_running(struct mir_sim *sim, struct mir_snapshot *out)
{
    const struct mir_slot **order = MIR_NEW_ARRAY(const struct mir_slot *, sim->n_running + 1);
    size_t n = 0;

    for (size_t i = 0; i < sim->n_slots; i++)
        if (sim->slots[i].n_nodes > 0)
            order[n++] = &sim->slots[i];
    qsort(order, n, sizeof(order[0]), by_sequence);
    sim->seen_running =
        mir_grow(sim->seen_running, &sim->cap_seen_running, n, sizeof(*sim->seen_running));
    for (size_t i = 0; i < n; i++) {
        const struct mir_job *job = mir_sim_job(sim, order[i]->job);
        sim->seen_running[i] = (struct mir_running_job){
            .submit_at = order[i]->submit_at,
            .start_at = order[i]->start_at,
            .planned_end_at = order[i]->planned_end_at,
            .id = job->id,
            .n_nodes = order[i]->n_nodes,
            .user = job->user,
            .name = stem_of(sim, job),
            .partition = job->partition,
            .account = job->account,
            .qos = job->qos,
            .chained = order[i]->job >= sim->n_jobs,
        };
    }
    free(order);
    out->running = sim->seen_running;
    out->n_running = n;
}

static int
host_observe(struct mir_host *host, unsigned parts, struct mir_snapshot *out, struct mir_error *err)
{
    struct mir_sim *sim = sim_of(host);
    int64_t free = 0, in_service = 0;

    if ((parts & MIR_SNAPSHOT_SUMMARY) != 0 && !sim->options.keep_summary)
        return mir_error_set(err, -ENOTSUP, "this simulator keeps no summary");
    if ((parts & MIR_SNAPSHOT_HISTORY) != 0 && !sim->options.keep_history)
        return mir_error_set(err, -ENOTSUP, "this simulator keeps no history");
    *out = (struct mir_snapshot){.now = sim->now};
    for (uint32_t s = 0; s < sim->n_sets; s++) {
        in_service += sim->in_service[s];
        free += sim->free[s] > 0 ? sim->free[s] : 0;
    }
    out->n_nodes = (uint32_t)in_service;
    out->n_nodes_free = (uint32_t)free;
    if ((parts & MIR_SNAPSHOT_SUMMARY) != 0)
        mir_summary_get(&sim->summary, sim->now, &out->pending_sum, &out->running_sum);
    if ((parts & MIR_SNAPSHOT_JOBS) != 0) {
        observe_pending(sim, out);
        observe_running(sim, out);
    }
    if ((parts & MIR_SNAPSHOT_HISTORY) != 0)
        out->history = (struct mir_history){sim->history_old, sim->n_history_old, sim->history,
                                            sim->n_history};
    return 0;
}

/* ---- what can be done */

static int host_submit(struct mir_host *host,
                       const struct mir_request *request,
                       struct mir_job_ref *out,
                       struct mir_error *err)
{
    struct mir_sim *sim = sim_of(host);
    uint64_t serial;
    int rc = mir_sim_submit(sim, request, &serial, err);

    if (rc == 0)
        *out = (struct mir_job_ref){sim->added[serial - sim->n_jobs].id, serial};
    return rc;
}

static bool known(const struct mir_sim *sim, struct mir_job_ref job)
{
    return job.serial >= sim->n_jobs && job.serial - sim->n_jobs < sim->n_added;
}

static int host_cancel(struct mir_host *host, struct mir_job_ref job, struct mir_error *err)
{
    struct mir_sim *sim = sim_of(host);

    if (!known(sim, job) || !mir_sim_cancel_job(sim, (uint32_t)job.serial))
        return mir_error_set(err, -ESRCH, "no job %u is pending or running", job.id);
    sim->sched->pass(sim);
    return 0;
}

static int host_status(struct mir_host *host,
                       struct mir_job_ref job,
                       struct mir_job_status *out,
                       struct mir_error *err)
{
    const struct mir_sim *sim = sim_of(host);

    if (!known(sim, job))
        return mir_error_set(err, -ESRCH, "no job %u was submitted here", job.id);
    size_t k = (size_t)(job.serial - sim->n_jobs);
    *out = (struct mir_job_status){
        .state = MIR_STATE_PENDING,
        .submit_at = sim->added[k].submit_at,
        .start_at = sim->added_start[k],
        .end_at = sim->added_end[k],
    };
    if (out->start_at == INT64_MIN)
        return 0;
    bool running = false;
    for (size_t i = 0; i < sim->n_slots; i++)
        running = running || (sim->slots[i].n_nodes > 0 && sim->slots[i].job == job.serial);
    out->state = running ? MIR_STATE_RUNNING : MIR_STATE_COMPLETED;
    return 0;
}

static int host_probe(struct mir_host *host,
                      const struct mir_request *request,
                      int64_t *start_at,
                      struct mir_error *err)
{
    struct mir_sim *sim = sim_of(host);

    if (sim->scratch == NULL)
        sim->scratch = mir_sim_fork(sim);
    *start_at = mir_sim_probe(sim, sim->scratch, request, INT64_MAX);
    return *start_at == INT64_MAX ? mir_error_set(err, -E2BIG, "the job would never start") : 0;
}

static int host_fork(struct mir_host *host, struct mir_host **out, struct mir_error *err)
{
    (void)err;
    *out = mir_sim_host(mir_sim_fork(sim_of(host)));
    return 0;
}

static void host_destroy(struct mir_host *host)
{
    mir_sim_destroy(host == NULL ? NULL : sim_of(host));
}

const struct mir_host_ops mir_sim_host_ops = {
    .name = "simulator",
    .now = host_now,
    .advance = host_advance,
    .observe = host_observe,
    .submit = host_submit,
    .cancel = host_cancel,
    .status = host_status,
    .probe = host_probe,
    .fork = host_fork,
    .destroy = host_destroy,
};
