/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conf_text.c - see conf_text.h.  What Slurm's own parser takes: a comment goes
 * from an unescaped # to the end of the line, also inside quotes; a backslash
 * at the end joins the next line; blanks may stand around "=".
 */
#include "traces/sim/conf_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"

struct reading {
    const char *name;
    mir_conf_line_f each;
    void *context;
    struct mir_error *err;
    struct mir_conf_pair *pairs;
    size_t cap;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_key_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static char *skip_blanks(char *s)
{
    while (is_blank(*s))
        s++;
    return s;
}

static int refuse(const struct reading *r, size_t number, const char *at)
{
    return mir_error_set(r->err, -EINVAL, "%s:%zu: expected key=value, not \"%.40s\"", r->name,
                         number, at);
}

/* The value at `s`, NUL-terminated in place; returns what follows, or NULL for an open quote. */
static char *cut_value(char *s, const char **value)
{
    char *end;

    if (*s == '"') {
        *value = s + 1;
        end = strchr(s + 1, '"');
        if (end == NULL)
            return NULL;
    } else {
        *value = s;
        end = s;
        while (*end != '\0' && !is_blank(*end))
            end++;
    }
    if (*end == '\0')
        return end;
    *end = '\0';
    return end + 1;
}

/* The next pair of the line at `*s`. */
static int cut_pair(const struct reading *r, size_t number, char **s, struct mir_conf_pair *out)
{
    char *begin = *s;
    char *key_end;
    char *p = begin;

    while (is_key_char(*p))
        p++;
    key_end = p;
    p = skip_blanks(p);
    /* "+=" and the like are Slurm's, and mean "=" where a key is given once. */
    if (*p != '\0' && strchr("+-*/", *p) != NULL && p[1] == '=')
        p++;
    if (key_end == begin || *p != '=')
        return refuse(r, number, begin);
    p = cut_value(skip_blanks(p + 1), &out->value);
    if (p == NULL)
        return mir_error_set(r->err, -EINVAL, "%s:%zu: a quote is not closed", r->name, number);
    *key_end = '\0';
    out->key = begin;
    *s = skip_blanks(p);
    return 0;
}

static const char *include_path(char *line)
{
    char *path;
    size_t len;

    if (strncasecmp(line, "include", 7) != 0 || !is_blank(line[7]))
        return NULL;
    path = skip_blanks(line + 7);
    len = strlen(path);
    while (len > 0 && is_blank(path[len - 1]))
        path[--len] = '\0';
    return *path == '=' ? NULL : path;
}

/* One whole line, joined and without comments; it is cut up in place. */
static int read_line(struct reading *r, size_t number, char *text)
{
    struct mir_conf_line line = {.file = r->name, .number = number};
    char *s = skip_blanks(text);

    if (*s == '\0')
        return 0;
    line.include = include_path(s);
    while (line.include == NULL && *s != '\0') {
        int rc;

        r->pairs = mir_grow(r->pairs, &r->cap, line.n_pairs + 1, sizeof(*r->pairs));
        rc = cut_pair(r, number, &s, &r->pairs[line.n_pairs]);
        if (rc != 0)
            return rc;
        line.n_pairs++;
    }
    line.pairs = r->pairs;
    return r->each(r->context, &line, r->err);
}

/* How much of a line is left without its comment and the blanks before that. */
static size_t bare_length(const char *s, size_t len)
{
    size_t n = 0;

    while (n < len && !(s[n] == '#' && (n == 0 || s[n - 1] != '\\')))
        n++;
    while (n > 0 && is_blank(s[n - 1]))
        n--;
    return n;
}

static void add_unescaped(struct mir_str *to, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!(s[i] == '\\' && i + 1 < len && s[i + 1] == '#'))
            mir_str_add_n(to, s + i, 1);
    }
}

int mir_conf_text_each(const char *name,
                       const char *text,
                       size_t len,
                       mir_conf_line_f each,
                       void *context,
                       struct mir_error *err)
{
    struct reading r = {.name = name, .each = each, .context = context, .err = err};
    struct mir_str joined = {0};
    size_t number = 1, first = 1, at = 0;
    int rc = 0;

    if (memchr(text, '\0', len) != NULL)
        return mir_error_set(err, -EINVAL, "%s:1: not a text file", name);
    for (; rc == 0 && at < len; number++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line_len = end == NULL ? len - at : (size_t)(end - (text + at));
        size_t bare = bare_length(text + at, line_len);
        bool continued = bare > 0 && text[at + bare - 1] == '\\';

        add_unescaped(&joined, text + at, bare - continued);
        at += line_len + 1;
        if (continued && at < len)
            continue;
        if (joined.len > 0)
            rc = read_line(&r, first, joined.text);
        joined.len = 0;
        first = number + 1;
    }
    mir_str_release(&joined);
    free(r.pairs);
    return rc;
}

const char *mir_conf_line_get(const struct mir_conf_line *line, const char *key)
{
    for (size_t i = 0; i < line->n_pairs; i++) {
        if (strcasecmp(line->pairs[i].key, key) == 0)
            return line->pairs[i].value;
    }
    return NULL;
}
