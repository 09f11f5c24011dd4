/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_journal_file.c - what the journal holds after kills, a full disk and strange files. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "daemon/core/clock.h"
#include "daemon/core/rng.h"
#include "daemon/engine/journal.h"
#include "daemon/engine/journal_file.h"
#include "tests/unit/journal_rig.h"

enum { USER_VERSION_AT = 60, APPLICATION_ID_AT = 68 }; /* in SQLite's file header, big-endian */

/* A folder of the test's own, and a file in it. */
struct place {
    char folder[64];
    char path[96];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);

    assert_non_null(p);
    snprintf(p->folder, sizeof p->folder, "/tmp/test_journal.XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/journal.db", p->folder);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    static const char *const tails[] = {"", "-wal", "-journal", "-shm"};
    struct place *p = *state;
    char path[128];

    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        snprintf(path, sizeof path, "%s%s", p->path, tails[i]);
        unlink(path);
    }
    rmdir(p->folder);
    free(p);
    return 0;
}

static int refusal(const char *path, struct mir_error *err)
{
    struct mir_journal *j = NULL;
    int rc = mir_journal_open(path, &j, err);

    assert_true((rc == 0) == (j != NULL));
    mir_journal_close(j);
    return rc;
}

static void patch(const char *path, off_t at, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
    close(fd);
}

static off_t size_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void make_full_file(const char *path)
{
    struct mir_journal *j = open_journal(path, NULL);

    fill_for_pruning(j);
    mir_journal_close(j);
}

static void survives_being_closed_and_opened(void **state)
{
    const struct place *p = *state;
    struct mir_journal *j = open_journal(p->path, NULL);
    struct mir_chain_row row = a_chain("aaaaaaaa", MIR_CHAIN_ACTIVE, 0);
    struct chains_seen seen;
    struct stat st;

    assert_string_equal(mir_journal_mode(j), "wal");
    assert_int_equal(mir_journal_put_chain(j, &row, NULL), 0);
    mir_journal_close(j);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    j = open_journal(p->path, NULL);
    assert_int_equal(chains_of(j, false, &seen), 1);
    check_equal(&row, &seen.rows[0]);
    mir_journal_close(j);
}

static void moves_between_modes_without_loss(void **state)
{
    static const char *const modes[] = {"wal", "truncate", "wal"};
    const struct place *p = *state;
    int64_t value = 0;

    for (int64_t i = 0; i < 3; i++) {
        struct mir_journal *j = open_journal(p->path, modes[i]);

        assert_string_equal(mir_journal_mode(j), modes[i]);
        if (i > 0)
            assert_int_equal(mir_journal_get(j, "round", &value, NULL), 0);
        assert_int_equal(value, i);
        assert_int_equal(mir_journal_set(j, "round", i + 1, NULL), 0);
        mir_journal_close(j);
    }
}

static void uses_no_shared_memory_on_network_file_systems(void **state)
{
    (void)state;
    assert_string_equal(mir_journal_file_mode_on(0x6969), "truncate");     /* nfs */
    assert_string_equal(mir_journal_file_mode_on(0xff534d42), "truncate"); /* cifs */
    assert_string_equal(mir_journal_file_mode_on(0x0bd00bd0), "truncate"); /* lustre */
    assert_string_equal(mir_journal_file_mode_on(0xef53), "wal");          /* ext4 */
    assert_string_equal(mir_journal_file_mode_on(0x58465342), "wal");      /* xfs */
    assert_string_equal(mir_journal_file_mode(":memory:"), "memory");
    assert_string_equal(mir_journal_file_mode("/nonexistent/a/b"), "truncate");
}

static void refuses_a_folder_that_is_not_there(void **state)
{
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(refusal("/nonexistent/journal.db", &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/journal.db"));
}

static void refuses_what_is_no_database(void **state)
{
    const struct place *p = *state;
    struct mir_error err = {{0}};
    char text[5000];
    int fd = open(p->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    memset(text, 'x', sizeof text);
    assert_int_equal(write(fd, text, sizeof text), (ssize_t)sizeof text);
    close(fd);
    assert_int_equal(refusal(p->path, &err), -EBADMSG);
    assert_int_equal(size_of(p->path), sizeof text); /* left alone */
}

static void refuses_another_programs_database(void **state)
{
    const struct place *p = *state;
    struct mir_error err = {{0}};

    make_full_file(p->path);
    patch(p->path, APPLICATION_ID_AT, "\x0f\x05\x51\x12", 4);
    assert_int_equal(refusal(p->path, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "0f055112"));
    patch(p->path, APPLICATION_ID_AT, "\0\0\0\0", 4); /* has tables, so not a new one */
    assert_int_equal(refusal(p->path, &err), -EBADMSG);
}

static void refuses_a_newer_version_and_names_both(void **state)
{
    const struct place *p = *state;
    struct mir_error err = {{0}};
    char wanted[32];

    make_full_file(p->path);
    patch(p->path, USER_VERSION_AT, "\0\0\0\x2a", 4);
    assert_int_equal(refusal(p->path, &err), -EPROTO);
    assert_non_null(strstr(err.text, "version 42"));
    snprintf(wanted, sizeof wanted, "up to %d", MIR_JOURNAL_VERSION);
    assert_non_null(strstr(err.text, wanted));
    patch(p->path, USER_VERSION_AT, (const char[]){0, 0, 0, MIR_JOURNAL_VERSION}, 4);
    assert_int_equal(refusal(p->path, &err), 0);
}

static int take_name(void *arg, const struct mir_live_past *past)
{
    snprintf(arg, 64, "%u %s %s", past->id, past->user, past->name);
    return 0;
}

/* What the first version had not: a column of names, and lumps of bytes. */
static void takes_up_a_file_of_the_first_version(void **state)
{
    const struct place *p = *state;
    struct mir_live_past past = {.id = 7, .start_at = 5, .user = "ann", .name = "lost"};
    struct mir_journal *j = open_journal(p->path, "truncate");
    struct mir_error err = {{0}};
    sqlite3 *db = NULL;
    char seen[64] = "";

    assert_int_equal(mir_journal_add_start(j, &past, NULL), 0);
    assert_int_equal(mir_journal_set(j, "drained", 1, NULL), 0);
    mir_journal_close(j);
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "ALTER TABLE start DROP COLUMN name;DROP TABLE blob;"
                                  "ALTER TABLE decision DROP COLUMN fan;"
                                  "PRAGMA user_version=1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    for (int i = 0; i < 2; i++) { /* the second time there is nothing to do */
        int64_t drained = 0;

        j = open_journal(p->path, "truncate");
        assert_int_equal(mir_journal_each_start(j, 9, take_name, seen, &err), 0);
        assert_string_equal(seen, i == 0 ? "7 ann " : "8 ann new");
        assert_int_equal(mir_journal_get(j, "drained", &drained, NULL), 0);
        assert_int_equal(drained, 1);
        assert_int_equal(mir_journal_set_blob(j, "b", "x", 1, &err), 0);
        past = (struct mir_live_past){.id = 8, .start_at = 6, .user = "ann", .name = "new"};
        assert_int_equal(mir_journal_add_start(j, &past, NULL), 0);
        mir_journal_close(j);
    }
}

static int count_fans(void *arg, const struct mir_decision_row *row)
{
    char *seen = arg;
    size_t len = strlen(seen);

    snprintf(seen + len, 64 - len, "%d:%.*s ", (int)row->link, (int)row->fan.len,
             row->fan.bytes != NULL ? (const char *)row->fan.bytes : "");
    return 0;
}

/* The second knew no fans: its decisions have none, those that come may have one. */
static void takes_up_a_file_of_the_second_version(void **state)
{
    const struct place *p = *state;
    struct mir_decision_row row = {.chain = "aaaaaaaa", .link = 1};
    struct mir_journal *j = open_journal(p->path, "truncate");
    sqlite3 *db = NULL;

    assert_int_equal(mir_journal_add_decision(j, &row, NULL), 0);
    mir_journal_close(j);
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "ALTER TABLE decision DROP COLUMN fan;PRAGMA user_version=2",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    for (int i = 0; i < 2; i++) { /* the second time there is nothing to do */
        char seen[64] = "";

        j = open_journal(p->path, "truncate");
        assert_int_equal(mir_journal_each_decision(j, NULL, 9, count_fans, seen, NULL), 0);
        assert_string_equal(seen, i == 0 ? "1: " : "1: 2:why ");
        row.link = 2;
        row.fan = (struct mir_journal_bytes){"why", 3};
        assert_int_equal(mir_journal_add_decision(j, &row, NULL), 0);
        mir_journal_close(j);
    }
}

static void refuses_a_truncated_file(void **state)
{
    const struct place *p = *state;
    struct mir_error err = {{0}};

    make_full_file(p->path);
    assert_int_equal(truncate(p->path, size_of(p->path) / 2), 0);
    assert_int_equal(refusal(p->path, &err), -EBADMSG);
    assert_int_equal(truncate(p->path, 50), 0);
    assert_int_equal(refusal(p->path, &err), -EBADMSG);
}

static void refuses_a_file_with_a_spoilt_page(void **state)
{
    const struct place *p = *state;
    struct mir_error err = {{0}};
    unsigned char page[4096];

    make_full_file(p->path);
    memset(page, 0xa5, sizeof page);
    patch(p->path, (size_of(p->path) / 4096 / 2) * 4096, page, sizeof page);
    assert_int_equal(refusal(p->path, &err), -EBADMSG);
}

static void keeps_a_second_one_out(void **state)
{
    static const char *const modes[] = {"wal", "truncate"};
    const struct place *p = *state;
    struct mir_error err = {{0}};

    for (size_t i = 0; i < 2; i++) {
        struct mir_journal *j = open_journal(p->path, modes[i]);
        int status = 0;
        pid_t pid;

        assert_int_equal(refusal(p->path, &err), -EBUSY);
        assert_non_null(strstr(err.text, "another process"));
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct mir_journal *second = NULL;

            _exit(mir_journal_open(p->path, &second, NULL) == -EBUSY ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_int_equal(mir_journal_set(j, "a", 1, NULL), 0); /* the first works on */
        mir_journal_close(j);
    }
}

/* ---- killed in the middle */

struct audit {
    int64_t n_links, n_events;
};

static int audit_link(void *arg, const struct mir_link_row *row)
{
    struct audit *a = arg;

    assert_int_equal(row->number, a->n_links); /* none is missing */
    assert_int_equal(row->state, MIR_LINK_INTENT);
    assert_int_equal(row->planned_at, 1000 + a->n_links);
    a->n_links++;
    return 0;
}

static int audit_event(void *arg, const char *chain, int32_t link, int64_t at, const char *text)
{
    struct audit *a = arg;

    (void)chain;
    (void)text;
    assert_int_equal(link, a->n_events);
    assert_int_equal(at, 1000 + a->n_events);
    a->n_events++;
    return 0;
}

/* Number of commits that the file holds; each has a link, an event and a fact, or nothing of it. */
static int64_t audited(const char *path, const char *mode)
{
    struct mir_journal *j = open_journal(path, mode);
    struct audit a = {0};
    int64_t n = 0;
    int rc = mir_journal_get(j, "n", &n, NULL);

    assert_true(rc == 0 || rc == -ENOENT);
    assert_int_equal(mir_journal_each_link(j, "aaaaaaaa", audit_link, &a, NULL), 0);
    assert_int_equal(mir_journal_each_event(j, "aaaaaaaa", SIZE_MAX, audit_event, &a, NULL), 0);
    assert_int_equal(a.n_links, n);
    assert_int_equal(a.n_events, n);
    mir_journal_close(j);
    return n;
}

static int commit_one(struct mir_journal *j, int64_t i)
{
    struct mir_link_row row = a_link("aaaaaaaa", (int32_t)i);
    char text[400];

    row.planned_at = 1000 + i;
    memset(text, 'a' + (int)(i % 26), sizeof text - 1); /* several pages soon */
    text[sizeof text - 1] = '\0';
    if (mir_journal_begin(j, NULL) != 0)
        return -EIO;
    mir_journal_put_link(j, &row, NULL);
    mir_journal_add_event(j, row.chain, row.number, row.planned_at, text, NULL);
    mir_journal_set(j, "n", i + 1, NULL);
    return mir_journal_commit(j, NULL);
}

/* In a process of its own, until it is killed: commit, then say so. */
static void write_until_killed(const char *path, const char *mode, int64_t i, int report)
{
    struct mir_journal *j = NULL;

    if (mir_journal_open_as(path, mode, &j, NULL) != 0)
        _exit(1);
    for (;; i++) {
        int64_t n = i + 1;

        if (commit_one(j, i) != 0 || write(report, &n, sizeof n) != (ssize_t)sizeof n)
            _exit(2);
    }
}

/* Kill it `after_ns`, or, with `first`, so long after its first commit.  Returns how many were reported. */
static int64_t
kill_a_writer(const char *path, const char *mode, int64_t n, int64_t after_ns, bool first)
{
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)after_ns};
    int report[2], status = 0;
    int64_t reported;
    pid_t pid;

    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        write_until_killed(path, mode, n, report[1]);
    close(report[1]);
    if (first)
        assert_int_equal(read(report[0], &n, sizeof n), sizeof n);
    nanosleep(&pause, NULL);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status)); /* it did not fail by itself */
    while (read(report[0], &reported, sizeof reported) == (ssize_t)sizeof reported)
        n = reported;
    close(report[0]);
    return n;
}

static void kill_writers(const char *path, const char *mode, int n_rounds)
{
    uint64_t seed = (uint64_t)mir_clock_mono_ns();
    int64_t n = 0, n_unreported = 0;
    struct mir_rng rng;

    print_message("seed %llu\n", (unsigned long long)seed);
    mir_rng_init(&rng, seed);
    for (int i = 0; i < n_rounds; i++) {
        int64_t after_ns = (int64_t)mir_rng_below(&rng, 20 * 1000 * 1000);
        /* Every second one when a slow disk has let it begin: most die in the middle of something. */
        int64_t reported = kill_a_writer(path, mode, n, after_ns, i % 2 == 1);

        n = audited(path, mode);
        assert_true(n == reported || n == reported + 1);
        n_unreported += n - reported;
    }
    print_message("%d kills, %d commits, %d not reported\n", n_rounds, (int)n, (int)n_unreported);
    assert_true(n >= n_rounds / 2);
}

static void holds_all_commits_and_nothing_else_after_200_kills(void **state)
{
    kill_writers(((const struct place *)*state)->path, "wal", 200);
}

static void holds_all_commits_after_kills_in_truncate_mode(void **state)
{
    kill_writers(((const struct place *)*state)->path, "truncate", 50);
}

/* ---- a full disk */

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Small rows, a commit each, into what is too little space for large ones.  Returns the error. */
static int fill_with_starts(struct mir_journal *j, int *n, struct mir_error *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < 20000; i++) {
        struct mir_live_past past = {.id = (uint32_t)*n, .start_at = 1000};

        rc = mir_journal_add_start(j, &past, err);
        *n += rc == 0;
    }
    return rc;
}

static void fill_the_disk(const char *path, const char *mode)
{
    struct mir_journal *j = open_journal(path, mode);
    struct mir_error err = {{0}};
    int n_starts = 0, n_starts_seen = 0;
    struct audit a = {0};
    int64_t n = 0;
    int rc = 0;

    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 300000; limit <= 1500000; limit += 300123) {
        limit_file_size(limit);
        for (rc = 0; rc == 0 && n < 5000; n += rc == 0)
            rc = commit_one(j, n);
        assert_int_equal(rc, -ENOSPC);
        assert_int_equal(fill_with_starts(j, &n_starts, &err), -ENOSPC);
        assert_int_equal(fill_with_starts(j, &n_starts, &err), -ENOSPC); /* and still */
        assert_int_equal(commit_one(j, n), -ENOSPC);
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(commit_one(j, n), 0); /* there is space again */
        n++;
    }
    assert_non_null(strstr(err.text, path));
    assert_int_equal(mir_journal_each_link(j, "aaaaaaaa", audit_link, &a, NULL), 0);
    assert_int_equal(a.n_links, n);
    assert_int_equal(mir_journal_each_start(j, SIZE_MAX, count_start, &n_starts_seen, NULL), 0);
    assert_int_equal(n_starts_seen, n_starts);
    mir_journal_close(j);
    assert_int_equal(audited(path, mode), n);
}

static void a_full_disk_leaves_nothing_half_written(void **state)
{
    fill_the_disk(((const struct place *)*state)->path, "wal");
}

static void a_full_disk_leaves_nothing_half_written_in_truncate_mode(void **state)
{
    fill_the_disk(((const struct place *)*state)->path, "truncate");
}

/* The process dies while the disk is full: what failed must not come back with recovery. */
static void what_a_full_disk_refused_is_not_there_after_a_kill(void **state)
{
    const struct place *p = *state;
    int report[2], status = 0;
    int64_t n = -1;
    pid_t pid;

    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct mir_journal *j = NULL;

        signal(SIGXFSZ, SIG_IGN);
        if (mir_journal_open(p->path, &j, NULL) != 0)
            _exit(1);
        limit_file_size(1000000);
        for (n = 0; commit_one(j, n) == 0; n++)
            ;
        if (write(report[1], &n, sizeof n) != (ssize_t)sizeof n)
            _exit(2);
        kill(getpid(), SIGKILL);
    }
    close(report[1]);
    assert_int_equal(read(report[0], &n, sizeof n), (ssize_t)sizeof n);
    close(report[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(n > 10);
    assert_int_equal(audited(p->path, NULL), n);
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(survives_being_closed_and_opened),
        IN_PLACE(moves_between_modes_without_loss),
        cmocka_unit_test(uses_no_shared_memory_on_network_file_systems),
        cmocka_unit_test(refuses_a_folder_that_is_not_there),
        IN_PLACE(refuses_what_is_no_database),
        IN_PLACE(refuses_another_programs_database),
        IN_PLACE(refuses_a_newer_version_and_names_both),
        IN_PLACE(takes_up_a_file_of_the_first_version),
        IN_PLACE(takes_up_a_file_of_the_second_version),
        IN_PLACE(refuses_a_truncated_file),
        IN_PLACE(refuses_a_file_with_a_spoilt_page),
        IN_PLACE(keeps_a_second_one_out),
        IN_PLACE(holds_all_commits_and_nothing_else_after_200_kills),
        IN_PLACE(holds_all_commits_after_kills_in_truncate_mode),
        IN_PLACE(a_full_disk_leaves_nothing_half_written),
        IN_PLACE(a_full_disk_leaves_nothing_half_written_in_truncate_mode),
        IN_PLACE(what_a_full_disk_refused_is_not_there_after_a_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
