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

static void passes_a_model_to_install_on(void **state)
{
    static const struct {
        const char *body;
        int status;
        bool force;
    } rows[] = {
        {"{\"file\":\"/tmp/a.model\"}", 200, false},
        {"{\"file\":\"/tmp/a.model\",\"force\":true}", 200, true},
        {"{}", 400, false},
        {"{\"file\":\"a.model\"}", 400, false},
        {"{\"file\":7}", 400, false},
        {"{\"file\":\"/a\\u0000b\"}", 400, false},
        {"{\"file\":\"/a\",\"force\":1}", 400, false},
        {"{\"file\":\"/a\",\"model\":1}", 400, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = post_status("/api/v1/model/install", rows[i].body);
        struct mir_command command = last_command(NULL);

        if (rows[i].status == 200 && getuid() != 0) {
            assert_int_equal(status, 403);
            continue;
        }
        assert_int_equal(status, rows[i].status);
        if (status != 200)
            continue;
        assert_int_equal(command.verb, MIR_MODEL_INSTALL);
        assert_string_equal(command.file, "/tmp/a.model");
        assert_true(command.force == rows[i].force);
    }
    assert_int_equal(post_status("/api/v1/model/rollback", "{\"file\":\"/a\"}"), 400);
    assert_int_equal(post_status("/api/v1/model/reload", ""), getuid() == 0 ? 200 : 403);
}

/* ---- What only the engine can answer */

static void a_prediction_is_asked_of_the_engine(void **state)
{
    struct json_object *f = get_json(connect_unix(), "/api/v1/predict?nodes=8&limit_s=172800"
                                                     "&partition=gpu&user=al.i-ce_1&account=a@b");
    struct json_object *driver = json_object_array_get_idx(field(f, "drivers"), 0);
    struct mir_command command = last_command(NULL);

    (void)state;
    assert_int_equal(command.verb, MIR_PREDICT);
    assert_int_equal(command.uid, getuid());
    assert_int_equal(command.request.n_nodes, 8);
    assert_int_equal(command.request.limit_s, 172800);
    assert_string_equal(command.request.partition, "gpu");
    assert_string_equal(command.request.user, "al.i-ce_1");
    assert_string_equal(command.request.account, "a@b");
    assert_string_equal(command.request.qos, "");
    assert_float_equal(json_object_get_double(field(field(f, "wait_s"), "p50")), 3600, 1e-9);
    assert_null(field(field(f, "wait_s"), "p90"));
    assert_float_equal(json_object_get_double(field(f, "plan_s")), 7200.5, 1e-9);
    assert_null(field(f, "priority"));
    assert_null(field(f, "model"));
    assert_string_equal(json_object_get_string(field(driver, "name")), "ahead_jobs");
    assert_float_equal(json_object_get_double(field(driver, "change_s")), -1800, 1e-9);
    json_object_put(f);
}

static void a_question_that_makes_no_sense_does_not_reach_the_engine(void **state)
{
    static const char *const queries[] = {
        "",
        "?nodes=1",
        "?limit_s=60",
        "?nodes=0&limit_s=60",
        "?nodes=-1&limit_s=60",
        "?nodes=16777217&limit_s=60",
        "?nodes=1&limit_s=0",
        "?nodes=1&limit_s=99999999999",
        "?nodes=1&limit_s=60&user=",
        "?nodes=1&limit_s=60&user=a%20b",
        "?nodes=1&limit_s=60&partition",
        "?nodes=1&limit_s=60&colour=red",
        "?nodes=1&limit_s=60&all=1",
        "?nodes=1&limit_s=60&after=1",
        "?nodes=1&limit_s=60&user=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    char path[256];

    (void)state;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        snprintf(path, sizeof(path), "/api/v1/predict%s", queries[i]);
        if (get_status(connect_unix(), path) != 400)
            fail_msg("%s", path);
    }
    assert_int_equal(get_status(connect_unix(), "/api/v1/status?nodes=1"), 400);
    assert_int_equal(post_status("/api/v1/predict?nodes=1&limit_s=60", "{}"), 405);
    assert_int_equal(post_status("/api/v1/drain?nodes=1", "{}"), 400);
    assert_int_equal(fx.n_commands, 0);
}

static void what_the_engine_answers_is_not_there_over_tcp(void **state)
{
    (void)state;
    assert_int_equal(get_status(connect_tcp(), "/api/v1/predict?nodes=1&limit_s=60"), 404);
    assert_int_equal(get_status(connect_tcp(), "/api/v1/history"), 404);
    assert_int_equal(status_of(request(connect_tcp(), "POST", "/api/v1/model/reload", "{}")), 404);
    assert_int_equal(fx.n_commands, 0);
}

/* Whoever runs the tests runs the server too: its own user may. */
static void the_history_comes_page_by_page(void **state)
{
    struct json_object *page = get_json(connect_unix(), "/api/v1/history");
    char place[128];

    (void)state;
    assert_int_equal(last_command(NULL).verb, MIR_HISTORY);
    assert_true(last_command(NULL).admin);
    assert_string_equal(last_command(NULL).after, "");
    assert_string_equal(json_object_get_string(field(page, "csv")),
                        "id,user\n1,\"a,\"\"b\"\"\xef\xbf\xbd\"\n");
    assert_string_equal(json_object_get_string(field(page, "after")), "1.2.3");
    json_object_put(page);
    page = get_json(connect_unix(), "/api/v1/history?after=1.2.3");
    assert_string_equal(last_command(NULL).after, "1.2.3");
    assert_null(field(page, "after"));
    json_object_put(page);
    snprintf(place, sizeof(place), "/api/v1/history?after=%064d", 1);
    assert_int_equal(get_status(connect_unix(), place), 400);
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
        TEST(passes_a_model_to_install_on),
        TEST(a_prediction_is_asked_of_the_engine),
        TEST(a_question_that_makes_no_sense_does_not_reach_the_engine),
        TEST(what_the_engine_answers_is_not_there_over_tcp),
        TEST(the_history_comes_page_by_page),
        TEST(tells_how_a_command_failed),
        TEST(refuses_what_is_no_command),
        TEST(refuses_deep_and_long_bodies),
        TEST(hangs_up_on_an_endless_chunked_body),
        TEST(takes_a_chunked_body),
        TEST(tells_users_from_admins),
    };

    return cmocka_run_group_tests_name("http_commands", tests, NULL, NULL);
}
