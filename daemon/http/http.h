/*
 * http.h - the API: JSON over HTTP/1.1 at /api/v1, twice.  On the unix socket
 * people ask and act, and the kernel says who they are (SO_PEERCRED); on
 * loopback TCP the same GETs are read-only, without names of users unless
 * allowed, behind a Host allow-list.  Each has a libmicrohttpd of its own, so
 * that a slow client on TCP never keeps an admin waiting; each connection has 10
 * seconds for a whole request, however it drips.
 *
 * Its threads read the published view (daemon/engine/view.h) and put commands
 * into the mailbox; they touch nothing else.  README.md lists the requests.
 */
#ifndef MIR_HTTP_HTTP_H
#define MIR_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/engine/view.h"

struct mir_http_settings {
    const char *socket_path;  /* made with mode 0666; a stale socket is replaced */
    const char *listen;       /* "127.0.0.1:8642", "[::1]:8642"; "" or NULL: no TCP */
    const char *const *hosts; /* NULL-terminated: allowed beside localhost, 127.0.0.1, [::1] */
    const uint32_t *admin_uids;
    size_t n_admin_uids; /* uid 0 always is one */
    bool show_users;     /* on TCP */
    int deadline_ms;     /* 10000; of a whole request, then of reading the reply; and how long
                             a command waits for the engine to take it */
    int64_t stale_s;     /* /healthz fails when the loop has not gone round for so long */
};

struct mir_http;

/*
 * Serve until mir_http_destroy(), which waits for its threads.  `board` and `box`
 * are lent; the box is opened here and closed by mir_http_destroy(), so that who
 * waits for the engine is let go when the engine's own thread ends the server.
 * Settings are copied.  Returns 0 or a negative errno (-EADDRINUSE, -EACCES, -EINVAL).
 */
int mir_http_create(const struct mir_http_settings *settings,
                    struct mir_view_board *board,
                    struct mir_mailbox *box,
                    struct mir_http **out,
                    struct mir_error *err);
void mir_http_destroy(struct mir_http *http); /* accepts NULL */

/*
 * Are the servers answering?  For the watchdog.  Each call sends both a request
 * and looks whether the last one was answered; it never waits.  False after three
 * deadlines without one (also when the socket's file is gone), and for NULL.  One thread at a time.
 */
bool mir_http_alive(const struct mir_http *http);

/* The TCP port in use (as chosen by the system when `listen` says 0); 0: no TCP. */
uint16_t mir_http_port(const struct mir_http *http);

#endif
