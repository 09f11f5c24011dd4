/* SPDX-License-Identifier: GPL-3.0-or-later */
/* waits.c - the recent waits of jobs like the successor. */
#include "plugins/waits.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/host/job.h"

static const struct {
    uint32_t high;
    const char *label;
} nodes_class[] = {
    {1, "1 node"},
    {4, "2-4 nodes"},
    {16, "5-16 nodes"},
    {UINT32_MAX, "17 nodes and more"},
};

static const struct {
    int32_t high_s;
    const char *label;
} limit_class[] = {
    {3600, "up to 1 h"},
    {12 * 3600, "1-12 h"},
    {48 * 3600 - 1, "12-48 h"},
    {INT32_MAX, "48 h and more"},
};

void mir_wait_class_of(uint32_t n_nodes, int32_t limit_s, struct mir_wait_class *out)
{
    size_t n = 0, l = 0;

    while (n_nodes > nodes_class[n].high)
        n++;
    /* A limit that is not given is the partition's maximum: a long one. */
    if (limit_s < 0)
        limit_s = MIR_UNLIMITED;
    while (limit_s > limit_class[l].high_s)
        l++;
    out->nodes_low = n > 0 ? nodes_class[n - 1].high + 1 : 0;
    out->nodes_high = nodes_class[n].high;
    out->limit_low_s = l > 0 ? limit_class[l - 1].high_s + 1 : 0;
    out->limit_high_s = limit_class[l].high_s;
}

static bool holds_nodes(const struct mir_wait_class *c, const struct mir_start *s)
{
    return s->n_nodes - c->nodes_low <= c->nodes_high - c->nodes_low;
}

static bool holds_limit(const struct mir_wait_class *c, const struct mir_start *s)
{
    int32_t limit_s = s->limit_s < 0 ? MIR_UNLIMITED : s->limit_s;

    return limit_s >= c->limit_low_s && limit_s <= c->limit_high_s;
}

bool mir_wait_class_holds(const struct mir_wait_class *c,
                          enum mir_wait_level level,
                          const struct mir_start *start)
{
    if (level == MIR_WAITS_OF_ALL)
        return true;
    return holds_nodes(c, start) && (level == MIR_WAITS_OF_NODES || holds_limit(c, start));
}

char *mir_wait_class_label(const struct mir_wait_class *c, enum mir_wait_level level, char buf[48])
{
    size_t n = 0, l = 0;

    while (c->nodes_high > nodes_class[n].high)
        n++;
    while (c->limit_high_s > limit_class[l].high_s)
        l++;
    if (level == MIR_WAITS_OF_CLASS)
        snprintf(buf, 48, "%s, %s", nodes_class[n].label, limit_class[l].label);
    else
        snprintf(buf, 48, "%s", level == MIR_WAITS_OF_NODES ? nodes_class[n].label : "all jobs");
    return buf;
}

void mir_wait_feed_init(struct mir_wait_feed *feed, uint32_t keep, uint32_t minimum)
{
    *feed = (struct mir_wait_feed){
        .keep = keep,
        .minimum = minimum < keep ? minimum : keep,
        .level = MIR_WAITS_OF_ALL,
    };
}

static bool same_class(const struct mir_wait_class *a, const struct mir_wait_class *b)
{
    return a->nodes_low == b->nodes_low && a->limit_low_s == b->limit_low_s;
}

/* Does a level narrower than the one in use have enough starts by now? */
static bool can_narrow(struct mir_wait_feed *feed, const struct mir_history *history)
{
    size_t len = mir_history_len(history);

    for (; feed->counted < len; feed->counted++) {
        const struct mir_start *start = mir_history_at(history, feed->counted);
        for (unsigned level = 0; level < (unsigned)feed->level; level++)
            feed->n_met[level] +=
                mir_wait_class_holds(&feed->class, (enum mir_wait_level)level, start);
    }
    for (unsigned level = 0; level < (unsigned)feed->level; level++) {
        if (feed->n_met[level] >= feed->minimum)
            return true;
    }
    return false;
}

/*
 * Look back from the newest start until the class has `keep` or the scan has
 * gone far enough; `oldest[level]` is the oldest start that the level keeps.
 */
static void scan_back(struct mir_wait_feed *feed,
                      const struct mir_history *history,
                      size_t oldest[MIR_N_WAIT_LEVELS])
{
    size_t len = mir_history_len(history);
    size_t stop = len > MIR_WAITS_SCAN_MAX ? len - MIR_WAITS_SCAN_MAX : 0;

    memset(feed->n_met, 0, sizeof(feed->n_met));
    for (unsigned level = 0; level < MIR_N_WAIT_LEVELS; level++)
        oldest[level] = len;
    for (size_t i = len; i-- > stop && feed->n_met[MIR_WAITS_OF_CLASS] < feed->keep;) {
        const struct mir_start *start = mir_history_at(history, i);
        unsigned level = MIR_WAITS_OF_ALL;

        if (holds_nodes(&feed->class, start))
            level = holds_limit(&feed->class, start) ? MIR_WAITS_OF_CLASS : MIR_WAITS_OF_NODES;
        for (; level < MIR_N_WAIT_LEVELS; level++) {
            if (feed->n_met[level] < feed->keep) {
                feed->n_met[level]++;
                oldest[level] = i;
            }
        }
    }
}

bool mir_wait_feed_begin(struct mir_wait_feed *feed,
                         const struct mir_history *history,
                         const struct mir_request *successor)
{
    struct mir_wait_class class;
    size_t oldest[MIR_N_WAIT_LEVELS];
    unsigned level = 0;

    mir_wait_class_of(successor->n_nodes, successor->limit_s, &class);
    if (feed->begun && same_class(&class, &feed->class) && mir_history_len(history) >= feed->next &&
        !can_narrow(feed, history))
        return false;
    feed->begun = true;
    feed->class = class;
    scan_back(feed, history, oldest);
    while (level < MIR_WAITS_OF_ALL && feed->n_met[level] < feed->minimum)
        level++;
    feed->level = (enum mir_wait_level)level;
    feed->next = oldest[level];
    feed->counted = mir_history_len(history);
    mir_wait_class_label(&class, feed->level, feed->label);
    return true;
}

const struct mir_start *mir_wait_feed_next(struct mir_wait_feed *feed,
                                           const struct mir_history *history)
{
    size_t len = mir_history_len(history);

    while (feed->next < len) {
        const struct mir_start *start = mir_history_at(history, feed->next++);

        if (mir_wait_class_holds(&feed->class, feed->level, start))
            return start;
    }
    return NULL;
}

void mir_wait_window_init(struct mir_wait_window *w, uint32_t cap)
{
    assert(cap > 0);
    *w = (struct mir_wait_window){
        .sorted = MIR_NEW_ARRAY(int32_t, cap),
        .ring = MIR_NEW_ARRAY(int32_t, cap),
        .cap = cap,
    };
}

void mir_wait_window_release(struct mir_wait_window *w)
{
    free(w->sorted);
    free(w->ring);
    *w = (struct mir_wait_window){0};
}

void mir_wait_window_clear(struct mir_wait_window *w)
{
    w->n = 0;
    w->head = 0;
}

/* How many of the sorted values are below `value`. */
static uint32_t count_below(const struct mir_wait_window *w, int32_t value)
{
    const int32_t *base = w->sorted;
    uint32_t n = w->n;

    if (n == 0)
        return 0;
    /* Halving without a branch on the data: waits are unpredictable to the processor too. */
    while (n > 1) {
        uint32_t half = n / 2;
        base += base[half - 1] < value ? half : 0;
        n -= half;
    }
    return (uint32_t)(base - w->sorted) + (base[0] < value);
}

/* Put `value` where `old` was, moving only what lies between the two. */
static void replace_sorted(struct mir_wait_window *w, int32_t old, int32_t value)
{
    uint32_t from = count_below(w, old);
    uint32_t to = count_below(w, value);
    int32_t *s = w->sorted;

    if (to > from) {
        to--; /* its place once `old` is out */
        memmove(s + from, s + from + 1, (to - from) * sizeof(*s));
    } else {
        memmove(s + to + 1, s + to, (from - to) * sizeof(*s));
    }
    s[to] = value;
}

void mir_wait_window_add(struct mir_wait_window *w, int32_t wait_s)
{
    if (w->n == w->cap) {
        replace_sorted(w, w->ring[w->head], wait_s);
    } else {
        uint32_t at = count_below(w, wait_s);
        memmove(w->sorted + at + 1, w->sorted + at, (w->n - at) * sizeof(*w->sorted));
        w->sorted[at] = wait_s;
        w->n++;
    }
    w->ring[w->head] = wait_s;
    w->head = w->head + 1 == w->cap ? 0 : w->head + 1;
}

int32_t mir_wait_window_recent(const struct mir_wait_window *w, uint32_t age)
{
    assert(age < w->n);
    return w->ring[w->head > age ? w->head - 1 - age : w->cap + w->head - 1 - age];
}

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

void mir_wait_window_trim(struct mir_wait_window *w, uint32_t n)
{
    if (n >= w->n)
        return;
    w->n = n; /* the ring's older values are no longer counted in */
    for (uint32_t age = 0; age < n; age++)
        w->sorted[age] = mir_wait_window_recent(w, age);
    qsort(w->sorted, n, sizeof(*w->sorted), by_value);
}

int32_t mir_wait_window_rank(const struct mir_wait_window *w, uint32_t rank)
{
    assert(rank >= 1 && rank <= w->n);
    return w->sorted[rank - 1];
}
