/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * summary.c - see summary.h.
 */
#include "daemon/host/summary.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

/* Builds by other compilers keep the portable passes tested. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE
#include <immintrin.h>
#endif

enum {
    SHORT = 512, /* up to here one pass over all is cheaper than to find the place and move */
    VECTOR = 8,  /* passes are rounded up to vectors, for which there must be room */
    MIN_CAP = 256,
};

/* ---- numbers in order */

static inline int32_t *first(const struct mir_order *o)
{
    return o->memory + o->head;
}

/* Free places behind the last. */
static inline size_t room_behind(const struct mir_order *o)
{
    return o->cap - o->head - o->len;
}

/* How many of the sorted `v` are below `x`. */
static size_t count_below(const int32_t *v, size_t n, int32_t x)
{
    const int32_t *from = v;

    while (n > 1) {
        size_t half = n / 2;

        from += from[half - 1] < x ? half : 0;
        n -= half;
    }
    return (size_t)(from - v) + (n == 1 && *from < x);
}

/*
 * Move everything to the middle of the memory, which becomes at least twice as
 * large as its content, so that as many insertions pay for the move.  All of the
 * memory is set at all times, as passes read a little of what is free.
 */
static __attribute__((noinline)) void make_room(struct mir_order *o)
{
    size_t cap = o->cap > MIN_CAP ? o->cap : MIN_CAP;
    int32_t *memory = o->memory;
    size_t head;

    while (cap < 2 * (o->len + 2 * VECTOR))
        cap *= 2;
    if (cap != o->cap)
        memory = MIR_NEW_ARRAY(int32_t, cap);
    head = (cap - o->len) / 2;
    if (o->len > 0)
        memmove(memory + head, first(o), o->len * sizeof *memory);
    if (memory != o->memory)
        free(o->memory);
    *o = (struct mir_order){.memory = memory, .head = head, .len = o->len, .cap = cap};
}

/*
 * One pass over the whole order, without a branch that depends on the numbers, as
 * what comes next cannot be guessed.  Inserting: each place gets what is nearest
 * to x between its old content and that of the next, so that those below x move
 * down by one.  Taking out: from x on, each place gets the content of the next.
 */
typedef int32_t four __attribute__((vector_size(4 * sizeof(int32_t))));

/* A comparison of vectors gives all bits or none of each number. */
static inline four choose(four mask, four yes, four no)
{
    return (mask & yes) | (~mask & no);
}

static inline void pass_insert(int32_t *v, size_t n, int32_t x)
{
    const four xs = {x, x, x, x};

    for (size_t i = 0; i < n; i += 4) {
        four low, high;

        memcpy(&low, v + i, sizeof low);
        memcpy(&high, v + i + 1, sizeof high);
        low = choose(low > xs, low, xs);
        low = choose(high < low, high, low);
        memcpy(v + i, &low, sizeof low);
    }
}

static inline void pass_take_out(int32_t *v, size_t n, int32_t x)
{
    const four xs = {x, x, x, x};

    for (size_t i = 0; i < n; i += 4) {
        four here, next;

        memcpy(&here, v + i, sizeof here);
        memcpy(&next, v + i + 1, sizeof next);
        here = choose(here < xs, here, next);
        memcpy(v + i, &here, sizeof here);
    }
}

#ifdef WIDE
/* The same in a third of the time. */
__attribute__((target("avx2"))) static void wide_insert(int32_t *v, size_t n, int32_t x)
{
    const __m256i xs = _mm256_set1_epi32(x);

    for (size_t i = 0; i < n; i += VECTOR) {
        __m256i low = _mm256_loadu_si256((const __m256i_u *)(v + i));
        __m256i high = _mm256_loadu_si256((const __m256i_u *)(v + i + 1));

        low = _mm256_min_epi32(high, _mm256_max_epi32(low, xs));
        _mm256_storeu_si256((__m256i_u *)(v + i), low);
    }
}

__attribute__((target("avx2"))) static void wide_take_out(int32_t *v, size_t n, int32_t x)
{
    const __m256i xs = _mm256_set1_epi32(x);

    for (size_t i = 0; i < n; i += VECTOR) {
        __m256i here = _mm256_loadu_si256((const __m256i_u *)(v + i));
        __m256i next = _mm256_loadu_si256((const __m256i_u *)(v + i + 1));

        here = _mm256_blendv_epi8(next, here, _mm256_cmpgt_epi32(xs, here));
        _mm256_storeu_si256((__m256i_u *)(v + i), here);
    }
}
#else
#define wide_insert pass_insert
#define wide_take_out pass_take_out
#endif

static inline bool is_wide(void)
{
#ifdef WIDE
    return __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}

static inline void insert_short(struct mir_order *o, int32_t x)
{
    int32_t *v = first(o) - 1;

    v[0] = INT32_MIN;
    v[o->len + 1] = INT32_MAX;
    if (is_wide())
        wide_insert(v, o->len + 1, x);
    else
        pass_insert(v, o->len + 1, x);
    o->head--;
    o->len++;
}

static inline void take_out_short(struct mir_order *o, int32_t x)
{
    if (is_wide())
        wide_take_out(first(o), o->len, x);
    else
        pass_take_out(first(o), o->len, x);
    o->len--;
}

/* Move the shorter side. */
static void insert_long(struct mir_order *o, int32_t x)
{
    int32_t *v = first(o);
    size_t i = count_below(v, o->len, x);

    if (i < o->len / 2) {
        memmove(v - 1, v, i * sizeof *v);
        o->head--;
    } else {
        memmove(v + i + 1, v + i, (o->len - i) * sizeof *v);
    }
    o->len++;
    first(o)[i] = x;
}

static void take_out_long(struct mir_order *o, int32_t x)
{
    int32_t *v = first(o);
    size_t i = count_below(v, o->len, x);

    o->len--;
    if (i < o->len / 2) {
        memmove(v + 1, v, i * sizeof *v);
        o->head++;
    } else {
        memmove(v + i, v + i + 1, (o->len - i) * sizeof *v);
    }
}

static inline void insert(struct mir_order *o, int32_t x)
{
    if (o->head == 0 || room_behind(o) < 2 * VECTOR)
        make_room(o);
    if (o->len <= SHORT)
        insert_short(o, x);
    else
        insert_long(o, x);
}

/* Times mostly come in their order. */
static inline void insert_late(struct mir_order *o, int32_t x)
{
    if (o->len > 0 && room_behind(o) > 2 * VECTOR && first(o)[o->len - 1] <= x)
        first(o)[o->len++] = x;
    else
        insert(o, x);
}

/* Most waits are the least. */
static inline void insert_early(struct mir_order *o, int32_t x)
{
    if (o->len > 0 && o->head > 0 && x <= first(o)[0]) {
        o->head--;
        o->len++;
        first(o)[0] = x;
    } else {
        insert(o, x);
    }
}

static inline void take_out(struct mir_order *o, int32_t x)
{
    assert(o->len > 0);
    assert(count_below(first(o), o->len, x) < o->len);
    assert(first(o)[count_below(first(o), o->len, x)] == x);
    if (o->len <= SHORT)
        take_out_short(o, x);
    else
        take_out_long(o, x);
}

/* The first of the queue is mostly the first to leave it, and most waits are the least. */
static inline void take_out_early(struct mir_order *o, int32_t x)
{
    if (o->len > 0 && first(o)[0] == x) {
        o->head++;
        o->len--;
    } else {
        take_out(o, x);
    }
}

static void copy_order(struct mir_order *to, const struct mir_order *from)
{
    size_t need = from->len + 4 * VECTOR;

    if (from->len == 0) {
        to->len = 0;
        return;
    }
    if (to->cap < need) {
        free(to->memory);
        to->cap = from->cap > need ? from->cap : need;
        to->memory = MIR_NEW_ARRAY(int32_t, to->cap);
    }
    to->len = from->len;
    to->head = (to->cap - to->len) / 2;
    memcpy(first(to), first(from), to->len * sizeof *to->memory);
}

static void clear_order(struct mir_order *o)
{
    o->head = o->cap / 2;
    o->len = 0;
}

/*
 * Where the quartiles of n numbers lie: at k/4 * (n - 1), in quarters a whole
 * number, and so what is interpolated is exact.
 */
struct places {
    size_t low[3], high[3];
    int64_t part[3]; /* quarters of the way from low to high */
    size_t last;
};

static inline struct places places_of(const struct mir_order *o)
{
    struct places p = {.last = o->len - 1};

    for (size_t k = 0; k < 3; k++) {
        size_t at = p.last * (k + 1);

        p.low[k] = at >> 2;
        p.high[k] = (at + 3) >> 2;
        p.part[k] = (int64_t)(at & 3);
    }
    return p;
}

static inline void quartiles(const struct mir_order *o, const struct places *p, double out[5])
{
    const int32_t *v = first(o);

    out[0] = v[0];
    for (int k = 0; k < 3; k++) {
        int64_t low = v[p->low[k]];
        int64_t high = v[p->high[k]];

        out[k + 1] = 0.25 * (double)(4 * low + p->part[k] * (high - low));
    }
    out[4] = v[p->last];
}

/* ---- the summary */

/* A time as it is kept. */
static inline int32_t since_base(const struct mir_summary *s, int64_t at)
{
    int64_t since;

    if (__builtin_sub_overflow(at, s->base_at, &since))
        return at < s->base_at ? -INT32_MAX : INT32_MAX;
    return (int32_t)(since > INT32_MAX ? INT32_MAX : since < -INT32_MAX ? -INT32_MAX : since);
}

/* Before a job is added. */
static inline void set_base(struct mir_summary *s, int64_t at)
{
    if (s->pending_limit.len + s->running_limit.len == 0)
        s->base_at = at;
}

void mir_summary_add_pending(struct mir_summary *s,
                             int32_t limit_s,
                             int64_t submit_at,
                             uint32_t n_nodes)
{
    set_base(s, submit_at);
    insert(&s->pending_limit, limit_s);
    insert_late(&s->pending_submit, since_base(s, submit_at));
    s->n_nodes_pending += n_nodes;
}

void mir_summary_remove_pending(struct mir_summary *s,
                                int32_t limit_s,
                                int64_t submit_at,
                                uint32_t n_nodes)
{
    take_out(&s->pending_limit, limit_s);
    take_out_early(&s->pending_submit, since_base(s, submit_at));
    s->n_nodes_pending -= n_nodes;
}

void mir_summary_add_running(struct mir_summary *s,
                             int32_t limit_s,
                             int32_t wait_s,
                             int64_t start_at,
                             uint32_t n_nodes)
{
    set_base(s, start_at);
    insert(&s->running_limit, limit_s);
    insert_early(&s->running_wait, wait_s);
    insert_late(&s->running_start, since_base(s, start_at));
    s->n_nodes_running += n_nodes;
}

void mir_summary_remove_running(struct mir_summary *s,
                                int32_t limit_s,
                                int32_t wait_s,
                                int64_t start_at,
                                uint32_t n_nodes)
{
    take_out(&s->running_limit, limit_s);
    take_out_early(&s->running_wait, wait_s);
    take_out_early(&s->running_start, since_base(s, start_at));
    s->n_nodes_running -= n_nodes;
}

void mir_summary_copy(struct mir_summary *to, const struct mir_summary *from)
{
    to->base_at = from->base_at;
    to->n_nodes_pending = from->n_nodes_pending;
    to->n_nodes_running = from->n_nodes_running;
    copy_order(&to->pending_limit, &from->pending_limit);
    copy_order(&to->pending_submit, &from->pending_submit);
    copy_order(&to->running_limit, &from->running_limit);
    copy_order(&to->running_wait, &from->running_wait);
    copy_order(&to->running_start, &from->running_start);
}

void mir_summary_clear(struct mir_summary *s)
{
    s->n_nodes_pending = 0;
    s->n_nodes_running = 0;
    clear_order(&s->pending_limit);
    clear_order(&s->pending_submit);
    clear_order(&s->running_limit);
    clear_order(&s->running_wait);
    clear_order(&s->running_start);
}

void mir_summary_release(struct mir_summary *s)
{
    free(s->pending_limit.memory);
    free(s->pending_submit.memory);
    free(s->running_limit.memory);
    free(s->running_wait.memory);
    free(s->running_start.memory);
    *s = (struct mir_summary){0};
}

/* Ages at `now` of what happened at the times of `o`: the latest is the youngest. */
static inline void ages(const struct mir_summary *s,
                        const struct mir_order *o,
                        const struct places *p,
                        int64_t now,
                        double out[5])
{
    double since = (double)(now - s->base_at);
    double at[5];

    quartiles(o, p, at);
    for (int k = 0; k < 5; k++)
        out[k] = since - at[4 - k];
}

static inline void
get_pending(const struct mir_summary *s, int64_t now, struct mir_jobs_summary *out)
{
    struct places p;

    if (s->pending_limit.len == 0) {
        *out = (struct mir_jobs_summary){0};
        return;
    }
    p = places_of(&s->pending_limit);
    out->n_jobs = (uint32_t)s->pending_limit.len;
    out->n_nodes = s->n_nodes_pending;
    quartiles(&s->pending_limit, &p, out->limit_s);
    ages(s, &s->pending_submit, &p, now, out->wait_s);
    for (int k = 0; k < 5; k++)
        out->elapsed_s[k] = 0;
}

static inline void
get_running(const struct mir_summary *s, int64_t now, struct mir_jobs_summary *out)
{
    struct places p;

    if (s->running_limit.len == 0) {
        *out = (struct mir_jobs_summary){0};
        return;
    }
    p = places_of(&s->running_limit);
    out->n_jobs = (uint32_t)s->running_limit.len;
    out->n_nodes = s->n_nodes_running;
    quartiles(&s->running_limit, &p, out->limit_s);
    quartiles(&s->running_wait, &p, out->wait_s);
    ages(s, &s->running_start, &p, now, out->elapsed_s);
}

void mir_summary_get(const struct mir_summary *s,
                     int64_t now,
                     struct mir_jobs_summary *pending,
                     struct mir_jobs_summary *running)
{
    get_pending(s, now, pending);
    get_running(s, now, running);
}
