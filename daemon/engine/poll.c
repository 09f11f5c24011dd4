/* SPDX-License-Identifier: GPL-3.0-or-later */
/* poll.c - what is asked of the cluster, and when: lists, configuration, history. */
#include "daemon/engine/internal.h"

#include <errno.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"

enum {
    CLUSTER_S = 600,      /* between looks at the configuration */
    HURRY_S = 5,          /* between lists at least, however much evidence is wanted */
    RETRY_S = 10,         /* after a failed question */
    HISTORY_YOUNG_S = 10, /* accounting's rows younger than this are not trusted */
    HISTORY_TRIES = 10,   /* then the chains go on without, and it is tried later */
    HISTORY_LATER_S = 600,
    HISTORY_MARK_S = 600, /* how often the journal notes how far the history reaches */
    LIST_DEBT_S = 1800,
    DAY_S = 86400,
};

/* Between polls: five times the last call's duration is what Slurm's developers ask of clients. */
int64_t mir_engine_poll_ns(const struct mir_engine *e)
{
    int64_t poll_ns = e->settings->poll_s * MIR_NS;

    return 5 * e->list_duration_ns > poll_ns ? 5 * e->list_duration_ns : poll_ns;
}

int64_t mir_engine_gap_ns(const struct mir_engine *e)
{
    return (2 * (int64_t)e->cluster.message_timeout_s + 5) * MIR_NS;
}

/* Evidence is wanted: ask before the poll is due, but never in a row. */
void mir_engine_hurry(struct mir_engine *e, int64_t at_ns)
{
    if (e->hurry_ns == 0 || at_ns < e->hurry_ns)
        e->hurry_ns = at_ns;
    e->need_full = true;
}

bool mir_engine_may_decide(const struct mir_engine *e)
{
    return e->up && e->have_cluster && e->list_ns != 0 && e->history == MIR_HISTORY_SETTLED &&
           e->now.mono_ns - e->list_ns <= 3 * mir_engine_poll_ns(e);
}

static void ask_cluster(struct mir_engine *e)
{
    uint64_t ticket = mir_engine_ask(e, MIR_ASK_CLUSTER, NULL, NULL)->ticket;

    e->cluster_due_ns = e->now.mono_ns + RETRY_S * MIR_NS;
    e->cluster_asked = true;
    if (e->live->ops->read_cluster(e->live, ticket, NULL) != 0) {
        mir_engine_unask(e, ticket);
        e->cluster_asked = false;
    }
}

static int64_t list_due_ns(const struct mir_engine *e)
{
    int64_t apart_ns = 5 * e->list_duration_ns;
    int64_t last_ns = e->list_ns > e->list_asked_ns ? e->list_ns : e->list_asked_ns;
    int64_t soonest_ns = last_ns + (apart_ns > HURRY_S * MIR_NS ? apart_ns : HURRY_S * MIR_NS);
    int64_t hurry_ns = e->hurry_ns > soonest_ns ? e->hurry_ns : soonest_ns;

    return e->hurry_ns != 0 && hurry_ns < e->list_due_ns ? hurry_ns : e->list_due_ns;
}

static void ask_list(struct mir_engine *e)
{
    uint64_t ticket = mir_engine_ask(e, MIR_ASK_LIST, NULL, NULL)->ticket;

    e->list_asked = true;
    e->list_asked_ns = e->now.mono_ns;
    e->n_asked++;
    e->hurry_ns = 0;
    e->asked_full = e->need_full;
    e->need_full = false; /* whoever wants a full one from now on wants the next */
    if (e->live->ops->read_jobs(e->live, ticket, e->asked_full, NULL) != 0) {
        mir_engine_unask(e, ticket);
        e->list_asked = false;
        e->need_full = e->asked_full;
        e->list_due_ns = e->now.mono_ns + RETRY_S * MIR_NS;
    }
}

static void ask_history(struct mir_engine *e)
{
    uint64_t ticket = mir_engine_ask(e, MIR_ASK_HISTORY, NULL, NULL)->ticket;

    e->history_asked = true;
    e->history_due_ns = e->now.mono_ns + RETRY_S * MIR_NS;
    if (e->live->ops->read_history(e->live, ticket, e->history_from, e->history_to, NULL) != 0) {
        mir_engine_unask(e, ticket);
        e->history_asked = false;
    }
}

static void settle(struct mir_engine *e, const char *source)
{
    mir_queue_settle(e->queue);
    e->history = MIR_HISTORY_SETTLED;
    snprintf(e->history_text, sizeof(e->history_text), "%s", source);
    mir_engine_tell(e, LOG_INFO, NULL, NULL, "history: %s", source);
    e->pass_id = 0;
}

/* False: there is nothing to read yet. */
static bool start_history(struct mir_engine *e, int64_t from)
{
    int64_t to = mir_engine_at(e) - HISTORY_YOUNG_S;

    if (from >= to)
        return false;
    e->history_from = e->history_begun = from;
    e->history_to = to;
    e->history_filling = true;
    e->history_due_ns = e->now.mono_ns;
    e->n_history_failed = 0;
    return true;
}

/* Its bounds are times of Slurm's clock, which the first list tells. */
static void begin_history(struct mir_engine *e)
{
    int64_t oldest = mir_engine_at(e) - (int64_t)e->settings->history_days * DAY_S;

    if (!e->cluster.accounting) {
        settle(e, "observed only: no slurmdbd");
        return;
    }
    e->history = MIR_HISTORY_READING;
    if (!start_history(e, e->history_until > oldest ? e->history_until : oldest))
        settle(e, "accounting"); /* back within seconds: the journal has it all */
}

void mir_engine_poll(struct mir_engine *e)
{
    if (!e->up)
        return;
    /* Together with a list: idle nodes and running jobs of one instant can be compared. */
    if (!e->cluster_asked && e->now.mono_ns >= e->cluster_due_ns &&
        (!e->have_cluster || (!e->list_asked && e->now.mono_ns >= list_due_ns(e))))
        ask_cluster(e);
    if (!e->list_asked && e->now.mono_ns >= list_due_ns(e))
        ask_list(e);
    if (e->history == MIR_HISTORY_NONE && e->have_cluster && e->list_ns != 0)
        begin_history(e);
    if (e->history_filling && !e->history_asked && e->now.mono_ns >= e->history_due_ns)
        ask_history(e);
}

/* ---- answers ---- */

/* The first window that is not over; all zero: none. */
static struct mir_engine_window next_maintenance(const struct mir_engine *e,
                                                 const struct mir_live_cluster *cluster)
{
    uint32_t down = cluster->n_nodes_down;
    uint32_t n_nodes = cluster->n_nodes > down ? cluster->n_nodes - down : 0;
    struct mir_engine_window w = {0};

    for (size_t i = 0; i < cluster->n_reservations; i++) {
        const struct mir_live_reservation *r = &cluster->reservations[i];

        if (!r->maintenance || r->end_at <= mir_engine_at(e) || r->start_at <= 0 ||
            (w.start_at != 0 && r->start_at >= w.start_at))
            continue;
        w = (struct mir_engine_window){r->start_at, r->end_at, r->n_nodes >= n_nodes};
    }
    return w;
}

static void take_maintenance(struct mir_engine *e, const struct mir_live_cluster *cluster)
{
    struct mir_engine_window w = next_maintenance(e, cluster), before = e->maintenance;

    e->maintenance = w;
    if (w.start_at == before.start_at && w.end_at == before.end_at && w.all == before.all)
        return;
    for (size_t i = 0; i < e->n_chains; i++)
        e->chains[i]->changed = true; /* whom it concerns is said in the view */
    e->changed = true;
}

bool mir_engine_crosses_maintenance(const struct mir_engine *e,
                                    int64_t from_at,
                                    int32_t limit_s,
                                    char out[160])
{
    const struct mir_engine_window *w = &e->maintenance;
    int64_t last_at = w->start_at - (limit_s > 0 ? limit_s : 0);
    char last[32], end[32];

    if (w->start_at == 0 || limit_s <= 0 || from_at <= last_at || from_at >= w->end_at)
        return false;
    snprintf(out, 160, "a start after %s %s run into maintenance, which ends %s UTC",
             mir_format_time(last_at, last), w->all ? "would" : "may",
             mir_format_time(w->end_at, end));
    return true;
}

/* What an administrator should know of, once for each configuration. */
static void tell_of_cluster(struct mir_engine *e, const struct mir_live_cluster *cluster)
{
    bool first = !e->have_cluster;

    if (cluster->accounting && !cluster->stores_comment &&
        (first || e->cluster.stores_comment || !e->cluster.accounting))
        mir_engine_tell(e, LOG_WARNING, NULL, NULL,
                        "accounting stores no comments (AccountingStoreFlags=job_comment): what "
                        "became of a job is told by lists alone");
    if (cluster->min_job_age_s < 2 * e->settings->poll_s &&
        (first || cluster->min_job_age_s != e->cluster.min_job_age_s))
        mir_engine_tell(e, LOG_WARNING, NULL, NULL,
                        "MinJobAge is %d s, less than two polls: jobs may end unseen",
                        (int)cluster->min_job_age_s);
}

void mir_engine_cluster_event(struct mir_engine *e, const struct mir_live_event *event)
{
    e->cluster_asked = false;
    if (event->outcome != MIR_OUTCOME_DONE || event->cluster == NULL)
        return; /* asked again soon */
    tell_of_cluster(e, event->cluster);
    e->cluster = *event->cluster;
    e->cluster.partitions = NULL;
    e->cluster.reservations = NULL;
    e->cluster.n_partitions = e->cluster.n_reservations = 0;
    take_maintenance(e, event->cluster);
    mir_queue_set_cluster(e->queue, event->cluster);
    e->have_cluster = true;
    mir_engine_forecast_cluster(e, event->cluster);
    e->cluster_due_ns = e->now.mono_ns + CLUSTER_S * MIR_NS;
    e->pass_id = 0;
    e->changed = true;
}

static void journal_starts(struct mir_engine *e)
{
    size_t n = 0;
    const struct mir_live_past *starts = mir_queue_new_starts(e->queue, &n);
    struct mir_error err = {{0}};
    int rc;

    if (n == 0 || !mir_engine_journal_works(e))
        return;
    rc = mir_journal_begin(e->journal, &err);
    if (rc == 0) {
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = mir_journal_add_start(e->journal, &starts[i], &err);
        if (rc == 0)
            rc = mir_journal_commit(e->journal, &err);
        if (rc != 0)
            mir_journal_rollback(e->journal);
    }
    if (rc != 0)
        mir_engine_journal_failed(e, &err);
}

/* The list before this one was long ago: jobs came and went unseen. */
static void mind_the_gap(struct mir_engine *e)
{
    int64_t gap_s = e->list_at - e->previous_list_at;
    int64_t poll_s = mir_engine_poll_ns(e) / MIR_NS;

    if (e->history != MIR_HISTORY_SETTLED)
        return;
    if (e->previous_list_at != 0 && gap_s > 2 * poll_s) {
        if (e->cluster.accounting && !e->history_filling)
            (void)start_history(e, e->previous_list_at - HISTORY_YOUNG_S);
        return;
    }
    if (!e->history_filling && e->list_at - HISTORY_MARK_S > e->history_until) {
        e->history_until = e->list_at - HISTORY_YOUNG_S;
        mir_engine_fact(e, e->history_until, "history_until");
    }
}

/*
 * One list a poll: those that came before their time are made up for, by polls that
 * are up to half as long again.
 */
static void next_list(struct mir_engine *e)
{
    int64_t poll_ns = mir_engine_poll_ns(e);
    int64_t apart_ns = e->list_asked_ns - e->list_before_ns;

    if (e->list_before_ns != 0)
        e->list_debt_ns += poll_ns - apart_ns;
    if (e->list_debt_ns < 0)
        e->list_debt_ns = 0;
    if (e->list_debt_ns > LIST_DEBT_S * MIR_NS)
        e->list_debt_ns = LIST_DEBT_S * MIR_NS;
    e->list_before_ns = e->list_asked_ns;
    e->list_due_ns =
        e->now.mono_ns + poll_ns + (e->list_debt_ns < poll_ns / 2 ? e->list_debt_ns : poll_ns / 2);
}

static int64_t duration_ns(const struct mir_live_event *event)
{
    const int64_t max_ms = INT64_C(3600) * 1000;

    if (event->duration_ms <= 0)
        return 0;
    return (event->duration_ms < max_ms ? event->duration_ms : max_ms) * (MIR_NS / 1000);
}

void mir_engine_jobs_event(struct mir_engine *e, const struct mir_live_event *event)
{
    e->list_asked = false;
    e->list = NULL; /* what was lent ended with this event */
    if (event->outcome != MIR_OUTCOME_DONE) {
        e->need_full |= e->asked_full;
        e->list_due_ns = e->now.mono_ns + mir_engine_poll_ns(e);
        mir_engine_tell(e, LOG_WARNING, NULL, NULL, "job list: %.200s", event->text);
        return;
    }
    e->list_duration_ns = duration_ns(event);
    next_list(e);
    if (event->jobs == NULL && (e->list_ns == 0 || e->asked_full))
        e->need_full = true; /* "nothing has changed" is no answer to that */
    if (event->jobs == NULL && e->list_ns == 0)
        return;
    e->list_ns = e->now.mono_ns;
    e->changed = true;
    if (event->jobs == NULL) { /* what the last list said is true until now */
        e->list_at = mir_engine_at(e);
        mir_engine_forecast_stale(e); /* but its jobs are older */
        return;
    }
    mir_engine_forecast_list(e, event->jobs);
    e->list = event->jobs;
    e->previous_list_at = e->list_at;
    e->list_at = e->clock_at = event->jobs->at;
    e->clock_ns = e->now.mono_ns;
    e->list_no = e->n_asked;
    e->pass_id = 0;
    mir_queue_update(e->queue, event->jobs);
    journal_starts(e);
    mir_engine_forecast_listed(e, event->jobs);
    mir_engine_fact(e, e->list_at, "list_at");
    mind_the_gap(e);
    mir_engine_take_list(e, event->jobs);
    mir_engine_trim(e);
    mir_engine_count_queue(e);
}

static int journal_past(struct mir_engine *e,
                        const struct mir_live_past *past,
                        size_t n,
                        struct mir_error *err)
{
    int rc = mir_journal_begin(e->journal, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n && rc == 0; i++) {
        /* An end that was only guessed when the job was gone is no news, but told here. */
        if (mir_queue_learn(e->queue, &past[i]) || past[i].end_at > past[i].start_at)
            rc = mir_journal_add_start(e->journal, &past[i], err);
        mir_engine_forecast_past(e, &past[i]);
    }
    if (rc == 0)
        rc = mir_journal_commit(e->journal, err);
    if (rc != 0)
        mir_journal_rollback(e->journal);
    return rc;
}

static void learn_page(struct mir_engine *e, const struct mir_live_event *event)
{
    struct mir_error err = {{0}};
    int rc = -EIO;

    mir_engine_told_of_ends(e, event->past, event->n_past);
    if (mir_engine_journal_works(e))
        rc = journal_past(e, event->past, event->n_past, &err);
    if (rc == 0)
        return;
    /* The journal is for the next start; the lesson itself is not lost. */
    for (size_t i = 0; i < event->n_past; i++)
        mir_queue_learn(e->queue, &event->past[i]);
    if (mir_engine_journal_works(e))
        mir_engine_journal_failed(e, &err);
}

static void history_failed(struct mir_engine *e, const struct mir_live_event *event)
{
    e->n_history_failed++;
    if (e->history == MIR_HISTORY_READING && e->n_history_failed >= HISTORY_TRIES) {
        mir_engine_tell(e, LOG_WARNING, NULL, NULL, "accounting: %.200s", event->text);
        settle(e, "journal; accounting does not answer");
    }
    e->history_due_ns =
        e->now.mono_ns + (e->history == MIR_HISTORY_READING ? RETRY_S : HISTORY_LATER_S) * MIR_NS;
}

/* Where the next page begins: as told, else at the last start; always a step on. */
static int64_t page_end(const struct mir_engine *e, const struct mir_live_event *event)
{
    int64_t end = event->upto;

    if (end == 0 && event->n_past > 0)
        end = event->past[event->n_past - 1].start_at;
    return end > e->history_from ? end : e->history_from + 3600;
}

void mir_engine_history_event(struct mir_engine *e, const struct mir_live_event *event)
{
    e->history_asked = false;
    if (event->outcome != MIR_OUTCOME_DONE) {
        history_failed(e, event);
        return;
    }
    e->n_history_failed = 0;
    learn_page(e, event);
    mir_engine_forecast_stale(e);
    e->pass_id = 0;
    e->changed = true;
    e->history_due_ns = e->now.mono_ns;
    if (event->more) {
        e->history_from = page_end(e, event);
        if (e->history_from < e->history_to)
            return;
    }
    e->history_filling = false;
    if (e->history == MIR_HISTORY_READING)
        mir_engine_outlook_told(e, e->history_begun);
    e->history_until = e->history_to;
    mir_engine_fact(e, e->history_until, "history_until");
    if (e->history == MIR_HISTORY_READING)
        settle(e, "accounting");
    else
        snprintf(e->history_text, sizeof(e->history_text), "accounting");
}
