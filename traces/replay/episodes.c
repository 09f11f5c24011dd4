/* SPDX-License-Identifier: GPL-3.0-or-later */
/* episodes.c - shares episodes among threads and gathers what they found. */
#include "traces/replay/episodes.h"

#include <errno.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "traces/replay/crew.h"
#include "traces/replay/episode.h"
#include "traces/replay/fans.h"
#include "traces/replay/timeline.h"

uint32_t mir_episodes_count(const struct mir_episodes *e)
{
    int64_t n;

    if (e->from_at >= e->to_at || e->every_s <= 0)
        return 0;
    n = (e->to_at - e->from_at + e->every_s - 1) / e->every_s;
    if (e->max_episodes > 0 && n > e->max_episodes)
        n = e->max_episodes;
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* ---- Threads */

struct work {
    const struct mir_episodes *e;
    const struct mir_background *background; /* NULL: none, or each episode's own */
    struct mir_comparison *out;
};

static void *create_worker(void *context)
{
    const struct work *work = context;

    return mir_worker_create(work->e, work->background, work->out);
}

static int run_episode(void *worker, uint32_t index, struct mir_error *err)
{
    return mir_worker_run(worker, index, err);
}

static void end_worker(void *worker, void *context)
{
    const struct work *work = context;

    mir_worker_add_counts(worker, work->out);
    mir_worker_destroy(worker);
}

static int run_threads(const struct mir_episodes *e,
                       const struct mir_background *background,
                       struct mir_comparison *out,
                       struct mir_error *err)
{
    struct work work = {e, background, out};
    const struct mir_crew crew = {
        .create = create_worker,
        .run = run_episode,
        .end = end_worker,
        .context = &work,
        .n_tasks = out->n_episodes,
        .n_threads = e->n_threads,
        .progress = e->progress,
    };

    return mir_crew_work(&crew, &out->cpu_s, err);
}

/* ---- The comparison around it */

int mir_episodes_check(const struct mir_episodes *e, struct mir_error *err)
{
    if (e->n_jobs < 2 || e->n_policies < 1 || e->n_weights < 1 || e->n_weights > MIR_MAX_WEIGHTS ||
        e->n_threads < 1)
        return mir_error_set(err, -EINVAL,
                             "a run needs two jobs, a policy, 1 to %d weights and a thread",
                             MIR_MAX_WEIGHTS);
    if (e->period_s <= 0 || e->shape.run_s <= 0 || e->shape.run_s > e->shape.limit_s)
        return mir_error_set(err, -EINVAL,
                             "a chain's job needs a run time up to its limit, and a period");
    if (mir_episodes_count(e) == 0)
        return mir_error_set(err, -EINVAL, "no episode begins between --from and --to");
    return 0;
}

static void make_row(struct mir_comparison_row *row,
                     const char *policy,
                     const char *summary,
                     bool uses_weight,
                     const struct mir_comparison *out)
{
    size_t n = (size_t)out->n_episodes * out->n_links;

    row->policy = mir_strdup(policy);
    row->summary = mir_strdup(summary);
    row->uses_weight = uses_weight;
    for (uint32_t k = 0; k < out->n_weights; k++)
        row->outcomes[k] =
            k > 0 && !uses_weight ? row->outcomes[0] : MIR_NEW_ARRAY(struct mir_outcome, n);
}

void mir_episodes_make_row(const struct mir_policy *policy,
                           struct mir_comparison_row *row,
                           const struct mir_comparison *out)
{
    const struct mirage_plugin *plugin = mir_policy_plugin(policy);

    make_row(row, mir_policy_spec(policy), plugin->summary, plugin->uses_weight != 0, out);
}

static void make_rows(const struct mir_episodes *e, struct mir_comparison *out)
{
    out->rows = MIR_NEW_ARRAY(struct mir_comparison_row, e->n_policies);
    out->n_rows = e->n_policies;
    for (uint32_t i = 0; i < e->n_policies; i++) {
        mir_episodes_make_row(e->policies[i], &out->rows[i], out);
        out->rows[i].fans = MIR_NEW_ARRAY(struct mir_episode_fans, out->n_episodes);
    }
    make_row(&out->clairvoyant, "clairvoyant",
             "the best submission in hindsight, at any decision instant", true, out);
}

void mir_episodes_describe(const struct mir_episodes *e, struct mir_comparison *out)
{
    int64_t warmup_s = e->protocol == MIR_PROTOCOL_COLD ? e->cold_warmup_s : 0;

    out->n_weights = e->n_weights;
    for (uint32_t k = 0; k < e->n_weights; k++)
        out->weights[k] = e->weights[k];
    out->n_episodes = mir_episodes_count(e);
    out->n_links = e->n_jobs - 1;
    out->episode_at = MIR_NEW_ARRAY(int64_t, out->n_episodes);
    for (uint32_t i = 0; i < out->n_episodes; i++)
        out->episode_at[i] = e->from_at + (int64_t)i * e->every_s + warmup_s;
    out->scheduler = mir_strdup(mir_scheduler_name(e->cluster->scheduler));
    out->protocol = mir_strdup(e->protocol == MIR_PROTOCOL_COLD ? "cold" : "continuous");
    out->truth = e->truth;
    out->cluster_nodes = mir_cluster_nodes(e->cluster);
    out->chain_nodes = e->shape.n_nodes;
    out->chain_limit_s = e->shape.limit_s;
    out->every_s = e->every_s;
    out->period_s = e->period_s;
    out->from_at = e->from_at;
    out->to_at = e->to_at;
    out->seed = e->seed;
}

/* What one episode's outcomes, over all policies and links, say together. */
struct tally {
    int64_t last_at;
    bool stuck;
};

static void tally_row(const struct mir_comparison *c,
                      const struct mir_comparison_row *row,
                      uint32_t episode,
                      struct tally *t)
{
    for (uint32_t k = 0; k < (row->uses_weight ? c->n_weights : 1); k++) {
        for (uint32_t link = 0; link < c->n_links; link++) {
            const struct mir_outcome *o = &row->outcomes[k][episode * c->n_links + link];

            if (o->start_at == INT64_MAX)
                t->stuck = true;
            else if (o->start_at > t->last_at)
                t->last_at = o->start_at;
            if (o->predecessor_end_at > t->last_at)
                t->last_at = o->predecessor_end_at;
        }
    }
}

void mir_episodes_note(const struct mir_episodes *e,
                       const struct mir_comparison *c,
                       struct mir_episodes_notes *notes)
{
    int64_t log_end_at = e->workload->jobs[e->workload->n_jobs - 1].submit_at;

    *notes = (struct mir_episodes_notes){0};
    for (uint32_t i = 0; i < c->n_episodes; i++) {
        struct tally t = {INT64_MIN, false};

        for (uint32_t r = 0; r < c->n_rows; r++)
            tally_row(c, &c->rows[r], i, &t);
        /* A cold episode's arrivals end on purpose; what counts is whether the log has them. */
        if (e->protocol == MIR_PROTOCOL_COLD)
            t.last_at = e->from_at + (int64_t)i * e->every_s + e->cold_arrivals_s;
        notes->n_past_log += t.last_at > log_end_at;
        notes->n_stuck += t.stuck;
    }
}

/* With the background that forecasts are made from, where all episodes share one. */
static int run_all(const struct mir_episodes *e, struct mir_comparison *out, struct mir_error *err)
{
    struct mir_background background = {0};
    struct mir_sim_options options;
    int64_t began_ns = mir_clock_cpu_ns();
    int rc;

    if (mir_forecasts_wanted(e) == 0 || e->protocol == MIR_PROTOCOL_COLD)
        return run_threads(e, NULL, out, err);
    mir_episodes_sim_options(e, &options);
    rc = mir_background_make(e, &options, e->from_at, &background, err);
    out->cpu_s += (double)(mir_clock_cpu_ns() - began_ns) * 1e-9;
    if (rc == 0)
        rc = run_threads(e, &background, out, err);
    mir_background_release(&background);
    return rc;
}

int mir_episodes_run(const struct mir_episodes *e,
                     struct mir_comparison *out,
                     struct mir_episodes_notes *notes,
                     struct mir_error *err)
{
    int rc = mir_episodes_check(e, err);

    if (rc != 0)
        return rc;
    mir_episodes_describe(e, out);
    make_rows(e, out);
    rc = mir_timeline(e, out, err);
    if (rc == 0)
        rc = run_all(e, out, err);
    if (rc == 0)
        mir_episodes_note(e, out, notes);
    return rc;
}
