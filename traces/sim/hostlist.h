/*
 * hostlist.h - Slurm's way to write many node names: "n[01-12,15],gpu[1-2]",
 * "rack[0-3]_blade[0-7]".  No state, no allocation; any thread.
 */
#ifndef MIR_SIM_HOSTLIST_H
#define MIR_SIM_HOSTLIST_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"

enum {
    MIR_HOSTLIST_MAX_NAMES = 1 << 18, /* in one list; Slurm itself stops at 2^16 nodes */
    MIR_HOSTLIST_MAX_NAME = 256,      /* bytes of one name with its NUL */
};

/* `name` (NUL-terminated) is lent; a negative return ends the expansion and is handed on. */
typedef int (*mir_hostlist_f)(void *context, const char *name, size_t len);

/*
 * Call `each` for every name of `list`, in the order written.  Names need not be
 * distinct; an empty list has none.  Returns 0, what `each` returned, or -EINVAL
 * with a reason when this is not such a list or it is too long.
 */
int mir_hostlist_each(const char *list,
                      size_t len,
                      mir_hostlist_f each,
                      void *context,
                      struct mir_error *err);

/* How many names; returns 0 or -EINVAL as above. */
int mir_hostlist_count(const char *list, size_t len, uint32_t *out, struct mir_error *err);

#endif
