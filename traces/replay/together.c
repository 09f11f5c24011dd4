/* SPDX-License-Identifier: GPL-3.0-or-later */
/* together.c - the worlds of all policies, shared among threads. */
#include "traces/replay/together.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/str.h"
#include "traces/replay/crew.h"
#include "traces/replay/episode.h"
#include "traces/replay/together_world.h"

/* What the threads share. */
struct work {
    const struct mir_together *t;
    const struct mir_background *background; /* NULL: nobody asks for forecasts */
    struct mir_together_player *players;     /* owned */
    uint32_t n_players;
    struct mir_comparison *out;
};

static bool uses_weight(const struct mir_policy *policy)
{
    return mir_policy_plugin(policy)->uses_weight != 0;
}

/* Has it a second row, of chains that do not heed each other? */
static bool is_also_alone(const struct mir_together *t, const struct mir_policy *policy)
{
    return t->alone && (mir_policy_plugin(policy)->snapshot_parts & MIR_SNAPSHOT_LOOKAHEAD) != 0;
}

static uint32_t count_players(const struct mir_together *t)
{
    const struct mir_episodes *e = t->episodes;
    uint32_t n = 0;

    for (uint32_t i = 0; i < e->n_policies; i++)
        n += (uses_weight(e->policies[i]) ? e->n_weights : 1) *
             (is_also_alone(t, e->policies[i]) ? 2 : 1);
    return n;
}

uint32_t mir_together_count(const struct mir_together *t)
{
    return mir_episodes_count(t->episodes) * count_players(t);
}

/* ---- Threads */

static void *create_worker(void *context)
{
    const struct work *k = context;

    return mir_together_worker_create(k->t, k->background, k->players, k->n_players, k->out);
}

static int run_world(void *worker, uint32_t index, struct mir_error *err)
{
    return mir_together_worker_run(worker, index, err);
}

static void end_worker(void *worker, void *context)
{
    (void)context;
    mir_together_worker_add_counts(worker);
    mir_together_worker_destroy(worker);
}

static int run_threads(struct work *k, struct mir_error *err)
{
    const struct mir_crew crew = {
        .create = create_worker,
        .run = run_world,
        .end = end_worker,
        .context = k,
        .n_tasks = mir_together_count(k->t),
        .n_threads = k->t->episodes->n_threads,
        .progress = k->t->episodes->progress,
    };

    return mir_crew_work(&crew, &k->out->cpu_s, err);
}

static int run_all(struct work *k, struct mir_error *err)
{
    const struct mir_episodes *e = k->t->episodes;
    struct mir_background background = {0};
    struct mir_sim_options options;
    int64_t began_ns = mir_clock_cpu_ns();
    int rc;

    if (mir_forecasts_wanted(e) == 0)
        return run_threads(k, err);
    mir_episodes_sim_options(e, &options);
    rc = mir_background_make(e, &options, e->from_at, &background, err);
    k->background = &background;
    k->out->cpu_s += (double)(mir_clock_cpu_ns() - began_ns) * 1e-9;
    if (rc == 0)
        rc = run_threads(k, err);
    mir_background_release(&background);
    return rc;
}

/* ---- The comparison around it */

static int check(const struct mir_together *t, struct mir_error *err)
{
    const struct mir_episodes *e = t->episodes;

    if (t->n_chains < 1 || t->n_chains > MIR_MAX_CHAINS || t->spread_s < 0)
        return mir_error_set(err, -EINVAL, "1 to %d chains can run together", MIR_MAX_CHAINS);
    if (e->protocol != MIR_PROTOCOL_CONTINUOUS)
        return mir_error_set(err, -EINVAL, "chains run together in the whole log only");
    return mir_episodes_check(e, err);
}

static void describe(const struct mir_together *t, struct mir_comparison *out)
{
    mir_episodes_describe(t->episodes, out);
    out->n_chains = t->n_chains;
    out->spread_s = t->spread_s;
    out->n_links *= t->n_chains;
}

static void name_alone(struct mir_comparison_row *row)
{
    struct mir_str name = {0};

    mir_str_addf(&name, "%s (alone)", row->policy);
    free(row->policy);
    row->policy = name.text;
}

/* A row, and a player for each weight where decisions depend on it; returns the row's number. */
static uint32_t add_row(struct work *k, const struct mir_policy *policy, bool alone)
{
    uint32_t n = uses_weight(policy) ? k->out->n_weights : 1, row = k->out->n_rows++;

    mir_episodes_make_row(policy, &k->out->rows[row], k->out);
    if (alone)
        name_alone(&k->out->rows[row]);
    for (uint32_t v = 0; v < n; v++)
        k->players[k->n_players++] =
            (struct mir_together_player){.policy = policy, .row = row, .weight = v, .alone = alone};
    return row;
}

static void add_rows(struct work *k)
{
    const struct mir_episodes *e = k->t->episodes;

    k->out->rows = MIR_NEW_ARRAY(struct mir_comparison_row, (size_t)e->n_policies * 2);
    k->players = MIR_NEW_ARRAY(struct mir_together_player, count_players(k->t));
    for (uint32_t i = 0; i < e->n_policies; i++) {
        uint32_t row = add_row(k, e->policies[i], false);

        if (is_also_alone(k->t, e->policies[i]))
            k->out->rows[row].alone_row = add_row(k, e->policies[i], true);
    }
}

int mir_together_run(const struct mir_together *t,
                     struct mir_comparison *out,
                     struct mir_episodes_notes *notes,
                     struct mir_error *err)
{
    struct work k = {.t = t, .out = out};
    int rc = check(t, err);

    if (rc != 0)
        return rc;
    describe(t, out);
    add_rows(&k);
    rc = run_all(&k, err);
    if (rc == 0)
        mir_episodes_note(t->episodes, out, notes);
    free(k.players);
    return rc;
}
