/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hybrid.c - the lookahead's futures and a trained forest's waits in one expected cost. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "models/lookahead/lookahead.h"
#include "models/predict/forecaster.h"
#include "plugins/learned.h"
#include "plugins/options.h"
#include "plugins/plugin.h"
#include "plugins/rule.h"

/* Built in wherever this file is. */
extern const struct mirage_plugin mirage_plugin_lookahead;

enum { S_PER_H = 3600, QUIET_MAX_S = 2 * S_PER_H, N_WAITS = 20 };

struct hybrid {
    uint32_t n_futures;
    double share;           /* of the lookahead; the forest has the rest */
    void *forest_q;         /* decides where there is no lookahead; by qbets without a model */
    void *lookahead;        /* decides where there is no forecast */
    int64_t quiet_until;    /* before that neither sees its best submission */
    int64_t predecessor_at; /* whose end that is about */
};

/* What the forest says: waits that are equally likely, ascending. */
struct waits {
    double h[N_WAITS];
};

/* What both say together. */
struct costs {
    double now_h, best_later_h;
    int64_t best_later_at;
};

/* ---- Instances */

static int
read_options(struct hybrid *h, const struct mirage_options *options, struct mir_error *err)
{
    const struct mir_option_rule rules[] = {
        {"futures", MIR_OPTION_COUNT, 2, 1024, 0, &h->n_futures},
        {"share", MIR_OPTION_REAL, 0, 1, 0, &h->share},
    };

    return mir_options_parse(options, rules, sizeof(rules) / sizeof(rules[0]), err);
}

static void hybrid_close(void *state)
{
    struct hybrid *h = state;

    if (h == NULL)
        return;
    mirage_plugin_lookahead.close(h->lookahead);
    if (h->forest_q != NULL)
        mir_learned_close(h->forest_q);
    free(h);
}

static int hybrid_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    const struct mirage_options none = {.seed = options->seed};
    struct hybrid *h = MIR_NEW(struct hybrid);
    int rc;

    h->n_futures = 64;
    h->share = 0.7;
    h->quiet_until = INT64_MIN;
    rc = read_options(h, options, err);
    if (rc == 0)
        rc = mir_learned_open(MIR_WAIT_FOREST_Q, &none, &h->forest_q, err);
    if (rc == 0)
        rc = mirage_plugin_lookahead.open(&none, &h->lookahead, err);
    if (rc == 0)
        *state = h;
    else
        hybrid_close(h);
    return rc;
}

/* ---- With one of the two, or none */

static void
say_other(const char *why, const struct mirage_decision *other, struct mirage_decision *out)
{
    /* Both are cut rather than one left out. */
    mir_rule_fall_back(other, out, "%.40s: %.117s", why, other->reason);
}

static int by_forest(struct hybrid *h,
                     const struct mirage_view *view,
                     const char *why,
                     struct mirage_decision *out,
                     struct mir_error *err)
{
    struct mirage_decision other = {.size = sizeof(other)};
    int rc = mir_learned_decide(h->forest_q, view, &other, err);

    if (rc == 0)
        say_other(why, &other, out);
    return rc;
}

/* Its fan is passed on. */
static int by_lookahead(struct hybrid *h,
                        const struct mirage_view *view,
                        const char *why,
                        struct mirage_decision *out,
                        struct mir_error *err)
{
    struct mirage_decision other = {.size = sizeof(other)};
    int rc = mirage_plugin_lookahead.decide(h->lookahead, view, &other, err);

    if (rc != 0)
        return rc;
    say_other(why, &other, out);
    if (out->size >= offsetof(struct mirage_decision, fan) + sizeof(out->fan))
        out->fan = other.fan;
    return 0;
}

/* The lookahead plays another cluster than this. */
static int without_lookahead(struct hybrid *h,
                             const struct mirage_view *view,
                             const struct mir_lookahead_trust *trust,
                             struct mirage_decision *out,
                             struct mir_error *err)
{
    char why[MIR_TRUST_TEXT];

    mir_trust_text(trust, why);
    h->quiet_until = INT64_MIN;
    return by_forest(h, view, why, out, err);
}

/* ---- What the forest says */

static int ask_forest(const struct mirage_view *view, struct waits *out, struct mir_error *err)
{
    const struct mir_wait_case c = {
        .request = view->successor,
        .priority = view->successor_priority,
        .predecessor_end_at = view->predecessor_end_at,
    };
    struct mir_forecast f = {0};

    if (view->forecaster == NULL)
        return mir_error_set(err, -ENODATA, "no model");
    for (unsigned i = 0; i < N_WAITS; i++) {
        int rc = mir_forecaster_wait(view->forecaster, &c, MIR_WAIT_FOREST_Q, (i + 0.5) / N_WAITS,
                                     &f, err);

        if (rc != 0)
            return rc;
        out->h[i] = f.wait_h;
    }
    return f.out_of_range ? mir_error_set(err, -ERANGE, "out of the model's range") : 0;
}

/* As if the wait of a later submission were that of one now: it says nothing of later ones. */
static double
forest_cost_h(const struct mirage_view *view, const struct waits *w, int64_t submit_at)
{
    double lead_h = (double)(view->predecessor_end_at - view->warmup_s - submit_at) / S_PER_H;
    double sum_h = 0;

    for (unsigned i = 0; i < N_WAITS; i++) {
        double late_h = w->h[i] - lead_h;

        sum_h += late_h > 0 ? late_h : -late_h * view->overlap_weight;
    }
    return sum_h / N_WAITS;
}

/* ---- Both together */

static double mixed_h(const struct hybrid *h,
                      const struct mirage_view *view,
                      const struct mir_lookahead_point *p,
                      const struct waits *w)
{
    return h->share * p->cost_h + (1 - h->share) * forest_cost_h(view, w, p->submit_at);
}

/* Where now is the predecessor's end there is no later time. */
static struct costs weigh(const struct hybrid *h,
                          const struct mirage_view *view,
                          const struct mir_lookahead_answer *a,
                          const struct waits *w)
{
    double now_h = mixed_h(h, view, &a->points[0], w);
    struct costs c = {now_h, a->n_points > 1 ? INFINITY : now_h, a->points[0].submit_at};

    for (uint32_t k = 1; k < a->n_points; k++) {
        double cost_h = mixed_h(h, view, &a->points[k], w);

        if (cost_h < c.best_later_h) {
            c.best_later_h = cost_h;
            c.best_later_at = a->points[k].submit_at;
        }
    }
    return c;
}

static void judge(const struct mirage_view *view,
                  const struct mir_lookahead_answer *a,
                  const struct waits *w,
                  const struct costs *c,
                  struct mirage_decision *out)
{
    int64_t ahead_s = c->best_later_at - view->now;
    char ahead[32];

    out->action = c->now_h <= c->best_later_h ? MIRAGE_SUBMIT : MIRAGE_WAIT;
    out->wait_s = a->wait_h * S_PER_H;
    snprintf(out->reason, sizeof(out->reason),
             "hybrid: now %.1f h, later best %.1f h in %s, wait %.1f h in %u futures, "
             "%.1f h by forest-q",
             c->now_h, c->best_later_h, mir_format_duration(ahead_s > 0 ? ahead_s : 0, ahead),
             a->wait_h, a->n_futures, (w->h[N_WAITS / 2 - 1] + w->h[N_WAITS / 2]) / 2);
}

/*
 * Where neither has its best submission soon, nobody needs to ask again soon: a third
 * of the way, as the queue may change.
 */
static void be_quiet(struct hybrid *h,
                     const struct mirage_view *view,
                     const struct mir_lookahead_answer *a,
                     const struct waits *w)
{
    int64_t longest_s = (int64_t)(w->h[N_WAITS - 1] * S_PER_H);
    int64_t first_at = view->predecessor_end_at - view->warmup_s - longest_s;
    int64_t third_s;

    if (a->earliest_best_at < first_at)
        first_at = a->earliest_best_at;
    third_s = (first_at - view->now) / 3;
    h->predecessor_at = view->predecessor_start_at;
    h->quiet_until = view->now + (third_s < QUIET_MAX_S ? third_s : QUIET_MAX_S);
}

static bool is_quiet(const struct hybrid *h, const struct mirage_view *view)
{
    return h->predecessor_at == view->predecessor_start_at && view->now < h->quiet_until;
}

static void
stay_quiet(const struct hybrid *h, const struct mirage_view *view, struct mirage_decision *out)
{
    char left[32];

    out->action = MIRAGE_WAIT;
    out->wait_s = -1;
    snprintf(out->reason, sizeof(out->reason),
             "hybrid: in no future is it time yet, looks again in %s",
             mir_format_duration(h->quiet_until - view->now, left));
}

static int hybrid_decide(void *state,
                         const struct mirage_view *view,
                         struct mirage_decision *out,
                         struct mir_error *err)
{
    struct hybrid *h = state;
    struct mir_lookahead_answer answer;
    struct mir_lookahead_trust trust;
    struct mir_error why = {{0}};
    struct waits waits;
    struct costs costs;
    const struct mir_lookahead_case c = {
        .successor = view->successor,
        .predecessor_end_at = view->predecessor_end_at,
        .warmup_s = view->warmup_s,
        .overlap_weight = view->overlap_weight,
        .period_s = view->period_s,
        .n_futures = h->n_futures,
        .chain = mir_rule_chain(view),
    };

    if (mir_rule_lookahead(view) == NULL)
        return by_forest(h, view, "no lookahead", out, err);
    trust = mir_lookahead_trust(view->lookahead);
    if (trust.lost)
        return without_lookahead(h, view, &trust, out, err);
    if (is_quiet(h, view)) {
        stay_quiet(h, view, out);
        return 0;
    }
    if (ask_forest(view, &waits, &why) != 0)
        return by_lookahead(h, view, why.text, out, err);
    if (mir_lookahead_ask(view->lookahead, &c, &answer, &why) != 0)
        return by_forest(h, view, why.text, out, err);
    costs = weigh(h, view, &answer, &waits);
    judge(view, &answer, &waits, &costs, out);
    be_quiet(h, view, &answer, &waits);
    return 0;
}

MIRAGE_PLUGIN(hybrid,
              "submit when now is the cheapest time for simulated futures and a trained forest",
              MIR_SNAPSHOT_LOOKAHEAD | MIR_LEARNED_PARTS,
              1,
              hybrid_open,
              hybrid_decide,
              hybrid_close);
