/*
 * report.h - an evaluation shown: a terminal table, CSV, JSON, one HTML file.
 * All return 0 or -EIO.
 */
#ifndef MIR_TRAIN_REPORT_H
#define MIR_TRAIN_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "daemon/core/error.h"
#include "models/predict/wait_model.h"
#include "models/train/evaluation.h"

/* What a forecast looks at, for the drawing; strings lent. */
struct mir_gain {
    const char *name, *unit, *text;
    double share;
};

/* The paper's point predictions of the signed outcome, on samples of their own kind. */
struct mir_outcome_score {
    char name[32];
    size_t n;
    double mae_h, bias_h; /* bias: mean of said - came out */
};

enum { MIR_MAX_GAINS = 16, MIR_MAX_OUTCOME_SCORES = 4 };

/* All that the reports tell; everything is lent. */
struct mir_evaluation_report {
    const struct mir_evaluation *e;
    const char *log, *model; /* names, for people */
    const char *command, *version;
    const char *what;                      /* is scored: "submissions" */
    const struct mir_model_origin *origin; /* of the model */
    uint64_t checksum;
    int64_t from_at, to_at;
    uint32_t n_nodes; /* 0: not known */
    bool in_sample;
    const char *leak;                     /* what the leak check says; NULL: it was not made */
    struct mir_gain gains[MIR_MAX_GAINS]; /* the greatest first */
    uint32_t n_gains;
    struct mir_outcome_score outcomes[MIR_MAX_OUTCOME_SCORES];
    uint32_t n_outcomes;
    double wall_s;
};

/* For people; `colour` marks the best of each column, else a star does. */
int mir_evaluation_table(FILE *to,
                         const struct mir_evaluation_report *r,
                         bool colour,
                         struct mir_error *err);

/* One line per prediction and class; header first. */
int mir_evaluation_csv(FILE *to, const struct mir_evaluation_report *r, struct mir_error *err);

/*
 * {"predictions":[{"name","learned","calibrated","classes":[{"class","n",
 *   "pinball_t":{"0.5":..},"pinball_h":{..},"mae_h","within_2","at_once","coverage":{"0.05":..}}]}],
 *  "outcomes":[{"name","n","mae_h","bias_h"}], "run":{...}}
 * A figure that does not exist is null.  Stable: keys are only ever added.
 */
int mir_evaluation_json(FILE *to, const struct mir_evaluation_report *r, struct mir_error *err);

/* One self-contained file: no script, no link, static SVG. */
int mir_evaluation_html(FILE *to, const struct mir_evaluation_report *r, struct mir_error *err);

/* ---- What they share */

/* A figure as the reports know it. */
struct mir_score_column {
    const char *key;   /* of the CSV: "pinball_t_p50" */
    const char *group; /* heading over several */
    const char *title;
    size_t offset; /* of a double in struct mir_score */
    bool share;    /* shown in per cent */
    /* The best value of a share: its level, or 1; NaN: less is better; infinite: neither is. */
    double goal;
};

enum { MIR_N_SCORE_COLUMNS = 12 };
extern const struct mir_score_column MIR_SCORE_COLUMNS[MIR_N_SCORE_COLUMNS];

double mir_score_value(const struct mir_score_column *column, const struct mir_score *score);

/* As shown: "0.123", "17.2", "91.4 %", "-"; returns buf. */
char *mir_score_format(const struct mir_score_column *column, double value, char buf[32]);

/* Does no other prediction look better in this class?  Not where all look alike. */
bool mir_score_is_best(const struct mir_evaluation *e,
                       const struct mir_score_column *column,
                       uint32_t prediction,
                       uint32_t class);

/* "xgb-q, calibrated"; returns buf. */
char *mir_prediction_label(const struct mir_prediction *p, char buf[48]);

#endif
