/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forest_q.c - a quantile of the wait by a quantile forest. */
#include "plugins/learned.h"
#include "plugins/plugin.h"

static int forest_q_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    return mir_learned_open(MIR_WAIT_FOREST_Q, options, state, err);
}

MIRAGE_PLUGIN_NAMED(
    forest_q,
    "forest-q",
    "submit when a trained forest's quantile of the wait is left; qbets without a model",
    MIR_LEARNED_PARTS,
    1,
    forest_q_open,
    mir_learned_decide,
    mir_learned_close);
