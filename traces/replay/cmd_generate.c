/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmd_generate.c - a synthetic log, as Mirage's CSV. */
#include <errno.h>

#include "traces/generate/generate.h"
#include "traces/replay/commands.h"

static int
make_log(const struct mir_replay_options *o, struct mir_joblog *log, struct mir_error *err)
{
    struct mir_generate_params params;
    int rc = 0;

    mir_generate_default(&params);
    if (o->params != NULL)
        rc = mir_generate_params_read(o->params, &params, err);
    if (rc == 0)
        rc = mir_generate(&params, o->seed, o->duration_s, o->start_at, log, err);
    if (rc == 0)
        log->n_nodes = params.n_nodes;
    return rc;
}

int mir_command_generate(const struct mir_replay_options *options, struct mir_error *err)
{
    struct mir_joblog log;
    FILE *to;
    int rc;

    mir_joblog_init(&log);
    rc = make_log(options, &log, err);
    to = rc == 0 ? mir_output_open(options->output, err) : NULL;
    if (rc == 0 && to == NULL)
        rc = -EIO;
    if (rc == 0) {
        rc = mir_log_write(to, &log, err);
        rc = mir_output_close(to, options->output, rc, err);
    }
    if (rc == 0 && !options->quiet)
        fprintf(stderr, "mirage-replay: %zu jobs for a machine of %u nodes written\n", log.n_jobs,
                log.n_nodes);
    mir_joblog_release(&log);
    return rc;
}
