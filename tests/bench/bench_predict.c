/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_predict.c - what does a prediction cost, and what does a model cost that is
 * as large as a trained one?  A figure far beyond its goal is a failure.  The file
 * lies in $TMPDIR or /tmp.
 */
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/predict/wait_model.h"
#include "tests/bench/bench.h"
#include "tests/unit/wood_fixture.h"

enum {
    N_INPUTS = 256, /* requests asked about in turn, so that no path is learned by heart */
    STATE = MIR_PAPER_ROWS * MIR_PAPER_WIDTH,
};

struct world {
    char path[300];
    struct mir_wait_model *model;
    float (*requests)[MIR_N_WAIT_FEATURES];
    float *state;
};

/* ---- A model of the size that training makes */

static struct mir_wait_model *make_model(void)
{
    static const struct {
        uint32_t n_trees;
        unsigned depth;
    } sizes[MIR_N_WAIT_METHODS] = {
        [MIR_WAIT_FOREST_Q] = {60, 9},
        [MIR_WAIT_XGB_Q] = {11 * 320, 4},
        [MIR_WAIT_RF] = {100, 10},
        [MIR_WAIT_XGB] = {100, 6},
    };
    struct mir_wait_model *m = mir_wait_model_create();
    struct mir_rng rng;

    mir_rng_init(&rng, 1);
    for (unsigned i = 0; i < MIR_N_WAIT_METHODS; i++) {
        struct wood w = wood_of(i);

        w.n_trees = sizes[i].n_trees;
        w.depth = sizes[i].depth;
        w.p_leaf = 0.01;
        wood_make(&m->trees[i], &w, &rng);
    }
    wood_keep_one_output(&m->trees[MIR_WAIT_XGB_Q]);
    return m;
}

/* In a process of its own, so that the memory of this one shows what loading takes. */
static bool make_file(struct world *w)
{
    const char *tmp = getenv("TMPDIR");
    int fd, status = 1;
    pid_t child;

    snprintf(w->path, sizeof w->path, "%.200s/bench_predict.XXXXXX", tmp != NULL ? tmp : "/tmp");
    fd = mkstemp(w->path);
    if (fd < 0)
        return false;
    close(fd);
    child = fork();
    if (child == 0)
        _exit(mir_wait_model_save(make_model(), w->path, NULL) == 0 ? 0 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool world_open(struct world *w)
{
    struct mir_error err = {{0}};
    struct mir_rng rng;

    if (mir_wait_model_load(w->path, &w->model, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    mir_rng_init(&rng, 2);
    w->requests = mir_alloc(N_INPUTS, sizeof *w->requests);
    w->state = MIR_NEW_ARRAY(float, STATE);
    for (int i = 0; i < N_INPUTS; i++)
        wood_input(w->requests[i], MIR_N_WAIT_FEATURES, &rng);
    wood_input(w->state, STATE, &rng);
    return true;
}

static void world_release(struct world *w)
{
    mir_wait_model_unref(w->model);
    free(w->requests);
    free(w->state);
    unlink(w->path);
}

/* ---- Predictions */

static double checked(const char *name, double figure, double too_much)
{
    if (figure <= too_much)
        return figure;
    fprintf(stderr, "%s: %.1f, over %.0f\n", name, figure, too_much);
    return NAN;
}

/* Microseconds for all eleven levels of one request. */
static double
run_quantiles(struct mir_bench *b, const struct world *w, enum mir_wait_method method, double limit)
{
    const struct mir_trees *t = &w->model->trees[method];
    int n = N_INPUTS * (b->quick ? 1 : 40);
    double q[MIR_N_WAIT_LEVELS_TRAINED], sum = 0;
    int64_t start_ns = mir_clock_cpu_ns();

    for (int i = 0; i < n; i++) {
        mir_wait_model_quantiles(w->model, method, w->requests[i % N_INPUTS], q);
        sum += q[5];
    }
    snprintf(b->note, sizeof b->note, "%u trees, %u nodes, mean %.3f h", t->n_trees, t->n_nodes,
             sum / n);
    return checked(mir_wait_method_name(method), mir_bench_seconds_since(start_ns) * 1e6 / n,
                   limit);
}

static double run_forest_q(struct mir_bench *b, void *context)
{
    return run_quantiles(b, context, MIR_WAIT_FOREST_Q, 100);
}

static double run_xgb_q(struct mir_bench *b, void *context)
{
    return run_quantiles(b, context, MIR_WAIT_XGB_Q, 300);
}

/* The walk as one would write it first: a tree after the other, a branch at every split. */
static float walk_plainly(const struct mir_trees *t, const float *x, float *out)
{
    memset(out, 0, t->n_outputs * sizeof *out);
    for (uint32_t i = 0; i < t->n_trees; i++) {
        const struct mir_tree_node *node = &t->nodes[t->roots[i]];

        while (node->feature != MIR_TREE_LEAF) {
            bool left =
                isnan(x[node->feature]) ? node->missing_left : x[node->feature] < node->threshold;

            node = &t->nodes[left ? node->left : node->left + 1];
        }
        if (t->only != NULL)
            out[t->only[i]] += t->values[node->left];
        for (uint32_t k = 0; k < t->n_outputs && t->only == NULL; k++)
            out[k] += t->values[node->left * t->n_outputs + k];
    }
    return out[0];
}

static double run_plainly(struct mir_bench *b, const struct world *w, enum mir_wait_method method)
{
    int n = N_INPUTS * (b->quick ? 1 : 40);
    float out[MIR_TREES_MAX_OUTPUTS];
    int64_t start_ns = mir_clock_cpu_ns();
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)walk_plainly(&w->model->trees[method], w->requests[i % N_INPUTS], out);
    snprintf(b->note, sizeof b->note, "mean %.3f", sum / n);
    return mir_bench_seconds_since(start_ns) * 1e6 / n;
}

static double run_forest_q_plain(struct mir_bench *b, void *context)
{
    return run_plainly(b, context, MIR_WAIT_FOREST_Q);
}

static double run_xgb_q_plain(struct mir_bench *b, void *context)
{
    return run_plainly(b, context, MIR_WAIT_XGB_Q);
}

static double run_outcomes(struct mir_bench *b, void *context)
{
    const struct world *w = context;
    int n = b->quick ? 100 : 10000;
    int64_t start_ns = mir_clock_cpu_ns();
    double sum = 0;

    for (int i = 0; i < n; i++) {
        w->state[i % STATE] = (float)(i % 32) / 4;
        sum += mir_wait_model_outcome(w->model, MIR_WAIT_RF, w->state) +
               mir_wait_model_outcome(w->model, MIR_WAIT_XGB, w->state);
    }
    snprintf(b->note, sizeof b->note, "both of them, mean %.3f h", sum / n / 2);
    return checked("outcomes", mir_bench_seconds_since(start_ns) * 1e6 / n, 300);
}

/* ---- Loading */

static double run_load(struct mir_bench *b, void *context)
{
    const struct world *w = context;
    int64_t start_ns = mir_clock_cpu_ns();
    struct mir_wait_model *m;
    struct stat st;

    if (stat(w->path, &st) != 0 || mir_wait_model_load(w->path, &m, NULL) != 0)
        return NAN;
    mir_wait_model_unref(m);
    snprintf(b->note, sizeof b->note, "file of %.1f MB", (double)st.st_size * 1e-6);
    return checked("load", mir_bench_seconds_since(start_ns) * 1e3, 1000);
}

static double resident_mb(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    char line[128] = "";
    unsigned long pages;
    char *end;

    if (f == NULL || fgets(line, sizeof line, f) == NULL)
        line[0] = '\0';
    if (f != NULL)
        fclose(f);
    (void)strtoul(line, &end, 10);
    pages = strtoul(end, NULL, 10);
    return pages > 0 ? (double)pages * (double)sysconf(_SC_PAGESIZE) * 1e-6 : (double)NAN;
}

static double load_and_look(const char *path)
{
    double before = resident_mb();
    struct mir_wait_model *m;

    if (mir_wait_model_load(path, &m, NULL) != 0)
        return NAN;
    return resident_mb() - before;
}

/* A process for each run: what an earlier one freed would hide what this one takes. */
static double run_memory(struct mir_bench *b, void *context)
{
    const struct world *w = context;
    double figure = NAN;
    int fds[2];
    pid_t child;

    if (pipe(fds) != 0)
        return NAN;
    child = fork();
    if (child == 0) {
        figure = load_and_look(w->path);
        _exit(write(fds[1], &figure, sizeof figure) != sizeof figure);
    }
    close(fds[1]);
    if (child < 0 || read(fds[0], &figure, sizeof figure) != sizeof figure)
        figure = NAN;
    close(fds[0]);
    (void)waitpid(child, NULL, 0);
    snprintf(b->note, sizeof b->note, "resident once loaded");
    return checked("memory", figure, 20);
}

static void measure(struct mir_bench *b, struct world *w)
{
    static const struct {
        const char *name, *unit;
        mir_bench_f run;
    } figures[] = {
        {"predict_forest_q", "us", run_forest_q},
        {"predict_forest_q_plain", "us", run_forest_q_plain},
        {"predict_xgb_q", "us", run_xgb_q},
        {"predict_xgb_q_plain", "us", run_xgb_q_plain},
        {"predict_outcomes", "us", run_outcomes},
        {"model_load", "ms", run_load},
    };

    /* First, while nothing was freed here. */
    if (mir_bench_wants(b, "model_memory"))
        (void)mir_bench_measure(b, "model_memory", "MB", run_memory, w);
    if (!world_open(w)) {
        b->n_failed++;
        return;
    }
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (mir_bench_wants(b, figures[i].name))
            (void)mir_bench_measure(b, figures[i].name, figures[i].unit, figures[i].run, w);
}

int main(int argc, char **argv)
{
    struct mir_bench b = {0};
    struct world w = {0};
    int rc = mir_bench_options(&b, argc, argv);

    if (rc != 0)
        return rc;
    if (make_file(&w))
        measure(&b, &w);
    else
        b.n_failed++;
    world_release(&w);
    return mir_bench_end(&b);
}
