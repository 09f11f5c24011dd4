/* SPDX-License-Identifier: GPL-3.0-or-later */
/* absence.c - a job is not where it should be: evidence first, then a conclusion; and rivals. */
#include "daemon/engine/internal.h"

#include <errno.h>

#include "daemon/core/alloc.h"

enum { FIND_RETRY_S = 30, FIND_BEFORE_S = 3600 };

void mir_engine_doubt(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    l->unknown = true;
    l->asked = false;
    l->finding = false;
    l->n_absent = 0;
    l->after_no = e->n_asked;
    mir_engine_hurry(e, e->now.mono_ns);
    c->changed = true;
}

/* Rows without comments have no tokens: that none is found proves nothing then. */
static bool accounting_can_tell(const struct mir_engine *e, const struct mir_engine_link *l)
{
    return e->cluster.accounting && e->cluster.stores_comment && l->row.job.token[0] != '\0';
}

/* ---- conclusions ---- */

/* Two lists, and accounting, say that it never came to be: the same intent is sent again. */
static void
never_happened(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    bool open = mir_engine_chain_open(c);

    l->unknown = false;
    l->n_absent = 0;
    l->cancel_wanted = l->cancel_wanted && open;
    l->row.state = open ? MIR_LINK_INTENT : MIR_LINK_GONE;
    mir_engine_link_touch(e, c, l);
    mir_engine_tell(e, LOG_NOTICE, c, l, "no job has this token: the submission never happened");
}

/* How a link ended matters only while none after it has taken over. */
static bool was_last(const struct mir_engine_chain *c, const struct mir_engine_link *l)
{
    for (size_t i = 0; i < c->n_links; i++) {
        const struct mir_link_row *row = &c->links[i]->row;

        if (row->number > l->row.number &&
            (row->state == MIR_LINK_PENDING || row->state == MIR_LINK_RUNNING))
            return false;
    }
    return true;
}

static void end_lost(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    const struct mir_end end = {.state = MIR_STATE_UNKNOWN, .end_at = e->list_at};
    bool away = l->away && was_last(c, l);

    e->n_lost++;
    mir_engine_tell(e, LOG_ERR, c, l, "slurmctld lost job %u, which ran", l->row.job.id);
    if (away)
        mir_engine_park(e, c, "link %d vanished while Mirage was away", (int)l->row.number);
    mir_engine_end_link(e, c, l, &end);
}

static void plan_lost(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    bool rival = l->rival_no == e->list_no;
    bool away = l->away;

    e->n_lost++;
    mir_engine_tell(e, LOG_ERR, c, l, "slurmctld lost job %u", l->row.job.id);
    if (l->row.job.token[0] == '\0') { /* the user's own: nobody else submits that one */
        mir_engine_end_chain(e, c, true, "slurmctld lost job %u", l->row.job.id);
        l->row.state = MIR_LINK_GONE;
        mir_engine_link_touch(e, c, l);
        return;
    }
    l->cancel_wanted = false;
    mir_engine_replan(e, c, l);
    if (rival) { /* another job bears its number: the next list decides whether that is the link */
        l->after_no = e->n_asked;
        e->need_full = true;
    }
    if (away)
        mir_engine_park(e, c, "link %d vanished while Mirage was away", (int)l->row.number);
}

static void is_lost(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    if (l->has_end) {
        l->row.job_state = l->end.state;
        mir_engine_end_link(e, c, l, &l->end);
    } else if (!mir_engine_chain_open(c)) {
        l->row.state = MIR_LINK_GONE;
        l->cancel_wanted = false;
        mir_engine_link_touch(e, c, l);
    } else if (l->row.state == MIR_LINK_RUNNING) {
        end_lost(e, c, l);
    } else {
        plan_lost(e, c, l);
    }
}

/* ---- evidence ---- */

void mir_engine_absent(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    if (l->n_absent == 2)
        return; /* accounting is being asked */
    if (l->n_absent == 0) {
        l->n_absent = 1;
        l->absent_ns = e->list_ns;
        mir_engine_tell(e, LOG_INFO, c, l, "not in the list of jobs");
    }
    if (e->list_asked_ns < l->absent_ns + mir_engine_gap_ns(e)) {
        mir_engine_hurry(e, l->absent_ns + mir_engine_gap_ns(e));
        return;
    }
    l->n_absent = 2;
    l->find_ns = 0;
    if (accounting_can_tell(e, l))
        return; /* mir_engine_find_due() */
    if (l->unknown)
        never_happened(e, c, l);
    else
        is_lost(e, c, l);
}

static int64_t find_from(const struct mir_link_row *row)
{
    int64_t at = row->sent_at != 0 ? row->sent_at : row->decided_at;

    if (row->job.submit_at != 0 && (at == 0 || row->job.submit_at < at))
        at = row->job.submit_at;
    if (at == 0)
        at = row->planned_at;
    return at > FIND_BEFORE_S ? at - FIND_BEFORE_S : 0;
}

static void find(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    enum mir_purpose purpose = l->unknown ? MIR_ASK_OUTCOME : MIR_ASK_LOST;
    uint64_t ticket = mir_engine_ask(e, purpose, c, l)->ticket;

    l->finding = true;
    l->find_ns = e->now.mono_ns + FIND_RETRY_S * MIR_NS;
    if (e->live->ops->find(e->live, ticket, l->row.job.uid, l->row.job.token, find_from(&l->row),
                           NULL) != 0) {
        mir_engine_unask(e, ticket);
        l->finding = false;
    }
}

void mir_engine_find_due(struct mir_engine *e)
{
    if (!e->up)
        return;
    for (size_t i = 0; i < e->n_chains; i++) {
        struct mir_engine_chain *c = e->chains[i];

        for (size_t k = 0; k < c->n_links; k++) {
            struct mir_engine_link *l = c->links[k];

            if (l->n_absent == 2 && !l->finding && (l->unknown || mir_engine_link_live(l)) &&
                e->now.mono_ns >= l->find_ns)
                find(e, c, l);
        }
    }
}

static struct mir_end end_of(const struct mir_live_past *past)
{
    return (struct mir_end){
        .state = past->state,
        .exit_code = past->exit_code,
        .exit_signal = past->exit_signal,
        .start_at = past->start_at,
        .end_at = past->end_at,
    };
}

static void end_as_told(struct mir_engine *e,
                        struct mir_engine_chain *c,
                        struct mir_engine_link *l,
                        const struct mir_live_past *past)
{
    const struct mir_end end = end_of(past);

    l->row.job_state = past->state;
    mir_engine_end_link(e, c, l, &end);
}

void mir_engine_told_of_ends(struct mir_engine *e, const struct mir_live_past *past, size_t n)
{
    for (size_t i = 0; i < e->n_chains; i++) {
        struct mir_engine_chain *c = e->chains[i];

        for (size_t k = 0; k < c->n_links; k++) {
            struct mir_engine_link *l = c->links[k];
            const struct mir_job_identity *job = &l->row.job;

            for (size_t p = 0; p < n && mir_engine_link_live(l); p++) {
                if (past[p].id != job->id || past[p].uid != job->uid ||
                    past[p].submit_at != job->submit_at || past[p].state <= MIR_STATE_RUNNING)
                    continue;
                l->has_end = true;
                l->end = end_of(&past[p]);
            }
        }
    }
}

/* The newest of its rows: a requeued job has several. */
static const struct mir_live_past *own_row(const struct mir_engine_link *l,
                                           const struct mir_live_event *event)
{
    const struct mir_live_past *row = NULL;

    for (size_t i = 0; i < event->n_past; i++) {
        const struct mir_live_past *p = &event->past[i];
        struct mir_tag tag;

        if (p->uid != l->row.job.uid || !mir_comment_tag(p->comment, &tag) ||
            strcmp(tag.token, l->row.job.token) != 0)
            continue;
        if (row == NULL || p->submit_at >= row->submit_at)
            row = p;
    }
    return row;
}

void mir_engine_found(struct mir_engine *e,
                      const struct mir_question *q,
                      const struct mir_live_event *event)
{
    struct mir_engine_chain *c = mir_engine_chain_find(e, q->chain);
    struct mir_engine_link *l = c != NULL ? mir_engine_link_find(c, q->link) : NULL;
    const struct mir_live_past *past;

    if (l == NULL || !l->finding || l->n_absent != 2 || strcmp(l->row.job.token, q->token) != 0)
        return; /* it was seen since */
    l->finding = false;
    if (event->outcome != MIR_OUTCOME_DONE)
        return; /* asked again: without accounting's word nothing is sent a second time */
    past = own_row(l, event);
    /* It keeps every job that has ended, however long we were away: this one has not, it is lost. */
    l->away = false;
    if (past == NULL && l->unknown) {
        never_happened(e, c, l);
    } else if (past == NULL) {
        is_lost(e, c, l);
    } else if (l->unknown) {
        mir_engine_adopt(e, c, l, past->id, past->submit_at);
        e->n_adopted++;
        mir_engine_tell(e, LOG_NOTICE, c, l, "adopted job %u, found in accounting", past->id);
        if (past->state > MIR_STATE_RUNNING)
            end_as_told(e, c, l, past);
    } else if (past->state > MIR_STATE_RUNNING) {
        end_as_told(e, c, l, past);
    } else {
        is_lost(e, c, l);
    }
}

/* ---- rivals: more than one job under one number ---- */

static struct mir_rival *rival_of(struct mir_engine *e, const struct mir_live_job *job)
{
    struct mir_rival *r;
    size_t kept = 0;

    for (size_t i = 0; i < e->n_rivals; i++) { /* those of earlier lists only are over */
        if (e->rivals[i].cancelling || e->rivals[i].seen_no + 1 >= e->list_no)
            e->rivals[kept++] = e->rivals[i];
    }
    e->n_rivals = kept;
    for (size_t i = 0; i < e->n_rivals; i++) {
        if (e->rivals[i].job.id == job->id && e->rivals[i].job.uid == job->uid)
            return &e->rivals[i];
    }
    e->rivals = mir_grow(e->rivals, &e->cap_rivals, e->n_rivals + 1, sizeof(e->rivals[0]));
    r = &e->rivals[e->n_rivals++];
    *r = (struct mir_rival){.job = {.id = job->id, .uid = job->uid, .submit_at = job->submit_at}};
    return r;
}

static void cancel_rival(struct mir_engine *e,
                         struct mir_engine_chain *c,
                         struct mir_engine_link *l,
                         struct mir_rival *r)
{
    struct mir_question *q = mir_engine_ask(e, MIR_ASK_CANCEL_RIVAL, c, l);
    uint64_t ticket = q->ticket;

    q->job_id = r->job.id;
    r->asked_no = e->list_no;
    r->cancelling = e->live->ops->cancel(e->live, ticket, &r->job, NULL) == 0;
    if (!r->cancelling)
        mir_engine_unask(e, ticket);
}

void mir_engine_rival(struct mir_engine *e,
                      struct mir_engine_chain *c,
                      struct mir_engine_link *l,
                      const struct mir_live_job *job)
{
    struct mir_rival *r = rival_of(e, job);
    bool first = r->seen_no == 0;
    struct mir_tag tag;

    r->seen_no = e->list_no;
    r->job.submit_at = job->submit_at;
    if (mir_comment_tag(job->comment, &tag))
        snprintf(r->job.token, sizeof(r->job.token), "%s", tag.token);
    if (job->state == MIR_STATE_RUNNING) {
        if (!r->told_running)
            mir_engine_tell(e, LOG_ERR, c, l,
                            "job %u runs under the same number as job %u: left alone", job->id,
                            l->row.job.id);
        r->told_running = true;
        return;
    }
    if (first)
        mir_engine_tell(e, LOG_ERR, c, l, "job %u is a duplicate of job %u: cancelled", job->id,
                        l->row.job.id);
    if (e->up && !r->cancelling && mir_engine_journal_works(e))
        cancel_rival(e, c, l, r);
}

/* ---- cancelling a successor that waits ---- */

void mir_engine_cancel_wanted(struct mir_engine *e,
                              struct mir_engine_chain *c,
                              struct mir_engine_link *l)
{
    l->cancel_wanted = true;
    l->cancel_no = 0;
    mir_engine_fact(e, l->row.number, "cancel:%s", c->row.id);
}

static void cancel(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    uint64_t ticket;

    if (mir_engine_flush(e) != 0)
        return;
    ticket = mir_engine_ask(e, MIR_ASK_CANCEL, c, l)->ticket;
    l->cancel_no = e->n_asked;
    l->cancelling = e->live->ops->cancel(e->live, ticket, &l->row.job, NULL) == 0;
    if (!l->cancelling)
        mir_engine_unask(e, ticket);
}

void mir_engine_cancel_due(struct mir_engine *e)
{
    if (!e->up || !mir_engine_journal_works(e))
        return;
    for (size_t i = 0; i < e->n_chains; i++) {
        struct mir_engine_chain *c = e->chains[i];

        for (size_t k = 0; k < c->n_links; k++) {
            struct mir_engine_link *l = c->links[k];
            bool waits = l->row.state == MIR_LINK_CONFIRMED || l->row.state == MIR_LINK_PENDING;

            if (l->cancel_wanted && waits && !l->cancelling && l->n_absent == 0 &&
                (l->cancel_no == 0 || e->list_no > l->cancel_no))
                cancel(e, c, l);
        }
    }
}

static void rival_cancelled(struct mir_engine *e, const struct mir_question *q)
{
    for (size_t i = 0; i < e->n_rivals; i++) {
        if (e->rivals[i].job.id == q->job_id)
            e->rivals[i].cancelling = false; /* the next list tells whether it is still there */
    }
}

void mir_engine_cancelled(struct mir_engine *e,
                          const struct mir_question *q,
                          const struct mir_live_event *event)
{
    struct mir_engine_chain *c = mir_engine_chain_find(e, q->chain);
    struct mir_engine_link *l = c != NULL ? mir_engine_link_find(c, q->link) : NULL;

    if (q->purpose == MIR_ASK_CANCEL_RIVAL) {
        rival_cancelled(e, q);
        return;
    }
    if (l == NULL || !l->cancelling || l->row.job.id != q->job_id)
        return;
    l->cancelling = false;
    l->cancel_no = e->n_asked; /* a list asked from now on tells what is true */
    if (event->outcome == MIR_OUTCOME_DONE)
        mir_engine_tell(e, LOG_NOTICE, c, l, "cancelled job %u", l->row.job.id);
    else
        mir_engine_tell(e, LOG_WARNING, c, l, "job %u is not cancelled yet: %.160s", l->row.job.id,
                        event->text);
}
