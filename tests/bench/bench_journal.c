/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_journal.c - how fast does the journal commit?  Wall time, not CPU time:
 * waiting for the disk is what it costs.  The file lies in $TMPDIR or /tmp.
 */
#include <inttypes.h>
#include <stdint.h>
#include <unistd.h>

#include "daemon/engine/journal.h"
#include "tests/bench/bench.h"

enum { N_CHAINS = 200 };

struct file {
    char folder[256];
    char path[300];
    struct mir_journal *j;
};

static bool make_file(struct file *f)
{
    const char *tmp = getenv("TMPDIR");
    struct mir_error err = {{0}};

    snprintf(f->folder, sizeof f->folder, "%.200s/bench_journal.XXXXXX",
             tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(f->folder) == NULL)
        return false;
    snprintf(f->path, sizeof f->path, "%s/journal.db", f->folder);
    if (mir_journal_open(f->path, &f->j, &err) == 0)
        return true;
    fprintf(stderr, "%s\n", err.text);
    rmdir(f->folder);
    return false;
}

static void remove_file(struct file *f)
{
    mir_journal_close(f->j);
    unlink(f->path);
    rmdir(f->folder);
}

static double wall_seconds_since(int64_t start_ns)
{
    return (double)(mir_clock_mono_ns() - start_ns) * 1e-9;
}

/* An intent is one row and one commit: nothing is submitted before it is on the disk. */
static double run_intents(struct mir_bench *b, void *context)
{
    struct file *f = context;
    struct mir_link_row row = {.state = MIR_LINK_INTENT, .policy = "avg", .decided_wait_s = -1};
    int n = b->quick ? 50 : 2000;
    int64_t start_ns = mir_clock_mono_ns(), max_ns = 0;

    for (int i = 0; i < n; i++) {
        int64_t one_ns = mir_clock_mono_ns();

        snprintf(row.chain, sizeof row.chain, "chain%03d", i % N_CHAINS);
        row.number = i / N_CHAINS;
        if (mir_journal_put_link(f->j, &row, NULL) != 0)
            return NAN;
        one_ns = mir_clock_mono_ns() - one_ns;
        max_ns = one_ns > max_ns ? one_ns : max_ns;
    }
    snprintf(b->note, sizeof b->note, "mode %s, slowest %.2f ms", mir_journal_mode(f->j),
             (double)max_ns * 1e-6);
    return n / wall_seconds_since(start_ns);
}

/* One look at the queue: a pass with its blob, a decision for each chain, one commit. */
static bool commit_pass(struct file *f, const void *queue, size_t len, int64_t at)
{
    const struct mir_pass_row pass = {.at = at, .n_nodes = 64, .queue = queue, .queue_len = len};
    struct mir_decision_row row = {.at = at, .policy = "avg", .reason = "too early by 3.2 h"};
    int rc = mir_journal_begin(f->j, NULL);

    if (rc == 0)
        rc = mir_journal_add_pass(f->j, &pass, &row.pass, NULL);
    for (int i = 0; rc == 0 && i < N_CHAINS; i++) {
        snprintf(row.chain, sizeof row.chain, "chain%03d", i);
        rc = mir_journal_add_decision(f->j, &row, NULL);
    }
    if (rc == 0)
        rc = mir_journal_commit(f->j, NULL);
    else
        mir_journal_rollback(f->j);
    return rc == 0;
}

static double run_decisions(struct mir_bench *b, void *context)
{
    static char queue[200000];
    int n = b->quick ? 2 : 50;
    int64_t start_ns = mir_clock_mono_ns();

    for (int i = 0; i < n; i++) {
        if (!commit_pass(context, queue, sizeof queue, i))
            return NAN;
    }
    return (double)n * N_CHAINS / wall_seconds_since(start_ns);
}

/* Forgetting what run_decisions() has written by then, which is a day's worth and more. */
static double run_prune(struct mir_bench *b, void *context)
{
    struct file *f = context;
    int n = b->quick ? 2 : 100;
    int64_t start_ns;

    for (int i = 0; i < n; i++) {
        if (!commit_pass(f, NULL, 0, i))
            return NAN;
    }
    start_ns = mir_clock_mono_ns();
    if (mir_journal_prune(f->j, n, NULL) != 0)
        return NAN;
    return (double)n * N_CHAINS / wall_seconds_since(start_ns);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        mir_bench_f run;
    } cases[] = {{"intents", run_intents}, {"decisions", run_decisions}, {"prune", run_prune}};
    struct mir_bench b = {0};
    int rc = mir_bench_options(&b, argc, argv);

    for (size_t i = 0; rc == 0 && i < sizeof cases / sizeof *cases; i++) {
        struct file f = {.j = NULL};

        if (!mir_bench_wants(&b, cases[i].name))
            continue;
        if (!make_file(&f))
            return 1;
        mir_bench_measure(&b, cases[i].name, "rows/s", cases[i].run, &f);
        remove_file(&f);
    }
    return rc != 0 ? rc : mir_bench_end(&b);
}
