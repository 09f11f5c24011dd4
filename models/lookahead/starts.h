/*
 * starts.h - when one successor would start, by the time of its submission and by
 * future: what all weights and tails of one chain are judged from.
 */
#ifndef MIR_LOOKAHEAD_STARTS_H
#define MIR_LOOKAHEAD_STARTS_H

#include <stdint.h>

#include "models/lookahead/lookahead.h"
#include "traces/sim/sim.h"

enum { MIR_LOOKAHEAD_FUTURES_MAX = 1024 };

/* A start that is later than this after the predecessor's end counts as then. */
enum { MIR_LOOKAHEAD_BEYOND_S = 48 * 3600 };

/* Room for the states of one future, kept from future to future of one bed.  Starts as {0}. */
struct mir_start_room {
    struct mir_sim *at[MIR_LOOKAHEAD_CANDIDATES_MAX];
    struct mir_sim *scratch;
};
void mir_start_room_release(struct mir_start_room *room);

/* Starts as {0}. */
struct mir_start_table {
    uint64_t chain;
    struct mir_request successor;
    int64_t from_at, end_at, until; /* now; the predecessor's end; how far starts are looked for */
    int32_t period_s, near_s;
    int64_t at[MIR_LOOKAHEAD_CANDIDATES_MAX]; /* submissions, ascending; [0] is now */
    uint32_t n_at;
    int64_t *start_at; /* owned; of future f and submission c: [f * MAX + c] */
    size_t cap_start_at;
    uint32_t n_futures;
};

void mir_start_table_release(struct mir_start_table *t);

/* An empty table for the case, asked at `now`; `fine`: as in struct mir_lookahead_truth. */
void mir_start_table_begin(struct mir_start_table *t,
                           const struct mir_lookahead_case *c,
                           int64_t now,
                           bool fine);

/* Is this the table that the case needs? */
bool mir_start_table_serves(const struct mir_start_table *t,
                            const struct mir_lookahead_case *c,
                            int64_t now);

/*
 * Add a future: `base`, a bed's, is at the table's from_at and is advanced to its end.  Who
 * submits later starts later, so that starts which are less than near_s apart, or on a line
 * but for as much, are not probed one by one.  Returns 0, or -E2BIG when the successor can
 * never run there, with `base` as it was.
 */
int mir_start_table_play(struct mir_start_table *t,
                         struct mir_sim *base,
                         struct mir_start_room *room,
                         struct mir_error *err);

static inline int64_t
mir_start_table_get(const struct mir_start_table *t, uint32_t future, uint32_t candidate)
{
    return t->start_at[(size_t)future * MIR_LOOKAHEAD_CANDIDATES_MAX + candidate];
}

#endif
