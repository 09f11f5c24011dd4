/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * comparison.c - the figures of a comparison.
 */
#include "traces/replay/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "traces/replay/bootstrap.h"
#include "traces/replay/fans.h"

static const double S_PER_H = 3600;

/* Differences of mean costs below this (3.6 ms) are rounding. */
static const double NO_GAP_H = 1e-6;

static void release_row(struct mir_comparison_row *row, uint32_t n_episodes)
{
    for (uint32_t e = 0; row->fans != NULL && e < n_episodes; e++)
        mir_episode_fans_release(&row->fans[e]);
    free(row->fans);
    /* Weights may share an array. */
    for (size_t w = 0; w < MIR_MAX_WEIGHTS; w++) {
        for (size_t v = w + 1; v < MIR_MAX_WEIGHTS; v++) {
            if (row->outcomes[v] == row->outcomes[w])
                row->outcomes[v] = NULL;
        }
        free(row->outcomes[w]);
    }
    free(row->policy);
    free(row->summary);
}

void mir_comparison_release(struct mir_comparison *c)
{
    for (uint32_t i = 0; i < c->n_rows; i++)
        release_row(&c->rows[i], c->n_episodes);
    release_row(&c->clairvoyant, c->n_episodes);
    free(c->rows);
    free(c->episode_at);
    free(c->load);
    free(c->log_path);
    free(c->command);
    free(c->scheduler);
    free(c->protocol);
    free(c->version);
    free(c->model);
    free(c->model_source);
    memset(c, 0, sizeof *c);
}

int64_t mir_outcome_signed_s(const struct mir_outcome *o)
{
    return o->start_at == INT64_MAX ? MIR_UNSTARTED_S : o->start_at - o->predecessor_end_at;
}

enum mir_load mir_comparison_load(const struct mir_comparison *c, uint32_t slot)
{
    int64_t reactive_s;

    if (c->n_rows == 0 || c->rows[0].outcomes[0] == NULL)
        return MIR_LOAD_LOW;
    reactive_s = mir_outcome_signed_s(&c->rows[0].outcomes[0][slot]);
    if (reactive_s <= 2 * 3600)
        return MIR_LOAD_LOW;
    return reactive_s <= 12 * 3600 ? MIR_LOAD_MEDIUM : MIR_LOAD_HEAVY;
}

const char *mir_load_name(enum mir_load load)
{
    static const char *const names[MIR_N_LOADS] = {"low", "medium", "heavy"};

    return names[load];
}

static bool in_class(const struct mir_comparison *c, uint32_t slot, int load)
{
    return load < 0 || (int)mir_comparison_load(c, slot) == load;
}

/* What all rows of one weight and class are held against. */
struct base {
    const struct mir_comparison *c;
    const struct mir_resamples *rs;
    uint32_t weight;
    int load;
    double *of_episode;               /* room for one figure per episode */
    double *interruption_h;           /* room for one figure per outcome */
    double reactive_h, clairvoyant_h; /* summed costs; NaN where there is none */
    /* The same per resample, and how many outcomes the class has in it. */
    double n[MIR_N_RESAMPLES];
    double reactive[MIR_N_RESAMPLES];
    double clairvoyant[MIR_N_RESAMPLES];
};

static double cost_h(const struct base *b, const struct mir_outcome *o)
{
    double d_h = (double)mir_outcome_signed_s(o) / S_PER_H;

    return d_h > 0 ? d_h : -d_h * b->c->weights[b->weight];
}

/* Sum a row's costs per resample; returns the sum over the episodes as they were. */
static double
sum_costs(struct base *b, const struct mir_comparison_row *row, double resampled[MIR_N_RESAMPLES])
{
    const struct mir_outcome *outcomes = row->outcomes[b->weight];
    double sum = 0;

    for (uint32_t e = 0; e < b->c->n_episodes; e++) {
        b->of_episode[e] = 0;
        for (uint32_t slot = e * b->c->n_links; slot < (e + 1) * b->c->n_links; slot++) {
            if (in_class(b->c, slot, b->load))
                b->of_episode[e] += cost_h(b, &outcomes[slot]);
        }
        sum += b->of_episode[e];
    }
    mir_resamples_sum(b->rs, b->of_episode, resampled);
    return sum;
}

static void count_outcomes(struct base *b)
{
    for (uint32_t e = 0; e < b->c->n_episodes; e++) {
        b->of_episode[e] = 0;
        for (uint32_t slot = e * b->c->n_links; slot < (e + 1) * b->c->n_links; slot++)
            b->of_episode[e] += in_class(b->c, slot, b->load);
    }
    mir_resamples_sum(b->rs, b->of_episode, b->n);
}

static double sum_costs_if_any(struct base *b,
                               const struct mir_comparison_row *row,
                               double resampled[MIR_N_RESAMPLES])
{
    return row != NULL && row->outcomes[b->weight] != NULL ? sum_costs(b, row, resampled) : NAN;
}

static struct base *base_create(const struct mir_comparison *c, const struct mir_resamples *rs)
{
    struct base *b = MIR_NEW(struct base);

    b->c = c;
    b->rs = rs;
    b->of_episode = MIR_NEW_ARRAY(double, c->n_episodes);
    b->interruption_h = MIR_NEW_ARRAY(double, (size_t)c->n_episodes * c->n_links);
    return b;
}

static void base_set(struct base *b, uint32_t weight, int load)
{
    b->weight = weight;
    b->load = load;
    count_outcomes(b);
    b->reactive_h = sum_costs_if_any(b, b->c->n_rows > 0 ? &b->c->rows[0] : NULL, b->reactive);
    b->clairvoyant_h = sum_costs_if_any(b, &b->c->clairvoyant, b->clairvoyant);
}

static void base_destroy(struct base *b)
{
    free(b->of_episode);
    free(b->interruption_h);
    free(b);
}

static void clear_figures(struct mir_figures *out)
{
    *out = (struct mir_figures){
        .interruption_mean_h = NAN,
        .interruption_p50_h = NAN,
        .interruption_p90_h = NAN,
        .interruption_p99_h = NAN,
        .overlap_mean_h = NAN,
        .zero_share = NAN,
        .late_share = NAN,
        .cost_mean_h = NAN,
        .cost_low_h = NAN,
        .cost_high_h = NAN,
        .gap_closed = NAN,
        .gap_low = NAN,
        .gap_high = NAN,
    };
}

/* Counts, sums in hours; fills b->interruption_h. */
static void gather(struct base *b, const struct mir_outcome *outcomes, struct mir_figures *out)
{
    uint32_t n = 0, n_zero = 0, n_late = 0;
    uint32_t last_episode = UINT32_MAX;
    double interruption_h = 0, overlap_h = 0;

    for (uint32_t slot = 0; slot < b->c->n_episodes * b->c->n_links; slot++) {
        int64_t d = mir_outcome_signed_s(&outcomes[slot]);

        if (!in_class(b->c, slot, b->load))
            continue;
        b->interruption_h[n] = d > 0 ? (double)d / S_PER_H : 0;
        interruption_h += b->interruption_h[n++];
        overlap_h += d < 0 ? (double)-d / S_PER_H : 0;
        n_zero += d <= MIR_ZERO_S;
        n_late += d > 0;
        out->n_unstarted += outcomes[slot].start_at == INT64_MAX;
        out->n_episodes += slot / b->c->n_links != last_episode;
        last_episode = slot / b->c->n_links;
    }
    out->n = n;
    if (n == 0)
        return;
    out->interruption_mean_h = interruption_h / n;
    out->overlap_mean_h = overlap_h / n;
    out->zero_share = (double)n_zero / n;
    out->late_share = (double)n_late / n;
}

/* The middle 95 % of the resampled means; a resample without any outcome of the class has none. */
static void cost_interval(const struct base *b, const double *resampled, struct mir_figures *out)
{
    double means[MIR_N_RESAMPLES];
    size_t n = 0;

    for (size_t r = 0; r < MIR_N_RESAMPLES; r++) {
        if (b->n[r] > 0)
            means[n++] = resampled[r] / b->n[r];
    }
    out->cost_low_h = mir_quantile(means, n, 0.025);
    out->cost_high_h = mir_quantile(means, n, 0.975);
}

static void
gap(const struct base *b, double sum_h, const double *resampled, struct mir_figures *out)
{
    double shares[MIR_N_RESAMPLES];
    double gap_h = b->reactive_h - b->clairvoyant_h;
    size_t n = 0;

    /* Written so that NaN, an absent side, ends here too. */
    if (!(gap_h > NO_GAP_H * out->n))
        return;
    out->gap_closed = (b->reactive_h - sum_h) / gap_h;
    for (size_t r = 0; r < MIR_N_RESAMPLES; r++) {
        gap_h = b->reactive[r] - b->clairvoyant[r];
        if (gap_h > NO_GAP_H * b->n[r])
            shares[n++] = (b->reactive[r] - resampled[r]) / gap_h;
    }
    if (n * 20 < (size_t)MIR_N_RESAMPLES * 19)
        return;
    out->gap_low = mir_quantile(shares, n, 0.025);
    out->gap_high = mir_quantile(shares, n, 0.975);
}

static void
row_figures(struct base *b, const struct mir_comparison_row *row, struct mir_figures *out)
{
    double resampled[MIR_N_RESAMPLES];
    double sum_h;

    clear_figures(out);
    if (row->outcomes[b->weight] == NULL)
        return;
    gather(b, row->outcomes[b->weight], out);
    if (out->n == 0)
        return;
    out->interruption_p50_h = mir_quantile(b->interruption_h, out->n, 0.5);
    out->interruption_p90_h = mir_quantile(b->interruption_h, out->n, 0.9);
    out->interruption_p99_h = mir_quantile(b->interruption_h, out->n, 0.99);
    sum_h = sum_costs(b, row, resampled);
    out->cost_mean_h = sum_h / out->n;
    cost_interval(b, resampled, out);
    gap(b, sum_h, resampled, out);
}

void mir_comparison_figures(const struct mir_comparison *c,
                            const struct mir_comparison_row *row,
                            uint32_t weight,
                            int load,
                            struct mir_figures *out)
{
    struct mir_resamples rs;
    struct base *b;

    mir_resamples_init(&rs, c->n_episodes, c->seed);
    b = base_create(c, &rs);
    base_set(b, weight, load);
    row_figures(b, row, out);
    base_destroy(b);
    mir_resamples_release(&rs);
}

void mir_comparison_difference(const struct mir_comparison *c,
                               const struct mir_comparison_row *row,
                               const struct mir_comparison_row *against,
                               uint32_t weight,
                               struct mir_cost_difference *out)
{
    double costs[MIR_N_RESAMPLES], others[MIR_N_RESAMPLES];
    double n = (double)c->n_episodes * c->n_links;
    struct mir_resamples rs;
    struct base *b;

    mir_resamples_init(&rs, c->n_episodes, c->seed);
    b = base_create(c, &rs);
    base_set(b, weight, -1);
    out->mean_h = sum_costs(b, row, costs);
    out->mean_h = (out->mean_h - sum_costs(b, against, others)) / n;
    for (size_t r = 0; r < MIR_N_RESAMPLES; r++)
        costs[r] = (costs[r] - others[r]) / n;
    out->low_h = mir_quantile(costs, MIR_N_RESAMPLES, 0.025);
    out->high_h = mir_quantile(costs, MIR_N_RESAMPLES, 0.975);
    base_destroy(b);
    mir_resamples_release(&rs);
}

static size_t cell_index(const struct mir_comparison *c, uint32_t row, uint32_t weight, int load)
{
    return ((size_t)row * c->n_weights + weight) * (MIR_N_LOADS + 1) + (size_t)(load + 1);
}

void mir_figure_grid_init(struct mir_figure_grid *grid, const struct mir_comparison *c)
{
    struct mir_resamples rs;
    struct base *b;

    grid->comparison = c;
    grid->cells = MIR_NEW_ARRAY(struct mir_figures, cell_index(c, c->n_rows + 1, 0, -1));
    mir_resamples_init(&rs, c->n_episodes, c->seed);
    b = base_create(c, &rs);
    for (uint32_t w = 0; w < c->n_weights; w++) {
        for (int load = -1; load < MIR_N_LOADS; load++) {
            base_set(b, w, load);
            for (uint32_t i = 0; i < c->n_rows; i++)
                row_figures(b, &c->rows[i], &grid->cells[cell_index(c, i, w, load)]);
            row_figures(b, &c->clairvoyant, &grid->cells[cell_index(c, c->n_rows, w, load)]);
        }
    }
    base_destroy(b);
    mir_resamples_release(&rs);
}

void mir_figure_grid_release(struct mir_figure_grid *grid)
{
    free(grid->cells);
    memset(grid, 0, sizeof *grid);
}

const struct mir_figures *
mir_figure_grid_get(const struct mir_figure_grid *grid, uint32_t row, uint32_t weight, int load)
{
    return &grid->cells[cell_index(grid->comparison, row, weight, load < 0 ? -1 : load)];
}
