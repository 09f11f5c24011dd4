/*
 * scene.h - what a simulation needs, from a user's options: the log (or the
 * embedded workload), the machine, its capacity, the jobs that run.  It reports
 * bad lines and progress on stderr, as only the program does.  One thread while
 * it is made; read-only afterwards.
 */
#ifndef MIR_REPLAY_SCENE_H
#define MIR_REPLAY_SCENE_H

#include <stdbool.h>

#include "daemon/core/error.h"
#include "daemon/host/host.h"
#include "daemon/host/joblog.h"
#include "traces/replay/options.h"
#include "traces/sim/capacity.h"
#include "traces/sim/cluster.h"
#include "traces/sim/workload.h"

struct mir_scene {
    const char *name; /* of the log, for people; lent by the options */
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_capacity capacity;
    bool has_capacity;
    struct mir_workload workload;
    int64_t
        trusted_at; /* before this the log misses jobs that held nodes; INT64_MIN: it does not */
    struct mir_request shape; /* of the chain's jobs; names looked up in the log */
};

/*
 * Read the log that `options` names, or generate the embedded one.  `*log` is
 * initialised here; the caller releases it, also after a failure.
 */
int mir_scene_read_log(const struct mir_replay_options *options,
                       struct mir_joblog *log,
                       struct mir_error *err);

/*
 * All of a scene; with `cold` the workload has the window's jobs only.  The
 * caller ends `*out` with mir_scene_release(), also after a failure.  Returns 0
 * or a negative errno from whatever was unusable.
 */
int mir_scene_open(const struct mir_replay_options *options,
                   bool cold,
                   struct mir_scene *out,
                   struct mir_error *err);

/* The second half of mir_scene_open(): name, log and trusted_at are there, the rest is zero. */
int mir_scene_make(const struct mir_replay_options *options,
                   bool cold,
                   struct mir_scene *scene,
                   struct mir_error *err);

void mir_scene_release(struct mir_scene *scene);

/* How the log is called in messages and reports. */
const char *mir_scene_log_name(const struct mir_replay_options *options);

/* What an admin should know of the settings before believing the outcome: to stderr. */
void mir_scene_print_notes(const struct mir_scene *scene);

/* The capacity to simulate with, or NULL. */
const struct mir_capacity *mir_scene_capacity(const struct mir_scene *scene);

#endif
