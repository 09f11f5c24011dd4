/* SPDX-License-Identifier: GPL-3.0-or-later */
/* live.c - which job is meant, and the names of states and outcomes. */
#include "daemon/host/live.h"

#include <string.h>

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

const struct mir_live_job *mir_live_jobs_find(const struct mir_live_jobs *list, uint32_t id)
{
    size_t low = 0, high = list->n_jobs;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (list->jobs[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->n_jobs && list->jobs[low].id == id ? &list->jobs[low] : NULL;
}

/* A requeue renews the submit time. */
static bool same_submit(const struct mir_live_job *job,
                        const struct mir_job_identity *who,
                        uint32_t restarts_seen)
{
    return job->submit_at == who->submit_at || job->restarts > restarts_seen;
}

bool mir_job_is(const struct mir_live_job *job,
                const struct mir_job_identity *who,
                uint32_t restarts_seen)
{
    struct mir_tag tag;

    if (job->uid != who->uid || (who->id != 0 && job->id != who->id))
        return false;
    if (who->token[0] == '\0')
        return who->id != 0 && who->submit_at != 0 && same_submit(job, who, restarts_seen);
    if (!mir_comment_tag(job->comment, &tag) || strcmp(tag.token, who->token) != 0)
        return false;
    return who->submit_at == 0 || job->submit_at == 0 || same_submit(job, who, restarts_seen);
}

/* ---- names */

/* The name's place in the table, or `other`. */
static size_t place_of(const char *const *table, size_t n, const char *name, size_t other)
{
    for (size_t i = 0; name != NULL && i < n; i++)
        if (strcmp(table[i], name) == 0)
            return i;
    return other;
}

static const char *const refusals[] = {
    [MIR_REFUSAL_NONE] = "none",
    [MIR_REFUSAL_OTHER] = "other",
    [MIR_REFUSAL_NOT_CARRIED] = "not_carried",
    [MIR_REFUSAL_LIMIT] = "limit",
    [MIR_REFUSAL_STOP_FILE] = "stop_file",
    [MIR_REFUSAL_IDENTITY] = "identity",
    [MIR_REFUSAL_OWNER] = "owner",
    [MIR_REFUSAL_RATE] = "rate",
    [MIR_REFUSAL_KILL_FILE] = "kill_file",
    [MIR_REFUSAL_TEMPLATE] = "template",
};

const char *mir_refusal_name(enum mir_refusal refusal)
{
    return refusals[(size_t)refusal < COUNT_OF(refusals) ? refusal : MIR_REFUSAL_OTHER];
}

enum mir_refusal mir_refusal_parse(const char *name)
{
    return (enum mir_refusal)place_of(refusals, COUNT_OF(refusals), name, MIR_REFUSAL_OTHER);
}

const char *mir_outcome_name(enum mir_outcome outcome)
{
    static const char *const outcomes[] = {
        [MIR_OUTCOME_DONE] = "done",
        [MIR_OUTCOME_REFUSED] = "refused",
        [MIR_OUTCOME_UNAVAILABLE] = "unavailable",
        [MIR_OUTCOME_UNKNOWN] = "unknown",
    };

    return outcomes[(size_t)outcome < COUNT_OF(outcomes) ? outcome : MIR_OUTCOME_UNKNOWN];
}

static const char *const states[] = {
    [MIR_STATE_UNKNOWN] = "UNKNOWN",     [MIR_STATE_PENDING] = "PENDING",
    [MIR_STATE_RUNNING] = "RUNNING",     [MIR_STATE_COMPLETED] = "COMPLETED",
    [MIR_STATE_CANCELLED] = "CANCELLED", [MIR_STATE_FAILED] = "FAILED",
    [MIR_STATE_TIMEOUT] = "TIMEOUT",     [MIR_STATE_NODE_FAIL] = "NODE_FAIL",
    [MIR_STATE_PREEMPTED] = "PREEMPTED", [MIR_STATE_OUT_OF_MEMORY] = "OUT_OF_MEMORY",
    [MIR_STATE_OTHER] = "OTHER",
};

const char *mir_job_state_name(uint8_t state)
{
    return states[state < COUNT_OF(states) ? state : MIR_STATE_UNKNOWN];
}

uint8_t mir_job_state_parse(const char *name)
{
    return (uint8_t)place_of(states, COUNT_OF(states), name, MIR_STATE_UNKNOWN);
}

static const char *const sources[] = {
    [MIR_ENVIRONMENT_NONE] = "none",
    [MIR_ENVIRONMENT_ENROLLED] = "enrolled",
    [MIR_ENVIRONMENT_ACCOUNTING] = "accounting",
    [MIR_ENVIRONMENT_STATE_SAVE] = "state_save",
    [MIR_ENVIRONMENT_LOGIN] = "login",
};

const char *mir_environment_source_name(enum mir_environment_source source)
{
    return sources[(size_t)source < COUNT_OF(sources) ? source : MIR_ENVIRONMENT_NONE];
}

enum mir_environment_source mir_environment_source_parse(const char *name)
{
    return (enum mir_environment_source)place_of(sources, COUNT_OF(sources), name,
                                                 MIR_ENVIRONMENT_NONE);
}

struct mir_live_past mir_live_past_of(const struct mir_live_job *job)
{
    return (struct mir_live_past){
        .id = job->id,
        .uid = job->uid,
        .n_nodes = job->n_nodes,
        .limit_s = job->limit_s,
        .exit_code = job->exit_code,
        .exit_signal = job->exit_signal,
        .state = job->state,
        .submit_at = job->submit_at,
        .eligible_at = job->eligible_at,
        .start_at = job->start_at,
        .end_at = job->state == MIR_STATE_RUNNING ? 0 : job->end_at, /* planned is not ended */
        .user = job->user,
        .account = job->account,
        .partition = job->partition,
        .qos = job->qos,
        .comment = job->comment,
        .name = job->name,
    };
}
