/* SPDX-License-Identifier: GPL-3.0-or-later */
/* episode.c - see episode.h, and episodes.h for the idea. */
#include "traces/replay/episode.h"

#include <math.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/engine/chain.h"
#include "traces/replay/fans.h"

/* Who takes part: a policy at a weight, or the clairvoyant at a weight. */
struct player {
    const struct mir_policy *policy; /* NULL: the clairvoyant */
    struct mir_comparison_row *row;
    uint32_t weight;
    void *state; /* the plugin's, for one episode */
    struct mir_link link;
    struct mir_outcome *outcomes;  /* of the episode, one for each link */
    struct mir_episode_fans *fans; /* of the episode; NULL: this player's are not kept */
    bool keeps_fans;               /* at this link */
    bool submits;                  /* at the instant being looked at */
    bool decided;
    double best_cost; /* clairvoyant only */
    uint64_t n_decisions, n_fell_back;
    bool foretells; /* at the instant being looked at, its wait: */
    double wait_p10_h, wait_p50_h, wait_p90_h;
    struct mir_kept kept;
};

/* The simulators of one link of a chain. */
struct stage {
    struct mir_sim *world;  /* decisions are made here */
    struct mir_sim *behind; /* at the link's start; forks leave from here to the next link */
};

struct mir_worker {
    const struct mir_episodes *e;
    struct mir_chain_settings settings[MIR_MAX_WEIGHTS];
    struct player *players;
    uint32_t n_players;
    struct player **members; /* room for each link's order of players */
    uint32_t n_links;
    unsigned asks;                   /* mir_forecasts_wanted() */
    struct mir_forecasts *forecasts; /* NULL: nobody asks, or there is no model */
    struct mir_sim *base;            /* the background, without any chain */
    struct mir_sim *scratch;         /* of probes */
    struct stage *stages;            /* n_links */
    uint64_t n_probes;
};

/* A job of the chain that runs. */
struct predecessor {
    int64_t submit_at, start_at;
};

/* ---- Making */

int64_t mir_episodes_origin(const struct mir_episodes *e)
{
    int64_t first_at = e->workload->jobs[0].submit_at;

    return first_at < e->from_at ? first_at : e->from_at;
}

void mir_episodes_sim_options(const struct mir_episodes *e, struct mir_sim_options *out)
{
    mir_sim_options_init(out);
    out->cluster = e->cluster;
    out->workload = e->workload;
    out->capacity = e->capacity;
    out->from_at = mir_episodes_origin(e);
    for (uint32_t i = 0; i < e->n_policies; i++) {
        unsigned parts = mir_policy_plugin(e->policies[i])->snapshot_parts;

        out->keep_history |= (parts & (MIR_SNAPSHOT_HISTORY | MIR_SNAPSHOT_FORECAST)) != 0;
        out->keep_summary |= (parts & MIR_SNAPSHOT_SUMMARY) != 0;
    }
}

static void add_player(struct mir_worker *w,
                       const struct mir_policy *policy,
                       struct mir_comparison_row *row,
                       uint32_t weight)
{
    struct player *p = &w->players[w->n_players++];

    p->policy = policy;
    p->row = row;
    p->weight = weight;
    p->link.settings = &w->settings[weight];
    p->link.plugin = policy == NULL ? NULL : mir_policy_plugin(policy);
}

static void add_players(struct mir_worker *w, struct mir_comparison *out)
{
    const struct mir_episodes *e = w->e;

    w->players = MIR_NEW_ARRAY(struct player, (size_t)(e->n_policies + 1) * e->n_weights);
    for (uint32_t i = 0; i < e->n_policies; i++) {
        uint32_t n = out->rows[i].uses_weight ? e->n_weights : 1;

        for (uint32_t k = 0; k < n; k++)
            add_player(w, e->policies[i], &out->rows[i], k);
    }
    for (uint32_t k = 0; k < e->n_weights; k++)
        add_player(w, NULL, &out->clairvoyant, k);
}

struct mir_worker *mir_worker_create(const struct mir_episodes *e,
                                     const struct mir_background *background,
                                     struct mir_comparison *out)
{
    struct mir_worker *w = MIR_NEW(struct mir_worker);

    w->e = e;
    w->n_links = e->n_jobs - 1;
    w->asks = mir_forecasts_wanted(e);
    w->forecasts = w->asks != 0 ? mir_forecasts_create(e, background) : NULL;
    w->stages = MIR_NEW_ARRAY(struct stage, w->n_links);
    for (uint32_t k = 0; k < e->n_weights; k++) {
        w->settings[k] = (struct mir_chain_settings){
            .shape = e->shape,
            .overlap_weight = e->weights[k],
            .period_s = e->period_s,
            .warmup_s = e->warmup_s,
        };
    }
    add_players(w, out);
    w->members = MIR_NEW_ARRAY(struct player *, (size_t)w->n_players * w->n_links);
    return w;
}

static void destroy_sims(struct mir_worker *w)
{
    for (uint32_t i = 0; i < w->n_links; i++) {
        mir_sim_destroy(w->stages[i].world);
        mir_sim_destroy(w->stages[i].behind);
        w->stages[i] = (struct stage){NULL, NULL};
    }
    mir_sim_destroy(w->scratch);
    mir_sim_destroy(w->base);
    w->scratch = NULL;
    w->base = NULL;
}

void mir_worker_destroy(struct mir_worker *w)
{
    if (w == NULL)
        return;
    destroy_sims(w);
    mir_forecasts_destroy(w->forecasts);
    free(w->stages);
    free(w->members);
    free(w->players);
    free(w);
}

static void add_kept(struct mir_kept *sum, const struct mir_kept *kept)
{
    sum->n += kept->n;
    sum->n_p10 += kept->n_p10;
    sum->n_p50 += kept->n_p50;
    sum->n_p90 += kept->n_p90;
}

void mir_worker_add_counts(const struct mir_worker *w, struct mir_comparison *out)
{
    out->n_probes += w->n_probes;
    for (uint32_t i = 0; i < w->n_players; i++) {
        w->players[i].row->n_decisions += w->players[i].n_decisions;
        w->players[i].row->n_fell_back += w->players[i].n_fell_back;
        add_kept(&w->players[i].row->kept, &w->players[i].kept);
    }
}

/* ---- One link: who submits when, and when does it start? */

static void copy_sim(struct mir_sim **to, const struct mir_sim *from)
{
    if (*to == NULL)
        *to = mir_sim_fork(from);
    else
        mir_sim_copy(*to, from);
}

static double cost_of(const struct mir_outcome *o, double weight)
{
    int64_t signed_s = mir_outcome_signed_s(o);

    return signed_s > 0 ? (double)signed_s : -(double)signed_s * weight;
}

/* What the policies that have not submitted yet want to see; `asks`: what can be asked. */
static unsigned wanted_parts(struct player *const *members, uint32_t n, unsigned asks)
{
    unsigned parts = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (members[i]->policy != NULL && !members[i]->decided)
            parts |= members[i]->link.plugin->snapshot_parts;
    }
    return mir_forecasts_parts(parts, asks);
}

/* All that decide at this instant share one lookahead. */
static void give_lookahead(struct mir_worker *w,
                           const struct mir_snapshot *queue,
                           struct player **members,
                           uint32_t n)
{
    struct mir_lookahead *lookahead = mir_forecasts_look_ahead(w->forecasts, queue);

    for (uint32_t i = 0; i < n; i++)
        members[i]->link.lookahead = lookahead;
}

/* ... and one forecaster. */
static void give_forecasts(struct mir_worker *w,
                           const struct mir_sim *world,
                           const struct mir_snapshot *queue,
                           unsigned parts,
                           struct player **members,
                           uint32_t n)
{
    struct mir_forecaster *forecaster =
        mir_forecasts_look(w->forecasts, queue, (parts & MIR_SNAPSHOT_PAPER) != 0);
    double priority = mir_sim_request_priority(world, &w->e->shape);

    for (uint32_t i = 0; i < n; i++) {
        struct mir_link *link = &members[i]->link;

        if (link->plugin == NULL || (link->plugin->snapshot_parts & MIR_SNAPSHOT_FORECAST) == 0)
            continue;
        link->forecaster = forecaster;
        link->successor_priority = isnan(priority) ? 0 : priority;
    }
}

/* What it expects of a submission now; the first of its points is that. */
static void hear_forecast(struct player *p, const struct mirage_fan *fan)
{
    p->foretells = fan != NULL && fan->n_points > 0;
    if (!p->foretells)
        return;
    p->wait_p10_h = fan->points[0].wait_p10_h;
    p->wait_p50_h = fan->points[0].wait_p50_h;
    p->wait_p90_h = fan->points[0].wait_p90_h;
}

static bool decides_to_submit(struct player *p, const struct mir_snapshot *queue)
{
    struct mirage_decision decision;

    mir_link_decide(&p->link, queue, &decision);
    hear_forecast(p, decision.fan);
    p->n_decisions++;
    p->n_fell_back += decision.fell_back != 0;
    if (p->keeps_fans)
        mir_episode_fans_keep(p->fans, decision.fan, p->link.predecessor_end_at);
    return decision.action == MIRAGE_SUBMIT;
}

/*
 * Ask everybody who has not submitted; true: somebody wants to know what a
 * submission now would bring.  The predecessor's end is known to none of the
 * policies where jobs end before their limit; at its end the chain submits.
 */
static bool ask(struct player **members, uint32_t n, const struct mir_snapshot *queue, bool ended)
{
    bool wanted = false;

    for (uint32_t i = 0; i < n; i++) {
        struct player *p = members[i];

        p->submits = p->policy == NULL;
        p->foretells = false;
        if (p->policy != NULL && !p->decided)
            p->submits = ended || decides_to_submit(p, queue);
        wanted |= p->submits;
    }
    return wanted;
}

/* `o` is what becomes of those who submit now; the clairvoyant keeps the cheapest, the last of equals. */
static void settle(struct player **members, uint32_t n, uint32_t link, const struct mir_outcome *o)
{
    for (uint32_t i = 0; i < n; i++) {
        struct player *p = members[i];
        double cost;

        if (!p->submits)
            continue;
        if (p->policy != NULL) {
            p->decided = true;
            p->outcomes[link] = *o;
            continue;
        }
        cost = cost_of(o, p->link.settings->overlap_weight);
        if (cost <= p->best_cost) {
            p->best_cost = cost;
            p->outcomes[link] = *o;
        }
    }
}

/* ---- Are forecasts kept? */

static bool is_checked(const struct player *p, const struct mir_outcome *o)
{
    return p->foretells && (o->submit_at - o->predecessor_start_at) % MIR_KEPT_EVERY_S == 0;
}

static bool any_is_checked(struct player *const *members, uint32_t n, const struct mir_outcome *o)
{
    for (uint32_t i = 0; i < n; i++) {
        if (is_checked(members[i], o))
            return true;
    }
    return false;
}

static void check_forecast(struct player *p, const struct mir_outcome *o)
{
    const double zero_h = MIR_ZERO_S / 3600.0;
    double wait_h =
        o->start_at == INT64_MAX ? INFINITY : (double)(o->start_at - o->submit_at) / 3600 - zero_h;

    if (!is_checked(p, o) || (wait_h <= 0 && p->wait_p90_h <= zero_h))
        return;
    p->kept.n++;
    p->kept.n_p10 += wait_h <= p->wait_p10_h;
    p->kept.n_p50 += wait_h <= p->wait_p50_h;
    p->kept.n_p90 += wait_h <= p->wait_p90_h;
}

/*
 * A policy that submits wants its start, whenever that is.  The clairvoyants
 * have no use for a start that is later than the best they have is bad, and a
 * probe that need not look further is done sooner.
 */
static int64_t worth_knowing_until(struct player *const *members, uint32_t n, int64_t end_at)
{
    double worst_s = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (members[i]->submits && members[i]->policy != NULL)
            return end_at + MIR_EPISODE_HORIZON_S;
        if (members[i]->submits && members[i]->best_cost > worst_s)
            worst_s = members[i]->best_cost;
    }
    return end_at + (worst_s < MIR_EPISODE_HORIZON_S ? (int64_t)worst_s : MIR_EPISODE_HORIZON_S);
}

/* One decision instant: the world is at it. */
static int decide_at(struct mir_worker *w,
                     uint32_t link,
                     const struct predecessor *before,
                     int64_t end_at,
                     struct player **members,
                     uint32_t n,
                     struct mir_error *err)
{
    struct mir_sim *world = w->stages[link].world;
    struct mir_host *host = mir_sim_host(world);
    struct mir_snapshot queue;
    struct mir_outcome o = {
        .predecessor_start_at = before->start_at,
        .predecessor_end_at = end_at,
        .submit_at = mir_sim_now(world),
    };
    bool ended = o.submit_at >= end_at;
    unsigned parts = wanted_parts(members, n, ended ? 0 : w->asks);
    int64_t until_at;
    int rc = host->ops->observe(host, parts, &queue, err);

    if (rc != 0)
        return rc;
    if ((parts & MIR_SNAPSHOT_FORECAST) != 0)
        give_forecasts(w, world, &queue, parts, members, n);
    if ((parts & MIR_SNAPSHOT_LOOKAHEAD) != 0)
        give_lookahead(w, &queue, members, n);
    if (!ask(members, n, &queue, ended))
        return 0;
    if (w->scratch == NULL)
        w->scratch = mir_sim_fork(world);
    until_at = any_is_checked(members, n, &o) ? end_at + MIR_EPISODE_HORIZON_S
                                              : worth_knowing_until(members, n, end_at);
    o.start_at = mir_sim_probe(world, w->scratch, &w->e->shape, until_at);
    w->n_probes++;
    for (uint32_t i = 0; i < n; i++)
        check_forecast(members[i], &o);
    if (o.start_at != INT64_MAX || until_at == end_at + MIR_EPISODE_HORIZON_S)
        settle(members, n, link, &o);
    return 0;
}

static void
begin_link(struct player **members, uint32_t n, uint32_t link, const struct predecessor *before)
{
    for (uint32_t i = 0; i < n; i++) {
        struct player *p = members[i];

        p->decided = false;
        p->keeps_fans = p->fans != NULL && link == 0;
        p->best_cost = INFINITY;
        p->link.policy_state = p->state;
        p->link.predecessor_submit_at = before->submit_at;
        p->link.predecessor_start_at = before->start_at;
        p->link.predecessor_end_at = before->start_at + p->link.settings->shape.limit_s;
    }
}

static bool all_done(struct player *const *members, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!members[i]->decided)
            return false;
    }
    return true;
}

static int decide_link(struct mir_worker *w,
                       uint32_t link,
                       const struct predecessor *before,
                       struct player **members,
                       uint32_t n,
                       struct mir_error *err)
{
    int64_t end_at = before->start_at + w->e->shape.run_s;
    int64_t at = before->start_at;

    begin_link(members, n, link, before);
    for (;;) {
        int rc;

        mir_sim_advance(w->stages[link].world, at);
        rc = decide_at(w, link, before, end_at, members, n, err);
        if (rc != 0 || at >= end_at || all_done(members, n))
            return rc;
        at = end_at - at > w->e->period_s ? at + w->e->period_s : end_at;
    }
}

/* ---- Chains of more than two jobs */

/* The chain stands still from `at` on: every later link counts as never started. */
static void strand(struct player **members, uint32_t n, uint32_t link, uint32_t n_links, int64_t at)
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = link; k < n_links; k++) {
            members[i]->outcomes[k] = (struct mir_outcome){
                .predecessor_start_at = at,
                .predecessor_end_at = at,
                .submit_at = at,
                .start_at = INT64_MAX,
            };
        }
    }
}

static int run_link(struct mir_worker *w,
                    uint32_t link,
                    const struct predecessor *before,
                    struct player **members,
                    uint32_t n,
                    struct mir_error *err);

/* `members` all submitted at one instant: one successor, one world for what follows. */
static int go_on(struct mir_worker *w,
                 uint32_t link,
                 struct player **members,
                 uint32_t n,
                 struct mir_error *err)
{
    const struct mir_outcome *o = &members[0]->outcomes[link];
    struct predecessor next = {.submit_at = o->submit_at};
    struct mir_sim *behind = w->stages[link].behind;
    uint64_t serial;
    int rc;

    mir_sim_advance(behind, o->submit_at);
    copy_sim(&w->stages[link + 1].world, behind);
    rc = mir_sim_submit(w->stages[link + 1].world, &w->e->shape, &serial, err);
    if (rc != 0)
        return rc;
    next.start_at = mir_sim_advance_to_start(w->stages[link + 1].world, serial,
                                             o->predecessor_end_at + MIR_EPISODE_HORIZON_S);
    if (next.start_at == INT64_MAX) {
        strand(members, n, link + 1, w->n_links, o->submit_at);
        return 0;
    }
    return run_link(w, link + 1, &next, members, n, err);
}

/* By submission; players keep their order within one instant.  Few, and nearly in order. */
static void sort_members(struct player **members, uint32_t n, uint32_t link)
{
    for (uint32_t i = 1; i < n; i++) {
        struct player *p = members[i];
        uint32_t k = i;

        for (; k > 0 && members[k - 1]->outcomes[link].submit_at > p->outcomes[link].submit_at; k--)
            members[k] = members[k - 1];
        members[k] = p;
    }
}

static int go_on_all(struct mir_worker *w,
                     uint32_t link,
                     struct player **given,
                     uint32_t n,
                     struct mir_error *err)
{
    struct player **members = &w->members[(size_t)(link + 1) * w->n_players];
    uint32_t begin = 0;

    for (uint32_t i = 0; i < n; i++)
        members[i] = given[i];
    sort_members(members, n, link);
    while (begin < n) {
        uint32_t end = begin + 1;
        int rc;

        while (end < n &&
               members[end]->outcomes[link].submit_at == members[begin]->outcomes[link].submit_at)
            end++;
        rc = go_on(w, link, members + begin, end - begin, err);
        if (rc != 0)
            return rc;
        begin = end;
    }
    return 0;
}

/* The predecessor has just started in the world of this link. */
static int run_link(struct mir_worker *w,
                    uint32_t link,
                    const struct predecessor *before,
                    struct player **members,
                    uint32_t n,
                    struct mir_error *err)
{
    bool last = link + 1 == w->n_links;
    int rc;

    if (!last)
        copy_sim(&w->stages[link].behind, w->stages[link].world);
    rc = decide_link(w, link, before, members, n, err);
    if (rc != 0 || last)
        return rc;
    return go_on_all(w, link, members, n, err);
}

/* ---- An episode */

/* Bring the background to the predecessor's submission. */
static int
make_base(struct mir_worker *w, uint32_t index, int64_t *submit_at, struct mir_error *err)
{
    const struct mir_episodes *e = w->e;
    int64_t at = e->from_at + (int64_t)index * e->every_s;
    struct mir_sim_options options;
    int rc;

    mir_episodes_sim_options(e, &options);
    if (e->protocol == MIR_PROTOCOL_COLD) {
        /* Simulators of other options cannot be copied into each other. */
        destroy_sims(w);
        options.from_at = at;
        options.to_at = at + e->cold_arrivals_s;
        at += e->cold_warmup_s;
    }
    if (w->base == NULL) {
        rc = mir_sim_create(&options, &w->base, err);
        if (rc != 0)
            return rc;
    }
    mir_sim_advance(w->base, at);
    *submit_at = at;
    return w->forecasts == NULL ? 0 : mir_forecasts_begin(w->forecasts, &options, at, err);
}

static int open_players(struct mir_worker *w, uint32_t index, struct mir_error *err)
{
    struct mir_rng rng;
    uint64_t seed;

    mir_rng_init_stream(&rng, w->e->seed, index);
    seed = mir_rng_u64(&rng);
    for (uint32_t i = 0; i < w->n_players; i++) {
        struct player *p = &w->players[i];
        int rc = p->policy == NULL ? 0 : mir_policy_open(p->policy, seed, &p->state, err);

        if (rc != 0)
            return rc;
        p->outcomes = p->row->outcomes[p->weight] + (size_t)index * w->n_links;
        p->fans = p->row->fans != NULL && p->weight == 0 ? &p->row->fans[index] : NULL;
        w->members[i] = p;
    }
    return 0;
}

static void close_players(struct mir_worker *w)
{
    for (uint32_t i = 0; i < w->n_players; i++) {
        struct player *p = &w->players[i];

        if (p->policy != NULL)
            p->link.plugin->close(p->state);
        p->state = NULL;
    }
}

static int run_chain(struct mir_worker *w, int64_t submit_at, struct mir_error *err)
{
    struct predecessor first = {.submit_at = submit_at};
    struct mir_sim **world = &w->stages[0].world;
    uint64_t serial;
    int rc;

    copy_sim(world, w->base);
    rc = mir_sim_submit(*world, &w->e->shape, &serial, err);
    if (rc != 0)
        return rc;
    first.start_at = mir_sim_advance_to_start(*world, serial, submit_at + MIR_EPISODE_HORIZON_S);
    if (first.start_at == INT64_MAX) {
        strand(w->members, w->n_players, 0, w->n_links, submit_at);
        return 0;
    }
    return run_link(w, 0, &first, w->members, w->n_players, err);
}

int mir_worker_run(struct mir_worker *w, uint32_t index, struct mir_error *err)
{
    int64_t submit_at;
    int rc = make_base(w, index, &submit_at, err);

    if (rc == 0)
        rc = open_players(w, index, err);
    if (rc == 0)
        rc = run_chain(w, submit_at, err);
    close_players(w);
    return rc;
}
