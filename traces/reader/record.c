/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record.c - fields to a job: numbers, times, limits and states are checked
 * here, once for all formats.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "traces/reader/internal.h"

static const int64_t YEAR_1980 = 315532800;
static const int64_t YEAR_2100 = 4102444800;

struct mir_span mir_span_of(const char *text)
{
    return (struct mir_span){text, strlen(text)};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

struct mir_span mir_span_trim(struct mir_span span)
{
    while (span.len > 0 && is_blank(span.s[0])) {
        span.s++;
        span.len--;
    }
    while (span.len > 0 && is_blank(span.s[span.len - 1]))
        span.len--;
    return span;
}

bool mir_span_is(struct mir_span span, const char *text)
{
    return strlen(text) == span.len && (span.len == 0 || memcmp(span.s, text, span.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool mir_span_is_word(struct mir_span span, const char *word)
{
    size_t i = 0;

    while (i < span.len && word[i] && lower(span.s[i]) == lower(word[i]))
        i++;
    return i == span.len && !word[i];
}

struct mir_job mir_job_blank(void)
{
    return (struct mir_job){
        .wait_s = MIR_UNKNOWN,
        .run_s = MIR_UNKNOWN,
        .limit_s = MIR_UNKNOWN,
        .array_task = MIR_UNKNOWN,
    };
}

struct mir_job_extra mir_job_extra_blank(void)
{
    return (struct mir_job_extra){.cancelled_s = MIR_UNKNOWN};
}

int mir_reader_integer(struct mir_reader *r,
                       const char *field,
                       struct mir_span value,
                       int64_t min,
                       int64_t max,
                       int64_t *out)
{
    int64_t v;

    if (mir_parse_i64(value.s, value.len, &v) != 0 || v < min || v > max)
        return mir_reader_bad(r, field, value, "a whole number from %lld to %lld", (long long)min,
                              (long long)max);
    *out = v;
    return MIR_LINE_DONE;
}

int mir_reader_decimal(struct mir_reader *r,
                       const char *field,
                       struct mir_span value,
                       int64_t min,
                       int64_t max,
                       int64_t *out)
{
    double v;

    if (mir_parse_f64(value.s, value.len, &v) != 0 || v < (double)min || v > (double)max)
        return mir_reader_bad(r, field, value, "a number from %lld to %lld", (long long)min,
                              (long long)max);
    *out = (int64_t)llround(v);
    return MIR_LINE_DONE;
}

static bool is_no_time(struct mir_span value)
{
    return value.len == 0 || mir_span_is_word(value, "unknown") ||
           mir_span_is_word(value, "none") || mir_span_is_word(value, "n/a");
}

int mir_reader_time(struct mir_reader *r, const char *field, struct mir_span value, int64_t *out)
{
    int64_t at;

    if (is_no_time(value)) {
        *out = INT64_MIN;
        return MIR_LINE_DONE;
    }
    if (mir_parse_time(value.s, value.len, r->options->zone, &at) != 0 || at < YEAR_1980 ||
        at >= YEAR_2100)
        return mir_reader_bad(r, field, value,
                              "a time between 1980 and 2100 such as 2023-01-31T12:00:00");
    *out = at;
    return MIR_LINE_DONE;
}

int mir_reader_epoch(struct mir_reader *r, const char *field, struct mir_span value, int64_t *out)
{
    double at;

    if (mir_parse_f64(value.s, value.len, &at) != 0 || at < (double)YEAR_1980 ||
        at >= (double)YEAR_2100)
        return mir_reader_bad(r, field, value,
                              "seconds since 1970, between the years 1980 and 2100");
    *out = (int64_t)llround(at);
    return MIR_LINE_DONE;
}

int32_t mir_limit_of(int64_t seconds)
{
    if (seconds <= 0)
        return MIR_UNKNOWN;
    return seconds < MIR_UNLIMITED ? (int32_t)seconds : MIR_UNLIMITED;
}

int mir_reader_limit(struct mir_reader *r, const char *field, struct mir_span value, int32_t *out)
{
    int64_t seconds = 0;
    int rc;

    if (mir_span_is_word(value, "unlimited") || mir_span_is_word(value, "infinite")) {
        *out = MIR_UNLIMITED;
        return MIR_LINE_DONE;
    }
    if (value.len > 0 && !mir_span_is_word(value, "partition_limit")) {
        rc = mir_parse_duration(value.s, value.len, 60, &seconds);
        if (rc != 0)
            return mir_reader_bad(r, field, value,
                                  "minutes, [days-]hours:minutes:seconds, UNLIMITED or "
                                  "Partition_Limit");
    }
    *out = mir_limit_of(seconds);
    return MIR_LINE_DONE;
}

static const struct {
    const char *word;
    enum mir_job_state state;
} states[] = {
    {"PENDING", MIR_STATE_PENDING},
    {"RUNNING", MIR_STATE_RUNNING},
    {"COMPLETED", MIR_STATE_COMPLETED},
    {"CANCELLED", MIR_STATE_CANCELLED},
    {"FAILED", MIR_STATE_FAILED},
    {"TIMEOUT", MIR_STATE_TIMEOUT},
    {"NODE_FAIL", MIR_STATE_NODE_FAIL},
    {"PREEMPTED", MIR_STATE_PREEMPTED},
    {"OUT_OF_MEMORY", MIR_STATE_OUT_OF_MEMORY},
    {"OTHER", MIR_STATE_OTHER},
    {"COMPLETING", MIR_STATE_RUNNING},
    {"SUSPENDED", MIR_STATE_RUNNING},
};

enum { N_STATES = sizeof states / sizeof *states };

enum mir_job_state mir_state_of(struct mir_span word)
{
    size_t n = 0;
    bool cut;

    /* "CANCELLED by 1234" */
    while (n < word.len && word.s[n] != ' ')
        n++;
    cut = n > 4 && word.s[n - 1] == '+'; /* a column too narrow */
    word.len = cut ? n - 1 : n;
    if (n == 0)
        return MIR_STATE_UNKNOWN;
    for (int i = 0; i < N_STATES; i++) {
        if (mir_span_is(word, states[i].word) ||
            (cut && strncmp(states[i].word, word.s, word.len) == 0))
            return states[i].state;
    }
    return MIR_STATE_OTHER;
}

const char *mir_state_word(unsigned state)
{
    for (int i = 0; i < N_STATES; i++) {
        if (states[i].state == state)
            return states[i].word;
    }
    return "";
}

int mir_reader_intern(struct mir_reader *r,
                      const char *field,
                      struct mir_names *table,
                      uint32_t max,
                      struct mir_span name,
                      uint32_t *out)
{
    uint32_t number = name.len > 0 ? mir_names_add(table, name.s, name.len) : 0;

    if (number > max)
        return mir_reader_bad(r, field, name, "no more than %u different ones", max);
    *out = number;
    return MIR_LINE_DONE;
}

/* `from` to `to` as a duration; MIR_UNKNOWN when one of them is. */
static int
duration_of(struct mir_reader *r, const char *what, int64_t from, int64_t to, int32_t *out)
{
    *out = MIR_UNKNOWN;
    if (from == INT64_MIN || to == INT64_MIN)
        return MIR_LINE_DONE;
    if (to < from)
        return mir_reader_bad_line(r, "%s, %lld s earlier", what, (long long)(from - to));
    if (to - from > MIR_SIZE_MAX)
        return mir_reader_bad_line(r, "more than 68 years between two times");
    *out = (int32_t)(to - from);
    return MIR_LINE_DONE;
}

int mir_reader_times(struct mir_reader *r, struct mir_job *job, int64_t start_at, int64_t end_at)
{
    int rc = duration_of(r, "field 'Start': before Submit", job->submit_at, start_at, &job->wait_s);

    return rc ? rc : duration_of(r, "field 'End': before Start", start_at, end_at, &job->run_s);
}

void mir_job_never_started(struct mir_job *job, struct mir_job_extra *extra, int32_t cancelled_s)
{
    job->wait_s = MIR_UNKNOWN;
    job->run_s = MIR_UNKNOWN;
    extra->cancelled_s = cancelled_s;
}

static bool same_extra(const struct mir_job_extra *a, const struct mir_job_extra *b)
{
    return a->mem_bytes == b->mem_bytes && a->nice == b->nice &&
           a->array_throttle == b->array_throttle && a->cancelled_s == b->cancelled_s &&
           a->dependency == b->dependency;
}

static unsigned extra_slot(const struct mir_job_extra *x)
{
    uint64_t h = x->mem_bytes;

    h = h * 31 + (uint32_t)x->nice;
    h = h * 31 + (uint32_t)x->array_throttle;
    h = h * 31 + (uint32_t)x->cancelled_s;
    h = h * 31 + x->dependency;
    return (unsigned)((h * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

/*
 * Where every job tells its memory, most ask for one of a few amounts: sharing
 * keeps such a log at 64 bytes a job.
 */
static void add_extra(struct mir_reader *r, struct mir_job *job, const struct mir_job_extra *extra)
{
    uint32_t *slot = &r->extra_slots[extra_slot(extra)];

    if (*slot == 0 || !same_extra(&r->log->extras[*slot], extra)) {
        *mir_joblog_extra(r->log, job) = *extra;
        *slot = job->extra;
    }
    job->extra = *slot;
}

void mir_reader_add(struct mir_reader *r,
                    const struct mir_job *job,
                    const struct mir_job_extra *extra)
{
    struct mir_job_extra blank = mir_job_extra_blank();
    struct mir_job *added = mir_joblog_add(r->log);

    *added = *job;
    added->extra = 0;
    if (extra && !same_extra(extra, &blank))
        add_extra(r, added, extra);
    r->result->n_jobs++;
}
