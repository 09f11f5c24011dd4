/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmd_run.c - policies compared on a log: run and together. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/progress.h"
#include "traces/replay/commands.h"
#include "traces/replay/episodes.h"
#include "traces/replay/report.h"
#include "traces/replay/scene.h"
#include "traces/replay/together.h"

/*
 * Where the user gives no window: not the log's first week, in which the
 * simulated machine is still filling, nor its last, after which no jobs arrive
 * and waits end too early; of a short log, its middle half.  And not the days
 * whose running jobs began before the log.
 */
static void default_window(const struct mir_scene *scene, int64_t *from_at, int64_t *to_at)
{
    const struct mir_workload *workload = &scene->workload;
    int64_t first_at = workload->jobs[0].submit_at;
    int64_t last_at = workload->jobs[workload->n_jobs - 1].submit_at;
    int64_t margin_s = (last_at - first_at) / 4;

    if (margin_s > 7 * 86400)
        margin_s = 7 * 86400;
    if (*to_at == INT64_MAX)
        *to_at = (last_at - margin_s) / 3600 * 3600;
    if (*from_at == INT64_MIN) {
        *from_at = (first_at + margin_s) / 3600 * 3600;
        if (scene->trusted_at > *from_at && scene->trusted_at < *to_at)
            *from_at = scene->trusted_at;
    }
    if (*to_at <= *from_at)
        *to_at = *from_at + 1;
}

static uint32_t count_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : n > 1024 ? 1024 : (uint32_t)n;
}

static void fill_episodes(const struct mir_replay_options *o,
                          const struct mir_scene *scene,
                          struct mir_wait_model *model,
                          struct mir_episodes *e)
{
    *e = (struct mir_episodes){
        .cluster = &scene->cluster,
        .workload = &scene->workload,
        .capacity = mir_scene_capacity(scene),
        .policies = o->policies,
        .n_policies = o->n_policies,
        .model = model,
        .weights = o->weights,
        .n_weights = o->n_weights,
        .shape = scene->shape,
        .n_jobs = o->chain.n_jobs,
        .every_s = o->every_s,
        .period_s = o->period_s,
        .warmup_s = o->warmup_s,
        .from_at = o->from_at,
        .to_at = o->to_at,
        .truth = o->truth,
        .protocol = o->protocol,
        .cold_arrivals_s = o->cold_arrivals_s,
        .cold_warmup_s = o->cold_warmup_s,
        .seed = o->seed,
        .n_threads = o->n_threads > 0 ? o->n_threads : count_cores(),
        .max_episodes = o->max_episodes,
    };
    default_window(scene, &e->from_at, &e->to_at);
}

/* ---- The model */

static int
open_model(const struct mir_replay_options *o, struct mir_wait_model **out, struct mir_error *err)
{
    return o->model == NULL ? 0 : mir_wait_model_load(o->model, out, err);
}

/* What a model says of the days that it learned from is no measure of what it can say of others. */
static int check_window(const struct mir_replay_options *o,
                        const struct mir_wait_model *model,
                        const struct mir_episodes *e,
                        struct mir_error *err)
{
    char from[32], to[32];

    if (model == NULL || o->in_sample || e->from_at >= model->origin.to_at ||
        e->to_at <= model->origin.from_at)
        return 0;
    return mir_error_set(err, -EINVAL,
                         "%s was trained on %.10s to %.10s, days of this run: no measure of what "
                         "it can do (--from and --to for other days, --in-sample to run it "
                         "nevertheless)",
                         o->model, mir_format_time(model->origin.from_at, from),
                         mir_format_time(model->origin.to_at, to));
}

static void describe_model(const struct mir_replay_options *o,
                           const struct mir_wait_model *model,
                           struct mir_comparison *out)
{
    if (model == NULL)
        return;
    out->model = mir_strdup(o->model);
    out->model_source = mir_strdup(model->origin.source);
    out->model_from_at = model->origin.from_at;
    out->model_to_at = model->origin.to_at;
}

static int run_together(const struct mir_replay_options *o,
                        struct mir_episodes *e,
                        struct mir_comparison *out,
                        struct mir_episodes_notes *notes,
                        struct mir_error *err)
{
    const struct mir_together t = {
        .episodes = e,
        .n_chains = o->n_chains,
        .spread_s = o->spread_s,
        .alone = o->alone,
    };
    struct mir_progress progress;
    int rc;

    mir_progress_open(&progress, "worlds", mir_together_count(&t), o->quiet);
    e->progress = &progress;
    rc = mir_together_run(&t, out, notes, err);
    mir_progress_close(&progress);
    return rc;
}

static int compare(const struct mir_replay_options *o,
                   const struct mir_scene *scene,
                   struct mir_wait_model *model,
                   struct mir_comparison *out,
                   struct mir_episodes_notes *notes,
                   struct mir_error *err)
{
    struct mir_progress progress;
    struct mir_episodes e;
    int rc;

    fill_episodes(o, scene, model, &e);
    rc = check_window(o, model, &e, err);
    if (rc != 0)
        return rc;
    if (o->verb == MIR_VERB_TOGETHER)
        return run_together(o, &e, out, notes, err);
    mir_progress_open(&progress, "episodes", mir_episodes_count(&e), o->quiet);
    e.progress = &progress;
    rc = mir_episodes_run(&e, out, notes, err);
    mir_progress_close(&progress);
    return rc;
}

static int print_result(const struct mir_replay_options *o,
                        const struct mir_comparison *c,
                        struct mir_error *err)
{
    FILE *to = mir_output_open(o->output, err);
    int rc;

    if (to == NULL)
        return -EIO;
    if (o->json)
        rc = mir_report_json(to, c, err);
    else if (o->csv)
        rc = mir_report_csv(to, c, err);
    else
        rc = mir_report_table(to, c, to == stdout && isatty(STDOUT_FILENO) == 1, err);
    return mir_output_close(to, o->output, rc, err);
}

typedef int (*write_f)(FILE *to, const struct mir_comparison *c, struct mir_error *err);

static int
write_file(const char *path, write_f write, const struct mir_comparison *c, struct mir_error *err)
{
    FILE *to = mir_output_open(path, err);

    if (to == NULL)
        return -EIO;
    return mir_output_close(to, path, write(to, c, err), err);
}

/* A policy that could not ask is not what its name says. */
static void print_model_notes(const struct mir_replay_options *o,
                              const struct mir_scene *scene,
                              const struct mir_wait_model *model,
                              const struct mir_comparison *c)
{
    uint32_t n_nodes = mir_cluster_nodes(&scene->cluster);

    for (uint32_t i = 0; i < c->n_rows; i++) {
        const struct mir_comparison_row *row = &c->rows[i];

        if (row->n_fell_back > 0)
            fprintf(stderr,
                    "mirage-replay: %s: %" PRIu64 " of %" PRIu64
                    " decisions were another policy's, %s\n",
                    row->policy, row->n_fell_back, row->n_decisions,
                    model == NULL ? "as it had no --model to ask"
                                  : "where the model did not know the method, chain or queue");
    }
    if (model != NULL && model->origin.n_nodes != n_nodes)
        fprintf(stderr, "mirage-replay: %s was trained on a machine of %u nodes, this has %u\n",
                o->model, model->origin.n_nodes, n_nodes);
}

static void print_notes(const struct mir_scene *scene,
                        const struct mir_comparison *c,
                        const struct mir_episodes_notes *notes)
{
    char text[32];

    if (c->from_at < scene->trusted_at)
        fprintf(stderr,
                "mirage-replay: the log begins in the middle of things: before %s it misses jobs "
                "that held nodes\n",
                mir_format_time(scene->trusted_at, text));
    if (notes->n_past_log > 0)
        fprintf(stderr,
                "mirage-replay: %u of %u episodes end after the log's last submission: nobody "
                "competes there, so their waits are too short\n",
                notes->n_past_log, c->n_episodes);
    if (notes->n_stuck > 0)
        fprintf(stderr,
                "mirage-replay: in %u of %u episodes a successor had not started after 60 days; it "
                "counts as an interruption of 30 days\n",
                notes->n_stuck, c->n_episodes);
}

static int
report(const struct mir_replay_options *o, const struct mir_comparison *c, struct mir_error *err)
{
    int rc = print_result(o, c, err);

    if (rc == 0 && o->report != NULL)
        rc = write_file(o->report, mir_report_html, c, err);
    if (rc == 0 && o->outcomes != NULL)
        rc = write_file(o->outcomes, mir_report_outcomes, c, err);
    if (rc == 0 && o->report != NULL && !o->quiet)
        fprintf(stderr, "mirage-replay: report written to %s\n", o->report);
    return rc;
}

int mir_command_run(const struct mir_replay_options *options,
                    const char *command,
                    struct mir_error *err)
{
    int64_t began_ns = mir_clock_mono_ns(), began_cpu_ns = mir_clock_cpu_ns();
    struct mir_episodes_notes notes = {0};
    struct mir_comparison c = {0};
    struct mir_wait_model *model = NULL;
    struct mir_scene scene = {0};
    int rc = open_model(options, &model, err);

    if (rc == 0)
        rc = mir_scene_open(options, false, &scene, err);
    c.cpu_s = (double)(mir_clock_cpu_ns() - began_cpu_ns) * 1e-9;
    if (rc == 0)
        rc = compare(options, &scene, model, &c, &notes, err);
    if (rc == 0) {
        describe_model(options, model, &c);
        c.log_path = mir_strdup(scene.name);
        c.command = mir_strdup(command);
        c.version = mir_strdup(MIR_VERSION);
        c.wall_s = (double)(mir_clock_mono_ns() - began_ns) * 1e-9;
        rc = report(options, &c, err);
    }
    if (rc == 0 && !options->quiet) {
        mir_scene_print_notes(&scene);
        print_model_notes(options, &scene, model, &c);
        print_notes(&scene, &c, &notes);
    }
    mir_wait_model_unref(model);
    mir_comparison_release(&c);
    mir_scene_release(&scene);
    return rc;
}
