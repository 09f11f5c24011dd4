/*
 * internal.h - what the reader's files share: bytes to lines, lines to fields,
 * fields to jobs, and how a bad line is told.  Included by this folder only.
 * One thread at a time.
 */
#ifndef MIR_TRACE_READER_INTERNAL_H
#define MIR_TRACE_READER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"
#include "traces/reader/input.h"
#include "traces/reader/reader.h"

/* ---- detect.c ---- */

/* Which format `text`, the beginning of a log, is in.  -EBADMSG: none; `err` says what it is. */
int mir_detect(const char *name,
               struct mir_span text,
               bool all,
               enum mir_log_format *out,
               struct mir_error *err);

/* ---- reader.c: one reading ---- */

/* What becomes of a line; negative errnos end the reading, with text in reader->err. */
enum mir_line {
    MIR_LINE_DONE,    /* a job, or part of one */
    MIR_LINE_SKIPPED, /* no job and no fault */
    MIR_LINE_BAD,     /* reported by mir_reader_bad() */
};

struct mir_reader {
    const char *name;
    const struct mir_read_options *options;
    struct mir_joblog *log;
    struct mir_read_result *result;
    struct mir_error *err;
    void *state;   /* of the format */
    uint64_t line; /* where the record at hand begins, from 1 */
    struct mir_error first_bad;
    uint32_t extra_slots[256]; /* extras made lately, by content: jobs that agree share one */
};

/* A format: a line at a time, in one reading. */
struct mir_format_ops {
    size_t state_size;                                       /* zeroed before the first line */
    int (*line)(struct mir_reader *r, struct mir_span line); /* enum mir_line or -errno */
    int (*end)(struct mir_reader *r);                        /* after the last line; may be NULL */
    void (*release)(void *state);                            /* may be NULL */
};

extern const struct mir_format_ops mir_format_mirage;
extern const struct mir_format_ops mir_format_sacct;
extern const struct mir_format_ops mir_format_swf;
extern const struct mir_format_ops mir_format_tacc;
extern const struct mir_format_ops mir_format_alcf;
extern const struct mir_format_ops mir_format_gwu;

/* True for a line of 18 numbers or more. */
bool mir_swf_is_job(struct mir_span line);

/* Report and count the line at hand; returns MIR_LINE_BAD. `expected` completes "expected ...". */
int mir_reader_bad(struct mir_reader *r,
                   const char *field,
                   struct mir_span value,
                   const char *expected,
                   ...) __attribute__((format(printf, 4, 5)));

/* The same where no single field is to blame. */
int mir_reader_bad_line(struct mir_reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- record.c: fields to a job; the int ones return MIR_LINE_DONE or MIR_LINE_BAD ---- */

enum {
    MIR_SIZE_MAX = INT32_MAX - 1, /* nodes, processors, seconds: beyond is a mistake */
};

/* A job and an extra of which nothing is known. */
struct mir_job mir_job_blank(void);
struct mir_job_extra mir_job_extra_blank(void);

/* A whole number within [min, max]. */
int mir_reader_integer(struct mir_reader *r,
                       const char *field,
                       struct mir_span value,
                       int64_t min,
                       int64_t max,
                       int64_t *out);

/* The same, written with a fraction ("1535348017.0"), rounded. */
int mir_reader_decimal(struct mir_reader *r,
                       const char *field,
                       struct mir_span value,
                       int64_t min,
                       int64_t max,
                       int64_t *out);

/* An absolute time from 1980 to 2100; "", "Unknown", "None" and "N/A" leave INT64_MIN. */
int mir_reader_time(struct mir_reader *r, const char *field, struct mir_span value, int64_t *out);

/* Seconds since the epoch, for columns that hold nothing else; 1980 to 2100. */
int mir_reader_epoch(struct mir_reader *r, const char *field, struct mir_span value, int64_t *out);

/* Slurm's time limit: minutes, "2-00:00:00", "UNLIMITED", "Partition_Limit", "". */
int mir_reader_limit(struct mir_reader *r, const char *field, struct mir_span value, int32_t *out);

/* Seconds as a limit: <= 0 is unknown, more than an int32_t holds unlimited. */
int32_t mir_limit_of(int64_t seconds);

/* Slurm's word for a state ("CANCELLED by 12", "OUT_OF_ME+"): MIR_STATE_OTHER when it is new. */
enum mir_job_state mir_state_of(struct mir_span word);

/* Slurm's word, "" for unknown. */
const char *mir_state_word(unsigned state);

/* The name's number in `table`, which holds at most `max` names. */
int mir_reader_intern(struct mir_reader *r,
                      const char *field,
                      struct mir_names *table,
                      uint32_t max,
                      struct mir_span name,
                      uint32_t *out);

/* Wait and run time of `job` from absolute times, INT64_MIN: not known. */
int mir_reader_times(struct mir_reader *r, struct mir_job *job, int64_t start_at, int64_t end_at);

/* A job that ended before it began: what looked like a wait was the time to its cancellation. */
void mir_job_never_started(struct mir_job *job, struct mir_job_extra *extra, int32_t cancelled_s);

/* Append the job to the log. */
void mir_reader_add(struct mir_reader *r,
                    const struct mir_job *job,
                    const struct mir_job_extra *extra);

/* ---- table.c: lines of fields under a header line ---- */

enum { MIR_TABLE_KEYS = 32 };

/* A column by name; several names may share a key: the first that is there counts. */
struct mir_column {
    const char *name;
    int key;
    bool required;  /* the key, that is */
    bool free_text; /* may hold the delimiter */
};

struct mir_table {
    char delimiter[8];
    size_t delimiter_len; /* 0: the header has not been read */
    bool quoted;          /* RFC 4180 */
    bool trailing;        /* each line ends with a delimiter */
    size_t n_columns;
    int column[MIR_TABLE_KEYS]; /* by key; -1: not there */
    int free_column;            /* the one that may hold the delimiter; -1: none, or several */
    struct mir_str header;
    struct mir_span *fields; /* of the line split last */
    size_t n_fields, cap_fields;
    bool plain; /* that line has no quotes: its fields follow one another */
    struct mir_str unquoted;
};

/* `delimiter` NULL: what stands behind the header's first name. */
int mir_table_open(struct mir_table *t,
                   struct mir_reader *r,
                   struct mir_span header,
                   const char *delimiter,
                   const struct mir_column *columns,
                   size_t n_columns);
void mir_table_close(struct mir_table *t);

/* Split without judging the number of fields; `line` must live as long as the fields. */
void mir_table_split(struct mir_table *t, struct mir_span line);

/* True when the last split found at least as many fields as there are columns. */
bool mir_table_is_whole(const struct mir_table *t);

/*
 * Bring the fields of the last split under the columns: too many of them belong
 * to the free column.  MIR_LINE_DONE, MIR_LINE_BAD, or MIR_LINE_SKIPPED for the
 * header once more.
 */
int mir_table_fit(struct mir_table *t, struct mir_reader *r, struct mir_span line);

/* Split and fit. */
int mir_table_line(struct mir_table *t, struct mir_reader *r, struct mir_span line);

/*
 * A line of a comma-separated log: blank ones are skipped, the first other one
 * is the header, and `take` makes a job of each that follows.
 */
typedef int (*mir_take_job_f)(struct mir_reader *r, const struct mir_table *t);
int mir_table_job(struct mir_table *t,
                  struct mir_reader *r,
                  struct mir_span line,
                  const struct mir_column *columns,
                  size_t n_columns,
                  mir_take_job_f take);

bool mir_table_has(const struct mir_table *t, int key);
struct mir_span mir_table_get(const struct mir_table *t, int key); /* trimmed; empty if not there */
struct mir_span mir_table_raw(const struct mir_table *t, int key); /* as written */

/* ---- sacct_fields.c: Slurm's own notations ---- */

/* "123", "123_4", "123_[1-9:2,12%3]", "123+1", and steps of those ("123_4.batch"). */
struct mir_sacct_id {
    uint32_t id;
    int32_t task; /* MIR_UNKNOWN: none, or `tasks` */
    uint32_t het_offset;
    int32_t throttle; /* 0: none */
    bool is_step;
    struct mir_span tasks; /* "1-9:2,12"; empty: none */
};

/* 0 or -EINVAL. */
int mir_sacct_id_parse(struct mir_span text, struct mir_sacct_id *out);

/* Take the first range off `tasks`: 1, 0 at the end, -EINVAL. */
int mir_sacct_tasks_next(struct mir_span *tasks, int32_t *first, int32_t *last, int32_t *step);

/* What TRES text says, "billing=8,cpu=8,gres/gpu=4,gres/gpu:a100=4,mem=64G,node=2". */
struct mir_sacct_tres {
    uint64_t n_nodes, n_cpus, n_gpus, mem_bytes; /* 0: not given */
};

/* 0 or -EINVAL; `*out` is zeroed first. */
int mir_sacct_tres_parse(struct mir_span text, struct mir_sacct_tres *out);

/* A count as sacct prints it, "2048" or "2K". 0 or -EINVAL. */
int mir_sacct_count_parse(struct mir_span text, uint64_t *out);

#endif
