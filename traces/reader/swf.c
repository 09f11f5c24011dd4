/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * swf.c - the Standard Workload Format 2.2 of the Parallel Workloads Archive
 * (Chapin et al., JSSPP 1999): 18 numbers a job, -1 where unknown, and a header
 * of ";" comments.  More than 18 fields are accepted and not looked at
 * (MetaCentrum adds four).  Split and parsed in one pass, for logs of millions.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "traces/reader/internal.h"

enum field {
    F_JOB,
    F_SUBMIT,
    F_WAIT,
    F_RUN,
    F_PROCS,
    F_REQ_PROCS = 7,
    F_REQ_TIME,
    F_STATUS = 10,
    F_USER,
    F_GROUP,
    F_EXECUTABLE,
    F_QUEUE,
    F_PARTITION,
    N_FIELDS = 18,
};

static const char *const field_names[N_FIELDS] = {
    "job",
    "submit",
    "wait",
    "run",
    "processors",
    "cpu time",
    "memory",
    "requested processors",
    "requested time",
    "requested memory",
    "status",
    "user",
    "group",
    "executable",
    "queue",
    "partition",
    "preceding job",
    "think time",
};

static const int64_t LAST_SECOND = 4102444799; /* of the year 2099 */

enum { CACHE_SLOTS = 1024 };

/* Numbers to names: users and groups come again and again. */
struct number_names {
    int64_t number[CACHE_SLOTS];
    uint32_t name[CACHE_SLOTS]; /* 0: free */
};

struct swf {
    struct number_names users, groups, executables, queues, partitions, qos;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number that is not plain digits: "12.5", "1e+05". */
static int parse_rare(struct mir_span token, int64_t *out)
{
    double v;

    if (mir_parse_f64(token.s, token.len, &v) != 0 || !(fabs(v) < 9e15))
        return -EINVAL;
    *out = (int64_t)v;
    return 0;
}

static int parse_number(const char **at, const char *end, int64_t *out)
{
    const char *begin = *at;
    const char *p = begin;
    bool negative = *p == '-';
    int64_t v = 0;

    if (negative)
        p++;
    while (p < end && is_digit(*p) && p - begin < 18)
        v = v * 10 + (*p++ - '0');
    if (p > begin + negative && (p == end || is_blank(*p))) {
        *at = p;
        *out = negative ? -v : v;
        return 0;
    }
    while (p < end && !is_blank(*p))
        p++;
    *at = p;
    return parse_rare((struct mir_span){begin, (size_t)(p - begin)}, out);
}

/* Returns how many of the 18 fields are numbers, from the left; `*bad` is the one that is not. */
static int parse_fields(struct mir_span line, int64_t f[N_FIELDS], struct mir_span *bad)
{
    const char *at = line.s;
    const char *end = line.s + line.len;

    bad->len = 0;
    for (int i = 0; i < N_FIELDS; i++) {
        while (at < end && is_blank(*at))
            at++;
        if (at == end)
            return i;
        bad->s = at;
        if (parse_number(&at, end, &f[i]) != 0) {
            bad->len = (size_t)(at - bad->s);
            return i;
        }
    }
    return N_FIELDS;
}

bool mir_swf_is_job(struct mir_span line)
{
    int64_t f[N_FIELDS];
    struct mir_span bad;

    return parse_fields(line, f, &bad) == N_FIELDS;
}

static int bad_value(struct mir_reader *r, int field, int64_t value, const char *expected)
{
    struct mir_error text;

    mir_error_set(&text, 0, "%lld", (long long)value);
    return mir_reader_bad(r, field_names[field], mir_span_of(text.text), "%s", expected);
}

/* ---- the header ---- */

/* The number that `text` begins with; text may follow it. */
static bool leading_number(struct mir_span text, int64_t *out)
{
    size_t n = 0;

    while (n < text.len && (is_digit(text.s[n]) || (n == 0 && text.s[n] == '-')))
        n++;
    return mir_parse_i64(text.s, n, out) == 0;
}

static int take_header_value(struct mir_reader *r, struct mir_span key, struct mir_span value)
{
    struct mir_joblog *log = r->log;
    bool is_start = mir_span_is_word(key, "UnixStartTime");
    bool is_nodes = mir_span_is_word(key, "MaxNodes");
    int64_t v;

    if (!is_start && !is_nodes && !mir_span_is_word(key, "MaxProcs"))
        return MIR_LINE_SKIPPED;
    if (!leading_number(value, &v) || v == -1)
        return MIR_LINE_SKIPPED;
    if (v < 0 || v > (is_start ? LAST_SECOND : MIR_SIZE_MAX))
        return mir_reader_bad(r,
                              is_start   ? "UnixStartTime"
                              : is_nodes ? "MaxNodes"
                                         : "MaxProcs",
                              value, "a number that is neither negative nor absurdly large");
    if (is_start)
        log->unix_start_at = v;
    else if (is_nodes)
        log->n_nodes = (uint32_t)v;
    else
        log->n_procs = (uint32_t)v;
    return MIR_LINE_SKIPPED;
}

static int take_comment(struct mir_reader *r, struct mir_span line)
{
    struct mir_span key = {line.s + 1, line.len - 1};
    struct mir_span value;
    const char *colon = memchr(key.s, ':', key.len);

    if (!colon)
        return MIR_LINE_SKIPPED;
    value.s = colon + 1;
    value.len = (size_t)(line.s + line.len - value.s);
    key.len = (size_t)(colon - key.s);
    return take_header_value(r, mir_span_trim(key), mir_span_trim(value));
}

/* ---- jobs ---- */

/* The number as a name; below zero is none. */
static int name_number(struct mir_reader *r,
                       int field,
                       int64_t number,
                       struct number_names *cache,
                       struct mir_names *table,
                       uint32_t max,
                       uint32_t *out)
{
    unsigned slot = (unsigned)number % CACHE_SLOTS;
    struct mir_error text;
    int rc;

    *out = 0;
    if (number < 0)
        return MIR_LINE_DONE;
    if (cache->name[slot] == 0 || cache->number[slot] != number) {
        mir_error_set(&text, 0, "%lld", (long long)number);
        rc = mir_reader_intern(r, field_names[field], table, max, mir_span_of(text.text), out);
        if (rc != MIR_LINE_DONE)
            return rc;
        cache->number[slot] = number;
        cache->name[slot] = *out;
    }
    *out = cache->name[slot];
    return MIR_LINE_DONE;
}

/* The partition is field 16 or, without it, the queue; with both the queue is the QOS. */
static int name_places(struct mir_reader *r, struct swf *s, const int64_t *f, struct mir_job *job)
{
    struct mir_joblog *log = r->log;
    bool both = f[F_PARTITION] >= 0 && f[F_QUEUE] >= 0;
    int place = f[F_PARTITION] >= 0 ? F_PARTITION : F_QUEUE;
    uint32_t partition;
    uint32_t qos = 0;
    int rc =
        name_number(r, place, f[place], &s->partitions, &log->partitions, UINT16_MAX, &partition);

    if (rc == MIR_LINE_DONE && both)
        rc = name_number(r, F_QUEUE, f[F_QUEUE], &s->qos, &log->qos, UINT8_MAX, &qos);
    job->partition = (uint16_t)partition;
    job->qos = (uint8_t)qos;
    return rc;
}

static int name_people(struct mir_reader *r, struct swf *s, const int64_t *f, struct mir_job *job)
{
    struct mir_joblog *log = r->log;
    uint32_t group = 0;
    int rc = name_number(r, F_USER, f[F_USER], &s->users, &log->users, UINT32_MAX, &job->user);

    if (rc == MIR_LINE_DONE)
        rc = name_number(r, F_GROUP, f[F_GROUP], &s->groups, &log->accounts, UINT16_MAX, &group);
    if (rc == MIR_LINE_DONE)
        rc = name_number(r, F_EXECUTABLE, f[F_EXECUTABLE], &s->executables, &log->names, UINT32_MAX,
                         &job->name);
    job->account = (uint16_t)group;
    return rc;
}

/* A duration, -1 where unknown. */
static int take_duration(struct mir_reader *r, const int64_t *f, int field, int32_t *out)
{
    if (f[field] < -1 || f[field] > MIR_SIZE_MAX)
        return bad_value(r, field, f[field], "seconds, or -1");
    *out = (int32_t)f[field];
    return MIR_LINE_DONE;
}

static int take_times(struct mir_reader *r, const int64_t *f, struct mir_job *job)
{
    int64_t known_s;
    int rc;

    if (f[F_SUBMIT] < 0 || f[F_SUBMIT] > LAST_SECOND)
        return bad_value(r, F_SUBMIT, f[F_SUBMIT], "seconds since the log's start, before 2100");
    job->submit_at = r->log->unix_start_at + f[F_SUBMIT];
    rc = take_duration(r, f, F_WAIT, &job->wait_s);
    if (rc == MIR_LINE_DONE)
        rc = take_duration(r, f, F_RUN, &job->run_s);
    if (rc != MIR_LINE_DONE)
        return rc;
    known_s = (job->wait_s > 0 ? job->wait_s : 0) + (int64_t)(job->run_s > 0 ? job->run_s : 0);
    if (job->submit_at + known_s > LAST_SECOND)
        return mir_reader_bad_line(r, "a job that ends after the year 2099");
    job->limit_s = mir_limit_of(f[F_REQ_TIME]);
    return MIR_LINE_DONE;
}

static int take_size(struct mir_reader *r, const int64_t *f, struct mir_job *job)
{
    int field = f[F_REQ_PROCS] > 0 || f[F_REQ_PROCS] < -1 ? F_REQ_PROCS : F_PROCS;
    int64_t n = f[field];

    if (n < -1 || n > MIR_SIZE_MAX || (n == 0 && f[F_RUN] > 0))
        return bad_value(r, field, n, "a number of processors, or -1");
    job->n_cpus = n > 0 ? (uint32_t)n : 0;
    return MIR_LINE_DONE;
}

static int take_status(struct mir_reader *r,
                       const int64_t *f,
                       struct mir_job *job,
                       struct mir_job_extra *extra)
{
    /* 2: a part of a job that goes on later, 3 and 4: the last such part. */
    static const uint8_t of_status[] = {
        MIR_STATE_FAILED,    MIR_STATE_COMPLETED, MIR_STATE_OTHER,
        MIR_STATE_COMPLETED, MIR_STATE_FAILED,    MIR_STATE_CANCELLED,
    };

    if (f[F_STATUS] < -1 || f[F_STATUS] > 5)
        return bad_value(r, F_STATUS, f[F_STATUS], "a status from -1 to 5");
    job->state = f[F_STATUS] < 0 ? MIR_STATE_UNKNOWN : of_status[f[F_STATUS]];
    if (job->state == MIR_STATE_CANCELLED && job->run_s <= 0 && job->wait_s >= 0)
        mir_job_never_started(job, extra, job->wait_s);
    return MIR_LINE_DONE;
}

static int take_job(struct mir_reader *r, const int64_t *f)
{
    struct mir_job job = mir_job_blank();
    struct mir_job_extra extra = mir_job_extra_blank();
    int rc;

    if (f[F_JOB] < 0 || f[F_JOB] > UINT32_MAX)
        return bad_value(r, F_JOB, f[F_JOB], "a job number");
    job.id = (uint32_t)f[F_JOB];
    rc = take_times(r, f, &job);
    if (rc == MIR_LINE_DONE)
        rc = take_size(r, f, &job);
    if (rc == MIR_LINE_DONE)
        rc = take_status(r, f, &job, &extra);
    if (rc == MIR_LINE_DONE)
        rc = name_people(r, r->state, f, &job);
    if (rc == MIR_LINE_DONE)
        rc = name_places(r, r->state, f, &job);
    if (rc == MIR_LINE_DONE)
        mir_reader_add(r, &job, &extra);
    return rc;
}

static int swf_line(struct mir_reader *r, struct mir_span line)
{
    int64_t f[N_FIELDS];
    struct mir_span bad;
    int n;

    line = mir_span_trim(line);
    if (line.len == 0)
        return MIR_LINE_SKIPPED;
    if (line.s[0] == ';')
        return take_comment(r, line);
    n = parse_fields(line, f, &bad);
    if (n == N_FIELDS)
        return take_job(r, f);
    if (bad.len > 0)
        return mir_reader_bad(r, field_names[n], bad, "a number");
    return mir_reader_bad_line(r, "%d fields where SWF has 18", n);
}

const struct mir_format_ops mir_format_swf = {
    .state_size = sizeof(struct swf),
    .line = swf_line,
};
