/*
 * foretell.h - when would the jobs that wait start, by future: the half of
 * mir_lookahead_foretell() that knows simulators.  One thread at a time.
 */
#ifndef MIR_LOOKAHEAD_FORETELL_H
#define MIR_LOOKAHEAD_FORETELL_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/host/snapshot.h"
#include "models/lookahead/lessons.h"
#include "traces/sim/seed.h"

/* One look; its memory is owned until the end. */
struct mir_foretelling {
    const struct mir_snapshot *queue; /* lent */
    int64_t until;                    /* how far starts are looked for */
    size_t *jobs, n_jobs;             /* that the book wants, of queue->pending */
    int64_t *start_at;                /* of job i and future f: [i * MIR_LESSON_FUTURES + f] */
    int64_t *of_future;               /* [n_pending] */
    uint32_t n_futures;               /* played */
};

/* A look of the book; n_jobs 0: there is nothing to play for. */
void mir_foretell_begin(struct mir_foretelling *f,
                        struct mir_lesson_book *book,
                        const struct mir_snapshot *queue);

/* One more future, of at most MIR_LESSON_FUTURES: `sim` is the bed's, planted from the queue. */
void mir_foretell_play(struct mir_foretelling *f, struct mir_seed_bed *bed, struct mir_sim *sim);

/* The book is told; all memory is released. */
void mir_foretell_end(struct mir_foretelling *f, struct mir_lesson_book *book);

#endif
