/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notify.c - tell systemd how we are. */
#include "daemon/broker/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/core/parse.h"

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    int fd;

    if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(to.sun_path))
        return -1;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* an abstract name: counted, not terminated */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&to,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Half of what systemd allows, as sd_watchdog_enabled(3) advises. */
static int64_t read_watchdog_ns(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    int64_t n;

    if (pid != NULL && (mir_parse_i64(pid, strlen(pid), &n) != 0 || n != getpid()))
        return 0;
    if (usec == NULL || mir_parse_i64(usec, strlen(usec), &n) != 0 || n <= 0 ||
        n > INT64_MAX / 1000)
        return 0;
    return n * 1000 / 2;
}

void mir_notify_open(struct mir_notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");

    n->fd = path != NULL ? connect_to(path) : -1;
    n->watchdog_ns = n->fd >= 0 ? read_watchdog_ns() : 0;
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

void mir_notify_send(const struct mir_notify *n, const char *state)
{
    if (n->fd >= 0)
        (void)!send(n->fd, state, strlen(state), MSG_NOSIGNAL);
}

void mir_notify_close(struct mir_notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}
