/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reading.c - the reader child and the questions that wait for it. */
#include "daemon/broker/reading.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/broker/child.h"

enum { BACKOFF_MAX_S = 60, READS_A_LOOK = 8 };

static const int64_t second_ns = 1000000000;

void mir_reading_init(struct mir_reading *r, const char *name, int64_t start_ns)
{
    *r = (struct mir_reading){
        .name = name, .restart_ns = start_ns, .deadline_ns = INT64_MAX, .backoff_s = 1};
    mir_process_init(&r->process);
}

bool mir_reading_has(const struct mir_reading *r, uint64_t connection, uint64_t ticket)
{
    if (r->current != NULL && r->current->ticket == ticket && r->current->connection == connection)
        return true;
    for (size_t i = 0; i < r->n_queued; i++) {
        if (r->queue[i]->ticket == ticket && r->queue[i]->connection == connection)
            return true;
    }
    return false;
}

void mir_reading_drop_queue(struct mir_reading *r)
{
    for (size_t i = 0; i < r->n_queued; i++)
        mir_question_destroy(r->queue[i]);
    r->n_queued = 0;
}

void mir_reading_renew(struct mir_reading *r)
{
    r->retiring = r->process.pid != 0;
}

/* ---- the child */

struct reader_start {
    const struct mir_service *service;
    pid_t parent;
};

/* In the child.  Its stderr is ours to log. */
static int run_reader(int fd, void *arg)
{
    const struct reader_start *start = arg;
    const struct mir_broker_settings *settings = start->service->settings;
    struct mir_error err = {{0}};
    int rc;

    /* A daemon that was made to run as root is still read for without a capability. */
    if (settings->daemon_uid == 0)
        rc = mir_child_confine(false, &err);
    else
        rc = mir_become_system_user(settings->daemon_uid, settings->daemon_gid, &err);
    if (rc != 0) {
        dprintf(STDERR_FILENO, "become the daemon's user: %s\n", err.text);
        return 1;
    }
    /*
     * After the change of uid, which clears it.  A parent without CAP_KILL may
     * not send it to another uid: then the socket's end ends the reader.
     */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != start->parent)
        return 1;
    return start->service->ops.reader(fd, settings);
}

static void say_end(struct mir_reading *r, const char *text)
{
    r->end.len = 0;
    mir_str_add(&r->end, text);
}

static void start_child(struct mir_reading *r, struct mir_service *s)
{
    struct reader_start start = {.service = s, .parent = getpid()};
    struct mir_error err = {{0}};

    if (mir_process_start(&r->process, s->settings->daemon_uid, 0, run_reader, &start, &err) == 0)
        return;
    say_end(r, err.text);
    mir_service_log(s, MIR_BROKER_ERROR, "%s: %s", r->name, err.text);
    r->restart_ns = s->mono_ns + r->backoff_s * second_ns;
    r->backoff_s = r->backoff_s * 2 < BACKOFF_MAX_S ? r->backoff_s * 2 : BACKOFF_MAX_S;
}

struct words {
    struct mir_service *service;
    const char *name;
};

static void log_words(void *arg, const char *line)
{
    const struct words *w = arg;

    mir_service_log(w->service, MIR_BROKER_WARNING, "%s: %s", w->name, line);
}

static void fail(struct mir_reading *r, struct mir_service *s, struct mir_question *q)
{
    struct mir_str text = {0};
    int64_t ms = q == r->current ? (s->mono_ns - r->asked_ns) / 1000000 : 0;

    mir_str_addf(&text, "no reader: the last one %s", r->end.len > 0 ? r->end.text : "is starting");
    mir_service_fail(s, q, MIR_OUTCOME_UNAVAILABLE, MIR_REFUSAL_NONE, text.text, ms);
    mir_str_release(&text);
    mir_question_destroy(q);
}

/* All that wait have waited for a child that is no more. */
static void fail_all(struct mir_reading *r, struct mir_service *s)
{
    struct mir_question *q = r->current;

    if (q != NULL)
        fail(r, s, q);
    r->current = NULL;
    for (size_t i = 0; i < r->n_queued; i++)
        fail(r, s, r->queue[i]);
    r->n_queued = 0;
}

static void bury_child(struct mir_reading *r, struct mir_service *s)
{
    r->to_child.len = r->to_child_begin = 0;
    r->deadline_ns = INT64_MAX;
    if (r->retiring && r->current == NULL) {
        r->retiring = false;
        r->restart_ns = s->mono_ns;
        mir_process_release(&r->process);
        return; /* what waits is for the next one */
    }
    r->end.len = 0;
    mir_process_describe(&r->process, &r->end);
    mir_service_log(s, MIR_BROKER_ERROR, "%s: %s; the next in %d s", r->name, r->end.text,
                    r->backoff_s);
    fail_all(r, s);
    mir_process_release(&r->process);
    r->retiring = false;
    r->restart_ns = s->mono_ns + r->backoff_s * second_ns;
    r->backoff_s = r->backoff_s * 2 < BACKOFF_MAX_S ? r->backoff_s * 2 : BACKOFF_MAX_S;
}

/* ---- a question */

static void take_next(struct mir_reading *r, struct mir_service *s)
{
    struct mir_question *q = r->queue[0];

    r->n_queued--;
    memmove(r->queue, r->queue + 1, r->n_queued * sizeof(struct mir_question *));
    /* Written anew from what was understood, so that both of us read the same. */
    r->to_child.len = r->to_child_begin = 0;
    mir_wire_begin(&r->to_child, q->record.verb);
    for (size_t i = 0; i < q->record.n_fields; i++) {
        const struct mir_wire_field *f = &q->record.fields[i];

        mir_wire_add_n(&r->to_child, f->key, f->value, f->len);
    }
    mir_wire_end(&r->to_child);
    r->current = q;
    r->asked_ns = s->mono_ns;
    r->deadline_ns = s->mono_ns + mir_service_deadline_s(s) * second_ns;
}

/* A child that does not listen any more is ended by its deadline, or reaped before. */
static void feed_child(struct mir_reading *r)
{
    while (r->process.fd >= 0 && r->to_child_begin < r->to_child.len) {
        ssize_t n = send(r->process.fd, r->to_child.text + r->to_child_begin,
                         r->to_child.len - r->to_child_begin, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN)
            return;
        if (n > 0)
            r->to_child_begin += (size_t)n;
        else if (errno != EINTR)
            r->to_child.len = r->to_child_begin = 0;
    }
}

void mir_reading_ask(struct mir_reading *r, struct mir_service *s, struct mir_question *q)
{
    if (s->stopping) {
        mir_service_fail(s, q, MIR_OUTCOME_UNAVAILABLE, MIR_REFUSAL_NONE, "the broker is stopping",
                         0);
        mir_question_destroy(q);
    } else if (r->process.pid == 0 && r->end.len > 0) {
        fail(r, s, q);
    } else if (r->n_queued == MIR_READINGS_MAX) {
        mir_service_fail(s, q, MIR_OUTCOME_UNAVAILABLE, MIR_REFUSAL_NONE, "too many questions wait",
                         0);
        mir_question_destroy(q);
    } else {
        r->queue[r->n_queued++] = q;
        if (r->restart_ns == INT64_MAX)
            r->restart_ns = s->mono_ns; /* the first question */
    }
}

/* ---- an answer */

static bool is_one_of(const char *verb, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(verb, *list) == 0)
            return true;
    }
    return false;
}

static bool is_closing(const char *verb)
{
    static const char *const closing[] = {"done", "unchanged", "failed", NULL};

    return is_one_of(verb, closing);
}

static bool is_known(const char *verb)
{
    static const char *const known[] = {"job", "cluster", "partition", "reservation", "past", NULL};

    return is_closing(verb) || is_one_of(verb, known);
}

static void finish(struct mir_reading *r)
{
    mir_question_destroy(r->current);
    r->current = NULL;
    r->deadline_ns = INT64_MAX;
    r->backoff_s = 1; /* a child that answers is a good one */
}

static void learn(struct mir_service *s, const struct mir_wire_record *record)
{
    int64_t timeout_s;

    if (mir_wire_get_i64(record, "message_timeout_s", 1, 86400, &timeout_s, NULL) == 0)
        s->message_timeout_s = (int)timeout_s;
}

/* Relay a line, or say what is wrong with it. */
static const char *take_line(struct mir_reading *r, struct mir_service *s, char *line, size_t len)
{
    struct mir_wire_record record;
    int64_t ticket;

    r->line.len = 0;
    mir_str_add_n(&r->line, line, len); /* parsing takes the line apart */
    mir_str_add_n(&r->line, "\n", 1);
    if (mir_wire_parse(line, len, &record, NULL) != 0 || !is_known(record.verb))
        return "says what is no record";
    if (mir_wire_get_i64(&record, "ticket", 1, INT64_MAX, &ticket, NULL) != 0)
        return "gives a record without ticket";
    if (r->current == NULL || (uint64_t)ticket != r->current->ticket)
        return "answers what was not asked";
    mir_peer_send(&s->peer, r->current->connection, r->line.text, r->line.len, s->mono_ns);
    if (strcmp(record.verb, "cluster") == 0)
        learn(s, &record);
    if (is_closing(record.verb))
        finish(r);
    return NULL;
}

static void end_broken(struct mir_reading *r, const char *why)
{
    mir_process_kill(&r->process, why);
    close(r->process.fd);
    r->process.fd = -1;
}

/* False: nothing more to read now. */
static bool hear_some(struct mir_reading *r, struct mir_service *s)
{
    const char *wrong = NULL;
    char *line;
    size_t len;
    int rc = mir_wire_read(&r->process.in, r->process.fd);

    if (rc == -EAGAIN || rc == -EINTR)
        return false;
    while (wrong == NULL && rc > 0 && mir_wire_next_line(&r->process.in, &line, &len))
        wrong = take_line(r, s, line, len);
    if (rc == -EMSGSIZE)
        wrong = "sends a line without end";
    if (wrong != NULL) {
        end_broken(r, wrong);
    } else if (rc <= 0) { /* it is going, or has hung up on us and must go */
        close(r->process.fd);
        r->process.fd = -1;
        r->deadline_ns = s->mono_ns + second_ns;
    }
    return r->process.fd >= 0;
}

static bool is_congested(const struct mir_service *s)
{
    return mir_peer_pending(&s->peer) > MIR_PEER_OUT_HIGH;
}

static void check_deadline(struct mir_reading *r, struct mir_service *s)
{
    char why[64];

    if (r->deadline_ns == INT64_MAX || r->process.killed_for[0] != '\0')
        return;
    if (is_congested(s)) {
        /* The daemon keeps it waiting, not the other way round. */
        r->deadline_ns = s->mono_ns + mir_service_deadline_s(s) * second_ns;
    } else if (s->mono_ns >= r->deadline_ns) {
        snprintf(why, sizeof(why), "no answer within %d s", mir_service_deadline_s(s));
        mir_process_kill(&r->process, why);
    }
}

static void hear(struct mir_reading *r, struct mir_service *s, bool ended)
{
    struct words words = {.service = s, .name = r->name};

    /* Of one that has ended, the rest is at most what the socket holds. */
    for (int i = 0; r->process.fd >= 0 && (ended || i < READS_A_LOOK); i++) {
        if (!ended && is_congested(s))
            break;
        if (!hear_some(r, s))
            break;
    }
    mir_process_listen(&r->process, log_words, &words, s->mono_ns);
}

/* It sees the end of its questions and goes. */
static void retire(struct mir_reading *r, const struct mir_service *s)
{
    (void)shutdown(r->process.fd, SHUT_WR);
    if (r->deadline_ns == INT64_MAX)
        r->deadline_ns = s->mono_ns + mir_service_deadline_s(s) * second_ns;
}

void mir_reading_serve(struct mir_reading *r, struct mir_service *s)
{
    bool had = r->process.pid != 0;
    bool ended = mir_process_reap(&r->process);

    if (had) {
        hear(r, s, ended);
        check_deadline(r, s);
    }
    if (ended)
        bury_child(r, s);
    if (r->process.pid == 0 && !s->stopping && s->mono_ns >= r->restart_ns)
        start_child(r, s);
    if (r->process.pid == 0 || r->current != NULL || r->process.fd < 0) {
        feed_child(r);
    } else if (r->retiring) {
        retire(r, s);
    } else if (r->n_queued > 0) {
        take_next(r, s);
        feed_child(r);
    }
}

int64_t mir_reading_next_ns(const struct mir_reading *r, const struct mir_service *s)
{
    if (r->process.pid == 0)
        return s->stopping ? INT64_MAX : r->restart_ns;
    return r->process.killed_for[0] != '\0' ? INT64_MAX : r->deadline_ns;
}

short mir_reading_events(const struct mir_reading *r, const struct mir_service *s)
{
    short events = is_congested(s) ? 0 : POLLIN;

    if (r->to_child_begin < r->to_child.len)
        events |= POLLOUT;
    return events;
}

void mir_reading_release(struct mir_reading *r)
{
    mir_process_kill(&r->process, "the broker ends");
    mir_process_release(&r->process);
    mir_reading_drop_queue(r);
    mir_question_destroy(r->current);
    mir_str_release(&r->to_child);
    mir_str_release(&r->line);
    mir_str_release(&r->end);
    *r = (struct mir_reading){0};
    mir_process_init(&r->process);
}
