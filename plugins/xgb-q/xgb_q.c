/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xgb_q.c - a quantile of the wait by boosted trees. */
#include "plugins/learned.h"
#include "plugins/plugin.h"

static int xgb_q_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    return mir_learned_open(MIR_WAIT_XGB_Q, options, state, err);
}

MIRAGE_PLUGIN_NAMED(
    xgb_q,
    "xgb-q",
    "submit when trained boosted trees' quantile of the wait is left; qbets without a model",
    MIR_LEARNED_PARTS,
    1,
    xgb_q_open,
    mir_learned_decide,
    mir_learned_close);
