/* SPDX-License-Identifier: GPL-3.0-or-later */
/* act.c - what capture, submission and cancellation have in common. */
#include "daemon/broker/act.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/records.h"
#include "daemon/core/clock.h"

enum { TEXT_SIZE = 1024 };

int64_t mir_deed_start(void)
{
    return mir_clock_mono_ns();
}

void mir_deed_stop(struct mir_deed *d, int64_t started_ns)
{
    d->slurm_ns += mir_clock_mono_ns() - started_ns;
}

void mir_deed_begin(struct mir_deed *d, const char *verb, struct mir_str *s)
{
    mir_wire_begin(s, verb);
    mir_wire_add_i64(s, "ticket", d->ticket);
}

int mir_deed_answer(struct mir_deed *d, struct mir_str *s)
{
    int rc;

    mir_wire_add_i64(s, "ms", d->slurm_ns / 1000000);
    mir_wire_end(s);
    rc = mir_write_all(d->fd, s);
    mir_str_release(s);
    return rc == 0 ? 0 : 1;
}

static int
fail(struct mir_deed *d, enum mir_outcome outcome, enum mir_refusal why, const char *text)
{
    struct mir_str s = {0};

    mir_deed_begin(d, "failed", &s);
    mir_wire_add(&s, "outcome", mir_outcome_name(outcome));
    if (why != MIR_REFUSAL_NONE)
        mir_wire_add(&s, "refusal", mir_refusal_name(why));
    mir_wire_add(&s, "text", text);
    return mir_deed_answer(d, &s);
}

int mir_deed_refuse(struct mir_deed *d, enum mir_refusal why, const char *fmt, ...)
{
    char text[TEXT_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return fail(d, MIR_OUTCOME_REFUSED, why, text);
}

int mir_deed_unavailable(struct mir_deed *d, const char *fmt, ...)
{
    char text[TEXT_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return fail(d, MIR_OUTCOME_UNAVAILABLE, MIR_REFUSAL_NONE, text);
}

int mir_deed_unknown(struct mir_deed *d, const char *fmt, ...)
{
    char text[TEXT_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return fail(d, MIR_OUTCOME_UNKNOWN, MIR_REFUSAL_NONE, text);
}

int mir_deed_become(struct mir_deed *d, gid_t gid, int *status)
{
    const struct mir_broker_settings *settings = d->settings;
    const struct passwd *pw = getpwuid(d->who.uid);
    struct mir_error err = {{0}};

    if (pw == NULL) {
        *status = mir_deed_refuse(d, MIR_REFUSAL_OWNER, "uid %" PRIu32 " is no user of this system",
                                  d->who.uid);
        return -1;
    }
    if (mir_become_user(d->who.uid, gid != 0 ? gid : pw->pw_gid, settings->min_uid, &err) != 0) {
        *status = mir_deed_refuse(d, MIR_REFUSAL_OWNER, "%s", err.text);
        return -1;
    }
    slurm_init(settings->slurm_conf[0] != '\0' ? settings->slurm_conf : NULL);
    return 0;
}

int mir_deed_load(struct mir_deed *d, uint32_t id, job_info_msg_t **out, struct mir_error *err)
{
    int64_t at = mir_deed_start();
    job_info_msg_t *msg = NULL;
    int rc, why;

    errno = 0;
    rc = slurm_load_job(&msg, JOBID_ARG(id), SHOW_DETAIL);
    why = errno;
    mir_deed_stop(d, at);
    if (rc == SLURM_SUCCESS && msg != NULL && msg->record_count == 1) {
        *out = msg;
        return 0;
    }
    if (msg != NULL) { /* an array or a heterogeneous job has several; it is none of ours */
        bool several = msg->record_count > 1;

        slurm_free_job_info_msg(msg);
        if (several)
            return mir_error_set(err, -ESRCH, "job %" PRIu32 " is an array or a heterogeneous job",
                                 id);
    }
    if (why == ESLURM_INVALID_JOB_ID || (rc == SLURM_SUCCESS && msg != NULL))
        return mir_error_set(err, -ESRCH, "slurmctld knows no job %" PRIu32, id);
    return mir_error_set(err, -EIO, "job %" PRIu32 " cannot be read: %s", id,
                         why != 0 ? slurm_strerror(why) : "slurmctld does not answer");
}

char *mir_deed_script(struct mir_deed *d)
{
    int64_t at = mir_deed_start();
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    int rc;

    if (f == NULL)
        return NULL;
    rc = slurm_job_batch_script(f, JOBID_ARG(d->who.id));
    fclose(f);
    mir_deed_stop(d, at);
    if (rc == SLURM_SUCCESS && len > 0)
        return text;
    free(text);
    return NULL;
}

bool mir_deed_has_accounting(struct mir_deed *d)
{
    int64_t at = mir_deed_start();
    slurm_conf_t *conf = NULL;
    bool has = false;

    if (slurm_load_ctl_conf(0, &conf) == SLURM_SUCCESS && conf != NULL) {
        has = conf->accounting_storage_type != NULL &&
              strstr(conf->accounting_storage_type, "slurmdbd") != NULL;
        slurm_free_ctl_conf(conf);
    }
    mir_deed_stop(d, at);
    return has;
}

bool mir_deed_is(const slurm_job_info_t *job, const struct mir_job_identity *who)
{
    struct mir_live_job live = {0};

    mir_record_job_read(job, "", 0, &live);
    return mir_job_is(&live, who, 0);
}

bool mir_deed_opted_in(const slurm_job_info_t *job)
{
    struct mir_chain_options options;

    return mir_comment_opt_in(job->comment, NULL, &options, NULL) == 1;
}

/* The identity, from keys with `prefix`; libslurm and files come later. */
static int read_identity(struct mir_deed *d, const char *prefix, const char *id_key)
{
    const char *token;
    int64_t id, uid, submit_at = 0;
    char key[64];
    int rc;

    snprintf(key, sizeof(key), "%suid", prefix);
    if (mir_wire_get_i64(d->question, id_key, 1, UINT32_MAX, &id, NULL) != 0 ||
        mir_wire_get_i64(d->question, key, 0, UINT32_MAX, &uid, NULL) != 0)
        return -EINVAL;
    snprintf(key, sizeof(key), "%ssubmit_at", prefix);
    rc = mir_wire_get_i64(d->question, key, 0, INT64_MAX, &submit_at, NULL);
    if (rc != 0 && rc != -ENOENT)
        return rc;
    snprintf(key, sizeof(key), "%stoken", prefix);
    token = mir_wire_get(d->question, key);
    if (token != NULL && *token != '\0') {
        if (strspn(token, "0123456789abcdef") != MIR_TOKEN_LEN || token[MIR_TOKEN_LEN] != '\0')
            return -EINVAL;
        memcpy(d->who.token, token, MIR_TOKEN_LEN);
    }
    d->who.id = (uint32_t)id;
    d->who.uid = (uint32_t)uid;
    d->who.submit_at = submit_at;
    return submit_at == 0 && d->who.token[0] == '\0' ? -EINVAL : 0;
}

int mir_act_run(int fd,
                const struct mir_wire_record *question,
                const struct mir_broker_settings *settings)
{
    struct mir_deed d = {.fd = fd, .question = question, .settings = settings};
    bool submit = strcmp(question->verb, "submit") == 0;

    if (mir_wire_get_i64(question, "ticket", 1, INT64_MAX, &d.ticket, NULL) != 0)
        return 1;
    if (read_identity(&d, submit ? "predecessor_" : "", submit ? "predecessor" : "id") != 0)
        return mir_deed_refuse(&d, MIR_REFUSAL_OTHER,
                               "%s: id, uid, and submit time or token of the job are needed",
                               question->verb);
    /* A question names no group, so that one of uid 0 or under the minimum never gets further. */
    if (d.who.uid == 0 || d.who.uid < settings->min_uid)
        return mir_deed_refuse(&d, MIR_REFUSAL_OWNER,
                               "job %" PRIu32 ": uid %" PRIu32 " is not acted for (min_uid is %u)",
                               d.who.id, d.who.uid, (unsigned)settings->min_uid);
    if (submit)
        return mir_deed_submit(&d);
    if (strcmp(question->verb, "capture") == 0)
        return mir_deed_capture(&d);
    if (strcmp(question->verb, "cancel") == 0)
        return mir_deed_cancel(&d);
    return mir_deed_refuse(&d, MIR_REFUSAL_OTHER, "%s is not an act", question->verb);
}
