/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chains.c - chains and links in memory, and what of them goes to the journal. */
#include "daemon/engine/internal.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>

#include "daemon/core/alloc.h"
#include "daemon/engine/fan.h"

enum { MAX_PENDING_EVENTS = 10000, JOURNAL_RETRY_S = 5 };

static size_t place_of(const struct mir_engine *e, const char *id)
{
    size_t lo = 0, hi = e->n_chains;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (strcmp(e->chains[mid]->row.id, id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct mir_engine_chain *mir_engine_chain_find(const struct mir_engine *e, const char *id)
{
    size_t i = place_of(e, id);

    return i < e->n_chains && strcmp(e->chains[i]->row.id, id) == 0 ? e->chains[i] : NULL;
}

struct mir_engine_chain *mir_engine_chain_add(struct mir_engine *e, const struct mir_chain_row *row)
{
    size_t i = place_of(e, row->id);
    struct mir_engine_chain *c = MIR_NEW(struct mir_engine_chain);

    c->row = *row;
    c->changed = true;
    e->changed = true;
    e->chains =
        mir_grow(e->chains, &e->cap_chains, e->n_chains + 1, sizeof(struct mir_engine_chain *));
    memmove(&e->chains[i + 1], &e->chains[i],
            (e->n_chains - i) * sizeof(struct mir_engine_chain *));
    e->chains[i] = c;
    e->n_chains++;
    return c;
}

void mir_engine_close_policy(struct mir_engine_chain *c)
{
    if (c->policy_open)
        mir_policy_plugin(c->policy)->close(c->policy_state);
    c->policy_open = false;
    c->policy_state = NULL;
    c->policy = NULL;
}

static void destroy_chain(struct mir_engine_chain *c)
{
    mir_engine_close_policy(c);
    mir_policy_destroy(c->own_policy);
    for (size_t i = 0; i < c->n_links; i++)
        free(c->links[i]);
    free(c->links);
    free(c->munged_environment);
    for (size_t i = 0; i < c->n_decisions; i++)
        mir_view_fan_unref(c->decisions[i].fan);
    free(c->decisions);
    free(c->events);
    if (c->view != NULL)
        mir_view_chain_unref(c->view);
    free(c);
}

void mir_engine_chain_drop(struct mir_engine *e, size_t i)
{
    destroy_chain(e->chains[i]);
    e->n_chains--;
    memmove(&e->chains[i], &e->chains[i + 1],
            (e->n_chains - i) * sizeof(struct mir_engine_chain *));
    e->changed = true;
}

bool mir_engine_chain_open(const struct mir_engine_chain *c)
{
    return c->row.state < MIR_CHAIN_ENDED;
}

struct mir_engine_link *mir_engine_link_find(const struct mir_engine_chain *c, int32_t number)
{
    for (size_t i = c->n_links; i-- > 0;) {
        if (c->links[i]->row.number == number)
            return c->links[i];
    }
    return NULL;
}

struct mir_engine_link *mir_engine_link_add(struct mir_engine_chain *c,
                                            const struct mir_link_row *row)
{
    struct mir_engine_link *l = MIR_NEW(struct mir_engine_link);
    size_t i = c->n_links;

    l->row = *row;
    c->links = mir_grow(c->links, &c->cap_links, c->n_links + 1, sizeof(struct mir_engine_link *));
    for (; i > 0 && c->links[i - 1]->row.number > row->number; i--)
        c->links[i] = c->links[i - 1];
    c->links[i] = l;
    c->n_links++;
    c->changed = true;
    return l;
}

bool mir_engine_link_live(const struct mir_engine_link *l)
{
    return l->row.state == MIR_LINK_CONFIRMED || l->row.state == MIR_LINK_PENDING ||
           l->row.state == MIR_LINK_RUNNING;
}

void mir_engine_link_touch(struct mir_engine *e,
                           struct mir_engine_chain *c,
                           struct mir_engine_link *l)
{
    l->dirty = true;
    c->changed = true;
    e->changed = true;
}

void mir_engine_chain_touch(struct mir_engine *e, struct mir_engine_chain *c)
{
    c->dirty = true;
    c->changed = true;
    e->changed = true;
}

void mir_engine_chain_state(struct mir_engine *e,
                            struct mir_engine_chain *c,
                            enum mir_chain_state state,
                            const char *reason)
{
    c->row.state = state;
    snprintf(c->row.reason, sizeof(c->row.reason), "%s", reason);
    if (state >= MIR_CHAIN_ENDED && c->row.ended_at == 0)
        c->row.ended_at = mir_engine_at(e);
    mir_engine_chain_touch(e, c);
}

static void keep_event(struct mir_engine_chain *c, int32_t link, int64_t at, const char *text)
{
    struct mir_view_event *v;

    if (c->n_events == MIR_SHOWN_EVENTS) {
        c->n_events--;
        memmove(&c->events[0], &c->events[1], c->n_events * sizeof(c->events[0]));
    }
    c->events = mir_grow(c->events, &c->cap_events, c->n_events + 1, sizeof(c->events[0]));
    v = &c->events[c->n_events++];
    *v = (struct mir_view_event){.at = at, .link = link};
    snprintf(v->text, sizeof(v->text), "%s", text);
    c->changed = true;
}

static void
queue_event(struct mir_engine *e, const char *chain, int32_t link, int64_t at, const char *text)
{
    struct mir_pending_event *p;

    if (e->n_events == MAX_PENDING_EVENTS) /* the journal has failed for long */
        return;
    e->events = mir_grow(e->events, &e->cap_events, e->n_events + 1, sizeof(e->events[0]));
    p = &e->events[e->n_events++];
    *p = (struct mir_pending_event){.link = link, .at = at};
    snprintf(p->chain, sizeof(p->chain), "%s", chain);
    snprintf(p->text, sizeof(p->text), "%s", text);
}

void mir_engine_tell(struct mir_engine *e,
                     int priority,
                     struct mir_engine_chain *c,
                     const struct mir_engine_link *l,
                     const char *fmt,
                     ...)
{
    char text[256];
    int32_t number = l != NULL ? l->row.number : -1;
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (e->log != NULL)
        e->log(e->log_arg, priority, c != NULL ? c->row.id : "", l != NULL ? l->row.job.id : 0,
               l != NULL ? l->row.job.token : "", text);
    e->changed = true;
    if (c == NULL)
        return;
    keep_event(c, number, mir_engine_at(e), text);
    queue_event(e, c->row.id, number, mir_engine_at(e), text);
}

void mir_engine_fact(struct mir_engine *e, int64_t value, const char *fmt, ...)
{
    struct mir_pending_fact f = {.value = value};
    va_list args;

    va_start(args, fmt);
    vsnprintf(f.key, sizeof(f.key), fmt, args);
    va_end(args);
    for (size_t i = 0; i < e->n_facts; i++) {
        if (strcmp(e->facts[i].key, f.key) == 0) {
            e->facts[i].value = value;
            return;
        }
    }
    e->facts = mir_grow(e->facts, &e->cap_facts, e->n_facts + 1, sizeof(e->facts[0]));
    e->facts[e->n_facts++] = f;
}

static void drop_fan(struct mir_view_decision *d)
{
    mir_view_fan_unref(d->fan);
    d->fan = NULL;
}

/* A chain is two jobs at most: a fan is kept of each of them, the newest. */
static void drop_old_fans(struct mir_engine_chain *c, const struct mir_view_decision *newest)
{
    for (size_t i = 0; i < c->n_decisions; i++) {
        struct mir_view_decision *d = &c->decisions[i];

        if (d->fan != NULL &&
            (d->link < newest->link - 1 || (d->link == newest->link && newest->fan != NULL)))
            drop_fan(d);
    }
}

void mir_engine_add_decision(struct mir_engine_chain *c, const struct mir_view_decision *d)
{
    drop_old_fans(c, d);
    if (c->n_decisions == MIR_SHOWN_DECISIONS) {
        drop_fan(&c->decisions[0]);
        c->n_decisions--;
        memmove(&c->decisions[0], &c->decisions[1], c->n_decisions * sizeof(c->decisions[0]));
    }
    c->decisions =
        mir_grow(c->decisions, &c->cap_decisions, c->n_decisions + 1, sizeof(c->decisions[0]));
    c->decisions[c->n_decisions++] = *d;
    mir_view_fan_ref(d->fan);
    c->changed = true;
}

/* ---- to the journal ---- */

bool mir_engine_journal_works(const struct mir_engine *e)
{
    return e->journal_retry_ns == 0;
}

void mir_engine_journal_failed(struct mir_engine *e, const struct mir_error *err)
{
    if (e->journal_retry_ns == 0) {
        mir_engine_tell(e, LOG_ERR, NULL, NULL, "journal: %s; nothing is done", err->text);
        snprintf(e->problem, sizeof(e->problem), "journal: %.240s", err->text);
    }
    e->journal_retry_ns = e->now.mono_ns + JOURNAL_RETRY_S * MIR_NS;
}

static bool chain_is_dirty(const struct mir_engine_chain *c)
{
    bool dirty = c->dirty;

    for (size_t i = 0; i < c->n_links && !dirty; i++)
        dirty = c->links[i]->dirty;
    return dirty;
}

static bool anything_to_write(const struct mir_engine *e)
{
    bool dirty = e->n_events > 0 || e->n_facts > 0;

    for (size_t i = 0; i < e->n_chains && !dirty; i++)
        dirty = chain_is_dirty(e->chains[i]);
    return dirty;
}

static int put_chain(struct mir_engine *e, struct mir_engine_chain *c, struct mir_error *err)
{
    int rc = c->dirty ? mir_journal_put_chain(e->journal, &c->row, err) : 0;

    for (size_t i = 0; i < c->n_links && rc == 0; i++) {
        if (c->links[i]->dirty)
            rc = mir_journal_put_link(e->journal, &c->links[i]->row, err);
    }
    return rc;
}

static int put_all(struct mir_engine *e, struct mir_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < e->n_chains && rc == 0; i++)
        rc = put_chain(e, e->chains[i], err);
    for (size_t i = 0; i < e->n_events && rc == 0; i++) {
        const struct mir_pending_event *p = &e->events[i];

        rc = mir_journal_add_event(e->journal, p->chain, p->link, p->at, p->text, err);
    }
    for (size_t i = 0; i < e->n_facts && rc == 0; i++)
        rc = mir_journal_set(e->journal, e->facts[i].key, e->facts[i].value, err);
    return rc;
}

static void all_written(struct mir_engine *e)
{
    for (size_t i = 0; i < e->n_chains; i++) {
        e->chains[i]->dirty = false;
        for (size_t k = 0; k < e->chains[i]->n_links; k++)
            e->chains[i]->links[k]->dirty = false;
    }
    e->n_events = 0;
    e->n_facts = 0;
    if (e->journal_retry_ns == 0)
        return;
    e->journal_retry_ns = 0;
    e->problem[0] = '\0';
    mir_engine_tell(e, LOG_NOTICE, NULL, NULL, "journal: works again");
}

int mir_engine_flush(struct mir_engine *e)
{
    struct mir_error err = {{0}};
    int rc;

    if (e->journal_retry_ns != 0 && e->now.mono_ns < e->journal_retry_ns)
        return -EIO;
    if (!anything_to_write(e) && e->journal_retry_ns == 0)
        return 0;
    /* After a failure something is written in any case: only that shows that it works again. */
    if (e->journal_retry_ns != 0)
        mir_engine_fact(e, e->list_at, "list_at");
    rc = mir_journal_begin(e->journal, &err);
    if (rc == 0) {
        rc = put_all(e, &err);
        if (rc == 0)
            rc = mir_journal_commit(e->journal, &err);
        if (rc != 0)
            mir_journal_rollback(e->journal);
    }
    if (rc == 0)
        all_written(e);
    else
        mir_engine_journal_failed(e, &err);
    return rc;
}

/* ---- from the journal ---- */

struct loading {
    struct mir_engine *e;
    struct mir_engine_chain *c;
};

static int load_chain(void *arg, const struct mir_chain_row *row)
{
    struct loading *to = arg;

    mir_engine_chain_add(to->e, row);
    return 0;
}

/* Links with a job, or that need one, stay; of the ended ones the newest. */
static void trim_links(struct mir_engine *e, struct mir_engine_chain *c, size_t max)
{
    while (c->n_links > max && c->links[0]->row.state == MIR_LINK_GONE && !c->links[0]->dirty) {
        double interruption_s, overlap_s;

        mir_engine_pair(e, c, c->links[0], c->links[1], &interruption_s, &overlap_s);
        if (!isnan(interruption_s))
            c->trimmed_interruption_s += interruption_s;
        if (!isnan(overlap_s))
            c->trimmed_overlap_s += overlap_s;
        free(c->links[0]);
        c->n_links--;
        memmove(&c->links[0], &c->links[1], c->n_links * sizeof(struct mir_engine_link *));
        c->n_trimmed++;
    }
}

static int load_link(void *arg, const struct mir_link_row *row)
{
    struct loading *to = arg;

    mir_engine_link_add(to->c, row);
    trim_links(to->e, to->c, MIR_SHOWN_LINKS);
    return 0;
}

static int load_decision(void *arg, const struct mir_decision_row *row)
{
    struct loading *to = arg;
    struct mir_error why = {{0}};
    struct mir_view_decision d = {.at = row->at,
                                  .link = row->link,
                                  .submit = row->action == MIRAGE_SUBMIT,
                                  .acted = row->acted,
                                  .wait_s = row->wait_s};

    snprintf(d.policy, sizeof(d.policy), "%s", row->policy);
    snprintf(d.reason, sizeof(d.reason), "%s", row->reason);
    /* Only shown: no chain stays away because its last fan cannot be read. */
    if (row->fan.bytes != NULL && mir_fan_unpack(row->fan.bytes, row->fan.len, &d.fan, &why) != 0)
        mir_engine_tell(to->e, LOG_WARNING, NULL, NULL, "chain %s, link %d: %s", row->chain,
                        (int)row->link, why.text);
    mir_engine_add_decision(to->c, &d);
    mir_view_fan_unref(d.fan);
    return 0;
}

static int load_event(void *arg, const char *chain, int32_t link, int64_t at, const char *text)
{
    struct loading *to = arg;

    (void)chain;
    keep_event(to->c, link, at, text);
    return 0;
}

/* Whatever was under way when the last process ended: it may have happened. */
static void doubt_links(struct mir_engine *e, struct mir_engine_chain *c)
{
    for (size_t i = 0; i < c->n_links; i++) {
        enum mir_link_state state = c->links[i]->row.state;

        if (state == MIR_LINK_INTENT || state == MIR_LINK_SENT)
            mir_engine_doubt(e, c, c->links[i]);
    }
}

static int load_cancel(struct mir_engine *e, struct mir_engine_chain *c, struct mir_error *err)
{
    struct mir_engine_link *l;
    char key[32];
    int64_t value = 0;
    int rc;

    snprintf(key, sizeof(key), "cancel:%s", c->row.id);
    rc = mir_journal_get(e->journal, key, &value, err);
    if (rc != 0)
        return rc == -ENOENT ? 0 : rc;
    l = value > 0 && value <= MIR_MAX_LINKS ? mir_engine_link_find(c, (int32_t)value) : NULL;
    if (l != NULL && l->row.state != MIR_LINK_GONE)
        l->cancel_wanted = true;
    return 0;
}

static int load_rest(struct mir_engine *e, struct mir_engine_chain *c, struct mir_error *err)
{
    struct loading to = {e, c};
    int rc = mir_journal_each_link(e->journal, c->row.id, load_link, &to, err);

    if (rc == 0)
        rc = mir_journal_each_decision(e->journal, c->row.id, MIR_SHOWN_DECISIONS, load_decision,
                                       &to, err);
    if (rc == 0)
        rc = mir_journal_each_event(e->journal, c->row.id, MIR_SHOWN_EVENTS, load_event, &to, err);
    if (rc == 0)
        rc = load_cancel(e, c, err);
    if (rc == 0 && (c->row.options.given & MIR_OPT_POLICY) != 0 && mir_engine_chain_open(c)) {
        struct mir_error why = {{0}};

        /* It was there when the chain was made; where it is no more, the site's rule decides. */
        if (mir_policy_create(c->row.options.policy, &c->own_policy, &why) != 0)
            mir_engine_tell(e, LOG_WARNING, c, NULL, "policy: %s; the site's is used", why.text);
    }
    return rc;
}

int mir_engine_load(struct mir_engine *e, struct mir_error *err)
{
    struct loading to = {e, NULL};
    int rc = mir_journal_each_chain(e->journal, false, load_chain, &to, err);

    for (size_t i = 0; i < e->n_chains && rc == 0; i++) {
        rc = load_rest(e, e->chains[i], err);
        if (rc == 0)
            doubt_links(e, e->chains[i]);
    }
    return rc;
}

/* ---- what memory keeps of chains that are over ---- */

static bool may_leave(const struct mir_engine *e, const struct mir_engine_chain *c)
{
    if (mir_engine_chain_open(c) || chain_is_dirty(c))
        return false;
    for (size_t i = 0; i < c->n_links; i++) {
        const struct mir_engine_link *l = c->links[i];

        /* While its job is listed, its comment still asks: it must not become a chain again. */
        if (l->row.state != MIR_LINK_GONE || l->cancel_wanted)
            return c->row.state == MIR_CHAIN_REFUSED && l->seen_no != e->list_no;
        if (l->seen_no == e->list_no)
            return false;
    }
    return true;
}

static size_t oldest_closed(const struct mir_engine *e, size_t *n_closed)
{
    size_t oldest = SIZE_MAX;

    *n_closed = 0;
    for (size_t i = 0; i < e->n_chains; i++) {
        if (!mir_engine_chain_open(e->chains[i]))
            ++*n_closed;
        if (may_leave(e, e->chains[i]) &&
            (oldest == SIZE_MAX || e->chains[i]->row.ended_at < e->chains[oldest]->row.ended_at))
            oldest = i;
    }
    return oldest;
}

/* The newest MIR_CLOSED_SHOWN of `n` rows; tells how many are left. */
static size_t keep_newest(void *rows, size_t n, size_t size)
{
    if (n <= MIR_CLOSED_SHOWN)
        return n;
    memmove(rows, (char *)rows + (n - MIR_CLOSED_SHOWN) * size, MIR_CLOSED_SHOWN * size);
    return MIR_CLOSED_SHOWN;
}

/* Of a chain that is over, the journal has the whole story. */
static void trim_closed(struct mir_engine *e, struct mir_engine_chain *c)
{
    size_t n_rows = c->n_decisions + c->n_events + c->n_links;

    trim_links(e, c, MIR_CLOSED_SHOWN);
    for (size_t i = 0; i + MIR_CLOSED_SHOWN < c->n_decisions; i++)
        drop_fan(&c->decisions[i]);
    c->n_decisions = keep_newest(c->decisions, c->n_decisions, sizeof(c->decisions[0]));
    c->n_events = keep_newest(c->events, c->n_events, sizeof(c->events[0]));
    if (c->n_decisions + c->n_events + c->n_links == n_rows)
        return;
    c->decisions = mir_realloc(c->decisions, c->n_decisions, sizeof(c->decisions[0]));
    c->cap_decisions = c->n_decisions;
    c->events = mir_realloc(c->events, c->n_events, sizeof(c->events[0]));
    c->cap_events = c->n_events;
    c->changed = e->changed = true;
}

void mir_engine_trim(struct mir_engine *e)
{
    for (size_t i = 0; i < e->n_chains; i++) {
        if (!mir_engine_chain_open(e->chains[i]))
            trim_closed(e, e->chains[i]);
        trim_links(e, e->chains[i], MIR_SHOWN_LINKS);
    }
    for (;;) {
        size_t n_closed, i = oldest_closed(e, &n_closed);

        if (n_closed <= MIR_CLOSED_CHAINS || i == SIZE_MAX)
            return;
        mir_engine_chain_drop(e, i);
    }
}

/* ---- names, time, tickets ---- */

void mir_engine_random_text(struct mir_engine *e, char *out, size_t len, const char *alphabet)
{
    size_t n = strlen(alphabet);

    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[mir_rng_below(&e->rng, n)];
    out[len] = '\0';
}

int64_t mir_engine_at(const struct mir_engine *e)
{
    if (e->clock_at == 0)
        return e->list_at;
    return e->clock_at + (e->now.mono_ns - e->clock_ns) / MIR_NS;
}

struct mir_question *mir_engine_ask(struct mir_engine *e,
                                    enum mir_purpose purpose,
                                    const struct mir_engine_chain *c,
                                    const struct mir_engine_link *l)
{
    struct mir_question *q;

    e->questions =
        mir_grow(e->questions, &e->cap_questions, e->n_questions + 1, sizeof(e->questions[0]));
    q = &e->questions[e->n_questions++];
    *q = (struct mir_question){.ticket = ++e->last_ticket, .purpose = purpose, .link = -1};
    if (c != NULL)
        snprintf(q->chain, sizeof(q->chain), "%s", c->row.id);
    if (l != NULL) {
        q->link = l->row.number;
        q->job_id = l->row.job.id;
        snprintf(q->token, sizeof(q->token), "%s", l->row.job.token);
    }
    return q;
}

void mir_engine_unask(struct mir_engine *e, uint64_t ticket)
{
    for (size_t i = 0; i < e->n_questions; i++) {
        if (e->questions[i].ticket == ticket) {
            e->questions[i] = e->questions[--e->n_questions];
            return;
        }
    }
}
