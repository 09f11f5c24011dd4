/*
 * child.h - another program, run for its answer.  One thread.
 */
#ifndef MIR_CLI_CHILD_H
#define MIR_CLI_CHILD_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"

struct mir_child {
    pid_t pid;
    FILE *out; /* its standard output */
};

/*
 * Start `argv[0]` (looked for in PATH) with the caller's environment, standard
 * input and standard error.  Returns 0, or a negative errno when there is no such
 * program.  Ends with mir_child_wait().
 */
int mir_child_start(const char *const *argv, struct mir_child *out, struct mir_error *err);

/* Close and wait: the exit status, 128 + the signal, or a negative errno. */
int mir_child_wait(struct mir_child *child);

/* Start, read all it prints (1 MiB at most) into `text`, wait; as mir_child_wait(). */
int mir_child_read(const char *const *argv, struct mir_str *text, struct mir_error *err);

/* Is there such a program in PATH (or at that path)? */
bool mir_child_found(const char *program);

#endif
