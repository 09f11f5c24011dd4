/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sched_slurm_node.c - Slurm's scheduling with machine identities: slower than
 * sched_slurm.c, which counts, and closer to slurmctld, whose reservations are
 * sets of nodes.  A node that is free now but belongs to somebody's reservation
 * tomorrow takes short jobs only; counts cannot see that.
 *
 * bf_max_job_user, bf_max_job_part and their like are not looked at, and the
 * tasks of an array count one by one.
 *
 * Follows slurmctld's backfill step by step: a table of spans of time, each with
 * the nodes not reserved in it; for a job the nodes that no span of its window
 * excludes; on those the will-run test, which takes running jobs out by planned
 * end in groups that span 30 s, 60 s, 120 s ...; nodes chosen as by select/linear
 * and cons_res, the smallest run of consecutive ones that suffices.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "traces/sim/state.h"

/* ---- sets of machines */

static uint32_t count(const uint64_t *set, size_t n_words)
{
    uint32_t n = 0;

    for (size_t w = 0; w < n_words; w++)
        n += (uint32_t)__builtin_popcountll(set[w]);
    return n;
}

static bool has(const uint64_t *set, size_t i)
{
    return (set[i / 64] >> (i % 64) & 1) != 0;
}

static bool overlap(const uint64_t *a, const uint64_t *b, size_t n_words)
{
    for (size_t w = 0; w < n_words; w++)
        if ((a[w] & b[w]) != 0)
            return true;
    return false;
}

/* A run of consecutive machines of a set. */
struct run {
    size_t first, len;
};

/* The smallest run that holds `n`, else the largest; the first of equals. */
static struct run best_run(const uint64_t *set, size_t n_machines, uint32_t n)
{
    struct run best = {0, 0};

    for (size_t i = 0; i < n_machines;) {
        size_t len = 0;
        while (i + len < n_machines && has(set, i + len))
            len++;
        if (len > 0 && (best.len == 0 || (len >= n && best.len < n) ||
                        (len >= n && len < best.len) || (len < n && len > best.len)))
            best = (struct run){i, len};
        i += len + 1;
    }
    return best;
}

/* Choose n machines of `from` (there are as many) into `out`; `from` loses them. */
static void choose(uint64_t *out, uint64_t *from, size_t n_words, size_t n_machines, uint32_t n)
{
    memset(out, 0, n_words * sizeof(*out));
    while (n > 0) {
        struct run r = best_run(from, n_machines, n);
        for (size_t i = r.first; i < r.first + r.len && n > 0; i++, n--) {
            out[i / 64] |= (uint64_t)1 << (i % 64);
            from[i / 64] &= ~((uint64_t)1 << (i % 64));
        }
    }
}

/* ---- one pass's table of spans */

struct span {
    int64_t begin_at, end_at;
};

struct table {
    struct mir_sim *sim;
    struct span *spans;
    uint64_t *avail; /* n_words for each span: what no reservation has */
    size_t n, cap, cap_avail;
    uint64_t *all, *usable, *chosen, *freed; /* one set each */
};

static uint64_t *avail_of(const struct table *t, size_t i)
{
    return t->avail + i * t->sim->n_words;
}

static void table_open(struct table *t, struct mir_sim *sim)
{
    size_t n_words = sim->n_words;

    *t = (struct table){.sim = sim};
    t->all = MIR_NEW_ARRAY(uint64_t, 4 * n_words);
    t->usable = t->all + n_words;
    t->chosen = t->usable + n_words;
    t->freed = t->chosen + n_words;
    for (size_t i = 0; i < (size_t)sim->in_service[0]; i++)
        t->all[i / 64] |= (uint64_t)1 << (i % 64);
    t->spans = mir_grow(NULL, &t->cap, 64, sizeof(*t->spans));
    t->avail = mir_grow(NULL, &t->cap_avail, 64 * n_words, sizeof(*t->avail));
    t->n = 1;
    t->spans[0] = (struct span){sim->now, sim->now + sim->options.cluster->params.bf_window_s};
    memcpy(t->avail, t->all, n_words * sizeof(*t->avail));
}

static void table_close(struct table *t)
{
    free(t->spans);
    free(t->avail);
    free(t->all);
}

/* Cut the span that holds `at` in two. */
static void cut(struct table *t, int64_t at)
{
    size_t n_words = t->sim->n_words;
    size_t i = 0;

    while (i < t->n && !(t->spans[i].begin_at < at && at < t->spans[i].end_at))
        i++;
    if (i == t->n)
        return;
    t->spans = mir_grow(t->spans, &t->cap, t->n + 1, sizeof(*t->spans));
    t->avail = mir_grow(t->avail, &t->cap_avail, (t->n + 1) * n_words, sizeof(*t->avail));
    memmove(t->spans + i + 1, t->spans + i, (t->n - i) * sizeof(*t->spans));
    memmove(avail_of(t, i + 1), avail_of(t, i), (t->n - i) * n_words * sizeof(*t->avail));
    t->n++;
    t->spans[i].end_at = at;
    t->spans[i + 1].begin_at = at;
}

static void reserve(struct table *t, int64_t from, int64_t to, const uint64_t *set)
{
    if (from < t->spans[0].begin_at)
        from = t->spans[0].begin_at;
    if (to <= from)
        return;
    cut(t, from);
    cut(t, to);
    for (size_t i = 0; i < t->n; i++)
        if (t->spans[i].begin_at >= from && t->spans[i].end_at <= to)
            for (size_t w = 0; w < t->sim->n_words; w++)
                avail_of(t, i)[w] &= ~set[w];
}

/* Into `usable`: what is not reserved in [from, to]; returns when to look next, 0: never. */
static int64_t find_usable(struct table *t, int64_t from, int64_t to)
{
    int64_t later_at = 0;

    memcpy(t->usable, t->all, t->sim->n_words * sizeof(*t->usable));
    for (size_t i = 0; i < t->n && t->spans[i].begin_at <= to; i++) {
        if (t->spans[i].end_at <= from)
            continue;
        if (later_at == 0 && i + 1 < t->n)
            later_at = t->spans[i].end_at;
        for (size_t w = 0; w < t->sim->n_words; w++)
            t->usable[w] &= avail_of(t, i)[w];
    }
    return later_at;
}

static bool is_reserved(const struct table *t, int64_t from, int64_t to, const uint64_t *set)
{
    for (size_t i = 0; i < t->n; i++)
        if (from < t->spans[i].end_at && to > t->spans[i].begin_at)
            for (size_t w = 0; w < t->sim->n_words; w++)
                if ((set[w] & ~avail_of(t, i)[w]) != 0)
                    return true;
    return false;
}

static const uint64_t *machines_of(const struct mir_sim *sim, uint32_t slot)
{
    return sim->slot_machines + (size_t)slot * sim->n_words;
}

/* Free the next group of running jobs that hold usable machines; false: there is none. */
static bool free_group(struct table *t, size_t *next, int64_t window_s, int64_t *last_at)
{
    const struct mir_sim *sim = t->sim;
    int64_t first_at = INT64_MIN;
    uint32_t n = 0;

    while (*next < sim->n_releases) {
        const struct mir_release *r = &sim->releases[(*next)++];
        const uint64_t *theirs = machines_of(sim, r->slot);
        if (!overlap(theirs, t->usable, sim->n_words))
            continue;
        if (first_at == INT64_MIN)
            first_at = r->at;
        *last_at = r->at;
        for (size_t w = 0; w < sim->n_words; w++)
            t->freed[w] |= theirs[w] & t->usable[w];
        if (n++ > MIR_WILL_RUN_GROUP ||
            (*next < sim->n_releases && sim->releases[*next].at > first_at + window_s))
            break;
    }
    return first_at != INT64_MIN;
}

/* When could the job start on `usable` by planned ends, and on which (`chosen`)?  INT64_MAX: never. */
static int64_t will_run(struct table *t, uint32_t n_nodes)
{
    const struct mir_sim *sim = t->sim;
    int64_t window_s = MIR_WILL_RUN_WINDOW_S;
    int64_t at = sim->now;
    size_t next = 0;

    for (size_t w = 0; w < sim->n_words; w++)
        t->freed[w] = sim->machines_free[w] & t->usable[w];
    while (count(t->freed, sim->n_words) < n_nodes) {
        if (!free_group(t, &next, window_s, &at))
            return INT64_MAX;
        at = at > sim->now ? at : sim->now + 1;
        window_s = mir_slurm_next_window(sim, window_s);
    }
    choose(t->chosen, t->freed, sim->n_words, (size_t)sim->in_service[0], n_nodes);
    return at;
}

/* ---- starting jobs */

static uint32_t start_on(struct mir_sim *sim, const struct mir_queued *q, const uint64_t *set)
{
    uint32_t slot = mir_sim_start(sim, q);

    memcpy(sim->slot_machines + (size_t)slot * sim->n_words, set, sim->n_words * sizeof(*set));
    for (size_t w = 0; w < sim->n_words; w++)
        sim->machines_free[w] &= ~set[w];
    return slot;
}

/* On any free machines: the main scheduler's way. */
static uint32_t start_anywhere(struct mir_sim *sim, const struct mir_queued *q)
{
    uint64_t *chosen = sim->machine_scratch;
    uint64_t *from = chosen + sim->n_words;

    memcpy(from, sim->machines_free, sim->n_words * sizeof(*from));
    choose(chosen, from, sim->n_words, (size_t)sim->in_service[0], q->n_nodes);
    return start_on(sim, q, chosen);
}

/* Find the job's place and take it; true: its place is now, on `chosen`. */
static bool plan_job(struct table *t, const struct mir_queued *q)
{
    const struct mir_sched_params *p = &t->sim->options.cluster->params;
    int64_t now = t->sim->now;
    int64_t look_at = now;

    while (look_at != 0) {
        int64_t from = look_at;
        look_at = find_usable(t, from, from + q->limit_s);
        if (count(t->usable, t->sim->n_words) < q->n_nodes)
            continue;
        int64_t at = will_run(t, q->n_nodes);
        if (at == INT64_MAX)
            return false;
        at = at > from ? at : from;
        if (at <= now)
            return true;
        if (look_at != 0 && at > look_at)
            continue;
        if (at > now + p->bf_window_s)
            return false;
        int64_t begin = mir_slurm_round_down(at, p->bf_resolution_s);
        int64_t end = mir_slurm_round_down(at + q->limit_s, p->bf_resolution_s);
        if (!is_reserved(t, begin, end, t->chosen)) {
            reserve(t, begin, end, t->chosen);
            return false;
        }
        if (at > from)
            look_at = at; /* others have those nodes then: try from there on */
    }
    return false;
}

static void backfill_pass(struct mir_sim *sim)
{
    uint32_t depth = sim->options.cluster->params.bf_max_job_test;
    struct table t;

    sim->last_backfill_at = sim->now;
    sim->backfill_due = false;
    if (sim->free[0] <= 0)
        return;
    sim->counters.n_backfill_passes++;
    table_open(&t, sim);
    for (size_t i = 0; i < sim->n_queue && i < depth; i++) {
        struct mir_queued *q = &sim->queue[sim->head + i];
        if (!plan_job(&t, q))
            continue;
        start_on(sim, q, t.chosen);
        mir_sim_mark_gone(sim, sim->head + i);
    }
    table_close(&t);
    mir_sim_sweep(sim);
}

const struct mir_sched_ops mir_sched_slurm_node = {
    .pass = mir_slurm_pass,
    .next_tick = mir_slurm_next_tick,
    .start = start_anywhere,
    .backfill = backfill_pass,
};
