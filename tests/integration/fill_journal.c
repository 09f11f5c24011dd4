/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fill_journal.c - the jobs of a log into a journal, as if miraged had seen each start
 * and end: a daemon with a past, without a Slurm.
 *   fill_journal LOG JOURNAL
 */
#include <stdio.h>

#include "daemon/engine/journal.h"
#include "daemon/host/joblog.h"
#include "traces/reader/reader.h"

static struct mir_live_past past_of(const struct mir_joblog *log, const struct mir_job *job)
{
    const int64_t start_at = job->submit_at + job->wait_s;

    return (struct mir_live_past){
        .id = job->id,
        .uid = 1000 + job->user,
        .n_nodes = job->n_nodes,
        .limit_s = job->limit_s,
        .state = job->state,
        .submit_at = job->submit_at,
        .eligible_at = job->submit_at + job->eligible_s,
        .start_at = start_at,
        .end_at = start_at + job->run_s,
        .user = mir_names_get(&log->users, job->user),
        .account = mir_names_get(&log->accounts, job->account),
        .partition = mir_names_get(&log->partitions, job->partition),
        .qos = mir_names_get(&log->qos, job->qos),
        .comment = "",
        .name = mir_names_get(&log->names, job->name),
    };
}

static int fill(const struct mir_joblog *log, struct mir_journal *j, struct mir_error *err)
{
    int rc = mir_journal_begin(j, err);

    for (size_t i = 0; i < log->n_jobs && rc == 0; i++) {
        struct mir_live_past past = past_of(log, &log->jobs[i]);

        if (log->jobs[i].wait_s >= 0 && log->jobs[i].run_s >= 0)
            rc = mir_journal_add_start(j, &past, err);
    }
    return rc == 0 ? mir_journal_commit(j, err) : rc;
}

int main(int argc, char **argv)
{
    const struct mir_read_options options = {.format = MIR_FORMAT_MIRAGE, .strict = true};
    struct mir_read_result result;
    struct mir_joblog log;
    struct mir_journal *j = NULL;
    struct mir_error err = {{0}};
    int rc;

    if (argc != 3) {
        fputs("usage: fill_journal LOG JOURNAL\n", stderr);
        return 2;
    }
    mir_joblog_init(&log);
    rc = mir_log_read(argv[1], &options, &log, &result, &err);
    if (rc == 0)
        rc = mir_journal_open(argv[2], &j, &err);
    if (rc == 0)
        rc = fill(&log, j, &err);
    if (rc != 0)
        fprintf(stderr, "fill_journal: %s\n", err.text);
    mir_journal_close(j);
    mir_joblog_release(&log);
    return rc != 0;
}
