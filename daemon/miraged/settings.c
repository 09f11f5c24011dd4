/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings.c - policies, users and zones that the configuration names. */
#include "daemon/miraged/settings.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"

enum { REQUEST_DEADLINE_MS = 10000, STALE_S = 60 };

/* getpwnam_r()'s buffer: an entry longer than this is no user that we know. */
enum { PASSWD_BYTES = 16384 };

static int find_user(const char *name, uint32_t *uid, struct mir_error *err)
{
    char *buffer = mir_alloc(PASSWD_BYTES, 1);
    struct passwd entry, *found = NULL;
    int rc = getpwnam_r(name, &entry, buffer, PASSWD_BYTES, &found);

    if (found != NULL)
        *uid = entry.pw_uid;
    free(buffer);
    if (rc == 0 && found == NULL)
        return mir_error_set(err, -ENOENT, "admins: no user \"%s\" on this machine", name);
    if (rc != 0)
        return mir_error_set(err, -rc, "admins: look up \"%s\": %s", name, strerror(rc));
    return 0;
}

static int make_admins(struct mir_settings *s, struct mir_error *err)
{
    size_t n = 0;

    while (s->config->admins[n] != NULL)
        n++;
    s->admin_uids = MIR_NEW_ARRAY(uint32_t, n);
    for (size_t i = 0; i < n; i++) {
        int rc = find_user(s->config->admins[i], &s->admin_uids[i], err);

        if (rc != 0)
            return rc;
    }
    s->http.admin_uids = s->admin_uids;
    s->http.n_admin_uids = n;
    return 0;
}

static int make_policy(struct mir_settings *s,
                       const char *key,
                       const char *spec,
                       const struct mir_policy **out,
                       struct mir_error *err)
{
    struct mir_error why = {{0}};
    int rc = mir_policy_create(spec, &s->policies[s->n_policies], &why);

    if (rc != 0)
        return mir_error_set(err, rc, "%s: %s", key, why.text);
    *out = s->policies[s->n_policies++];
    return 0;
}

/* One rule a partition, and the general one last. */
static int make_rules(struct mir_settings *s, struct mir_error *err)
{
    const struct mir_config *c = s->config;
    size_t n = c->n_partitions;
    int rc;

    s->rules = MIR_NEW_ARRAY(struct mir_engine_rule, n + 1);
    s->policies = MIR_NEW_ARRAY(struct mir_policy *, n + 1);
    s->rules[n].weight = c->weight;
    rc = make_policy(s, "policy", c->policy, &s->rules[n].policy, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct mir_config_partition *p = &c->partitions[i];
        struct mir_engine_rule *rule = &s->rules[i];

        rule->weight = p->weight == p->weight ? p->weight : c->weight; /* NAN: the general one */
        rule->policy = s->rules[n].policy;
        if ((size_t)snprintf(rule->partition, sizeof(rule->partition), "%s", p->name) >=
            sizeof(rule->partition))
            return mir_error_set(err, -EINVAL, "partition \"%s\": name too long", p->name);
        if (p->policy != NULL)
            rc = make_policy(s, p->name, p->policy, &rule->policy, err);
    }
    s->engine.rules = s->rules;
    s->engine.n_rules = n + 1;
    return rc;
}

/* The system's zone has its name in a link; elsewhere it is UTC. */
static int make_zone(struct mir_settings *s, struct mir_error *err)
{
    static const char marker[] = "zoneinfo/";
    const char *name = s->config->time_zone;
    char target[PATH_MAX];
    ssize_t len;

    if (name[0] != '\0') {
        if (mir_zone_create(name, &s->zone) != 0)
            return mir_error_set(err, -ENOENT, "time_zone: no zone \"%s\" on this machine", name);
        return 0;
    }
    len = readlink("/etc/localtime", target, sizeof(target) - 1);
    if (len > 0) {
        target[len] = '\0';
        name = strstr(target, marker);
        if (name != NULL)
            (void)mir_zone_create(name + strlen(marker), &s->zone);
    }
    return 0;
}

static void add_shown(void *arg, const char *key, const char *value)
{
    struct mir_settings *s = arg;

    s->shown = mir_grow(s->shown, &s->cap_shown, s->n_shown + 1, sizeof(*s->shown));
    s->shown[s->n_shown++] =
        (struct mir_view_setting){.key = mir_strdup(key), .value = mir_strdup(value)};
}

static const char *const *lent(char **list)
{
    return (const char *const *)list;
}

static void fill_engine(struct mir_settings *s)
{
    const struct mir_config *c = s->config;
    struct mir_engine_settings *e = &s->engine;

    e->mode = strcmp(c->mode, "act") == 0      ? MIR_MODE_ACT
              : strcmp(c->mode, "canary") == 0 ? MIR_MODE_CANARY
                                               : MIR_MODE_OBSERVE;
    e->canary_users = lent(c->canary_users);
    e->canary_accounts = lent(c->canary_accounts);
    e->canary_partitions = lent(c->canary_partitions);
    e->period_s = c->period_s;
    e->poll_s = c->poll_s;
    e->fail_within_s = c->fail_within_s;
    e->max_failures = c->max_failures;
    e->backoff_s = c->backoff_s;
    e->finish_margin_s = c->finish_margin_s;
    e->done_on_success = c->done_on_success;
    e->warmup_s = c->warmup_s;
    e->lead_max_s = c->lead_max_s;
    e->links_max = c->links_max;
    e->chains_per_user = c->chains_per_user;
    e->history_days = c->history_days;
    e->keep_days = c->keep_days;
    e->history_max = (size_t)c->history_max;
    e->enroll_by_comment = c->enroll_by_comment;
    e->kill_file = c->kill_file;
    e->model = c->model;
    e->lookahead_cpu_s = c->lookahead_cpu_s;
    e->zone = s->zone;
    e->min_uid = c->broker.min_uid;
    e->shown = s->shown;
    e->n_shown = s->n_shown;
}

static void fill_http(struct mir_settings *s)
{
    s->http.socket_path = s->config->socket;
    s->http.listen = s->config->listen;
    s->http.hosts = lent(s->config->hosts);
    s->http.show_users = s->config->show_users;
    s->http.deadline_ms = REQUEST_DEADLINE_MS;
    s->http.stale_s = STALE_S;
}

int mir_settings_create(const char *path, struct mir_settings **out, struct mir_error *err)
{
    struct mir_settings *s = MIR_NEW(struct mir_settings);
    struct mir_error why = {{0}};
    int rc = mir_config_read(path, &s->config, err);

    if (rc != 0)
        goto fail;
    rc = make_admins(s, &why);
    if (rc == 0)
        rc = make_rules(s, &why);
    if (rc == 0)
        rc = make_zone(s, &why);
    if (rc != 0) {
        mir_error_set(err, rc, "%s: %s", path != NULL ? path : "defaults", why.text);
        goto fail;
    }
    mir_config_each(s->config, add_shown, s);
    fill_engine(s);
    fill_http(s);
    *out = s;
    return 0;
fail:
    mir_settings_destroy(s);
    return rc;
}

void mir_settings_destroy(struct mir_settings *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n_policies; i++)
        mir_policy_destroy(s->policies[i]);
    for (size_t i = 0; i < s->n_shown; i++) {
        free((char *)s->shown[i].key);
        free((char *)s->shown[i].value);
    }
    free(s->policies);
    free(s->rules);
    free(s->admin_uids);
    free(s->shown);
    mir_zone_destroy(s->zone);
    mir_config_destroy(s->config);
    free(s);
}

int mir_settings_check_reload(const struct mir_settings *a,
                              const struct mir_settings *b,
                              struct mir_error *err)
{
    if (strcmp(a->config->state_dir, b->config->state_dir) != 0)
        return mir_error_set(err, -EBUSY, "state_dir has changed: needs a restart");
    if (strcmp(a->config->broker.socket, b->config->broker.socket) != 0)
        return mir_error_set(err, -EBUSY, "broker.socket has changed: needs a restart");
    if (a->config->history_max != b->config->history_max)
        return mir_error_set(err, -EBUSY, "history_max has changed: needs a restart");
    return 0;
}

static bool same_lists(char **a, char **b)
{
    for (; *a != NULL && *b != NULL; a++, b++) {
        if (strcmp(*a, *b) != 0)
            return false;
    }
    return *a == *b;
}

bool mir_settings_same_http(const struct mir_settings *a, const struct mir_settings *b)
{
    const struct mir_config *p = a->config, *q = b->config;

    return strcmp(p->socket, q->socket) == 0 && strcmp(p->listen, q->listen) == 0 &&
           same_lists(p->hosts, q->hosts) && same_lists(p->admins, q->admins) &&
           p->show_users == q->show_users;
}
