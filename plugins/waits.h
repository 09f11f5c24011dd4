/*
 * waits.h - the recent waits of jobs like the successor, taken from a history
 * piece by piece: a feed that picks the starts that count, and a sorted window
 * over the last of them.  One thread at a time per object.
 */
#ifndef MIR_POLICY_WAITS_H
#define MIR_POLICY_WAITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/host/host.h"
#include "daemon/host/snapshot.h"

/* A feed looks at no more than this many starts before the newest when it begins. */
enum { MIR_WAITS_SCAN_MAX = 20000 };

/* How alike a start must be: same size and limit class, same size class, any. */
enum mir_wait_level {
    MIR_WAITS_OF_CLASS,
    MIR_WAITS_OF_NODES,
    MIR_WAITS_OF_ALL,
    MIR_N_WAIT_LEVELS,
};

/*
 * Sizes: 1, 2-4, 5-16, 17 and more nodes.  Limits: up to 1 h, up to 12 h, below
 * 48 h, 48 h and more (unlimited; not given).  Bounds are inclusive.
 */
struct mir_wait_class {
    uint32_t nodes_low, nodes_high;
    int32_t limit_low_s, limit_high_s;
};

void mir_wait_class_of(uint32_t n_nodes, int32_t limit_s, struct mir_wait_class *out);

bool mir_wait_class_holds(const struct mir_wait_class *c,
                          enum mir_wait_level level,
                          const struct mir_start *start);

/* "1 node, 48 h and more", "1 node", "all jobs"; returns buf. */
char *mir_wait_class_label(const struct mir_wait_class *c, enum mir_wait_level level, char buf[48]);

/* Where a reader of a history is, and what it picks.  Start with mir_wait_feed_init(). */
struct mir_wait_feed {
    struct mir_wait_class class;
    enum mir_wait_level level;
    uint32_t keep;
    uint32_t minimum;
    uint32_t n_met[MIR_N_WAIT_LEVELS]; /* starts of each level, of those scanned and since */
    size_t next;                       /* in the history: the first not yet passed */
    size_t counted;                    /* in the history: n_met knows all before this */
    bool begun;
    char label[48]; /* of class and level */
};

/*
 * The reader wants the last `keep` starts of the narrowest level that has
 * `minimum` of them.
 */
void mir_wait_feed_init(struct mir_wait_feed *feed, uint32_t keep, uint32_t minimum);

/*
 * To be called before a round of mir_wait_feed_next().  True: the feed begins
 * (the first time, or anew because a narrower level has enough starts by now,
 * or the successor changed class), so the reader forgets what it has learned.
 * Costs a comparison when nothing changed.
 */
bool mir_wait_feed_begin(struct mir_wait_feed *feed,
                         const struct mir_history *history,
                         const struct mir_request *successor);

/* The next start that counts, oldest first; NULL when there is no further one now.  Lent. */
const struct mir_start *mir_wait_feed_next(struct mir_wait_feed *feed,
                                           const struct mir_history *history);

/* The last `cap` values in the order of their arrival and in order of size. */
struct mir_wait_window {
    int32_t *sorted;
    int32_t *ring;
    uint32_t cap;
    uint32_t n;
    uint32_t head; /* in the ring: where the next value goes */
};

void mir_wait_window_init(struct mir_wait_window *w, uint32_t cap);
void mir_wait_window_release(struct mir_wait_window *w);
void mir_wait_window_clear(struct mir_wait_window *w);

/* Add the newest; the oldest leaves a full window.  O(log n) and a move of at most n values. */
void mir_wait_window_add(struct mir_wait_window *w, int32_t wait_s);

/* Keep only the newest `n`. */
void mir_wait_window_trim(struct mir_wait_window *w, uint32_t n);

/* The value of age `age`: 0 is the newest, w->n - 1 the oldest. */
int32_t mir_wait_window_recent(const struct mir_wait_window *w, uint32_t age);

/* The `rank`-th smallest, 1 to w->n. */
int32_t mir_wait_window_rank(const struct mir_wait_window *w, uint32_t rank);

#endif
