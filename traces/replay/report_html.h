/*
 * report_html.h - the pieces of the HTML page.  Private to traces/replay.
 * One thread per string.
 */
#ifndef MIR_REPLAY_REPORT_HTML_H
#define MIR_REPLAY_REPORT_HTML_H

#include "daemon/core/str.h"
#include "traces/replay/report_parts.h"

/* The page's style sheet, light and dark, without the <style> around it. */
void mir_html_style(struct mir_str *s);

/* All figures of all lines. */
void mir_html_figures(struct mir_str *s,
                      const struct mir_figure_grid *grid,
                      const struct mir_report_lines *lines);

/* The same in short, a part per load class. */
void mir_html_by_load(struct mir_str *s,
                      const struct mir_figure_grid *grid,
                      const struct mir_report_lines *lines);

#endif
