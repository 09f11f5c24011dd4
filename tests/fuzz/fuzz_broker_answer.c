/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_broker_answer.c - whatever the broker says: no crash, one event a question, values in range. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/host/live.h"
#include "daemon/slurm/decode.h"
#include "daemon/slurm/slurm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A question of each kind, and a second of those that act. */
enum { N_TICKETS = 10 };

struct told {
    unsigned n[N_TICKETS + 1];
    bool up;
};

static void check(bool is_so)
{
    if (!is_so)
        abort();
}

static void check_job(const struct mir_live_job *job)
{
    check(job->id >= 1 && job->id <= MIR_SLURM_JOB_ID_MAX && job->n_tasks >= 1);
    check(job->limit_s >= 0 && job->state <= MIR_STATE_OTHER);
    check(job->start_at >= 0 && job->start_at <= MIR_SLURM_TIME_MAX);
    check(strlen(job->user) + strlen(job->account) + strlen(job->partition) + strlen(job->qos) +
              strlen(job->name) + strlen(job->comment) + strlen(job->reason) +
              strlen(job->reservation) <
          SIZE_MAX);
}

static void check_list(const struct mir_live_jobs *list)
{
    for (size_t i = 0; i < list->n_jobs; i++) {
        check_job(&list->jobs[i]);
        check(i == 0 || list->jobs[i - 1].id < list->jobs[i].id);
    }
}

static void check_past(const struct mir_live_event *e)
{
    for (size_t i = 0; i < e->n_past; i++) {
        check(strlen(e->past[i].user) + strlen(e->past[i].comment) < SIZE_MAX);
        check(strlen(e->past[i].name) < SIZE_MAX);
        check(i == 0 || e->past[i - 1].start_at <= e->past[i].start_at);
    }
}

static void check_cluster(const struct mir_live_cluster *c)
{
    check(memchr(c->name, 0, sizeof c->name) != NULL);
    check(c->n_sets <= MIR_LIVE_SETS_MAX && c->calc_period_s >= 0);
    for (size_t i = 0; i < c->n_partitions; i++)
        check(memchr(c->partitions[i].name, 0, sizeof c->partitions[i].name) != NULL);
    for (size_t i = 0; i < c->n_reservations; i++)
        check(c->reservations[i].end_at >= 0);
}

static void on_event(void *arg, const struct mir_live_event *e)
{
    struct told *told = arg;

    check(e->ticket <= N_TICKETS && e->text != NULL && e->workdir != NULL);
    told->n[e->ticket]++;
    told->up = e->kind == MIR_LIVE_UP || (told->up && e->kind != MIR_LIVE_DOWN);
    if (e->jobs != NULL)
        check_list(e->jobs);
    if (e->job != NULL)
        check_job(e->job);
    if (e->cluster != NULL)
        check_cluster(e->cluster);
    check_past(e);
    if (e->kind == MIR_LIVE_SUBMITTED && e->outcome == MIR_OUTCOME_DONE)
        check(e->submitted_id >= 1);
}

static void ask_all(struct mir_live *l)
{
    const struct mir_job_identity job = {.id = 12, .uid = 1000};
    const struct mir_submission submission = {.predecessor = job};
    int rc = 0;

    rc |= l->ops->read_jobs(l, 1, false, NULL);
    rc |= l->ops->read_job(l, 2, 12, NULL);
    rc |= l->ops->read_cluster(l, 3, NULL);
    rc |= l->ops->read_history(l, 4, 0, 100, NULL);
    rc |= l->ops->find(l, 5, 1000, "t", 0, NULL);
    rc |= l->ops->capture(l, 6, &job, NULL, NULL);
    rc |= l->ops->submit(l, 7, &submission, NULL);
    rc |= l->ops->cancel(l, 8, &job, NULL);
    rc |= l->ops->submit(l, 9, &submission, NULL);
    rc |= l->ops->read_jobs(l, 10, true, NULL);
    check(rc == 0);
}

/* In pieces whose sizes come from the input, as much as the socket takes. */
static void say(struct mir_slurm *s, int broker, const uint8_t *data, size_t size)
{
    uint32_t piece = size > 0 ? data[0] : 0;

    for (size_t i = 0; i < size && mir_slurm_fd(s) >= 0;) {
        size_t n;
        ssize_t sent;

        piece = piece * 1664525 + 1013904223;
        n = 1 + (piece >> 22);
        if (n > size - i)
            n = size - i;
        sent = send(broker, data + i, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0)
            return;
        i += (size_t)sent;
        mir_slurm_serve(s, 1);
    }
}

/* The first byte says whether the greeting is part of the input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t hello[] = "hello version=1\n";
    struct told told = {.up = false};
    struct mir_slurm *s = NULL;
    int pair[2];

    if (size == 0)
        return 0;
    check(mir_slurm_create("/nonexistent", 30, on_event, &told, &s, NULL) == 0);
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    check(mir_slurm_attach(s, pair[0]) == 0);
    if (data[0] != 'G') {
        say(s, pair[1], hello, sizeof hello - 1);
        check(told.up);
        ask_all(mir_slurm_live(s));
    }
    say(s, pair[1], data + 1, size - 1);
    if (data[0] == 'G' && told.up)
        ask_all(mir_slurm_live(s));
    close(pair[1]);
    mir_slurm_serve(s, 2);
    check(mir_slurm_fd(s) == -1 && !told.up);
    for (int i = 1; i <= N_TICKETS; i++)
        check(told.n[i] == told.n[1] && told.n[i] <= 1);
    mir_slurm_destroy(s);
    return 0;
}
