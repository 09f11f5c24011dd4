/* SPDX-License-Identifier: GPL-3.0-or-later */
/* act_cancel.c - end a job that has not started. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/act.h"

enum { POSTPONE_S = 120 };

/* All of id, uid, submit time and token: a requeued job is another one here. */
static bool is_exactly(const slurm_job_info_t *job, const struct mir_job_identity *who)
{
    struct mir_tag tag;

    return job->job_id == who->id && job->user_id == who->uid && who->submit_at != 0 &&
           job->submit_time == who->submit_at && mir_comment_tag(job->comment, &tag) &&
           strcmp(tag.token, who->token) == 0;
}

static bool is_pending(const slurm_job_info_t *job)
{
    return (job->job_state & JOB_STATE_BASE) == JOB_PENDING &&
           (job->job_state & JOB_COMPLETING) == 0;
}

enum seen {
    SEEN_ANSWERED, /* it was not to be seen, or is another job: `status` is to be returned */
    SEEN_PENDING,
    SEEN_CANCELLED,
    SEEN_OTHER, /* ours, and started or over */
};

struct cancellation {
    struct mir_deed *d;
    bool sent;                /* slurmctld has been told something */
    int64_t now, eligible_at; /* slurmctld's time and the job's, of the last look */
    int status;
};

static enum seen state_of(const slurm_job_info_t *job)
{
    if (is_pending(job))
        return SEEN_PENDING;
    return (job->job_state & JOB_STATE_BASE) == JOB_CANCELLED ? SEEN_CANCELLED : SEEN_OTHER;
}

static enum seen look(struct cancellation *c)
{
    struct mir_deed *d = c->d;
    struct mir_error err = {{0}};
    enum seen seen = SEEN_ANSWERED;
    job_info_msg_t *msg;
    int rc = mir_deed_load(d, d->who.id, &msg, &err);

    if (rc == -ESRCH) {
        c->status = mir_deed_refuse(d, MIR_REFUSAL_IDENTITY, "%s", err.text);
        return seen;
    }
    if (rc != 0) {
        c->status =
            c->sent ? mir_deed_unknown(d, "%s", err.text) : mir_deed_unavailable(d, "%s", err.text);
        return seen;
    }
    if (is_exactly(&msg->job_array[0], &d->who)) {
        seen = state_of(&msg->job_array[0]);
        c->now = msg->last_update;
        c->eligible_at = msg->job_array[0].eligible_time;
    } else {
        c->status = mir_deed_refuse(d, MIR_REFUSAL_IDENTITY,
                                    "job %" PRIu32 " is not the one to cancel: id, uid, submit "
                                    "time and token must all match",
                                    d->who.id);
    }
    slurm_free_job_info_msg(msg);
    return seen;
}

/* 0, or the error: slurmctld changes the begin time of pending jobs only. */
static int postpone(struct cancellation *c)
{
    int64_t at = mir_deed_start();
    job_array_resp_msg_t *response = NULL;
    job_desc_msg_t change;
    char id[16];
    int rc, why;

    if (c->eligible_at > c->now + POSTPONE_S)
        return 0;
    slurm_init_job_desc_msg(&change);
    snprintf(id, sizeof(id), "%" PRIu32, c->d->who.id);
    change.job_id_str = id;
    change.begin_time = (time_t)(c->now + POSTPONE_S);
    errno = 0;
    rc = slurm_update_job2(&change, &response);
    why = errno;
    if (response != NULL)
        slurm_free_job_array_resp(response);
    mir_deed_stop(c->d, at);
    return rc == SLURM_SUCCESS ? 0 : (why != 0 ? why : EIO);
}

/* A pending job ends by this; of a running one only the steps would. */
static int kill_pending(struct cancellation *c)
{
    int64_t at = mir_deed_start();
    int rc, why;

    errno = 0;
    rc = slurm_kill_job(JOBID_ARG(c->d->who.id), SIGKILL, KILL_STEPS_ONLY);
    why = errno;
    mir_deed_stop(c->d, at);
    return rc == SLURM_SUCCESS || why == ESLURM_ALREADY_DONE ? 0 : (why != 0 ? why : EIO);
}

/* The closing answer to what was seen, `why` being what slurmctld said to the change before. */
static int conclude(struct cancellation *c, enum seen seen, const char *change, int why)
{
    struct mir_deed *d = c->d;
    struct mir_str s = {0};

    switch (seen) {
    case SEEN_ANSWERED:
        return c->status;
    case SEEN_CANCELLED:
        mir_deed_begin(d, "cancelled", &s);
        return mir_deed_answer(d, &s);
    case SEEN_PENDING:
        return mir_deed_unknown(d, "job %" PRIu32 " is still pending; %s: %s", d->who.id, change,
                                why != 0 ? slurm_strerror(why) : "done");
    case SEEN_OTHER:
        break;
    }
    return mir_deed_refuse(d, MIR_REFUSAL_IDENTITY,
                           "job %" PRIu32 " is not pending any more: it is left alone", d->who.id);
}

/*
 * slurmctld ends a job whatever its state, and between our look and our word it may
 * have started.  So its start is first put off for two minutes: that cannot be done
 * to a running job, and wears off by itself whenever we die, as holding it would not.
 * Should it start all the same, our word spares its script: see kill_pending().
 */
static int cancel_pending(struct cancellation *c)
{
    enum seen seen;
    int why;

    if (mir_ask_leave(c->d->fd, c->d->ticket) != 0)
        return 1;
    c->sent = true;
    why = postpone(c);
    seen = look(c);
    if (why != 0 || seen != SEEN_PENDING)
        return conclude(c, seen, "put off", why);
    why = kill_pending(c);
    return conclude(c, look(c), "cancel", why);
}

int mir_deed_cancel(struct mir_deed *d)
{
    struct cancellation c = {.d = d};
    enum seen seen;

    if (d->who.submit_at == 0 || d->who.token[0] == '\0')
        return mir_deed_refuse(d, MIR_REFUSAL_IDENTITY,
                               "job %" PRIu32 ": submit time and token are needed to cancel it",
                               d->who.id);
    if (mir_deed_become(d, 0, &c.status) != 0)
        return c.status;
    seen = look(&c);
    return seen == SEEN_PENDING ? cancel_pending(&c) : conclude(&c, seen, "cancel", 0);
}
