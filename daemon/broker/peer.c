/* SPDX-License-Identifier: GPL-3.0-or-later */
/* peer.c - the daemon's connection. */
#include "daemon/broker/peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEEP_BYTES = 1 << 20 };

void mir_peer_init(struct mir_peer *p)
{
    *p = (struct mir_peer){.fd = -1};
}

void mir_peer_attach(struct mir_peer *p, int fd, int64_t mono_ns)
{
    mir_peer_detach(p, "another connection has taken over");
    p->fd = fd;
    p->connection++;
    p->progress_ns = mono_ns;
}

void mir_peer_detach(struct mir_peer *p, const char *bye)
{
    if (p->fd < 0)
        return;
    if (bye != NULL) {
        mir_wire_begin(&p->out, "bye");
        mir_wire_add(&p->out, "text", bye);
        mir_wire_end(&p->out);
        (void)mir_peer_flush(p, p->progress_ns);
    }
    close(p->fd);
    p->fd = -1;
    p->greeted = false;
    p->out_begin = 0;
    mir_str_release(&p->out);
    mir_wire_release(&p->in);
    p->in = (struct mir_wire_input){0};
}

size_t mir_peer_pending(const struct mir_peer *p)
{
    return p->out.len - p->out_begin;
}

void mir_peer_send(struct mir_peer *p,
                   uint64_t connection,
                   const char *bytes,
                   size_t len,
                   int64_t mono_ns)
{
    if (p->fd < 0 || connection != p->connection || mir_peer_pending(p) > MIR_PEER_OUT_MAX)
        return; /* over the bound the next flush ends the connection */
    if (mir_peer_pending(p) == 0)
        p->progress_ns = mono_ns;
    mir_str_add_n(&p->out, bytes, len);
}

/* A list of all jobs passes through; its memory is given back, sent bytes are not kept. */
static void tidy(struct mir_peer *p)
{
    size_t pending = mir_peer_pending(p);

    if (pending == 0 && p->out.cap > KEEP_BYTES) {
        mir_str_release(&p->out);
        p->out_begin = 0;
    } else if (pending == 0) {
        p->out.len = p->out_begin = 0;
    } else if (p->out_begin > KEEP_BYTES && p->out_begin > pending) {
        memmove(p->out.text, p->out.text + p->out_begin, pending);
        p->out.len = pending;
        p->out_begin = 0;
    }
}

int mir_peer_flush(struct mir_peer *p, int64_t mono_ns)
{
    int rc = 0;

    while (p->fd >= 0 && mir_peer_pending(p) > 0) {
        ssize_t n = send(p->fd, p->out.text + p->out_begin, mir_peer_pending(p),
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0) {
            p->out_begin += (size_t)n;
            p->progress_ns = mono_ns;
        } else if (n < 0 && errno != EINTR) {
            rc = errno == EAGAIN ? 0 : -errno;
            break;
        }
    }
    tidy(p);
    return rc == 0 && mir_peer_pending(p) > MIR_PEER_OUT_MAX ? -ENOBUFS : rc;
}

void mir_peer_release(struct mir_peer *p)
{
    mir_peer_detach(p, NULL);
}
