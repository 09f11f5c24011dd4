/* SPDX-License-Identifier: GPL-3.0-or-later */
/* successor.c - when is the successor submitted?  The gates, the facts, the intent, the answer. */
#include "daemon/engine/internal.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "daemon/core/str.h"
#include "daemon/engine/chain.h"
#include "daemon/engine/fan.h"
#include "daemon/engine/pack.h"

enum {
    UNAVAILABLE_S = 5,
    UNAVAILABLE_MAX_S = 60,
    RATE_S = 60,
    RATE_MAX_S = 3600,
    TEMPLATE_WAIT_S = 30,
};

void mir_engine_replan(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    struct mir_link_row *row = &l->row;

    row->state = MIR_LINK_PLANNED;
    row->job = (struct mir_job_identity){.uid = c->row.uid};
    row->restarts = 0;
    row->job_state = MIR_STATE_UNKNOWN;
    row->decided_at = row->sent_at = row->confirmed_at = row->start_at = row->end_at = 0;
    row->exit_code = row->exit_signal = 0;
    l->wanted = l->asked = l->unknown = l->verifying = l->finding = l->cancelling = false;
    l->n_absent = 0;
    l->seen_ns = 0;
    l->next_at = 0;
    mir_engine_link_touch(e, c, l);
}

void mir_engine_plan(struct mir_engine *e,
                     struct mir_engine_chain *c,
                     const struct mir_engine_link *k)
{
    int32_t number = k->row.number + 1, links_max = mir_engine_links_of(e, c);
    struct mir_link_row row = {.number = number, .decided_wait_s = -1};

    if (mir_engine_link_find(c, number) != NULL || number >= MIR_MAX_LINKS ||
        (links_max > 0 && number >= links_max))
        return;
    if ((c->row.options.given & MIR_OPT_UNTIL) != 0 && mir_engine_at(e) >= c->row.options.until)
        return;
    snprintf(row.chain, sizeof(row.chain), "%s", c->row.id);
    row.job.uid = c->row.uid;
    row.limit_s = k->row.limit_s;
    row.n_nodes = k->row.n_nodes;
    row.planned_at = mir_engine_at(e);
    mir_engine_link_touch(e, c, mir_engine_link_add(c, &row));
}

/* ---- gates ---- */

void mir_engine_look_for_kill_file(struct mir_engine *e)
{
    const char *path = e->settings->kill_file;
    bool killed = path != NULL && path[0] != '\0' && access(path, F_OK) == 0;

    if (killed == e->killed)
        return;
    e->killed = killed;
    mir_engine_tell(e, LOG_WARNING, NULL, NULL, "kill file %.160s %s", path != NULL ? path : "",
                    killed ? "exists: nothing is submitted" : "is gone");
    for (size_t i = 0; i < e->n_chains && !killed; i++) {
        for (size_t k = 0; k < e->chains[i]->n_links; k++)
            e->chains[i]->links[k]->next_at = 0;
    }
}

bool mir_engine_suspended(const struct mir_engine_link *l)
{
    return l->row.state == MIR_LINK_RUNNING && (l->flags & MIR_LIVE_SUSPENDED) != 0;
}

/* Why nothing is submitted for the chain now, or NULL. */
static const char *gate(const struct mir_engine *e, const struct mir_engine_chain *c)
{
    if (e->killed)
        return "the kill file exists";
    if (e->drained)
        return "drained";
    if (!mir_engine_acts(e, c))
        return e->settings->mode == MIR_MODE_OBSERVE ? "observed only"
                                                     : "observed only: not a canary";
    if (c->row.state == MIR_CHAIN_PAUSED)
        return "paused";
    if (c->row.state == MIR_CHAIN_PARKED)
        return "parked";
    if (c->row.not_before_at > mir_engine_at(e))
        return "backs off after a failure";
    if ((c->row.options.given & MIR_OPT_UNTIL) != 0 && mir_engine_at(e) >= c->row.options.until)
        return "until has passed";
    return NULL;
}

/* The same, and what keeps from acting on the end of predecessor `k`. */
static const char *obstacle(const struct mir_engine *e,
                            const struct mir_engine_chain *c,
                            const struct mir_engine_link *k)
{
    const char *closed = gate(e, c);

    if (closed == NULL && mir_engine_suspended(k))
        return "the predecessor is suspended, its end moves";
    return closed;
}

/* ---- decide ---- */

static struct mir_engine_link *predecessor(const struct mir_engine_chain *c,
                                           const struct mir_engine_link *l)
{
    struct mir_engine_link *before = NULL;

    for (size_t i = 0; i < c->n_links && c->links[i]->row.number < l->row.number; i++)
        before = c->links[i];
    return before;
}

bool mir_engine_decides(const struct mir_engine_chain *c, const struct mir_engine_link *k)
{
    if (k->row.state != MIR_LINK_RUNNING && k->row.state != MIR_LINK_GONE)
        return false;                     /* waits again after a requeue */
    if (c->row.state == MIR_CHAIN_PARKED) /* after its end there is but one answer */
        return k->row.state == MIR_LINK_RUNNING;
    return c->row.state == MIR_CHAIN_ACTIVE;
}

static bool is_due(const struct mir_engine *e,
                   const struct mir_engine_chain *c,
                   const struct mir_engine_link *l)
{
    const struct mir_engine_link *k = predecessor(c, l), *before;

    if (l->row.state != MIR_LINK_PLANNED || l->wanted || l->verifying || k == NULL)
        return false;
    /* A chain is two jobs at most: where waits are short, a long lead would breed more and more. */
    before = predecessor(c, k);
    if (before != NULL && before->row.state == MIR_LINK_RUNNING)
        return false;
    if (!mir_engine_decides(c, k) || (k->row.state == MIR_LINK_RUNNING && k->seen_ns == 0))
        return false; /* or not seen since we started */
    return mir_engine_at(e) >= l->next_at && e->now.mono_ns >= l->try_ns &&
           e->list_no > l->after_no;
}

uint64_t mir_engine_chain_number(const struct mir_engine_chain *c)
{
    uint64_t number = 0xcbf29ce484222325u;

    for (const char *s = c->row.id; *s != '\0'; s++) /* FNV-1a */
        number = (number ^ (unsigned char)*s) * 0x100000001b3u;
    return number;
}

bool mir_engine_coming(const struct mir_engine *e,
                       const struct mir_engine_chain *c,
                       struct mir_engine_coming *out)
{
    for (size_t i = 0; i < c->n_links && c->row.state == MIR_CHAIN_ACTIVE; i++) {
        const struct mir_engine_link *l = c->links[i], *k = predecessor(c, l);

        if (l->row.state > MIR_LINK_CONFIRMED || l->row.would_at != 0 || k == NULL ||
            mir_engine_suspended(k) || !mir_engine_decides(c, k))
            continue;
        *out = (struct mir_engine_coming){
            .predecessor = k,
            .end_at = k->row.state == MIR_LINK_RUNNING ? k->row.end_at : mir_engine_at(e),
            .is_submitted = l->row.state != MIR_LINK_PLANNED || l->wanted,
        };
        return true;
    }
    return false;
}

/* The chain's instance of its policy; a change of settings makes a new one. */
static int open_policy(struct mir_engine *e, struct mir_engine_chain *c, struct mir_error *err)
{
    const struct mir_policy *policy = mir_engine_policy_of(e, c);
    int rc;

    if (c->policy_open && c->policy == policy)
        return 0;
    mir_engine_close_policy(c);
    /* The same chain, the same draws. */
    rc = mir_policy_open(policy, mir_engine_chain_number(c), &c->policy_state, err);
    if (rc != 0)
        return rc;
    c->policy = policy;
    c->policy_open = true;
    return 0;
}

static void ask_policy(struct mir_engine *e,
                       struct mir_engine_chain *c,
                       const struct mir_link *link,
                       const struct mir_snapshot *queue,
                       struct mirage_decision *out)
{
    struct mir_error err = {{0}};

    if (queue->now >= link->predecessor_end_at || open_policy(e, c, &err) == 0) {
        mir_link_decide(link, queue, out);
        return;
    }
    *out = (struct mirage_decision){.size = sizeof(*out), .action = MIRAGE_WAIT, .wait_s = -1};
    snprintf(out->reason, sizeof(out->reason), "policy cannot be opened, waits: %.100s", err.text);
}

static void fill_link(struct mir_engine *e,
                      struct mir_engine_chain *c,
                      const struct mir_engine_link *k,
                      struct mir_chain_settings *settings,
                      struct mir_link *out)
{
    const struct mirage_plugin *plugin = mir_policy_plugin(mir_engine_policy_of(e, c));
    struct mir_error err = {{0}};

    (void)open_policy(e, c, &err); /* asked again, and told, in ask_policy() */
    *settings = (struct mir_chain_settings){
        .shape = k->shape,
        .overlap_weight = mir_engine_weight_of(e, c),
        .period_s = e->settings->period_s,
        .warmup_s = mir_engine_warmup_of(e, c),
    };
    *out = (struct mir_link){
        .settings = settings,
        .plugin = plugin,
        .policy_state = c->policy_state,
        .predecessor_submit_at = k->row.job.submit_at,
        .predecessor_start_at = k->row.start_at,
        .predecessor_end_at = k->row.end_at,
        .forecaster = mir_engine_forecaster(e),
        .successor_priority = k->base_priority,
    };
    if ((plugin->snapshot_parts & MIR_SNAPSHOT_LOOKAHEAD) != 0)
        out->lookahead = mir_engine_lookahead(e);
    out->chain = out->lookahead != NULL ? mir_engine_chain_number(c) : 0;
    if (k->row.state == MIR_LINK_GONE && out->predecessor_end_at > mir_engine_at(e))
        out->predecessor_end_at = mir_engine_at(e);
}

static int32_t lead_max_of(const struct mir_engine *e, const struct mir_engine_chain *c)
{
    return (c->row.options.given & MIR_OPT_LEAD_MAX) != 0 ? c->row.options.lead_max_s
                                                          : e->settings->lead_max_s;
}

/* One decision that is due: what is asked, and what came of it. */
struct due {
    struct mir_engine_chain *chain;
    struct mir_engine_link *link;
    int64_t needed_at; /* an answer, for want of processor time */
    int64_t end_at;    /* the predecessor's */
    struct mir_decision_row row;
    struct mir_view_fan *fan; /* NULL: none; a reference of its own */
    int64_t next_at;
    bool early; /* the user wants no submission so long before the end, or nobody knows the end */
};

/* Maintenance that a successor cannot start before, or during, is said with every decision. */
static void
add_maintenance(const struct mir_engine *e, const struct mir_engine_link *k, struct due *d)
{
    int64_t end_at = d->row.predecessor_end_at;
    int64_t from_at = end_at > d->row.at ? end_at : d->row.at;
    size_t len = strlen(d->row.reason);
    char note[160];

    if (mir_engine_crosses_maintenance(e, from_at, k->row.limit_s, note))
        snprintf(d->row.reason + len, sizeof(d->row.reason) - len, "; %s", note);
}

static void amend_reason(const struct mir_engine *e, const struct mir_engine_link *k, struct due *d)
{
    const char *closed = obstacle(e, d->chain, k);
    char text[160];

    snprintf(text, sizeof(text), "%s", d->row.reason);
    if (k->row.state == MIR_LINK_GONE)
        snprintf(text, sizeof(text), "predecessor has ended (%s)",
                 mir_job_state_name(k->row.job_state));
    if (d->early && !mir_engine_suspended(k)) {
        char lead[32];

        snprintf(d->row.reason, sizeof(d->row.reason), "waits: lead_max is %s; %s",
                 mir_format_duration(lead_max_of(e, d->chain), lead), text);
    } else if (d->row.action == MIRAGE_SUBMIT && closed != NULL) {
        snprintf(d->row.reason, sizeof(d->row.reason), "%s; not submitted: %s", text, closed);
    } else {
        snprintf(d->row.reason, sizeof(d->row.reason), "%s", text);
    }
    d->row.acted = d->row.action == MIRAGE_SUBMIT && !d->early && closed == NULL;
    add_maintenance(e, k, d);
}

/* Whose jobs they are that decide, as far as the last list tells. */
static struct mir_view_fan *take_fan(const struct mir_engine *e, const struct mirage_fan *from)
{
    struct mir_view_fan *fan = mir_fan_take(from);

    for (uint32_t i = 0; fan != NULL && e->list != NULL && i < fan->n_jobs; i++) {
        const struct mir_live_job *job = mir_live_jobs_find(e->list, fan->jobs[i].id);

        if (job != NULL)
            mir_fan_name(fan, i, job->user, job->name);
    }
    return fan;
}

static void decide(struct mir_engine *e, const struct mir_snapshot *queue, struct due *d)
{
    const struct mir_engine_link *k = predecessor(d->chain, d->link);
    struct mir_chain_settings settings;
    struct mir_link link;
    struct mirage_decision answer;
    int32_t lead_max_s = lead_max_of(e, d->chain);

    fill_link(e, d->chain, k, &settings, &link);
    ask_policy(e, d->chain, &link, queue, &answer);
    d->row = (struct mir_decision_row){
        .link = d->link->row.number,
        .at = queue->now,
        .action = (int32_t)answer.action,
        .wait_s = answer.wait_s,
        .predecessor_submit_at = link.predecessor_submit_at,
        .predecessor_start_at = link.predecessor_start_at,
        .predecessor_end_at = link.predecessor_end_at,
    };
    snprintf(d->row.chain, sizeof(d->row.chain), "%s", d->chain->row.id);
    snprintf(d->row.policy, sizeof(d->row.policy), "%s",
             mir_policy_spec(mir_engine_policy_of(e, d->chain)));
    snprintf(d->row.reason, sizeof(d->row.reason), "%s", answer.reason);
    d->fan = take_fan(e, answer.fan);
    d->early = answer.action == MIRAGE_SUBMIT &&
               (mir_engine_suspended(k) ||
                (lead_max_s > 0 && queue->now < link.predecessor_end_at - lead_max_s));
    d->next_at = queue->now < link.predecessor_end_at
                     ? mir_link_next_decision(&link, queue->now + 1)
                     : queue->now + (e->settings->period_s > 0 ? e->settings->period_s : 60);
    amend_reason(e, k, d);
    if (d->row.acted)
        mir_engine_outlook_submitted(e, d->chain);
}

static void apply(struct mir_engine *e, struct due *d)
{
    struct mir_engine_chain *c = d->chain;
    struct mir_engine_link *l = d->link;
    struct mir_view_decision shown = {.at = d->row.at,
                                      .link = d->row.link,
                                      .submit = d->row.action == MIRAGE_SUBMIT,
                                      .acted = d->row.acted,
                                      .wait_s = d->row.wait_s,
                                      .fan = d->fan};

    snprintf(shown.policy, sizeof(shown.policy), "%s", d->row.policy);
    snprintf(shown.reason, sizeof(shown.reason), "%s", d->row.reason);
    mir_engine_add_decision(c, &shown);
    e->n_decisions++;
    l->next_at = d->next_at;
    if (c->row.not_before_at > d->row.at && c->row.not_before_at < l->next_at)
        l->next_at = c->row.not_before_at;
    snprintf(l->row.policy, sizeof(l->row.policy), "%s", d->row.policy);
    if (d->row.action == MIRAGE_SUBMIT && !d->early) {
        l->wanted = d->row.acted;
        if (d->row.acted || l->row.would_at == 0)
            l->row.decided_wait_s = d->row.wait_s;
        if (!mir_engine_acts(e, c) && l->row.would_at == 0) {
            l->row.would_at = d->row.at;
            l->next_at = INT64_MAX; /* it would be submitted: no more to decide */
        }
    }
    mir_engine_link_touch(e, c, l);
}

/* The queue that is decided on, once for each list; packed where a policy looks at it. */
static int journal_queue(struct mir_engine *e,
                         const struct mir_snapshot *queue,
                         bool pack,
                         struct mir_error *err)
{
    struct mir_pass_row row = {
        .at = queue->now,
        .n_nodes = queue->n_nodes,
        .n_nodes_free = queue->n_nodes_free,
        .n_history = mir_history_len(&queue->history),
    };
    struct mir_str blob = {0};
    int rc;

    if (e->pass_id != 0 && (e->pass_packed || !pack))
        return 0;
    if (pack) {
        mir_pack_queue(queue, &blob);
        row.queue = blob.text;
        row.queue_len = blob.len;
    }
    rc = mir_journal_add_pass(e->journal, &row, &e->pass_id, err);
    e->pass_packed = pack;
    mir_str_release(&blob);
    return rc;
}

/* The answer that this link was, or would have been, submitted by. */
static bool is_the_one(const struct mir_engine *e, const struct due *d)
{
    bool would = d->row.action == MIRAGE_SUBMIT && !d->early && d->link->row.would_at == 0 &&
                 !mir_engine_acts(e, d->chain);

    return d->row.acted || would;
}

/* A fan is more than all else of a decision, which there are many of: one is kept for each link. */
static int journal_decision(struct mir_engine *e, struct due *d, struct mir_error *err)
{
    struct mir_str fan = {0};
    int rc;

    if (d->fan != NULL && is_the_one(e, d)) {
        mir_fan_pack(d->fan, &fan);
        d->row.fan = (struct mir_journal_bytes){fan.text, fan.len};
    }
    d->row.pass = e->pass_id;
    rc = mir_journal_add_decision(e->journal, &d->row, err);
    d->row.fan = (struct mir_journal_bytes){NULL, 0};
    mir_str_release(&fan);
    return rc;
}

static int journal_decisions(struct mir_engine *e,
                             const struct mir_snapshot *queue,
                             struct due *due,
                             size_t n,
                             struct mir_error *err)
{
    bool pack = false;
    int rc = mir_journal_begin(e->journal, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        pack |= (mir_policy_plugin(mir_engine_policy_of(e, due[i].chain))->snapshot_parts &
                 (MIR_SNAPSHOT_SUMMARY | MIR_SNAPSHOT_JOBS | MIR_SNAPSHOT_FORECAST |
                  MIR_SNAPSHOT_LOOKAHEAD)) != 0;
    rc = journal_queue(e, queue, pack, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = journal_decision(e, &due[i], err);
    if (rc == 0)
        rc = mir_journal_commit(e->journal, err);
    if (rc != 0) {
        mir_journal_rollback(e->journal);
        e->pass_id = 0;
    }
    return rc;
}

/* Processor time for futures may run out: who is next to its submission is asked first. */
static int by_urgency(const void *a, const void *b)
{
    const struct due *x = a, *y = b;

    if (x->needed_at != y->needed_at)
        return x->needed_at < y->needed_at ? -1 : 1;
    if (x->end_at != y->end_at)
        return x->end_at < y->end_at ? -1 : 1;
    return strcmp(x->chain->row.id, y->chain->row.id);
}

static size_t collect_due(struct mir_engine *e, struct due **due)
{
    size_t n = 0, cap = 0;

    *due = NULL;
    for (size_t i = 0; i < e->n_chains; i++) {
        struct mir_engine_chain *c = e->chains[i];

        for (size_t k = 0; k < c->n_links; k++) {
            if (!is_due(e, c, c->links[k]))
                continue;
            *due = mir_grow(*due, &cap, n + 1, sizeof(**due));
            (*due)[n++] = (struct due){
                .chain = c,
                .link = c->links[k],
                .needed_at = mir_engine_needed_at(e, c),
                .end_at = predecessor(c, c->links[k])->row.end_at,
            };
        }
    }
    if (n > 0)
        qsort(*due, n, sizeof(**due), by_urgency);
    return n;
}

void mir_engine_decide_due(struct mir_engine *e)
{
    const struct mir_snapshot *queue;
    struct mir_error err = {{0}};
    struct due *due;
    size_t n;

    if (!mir_engine_may_decide(e) || !mir_engine_journal_works(e))
        return;
    n = collect_due(e, &due);
    if (n > 0) {
        queue = mir_queue_snapshot(e->queue, mir_engine_at(e));
        for (size_t i = 0; i < n; i++)
            decide(e, queue, &due[i]);
        if (journal_decisions(e, queue, due, n, &err) == 0) {
            for (size_t i = 0; i < n; i++)
                apply(e, &due[i]);
            e->n_passes++;
        } else {
            mir_engine_outlook_stale(e); /* nothing of what it heard is submitted */
            mir_engine_journal_failed(e, &err);
        }
    }
    for (size_t i = 0; i < n; i++)
        mir_view_fan_unref(due[i].fan);
    free(due);
}

/* ---- the facts, the intent, the question ---- */

static bool fresh(const struct mir_engine *e, int64_t seen_ns)
{
    return seen_ns != 0 && e->now.mono_ns - seen_ns <= MIR_FRESH_S * MIR_NS;
}

static void verify(struct mir_engine *e,
                   struct mir_engine_chain *c,
                   struct mir_engine_link *l,
                   const struct mir_engine_link *k)
{
    uint64_t ticket = mir_engine_ask(e, MIR_ASK_VERIFY, c, l)->ticket;

    l->verifying = true;
    e->looked_ns = e->now.mono_ns;
    e->looked_to_enroll = false;
    if (e->live->ops->read_job(e->live, ticket, k->row.job.id, NULL) != 0) {
        mir_engine_unask(e, ticket);
        l->verifying = false;
        l->try_ns = e->now.mono_ns + UNAVAILABLE_S * MIR_NS;
    }
}

static const char *newest_template(const struct mir_engine_chain *c)
{
    for (size_t i = c->n_links; i-- > 0;) {
        if (c->links[i]->row.template_id[0] != '\0')
            return c->links[i]->row.template_id;
    }
    return NULL;
}

/* Nothing to submit from: capture again while the predecessor lives. */
static void no_template(struct mir_engine *e,
                        struct mir_engine_chain *c,
                        struct mir_engine_link *l,
                        struct mir_engine_link *k)
{
    if (k->row.state == MIR_LINK_RUNNING && !k->capture_failed) {
        l->try_ns = e->now.mono_ns + TEMPLATE_WAIT_S * MIR_NS;
        return;
    }
    mir_engine_park(e, c, "there is no template of its job to submit from");
}

static void fill_submission(const struct mir_engine_chain *c,
                            const struct mir_engine_link *l,
                            const struct mir_engine_link *k,
                            const char *template_id,
                            struct mir_submission *out)
{
    *out = (struct mir_submission){.tag = {.link = l->row.number}, .predecessor = k->row.job};
    snprintf(out->template_id, sizeof(out->template_id), "%s", template_id);
    snprintf(out->tag.chain, sizeof(out->tag.chain), "%s", c->row.id);
    snprintf(out->tag.token, sizeof(out->tag.token), "%s", l->row.job.token);
    if ((c->row.options.given & MIR_OPT_STOP_FILE) != 0)
        snprintf(out->stop_file, sizeof(out->stop_file), "%s", c->row.options.stop_file);
}

/* "Sent" is on disk before it is: whoever finds it there must assume that the job exists. */
static void send(struct mir_engine *e,
                 struct mir_engine_chain *c,
                 struct mir_engine_link *l,
                 struct mir_engine_link *k)
{
    const char *template_id = newest_template(c);
    struct mir_submission submission;
    struct mir_link_row before = l->row;
    uint64_t ticket;

    if (template_id == NULL) {
        no_template(e, c, l, k);
        return;
    }
    l->row.state = MIR_LINK_SENT;
    l->row.sent_at = mir_engine_at(e);
    l->row.n_sent++;
    mir_engine_link_touch(e, c, l);
    if (mir_engine_flush(e) != 0) {
        l->row = before;
        return;
    }
    fill_submission(c, l, k, template_id, &submission);
    ticket = mir_engine_ask(e, MIR_ASK_SUBMIT, c, l)->ticket;
    if (e->live->ops->submit(e->live, ticket, &submission, NULL) != 0) { /* never left us */
        mir_engine_unask(e, ticket);
        l->row = before;
        l->try_ns = e->now.mono_ns + UNAVAILABLE_S * MIR_NS;
        mir_engine_link_touch(e, c, l);
        return;
    }
    l->asked = true;
    mir_engine_tell(e, LOG_NOTICE, c, l, "submitting the successor of job %u", k->row.job.id);
}

static void intend(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    l->row.job = (struct mir_job_identity){.uid = c->row.uid};
    mir_engine_random_text(e, l->row.job.token, MIR_TOKEN_LEN, "0123456789abcdef");
    l->row.state = MIR_LINK_INTENT;
    l->row.decided_at = mir_engine_at(e);
    l->wanted = false;
    mir_engine_link_touch(e, c, l);
}

static bool wants_submission(const struct mir_engine *e,
                             const struct mir_engine_chain *c,
                             const struct mir_engine_link *l)
{
    bool ready = (l->row.state == MIR_LINK_PLANNED && l->wanted) ||
                 (l->row.state == MIR_LINK_INTENT && !l->unknown);

    return c->row.state == MIR_CHAIN_ACTIVE && ready && !l->asked && !l->verifying &&
           e->now.mono_ns >= l->try_ns && e->list_no > l->after_no;
}

static void submit(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    struct mir_engine_link *k = predecessor(c, l);

    mir_engine_look_for_kill_file(e);
    if (k == NULL || obstacle(e, c, k) != NULL ||
        (k->row.state != MIR_LINK_RUNNING && k->row.state != MIR_LINK_GONE)) {
        /* Decided again, and told why not.  An intent here was never sent, or did not happen. */
        mir_engine_replan(e, c, l);
        return;
    }
    if (!fresh(e, k->seen_ns) && !(k->row.state == MIR_LINK_GONE && fresh(e, l->verified_ns))) {
        if (e->now.mono_ns - e->looked_ns >= MIR_NS)
            verify(e, c, l, k);
        return;
    }
    if (fresh(e, k->seen_ns) && !k->opted) {
        mir_engine_end_chain(e, c, true, "the comment of job %u no longer asks for it",
                             k->row.job.id);
        return;
    }
    if (l->row.state == MIR_LINK_PLANNED)
        intend(e, c, l);
    if (mir_engine_flush(e) == 0)
        send(e, c, l, k);
}

void mir_engine_submit_due(struct mir_engine *e)
{
    if (!mir_engine_may_decide(e) || !mir_engine_journal_works(e))
        return;
    /* One look a second, in turn: a chain whose looks fail does not keep the others waiting. */
    e->turn++;
    for (size_t i = 0; i < e->n_chains; i++) {
        struct mir_engine_chain *c = e->chains[(i + e->turn) % e->n_chains];

        for (size_t k = 0; k < c->n_links && mir_engine_journal_works(e); k++) {
            if (wants_submission(e, c, c->links[k]))
                submit(e, c, c->links[k]);
        }
    }
}

void mir_engine_verified(struct mir_engine *e,
                         const struct mir_question *q,
                         const struct mir_live_event *event)
{
    struct mir_engine_chain *c = mir_engine_chain_find(e, q->chain);
    struct mir_engine_link *l = c != NULL ? mir_engine_link_find(c, q->link) : NULL;
    struct mir_engine_link *k = l != NULL ? predecessor(c, l) : NULL;

    if (k == NULL || !l->verifying)
        return;
    l->verifying = false;
    if (event->outcome != MIR_OUTCOME_DONE) {
        l->try_ns = e->now.mono_ns + UNAVAILABLE_S * MIR_NS;
        return;
    }
    l->verified_ns = e->now.mono_ns;
    if (event->job != NULL && event->job->id == k->row.job.id &&
        mir_job_is(event->job, &k->row.job, k->row.restarts)) {
        mir_engine_observe(e, c, k, event->job);
    } else if (k->row.state != MIR_LINK_GONE) { /* the next list tells more */
        l->wanted = false;
        l->next_at = 0;
        l->after_no = e->n_asked;
        mir_engine_hurry(e, e->now.mono_ns);
    }
}

/* ---- what came of it ---- */

static void
back_off(struct mir_engine *e, struct mir_engine_link *l, int64_t first_s, int64_t max_s)
{
    l->backoff_ns = l->backoff_ns < first_s * MIR_NS ? first_s * MIR_NS : 2 * l->backoff_ns;
    if (l->backoff_ns > max_s * MIR_NS)
        l->backoff_ns = max_s * MIR_NS;
    l->try_ns = e->now.mono_ns + l->backoff_ns;
}

static void identity_refused(struct mir_engine *e,
                             struct mir_engine_chain *c,
                             struct mir_engine_link *l,
                             const char *text)
{
    mir_engine_replan(e, c, l);
    l->after_no = e->n_asked;
    mir_engine_hurry(e, e->now.mono_ns);
    if (++l->n_identity >= MIR_IDENTITY_TRIES)
        mir_engine_park(e, c, "%.200s", text);
}

static void
template_refused(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    struct mir_engine_link *k = predecessor(c, l);

    mir_engine_replan(e, c, l);
    for (size_t i = 0; i < c->n_links; i++) { /* whatever we think we have: it has not */
        if (c->links[i]->row.template_id[0] == '\0')
            continue;
        c->links[i]->row.template_id[0] = '\0';
        mir_engine_link_touch(e, c, c->links[i]);
    }
    if (k == NULL || k->row.state != MIR_LINK_RUNNING) {
        mir_engine_park(e, c, "its template is lost and no job of it runs to capture another");
        return;
    }
    k->capture_failed = false;
    k->capture_ns = 0;
    l->try_ns = e->now.mono_ns + UNAVAILABLE_S * MIR_NS;
}

static void was_refused(struct mir_engine *e,
                        struct mir_engine_chain *c,
                        struct mir_engine_link *l,
                        const struct mir_live_event *event)
{
    mir_engine_tell(e, LOG_WARNING, c, l, "submission refused (%s): %.160s",
                    mir_refusal_name(event->refusal), event->text);
    switch (event->refusal) {
    case MIR_REFUSAL_RATE:
        mir_engine_replan(e, c, l);
        back_off(e, l, RATE_S, RATE_MAX_S);
        return;
    case MIR_REFUSAL_KILL_FILE:
        mir_engine_replan(e, c, l);
        back_off(e, l, UNAVAILABLE_S, UNAVAILABLE_MAX_S);
        return;
    case MIR_REFUSAL_STOP_FILE:
        mir_engine_end_chain(e, c, true, "stop file: %.200s", event->text);
        return;
    case MIR_REFUSAL_IDENTITY:
        identity_refused(e, c, l, event->text);
        return;
    case MIR_REFUSAL_TEMPLATE:
        template_refused(e, c, l);
        return;
    default:
        mir_engine_replan(e, c, l);
        mir_engine_park(e, c, "%.240s", event->text);
    }
}

static void was_submitted(struct mir_engine *e,
                          struct mir_engine_chain *c,
                          struct mir_engine_link *l,
                          const struct mir_live_event *event)
{
    bool known = event->job != NULL && event->job->id == event->submitted_id &&
                 mir_job_is(event->job, &l->row.job, UINT32_MAX);

    l->backoff_ns = 0;
    l->n_identity = 0;
    mir_engine_adopt(e, c, l, event->submitted_id, known ? event->job->submit_at : 0);
    if (event->already)
        e->n_adopted++;
    else
        e->n_submitted++;
    mir_engine_tell(e, LOG_NOTICE, c, l,
                    event->already ? "adopted job %u: it was there already" : "submitted as job %u",
                    event->submitted_id);
}

/* The chain ended while the answer was on its way, and there is no job. */
static void drop(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    l->row.state = MIR_LINK_GONE;
    l->unknown = l->cancel_wanted = false;
    mir_engine_link_touch(e, c, l);
}

void mir_engine_submitted(struct mir_engine *e,
                          const struct mir_question *q,
                          const struct mir_live_event *event)
{
    struct mir_engine_chain *c = mir_engine_chain_find(e, q->chain);
    struct mir_engine_link *l = c != NULL ? mir_engine_link_find(c, q->link) : NULL;

    if (l == NULL || !l->asked || strcmp(l->row.job.token, q->token) != 0)
        return;
    l->asked = false;
    if (event->outcome == MIR_OUTCOME_DONE && event->submitted_id != 0) {
        was_submitted(e, c, l, event);
    } else if (event->outcome == MIR_OUTCOME_REFUSED || event->outcome == MIR_OUTCOME_UNAVAILABLE) {
        if (!mir_engine_chain_open(c)) {
            drop(e, c, l);
        } else if (event->outcome == MIR_OUTCOME_REFUSED) {
            was_refused(e, c, l, event);
        } else {
            mir_engine_tell(e, LOG_WARNING, c, l, "not submitted, tried again: %.160s",
                            event->text);
            mir_engine_replan(e, c, l);
            back_off(e, l, UNAVAILABLE_S, UNAVAILABLE_MAX_S);
        }
    } else {
        mir_engine_tell(e, LOG_WARNING, c, l,
                        "outcome unknown, nothing is sent until it is clear: %.120s", event->text);
        mir_engine_doubt(e, c, l);
    }
}
