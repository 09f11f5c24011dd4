/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fan.c - a policy's fan, shown and kept. */
#include "daemon/engine/fan.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char magic[4] = {'M', 'F', 'N', 1};

_Static_assert((int)MIR_VIEW_FAN_POINTS == (int)MIRAGE_FAN_POINTS &&
                   (int)MIR_VIEW_FAN_JOBS == (int)MIRAGE_FAN_JOBS,
               "all that a policy shows can be shown");

/* ---- from the policy */

/* Seven digits of an hour are enough, and half as long. */
static double hours(double h)
{
    return isfinite(h) && fabs(h) < 1e9 ? (double)(float)h : (double)NAN;
}

static bool is_next(const struct mirage_fan *fan, uint32_t k)
{
    int64_t before_at = fan->points[k - 1].submit_at, at = fan->points[k].submit_at;

    return at > before_at && (uint64_t)at - (uint64_t)before_at <= UINT32_MAX;
}

static bool is_sound(const struct mirage_fan *fan)
{
    if (fan->n_points < 1 || fan->n_points > MIRAGE_FAN_POINTS || fan->n_jobs > MIRAGE_FAN_JOBS ||
        fan->best >= fan->n_points)
        return false;
    for (uint32_t k = 1; k < fan->n_points; k++)
        if (!is_next(fan, k))
            return false;
    return true;
}

struct mir_view_fan *mir_fan_take(const struct mirage_fan *fan)
{
    struct mir_view_fan *out;

    if (fan == NULL || !is_sound(fan))
        return NULL;
    out = mir_view_fan_create();
    out->n_futures = fan->n_futures;
    out->n_points = fan->n_points;
    out->n_jobs = fan->n_jobs;
    out->best = fan->best;
    for (uint32_t k = 0; k < fan->n_points; k++) {
        const struct mirage_fan_point *p = &fan->points[k];

        out->points[k] = (struct mir_view_fan_point){
            p->submit_at,         hours(p->cost_h),     hours(p->cost_p10_h), hours(p->cost_p90_h),
            hours(p->wait_p10_h), hours(p->wait_p50_h), hours(p->wait_p90_h)};
    }
    for (uint32_t i = 0; i < fan->n_jobs; i++)
        out->jobs[i] = (struct mir_view_fan_job){.id = fan->jobs[i].id,
                                                 .is_running = fan->jobs[i].is_running != 0,
                                                 .effect_h = hours(fan->jobs[i].effect_h)};
    return out;
}

void mir_fan_name(struct mir_view_fan *fan, uint32_t i, const char *user, const char *name)
{
    snprintf(fan->jobs[i].user, sizeof(fan->jobs[i].user), "%s", user != NULL ? user : "");
    snprintf(fan->jobs[i].name, sizeof(fan->jobs[i].name), "%s", name != NULL ? name : "");
}

/* ---- to bytes */

static void put(struct mir_str *out, const void *bytes, size_t n)
{
    mir_str_add_n(out, bytes, n);
}

static void put_u32(struct mir_str *out, uint32_t v)
{
    put(out, &v, sizeof(v));
}

static void put_hours(struct mir_str *out, double h)
{
    float f = (float)h;

    put(out, &f, sizeof(f));
}

static void put_text(struct mir_str *out, const char *text)
{
    unsigned char n = (unsigned char)strlen(text);

    put(out, &n, 1);
    put(out, text, n);
}

static void put_point(struct mir_str *out, const struct mir_view_fan_point *p, int64_t before_at)
{
    put_u32(out, (uint32_t)(p->submit_at - before_at));
    put_hours(out, p->cost_h);
    put_hours(out, p->cost_p10_h);
    put_hours(out, p->cost_p90_h);
    put_hours(out, p->wait_p10_h);
    put_hours(out, p->wait_p50_h);
    put_hours(out, p->wait_p90_h);
}

static void put_job(struct mir_str *out, const struct mir_view_fan_job *job)
{
    put_u32(out, job->id);
    put_u32(out, job->is_running);
    put_hours(out, job->effect_h);
    put_text(out, job->user);
    put_text(out, job->name);
}

void mir_fan_pack(const struct mir_view_fan *fan, struct mir_str *out)
{
    int64_t at = fan->points[0].submit_at;

    put(out, magic, sizeof(magic));
    put_u32(out, fan->n_futures);
    put_u32(out, fan->n_points);
    put_u32(out, fan->best);
    put_u32(out, fan->n_jobs);
    put(out, &at, sizeof(at));
    for (uint32_t k = 0; k < fan->n_points; k++) {
        put_point(out, &fan->points[k], at);
        at = fan->points[k].submit_at;
    }
    for (uint32_t i = 0; i < fan->n_jobs; i++)
        put_job(out, &fan->jobs[i]);
}

/* ---- and back */

struct reading {
    const char *at;
    size_t left;
    bool failed;
};

/* Zeros once something was missing. */
static void get(struct reading *r, void *out, size_t n)
{
    r->failed |= n > r->left;
    if (r->failed) {
        memset(out, 0, n);
        return;
    }
    memcpy(out, r->at, n);
    r->at += n;
    r->left -= n;
}

static uint32_t get_u32(struct reading *r)
{
    uint32_t v;

    get(r, &v, sizeof(v));
    return v;
}

static double get_hours(struct reading *r)
{
    float f;

    get(r, &f, sizeof(f));
    return hours((double)f);
}

static void get_text(struct reading *r, char *out, size_t size)
{
    unsigned char n;

    get(r, &n, 1);
    r->failed |= n >= size;
    if (r->failed)
        return;
    get(r, out, n);
    r->failed |= memchr(out, '\0', n) != NULL;
    out[n] = '\0';
}

/* The first point is at the time before it, all others later than theirs. */
static void get_point(struct reading *r, struct mir_view_fan *fan, uint32_t k, int64_t before_at)
{
    struct mir_view_fan_point *p = &fan->points[k];
    uint32_t later_s = get_u32(r);

    r->failed |= (k == 0) != (later_s == 0) || before_at > INT64_MAX - (int64_t)later_s;
    if (r->failed)
        return;
    p->submit_at = before_at + (int64_t)later_s;
    p->cost_h = get_hours(r);
    p->cost_p10_h = get_hours(r);
    p->cost_p90_h = get_hours(r);
    p->wait_p10_h = get_hours(r);
    p->wait_p50_h = get_hours(r);
    p->wait_p90_h = get_hours(r);
}

static void get_job(struct reading *r, struct mir_view_fan_job *job)
{
    uint32_t is_running;

    job->id = get_u32(r);
    is_running = get_u32(r);
    r->failed |= is_running > 1;
    job->is_running = is_running != 0;
    job->effect_h = get_hours(r);
    get_text(r, job->user, sizeof(job->user));
    get_text(r, job->name, sizeof(job->name));
}

static void get_head(struct reading *r, struct mir_view_fan *fan)
{
    char found[sizeof(magic)];

    get(r, found, sizeof(found));
    fan->n_futures = get_u32(r);
    fan->n_points = get_u32(r);
    fan->best = get_u32(r);
    fan->n_jobs = get_u32(r);
    r->failed |= memcmp(found, magic, sizeof(magic)) != 0 || fan->n_points < 1 ||
                 fan->n_points > MIR_VIEW_FAN_POINTS || fan->n_jobs > MIR_VIEW_FAN_JOBS ||
                 fan->best >= fan->n_points;
}

static void get_fan(struct reading *r, struct mir_view_fan *fan)
{
    int64_t at = 0;

    get_head(r, fan);
    get(r, &at, sizeof(at));
    for (uint32_t k = 0; k < fan->n_points && !r->failed; k++) {
        get_point(r, fan, k, at);
        at = fan->points[k].submit_at;
    }
    for (uint32_t i = 0; i < fan->n_jobs && !r->failed; i++)
        get_job(r, &fan->jobs[i]);
    r->failed |= r->left != 0;
}

int mir_fan_unpack(const void *bytes, size_t len, struct mir_view_fan **out, struct mir_error *err)
{
    struct mir_view_fan *fan = mir_view_fan_create();
    struct reading r = {bytes, len, false};

    get_fan(&r, fan);
    if (r.failed) {
        mir_view_fan_unref(fan);
        return mir_error_set(err, -EBADMSG, "the journal's fan cannot be read");
    }
    *out = fan;
    return 0;
}
