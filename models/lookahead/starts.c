/* SPDX-License-Identifier: GPL-3.0-or-later */
/* starts.c - candidate submissions, probed in one future after another. */
#include "models/lookahead/starts.h"

#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/host/job.h"

void mir_start_table_release(struct mir_start_table *t)
{
    free(t->start_at);
    *t = (struct mir_start_table){0};
}

/* ---- candidates */

/* So many in growing steps reach past all limits, from whatever step. */
enum { N_FAR = 12 };

/*
 * Now, the next decision, and on in growing steps: what is decided is whether now is
 * best, and what lies far ahead need not be known to the minute.  The last is the
 * predecessor's end, when the chain submits in any case.
 */
static void place_candidates(struct mir_start_table *t, bool fine)
{
    unsigned n_close = fine ? MIR_LOOKAHEAD_CANDIDATES_MAX - N_FAR : 4;
    int64_t step_s = t->period_s, at = t->from_at;

    t->n_at = 0;
    while (at < t->end_at && t->n_at < MIR_LOOKAHEAD_CANDIDATES_MAX - 1) {
        t->at[t->n_at++] = at;
        at += step_s;
        if (t->n_at >= n_close)
            step_s += 2 * step_s / 5;
    }
    t->at[t->n_at++] = t->end_at > t->from_at ? t->end_at : t->from_at;
}

void mir_start_table_begin(struct mir_start_table *t,
                           const struct mir_lookahead_case *c,
                           int64_t now,
                           bool fine)
{
    t->chain = c->chain;
    t->successor = *c->successor;
    t->successor.run_s = MIR_UNKNOWN; /* nothing of it bears on its own start */
    t->from_at = now;
    t->end_at = c->predecessor_end_at;
    t->until = (t->end_at > now ? t->end_at : now) + MIR_LOOKAHEAD_BEYOND_S;
    t->period_s = c->period_s > 0 ? c->period_s : 600;
    t->near_s = fine ? 0 : t->period_s;
    t->n_futures = 0;
    place_candidates(t, fine);
}

static bool same_request(const struct mir_request *a, const struct mir_request *b)
{
    return a->n_nodes == b->n_nodes && a->limit_s == b->limit_s && a->user == b->user &&
           a->partition == b->partition && a->account == b->account && a->qos == b->qos &&
           a->nice == b->nice;
}

bool mir_start_table_serves(const struct mir_start_table *t,
                            const struct mir_lookahead_case *c,
                            int64_t now)
{
    return t->n_futures > 0 && t->chain == c->chain && t->from_at == now &&
           t->end_at == c->predecessor_end_at &&
           t->period_s == (c->period_s > 0 ? c->period_s : 600) &&
           same_request(&t->successor, c->successor);
}

/* ---- futures */

static int64_t *add_row(struct mir_start_table *t)
{
    size_t n = ((size_t)t->n_futures + 1) * MIR_LOOKAHEAD_CANDIDATES_MAX;

    t->start_at = mir_grow(t->start_at, &t->cap_start_at, n, sizeof(*t->start_at));
    return t->start_at + n - MIR_LOOKAHEAD_CANDIDATES_MAX;
}

/* Can it run at all?  The simulator is asked, which knows all limits. */
static int
check_fits(const struct mir_start_table *t, struct mir_sim *scratch, struct mir_error *err)
{
    uint64_t serial;

    return t->n_futures > 0 ? 0 : mir_sim_submit(scratch, &t->successor, &serial, err);
}

void mir_start_room_release(struct mir_start_room *room)
{
    for (unsigned i = 0; i < MIR_LOOKAHEAD_CANDIDATES_MAX; i++)
        mir_sim_destroy(room->at[i]);
    mir_sim_destroy(room->scratch);
    *room = (struct mir_start_room){0};
}

static void keep(struct mir_sim **copy, const struct mir_sim *sim)
{
    if (*copy == NULL)
        *copy = mir_sim_fork(sim);
    else
        mir_sim_copy(*copy, sim);
}

/* A row that is being filled. */
struct row {
    const struct mir_start_table *t;
    struct mir_start_room *room;
    int64_t *start_at;
};

static void probe(const struct row *s, uint32_t c)
{
    int64_t start_at =
        mir_sim_probe(s->room->at[c], s->room->scratch, &s->t->successor, s->t->until);

    s->start_at[c] = start_at < s->t->until ? start_at : s->t->until;
}

/* On the line from candidate `low` to `high`. */
static int64_t between(const struct row *s, uint32_t low, uint32_t high, uint32_t c)
{
    const int64_t *at = s->t->at, *row = s->start_at;
    double part = (double)(at[c] - at[low]) / (double)(at[high] - at[low]);

    return row[low] + (int64_t)(part * (double)(row[high] - row[low]));
}

static void draw_line(const struct row *s, uint32_t low, uint32_t high)
{
    for (uint32_t c = low + 1; c < high; c++)
        s->start_at[c] = between(s, low, high, c);
}

/* The ends are known. */
static void fill_between(const struct row *s, uint32_t low, uint32_t high)
{
    uint32_t middle = low + (high - low) / 2;
    int64_t expected_at, off_s;

    if (high - low < 2 || s->start_at[high] - s->start_at[low] <= s->t->near_s) {
        draw_line(s, low, high);
        return;
    }
    expected_at = between(s, low, high, middle);
    probe(s, middle);
    off_s = s->start_at[middle] - expected_at;
    if (off_s <= s->t->near_s && off_s >= -s->t->near_s) {
        draw_line(s, low, middle);
        draw_line(s, middle, high);
        return;
    }
    fill_between(s, low, middle);
    fill_between(s, middle, high);
}

static void fill_row(const struct row *s)
{
    uint32_t last = s->t->n_at - 1;

    probe(s, 0);
    if (last > 0)
        probe(s, last);
    fill_between(s, 0, last);
}

int mir_start_table_play(struct mir_start_table *t,
                         struct mir_sim *base,
                         struct mir_start_room *room,
                         struct mir_error *err)
{
    int rc;

    keep(&room->scratch, base);
    rc = check_fits(t, room->scratch, err);
    if (rc != 0)
        return rc;
    for (uint32_t c = 0; c < t->n_at; c++) {
        mir_sim_advance(base, t->at[c]);
        keep(&room->at[c], base);
    }
    fill_row(&(struct row){t, room, add_row(t)});
    t->n_futures++;
    return 0;
}
