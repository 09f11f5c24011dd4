/*
 * parse.h - text to numbers, durations and times, without locale, without
 * truncation: the whole of [s, s+len) must be the value, or the call fails.
 * Surrounding blanks are not accepted; callers trim.  No allocation; any thread.
 * All return 0, -EINVAL (not such a value) or -ERANGE (does not fit), and leave
 * the output as it was on failure.
 */
#ifndef MIR_CORE_PARSE_H
#define MIR_CORE_PARSE_H

#include <stddef.h>
#include <stdint.h>

int mir_parse_i64(const char *s, size_t len, int64_t *out);

/* Decimal with optional fraction and exponent ("1535348017.0"); refuses nan and inf. */
int mir_parse_f64(const char *s, size_t len, double *out);

/*
 * A duration in seconds: a number with an optional unit s, m, h, d, w ("90",
 * "1.5h", "30m"), a bare number counting `unit_s` seconds; or Slurm's
 * [days-]hours:minutes[:seconds], minutes:seconds, days-hours ("2-00:00:00",
 * "1-12", "48:00:00", "10:00").  Never negative.
 */
int mir_parse_duration(const char *s, size_t len, int64_t unit_s, int64_t *out_s);

/* How a time without a zone is read. */
struct mir_zone;

/*
 * A time in seconds since the epoch: "YYYY-MM-DD", "YYYY-MM-DD[T ]HH:MM[:SS[.fff]]"
 * with an optional zone Z, +HH:MM, +HHMM or +HH, or "@SECONDS" / plain digits
 * (9 or more) since the epoch.  Without a zone: `zone`, or UTC when NULL.
 */
int mir_parse_time(const char *s, size_t len, const struct mir_zone *zone, int64_t *out);

/*
 * A named time zone ("America/Chicago", from the system's zone files; "UTC").
 * On success the caller owns `*out` (mir_zone_destroy).  Returns 0 or -ENOENT.
 */
int mir_zone_create(const char *name, struct mir_zone **out);
void mir_zone_destroy(struct mir_zone *zone);

/* "YYYY-MM-DDTHH:MM:SS" in UTC; `buf` holds at least 32 bytes; returns buf. */
char *mir_format_time(int64_t at, char buf[32]);

/* A duration for people: "0 s", "45 s", "12 min", "3.4 h", "2.1 d"; returns buf (32 bytes). */
char *mir_format_duration(int64_t s, char buf[32]);

#endif
