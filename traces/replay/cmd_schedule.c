/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmd_schedule.c - a log, or a slice of it, through the simulator. */
#include <errno.h>

#include "daemon/core/clock.h"
#include "traces/replay/commands.h"
#include "traces/replay/schedule_print.h"
#include "traces/sim/sim.h"

static int make_sim(const struct mir_replay_options *o,
                    const struct mir_scene *scene,
                    struct mir_sim **out,
                    struct mir_error *err)
{
    struct mir_sim_options options;

    mir_sim_options_init(&options);
    options.cluster = &scene->cluster;
    options.workload = &scene->workload;
    options.capacity = mir_scene_capacity(scene);
    options.event_order = o->event_order;
    options.node_identity = o->node_identity;
    options.keep_starts = true;
    options.from_at = scene->workload.jobs[0].submit_at - o->phase_s;
    return mir_sim_create(&options, out, err);
}

/*
 * The window's jobs.  With --cold they are all there is; without, the whole log
 * is simulated, as jobs from before and after compete with the window's.
 */
static int find_slice(const struct mir_replay_options *o,
                      const struct mir_scene *scene,
                      struct mir_schedule_slice *out,
                      struct mir_error *err)
{
    out->workload = &scene->workload;
    out->n_nodes = mir_cluster_nodes(&scene->cluster);
    out->first = mir_workload_find(&scene->workload, o->from_at);
    out->end = mir_workload_find(&scene->workload, o->to_at);
    if (out->first >= out->end)
        return mir_error_set(err, -ENODATA, "%s has no job from --from to --to", scene->name);
    return 0;
}

static int
write_starts(const char *path, const struct mir_schedule_slice *slice, struct mir_error *err)
{
    FILE *to = mir_output_open(path, err);

    if (to == NULL)
        return -EIO;
    mir_schedule_print_starts(to, slice);
    return mir_output_close(to, path, 0, err);
}

static int
report(const struct mir_replay_options *o, struct mir_schedule_result *r, struct mir_error *err)
{
    struct mir_wait_matches matches;

    mir_schedule_figures(&r->slice, &r->figures);
    if (o->compare) {
        mir_wait_matches(&r->slice, &matches);
        r->matches = &matches;
    }
    if (o->json)
        mir_schedule_print_json(stdout, r);
    else
        mir_schedule_print(stdout, r);
    r->matches = NULL;
    return mir_output_close(stdout, NULL, 0, err);
}

static int
simulate(const struct mir_replay_options *o, const struct mir_scene *scene, struct mir_error *err)
{
    struct mir_schedule_result r = {.scene = scene};
    struct mir_sim *sim = NULL;
    int64_t began_ns;
    int rc = find_slice(o, scene, &r.slice, err);

    if (rc == 0)
        rc = make_sim(o, scene, &sim, err);
    if (rc != 0)
        return rc;
    began_ns = mir_clock_cpu_ns();
    mir_sim_run(sim);
    r.cpu_s = (double)(mir_clock_cpu_ns() - began_ns) * 1e-9;
    r.counters = *mir_sim_counters(sim);
    r.slice.start_at = mir_sim_starts(sim);
    if (o->output != NULL)
        rc = write_starts(o->output, &r.slice, err);
    if (rc == 0)
        rc = report(o, &r, err);
    mir_sim_destroy(sim);
    return rc;
}

int mir_command_schedule(const struct mir_replay_options *options, struct mir_error *err)
{
    struct mir_scene scene;
    int rc = mir_scene_open(options, options->cold, &scene, err);

    if (rc == 0)
        rc = simulate(options, &scene, err);
    if (rc == 0 && !options->quiet)
        mir_scene_print_notes(&scene);
    mir_scene_release(&scene);
    return rc;
}
