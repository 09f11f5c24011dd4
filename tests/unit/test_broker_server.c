/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_broker_server.c - connections, signals and places of the broker's server. */
#include "daemon/broker/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

/* ---- connection */

static void answers_what_is_asked(void **state)
{
    struct fixture *f = *state;

    start(f);
    ask_job(f, 1, READER_ANSWERS);
    say(f, "jobs ticket=2 since=99\ncluster ticket=3\n");
    expect(f, "job ticket=1 id=1 name=a%20b");
    expect(f, "done ticket=1 n=1 ms=3");
    expect(f, "unchanged ticket=2");
    expect(f, "cluster ticket=3 message_timeout_s=1");
    expect(f, "done ticket=3");
}

static void the_reader_is_the_daemons_user(void **state)
{
    struct fixture *f = *state;
    char expected[64];

    start(f);
    ask_job(f, 1, READER_TELLS_UID);
    snprintf(expected, sizeof(expected), "job ticket=1 id=1 uid=%u", (unsigned)f->uid);
    expect(f, expected);
}

static void the_socket_is_the_groups(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    start(f);
    assert_int_equal(stat(f->socket, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_int_equal(st.st_gid, f->gid);
}

static void turns_other_users_away(void **state)
{
    struct fixture *f = *state;

    if (getuid() == f->uid)
        skip(); /* one user cannot come as another */
    start(f);
    ask_job(f, 1, READER_ANSWERS);
    expect(f, "job ticket=1");
    expect(f, "done ticket=1");
    {
        struct fixture root = *f;

        root.in = (struct mir_wire_input){0};
        root.fd = connect_as(f, 0, 0);
        assert_true(root.fd >= 0);
        expect(&root, "bye text=not%20the%20daemon's%20user");
        expect_end(&root);
        disconnect(&root);
    }
    ask_job(f, 2, READER_ANSWERS); /* the right one has not noticed */
    expect(f, "job ticket=2");
}

static void the_newest_connection_wins(void **state)
{
    struct fixture *f = *state;
    struct fixture old;

    start(f);
    old = *f;
    f->in = (struct mir_wire_input){0};
    f->fd = -1;
    greet(f);
    expect(&old, "bye text=another");
    expect_end(&old);
    disconnect(&old);
    ask_job(f, 1, READER_ANSWERS);
    expect(f, "job ticket=1");
}

static void says_bye_to_what_it_does_not_speak(void **state)
{
    static const char *const lines[] = {
        "hello version=2\n",   "hello\n", "jobs ticket=1\n",    "GET / HTTP/1.1\n",
        "hello version=1 =\n", "\n",      "hello version=1x\n",
    };
    struct fixture *f = *state;

    serve(f);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        f->fd = connect_as(f, f->uid, f->gid);
        assert_true(f->fd >= 0);
        expect(f, "hello version=1 program=" MIR_VERSION " slurm=22.05.8");
        say(f, lines[i]);
        expect(f, "bye text=");
        expect_end(f);
        disconnect(f);
    }
}

static void says_bye_to_malformed_questions(void **state)
{
    static const char *const lines[] = {
        "jobs\n",
        "jobs ticket=1 colour=red\n",
        "reboot ticket=1\n",
        "\x01\x02\xff\n",
        "job ticket=1 id=2\njob ticket=1 id=2\n", /* the ticket is open */
        "hello version=1\n",
    };
    struct fixture *f = *state;

    serve(f);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        greet(f);
        say(f, lines[i]);
        expect(f, "bye text=");
        expect_end(f);
        disconnect(f);
    }
}

static void says_bye_to_a_line_without_end(void **state)
{
    enum { SIZE = MIR_WIRE_MAX_LINE + 4096 };
    struct fixture *f = *state;
    char *line = MIR_NEW_ARRAY(char, SIZE);

    memset(line, 'x', SIZE - 1);
    start(f);
    say(f, line);
    expect(f, "bye text=");
    disconnect(f);
    greet(f); /* it lives */
    free(line);
}

static void lets_a_peer_go_that_does_not_read(void **state)
{
    struct fixture *f = *state;

    f->settings.deadline_s = 2;
    start(f);
    ask_job(f, 1, READER_FLOODS);
    expect_log(f, "does not read");
    disconnect(f);
    greet(f);
}

static void a_slow_peer_gets_all_of_a_flood(void **state)
{
    struct fixture *f = *state;
    const char *line;
    int n = 0;

    f->settings.deadline_s = 60;
    start(f);
    ask_job(f, 1, READER_FLOODS);
    usleep(300000);
    while ((line = hear(f)) != NULL && strncmp(line, "job ", 4) == 0)
        n++;
    assert_int_equal(n, 100000);
    assert_non_null(line);
    assert_non_null(strstr(line, "done ticket=1"));
}

/* ---- signals */

/* Each question to forget looks through the spool: they must not stop all else. */
static void a_flood_of_questions_keeps_nobody_waiting(void **state)
{
    enum { FILES = 3000, QUESTIONS = 20000 };
    struct fixture *f = *state;
    struct mir_str flood = {0};
    int64_t began_ns;
    char path[256];

    start(f);
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof(path), "%s/%032d-1001", f->spool, i);
        close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    wait_for_reader(f);
    mir_str_add(&flood, "job ticket=1 id=1\n");
    for (int i = 0; i < QUESTIONS; i++)
        mir_str_add(&flood, "forget template=" TOKEN "\n");
    assert_int_equal(fcntl(f->fd, F_SETFL, O_NONBLOCK), 0);
    began_ns = mir_clock_mono_ns();
    for (size_t at = 0; at < flood.len && mir_clock_mono_ns() - began_ns < 2000000000;) {
        ssize_t n = send(f->fd, flood.text + at, flood.len - at, MSG_NOSIGNAL);

        if (n > 0)
            at += (size_t)n;
        else
            usleep(1000);
    }
    expect(f, "job ticket=1");
    expect(f, "done ticket=1");
    assert_true(mir_clock_mono_ns() - began_ns < INT64_C(3000000000));
    mir_str_release(&flood);
}

static void stops_and_lets_acts_finish(void **state)
{
    struct fixture *f = *state;

    start(f);
    keep_template(f, 1001);
    ask_submit(f, 1, 1001, ACT_IS_SLOW);
    ask_submit(f, 2, 1001, ACT_SUBMITS);
    ask_job(f, 3, READER_ANSWERS);
    expect(f, "job ticket=3"); /* so the acts have come as well */
    expect(f, "done ticket=3");
    assert_int_equal(kill(f->server, SIGTERM), 0);
    expect(f, "failed ticket=2 outcome=unavailable text=the%20broker%20is%20stopping");
    expect(f, "job ticket=1");
    expect(f, "submitted ticket=1");
    expect(f, "bye text=the%20broker%20stops");
    expect_end(f);
    stop(f, 0);
}

static void a_second_signal_does_not_wait(void **state)
{
    struct fixture *f = *state;

    f->settings.deadline_s = 3600;
    start(f);
    keep_template(f, 1001);
    ask_submit(f, 1, 1001, ACT_SUBMITS);
    expect(f, "job");
    expect(f, "submitted");
    assert_int_equal(kill(f->server, SIGINT), 0);
    stop(f, 0);
}

static void reads_its_configuration_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    int fd;

    start(f);
    keep_template(f, 1001);
    fd = open(f->kill_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(kill(f->server, SIGHUP), 0);
    expect_log(f, "configuration kept: mirage.conf:3: not today");
    assert_int_equal(unlink(f->kill_file), 0);
    ask_submit(f, 1, 1001, ACT_SUBMITS);
    expect(f, "job");
    expect(f, "submitted");
    assert_int_equal(kill(f->server, SIGHUP), 0);
    expect_log(f, "configuration read again");
    ask_submit(f, 2, 1001, ACT_SUBMITS); /* min_uid is 2000 now */
    expect(f, "failed ticket=2 outcome=refused refusal=owner");
    ask_job(f, 3, READER_ANSWERS); /* of a new reader, without a pause */
    expect(f, "job ticket=3");
}

static void tells_systemd(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char path[sizeof(at.sun_path)], text[64] = "";
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    ssize_t n;

    snprintf(path, sizeof(path), "@mirage-test-%d", (int)getpid());
    memcpy(at.sun_path, path, strlen(path));
    at.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (const struct sockaddr *)&at,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
                     0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", "200000", 1), 0);
    serve(f);
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    n = recv(fd, text, sizeof(text) - 1, 0);
    assert_int_equal(n, 7);
    assert_memory_equal(text, "READY=1", 7);
    for (int i = 0; i < 2; i++) {
        n = recv(fd, text, sizeof(text) - 1, 0);
        assert_int_equal(n, 10);
        assert_memory_equal(text, "WATCHDOG=1", 10);
    }
    assert_int_equal(kill(f->server, SIGTERM), 0);
    do
        n = recv(fd, text, sizeof(text) - 1, 0);
    while (n == 10 && memcmp(text, "WATCHDOG=1", 10) == 0);
    assert_int_equal(n, 10);
    assert_memory_equal(text, "STOPPING=1", 10);
    stop(f, 0);
    close(fd);
}

/* ---- places */

static void takes_over_a_dead_socket_but_no_live_one(void **state)
{
    struct fixture *f = *state;
    struct mir_error err = {{0}};
    int fd = mir_server_listen(&f->settings, &err), again;

    assert_true(fd >= 0);
    assert_int_equal(mir_server_listen(&f->settings, &err), -EADDRINUSE);
    close(fd);
    again = mir_server_listen(&f->settings, &err);
    assert_true(again >= 0);
    close(again);
    assert_int_equal(unlink(f->socket), 0);
    assert_int_equal(mkdir(f->socket, 0700), 0);
    assert_int_equal(mir_server_listen(&f->settings, &err), -EEXIST);
    assert_non_null(strstr(err.text, "is no socket"));
    f->settings.socket_path = "broker.sock";
    assert_int_equal(mir_server_listen(&f->settings, &err), -EINVAL);
}

static void the_spool_is_ours_alone_and_locked(void **state)
{
    struct fixture *f = *state;
    struct mir_error err = {{0}};
    int fd = mir_server_open_spool(f->spool, &err);
    struct stat st;

    assert_true(fd >= 0);
    assert_int_equal(stat(f->spool, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(mir_server_open_spool(f->spool, &err), -EBUSY);
    close(fd);
    assert_int_equal(chmod(f->spool, 0750), 0);
    assert_int_equal(mir_server_open_spool(f->spool, &err), -EPERM);
    assert_int_equal(rmdir(f->spool), 0);
    assert_int_equal(symlink("/tmp", f->spool), 0);
    assert_true(mir_server_open_spool(f->spool, &err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_what_is_asked),
        TEST(the_reader_is_the_daemons_user),
        TEST(the_socket_is_the_groups),
        TEST(turns_other_users_away),
        TEST(the_newest_connection_wins),
        TEST(says_bye_to_what_it_does_not_speak),
        TEST(says_bye_to_malformed_questions),
        TEST(says_bye_to_a_line_without_end),
        TEST(lets_a_peer_go_that_does_not_read),
        TEST(a_slow_peer_gets_all_of_a_flood),
        TEST(a_flood_of_questions_keeps_nobody_waiting),
        TEST(stops_and_lets_acts_finish),
        TEST(a_second_signal_does_not_wait),
        TEST(reads_its_configuration_whole_or_not_at_all),
        TEST(tells_systemd),
        TEST(takes_over_a_dead_socket_but_no_live_one),
        TEST(the_spool_is_ours_alone_and_locked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
