/* SPDX-License-Identifier: GPL-3.0-or-later */
/* world.c - see world.h. */
#include "models/train/world.h"

#include <errno.h>

#include "daemon/core/parse.h"
#include "models/train/log_cut.h"
#include "models/train/machine.h"

enum { DAY_S = 86400, WEEK_S = 7 * DAY_S, PROBE_EVERY_S = 90 * 60, PROBES_MAX = 32 };

static int64_t last_submission(const struct mir_joblog *log)
{
    int64_t last_at = INT64_MIN;

    for (size_t i = 0; i < log->n_jobs; i++)
        last_at = log->jobs[i].submit_at > last_at ? log->jobs[i].submit_at : last_at;
    return last_at;
}

/* Not the first week, in which the simulated machine still fills; of a short log a quarter. */
static int64_t default_from(const struct mir_train_world *w)
{
    int64_t first_at = w->scene.workload.jobs[0].submit_at;
    int64_t margin_s = (w->last_at - first_at) / 4;
    int64_t from_at = first_at + (margin_s > WEEK_S ? WEEK_S : margin_s);

    return w->scene.trusted_at > from_at ? w->scene.trusted_at : from_at;
}

static int
read_log(const struct mir_train_options *o, struct mir_train_world *w, struct mir_error *err)
{
    struct mir_joblog *log = &w->scene.log;
    int rc = mir_scene_read_log(&o->scene, log, err);

    if (rc != 0)
        return rc;
    w->last_at = last_submission(log);
    w->to_at = o->scene.to_at;
    /* A quiet day may be the end of a log; later than that it says nothing of the queue. */
    if (w->to_at == INT64_MAX || w->to_at - w->last_at > DAY_S)
        w->to_at = w->last_at + 1;
    if (o->verb == MIR_TRAIN_FIT)
        mir_joblog_forget_after(log, w->to_at);
    if (log->n_jobs > 0)
        return 0;
    return mir_error_set(err, -ENODATA, "%s has no job before --to", w->scene.name);
}

static int check_window(const struct mir_train_options *o,
                        const struct mir_train_world *w,
                        struct mir_error *err)
{
    char from[32], to[32];

    if (w->from_at < w->to_at)
        return 0;
    return mir_error_set(err, -EINVAL, "%s: nothing to %s from %s to %s UTC: give --from and --to",
                         w->scene.name, o->verb == MIR_TRAIN_FIT ? "learn" : "score",
                         mir_format_time(w->from_at, from), mir_format_time(w->to_at, to));
}

/* ---- The requests */

static double smallest_scale(const struct mir_train_options *o)
{
    double least = 1;

    for (uint32_t i = 0; i < o->n_scales && o->verb == MIR_TRAIN_FIT; i++)
        least = o->scales[i] < least ? o->scales[i] : least;
    return least;
}

static int set_requests(const char *option,
                        const struct mir_shapes *shapes,
                        const struct mir_scene *scene,
                        uint32_t largest,
                        struct mir_request *out,
                        struct mir_error *err)
{
    for (uint32_t i = 0; i < shapes->n; i++) {
        out[i] = scene->shape;
        out[i].n_nodes = shapes->list[i].n_nodes;
        out[i].limit_s = out[i].run_s = shapes->list[i].limit_s;
        if (out[i].n_nodes > largest)
            return mir_error_set(err, -EINVAL,
                                 "%s: %u nodes are more than the %u that a job may have here "
                                 "(on the smallest machine of --load-scales)",
                                 option, out[i].n_nodes, largest);
    }
    return 0;
}

/* Where jobs run for a week, submissions every 90 minutes tell the same again and again. */
static int32_t choose_probe_period(const struct mir_train_options *o,
                                   const struct mir_train_world *w)
{
    int32_t period_s = PROBE_EVERY_S;

    if (o->probe_every_s > 0)
        return o->probe_every_s;
    for (uint32_t i = 0; i < w->n_shapes; i++) {
        if (w->shapes[i].limit_s / PROBES_MAX > period_s)
            period_s = w->shapes[i].limit_s / PROBES_MAX;
    }
    return period_s;
}

static int choose_shapes(const struct mir_train_options *o,
                         int64_t learned_until_at,
                         struct mir_train_world *w,
                         struct mir_error *err)
{
    struct mir_shapes shapes = o->shapes;
    struct mir_machine smallest;
    uint32_t largest;
    int rc;

    mir_machine_init(&smallest, &w->scene, smallest_scale(o));
    largest = mir_machine_largest(&smallest, &w->scene.shape);
    mir_machine_release(&smallest);
    if (shapes.n == 0)
        mir_shapes_choose(&w->scene.workload, largest, learned_until_at, &shapes);
    w->n_shapes = shapes.n;
    w->n_paper_shapes = o->paper_shapes.n;
    rc = set_requests("--shapes", &shapes, &w->scene, largest, w->shapes, err);
    w->probe_every_s = choose_probe_period(o, w);
    if (rc == 0 && (o->methods[MIR_WAIT_RF] || o->methods[MIR_WAIT_XGB]))
        rc = set_requests("--paper-shapes", &o->paper_shapes, &w->scene, largest, w->paper_shapes,
                          err);
    return rc;
}

int mir_train_world_open(const struct mir_train_options *options,
                         int64_t learned_until_at,
                         struct mir_train_world *out,
                         struct mir_error *err)
{
    int rc;

    *out = (struct mir_train_world){0};
    out->scene.name = mir_scene_log_name(&options->scene);
    out->scene.trusted_at = INT64_MIN;
    rc = read_log(options, out, err);
    if (rc == 0)
        rc = mir_scene_make(&options->scene, false, &out->scene, err);
    if (rc != 0)
        return rc;
    out->from_at = options->scene.from_at != INT64_MIN ? options->scene.from_at : default_from(out);
    rc = check_window(options, out, err);
    return rc == 0 ? choose_shapes(options, learned_until_at, out, err) : rc;
}

void mir_train_world_close(struct mir_train_world *world)
{
    mir_scene_release(&world->scene);
}
