/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chart_gains.c - what the model looks at. */
#include <math.h>
#include <stdio.h>

#include "models/train/chart.h"
#include "traces/replay/chart.h"

static const double LEFT = 226, BAR_RIGHT = 500, TEXT_LEFT = 566, ROW = 24, BAR = 13;

void mir_chart_gains(struct mir_str *s, const struct mir_evaluation_report *r)
{
    struct mir_scale x = {0, r->n_gains > 0 ? r->gains[0].share : 1, LEFT, BAR_RIGHT};

    mir_chart_open(s, "gains", 10 + ROW * r->n_gains, "What the model looks at",
                   "Horizontal bars: each feature's share of what splits on it gained in training, "
                   "the greatest first, with what the feature is.");
    for (uint32_t i = 0; i < r->n_gains; i++) {
        const struct mir_gain *g = &r->gains[i];
        double y = 6 + ROW * i;
        char text[96];

        mir_chart_label(s, "end", LEFT - 12, y + 11, g->name, 30);
        mir_chart_rect(s, "c-pred", LEFT, y, mir_scale_at(&x, g->share) - LEFT, BAR);
        snprintf(text, sizeof text, "%.1f %%", g->share * 100);
        mir_chart_text(s, "num", mir_scale_at(&x, g->share) + 6, y + 11, text);
        snprintf(text, sizeof text, "%s%s%s%s", g->text, g->unit[0] != '\0' ? " (" : "", g->unit,
                 g->unit[0] != '\0' ? ")" : "");
        mir_chart_label(s, "muted", TEXT_LEFT, y + 11, text, 60);
    }
    mir_chart_close(s);
}
