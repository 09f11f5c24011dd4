/* SPDX-License-Identifier: GPL-3.0-or-later */
/* act_submit.c - a captured job again, once. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/act.h"
#include "daemon/broker/carry.h"
#include "daemon/broker/environment.h"
#include "daemon/broker/records.h"
#include "daemon/broker/sent.h"
#include "daemon/broker/spool.h"
#include "daemon/broker/stored.h"
#include "daemon/core/clock.h"
#include "daemon/core/parse.h"

/* Without a slurmdbd consent is taken to last so long after a purged job's end. */
enum { DAY_S = 86400, CONSENT_S = 7 * DAY_S, YEAR_MIN = 365 * 1440 };

struct submission {
    struct mir_deed *d;
    struct mir_tag tag;
    const char *stop_file;
    struct mir_template t;
    struct mir_sent sent; /* made of it last; zero: nothing */
};

/* --- the question ------------------------------------------------------------------ */

static bool is_made_of(const char *text, const char *letters, size_t len)
{
    return text != NULL && strspn(text, letters) == len && text[len] == '\0';
}

/* Relative to the working directory, and inside it. */
static bool is_stop_file(const char *name)
{
    if (name[0] == '/' || strlen(name) > MIR_STOP_FILE_MAX)
        return false;
    for (const char *at = name; *at != '\0';) {
        size_t len = strcspn(at, "/");

        if (len == 2 && strncmp(at, "..", 2) == 0)
            return false;
        at += len + (at[len] == '/');
    }
    return true;
}

static int read_question(struct submission *s, struct mir_error *err)
{
    const struct mir_wire_record *q = s->d->question;
    const char *chain = mir_wire_get(q, "chain"), *token = mir_wire_get(q, "token");
    int64_t link;

    if (!is_made_of(chain, "abcdefghijklmnopqrstuvwxyz234567", MIR_CHAIN_ID_LEN))
        return mir_error_set(err, -EINVAL, "submit: not a chain's name");
    if (!is_made_of(token, "0123456789abcdef", MIR_TOKEN_LEN))
        return mir_error_set(err, -EINVAL, "submit: not a token");
    if (mir_wire_get_i64(q, "link", 1, MIR_MAX_LINKS, &link, err) != 0)
        return -EINVAL;
    memcpy(s->tag.chain, chain, MIR_CHAIN_ID_LEN);
    memcpy(s->tag.token, token, MIR_TOKEN_LEN);
    s->tag.link = (int32_t)link;
    s->stop_file = mir_wire_get(q, "stop_file");
    if (s->stop_file != NULL && !is_stop_file(s->stop_file))
        return mir_error_set(err, -EINVAL, "submit: the stop file is not below the job's folder");
    return 0;
}

/* --- may it be submitted? ---------------------------------------------------------- */

/* Looked for with the owner's rights: what he cannot see does not stop his chain. */
static bool stop_file_exists(const struct submission *s, const char *name)
{
    const char *folder = mir_template_field(&s->t, "chdir");
    struct mir_str path = {0};
    struct stat st;
    bool exists;

    if (name == NULL || name[0] == '\0' || folder == NULL)
        return false;
    mir_str_addf(&path, "%s/%s", folder, name);
    exists = lstat(path.text, &st) == 0;
    mir_str_release(&path);
    return exists;
}

/* Captured from its first job, it does not say of which chain it is; see check_template(). */
static bool is_template_of_chain(const struct submission *s)
{
    const char *comment = mir_template_field(&s->t, "comment");
    struct mir_chain_options options;
    struct mir_tag tag;

    if (mir_comment_opt_in(comment, NULL, &options, NULL) != 1)
        return false;
    return !mir_comment_tag(comment, &tag) ||
           (strcmp(tag.chain, s->tag.chain) == 0 && tag.link < s->tag.link);
}

static int refuse_stopped(const struct submission *s, const char *name)
{
    return mir_deed_refuse(s->d, MIR_REFUSAL_STOP_FILE,
                           "successor of job %" PRIu32 ": the stop file %s exists", s->d->who.id,
                           name);
}

/*
 * What the owner has written into the comment: that he wants a chain, this one, and
 * how far.  The daemon reads `until` in the site's zone; a day more covers them all.
 */
static int check_comment(const struct submission *s, const char *comment, int *status)
{
    struct mir_chain_options o;
    struct mir_deed *d = s->d;
    uint32_t id = d->who.id;
    struct mir_tag tag;

    if (mir_comment_opt_in(comment, NULL, &o, NULL) != 1)
        *status = mir_deed_refuse(d, MIR_REFUSAL_IDENTITY,
                                  "job %" PRIu32 ": its comment no longer asks for a chain", id);
    else if (mir_comment_tag(comment, &tag) &&
             (strcmp(tag.chain, s->tag.chain) != 0 || tag.link >= s->tag.link))
        *status = mir_deed_refuse(d, MIR_REFUSAL_IDENTITY,
                                  "job %" PRIu32 " is link %" PRId32 " of chain %s, not before "
                                  "link %" PRId32 " of %s",
                                  id, tag.link, tag.chain, s->tag.link, s->tag.chain);
    else if ((o.given & MIR_OPT_LINKS) != 0 && s->tag.link >= o.links)
        *status =
            mir_deed_refuse(d, MIR_REFUSAL_OTHER,
                            "job %" PRIu32 ": its owner wants %" PRId32 " links", id, o.links);
    else if ((o.given & MIR_OPT_UNTIL) != 0 && mir_clock_wall() > o.until + DAY_S)
        *status = mir_deed_refuse(d, MIR_REFUSAL_OTHER,
                                  "job %" PRIu32 ": its owner wants no more links by now", id);
    else if ((o.given & MIR_OPT_STOP_FILE) != 0 && stop_file_exists(s, o.stop_file))
        *status = refuse_stopped(s, o.stop_file);
    else
        return 0;
    return -1;
}

/*
 * Its own template, or one with the same script (a template of an earlier link serves
 * where a later one could not be captured): a successor runs what its predecessor runs.
 * A requeue renews the submit time.
 */
static int check_template(const struct submission *s, const slurm_job_info_t *job, int *status)
{
    struct mir_deed *d = s->d;
    char *script;
    bool same;

    if (s->t.job_id == job->job_id && (s->t.submit_at == job->submit_time || job->restart_cnt > 0))
        return 0;
    script = mir_deed_script(d);
    if (script == NULL) {
        *status = mir_deed_unavailable(
            d, "job %" PRIu32 ": slurmctld does not give the script to compare", d->who.id);
        return -1;
    }
    same = strcmp(script, s->t.script) == 0;
    free(script);
    if (same)
        return 0;
    *status = mir_deed_refuse(d, MIR_REFUSAL_TEMPLATE,
                              "job %" PRIu32 " runs another script than the template's", d->who.id);
    return -1;
}

static int refuse_cancelled(const struct submission *s)
{
    return mir_deed_refuse(s->d, MIR_REFUSAL_IDENTITY,
                           "job %" PRIu32 " was cancelled: its chain ends", s->d->who.id);
}

static int check_record(const struct submission *s, const slurm_job_info_t *job, int *status)
{
    struct mir_deed *d = s->d;

    if (!mir_deed_is(job, &d->who)) {
        *status = mir_deed_refuse(d, MIR_REFUSAL_IDENTITY,
                                  "job %" PRIu32 ": its comment has not the predecessor's token",
                                  d->who.id);
        return -1;
    }
    if ((job->job_state & JOB_STATE_BASE) == JOB_CANCELLED) {
        *status = refuse_cancelled(s);
        return -1;
    }
    if (check_comment(s, job->comment, status) != 0)
        return -1;
    return check_template(s, job, status);
}

/* When the job of the template must have ended, had it started as it was captured. */
static int64_t template_end(const struct mir_template *t)
{
    const char *text = mir_template_field(t, "time");
    int64_t minutes = 0;

    if (text != NULL && mir_parse_i64(text, strlen(text), &minutes) == 0 && minutes > YEAR_MIN)
        minutes = YEAR_MIN; /* unlimited, too */
    return t->kept_at + 60 * minutes;
}

static int refuse_aged(const struct submission *s)
{
    return mir_deed_refuse(s->d, MIR_REFUSAL_IDENTITY,
                           "job %" PRIu32
                           " is long gone, and nothing tells whether its owner still "
                           "wants a successor",
                           s->d->who.id);
}

static bool is_of_chain(const struct submission *s, const char *comment)
{
    struct mir_tag tag;

    return comment != NULL && mir_comment_tag(comment, &tag) &&
           strcmp(tag.chain, s->tag.chain) == 0;
}

/* The template's own job, or the successor that was made of it last. */
static bool is_known(const struct submission *s)
{
    const struct mir_job_identity *who = &s->d->who;

    if (s->t.job_id == who->id && s->t.submit_at == who->submit_at)
        return true;
    return s->sent.job_id == who->id && s->sent.submit_at == who->submit_at &&
           strcmp(s->sent.chain, s->tag.chain) == 0 && s->sent.link < s->tag.link;
}

static int refuse_template(const struct submission *s)
{
    return mir_deed_refuse(s->d, MIR_REFUSAL_IDENTITY,
                           "slurmctld knows no job %" PRIu32 " of uid %" PRIu32
                           " submitted at %" PRId64 ", and the template is of another",
                           s->d->who.id, s->d->who.uid, s->d->who.submit_at);
}

/*
 * Slurmdbd's word on a purged predecessor; where it has none, consent ages.  The
 * template of an earlier link will do where both comments, Slurm's own copies of what
 * this program wrote, name the chain, or where this job is what was made of it last.
 */
static int check_stored(const struct submission *s, int *status)
{
    struct mir_deed *d = s->d;
    const char *captured = mir_template_field(&s->t, "comment");
    char *comment = NULL;
    uint32_t state = 0;
    int64_t at = mir_deed_start();
    int rc = mir_stored_end(d->who.id, d->who.uid, d->who.submit_at, &state, &comment, NULL);

    mir_deed_stop(d, at);
    if (rc == -EIO && mir_deed_has_accounting(d)) {
        *status = mir_deed_unavailable(d, "job %" PRIu32 ": purged, and slurmdbd does not answer",
                                       d->who.id);
        return -1;
    }
    if (rc == 0 && state == JOB_CANCELLED) {
        *status = refuse_cancelled(s);
        rc = -EPERM;
    } else if (!is_known(s) && !(is_of_chain(s, comment) && is_of_chain(s, captured))) {
        *status = refuse_template(s);
        rc = -EPERM;
    } else if (rc != 0 && mir_clock_wall() > template_end(&s->t) + CONSENT_S) {
        *status = refuse_aged(s);
    } else {
        rc = check_comment(s, comment != NULL && *comment != '\0' ? comment : captured, status);
    }
    free(comment);
    return rc == 0 ? 0 : -1;
}

/*
 * Ids come again, after MaxJobId or where slurmctld's state was set back: then it knows the
 * predecessor no more, as when it has purged it.  (Another comment alone is no other job.)
 */
static bool is_another(const slurm_job_info_t *job, const struct mir_job_identity *who)
{
    struct mir_job_identity place = *who;

    place.token[0] = '\0';
    return !mir_deed_is(job, &place);
}

static int check_predecessor(const struct submission *s, int *status)
{
    struct mir_error err = {{0}};
    job_info_msg_t *msg;
    int rc = mir_deed_load(s->d, s->d->who.id, &msg, &err);

    if (rc == -ESRCH)
        return check_stored(s, status);
    if (rc != 0) {
        *status = mir_deed_unavailable(s->d, "%s", err.text);
        return -1;
    }
    if (is_another(&msg->job_array[0], &s->d->who))
        rc = check_stored(s, status);
    else
        rc = check_record(s, &msg->job_array[0], status);
    slurm_free_job_info_msg(msg);
    return rc;
}

/* --- answers ----------------------------------------------------------------------- */

static int
answer(const struct submission *s, uint32_t id, const slurm_job_info_t *job, bool already)
{
    struct mir_live_job live = {0};
    struct mir_str out = {0};

    if (job != NULL) {
        mir_record_job_read(job, "", 0, &live);
        mir_record_job_write(&out, s->d->ticket, &live);
    }
    mir_deed_begin(s->d, "submitted", &out);
    mir_wire_add_i64(&out, "id", id);
    mir_wire_add_i64(&out, "already", already);
    return mir_deed_answer(s->d, &out);
}

static bool is_live(const slurm_job_info_t *job)
{
    uint32_t base = job->job_state & JOB_STATE_BASE;

    return base == JOB_PENDING || base == JOB_RUNNING || base == JOB_SUSPENDED;
}

/* Among the owner's jobs: the very successor, or another of its place, or beyond. */
static int check_jobs(const struct submission *s, const job_info_msg_t *msg, int *status)
{
    const slurm_job_info_t *rival = NULL;

    for (uint32_t i = 0; i < msg->record_count; i++) {
        const slurm_job_info_t *job = &msg->job_array[i];
        struct mir_tag tag;

        if (job->user_id != s->d->who.uid || !mir_comment_tag(job->comment, &tag))
            continue;
        if (strcmp(tag.token, s->tag.token) == 0) {
            *status = answer(s, job->job_id, job, true);
            return -1;
        }
        if (is_live(job) && strcmp(tag.chain, s->tag.chain) == 0 && tag.link >= s->tag.link)
            rival = job;
    }
    if (rival == NULL)
        return 0;
    *status = mir_deed_refuse(s->d, MIR_REFUSAL_OTHER,
                              "link %" PRId32 " of chain %s, or a later one, is already there: "
                              "job %" PRIu32,
                              s->tag.link, s->tag.chain, rival->job_id);
    return -1;
}

static int check_rivals(const struct submission *s, int *status)
{
    int64_t at = mir_deed_start();
    job_info_msg_t *msg = NULL;
    int rc, why;

    errno = 0;
    rc = slurm_load_job_user(&msg, s->d->who.uid, SHOW_ALL | SHOW_LOCAL);
    why = errno;
    mir_deed_stop(s->d, at);
    if (rc != SLURM_SUCCESS || msg == NULL) {
        *status = mir_deed_unavailable(s->d, "the jobs of uid %" PRIu32 " cannot be read: %s",
                                       s->d->who.uid, why != 0 ? slurm_strerror(why) : "no answer");
        return -1;
    }
    rc = check_jobs(s, msg, status);
    slurm_free_job_info_msg(msg);
    return rc;
}

/* --- what Slurm says --------------------------------------------------------------- */

/* The account, QOS, association, partition or reservation says no. */
static bool is_limit(int why)
{
    static const int limits[] = {
        ESLURM_INVALID_PARTITION_NAME,
        ESLURM_ACCESS_DENIED,
        ESLURM_JOB_MISSING_REQUIRED_PARTITION_GROUP,
        ESLURM_REQUESTED_NODES_NOT_IN_PARTITION,
        ESLURM_TOO_MANY_REQUESTED_CPUS,
        ESLURM_INVALID_NODE_COUNT,
        ESLURM_USER_ID_MISSING,
        ESLURM_REQUESTED_PART_CONFIG_UNAVAILABLE,
        ESLURM_INVALID_ACCOUNT,
        ESLURM_ACCOUNTING_POLICY,
        ESLURM_INVALID_TIME_LIMIT,
        ESLURM_RESERVATION_ACCESS,
        ESLURM_RESERVATION_INVALID,
        ESLURM_RESERVATION_BUSY,
        ESLURM_RESERVATION_NOT_USABLE,
        ESLURM_INVALID_WCKEY,
        ESLURM_INVALID_QOS,
        ESLURM_QOS_THRES,
        ESLURM_PARTITION_NOT_AVAIL,
        ESLURM_PARTITION_DOWN,
        ESLURM_BURST_BUFFER_PERMISSION,
        ESLURM_BURST_BUFFER_LIMIT,
        ESLURM_INVALID_TIME_MIN_LIMIT,
        ESLURM_RESERVATION_USER_GROUP,
        ESLURM_PARTITION_ASSOC,
        ESLURM_MISSING_TIME_LIMIT,
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        if (limits[i] == why)
            return true;
    }
    return false;
}

/*
 * Slurm's own words that no job was made, but may be another time.  libslurm turns
 * what its sockets say (EAGAIN, too) into numbers of its own once it has sent.
 */
static bool is_passing(int why)
{
    if (why == EAGAIN || why == MIR_ESLURM_QUEUE_FULL) /* MaxJobCount, sbatch's words for it */
        return true;
    switch (why) {
    case SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR: /* never connected, so never sent */
    case SLURM_COMMUNICATIONS_CONNECTION_ERROR:
    case ESLURM_WRITING_TO_FILE:
    case ESLURM_IN_STANDBY_MODE:
    case ESLURM_IN_STANDBY_USE_BACKUP:
    case ESLURM_SUBMISSIONS_DISABLED:
    case ESLURM_DISABLED:
    case ESLURM_DEFER:
    case ESLURM_REBOOT_IN_PROGRESS:
    case ESLURM_PORTS_BUSY:
        return true;
    default:
        return false;
    }
}

/*
 * Only what slurmctld itself answers is a refusal.  After an authentication error
 * (1007) the question or the answer may have been the one that failed, so that too
 * is unknown.
 */
static int answer_failure(const struct submission *s, int rc, int why)
{
    struct mir_deed *d = s->d;
    const char *text = why != 0 ? slurm_strerror(why) : "no reason";
    uint32_t id = d->who.id;

    if (rc == SLURM_SUCCESS || why == 0)
        return mir_deed_unknown(d, "successor of job %" PRIu32 ": slurmctld's answer is empty", id);
    if (is_passing(why))
        return mir_deed_unavailable(d, "successor of job %" PRIu32 ": %s", id, text);
    if (is_limit(why))
        return mir_deed_refuse(d, MIR_REFUSAL_LIMIT, "successor of job %" PRIu32 ": %s (%d)", id,
                               text, why);
    if ((why >= 2000 && why < 4000) || (why >= 7000 && why < 20000))
        return mir_deed_refuse(d, MIR_REFUSAL_OTHER, "successor of job %" PRIu32 ": %s (%d)", id,
                               text, why);
    return mir_deed_unknown(d, "successor of job %" PRIu32 ": %s (%d)", id, text, why);
}

static int answer_submitted(const struct submission *s, uint32_t id)
{
    job_info_msg_t *msg;
    struct mir_tag tag;
    int status;

    if (mir_deed_load(s->d, id, &msg, NULL) != 0)
        return answer(s, id, NULL, false);
    if (msg->job_array[0].user_id == s->d->who.uid &&
        mir_comment_tag(msg->job_array[0].comment, &tag) && strcmp(tag.token, s->tag.token) == 0)
        status = answer(s, id, &msg->job_array[0], false);
    else
        status = mir_deed_unknown(s->d,
                                  "successor of job %" PRIu32 ": slurmctld said job %" PRIu32
                                  ", and that one is another",
                                  s->d->who.id, id);
    slurm_free_job_info_msg(msg);
    return status;
}

/* --- the submission ---------------------------------------------------------------- */

static int submit_desc(const struct submission *s, job_desc_msg_t *desc)
{
    submit_response_msg_t *response = NULL;
    int64_t at;
    uint32_t id;
    int rc, why;

    if (mir_ask_leave(s->d->fd, s->d->ticket) != 0)
        return 1;
    at = mir_deed_start();
    errno = 0;
    rc = slurm_submit_batch_job(desc, &response);
    why = errno;
    mir_deed_stop(s->d, at);
    if (rc != SLURM_SUCCESS || response == NULL)
        return answer_failure(s, rc, why);
    id = SUBMIT_JOBID(response);
    slurm_free_submit_response_response_msg(response);
    return answer_submitted(s, id);
}

static void add_arguments(const struct submission *s, struct mir_environment *e)
{
    struct mir_str text = {0}, line = {0};
    size_t n = 0;

    /* Escaped as on the wire, so that a later capture reads them as they were. */
    for (size_t i = 0; i < s->t.n_fields; i++) {
        if (strcmp(s->t.fields[i].name, "argument") != 0 || n++ == 0)
            continue;
        line.len = 0;
        mir_wire_add(&line, "v", s->t.fields[i].value);
        mir_str_addf(&text, "%s%s", text.len > 0 ? " " : "", line.text + strlen(" v="));
    }
    if (text.len > 0)
        mir_environment_set(e, "MIRAGE_ARGUMENTS", text.text);
    mir_str_release(&text);
    mir_str_release(&line);
}

static void make_environment(const struct submission *s, struct mir_environment *e)
{
    char number[24];

    for (size_t i = 0; i < s->t.n_environment; i++)
        mir_environment_add(e, s->t.environment[i], strlen(s->t.environment[i]));
    mir_environment_set(e, "MIRAGE_CHAIN", s->tag.chain);
    snprintf(number, sizeof(number), "%" PRId32, s->tag.link);
    mir_environment_set(e, "MIRAGE_LINK", number);
    snprintf(number, sizeof(number), "%" PRIu32, s->d->who.id);
    mir_environment_set(e, "MIRAGE_PREDECESSOR", number);
    mir_environment_set(e, "MIRAGE_TOKEN", s->tag.token);
    add_arguments(s, e);
}

static int submit_template(const struct submission *s)
{
    struct mir_environment environment = {0};
    struct mir_str comment = {0};
    struct mir_error err = {{0}};
    job_desc_msg_t desc;
    char **argv = NULL;
    int status;

    slurm_init_job_desc_msg(&desc);
    if (mir_carry_to_desc(&s->t, &desc, &argv, &err) != 0)
        return mir_deed_refuse(s->d, MIR_REFUSAL_TEMPLATE, "successor of job %" PRIu32 ": %s",
                               s->d->who.id, err.text);
    mir_comment_retag(desc.comment, &s->tag, &comment);
    make_environment(s, &environment);
    desc.comment = comment.text;
    desc.environment = environment.v;
    desc.env_size = (uint32_t)environment.n;
    desc.script = s->t.script;
    desc.user_id = s->t.uid;
    desc.group_id = s->t.gid;
    status = submit_desc(s, &desc);
    free(argv);
    mir_str_release(&comment);
    mir_environment_release(&environment);
    return status;
}

static int submit_as_owner(struct submission *s)
{
    struct mir_deed *d = s->d;
    int status;

    if (s->t.gid == 0)
        return mir_deed_refuse(d, MIR_REFUSAL_OWNER,
                               "successor of job %" PRIu32 ": gid 0 is refused", d->who.id);
    if (mir_deed_become(d, s->t.gid, &status) != 0)
        return status;
    if (strncmp(s->t.script, "#!", 2) != 0 || !is_template_of_chain(s))
        return mir_deed_refuse(d, MIR_REFUSAL_TEMPLATE,
                               "the template for a successor of job %" PRIu32
                               " has no script or is of another chain",
                               d->who.id);
    if (stop_file_exists(s, s->stop_file))
        return refuse_stopped(s, s->stop_file);
    if (check_predecessor(s, &status) != 0 || check_rivals(s, &status) != 0)
        return status;
    return submit_template(s);
}

int mir_deed_submit(struct mir_deed *d)
{
    const char *id = mir_wire_get(d->question, "template");
    struct submission s = {.d = d};
    struct mir_error err = {{0}};
    uid_t uid = 0;
    int status;

    if (read_question(&s, &err) != 0)
        return mir_deed_refuse(d, MIR_REFUSAL_OTHER, "%s", err.text);
    if (mir_spool_read(d->settings->spool, id, &uid, &s.t, &err) != 0)
        return mir_deed_refuse(d, MIR_REFUSAL_TEMPLATE, "successor of job %" PRIu32 ": %s",
                               d->who.id, err.text);
    (void)mir_sent_read(d->settings->spool, id, uid, &s.sent, NULL); /* a damaged note is none */
    if (uid != d->who.uid)
        status =
            mir_deed_refuse(d, MIR_REFUSAL_TEMPLATE,
                            "successor of job %" PRIu32 ": the template is of uid %u, not %" PRIu32,
                            d->who.id, (unsigned)uid, d->who.uid);
    else
        status = submit_as_owner(&s);
    mir_template_release(&s.t);
    return status;
}
