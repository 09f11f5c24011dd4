/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cmd_pending.c - the same fits on a log of pending jobs: other features, another
 * cluster, real waits.  Fitted to what was known when the last month began, scored
 * on that month.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/parse.h"
#include "daemon/core/progress.h"
#include "models/train/commands.h"
#include "models/train/fit.h"
#include "models/train/pending_log.h"
#include "models/train/references.h"
#include "models/train/report.h"

enum { PROGRESS_STEPS = 1000 };

struct pending {
    const struct mir_train_options *o;
    struct mir_pending_log log;
    size_t n_train; /* rows before cut_at */
    int64_t cut_at;
    float *y; /* of the rows to learn from */
    unsigned char *censored;
    struct mir_trees trees[2]; /* MIR_WAIT_FOREST_Q, MIR_WAIT_XGB_Q */
    float gain[MIR_PENDING_FEATURES];
    struct mir_evaluation e;
    struct mir_model_origin origin;
    struct mir_evaluation_report report;
};

static double wait_h(const struct mir_pending_row *row)
{
    return (double)(row->start_at - row->poll_at) / 3600;
}

/* ---- The split */

/* The first second of the month of the last poll, or --from. */
static int64_t default_cut(const struct pending *p)
{
    int64_t last_at = p->log.rows[p->log.n - 1].poll_at, at = last_at;
    char text[32];

    mir_format_time(last_at, text); /* YYYY-MM-DDTHH:MM:SS */
    memcpy(text + 8, "01", 2);
    (void)mir_parse_time(text, 10, NULL, &at);
    return at;
}

static int split(struct pending *p, struct mir_error *err)
{
    const struct mir_replay_options *scene = &p->o->scene;
    size_t n = p->log.n;

    p->cut_at = scene->from_at != INT64_MIN ? scene->from_at : default_cut(p);
    while (n > 0 && p->log.rows[n - 1].poll_at >= scene->to_at)
        n--;
    p->log.n = n;
    while (p->n_train < n && p->log.rows[p->n_train].poll_at < p->cut_at)
        p->n_train++;
    if (p->n_train > 0 && p->n_train < n)
        return 0;
    return mir_error_set(err, -ENODATA, "%s: no polls before or none after %s", p->o->pending_path,
                         p->n_train == 0 ? "the split" : "the window");
}

/* What was known at the split: a job that still waited then had waited so long and no more. */
static void set_targets(struct pending *p)
{
    p->y = MIR_NEW_ARRAY(float, p->n_train);
    p->censored = MIR_NEW_ARRAY(unsigned char, p->n_train);
    for (size_t i = 0; i < p->n_train; i++) {
        const struct mir_pending_row *row = &p->log.rows[i];
        double known_h = (double)(p->cut_at - row->poll_at) / 3600;

        p->censored[i] = row->start_at >= p->cut_at;
        p->y[i] = (float)mir_wait_to_t(fmin(wait_h(row), known_h));
        p->origin.n_censored += p->censored[i];
    }
}

/* ---- Fitting */

struct meter {
    struct mir_progress progress;
    uint64_t shown;
};

static bool show_share(void *context, double done)
{
    struct meter *m = context;
    uint64_t now = (uint64_t)(fmin(fmax(done, 0), 1) * PROGRESS_STEPS);

    if (now > m->shown)
        mir_progress_add(&m->progress, now - m->shown);
    m->shown = now > m->shown ? now : m->shown;
    return false;
}

static int fit(struct pending *p, enum mir_wait_method method, struct mir_error *err)
{
    const struct mir_fit_data data = {p->log.features, p->y, p->censored, p->n_train,
                                      p->log.n_features};
    struct meter meter = {.shown = 0};
    const struct mir_fit_options options = {
        .seed = p->o->scene.seed,
        .n_threads = mir_train_threads(p->o),
        .progress = show_share,
        .context = &meter,
    };
    bool forest = method == MIR_WAIT_FOREST_Q;
    int rc;

    mir_progress_open(&meter.progress, forest ? "fit forest-q" : "fit xgb-q", PROGRESS_STEPS,
                      p->o->scene.quiet);
    rc = (forest ? mir_fit_forest_q : mir_fit_boost_q)(&data, mir_wait_levels,
                                                       MIR_N_WAIT_LEVELS_TRAINED, &options,
                                                       &p->trees[method], p->gain, err);
    mir_progress_close(&meter.progress);
    return rc;
}

/* ---- Scoring */

static uint16_t class_of(struct mir_evaluation *e, const struct mir_pending_row *row)
{
    return row->n_gpus > 0 ? mir_evaluation_class(e, 2, "with GPUs")
                           : mir_evaluation_class(e, 1, "without GPUs");
}

static void set_rows(struct pending *p)
{
    mir_evaluation_init(&p->e, p->log.n - p->n_train);
    for (size_t i = 0; i < p->e.n; i++) {
        const struct mir_pending_row *row = &p->log.rows[p->n_train + i];

        p->e.rows[i] = (struct mir_truth){
            .at = row->poll_at,
            .known_at = row->start_at,
            .wait_h = (float)wait_h(row),
            .class = class_of(&p->e, row),
            .n_nodes = row->n_nodes > 0 ? row->n_nodes : 1,
            .limit_s = row->limit_s,
        };
    }
}

static int by_hours(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void add_method(struct pending *p, enum mir_wait_method method)
{
    uint32_t number = p->e.n_predictions;
    struct mir_prediction *said = mir_evaluation_add(&p->e, mir_wait_method_name(method), true);

    for (size_t i = 0; i < p->e.n; i++) {
        const float *x = p->log.features + (p->n_train + i) * p->log.n_features;
        double grid[MIR_N_WAIT_LEVELS_TRAINED];
        float t[MIR_N_WAIT_LEVELS_TRAINED];

        mir_trees_predict(&p->trees[method], x, t);
        for (unsigned k = 0; k < MIR_N_WAIT_LEVELS_TRAINED; k++)
            grid[k] = mir_wait_from_t((double)t[k]);
        qsort(grid, MIR_N_WAIT_LEVELS_TRAINED, sizeof(*grid), by_hours);
        mir_prediction_set(said, i, grid);
    }
    mir_evaluation_calibrate(&p->e, number);
}

static int by_start(const void *a, const void *b)
{
    const struct mir_start *x = a, *y = b;

    return x->start_at < y->start_at ? -1 : x->start_at > y->start_at;
}

static void add_references(struct pending *p)
{
    struct mir_starts starts = {MIR_NEW_ARRAY(struct mir_start, p->log.n), p->log.n};

    for (size_t i = 0; i < p->log.n; i++) {
        const struct mir_pending_row *row = &p->log.rows[i];
        int64_t wait_s = row->start_at - row->poll_at;

        starts.list[i] = (struct mir_start){
            .start_at = row->start_at,
            .wait_s = wait_s < INT32_MAX ? (int32_t)wait_s : INT32_MAX,
            .limit_s = row->limit_s,
            .n_nodes = row->n_nodes > 0 ? row->n_nodes : 1,
        };
    }
    qsort(starts.list, starts.n, sizeof(*starts.list), by_start);
    mir_references_add(&p->e, &starts);
    mir_references_add_recent(&p->e, &starts);
    mir_starts_release(&starts);
}

/* ---- The report */

static void add_gains(struct pending *p)
{
    struct mir_evaluation_report *r = &p->report;
    bool taken[MIR_PENDING_FEATURES] = {false};

    for (; r->n_gains < MIR_MAX_GAINS && r->n_gains < p->log.n_features; r->n_gains++) {
        uint32_t best = UINT32_MAX;

        for (uint32_t f = 0; f < p->log.n_features; f++) {
            if (!taken[f] && (best == UINT32_MAX || p->gain[f] > p->gain[best]))
                best = f;
        }
        taken[best] = true;
        r->gains[r->n_gains] =
            (struct mir_gain){p->log.names[best], "", "as the file has it", (double)p->gain[best]};
    }
}

static void fill_report(struct pending *p, const char *command)
{
    struct mir_evaluation_report *r = &p->report;

    p->origin.from_at = p->log.rows[0].poll_at;
    p->origin.to_at = p->cut_at;
    p->origin.n_labels = p->n_train;
    p->origin.seed = p->o->scene.seed;
    snprintf(p->origin.source, sizeof p->origin.source, "%s", "the same file");
    r->e = &p->e;
    r->log = p->o->pending_path;
    r->model = "fit to the first part";
    r->command = command;
    r->version = MIR_VERSION;
    r->what = "jobs that were waiting";
    r->origin = &p->origin;
    r->from_at = p->cut_at;
    r->to_at = p->log.rows[p->log.n - 1].poll_at;
    add_gains(p);
}

static int run(struct pending *p, struct mir_error *err)
{
    int rc = mir_pending_log_read(p->o->pending_path, &p->log, err);

    if (rc == 0 && p->log.n_bad > 0)
        mir_train_note(p->o, "%" PRIu64 " lines skipped as bad", p->log.n_bad);
    if (rc == 0)
        rc = split(p, err);
    if (rc != 0)
        return rc;
    set_targets(p);
    rc = fit(p, MIR_WAIT_FOREST_Q, err);
    if (rc == 0)
        rc = fit(p, MIR_WAIT_XGB_Q, err);
    if (rc != 0)
        return rc;
    set_rows(p);
    add_method(p, MIR_WAIT_FOREST_Q);
    add_method(p, MIR_WAIT_XGB_Q);
    add_references(p);
    mir_evaluation_score(&p->e);
    return 0;
}

int mir_command_pending(const struct mir_train_options *options,
                        const char *command,
                        struct mir_error *err)
{
    struct pending p = {.o = options};
    int64_t began_ns = mir_clock_mono_ns();
    int rc = run(&p, err);

    if (rc == 0) {
        fill_report(&p, command);
        p.report.wall_s = (double)(mir_clock_mono_ns() - began_ns) * 1e-9;
        rc = mir_evaluation_print(options, &p.report, err);
    }
    mir_evaluation_release(&p.e);
    for (size_t i = 0; i < 2; i++)
        mir_trees_release(&p.trees[i]);
    free(p.y);
    free(p.censored);
    mir_pending_log_release(&p.log);
    return rc;
}
