/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scan.c - comments, quotes and assignments of mirage.conf. */
#include "daemon/config/scan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"

struct scanner {
    struct mir_config_scan *scan;
    const char *name;
    char *at;
    int line;
    char *section, *title; /* open now; NULL outside of any */
    int section_line;
    char *word[2]; /* of the statement so far: name and title, or the key last */
    size_t n_words;
    bool after_equal, in_list;
    struct mir_error *err;
};

static int refuse(const struct scanner *s, int line, const char *what)
{
    return mir_error_set(s->err, -EINVAL, "%s:%d: %s", s->name, line, what);
}

static void forget_words(struct scanner *s)
{
    for (size_t i = 0; i < s->n_words; i++)
        free(s->word[i]);
    s->n_words = 0;
}

/* The next word of a statement; more than two are an error that libconfuse names. */
static void take_word(struct scanner *s, const char *text)
{
    if (s->in_list)
        return;
    if (s->after_equal) {
        s->after_equal = false;
        return;
    }
    if (s->n_words == 2) {
        free(s->word[0]);
        s->word[0] = s->word[1];
        s->n_words = 1;
    }
    s->word[s->n_words++] = mir_strdup(text);
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static int
check_once(const struct scanner *s, const char *section, const char *title, const char *key)
{
    for (size_t i = 0; i < s->scan->n_entries; i++) {
        const struct mir_config_entry *e = &s->scan->entries[i];

        if (strcmp(e->section, section) != 0 || strcmp(e->title, title) != 0 ||
            strcmp(e->key, key) != 0)
            continue;
        return mir_error_set(
            s->err, -EINVAL, "%s:%d: '%.100s%s%.100s' is given twice, first in line %d", s->name,
            s->line, key[0] != '\0' ? key : section, key[0] == '\0' && title[0] != '\0' ? " " : "",
            key[0] == '\0' ? title : "", e->line);
    }
    return 0;
}

static int add_entry(struct scanner *s, const char *section, const char *title, const char *key)
{
    struct mir_config_scan *scan = s->scan;
    int rc = check_once(s, section, title, key);

    if (rc != 0)
        return rc;
    if (scan->n_entries == MIR_CONFIG_ENTRIES_MAX)
        return refuse(s, s->line, "too many settings");
    scan->entries =
        mir_grow(scan->entries, &scan->cap, scan->n_entries + 1, sizeof(*scan->entries));
    scan->entries[scan->n_entries++] = (struct mir_config_entry){
        .section = mir_strdup(section),
        .title = mir_strdup(title),
        .key = mir_strdup(key),
        .line = s->line,
    };
    return 0;
}

static int take_equal(struct scanner *s)
{
    int rc;

    if (s->n_words == 0 || s->in_list || s->after_equal)
        return refuse(s, s->line, "unexpected '='");
    rc = add_entry(s, or_empty(s->section), or_empty(s->title), s->word[s->n_words - 1]);
    forget_words(s);
    s->after_equal = true;
    return rc;
}

static int take_open(struct scanner *s)
{
    int rc;

    if (s->after_equal) {
        s->after_equal = false;
        s->in_list = true;
        return 0;
    }
    if (s->n_words == 0 || s->in_list || s->section != NULL)
        return refuse(s, s->line, "unexpected '{'");
    rc = add_entry(s, s->word[0], s->n_words == 2 ? s->word[1] : "", "");
    s->section_line = s->line;
    s->section = s->word[0];
    s->title = s->n_words == 2 ? s->word[1] : NULL;
    s->n_words = 0;
    return rc;
}

static void take_close(struct scanner *s)
{
    if (s->in_list) {
        s->in_list = false;
        return;
    }
    free(s->section);
    free(s->title);
    s->section = s->title = NULL;
    forget_words(s);
}

static int skip_comment(struct scanner *s)
{
    int line = s->line;
    bool c_style = s->at[0] == '/' && s->at[1] == '*';

    if (c_style)
        memset(s->at, ' ', 2);
    for (; *s->at != '\0'; s->at++) {
        if (c_style && s->at[0] == '*' && s->at[1] == '/') {
            memset(s->at, ' ', 2);
            return 0;
        }
        if (*s->at == '\n') {
            if (!c_style)
                return 0;
            s->line++;
        } else {
            *s->at = ' ';
        }
    }
    return c_style ? refuse(s, line, "this comment has no end") : 0;
}

/* Only the quote itself and a backslash are escaped: no NUL byte, no newline comes in that way. */
static int take_string(struct scanner *s)
{
    struct mir_str text = {0};
    char quote = *s->at++;
    const char *bad = NULL;

    mir_str_add(&text, "");
    while (bad == NULL && *s->at != quote) {
        if (*s->at == '\0' || *s->at == '\n')
            bad = "this string does not end in its line";
        else if ((unsigned char)*s->at < ' ' || *s->at == 0x7f)
            bad = "control character in a string";
        else if (quote == '"' && s->at[0] == '$' && s->at[1] == '{')
            bad = "the environment is not used here; ${ needs single quotes";
        else if (*s->at == '\\' && s->at[1] != quote && s->at[1] != '\\')
            bad = "only a quote or a backslash may follow a backslash";
        else
            s->at += *s->at == '\\';
        if (bad == NULL)
            mir_str_add_n(&text, s->at++, 1);
    }
    if (bad == NULL) {
        s->at++;
        take_word(s, text.text);
    }
    mir_str_release(&text);
    return bad != NULL ? refuse(s, s->line, bad) : 0;
}

static bool ends_word(char c)
{
    return c == '\0' || strchr(" \t\r\n#\"'={}(),+*", c) != NULL || (unsigned char)c < ' ' ||
           c == 0x7f;
}

static int take_bare_word(struct scanner *s)
{
    char *start = s->at;
    char *copy;
    int rc = 0;

    for (; !ends_word(*s->at); s->at++) {
        if ((s->at[0] == '/' && (s->at[1] == '/' || s->at[1] == '*')) ||
            (s->at[0] == '$' && s->at[1] == '{'))
            return refuse(s, s->line, "a value with //, /* or ${ needs single quotes");
    }
    copy = mir_alloc((size_t)(s->at - start) + 1, 1);
    memcpy(copy, start, (size_t)(s->at - start));
    if (s->at == start)
        rc = mir_error_set(s->err, -EINVAL, "%s:%d: unexpected character '%c'", s->name, s->line,
                           (unsigned char)*start > ' ' && *start != 0x7f ? *start : '?');
    else
        take_word(s, copy);
    free(copy);
    return rc;
}

static int take_token(struct scanner *s)
{
    switch (*s->at) {
    case '\n':
        s->line++;
        s->at++;
        return 0;
    case ' ':
    case '\t':
    case '\r':
    case ',':
        s->at++;
        return 0;
    case '=':
        s->at++;
        return take_equal(s);
    case '{':
        s->at++;
        return take_open(s);
    case '}':
        s->at++;
        take_close(s);
        return 0;
    case '"':
    case '\'':
        return take_string(s);
    case '#':
        return skip_comment(s);
    case '/':
        if (s->at[1] == '/' || s->at[1] == '*')
            return skip_comment(s);
        return take_bare_word(s);
    default:
        return take_bare_word(s);
    }
}

int mir_config_scan(const char *name,
                    const char *text,
                    struct mir_config_scan *out,
                    struct mir_error *err)
{
    struct scanner s = {.scan = out, .name = name, .line = 1, .err = err};
    int rc = 0;

    *out = (struct mir_config_scan){.text = mir_strdup(text)};
    for (s.at = out->text; rc == 0 && *s.at != '\0';)
        rc = take_token(&s);
    if (rc == 0 && s.section != NULL) /* libconfuse takes the end of the file for the brace */
        rc = refuse(&s, s.section_line, "this section has no end");
    forget_words(&s);
    free(s.section);
    free(s.title);
    if (rc != 0)
        mir_config_scan_release(out);
    return rc;
}

void mir_config_scan_release(struct mir_config_scan *scan)
{
    for (size_t i = 0; i < scan->n_entries; i++) {
        free(scan->entries[i].section);
        free(scan->entries[i].title);
        free(scan->entries[i].key);
    }
    free(scan->entries);
    free(scan->text);
    *scan = (struct mir_config_scan){0};
}
