/* SPDX-License-Identifier: GPL-3.0-or-later */
/* labels.c - exact counterfactuals along a log. */
#include "models/train/labels.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"

/* A range of episodes, in one thread. */
struct worker {
    const struct mir_labels_options *o;
    uint32_t begin, end;
    struct mir_sim *base, *world, *scratch;
    struct mir_timeline_book book;
    struct mir_queue_outlook *outlook;
    struct mir_labels out;
    struct mir_error err;
    int rc;
    pthread_t thread;
};

/* Each round has a predecessor of every shape; UINT32_MAX: too many. */
static uint32_t rounds(const struct mir_labels_options *o)
{
    int64_t n;

    if (o->to_at <= o->from_at || o->every_s <= 0)
        return 0;
    n = (o->to_at - o->from_at - 1) / o->every_s + 1;
    return n <= MIR_LABELS_MAX_EPISODES && n * o->n_shapes <= MIR_LABELS_MAX_EPISODES ? (uint32_t)n
                                                                                      : UINT32_MAX;
}

static bool is_of_part(const struct mir_labels_options *o, uint32_t round)
{
    return o->n_parts == 0 || round % o->n_parts == o->part;
}

uint32_t mir_labels_episodes(const struct mir_labels_options *o)
{
    uint32_t n = rounds(o);

    if (n == UINT32_MAX)
        return n;
    if (o->n_parts > 0)
        n = n > o->part ? (n - o->part - 1) / o->n_parts + 1 : 0;
    return n * o->n_shapes;
}

static void copy_sim(struct mir_sim **to, const struct mir_sim *from)
{
    if (*to == NULL)
        *to = mir_sim_fork(from);
    else
        mir_sim_copy(*to, from);
}

static int probe(struct worker *w, uint32_t episode, uint16_t shape, int64_t predecessor_end_at)
{
    const struct mir_labels_options *o = w->o;
    const struct mir_request *request = &o->shapes[shape];
    struct mir_wait_case c = {request, mir_sim_request_priority(w->world, request),
                              predecessor_end_at};
    struct mir_host *host = mir_sim_host(w->world);
    struct mir_snapshot queue;
    struct mir_label *row;
    int64_t start_at;
    int rc = host->ops->observe(host, MIR_SNAPSHOT_JOBS | MIR_SNAPSHOT_HISTORY, &queue, &w->err);

    if (rc != 0)
        return rc;
    if (w->scratch == NULL)
        w->scratch = mir_sim_fork(w->world);
    w->out.rows = mir_grow(w->out.rows, &w->out.cap, w->out.n + 1, sizeof(*w->out.rows));
    row = &w->out.rows[w->out.n++];
    mir_queue_outlook_update(w->outlook, &queue, w->book.book);
    mir_wait_features(w->outlook, &c, row->features);
    start_at = mir_sim_probe(w->world, w->scratch, request, o->known_until_at);
    row->at = queue.now;
    row->episode = episode;
    row->shape = shape;
    row->left_h = (float)((double)(predecessor_end_at - queue.now) / 3600);
    row->censored = start_at > o->known_until_at;
    row->wait_h =
        (float)((double)((row->censored ? o->known_until_at : start_at) - queue.now) / 3600);
    return 0;
}

static int run_episode(struct worker *w, uint32_t episode)
{
    const struct mir_labels_options *o = w->o;
    uint16_t shape = (uint16_t)(episode % o->n_shapes);
    const struct mir_request *request = &o->shapes[shape];
    struct mir_rng rng;
    int64_t at = o->from_at + (int64_t)(episode / o->n_shapes) * o->every_s;
    int64_t start_at, end_at;
    uint64_t serial;
    int rc;

    mir_rng_init_stream(&rng, o->seed, episode);
    /* Shapes take turns within a period, so that workers only ever go forward. */
    at += (int64_t)shape * o->every_s / o->n_shapes;
    if (at >= o->known_until_at)
        return 0;
    mir_sim_advance(w->base, at);
    mir_timeline_book_advance(&w->book, at);
    copy_sim(&w->world, w->base);
    rc = mir_sim_submit(w->world, request, &serial, &w->err);
    if (rc != 0)
        return rc;
    start_at = mir_sim_advance_to_start(w->world, serial, o->known_until_at);
    if (start_at == INT64_MAX)
        return 0;
    end_at = start_at + request->limit_s;
    at = start_at + (int64_t)mir_rng_below(&rng, (uint64_t)o->probe_every_s);
    for (; at < end_at && at < o->known_until_at && rc == 0; at += o->probe_every_s) {
        mir_sim_advance(w->world, at);
        rc = probe(w, episode, shape, end_at);
    }
    return rc;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct mir_sim_options options = *w->o->sim;

    options.keep_history = true;
    options.keep_starts = false;
    w->rc = mir_sim_create(&options, &w->base, &w->err);
    if (w->rc != 0)
        return NULL;
    mir_timeline_book_init(&w->book, w->o->timeline);
    w->outlook = mir_queue_outlook_create();
    mir_queue_outlook_set_window(w->outlook, mir_cluster_window_s(options.cluster));
    for (uint32_t i = w->begin; i < w->end && w->rc == 0; i++) {
        if (!is_of_part(w->o, i / w->o->n_shapes))
            continue;
        w->rc = run_episode(w, i);
        if (w->o->progress != NULL)
            mir_progress_add(w->o->progress, 1);
    }
    mir_queue_outlook_destroy(w->outlook);
    mir_timeline_book_release(&w->book);
    mir_sim_destroy(w->scratch);
    mir_sim_destroy(w->world);
    mir_sim_destroy(w->base);
    return NULL;
}

static void join(struct mir_labels *out, const struct mir_labels *part)
{
    out->rows = mir_grow(out->rows, &out->cap, out->n + part->n, sizeof(*out->rows));
    if (part->n > 0)
        memcpy(out->rows + out->n, part->rows, part->n * sizeof(*out->rows));
    out->n += part->n;
}

static int check(const struct mir_labels_options *o, struct mir_error *err)
{
    uint32_t n = rounds(o);

    if (o->probe_every_s <= 0)
        return mir_error_set(err, -EINVAL, "no time between the submissions to try");
    if (n == 0 || o->n_shapes == 0)
        return mir_error_set(err, -EINVAL, "no predecessor fits into the time to learn from");
    if (n == UINT32_MAX || o->n_shapes > UINT16_MAX)
        return mir_error_set(err, -EINVAL, "more than %d predecessors", MIR_LABELS_MAX_EPISODES);
    for (uint32_t i = 0; i < o->n_shapes; i++)
        if (o->shapes[i].limit_s <= 0 || o->shapes[i].limit_s == MIR_UNLIMITED)
            return mir_error_set(err, -EINVAL, "a predecessor without a time limit never ends");
    return 0;
}

/* The caller is the first worker; one whose thread cannot be had is done after the others. */
static void work_all(struct worker *workers, uint32_t n)
{
    bool *started = MIR_NEW_ARRAY(bool, n);

    for (uint32_t i = 1; i < n; i++)
        started[i] = pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0;
    for (uint32_t i = 0; i < n; i++)
        if (!started[i])
            work(&workers[i]);
    for (uint32_t i = 1; i < n; i++)
        if (started[i])
            pthread_join(workers[i].thread, NULL);
    free(started);
}

int mir_labels_make(const struct mir_labels_options *o,
                    struct mir_labels *out,
                    struct mir_error *err)
{
    uint32_t n_episodes = rounds(o) * o->n_shapes;
    uint32_t n = o->n_threads > 0 ? o->n_threads : 1;
    struct worker *workers;
    int rc = check(o, err);

    if (rc != 0)
        return rc;
    workers = MIR_NEW_ARRAY(struct worker, n);
    for (uint32_t i = 0; i < n; i++) {
        workers[i].o = o;
        workers[i].begin = (uint32_t)((uint64_t)n_episodes * i / n);
        workers[i].end = (uint32_t)((uint64_t)n_episodes * (i + 1) / n);
    }
    work_all(workers, n);
    for (uint32_t i = 0; i < n; i++) {
        if (workers[i].rc != 0 && rc == 0)
            rc = mir_error_set(err, workers[i].rc, "%s", workers[i].err.text);
        if (rc == 0)
            join(out, &workers[i].out);
        free(workers[i].out.rows);
    }
    free(workers);
    out->n_episodes = n_episodes;
    return rc;
}

static int by_episode(const void *a, const void *b)
{
    const struct mir_label *x = a, *y = b;

    if (x->episode != y->episode)
        return x->episode < y->episode ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

void mir_labels_add(struct mir_labels *to, const struct mir_labels *part)
{
    join(to, part);
    if (to->n > 0)
        qsort(to->rows, to->n, sizeof(*to->rows), by_episode);
    to->n_episodes = part->n_episodes;
}

void mir_labels_release(struct mir_labels *labels)
{
    free(labels->rows);
    *labels = (struct mir_labels){0};
}
