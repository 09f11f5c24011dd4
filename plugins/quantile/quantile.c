/* SPDX-License-Identifier: GPL-3.0-or-later */
/* quantile.c - a quantile of the last waits of jobs like the successor. */
#include <math.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "plugins/options.h"
#include "plugins/plugin.h"
#include "plugins/rule.h"
#include "plugins/waits.h"

struct quantile {
    double fixed; /* < 0: from the overlap weight */
    struct mir_wait_feed feed;
    struct mir_wait_window window;
};

static int quantile_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    double fixed = -1;
    uint32_t last = 200, minimum = 20;
    const struct mir_option_rule rules[] = {
        {"quantile", MIR_OPTION_REAL, 0, 1, 0, &fixed},
        {"last", MIR_OPTION_COUNT, 1, 10000, 0, &last},
        {"minimum", MIR_OPTION_COUNT, 1, 10000, 0, &minimum},
    };
    int rc = mir_options_parse(options, rules, sizeof(rules) / sizeof(rules[0]), err);
    struct quantile *q;

    if (rc != 0)
        return rc;
    q = MIR_NEW(struct quantile);
    q->fixed = fixed;
    mir_wait_feed_init(&q->feed, last, minimum);
    mir_wait_window_init(&q->window, last);
    *state = q;
    return 0;
}

static void catch_up(struct quantile *q, const struct mirage_view *view)
{
    const struct mir_history *history = &view->queue->history;
    const struct mir_start *start;

    if (mir_wait_feed_begin(&q->feed, history, view->successor))
        mir_wait_window_clear(&q->window);
    while ((start = mir_wait_feed_next(&q->feed, history)) != NULL)
        mir_wait_window_add(&q->window, start->wait_s);
}

static int quantile_decide(void *state,
                           const struct mirage_view *view,
                           struct mirage_decision *out,
                           struct mir_error *err)
{
    struct quantile *q = state;
    double level = q->fixed >= 0 ? q->fixed : mir_rule_quantile(view->overlap_weight);
    uint32_t n, rank;

    (void)err;
    catch_up(q, view);
    n = q->window.n;
    if (n == 0) {
        mir_rule_no_history(out);
        return 0;
    }
    /* The smallest wait that at least this share of the waits does not exceed; 0.07 * 100 is a
     * little more than 7 in binary and must not become rank 8. */
    rank = (uint32_t)ceil(level * n - 1e-9);
    rank = rank < 1 ? 1 : rank;
    mir_rule_apply(view, mir_wait_window_rank(&q->window, rank), out,
                   "%.2g quantile of last %u waits (%s)", level, n, q->feed.label);
    return 0;
}

static void quantile_close(void *state)
{
    struct quantile *q = state;

    if (q == NULL)
        return;
    mir_wait_window_release(&q->window);
    free(q);
}

MIRAGE_PLUGIN(quantile,
              "submit when a quantile of the last 200 waits of jobs like the successor is left",
              MIR_SNAPSHOT_HISTORY,
              1,
              quantile_open,
              quantile_decide,
              quantile_close);
