/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table.c - lines of delimited fields under a header line that names them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "traces/reader/internal.h"

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ' ' || c == '/';
}

/* What stands between the first two names is the delimiter: sacct takes any text for it. */
static int find_delimiter(struct mir_table *t, struct mir_reader *r, struct mir_span header)
{
    size_t begin = 0;
    size_t end;

    while (begin < header.len && is_name_byte(header.s[begin]))
        begin++;
    end = begin;
    while (end < header.len && !is_name_byte(header.s[end]))
        end++;
    if (end == begin || end - begin > sizeof t->delimiter)
        return mir_error_set(r->err, -EBADMSG, "%s: no header line with delimited names", r->name);
    t->delimiter_len = end - begin;
    memcpy(t->delimiter, header.s + begin, t->delimiter_len);
    return 0;
}

static void add_field(struct mir_table *t, const char *s, size_t len)
{
    t->fields = mir_grow(t->fields, &t->cap_fields, t->n_fields + 1, sizeof *t->fields);
    t->fields[t->n_fields++] = (struct mir_span){s, len};
}

static void split_plain(struct mir_table *t, struct mir_span line)
{
    const char *at = line.s;
    const char *end = line.s + line.len;
    const char *next;

    for (;;) {
        if (t->delimiter_len == 1)
            next = memchr(at, t->delimiter[0], (size_t)(end - at));
        else
            next = memmem(at, (size_t)(end - at), t->delimiter, t->delimiter_len);
        if (!next)
            break;
        add_field(t, at, (size_t)(next - at));
        at = next + t->delimiter_len;
    }
    add_field(t, at, (size_t)(end - at));
}

/* The field in quotes at `at`, unquoted to `to`; returns what follows the closing quote. */
static const char *unquote(const char *at, const char *end, char **to)
{
    for (at++; at < end; at++) {
        if (*at == '"') {
            if (at + 1 == end || at[1] != '"')
                return at + 1;
            at++;
        }
        *(*to)++ = *at;
    }
    return at;
}

/* RFC 4180; only fields that begin with a quote are looked into. */
static void split_quoted(struct mir_table *t, struct mir_span line)
{
    const char *at = line.s;
    const char *end = line.s + line.len;
    char *to;

    /* Unquoted text is never longer, so that the buffer stays where it is. */
    t->unquoted.len = 0;
    mir_str_add_n(&t->unquoted, line.s, line.len);
    to = t->unquoted.text;
    for (;;) {
        char *begin = to;

        if (at < end && *at == '"')
            at = unquote(at, end, &to);
        while (at < end && *at != t->delimiter[0])
            *to++ = *at++;
        add_field(t, begin, (size_t)(to - begin));
        if (at == end)
            return;
        at++;
    }
}

void mir_table_split(struct mir_table *t, struct mir_span line)
{
    t->n_fields = 0;
    t->plain = !t->quoted || !memchr(line.s, '"', line.len);
    if (!t->plain)
        split_quoted(t, line);
    else
        split_plain(t, line);
}

bool mir_table_is_whole(const struct mir_table *t)
{
    return t->n_fields >= t->n_columns + (t->trailing ? 1 : 0);
}

static int find_column(const struct mir_table *t, const char *name)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (mir_span_is_word(mir_span_trim(t->fields[i]), name))
            return (int)i;
    }
    return -1;
}

static int find_columns(struct mir_table *t,
                        struct mir_reader *r,
                        const struct mir_column *columns,
                        size_t n_columns)
{
    size_t n_free = 0;

    for (int k = 0; k < MIR_TABLE_KEYS; k++)
        t->column[k] = -1;
    t->free_column = -1;
    for (size_t i = 0; i < n_columns; i++) {
        int found = find_column(t, columns[i].name);

        if (found >= 0 && t->column[columns[i].key] < 0)
            t->column[columns[i].key] = found;
        if (found >= 0 && columns[i].free_text) {
            t->free_column = found;
            n_free++;
        }
    }
    if (n_free > 1)
        t->free_column = -1;
    for (size_t i = 0; i < n_columns; i++) {
        if (columns[i].required && t->column[columns[i].key] < 0)
            return mir_error_set(r->err, -EBADMSG, "%s: the header has no column %s", r->name,
                                 columns[i].name);
    }
    return 0;
}

int mir_table_open(struct mir_table *t,
                   struct mir_reader *r,
                   struct mir_span header,
                   const char *delimiter,
                   const struct mir_column *columns,
                   size_t n_columns)
{
    int rc = 0;

    if (delimiter) {
        t->delimiter_len = strlen(delimiter);
        memcpy(t->delimiter, delimiter, t->delimiter_len);
    } else {
        rc = find_delimiter(t, r, header);
    }
    if (rc != 0)
        return rc;
    mir_str_add_n(&t->header, header.s, header.len);
    mir_table_split(t, header);
    t->trailing = t->n_fields > 1 && t->fields[t->n_fields - 1].len == 0;
    t->n_columns = t->n_fields - (t->trailing ? 1 : 0);
    return find_columns(t, r, columns, n_columns);
}

void mir_table_close(struct mir_table *t)
{
    mir_str_release(&t->header);
    mir_str_release(&t->unquoted);
    free(t->fields);
}

/* The free column takes `n_more` fields and the delimiters between them. */
static void widen_free_column(struct mir_table *t, size_t n_more)
{
    size_t i = (size_t)t->free_column;
    const struct mir_span *last = &t->fields[i + n_more];

    t->fields[i].len = (size_t)(last->s + last->len - t->fields[i].s);
    memmove(&t->fields[i + 1], &t->fields[i + 1 + n_more],
            (t->n_fields - i - 1 - n_more) * sizeof *t->fields);
    t->n_fields -= n_more;
}

int mir_table_fit(struct mir_table *t, struct mir_reader *r, struct mir_span line)
{
    if (line.len == t->header.len && memcmp(line.s, t->header.text, line.len) == 0)
        return MIR_LINE_SKIPPED;
    if (t->trailing && t->n_fields > t->n_columns && t->fields[t->n_fields - 1].len == 0)
        t->n_fields--;
    if (t->n_fields > t->n_columns && t->free_column >= 0 && t->plain)
        widen_free_column(t, t->n_fields - t->n_columns);
    if (t->n_fields != t->n_columns)
        return mir_reader_bad_line(r, "%zu fields where the header has %zu", t->n_fields,
                                   t->n_columns);
    return MIR_LINE_DONE;
}

int mir_table_line(struct mir_table *t, struct mir_reader *r, struct mir_span line)
{
    mir_table_split(t, line);
    return mir_table_fit(t, r, line);
}

int mir_table_job(struct mir_table *t,
                  struct mir_reader *r,
                  struct mir_span line,
                  const struct mir_column *columns,
                  size_t n_columns,
                  mir_take_job_f take)
{
    int rc;

    line = mir_span_trim(line);
    if (line.len == 0)
        return MIR_LINE_SKIPPED;
    if (t->delimiter_len == 0) {
        rc = mir_table_open(t, r, line, ",", columns, n_columns);
        return rc != 0 ? rc : MIR_LINE_SKIPPED;
    }
    rc = mir_table_line(t, r, line);
    return rc == MIR_LINE_DONE ? take(r, t) : rc;
}

bool mir_table_has(const struct mir_table *t, int key)
{
    return t->column[key] >= 0;
}

struct mir_span mir_table_raw(const struct mir_table *t, int key)
{
    return t->column[key] >= 0 ? t->fields[t->column[key]] : (struct mir_span){"", 0};
}

struct mir_span mir_table_get(const struct mir_table *t, int key)
{
    return mir_span_trim(mir_table_raw(t, key));
}
