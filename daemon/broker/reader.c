/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reader.c - the child that answers all questions which only read. */
#include "daemon/broker/broker.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/broker/accounting.h"
#include "daemon/broker/compat.h"
#include "daemon/broker/records.h"
#include "daemon/broker/site.h"
#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/str.h"

enum {
    FLUSH_BYTES = 256 << 10,
    USER_CACHE = 1024,
    SHOW_FLAGS = SHOW_ALL | SHOW_LOCAL,
};

struct user_entry {
    char *name; /* NULL: free */
    uint32_t uid;
};

struct reader {
    int fd;
    int broken; /* a negative errno once the daemon cannot be written to */
    struct mir_str out;
    struct mir_site site;
    struct mir_accounting *accounting;
    struct user_entry users[USER_CACHE]; /* by uid; a newcomer takes the place */
};

/* A question in work. */
struct question {
    const struct mir_wire_record *record;
    int64_t ticket;
    int64_t began_ns;
};

static void flush(struct reader *r)
{
    if (r->broken == 0 && r->out.len > 0)
        r->broken = mir_write_all(r->fd, &r->out);
}

static void flush_if_full(struct reader *r)
{
    if (r->out.len >= FLUSH_BYTES)
        flush(r);
}

/* slurmctld does not always send names, and asking for each anew is slow with LDAP. */
static const char *user_name(struct reader *r, uint32_t uid)
{
    struct user_entry *entry = &r->users[uid % USER_CACHE];
    struct passwd password, *found = NULL;
    char buffer[4096];

    if (entry->name != NULL && entry->uid == uid)
        return entry->name;
    if (getpwuid_r(uid, &password, buffer, sizeof buffer, &found) != 0)
        found = NULL;
    free(entry->name);
    entry->uid = uid;
    entry->name = mir_strdup(found == NULL ? "" : found->pw_name);
    return entry->name;
}

static void add_ms(struct reader *r, const struct question *q)
{
    mir_wire_add_i64(&r->out, "ms", (mir_clock_mono_ns() - q->began_ns) / 1000000);
}

static void answer_failed(struct reader *r,
                          const struct question *q,
                          enum mir_outcome outcome,
                          const struct mir_error *err)
{
    mir_wire_begin(&r->out, "failed");
    mir_wire_add_i64(&r->out, "ticket", q->ticket);
    mir_wire_add(&r->out, "outcome", mir_outcome_name(outcome));
    if (outcome == MIR_OUTCOME_REFUSED)
        mir_wire_add(&r->out, "refusal", mir_refusal_name(MIR_REFUSAL_OTHER));
    mir_wire_add(&r->out, "text", err->text);
    add_ms(r, q);
    mir_wire_end(&r->out);
}

static void begin_done(struct reader *r, const struct question *q, size_t n)
{
    mir_wire_begin(&r->out, "done");
    mir_wire_add_i64(&r->out, "ticket", q->ticket);
    mir_wire_add_i64(&r->out, "n", (int64_t)n);
}

static void end_done(struct reader *r, const struct question *q)
{
    add_ms(r, q);
    mir_wire_end(&r->out);
}

static void
write_job(struct reader *r, const struct question *q, const slurm_job_info_t *job, int64_t at)
{
    struct mir_live_job live;
    bool named = job->user_name != NULL && job->user_name[0] != '\0';

    mir_record_job_read(job, named ? "" : user_name(r, job->user_id), at, &live);
    mir_record_job_write(&r->out, q->ticket, &live);
    flush_if_full(r);
}

static int by_id(const void *a, const void *b)
{
    const slurm_job_info_t *x = *(const slurm_job_info_t *const *)a;
    const slurm_job_info_t *y = *(const slurm_job_info_t *const *)b;

    return (x->job_id > y->job_id) - (x->job_id < y->job_id);
}

static void write_jobs(struct reader *r, const struct question *q, const job_info_msg_t *message)
{
    const slurm_job_info_t **sorted =
        MIR_NEW_ARRAY(const slurm_job_info_t *, message->record_count);

    for (uint32_t i = 0; i < message->record_count; i++)
        sorted[i] = &message->job_array[i];
    qsort(sorted, message->record_count, sizeof(void *), by_id);
    for (uint32_t i = 0; i < message->record_count; i++)
        write_job(r, q, sorted[i], message->last_update);
    free(sorted);
}

static void
end_jobs(struct reader *r, const struct question *q, const job_info_msg_t *message, int64_t ms)
{
    begin_done(r, q, message->record_count);
    /* slurmctld puts the time of packing here, not that of the last change. */
    mir_wire_add_i64(&r->out, "at", message->last_update);
    mir_wire_add_i64(&r->out, "backfill_at", message->last_backfill);
    mir_wire_add_i64(&r->out, "last_update", message->last_update);
    mir_wire_add_i64(&r->out, "ms", ms);
    mir_wire_end(&r->out);
}

static void answer_unchanged(struct reader *r, const struct question *q)
{
    mir_wire_begin(&r->out, "unchanged");
    mir_wire_add_i64(&r->out, "ticket", q->ticket);
    mir_wire_add_i64(&r->out, "at", 0);
    add_ms(r, q);
    mir_wire_end(&r->out);
}

static int answer_jobs(struct reader *r, const struct question *q, struct mir_error *err)
{
    job_info_msg_t *message = NULL;
    int64_t since = 0, ms;
    int rc, code;

    rc = mir_wire_get_i64(q->record, "since", 0, INT64_MAX, &since, err);
    if (rc != 0 && rc != -ENOENT)
        return -EINVAL;
    errno = 0;
    rc = slurm_load_jobs((time_t)since, &message, SHOW_FLAGS);
    code = errno;
    if (rc != SLURM_SUCCESS && code == SLURM_NO_CHANGE_IN_DATA) {
        answer_unchanged(r, q);
        return 0;
    }
    if (rc != SLURM_SUCCESS || message == NULL)
        return mir_site_error(err, "read jobs", code);
    ms = (mir_clock_mono_ns() - q->began_ns) / 1000000;
    write_jobs(r, q, message);
    end_jobs(r, q, message, ms);
    slurm_free_job_info_msg(message);
    malloc_trim(0); /* the list may have been tens of megabytes, and is back in a minute */
    return 0;
}

/* One job: an array's or a heterogeneous job's id brings all of its parts. */
static size_t
write_one(struct reader *r, const struct question *q, const job_info_msg_t *message, uint32_t id)
{
    for (uint32_t i = 0; i < message->record_count; i++) {
        if (message->job_array[i].job_id == id) {
            write_job(r, q, &message->job_array[i], message->last_update);
            return 1;
        }
    }
    return 0;
}

static int answer_job(struct reader *r, const struct question *q, struct mir_error *err)
{
    job_info_msg_t *message = NULL;
    int64_t id;
    size_t n = 0;
    int rc, code;

    if (mir_wire_get_i64(q->record, "id", 1, UINT32_MAX - 2, &id, err) != 0)
        return -EINVAL;
    errno = 0;
    rc = slurm_load_job(&message, JOBID_ARG((uint32_t)id), SHOW_FLAGS);
    code = errno;
    if (rc == SLURM_SUCCESS && message != NULL)
        n = write_one(r, q, message, (uint32_t)id);
    else if (rc == SLURM_SUCCESS || code != ESLURM_INVALID_JOB_ID)
        return mir_site_error(err, "read job", code);
    begin_done(r, q, n);
    if (message != NULL)
        mir_wire_add_i64(&r->out, "at", message->last_update);
    end_done(r, q);
    slurm_free_job_info_msg(message);
    return 0;
}

static int answer_cluster(struct reader *r, const struct question *q, struct mir_error *err)
{
    const struct mir_live_cluster *cluster = &r->site.cluster;
    int rc = mir_site_read(&r->site, err);

    if (rc != 0)
        return rc;
    mir_record_cluster_write(&r->out, q->ticket, cluster);
    for (size_t i = 0; i < cluster->n_partitions; i++)
        mir_record_partition_write(&r->out, q->ticket, &cluster->partitions[i]);
    for (size_t i = 0; i < cluster->n_reservations; i++)
        mir_record_reservation_write(&r->out, q->ticket, &cluster->reservations[i]);
    begin_done(r, q, 1);
    end_done(r, q);
    return 0;
}

/* Is there a slurmdbd to ask?  Reads the configuration where that is not known. */
static int need_accounting(struct reader *r, struct mir_error *err)
{
    int rc = mir_site_read_conf(&r->site, err);

    if (rc != 0)
        return rc;
    if (!r->site.cluster.accounting)
        return mir_error_set(err, -EIO, "this cluster has no slurmdbd");
    if (r->accounting == NULL)
        r->accounting = mir_accounting_create();
    return 0;
}

static void
write_page(struct reader *r, const struct question *q, const struct mir_accounting_page *page)
{
    for (size_t i = 0; i < page->n; i++) {
        mir_record_past_write(&r->out, q->ticket, &page->rows[i]);
        flush_if_full(r);
    }
}

static int answer_history(struct reader *r, const struct question *q, struct mir_error *err)
{
    struct mir_accounting_page page = {0};
    int64_t from, to, now = mir_clock_wall();
    int rc;

    if (mir_wire_get_i64(q->record, "from", 0, INT32_MAX * 4LL, &from, err) != 0 ||
        mir_wire_get_i64(q->record, "to", 0, INT32_MAX * 4LL, &to, err) != 0)
        return -EINVAL;
    rc = need_accounting(r, err);
    if (rc == 0)
        rc = mir_accounting_history(r->accounting, r->site.cluster.name, from, to, now, &page, err);
    if (rc == 0) {
        write_page(r, q, &page);
        begin_done(r, q, page.n);
        mir_wire_add_i64(&r->out, "upto", page.upto);
        if (page.upto < to && page.upto < now - MIR_ACCOUNTING_LAG_S)
            mir_wire_add_i64(&r->out, "more", 1);
        end_done(r, q);
    }
    mir_accounting_page_release(&page);
    malloc_trim(0);
    return rc;
}

static int answer_find(struct reader *r, const struct question *q, struct mir_error *err)
{
    const char *token = mir_wire_get(q->record, "token");
    struct mir_accounting_page page = {0};
    int64_t uid, from;
    int rc;

    if (mir_wire_get_i64(q->record, "uid", 0, UINT32_MAX - 2, &uid, err) != 0 ||
        mir_wire_get_i64(q->record, "from", 0, INT32_MAX * 4LL, &from, err) != 0)
        return -EINVAL;
    if (token == NULL || token[0] == '\0')
        return mir_error_set(err, -EINVAL, "find without a token");
    rc = need_accounting(r, err);
    if (rc == 0)
        rc = mir_accounting_find(r->accounting, r->site.cluster.name, (uint32_t)uid, token, from,
                                 &page, err);
    if (rc == 0) {
        write_page(r, q, &page);
        begin_done(r, q, page.n);
        end_done(r, q);
    }
    mir_accounting_page_release(&page);
    return rc;
}

static const struct {
    const char *verb;
    int (*answer)(struct reader *r, const struct question *q, struct mir_error *err);
} verbs[] = {
    {"jobs", answer_jobs},       {"job", answer_job},   {"cluster", answer_cluster},
    {"history", answer_history}, {"find", answer_find},
};

static int dispatch(struct reader *r, const struct question *q, struct mir_error *err)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(q->record->verb, verbs[i].verb) == 0)
            return verbs[i].answer(r, q, err);
    }
    return mir_error_set(err, -EINVAL, "%.32s is not a question for the reader", q->record->verb);
}

/* A line without a ticket cannot be answered: the parent has lost its way, and we end. */
static int answer_line(struct reader *r, char *line, size_t len)
{
    struct mir_wire_record record;
    struct question q = {.record = &record, .began_ns = mir_clock_mono_ns()};
    struct mir_error err = {0};
    int rc;

    rc = mir_wire_parse(line, len, &record, &err);
    if (rc != 0)
        return rc;
    rc = mir_wire_get_i64(&record, "ticket", 1, INT64_MAX, &q.ticket, &err);
    if (rc != 0)
        return rc;
    rc = dispatch(r, &q, &err);
    if (rc == -EINVAL)
        answer_failed(r, &q, MIR_OUTCOME_REFUSED, &err);
    else if (rc != 0)
        answer_failed(r, &q, MIR_OUTCOME_UNAVAILABLE, &err);
    flush(r);
    return r->broken;
}

/* Until the other end closes: 0, or a negative errno. */
static int serve(struct reader *r, struct mir_wire_input *input)
{
    struct pollfd poll_fd = {.fd = r->fd, .events = POLLIN};
    char *line;
    size_t len;
    int rc;

    for (;;) {
        if (poll(&poll_fd, 1, -1) < 0 && errno != EINTR)
            return -errno;
        rc = mir_wire_read(input, r->fd);
        if (rc == 0)
            return 0;
        if (rc < 0 && rc != -EAGAIN && rc != -EINTR)
            return rc;
        while (mir_wire_next_line(input, &line, &len)) {
            rc = answer_line(r, line, len);
            if (rc != 0)
                return rc;
        }
    }
}

static void release(struct reader *r)
{
    for (size_t i = 0; i < USER_CACHE; i++)
        free(r->users[i].name);
    mir_accounting_destroy(r->accounting);
    mir_site_release(&r->site);
    mir_str_release(&r->out);
    free(r);
}

int mir_reader_run(int fd, const struct mir_broker_settings *settings)
{
    const char *conf = settings->slurm_conf;
    struct mir_wire_input input = {0};
    struct reader *r;
    int rc;

    /* Array task lists in full: libslurm cuts them to 64 bytes as it unpacks them. */
    if (setenv("SLURM_BITSTR_LEN", "0", 1) != 0)
        return EXIT_FAILURE;
    slurm_init(conf == NULL || conf[0] == '\0' ? NULL : conf);
    r = MIR_NEW(struct reader);
    r->fd = fd;
    rc = serve(r, &input);
    mir_wire_release(&input);
    release(r);
    slurm_fini();
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
