/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fit_run.c - what all fits share. */
#include "models/train/fit_run.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"

/* ---- Are the data sound? */

static int check_row(const struct mir_fit_data *d, size_t row, struct mir_error *err)
{
    const float *x = d->x + row * d->n_features;

    if (!(fabsf(d->y[row]) <= MIR_FIT_MAX_Y))
        return mir_error_set(err, -EINVAL, "row %zu: y is %g", row, (double)d->y[row]);
    for (uint32_t i = 0; i < d->n_features; i++)
        if (fabsf(x[i]) > MIR_FIT_MAX_X) /* false for NaN */
            return mir_error_set(err, -EINVAL, "row %zu: feature %" PRIu32 " is %g", row, i,
                                 (double)x[i]);
    return 0;
}

int mir_fit_check(const struct mir_fit_data *d, struct mir_error *err)
{
    int rc = 0;

    if (d->n_features < 1 || d->n_features > MIR_TREE_LEAF)
        return mir_error_set(err, -EINVAL, "%" PRIu32 " features, not 1 to %d", d->n_features,
                             MIR_TREE_LEAF);
    if (d->n_rows > INT32_MAX)
        return mir_error_set(err, -EINVAL, "%zu rows are too many", d->n_rows);
    if (d->n_rows < MIR_FIT_MIN_ROWS)
        return mir_error_set(err, -ENODATA, "%zu rows, at least %d are needed", d->n_rows,
                             MIR_FIT_MIN_ROWS);
    for (size_t row = 0; row < d->n_rows && rc == 0; row++)
        rc = check_row(d, row, err);
    return rc;
}

int mir_fit_check_q(const struct mir_fit_data *data,
                    const float *levels,
                    uint32_t n_levels,
                    struct mir_error *err)
{
    if (n_levels < 1 || n_levels > MIR_TREES_MAX_OUTPUTS)
        return mir_error_set(err, -EINVAL, "%" PRIu32 " levels, not 1 to %d", n_levels,
                             MIR_TREES_MAX_OUTPUTS);
    for (uint32_t i = 0; i < n_levels; i++)
        if (!(levels[i] > 0 && levels[i] < 1))
            return mir_error_set(err, -EINVAL, "level %g is not between 0 and 1",
                                 (double)levels[i]);
    return mir_fit_check(data, err);
}

/* ---- Tasks */

struct mir_fit_run {
    const struct mir_fit_options *options;
    mir_fit_task_f task;
    void *fit;
    uint32_t n_tasks;

    pthread_mutex_t lock; /* of the rest */
    uint32_t next;
    double done;
    int rc; /* of the first failure: no more work */
    struct mir_error err;
};

/* The next task, or n_tasks. */
static uint32_t take(struct mir_fit_run *run)
{
    uint32_t task;

    pthread_mutex_lock(&run->lock);
    task = run->rc == 0 && run->next < run->n_tasks ? run->next++ : run->n_tasks;
    pthread_mutex_unlock(&run->lock);
    return task;
}

static void give_up(struct mir_fit_run *run, int rc, const struct mir_error *err)
{
    pthread_mutex_lock(&run->lock);
    if (run->rc == 0) {
        run->rc = rc;
        run->err = *err;
    }
    pthread_mutex_unlock(&run->lock);
}

static void *work(void *argument)
{
    struct mir_fit_run *run = argument;
    uint32_t task;

    while ((task = take(run)) < run->n_tasks) {
        struct mir_error err = {{0}};
        int rc = run->task(run, run->fit, task, &err);

        if (rc != 0)
            give_up(run, rc, &err);
    }
    return NULL;
}

int mir_fit_run_step(struct mir_fit_run *run, double share, struct mir_error *err)
{
    const struct mir_fit_options *o = run->options;
    bool stop;

    pthread_mutex_lock(&run->lock);
    run->done += share;
    stop = run->rc != 0 || (o->progress != NULL && o->progress(o->context, fmin(run->done, 1)));
    pthread_mutex_unlock(&run->lock);
    return stop ? mir_error_set(err, -ECANCELED, "stopped") : 0;
}

int mir_fit_run_tasks(const struct mir_fit_options *options,
                      mir_fit_task_f task,
                      void *fit,
                      uint32_t n_tasks,
                      struct mir_error *err)
{
    struct mir_fit_run run = {
        .options = options,
        .task = task,
        .fit = fit,
        .n_tasks = n_tasks,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    uint32_t wanted = options->n_threads < n_tasks ? options->n_threads : n_tasks;
    pthread_t *threads = MIR_NEW_ARRAY(pthread_t, wanted);
    uint32_t n = 0;

    while (n + 1 < wanted && pthread_create(&threads[n], NULL, work, &run) == 0)
        n++;
    work(&run); /* this thread is one of them */
    for (uint32_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    pthread_mutex_destroy(&run.lock);
    return run.rc != 0 ? mir_error_set(err, run.rc, "%s", run.err.text) : 0;
}

uint64_t mir_fit_seed(uint64_t seed, uint32_t task)
{
    struct mir_rng rng;

    mir_rng_init_stream(&rng, seed, task);
    return mir_rng_u64(&rng);
}

uint32_t mir_fit_number(uint32_t option, uint32_t own)
{
    return option > 0 ? option : own;
}

/* ---- Means, gains */

double mir_fit_mean(const struct mir_fit_data *d)
{
    double sum = 0;

    for (size_t i = 0; i < d->n_rows; i++)
        sum += (double)d->y[i];
    return sum / (double)d->n_rows;
}

void mir_fit_squared_error(const struct mir_fit_data *d,
                           double mean,
                           float *gradient,
                           float *hessian)
{
    for (size_t i = 0; i < d->n_rows; i++) {
        gradient[i] = (float)(mean - (double)d->y[i]);
        hessian[i] = 1;
    }
}

void mir_fit_share_gain(const double *gains, uint32_t n_parts, uint32_t n_features, float *out)
{
    double *sums = MIR_NEW_ARRAY(double, n_features);
    double total = 0;

    for (size_t i = 0; i < (size_t)n_parts * n_features; i++) {
        sums[i % n_features] += gains[i];
        total += gains[i];
    }
    for (uint32_t i = 0; i < n_features && out != NULL; i++)
        out[i] = total > 0 ? (float)(sums[i] / total) : 0;
    free(sums);
}

/* ---- Rows in the order of what they are trained for */

struct ranked {
    float y;
    uint32_t censored;
    uint32_t row;
};

static int by_y(const void *a, const void *b)
{
    const struct ranked *p = a, *q = b;

    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    if (p->censored != q->censored)
        return p->censored < q->censored ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

uint32_t *mir_fit_order(const struct mir_fit_data *d)
{
    struct ranked *ranked = MIR_NEW_ARRAY(struct ranked, d->n_rows);
    uint32_t *rows = MIR_NEW_ARRAY(uint32_t, d->n_rows);

    for (uint32_t i = 0; i < d->n_rows; i++)
        ranked[i] = (struct ranked){d->y[i], d->censored != NULL && d->censored[i], i};
    qsort(ranked, d->n_rows, sizeof(*ranked), by_y);
    for (uint32_t i = 0; i < d->n_rows; i++)
        rows[i] = ranked[i].row;
    free(ranked);
    return rows;
}

static float quantile(const struct mir_fit_data *d, const uint32_t *rows, size_t n, double level)
{
    /* A level is a float: 0.1F is a little more than a tenth, and 1 of 10 rows is enough for it. */
    double least = 1 - level + 1e-6;
    double above = 1; /* the share that waits longer, as far as rows were seen */

    for (size_t i = 0; i < n; i++) {
        if (d->censored != NULL && d->censored[rows[i]])
            continue;
        above *= (double)(n - i - 1) / (double)(n - i);
        if (above <= least)
            return d->y[rows[i]];
    }
    return d->y[rows[n - 1]];
}

void mir_fit_quantiles(const struct mir_fit_data *d,
                       const uint32_t *rows,
                       size_t n,
                       const float *levels,
                       uint32_t n_levels,
                       float *out)
{
    for (uint32_t k = 0; k < n_levels; k++)
        out[k] = quantile(d, rows, n, (double)levels[k]);
}
