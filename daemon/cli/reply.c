/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reply.c - an HTTP/1.1 reply from bytes. */
#include "daemon/cli/reply.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "daemon/core/str.h"

struct head {
    int status;
    bool chunked;
    int64_t length; /* -1: not given */
};

static int malformed(struct mir_error *err, const char *what)
{
    return mir_error_set(err, -EPROTO, "not a reply from the daemon: %s", what);
}

/* The line at `*at` without its end; false when it is not whole yet. */
static bool next_line(const char *bytes, size_t len, size_t *at, const char **line, size_t *n)
{
    const char *end = memchr(bytes + *at, '\n', len - *at);

    if (end == NULL)
        return false;
    *line = bytes + *at;
    *n = (size_t)(end - *line);
    *at += *n + 1;
    if (*n > 0 && (*line)[*n - 1] == '\r')
        --*n;
    return true;
}

static int parse_status(const char *line, size_t n, struct head *head, struct mir_error *err)
{
    int64_t status;

    if (n < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' ||
        !isdigit((unsigned char)line[9]) || (n > 12 && line[12] != ' ') ||
        mir_parse_i64(line + 9, 3, &status) != 0 || status < 100 || status > 599)
        return malformed(err, "its first line");
    *head = (struct head){.status = (int)status, .length = -1};
    return 0;
}

static int take_length(const char *value, size_t n, struct head *head, struct mir_error *err)
{
    int64_t length;

    if (n == 0 || !isdigit((unsigned char)value[0]) || mir_parse_i64(value, n, &length) != 0 ||
        (head->length >= 0 && head->length != length))
        return malformed(err, "its Content-Length");
    if (length > MIR_REPLY_BODY_MAX)
        return mir_error_set(err, -EMSGSIZE, "the reply is over %d bytes", MIR_REPLY_BODY_MAX);
    head->length = length;
    return 0;
}

static int parse_header(const char *line, size_t n, struct head *head, struct mir_error *err)
{
    const char *colon = memchr(line, ':', n);
    const char *value, *end = line + n;
    size_t name_len, value_len;

    if (colon == NULL || colon == line)
        return malformed(err, "a header without a name");
    name_len = (size_t)(colon - line);
    for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
        continue;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    value_len = (size_t)(end - value);
    if (name_len == 14 && strncasecmp(line, "Content-Length", 14) == 0)
        return take_length(value, value_len, head, err);
    if (name_len == 17 && strncasecmp(line, "Transfer-Encoding", 17) == 0) {
        if (value_len != 7 || strncasecmp(value, "chunked", 7) != 0)
            return malformed(err, "its Transfer-Encoding");
        head->chunked = true;
    }
    return 0;
}

/* Status line and headers up to the empty line: 1 and `*at` behind it, 0 for more, or an error. */
static int
parse_head(const char *bytes, size_t len, size_t *at, struct head *head, struct mir_error *err)
{
    size_t n, start = *at;
    const char *line;
    int rc;

    for (bool first = true; next_line(bytes, len, at, &line, &n); first = false) {
        if (*at - start > MIR_REPLY_HEAD_MAX)
            break;
        if (!first && n == 0)
            return head->chunked && head->length >= 0 ? malformed(err, "two lengths") : 1;
        rc = first ? parse_status(line, n, head, err) : parse_header(line, n, head, err);
        if (rc != 0)
            return rc;
    }
    if (len - start > MIR_REPLY_HEAD_MAX)
        return mir_error_set(err, -EMSGSIZE, "the reply's head is over %d bytes",
                             MIR_REPLY_HEAD_MAX);
    return 0;
}

static int parse_chunk_size(const char *line, size_t n, size_t *out, struct mir_error *err)
{
    size_t size = 0, i;

    for (i = 0; i < n && isxdigit((unsigned char)line[i]); i++) {
        int c = tolower((unsigned char)line[i]);

        if (i >= 8)
            return mir_error_set(err, -EMSGSIZE, "a chunk of the reply is too long");
        size = size * 16 + (size_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (i == 0 || (i < n && line[i] != ';' && line[i] != ' '))
        return malformed(err, "the size of a chunk");
    *out = size;
    return 0;
}

/* Trailers after the last chunk: ignored up to the empty line. */
static int skip_trailers(const char *bytes, size_t len, size_t at)
{
    const char *line;
    size_t n;

    while (next_line(bytes, len, &at, &line, &n)) {
        if (n == 0)
            return 1;
    }
    return 0;
}

static int
join_chunks(const char *bytes, size_t len, size_t at, struct mir_str *body, struct mir_error *err)
{
    const char *line;
    size_t n, size = 0;
    int rc;

    while (next_line(bytes, len, &at, &line, &n)) {
        rc = parse_chunk_size(line, n, &size, err);
        if (rc != 0)
            return rc;
        if (size == 0)
            return skip_trailers(bytes, len, at);
        if (size > (size_t)MIR_REPLY_BODY_MAX - body->len)
            return mir_error_set(err, -EMSGSIZE, "the reply is over %d bytes", MIR_REPLY_BODY_MAX);
        if (len - at < size)
            return 0;
        mir_str_add_n(body, bytes + at, size);
        at += size;
        if (!next_line(bytes, len, &at, &line, &n))
            return 0;
        if (n != 0)
            return malformed(err, "a chunk longer than its size");
    }
    return 0;
}

static int find_body(const char *bytes,
                     size_t len,
                     bool ended,
                     const struct head *head,
                     size_t at,
                     struct mir_str *body,
                     struct mir_error *err)
{
    size_t n = len - at;

    if (head->chunked)
        return join_chunks(bytes, len, at, body, err);
    if (head->length < 0) {
        if (n > MIR_REPLY_BODY_MAX)
            return mir_error_set(err, -EMSGSIZE, "the reply is over %d bytes", MIR_REPLY_BODY_MAX);
        if (!ended)
            return 0;
    } else {
        if (n < (size_t)head->length)
            return 0;
        n = (size_t)head->length;
    }
    mir_str_add_n(body, bytes + at, n);
    return 1;
}

int mir_cli_reply_parse(const char *bytes,
                        size_t len,
                        bool ended,
                        struct mir_cli_reply *out,
                        struct mir_error *err)
{
    struct mir_str body = {0};
    struct head head = {0};
    size_t at = 0;
    int rc;

    do /* "100 Continue" and the like come before the reply itself */
        rc = parse_head(bytes, len, &at, &head, err);
    while (rc == 1 && head.status < 200);
    if (rc == 1)
        rc = find_body(bytes, len, ended, &head, at, &body, err);
    if (rc == 0 && ended)
        rc = mir_error_set(err, -EPROTO, "the daemon's reply is cut off after %zu bytes", len);
    if (rc != 1) {
        mir_str_release(&body);
        return rc;
    }
    mir_str_add(&body, "");
    *out = (struct mir_cli_reply){.status = head.status, .body = body.text, .body_len = body.len};
    return 1;
}
