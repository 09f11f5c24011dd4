/*
 * fan.h - why a policy decided as it did: from the policy's own fan to one that is
 * shown, and to bytes and back.  Any thread; who holds the only reference may change one.
 */
#ifndef MIR_ENGINE_FAN_H
#define MIR_ENGINE_FAN_H

#include <stddef.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"
#include "daemon/engine/view.h"
#include "plugins/plugin.h"

/*
 * A copy with one reference, which is the caller's; its numbers are those that bytes
 * hold.  NULL for NULL, and for what no fan can be (a loaded policy may write anything):
 * more points or jobs than there are, none, or submissions out of order.
 */
struct mir_view_fan *mir_fan_take(const struct mirage_fan *fan);

/* Whose its job `i` is; cut where it is long. */
void mir_fan_name(struct mir_view_fan *fan, uint32_t i, const char *user, const char *name);

/* Append it: 1.4 kB for 48 points. */
void mir_fan_pack(const struct mir_view_fan *fan, struct mir_str *out);

/* The caller owns the one reference of `*out`.  Returns 0 or -EBADMSG, with `*out` as it was. */
int mir_fan_unpack(const void *bytes, size_t len, struct mir_view_fan **out, struct mir_error *err);

#endif
