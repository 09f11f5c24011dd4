/*
 * fans.h - what policies saw that play out futures: which fans are kept while episodes
 * run, and which episode is shown.  Of an episode those of its first link at the first
 * weight are kept, three at most.  Filled by one thread for each episode, read by any.
 */
#ifndef MIR_REPLAY_FANS_H
#define MIR_REPLAY_FANS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/engine/fan.h"
#include "traces/replay/comparison.h"

enum { MIR_FAN_LEAD_S = 12 * 3600 };

/* Owned; NULL where there is none.  Their points[0] is when it was decided. */
struct mir_episode_fans {
    struct mir_view_fan *first;
    struct mir_view_fan *early; /* the last at least MIR_FAN_LEAD_S before the end */
    struct mir_view_fan *last;  /* before the chain submitted */
};

/* One more decision, later than those before; a fan of NULL, or of nonsense, is passed over. */
void mir_episode_fans_keep(struct mir_episode_fans *f,
                           const struct mirage_fan *fan,
                           int64_t predecessor_end_at);
void mir_episode_fans_release(struct mir_episode_fans *f);

/* A policy's episode that stands for all of them. */
struct mir_fan_scene {
    uint32_t episode;
    uint32_t n_episodes; /* that it was chosen from */
    double cost_h;       /* at the first weight, of the first link */
    const struct mir_outcome *outcome;
    int64_t clairvoyant_at;             /* its submission; INT64_MIN: there is none */
    const struct mir_view_fan *fans[2]; /* by time; lent */
    uint32_t n_fans;                    /* 1: there is but one */
};

/*
 * The episode of the median cost (the upper of two) among those of the row that have fans
 * and whose successor started.  Shown are its last fan, and before it that of half a day
 * before the end; where that is none, or the last itself, the first.  False: there is none.
 */
bool mir_fan_scene_choose(const struct mir_comparison *c,
                          const struct mir_comparison_row *row,
                          struct mir_fan_scene *out);

#endif
