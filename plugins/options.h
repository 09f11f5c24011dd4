/*
 * options.h - the key=value options of a policy, checked and converted from a
 * table of rules.  For the open() of policies; any thread.
 */
#ifndef MIR_POLICY_OPTIONS_H
#define MIR_POLICY_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "plugins/plugin.h"

enum mir_option_type {
    MIR_OPTION_REAL,     /* double *out */
    MIR_OPTION_COUNT,    /* uint32_t *out */
    MIR_OPTION_DURATION, /* int64_t *out, seconds */
};

/*
 * One known key.  Rules with the same `out` are spellings of one thing
 * ("hours=", "minutes="), of which only one may be given.
 */
struct mir_option_rule {
    const char *key;
    enum mir_option_type type;
    double min, max; /* inclusive; of a duration in seconds */
    int64_t unit_s;  /* durations: what a bare number counts; "90m" says its own unit */
    void *out;       /* of the type above; left as it was when the key is not given */
};

/*
 * Set what `options` gives.  Returns 0, or -EINVAL with one sentence in `err`:
 * an unknown key (lists those known), a key given twice, a value that is not
 * one or is out of range.
 */
int mir_options_parse(const struct mirage_options *options,
                      const struct mir_option_rule *rules,
                      size_t n_rules,
                      struct mir_error *err);

#endif
