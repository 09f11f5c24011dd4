/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hybrid.c - played futures and a trained forest's waits in one expected cost. */
#include "plugins/played.h"

static int hybrid_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    const struct mir_played_kind kind = {"hybrid", MIR_WAIT_FOREST_Q, 0.7};

    return mir_played_open(&kind, options, state, err);
}

MIRAGE_PLUGIN(hybrid,
              "submit when now is the cheapest time for simulated futures and a trained forest",
              MIR_PLAYED_PARTS,
              1,
              hybrid_open,
              mir_played_decide,
              mir_played_close);
