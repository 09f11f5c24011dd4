/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hostlist.c - see hostlist.h. */
#include "traces/sim/hostlist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MAX_BRACKETS = 8, MAX_DIGITS = 9 };

struct expansion {
    mir_hostlist_f each;
    void *context;
    struct mir_error *err;
    uint32_t n_names;
    char name[MIR_HOSTLIST_MAX_NAME];
};

struct range {
    uint32_t low;
    uint32_t high;
    size_t width; /* digits, leading zeros included */
};

static int parse_digits(const char *s, size_t len, uint32_t *out)
{
    uint32_t value = 0;

    if (len == 0 || len > MAX_DIGITS)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -EINVAL;
        value = value * 10 + (uint32_t)(s[i] - '0');
    }
    *out = value;
    return 0;
}

static int parse_range(const char *s, size_t len, struct range *out, struct mir_error *err)
{
    const char *dash = memchr(s, '-', len);
    size_t low_len = dash == NULL ? len : (size_t)(dash - s);

    out->width = low_len;
    if (parse_digits(s, low_len, &out->low) != 0)
        goto fail;
    out->high = out->low;
    if (dash != NULL && parse_digits(dash + 1, len - low_len - 1, &out->high) != 0)
        goto fail;
    if (out->high < out->low)
        goto fail;
    return 0;
fail:
    return mir_error_set(err, -EINVAL, "\"%.*s\" is not a range of numbers", (int)len, s);
}

static int append(struct expansion *x, size_t *at, const char *s, size_t len)
{
    if (len >= sizeof(x->name) - *at)
        return mir_error_set(x->err, -EINVAL, "a node name is longer than %zu bytes",
                             sizeof(x->name) - 1);
    memcpy(x->name + *at, s, len);
    *at += len;
    return 0;
}

static int emit(struct expansion *x, size_t len)
{
    if (len == 0)
        return mir_error_set(x->err, -EINVAL, "a node name is empty");
    if (++x->n_names > MIR_HOSTLIST_MAX_NAMES)
        return mir_error_set(x->err, -EINVAL, "more than %d node names", MIR_HOSTLIST_MAX_NAMES);
    x->name[len] = '\0';
    return x->each(x->context, x->name, len);
}

static int expand_rest(struct expansion *x, size_t at, const char *s, size_t len, int depth);

/* `s` is what stands between the brackets, `rest` what follows them. */
static int expand_brackets(struct expansion *x,
                           size_t at,
                           const char *s,
                           size_t len,
                           const char *rest,
                           size_t rest_len,
                           int depth)
{
    for (size_t from = 0, to; from <= len; from = to + 1) {
        const char *comma = memchr(s + from, ',', len - from);
        struct range range = {0};
        int rc;

        to = comma == NULL ? len : (size_t)(comma - s);
        rc = parse_range(s + from, to - from, &range, x->err);
        for (uint32_t i = range.low; rc == 0 && i <= range.high; i++) {
            char digits[MAX_DIGITS + 2];
            size_t name_len = at;
            int n = snprintf(digits, sizeof(digits), "%0*" PRIu32, (int)range.width, i);

            rc = append(x, &name_len, digits, (size_t)n);
            if (rc == 0)
                rc = expand_rest(x, name_len, rest, rest_len, depth + 1);
        }
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int expand_rest(struct expansion *x, size_t at, const char *s, size_t len, int depth)
{
    const char *open = memchr(s, '[', len);
    const char *close = memchr(s, ']', len);
    size_t literal = open == NULL ? len : (size_t)(open - s);
    int rc;

    if (depth > MAX_BRACKETS)
        return mir_error_set(x->err, -EINVAL, "more than %d brackets in a name", MAX_BRACKETS);
    if ((open == NULL) != (close == NULL) || (open != NULL && close < open))
        return mir_error_set(x->err, -EINVAL, "brackets do not match");
    rc = append(x, &at, s, literal);
    if (rc != 0)
        return rc;
    if (open == NULL)
        return emit(x, at);
    return expand_brackets(x, at, open + 1, (size_t)(close - open) - 1, close + 1,
                           len - (size_t)(close - s) - 1, depth);
}

/* Where the element that begins at `from` ends: at a comma outside of brackets. */
static size_t element_end(const char *list, size_t len, size_t from)
{
    bool inside = false;

    for (; from < len && (inside || list[from] != ','); from++) {
        if (list[from] == '[')
            inside = true;
        else if (list[from] == ']')
            inside = false;
    }
    return from;
}

int mir_hostlist_each(const char *list,
                      size_t len,
                      mir_hostlist_f each,
                      void *context,
                      struct mir_error *err)
{
    struct expansion x = {.each = each, .context = context, .err = err};

    for (size_t from = 0, to; from < len; from = to + 1) {
        int rc;

        to = element_end(list, len, from);
        rc = expand_rest(&x, 0, list + from, to - from, 0);
        if (rc != 0)
            return rc;
        if (to + 1 == len)
            return mir_error_set(err, -EINVAL, "a node name is empty");
    }
    return 0;
}

static int count_one(void *context, const char *name, size_t len)
{
    uint32_t *n = context;

    (void)name;
    (void)len;
    ++*n;
    return 0;
}

int mir_hostlist_count(const char *list, size_t len, uint32_t *out, struct mir_error *err)
{
    uint32_t n = 0;
    int rc = mir_hostlist_each(list, len, count_one, &n, err);

    if (rc == 0)
        *out = n;
    return rc;
}
