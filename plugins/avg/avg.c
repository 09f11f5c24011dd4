/* SPDX-License-Identifier: GPL-3.0-or-later */
/* avg.c - the mean wait of the last starts, of all jobs: the Mirage paper's baseline. */
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "plugins/options.h"
#include "plugins/plugin.h"
#include "plugins/rule.h"

struct avg {
    uint32_t last;
    size_t n_seen; /* of the history */
    int64_t sum_s; /* waits of the last min(last, n_seen) starts */
};

static int avg_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    uint32_t last = 100;
    const struct mir_option_rule rules[] = {
        {"last", MIR_OPTION_COUNT, 1, 10000, 0, &last},
    };
    int rc = mir_options_parse(options, rules, sizeof(rules) / sizeof(rules[0]), err);
    struct avg *a;

    if (rc != 0)
        return rc;
    a = MIR_NEW(struct avg);
    a->last = last;
    *state = a;
    return 0;
}

/* Slide the sum to the history's end, or begin it there. */
static void catch_up(struct avg *a, const struct mir_history *history)
{
    size_t len = mir_history_len(history);

    if (len < a->n_seen || len - a->n_seen > a->last) {
        a->n_seen = len > a->last ? len - a->last : 0;
        a->sum_s = 0;
        for (size_t i = a->n_seen; i-- > 0 && a->n_seen - i <= a->last;)
            a->sum_s += mir_history_at(history, i)->wait_s;
    }
    for (; a->n_seen < len; a->n_seen++) {
        a->sum_s += mir_history_at(history, a->n_seen)->wait_s;
        if (a->n_seen >= a->last)
            a->sum_s -= mir_history_at(history, a->n_seen - a->last)->wait_s;
    }
}

static int avg_decide(void *state,
                      const struct mirage_view *view,
                      struct mirage_decision *out,
                      struct mir_error *err)
{
    struct avg *a = state;
    size_t n;

    (void)err;
    catch_up(a, &view->queue->history);
    if (a->n_seen == 0) {
        mir_rule_no_history(out);
        return 0;
    }
    n = a->n_seen < a->last ? a->n_seen : a->last;
    mir_rule_apply(view, (double)a->sum_s / (double)n, out, "mean wait of last %zu start%s", n,
                   n == 1 ? "" : "s");
    return 0;
}

static void avg_close(void *state)
{
    free(state);
}

MIRAGE_PLUGIN(avg,
              "submit when the mean wait of the last 100 starts (last=) is all that is left",
              MIR_SNAPSHOT_HISTORY,
              0,
              avg_open,
              avg_decide,
              avg_close);
