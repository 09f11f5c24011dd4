/*
 * crew.h - tasks shared among threads.  Each thread has a worker of its own, which is
 * given ascending task numbers, as a simulator's clock only goes forward.
 */
#ifndef MIR_REPLAY_CREW_H
#define MIR_REPLAY_CREW_H

#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/core/progress.h"

struct mir_crew {
    /* Called on the worker's thread; never NULL. */
    void *(*create)(void *context);
    /* One task; 0 or a negative errno, which ends the work. */
    int (*run)(void *worker, uint32_t task, struct mir_error *err);
    /* On the caller's thread when all is over, also after a failure; gathers what was counted. */
    void (*end)(void *worker, void *context);
    void *context; /* lent */
    uint32_t n_tasks;
    uint32_t n_threads;            /* at least 1 */
    struct mir_progress *progress; /* counts tasks; may be NULL */
};

/*
 * Do all tasks; `*cpu_s` grows by the CPU time that took.  Returns 0, or what the first
 * of the tasks that failed returned.
 */
int mir_crew_work(const struct mir_crew *crew, double *cpu_s, struct mir_error *err);

#endif
