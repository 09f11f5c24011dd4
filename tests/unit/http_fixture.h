/*
 * http_fixture.h - both servers on a hand-made view, a stand-in engine, and
 * clients of every kind, for the tests of daemon/http.
 */
#ifndef MIR_TESTS_HTTP_FIXTURE_H
#define MIR_TESTS_HTTP_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/str.h"
#include "daemon/engine/view.h"
#include "daemon/http/http.h"
#include "daemon/http/socket.h"

enum { DEADLINE_MS = 500, NOW = 1700000000, STALE_S = 30, NOBODY = 65534 };

/* ---- What is served */

static inline struct mir_view_chain *
make_chain(const char *id, const char *chain_state, int64_t ended_at)
{
    struct mir_view_chain *chain = mir_view_chain_create();

    snprintf(chain->id, sizeof(chain->id), "%s", id);
    snprintf(chain->state, sizeof(chain->state), "%s", chain_state);
    snprintf(chain->reason, sizeof(chain->reason), "cancelled by alice");
    snprintf(chain->user, sizeof(chain->user), "alice");
    snprintf(chain->account, sizeof(chain->account), "secretproject");
    snprintf(chain->name, sizeof(chain->name), "na\xffme");
    snprintf(chain->options, sizeof(chain->options), "stop_file=/home/alice/DONE");
    snprintf(chain->partition, sizeof(chain->partition), "gpu");
    chain->uid = 1234;
    chain->weight = 0.1;
    chain->enrolled_at = NOW - 5000;
    chain->ended_at = ended_at;
    chain->interruption_s = NAN;
    chain->overlap_s = 12.5;
    return chain;
}

static inline struct mir_view_fan *make_fan(void)
{
    struct mir_view_fan *fan = mir_view_fan_create();

    fan->n_futures = 32;
    fan->n_points = 2;
    fan->best = 1;
    fan->points[0] = (struct mir_view_fan_point){NOW + 50, 2.5, 1, NAN, 0, 1, 2};
    fan->points[1] = (struct mir_view_fan_point){NOW + 650, 2.25, 1, 4, 0, 1, 2};
    fan->n_jobs = 1;
    fan->jobs[0] = (struct mir_view_fan_job){.id = 4242, .is_running = true, .effect_h = 3.25};
    snprintf(fan->jobs[0].user, sizeof(fan->jobs[0].user), "alice");
    snprintf(fan->jobs[0].name, sizeof(fan->jobs[0].name), "secretproject");
    return fan;
}

static inline void add_history(struct mir_view_chain *chain)
{
    chain->n_links = 1;
    chain->links = MIR_NEW_ARRAY(struct mir_view_link, 1);
    chain->links[0].job_id = 4711;
    chain->links[0].interruption_s = NAN;
    snprintf(chain->links[0].token, sizeof(chain->links[0].token), "tokentokentoken");
    chain->n_decisions = 100;
    chain->decisions = MIR_NEW_ARRAY(struct mir_view_decision, 100);
    for (int i = 0; i < 100; i++)
        chain->decisions[i].at = NOW + i;
    chain->decisions[50].fan = make_fan();
    chain->n_events = 1;
    chain->events = MIR_NEW_ARRAY(struct mir_view_event, 1);
    snprintf(chain->events[0].text, sizeof(chain->events[0].text), "alice stopped it");
}

static inline void add_settings(struct mir_view *view)
{
    view->n_settings = 2;
    view->settings = MIR_NEW_ARRAY(struct mir_view_setting, 2);
    view->settings[0] = (struct mir_view_setting){"mode", "act"};
    view->settings[1] = (struct mir_view_setting){"admins", "alice"};
}

static inline struct mir_view_model *make_model(void)
{
    struct mir_view_model *model = mir_view_model_create();

    snprintf(model->path, sizeof(model->path), "/var/lib/mirage/model/current.model");
    snprintf(model->current.checksum, sizeof(model->current.checksum), "00112233445566ff");
    snprintf(model->current.methods, sizeof(model->current.methods), "xgb-q");
    model->current.trained_at = NOW - 7200;
    model->n_scores = 1;
    model->scores = MIR_NEW_ARRAY(struct mir_view_score, 1);
    snprintf(model->scores[0].name, sizeof(model->scores[0].name), "check xgb-q pinball 0.5");
    model->scores[0].value = 0.25;
    return model;
}

static inline struct mir_view *make_view(uint64_t n)
{
    struct mir_view *view = mir_view_create();

    snprintf(view->version, sizeof(view->version), "0.1.0");
    snprintf(view->mode, sizeof(view->mode), "act");
    view->at = NOW;
    view->ready = true;
    view->n_passes = n;
    view->n_decisions = n;
    view->passed_mono_ns = mir_clock_mono_ns();
    view->wait_s[4] = 3600.5;
    view->recent_wait_s[2] = NAN;
    view->n_chains = 4;
    view->chains = MIR_NEW_ARRAY(struct mir_view_chain *, 4);
    view->chains[0] = make_chain("c-open", "running", 0);
    view->chains[1] = make_chain("c-recent", "ended", NOW - 3600);
    view->chains[2] = make_chain("c-old", "ended", NOW - 90000);
    view->chains[3] = make_chain("c-refused", "refused", 0);
    add_history(view->chains[0]);
    view->n_rpcs = 1;
    view->rpcs = MIR_NEW_ARRAY(struct mir_view_rpc, 1);
    snprintf(view->rpcs[0].name, sizeof(view->rpcs[0].name), "jobs");
    view->rpcs[0].n = 17;
    add_settings(view);
    view->model = make_model();
    view->coverage = (struct mir_view_coverage){
        .method = "xgb-q", .n_known = 1000, .share = {0.5, 0.875, NAN}, .n_open = 3};
    return view;
}

/* ---- Servers and the stand-in engine */

struct fixture {
    char folder[64], path[96];
    struct mir_view_board *board;
    struct mir_mailbox *box;
    struct mir_http *http;
    uint16_t port;
    pthread_t engine;
    atomic_bool ending;
    atomic_int stalls_ms; /* the engine lies down for so long at its next command */
    pthread_mutex_t lock;
    struct mir_command last; /* under the lock */
    char environment[64];
    unsigned n_commands;
};

static struct fixture fx;

static inline int rc_of(const struct mir_command *command)
{
    static const struct {
        const char *chain;
        int rc;
    } rcs[] = {{"c-none", -ENOENT},
               {"c-foreign", -EPERM},
               {"c-bad", -EINVAL},
               {"c-again", -EALREADY},
               {"c-disk", -EIO}};

    for (size_t i = 0; i < sizeof(rcs) / sizeof(rcs[0]); i++) {
        if (strcmp(rcs[i].chain, command->chain) == 0)
            return rcs[i].rc;
    }
    return 0;
}

static inline struct mir_view_forecast *make_forecast(void)
{
    struct mir_view_forecast *f = MIR_NEW(struct mir_view_forecast);

    f->at = NOW;
    snprintf(f->method, sizeof(f->method), "xgb-q");
    f->wait_s[0] = 60;
    f->wait_s[1] = 3600;
    f->wait_s[2] = NAN;
    f->plan_s = 7200.5;
    f->priority = NAN;
    f->n_drivers = 1;
    f->drivers[0] = (struct mir_view_driver){.name = "ahead_jobs", .unit = "count", .value = 12};
    f->drivers[0].change_s = -1800;
    return f;
}

static inline void handle(void *arg, const struct mir_command *command, struct mir_answer *answer)
{
    struct fixture *f = arg;

    pthread_mutex_lock(&f->lock);
    f->last = *command;
    f->last.munged_environment = NULL;
    snprintf(f->environment, sizeof(f->environment), "%s",
             command->munged_environment != NULL ? command->munged_environment : "");
    f->n_commands++;
    pthread_mutex_unlock(&f->lock);
    poll(NULL, 0, atomic_exchange(&f->stalls_ms, 0));
    answer->rc = rc_of(command);
    if (command->verb == MIR_PREDICT)
        answer->forecast = make_forecast();
    if (command->verb == MIR_HISTORY) {
        answer->csv = mir_strdup("id,user\n1,\"a,\"\"b\"\"\xff\"\n");
        snprintf(answer->after, sizeof(answer->after), command->after[0] == '\0' ? "1.2.3" : "");
    }
    snprintf(answer->chain, sizeof(answer->chain), "c-new");
    snprintf(answer->text, sizeof(answer->text), answer->rc == 0 ? "done" : "not done: \"why\"");
}

static inline void *run_engine(void *arg)
{
    struct fixture *f = arg;

    while (!atomic_load(&f->ending)) {
        struct pollfd p = {.fd = mir_mailbox_fd(f->box), .events = POLLIN};

        if (poll(&p, 1, 10) == 1)
            mir_mailbox_serve(f->box, handle, f);
    }
    return NULL;
}

static inline int start_http(const char *listen, bool show_users, struct mir_error *err)
{
    static const char *const hosts[] = {"login1.example.org", NULL};
    static const uint32_t admins[] = {4242};
    const struct mir_http_settings settings = {
        .socket_path = fx.path,
        .listen = listen,
        .hosts = hosts,
        .admin_uids = admins,
        .n_admin_uids = 1,
        .show_users = show_users,
        .deadline_ms = DEADLINE_MS,
        .stale_s = STALE_S,
    };

    return mir_http_create(&settings, fx.board, fx.box, &fx.http, err);
}

static inline int set_up(void **state)
{
    struct mir_error err = {{0}};

    (void)state;
    memset(&fx, 0, sizeof(fx));
    snprintf(fx.folder, sizeof(fx.folder), "/tmp/test_http.XXXXXX");
    if (mkdtemp(fx.folder) == NULL || chmod(fx.folder, 0755) != 0)
        return -1;
    snprintf(fx.path, sizeof(fx.path), "%s/mirage.sock", fx.folder);
    fx.board = mir_view_board_create();
    fx.box = mir_mailbox_create();
    pthread_mutex_init(&fx.lock, NULL);
    mir_view_publish(fx.board, make_view(1));
    if (start_http("127.0.0.1:0", false, &err) != 0) {
        print_error("%s\n", err.text);
        return -1;
    }
    fx.port = mir_http_port(fx.http);
    return pthread_create(&fx.engine, NULL, run_engine, &fx);
}

static inline int tear_down(void **state)
{
    (void)state;
    mir_http_destroy(fx.http);
    atomic_store(&fx.ending, true);
    pthread_join(fx.engine, NULL);
    mir_mailbox_destroy(fx.box);
    mir_view_board_destroy(fx.board);
    pthread_mutex_destroy(&fx.lock);
    unlink(fx.path);
    return rmdir(fx.folder);
}

/* ---- Clients */

static inline int connect_unix(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", fx.path);
    if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static inline int connect_tcp(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(fx.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static inline bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

struct answer {
    int status; /* 0: the server hung up without any */
    struct mir_str text;
    const char *body; /* within text */
};

/* Until the server ends the connection, at most ten seconds. */
static inline struct answer receive(int fd)
{
    struct answer a = {.body = ""};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char buf[8192];
    ssize_t n;

    while (poll(&p, 1, 10000) == 1 && (n = recv(fd, buf, sizeof(buf), 0)) > 0)
        mir_str_add_n(&a.text, buf, (size_t)n);
    close(fd);
    if (a.text.len >= 12 && strncmp(a.text.text, "HTTP/1.1 ", 9) == 0) {
        const char *end = strstr(a.text.text, "\r\n\r\n");

        a.status = (int)strtol(a.text.text + 9, NULL, 10);
        a.body = end != NULL ? end + 4 : "";
    }
    return a;
}

static inline struct answer exchange_n(int fd, const char *request, size_t len)
{
    assert_true(fd >= 0);
    (void)send_all(fd, request, len); /* refused early, it may not all be taken */
    return receive(fd);
}

static inline struct answer exchange(int fd, const char *request)
{
    return exchange_n(fd, request, strlen(request));
}

static inline struct answer request(int fd, const char *method, const char *path, const char *body)
{
    struct mir_str text = {0};
    struct answer a;

    mir_str_addf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
    if (body != NULL)
        mir_str_addf(&text, "Content-Length: %zu\r\n", strlen(body));
    mir_str_addf(&text, "\r\n%s", body != NULL ? body : "");
    a = exchange_n(fd, text.text, text.len);
    mir_str_release(&text);
    return a;
}

static inline int status_of(struct answer a)
{
    int status = a.status;

    mir_str_release(&a.text);
    return status;
}

static inline int get_status(int fd, const char *path)
{
    return status_of(request(fd, "GET", path, NULL));
}

static inline int post_status(const char *path, const char *body)
{
    return status_of(request(connect_unix(), "POST", path, body));
}

/* The reply's JSON; the caller puts it. */
static inline struct json_object *get_json(int fd, const char *path)
{
    struct answer a = request(fd, "GET", path, NULL);
    struct json_object *object = json_tokener_parse(a.body);

    assert_int_equal(a.status, 200);
    assert_non_null(object);
    mir_str_release(&a.text);
    return object;
}

static inline struct json_object *field(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(object, key, &value))
        fail_msg("no key %s in %s", key, json_object_to_json_string(object));
    return value;
}

static inline bool has(struct json_object *object, const char *key)
{
    return json_object_object_get_ex(object, key, NULL);
}

static inline int64_t ms_since(int64_t ns)
{
    return (mir_clock_mono_ns() - ns) / 1000000;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
