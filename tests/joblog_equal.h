/*
 * joblog_equal.h - do two job logs say the same?  Names are compared as text:
 * their numbers depend on the order in which they were met.  For tests.
 */
#ifndef MIR_TESTS_JOBLOG_EQUAL_H
#define MIR_TESTS_JOBLOG_EQUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "daemon/host/joblog.h"

static inline bool
same_name(const struct mir_names *a, uint32_t i, const struct mir_names *b, uint32_t j)
{
    return strcmp(mir_names_get(a, i), mir_names_get(b, j)) == 0;
}

static inline bool same_numbers(const struct mir_job *p, const struct mir_job *q)
{
    return p->submit_at == q->submit_at && p->id == q->id && p->priority == q->priority &&
           p->wait_s == q->wait_s && p->run_s == q->run_s && p->limit_s == q->limit_s &&
           p->eligible_s == q->eligible_s && p->n_nodes == q->n_nodes && p->n_cpus == q->n_cpus &&
           p->array_task == q->array_task && p->n_gpus == q->n_gpus && p->state == q->state;
}

static inline bool same_extras(const struct mir_joblog *a,
                               const struct mir_job *p,
                               const struct mir_joblog *b,
                               const struct mir_job *q)
{
    const struct mir_job_extra *x = mir_joblog_get_extra(a, p);
    const struct mir_job_extra *y = mir_joblog_get_extra(b, q);

    return x->mem_bytes == y->mem_bytes && x->nice == y->nice &&
           x->array_throttle == y->array_throttle && x->cancelled_s == y->cancelled_s &&
           same_name(&a->names, x->dependency, &b->names, y->dependency);
}

static inline bool same_job(const struct mir_joblog *a,
                            const struct mir_job *p,
                            const struct mir_joblog *b,
                            const struct mir_job *q)
{
    return same_numbers(p, q) && same_name(&a->users, p->user, &b->users, q->user) &&
           same_name(&a->accounts, p->account, &b->accounts, q->account) &&
           same_name(&a->partitions, p->partition, &b->partitions, q->partition) &&
           same_name(&a->qos, p->qos, &b->qos, q->qos) &&
           same_name(&a->names, p->name, &b->names, q->name) && same_extras(a, p, b, q);
}

/* The number of the first job that differs; SIZE_MAX when the logs are the same. */
static inline size_t first_difference(const struct mir_joblog *a, const struct mir_joblog *b)
{
    size_t n = a->n_jobs < b->n_jobs ? a->n_jobs : b->n_jobs;

    for (size_t i = 0; i < n; i++) {
        if (!same_job(a, &a->jobs[i], b, &b->jobs[i]))
            return i;
    }
    if (a->n_jobs != b->n_jobs || a->n_nodes != b->n_nodes || a->n_procs != b->n_procs ||
        a->unix_start_at != b->unix_start_at)
        return n;
    return SIZE_MAX;
}

#endif
