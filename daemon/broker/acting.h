/*
 * acting.h - captures, submissions and cancellations: a child for each, a few
 * at a time, one per owner.  One thread.
 */
#ifndef MIR_BROKER_ACTING_H
#define MIR_BROKER_ACTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/process.h"
#include "daemon/broker/question.h"
#include "daemon/broker/rate.h"
#include "daemon/broker/sent.h"
#include "daemon/broker/service.h"

enum {
    MIR_ACTS_MAX = 8,
    MIR_ACTS_QUEUE_MAX = 256,
    MIR_ACTS_QUEUE_BYTES_MAX = 64 << 20, /* a question may bring an environment along */
};

struct mir_act {
    struct mir_question *question; /* NULL: this place is free */
    struct mir_process process;
    int64_t started_ns, deadline_ns;
    bool sending;  /* has leave: slurmctld may have it */
    bool answered; /* the closing record has come */
    unsigned n_records;
    struct mir_str captured; /* that of a capture, kept until the template counts */
    char template_id[MIR_TEMPLATE_ID_LEN + 1];
    struct mir_sent sent; /* that of a submission, from the record of its job; job_id 0: none */
};

struct mir_acting {
    struct mir_act acts[MIR_ACTS_MAX];
    struct mir_question *queue[MIR_ACTS_QUEUE_MAX]; /* oldest first */
    size_t n_queued, n_queued_bytes;
    struct mir_rate rate;
    struct mir_str line; /* scratch */
};

void mir_acting_init(struct mir_acting *a);

/* Take `q` (capture, submit or cancel) and answer it some day. */
void mir_acting_ask(struct mir_acting *a, struct mir_service *s, struct mir_question *q);

/* Is a question with this ticket open on the connection? */
bool mir_acting_has(const struct mir_acting *a, uint64_t connection, uint64_t ticket);

/* Start, hear and end children, as is due. */
void mir_acting_serve(struct mir_acting *a, struct mir_service *s);

/* Nobody waits for the queue any more.  What runs is let finish. */
void mir_acting_drop_queue(struct mir_acting *a);

/* The same, but told: the broker stops. */
void mir_acting_refuse_queue(struct mir_acting *a, struct mir_service *s);

size_t mir_acting_n_running(const struct mir_acting *a);

/* When to look again at the latest. */
int64_t mir_acting_next_ns(const struct mir_acting *a);

/* Forgets; children that still run are left alone, with their deadline. */
void mir_acting_release(struct mir_acting *a);

#endif
