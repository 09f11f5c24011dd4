/*
 * queue_outlook.h - the inside of an outlook, shared by the files of this folder
 * only: queue_outlook.c looks at a queue and makes plans of it, wait_features.c
 * turns that into the numbers of a request.
 */
#ifndef MIR_FEATURES_QUEUE_OUTLOOK_H
#define MIR_FEATURES_QUEUE_OUTLOOK_H

#include <stdbool.h>

#include "daemon/core/clock.h"
#include "daemon/host/job.h"
#include "models/features/profile.h"
#include "models/features/wait_features.h"

enum {
    N_HORIZONS = 8,
    N_SPANS = 4,
    N_PLANS = MIR_OUTLOOK_FUTURES + 2,
    FAR_H = 60 * 24, /* what no plan can start: far away, so that means stay finite */
};

enum { PLAN_BY_LIMIT, PLAN_BY_MEAN, PLAN_FUTURES };

static const double mir_horizon_h[N_HORIZONS] = {1, 2, 4, 8, 12, 24, 36, 48};
static const double mir_span_h[N_SPANS] = {1, 6, 24, 72};

/* A waiting job that may start: what every request looks at. */
struct mir_outlook_waiting {
    double limit_s, age_h;
    uint32_t n_nodes, user;
};

/* What waits before a place in the queue, and the highest priority from there on. */
struct mir_outlook_ahead {
    double limit_node_h, expected_node_h, nodes;
    double behind;
};

/* A waiting job in all plans; a start of INFINITY holds no nodes. */
struct mir_outlook_planned {
    uint32_t n_nodes;
    double at_s[N_PLANS], length_s[N_PLANS];
};

struct mir_queue_outlook {
    int32_t bf_window_s;
    const struct mir_snapshot *queue;
    struct mir_outlook_waiting *waiting; /* eligible, in the order in which Slurm tries them */
    struct mir_outlook_ahead *ahead;     /* n_waiting + 1 */
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
    struct mir_outlook_planned planned[MIR_OUTLOOK_PLANNED];
    size_t n_known, n_placed;
    bool have_plans;
};

/*
 * How many waiting jobs Slurm tries before the case: all up to the last of no lower
 * priority, and than one that is not known (NaN) none is lower.
 */
size_t mir_outlook_rank(const struct mir_queue_outlook *o, const struct mir_wait_case *c);

/* In plan `p`, with the case's `rank` jobs before it; those too many to plan count as work. */
double mir_outlook_start_s(struct mir_queue_outlook *o,
                           const struct mir_request *r,
                           size_t rank,
                           unsigned p);

/* In each drawn future, ascending. */
void mir_outlook_futures_s(struct mir_queue_outlook *o,
                           const struct mir_request *r,
                           size_t rank,
                           double futures_s[MIR_OUTLOOK_FUTURES]);

static inline double mir_hours(double s)
{
    return s / 3600;
}

static inline double mir_limit_of(int32_t limit_s)
{
    return limit_s > 0 && limit_s != MIR_UNLIMITED ? limit_s : 30 * 86400.0;
}

#endif
