/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * campaign.c - thousands of storms (storm.h) against the daemon's engine and its
 * journal: the daemon dies right after any commit, or at any moment, and comes
 * back seconds or hours later with what was on disk.  In no storm may a link have
 * two live jobs, or a job be touched that is not Mirage's; after the storm every
 * chain that is not over goes on.
 *
 *   campaign [--seeds N] [--first SEED] [--seed SEED] [--trace]
 *
 * A failure prints the command that replays it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/parse.h"
#include "daemon/engine/engine.h"
#include "tests/campaign/storm.h"

enum {
    STORM_S = 5 * 3600,
    CALM_S = 3 * 3600, /* longer than a link and the longest wait */
    WATCH_S = 3600,    /* of the calm, at its end: no chain may be dark for ... */
    DARK_MAX_S = 2400, /* ... longer than a wait (1500), two polls and a back-off */
    N_USERS = 3,
    MAX_CHAINS = 64,
};

struct run {
    uint64_t seed;
    bool trace;
    char dir[64];
    char path[96];
    struct mir_rng rng;
    struct mir_storm *storm;
    struct mir_journal *journal;
    struct mir_engine *engine; /* NULL: the daemon is dead */
    const struct mir_policy *policy;
    struct mir_engine_rule rule;
    struct mir_engine_settings settings;
    bool dying; /* a commit was the last thing that reached the disk */
    double crash_rate;
    int64_t wall_error_s;
    uint64_t n_deaths;
    char wrong[640];
};

/* What a campaign has seen in all. */
struct totals {
    struct mir_storm_counts storm;
    uint64_t n_deaths, n_chains, n_links, n_active, n_parked, n_ended;
};

static struct mir_now look_at_clocks(const struct run *r)
{
    return (struct mir_now){.wall = mir_storm_now(r->storm) + r->wall_error_s,
                            .mono_ns = mir_storm_mono_ns(r->storm)};
}

static void print_log(void *arg,
                      int priority,
                      const char *chain,
                      uint32_t job_id,
                      const char *token,
                      const char *text)
{
    const struct run *r = arg;

    if (r->trace)
        printf("%8lld    <%d> %s %u %.6s %s\n", (long long)(mir_storm_now(r->storm) % 1000000),
               priority, chain, job_id, token, text);
}

/* ---- Files: a crash leaves what was there at that very moment */

static int copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out;
    char buffer[65536];
    size_t n;

    if (in == NULL)
        return -errno;
    out = fopen(to, "wb");
    while (out != NULL && (n = fread(buffer, 1, sizeof(buffer), in)) > 0)
        fwrite(buffer, 1, n, out);
    fclose(in);
    if (out == NULL || fclose(out) != 0)
        return -EIO;
    return 0;
}

static void saved_name(const struct run *r, const char *suffix, char to[128])
{
    snprintf(to, 128, "%s.saved%s", r->path, suffix);
}

static void journal_name(const struct run *r, const char *suffix, char to[128])
{
    snprintf(to, 128, "%s%s", r->path, suffix);
}

static void each_file(const struct run *r, void (*f)(const char *journal, const char *saved))
{
    static const char *const suffixes[] = {"", "-wal", "-journal"};
    char journal[128], saved[128];

    for (size_t i = 0; i < 3; i++) {
        journal_name(r, suffixes[i], journal);
        saved_name(r, suffixes[i], saved);
        f(journal, saved);
    }
}

static void save_file(const char *journal, const char *saved)
{
    unlink(saved);
    (void)copy_file(journal, saved);
}

static void restore_file(const char *journal, const char *saved)
{
    unlink(journal);
    if (access(saved, F_OK) == 0)
        (void)rename(saved, journal);
}

static void remove_file(const char *journal, const char *saved)
{
    unlink(journal);
    unlink(saved);
}

static void die(struct run *r)
{
    each_file(r, save_file);
    mir_storm_daemon_dies(r->storm);
    r->dying = true;
    r->n_deaths++;
}

static void on_commit(void *arg)
{
    struct run *r = arg;

    if (!r->dying && mir_rng_double(&r->rng) < r->crash_rate) {
        if (r->trace)
            printf("            the daemon dies after a commit\n");
        die(r);
    }
}

/* What the dying daemon still did never happened. */
static void bury(struct run *r)
{
    mir_engine_destroy(r->engine);
    r->engine = NULL;
    mir_journal_on_commit(r->journal, NULL, NULL);
    mir_journal_close(r->journal);
    r->journal = NULL;
    each_file(r, restore_file);
    r->dying = false;
}

static int start_daemon(struct run *r, struct mir_error *err)
{
    uint64_t seed[4];
    int rc = mir_journal_open(r->path, &r->journal, err);

    if (rc != 0)
        return rc;
    mir_journal_on_commit(r->journal, on_commit, r);
    for (size_t i = 0; i < 4; i++)
        seed[i] = mir_rng_u64(&r->rng);
    rc = mir_engine_create(&r->settings, r->journal, mir_storm_live(r->storm), NULL, seed,
                           look_at_clocks(r), print_log, r, &r->engine, err);
    if (rc == 0)
        mir_storm_daemon_starts(r->storm);
    return rc;
}

/* ---- A storm */

static void on_event(void *arg, const struct mir_live_event *event)
{
    struct run *r = arg;

    if (r->engine != NULL && !r->dying)
        mir_engine_event(r->engine, look_at_clocks(r), event);
}

static void step(struct run *r)
{
    mir_storm_advance(r->storm, 1 + (int32_t)mir_rng_below(&r->rng, 3));
    mir_storm_deliver(r->storm, on_event, r);
    if (r->engine != NULL && !r->dying)
        (void)mir_engine_tick(r->engine, look_at_clocks(r));
}

static int live_through(struct run *r, int64_t until, struct mir_error *err)
{
    int64_t back_at = 0;
    int rc = 0;

    while (rc == 0 && mir_storm_now(r->storm) < until && mir_storm_wrong(r->storm)[0] == '\0') {
        step(r);
        if (r->engine != NULL && !r->dying && mir_rng_double(&r->rng) < r->crash_rate / 50)
            die(r);
        if (mir_rng_double(&r->rng) < 0.0005)
            r->wall_error_s = ((int64_t)mir_rng_below(&r->rng, 3) - 1) * 3600;
        if (r->dying) {
            bury(r);
            back_at = mir_storm_now(r->storm) + (mir_rng_double(&r->rng) < 0.8
                                                     ? (int64_t)mir_rng_below(&r->rng, 120)
                                                     : (int64_t)mir_rng_below(&r->rng, 5400));
        }
        if (r->engine == NULL && mir_storm_now(r->storm) >= back_at)
            rc = start_daemon(r, err);
    }
    if (rc == 0 && r->engine == NULL)
        rc = start_daemon(r, err);
    return rc;
}

/* ---- The verdict */

struct chain_list {
    struct mir_chain_row rows[MAX_CHAINS];
    uint32_t first_job[MAX_CHAINS];
    int64_t dark_since[MAX_CHAINS]; /* 0: not dark */
    size_t n;
};

static int keep_chain(void *arg, const struct mir_chain_row *row)
{
    struct chain_list *list = arg;

    if (list->n < MAX_CHAINS)
        list->rows[list->n++] = *row;
    return 0;
}

static int keep_first_job(void *arg, const struct mir_link_row *row)
{
    if (row->number == 0)
        *(uint32_t *)arg = row->job.id;
    return 0;
}

static int count_links(void *arg, const struct mir_link_row *row)
{
    *(uint64_t *)arg += row->number > 0 && row->job.id != 0;
    return 0;
}

static void read_chains(struct run *r, struct chain_list *list)
{
    struct mir_error err = {{0}};

    list->n = 0;
    (void)mir_journal_each_chain(r->journal, false, keep_chain, list, &err);
    for (size_t i = 0; i < list->n; i++) {
        list->first_job[i] = 0;
        (void)mir_journal_each_link(r->journal, list->rows[i].id, keep_first_job,
                                    &list->first_job[i], &err);
    }
}

static void judge_one(struct run *r, struct chain_list *list, size_t i, bool last)
{
    const struct mir_chain_row *c = &list->rows[i];
    struct mir_storm_alive alive = mir_storm_alive(r->storm, c->id, list->first_job[i], c->uid);
    int64_t now = mir_storm_now(r->storm);

    if (c->state != MIR_CHAIN_ACTIVE || alive.n_pending + alive.n_running > 0)
        list->dark_since[i] = now;
    if (r->wrong[0] != '\0')
        return;
    if (now - list->dark_since[i] > DARK_MAX_S)
        snprintf(r->wrong, sizeof(r->wrong),
                 "chain %s (link 0: job %u) is active, but dark for %d s", c->id,
                 list->first_job[i], DARK_MAX_S);
    if (last && c->state == MIR_CHAIN_ENROLLING)
        snprintf(r->wrong, sizeof(r->wrong), "chain %s is still enrolling", c->id);
    if (last && c->state == MIR_CHAIN_ENDED && alive.n_pending > 0)
        snprintf(r->wrong, sizeof(r->wrong), "chain %s has ended (%s), but a job of it waits",
                 c->id, c->reason);
}

static void watch_calm(struct run *r, struct chain_list *list)
{
    int64_t until = mir_storm_now(r->storm) + WATCH_S;

    read_chains(r, list);
    for (size_t i = 0; i < list->n; i++)
        list->dark_since[i] = mir_storm_now(r->storm);
    while (mir_storm_now(r->storm) < until) {
        for (int i = 0; i < 20; i++)
            step(r);
        read_chains(r, list);
        for (size_t i = 0; i < list->n; i++)
            judge_one(r, list, i, mir_storm_now(r->storm) >= until);
    }
}

static void add_up(struct run *r, const struct chain_list *list, struct totals *t)
{
    const struct mir_storm_counts *c = mir_storm_counts(r->storm);
    struct mir_error err = {{0}};
    const uint64_t *from = (const uint64_t *)c;
    uint64_t *to = (uint64_t *)&t->storm;

    for (size_t i = 0; i < sizeof(*c) / sizeof(uint64_t); i++)
        to[i] += from[i];
    t->n_deaths += r->n_deaths;
    t->n_chains += list->n;
    for (size_t i = 0; i < list->n; i++) {
        t->n_active += list->rows[i].state == MIR_CHAIN_ACTIVE;
        t->n_parked += list->rows[i].state == MIR_CHAIN_PARKED;
        t->n_ended += list->rows[i].state == MIR_CHAIN_ENDED;
        (void)mir_journal_each_link(r->journal, list->rows[i].id, count_links, &t->n_links, &err);
    }
}

static void set_up(struct run *r)
{
    struct mir_storm_settings weather = {.seed = r->seed,
                                         .accounting = r->seed % 4 != 0,
                                         .fault_rate = 0.3,
                                         .limit_s = 3600,
                                         .verbose = r->trace};

    mir_rng_init_stream(&r->rng, r->seed, 1);
    r->crash_rate = r->seed % 3 == 0 ? 0.02 : 0.004;
    r->storm = mir_storm_create(&weather, 1700000000);
    r->rule = (struct mir_engine_rule){.policy = r->policy, .weight = 0.5};
    r->settings = (struct mir_engine_settings){.mode = MIR_MODE_ACT,
                                               .rules = &r->rule,
                                               .n_rules = 1,
                                               .period_s = 300,
                                               .poll_s = 60,
                                               .fail_within_s = 120,
                                               .max_failures = 3,
                                               .backoff_s = 60,
                                               .finish_margin_s = 600,
                                               .done_on_success = true,
                                               .chains_per_user = 20,
                                               .history_days = 1,
                                               .keep_days = 30,
                                               .history_max = 10000,
                                               .enroll_by_comment = true,
                                               .kill_file = "",
                                               .min_uid = 1000};
    for (uint32_t i = 0; i < N_USERS; i++)
        mir_storm_enroll(r->storm, 1000 + i);
}

static void tear_down(struct run *r)
{
    mir_engine_destroy(r->engine);
    mir_journal_close(r->journal);
    mir_storm_destroy(r->storm);
    each_file(r, remove_file);
}

static bool run_seed(struct run *r, struct totals *totals)
{
    struct chain_list *list = MIR_NEW(struct chain_list);
    struct mir_error err = {{0}};
    int64_t began;
    int rc;

    set_up(r);
    began = mir_storm_now(r->storm);
    rc = start_daemon(r, &err);
    for (int hour = 1; hour <= STORM_S / 3600 && rc == 0; hour++) {
        rc = live_through(r, began + hour * 3600, &err);
        mir_storm_enroll(r->storm, 1000 + (uint32_t)hour % N_USERS);
    }
    r->crash_rate = 0;
    mir_storm_calm(r->storm);
    if (rc == 0)
        rc = live_through(r, began + STORM_S + CALM_S, &err);
    if (rc != 0)
        snprintf(r->wrong, sizeof(r->wrong), "the daemon does not start again: %s", err.text);
    else
        watch_calm(r, list);
    if (mir_storm_wrong(r->storm)[0] != '\0')
        snprintf(r->wrong, sizeof(r->wrong), "%s", mir_storm_wrong(r->storm));
    add_up(r, list, totals);
    tear_down(r);
    free(list);
    return r->wrong[0] == '\0';
}

static void print_totals(const struct totals *t, uint64_t n_seeds, double seconds)
{
    const struct mir_storm_counts *c = &t->storm;

    printf("%" PRIu64 " storms in %.1f s: %" PRIu64 " chains, %" PRIu64 " successors journalled, "
           "%" PRIu64 " submitted\n"
           "faults: %" PRIu64 " deaths of the daemon, %" PRIu64 " of slurmctld, %" PRIu64
           " lost replies (%" PRIu64 " of them late submissions), %" PRIu64
           " acknowledged jobs forgotten, %" PRIu64 " ids reused, %" PRIu64 " half lists, %" PRIu64
           " requeues, %" PRIu64 " failures, %" PRIu64 " cancelled by people\n"
           "at the end: %" PRIu64 " active, %" PRIu64 " parked, %" PRIu64 " ended\n",
           n_seeds, seconds, t->n_chains, t->n_links, c->n_submitted, t->n_deaths, c->n_crashes,
           c->n_lost_replies, c->n_late, c->n_forgotten, c->n_reused_ids, c->n_half_lists,
           c->n_requeued, c->n_failed, c->n_cancelled_by_people, t->n_active, t->n_parked,
           t->n_ended);
}

static int make_dir(char dir[64])
{
    snprintf(dir, 64, "/dev/shm/mirage-campaign.XXXXXX");
    if (mkdtemp(dir) != NULL)
        return 0;
    snprintf(dir, 64, "/tmp/mirage-campaign.XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -errno;
}

static int campaign(uint64_t first, uint64_t n_seeds, bool trace)
{
    static const char *const specs[] = {"reactive", "lead:hours=0.4", "avg", "lead:hours=0.9"};
    struct totals totals = {0};
    int64_t began_ns = mir_clock_mono_ns();
    uint64_t n_wrong = 0;
    char dir[64];

    if (make_dir(dir) != 0) {
        perror("campaign: temporary folder");
        return 1;
    }
    for (uint64_t seed = first; seed < first + n_seeds && n_wrong < 5; seed++) {
        struct run r = {.seed = seed, .trace = trace};
        struct mir_policy *policy = NULL;
        struct mir_error err = {{0}};

        snprintf(r.path, sizeof(r.path), "%s/journal.db", dir);
        if (mir_policy_create(specs[seed % 4], &policy, &err) != 0) {
            fprintf(stderr, "campaign: %s\n", err.text);
            return 1;
        }
        r.policy = policy;
        if (!run_seed(&r, &totals)) {
            n_wrong++;
            printf("seed %" PRIu64 ": %s\n  replay: campaign --seed %" PRIu64 " --trace\n", seed,
                   r.wrong, seed);
        }
        mir_policy_destroy(policy);
    }
    rmdir(dir);
    print_totals(&totals, n_seeds, (double)(mir_clock_mono_ns() - began_ns) / 1e9);
    return n_wrong == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'},
        {"first", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},
        {"trace", no_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    int64_t first = 1, n_seeds = 200, value;
    bool trace = false;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 't') {
            trace = true;
        } else if (c == '?' || mir_parse_i64(optarg, strlen(optarg), &value) != 0 || value < 0) {
            fprintf(stderr, "usage: campaign [--seeds N] [--first SEED] [--seed SEED] [--trace]\n");
            return 2;
        } else if (c == 'n') {
            n_seeds = value;
        } else {
            first = value;
            n_seeds = c == 's' ? 1 : n_seeds;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    return campaign((uint64_t)first, (uint64_t)n_seeds, trace);
}
