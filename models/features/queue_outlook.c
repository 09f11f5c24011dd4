/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue_outlook.c - what one look at a queue tells all requests, and plans of it. */
#include "models/features/queue_outlook.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/quantile.h"

enum {
    HISTORY_MAX = 20000, /* starts of three days that are looked at */
    BF_WINDOW_S = 86400, /* Slurm's default */
};

struct mir_queue_outlook *mir_queue_outlook_create(void)
{
    struct mir_queue_outlook *o = MIR_NEW(struct mir_queue_outlook);

    o->bf_window_s = BF_WINDOW_S;
    return o;
}

void mir_queue_outlook_destroy(struct mir_queue_outlook *o)
{
    if (o == NULL)
        return;
    for (unsigned i = 0; i < N_PLANS; i++) {
        free(o->end_s[i]);
        mir_profile_release(&o->profiles[i]);
    }
    free(o->end_nodes);
    free(o->ahead);
    free(o->waiting);
    free(o);
}

void mir_queue_outlook_set_window(struct mir_queue_outlook *o, int32_t bf_window_s)
{
    o->bf_window_s = bf_window_s > 0 ? bf_window_s : BF_WINDOW_S;
    o->have_plans = false;
}

/* ---- What all requests share */

/* A fixed number in (0, 1) for a job and a future: the same job draws alike at every look. */
static double draw(uint32_t id, unsigned future)
{
    uint64_t h = ((uint64_t)id << 8 | future) * UINT64_C(0x9e3779b97f4a7c15);

    h ^= h >> 30;
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    h ^= h >> 27;
    h *= UINT64_C(0x94d049bb133111eb);
    h ^= h >> 31;
    return ((double)(h >> 11) + 0.5) * 0x1p-53;
}

static void draw_all(uint32_t id, double p[MIR_OUTLOOK_FUTURES])
{
    for (unsigned k = 0; k < MIR_OUTLOOK_FUTURES; k++)
        p[k] = draw(id, k);
}

/* How long a running job goes on, in each plan; `sure`: until its planned end. */
static void expect_end(struct mir_queue_outlook *o,
                       size_t i,
                       const struct mir_run_curve *curve,
                       double elapsed_s,
                       double planned_s,
                       bool sure)
{
    double p[MIR_OUTLOOK_FUTURES], left_s[MIR_OUTLOOK_FUTURES];

    o->end_s[PLAN_BY_LIMIT][i] = planned_s;
    o->end_s[PLAN_BY_MEAN][i] = sure ? planned_s : mir_run_expected_left_s(curve, elapsed_s);
    draw_all(o->queue->running[i].id, p);
    if (!sure)
        mir_run_quantiles_left_s(curve, elapsed_s, p, MIR_OUTLOOK_FUTURES, left_s);
    for (unsigned k = 0; k < MIR_OUTLOOK_FUTURES; k++)
        o->end_s[PLAN_FUTURES + k][i] = sure ? planned_s : left_s[k];
}

static void expect_release(struct mir_queue_outlook *o,
                           double n_nodes,
                           const struct mir_run_curve *curve,
                           double elapsed_s,
                           double planned_s,
                           bool sure)
{
    for (unsigned h = 0; h < N_HORIZONS; h++) {
        double within_s = mir_horizon_h[h] * 3600;
        bool planned = planned_s <= within_s;

        o->planned_release[h] += planned ? n_nodes : 0;
        if (sure || planned)
            o->expected_release[h] += planned ? n_nodes : 0;
        else
            o->expected_release[h] += n_nodes * (1 - mir_run_survival(curve, elapsed_s, within_s));
    }
}

static void look_at_one_running(struct mir_queue_outlook *o, size_t i, struct mir_run_book *book)
{
    const struct mir_running_job *r = &o->queue->running[i];
    double limit_s = mir_between_s(r->start_at, r->planned_end_at);
    double elapsed_s = fmax(mir_between_s(r->start_at, o->queue->now), 0);
    double planned_s = fmax(mir_between_s(o->queue->now, r->planned_end_at), 0);
    struct mir_run_shape shape = {
        r->user, r->name, r->n_nodes,
        limit_s > 0 && limit_s < INT32_MAX ? (int32_t)limit_s : MIR_UNLIMITED, 0};
    const struct mir_run_curve *curve = mir_run_book_curve(book, &shape);
    /* What keeps running past its plan (clocks, suspension) ends any moment. */
    bool sure = r->chained != 0 || planned_s <= 0;

    o->end_nodes[i] = r->n_nodes;
    expect_end(o, i, curve, elapsed_s, planned_s, sure);
    expect_release(o, r->n_nodes, curve, elapsed_s, planned_s, sure);
    o->running_left_node_h += r->n_nodes * mir_hours(o->end_s[PLAN_BY_MEAN][i]);
}

static void look_at_running(struct mir_queue_outlook *o, struct mir_run_book *book)
{
    const struct mir_snapshot *q = o->queue;
    double nodes = 0, age = 0;

    o->end_nodes =
        mir_grow(o->end_nodes, &o->cap_end_nodes, q->n_running + 1, sizeof(*o->end_nodes));
    for (unsigned p = 0; p < N_PLANS; p++)
        o->end_s[p] = mir_grow(o->end_s[p], &o->cap_end_s[p], q->n_running + 1, sizeof(double));
    memset(o->expected_release, 0, sizeof(o->expected_release));
    memset(o->planned_release, 0, sizeof(o->planned_release));
    o->running_left_node_h = 0;
    for (size_t i = 0; i < q->n_running; i++) {
        const struct mir_running_job *r = &q->running[i];

        look_at_one_running(o, i, book);
        nodes += r->n_nodes;
        age += r->n_nodes * mir_hours(fmax(mir_between_s(r->start_at, q->now), 0));
    }
    o->running_age_h = nodes > 0 ? age / nodes : NAN;
}

static void expect_lengths(struct mir_outlook_planned *out,
                           const struct mir_pending_job *job,
                           const struct mir_run_curve *curve,
                           double expected_s)
{
    double p[MIR_OUTLOOK_FUTURES];

    draw_all(job->id, p);
    mir_run_quantiles_left_s(curve, 0, p, MIR_OUTLOOK_FUTURES, out->length_s + PLAN_FUTURES);
    out->n_nodes = job->n_nodes;
    out->length_s[PLAN_BY_LIMIT] = mir_limit_of(job->limit_s);
    out->length_s[PLAN_BY_MEAN] = expected_s;
    for (unsigned k = 0; k < N_PLANS; k++)
        out->length_s[k] = fmax(out->length_s[k], 1);
}

/* A job whose priority is not known lets nobody pass. */
static void note_priorities(struct mir_queue_outlook *o)
{
    double behind = -INFINITY;

    for (size_t i = o->n_waiting; i-- > 0;) {
        double priority = o->ahead[i].behind;

        behind = isnan(priority) ? INFINITY : fmax(behind, priority);
        o->ahead[i].behind = behind;
    }
}

static void look_at_waiting(struct mir_queue_outlook *o, struct mir_run_book *book)
{
    const struct mir_snapshot *q = o->queue;
    size_t n = 0;

    o->waiting = mir_grow(o->waiting, &o->cap_waiting, q->n_pending + 1, sizeof(*o->waiting));
    o->ahead = mir_grow(o->ahead, &o->cap_ahead, q->n_pending + 1, sizeof(*o->ahead));
    o->ahead[0] = (struct mir_outlook_ahead){.behind = -INFINITY};
    o->oldest_h = NAN;
    for (size_t i = 0; i < q->n_pending; i++) {
        const struct mir_pending_job *job = &q->pending[i];
        struct mir_run_shape shape = {job->user, job->name, job->n_nodes, job->limit_s, 0};
        struct mir_outlook_ahead *a = &o->ahead[n];
        const struct mir_run_curve *curve;
        double limit_s = mir_limit_of(job->limit_s), expected_s;

        if (job->eligible_at > q->now)
            continue;
        curve = mir_run_book_curve(book, &shape);
        expected_s = mir_run_expected_left_s(curve, 0);
        if (n < MIR_OUTLOOK_PLANNED)
            expect_lengths(&o->planned[n], job, curve, expected_s);
        o->waiting[n] = (struct mir_outlook_waiting){
            limit_s, mir_hours(mir_between_s(job->submit_at, q->now)), job->n_nodes, job->user};
        o->oldest_h = fmax(o->oldest_h, o->waiting[n].age_h);
        a->behind = job->priority;
        a[1] = (struct mir_outlook_ahead){a->limit_node_h + job->n_nodes * mir_hours(limit_s),
                                          a->expected_node_h + job->n_nodes * mir_hours(expected_s),
                                          a->nodes + job->n_nodes, -INFINITY};
        n++;
    }
    o->n_waiting = n;
    note_priorities(o);
}

static void look_at_submissions(struct mir_queue_outlook *o)
{
    const struct mir_snapshot *q = o->queue;

    memset(o->submitted, 0, sizeof(o->submitted));
    for (size_t i = 0; i < q->n_pending; i++) {
        const struct mir_pending_job *job = &q->pending[i];
        double age_s = mir_between_s(job->submit_at, q->now);

        for (unsigned s = N_SPANS; s-- > 0 && age_s <= mir_span_h[s] * 3600;)
            o->submitted[s] += job->n_nodes * mir_hours(mir_limit_of(job->limit_s));
    }
}

static void look_at_start(struct mir_queue_outlook *o, const struct mir_start *start, double age_s)
{
    double work = start->n_nodes * mir_hours(mir_limit_of(start->limit_s));

    for (unsigned s = N_SPANS; s-- > 0 && age_s <= mir_span_h[s] * 3600;) {
        o->started[s] += work;
        o->n_started[s]++;
        if (age_s + start->wait_s <= mir_span_h[s] * 3600)
            o->submitted[s] += work;
    }
}

static void look_at_history(struct mir_queue_outlook *o)
{
    const struct mir_history *history = &o->queue->history;
    size_t len = mir_history_len(history);
    double wait_sum = 0, n_waits = 0;

    memset(o->started, 0, sizeof(o->started));
    memset(o->n_started, 0, sizeof(o->n_started));
    o->wait_max_h = NAN;
    for (size_t back = 1; back <= len && back <= HISTORY_MAX; back++) {
        const struct mir_start *start = mir_history_at(history, len - back);
        double age_s = mir_between_s(start->start_at, o->queue->now);

        if (back <= 50) {
            wait_sum += mir_hours(start->wait_s);
            n_waits++;
            o->wait_max_h = fmax(o->wait_max_h, mir_hours(start->wait_s));
        } else if (age_s > mir_span_h[N_SPANS - 1] * 3600) {
            break;
        }
        look_at_start(o, start, age_s);
    }
    o->wait_mean_h = n_waits > 0 ? wait_sum / n_waits : NAN;
}

void mir_queue_outlook_update(struct mir_queue_outlook *o,
                              const struct mir_snapshot *queue,
                              struct mir_run_book *book)
{
    o->queue = queue;
    o->have_plans = false;
    look_at_running(o, book);
    look_at_waiting(o, book);
    look_at_submissions(o);
    look_at_history(o);
}

/* ---- Plans */

static void begin_plans(struct mir_queue_outlook *o)
{
    for (unsigned p = 0; p < N_PLANS; p++) {
        mir_profile_begin(&o->profiles[p], o->queue->n_nodes_free);
        mir_profile_release_nodes(&o->profiles[p], o->end_s[p], o->end_nodes, o->queue->n_running);
    }
    o->have_plans = true;
    o->n_known = 0;
    o->n_placed = 0;
}

/* Slurm's backfill plans no further than its window: what starts later holds no nodes. */
static void find_places(struct mir_queue_outlook *o, struct mir_outlook_planned *job)
{
    for (unsigned p = 0; p < N_PLANS; p++) {
        job->at_s[p] = job->at_s[PLAN_BY_LIMIT] > o->bf_window_s && p > 0
                           ? INFINITY
                           : mir_profile_find(&o->profiles[p], 0, job->n_nodes, job->length_s[p]);
    }
    if (job->at_s[PLAN_BY_LIMIT] > o->bf_window_s)
        job->at_s[PLAN_BY_LIMIT] = INFINITY;
}

static void move(struct mir_queue_outlook *o,
                 const struct mir_outlook_planned *job,
                 void (*change)(struct mir_profile *, double, uint32_t, double))
{
    for (unsigned p = 0; p < N_PLANS; p++)
        if (isfinite(job->at_s[p]))
            change(&o->profiles[p], job->at_s[p], job->n_nodes, job->length_s[p]);
}

/* Profiles with the first `n` waiting jobs placed: from request to request the few between move. */
static void plan(struct mir_queue_outlook *o, size_t n)
{
    if (!o->have_plans)
        begin_plans(o);
    while (o->n_placed > n)
        move(o, &o->planned[--o->n_placed], mir_profile_give);
    while (o->n_placed < n) {
        struct mir_outlook_planned *job = &o->planned[o->n_placed++];

        if (o->n_known < o->n_placed) {
            find_places(o, job);
            o->n_known++;
        }
        move(o, job, mir_profile_take);
    }
}

size_t mir_outlook_rank(const struct mir_queue_outlook *o, const struct mir_wait_case *c)
{
    size_t low = 0, high = o->n_waiting;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (o->ahead[mid].behind < c->priority)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

double mir_outlook_start_s(struct mir_queue_outlook *o,
                           const struct mir_request *r,
                           size_t rank,
                           unsigned p)
{
    size_t n = rank < MIR_OUTLOOK_PLANNED ? rank : MIR_OUTLOOK_PLANNED;
    double rest_h = p == PLAN_BY_LIMIT
                        ? o->ahead[rank].limit_node_h - o->ahead[n].limit_node_h
                        : o->ahead[rank].expected_node_h - o->ahead[n].expected_node_h;

    plan(o, n);
    return mir_profile_find(&o->profiles[p], 0, r->n_nodes, mir_limit_of(r->limit_s)) +
           (o->queue->n_nodes > 0 ? rest_h * 3600 / o->queue->n_nodes : 0);
}

void mir_outlook_futures_s(struct mir_queue_outlook *o,
                           const struct mir_request *r,
                           size_t rank,
                           double futures_s[MIR_OUTLOOK_FUTURES])
{
    for (unsigned k = 0; k < MIR_OUTLOOK_FUTURES; k++)
        futures_s[k] = mir_outlook_start_s(o, r, rank, PLAN_FUTURES + k);
    mir_sort(futures_s, MIR_OUTLOOK_FUTURES);
}

void mir_queue_outlook_plan(struct mir_queue_outlook *o,
                            const struct mir_wait_case *c,
                            double *by_limit_s,
                            double futures_s[MIR_OUTLOOK_FUTURES])
{
    size_t rank = mir_outlook_rank(o, c);

    assert(o->queue != NULL);
    *by_limit_s = mir_outlook_start_s(o, c->request, rank, PLAN_BY_LIMIT);
    mir_outlook_futures_s(o, c->request, rank, futures_s);
}
