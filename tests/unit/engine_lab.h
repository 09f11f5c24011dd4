/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine_lab.h - an engine on a scripted cluster, for test_engine*.c: time and answers by hand. */
#ifndef MIR_TESTS_ENGINE_LAB_H
#define MIR_TESTS_ENGINE_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/engine/engine.h"

enum {
    LAB_T0 = 1700000000, /* Slurm's clock when a lab opens; the machine's own is an hour off */
    LAB_LIMIT = 7200,
    LAB_JOBS = 64,
    LAB_ASKED = 4000,
};

enum lab_kind {
    LAB_READ_JOBS,
    LAB_READ_JOB,
    LAB_READ_CLUSTER,
    LAB_READ_HISTORY,
    LAB_FIND,
    LAB_CAPTURE,
    LAB_SUBMIT,
    LAB_CANCEL,
    LAB_KINDS,
};

/* How a question is answered while the lab says so. */
struct lab_answer {
    enum mir_outcome outcome;
    enum mir_refusal refusal;
    bool silent;  /* never, or only when the connection breaks */
    bool happens; /* UNKNOWN: it was done all the same */
    const char *text;
};

struct lab_question {
    enum lab_kind kind;
    uint64_t ticket;
    uint32_t id;
    bool full;
    struct mir_submission submission;
    struct mir_job_identity job;
    char token[MIR_TOKEN_LEN + 1];
    bool done;
};

struct lab {
    struct mir_live live; /* first */
    struct mir_engine *engine;
    struct mir_engine_settings settings;
    struct mir_engine_rule rules[1];
    struct mir_policy *policy;
    struct mir_journal *journal;
    struct mir_view_board *board;
    int64_t at, mono_ns, wall;
    bool up;
    struct mir_live_job jobs[LAB_JOBS];
    char comments[LAB_JOBS][256];
    size_t n_jobs;
    struct mir_live_jobs list;
    int64_t backfill_at; /* that lists tell; 0: none */
    struct mir_live_job lent[LAB_JOBS];
    struct mir_live_past past[8];
    char past_comments[8][128];
    size_t n_past;
    struct mir_live_cluster cluster;
    struct lab_answer answers[LAB_KINDS];
    bool refuse_to_ask[LAB_KINDS];
    struct lab_question asked[LAB_ASKED];
    size_t n_asked;
    unsigned count[LAB_KINDS];
    unsigned n_forgotten;
    uint32_t next_id;
    char log[65536];
};

static inline int lab_ask(struct mir_live *l, struct lab_question q)
{
    struct lab *lab = (struct lab *)l;

    if (!lab->up || lab->refuse_to_ask[q.kind])
        return -107;
    assert_true(lab->n_asked < LAB_ASKED);
    lab->asked[lab->n_asked++] = q;
    lab->count[q.kind]++;
    return 0;
}

static inline int
lab_read_jobs(struct mir_live *l, uint64_t ticket, bool full, struct mir_error *err)
{
    (void)err;
    return lab_ask(l, (struct lab_question){.kind = LAB_READ_JOBS, .ticket = ticket, .full = full});
}

static inline int
lab_read_job(struct mir_live *l, uint64_t ticket, uint32_t id, struct mir_error *err)
{
    (void)err;
    return lab_ask(l, (struct lab_question){.kind = LAB_READ_JOB, .ticket = ticket, .id = id});
}

static inline int lab_read_cluster(struct mir_live *l, uint64_t ticket, struct mir_error *err)
{
    (void)err;
    return lab_ask(l, (struct lab_question){.kind = LAB_READ_CLUSTER, .ticket = ticket});
}

static inline int lab_read_history(struct mir_live *l,
                                   uint64_t ticket,
                                   int64_t from,
                                   int64_t to,
                                   struct mir_error *err)
{
    (void)err;
    assert_true(from < to);
    return lab_ask(l, (struct lab_question){.kind = LAB_READ_HISTORY, .ticket = ticket});
}

static inline int lab_find(struct mir_live *l,
                           uint64_t ticket,
                           uint32_t uid,
                           const char *token,
                           int64_t from,
                           struct mir_error *err)
{
    struct lab_question q = {.kind = LAB_FIND, .ticket = ticket, .id = uid};

    (void)err;
    (void)from;
    snprintf(q.token, sizeof(q.token), "%s", token);
    return lab_ask(l, q);
}

static inline int lab_capture(struct mir_live *l,
                              uint64_t ticket,
                              const struct mir_job_identity *job,
                              const char *munged,
                              struct mir_error *err)
{
    (void)err;
    (void)munged;
    return lab_ask(l, (struct lab_question){.kind = LAB_CAPTURE, .ticket = ticket, .job = *job});
}

static inline int lab_submit(struct mir_live *l,
                             uint64_t ticket,
                             const struct mir_submission *submission,
                             struct mir_error *err)
{
    (void)err;
    return lab_ask(
        l, (struct lab_question){.kind = LAB_SUBMIT, .ticket = ticket, .submission = *submission});
}

static inline int lab_cancel(struct mir_live *l,
                             uint64_t ticket,
                             const struct mir_job_identity *job,
                             struct mir_error *err)
{
    (void)err;
    return lab_ask(l, (struct lab_question){.kind = LAB_CANCEL, .ticket = ticket, .job = *job});
}

static inline void lab_forget(struct mir_live *l, const char *template_id)
{
    (void)template_id;
    ((struct lab *)l)->n_forgotten++;
}

static inline const struct mir_live_count *lab_counts(const struct mir_live *l, size_t *n)
{
    (void)l;
    *n = 0;
    return NULL;
}

static inline void lab_log(void *arg,
                           int priority,
                           const char *chain,
                           uint32_t job_id,
                           const char *token,
                           const char *text)
{
    struct lab *lab = arg;
    size_t len = strlen(lab->log);

    (void)chain;
    (void)job_id;
    (void)token;
    snprintf(lab->log + len, sizeof(lab->log) - len, "%d %s\n", priority, text);
}

static const struct mir_live_ops lab_ops = {
    .name = "lab",
    .read_jobs = lab_read_jobs,
    .read_job = lab_read_job,
    .read_cluster = lab_read_cluster,
    .read_history = lab_read_history,
    .find = lab_find,
    .capture = lab_capture,
    .submit = lab_submit,
    .cancel = lab_cancel,
    .forget = lab_forget,
    .counts = lab_counts,
};

static inline struct mir_now lab_now(const struct lab *lab)
{
    return (struct mir_now){.wall = lab->wall, .mono_ns = lab->mono_ns};
}

/* ---- jobs ---- */

static inline struct mir_live_job *lab_job(struct lab *lab, uint32_t id)
{
    for (size_t i = 0; i < lab->n_jobs; i++) {
        if (lab->jobs[i].id == id)
            return &lab->jobs[i];
    }
    return NULL;
}

static inline struct mir_live_job *
lab_add(struct lab *lab, uint32_t id, uint32_t uid, uint8_t state, const char *comment)
{
    size_t i = lab->n_jobs++;
    struct mir_live_job *job = &lab->jobs[i];

    assert_true(i < LAB_JOBS);
    snprintf(lab->comments[i], sizeof(lab->comments[i]), "%s", comment);
    *job = (struct mir_live_job){
        .id = id,
        .uid = uid,
        .gid = uid,
        .n_nodes = 2,
        .n_cpus = 32,
        .n_tasks = 1,
        .priority = 100,
        .flags = MIR_LIVE_BATCH,
        .limit_s = LAB_LIMIT,
        .state = state,
        .submit_at = lab->at,
        .eligible_at = lab->at,
        .user = "alice",
        .account = "physics",
        .partition = "batch",
        .qos = "normal",
        .name = "service",
        .comment = lab->comments[i],
        .reason = "",
        .reservation = "",
    };
    if (state == MIR_STATE_RUNNING) {
        job->start_at = lab->at;
        job->end_at = lab->at + LAB_LIMIT;
    }
    return job;
}

static inline void lab_start(struct lab *lab, uint32_t id)
{
    struct mir_live_job *job = lab_job(lab, id);

    job->state = MIR_STATE_RUNNING;
    job->start_at = lab->at;
    job->end_at = lab->at + job->limit_s;
}

static inline void lab_end(struct lab *lab, uint32_t id, uint8_t state, int32_t exit_code)
{
    struct mir_live_job *job = lab_job(lab, id);

    if (job->start_at == 0)
        job->start_at = lab->at;
    job->state = state;
    job->exit_code = exit_code;
    job->end_at = lab->at;
}

/* Slurm no longer knows it. */
static inline void lab_lose(struct lab *lab, uint32_t id)
{
    struct mir_live_job *job = lab_job(lab, id);

    job->id = 0;
}

static inline int lab_by_id(const void *a, const void *b)
{
    const struct mir_live_job *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

static inline const struct mir_live_jobs *lab_list(struct lab *lab)
{
    size_t n = 0;

    for (size_t i = 0; i < lab->n_jobs; i++) {
        if (lab->jobs[i].id != 0)
            lab->lent[n++] = lab->jobs[i];
    }
    qsort(lab->lent, n, sizeof(lab->lent[0]), lab_by_id);
    lab->list = (struct mir_live_jobs){
        .at = lab->at, .last_backfill_at = lab->backfill_at, .jobs = lab->lent, .n_jobs = n};
    return &lab->list;
}

/* ---- answers ---- */

static inline uint32_t lab_obey(struct lab *lab, const struct mir_submission *s)
{
    char comment[256];

    snprintf(comment, sizeof(comment), "mirage mirage=%s.%d.%s", s->tag.chain, (int)s->tag.link,
             s->tag.token);
    return lab_add(lab, lab->next_id++, s->predecessor.uid, MIR_STATE_PENDING, comment)->id;
}

static inline bool lab_cancels(struct lab *lab, const struct mir_job_identity *who)
{
    struct mir_live_job *job = lab_job(lab, who->id);

    if (job == NULL || job->state != MIR_STATE_PENDING || !mir_job_is(job, who, UINT32_MAX))
        return false;
    lab_end(lab, who->id, MIR_STATE_CANCELLED, 0);
    return true;
}

static inline size_t lab_found(struct lab *lab, const char *token, struct mir_live_past *out)
{
    size_t n = 0;

    for (size_t i = 0; i < lab->n_past; i++) {
        if (strstr(lab->past_comments[i], token) != NULL) {
            out[n] = lab->past[i];
            out[n++].comment = lab->past_comments[i];
        }
    }
    return n;
}

static inline void lab_answer(struct lab *lab, struct lab_question *q)
{
    static const enum mir_live_kind kinds[] = {
        MIR_LIVE_JOBS,  MIR_LIVE_JOB,      MIR_LIVE_CLUSTER,   MIR_LIVE_HISTORY,
        MIR_LIVE_FOUND, MIR_LIVE_CAPTURED, MIR_LIVE_SUBMITTED, MIR_LIVE_CANCELLED};
    const struct lab_answer *a = &lab->answers[q->kind];
    struct mir_live_past past[8];
    struct mir_live_event event = {
        .kind = kinds[q->kind],
        .ticket = q->ticket,
        .outcome = a->outcome,
        .refusal = a->refusal,
        .text = a->text != NULL ? a->text : "",
        .workdir = "/home/alice",
    };
    bool done = a->outcome == MIR_OUTCOME_DONE;

    q->done = true;
    if (q->kind == LAB_READ_JOBS && done)
        event.jobs = lab_list(lab);
    else if (q->kind == LAB_READ_JOB && done)
        event.job = lab_job(lab, q->id);
    else if (q->kind == LAB_READ_CLUSTER && done)
        event.cluster = &lab->cluster;
    else if (q->kind == LAB_FIND && done) {
        event.n_past = lab_found(lab, q->token, past);
        event.past = past;
    } else if (q->kind == LAB_READ_HISTORY && done) {
        event.n_past = lab_found(lab, "", past);
        event.past = past;
    } else if (q->kind == LAB_CAPTURE && done) {
        snprintf(event.template_id, sizeof(event.template_id), "t%u", q->job.id);
        event.environment = MIR_ENVIRONMENT_LOGIN;
    } else if (q->kind == LAB_SUBMIT && (done || a->happens)) {
        uint32_t id = lab_obey(lab, &q->submission);

        event.submitted_id = done ? id : 0;
        event.job = done ? lab_job(lab, id) : NULL;
    } else if (q->kind == LAB_CANCEL && done && !lab_cancels(lab, &q->job)) {
        event.outcome = MIR_OUTCOME_REFUSED;
        event.refusal = MIR_REFUSAL_IDENTITY;
    }
    mir_engine_event(lab->engine, lab_now(lab), &event);
}

/* Answer what is open, let the engine go on, until there is nothing more at this instant. */
static inline void lab_settle(struct lab *lab)
{
    for (size_t i = 0, rounds = 0; rounds < 50; rounds++) {
        size_t n;

        mir_engine_tick(lab->engine, lab_now(lab));
        n = lab->n_asked;
        for (i = 0; i < n; i++) {
            if (!lab->asked[i].done && !lab->answers[lab->asked[i].kind].silent)
                lab_answer(lab, &lab->asked[i]);
        }
        if (lab->n_asked == n && rounds > 0)
            return;
    }
}

static inline void lab_pass(struct lab *lab, int64_t s)
{
    lab->at += s;
    lab->wall += s;
    lab->mono_ns += s * 1000000000;
}

static inline void lab_run(struct lab *lab, int64_t s)
{
    for (; s > 0; s -= 5) {
        lab_pass(lab, s < 5 ? s : 5);
        lab_settle(lab);
    }
}

static inline void lab_connect(struct lab *lab, bool up)
{
    const struct mir_live_event event = {.kind = up ? MIR_LIVE_UP : MIR_LIVE_DOWN, .text = "test"};

    lab->up = up;
    mir_engine_event(lab->engine, lab_now(lab), &event);
}

/* The connection breaks: what was silent is answered as the contract says. */
static inline void lab_break(struct lab *lab)
{
    for (size_t i = 0; i < lab->n_asked; i++) {
        struct lab_question *q = &lab->asked[i];
        struct lab_answer before = lab->answers[q->kind];

        if (q->done)
            continue;
        lab->answers[q->kind].outcome = q->kind == LAB_SUBMIT || q->kind == LAB_CANCEL
                                            ? MIR_OUTCOME_UNKNOWN
                                            : MIR_OUTCOME_UNAVAILABLE;
        lab_answer(lab, q);
        lab->answers[q->kind] = before;
    }
    lab_connect(lab, false);
}

/* ---- open, close, restart ---- */

static inline void lab_new_engine(struct lab *lab, uint64_t seed)
{
    const uint64_t seeds[4] = {seed, 2, 3, 4};
    struct mir_error err = {{0}};
    int rc = mir_engine_create(&lab->settings, lab->journal, &lab->live, lab->board, seeds,
                               lab_now(lab), lab_log, lab, &lab->engine, &err);

    if (rc != 0)
        fail_msg("engine: %s", err.text);
    lab_connect(lab, true);
}

static inline struct lab *lab_open(enum mir_mode mode)
{
    struct lab *lab = MIR_NEW(struct lab);
    struct mir_error err = {{0}};

    lab->live.ops = &lab_ops;
    lab->at = LAB_T0;
    lab->wall = LAB_T0 - 3600;
    lab->mono_ns = 1000000000;
    lab->next_id = 100;
    lab->cluster = (struct mir_live_cluster){
        .name = "lab",
        .slurm_version = "22.05.8",
        .n_nodes = 8,
        .message_timeout_s = 10,
        .min_job_age_s = 300,
        .accounting = true,
        .stores_comment = true,
    };
    assert_int_equal(mir_policy_create("lead:hours=1", &lab->policy, &err), 0);
    lab->rules[0] = (struct mir_engine_rule){.policy = lab->policy, .weight = 0.5};
    lab->settings = (struct mir_engine_settings){
        .mode = mode,
        .rules = lab->rules,
        .n_rules = 1,
        .period_s = 600,
        .poll_s = 60,
        .fail_within_s = 300,
        .max_failures = 3,
        .backoff_s = 60,
        .finish_margin_s = 120,
        .done_on_success = true,
        .chains_per_user = 10,
        .history_days = 30,
        .keep_days = 30,
        .history_max = 1000,
        .enroll_by_comment = true,
        .kill_file = "",
        .min_uid = 1000,
    };
    assert_int_equal(mir_journal_open(":memory:", &lab->journal, &err), 0);
    lab->board = mir_view_board_create();
    lab_new_engine(lab, 1);
    return lab;
}

static inline void lab_close(struct lab *lab)
{
    mir_engine_destroy(lab->engine);
    mir_view_board_destroy(lab->board);
    mir_journal_close(lab->journal);
    mir_policy_destroy(lab->policy);
    free(lab);
}

/* The process dies and comes back: only the journal is left. */
static inline void lab_restart(struct lab *lab)
{
    mir_engine_destroy(lab->engine);
    for (size_t i = 0; i < lab->n_asked; i++)
        lab->asked[i].done = true;
    lab_new_engine(lab, 77);
}

/* ---- what is seen ---- */

/* The newest view's chain number `i` (open first, newest first); copied. */
static inline struct mir_view_chain *lab_chain(struct lab *lab, size_t i)
{
    struct mir_view *view;
    struct mir_view_chain *chain = NULL;

    mir_engine_tick(lab->engine, lab_now(lab));
    view = mir_view_get(lab->board);
    if (i < view->n_chains)
        chain = mir_view_chain_ref(view->chains[i]);
    mir_view_unref(view);
    return chain;
}

static inline size_t lab_n_chains(struct lab *lab)
{
    struct mir_view *view;
    size_t n;

    mir_engine_tick(lab->engine, lab_now(lab));
    view = mir_view_get(lab->board);
    n = view->n_chains;
    mir_view_unref(view);
    return n;
}

/* Claims about the only chain: its state, and its link's state. */
#define expect_chain(lab, wanted)                                                                  \
    do {                                                                                           \
        struct mir_view_chain *v_ = lab_chain(lab, 0);                                             \
        assert_non_null(v_);                                                                       \
        assert_string_equal(v_->state, wanted);                                                    \
        mir_view_chain_unref(v_);                                                                  \
    } while (0)

#define expect_reason(lab, part)                                                                   \
    do {                                                                                           \
        struct mir_view_chain *v_ = lab_chain(lab, 0);                                             \
        assert_non_null(v_);                                                                       \
        if (strstr(v_->reason, part) == NULL)                                                      \
            fail_msg("reason \"%s\" lacks \"%s\"", v_->reason, part);                              \
        mir_view_chain_unref(v_);                                                                  \
    } while (0)

#define expect_link(lab, i, wanted)                                                                \
    do {                                                                                           \
        struct mir_view_chain *v_ = lab_chain(lab, 0);                                             \
        assert_non_null(v_);                                                                       \
        assert_true((size_t)(i) < v_->n_links);                                                    \
        assert_string_equal(v_->links[i].state, wanted);                                           \
        mir_view_chain_unref(v_);                                                                  \
    } while (0)

#define expect_log(lab, part)                                                                      \
    do {                                                                                           \
        if (strstr((lab)->log, part) == NULL)                                                      \
            fail_msg("log lacks \"%s\":\n%s", part, (lab)->log);                                   \
    } while (0)

static inline struct mir_answer
lab_command(struct lab *lab, enum mir_command_verb verb, uint32_t uid)
{
    struct mir_command command = {.verb = verb, .uid = uid, .admin = uid == 0};
    struct mir_view_chain *chain = lab_chain(lab, 0);
    struct mir_answer answer;

    if (chain != NULL) {
        snprintf(command.chain, sizeof(command.chain), "%s", chain->id);
        mir_view_chain_unref(chain);
    }
    mir_engine_command(lab->engine, lab_now(lab), &command, &answer);
    return answer;
}

/* Job 50 of uid 1000 runs and is link 0 of an active chain. */
static inline void lab_chain_runs(struct lab *lab, const char *comment)
{
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, comment);
    lab_settle(lab);
    lab_run(lab, 60);
    expect_chain(lab, "active");
    expect_link(lab, 1, "planned");
}

/* And its successor is submitted: an hour before the end, as the policy says. */
static inline void lab_successor_waits(struct lab *lab)
{
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 3600);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_run(lab, 70);
    expect_link(lab, 1, "pending");
}

#endif
