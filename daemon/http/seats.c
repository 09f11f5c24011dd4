/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seats.c - who holds how many connections to the unix socket. */
#include "daemon/http/seats.h"

void mir_seats_init(struct mir_seats *seats)
{
    seats->n_taken = 0;
    pthread_mutex_init(&seats->lock, NULL);
}

void mir_seats_release(struct mir_seats *seats)
{
    pthread_mutex_destroy(&seats->lock);
}

static bool may_take(const struct mir_seats *seats, uint32_t uid, bool admin)
{
    size_t n_users = 0, n_own = 0;

    if (seats->n_taken >= MIR_SEATS)
        return false;
    for (size_t i = 0; i < seats->n_taken; i++) {
        n_users += !seats->taken[i].admin;
        n_own += seats->taken[i].uid == uid;
    }
    return admin || (n_users < MIR_SEATS_USERS && n_own < MIR_SEATS_PER_USER);
}

bool mir_seats_take(struct mir_seats *seats, uint32_t uid, bool admin)
{
    bool ok;

    pthread_mutex_lock(&seats->lock);
    ok = may_take(seats, uid, admin);
    if (ok) {
        seats->taken[seats->n_taken].uid = uid;
        seats->taken[seats->n_taken].admin = admin;
        seats->n_taken++;
    }
    pthread_mutex_unlock(&seats->lock);
    return ok;
}

void mir_seats_leave(struct mir_seats *seats, uint32_t uid)
{
    pthread_mutex_lock(&seats->lock);
    for (size_t i = 0; i < seats->n_taken; i++) {
        if (seats->taken[i].uid == uid) {
            seats->taken[i] = seats->taken[--seats->n_taken];
            break;
        }
    }
    pthread_mutex_unlock(&seats->lock);
}
