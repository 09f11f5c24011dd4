/* SPDX-License-Identifier: GPL-3.0-or-later */
/* runs.c - a set of runs, running and over, and the events that made it. */
#include "daemon/host/runs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/host/job.h"

enum {
    SLOTS_MIN = 256,
    EVENTS_KEPT = 4096, /* room for so many is not given back */
    EVENTS_MIN = 1000,  /* so many wait to be taken, however few runs are known */
    RUNS_MAX = 1 << 28, /* places have room for OVER */
};

static const uint32_t OVER = UINT32_C(1) << 31;

struct running {
    struct mir_run_event start;
    int64_t planned_end_at;
    uint32_t seen; /* number of the list that had it last */
};

struct over {
    uint64_t run;
    int64_t end_at;
};

/* The set has at least twice as many slots as runs; a run that ends keeps its slot. */
struct mir_runs {
    struct running *running; /* in no order */
    size_t n_running, cap_running;
    struct over *over; /* in no order */
    size_t n_over, cap_over, max_over;
    uint32_t *slots; /* place in running or, with OVER, in over; + 1; 0 is free */
    size_t n_slots;
    int64_t floor_at; /* what ended until then is forgotten, and stays so */
    uint32_t list;
    struct mir_run_event *events; /* the first n_taken have been taken */
    size_t n_events, cap_events, n_taken;
};

struct mir_runs *mir_runs_create(size_t max)
{
    struct mir_runs *r = MIR_NEW(struct mir_runs);

    r->max_over = max < 1 ? 1 : max > RUNS_MAX ? RUNS_MAX : max;
    r->floor_at = INT64_MIN;
    r->n_slots = SLOTS_MIN;
    r->slots = MIR_NEW_ARRAY(uint32_t, r->n_slots);
    return r;
}

void mir_runs_destroy(struct mir_runs *r)
{
    if (r == NULL)
        return;
    free(r->running);
    free(r->over);
    free(r->slots);
    free(r->events);
    free(r);
}

/* ---- the set */

static bool is_over(uint32_t slot)
{
    return (slot & OVER) != 0;
}

static size_t place_of(uint32_t slot)
{
    return (slot & ~OVER) - 1;
}

static uint64_t run_at(const struct mir_runs *r, uint32_t slot)
{
    return is_over(slot) ? r->over[place_of(slot)].run : r->running[place_of(slot)].start.run;
}

/* The slot of the run, or the free one where it belongs. */
static uint32_t *find_slot(const struct mir_runs *r, uint64_t run)
{
    size_t i = (run * 0x9e3779b97f4a7c15u >> 20) & (r->n_slots - 1);

    while (r->slots[i] != 0 && run_at(r, r->slots[i]) != run)
        i = (i + 1) & (r->n_slots - 1);
    return &r->slots[i];
}

/* All slots anew, with room for one run more. */
static void make_slots(struct mir_runs *r)
{
    size_t n = SLOTS_MIN;

    while (n < 2 * (r->n_running + r->n_over + 1))
        n *= 2;
    free(r->slots);
    r->slots = MIR_NEW_ARRAY(uint32_t, n);
    r->n_slots = n;
    for (size_t i = 0; i < r->n_running; i++)
        *find_slot(r, r->running[i].start.run) = (uint32_t)i + 1;
    for (size_t i = 0; i < r->n_over; i++)
        *find_slot(r, r->over[i].run) = ((uint32_t)i + 1) | OVER;
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* When the oldest quarter of what is over had ended. */
static int64_t quarter_at(const struct mir_runs *r)
{
    int64_t *ends = MIR_NEW_ARRAY(int64_t, r->n_over), at;

    for (size_t i = 0; i < r->n_over; i++)
        ends[i] = r->over[i].end_at;
    qsort(ends, r->n_over, sizeof *ends, compare_times);
    at = ends[r->n_over / 4];
    free(ends);
    return at;
}

static void forget_oldest(struct mir_runs *r)
{
    size_t n = 0;

    r->floor_at = quarter_at(r);
    for (size_t i = 0; i < r->n_over; i++)
        if (r->over[i].end_at > r->floor_at)
            r->over[n++] = r->over[i];
    r->n_over = n;
    make_slots(r);
}

enum mir_run_known mir_runs_find(const struct mir_runs *r, uint64_t run, int64_t end_at)
{
    uint32_t slot = *find_slot(r, run);

    if (slot == 0)
        return end_at <= r->floor_at ? MIR_RUN_OVER : MIR_RUN_NEW;
    return is_over(slot) ? MIR_RUN_OVER : MIR_RUN_RUNNING;
}

/* ---- events */

static int by_time(const void *a, const void *b)
{
    const struct mir_run_event *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (x->ended != y->ended)
        return x->ended ? 1 : -1;
    return (x->run > y->run) - (x->run < y->run);
}

/* Those that were taken go; of a few the room is kept. */
static void drop_taken(struct mir_runs *r)
{
    r->n_events -= r->n_taken;
    if (r->n_events == 0 && r->cap_events > EVENTS_KEPT) {
        free(r->events);
        r->events = NULL;
        r->cap_events = 0;
    } else if (r->n_taken > 0 && r->n_events > 0) {
        memmove(r->events, r->events + r->n_taken, r->n_events * sizeof *r->events);
    }
    r->n_taken = 0;
}

static void sort_events(struct mir_runs *r)
{
    size_t sorted = 1;

    while (sorted < r->n_events && by_time(&r->events[sorted - 1], &r->events[sorted]) <= 0)
        sorted++;
    if (sorted < r->n_events)
        qsort(r->events, r->n_events, sizeof *r->events, by_time);
}

/* The older half: an end may lose its start so, a start never its end. */
static void drop_untaken(struct mir_runs *r)
{
    size_t n = r->n_events / 2;

    sort_events(r);
    r->n_events -= n;
    memmove(r->events, r->events + n, r->n_events * sizeof *r->events);
}

static void add_event(struct mir_runs *r, const struct mir_run_event *event)
{
    drop_taken(r);
    if (r->n_events >= 4 * r->max_over + EVENTS_MIN)
        drop_untaken(r);
    r->events = mir_grow(r->events, &r->cap_events, r->n_events + 1, sizeof *r->events);
    r->events[r->n_events++] = *event;
}

const struct mir_run_event *mir_runs_take(struct mir_runs *r, size_t *n)
{
    drop_taken(r);
    sort_events(r);
    *n = r->n_taken = r->n_events;
    return r->events;
}

/* ---- starts and ends */

void mir_runs_start(struct mir_runs *r, const struct mir_run_event *start, int64_t planned_end_at)
{
    struct running *running;
    uint32_t *slot;

    if (2 * (r->n_running + r->n_over + 1) > r->n_slots)
        make_slots(r);
    slot = find_slot(r, start->run);
    assert(*slot == 0);
    r->running = mir_grow(r->running, &r->cap_running, r->n_running + 1, sizeof *r->running);
    running = &r->running[r->n_running++];
    *running = (struct running){*start, planned_end_at, r->list};
    running->start.at = start->start_at;
    running->start.ended = false;
    running->start.state = MIR_STATE_RUNNING;
    *slot = (uint32_t)r->n_running;
    add_event(r, &running->start);
}

/* From running to over; the last one fills the gap. */
static void move_over(struct mir_runs *r, uint32_t *slot, int64_t end_at)
{
    size_t place = place_of(*slot), last = r->n_running - 1;

    r->over = mir_grow(r->over, &r->cap_over, r->n_over + 1, sizeof *r->over);
    r->over[r->n_over++] = (struct over){r->running[place].start.run, end_at};
    if (place < last)
        *find_slot(r, r->running[last].start.run) = (uint32_t)place + 1;
    r->running[place] = r->running[last];
    r->n_running--;
    *slot = (uint32_t)r->n_over | OVER;
}

void mir_runs_end(struct mir_runs *r, uint64_t run, int64_t end_at, uint8_t state)
{
    uint32_t *slot = find_slot(r, run);
    struct mir_run_event event;

    assert(*slot != 0 && !is_over(*slot));
    event = r->running[place_of(*slot)].start;
    event.at = end_at > event.start_at ? end_at : event.start_at;
    event.ended = true;
    event.state = state;
    move_over(r, slot, event.at);
    add_event(r, &event);
    if (r->n_over > r->max_over)
        forget_oldest(r);
}

/* ---- lists */

void mir_runs_begin_list(struct mir_runs *r)
{
    r->list++;
}

bool mir_runs_see(struct mir_runs *r, uint64_t run, int64_t planned_end_at)
{
    uint32_t slot = *find_slot(r, run);

    if (slot == 0 || is_over(slot))
        return false;
    r->running[place_of(slot)].planned_end_at = planned_end_at;
    r->running[place_of(slot)].seen = r->list;
    return true;
}

/* From the end: what fills a gap has been looked at. */
void mir_runs_end_list(struct mir_runs *r, int64_t at)
{
    for (size_t i = r->n_running; i-- > 0;) {
        const struct running *running = &r->running[i];
        int64_t planned_at = running->planned_end_at;

        if (running->seen != r->list)
            mir_runs_end(r, running->start.run, planned_at < at ? planned_at : at,
                         MIR_STATE_RUNNING);
    }
}
