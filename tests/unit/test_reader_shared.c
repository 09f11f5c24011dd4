/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_reader_shared.c - the real logs of the shared folder (MIRAGE_SHARED),
 * against the figures of its README; skipped where the folder is not there.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/core/str.h"
#include "tests/joblog_equal.h"
#include "traces/reader/reader.h"

struct trace {
    const char *file;
    enum mir_log_format format;
    uint64_t n_jobs, n_bad;
    size_t n_users; /* 0: n/a in the README */
    uint32_t n_nodes, n_procs;
    double wait_mean_h; /* as the README rounds it */
};

/*
 * metacentrum: README counts 17,900 lines, two of which carry a run time of
 * minus 43 years.
 */
static const struct trace traces[] = {
    {"tacc-ls6-a100_2022-10_2023-02.log.xz", MIR_FORMAT_TACC, 17975, 0, 300, 0, 0, 4.5},
    {"gwu-pegasus-slurm_2019-03_2020-07.csv.xz", MIR_FORMAT_GWU, 406427, 0, 0, 0, 0, 5.0},
    {"alcf-theta_2022.swf.xz", MIR_FORMAT_SWF, 23911, 0, 0, 4360, 4360, 25.1},
    {"alcf-theta_2023-01_2023-07.csv.xz", MIR_FORMAT_ALCF, 23387, 0, 0, 0, 0, 8.0},
    {"alcf-thetagpu_2023-01_2023-07.csv.xz", MIR_FORMAT_ALCF, 22606, 0, 0, 0, 0, 1.3},
    {"CEA-Curie-2011-2.1-cln.swf.xz", MIR_FORMAT_SWF, 312826, 0, 582, 5544, 93312, 2.2},
    {"RICC-2010-2.swf.xz", MIR_FORMAT_SWF, 447794, 0, 176, 1024, 8192, 4.4},
    {"KTH-SP2-1996.swf.xz", MIR_FORMAT_SWF, 28489, 0, 214, 100, 100, 4.3},
    {"UniLu-Gaia-2014-1.swf.xz", MIR_FORMAT_SWF, 51987, 0, 84, 151, 2004, 0.25},
    {"COARE-Saliksik-2020-cln.swf.xz", MIR_FORMAT_SWF, 19760, 0, 89, 24, 1728, 2.0},
    {"metacentrum-wagap-2013.swf.xz", MIR_FORMAT_SWF, 17898, 2, 75, 0, 0, 14.2},
    {"alcf-mira_2018-08_2018-12.csv.xz", MIR_FORMAT_ALCF, 22508, 0, 160, 0, 0, 14.6},
};

enum { N_TRACES = sizeof traces / sizeof *traces };

/* A file of the shared folder; NULL where it is not there. */
static const char *shared(const char *file, char path[512])
{
    const char *folder = getenv("MIRAGE_SHARED");

    if (folder)
        snprintf(path, 512, "%s/traces/%s", folder, file);
    else
        snprintf(path, 512, "%s/../shared/traces/%s", MIR_SOURCE_DIR, file);
    return access(path, R_OK) == 0 ? path : NULL;
}

static void read_trace(const char *path, struct mir_joblog *log, struct mir_read_result *result)
{
    const struct mir_read_options options = {0};
    struct mir_error err = {{0}};

    mir_joblog_init(log);
    if (mir_log_read(path, &options, log, result, &err) != 0)
        fail_msg("%s", err.text);
}

/* README's means count what was cancelled while waiting as a wait. */
static double mean_wait_h(const struct mir_joblog *log)
{
    double sum = 0;

    for (size_t i = 0; i < log->n_jobs; i++) {
        const struct mir_job *job = &log->jobs[i];
        int32_t cancelled_s = mir_joblog_get_extra(log, job)->cancelled_s;

        sum += cancelled_s >= 0 ? cancelled_s : job->wait_s;
    }
    return sum / 3600 / (double)log->n_jobs;
}

static void check_counts(const struct trace *t, const char *path)
{
    struct mir_joblog log;
    struct mir_read_result result;
    double wait_h;

    read_trace(path, &log, &result);
    assert_int_equal(result.format, t->format);
    assert_int_equal(result.n_jobs, t->n_jobs);
    assert_int_equal(result.n_bad, t->n_bad);
    assert_int_equal(result.n_lines, result.n_jobs + result.n_bad + result.n_skipped);
    assert_int_equal(log.n_nodes, t->n_nodes);
    assert_int_equal(log.n_procs, t->n_procs);
    assert_true(log.sorted);
    assert_true(log.cap_jobs <= log.n_jobs * 3 / 2 + 64);
    if (t->n_users > 0)
        assert_int_equal(log.users.n - 1, t->n_users);
    wait_h = mean_wait_h(&log);
    if (wait_h < t->wait_mean_h - 0.06 || wait_h > t->wait_mean_h + 0.06)
        fail_msg("%s: mean wait %.3f h, README says %.2f h", t->file, wait_h, t->wait_mean_h);
    mir_joblog_release(&log);
}

static void counts_the_jobs_that_the_readme_counts(void **state)
{
    char path[512];
    int n = 0;

    (void)state;
    for (int i = 0; i < N_TRACES; i++) {
        if (shared(traces[i].file, path)) {
            check_counts(&traces[i], path);
            n++;
        }
    }
    if (n == 0)
        skip();
}

static void check_round_trip(const char *path)
{
    struct mir_joblog log, again;
    struct mir_read_result result;
    const struct mir_read_options options = {.strict = true};
    struct mir_error err = {{0}};
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    read_trace(path, &log, &result);
    assert_int_equal(mir_log_write(f, &log, &err), 0);
    fclose(f);
    mir_joblog_init(&again);
    if (mir_log_read_memory("again", text, len, &options, &again, &result, &err) != 0)
        fail_msg("%s: %s", path, err.text);
    assert_int_equal(result.format, MIR_FORMAT_MIRAGE);
    assert_int_equal(first_difference(&log, &again), SIZE_MAX);
    mir_joblog_release(&log);
    mir_joblog_release(&again);
    free(text);
}

static void gives_every_log_back_from_its_own_csv(void **state)
{
    char path[512];
    int n = 0;

    (void)state;
    for (int i = 0; i < N_TRACES; i++) {
        if (shared(traces[i].file, path)) {
            check_round_trip(path);
            n++;
        }
    }
    if (n == 0)
        skip();
}

static void refuses_what_is_no_job_log_and_says_what_it_is(void **state)
{
    static const struct {
        const char *file, *says;
    } cases[] = {
        {"drac-graham-2021_pending.csv.xz", "pending at noon"},
        {"philly-2017_arrivals.csv.xz", "neither limits nor users"},
        {"helios-15k.csv.xz", "neither waits nor limits"},
        {"alibaba-gpu-v2023-openb_pods.csv.xz", "Kubernetes"},
        {"alibaba-gpu-v2023-openb_nodes.csv.xz", "list of nodes"},
        {"iu-mason-pbs_2017-10_2017-12.csv.xz", "PBS"},
    };
    char path[512];
    int n = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct mir_read_options options = {0};
        struct mir_joblog log;
        struct mir_read_result result;
        struct mir_error err = {{0}};

        if (!shared(cases[i].file, path))
            continue;
        n++;
        mir_joblog_init(&log);
        assert_int_equal(mir_log_read(path, &options, &log, &result, &err), -EBADMSG);
        assert_int_equal(log.n_jobs, 0);
        if (!strstr(err.text, cases[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].file, err.text, cases[i].says);
        mir_joblog_release(&log);
    }
    if (n == 0)
        skip();
}

/* Whatever the format is forced to, no line of another format becomes a job. */
static void finds_no_job_in_a_log_of_another_format(void **state)
{
    char path[512];
    int n = 0;

    (void)state;
    for (int i = 0; i < N_TRACES; i++) {
        for (int f = MIR_FORMAT_MIRAGE; f <= MIR_FORMAT_GWU; f++) {
            const struct mir_read_options options = {.format = (enum mir_log_format)f};
            struct mir_joblog log;
            struct mir_read_result result;
            struct mir_error err = {{0}};

            if (f == (int)traces[i].format || traces[i].n_jobs > 50000 ||
                !shared(traces[i].file, path))
                continue;
            n++;
            mir_joblog_init(&log);
            assert_int_equal(mir_log_read(path, &options, &log, &result, &err), -EBADMSG);
            assert_int_equal(log.n_jobs, 0);
            assert_true(err.text[0] != '\0');
            mir_joblog_release(&log);
        }
    }
    if (n == 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_the_jobs_that_the_readme_counts),
        cmocka_unit_test(gives_every_log_back_from_its_own_csv),
        cmocka_unit_test(refuses_what_is_no_job_log_and_says_what_it_is),
        cmocka_unit_test(finds_no_job_in_a_log_of_another_format),
    };

    return cmocka_run_group_tests_name("reader_shared", tests, NULL, NULL);
}
