/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * example.c - a whole policy as a loadable module: submit when a tenth of the
 * predecessor's limit is left.  Needs plugin.h and nothing of Mirage to link.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/plugin.h"

struct example {
    long part; /* a `part`-th of the limit */
};

static int example_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    struct example *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return -ENOMEM;
    e->part = 10;
    for (uint32_t i = 0; i < options->n_items; i++) {
        const struct mirage_option *o = &options->items[i];
        if (strcmp(o->key, "part") == 0)
            e->part = strtol(o->value, NULL, 10);
        if (strcmp(o->key, "part") != 0 || e->part < 1) {
            if (err != NULL)
                snprintf(err->text, sizeof(err->text), "knows part=N, not %s=%s", o->key, o->value);
            free(e);
            return -EINVAL;
        }
    }
    *state = e;
    return 0;
}

static int example_decide(void *state,
                          const struct mirage_view *view,
                          struct mirage_decision *out,
                          struct mir_error *err)
{
    const struct example *e = state;
    long left_s = (long)(view->predecessor_end_at - view->now);

    (void)err;
    out->action = left_s <= view->predecessor_limit_s / e->part ? MIRAGE_SUBMIT : MIRAGE_WAIT;
    out->wait_s = -1;
    snprintf(out->reason, sizeof(out->reason), "%ld s left, submits at 1/%ld", left_s, e->part);
    return 0;
}

static void example_close(void *state)
{
    free(state);
}

MIRAGE_PLUGIN(example,
              "submit when a tenth (part=) of the predecessor's limit is left",
              0,
              0,
              example_open,
              example_decide,
              example_close);
