/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cmd_fit.c - a log to a model.  Each step's result is kept in the work folder until
 * the model is written, and depends on the seed and nothing else.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/clock.h"
#include "daemon/core/parse.h"
#include "daemon/core/progress.h"
#include "daemon/core/str.h"
#include "models/train/check.h"
#include "models/train/commands.h"
#include "models/train/label_steps.h"
#include "models/train/machine.h"
#include "models/train/scoring.h"
#include "models/train/training.h"

enum { PROGRESS_STEPS = 1000 };

static const char FITTED[] = "fitted.model";

struct fitting {
    const struct mir_train_options *o;
    struct mir_train_world world;
    struct mir_work_folder folder;
    struct mir_label_steps labels;
    struct mir_paper_labels paper;
    struct mir_wait_model *model;
    struct mir_wait_model *current; /* the one in use, of --current; NULL: none to compare with */
    int64_t began_ns;
    bool out_of_time;
};

static bool wants_paper(const struct mir_train_options *o)
{
    return o->methods[MIR_WAIT_RF] || o->methods[MIR_WAIT_XGB];
}

/* When a share of the budget will be used up. */
static int64_t deadline_ns(const struct fitting *f, double share)
{
    if (f->o->budget_s == 0)
        return INT64_MAX;
    return f->began_ns + (int64_t)(share * (double)f->o->budget_s * 1e9);
}

/* ---- What the result depends on, in words */

static void add_shapes(struct mir_str *s, const char *what, const struct mir_request *r, uint32_t n)
{
    mir_str_addf(s, "%s", what);
    for (uint32_t i = 0; i < n; i++)
        mir_str_addf(s, " %ux%d", r[i].n_nodes, r[i].limit_s);
    if (n > 0)
        mir_str_addf(s, " partition %u account %u qos %u user %u nice %d", r->partition, r->account,
                     r->qos, r->user, r->nice);
    mir_str_add(s, "\n");
}

static int describe_run(const struct fitting *f, struct mir_str *s, struct mir_error *err)
{
    const struct mir_train_options *o = f->o;
    const struct mir_train_world *w = &f->world;
    uint64_t hash;
    int rc = mir_label_steps_hash(w, &hash, err);

    mir_str_addf(s, "version %s, features %s\n", MIR_VERSION, MIR_WAIT_FEATURE_SET);
    mir_str_addf(s, "log %016llx, %zu jobs, %u nodes, scheduler %s\n",
                 rc == 0 ? (unsigned long long)hash : 0, w->scene.workload.n_jobs,
                 mir_cluster_nodes(&w->scene.cluster),
                 mir_scheduler_name(w->scene.cluster.scheduler));
    mir_str_addf(s, "window %lld %lld\n", (long long)w->from_at, (long long)w->to_at);
    mir_str_addf(s, "every %d %d, seed %llu\n", o->every_s, w->probe_every_s,
                 (unsigned long long)o->scene.seed);
    add_shapes(s, "shapes", w->shapes, w->n_shapes);
    if (wants_paper(o))
        add_shapes(s, "paper shapes", w->paper_shapes, w->n_paper_shapes);
    mir_str_add(s, "scales");
    for (uint32_t i = 0; i < o->n_scales; i++)
        mir_str_addf(s, " %.17g", o->scales[i]);
    mir_str_add(s, "\nmethods");
    for (unsigned m = 0; m < MIR_N_WAIT_METHODS; m++)
        mir_str_addf(s, "%s%s", o->methods[m] ? " " : "",
                     o->methods[m] ? mir_wait_method_name((enum mir_wait_method)m) : "");
    mir_str_add(s, "\n");
    return rc;
}

static int open_folder(struct fitting *f, struct mir_error *err)
{
    struct mir_str run = {0};
    int rc = describe_run(f, &run, err);

    if (rc == 0)
        rc = mir_work_folder_open(f->o->scene.output, run.text, &f->folder, err);
    if (rc == 0 && f->folder.found)
        mir_train_note(f->o, "going on with what is in %s", f->folder.path);
    mir_str_release(&run);
    return rc;
}

/* ---- The model */

/* Without its folder: the same log gives the same model wherever it lies. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void fill_origin(const struct fitting *f, const struct mir_fit_rows *rows, int64_t now)
{
    struct mir_model_origin *origin = &f->model->origin;

    snprintf(origin->feature_set, sizeof origin->feature_set, "%s", MIR_WAIT_FEATURE_SET);
    snprintf(origin->source, sizeof origin->source, "%s", base_name(f->world.scene.name));
    snprintf(origin->program, sizeof origin->program, "mirage-train %s", MIR_VERSION);
    origin->trained_at = now;
    origin->from_at = f->world.from_at;
    origin->to_at = f->world.to_at;
    origin->seed = f->o->scene.seed;
    origin->n_labels = rows->n;
    origin->n_censored = rows->n_censored;
    origin->n_nodes = mir_cluster_nodes(&f->world.scene.cluster);
}

/* ---- Fitting */

struct meter {
    struct mir_progress progress;
    uint64_t shown;
    int64_t deadline_ns;
};

/* The fit calls from one thread at a time. */
static bool show_share(void *context, double done)
{
    struct meter *m = context;
    uint64_t now = (uint64_t)(fmin(fmax(done, 0), 1) * PROGRESS_STEPS);

    if (now > m->shown) {
        mir_progress_add(&m->progress, now - m->shown);
        m->shown = now;
    }
    return m->deadline_ns != INT64_MAX && mir_clock_mono_ns() > m->deadline_ns;
}

static int fit_method(const struct fitting *f,
                      enum mir_wait_method method,
                      const char *label,
                      const struct mir_fit_rows *rows,
                      struct mir_wait_model *model,
                      struct mir_error *err)
{
    struct meter meter = {.deadline_ns = deadline_ns(f, 1)};
    const struct mir_fit_options options = {
        .seed = f->o->scene.seed,
        .n_threads = mir_train_threads(f->o),
        .progress = show_share,
        .context = &meter,
    };
    struct mir_error why = {{0}};
    int rc;

    mir_progress_open(&meter.progress, label, PROGRESS_STEPS, f->o->scene.quiet);
    rc = mir_training_fit(method, rows, &f->paper, &options, model, &why);
    mir_progress_close(&meter.progress);
    return rc == 0 ? 0 : mir_error_set(err, rc, "%s: %s", mir_wait_method_name(method), why.text);
}

/* Methods that are in the work folder already. */
static void load_fitted(struct fitting *f)
{
    char path[4096];

    if (mir_wait_model_load(mir_work_folder_path(&f->folder, FITTED, path), &f->model, NULL) != 0)
        f->model = mir_wait_model_create();
}

static int save_fitted(const struct fitting *f, struct mir_error *err)
{
    char path[4096];

    return mir_wait_model_save(f->model, mir_work_folder_path(&f->folder, FITTED, path), err);
}

static int fit_methods(struct fitting *f, const struct mir_fit_rows *rows, struct mir_error *err)
{
    uint32_t n_fitted = 0;
    int rc = 0;

    load_fitted(f);
    for (unsigned m = 0; m < MIR_N_WAIT_METHODS && rc == 0; m++) {
        enum mir_wait_method method = (enum mir_wait_method)m;
        char label[32];

        snprintf(label, sizeof label, "fit %s", mir_wait_method_name(method));
        if (f->o->methods[m] && !mir_wait_model_has(f->model, method)) {
            rc = fit_method(f, method, label, rows, f->model, err);
            if (rc == 0)
                rc = save_fitted(f, err);
        }
        n_fitted += rc == 0 && f->o->methods[m];
    }
    if (rc != -ECANCELED)
        return rc;
    f->out_of_time = true;
    if (n_fitted > 0)
        return 0;
    return mir_error_set(err, -ETIME,
                         "--time-budget is used up and no method is fitted; what is done is kept "
                         "in %s, and the same command goes on from there",
                         f->folder.path);
}

/* ---- The check: the same, fitted to all but the last part, and scored there */

static void score(const struct fitting *f,
                  const struct mir_check_days *days,
                  const struct mir_wait_model *m,
                  struct mir_evaluation *out)
{
    const struct mir_scoring scoring = {
        .model = m,
        .labels = &f->labels.of_scale[0],
        .shapes = f->world.shapes,
        .n_shapes = f->world.n_shapes,
        .from_at = days->from_at,
        .to_at = days->to_at,
    };

    mir_scoring_run(&scoring, out);
}

static void
score_twin(struct fitting *f, const struct mir_check_days *days, const struct mir_wait_model *twin)
{
    struct mir_evaluation e;

    score(f, days, twin, &e);
    mir_check_add(f->model, (double)days->from_at, "check from");
    mir_check_add(f->model, (double)days->to_at, "check to");
    mir_check_add(f->model, (double)e.n, "check labels");
    mir_check_add_all(f->model, "check", &e);
    mir_evaluation_release(&e);
}

/* miraged looks for "current NAME" beside each "NAME" (daemon/engine/model.c). */
static void score_current(struct fitting *f, const struct mir_check_days *days)
{
    struct mir_evaluation e;

    if (f->current == NULL)
        return;
    mir_check_add(f->model, (double)f->current->origin.to_at, "current learned until");
    if (!days->compares) {
        mir_train_note(f->o, "--current: %s", MIR_CHECK_NOT_COMPARED);
        return;
    }
    score(f, days, f->current, &e);
    mir_check_add_all(f->model, "current check", &e);
    mir_evaluation_release(&e);
}

static int fit_check(struct fitting *f, const struct mir_check_days *days, struct mir_error *err)
{
    struct mir_wait_model *twin = mir_wait_model_create();
    struct mir_fit_rows rows = {0};
    int rc = 0;

    for (uint32_t i = 0; i < f->o->n_scales; i++)
        mir_fit_rows_add(&rows, &f->labels.of_scale[i], days->from_at);
    for (int m = MIR_WAIT_FOREST_Q; m <= MIR_WAIT_XGB_Q && rc == 0; m++) {
        char label[32];

        snprintf(label, sizeof label, "check %s", mir_wait_method_name((enum mir_wait_method)m));
        if (f->o->methods[m])
            rc = fit_method(f, (enum mir_wait_method)m, label, &rows, twin, err);
    }
    if (rc == 0) {
        score_twin(f, days, twin);
        score_current(f, days);
    }
    mir_fit_rows_release(&rows);
    mir_wait_model_unref(twin);
    return rc;
}

static int check(struct fitting *f, struct mir_error *err)
{
    int64_t current_to_at = f->current != NULL ? f->current->origin.to_at : INT64_MIN;
    struct mir_check_days days;
    struct mir_error why = {{0}};
    int rc;

    if (f->o->no_check || f->out_of_time)
        return 0;
    if (!mir_check_days(f->world.from_at, f->world.to_at, current_to_at, &days)) {
        mir_train_note(f->o, "the window is too short for a part to be held out: no check");
        return 0;
    }
    rc = fit_check(f, &days, &why);
    if (rc == -ENODATA) { /* good enough for a model, too little without its last part */
        mir_train_note(f->o, "no check: %s", why.text);
        return 0;
    }
    f->out_of_time = rc == -ECANCELED;
    return rc == 0 || rc == -ECANCELED ? 0 : mir_error_set(err, rc, "check: %s", why.text);
}

/* ---- All of it */

static int make_labels(struct fitting *f, struct mir_error *err)
{
    /* The first half of the budget for labels, the second for fitting. */
    int rc = mir_label_steps_run(f->o, &f->world, &f->folder, deadline_ns(f, 0.5), &f->labels, err);

    if (rc == 0 && f->labels.n_done < f->labels.n_steps)
        mir_train_note(f->o, "--time-budget: %u of %u parts of the labels", f->labels.n_done,
                       f->labels.n_steps);
    if (rc == 0 && wants_paper(f->o))
        rc = mir_label_steps_paper(f->o, &f->world, &f->paper, err);
    return rc;
}

static int make_model(struct fitting *f, int64_t now, struct mir_error *err)
{
    struct mir_fit_rows rows = {0};
    int rc;

    for (uint32_t i = 0; i < f->o->n_scales; i++)
        mir_fit_rows_add(&rows, &f->labels.of_scale[i], f->world.to_at);
    rc = fit_methods(f, &rows, err);
    if (rc == 0) {
        fill_origin(f, &rows, now);
        mir_fit_rows_ranges(&rows, f->model->ranges);
    }
    mir_fit_rows_release(&rows);
    for (uint32_t i = 0; i < f->o->n_scales && rc == 0; i++)
        mir_check_add(f->model, (double)f->labels.of_scale[i].n, "labels at scale %g",
                      f->o->scales[i]);
    if (rc == 0)
        rc = check(f, err);
    if (rc == 0 && f->out_of_time)
        mir_train_note(f->o, "--time-budget is used up: the model is without some of its methods, "
                             "or without its check");
    return rc;
}

static int refuse_to_replace(const struct mir_train_options *o, struct mir_error *err)
{
    if (o->force || access(o->scene.output, F_OK) != 0)
        return 0;
    return mir_error_set(err, -EEXIST, "%s is there already; --force replaces it", o->scene.output);
}

/* Before the work: a mistyped name is told at once.  A file that is no use is no reason to stop. */
static int open_current(struct fitting *f, struct mir_error *err)
{
    struct mir_error why = {{0}};
    int rc = 0;

    if (f->o->current_path != NULL)
        rc = mir_check_open_current(f->o->current_path, &f->current, &why);
    if (rc == -ENODATA) {
        mir_train_warn("--current: %s; not compared", why.text);
        return 0;
    }
    return rc == 0 ? 0 : mir_error_set(err, rc, "--current: %s", why.text);
}

static int fit(struct fitting *f, int64_t now, struct mir_error *err)
{
    int rc = mir_train_world_open(f->o, INT64_MAX, &f->world, err);

    if (rc == 0)
        rc = open_folder(f, err);
    if (rc == 0)
        rc = make_labels(f, err);
    if (rc == 0)
        rc = make_model(f, now, err);
    if (rc == 0)
        rc = mir_wait_model_save(f->model, f->o->scene.output, err);
    if (rc == 0)
        rc = mir_work_folder_remove(&f->folder, err);
    return rc;
}

int mir_command_fit(const struct mir_train_options *options, int64_t now, struct mir_error *err)
{
    struct fitting f = {.o = options, .folder = {.fd = -1}, .began_ns = mir_clock_mono_ns()};
    int rc = refuse_to_replace(options, err);

    if (rc == 0)
        rc = open_current(&f, err);
    if (rc == 0)
        rc = fit(&f, now, err);
    if (rc == 0 && !options->scene.quiet)
        mir_inspect_print(stdout, f.model, options->scene.output);
    mir_wait_model_unref(f.current);
    mir_wait_model_unref(f.model);
    mir_paper_labels_release(&f.paper);
    mir_label_steps_release(&f.labels);
    mir_work_folder_close(&f.folder);
    mir_train_world_close(&f.world);
    return rc;
}
