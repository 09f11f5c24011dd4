/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rf.c - the Mirage paper's rule on the outcome that a random forest predicts. */
#include "plugins/learned.h"
#include "plugins/plugin.h"

static int rf_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    return mir_learned_open(MIR_WAIT_RF, options, state, err);
}

MIRAGE_PLUGIN(
    rf,
    "the Mirage paper's random forest: submit at a predicted outcome of -0.5 h (threshold=)",
    MIR_LEARNED_PARTS | MIR_SNAPSHOT_PAPER,
    1,
    rf_open,
    mir_learned_decide,
    mir_learned_close);
