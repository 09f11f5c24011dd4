/*
 * runs.h - which jobs have started and which have ended, each told once, whoever
 * speaks of them and however often: lists, accounting, the journal.  A run is a
 * job's id and submit time; a requeue renews the submit time and so makes another
 * run.  The queue (queue.h) fills it.  One thread.
 */
#ifndef MIR_HOST_RUNS_H
#define MIR_HOST_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A run has started or ended: what a book of run times wants to know. */
struct mir_run_event {
    uint64_t run; /* names the run, the same at its start and its end: mir_run_key() */
    int64_t at;   /* when it started, or ended */
    int64_t submit_at, start_at;
    uint32_t id;
    /* Of the job as it was first seen started, and the same at its end. */
    uint32_t user, name; /* numbers of names, as in struct mir_running_job */
    uint32_t n_nodes;
    int32_t limit_s; /* MIR_UNLIMITED */
    bool ended;      /* false: it started */
    bool chained;    /* a job of a Mirage chain: its run time is its limit's doing */
    uint8_t state;   /* enum mir_job_state: how it ended; RUNNING: a start, or gone unseen */
    uint8_t qos;
    uint16_t partition, account;
};

struct mir_runs;

/* Of runs that ended, the newest `max` are known: 25 bytes each. */
struct mir_runs *mir_runs_create(size_t max);
void mir_runs_destroy(struct mir_runs *r); /* accepts NULL */

/* Exact for 136 years. */
static inline uint64_t mir_run_key(uint32_t id, int64_t submit_at)
{
    return (uint64_t)id << 32 | (uint32_t)submit_at;
}

enum mir_run_known {
    MIR_RUN_NEW,
    MIR_RUN_RUNNING,
    MIR_RUN_OVER, /* its end has been told, or was too long ago to be */
};

/* `end_at`: when it ended; INT64_MAX: it runs. */
enum mir_run_known mir_runs_find(const struct mir_runs *r, uint64_t run, int64_t end_at);

/*
 * A new run has started (asserted that it is new): `start` without `at`, `ended`
 * and `state`.  Without an end by then it ends, at the latest, at `planned_end_at`.
 */
void mir_runs_start(struct mir_runs *r, const struct mir_run_event *start, int64_t planned_end_at);

/* A running one has ended (asserted that it runs); not before its start, whatever is said. */
void mir_runs_end(struct mir_runs *r, uint64_t run, int64_t end_at, uint8_t state);

/*
 * A list: begin, see each job of it that runs, end.  mir_runs_see() tells whether
 * the run was known as running.  Those that run and were not seen have ended when
 * they were planned to or at `at`, the list's time, whichever came first.
 */
void mir_runs_begin_list(struct mir_runs *r);
bool mir_runs_see(struct mir_runs *r, uint64_t run, int64_t planned_end_at);
void mir_runs_end_list(struct mir_runs *r, int64_t at);

/*
 * What has happened since the last call, by time; a start comes before the end of
 * the same run.  Lent until the next call on `r`.  Of events that nobody takes the
 * newest 4 x max are kept.
 */
const struct mir_run_event *mir_runs_take(struct mir_runs *r, size_t *n);

#endif
