/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_http.c - what both servers show, and to whom they refuse it. */
#include "daemon/http/render.h"
#include "tests/unit/http_fixture.h"

/* ---- Reading */

static void serves_each_reading_path_on_both_sockets(void **state)
{
    static const char *const paths[] = {"/healthz",
                                        "/readyz",
                                        "/api/v1/status",
                                        "/api/v1/chains",
                                        "/api/v1/chains?all=1",
                                        "/api/v1/chains/c-open",
                                        "/api/v1/chains/c-open/decisions",
                                        "/api/v1/chains/c-open/decisions?n=100",
                                        "/api/v1/queue",
                                        "/api/v1/rpcs",
                                        "/api/v1/model",
                                        "/api/v1/config"};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        json_object_put(get_json(connect_unix(), paths[i]));
        json_object_put(get_json(connect_tcp(), paths[i]));
    }
}

static void shows_status_with_its_fields(void **state)
{
    struct json_object *s = get_json(connect_unix(), "/api/v1/status");

    (void)state;
    assert_string_equal(json_object_get_string(field(s, "version")), "0.1.0");
    assert_int_equal(json_object_get_int64(field(s, "at")), NOW);
    assert_null(field(s, "list_at"));
    assert_null(field(s, "maintenance_at"));
    assert_true(json_object_is_type(field(s, "ready"), json_type_boolean));
    assert_int_equal(json_object_get_int(field(s, "n_chains")), 4);
    assert_false(has(s, "chains"));
    json_object_put(s);
}

static void shows_open_and_recent_chains_unless_asked_for_all(void **state)
{
    struct json_object *some = get_json(connect_unix(), "/api/v1/chains");
    struct json_object *all = get_json(connect_unix(), "/api/v1/chains?all=1");
    struct json_object *first = json_object_array_get_idx(field(some, "chains"), 0);

    (void)state;
    assert_int_equal(json_object_array_length(field(some, "chains")), 2);
    assert_int_equal(json_object_array_length(field(all, "chains")), 4);
    assert_string_equal(json_object_get_string(field(first, "id")), "c-open");
    assert_null(field(first, "ended_at"));
    assert_null(field(first, "interruption_s"));
    assert_float_equal(json_object_get_double(field(first, "overlap_s")), 12.5, 1e-9);
    assert_float_equal(json_object_get_double(field(first, "weight")), 0.1, 1e-12);
    assert_false(has(first, "links"));
    json_object_put(some);
    json_object_put(all);
}

static void shows_owners_on_the_unix_socket_with_bad_bytes_replaced(void **state)
{
    struct json_object *c = get_json(connect_unix(), "/api/v1/chains/c-open");

    (void)state;
    assert_string_equal(json_object_get_string(field(c, "user")), "alice");
    assert_int_equal(json_object_get_int(field(c, "uid")), 1234);
    assert_string_equal(json_object_get_string(field(c, "name")), "na\xef\xbf\xbdme");
    assert_int_equal(json_object_array_length(field(c, "links")), 1);
    json_object_put(c);
}

static void hides_owners_on_tcp(void **state)
{
    static const char *const paths[] = {"/api/v1/chains?all=1", "/api/v1/chains/c-open",
                                        "/api/v1/chains/c-open/decisions", "/api/v1/status",
                                        "/api/v1/config"};
    static const char *const words[] = {"alice",     "secretproject", "1234",   "na\xef",
                                        "stop_file", "tokentoken",    "\"uid\""};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct answer a = request(connect_tcp(), "GET", paths[i], NULL);

        assert_int_equal(a.status, 200);
        for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
            if (strstr(a.body, words[j]) != NULL)
                fail_msg("%s tells %s: %s", paths[i], words[j], a.body);
        }
        mir_str_release(&a.text);
    }
}

static void shows_owners_on_tcp_where_allowed(void **state)
{
    struct mir_error err = {{0}};
    struct json_object *c;

    (void)state;
    mir_http_destroy(fx.http);
    assert_int_equal(start_http("127.0.0.1:0", true, &err), 0);
    fx.port = mir_http_port(fx.http);
    c = get_json(connect_tcp(), "/api/v1/chains/c-open");
    assert_string_equal(json_object_get_string(field(c, "user")), "alice");
    json_object_put(c);
}

static void shows_the_newest_decisions(void **state)
{
    struct json_object *d = get_json(connect_tcp(), "/api/v1/chains/c-open/decisions?n=3");
    struct json_object *list = field(d, "decisions");

    (void)state;
    assert_int_equal(json_object_array_length(list), 3);
    assert_int_equal(json_object_get_int64(field(json_object_array_get_idx(list, 0), "at")),
                     NOW + 97);
    assert_int_equal(json_object_array_length(field(d, "events")), 1);
    json_object_put(d);
    assert_int_equal(get_status(connect_tcp(), "/api/v1/chains/c-open/decisions?n=0"), 400);
    assert_int_equal(get_status(connect_tcp(), "/api/v1/chains/c-open/decisions?n=101"), 400);
    assert_int_equal(get_status(connect_tcp(), "/api/v1/chains/c-open/decisions?n=1x"), 400);
    assert_int_equal(get_status(connect_tcp(), "/api/v1/chains/c-open/decisions?m=1"), 400);
    assert_int_equal(get_status(connect_tcp(), "/api/v1/status?all=1"), 400);
}

/* However few decisions are asked for: the one that it belongs to may be further back. */
static void shows_the_fan_of_a_decision(void **state)
{
    struct json_object *d = get_json(connect_unix(), "/api/v1/chains/c-open/decisions?n=1");
    struct json_object *fan = json_object_array_get_idx(field(d, "fans"), 0), *point, *job;

    (void)state;
    assert_int_equal(json_object_array_length(field(d, "fans")), 1);
    assert_int_equal(json_object_get_int64(field(fan, "at")), NOW + 50);
    assert_int_equal(json_object_get_int64(field(fan, "n_futures")), 32);
    assert_int_equal(json_object_get_int64(field(fan, "best")), 1);
    assert_int_equal(json_object_array_length(field(fan, "points")), 2);
    point = json_object_array_get_idx(field(fan, "points"), 0);
    assert_int_equal(json_object_get_int64(field(point, "submit_at")), NOW + 50);
    assert_string_equal(json_object_get_string(field(point, "cost_h")), "2.5");
    assert_null(field(point, "cost_p90_h"));
    job = json_object_array_get_idx(field(fan, "jobs"), 0);
    assert_int_equal(json_object_get_int64(field(job, "id")), 4242);
    assert_true(json_object_get_boolean(field(job, "is_running")));
    assert_string_equal(json_object_get_string(field(job, "effect_h")), "3.25");
    assert_string_equal(json_object_get_string(field(job, "user")), "alice");
    json_object_put(d);
}

static const char *text_at(struct json_object *object, const char *key)
{
    return json_object_get_string(field(object, key));
}

/* The daemon sees jobs that Slurm may hide from who asks: those of the chain's user are no news. */
static void strangers_jobs_are_named_to_admins_only(void **state)
{
    struct mir_view_chain *chain = make_chain("c", "running", 0);

    (void)state;
    add_history(chain);
    chain->decisions[50].fan->n_jobs = 2;
    snprintf(chain->decisions[50].fan->jobs[1].user, 64, "bob");
    snprintf(chain->decisions[50].fan->jobs[1].name, 64, "sim");
    for (int strangers = 0; strangers < 2; strangers++) {
        char *text = mir_render_decisions(chain, 1, true, strangers != 0);
        struct json_object *root = json_tokener_parse(text), *jobs, *bobs;

        jobs = field(json_object_array_get_idx(field(root, "fans"), 0), "jobs");
        assert_string_equal(text_at(json_object_array_get_idx(jobs, 0), "user"), "alice");
        bobs = json_object_array_get_idx(jobs, 1);
        if (strangers != 0)
            assert_string_equal(text_at(bobs, "name"), "sim");
        else
            assert_true(strstr(text, "bob") == NULL && strstr(text, "sim") == NULL);
        json_object_put(root);
        free(text);
    }
    mir_view_chain_unref(chain);
}

static void shows_waits_of_the_queue(void **state)
{
    struct json_object *q = get_json(connect_tcp(), "/api/v1/queue");

    (void)state;
    assert_int_equal(json_object_array_length(field(q, "wait_s")), 5);
    assert_float_equal(json_object_get_double(json_object_array_get_idx(field(q, "wait_s"), 4)),
                       3600.5, 1e-9);
    assert_null(field(field(q, "recent_wait_s"), "p95"));
    json_object_put(q);
}

static void shows_the_model_and_what_it_kept_of_its_promises(void **state)
{
    struct json_object *m = get_json(connect_tcp(), "/api/v1/model");
    struct json_object *current = field(m, "current"), *coverage = field(m, "coverage");
    struct mir_view *view = make_view(2);

    (void)state;
    assert_string_equal(json_object_get_string(field(current, "checksum")), "00112233445566ff");
    assert_int_equal(json_object_get_int64(field(current, "trained_at")), NOW - 7200);
    assert_null(field(m, "previous"));
    assert_float_equal(json_object_get_double(field(coverage, "p90")), 0.875, 1e-9);
    assert_null(field(coverage, "p95"));
    assert_int_equal(json_object_get_int(field(coverage, "n_known")), 1000);
    assert_float_equal(json_object_get_double(field(field(m, "scores"), "check xgb-q pinball 0.5")),
                       0.25, 1e-9);
    json_object_put(m);
    mir_view_model_unref(view->model);
    view->model = NULL; /* none is configured */
    mir_view_publish(fx.board, view);
    m = get_json(connect_unix(), "/api/v1/model");
    assert_string_equal(json_object_get_string(field(m, "path")), "");
    assert_null(field(m, "current"));
    json_object_put(m);
}

static void answers_head_without_a_body(void **state)
{
    struct answer a = request(connect_tcp(), "HEAD", "/api/v1/status", NULL);

    (void)state;
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "");
    assert_non_null(strstr(a.text.text, "Content-Length: "));
    mir_str_release(&a.text);
}

static void sends_the_headers_that_keep_browsers_off(void **state)
{
    struct answer a = request(connect_tcp(), "GET", "/api/v1/status", NULL);

    (void)state;
    assert_non_null(strstr(a.text.text, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(a.text.text, "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strstr(a.text.text, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(a.text.text, "\r\nContent-Security-Policy: default-src 'none'\r\n"));
    assert_non_null(strstr(a.text.text, "\r\nConnection: close\r\n"));
    mir_str_release(&a.text);
}

static void tells_health_and_readiness(void **state)
{
    struct mir_view *view = make_view(2);

    (void)state;
    view->passed_mono_ns -= (STALE_S + 1) * INT64_C(1000000000);
    view->ready = false;
    mir_view_publish(fx.board, view);
    assert_int_equal(get_status(connect_unix(), "/healthz"), 503);
    assert_int_equal(get_status(connect_tcp(), "/readyz"), 503);
    mir_view_publish(fx.board, make_view(3));
    assert_int_equal(get_status(connect_unix(), "/healthz"), 200);
    assert_int_equal(get_status(connect_tcp(), "/readyz"), 200);
}

static void says_starting_before_the_first_view(void **state)
{
    (void)state;
    mir_view_publish(fx.board, NULL);
    assert_int_equal(get_status(connect_unix(), "/healthz"), 503);
    assert_int_equal(get_status(connect_unix(), "/api/v1/status"), 503);
}

/* ---- What is refused */

static void knows_no_other_paths(void **state)
{
    static const char *const paths[] = {"/",
                                        "/api/v1",
                                        "/api/v1/status/",
                                        "/api/v1/statu%73",
                                        "/api/v1/status%00",
                                        "/api/v1/chains/",
                                        "/api/v1/chains/no-such",
                                        "/api/v1/chains/0123456789abcdef",
                                        "/api/v1/chains/c-open/decision",
                                        "/api/v1/chains/../status",
                                        "//api/v1/status"};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(get_status(connect_unix(), paths[i]), 404);
        assert_int_equal(get_status(connect_tcp(), paths[i]), 404);
    }
    assert_int_equal(post_status("/api/v1/nothing", "{}"), 404);
}

static void allows_only_the_methods_of_a_path(void **state)
{
    struct answer a = request(connect_tcp(), "POST", "/api/v1/chains", "{\"job\":1}");

    (void)state;
    assert_int_equal(a.status, 405);
    assert_non_null(strstr(a.text.text, "\r\nAllow: GET, HEAD\r\n"));
    assert_non_null(strstr(a.body, "{\"error\":\""));
    mir_str_release(&a.text);
    a = request(connect_unix(), "DELETE", "/api/v1/chains", NULL);
    assert_int_equal(a.status, 405);
    assert_non_null(strstr(a.text.text, "\r\nAllow: GET, HEAD, POST\r\n"));
    mir_str_release(&a.text);
    a = request(connect_unix(), "GET", "/api/v1/drain", NULL);
    assert_int_equal(a.status, 405);
    assert_non_null(strstr(a.text.text, "\r\nAllow: POST\r\n"));
    mir_str_release(&a.text);
    assert_int_equal(status_of(request(connect_tcp(), "PUT", "/api/v1/status", NULL)), 405);
    assert_int_equal(post_status("/api/v1/status", "{}"), 405);
}

static void does_nothing_for_a_post_over_tcp(void **state)
{
    static const char *const paths[] = {"/api/v1/chains", "/api/v1/chains/c-open/stop",
                                        "/api/v1/drain"};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        int status = status_of(request(connect_tcp(), "POST", paths[i], "{}"));

        assert_true(status == 404 || status == 405);
    }
    assert_int_equal(fx.n_commands, 0);
}

static void checks_the_host(void **state)
{
    static const struct {
        const char *host;
        int status;
    } rows[] = {
        {"Host: localhost\r\n", 200},
        {"Host: LocalHost:8642\r\n", 200},
        {"Host: 127.0.0.1:1\r\n", 200},
        {"Host: [::1]:8642\r\n", 200},
        {"host: LOGIN1.example.ORG\r\n", 200},
        {"Host: evil.example\r\n", 421},
        {"Host: localhost.evil.example\r\n", 421},
        {"Host: 127.0.0.1.nip.io:8642\r\n", 421},
        {"Host: localhost@evil.example\r\n", 400},
        {"Host: localhost:port\r\n", 400},
        {"Host: \r\n", 400},
        {"Host: localhost\r\nHost: evil.example\r\n", 400},
        {"", 400},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "GET /api/v1/status HTTP/1.1\r\n%s\r\n", rows[i].host);
        assert_int_equal(status_of(exchange(connect_tcp(), text)), rows[i].status);
        assert_int_equal(status_of(exchange(connect_unix(), text)), rows[i].status);
    }
    assert_int_equal(status_of(exchange(connect_tcp(), "GET /api/v1/status HTTP/1.0\r\n\r\n")),
                     400);
}

static void checks_the_host_in_an_absolute_target(void **state)
{
    static const struct {
        const char *target;
        int status;
    } rows[] = {
        {"http://localhost/api/v1/status", 200},
        {"HTTP://127.0.0.1:8642/api/v1/status", 200},
        {"http://evil.example/api/v1/status", 421},
        {"http:///api/v1/status", 400},
        {"https://localhost/api/v1/status", 400},
        {"http://localhost", 404},
        {"*", 400},
        {"api/v1/status", 400},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", rows[i].target);
        assert_int_equal(status_of(exchange(connect_tcp(), text)), rows[i].status);
    }
}

static void refuses_a_huge_header(void **state)
{
    struct mir_str text = {0};
    int status;

    (void)state;
    mir_str_add(&text, "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nX-Long: ");
    for (int i = 0; i < 100000; i++)
        mir_str_add(&text, "x");
    mir_str_add(&text, "\r\n\r\n");
    status = status_of(exchange_n(connect_tcp(), text.text, text.len));
    assert_true(status == 431 || status == 413 || status == 0);
    mir_str_release(&text);
    assert_int_equal(get_status(connect_tcp(), "/readyz"), 200);
}

static void asks_the_kernel_only_about_unix_connections(void **state)
{
    uint32_t uid = 77;
    int fd = connect_tcp(), pair[2];

    (void)state;
    assert_int_equal(mir_socket_peer(fd, &uid), -EPERM);
    assert_int_equal(uid, 77);
    close(fd);
    assert_int_equal(mir_socket_peer(-1, &uid), -EPERM);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(mir_socket_peer(pair[0], &uid), 0);
    assert_int_equal(uid, getuid());
    close(pair[0]);
    close(pair[1]);
}

/* ---- Sockets */

static void makes_the_socket_for_everybody_and_removes_it(void **state)
{
    struct mir_error err;
    struct stat st;

    (void)state;
    assert_int_equal(stat(fx.path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0666);
    mir_http_destroy(fx.http);
    fx.http = NULL;
    assert_int_not_equal(stat(fx.path, &st), 0);
    assert_int_equal(start_http("", false, &err), 0);
    assert_int_equal(mir_http_port(fx.http), 0);
    assert_int_equal(get_status(connect_unix(), "/readyz"), 200);
}

static void replaces_a_stale_socket_only(void **state)
{
    struct mir_http *first = fx.http;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct mir_error err;
    int fd;

    (void)state;
    assert_int_equal(start_http("", false, &err), -EADDRINUSE);
    mir_http_destroy(first);
    fx.http = NULL;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", fx.path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    close(fd);
    assert_int_equal(start_http("", false, &err), 0);
    mir_http_destroy(fx.http);
    fx.http = NULL;
    fclose(fopen(fx.path, "w"));
    assert_int_equal(start_http("", false, &err), -EADDRINUSE);
    assert_int_equal(access(fx.path, F_OK), 0);
}

static void listens_on_loopback_only(void **state)
{
    static const char *const texts[] = {
        "0.0.0.0:8642",   "192.0.2.1:8642", "[::]:8642",  "[::ffff:127.0.0.1]:8642",
        "localhost:8642", "127.0.0.1",      "127.0.0.1:", "127.0.0.1:65536",
        "127.0.0.1:x",    ":8642",          "nonsense"};
    struct mir_error err;

    (void)state;
    mir_http_destroy(fx.http);
    fx.http = NULL;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(start_http(texts[i], false, &err), -EINVAL);
        assert_int_not_equal(access(fx.path, F_OK), 0);
    }
}

static void serves_the_other_loopback_too(void **state)
{
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct mir_error err;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool missing = fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0;

    (void)state;
    close(fd);
    if (missing)
        skip();
    mir_http_destroy(fx.http);
    assert_int_equal(start_http("[::1]:0", false, &err), 0);
    addr.sin6_port = htons(mir_http_port(fx.http));
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(get_status(fd, "/readyz"), 200);
}

static void refuses_a_port_in_use(void **state)
{
    char listen_text[32];
    struct mir_error err;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof(addr);

    (void)state;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    snprintf(listen_text, sizeof(listen_text), "127.0.0.1:%u", ntohs(addr.sin_port));
    mir_http_destroy(fx.http);
    fx.http = NULL;
    assert_int_equal(start_http(listen_text, false, &err), -EADDRINUSE);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(serves_each_reading_path_on_both_sockets),
        TEST(shows_status_with_its_fields),
        TEST(shows_open_and_recent_chains_unless_asked_for_all),
        TEST(shows_owners_on_the_unix_socket_with_bad_bytes_replaced),
        TEST(hides_owners_on_tcp),
        TEST(shows_owners_on_tcp_where_allowed),
        TEST(shows_the_newest_decisions),
        TEST(shows_the_fan_of_a_decision),
        TEST(strangers_jobs_are_named_to_admins_only),
        TEST(shows_waits_of_the_queue),
        TEST(shows_the_model_and_what_it_kept_of_its_promises),
        TEST(answers_head_without_a_body),
        TEST(sends_the_headers_that_keep_browsers_off),
        TEST(tells_health_and_readiness),
        TEST(says_starting_before_the_first_view),
        TEST(knows_no_other_paths),
        TEST(allows_only_the_methods_of_a_path),
        TEST(does_nothing_for_a_post_over_tcp),
        TEST(checks_the_host),
        TEST(checks_the_host_in_an_absolute_target),
        TEST(refuses_a_huge_header),
        TEST(asks_the_kernel_only_about_unix_connections),
        TEST(makes_the_socket_for_everybody_and_removes_it),
        TEST(replaces_a_stale_socket_only),
        TEST(listens_on_loopback_only),
        TEST(serves_the_other_loopback_too),
        TEST(refuses_a_port_in_use),
    };

    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
