/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xgb.c - the Mirage paper's rule on the outcome that XGBoost predicts. */
#include "plugins/learned.h"
#include "plugins/plugin.h"

static int xgb_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    return mir_learned_open(MIR_WAIT_XGB, options, state, err);
}

MIRAGE_PLUGIN(xgb,
              "the Mirage paper's XGBoost: submit at a predicted outcome of -0.5 h (threshold=)",
              MIR_LEARNED_PARTS | MIR_SNAPSHOT_PAPER,
              1,
              xgb_open,
              mir_learned_decide,
              mir_learned_close);
