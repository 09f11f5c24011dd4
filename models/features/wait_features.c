/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wait_features.c - what a request's wait may depend on, as numbers. */
#include "models/features/wait_features.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "models/features/profile.h"

/* One line a feature: enum, name, unit, source, text. */
#define HORIZONS(X, id, name, unit, source, text)                                                  \
    X(id##_1, name "_1h", unit, source, text " within 1 h")                                        \
    X(id##_2, name "_2h", unit, source, text " within 2 h")                                        \
    X(id##_4, name "_4h", unit, source, text " within 4 h")                                        \
    X(id##_8, name "_8h", unit, source, text " within 8 h")                                        \
    X(id##_12, name "_12h", unit, source, text " within 12 h")                                     \
    X(id##_24, name "_24h", unit, source, text " within 24 h")                                     \
    X(id##_36, name "_36h", unit, source, text " within 36 h")                                     \
    X(id##_48, name "_48h", unit, source, text " within 48 h")

#define FEATURES(X)                                                                                \
    X(NODES, "nodes", "nodes", REQUEST, "nodes that the request asks for")                         \
    X(NODES_SHARE, "nodes_share", "share", REQUEST, "of the nodes in service")                     \
    X(LIMIT, "limit", "h", REQUEST, "its time limit")                                              \
    X(LEFT, "predecessor_left", "h", REQUEST, "until the predecessor ends")                        \
    X(HOUR, "hour", "h", CALENDAR, "hour of the day, UTC")                                         \
    X(WEEKDAY, "weekday", "d", CALENDAR, "day of the week, Monday is 0")                           \
    X(IN_SERVICE, "nodes_in_service", "nodes", NODES, "nodes in service")                          \
    X(FREE, "nodes_free", "nodes", NODES, "idle nodes")                                            \
    X(FREE_MINUS, "nodes_free_minus", "nodes", NODES, "idle nodes less those asked for")           \
    X(RUNNING, "running_jobs", "count", NODES, "running jobs")                                     \
    X(RUNNING_AGE, "running_age", "h", NODES, "mean age of running jobs, by nodes")                \
    X(PENDING, "pending_jobs", "count", QUEUE, "eligible waiting jobs")                            \
    X(PENDING_NODES, "pending_nodes", "nodes", QUEUE, "nodes that they ask for")                   \
    X(PENDING_LIMIT, "pending_node_hours_limit", "node-h", QUEUE, "their work by limits")          \
    X(PENDING_RUN, "pending_node_hours_expected", "node-h", RUN_TIME, "their expected work")       \
    X(HELD, "held_jobs", "count", QUEUE, "waiting jobs that are not eligible")                     \
    X(AHEAD, "ahead_jobs", "count", QUEUE, "eligible jobs of higher priority")                     \
    X(AHEAD_NODES, "ahead_nodes", "nodes", QUEUE, "nodes that they ask for")                       \
    X(AHEAD_LIMIT, "ahead_node_hours_limit", "node-h", QUEUE, "their work by limits")              \
    X(AHEAD_RUN, "ahead_node_hours_expected", "node-h", RUN_TIME, "their expected work")           \
    X(AHEAD_LARGE, "ahead_large_jobs", "count", QUEUE, "of them, at least as large")               \
    X(AHEAD_LARGEST, "ahead_largest", "nodes", QUEUE, "the largest of them")                       \
    X(OLDEST, "pending_oldest", "h", QUEUE, "longest wait so far, of eligible jobs")               \
    X(ALIKE, "pending_alike_jobs", "count", QUEUE, "waiting jobs at least as large and as long")   \
    X(ALIKE_OLDEST, "pending_alike_oldest", "h", QUEUE, "longest wait so far of such jobs")        \
    X(ALIKE_MEAN, "pending_alike_mean", "h", QUEUE, "mean wait so far of such jobs")               \
    HORIZONS(X, ENDS, "expected_release", "nodes", RUN_TIME, "nodes expected to come free")        \
    HORIZONS(X, PLANNED, "planned_release", "nodes", NODES, "nodes that limits set free")          \
    X(FLUID, "fluid_wait", "h", RUN_TIME, "until expected releases cover all ahead and this")      \
    X(DRAIN, "drain_time", "h", RUN_TIME, "expected work ahead and running, over all nodes")       \
    X(PLAN_LIMIT, "plan_limit", "h", PLAN, "start by limits, as Slurm plans")                      \
    X(PLAN_MEAN, "plan_mean", "h", PLAN, "start if each job ran as long as expected")              \
    X(PLAN_LOW, "plan_p10", "h", PLAN, "start in drawn futures, 10 %")                             \
    X(PLAN_P25, "plan_p25", "h", PLAN, "start in drawn futures, 25 %")                             \
    X(PLAN_P50, "plan_p50", "h", PLAN, "start in drawn futures, median")                           \
    X(PLAN_P75, "plan_p75", "h", PLAN, "start in drawn futures, 75 %")                             \
    X(PLAN_HIGH, "plan_p90", "h", PLAN, "start in drawn futures, 90 %")                            \
    X(PLAN_AVG, "plan_average", "h", PLAN, "start in drawn futures, mean")                         \
    X(SUB_1, "submitted_1h", "node-h", HISTORY, "work by limits submitted in the last hour")       \
    X(SUB_6, "submitted_6h", "node-h", HISTORY, "work by limits submitted in the last 6 h")        \
    X(SUB_24, "submitted_24h", "node-h", HISTORY, "work by limits submitted in the last day")      \
    X(SUB_72, "submitted_72h", "node-h", HISTORY, "work by limits submitted in three days")        \
    X(STARTED_1, "started_1h", "node-h", HISTORY, "work by limits started in the last hour")       \
    X(STARTED_6, "started_6h", "node-h", HISTORY, "work by limits started in the last 6 h")        \
    X(STARTED_24, "started_24h", "node-h", HISTORY, "work by limits started in the last day")      \
    X(STARTED_72, "started_72h", "node-h", HISTORY, "work by limits started in three days")        \
    X(STARTS_6, "starts_6h", "count", HISTORY, "jobs started in the last 6 h")                     \
    X(STARTS_24, "starts_24h", "count", HISTORY, "jobs started in the last day")                   \
    X(WAIT_MEAN, "wait_mean", "h", HISTORY, "mean wait of the last 50 starts")                     \
    X(WAIT_MAX, "wait_max", "h", HISTORY, "longest wait of the last 50 starts")                    \
    X(WAIT_ALIKE_LAST, "wait_alike_last", "h", HISTORY, "wait of the last start of such a job")    \
    X(WAIT_ALIKE_MEAN, "wait_alike_mean", "h", HISTORY, "mean wait of the last 10 such starts")    \
    X(WAIT_ALIKE_MAX, "wait_alike_max", "h", HISTORY, "longest wait of the last 10 such starts")   \
    X(WAIT_ALIKE_AGE, "wait_alike_age", "h", HISTORY, "since the last such start")                 \
    X(WAIT_LONG_MEAN, "wait_long_mean", "h", HISTORY, "mean wait of the last 20 starts as long")   \
    X(WAIT_LONG_MAX, "wait_long_max", "h", HISTORY, "longest wait of the last 20 starts as long")  \
    X(USER_PENDING, "user_pending", "count", QUEUE, "waiting jobs of the user")                    \
    X(USER_RUNNING, "user_running", "count", NODES, "running jobs of the user")

enum feature {
#define X(id, name, unit, source, text) F_##id,
    FEATURES(X)
#undef X
        N_FEATURES
};
_Static_assert((int)N_FEATURES == (int)MIR_N_WAIT_FEATURES, "the header's count is the table's");

const struct mir_feature mir_wait_feature_table[MIR_N_WAIT_FEATURES] = {
#define X(id, name, unit, source, text) {name, unit, MIR_FROM_##source, text},
    FEATURES(X)
#undef X
};

_Static_assert((int)F_NODES == (int)MIR_WAIT_FEATURE_NODES, "as in the header");
_Static_assert((int)F_NODES_SHARE == (int)MIR_WAIT_FEATURE_NODES_SHARE, "as in the header");
_Static_assert((int)F_LIMIT == (int)MIR_WAIT_FEATURE_LIMIT, "as in the header");
_Static_assert((int)F_PLAN_LIMIT == (int)MIR_WAIT_FEATURE_PLAN_LIMIT, "as in the header");

enum {
    N_HORIZONS = 8,
    N_SPANS = 4,
    HISTORY_MAX = 20000, /* starts of three days that are looked at */
    ALIKE_MAX = 5000,    /* starts among which those like a request are looked for */
    N_PLANS = MIR_OUTLOOK_FUTURES + 2,
    BF_WINDOW_S = 86400, /* Slurm's default */
    FAR_H = 60 * 24,     /* what no plan can start: far away, so that means stay finite */
};

enum { PLAN_BY_LIMIT, PLAN_BY_MEAN, PLAN_FUTURES };

static const double horizon_h[N_HORIZONS] = {1, 2, 4, 8, 12, 24, 36, 48};
static const double span_h[N_SPANS] = {1, 6, 24, 72};

/* A waiting job that may start: what every request looks at. */
struct waiting {
    double limit_s, age_h;
    uint32_t n_nodes, user;
};

/* What waits before a place in the queue, and the highest priority from there on. */
struct ahead {
    double limit_node_h, expected_node_h, nodes;
    double behind;
};

/* A waiting job in all plans; a start of INFINITY holds no nodes. */
struct planned {
    uint32_t n_nodes;
    double at_s[N_PLANS], length_s[N_PLANS];
};

struct mir_queue_outlook {
    int32_t bf_window_s;
    const struct mir_snapshot *queue;
    struct waiting *waiting; /* eligible, in the order in which Slurm tries them */
    struct ahead *ahead;     /* n_waiting + 1 */
    size_t n_waiting, cap_waiting, cap_ahead;
    double oldest_h;
    double expected_release[N_HORIZONS], planned_release[N_HORIZONS];
    double running_age_h, running_left_node_h;
    double submitted[N_SPANS], started[N_SPANS], n_started[N_SPANS];
    double wait_mean_h, wait_max_h;

    /* When running jobs end, plan by plan. */
    double *end_s[N_PLANS];
    size_t cap_end_s[N_PLANS];
    uint32_t *end_nodes;
    size_t cap_end_nodes;

    /* Profiles with planned[0 .. n_placed) in them; places are known of [0 .. n_known). */
    struct mir_profile profiles[N_PLANS];
    struct planned planned[MIR_OUTLOOK_PLANNED];
    size_t n_known, n_placed;
    bool have_plans;
};

const char *mir_feature_source_name(enum mir_feature_source source)
{
    static const char *const names[] = {"request",  "calendar", "nodes",  "queue",
                                        "run time", "plan",     "history"};

    return (unsigned)source < sizeof(names) / sizeof(names[0]) ? names[source] : "unknown";
}

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

static double hours(double s)
{
    return s / 3600;
}

static double limit_of(int32_t limit_s)
{
    return limit_s > 0 && limit_s != MIR_UNLIMITED ? limit_s : 30 * 86400.0;
}

/* In floating point: times that a broken record gives must not overflow. */
static double between_s(int64_t from_at, int64_t to_at)
{
    return (double)to_at - (double)from_at;
}

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
        double within_s = horizon_h[h] * 3600;
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
    double limit_s = between_s(r->start_at, r->planned_end_at);
    double elapsed_s = fmax(between_s(r->start_at, o->queue->now), 0);
    double planned_s = fmax(between_s(o->queue->now, r->planned_end_at), 0);
    struct mir_run_shape shape = {r->user, r->name, r->n_nodes,
                                  limit_s > 0 && limit_s < INT32_MAX ? (int32_t)limit_s
                                                                     : MIR_UNLIMITED};
    const struct mir_run_curve *curve = mir_run_book_curve(book, &shape);
    /* What keeps running past its plan (clocks, suspension) ends any moment. */
    bool sure = r->chained != 0 || planned_s <= 0;

    o->end_nodes[i] = r->n_nodes;
    expect_end(o, i, curve, elapsed_s, planned_s, sure);
    expect_release(o, r->n_nodes, curve, elapsed_s, planned_s, sure);
    o->running_left_node_h += r->n_nodes * hours(o->end_s[PLAN_BY_MEAN][i]);
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
        age += r->n_nodes * hours(fmax(between_s(r->start_at, q->now), 0));
    }
    o->running_age_h = nodes > 0 ? age / nodes : NAN;
}

static void expect_lengths(struct planned *out,
                           const struct mir_pending_job *job,
                           const struct mir_run_curve *curve,
                           double expected_s)
{
    double p[MIR_OUTLOOK_FUTURES];

    draw_all(job->id, p);
    mir_run_quantiles_left_s(curve, 0, p, MIR_OUTLOOK_FUTURES, out->length_s + PLAN_FUTURES);
    out->n_nodes = job->n_nodes;
    out->length_s[PLAN_BY_LIMIT] = limit_of(job->limit_s);
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
    o->ahead[0] = (struct ahead){.behind = -INFINITY};
    o->oldest_h = NAN;
    for (size_t i = 0; i < q->n_pending; i++) {
        const struct mir_pending_job *job = &q->pending[i];
        struct mir_run_shape shape = {job->user, job->name, job->n_nodes, job->limit_s};
        struct ahead *a = &o->ahead[n];
        const struct mir_run_curve *curve;
        double limit_s = limit_of(job->limit_s), expected_s;

        if (job->eligible_at > q->now)
            continue;
        curve = mir_run_book_curve(book, &shape);
        expected_s = mir_run_expected_left_s(curve, 0);
        if (n < MIR_OUTLOOK_PLANNED)
            expect_lengths(&o->planned[n], job, curve, expected_s);
        o->waiting[n] = (struct waiting){limit_s, hours(between_s(job->submit_at, q->now)),
                                         job->n_nodes, job->user};
        o->oldest_h = fmax(o->oldest_h, o->waiting[n].age_h);
        a->behind = job->priority;
        a[1] = (struct ahead){a->limit_node_h + job->n_nodes * hours(limit_s),
                              a->expected_node_h + job->n_nodes * hours(expected_s),
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
        double age_s = between_s(job->submit_at, q->now);

        for (unsigned s = N_SPANS; s-- > 0 && age_s <= span_h[s] * 3600;)
            o->submitted[s] += job->n_nodes * hours(limit_of(job->limit_s));
    }
}

static void look_at_start(struct mir_queue_outlook *o, const struct mir_start *start, double age_s)
{
    double work = start->n_nodes * hours(limit_of(start->limit_s));

    for (unsigned s = N_SPANS; s-- > 0 && age_s <= span_h[s] * 3600;) {
        o->started[s] += work;
        o->n_started[s]++;
        if (age_s + start->wait_s <= span_h[s] * 3600)
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
        double age_s = between_s(start->start_at, o->queue->now);

        if (back <= 50) {
            wait_sum += hours(start->wait_s);
            n_waits++;
            o->wait_max_h = fmax(o->wait_max_h, hours(start->wait_s));
        } else if (age_s > span_h[N_SPANS - 1] * 3600) {
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
static void find_places(struct mir_queue_outlook *o, struct planned *job)
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
                 const struct planned *job,
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
        struct planned *job = &o->planned[o->n_placed++];

        if (o->n_known < o->n_placed) {
            find_places(o, job);
            o->n_known++;
        }
        move(o, job, mir_profile_take);
    }
}

/*
 * How many waiting jobs Slurm tries before the case: all up to the last of no lower
 * priority, and than one that is not known (NaN) none is lower.
 */
static size_t rank_of(const struct mir_queue_outlook *o, const struct mir_wait_case *c)
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

/* In plan `p`, with the case's `rank` jobs before it; those too many to plan count as work. */
static double
start_s(struct mir_queue_outlook *o, const struct mir_request *r, size_t rank, unsigned p)
{
    size_t n = rank < MIR_OUTLOOK_PLANNED ? rank : MIR_OUTLOOK_PLANNED;
    double rest_h = p == PLAN_BY_LIMIT
                        ? o->ahead[rank].limit_node_h - o->ahead[n].limit_node_h
                        : o->ahead[rank].expected_node_h - o->ahead[n].expected_node_h;

    plan(o, n);
    return mir_profile_find(&o->profiles[p], 0, r->n_nodes, limit_of(r->limit_s)) +
           (o->queue->n_nodes > 0 ? rest_h * 3600 / o->queue->n_nodes : 0);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void futures_of(struct mir_queue_outlook *o,
                       const struct mir_request *r,
                       size_t rank,
                       double futures_s[MIR_OUTLOOK_FUTURES])
{
    for (unsigned k = 0; k < MIR_OUTLOOK_FUTURES; k++)
        futures_s[k] = start_s(o, r, rank, PLAN_FUTURES + k);
    qsort(futures_s, MIR_OUTLOOK_FUTURES, sizeof(futures_s[0]), by_size);
}

void mir_queue_outlook_plan(struct mir_queue_outlook *o,
                            const struct mir_wait_case *c,
                            double *by_limit_s,
                            double futures_s[MIR_OUTLOOK_FUTURES])
{
    size_t rank = rank_of(o, c);

    assert(o->queue != NULL);
    *by_limit_s = start_s(o, c->request, rank, PLAN_BY_LIMIT);
    futures_of(o, c->request, rank, futures_s);
}

static double within_reason(double s)
{
    return s < FAR_H * 3600.0 ? hours(s) : FAR_H;
}

static double futures_at(const double futures_s[MIR_OUTLOOK_FUTURES], double p)
{
    double at = p * (MIR_OUTLOOK_FUTURES - 1);
    size_t low = (size_t)at;
    double part = at - (double)low;

    if (low + 1 >= MIR_OUTLOOK_FUTURES)
        return within_reason(futures_s[MIR_OUTLOOK_FUTURES - 1]);
    return within_reason(futures_s[low]) * (1 - part) + within_reason(futures_s[low + 1]) * part;
}

static void
fill_plan(struct mir_queue_outlook *o, const struct mir_request *r, size_t rank, float *out)
{
    double futures_s[MIR_OUTLOOK_FUTURES], sum = 0;

    futures_of(o, r, rank, futures_s);
    for (unsigned k = 0; k < MIR_OUTLOOK_FUTURES; k++)
        sum += within_reason(futures_s[k]);
    out[F_PLAN_LIMIT] = (float)within_reason(start_s(o, r, rank, PLAN_BY_LIMIT));
    out[F_PLAN_MEAN] = (float)within_reason(start_s(o, r, rank, PLAN_BY_MEAN));
    out[F_PLAN_LOW] = (float)futures_at(futures_s, 0.1);
    out[F_PLAN_P25] = (float)futures_at(futures_s, 0.25);
    out[F_PLAN_P50] = (float)futures_at(futures_s, 0.5);
    out[F_PLAN_P75] = (float)futures_at(futures_s, 0.75);
    out[F_PLAN_HIGH] = (float)futures_at(futures_s, 0.9);
    out[F_PLAN_AVG] = (float)(sum / MIR_OUTLOOK_FUTURES);
}

/* ---- A request */

/* Until expected releases, linear between horizons, and idle nodes cover `nodes`. */
static double fluid_wait_h(const struct mir_queue_outlook *o, double nodes)
{
    double before = 0, before_h = 0, rate;

    nodes -= o->queue->n_nodes_free;
    if (nodes <= 0)
        return 0;
    for (unsigned h = 0; h < N_HORIZONS; h++) {
        double now = o->expected_release[h];

        if (now >= nodes)
            return before_h + (horizon_h[h] - before_h) * (nodes - before) / (now - before);
        before = now;
        before_h = horizon_h[h];
    }
    rate = before / before_h;
    return rate > 0 ? fmin(nodes / rate, FAR_H) : FAR_H;
}

/* At least as large as the request, and at least half as long. */
struct likeness {
    uint32_t n_nodes;
    double limit_s;
};

static struct likeness likeness_of(const struct mir_request *r)
{
    return (struct likeness){r->n_nodes, 0.5 * limit_of(r->limit_s)};
}

static void fill_alike(const struct mir_queue_outlook *o, const struct mir_request *r, float *out)
{
    struct likeness like = likeness_of(r);
    double n_alike = 0, sum = 0, oldest = NAN, n_user = 0;

    for (size_t i = 0; i < o->n_waiting; i++) {
        const struct waiting *w = &o->waiting[i];

        n_user += w->user == r->user;
        if (w->n_nodes < like.n_nodes || w->limit_s < like.limit_s)
            continue;
        n_alike++;
        sum += w->age_h;
        oldest = fmax(oldest, w->age_h);
    }
    out[F_ALIKE] = (float)n_alike;
    out[F_ALIKE_OLDEST] = (float)oldest;
    out[F_ALIKE_MEAN] = (float)(n_alike > 0 ? sum / n_alike : NAN);
    out[F_USER_PENDING] = r->user != 0 ? (float)n_user : NAN;
}

static void
fill_ahead(const struct mir_queue_outlook *o, const struct mir_request *r, size_t rank, float *out)
{
    const struct ahead *a = &o->ahead[rank];
    double n_large = 0;
    uint32_t largest = 0;

    for (size_t i = 0; i < rank; i++) {
        n_large += o->waiting[i].n_nodes >= r->n_nodes;
        largest = o->waiting[i].n_nodes > largest ? o->waiting[i].n_nodes : largest;
    }
    out[F_AHEAD] = (float)rank;
    out[F_AHEAD_NODES] = (float)a->nodes;
    out[F_AHEAD_LIMIT] = (float)a->limit_node_h;
    out[F_AHEAD_RUN] = (float)a->expected_node_h;
    out[F_AHEAD_LARGE] = (float)n_large;
    out[F_AHEAD_LARGEST] = (float)largest;
    out[F_FLUID] = (float)fluid_wait_h(o, a->nodes + r->n_nodes);
    out[F_DRAIN] = o->queue->n_nodes > 0
                       ? (float)((a->expected_node_h + o->running_left_node_h) / o->queue->n_nodes)
                       : NAN;
}

static void fill_waiting(const struct mir_queue_outlook *o, float *out)
{
    const struct ahead *all = &o->ahead[o->n_waiting];

    out[F_PENDING] = (float)o->n_waiting;
    out[F_PENDING_NODES] = (float)all->nodes;
    out[F_PENDING_LIMIT] = (float)all->limit_node_h;
    out[F_PENDING_RUN] = (float)all->expected_node_h;
    out[F_HELD] = (float)(o->queue->n_pending - o->n_waiting);
    out[F_OLDEST] = (float)o->oldest_h;
}

/* The last starts like the request: up to 10 as large and long, up to 20 as long. */
static void
fill_past_waits(const struct mir_queue_outlook *o, const struct mir_request *r, float *out)
{
    const struct mir_history *history = &o->queue->history;
    struct likeness like = likeness_of(r);
    size_t len = mir_history_len(history);
    double n_alike = 0, alike_sum = 0, alike_max = NAN, last = NAN, last_age = NAN;
    double n_long = 0, long_sum = 0, long_max = NAN;

    for (size_t back = 1; back <= len && back <= ALIKE_MAX && (n_alike < 10 || n_long < 20);
         back++) {
        const struct mir_start *start = mir_history_at(history, len - back);
        double wait_h = hours(start->wait_s);

        if (limit_of(start->limit_s) < like.limit_s)
            continue;
        if (n_long < 20) {
            n_long++;
            long_sum += wait_h;
            long_max = fmax(long_max, wait_h);
        }
        if (n_alike < 10 && start->n_nodes >= like.n_nodes) {
            if (n_alike == 0) {
                last = wait_h;
                last_age = hours(between_s(start->start_at, o->queue->now));
            }
            n_alike++;
            alike_sum += wait_h;
            alike_max = fmax(alike_max, wait_h);
        }
    }
    out[F_WAIT_ALIKE_LAST] = (float)last;
    out[F_WAIT_ALIKE_MEAN] = (float)(n_alike > 0 ? alike_sum / n_alike : NAN);
    out[F_WAIT_ALIKE_MAX] = (float)alike_max;
    out[F_WAIT_ALIKE_AGE] = (float)last_age;
    out[F_WAIT_LONG_MEAN] = (float)(n_long > 0 ? long_sum / n_long : NAN);
    out[F_WAIT_LONG_MAX] = (float)long_max;
}

static void fill_history(const struct mir_queue_outlook *o, float *out)
{
    out[F_WAIT_MEAN] = (float)o->wait_mean_h;
    out[F_WAIT_MAX] = (float)o->wait_max_h;
    for (unsigned s = 0; s < N_SPANS; s++) {
        out[F_SUB_1 + s] = (float)o->submitted[s];
        out[F_STARTED_1 + s] = (float)o->started[s];
    }
    out[F_STARTS_6] = (float)o->n_started[1];
    out[F_STARTS_24] = (float)o->n_started[2];
}

static void
fill_request(const struct mir_queue_outlook *o, const struct mir_wait_case *c, float *out)
{
    const struct mir_snapshot *q = o->queue;
    const struct mir_request *r = c->request;
    int64_t days = q->now / 86400;

    out[F_NODES] = (float)r->n_nodes;
    out[F_NODES_SHARE] = q->n_nodes > 0 ? (float)((double)r->n_nodes / q->n_nodes) : NAN;
    out[F_LIMIT] = (float)hours(limit_of(r->limit_s));
    out[F_LEFT] = c->predecessor_end_at == INT64_MIN
                      ? NAN
                      : (float)hours(between_s(q->now, c->predecessor_end_at));
    out[F_HOUR] = (float)hours((double)(q->now - days * 86400));
    out[F_WEEKDAY] = (float)((days + 3) % 7); /* 1970-01-01 was a Thursday */
    out[F_FREE_MINUS] = (float)((double)q->n_nodes_free - r->n_nodes);
}

static void fill_running(const struct mir_queue_outlook *o, const struct mir_request *r, float *out)
{
    const struct mir_snapshot *q = o->queue;
    size_t n_user = 0;

    for (size_t i = 0; i < q->n_running; i++)
        n_user += q->running[i].user == r->user;
    out[F_USER_RUNNING] = r->user != 0 ? (float)n_user : NAN;
    out[F_IN_SERVICE] = (float)q->n_nodes;
    out[F_FREE] = (float)q->n_nodes_free;
    out[F_RUNNING] = (float)q->n_running;
    out[F_RUNNING_AGE] = (float)o->running_age_h;
    for (unsigned h = 0; h < N_HORIZONS; h++) {
        out[F_ENDS_1 + h] = (float)o->expected_release[h];
        out[F_PLANNED_1 + h] = (float)o->planned_release[h];
    }
}

void mir_wait_features(struct mir_queue_outlook *o,
                       const struct mir_wait_case *c,
                       float out[MIR_N_WAIT_FEATURES])
{
    size_t rank;

    assert(o->queue != NULL);
    rank = rank_of(o, c);
    fill_request(o, c, out);
    fill_running(o, c->request, out);
    fill_waiting(o, out);
    fill_ahead(o, c->request, rank, out);
    fill_alike(o, c->request, out);
    fill_history(o, out);
    fill_past_waits(o, c->request, out);
    fill_plan(o, c->request, rank, out);
}
