/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stored.c - one job's command line, script and environment from slurmdbd. */
#include "daemon/broker/stored.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/broker/compat_db.h"
#include "daemon/core/alloc.h"

/* A query for one job.  libslurm's destructors are not exported: all is freed by hand. */
struct query {
    slurmdb_job_cond_t cond;
    slurm_selected_step_t step;
};

static void query_init(struct query *q, uint32_t id, uint32_t flags)
{
    *q = (struct query){.cond = {.flags = flags | JOBCOND_FLAG_NO_TRUNC}};
    q->cond.db_flags = SLURMDB_JOB_FLAG_NOTSET;
    q->step.step_id.job_id = id;
    q->step.step_id.step_id = NO_VAL;
    q->step.step_id.step_het_comp = NO_VAL;
    q->step.array_task_id = NO_VAL;
    q->step.het_job_offset = NO_VAL;
    q->cond.step_list = slurm_list_create(NULL);
    slurm_list_append(q->cond.step_list, &q->step);
}

static const char *text_of(const slurmdb_job_rec_t *job, enum mir_stored what)
{
    switch (what) {
    case MIR_STORED_SCRIPT:
        return job->script;
    case MIR_STORED_ENVIRONMENT:
        return job->env;
    default:
        return job->submit_line;
    }
}

/* What is asked of one row. */
struct wanted {
    uint32_t id, uid;
    int64_t submit_at;
    uint32_t flags;
    char *(*read)(const slurmdb_job_rec_t *job, void *arg); /* NULL: it is there, that is all */
    void *arg;
    char *text; /* what `read` says; NULL: the row has it not */
};

static bool is_it(const slurmdb_job_rec_t *job, const struct wanted *w)
{
    return job->uid == w->uid && job->submit == w->submit_at;
}

/*
 * Ids come again, submit times do not.  Without JOBCOND_FLAG_DUP slurmdbd gives an id's newest
 * row alone, and one with script or environment has nothing else in it: the plain one tells whose.
 */
static const slurmdb_job_rec_t *find_row(mir_slurm_list list, const struct wanted *w)
{
    mir_slurm_list_iterator it = slurm_list_iterator_create(list);
    const slurmdb_job_rec_t *job, *row = NULL;

    while ((job = slurm_list_next(it)) != NULL) {
        if ((w->flags & (JOBCOND_FLAG_SCRIPT | JOBCOND_FLAG_ENV)) != 0 || is_it(job, w))
            row = job;
    }
    slurm_list_iterator_destroy(it);
    return row;
}

static int ask(void *connection, struct wanted *w)
{
    const slurmdb_job_rec_t *job;
    mir_slurm_list list;
    struct query q;
    int rc = -ENOENT;

    query_init(&q, w->id, w->flags);
    list = slurmdb_jobs_get(connection, &q.cond);
    slurm_list_destroy(q.cond.step_list);
    if (list == NULL)
        return -EIO;
    job = find_row(list, w);
    if (job != NULL) {
        w->text = w->read != NULL ? w->read(job, w->arg) : NULL;
        rc = w->read != NULL && w->text == NULL ? -ENOENT : 0;
    }
    slurm_list_destroy(list);
    return rc;
}

static int ask_plain(void *connection, struct wanted w)
{
    w.flags = 0;
    w.read = NULL;
    return ask(connection, &w);
}

static int ask_slurmdbd(struct wanted *w, char **out, struct mir_error *err)
{
    uint16_t flags = 0;
    void *connection;
    int rc;

    errno = 0;
    connection = slurmdb_connection_get(&flags);
    if (connection == NULL)
        return mir_error_set(err, -EIO, "job %" PRIu32 ": there is no slurmdbd", w->id);
    rc = errno != 0 ? -EIO : 0;
    if (rc == 0 && (w->flags & (JOBCOND_FLAG_SCRIPT | JOBCOND_FLAG_ENV)) != 0)
        rc = ask_plain(connection, *w);
    if (rc == 0)
        rc = ask(connection, w);
    slurmdb_connection_close(&connection);
    if (rc == -EIO)
        return mir_error_set(err, rc, "job %" PRIu32 ": slurmdbd does not answer", w->id);
    if (rc != 0)
        return mir_error_set(err, rc, "job %" PRIu32 ": slurmdbd has not stored it", w->id);
    *out = w->text;
    return 0;
}

static char *read_text(const slurmdb_job_rec_t *job, void *arg)
{
    const char *text = text_of(job, *(const enum mir_stored *)arg);

    return text == NULL || *text == '\0' ? NULL : mir_strdup(text);
}

int mir_stored_read(uint32_t id,
                    uint32_t uid,
                    int64_t submit_at,
                    enum mir_stored what,
                    char **out,
                    struct mir_error *err)
{
    static const uint32_t flags[] = {0, JOBCOND_FLAG_SCRIPT, JOBCOND_FLAG_ENV};
    struct wanted w = {id, uid, submit_at, flags[what], read_text, &what, NULL};

    return ask_slurmdbd(&w, out, err);
}

static char *read_end(const slurmdb_job_rec_t *job, void *arg)
{
    *(uint32_t *)arg = job->state & JOB_STATE_BASE;
    /* slurmdbd's name for the user's comment */
    return mir_strdup(job->derived_es != NULL ? job->derived_es : "");
}

int mir_stored_end(uint32_t id,
                   uint32_t uid,
                   int64_t submit_at,
                   uint32_t *state,
                   char **comment,
                   struct mir_error *err)
{
    struct wanted w = {id, uid, submit_at, JOBCOND_FLAG_DUP, read_end, state, NULL};

    return ask_slurmdbd(&w, comment, err);
}
