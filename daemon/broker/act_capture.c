/* SPDX-License-Identifier: GPL-3.0-or-later */
/* act_capture.c - keep what a successor of a live job is made of. */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <munge.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/broker/act.h"
#include "daemon/broker/carry.h"
#include "daemon/broker/environment.h"
#include "daemon/broker/options.h"
#include "daemon/broker/saved.h"
#include "daemon/broker/spool.h"
#include "daemon/broker/stored.h"
#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"

/*
 * How old a job is at least before what is missing is taken to be missing for good:
 * slurmdbd and slurmctld's saved state are seconds behind.
 */
enum { LINE_WAIT_S = 60, LINE_WAIT_DOWN_S = 600, STATE_WAIT_S = 15 };

/* Everything of one capture, so that one place gives it back. */
struct capture {
    struct mir_deed *d;
    const slurm_job_info_t *job;
    int spool_fd;
    char template_id[MIR_TEMPLATE_ID_LEN + 1];
    struct mir_saved saved;
    struct mir_environment environment;
    struct mir_options options;
    struct mir_template t;
};

/* --- may it be captured? ----------------------------------------------------------- */

static bool is_live(const slurm_job_info_t *job)
{
    uint32_t base = job->job_state & JOB_STATE_BASE;

    if ((job->job_state & (JOB_COMPLETING | JOB_REVOKED)) != 0)
        return false;
    return base == JOB_PENDING || base == JOB_RUNNING || base == JOB_SUSPENDED;
}

/* We are the owner by now: are his groups as the system knows them ours. */
static bool has_group(gid_t gid)
{
    int n = getgroups(0, NULL);
    gid_t *groups;
    bool found = getegid() == gid;

    if (n <= 0)
        return found;
    groups = MIR_NEW_ARRAY(gid_t, (size_t)n);
    n = getgroups(n, groups);
    for (int i = 0; i < n && !found; i++)
        found = groups[i] == gid;
    free(groups);
    return found;
}

static int check(struct capture *c, int *status)
{
    const slurm_job_info_t *job = c->job;
    struct mir_deed *d = c->d;
    struct mir_error err = {{0}};

    if (!mir_deed_is(job, &d->who))
        *status =
            mir_deed_refuse(d, MIR_REFUSAL_IDENTITY,
                            "job %" PRIu32 " is not the one that was meant: it is of uid %" PRIu32
                            ", submitted at %" PRId64,
                            d->who.id, job->user_id, (int64_t)job->submit_time);
    else if (!mir_deed_opted_in(job))
        *status =
            mir_deed_refuse(d, MIR_REFUSAL_IDENTITY,
                            "job %" PRIu32 ": its comment does not ask for a chain", d->who.id);
    else if (job->group_id == 0 || !has_group(job->group_id))
        *status = mir_deed_refuse(d, MIR_REFUSAL_OWNER,
                                  "job %" PRIu32 " runs with gid %" PRIu32
                                  ", which is not one of its owner's groups",
                                  d->who.id, job->group_id);
    else if (!is_live(job))
        *status = mir_deed_refuse(d, MIR_REFUSAL_IDENTITY, "job %" PRIu32 " neither waits nor runs",
                                  d->who.id);
    else if (mir_carry_check(job, &err) != 0)
        *status = mir_deed_refuse(d, MIR_REFUSAL_NOT_CARRIED, "%s", err.text);
    else
        return 0;
    return -1;
}

/* --- script ------------------------------------------------------------------------ */

/* NULL with -ENOENT or -EIO in `*rc` (may be NULL) when slurmdbd has it not. */
static char *stored(struct capture *c, enum mir_stored what, int *rc)
{
    int64_t at = mir_deed_start();
    char *text = NULL;
    int failed =
        mir_stored_read(c->job->job_id, c->job->user_id, c->job->submit_time, what, &text, NULL);

    mir_deed_stop(c->d, at);
    if (rc != NULL)
        *rc = failed;
    return failed == 0 ? text : NULL;
}

static int take_script(struct capture *c, int *status)
{
    c->t.script = mir_deed_script(c->d);
    if (c->t.script == NULL)
        c->t.script = stored(c, MIR_STORED_SCRIPT, NULL);
    if (c->t.script == NULL) {
        *status = mir_deed_unavailable(
            c->d, "job %" PRIu32 ": neither slurmctld nor slurmdbd gives its script", c->d->who.id);
        return -1;
    }
    if (strlen(c->t.script) > MIR_TEMPLATE_SCRIPT_MAX) {
        *status =
            mir_deed_refuse(c->d, MIR_REFUSAL_NOT_CARRIED,
                            "job %" PRIu32 ": its script has %zu bytes, more than the %d that "
                            "are kept",
                            c->d->who.id, strlen(c->t.script), MIR_TEMPLATE_SCRIPT_MAX);
        return -1;
    }
    if (strncmp(c->t.script, "#!", 2) != 0) {
        *status =
            mir_deed_refuse(c->d, MIR_REFUSAL_NOT_CARRIED,
                            "job %" PRIu32 ": its script does not begin with #!", c->d->who.id);
        return -1;
    }
    return 0;
}

/* --- environment ------------------------------------------------------------------- */

/* Where this site's munged listens, as Slurm itself knows it. */
static void set_munge_socket(munge_ctx_t ctx)
{
    static const char key[] = "socket=";
    slurm_conf_t *conf = NULL;
    const char *at;

    if (slurm_load_ctl_conf(0, &conf) != SLURM_SUCCESS || conf == NULL)
        return;
    at = conf->authinfo != NULL ? strstr(conf->authinfo, key) : NULL;
    if (at != NULL) {
        char *path = mir_strdup(at + sizeof(key) - 1);

        path[strcspn(path, ",")] = '\0';
        (void)munge_ctx_set(ctx, MUNGE_OPT_SOCKET, path);
        free(path);
    }
    slurm_free_ctl_conf(conf);
}

/*
 * Handed in at enrolment.  That munge made it for this uid is what counts: it may
 * be old, and it was looked at before.
 */
static int from_munge(struct capture *c, const char *credential, struct mir_error *err)
{
    munge_ctx_t ctx = munge_ctx_create();
    void *bytes = NULL;
    int len = 0, rc;
    uid_t uid = 0;
    gid_t gid;
    munge_err_t e;

    if (ctx == NULL)
        return mir_error_set(err, -EIO, "munge cannot be used");
    set_munge_socket(ctx);
    e = munge_decode(credential, ctx, &bytes, &len, &uid, &gid);
    if (e != EMUNGE_SUCCESS && e != EMUNGE_CRED_EXPIRED && e != EMUNGE_CRED_REPLAYED)
        rc = mir_error_set(err, -EIO, "the environment's credential: %s", munge_strerror(e));
    else if (uid != c->d->who.uid)
        rc = mir_error_set(err, -EPERM, "the environment was handed in by uid %u, not the owner",
                           (unsigned)uid);
    else
        rc = mir_environment_parse_enrolled(bytes, len > 0 ? (size_t)len : 0, c->d->who.id,
                                            &c->environment, err);
    free(bytes);
    munge_ctx_destroy(ctx);
    return rc;
}

/* True when slurmdbd has it and its lines say without doubt where each variable ends. */
static bool from_accounting(struct capture *c, struct mir_environment *doubtful)
{
    char *text = stored(c, MIR_STORED_ENVIRONMENT, NULL);
    bool ambiguous = false;
    int rc;

    if (text == NULL)
        return false;
    rc = mir_environment_parse_lines(text, doubtful, &ambiguous, NULL);
    free(text);
    if (rc != 0)
        mir_environment_release(doubtful);
    return rc == 0 && doubtful->n > 0 && !ambiguous;
}

static void from_nowhere(struct capture *c)
{
    c->t.environment_source = MIR_ENVIRONMENT_LOGIN;
    mir_environment_set(&c->environment, "SLURM_GET_USER_ENV", "1");
}

/* In the order of preference; slurmdbd's is taken in spite of doubts when there is no exact one. */
static void find_environment(struct capture *c)
{
    struct mir_environment doubtful = {0};

    if (from_accounting(c, &doubtful)) {
        c->t.environment_source = MIR_ENVIRONMENT_ACCOUNTING;
        c->environment = doubtful;
        return;
    }
    if (mir_saved_environment(&c->saved, &c->environment, NULL) == 0 && c->environment.n > 0) {
        c->t.environment_source = MIR_ENVIRONMENT_STATE_SAVE;
        mir_environment_release(&doubtful);
        return;
    }
    mir_environment_release(&c->environment);
    if (doubtful.n > 0) {
        c->t.environment_source = MIR_ENVIRONMENT_ACCOUNTING;
        c->environment = doubtful;
        return;
    }
    from_nowhere(c);
}

static void set_missing(struct mir_environment *e, const char *name, const char *value)
{
    if (value != NULL && mir_environment_get(e, name) == NULL)
        mir_environment_set(e, name, value);
}

/* What sbatch adds to a shell's environment, where that is what we have. */
static void add_sbatch_variables(struct capture *c)
{
    set_missing(&c->environment, "SLURM_SUBMIT_DIR", c->job->work_dir);
    set_missing(&c->environment, "SLURM_SUBMIT_HOST", c->job->alloc_node);
    set_missing(&c->environment, "SLURM_JOB_NAME", c->job->name);
    set_missing(&c->environment, "SLURM_DISTRIBUTION", c->options.value[MIR_OPTION_DISTRIBUTION]);
    if (c->options.value[MIR_OPTION_OVERCOMMIT] != NULL)
        set_missing(&c->environment, "SLURM_OVERCOMMIT", "1");
}

static int take_environment(struct capture *c, int *status)
{
    const char *credential = mir_wire_get(c->d->question, "environment");
    struct mir_error err = {{0}};

    if (credential == NULL || *credential == '\0') {
        find_environment(c);
        return 0;
    }
    c->t.environment_source = MIR_ENVIRONMENT_ENROLLED;
    switch (from_munge(c, credential, &err)) {
    case 0:
        return 0;
    case -EIO:
        *status = mir_deed_unavailable(c->d, "job %" PRIu32 ": %s", c->d->who.id, err.text);
        return -1;
    default:
        *status =
            mir_deed_refuse(c->d, MIR_REFUSAL_OTHER, "job %" PRIu32 ": %s", c->d->who.id, err.text);
        return -1;
    }
}

/* --- arguments --------------------------------------------------------------------- */

/* MIRAGE_ARGUMENTS: each argument with %XX for blanks and the like, a blank between. */
static bool arguments_from_variable(struct capture *c, struct mir_environment *out)
{
    const char *text = mir_environment_get(&c->environment, "MIRAGE_ARGUMENTS");
    size_t tail = strlen(c->job->command), len = 0;

    for (; text != NULL && *text != '\0';) {
        struct mir_wire_record r;
        struct mir_str line = {0};
        size_t n = strcspn(text, " ");

        mir_str_add(&line, "a v=");
        mir_str_add_n(&line, text, n);
        if (mir_wire_parse(line.text, line.len, &r, NULL) == 0 && r.n_fields == 1)
            mir_environment_add(out, r.fields[0].value, r.fields[0].len);
        mir_str_release(&line);
        text += n + (text[n] == ' ');
    }
    /* Only if they are the job's: joined, they must be the end of its command. */
    for (size_t i = out->n; i-- > 0;) {
        len = strlen(out->v[i]);
        if (tail < len + 1 || strncmp(c->job->command + tail - len, out->v[i], len) != 0 ||
            c->job->command[tail - len - 1] != ' ')
            break;
        tail -= len + 1;
        if (i == 0)
            return strlen(c->job->command) > tail && c->job->command[0] == '/';
    }
    mir_environment_release(out);
    return false;
}

/*
 * Slurm's record joins path and arguments with blanks, and tells no more.  A
 * command without blanks has no arguments; one with a single blank has one argument
 * when its first word is a file (a script's path rarely has blanks itself).
 */
static bool arguments_from_command(struct capture *c, struct mir_environment *out)
{
    const char *command = c->job->command, *blank = strchr(command, ' ');
    char *path;
    bool is_file;

    if (blank == NULL)
        return true;
    if (access(command, F_OK) == 0)
        return c->job->name != NULL && strchr(c->job->name, ' ') != NULL;
    if (blank[1] == '\0' || strchr(blank + 1, ' ') != NULL)
        return false;
    path = mir_strdup(command);
    path[blank - command] = '\0';
    is_file = access(path, F_OK) == 0;
    free(path);
    if (is_file)
        mir_environment_add(out, blank + 1, strlen(blank + 1));
    return is_file;
}

/* Which words are arguments: from who knows it exactly, else where there is no doubt. */
static bool find_arguments(struct capture *c, struct mir_environment *out)
{
    const char *command = c->job->command;

    return strchr(command, ' ') == NULL || arguments_from_variable(c, out) ||
           mir_saved_arguments(&c->saved, command, out, NULL) == 0 ||
           arguments_from_command(c, out);
}

static int answer_no_arguments(struct capture *c)
{
    if (c->saved.fd >= 0 && mir_clock_wall() - c->job->submit_time < STATE_WAIT_S)
        return mir_deed_unavailable(c->d, "job %" PRIu32 ": slurmctld has not saved it yet",
                                    c->d->who.id);
    return mir_deed_refuse(c->d, MIR_REFUSAL_NOT_CARRIED,
                           "job %" PRIu32
                           ": Slurm's record does not tell the arguments of its script apart "
                           "(%.200s); submit it with mirage submit",
                           c->d->who.id, c->job->command);
}

static int take_arguments(struct capture *c, int *status)
{
    struct mir_environment list = {0};
    const char *command = c->job->command;
    size_t len;
    char *path;

    if (command == NULL || *command == '\0')
        return 0; /* --wrap, or a script on standard input: neither has arguments */
    if (!find_arguments(c, &list)) {
        mir_environment_release(&list);
        *status = answer_no_arguments(c);
        return -1;
    }
    len = strlen(command);
    for (size_t i = 0; i < list.n; i++)
        len -= strlen(list.v[i]) + 1;
    path = mir_strdup(command);
    path[len] = '\0';
    mir_template_add_field(&c->t, "argument", path);
    free(path);
    for (size_t i = 0; i < list.n; i++)
        mir_template_add_field(&c->t, "argument", list.v[i]);
    mir_environment_release(&list);
    return 0;
}

/* --- all of it --------------------------------------------------------------------- */

/* What --wrap was given: sbatch makes a script of three lines from it. */
static char *wrapped_text(const char *script)
{
    static const char mark[] = "# This script was created by sbatch --wrap.\n\n";
    const char *at = strstr(script, mark);
    size_t len;
    char *text;

    if (at == NULL)
        return NULL;
    text = mir_strdup(at + sizeof(mark) - 1);
    len = strlen(text);
    while (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    return text;
}

/*
 * Without the command line its --signal and the like would be lost, so wait for a
 * slurmdbd that is behind or down; not for ever: a chain without a successor is worse.
 */
static bool may_come_later(const struct capture *c, int rc)
{
    int64_t age_s = mir_clock_wall() - c->job->submit_time;

    return age_s < (rc == -EIO ? LINE_WAIT_DOWN_S : LINE_WAIT_S) && mir_deed_has_accounting(c->d);
}

static void read_options(struct capture *c, const char *line)
{
    char *wrapped = wrapped_text(c->t.script);
    char *script = c->job->command != NULL ? mir_strdup(c->job->command) : NULL;

    if (script != NULL)
        script[strcspn(script, " ")] = '\0';
    mir_options_read_script(&c->options, c->t.script);
    mir_options_read_environment(&c->options, &c->environment);
    if (line != NULL) {
        mir_options_read_line(&c->options, line, script, wrapped);
        mir_template_add_field(&c->t, "submit-line", line);
    }
    free(script);
    free(wrapped);
}

static int take_options(struct capture *c, int *status)
{
    int rc;
    char *line = stored(c, MIR_STORED_LINE, &rc);

    if (line == NULL && may_come_later(c, rc)) {
        *status = mir_deed_unavailable(
            c->d, "job %" PRIu32 ": slurmdbd does not have its command line yet", c->d->who.id);
        return -1;
    }
    read_options(c, line);
    free(line);
    return 0;
}

static int answer(struct capture *c)
{
    struct mir_str s = {0};

    mir_deed_begin(c->d, "captured", &s);
    mir_wire_add(&s, "template", c->template_id);
    mir_wire_add(&s, "environment", mir_environment_source_name(c->t.environment_source));
    mir_wire_add_i64(&s, "warn_s", c->t.warn_s);
    mir_wire_add(&s, "workdir", c->job->work_dir);
    return mir_deed_answer(c->d, &s);
}

static int write_template(struct capture *c)
{
    struct mir_error err = {{0}};
    int rc;

    c->t.uid = c->job->user_id;
    c->t.gid = c->job->group_id;
    c->t.job_id = c->job->job_id;
    c->t.submit_at = c->job->submit_time;
    for (size_t i = 0; i < c->environment.n; i++)
        mir_template_add_variable(&c->t, c->environment.v[i]);
    rc = mir_spool_write(c->spool_fd, &c->t, &err);
    if (rc == -E2BIG)
        return mir_deed_refuse(c->d, MIR_REFUSAL_NOT_CARRIED, "%s", err.text);
    if (rc != 0)
        return mir_deed_unavailable(c->d, "job %" PRIu32 ": %s", c->d->who.id, err.text);
    return answer(c);
}

static int capture_job(struct capture *c)
{
    struct mir_error err = {{0}};
    bool exact;
    int status;

    if (check(c, &status) != 0 || take_script(c, &status) != 0 ||
        take_environment(c, &status) != 0 || take_options(c, &status) != 0 ||
        take_arguments(c, &status) != 0)
        return status;
    exact = c->t.environment_source == MIR_ENVIRONMENT_ACCOUNTING ||
            c->t.environment_source == MIR_ENVIRONMENT_STATE_SAVE;
    if (!exact)
        add_sbatch_variables(c);
    mir_environment_strip(&c->environment);
    if (mir_carry_from_job(c->job, &c->options, &c->environment, &c->t, &err) != 0)
        return mir_deed_refuse(c->d, MIR_REFUSAL_NOT_CARRIED, "%s", err.text);
    return write_template(c);
}

static int capture_as_owner(struct capture *c)
{
    struct mir_error err = {{0}};
    job_info_msg_t *msg;
    int status, rc;

    if (mir_deed_become(c->d, 0, &status) != 0)
        return status;
    rc = mir_deed_load(c->d, c->d->who.id, &msg, &err);
    if (rc == -ESRCH)
        return mir_deed_refuse(c->d, MIR_REFUSAL_IDENTITY, "%s", err.text);
    if (rc != 0)
        return mir_deed_unavailable(c->d, "%s", err.text);
    c->job = &msg->job_array[0];
    status = capture_job(c);
    slurm_free_job_info_msg(msg);
    return status;
}

int mir_deed_capture(struct mir_deed *d)
{
    struct capture c = {.d = d};
    struct mir_error err = {{0}};
    int status;

    /* The two things that only the privileged may; then the privilege goes. */
    c.spool_fd = mir_spool_begin(d->settings->spool, d->who.uid, c.template_id, &err);
    if (c.spool_fd < 0)
        return mir_deed_unavailable(d, "job %" PRIu32 ": %s", d->who.id, err.text);
    if (mir_saved_start(d->settings, d->who.id, &c.saved, &err) != 0)
        status = mir_deed_unavailable(d, "job %" PRIu32 ": %s", d->who.id, err.text);
    else
        status = capture_as_owner(&c);
    mir_saved_end(&c.saved);
    mir_environment_release(&c.environment);
    mir_options_release(&c.options);
    mir_template_release(&c.t);
    close(c.spool_fd);
    return status;
}
