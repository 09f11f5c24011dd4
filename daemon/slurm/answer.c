/* SPDX-License-Identifier: GPL-3.0-or-later */
/* answer.c - gathers records until the one that closes the answer. */
#include "daemon/slurm/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/slurm/decode.h"

/* ---- the records of lists */

static int too_many(const char *what, size_t max, struct mir_error *err)
{
    return mir_error_set(err, -ERANGE, "more than %zu %s in an answer", max, what);
}

static int
take_job(struct mir_slurm_answer *a, const struct mir_wire_record *r, struct mir_error *err)
{
    size_t max = a->kind == MIR_LIVE_JOBS ? MIR_SLURM_JOBS_MAX : 1;

    if (a->list.n_jobs >= max)
        return too_many("jobs", max, err);
    a->list.jobs = mir_grow(a->list.jobs, &a->cap_jobs, a->list.n_jobs + 1, sizeof *a->list.jobs);
    return mir_slurm_decode_job(r, &a->texts, &a->list.jobs[a->list.n_jobs++], err);
}

static int
take_past(struct mir_slurm_answer *a, const struct mir_wire_record *r, struct mir_error *err)
{
    if (a->n_past >= MIR_SLURM_PAST_MAX)
        return too_many("past jobs", MIR_SLURM_PAST_MAX, err);
    a->past = mir_grow(a->past, &a->cap_past, a->n_past + 1, sizeof *a->past);
    return mir_slurm_decode_past(r, &a->texts, &a->past[a->n_past++], err);
}

static int
take_cluster(struct mir_slurm_answer *a, const struct mir_wire_record *r, struct mir_error *err)
{
    if (a->has_cluster)
        return too_many("clusters", 1, err);
    a->has_cluster = true;
    return mir_slurm_decode_cluster(r, &a->cluster, err);
}

static int
take_partition(struct mir_slurm_answer *a, const struct mir_wire_record *r, struct mir_error *err)
{
    if (a->n_partitions >= MIR_SLURM_PARTITIONS_MAX)
        return too_many("partitions", MIR_SLURM_PARTITIONS_MAX, err);
    a->partitions =
        mir_grow(a->partitions, &a->cap_partitions, a->n_partitions + 1, sizeof *a->partitions);
    return mir_slurm_decode_partition(r, &a->partitions[a->n_partitions++], err);
}

static int
take_reservation(struct mir_slurm_answer *a, const struct mir_wire_record *r, struct mir_error *err)
{
    if (a->n_reservations >= MIR_SLURM_RESERVATIONS_MAX)
        return too_many("reservations", MIR_SLURM_RESERVATIONS_MAX, err);
    a->reservations = mir_grow(a->reservations, &a->cap_reservations, a->n_reservations + 1,
                               sizeof *a->reservations);
    return mir_slurm_decode_reservation(r, &a->reservations[a->n_reservations++], err);
}

typedef int (*take_f)(struct mir_slurm_answer *a,
                      const struct mir_wire_record *r,
                      struct mir_error *err);

#define KIND(kind) (1u << MIR_LIVE_##kind)

/* Which records an answer of a kind may hold. */
static const struct {
    const char *verb;
    unsigned kinds;
    take_f take;
} parts[] = {
    {"job", KIND(JOBS) | KIND(JOB) | KIND(SUBMITTED), take_job},
    {"past", KIND(HISTORY) | KIND(FOUND), take_past},
    {"cluster", KIND(CLUSTER), take_cluster},
    {"partition", KIND(CLUSTER), take_partition},
    {"reservation", KIND(CLUSTER), take_reservation},
};

static take_f part_of(const struct mir_slurm_answer *a, const char *verb)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if ((parts[i].kinds >> a->kind & 1) != 0 && strcmp(parts[i].verb, verb) == 0)
            return parts[i].take;
    }
    return NULL;
}

/* ---- the record that closes a list */

static int by_id(const void *a, const void *b)
{
    const struct mir_live_job *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static int by_start(const void *a, const void *b)
{
    const struct mir_live_past *x = a, *y = b;

    if (x->start_at != y->start_at)
        return x->start_at < y->start_at ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* The broker sorts as well; whoever looks a job up by halves must not depend on that. */
static void sort(void *rows, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    for (size_t i = 1; i < n; i++) {
        if (compare((char *)rows + (i - 1) * size, (char *)rows + i * size) > 0) {
            qsort(rows, n, size, compare);
            return;
        }
    }
}

/* Two jobs of one id: which one is meant could not be told. */
static int check_ids(const struct mir_live_jobs *list, struct mir_error *err)
{
    for (size_t i = 1; i < list->n_jobs; i++) {
        if (list->jobs[i - 1].id == list->jobs[i].id)
            return mir_error_set(err, -EINVAL, "job %u comes twice in a list", list->jobs[i].id);
    }
    return 0;
}

/* A list in which something is missing is none: absence from it would count as evidence. */
static int check_count(const struct mir_slurm_closing *closing, size_t n, struct mir_error *err)
{
    if ((size_t)closing->n != n)
        return mir_error_set(err, -EINVAL, "done says n=%lld, but %zu came", (long long)closing->n,
                             n);
    return 0;
}

static int close_jobs(struct mir_slurm_answer *a,
                      const struct mir_slurm_closing *closing,
                      struct mir_live_event *event,
                      struct mir_error *err)
{
    struct mir_live_jobs *list = &a->list;
    int rc;

    if (closing->at == 0)
        return mir_error_set(err, -EINVAL, "done without at: the list has no time");
    sort(list->jobs, list->n_jobs, sizeof *list->jobs, by_id);
    rc = check_ids(list, err);
    if (rc != 0)
        return rc;
    if (a->cap_jobs > list->n_jobs)
        list->jobs = mir_realloc(list->jobs, list->n_jobs, sizeof *list->jobs);
    a->cap_jobs = list->n_jobs;
    mir_slurm_texts_seal(&a->texts);
    list->at = closing->at;
    list->last_backfill_at = closing->backfill_at;
    a->last_update = closing->last_update;
    event->jobs = list;
    return 0;
}

static void close_cluster(struct mir_slurm_answer *a, struct mir_live_event *event)
{
    a->cluster.partitions = a->partitions;
    a->cluster.n_partitions = a->n_partitions;
    a->cluster.reservations = a->reservations;
    a->cluster.n_reservations = a->n_reservations;
    event->cluster = &a->cluster;
}

static int close_list(struct mir_slurm_answer *a,
                      const struct mir_slurm_closing *closing,
                      struct mir_live_event *event,
                      struct mir_error *err)
{
    int rc;

    switch (a->kind) {
    case MIR_LIVE_JOBS:
        rc = check_count(closing, a->list.n_jobs, err);
        return rc == 0 ? close_jobs(a, closing, event, err) : rc;
    case MIR_LIVE_JOB:
        event->job = a->list.n_jobs > 0 ? a->list.jobs : NULL;
        return check_count(closing, a->list.n_jobs, err);
    case MIR_LIVE_CLUSTER:
        close_cluster(a, event);
        return check_count(closing, 1, err) != 0 || !a->has_cluster
                   ? mir_error_set(err, -EINVAL, "done, but no cluster came")
                   : 0;
    default:
        sort(a->past, a->n_past, sizeof *a->past, by_start);
        event->past = a->past;
        event->n_past = a->n_past;
        event->more = closing->more;
        event->upto = closing->upto;
        return check_count(closing, a->n_past, err);
    }
}

static bool is_reading(enum mir_live_kind kind)
{
    return kind == MIR_LIVE_JOBS || kind == MIR_LIVE_JOB || kind == MIR_LIVE_CLUSTER ||
           kind == MIR_LIVE_HISTORY || kind == MIR_LIVE_FOUND;
}

static int take_done(struct mir_slurm_answer *a,
                     const struct mir_wire_record *r,
                     struct mir_live_event *event,
                     struct mir_error *err)
{
    struct mir_slurm_closing closing;
    int rc = mir_slurm_decode_closing(r, &closing, err);

    if (rc == 0 && strcmp(r->verb, "done") == 0)
        rc = close_list(a, &closing, event, err);
    event->outcome = MIR_OUTCOME_DONE;
    event->duration_ms = closing.ms;
    return rc;
}

/* ---- how an action ended */

/* The job that was read back is told only if it is that one. */
static int
attach_job(struct mir_slurm_answer *a, struct mir_live_event *event, struct mir_error *err)
{
    if (event->kind != MIR_LIVE_SUBMITTED || event->outcome != MIR_OUTCOME_DONE ||
        a->list.n_jobs == 0)
        return 0;
    if (a->list.jobs[0].id != event->submitted_id)
        return mir_error_set(err, -EINVAL, "submitted id=%u, but job %u was read back",
                             event->submitted_id, a->list.jobs[0].id);
    event->job = a->list.jobs;
    return 0;
}

/* ---- all of it */

int mir_slurm_answer_take(struct mir_slurm_answer *a,
                          const struct mir_wire_record *r,
                          struct mir_live_event *event,
                          struct mir_error *err)
{
    take_f take = part_of(a, r->verb);
    bool unchanged = a->asked_since && a->list.n_jobs == 0 && strcmp(r->verb, "unchanged") == 0;
    int rc;

    if (take != NULL)
        return take(a, r, err);
    *event = (struct mir_live_event){.kind = a->kind, .text = "", .workdir = ""};
    if (unchanged || (is_reading(a->kind) && strcmp(r->verb, "done") == 0))
        rc = take_done(a, r, event, err);
    else
        rc = mir_slurm_decode_outcome(r, event, err);
    if (rc == 0)
        rc = attach_job(a, event, err);
    return rc == 0 ? 1 : rc;
}

void mir_slurm_answer_release(struct mir_slurm_answer *a)
{
    mir_slurm_texts_release(&a->texts);
    free(a->list.jobs);
    free(a->past);
    free(a->partitions);
    free(a->reservations);
    *a = (struct mir_slurm_answer){.kind = a->kind};
}
