/* SPDX-License-Identifier: GPL-3.0-or-later */
/* asa.c - a wait drawn from what a bandit over fixed waits has learned (after Souza et al.). */
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "plugins/asa/learner.h"
#include "plugins/options.h"
#include "plugins/plugin.h"
#include "plugins/rule.h"
#include "plugins/waits.h"

enum { MIN_STARTS = 20 };

struct asa {
    double draw; /* of this chain: one for all its decisions */
    double wait_s;
    bool stale; /* wait_s is older than what was learned */
    struct mir_wait_feed feed;
    struct mir_asa learner;
};

static int asa_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    uint32_t last = 1000;
    const struct mir_option_rule rules[] = {
        {"last", MIR_OPTION_COUNT, 1, 10000, 0, &last},
    };
    int rc = mir_options_parse(options, rules, sizeof(rules) / sizeof(rules[0]), err);
    struct mir_rng rng;
    struct asa *a;

    if (rc != 0)
        return rc;
    a = MIR_NEW(struct asa);
    mir_rng_init(&rng, options->seed);
    /*
     * One estimate for each submission, as in the publication: drawing anew at
     * every decision would submit at the largest of many draws.
     */
    a->draw = mir_rng_double(&rng);
    mir_asa_init(&a->learner);
    mir_wait_feed_init(&a->feed, last, MIN_STARTS);
    *state = a;
    return 0;
}

static void catch_up(struct asa *a, const struct mirage_view *view)
{
    const struct mir_history *history = &view->queue->history;
    const struct mir_start *start;

    if (mir_wait_feed_begin(&a->feed, history, view->successor)) {
        mir_asa_clear(&a->learner);
        a->stale = true;
    }
    while ((start = mir_wait_feed_next(&a->feed, history)) != NULL) {
        mir_asa_learn(&a->learner, start->wait_s);
        a->stale = true;
    }
    if (a->stale)
        a->wait_s = mir_asa_sample(&a->learner, a->draw);
    a->stale = false;
}

static int asa_decide(void *state,
                      const struct mirage_view *view,
                      struct mirage_decision *out,
                      struct mir_error *err)
{
    struct asa *a = state;

    (void)err;
    catch_up(a, view);
    if (a->learner.n_seen == 0)
        mir_rule_no_history(out);
    else
        mir_rule_apply(view, a->wait_s, out, "wait drawn from weights over %u starts (%s)",
                       a->learner.n_seen, a->feed.label);
    return 0;
}

static void asa_close(void *state)
{
    free(state);
}

MIRAGE_PLUGIN(asa,
              "submit when a wait drawn from online-learned weights is left (after ASA, HPDC 2020)",
              MIR_SNAPSHOT_HISTORY,
              0,
              asa_open,
              asa_decide,
              asa_close);
