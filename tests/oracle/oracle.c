/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * oracle.c - see oracle.h.  The clock jumps from one second in which something
 * happens to the next; inside a second everything is looked for by walking
 * through all jobs in the system.  Nothing is remembered that can be counted anew.
 *
 * EASY, all variants: one pass
 *   - starts the head of the queue while it fits;
 *   - the head that remains gets a shadow time, the first planned end by which
 *     enough is free for it, and extra, what is free then beyond the head;
 *   - a later job that fits starts when it ends by the shadow time as planned,
 *     or when it takes no more than extra, which then shrinks by its size.
 *   batch: all ends of a second, all arrivals, one pass.
 *   event: each arrival, a pass after each; then each end in the order in which
 *     the jobs were started, a pass after each.  A running job whose planned
 *     end has come counts as gone in every pass of that second; one that ends
 *     early counts as busy until its end is handled.
 *   node: as batch, with machines of their own numbers: a job takes the lowest
 *     it may use, the head's reservation is the set of the lowest machines that
 *     are free or planned to be free by the shadow time, and a job that would
 *     run past the shadow time may use machines outside that set only.
 *
 * Conservative, exactly as pyss has it.  Every job in the system has a
 * reservation [start, start + limit) from its arrival on; the plan is the sum
 * of all reservations, running jobs included.
 *   In one second t, in this order:
 *   1. Arrivals, one by one in queue order.  Each gets the earliest start >= t
 *      where it fits beneath all reservations there are for its whole limit.
 *      Nobody else moves.  The reservation of a job that really ends in this
 *      second before its planned end is still whole: it counts as busy.  (One
 *      whose planned end is t is out of the way by itself.)
 *   2. Ends, one by one.  Each takes the job's reservation away, and then, also
 *      when the job ended exactly as planned, one compression: through all jobs
 *      with start > t in queue order; each is taken out of the plan, gets the
 *      earliest start >= t, and is put back before the next is looked at.  A
 *      job never moves later, since its old place still fits.  It may move by
 *      any amount, to t itself or to another hole in the future.  There is one
 *      round per end: a hole that a later job leaves to an earlier one is seen
 *      at the next end only, even if that end came as planned, which is why
 *      no compression may be skipped because nothing was freed early.
 *      A job whose start is t, placed there in this or any earlier second, has
 *      begun: it is not moved any more.
 *   3. Starts: jobs whose reservation starts at t run from now on.
 *   The order of the ends in step 2 matters, as each compresses: it is the
 *   order in which the jobs were started, that is, by start time, and among
 *   jobs of one start time by when their reservation got that start (on
 *   arrival, or in the compression that moved them last).
 *   Nothing but arrivals and ends changes the plan.
 */
#include "tests/oracle/oracle.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"

struct item {
    struct mir_oracle_job *job;
    bool running;
    int64_t start_at;      /* of a running job; conservative: of a waiting one too */
    int64_t placed_number; /* conservative: when start_at was decided */
    int64_t start_number;  /* order of starts */
};

struct world {
    enum mir_oracle_rule rule;
    int64_t n_nodes;
    int64_t now;
    struct item *items; /* all jobs */
    size_t n_items;
    size_t n_arrived;
    struct item **live; /* arrived and not ended, in queue order */
    size_t n_live;
    int64_t n_placed;
    int64_t n_started;
    const struct item **owner; /* easy_node: who is on each machine; NULL: nobody */
};

/* The head's claim in a pass of EASY. */
struct claim {
    int64_t shadow_at;
    int64_t extra;
    bool *machines; /* easy_node */
};

static int64_t planned_end(const struct item *item)
{
    return item->start_at + item->job->limit_s;
}

static int64_t real_end(const struct item *item)
{
    return item->start_at + item->job->run_s;
}

/* Jobs that end as planned make room before their end is handled. */
static bool is_busy(const struct world *w, const struct item *item)
{
    return item->running && planned_end(item) > w->now;
}

/* Nodes free now, and of the busy ones those planned to be free by `at`. */
static int64_t free_by(const struct world *w, int64_t at)
{
    int64_t n = w->n_nodes;

    for (size_t i = 0; i < w->n_live; i++) {
        if (is_busy(w, w->live[i]) && planned_end(w->live[i]) > at)
            n -= w->live[i]->job->n_nodes;
    }
    assert(n >= 0);
    return n;
}

static int64_t free_now(const struct world *w)
{
    return free_by(w, w->now);
}

static void take_machines(struct world *w, const struct item *item, const bool *forbidden)
{
    int64_t missing = item->job->n_nodes;

    for (int64_t m = 0; m < w->n_nodes && missing > 0; m++) {
        if (w->owner[m] == NULL && (forbidden == NULL || !forbidden[m])) {
            w->owner[m] = item;
            missing--;
        }
    }
    assert(missing == 0);
}

static void start(struct world *w, struct item *item, const bool *forbidden)
{
    item->running = true;
    item->start_at = w->now;
    item->start_number = w->n_started++;
    if (w->rule == MIR_ORACLE_EASY_NODE)
        take_machines(w, item, forbidden);
}

static struct item *arrive(struct world *w)
{
    struct item *item = &w->items[w->n_arrived++];

    w->live[w->n_live++] = item;
    return item;
}

static void end(struct world *w, const struct item *item)
{
    size_t n_kept = 0;

    for (size_t i = 0; i < w->n_live; i++) {
        if (w->live[i] != item)
            w->live[n_kept++] = w->live[i];
    }
    w->n_live = n_kept;
    for (int64_t m = 0; m < w->n_nodes; m++) {
        if (w->owner[m] == item)
            w->owner[m] = NULL;
    }
}

static bool has_arrival(const struct world *w)
{
    return w->n_arrived < w->n_items && w->items[w->n_arrived].job->submit_at == w->now;
}

/* Of the jobs that end now, the one that was started first; NULL: no end is left. */
static struct item *next_end(const struct world *w)
{
    struct item *best = NULL;

    for (size_t i = 0; i < w->n_live; i++) {
        struct item *item = w->live[i];

        if (item->running && real_end(item) == w->now &&
            (best == NULL || item->start_number < best->start_number))
            best = item;
    }
    return best;
}

/* Start from the front of the queue while the front fits; returns what stays in front, or NULL. */
static struct item *start_heads(struct world *w)
{
    for (size_t i = 0; i < w->n_live; i++) {
        if (w->live[i]->running)
            continue;
        if (w->live[i]->job->n_nodes > free_now(w))
            return w->live[i];
        start(w, w->live[i], NULL);
    }
    return NULL;
}

static void claim_machines(const struct world *w, const struct item *head, struct claim *claim)
{
    int64_t missing = head->job->n_nodes;

    for (int64_t m = 0; m < w->n_nodes && missing > 0; m++) {
        if (w->owner[m] == NULL || planned_end(w->owner[m]) <= claim->shadow_at) {
            claim->machines[m] = true;
            missing--;
        }
    }
}

static void make_claim(const struct world *w, const struct item *head, struct claim *claim)
{
    claim->shadow_at = INT64_MAX;
    for (size_t i = 0; i < w->n_live; i++) {
        const struct item *item = w->live[i];

        if (is_busy(w, item) && planned_end(item) < claim->shadow_at &&
            free_by(w, planned_end(item)) >= head->job->n_nodes)
            claim->shadow_at = planned_end(item);
    }
    claim->extra = free_by(w, claim->shadow_at) - head->job->n_nodes;
    if (w->rule == MIR_ORACLE_EASY_NODE)
        claim_machines(w, head, claim);
}

static int64_t free_outside(const struct world *w, const bool *forbidden)
{
    int64_t n = 0;

    for (int64_t m = 0; m < w->n_nodes; m++)
        n += w->owner[m] == NULL && !forbidden[m];
    return n;
}

static void backfill_one(struct world *w, struct item *item, struct claim *claim)
{
    int64_t size = item->job->n_nodes;

    if (size > free_now(w))
        return;
    if (w->now + item->job->limit_s <= claim->shadow_at) {
        start(w, item, NULL);
    } else if (w->rule == MIR_ORACLE_EASY_NODE) {
        if (size <= free_outside(w, claim->machines))
            start(w, item, claim->machines);
    } else if (size <= claim->extra) {
        claim->extra -= size;
        start(w, item, NULL);
    }
}

static void pass(struct world *w)
{
    struct item *head = start_heads(w);
    struct claim claim = {0};

    if (head == NULL || w->rule == MIR_ORACLE_FCFS)
        return;
    claim.machines = MIR_NEW_ARRAY(bool, (size_t)w->n_nodes);
    make_claim(w, head, &claim);
    for (size_t i = 0; i < w->n_live; i++) {
        if (!w->live[i]->running && w->live[i] != head)
            backfill_one(w, w->live[i], &claim);
    }
    free(claim.machines);
}

static void second_of_batch(struct world *w)
{
    struct item *item;

    while ((item = next_end(w)) != NULL)
        end(w, item);
    while (has_arrival(w))
        arrive(w);
    pass(w);
}

static void second_of_events(struct world *w)
{
    struct item *item;

    while (has_arrival(w)) {
        arrive(w);
        pass(w);
    }
    while ((item = next_end(w)) != NULL) {
        end(w, item);
        pass(w);
    }
}

/* Nodes that the reservations of all but `self` hold at `at`. */
static int64_t reserved(const struct world *w, const struct item *self, int64_t at)
{
    int64_t n = 0;

    for (size_t i = 0; i < w->n_live; i++) {
        const struct item *item = w->live[i];

        if (item != self && item->start_at <= at && at < planned_end(item))
            n += item->job->n_nodes;
    }
    return n;
}

/* The plan fills up only where a reservation begins: those instants and `from` are enough. */
static bool plan_fits(const struct world *w, const struct item *self, int64_t from)
{
    int64_t room = w->n_nodes - self->job->n_nodes;

    if (reserved(w, self, from) > room)
        return false;
    for (size_t i = 0; i < w->n_live; i++) {
        const struct item *item = w->live[i];

        if (item != self && item->start_at > from && item->start_at < from + self->job->limit_s &&
            reserved(w, self, item->start_at) > room)
            return false;
    }
    return true;
}

/* A hole begins now or where a reservation ends. */
static int64_t earliest_start(const struct world *w, const struct item *self)
{
    int64_t best = INT64_MAX;

    if (plan_fits(w, self, w->now))
        return w->now;
    for (size_t i = 0; i < w->n_live; i++) {
        int64_t at = planned_end(w->live[i]);

        if (w->live[i] != self && at > w->now && at < best && plan_fits(w, self, at))
            best = at;
    }
    return best;
}

static void place(struct world *w, struct item *item, int64_t start_at)
{
    item->start_at = start_at;
    item->placed_number = w->n_placed++;
}

static void compress(struct world *w)
{
    for (size_t i = 0; i < w->n_live; i++) {
        struct item *item = w->live[i];
        int64_t start_at;

        if (item->start_at <= w->now)
            continue;
        start_at = earliest_start(w, item);
        assert(start_at <= item->start_at);
        if (start_at != item->start_at)
            place(w, item, start_at);
    }
}

/* Of the waiting jobs whose start has come, the one that was placed first; NULL: none is left. */
static struct item *next_start(const struct world *w)
{
    struct item *best = NULL;

    for (size_t i = 0; i < w->n_live; i++) {
        struct item *item = w->live[i];

        if (!item->running && item->start_at == w->now &&
            (best == NULL || item->placed_number < best->placed_number))
            best = item;
    }
    return best;
}

static void second_of_conservative(struct world *w)
{
    struct item *item;

    while (has_arrival(w)) {
        item = arrive(w);
        place(w, item, earliest_start(w, item));
    }
    while ((item = next_end(w)) != NULL) {
        end(w, item);
        compress(w);
    }
    while ((item = next_start(w)) != NULL)
        start(w, item, NULL);
}

/* When something happens next; INT64_MAX: never again. */
static int64_t next_second(const struct world *w)
{
    int64_t best = INT64_MAX;

    if (w->n_arrived < w->n_items)
        best = w->items[w->n_arrived].job->submit_at;
    for (size_t i = 0; i < w->n_live; i++) {
        const struct item *item = w->live[i];
        int64_t at = INT64_MAX;

        if (item->running)
            at = real_end(item);
        else if (w->rule == MIR_ORACLE_CONSERVATIVE)
            at = item->start_at;
        if (at < best)
            best = at;
    }
    return best;
}

static void run(struct world *w)
{
    for (w->now = next_second(w); w->now < INT64_MAX; w->now = next_second(w)) {
        if (w->rule == MIR_ORACLE_CONSERVATIVE)
            second_of_conservative(w);
        else if (w->rule == MIR_ORACLE_EASY_EVENT)
            second_of_events(w);
        else
            second_of_batch(w);
    }
}

void mir_oracle_schedule(enum mir_oracle_rule rule,
                         int64_t n_nodes,
                         struct mir_oracle_job *jobs,
                         size_t n_jobs)
{
    struct world w = {.rule = rule, .n_nodes = n_nodes, .n_items = n_jobs};

    w.items = MIR_NEW_ARRAY(struct item, n_jobs);
    w.live = MIR_NEW_ARRAY(struct item *, n_jobs);
    w.owner = MIR_NEW_ARRAY(const struct item *, (size_t)n_nodes);
    for (size_t i = 0; i < n_jobs; i++) {
        assert(jobs[i].run_s > 0 && jobs[i].run_s <= jobs[i].limit_s);
        assert(jobs[i].n_nodes > 0 && jobs[i].n_nodes <= n_nodes);
        w.items[i].job = &jobs[i];
    }
    run(&w);
    assert(w.n_arrived == n_jobs && w.n_live == 0);
    for (size_t i = 0; i < n_jobs; i++)
        jobs[i].start_at = w.items[i].start_at;
    free(w.owner);
    free(w.live);
    free(w.items);
}
