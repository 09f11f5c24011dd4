/* SPDX-License-Identifier: GPL-3.0-or-later */
/* publish.c - the engine's state as a picture that others may look at. */

#include "daemon/engine/internal.h"

#include <math.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"

enum { RECENT_STARTS = 1000 };

/* ---- a chain ---- */

static const char *job_word(const struct mir_link_row *row)
{
    return row->job.id != 0 && row->job_state != MIR_STATE_UNKNOWN
               ? mir_job_state_name(row->job_state)
               : "";
}

static void view_link(const struct mir_engine *e,
                      const struct mir_engine_chain *c,
                      size_t i,
                      struct mir_view_link *out)
{
    const struct mir_link_row *row = &c->links[i]->row;

    *out = (struct mir_view_link){
        .number = row->number,
        .job_id = row->job.id,
        .planned_at = row->planned_at,
        .decided_at = row->decided_at,
        .sent_at = row->sent_at,
        .confirmed_at = row->confirmed_at,
        .would_at = row->would_at,
        .submit_at = row->job.submit_at,
        .start_at = row->start_at,
        .end_at = row->end_at,
        .limit_s = row->limit_s,
        .exit_code = row->exit_code,
        .exit_signal = row->exit_signal,
        .decided_wait_s = row->decided_wait_s >= 0 ? row->decided_wait_s : NAN,
        .interruption_s = NAN,
        .overlap_s = NAN,
        .n_sent = row->n_sent,
    };
    snprintf(out->state, sizeof(out->state), "%s", mir_link_state_name(row->state));
    snprintf(out->job_state, sizeof(out->job_state), "%s", job_word(row));
    snprintf(out->token, sizeof(out->token), "%s", row->job.token);
    snprintf(out->environment, sizeof(out->environment), "%s",
             mir_environment_source_name(row->environment));
    if (i > 0)
        mir_engine_pair(e, c, c->links[i - 1], c->links[i], &out->interruption_s, &out->overlap_s);
}

static void
view_links(const struct mir_engine *e, const struct mir_engine_chain *c, struct mir_view_chain *v)
{
    size_t skip = c->n_links > MIR_SHOWN_LINKS ? c->n_links - MIR_SHOWN_LINKS : 0;

    v->n_links = c->n_links - skip;
    v->links = MIR_NEW_ARRAY(struct mir_view_link, v->n_links);
    v->interruption_s = c->trimmed_interruption_s;
    v->overlap_s = c->trimmed_overlap_s;
    for (size_t i = 0; i < c->n_links; i++) {
        struct mir_view_link link;

        view_link(e, c, i, &link);
        if (!isnan(link.interruption_s))
            v->interruption_s += link.interruption_s;
        if (!isnan(link.overlap_s))
            v->overlap_s += link.overlap_s;
        if (i >= skip)
            v->links[i - skip] = link;
    }
}

static int64_t next_decision_at(const struct mir_engine *e, const struct mir_engine_chain *c)
{
    int64_t next_at = 0;

    for (size_t i = 1; i < c->n_links && mir_engine_chain_open(c); i++) {
        const struct mir_engine_link *l = c->links[i], *k = c->links[i - 1];
        int64_t at = l->next_at > 0 ? l->next_at : mir_engine_at(e);

        if (l->row.state == MIR_LINK_PLANNED && l->next_at != INT64_MAX &&
            mir_engine_decides(c, k) && (next_at == 0 || at < next_at))
            next_at = at;
    }
    return next_at;
}

static bool has_yet_to_start(const struct mir_engine_link *l)
{
    return l->row.state != MIR_LINK_RUNNING && l->row.state != MIR_LINK_GONE;
}

static void view_maintenance(const struct mir_engine *e,
                             const struct mir_engine_link *k,
                             const struct mir_engine_link *l,
                             struct mir_view_chain *v)
{
    int64_t from_at = k->row.end_at > mir_engine_at(e) ? k->row.end_at : mir_engine_at(e);
    char note[160];

    if (mir_engine_crosses_maintenance(e, from_at, k->row.limit_s, note))
        snprintf(v->reason, sizeof(v->reason), "link %d: %s", (int)l->row.number, note);
}

/* What nobody does anything about, but somebody should know. */
static void
view_reason(const struct mir_engine *e, const struct mir_engine_chain *c, struct mir_view_chain *v)
{
    snprintf(v->reason, sizeof(v->reason), "%s", c->row.reason);
    for (size_t i = 0; i < c->n_links && mir_engine_chain_open(c) && v->reason[0] == '\0'; i++) {
        const struct mir_engine_link *l = c->links[i];

        if (l->held && l->row.state == MIR_LINK_PENDING)
            snprintf(v->reason, sizeof(v->reason), "link %d is held: %s", (int)l->row.number,
                     l->note);
        else if (l->unknown)
            snprintf(v->reason, sizeof(v->reason), "link %d: outcome unknown, looking for it",
                     (int)l->row.number);
        else if (mir_engine_suspended(l))
            snprintf(v->reason, sizeof(v->reason), "link %d is suspended", (int)l->row.number);
        else if (has_yet_to_start(l) && i > 0)
            view_maintenance(e, c->links[i - 1], l, v);
    }
}

static void view_options(const struct mir_engine_chain *c, struct mir_view_chain *v)
{
    struct mir_str options = {0};

    mir_chain_options_format(&c->row.options, &options);
    snprintf(v->options, sizeof(v->options), "%s", options.text != NULL ? options.text : "");
    mir_str_release(&options);
}

static void
view_row(const struct mir_engine *e, const struct mir_engine_chain *c, struct mir_view_chain *v)
{
    const struct mir_chain_row *row = &c->row;

    snprintf(v->id, sizeof(v->id), "%s", row->id);
    snprintf(v->state, sizeof(v->state), "%s", mir_chain_state_name(row->state));
    snprintf(v->user, sizeof(v->user), "%s", row->user);
    snprintf(v->account, sizeof(v->account), "%s", row->account);
    snprintf(v->partition, sizeof(v->partition), "%s", row->partition);
    snprintf(v->qos, sizeof(v->qos), "%s", row->qos);
    snprintf(v->name, sizeof(v->name), "%s", row->name);
    snprintf(v->policy, sizeof(v->policy), "%s", mir_policy_spec(mir_engine_policy_of(e, c)));
    v->uid = row->uid;
    v->weight = mir_engine_weight_of(e, c);
    v->warmup_s = mir_engine_warmup_of(e, c);
    v->links_max = mir_engine_links_of(e, c);
    v->acts = mir_engine_acts(e, c);
    v->enrolled_at = row->enrolled_at;
    v->ended_at = row->ended_at;
    v->not_before_at = row->not_before_at;
    v->failures = row->failures;
    v->next_decision_at = next_decision_at(e, c);
    if (c->n_links > 0) {
        v->n_nodes = (int32_t)c->links[c->n_links - 1]->row.n_nodes;
        v->limit_s = c->links[c->n_links - 1]->row.limit_s;
    }
}

static struct mir_view_chain *view_chain(const struct mir_engine *e,
                                         const struct mir_engine_chain *c)
{
    struct mir_view_chain *v = mir_view_chain_create();

    view_row(e, c, v);
    view_reason(e, c, v);
    view_options(c, v);
    view_links(e, c, v);
    v->n_decisions = c->n_decisions;
    v->decisions = MIR_NEW_ARRAY(struct mir_view_decision, c->n_decisions);
    if (c->n_decisions > 0)
        memcpy(v->decisions, c->decisions, c->n_decisions * sizeof(v->decisions[0]));
    for (size_t i = 0; i < v->n_decisions; i++)
        mir_view_fan_ref(v->decisions[i].fan);
    v->n_events = c->n_events;
    v->events = MIR_NEW_ARRAY(struct mir_view_event, c->n_events);
    if (c->n_events > 0)
        memcpy(v->events, c->events, c->n_events * sizeof(v->events[0]));
    return v;
}

/* ---- the queue in numbers ---- */

static int compare_i32(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return x < y ? -1 : x > y;
}

static double at_percent(const int32_t *sorted, size_t n, double percent)
{
    double at = percent / 100 * (double)(n - 1);
    size_t i = (size_t)at;
    double part = at - (double)i;

    return i + 1 < n ? sorted[i] + part * ((double)sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static void count_recent(struct mir_engine *e, const struct mir_history *history)
{
    static const double percent[3] = {50, 90, 95};
    size_t len = mir_history_len(history), n = len < RECENT_STARTS ? len : RECENT_STARTS;
    int32_t *waits = MIR_NEW_ARRAY(int32_t, n);

    for (size_t i = 0; i < n; i++)
        waits[i] = mir_history_at(history, len - n + i)->wait_s;
    qsort(waits, n, sizeof(waits[0]), compare_i32);
    for (int i = 0; i < 3; i++)
        e->recent_wait_s[i] = n > 0 ? at_percent(waits, n, percent[i]) : NAN;
    free(waits);
}

void mir_engine_count_queue(struct mir_engine *e)
{
    const struct mir_snapshot *s;

    if (e->history != MIR_HISTORY_SETTLED)
        return;
    s = mir_queue_snapshot(e->queue, mir_engine_at(e));
    e->n_nodes = s->n_nodes;
    e->n_nodes_free = s->n_nodes_free;
    e->n_pending = s->n_pending;
    e->n_running = s->n_running;
    e->n_pending_nodes = s->pending_sum.n_nodes;
    e->n_history = mir_history_len(&s->history);
    memcpy(e->wait_s, s->pending_sum.wait_s, sizeof(e->wait_s));
    count_recent(e, &s->history);
}

/* ---- all of it ---- */

static bool is_ready(const struct mir_engine *e)
{
    return e->up && e->have_cluster && e->list_ns != 0 && e->history == MIR_HISTORY_SETTLED &&
           mir_engine_journal_works(e);
}

static const char *problem(const struct mir_engine *e)
{
    if (!mir_engine_journal_works(e))
        return e->problem;
    if (!e->up)
        return "the broker does not answer";
    if (!e->have_cluster)
        return "waiting for the cluster's configuration";
    if (e->list_ns == 0)
        return "waiting for the first list of jobs";
    if (e->history != MIR_HISTORY_SETTLED)
        return "reading the history of starts";
    if (!mir_engine_may_decide(e))
        return "the last list of jobs is too old to decide on";
    return "";
}

static void view_rpcs(const struct mir_engine *e, struct mir_view *v)
{
    size_t n = 0;
    const struct mir_live_count *counts = e->live->ops->counts(e->live, &n);

    v->rpcs = MIR_NEW_ARRAY(struct mir_view_rpc, n);
    v->n_rpcs = n;
    for (size_t i = 0; i < n; i++) {
        v->rpcs[i] = (struct mir_view_rpc){.n = counts[i].n,
                                           .n_failed = counts[i].n_failed,
                                           .total_ms = counts[i].total_ms,
                                           .max_ms = counts[i].max_ms};
        snprintf(v->rpcs[i].name, sizeof(v->rpcs[i].name), "%s", counts[i].name);
    }
}

/* One block of text, keys and values pointing into it: settings may be replaced meanwhile. */
static void view_settings(const struct mir_engine *e, struct mir_view *v)
{
    const struct mir_view_setting *shown = e->settings->shown;
    size_t n = shown != NULL ? e->settings->n_shown : 0, len = 1;
    char *at;

    for (size_t i = 0; i < n; i++)
        len += strlen(shown[i].key) + strlen(shown[i].value) + 2;
    v->settings_text = at = mir_alloc(len, 1);
    v->settings = MIR_NEW_ARRAY(struct mir_view_setting, n);
    v->n_settings = n;
    for (size_t i = 0; i < n; i++) {
        size_t key_size = strlen(shown[i].key) + 1, value_size = strlen(shown[i].value) + 1;

        v->settings[i].key = memcpy(at, shown[i].key, key_size);
        v->settings[i].value = memcpy(at + key_size, shown[i].value, value_size);
        at += key_size + value_size;
    }
}

/* Open ones first, each part newest first. */
static int compare_chains(const void *a, const void *b)
{
    const struct mir_engine_chain *x = *(struct mir_engine_chain *const *)a;
    const struct mir_engine_chain *y = *(struct mir_engine_chain *const *)b;

    if (mir_engine_chain_open(x) != mir_engine_chain_open(y))
        return mir_engine_chain_open(x) ? -1 : 1;
    if (x->row.enrolled_at != y->row.enrolled_at)
        return x->row.enrolled_at > y->row.enrolled_at ? -1 : 1;
    return strcmp(x->row.id, y->row.id);
}

static void view_chains(struct mir_engine *e, struct mir_view *v)
{
    struct mir_engine_chain **order = MIR_NEW_ARRAY(struct mir_engine_chain *, e->n_chains);

    if (e->n_chains > 0)
        memcpy(order, e->chains, e->n_chains * sizeof(struct mir_engine_chain *));
    qsort(order, e->n_chains, sizeof(struct mir_engine_chain *), compare_chains);
    v->chains = MIR_NEW_ARRAY(struct mir_view_chain *, e->n_chains);
    v->n_chains = e->n_chains;
    for (size_t i = 0; i < e->n_chains; i++) {
        struct mir_engine_chain *c = order[i];

        if (c->view == NULL || c->changed) {
            if (c->view != NULL)
                mir_view_chain_unref(c->view);
            c->view = view_chain(e, c);
            c->changed = false;
        }
        v->chains[i] = mir_view_chain_ref(c->view);
    }
    free(order);
}

static void view_numbers(const struct mir_engine *e, struct mir_view *v)
{
    v->n_passes = e->n_passes;
    v->n_decisions = e->n_decisions;
    v->n_submitted = e->n_submitted;
    v->n_adopted = e->n_adopted;
    v->n_lost = e->n_lost;
    v->n_nodes = e->n_nodes;
    v->n_nodes_free = e->n_nodes_free;
    v->n_pending = e->n_pending;
    v->n_running = e->n_running;
    v->n_pending_nodes = e->n_pending_nodes;
    v->n_history = e->n_history;
    memcpy(v->wait_s, e->wait_s, sizeof(v->wait_s));
    memcpy(v->recent_wait_s, e->recent_wait_s, sizeof(v->recent_wait_s));
    v->maintenance_at = e->maintenance.start_at;
    v->pass_cpu_s = e->pass_cpu_s;
    v->pass_cpu_max_s = e->pass_cpu_max_s;
    mir_engine_view_futures(e, v);
}

void mir_engine_publish(struct mir_engine *e)
{
    static const char *const modes[] = {"observe", "canary", "act"};
    struct mir_view *v;

    e->changed = false;
    e->published_ns = e->now.mono_ns;
    if (e->board == NULL)
        return;
    v = mir_view_create();
    snprintf(v->version, sizeof(v->version), "%s", MIR_VERSION);
    snprintf(v->cluster, sizeof(v->cluster), "%s", e->cluster.name);
    snprintf(v->slurm_version, sizeof(v->slurm_version), "%s", e->cluster.slurm_version);
    snprintf(v->mode, sizeof(v->mode), "%s", modes[e->settings->mode]);
    snprintf(v->problem, sizeof(v->problem), "%s", problem(e));
    snprintf(v->journal, sizeof(v->journal), "%s", mir_journal_mode(e->journal));
    snprintf(v->history, sizeof(v->history), "%s", e->history_text);
    v->drained = e->drained;
    v->killed = e->killed;
    v->connected = e->up;
    v->ready = is_ready(e);
    v->at = mir_engine_at(e);
    v->started_at = e->started_at;
    v->list_at = e->list_at;
    v->passed_mono_ns = e->passed_ns;
    v->poll_s = (int32_t)(mir_engine_poll_ns(e) / MIR_NS);
    view_numbers(e, v);
    mir_engine_view_model(e, v);
    view_rpcs(e, v);
    view_settings(e, v);
    view_chains(e, v);
    mir_view_publish(e->board, v);
}
