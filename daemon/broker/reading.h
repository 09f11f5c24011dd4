/*
 * reading.h - a reader child and the questions that wait for it, one at a time.
 * The server has two: for slurmctld and for slurmdbd.  One thread.
 */
#ifndef MIR_BROKER_READING_H
#define MIR_BROKER_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/process.h"
#include "daemon/broker/question.h"
#include "daemon/broker/service.h"

enum { MIR_READINGS_MAX = 64 };

struct mir_reading {
    const char *name; /* for the log */
    struct mir_process process;
    struct mir_question *current;                 /* handed to the child; NULL: idle */
    struct mir_question *queue[MIR_READINGS_MAX]; /* oldest first */
    size_t n_queued;
    struct mir_str to_child; /* the current question; not yet written from to_child_begin on */
    size_t to_child_begin;
    int64_t asked_ns;
    int64_t deadline_ns; /* for an answer, or for the child's end; INT64_MAX: none */
    int64_t restart_ns;  /* no child: when to start one */
    int backoff_s;
    bool retiring;       /* ends because we want it to: settings have changed */
    struct mir_str line; /* scratch */
    struct mir_str end;  /* how the last child ended; empty: none did */
};

/* `name` is lent.  The child starts at `start_ns`; INT64_MAX: with the first question. */
void mir_reading_init(struct mir_reading *r, const char *name, int64_t start_ns);

/* Take `q` and answer it some day; at once, when there is no reader. */
void mir_reading_ask(struct mir_reading *r, struct mir_service *s, struct mir_question *q);

/* Is a question with this ticket open on the connection? */
bool mir_reading_has(const struct mir_reading *r, uint64_t connection, uint64_t ticket);

/* Start, feed, hear, end the child, as is due. */
void mir_reading_serve(struct mir_reading *r, struct mir_service *s);

/* Nobody waits for the queue any more. */
void mir_reading_drop_queue(struct mir_reading *r);

/* Replace the child when it is idle next: it has old settings. */
void mir_reading_renew(struct mir_reading *r);

/* When to look again at the latest. */
int64_t mir_reading_next_ns(const struct mir_reading *r, const struct mir_service *s);

/* Events to wait for on process.fd, for poll(2). */
short mir_reading_events(const struct mir_reading *r, const struct mir_service *s);

/* Ends the child. */
void mir_reading_release(struct mir_reading *r);

#endif
