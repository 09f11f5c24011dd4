/*
 * process.h - a child of the server: a socket to talk, a pipe for what it says
 * on stderr, and a way to end it.  One thread.
 */
#ifndef MIR_BROKER_PROCESS_H
#define MIR_BROKER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/core/error.h"
#include "daemon/host/wire.h"

enum { MIR_PROCESS_WORDS_MAX = 240 };

struct mir_process {
    pid_t pid;      /* 0: none, or reaped */
    uid_t uid;      /* whom it becomes */
    int fd, err_fd; /* -1: closed; both non-blocking */
    struct mir_wire_input in;
    char words[MIR_PROCESS_WORDS_MAX + 1]; /* of the line that stderr is in */
    size_t n_words;
    char last_words[MIR_PROCESS_WORDS_MAX + 1]; /* the last whole line */
    unsigned n_told;                            /* lines handed out since told_from_ns */
    int64_t told_from_ns;
    int status;          /* as waitpid() gives it, once reaped */
    char killed_for[64]; /* why mir_process_kill() was called; "": it was not */
};

void mir_process_init(struct mir_process *p);

typedef int (*mir_process_main_f)(int fd, void *arg);

/*
 * Fork.  The child keeps /dev/null, its socket and its stderr, has default
 * signals (but for SIGTERM and SIGPIPE, which it ignores: a submission under
 * way is let finish) and exits with what `run` returns.  `uid` is whom it will
 * become, see mir_process_kill().  `lifetime_s` > 0: the kernel kills it after
 * so long, even when this process is no more.  Returns 0 or a negative errno.
 */
int mir_process_start(struct mir_process *p,
                      uid_t uid,
                      int lifetime_s,
                      mir_process_main_f run,
                      void *arg,
                      struct mir_error *err);

/*
 * SIGKILL; also for a child that has another uid by now, and without CAP_KILL.
 * The first `why` ("no answer within 40 s") is what mir_process_describe() says.
 */
void mir_process_kill(struct mir_process *p, const char *why);

/* True once, when the child has ended; `status` is set then. */
bool mir_process_reap(struct mir_process *p);

typedef void (*mir_process_line_f)(void *arg, const char *line);

/*
 * Read stderr and hand out whole lines, printable; at most 50 a minute, so that
 * a child cannot fill the log.
 */
void mir_process_listen(struct mir_process *p, mir_process_line_f f, void *arg, int64_t mono_ns);

/* "exited with status 1: fatal: ..."; after mir_process_reap(). */
void mir_process_describe(const struct mir_process *p, struct mir_str *out);

/* Closes and frees; a child that still runs is left alone. */
void mir_process_release(struct mir_process *p);

#endif
