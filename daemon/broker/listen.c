/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listen.c - the broker's socket and spool, made or taken over. */
#include "daemon/broker/server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/broker/spool.h"

/* A socket that nobody answers on is removed; anything else stays and is refused. */
static int clear_place(const char *path, const struct sockaddr_un *at, struct mir_error *err)
{
    struct stat st;
    int fd, rc;

    if (lstat(path, &st) != 0)
        return 0; /* bind() says what else is wrong */
    if (!S_ISSOCK(st.st_mode))
        return mir_error_set(err, -EEXIST, "%s is there and is no socket", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return mir_error_set(err, -errno, "socket: %s", strerror(errno));
    rc = connect(fd, (const struct sockaddr *)at, sizeof(*at));
    rc = rc == 0 || errno == EAGAIN ? -EADDRINUSE : 0;
    close(fd);
    if (rc != 0)
        return mir_error_set(err, rc, "%s: another broker listens there", path);
    if (unlink(path) != 0)
        return mir_error_set(err, -errno, "remove the old %s: %s", path, strerror(errno));
    return 0;
}

/*
 * Without CAP_CHOWN a file gets its group from the process that makes it.  So
 * the process takes the group on for that moment.
 */
static int bind_as_group(int fd, const struct sockaddr_un *at, gid_t gid)
{
    gid_t own = getegid();
    mode_t mask;
    int rc;

    if (gid != own && setegid(gid) != 0)
        return -errno;
    mask = umask(0117);
    rc = bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ? 0 : -errno;
    (void)umask(mask);
    if (gid != own && setegid(own) != 0 && rc == 0)
        rc = -errno;
    return rc;
}

int mir_server_listen(const struct mir_broker_settings *settings, struct mir_error *err)
{
    const char *path = settings->socket_path;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd, rc;

    if (path[0] != '/' || strlen(path) >= sizeof(at.sun_path))
        return mir_error_set(err, -EINVAL, "socket '%s': not an absolute path of at most %zu bytes",
                             path, sizeof(at.sun_path) - 1);
    memcpy(at.sun_path, path, strlen(path) + 1);
    rc = clear_place(path, &at, err);
    if (rc != 0)
        return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return mir_error_set(err, -errno, "socket: %s", strerror(errno));
    rc = bind_as_group(fd, &at, settings->daemon_gid);
    if (rc == 0 && listen(fd, 8) != 0)
        rc = -errno;
    if (rc != 0) {
        close(fd);
        return mir_error_set(err, rc, "listen on %s: %s", path, strerror(-rc));
    }
    return fd;
}

static int check_spool(int fd, const char *spool, struct mir_error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return mir_error_set(err, -errno, "spool %s: %s", spool, strerror(errno));
    if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return mir_error_set(err, -EPERM, "spool %s must be of uid %u and mode 0700", spool,
                             (unsigned)geteuid());
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return mir_error_set(err, -EBUSY, "spool %s is in use by another broker", spool);
    return 0;
}

int mir_server_open_spool(const char *spool, struct mir_error *err)
{
    int fd, rc;

    if (mkdir(spool, 0700) != 0 && errno != EEXIST)
        return mir_error_set(err, -errno, "make the spool %s: %s", spool, strerror(errno));
    fd = open(spool, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return mir_error_set(err, -errno, "open the spool %s: %s", spool, strerror(errno));
    rc = check_spool(fd, spool, err);
    if (rc == 0)
        rc = mir_spool_sweep(spool, err);
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}
