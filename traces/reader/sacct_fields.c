/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sacct_fields.c - Slurm's notations: job ids with array tasks, heterogeneous
 * components and steps; TRES lists; counts with a unit.
 */
#include <errno.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "traces/reader/internal.h"

/* Take plain digits off the front: at most `max`. */
static bool take_number(struct mir_span *text, int64_t max, int64_t *out)
{
    int64_t v = 0;
    size_t n = 0;

    while (n < text->len && text->s[n] >= '0' && text->s[n] <= '9') {
        v = v * 10 + (text->s[n++] - '0');
        if (v > max)
            return false;
    }
    text->s += n;
    text->len -= n;
    *out = v;
    return n > 0;
}

static bool take_byte(struct mir_span *text, char c)
{
    if (text->len == 0 || text->s[0] != c)
        return false;
    text->s++;
    text->len--;
    return true;
}

/* "1-9:2,12%3]", behind the bracket. */
static int parse_tasks(struct mir_span *text, struct mir_sacct_id *out)
{
    const char *close = text->len > 0 ? memchr(text->s, ']', text->len) : NULL;
    struct mir_span inside = *text;
    struct mir_span after;
    const char *percent;
    int64_t throttle = 0;

    if (!close)
        return -EINVAL;
    inside.len = (size_t)(close - text->s);
    text->len -= inside.len + 1;
    text->s = close + 1;
    percent = inside.len > 0 ? memchr(inside.s, '%', inside.len) : NULL;
    if (percent) {
        after.s = percent + 1;
        after.len = (size_t)(inside.s + inside.len - after.s);
        inside.len = (size_t)(percent - inside.s);
        if (!take_number(&after, MIR_SIZE_MAX, &throttle) || after.len > 0)
            return -EINVAL;
    }
    out->tasks = inside;
    out->throttle = (int32_t)throttle;
    return inside.len > 0 ? 0 : -EINVAL;
}

int mir_sacct_id_parse(struct mir_span text, struct mir_sacct_id *out)
{
    int64_t v;

    *out = (struct mir_sacct_id){.task = MIR_UNKNOWN};
    if (!take_number(&text, UINT32_MAX, &v))
        return -EINVAL;
    out->id = (uint32_t)v;
    if (take_byte(&text, '_')) {
        if (take_byte(&text, '[')) {
            if (parse_tasks(&text, out) != 0)
                return -EINVAL;
        } else if (take_number(&text, MIR_SIZE_MAX, &v)) {
            out->task = (int32_t)v;
        } else {
            return -EINVAL;
        }
    }
    if (take_byte(&text, '+')) {
        if (!take_number(&text, UINT32_MAX - (int64_t)out->id, &v))
            return -EINVAL;
        out->het_offset = (uint32_t)v;
    }
    out->is_step = text.len > 1 && text.s[0] == '.';
    return text.len == 0 || out->is_step ? 0 : -EINVAL;
}

int mir_sacct_tasks_next(struct mir_span *tasks, int32_t *first, int32_t *last, int32_t *step)
{
    int64_t from, to, by = 1;

    if (tasks->len == 0)
        return 0;
    if (!take_number(tasks, MIR_SIZE_MAX - 1, &from))
        return -EINVAL;
    to = from;
    if (take_byte(tasks, '-') && !take_number(tasks, MIR_SIZE_MAX - 1, &to))
        return -EINVAL;
    if (take_byte(tasks, ':') && (!take_number(tasks, MIR_SIZE_MAX, &by) || by == 0))
        return -EINVAL;
    if (to < from || (tasks->len > 0 && (!take_byte(tasks, ',') || tasks->len == 0)))
        return -EINVAL;
    *first = (int32_t)from;
    *last = (int32_t)to;
    *step = (int32_t)by;
    return 1;
}

static double unit_of(char c)
{
    static const char units[] = "KMGTPE";
    const char *found = c ? strchr(units, c) : NULL;
    double factor = 1;

    for (const char *u = units; found && u <= found; u++)
        factor *= 1024;
    return factor;
}

/* A number, perhaps with a fraction and a unit of 1024s; `bare` multiplies one without a unit. */
static int parse_amount(struct mir_span text, double bare, double max, uint64_t *out)
{
    double factor = text.len > 0 ? unit_of(text.s[text.len - 1]) : 1;
    double v;

    if (factor > 1)
        text.len--;
    if (mir_parse_f64(text.s, text.len, &v) != 0)
        return -EINVAL;
    v *= factor > 1 ? factor : bare;
    if (!(v >= 0 && v <= max))
        return -EINVAL;
    *out = (uint64_t)(v + 0.5);
    return 0;
}

int mir_sacct_count_parse(struct mir_span text, uint64_t *out)
{
    return parse_amount(text, 1, MIR_SIZE_MAX, out);
}

/* One "key=value"; `*typed` counts "gres/gpu:a100=4", which "gres/gpu=4" has counted already. */
static int take_tres(struct mir_span item, struct mir_sacct_tres *out, uint64_t *typed)
{
    const char *equals = item.len > 0 ? memchr(item.s, '=', item.len) : NULL;
    struct mir_span key, value;
    uint64_t n;

    if (!equals)
        return -EINVAL;
    key.s = item.s;
    key.len = (size_t)(equals - item.s);
    value.s = equals + 1;
    value.len = item.len - key.len - 1;
    if (mir_span_is(key, "node"))
        return mir_sacct_count_parse(value, &out->n_nodes);
    if (mir_span_is(key, "cpu"))
        return mir_sacct_count_parse(value, &out->n_cpus);
    if (mir_span_is(key, "gres/gpu"))
        return mir_sacct_count_parse(value, &out->n_gpus);
    if (mir_span_is(key, "mem"))
        return parse_amount(value, 1 << 20, 0x1p62, &out->mem_bytes); /* bare: megabytes */
    if (key.len > 9 && memcmp(key.s, "gres/gpu:", 9) == 0) {
        if (mir_sacct_count_parse(value, &n) != 0)
            return -EINVAL;
        *typed += n;
    }
    return 0;
}

int mir_sacct_tres_parse(struct mir_span text, struct mir_sacct_tres *out)
{
    uint64_t typed = 0;

    *out = (struct mir_sacct_tres){0};
    while (text.len > 0) {
        const char *comma = memchr(text.s, ',', text.len);
        struct mir_span item = {text.s, comma ? (size_t)(comma - text.s) : text.len};

        if (take_tres(item, out, &typed) != 0)
            return -EINVAL;
        text.s += item.len + (comma ? 1 : 0);
        text.len -= item.len + (comma ? 1 : 0);
    }
    if (out->n_gpus == 0)
        out->n_gpus = typed;
    return 0;
}
