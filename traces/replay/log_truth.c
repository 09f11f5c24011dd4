/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log_truth.c - see log_truth.h. */
#include "traces/replay/log_truth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/host/job.h"

static const struct {
    const char *name, *title;
    unsigned part;
} PARTS[] = {
    {"run-times", "run times", MIR_LOG_TRUTH_RUN_TIMES},
    {"arrivals", "arrivals", MIR_LOG_TRUTH_ARRIVALS},
    {"grid", "grid", MIR_LOG_TRUTH_GRID},
};

enum { N_PARTS = sizeof(PARTS) / sizeof(PARTS[0]) };

static unsigned part_named(const char *name, size_t len)
{
    for (unsigned i = 0; i < N_PARTS; i++) {
        if (strlen(PARTS[i].name) == len && memcmp(PARTS[i].name, name, len) == 0)
            return PARTS[i].part;
    }
    return 0;
}

int mir_log_truth_parse(const char *text, unsigned *parts, struct mir_error *err)
{
    unsigned found = 0;

    for (const char *s = text;; s++) {
        size_t len = strcspn(s, ",");
        unsigned part = part_named(s, len);

        if (part == 0)
            return mir_error_set(err, -EINVAL, "'%.*s' is none of run-times, arrivals, grid",
                                 (int)(len < 40 ? len : 40), s);
        found |= part;
        s += len;
        if (*s == '\0')
            break;
    }
    *parts = found;
    return 0;
}

const char *mir_log_truth_format(unsigned parts, char text[64])
{
    size_t used = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < N_PARTS; i++) {
        if ((parts & PARTS[i].part) == 0)
            continue;
        used +=
            (size_t)snprintf(text + used, 64 - used, "%s%s", used > 0 ? ", " : "", PARTS[i].title);
    }
    return text;
}

/* ---- run times */

struct mir_log_truth_job {
    int64_t submit_at;
    uint32_t id;
    int32_t run_s;
};

static int by_submission(const void *a, const void *b)
{
    const struct mir_log_truth_job *x = a, *y = b;

    if (x->submit_at != y->submit_at)
        return x->submit_at < y->submit_at ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Tasks of one array have one id; of them any is taken. */
static int32_t run_s(const void *context, uint32_t id, int64_t submit_at)
{
    const struct mir_log_truth *t = context;
    const struct mir_log_truth_job key = {.submit_at = submit_at, .id = id};
    const struct mir_log_truth_job *job =
        bsearch(&key, t->jobs, t->workload->n_jobs, sizeof(key), by_submission);

    return job == NULL ? MIR_UNKNOWN : job->run_s;
}

static void know_run_times(struct mir_log_truth *t)
{
    size_t n = t->workload->n_jobs;

    t->jobs = MIR_NEW_ARRAY(struct mir_log_truth_job, n);
    for (size_t i = 0; i < n; i++) {
        const struct mir_job *job = &t->workload->jobs[i];

        t->jobs[i] = (struct mir_log_truth_job){job->submit_at, job->id, job->run_s};
    }
    qsort(t->jobs, n, sizeof(t->jobs[0]), by_submission);
    t->known.run_s = run_s;
    t->known.context = t;
}

/* ---- arrivals */

/* One that is never cancelled and waits for no other job. */
static void know_arrivals(struct mir_log_truth *t)
{
    size_t n = t->workload->n_jobs;

    t->arrivals = MIR_NEW_ARRAY(struct mir_seed_arrival, n);
    for (size_t i = 0; i < n; i++) {
        const struct mir_job *job = &t->workload->jobs[i];

        t->arrivals[i] = (struct mir_seed_arrival){
            .submit_at = job->submit_at,
            .n_nodes = job->n_nodes,
            .limit_s = job->limit_s,
            .run_s = job->run_s,
            .user = job->user,
            .partition = job->partition,
            .account = job->account,
            .qos = job->qos,
        };
    }
    t->known.arrivals = t->arrivals;
    t->known.n_arrivals = n;
}

void mir_log_truth_make(const struct mir_workload *workload,
                        unsigned parts,
                        struct mir_log_truth *out)
{
    *out = (struct mir_log_truth){.workload = workload};
    if ((parts & MIR_LOG_TRUTH_RUN_TIMES) != 0)
        know_run_times(out);
    if ((parts & MIR_LOG_TRUTH_ARRIVALS) != 0)
        know_arrivals(out);
    out->known.fine = (parts & MIR_LOG_TRUTH_GRID) != 0;
}

void mir_log_truth_release(struct mir_log_truth *truth)
{
    free(truth->jobs);
    free(truth->arrivals);
    *truth = (struct mir_log_truth){0};
}
