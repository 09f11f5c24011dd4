/*
 * notify.h - tell systemd how we are: one datagram to $NOTIFY_SOCKET.  Its
 * authors say not to link libsystemd for this; the protocol is the interface
 * (sd_notify(3)).  One thread.
 */
#ifndef MIR_BROKER_NOTIFY_H
#define MIR_BROKER_NOTIFY_H

#include <stdint.h>

struct mir_notify {
    int fd;              /* -1: nobody listens */
    int64_t watchdog_ns; /* tell so often that we live; 0: never */
};

/* Read the environment, and take the variables out of it: they are not our children's. */
void mir_notify_open(struct mir_notify *n);

/* "READY=1", "STOPPING=1", "WATCHDOG=1"; lost when systemd does not take it. */
void mir_notify_send(const struct mir_notify *n, const char *state);

void mir_notify_close(struct mir_notify *n);

#endif
