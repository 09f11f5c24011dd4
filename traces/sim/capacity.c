/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * capacity.c - the capacity file: comma-separated steps to and from memory.
 */
#include "traces/sim/capacity.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "traces/sim/cluster.h"

enum { MAX_FIELDS = 3 };

struct field {
    const char *s;
    size_t len;
};

/* Where the reading is, for messages. */
struct place {
    const char *path;
    size_t line;
};

static struct field trim(const char *s, size_t len)
{
    while (len > 0 && (*s == ' ' || *s == '\t')) {
        s++;
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", s[len - 1]) != NULL && s[len - 1] != '\0')
        len--;
    return (struct field){s, len};
}

/* The number of fields, MAX_FIELDS + 1 when there are too many. */
static size_t split(struct field line, struct field out[MAX_FIELDS])
{
    size_t n = 0;

    for (;;) {
        const char *comma = memchr(line.s, ',', line.len);
        size_t len = comma != NULL ? (size_t)(comma - line.s) : line.len;

        if (n == MAX_FIELDS)
            return MAX_FIELDS + 1;
        out[n++] = trim(line.s, len);
        if (comma == NULL)
            return n;
        line = (struct field){comma + 1, line.len - len - 1};
    }
}

static int parse_count(struct field f, int64_t max, uint32_t *out)
{
    int64_t v;

    if (mir_parse_i64(f.s, f.len, &v) != 0 || v < 0 || v > max)
        return -EINVAL;
    *out = (uint32_t)v;
    return 0;
}

static int parse_step(struct field line,
                      const struct place *at,
                      struct mir_capacity_step *out,
                      struct mir_error *err)
{
    struct field f[MAX_FIELDS];
    size_t n = split(line, f);

    if (n < 2 || n > MAX_FIELDS)
        return mir_error_set(err, -EINVAL, "%s:%zu: line: expected time,nodes[,node_set]", at->path,
                             at->line);
    out->node_set = 0;
    if (mir_parse_time(f[0].s, f[0].len, NULL, &out->at) != 0)
        return mir_error_set(err, -EINVAL, "%s:%zu: time: not a time", at->path, at->line);
    if (parse_count(f[1], UINT32_MAX, &out->n_nodes) != 0)
        return mir_error_set(err, -EINVAL, "%s:%zu: nodes: not a number of nodes", at->path,
                             at->line);
    if (n == 3 && parse_count(f[2], MIR_MAX_NODE_SETS - 1, &out->node_set) != 0)
        return mir_error_set(err, -EINVAL, "%s:%zu: node_set: not a number from 0 to %d", at->path,
                             at->line, MIR_MAX_NODE_SETS - 1);
    return 0;
}

static int compare_steps(const void *a, const void *b)
{
    const struct mir_capacity_step *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->node_set > y->node_set) - (x->node_set < y->node_set);
}

static bool is_header(struct field line)
{
    return line.len >= 4 && strncasecmp(line.s, "time", 4) == 0;
}

static int
read_steps(FILE *from, const char *path, struct mir_capacity *into, struct mir_error *err)
{
    struct place at = {path, 0};
    char *text = NULL;
    size_t size = 0, cap = 0;
    ssize_t len;
    int rc = 0;

    while (rc == 0 && (len = getline(&text, &size, from)) >= 0) {
        struct field line = trim(text, (size_t)len);

        at.line++;
        if (line.len == 0 || line.s[0] == '#' || (into->n_steps == 0 && is_header(line)))
            continue;
        into->steps = mir_grow(into->steps, &cap, into->n_steps + 1, sizeof *into->steps);
        rc = parse_step(line, &at, &into->steps[into->n_steps++], err);
    }
    if (rc == 0 && ferror(from))
        rc = mir_error_set(err, -EIO, "%s: cannot be read", path);
    free(text);
    return rc;
}

static int sort_steps(const char *path, struct mir_capacity *c, struct mir_error *err)
{
    char when[32];

    if (c->n_steps == 0)
        return mir_error_set(err, -EINVAL, "%s: holds no time,nodes line", path);
    qsort(c->steps, c->n_steps, sizeof *c->steps, compare_steps);
    for (size_t i = 1; i < c->n_steps; i++) {
        if (compare_steps(&c->steps[i - 1], &c->steps[i]) == 0)
            return mir_error_set(err, -EINVAL, "%s: time: %s is given twice for node set %u", path,
                                 mir_format_time(c->steps[i].at, when), c->steps[i].node_set);
    }
    return 0;
}

int mir_capacity_read(const char *path, struct mir_capacity *out, struct mir_error *err)
{
    struct mir_capacity c = {0};
    FILE *from = fopen(path, "re");
    int rc;

    if (from == NULL) {
        rc = -errno;
        return mir_error_set(err, rc, "%s: %s", path, strerror(-rc));
    }
    rc = read_steps(from, path, &c, err);
    fclose(from);
    if (rc == 0)
        rc = sort_steps(path, &c, err);
    if (rc != 0) {
        mir_capacity_release(&c);
        return rc;
    }
    *out = c;
    return 0;
}

int mir_capacity_write(FILE *to, const struct mir_capacity *capacity, struct mir_error *err)
{
    bool sets = false;
    char when[32];

    for (size_t i = 0; i < capacity->n_steps; i++)
        sets |= capacity->steps[i].node_set != 0;
    fputs(sets ? "time,nodes,node_set\n" : "time,nodes\n", to);
    for (size_t i = 0; i < capacity->n_steps; i++) {
        const struct mir_capacity_step *s = &capacity->steps[i];

        fprintf(to, "%s,%u", mir_format_time(s->at, when), s->n_nodes);
        if (sets)
            fprintf(to, ",%u", s->node_set);
        fputc('\n', to);
    }
    return ferror(to) ? mir_error_set(err, -EIO, "cannot write the capacity file") : 0;
}

void mir_capacity_release(struct mir_capacity *capacity)
{
    free(capacity->steps);
    *capacity = (struct mir_capacity){0};
}
