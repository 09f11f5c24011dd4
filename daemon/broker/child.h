/*
 * child.h - what a process of the broker may do: capabilities and identity.
 * mir_become_user() and its kin are declared in broker.h.  Single-threaded
 * processes only: the kernel counts all of this by thread.
 */
#ifndef MIR_BROKER_CHILD_H
#define MIR_BROKER_CHILD_H

#include <stdbool.h>

#include "daemon/core/error.h"

/* Has this process CAP_SETUID and CAP_SETGID, in effect? */
bool mir_child_may_change_user(void);

/*
 * Drop every capability but CAP_SETUID and CAP_SETGID (`keep_setuid` false: those
 * too), set no_new_privs, and dump no core.  Returns 0 or -EPERM.
 */
int mir_child_confine(bool keep_setuid, struct mir_error *err);

#endif
