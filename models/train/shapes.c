/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shapes.c - see shapes.h. */
#include "models/train/shapes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "traces/replay/report_parts.h"

/* ---- As a user lists them */

static int refuse(const char *what, const char *item, size_t len, struct mir_error *err)
{
    return mir_error_set(err, -EINVAL,
                         "%s: '%.*s' is no list of sizes and a limit (1,2,8x48h or 1x24h,4x48h)",
                         what, (int)(len < 60 ? len : 60), item);
}

/* Among the first `n`. */
static bool is_there(const struct mir_shape *list, uint32_t n, uint32_t n_nodes, int32_t limit_s)
{
    for (uint32_t i = 0; i < n; i++) {
        if (list[i].n_nodes == n_nodes && list[i].limit_s == limit_s)
            return true;
    }
    return false;
}

/* "4" or "4x48h"; limit_s stays MIR_UNKNOWN without an x. */
static bool parse_item(const char *item, size_t len, struct mir_shape *out)
{
    const char *x = memchr(item, 'x', len);
    size_t size_len = x != NULL ? (size_t)(x - item) : len;
    int64_t n_nodes, limit_s;

    if (mir_parse_i64(item, size_len, &n_nodes) != 0 || n_nodes < 1 || n_nodes > 1 << 24)
        return false;
    *out = (struct mir_shape){(uint32_t)n_nodes, MIR_UNKNOWN};
    if (x == NULL)
        return true;
    if (mir_parse_duration(x + 1, len - size_len - 1, 60, &limit_s) != 0 || limit_s < 60 ||
        limit_s >= INT32_MAX)
        return false;
    out->limit_s = (int32_t)limit_s;
    return true;
}

static int check_once(const char *what, const struct mir_shapes *shapes, struct mir_error *err)
{
    char label[48];

    for (uint32_t i = 0; i < shapes->n; i++) {
        const struct mir_shape *shape = &shapes->list[i];

        if (is_there(shapes->list, i, shape->n_nodes, shape->limit_s))
            return mir_error_set(err, -EINVAL, "%s: %s is there twice", what,
                                 mir_shape_label(shape, label));
    }
    return 0;
}

int mir_shapes_parse(const char *what,
                     const char *text,
                     struct mir_shapes *out,
                     struct mir_error *err)
{
    uint32_t n_set = 0; /* shapes that have a limit */
    const char *s = text;

    out->n = 0;
    for (bool more = true; more;) {
        size_t len = strcspn(s, ",");
        struct mir_shape shape;

        if (!parse_item(s, len, &shape))
            return refuse(what, s, len, err);
        if (out->n == MIR_SHAPES_MAX)
            return mir_error_set(err, -EINVAL, "%s: at most %d of them", what, MIR_SHAPES_MAX);
        out->list[out->n++] = shape;
        for (; shape.limit_s != MIR_UNKNOWN && n_set < out->n; n_set++)
            out->list[n_set].limit_s = shape.limit_s;
        more = s[len] != '\0';
        s += more ? len + 1 : len;
    }
    return n_set == out->n ? check_once(what, out, err) : refuse(what, text, strlen(text), err);
}

/* ---- As the log suggests */

struct limit_use {
    int32_t limit_s;
    uint64_t n_jobs;
    double node_s;
};

struct limit_table {
    struct limit_use *uses;
    size_t n, cap;
};

static struct limit_use *find_use(struct limit_table *t, int32_t limit_s)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->uses[i].limit_s == limit_s)
            return &t->uses[i];
    }
    t->uses = mir_grow(t->uses, &t->cap, t->n + 1, sizeof(*t->uses));
    t->uses[t->n] = (struct limit_use){.limit_s = limit_s};
    return &t->uses[t->n++];
}

/* Users write whole quarters of hours; what else a log has is one of these, nearly. */
static int32_t rounded_limit(int32_t limit_s)
{
    return limit_s < 900 ? 900 : (limit_s + 450) / 900 * 900;
}

static void count_limits(const struct mir_workload *w, int64_t until_at, struct limit_table *t)
{
    for (size_t i = 0; i < w->n_jobs && w->jobs[i].submit_at < until_at; i++) {
        const struct mir_job *job = &w->jobs[i];
        struct limit_use *use;

        if (job->limit_s <= 0 || job->limit_s > 30 * 86400)
            continue;
        use = find_use(t, rounded_limit(job->limit_s));
        use->n_jobs++;
        use->node_s += (double)job->n_nodes * job->run_s;
    }
}

static int by_node_hours(const void *a, const void *b)
{
    const struct limit_use *x = a, *y = b;

    if (x->node_s != y->node_s)
        return x->node_s > y->node_s ? -1 : 1;
    return x->limit_s > y->limit_s ? -1 : x->limit_s < y->limit_s;
}

static int by_jobs(const void *a, const void *b)
{
    const struct limit_use *x = a, *y = b;

    if (x->n_jobs != y->n_jobs)
        return x->n_jobs > y->n_jobs ? -1 : 1;
    return x->limit_s > y->limit_s ? -1 : x->limit_s < y->limit_s;
}

static void add_sizes(struct mir_shapes *out,
                      const uint32_t *sizes,
                      size_t n_sizes,
                      uint32_t n_nodes,
                      int32_t limit_s)
{
    for (size_t i = 0; i < n_sizes; i++) {
        if ((sizes[i] == 1 || sizes[i] * 4 <= n_nodes) && out->n < MIR_SHAPES_MAX &&
            !is_there(out->list, out->n, sizes[i], limit_s))
            out->list[out->n++] = (struct mir_shape){sizes[i], limit_s};
    }
}

void mir_shapes_choose(const struct mir_workload *workload,
                       uint32_t n_nodes,
                       int64_t until_at,
                       struct mir_shapes *out)
{
    static const uint32_t chain_sizes[] = {1, 2, 4, 8, 16}, other_sizes[] = {1, 4};
    struct limit_table t = {0};
    int32_t main_limit_s = 48 * 3600;
    uint32_t n_others = 0;

    out->n = 0;
    count_limits(workload, until_at, &t);
    if (t.n > 0) {
        qsort(t.uses, t.n, sizeof(*t.uses), by_node_hours);
        main_limit_s = t.uses[0].limit_s;
        qsort(t.uses, t.n, sizeof(*t.uses), by_jobs);
    }
    add_sizes(out, chain_sizes, 5, n_nodes, main_limit_s);
    for (size_t i = 0; i < t.n && n_others < 2; i++) {
        if (t.uses[i].limit_s == main_limit_s || t.uses[i].limit_s < 3600)
            continue;
        add_sizes(out, other_sizes, 2, n_nodes, t.uses[i].limit_s);
        n_others++;
    }
    free(t.uses);
}

char *mir_shape_label(const struct mir_shape *shape, char buf[48])
{
    char limit[32];

    snprintf(buf, 48, "%u node%s, %s", shape->n_nodes, shape->n_nodes == 1 ? "" : "s",
             mir_report_duration(shape->limit_s, limit));
    return buf;
}
