/*
 * str.h - a string that grows, for text that is built piece by piece.
 * One thread at a time per string.
 */
#ifndef MIR_CORE_STR_H
#define MIR_CORE_STR_H

#include <stddef.h>

/* `text` is NUL-terminated once anything was added; NULL before.  Start from {0}. */
struct mir_str {
    char *text;
    size_t len;
    size_t cap;
};

void mir_str_add(struct mir_str *s, const char *text);
void mir_str_add_n(struct mir_str *s, const char *text, size_t len);
void mir_str_addf(struct mir_str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void mir_str_release(struct mir_str *s);

#endif
