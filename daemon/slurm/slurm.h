/*
 * slurm.h - the real cluster behind live.h: a client of mirage-broker.  Never
 * blocks: questions go into a buffer, answers come when the socket has them.
 * Reconnects by itself, once a second at most; while there is no connection
 * every question is refused with -ENOTCONN.  One thread.
 */
#ifndef MIR_SLURM_SLURM_H
#define MIR_SLURM_SLURM_H

#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/live.h"

/* The base is first: &slurm->... is handed to the engine as a struct mir_live. */
struct mir_slurm;

typedef void (*mir_slurm_event_f)(void *arg, const struct mir_live_event *event);

/* `deadline_s`: a question without an answer for so long ends as if the connection broke. */
int mir_slurm_create(const char *socket_path,
                     int32_t deadline_s,
                     mir_slurm_event_f on_event,
                     void *arg,
                     struct mir_slurm **out,
                     struct mir_error *err);

/* The live cluster; lent. */
struct mir_live *mir_slurm_live(struct mir_slurm *s);

/* What to poll: the socket (-1: not connected) and EPOLLIN, EPOLLOUT as poll(2)'s POLLIN, POLLOUT. */
int mir_slurm_fd(const struct mir_slurm *s);
short mir_slurm_events(const struct mir_slurm *s);

/* Connections made so far: a new one may have the old one's descriptor number. */
uint64_t mir_slurm_connections(const struct mir_slurm *s);

/*
 * Take `fd`, a connected non-blocking stream socket that becomes the client's, as
 * the connection: for a broker that is handed over, and for tests.  -EISCONN:
 * there is one.
 */
int mir_slurm_attach(struct mir_slurm *s, int fd);

/*
 * Read, write, reconnect, and tell by on_event what has come.  Call it when the
 * socket is ready, and at the returned time (monotonic nanoseconds) at the latest.
 */
int64_t mir_slurm_serve(struct mir_slurm *s, int64_t mono_ns);

/* Ends open questions without events.  Accepts NULL. */
void mir_slurm_destroy(struct mir_slurm *s);

#endif
