/*
 * forecast.h - what the engine knows of waits to come: a model and its files, run
 * times, what calibrates, the paper's history of the queue.  Shared by
 *
 *     forecast.c   fed by lists; asked by decisions and by `mirage predict`
 *     model.c      the files: load, watch, install, roll back
 *     shadow.c     what was promised of each job's wait, and whether it was kept
 *     export.c     the history as a log, for mirage-train
 *
 * and by nobody else.  One thread: the engine's.
 */
#ifndef MIR_ENGINE_FORECAST_H
#define MIR_ENGINE_FORECAST_H

#include <time.h>

#include "daemon/engine/internal.h"
#include "models/predict/forecaster.h"
#include "models/predict/promise.h"

enum {
    MIR_SHADOWS_MAX = 20000, /* jobs that wait and of whom something was said: 120 bytes each */
    MIR_KNOWN_WAITS = 1000,  /* the newest, for coverage */
    MIR_PROMISES = 3,        /* p50, p90, p95 */
};

/* A job that waits, and what the model said of it before it was in the queue. */
struct mir_shadow {
    int64_t submit_at;
    uint32_t id;
    float promised_h[MIR_PROMISES]; /* calibrated, by mir_engine_method() */
    struct mir_promise said;
};

/* A file is another one when any of these has changed. */
struct mir_file_id {
    uint64_t device, inode, size;
    int64_t changed_ns; /* 0: there is none */
};

struct mir_engine_forecast {
    struct mir_forecaster *forecaster;
    int32_t bf_window_s;
    struct mir_run_book *book;
    uint64_t n_past;           /* jobs of the past that it was told of */
    struct mir_snapshot queue; /* that the forecaster looks at; its arrays are the queue's own */
    bool listed;               /* a list has come since we started */
    bool looked;               /* and `queue` is what it was looked at */

    struct mir_paper_history paper;
    int64_t paper_slot; /* of its newest row: time / MIR_PAPER_PERIOD_S; 0: none */

    struct mir_wait_model *model; /* one reference; NULL: none */
    struct mir_file_id file;      /* that was looked at last, taken or refused */
    bool taken;
    char path[1024]; /* "": none is configured */
    char refused[256];
    int64_t loaded_at, checked_ns;
    struct mir_view_model *view; /* one reference; NULL: to be built */

    struct mir_calibration calibration[MIR_N_QUANTILE_METHODS];
    uint64_t calibrated; /* checksum of the model that it belongs to */
    struct mir_shadow *open;
    size_t n_open, cap_open;
    uint8_t known[MIR_KNOWN_WAITS]; /* bit i: promise i was kept; a ring */
    uint32_t n_known, next_known;
    uint64_t n_learned;
    int64_t saved_ns;
};

/* The method whose promises are made and kept account of: xgb-q, else forest-q. */
enum mir_wait_method mir_engine_method(const struct mir_wait_model *m);

/* model.c */
/* Another model (its reference is taken over; NULL: none). */
void mir_engine_use_model(struct mir_engine *e, struct mir_wait_model *m);
void mir_engine_model_file(const struct mir_wait_model *m, struct mir_view_model_file *out);

/* shadow.c */
/* Nothing is known of this model's promises yet. */
void mir_engine_shadows_reset(struct mir_engine *e);
/* What an earlier process learned of this model; anything else is left alone. */
void mir_engine_shadows_restore(struct mir_engine *e);
/* A list, before the queue takes it: starts tell, new jobs are told of by the last look. */
void mir_engine_shadows_list(struct mir_engine *e, const struct mir_live_jobs *jobs);
/* Write down what was learned, now and then. */
void mir_engine_shadows_save(struct mir_engine *e);

/* export.c */
/* Jobs that ended since the last list: their run times, for the next start and for training. */
void mir_engine_journal_ends(struct mir_engine *e, const struct mir_live_jobs *jobs);

#endif
