/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fan.c - why a policy decided as it did, as a chart of characters. */
#include "daemon/cli/cli.h"

#include <math.h>
#include <string.h>

enum { ROWS = 12, LABEL_EVERY = 3, MARGIN = 8, MAX_POINTS = 200, S_PER_H = 3600 };
enum { PLAIN_WIDTH = 80, MIN_WIDTH = 40, MAX_WIDTH = 120 };

/* What a submission at one time would cost, and the band of 8 in 10 futures around it. */
struct point {
    double after_h, cost_h, low_h, high_h;
};

struct picture {
    const struct mir_cli *cli;
    struct point points[MAX_POINTS]; /* by after_h; [0] is now */
    size_t n, best;
    int64_t from_at, end_at;
    size_t n_columns;
    const char *unit; /* of what is shown: h, or min where all is less than an hour */
    double per_h;
    double step; /* between labels of the cost; ROWS / LABEL_EVERY of them are all there is */
};

/* Plain, and where the terminal shows UTF-8. */
struct glyphs {
    const char *line, *band, *side, *corner, *floor, *tick, *mark, *deviation;
};

static const struct glyphs plain = {"*", ":", "|", "+", "-", "+", "^", "+-"};
static const struct glyphs drawn = {"\xe2\x97\x8f", "\xe2\x96\x91", "\xe2\x94\x82", "\xe2\x94\x94",
                                    "\xe2\x94\x80", "\xe2\x94\xac", "\xe2\x96\xb2", "\xc2\xb1"};

static const struct glyphs *glyphs_of(const struct mir_cli *cli)
{
    return cli->utf8 && cli->width > 0 ? &drawn : &plain;
}

/* ---- reading ---- */

static bool read_points(struct picture *p, struct json_object *fan)
{
    struct json_object *list = mir_json_list(fan, "points");
    size_t n = mir_json_count(list);

    if (n == 0 || n > MAX_POINTS)
        return false;
    p->n = n;
    p->from_at = mir_json_int(json_object_array_get_idx(list, 0), "submit_at", 0);
    p->end_at = mir_json_int(json_object_array_get_idx(list, n - 1), "submit_at", 0);
    for (size_t k = 0; k < n; k++) {
        struct json_object *o = json_object_array_get_idx(list, k);
        double at = (double)mir_json_int(o, "submit_at", 0);

        p->points[k] =
            (struct point){(at - (double)p->from_at) / S_PER_H, mir_json_number(o, "cost_h"),
                           mir_json_number(o, "cost_p10_h"), mir_json_number(o, "cost_p90_h")};
        if (k > 0 && !(p->points[k].after_h > p->points[k - 1].after_h))
            return false;
    }
    p->best = (size_t)mir_json_int(fan, "best", 0);
    return p->best < n;
}

static double greatest_h(const struct picture *p)
{
    double greatest = 0.04;

    for (size_t k = 0; k < p->n; k++) {
        greatest = fmax(greatest, p->points[k].cost_h);
        greatest = fmax(greatest, p->points[k].high_h);
    }
    return fmin(greatest, 99999);
}

/* A round step that reaches the greatest cost in as many labels as there is room for. */
static void set_scale(struct picture *p)
{
    static const double round[] = {1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10};
    double greatest = greatest_h(p), decade = 0.01;

    p->unit = greatest < 1 ? "min" : "h";
    p->per_h = greatest < 1 ? 60 : 1;
    greatest *= p->per_h * LABEL_EVERY / ROWS;
    while (decade * 10 < greatest)
        decade *= 10;
    for (size_t i = 0; i < sizeof(round) / sizeof(round[0]); i++) {
        p->step = round[i] * decade;
        if (p->step >= greatest)
            return;
    }
}

/* ---- drawing ---- */

static size_t column_of(const struct picture *p, double after_h)
{
    double span_h = p->points[p->n - 1].after_h;

    return (size_t)nearbyint(after_h / span_h * (double)(p->n_columns - 1));
}

static double between(double a, double b, double part)
{
    return a + part * (b - a);
}

/* What the chart shows at a column, on the lines between the points. */
static struct point at_column(const struct picture *p, size_t column)
{
    double after_h = p->points[p->n - 1].after_h * (double)column / (double)(p->n_columns - 1);
    const struct point *a, *b;
    size_t k = 1;
    double part;

    while (k + 1 < p->n && p->points[k].after_h < after_h)
        k++;
    a = &p->points[k - 1];
    b = &p->points[k];
    part = (after_h - a->after_h) / (b->after_h - a->after_h);
    return (struct point){after_h, between(a->cost_h, b->cost_h, part),
                          between(a->low_h, b->low_h, part), between(a->high_h, b->high_h, part)};
}

/* The row that a cost is in: row r is about r units, 0 the floor; -1: not known. */
static int row_of(const struct picture *p, double cost_h)
{
    double row = cost_h * p->per_h / p->step * LABEL_EVERY;

    if (isnan(row))
        return -1;
    return row > ROWS ? ROWS : row < 0 ? 0 : (int)nearbyint(row);
}

static const char *cell(const struct picture *p, const struct glyphs *g, size_t column, int row)
{
    struct point at = at_column(p, column);
    int low = row_of(p, at.low_h), high = row_of(p, at.high_h);

    if (row_of(p, at.cost_h) == row)
        return g->line;
    return low >= 0 && row >= low && row <= high ? g->band : " ";
}

static void draw_row(const struct picture *p, const struct glyphs *g, int row, struct mir_str *out)
{
    struct mir_str line = {0};
    char label[32] = "";

    if (row % LABEL_EVERY == 0)
        snprintf(label, sizeof(label), "%g", row / LABEL_EVERY * p->step);
    mir_str_addf(out, "%*s %s", MARGIN - 2, label, g->side);
    for (size_t c = 0; c < p->n_columns; c++)
        mir_str_add(&line, cell(p, g, c, row));
    while (line.len > 0 && line.text[line.len - 1] == ' ')
        line.len--;
    mir_str_add_n(out, line.text, line.len);
    mir_str_add(out, "\n");
    mir_str_release(&line);
}

/* ---- the axis of time ---- */

/* Hours that people count in; each label has room for ten characters. */
static double tick_h(const struct picture *p)
{
    static const double steps[] = {1.0 / 30, 1.0 / 12, 1.0 / 6, 0.5, 1,  2,   3,
                                   6,        12,       24,      48,  96, 168, 336};
    double span_h = p->points[p->n - 1].after_h;
    double step = steps[0];

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        step = steps[i];
        if (span_h / step * 10 <= (double)p->n_columns)
            return step;
    }
    return fmax(step, span_h);
}

/* `text` at a column of a line of blanks; what does not fit is left out. */
static void place(char *line, size_t n, size_t column, const char *text)
{
    size_t len = strlen(text);

    if (column + len <= n)
        memcpy(line + column, text, len);
}

static void draw_axis(const struct picture *p, const struct glyphs *g, struct mir_str *out)
{
    char line[MAX_WIDTH + 1];
    double step = tick_h(p), span_h = p->points[p->n - 1].after_h;

    mir_str_addf(out, "%*s%s", MARGIN - 1, "", g->corner);
    memset(line, ' ', sizeof(line));
    place(line, p->n_columns, 0, "now");
    for (int i = 1; i * step <= span_h * (1 + 1e-9); i++) {
        char text[32];

        if (step < 1)
            snprintf(text, sizeof(text), "+%.0f min", i * step * 60);
        else
            snprintf(text, sizeof(text), "+%.0f h", i * step);
        place(line, p->n_columns, column_of(p, i * step), text);
    }
    for (size_t c = 0; c < p->n_columns; c++)
        mir_str_add(out, line[c] == '+' || c == 0 ? g->tick : g->floor);
    line[p->n_columns] = '\0';
    for (size_t c = p->n_columns; c > 0 && line[c - 1] == ' '; c--)
        line[c - 1] = '\0';
    mir_str_addf(out, "\n%*s%s\n", MARGIN, "", line);
}

/* Under the axis: where now is, and where the cheapest is. */
static void draw_marks(const struct picture *p, const struct glyphs *g, struct mir_str *out)
{
    size_t best = p->best > 0 ? column_of(p, p->points[p->best].after_h) : 0;
    bool before = best + 6 > p->n_columns;

    mir_str_addf(out, "%*s%s", MARGIN, "", g->mark);
    if (p->best == 0)
        mir_str_add(out, " now is the best\n");
    else if (best < 12) /* no room for two words */
        mir_str_addf(out, "%*s%s best\n", best > 0 ? (int)best - 1 : 0, "",
                     best > 0 ? g->mark : "");
    else if (before)
        mir_str_addf(out, " now%*s%s\n", (int)best - 5, "best ", g->mark);
    else
        mir_str_addf(out, " now%*s%s best\n", (int)best - 5, "", g->mark);
}

static void draw(const struct picture *p, struct mir_str *out)
{
    const struct glyphs *g = glyphs_of(p->cli);

    mir_str_addf(out, "%*s\n", MARGIN - 2, p->unit);
    for (int row = ROWS; row >= 0; row--)
        draw_row(p, g, row, out);
    draw_axis(p, g, out);
    draw_marks(p, g, out);
    mir_str_addf(out, "%*s%s expected cost  %s 8 of 10 futures\n", MARGIN, "", g->line, g->band);
}

/* ---- in words ---- */

static void add_number(const struct picture *p, double h, struct mir_str *out)
{
    if (isnan(h))
        mir_str_add(out, "?");
    else
        mir_str_addf(out, "%.1f", h * p->per_h);
}

static void add_point(const struct picture *p, const struct point *at, struct mir_str *out)
{
    add_number(p, at->cost_h, out);
    mir_str_addf(out, " %s [", p->unit);
    add_number(p, at->low_h, out);
    mir_str_add(out, ", ");
    add_number(p, at->high_h, out);
    mir_str_add(out, "]");
}

static void tell_costs(const struct picture *p, struct mir_str *out)
{
    const struct point *best = &p->points[p->best];

    mir_str_add(out, "Submitted then: ");
    add_point(p, &p->points[0], out);
    if (p->best > 0) {
        mir_str_add(out, "\nThe best, in ");
        mir_print_duration((int64_t)nearbyint(best->after_h * S_PER_H), out);
        mir_str_add(out, ": ");
        add_point(p, best, out);
    }
    mir_str_add(out, "\n");
}

/* "  job 1234 (alice, train), running: +-3.2 h" */
static void tell_job(const struct picture *p, struct json_object *job, struct mir_str *out)
{
    const char *user = mir_json_text(job, "user"), *name = mir_json_text(job, "name");
    double effect_h = mir_json_number(job, "effect_h");

    mir_str_addf(out, "  job %lld", (long long)mir_json_int(job, "id", 0));
    if (user[0] != '\0') {
        mir_str_add(out, " (");
        mir_table_clean(user, out);
        if (name[0] != '\0')
            mir_str_add(out, ", ");
        mir_table_clean(name, out);
        mir_str_add(out, ")");
    }
    mir_str_addf(out, ", %s: %s", mir_json_bool(job, "is_running") ? "running" : "waiting",
                 glyphs_of(p->cli)->deviation);
    add_number(p, fabs(effect_h), out);
    mir_str_addf(out, " %s%s\n", p->unit, effect_h < 0 ? ", the longer the earlier" : "");
}

static void tell_jobs(const struct picture *p, struct json_object *fan, struct mir_str *out)
{
    struct json_object *jobs = mir_json_list(fan, "jobs");
    size_t n = mir_json_count(jobs);

    if (n == 0) {
        mir_str_add(out, "Its start then hangs on no job by itself.\n");
        return;
    }
    mir_str_add(out, "Its start then hangs on how long these run:\n");
    for (size_t i = 0; i < n; i++)
        tell_job(p, json_object_array_get_idx(jobs, i), out);
}

static void tell_title(const struct picture *p, struct json_object *fan, struct mir_str *out)
{
    mir_str_addf(out, "Link %lld as of ", (long long)mir_json_int(fan, "link", 0));
    mir_print_time(p->cli, mir_json_int(fan, "at", 0), out);
    mir_str_addf(out, ", %lld futures:\ncost by time of submission, until ",
                 (long long)mir_json_int(fan, "n_futures", 0));
    mir_print_time(p->cli, p->end_at, out);
    mir_str_add(out, "\n");
}

static void set_width(struct picture *p)
{
    size_t width = p->cli->width > 0 ? p->cli->width : PLAIN_WIDTH;

    width = width < MIN_WIDTH ? MIN_WIDTH : width > MAX_WIDTH ? MAX_WIDTH : width;
    p->n_columns = width - MARGIN;
}

void mir_print_fan(const struct mir_cli *cli, struct json_object *fan)
{
    struct picture p = {.cli = cli};
    struct mir_str out = {0};

    if (!read_points(&p, fan))
        return;
    set_width(&p);
    set_scale(&p);
    tell_title(&p, fan, &out);
    if (p.n > 1)
        draw(&p, &out);
    tell_costs(&p, &out);
    tell_jobs(&p, fan, &out);
    (void)fputs(out.text, cli->out);
    mir_str_release(&out);
}
