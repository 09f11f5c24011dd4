/*
 * zone_rule.h - the rule that a zone goes by after its last listed change, as
 * POSIX writes it in TZ: "CST6CDT,M3.2.0,M11.1.0".  Plain values; any thread.
 */
#ifndef MIR_CORE_ZONE_RULE_H
#define MIR_CORE_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mir_zone_day {
    MIR_ZONE_DAY_MONTH,      /* Mm.w.d: the w-th weekday d of month m, 5 the last */
    MIR_ZONE_DAY_NO_LEAP,    /* Jn: day 1 to 365, 29 February is never counted */
    MIR_ZONE_DAY_ZERO_BASED, /* n: day 0 to 365 */
};

/* When clocks change, each year. */
struct mir_zone_change {
    enum mir_zone_day kind;
    int month, week, day;
    int32_t second; /* of that day, in the wall time before; may be outside the day */
};

struct mir_zone_rule {
    int32_t standard_s; /* east of UTC */
    int32_t summer_s;
    bool has_summer;
    struct mir_zone_change begin, end; /* of summer time */
};

/* Parse `s`; returns 0 or -EINVAL. */
int mir_zone_rule_parse(const char *s, size_t len, struct mir_zone_rule *out);

/* Seconds east of UTC at the instant `at`. */
int32_t mir_zone_rule_offset_at(const struct mir_zone_rule *rule, int64_t at);

#endif
