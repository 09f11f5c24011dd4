/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lessons.c - see lessons.h. */
#include "models/lookahead/lessons.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/host/runs.h"

static const double S_PER_H = 3600;

/* The step of a look; its jobs have part of it each (README.md). */
static const double gamma_of_look = 0.005;

/* Trust is lost above, and found again below. */
static const double too_many = 0.5, few_again = 0.35;

/* A forecast whose truth is not known yet. */
struct open {
    uint64_t key;
    int64_t at;
    unsigned class;
    double gamma;
    double quantiles_h[MIR_N_WAIT_LEVELS_TRAINED];
};

/* A look that has taught. */
struct look {
    int64_t at;
    uint32_t n, n_outside; /* starts that are known */
};

struct mir_lesson_book {
    struct open *open; /* by time */
    size_t n_open, cap_open;
    int64_t looked_at;
    struct look looks[MIR_TRUST_LOOKS]; /* by time */
    uint32_t n_looks;
    struct mir_lessons lessons;
};

void mir_lessons_init(struct mir_lessons *l)
{
    *l = (struct mir_lessons){.trust = {.lost = false}};
    mir_calibration_init(&l->calibration, gamma_of_look);
}

void mir_trust_text(const struct mir_lookahead_trust *t, char text[MIR_TRUST_TEXT])
{
    snprintf(text, MIR_TRUST_TEXT, "lookahead: %.0f %% outside its 90 %% band", 100 * t->outside);
}

unsigned mir_lesson_class(int32_t limit_s)
{
    return mir_calibration_class(1, limit_s);
}

struct mir_lesson_book *mir_lesson_book_create(void)
{
    struct mir_lesson_book *book = MIR_NEW(struct mir_lesson_book);

    book->looked_at = INT64_MIN;
    mir_lessons_init(&book->lessons);
    return book;
}

void mir_lesson_book_destroy(struct mir_lesson_book *book)
{
    if (book == NULL)
        return;
    free(book->open);
    free(book);
}

/* ---- forecasts */

static bool is_task(const struct mir_snapshot *queue, size_t i)
{
    const struct mir_pending_job *p = queue->pending;

    return (i > 0 && p[i - 1].id == p[i].id) ||
           (i + 1 < queue->n_pending && p[i + 1].id == p[i].id);
}

static bool
is_wanted(const struct mir_lesson_book *book, const struct mir_snapshot *queue, size_t i)
{
    const struct mir_pending_job *job = &queue->pending[i];

    return job->submit_at > book->looked_at && job->submit_at > queue->now - MIR_LESSON_LOOK_S &&
           job->eligible_at <= queue->now && job->chained == 0 && !is_task(queue, i);
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double wait_h(int64_t from_at, int64_t start_at)
{
    return fmin(mir_between_s(from_at, start_at), MIR_LESSON_HORIZON_S) / S_PER_H;
}

/*
 * Of n draws the k-th is the k / (n + 1) quantile (Weibull's position): a truth of the same
 * distribution is below it so often, however few the draws.
 */
static double quantile_h(const int64_t *sorted, uint32_t n, int64_t now, double level)
{
    double place = fmin(fmax(level * (n + 1.0) - 1, 0), n - 1.0);
    uint32_t low = (uint32_t)place, high = low + 1 < n ? low + 1 : low;
    double low_h = wait_h(now, sorted[low]);

    return low_h + (place - low) * (wait_h(now, sorted[high]) - low_h);
}

static void drop(struct mir_lesson_book *book, size_t i)
{
    book->n_open--;
    memmove(book->open + i, book->open + i + 1, (book->n_open - i) * sizeof(*book->open));
}

void mir_lesson_book_foretell(struct mir_lesson_book *book,
                              const struct mir_pending_job *job,
                              int64_t now,
                              size_t n_alike,
                              int64_t *start_at,
                              uint32_t n)
{
    struct open *o;

    if (n == 0)
        return;
    if (book->n_open == MIR_LESSON_OPEN_MAX)
        drop(book, 0);
    qsort(start_at, n, sizeof(*start_at), by_time);
    book->open = mir_grow(book->open, &book->cap_open, book->n_open + 1, sizeof(*book->open));
    o = &book->open[book->n_open++];
    o->key = mir_run_key(job->id, job->submit_at);
    o->at = now;
    o->class = mir_lesson_class(job->limit_s);
    o->gamma = gamma_of_look / (double)n_alike;
    for (unsigned i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++)
        o->quantiles_h[i] = quantile_h(start_at, n, now, (double)mir_wait_levels[i]);
}

/* ---- what came of them */

/* Of the look `at`; NULL: too long ago.  Its first start makes room for it. */
static struct look *look_of(struct mir_lesson_book *book, int64_t at)
{
    struct look *looks = book->looks;
    uint32_t i = book->n_looks;

    while (i > 0 && looks[i - 1].at > at)
        i--;
    if (i > 0 && looks[i - 1].at == at)
        return &looks[i - 1];
    if (book->n_looks == MIR_TRUST_LOOKS) {
        if (i == 0)
            return NULL;
        memmove(looks, looks + 1, --i * sizeof(*looks));
    } else {
        memmove(looks + i + 1, looks + i, (book->n_looks++ - i) * sizeof(*looks));
    }
    looks[i] = (struct look){.at = at};
    return &looks[i];
}

static void weigh_trust(struct mir_lesson_book *book)
{
    struct mir_lookahead_trust *t = &book->lessons.trust;
    double sum = 0;

    t->n_looks = book->n_looks;
    t->n_starts = 0;
    for (uint32_t i = 0; i < book->n_looks; i++) {
        sum += (double)book->looks[i].n_outside / book->looks[i].n;
        t->n_starts += book->looks[i].n;
    }
    t->outside = sum / book->n_looks;
    if (t->n_looks >= MIR_TRUST_LOOKS_LEAST)
        t->lost = t->outside > (t->lost ? few_again : too_many);
}

/* To the scheduler's next pass. */
static bool is_outside(const struct open *o, double h)
{
    double low_h = o->quantiles_h[0], high_h = o->quantiles_h[MIR_N_WAIT_LEVELS_TRAINED - 1];

    return h < low_h - MIR_CALIBRATION_AT_ONCE_H || h > high_h + MIR_CALIBRATION_AT_ONCE_H;
}

static void count(struct mir_lesson_book *book, const struct open *o, double h)
{
    struct look *look;

    if (fmax(h, o->quantiles_h[MIR_N_WAIT_LEVELS_TRAINED - 1]) <= MIR_CALIBRATION_AT_ONCE_H)
        return;
    look = look_of(book, o->at);
    if (look == NULL)
        return;
    look->n++;
    look->n_outside += is_outside(o, h);
    weigh_trust(book);
}

static void teach(struct mir_lesson_book *book, size_t i, int64_t start_at)
{
    const struct open *o = &book->open[i];
    double h = wait_h(o->at, start_at);

    book->lessons.calibration.gamma = o->gamma;
    mir_calibration_learn(&book->lessons.calibration, o->class, o->quantiles_h, h);
    count(book, o, h);
    drop(book, i);
}

static bool find(const struct mir_lesson_book *book, uint64_t key, size_t *i)
{
    for (*i = book->n_open; (*i)-- > 0;)
        if (book->open[*i].key == key)
            return true;
    return false;
}

void mir_lesson_book_start(struct mir_lesson_book *book, uint64_t key, int64_t start_at)
{
    size_t i;

    if (find(book, key, &i))
        teach(book, i, start_at);
}

static bool waits(const struct mir_snapshot *queue, uint64_t key)
{
    for (size_t i = 0; i < queue->n_pending; i++)
        if (mir_run_key(queue->pending[i].id, queue->pending[i].submit_at) == key)
            return true;
    return false;
}

static void close_late(struct mir_lesson_book *book, const struct mir_snapshot *queue)
{
    while (book->n_open > 0 && mir_between_s(book->open[0].at, queue->now) > MIR_LESSON_HORIZON_S) {
        if (waits(queue, book->open[0].key))
            teach(book, 0, queue->now);
        else
            drop(book, 0);
    }
}

size_t
mir_lesson_book_look(struct mir_lesson_book *book, const struct mir_snapshot *queue, size_t *out)
{
    size_t n = 0;

    close_late(book, queue);
    for (size_t i = 0; i < queue->n_pending; i++)
        if (is_wanted(book, queue, i))
            out[n++] = i;
    book->looked_at = queue->now;
    return n;
}

const struct mir_lessons *mir_lesson_book_get(const struct mir_lesson_book *book)
{
    return &book->lessons;
}
