/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forecast.c - the forecaster inside the engine: who feeds it, and who asks it. */
#include "daemon/engine/forecast.h"

#include <errno.h>
#include <math.h>

#include "daemon/core/alloc.h"
#include "daemon/engine/outlook.h"
#include "plugins/waits.h"

enum {
    BF_WINDOW_S = 86400,   /* Slurm's default */
    MAX_AGE_S = 7 * 86400, /* PriorityMaxAge's default */
    S_PER_H = 3600,
    TAKE_UP = 1000,
    WAITS = 200, /* without a model: recent starts, and how many make a class of their own */
    WAITS_MIN = 20,
};

enum mir_wait_method mir_engine_method(const struct mir_wait_model *m)
{
    return mir_wait_model_has(m, MIR_WAIT_XGB_Q) ? MIR_WAIT_XGB_Q : MIR_WAIT_FOREST_Q;
}

/* ---- made and ended ---- */

static void make_forecaster(struct mir_engine_forecast *f, int32_t bf_window_s)
{
    mir_forecaster_destroy(f->forecaster);
    f->forecaster = mir_forecaster_create(bf_window_s);
    f->bf_window_s = bf_window_s;
    f->looked = false;
    mir_forecaster_set_book(f->forecaster, f->book);
    for (unsigned m = 0; m < MIR_N_QUANTILE_METHODS; m++)
        mir_forecaster_set_calibration(f->forecaster, (enum mir_wait_method)m, &f->calibration[m]);
    mir_forecaster_set_paper(f->forecaster, &f->paper);
    mir_forecaster_set_model(f->forecaster, f->model);
}

void mir_engine_forecast_create(struct mir_engine *e)
{
    struct mir_engine_forecast *f = MIR_NEW(struct mir_engine_forecast);

    e->forecast = f;
    f->book = mir_run_book_create();
    mir_run_book_mix(f->book);
    mir_paper_history_init(&f->paper);
    mir_calibrations_init(f->calibration);
    f->saved_ns = e->now.mono_ns;
    make_forecaster(f, BF_WINDOW_S);
}

void mir_engine_forecast_destroy(struct mir_engine *e)
{
    struct mir_engine_forecast *f = e->forecast;

    if (f == NULL)
        return;
    mir_forecaster_destroy(f->forecaster);
    mir_wait_model_unref(f->model);
    mir_run_book_destroy(f->book);
    mir_view_model_unref(f->view);
    free(f->open);
    free(f);
    e->forecast = NULL;
}

/* ---- the site ---- */

void mir_engine_forecast_cluster(struct mir_engine *e, const struct mir_live_cluster *cluster)
{
    int32_t bf_window_s;

    mir_engine_outlook_cluster(e, cluster);
    bf_window_s = e->outlook->cluster.params.bf_window_s;
    e->forecast->looked = false;
    if (bf_window_s != e->forecast->bf_window_s)
        make_forecaster(e->forecast, bf_window_s);
}

/* Where ages count: from submission, or from when nothing but the queue holds the job. */
static double age_s(const struct mir_engine *e, const struct mir_live_job *job)
{
    bool started = job->state != MIR_STATE_PENDING && job->start_at > 0;
    int64_t until = started ? job->start_at : mir_engine_at(e);
    int64_t since = job->eligible_at;

    if (since <= 0 || since > until || e->cluster.accrue_always)
        since = job->submit_at;
    return until > since ? (double)(until - since) : 0;
}

double mir_engine_base_priority(const struct mir_engine *e, const struct mir_live_job *job)
{
    int32_t max_age_s = e->cluster.max_age_s > 0 ? e->cluster.max_age_s : MAX_AGE_S;
    double part;

    if (!e->have_cluster || strstr(e->cluster.priority_type, "multifactor") == NULL ||
        job->priority == 0)
        return NAN;
    part = e->cluster.weight_age * fmin(age_s(e, job) / max_age_s, 1);
    return fmax(job->priority - part, 1);
}

/* ---- run times ---- */

/* A chain's job runs until its limit: that teaches nothing about the user's others. */
static void hear_runs(struct mir_engine *e)
{
    struct mir_run_book *book = e->forecast->book;
    size_t n = 0;
    const struct mir_run_event *events = mir_queue_run_events(e->queue, &n);

    for (size_t i = 0; i < n; i++) {
        const struct mir_run_event *event = &events[i];
        const struct mir_run_shape shape = {event->user, event->name, event->n_nodes,
                                            event->limit_s,
                                            mir_run_waited_s(event->submit_at, event->start_at)};

        mir_engine_outlook_run(e, event);
        if (event->ended)
            mir_run_book_end(book, event->run, event->at);
        else if (!event->chained)
            mir_run_book_start(book, event->run, &shape, event->at);
    }
}

/* Taken up piece by piece: what nobody takes up waits in memory. */
void mir_engine_forecast_past(struct mir_engine *e, const struct mir_live_past *past)
{
    if (++e->forecast->n_past % TAKE_UP != 0)
        return;
    hear_runs(e);
    mir_run_book_update(e->forecast->book, past->start_at);
}

/* ---- what it looks at ---- */

void mir_engine_forecast_stale(struct mir_engine *e)
{
    e->forecast->looked = false;
}

/* Nothing is computed before it is asked for; all who ask share what is. */
static bool look(struct mir_engine *e)
{
    struct mir_engine_forecast *f = e->forecast;

    if (!f->listed || e->history != MIR_HISTORY_SETTLED)
        return false;
    if (!f->looked) {
        hear_runs(e);
        f->queue = *mir_queue_snapshot(e->queue, mir_engine_at(e));
        mir_run_book_update(f->book, f->queue.now);
        mir_forecaster_look(f->forecaster, &f->queue);
        f->looked = true;
        mir_engine_outlook_stale(e);
    }
    return true;
}

struct mir_forecaster *mir_engine_forecaster(struct mir_engine *e)
{
    return look(e) ? e->forecast->forecaster : NULL;
}

/* A row for every ten minutes that have begun; what was not seen was as it is now. */
static void push_paper(struct mir_engine_forecast *f)
{
    int64_t slot = f->queue.now / MIR_PAPER_PERIOD_S;
    int64_t n = f->paper_slot == 0 ? 1 : slot - f->paper_slot;

    if (n <= 0)
        return;
    f->paper_slot = slot;
    for (int64_t i = 0; i < n && i < MIR_PAPER_ROWS; i++)
        mir_paper_history_push(&f->paper, &f->queue);
}

/* ---- lists ---- */

void mir_engine_forecast_list(struct mir_engine *e, const struct mir_live_jobs *jobs)
{
    mir_engine_shadows_list(e, jobs);
}

void mir_engine_forecast_listed(struct mir_engine *e, const struct mir_live_jobs *jobs)
{
    struct mir_engine_forecast *f = e->forecast;

    f->listed = true;
    f->looked = false;
    mir_engine_journal_ends(e, jobs);
    mir_engine_outlook_list(e, jobs);
    if (look(e))
        push_paper(f);
    mir_engine_outlook_listed(e);
    mir_engine_shadows_save(e);
}

/* ---- mirage predict ---- */

static bool same(const char *listed, const char *wanted)
{
    return wanted[0] != '\0' && strcmp(listed, wanted) == 0;
}

/* Names that are in the list, no others: the queue numbers each that it is asked for, and keeps it. */
static struct mir_live_job job_of(const struct mir_engine *e, const struct mir_view_request *r)
{
    struct mir_live_job job = {
        .n_nodes = r->n_nodes,
        .limit_s = r->limit_s,
        .user = "",
        .account = "",
        .partition = "",
        .qos = "",
        .name = "",
        .comment = "",
    };

    for (size_t i = 0; e->list != NULL && i < e->list->n_jobs; i++) {
        const struct mir_live_job *listed = &e->list->jobs[i];

        if (same(listed->user, r->user))
            job.user = listed->user;
        if (same(listed->account, r->account))
            job.account = listed->account;
        if (same(listed->partition, r->partition))
            job.partition = listed->partition;
        if (same(listed->qos, r->qos))
            job.qos = listed->qos;
    }
    return job;
}

static bool may_differ(const char *listed, const char *wanted)
{
    return wanted[0] == '\0' || strcmp(listed, wanted) == 0;
}

/* As of the newest job of that user there. */
static double priority_of(const struct mir_engine *e, const struct mir_view_request *r)
{
    const struct mir_live_job *newest = NULL;

    for (size_t i = 0; e->list != NULL && i < e->list->n_jobs; i++) {
        const struct mir_live_job *job = &e->list->jobs[i];

        if (same(job->user, r->user) && may_differ(job->account, r->account) &&
            may_differ(job->partition, r->partition) && may_differ(job->qos, r->qos) &&
            job->priority > 0 && (newest == NULL || job->submit_at >= newest->submit_at))
            newest = job;
    }
    return newest != NULL ? mir_engine_base_priority(e, newest) : NAN;
}

static double seconds(double h)
{
    return isfinite(h) ? h * S_PER_H : NAN;
}

/* Slurm's own plan needs no model. */
static double plan_s(struct mir_engine *e, const struct mir_wait_case *c)
{
    float x[MIR_N_WAIT_FEATURES];

    mir_forecaster_features(e->forecast->forecaster, c, x);
    return seconds((double)x[MIR_WAIT_FEATURE_PLAN_LIMIT]);
}

static void
add_drivers(struct mir_engine *e, const struct mir_wait_case *c, struct mir_view_forecast *out)
{
    struct mir_forecast_driver drivers[MIR_FORECAST_DRIVERS];

    if (mir_forecaster_explain(e->forecast->forecaster, c, mir_engine_method(e->forecast->model),
                               drivers, NULL) != 0)
        return;
    for (unsigned i = 0; i < MIR_FORECAST_DRIVERS && i < 3; i++) {
        const struct mir_feature *feature = &mir_wait_feature_table[drivers[i].feature];
        struct mir_view_driver *d = &out->drivers[out->n_drivers++];

        snprintf(d->name, sizeof(d->name), "%s", feature->name);
        snprintf(d->unit, sizeof(d->unit), "%s", feature->unit);
        snprintf(d->text, sizeof(d->text), "%s", feature->text);
        d->value = drivers[i].value;
        d->change_s = drivers[i].change_h * S_PER_H;
    }
}

static int ask_model(struct mir_engine *e,
                     const struct mir_wait_case *c,
                     struct mir_view_forecast *out,
                     struct mir_error *err)
{
    struct mir_engine_forecast *f = e->forecast;
    enum mir_wait_method method = mir_engine_method(f->model);
    struct mir_forecast forecast;
    int rc = mir_forecaster_wait(f->forecaster, c, method, 0.5, &forecast, err);

    if (rc != 0)
        return rc;
    snprintf(out->method, sizeof(out->method), "%s", mir_wait_method_name(method));
    out->wait_s[0] = seconds(forecast.p10_h);
    out->wait_s[1] = seconds(forecast.p50_h);
    out->wait_s[2] = seconds(forecast.p90_h);
    out->plan_s = seconds(forecast.plan_h);
    out->out_of_range = forecast.out_of_range;
    out->n_outside = forecast.n_outside;
    if (forecast.n_outside > 0 && forecast.furthest < MIR_N_WAIT_FEATURES)
        snprintf(out->furthest, sizeof(out->furthest), "%s",
                 mir_wait_feature_table[forecast.furthest].name);
    if (forecast.out_of_range)
        snprintf(out->note, sizeof(out->note),
                 "out of the model's range: training saw nothing like it");
    mir_engine_model_file(f->model, &out->model);
    add_drivers(e, c, out);
    return 0;
}

/* Quantiles of what jobs like it waited lately. */
static void ask_waits(struct mir_engine *e,
                      const struct mir_request *request,
                      const char *why,
                      struct mir_view_forecast *out)
{
    static const double levels[3] = {0.1, 0.5, 0.9};
    const struct mir_history *history = &e->forecast->queue.history;
    const struct mir_start *start;
    struct mir_wait_window waits;
    struct mir_wait_feed feed;

    mir_wait_window_init(&waits, WAITS);
    mir_wait_feed_init(&feed, WAITS, WAITS_MIN);
    (void)mir_wait_feed_begin(&feed, history, request);
    while ((start = mir_wait_feed_next(&feed, history)) != NULL)
        mir_wait_window_add(&waits, start->wait_s);
    for (int i = 0; i < 3; i++) {
        uint32_t rank = (uint32_t)ceil(levels[i] * waits.n);

        out->wait_s[i] =
            waits.n > 0 ? (double)mir_wait_window_rank(&waits, rank > 0 ? rank : 1) : (double)NAN;
    }
    out->n_waits = waits.n;
    snprintf(out->method, sizeof(out->method), "waits");
    snprintf(out->note, sizeof(out->note), "%.60s: waits of the last %u starts (%.48s)", why,
             waits.n, feed.label);
    mir_wait_window_release(&waits);
}

void mir_engine_predict(struct mir_engine *e,
                        const struct mir_command *command,
                        struct mir_answer *answer)
{
    struct mir_live_job job = job_of(e, &command->request);
    struct mir_view_forecast *out;
    struct mir_error err = {{0}};
    struct mir_request request;
    struct mir_wait_case c = {.request = &request, .predecessor_end_at = INT64_MIN};

    if (!look(e)) {
        answer->rc = -EBUSY;
        snprintf(answer->text, sizeof(answer->text), "the queue has not been read yet; try again");
        return;
    }
    mir_queue_request(e->queue, &job, &request);
    c.priority = priority_of(e, &command->request);
    out = answer->forecast = MIR_NEW(struct mir_view_forecast);
    out->at = e->forecast->queue.now;
    out->priority = c.priority;
    if (e->forecast->model == NULL)
        mir_error_set(&err, -ENODATA, "no model");
    if (e->forecast->model == NULL || ask_model(e, &c, out, &err) != 0) {
        out->plan_s = plan_s(e, &c);
        ask_waits(e, &request, err.text, out);
    }
}
