/*
 * oracle.h - textbook schedulers, as slow and as obvious as they can be, for
 * holding the simulator against.  Written from the rules in words alone; shares
 * no line with traces/sim.  One thread at a time; no state between calls.
 */
#ifndef MIR_TESTS_ORACLE_H
#define MIR_TESTS_ORACLE_H

#include <stddef.h>
#include <stdint.h>

/* Which of the reference schedules' columns. */
enum mir_oracle_rule {
    MIR_ORACLE_FCFS,
    MIR_ORACLE_EASY_BATCH,
    MIR_ORACLE_EASY_EVENT,
    MIR_ORACLE_EASY_NODE,
    MIR_ORACLE_CONSERVATIVE,
};

struct mir_oracle_job {
    int64_t submit_at;
    int64_t run_s;    /* 1..limit_s: what it really takes */
    int64_t limit_s;  /* what the scheduler plans with */
    int64_t n_nodes;  /* 1..the machine's */
    int64_t start_at; /* the answer */
};

/*
 * Fill every start_at on an empty machine of `n_nodes` alike nodes.  `jobs` are
 * in queue order: by submission, then by number.
 */
void mir_oracle_schedule(enum mir_oracle_rule rule,
                         int64_t n_nodes,
                         struct mir_oracle_job *jobs,
                         size_t n_jobs);

#endif
