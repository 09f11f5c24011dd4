/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_wire.c - any bytes in any pieces; what is understood is written back the same. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/host/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_record(const struct mir_wire_record *r, struct mir_str *s)
{
    mir_wire_begin(s, r->verb);
    for (size_t i = 0; i < r->n_fields; i++)
        mir_wire_add_n(s, r->fields[i].key, r->fields[i].value, r->fields[i].len);
    mir_wire_end(s);
}

static void compare(const struct mir_wire_record *a, const struct mir_wire_record *b)
{
    if (strcmp(a->verb, b->verb) != 0 || a->n_fields != b->n_fields)
        abort();
    for (size_t i = 0; i < a->n_fields; i++) {
        const struct mir_wire_field *x = &a->fields[i], *y = &b->fields[i];

        if (strcmp(x->key, y->key) != 0 || x->len != y->len || strlen(x->value) != x->len ||
            memcmp(x->value, y->value, x->len) != 0)
            abort();
    }
}

/* In memory of its own length, with the one byte behind it that may be written. */
static void parse_line(const char *line, size_t len)
{
    struct mir_wire_record r, again;
    struct mir_error err = {{0}};
    struct mir_str s = {0};
    char *copy = mir_alloc(len + 1, 1);
    int64_t n = 0;

    memcpy(copy, line, len);
    if (mir_wire_parse(copy, len, &r, &err) == 0) {
        write_record(&r, &s);
        s.text[--s.len] = '\0'; /* the LF */
        if (mir_wire_parse(s.text, s.len, &again, NULL) != 0)
            abort();
        compare(&r, &again);
        if (mir_wire_get_i64(&r, "id", 0, 100, &n, &err) == 0 && (n < 0 || n > 100))
            abort();
    } else if (err.text[0] == '\0') {
        abort();
    }
    mir_str_release(&s);
    free(copy);
}

/* Cut at every LF by the plainest of means, for comparison. */
static void expect_line(const uint8_t **at, const uint8_t *end, const char *line, size_t len)
{
    if ((size_t)(end - *at) < len + 1 || memcmp(*at, line, len) != 0 || (*at)[len] != '\n')
        abort();
    *at += len + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mir_wire_input in = {0};
    const uint8_t *at = data;
    uint32_t piece = size > 0 ? data[0] : 0;
    char *line;
    size_t len;

    for (size_t i = 0; i < size;) {
        size_t n;

        piece = piece * 1664525 + 1013904223;
        n = 1 + (piece >> 26);
        if (n > size - i)
            n = size - i;
        if (mir_wire_feed(&in, (const char *)data + i, n) != 0)
            abort(); /* no input here is that long */
        i += n;
        while ((piece >> 20 & 3) != 0 && mir_wire_next_line(&in, &line, &len)) {
            expect_line(&at, data + size, line, len);
            parse_line(line, len);
        }
    }
    while (mir_wire_next_line(&in, &line, &len)) {
        expect_line(&at, data + size, line, len);
        parse_line(line, len);
    }
    if (size > 0 && memchr(at, '\n', (size_t)(data + size - at)) != NULL)
        abort();
    mir_wire_release(&in);
    parse_line((const char *)data, size);
    return 0;
}
