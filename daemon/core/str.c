/* SPDX-License-Identifier: GPL-3.0-or-later */
/* str.c - a string that grows. */
#include "daemon/core/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

void mir_str_add_n(struct mir_str *s, const char *text, size_t len)
{
    s->text = mir_grow(s->text, &s->cap, s->len + len + 1, 1);
    if (len > 0)
        memcpy(s->text + s->len, text, len);
    s->len += len;
    s->text[s->len] = '\0';
}

void mir_str_add(struct mir_str *s, const char *text)
{
    mir_str_add_n(s, text, strlen(text));
}

void mir_str_addf(struct mir_str *s, const char *fmt, ...)
{
    va_list args, again;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len >= 0) {
        s->text = mir_grow(s->text, &s->cap, s->len + (size_t)len + 1, 1);
        (void)vsnprintf(s->text + s->len, (size_t)len + 1, fmt, again);
        s->len += (size_t)len;
    }
    va_end(again);
}

void mir_str_release(struct mir_str *s)
{
    free(s->text);
    *s = (struct mir_str){0};
}
