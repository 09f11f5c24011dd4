/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rate.c - how many submissions an hour, per user and in all. */
#include "daemon/broker/rate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

static const int64_t hour_ns = INT64_C(3600) * 1000000000;

static void forget_old(struct mir_rate *rate, int64_t mono_ns)
{
    size_t n = 0;

    while (n < rate->n_events && mono_ns - rate->events[n].mono_ns >= hour_ns)
        n++;
    if (n == 0)
        return;
    rate->n_events -= n;
    memmove(rate->events, rate->events + n, rate->n_events * sizeof(*rate->events));
}

static size_t count_user(const struct mir_rate *rate, uid_t uid)
{
    size_t n = 0;

    for (size_t i = 0; i < rate->n_events; i++)
        n += rate->events[i].uid == uid;
    return n;
}

/* The first of the counted events that must leave the hour for the count to fall under `cap`. */
static int64_t frees_in_s(const struct mir_rate *rate, uid_t uid, size_t cap, int64_t mono_ns)
{
    size_t n_over = (uid == (uid_t)-1 ? rate->n_events : count_user(rate, uid)) + 1;

    n_over = n_over > cap ? n_over - cap : 1;
    for (size_t i = 0; i < rate->n_events; i++) {
        if (uid != (uid_t)-1 && rate->events[i].uid != uid)
            continue;
        if (--n_over == 0)
            return (rate->events[i].mono_ns + hour_ns - mono_ns) / 1000000000 + 1;
    }
    return 3600;
}

int mir_rate_check(struct mir_rate *rate,
                   uid_t uid,
                   int user_per_hour,
                   int all_per_hour,
                   size_t n_under_way,
                   int64_t mono_ns,
                   struct mir_error *err)
{
    size_t user_cap = user_per_hour > 0 ? (size_t)user_per_hour : 0;
    size_t all_cap = all_per_hour > 0 ? (size_t)all_per_hour : 0;

    if (all_cap > MIR_RATE_EVENTS_MAX)
        all_cap = MIR_RATE_EVENTS_MAX;
    forget_old(rate, mono_ns);
    if (count_user(rate, uid) >= user_cap)
        return mir_error_set(
            err, -EDQUOT, "uid %u has had its %zu submissions of this hour; next in %lld s",
            (unsigned)uid, user_cap, (long long)frees_in_s(rate, uid, user_cap, mono_ns));
    if (rate->n_events + n_under_way >= all_cap)
        return mir_error_set(
            err, -EDQUOT, "all users have had their %zu submissions of this hour; next in %lld s",
            all_cap, (long long)frees_in_s(rate, (uid_t)-1, all_cap, mono_ns));
    return 0;
}

void mir_rate_count(struct mir_rate *rate, uid_t uid, int64_t mono_ns)
{
    forget_old(rate, mono_ns);
    /* Only what was checked is counted, so this holds; a table never grows on trust. */
    if (rate->n_events >= MIR_RATE_EVENTS_MAX)
        return;
    rate->events = mir_grow(rate->events, &rate->cap, rate->n_events + 1, sizeof(*rate->events));
    rate->events[rate->n_events++] = (struct mir_rate_event){.mono_ns = mono_ns, .uid = uid};
}

void mir_rate_release(struct mir_rate *rate)
{
    free(rate->events);
    *rate = (struct mir_rate){0};
}
