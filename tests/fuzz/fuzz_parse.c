/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_parse.c - numbers, durations, times, zone files: any bytes at all. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "daemon/core/zone.h"
#include "daemon/core/zone_rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was understood must be in range; an abort is a finding. */
static void parse_text(const char *s, size_t len, const struct mir_zone *zone)
{
    struct mir_zone_rule rule;
    char buf[32];
    int64_t n;
    double x;

    (void)mir_parse_i64(s, len, &n);
    if (mir_parse_f64(s, len, &x) == 0 && !(x - x == 0))
        abort();
    if (mir_parse_duration(s, len, 60, &n) == 0) {
        if (n < 0)
            abort();
        (void)mir_format_duration(n, buf);
    }
    if (mir_parse_time(s, len, zone, &n) == 0)
        (void)mir_format_time(n, buf);
    if (mir_zone_rule_parse(s, len, &rule) == 0)
        (void)mir_zone_rule_offset_at(&rule, 1700000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mir_zone *chicago;
    struct mir_zone *zone = NULL;
    int64_t at;

    if (chicago == NULL && mir_zone_create("America/Chicago", &chicago) != 0)
        (void)mir_zone_create("UTC", &chicago);
    parse_text((const char *)data, size, chicago);
    if (mir_zone_parse(data, size, &zone) == 0) {
        (void)mir_parse_time("2023-03-12T02:30", 16, zone, &at);
        (void)mir_parse_time("2099-07-01", 10, zone, &at);
        mir_zone_destroy(zone);
    }
    return 0;
}
