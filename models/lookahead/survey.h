/*
 * survey.h - all chains in one future at once: each successor is submitted at its
 * planned time, and one run of the simulator tells when all of them start.  A plan is
 * then put right by how far its starts lie from where they should.  It costs what one
 * probe does, however many the chains.  One thread at a time per object.
 */
#ifndef MIR_LOOKAHEAD_SURVEY_H
#define MIR_LOOKAHEAD_SURVEY_H

#include "models/lookahead/chains.h"
#include "traces/sim/sim.h"

enum {
    MIR_SURVEY_FUTURES = 16,
    MIR_SURVEY_AHEAD_S = 48 * 3600, /* plans further ahead are left alone */
    MIR_SURVEY_EVERY_S = 1800,
    MIR_SURVEY_MOVE_S = 2 * 3600, /* a plan there was moves so far at most */
};

/* Starts as {0}. */
struct mir_survey {
    double *start_s; /* after now; of the coming chain i and future f: [i * FUTURES + f] */
    size_t cap_start_s;
    uint64_t *serial; /* 0: never runs here */
    size_t cap_serial;
    uint32_t n_futures;
};

void mir_survey_release(struct mir_survey *s);

/* Begin one of the chains that come into a future of `now`. */
void mir_survey_begin(struct mir_survey *s, struct mir_chain_plans *p, int64_t now);

/* Play one future, in which `base`, at `now`, has no chains yet; it is advanced. */
void mir_survey_play(struct mir_survey *s,
                     const struct mir_chain_plans *p,
                     int64_t now,
                     struct mir_sim *base);

/*
 * Move each plan that is older than MIR_SURVEY_EVERY_S so that its successor would be late
 * with probability w / (1 + w), where cost is least if a start moves as its submission
 * does; not before `now` or behind the predecessor's end.  These are answers as of `now`.
 */
void mir_survey_end(struct mir_survey *s, struct mir_chain_plans *p, int64_t now);

#endif
