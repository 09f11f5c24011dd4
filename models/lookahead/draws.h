/*
 * draws.h - what is not known of a queue, drawn: how long each of its jobs still
 * runs, and what will be submitted.  A job's draw depends on the seed, the job and the
 * future's number alone, so that one future differs little from look to look; over
 * each 16 futures its draws are spread evenly over the distribution (a Latin
 * hypercube), but that jobs of one user and name, which are alike, draw alike with a
 * probability; tasks of one array, which have one id, always do.  One thread at a time
 * per object.
 */
#ifndef MIR_LOOKAHEAD_DRAWS_H
#define MIR_LOOKAHEAD_DRAWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/host/snapshot.h"
#include "models/futures/arrivals.h"
#include "models/lookahead/lookahead.h"
#include "models/run_time/book.h"
#include "traces/sim/seed.h"

enum { MIR_DRAWS_BLOCK = 16 }; /* futures */

/* Starts as {0}, but for the habits. */
struct mir_draws {
    struct mir_habits habits;
    const struct mir_lookahead_truth *truth; /* lent; NULL: nothing is known */
    const struct mir_snapshot *queue;        /* lent */
    uint64_t seed;
    uint32_t n_futures; /* whose run times are drawn: a multiple of the block */
    /* Of future f: running_left_s + f * queue->n_running, and so on. */
    int32_t *running_left_s, *pending_run_s;
    size_t cap_running, cap_pending;
    struct mir_arrivals drawn;
    struct mir_seed_arrival *arrivals;
    size_t cap_arrivals;
};

void mir_draws_release(struct mir_draws *d);

/* Another queue, lent until the next; nothing is drawn yet. */
void mir_draws_begin(struct mir_draws *d, const struct mir_snapshot *queue, uint64_t seed);

/*
 * Future `f`, with what is submitted until `until`; `out` is good until the next
 * call on `d`.  `arrivals` may be NULL.
 */
void mir_draws_future(struct mir_draws *d,
                      struct mir_run_book *runs,
                      struct mir_arrivals_book *arrivals,
                      uint32_t f,
                      int64_t until,
                      struct mir_seed *out);

/* Less than a day of submissions is known, so that hardly anybody submits in the last future. */
bool mir_draws_lack_arrivals(const struct mir_draws *d);

#endif
