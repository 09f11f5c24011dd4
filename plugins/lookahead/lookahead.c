/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookahead.c - submit when, over many futures of this queue, now is the cheapest time. */
#include "plugins/played.h"

static int lookahead_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    const struct mir_played_kind kind = {"lookahead", MIR_WAIT_XGB_Q, 1};

    return mir_played_open(&kind, options, state, err);
}

MIRAGE_PLUGIN(lookahead,
              "submit when now is the cheapest time in simulated futures of this very queue",
              MIR_PLAYED_PARTS,
              1,
              lookahead_open,
              mir_played_decide,
              mir_played_close);
