/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookahead.c - submit when, over many futures of this queue, now is the cheapest time. */
#include "models/lookahead/lookahead.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "plugins/learned.h"
#include "plugins/options.h"
#include "plugins/plugin.h"
#include "plugins/rule.h"

enum {
    S_PER_H = 3600,
    QUIET_MAX_S = 2 * S_PER_H,
    KEEP_S = 6 * S_PER_H, /* so long an answer is held to where there is no time for another */
};

struct lookahead {
    uint32_t n_futures;
    double tail;
    double foresight;
    int64_t margin_s;
    double sigmas;
    uint32_t calibrated; /* 1: costs too */
    void *xgb_q;         /* decides where there is no lookahead; itself by qbets without a model */
    int64_t quiet_until; /* before that no future had its best submission */
    int64_t predecessor_at; /* whose end that is about */
    struct mirage_fan fan;  /* of the last decision that played futures out */
};

static int
read_options(struct lookahead *l, const struct mirage_options *options, struct mir_error *err)
{
    const struct mir_option_rule rules[] = {
        {"futures", MIR_OPTION_COUNT, 2, 1024, 0, &l->n_futures},
        {"tail", MIR_OPTION_REAL, 0, 0.99, 0, &l->tail},
        {"foresight", MIR_OPTION_REAL, 0, 1, 0, &l->foresight},
        {"margin", MIR_OPTION_DURATION, 0, 48 * S_PER_H, 60, &l->margin_s},
        {"sigmas", MIR_OPTION_REAL, 0, 10, 0, &l->sigmas},
        {"calibrated", MIR_OPTION_COUNT, 0, 1, 0, &l->calibrated},
    };

    return mir_options_parse(options, rules, sizeof(rules) / sizeof(rules[0]), err);
}

static void lookahead_close(void *state)
{
    struct lookahead *l = state;

    if (l == NULL)
        return;
    if (l->xgb_q != NULL)
        mir_learned_close(l->xgb_q);
    free(l);
}

static int lookahead_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    const struct mirage_options none = {.seed = options->seed};
    struct lookahead *l = MIR_NEW(struct lookahead);
    int rc;

    l->n_futures = 64;
    l->foresight = 0.1;
    l->quiet_until = INT64_MIN;
    rc = read_options(l, options, err);
    if (rc == 0)
        rc = mir_learned_open(MIR_WAIT_XGB_Q, &none, &l->xgb_q, err);
    if (rc == 0)
        *state = l;
    else
        lookahead_close(l);
    return rc;
}

/* ---- Without a lookahead */

static int fall_back(struct lookahead *l,
                     const struct mirage_view *view,
                     const char *why,
                     struct mirage_decision *out,
                     struct mir_error *err)
{
    struct mirage_decision other = {.size = sizeof(other)};
    int rc = mir_learned_decide(l->xgb_q, view, &other, err);

    if (rc != 0)
        return rc;
    /* Both are cut rather than one left out. */
    mir_rule_fall_back(&other, out, "%.40s: %.117s", why, other.reason);
    return 0;
}

/* What it plays is not this cluster: it asks again once it was right for some time. */
static int hand_over(struct lookahead *l,
                     const struct mirage_view *view,
                     const struct mir_lookahead_trust *trust,
                     struct mirage_decision *out,
                     struct mir_error *err)
{
    char why[MIR_TRUST_TEXT];

    mir_trust_text(trust, why);
    l->quiet_until = INT64_MIN;
    return fall_back(l, view, why, out, err);
}

/* ---- Without time to play */

/*
 * What is planned is held to for some hours, as another rule knows less.  Without a plan,
 * whose turn has not come goes on waiting.
 */
static bool hold(const struct mirage_view *view, const char *why, struct mirage_decision *out)
{
    int64_t needed_at = mir_lookahead_needed_at(view->lookahead, mir_rule_chain(view));
    int64_t planned_at, answered_at;
    bool has_plan =
        mir_lookahead_plan(view->lookahead, mir_rule_chain(view), &planned_at, &answered_at) &&
        view->now - answered_at <= KEEP_S;
    char ago[32], left[32];

    if (!has_plan && needed_at <= view->now)
        return false;
    out->action = has_plan && planned_at <= view->now ? MIRAGE_SUBMIT : MIRAGE_WAIT;
    out->wait_s = -1;
    if (!has_plan)
        snprintf(out->reason, sizeof(out->reason), "lookahead: %.40s, not its turn for %s", why,
                 mir_format_duration(needed_at - view->now, left));
    else
        snprintf(out->reason, sizeof(out->reason), "lookahead: %.40s, best in %s as of %s ago", why,
                 mir_format_duration(planned_at > view->now ? planned_at - view->now : 0, left),
                 mir_format_duration(view->now - answered_at, ago));
    return true;
}

/* ---- With one */

/*
 * Where in all futures the best time is hours away, nobody needs to ask again soon:
 * a third of the way, as the queue may change.
 */
static void
be_quiet(struct lookahead *l, const struct mirage_view *view, const struct mir_lookahead_answer *a)
{
    int64_t third_s = (a->earliest_best_at - l->margin_s - view->now) / 3;

    l->predecessor_at = view->predecessor_start_at;
    l->quiet_until = view->now + (third_s < QUIET_MAX_S ? third_s : QUIET_MAX_S);
}

static bool is_quiet(const struct lookahead *l, const struct mirage_view *view)
{
    return l->predecessor_at == view->predecessor_start_at && view->now < l->quiet_until;
}

static void
stay_quiet(const struct lookahead *l, const struct mirage_view *view, struct mirage_decision *out)
{
    char left[32];

    out->action = MIRAGE_WAIT;
    out->wait_s = -1;
    snprintf(out->reason, sizeof(out->reason),
             "lookahead: in no future is it time yet, looks again in %s",
             mir_format_duration(l->quiet_until - view->now, left));
}

/* Hours, or minutes where they are none; returns buf. */
static char *told(double h, char buf[32])
{
    return mir_format_duration((int64_t)nearbyint(h * S_PER_H), buf);
}

/* Now, or later?  What is lost by submitting now must not exceed the margin. */
static void judge(const struct lookahead *l,
                  const struct mirage_view *view,
                  const struct mir_lookahead_answer *a,
                  struct mirage_decision *out)
{
    const struct mir_lookahead_point *now = &a->points[0], *best = &a->points[a->best];
    int64_t ahead_s = best->submit_at - view->now; /* below 0: the queue was looked at before */
    double allowed_h = fmax((double)l->margin_s / S_PER_H, l->sigmas * a->now_minus_best_se_h);
    char t[7][32];

    out->action = a->now_minus_best_h <= allowed_h ? MIRAGE_SUBMIT : MIRAGE_WAIT;
    out->wait_s = a->wait_h * S_PER_H;
    snprintf(out->reason, sizeof(out->reason),
             "lookahead: now %s, best %s +- %s in %s, wait %s [%s, %s], %u futures",
             told(now->cost_h, t[0]), told(best->cost_h, t[1]), told(a->now_minus_best_se_h, t[2]),
             mir_format_duration(ahead_s > 0 ? ahead_s : 0, t[3]), told(now->wait_p50_h, t[4]),
             told(now->wait_p10_h, t[5]), told(now->wait_p90_h, t[6]), a->n_futures);
}

_Static_assert((int)MIRAGE_FAN_POINTS == (int)MIR_LOOKAHEAD_CANDIDATES_MAX &&
                   (int)MIRAGE_FAN_JOBS == (int)MIR_LOOKAHEAD_FAN_JOBS,
               "a fan has room for all that the lookahead explains");

static void fill_points(const struct mir_lookahead_answer *a,
                        const struct mir_lookahead_fan *why,
                        struct mirage_fan *fan)
{
    fan->n_points = a->n_points;
    fan->best = a->best;
    fan->n_futures = a->n_futures;
    for (uint32_t k = 0; k < a->n_points; k++) {
        const struct mir_lookahead_point *p = &a->points[k];

        fan->points[k] = (struct mirage_fan_point){
            .submit_at = p->submit_at,
            .cost_h = p->cost_h,
            .cost_p10_h = why->cost_p10_h[k],
            .cost_p90_h = why->cost_p90_h[k],
            .wait_p10_h = p->wait_p10_h,
            .wait_p50_h = p->wait_p50_h,
            .wait_p90_h = p->wait_p90_h,
        };
    }
}

/* Nothing is explained to a host program that is older than fans. */
static void explain(struct lookahead *l,
                    const struct mirage_view *view,
                    const struct mir_lookahead_case *c,
                    const struct mir_lookahead_answer *a,
                    struct mirage_decision *out)
{
    struct mir_lookahead_fan why;

    if (out->size < sizeof(*out) || !mir_lookahead_explain(view->lookahead, c, a, &why))
        return;
    fill_points(a, &why, &l->fan);
    l->fan.n_jobs = why.n_jobs;
    for (uint32_t i = 0; i < why.n_jobs; i++)
        l->fan.jobs[i] = (struct mirage_fan_job){
            .id = why.jobs[i].id,
            .is_running = why.jobs[i].is_running,
            .effect_h = why.jobs[i].effect_h,
        };
    out->fan = &l->fan;
}

static int lookahead_decide(void *state,
                            const struct mirage_view *view,
                            struct mirage_decision *out,
                            struct mir_error *err)
{
    struct lookahead *l = state;
    struct mir_lookahead_answer answer;
    struct mir_lookahead_trust trust;
    struct mir_error why = {{0}};
    int rc;
    const struct mir_lookahead_case c = {
        .successor = view->successor,
        .predecessor_end_at = view->predecessor_end_at,
        .warmup_s = view->warmup_s,
        .overlap_weight = view->overlap_weight,
        .tail = l->tail,
        .foresight = l->foresight * fmin(view->overlap_weight, 1),
        .calibrated = l->calibrated != 0,
        .period_s = view->period_s,
        .n_futures = l->n_futures,
        .chain = mir_rule_chain(view),
    };

    if (mir_rule_lookahead(view) == NULL)
        return fall_back(l, view, "no lookahead", out, err);
    trust = mir_lookahead_trust(view->lookahead);
    if (trust.lost)
        return hand_over(l, view, &trust, out, err);
    if (is_quiet(l, view)) {
        stay_quiet(l, view, out);
        return 0;
    }
    rc = mir_lookahead_ask(view->lookahead, &c, &answer, &why);
    if (rc == -EBUSY && c.chain != 0 && hold(view, why.text, out))
        return 0;
    if (rc != 0)
        return fall_back(l, view, why.text, out, err);
    judge(l, view, &answer, out);
    explain(l, view, &c, &answer, out);
    be_quiet(l, view, &answer);
    return 0;
}

MIRAGE_PLUGIN(lookahead,
              "submit when now is the cheapest time in simulated futures of this very queue",
              MIR_SNAPSHOT_LOOKAHEAD | MIR_LEARNED_PARTS,
              1,
              lookahead_open,
              lookahead_decide,
              lookahead_close);
