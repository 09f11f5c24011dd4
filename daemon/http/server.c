/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server.c - one libmicrohttpd on one socket. */
#include "daemon/http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/parse.h"
#include "daemon/http/seats.h"

enum {
    TCP_MAX = 128,
    TCP_PER_ADDRESS_MAX = 96,
    UNIX_SPARE = 16, /* for those that are turned away at once */
    CONNECTION_BYTES = 16 * 1024,
    STACK_BYTES = 256 * 1024,
    BODIES_MAX_BYTES = 8 * 1024 * 1024, /* of all requests that are being received */
    ALIVE_DEADLINES = 3,                /* a request, its reply, and one to spare */
};

static const int64_t ns_per_ms = 1000000;

struct mir_server {
    const struct mir_routes *routes;
    struct mir_deadlines *deadlines;
    int deadline_ms;
    bool local;
    struct mir_socket socket;
    struct MHD_Daemon *mhd;
    struct mir_seats seats;
    atomic_size_t body_bytes;
    atomic_llong progress_ns; /* when a request or a connection last came to its end */
    int probe_fd;             /* -1: no own request is under way */
    int64_t probe_ns;         /* since when one is, or should be; 0: not */
};

/* ---- Connections */

struct connection {
    struct mir_deadline deadline;
    int fd;
    uint32_t uid;
    bool known, seated;
};

static bool take_seat(struct mir_server *server, struct connection *c)
{
    c->known = mir_socket_peer(c->fd, &c->uid) == 0;
    c->seated = c->known &&
                mir_seats_take(&server->seats, c->uid, mir_routes_is_admin(server->routes, c->uid));
    return c->seated;
}

static struct connection *connection_open(struct mir_server *server, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *c = MIR_NEW(struct connection);

    c->fd = info != NULL ? info->connect_fd : -1;
    if (server->local && !take_seat(server, c))
        shutdown(c->fd, SHUT_RDWR);
    else
        mir_deadline_arm(server->deadlines, &c->deadline, c->fd);
    return c;
}

static void connection_close(struct mir_server *server, struct connection *c)
{
    mir_deadline_disarm(server->deadlines, &c->deadline);
    if (c->seated)
        mir_seats_leave(&server->seats, c->uid);
    free(c);
    atomic_store(&server->progress_ns, mir_clock_mono_ns());
}

/* "Closed" comes before the descriptor is closed, so that no deadline meets a reused number. */
static void on_connection(void *arg,
                          struct MHD_Connection *mhd,
                          void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct mir_server *server = arg;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = connection_open(server, mhd);
    } else if (*context != NULL) {
        connection_close(server, *context);
        *context = NULL;
    }
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

/* ---- Requests */

/* What has come of a request so far. */
struct exchange {
    char *body;
    size_t len, cap, max;
};

static enum MHD_Result on_argument(void *arg, enum MHD_ValueKind kind, const char *k, const char *v)
{
    (void)kind;
    mir_request_add_argument(arg, k, v);
    return MHD_YES;
}

struct hosts {
    const char *first;
    unsigned n;
};

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *k, const char *v)
{
    struct hosts *hosts = arg;

    (void)kind;
    if (strcasecmp(k, MHD_HTTP_HEADER_HOST) == 0 && hosts->n++ == 0)
        hosts->first = v;
    return MHD_YES;
}

/* Two Host headers are as good as none: servers disagree which one counts. */
static const char *only_host(struct MHD_Connection *mhd)
{
    struct hosts hosts = {0};

    (void)MHD_get_connection_values(mhd, MHD_HEADER_KIND, on_header, &hosts);
    return hosts.n == 1 ? hosts.first : NULL;
}

static bool announces_more_than(struct MHD_Connection *mhd, size_t max)
{
    const char *text =
        MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t n;

    if (text == NULL)
        return false;
    return mir_parse_i64(text, strlen(text), &n) != 0 || n < 0 || (uint64_t)n > max;
}

/* Takes `reply->text`. */
static enum MHD_Result
send_reply(struct mir_server *server, struct MHD_Connection *mhd, struct mir_reply *reply)
{
    struct connection *c = connection_of(mhd);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(reply->text), reply->text, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result ok;

    if (response == NULL) {
        free(reply->text);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(response, "Content-Security-Policy", "default-src 'none'");
    if (reply->allow != NULL)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
    /* One request per connection: its deadline then is the request's. */
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    /* Reading the reply has its time too. */
    if (c != NULL)
        mir_deadline_arm(server->deadlines, &c->deadline, c->fd);
    ok = MHD_queue_response(mhd, reply->status, response);
    MHD_destroy_response(response);
    return ok;
}

static enum MHD_Result
answer(struct mir_server *server, struct MHD_Connection *mhd, struct mir_request *request)
{
    struct connection *c = connection_of(mhd);
    struct mir_reply reply;

    if (c == NULL)
        return MHD_NO;
    /* The request is here: what now takes time is ours. */
    mir_deadline_disarm(server->deadlines, &c->deadline);
    request->known = c->known;
    request->uid = c->uid;
    (void)MHD_get_connection_values(mhd, MHD_GET_ARGUMENT_KIND, on_argument, request);
    mir_routes_answer(server->routes, request, &reply);
    return send_reply(server, mhd, &reply);
}

static enum MHD_Result begin(struct mir_server *server,
                             struct MHD_Connection *mhd,
                             struct mir_request *request,
                             struct exchange **out)
{
    struct exchange *x = MIR_NEW(struct exchange);

    *out = x;
    x->max = mir_routes_body_max(request);
    if (!announces_more_than(mhd, x->max))
        return MHD_YES;
    /* Answered before it comes; the connection ends with that. */
    request->too_long = true;
    return answer(server, mhd, request);
}

/* A chunked body tells no length: past a limit there is no way to answer but to hang up. */
static enum MHD_Result
add_to_body(struct mir_server *server, struct exchange *x, const char *data, size_t len)
{
    if (len > x->max - x->len)
        return MHD_NO;
    if (atomic_fetch_add(&server->body_bytes, len) + len > BODIES_MAX_BYTES) {
        atomic_fetch_sub(&server->body_bytes, len);
        return MHD_NO;
    }
    x->body = mir_grow(x->body, &x->cap, x->len + len, 1);
    memcpy(x->body + x->len, data, len);
    x->len += len;
    return MHD_YES;
}

static enum MHD_Result on_request(void *arg,
                                  struct MHD_Connection *mhd,
                                  const char *url,
                                  const char *method,
                                  const char *version,
                                  const char *data,
                                  size_t *data_len,
                                  void **context)
{
    struct mir_server *server = arg;
    struct mir_request request = {.method = method, .target = url, .local = server->local};
    struct exchange *x = *context;
    size_t len = *data_len;

    (void)version;
    request.host = only_host(mhd);
    if (x == NULL)
        return begin(server, mhd, &request, (struct exchange **)context);
    if (len > 0) {
        *data_len = 0;
        return add_to_body(server, x, data, len);
    }
    request.body = x->body;
    request.body_len = x->len;
    return answer(server, mhd, &request);
}

static void on_completed(void *arg,
                         struct MHD_Connection *mhd,
                         void **context,
                         enum MHD_RequestTerminationCode why)
{
    struct mir_server *server = arg;
    struct exchange *x = *context;

    (void)mhd;
    (void)why;
    if (x == NULL)
        return;
    *context = NULL;
    atomic_fetch_sub(&server->body_bytes, x->len);
    free(x->body);
    free(x);
    atomic_store(&server->progress_ns, mir_clock_mono_ns());
}

/* Nothing here needs %-escapes; left alone they match no path and no value. */
static size_t no_unescape(void *arg, struct MHD_Connection *mhd, char *s)
{
    (void)arg;
    (void)mhd;
    return strlen(s);
}

/* ---- The server */

static struct MHD_Daemon *start(struct mir_server *server)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
    unsigned connections = server->local ? MIR_SEATS + UNIX_SPARE : TCP_MAX;

    if (server->local)
        flags |= MHD_USE_THREAD_PER_CONNECTION;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, server->socket.fd,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, server->local ? 0U : (unsigned)TCP_PER_ADDRESS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)STACK_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_UNESCAPE_CALLBACK,
        no_unescape, NULL, MHD_OPTION_END);
}

int mir_server_create(const struct mir_routes *routes,
                      struct mir_deadlines *deadlines,
                      int deadline_ms,
                      const struct mir_socket *socket,
                      struct mir_server **out,
                      struct mir_error *err)
{
    struct mir_server *server = MIR_NEW(struct mir_server);

    *server = (struct mir_server){.routes = routes,
                                  .deadlines = deadlines,
                                  .deadline_ms = deadline_ms,
                                  .local = socket->addr.ss_family == AF_UNIX,
                                  .socket = *socket,
                                  .probe_fd = -1};
    mir_seats_init(&server->seats);
    server->mhd = start(server);
    if (server->mhd == NULL) {
        int error = errno;

        /* Whether the library closed it depends on how far it came. */
        if (fcntl(socket->fd, F_GETFD) >= 0)
            close(socket->fd);
        mir_seats_release(&server->seats);
        free(server);
        return mir_error_set(err, -EIO, "http: start the server: %s", strerror(error));
    }
    *out = server;
    return 0;
}

void mir_server_destroy(struct mir_server *server)
{
    if (server == NULL)
        return;
    MHD_stop_daemon(server->mhd);
    if (server->probe_fd >= 0)
        close(server->probe_fd);
    mir_seats_release(&server->seats);
    free(server);
}

/* ---- Is it answering? */

static void close_probe(struct mir_server *server)
{
    if (server->probe_fd >= 0)
        close(server->probe_fd);
    server->probe_fd = -1;
}

/* A failure to send leaves a connection that the server meets and ends all the same. */
static void send_probe(struct mir_server *server)
{
    static const char request[] = "HEAD /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int fd = socket(server->socket.addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&server->socket.addr, server->socket.addr_len) != 0 &&
        errno != EINPROGRESS) {
        close(fd);
        return;
    }
    (void)send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
    server->probe_fd = fd;
}

bool mir_server_alive(struct mir_server *server)
{
    int64_t now_ns = mir_clock_mono_ns();

    if (server->probe_ns != 0 && atomic_load(&server->progress_ns) >= server->probe_ns) {
        close_probe(server);
        server->probe_ns = 0;
    }
    if (server->probe_ns == 0)
        server->probe_ns = now_ns;
    if (server->probe_fd < 0)
        send_probe(server);
    return now_ns - server->probe_ns < ALIVE_DEADLINES * server->deadline_ms * ns_per_ms;
}
