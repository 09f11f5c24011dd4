/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client.c - HTTP over a unix socket. */
#include "daemon/cli/client.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/str.h"

enum { READ_SIZE = 64 << 10, NS_PER_MS = 1000000 };

static int open_socket(const char *path, struct mir_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, rc;

    if (strlen(path) >= sizeof(address.sun_path))
        return mir_error_set(err, -ENAMETOOLONG, "%.80s...: too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return mir_error_set(err, -EIO, "socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    rc = errno == EAGAIN ? -ETIMEDOUT : -errno; /* EAGAIN: its queue of connections is full */
    (void)mir_error_set(err, rc, "%s: %s", path, strerror(-rc));
    (void)close(fd);
    return rc;
}

/* Wait for `events` until `deadline_ns`. */
static int wait_for(int fd, short events, int64_t deadline_ns, struct mir_error *err)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int64_t left_ms = (deadline_ns - mir_clock_mono_ns()) / NS_PER_MS;
    int n = left_ms > 0 ? poll(&poll_fd, 1, left_ms > 60000 ? 60000 : (int)left_ms) : 0;

    if (n < 0 && errno != EINTR)
        return mir_error_set(err, -EIO, "poll: %s", strerror(errno));
    if (n == 0 && deadline_ns - mir_clock_mono_ns() < NS_PER_MS)
        return mir_error_set(err, -ETIMEDOUT, "the daemon does not answer");
    return 0;
}

static int
send_all(int fd, const char *bytes, size_t len, int64_t deadline_ns, struct mir_error *err)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        int rc;

        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
            continue;
        }
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return 0; /* it refuses and has said why: the reply tells */
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return mir_error_set(err, -EIO, "send: %s", strerror(errno));
        rc = wait_for(fd, POLLOUT, deadline_ns, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int receive(int fd, int64_t deadline_ns, struct mir_cli_reply *out, struct mir_error *err)
{
    struct mir_str got = {0};
    char *chunk = mir_alloc(READ_SIZE, 1);
    int rc = 0;

    while (rc == 0) {
        ssize_t n = recv(fd, chunk, READ_SIZE, 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            rc = wait_for(fd, POLLIN, deadline_ns, err);
            continue;
        }
        if (n < 0 && errno != ECONNRESET) {
            rc = mir_error_set(err, -EIO, "receive: %s", strerror(errno));
            break;
        }
        mir_str_add_n(&got, chunk, n > 0 ? (size_t)n : 0);
        rc = mir_cli_reply_parse(got.text, got.len, n <= 0, out, err);
    }
    free(chunk);
    mir_str_release(&got);
    return rc < 0 ? rc : 0;
}

static void add_request(struct mir_str *s, const char *method, const char *target, const char *body)
{
    mir_str_addf(s,
                 "%s %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: mirage/" MIR_VERSION
                 "\r\nAccept: application/json\r\nConnection: close\r\n",
                 method, target);
    if (body != NULL)
        mir_str_addf(s, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    mir_str_add(s, "\r\n");
    if (body != NULL)
        mir_str_add(s, body);
}

int mir_cli_client_ask(const char *socket_path,
                       const char *method,
                       const char *target,
                       const char *body,
                       int timeout_ms,
                       struct mir_cli_reply *out,
                       struct mir_error *err)
{
    int64_t deadline_ns = mir_clock_mono_ns() + (int64_t)timeout_ms * NS_PER_MS;
    struct mir_str request = {0};
    int fd = open_socket(socket_path, err);
    int rc;

    if (fd < 0)
        return fd;
    add_request(&request, method, target, body);
    rc = send_all(fd, request.text, request.len, deadline_ns, err);
    if (rc == 0)
        rc = receive(fd, deadline_ns, out, err);
    mir_str_release(&request);
    (void)close(fd);
    return rc;
}
