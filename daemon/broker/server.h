/*
 * server.h - the broker's parent process: a poll(2) loop between the daemon's
 * connection and the children.  It never calls libslurm.  Single-threaded, for
 * it forks and changes credentials.
 */
#ifndef MIR_BROKER_SERVER_H
#define MIR_BROKER_SERVER_H

#include "daemon/broker/broker.h"
#include "daemon/broker/service.h"
#include "daemon/core/error.h"

/*
 * On SIGHUP: the new settings, lent until the next call; NULL with text: keep
 * the old ones.
 */
typedef const struct mir_broker_settings *(*mir_server_reload_f)(void *arg, struct mir_error *err);

struct mir_server_options {
    struct mir_server_ops ops;
    const char *slurm_version;  /* what hello says */
    mir_broker_log_f log;       /* may be NULL */
    mir_server_reload_f reload; /* may be NULL */
    void *arg;                  /* theirs */
};

/*
 * Make the socket `settings->socket_path` (mode 0660, the daemon's group) in a
 * folder that exists.  What an earlier broker left there is replaced; one that
 * still listens, or a file of another kind, is not.  Returns a descriptor or a
 * negative errno.
 */
int mir_server_listen(const struct mir_broker_settings *settings, struct mir_error *err);

/*
 * Make the spool if it is not there, refuse (-EPERM) one that others may enter,
 * lock it (-EBUSY: another broker has it) and sweep what dead captures left.
 * Returns a descriptor that holds the lock, or a negative errno.
 */
int mir_server_open_spool(const char *spool, struct mir_error *err);

/*
 * Serve until SIGTERM or SIGINT, then let running acts finish (a second signal:
 * do not).  Takes `listen_fd`.  Returns 0, or a negative errno when it cannot
 * begin.
 */
int mir_server_run(int listen_fd,
                   const struct mir_broker_settings *settings,
                   const struct mir_server_options *options,
                   struct mir_error *err);

#endif
