/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mixer.c - experts on one job's end, and their weights. */
#include "models/run_time/mixer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "models/run_time/hash.h"

/* Of the limit; who outlives the last bin is cut by it. */
enum { BINS = 15 };
static const double edges[BINS + 1] = {0,   .0005, .002, .006, .015, .03, .06, .1,
                                       .16, .25,   .35,  .5,   .7,   .85, .97, .9999};

enum context {
    CROWD,
    USER_LIMIT,
    USER_NAME,
    REQUEST,    /* user, name, limit, size */
    LAST_RUNS,  /* how the last three of this user and limit ended, whoever that was */
    WAIT_LIMIT, /* classes of both */
    USER_WAIT,
    SIBLINGS, /* of the user: how many run, with this limit, and for how long they have */
    USER_SIBLINGS,
    NAME_LIMIT,
    N_CONTEXTS
};

/* Each context has experts that remember so many jobs. */
enum { RATES = 3, LONGEST = RATES - 1 };
static const float memory[RATES] = {2, 20, 150};

/* The pooled hazard counts as so many jobs for each. */
static const float PRIOR = 0.4F;

/* And is an expert itself, as is a constant. */
enum { POOLED = N_CONTEXTS * RATES, CONSTANT, INPUTS };
static const float first_pooled_weight = 0.3F;

/* Weights of their own for those of whom little is known, and for those of whom much is. */
enum { WEIGHT_SETS = 5 };

/*
 * Steps along the gradient: twice as long again for the first jobs.  Weights that all bins
 * and sets share go along with those of their own.
 */
static const float STEP = 0.0002F, SHARED_STEP = 0.5F, FIRST_STEPS = 2, FIRST_JOBS = 500;

/* What an expert may say at most. */
static const float LEAST = 0.0005F;

/* Contexts seen most recently; the table takes 13 MB where all are used. */
enum { CELLS = 1 << 15, WAYS = 4 };

enum { LAST_ENDS = 3 };

/* What is known of one context. */
struct cell {
    uint64_t hash; /* 0: free */
    uint64_t used; /* the job that last ended here; 0: none yet */
    float ends[RATES][BINS], entered[RATES][BINS];
    uint8_t last[LAST_ENDS]; /* classes of the last ends, the newest first; 0: none yet */
};

struct keys {
    uint64_t of[N_CONTEXTS];
};

typedef float inputs[BINS][INPUTS];

/* What every question reads of all jobs that run: close together in memory. */
struct present {
    struct keys keys; /* as of its start */
    int64_t start_at;
    uint32_t user;
    int32_t limit_s;
};

struct mir_mixed_job {
    size_t place; /* among those that run */
    unsigned set; /* as of its start, as is this: */
    float pooled[BINS];
};

/* The crowd's part of all questions at one time. */
struct crowd {
    int64_t at;
    bool is_known;
    float entered[BINS];
};

struct mir_run_mixer {
    struct cell *cells;
    float weights[BINS][WEIGHT_SETS][INPUTS], shared[INPUTS];
    struct mir_mixed_job **jobs; /* that run, in no order */
    struct present *present;     /* of each of them */
    size_t n_jobs, cap_jobs, cap_present;
    struct crowd crowd; /* to be found anew when a job starts or goes */
    uint64_t n_ended;
};

/* ---- cells */

static struct cell *bucket_of(const struct mir_run_mixer *m, uint64_t hash)
{
    return m->cells + (hash & (CELLS - 1) & ~(uint64_t)(WAYS - 1));
}

/* NULL: nothing is known. */
static const struct cell *find_cell(const struct mir_run_mixer *m, uint64_t hash)
{
    const struct cell *bucket = bucket_of(m, hash);

    for (unsigned i = 0; i < WAYS; i++)
        if (bucket[i].hash == hash)
            return &bucket[i];
    return NULL;
}

/* It takes the place of the one in its bucket that was not used for longest. */
static struct cell *use_cell(struct mir_run_mixer *m, uint64_t hash)
{
    struct cell *bucket = bucket_of(m, hash), *oldest = bucket;

    for (unsigned i = 0; i < WAYS; i++) {
        if (bucket[i].hash == hash) {
            oldest = &bucket[i];
            break;
        }
        if (bucket[i].used < oldest->used)
            oldest = &bucket[i];
    }
    if (oldest->hash != hash)
        *oldest = (struct cell){.hash = hash};
    oldest->used = m->n_ended;
    return oldest;
}

/* ---- contexts */

/* 0 for none, then doubling from 1: 1, 2-3, 4-7, ... */
static unsigned octave(double n)
{
    return n < 1 ? 0 : 1 + (unsigned)ilogb(n);
}

unsigned mir_run_mixer_wait_class(int32_t waited_s)
{
    return octave(waited_s / 60.0);
}

static uint64_t wait_class(const struct mir_run_shape *s)
{
    return mir_run_mixer_wait_class(s->waited_s);
}

static unsigned limit_class(const struct mir_run_shape *s)
{
    return octave(s->limit_s * (s->limit_s / 600.0) / 600.0); /* half octaves of ten minutes */
}

static unsigned count_class(unsigned n)
{
    return n < 6 ? n : n < 12 ? 6 : n < 25 ? 7 : 8;
}

static unsigned bin_of(double fraction)
{
    unsigned b = 0;

    while (b < BINS && fraction >= edges[b + 1])
        b++;
    return b;
}

struct siblings {
    unsigned n, n_of_limit;
    double oldest; /* of the limit, its age as part of that */
};

static struct siblings
find_siblings(const struct mir_run_mixer *m, const struct mir_run_shape *shape, int64_t now)
{
    struct siblings s = {0};

    for (size_t i = 0; i < m->n_jobs; i++) {
        const struct present *j = &m->present[i];

        if (j->user != shape->user)
            continue;
        s.n++;
        if (j->limit_s != shape->limit_s)
            continue;
        s.n_of_limit++;
        s.oldest = fmax(s.oldest, mir_between_s(j->start_at, now) / shape->limit_s);
    }
    return s;
}

static uint64_t last_ends(const struct mir_run_mixer *m, uint64_t user_limit)
{
    const struct cell *cell = find_cell(m, user_limit);
    uint64_t packed = 0;

    for (unsigned i = 0; cell != NULL && i < LAST_ENDS; i++)
        packed = packed << 8 | cell->last[i];
    return packed;
}

static uint64_t size_class(const struct mir_run_shape *s)
{
    return octave(s->n_nodes);
}

static void find_keys(const struct mir_run_mixer *m,
                      const struct mir_run_shape *s,
                      int64_t now,
                      struct keys *out)
{
    struct siblings kin = find_siblings(m, s, now);
    uint64_t limit = (uint64_t)(uint32_t)s->limit_s, of_limit = count_class(kin.n_of_limit);
    uint64_t oldest = bin_of(kin.oldest), *k = out->of;

    k[CROWD] = 0;
    k[USER_LIMIT] = mir_run_hash(s->user, limit);
    k[USER_NAME] = mir_run_hash(s->user, s->name);
    k[REQUEST] = mir_run_hash(mir_run_hash(mir_run_hash(s->user, s->name), limit), size_class(s));
    k[WAIT_LIMIT] = wait_class(s) << 8 | limit_class(s);
    k[USER_WAIT] = mir_run_hash(s->user, wait_class(s));
    k[SIBLINGS] = count_class(kin.n) << 16 | of_limit << 8 | oldest;
    k[USER_SIBLINGS] = mir_run_hash(s->user, of_limit << 8 | oldest / 2);
    k[NAME_LIMIT] = mir_run_hash(s->name, limit);
    for (unsigned i = 0; i < N_CONTEXTS; i++)
        k[i] = mir_run_hash(i + 1, k[i]);
    k[LAST_RUNS] = mir_run_hash(LAST_RUNS + 1, last_ends(m, k[USER_LIMIT]));
}

/* ---- what experts say */

/* Jobs of each context that run are known to have come so far. */
struct exposure {
    float of[N_CONTEXTS][BINS];
};

static void expose(float entered[BINS], double fraction)
{
    for (unsigned b = 0; b < BINS && fraction > edges[b]; b++)
        entered[b] += (float)(fmin((fraction - edges[b]) / (edges[b + 1] - edges[b]), 1));
}

static double age_of(const struct present *j, int64_t now)
{
    return mir_between_s(j->start_at, now) / j->limit_s;
}

/* All jobs are of the crowd, so its part is the dear one. */
static void expose_crowd(struct mir_run_mixer *m, int64_t now, float out[BINS])
{
    if (!m->crowd.is_known || m->crowd.at != now) {
        m->crowd = (struct crowd){.at = now, .is_known = true};
        for (size_t i = 0; i < m->n_jobs; i++)
            expose(m->crowd.entered, age_of(&m->present[i], now));
    }
    memcpy(out, m->crowd.entered, sizeof(m->crowd.entered));
}

static void
find_exposure(struct mir_run_mixer *m, const struct keys *k, int64_t now, struct exposure *out)
{
    *out = (struct exposure){0};
    expose_crowd(m, now, out->of[CROWD]);
    for (size_t i = 0; i < m->n_jobs; i++) {
        const struct present *j = &m->present[i];

        for (unsigned c = CROWD + 1; c < N_CONTEXTS; c++)
            if (j->keys.of[c] == k->of[c])
                expose(out->of[c], age_of(j, now));
    }
}

static float stretch(float p)
{
    return logf(p / (1 - p));
}

static float squash(float x)
{
    return 1 / (1 + expf(-x));
}

static float within(float p)
{
    return fminf(fmaxf(p, LEAST), 1 - LEAST);
}

/* The pooled hazard of each bin, as the probability that who enters it ends there. */
static void
pooled_ends(const struct mir_run_shape *s, const struct mir_run_curve *pooled, float out[BINS])
{
    struct mir_run_curve endless = *pooled;

    endless.limit_s = INT32_MAX;
    for (unsigned b = 0; b < BINS; b++) {
        double from_s = edges[b] * s->limit_s, to_s = edges[b + 1] * s->limit_s;

        out[b] = within((float)(1 - mir_run_survival(&endless, from_s, to_s - from_s)));
    }
}

static void ask_cell(const struct cell *cell,
                     const float exposure[BINS],
                     const float pooled[BINS],
                     unsigned context,
                     unsigned from,
                     inputs x)
{
    for (unsigned r = 0; r < RATES; r++)
        for (unsigned b = from; b < BINS; b++) {
            float ends = cell != NULL ? cell->ends[r][b] : 0;
            float entered = (cell != NULL ? cell->entered[r][b] : 0) + exposure[b];

            x[b][context * RATES + r] =
                stretch(within((ends + PRIOR * pooled[b]) / (entered + PRIOR)));
        }
}

/* From bin `from` on. */
static void ask_experts(struct mir_run_mixer *m,
                        const struct keys *k,
                        const float pooled[BINS],
                        int64_t now,
                        unsigned from,
                        inputs x)
{
    struct exposure exposure;

    find_exposure(m, k, now, &exposure);
    for (unsigned c = 0; c < N_CONTEXTS; c++)
        ask_cell(find_cell(m, k->of[c]), exposure.of[c], pooled, c, from, x);
    for (unsigned b = from; b < BINS; b++) {
        x[b][POOLED] = stretch(pooled[b]);
        x[b][CONSTANT] = 0.3F;
    }
}

/* How much is known of this user's jobs with this limit. */
static unsigned weight_set(const struct mir_run_mixer *m, const struct keys *k)
{
    const struct cell *cell = find_cell(m, k->of[USER_LIMIT]);
    float n = cell != NULL ? cell->entered[LONGEST][0] : 0;

    return n < 1 ? 0 : n < 4 ? 1 : n < 15 ? 2 : n < 60 ? 3 : 4;
}

static float mixed_end(const struct mir_run_mixer *m, unsigned bin, unsigned set, const float *x)
{
    const float *own = m->weights[bin][set];
    float sum = 0;

    for (unsigned i = 0; i < INPUTS; i++)
        sum += (own[i] + m->shared[i]) * x[i];
    return within(squash(sum / 2));
}

/* ---- curves */

/* The hazard's sum at an age; `sum` is that at the bins' edges. */
static double hazard_at(const double sum[BINS + 1], double fraction)
{
    unsigned b = bin_of(fraction);

    if (b >= BINS)
        return sum[BINS];
    return sum[b] + (sum[b + 1] - sum[b]) * (fraction - edges[b]) / (edges[b + 1] - edges[b]);
}

/* Beyond the limit as before it: nobody comes there, but the bin that it cuts has to have its slope. */
static void draw_curve(const double sum[BINS + 1], double limit_s, struct mir_run_curve *out)
{
    double before_s = 0, before = 0, slope = 0;

    for (unsigned g = 0; g < MIR_RUN_BINS; g++) {
        double at_s = (double)mir_run_grid_s[g], known_s = fmin(at_s, limit_s);

        if (before_s < limit_s && known_s > before_s)
            slope = (hazard_at(sum, known_s / limit_s) - before) / (known_s - before_s);
        before += slope * (at_s - before_s);
        before_s = at_s;
        out->hazard_sum[g] = (float)before;
    }
    if (limit_s > before_s)
        slope = (sum[BINS] - before) / (limit_s - before_s);
    out->hazard_sum[MIR_RUN_BINS] = (float)slope;
}

void mir_run_mixer_curve(struct mir_run_mixer *m,
                         const struct mir_run_shape *shape,
                         const struct mir_run_curve *pooled,
                         int64_t start_at,
                         int64_t now,
                         struct mir_run_curve *out)
{
    double age_s = start_at < now ? mir_between_s(start_at, now) : 0, sum[BINS + 1] = {0};
    unsigned from = bin_of(age_s / shape->limit_s), set;
    float ends[BINS];
    struct keys k;
    inputs x;

    find_keys(m, shape, now, &k);
    set = weight_set(m, &k);
    pooled_ends(shape, pooled, ends);
    ask_experts(m, &k, ends, now, from, x);
    for (unsigned b = 0; b < BINS; b++)
        sum[b + 1] = sum[b] - log1p(-(double)(b < from ? ends[b] : mixed_end(m, b, set, x[b])));
    out->limit_s = shape->limit_s;
    draw_curve(sum, shape->limit_s, out);
}

/* ---- learning */

/*
 * From what its contexts have come to know by its end, as who asks about a job that runs
 * or waits knows more by then as well.  Measured: better than from what they knew at its
 * start.
 */
static void learn_weights(struct mir_run_mixer *m, const struct mir_mixed_job *j, unsigned bin)
{
    float step = STEP * (1 + FIRST_STEPS / (1 + (float)m->n_ended / FIRST_JOBS));
    const struct present *p = &m->present[j->place];
    inputs x;

    ask_experts(m, &p->keys, j->pooled, p->start_at, 0, x);
    for (unsigned b = 0; b <= bin && b < BINS; b++) {
        float *own = m->weights[b][j->set];
        float miss = (b == bin) - mixed_end(m, b, j->set, x[b]);

        for (unsigned i = 0; i < INPUTS; i++) {
            own[i] += step * miss * x[b][i];
            m->shared[i] += SHARED_STEP * step * miss * x[b][i];
        }
    }
}

/* Six classes, from 1 on. */
static uint8_t end_class(unsigned bin)
{
    return (uint8_t)(1 + (bin < BINS ? bin / 3 : 5));
}

static void learn_cell(struct cell *cell, unsigned bin)
{
    for (unsigned r = 0; r < RATES; r++)
        for (unsigned b = 0; b <= bin && b < BINS; b++) {
            cell->ends[r][b] *= 1 - 1 / memory[r];
            cell->entered[r][b] *= 1 - 1 / memory[r];
            cell->entered[r][b] += 1;
            cell->ends[r][b] += b == bin;
        }
    memmove(cell->last + 1, cell->last, LAST_ENDS - 1);
    cell->last[0] = end_class(bin);
}

void mir_run_mixer_end(struct mir_run_mixer *m, struct mir_mixed_job *job, double run_s, bool cut)
{
    const struct present *p = &m->present[job->place];
    unsigned bin = cut ? BINS : bin_of(run_s / p->limit_s);

    m->n_ended++;
    learn_weights(m, job, bin);
    for (unsigned c = 0; c < N_CONTEXTS; c++)
        learn_cell(use_cell(m, p->keys.of[c]), bin);
    mir_run_mixer_drop(m, job);
}

/* ---- made and ended */

static void init_weights(float w[INPUTS])
{
    for (unsigned i = 0; i < POOLED; i++)
        w[i] = (1 - first_pooled_weight) / (POOLED + 1);
    w[POOLED] = first_pooled_weight;
    w[CONSTANT] = (1 - first_pooled_weight) / (POOLED + 1);
}

struct mir_run_mixer *mir_run_mixer_create(void)
{
    struct mir_run_mixer *m = MIR_NEW(struct mir_run_mixer);

    m->cells = MIR_NEW_ARRAY(struct cell, CELLS);
    for (unsigned b = 0; b < BINS; b++)
        for (unsigned s = 0; s < WEIGHT_SETS; s++)
            init_weights(m->weights[b][s]);
    init_weights(m->shared);
    return m;
}

void mir_run_mixer_destroy(struct mir_run_mixer *m)
{
    if (m == NULL)
        return;
    while (m->n_jobs > 0)
        mir_run_mixer_drop(m, m->jobs[m->n_jobs - 1]);
    free(m->jobs);
    free(m->present);
    free(m->cells);
    free(m);
}

struct mir_mixed_job *mir_run_mixer_start(struct mir_run_mixer *m,
                                          const struct mir_run_shape *shape,
                                          const struct mir_run_curve *pooled,
                                          int64_t start_at)
{
    struct mir_mixed_job *job = MIR_NEW(struct mir_mixed_job);
    struct present p = {.start_at = start_at, .user = shape->user, .limit_s = shape->limit_s};

    find_keys(m, shape, start_at, &p.keys);
    job->set = weight_set(m, &p.keys);
    pooled_ends(shape, pooled, job->pooled);
    job->place = m->n_jobs++;
    m->jobs = mir_grow(m->jobs, &m->cap_jobs, m->n_jobs, sizeof(*m->jobs));
    m->present = mir_grow(m->present, &m->cap_present, m->n_jobs, sizeof(*m->present));
    m->jobs[job->place] = job;
    m->present[job->place] = p;
    m->crowd.is_known = false;
    return job;
}

void mir_run_mixer_drop(struct mir_run_mixer *m, struct mir_mixed_job *job)
{
    struct mir_mixed_job *last = m->jobs[--m->n_jobs];

    m->jobs[job->place] = last;
    m->present[job->place] = m->present[last->place];
    last->place = job->place;
    m->crowd.is_known = false;
    free(job);
}
