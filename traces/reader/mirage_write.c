/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mirage_write.c - writes Mirage's own CSV; mirage_csv.c tells of the format.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemon/core/str.h"
#include "traces/reader/internal.h"

static const char header[] =
    "id,array_task,submit,wait_s,run_s,limit_s,eligible_s,nodes,cpus,gpus,priority,state,"
    "user,account,partition,qos,name,mem_bytes,nice,array_throttle,cancelled_s,dependency\n";

static void add_u64(struct mir_str *s, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;

    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    mir_str_add_n(s, digits + n, sizeof digits - n);
}

/* A number and a comma; just the comma where it is `absent`. */
static void add_field(struct mir_str *s, int64_t v, int64_t absent)
{
    if (v < 0 && v != absent)
        mir_str_add_n(s, "-", 1);
    if (v != absent)
        add_u64(s, v < 0 ? -(uint64_t)v : (uint64_t)v);
    mir_str_add_n(s, ",", 1);
}

/* Quoted only where it has to be: RFC 4180. */
static void add_name(struct mir_str *s, const char *name, const char *after)
{
    if (strpbrk(name, ",\"\r\n")) {
        mir_str_add_n(s, "\"", 1);
        for (const char *quote; (quote = strchr(name, '"')); name = quote + 1) {
            mir_str_add_n(s, name, (size_t)(quote - name) + 1);
            mir_str_add_n(s, "\"", 1);
        }
        mir_str_add(s, name);
        mir_str_add_n(s, "\"", 1);
    } else {
        mir_str_add(s, name);
    }
    mir_str_add(s, after);
}

static void add_numbers(struct mir_str *s, const struct mir_job *job)
{
    add_field(s, job->id, -1);
    add_field(s, job->array_task, MIR_UNKNOWN);
    add_field(s, job->submit_at, INT64_MIN);
    add_field(s, job->wait_s, MIR_UNKNOWN);
    add_field(s, job->run_s, MIR_UNKNOWN);
    if (job->limit_s == MIR_UNLIMITED)
        mir_str_add(s, "unlimited,");
    else
        add_field(s, job->limit_s, MIR_UNKNOWN);
    add_field(s, job->eligible_s, 0);
    add_field(s, job->n_nodes, 0);
    add_field(s, job->n_cpus, 0);
    add_field(s, job->n_gpus, 0);
    add_field(s, job->priority, 0);
}

static void add_job(struct mir_str *s, const struct mir_joblog *log, const struct mir_job *job)
{
    const struct mir_job_extra *extra = mir_joblog_get_extra(log, job);

    add_numbers(s, job);
    mir_str_add(s, mir_state_word(job->state));
    mir_str_add_n(s, ",", 1);
    add_name(s, mir_names_get(&log->users, job->user), ",");
    add_name(s, mir_names_get(&log->accounts, job->account), ",");
    add_name(s, mir_names_get(&log->partitions, job->partition), ",");
    add_name(s, mir_names_get(&log->qos, job->qos), ",");
    add_name(s, mir_names_get(&log->names, job->name), ",");
    if (extra->mem_bytes > 0)
        add_u64(s, extra->mem_bytes);
    mir_str_add_n(s, ",", 1);
    add_field(s, extra->nice, 0);
    add_field(s, extra->array_throttle, 0);
    add_field(s, extra->cancelled_s, MIR_UNKNOWN);
    add_name(s, mir_names_get(&log->names, extra->dependency), "\n");
}

static void add_facts(struct mir_str *s, const struct mir_joblog *log)
{
    mir_str_add(s, "# mirage-log 1\n");
    mir_str_addf(s, "# nodes=%" PRIu32 ",procs=%" PRIu32 ",unix_start=%" PRId64 "\n", log->n_nodes,
                 log->n_procs, log->unix_start_at);
    mir_str_add(s, header);
}

int mir_log_write(FILE *to, const struct mir_joblog *log, struct mir_error *err)
{
    struct mir_str s = {0};
    bool failed;

    add_facts(&s, log);
    for (size_t i = 0; i < log->n_jobs; i++) {
        if (s.len > 1 << 16) {
            fwrite(s.text, 1, s.len, to);
            s.len = 0;
        }
        add_job(&s, log, &log->jobs[i]);
    }
    fwrite(s.text, 1, s.len, to);
    mir_str_release(&s);
    failed = fflush(to) != 0 || ferror(to);
    return failed ? mir_error_set(err, -EIO, "write the job log: %s", strerror(errno)) : 0;
}
