/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_http_load.c - clients that are slow, many, or ask at the wrong time. */
#include "tests/unit/http_fixture.h"

/* ---- Slow, many, at once */

/* It does not wait for others: a half of their deadline is far more than a busy machine's delay. */
static void assert_unix_is_quick(void)
{
    int64_t before = mir_clock_mono_ns(), took_ms;

    assert_int_equal(get_status(connect_unix(), "/api/v1/status"), 200);
    took_ms = ms_since(before);
    if (took_ms >= DEADLINE_MS / 2)
        fail_msg("the unix socket took %lld ms", (long long)took_ms);
}

static bool is_closed(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char c;

    return poll(&p, 1, timeout_ms) == 1 && recv(fd, &c, 1, 0) <= 0;
}

/* A byte each 20 ms, so that no inactivity timer ever fires. */
static void assert_dripping_is_cut(int fd)
{
    static const char head[] = "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    int64_t before = mir_clock_mono_ns(), took_ms;

    (void)send_all(fd, head, sizeof(head) - 1);
    while (ms_since(before) < 10 * DEADLINE_MS && send(fd, "x", 1, MSG_NOSIGNAL) == 1 &&
           !is_closed(fd, 20))
        assert_unix_is_quick();
    took_ms = ms_since(before);
    close(fd);
    assert_true(took_ms >= DEADLINE_MS - 50);
    assert_true(took_ms < 3 * DEADLINE_MS);
}

static void cuts_a_dripping_client_at_the_deadline(void **state)
{
    (void)state;
    assert_dripping_is_cut(connect_tcp());
    assert_dripping_is_cut(connect_unix());
}

static void cuts_a_dripping_body_at_the_deadline(void **state)
{
    static const char head[] = "POST /api/v1/chains HTTP/1.1\r\nHost: localhost\r\n"
                               "Content-Length: 60000\r\n\r\n";
    int fd = connect_unix();
    int64_t before = mir_clock_mono_ns();

    (void)state;
    (void)send_all(fd, head, sizeof(head) - 1);
    while (ms_since(before) < 10 * DEADLINE_MS && send(fd, " ", 1, MSG_NOSIGNAL) == 1 &&
           !is_closed(fd, 20)) {
    }
    assert_true(ms_since(before) < 3 * DEADLINE_MS);
    close(fd);
}

static void answers_on_the_unix_socket_while_tcp_is_full(void **state)
{
    enum { N = 60 };
    int fds[N];

    (void)state;
    for (int i = 0; i < N; i++) {
        fds[i] = connect_tcp();
        assert_true(send_all(fds[i], "GET /api", 8));
    }
    for (int i = 0; i < 5; i++)
        assert_unix_is_quick();
    for (int i = 0; i < N; i++) {
        assert_true(is_closed(fds[i], 5 * DEADLINE_MS));
        close(fds[i]);
    }
    assert_int_equal(get_status(connect_tcp(), "/readyz"), 200);
}

static void recovers_from_more_connections_than_it_takes(void **state)
{
    enum { N = 200 };
    int fds[2 * N];

    (void)state;
    for (int i = 0; i < N; i++) {
        fds[i] = connect_tcp();
        fds[N + i] = i < 100 ? connect_unix() : -1;
    }
    poll(NULL, 0, 2 * DEADLINE_MS);
    assert_int_equal(get_status(connect_tcp(), "/readyz"), 200);
    assert_int_equal(get_status(connect_unix(), "/readyz"), 200);
    for (int i = 0; i < 2 * N; i++)
        close(fds[i]);
}

static void *post_drain(void *arg)
{
    *(int *)arg = post_status("/api/v1/chains/c-1/pause", "{}");
    return NULL;
}

static void answers_others_while_a_command_waits(void **state)
{
    int status[2] = {0};
    pthread_t threads[2];

    (void)state;
    atomic_store(&fx.stalls_ms, 3 * DEADLINE_MS);
    assert_int_equal(pthread_create(&threads[0], NULL, post_drain, &status[0]), 0);
    while (atomic_load(&fx.stalls_ms) != 0)
        poll(NULL, 0, 1);
    assert_int_equal(pthread_create(&threads[1], NULL, post_drain, &status[1]), 0);
    for (int i = 0; i < 10; i++)
        assert_unix_is_quick();
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    /* Taken: answered, however late.  Not taken in time: withdrawn. */
    assert_int_equal(status[0], 200);
    assert_int_equal(status[1], 503);
    assert_int_equal(fx.n_commands, 1);
}

static void ends_while_a_command_waits(void **state)
{
    pthread_t thread;
    int status = -1;
    int64_t before;

    (void)state;
    /* Nobody serves the box any more: the stand-in engine's thread is who ends the server. */
    atomic_store(&fx.ending, true);
    pthread_join(fx.engine, NULL);
    assert_int_equal(pthread_create(&thread, NULL, post_drain, &status), 0);
    for (struct pollfd p = {.fd = mir_mailbox_fd(fx.box), .events = POLLIN}; poll(&p, 1, 1) != 1;) {
    }
    before = mir_clock_mono_ns();
    mir_http_destroy(fx.http);
    fx.http = NULL;
    assert_true(ms_since(before) < DEADLINE_MS * 4 / 5); /* did not wait for the asker's time */
    pthread_join(thread, NULL);
    assert_true(status == 503 || status == 0);
    atomic_store(&fx.ending, false);
    assert_int_equal(pthread_create(&fx.engine, NULL, run_engine, &fx), 0);
}

static void *get_many(void *arg)
{
    unsigned *n_wrong = arg;

    for (int i = 0; i < 60; i++) {
        struct json_object *s =
            get_json(i % 2 == 0 ? connect_unix() : connect_tcp(), "/api/v1/status");

        *n_wrong += json_object_get_int64(field(s, "n_passes")) !=
                    json_object_get_int64(field(s, "n_decisions"));
        json_object_put(s);
    }
    return NULL;
}

static void reads_whole_views_while_they_are_published(void **state)
{
    unsigned n_wrong[4] = {0};
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_many, &n_wrong[i]), 0);
    for (uint64_t n = 1; n < 300; n++) {
        mir_view_publish(fx.board, make_view(n));
        poll(NULL, 0, 1);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(n_wrong[i], 0);
    }
}

static void says_that_it_is_alive(void **state)
{
    int64_t before = mir_clock_mono_ns();

    (void)state;
    /* Past the limit, so that only an answered request of its own can explain it. */
    while (ms_since(before) < 4 * DEADLINE_MS) {
        assert_true(mir_http_alive(fx.http));
        poll(NULL, 0, 20);
    }
    assert_false(mir_http_alive(NULL));
}

static void says_that_nobody_can_reach_it(void **state)
{
    int64_t before = mir_clock_mono_ns();

    (void)state;
    assert_true(mir_http_alive(fx.http));
    assert_int_equal(unlink(fx.path), 0);
    while (mir_http_alive(fx.http) && ms_since(before) < 10 * DEADLINE_MS)
        poll(NULL, 0, 20);
    assert_false(mir_http_alive(fx.http));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cuts_a_dripping_client_at_the_deadline),
        TEST(cuts_a_dripping_body_at_the_deadline),
        TEST(answers_on_the_unix_socket_while_tcp_is_full),
        TEST(recovers_from_more_connections_than_it_takes),
        TEST(answers_others_while_a_command_waits),
        TEST(ends_while_a_command_waits),
        TEST(reads_whole_views_while_they_are_published),
        TEST(says_that_it_is_alive),
        TEST(says_that_nobody_can_reach_it),
    };

    return cmocka_run_group_tests_name("http_load", tests, NULL, NULL);
}
