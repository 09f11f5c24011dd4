/*
 * seats.h - who holds how many connections to the unix socket.  Anybody on the
 * machine may connect, so no user gets more than a few, and some are kept for
 * admins.  Any thread.
 */
#ifndef MIR_HTTP_SEATS_H
#define MIR_HTTP_SEATS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MIR_SEATS = 64,         /* in all */
    MIR_SEATS_USERS = 48,   /* of those who are no admins */
    MIR_SEATS_PER_USER = 8, /* of one of them */
};

struct mir_seats {
    pthread_mutex_t lock;
    struct {
        uint32_t uid;
        bool admin;
    } taken[MIR_SEATS];
    size_t n_taken;
};

void mir_seats_init(struct mir_seats *seats);
void mir_seats_release(struct mir_seats *seats);

/* False when there is none left for `uid`. */
bool mir_seats_take(struct mir_seats *seats, uint32_t uid, bool admin);

/* For each take that was true. */
void mir_seats_leave(struct mir_seats *seats, uint32_t uid);

#endif
