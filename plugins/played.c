/* SPDX-License-Identifier: GPL-3.0-or-later */
/* played.c - from futures, and waits that a model predicts, to a decision. */
#include "plugins/played.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "models/lookahead/lookahead.h"
#include "plugins/options.h"
#include "plugins/rule.h"

enum {
    S_PER_H = 3600,
    QUIET_MAX_S = 2 * S_PER_H,
    KEEP_S = 6 * S_PER_H, /* so long an answer is held to where there is no time for another */
    N_TOLD = 20,          /* waits that a model is asked for */
};

struct played {
    struct mir_played_kind kind;
    uint32_t n_futures;
    double tail;
    double foresight;
    int64_t margin_s;
    double sigmas;
    uint32_t calibrated;    /* 1: costs too */
    void *learned;          /* decides where nothing is played; itself by qbets without a model */
    int64_t quiet_until;    /* before that no future had its best submission */
    int64_t predecessor_at; /* whose end that is about */
    struct mirage_fan fan;  /* of the last decision that played futures out */
};

static int
read_options(struct played *p, const struct mirage_options *options, struct mir_error *err)
{
    const struct mir_option_rule rules[] = {
        {"futures", MIR_OPTION_COUNT, 2, 1024, 0, &p->n_futures},
        {"tail", MIR_OPTION_REAL, 0, 0.99, 0, &p->tail},
        {"foresight", MIR_OPTION_REAL, 0, 1, 0, &p->foresight},
        {"margin", MIR_OPTION_DURATION, 0, 48 * S_PER_H, 60, &p->margin_s},
        {"sigmas", MIR_OPTION_REAL, 0, 10, 0, &p->sigmas},
        {"calibrated", MIR_OPTION_COUNT, 0, 1, 0, &p->calibrated},
        {"share", MIR_OPTION_REAL, 0.1, 1, 0, &p->kind.share}, /* the last: not of all kinds */
    };
    size_t n_rules = sizeof(rules) / sizeof(rules[0]);

    return mir_options_parse(options, rules, p->kind.share < 1 ? n_rules : n_rules - 1, err);
}

void mir_played_close(void *state)
{
    struct played *p = state;

    if (p == NULL)
        return;
    mir_learned_close(p->learned);
    free(p);
}

int mir_played_open(const struct mir_played_kind *kind,
                    const struct mirage_options *options,
                    void **state,
                    struct mir_error *err)
{
    const struct mirage_options none = {.seed = options->seed};
    struct played *p = MIR_NEW(struct played);
    int rc;

    p->kind = *kind;
    p->n_futures = 64;
    p->foresight = 0.1;
    p->quiet_until = INT64_MIN;
    rc = read_options(p, options, err);
    if (rc == 0)
        rc = mir_learned_open(kind->fall_back, &none, &p->learned, err);
    if (rc == 0)
        *state = p;
    else
        mir_played_close(p);
    return rc;
}

/* ---- Without futures */

static int fall_back(struct played *p,
                     const struct mirage_view *view,
                     const char *why,
                     struct mirage_decision *out,
                     struct mir_error *err)
{
    struct mirage_decision other = {.size = sizeof(other)};
    int rc = mir_learned_decide(p->learned, view, &other, err);

    if (rc != 0)
        return rc;
    /* Both are cut rather than one left out. */
    mir_rule_fall_back(&other, out, "%.40s: %.117s", why, other.reason);
    return 0;
}

/* What it plays is not this cluster: it asks again once it was right for some time. */
static int hand_over(struct played *p,
                     const struct mirage_view *view,
                     const struct mir_lookahead_trust *trust,
                     struct mirage_decision *out,
                     struct mir_error *err)
{
    char why[MIR_TRUST_TEXT];

    mir_trust_text(trust, why);
    p->quiet_until = INT64_MIN;
    return fall_back(p, view, why, out, err);
}

/* ---- Without time to play */

/*
 * What is planned is held to for some hours, as another rule knows less.  Without a plan,
 * whose turn has not come goes on waiting.
 */
static bool hold(const struct played *p,
                 const struct mirage_view *view,
                 const char *why,
                 struct mirage_decision *out)
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
        snprintf(out->reason, sizeof(out->reason), "%s: %.40s, not its turn for %s", p->kind.name,
                 why, mir_format_duration(needed_at - view->now, left));
    else
        snprintf(out->reason, sizeof(out->reason), "%s: %.40s, best in %s as of %s ago",
                 p->kind.name, why,
                 mir_format_duration(planned_at > view->now ? planned_at - view->now : 0, left),
                 mir_format_duration(view->now - answered_at, ago));
    return true;
}

/* ---- What a model says */

/* Waits that are equally likely, where they are believed. */
struct told {
    double wait_h[N_TOLD];
    uint32_t n;
    char why_none[64]; /* "": there are some, or none are wanted */
};

static void ask_model(const struct played *p, const struct mirage_view *view, struct told *out)
{
    *out = (struct told){.n = 0};
    if (p->kind.share < 1 &&
        mir_learned_waits(view, p->kind.fall_back, out->wait_h, N_TOLD, out->why_none))
        out->n = N_TOLD;
}

/* ---- With futures */

/*
 * Where in all futures the best time is hours away, nobody needs to ask again soon:
 * a third of the way, as the queue may change.
 */
static void
be_quiet(struct played *p, const struct mirage_view *view, const struct mir_lookahead_answer *a)
{
    int64_t third_s = (a->earliest_best_at - p->margin_s - view->now) / 3;

    p->predecessor_at = view->predecessor_start_at;
    p->quiet_until = view->now + (third_s < QUIET_MAX_S ? third_s : QUIET_MAX_S);
}

static bool is_quiet(const struct played *p, const struct mirage_view *view)
{
    return p->predecessor_at == view->predecessor_start_at && view->now < p->quiet_until;
}

static void
stay_quiet(const struct played *p, const struct mirage_view *view, struct mirage_decision *out)
{
    char left[32];

    out->action = MIRAGE_WAIT;
    out->wait_s = -1;
    snprintf(out->reason, sizeof(out->reason), "%s: in no future is it time yet, looks again in %s",
             p->kind.name, mir_format_duration(p->quiet_until - view->now, left));
}

/* Hours, or minutes where they are none; returns buf. */
static char *say_h(double h, char buf[32])
{
    return mir_format_duration((int64_t)nearbyint(h * S_PER_H), buf);
}

/* ", forest-q 4.0 h": its median; returns buf. */
static char *say_told(const struct played *p, const struct told *t, char buf[64])
{
    char median[32];

    buf[0] = '\0';
    if (t->n > 0)
        snprintf(buf, 64, ", %s %s", mir_wait_method_name(p->kind.fall_back),
                 say_h((t->wait_h[N_TOLD / 2 - 1] + t->wait_h[N_TOLD / 2]) / 2, median));
    return buf;
}

/* Now, or later?  What is lost by submitting now must not exceed the margin. */
static void judge(const struct played *p,
                  const struct mirage_view *view,
                  const struct mir_lookahead_answer *a,
                  const struct told *t,
                  struct mirage_decision *out)
{
    const struct mir_lookahead_point *now = &a->points[0], *best = &a->points[a->best];
    int64_t ahead_s = best->submit_at - view->now; /* below 0: the queue was looked at before */
    double allowed_h = fmax((double)p->margin_s / S_PER_H, p->sigmas * a->now_minus_best_se_h);
    char h[7][32], model[64];

    out->action = a->now_minus_best_h <= allowed_h ? MIRAGE_SUBMIT : MIRAGE_WAIT;
    out->wait_s = a->wait_h * S_PER_H;
    if (t->why_none[0] != '\0')
        mir_rule_fell_back(out);
    snprintf(out->reason, sizeof(out->reason),
             "%s%s%.40s: now %s, best %s +- %s in %s, wait %s [%s, %s], %u futures%s%s",
             p->kind.name, t->why_none[0] != '\0' ? ", " : "", t->why_none,
             say_h(now->cost_h, h[0]), say_h(best->cost_h, h[1]),
             say_h(a->now_minus_best_se_h, h[2]),
             mir_format_duration(ahead_s > 0 ? ahead_s : 0, h[3]), say_h(now->wait_p50_h, h[4]),
             say_h(now->wait_p10_h, h[5]), say_h(now->wait_p90_h, h[6]), a->n_futures,
             a->no_arrivals ? " without arrivals" : "", say_told(p, t, model));
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
static void explain(struct played *p,
                    const struct mirage_view *view,
                    const struct mir_lookahead_case *c,
                    const struct mir_lookahead_answer *a,
                    struct mirage_decision *out)
{
    struct mir_lookahead_fan why;

    if (out->size < sizeof(*out) || !mir_lookahead_explain(view->lookahead, c, a, &why))
        return;
    fill_points(a, &why, &p->fan);
    p->fan.n_jobs = why.n_jobs;
    for (uint32_t i = 0; i < why.n_jobs; i++)
        p->fan.jobs[i] = (struct mirage_fan_job){
            .id = why.jobs[i].id,
            .is_running = why.jobs[i].is_running,
            .effect_h = why.jobs[i].effect_h,
        };
    out->fan = &p->fan;
}

static struct mir_lookahead_case
case_of(const struct played *p, const struct mirage_view *view, const struct told *t)
{
    return (struct mir_lookahead_case){
        .successor = view->successor,
        .predecessor_end_at = view->predecessor_end_at,
        .warmup_s = view->warmup_s,
        .overlap_weight = view->overlap_weight,
        .tail = p->tail,
        .foresight = p->foresight * fmin(view->overlap_weight, 1),
        .calibrated = p->calibrated != 0,
        .told = {t->wait_h, t->n, 1 - p->kind.share},
        .period_s = view->period_s,
        .n_futures = p->n_futures,
        .chain = mir_rule_chain(view),
    };
}

int mir_played_decide(void *state,
                      const struct mirage_view *view,
                      struct mirage_decision *out,
                      struct mir_error *err)
{
    struct played *p = state;
    struct mir_lookahead_answer answer;
    struct mir_lookahead_trust trust;
    struct mir_lookahead_case c;
    struct mir_error why = {{0}};
    struct told told;
    int rc;

    if (mir_rule_lookahead(view) == NULL)
        return fall_back(p, view, "no lookahead", out, err);
    trust = mir_lookahead_trust(view->lookahead);
    if (trust.lost)
        return hand_over(p, view, &trust, out, err);
    if (is_quiet(p, view)) {
        stay_quiet(p, view, out);
        return 0;
    }
    ask_model(p, view, &told);
    c = case_of(p, view, &told);
    rc = mir_lookahead_ask(view->lookahead, &c, &answer, &why);
    if (rc == -EBUSY && c.chain != 0 && hold(p, view, why.text, out))
        return 0;
    if (rc != 0)
        return fall_back(p, view, why.text, out, err);
    judge(p, view, &answer, &told, out);
    explain(p, view, &c, &answer, out);
    be_quiet(p, view, &answer);
    return 0;
}
