/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine.c - made, fed with events, ticking. */
#include "daemon/engine/engine.h"

#include <errno.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/engine/internal.h"
#include "daemon/engine/outlook.h"

enum { ALIVE_S = 30, JUMP_S = 60, DAY_SECONDS = 86400 };

static int learn_start(void *arg, const struct mir_live_past *past)
{
    struct mir_engine *e = arg;

    mir_queue_learn(e->queue, past);
    mir_engine_outlook_loaded(e, past);
    mir_engine_forecast_past(e, past);
    return 0;
}

static int load_facts(struct mir_engine *e, struct mir_error *err)
{
    struct {
        const char *key;
        int64_t value;
    } facts[] = {{"drained", 0}, {"history_until", 0}, {"list_at", 0}, {"arrivals_since", 0}};

    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        int rc = mir_journal_get(e->journal, facts[i].key, &facts[i].value, err);

        if (rc != 0 && rc != -ENOENT)
            return rc;
    }
    e->drained = facts[0].value != 0;
    e->history_until = facts[1].value;
    e->list_at = facts[2].value;
    e->outlook->since_at = facts[3].value;
    return 0;
}

int mir_engine_create(const struct mir_engine_settings *settings,
                      struct mir_journal *journal,
                      struct mir_live *live,
                      struct mir_view_board *board,
                      const uint64_t rng_seed[4],
                      struct mir_now now,
                      mir_engine_log_f log,
                      void *log_arg,
                      struct mir_engine **out,
                      struct mir_error *err)
{
    struct mir_engine *e = MIR_NEW(struct mir_engine);
    int rc;

    *e = (struct mir_engine){
        .settings = settings,
        .journal = journal,
        .live = live,
        .board = board,
        .log = log,
        .log_arg = log_arg,
        .now = now,
        .last = now,
        .started_at = now.wall,
        .passed_ns = now.mono_ns,
        .changed = true,
    };
    memcpy(e->rng.s, rng_seed, sizeof(e->rng.s));
    if ((rng_seed[0] | rng_seed[1] | rng_seed[2] | rng_seed[3]) == 0)
        mir_rng_init(&e->rng, 0); /* xoshiro never leaves a state of zeroes */
    e->queue = mir_queue_create(settings->history_max);
    mir_engine_forecast_create(e);
    mir_engine_outlook_create(e);
    rc = load_facts(e, err);
    if (rc == 0)
        rc = mir_engine_load(e, err);
    if (rc == 0)
        rc = mir_journal_each_start(journal, settings->history_max, learn_start, e, err);
    if (rc != 0) {
        mir_engine_destroy(e);
        return rc;
    }
    mir_engine_look_for_kill_file(e);
    mir_engine_forecast_settings(e);
    mir_engine_publish(e);
    *out = e;
    return 0;
}

void mir_engine_destroy(struct mir_engine *e)
{
    if (e == NULL)
        return;
    while (e->n_chains > 0)
        mir_engine_chain_drop(e, e->n_chains - 1);
    for (size_t i = 0; i < e->n_requests; i++)
        free(e->requests[i].munged_environment);
    mir_engine_outlook_destroy(e);
    mir_engine_forecast_destroy(e);
    mir_queue_destroy(e->queue);
    free(e->chains);
    free(e->questions);
    free(e->requests);
    free(e->rivals);
    free(e->forgotten);
    free(e->events);
    free(e->facts);
    free(e);
}

void mir_engine_set(struct mir_engine *e, const struct mir_engine_settings *settings)
{
    for (size_t i = 0; i < e->n_chains; i++) {
        struct mir_engine_chain *c = e->chains[i];

        /* The old settings' policies end with them. */
        if (c->own_policy == NULL)
            mir_engine_close_policy(c);
        c->changed = true;
        for (size_t k = 0; k < c->n_links; k++)
            c->links[k]->next_at = 0; /* other rules, another answer */
    }
    e->settings = settings;
    e->changed = true;
    mir_engine_forecast_settings(e);
    mir_engine_tell(e, LOG_NOTICE, NULL, NULL, "other settings are in force");
}

/* ---- events ---- */

static void
dispatch(struct mir_engine *e, const struct mir_question *q, const struct mir_live_event *event)
{
    switch (q->purpose) {
    case MIR_ASK_LIST:
        mir_engine_jobs_event(e, event);
        break;
    case MIR_ASK_CLUSTER:
        mir_engine_cluster_event(e, event);
        break;
    case MIR_ASK_HISTORY:
        mir_engine_history_event(e, event);
        break;
    case MIR_ASK_VERIFY:
        mir_engine_verified(e, q, event);
        break;
    case MIR_ASK_ENROLL:
        mir_engine_enroll_event(e, q, event);
        break;
    case MIR_ASK_OUTCOME:
    case MIR_ASK_LOST:
        mir_engine_found(e, q, event);
        break;
    case MIR_ASK_CAPTURE:
        mir_engine_captured(e, q, event);
        break;
    case MIR_ASK_SUBMIT:
        mir_engine_submitted(e, q, event);
        break;
    case MIR_ASK_CANCEL:
    case MIR_ASK_CANCEL_RIVAL:
        mir_engine_cancelled(e, q, event);
        break;
    }
}

static enum mir_live_kind kind_of(enum mir_purpose purpose)
{
    static const enum mir_live_kind kinds[] = {
        [MIR_ASK_LIST] = MIR_LIVE_JOBS,
        [MIR_ASK_CLUSTER] = MIR_LIVE_CLUSTER,
        [MIR_ASK_HISTORY] = MIR_LIVE_HISTORY,
        [MIR_ASK_VERIFY] = MIR_LIVE_JOB,
        [MIR_ASK_ENROLL] = MIR_LIVE_JOB,
        [MIR_ASK_OUTCOME] = MIR_LIVE_FOUND,
        [MIR_ASK_LOST] = MIR_LIVE_FOUND,
        [MIR_ASK_CAPTURE] = MIR_LIVE_CAPTURED,
        [MIR_ASK_SUBMIT] = MIR_LIVE_SUBMITTED,
        [MIR_ASK_CANCEL] = MIR_LIVE_CANCELLED,
        [MIR_ASK_CANCEL_RIVAL] = MIR_LIVE_CANCELLED,
    };

    return kinds[purpose];
}

static void answer(struct mir_engine *e, const struct mir_live_event *event)
{
    for (size_t i = 0; i < e->n_questions; i++) {
        struct mir_question q = e->questions[i];

        if (q.ticket != event->ticket || kind_of(q.purpose) != event->kind)
            continue;
        mir_engine_unask(e, q.ticket);
        dispatch(e, &q, event);
        return;
    }
}

/* What the old connection has left unanswered may have been done. */
static void close_questions(struct mir_engine *e)
{
    while (e->n_questions > 0) {
        struct mir_question q = e->questions[0];
        const struct mir_live_event lost = {
            .kind = kind_of(q.purpose),
            .ticket = q.ticket,
            .outcome = q.purpose == MIR_ASK_SUBMIT || q.purpose == MIR_ASK_CANCEL
                           ? MIR_OUTCOME_UNKNOWN
                           : MIR_OUTCOME_UNAVAILABLE,
            .text = "the connection was lost",
        };

        mir_engine_unask(e, q.ticket);
        dispatch(e, &q, &lost);
    }
}

/* What failed with the old connection says nothing about the new one. */
static void try_again(struct mir_engine *e)
{
    for (size_t i = 0; i < e->n_chains; i++) {
        for (size_t k = 0; k < e->chains[i]->n_links; k++)
            e->chains[i]->links[k]->capture_backoff_ns = 0;
    }
}

static void is_up(struct mir_engine *e)
{
    close_questions(e);
    e->up = true;
    e->list_ns = 0; /* nothing is decided before a new list */
    e->list_due_ns = e->cluster_due_ns = e->now.mono_ns;
    e->list_asked = e->cluster_asked = e->history_asked = false;
    e->need_full = true;
    try_again(e);
    mir_engine_tell(e, LOG_INFO, NULL, NULL, "connected");
}

void mir_engine_event(struct mir_engine *e, struct mir_now now, const struct mir_live_event *event)
{
    e->now = now;
    if (event->kind == MIR_LIVE_UP) {
        is_up(e);
    } else if (event->kind == MIR_LIVE_DOWN) {
        e->up = false;
        mir_engine_tell(e, LOG_WARNING, NULL, NULL, "the broker is gone; nothing is done: %.200s",
                        event->text);
    } else {
        answer(e, event);
    }
    (void)mir_engine_flush(e);
}

/* ---- tick ---- */

static void watch_the_clock(struct mir_engine *e)
{
    int64_t wall_s = e->now.wall - e->last.wall;
    int64_t mono_s = (e->now.mono_ns - e->last.mono_ns) / MIR_NS;

    if (wall_s - mono_s > JUMP_S || mono_s - wall_s > JUMP_S)
        mir_engine_tell(e, LOG_WARNING, NULL, NULL, "this machine's clock jumped by %lld s",
                        (long long)(wall_s - mono_s));
    e->last = e->now;
}

static void prune(struct mir_engine *e)
{
    int64_t at = mir_engine_at(e);
    struct mir_error err = {{0}};

    if (e->clock_at == 0 || !mir_engine_journal_works(e))
        return;
    if (e->pruned_at != 0 && at - e->pruned_at < DAY_SECONDS && at >= e->pruned_at)
        return;
    e->pruned_at = at;
    e->pass_id = 0;
    if (mir_journal_prune(e->journal, at - (int64_t)e->settings->keep_days * DAY_SECONDS, &err) !=
        0)
        mir_engine_journal_failed(e, &err);
}

static void forget_unused(struct mir_engine *e)
{
    for (size_t i = 0; i < e->n_chains && e->up; i++) {
        if (e->chains[i]->changed)
            mir_engine_forget_templates(e, e->chains[i]);
    }
}

static void tell_forgotten(struct mir_engine *e)
{
    for (size_t i = 0; i < e->n_forgotten && e->up; i++)
        e->live->ops->forget(e->live, e->forgotten[i]);
    if (e->up)
        e->n_forgotten = 0;
}

int64_t mir_engine_tick(struct mir_engine *e, struct mir_now now)
{
    int64_t cpu_ns = mir_clock_cpu_ns();

    e->now = now;
    watch_the_clock(e);
    mir_engine_look_for_kill_file(e);
    (void)mir_engine_flush(e); /* what failed before comes first */
    mir_engine_model_watch(e);
    mir_engine_poll(e);
    mir_engine_capture_due(e);
    mir_engine_enroll_due(e);
    mir_engine_end_overdue(e);
    mir_engine_decide_due(e);
    mir_engine_submit_due(e);
    mir_engine_find_due(e);
    mir_engine_cancel_due(e);
    forget_unused(e);
    prune(e);
    if (mir_engine_flush(e) == 0)
        tell_forgotten(e);
    e->passed_ns = now.mono_ns;
    e->pass_cpu_s = (double)(mir_clock_cpu_ns() - cpu_ns) / (double)MIR_NS;
    if (e->pass_cpu_s > e->pass_cpu_max_s)
        e->pass_cpu_max_s = e->pass_cpu_s;
    if (e->changed || now.mono_ns - e->published_ns >= MIR_NS)
        mir_engine_publish(e);
    return now.mono_ns + MIR_NS;
}

bool mir_engine_alive(const struct mir_engine *e, struct mir_now now)
{
    return now.mono_ns - e->passed_ns <= ALIVE_S * MIR_NS;
}
