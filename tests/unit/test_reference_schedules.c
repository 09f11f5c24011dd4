/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_reference_schedules.c - the simulator against schedules that other
 * programs made (the shared folder reference-schedules and its README): the
 * textbook policies start by start, Slurm's own code and the simulator of the
 * Mirage paper within tolerances.  Skipped where the folder is not there.
 */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "tests/oracle/reference.h"
#include "traces/reader/reader.h"
#include "traces/sim/sim.h"

#define KTH "traces/KTH-SP2-1996.swf.xz", "reference-schedules/KTH-SP2-1996.starts.csv.xz"
#define THETA "traces/alcf-theta_2022.swf.xz", "reference-schedules/alcf-theta_2022.starts.csv.xz"
#define LS6 "traces/tacc-ls6-a100_2022-10_2023-02.log.xz"
#define EPISODES "reference-schedules/tacc-ls6-2023-02_cold-episodes.csv"

enum { HOUR_S = 3600, DAY_S = 86400, LS6_NODES = 76 };

/* ---- A log, a machine, a simulator */

struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
};

struct setting {
    const char *key, *value;
};

/* `trace` is taken; the cluster is there already. */
static void open_world(struct world *w, char *trace, const struct mir_workload_options *options)
{
    const struct mir_read_options read_options = {0};
    struct mir_read_result result;
    struct mir_error err = {{0}};

    mir_joblog_init(&w->log);
    if (mir_log_read(trace, &read_options, &w->log, &result, &err) != 0 ||
        mir_workload_create(&w->log, &w->cluster, options, &w->workload, &err) != 0)
        fail_msg("%s", err.text);
    free(trace);
}

static void close_world(struct world *w)
{
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static void set_up_cluster(struct mir_cluster *cluster, const struct setting *settings)
{
    struct mir_error err = {{0}};

    mir_cluster_init(cluster, MIR_SCHED_SLURM, LS6_NODES);
    for (; settings->key != NULL; settings++) {
        if (mir_cluster_set(cluster, settings->key, settings->value, &err) != 0)
            fail_msg("%s", err.text);
    }
}

static struct mir_sim *open_sim(const struct mir_sim_options *options)
{
    struct mir_error err = {{0}};
    struct mir_sim *sim = NULL;

    if (mir_sim_create(options, &sim, &err) != 0)
        fail_msg("%s", err.text);
    return sim;
}

static char *path_or_skip(const char *name)
{
    char *path = mir_shared_path(name);

    if (path == NULL)
        skip();
    return path;
}

/* `path` is taken. */
static struct mir_reference read_reference(char *path, const char *column)
{
    struct mir_reference reference;
    struct mir_error err = {{0}};

    if (mir_reference_read(path, column, &reference, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
    return reference;
}

/* The reference's number for `job`; there must be one. */
static int64_t expected(const struct mir_reference *reference, const struct mir_job *job)
{
    if (job->id >= reference->n || reference->start_at[job->id] == INT64_MIN)
        fail_msg("job %u is not in the reference", job->id);
    return reference->start_at[job->id];
}

/* ---- Textbook policies: every start */

struct textbook_case {
    const char *trace, *starts, *column;
    uint32_t n_procs;
    size_t n_jobs;
    int64_t sum_of_waits_s;
    enum mir_scheduler scheduler;
    enum mir_event_order event_order;
    bool node_identity;
};

static void
compare_starts(const struct textbook_case *c, const struct world *w, struct mir_sim *sim)
{
    struct mir_reference reference = read_reference(path_or_skip(c->starts), c->column);
    const int64_t *starts = mir_sim_starts(sim);
    size_t n_equal = 0;
    int64_t sum = 0;

    assert_int_equal(w->workload.n_jobs, c->n_jobs);
    for (size_t i = 0; i < c->n_jobs; i++) {
        const struct mir_job *job = &w->workload.jobs[i];

        n_equal += starts[i] == expected(&reference, job) + w->log.unix_start_at;
        sum += starts[i] - job->submit_at;
    }
    print_message("# %s, %u nodes: %zu of %zu starts equal, sum of waits %" PRId64 " s\n",
                  c->column, c->n_procs, n_equal, c->n_jobs, sum);
    assert_int_equal(n_equal, c->n_jobs);
    assert_true(sum == c->sum_of_waits_s);
    mir_reference_release(&reference);
}

static void check_textbook(const struct textbook_case *c)
{
    struct mir_workload_options workload_options;
    struct mir_sim_options options;
    struct mir_sim *sim;
    struct world w;

    mir_cluster_init(&w.cluster, c->scheduler, c->n_procs);
    mir_workload_options_init(&workload_options);
    open_world(&w, path_or_skip(c->trace), &workload_options);
    mir_sim_options_init(&options);
    options.cluster = &w.cluster;
    options.workload = &w.workload;
    options.event_order = c->event_order;
    options.node_identity = c->node_identity;
    options.keep_starts = true;
    sim = open_sim(&options);
    mir_sim_run(sim);
    compare_starts(c, &w, sim);
    mir_sim_destroy(sim);
    close_world(&w);
}

static void kth_starts_are_those_of_the_reference(void **state)
{
    static const struct textbook_case cases[] = {
        {KTH, "easy_batch", 100, 28481, 194655880, MIR_SCHED_EASY, MIR_EVENTS_BATCH, false},
        {KTH, "easy_event", 100, 28481, 194720954, MIR_SCHED_EASY, MIR_EVENTS_SINGLE, false},
        {KTH, "easy_node", 100, 28481, 187805994, MIR_SCHED_EASY, MIR_EVENTS_BATCH, true},
        {KTH, "conservative_event", 100, 28481, 208211808, MIR_SCHED_CONSERVATIVE, MIR_EVENTS_BATCH,
         false},
        {KTH, "fcfs", 100, 28481, 10075905909, MIR_SCHED_FCFS, MIR_EVENTS_BATCH, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_textbook(&cases[i]);
}

static void theta_starts_are_those_of_the_reference(void **state)
{
    static const struct textbook_case cases[] = {
        {THETA, "easy_batch", 4360, 23911, 1047723969, MIR_SCHED_EASY, MIR_EVENTS_BATCH, false},
        {THETA, "easy_event", 4360, 23911, 1041288742, MIR_SCHED_EASY, MIR_EVENTS_SINGLE, false},
        {THETA, "easy_node", 4360, 23911, 1051723889, MIR_SCHED_EASY, MIR_EVENTS_BATCH, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_textbook(&cases[i]);
}

/* ---- Slurm's own code: means and classes */

struct job_class {
    const char *name;
    bool by_limit; /* else by nodes */
    int64_t min, max;
};

static const struct job_class job_classes[] = {
    {"1 node", false, 1, 1},
    {"2-4 nodes", false, 2, 4},
    {"5-16 nodes", false, 5, 16},
    {"limit <= 1 h", true, 0, HOUR_S},
    {"limit 1-12 h", true, HOUR_S + 1, 12 * HOUR_S},
    {"limit 12-48 h", true, 12 * HOUR_S + 1, 48 * HOUR_S - 1},
    {"limit >= 48 h", true, 48 * HOUR_S, INT32_MAX},
};

enum { N_JOB_CLASSES = sizeof job_classes / sizeof *job_classes };

struct slurm_case {
    const char *waits, *column;
    int64_t from_at, to_at;
    size_t n_jobs;
    const struct setting *settings;
    uint32_t n_cpus; /* of a node */
    bool node_identity;
};

/* The simulator's figure over the reference's, less 1. */
struct slurm_figures {
    double mean, p90, classes[N_JOB_CLASSES];
    double mean_abs_difference_s;
};

/* Waits of the same jobs, in the same order. */
struct wait_pairs {
    const struct mir_job *jobs;
    int64_t *ours_s, *theirs_s;
    size_t n;
};

static double excess(double ours, double theirs)
{
    return ours / theirs - 1.0;
}

static double class_excess(const struct wait_pairs *p, const struct job_class *c)
{
    double ours_s = 0, theirs_s = 0;

    for (size_t i = 0; i < p->n; i++) {
        int64_t value = c->by_limit ? p->jobs[i].limit_s : (int64_t)p->jobs[i].n_nodes;

        if (value < c->min || value > c->max)
            continue;
        ours_s += (double)p->ours_s[i];
        theirs_s += (double)p->theirs_s[i];
    }
    return excess(ours_s, theirs_s);
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Sorts the pairs apart: the last thing that is done with them. */
static double p90_excess(struct wait_pairs *p)
{
    qsort(p->ours_s, p->n, sizeof *p->ours_s, by_value);
    qsort(p->theirs_s, p->n, sizeof *p->theirs_s, by_value);
    return excess((double)p->ours_s[p->n * 9 / 10], (double)p->theirs_s[p->n * 9 / 10]);
}

static void compute_figures(struct wait_pairs *p, struct slurm_figures *out)
{
    static const struct job_class all = {"all", false, 0, INT64_MAX};
    double sum_abs_s = 0;

    for (size_t i = 0; i < p->n; i++)
        sum_abs_s += fabs((double)(p->ours_s[i] - p->theirs_s[i]));
    out->mean_abs_difference_s = sum_abs_s / (double)p->n;
    out->mean = class_excess(p, &all);
    for (size_t k = 0; k < N_JOB_CLASSES; k++)
        out->classes[k] = class_excess(p, &job_classes[k]);
    out->p90 = p90_excess(p);
}

static void print_figures(const char *name, const struct slurm_figures *f)
{
    print_message("# %s: mean %+.1f %%, p90 %+.1f %%, mean absolute difference %.0f s\n", name,
                  100 * f->mean, 100 * f->p90, f->mean_abs_difference_s);
    for (size_t k = 0; k < N_JOB_CLASSES; k++)
        print_message("#   %s: mean %+.1f %%\n", job_classes[k].name, 100 * f->classes[k]);
}

static void compare_waits(const struct slurm_case *c,
                          const struct world *w,
                          struct mir_sim *sim,
                          struct slurm_figures *out)
{
    struct mir_reference reference = read_reference(path_or_skip(c->waits), c->column);
    const int64_t *starts = mir_sim_starts(sim);
    struct wait_pairs p = {.jobs = w->workload.jobs, .n = w->workload.n_jobs};

    assert_int_equal(p.n, c->n_jobs);
    p.ours_s = MIR_NEW_ARRAY(int64_t, p.n);
    p.theirs_s = MIR_NEW_ARRAY(int64_t, p.n);
    for (size_t i = 0; i < p.n; i++) {
        assert_true(starts[i] >= p.jobs[i].submit_at);
        p.ours_s[i] = starts[i] - p.jobs[i].submit_at;
        p.theirs_s[i] = expected(&reference, &p.jobs[i]);
    }
    compute_figures(&p, out);
    free(p.ours_s);
    free(p.theirs_s);
    mir_reference_release(&reference);
}

static void compare_with_slurm(const struct slurm_case *c, struct slurm_figures *out)
{
    enum { PHASE_S = 45 }; /* how long the reference's controller had run at the first arrival */
    struct mir_workload_options workload_options;
    struct mir_sim_options options;
    struct mir_sim *sim;
    struct world w;

    set_up_cluster(&w.cluster, c->settings);
    w.cluster.node_sets[0].n_cpus = c->n_cpus;
    mir_workload_options_init(&workload_options);
    workload_options.from_at = c->from_at;
    workload_options.to_at = c->to_at;
    open_world(&w, path_or_skip(LS6), &workload_options);
    mir_sim_options_init(&options);
    options.cluster = &w.cluster;
    options.workload = &w.workload;
    options.keep_starts = true;
    options.node_identity = c->node_identity;
    options.from_at = w.workload.jobs[0].submit_at - PHASE_S;
    sim = open_sim(&options);
    mir_sim_run(sim);
    compare_waits(c, &w, sim, out);
    mir_sim_destroy(sim);
    close_world(&w);
}

/*
 * The reference's README names SchedulerParameters that its schedule does not
 * show.  With those of the README jobs of 48 h wait 92 % too long and the mean is
 * 11.7 % too high; with Slurm 17.11's defaults (bf_window 1440 minutes,
 * bf_resolution 60, bf_max_job_test 100, default_queue_depth 100) and nodes of
 * two processors every class comes out within 6 %.  The schedule itself says so:
 *
 * - while a job of 64 nodes waits for three days, jobs of 48 h start freely, so
 *   backfill plans less than 48 h ahead (600 to 2000 minutes move the mean by 1 %,
 *   2400 by 13 %);
 * - jobs of one and of two nodes are tied in priority, as they are when half of
 *   the size factor is a share of twice as many processors as there are nodes;
 * - jobs do not age: it was made without accounting, and then slurmctld ignores
 *   PriorityWeightAge (with ageing the mean is 50 % too low).
 *
 * So the 28 days are a fit as much as a test: they show that one plain setting
 * gives the whole shape, and hold it.  The run by the README is printed and not
 * asserted.  The 7 days hardly tell the two apart.
 */
static const struct setting slurm_1711[] = {
    {"bf_interval", "30"},
    {"bf_resolution", "60"},
    {"bf_window", "1440"},
    {"bf_max_job_test", "100"},
    {"default_queue_depth", "100"},
    {"PriorityWeightAge", "7000"},
    {"PriorityMaxAge", "7-0"},
    {"PriorityWeightJobSize", "100"},
    {"AccountingStorageType", "accounting_storage/none"},
    {NULL, NULL},
};

static const struct setting slurm_1711_as_told[] = {
    {"bf_interval", "30"},
    {"bf_resolution", "600"},
    {"bf_window", "2880"},
    {"bf_max_job_test", "3000"},
    {"default_queue_depth", "1000"},
    {"bf_continue", "yes"},
    {"PriorityWeightAge", "7000"},
    {"PriorityMaxAge", "7-0"},
    {"PriorityWeightJobSize", "100"},
    {"AccountingStorageType", "accounting_storage/none"},
    {NULL, NULL},
};

#define MONTH                                                                                      \
    "reference-schedules/ls6-a100_2023-02.slurm1711.waits.csv.xz", "wait", 1675209600, 1677628800, \
        4159
#define WEEK                                                                                       \
    "reference-schedules/ls6-a100_2023-02-06_7d.slurm1711.waits.csv.xz", "wait_phase45",           \
        1675641600, 1676246400, 807

static void assert_within(const char *what, double value, double tolerance)
{
    if (!(fabs(value) <= tolerance))
        fail_msg("%s: %+.1f %%, more than %.0f %% off", what, 100 * value, 100 * tolerance);
}

static void a_month_waits_as_under_slurm(void **state)
{
    static const struct slurm_case month = {MONTH, slurm_1711, 2, false},
                                   told = {MONTH, slurm_1711_as_told, 1, false};
    struct slurm_figures f;

    (void)state;
    compare_with_slurm(&told, &f);
    print_figures("28 days, settings as the README tells them (not asserted)", &f);
    compare_with_slurm(&month, &f);
    print_figures("28 days", &f);
    assert_within("mean", f.mean, 0.07);
    assert_within("p90", f.p90, 0.15);
    for (size_t k = 0; k < N_JOB_CLASSES; k++)
        assert_within(job_classes[k].name, f.classes[k], 0.15);
    assert_true(f.mean_abs_difference_s < 3500);
}

static void a_week_waits_as_under_slurm(void **state)
{
    static const struct slurm_case week = {WEEK, slurm_1711, 2, false},
                                   told = {WEEK, slurm_1711_as_told, 1, false};
    struct slurm_figures f;

    (void)state;
    compare_with_slurm(&told, &f);
    print_figures("7 days, settings as the README tells them (not asserted)", &f);
    compare_with_slurm(&week, &f);
    print_figures("7 days", &f);
    assert_within("mean", f.mean, 0.07);
    assert_true(f.mean_abs_difference_s < 1000);
}

/*
 * With machine identities the week is slurmctld's to the second or two that its
 * simulated clock adds.  Four weeks are not: the reference's backfill clock loses
 * a second or two a day, and from the fourth day on single starts go other ways.
 */
static void a_week_with_identities_is_that_of_slurm(void **state)
{
    static const struct slurm_case week = {WEEK, slurm_1711, 2, true};
    static const struct slurm_case month = {MONTH, slurm_1711, 2, true};
    struct slurm_figures f;

    (void)state;
    compare_with_slurm(&month, &f);
    print_figures("28 days, machine identities (not asserted)", &f);
    compare_with_slurm(&week, &f);
    print_figures("7 days, machine identities", &f);
    assert_within("mean", f.mean, 0.001);
    assert_within("p90", f.p90, 0.001);
    for (size_t k = 0; k < N_JOB_CLASSES; k++)
        assert_within(job_classes[k].name, f.classes[k], 0.001);
    assert_true(f.mean_abs_difference_s < 2);
}

/* ---- The simulator of the Mirage paper: chains on a cluster that begins empty */

static int64_t submit_and_start(struct mir_sim *sim, const struct mir_request *request)
{
    struct mir_error err = {{0}};
    uint64_t serial;

    if (mir_sim_submit(sim, request, &serial, &err) != 0)
        fail_msg("%s", err.text);
    return mir_sim_advance_to_start(sim, serial, mir_sim_now(sim) + 60 * DAY_S);
}

/* Hours from the predecessor's end to the start of a successor submitted a minute before it. */
static double reactive_signed_h(const struct world *w, int64_t episode_at, int64_t n_nodes)
{
    const struct mir_request request = {
        .n_nodes = (uint32_t)n_nodes, .limit_s = 48 * HOUR_S, .run_s = 48 * HOUR_S};
    struct mir_sim_options options;
    struct mir_sim *sim;
    int64_t end_at, start_at;

    mir_sim_options_init(&options);
    options.cluster = &w->cluster;
    options.workload = &w->workload;
    options.from_at = episode_at;
    options.to_at = episode_at + 5 * DAY_S;
    sim = open_sim(&options);
    mir_sim_advance(sim, episode_at + 2 * DAY_S);
    end_at = submit_and_start(sim, &request) + request.run_s;
    mir_sim_advance(sim, end_at - 60);
    start_at = submit_and_start(sim, &request);
    mir_sim_destroy(sim);
    return (double)(start_at - end_at) / HOUR_S;
}

static double mean_interruption_h(const double *signed_h, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += fmax(signed_h[i], 0);
    return sum / (double)n;
}

/* The mean rank of those equal to values[i], less the mean of all ranks. */
static double centred_rank(const double *values, size_t n, size_t i)
{
    size_t n_less = 0, n_more = 0;

    for (size_t k = 0; k < n; k++) {
        n_less += values[k] < values[i];
        n_more += values[k] > values[i];
    }
    return ((double)n_less - (double)n_more) / 2;
}

/* Spearman's: the correlation of the ranks, ties averaged. */
static double rank_correlation(const double *x, const double *y, size_t n)
{
    double xy = 0, xx = 0, yy = 0;

    for (size_t i = 0; i < n; i++) {
        double a = centred_rank(x, n, i), b = centred_rank(y, n, i);

        xy += a * b;
        xx += a * a;
        yy += b * b;
    }
    return xy / sqrt(xx * yy);
}

static void
compare_episodes(const struct world *w, const struct mir_reference_episode *episodes, size_t n)
{
    double *ours_h = MIR_NEW_ARRAY(double, n), *theirs_h = MIR_NEW_ARRAY(double, n);
    double ours, theirs, correlation;

    for (size_t i = 0; i < n; i++) {
        ours_h[i] = reactive_signed_h(w, episodes[i].episode_at, episodes[i].chain_nodes);
        theirs_h[i] = episodes[i].reactive_signed_h;
    }
    ours = mean_interruption_h(ours_h, n);
    theirs = mean_interruption_h(theirs_h, n);
    correlation = rank_correlation(ours_h, theirs_h, n);
    free(ours_h);
    free(theirs_h);
    print_message("# %zu episodes of %lld nodes: mean interruption %.3f h, reference %.3f h "
                  "(%+.1f %%), rank correlation %.4f\n",
                  n, (long long)episodes[0].chain_nodes, ours, theirs, 100 * excess(ours, theirs),
                  correlation);
    assert_within("mean interruption", excess(ours, theirs), 0.05);
    assert_true(correlation > 0.95);
}

static void check_episodes(int64_t chain_nodes, size_t n_expected)
{
    /*
     * That simulator goes by minutes and knows every release exactly, hence
     * bf_resolution 60 and the narrowest windows.  Its README tells of slots of
     * 600 s: with bf_resolution 600, means are 2.3 % (1 node) and 5.9 % (8 nodes)
     * too high, rank correlations 0.963 and 0.958.
     */
    static const struct setting settings[] = {
        {"bf_interval", "600"},
        {"bf_resolution", "60"},
        {"bf_window", "2880"},
        {"bf_max_job_test", "3000"},
        {"bf_window_linear", "1"},
        {"PriorityWeightAge", "7000"},
        {"PriorityMaxAge", "7-0"},
        {"PriorityWeightJobSize", "100"},
        {NULL, NULL},
    };
    struct mir_workload_options options;
    struct mir_reference_episode *episodes = NULL;
    struct mir_error err = {{0}};
    struct world w;
    char *path = path_or_skip(EPISODES);
    size_t n = 0;

    if (mir_reference_read_episodes(path, chain_nodes, &episodes, &n, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
    assert_int_equal(n, n_expected);
    set_up_cluster(&w.cluster, settings);
    mir_workload_options_init(&options);
    options.round_submit_s = 60;
    options.round_run_s = 60;
    options.min_run_s = 1;
    open_world(&w, path_or_skip(LS6), &options);
    compare_episodes(&w, episodes, n);
    free(episodes);
    close_world(&w);
}

static void chains_of_one_node_are_interrupted_as_in_the_paper(void **state)
{
    (void)state;
    check_episodes(1, 60);
}

static void chains_of_eight_nodes_are_interrupted_as_in_the_paper(void **state)
{
    (void)state;
    check_episodes(8, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kth_starts_are_those_of_the_reference),
        cmocka_unit_test(theta_starts_are_those_of_the_reference),
        cmocka_unit_test(a_month_waits_as_under_slurm),
        cmocka_unit_test(a_week_waits_as_under_slurm),
        cmocka_unit_test(a_week_with_identities_is_that_of_slurm),
        cmocka_unit_test(chains_of_one_node_are_interrupted_as_in_the_paper),
        cmocka_unit_test(chains_of_eight_nodes_are_interrupted_as_in_the_paper),
    };

    return cmocka_run_group_tests_name("reference_schedules", tests, NULL, NULL);
}
