/*
 * deadline.h - how long a peer may take, in all.  libmicrohttpd's own timeout
 * counts inactivity only: a client that sends a byte now and then is never cut.
 * Here a thread shuts a socket down when its time is up, and the server then
 * finds it closed.
 */
#ifndef MIR_HTTP_DEADLINE_H
#define MIR_HTTP_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/error.h"

/* One socket's deadline; the caller's storage, zeroed before the first use. */
struct mir_deadline {
    struct mir_deadline *prev, *next;
    int64_t at_ns;
    int fd;
    bool armed;
};

struct mir_deadlines;

/* Starts the thread.  Returns 0 or -EAGAIN. */
int mir_deadlines_create(int deadline_ms, struct mir_deadlines **out, struct mir_error *err);

/* Accepts NULL.  Ends the thread; what is armed still is forgotten, not shut down. */
void mir_deadlines_destroy(struct mir_deadlines *all);

/* From now on `fd` has the full time (again).  Any thread. */
void mir_deadline_arm(struct mir_deadlines *all, struct mir_deadline *one, int fd);

/*
 * No longer; once this returns `fd` is not touched and may be closed.  Also right
 * when it is not armed or its time is up.  Any thread.
 */
void mir_deadline_disarm(struct mir_deadlines *all, struct mir_deadline *one);

#endif
