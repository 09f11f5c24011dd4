/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_http_commands.c - what is asked of the engine over the unix socket. */
#include "tests/unit/http_fixture.h"

/* ---- Acting */

static struct mir_command last_command(char environment[64])
{
    struct mir_command command;

    pthread_mutex_lock(&fx.lock);
    command = fx.last;
    if (environment != NULL)
        snprintf(environment, 64, "%s", fx.environment);
    pthread_mutex_unlock(&fx.lock);
    return command;
}

static void enrolls_for_whom_the_kernel_names(void **state)
{
    struct answer a =
        request(connect_unix(), "POST", "/api/v1/chains",
                "{\"job\":123,\"environment\":\"MUNGE:AwQF:\",\"options\":\"w=0.1\"}");
    struct mir_command command;
    char environment[64];

    (void)state;
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "{\"chain\":\"c-new\",\"text\":\"done\"}");
    mir_str_release(&a.text);
    command = last_command(environment);
    assert_int_equal(command.verb, MIR_ENROLL);
    assert_int_equal(command.job_id, 123);
    assert_int_equal(command.uid, getuid());
    assert_true(command.admin == (getuid() == 0));
    assert_string_equal(command.options, "w=0.1");
    assert_string_equal(environment, "MUNGE:AwQF:");
}

static void passes_each_command_on(void **state)
{
    static const struct {
        const char *path, *body;
        enum mir_command_verb verb;
        const char *chain;
        bool keeps;
    } rows[] = {
        {"/api/v1/chains/c-1/stop", "{\"keep_successor\":true}", MIR_STOP, "c-1", true},
        {"/api/v1/chains/c-2/stop", "{}", MIR_STOP, "c-2", false},
        {"/api/v1/chains/c-3/pause", "", MIR_PAUSE, "c-3", false},
        {"/api/v1/chains/c-4/resume", " {} ", MIR_RESUME, "c-4", false},
        {"/api/v1/drain", NULL, MIR_DRAIN, "", false},
        {"/api/v1/undrain", "{}", MIR_UNDRAIN, "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool needs_admin = rows[i].chain[0] == '\0';
        struct mir_command command;

        assert_int_equal(post_status(rows[i].path, rows[i].body),
                         needs_admin && getuid() != 0 ? 403 : 200);
        if (needs_admin && getuid() != 0)
            continue;
        command = last_command(NULL);
        assert_int_equal(command.verb, rows[i].verb);
        assert_string_equal(command.chain, rows[i].chain);
        assert_true(command.keep_successor == rows[i].keeps);
    }
}

static void tells_how_a_command_failed(void **state)
{
    struct answer a = request(connect_unix(), "POST", "/api/v1/chains/c-none/stop", "{}");

    (void)state;
    assert_int_equal(a.status, 404);
    assert_string_equal(a.body, "{\"error\":\"not done: \\\"why\\\"\"}");
    mir_str_release(&a.text);
    assert_int_equal(post_status("/api/v1/chains/c-foreign/stop", "{}"), 403);
    assert_int_equal(post_status("/api/v1/chains/c-bad/pause", "{}"), 422);
    assert_int_equal(post_status("/api/v1/chains/c-again/pause", "{}"), 409);
    assert_int_equal(post_status("/api/v1/chains/c-disk/pause", "{}"), 503);
}

static void refuses_what_is_no_command(void **state)
{
    static const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"job\":1",
        "{\"job\":1}{}",
        "{\"job\":1} x",
        "{'job':1}",
        "{\"job\":1,}",
        "{\"job\":\"1\"}",
        "{\"job\":1.5}",
        "{\"job\":0}",
        "{\"job\":-1}",
        "{\"job\":4294967295}",
        "{\"job\":99999999999999999999999}",
        "{\"job\":true}",
        "{\"job\":1,\"uid\":0}",
        "{\"job\":1,\"admin\":true}",
        "{\"job\":1,\"keep_successor\":true}",
        "{\"job\":1,\"options\":7}",
        "{\"job\":1,\"options\":\"a\\nb\"}",
        "{\"job\":1,\"options\":\"a\\u0000b\"}",
        "{\"job\":1,\"options\":\"\xff\"}",
        "{\"job\":1,\"environment\":\"PATH=/bin\"}",
        "{\"job\":1,\"environment\":{}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        int status = post_status("/api/v1/chains", bodies[i]);

        if (status != 400)
            fail_msg("%s: %d", bodies[i], status);
    }
    assert_int_equal(post_status("/api/v1/chains/c-1/stop", "{\"keep_successor\":1}"), 400);
    assert_int_equal(post_status("/api/v1/chains/c-1/pause", "{\"keep_successor\":true}"), 400);
    assert_int_equal(post_status("/api/v1/chains/c-1/pause?all=1", "{}"), 400);
    assert_int_equal(fx.n_commands, 0);
}

/* `n` times `piece`, between `before` and `after`; the caller frees it. */
static char *repeat(const char *before, const char *piece, size_t n, const char *after)
{
    struct mir_str text = {0};

    mir_str_add(&text, before);
    for (size_t i = 0; i < n; i++)
        mir_str_add(&text, piece);
    mir_str_add(&text, after);
    return text.text;
}

static int post_repeated(const char *before, const char *piece, size_t n, const char *after)
{
    char *body = repeat(before, piece, n, after);
    int status = post_status("/api/v1/chains", body);

    free(body);
    return status;
}

static void refuses_deep_and_long_bodies(void **state)
{
    char *body = repeat("{", " ", 70000, "}");

    (void)state;
    assert_int_equal(post_repeated("{\"job\":", "[", 15, ""), 400);
    assert_int_equal(post_repeated("{\"job\":", "[", 10000, ""), 400);
    assert_int_equal(post_repeated("{\"job\":1,\"environment\":\"MUNGE:", "x", 1000000, "\"}"),
                     200);
    assert_int_equal(post_repeated("{\"job\":1,\"environment\":\"MUNGE:", "x", 1048577, "\"}"),
                     413);
    assert_int_equal(post_repeated("{\"job\":1,\"options\":\"", "x", 511, "\"}"), 200);
    assert_int_equal(post_repeated("{\"job\":1,\"options\":\"", "x", 512, "\"}"), 400);
    assert_int_equal(post_repeated("{\"job\":1", " ", 70000, "}"), 413);
    assert_int_equal(post_repeated("{\"job\":1", " ", 2000000, "}"), 413);
    assert_int_equal(post_status("/api/v1/chains/c-1/stop", body), 413);
    free(body);
}

static void hangs_up_on_an_endless_chunked_body(void **state)
{
    static const char head[] = "POST /api/v1/chains/c-1/stop HTTP/1.1\r\nHost: localhost\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    char *chunk = repeat("400\r\n", "x", 0x400, "\r\n");
    int fd = connect_unix();
    size_t n = 0;

    (void)state;
    assert_true(send_all(fd, head, sizeof(head) - 1));
    while (n < 10000 && send_all(fd, chunk, strlen(chunk)))
        n++;
    assert_true(n < 10000);
    (void)status_of(receive(fd));
    free(chunk);
    assert_int_equal(fx.n_commands, 0);
}

static void takes_a_chunked_body(void **state)
{
    static const char text[] = "POST /api/v1/chains HTTP/1.1\r\nHost: localhost\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n"
                               "4\r\n{\"jo\r\n7\r\nb\":123}\r\n0\r\n\r\n";

    (void)state;
    assert_int_equal(status_of(exchange(connect_unix(), text)), 200);
    assert_int_equal(last_command(NULL).job_id, 123);
}

/* In a process of its own, so that the kernel names another user. */
static int post_as_nobody(const char *path)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        char text[256];
        ssize_t n;
        int fd;

        if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0 || (fd = connect_unix()) < 0)
            _exit(1);
        snprintf(text, sizeof(text),
                 "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", path);
        if (!send_all(fd, text, strlen(text)))
            _exit(2);
        n = recv(fd, text, sizeof(text) - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        _exit(n < 12 ? 3 : (int)(strtol(text + 9, NULL, 10) / 100 * 10 + text[11] - '0'));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status); /* 403 as 43 */
}

static void tells_users_from_admins(void **state)
{
    struct mir_command command;

    (void)state;
    if (getuid() != 0)
        skip();
    assert_int_equal(post_as_nobody("/api/v1/drain"), 43);
    assert_int_equal(fx.n_commands, 0);
    assert_int_equal(post_as_nobody("/api/v1/chains/c-1/stop"), 20);
    command = last_command(NULL);
    assert_int_equal(command.uid, NOBODY);
    assert_false(command.admin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(enrolls_for_whom_the_kernel_names),
        TEST(passes_each_command_on),
        TEST(tells_how_a_command_failed),
        TEST(refuses_what_is_no_command),
        TEST(refuses_deep_and_long_bodies),
        TEST(hangs_up_on_an_endless_chunked_body),
        TEST(takes_a_chunked_body),
        TEST(tells_users_from_admins),
    };

    return cmocka_run_group_tests_name("http_commands", tests, NULL, NULL);
}
