/*
 * lookahead.h - play out possible futures of this very queue: what would a
 * successor cost that is submitted now, or in an hour, or in six?  Futures are
 * simulated (traces/sim/seed.h) with drawn run times (models/run_time/book.h) and
 * drawn arrivals (models/futures/arrivals.h); the same draws serve all candidate
 * times and all chains (common random numbers).  Who runs the decisions owns one
 * and looks at the queue once per snapshot, as with the forecaster.  One thread at
 * a time.  Same queue, same books, same seed: same answer, bit for bit, unless a
 * CPU budget ran out.
 */
#ifndef MIR_LOOKAHEAD_LOOKAHEAD_H
#define MIR_LOOKAHEAD_LOOKAHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/host.h"
#include "daemon/host/snapshot.h"
#include "models/futures/arrivals.h"
#include "models/lookahead/habits.h"
#include "models/lookahead/lessons.h"
#include "models/run_time/book.h"
#include "traces/sim/cluster.h"
#include "traces/sim/seed.h"

struct mir_lookahead;

struct mir_lookahead_options {
    const struct mir_cluster *cluster; /* lent */
    const uint16_t *partition_of;      /* as for mir_seed_bed_create(); lent */
    size_t n_partitions;
    const uint8_t *qos_of;
    size_t n_qos;
    uint32_t n_futures_max; /* drawn for one queue */
    uint32_t n_futures_min; /* before it may stop early */
    uint64_t seed;
};

void mir_lookahead_options_init(struct mir_lookahead_options *o);

struct mir_lookahead *mir_lookahead_create(const struct mir_lookahead_options *options);
/* Accepts NULL. */
void mir_lookahead_destroy(struct mir_lookahead *l);

/* Lent as long as they are set; NULL: run times as from an empty book, no arrivals. */
void mir_lookahead_set_books(struct mir_lookahead *l,
                             struct mir_run_book *runs,
                             struct mir_arrivals_book *arrivals);

/*
 * What a book of habits says now (mir_habit_book_get()); copied.  Until it is set:
 * mir_habits_init().
 */
void mir_lookahead_set_habits(struct mir_lookahead *l, const struct mir_habits *habits);

/*
 * What a book of lessons says now (mir_lesson_book_get()); copied.  Waits of answers
 * are calibrated from then on, and costs where the case says so.  Until it is set: mir_lessons_init().
 */
void mir_lookahead_set_lessons(struct mir_lookahead *l, const struct mir_lessons *lessons);

/* Is what it plays this cluster?  As of the lessons that were set. */
struct mir_lookahead_trust mir_lookahead_trust(const struct mir_lookahead *l);

/*
 * When the scheduler's periodic passes are due: as ticks_from_at of struct mir_seed.
 * Real Slurm tells the time of its last backfill.  0, until it is set: not known.
 */
void mir_lookahead_set_ticks(struct mir_lookahead *l, int64_t ticks_from_at);

/*
 * Reservations that keep nodes from everybody, as far as they are known; copied, of more than
 * MIR_MAX_RESERVED the first.  None, until they are set.
 */
void mir_lookahead_set_reserved(struct mir_lookahead *l,
                                const struct mir_reserved *reserved,
                                size_t n);

/*
 * What will really happen, for reports of what limits a lookahead: only a replay can know,
 * and what is decided with it is no forecast.  Lent as long as it is set.
 */
struct mir_lookahead_truth {
    /* How long a job runs from its start; MIR_UNKNOWN: not known, drawn.  NULL: all are drawn. */
    int32_t (*run_s)(const void *context, uint32_t id, int64_t submit_at);
    const void *context;
    const struct mir_seed_arrival *arrivals; /* by submit_at; NULL: drawn */
    size_t n_arrivals;
    bool fine; /* candidates lie a period apart for as far as they reach */
};

/* NULL: nothing is known, as at first. */
void mir_lookahead_set_truth(struct mir_lookahead *l, const struct mir_lookahead_truth *truth);

/* The queue to answer for, lent until the next look; nothing is drawn before it is asked for. */
void mir_lookahead_look(struct mir_lookahead *l, const struct mir_snapshot *queue);

/* A chain whose successor is not submitted yet. */
struct mir_lookahead_chain {
    uint64_t id; /* not 0; names it from look to look */
    const struct mir_request *successor;
    int64_t predecessor_end_at; /* expected */
    int32_t warmup_s;           /* as in the case; these two only count where there is a budget */
    double overlap_weight;
};

/*
 * All chains that are going to submit to this cluster, each once; copied.  To be told
 * after each look.  In the futures of one that is asked for, the successors of the
 * others come at their planned times, and run to their limit: at the best time that
 * the last answer to each of them named (remembered by id from telling to telling), before
 * any answer at its predecessor's end.  So who is asked later sees what was answered before.
 * Without chains, or with the one that is asked for alone, nobody counts.
 */
void mir_lookahead_set_chains(struct mir_lookahead *l,
                              const struct mir_lookahead_chain *chains,
                              size_t n);

/*
 * The successor of this one was submitted at this look, after the snapshot: it is in the
 * queue of all who are asked later.  An unknown id is ignored.
 */
void mir_lookahead_submitted(struct mir_lookahead *l, uint64_t chain);

/*
 * By when this chain wants an answer: a third of the way from the last one to what it
 * planned.  One that was never answered, as long before its predecessor's end as others
 * may have to wait, and half as long again.  INT64_MIN for an unknown id.  Where there is a budget,
 * who wants it first is asked first.
 */
int64_t mir_lookahead_needed_at(const struct mir_lookahead *l, uint64_t chain);

/*
 * What this chain has planned, and when that was found out: by its last answer, or, where
 * there is a budget, by the last survey (survey.h) of all chains, one each half an hour.
 * False: nothing yet.
 */
bool mir_lookahead_plan(const struct mir_lookahead *l,
                        uint64_t chain,
                        int64_t *submit_at,
                        int64_t *answered_at);

/*
 * Futures may take `cpu_ns` of CPU time of the calling thread from now on; below 0, as at
 * first: no limit.  Looked at before a question and after each of its batches of 16
 * futures: a question that is begun is answered from one of them at least, however
 * many n_futures_min are, and what was played out already costs nothing to ask again.
 * What would exceed `cpu_ns`, by what the last ones took, is not begun, unless it would exceed
 * `full_ns` too, the most that there ever is.  Where chains see each other, one batch is
 * enough where it is clear, and no question has more than a quarter of what is left for its
 * further ones.
 */
void mir_lookahead_set_budget(struct mir_lookahead *l, int64_t cpu_ns, int64_t full_ns);

/* What was played out since it was created. */
struct mir_lookahead_cost {
    uint64_t n_futures;
    int64_t cpu_ns;
    int64_t future_ns; /* that one future of a question took lately; 0: not known */
};
struct mir_lookahead_cost mir_lookahead_cost(const struct mir_lookahead *l);

/* Answer no question, for this reason (cut to 63 bytes); NULL, as at first: answer. */
void mir_lookahead_refuse(struct mir_lookahead *l, const char *why);

/*
 * What something else foretells: `n` waits of a submission now, equally likely, ascending,
 * hours, lent while it is asked.  They have `share` of the expectation, in [0, 0.9], as
 * futures in which a later submission waits as long.  n = 0: nothing is told.
 */
struct mir_told_waits {
    const double *wait_h;
    uint32_t n;
    double share;
};

/* What is asked: one chain's successor. */
struct mir_lookahead_case {
    const struct mir_request *successor;
    int64_t predecessor_end_at; /* expected */
    int32_t warmup_s;
    double overlap_weight; /* w */
    /* In [0, 1): cost is averaged over the worst 1 - tail of the futures (CVaR); 0: over all. */
    double tail;
    /*
     * What waiting is worth beyond its best fixed time, because one looks again: 0:
     * nothing, 1: as if the future were known from then on.
     */
    double foresight;
    bool calibrated; /* costs are too, and not only the waits that are answered */
    struct mir_told_waits told;
    int32_t period_s;   /* until the next decision */
    uint32_t n_futures; /* at most; 0, and what is above: as many as the lookahead has */
    uint64_t chain;     /* which of mir_lookahead_set_chains(); 0: none of them */
};

enum { MIR_LOOKAHEAD_CANDIDATES_MAX = 48 };

struct mir_lookahead_point {
    int64_t submit_at;
    double cost_h, cost_se_h; /* expected, and the standard error over futures */
    double wait_p10_h, wait_p50_h, wait_p90_h;
};

struct mir_lookahead_answer {
    struct mir_lookahead_point points[MIR_LOOKAHEAD_CANDIDATES_MAX]; /* by submit_at; [0] is now */
    uint32_t n_points;
    uint32_t best;      /* index of the least expected cost */
    uint32_t n_futures; /* played out */
    bool no_arrivals;   /* hardly anybody submits in them: less than a day of it is known */
    /*
     * Submitting now against going on waiting (the best later point, and foresight),
     * paired over the futures, and its standard error.  Negative: now is best.
     */
    double now_minus_best_h;
    double now_minus_best_se_h;
    double wait_h; /* median of submitting now */
    /* In no future played out would an earlier submission have been the cheapest. */
    int64_t earliest_best_at;
};

/*
 * Returns 0; -ENODATA: no queue was looked at; -E2BIG: the successor can never run here;
 * -EINVAL: the cluster of the options cannot be simulated; -ENOTSUP: it was told to
 * refuse; -EBUSY: the CPU budget is spent.
 */
int mir_lookahead_ask(struct mir_lookahead *l,
                      const struct mir_lookahead_case *c,
                      struct mir_lookahead_answer *out,
                      struct mir_error *err);

/*
 * A look for lessons: foretell the waiting jobs of this queue that `book` wants, from
 * MIR_LESSON_FUTURES futures; without such jobs nothing is played.  Errors as of
 * mir_lookahead_ask(), but -E2BIG; then there are no forecasts.
 */
int mir_lookahead_foretell(struct mir_lookahead *l,
                           struct mir_lesson_book *book,
                           struct mir_error *err);

enum { MIR_LOOKAHEAD_FAN_JOBS = 3 };

/* A job whose run time decides when a successor starts that is submitted now. */
struct mir_lookahead_fan_job {
    uint32_t id;
    bool is_running;
    double effect_h; /* the start moves by so much with one deviation of the job's run time */
};

/* Why an answer is what it is; how it is found: explain.h. */
struct mir_lookahead_fan {
    /* Of the answer's points: what the cost exceeds in 9 and in 1 of 10 futures. */
    double cost_p10_h[MIR_LOOKAHEAD_CANDIDATES_MAX], cost_p90_h[MIR_LOOKAHEAD_CANDIDATES_MAX];
    uint32_t n_points;
    struct mir_lookahead_fan_job jobs[MIR_LOOKAHEAD_FAN_JOBS]; /* the greatest effect first */
    uint32_t n_jobs;
};

/*
 * Explain the answer to this case, which was asked last at this look (or before, while
 * its starts are remembered).  Returns false, with `*out` empty, when it was not.
 */
bool mir_lookahead_explain(const struct mir_lookahead *l,
                           const struct mir_lookahead_case *c,
                           const struct mir_lookahead_answer *answer,
                           struct mir_lookahead_fan *out);

#endif
