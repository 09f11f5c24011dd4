/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log_cut.c - see log_cut.h. */
#include "models/train/log_cut.h"

#include <stdbool.h>

static bool has_limit(const struct mir_job *job)
{
    return job->limit_s > 0 && job->limit_s != MIR_UNLIMITED;
}

/* It waited at `at`, whatever became of it. */
static void forget_start(struct mir_job *job)
{
    job->wait_s = MIR_UNKNOWN;
    job->run_s = has_limit(job) ? job->limit_s : MIR_UNKNOWN;
    job->state = MIR_STATE_PENDING;
    job->priority = 0; /* as it was at its start */
}

static void forget_end(struct mir_job *job, int64_t start_at, int64_t at)
{
    int64_t so_far_s = at - start_at;

    job->run_s = has_limit(job) ? job->limit_s : (int32_t)(so_far_s > 0 ? so_far_s : 1);
    job->state = MIR_STATE_RUNNING;
}

static void forget_of_job(struct mir_joblog *log, struct mir_job *job, int64_t at)
{
    int64_t start_at = job->submit_at + job->wait_s;

    if (job->extra != 0) {
        struct mir_job_extra *extra = &log->extras[job->extra];

        if (extra->cancelled_s >= 0 && job->submit_at + extra->cancelled_s >= at)
            extra->cancelled_s = MIR_UNKNOWN;
    }
    if (job->wait_s == MIR_UNKNOWN)
        return;
    if (start_at >= at)
        forget_start(job);
    else if (job->run_s > 0 && start_at + job->run_s > at)
        forget_end(job, start_at, at);
}

void mir_joblog_forget_after(struct mir_joblog *log, int64_t at)
{
    size_t n = 0;

    for (size_t i = 0; i < log->n_jobs; i++) {
        struct mir_job job = log->jobs[i];

        if (job.submit_at >= at)
            continue;
        forget_of_job(log, &job, at);
        log->jobs[n++] = job;
    }
    log->n_jobs = n;
}
