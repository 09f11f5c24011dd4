/*
 * state.h - the inside of a simulator, shared by the files of this folder only.
 *
 * Everything that lives is in flat arrays without pointers between them, so a
 * fork is a handful of memcpy() of what is live.  A job is named by its number:
 * the workload's index, or workload->n_jobs + k for the k-th submitted one.
 */
#ifndef MIR_SIM_STATE_H
#define MIR_SIM_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/host/summary.h"
#include "traces/sim/sim.h"

enum { MIR_NO_SLOT = -1 };

/* A waiting job, in the queue in the order in which the scheduler tries it. */
struct mir_queued {
    double key; /* higher is tried first; equal keys by submission */
    int64_t submit_at;
    int64_t eligible_at;
    uint32_t job;
    uint32_t n_nodes;
    int32_t limit_s;
    int32_t run_s;
    uint16_t partition; /* in the cluster */
    uint8_t tier;       /* rank of the partition's PriorityTier; higher is tried first */
    uint8_t flags;      /* enum mir_queued_flag */
    union {
        uint32_t stamp; /* conservative: when its reservation last moved; 0: it has none yet */
        uint32_t array; /* slurm: the id of the array of which it is a task; 0: of none */
    };
    int64_t reserved_at; /* conservative: its reservation's start */
};

enum mir_queued_flag {
    MIR_QUEUED_GONE = 1,  /* started; to be swept out */
    MIR_QUEUED_NEVER = 2, /* never was in the queue: started on arrival */
};

/* A running job. */
struct mir_slot {
    int64_t start_at;
    int64_t end_at;         /* true end */
    int64_t planned_end_at; /* start + limit */
    int64_t submit_at;
    uint32_t job;
    uint32_t n_nodes;  /* 0: the slot is free */
    uint32_t sequence; /* of its start */
    uint16_t partition;
    bool released; /* event-by-event EASY: nodes counted as free before the end is handled */
};

/*
 * Heap of true ends: by end, then by the order of the starts, in one number so
 * that a comparison is one instruction.  36 bits of seconds last until the year
 * 4147; 28 bits of sequence for 268 million starts.
 */
struct mir_end {
    uint64_t key;
    uint32_t slot;
};

static inline uint64_t mir_end_key(int64_t at, uint32_t sequence)
{
    return (uint64_t)at << 28 | (sequence & 0xfffffffu);
}

static inline int64_t mir_end_at(const struct mir_end *e)
{
    return (int64_t)(e->key >> 28);
}

/* Running jobs by planned end. */
struct mir_release {
    int64_t at;
    uint32_t n_nodes;
    uint32_t slot;
};

/* A job that is in the system but not yet in the queue, or is to be cancelled. */
struct mir_later {
    int64_t at; /* INT64_MAX: when a dependency or an array's throttle allows */
    uint32_t job;
};

/*
 * Free nodes over time as the scheduler plans it: from at[i] on, until
 * at[i + 1], free[i * n_sets + s] nodes of set s.  The last step has no end.
 */
struct mir_plan {
    int64_t *at;
    int32_t *free;
    size_t n, cap;
    size_t cap_free;
};

struct mir_sim;

/* What differs between schedulers. */
struct mir_sched_ops {
    void (*reset)(struct mir_sim *sim);
    /* One scheduling pass after the events of `now`. */
    void (*pass)(struct mir_sim *sim);
    /* The next instant at which the scheduler itself acts; INT64_MAX: none. */
    int64_t (*next_tick)(const struct mir_sim *sim);
    /* A lone arrival that fits while nobody waits starts, whatever the pass would look at. */
    bool starts_at_once;
    /* Slurm's two variants, which share their passes: how a job starts, one backfill pass. */
    uint32_t (*start)(struct mir_sim *sim, const struct mir_queued *q);
    void (*backfill)(struct mir_sim *sim);
    /* Handle everything at `now` itself, event by event; NULL: batches and pass(). */
    void (*instant)(struct mir_sim *sim);
};

/* A user in an account. */
struct mir_assoc {
    uint32_t account, user;
    double usage;  /* decayed node-seconds */
    double factor; /* of fair share, as of the last PriorityCalcPeriod */
};

/*
 * What is known of a planted simulator's priorities (seed.h) beyond what the
 * configuration says; lent by the bed.
 */
struct mir_planted {
    const double *offset; /* by job number: the reported priority less the computed one */
    size_t n_offsets;
    const struct mir_assoc *assocs; /* fair share's factors, for good; by account, then user */
    size_t n_assocs;
    double newcomer_factor; /* of who is not among them */
};

struct mir_sim {
    struct mir_host host; /* first */
    struct mir_sim_options options;
    const struct mir_sched_ops *sched;
    const struct mir_job *jobs; /* the workload's */
    size_t n_jobs;
    const struct mir_planted *planted; /* NULL: the simulator began with an empty cluster */
    size_t next_arrival, end_arrival;
    int64_t now;
    uint32_t n_sets;
    int32_t free[MIR_MAX_NODE_SETS]; /* negative while more is busy than in service */
    int32_t in_service[MIR_MAX_NODE_SETS];
    uint8_t set_order[MIR_MAX_NODE_SETS]; /* by weight, then number */
    size_t next_capacity;
    uint32_t reserved_begun, reserved_over;    /* a bit for each of options.reserved */
    uint32_t reserved_nodes[MIR_MAX_RESERVED]; /* that each has, once it has begun */

    struct mir_queued *queue; /* live entries are queue[head .. head + n_queue) */
    size_t head, n_queue, cap_queue;
    size_t gone_from, gone_to, n_gone; /* marked entries, within a pass; all in [from, to) */
    struct mir_slot *slots;
    uint32_t *slot_nodes; /* n_sets > 1: nodes of each set, n_sets per slot */
    size_t n_slots, cap_slots, cap_slot_nodes;
    int32_t free_slot; /* chain of free slots through `sequence` */
    size_t n_running;
    struct mir_end *ends;
    size_t n_ends, cap_ends;
    struct mir_release *releases;
    size_t n_releases, cap_releases;
    uint32_t next_sequence;

    struct mir_later *held; /* not yet eligible */
    size_t n_held, cap_held;
    struct mir_later *cancels; /* sorted by `at` */
    size_t n_cancels, cap_cancels;

    struct mir_job *added; /* submitted from outside */
    int64_t *added_start, *added_end;
    int32_t *added_nice;
    size_t n_added, cap_added, cap_added_start, cap_added_end, cap_added_nice;
    uint64_t watched; /* stop when this added job starts; UINT64_MAX: none */
    bool watches_all; /* stop when any added job starts */
    bool watched_started;

    /* slurm: what the last passes left to know. */
    struct mir_plan plan;
    size_t n_planned;  /* queue entries that the plan has dealt with */
    uint32_t n_tested; /* of them against bf_max_job_test: an array counts as one */
    bool plan_valid;
    bool ends_since_main, queue_since_main;
    bool main_blocked; /* the head could not start and nothing has been freed since */
    bool queue_cut;    /* default_queue_depth kept the main pass from the whole queue */
    uint8_t tier_of[MIR_MAX_PARTITIONS];
    int64_t last_backfill_at;
    bool backfill_due;    /* something changed since the last backfill pass */
    int64_t next_calc_at; /* priorities; INT64_MAX: they do not change */
    double age_rate, size_rate;
    struct mir_assoc *assocs; /* fair share only; by account, then user */
    size_t n_assocs;
    int64_t usage_at;
    int64_t next_start_at; /* conservative: the earliest reservation in the queue */
    uint32_t next_stamp;
    uint32_t *bf_count; /* scratch of one pass: jobs per user */
    size_t cap_bf_count;

    /* easy with machine identities */
    uint64_t *machines_free;
    uint64_t *slot_machines;
    size_t n_words, cap_machines_free, cap_slot_machines;
    uint64_t *machine_scratch;

    struct mir_summary summary;

    int64_t *starts; /* keep_starts */
    const struct mir_start *history_old;
    size_t n_history_old;
    struct mir_start *history;
    size_t n_history, cap_history;

    struct mir_pending_job *seen_pending; /* of the last snapshot */
    struct mir_running_job *seen_running;
    size_t cap_seen_pending, cap_seen_running;
    struct mir_sim *scratch; /* for the host's probe */

    uint32_t *by_id; /* job numbers ordered by id; only where there are dependencies */
    size_t n_by_id;
    bool owns_by_id;
    struct mir_sim_counters counters;
};

/*
 * The queue or the machine is no longer what the last passes saw: nothing they
 * left to know holds.  `freed`: nodes came free, so that a pass is due even with
 * SchedulerParameters=defer.
 */
static inline void mir_sim_disturb(struct mir_sim *sim, bool freed)
{
    sim->plan_valid = false;
    sim->main_blocked = false;
    sim->backfill_due = true;
    if (freed)
        sim->ends_since_main = true;
    else
        sim->queue_since_main = true;
}

/* jobs.c: the queue and the running set. */
const struct mir_job *mir_sim_job(const struct mir_sim *sim, uint32_t number);
void mir_sim_arrive(struct mir_sim *sim, uint32_t number);
void mir_sim_enqueue(struct mir_sim *sim, uint32_t number, int64_t eligible_at);
/* The order of the queue. */
bool mir_sim_tried_before(const struct mir_queued *a, const struct mir_queued *b);
/* Takes the entry out of the queue; order of the others kept. */
void mir_sim_dequeue(struct mir_sim *sim, size_t index);
/* Begin to run now, in the slot that is returned; the caller takes it out of the queue. */
uint32_t mir_sim_start(struct mir_sim *sim, const struct mir_queued *q);
/* The same on `nodes[s]` nodes of each set. */
uint32_t mir_sim_start_on(struct mir_sim *sim, const struct mir_queued *q, const uint32_t *nodes);
/* Up to n_nodes free nodes of the sets in `mask`, set by set in order; false where they do not suffice. */
bool mir_sim_choose(const struct mir_sim *sim, uint64_t mask, uint32_t n_nodes, uint32_t *nodes);
/* The same of `free[s]` nodes of each set. */
bool mir_sim_choose_of(const struct mir_sim *sim,
                       const int32_t *free,
                       uint64_t mask,
                       uint32_t n_nodes,
                       uint32_t *nodes);
/* The entry is to be taken out by the next sweep: until then the others stay where they are. */
void mir_sim_mark_gone(struct mir_sim *sim, size_t index);
void mir_sim_sweep(struct mir_sim *sim);
/* The earliest end not later than now, taken out of the heap; MIR_NO_SLOT when there is none. */
int32_t mir_sim_pop_end(struct mir_sim *sim);
/* Frees what the slot holds and forgets it. */
void mir_sim_finish(struct mir_sim *sim, uint32_t slot);
void mir_sim_release_nodes(struct mir_sim *sim, uint32_t slot);
/* Makes the heap a heap again after an entry was taken from its middle. */
void mir_sim_rebuild_ends(struct mir_sim *sim);
int32_t mir_sim_free_for(const struct mir_sim *sim, uint16_t partition);
void mir_sim_process_ends(struct mir_sim *sim);
void mir_sim_process_arrivals(struct mir_sim *sim);
/* Planting: a job that runs since `running` says so, on `nodes[s]` nodes of each set. */
void mir_sim_plant_running(struct mir_sim *sim,
                           const struct mir_slot *running,
                           const uint32_t *nodes);
/* Planting: a job that waits already, in its place in the queue, mostly the last. */
void mir_sim_plant_waiting(struct mir_sim *sim, uint32_t number, int64_t eligible_at);

/* reserved.c */
void mir_sim_process_reserved(struct mir_sim *sim);
int64_t mir_sim_next_reserved(const struct mir_sim *sim);
/* Reservation `i` begins, and has so many nodes; 0 for one that is over. */
void mir_sim_begin_reserved(struct mir_sim *sim, size_t i, uint32_t n_nodes);
/* As mir_sim_choose(), for a job of that limit: of nodes that no reservation needs before it ends. */
bool mir_sim_choose_beside(const struct mir_sim *sim,
                           uint64_t mask,
                           uint32_t n_nodes,
                           int32_t limit_s,
                           uint32_t *nodes);
/* Into the plan, which has all running jobs. */
void mir_sim_plan_reserved(struct mir_sim *sim);

/* held.c: what keeps a job out of the queue, and cancellations. */
bool mir_sim_must_hold(const struct mir_sim *sim, uint32_t number, int64_t *until);
/* An arriving job that is cancelled later in the log. */
void mir_sim_note_cancel(struct mir_sim *sim, uint32_t number);
/* Pending, held or running: gone.  False: not in the system. */
bool mir_sim_cancel_job(struct mir_sim *sim, uint32_t number);
void mir_sim_process_held(struct mir_sim *sim, bool something_ended);
void mir_sim_process_cancels(struct mir_sim *sim);
int64_t mir_sim_next_held(const struct mir_sim *sim);
void mir_sim_index_ids(struct mir_sim *sim);

/* priority.c */
void mir_priority_init(struct mir_sim *sim);
double mir_priority_key(const struct mir_sim *sim, uint32_t number, int64_t eligible_at);
/* Slurm's number now, for people and snapshots. */
double mir_priority_of(const struct mir_sim *sim, const struct mir_queued *q);
/* Planting: a waiting job's key; of a capped age, as the last PriorityCalcPeriod left it. */
double mir_priority_planted_key(const struct mir_sim *sim, uint32_t number, int64_t eligible_at);
/* A job's priority now, not rounded and without what is not to be computed (nice, offset). */
double mir_priority_computed(const struct mir_sim *sim, uint32_t number, int64_t eligible_at);
/* How much more than `computed` is Slurm's number `reported`?  0 where they are one number. */
double mir_priority_offset(double computed, double reported);
bool mir_has_priorities(const struct mir_sim *sim);
bool mir_has_fairshare(const struct mir_sim *sim);
/* A job joins the queue: remember when its age will reach PriorityMaxAge. */
void mir_priority_watch(struct mir_sim *sim, int64_t eligible_at);
/* At a PriorityCalcPeriod tick: decay usage, recompute keys, sort again. */
void mir_priority_tick(struct mir_sim *sim);

/* fairshare.c; only where PriorityWeightFairshare counts */
void mir_fairshare_init(struct mir_sim *sim);
/* The job held n_nodes in [from, to). */
void mir_fairshare_charge(struct mir_sim *sim,
                          uint32_t number,
                          uint32_t n_nodes,
                          int64_t from,
                          int64_t to);
/* Decay what was used and compute every association's factor anew. */
void mir_fairshare_tick(struct mir_sim *sim);
double mir_fairshare_factor(const struct mir_sim *sim, const struct mir_job *job);

/* plan.c */
void mir_plan_reset(struct mir_plan *plan, uint32_t n_sets, int64_t now, const int32_t *free);
/* From `at` on, `n_nodes` of set s more are free; `at` not before the last step. */
void mir_plan_append(struct mir_plan *plan, uint32_t n_sets, int64_t at, const uint32_t *n_nodes);
/*
 * The earliest step from `first` on from which n_nodes of the sets in `mask` are free for
 * limit_s; plan->n: never.
 */
size_t mir_plan_find(const struct mir_plan *plan,
                     uint32_t n_sets,
                     uint64_t mask,
                     uint32_t n_nodes,
                     int64_t limit_s,
                     size_t first);
/*
 * [from, to) loses n_nodes; `nodes` (n_sets > 1; may be NULL) tells of which
 * sets.  `guess` is the step where `from` may lie; any number will do.
 */
void mir_plan_take(struct mir_plan *plan,
                   const uint8_t *set_order,
                   uint32_t n_sets,
                   uint64_t mask,
                   int64_t from,
                   int64_t to,
                   uint32_t n_nodes,
                   uint32_t *nodes,
                   size_t guess);
/* The opposite, for one set: [from, to) gets n_nodes back. */
void mir_plan_give(struct mir_plan *plan, int64_t from, int64_t to, uint32_t n_nodes);
/* [from, to) gets delta[s] nodes of each set; to = INT64_MAX: for good. */
void mir_plan_add(struct mir_plan *plan,
                  uint32_t n_sets,
                  int64_t from,
                  int64_t to,
                  const int32_t *delta);
/* Joins neighbouring steps that are alike. */
void mir_plan_merge(struct mir_plan *plan);
void mir_plan_begin_at(struct mir_plan *plan, uint32_t n_sets, int64_t now);
void mir_plan_copy(struct mir_plan *to, const struct mir_plan *from, uint32_t n_sets);
void mir_plan_release(struct mir_plan *plan);

extern const struct mir_sched_ops mir_sched_fcfs;
extern const struct mir_sched_ops mir_sched_easy_batch;
extern const struct mir_sched_ops mir_sched_easy_single;
extern const struct mir_sched_ops mir_sched_easy_node;
extern const struct mir_sched_ops mir_sched_conservative;
extern const struct mir_sched_ops mir_sched_slurm;
extern const struct mir_sched_ops mir_sched_slurm_node;

/* sched_slurm.c: what both variants of Slurm's scheduling share. */
void mir_slurm_pass(struct mir_sim *sim);
/* When slurmctld's own clocks call next. */
int64_t mir_slurm_next_tick(const struct mir_sim *sim);
/* The span of the group after one of `window_s` in the will-run test, and its first. */
int64_t mir_slurm_next_window(const struct mir_sim *sim, int64_t window_s);
enum { MIR_WILL_RUN_WINDOW_S = 30, MIR_WILL_RUN_GROUP = 200 };
int64_t mir_slurm_round_down(int64_t at, int32_t resolution_s);

extern const struct mir_host_ops mir_sim_host_ops;

#endif
