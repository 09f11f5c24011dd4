/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sacct.c - sacct's parsable output: any columns in any order, any delimiter.
 * sacct quotes nothing, so that a job name may hold the delimiter or a newline:
 * the columns left of it are counted from the left, those right of it from the
 * right, and what remains is the name.
 */
#include <errno.h>
#include <string.h>

#include "traces/reader/internal.h"

enum key {
    K_ID,
    K_RAW_ID,
    K_USER,
    K_ACCOUNT,
    K_PARTITION,
    K_QOS,
    K_SUBMIT,
    K_ELIGIBLE,
    K_START,
    K_END,
    K_LIMIT,
    K_RAW_LIMIT,
    K_NODES,
    K_CPUS,
    K_REQ_TRES,
    K_ALLOC_TRES,
    K_STATE,
    K_PRIORITY,
    K_NAME,
    K_UNUSED,
};

static const struct mir_column columns[] = {
    {"JobID", K_ID, false, false},
    {"JobIDRaw", K_RAW_ID, false, false},
    {"User", K_USER, false, false},
    {"UID", K_USER, false, false},
    {"Account", K_ACCOUNT, false, false},
    {"Partition", K_PARTITION, false, false},
    {"QOS", K_QOS, false, false},
    {"Submit", K_SUBMIT, true, false},
    {"Eligible", K_ELIGIBLE, false, false},
    {"Start", K_START, false, false},
    {"End", K_END, false, false},
    {"Timelimit", K_LIMIT, false, false},
    {"TimelimitRaw", K_RAW_LIMIT, false, false},
    {"NNodes", K_NODES, false, false},
    {"AllocNodes", K_NODES, false, false},
    {"ReqNodes", K_NODES, false, false},
    {"NCPUS", K_CPUS, false, false},
    {"AllocCPUS", K_CPUS, false, false},
    {"ReqCPUS", K_CPUS, false, false},
    {"ReqTRES", K_REQ_TRES, false, false},
    {"AllocTRES", K_ALLOC_TRES, false, false},
    {"State", K_STATE, false, false},
    {"Priority", K_PRIORITY, false, false},
    {"JobName", K_NAME, false, true},
    {"Comment", K_UNUSED, false, true},
    {"AdminComment", K_UNUSED, false, true},
    {"SubmitLine", K_UNUSED, false, true},
    {"WorkDir", K_UNUSED, false, true},
};

enum {
    TASKS_MAX = 100001, /* of one pending array; a typing error would fill the memory */
    PARTIAL_BYTES_MAX = 1 << 16,
};

struct sacct {
    struct mir_table table;
    struct mir_str partial; /* a record whose name holds a newline, up to here */
    uint64_t partial_line;  /* where it began */
    size_t partial_fields;
};

/* ---- one job ---- */

/* The id is JobIDRaw for a component of a heterogeneous job, which is a job of its own. */
static int take_id(struct mir_reader *r, const struct mir_table *t, struct mir_sacct_id *id)
{
    struct mir_span text = mir_table_get(t, K_ID);
    struct mir_sacct_id raw;

    if (text.len == 0)
        text = mir_table_get(t, K_RAW_ID);
    if (mir_sacct_id_parse(text, id) != 0)
        return mir_reader_bad(r, "JobID", text,
                              text.len > 0 && memmem(text.s, text.len, "...", 3)
                                  ? "all tasks (run sacct with SLURM_BITSTR_LEN=0)"
                                  : "a job id such as 123, 123_4, 123_[5-9%%2] or 123+1");
    if (id->het_offset > 0) {
        id->id += id->het_offset;
        if (mir_sacct_id_parse(mir_table_get(t, K_RAW_ID), &raw) == 0)
            id->id = raw.id;
    }
    return MIR_LINE_DONE;
}

static int take_tres(struct mir_reader *r,
                     const struct mir_table *t,
                     int key,
                     const char *field,
                     struct mir_sacct_tres *out)
{
    struct mir_span text = mir_table_get(t, key);

    if (mir_sacct_tres_parse(text, out) != 0)
        return mir_reader_bad(r, field, text, "a list such as cpu=8,gres/gpu=4,mem=64G,node=2");
    return MIR_LINE_DONE;
}

/* The column, what was allocated or what was asked for, whichever says something. */
static int take_count(struct mir_reader *r,
                      const char *field,
                      struct mir_span text,
                      uint64_t allocated,
                      uint64_t asked,
                      uint32_t *out)
{
    uint64_t tres = allocated > 0 ? allocated : asked;
    uint64_t n = 0;

    if (text.len > 0 && mir_sacct_count_parse(text, &n) != 0)
        return mir_reader_bad(r, field, text, "a count");
    /* "1.21K" is rounded; TRES are not. */
    if (n == 0 || (tres > 0 && text.s[text.len - 1] > '9'))
        n = tres;
    *out = (uint32_t)n;
    return MIR_LINE_DONE;
}

static int take_size(struct mir_reader *r,
                     const struct mir_table *t,
                     struct mir_job *job,
                     struct mir_job_extra *extra)
{
    struct mir_sacct_tres asked = {0}, given = {0};
    uint64_t gpus;
    int rc = take_tres(r, t, K_REQ_TRES, "ReqTRES", &asked);

    if (rc == MIR_LINE_DONE)
        rc = take_tres(r, t, K_ALLOC_TRES, "AllocTRES", &given);
    if (rc == MIR_LINE_DONE)
        rc = take_count(r, "NNodes", mir_table_get(t, K_NODES), given.n_nodes, asked.n_nodes,
                        &job->n_nodes);
    if (rc == MIR_LINE_DONE)
        rc = take_count(r, "NCPUS", mir_table_get(t, K_CPUS), given.n_cpus, asked.n_cpus,
                        &job->n_cpus);
    gpus = given.n_gpus > 0 ? given.n_gpus : asked.n_gpus;
    if (rc == MIR_LINE_DONE && gpus > UINT16_MAX)
        rc = mir_reader_bad(r, "ReqTRES", mir_table_get(t, K_REQ_TRES), "at most %d GPUs",
                            UINT16_MAX);
    job->n_gpus = (uint16_t)gpus;
    extra->mem_bytes = given.mem_bytes > 0 ? given.mem_bytes : asked.mem_bytes;
    return rc;
}

static bool was_allocated(const struct mir_table *t)
{
    return !mir_table_has(t, K_ALLOC_TRES) || mir_table_get(t, K_ALLOC_TRES).len > 0;
}

static int take_cancelled(struct mir_reader *r,
                          struct mir_job *job,
                          struct mir_job_extra *extra,
                          int64_t end_at)
{
    int64_t after_s = end_at - job->submit_at;

    if (after_s < 0 || after_s > MIR_SIZE_MAX)
        return mir_reader_bad_line(r, "field 'End': before Submit, or decades later");
    mir_job_never_started(job, extra, (int32_t)after_s);
    return MIR_LINE_DONE;
}

static int take_eligible(struct mir_reader *r, const struct mir_table *t, struct mir_job *job)
{
    int64_t at;
    int rc = mir_reader_time(r, "Eligible", mir_table_get(t, K_ELIGIBLE), &at);

    if (rc == MIR_LINE_DONE && at > job->submit_at && at - job->submit_at <= MIR_SIZE_MAX)
        job->eligible_s = (int32_t)(at - job->submit_at);
    return rc;
}

/*
 * Needs job->state.  Slurm 20 and older give a job that was cancelled while it
 * was pending a Start equal to its End; the allocation tells it from one that ran.
 */
static int take_times(struct mir_reader *r,
                      const struct mir_table *t,
                      struct mir_job *job,
                      struct mir_job_extra *extra)
{
    int64_t start_at = INT64_MIN, end_at = INT64_MIN;
    bool never_ran;
    int rc = mir_reader_time(r, "Submit", mir_table_get(t, K_SUBMIT), &job->submit_at);

    if (rc == MIR_LINE_DONE && job->submit_at == INT64_MIN)
        rc = mir_reader_bad(r, "Submit", mir_table_get(t, K_SUBMIT), "a time");
    if (rc == MIR_LINE_DONE)
        rc = take_eligible(r, t, job);
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_time(r, "Start", mir_table_get(t, K_START), &start_at);
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_time(r, "End", mir_table_get(t, K_END), &end_at);
    if (rc != MIR_LINE_DONE || job->state == MIR_STATE_PENDING)
        return rc;
    never_ran = start_at == INT64_MIN && mir_table_has(t, K_START);
    if (job->state == MIR_STATE_CANCELLED && start_at == end_at)
        never_ran = never_ran || !was_allocated(t) || !mir_table_has(t, K_ALLOC_TRES);
    if (never_ran && end_at != INT64_MIN)
        return take_cancelled(r, job, extra, end_at);
    return mir_reader_times(r, job, start_at, end_at);
}

static int take_names(struct mir_reader *r, const struct mir_table *t, struct mir_job *job)
{
    struct mir_joblog *log = r->log;
    uint32_t account = 0, partition = 0, qos = 0;
    int rc = mir_reader_intern(r, "Account", &log->accounts, UINT16_MAX,
                               mir_table_get(t, K_ACCOUNT), &account);

    if (rc == MIR_LINE_DONE)
        rc = mir_reader_intern(r, "Partition", &log->partitions, UINT16_MAX,
                               mir_table_get(t, K_PARTITION), &partition);
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_intern(r, "QOS", &log->qos, UINT8_MAX, mir_table_get(t, K_QOS), &qos);
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_intern(r, "User", &log->users, UINT32_MAX, mir_table_get(t, K_USER),
                               &job->user);
    if (rc == MIR_LINE_DONE)
        rc = mir_reader_intern(r, "JobName", &log->names, UINT32_MAX, mir_table_raw(t, K_NAME),
                               &job->name);
    job->account = (uint16_t)account;
    job->partition = (uint16_t)partition;
    job->qos = (uint8_t)qos;
    return rc;
}

static int
take_limit_and_priority(struct mir_reader *r, const struct mir_table *t, struct mir_job *job)
{
    struct mir_span raw = mir_table_get(t, K_RAW_LIMIT);
    struct mir_span priority = mir_table_get(t, K_PRIORITY);
    int64_t v = 0;
    int rc;

    if (raw.len > 0)
        rc = mir_reader_limit(r, "TimelimitRaw", raw, &job->limit_s);
    else
        rc = mir_reader_limit(r, "Timelimit", mir_table_get(t, K_LIMIT), &job->limit_s);
    if (rc == MIR_LINE_DONE && priority.len > 0)
        rc = mir_reader_integer(r, "Priority", priority, 0, UINT32_MAX, &v);
    job->priority = (uint32_t)v;
    return rc;
}

/* How many tasks there are; -EINVAL for no list of tasks, -ERANGE for too many. */
static int64_t count_tasks(struct mir_span tasks)
{
    int32_t first, last, step;
    int64_t n = 0;
    int rc;

    while ((rc = mir_sacct_tasks_next(&tasks, &first, &last, &step)) > 0) {
        n += (last - first) / step + 1;
        if (n > TASKS_MAX)
            return -ERANGE;
    }
    return rc < 0 ? rc : n;
}

/* The tasks of an array that never started are one record; here each is a job. */
static int add_tasks(struct mir_reader *r,
                     const struct mir_table *t,
                     struct mir_span tasks,
                     struct mir_job *job,
                     const struct mir_job_extra *extra)
{
    int32_t first, last, step;

    if (count_tasks(tasks) < 0)
        return mir_reader_bad(r, "JobID", mir_table_get(t, K_ID),
                              "array tasks such as 123_[5-9,12%%2], at most %d; cut-off lists are "
                              "made whole by SLURM_BITSTR_LEN=0",
                              TASKS_MAX);
    while (mir_sacct_tasks_next(&tasks, &first, &last, &step) > 0) {
        for (int64_t task = first; task <= last; task += step) {
            job->array_task = (int32_t)task;
            mir_reader_add(r, job, extra);
        }
    }
    return MIR_LINE_DONE;
}

static int take_job(struct mir_reader *r, const struct mir_table *t)
{
    struct mir_job job = mir_job_blank();
    struct mir_job_extra extra = mir_job_extra_blank();
    struct mir_sacct_id id;
    int rc = take_id(r, t, &id);

    if (rc == MIR_LINE_DONE && id.is_step)
        return MIR_LINE_SKIPPED;
    job.state = (uint8_t)mir_state_of(mir_table_get(t, K_STATE));
    if (rc == MIR_LINE_DONE)
        rc = take_times(r, t, &job, &extra);
    if (rc == MIR_LINE_DONE)
        rc = take_size(r, t, &job, &extra);
    if (rc == MIR_LINE_DONE)
        rc = take_limit_and_priority(r, t, &job);
    if (rc == MIR_LINE_DONE)
        rc = take_names(r, t, &job);
    if (rc != MIR_LINE_DONE)
        return rc;
    job.id = id.id;
    job.array_task = id.task;
    extra.array_throttle = id.throttle;
    if (id.tasks.len > 0)
        return add_tasks(r, t, id.tasks, &job, &extra);
    mir_reader_add(r, &job, &extra);
    return MIR_LINE_DONE;
}

/* ---- lines to records ---- */

/* Does the list `text` have an item with the key that `item` begins with? */
static bool has_key_of(struct mir_span text, struct mir_span item)
{
    const char *equals = memchr(item.s, '=', item.len);
    size_t key_len = (size_t)(equals - item.s) + 1;
    const char *found = memmem(text.s, text.len, item.s, key_len);

    return found && (found == text.s || found[-1] == ',');
}

static bool is_tres(struct mir_span field)
{
    return field.len > 0 && memchr(field.s, '=', field.len);
}

/* With commas as the delimiter TRES lists fall apart; no key comes twice in one list. */
static void mend_tres(struct mir_table *t)
{
    size_t n = 1;

    for (size_t i = 1; i < t->n_fields; i++) {
        struct mir_span *last = &t->fields[n - 1];
        struct mir_span item = t->fields[i];

        if (is_tres(*last) && is_tres(item) && !has_key_of(*last, item))
            last->len = (size_t)(item.s + item.len - last->s);
        else
            t->fields[n++] = item;
    }
    t->n_fields = n;
}

/* `line` has been split. */
static int take_record(struct mir_reader *r, struct mir_table *t, struct mir_span line)
{
    int rc;

    if (t->delimiter[0] == ',' && t->plain && t->n_fields > t->n_columns + (t->trailing ? 1 : 0))
        mend_tres(t);
    rc = mir_table_fit(t, r, line);
    return rc == MIR_LINE_DONE ? take_job(r, t) : rc;
}

static int bad_partial(struct mir_reader *r, struct sacct *s)
{
    uint64_t here = r->line;
    int rc;

    r->line = s->partial_line;
    rc = mir_reader_bad_line(r,
                             "%zu fields where the header has %zu: cut off, or a piece of a job "
                             "name with a newline",
                             s->partial_fields, s->table.n_columns);
    r->line = here;
    s->partial.len = 0;
    return rc;
}

/* Another line of the record that s->partial began. */
static int take_piece(struct mir_reader *r, struct sacct *s, struct mir_span line)
{
    struct mir_span record;
    uint64_t here = r->line;
    int rc;

    mir_str_add_n(&s->partial, "\n", 1);
    mir_str_add_n(&s->partial, line.s, line.len);
    record = (struct mir_span){s->partial.text, s->partial.len};
    mir_table_split(&s->table, record);
    s->partial_fields = s->table.n_fields;
    if (!mir_table_is_whole(&s->table))
        return s->partial.len > PARTIAL_BYTES_MAX ? bad_partial(r, s) : MIR_LINE_DONE;
    r->line = s->partial_line;
    rc = take_record(r, &s->table, record);
    r->line = here;
    s->partial.len = 0;
    return rc;
}

static int begin_partial(struct mir_reader *r, struct sacct *s, struct mir_span line)
{
    s->partial.len = 0;
    mir_str_add_n(&s->partial, line.s, line.len);
    s->partial_line = r->line;
    s->partial_fields = s->table.n_fields;
    /* A newline can only be in the name, so that all columns before it are here. */
    if (s->table.free_column < 0 || s->table.n_fields <= (size_t)s->table.free_column)
        return bad_partial(r, s);
    return MIR_LINE_DONE;
}

/* Has the line just split all fields, and is it a job's first line, not the rest of a name? */
static bool is_record(const struct mir_table *t)
{
    int column = t->column[K_ID] >= 0 ? t->column[K_ID] : t->column[K_RAW_ID];
    struct mir_sacct_id id;

    if (!mir_table_is_whole(t))
        return false;
    return column > t->free_column || mir_sacct_id_parse(t->fields[column], &id) == 0;
}

static int take_header(struct mir_reader *r, struct mir_table *t, struct mir_span line)
{
    int rc = mir_table_open(t, r, line, NULL, columns, sizeof columns / sizeof *columns);

    if (rc == 0 && !mir_table_has(t, K_ID) && !mir_table_has(t, K_RAW_ID))
        rc = mir_error_set(r->err, -EBADMSG, "%s: the header has no column JobID", r->name);
    /* sacct never quotes, but what reads its output and writes it as CSV does. */
    t->quoted = t->delimiter_len == 1 && t->delimiter[0] == ',';
    return rc != 0 ? rc : MIR_LINE_SKIPPED;
}

static int sacct_line(struct mir_reader *r, struct mir_span line)
{
    struct sacct *s = r->state;
    int rc;

    if (line.len > 0 && line.s[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0 && s->partial.len == 0)
        return MIR_LINE_SKIPPED;
    if (s->table.delimiter_len == 0)
        return take_header(r, &s->table, line);
    mir_table_split(&s->table, line);
    if (s->partial.len > 0 && !is_record(&s->table))
        return take_piece(r, s, line);
    if (!mir_table_is_whole(&s->table))
        return begin_partial(r, s, line);
    if (s->partial.len > 0) {
        rc = bad_partial(r, s);
        if (r->options->strict)
            return rc;
    }
    return take_record(r, &s->table, line);
}

static int sacct_end(struct mir_reader *r)
{
    struct sacct *s = r->state;

    if (s->partial.len > 0)
        bad_partial(r, s);
    return 0;
}

static void sacct_release(void *state)
{
    struct sacct *s = state;

    mir_table_close(&s->table);
    mir_str_release(&s->partial);
}

const struct mir_format_ops mir_format_sacct = {
    .state_size = sizeof(struct sacct),
    .line = sacct_line,
    .end = sacct_end,
    .release = sacct_release,
};
