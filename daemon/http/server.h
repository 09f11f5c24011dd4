/*
 * server.h - one libmicrohttpd on one socket.  On the unix socket each connection
 * has a thread, since a command waits for the engine there; on TCP, where
 * nothing waits, one thread serves all.
 */
#ifndef MIR_HTTP_SERVER_H
#define MIR_HTTP_SERVER_H

#include <stdbool.h>

#include "daemon/core/error.h"
#include "daemon/http/deadline.h"
#include "daemon/http/routes.h"
#include "daemon/http/socket.h"

struct mir_server;

/*
 * Serve `socket` (whose descriptor is taken, also on failure) until
 * mir_server_destroy(); `routes` and `deadlines` are lent until then.
 * `deadline_ms` is that of `deadlines`.  Returns 0 or -EIO.
 */
int mir_server_create(const struct mir_routes *routes,
                      struct mir_deadlines *deadlines,
                      int deadline_ms,
                      const struct mir_socket *socket,
                      struct mir_server **out,
                      struct mir_error *err);

/* Accepts NULL.  Waits for the server's threads. */
void mir_server_destroy(struct mir_server *server);

/*
 * Does it answer?  Each call sends a request of its own and looks whether the
 * last one, or anybody's since, came to its end; false once that takes longer than
 * three deadlines.  Never waits.  One thread at a time.
 */
bool mir_server_alive(struct mir_server *server);

#endif
