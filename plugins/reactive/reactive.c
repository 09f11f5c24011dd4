/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reactive.c - never early: what happens without Mirage. */
#include <stdio.h>

#include "plugins/options.h"
#include "plugins/plugin.h"

static int reactive_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    *state = NULL;
    return mir_options_parse(options, NULL, 0, err);
}

static int reactive_decide(void *state,
                           const struct mirage_view *view,
                           struct mirage_decision *out,
                           struct mir_error *err)
{
    (void)state;
    (void)view;
    (void)err;
    out->action = MIRAGE_WAIT;
    out->wait_s = -1;
    snprintf(out->reason, sizeof(out->reason), "submits at the predecessor's end");
    return 0;
}

static void reactive_close(void *state)
{
    (void)state;
}

MIRAGE_PLUGIN(reactive,
              "submit when the predecessor ends, never earlier",
              0,
              0,
              reactive_open,
              reactive_decide,
              reactive_close);
