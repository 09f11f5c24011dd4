/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gwu.c - the GWU Pegasus log: sacct's columns as CSV, with waits and run times
 * already worked out.  A line is one job: job ids were cut at 11 bytes, so that
 * "6203_[25-11" does not tell how many tasks were cancelled with it.
 */
#include <string.h>

#include "traces/reader/internal.h"

enum key {
    K_ID,
    K_SUBMIT,
    K_WAIT,
    K_RUN,
    K_CPUS,
    K_STATE,
    K_PRIORITY,
    K_PARTITION,
    K_LIMIT,
    K_NODES,
};

static const struct mir_column columns[] = {
    {"JobID", K_ID, true, false},           {"SubmitTime", K_SUBMIT, true, false},
    {"WaitTime", K_WAIT, true, false},      {"RunTime", K_RUN, true, false},
    {"NCPUS", K_CPUS, false, false},        {"State", K_STATE, false, false},
    {"Priority", K_PRIORITY, false, false}, {"Partition", K_PARTITION, false, false},
    {"Timelimit", K_LIMIT, false, false},   {"NNodes", K_NODES, true, false},
};

struct gwu {
    struct mir_table table;
};

static int take_id(struct mir_reader *r, struct mir_span text, struct mir_job *job)
{
    struct mir_sacct_id id;
    const char *open = text.len > 0 ? memchr(text.s, '[', text.len) : NULL;
    struct mir_span whole = text;

    if (open && open - text.s > 1 && open[-1] == '_')
        text.len = (size_t)(open - text.s) - 1;
    if (mir_sacct_id_parse(text, &id) != 0 || id.is_step || id.tasks.len > 0)
        return mir_reader_bad(r, "JobID", whole, "a job id such as 123 or 123_4");
    job->id = id.id + id.het_offset;
    job->array_task = id.task;
    return MIR_LINE_DONE;
}

static int take_numbers(struct mir_reader *r, const struct mir_table *t, struct mir_job *job)
{
    int64_t wait_s = 0, run_s = 0, cpus = 0, nodes = 0, priority = 0;
    int rc = mir_reader_integer(r, "WaitTime", mir_table_get(t, K_WAIT), 0, MIR_SIZE_MAX, &wait_s);

    if (rc == MIR_LINE_DONE)
        rc = mir_reader_integer(r, "RunTime", mir_table_get(t, K_RUN), 0, MIR_SIZE_MAX, &run_s);
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_integer(r, "NNodes", mir_table_get(t, K_NODES), 1, MIR_SIZE_MAX, &nodes);
    if (rc == MIR_LINE_DONE && mir_table_get(t, K_CPUS).len > 0)
        rc = mir_reader_integer(r, "NCPUS", mir_table_get(t, K_CPUS), 0, MIR_SIZE_MAX, &cpus);
    if (rc == MIR_LINE_DONE && mir_table_get(t, K_PRIORITY).len > 0)
        rc = mir_reader_integer(r, "Priority", mir_table_get(t, K_PRIORITY), 0, UINT32_MAX,
                                &priority);
    job->wait_s = (int32_t)wait_s;
    job->run_s = (int32_t)run_s;
    job->n_nodes = (uint32_t)nodes;
    job->n_cpus = (uint32_t)cpus;
    job->priority = (uint32_t)priority;
    return rc;
}

static int take_job(struct mir_reader *r, const struct mir_table *t)
{
    struct mir_job job = mir_job_blank();
    struct mir_job_extra extra = mir_job_extra_blank();
    uint32_t partition = 0;
    int rc = take_id(r, mir_table_get(t, K_ID), &job);

    if (rc == MIR_LINE_DONE)
        rc = mir_reader_epoch(r, "SubmitTime", mir_table_get(t, K_SUBMIT), &job.submit_at);
    if (rc == MIR_LINE_DONE)
        rc = take_numbers(r, t, &job);
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_limit(r, "Timelimit", mir_table_get(t, K_LIMIT), &job.limit_s);
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_intern(r, "Partition", &r->log->partitions, UINT16_MAX,
                               mir_table_get(t, K_PARTITION), &partition);
    if (rc != MIR_LINE_DONE)
        return rc;
    job.partition = (uint16_t)partition;
    job.state = (uint8_t)mir_state_of(mir_table_get(t, K_STATE));
    if (job.state == MIR_STATE_CANCELLED && job.run_s == 0)
        mir_job_never_started(&job, &extra, job.wait_s);
    mir_reader_add(r, &job, &extra);
    return MIR_LINE_DONE;
}

static int gwu_line(struct mir_reader *r, struct mir_span line)
{
    return mir_table_job(&((struct gwu *)r->state)->table, r, line, columns,
                         sizeof columns / sizeof *columns, take_job);
}

static void gwu_release(void *state)
{
    mir_table_close(&((struct gwu *)state)->table);
}

const struct mir_format_ops mir_format_gwu = {
    .state_size = sizeof(struct gwu),
    .line = gwu_line,
    .release = gwu_release,
};
