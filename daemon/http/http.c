/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http.c - the API on the unix socket and, if wanted, on loopback TCP. */
#include "daemon/http/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/http/deadline.h"
#include "daemon/http/routes.h"
#include "daemon/http/server.h"
#include "daemon/http/socket.h"

struct mir_http {
    struct mir_routes routes;
    char **hosts; /* own copies of what the settings lend */
    uint32_t *admin_uids;
    struct mir_deadlines *deadlines;
    struct mir_socket unix_socket; /* fd -1: not made */
    struct mir_server *unix_server, *tcp_server;
    uint16_t port;
};

static char **copy_names(const char *const *names)
{
    size_t n = 0;
    char **copy;

    while (names != NULL && names[n] != NULL)
        n++;
    copy = MIR_NEW_ARRAY(char *, n + 1);
    for (size_t i = 0; i < n; i++)
        copy[i] = mir_strdup(names[i]);
    return copy;
}

static void free_names(char **names)
{
    for (char **name = names; name != NULL && *name != NULL; name++)
        free(*name);
    free(names);
}

static struct mir_http *http_new(const struct mir_http_settings *settings,
                                 struct mir_view_board *board,
                                 struct mir_mailbox *box)
{
    struct mir_http *http = MIR_NEW(struct mir_http);
    size_t n = settings->n_admin_uids;

    http->hosts = copy_names(settings->hosts);
    http->admin_uids = MIR_NEW_ARRAY(uint32_t, n);
    if (n > 0)
        memcpy(http->admin_uids, settings->admin_uids, n * sizeof(*http->admin_uids));
    http->unix_socket.fd = -1;
    http->routes = (struct mir_routes){
        .board = board,
        .box = box,
        .hosts = (const char *const *)http->hosts,
        .admin_uids = http->admin_uids,
        .n_admin_uids = n,
        .show_users = settings->show_users,
        .stale_s = settings->stale_s,
        .ask_ms = settings->deadline_ms,
    };
    return http;
}

static int
serve_unix(struct mir_http *http, const struct mir_http_settings *settings, struct mir_error *err)
{
    int rc = mir_socket_listen_unix(settings->socket_path, &http->unix_socket, err);

    if (rc != 0)
        return rc;
    return mir_server_create(&http->routes, http->deadlines, settings->deadline_ms,
                             &http->unix_socket, &http->unix_server, err);
}

static uint16_t port_of(const struct sockaddr_storage *addr)
{
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;

    memcpy(&v4, addr, sizeof(v4));
    memcpy(&v6, addr, sizeof(v6));
    return ntohs(addr->ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

static int
serve_tcp(struct mir_http *http, const struct mir_http_settings *settings, struct mir_error *err)
{
    struct mir_socket tcp;
    int rc;

    if (settings->listen == NULL || settings->listen[0] == '\0')
        return 0;
    rc = mir_socket_listen_tcp(settings->listen, &tcp, err);
    if (rc != 0)
        return rc;
    http->port = port_of(&tcp.addr);
    return mir_server_create(&http->routes, http->deadlines, settings->deadline_ms, &tcp,
                             &http->tcp_server, err);
}

int mir_http_create(const struct mir_http_settings *settings,
                    struct mir_view_board *board,
                    struct mir_mailbox *box,
                    struct mir_http **out,
                    struct mir_error *err)
{
    struct mir_http *http;
    int rc;

    if (settings->deadline_ms <= 0)
        return mir_error_set(err, -EINVAL, "http: the deadline must be positive");
    http = http_new(settings, board, box);
    mir_mailbox_open(box);
    if ((rc = mir_deadlines_create(settings->deadline_ms, &http->deadlines, err)) != 0 ||
        (rc = serve_unix(http, settings, err)) != 0 || (rc = serve_tcp(http, settings, err)) != 0) {
        mir_http_destroy(http);
        return rc;
    }
    *out = http;
    return 0;
}

void mir_http_destroy(struct mir_http *http)
{
    if (http == NULL)
        return;
    /* Who waits for the engine is let go first: the engine may be who calls. */
    mir_mailbox_close(http->routes.box);
    if (http->unix_socket.fd >= 0)
        mir_socket_unlink(&http->unix_socket);
    mir_server_destroy(http->tcp_server);
    mir_server_destroy(http->unix_server);
    mir_deadlines_destroy(http->deadlines);
    free_names(http->hosts);
    free(http->admin_uids);
    free(http);
}

bool mir_http_alive(const struct mir_http *http)
{
    if (http == NULL || !mir_server_alive(http->unix_server))
        return false;
    return http->tcp_server == NULL || mir_server_alive(http->tcp_server);
}

uint16_t mir_http_port(const struct mir_http *http)
{
    return http->port;
}
