/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_slurm_broken.c - the client of the broker when the broker dies, hangs or talks nonsense. */
#include <errno.h>
#include <poll.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "daemon/core/clock.h"
#include "daemon/core/rng.h"
#include "daemon/core/str.h"
#include "tests/unit/slurm_rig.h"

static void death_leaves_acts_unknown_and_readings_unavailable(void **state)
{
    struct rig *r = *state;

    r->l->ops->read_jobs(r->l, 1, true, NULL);
    ask_submit(r, 2);
    r->l->ops->cancel(r->l, 3, &a_job, NULL);
    r->l->ops->capture(r->l, 4, &a_job, NULL, NULL);
    r->l->ops->find(r->l, 5, 1, token, 0, NULL);
    heard(r);
    say(r, "job ticket=1 id=1 uid=1 state=RUNNING\njob ticket=1 id=2 uid=1 sta");
    die(r);
    assert_int_equal(answer_to(r, 1)->outcome, MIR_OUTCOME_UNAVAILABLE);
    assert_null(answer_to(r, 1)->jobs);
    assert_int_equal(answer_to(r, 2)->outcome, MIR_OUTCOME_UNKNOWN);
    assert_int_equal(answer_to(r, 2)->kind, MIR_LIVE_SUBMITTED);
    assert_int_equal(answer_to(r, 3)->outcome, MIR_OUTCOME_UNKNOWN);
    assert_int_equal(answer_to(r, 4)->outcome, MIR_OUTCOME_UNAVAILABLE);
    assert_int_equal(answer_to(r, 5)->outcome, MIR_OUTCOME_UNAVAILABLE);
    assert_int_equal(last(r)->kind, MIR_LIVE_DOWN);
    assert_int_equal(mir_slurm_fd(r->s), -1);
    assert_int_equal(r->l->ops->read_jobs(r->l, 9, true, NULL), -ENOTCONN);
}

static void what_was_never_written_was_certainly_not_done(void **state)
{
    struct rig *r = *state;

    heard(r);
    ask_submit(r, 1); /* into the buffer only */
    die(r);
    assert_int_equal(answer_to(r, 1)->outcome, MIR_OUTCOME_UNAVAILABLE);
}

/* The socket takes only a part: a line without its end is no question. */
static void what_was_written_in_part_was_certainly_not_done(void **state)
{
    struct rig *r = *state;
    uint64_t ticket = 1;
    size_t n_unknown = 0, n_unavailable = 0, n_lines = 0;
    struct mir_str got = {0};
    char bytes[4096];
    ssize_t n;

    while ((mir_slurm_events(r->s) & POLLOUT) == 0 && ticket < 40) {
        char *environment = calloc(1, 200001);

        assert_non_null(environment);
        memset(environment, 'x', 200000);
        ask_submit(r, ticket++);
        assert_int_equal(r->l->ops->capture(r->l, ticket++, &a_job, environment, NULL), 0);
        ask_submit(r, ticket++);
        free(environment);
        serve(r);
    }
    assert_true(ticket < 40);
    while ((n = recv(r->broker, bytes, sizeof bytes, 0)) > 0)
        mir_str_add_n(&got, bytes, (size_t)n);
    for (const char *at = got.text; (at = strstr(at, "\n")) != NULL; at++)
        n_lines++;
    die(r);
    for (uint64_t i = 1; i < ticket; i++) {
        char name[32];
        const char *at;
        bool whole;

        snprintf(name, sizeof name, "submit ticket=%d ", (int)i);
        at = strstr(got.text, name);
        whole = at != NULL && strchr(at, '\n') != NULL;
        if (answer_to(r, i)->kind != MIR_LIVE_SUBMITTED)
            continue;
        n_unknown += answer_to(r, i)->outcome == MIR_OUTCOME_UNKNOWN;
        n_unavailable += answer_to(r, i)->outcome == MIR_OUTCOME_UNAVAILABLE;
        assert_int_equal(answer_to(r, i)->outcome,
                         whole ? MIR_OUTCOME_UNKNOWN : MIR_OUTCOME_UNAVAILABLE);
    }
    assert_true(n_unknown > 0 && n_unavailable > 0 && n_lines > 0);
    mir_str_release(&got);
}

/* The broker answered, then died, before the client looked. */
static void hears_what_was_said_before_death(void **state)
{
    struct rig *r = *state;
    static const char text[] = "submitted ticket=1 id=7\n";

    ask_submit(r, 1);
    ask_submit(r, 2);
    heard(r);
    r->l->ops->read_cluster(r->l, 3, NULL); /* is to be written to a closed socket */
    assert_int_equal(send(r->broker, text, sizeof text - 1, 0), (ssize_t)sizeof text - 1);
    die(r);
    assert_int_equal(answer_to(r, 1)->outcome, MIR_OUTCOME_DONE);
    assert_int_equal(answer_to(r, 2)->outcome, MIR_OUTCOME_UNKNOWN);
    assert_int_equal(answer_to(r, 3)->outcome, MIR_OUTCOME_UNAVAILABLE);
}

static void a_malformed_answer_ends_the_connection(void **state)
{
    static const char *const lines[] = {
        "nonsense\n",
        "\n",
        "done\n",
        "done ticket=0\n",
        "done ticket=1 ticket=2 n=\n",
        "job ticket=1 id=0 uid=1 state=RUNNING\n",
        "job ticket=1 id=1 uid=1 state=RUNNING nodes=4294967296\n",
        "job ticket=1 id=1 uid=1 state=DANCING\n",
        "job ticket=1 id=1 uid=1 name=%00 state=RUNNING\n",
        "job ticket=1 id=1 uid=1 state=RUNNING\ndone ticket=1 n=2 at=5\n",
        "unchanged ticket=1\n",
        "submitted ticket=1 id=5\n",
        "submitted ticket=2\n",
        "submitted ticket=2 id=4294967295\n",
        "failed ticket=1 outcome=unknown\n",
        "failed ticket=2 outcome=done\n",
        "hello version=1\n",
        "bye text=overload\n",
    };
    struct rig *r = *state;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (r->broker < 0) {
            attach(r);
            say(r, hello);
        }
        r->l->ops->read_jobs(r->l, 1, true, NULL);
        ask_submit(r, 2);
        heard(r);
        r->n_told = 0;
        say(r, lines[i]);
        if (mir_slurm_fd(r->s) >= 0)
            fail_msg("taken: %s", lines[i]);
        assert_int_equal(answer_to(r, 1)->outcome, MIR_OUTCOME_UNAVAILABLE);
        assert_int_equal(answer_to(r, 2)->outcome, MIR_OUTCOME_UNKNOWN);
        assert_int_equal(last(r)->kind, MIR_LIVE_DOWN);
        assert_true(last(r)->text[0] != '\0');
        close(r->broker);
        r->broker = -1;
    }
    assert_string_equal(last(r)->text, "mirage-broker says: overload");
}

static void an_endless_line_ends_the_connection(void **state)
{
    struct rig *r = *state;
    static char bytes[1 << 16];

    memset(bytes, 'x', sizeof bytes);
    for (int i = 0; i < 1000 && mir_slurm_fd(r->s) >= 0; i++) {
        (void)send(r->broker, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        serve(r);
    }
    assert_int_equal(last(r)->kind, MIR_LIVE_DOWN);
    assert_non_null(strstr(last(r)->text, "line over"));
}

static void a_question_past_its_deadline_ends_the_connection(void **state)
{
    struct rig *r = *state;

    ask_submit(r, 1);
    heard(r);
    r->now += 10 * S;
    r->l->ops->read_cluster(r->l, 2, NULL);
    heard(r);
    assert_int_equal(mir_slurm_serve(r->s, r->now), r->now + (DEADLINE_S - 10) * S);
    r->now += (DEADLINE_S - 10) * S - 1;
    serve(r);
    assert_int_equal(n_answers(r, 1), 0);
    r->now++;
    serve(r);
    assert_int_equal(answer_to(r, 1)->outcome, MIR_OUTCOME_UNKNOWN);
    assert_int_equal(answer_to(r, 2)->outcome, MIR_OUTCOME_UNAVAILABLE);
    assert_non_null(strstr(last(r)->text, "no answer to submit within 30 s"));
    assert_int_equal(mir_slurm_fd(r->s), -1);
}

/* The daemon itself was stopped for an hour: what is there by then counts. */
static void an_answer_that_is_there_counts_however_late_it_is_read(void **state)
{
    struct rig *r = *state;

    ask_submit(r, 1);
    heard(r);
    r->now += 3600 * S;
    say(r, "submitted ticket=1 id=7\n");
    assert_int_equal(answer_to(r, 1)->outcome, MIR_OUTCOME_DONE);
    assert_true(mir_slurm_fd(r->s) >= 0);
}

static void destroying_it_tells_nothing(void **state)
{
    struct rig *r = *state;
    size_t n = r->n_told;

    ask_submit(r, 1);
    r->l->ops->read_jobs(r->l, 2, true, NULL);
    heard(r);
    say(r, "job ticket=2 id=1 uid=1 state=RUNNING\n");
    r->l->ops->destroy(r->l);
    r->s = NULL;
    assert_int_equal(r->n_told, n);
}

/* ---- any script at all: a ticket has one event */

static void random_line(struct mir_rng *rng, struct mir_str *out)
{
    static const char *const lines[] = {
        "job ticket=%d id=%d uid=1 state=RUNNING\n",
        "done ticket=%d n=%d at=5 last_update=4\n",
        "done ticket=%d at=5 last_update=4\n",
        "submitted ticket=%d id=%d\n",
        "cancelled ticket=%d\n",
        "failed ticket=%d outcome=refused text=x\n",
        "failed ticket=%d outcome=unavailable\n",
        "cluster ticket=%d name=a%d\n",
        "past ticket=%d id=%d uid=1 state=TIMEOUT\n",
        "unchanged ticket=%d\n",
    };
    char line[128];
    const char *f = lines[mir_rng_below(rng, sizeof lines / sizeof *lines)];
    int ticket = 1 + (int)mir_rng_below(rng, 12), n = (int)mir_rng_below(rng, 3);
    const char *first = strstr(f, "%d"), *second = strstr(first + 1, "%d");

    snprintf(line, sizeof line, "%.*s%d", (int)(first - f), f, ticket);
    mir_str_add(out, line);
    if (second == NULL) {
        mir_str_add(out, first + 2);
        return;
    }
    snprintf(line, sizeof line, "%.*s%d%s", (int)(second - first - 2), first + 2, n, second + 2);
    mir_str_add(out, line);
}

static void ask_anything(struct rig *r, struct mir_rng *rng, uint64_t ticket)
{
    switch (mir_rng_below(rng, 5)) {
    case 0:
        r->l->ops->read_jobs(r->l, ticket, mir_rng_below(rng, 2) == 0, NULL);
        break;
    case 1:
        ask_submit(r, ticket);
        break;
    case 2:
        r->l->ops->cancel(r->l, ticket, &a_job, NULL);
        break;
    case 3:
        r->l->ops->read_cluster(r->l, ticket, NULL);
        break;
    default:
        r->l->ops->read_history(r->l, ticket, 0, 1, NULL);
        break;
    }
}

static void run_script(struct mir_rng *rng)
{
    struct mir_str script = {0};
    void *state = NULL;
    struct rig *r;

    make_rig_up(&state);
    r = state;
    for (uint64_t ticket = 1; ticket <= 12; ticket++)
        ask_anything(r, rng, ticket);
    for (size_t n = mir_rng_below(rng, 30); n > 0; n--)
        random_line(rng, &script);
    for (size_t at = 0; at < script.len && mir_slurm_fd(r->s) >= 0;) {
        size_t n = 1 + mir_rng_below(rng, 200);

        if (n > script.len - at)
            n = script.len - at;
        (void)send(r->broker, script.text + at, n, MSG_NOSIGNAL);
        serve(r);
        at += n;
    }
    die(r);
    for (uint64_t ticket = 1; ticket <= 12; ticket++)
        assert_int_equal(n_answers(r, ticket), 1);
    mir_str_release(&script);
    remove_rig(&state);
}

static void every_question_has_one_event_whatever_comes(void **state)
{
    uint64_t seed = (uint64_t)mir_clock_mono_ns();
    struct mir_rng rng;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    mir_rng_init(&rng, seed);
    for (int i = 0; i < 500; i++)
        run_script(&rng);
}

/* ---- a broker in a process of its own, at a path */

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

/* Greets, waits for a submission and is killed by itself before it answers. */
static pid_t start_broker(int listener)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = accept(listener, NULL, NULL);
        char bytes[4096] = "";
        size_t len = 0;

        if (fd < 0 || write(fd, hello, sizeof hello - 1) < 0)
            _exit(1);
        while (strstr(bytes, "submit ticket=") == NULL) {
            ssize_t n = read(fd, bytes + len, sizeof bytes - 1 - len);

            if (n <= 0)
                _exit(2);
            len += (size_t)n;
            bytes[len] = '\0';
        }
        _exit(0);
    }
    close(listener);
    return pid;
}

/* Serve in real time until `n` events were told. */
static void serve_until(struct rig *r, struct mir_slurm *s, size_t n)
{
    int64_t end = mir_clock_mono_ns() + 20 * S;

    while (r->n_told < n && mir_clock_mono_ns() < end) {
        struct pollfd p = {.fd = mir_slurm_fd(s), .events = mir_slurm_events(s)};

        (void)poll(&p, 1, 10);
        (void)mir_slurm_serve(s, mir_clock_mono_ns());
    }
    assert_int_equal(r->n_told, n);
}

static void connects_again_and_says_why_it_could_not_once(void **state)
{
    char folder[] = "/tmp/test_slurm_client.XXXXXX", path[64];
    struct rig r = {.broker = -1};
    int64_t now = 0;
    int listener;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/sock", folder);
    assert_int_equal(mir_slurm_create(path, DEADLINE_S, on_event, &r, &r.s, NULL), 0);
    for (now = 0; now < 20 * S; now += S / 10)
        assert_true(mir_slurm_serve(r.s, now) > now); /* a second between tries */
    assert_int_equal(r.n_told, 1);
    assert_int_equal(r.told[0].kind, MIR_LIVE_DOWN);
    assert_non_null(strstr(r.told[0].text, path));
    listener = listen_at(path);
    (void)mir_slurm_serve(r.s, now + S);
    assert_true(mir_slurm_fd(r.s) >= 0);
    assert_int_equal(r.n_told, 1); /* connected is not yet up */
    assert_int_equal(mir_slurm_connections(r.s), 1);
    close(listener);
    mir_slurm_destroy(r.s);
    unlink(path);
    rmdir(folder);
}

static void survives_brokers_that_die_over_a_submission(void **state)
{
    char folder[] = "/tmp/test_slurm_client.XXXXXX", path[64];
    struct rig r = {.broker = -1};

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/sock", folder);
    assert_int_equal(mir_slurm_create(path, DEADLINE_S, on_event, &r, &r.s, NULL), 0);
    r.l = mir_slurm_live(r.s);
    for (uint64_t i = 1; i <= 3; i++) {
        pid_t pid = start_broker(listen_at(path));
        int status = 0;

        r.n_told = 0;
        serve_until(&r, r.s, 1);
        assert_int_equal(r.told[0].kind, MIR_LIVE_UP);
        ask_submit(&r, i);
        serve_until(&r, r.s, 3);
        assert_int_equal(answer_to(&r, i)->outcome, MIR_OUTCOME_UNKNOWN);
        assert_int_equal(r.told[2].kind, MIR_LIVE_DOWN);
        assert_int_equal(mir_slurm_connections(r.s), i);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        unlink(path);
    }
    mir_slurm_destroy(r.s);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GREETED(death_leaves_acts_unknown_and_readings_unavailable),
        GREETED(what_was_never_written_was_certainly_not_done),
        GREETED(what_was_written_in_part_was_certainly_not_done),
        GREETED(hears_what_was_said_before_death),
        GREETED(a_malformed_answer_ends_the_connection),
        GREETED(an_endless_line_ends_the_connection),
        GREETED(a_question_past_its_deadline_ends_the_connection),
        GREETED(an_answer_that_is_there_counts_however_late_it_is_read),
        GREETED(destroying_it_tells_nothing),
        cmocka_unit_test(every_question_has_one_event_whatever_comes),
        cmocka_unit_test(connects_again_and_says_why_it_could_not_once),
        cmocka_unit_test(survives_brokers_that_die_over_a_submission),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
