/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deadline.c - how long a peer may take, in all. */
#include "daemon/http/deadline.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"

static const int64_t ns_per_s = 1000000000, ns_per_ms = 1000000;

struct mir_deadlines {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct mir_deadline ring; /* armed ones; all have the same time, so in the order of arming */
    int64_t deadline_ns;
    bool ending;
};

static void unlink_one(struct mir_deadline *one)
{
    one->prev->next = one->next;
    one->next->prev = one->prev;
    one->armed = false;
}

/* Under the lock: who disarms before closing can be sure that no reused number is shut down. */
static void shut_late_ones(struct mir_deadlines *all, int64_t now_ns)
{
    struct mir_deadline *first;

    while ((first = all->ring.next) != &all->ring && first->at_ns <= now_ns) {
        unlink_one(first);
        shutdown(first->fd, SHUT_RDWR);
    }
}

static void *watch(void *arg)
{
    struct mir_deadlines *all = arg;
    struct timespec at;

    pthread_mutex_lock(&all->lock);
    while (!all->ending) {
        shut_late_ones(all, mir_clock_mono_ns());
        if (all->ring.next == &all->ring) {
            pthread_cond_wait(&all->changed, &all->lock);
            continue;
        }
        at.tv_sec = all->ring.next->at_ns / ns_per_s;
        at.tv_nsec = (long)(all->ring.next->at_ns % ns_per_s);
        pthread_cond_timedwait(&all->changed, &all->lock, &at);
    }
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

static void deadlines_init(struct mir_deadlines *all, int deadline_ms)
{
    pthread_condattr_t attr;

    all->deadline_ns = deadline_ms * ns_per_ms;
    all->ring.next = all->ring.prev = &all->ring;
    pthread_mutex_init(&all->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&all->changed, &attr);
    pthread_condattr_destroy(&attr);
}

static void deadlines_release(struct mir_deadlines *all)
{
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

int mir_deadlines_create(int deadline_ms, struct mir_deadlines **out, struct mir_error *err)
{
    struct mir_deadlines *all = MIR_NEW(struct mir_deadlines);
    int rc;

    deadlines_init(all, deadline_ms);
    rc = pthread_create(&all->thread, NULL, watch, all);
    if (rc != 0) {
        deadlines_release(all);
        return mir_error_set(err, -rc, "http: start the deadline thread: %s", strerror(rc));
    }
    *out = all;
    return 0;
}

void mir_deadlines_destroy(struct mir_deadlines *all)
{
    if (all == NULL)
        return;
    pthread_mutex_lock(&all->lock);
    all->ending = true;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
    pthread_join(all->thread, NULL);
    deadlines_release(all);
}

void mir_deadline_arm(struct mir_deadlines *all, struct mir_deadline *one, int fd)
{
    pthread_mutex_lock(&all->lock);
    if (one->armed)
        unlink_one(one);
    one->fd = fd;
    one->at_ns = mir_clock_mono_ns() + all->deadline_ns;
    one->prev = all->ring.prev;
    one->next = &all->ring;
    one->prev->next = one;
    all->ring.prev = one;
    one->armed = true;
    /* Only the first one changes when the thread has to look. */
    if (all->ring.next == one)
        pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
}

void mir_deadline_disarm(struct mir_deadlines *all, struct mir_deadline *one)
{
    pthread_mutex_lock(&all->lock);
    if (one->armed)
        unlink_one(one);
    pthread_mutex_unlock(&all->lock);
}
