/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * detect.c - which format is this?  Decided by the first line that is not a
 * comment; near misses are named, so that nobody has to guess what is wrong.
 */
#include "traces/reader/internal.h"

#include <errno.h>
#include <string.h>

/* A header that has all of `names` is of this kind. */
struct kind {
    enum mir_log_format format; /* MIR_FORMAT_AUTO: one we cannot read, for this reason: */
    const char *reason;
    const char *names[6];
};

static const struct kind kinds[] = {
    {MIR_FORMAT_ALCF, NULL, {"job", "submit_time", "wait_time", "run_time", "wall_time"}},
    {MIR_FORMAT_GWU, NULL, {"JobID", "SubmitTime", "WaitTime", "RunTime"}},
    {MIR_FORMAT_TACC, NULL, {"JobID", "Submit", "Start", "End", "TimelimitR"}},
    {MIR_FORMAT_SACCT, NULL, {"JobID", "Submit"}},
    {MIR_FORMAT_SACCT, NULL, {"JobIDRaw", "Submit"}},
    {MIR_FORMAT_AUTO,
     "sacct output without the column Submit; traces/reader/README.md has the command to use",
     {"JobID", "State"}},
    {MIR_FORMAT_AUTO,
     "squeue output; it shows the queue of a moment, a job log comes from sacct",
     {"JOBID", "PARTITION", "NAME", "USER", "ST"}},
    {MIR_FORMAT_AUTO,
     "polls of a queue (DRAC Graham): only jobs that were pending at noon, so not a job log that "
     "can be replayed",
     {"job_id", "poll_time", "submit"}},
    {MIR_FORMAT_AUTO,
     "PBS accounting records (IU Mason), a format that is not read; convert them to SWF",
     {"job_id", "ctime", "qtime", "etime"}},
    {MIR_FORMAT_AUTO,
     "Helios arrivals: neither waits nor limits nor dates, so not a job log",
     {"u_id", "interval", "wall_time"}},
    {MIR_FORMAT_AUTO,
     "Philly arrivals: neither limits nor users, and no real waits, so not a job log",
     {"run_time", "wait_time", "submit_time", "gpu_num"}},
    {MIR_FORMAT_AUTO,
     "Alibaba pods: Kubernetes, without limits or users, so not a job log",
     {"creation_time", "scheduled_time", "gpu_milli"}},
    {MIR_FORMAT_AUTO, "a list of nodes, not a job log", {"sn", "cpu_milli", "gpu"}},
};

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Is `name` one of the words of the header, in letters of either case? */
static bool has_name(struct mir_span header, const char *name)
{
    size_t i = 0;

    while (i < header.len) {
        struct mir_span word = {header.s + i, 0};

        while (i < header.len && is_name_byte(header.s[i]))
            i++;
        word.len = (size_t)(header.s + i - word.s);
        if (mir_span_is_word(word, name))
            return true;
        if (word.len == 0)
            i++;
    }
    return false;
}

static const struct kind *find_kind(struct mir_span header)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const char *const *name = kinds[k].names;

        while (*name && has_name(header, *name))
            name++;
        if (!*name)
            return &kinds[k];
    }
    return NULL;
}

/* Take the next line off `rest`. */
static bool take_line(struct mir_span *rest, struct mir_span *line)
{
    const char *nl;

    if (rest->len == 0)
        return false;
    nl = memchr(rest->s, '\n', rest->len);
    line->s = rest->s;
    line->len = nl ? (size_t)(nl - rest->s) : rest->len;
    rest->s += line->len + (nl ? 1 : 0);
    rest->len -= line->len + (nl ? 1 : 0);
    *line = mir_span_trim(*line);
    return true;
}

static bool is_count(struct mir_span line)
{
    size_t i = 0;

    while (i < line.len && line.s[i] >= '0' && line.s[i] <= '9')
        i++;
    return i == line.len && i > 0;
}

/* The first line that is neither blank nor a comment; counts the SWF comments before it. */
static bool first_content(struct mir_span *rest, struct mir_span *line, size_t *n_comments)
{
    *n_comments = 0;
    while (take_line(rest, line)) {
        if (line->len > 0 && line->s[0] == ';')
            ++*n_comments;
        else if (line->len > 0)
            return true;
    }
    return false;
}

static int refuse(const char *name, struct mir_span line, struct mir_error *err)
{
    if (line.len > 0 && (line.s[0] == '{' || (line.s[0] == '[' && line.len < 3)))
        return mir_error_set(err, -EBADMSG, "%s: JSON, not a job log; use sacct --parsable2", name);
    return mir_error_set(err, -EBADMSG,
                         "%s: not a job log of a known format (mirage, sacct with a header line, "
                         "swf, tacc, alcf, gwu); name one with --format",
                         name);
}

/* The rule of dashes under the header of sacct's and squeue's tables for people. */
static bool is_ruled(struct mir_span rest)
{
    struct mir_span line;

    return take_line(&rest, &line) && line.len > 3 && memcmp(line.s, "---", 3) == 0;
}

static int detect_content(const char *name,
                          struct mir_span line,
                          struct mir_span rest,
                          enum mir_log_format *out,
                          struct mir_error *err)
{
    const struct kind *kind;
    bool counted = is_count(line) && take_line(&rest, &line);

    kind = find_kind(line);
    if (!kind)
        return refuse(name, line, err);
    if (kind->format == MIR_FORMAT_AUTO)
        return mir_error_set(err, -EBADMSG, "%s: %s", name, kind->reason);
    if (kind->format == MIR_FORMAT_SACCT && is_ruled(rest))
        return mir_error_set(err, -EBADMSG, "%s: sacct's table for people; use sacct --parsable2",
                             name);
    *out = counted && kind->format == MIR_FORMAT_SACCT ? MIR_FORMAT_TACC : kind->format;
    return 0;
}

int mir_detect(const char *name,
               struct mir_span text,
               bool all,
               enum mir_log_format *out,
               struct mir_error *err)
{
    struct mir_span line = {"", 0};
    struct mir_span rest = text;
    size_t n_comments;

    if (text.len == 0)
        return mir_error_set(err, -EBADMSG, "%s: empty", name);
    if (memchr(text.s, '\0', text.len))
        return mir_error_set(err, -EBADMSG, "%s: binary data, not a job log", name);
    if (text.len >= 12 && memcmp(text.s, "# mirage-log", 12) == 0) {
        *out = MIR_FORMAT_MIRAGE;
        return 0;
    }
    if (!first_content(&rest, &line, &n_comments)) {
        *out = MIR_FORMAT_SWF; /* a header longer than what was looked at */
        if (n_comments > 0 && !all)
            return 0;
        return mir_error_set(err, -EBADMSG, "%s: holds no job", name);
    }
    if (mir_swf_is_job(line) || n_comments > 0) {
        *out = MIR_FORMAT_SWF;
        return 0;
    }
    return detect_content(name, line, rest, out, err);
}
