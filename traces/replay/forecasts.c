/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forecasts.c - see forecasts.h. */
#include "traces/replay/forecasts.h"

#include <stdlib.h>

#include "daemon/core/alloc.h"

struct mir_forecasts {
    const struct mir_episodes *e;
    const struct mir_background *background; /* lent, or &own */
    struct mir_background own;
    struct mir_timeline_book book; /* timeline NULL: not begun */
    struct mir_paper_history paper;
    struct mir_forecaster *forecaster;
};

static bool is_asked_for(const struct mir_episodes *e, unsigned part)
{
    for (uint32_t i = 0; i < e->n_policies; i++) {
        if ((mir_policy_plugin(e->policies[i])->snapshot_parts & part) != 0)
            return true;
    }
    return false;
}

bool mir_forecasts_wanted(const struct mir_episodes *e)
{
    return e->model != NULL && is_asked_for(e, MIR_SNAPSHOT_FORECAST);
}

/* ---- The background */

static bool wants_paper(const struct mir_episodes *e)
{
    return is_asked_for(e, MIR_SNAPSHOT_PAPER) && (mir_wait_model_has(e->model, MIR_WAIT_RF) ||
                                                   mir_wait_model_has(e->model, MIR_WAIT_XGB));
}

/* No decision is later: each link waits for a start, and runs. */
static int64_t last_decision_at(const struct mir_episodes *e, int64_t from_at)
{
    int64_t to_at = e->protocol == MIR_PROTOCOL_COLD ? from_at : e->to_at;

    return to_at + (int64_t)e->n_jobs * (MIR_EPISODE_HORIZON_S + e->shape.limit_s);
}

int mir_background_make(const struct mir_episodes *e,
                        const struct mir_sim_options *options,
                        int64_t from_at,
                        struct mir_background *out,
                        struct mir_error *err)
{
    int rc = mir_job_timeline_create(options, &out->jobs, err);

    if (rc != 0 || !wants_paper(e))
        return rc;
    return mir_paper_rows_make(options, from_at, last_decision_at(e, from_at), &out->paper, err);
}

void mir_background_release(struct mir_background *background)
{
    mir_job_timeline_release(&background->jobs);
    mir_paper_rows_release(&background->paper);
}

/* ---- A worker's forecaster */

static int32_t planned_ahead_s(const struct mir_cluster *cluster)
{
    bool backfills = cluster->scheduler == MIR_SCHED_SLURM && cluster->params.backfill;

    return backfills ? cluster->params.bf_window_s : 0;
}

struct mir_forecasts *mir_forecasts_create(const struct mir_episodes *e,
                                           const struct mir_background *background)
{
    struct mir_forecasts *f = MIR_NEW(struct mir_forecasts);

    f->e = e;
    f->background = background != NULL ? background : &f->own;
    f->forecaster = mir_forecaster_create(planned_ahead_s(e->cluster));
    mir_forecaster_set_model(f->forecaster, e->model);
    return f;
}

static void forget(struct mir_forecasts *f)
{
    mir_forecaster_set_book(f->forecaster, NULL);
    mir_timeline_book_release(&f->book);
    mir_background_release(&f->own);
}

void mir_forecasts_destroy(struct mir_forecasts *f)
{
    if (f == NULL)
        return;
    forget(f);
    mir_forecaster_destroy(f->forecaster);
    free(f);
}

int mir_forecasts_begin(struct mir_forecasts *f,
                        const struct mir_sim_options *options,
                        int64_t at,
                        struct mir_error *err)
{
    if (f->background == &f->own) {
        int rc;

        forget(f);
        rc = mir_background_make(f->e, options, at, &f->own, err);
        if (rc != 0)
            return rc;
    }
    if (f->book.timeline == NULL) {
        mir_timeline_book_init(&f->book, &f->background->jobs);
        mir_forecaster_set_book(f->forecaster, f->book.book);
    }
    mir_timeline_book_advance(&f->book, at);
    return 0;
}

struct mir_forecaster *
mir_forecasts_look(struct mir_forecasts *f, const struct mir_snapshot *queue, bool paper)
{
    bool has_paper = paper && f->background->paper.n > 0;

    if (has_paper)
        mir_paper_rows_history(&f->background->paper, queue->now, &f->paper);
    mir_forecaster_set_paper(f->forecaster, has_paper ? &f->paper : NULL);
    mir_forecaster_look(f->forecaster, queue);
    return f->forecaster;
}
