/*
 * commands.h - the verbs of mirage-replay.  They print results on standard
 * output (or where the options say) and notes on stderr; what fails is told in
 * `err` and printed by main.  Each returns 0 or a negative errno.
 */
#ifndef MIR_REPLAY_COMMANDS_H
#define MIR_REPLAY_COMMANDS_H

#include <stdio.h>

#include "daemon/core/error.h"
#include "traces/replay/options.h"

/* For together, too.  `command` is the command line as it was typed, for the report. */
int mir_command_run(const struct mir_replay_options *options,
                    const char *command,
                    struct mir_error *err);
int mir_command_schedule(const struct mir_replay_options *options, struct mir_error *err);
int mir_command_stats(const struct mir_replay_options *options, struct mir_error *err);
int mir_command_convert(const struct mir_replay_options *options, struct mir_error *err);
int mir_command_generate(const struct mir_replay_options *options, struct mir_error *err);

/* A file to write to; standard output for NULL and "-".  NULL with `err` set on failure. */
FILE *mir_output_open(const char *path, struct mir_error *err);

/*
 * Flush and close (standard output stays open).  `rc` is what writing returned
 * and comes back; if it was 0, a write that failed only now is told.
 */
int mir_output_close(FILE *file, const char *path, int rc, struct mir_error *err);

#endif
