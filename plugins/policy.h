/*
 * policy.h - finding, loading and running policies.
 * A spec is what a user writes: "avg", "lead:hours=6", "qbets:quantile=0.9,confidence=0.95",
 * or a path to a shared object, "./my_policy.so:key=value".
 */
#ifndef MIR_POLICY_H
#define MIR_POLICY_H

#include <stddef.h>

#include "daemon/core/error.h"
#include "plugins/plugin.h"

/* A parsed spec: which plugin, with which options.  Read-only once made; any thread. */
struct mir_policy;

/*
 * Parse `spec`, find the plugin built in or load it, and open and close one
 * instance so that wrong options are told at once.  The caller owns `*out`.
 * Returns 0, -EINVAL (spec or option), -ENOENT (no such policy; `err` lists
 * those there are) or -ENOEXEC (not a plugin, or another ABI: names both).
 */
int mir_policy_create(const char *spec, struct mir_policy **out, struct mir_error *err);
void mir_policy_destroy(struct mir_policy *policy);

/* The spec as it was written: how tables name it.  Lent. */
const char *mir_policy_spec(const struct mir_policy *policy);
const struct mirage_plugin *mir_policy_plugin(const struct mir_policy *policy);

/* An instance for one chain; ended with plugin->close(). */
int mir_policy_open(const struct mir_policy *policy,
                    uint64_t seed,
                    void **state,
                    struct mir_error *err);

/* The built-in policies, for --help; ends with NULL. */
const struct mirage_plugin *const *mir_policy_builtin(void);

#endif
