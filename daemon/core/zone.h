/*
 * zone.h - time zones, read from the system's zone files without setenv() and
 * localtime(), which threads may not share.  Read-only once made; any thread.
 * Made and ended by mir_zone_create() and mir_zone_destroy() of parse.h.
 */
#ifndef MIR_CORE_ZONE_H
#define MIR_CORE_ZONE_H

#include <stdint.h>

#include "daemon/core/parse.h"

/* Seconds east of UTC at the instant `at`. */
int32_t mir_zone_offset_at(const struct mir_zone *zone, int64_t at);

/*
 * The instant at which the zone's wall clocks show `local` (a wall time counted
 * as if it were UTC).  Where clocks are set back and show it twice: the first of
 * the two.  Where they are set forward over it: as if they had not been, so
 * 02:30 in a gap from 02:00 to 03:00 is what clocks then show as 03:30.  The
 * same choices as Python's fold=0.
 */
int64_t mir_zone_to_utc(const struct mir_zone *zone, int64_t local);

/*
 * The zone in `data`, a TZif file of version 2 or later (RFC 8536); leap seconds
 * are not counted.  Returns 0 or -EBADMSG.
 */
int mir_zone_parse(const void *data, size_t len, struct mir_zone **out);

#endif
