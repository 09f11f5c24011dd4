/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew.c - see crew.h. */
#include "traces/replay/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"

/* What the threads share. */
struct board {
    const struct mir_crew *crew;
    atomic_uint next;
    atomic_bool stop;
};

struct hand {
    struct board *board;
    pthread_t thread;
    void *worker; /* NULL: this hand never worked */
    int64_t cpu_ns;
    int rc;
    uint32_t failed_at;
    struct mir_error err;
};

static void *work(void *arg)
{
    struct hand *h = arg;
    struct board *board = h->board;
    const struct mir_crew *crew = board->crew;
    int64_t began_ns = mir_clock_cpu_ns();

    h->worker = crew->create(crew->context);
    while (!atomic_load(&board->stop)) {
        uint32_t task = atomic_fetch_add(&board->next, 1);

        if (task >= crew->n_tasks)
            break;
        h->rc = crew->run(h->worker, task, &h->err);
        if (h->rc != 0) {
            h->failed_at = task;
            atomic_store(&board->stop, true);
            break;
        }
        if (crew->progress != NULL)
            mir_progress_add(crew->progress, 1);
    }
    h->cpu_ns = mir_clock_cpu_ns() - began_ns;
    return NULL;
}

/* The caller is the first hand; where no thread can be had, fewer do the work. */
static void work_all(struct hand *hands, uint32_t n)
{
    bool *started = MIR_NEW_ARRAY(bool, n);

    for (uint32_t i = 1; i < n; i++)
        started[i] = pthread_create(&hands[i].thread, NULL, work, &hands[i]) == 0;
    work(&hands[0]);
    for (uint32_t i = 1; i < n; i++) {
        if (started[i])
            pthread_join(hands[i].thread, NULL);
    }
    free(started);
}

/* Ends the workers, too.  Of several failures, the first task's is told. */
static int gather(const struct mir_crew *crew,
                  const struct hand *hands,
                  uint32_t n,
                  double *cpu_s,
                  struct mir_error *err)
{
    const struct hand *failed = NULL;

    for (uint32_t i = 0; i < n; i++) {
        if (hands[i].worker != NULL)
            crew->end(hands[i].worker, crew->context);
        *cpu_s += (double)hands[i].cpu_ns * 1e-9;
        if (hands[i].rc != 0 && (failed == NULL || hands[i].failed_at < failed->failed_at))
            failed = &hands[i];
    }
    if (failed == NULL)
        return 0;
    return mir_error_set(err, failed->rc, "%s", failed->err.text);
}

int mir_crew_work(const struct mir_crew *crew, double *cpu_s, struct mir_error *err)
{
    struct board board = {.crew = crew};
    uint32_t n = crew->n_threads < crew->n_tasks ? crew->n_threads : crew->n_tasks;
    struct hand *hands = MIR_NEW_ARRAY(struct hand, n);
    int rc;

    atomic_init(&board.next, 0);
    atomic_init(&board.stop, false);
    for (uint32_t i = 0; i < n; i++)
        hands[i].board = &board;
    work_all(hands, n);
    rc = gather(crew, hands, n, cpu_s, err);
    free(hands);
    return rc;
}
