/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wait_features.c - what a request's wait may depend on, as numbers. */
#include "models/features/wait_features.h"

#include <assert.h>
#include <math.h>

#include "models/features/queue_outlook.h"

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

enum { ALIKE_MAX = 5000 }; /* starts among which those like a request are looked for */

const char *mir_feature_source_name(enum mir_feature_source source)
{
    static const char *const names[] = {"request",  "calendar", "nodes",  "queue",
                                        "run time", "plan",     "history"};

    return (unsigned)source < sizeof(names) / sizeof(names[0]) ? names[source] : "unknown";
}

static double within_reason(double s)
{
    return s < FAR_H * 3600.0 ? mir_hours(s) : FAR_H;
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

    mir_outlook_futures_s(o, r, rank, futures_s);
    for (unsigned k = 0; k < MIR_OUTLOOK_FUTURES; k++)
        sum += within_reason(futures_s[k]);
    out[F_PLAN_LIMIT] = (float)within_reason(mir_outlook_start_s(o, r, rank, PLAN_BY_LIMIT));
    out[F_PLAN_MEAN] = (float)within_reason(mir_outlook_start_s(o, r, rank, PLAN_BY_MEAN));
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
            return before_h + (mir_horizon_h[h] - before_h) * (nodes - before) / (now - before);
        before = now;
        before_h = mir_horizon_h[h];
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
    return (struct likeness){r->n_nodes, 0.5 * mir_limit_of(r->limit_s)};
}

static void fill_alike(const struct mir_queue_outlook *o, const struct mir_request *r, float *out)
{
    struct likeness like = likeness_of(r);
    double n_alike = 0, sum = 0, oldest = NAN, n_user = 0;

    for (size_t i = 0; i < o->n_waiting; i++) {
        const struct mir_outlook_waiting *w = &o->waiting[i];

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
    const struct mir_outlook_ahead *a = &o->ahead[rank];
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
    const struct mir_outlook_ahead *all = &o->ahead[o->n_waiting];

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
        double wait_h = mir_hours(start->wait_s);

        if (mir_limit_of(start->limit_s) < like.limit_s)
            continue;
        if (n_long < 20) {
            n_long++;
            long_sum += wait_h;
            long_max = fmax(long_max, wait_h);
        }
        if (n_alike < 10 && start->n_nodes >= like.n_nodes) {
            if (n_alike == 0) {
                last = wait_h;
                last_age = mir_hours(mir_between_s(start->start_at, o->queue->now));
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
    out[F_LIMIT] = (float)mir_hours(mir_limit_of(r->limit_s));
    out[F_LEFT] = c->predecessor_end_at == INT64_MIN
                      ? NAN
                      : (float)mir_hours(mir_between_s(q->now, c->predecessor_end_at));
    out[F_HOUR] = (float)mir_hours((double)(q->now - days * 86400));
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
    rank = mir_outlook_rank(o, c);
    fill_request(o, c, out);
    fill_running(o, c->request, out);
    fill_waiting(o, out);
    fill_ahead(o, c->request, rank, out);
    fill_alike(o, c->request, out);
    fill_history(o, out);
    fill_past_waits(o, c->request, out);
    fill_plan(o, c->request, rank, out);
}
