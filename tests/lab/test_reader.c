/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_reader.c - the broker's reader against a real slurmctld and slurmdbd: what it
 * says of jobs is held against what was submitted with sbatch.  Runs inside a started
 * lab (SLURM_CONF in the environment) as root, because it submits as a user; exits 77
 * elsewhere.  MIR_LAB_USER names that user, default alice.
 */
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/broker/broker.h"
#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"

enum { PATIENCE_S = 60, JOBS_MAX = 64 };

/* One record of an answer; its strings point into `text`. */
struct line {
    char *text;
    struct mir_wire_record record;
};

struct answer {
    struct line *lines;
    size_t n, cap;
};

struct reader {
    pid_t pid;
    int fd;
    FILE *in;
};

static struct reader reader;
static const char *user;
static uint32_t submitted[JOBS_MAX];
static size_t n_submitted;

/* A reader that runs as nobody, as the daemon's user is nobody to Slurm. */
static struct reader start_reader(void)
{
    struct mir_broker_settings settings = {.slurm_conf = ""};
    struct reader r;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    r.pid = fork();
    assert_true(r.pid >= 0);
    if (r.pid == 0) {
        close(pair[0]);
        if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
            _exit(99);
        _exit(mir_reader_run(pair[1], &settings));
    }
    close(pair[1]);
    r.fd = pair[0];
    r.in = fdopen(pair[0], "r");
    assert_non_null(r.in);
    return r;
}

/* Close and wait; the child's wait(2) status. */
static int stop_reader(struct reader *r)
{
    int status = -1;

    fclose(r->in);
    waitpid(r->pid, &status, 0);
    return status;
}

static void release_answer(struct answer *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->lines[i].text);
    free(a->lines);
    *a = (struct answer){0};
}

static bool is_last(const char *verb)
{
    return strcmp(verb, "done") == 0 || strcmp(verb, "failed") == 0 ||
           strcmp(verb, "unchanged") == 0;
}

/* Ask; the last line of the answer is its closing record. */
static struct answer ask(const char *question)
{
    struct answer a = {0};
    struct line *line;

    assert_true(dprintf(reader.fd, "%s\n", question) > 0);
    do {
        struct mir_error err = {0};
        char *text = NULL;
        size_t cap = 0;
        ssize_t n = getline(&text, &cap, reader.in);

        if (n <= 0)
            fail_msg("the reader closed at: %s", question);
        a.lines = mir_grow(a.lines, &a.cap, a.n + 1, sizeof *a.lines);
        line = &a.lines[a.n++];
        line->text = text;
        if (mir_wire_parse(text, (size_t)n - 1, &line->record, &err) != 0)
            fail_msg("%s: %s", question, err.text);
    } while (!is_last(line->record.verb));
    return a;
}

static const struct mir_wire_record *closing(const struct answer *a)
{
    return &a->lines[a->n - 1].record;
}

/* Absent is 0. */
static int64_t number(const struct mir_wire_record *r, const char *key)
{
    int64_t value = 0;

    mir_wire_get_i64(r, key, INT64_MIN, INT64_MAX, &value, NULL);
    return value;
}

static const char *word(const struct mir_wire_record *r, const char *key)
{
    const char *value = mir_wire_get(r, key);

    return value == NULL ? "" : value;
}

/* First line of what `command` prints. */
static void run(const char *command, char *out, size_t cap)
{
    FILE *pipe = popen(command, "r");

    assert_non_null(pipe);
    if (fgets(out, (int)cap, pipe) == NULL)
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    pclose(pipe);
}

static int64_t run_number(const char *command)
{
    char text[64];

    run(command, text, sizeof text);
    return strtoll(text, NULL, 10);
}

static uint32_t submit(const char *options)
{
    char command[1024];
    int64_t id;

    snprintf(command, sizeof command,
             "setpriv --reuid=%s --regid=%s --init-groups "
             "sbatch --parsable -o /dev/null -D /tmp %s",
             user, user, options);
    id = run_number(command);
    if (id <= 0)
        fail_msg("sbatch %s", options);
    assert_true(n_submitted < JOBS_MAX);
    submitted[n_submitted++] = (uint32_t)id;
    return (uint32_t)id;
}

static void control(const char *verb, uint32_t id)
{
    char command[256];

    snprintf(command, sizeof command, "%s %u", verb, id);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static struct answer ask_job(uint32_t id)
{
    char question[64];
    struct answer a;

    snprintf(question, sizeof question, "job ticket=5 id=%u", id);
    a = ask(question);
    assert_string_equal(closing(&a)->verb, "done");
    return a;
}

static bool job_matches(const struct mir_wire_record *r, const char *state, int64_t flags)
{
    return strcmp(word(r, "state"), state) == 0 && (number(r, "flags") & flags) == flags;
}

/* Until the job is in `state` with all of `flags`; its record is the answer's first line. */
static struct answer wait_for(uint32_t id, const char *state, int64_t flags)
{
    int64_t until_ns = mir_clock_mono_ns() + PATIENCE_S * 1000000000LL;

    for (;;) {
        struct answer a = ask_job(id);

        if (a.n == 2 && job_matches(&a.lines[0].record, state, flags))
            return a;
        if (mir_clock_mono_ns() > until_ns)
            fail_msg("job %u is not %s: %s, flags %lld", id, state,
                     word(&a.lines[0].record, "state"),
                     (long long)number(&a.lines[0].record, "flags"));
        release_answer(&a);
        usleep(100000);
    }
}

static void a_job_held_by_its_user(void **state)
{
    uint32_t id = submit("-H --comment 'mirage:w=0.1 100%' -J 'a b' --wrap true");
    struct answer a = wait_for(id, "PENDING", MIR_LIVE_HELD_USER | MIR_LIVE_BATCH);
    const struct mir_wire_record *job = &a.lines[0].record;

    (void)state;
    assert_int_equal(number(job, "id"), id);
    assert_int_equal(number(job, "uid"), getpwnam(user)->pw_uid);
    assert_int_equal(number(job, "flags") & MIR_LIVE_HELD_ADMIN, 0);
    assert_string_equal(word(job, "user"), user);
    assert_string_equal(word(job, "comment"), "mirage:w=0.1 100%");
    assert_string_equal(word(job, "name"), "a b");
    assert_string_equal(word(job, "reason"), "JobHeldUser");
    assert_true(number(job, "eligible_at") == INT64_MAX);
    assert_int_equal(number(job, "tasks"), 1);
    release_answer(&a);
}

static void a_job_held_by_the_admin(void **state)
{
    uint32_t id = submit("--begin=now+1hour --wrap true");
    struct answer a;

    (void)state;
    control("scontrol hold", id);
    a = wait_for(id, "PENDING", MIR_LIVE_HELD_ADMIN);
    assert_int_equal(number(&a.lines[0].record, "flags") & MIR_LIVE_HELD_USER, 0);
    release_answer(&a);
}

static void a_job_that_begins_later(void **state)
{
    uint32_t id = submit("--begin=now+1hour --wrap true");
    struct answer a = wait_for(id, "PENDING", MIR_LIVE_BEGIN_LATER);
    const struct mir_wire_record *job = &a.lines[0].record;

    (void)state;
    /* sbatch counts the hour from its own call, slurmctld from the submission a moment later. */
    assert_in_range(number(job, "eligible_at") - number(job, "submit_at"), 3540, 3600);
    assert_int_equal(number(job, "end_at"), 0);
    release_answer(&a);
}

static void a_dependent_job(void **state)
{
    uint32_t first = submit("-H --wrap true"), id;
    char options[64];
    struct answer a;

    (void)state;
    snprintf(options, sizeof options, "-d afterany:%u --wrap true", first);
    id = submit(options);
    a = wait_for(id, "PENDING", MIR_LIVE_DEPENDENT);
    assert_int_equal(number(&a.lines[0].record, "flags"), MIR_LIVE_DEPENDENT | MIR_LIVE_BATCH);
    release_answer(&a);
}

/* More tasks than libslurm's own 64 bytes of task string would show. */
static void the_rest_of_an_array_counts_its_tasks(void **state)
{
    uint32_t id = submit("-H --array=1-199:3,300%2 --wrap true");
    struct answer a = wait_for(id, "PENDING", MIR_LIVE_ARRAY | MIR_LIVE_HELD_USER);
    char command[96];

    (void)state;
    snprintf(command, sizeof command, "squeue -r -h -o %%i -j %u | wc -l", id);
    assert_int_equal(number(&a.lines[0].record, "tasks"), run_number(command));
    assert_int_equal(number(&a.lines[0].record, "tasks"), 68);
    release_answer(&a);
}

static void parts_of_a_heterogeneous_job(void **state)
{
    uint32_t id = submit("-H -n1 : -n1 --wrap true");

    (void)state;
    for (uint32_t part = id; part < id + 2; part++) {
        struct answer a = wait_for(part, "PENDING", MIR_LIVE_HET);

        release_answer(&a);
    }
}

static void a_suspended_job_is_running(void **state)
{
    uint32_t id = submit("-t10 --wrap 'sleep 500'");
    struct answer a = wait_for(id, "RUNNING", 0);

    (void)state;
    assert_int_equal(number(&a.lines[0].record, "end_at") - number(&a.lines[0].record, "start_at"),
                     600);
    assert_int_equal(number(&a.lines[0].record, "limit_s"), 600);
    release_answer(&a);
    control("scontrol suspend", id);
    a = wait_for(id, "RUNNING", MIR_LIVE_SUSPENDED);
    release_answer(&a);
    control("scontrol resume", id);
    control("scancel", id);
}

static void a_requeued_job_has_restarted(void **state)
{
    uint32_t id = submit("-t10 --requeue --wrap 'sleep 500'");
    struct answer a = wait_for(id, "RUNNING", 0);

    (void)state;
    assert_int_equal(number(&a.lines[0].record, "restarts"), 0);
    release_answer(&a);
    control("scontrol requeuehold", id);
    a = wait_for(id, "PENDING", 0);
    assert_int_equal(number(&a.lines[0].record, "restarts"), 1);
    assert_true(
        (number(&a.lines[0].record, "flags") & (MIR_LIVE_HELD_USER | MIR_LIVE_HELD_ADMIN)) != 0);
    release_answer(&a);
}

static void a_job_without_a_limit(void **state)
{
    uint32_t id = submit("-H -t UNLIMITED --wrap true");
    struct answer a = wait_for(id, "PENDING", 0);

    (void)state;
    assert_null(mir_wire_get(&a.lines[0].record, "limit_s"));
    release_answer(&a);
}

static void ends_are_told_apart(void **state)
{
    uint32_t failed = submit("--wrap 'exit 3'"), killed = submit("--wrap 'kill -9 $$'"),
             waited = submit("-H --wrap true");
    struct answer a = wait_for(failed, "FAILED", 0);

    (void)state;
    assert_int_equal(number(&a.lines[0].record, "exit_code"), 3);
    release_answer(&a);
    a = wait_for(killed, "FAILED", 0);
    assert_int_equal(number(&a.lines[0].record, "exit_signal"), 9);
    assert_int_equal(number(&a.lines[0].record, "exit_code"), 0);
    release_answer(&a);
    control("scancel", waited);
    a = wait_for(waited, "CANCELLED", 0);
    assert_int_equal(number(&a.lines[0].record, "start_at"), 0);
    assert_true(number(&a.lines[0].record, "end_at") > 0);
    release_answer(&a);
}

static void an_unknown_job_is_nothing(void **state)
{
    struct answer a = ask_job(66000000);

    (void)state;
    assert_int_equal(a.n, 1);
    assert_int_equal(number(closing(&a), "n"), 0);
    release_answer(&a);
}

static void the_list_is_sorted_and_whole(void **state)
{
    struct answer a = ask("jobs ticket=77 since=0");
    const struct mir_wire_record *done = closing(&a);
    size_t n_ours = 0;

    (void)state;
    assert_string_equal(done->verb, "done");
    assert_int_equal(number(done, "n"), a.n - 1);
    assert_int_equal(number(done, "ticket"), 77);
    for (size_t i = 0; i + 1 < a.n; i++) {
        int64_t id = number(&a.lines[i].record, "id");

        if (i > 0)
            assert_true(id > number(&a.lines[i - 1].record, "id"));
        for (size_t k = 0; k < n_submitted; k++)
            n_ours += submitted[k] == id;
    }
    assert_int_equal(n_ours, n_submitted);
    assert_true(llabs(number(done, "at") - mir_clock_wall()) <= 5);
    release_answer(&a);
}

static void an_unchanged_list_is_not_sent(void **state)
{
    int64_t until_ns = mir_clock_mono_ns() + PATIENCE_S * 1000000000LL;
    int64_t since = 0;
    bool unchanged = false;

    (void)state;
    while (!unchanged && mir_clock_mono_ns() < until_ns) {
        char question[64];
        struct answer a;

        snprintf(question, sizeof question, "jobs ticket=1 since=%lld", (long long)since);
        a = ask(question);
        unchanged = strcmp(closing(&a)->verb, "unchanged") == 0;
        since = number(closing(&a), "last_update");
        release_answer(&a);
        usleep(50000);
    }
    assert_true(unchanged);
}

static void the_cluster_is_told_twice_alike(void **state)
{
    struct answer a = ask("cluster ticket=1"), b = ask("cluster ticket=1");
    char name[64];

    (void)state;
    assert_string_equal(closing(&a)->verb, "done");
    run("scontrol show config | sed -n 's/^ClusterName *= //p'", name, sizeof name);
    assert_string_equal(word(&a.lines[0].record, "name"), name);
    assert_int_equal(number(&a.lines[0].record, "nodes"),
                     run_number("sinfo -a -h -N -o %N | sort -u | wc -l"));
    assert_int_equal(a.n, b.n);
    assert_int_equal(number(&a.lines[0].record, "nodes"), number(&b.lines[0].record, "nodes"));
    assert_string_equal(a.lines[1].record.verb, "partition");
    assert_string_equal(word(&a.lines[1].record, "name"), word(&b.lines[1].record, "name"));
    release_answer(&a);
    release_answer(&b);
}

static void a_reservation_comes_and_goes(void **state)
{
    struct answer a;
    bool found = false;

    (void)state;
    control("scontrol create reservation=mirage_test starttime=now+1day duration=60 "
            "flags=maint,ignore_jobs nodes=ALL users=root >/dev/null; true",
            0);
    a = ask("cluster ticket=1");
    for (size_t i = 0; i < a.n; i++) {
        const struct mir_wire_record *r = &a.lines[i].record;

        if (strcmp(r->verb, "reservation") != 0 || strcmp(word(r, "name"), "mirage_test") != 0)
            continue;
        found = true;
        assert_int_equal(number(r, "maintenance"), 1);
        assert_int_equal(number(r, "end_at") - number(r, "start_at"), 3600);
    }
    assert_true(found);
    release_answer(&a);
    control("scontrol delete reservation=mirage_test; true", 0);
    a = ask("cluster ticket=1");
    for (size_t i = 0; i < a.n; i++)
        assert_string_not_equal(word(&a.lines[i].record, "name"), "mirage_test");
    release_answer(&a);
}

/* The rows of job `id` in an answer. */
static size_t count_rows(const struct answer *a, uint32_t id)
{
    size_t n = 0;

    for (size_t i = 0; i + 1 < a->n; i++)
        n += number(&a->lines[i].record, "id") == id;
    return n;
}

static bool has_accounting(void)
{
    struct answer a = ask("cluster ticket=1");
    bool has = number(&a.lines[0].record, "accounting") == 1;

    release_answer(&a);
    return has;
}

static void history_has_each_job_once(void **state)
{
    int64_t until_ns = mir_clock_mono_ns() + PATIENCE_S * 1000000000LL;
    int64_t from = mir_clock_wall() - 60;
    size_t n = 0;
    uint32_t id;

    (void)state;
    if (!has_accounting())
        skip();
    id = submit("--comment 'kept words' -J 'train a.12' --wrap 'exit 4'");
    while (n == 0 && mir_clock_mono_ns() < until_ns) {
        char question[96];
        struct answer a;

        snprintf(question, sizeof question, "history ticket=1 from=%lld to=%lld", (long long)from,
                 (long long)mir_clock_wall());
        a = ask(question);
        assert_string_equal(closing(&a)->verb, "done");
        assert_true(number(closing(&a), "upto") >= from);
        assert_true(number(closing(&a), "upto") <= mir_clock_wall() - 9);
        n += count_rows(&a, id);
        for (size_t i = 0; i + 1 < a.n; i++) {
            if (number(&a.lines[i].record, "id") == id) {
                assert_int_equal(number(&a.lines[i].record, "exit_code"), 4);
                assert_string_equal(word(&a.lines[i].record, "name"), "train a.12");
            }
            if (i > 0)
                assert_true(number(&a.lines[i - 1].record, "start_at") <=
                            number(&a.lines[i].record, "start_at"));
        }
        from = number(closing(&a), "upto");
        release_answer(&a);
        usleep(200000);
    }
    assert_int_equal(n, 1);
}

/* The job waits, so slurmdbd has not been told of its comment yet in 22.05. */
static void find_sees_a_waiting_job_by_its_submit_line(void **state)
{
    static const char token[] = "00112233445566778899aabbccddeeff";
    int64_t until_ns = mir_clock_mono_ns() + PATIENCE_S * 1000000000LL;
    int64_t from = mir_clock_wall() - 60;
    uint32_t uid = (uint32_t)getpwnam(user)->pw_uid;
    char question[128], options[128];
    size_t n = 0;
    uint32_t id;

    (void)state;
    if (!has_accounting())
        skip();
    snprintf(options, sizeof options, "-t10 --comment 'mirage=abcdefgh.1.%s' --wrap 'sleep 500'",
             token);
    id = submit(options);
    snprintf(question, sizeof question, "find ticket=1 uid=%u token=%s from=%lld", uid, token,
             (long long)from);
    while (n == 0 && mir_clock_mono_ns() < until_ns) {
        struct answer a = ask(question);

        assert_string_equal(closing(&a)->verb, "done");
        n = count_rows(&a, id);
        assert_int_equal(n, a.n - 1);
        release_answer(&a);
        usleep(200000);
    }
    assert_int_equal(n, 1);
    control("scancel", id);
}

static void a_wrong_question_is_refused(void **state)
{
    static const char *const questions[] = {
        "submit ticket=3",        "job ticket=3 id=0",          "job ticket=3",
        "jobs ticket=3 since=-1", "find ticket=3 uid=5 from=1", "find ticket=3 uid=5 from=1 token=",
        "history ticket=3 from=1"};

    (void)state;
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        struct answer a = ask(questions[i]);

        assert_string_equal(closing(&a)->verb, "failed");
        assert_string_equal(word(closing(&a), "outcome"), "refused");
        assert_int_equal(number(closing(&a), "ticket"), 3);
        release_answer(&a);
    }
}

static void a_line_without_a_ticket_ends_the_reader(void **state)
{
    struct reader other = start_reader();
    int status;

    (void)state;
    assert_true(dprintf(other.fd, "jobs since=0\n") > 0);
    assert_int_equal(fgetc(other.in), EOF);
    status = stop_reader(&other);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
}

static void a_closed_socket_ends_it_well(void **state)
{
    struct reader other = start_reader();
    int status = stop_reader(&other);

    (void)state;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}

static int begin(void **state)
{
    (void)state;
    reader = start_reader();
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_submitted; i++) {
        char command[64];

        snprintf(command, sizeof command, "scancel --quiet %u 2>/dev/null; true", submitted[i]);
        if (system(command) != 0)
            return -1;
    }
    return stop_reader(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_held_by_its_user),
        cmocka_unit_test(a_job_held_by_the_admin),
        cmocka_unit_test(a_job_that_begins_later),
        cmocka_unit_test(a_dependent_job),
        cmocka_unit_test(the_rest_of_an_array_counts_its_tasks),
        cmocka_unit_test(parts_of_a_heterogeneous_job),
        cmocka_unit_test(a_suspended_job_is_running),
        cmocka_unit_test(a_requeued_job_has_restarted),
        cmocka_unit_test(a_job_without_a_limit),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(an_unknown_job_is_nothing),
        cmocka_unit_test(the_list_is_sorted_and_whole),
        cmocka_unit_test(an_unchanged_list_is_not_sent),
        cmocka_unit_test(the_cluster_is_told_twice_alike),
        cmocka_unit_test(a_reservation_comes_and_goes),
        cmocka_unit_test(history_has_each_job_once),
        cmocka_unit_test(find_sees_a_waiting_job_by_its_submit_line),
        cmocka_unit_test(a_wrong_question_is_refused),
        cmocka_unit_test(a_line_without_a_ticket_ends_the_reader),
        cmocka_unit_test(a_closed_socket_ends_it_well),
    };

    user = getenv("MIR_LAB_USER") == NULL ? "alice" : getenv("MIR_LAB_USER");
    if (getenv("SLURM_CONF") == NULL || geteuid() != 0 || getpwnam(user) == NULL) {
        fprintf(stderr, "skipped: needs a started lab, root, and the user %s\n", user);
        return 77;
    }
    return cmocka_run_group_tests(tests, begin, end);
}
