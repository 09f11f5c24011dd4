/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * alcf.c - the Argonne Leadership Computing Facility's public logs as CSV
 * (Theta, ThetaGPU, Mira, ...): seconds, many numbers written with a fraction.
 */
#include "traces/reader/internal.h"

enum key {
    K_ID,
    K_USER,
    K_PROJECT,
    K_GPUS,
    K_CPUS,
    K_NODES,
    K_SUBMIT,
    K_WAIT,
    K_RUN,
    K_LIMIT,
    K_STATUS,
};

static const struct mir_column columns[] = {
    {"job", K_ID, true, false},
    {"user", K_USER, false, false},
    {"project", K_PROJECT, false, false},
    {"gpu_num", K_GPUS, false, false},
    {"cpu_num", K_CPUS, false, false},
    {"node_num", K_NODES, true, false},
    {"submit_time", K_SUBMIT, true, false},
    {"wait_time", K_WAIT, true, false},
    {"run_time", K_RUN, true, false},
    {"wall_time", K_LIMIT, true, false},
    {"new_status", K_STATUS, false, false},
};

struct alcf {
    struct mir_table table;
};

/* Like mir_reader_decimal() from 0, and `absent` where the column is not there or empty. */
static int take(struct mir_reader *r, int key, int64_t max, int64_t absent, int64_t *out)
{
    const struct mir_table *t = &((struct alcf *)r->state)->table;
    struct mir_span value = mir_table_get(t, key);

    *out = absent;
    if (value.len == 0)
        return MIR_LINE_DONE;
    return mir_reader_decimal(r, columns[key].name, value, 0, max, out);
}

static int take_size(struct mir_reader *r, const struct mir_table *t, struct mir_job *job)
{
    int64_t nodes = 0, cpus = 0, gpus = 0;
    int rc = mir_reader_decimal(r, "node_num", mir_table_get(t, K_NODES), 1, MIR_SIZE_MAX, &nodes);

    if (rc == MIR_LINE_DONE)
        rc = take(r, K_CPUS, MIR_SIZE_MAX, 0, &cpus);
    if (rc == MIR_LINE_DONE)
        rc = take(r, K_GPUS, UINT16_MAX, 0, &gpus);
    job->n_nodes = (uint32_t)nodes;
    job->n_cpus = (uint32_t)cpus;
    job->n_gpus = (uint16_t)gpus;
    return rc;
}

static int take_times(struct mir_reader *r, const struct mir_table *t, struct mir_job *job)
{
    int64_t wait_s = 0, run_s = 0, limit_s = 0;
    int rc = mir_reader_epoch(r, "submit_time", mir_table_get(t, K_SUBMIT), &job->submit_at);

    if (rc == MIR_LINE_DONE)
        rc = take(r, K_WAIT, MIR_SIZE_MAX, MIR_UNKNOWN, &wait_s);
    if (rc == MIR_LINE_DONE)
        rc = take(r, K_RUN, MIR_SIZE_MAX, MIR_UNKNOWN, &run_s);
    if (rc == MIR_LINE_DONE)
        rc = take(r, K_LIMIT, INT64_C(1) << 40, 0, &limit_s);
    job->wait_s = (int32_t)wait_s;
    job->run_s = (int32_t)run_s;
    job->limit_s = mir_limit_of(limit_s);
    return rc;
}

/* "Killed" is by the limit or by hand; which one, the times tell. */
static enum mir_job_state state_of(struct mir_span status, const struct mir_job *job)
{
    if (mir_span_is_word(status, "Pass"))
        return MIR_STATE_COMPLETED;
    if (mir_span_is_word(status, "Failed"))
        return MIR_STATE_FAILED;
    if (!mir_span_is_word(status, "Killed"))
        return status.len > 0 ? MIR_STATE_OTHER : MIR_STATE_UNKNOWN;
    return job->limit_s > 0 && job->run_s >= job->limit_s ? MIR_STATE_TIMEOUT : MIR_STATE_CANCELLED;
}

/* Numbers for people and projects: "70296325381051.0"; 0 is "not given". */
static int
take_name(struct mir_reader *r, int key, struct mir_names *table, uint32_t max, uint32_t *out)
{
    struct mir_error text;
    int64_t number;
    int rc = take(r, key, INT64_C(1) << 53, 0, &number);

    *out = 0;
    if (rc != MIR_LINE_DONE || number == 0)
        return rc;
    mir_error_set(&text, 0, "%lld", (long long)number);
    return mir_reader_intern(r, columns[key].name, table, max, mir_span_of(text.text), out);
}

static int take_job(struct mir_reader *r, const struct mir_table *t)
{
    struct mir_job job = mir_job_blank();
    uint32_t account = 0;
    int64_t id = 0;
    int rc = mir_reader_decimal(r, "job", mir_table_get(t, K_ID), 0, UINT32_MAX, &id);

    job.id = (uint32_t)id;
    if (rc == MIR_LINE_DONE)
        rc = take_size(r, t, &job);
    if (rc == MIR_LINE_DONE)
        rc = take_times(r, t, &job);
    if (rc == MIR_LINE_DONE)
        rc = take_name(r, K_USER, &r->log->users, UINT32_MAX, &job.user);
    if (rc == MIR_LINE_DONE)
        rc = take_name(r, K_PROJECT, &r->log->accounts, UINT16_MAX, &account);
    if (rc != MIR_LINE_DONE)
        return rc;
    job.account = (uint16_t)account;
    job.state = (uint8_t)state_of(mir_table_get(t, K_STATUS), &job);
    mir_reader_add(r, &job, NULL);
    return MIR_LINE_DONE;
}

static int alcf_line(struct mir_reader *r, struct mir_span line)
{
    return mir_table_job(&((struct alcf *)r->state)->table, r, line, columns,
                         sizeof columns / sizeof *columns, take_job);
}

static void alcf_release(void *state)
{
    mir_table_close(&((struct alcf *)state)->table);
}

const struct mir_format_ops mir_format_alcf = {
    .state_size = sizeof(struct alcf),
    .line = alcf_line,
    .release = alcf_release,
};
