/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tacc.c - the log of the Mirage paper: a count, a header line, then TAB
 * separated fields; limits in minutes, local times without a zone.
 */
#include "daemon/core/str.h"
#include "traces/reader/internal.h"

enum key { K_ID, K_NAME, K_USER, K_START, K_SUBMIT, K_END, K_PRIORITY, K_LIMIT, K_EXIT, K_NODES };

static const struct mir_column columns[] = {
    {"JobID", K_ID, true, false},
    {"JobName", K_NAME, false, true},
    {"UID", K_USER, false, false},
    {"User", K_USER, false, false},
    {"Start", K_START, true, false},
    {"Submit", K_SUBMIT, true, false},
    {"End", K_END, true, false},
    {"Priority", K_PRIORITY, false, false},
    {"TimelimitR", K_LIMIT, false, false}, /* as sacct cuts it */
    {"TimelimitRaw", K_LIMIT, false, false},
    {"ExitCode", K_EXIT, false, false},
    {"NNodes", K_NODES, true, false},
};

struct tacc {
    struct mir_table table;
};

static bool is_count(struct mir_span line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.s[i] < '0' || line.s[i] > '9')
            return false;
    }
    return true;
}

/* The names stand in columns of blanks, the fields do not. */
static void tabbed(struct mir_span header, struct mir_str *out)
{
    const char *at = header.s;
    const char *end = header.s + header.len;

    while (at < end) {
        const char *word = at;

        while (at < end && *at != ' ' && *at != '\t')
            at++;
        if (at > word && out->len > 0)
            mir_str_add_n(out, "\t", 1);
        mir_str_add_n(out, word, (size_t)(at - word));
        at += at < end ? 1 : 0;
    }
}

static int take_header(struct mir_reader *r, struct mir_table *t, struct mir_span line)
{
    struct mir_str header = {0};
    int rc = MIR_LINE_DONE;

    line = mir_span_trim(line);
    if (is_count(line)) /* of a longer log than this one may be; not looked at */
        return MIR_LINE_SKIPPED;
    tabbed(line, &header);
    rc = mir_table_open(t, r, (struct mir_span){header.text, header.len}, "\t", columns,
                        sizeof columns / sizeof *columns);
    mir_str_release(&header);
    return rc != 0 ? rc : MIR_LINE_SKIPPED;
}

static int take_numbers(struct mir_reader *r, const struct mir_table *t, struct mir_job *job)
{
    struct mir_span priority = mir_table_get(t, K_PRIORITY);
    int64_t v = 0;
    int rc = mir_reader_integer(r, "JobID", mir_table_get(t, K_ID), 0, UINT32_MAX, &v);

    job->id = (uint32_t)v;
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_integer(r, "NNodes", mir_table_get(t, K_NODES), 1, MIR_SIZE_MAX, &v);
    job->n_nodes = (uint32_t)v;
    v = 0;
    if (rc == MIR_LINE_DONE && priority.len > 0)
        rc = mir_reader_integer(r, "Priority", priority, 0, UINT32_MAX, &v);
    job->priority = (uint32_t)v;
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_limit(r, "TimelimitRaw", mir_table_get(t, K_LIMIT), &job->limit_s);
    return rc;
}

static int take_times(struct mir_reader *r, const struct mir_table *t, struct mir_job *job)
{
    int64_t start_at, end_at;
    int rc = mir_reader_time(r, "Submit", mir_table_get(t, K_SUBMIT), &job->submit_at);

    if (rc == MIR_LINE_DONE && job->submit_at == INT64_MIN)
        rc = mir_reader_bad(r, "Submit", mir_table_get(t, K_SUBMIT), "a time");
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_time(r, "Start", mir_table_get(t, K_START), &start_at);
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_time(r, "End", mir_table_get(t, K_END), &end_at);
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_times(r, job, start_at, end_at);
    return rc;
}

/* The log has no state; a job that used up its limit was ended by it, whatever its exit code. */
static enum mir_job_state guess_state(const struct mir_job *job, struct mir_span exit_code)
{
    if (job->run_s == MIR_UNKNOWN)
        return MIR_STATE_UNKNOWN;
    if (job->limit_s > 0 && job->run_s >= job->limit_s)
        return MIR_STATE_TIMEOUT;
    if (exit_code.len == 0)
        return MIR_STATE_UNKNOWN;
    return mir_span_is(exit_code, "0:0") ? MIR_STATE_COMPLETED : MIR_STATE_FAILED;
}

static int tacc_line(struct mir_reader *r, struct mir_span line)
{
    struct mir_table *t = &((struct tacc *)r->state)->table;
    struct mir_job job = mir_job_blank();
    int rc;

    if (mir_span_trim(line).len == 0)
        return MIR_LINE_SKIPPED;
    if (line.s[line.len - 1] == '\r')
        line.len--;
    if (t->delimiter_len == 0)
        return take_header(r, t, line);
    rc = mir_table_line(t, r, line);
    if (rc == MIR_LINE_DONE)
        rc = take_numbers(r, t, &job);
    if (rc == MIR_LINE_DONE)
        rc = take_times(r, t, &job);
    if (rc != MIR_LINE_DONE)
        return rc;
    job.state = (uint8_t)guess_state(&job, mir_table_get(t, K_EXIT));
    mir_reader_intern(r, "UID", &r->log->users, UINT32_MAX, mir_table_get(t, K_USER), &job.user);
    mir_reader_intern(r, "JobName", &r->log->names, UINT32_MAX, mir_table_raw(t, K_NAME),
                      &job.name);
    mir_reader_add(r, &job, NULL);
    return MIR_LINE_DONE;
}

static void tacc_release(void *state)
{
    mir_table_close(&((struct tacc *)state)->table);
}

const struct mir_format_ops mir_format_tacc = {
    .state_size = sizeof(struct tacc),
    .line = tacc_line,
    .release = tacc_release,
};
