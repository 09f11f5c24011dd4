/*
 * reader.h - job logs from files: sacct's parsable output, SWF, the TACC log of
 * the Mirage paper, the ALCF and GWU CSVs, and Mirage's own CSV; plain, .xz,
 * .gz or .zst, found by looking at the bytes, never at the name.
 * One thread at a time; no shared state.
 */
#ifndef MIR_TRACE_READER_H
#define MIR_TRACE_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/core/error.h"
#include "daemon/core/parse.h"
#include "daemon/host/joblog.h"

enum mir_log_format {
    MIR_FORMAT_AUTO,
    MIR_FORMAT_MIRAGE, /* our own CSV, what `convert` writes */
    MIR_FORMAT_SACCT,  /* sacct --parsable or --parsable2, any columns, any delimiter */
    MIR_FORMAT_SWF,    /* Standard Workload Format 2.2 */
    MIR_FORMAT_TACC,   /* the log of the Mirage paper */
    MIR_FORMAT_ALCF,   /* ALCF public job logs as CSV */
    MIR_FORMAT_GWU,    /* GWU Pegasus CSV */
};

/* "auto", "mirage", "sacct", "swf", "tacc", "alcf", "gwu". */
int mir_log_format_parse(const char *name, enum mir_log_format *out, struct mir_error *err);
const char *mir_log_format_name(enum mir_log_format format);

/* Called for each bad line; `text` is "file:line: field: reason".  Lent. */
typedef void (*mir_bad_line_f)(void *context, const char *text);

/* Called now and then with the bytes of the (compressed) file read so far and in all. */
typedef void (*mir_read_progress_f)(void *context, uint64_t done, uint64_t total);

struct mir_read_options {
    enum mir_log_format format;
    bool strict;                  /* the first bad line ends the reading */
    const struct mir_zone *zone;  /* for times without a zone; NULL: UTC, as written */
    mir_bad_line_f bad_line;      /* may be NULL */
    mir_read_progress_f progress; /* may be NULL */
    void *context;                /* of both */
};

struct mir_read_result {
    enum mir_log_format format;
    uint64_t n_lines;
    uint64_t n_jobs;
    uint64_t n_bad;     /* bad lines, reported and skipped */
    uint64_t n_skipped; /* lines that are no job and need no report: steps, comments, headers */
};

/*
 * Read `path` ("-": standard input) and append its jobs to `log` (an
 * initialised one).  On failure `log` holds what was read until then.  Returns
 * 0; -ENOENT and other errnos from opening; -EBADMSG when the content is no job
 * log, is cut off in the middle of compression, holds no job at all, or, with
 * `strict`, at the first bad line.
 */
int mir_log_read(const char *path,
                 const struct mir_read_options *options,
                 struct mir_joblog *log,
                 struct mir_read_result *result,
                 struct mir_error *err);

/* The same from memory (compressed or not); `name` stands for the file in messages. */
int mir_log_read_memory(const char *name,
                        const void *data,
                        size_t len,
                        const struct mir_read_options *options,
                        struct mir_joblog *log,
                        struct mir_read_result *result,
                        struct mir_error *err);

/*
 * Write `log` as Mirage's CSV, which mir_log_read() gives back unchanged.
 * Returns 0 or -EIO.
 */
int mir_log_write(FILE *to, const struct mir_joblog *log, struct mir_error *err);

#endif
