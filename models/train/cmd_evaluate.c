/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmd_evaluate.c - a model held against what came later. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/parse.h"
#include "daemon/core/progress.h"
#include "models/train/commands.h"
#include "models/train/leak.h"
#include "models/train/machine.h"
#include "models/train/paper_labels.h"
#include "models/train/report.h"
#include "models/train/scoring.h"
#include "models/train/world.h"
#include "traces/replay/commands.h"

/*
 * The last submissions of a log are left out: the waits of those that were short are
 * known, of the others not, and scoring only the first would flatter everybody.
 */
enum { SETTLE_S = 2 * 86400 };

/* Where the features are held against worlds with another future. */
enum { LEAK_INSTANTS = 5, LEAK_WORLDS = 3, LEAK_REQUESTS = 8 };

struct evaluating {
    const struct mir_train_options *o;
    struct mir_wait_model *model;
    struct mir_train_world world;
    struct mir_machine machine;
    struct mir_sim_options sim;
    struct mir_job_timeline timeline;
    struct mir_labels labels;
    struct mir_evaluation e;
    struct mir_evaluation_report report;
    char leak[256];
};

/* ---- What may be scored */

/* A later window is the only honest one: the model knows what came before its end. */
static int check_split(const struct evaluating *v, int64_t from_at, struct mir_error *err)
{
    const struct mir_model_origin *origin = &v->model->origin;
    char from[32], to[32];

    if (from_at >= origin->to_at || v->o->in_sample)
        return 0;
    return mir_error_set(err, -EINVAL,
                         "%s has learned from what happened until %s UTC, and the window begins "
                         "at %s: a score there says nothing (--in-sample prints it all the same)",
                         v->o->model_path, mir_format_time(origin->to_at, to),
                         mir_format_time(from_at, from));
}

/* Without --from, from the model's end on. */
static int open_world(struct evaluating *v, struct mir_error *err)
{
    struct mir_train_options o = *v->o;
    int64_t settled_at;
    int rc;

    if (o.scene.from_at == INT64_MIN)
        o.scene.from_at = v->model->origin.to_at;
    rc = check_split(v, o.scene.from_at, err);
    if (rc == 0)
        rc = mir_train_world_open(&o, v->model->origin.to_at, &v->world, err);
    if (rc != 0)
        return rc;
    settled_at = v->world.last_at - SETTLE_S;
    if (v->world.to_at > settled_at) {
        char text[32];

        mir_train_note(&o,
                       "the log ends: submissions after %s UTC are left out, as their waits "
                       "are not known",
                       mir_format_time(settled_at, text));
        v->world.to_at = settled_at;
    }
    if (v->world.from_at < v->world.to_at)
        return 0;
    return mir_error_set(err, -ENODATA, "%s ends too soon after --from to score anything",
                         v->world.scene.name);
}

/* ---- Labels */

static int32_t longest_limit_s(const struct mir_train_world *w)
{
    int32_t longest_s = 0;

    for (uint32_t i = 0; i < w->n_shapes; i++)
        longest_s = w->shapes[i].limit_s > longest_s ? w->shapes[i].limit_s : longest_s;
    return longest_s;
}

static struct mir_labels_options labels_options(const struct evaluating *v)
{
    const struct mir_train_world *w = &v->world;

    return (struct mir_labels_options){
        .sim = &v->sim,
        .timeline = &v->timeline,
        .shapes = w->shapes,
        .n_shapes = w->n_shapes,
        /* Predecessors from before, so that there are submissions from the first hour on. */
        .from_at = w->from_at - longest_limit_s(w),
        .to_at = w->to_at,
        .known_until_at = w->last_at,
        .every_s = v->o->every_s,
        .probe_every_s = w->probe_every_s,
        .seed = v->o->scene.seed,
        .n_threads = mir_train_threads(v->o),
    };
}

static int make_labels(struct evaluating *v, struct mir_error *err)
{
    struct mir_labels_options options;
    struct mir_progress progress;
    int rc;

    mir_machine_init(&v->machine, &v->world.scene, 1);
    mir_machine_options(&v->machine, &v->sim);
    rc = mir_job_timeline_create(&v->sim, &v->timeline, err);
    if (rc != 0)
        return rc;
    options = labels_options(v);
    options.progress = &progress;
    mir_progress_open(&progress, "labels", mir_labels_episodes(&options), v->o->scene.quiet);
    rc = mir_labels_make(&options, &v->labels, err);
    mir_progress_close(&progress);
    return rc;
}

/* ---- Does a feature see the future? */

static int check_leaks(struct evaluating *v, struct mir_error *err)
{
    const struct mir_train_world *w = &v->world;
    int64_t instants[LEAK_INSTANTS], length_s = w->to_at - w->from_at;
    const struct mir_leak_options options = {
        .sim = &v->sim,
        .requests = w->shapes,
        .n_requests = w->n_shapes < LEAK_REQUESTS ? w->n_shapes : LEAK_REQUESTS,
        .instants = instants,
        .n_instants = LEAK_INSTANTS,
        .n_worlds = LEAK_WORLDS,
        .seed = v->o->scene.seed,
    };
    struct mir_leak_report *report = MIR_NEW(struct mir_leak_report);
    int rc;

    for (int i = 0; i < LEAK_INSTANTS; i++)
        instants[i] = w->from_at + length_s * (2 * i + 1) / (2 * LEAK_INSTANTS);
    rc = mir_leak_check(&options, report, err);
    if (rc == 0)
        mir_leak_text(report, v->leak, sizeof v->leak);
    else if (rc == -ENODATA)
        snprintf(v->leak, sizeof v->leak, "no leak check: the window has no future to change");
    if (rc == 0 && report->n_leaks > 0)
        rc = mir_error_set(err, -EINVAL, "a score would be worth nothing: %s", v->leak);
    free(report);
    return rc == -ENODATA ? 0 : rc;
}

/* ---- The paper's methods, on samples of their kind */

struct outcome_sum {
    double absolute, plain;
    size_t n;
};

static void add_outcome(struct outcome_sum *s, double said_h, const struct mir_label *label)
{
    double error = said_h - ((double)label->wait_h - (double)label->left_h);

    s->absolute += fabs(error);
    s->plain += error;
    s->n++;
}

static double say_outcome(const struct mir_wait_model *m,
                          enum mir_wait_method method,
                          const struct mir_paper_labels *samples,
                          size_t i)
{
    if (method == MIR_WAIT_RF || method == MIR_WAIT_XGB)
        return mir_wait_model_outcome(m, method, samples->states + i * MIR_PAPER_STATE);
    return mir_wait_model_quantile(m, method, samples->rows[i].features, 0.5) -
           (double)samples->rows[i].left_h;
}

static void score_outcomes(struct evaluating *v, const struct mir_paper_labels *samples)
{
    for (int m = 0; m < MIR_N_WAIT_METHODS; m++) {
        enum mir_wait_method method = (enum mir_wait_method)m;
        struct mir_outcome_score *out = &v->report.outcomes[v->report.n_outcomes];
        struct outcome_sum sum = {0};

        if (!mir_wait_model_has(v->model, method))
            continue;
        for (size_t i = 0; i < samples->n; i++) {
            const struct mir_label *label = &samples->rows[i];

            if (!label->censored && label->at >= v->world.from_at && label->at < v->world.to_at)
                add_outcome(&sum, say_outcome(v->model, method, samples, i), label);
        }
        snprintf(out->name, sizeof out->name, "%s", mir_wait_method_name(method));
        out->n = sum.n;
        out->mae_h = sum.n > 0 ? sum.absolute / (double)sum.n : NAN;
        out->bias_h = sum.n > 0 ? sum.plain / (double)sum.n : NAN;
        v->report.n_outcomes++;
    }
}

static int evaluate_paper(struct evaluating *v, struct mir_error *err)
{
    struct mir_labels_options options = labels_options(v);
    struct mir_paper_labels samples = {0};
    struct mir_progress progress;
    int rc;

    if (!mir_wait_model_has(v->model, MIR_WAIT_RF) && !mir_wait_model_has(v->model, MIR_WAIT_XGB))
        return 0;
    options.shapes = v->world.paper_shapes;
    options.n_shapes = v->world.n_paper_shapes;
    options.every_s = MIR_PAPER_EVERY_S;
    options.progress = &progress;
    mir_progress_open(&progress, "labels of the paper", mir_labels_episodes(&options),
                      v->o->scene.quiet);
    rc = mir_paper_labels_make(&options, &samples, err);
    mir_progress_close(&progress);
    if (rc == 0)
        score_outcomes(v, &samples);
    mir_paper_labels_release(&samples);
    return rc;
}

/* ---- The reports */

static void add_gains(struct evaluating *v)
{
    struct mir_evaluation_report *r = &v->report;
    bool taken[MIR_N_WAIT_FEATURES] = {false};

    for (r->n_gains = 0; r->n_gains < MIR_MAX_GAINS; r->n_gains++) {
        unsigned best = MIR_N_WAIT_FEATURES;

        for (unsigned f = 0; f < MIR_N_WAIT_FEATURES; f++) {
            if (!taken[f] && v->model->importance[f] > 0 &&
                (best == MIR_N_WAIT_FEATURES ||
                 v->model->importance[f] > v->model->importance[best]))
                best = f;
        }
        if (best == MIR_N_WAIT_FEATURES)
            return;
        taken[best] = true;
        r->gains[r->n_gains] = (struct mir_gain){
            .name = mir_wait_feature_table[best].name,
            .unit = mir_wait_feature_table[best].unit,
            .text = mir_wait_feature_table[best].text,
            .share = (double)v->model->importance[best],
        };
    }
}

static void fill_report(struct evaluating *v, const char *command)
{
    struct mir_evaluation_report *r = &v->report;

    r->e = &v->e;
    r->log = v->world.scene.name;
    r->model = v->o->model_path;
    r->command = command;
    r->version = MIR_VERSION;
    r->what = "submissions";
    r->origin = &v->model->origin;
    r->checksum = v->model->checksum;
    r->from_at = v->world.from_at;
    r->to_at = v->world.to_at;
    r->n_nodes = mir_cluster_nodes(&v->world.scene.cluster);
    r->in_sample = v->world.from_at < v->model->origin.to_at;
    r->leak = v->leak;
    add_gains(v);
}

static int evaluate(struct evaluating *v, struct mir_error *err)
{
    struct mir_scoring scoring;
    int rc = make_labels(v, err);

    if (rc == 0)
        rc = check_leaks(v, err);
    if (rc == 0)
        rc = evaluate_paper(v, err);
    if (rc != 0)
        return rc;
    scoring = (struct mir_scoring){
        .model = v->model,
        .labels = &v->labels,
        .shapes = v->world.shapes,
        .n_shapes = v->world.n_shapes,
        .from_at = v->world.from_at,
        .to_at = v->world.to_at,
        .timeline = &v->timeline,
    };
    mir_scoring_run(&scoring, &v->e);
    if (v->e.n > 0)
        return 0;
    return mir_error_set(err, -ENODATA, "%s: no submission could be tried in the window",
                         v->world.scene.name);
}

int mir_command_evaluate(const struct mir_train_options *options,
                         const char *command,
                         struct mir_error *err)
{
    struct evaluating v = {.o = options};
    struct mir_train_options with_methods = *options;
    int64_t began_ns = mir_clock_mono_ns();
    int rc = mir_wait_model_load(options->model_path, &v.model, err);

    if (rc == 0) {
        for (int m = 0; m < MIR_N_WAIT_METHODS; m++)
            with_methods.methods[m] = mir_wait_model_has(v.model, (enum mir_wait_method)m);
        v.o = &with_methods;
        rc = open_world(&v, err);
    }
    if (rc == 0)
        rc = evaluate(&v, err);
    if (rc == 0) {
        fill_report(&v, command);
        v.report.wall_s = (double)(mir_clock_mono_ns() - began_ns) * 1e-9;
        rc = mir_evaluation_print(options, &v.report, err);
    }
    mir_evaluation_release(&v.e);
    mir_labels_release(&v.labels);
    mir_job_timeline_release(&v.timeline);
    mir_machine_release(&v.machine);
    mir_train_world_close(&v.world);
    mir_wait_model_unref(v.model);
    return rc;
}

/* ---- Where the reports go */

static int print_result(const struct mir_train_options *o,
                        const struct mir_evaluation_report *r,
                        struct mir_error *err)
{
    FILE *to = mir_output_open(o->scene.output, err);
    int rc;

    if (to == NULL)
        return -EIO;
    if (o->scene.json)
        rc = mir_evaluation_json(to, r, err);
    else if (o->scene.csv)
        rc = mir_evaluation_csv(to, r, err);
    else
        rc = mir_evaluation_table(to, r, to == stdout && isatty(STDOUT_FILENO) == 1, err);
    return mir_output_close(to, o->scene.output, rc, err);
}

int mir_evaluation_print(const struct mir_train_options *o,
                         const struct mir_evaluation_report *r,
                         struct mir_error *err)
{
    int rc = print_result(o, r, err);
    FILE *to;

    if (rc != 0 || o->scene.report == NULL)
        return rc;
    to = mir_output_open(o->scene.report, err);
    if (to == NULL)
        return -EIO;
    rc = mir_output_close(to, o->scene.report, mir_evaluation_html(to, r, err), err);
    if (rc == 0)
        mir_train_note(o, "report written to %s", o->scene.report);
    return rc;
}
