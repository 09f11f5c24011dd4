/* SPDX-License-Identifier: GPL-3.0-or-later */
/* slurm.c - the connection to the broker: questions out, events in. */
#include "daemon/slurm/slurm.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"
#include "daemon/host/wire.h"
#include "daemon/slurm/answer.h"

#define NS_PER_S INT64_C(1000000000)

enum {
    RETRY_S = 1,
    RETRY_VERSION_S = 10, /* only an upgrade of one of the two will change it */
    READ_MAX = 4 << 20,   /* bytes in one call of serve: the loop has others to serve */
    OUT_MAX = 32 << 20,   /* bytes that wait to be written */
    FORGET_MAX = 1 << 16, /* bytes of records that wait for a connection */
    QUESTIONS_MAX = 1024,
};

enum state {
    DISCONNECTED,
    GREETING, /* connected; the broker's hello is to come */
    UP,
};

/* What is asked; the order of `counts`. */
enum ask { JOBS, JOB, CLUSTER, HISTORY, FIND, CAPTURE, SUBMIT, CANCEL, N_ASKS };

static const struct {
    const char *verb;
    enum mir_live_kind kind;
} asks[N_ASKS] = {
    [JOBS] = {"jobs", MIR_LIVE_JOBS},          [JOB] = {"job", MIR_LIVE_JOB},
    [CLUSTER] = {"cluster", MIR_LIVE_CLUSTER}, [HISTORY] = {"history", MIR_LIVE_HISTORY},
    [FIND] = {"find", MIR_LIVE_FOUND},         [CAPTURE] = {"capture", MIR_LIVE_CAPTURED},
    [SUBMIT] = {"submit", MIR_LIVE_SUBMITTED}, [CANCEL] = {"cancel", MIR_LIVE_CANCELLED},
};

struct question {
    uint64_t ticket;
    enum ask ask;
    uint64_t end;        /* where its record ends in the stream of this connection */
    int64_t deadline_ns; /* 0: not yet set, see serve */
    struct mir_slurm_answer *answer;
};

struct mir_slurm {
    struct mir_live live;
    struct sockaddr_un address;
    int32_t deadline_s;
    mir_slurm_event_f on_event;
    void *arg;

    enum state state;
    int fd;
    uint64_t n_connections;
    int64_t retry_ns;    /* DISCONNECTED: when to try again */
    int64_t greeting_ns; /* GREETING: until when; 0: not yet set */
    char told[512];      /* why it is down; "" while up */

    struct mir_wire_input in;
    struct mir_str out; /* not yet written from out_begin on */
    size_t out_begin;
    uint64_t n_written;    /* bytes of this connection that the kernel has */
    struct mir_str forget; /* records that wait for a connection */

    struct question *questions;
    size_t n_questions, cap_questions;

    struct mir_slurm_answer *list; /* the last list of jobs, lent to the engine */
    int64_t last_update;
    struct mir_live_count counts[N_ASKS];
};

/* ---- asking: into the buffer, no more */

static struct mir_slurm *self(struct mir_live *l)
{
    return (struct mir_slurm *)l; /* the base is first */
}

static size_t n_waiting(const struct mir_slurm *s)
{
    return s->out.len - s->out_begin;
}

static const struct question *find_question(const struct mir_slurm *s, uint64_t ticket)
{
    for (size_t i = 0; i < s->n_questions; i++) {
        if (s->questions[i].ticket == ticket)
            return &s->questions[i];
    }
    return NULL;
}

/* Begin a record; end it with end_question(). */
static int begin_question(struct mir_slurm *s, enum ask ask, uint64_t ticket, struct mir_error *err)
{
    if (s->state != UP)
        return mir_error_set(err, -ENOTCONN, "no connection to mirage-broker: %s", s->told);
    if (ticket == 0 || ticket > INT64_MAX)
        return mir_error_set(err, -EINVAL, "%" PRIu64 " is no ticket", ticket);
    if (find_question(s, ticket) != NULL)
        return mir_error_set(err, -EEXIST, "ticket %" PRIu64 " is in use", ticket);
    if (s->n_questions >= QUESTIONS_MAX || n_waiting(s) >= OUT_MAX)
        return mir_error_set(err, -ENOBUFS, "too many questions wait for mirage-broker");
    mir_wire_begin(&s->out, asks[ask].verb);
    mir_wire_add_i64(&s->out, "ticket", (int64_t)ticket);
    return 0;
}

static int end_question(struct mir_slurm *s,
                        enum ask ask,
                        uint64_t ticket,
                        size_t began,
                        bool asked_since,
                        struct mir_error *err)
{
    struct question *q;

    mir_wire_end(&s->out);
    if (s->out.len - began > MIR_WIRE_MAX_LINE) {
        s->out.len = began;
        return mir_error_set(err, -EMSGSIZE, "%s: longer than %d bytes", asks[ask].verb,
                             MIR_WIRE_MAX_LINE);
    }
    s->questions =
        mir_grow(s->questions, &s->cap_questions, s->n_questions + 1, sizeof *s->questions);
    q = &s->questions[s->n_questions++];
    *q = (struct question){.ticket = ticket, .ask = ask, .end = s->n_written + n_waiting(s)};
    q->answer = MIR_NEW(struct mir_slurm_answer);
    q->answer->kind = asks[ask].kind;
    q->answer->asked_since = asked_since;
    return 0;
}

static int read_jobs(struct mir_live *l, uint64_t ticket, bool full, struct mir_error *err)
{
    struct mir_slurm *s = self(l);
    int64_t since = full || s->list == NULL ? 0 : s->last_update;
    size_t began = s->out.len;
    int rc = begin_question(s, JOBS, ticket, err);

    if (rc != 0)
        return rc;
    mir_wire_add_i64(&s->out, "since", since);
    return end_question(s, JOBS, ticket, began, since > 0, err);
}

static int read_job(struct mir_live *l, uint64_t ticket, uint32_t id, struct mir_error *err)
{
    struct mir_slurm *s = self(l);
    size_t began = s->out.len;
    int rc = begin_question(s, JOB, ticket, err);

    if (rc != 0)
        return rc;
    mir_wire_add_i64(&s->out, "id", id);
    return end_question(s, JOB, ticket, began, false, err);
}

static int read_cluster(struct mir_live *l, uint64_t ticket, struct mir_error *err)
{
    struct mir_slurm *s = self(l);
    size_t began = s->out.len;
    int rc = begin_question(s, CLUSTER, ticket, err);

    return rc == 0 ? end_question(s, CLUSTER, ticket, began, false, err) : rc;
}

static int
read_history(struct mir_live *l, uint64_t ticket, int64_t from, int64_t to, struct mir_error *err)
{
    struct mir_slurm *s = self(l);
    size_t began = s->out.len;
    int rc = begin_question(s, HISTORY, ticket, err);

    if (rc != 0)
        return rc;
    mir_wire_add_i64(&s->out, "from", from > 0 ? from : 0);
    mir_wire_add_i64(&s->out, "to", to > 0 ? to : 0);
    return end_question(s, HISTORY, ticket, began, false, err);
}

static int find(struct mir_live *l,
                uint64_t ticket,
                uint32_t uid,
                const char *token,
                int64_t from,
                struct mir_error *err)
{
    struct mir_slurm *s = self(l);
    size_t began = s->out.len;
    int rc = begin_question(s, FIND, ticket, err);

    if (rc != 0)
        return rc;
    mir_wire_add_i64(&s->out, "uid", uid);
    mir_wire_add(&s->out, "token", token);
    mir_wire_add_i64(&s->out, "from", from > 0 ? from : 0);
    return end_question(s, FIND, ticket, began, false, err);
}

/* Absent: the submit time is not known, the user submitted it himself. */
static void add_identity(struct mir_str *out, const struct mir_job_identity *job)
{
    mir_wire_add_i64(out, "id", job->id);
    mir_wire_add_i64(out, "uid", job->uid);
    if (job->submit_at > 0)
        mir_wire_add_i64(out, "submit_at", job->submit_at);
    if (job->token[0] != '\0')
        mir_wire_add(out, "token", job->token);
}

static int capture(struct mir_live *l,
                   uint64_t ticket,
                   const struct mir_job_identity *job,
                   const char *munged_environment,
                   struct mir_error *err)
{
    struct mir_slurm *s = self(l);
    size_t began = s->out.len;
    int rc = begin_question(s, CAPTURE, ticket, err);

    if (rc != 0)
        return rc;
    add_identity(&s->out, job);
    mir_wire_add(&s->out, "environment", munged_environment);
    return end_question(s, CAPTURE, ticket, began, false, err);
}

static int submit(struct mir_live *l,
                  uint64_t ticket,
                  const struct mir_submission *submission,
                  struct mir_error *err)
{
    const struct mir_job_identity *predecessor = &submission->predecessor;
    struct mir_slurm *s = self(l);
    size_t began = s->out.len;
    int rc = begin_question(s, SUBMIT, ticket, err);

    if (rc != 0)
        return rc;
    mir_wire_add(&s->out, "template", submission->template_id);
    mir_wire_add(&s->out, "chain", submission->tag.chain);
    mir_wire_add_i64(&s->out, "link", submission->tag.link);
    mir_wire_add(&s->out, "token", submission->tag.token);
    mir_wire_add_i64(&s->out, "predecessor", predecessor->id);
    mir_wire_add_i64(&s->out, "predecessor_uid", predecessor->uid);
    if (predecessor->submit_at > 0)
        mir_wire_add_i64(&s->out, "predecessor_submit_at", predecessor->submit_at);
    if (predecessor->token[0] != '\0')
        mir_wire_add(&s->out, "predecessor_token", predecessor->token);
    if (submission->stop_file[0] != '\0')
        mir_wire_add(&s->out, "stop_file", submission->stop_file);
    return end_question(s, SUBMIT, ticket, began, false, err);
}

static int cancel(struct mir_live *l,
                  uint64_t ticket,
                  const struct mir_job_identity *job,
                  struct mir_error *err)
{
    struct mir_slurm *s = self(l);
    size_t began = s->out.len;
    int rc = begin_question(s, CANCEL, ticket, err);

    if (rc != 0)
        return rc;
    add_identity(&s->out, job);
    return end_question(s, CANCEL, ticket, began, false, err);
}

/* Nobody asks again: without a connection it waits for one, within bounds. */
static void forget(struct mir_live *l, const char *template_id)
{
    struct mir_slurm *s = self(l);
    struct mir_str *to = s->state == UP ? &s->out : &s->forget;

    if (s->state == UP ? n_waiting(s) >= OUT_MAX : s->forget.len >= FORGET_MAX)
        return;
    mir_wire_begin(to, "forget");
    mir_wire_add(to, "template", template_id);
    mir_wire_end(to);
}

static const struct mir_live_count *counts(const struct mir_live *l, size_t *n)
{
    *n = N_ASKS;
    return ((const struct mir_slurm *)l)->counts;
}

static void destroy(struct mir_live *l)
{
    if (l != NULL)
        mir_slurm_destroy(self(l));
}

static const struct mir_live_ops ops = {
    .name = "slurm",
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
    .destroy = destroy,
};

/* ---- telling: whoever is told may ask at once, so all of ours is in order before */

static void free_answer(struct mir_slurm_answer *answer)
{
    if (answer != NULL)
        mir_slurm_answer_release(answer);
    free(answer);
}

static void count(struct mir_slurm *s, enum ask ask, const struct mir_live_event *event)
{
    struct mir_live_count *c = &s->counts[ask];

    c->n++;
    c->n_failed += event->outcome != MIR_OUTCOME_DONE;
    c->total_ms += event->duration_ms;
    if (event->duration_ms > c->max_ms)
        c->max_ms = event->duration_ms;
}

/* The new list is the one that is lent, and the old one ends once that is known. */
static void tell_answer(struct mir_slurm *s, struct question q, struct mir_live_event *event)
{
    struct mir_slurm_answer *over = q.answer;

    event->ticket = q.ticket;
    count(s, q.ask, event);
    if (event->jobs != NULL) {
        over = s->list;
        s->list = q.answer;
        s->last_update = q.answer->last_update;
    }
    s->on_event(s->arg, event);
    free_answer(over);
}

static void tell_connection(struct mir_slurm *s, enum mir_live_kind kind, const char *text)
{
    const struct mir_live_event event = {.kind = kind,
                                         .outcome = kind == MIR_LIVE_UP ? MIR_OUTCOME_DONE
                                                                        : MIR_OUTCOME_UNAVAILABLE,
                                         .text = text,
                                         .workdir = ""};

    s->on_event(s->arg, &event);
}

/* What the kernel had in whole may have been read, and acted upon. */
static void end_lost(struct mir_slurm *s, struct question q, uint64_t n_written, const char *why)
{
    bool acts = q.ask == SUBMIT || q.ask == CANCEL;
    struct mir_live_event event = {.kind = asks[q.ask].kind,
                                   .outcome = acts && q.end <= n_written ? MIR_OUTCOME_UNKNOWN
                                                                         : MIR_OUTCOME_UNAVAILABLE,
                                   .text = why,
                                   .workdir = ""};

    tell_answer(s, q, &event);
}

/* ---- the connection */

static void close_connection(struct mir_slurm *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->state = DISCONNECTED;
    mir_str_release(&s->out);
    s->out_begin = 0;
    s->n_written = 0;
    mir_wire_release(&s->in);
}

/*
 * It is over: end what is open, then say so.  While there is none, a reason is
 * told once, not with every try.
 */
static void drop(struct mir_slurm *s, int64_t now, int32_t retry_s, const char *why)
{
    struct question *lost = s->questions;
    uint64_t n_written = s->n_written;
    size_t n = s->n_questions;
    bool tell = s->state == UP || strcmp(s->told, why) != 0;

    close_connection(s);
    s->retry_ns = now + retry_s * NS_PER_S;
    snprintf(s->told, sizeof s->told, "%s", why);
    s->questions = NULL;
    s->n_questions = s->cap_questions = 0;
    for (size_t i = 0; i < n; i++)
        end_lost(s, lost[i], n_written, why);
    free(lost);
    if (tell)
        tell_connection(s, MIR_LIVE_DOWN, why);
}

static void start_connection(struct mir_slurm *s, int fd)
{
    s->fd = fd;
    s->state = GREETING;
    s->greeting_ns = 0;
    s->n_connections++;
}

static void try_connect(struct mir_slurm *s, int64_t now)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct mir_error err;

    /* A unix socket connects at once or not at all: EAGAIN is a full backlog. */
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&s->address, sizeof s->address) == 0) {
        start_connection(s, fd);
        return;
    }
    mir_error_set(&err, 0, "%s: %s", s->address.sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    drop(s, now, RETRY_S, err.text);
}

int mir_slurm_attach(struct mir_slurm *s, int fd)
{
    if (s->state != DISCONNECTED)
        return -EISCONN;
    start_connection(s, fd);
    return 0;
}

/* ---- what comes */

static void greet(struct mir_slurm *s)
{
    mir_wire_begin(&s->out, "hello");
    mir_wire_add_i64(&s->out, "version", MIR_WIRE_VERSION);
    mir_wire_end(&s->out);
    if (s->forget.len > 0)
        mir_str_add_n(&s->out, s->forget.text, s->forget.len);
    mir_str_release(&s->forget);
    s->state = UP;
    s->told[0] = '\0';
}

/* Returns 0, -EPROTO for another version, or -EINVAL. */
static int take_hello(struct mir_slurm *s, const struct mir_wire_record *r, struct mir_error *err)
{
    const char *program = mir_wire_get(r, "program"), *slurm = mir_wire_get(r, "slurm");
    int64_t version = 0;
    char text[256];

    if (strcmp(r->verb, "hello") != 0)
        return mir_error_set(err, -EINVAL, "mirage-broker begins with %.60s, not hello", r->verb);
    if (mir_wire_get_i64(r, "version", 1, INT32_MAX, &version, err) != 0)
        return -EINVAL;
    if (version != MIR_WIRE_VERSION)
        return mir_error_set(err, -EPROTO,
                             "mirage-broker %.60s speaks version %" PRId64
                             " of the protocol, this program version %d",
                             program != NULL ? program : "", version, MIR_WIRE_VERSION);
    greet(s);
    snprintf(text, sizeof text, "mirage-broker %.60s, Slurm %.60s", program != NULL ? program : "?",
             slurm != NULL ? slurm : "?");
    tell_connection(s, MIR_LIVE_UP, text);
    return 0;
}

static int take_answer(struct mir_slurm *s, const struct mir_wire_record *r, struct mir_error *err)
{
    const struct question *found;
    struct mir_live_event event;
    struct question q;
    int64_t ticket = 0;
    int rc = mir_wire_get_i64(r, "ticket", 1, INT64_MAX, &ticket, err);

    if (rc != 0)
        return -EINVAL;
    found = find_question(s, (uint64_t)ticket);
    if (found == NULL)
        return 0; /* answered already: there is nobody left to tell */
    rc = mir_slurm_answer_take(found->answer, r, &event, err);
    if (rc <= 0)
        return rc;
    q = *found;
    s->questions[found - s->questions] = s->questions[--s->n_questions];
    tell_answer(s, q, &event);
    return 0;
}

static int take_line(struct mir_slurm *s, char *line, size_t len, struct mir_error *err)
{
    const char *text;
    struct mir_wire_record r;

    if (mir_wire_parse(line, len, &r, err) != 0)
        return -EINVAL;
    if (strcmp(r.verb, "bye") == 0) {
        text = mir_wire_get(&r, "text");
        return mir_error_set(err, -ECONNRESET, "mirage-broker says: %.400s",
                             text != NULL ? text : "bye");
    }
    return s->state == GREETING ? take_hello(s, &r, err) : take_answer(s, &r, err);
}

static int take_lines(struct mir_slurm *s, struct mir_error *err)
{
    char *line;
    size_t len;
    int rc = 0;

    while (rc == 0 && mir_wire_next_line(&s->in, &line, &len))
        rc = take_line(s, line, len, err);
    return rc;
}

/* Returns 0, 1 when there is more than one call takes, or what ends the connection. */
static int read_all(struct mir_slurm *s, struct mir_error *err)
{
    for (int n_read = 0; n_read < READ_MAX;) {
        int n = mir_wire_read(&s->in, s->fd);
        int rc;

        if (n == -EAGAIN)
            return 0;
        if (n == 0)
            return mir_error_set(err, -ECONNRESET, "mirage-broker has closed the connection");
        if (n == -EMSGSIZE)
            return mir_error_set(err, n, "mirage-broker sends a line over %d bytes",
                                 MIR_WIRE_MAX_LINE);
        if (n < 0)
            return mir_error_set(err, n, "reading from mirage-broker: %s", strerror(-n));
        n_read += n;
        rc = take_lines(s, err);
        if (rc != 0)
            return rc;
    }
    return 1;
}

/* ---- what goes */

static void tidy_out(struct mir_slurm *s)
{
    if (n_waiting(s) == 0) {
        mir_str_release(&s->out); /* an environment of megabytes may have passed */
        s->out_begin = 0;
    } else if (s->out_begin > s->out.len / 2) {
        memmove(s->out.text, s->out.text + s->out_begin, n_waiting(s) + 1);
        s->out.len = n_waiting(s);
        s->out_begin = 0;
    }
}

static int write_all(struct mir_slurm *s, struct mir_error *err)
{
    while (n_waiting(s) > 0) {
        ssize_t n =
            send(s->fd, s->out.text + s->out_begin, n_waiting(s), MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0) {
            s->out_begin += (size_t)n;
            s->n_written += (uint64_t)n;
        } else if (n < 0 && errno != EINTR) {
            if (errno == EAGAIN || errno == EWOULDBLOCK)
                break;
            return mir_error_set(err, -errno, "writing to mirage-broker: %s", strerror(errno));
        }
    }
    tidy_out(s);
    return 0;
}

/* ---- deadlines */

/* Questions carry no time: their deadline counts from the first look at them. */
static void set_deadlines(struct mir_slurm *s, int64_t now)
{
    int64_t deadline_ns = now + s->deadline_s * NS_PER_S;

    if (s->state == GREETING && s->greeting_ns == 0)
        s->greeting_ns = deadline_ns;
    for (size_t i = 0; i < s->n_questions; i++) {
        if (s->questions[i].deadline_ns == 0)
            s->questions[i].deadline_ns = deadline_ns;
    }
}

static int check_deadlines(const struct mir_slurm *s, int64_t now, struct mir_error *err)
{
    if (s->state == GREETING && now >= s->greeting_ns)
        return mir_error_set(err, -ETIMEDOUT, "mirage-broker does not say hello within %d s",
                             s->deadline_s);
    for (size_t i = 0; i < s->n_questions; i++) {
        if (now >= s->questions[i].deadline_ns)
            return mir_error_set(err, -ETIMEDOUT, "mirage-broker: no answer to %s within %d s",
                                 asks[s->questions[i].ask].verb, s->deadline_s);
    }
    return 0;
}

static int64_t next_time(const struct mir_slurm *s)
{
    int64_t next_ns = INT64_MAX;

    if (s->state == DISCONNECTED)
        return s->retry_ns;
    if (s->state == GREETING)
        next_ns = s->greeting_ns;
    for (size_t i = 0; i < s->n_questions; i++) {
        if (s->questions[i].deadline_ns < next_ns)
            next_ns = s->questions[i].deadline_ns;
    }
    return next_ns;
}

/* Read, then write: what the broker said before it broke off is heard in any case. */
static int exchange(struct mir_slurm *s, int64_t now, struct mir_error *err)
{
    int got = read_all(s, err), rc;

    if (got < 0)
        return got;
    rc = write_all(s, err);
    set_deadlines(s, now); /* of what was asked in answer */
    if (rc != 0) {
        got = read_all(s, err);
        return got < 0 ? got : rc;
    }
    /* While more is there to be read, the answer may be in it, however late the loop comes. */
    return got == 1 ? 0 : check_deadlines(s, now, err);
}

int64_t mir_slurm_serve(struct mir_slurm *s, int64_t mono_ns)
{
    struct mir_error err = {{0}};
    int rc;

    if (s->state == DISCONNECTED && mono_ns >= s->retry_ns)
        try_connect(s, mono_ns);
    if (s->state == DISCONNECTED)
        return s->retry_ns;
    set_deadlines(s, mono_ns);
    rc = exchange(s, mono_ns, &err);
    if (rc != 0)
        drop(s, mono_ns, rc == -EPROTO ? RETRY_VERSION_S : RETRY_S, err.text);
    return next_time(s);
}

/* ---- its life */

int mir_slurm_create(const char *socket_path,
                     int32_t deadline_s,
                     mir_slurm_event_f on_event,
                     void *arg,
                     struct mir_slurm **out,
                     struct mir_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct mir_slurm *s;

    if (socket_path[0] == '\0' || strlen(socket_path) >= sizeof address.sun_path)
        return mir_error_set(err, -ENAMETOOLONG, "%s: a socket's path has 1 to %zu bytes",
                             socket_path, sizeof address.sun_path - 1);
    if (deadline_s < 1)
        return mir_error_set(err, -EINVAL, "a deadline of %d s", deadline_s);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    s = MIR_NEW(struct mir_slurm);
    s->live.ops = &ops;
    s->address = address;
    s->deadline_s = deadline_s;
    s->on_event = on_event;
    s->arg = arg;
    s->fd = -1;
    s->retry_ns = INT64_MIN;
    snprintf(s->told, sizeof s->told, "not connected yet");
    for (size_t i = 0; i < N_ASKS; i++)
        snprintf(s->counts[i].name, sizeof s->counts[i].name, "%s", asks[i].verb);
    *out = s;
    return 0;
}

struct mir_live *mir_slurm_live(struct mir_slurm *s)
{
    return &s->live;
}

int mir_slurm_fd(const struct mir_slurm *s)
{
    return s->fd;
}

short mir_slurm_events(const struct mir_slurm *s)
{
    return (short)(n_waiting(s) > 0 ? POLLIN | POLLOUT : POLLIN);
}

uint64_t mir_slurm_connections(const struct mir_slurm *s)
{
    return s->n_connections;
}

void mir_slurm_destroy(struct mir_slurm *s)
{
    if (s == NULL)
        return;
    close_connection(s);
    for (size_t i = 0; i < s->n_questions; i++)
        free_answer(s->questions[i].answer);
    free(s->questions);
    free_answer(s->list);
    mir_str_release(&s->forget);
    free(s);
}
