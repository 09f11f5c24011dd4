/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_fit.c - how long does it take to learn quantiles of waits, and how far from
 * the truth are they, where the truth is known?  Waits are log-normal; features move
 * and spread them.  In wall time; a fit that takes far too much of the processor is
 * a failure.
 */
#include <stdint.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "models/predict/wait_model.h"
#include "models/train/fit.h"
#include "tests/bench/bench.h"

enum {
    N_FEATURES = MIR_N_WAIT_FEATURES,
    N_ROWS = 180000,
    N_FEW = 20000,
    N_FRESH = 20000,
    N_LEVELS = MIR_N_WAIT_LEVELS_TRAINED,
    N_THREADS = 2,
};

/* Both methods on N_ROWS rows, by wall clock where nothing else runs. */
static const double too_slow_s = 90;

struct rows {
    float *x, *y;
    double *mean, *spread; /* of y, which is normal */
    size_t n;
};

struct world {
    struct rows train, fresh;
    double z[N_LEVELS]; /* quantiles of the standard normal */
};

struct fit {
    const struct world *w;
    const char *name;
    size_t n_rows;
    int (*method)(const struct mir_fit_data *,
                  const float *,
                  uint32_t,
                  const struct mir_fit_options *,
                  struct mir_trees *,
                  float *,
                  struct mir_error *);
    struct mir_trees trees;
};

/* Five features matter, as steps, slopes and products; others are missing at times, or whole. */
static void draw_row(struct rows *r, size_t i, struct mir_rng *rng)
{
    float *x = r->x + i * N_FEATURES;

    for (uint32_t k = 0; k < N_FEATURES; k++) {
        x[k] = (float)mir_rng_double(rng);
        if (k % 9 == 8)
            x[k] = floorf(x[k] * 10);
        if (k % 17 == 16 && mir_rng_below(rng, 2) == 0)
            x[k] = NAN;
    }
    r->mean[i] = 1 + 2 * (double)x[0] * (double)x[1] + sin(6 * (double)x[2]) / 2 +
                 (x[8] >= 7 ? 1 : 0) + (isnan(x[16]) ? 0.5 : 0);
    r->spread[i] = 0.2 + 0.8 * (double)x[3];
    r->y[i] = (float)(r->mean[i] + r->spread[i] * mir_rng_normal(rng));
}

static void rows_init(struct rows *r, size_t n, uint64_t seed)
{
    struct mir_rng rng;

    r->n = n;
    r->x = MIR_NEW_ARRAY(float, n *N_FEATURES);
    r->y = MIR_NEW_ARRAY(float, n);
    r->mean = MIR_NEW_ARRAY(double, n);
    r->spread = MIR_NEW_ARRAY(double, n);
    mir_rng_init(&rng, seed);
    for (size_t i = 0; i < n; i++)
        draw_row(r, i, &rng);
}

static void rows_release(struct rows *r)
{
    free(r->x);
    free(r->y);
    free(r->mean);
    free(r->spread);
}

/* By halving. */
static double normal_quantile(double level)
{
    double low = -9, high = 9;

    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;

        if (erfc(-middle / sqrt(2)) / 2 < level)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static double pinball(double level, double y, double predicted)
{
    return y > predicted ? level * (y - predicted) : (1 - level) * (predicted - y);
}

static double cpu_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double run_fit(struct mir_bench *b, void *context)
{
    struct fit *f = context;
    const struct rows *r = &f->w->train;
    struct mir_fit_data data = {r->x, r->y, NULL, f->n_rows, N_FEATURES};
    struct mir_fit_options options = {.seed = 1, .n_threads = N_THREADS};
    struct mir_error err = {{0}};
    double cpu = cpu_s(), wall;
    int64_t start_ns = mir_clock_mono_ns();

    mir_trees_release(&f->trees);
    if (f->method(&data, mir_wait_levels, N_LEVELS, &options, &f->trees, NULL, &err) != 0) {
        fprintf(stderr, "%s: %s\n", f->name, err.text);
        return NAN;
    }
    wall = (double)(mir_clock_mono_ns() - start_ns) * 1e-9;
    cpu = cpu_s() - cpu;
    snprintf(b->note, sizeof(b->note), "%zu rows, %u trees, %u threads, %.1f s CPU", f->n_rows,
             f->trees.n_trees, (unsigned)N_THREADS, cpu);
    return cpu < N_THREADS * too_slow_s ? wall : NAN;
}

/* How much more the fit loses on fresh rows than the true quantile does, in percent of that. */
static double run_loss(struct mir_bench *b, void *context)
{
    const struct fit *f = context;
    const struct rows *r = &f->w->fresh;
    double loss[N_LEVELS] = {0}, least[N_LEVELS] = {0}, sum = 0;
    int len = 0;

    if (f->trees.n_trees == 0)
        return NAN;
    for (size_t i = 0; i < r->n; i++) {
        float out[MIR_TREES_MAX_OUTPUTS];
        double y = (double)r->y[i];

        mir_trees_predict(&f->trees, r->x + i * N_FEATURES, out);
        for (int k = 0; k < N_LEVELS; k++) {
            double level = (double)mir_wait_levels[k];

            loss[k] += pinball(level, y, (double)out[k]);
            least[k] += pinball(level, y, r->mean[i] + r->spread[i] * f->w->z[k]);
        }
    }
    for (int k = 0; k < N_LEVELS; k++) {
        double excess = 100 * (loss[k] / least[k] - 1);

        sum += excess;
        len += snprintf(b->note + len, sizeof(b->note) - (size_t)len, "%g: %.1f ",
                        (double)mir_wait_levels[k], excess);
    }
    return sum / N_LEVELS;
}

static void measure(struct mir_bench *b, struct fit *f)
{
    char name[64];
    struct mir_bench once = *b; /* a fit is long enough for one run */

    once.quick = true;
    if (!mir_bench_wants(b, f->name))
        return;
    (void)mir_bench_measure(&once, f->name, "s", run_fit, f);
    snprintf(name, sizeof(name), "%s_loss", f->name);
    (void)mir_bench_measure(&once, name, "%", run_loss, f);
    b->n_measured = once.n_measured;
    b->n_failed = once.n_failed;
    mir_trees_release(&f->trees);
}

int main(int argc, char **argv)
{
    struct mir_bench b = {0};
    struct world w = {0};
    struct fit fits[] = {
        {.name = "forest_q_few", .n_rows = N_FEW, .method = mir_fit_forest_q},
        {.name = "boost_q_few", .n_rows = N_FEW, .method = mir_fit_boost_q},
        {.name = "forest_q", .n_rows = N_ROWS, .method = mir_fit_forest_q},
        {.name = "boost_q", .n_rows = N_ROWS, .method = mir_fit_boost_q},
    };
    int rc = mir_bench_options(&b, argc, argv);

    if (rc != 0)
        return rc;
    rows_init(&w.train, b.quick ? N_FEW : N_ROWS, 1);
    rows_init(&w.fresh, N_FRESH, 2);
    for (int k = 0; k < N_LEVELS; k++)
        w.z[k] = normal_quantile((double)mir_wait_levels[k]);
    for (size_t i = 0; i < (b.quick ? 1 : sizeof(fits) / sizeof(*fits)); i++) {
        fits[i].w = &w;
        measure(&b, &fits[i]);
    }
    rows_release(&w.train);
    rows_release(&w.fresh);
    return mir_bench_end(&b);
}
