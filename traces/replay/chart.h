/*
 * chart.h - static SVG for the HTML report: a few drawing words, and the
 * charts.  Everything is appended to a string; colours come from the page's
 * style sheet by class, so that a chart follows light and dark.  Private to
 * traces/replay.  One thread per string.
 */
#ifndef MIR_REPLAY_CHART_H
#define MIR_REPLAY_CHART_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/str.h"
#include "traces/replay/comparison.h"
#include "traces/replay/fans.h"
#include "traces/replay/report_parts.h"

/* All charts have this width in their own units; the page scales them. */
enum { MIR_CHART_WIDTH = 960 };

/* `text` as HTML text or attribute: escaped, a control character as "?".  NULL adds nothing. */
void mir_html_add(struct mir_str *s, const char *text);

/* Values from..to drawn at x0..x1 (or y: any of the two may be the larger). */
struct mir_scale {
    double from, to;
    double x0, x1;
};

double mir_scale_at(const struct mir_scale *scale, double value);

/* A round step that divides `span` into at most `n` parts; positive also for an empty span. */
double mir_tick_step(double span, int n);

/* Open a chart: <svg> with title and description for those who cannot see it.  `id` is unique. */
void mir_chart_open(struct mir_str *s,
                    const char *id,
                    double height,
                    const char *title,
                    const char *description);
void mir_chart_close(struct mir_str *s);

void mir_chart_rect(struct mir_str *s,
                    const char *class_name,
                    double x,
                    double y,
                    double width,
                    double height);
void mir_chart_line(struct mir_str *s,
                    const char *class_name,
                    double x0,
                    double y0,
                    double x1,
                    double y1);

/* `class_name` may hold several: "end" (right-aligned) or "mid" (centred), "muted", "strong". */
void mir_chart_text(struct mir_str *s,
                    const char *class_name,
                    double x,
                    double y,
                    const char *text);

/* Text cut to `max_chars` characters with an ellipsis; what was cut shows when pointed at. */
void mir_chart_label(struct mir_str *s,
                     const char *class_name,
                     double x,
                     double y,
                     const char *text,
                     size_t max_chars);

/* One link of one episode as bars, under a few policies. */
void mir_chart_chain(struct mir_str *s, const struct mir_figure_grid *grid);

/* Mean cost per policy, a panel per weight. */
void mir_chart_cost(struct mir_str *s, const struct mir_figure_grid *grid);

/* Every outcome of every line, on a signed axis. */
void mir_chart_outcomes(struct mir_str *s,
                        const struct mir_figure_grid *grid,
                        const struct mir_report_lines *lines);

/* Expected cost by time of submission, at the decisions of one episode. */
void mir_chart_fan(struct mir_str *s, const struct mir_fan_scene *scene);

/* Load, queue and waits over the window.  Draws nothing without a timeline. */
void mir_chart_timeline(struct mir_str *s, const struct mir_comparison *c);

#endif
