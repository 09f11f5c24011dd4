/* SPDX-License-Identifier: GPL-3.0-or-later */
/* book.c - run-time distributions learned from starts and ends. */
#include "models/run_time/book.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/host/job.h"
#include "models/run_time/hash.h"
#include "models/run_time/mixer.h"

#define H 3600.0F

const float mir_run_grid_s[MIR_RUN_BINS] = {
    0,      30,     60,       120,    300,      600,    900,    1200,    1800,
    2700,   1 * H,  1.5F * H, 2 * H,  2.5F * H, 3 * H,  4 * H,  5 * H,   6 * H,
    8 * H,  10 * H, 12 * H,   14 * H, 16 * H,   20 * H, 24 * H, 28 * H,  32 * H,
    36 * H, 40 * H, 44 * H,   48 * H, 60 * H,   72 * H, 96 * H, 120 * H, 168 * H,
};

/* What one key of one level has learned. */
struct key {
    uint64_t hash;
    uint64_t used;      /* number of the start or end that last named it */
    uint32_t n_running; /* of its jobs, now */
    float ends[MIR_RUN_BINS];
    float at_risk_s[MIR_RUN_BINS];
    /* Of jobs running at the last update; valid when generation is the book's. */
    float running_s[MIR_RUN_BINS];
    uint64_t generation;
};

/* Free unless it is of the book's generation. */
struct curve_slot {
    uint64_t hash;
    uint64_t generation;
    struct mir_run_curve curve;
};

/* Hazards of the first two levels, which many shapes share. */
struct common {
    uint64_t hash, generation;
    double hazard[MIR_RUN_BINS];
};

enum { N_COMMON = 64 };

struct running {
    uint64_t id;
    struct mir_run_shape shape;
    int64_t start_at;
    struct mir_mixed_job *mixed; /* NULL: the book does not mix, or it has no limit */
};

struct event {
    uint64_t id;
    struct mir_run_shape shape;
    int64_t at;
    bool start;
};

struct mir_run_book {
    struct key *keys; /* in no order */
    size_t n_keys, cap_keys;
    uint32_t *key_slots; /* open hash from a key's hash to its place + 1; a power of two */
    size_t n_key_slots;
    size_t forget_at;          /* n_keys over which the unused are forgotten */
    uint64_t n_told;           /* starts and ends taken up */
    struct curve_slot *curves; /* open hash; a power of two */
    size_t n_curves, n_curve_slots;
    struct running *running; /* in no order */
    size_t n_running, cap_running;
    uint32_t *slots; /* open hash from id to running + 1 */
    size_t n_slots, n_slots_used;
    struct event *events;
    size_t n_events, cap_events;
    double width_s[MIR_RUN_BINS]; /* of bins; the last counts as two days */
    double crowd[MIR_RUN_BINS];   /* hazards of the first level */
    struct common common[N_COMMON];
    uint64_t generation;
    size_t n_ends;
    struct mir_run_mixer *mixer; /* NULL: it does not mix */
    int64_t now;                 /* of the last update */
};

/* ---- Keys */

/* 1, 2, 3-4, 5-8, 9-16, ... */
static uint32_t size_class(uint32_t n_nodes)
{
    uint32_t class = 0;

    while (class < 31 && (1u << class) < n_nodes)
        class ++;
    return class;
}

static uint64_t crowd_hash(void)
{
    return mir_run_hash(1, 0);
}

/* From the crowd to the very request; a job of nobody has the crowd's levels only. */
static unsigned hashes_of(const struct mir_run_shape *s, uint64_t out[MIR_RUN_LEVELS])
{
    uint64_t limit = (uint64_t)(uint32_t)s->limit_s, size = size_class(s->n_nodes);
    unsigned n = 0;

    out[n++] = crowd_hash();
    out[n++] = mir_run_hash(mir_run_hash(2, limit), size);
    if (s->user == 0)
        return n;
    out[n++] = mir_run_hash(3, s->user);
    out[n++] = mir_run_hash(mir_run_hash(4, s->user), limit);
    out[n++] =
        mir_run_hash(mir_run_hash(mir_run_hash(mir_run_hash(5, s->user), s->name), limit), size);
    return n;
}

/* The key's slot, or the free one where it belongs; there is always one. */
static size_t key_slot(const struct mir_run_book *book, uint64_t hash)
{
    size_t mask = book->n_key_slots - 1, i = (size_t)hash & mask;

    while (book->key_slots[i] != 0 && book->keys[book->key_slots[i] - 1].hash != hash)
        i = (i + 1) & mask;
    return i;
}

static struct key *find_key(const struct mir_run_book *book, uint64_t hash)
{
    uint32_t place = book->n_key_slots > 0 ? book->key_slots[key_slot(book, hash)] : 0;

    return place == 0 ? NULL : &book->keys[place - 1];
}

/* All places anew, with room for another key. */
static void index_keys(struct mir_run_book *book)
{
    size_t n = 256;

    while (n < 2 * (book->n_keys + 1))
        n *= 2;
    free(book->key_slots);
    book->key_slots = MIR_NEW_ARRAY(uint32_t, n);
    book->n_key_slots = n;
    for (size_t i = 0; i < book->n_keys; i++)
        book->key_slots[key_slot(book, book->keys[i].hash)] = (uint32_t)i + 1;
}

static struct key *add_key(struct mir_run_book *book, uint64_t hash)
{
    struct key *key = find_key(book, hash);

    if (key != NULL)
        return key;
    if (2 * (book->n_keys + 1) > book->n_key_slots)
        index_keys(book);
    book->keys = mir_grow(book->keys, &book->cap_keys, book->n_keys + 1, sizeof(*book->keys));
    key = &book->keys[book->n_keys];
    *key = (struct key){.hash = hash};
    book->key_slots[key_slot(book, hash)] = (uint32_t)++book->n_keys;
    return key;
}

/* One of its jobs started or ended.  Good until the next key is added. */
static struct key *use_key(struct mir_run_book *book, uint64_t hash)
{
    struct key *key = add_key(book, hash);

    key->used = book->n_told;
    return key;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/*
 * Half of the keys go, those longest unused; not those of jobs that run.  What is
 * forgotten depends on what was told and on nothing else, so that readers of one
 * log agree, however they cut it into updates.
 */
static void forget_keys(struct mir_run_book *book)
{
    uint64_t *used = MIR_NEW_ARRAY(uint64_t, book->n_keys), middle;
    size_t n = 0, n_held = 0;

    for (size_t i = 0; i < book->n_keys; i++) {
        used[i] = book->keys[i].used;
        n_held += book->keys[i].n_running > 0;
    }
    qsort(used, book->n_keys, sizeof(used[0]), by_number);
    middle = used[book->n_keys / 2];
    free(used);
    for (size_t i = 0; i < book->n_keys; i++)
        if (book->keys[i].used > middle || book->keys[i].n_running > 0)
            book->keys[n++] = book->keys[i];
    book->n_keys = n;
    book->forget_at = 2 * n_held > MIR_RUN_KEYS_MAX ? 2 * n_held : MIR_RUN_KEYS_MAX;
    index_keys(book);
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

static bool has_limit(const struct mir_run_shape *shape)
{
    return shape->limit_s > 0 && shape->limit_s != MIR_UNLIMITED;
}

/* A job that saves itself on the signal before its limit was cut by it as well. */
static bool cut_by_limit(const struct mir_run_shape *shape, double run_s)
{
    double limit_s = shape->limit_s;

    return has_limit(shape) && run_s >= limit_s - fmin(60, limit_s / 20);
}

static void learn_end(struct mir_run_book *book, const struct mir_run_shape *shape, double run_s)
{
    uint64_t hashes[MIR_RUN_LEVELS];
    unsigned n = hashes_of(shape, hashes);

    run_s = run_s < 1 ? 1 : run_s;
    for (unsigned i = 0; i < n; i++) {
        struct key *key = use_key(book, hashes[i]);

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
    size_t mask = book->n_slots - 1, i = (size_t)mir_run_hash(7, id) & mask;

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

/* Keys of running jobs are never forgotten. */
static void hold_keys(struct mir_run_book *book, const struct mir_run_shape *shape)
{
    uint64_t hashes[MIR_RUN_LEVELS];
    unsigned n = hashes_of(shape, hashes);

    for (unsigned i = 0; i < n; i++)
        use_key(book, hashes[i])->n_running++;
    if (book->n_keys > book->forget_at)
        forget_keys(book);
}

static void let_go_of_keys(struct mir_run_book *book, const struct mir_run_shape *shape)
{
    uint64_t hashes[MIR_RUN_LEVELS];
    unsigned n = hashes_of(shape, hashes);

    for (unsigned i = 0; i < n; i++)
        find_key(book, hashes[i])->n_running--;
}

static struct mir_mixed_job *start_mixed(struct mir_run_book *book, const struct event *e)
{
    if (book->mixer == NULL || !has_limit(&e->shape))
        return NULL;
    return mir_run_mixer_start(book->mixer, &e->shape, mir_run_book_curve(book, &e->shape), e->at);
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
    book->running[book->n_running++] =
        (struct running){e->id, e->shape, e->at, start_mixed(book, e)};
    book->slots[slot] = (uint32_t)book->n_running;
    book->n_slots_used++;
    book->n_told++;
    hold_keys(book, &e->shape);
}

/* The last of the running takes the place of the one in `slot`. */
static void remove_running(struct mir_run_book *book, size_t slot)
{
    uint32_t place = book->slots[slot];
    struct running *last = &book->running[book->n_running - 1];

    let_go_of_keys(book, &book->running[place - 1].shape);
    if (book->running[place - 1].mixed != NULL)
        mir_run_mixer_drop(book->mixer, book->running[place - 1].mixed);
    book->slots[slot_of(book, last->id)] = place;
    book->running[place - 1] = *last;
    book->slots[slot] = UINT32_MAX;
    book->n_running--;
}

static void take_end(struct mir_run_book *book, const struct event *e)
{
    size_t slot = book->n_slots > 0 ? slot_of(book, e->id) : 0;
    struct running *r;
    double run_s;

    if (book->n_slots == 0 || book->slots[slot] == 0)
        return;
    r = &book->running[book->slots[slot] - 1];
    run_s = mir_between_s(r->start_at, e->at);
    book->n_told++;
    learn_end(book, &r->shape, run_s);
    if (r->mixed != NULL)
        mir_run_mixer_end(book->mixer, r->mixed, run_s, cut_by_limit(&r->shape, run_s));
    r->mixed = NULL;
    remove_running(book, slot);
}

/* Nobody told its end, and it tells nothing of how long jobs run. */
static bool is_lost(const struct running *r, int64_t now)
{
    return mir_between_s(r->start_at, now) >
           (has_limit(&r->shape) ? r->shape.limit_s : 365 * 86400.0) + MIR_RUN_LOST_S;
}

static void forget_lost(struct mir_run_book *book, int64_t now)
{
    for (size_t i = book->n_running; i-- > 0;)
        if (is_lost(&book->running[i], now))
            remove_running(book, slot_of(book, book->running[i].id));
}

static void expose_running(struct mir_run_book *book, int64_t now)
{
    for (size_t i = 0; i < book->n_running; i++) {
        const struct running *r = &book->running[i];
        uint64_t hashes[MIR_RUN_LEVELS];
        unsigned n = hashes_of(&r->shape, hashes);

        for (unsigned k = 0; k < n; k++) {
            struct key *key = find_key(book, hashes[k]);

            if (key->generation != book->generation) {
                memset(key->running_s, 0, sizeof(key->running_s));
                key->generation = book->generation;
            }
            add_exposure(key->running_s, mir_between_s(r->start_at, now));
        }
    }
}

/* ---- Curves */

/*
 * One level further down: `hazard` is the prior, worth MIR_RUN_PRIOR jobs that enter
 * the bin.  Each is at risk there for width (1 - exp(-x)) / x with x = hazard width,
 * of which the quotient is an approximation that needs no library.
 */
static void pool(const struct key *key,
                 const float running_s[MIR_RUN_BINS],
                 const double width_s[MIR_RUN_BINS],
                 double hazard[MIR_RUN_BINS])
{
    unsigned n = 0;

    /* Where no job came, nothing was learned; one may end in the instant in which it comes. */
    while (n < MIR_RUN_BINS && key->at_risk_s[n] + running_s[n] + key->ends[n] > 0)
        n++;
    for (unsigned b = 0; b < n; b++) {
        double x = hazard[b] * width_s[b];
        double prior_s = MIR_RUN_PRIOR * width_s[b] / (1 + x * (0.5 + x / 12));
        double seen_s = (double)key->at_risk_s[b] + (double)running_s[b];

        hazard[b] = ((double)key->ends[b] + hazard[b] * prior_s) / (seen_s + prior_s);
    }
}

static void pool_level(const struct mir_run_book *book, uint64_t hash, double hazard[MIR_RUN_BINS])
{
    static const float none[MIR_RUN_BINS];
    const struct key *key = find_key(book, hash);

    if (key != NULL)
        pool(key, key->generation == book->generation ? key->running_s : none, book->width_s,
             hazard);
}

static void pool_crowd(struct mir_run_book *book)
{
    /* Before anything is known: half of all jobs end within 6 h, and the older the more slowly. */
    for (unsigned b = 0; b < MIR_RUN_BINS; b++)
        book->crowd[b] = 1 / (4 * H + 2.0 * (double)mir_run_grid_s[b]);
    pool_level(book, crowd_hash(), book->crowd);
}

static const double *common_hazard(struct mir_run_book *book, uint64_t hash)
{
    struct common *c = &book->common[hash >> 1 & (N_COMMON - 1)]; /* the lowest bit is always set */

    if (c->hash != hash || c->generation != book->generation) {
        c->hash = hash;
        c->generation = book->generation;
        memcpy(c->hazard, book->crowd, sizeof(c->hazard));
        pool_level(book, hash, c->hazard);
    }
    return c->hazard;
}

static void
make_curve(struct mir_run_book *book, const struct mir_run_shape *shape, struct mir_run_curve *out)
{
    uint64_t hashes[MIR_RUN_LEVELS];
    unsigned n = hashes_of(shape, hashes);
    double hazard[MIR_RUN_BINS], sum = 0;

    memcpy(hazard, common_hazard(book, hashes[1]), sizeof(hazard));
    for (unsigned i = 2; i < n; i++)
        pool_level(book, hashes[i], hazard);
    out->limit_s = shape->limit_s > 0 ? shape->limit_s : INT32_MAX;
    for (unsigned b = 0; b < MIR_RUN_BINS; b++) {
        out->hazard_sum[b] = (float)sum;
        if (b + 1 < MIR_RUN_BINS)
            sum += hazard[b] * (bin_end_s(b) - (double)mir_run_grid_s[b]);
    }
    /* The last bin has no end: its hazard itself. */
    out->hazard_sum[MIR_RUN_BINS] = (float)hazard[MIR_RUN_BINS - 1];
}

/* Those of this generation are put down anew. */
static void grow_curves(struct mir_run_book *book)
{
    struct curve_slot *old = book->curves;
    size_t n_old = book->n_curve_slots;

    book->n_curve_slots = n_old == 0 ? 256 : 2 * n_old;
    book->curves = MIR_NEW_ARRAY(struct curve_slot, book->n_curve_slots);
    for (size_t i = 0; i < n_old; i++) {
        size_t to = (size_t)old[i].hash & (book->n_curve_slots - 1);

        if (old[i].generation != book->generation)
            continue;
        while (book->curves[to].generation == book->generation)
            to = (to + 1) & (book->n_curve_slots - 1);
        book->curves[to] = old[i];
    }
    free(old);
}

/* The table is as large as the most curves that were asked for between two updates. */
static struct curve_slot *curve_slot(struct mir_run_book *book, uint64_t hash, bool *is_new)
{
    struct curve_slot *slot;
    size_t i;

    if (2 * (book->n_curves + 1) > book->n_curve_slots)
        grow_curves(book);
    i = (size_t)hash & (book->n_curve_slots - 1);
    while (book->curves[i].generation == book->generation && book->curves[i].hash != hash)
        i = (i + 1) & (book->n_curve_slots - 1);
    slot = &book->curves[i];
    *is_new = slot->generation != book->generation;
    book->n_curves += *is_new;
    slot->hash = hash;
    slot->generation = book->generation;
    return slot;
}

/* Of jobs whose curve depends on nothing but the shape. */
static uint64_t hash_of(const struct mir_run_shape *shape)
{
    uint64_t hashes[MIR_RUN_LEVELS];
    unsigned n = hashes_of(shape, hashes);

    return mir_run_hash(hashes[n - 1], (uint64_t)(uint32_t)shape->limit_s);
}

const struct mir_run_curve *mir_run_book_curve(struct mir_run_book *book,
                                               const struct mir_run_shape *shape)
{
    bool is_new;
    struct curve_slot *slot = curve_slot(book, hash_of(shape), &is_new);

    if (is_new)
        make_curve(book, shape, &slot->curve);
    return &slot->curve;
}

static uint64_t hash_of_job(const struct mir_run_shape *shape, int64_t start_at)
{
    unsigned waited = mir_run_mixer_wait_class(shape->waited_s);

    return mir_run_hash(mir_run_hash(mir_run_hash(hash_of(shape), waited), shape->n_nodes),
                        (uint64_t)start_at);
}

const struct mir_run_curve *mir_run_book_job_curve(struct mir_run_book *book,
                                                   const struct mir_run_shape *shape,
                                                   int64_t start_at)
{
    struct mir_run_curve pooled;
    struct curve_slot *slot;
    bool is_new;

    if (book->mixer == NULL || !has_limit(shape))
        return mir_run_book_curve(book, shape);
    pooled = *mir_run_book_curve(book, shape);
    slot = curve_slot(book, hash_of_job(shape, start_at), &is_new);
    if (is_new)
        mir_run_mixer_curve(book->mixer, shape, &pooled, start_at, book->now, &slot->curve);
    return &slot->curve;
}

/* ---- The book */

int32_t mir_run_waited_s(int64_t submit_at, int64_t until)
{
    return (int32_t)fmin(fmax(mir_between_s(submit_at, until), 0), INT32_MAX);
}

struct mir_run_book *mir_run_book_create(void)
{
    struct mir_run_book *book = MIR_NEW(struct mir_run_book);

    book->generation = 1; /* 0 is that of fresh memory */
    book->forget_at = MIR_RUN_KEYS_MAX;
    for (unsigned b = 0; b < MIR_RUN_BINS; b++)
        book->width_s[b] = fmin(bin_end_s(b) - (double)mir_run_grid_s[b], 2 * 86400);
    pool_crowd(book);
    return book;
}

void mir_run_book_mix(struct mir_run_book *book)
{
    if (book->mixer == NULL)
        book->mixer = mir_run_mixer_create();
}

void mir_run_book_destroy(struct mir_run_book *book)
{
    if (book == NULL)
        return;
    mir_run_mixer_destroy(book->mixer);
    free(book->keys);
    free(book->key_slots);
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
    book->now = now;
    forget_lost(book, now);
    book->generation++;
    book->n_curves = 0;
    expose_running(book, now);
    pool_crowd(book);
}

size_t mir_run_book_ends(const struct mir_run_book *book)
{
    return book->n_ends;
}

size_t mir_run_book_running(const struct mir_run_book *book)
{
    return book->n_running;
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

/* The integral of survival over `width_s`, in which the hazard adds up to `h`; `*alive` goes on. */
static double integral(double width_s, double h, double *alive)
{
    double ended = -expm1(-h);
    double sum_s = *alive * width_s * (h > 1e-9 ? ended / h : 1);

    *alive *= 1 - ended;
    return sum_s;
}

double mir_run_expected_left_s(const struct mir_run_curve *curve, double elapsed_s)
{
    double limit_s = curve->limit_s, at_s = elapsed_s, alive = 1, sum_s = 0;
    double at = hazard_at(curve, elapsed_s);

    for (unsigned b = bin_of(elapsed_s); b < MIR_RUN_BINS && at_s < limit_s; b++) {
        bool last = b + 1 == MIR_RUN_BINS;
        double to_s = last ? at_s + 30 * 86400 : (double)mir_run_grid_s[b + 1], to;

        if (to_s > limit_s || (last && limit_s < INT32_MAX))
            to_s = limit_s;
        to = last || to_s >= limit_s ? hazard_at(curve, to_s) : (double)curve->hazard_sum[b + 1];
        sum_s += integral(to_s - at_s, to - at, &alive);
        at_s = to_s;
        at = to;
    }
    return sum_s;
}

enum { AT_ONCE = 16 };

/* In which bin each sum is reached: counting, which compilers do many at a time. */
static void
find_bins(const struct mir_run_curve *curve, const float wanted[AT_ONCE], uint32_t out[AT_ONCE])
{
    memset(out, 0, AT_ONCE * sizeof(out[0]));
    for (unsigned b = 1; b < MIR_RUN_BINS; b++)
        for (unsigned i = 0; i < AT_ONCE; i++)
            out[i] += curve->hazard_sum[b] < wanted[i];
}

/* The age at which the hazard's sum is `wanted`, which it is in bin `b`. */
static double age_at(const struct mir_run_curve *curve, unsigned b, double wanted)
{
    double low_s = (double)mir_run_grid_s[b], low = (double)curve->hazard_sum[b];
    double h = (double)curve->hazard_sum[b + 1];

    if (b + 1 == MIR_RUN_BINS)
        return low_s + (wanted - low) / fmax(h, 1e-12);
    return low_s + (h > low ? (wanted - low) / (h - low) : 0) * (bin_end_s(b) - low_s);
}

static void some_quantiles(const struct mir_run_curve *curve,
                           double elapsed_s,
                           const double *p,
                           unsigned n,
                           double *out_s)
{
    double so_far = hazard_at(curve, elapsed_s), most_s = fmax(curve->limit_s - elapsed_s, 0);
    double wanted[AT_ONCE] = {0};
    float rounded[AT_ONCE];
    uint32_t bins[AT_ONCE];

    for (unsigned i = 0; i < n; i++)
        wanted[i] = so_far - log1p(-fmin(fmax(p[i], 0), 1 - 1e-12));
    for (unsigned i = 0; i < AT_ONCE; i++)
        rounded[i] = (float)wanted[i];
    find_bins(curve, rounded, bins);
    for (unsigned i = 0; i < n; i++)
        out_s[i] = fmin(fmax(age_at(curve, bins[i], wanted[i]) - elapsed_s, 0), most_s);
}

void mir_run_quantiles_left_s(const struct mir_run_curve *curve,
                              double elapsed_s,
                              const double *p,
                              unsigned n,
                              double *out_s)
{
    for (; n > 0; p += AT_ONCE, out_s += AT_ONCE, n -= n < AT_ONCE ? n : AT_ONCE)
        some_quantiles(curve, elapsed_s, p, n < AT_ONCE ? n : AT_ONCE, out_s);
}

double mir_run_quantile_left_s(const struct mir_run_curve *curve, double elapsed_s, double p)
{
    double left_s;

    mir_run_quantiles_left_s(curve, elapsed_s, &p, 1, &left_s);
    return left_s;
}
