/*
 * bench.h - what benchmark programs share: options, repeated measuring, one line
 * per figure.  Figures are rates or times of one thread's CPU time, so that a
 * busy machine disturbs them less.  For the programs' one thread.
 */
#ifndef MIR_TESTS_BENCH_H
#define MIR_TESTS_BENCH_H

#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/clock.h"

enum {
    MIR_BENCH_RUNS = 5,
    MIR_BENCH_SKIPPED = 77, /* exit code: there was nothing to measure */
};

struct mir_bench {
    bool quick;         /* one run of the smallest case: does it work at all? */
    bool json;          /* an array of objects instead of lines */
    const char *filter; /* only names that hold this; NULL: all */
    unsigned n_measured;
    unsigned n_failed;
    char note[192]; /* set by a run; printed behind the figure and emptied */
};

/* One run: its figure, or NAN when it failed (having said why on stderr). */
typedef double (*mir_bench_f)(struct mir_bench *b, void *context);

static inline bool mir_bench_wants(const struct mir_bench *b, const char *name)
{
    return b->filter == NULL || strstr(name, b->filter) != NULL;
}

static inline double mir_bench_seconds_since(int64_t start_ns)
{
    return (double)(mir_clock_cpu_ns() - start_ns) * 1e-9;
}

/* Print one figure of `n` runs, which had `low` at least and `high` at most. */
static inline void mir_bench_print(struct mir_bench *b,
                                   const char *name,
                                   const char *unit,
                                   double figure,
                                   double low,
                                   double high,
                                   int n)
{
    if (b->json)
        printf("%s\n  {\"name\":\"%s\",\"figure\":%.9g,\"unit\":\"%s\",\"low\":%.9g,"
               "\"high\":%.9g,\"runs\":%d,\"note\":\"%s\"}",
               b->n_measured > 0 ? "," : "[", name, figure, unit, low, high, n, b->note);
    else
        printf("%-22s %12.5g %-10s (%d runs, %.4g to %.4g)%s%s\n", name, figure, unit, n, low, high,
               b->note[0] != '\0' ? "  " : "", b->note);
    fflush(stdout);
    b->note[0] = '\0';
    b->n_measured++;
}

static inline int mir_bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/*
 * Run `run` up to MIR_BENCH_RUNS times (fewer once 30 s are spent), print the
 * median and return it; NAN when a run failed, which is counted.
 */
static inline double mir_bench_measure(struct mir_bench *b,
                                       const char *name,
                                       const char *unit,
                                       mir_bench_f run,
                                       void *context)
{
    double figures[MIR_BENCH_RUNS];
    int64_t start_ns = mir_clock_cpu_ns();
    int n = 0;

    do {
        figures[n] = run(b, context);
        if (isnan(figures[n])) {
            fprintf(stderr, "%s: failed\n", name);
            b->note[0] = '\0';
            b->n_failed++;
            return NAN;
        }
        n++;
    } while (!b->quick && n < MIR_BENCH_RUNS && mir_bench_seconds_since(start_ns) < 30);
    qsort(figures, (size_t)n, sizeof *figures, mir_bench_compare);
    mir_bench_print(b, name, unit, figures[n / 2], figures[0], figures[n - 1], n);
    return figures[n / 2];
}

/* Returns 0, or the exit code with which the program ends. */
static inline int mir_bench_options(struct mir_bench *b, int argc, char **argv)
{
    static const struct option options[] = {
        {"quick", no_argument, NULL, 'q'},
        {"json", no_argument, NULL, 'j'},
        {"filter", required_argument, NULL, 'f'},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'q')
            b->quick = true;
        else if (option == 'j')
            b->json = true;
        else if (option == 'f')
            b->filter = optarg;
        else
            break;
    }
    if (option == -1 && optind == argc)
        return 0;
    fprintf(stderr, "usage: %s [--quick] [--json] [--filter NAME]\n", argv[0]);
    return 2;
}

/* Close the output; returns the exit code. */
static inline int mir_bench_end(const struct mir_bench *b)
{
    if (b->json)
        printf("%s\n]\n", b->n_measured > 0 ? "" : "[");
    if (b->n_failed > 0)
        return 1;
    return b->n_measured > 0 ? 0 : MIR_BENCH_SKIPPED;
}

#endif
