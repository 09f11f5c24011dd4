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

/* The newest row of `list`: ids come again, submit times do not. */
static const slurmdb_job_rec_t *newest(mir_slurm_list list)
{
    mir_slurm_list_iterator it = slurm_list_iterator_create(list);
    const slurmdb_job_rec_t *job, *best = NULL;

    while ((job = slurm_list_next(it)) != NULL) {
        if (best == NULL || job->submit > best->submit)
            best = job;
    }
    slurm_list_iterator_destroy(it);
    return best;
}

/* A row with script or environment has nothing else in it: only the plain one tells whose it is. */
static int ask(void *connection,
               uint32_t id,
               uint32_t uid,
               int64_t submit_at,
               enum mir_stored what,
               char **out)
{
    static const uint32_t flags[] = {0, JOBCOND_FLAG_SCRIPT, JOBCOND_FLAG_ENV};
    const slurmdb_job_rec_t *job;
    mir_slurm_list list;
    struct query q;
    int rc = -ENOENT;

    query_init(&q, id, flags[what]);
    list = slurmdb_jobs_get(connection, &q.cond);
    slurm_list_destroy(q.cond.step_list);
    if (list == NULL)
        return -EIO;
    job = newest(list);
    if (job != NULL && (what != MIR_STORED_LINE || (job->uid == uid && job->submit == submit_at))) {
        const char *text = text_of(job, what);

        rc = text == NULL || *text == '\0' ? -ENOENT : 0;
        if (rc == 0 && out != NULL)
            *out = mir_strdup(text);
        if (what == MIR_STORED_LINE && out == NULL)
            rc = 0;
    }
    slurm_list_destroy(list);
    return rc;
}

int mir_stored_read(uint32_t id,
                    uint32_t uid,
                    int64_t submit_at,
                    enum mir_stored what,
                    char **out,
                    struct mir_error *err)
{
    uint16_t flags = 0;
    void *connection;
    int rc;

    errno = 0;
    connection = slurmdb_connection_get(&flags);
    if (connection == NULL)
        return mir_error_set(err, -EIO, "job %" PRIu32 ": there is no slurmdbd", id);
    rc = errno != 0 ? -EIO : 0;
    /* Whose row it is, first: the row with the script does not say. */
    if (rc == 0)
        rc = ask(connection, id, uid, submit_at, MIR_STORED_LINE,
                 what == MIR_STORED_LINE ? out : NULL);
    if (rc == 0 && what != MIR_STORED_LINE)
        rc = ask(connection, id, uid, submit_at, what, out);
    slurmdb_connection_close(&connection);
    if (rc == -EIO)
        return mir_error_set(err, rc, "job %" PRIu32 ": slurmdbd does not answer", id);
    return rc == 0 ? 0 : mir_error_set(err, rc, "job %" PRIu32 ": slurmdbd has not stored it", id);
}
