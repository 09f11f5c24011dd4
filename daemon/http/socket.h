/*
 * socket.h - the two sockets that are listened on, and who is at the other end
 * of a connection.
 */
#ifndef MIR_HTTP_SOCKET_H
#define MIR_HTTP_SOCKET_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "daemon/core/error.h"

/* A listening socket; `id` tells our file from one that another made since. */
struct mir_socket {
    int fd;
    struct sockaddr_storage addr;
    socklen_t addr_len;
    dev_t device;
    ino_t inode;
};

/*
 * Listen at `path`, for everybody (mode 0666).  A socket left behind is replaced
 * when nobody answers on it.  Returns 0, -EADDRINUSE (somebody does, or it is no
 * socket), -EINVAL (longer than 107 bytes, or empty), or what the system says.
 */
int mir_socket_listen_unix(const char *path, struct mir_socket *out, struct mir_error *err);

/* Remove the file, if it still is the one that was made. */
void mir_socket_unlink(const struct mir_socket *socket);

/* Listen on a loopback address in `text`.  Returns 0, -EINVAL, -EADDRINUSE, ... */
int mir_socket_listen_tcp(const char *text, struct mir_socket *out, struct mir_error *err);

/*
 * The uid at the other end of a unix connection.  Of anything else the kernel
 * would answer uid -1, so it is not asked: -EPERM, and `*uid` stays as it was.
 */
int mir_socket_peer(int fd, uint32_t *uid);

#endif
