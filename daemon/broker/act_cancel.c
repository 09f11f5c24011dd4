/* SPDX-License-Identifier: GPL-3.0-or-later */
/* act_cancel.c - end a job that has not started. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/act.h"

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

/* 1: ours and pending; 0: ours and not pending; -1: answered. */
static int look(struct mir_deed *d, bool sent, int *status)
{
    struct mir_error err = {{0}};
    job_info_msg_t *msg;
    int rc = mir_deed_load(d, d->who.id, &msg, &err);

    if (rc == -ESRCH) {
        *status = mir_deed_refuse(d, MIR_REFUSAL_IDENTITY, "%s", err.text);
        return -1;
    }
    if (rc != 0) {
        *status =
            sent ? mir_deed_unknown(d, "%s", err.text) : mir_deed_unavailable(d, "%s", err.text);
        return -1;
    }
    if (!is_exactly(&msg->job_array[0], &d->who)) {
        *status = mir_deed_refuse(d, MIR_REFUSAL_IDENTITY,
                                  "job %" PRIu32 " is not the one to cancel: id, uid, submit time "
                                  "and token must all match",
                                  d->who.id);
        rc = -1;
    } else {
        rc = is_pending(&msg->job_array[0]);
    }
    slurm_free_job_info_msg(msg);
    return rc;
}

/* 0 holds the job, INFINITE lets it go. */
static int set_priority(struct mir_deed *d, uint32_t priority)
{
    int64_t at = mir_deed_start();
    job_array_resp_msg_t *response = NULL;
    job_desc_msg_t change;
    char id[16];
    int rc, why;

    slurm_init_job_desc_msg(&change);
    snprintf(id, sizeof(id), "%" PRIu32, d->who.id);
    change.job_id_str = id;
    change.priority = priority;
    errno = 0;
    rc = slurm_update_job2(&change, &response);
    why = errno;
    if (response != NULL)
        slurm_free_job_array_resp(response);
    mir_deed_stop(d, at);
    return rc == SLURM_SUCCESS ? 0 : (why != 0 ? why : EIO);
}

static int kill_job(struct mir_deed *d)
{
    int64_t at = mir_deed_start();
    int rc, why;

    errno = 0;
    rc = slurm_kill_job(JOBID_ARG(d->who.id), SIGKILL, 0);
    why = errno;
    mir_deed_stop(d, at);
    return rc == SLURM_SUCCESS || why == ESLURM_ALREADY_DONE ? 0 : (why != 0 ? why : EIO);
}

static int answer(struct mir_deed *d)
{
    struct mir_str s = {0};

    mir_deed_begin(d, "cancelled", &s);
    return mir_deed_answer(d, &s);
}

static int refuse_started(struct mir_deed *d)
{
    return mir_deed_refuse(d, MIR_REFUSAL_IDENTITY,
                           "job %" PRIu32 " is not pending any more: it is left alone", d->who.id);
}

/*
 * slurmctld ends a job whatever its state, and between our look and our word it may
 * have started.  So it is held first: what is held and pending cannot start.
 */
static int cancel_pending(struct mir_deed *d)
{
    int status = 0, why, seen;

    if (mir_deed_sending(d) != 0)
        return 1;
    why = set_priority(d, 0);
    seen = look(d, true, &status);
    if (seen < 0)
        return status;
    if (seen == 0) {
        (void)set_priority(d, INFINITE);
        return refuse_started(d);
    }
    if (why != 0)
        return mir_deed_unknown(d, "job %" PRIu32 " cannot be held: %s", d->who.id,
                                slurm_strerror(why));
    why = kill_job(d);
    if (why != 0)
        return mir_deed_unknown(d, "job %" PRIu32 " cannot be cancelled: %s", d->who.id,
                                slurm_strerror(why));
    seen = look(d, true, &status);
    if (seen < 0)
        return status;
    return seen == 0 ? answer(d)
                     : mir_deed_unknown(d, "job %" PRIu32 " is still pending", d->who.id);
}

int mir_deed_cancel(struct mir_deed *d)
{
    int status = 0, seen;

    if (d->who.submit_at == 0 || d->who.token[0] == '\0')
        return mir_deed_refuse(d, MIR_REFUSAL_IDENTITY,
                               "job %" PRIu32 ": submit time and token are needed to cancel it",
                               d->who.id);
    if (mir_deed_become(d, 0, &status) != 0)
        return status;
    seen = look(d, false, &status);
    if (seen < 0)
        return status;
    return seen == 0 ? refuse_started(d) : cancel_pending(d);
}
