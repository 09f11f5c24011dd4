/* SPDX-License-Identifier: GPL-3.0-or-later */
/* socket.c - the two sockets that are listened on, and who is at the other end. */
#include "daemon/http/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/http/authority.h"

enum { BACKLOG = 128 };

/* Is somebody listening there?  A full queue (EAGAIN) is somebody. */
static bool is_answered(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool answered;

    if (fd < 0)
        return true;
    answered = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ||
               (errno != ECONNREFUSED && errno != ENOENT);
    close(fd);
    return answered;
}

/* Nothing at the path, or a dead socket that is then removed. */
static int make_room(const struct sockaddr_un *addr, struct mir_error *err)
{
    struct stat st;

    if (lstat(addr->sun_path, &st) != 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return mir_error_set(err, -EADDRINUSE, "%s is there and is no socket", addr->sun_path);
    if (is_answered(addr))
        return mir_error_set(err, -EADDRINUSE, "%s: another daemon answers", addr->sun_path);
    if (unlink(addr->sun_path) != 0 && errno != ENOENT)
        return mir_error_set(err, -errno, "remove %s: %s", addr->sun_path, strerror(errno));
    return 0;
}

static int fail_and_close(struct mir_socket *s, const char *what, struct mir_error *err)
{
    int error = errno;

    close(s->fd);
    s->fd = -1;
    return mir_error_set(err, -error, "%s: %s", what, strerror(error));
}

static int open_socket(int family, struct mir_socket *s, struct mir_error *err)
{
    s->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return mir_error_set(err, -errno, "make a socket: %s", strerror(errno));
    return 0;
}

int mir_socket_listen_unix(const char *path, struct mir_socket *out, struct mir_error *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct mir_socket s = {.fd = -1};
    struct stat st;
    int rc;

    if (path[0] == '\0' || strlen(path) >= sizeof(addr.sun_path))
        return mir_error_set(err, -EINVAL, "socket: a path has 1 to %zu bytes",
                             sizeof(addr.sun_path) - 1);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    if ((rc = make_room(&addr, err)) != 0 || (rc = open_socket(AF_UNIX, &s, err)) != 0)
        return rc;
    if (bind(s.fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
        return fail_and_close(&s, path, err);
    /* By path: fchmod() of a bound socket does not reach the file.  Nobody listens yet. */
    if (chmod(path, 0666) != 0 || lstat(path, &st) != 0 || listen(s.fd, BACKLOG) != 0) {
        rc = fail_and_close(&s, path, err);
        unlink(path);
        return rc;
    }
    memcpy(&s.addr, &addr, sizeof(addr));
    s.addr_len = sizeof(addr);
    s.device = st.st_dev;
    s.inode = st.st_ino;
    *out = s;
    return 0;
}

void mir_socket_unlink(const struct mir_socket *s)
{
    struct sockaddr_un addr;
    struct stat st;

    memcpy(&addr, &s->addr, sizeof(addr));
    if (lstat(addr.sun_path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == s->device &&
        st.st_ino == s->inode)
        unlink(addr.sun_path);
}

int mir_socket_listen_tcp(const char *text, struct mir_socket *out, struct mir_error *err)
{
    struct mir_socket s = {.fd = -1};
    const int on = 1;
    int rc;

    rc = mir_authority_parse_listen(text, &s.addr, &s.addr_len, err);
    if (rc != 0 || (rc = open_socket(s.addr.ss_family, &s, err)) != 0)
        return rc;
    /* Connections of the daemon before this one do not keep the port. */
    (void)setsockopt(s.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (s.addr.ss_family == AF_INET6)
        (void)setsockopt(s.fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(s.fd, (const struct sockaddr *)&s.addr, s.addr_len) != 0 ||
        listen(s.fd, BACKLOG) != 0 ||
        getsockname(s.fd, (struct sockaddr *)&s.addr, &s.addr_len) != 0)
        return fail_and_close(&s, text, err);
    *out = s;
    return 0;
}

int mir_socket_peer(int fd, uint32_t *uid)
{
    struct sockaddr_storage own = {0};
    struct ucred cred;
    socklen_t len = sizeof(own);

    if (getsockname(fd, (struct sockaddr *)&own, &len) != 0 || own.ss_family != AF_UNIX)
        return -EPERM;
    len = sizeof(cred);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof(cred) ||
        cred.uid == (uid_t)-1)
        return -EPERM;
    *uid = cred.uid;
    return 0;
}
