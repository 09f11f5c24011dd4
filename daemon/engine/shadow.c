/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shadow.c - what the model said of each job before it was in the queue, and how
 * long it then waited: the calibration learns from that, and coverage is counted.
 */
#include "daemon/engine/forecast.h"

#include <errno.h>
#include <math.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"

enum {
    NEW_MAX = 200,          /* of one list: a burst of thousands tells no more than some of it */
    ELIGIBLE_WITHIN_S = 60, /* later than this after its submission: it waits for something else */
    STALE_POLLS = 3,        /* what was said so long before a job came was not said of its queue */
    SAVE_S = 600,
    S_PER_H = 3600,
    BLOB_VERSION = 2,
};

static const double promises[MIR_PROMISES] = {0.5, 0.9, 0.95};

static const char calibration_key[] = "calibration", paper_key[] = "paper";

void mir_engine_shadows_reset(struct mir_engine *e)
{
    struct mir_engine_forecast *f = e->forecast;

    mir_calibrations_init(f->calibration);
    f->calibrated = f->model != NULL ? f->model->checksum : 0;
    f->n_open = 0;
    f->n_known = f->next_known = 0;
    f->n_learned = 0;
}

/* ---- what is said ---- */

/* Does its wait tell of the queue alone? */
static bool waits_for_the_queue(const struct mir_live_job *job)
{
    const uint32_t other = MIR_LIVE_DEPENDENT | MIR_LIVE_HELD_USER | MIR_LIVE_HELD_ADMIN |
                           MIR_LIVE_BEGIN_LATER | MIR_LIVE_HET | MIR_LIVE_RESIZED;

    return (job->flags & other) == 0 && job->n_tasks <= 1 && job->reservation[0] == '\0' &&
           job->n_nodes > 0 && job->limit_s > 0 && job->eligible_at > 0 &&
           job->eligible_at - job->submit_at <= ELIGIBLE_WITHIN_S;
}

/* Slurm notes the moment of its cancellation as the start of a job that never ran. */
static bool has_started(const struct mir_live_job *job)
{
    bool never_ran = job->state > MIR_STATE_COMPLETED && job->end_at <= job->start_at;

    return job->state >= MIR_STATE_RUNNING && job->start_at >= job->submit_at && !never_ran;
}

/* By the last look: the job itself is not in that queue. */
static void foretell(struct mir_engine *e, const struct mir_live_job *job, struct mir_shadow *out)
{
    struct mir_engine_forecast *f = e->forecast;
    enum mir_wait_method method = mir_engine_method(f->model);
    float x[MIR_N_WAIT_FEATURES];
    struct mir_request request;
    struct mir_wait_case c = {
        .request = &request,
        .priority = job->priority > 0 ? (double)job->priority : (double)NAN,
        .predecessor_end_at = INT64_MIN,
    };

    mir_queue_request(e->queue, job, &request);
    mir_forecaster_features(f->forecaster, &c, x);
    *out = (struct mir_shadow){.submit_at = job->submit_at, .id = job->id};
    mir_promise_make(f->model, &request, x, &out->said);
    for (int i = 0; i < MIR_PROMISES; i++)
        out->promised_h[i] =
            (float)mir_promise_quantile(&out->said, method, &f->calibration[method], promises[i]);
}

/* ---- what came of it ---- */

static void learn(struct mir_engine_forecast *f, const struct mir_shadow *s, double wait_h)
{
    uint8_t kept = 0;

    mir_promise_learn(&s->said, f->model, wait_h, f->calibration);
    for (int i = 0; i < MIR_PROMISES; i++)
        kept |= wait_h <= (double)s->promised_h[i] ? (uint8_t)(1u << i) : 0;
    f->known[f->next_known] = kept;
    f->next_known = (f->next_known + 1) % MIR_KNOWN_WAITS;
    f->n_known += f->n_known < MIR_KNOWN_WAITS;
    f->n_learned++;
}

static double hours_between(int64_t from, int64_t to)
{
    return (double)(to - from) / S_PER_H;
}

/* True: there is no more to be learned of this job. */
static bool
is_over(struct mir_engine_forecast *f, const struct mir_shadow *s, const struct mir_live_jobs *jobs)
{
    const struct mir_live_job *job = mir_live_jobs_find(jobs, s->id);
    double so_far_h = hours_between(s->submit_at, jobs->at);

    if (job == NULL || job->submit_at != s->submit_at || !waits_for_the_queue(job))
        return true;
    if (has_started(job)) {
        learn(f, s, hours_between(job->submit_at, job->start_at));
        return true;
    }
    if (job->state != MIR_STATE_PENDING)
        return true;
    /* Above all that was said of it: that much is known, and told once. */
    if (so_far_h <= mir_promise_highest(&s->said, f->model, f->calibration))
        return false;
    learn(f, s, so_far_h);
    return true;
}

static void settle_open(struct mir_engine_forecast *f, const struct mir_live_jobs *jobs)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->n_open; i++) {
        if (!is_over(f, &f->open[i], jobs))
            f->open[kept++] = f->open[i];
    }
    f->n_open = kept;
}

/* ---- who is new ---- */

static bool is_open(const struct mir_engine_forecast *f, const struct mir_live_job *job)
{
    bool open = false;

    for (size_t i = 0; i < f->n_open && !open; i++)
        open = f->open[i].id == job->id && f->open[i].submit_at == job->submit_at;
    return open;
}

/* Since the list before, whose clock `since` is; at that very second it may be in both. */
static bool is_new(const struct mir_engine *e, const struct mir_live_job *job, int64_t since)
{
    return job->submit_at >= since && waits_for_the_queue(job) &&
           (job->state == MIR_STATE_PENDING || has_started(job)) &&
           (job->submit_at > since || !is_open(e->forecast, job));
}

static void tell_of(struct mir_engine *e, const struct mir_live_job *job)
{
    struct mir_engine_forecast *f = e->forecast;
    struct mir_shadow shadow;

    foretell(e, job, &shadow);
    if (has_started(job)) {
        learn(f, &shadow, hours_between(job->submit_at, job->start_at));
        return;
    }
    f->open = mir_grow(f->open, &f->cap_open, f->n_open + 1, sizeof(f->open[0]));
    f->open[f->n_open++] = shadow;
}

/* Of more than NEW_MAX every second, third, ... one. */
static void tell_of_new(struct mir_engine *e, const struct mir_live_jobs *jobs)
{
    size_t n = 0, step, seen = 0;

    for (size_t i = 0; i < jobs->n_jobs; i++)
        n += is_new(e, &jobs->jobs[i], e->list_at);
    step = (n + NEW_MAX - 1) / NEW_MAX;
    for (size_t i = 0; n > 0 && i < jobs->n_jobs; i++) {
        if (is_new(e, &jobs->jobs[i], e->list_at) && seen++ % step == 0 &&
            e->forecast->n_open < MIR_SHADOWS_MAX)
            tell_of(e, &jobs->jobs[i]);
    }
}

void mir_engine_shadows_list(struct mir_engine *e, const struct mir_live_jobs *jobs)
{
    struct mir_engine_forecast *f = e->forecast;
    int64_t poll_s = mir_engine_poll_ns(e) / MIR_NS;

    if (f->model == NULL)
        return;
    settle_open(f, jobs);
    if (mir_engine_forecaster(e) != NULL && jobs->at - e->list_at <= STALE_POLLS * poll_s)
        tell_of_new(e, jobs);
}

/* ---- across restarts ---- */

/* As this machine has it in memory: nobody else reads it.  What it is for comes first. */
struct blob {
    char magic[4];
    uint32_t version;
    uint64_t checksum; /* of the model */
    uint64_t n_open, n_learned;
    uint32_t n_known, next_known;
    uint8_t known[MIR_KNOWN_WAITS];
    struct mir_calibration calibration[MIR_N_QUANTILE_METHODS];
};

static const char magic[4] = {'M', 'C', 'A', 'L'};

static void write_blob(struct mir_engine *e,
                       const char *key,
                       const void *bytes,
                       size_t len,
                       struct mir_error *err)
{
    if (mir_engine_journal_works(e) && mir_journal_set_blob(e->journal, key, bytes, len, err) != 0)
        mir_engine_journal_failed(e, err);
}

static void save_calibration(struct mir_engine *e, struct mir_error *err)
{
    const struct mir_engine_forecast *f = e->forecast;
    struct mir_str bytes = {0};
    struct blob *blob = MIR_NEW(struct blob);

    memcpy(blob->magic, magic, sizeof(magic));
    blob->version = BLOB_VERSION;
    blob->checksum = f->calibrated;
    blob->n_open = f->n_open;
    blob->n_learned = f->n_learned;
    blob->n_known = f->n_known;
    blob->next_known = f->next_known;
    memcpy(blob->known, f->known, sizeof(blob->known));
    memcpy(blob->calibration, f->calibration, sizeof(blob->calibration));
    mir_str_add_n(&bytes, (const char *)blob, sizeof(*blob));
    if (f->n_open > 0)
        mir_str_add_n(&bytes, (const char *)f->open, f->n_open * sizeof(f->open[0]));
    write_blob(e, calibration_key, bytes.text, bytes.len, err);
    mir_str_release(&bytes);
    free(blob);
}

/* The paper's history, and in front of it the time of its newest row. */
struct paper_blob {
    int64_t slot;
    struct mir_paper_history paper;
};

static void save_paper(struct mir_engine *e, struct mir_error *err)
{
    struct paper_blob *blob = MIR_NEW(struct paper_blob);

    blob->slot = e->forecast->paper_slot;
    blob->paper = e->forecast->paper;
    write_blob(e, paper_key, blob, sizeof(*blob), err);
    free(blob);
}

void mir_engine_shadows_save(struct mir_engine *e)
{
    struct mir_engine_forecast *f = e->forecast;
    struct mir_error err = {{0}};

    if (f->model == NULL || e->now.mono_ns - f->saved_ns < SAVE_S * MIR_NS)
        return;
    f->saved_ns = e->now.mono_ns;
    save_calibration(e, &err);
    if (mir_wait_model_has(f->model, MIR_WAIT_RF) || mir_wait_model_has(f->model, MIR_WAIT_XGB))
        save_paper(e, &err);
}

static bool is_sane(const struct mir_calibration *c)
{
    for (size_t k = 0; k < MIR_CALIBRATION_CLASSES; k++) {
        for (size_t i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++) {
            if (!(fabs(c->asked[k][i]) <= 100)) /* NaN too */
                return false;
        }
    }
    return c->gamma > 0 && c->gamma < 1;
}

static bool are_sane(const struct mir_calibration c[MIR_N_QUANTILE_METHODS])
{
    bool sane = true;

    for (unsigned m = 0; m < MIR_N_QUANTILE_METHODS; m++)
        sane = sane && is_sane(&c[m]);
    return sane;
}

static bool shadow_is_sane(const struct mir_shadow *s)
{
    bool sane = s->said.class < MIR_CALIBRATION_CLASSES;

    for (int i = 0; i < MIR_N_QUANTILE_METHODS * MIR_N_WAIT_LEVELS_TRAINED; i++)
        sane = sane &&
               isfinite(
                   s->said.quantiles[i / MIR_N_WAIT_LEVELS_TRAINED][i % MIR_N_WAIT_LEVELS_TRAINED]);
    return sane;
}

static bool fits(const struct mir_engine_forecast *f, const struct blob *b, size_t len)
{
    return len >= sizeof(*b) && memcmp(b->magic, magic, sizeof(magic)) == 0 &&
           b->version == BLOB_VERSION && b->checksum == f->calibrated &&
           b->n_open <= MIR_SHADOWS_MAX && len == sizeof(*b) + b->n_open * sizeof(f->open[0]) &&
           b->n_known <= MIR_KNOWN_WAITS && b->next_known < MIR_KNOWN_WAITS &&
           are_sane(b->calibration);
}

static void take_up(struct mir_engine_forecast *f, const struct blob *b)
{
    const struct mir_shadow *open = (const struct mir_shadow *)(b + 1);

    for (unsigned m = 0; m < MIR_N_QUANTILE_METHODS; m++) {
        f->calibration[m] = b->calibration[m];
        f->calibration[m].gamma = MIR_CALIBRATION_GAMMA; /* of this build, not of who wrote it */
    }
    memcpy(f->known, b->known, sizeof(f->known));
    f->n_known = b->n_known;
    f->next_known = b->next_known;
    f->n_learned = b->n_learned;
    f->open = mir_grow(f->open, &f->cap_open, b->n_open + 1, sizeof(f->open[0]));
    for (size_t i = 0; i < b->n_open; i++) {
        if (shadow_is_sane(&open[i]))
            f->open[f->n_open++] = open[i];
    }
}

static void restore_paper(struct mir_engine *e)
{
    const struct paper_blob *blob;
    void *bytes = NULL;
    size_t len = 0;

    if (mir_journal_get_blob(e->journal, paper_key, &bytes, &len, NULL) != 0)
        return;
    blob = bytes;
    if (len == sizeof(*blob) && blob->slot > 0 && blob->paper.end >= MIR_PAPER_ROWS &&
        blob->paper.end <= 2 * MIR_PAPER_ROWS) {
        e->forecast->paper = blob->paper;
        e->forecast->paper_slot = blob->slot;
    }
    free(bytes);
}

void mir_engine_shadows_restore(struct mir_engine *e)
{
    struct mir_engine_forecast *f = e->forecast;
    void *bytes = NULL;
    size_t len = 0;

    if (f->paper_slot == 0)
        restore_paper(e);
    if (mir_journal_get_blob(e->journal, calibration_key, &bytes, &len, NULL) == 0 &&
        fits(f, bytes, len))
        take_up(f, bytes);
    free(bytes);
}
