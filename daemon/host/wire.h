/*
 * wire.h - one record a line, between the daemon and the broker, and in the
 * broker's spool:
 *
 *     VERB key=value key=value ... LF
 *
 * A verb and a key are [a-z_][a-z0-9_]*.  In a value the bytes up to 0x20, 0x7f
 * and '%' are written as %XX (two hex digits, upper case); all others stand for
 * themselves, so a newline never hides in a name.  A value may be empty and
 * never holds a NUL byte; a key may come more than once (a list).  Plain text
 * without a library, because one of its two readers is privileged.
 * No shared state: any thread, one at a time per struct.
 */
#ifndef MIR_HOST_WIRE_H
#define MIR_HOST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"

enum {
    MIR_WIRE_VERSION = 1, /* of the verbs and keys; the first record on a connection says it */
    MIR_WIRE_MAX_LINE = 8 << 20, /* bytes, LF included: a 4 MB script fits */
    MIR_WIRE_MAX_FIELDS = 128,
};

struct mir_wire_field {
    const char *key;
    const char *value; /* NUL-terminated */
    size_t len;        /* of the value */
};

/* A parsed line; lent by the buffer that it was parsed in. */
struct mir_wire_record {
    const char *verb;
    struct mir_wire_field fields[MIR_WIRE_MAX_FIELDS];
    size_t n_fields;
};

/*
 * Parse `line[0..len)`, without its LF, in place: it is cut and unescaped, and
 * line[len], where the LF was, becomes a NUL.  Exactly one space between items;
 * hex digits of both cases.  Returns 0 or -EINVAL with what is wrong and at which
 * byte (from 1); the record then has what came before.
 */
int mir_wire_parse(char *line, size_t len, struct mir_wire_record *out, struct mir_error *err);

/* The first value of `key`; NULL when it is not there. */
const char *mir_wire_get(const struct mir_wire_record *r, const char *key);

/*
 * The first value of `key` as a whole number in [min, max].  Returns 0, -ENOENT,
 * -EINVAL or -ERANGE; `*out` stays as it was on failure.
 */
int mir_wire_get_i64(const struct mir_wire_record *r,
                     const char *key,
                     int64_t min,
                     int64_t max,
                     int64_t *out,
                     struct mir_error *err);

/*
 * Append a record: begin, any number of add, end.  That verb and keys are of the
 * grammar and that no value holds a NUL is the caller's care (asserted).
 */
void mir_wire_begin(struct mir_str *s, const char *verb);
void mir_wire_add(struct mir_str *s, const char *key, const char *value); /* NULL: not added */
void mir_wire_add_n(struct mir_str *s, const char *key, const char *value, size_t len);
void mir_wire_add_i64(struct mir_str *s, const char *key, int64_t value);
void mir_wire_add_f64(struct mir_str *s, const char *key, double value); /* %.17g */
void mir_wire_end(struct mir_str *s);

/* Bytes from a socket, cut into lines.  Start from {0}. */
struct mir_wire_input {
    char *bytes;
    size_t begin, end, cap;
    size_t scanned; /* no LF between begin and here */
};

/*
 * Read what `fd` has now, with one read(2) of at most 1 MiB, so that a blocking
 * descriptor that poll(2) reports does not block.  Returns the number of bytes
 * read, 0 at the end of the stream, -EAGAIN, -EMSGSIZE (a line over
 * MIR_WIRE_MAX_LINE: the stream is of no further use) or another negative errno.
 * Take all lines between two reads, or the memory grows.
 */
int mir_wire_read(struct mir_wire_input *in, int fd);

/* Append bytes as if read; for tests and fuzzing.  Returns 0 or -EMSGSIZE. */
int mir_wire_feed(struct mir_wire_input *in, const char *bytes, size_t len);

/*
 * The next whole line without its LF; good until the next read or feed.
 * False when there is none yet.
 */
bool mir_wire_next_line(struct mir_wire_input *in, char **line, size_t *len);

void mir_wire_release(struct mir_wire_input *in);

#endif
