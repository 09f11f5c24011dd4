/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookahead.c - as many futures as the question needs. */
#include "models/lookahead/lookahead.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "models/lookahead/chains.h"
#include "models/lookahead/draws.h"
#include "models/lookahead/explain.h"
#include "models/lookahead/foretell.h"
#include "models/lookahead/judge.h"
#include "models/lookahead/starts.h"
#include "models/lookahead/survey.h"

/* Chains that are remembered of one queue: each asks once per weight, or for status. */
enum { N_TABLES = 4 };

/* A difference of so many standard errors is one. */
static const double CLEAR = 3;

struct mir_lookahead {
    struct mir_lookahead_options options;
    struct mir_seed_bed *bed;
    struct mir_run_book *no_runs; /* empty: stands in for a book */
    struct mir_run_book *runs;
    struct mir_arrivals_book *arrivals;
    int64_t ticks_from_at;
    struct mir_reserved reserved[MIR_MAX_RESERVED];
    size_t n_reserved;
    const struct mir_snapshot *queue;
    struct mir_draws draws;
    bool is_drawn; /* the draws are of `queue` */
    struct mir_chain_plans plans;
    struct mir_start_room room;
    struct mir_survey survey;
    int64_t surveyed_at; /* INT64_MIN: never */
    struct mir_start_table tables[N_TABLES];
    uint32_t next_table;
    char refusal[64];             /* "": none */
    int64_t budget_ns;            /* of cost.cpu_ns; INT64_MAX: no limit */
    int64_t full_ns;              /* more than a budget ever leaves is not waited for */
    int64_t survey_ns, lesson_ns; /* what the last took; 0: there was none */
    struct mir_lookahead_cost cost;
    struct mir_lessons lessons;
};

void mir_lookahead_options_init(struct mir_lookahead_options *o)
{
    *o = (struct mir_lookahead_options){
        .n_futures_max = 64,
        .n_futures_min = 32,
        .seed = 1,
    };
}

/* A standard error needs two. */
static uint32_t between(uint32_t n, uint32_t low, uint32_t high)
{
    return n < low ? low : n > high ? high : n;
}

struct mir_lookahead *mir_lookahead_create(const struct mir_lookahead_options *options)
{
    struct mir_lookahead *l = MIR_NEW(struct mir_lookahead);

    l->options = *options;
    l->budget_ns = INT64_MAX;
    l->surveyed_at = INT64_MIN;
    l->options.n_futures_max = between(options->n_futures_max, 2, MIR_LOOKAHEAD_FUTURES_MAX);
    l->options.n_futures_min = between(options->n_futures_min, 2, l->options.n_futures_max);
    l->bed = mir_seed_bed_create(options->cluster, options->partition_of, options->n_partitions,
                                 options->qos_of, options->n_qos);
    mir_habits_init(&l->draws.habits);
    mir_lessons_init(&l->lessons);
    l->no_runs = mir_run_book_create();
    return l;
}

static void forget_tables(struct mir_lookahead *l)
{
    for (unsigned i = 0; i < N_TABLES; i++)
        l->tables[i].n_futures = 0;
}

/* Of another queue, or other books. */
static void forget(struct mir_lookahead *l)
{
    l->is_drawn = false;
    forget_tables(l);
}

void mir_lookahead_destroy(struct mir_lookahead *l)
{
    if (l == NULL)
        return;
    for (unsigned i = 0; i < N_TABLES; i++)
        mir_start_table_release(&l->tables[i]);
    mir_draws_release(&l->draws);
    mir_chain_plans_release(&l->plans);
    mir_start_room_release(&l->room);
    mir_survey_release(&l->survey);
    mir_run_book_destroy(l->no_runs);
    mir_seed_bed_destroy(l->bed);
    free(l);
}

void mir_lookahead_set_books(struct mir_lookahead *l,
                             struct mir_run_book *runs,
                             struct mir_arrivals_book *arrivals)
{
    l->runs = runs;
    l->arrivals = arrivals;
    forget(l);
}

void mir_lookahead_set_habits(struct mir_lookahead *l, const struct mir_habits *habits)
{
    l->draws.habits = *habits;
    forget(l);
}

void mir_lookahead_set_lessons(struct mir_lookahead *l, const struct mir_lessons *lessons)
{
    l->lessons = *lessons;
}

struct mir_lookahead_trust mir_lookahead_trust(const struct mir_lookahead *l)
{
    return l->lessons.trust;
}

void mir_lookahead_set_ticks(struct mir_lookahead *l, int64_t ticks_from_at)
{
    l->ticks_from_at = ticks_from_at;
    forget(l);
}

void mir_lookahead_set_reserved(struct mir_lookahead *l,
                                const struct mir_reserved *reserved,
                                size_t n)
{
    l->n_reserved = n < MIR_MAX_RESERVED ? n : MIR_MAX_RESERVED;
    for (size_t i = 0; i < l->n_reserved; i++)
        l->reserved[i] = reserved[i];
    forget(l);
}

void mir_lookahead_set_truth(struct mir_lookahead *l, const struct mir_lookahead_truth *truth)
{
    l->draws.truth = truth;
    forget(l);
}

void mir_lookahead_look(struct mir_lookahead *l, const struct mir_snapshot *queue)
{
    l->queue = queue;
    forget(l);
}

/* ---- other chains */

void mir_lookahead_set_chains(struct mir_lookahead *l,
                              const struct mir_lookahead_chain *chains,
                              size_t n)
{
    mir_chain_plans_set(&l->plans, chains, n);
    forget_tables(l);
}

/*
 * What was played with its successor coming later is not true any more, also for
 * its own further questions, of which there is no use.
 */
void mir_lookahead_submitted(struct mir_lookahead *l, uint64_t chain)
{
    struct mir_chain_plan *plan = mir_chain_plans_find(&l->plans, chain);

    if (plan == NULL || plan->submitted)
        return;
    plan->submitted = true;
    forget_tables(l);
}

int64_t mir_lookahead_needed_at(const struct mir_lookahead *l, uint64_t chain)
{
    return mir_chain_plans_needed_at(&l->plans, chain);
}

bool mir_lookahead_plan(const struct mir_lookahead *l,
                        uint64_t chain,
                        int64_t *submit_at,
                        int64_t *answered_at)
{
    const struct mir_chain_plan *plan = mir_chain_plans_find(&l->plans, chain);

    if (plan == NULL || plan->answered_at == INT64_MIN)
        return false;
    *submit_at = plan->submit_at;
    *answered_at = plan->answered_at;
    return true;
}

/* ---- what it may cost */

void mir_lookahead_set_budget(struct mir_lookahead *l, int64_t cpu_ns, int64_t full_ns)
{
    l->full_ns = full_ns;
    if (cpu_ns < 0 || __builtin_add_overflow(l->cost.cpu_ns, cpu_ns, &l->budget_ns))
        l->budget_ns = INT64_MAX;
}

struct mir_lookahead_cost mir_lookahead_cost(const struct mir_lookahead *l)
{
    return l->cost;
}

void mir_lookahead_refuse(struct mir_lookahead *l, const char *why)
{
    snprintf(l->refusal, sizeof(l->refusal), "%s", why != NULL ? why : "");
}

static bool is_spent(const struct mir_lookahead *l)
{
    return l->cost.cpu_ns >= l->budget_ns;
}

/* Is there time for what is expected to take so long? */
static bool has_time(const struct mir_lookahead *l, int64_t cpu_ns)
{
    return !is_spent(l) && (cpu_ns <= l->budget_ns - l->cost.cpu_ns || cpu_ns > l->full_ns);
}

static bool has_time_for(const struct mir_lookahead *l, uint32_t n_futures)
{
    return has_time(l, n_futures * l->cost.future_ns);
}

static bool is_scarce(const struct mir_lookahead *l, const struct mir_lookahead_case *c)
{
    return l->budget_ns != INT64_MAX && mir_chain_plans_others(&l->plans, c->chain);
}

/* What the futures after the first of one question may take up. */
static int64_t share_of(const struct mir_lookahead *l, const struct mir_lookahead_case *c)
{
    if (!is_scarce(l, c))
        return l->budget_ns;
    return l->cost.cpu_ns + (l->budget_ns - l->cost.cpu_ns) / 4;
}

/* ---- futures */

/* Future `f`, without chains; good until the next. */
static void draw(struct mir_lookahead *l, uint32_t f, int64_t until, struct mir_seed *out)
{
    if (!l->is_drawn)
        mir_draws_begin(&l->draws, l->queue, l->options.seed);
    l->is_drawn = true;
    mir_draws_future(&l->draws, l->runs != NULL ? l->runs : l->no_runs, l->arrivals, f, until, out);
    out->ticks_from_at = l->ticks_from_at;
    out->reserved = l->reserved;
    out->n_reserved = l->n_reserved;
}

static struct mir_sim *plant(struct mir_lookahead *l, uint32_t f, int64_t until)
{
    struct mir_seed seed;

    draw(l, f, until, &seed);
    return mir_seed_bed_plant(l->bed, &seed);
}

static int play_one(struct mir_lookahead *l, struct mir_start_table *t, struct mir_error *err)
{
    struct mir_seed seed;

    draw(l, t->n_futures, t->until, &seed);
    if (mir_chain_plans_others(&l->plans, t->chain))
        mir_chain_plans_join(&l->plans, t->chain, l->queue->now, t->until, &seed);
    return mir_start_table_play(t, mir_seed_bed_plant(l->bed, &seed), &l->room, err);
}

/* Where not all can be asked: all plans are put right together. */
static void survey(struct mir_lookahead *l)
{
    int64_t now = l->queue->now, until = now + MIR_SURVEY_AHEAD_S + MIR_LOOKAHEAD_BEYOND_S;
    int64_t began_ns = mir_clock_cpu_ns();

    mir_survey_begin(&l->survey, &l->plans, now);
    for (uint32_t f = 0; f < MIR_SURVEY_FUTURES; f++)
        mir_survey_play(&l->survey, &l->plans, now, plant(l, f, until));
    mir_survey_end(&l->survey, &l->plans, now);
    l->surveyed_at = now;
    l->cost.n_futures += MIR_SURVEY_FUTURES;
    l->survey_ns = mir_clock_cpu_ns() - began_ns;
    l->cost.cpu_ns += l->survey_ns;
}

static bool wants_survey(const struct mir_lookahead *l)
{
    return l->surveyed_at == INT64_MIN || l->queue->now < l->surveyed_at ||
           l->queue->now - l->surveyed_at >= MIR_SURVEY_EVERY_S;
}

/* The next is expected to be like the last ones, the newest most of all. */
static void note_future(struct mir_lookahead *l, int64_t took_ns)
{
    int64_t before_ns = l->cost.future_ns > 0 ? l->cost.future_ns : took_ns;

    l->cost.future_ns = (before_ns + took_ns) / 2;
}

static int
play(struct mir_lookahead *l, struct mir_start_table *t, uint32_t n, struct mir_error *err)
{
    uint32_t n_more = n - t->n_futures;
    int64_t began_ns, took_ns;
    int rc = 0;

    if (t->n_futures >= n)
        return 0;
    began_ns = mir_clock_cpu_ns();
    while (rc == 0 && t->n_futures < n)
        rc = play_one(l, t, err);
    took_ns = mir_clock_cpu_ns() - began_ns;
    l->cost.n_futures += n_more;
    l->cost.cpu_ns += took_ns;
    if (rc == 0)
        note_future(l, took_ns / n_more);
    return rc;
}

static struct mir_start_table *table_for(struct mir_lookahead *l,
                                         const struct mir_lookahead_case *c)
{
    struct mir_start_table *t;

    for (unsigned i = 0; i < N_TABLES; i++)
        if (mir_start_table_serves(&l->tables[i], c, l->queue->now))
            return &l->tables[i];
    t = &l->tables[l->next_table++ % N_TABLES];
    mir_start_table_begin(t, c, l->queue->now, l->draws.truth != NULL && l->draws.truth->fine);
    return t;
}

/* More futures would not change what is best. */
static bool is_clear(const struct mir_lookahead_answer *a)
{
    return fabs(a->now_minus_best_h) >= CLEAR * a->now_minus_best_se_h;
}

/* Where to look next whether it is enough. */
static uint32_t next_batch(uint32_t n, uint32_t least, uint32_t max)
{
    uint32_t next = n + MIR_DRAWS_BLOCK;

    if (n < least && next > least)
        next = least;
    return next < max ? next : max;
}

/* Those who are asked for later see what this one is going to do. */
static void remember(struct mir_lookahead *l,
                     const struct mir_lookahead_case *c,
                     const struct mir_lookahead_answer *a)
{
    struct mir_chain_plan *plan = mir_chain_plans_find(&l->plans, c->chain);

    if (plan == NULL || plan->submitted)
        return;
    plan->submit_at = a->points[a->best].submit_at;
    plan->answered_at = l->queue->now;
    plan->longest_wait_s = (int64_t)(a->points[0].wait_p90_h * 3600);
}

/* Why no future can be played; 0: it can. */
static int check_ready(const struct mir_lookahead *l, struct mir_error *err)
{
    if (l->refusal[0] != '\0')
        return mir_error_set(err, -ENOTSUP, "%s", l->refusal);
    if (l->queue == NULL)
        return mir_error_set(err, -ENODATA, "no queue has been looked at");
    if (l->bed == NULL)
        return mir_error_set(err, -EINVAL, "this cluster cannot be simulated");
    return 0;
}

int mir_lookahead_ask(struct mir_lookahead *l,
                      const struct mir_lookahead_case *c,
                      struct mir_lookahead_answer *out,
                      struct mir_error *err)
{
    uint32_t max = l->options.n_futures_max, least, n;
    struct mir_start_table *t;
    int64_t share_ns;
    int refused = check_ready(l, err);

    if (refused != 0)
        return refused;
    if (c->n_futures > 0 && c->n_futures < max)
        max = between(c->n_futures, 2, max);
    least = is_scarce(l, c) ? MIR_DRAWS_BLOCK : l->options.n_futures_min;
    least = between(least, 2, max);
    n = between(MIR_DRAWS_BLOCK, 2, least);
    if (is_scarce(l, c) && wants_survey(l) && has_time(l, l->survey_ns))
        survey(l);
    t = table_for(l, c);
    if (t->n_futures < n && !has_time_for(l, n - t->n_futures))
        return mir_error_set(err, -EBUSY, "CPU budget spent");
    share_ns = share_of(l, c);
    for (;;) {
        uint32_t next = next_batch(n, least, max);
        int rc = play(l, t, n, err);
        bool is_last;

        if (rc != 0)
            return rc;
        is_last = n == max || (t->n_futures < next && (l->cost.cpu_ns >= share_ns ||
                                                       !has_time_for(l, next - t->n_futures)));
        if (is_last || n >= least)
            mir_judge(t, &l->lessons.calibration, c, n, out);
        if (is_last || (n >= least && is_clear(out))) {
            out->no_arrivals = mir_draws_lack_arrivals(&l->draws);
            remember(l, c, out);
            return 0;
        }
        n = next;
    }
}

/* ---- lessons */

int mir_lookahead_foretell(struct mir_lookahead *l,
                           struct mir_lesson_book *book,
                           struct mir_error *err)
{
    int64_t began_ns = mir_clock_cpu_ns();
    struct mir_foretelling f;
    int rc = check_ready(l, err);

    if (rc != 0)
        return rc;
    if (!has_time(l, l->lesson_ns))
        return mir_error_set(err, -EBUSY, "CPU budget spent");
    mir_foretell_begin(&f, book, l->queue);
    for (; f.n_jobs > 0 && f.n_futures < MIR_LESSON_FUTURES; l->cost.n_futures++)
        mir_foretell_play(&f, l->bed, plant(l, f.n_futures, f.until));
    mir_foretell_end(&f, book);
    l->lesson_ns = mir_clock_cpu_ns() - began_ns;
    l->cost.cpu_ns += l->lesson_ns;
    return 0;
}

bool mir_lookahead_explain(const struct mir_lookahead *l,
                           const struct mir_lookahead_case *c,
                           const struct mir_lookahead_answer *answer,
                           struct mir_lookahead_fan *out)
{
    *out = (struct mir_lookahead_fan){.n_points = 0};
    for (unsigned i = 0; i < N_TABLES && l->queue != NULL && l->is_drawn; i++) {
        const struct mir_start_table *t = &l->tables[i];

        if (t->n_futures >= answer->n_futures && answer->n_futures >= 2 &&
            mir_start_table_serves(t, c, l->queue->now)) {
            mir_explain(t, &l->lessons.calibration, &l->draws, c, answer->n_futures, out);
            return true;
        }
    }
    return false;
}
