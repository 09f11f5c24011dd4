/*
 * book.h - how long do jobs really run?  A book of every job that started: it
 * learns online from starts and ends, and answers with a run-time distribution
 * for any job, given how long it has run.
 *
 * The distribution is piecewise exponential: on a fixed grid of ages each bin has
 * a hazard, ends / node-independent time at risk.  Jobs that are still running,
 * and those that their limit cut off, count with the time they were at risk and
 * not as ends (right-censored), so that finished jobs, which are the short ones,
 * do not speak for all.  Hazards are pooled from the crowd down to the very
 * request, each level a prior worth MIR_RUN_PRIOR jobs for the next:
 *
 *     all jobs -> limit and size -> user -> user, limit -> user, name, limit, size
 *
 * so a user nobody has seen runs as the crowd does.  At each level the last
 * MIR_RUN_MEMORY jobs count, older ones fade.
 *
 * A book of years stays of a size: when it holds more than MIR_RUN_KEYS_MAX keys, the
 * half of them that is longest unused is forgotten, and a job whose end nobody told is
 * forgotten MIR_RUN_LOST_S after its limit.  One thread at a time per book.
 */
#ifndef MIR_RUN_TIME_BOOK_H
#define MIR_RUN_TIME_BOOK_H

#include <stddef.h>
#include <stdint.h>

enum {
    MIR_RUN_BINS = 36,
    MIR_RUN_LEVELS = 5,
    MIR_RUN_PRIOR = 8,    /* jobs */
    MIR_RUN_MEMORY = 400, /* jobs */
    MIR_RUN_KEYS_MAX = 32768,
    MIR_RUN_LOST_S = 7 * 86400,
};

/*
 * Of a job, what its run time may depend on; numbers of names, 0 where not known.  A
 * job without a user has the first two levels only.
 */
struct mir_run_shape {
    uint32_t user;
    uint32_t name; /* of the job's name without its digits */
    uint32_t n_nodes;
    int32_t limit_s; /* MIR_UNLIMITED, MIR_UNKNOWN: none */
    /* Before its start, or so far; only mir_run_book_job_curve() asks for it. */
    int32_t waited_s;
};

/* As a shape has it: from its submission until its start, or until now. */
int32_t mir_run_waited_s(int64_t submit_at, int64_t until);

/* How likely is a job of one shape to be still running at an age?  Plain data. */
struct mir_run_curve {
    int32_t limit_s;                    /* it ends then at the latest; INT32_MAX: no limit */
    float hazard_sum[MIR_RUN_BINS + 1]; /* at the grid's edges; survival is exp(-hazard_sum) */
};

struct mir_run_book;

struct mir_run_book *mir_run_book_create(void);

/* Before its first start: learn of single jobs as well, for mir_run_book_job_curve(). */
void mir_run_book_mix(struct mir_run_book *book);

/* Accepts NULL. */
void mir_run_book_destroy(struct mir_run_book *book);

/*
 * A job started; `id` names it until its end.  A start or end is heard by the next
 * mir_run_book_update(), not before: between two updates the book does not change.
 */
void mir_run_book_start(struct mir_run_book *book,
                        uint64_t id,
                        const struct mir_run_shape *shape,
                        int64_t start_at);

/* It ended.  An `id` that never started, or has ended, is ignored. */
void mir_run_book_end(struct mir_run_book *book, uint64_t id, int64_t end_at);

/* Take up what was told since the last update; running jobs count as run until `now`. */
void mir_run_book_update(struct mir_run_book *book, int64_t now);

/* As of the last update.  Lent until the next call on the book. */
const struct mir_run_curve *mir_run_book_curve(struct mir_run_book *book,
                                               const struct mir_run_shape *shape);

/*
 * The same for one very job, of which more is known than its shape (mixer.h): it
 * started at `start_at`; INT64_MAX: it waits.  Costs some 10 us the first time after an
 * update.  A book that does not mix, and a job without a limit: as by its shape.
 */
const struct mir_run_curve *mir_run_book_job_curve(struct mir_run_book *book,
                                                   const struct mir_run_shape *shape,
                                                   int64_t start_at);

/* Jobs that have ended so far; that run; keys of all levels. */
size_t mir_run_book_ends(const struct mir_run_book *book);
size_t mir_run_book_running(const struct mir_run_book *book);
size_t mir_run_book_keys(const struct mir_run_book *book);

/*
 * Probability that a job that has run `elapsed_s` still runs `more_s` later; 0 from
 * its limit on, which ends it.
 */
double mir_run_survival(const struct mir_run_curve *curve, double elapsed_s, double more_s);

/* Expected seconds that it still runs; without a limit, at most 30 days beyond the grid count. */
double mir_run_expected_left_s(const struct mir_run_curve *curve, double elapsed_s);

/*
 * The time still to run that is not exceeded with probability `p` in [0, 1]: a
 * draw from the distribution when `p` is uniform.
 */
double mir_run_quantile_left_s(const struct mir_run_curve *curve, double elapsed_s, double p);

/* The same for each of `p`[0 .. n), in any order; cheaper than one by one. */
void mir_run_quantiles_left_s(const struct mir_run_curve *curve,
                              double elapsed_s,
                              const double *p,
                              unsigned n,
                              double *out_s);

/* Ages in seconds between which the hazard is constant; [0] is 0, the last has no end. */
extern const float mir_run_grid_s[MIR_RUN_BINS];

#endif
