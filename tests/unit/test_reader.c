/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_reader.c - formats are found, bad input is told, what is written comes back. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/core/str.h"
#include "tests/joblog_equal.h"
#include "traces/reader/reader.h"

static const char swf_job[] = "1 0 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n";
static const char sacct_header[] = "JobID|Submit|Start|End|NNodes|JobName\n";
static const char sacct_job[] =
    "7|2023-02-01T08:00:00|2023-02-01T08:00:10|2023-02-01T08:01:00|2|a\n";

/* One reading and what came of it. */
struct reading {
    struct mir_read_options options;
    struct mir_joblog log;
    struct mir_read_result result;
    struct mir_error err;
    struct mir_str bad; /* bad lines, each ended by '\n' */
    uint64_t progress_done, progress_total;
    int n_progress;
};

static void note_bad(void *context, const char *text)
{
    mir_str_addf(&((struct reading *)context)->bad, "%s\n", text);
}

static void note_progress(void *context, uint64_t done, uint64_t total)
{
    struct reading *r = context;

    r->progress_done = done;
    r->progress_total = total;
    r->n_progress++;
}

static void init(struct reading *r)
{
    *r = (struct reading){0};
    r->options.bad_line = note_bad;
    r->options.progress = note_progress;
    r->options.context = r;
    mir_joblog_init(&r->log);
}

static void release(struct reading *r)
{
    mir_joblog_release(&r->log);
    mir_str_release(&r->bad);
}

/* From memory of exactly that size, so that ASan sees a read past its end. */
static int read_bytes(struct reading *r, const void *data, size_t len)
{
    char *copy = mir_alloc(1, len);
    int rc;

    memcpy(copy, data, len);
    rc = mir_log_read_memory("log", copy, len, &r->options, &r->log, &r->result, &r->err);
    free(copy);
    return rc;
}

static int read_text(struct reading *r, const char *text)
{
    return read_bytes(r, text, strlen(text));
}

static void assert_says(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text ? text : "", part);
}

static void assert_refused(const char *text, enum mir_log_format format, const char *part)
{
    struct reading r;

    init(&r);
    r.options.format = format;
    assert_int_equal(read_text(&r, text), -EBADMSG);
    assert_says(r.err.text, part);
    assert_int_equal(r.log.n_jobs, 0);
    release(&r);
}

/* ---- formats ---- */

static void names_of_formats_are_parsed_back(void **state)
{
    enum mir_log_format format;
    struct mir_error err = {{0}};

    (void)state;
    for (int f = MIR_FORMAT_AUTO; f <= MIR_FORMAT_GWU; f++) {
        const char *name = mir_log_format_name((enum mir_log_format)f);

        assert_int_equal(mir_log_format_parse(name, &format, &err), 0);
        assert_int_equal(format, f);
    }
    assert_int_equal(mir_log_format_parse("csv", &format, &err), -EINVAL);
    assert_says(err.text, "sacct");
}

static void finds_the_format_by_looking(void **state)
{
    static const struct {
        enum mir_log_format format;
        const char *text;
    } cases[] = {
        {MIR_FORMAT_SWF, swf_job},
        {MIR_FORMAT_SWF, "\n; a comment\n\n  1\t0 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1"},
        {MIR_FORMAT_SWF, "\xef\xbb\xbf; with a byte order mark\n"
                         "1 0 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n"},
        {MIR_FORMAT_SACCT, "JobID|Submit|Start|End\n7|2023-02-01T08:00:00||"},
        {MIR_FORMAT_SACCT, "Submit,JobIDRaw\n2023-02-01T08:00:00,7\n"},
        {MIR_FORMAT_SACCT, "State\tJobID\tSubmit\nPENDING\t7\t2023-02-01T08:00:00\n"},
        {MIR_FORMAT_SACCT, "JobID~~Submit~~State~~\n7~~2023-02-01T08:00:00~~PENDING~~\n"},
        {MIR_FORMAT_TACC, "1\n JobID Submit Start End TimelimitR NNodes\n"
                          "7\t2023-02-01T08:00:00\t\t\t5\t1\n"},
        {MIR_FORMAT_TACC, "JobID Submit Start End TimelimitR NNodes\r\n"
                          "7\t2023-02-01T08:00:00\t\t\t5\t1\r\n"},
        {MIR_FORMAT_ALCF, "job,node_num,submit_time,wait_time,run_time,wall_time\n"
                          "1,1,1600000000,0,1,2\n"},
        {MIR_FORMAT_GWU, "JobID,SubmitTime,WaitTime,RunTime,NNodes\n1,1600000000,0,1,2\n"},
        {MIR_FORMAT_MIRAGE, "# mirage-log 1\nid,submit\n1,2\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading r;

        init(&r);
        r.options.strict = true;
        if (read_text(&r, cases[i].text) != 0)
            fail_msg("case %zu: %s", i, r.err.text);
        assert_int_equal(r.result.format, cases[i].format);
        assert_int_equal(r.log.n_jobs, 1);
        release(&r);
    }
}

static void says_what_a_file_is_that_it_cannot_read(void **state)
{
    (void)state;
    assert_refused("", MIR_FORMAT_AUTO, "empty");
    assert_refused("", MIR_FORMAT_SWF, "empty");
    assert_refused("\n\n\n", MIR_FORMAT_AUTO, "no job");
    assert_refused("; only\n; comments\n", MIR_FORMAT_AUTO, "no job");
    assert_refused("hello\n", MIR_FORMAT_AUTO, "known format");
    assert_refused("{\"jobs\":[]}", MIR_FORMAT_AUTO, "JSON");
    assert_refused("JobID|State\n1|FAILED\n", MIR_FORMAT_AUTO, "Submit");
    assert_refused("  JobID  Submit\n------- ------\n 1 2\n", MIR_FORMAT_AUTO, "--parsable2");
    assert_refused(" JOBID PARTITION NAME USER ST TIME\n", MIR_FORMAT_AUTO, "squeue");
    assert_refused("JobID|Submit\n", MIR_FORMAT_AUTO, "no job");
    assert_refused("Submit|NNodes\n1|2\n", MIR_FORMAT_SACCT, "no column JobID");
    assert_refused("# mirage-log 2\nid,submit\n1,2\n", MIR_FORMAT_AUTO, "version '2'");
    assert_refused("id,submit\n1,2\n", MIR_FORMAT_MIRAGE, "does not begin");
    assert_refused("# mirage-log 1\nid,submit,colour\n1,2,3\n", MIR_FORMAT_AUTO, "unknown");
    assert_refused("# mirage-log 1\n\"id\n\"submit\n", MIR_FORMAT_AUTO, "no column id");
    assert_refused(swf_job, MIR_FORMAT_GWU, "no column JobID");
    assert_refused("a b c\nd e f\n", MIR_FORMAT_SWF, "2 bad lines, the first: log:1: field 'job'");
}

static void refuses_binary_data(void **state)
{
    static const char bytes[] = "\x7f"
                                "ELF\0\0\1\2\3\n\0\0\0";
    struct reading r;

    (void)state;
    for (int f = MIR_FORMAT_AUTO; f <= MIR_FORMAT_GWU; f++) {
        init(&r);
        r.options.format = (enum mir_log_format)f;
        assert_int_equal(read_bytes(&r, bytes, sizeof bytes), -EBADMSG);
        assert_true(r.err.text[0] != '\0');
        assert_int_equal(r.log.n_jobs, 0);
        release(&r);
    }
}

/* ---- compression ---- */

static size_t compress(int filter, const char *text, char *out, size_t cap)
{
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    size_t used = 0;

    assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
    assert_int_equal(archive_write_set_bytes_per_block(a, 1), ARCHIVE_OK); /* no padding */
    assert_int_equal(archive_write_open_memory(a, out, cap, &used), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, text, strlen(text)), (la_ssize_t)strlen(text));
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    archive_entry_free(entry);
    return used;
}

static const int filters[] = {
    ARCHIVE_FILTER_GZIP,
    ARCHIVE_FILTER_BZIP2,
    ARCHIVE_FILTER_XZ,
    ARCHIVE_FILTER_ZSTD,
};

enum { N_FILTERS = sizeof filters / sizeof *filters };

static void reads_every_compression(void **state)
{
    char packed[4096];

    (void)state;
    for (int i = 0; i < N_FILTERS; i++) {
        struct reading r;
        size_t len = compress(filters[i], swf_job, packed, sizeof packed);

        init(&r);
        if (read_bytes(&r, packed, len) != 0)
            fail_msg("filter %d: %s", i, r.err.text);
        assert_int_equal(r.log.n_jobs, 1);
        assert_int_equal(r.log.jobs[0].wait_s, 5);
        release(&r);
    }
}

static void refuses_a_compressed_file_cut_at_any_byte(void **state)
{
    char packed[4096];

    (void)state;
    for (int i = 0; i < N_FILTERS; i++) {
        size_t len = compress(filters[i], swf_job, packed, sizeof packed);

        for (size_t cut = 1; cut < len; cut++) {
            struct reading r;
            int rc;

            init(&r);
            rc = read_bytes(&r, packed, cut);
            if (rc != -EBADMSG)
                fail_msg("filter %d cut at %zu of %zu: %d", i, cut, len, rc);
            if (cut > 16) /* what libarchive wants to see before it believes in a filter */
                assert_says(r.err.text, "cut off or damaged");
            release(&r);
        }
    }
}

static void keeps_what_came_before_the_cut(void **state)
{
    struct mir_str text = {0};
    char *packed = mir_alloc(1, 1 << 20);
    struct reading r;
    size_t len;

    (void)state;
    for (int i = 0; i < 20000; i++)
        mir_str_addf(&text, "%d %d 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n", i, i * 7);
    len = compress(ARCHIVE_FILTER_GZIP, text.text, packed, 1 << 20);
    init(&r);
    assert_int_equal(read_bytes(&r, packed, len / 2), -EBADMSG);
    assert_says(r.err.text, "cut off or damaged");
    assert_in_range(r.log.n_jobs, 5000, 15000);
    assert_int_equal(r.result.n_bad, 0);
    assert_true(r.log.sorted);
    release(&r);
    free(packed);
    mir_str_release(&text);
}

/* ---- files ---- */

static void tells_why_a_file_cannot_be_opened(void **state)
{
    struct reading r;

    (void)state;
    init(&r);
    assert_int_equal(mir_log_read("/no/such/log", &r.options, &r.log, &r.result, &r.err), -ENOENT);
    assert_says(r.err.text, "/no/such/log");
    assert_int_equal(mir_log_read("/", &r.options, &r.log, &r.result, &r.err), -EISDIR);
    release(&r);
}

static void reads_standard_input(void **state)
{
    struct reading r;
    int saved = dup(STDIN_FILENO);
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], swf_job, strlen(swf_job)), (ssize_t)strlen(swf_job));
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    init(&r);
    assert_int_equal(mir_log_read("-", &r.options, &r.log, &r.result, &r.err), 0);
    assert_int_equal(r.log.n_jobs, 1);
    assert_int_equal(r.progress_total, 0);
    dup2(saved, STDIN_FILENO);
    close(saved);
    release(&r);
}

static void progress_ends_at_the_size_of_the_file(void **state)
{
    struct mir_str text = {0};
    char path[] = "/tmp/mirage-reader-XXXXXX";
    int fd = mkstemp(path);
    struct reading r;

    (void)state;
    assert_true(fd >= 0);
    for (int i = 0; i < 10000; i++)
        mir_str_add(&text, swf_job);
    assert_int_equal(write(fd, text.text, text.len), (ssize_t)text.len);
    close(fd);
    init(&r);
    assert_int_equal(mir_log_read(path, &r.options, &r.log, &r.result, &r.err), 0);
    assert_int_equal(r.result.n_jobs, 10000);
    assert_true(r.n_progress >= 3);
    assert_int_equal(r.progress_done, text.len);
    assert_int_equal(r.progress_total, text.len);
    unlink(path);
    release(&r);
    mir_str_release(&text);
}

static void tells_when_the_disk_is_full(void **state)
{
    struct reading r;
    FILE *full = fopen("/dev/full", "w");

    (void)state;
    if (!full)
        skip();
    init(&r);
    assert_int_equal(read_text(&r, swf_job), 0);
    assert_int_equal(mir_log_write(full, &r.log, &r.err), -EIO);
    assert_says(r.err.text, "write");
    fclose(full);
    release(&r);
}

/* ---- lines ---- */

static void a_bad_line_is_told_counted_and_skipped(void **state)
{
    struct reading r;

    (void)state;
    init(&r);
    assert_int_equal(read_text(&r, "1 0 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n"
                                   "2 0 x\033[2J 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n"
                                   "3 0 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n"),
                     0);
    assert_string_equal(r.bad.text, "log:2: field 'wait': 'x?[2J': expected a number\n");
    assert_int_equal(r.result.n_bad, 1);
    assert_int_equal(r.result.n_jobs, 2);
    assert_int_equal(r.result.n_lines, 3);
    release(&r);
}

static void strict_stops_at_the_first_bad_line(void **state)
{
    struct reading r;

    (void)state;
    init(&r);
    r.options.strict = true;
    assert_int_equal(read_text(&r, "1 0 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n"
                                   "2 0 5\n"
                                   "3 0 5\n"
                                   "4 0 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n"),
                     -EBADMSG);
    assert_string_equal(r.err.text, "log:2: 3 fields where SWF has 18");
    assert_int_equal(r.result.n_bad, 1);
    assert_int_equal(r.log.n_jobs, 1);
    release(&r);
}

static void lines_may_be_of_any_length(void **state)
{
    enum { LEN = 5000000 };
    struct mir_str text = {0};
    char *name = mir_alloc(LEN + 1, 1);
    struct reading r;

    (void)state;
    memset(name, 'n', LEN);
    mir_str_add(&text, sacct_header);
    mir_str_add_n(&text, sacct_job, strlen(sacct_job) - 2);
    mir_str_add(&text, name);
    mir_str_add(&text, "\n");
    mir_str_add(&text, sacct_job);
    init(&r);
    assert_int_equal(read_text(&r, text.text), 0);
    assert_int_equal(r.log.n_jobs, 2);
    assert_int_equal(strlen(mir_names_get(&r.log.names, r.log.jobs[0].name)), LEN);
    release(&r);
    free(name);
    mir_str_release(&text);
}

static void a_nul_byte_makes_a_line_bad(void **state)
{
    struct mir_str text = {0};
    struct reading r;

    (void)state;
    mir_str_add(&text, sacct_header);
    mir_str_add(&text, sacct_job);
    mir_str_add(&text, sacct_job);
    text.text[text.len - 2] = '\0';
    init(&r);
    r.options.format = MIR_FORMAT_SACCT;
    assert_int_equal(read_bytes(&r, text.text, text.len), 0);
    assert_int_equal(r.log.n_jobs, 1);
    assert_string_equal(r.bad.text, "log:3: a NUL byte in the line\n");
    release(&r);
    mir_str_release(&text);
}

static void a_clock_that_goes_back_is_sorted(void **state)
{
    static const uint32_t ids[] = {3, 1, 2, 4};
    struct reading r;

    (void)state;
    init(&r);
    assert_int_equal(read_text(&r, "2 9 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n"
                                   "1 9 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n"
                                   "4 10 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n"
                                   "3 2 5 10 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1\n"),
                     0);
    assert_true(r.log.sorted);
    for (int i = 0; i < 4; i++)
        assert_int_equal(r.log.jobs[i].id, ids[i]);
    release(&r);
}

static void a_second_log_is_added_to_the_first(void **state)
{
    struct reading r;

    (void)state;
    init(&r);
    assert_int_equal(read_text(&r, swf_job), 0);
    assert_int_equal(read_text(&r, "JobID|Submit\n9|2023-02-01T08:00:00\n"), 0);
    assert_int_equal(r.result.n_jobs, 1);
    assert_int_equal(r.log.n_jobs, 2);
    assert_int_equal(r.log.jobs[1].id, 9);
    release(&r);
}

static void times_without_a_zone_are_local_to_the_zone_given(void **state)
{
    struct mir_zone *zone;
    struct reading r;

    (void)state;
    if (mir_zone_create("America/Chicago", &zone) != 0)
        skip();
    init(&r);
    r.options.zone = zone;
    assert_int_equal(read_text(&r, "JobID|Submit|Start|End\n"
                                   "1|2023-02-01T08:00:00|2023-02-01T14:00:10Z|\n"
                                   "2|2023-07-01T08:00:00|2023-07-01T08:00:10|\n"),
                     0);
    assert_int_equal(r.log.jobs[0].submit_at, 1675238400 + 6 * 3600);
    assert_int_equal(r.log.jobs[0].wait_s, 10);
    assert_int_equal(r.log.jobs[1].submit_at, 1688198400 + 5 * 3600);
    release(&r);
    mir_zone_destroy(zone);
}

static void jobs_that_agree_share_their_extra(void **state)
{
    struct mir_str text = {0};
    struct reading r;

    (void)state;
    mir_str_add(&text, "JobID|Submit|Start|End|NNodes|ReqTRES\n");
    for (int i = 0; i < 5000; i++)
        mir_str_addf(&text,
                     "%d|2023-02-01T08:00:00|2023-02-01T08:00:10|2023-02-01T08:01:00|1|mem=%dG\n",
                     i, i % 7);
    init(&r);
    assert_int_equal(read_text(&r, text.text), 0);
    assert_int_equal(r.log.n_jobs, 5000);
    assert_int_equal(mir_joblog_get_extra(&r.log, &r.log.jobs[4999])->mem_bytes,
                     (uint64_t)(4999 % 7) << 30);
    assert_in_range(r.log.n_extras, 1, 600); /* two amounts may fall on one slot of the cache */
    release(&r);
    mir_str_release(&text);
}

/* ---- writing and reading back ---- */

static uint32_t random_name(struct mir_rng *rng, struct mir_names *names)
{
    static const char bytes[] = "ab,\"\n\r'|;#= \t\\\xc3\xa9";
    char text[12];
    size_t len = mir_rng_below(rng, sizeof text);

    for (size_t i = 0; i < len; i++)
        text[i] = bytes[mir_rng_below(rng, sizeof bytes - 1)];
    return mir_names_add(names, text, len);
}

/* Small, large and the ends of the range. */
static int32_t random_i32(struct mir_rng *rng, int32_t absent)
{
    switch (mir_rng_below(rng, 4)) {
    case 0:
        return absent;
    case 1:
        return INT32_MAX;
    case 2:
        return (int32_t)mir_rng_below(rng, 10);
    default:
        return (int32_t)mir_rng_below(rng, INT32_MAX);
    }
}

static void random_extra(struct mir_rng *rng, struct mir_joblog *log, struct mir_job *job)
{
    struct mir_job_extra *extra = mir_joblog_extra(log, job);

    extra->mem_bytes = mir_rng_below(rng, 2) ? mir_rng_u64(rng) : 0;
    extra->nice = mir_rng_below(rng, 2) ? (int32_t)mir_rng_u64(rng) : 0;
    extra->array_throttle = random_i32(rng, 0);
    extra->cancelled_s = random_i32(rng, MIR_UNKNOWN);
    extra->dependency = random_name(rng, &log->names);
}

static void random_job(struct mir_rng *rng, struct mir_joblog *log)
{
    struct mir_job *job = mir_joblog_add(log);

    job->submit_at = (int64_t)mir_rng_below(rng, 4102444800);
    job->id = (uint32_t)mir_rng_u64(rng);
    job->priority = (uint32_t)mir_rng_u64(rng);
    job->wait_s = random_i32(rng, MIR_UNKNOWN);
    job->run_s = random_i32(rng, MIR_UNKNOWN);
    job->limit_s = random_i32(rng, MIR_UNKNOWN);
    job->eligible_s = random_i32(rng, 0);
    job->array_task = random_i32(rng, MIR_UNKNOWN);
    job->n_nodes = (uint32_t)mir_rng_u64(rng) >> mir_rng_below(rng, 32);
    job->n_cpus = (uint32_t)mir_rng_u64(rng) >> mir_rng_below(rng, 32);
    job->n_gpus = (uint16_t)mir_rng_below(rng, UINT16_MAX + 1);
    job->state = (uint8_t)mir_rng_below(rng, MIR_STATE_OTHER + 1);
    job->user = random_name(rng, &log->users);
    job->name = random_name(rng, &log->names);
    job->account = (uint16_t)random_name(rng, &log->accounts);
    job->partition = (uint16_t)random_name(rng, &log->partitions);
    if (log->qos.n < UINT8_MAX)
        job->qos = (uint8_t)random_name(rng, &log->qos);
    if (mir_rng_below(rng, 2))
        random_extra(rng, log, job);
}

static void check_round_trip(uint64_t seed)
{
    struct mir_rng rng;
    struct mir_joblog log;
    struct reading r;
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    mir_rng_init(&rng, seed);
    mir_joblog_init(&log);
    for (uint64_t n = 1 + mir_rng_below(&rng, 50); n > 0; n--)
        random_job(&rng, &log);
    log.n_nodes = (uint32_t)mir_rng_u64(&rng);
    log.n_procs = (uint32_t)mir_rng_u64(&rng);
    log.unix_start_at = (int64_t)mir_rng_below(&rng, 4102444800);
    mir_joblog_sort(&log);
    assert_int_equal(mir_log_write(f, &log, NULL), 0);
    fclose(f);
    init(&r);
    r.options.strict = true;
    if (read_bytes(&r, text, len) != 0)
        fail_msg("seed %llu: %s\n%s", (unsigned long long)seed, r.err.text, text);
    if (first_difference(&log, &r.log) != SIZE_MAX)
        fail_msg("seed %llu: job %zu differs\n%s", (unsigned long long)seed,
                 first_difference(&log, &r.log), text);
    release(&r);
    mir_joblog_release(&log);
    free(text);
}

static void what_is_written_comes_back(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++)
        check_round_trip(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_formats_are_parsed_back),
        cmocka_unit_test(finds_the_format_by_looking),
        cmocka_unit_test(says_what_a_file_is_that_it_cannot_read),
        cmocka_unit_test(refuses_binary_data),
        cmocka_unit_test(reads_every_compression),
        cmocka_unit_test(refuses_a_compressed_file_cut_at_any_byte),
        cmocka_unit_test(keeps_what_came_before_the_cut),
        cmocka_unit_test(tells_why_a_file_cannot_be_opened),
        cmocka_unit_test(reads_standard_input),
        cmocka_unit_test(progress_ends_at_the_size_of_the_file),
        cmocka_unit_test(tells_when_the_disk_is_full),
        cmocka_unit_test(a_bad_line_is_told_counted_and_skipped),
        cmocka_unit_test(strict_stops_at_the_first_bad_line),
        cmocka_unit_test(lines_may_be_of_any_length),
        cmocka_unit_test(a_nul_byte_makes_a_line_bad),
        cmocka_unit_test(a_clock_that_goes_back_is_sorted),
        cmocka_unit_test(a_second_log_is_added_to_the_first),
        cmocka_unit_test(times_without_a_zone_are_local_to_the_zone_given),
        cmocka_unit_test(jobs_that_agree_share_their_extra),
        cmocka_unit_test(what_is_written_comes_back),
    };

    return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
