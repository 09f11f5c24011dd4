/*
 * loop.h - miraged's one thread of decisions: an sd-event loop that brings
 * together signals, the broker's socket, people's commands, time and the
 * watchdog.  All state that changes belongs to it.
 */
#ifndef MIR_MIRAGED_LOOP_H
#define MIR_MIRAGED_LOOP_H

#include "daemon/core/error.h"

/*
 * Run until SIGTERM or SIGINT; SIGHUP reads `config_path` again, whole or not at
 * all.  Returns 0, or a negative errno when it could not start.
 */
int mir_loop_run(const char *config_path, struct mir_error *err);

#endif
