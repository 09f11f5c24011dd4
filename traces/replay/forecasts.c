/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forecasts.c - see forecasts.h. */
#include "traces/replay/forecasts.h"

#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "traces/replay/live_books.h"

struct mir_forecasts {
    const struct mir_episodes *e;
    const struct mir_background *background; /* lent, or &own */
    struct mir_background own;
    struct mir_timeline_book book; /* timeline NULL: not begun */
    struct mir_paper_history paper;
    struct mir_forecaster *forecaster;
    struct mir_lookahead *lookahead; /* NULL: nobody asks */
    struct mir_live_books *live;     /* its own; NULL: not begun */
    struct mir_log_truth truth;      /* that it is told */
};

static bool is_asked_for(const struct mir_episodes *e, unsigned part)
{
    for (uint32_t i = 0; i < e->n_policies; i++) {
        if ((mir_policy_plugin(e->policies[i])->snapshot_parts & part) != 0)
            return true;
    }
    return false;
}

unsigned mir_forecasts_wanted(const struct mir_episodes *e)
{
    unsigned wanted = 0;

    if (e->model != NULL && is_asked_for(e, MIR_SNAPSHOT_FORECAST))
        wanted |= MIR_SNAPSHOT_FORECAST;
    if (is_asked_for(e, MIR_SNAPSHOT_LOOKAHEAD))
        wanted |= MIR_SNAPSHOT_LOOKAHEAD;
    return wanted;
}

unsigned mir_forecasts_parts(unsigned parts, unsigned wanted)
{
    const unsigned questions = MIR_SNAPSHOT_FORECAST | MIR_SNAPSHOT_PAPER | MIR_SNAPSHOT_LOOKAHEAD;

    if ((wanted & MIR_SNAPSHOT_FORECAST) != 0)
        wanted |= MIR_SNAPSHOT_PAPER;
    parts &= ~questions | wanted;
    if ((parts & MIR_SNAPSHOT_FORECAST) != 0)
        parts |= MIR_SNAPSHOT_JOBS | MIR_SNAPSHOT_HISTORY;
    if ((parts & MIR_SNAPSHOT_LOOKAHEAD) != 0)
        parts |= MIR_SNAPSHOT_JOBS;
    return parts;
}

/* ---- The background */

static bool wants_paper(const struct mir_episodes *e)
{
    return e->model != NULL && is_asked_for(e, MIR_SNAPSHOT_PAPER) &&
           (mir_wait_model_has(e->model, MIR_WAIT_RF) ||
            mir_wait_model_has(e->model, MIR_WAIT_XGB));
}

/* No decision is later: each link waits for a start, and runs. */
static int64_t last_decision_at(const struct mir_episodes *e, int64_t from_at)
{
    int64_t to_at = e->protocol == MIR_PROTOCOL_COLD ? from_at : e->to_at;

    return to_at + (int64_t)e->n_jobs * (MIR_EPISODE_HORIZON_S + e->shape.limit_s);
}

static struct mir_lookahead *create_lookahead(const struct mir_episodes *e)
{
    const struct mir_workload *w = e->workload;
    struct mir_lookahead_options options;

    mir_lookahead_options_init(&options);
    options.cluster = e->cluster;
    options.partition_of = w->partition_of;
    options.n_partitions = w->log->partitions.n;
    options.qos_of = w->qos_of;
    options.n_qos = w->log->qos.n;
    options.seed = e->seed;
    return mir_lookahead_create(&options);
}

/* Forecasts that are told the truth have nothing to learn. */
static bool learns(const struct mir_episodes *e)
{
    return is_asked_for(e, MIR_SNAPSHOT_LOOKAHEAD) && e->truth == 0;
}

static int make_lessons(const struct mir_episodes *e,
                        const struct mir_sim_options *options,
                        int64_t from_at,
                        struct mir_background *out,
                        struct mir_error *err)
{
    struct mir_lookahead *lookahead = create_lookahead(e);
    int rc = mir_lesson_track_make(options, &out->jobs, &out->habits, lookahead, from_at,
                                   last_decision_at(e, from_at), &out->lessons, err);

    mir_lookahead_destroy(lookahead);
    return rc;
}

int mir_background_make(const struct mir_episodes *e,
                        const struct mir_sim_options *options,
                        int64_t from_at,
                        struct mir_background *out,
                        struct mir_error *err)
{
    int rc = mir_job_timeline_create(options, &out->jobs, err);

    if (rc == 0 && is_asked_for(e, MIR_SNAPSHOT_LOOKAHEAD))
        mir_habit_track_make(&out->jobs, &out->habits);
    if (rc == 0 && learns(e))
        rc = make_lessons(e, options, from_at, out, err);
    if (rc == 0 && (mir_forecasts_wanted(e) & MIR_SNAPSHOT_FORECAST) != 0)
        rc = mir_calibration_track_make(options, &out->jobs, e->model, last_decision_at(e, from_at),
                                        &out->calibrations, err);
    if (rc != 0 || !wants_paper(e))
        return rc;
    return mir_paper_rows_make(options, from_at, last_decision_at(e, from_at), &out->paper, err);
}

void mir_background_release(struct mir_background *background)
{
    mir_habit_track_release(&background->habits);
    mir_lesson_track_release(&background->lessons);
    mir_calibration_track_release(&background->calibrations);
    mir_job_timeline_release(&background->jobs);
    mir_paper_rows_release(&background->paper);
}

/* ---- A worker's forecaster and lookahead */

static void begin_lookahead(struct mir_forecasts *f)
{
    f->lookahead = create_lookahead(f->e);
    mir_log_truth_make(f->e->workload, f->e->truth, &f->truth);
    if (f->e->truth != 0)
        mir_lookahead_set_truth(f->lookahead, &f->truth.known);
}

struct mir_forecasts *mir_forecasts_create(const struct mir_episodes *e,
                                           const struct mir_background *background)
{
    struct mir_forecasts *f = MIR_NEW(struct mir_forecasts);

    f->e = e;
    f->background = background != NULL ? background : &f->own;
    f->forecaster = mir_forecaster_create(mir_cluster_window_s(e->cluster));
    mir_forecaster_set_model(f->forecaster, e->model);
    if ((mir_forecasts_wanted(e) & MIR_SNAPSHOT_LOOKAHEAD) != 0)
        begin_lookahead(f);
    return f;
}

static void forget(struct mir_forecasts *f)
{
    mir_forecaster_set_book(f->forecaster, NULL);
    if (f->lookahead != NULL)
        mir_lookahead_set_books(f->lookahead, NULL, NULL);
    mir_live_books_destroy(f->live);
    f->live = NULL;
    mir_timeline_book_release(&f->book);
    mir_background_release(&f->own);
}

void mir_forecasts_destroy(struct mir_forecasts *f)
{
    if (f == NULL)
        return;
    forget(f);
    mir_lookahead_destroy(f->lookahead);
    mir_log_truth_release(&f->truth);
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
    if (f->lookahead == NULL)
        return 0;
    if (f->live == NULL)
        f->live = mir_live_books_create(&f->background->jobs, options->from_at, options->to_at);
    mir_live_books_begin(f->live);
    mir_lookahead_set_chains(f->lookahead, NULL, 0);
    mir_lookahead_set_ticks(f->lookahead, options->from_at);
    return 0;
}

static void give_calibrations(struct mir_forecasts *f, int64_t now)
{
    const struct mir_calibration *c = mir_calibration_track_at(&f->background->calibrations, now);

    for (int i = 0; i < MIR_N_QUANTILE_METHODS; i++)
        mir_forecaster_set_calibration(f->forecaster, (enum mir_wait_method)i,
                                       c != NULL ? &c[i] : NULL);
}

struct mir_forecaster *
mir_forecasts_look(struct mir_forecasts *f, const struct mir_snapshot *queue, bool paper)
{
    bool has_paper = paper && f->background->paper.n > 0;

    if (has_paper)
        mir_paper_rows_history(&f->background->paper, queue->now, &f->paper);
    mir_forecaster_set_paper(f->forecaster, has_paper ? &f->paper : NULL);
    give_calibrations(f, queue->now);
    mir_forecaster_look(f->forecaster, queue);
    return f->forecaster;
}

static void give_lessons(struct mir_forecasts *f, int64_t now)
{
    const struct mir_lessons *lessons = mir_lesson_track_at(&f->background->lessons, now);

    if (lessons != NULL)
        mir_lookahead_set_lessons(f->lookahead, lessons);
}

struct mir_lookahead *mir_forecasts_look_ahead(struct mir_forecasts *f,
                                               const struct mir_snapshot *queue)
{
    struct mir_habits habits;

    if (f->lookahead == NULL)
        return NULL;
    mir_live_books_follow(f->live, queue);
    mir_lookahead_set_books(f->lookahead, mir_live_books_runs(f->live),
                            mir_live_books_arrivals(f->live));
    mir_habit_track_at(&f->background->habits, queue->now, &habits);
    mir_lookahead_set_habits(f->lookahead, &habits);
    give_lessons(f, queue->now);
    mir_lookahead_look(f->lookahead, queue);
    return f->lookahead;
}
