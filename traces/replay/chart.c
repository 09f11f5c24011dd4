/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chart.c - the drawing words of the charts.  Numbers are printed with one
 * decimal: a tenth of a unit is below a pixel, and the file stays small.
 */
#include "traces/replay/chart.h"

#include <math.h>
#include <string.h>

void mir_html_add(struct mir_str *s, const char *text)
{
    if (text == NULL)
        return;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '&')
            mir_str_add(s, "&amp;");
        else if (c == '<')
            mir_str_add(s, "&lt;");
        else if (c == '>')
            mir_str_add(s, "&gt;");
        else if (c == '"')
            mir_str_add(s, "&quot;");
        else if (c == '\'')
            mir_str_add(s, "&#39;");
        else
            mir_str_add_n(s, c < 0x20 || c == 0x7f ? "?" : text, 1);
    }
}

double mir_scale_at(const struct mir_scale *scale, double value)
{
    double span = scale->to - scale->from;

    if (span == 0)
        return scale->x0;
    return scale->x0 + (value - scale->from) / span * (scale->x1 - scale->x0);
}

double mir_tick_step(double span, int n)
{
    static const double steps[] = {1, 2, 5, 10};
    double decade, least;

    if (!(span > 0) || !isfinite(span))
        return 1;
    least = span / n;
    decade = pow(10, floor(log10(least)));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (steps[i] * decade >= least * (1 - 1e-9))
            return steps[i] * decade;
    }
    return 10 * decade;
}

void mir_chart_open(struct mir_str *s,
                    const char *id,
                    double height,
                    const char *title,
                    const char *description)
{
    mir_str_addf(s,
                 "<svg id=\"%s\" viewBox=\"0 0 %d %.0f\" role=\"img\" "
                 "aria-labelledby=\"%s-t %s-d\">\n<title id=\"%s-t\">",
                 id, MIR_CHART_WIDTH, height, id, id, id);
    mir_html_add(s, title);
    mir_str_addf(s, "</title>\n<desc id=\"%s-d\">", id);
    mir_html_add(s, description);
    mir_str_add(s, "</desc>\n");
}

void mir_chart_close(struct mir_str *s)
{
    mir_str_add(s, "</svg>\n");
}

void mir_chart_rect(struct mir_str *s,
                    const char *class_name,
                    double x,
                    double y,
                    double width,
                    double height)
{
    mir_str_addf(s, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                 class_name, x, y, fmax(width, 0), fmax(height, 0));
}

void mir_chart_line(struct mir_str *s,
                    const char *class_name,
                    double x0,
                    double y0,
                    double x1,
                    double y1)
{
    mir_str_addf(s, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                 class_name, x0, y0, x1, y1);
}

void mir_chart_text(struct mir_str *s, const char *class_name, double x, double y, const char *text)
{
    mir_str_addf(s, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class_name, x, y);
    mir_html_add(s, text);
    mir_str_add(s, "</text>\n");
}

/* Bytes of the first `n` characters of UTF-8: a character is never cut in two. */
static size_t bytes_of_chars(const char *text, size_t n)
{
    size_t i = 0;

    while (text[i] != '\0') {
        if (((unsigned char)text[i] & 0xc0) != 0x80 && n-- == 0)
            break;
        i++;
    }
    return i;
}

void mir_chart_label(struct mir_str *s,
                     const char *class_name,
                     double x,
                     double y,
                     const char *text,
                     size_t max_chars)
{
    struct mir_str cut = {0};

    if (text[bytes_of_chars(text, max_chars)] == '\0') {
        mir_chart_text(s, class_name, x, y, text);
        return;
    }
    mir_str_add_n(&cut, text, bytes_of_chars(text, max_chars - 1));
    mir_str_add(&cut, "\xe2\x80\xa6"); /* an ellipsis */
    mir_str_addf(s, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\"><title>", class_name, x, y);
    mir_html_add(s, text);
    mir_str_add(s, "</title>");
    mir_html_add(s, cut.text);
    mir_str_add(s, "</text>\n");
    mir_str_release(&cut);
}
