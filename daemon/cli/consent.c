/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consent.c - "mirage:OPTIONS" among the words of a comment. */
#include "daemon/cli/consent.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char blanks[] = " \t\n\r\v\f";

enum { OPTIONS_MAX = 500 };

/* The first such word in `comment`: where, and its length; NULL when there is none. */
static const char *find_word(const char *comment, size_t *len)
{
    for (const char *at = comment; at != NULL && *at != '\0'; at += *len) {
        at += strspn(at, blanks);
        *len = strcspn(at, blanks);
        if (*len >= 6 && memcmp(at, "mirage", 6) == 0 && (*len == 6 || at[6] == ':'))
            return at;
    }
    return NULL;
}

bool mir_consent_given(const char *comment)
{
    size_t len;

    return find_word(comment, &len) != NULL;
}

static void add_word(const char *options, struct mir_str *out)
{
    mir_str_add(out, "mirage");
    if (options != NULL && options[0] != '\0')
        mir_str_addf(out, ":%s", options);
}

void mir_consent_add(const char *comment, const char *options, struct mir_str *out)
{
    size_t len = 0;
    const char *word;

    if (comment == NULL)
        comment = "";
    word = find_word(comment, &len);
    if (word == NULL) {
        mir_str_add(out, comment);
        if (comment[0] != '\0' && strchr(blanks, comment[strlen(comment) - 1]) == NULL)
            mir_str_add(out, " ");
        add_word(options, out);
    } else if (options == NULL) {
        mir_str_add(out, comment);
    } else {
        mir_str_add_n(out, comment, (size_t)(word - comment));
        add_word(options, out);
        mir_str_add(out, word + len);
    }
}

int mir_consent_check(const char *options, struct mir_error *err)
{
    if (strlen(options) > OPTIONS_MAX)
        return mir_error_set(err, -EINVAL, "the options are longer than %d bytes", OPTIONS_MAX);
    for (const char *c = options; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') /* signed or not, what is no printable ASCII */
            return mir_error_set(err, -EINVAL,
                                 "the options are one word without blanks: w=0.1,links=20");
    }
    return 0;
}
