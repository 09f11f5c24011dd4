/*
 * forecaster.h - the prediction service that policies, the daemon and
 * `mirage predict` share: a queue, what is known of run times, a model and its
 * calibration go in; the wait of any request comes out, with what drives it.
 * Whoever runs the decisions owns one and looks at the queue once per snapshot;
 * each request then costs microseconds.  One thread at a time per forecaster.
 */
#ifndef MIR_PREDICT_FORECASTER_H
#define MIR_PREDICT_FORECASTER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/host/snapshot.h"
#include "models/features/paper_state.h"
#include "models/features/wait_features.h"
#include "models/predict/calibration.h"
#include "models/predict/wait_model.h"
#include "models/run_time/book.h"

struct mir_forecaster;

/* `bf_window_s`: how far Slurm's backfill plans ahead (SchedulerParameters); 0: a day. */
struct mir_forecaster *mir_forecaster_create(int32_t bf_window_s);
/* Accepts NULL. */
void mir_forecaster_destroy(struct mir_forecaster *f);

/*
 * What it works with.  The model is referenced (NULL: none, every question is
 * answered with -ENODATA); the rest is lent as long as it is set: the book (NULL:
 * run times are not known, and guessed as from a book that has learned nothing), the
 * calibration of a method with quantiles (NULL: none), the paper's history of the queue (NULL: RF and XGB answer
 * -ENODATA).  After an update of the book the queue is to be looked at again.
 */
void mir_forecaster_set_model(struct mir_forecaster *f, struct mir_wait_model *model);
void mir_forecaster_set_book(struct mir_forecaster *f, struct mir_run_book *book);
void mir_forecaster_set_calibration(struct mir_forecaster *f,
                                    enum mir_wait_method method,
                                    const struct mir_calibration *c);
void mir_forecaster_set_paper(struct mir_forecaster *f, struct mir_paper_history *paper);
struct mir_wait_model *mir_forecaster_model(const struct mir_forecaster *f);

/* The queue to answer for, lent until the next look; nothing is computed before it is asked for. */
void mir_forecaster_look(struct mir_forecaster *f, const struct mir_snapshot *queue);

enum { MIR_FORECAST_DRIVERS = 3 };

struct mir_forecast {
    double wait_h;              /* at the wanted level, calibrated */
    double level;               /* that the model was asked for, after calibration */
    double p10_h, p50_h, p90_h; /* calibrated */
    unsigned n_outside;         /* features outside of what training saw */
    /*
     * Of them the one that is the request's own (its nodes, its limit, more nodes than
     * are in service), else the furthest; good when n_outside > 0.
     */
    unsigned furthest;
    /*
     * Do not believe it: the request itself is outside, or more than a quarter of all
     * features are.  Some outside alone are the rule: each leaves the range of training,
     * 1st to 99th percentile, once in fifty times.
     */
    bool out_of_range;
    double plan_h; /* Slurm's own plan by limits; 60 days: it plans none */
};

/*
 * The wait of a request submitted now, by FOREST_Q or XGB_Q, at `level`.  Returns
 * 0, or -ENODATA (no model, not this method, or no queue to look at) with text.
 */
int mir_forecaster_wait(struct mir_forecaster *f,
                        const struct mir_wait_case *c,
                        enum mir_wait_method method,
                        double level,
                        struct mir_forecast *out,
                        struct mir_error *err);

/*
 * The same as `n` waits that are equally likely, ascending, hours: at levels (i + 0.5) / n.
 * `*out` as above, of the median.
 */
int mir_forecaster_waits(struct mir_forecaster *f,
                         const struct mir_wait_case *c,
                         enum mir_wait_method method,
                         double *wait_h,
                         uint32_t n,
                         struct mir_forecast *out,
                         struct mir_error *err);

/*
 * RF or XGB: signed outcome of submitting now, hours.  Returns 0, or -ENODATA (no
 * model, not this method, or no history of the queue) with text.
 */
int mir_forecaster_outcome(struct mir_forecaster *f,
                           const struct mir_paper_chain *chain,
                           enum mir_wait_method method,
                           double *outcome_h,
                           struct mir_error *err);

/*
 * What drives the forecast of a case: the features whose replacement by the
 * training median changes the median wait (uncalibrated) most, the strongest first,
 * with that change in hours (positive: it makes the wait longer).  A feature that
 * changes nothing may be among them: 72 walks through the trees find no better.
 * Returns 0 or -ENODATA, as mir_forecaster_wait().
 */
struct mir_forecast_driver {
    unsigned feature; /* in mir_wait_feature_table */
    double value;     /* of the feature now */
    double change_h;
};

int mir_forecaster_explain(struct mir_forecaster *f,
                           const struct mir_wait_case *c,
                           enum mir_wait_method method,
                           struct mir_forecast_driver out[MIR_FORECAST_DRIVERS],
                           struct mir_error *err);

/* The features of a case at the last look, which there was: for training and for the curious. */
void mir_forecaster_features(struct mir_forecaster *f,
                             const struct mir_wait_case *c,
                             float out[MIR_N_WAIT_FEATURES]);

#endif
