/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wire.c - one record a line: verb, keys and values. */
#include "daemon/host/wire.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"

enum {
    READ_MIN = 64 << 10, /* there is room for this much before a read */
    READ_MAX = 1 << 20,
    KEEP_MAX = 1 << 20, /* a buffer beyond this is given back once the long line is gone */
};

/* ---- parsing */

/* What a value never holds as it stands; a space ends it. */
static inline bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

static bool is_word(const char *s, size_t len)
{
    if (len == 0 || (s[0] >= '0' && s[0] <= '9'))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '0' && s[i] <= '9') && s[i] != '_')
            return false;
    return true;
}

/* Without a branch in it, so that the compiler looks at many bytes at once. */
static bool has_control(const char *s, size_t len)
{
    unsigned found = 0;

    for (size_t i = 0; i < len; i++)
        found |= is_control((unsigned char)s[i]);
    return found != 0;
}

static int refuse_control(const char *line, size_t len, struct mir_error *err)
{
    size_t i = 0;

    while (i < len && !is_control((unsigned char)line[i]))
        i++;
    return mir_error_set(err, -EINVAL, "byte %zu: 0x%02x must be written as %%%02X", i + 1,
                         (unsigned char)line[i], (unsigned char)line[i]);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* The byte that %XX at `s` stands for; 0, which none may stand for, when it is malformed. */
static char escaped_byte(const char *s, const char *end)
{
    int high, low;

    if (end - s < 3)
        return 0;
    high = hex_digit(s[1]);
    low = hex_digit(s[2]);
    return high < 0 || low < 0 ? 0 : (char)(high << 4 | low);
}

/* Unescape in place; NULL, or the percent sign that does not begin a byte. */
static const char *unescape(char *value, size_t *len)
{
    const char *end = value + *len;
    char *to = memchr(value, '%', *len);
    const char *from = to;

    if (to == NULL)
        return NULL;
    while (from < end) {
        if (*from != '%') {
            *to++ = *from++;
            continue;
        }
        *to = escaped_byte(from, end);
        if (*to++ == 0)
            return from;
        from += 3;
    }
    *len = (size_t)(to - value);
    *to = '\0';
    return NULL;
}

/* One "key=value" in [item, end), where *end is a NUL by now; `line` is for the message. */
static int parse_field(const char *line,
                       char *item,
                       const char *end,
                       struct mir_wire_record *out,
                       struct mir_error *err)
{
    struct mir_wire_field *f = &out->fields[out->n_fields];
    size_t at = (size_t)(item - line) + 1;
    char *equals = memchr(item, '=', (size_t)(end - item));
    const char *bad;
    size_t len;

    if (out->n_fields == MIR_WIRE_MAX_FIELDS)
        return mir_error_set(err, -EINVAL, "byte %zu: more than %d fields", at,
                             MIR_WIRE_MAX_FIELDS);
    if (equals == NULL || !is_word(item, (size_t)(equals - item)))
        return mir_error_set(err, -EINVAL, "byte %zu: expected key=value", at);
    *equals = '\0';
    len = (size_t)(end - equals) - 1;
    bad = unescape(equals + 1, &len);
    if (bad != NULL)
        return mir_error_set(err, -EINVAL,
                             "byte %zu: expected two hex digits, not both 0, after the %%",
                             (size_t)(bad - line) + 1);
    *f = (struct mir_wire_field){.key = item, .value = equals + 1, .len = len};
    out->n_fields++;
    return 0;
}

/* End the item at its space, or at the line's end. */
static char *cut_item(char *item, char *end)
{
    char *space = memchr(item, ' ', (size_t)(end - item));
    char *cut = space != NULL ? space : end;

    *cut = '\0';
    return cut;
}

int mir_wire_parse(char *line, size_t len, struct mir_wire_record *out, struct mir_error *err)
{
    char *end = line + len;
    char *cut;
    int rc;

    out->verb = "";
    out->n_fields = 0;
    if (has_control(line, len))
        return refuse_control(line, len, err);
    cut = cut_item(line, end);
    if (!is_word(line, (size_t)(cut - line)))
        return mir_error_set(err, -EINVAL, "byte 1: expected a verb");
    out->verb = line;
    while (cut != end) {
        char *item = cut + 1;

        cut = cut_item(item, end);
        rc = parse_field(line, item, cut, out, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* ---- reading a record */

static const struct mir_wire_field *find_field(const struct mir_wire_record *r, const char *key)
{
    for (size_t i = 0; i < r->n_fields; i++)
        if (strcmp(r->fields[i].key, key) == 0)
            return &r->fields[i];
    return NULL;
}

const char *mir_wire_get(const struct mir_wire_record *r, const char *key)
{
    const struct mir_wire_field *f = find_field(r, key);

    return f != NULL ? f->value : NULL;
}

int mir_wire_get_i64(const struct mir_wire_record *r,
                     const char *key,
                     int64_t min,
                     int64_t max,
                     int64_t *out,
                     struct mir_error *err)
{
    const struct mir_wire_field *f = find_field(r, key);
    int64_t value = 0;
    int rc;

    if (f == NULL)
        return mir_error_set(err, -ENOENT, "%s: %s is not given", r->verb, key);
    rc = mir_parse_i64(f->value, f->len, &value);
    if (rc == -EINVAL)
        return mir_error_set(err, rc, "%s: %s is not a whole number", r->verb, key);
    if (rc != 0 || value < min || value > max)
        return mir_error_set(err, -ERANGE, "%s: %s is not from %" PRId64 " to %" PRId64, r->verb,
                             key, min, max);
    *out = value;
    return 0;
}

/* ---- writing */

void mir_wire_begin(struct mir_str *s, const char *verb)
{
    assert(is_word(verb, strlen(verb)));
    mir_str_add(s, verb);
}

static inline bool must_escape(unsigned char c)
{
    return c <= 0x20 || c == 0x7f || c == '%';
}

static void add_escaped(struct mir_str *s, const char *value, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t i = 0;

    while (i < len) {
        size_t from = i;
        unsigned char c;

        while (i < len && !must_escape((unsigned char)value[i]))
            i++;
        mir_str_add_n(s, value + from, i - from);
        if (i == len)
            break;
        c = (unsigned char)value[i++];
        mir_str_add_n(s, (const char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
    }
}

void mir_wire_add_n(struct mir_str *s, const char *key, const char *value, size_t len)
{
    assert(is_word(key, strlen(key)));
    assert(len == 0 || memchr(value, '\0', len) == NULL);
    mir_str_add_n(s, " ", 1);
    mir_str_add(s, key);
    mir_str_add_n(s, "=", 1);
    add_escaped(s, value, len);
}

void mir_wire_add(struct mir_str *s, const char *key, const char *value)
{
    if (value != NULL)
        mir_wire_add_n(s, key, value, strlen(value));
}

void mir_wire_add_i64(struct mir_str *s, const char *key, int64_t value)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%" PRId64, value);

    mir_wire_add_n(s, key, text, (size_t)len);
}

void mir_wire_add_f64(struct mir_str *s, const char *key, double value)
{
    char text[40];
    int len = snprintf(text, sizeof text, "%.17g", value);

    for (int i = 0; i < len; i++)
        if (text[i] == ',') /* the decimal point of some locales */
            text[i] = '.';
    mir_wire_add_n(s, key, text, (size_t)len);
}

void mir_wire_end(struct mir_str *s)
{
    mir_str_add_n(s, "\n", 1);
}

/* ---- bytes to lines */

/* Make room for `room` more bytes; keep no large buffer that a long line has left behind. */
static void make_room(struct mir_wire_input *in, size_t room)
{
    size_t len = in->end - in->begin;

    if (in->begin > 0 && len > 0)
        memmove(in->bytes, in->bytes + in->begin, len);
    in->scanned -= in->begin;
    in->begin = 0;
    in->end = len;
    if (in->cap > KEEP_MAX && len + room <= KEEP_MAX / 2) {
        in->cap = len + room;
        in->bytes = mir_realloc(in->bytes, in->cap, 1);
    }
    in->bytes = mir_grow(in->bytes, &in->cap, len + room, 1);
}

/* Would the line that `n` new bytes behind the end go on with, or end, be too long? */
static bool is_too_long(const struct mir_wire_input *in, size_t n)
{
    const char *fresh = in->bytes + in->end;
    const char *begin = in->bytes + in->begin;
    const char *last, *lf;
    size_t len;

    if (in->end - in->begin + n < MIR_WIRE_MAX_LINE)
        return false;
    /* Lines that nobody has taken yet may lie before it. */
    last = memrchr(in->bytes + in->scanned, '\n', in->end - in->scanned);
    if (last != NULL)
        begin = last + 1;
    lf = memchr(fresh, '\n', n);
    len = (size_t)((lf != NULL ? lf : fresh + n) - begin);
    return len + 1 > MIR_WIRE_MAX_LINE; /* with its LF, come or yet to come */
}

int mir_wire_read(struct mir_wire_input *in, int fd)
{
    size_t room;
    ssize_t n;

    make_room(in, READ_MIN);
    room = in->cap - in->end;
    if (room > READ_MAX)
        room = READ_MAX;
    do {
        n = read(fd, in->bytes + in->end, room);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    if (is_too_long(in, (size_t)n))
        return -EMSGSIZE;
    in->end += (size_t)n;
    return (int)n;
}

int mir_wire_feed(struct mir_wire_input *in, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t n = len < READ_MIN ? len : READ_MIN;

        make_room(in, n);
        memcpy(in->bytes + in->end, bytes, n);
        if (is_too_long(in, n))
            return -EMSGSIZE;
        in->end += n;
        bytes += n;
        len -= n;
    }
    return 0;
}

bool mir_wire_next_line(struct mir_wire_input *in, char **line, size_t *len)
{
    char *lf = NULL;

    if (in->scanned < in->end)
        lf = memchr(in->bytes + in->scanned, '\n', in->end - in->scanned);
    if (lf == NULL) {
        in->scanned = in->end;
        return false;
    }
    *line = in->bytes + in->begin;
    *len = (size_t)(lf - *line);
    in->begin = (size_t)(lf - in->bytes) + 1;
    in->scanned = in->begin;
    return true;
}

void mir_wire_release(struct mir_wire_input *in)
{
    free(in->bytes);
    *in = (struct mir_wire_input){0};
}
