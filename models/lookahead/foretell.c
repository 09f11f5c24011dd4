/* SPDX-License-Identifier: GPL-3.0-or-later */
/* foretell.c - see foretell.h. */
#include "models/lookahead/foretell.h"

#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"

/* Most waits are short: what is beyond the last start need not be played. */
enum { STEP_S = 4 * 3600 };

void mir_foretell_begin(struct mir_foretelling *f,
                        struct mir_lesson_book *book,
                        const struct mir_snapshot *queue)
{
    *f = (struct mir_foretelling){.queue = queue, .until = queue->now + MIR_LESSON_HORIZON_S};
    f->jobs = MIR_NEW_ARRAY(size_t, queue->n_pending + 1);
    f->n_jobs = mir_lesson_book_look(book, queue, f->jobs);
    f->start_at = MIR_NEW_ARRAY(int64_t, f->n_jobs * MIR_LESSON_FUTURES + 1);
    f->of_future = MIR_NEW_ARRAY(int64_t, queue->n_pending + 1);
}

static bool all_started(const struct mir_foretelling *f)
{
    for (size_t i = 0; i < f->n_jobs; i++)
        if (f->of_future[f->jobs[i]] == INT64_MAX)
            return false;
    return true;
}

void mir_foretell_play(struct mir_foretelling *f, struct mir_seed_bed *bed, struct mir_sim *sim)
{
    int64_t at = f->queue->now;

    mir_seed_bed_starts(bed, f->queue, f->of_future);
    while (at < f->until && !all_started(f)) {
        at += STEP_S;
        mir_sim_advance(sim, at);
        mir_seed_bed_starts(bed, f->queue, f->of_future);
    }
    for (size_t i = 0; i < f->n_jobs; i++)
        f->start_at[i * MIR_LESSON_FUTURES + f->n_futures] = f->of_future[f->jobs[i]];
    f->n_futures++;
}

/* How many jobs of its class there are to foretell, with the job itself. */
static size_t alike(const struct mir_foretelling *f, const struct mir_pending_job *job)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n_jobs; i++)
        n += mir_lesson_class(f->queue->pending[f->jobs[i]].limit_s) ==
             mir_lesson_class(job->limit_s);
    return n;
}

void mir_foretell_end(struct mir_foretelling *f, struct mir_lesson_book *book)
{
    for (size_t i = 0; i < f->n_jobs; i++) {
        const struct mir_pending_job *job = &f->queue->pending[f->jobs[i]];

        mir_lesson_book_foretell(book, job, f->queue->now, alike(f, job),
                                 f->start_at + i * MIR_LESSON_FUTURES, f->n_futures);
    }
    free(f->of_future);
    free(f->start_at);
    free(f->jobs);
}
