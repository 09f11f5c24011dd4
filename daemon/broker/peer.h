/*
 * peer.h - the daemon's connection: lines in, lines out, never blocking.  One
 * thread.
 */
#ifndef MIR_BROKER_PEER_H
#define MIR_BROKER_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/str.h"
#include "daemon/host/wire.h"

enum {
    MIR_PEER_OUT_HIGH = 8 << 20, /* more is not read from children meanwhile */
    MIR_PEER_OUT_MAX = 64 << 20, /* then it does not read, and is let go */
};

struct mir_peer {
    int fd;              /* -1: none */
    uint64_t connection; /* counts them; what is asked on one is not answered on the next */
    bool greeted;        /* has said hello, in a version that we speak */
    struct mir_wire_input in;
    struct mir_str out;
    size_t out_begin;    /* sent before it */
    int64_t progress_ns; /* when it last took something, or first had something to take */
};

void mir_peer_init(struct mir_peer *p);

/* Take `fd`, non-blocking, over.  The one before is detached first. */
void mir_peer_attach(struct mir_peer *p, int fd, int64_t mono_ns);

/* Say why (NULL: it is gone already), as far as it listens, and close. */
void mir_peer_detach(struct mir_peer *p, const char *bye);

/* Queue bytes of whole lines for whoever is on `connection`; nobody: dropped. */
void mir_peer_send(struct mir_peer *p,
                   uint64_t connection,
                   const char *bytes,
                   size_t len,
                   int64_t mono_ns);

/* Write what it takes now.  Returns 0, -ENOBUFS (over MIR_PEER_OUT_MAX) or why it broke. */
int mir_peer_flush(struct mir_peer *p, int64_t mono_ns);

/* Bytes that wait. */
size_t mir_peer_pending(const struct mir_peer *p);

void mir_peer_release(struct mir_peer *p);

#endif
