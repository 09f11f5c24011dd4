/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qbets.c - Brevik, Nurmi and Wolski's bound on the wait as a policy. */
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "plugins/options.h"
#include "plugins/plugin.h"
#include "plugins/qbets/bound.h"
#include "plugins/rule.h"
#include "plugins/waits.h"

/* The bound on a quantile of 1 is infinite; one near 0 is no lead at all. */
static const double quantile_low = 0.05, quantile_high = 0.99;

/* A class must have this many starts even where the bound needs fewer. */
enum { MIN_STARTS = 20 };

struct qbets {
    double fixed; /* < 0: from the overlap weight */
    double confidence;
    uint32_t last;
    double quantile; /* of `bound`; 0: there is none yet */
    struct mir_wait_feed feed;
    struct mir_qbets bound;
};

static int qbets_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    double fixed = -1, confidence = 0.95;
    uint32_t last = 2000;
    const struct mir_option_rule rules[] = {
        {"quantile", MIR_OPTION_REAL, quantile_low, quantile_high, 0, &fixed},
        {"confidence", MIR_OPTION_REAL, 0.5, 0.999, 0, &confidence},
        {"last", MIR_OPTION_COUNT, MIN_STARTS, 10000, 0, &last},
    };
    int rc = mir_options_parse(options, rules, sizeof(rules) / sizeof(rules[0]), err);
    struct qbets *q;

    if (rc != 0)
        return rc;
    q = MIR_NEW(struct qbets);
    q->fixed = fixed;
    q->confidence = confidence;
    q->last = last;
    *state = q;
    return 0;
}

static double wanted_quantile(const struct qbets *q, const struct mirage_view *view)
{
    double level = q->fixed >= 0 ? q->fixed : mir_rule_quantile(view->overlap_weight);

    return level < quantile_low ? quantile_low : level > quantile_high ? quantile_high : level;
}

/* The weight, and with it the quantile, is only known from the first view on. */
static void set_quantile(struct qbets *q, double quantile)
{
    uint32_t need;

    mir_qbets_release(&q->bound);
    mir_qbets_init(&q->bound, quantile, q->confidence, q->last);
    need = q->bound.rank.n_min;
    mir_wait_feed_init(&q->feed, q->bound.window.cap, need > MIN_STARTS ? need : MIN_STARTS);
    q->quantile = quantile;
}

static void catch_up(struct qbets *q, const struct mirage_view *view)
{
    const struct mir_history *history = &view->queue->history;
    const struct mir_start *start;
    double quantile = wanted_quantile(q, view);

    if (quantile < q->quantile || quantile > q->quantile)
        set_quantile(q, quantile);
    if (mir_wait_feed_begin(&q->feed, history, view->successor))
        mir_qbets_clear(&q->bound);
    while ((start = mir_wait_feed_next(&q->feed, history)) != NULL)
        mir_qbets_add(&q->bound, start->wait_s);
}

static int qbets_decide(void *state,
                        const struct mirage_view *view,
                        struct mirage_decision *out,
                        struct mir_error *err)
{
    struct qbets *q = state;
    int32_t wait_s = 0;
    uint32_t n;

    (void)err;
    catch_up(q, view);
    n = q->bound.window.n;
    if (n == 0)
        mir_rule_no_history(out);
    else if (mir_qbets_bound(&q->bound, &wait_s))
        mir_rule_apply(view, wait_s, out, "%.4g %% bound on %.2g quantile of %u waits (%s)",
                       100 * q->confidence, q->quantile, n, q->feed.label);
    else
        mir_rule_apply(view, wait_s, out, "largest of %u waits, too few for a bound, (%s)", n,
                       q->feed.label);
    return 0;
}

static void qbets_close(void *state)
{
    struct qbets *q = state;

    if (q == NULL)
        return;
    mir_qbets_release(&q->bound);
    free(q);
}

MIRAGE_PLUGIN(qbets,
              "submit when a confident bound (binomial, with change points) on the wait is left",
              MIR_SNAPSHOT_HISTORY,
              1,
              qbets_open,
              qbets_decide,
              qbets_close);
