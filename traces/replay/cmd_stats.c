/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmd_stats.c - what is in a log. */
#include <errno.h>

#include "traces/generate/generate.h"
#include "traces/replay/commands.h"
#include "traces/replay/scene.h"
#include "traces/sim/capacity.h"
#include "traces/stats/stats.h"

static int
write_fit(const struct mir_replay_options *o, const struct mir_joblog *log, struct mir_error *err)
{
    struct mir_generate_fit_options options;
    struct mir_generate_params params;
    FILE *to;
    int rc;

    mir_generate_fit_options_init(&options);
    options.from_at = o->from_at;
    options.to_at = o->to_at;
    options.n_nodes = o->n_nodes;
    rc = mir_generate_fit(log, &options, &params, err);
    if (rc != 0)
        return rc;
    to = mir_output_open(o->fit, err);
    if (to == NULL)
        return -EIO;
    return mir_output_close(to, o->fit, mir_generate_params_write(to, &params, err), err);
}

static int write_capacity(const struct mir_replay_options *o,
                          const struct mir_log_stats *stats,
                          struct mir_error *err)
{
    FILE *to;

    if (stats->steps.n_steps == 0)
        return mir_error_set(err, -ENODATA, "%s has no starts to estimate capacity from",
                             mir_scene_log_name(o));
    to = mir_output_open(o->capacity_out, err);
    if (to == NULL)
        return -EIO;
    return mir_output_close(to, o->capacity_out, mir_capacity_write(to, &stats->steps, err), err);
}

static int print_stats(const struct mir_replay_options *o,
                       const struct mir_log_stats *stats,
                       struct mir_error *err)
{
    int rc =
        o->json ? mir_log_stats_json(stdout, stats, err) : mir_log_stats_print(stdout, stats, err);

    return mir_output_close(stdout, NULL, rc, err);
}

static int
describe(const struct mir_replay_options *o, const struct mir_joblog *log, struct mir_error *err)
{
    struct mir_stats_options options;
    struct mir_log_stats stats;
    int rc;

    mir_stats_options_init(&options);
    options.from_at = o->from_at;
    options.to_at = o->to_at;
    rc = mir_log_stats_compute(log, &options, &stats, err);
    if (rc != 0)
        return rc;
    rc = print_stats(o, &stats, err);
    if (rc == 0 && o->capacity_out != NULL)
        rc = write_capacity(o, &stats, err);
    if (rc == 0 && o->fit != NULL)
        rc = write_fit(o, log, err);
    mir_log_stats_release(&stats);
    return rc;
}

int mir_command_stats(const struct mir_replay_options *options, struct mir_error *err)
{
    struct mir_joblog log;
    int rc = mir_scene_read_log(options, &log, err);

    if (rc == 0 && options->n_nodes > 0)
        log.n_nodes = log.n_procs = options->n_nodes;
    if (rc == 0)
        rc = describe(options, &log, err);
    mir_joblog_release(&log);
    return rc;
}
