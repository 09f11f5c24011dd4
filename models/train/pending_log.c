/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pending_log.c - see pending_log.h. */
#include "models/train/pending_log.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "traces/reader/input.h"

enum { MAX_COLUMNS = 128, MAX_LIMIT_S = 1000 * 86400 };

enum column { POLL, START, ELIGIBLE, LIMIT, NODES, GPUS, N_COLUMNS };

static const char *const NAMES[N_COLUMNS] = {"poll_time", "start",     "eligible",
                                             "limit_s",   "req_nodes", "req_gpus"};

struct reading {
    struct mir_pending_log *log;
    size_t cap_rows, cap_features;
    int column_of[N_COLUMNS];             /* -1: not there */
    int feature_of[MIR_PENDING_FEATURES]; /* columns */
    struct mir_span fields[MAX_COLUMNS];
    int n_fields, n_columns;
};

static int split(struct mir_span line, struct mir_span fields[MAX_COLUMNS])
{
    int n = 0;

    for (;;) {
        const char *comma = memchr(line.s, ',', line.len);
        size_t len = comma != NULL ? (size_t)(comma - line.s) : line.len;

        if (n == MAX_COLUMNS)
            return -1;
        fields[n++] = mir_span_trim((struct mir_span){line.s, len});
        if (comma == NULL)
            return n;
        line = (struct mir_span){comma + 1, line.len - len - 1};
    }
}

static bool begins(struct mir_span field, const char *prefix)
{
    return field.len >= strlen(prefix) && memcmp(field.s, prefix, strlen(prefix)) == 0;
}

static bool is_feature(struct mir_span name)
{
    return mir_span_is(name, "limit_s") || mir_span_is(name, "priority") ||
           mir_span_is(name, "level_fs") || begins(name, "req_") || begins(name, "q_") ||
           begins(name, "r_");
}

/* The last feature is how long the job had waited: it has no column. */
static int read_header(struct reading *r, const char *path, struct mir_error *err)
{
    struct mir_pending_log *log = r->log;

    for (int c = 0; c < N_COLUMNS; c++)
        r->column_of[c] = -1;
    for (int i = 0; i < r->n_fields; i++) {
        struct mir_span name = r->fields[i];

        for (int c = 0; c < N_COLUMNS; c++) {
            if (mir_span_is(name, NAMES[c]))
                r->column_of[c] = i;
        }
        if (!is_feature(name) || log->n_features + 1 >= MIR_PENDING_FEATURES)
            continue;
        snprintf(log->names[log->n_features], sizeof log->names[0], "%.*s", (int)name.len, name.s);
        r->feature_of[log->n_features++] = i;
    }
    snprintf(log->names[log->n_features], sizeof log->names[0], "waited_s");
    r->feature_of[log->n_features++] = -1;
    for (int c = 0; c <= LIMIT; c++) {
        if (r->column_of[c] < 0)
            return mir_error_set(err, -EBADMSG, "%s: no column '%s' in its first line", path,
                                 NAMES[c]);
    }
    return 0;
}

static bool get(const struct reading *r, enum column column, double *out)
{
    int i = r->column_of[column];

    return i >= 0 && mir_parse_f64(r->fields[i].s, r->fields[i].len, out) == 0;
}

static uint32_t get_count(const struct reading *r, enum column column)
{
    double value;

    return get(r, column, &value) && value >= 0 && value < 1e6 ? (uint32_t)value : 0;
}

/* What is not there, or beyond all reason, is missing. */
static float get_feature(struct mir_span field)
{
    double value;

    return mir_parse_f64(field.s, field.len, &value) == 0 && fabs(value) < 1e30 ? (float)value
                                                                                : NAN;
}

static bool take_row(struct reading *r)
{
    struct mir_pending_log *log = r->log;
    double poll, start, eligible, limit;
    float *features;

    if (r->n_fields != r->n_columns || !get(r, POLL, &poll) || !get(r, START, &start) ||
        !get(r, ELIGIBLE, &eligible) || !get(r, LIMIT, &limit) || fabs(eligible) > 1e11 ||
        poll < 0 || poll > 1e11 || start < poll || start > 1e11 || limit < 1 || limit > MAX_LIMIT_S)
        return false;
    log->rows = mir_grow(log->rows, &r->cap_rows, log->n + 1, sizeof(*log->rows));
    log->features = mir_grow(log->features, &r->cap_features, (log->n + 1) * log->n_features,
                             sizeof(*log->features));
    log->rows[log->n] = (struct mir_pending_row){
        .poll_at = (int64_t)poll,
        .start_at = (int64_t)start,
        .limit_s = (int32_t)limit,
        .n_nodes = get_count(r, NODES),
        .n_gpus = get_count(r, GPUS),
    };
    features = &log->features[log->n++ * log->n_features];
    for (uint32_t f = 0; f + 1 < log->n_features; f++)
        features[f] = get_feature(r->fields[r->feature_of[f]]);
    features[log->n_features - 1] = (float)(poll - eligible);
    return true;
}

static int
read_lines(struct reading *r, const char *path, struct mir_input *in, struct mir_error *err)
{
    struct mir_span line;
    bool header = true;
    int rc;

    while ((rc = mir_input_next(in, &line, err)) == 1) {
        r->n_fields = split(line, r->fields);
        if (header) {
            rc = read_header(r, path, err);
            if (rc != 0)
                return rc;
            r->n_columns = r->n_fields;
            header = false;
        } else if (line.len > 0 && !take_row(r)) {
            r->log->n_bad++;
        }
    }
    return rc;
}

/* ---- In order */

static int by_time(const void *a, const void *b, void *context)
{
    const struct mir_pending_row *rows = context;
    size_t i = *(const size_t *)a, k = *(const size_t *)b;

    if (rows[i].poll_at != rows[k].poll_at)
        return rows[i].poll_at < rows[k].poll_at ? -1 : 1;
    if (rows[i].start_at != rows[k].start_at)
        return rows[i].start_at < rows[k].start_at ? -1 : 1;
    return i < k ? -1 : i > k;
}

static void sort(struct mir_pending_log *log)
{
    size_t *order = MIR_NEW_ARRAY(size_t, log->n), width = log->n_features;
    struct mir_pending_row *rows = MIR_NEW_ARRAY(struct mir_pending_row, log->n);
    float *features = MIR_NEW_ARRAY(float, log->n *width);

    for (size_t i = 0; i < log->n; i++)
        order[i] = i;
    qsort_r(order, log->n, sizeof(*order), by_time, log->rows);
    for (size_t i = 0; i < log->n; i++) {
        rows[i] = log->rows[order[i]];
        memcpy(features + i * width, log->features + order[i] * width, width * sizeof(*features));
    }
    free(log->rows);
    free(log->features);
    free(order);
    log->rows = rows;
    log->features = features;
}

/* Ends the input. */
static int
read_all(const char *name, struct mir_input *in, struct mir_pending_log *out, struct mir_error *err)
{
    struct reading r = {.log = out};
    int rc = read_lines(&r, name, in, err);

    mir_input_close(in);
    if (rc == 0 && out->n == 0)
        rc = mir_error_set(err, -ENODATA, "%s: no job in it (%" PRIu64 " bad lines)", name,
                           out->n_bad);
    if (rc == 0)
        sort(out);
    return rc;
}

int mir_pending_log_read(const char *path, struct mir_pending_log *out, struct mir_error *err)
{
    struct mir_input *in;
    int rc = mir_input_open(path, &in, err);

    return rc == 0 ? read_all(path, in, out, err) : rc;
}

int mir_pending_log_parse(const char *name,
                          const void *bytes,
                          size_t len,
                          struct mir_pending_log *out,
                          struct mir_error *err)
{
    struct mir_input *in;
    int rc = mir_input_open_memory(name, bytes, len, &in, err);

    return rc == 0 ? read_all(name, in, out, err) : rc;
}

void mir_pending_log_release(struct mir_pending_log *log)
{
    free(log->rows);
    free(log->features);
    *log = (struct mir_pending_log){0};
}
