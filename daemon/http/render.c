/* SPDX-License-Identifier: GPL-3.0-or-later */
/* render.c - the published view as JSON text. */
#include "daemon/http/render.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"

enum { DAY_S = 86400 };

/* ---- Values */

/* Length of the UTF-8 sequence at `s`; 0 when it is none (RFC 3629: no overlong, no surrogates). */
static size_t utf8_length(const unsigned char *s)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (n == 0 || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

/* Job and user names are bytes of anybody's choice; what is no UTF-8 would break the client. */
static void add_utf8(struct mir_str *out, const char *text)
{
    const char *from = text;
    size_t n;

    while (*text != '\0') {
        n = utf8_length((const unsigned char *)text);
        if (n > 0) {
            text += n;
            continue;
        }
        mir_str_add_n(out, from, (size_t)(text - from));
        mir_str_add(out, "\xef\xbf\xbd");
        from = ++text;
    }
    mir_str_add_n(out, from, (size_t)(text - from));
}

static void put_text(struct json_object *to, const char *key, const char *text)
{
    struct mir_str clean = {0};

    add_utf8(&clean, text);
    json_object_object_add(to, key, json_object_new_string(clean.len > 0 ? clean.text : ""));
    mir_str_release(&clean);
}

static void put_bool(struct json_object *to, const char *key, bool value)
{
    json_object_object_add(to, key, json_object_new_boolean(value));
}

static void put_int(struct json_object *to, const char *key, int64_t value)
{
    json_object_object_add(to, key, json_object_new_int64(value));
}

static void put_count(struct json_object *to, const char *key, uint64_t value)
{
    json_object_object_add(to, key, json_object_new_uint64(value));
}

static void put_time(struct json_object *to, const char *key, int64_t at)
{
    json_object_object_add(to, key, at != 0 ? json_object_new_int64(at) : NULL);
}

static struct json_object *number(double value)
{
    char text[32];

    if (!isfinite(value))
        return NULL;
    /* Ten digits: milliseconds over months; seventeen would print 0.1 as 0.10000000000000001. */
    snprintf(text, sizeof(text), "%.10g", value);
    return json_object_new_double_s(value, text);
}

static void put_number(struct json_object *to, const char *key, double value)
{
    json_object_object_add(to, key, number(value));
}

/* Ends `object`. */
static char *print(struct json_object *object)
{
    char *text = mir_strdup(json_object_to_json_string_ext(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));

    json_object_put(object);
    return text;
}

/* ---- The daemon */

static void put_program(struct json_object *to, const struct mir_view *view)
{
    put_text(to, "version", view->version);
    put_text(to, "cluster", view->cluster);
    put_text(to, "slurm_version", view->slurm_version);
    put_text(to, "mode", view->mode);
    put_bool(to, "drained", view->drained);
    put_bool(to, "killed", view->killed);
    put_bool(to, "connected", view->connected);
    put_bool(to, "ready", view->ready);
    put_text(to, "problem", view->problem);
    put_text(to, "journal", view->journal);
    put_text(to, "history", view->history);
    put_time(to, "at", view->at);
    put_time(to, "started_at", view->started_at);
    put_time(to, "list_at", view->list_at);
    put_int(to, "passed_mono_ns", view->passed_mono_ns);
    put_int(to, "poll_s", view->poll_s);
    put_number(to, "pass_cpu_s", view->pass_cpu_s);
    put_number(to, "pass_cpu_max_s", view->pass_cpu_max_s);
    put_number(to, "lookahead_cpu_s", view->lookahead_cpu_s);
    put_count(to, "n_futures", view->n_futures);
    put_count(to, "n_foretold", view->n_foretold);
    put_number(to, "foretold_outside", view->foretold_outside);
    put_bool(to, "lookahead_trusted", view->lookahead_trusted);
    put_time(to, "arrivals_since_at", view->arrivals_since_at);
    put_count(to, "n_passes", view->n_passes);
    put_count(to, "n_decisions", view->n_decisions);
    put_count(to, "n_submitted", view->n_submitted);
    put_count(to, "n_adopted", view->n_adopted);
    put_count(to, "n_lost", view->n_lost);
    put_count(to, "n_chains", view->n_chains);
}

static void put_queue(struct json_object *to, const struct mir_view *view)
{
    put_count(to, "n_nodes", view->n_nodes);
    put_count(to, "n_nodes_free", view->n_nodes_free);
    put_count(to, "n_pending", view->n_pending);
    put_count(to, "n_running", view->n_running);
    put_count(to, "n_pending_nodes", view->n_pending_nodes);
    put_count(to, "n_history", view->n_history);
}

char *mir_render_status(const struct mir_view *view)
{
    struct json_object *status = json_object_new_object();

    put_program(status, view);
    put_queue(status, view);
    put_time(status, "maintenance_at", view->maintenance_at);
    return print(status);
}

char *mir_render_queue(const struct mir_view *view)
{
    struct json_object *queue = json_object_new_object();
    struct json_object *waits = json_object_new_array(), *recent = json_object_new_object();

    put_queue(queue, view);
    for (size_t i = 0; i < sizeof(view->wait_s) / sizeof(view->wait_s[0]); i++)
        json_object_array_add(waits, number(view->wait_s[i]));
    json_object_object_add(queue, "wait_s", waits);
    put_number(recent, "p50", view->recent_wait_s[0]);
    put_number(recent, "p90", view->recent_wait_s[1]);
    put_number(recent, "p95", view->recent_wait_s[2]);
    json_object_object_add(queue, "recent_wait_s", recent);
    put_time(queue, "maintenance_at", view->maintenance_at);
    return print(queue);
}

char *mir_render_rpcs(const struct mir_view *view)
{
    struct json_object *root = json_object_new_object(), *list = json_object_new_array();

    for (size_t i = 0; i < view->n_rpcs; i++) {
        const struct mir_view_rpc *rpc = &view->rpcs[i];
        struct json_object *one = json_object_new_object();

        put_text(one, "name", rpc->name);
        put_count(one, "n", rpc->n);
        put_count(one, "n_failed", rpc->n_failed);
        put_int(one, "total_ms", rpc->total_ms);
        put_int(one, "max_ms", rpc->max_ms);
        json_object_array_add(list, one);
    }
    json_object_object_add(root, "rpcs", list);
    return print(root);
}

/* By its key: canary.users, admins, broker.user ... whoever adds one gets it hidden. */
static bool is_about_people(const char *key)
{
    return strcasestr(key, "user") != NULL || strcasestr(key, "account") != NULL ||
           strcasestr(key, "admin") != NULL;
}

char *mir_render_config(const struct mir_view *view, bool names)
{
    struct json_object *root = json_object_new_object(), *settings = json_object_new_object();

    for (size_t i = 0; i < view->n_settings; i++) {
        const struct mir_view_setting *setting = &view->settings[i];

        if (names || !is_about_people(setting->key))
            put_text(settings, setting->key, setting->value);
    }
    json_object_object_add(root, "settings", settings);
    return print(root);
}

/* ---- The model, and what it says */

static struct json_object *file_object(const struct mir_view_model_file *file)
{
    struct json_object *to;

    if (file->checksum[0] == '\0')
        return NULL;
    to = json_object_new_object();
    put_text(to, "checksum", file->checksum);
    put_text(to, "source", file->source);
    put_text(to, "program", file->program);
    put_text(to, "feature_set", file->feature_set);
    put_text(to, "methods", file->methods);
    put_time(to, "trained_at", file->trained_at);
    put_time(to, "from_at", file->from_at);
    put_time(to, "to_at", file->to_at);
    put_count(to, "n_labels", file->n_labels);
    put_count(to, "n_censored", file->n_censored);
    put_count(to, "n_nodes", file->n_nodes);
    put_count(to, "seed", file->seed);
    return to;
}

static struct json_object *scores_object(const struct mir_view_score *scores, size_t n)
{
    struct json_object *to = json_object_new_object();

    for (size_t i = 0; i < n; i++)
        put_number(to, scores[i].name, scores[i].value);
    return to;
}

static struct json_object *coverage_object(const struct mir_view_coverage *coverage)
{
    struct json_object *to = json_object_new_object();

    put_text(to, "method", coverage->method);
    put_count(to, "n_known", coverage->n_known);
    put_number(to, "p50", coverage->share[0]);
    put_number(to, "p90", coverage->share[1]);
    put_number(to, "p95", coverage->share[2]);
    put_count(to, "n_open", coverage->n_open);
    put_count(to, "n_learned", coverage->n_learned);
    return to;
}

char *mir_render_model(const struct mir_view *view)
{
    static const struct mir_view_model none = {.path = ""};
    const struct mir_view_model *m = view->model != NULL ? view->model : &none;
    struct json_object *root = json_object_new_object();

    put_text(root, "path", m->path);
    put_text(root, "refused", m->refused);
    put_time(root, "loaded_at", m->loaded_at);
    json_object_object_add(root, "current", file_object(&m->current));
    json_object_object_add(root, "previous", file_object(&m->previous));
    json_object_object_add(root, "coverage", coverage_object(&view->coverage));
    json_object_object_add(root, "scores", scores_object(m->scores, m->n_scores));
    json_object_object_add(root, "importance", scores_object(m->importance, m->n_importance));
    return print(root);
}

static struct json_object *drivers_list(const struct mir_view_forecast *f)
{
    struct json_object *list = json_object_new_array();

    for (uint32_t i = 0; i < f->n_drivers; i++) {
        struct json_object *one = json_object_new_object();

        put_text(one, "name", f->drivers[i].name);
        put_number(one, "value", f->drivers[i].value);
        put_text(one, "unit", f->drivers[i].unit);
        put_number(one, "change_s", f->drivers[i].change_s);
        put_text(one, "text", f->drivers[i].text);
        json_object_array_add(list, one);
    }
    return list;
}

char *mir_render_forecast(const struct mir_view_forecast *f)
{
    struct json_object *root = json_object_new_object(), *wait = json_object_new_object();

    put_time(root, "at", f->at);
    put_text(root, "method", f->method);
    put_text(root, "note", f->note);
    put_number(wait, "p10", f->wait_s[0]);
    put_number(wait, "p50", f->wait_s[1]);
    put_number(wait, "p90", f->wait_s[2]);
    json_object_object_add(root, "wait_s", wait);
    put_number(root, "plan_s", f->plan_s);
    put_number(root, "priority", f->priority);
    put_bool(root, "out_of_range", f->out_of_range);
    put_count(root, "n_outside", f->n_outside);
    put_text(root, "furthest", f->furthest);
    put_count(root, "n_waits", f->n_waits);
    json_object_object_add(root, "drivers", drivers_list(f));
    json_object_object_add(root, "model", file_object(&f->model));
    return print(root);
}

char *mir_render_history(const struct mir_answer *answer)
{
    struct json_object *root = json_object_new_object();

    put_text(root, "csv", answer->csv);
    json_object_object_add(root, "after",
                           answer->after[0] != '\0' ? json_object_new_string(answer->after) : NULL);
    return print(root);
}

/* ---- Chains */

static void put_owner(struct json_object *to, const struct mir_view_chain *chain)
{
    put_text(to, "reason", chain->reason);
    put_int(to, "uid", chain->uid);
    put_text(to, "user", chain->user);
    put_text(to, "account", chain->account);
    put_text(to, "name", chain->name);
    put_text(to, "options", chain->options);
}

static struct json_object *chain_object(const struct mir_view_chain *chain, bool names)
{
    struct json_object *to = json_object_new_object();

    put_text(to, "id", chain->id);
    put_text(to, "state", chain->state);
    if (names)
        put_owner(to, chain);
    put_text(to, "partition", chain->partition);
    put_text(to, "qos", chain->qos);
    put_text(to, "policy", chain->policy);
    put_number(to, "weight", chain->weight);
    put_int(to, "n_nodes", chain->n_nodes);
    put_int(to, "limit_s", chain->limit_s);
    put_int(to, "warmup_s", chain->warmup_s);
    put_int(to, "links_max", chain->links_max);
    put_bool(to, "acts", chain->acts);
    put_time(to, "enrolled_at", chain->enrolled_at);
    put_time(to, "ended_at", chain->ended_at);
    put_time(to, "not_before_at", chain->not_before_at);
    put_time(to, "next_decision_at", chain->next_decision_at);
    put_int(to, "failures", chain->failures);
    put_number(to, "interruption_s", chain->interruption_s);
    put_number(to, "overlap_s", chain->overlap_s);
    return to;
}

static void put_link_times(struct json_object *to, const struct mir_view_link *link)
{
    put_time(to, "planned_at", link->planned_at);
    put_time(to, "decided_at", link->decided_at);
    put_time(to, "sent_at", link->sent_at);
    put_time(to, "confirmed_at", link->confirmed_at);
    put_time(to, "would_at", link->would_at);
    put_time(to, "submit_at", link->submit_at);
    put_time(to, "start_at", link->start_at);
    put_time(to, "end_at", link->end_at);
}

static struct json_object *link_object(const struct mir_view_link *link, bool names)
{
    struct json_object *to = json_object_new_object();

    put_int(to, "number", link->number);
    put_text(to, "state", link->state);
    put_text(to, "job_state", link->job_state);
    put_int(to, "job_id", link->job_id);
    if (names)
        put_text(to, "token", link->token);
    put_text(to, "environment", link->environment);
    put_link_times(to, link);
    put_int(to, "limit_s", link->limit_s);
    put_int(to, "exit_code", link->exit_code);
    put_int(to, "exit_signal", link->exit_signal);
    put_number(to, "decided_wait_s", link->decided_wait_s);
    put_number(to, "interruption_s", link->interruption_s);
    put_number(to, "overlap_s", link->overlap_s);
    put_int(to, "n_sent", link->n_sent);
    return to;
}

static bool is_recent(const struct mir_view *view, const struct mir_view_chain *chain)
{
    bool over = strcmp(chain->state, "ended") == 0 || strcmp(chain->state, "refused") == 0;

    return !over || (chain->ended_at != 0 && view->at - chain->ended_at < DAY_S);
}

char *mir_render_chains(const struct mir_view *view, bool all, bool names)
{
    struct json_object *root = json_object_new_object(), *list = json_object_new_array();

    for (size_t i = 0; i < view->n_chains; i++) {
        if (all || is_recent(view, view->chains[i]))
            json_object_array_add(list, chain_object(view->chains[i], names));
    }
    json_object_object_add(root, "chains", list);
    return print(root);
}

char *mir_render_chain(const struct mir_view_chain *chain, bool names)
{
    struct json_object *root = chain_object(chain, names), *list = json_object_new_array();

    for (size_t i = 0; i < chain->n_links; i++)
        json_object_array_add(list, link_object(&chain->links[i], names));
    json_object_object_add(root, "links", list);
    return print(root);
}

static struct json_object *decision_object(const struct mir_view_decision *decision)
{
    struct json_object *to = json_object_new_object();

    put_time(to, "at", decision->at);
    put_int(to, "link", decision->link);
    put_bool(to, "submit", decision->submit);
    put_bool(to, "acted", decision->acted);
    put_number(to, "wait_s", decision->wait_s);
    put_text(to, "policy", decision->policy);
    put_text(to, "reason", decision->reason);
    return to;
}

static struct json_object *point_object(const struct mir_view_fan_point *p)
{
    struct json_object *to = json_object_new_object();

    put_time(to, "submit_at", p->submit_at);
    put_number(to, "cost_h", p->cost_h);
    put_number(to, "cost_p10_h", p->cost_p10_h);
    put_number(to, "cost_p90_h", p->cost_p90_h);
    put_number(to, "wait_p10_h", p->wait_p10_h);
    put_number(to, "wait_p50_h", p->wait_p50_h);
    put_number(to, "wait_p90_h", p->wait_p90_h);
    return to;
}

static struct json_object *fan_job_object(const struct mir_view_fan_job *job, bool names)
{
    struct json_object *to = json_object_new_object();

    put_count(to, "id", job->id);
    put_bool(to, "is_running", job->is_running);
    put_number(to, "effect_h", job->effect_h);
    if (names) {
        put_text(to, "user", job->user);
        put_text(to, "name", job->name);
    }
    return to;
}

/* Whose chain it is; of the jobs in its fans, who may be named? */
struct naming {
    const char *user;
    bool names, strangers;
};

static bool may_name(const struct naming *naming, const struct mir_view_fan_job *job)
{
    return naming->names && (naming->strangers || strcmp(job->user, naming->user) == 0);
}

static struct json_object *fan_object(const struct mir_view_decision *decision,
                                      const struct naming *naming)
{
    const struct mir_view_fan *fan = decision->fan;
    struct json_object *to = json_object_new_object();
    struct json_object *points = json_object_new_array(), *jobs = json_object_new_array();

    put_time(to, "at", decision->at);
    put_int(to, "link", decision->link);
    put_count(to, "n_futures", fan->n_futures);
    put_count(to, "best", fan->best);
    for (uint32_t k = 0; k < fan->n_points; k++)
        json_object_array_add(points, point_object(&fan->points[k]));
    for (uint32_t i = 0; i < fan->n_jobs; i++)
        json_object_array_add(jobs, fan_job_object(&fan->jobs[i], may_name(naming, &fan->jobs[i])));
    json_object_object_add(to, "points", points);
    json_object_object_add(to, "jobs", jobs);
    return to;
}

static struct json_object *fans_list(const struct mir_view_chain *chain, bool names, bool strangers)
{
    const struct naming naming = {chain->user, names, strangers};
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < chain->n_decisions; i++) {
        if (chain->decisions[i].fan != NULL)
            json_object_array_add(list, fan_object(&chain->decisions[i], &naming));
    }
    return list;
}

static struct json_object *event_object(const struct mir_view_event *event, bool names)
{
    struct json_object *to = json_object_new_object();

    put_time(to, "at", event->at);
    put_int(to, "link", event->link);
    if (names)
        put_text(to, "text", event->text);
    return to;
}

char *
mir_render_decisions(const struct mir_view_chain *chain, size_t n_max, bool names, bool strangers)
{
    struct json_object *root = json_object_new_object();
    struct json_object *decisions = json_object_new_array(), *events = json_object_new_array();
    size_t first = chain->n_decisions > n_max ? chain->n_decisions - n_max : 0;

    for (size_t i = first; i < chain->n_decisions; i++)
        json_object_array_add(decisions, decision_object(&chain->decisions[i]));
    for (size_t i = 0; i < chain->n_events; i++)
        json_object_array_add(events, event_object(&chain->events[i], names));
    json_object_object_add(root, "decisions", decisions);
    json_object_object_add(root, "events", events);
    json_object_object_add(root, "fans", fans_list(chain, names, strangers));
    return print(root);
}

/* ---- Small answers */

char *mir_render_ok(void)
{
    return mir_strdup("{\"status\":\"ok\"}");
}

char *mir_render_error(const char *text)
{
    struct json_object *root = json_object_new_object();

    put_text(root, "error", text);
    return print(root);
}

char *mir_render_answer(const struct mir_answer *answer)
{
    struct json_object *root = json_object_new_object();

    put_text(root, "chain", answer->chain);
    put_text(root, "text", answer->text);
    return print(root);
}
