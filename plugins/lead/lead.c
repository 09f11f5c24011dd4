/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lead.c - a fixed time before the predecessor's end. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "plugins/options.h"
#include "plugins/plugin.h"
#include "plugins/rule.h"

struct lead {
    int64_t lead_s;
};

static int lead_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    const double year_s = 366.0 * 86400;
    int64_t lead_s = -1;
    const struct mir_option_rule rules[] = {
        {"hours", MIR_OPTION_DURATION, 0, year_s, 3600, &lead_s},
        {"minutes", MIR_OPTION_DURATION, 0, year_s, 60, &lead_s},
        {"seconds", MIR_OPTION_DURATION, 0, year_s, 1, &lead_s},
    };
    int rc = mir_options_parse(options, rules, sizeof(rules) / sizeof(rules[0]), err);
    struct lead *l;

    if (rc != 0)
        return rc;
    if (lead_s < 0)
        return mir_error_set(err, -EINVAL, "needs hours=, minutes= or seconds= (lead:hours=6)");
    l = MIR_NEW(struct lead);
    l->lead_s = lead_s;
    *state = l;
    return 0;
}

static int lead_decide(void *state,
                       const struct mirage_view *view,
                       struct mirage_decision *out,
                       struct mir_error *err)
{
    const struct lead *l = state;
    int64_t left_s = mir_rule_left_s(view);
    bool submit = left_s <= l->lead_s;
    char lead[32], left[32];

    (void)err;
    out->action = submit ? MIRAGE_SUBMIT : MIRAGE_WAIT;
    out->wait_s = -1;
    snprintf(out->reason, sizeof(out->reason), "fixed lead %s %s %s left",
             mir_format_duration(l->lead_s, lead), submit ? ">=" : "<",
             mir_format_duration(left_s, left));
    return 0;
}

static void lead_close(void *state)
{
    free(state);
}

MIRAGE_PLUGIN(lead,
              "submit a fixed time before the predecessor's end (hours=, minutes= or seconds=)",
              0,
              0,
              lead_open,
              lead_decide,
              lead_close);
