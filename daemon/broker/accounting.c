/* SPDX-License-Identifier: GPL-3.0-or-later */
/* accounting.c - past jobs from slurmdbd, in slices of time. */
#include "daemon/broker/accounting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/compat_db.h"
#include "daemon/broker/records.h"
#include "daemon/broker/site.h"
#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"

enum {
    /*
     * slurmdbd knows no limit on the number of rows, so pages are slices of time that
     * fit themselves to the traffic.  The longest is short, because a busy day may
     * follow an empty month.
     */
    SLICE_FIRST_S = 3600,
    SLICE_MAX_S = 6 * 3600,
    SLICE_ROWS_MAX = 5000, /* more: the slice is asked for again in parts */
    SLICE_ROWS_MIN = 1000, /* fewer: the next slice is twice as long */
    PAGE_ROWS = 2500,      /* enough for one answer */
    PAGE_S = 5,
};

struct qos_name {
    uint32_t id;
    char *name;
};

struct mir_accounting {
    void *connection; /* NULL: none; as long as one question */
    int64_t slice_s;
    struct qos_name *qos;
    size_t n_qos, cap_qos;
};

struct mir_accounting *mir_accounting_create(void)
{
    struct mir_accounting *a = MIR_NEW(struct mir_accounting);

    a->slice_s = SLICE_FIRST_S;
    return a;
}

static void disconnect(struct mir_accounting *a)
{
    if (a->connection != NULL)
        slurmdb_connection_close(&a->connection);
    a->connection = NULL;
}

void mir_accounting_destroy(struct mir_accounting *a)
{
    if (a == NULL)
        return;
    disconnect(a);
    for (size_t i = 0; i < a->n_qos; i++)
        free(a->qos[i].name);
    free(a->qos);
    free(a);
}

void mir_accounting_page_release(struct mir_accounting_page *page)
{
    for (size_t i = 0; i < page->n_answers; i++)
        slurm_list_destroy(page->answers[i]);
    free(page->answers);
    free(page->rows);
    *page = (struct mir_accounting_page){0};
}

/*
 * A question has a connection of its own.  slurmdbd keeps one database transaction for
 * each, and InnoDB shows a transaction the rows of its first look: over a connection
 * that stays, nothing new is ever seen.
 */
static int ask(struct mir_accounting *a,
               slurmdb_job_cond_t *condition,
               mir_slurm_list *out,
               struct mir_error *err)
{
    uint16_t flags = 0;

    /* Handed out also when slurmdbd is down; then the next call fails. */
    errno = 0;
    if (a->connection == NULL)
        a->connection = slurmdb_connection_get(&flags);
    if (a->connection == NULL)
        return mir_site_error(err, "connect to slurmdbd", errno);
    errno = 0;
    *out = slurmdb_jobs_get(a->connection, condition);
    return *out == NULL ? mir_site_error(err, "ask slurmdbd", errno) : 0;
}

static const char *find_qos(const struct mir_accounting *a, uint32_t id)
{
    for (size_t i = 0; i < a->n_qos; i++) {
        if (a->qos[i].id == id)
            return a->qos[i].name;
    }
    return NULL;
}

/* Names are only ever added: rows have lent them, and Slurm renames no QOS. */
static void load_qos(struct mir_accounting *a)
{
    slurmdb_qos_cond_t condition = {0};
    mir_slurm_list list = slurmdb_qos_get(a->connection, &condition);
    mir_slurm_list_iterator each;
    slurmdb_qos_rec_t *qos;

    if (list == NULL)
        return;
    each = slurm_list_iterator_create(list);
    while ((qos = slurm_list_next(each)) != NULL) {
        if (qos->name == NULL || find_qos(a, qos->id) != NULL)
            continue;
        a->qos = mir_grow(a->qos, &a->cap_qos, a->n_qos + 1, sizeof *a->qos);
        a->qos[a->n_qos++] = (struct qos_name){qos->id, mir_strdup(qos->name)};
    }
    slurm_list_iterator_destroy(each);
    slurm_list_destroy(list);
}

/* The row's QOS; slurmdbd is asked for names at most once a slice. */
static const char *qos_name(struct mir_accounting *a, uint32_t id, bool *asked)
{
    const char *name = find_qos(a, id);

    if (name == NULL && id != 0 && !*asked) {
        *asked = true;
        load_qos(a);
        name = find_qos(a, id);
    }
    return name == NULL ? "" : name;
}

static const char *text(const char *s)
{
    return s == NULL ? "" : s;
}

static void read_row(const slurmdb_job_rec_t *in, struct mir_live_past *out)
{
    uint32_t flags = 0;

    *out = (struct mir_live_past){0};
    out->id = in->jobid;
    out->uid = in->uid;
    out->n_nodes = in->alloc_nodes == NO_VAL ? 0 : in->alloc_nodes;
    out->limit_s = mir_record_limit_s(in->timelimit);
    /* A run that ended in a requeue or a change of size: flags where the state should be. */
    out->state = (in->state & (JOB_REQUEUE | JOB_RESIZING)) != 0
                     ? MIR_STATE_OTHER
                     : mir_record_state(in->state, &flags);
    if (mir_record_ended(out->state))
        mir_record_exit(in->exitcode, &out->exit_code, &out->exit_signal);
    out->submit_at = in->submit;
    out->eligible_at = in->eligible;
    out->start_at = in->start;
    out->end_at = in->end;
    out->user = text(in->user);
    out->account = text(in->account);
    out->partition = text(in->partition);
    out->name = text(in->jobname);
    out->comment = text(in->derived_es); /* slurmdbd's name for the user's comment */
    out->qos = "";
}

static void append_row(struct mir_accounting *a,
                       struct mir_accounting_page *page,
                       const slurmdb_job_rec_t *job,
                       bool *asked_qos)
{
    struct mir_live_past *row;

    page->rows = mir_grow(page->rows, &page->cap, page->n + 1, sizeof *page->rows);
    row = &page->rows[page->n++];
    read_row(job, row);
    row->qos = qos_name(a, job->qosid, asked_qos);
}

/* The page owns `list` from now on. */
static void keep_answer(struct mir_accounting_page *page, mir_slurm_list list)
{
    page->answers =
        mir_grow(page->answers, &page->cap_answers, page->n_answers + 1, sizeof(void *));
    page->answers[page->n_answers++] = list;
}

static int by_start(const void *a, const void *b)
{
    const struct mir_live_past *x = a, *y = b;

    if (x->start_at != y->start_at)
        return x->start_at < y->start_at ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void sort_page(struct mir_accounting_page *page)
{
    if (page->n > 1)
        qsort(page->rows, page->n, sizeof *page->rows, by_start);
}

static mir_slurm_list text_list(const char *only)
{
    mir_slurm_list list = slurm_list_create(free);

    slurm_list_append(list, mir_strdup(only));
    return list;
}

static mir_slurm_list number_list(uint32_t first, uint32_t last)
{
    mir_slurm_list list = slurm_list_create(free);

    for (uint32_t i = first; i <= last; i++) {
        struct mir_str s = {0};

        mir_str_addf(&s, "%" PRIu32, i);
        slurm_list_append(list, s.text);
    }
    return list;
}

/* Without a cluster list slurmdbd answers with the jobs of all clusters it serves. */
static void begin_condition(slurmdb_job_cond_t *condition, const char *cluster)
{
    *condition = (slurmdb_job_cond_t){0};
    condition->flags = JOBCOND_FLAG_NO_STEP | JOBCOND_FLAG_NO_TRUNC | JOBCOND_FLAG_DUP;
    condition->db_flags = SLURMDB_JOB_FLAG_NOTSET;
    condition->cluster_list = text_list(cluster);
}

static void end_condition(slurmdb_job_cond_t *condition)
{
    if (condition->cluster_list != NULL)
        slurm_list_destroy(condition->cluster_list);
    if (condition->state_list != NULL)
        slurm_list_destroy(condition->state_list);
    if (condition->userid_list != NULL)
        slurm_list_destroy(condition->userid_list);
}

static int ask_slice(struct mir_accounting *a,
                     const char *cluster,
                     int64_t from,
                     int64_t to,
                     mir_slurm_list *out,
                     struct mir_error *err)
{
    slurmdb_job_cond_t condition;
    int rc;

    begin_condition(&condition, cluster);
    condition.usage_start = from;
    condition.usage_end = to;
    /* With states that are ends, slurmdbd compares the window with the end. */
    condition.state_list = number_list(JOB_COMPLETE, JOB_END - 1);
    rc = ask(a, &condition, out, err);
    end_condition(&condition);
    return rc;
}

/* A job that ran, told in full, and ended in [from, to). */
static bool is_lesson(const slurmdb_job_rec_t *job, int64_t from, int64_t to)
{
    return job->submit > 0 && job->eligible > 0 && job->start > 0 && job->end >= job->start &&
           job->end >= from && job->end < to && job->uid != NO_VAL;
}

static void take_slice(struct mir_accounting *a,
                       struct mir_accounting_page *page,
                       mir_slurm_list list,
                       int64_t from,
                       int64_t to)
{
    mir_slurm_list_iterator each = slurm_list_iterator_create(list);
    const slurmdb_job_rec_t *job;
    bool asked_qos = false;

    while ((job = slurm_list_next(each)) != NULL) {
        if (is_lesson(job, from, to))
            append_row(a, page, job, &asked_qos);
    }
    slurm_list_iterator_destroy(each);
    keep_answer(page, list);
}

/* One slice; moves `upto` on, or makes the slice shorter when it holds too much. */
static int read_slice(struct mir_accounting *a,
                      const char *cluster,
                      int64_t to,
                      struct mir_accounting_page *page,
                      struct mir_error *err)
{
    int64_t from = page->upto;
    int64_t until = to - from > a->slice_s ? from + a->slice_s : to;
    mir_slurm_list list = NULL;
    int n, rc;

    rc = ask_slice(a, cluster, from, until, &list, err);
    if (rc != 0)
        return rc;
    n = slurm_list_count(list);
    if (n > SLICE_ROWS_MAX && until - from > 1) {
        slurm_list_destroy(list);
        a->slice_s = (until - from) / 2;
        return 0;
    }
    take_slice(a, page, list, from, until);
    page->upto = until;
    if (n < SLICE_ROWS_MIN && a->slice_s < SLICE_MAX_S)
        a->slice_s = a->slice_s * 2 > SLICE_MAX_S ? SLICE_MAX_S : a->slice_s * 2;
    return 0;
}

int mir_accounting_history(struct mir_accounting *a,
                           const char *cluster,
                           int64_t from,
                           int64_t to,
                           int64_t now,
                           struct mir_accounting_page *page,
                           struct mir_error *err)
{
    int64_t began_ns = mir_clock_mono_ns();
    int rc = 0;

    page->upto = from;
    if (to > now - MIR_ACCOUNTING_LAG_S)
        to = now - MIR_ACCOUNTING_LAG_S;
    while (rc == 0 && page->upto < to && page->n < PAGE_ROWS &&
           mir_clock_mono_ns() - began_ns < PAGE_S * 1000000000LL)
        rc = read_slice(a, cluster, to, page, err);
    disconnect(a);
    sort_page(page);
    return rc;
}

static bool has_token(const slurmdb_job_rec_t *job, const char *token)
{
    return (job->derived_es != NULL && strstr(job->derived_es, token) != NULL) ||
           (job->submit_line != NULL && strstr(job->submit_line, token) != NULL);
}

static void take_found(struct mir_accounting *a,
                       struct mir_accounting_page *page,
                       mir_slurm_list list,
                       uint32_t uid,
                       const char *token)
{
    mir_slurm_list_iterator each = slurm_list_iterator_create(list);
    const slurmdb_job_rec_t *job;
    bool asked_qos = false;

    while ((job = slurm_list_next(each)) != NULL) {
        if (job->uid == uid && job->submit > 0 && has_token(job, token))
            append_row(a, page, job, &asked_qos);
    }
    slurm_list_iterator_destroy(each);
    keep_answer(page, list);
}

int mir_accounting_find(struct mir_accounting *a,
                        const char *cluster,
                        uint32_t uid,
                        const char *token,
                        int64_t from,
                        struct mir_accounting_page *page,
                        struct mir_error *err)
{
    slurmdb_job_cond_t condition;
    mir_slurm_list list = NULL;
    int rc;

    begin_condition(&condition, cluster);
    condition.usage_start = from;
    condition.userid_list = number_list(uid, uid);
    rc = ask(a, &condition, &list, err);
    end_condition(&condition);
    if (rc == 0)
        take_found(a, page, list, uid, token);
    disconnect(a);
    sort_page(page);
    return rc;
}

int mir_accounting_federated(bool *out, struct mir_error *err)
{
    void *answer = NULL;
    int rc;

    errno = 0;
    rc = slurm_load_federation(&answer);
    if (rc != SLURM_SUCCESS)
        return mir_site_error(err, "read federation", errno);
    *out = answer != NULL && ((slurmdb_federation_rec_t *)answer)->name != NULL;
    if (answer != NULL)
        slurm_destroy_federation_rec(answer);
    return 0;
}
