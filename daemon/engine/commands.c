/* SPDX-License-Identifier: GPL-3.0-or-later */
/* commands.c - what people ask for: who may, what it does, one line of answer. */
#include "daemon/engine/internal.h"

#include <errno.h>
#include <stdarg.h>

#include "daemon/core/alloc.h"

enum { MAX_REQUESTS = 1000, MAX_OWN_REQUESTS = 20 };

__attribute__((format(printf, 3, 4))) static void
say(struct mir_answer *answer, int rc, const char *fmt, ...)
{
    va_list args;

    answer->rc = rc;
    va_start(args, fmt);
    vsnprintf(answer->text, sizeof(answer->text), fmt, args);
    va_end(args);
}

/* The chain that is meant, or NULL with the answer given. */
static struct mir_engine_chain *
chain_of(struct mir_engine *e, const struct mir_command *command, struct mir_answer *answer)
{
    struct mir_engine_chain *c = mir_engine_chain_find(e, command->chain);

    if (c == NULL) {
        say(answer, -ENOENT, "no chain %.15s", command->chain);
        return NULL;
    }
    if (c->row.uid != command->uid && !command->admin) {
        say(answer, -EPERM, "chain %s belongs to another user", c->row.id);
        return NULL;
    }
    if (!mir_engine_chain_open(c)) {
        say(answer, -EALREADY, "chain %s is over: %.200s", c->row.id, c->row.reason);
        return NULL;
    }
    snprintf(answer->chain, sizeof(answer->chain), "%s", c->row.id);
    return c;
}

static void stop(struct mir_engine *e, const struct mir_command *command, struct mir_answer *answer)
{
    struct mir_engine_chain *c = chain_of(e, command, answer);

    if (c == NULL)
        return;
    mir_engine_end_chain(e, c, !command->keep_successor, "stopped by uid %u", command->uid);
    say(answer, 0, "chain %s is stopped", c->row.id);
}

static void
pause_chain(struct mir_engine *e, const struct mir_command *command, struct mir_answer *answer)
{
    struct mir_engine_chain *c = chain_of(e, command, answer);
    char reason[64];

    if (c == NULL)
        return;
    if (c->row.state != MIR_CHAIN_ACTIVE) {
        say(answer, -EALREADY, "chain %s is %s", c->row.id, mir_chain_state_name(c->row.state));
        return;
    }
    snprintf(reason, sizeof(reason), "paused by uid %u", command->uid);
    mir_engine_chain_state(e, c, MIR_CHAIN_PAUSED, reason);
    mir_engine_tell(e, LOG_INFO, c, NULL, "%s", reason);
    say(answer, 0, "chain %s is paused", c->row.id);
}

/* Whatever kept it waiting is forgotten: decide at once. */
static void start_over(struct mir_engine_chain *c)
{
    for (size_t i = 0; i < c->n_links; i++) {
        c->links[i]->wanted = false; /* what was decided before the pause is old */
        c->links[i]->next_at = 0;
        c->links[i]->try_ns = 0;
        c->links[i]->backoff_ns = 0;
        c->links[i]->n_identity = 0;
        c->links[i]->capture_failed = false;
    }
}

/* A successor that was being cancelled when the chain was parked is wanted again. */
static void keep_successors(struct mir_engine *e, struct mir_engine_chain *c)
{
    for (size_t i = 0; i < c->n_links; i++) {
        if (!c->links[i]->cancel_wanted || c->links[i]->cancelling)
            continue;
        c->links[i]->cancel_wanted = false;
        mir_engine_fact(e, 0, "cancel:%s", c->row.id);
    }
}

static void
resume(struct mir_engine *e, const struct mir_command *command, struct mir_answer *answer)
{
    struct mir_engine_chain *c = chain_of(e, command, answer);

    if (c == NULL)
        return;
    if (c->row.state != MIR_CHAIN_PAUSED && c->row.state != MIR_CHAIN_PARKED) {
        say(answer, -EALREADY, "chain %s is %s", c->row.id, mir_chain_state_name(c->row.state));
        return;
    }
    c->row.failures = 0;
    c->row.not_before_at = 0;
    start_over(c);
    keep_successors(e, c);
    mir_engine_chain_state(e, c, MIR_CHAIN_ACTIVE, "");
    mir_engine_tell(e, LOG_INFO, c, NULL, "resumed by uid %u", command->uid);
    say(answer, 0, "chain %s goes on", c->row.id);
}

static void
drain(struct mir_engine *e, const struct mir_command *command, struct mir_answer *answer)
{
    bool on = command->verb == MIR_DRAIN;

    if (!command->admin) {
        say(answer, -EPERM, "only administrators may do that");
        return;
    }
    if (on == e->drained) {
        say(answer, -EALREADY, on ? "drained already" : "not drained");
        return;
    }
    e->drained = on;
    mir_engine_fact(e, on, "drained");
    for (size_t i = 0; i < e->n_chains; i++) {
        if (!mir_engine_chain_open(e->chains[i]))
            continue;
        mir_engine_tell(e, LOG_INFO, e->chains[i], NULL, "%s by uid %u",
                        on ? "drained" : "no longer drained", command->uid);
        for (size_t k = 0; k < e->chains[i]->n_links && !on; k++)
            e->chains[i]->links[k]->next_at = 0;
    }
    mir_engine_tell(e, LOG_NOTICE, NULL, NULL, "%s by uid %u", on ? "drained" : "no longer drained",
                    command->uid);
    say(answer, 0, on ? "nothing new is submitted" : "submissions go on");
}

/* ---- enroll ---- */

static const struct mir_engine_chain *chain_of_job(const struct mir_engine *e,
                                                   const struct mir_live_job *job)
{
    for (size_t i = 0; i < e->n_chains; i++) {
        const struct mir_engine_chain *c = e->chains[i];

        for (size_t k = 0; k < c->n_links && mir_engine_chain_open(c); k++) {
            const struct mir_link_row *row = &c->links[k]->row;

            if (row->job.id == job->id && mir_job_is(job, &row->job, row->restarts))
                return c;
        }
    }
    return NULL;
}

/* Each costs slurmctld a look at a job: one user may not fill the queue of them. */
static size_t requests_of(const struct mir_engine *e, uint32_t uid)
{
    size_t n = 0;

    for (size_t i = 0; i < e->n_requests; i++)
        n += e->requests[i].uid == uid;
    return n;
}

/* As far as the last list knows the job. */
static bool
may_enroll(struct mir_engine *e, const struct mir_command *command, struct mir_answer *answer)
{
    const struct mir_live_job *job =
        e->list != NULL ? mir_live_jobs_find(e->list, command->job_id) : NULL;
    const struct mir_engine_chain *c = job != NULL ? chain_of_job(e, job) : NULL;
    struct mir_chain_options options;
    struct mir_error err = {{0}};

    if (mir_chain_options_parse(command->options, e->settings->zone, &options, &err) != 0)
        say(answer, -EINVAL, "%s", err.text);
    else if (job != NULL && job->uid != command->uid && !command->admin)
        say(answer, -EPERM, "job %u belongs to another user", command->job_id);
    else if (job != NULL && job->state > MIR_STATE_RUNNING)
        say(answer, -EINVAL, "job %u has ended", command->job_id);
    else if (c != NULL) {
        snprintf(answer->chain, sizeof(answer->chain), "%s", c->row.id);
        say(answer, -EALREADY, "job %u is in chain %s", command->job_id, c->row.id);
    } else if (!e->up)
        say(answer, -EBUSY, "the broker does not answer; try again");
    else if (e->n_requests >= MAX_REQUESTS || requests_of(e, command->uid) >= MAX_OWN_REQUESTS)
        say(answer, -EBUSY, "too many jobs are being enrolled; try again");
    else
        return true;
    return false;
}

static void new_chain_id(struct mir_engine *e, char id[MIR_CHAIN_ID_LEN + 1])
{
    do {
        mir_engine_random_text(e, id, MIR_CHAIN_ID_LEN, "abcdefghijklmnopqrstuvwxyz234567");
    } while (mir_engine_chain_find(e, id) != NULL);
}

static void
enroll(struct mir_engine *e, const struct mir_command *command, struct mir_answer *answer)
{
    struct mir_enroll_request r = {
        .job_id = command->job_id, .uid = command->uid, .admin = command->admin};

    if (!may_enroll(e, command, answer))
        return;
    new_chain_id(e, r.chain);
    if (command->munged_environment != NULL)
        r.munged_environment = mir_strdup(command->munged_environment);
    e->requests =
        mir_grow(e->requests, &e->cap_requests, e->n_requests + 1, sizeof(e->requests[0]));
    e->requests[e->n_requests++] = r;
    mir_engine_tell(e, LOG_INFO, NULL, NULL, "uid %u asks for a chain from job %u", r.uid,
                    r.job_id);
    snprintf(answer->chain, sizeof(answer->chain), "%s", r.chain);
    say(answer, 0, "looking at job %u", r.job_id);
}

void mir_engine_command(struct mir_engine *e,
                        struct mir_now now,
                        const struct mir_command *command,
                        struct mir_answer *answer)
{
    e->now = now;
    *answer = (struct mir_answer){0};
    switch (command->verb) {
    case MIR_ENROLL:
        enroll(e, command, answer);
        break;
    case MIR_STOP:
        stop(e, command, answer);
        break;
    case MIR_PAUSE:
        pause_chain(e, command, answer);
        break;
    case MIR_RESUME:
        resume(e, command, answer);
        break;
    case MIR_DRAIN:
    case MIR_UNDRAIN:
        drain(e, command, answer);
        break;
    case MIR_MODEL_INSTALL:
    case MIR_MODEL_ROLLBACK:
    case MIR_MODEL_RELOAD:
        mir_engine_model_command(e, command, answer);
        break;
    case MIR_PREDICT:
        mir_engine_predict(e, command, answer);
        return;
    case MIR_HISTORY:
        mir_engine_history_page(e, command, answer);
        return;
    default:
        say(answer, -EINVAL, "no such command");
        return;
    }
    if (answer->rc == 0 && mir_engine_flush(e) != 0)
        say(answer, -EIO, "in force until a restart: the journal cannot be written");
}
