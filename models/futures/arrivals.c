/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * arrivals.c - draws submissions to come: each user goes on as he did some days
 * ago, at about this hour; newcomers come as they came then.
 */
#include "models/futures/arrivals.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/host/job.h"

enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    LAGS = 56,            /* how many days back a draw looks */
    SHIFT_S = 3 * HOUR_S, /* and by how much it may miss the hour */
    HORIZON_S = 30 * DAY_S,
    REACH_S = LAGS * DAY_S + SHIFT_S,
    BUSY = 64, /* submissions a day: with so many, a day without any was not heard of */
};

/* Measured: see README.md. */
static const double fade = 0.9330329915368074; /* a day's weight against the next: 2^(-1/10) */
static const double other_day_type = 0.25;     /* weekend against working day */
static const double before_first = 0.25;       /* days on which a user was not here yet */

_Static_assert(LAGS < 64, "a lag is a bit of user.busy");

struct told {
    struct mir_arrival a;
    uint64_t id;
    int64_t start_at; /* INT64_MAX: not told */
};

/* What is sorted: times or users, and where the submission is told. */
struct pair {
    uint32_t key;
    uint32_t place;
};

/* One who submits; his submissions are [first, first + n) of view.pairs. */
struct user {
    uint32_t first, n;
    uint32_t n_lags; /* those that begin after his first submission */
    uint64_t busy;   /* bit d: he may have submitted in what is drawn d days back */
};

/* What draws for one (now, until] share. */
struct view {
    int64_t now, until;
    uint64_t version; /* of the book; 0: none */
    uint32_t span_s;  /* until - now */
    uint32_t n_days;  /* for which there are submissions, whole ones */
    uint32_t n_lags;  /* days back that may be drawn; 0: too little is known */
    /* Sums over days 1 .. d of their weights: of those that may be drawn, 0 at d = 0. */
    double weights[LAGS + 1];
    struct pair *pairs; /* by user, then time; key is seconds since now - REACH_S */
    size_t n_pairs, cap_pairs;
    struct user *users;
    size_t n_users, cap_users;
};

struct mir_arrivals_book {
    struct told *told; /* a ring once there are `max` */
    size_t n_told, cap_told, max;
    size_t oldest;   /* of the ring */
    uint32_t *slots; /* open hash from id to told + 1; a power of two */
    size_t n_slots;
    uint64_t version;
    int64_t since_at; /* before, only some were told; INT64_MIN: as set by nobody */
    struct view view;
    struct pair *picks; /* of the future at hand; key is seconds since now */
    size_t n_picks, cap_picks;
    struct pair *spare; /* while sorting */
    size_t cap_spare;
    struct mir_run_book *runs;   /* lent */
    struct mir_run_book *no_run; /* that knows nothing */
};

/* ---- What was told */

static uint64_t mix(uint64_t h)
{
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 31);
}

/* The id's slot, or the free one where it belongs; there is always one. */
static size_t slot_of(const struct mir_arrivals_book *book, uint64_t id)
{
    size_t mask = book->n_slots - 1, i = (size_t)mix(id) & mask;

    while (book->slots[i] != 0 && book->told[book->slots[i] - 1].id != id)
        i = (i + 1) & mask;
    return i;
}

/* Makes all slots anew when there is no room for another. */
static void make_room(struct mir_arrivals_book *book)
{
    size_t n = 256;

    if (2 * (book->n_told + 1) <= book->n_slots)
        return;
    while (n < 4 * (book->n_told + 1))
        n *= 2;
    free(book->slots);
    book->slots = MIR_NEW_ARRAY(uint32_t, n);
    book->n_slots = n;
    for (size_t i = 0; i < book->n_told; i++)
        book->slots[slot_of(book, book->told[i].id)] = (uint32_t)i + 1;
}

/* Those behind the slot that are now nearer to where they belong move up. */
static void free_slot(struct mir_arrivals_book *book, size_t slot)
{
    size_t mask = book->n_slots - 1, hole = slot;

    for (size_t i = (slot + 1) & mask; book->slots[i] != 0; i = (i + 1) & mask) {
        size_t home = (size_t)mix(book->told[book->slots[i] - 1].id) & mask;

        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        book->slots[hole] = book->slots[i];
        hole = i;
    }
    book->slots[hole] = 0;
}

/* Where to write the next: a new place, or that of the one told first. */
static size_t place_of_next(struct mir_arrivals_book *book)
{
    size_t place = book->oldest;

    if (book->n_told < book->max) {
        book->told = mir_grow(book->told, &book->cap_told, book->n_told + 1, sizeof(*book->told));
        return book->n_told++;
    }
    free_slot(book, slot_of(book, book->told[place].id));
    book->oldest = (place + 1) % book->max;
    return place;
}

void mir_arrivals_book_submit(struct mir_arrivals_book *book,
                              uint64_t id,
                              const struct mir_arrival *arrival)
{
    size_t place;

    make_room(book);
    if (book->slots[slot_of(book, id)] != 0)
        return;
    place = place_of_next(book);
    book->told[place] = (struct told){.a = *arrival, .id = id, .start_at = INT64_MAX};
    book->slots[slot_of(book, id)] = (uint32_t)place + 1;
    book->version++;
}

static struct told *find(const struct mir_arrivals_book *book, uint64_t id)
{
    uint32_t place = book->n_slots > 0 ? book->slots[slot_of(book, id)] : 0;

    return place == 0 ? NULL : &book->told[place - 1];
}

void mir_arrivals_book_started(struct mir_arrivals_book *book, uint64_t id, int64_t start_at)
{
    struct told *t = find(book, id);

    if (t != NULL)
        t->start_at = start_at;
}

void mir_arrivals_book_ran(struct mir_arrivals_book *book, uint64_t id, int32_t run_s)
{
    struct told *t = find(book, id);

    if (t != NULL && run_s >= 0)
        t->a.run_s = run_s;
}

/* ---- Sorting: by counting, nine bits at a time; what is equal keeps its order */

enum { DIGIT = 9, DIGITS = 1 << DIGIT };

static void sort_digit(const struct pair *from, struct pair *to, size_t n, unsigned shift)
{
    uint32_t place[DIGITS] = {0}, sum = 0;

    for (size_t i = 0; i < n; i++)
        place[from[i].key >> shift & (DIGITS - 1)]++;
    for (unsigned k = 0; k < DIGITS; k++) {
        uint32_t count = place[k];

        place[k] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        to[place[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
}

/* `*v` and the spare array change places as often as it takes. */
static void sort_pairs(struct mir_arrivals_book *book, struct pair **v, size_t *cap, size_t n)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < n; i++)
        bits |= (*v)[i].key;
    /* For what is sorted only: arrays that outgrew each other in turn would never stop. */
    book->spare = mir_grow(book->spare, &book->cap_spare, n, sizeof(*book->spare));
    for (unsigned shift = 0; shift < 32 && bits >> shift != 0; shift += DIGIT) {
        struct pair *sorted = book->spare;
        size_t cap_sorted = book->cap_spare;

        sort_digit(*v, sorted, n, shift);
        book->spare = *v;
        book->cap_spare = *cap;
        *v = sorted;
        *cap = cap_sorted;
    }
}

/* ---- What draws for one (now, until] share */

/* In floating point: times that a broken record gives must not overflow. */
static bool within_reach(int64_t at, int64_t now)
{
    return at <= now && (double)now - (double)at < REACH_S;
}

/* All that counts, by time. */
static void gather(struct mir_arrivals_book *book)
{
    struct view *v = &book->view;
    int64_t from_at = v->now - REACH_S;

    v->pairs = mir_grow(v->pairs, &v->cap_pairs, book->n_told, sizeof(*v->pairs));
    v->n_pairs = 0;
    for (size_t i = 0; i < book->n_told; i++) {
        size_t place =
            book->oldest + i < book->n_told ? book->oldest + i : book->oldest + i - book->n_told;
        int64_t at = book->told[place].a.submit_at;

        if (within_reach(at, v->now) && at >= book->since_at)
            v->pairs[v->n_pairs++] = (struct pair){(uint32_t)(at - from_at), (uint32_t)place};
    }
    sort_pairs(book, &v->pairs, &v->cap_pairs, v->n_pairs);
}

/* From 0, the days since it are counted. */
static uint32_t days_ago(uint32_t key)
{
    return (REACH_S - key) / DAY_S;
}

/*
 * Days without any submission on a cluster that always has some: Mirage, or the
 * cluster, was down, and what is known of them is nothing.
 */
static uint64_t unheard_days(const struct view *v, uint32_t n_days)
{
    uint32_t counts[LAGS + 1] = {0};
    uint64_t unheard = 0;
    size_t n = 0, n_heard = 0;

    for (size_t i = 0; i < v->n_pairs; i++)
        counts[days_ago(v->pairs[i].key)]++;
    for (uint32_t d = 0; d < n_days; d++) {
        n += counts[d];
        n_heard += counts[d] > 0;
        unheard |= (uint64_t)(counts[d] == 0) << d;
    }
    return n >= BUSY * n_heard ? unheard : 0;
}

static bool on_weekend(int64_t at)
{
    int64_t day = (at - (at % DAY_S + DAY_S) % DAY_S) / DAY_S;

    return ((day + 3) % 7 + 7) % 7 >= 5; /* 1 January 1970 was a Thursday */
}

/* Days back from which there is enough until now; fewer where the book is young. */
static uint32_t least_lag(const struct view *v)
{
    uint32_t whole = (v->span_s + DAY_S - 1) / DAY_S;

    return whole < v->n_lags ? whole : v->n_lags;
}

static void weigh_lags(struct view *v)
{
    uint64_t unheard = unheard_days(v, v->n_lags);
    int64_t middle_at = v->now + v->span_s / 2;
    uint32_t least = least_lag(v);
    double weight = 1;

    v->weights[0] = 0;
    for (uint32_t d = 1; d <= v->n_lags; d++) {
        uint64_t days = (UINT64_C(1) << least) - 1; /* that are drawn from: d - 1, d - 2, ... */
        bool same = on_weekend(middle_at) == on_weekend(middle_at - (int64_t)d * DAY_S);

        weight *= fade;
        v->weights[d] = v->weights[d - 1];
        if (d >= least && (unheard & days << (d - least)) == 0)
            v->weights[d] += same ? weight : other_day_type * weight;
    }
    if (v->n_lags > 0 && !(v->weights[v->n_lags] > 0))
        v->n_lags = 0;
}

/* The days back for which a submission `key` may lie in what is drawn. */
static uint64_t lags_of(const struct view *v, uint32_t key)
{
    int64_t ago_s = REACH_S - (int64_t)key;
    int64_t low = (ago_s - SHIFT_S) / DAY_S, high = (ago_s + SHIFT_S + v->span_s) / DAY_S;

    low = low < 0 ? 0 : low;
    high = high > LAGS ? LAGS : high;
    return (UINT64_C(2) << high) - (UINT64_C(1) << low);
}

static void add_user(struct view *v, uint32_t first)
{
    uint32_t n_lags = days_ago(v->pairs[first].key);

    /* Whoever came in the first week of what is known may have been here before it. */
    if (n_lags > v->n_lags || v->n_lags - n_lags < 7)
        n_lags = v->n_lags;
    v->users = mir_grow(v->users, &v->cap_users, v->n_users + 1, sizeof(*v->users));
    v->users[v->n_users++] = (struct user){.first = first, .n_lags = n_lags};
}

/* By user, in each by time; the key, which was the user, becomes the time. */
static void group_by_user(struct mir_arrivals_book *book)
{
    struct view *v = &book->view;
    uint32_t before = 0;

    for (size_t i = 0; i < v->n_pairs; i++)
        v->pairs[i].key = book->told[v->pairs[i].place].a.user;
    sort_pairs(book, &v->pairs, &v->cap_pairs, v->n_pairs);
    v->n_users = 0;
    for (size_t i = 0; i < v->n_pairs; i++) {
        struct pair *p = &v->pairs[i];
        uint32_t user = p->key;

        p->key = (uint32_t)(book->told[p->place].a.submit_at - (v->now - REACH_S));
        if (i == 0 || user != before)
            add_user(v, (uint32_t)i);
        v->users[v->n_users - 1].n++;
        v->users[v->n_users - 1].busy |= lags_of(v, p->key);
        before = user;
    }
}

static uint32_t days_between(int64_t at, int64_t now)
{
    if (at > now)
        return 0;
    return within_reach(at, now) ? (uint32_t)((now - at) / DAY_S) : LAGS;
}

/* Days since the first submission that counts. */
static uint32_t days_of_use(const struct mir_arrivals_book *book)
{
    const struct view *v = &book->view;

    for (size_t i = 0; i < book->n_told; i++) {
        int64_t at = book->told[i].a.submit_at;

        if (at >= book->since_at && at <= v->now - REACH_S)
            return LAGS;
    }
    return v->n_pairs > 0 ? days_ago(v->pairs[0].key) : 0;
}

/*
 * How many days back all is known.  Accounting may be younger than it is asked for, or
 * purged: before the first submission there was no cluster, rather than a quiet one.
 */
static void find_known_days(struct mir_arrivals_book *book)
{
    struct view *v = &book->view;
    int64_t since_at = book->since_at, oldest_at = book->told[book->oldest].a.submit_at;
    uint32_t told;

    if (book->n_told == book->max && since_at < oldest_at) /* some are forgotten */
        since_at = oldest_at;
    v->n_days = v->n_lags = days_of_use(book);
    if (since_at == INT64_MIN)
        return;
    told = days_between(since_at, v->now);
    /* A first day that has only begun: the one before is told. */
    v->n_lags = v->n_lags > 0 ? v->n_lags : 1;
    v->n_lags = told < v->n_lags ? told : v->n_lags;
    v->n_days = told < v->n_days ? told : v->n_days;
}

static void prepare(struct mir_arrivals_book *book, int64_t now, int64_t until)
{
    struct view *v = &book->view;

    if (v->version == book->version && v->now == now && v->until == until)
        return;
    v->now = now;
    v->until = until;
    v->version = book->version;
    v->span_s = until - now < HORIZON_S ? (uint32_t)(until - now) : HORIZON_S;
    gather(book);
    find_known_days(book);
    weigh_lags(v);
    group_by_user(book);
}

/* ---- Drawing */

/* The first of the user's submissions after `key`. */
static uint32_t first_after(const struct view *v, const struct user *u, uint32_t key)
{
    uint32_t low = u->first, n = u->n;

    while (n > 0) {
        uint32_t half = n / 2;

        if (v->pairs[low + half].key <= key) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

/* What he submitted in the `span_s` after `from` he submits that long after now + `after_s`. */
static void take(struct mir_arrivals_book *book,
                 const struct user *u,
                 uint32_t from,
                 uint32_t span_s,
                 uint32_t after_s)
{
    const struct view *v = &book->view;

    for (uint32_t i = first_after(v, u, from); i < u->first + u->n; i++) {
        uint32_t at_s = v->pairs[i].key - from;

        if (at_s > span_s)
            return;
        book->picks =
            mir_grow(book->picks, &book->cap_picks, book->n_picks + 1, sizeof(*book->picks));
        book->picks[book->n_picks++] = (struct pair){after_s + at_s, v->pairs[i].place};
    }
}

/* Where in the past to go on from: so many days back, and seconds since now - REACH_S. */
struct day {
    uint32_t lag;
    uint32_t from;
};

/* Of a book that is younger than the future is long, the same days come again. */
static void take_all(struct mir_arrivals_book *book, const struct user *u, const struct day *day)
{
    uint32_t left_s = book->view.span_s, after_s = 0;

    while (left_s > 0) {
        uint32_t span_s = left_s < day->lag * DAY_S ? left_s : day->lag * DAY_S;

        take(book, u, day->from, span_s, after_s);
        after_s += span_s;
        left_s -= span_s;
    }
}

/* The day, of 1 .. n_lags, at which the sum of weights passes `sum`. */
static uint32_t lag_at(const struct view *v, uint32_t n_lags, double sum)
{
    uint32_t low = 1, high = n_lags;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (v->weights[middle] > sum)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/*
 * 0: a day before his first submission, and he submits nothing; what he submitted on
 * his first days stands for newcomers.  Such days count less: he is here now.
 */
static uint32_t draw_lag(const struct view *v, uint32_t n_lags, struct mir_rng *rng)
{
    double own = v->weights[n_lags], all = v->weights[v->n_lags];
    double sum = mir_rng_double(rng) * (own + before_first * (all - own));

    return sum < own ? lag_at(v, n_lags, sum) : 0;
}

/* Where, `lag` days back, to begin: an hour or so off, but not so that now comes too soon. */
static uint32_t draw_start(const struct view *v, uint32_t lag, struct mir_rng *rng)
{
    uint32_t ago_s = lag * DAY_S, span_s = v->span_s < ago_s ? v->span_s : ago_s;
    uint32_t shift_s = (uint32_t)mir_rng_below(rng, SHIFT_S + 1);
    bool later = mir_rng_u64(rng) >> 63 != 0;

    if (later && ago_s - shift_s >= span_s)
        return REACH_S - ago_s + shift_s;
    return REACH_S - ago_s - shift_s;
}

/*
 * The day he goes on from; lag 0: he submits nothing.  `common`, unless NULL, is the
 * day of all who were here then; who was not stays away, or has a day of his own.
 */
static struct day
day_of(const struct view *v, const struct user *u, const struct day *common, struct mir_rng *rng)
{
    struct day day = {0};

    if (common != NULL && common->lag <= u->n_lags)
        return *common;
    if (common != NULL && mir_rng_double(rng) < before_first)
        return day;
    day.lag = draw_lag(v, u->n_lags, rng);
    if (day.lag > 0 && (u->busy >> day.lag & 1))
        day.from = draw_start(v, day.lag, rng);
    return day;
}

static void
draw_users(struct mir_arrivals_book *book, const struct day *common, struct mir_rng *rng)
{
    const struct view *v = &book->view;

    for (size_t i = 0; i < v->n_users; i++) {
        struct day day = day_of(v, &v->users[i], common, rng);

        if (day.lag > 0 && (v->users[i].busy >> day.lag & 1))
            take_all(book, &v->users[i], &day);
    }
}

/* Who was new then stands for who will be. */
static void draw_newcomers(struct mir_arrivals_book *book, const struct day *day)
{
    const struct view *v = &book->view;

    for (size_t i = 0; i < v->n_users; i++)
        if (v->users[i].n_lags < day->lag && (v->users[i].busy >> day->lag & 1))
            take_all(book, &v->users[i], day);
}

/* In one of two futures all go on from one day: some days many are away, or all come at once. */
static void draw_picks(struct mir_arrivals_book *book, struct mir_rng *rng)
{
    struct day day = {.lag = draw_lag(&book->view, book->view.n_lags, rng)};
    bool together = mir_rng_u64(rng) >> 63 != 0;

    day.from = draw_start(&book->view, day.lag, rng);
    book->n_picks = 0;
    draw_newcomers(book, &day);
    draw_users(book, together ? &day : NULL, rng);
}

/* Seconds it had run by `now`, or INT32_MAX: it had ended. */
static int32_t run_by(const struct told *t, int64_t now)
{
    /* Without a start, it ended after its submission and run time at the earliest. */
    int64_t start_at = t->start_at < t->a.submit_at ? t->a.submit_at : t->start_at;
    int64_t from_at = start_at == INT64_MAX ? t->a.submit_at : start_at;

    if (t->a.run_s >= 0 && now - from_at >= t->a.run_s)
        return INT32_MAX;
    if (start_at >= now)
        return 0;
    return now - start_at < INT32_MAX ? (int32_t)(now - start_at) : INT32_MAX - 1;
}

static int32_t draw_run(struct mir_arrivals_book *book, const struct told *t, struct mir_rng *rng)
{
    const struct mir_run_shape shape = {t->a.user, t->a.name, t->a.n_nodes, t->a.limit_s, 0};
    int32_t so_far_s = run_by(t, book->view.now);
    int32_t most_s = t->a.limit_s > 0 ? t->a.limit_s : INT32_MAX;
    double run_s = t->a.run_s;

    if (so_far_s < INT32_MAX) {
        const struct mir_run_curve *curve =
            mir_run_book_curve(book->runs != NULL ? book->runs : book->no_run, &shape);

        run_s = so_far_s + mir_run_quantile_left_s(curve, so_far_s, mir_rng_double(rng));
    }
    return run_s < 1 ? 1 : run_s < most_s ? (int32_t)run_s : most_s;
}

/* By time, with run times. */
static void finish(struct mir_arrivals_book *book, struct mir_rng *rng, struct mir_arrivals *out)
{
    sort_pairs(book, &book->picks, &book->cap_picks, book->n_picks);
    out->v = mir_grow(out->v, &out->cap, book->n_picks, sizeof(*out->v));
    out->n = book->n_picks;
    for (size_t i = 0; i < out->n; i++) {
        const struct told *t = &book->told[book->picks[i].place];

        out->v[i] = t->a;
        out->v[i].submit_at = book->view.now + book->picks[i].key;
        out->v[i].run_s = draw_run(book, t, rng);
    }
}

void mir_arrivals_book_draw(struct mir_arrivals_book *book,
                            int64_t now,
                            int64_t until,
                            struct mir_rng *rng,
                            struct mir_arrivals *out)
{
    out->n = out->n_days = 0;
    if (until <= now || book->n_told == 0)
        return;
    prepare(book, now, until);
    out->n_days = book->view.n_days;
    if (book->view.n_lags == 0)
        return;
    draw_picks(book, rng);
    finish(book, rng, out);
}

/* ---- The book */

struct mir_arrivals_book *mir_arrivals_book_create(size_t max)
{
    struct mir_arrivals_book *book = MIR_NEW(struct mir_arrivals_book);

    book->max = max < 1 ? 1 : max > (size_t)1 << 30 ? (size_t)1 << 30 : max;
    book->since_at = INT64_MIN;
    book->no_run = mir_run_book_create();
    return book;
}

void mir_arrivals_book_destroy(struct mir_arrivals_book *book)
{
    if (book == NULL)
        return;
    mir_run_book_destroy(book->no_run);
    free(book->told);
    free(book->slots);
    free(book->view.pairs);
    free(book->view.users);
    free(book->picks);
    free(book->spare);
    free(book);
}

void mir_arrivals_book_set_since(struct mir_arrivals_book *book, int64_t at)
{
    book->since_at = at;
    book->version++;
}

void mir_arrivals_book_set_runs(struct mir_arrivals_book *book, struct mir_run_book *runs)
{
    book->runs = runs;
}

void mir_arrivals_release(struct mir_arrivals *a)
{
    free(a->v);
    *a = (struct mir_arrivals){0};
}

size_t mir_arrivals_book_len(const struct mir_arrivals_book *book)
{
    return book->n_told;
}

int64_t mir_arrivals_book_since(const struct mir_arrivals_book *book)
{
    return book->n_told > 0 ? book->told[book->oldest].a.submit_at : 0;
}
