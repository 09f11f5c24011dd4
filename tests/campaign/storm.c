/* SPDX-License-Identifier: GPL-3.0-or-later */
/* storm.c - a slurmctld at its worst. */
#include "tests/campaign/storm.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"

enum {
    MESSAGE_TIMEOUT_S = 10,
    MIN_JOB_AGE_S = 300,
    RECOVERY_MAX_S = 20,
    SAVE_MAX_S = 5,       /* slurmctld saves its state at most this late */
    ACCOUNTING_LAG_S = 8, /* slurmdbd learns this late at most */
    FIRST_STRANGER = 5000,
    N_STRANGERS = 4,
    MAX_EVENTS = 256,
    /* A queued submission is carried out at most so late, or not at all. */
    LATE_MAX_S = 2 * MESSAGE_TIMEOUT_S,
};

struct storm_job {
    struct mir_live_job facts;
    struct mir_tag tag; /* chain "": none */
    char comment[160];
    bool known;     /* slurmctld has it in memory */
    bool accounted; /* slurmdbd has it */
    int64_t run_s;  /* how long it would run */
    uint8_t fate;   /* enum mir_job_state at its end */
    int64_t starts_at;
    bool cancelled_by_us;
    char template_id[MIR_TEMPLATE_ID_LEN + 1]; /* that was captured from it */
};

/* A submission that slurmctld has in its socket but not yet in its hands. */
struct late_submission {
    int64_t due_at;
    struct mir_submission what;
    uint32_t uid;
    char comment[160]; /* of the template, which the broker may have forgotten by then */
};

struct storm_event {
    int64_t due_ms; /* monotonic */
    enum mir_live_kind kind;
    uint64_t ticket;
    enum mir_outcome outcome;
    enum mir_refusal refusal;
    uint32_t id;  /* read_job, submitted */
    uint32_t uid; /* find */
    char token[MIR_TOKEN_LEN + 1];
    char template_id[MIR_TEMPLATE_ID_LEN + 1];
    bool full, already;
};

struct template_row {
    char id[MIR_TEMPLATE_ID_LEN + 1];
    uint32_t uid;
    char comment[160];
};

struct mir_storm {
    struct mir_live live; /* first */
    struct mir_storm_settings settings;
    struct mir_rng rng;
    int64_t now;
    int64_t mono_ms;
    struct storm_job *jobs;
    size_t n_jobs, cap_jobs;
    struct late_submission late[64];
    size_t n_late;
    struct storm_event events[MAX_EVENTS];
    size_t n_events;
    struct template_row *templates;
    size_t n_templates, cap_templates;
    uint32_t next_id;
    int64_t down_until;       /* slurmctld does not answer */
    int64_t recovering_until; /* its lists miss jobs */
    int64_t accounting_down_until;
    bool connected, announce_up, announce_down, calm;
    struct mir_live_job *list; /* lent with the last JOBS event */
    struct mir_live_jobs jobs_view;
    struct mir_live_cluster cluster;
    struct mir_storm_counts counts;
    struct mir_live_count no_counts;
    char wrong[512];
};

static bool chance(struct mir_storm *s, double p)
{
    return mir_rng_double(&s->rng) < p;
}

static int64_t between(struct mir_storm *s, int64_t low, int64_t high)
{
    return low + (int64_t)mir_rng_below(&s->rng, (uint64_t)(high - low + 1));
}

__attribute__((format(printf, 2, 3))) static void tell(struct mir_storm *s, const char *fmt, ...)
{
    va_list args;

    if (!s->settings.verbose)
        return;
    printf("%8lld  ", (long long)(s->now % 1000000));
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

__attribute__((format(printf, 2, 3))) static void accuse(struct mir_storm *s, const char *fmt, ...)
{
    va_list args;

    if (s->wrong[0] != '\0')
        return;
    va_start(args, fmt);
    vsnprintf(s->wrong, sizeof(s->wrong), fmt, args);
    va_end(args);
    tell(s, "WRONG: %s", s->wrong);
}

static bool is_live(const struct storm_job *job)
{
    return job->known &&
           (job->facts.state == MIR_STATE_PENDING || job->facts.state == MIR_STATE_RUNNING);
}

static struct storm_job *find_known(struct mir_storm *s, uint32_t id)
{
    for (size_t i = s->n_jobs; i-- > 0;) {
        if (s->jobs[i].known && s->jobs[i].facts.id == id)
            return &s->jobs[i];
    }
    return NULL;
}

/* ---- The world */

static uint8_t draw_fate(struct mir_storm *s, bool chained)
{
    double x = mir_rng_double(&s->rng);

    if (!chained || s->calm)
        return MIR_STATE_TIMEOUT;
    if (x < 0.04)
        return MIR_STATE_FAILED;
    if (x < 0.06)
        return MIR_STATE_COMPLETED;
    if (x < 0.09)
        return MIR_STATE_CANCELLED;
    if (x < 0.13)
        return MIR_STATE_NODE_FAIL;
    return MIR_STATE_TIMEOUT;
}

static struct storm_job *add_job(struct mir_storm *s, uint32_t uid, const char *comment)
{
    struct storm_job *job;

    s->jobs = mir_grow(s->jobs, &s->cap_jobs, s->n_jobs + 1, sizeof(*s->jobs));
    job = &s->jobs[s->n_jobs++];
    *job = (struct storm_job){.known = true, .accounted = s->settings.accounting};
    snprintf(job->comment, sizeof(job->comment), "%s", comment);
    (void)mir_comment_tag(comment, &job->tag);
    job->facts = (struct mir_live_job){
        .id = s->next_id++,
        .uid = uid,
        .gid = uid,
        .n_nodes = 1,
        .n_cpus = 1,
        .n_tasks = 1,
        .priority = 1,
        .flags = MIR_LIVE_BATCH,
        .limit_s = s->settings.limit_s,
        .state = MIR_STATE_PENDING,
        .submit_at = s->now,
        .eligible_at = s->now,
        .user = "user",
        .account = "account",
        .partition = "main",
        .qos = "normal",
        .name = "job",
        .reason = "",
        .reservation = "",
    };
    job->starts_at = s->now + (chance(s, 0.3) ? between(s, 0, 5) : between(s, 0, 1500));
    job->fate = draw_fate(s, uid < FIRST_STRANGER);
    job->run_s = job->fate == MIR_STATE_TIMEOUT ? s->settings.limit_s
                                                : between(s, 1, s->settings.limit_s - 1);
    return job;
}

/* At most one live job a link, ever: the promise itself. */
static void check_single(struct mir_storm *s, const struct storm_job *fresh)
{
    for (size_t i = 0; i < s->n_jobs; i++) {
        const struct storm_job *other = &s->jobs[i];

        if (other != fresh && is_live(other) && other->tag.link == fresh->tag.link &&
            strcmp(other->tag.chain, fresh->tag.chain) == 0)
            accuse(s, "two live jobs for link %d of chain %s: %u and %u", fresh->tag.link,
                   fresh->tag.chain, other->facts.id, fresh->facts.id);
    }
}

static const struct template_row *find_template(const struct mir_storm *s, const char *id)
{
    for (size_t i = 0; i < s->n_templates; i++) {
        if (strcmp(s->templates[i].id, id) == 0)
            return &s->templates[i];
    }
    return NULL;
}

/* The broker's own guard: a job with this token is there already. */
static struct storm_job *find_token(struct mir_storm *s, uint32_t uid, const char *token)
{
    for (size_t i = 0; i < s->n_jobs; i++) {
        struct storm_job *job = &s->jobs[i];

        if (job->known && job->facts.uid == uid && strcmp(job->tag.token, token) == 0)
            return job;
    }
    return NULL;
}

static struct storm_job *carry_out(struct mir_storm *s,
                                   const struct mir_submission *what,
                                   uint32_t uid,
                                   const char *template_comment)
{
    struct mir_str comment = {0};
    struct storm_job *job;

    mir_comment_retag(template_comment, &what->tag, &comment);
    job = add_job(s, uid, comment.text);
    mir_str_release(&comment);
    s->counts.n_submitted++;
    tell(s, "job %u is link %d of %s (token %.6s)", job->facts.id, job->tag.link, job->tag.chain,
         job->tag.token);
    check_single(s, job);
    return job;
}

static void end_job(struct mir_storm *s, struct storm_job *job, uint8_t state)
{
    job->facts.state = state;
    job->facts.end_at = s->now;
    job->facts.exit_code = state == MIR_STATE_FAILED ? 1 : 0;
    tell(s, "job %u (link %d of %s) ends: %s", job->facts.id, job->tag.link, job->tag.chain,
         mir_job_state_name(state));
    if (state == MIR_STATE_CANCELLED && !job->cancelled_by_us)
        s->counts.n_cancelled_by_people++;
    s->counts.n_failed += state == MIR_STATE_FAILED;
}

static void requeue(struct mir_storm *s, struct storm_job *job)
{
    job->facts.state = MIR_STATE_PENDING;
    job->facts.restarts++;
    job->facts.submit_at = s->now;
    job->facts.start_at = job->facts.end_at = 0;
    job->starts_at = s->now + between(s, 0, 300);
    s->counts.n_requeued++;
    tell(s, "job %u is requeued", job->facts.id);
}

static void run_job(struct mir_storm *s, struct storm_job *job)
{
    struct mir_live_job *f = &job->facts;

    if (f->state == MIR_STATE_PENDING && s->now >= job->starts_at) {
        f->state = MIR_STATE_RUNNING;
        f->start_at = s->now;
        f->end_at = s->now + f->limit_s;
        tell(s, "job %u (link %d of %s) starts", f->id, job->tag.link, job->tag.chain);
    } else if (f->state == MIR_STATE_PENDING && !s->calm && f->uid < FIRST_STRANGER &&
               chance(s, 0.00001)) {
        end_job(s, job, MIR_STATE_CANCELLED);
    } else if (f->state == MIR_STATE_RUNNING && s->now - f->start_at >= job->run_s) {
        end_job(s, job, job->fate);
    } else if (f->state == MIR_STATE_RUNNING && !s->calm && chance(s, 0.00001)) {
        requeue(s, job);
    } else if (!is_live(job) && f->end_at != 0 && s->now - f->end_at > MIN_JOB_AGE_S) {
        job->known = false;
    }
}

/* kill -9: what was not yet saved is forgotten, and its ids are handed out again. */
static void crash(struct mir_storm *s)
{
    int64_t saved_at = s->now - between(s, 0, SAVE_MAX_S);
    uint32_t lowest = s->next_id;

    s->counts.n_crashes++;
    for (size_t i = 0; i < s->n_jobs; i++) {
        struct storm_job *job = &s->jobs[i];

        if (job->known && job->facts.submit_at > saved_at && job->facts.restarts == 0) {
            job->known = false;
            job->accounted = job->accounted && chance(s, 0.3); /* slurmdbd may have heard of it */
            s->counts.n_forgotten++;
            if (job->facts.id < lowest)
                lowest = job->facts.id;
            tell(s, "slurmctld has forgotten job %u", job->facts.id);
        }
    }
    s->n_late = 0; /* its sockets are gone as well, and the answers under way */
    for (size_t i = 0; i < s->n_events; i++) {
        if (s->events[i].outcome == MIR_OUTCOME_DONE && s->events[i].kind != MIR_LIVE_SUBMITTED &&
            s->events[i].kind != MIR_LIVE_CANCELLED)
            s->events[i].outcome = MIR_OUTCOME_UNAVAILABLE;
    }
    s->next_id = lowest;
    s->down_until = s->now + between(s, 0, 40);
    if (s->now > s->recovering_until + 2 * RECOVERY_MAX_S)
        s->recovering_until = s->down_until + between(s, 0, RECOVERY_MAX_S);
    tell(s, "slurmctld crashes");
}

static void strangers_submit(struct mir_storm *s)
{
    uint32_t uid = FIRST_STRANGER + (uint32_t)mir_rng_below(&s->rng, N_STRANGERS);
    struct storm_job *job;
    bool reused = false;

    if (s->now < s->down_until || !chance(s, 0.01))
        return;
    for (size_t i = 0; i < s->n_jobs && !reused; i++)
        reused = s->jobs[i].facts.id == s->next_id;
    job =
        add_job(s, uid, chance(s, 0.2) ? "mirage=abcdefgh.1.00000000000000000000000000000000" : "");
    job->tag.chain[0] = '\0'; /* a forged tag is no tag */
    s->counts.n_reused_ids += reused;
    if (reused)
        tell(s, "job id %u now belongs to a stranger", job->facts.id);
}

static void weather(struct mir_storm *s)
{
    if (s->calm)
        return;
    if (s->now >= s->down_until && chance(s, 0.0008))
        crash(s);
    if (s->now >= s->down_until && chance(s, 0.0005))
        s->down_until = s->now + between(s, 1, 60); /* hangs */
    if (chance(s, 0.0005))
        s->accounting_down_until = s->now + between(s, 1, 900);
    if (s->connected && chance(s, 0.0008)) {
        tell(s, "the connection breaks");
        s->connected = false;
        s->announce_down = true;
        s->announce_up = true;
    }
}

static void late_arrivals(struct mir_storm *s)
{
    for (size_t i = 0; i < s->n_late;) {
        struct late_submission *late = &s->late[i];

        if (s->now < late->due_at || s->now < s->down_until) {
            i++;
            continue;
        }
        /* slurmctld knows nothing of tokens: what it finds in its socket, it does. */
        carry_out(s, &late->what, late->uid, late->comment);
        s->late[i] = s->late[--s->n_late];
    }
}

void mir_storm_advance(struct mir_storm *s, int32_t dt_s)
{
    for (int32_t i = 0; i < dt_s; i++) {
        s->now++;
        s->mono_ms += 1000;
        weather(s);
        late_arrivals(s);
        strangers_submit(s);
        for (size_t j = 0; j < s->n_jobs; j++) {
            if (s->jobs[j].known)
                run_job(s, &s->jobs[j]);
        }
    }
}

/* ---- Questions */

static struct mir_storm *storm_of(struct mir_live *l)
{
    return (struct mir_storm *)l;
}

static struct storm_event *
answer_later(struct mir_storm *s, enum mir_live_kind kind, uint64_t ticket)
{
    struct storm_event *e;

    assert(s->n_events < MAX_EVENTS);
    e = &s->events[s->n_events++];
    *e = (struct storm_event){.kind = kind,
                              .ticket = ticket,
                              .outcome = MIR_OUTCOME_DONE,
                              .due_ms = s->mono_ms + between(s, 0, 2000)};
    if (s->now < s->down_until) {
        e->outcome = MIR_OUTCOME_UNAVAILABLE;
        e->due_ms = s->mono_ms + 1000 * MESSAGE_TIMEOUT_S;
    }
    return e;
}

static int check_connected(const struct mir_storm *s, struct mir_error *err)
{
    return s->connected ? 0 : mir_error_set(err, -ENOTCONN, "not connected");
}

static int read_jobs(struct mir_live *l, uint64_t ticket, bool full, struct mir_error *err)
{
    int rc = check_connected(storm_of(l), err);

    if (rc == 0)
        answer_later(storm_of(l), MIR_LIVE_JOBS, ticket)->full = full;
    return rc;
}

static int read_job(struct mir_live *l, uint64_t ticket, uint32_t id, struct mir_error *err)
{
    int rc = check_connected(storm_of(l), err);

    if (rc == 0)
        answer_later(storm_of(l), MIR_LIVE_JOB, ticket)->id = id;
    return rc;
}

static int read_cluster(struct mir_live *l, uint64_t ticket, struct mir_error *err)
{
    int rc = check_connected(storm_of(l), err);

    if (rc == 0)
        answer_later(storm_of(l), MIR_LIVE_CLUSTER, ticket);
    return rc;
}

static int
read_history(struct mir_live *l, uint64_t ticket, int64_t from, int64_t to, struct mir_error *err)
{
    int rc = check_connected(storm_of(l), err);

    (void)from;
    (void)to;
    if (rc == 0)
        answer_later(storm_of(l), MIR_LIVE_HISTORY, ticket);
    return rc;
}

static int find(struct mir_live *l,
                uint64_t ticket,
                uint32_t uid,
                const char *token,
                int64_t from,
                struct mir_error *err)
{
    struct mir_storm *s = storm_of(l);
    int rc = check_connected(s, err);
    struct storm_event *e;

    (void)from;
    if (rc != 0)
        return rc;
    e = answer_later(s, MIR_LIVE_FOUND, ticket);
    e->uid = uid;
    snprintf(e->token, sizeof(e->token), "%s", token);
    e->outcome = !s->settings.accounting || s->now < s->accounting_down_until
                     ? MIR_OUTCOME_UNAVAILABLE
                     : MIR_OUTCOME_DONE;
    return 0;
}

static bool same_job(const struct storm_job *job, const struct mir_job_identity *who)
{
    return mir_job_is(&job->facts, who, 0) ||
           (job->facts.restarts > 0 && job->facts.uid == who->uid);
}

static void refresh_strings(struct mir_storm *s)
{
    for (size_t i = 0; i < s->n_jobs; i++)
        s->jobs[i].facts.comment = s->jobs[i].comment; /* the array may have moved */
}

static int capture(struct mir_live *l,
                   uint64_t ticket,
                   const struct mir_job_identity *who,
                   const char *munged_environment,
                   struct mir_error *err)
{
    struct mir_storm *s = storm_of(l);
    int rc = check_connected(s, err);
    struct storm_event *e;
    struct storm_job *job;

    (void)munged_environment;
    if (rc != 0)
        return rc;
    refresh_strings(s);
    e = answer_later(s, MIR_LIVE_CAPTURED, ticket);
    job = find_known(s, who->id);
    if (e->outcome != MIR_OUTCOME_DONE)
        return 0;
    if (job == NULL || !is_live(job) || !same_job(job, who)) {
        e->outcome = MIR_OUTCOME_REFUSED;
        e->refusal = MIR_REFUSAL_IDENTITY;
        return 0;
    }
    if (job->facts.uid >= FIRST_STRANGER)
        accuse(s, "captured job %u of a stranger", job->facts.id);
    s->templates =
        mir_grow(s->templates, &s->cap_templates, s->n_templates + 1, sizeof(*s->templates));
    snprintf(e->template_id, sizeof(e->template_id), "%032zx", s->n_templates);
    s->templates[s->n_templates] = (struct template_row){.uid = job->facts.uid};
    memcpy(s->templates[s->n_templates].id, e->template_id, sizeof(e->template_id));
    memcpy(s->templates[s->n_templates].comment, job->comment, sizeof(job->comment));
    s->n_templates++;
    return 0;
}

static void break_connection(struct mir_storm *s)
{
    s->connected = false;
    s->announce_down = s->announce_up = true;
}

/* Whatever the daemon hears, the submission may or may not be carried out, now or soon. */
static void
submit_badly(struct mir_storm *s, struct storm_event *e, const struct mir_submission *what)
{
    const struct template_row *template = find_template(s, what->template_id);
    bool late = chance(s, 0.5);

    e->outcome = MIR_OUTCOME_UNKNOWN;
    e->due_ms = s->mono_ms + 1000 * MESSAGE_TIMEOUT_S;
    s->counts.n_lost_replies++;
    if (chance(s, 0.3)) {
        tell(s, "a submission of link %d of %s is lost", what->tag.link, what->tag.chain);
    } else if (late && s->n_late < 64) {
        s->late[s->n_late++] = (struct late_submission){
            .due_at = s->now + between(s, 1, LATE_MAX_S), .what = *what, .uid = template->uid};
        snprintf(s->late[s->n_late - 1].comment, sizeof(s->late[0].comment), "%s",
                 template->comment);
        s->counts.n_late++;
        tell(s, "a submission of link %d of %s will be late", what->tag.link, what->tag.chain);
    } else if (s->now >= s->down_until) {
        tell(s, "a reply is lost:");
        carry_out(s, what, template->uid, template->comment);
    }
    if (chance(s, 0.3))
        break_connection(s);
}

static int submit(struct mir_live *l,
                  uint64_t ticket,
                  const struct mir_submission *what,
                  struct mir_error *err)
{
    struct mir_storm *s = storm_of(l);
    int rc = check_connected(s, err);
    const struct template_row *template = find_template(s, what->template_id);
    struct storm_event *e;
    struct storm_job *job;

    if (rc != 0)
        return rc;
    e = answer_later(s, MIR_LIVE_SUBMITTED, ticket);
    if (template == NULL) {
        accuse(s, "submission from a template that is not there: \"%s\"", what->template_id);
        return 0;
    }
    if (template->uid != what->predecessor.uid)
        accuse(s, "submission for %u from a template of %u", what->predecessor.uid, template->uid);
    job = find_token(s, template->uid, what->tag.token);
    if (job != NULL && e->outcome == MIR_OUTCOME_DONE) {
        e->already = true;
        e->id = job->facts.id;
    } else if (!s->calm && chance(s, s->settings.fault_rate)) {
        submit_badly(s, e, what);
    } else if (e->outcome == MIR_OUTCOME_DONE) {
        e->id = carry_out(s, what, template->uid, template->comment)->facts.id;
        if (!s->calm && chance(s, s->settings.fault_rate / 2))
            crash(s); /* acknowledged, and gone */
    }
    return 0;
}

static int cancel(struct mir_live *l,
                  uint64_t ticket,
                  const struct mir_job_identity *who,
                  struct mir_error *err)
{
    struct mir_storm *s = storm_of(l);
    int rc = check_connected(s, err);
    struct storm_event *e;
    struct storm_job *job;
    bool fault;

    if (rc != 0)
        return rc;
    refresh_strings(s);
    e = answer_later(s, MIR_LIVE_CANCELLED, ticket);
    job = find_known(s, who->id);
    if (e->outcome != MIR_OUTCOME_DONE)
        return 0;
    if (job == NULL || job->facts.state != MIR_STATE_PENDING || !mir_job_is(&job->facts, who, 0)) {
        e->outcome = MIR_OUTCOME_REFUSED;
        e->refusal = MIR_REFUSAL_IDENTITY;
        return 0;
    }
    if (job->tag.chain[0] == '\0' || job->facts.uid >= FIRST_STRANGER)
        accuse(s, "cancels job %u, which Mirage did not submit", job->facts.id);
    fault = !s->calm && chance(s, s->settings.fault_rate);
    if (fault)
        e->outcome = MIR_OUTCOME_UNKNOWN;
    if (!fault || chance(s, 0.5)) {
        job->cancelled_by_us = true;
        end_job(s, job, MIR_STATE_CANCELLED);
        s->counts.n_cancelled_by_us++;
    }
    return 0;
}

static void forget(struct mir_live *l, const char *template_id)
{
    struct mir_storm *s = storm_of(l);

    for (size_t i = 0; i < s->n_templates; i++) {
        if (strcmp(s->templates[i].id, template_id) == 0)
            s->templates[i].id[0] = '\0';
    }
}

static const struct mir_live_count *counts(const struct mir_live *l, size_t *n)
{
    *n = 0;
    return &((const struct mir_storm *)l)->no_counts;
}

static const struct mir_live_ops storm_ops = {
    .name = "storm",
    .read_jobs = read_jobs,
    .read_job = read_job,
    .read_cluster = read_cluster,
    .read_history = read_history,
    .find = find,
    .capture = capture,
    .submit = submit,
    .cancel = cancel,
    .forget = forget,
    .counts = counts,
};

/* ---- Answers */

static int by_id(const void *a, const void *b)
{
    uint32_t x = ((const struct mir_live_job *)a)->id, y = ((const struct mir_live_job *)b)->id;

    return (x > y) - (x < y);
}

/*
 * A slurmctld that has just come up may miss some in its first answers: for less
 * time than the engine leaves between two looks, which is why it takes two.
 */
static void make_list(struct mir_storm *s)
{
    bool half = s->now < s->recovering_until && chance(s, 0.5);

    refresh_strings(s);
    free(s->list);
    s->list = MIR_NEW_ARRAY(struct mir_live_job, s->n_jobs);
    s->jobs_view = (struct mir_live_jobs){.at = s->now, .jobs = s->list};
    s->counts.n_half_lists += half;
    for (size_t i = 0; i < s->n_jobs; i++) {
        if (s->jobs[i].known && !(half && chance(s, 0.5)))
            s->list[s->jobs_view.n_jobs++] = s->jobs[i].facts;
    }
    if (s->jobs_view.n_jobs > 0)
        qsort(s->list, s->jobs_view.n_jobs, sizeof(*s->list), by_id);
    for (size_t i = 0; i < s->jobs_view.n_jobs; i++) {
        const struct storm_job *job = find_known(s, s->list[i].id);

        s->list[i].comment = mir_strdup(job->comment); /* must outlive the job array */
    }
}

static void free_list(struct mir_storm *s)
{
    for (size_t i = 0; i < s->jobs_view.n_jobs; i++)
        free((char *)s->list[i].comment);
    s->jobs_view.n_jobs = 0;
}

static size_t
find_rows(struct mir_storm *s, const struct storm_event *e, struct mir_live_past *rows)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_jobs && n < 8; i++) {
        const struct storm_job *job = &s->jobs[i];
        const struct mir_live_job *f = &job->facts;

        if (!job->accounted || f->uid != e->uid || strcmp(job->tag.token, e->token) != 0 ||
            s->now - f->submit_at < ACCOUNTING_LAG_S)
            continue;
        rows[n++] = (struct mir_live_past){.id = f->id,
                                           .uid = f->uid,
                                           .n_nodes = 1,
                                           .limit_s = f->limit_s,
                                           .exit_code = f->exit_code,
                                           .state = f->state,
                                           .submit_at = f->submit_at,
                                           .eligible_at = f->eligible_at,
                                           .start_at = f->start_at,
                                           .end_at = f->state == MIR_STATE_RUNNING ? 0 : f->end_at,
                                           .user = "user",
                                           .account = "account",
                                           .partition = "main",
                                           .qos = "normal",
                                           .comment = job->comment};
    }
    return n;
}

static void
deliver_one(struct mir_storm *s, const struct storm_event *e, mir_storm_event_f on_event, void *arg)
{
    struct mir_live_past rows[8];
    struct mir_live_job copy;
    char comment[160];
    struct storm_job *job = NULL;
    struct mir_live_event out = {.kind = e->kind,
                                 .ticket = e->ticket,
                                 .outcome = e->outcome,
                                 .refusal = e->refusal,
                                 .text = "the weather",
                                 .workdir = "/",
                                 .duration_ms = 5,
                                 .submitted_id = e->id,
                                 .already = e->already};

    if (e->outcome == MIR_OUTCOME_DONE) {
        if (e->kind == MIR_LIVE_JOBS) {
            free_list(s);
            make_list(s);
            out.jobs = &s->jobs_view;
        } else if (e->kind == MIR_LIVE_JOB || e->kind == MIR_LIVE_SUBMITTED) {
            refresh_strings(s);
            job = find_known(s, e->id);
        } else if (e->kind == MIR_LIVE_CLUSTER) {
            out.cluster = &s->cluster;
        } else if (e->kind == MIR_LIVE_FOUND) {
            out.n_past = find_rows(s, e, rows);
            out.past = rows;
        } else if (e->kind == MIR_LIVE_CAPTURED) {
            memcpy(out.template_id, e->template_id, sizeof(out.template_id));
            out.environment = MIR_ENVIRONMENT_STATE_SAVE;
        }
        /* A read-back right after a crash may find a stranger: only ours is told. */
        if (job != NULL && (e->kind == MIR_LIVE_JOB || job->tag.chain[0] != '\0')) {
            copy = job->facts;
            memcpy(comment, job->comment, sizeof(comment));
            copy.comment = comment;
            out.job = &copy;
        }
    }
    on_event(arg, &out);
}

static void deliver_breaks(struct mir_storm *s, mir_storm_event_f on_event, void *arg)
{
    struct mir_live_event event = {.text = "the connection broke", .workdir = ""};

    if (s->announce_down) {
        struct storm_event open[MAX_EVENTS];
        size_t n = s->n_events;

        s->announce_down = false;
        memcpy(open, s->events, n * sizeof(open[0]));
        s->n_events = 0;
        for (size_t i = 0; i < n; i++) {
            bool acts = open[i].kind == MIR_LIVE_SUBMITTED || open[i].kind == MIR_LIVE_CANCELLED;

            open[i].outcome = acts ? MIR_OUTCOME_UNKNOWN : MIR_OUTCOME_UNAVAILABLE;
            deliver_one(s, &open[i], on_event, arg);
        }
        event.kind = MIR_LIVE_DOWN;
        on_event(arg, &event);
    }
    if (s->announce_up && (s->calm || chance(s, 0.2))) {
        s->announce_up = false;
        s->connected = true;
        event.kind = MIR_LIVE_UP;
        on_event(arg, &event);
    }
}

void mir_storm_deliver(struct mir_storm *s, mir_storm_event_f on_event, void *arg)
{
    deliver_breaks(s, on_event, arg);
    for (size_t i = 0; i < s->n_events;) {
        struct storm_event e = s->events[i];

        if (e.due_ms > s->mono_ms) {
            i++;
            continue;
        }
        memmove(&s->events[i], &s->events[i + 1], (s->n_events - i - 1) * sizeof(e));
        s->n_events--;
        deliver_one(s, &e, on_event, arg);
    }
}

void mir_storm_daemon_dies(struct mir_storm *s)
{
    s->n_events = 0;
    s->connected = s->announce_down = s->announce_up = false;
}

void mir_storm_daemon_starts(struct mir_storm *s)
{
    s->announce_up = true;
}

/* ---- Set-up and verdict */

struct mir_storm *mir_storm_create(const struct mir_storm_settings *settings, int64_t now)
{
    struct mir_storm *s = MIR_NEW(struct mir_storm);

    s->live.ops = &storm_ops;
    s->settings = *settings;
    s->now = now;
    s->mono_ms = 1000000;
    s->next_id = 100;
    mir_rng_init(&s->rng, settings->seed);
    s->cluster = (struct mir_live_cluster){.name = "storm",
                                           .slurm_version = "22.05.8",
                                           .n_nodes = 10,
                                           .n_nodes_idle = 2,
                                           .message_timeout_s = MESSAGE_TIMEOUT_S,
                                           .min_job_age_s = MIN_JOB_AGE_S,
                                           .accounting = settings->accounting,
                                           .stores_comment = true};
    return s;
}

void mir_storm_destroy(struct mir_storm *s)
{
    if (s == NULL)
        return;
    free_list(s);
    free(s->list);
    free(s->jobs);
    free(s->templates);
    free(s);
}

struct mir_live *mir_storm_live(struct mir_storm *s)
{
    return &s->live;
}

int64_t mir_storm_now(const struct mir_storm *s)
{
    return s->now;
}

int64_t mir_storm_mono_ns(const struct mir_storm *s)
{
    return s->mono_ms * 1000000;
}

void mir_storm_calm(struct mir_storm *s)
{
    s->calm = true;
    s->accounting_down_until = s->now;
    for (size_t i = 0; i < s->n_jobs; i++) { /* fates drawn in the storm are no longer fair */
        if (is_live(&s->jobs[i]) && s->jobs[i].facts.state == MIR_STATE_PENDING) {
            s->jobs[i].fate = MIR_STATE_TIMEOUT;
            s->jobs[i].run_s = s->settings.limit_s;
        }
    }
    tell(s, "calm");
}

uint32_t mir_storm_enroll(struct mir_storm *s, uint32_t uid)
{
    struct storm_job *job = add_job(s, uid, "mirage:w=0.5");

    tell(s, "user %u asks for a chain with job %u", uid, job->facts.id);
    return job->facts.id;
}

const char *mir_storm_wrong(const struct mir_storm *s)
{
    return s->wrong;
}

const struct mir_storm_counts *mir_storm_counts(const struct mir_storm *s)
{
    return &s->counts;
}

struct mir_storm_alive
mir_storm_alive(const struct mir_storm *s, const char *chain, uint32_t first_job, uint32_t uid)
{
    struct mir_storm_alive alive = {0};

    for (size_t i = 0; i < s->n_jobs; i++) {
        const struct storm_job *job = &s->jobs[i];
        bool first =
            job->tag.chain[0] == '\0' && job->facts.id == first_job && job->facts.uid == uid;

        if (!is_live(job) || (!first && strcmp(job->tag.chain, chain) != 0))
            continue;
        alive.n_pending += job->facts.state == MIR_STATE_PENDING;
        alive.n_running += job->facts.state == MIR_STATE_RUNNING;
    }
    return alive;
}
