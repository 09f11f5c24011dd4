/*
 * chain.h - one link of a chain: predecessor, successor, and the decision
 * between them.  Knows neither Slurm nor simulator: the host is an argument,
 * and so is the time, which is the host's.  One thread at a time per link.
 */
#ifndef MIR_ENGINE_CHAIN_H
#define MIR_ENGINE_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/host.h"
#include "plugins/policy.h"

/* What a user set for the chain. */
struct mir_chain_settings {
    struct mir_request shape; /* of every link */
    double overlap_weight;    /* w */
    int32_t period_s;         /* between decisions */
    int32_t warmup_s;
};

/* A predecessor that has started, and what is decided about its successor. */
struct mir_link {
    const struct mir_chain_settings *settings; /* lent */
    const struct mirage_plugin *plugin;        /* lent */
    void *policy_state;                        /* lent: the plugin's instance for this chain */
    int64_t predecessor_submit_at;
    int64_t predecessor_start_at;
    int64_t predecessor_end_at; /* expected: start + limit */
    /* What the policy may ask for waits; NULL: there is nothing to predict with.  Lent. */
    struct mir_forecaster *forecaster;
    struct mir_lookahead *lookahead; /* what it may ask for futures; likewise */
    uint64_t chain;                  /* which of the lookahead's chains; 0: none of them */
    /* Slurm's, of a successor submitted now; 0, which is what held jobs have: not known. */
    double successor_priority;
};

/*
 * Ask the policy at `queue->now` whether the successor is submitted now.  At or
 * past the predecessor's end the answer is always MIRAGE_SUBMIT: no chain stops
 * because a policy would not decide.  A policy that fails counts as waiting,
 * with its error as the reason.  `out->reason` is never empty.
 */
void mir_link_decide(const struct mir_link *link,
                     const struct mir_snapshot *queue,
                     struct mirage_decision *out);

/* The first decision instant at or after `at`: predecessor start + k periods, at most its end. */
int64_t mir_link_next_decision(const struct mir_link *link, int64_t at);

#endif
