/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pack.c - variable-length integers, seven bits a byte; jobs as differences to the one before. */
#include "daemon/engine/pack.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/core/alloc.h"

static const char magic[3] = {'M', 'Q', 'P'};

/* The byte behind it.  The first knew neither names of jobs nor who is of a chain. */
enum { NAMELESS = 1, VERSION = 2 };

/* ---- writing ---- */

static void put_u64(struct mir_str *out, uint64_t v)
{
    char bytes[10];
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (char)(unsigned char)(v | 0x80);
    bytes[n++] = (char)(unsigned char)v;
    mir_str_add_n(out, bytes, n);
}

/* Small numbers of either sign stay short: 0, -1, 1, -2 become 0, 1, 2, 3. */
static void put_i64(struct mir_str *out, int64_t v)
{
    put_u64(out, v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1);
}

static void put_f64(struct mir_str *out, double v)
{
    char bytes[sizeof(v)];

    memcpy(bytes, &v, sizeof(v));
    mir_str_add_n(out, bytes, sizeof(v));
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void put_summary(struct mir_str *out, const struct mir_jobs_summary *s)
{
    put_u64(out, s->n_jobs);
    put_u64(out, s->n_nodes);
    for (int i = 0; i < 5; i++) {
        put_f64(out, s->limit_s[i]);
        put_f64(out, s->wait_s[i]);
        put_f64(out, s->elapsed_s[i]);
    }
}

static void put_pending(struct mir_str *out, const struct mir_pending_job *job, int64_t *before)
{
    put_i64(out, minus(job->submit_at, *before));
    /* Eligible from the start is the rule, never is not rare: both in one byte. */
    put_u64(out, job->eligible_at == job->submit_at ? 0 : job->eligible_at == INT64_MAX ? 1 : 2);
    if (job->eligible_at != job->submit_at && job->eligible_at != INT64_MAX)
        put_i64(out, minus(job->eligible_at, job->submit_at));
    put_u64(out, job->id);
    put_i64(out, job->limit_s);
    put_u64(out, job->n_nodes);
    put_u64(out, job->user);
    put_u64(out, job->name);
    put_f64(out, job->priority);
    put_u64(out, job->partition);
    put_u64(out, job->account);
    put_u64(out, job->qos);
    *before = job->submit_at;
}

static void put_running(struct mir_str *out, const struct mir_running_job *job, int64_t *before)
{
    put_i64(out, minus(job->start_at, *before));
    put_i64(out, minus(job->start_at, job->submit_at));
    put_i64(out, minus(job->planned_end_at, job->start_at));
    put_u64(out, job->id);
    put_u64(out, job->n_nodes);
    put_u64(out, job->user);
    put_u64(out, (uint64_t)job->name << 1 | (job->chained != 0));
    put_u64(out, job->partition);
    put_u64(out, job->account);
    put_u64(out, job->qos);
    *before = job->start_at;
}

void mir_pack_queue(const struct mir_snapshot *queue, struct mir_str *out)
{
    const char version = VERSION;
    int64_t before = queue->now;

    mir_str_add_n(out, magic, sizeof(magic));
    mir_str_add_n(out, &version, 1);
    put_i64(out, queue->now);
    put_u64(out, queue->n_nodes);
    put_u64(out, queue->n_nodes_free);
    put_summary(out, &queue->pending_sum);
    put_summary(out, &queue->running_sum);
    put_u64(out, queue->n_pending);
    put_u64(out, queue->n_running);
    for (size_t i = 0; i < queue->n_pending; i++)
        put_pending(out, &queue->pending[i], &before);
    before = queue->now;
    for (size_t i = 0; i < queue->n_running; i++)
        put_running(out, &queue->running[i], &before);
}

/* ---- reading ---- */

struct reader {
    const unsigned char *at, *end;
    bool nameless;
    bool bad;
};

static uint64_t get_u64(struct reader *r, uint64_t max)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        unsigned char byte = *r->at++;

        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) != 0)
            continue;
        if (v > max)
            break;
        return v;
    }
    r->bad = true;
    return 0;
}

static int64_t get_i64(struct reader *r)
{
    uint64_t v = get_u64(r, UINT64_MAX);

    return (int64_t)((v & 1) != 0 ? ~(v >> 1) : v >> 1);
}

static int32_t get_i32(struct reader *r)
{
    int64_t v = get_i64(r);

    if (v < INT32_MIN || v > INT32_MAX) {
        r->bad = true;
        return 0;
    }
    return (int32_t)v;
}

static double get_f64(struct reader *r)
{
    double v = 0;

    if ((size_t)(r->end - r->at) < sizeof(v)) {
        r->bad = true;
        return 0;
    }
    memcpy(&v, r->at, sizeof(v));
    r->at += sizeof(v);
    return v;
}

static void get_summary(struct reader *r, struct mir_jobs_summary *s)
{
    s->n_jobs = (uint32_t)get_u64(r, UINT32_MAX);
    s->n_nodes = get_u64(r, UINT64_MAX);
    for (int i = 0; i < 5; i++) {
        s->limit_s[i] = get_f64(r);
        s->wait_s[i] = get_f64(r);
        s->elapsed_s[i] = get_f64(r);
    }
}

static void get_pending(struct reader *r, struct mir_pending_job *job, int64_t *before)
{
    uint64_t eligible;

    job->submit_at = plus(*before, get_i64(r));
    eligible = get_u64(r, 2);
    job->eligible_at = eligible == 1 ? INT64_MAX : job->submit_at;
    if (eligible == 2)
        job->eligible_at = plus(job->submit_at, get_i64(r));
    job->id = (uint32_t)get_u64(r, UINT32_MAX);
    job->limit_s = get_i32(r);
    job->n_nodes = (uint32_t)get_u64(r, UINT32_MAX);
    job->user = (uint32_t)get_u64(r, UINT32_MAX);
    job->name = r->nameless ? 0 : (uint32_t)get_u64(r, UINT32_MAX);
    job->priority = get_f64(r);
    job->partition = (uint16_t)get_u64(r, UINT16_MAX);
    job->account = (uint16_t)get_u64(r, UINT16_MAX);
    job->qos = (uint8_t)get_u64(r, UINT8_MAX);
    *before = job->submit_at;
}

static void get_running(struct reader *r, struct mir_running_job *job, int64_t *before)
{
    uint64_t name;

    job->start_at = plus(*before, get_i64(r));
    job->submit_at = minus(job->start_at, get_i64(r));
    job->planned_end_at = plus(job->start_at, get_i64(r));
    job->id = (uint32_t)get_u64(r, UINT32_MAX);
    job->n_nodes = (uint32_t)get_u64(r, UINT32_MAX);
    job->user = (uint32_t)get_u64(r, UINT32_MAX);
    name = r->nameless ? 0 : get_u64(r, (uint64_t)UINT32_MAX << 1 | 1);
    job->name = (uint32_t)(name >> 1);
    job->chained = name & 1;
    job->partition = (uint16_t)get_u64(r, UINT16_MAX);
    job->account = (uint16_t)get_u64(r, UINT16_MAX);
    job->qos = (uint8_t)get_u64(r, UINT8_MAX);
    *before = job->start_at;
}

/* All waits grow by the same time, so their five numbers do too. */
static void age(struct mir_snapshot *s, int64_t by_s)
{
    for (int i = 0; i < 5; i++) {
        if (s->pending_sum.n_jobs > 0)
            s->pending_sum.wait_s[i] += (double)by_s;
        if (s->running_sum.n_jobs > 0)
            s->running_sum.elapsed_s[i] += (double)by_s;
    }
}

static void *get_jobs(struct reader *r, struct mir_snapshot *s)
{
    size_t n_bytes = s->n_pending * sizeof(struct mir_pending_job) +
                     s->n_running * sizeof(struct mir_running_job);
    struct mir_pending_job *pending = mir_alloc(n_bytes + 1, 1);
    struct mir_running_job *running = (void *)(pending + s->n_pending);
    int64_t before = s->now;

    for (size_t i = 0; i < s->n_pending && !r->bad; i++)
        get_pending(r, &pending[i], &before);
    before = s->now;
    for (size_t i = 0; i < s->n_running && !r->bad; i++)
        get_running(r, &running[i], &before);
    s->pending = pending;
    s->running = running;
    return pending;
}

int mir_unpack_queue(const void *bytes,
                     size_t len,
                     int64_t now,
                     struct mir_snapshot *out,
                     void **memory,
                     struct mir_error *err)
{
    struct reader r = {.at = bytes, .end = (const unsigned char *)bytes + len};
    struct mir_snapshot s = {0};
    void *jobs;

    if (len <= sizeof(magic) || memcmp(bytes, magic, sizeof(magic)) != 0 ||
        r.at[sizeof(magic)] < NAMELESS || r.at[sizeof(magic)] > VERSION)
        return mir_error_set(err, -EBADMSG, "not a packed queue of a known version");
    r.nameless = r.at[sizeof(magic)] == NAMELESS;
    r.at += sizeof(magic) + 1;
    s.now = get_i64(&r);
    s.n_nodes = (uint32_t)get_u64(&r, UINT32_MAX);
    s.n_nodes_free = (uint32_t)get_u64(&r, UINT32_MAX);
    get_summary(&r, &s.pending_sum);
    get_summary(&r, &s.running_sum);
    s.n_pending = get_u64(&r, MIR_PACK_MAX_JOBS);
    s.n_running = get_u64(&r, MIR_PACK_MAX_JOBS);
    /* No job is shorter than nine bytes: a small blob never makes a large array. */
    if (r.bad || s.n_pending + s.n_running > (size_t)(r.end - r.at) / 9)
        return mir_error_set(err, -EBADMSG, "packed queue: damaged or cut short");
    jobs = get_jobs(&r, &s);
    if (r.bad || r.at != r.end) {
        free(jobs);
        return mir_error_set(err, -EBADMSG, "packed queue: damaged or cut short");
    }
    age(&s, minus(now, s.now));
    s.now = now;
    *out = s;
    *memory = jobs;
    return 0;
}
