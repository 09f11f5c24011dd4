/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmd_convert.c - any log, as Mirage's CSV. */
#include <errno.h>

#include "traces/replay/commands.h"
#include "traces/replay/scene.h"

int mir_command_convert(const struct mir_replay_options *options, struct mir_error *err)
{
    struct mir_joblog log;
    int rc = mir_scene_read_log(options, &log, err);
    FILE *to = rc == 0 ? mir_output_open(options->output, err) : NULL;

    if (rc == 0 && to == NULL)
        rc = -EIO;
    if (rc == 0) {
        rc = mir_log_write(to, &log, err);
        rc = mir_output_close(to, options->output, rc, err);
    }
    if (rc == 0 && !options->quiet)
        fprintf(stderr, "mirage-replay: %zu jobs written\n", log.n_jobs);
    mir_joblog_release(&log);
    return rc;
}
