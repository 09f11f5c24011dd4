/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.c - specs, the table of built-in policies, and loading others. */
#include "plugins/policy.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"

enum { MAX_SPEC_LEN = 4096 };

/* The struct of ABI 1 ended here: what grows behind it is not asked for. */
#define PLUGIN_MIN_SIZE                                                                            \
    (offsetof(struct mirage_plugin, close) + sizeof(((struct mirage_plugin *)0)->close))

/* To add a policy: a line here and a line in the table. */
extern const struct mirage_plugin mirage_plugin_reactive;
extern const struct mirage_plugin mirage_plugin_lead;
extern const struct mirage_plugin mirage_plugin_avg;
extern const struct mirage_plugin mirage_plugin_quantile;
extern const struct mirage_plugin mirage_plugin_qbets;
extern const struct mirage_plugin mirage_plugin_asa;
extern const struct mirage_plugin mirage_plugin_rf;
extern const struct mirage_plugin mirage_plugin_xgb;
extern const struct mirage_plugin mirage_plugin_forest_q;
extern const struct mirage_plugin mirage_plugin_xgb_q;
extern const struct mirage_plugin mirage_plugin_lookahead;
extern const struct mirage_plugin mirage_plugin_hybrid;

static const struct mirage_plugin *const builtin[] = {
    &mirage_plugin_reactive,
    &mirage_plugin_lead,
    &mirage_plugin_avg,
    &mirage_plugin_quantile,
    &mirage_plugin_qbets,
    &mirage_plugin_asa,
    &mirage_plugin_rf,
    &mirage_plugin_xgb,
    &mirage_plugin_forest_q,
    &mirage_plugin_xgb_q,
    &mirage_plugin_lookahead,
    &mirage_plugin_hybrid,
    NULL,
};

struct mir_policy {
    char *spec;
    char *text; /* the spec again, cut into name, keys and values */
    struct mirage_option *items;
    uint32_t n_items;
    const struct mirage_plugin *plugin;
    void *library; /* NULL: built in */
};

const struct mirage_plugin *const *mir_policy_builtin(void)
{
    return builtin;
}

/* Cut "key=value,key=value" into p->items, in place. */
static int parse_options(struct mir_policy *p, char *text, struct mir_error *err)
{
    size_t cap = 0;

    while (text != NULL) {
        char *comma = strchr(text, ',');
        char *equals;

        if (comma != NULL)
            *comma = '\0';
        equals = strchr(text, '=');
        if (equals == NULL || equals == text || equals[1] == '\0')
            return mir_error_set(err, -EINVAL,
                                 "policy \"%s\": \"%s\" is not key=value "
                                 "(a spec is name:key=value,key=value)",
                                 p->spec, text);
        *equals = '\0';
        p->items = mir_grow(p->items, &cap, p->n_items + 1, sizeof(*p->items));
        p->items[p->n_items++] = (struct mirage_option){.key = text, .value = equals + 1};
        text = comma != NULL ? comma + 1 : NULL;
    }
    return 0;
}

static bool is_path(const char *name)
{
    size_t len = strlen(name);

    return strchr(name, '/') != NULL || (len > 3 && strcmp(name + len - 3, ".so") == 0);
}

static int find_builtin(struct mir_policy *p, const char *name, struct mir_error *err)
{
    struct mir_str names = {0};
    int rc;

    for (size_t i = 0; builtin[i] != NULL; i++) {
        if (strcmp(builtin[i]->name, name) == 0) {
            p->plugin = builtin[i];
            mir_str_release(&names);
            return 0;
        }
        mir_str_addf(&names, "%s%s", i > 0 ? ", " : "", builtin[i]->name);
    }
    rc = mir_error_set(err, -ENOENT,
                       "no policy \"%s\"; there are %s, and paths of shared objects (./mine.so)",
                       name, names.text);
    mir_str_release(&names);
    return rc;
}

/* Is this a plugin that this program can run?  Looks at no more than ABI number and size first. */
static int check_plugin(const struct mirage_plugin *plugin, const char *path, struct mir_error *err)
{
    if (plugin->abi != MIRAGE_PLUGIN_ABI)
        return mir_error_set(err, -ENOEXEC, "%s: built for plugin ABI %u, this program has ABI %u",
                             path, plugin->abi, MIRAGE_PLUGIN_ABI);
    if (plugin->size < PLUGIN_MIN_SIZE)
        return mir_error_set(err, -ENOEXEC,
                             "%s: plugin struct of %u bytes, ABI %u has at least %zu", path,
                             plugin->size, MIRAGE_PLUGIN_ABI, PLUGIN_MIN_SIZE);
    if (plugin->name == NULL || plugin->summary == NULL || plugin->open == NULL ||
        plugin->decide == NULL || plugin->close == NULL)
        return mir_error_set(err, -ENOEXEC, "%s: name, summary, open, decide or close is missing",
                             path);
    return 0;
}

static int load(struct mir_policy *p, const char *name, struct mir_error *err)
{
    struct mir_str path = {0};
    int rc = 0;

    /* dlopen() looks for a bare name in the system's folders; a user means this one. */
    mir_str_addf(&path, "%s%s", strchr(name, '/') != NULL ? "" : "./", name);
    if (access(path.text, F_OK) != 0) {
        rc = mir_error_set(err, -ENOENT, "policy %s: %s", path.text, strerror(errno));
        goto out;
    }
    p->library = dlopen(path.text, RTLD_NOW | RTLD_LOCAL);
    if (p->library == NULL) {
        rc = mir_error_set(err, -ENOEXEC, "policy %s", dlerror());
        goto out;
    }
    p->plugin = dlsym(p->library, "mirage_plugin");
    if (p->plugin == NULL)
        rc = mir_error_set(err, -ENOEXEC, "%s: not a policy: has no symbol mirage_plugin",
                           path.text);
    else
        rc = check_plugin(p->plugin, path.text, err);
out:
    mir_str_release(&path);
    return rc;
}

/* Wrong options are told now, not at the first chain. */
static int try_open(const struct mir_policy *p, struct mir_error *err)
{
    struct mir_error why = {{0}};
    void *state = NULL;
    int rc = mir_policy_open(p, 0, &state, &why);

    if (rc != 0)
        return mir_error_set(err, rc, "policy \"%s\": %s", p->spec, why.text);
    p->plugin->close(state);
    return 0;
}

int mir_policy_create(const char *spec, struct mir_policy **out, struct mir_error *err)
{
    struct mir_policy *p;
    char *options;
    int rc;

    if (strlen(spec) > MAX_SPEC_LEN)
        return mir_error_set(err, -EINVAL, "policy spec of more than %d bytes", MAX_SPEC_LEN);
    p = MIR_NEW(struct mir_policy);
    p->spec = mir_strdup(spec);
    p->text = mir_strdup(spec);
    options = strchr(p->text, ':');
    if (options != NULL)
        *options++ = '\0';
    if (p->text[0] == '\0') {
        rc = mir_error_set(err, -EINVAL, "policy \"%s\": the name is missing", spec);
        goto fail;
    }
    rc = is_path(p->text) ? load(p, p->text, err) : find_builtin(p, p->text, err);
    if (rc != 0)
        goto fail;
    rc = parse_options(p, options, err);
    if (rc != 0)
        goto fail;
    rc = try_open(p, err);
    if (rc != 0)
        goto fail;
    *out = p;
    return 0;
fail:
    mir_policy_destroy(p);
    return rc;
}

void mir_policy_destroy(struct mir_policy *policy)
{
    if (policy == NULL)
        return;
    if (policy->library != NULL)
        dlclose(policy->library);
    free(policy->items);
    free(policy->text);
    free(policy->spec);
    free(policy);
}

const char *mir_policy_spec(const struct mir_policy *policy)
{
    return policy->spec;
}

const struct mirage_plugin *mir_policy_plugin(const struct mir_policy *policy)
{
    return policy->plugin;
}

int mir_policy_open(const struct mir_policy *policy,
                    uint64_t seed,
                    void **state,
                    struct mir_error *err)
{
    struct mirage_options options = {
        .items = policy->items,
        .n_items = policy->n_items,
        .seed = seed,
    };
    struct mir_error why = {{0}};
    int rc = policy->plugin->open(&options, state, &why);

    if (rc == 0)
        return 0;
    /* A foreign plugin may break the contract: the caller still gets an errno and a sentence. */
    if (rc > 0)
        rc = -EINVAL;
    return mir_error_set(err, rc, "%s", why.text[0] != '\0' ? why.text : "refused by the policy");
}
