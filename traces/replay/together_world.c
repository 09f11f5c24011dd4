/* SPDX-License-Identifier: GPL-3.0-or-later */
/* together_world.c - see together_world.h, and together.h for the idea. */
#include "traces/replay/together_world.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/engine/chain.h"
#include "models/lookahead/lookahead.h"
#include "traces/replay/episode.h"

enum phase {
    TO_BEGIN, /* nothing is submitted yet */
    WAITS,    /* its last job is in the queue */
    RUNS,     /* ... runs, and the successor is not submitted */
    DONE,
};

struct chain {
    enum phase phase;
    /* When something is to be done: it begins, is given up, or decides; DONE: INT64_MAX. */
    int64_t due_at;
    uint32_t n_submitted; /* jobs */
    uint64_t serial;      /* of the last of them */
    int64_t submit_at;    /* likewise */
    int64_t end_at;       /* RUNS: when it really ends */
    bool submits;         /* at the instant being looked at */
    struct mir_link link; /* RUNS: what is decided */
    struct mir_outcome *outcomes;
};

struct mir_together_worker {
    const struct mir_together *t;
    const struct mir_episodes *e;
    struct mir_comparison *out;
    struct mir_together_player *players; /* its own, with its own counts */
    uint32_t n_players;
    unsigned asks;                   /* mir_forecasts_wanted() */
    struct mir_forecasts *forecasts; /* NULL: nobody asks */
    struct mir_sim *base;            /* the background, without any chain */
    struct mir_sim *world;
    struct chain *chains;             /* t->n_chains */
    struct mir_lookahead_chain *told; /* likewise */
    /* Of the world being run. */
    struct mir_together_player *player;
    struct mir_chain_settings settings;
};

/* ---- Making */

struct mir_together_worker *mir_together_worker_create(const struct mir_together *t,
                                                       const struct mir_background *background,
                                                       const struct mir_together_player *players,
                                                       uint32_t n_players,
                                                       struct mir_comparison *out)
{
    struct mir_together_worker *w = MIR_NEW(struct mir_together_worker);

    w->t = t;
    w->e = t->episodes;
    w->out = out;
    w->players = MIR_NEW_ARRAY(struct mir_together_player, n_players);
    w->n_players = n_players;
    for (uint32_t i = 0; i < n_players; i++)
        w->players[i] = players[i];
    w->asks = mir_forecasts_wanted(w->e);
    w->forecasts = w->asks != 0 ? mir_forecasts_create(w->e, background) : NULL;
    w->chains = MIR_NEW_ARRAY(struct chain, t->n_chains);
    w->told = MIR_NEW_ARRAY(struct mir_lookahead_chain, t->n_chains);
    return w;
}

void mir_together_worker_destroy(struct mir_together_worker *w)
{
    if (w == NULL)
        return;
    mir_forecasts_destroy(w->forecasts);
    mir_sim_destroy(w->world);
    mir_sim_destroy(w->base);
    free(w->players);
    free(w->chains);
    free(w->told);
    free(w);
}

void mir_together_worker_add_counts(const struct mir_together_worker *w)
{
    for (uint32_t i = 0; i < w->n_players; i++) {
        w->out->rows[w->players[i].row].n_decisions += w->players[i].n_decisions;
        w->out->rows[w->players[i].row].n_fell_back += w->players[i].n_fell_back;
    }
}

/* ---- What becomes of a chain */

static int submit(struct mir_together_worker *w, struct chain *c, struct mir_error *err)
{
    c->phase = WAITS;
    c->n_submitted++;
    c->submit_at = mir_sim_now(w->world);
    c->due_at = c->submit_at + MIR_EPISODE_HORIZON_S;
    return mir_sim_submit(w->world, &w->e->shape, &c->serial, err);
}

static int submit_successor(struct mir_together_worker *w, struct chain *c, struct mir_error *err)
{
    int rc;

    c->outcomes[c->n_submitted - 1] = (struct mir_outcome){
        .predecessor_start_at = c->link.predecessor_start_at,
        .predecessor_end_at = c->end_at,
        .submit_at = mir_sim_now(w->world),
        .start_at = INT64_MAX,
    };
    rc = submit(w, c, err);
    c->due_at = c->end_at + MIR_EPISODE_HORIZON_S;
    return rc;
}

static void end(struct chain *c)
{
    c->phase = DONE;
    c->due_at = INT64_MAX;
}

/* Its last job never starts: so do all that would have followed. */
static void give_up(const struct mir_together_worker *w, struct chain *c)
{
    for (uint32_t k = c->n_submitted - 1; k < w->e->n_jobs - 1; k++) {
        c->outcomes[k] = (struct mir_outcome){
            .predecessor_start_at = c->submit_at,
            .predecessor_end_at = c->submit_at,
            .submit_at = c->submit_at,
            .start_at = INT64_MAX,
        };
    }
    end(c);
}

/* Its last job started at `at`, which is now. */
static void start(const struct mir_together_worker *w, struct chain *c, int64_t at)
{
    if (c->n_submitted > 1)
        c->outcomes[c->n_submitted - 2].start_at = at;
    if (c->n_submitted == w->e->n_jobs) {
        end(c);
        return;
    }
    c->phase = RUNS;
    c->due_at = at;
    c->end_at = at + w->e->shape.run_s;
    c->link.predecessor_submit_at = c->submit_at;
    c->link.predecessor_start_at = at;
    c->link.predecessor_end_at = at + w->e->shape.limit_s;
}

static void notice_starts(struct mir_together_worker *w)
{
    for (uint32_t i = 0; i < w->t->n_chains; i++) {
        struct chain *c = &w->chains[i];
        int64_t at = c->phase == WAITS ? mir_sim_start_of(w->world, c->serial) : INT64_MAX;

        if (at != INT64_MAX)
            start(w, c, at);
    }
}

/* ---- Deciding */

static bool decides(const struct chain *c, int64_t now)
{
    return c->phase == RUNS && c->due_at <= now;
}

/* At a predecessor's end, which no policy knows where jobs end before their limit, its chain submits. */
static bool is_asked(const struct chain *c, int64_t now)
{
    return decides(c, now) && now < c->end_at;
}

static bool anybody_is_asked(const struct mir_together_worker *w, int64_t now)
{
    for (uint32_t i = 0; i < w->t->n_chains; i++) {
        if (is_asked(&w->chains[i], now))
            return true;
    }
    return false;
}

/*
 * The lookahead hears of all whose successor is not submitted, but for those whose
 * predecessor still waits: its end is not known.
 */
static void tell_chains(struct mir_together_worker *w, struct mir_lookahead *lookahead)
{
    size_t n = 0;

    for (uint32_t i = 0; i < w->t->n_chains; i++) {
        const struct chain *c = &w->chains[i];

        if (c->phase == RUNS)
            w->told[n++] = (struct mir_lookahead_chain){
                .id = i + 1,
                .successor = &w->settings.shape,
                .predecessor_end_at = c->link.predecessor_end_at,
                .warmup_s = w->settings.warmup_s,
                .overlap_weight = w->settings.overlap_weight,
            };
    }
    mir_lookahead_set_chains(lookahead, w->told, n);
}

static void tell_submitted(struct mir_together_worker *w, uint32_t chain)
{
    const struct mir_link *link = &w->chains[chain].link;

    if (link->lookahead != NULL && !w->player->alone)
        mir_lookahead_submitted(link->lookahead, chain + 1);
}

/* What all that decide now are given to ask: the link of every chain has the same. */
static void give(struct mir_together_worker *w, const struct mir_snapshot *queue, unsigned parts)
{
    struct mir_forecaster *forecaster = NULL;
    struct mir_lookahead *lookahead = NULL;
    double priority = NAN;

    if ((parts & MIR_SNAPSHOT_FORECAST) != 0) {
        forecaster = mir_forecasts_look(w->forecasts, queue, (parts & MIR_SNAPSHOT_PAPER) != 0);
        priority = mir_sim_request_priority(w->world, &w->e->shape);
    }
    if ((parts & MIR_SNAPSHOT_LOOKAHEAD) != 0)
        lookahead = mir_forecasts_look_ahead(w->forecasts, queue);
    if (lookahead != NULL && !w->player->alone)
        tell_chains(w, lookahead);
    for (uint32_t i = 0; i < w->t->n_chains; i++) {
        struct mir_link *link = &w->chains[i].link;

        link->forecaster = forecaster;
        link->lookahead = lookahead;
        link->chain = w->player->alone ? 0 : i + 1;
        link->successor_priority = isnan(priority) ? 0 : priority;
    }
}

static bool answers_submit(struct mir_together_worker *w,
                           const struct chain *c,
                           const struct mir_snapshot *queue)
{
    struct mirage_decision decision;

    mir_link_decide(&c->link, queue, &decision);
    w->player->n_decisions++;
    w->player->n_fell_back += decision.fell_back != 0;
    return decision.action == MIRAGE_SUBMIT;
}

/* All answers are of one look; submitted is after the last, as the queue is lent until then. */
static int ask(struct mir_together_worker *w, int64_t now, struct mir_error *err)
{
    const struct mirage_plugin *plugin = mir_policy_plugin(w->player->policy);
    unsigned parts = mir_forecasts_parts(plugin->snapshot_parts, w->asks);
    struct mir_host *host = mir_sim_host(w->world);
    struct mir_snapshot queue;
    int rc = host->ops->observe(host, parts, &queue, err);

    if (rc != 0)
        return rc;
    give(w, &queue, parts);
    for (uint32_t i = 0; i < w->t->n_chains; i++) {
        if (decides(&w->chains[i], now) && w->chains[i].submits)
            tell_submitted(w, i);
    }
    for (uint32_t i = 0; i < w->t->n_chains; i++) {
        struct chain *c = &w->chains[i];

        if (!is_asked(c, now))
            continue;
        c->submits = answers_submit(w, c, &queue);
        if (c->submits)
            tell_submitted(w, i);
    }
    return 0;
}

static int
follow(struct mir_together_worker *w, struct chain *c, int64_t now, struct mir_error *err)
{
    if (c->submits)
        return submit_successor(w, c, err);
    c->due_at = c->end_at - now > w->e->period_s ? now + w->e->period_s : c->end_at;
    return 0;
}

static int decide(struct mir_together_worker *w, int64_t now, struct mir_error *err)
{
    int rc = 0;

    for (uint32_t i = 0; i < w->t->n_chains; i++)
        w->chains[i].submits = now >= w->chains[i].end_at;
    if (anybody_is_asked(w, now))
        rc = ask(w, now, err);
    for (uint32_t i = 0; i < w->t->n_chains && rc == 0; i++) {
        if (decides(&w->chains[i], now))
            rc = follow(w, &w->chains[i], now, err);
    }
    return rc;
}

/* ---- A world */

static int64_t next_due(const struct mir_together_worker *w)
{
    int64_t due_at = INT64_MAX;

    for (uint32_t i = 0; i < w->t->n_chains; i++) {
        if (w->chains[i].due_at < due_at)
            due_at = w->chains[i].due_at;
    }
    return due_at;
}

/* All that is due now; each chain is due later after that. */
static int act(struct mir_together_worker *w, struct mir_error *err)
{
    int64_t now = mir_sim_now(w->world);
    int rc = decide(w, now, err);

    for (uint32_t i = 0; i < w->t->n_chains && rc == 0; i++) {
        struct chain *c = &w->chains[i];

        if (c->due_at > now)
            continue;
        if (c->phase == TO_BEGIN)
            rc = submit(w, c, err);
        else if (c->phase == WAITS)
            give_up(w, c);
    }
    return rc;
}

static int run_chains(struct mir_together_worker *w, struct mir_error *err)
{
    for (;;) {
        int64_t at;
        int rc = 0;

        notice_starts(w);
        at = next_due(w);
        if (at == INT64_MAX)
            return 0;
        if (at > mir_sim_now(w->world))
            mir_sim_advance_to_any_start(w->world, at);
        else
            rc = act(w, err);
        if (rc != 0)
            return rc;
    }
}

/* The first chain's seed is that of the chain of a run. */
static int
open_chains(struct mir_together_worker *w, uint32_t episode, int64_t at, struct mir_error *err)
{
    uint32_t n_links = w->e->n_jobs - 1;
    struct mir_outcome *outcomes = w->out->rows[w->player->row].outcomes[w->player->weight] +
                                   (size_t)episode * w->out->n_links;
    struct mir_rng rng;
    int rc = 0;

    mir_rng_init_stream(&rng, w->e->seed, episode);
    for (uint32_t i = 0; i < w->t->n_chains; i++) {
        struct chain *c = &w->chains[i];
        uint64_t seed = mir_rng_u64(&rng);

        *c = (struct chain){
            .due_at = at + (int64_t)w->t->spread_s * i / w->t->n_chains,
            .link = {.settings = &w->settings, .plugin = mir_policy_plugin(w->player->policy)},
            .outcomes = outcomes + (size_t)i * n_links,
        };
        if (rc == 0)
            rc = mir_policy_open(w->player->policy, seed, &c->link.policy_state, err);
    }
    return rc;
}

static void close_chains(struct mir_together_worker *w)
{
    for (uint32_t i = 0; i < w->t->n_chains; i++) {
        struct mir_link *link = &w->chains[i].link;

        if (link->plugin != NULL)
            link->plugin->close(link->policy_state);
        link->policy_state = NULL;
    }
}

/* Bring the background to the episode's begin, and the world to where it is. */
static int make_world(struct mir_together_worker *w, int64_t at, struct mir_error *err)
{
    struct mir_sim_options options;
    int rc = 0;

    mir_episodes_sim_options(w->e, &options);
    if (w->base == NULL)
        rc = mir_sim_create(&options, &w->base, err);
    if (rc != 0)
        return rc;
    mir_sim_advance(w->base, at);
    if (w->world == NULL)
        w->world = mir_sim_fork(w->base);
    else
        mir_sim_copy(w->world, w->base);
    return w->forecasts == NULL ? 0 : mir_forecasts_begin(w->forecasts, &options, at, err);
}

static void sit_down(struct mir_together_worker *w, uint32_t player)
{
    w->player = &w->players[player];
    w->settings = (struct mir_chain_settings){
        .shape = w->e->shape,
        .overlap_weight = w->e->weights[w->player->weight],
        .period_s = w->e->period_s,
        .warmup_s = w->e->warmup_s,
    };
}

int mir_together_worker_run(struct mir_together_worker *w, uint32_t index, struct mir_error *err)
{
    uint32_t episode = index / w->n_players;
    int64_t at = w->e->from_at + (int64_t)episode * w->e->every_s;
    int rc = make_world(w, at, err);

    if (rc != 0)
        return rc;
    sit_down(w, index % w->n_players);
    rc = open_chains(w, episode, at, err);
    if (rc == 0)
        rc = run_chains(w, err);
    close_chains(w);
    return rc;
}
