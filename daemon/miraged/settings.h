/*
 * settings.h - from the configuration as it was written (daemon/config) to what
 * engine and HTTP server are made with: policies loaded, users looked up.  Owns
 * all that the two are lent.
 */
#ifndef MIR_MIRAGED_SETTINGS_H
#define MIR_MIRAGED_SETTINGS_H

#include "daemon/config/config.h"
#include "daemon/core/error.h"
#include "daemon/engine/engine.h"
#include "daemon/http/http.h"

struct mir_settings {
    struct mir_config *config;
    struct mir_engine_settings engine;
    struct mir_http_settings http;
    struct mir_engine_rule *rules;
    struct mir_policy **policies;
    size_t n_policies;
    struct mir_zone *zone;
    uint32_t *admin_uids;
    struct mir_view_setting *shown;
    size_t n_shown, cap_shown;
};

/*
 * Read `path` and make all of it, or nothing: 0 with `*out` owned by the caller,
 * or a negative errno naming file and key.
 */
int mir_settings_create(const char *path, struct mir_settings **out, struct mir_error *err);
void mir_settings_destroy(struct mir_settings *s);

/*
 * Can a running daemon go from `a` to `b`?  Places (state_dir, broker.socket) need
 * a restart: -EBUSY naming the key.
 */
int mir_settings_check_reload(const struct mir_settings *a,
                              const struct mir_settings *b,
                              struct mir_error *err);

/* Do the two serve HTTP alike? */
bool mir_settings_same_http(const struct mir_settings *a, const struct mir_settings *b);

#endif
