/* SPDX-License-Identifier: GPL-3.0-or-later */
/* book.c - run-time distributions learned from starts and ends. */
#include "models/run_time/book.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/host/job.h"

#define H 3600.0F

const float mir_run_grid_s[MIR_RUN_BINS] = {
    0,      30,     60,       120,    300,      600,    900,    1200,    1800,
    2700,   1 * H,  1.5F * H, 2 * H,  2.5F * H, 3 * H,  4 * H,  5 * H,   6 * H,
    8 * H,  10 * H, 12 * H,   14 * H, 16 * H,   20 * H, 24 * H, 28 * H,  32 * H,
    36 * H, 40 * H, 44 * H,   48 * H, 60 * H,   72 * H, 96 * H, 120 * H, 168 * H,
};

/* What one key of one level has learned. */
struct key {
    uint64_t hash; /* 0: free */
    float ends[MIR_RUN_BINS];
    float at_risk_s[MIR_RUN_BINS];
    /* Of jobs running at the last update; valid when generation is the book's. */
    float running_s[MIR_RUN_BINS];
    uint64_t generation;
};

struct curve_slot {
    uint64_t hash;
    uint64_t generation;
    struct mir_run_curve curve;
};

struct running {
    uint64_t id;
    struct mir_run_shape shape;
    int64_t start_at;
};

struct event {
    uint64_t id;
    struct mir_run_shape shape;
    int64_t at;
    bool start;
};

struct mir_run_book {
    struct key *keys; /* open hash; a power of two */
    size_t n_keys, n_key_slots;
    struct curve_slot *curves; /* open hash; a power of two */
    size_t n_curves, n_curve_slots;
    struct running *running; /* in no order */
    size_t n_running, cap_running;
    uint32_t *slots; /* open hash from id to running + 1 */
    size_t n_slots, n_slots_used;
    struct event *events;
    size_t n_events, cap_events;
    uint64_t generation;
    size_t n_ends;
};

/* ---- Keys */

static uint64_t mix(uint64_t h, uint64_t value)
{
    h ^= value + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
    h ^= h >> 30;
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    h ^= h >> 27;
    h *= UINT64_C(0x94d049bb133111eb);
    h ^= h >> 31;
    return h | 1; /* 0 marks a free slot */
}

/* 1, 2, 3-4, 5-8, 9-16, ... */
static uint32_t size_class(uint32_t n_nodes)
{
    uint32_t class = 0;

    while (class < 31 && (1u << class) < n_nodes)
        class ++;
    return class;
}

/* From the crowd to the very request; a user or name that is not known joins no level of its own. */
static unsigned hashes_of(const struct mir_run_shape *s, uint64_t out[MIR_RUN_LEVELS])
{
    uint64_t limit = (uint64_t)(uint32_t)s->limit_s, size = size_class(s->n_nodes);
    unsigned n = 0;

    out[n++] = mix(1, 0);
    out[n++] = mix(mix(2, limit), size);
    if (s->user == 0)
        return n;
    out[n++] = mix(3, s->user);
    out[n++] = mix(mix(4, s->user), limit);
    out[n++] = mix(mix(mix(mix(5, s->user), s->name), limit), size);
    return n;
}

static struct key *find_key(const struct mir_run_book *book, uint64_t hash)
{
    size_t mask = book->n_key_slots - 1;
    size_t i = (size_t)hash & mask;

    if (book->n_key_slots == 0)
        return NULL;
    while (book->keys[i].hash != 0 && book->keys[i].hash != hash)
        i = (i + 1) & mask;
    return book->keys[i].hash == 0 ? NULL : &book->keys[i];
}

static void grow_keys(struct mir_run_book *book)
{
    size_t n = book->n_key_slots == 0 ? 256 : book->n_key_slots * 2;
    struct key *old = book->keys;

    book->keys = MIR_NEW_ARRAY(struct key, n);
    for (size_t i = 0; i < book->n_key_slots; i++) {
        size_t to;

        if (old[i].hash == 0)
            continue;
        for (to = (size_t)old[i].hash & (n - 1); book->keys[to].hash != 0; to = (to + 1) & (n - 1))
            ;
        book->keys[to] = old[i];
    }
    book->n_key_slots = n;
    free(old);
}

static struct key *add_key(struct mir_run_book *book, uint64_t hash)
{
    struct key *key = find_key(book, hash);
    size_t i;

    if (key != NULL)
        return key;
    if (2 * (book->n_keys + 1) > book->n_key_slots)
        grow_keys(book);
    for (i = (size_t)hash & (book->n_key_slots - 1); book->keys[i].hash != 0;)
        i = (i + 1) & (book->n_key_slots - 1);
    book->n_keys++;
    book->keys[i].hash = hash;
    return &book->keys[i];
}

/* ---- Time at risk */

static unsigned bin_of(double age_s)
{
    unsigned low = 0, high = MIR_RUN_BINS;

    while (high - low > 1) {
        unsigned mid = (low + high) / 2;

        if (age_s < (double)mir_run_grid_s[mid])
            high = mid;
        else
            low = mid;
    }
    return low;
}

static double bin_end_s(unsigned bin)
{
    return bin + 1 < MIR_RUN_BINS ? (double)mir_run_grid_s[bin + 1] : INFINITY;
}

static void add_exposure(float at_risk_s[MIR_RUN_BINS], double run_s)
{
    for (unsigned b = 0; b < MIR_RUN_BINS && run_s > (double)mir_run_grid_s[b]; b++)
        at_risk_s[b] += (float)(fmin(run_s, bin_end_s(b)) - (double)mir_run_grid_s[b]);
}

static void fade(struct key *key)
{
    for (unsigned b = 0; b < MIR_RUN_BINS; b++) {
        key->ends[b] *= 1 - 1.0F / MIR_RUN_MEMORY;
        key->at_risk_s[b] *= 1 - 1.0F / MIR_RUN_MEMORY;
    }
}

/* A minute is what slurmctld takes to notice that a limit is over. */
static bool cut_by_limit(const struct mir_run_shape *shape, double run_s)
{
    return shape->limit_s > 0 && shape->limit_s != MIR_UNLIMITED && run_s >= shape->limit_s - 60;
}

static void learn_end(struct mir_run_book *book, const struct mir_run_shape *shape, double run_s)
{
    uint64_t hashes[MIR_RUN_LEVELS];
    unsigned n = hashes_of(shape, hashes);

    run_s = run_s < 1 ? 1 : run_s;
    for (unsigned i = 0; i < n; i++) {
        struct key *key = add_key(book, hashes[i]);

        fade(key);
        add_exposure(key->at_risk_s, run_s);
        if (!cut_by_limit(shape, run_s))
            key->ends[bin_of(run_s)] += 1;
    }
    book->n_ends++;
}

/* ---- Running jobs */

static size_t slot_of(const struct mir_run_book *book, uint64_t id)
{
    size_t mask = book->n_slots - 1, i = (size_t)mix(7, id) & mask;

    while (book->slots[i] != 0 &&
           (book->slots[i] == UINT32_MAX || book->running[book->slots[i] - 1].id != id))
        i = (i + 1) & mask;
    return i;
}

/* Slots of ended jobs stay marked (UINT32_MAX) until the table is made anew. */
static void make_slots(struct mir_run_book *book)
{
    size_t n = 256;

    while (n < 4 * (book->n_running + 1))
        n *= 2;
    free(book->slots);
    book->slots = MIR_NEW_ARRAY(uint32_t, n);
    book->n_slots = n;
    book->n_slots_used = book->n_running;
    for (size_t i = 0; i < book->n_running; i++)
        book->slots[slot_of(book, book->running[i].id)] = (uint32_t)i + 1;
}

static void take_start(struct mir_run_book *book, const struct event *e)
{
    size_t slot;

    if (2 * (book->n_slots_used + 1) > book->n_slots)
        make_slots(book);
    slot = slot_of(book, e->id);
    if (book->slots[slot] != 0)
        return;
    book->running =
        mir_grow(book->running, &book->cap_running, book->n_running + 1, sizeof(*book->running));
    book->running[book->n_running++] = (struct running){e->id, e->shape, e->at};
    book->slots[slot] = (uint32_t)book->n_running;
    book->n_slots_used++;
}

static void take_end(struct mir_run_book *book, const struct event *e)
{
    size_t slot, i;

    if (book->n_slots == 0 || book->slots[slot = slot_of(book, e->id)] == 0)
        return;
    i = book->slots[slot] - 1;
    learn_end(book, &book->running[i].shape, (double)(e->at - book->running[i].start_at));
    if (i + 1 < book->n_running) {
        book->slots[slot_of(book, book->running[book->n_running - 1].id)] = (uint32_t)i + 1;
        book->running[i] = book->running[book->n_running - 1];
    }
    book->slots[slot] = UINT32_MAX;
    book->n_running--;
}

static void expose_running(struct mir_run_book *book, int64_t now)
{
    for (size_t i = 0; i < book->n_running; i++) {
        const struct running *r = &book->running[i];
        uint64_t hashes[MIR_RUN_LEVELS];
        unsigned n = hashes_of(&r->shape, hashes);

        for (unsigned k = 0; k < n; k++) {
            struct key *key = add_key(book, hashes[k]);

            if (key->generation != book->generation) {
                memset(key->running_s, 0, sizeof(key->running_s));
                key->generation = book->generation;
            }
            if (now > r->start_at)
                add_exposure(key->running_s, (double)(now - r->start_at));
        }
    }
}

/* ---- Curves */

/* One level further down: `hazard` is the prior. */
static void pool(const struct key *key, bool running, double hazard[MIR_RUN_BINS])
{
    for (unsigned b = 0; b < MIR_RUN_BINS; b++) {
        double width_s = b + 1 < MIR_RUN_BINS ? bin_end_s(b) - (double)mir_run_grid_s[b] : 172800;
        /* Of MIR_RUN_PRIOR jobs that enter the bin: how many end there, after how long at risk. */
        double share = -expm1(-hazard[b] * width_s);
        double at_risk_s = hazard[b] > 0 ? share / hazard[b] : width_s;
        double ends = (double)key->ends[b] + MIR_RUN_PRIOR * share;
        double all_s = (double)key->at_risk_s[b] + (running ? (double)key->running_s[b] : 0) +
                       MIR_RUN_PRIOR * at_risk_s;

        hazard[b] = ends / all_s;
    }
}

static void make_curve(const struct mir_run_book *book,
                       const struct mir_run_shape *shape,
                       struct mir_run_curve *out)
{
    uint64_t hashes[MIR_RUN_LEVELS];
    unsigned n = hashes_of(shape, hashes);
    double hazard[MIR_RUN_BINS], sum = 0;

    /* Before anything is known: jobs live for a tenth of their age more than they have. */
    for (unsigned b = 0; b < MIR_RUN_BINS; b++)
        hazard[b] = 1 / (4 * H + 2.0 * (double)mir_run_grid_s[b]);
    for (unsigned i = 0; i < n; i++) {
        const struct key *key = find_key(book, hashes[i]);

        if (key != NULL)
            pool(key, key->generation == book->generation, hazard);
    }
    out->limit_s = shape->limit_s > 0 ? shape->limit_s : INT32_MAX;
    for (unsigned b = 0; b < MIR_RUN_BINS; b++) {
        out->hazard_sum[b] = (float)sum;
        if (b + 1 < MIR_RUN_BINS)
            sum += hazard[b] * (bin_end_s(b) - (double)mir_run_grid_s[b]);
    }
    /* The last bin has no end: its hazard itself. */
    out->hazard_sum[MIR_RUN_BINS] = (float)hazard[MIR_RUN_BINS - 1];
}

static void grow_curves(struct mir_run_book *book)
{
    free(book->curves);
    book->n_curve_slots = book->n_curve_slots == 0 ? 256 : book->n_curve_slots * 2;
    book->curves = MIR_NEW_ARRAY(struct curve_slot, book->n_curve_slots);
    book->n_curves = 0;
}

const struct mir_run_curve *mir_run_book_curve(struct mir_run_book *book,
                                               const struct mir_run_shape *shape)
{
    uint64_t hashes[MIR_RUN_LEVELS], hash;
    unsigned n = hashes_of(shape, hashes);
    struct curve_slot *slot;
    size_t i;

    hash = mix(hashes[n - 1], (uint64_t)(uint32_t)shape->limit_s);
    if (2 * (book->n_curves + 1) > book->n_curve_slots)
        grow_curves(book);
    i = (size_t)hash & (book->n_curve_slots - 1);
    while (book->curves[i].hash != 0 && book->curves[i].hash != hash)
        i = (i + 1) & (book->n_curve_slots - 1);
    slot = &book->curves[i];
    if (slot->hash == 0) {
        book->n_curves++;
        slot->hash = hash;
        slot->generation = book->generation + 1;
    }
    if (slot->generation != book->generation) {
        make_curve(book, shape, &slot->curve);
        slot->generation = book->generation;
    }
    return &slot->curve;
}

/* ---- The book */

struct mir_run_book *mir_run_book_create(void)
{
    struct mir_run_book *book = MIR_NEW(struct mir_run_book);

    book->generation = 1;
    return book;
}

void mir_run_book_destroy(struct mir_run_book *book)
{
    if (book == NULL)
        return;
    free(book->keys);
    free(book->curves);
    free(book->running);
    free(book->slots);
    free(book->events);
    free(book);
}

static struct event *add_event(struct mir_run_book *book)
{
    book->events =
        mir_grow(book->events, &book->cap_events, book->n_events + 1, sizeof(*book->events));
    return &book->events[book->n_events++];
}

void mir_run_book_start(struct mir_run_book *book,
                        uint64_t id,
                        const struct mir_run_shape *shape,
                        int64_t start_at)
{
    *add_event(book) = (struct event){id, *shape, start_at, true};
}

void mir_run_book_end(struct mir_run_book *book, uint64_t id, int64_t end_at)
{
    *add_event(book) = (struct event){.id = id, .at = end_at};
}

void mir_run_book_update(struct mir_run_book *book, int64_t now)
{
    for (size_t i = 0; i < book->n_events; i++) {
        if (book->events[i].start)
            take_start(book, &book->events[i]);
        else
            take_end(book, &book->events[i]);
    }
    book->n_events = 0;
    book->generation++;
    expose_running(book, now);
}

size_t mir_run_book_ends(const struct mir_run_book *book)
{
    return book->n_ends;
}

size_t mir_run_book_keys(const struct mir_run_book *book)
{
    return book->n_keys;
}

/* ---- Questions to a curve */

static double hazard_at(const struct mir_run_curve *c, double age_s)
{
    unsigned b = bin_of(age_s);
    double low_s = (double)mir_run_grid_s[b], low = (double)c->hazard_sum[b];

    if (b + 1 == MIR_RUN_BINS)
        return low + (double)c->hazard_sum[MIR_RUN_BINS] * (age_s - low_s);
    return low + ((double)c->hazard_sum[b + 1] - low) * (age_s - low_s) /
                     ((double)mir_run_grid_s[b + 1] - low_s);
}

double mir_run_survival(const struct mir_run_curve *curve, double elapsed_s, double more_s)
{
    if (more_s <= 0)
        return 1;
    if (elapsed_s + more_s >= curve->limit_s)
        return 0;
    return exp(hazard_at(curve, elapsed_s) - hazard_at(curve, elapsed_s + more_s));
}

double mir_run_expected_left_s(const struct mir_run_curve *curve, double elapsed_s)
{
    double at_s = elapsed_s, alive = 1, sum_s = 0;

    for (unsigned b = bin_of(elapsed_s); b < MIR_RUN_BINS && at_s < curve->limit_s; b++) {
        double to_s = fmin(bin_end_s(b), curve->limit_s);
        double width_s, h;

        if (b + 1 == MIR_RUN_BINS && curve->limit_s == INT32_MAX)
            to_s = at_s + 30 * 86400;
        width_s = to_s - at_s;
        h = hazard_at(curve, to_s) - hazard_at(curve, at_s);
        /* The integral of exp(-h x) over the bin. */
        sum_s += alive * width_s * (h > 1e-9 ? -expm1(-h) / h : 1);
        alive *= exp(-h);
        at_s = to_s;
    }
    return sum_s;
}

double mir_run_quantile_left_s(const struct mir_run_curve *curve, double elapsed_s, double p)
{
    double wanted = hazard_at(curve, elapsed_s) - log1p(-fmin(fmax(p, 0), 1 - 1e-12));
    double age_s;
    unsigned b = bin_of(elapsed_s);

    while (b + 1 < MIR_RUN_BINS && (double)curve->hazard_sum[b + 1] < wanted)
        b++;
    if (b + 1 == MIR_RUN_BINS) {
        age_s = (double)mir_run_grid_s[b] + (wanted - (double)curve->hazard_sum[b]) /
                                                fmax((double)curve->hazard_sum[b + 1], 1e-12);
    } else {
        double h = (double)curve->hazard_sum[b + 1] - (double)curve->hazard_sum[b];

        age_s = (double)mir_run_grid_s[b] +
                (h > 0 ? (wanted - (double)curve->hazard_sum[b]) / h : 0) *
                    ((double)mir_run_grid_s[b + 1] - (double)mir_run_grid_s[b]);
    }
    age_s = fmin(fmax(age_s, elapsed_s), fmax(curve->limit_s, elapsed_s));
    return age_s - elapsed_s;
}
