/*
 * generate.h - a synthetic workload: users with habits who submit in bursts, by
 * day more than by night, ask for far more time than they use, and keep the
 * machine lightly loaded in one week and overloaded in another.
 * Its parameters are a few plain numbers: the embedded default's are invented,
 * others are fitted to a log.  Plain data; any thread, one at a time per object.
 *
 * Same parameters, seed, start and duration: the same log, byte for byte, on
 * every machine.  (exp, log, pow and sqrt may differ in the last bit between
 * C libraries; every time is rounded to whole seconds, so such a difference
 * shows in about one of 10^8 jobs, by one second.)
 */
#ifndef MIR_GENERATE_GENERATE_H
#define MIR_GENERATE_GENERATE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/core/error.h"
#include "daemon/host/joblog.h"

enum { MIR_GENERATE_MAX_SHAPES = 256 };

/* What users ask for, and what becomes of it. */
struct mir_generate_shape {
    uint32_t n_nodes;
    int32_t limit_s;
    double share;      /* of all jobs; only the relation to the other shapes' counts */
    double hit_share;  /* of the shape's jobs: run into the limit */
    double fail_share; /* of the shape's jobs: die within fail_max_s */
    double ratio_mean; /* run / limit of the rest, beta distributed: mean ... */
    double ratio_sd;   /* ... and standard deviation; below sqrt(mean * (1 - mean)) */
};

struct mir_generate_params {
    uint32_t n_nodes; /* of the machine; no shape is larger */
    uint32_t n_users;
    uint32_t n_accounts;       /* users belong to accounts in turn */
    uint32_t classes_per_user; /* shapes that one user uses, the first of them most */
    double user_zipf;          /* the k-th user submits in proportion to k^-user_zipf */
    double jobs_per_day;
    double batch_mean;        /* jobs submitted in one go by one user: geometric, mean >= 1 */
    double batch_gap_s;       /* between two jobs of a batch: exponential, mean */
    double repeat_share;      /* jobs that run as long (+- 10 %) as the last of their class did */
    double week_spread;       /* weekly load factors lie evenly in [1 - spread, 1 + spread] */
    int32_t fail_max_s;       /* a job that fails at once runs 1 s to this, log-uniformly */
    double hour_factor[24];   /* of the arrival rate, by hour of the log's clock; mean 1 */
    double weekday_factor[7]; /* Monday first; mean 1 */
    struct mir_generate_shape shapes[MIR_GENERATE_MAX_SHAPES];
    uint32_t n_shapes;
};

/*
 * The embedded default workload: invented round numbers, for a machine of 76
 * nodes whose weeks are loaded from about 0.6 to 1.05 of its capacity.
 */
void mir_generate_default(struct mir_generate_params *out);

/* Scale hour and weekday factors to mean 1 and shares to sum 1.  For checked parameters. */
void mir_generate_normalise(struct mir_generate_params *params);

/* Returns 0, or -EINVAL with the name of the parameter that makes no sense. */
int mir_generate_check(const struct mir_generate_params *params, struct mir_error *err);

/* Expected node-seconds asked for and used per node-second of the machine, over all weeks. */
double mir_generate_offered_load(const struct mir_generate_params *params);

/* How run times are divided: failures up to lo_s, the rest in (lo_s, hi_s), hits at the limit. */
struct mir_generate_range {
    double lo_s, hi_s;
};

struct mir_generate_range mir_generate_range(int32_t limit_s, int32_t fail_max_s);

/*
 * Add the workload of [start_at, start_at + duration_s) to the empty, initialised
 * `log`: sorted by submission, ids from 1, names invented, `wait_s` not given,
 * since waits are what a simulation finds out.  About a million jobs a second.
 * Returns 0, or -EINVAL for parameters that mir_generate_check() refuses or for
 * a duration that is not positive or makes more than 10^8 jobs.
 */
int mir_generate(const struct mir_generate_params *params,
                 uint64_t seed,
                 int64_t duration_s,
                 int64_t start_at,
                 struct mir_joblog *log,
                 struct mir_error *err);

struct mir_generate_fit_options {
    int64_t from_at, to_at; /* submissions in [from_at, to_at) */
    uint32_t
        n_nodes; /* of the machine, in the log's unit; 0: as the log says, or its busiest moment */
};

/* Everything, and the machine as the log gives it. */
void mir_generate_fit_options_init(struct mir_generate_fit_options *options);

/*
 * The parameters whose workload has the log's arrival rate, rhythm, bursts,
 * users, sizes, limits and run times.  Jobs without a limit, size or run time
 * count in nothing; sizes are processors where the log has no nodes.
 * Returns 0, -ENODATA when fewer than 100 jobs can be used, or -EINVAL when
 * neither the caller nor the log tells how large the machine is.
 */
int mir_generate_fit(const struct mir_joblog *log,
                     const struct mir_generate_fit_options *options,
                     struct mir_generate_params *out,
                     struct mir_error *err);

/*
 * The parameters as text, "key = value" by line, with an explanation of each.
 * What is written is read back bit for bit.  Returns 0 or -EIO.
 */
int mir_generate_params_write(FILE *to,
                              const struct mir_generate_params *params,
                              struct mir_error *err);

/*
 * Read such a file; keys that it does not name keep the default's value, but
 * one "shape" line replaces all of the default's shapes.  `*out` is left as it
 * was on failure.  Returns 0, -ENOENT and other errnos from opening, or -EINVAL
 * with "file:line: key: reason".
 */
int mir_generate_params_read(const char *path,
                             struct mir_generate_params *out,
                             struct mir_error *err);

/* The same from memory; `name` stands for the file in messages. */
int mir_generate_params_parse(const char *name,
                              const char *text,
                              size_t len,
                              struct mir_generate_params *out,
                              struct mir_error *err);

#endif
