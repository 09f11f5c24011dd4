/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survey.c - when would all successors start, were all submitted as planned? */
#include "models/lookahead/survey.h"

#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/quantile.h"
#include "models/lookahead/starts.h"

void mir_survey_release(struct mir_survey *s)
{
    free(s->start_s);
    free(s->serial);
    *s = (struct mir_survey){0};
}

void mir_survey_begin(struct mir_survey *s, struct mir_chain_plans *p, int64_t now)
{
    mir_chain_plans_collect(p, 0, now, now + MIR_SURVEY_AHEAD_S);
    s->start_s = mir_grow(s->start_s, &s->cap_start_s, p->n_coming * MIR_SURVEY_FUTURES + 1,
                          sizeof(*s->start_s));
    s->serial = mir_grow(s->serial, &s->cap_serial, p->n_coming + 1, sizeof(*s->serial));
    s->n_futures = 0;
}

static int64_t until_of(const struct mir_chain_plan *plan, int64_t now)
{
    int64_t end_at = plan->predecessor_end_at;

    return (end_at > now ? end_at : now) + MIR_LOOKAHEAD_BEYOND_S;
}

/* All are submitted before anybody's start is waited for: that may be past the last of them. */
static void submit_all(struct mir_survey *s, const struct mir_chain_plans *p, struct mir_sim *base)
{
    for (size_t i = 0; i < p->n_coming; i++) {
        mir_sim_advance(base, p->coming[i].at);
        if (mir_sim_submit(base, &p->coming[i].plan->successor, &s->serial[i], NULL) != 0)
            s->serial[i] = 0;
    }
}

void mir_survey_play(struct mir_survey *s,
                     const struct mir_chain_plans *p,
                     int64_t now,
                     struct mir_sim *base)
{
    submit_all(s, p, base);
    for (size_t i = 0; i < p->n_coming; i++) {
        int64_t until = until_of(p->coming[i].plan, now), start_at = until;

        if (s->serial[i] != 0)
            start_at = mir_sim_advance_to_start(base, s->serial[i], until);
        s->start_s[i * MIR_SURVEY_FUTURES + s->n_futures] =
            (double)((start_at < until ? start_at : until) - now);
    }
    s->n_futures++;
}

static int64_t clamp(int64_t at, int64_t low, int64_t high)
{
    return at < low || high < low ? low : at > high ? high : at;
}

/* Two that evade each other would swap places for ever, were the steps as long as the way. */
static void put_right(struct mir_chain_plan *plan, double *start_s, uint32_t n, int64_t now)
{
    int64_t wanted_at = plan->predecessor_end_at - plan->warmup_s, from_at = plan->submit_at;
    int64_t latest_s;

    mir_sort(start_s, n);
    latest_s = (int64_t)mir_sorted_quantile(start_s, n, 1 / (1 + plan->overlap_weight));
    plan->longest_wait_s = (int64_t)mir_sorted_quantile(start_s, n, 0.9) + now - from_at;
    plan->submit_at += wanted_at - (now + latest_s);
    if (plan->answered_at != INT64_MIN)
        plan->submit_at =
            clamp(plan->submit_at, from_at - MIR_SURVEY_MOVE_S, from_at + MIR_SURVEY_MOVE_S);
    plan->submit_at = clamp(plan->submit_at, now, plan->predecessor_end_at);
    plan->answered_at = now;
}

static bool is_fresh(const struct mir_chain_plan *plan, int64_t now)
{
    return plan->answered_at != INT64_MIN && now - plan->answered_at < MIR_SURVEY_EVERY_S;
}

void mir_survey_end(struct mir_survey *s, struct mir_chain_plans *p, int64_t now)
{
    for (size_t i = 0; i < p->n_coming; i++) {
        struct mir_chain_plan *plan = mir_chain_plans_find(p, p->coming[i].plan->chain);

        if (plan->submitted || is_fresh(plan, now))
            continue;
        if (plan->submit_at < p->coming[i].at)
            plan->submit_at = p->coming[i].at;
        put_right(plan, s->start_s + i * MIR_SURVEY_FUTURES, s->n_futures, now);
    }
}
