/*
 * client.h - one request to the daemon's unix socket, one reply.  A connection
 * each; the daemon sees who asks by the socket itself.  Any thread.
 */
#ifndef MIR_CLI_CLIENT_H
#define MIR_CLI_CLIENT_H

#include "daemon/cli/reply.h"
#include "daemon/core/error.h"

/*
 * `method` "GET" or "POST", `target` a path with its query, `body` JSON or NULL.
 * Waits at most `timeout_ms` in all.  Returns 0 with `out->body` to be freed,
 * or a negative errno: -ENOENT, -ECONNREFUSED, -EACCES (nobody to talk to),
 * -ETIMEDOUT, -ENAMETOOLONG, -EPROTO, -EMSGSIZE, -EIO.
 */
int mir_cli_client_ask(const char *socket_path,
                       const char *method,
                       const char *target,
                       const char *body,
                       int timeout_ms,
                       struct mir_cli_reply *out,
                       struct mir_error *err);

#endif
