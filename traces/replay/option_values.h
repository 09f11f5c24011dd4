/*
 * option_values.h - the values of options that are more than a word.  One thread.
 * All return 0 or -EINVAL with a sentence that shows the value.
 */
#ifndef MIR_REPLAY_OPTION_VALUES_H
#define MIR_REPLAY_OPTION_VALUES_H

#include <stdint.h>

#include "daemon/core/error.h"
#include "traces/replay/options.h"

/* A whole number in [min, max]; `what` names it in the message. */
int mir_value_count(const char *what,
                    const char *text,
                    int64_t min,
                    int64_t max,
                    int64_t *out,
                    struct mir_error *err);

/* A duration in [min_s, INT32_MAX); a bare number counts `unit_s` seconds. */
int mir_value_duration(const char *what,
                       const char *text,
                       int64_t unit_s,
                       int64_t min_s,
                       int32_t *out_s,
                       struct mir_error *err);

/* "1,0.5,0.1" */
int mir_value_weights(const char *text, struct mir_replay_options *out, struct mir_error *err);

/* "nodes=8,limit=48h,links=2,..." over what `out` holds. */
int mir_value_chain(const char *text, struct mir_chain_options *out, struct mir_error *err);

/* "bf_interval=60": known to mir_cluster_set(), or refused. */
int mir_value_setting(const char *text, struct mir_replay_options *out, struct mir_error *err);

#endif
