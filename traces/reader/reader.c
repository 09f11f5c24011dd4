/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reader.c - one reading from the first byte to the last job: finds the format,
 * hands it line after line, counts, and tells of bad lines.
 */
#include "traces/reader/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "traces/reader/internal.h"

static const struct {
    const char *name;
    const struct mir_format_ops *ops;
} formats[] = {
    [MIR_FORMAT_AUTO] = {"auto", NULL},
    [MIR_FORMAT_MIRAGE] = {"mirage", &mir_format_mirage},
    [MIR_FORMAT_SACCT] = {"sacct", &mir_format_sacct},
    [MIR_FORMAT_SWF] = {"swf", &mir_format_swf},
    [MIR_FORMAT_TACC] = {"tacc", &mir_format_tacc},
    [MIR_FORMAT_ALCF] = {"alcf", &mir_format_alcf},
    [MIR_FORMAT_GWU] = {"gwu", &mir_format_gwu},
};

enum {
    N_FORMATS = sizeof formats / sizeof *formats,
    PROGRESS_LINES = 4096,
    SHOWN_BYTES = 48, /* of a bad field */
};

int mir_log_format_parse(const char *name, enum mir_log_format *out, struct mir_error *err)
{
    for (int i = 0; i < N_FORMATS; i++) {
        if (strcmp(name, formats[i].name) == 0) {
            *out = (enum mir_log_format)i;
            return 0;
        }
    }
    return mir_error_set(err, -EINVAL,
                         "no log format '%s': expected auto, mirage, sacct, swf, tacc, alcf or gwu",
                         name);
}

const char *mir_log_format_name(enum mir_log_format format)
{
    return (unsigned)format < N_FORMATS ? formats[format].name : "?";
}

/* Bytes of a log in a message: without control characters, cut when long. */
static void show(struct mir_span value, char out[SHOWN_BYTES + 4])
{
    size_t n = value.len < SHOWN_BYTES ? value.len : SHOWN_BYTES;

    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)value.s[i] < 0x20 || value.s[i] == 0x7f ? '?' : value.s[i];
    memcpy(out + n, n < value.len ? "..." : "", n < value.len ? 4 : 1);
}

/* Count the bad line; its text is needed at times only, and a log may have a million of them. */
static bool count_bad(struct mir_reader *r)
{
    return r->result->n_bad++ == 0 || r->options->bad_line || r->options->strict;
}

static void tell_bad(struct mir_reader *r, const struct mir_error *bad)
{
    if (r->result->n_bad == 1 || r->options->strict)
        r->first_bad = *bad;
    if (r->options->bad_line)
        r->options->bad_line(r->options->context, bad->text);
}

int mir_reader_bad(struct mir_reader *r,
                   const char *field,
                   struct mir_span value,
                   const char *expected,
                   ...)
{
    char shown[SHOWN_BYTES + 4];
    char what[200];
    struct mir_error bad;
    va_list args;

    if (!count_bad(r))
        return MIR_LINE_BAD;
    va_start(args, expected);
    vsnprintf(what, sizeof what, expected, args);
    va_end(args);
    show(value, shown);
    mir_error_set(&bad, 0, "%.200s:%llu: field '%s': '%s': expected %s", r->name,
                  (unsigned long long)r->line, field, shown, what);
    tell_bad(r, &bad);
    return MIR_LINE_BAD;
}

int mir_reader_bad_line(struct mir_reader *r, const char *fmt, ...)
{
    char what[200];
    struct mir_error bad;
    va_list args;

    if (!count_bad(r))
        return MIR_LINE_BAD;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    mir_error_set(&bad, 0, "%.200s:%llu: %s", r->name, (unsigned long long)r->line, what);
    tell_bad(r, &bad);
    return MIR_LINE_BAD;
}

static void tell_progress(const struct mir_reader *r, const struct mir_input *in)
{
    uint64_t done, total;

    if (!r->options->progress)
        return;
    mir_input_progress(in, &done, &total);
    r->options->progress(r->options->context, done, total);
}

static int take_line(struct mir_reader *r, const struct mir_format_ops *ops, struct mir_span line)
{
    int rc;

    r->line = ++r->result->n_lines;
    /* Names end at a NUL in memory, so that one inside of a name would change it silently. */
    if (memchr(line.s, '\0', line.len))
        rc = mir_reader_bad_line(r, "a NUL byte in the line");
    else
        rc = ops->line(r, line);
    if (rc == MIR_LINE_SKIPPED)
        r->result->n_skipped++;
    return rc < 0 ? rc : 0;
}

static int stop_if_strict(struct mir_reader *r)
{
    if (!r->options->strict || r->result->n_bad == 0)
        return 0;
    return mir_error_set(r->err, -EBADMSG, "%s", r->first_bad.text);
}

static int take_lines(struct mir_reader *r, const struct mir_format_ops *ops, struct mir_input *in)
{
    struct mir_span line;
    int rc;

    while ((rc = mir_input_next(in, &line, r->err)) > 0) {
        rc = take_line(r, ops, line);
        if (rc == 0)
            rc = stop_if_strict(r);
        if (rc != 0)
            return rc;
        if (r->result->n_lines % PROGRESS_LINES == 0)
            tell_progress(r, in);
    }
    if (rc == 0 && ops->end)
        rc = ops->end(r);
    if (rc == 0)
        rc = stop_if_strict(r);
    tell_progress(r, in);
    return rc;
}

static int no_job(struct mir_reader *r)
{
    if (r->result->n_bad == 0)
        return mir_error_set(r->err, -EBADMSG, "%s: holds no job", r->name);
    return mir_error_set(r->err, -EBADMSG,
                         "%.100s: no job in it; read as %s it has %llu bad lines, "
                         "the first: %.300s",
                         r->name, mir_log_format_name(r->result->format),
                         (unsigned long long)r->result->n_bad, r->first_bad.text);
}

static int read_input(struct mir_reader *r, struct mir_input *in)
{
    const struct mir_format_ops *ops;
    enum mir_log_format format = r->options->format;
    struct mir_span text;
    bool all;
    int rc = mir_input_peek(in, &text, &all, r->err);

    if (rc == 0 && text.len == 0)
        rc = mir_error_set(r->err, -EBADMSG, "%s: empty", r->name);
    if (rc == 0 && format == MIR_FORMAT_AUTO)
        rc = mir_detect(r->name, text, all, &format, r->err);
    if (rc != 0)
        return rc;
    r->result->format = format;
    ops = formats[format].ops;
    r->state = mir_alloc(1, ops->state_size);
    rc = take_lines(r, ops, in);
    if (ops->release)
        ops->release(r->state);
    free(r->state);
    return rc != 0 || r->result->n_jobs > 0 ? rc : no_job(r);
}

/* Takes `in` and closes it. */
static int read_and_close(const char *name,
                          struct mir_input *in,
                          const struct mir_read_options *options,
                          struct mir_joblog *log,
                          struct mir_read_result *result,
                          struct mir_error *err)
{
    struct mir_reader r = {
        .name = name,
        .options = options,
        .log = log,
        .result = result,
        .err = err,
    };
    int rc = read_input(&r, in);

    mir_joblog_sort(log);
    mir_input_close(in);
    return rc;
}

int mir_log_read(const char *path,
                 const struct mir_read_options *options,
                 struct mir_joblog *log,
                 struct mir_read_result *result,
                 struct mir_error *err)
{
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    struct mir_input *in;
    int rc = mir_input_open(path, &in, err);

    *result = (struct mir_read_result){.format = options->format};
    return rc != 0 ? rc : read_and_close(name, in, options, log, result, err);
}

int mir_log_read_memory(const char *name,
                        const void *data,
                        size_t len,
                        const struct mir_read_options *options,
                        struct mir_joblog *log,
                        struct mir_read_result *result,
                        struct mir_error *err)
{
    struct mir_input *in;
    int rc = mir_input_open_memory(name, data, len, &in, err);

    *result = (struct mir_read_result){.format = options->format};
    return rc != 0 ? rc : read_and_close(name, in, options, log, result, err);
}
