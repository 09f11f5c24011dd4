/* SPDX-License-Identifier: GPL-3.0-or-later */
/* habits.c - hazards of jobs that waited against the book's, and how alike kin run. */
#include "models/lookahead/habits.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/host/job.h"

/* As measured (README.md). */
static const double first_hazard = 0.75, first_alike = 0.6;

/* Who has waited for so long counts half. */
static const double half_wait_s = 3600;

/* Beyond these a job weighs no more: one alone is not to decide. */
static const double most_nodes = 16, most_limit_s = 48 * 3600;

/* A job that started. */
struct lesson {
    uint64_t id, kin;
    uint32_t n_nodes;
    struct mir_run_curve curve;
    int32_t limit_s;
    int64_t submit_at, start_at;
    bool ended, cut;   /* cut: by its limit, which says nothing of how long it would run */
    double hazard_sum; /* the book's, over its run; good once it has ended */
    /* So many lessons back its user and name had another that waited when it did; 0: none. */
    uint32_t kin_back;
};

struct mir_habit_book {
    struct lesson *lessons; /* by start; at most twice MIR_HABIT_MEMORY */
    size_t n, cap;
};

void mir_habits_init(struct mir_habits *h)
{
    h->waiting_hazard = first_hazard;
    h->kinship = sqrt(first_alike);
}

struct mir_habit_book *mir_habit_book_create(void)
{
    return MIR_NEW(struct mir_habit_book);
}

void mir_habit_book_destroy(struct mir_habit_book *book)
{
    if (book == NULL)
        return;
    free(book->lessons);
    free(book);
}

/* ---- What happens */

static void forget_old(struct mir_habit_book *book)
{
    size_t n_old = book->n - MIR_HABIT_MEMORY;

    memmove(book->lessons, book->lessons + n_old, MIR_HABIT_MEMORY * sizeof(*book->lessons));
    book->n = MIR_HABIT_MEMORY;
}

/* The last one that still waited when `j` was submitted. */
static uint32_t find_kin(const struct mir_habit_book *book, const struct lesson *j)
{
    for (size_t i = book->n; i-- > 0 && book->lessons[i].start_at > j->submit_at;)
        if (book->lessons[i].kin == j->kin)
            return (uint32_t)(book->n - i);
    return 0;
}

const struct mir_run_curve *mir_habit_curve(struct mir_run_book *runs,
                                            const struct mir_run_shape *shape)
{
    struct mir_run_shape waiting = *shape;

    waiting.waited_s /= 2;
    return mir_run_book_job_curve(runs, &waiting, INT64_MAX);
}

void mir_habit_book_start(struct mir_habit_book *book,
                          uint64_t id,
                          const struct mir_run_shape *shape,
                          const struct mir_run_curve *curve,
                          int64_t submit_at,
                          int64_t start_at)
{
    struct lesson j = {
        .id = id,
        .kin = (uint64_t)shape->user << 32 | shape->name,
        .curve = *curve,
        .n_nodes = shape->n_nodes,
        .limit_s = shape->limit_s,
        .submit_at = submit_at,
        .start_at = start_at,
    };

    j.curve.limit_s = INT32_MAX; /* hazards are asked for, and the limit has none */
    if (book->n == 2 * MIR_HABIT_MEMORY)
        forget_old(book);
    j.kin_back = shape->user != 0 ? find_kin(book, &j) : 0;
    book->lessons = mir_grow(book->lessons, &book->cap, book->n + 1, sizeof(*book->lessons));
    book->lessons[book->n++] = j;
}

static double hazard_until(const struct lesson *j, int64_t at)
{
    return -log(mir_run_survival(&j->curve, 0, mir_between_s(j->start_at, at)));
}

/* A job that saves itself on the signal before its limit was cut by it as well. */
static bool cut_by_limit(const struct lesson *j, double run_s)
{
    double limit_s = j->limit_s;

    return j->limit_s > 0 && j->limit_s != MIR_UNLIMITED &&
           run_s >= limit_s - fmin(60, limit_s / 20);
}

void mir_habit_book_end(struct mir_habit_book *book, uint64_t id, int64_t end_at)
{
    for (size_t i = book->n; i-- > 0;) {
        struct lesson *j = &book->lessons[i];

        if (j->id != id || j->ended)
            continue;
        j->ended = true;
        j->cut = cut_by_limit(j, mir_between_s(j->start_at, end_at));
        j->hazard_sum = hazard_until(j, end_at);
        return;
    }
}

/* ---- What it says */

/*
 * How much it matters that a future has it right: a queue shows a job the likelier the
 * longer it waits, and it can fill so many nodes for so long.
 */
static double weight_of(const struct lesson *j)
{
    double wait_s = fmax(mir_between_s(j->submit_at, j->start_at), 0);
    double limit_s = j->limit_s > 0 ? fmin(j->limit_s, most_limit_s) : most_limit_s;

    return wait_s / (wait_s + half_wait_s) * fmin(j->n_nodes, most_nodes) * limit_s / most_limit_s;
}

static size_t first_that_counts(const struct mir_habit_book *book)
{
    return book->n > MIR_HABIT_MEMORY ? book->n - MIR_HABIT_MEMORY : 0;
}

/* Ends over what the book expected of the same time at risk: the ratio of hazards. */
static void learn_hazard(const struct mir_habit_book *book, int64_t now, struct mir_habits *out)
{
    double ends = MIR_HABIT_PRIOR * first_hazard, expected = MIR_HABIT_PRIOR;

    for (size_t i = first_that_counts(book); i < book->n; i++) {
        const struct lesson *j = &book->lessons[i];
        double weight = weight_of(j);

        expected += weight * (j->ended ? j->hazard_sum : hazard_until(j, now));
        ends += j->ended && !j->cut ? weight : 0;
    }
    out->waiting_hazard = fmin(ends / expected, 4);
}

/* Where its run fell in its distribution, from -1/2 to 1/2; if cut, in the middle of the rest. */
static double place_of(const struct lesson *j, const struct mir_habits *habits)
{
    double survival = exp(-j->hazard_sum * habits->waiting_hazard);

    return 0.5 - (j->cut ? survival / 2 : survival);
}

/*
 * Two that take their kin's place with probability p each, and otherwise their own, are
 * correlated by p^2.  Those that still run are left out: they will count.
 */
static void learn_kinship(const struct mir_habit_book *book, struct mir_habits *out)
{
    double products = 0, squares = 0, n = 0, mean;

    for (size_t i = first_that_counts(book); i < book->n; i++) {
        const struct lesson *j = &book->lessons[i], *kin = j - j->kin_back;
        double x, y;

        if (j->kin_back == 0 || j->kin_back > i || !j->ended || !kin->ended)
            continue;
        x = place_of(j, out);
        y = place_of(kin, out);
        products += x * y;
        squares += (x * x + y * y) / 2;
        n++;
    }
    mean = n > 0 && squares > 0 ? squares / n : 1;
    out->kinship =
        sqrt(fmax(products / mean + MIR_HABIT_PRIOR * first_alike, 0) / (n + MIR_HABIT_PRIOR));
    out->kinship = fmin(out->kinship, 1);
}

void mir_habit_book_get(const struct mir_habit_book *book, int64_t now, struct mir_habits *out)
{
    learn_hazard(book, now, out);
    learn_kinship(book, out);
}
