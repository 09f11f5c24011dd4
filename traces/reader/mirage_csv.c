/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mirage_csv.c - reads Mirage's own CSV: "# mirage-log 1", what is known of the
 * machine, a header line, a job a line.  Empty is "not given"; names are quoted
 * as RFC 4180 says, so that they may hold anything, newlines too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "traces/reader/internal.h"

enum key {
    K_ID,
    K_TASK,
    K_SUBMIT,
    K_WAIT,
    K_RUN,
    K_LIMIT,
    K_ELIGIBLE,
    K_NODES,
    K_CPUS,
    K_GPUS,
    K_PRIORITY,
    K_STATE,
    K_USER,
    K_ACCOUNT,
    K_PARTITION,
    K_QOS,
    K_NAME,
    K_MEM,
    K_NICE,
    K_THROTTLE,
    K_CANCELLED,
    K_DEPENDENCY,
    N_KEYS,
};

static const struct mir_column columns[N_KEYS] = {
    {"id", K_ID, true, false},
    {"array_task", K_TASK, false, false},
    {"submit", K_SUBMIT, true, false},
    {"wait_s", K_WAIT, false, false},
    {"run_s", K_RUN, false, false},
    {"limit_s", K_LIMIT, false, false},
    {"eligible_s", K_ELIGIBLE, false, false},
    {"nodes", K_NODES, false, false},
    {"cpus", K_CPUS, false, false},
    {"gpus", K_GPUS, false, false},
    {"priority", K_PRIORITY, false, false},
    {"state", K_STATE, false, false},
    {"user", K_USER, false, false},
    {"account", K_ACCOUNT, false, false},
    {"partition", K_PARTITION, false, false},
    {"qos", K_QOS, false, false},
    {"name", K_NAME, false, false},
    {"mem_bytes", K_MEM, false, false},
    {"nice", K_NICE, false, false},
    {"array_throttle", K_THROTTLE, false, false},
    {"cancelled_s", K_CANCELLED, false, false},
    {"dependency", K_DEPENDENCY, false, false},
};

static const char magic[] = "# mirage-log ";

static const int64_t YEAR_2100 = 4102444800;

/* A quote that is never closed would make one record of the rest of the file. */
enum { RECORD_BYTES_MAX = 1 << 20 };

struct mirage {
    struct mir_table table;
    bool begun;            /* the first line was right */
    struct mir_str record; /* lines of a record whose quotes are still open */
    uint64_t record_line;
};

/* ---- fields ---- */

static const struct mir_table *table_of(const struct mir_reader *r)
{
    return &((const struct mirage *)r->state)->table;
}

/* A number, `absent` where the field is empty. */
static int
take(struct mir_reader *r, int key, int64_t min, int64_t max, int64_t absent, int64_t *out)
{
    struct mir_span value = mir_table_get(table_of(r), key);

    *out = absent;
    if (value.len == 0)
        return MIR_LINE_DONE;
    return mir_reader_integer(r, columns[key].name, value, min, max, out);
}

static int take_i32(struct mir_reader *r, int key, int32_t absent, int32_t *out)
{
    int64_t v;
    int rc = take(r, key, 0, INT32_MAX, absent, &v);

    *out = (int32_t)v;
    return rc;
}

static int take_u32(struct mir_reader *r, int key, uint32_t *out)
{
    int64_t v;
    int rc = take(r, key, 0, UINT32_MAX, 0, &v);

    *out = (uint32_t)v;
    return rc;
}

static int take_identity(struct mir_reader *r, struct mir_job *job)
{
    struct mir_span id = mir_table_get(table_of(r), K_ID);
    struct mir_span submit = mir_table_get(table_of(r), K_SUBMIT);
    int64_t v = 0;
    int rc = mir_reader_integer(r, "id", id, 0, UINT32_MAX, &v);

    job->id = (uint32_t)v;
    if (rc == MIR_LINE_DONE)
        rc = take_i32(r, K_TASK, MIR_UNKNOWN, &job->array_task);
    /* From 0: SWF logs without a date count from their own start. */
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_integer(r, "submit", submit, 0, YEAR_2100 - 1, &job->submit_at);
    return rc;
}

static int take_limit(struct mir_reader *r, struct mir_job *job)
{
    struct mir_span value = mir_table_get(table_of(r), K_LIMIT);

    if (mir_span_is_word(value, "unlimited")) {
        job->limit_s = MIR_UNLIMITED;
        return MIR_LINE_DONE;
    }
    return take_i32(r, K_LIMIT, MIR_UNKNOWN, &job->limit_s);
}

static int take_times(struct mir_reader *r, struct mir_job *job)
{
    int rc = take_i32(r, K_WAIT, MIR_UNKNOWN, &job->wait_s);

    if (rc == MIR_LINE_DONE)
        rc = take_i32(r, K_RUN, MIR_UNKNOWN, &job->run_s);
    if (rc == MIR_LINE_DONE)
        rc = take_limit(r, job);
    if (rc == MIR_LINE_DONE)
        rc = take_i32(r, K_ELIGIBLE, 0, &job->eligible_s);
    return rc;
}

static int take_size(struct mir_reader *r, struct mir_job *job)
{
    int64_t gpus = 0;
    int rc = take_u32(r, K_NODES, &job->n_nodes);

    if (rc == MIR_LINE_DONE)
        rc = take_u32(r, K_CPUS, &job->n_cpus);
    if (rc == MIR_LINE_DONE)
        rc = take(r, K_GPUS, 0, UINT16_MAX, 0, &gpus);
    if (rc == MIR_LINE_DONE)
        rc = take_u32(r, K_PRIORITY, &job->priority);
    job->n_gpus = (uint16_t)gpus;
    return rc;
}

static int
take_name(struct mir_reader *r, int key, struct mir_names *table, uint32_t max, uint32_t *out)
{
    return mir_reader_intern(r, columns[key].name, table, max, mir_table_raw(table_of(r), key),
                             out);
}

static int take_names(struct mir_reader *r, struct mir_job *job)
{
    struct mir_joblog *log = r->log;
    uint32_t account = 0, partition = 0, qos = 0;
    int rc = take_name(r, K_ACCOUNT, &log->accounts, UINT16_MAX, &account);

    if (rc == MIR_LINE_DONE)
        rc = take_name(r, K_PARTITION, &log->partitions, UINT16_MAX, &partition);
    if (rc == MIR_LINE_DONE)
        rc = take_name(r, K_QOS, &log->qos, UINT8_MAX, &qos);
    if (rc == MIR_LINE_DONE)
        rc = take_name(r, K_USER, &log->users, UINT32_MAX, &job->user);
    if (rc == MIR_LINE_DONE)
        rc = take_name(r, K_NAME, &log->names, UINT32_MAX, &job->name);
    job->account = (uint16_t)account;
    job->partition = (uint16_t)partition;
    job->qos = (uint8_t)qos;
    return rc;
}

/* 64 bits: more than mir_parse_i64() reads. */
static int take_mem(struct mir_reader *r, uint64_t *out)
{
    struct mir_span value = mir_table_get(table_of(r), K_MEM);
    uint64_t v = 0;

    for (size_t i = 0; i < value.len; i++) {
        unsigned digit = (unsigned)(unsigned char)value.s[i] - '0';

        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return mir_reader_bad(r, "mem_bytes", value, "a whole number of 64 bits");
        v = v * 10 + digit;
    }
    *out = v;
    return MIR_LINE_DONE;
}

static int take_extra(struct mir_reader *r, struct mir_job_extra *extra)
{
    int64_t nice = 0;
    int rc = take_mem(r, &extra->mem_bytes);

    if (rc == MIR_LINE_DONE)
        rc = take(r, K_NICE, INT32_MIN, INT32_MAX, 0, &nice);
    if (rc == MIR_LINE_DONE)
        rc = take_i32(r, K_THROTTLE, 0, &extra->array_throttle);
    if (rc == MIR_LINE_DONE)
        rc = take_i32(r, K_CANCELLED, MIR_UNKNOWN, &extra->cancelled_s);
    if (rc == MIR_LINE_DONE)
        rc = take_name(r, K_DEPENDENCY, &r->log->names, UINT32_MAX, &extra->dependency);
    extra->nice = (int32_t)nice;
    return rc;
}

static int take_state(struct mir_reader *r, struct mir_job *job)
{
    struct mir_span word = mir_table_get(table_of(r), K_STATE);

    job->state = (uint8_t)mir_state_of(word);
    if (job->state == MIR_STATE_OTHER && !mir_span_is(word, "OTHER"))
        return mir_reader_bad(r, "state", word, "a state such as COMPLETED, or OTHER");
    return MIR_LINE_DONE;
}

static int take_job(struct mir_reader *r)
{
    struct mir_job job = mir_job_blank();
    struct mir_job_extra extra = mir_job_extra_blank();
    int rc = take_identity(r, &job);

    if (rc == MIR_LINE_DONE)
        rc = take_times(r, &job);
    if (rc == MIR_LINE_DONE)
        rc = take_size(r, &job);
    if (rc == MIR_LINE_DONE)
        rc = take_state(r, &job);
    if (rc == MIR_LINE_DONE)
        rc = take_extra(r, &extra);
    if (rc == MIR_LINE_DONE)
        rc = take_names(r, &job);
    if (rc == MIR_LINE_DONE)
        mir_reader_add(r, &job, &extra);
    return rc;
}

/* ---- before the jobs ---- */

static int take_magic(struct mir_reader *r, struct mirage *m, struct mir_span line)
{
    size_t len = sizeof magic - 1;
    struct mir_span version = {line.s + len, line.len - len};

    if (line.len < len || memcmp(line.s, magic, len) != 0)
        return mir_error_set(r->err, -EBADMSG, "%s: does not begin with '%s1'", r->name, magic);
    if (!mir_span_is(mir_span_trim(version), "1"))
        return mir_error_set(r->err, -EBADMSG,
                             "%s: mirage-log of version '%.*s'; this program reads version 1",
                             r->name, (int)(version.len < 20 ? version.len : 20), version.s);
    m->begun = true;
    return MIR_LINE_SKIPPED;
}

static int take_fact(struct mir_reader *r, struct mir_span key, struct mir_span value)
{
    struct mir_joblog *log = r->log;
    int64_t v = 0;
    int rc;

    if (mir_span_is(key, "unix_start")) {
        rc = mir_reader_integer(r, "unix_start", value, 0, YEAR_2100 - 1, &v);
        if (rc == MIR_LINE_DONE)
            log->unix_start_at = v;
        return rc;
    }
    if (!mir_span_is(key, "nodes") && !mir_span_is(key, "procs"))
        return MIR_LINE_DONE;
    rc = mir_reader_integer(r, key.s[0] == 'n' ? "nodes" : "procs", value, 0, UINT32_MAX, &v);
    if (rc == MIR_LINE_DONE)
        *(key.s[0] == 'n' ? &log->n_nodes : &log->n_procs) = (uint32_t)v;
    return rc;
}

/* "# nodes=76,procs=9728,unix_start=843480031", any of them; other comments are passed over. */
static int take_comment(struct mir_reader *r, struct mir_span line)
{
    struct mir_span rest = {line.s + 1, line.len - 1};

    while (rest.len > 0) {
        const char *comma = memchr(rest.s, ',', rest.len);
        struct mir_span item = {rest.s, comma ? (size_t)(comma - rest.s) : rest.len};
        const char *equals = item.len > 0 ? memchr(item.s, '=', item.len) : NULL;

        rest.s += item.len + (comma ? 1 : 0);
        rest.len -= item.len + (comma ? 1 : 0);
        if (equals) {
            struct mir_span key = {item.s, (size_t)(equals - item.s)};
            struct mir_span value = {equals + 1, item.len - key.len - 1};

            if (take_fact(r, mir_span_trim(key), mir_span_trim(value)) == MIR_LINE_BAD)
                return MIR_LINE_BAD;
        }
    }
    return MIR_LINE_SKIPPED;
}

/* A column that this program does not know is something it would silently lose. */
static int take_header(struct mir_reader *r, struct mir_table *t, struct mir_span line)
{
    size_t n_known = 0;
    int rc = mir_table_open(t, r, line, ",", columns, N_KEYS);

    if (rc != 0)
        return rc;
    for (int k = 0; k < N_KEYS; k++)
        n_known += mir_table_has(t, k) ? 1 : 0;
    if (n_known != t->n_columns)
        return mir_error_set(r->err, -EBADMSG,
                             "%s: the header has a column that is unknown or twice", r->name);
    t->quoted = true;
    return MIR_LINE_SKIPPED;
}

/* ---- lines to records ---- */

static bool quotes_are_closed(struct mir_span text)
{
    const char *at = text.s;
    const char *end = text.s + text.len;
    bool closed = true;

    while (at < end && (at = memchr(at, '"', (size_t)(end - at)))) {
        closed = !closed;
        at++;
    }
    return closed;
}

static int take_record(struct mir_reader *r, struct mir_table *t, struct mir_span line)
{
    int rc;

    if (line.len > 0 && line.s[line.len - 1] == '\r')
        line.len--;
    rc = mir_table_line(t, r, line);
    return rc == MIR_LINE_DONE ? take_job(r) : rc;
}

static int take_open_record(struct mir_reader *r, struct mirage *m, struct mir_span line)
{
    uint64_t here = r->line;
    bool was_open = m->record.len > 0;
    bool closes = !quotes_are_closed(line);
    int rc = MIR_LINE_DONE;

    if (!was_open)
        m->record_line = r->line;
    else
        mir_str_add_n(&m->record, "\n", 1);
    mir_str_add_n(&m->record, line.s, line.len);
    r->line = m->record_line;
    if (was_open && closes)
        rc = take_record(r, &m->table, (struct mir_span){m->record.text, m->record.len});
    else if (m->record.len > RECORD_BYTES_MAX)
        rc = mir_reader_bad_line(r, "a quote that is not closed within a megabyte");
    else
        return MIR_LINE_DONE;
    m->record.len = 0;
    r->line = here;
    return rc;
}

static int mirage_line(struct mir_reader *r, struct mir_span line)
{
    struct mirage *m = r->state;

    if (!m->begun)
        return take_magic(r, m, line);
    if (m->record.len > 0)
        return take_open_record(r, m, line);
    if (mir_span_trim(line).len == 0)
        return MIR_LINE_SKIPPED;
    if (line.s[0] == '#')
        return take_comment(r, line);
    if (m->table.delimiter_len == 0)
        return take_header(r, &m->table, mir_span_trim(line));
    if (!quotes_are_closed(line))
        return take_open_record(r, m, line);
    return take_record(r, &m->table, line);
}

static int mirage_end(struct mir_reader *r)
{
    struct mirage *m = r->state;

    if (m->record.len > 0) {
        r->line = m->record_line;
        mir_reader_bad_line(r, "a quote that is not closed");
    }
    return 0;
}

static void mirage_release(void *state)
{
    struct mirage *m = state;

    mir_table_close(&m->table);
    mir_str_release(&m->record);
}

const struct mir_format_ops mir_format_mirage = {
    .state_size = sizeof(struct mirage),
    .line = mirage_line,
    .end = mirage_end,
    .release = mirage_release,
};
