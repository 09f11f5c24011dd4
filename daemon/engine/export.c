/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * export.c - the journal's jobs as a log in Mirage's own format (traces/reader),
 * page by page: what mirage-train learns from.
 */
#include "daemon/engine/forecast.h"

#include <errno.h>
#include <inttypes.h>

#include "daemon/core/parse.h"
#include "daemon/core/str.h"

enum { PAGE_ROWS = 2000 };

/* ---- ends of jobs ---- */

static bool ended_since(const struct mir_live_job *job, int64_t since)
{
    return job->state > MIR_STATE_RUNNING && job->start_at > 0 && job->end_at > job->start_at &&
           job->end_at >= since;
}

static int add_ends(struct mir_engine *e,
                    const struct mir_live_jobs *jobs,
                    size_t first,
                    struct mir_error *err)
{
    int rc = mir_journal_begin(e->journal, err);

    if (rc != 0)
        return rc;
    for (size_t i = first; i < jobs->n_jobs && rc == 0; i++) {
        struct mir_live_past past = mir_live_past_of(&jobs->jobs[i]);

        if (ended_since(&jobs->jobs[i], e->previous_list_at))
            rc = mir_journal_add_start(e->journal, &past, err);
    }
    if (rc == 0)
        rc = mir_journal_commit(e->journal, err);
    if (rc != 0)
        mir_journal_rollback(e->journal);
    return rc;
}

void mir_engine_journal_ends(struct mir_engine *e, const struct mir_live_jobs *jobs)
{
    struct mir_error err = {{0}};
    size_t first = 0;

    while (first < jobs->n_jobs && !ended_since(&jobs->jobs[first], e->previous_list_at))
        first++;
    if (first == jobs->n_jobs || !mir_engine_journal_works(e))
        return;
    if (add_ends(e, jobs, first, &err) != 0)
        mir_engine_journal_failed(e, &err);
}

/* ---- pages ---- */

struct page {
    struct mir_str text;
    struct mir_journal_place last;
    size_t n;
};

/* RFC 4180: quoted where it has to be. */
static void add_name(struct mir_str *s, const char *name, const char *after)
{
    if (name == NULL)
        name = "";
    if (strpbrk(name, ",\"\r\n") == NULL) {
        mir_str_addf(s, "%s%s", name, after);
        return;
    }
    mir_str_add(s, "\"");
    for (; *name != '\0'; name++)
        mir_str_add_n(s, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
    mir_str_addf(s, "\"%s", after);
}

/* A duration and a comma; just the comma where there is none. */
static void add_duration(struct mir_str *s, int64_t from, int64_t to)
{
    if (from > 0 && to >= from && to - from < INT32_MAX)
        mir_str_addf(s, "%" PRId64, to - from);
    mir_str_add(s, ",");
}

static void add_limit(struct mir_str *s, int32_t limit_s)
{
    if (limit_s == MIR_UNLIMITED)
        mir_str_add(s, "unlimited");
    else if (limit_s >= 0)
        mir_str_addf(s, "%" PRId32, limit_s);
    mir_str_add(s, ",");
}

static int add_job(void *arg, const struct mir_live_past *past)
{
    struct page *page = arg;
    struct mir_str *s = &page->text;
    bool later = past->eligible_at > past->submit_at && past->eligible_at <= past->start_at;

    page->last = (struct mir_journal_place){past->start_at, past->submit_at, past->id};
    page->n++;
    if (past->submit_at <= 0 || past->start_at < past->submit_at)
        return 0;
    mir_str_addf(s, "%" PRIu32 ",%" PRId64 ",", past->id, past->submit_at);
    add_duration(s, past->submit_at, past->start_at);
    add_duration(s, past->start_at, past->end_at);
    add_limit(s, past->limit_s);
    mir_str_addf(s, "%" PRId64 ",%" PRIu32 ",%s,", later ? past->eligible_at - past->submit_at : 0,
                 past->n_nodes, mir_job_state_name(past->state));
    add_name(s, past->user, ",");
    add_name(s, past->account, ",");
    add_name(s, past->partition, ",");
    add_name(s, past->qos, ",");
    add_name(s, past->name, "\n");
    return 0;
}

static void add_header(const struct mir_engine *e, struct mir_str *s)
{
    mir_str_addf(s,
                 "# mirage-log 1\n# nodes=%" PRIu32 ",procs=0,unix_start=0\n"
                 "id,submit,wait_s,run_s,limit_s,eligible_s,nodes,state,user,account,partition,"
                 "qos,name\n",
                 e->n_nodes);
}

/* "START.JOB.SUBMIT", as the page before said. */
static int parse_place(const char *text, struct mir_journal_place *out)
{
    int64_t numbers[3];

    for (int i = 0; i < 3; i++) {
        size_t len = strcspn(text, ".");

        if (mir_parse_i64(text, len, &numbers[i]) != 0 || numbers[i] < 0 ||
            (text[len] == '.') != (i < 2))
            return -EINVAL;
        text += len + (i < 2);
    }
    if (numbers[1] > UINT32_MAX)
        return -EINVAL;
    *out = (struct mir_journal_place){numbers[0], numbers[2], (uint32_t)numbers[1]};
    return 0;
}

void mir_engine_history_page(struct mir_engine *e,
                             const struct mir_command *command,
                             struct mir_answer *answer)
{
    struct mir_journal_place after = {INT64_MIN, 0, 0};
    struct page page = {.n = 0};
    struct mir_error err = {{0}};

    if (!command->admin)
        answer->rc = mir_error_set(&err, -EPERM, "only administrators may do that");
    else if (command->after[0] != '\0' && parse_place(command->after, &after) != 0)
        answer->rc = mir_error_set(&err, -EINVAL, "after: no such place");
    if (answer->rc == 0) {
        mir_str_add(&page.text, "");
        if (command->after[0] == '\0')
            add_header(e, &page.text);
        answer->rc = mir_journal_page_starts(e->journal, &after, PAGE_ROWS, add_job, &page, &err);
    }
    if (answer->rc != 0) {
        mir_str_release(&page.text);
        snprintf(answer->text, sizeof(answer->text), "%s", err.text);
        return;
    }
    answer->csv = page.text.text;
    if (page.n == PAGE_ROWS)
        snprintf(answer->after, sizeof(answer->after), "%" PRId64 ".%" PRIu32 ".%" PRId64,
                 page.last.start_at, page.last.job_id, page.last.submit_at);
}
