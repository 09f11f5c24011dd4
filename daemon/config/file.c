/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file.c - the bytes of mirage.conf. */
#include "daemon/config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/alloc.h"

enum { FILE_MAX = 1 << 20 };

static int check_kind(const char *path, int fd, struct mir_error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return mir_error_set(err, -EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return mir_error_set(err, -EINVAL, "%s: not a regular file", path);
    if ((st.st_mode & S_IWOTH) != 0)
        return mir_error_set(err, -EACCES, "%s: writable by others", path);
    return 0;
}

static int read_all(const char *path, int fd, char **out, struct mir_error *err)
{
    char *text = mir_alloc(FILE_MAX + 2, 1);
    size_t len = 0;
    ssize_t n;

    while ((n = read(fd, text + len, FILE_MAX + 1 - len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        len += (size_t)n;
    }
    *out = text;
    if (n < 0)
        return mir_error_set(err, -EIO, "%s: %s", path, strerror(errno));
    if (len > FILE_MAX)
        return mir_error_set(err, -EINVAL, "%s: larger than %d bytes", path, FILE_MAX);
    if (memchr(text, '\0', len) != NULL)
        return mir_error_set(err, -EINVAL, "%s: a NUL byte, so this is not text", path);
    return 0;
}

int mir_config_file_read(const char *path, char **out, struct mir_error *err)
{
    char *text = NULL;
    /* Not blocking: a named pipe must be refused, not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int rc;

    if (fd < 0) {
        rc = errno == ENOENT || errno == ENOTDIR ? -ENOENT : errno == EACCES ? -EACCES : -EIO;
        return mir_error_set(err, rc, "%s: %s", path, strerror(errno));
    }
    rc = check_kind(path, fd, err);
    if (rc == 0)
        rc = read_all(path, fd, &text, err);
    (void)close(fd);
    if (rc != 0)
        free(text);
    else
        *out = text;
    return rc;
}
