/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * held.c - jobs that are in the system but not in the queue: begin times,
 * dependencies, array throttles; and jobs that the log cancels.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "traces/sim/state.h"

static const struct mir_job_extra *extra_of(const struct mir_sim *sim, uint32_t number)
{
    if (number >= sim->n_jobs)
        return NULL;
    const struct mir_job *job = &sim->jobs[number];
    return job->extra == 0 ? NULL : mir_joblog_get_extra(sim->options.workload->log, job);
}

/* ---- what became of a job, by looking for it */

enum stage { STAGE_AHEAD, STAGE_WAITING, STAGE_RUNNING, STAGE_DONE };

static const struct mir_slot *running_slot(const struct mir_sim *sim, uint32_t number)
{
    for (size_t i = 0; i < sim->n_slots; i++)
        if (sim->slots[i].n_nodes > 0 && sim->slots[i].job == number)
            return &sim->slots[i];
    return NULL;
}

static enum stage stage_of(const struct mir_sim *sim, uint32_t number)
{
    if (number < sim->n_jobs && number >= sim->next_arrival)
        return STAGE_AHEAD;
    for (size_t i = 0; i < sim->n_queue; i++)
        if (sim->queue[sim->head + i].job == number)
            return STAGE_WAITING;
    for (size_t i = 0; i < sim->n_held; i++)
        if (sim->held[i].job == number)
            return STAGE_WAITING;
    return running_slot(sim, number) != NULL ? STAGE_RUNNING : STAGE_DONE;
}

/* ---- dependencies: "afterok:12:13,singleton"; ',' all of them, '?' any of them */

static int by_id(const void *a, const void *b, void *jobs)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    const struct mir_job *all = jobs;

    if (all[x].id != all[y].id)
        return all[x].id < all[y].id ? -1 : 1;
    return (x > y) - (x < y);
}

void mir_sim_index_ids(struct mir_sim *sim)
{
    bool any = false;

    for (size_t i = 1; i < sim->options.workload->log->n_extras; i++)
        any = any || sim->options.workload->log->extras[i].dependency != 0;
    if (!any)
        return;
    sim->by_id = MIR_NEW_ARRAY(uint32_t, sim->n_jobs);
    sim->owns_by_id = true;
    sim->n_by_id = sim->n_jobs;
    for (size_t i = 0; i < sim->n_jobs; i++)
        sim->by_id[i] = (uint32_t)i;
    qsort_r(sim->by_id, sim->n_by_id, sizeof(*sim->by_id), by_id, (void *)sim->jobs);
}

static size_t find_id(const struct mir_sim *sim, uint32_t id)
{
    size_t low = 0, high = sim->n_by_id;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sim->jobs[sim->by_id[middle]].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum verdict { VERDICT_WAIT, VERDICT_GO, VERDICT_NEVER };

static bool ended_well(const struct mir_job *job)
{
    return job->state == MIR_STATE_COMPLETED || job->state == MIR_STATE_UNKNOWN;
}

static enum verdict after_one(const struct mir_sim *sim, const char *type, uint32_t number)
{
    enum stage stage = stage_of(sim, number);

    if (stage == STAGE_AHEAD)
        return VERDICT_GO; /* slurmctld would not know it: nothing to wait for */
    if (strcmp(type, "after") == 0)
        return stage == STAGE_WAITING ? VERDICT_WAIT : VERDICT_GO;
    if (stage != STAGE_DONE)
        return VERDICT_WAIT;
    if (strcmp(type, "afterok") == 0)
        return ended_well(&sim->jobs[number]) ? VERDICT_GO : VERDICT_NEVER;
    if (strcmp(type, "afternotok") == 0)
        return ended_well(&sim->jobs[number]) ? VERDICT_NEVER : VERDICT_GO;
    return VERDICT_GO; /* afterany, and what newer Slurms add */
}

/* All tasks of an array count; ids that are not in the workload are satisfied. */
static enum verdict after_id(const struct mir_sim *sim, const char *type, uint32_t id)
{
    enum verdict all = VERDICT_GO;

    for (size_t i = find_id(sim, id); i < sim->n_by_id && sim->jobs[sim->by_id[i]].id == id; i++) {
        enum verdict v = after_one(sim, type, sim->by_id[i]);
        if (v == VERDICT_NEVER)
            return v;
        if (v == VERDICT_WAIT)
            all = v;
    }
    return all;
}

/* No job of the same name and user that came earlier is left. */
static enum verdict singleton(const struct mir_sim *sim, uint32_t number)
{
    const struct mir_job *job = &sim->jobs[number];

    for (uint32_t i = 0; i < number; i++) {
        const struct mir_job *other = &sim->jobs[i];
        if (other->name == job->name && other->user == job->user &&
            stage_of(sim, i) != STAGE_DONE && stage_of(sim, i) != STAGE_AHEAD)
            return VERDICT_WAIT;
    }
    return VERDICT_GO;
}

/* One "type:id:id" of the list; `text` is changed. */
static enum verdict one_dependency(const struct mir_sim *sim, uint32_t number, char *text)
{
    char *rest = strchr(text, ':');
    enum verdict all = VERDICT_GO;

    if (strcmp(text, "singleton") == 0)
        return singleton(sim, number);
    if (rest == NULL)
        return VERDICT_GO;
    *rest++ = '\0';
    while (rest != NULL && *rest != '\0') {
        char *id = rest;
        int64_t value;
        rest = strchr(id, ':');
        if (rest != NULL)
            *rest++ = '\0';
        if (mir_parse_i64(id, strcspn(id, "_+("), &value) < 0 || value < 0 || value > UINT32_MAX)
            continue;
        enum verdict v = after_id(sim, text, (uint32_t)value);
        if (v == VERDICT_NEVER)
            return v;
        all = v == VERDICT_WAIT ? v : all;
    }
    return all;
}

static enum verdict dependencies(const struct mir_sim *sim, uint32_t number, const char *list)
{
    bool any = strchr(list, '?') != NULL;
    enum verdict result = any ? VERDICT_NEVER : VERDICT_GO;

    while (*list != '\0') {
        char one[256];
        size_t len = strcspn(list, ",?");
        if (len < sizeof(one)) {
            memcpy(one, list, len);
            one[len] = '\0';
            enum verdict v = one_dependency(sim, number, one);
            if (any ? v == VERDICT_GO : v == VERDICT_NEVER)
                return v;
            if (v == VERDICT_WAIT)
                result = v;
        }
        list += len;
        list += *list != '\0';
    }
    return result;
}

/* ---- array throttles */

static bool throttled(const struct mir_sim *sim, uint32_t number, int32_t throttle)
{
    const struct mir_job *job = &sim->jobs[number];
    int32_t n = 0;

    for (size_t i = 0; i < sim->n_slots; i++)
        if (sim->slots[i].n_nodes > 0 && sim->slots[i].job < sim->n_jobs &&
            sim->jobs[sim->slots[i].job].id == job->id &&
            sim->jobs[sim->slots[i].job].array_task != MIR_UNKNOWN)
            n++;
    for (size_t i = 0; i < sim->n_queue; i++) {
        uint32_t other = sim->queue[sim->head + i].job;
        if (other < sim->n_jobs && sim->jobs[other].id == job->id &&
            sim->jobs[other].array_task != MIR_UNKNOWN)
            n++;
    }
    return n >= throttle;
}

static enum verdict verdict_on(const struct mir_sim *sim, uint32_t number)
{
    const struct mir_job_extra *extra = extra_of(sim, number);

    if (extra == NULL)
        return VERDICT_GO;
    if (extra->dependency != 0) {
        enum verdict v = dependencies(
            sim, number, mir_names_get(&sim->options.workload->log->names, extra->dependency));
        if (v != VERDICT_GO)
            return v;
    }
    if (extra->array_throttle > 0 && throttled(sim, number, extra->array_throttle))
        return VERDICT_WAIT;
    return VERDICT_GO;
}

/* ---- in and out */

bool mir_sim_must_hold(const struct mir_sim *sim, uint32_t number, int64_t *until)
{
    const struct mir_job *job = mir_sim_job(sim, number);

    if (job->eligible_s > 0) {
        *until = job->submit_at + job->eligible_s;
        if (*until > sim->now)
            return true;
    }
    *until = INT64_MAX;
    return verdict_on(sim, number) != VERDICT_GO;
}

int64_t mir_sim_next_held(const struct mir_sim *sim)
{
    int64_t t = INT64_MAX;

    for (size_t i = 0; i < sim->n_held; i++)
        if (sim->held[i].at < t)
            t = sim->held[i].at;
    return t;
}

static void unsummarise(struct mir_sim *sim, uint32_t number)
{
    const struct mir_job *job = mir_sim_job(sim, number);

    if (sim->options.keep_summary)
        mir_summary_remove_pending(&sim->summary, job->limit_s, job->submit_at, job->n_nodes);
}

void mir_sim_process_held(struct mir_sim *sim, bool something_ended)
{
    size_t to = 0;

    for (size_t i = 0; i < sim->n_held; i++) {
        struct mir_later h = sim->held[i];
        bool due = h.at <= sim->now;
        enum verdict v = VERDICT_WAIT;
        if (due || (something_ended && h.at == INT64_MAX))
            v = verdict_on(sim, h.job);
        if (v == VERDICT_WAIT) {
            if (due)
                h.at = INT64_MAX;
            sim->held[to++] = h;
            continue;
        }
        unsummarise(sim, h.job);
        if (v == VERDICT_NEVER)
            continue; /* DependencyNeverSatisfied: it would stay for ever */
        bool accrues = sim->options.cluster->priority.accrue_always;
        mir_sim_enqueue(sim, h.job, accrues ? mir_sim_job(sim, h.job)->submit_at : sim->now);
    }
    sim->n_held = to;
}

void mir_sim_note_cancel(struct mir_sim *sim, uint32_t number)
{
    const struct mir_job_extra *extra = extra_of(sim, number);

    if (extra == NULL || extra->cancelled_s < 0)
        return;
    sim->cancels =
        mir_grow(sim->cancels, &sim->cap_cancels, sim->n_cancels + 1, sizeof(*sim->cancels));
    int64_t at = sim->jobs[number].submit_at + extra->cancelled_s;
    size_t i = sim->n_cancels++;
    for (; i > 0 && sim->cancels[i - 1].at > at; i--)
        sim->cancels[i] = sim->cancels[i - 1];
    sim->cancels[i] = (struct mir_later){at, number};
}

/* Ends a running job at once; the heap keeps its order by being made anew. */
static void end_now(struct mir_sim *sim, uint32_t slot)
{
    size_t i = 0;

    while (sim->ends[i].slot != slot)
        i++;
    memmove(sim->ends + i, sim->ends + i + 1, (sim->n_ends - i - 1) * sizeof(*sim->ends));
    sim->n_ends--;
    mir_sim_rebuild_ends(sim);
    mir_sim_finish(sim, slot);
}

bool mir_sim_cancel_job(struct mir_sim *sim, uint32_t number)
{
    for (size_t i = sim->head; i < sim->head + sim->n_queue; i++) {
        if (sim->queue[i].job != number)
            continue;
        unsummarise(sim, number);
        mir_sim_dequeue(sim, i);
        mir_sim_disturb(sim, false);
        return true;
    }
    for (size_t i = 0; i < sim->n_held; i++) {
        if (sim->held[i].job != number)
            continue;
        unsummarise(sim, number);
        memmove(sim->held + i, sim->held + i + 1, (sim->n_held - i - 1) * sizeof(*sim->held));
        sim->n_held--;
        return true;
    }
    const struct mir_slot *r = running_slot(sim, number);
    if (r == NULL)
        return false;
    end_now(sim, (uint32_t)(r - sim->slots));
    return true;
}

void mir_sim_process_cancels(struct mir_sim *sim)
{
    while (sim->n_cancels > 0 && sim->cancels[0].at <= sim->now) {
        uint32_t number = sim->cancels[0].job;
        sim->n_cancels--;
        memmove(sim->cancels, sim->cancels + 1, sim->n_cancels * sizeof(*sim->cancels));
        mir_sim_cancel_job(sim, number);
    }
}
