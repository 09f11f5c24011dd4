/*
 * slurm_rig.h - a client of the broker, the broker's end of its socket, and what
 * the client told.  For tests of one thread.
 */
#ifndef MIR_TESTS_SLURM_RIG_H
#define MIR_TESTS_SLURM_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/slurm/slurm.h"

#define S INT64_C(1000000000)

enum { DEADLINE_S = 30, EVENTS_MAX = 64 };

static const char token[] = "0123456789abcdef0123456789abcdef";
static const char hello[] = "hello version=1 program=0.1.0 slurm=22.05.8\n";

/* What was told; texts are copied, the list is the client's. */
struct told {
    enum mir_live_kind kind;
    uint64_t ticket;
    enum mir_outcome outcome;
    enum mir_refusal refusal;
    char text[600];
    const struct mir_live_jobs *jobs;
    size_t n_jobs;
    bool has_job, already, more;
    uint32_t job_id, submitted_id;
    size_t n_past;
    int64_t upto;
    char cluster[64];
    size_t n_partitions, n_reservations;
};

/* The client, the broker's end of its socket, and what the client told. */
struct rig {
    struct mir_slurm *s;
    struct mir_live *l;
    int broker; /* -1: closed */
    int64_t now;
    struct told told[EVENTS_MAX];
    size_t n_told;
    uint64_t ask_on_up; /* ticket of a question asked inside the event; 0: none */
};

static inline void on_event(void *arg, const struct mir_live_event *e)
{
    struct rig *r = arg;
    struct told *t = &r->told[r->n_told++];

    assert_true(r->n_told <= EVENTS_MAX);
    assert_non_null(e->text);
    assert_non_null(e->workdir);
    *t = (struct told){.kind = e->kind,
                       .ticket = e->ticket,
                       .outcome = e->outcome,
                       .refusal = e->refusal,
                       .jobs = e->jobs,
                       .n_jobs = e->jobs != NULL ? e->jobs->n_jobs : 0,
                       .has_job = e->job != NULL,
                       .already = e->already,
                       .more = e->more,
                       .job_id = e->job != NULL ? e->job->id : 0,
                       .submitted_id = e->submitted_id,
                       .n_past = e->n_past,
                       .upto = e->upto};
    snprintf(t->text, sizeof t->text, "%s", e->text);
    if (e->cluster != NULL) {
        snprintf(t->cluster, sizeof t->cluster, "%s", e->cluster->name);
        t->n_partitions = e->cluster->n_partitions;
        t->n_reservations = e->cluster->n_reservations;
    }
    if (e->kind == MIR_LIVE_UP && r->ask_on_up != 0)
        assert_int_equal(r->l->ops->read_jobs(r->l, r->ask_on_up, true, NULL), 0);
}

static inline void attach(struct rig *r)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(mir_slurm_attach(r->s, pair[0]), 0);
    r->broker = pair[1];
}

static inline void serve(struct rig *r)
{
    mir_slurm_serve(r->s, r->now);
}

/* The broker says something; the client hears it. */
static inline void say(struct rig *r, const char *text)
{
    size_t len = strlen(text);

    assert_int_equal(send(r->broker, text, len, MSG_NOSIGNAL), (ssize_t)len);
    serve(r);
}

/* What the client has written since the last time. */
static inline const char *heard(struct rig *r)
{
    static char text[8192];
    ssize_t n;

    serve(r);
    n = recv(r->broker, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static inline void die(struct rig *r)
{
    close(r->broker);
    r->broker = -1;
    serve(r);
}

static inline const struct told *last(const struct rig *r)
{
    assert_true(r->n_told > 0);
    return &r->told[r->n_told - 1];
}

/* How often was `ticket` answered? */
static inline size_t n_answers(const struct rig *r, uint64_t ticket)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_told; i++)
        n += r->told[i].ticket == ticket;
    return n;
}

static inline const struct told *answer_to(const struct rig *r, uint64_t ticket)
{
    assert_int_equal(n_answers(r, ticket), 1);
    for (size_t i = 0; i < r->n_told; i++) {
        if (r->told[i].ticket == ticket)
            return &r->told[i];
    }
    return NULL;
}

static inline int make_rig(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->now = 1000 * S;
    r->broker = -1;
    assert_int_equal(
        mir_slurm_create("/nonexistent/broker.sock", DEADLINE_S, on_event, r, &r->s, NULL), 0);
    r->l = mir_slurm_live(r->s);
    attach(r);
    *state = r;
    return 0;
}

/* The same, greeted. */
static inline int make_rig_up(void **state)
{
    struct rig *r;

    make_rig(state);
    r = *state;
    say(r, hello);
    assert_string_equal(heard(r), "hello version=1\n");
    assert_int_equal(r->n_told, 1);
    assert_int_equal(r->told[0].kind, MIR_LIVE_UP);
    return 0;
}

static inline int remove_rig(void **state)
{
    struct rig *r = *state;

    mir_slurm_destroy(r->s);
    if (r->broker >= 0)
        close(r->broker);
    free(r);
    return 0;
}

static const struct mir_job_identity a_job = {.id = 12,
                                              .uid = 1000,
                                              .submit_at = 1700000000,
                                              .token = ""};

static inline struct mir_submission a_submission(void)
{
    struct mir_submission m = {.tag = {.chain = "abcdefgh", .link = 3}, .predecessor = a_job};

    memcpy(m.template_id, token, sizeof m.template_id);
    memcpy(m.tag.token, token, sizeof m.tag.token);
    return m;
}

static inline void ask_submit(struct rig *r, uint64_t ticket)
{
    const struct mir_submission m = a_submission();

    assert_int_equal(r->l->ops->submit(r->l, ticket, &m, NULL), 0);
}

#define NEW(f) cmocka_unit_test_setup_teardown(f, make_rig, remove_rig)
#define GREETED(f) cmocka_unit_test_setup_teardown(f, make_rig_up, remove_rig)

#endif
