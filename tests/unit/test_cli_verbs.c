/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cli_verbs.c - the verbs against a daemon of canned answers and stand-ins for Slurm's programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/cli/args.h"
#include "daemon/cli/client.h"
#include "daemon/core/alloc.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

enum { NOW = 1767225600, MAX_ARGS = 16 };

#define CHAIN_A                                                                                    \
    "{\"id\":\"abcdefgh\",\"state\":\"active\",\"reason\":\"\",\"user\":\"alice\","                \
    "\"partition\":\"gpu\",\"next_decision_at\":1767225660,\"interruption_s\":75,"                 \
    "\"enrolled_at\":1767220000,\"limit_s\":3600,\"ended_at\":null"
#define CHAIN_B                                                                                    \
    "{\"id\":\"abzzzzzz\",\"state\":\"parked\",\"reason\":\"three failures\",\"user\":\"bob\","    \
    "\"partition\":\"cpu\",\"next_decision_at\":null,\"interruption_s\":null"
#define LINKS_A                                                                                    \
    ",\"links\":[{\"number\":0,\"state\":\"gone\",\"job_id\":40,\"start_at\":1767218400,"          \
    "\"submit_at\":1767218000},{\"number\":1,\"state\":\"running\",\"job_id\":41,"                 \
    "\"job_state\":\"RUNNING\",\"submit_at\":1767221000,\"start_at\":1767222000,"                  \
    "\"end_at\":1767229200,\"interruption_s\":75,\"overlap_s\":0,\"environment\":\"slurmdbd\"},"   \
    "{\"number\":2,\"state\":\"planned\",\"job_id\":0}]"
#define STATUS                                                                                     \
    "{\"version\":\"0.1.0\",\"cluster\":\"c1\",\"slurm_version\":\"22.05.8\",\"mode\":\"act\","    \
    "\"drained\":false,\"killed\":false,\"connected\":true,\"ready\":true,\"problem\":\"\","       \
    "\"journal\":\"wal\",\"history\":\"accounting\",\"at\":1767225600,\"list_at\":1767225590,"     \
    "\"poll_s\":60,\"n_futures\":1234,\"lookahead_cpu_s\":5.67,\"n_foretold\":220,"                \
    "\"foretold_outside\":0.61,\"lookahead_trusted\":false,\"arrivals_since_at\":1767222000,"      \
    "\"n_chains\":2}"

#define MODEL_FILE                                                                                 \
    "{\"checksum\":\"00112233445566ff\",\"source\":\"history.csv\",\"program\":"                   \
    "\"mirage-train 0.1.0\",\"feature_set\":\"wait-1\",\"methods\":\"forest-q xgb-q\","            \
    "\"trained_at\":1767139200,\"from_at\":1764547200,\"to_at\":1767139200,\"n_labels\":200000,"   \
    "\"n_censored\":100,\"n_nodes\":76,\"seed\":1}"

/* The older is link 1's; of the other, nobody knows how bad the last hour may get. */
#define FANS                                                                                       \
    ",\"fans\":[{\"at\":1767220000,\"link\":1,\"n_futures\":16,\"best\":0,\"points\":[{"           \
    "\"submit_at\":1767220000,\"cost_h\":9}],\"jobs\":[]},{\"at\":1767225000,\"link\":2,"          \
    "\"n_futures\":32,\"best\":1,\"points\":["                                                     \
    "{\"submit_at\":1767225000,\"cost_h\":3,\"cost_p10_h\":1.5,\"cost_p90_h\":6},"                 \
    "{\"submit_at\":1767232200,\"cost_h\":1,\"cost_p10_h\":0,\"cost_p90_h\":3},"                   \
    "{\"submit_at\":1767239400,\"cost_h\":4,\"cost_p10_h\":0.5,\"cost_p90_h\":null}],"             \
    "\"jobs\":[{\"id\":1234,\"is_running\":true,\"effect_h\":3.24,\"user\":\"alice\","             \
    "\"name\":\"tr\\u001bain\"},{\"id\":77,\"is_running\":false,\"effect_h\":-1.06,"               \
    "\"user\":\"\",\"name\":\"\"}]}]"

static struct answer {
    const char *request; /* "GET /path" */
    int status;
    const char *body;
} answers[] = {
    {"GET /api/v1/status ", 200, STATUS},
    {"GET /api/v1/chains ", 200, "{\"chains\":[" CHAIN_A "}," CHAIN_B "}]}"},
    {"GET /api/v1/chains?all=1 ", 200, "{\"chains\":[" CHAIN_A "}," CHAIN_B "}]}"},
    {"GET /api/v1/chains/abcdefgh ", 200, CHAIN_A LINKS_A "}"},
    {"GET /api/v1/chains/abzzzzzz ", 200, CHAIN_B ",\"links\":[]}"},
    {"GET /api/v1/chains/abcdefgh/decisions?n=100 ", 200,
     "{\"decisions\":[{\"at\":1767222000,\"link\":2,\"submit\":false,\"acted\":false,"
     "\"wait_s\":600,\"reason\":\"wait 10 min < 2 h left\"},{\"at\":1767225000,\"link\":2,"
     "\"submit\":true,\"acted\":false,\"wait_s\":null,\"reason\":\"now\"}],"
     "\"events\":[{\"at\":1767223000,\"link\":-1,\"text\":\"paused\\u001b[2J by alice\"}]}"},
    {"GET /api/v1/chains/abzzzzzz/decisions?n=100 ", 200,
     "{\"decisions\":[{\"at\":1767225000,\"link\":2,\"submit\":false,\"acted\":false,"
     "\"wait_s\":600,\"reason\":\"waits\"}],\"events\":[]" FANS "}"},
    {"GET /api/v1/config ", 200, "{\"settings\":{\"mode\":\"act\",\"broker.min_uid\":\"1000\"}}"},
    {"POST /api/v1/chains/abcdefgh/stop ", 200,
     "{\"chain\":\"abcdefgh\",\"text\":\"chain abcdefgh ended\"}"},
    {"POST /api/v1/chains ", 200, "{\"chain\":\"abcdefgh\",\"text\":\"enrolled\"}"},
    {"GET /api/v1/predict?nodes=8&limit_s=172800&partition=gpu&user=alice ", 200,
     "{\"at\":1767225600,\"method\":\"xgb-q\",\"note\":\"\",\"wait_s\":{\"p10\":600,"
     "\"p50\":7200,\"p90\":null},\"plan_s\":10800,\"priority\":null,\"out_of_range\":false,"
     "\"n_outside\":1,\"furthest\":\"hour\",\"n_waits\":0,\"drivers\":[{\"name\":\"ahead_jobs\","
     "\"value\":12,\"unit\":\"count\",\"change_s\":5400,\"text\":\"jobs ahead\"},{\"name\":"
     "\"nodes_free\",\"value\":3,\"unit\":\"nodes\",\"change_s\":-1800,\"text\":\"idle\"},{"
     "\"name\":\"hour\",\"value\":3,"
     "\"unit\":\"h\",\"change_s\":0,\"text\":\"changes nothing\"}],"
     "\"model\":" MODEL_FILE "}"},
    {"GET /api/v1/predict?nodes=1&limit_s=3600&user=bob ", 200,
     "{\"method\":\"waits\",\"note\":\"no model: waits of the last 20 starts (1 node)\","
     "\"wait_s\":{\"p10\":0,\"p50\":60,\"p90\":3600},\"plan_s\":null,\"out_of_range\":false,"
     "\"n_waits\":20,\"drivers\":[],\"model\":null}"},
    {"GET /api/v1/model ", 200,
     "{\"path\":\"/var/lib/mirage/model/current.model\",\"refused\":\"\",\"loaded_at\":1767225500,"
     "\"current\":" MODEL_FILE ",\"previous\":null,\"coverage\":{\"method\":\"xgb-q\","
     "\"n_known\":1000,\"p50\":0.49,\"p90\":0.902,\"p95\":0.951,\"n_open\":7},"
     "\"scores\":{\"check from\":1767139200,\"check xgb-q coverage 0.5\":0.49,"
     "\"check xgb-q pinball 0.5\":0.25,\"current learned until\":1766534400,"
     "\"current check xgb-q pinball 0.5\":0.3},\"importance\":{\"ahead_jobs\":0.125}}"},
    {"POST /api/v1/model/install ", 200, "{\"chain\":\"\",\"text\":\"model 1 is in use\"}"},
    {"POST /api/v1/model/rollback ", 404, "{\"error\":\"previous.model: No such file\"}"},
    {"GET /api/v1/history ", 200, "{\"csv\":\"# mirage-log 1\\nid\\n1\\n\",\"after\":\"5.1.4\"}"},
    {"GET /api/v1/history?after=5.1.4 ", 200, "{\"csv\":\"2\\n\",\"after\":null}"},
    {"POST /api/v1/drain ", 403, "{\"error\":\"only admins may drain\"}"},
    {"POST /api/v1/undrain ", 500, "<html>oops</html>"},
};

static char folder[] = "/tmp/mirage-cli-XXXXXX";
static char socket_path[64];
static int listener = -1, stop_pipe[2];
static pthread_t server;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last_post[8192]; /* under lock */

/* ---- A daemon of canned answers */

static void serve_one(int fd)
{
    char request[8192] = "", reply[8192];
    size_t len = 0;
    const char *body = NULL;
    const struct answer *found = NULL;
    int n;

    while (len < sizeof(request) - 1) {
        ssize_t got = read(fd, request + len, sizeof(request) - 1 - len);
        const char *length;

        if (got <= 0)
            break;
        len += (size_t)got;
        request[len] = '\0';
        body = strstr(request, "\r\n\r\n");
        length = strstr(request, "Content-Length: ");
        if (body != NULL && (length == NULL || strlen(body + 4) >= strtoul(length + 16, NULL, 10)))
            break;
    }
    for (size_t i = 0; i < N_OF(answers); i++) {
        if (strncmp(request, answers[i].request, strlen(answers[i].request)) == 0)
            found = &answers[i];
    }
    if (request[0] == 'P' && body != NULL) {
        pthread_mutex_lock(&lock);
        snprintf(last_post, sizeof(last_post), "%s", body + 4);
        pthread_mutex_unlock(&lock);
    }
    n = snprintf(reply, sizeof(reply), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s",
                 found != NULL ? found->status : 404,
                 found != NULL ? strlen(found->body) : strlen("{\"error\":\"no such path\"}"),
                 found != NULL ? found->body : "{\"error\":\"no such path\"}");
    if (write(fd, reply, (size_t)n) != n)
        abort();
}

static void *serve(void *arg)
{
    struct pollfd fds[] = {{.fd = listener, .events = POLLIN},
                           {.fd = stop_pipe[0], .events = POLLIN}};

    while (poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            continue;
        serve_one(fd);
        close(fd);
    }
    return arg;
}

/* ---- Slurm's programs, as scripts that note how they were called */

static void write_program(const char *variable, const char *name, const char *body)
{
    char path[128], text[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    snprintf(text, sizeof(text), "#!/bin/sh\nfor a; do echo \"[$a]\"; done > %s/%s.args\n%s\n",
             folder, name, body);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(setenv(variable, path, 1), 0);
}

static int start(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)state;
    if (mkdtemp(folder) == NULL || pipe(stop_pipe) != 0)
        return -1;
    snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 64) != 0)
        return -1;
    return pthread_create(&server, NULL, serve, NULL);
}

static int stop(void **state)
{
    static const char *const files[] = {"socket",      "sbatch",        "said",
                                        "sbatch.args", "squeue",        "squeue.args",
                                        "scontrol",    "scontrol.args", "job.sh"};
    char path[128];

    (void)state;
    if (write(stop_pipe[1], "x", 1) != 1)
        return -1;
    pthread_join(server, NULL);
    close(listener);
    for (size_t i = 0; i < N_OF(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static char *slurp(const char *name)
{
    char path[128], *text = mir_alloc(8192, 1);
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "r");
    if (f == NULL)
        return text;
    (void)!fread(text, 1, 8191, f);
    fclose(f);
    return text;
}

/* ---- Running a command line */

static char *out_text, *err_text;

/* Words between single blanks; `%` stands for the folder. */
static int run(const char *text)
{
    char line[512] = "", *argv[MAX_ARGS], *rest = line;
    struct mir_cli_args args;
    struct mir_error err = {{0}};
    size_t out_len, err_len;
    int argc = 0, rc;

    free(out_text);
    free(err_text);
    for (size_t n = 0; *text != '\0'; text++)
        n += (size_t)snprintf(line + n, sizeof(line) - n, *text == '%' ? "%s" : "%.1s",
                              *text == '%' ? folder : text);
    while (rest != NULL && argc < MAX_ARGS - 1)
        argv[argc++] = strsep(&rest, " ");
    argv[argc] = NULL;
    if (mir_cli_args_parse(argc, argv, &args, &err) != 0)
        fail_msg("%s: %s", line, err.text);
    args.cli.out = open_memstream(&out_text, &out_len);
    args.cli.err = open_memstream(&err_text, &err_len);
    args.cli.now = NOW;
    rc = args.verb->run(&args.cli);
    fclose(args.cli.out);
    fclose(args.cli.err);
    return rc;
}

static void check(const char *line, int rc, const char *out, const char *err)
{
    char with_socket[256];
    int got;

    snprintf(with_socket, sizeof(with_socket), "mirage --socket=%%/socket %s", line);
    got = run(with_socket);
    if (got != rc || (out != NULL && strcmp(out_text, out) != 0) || strstr(err_text, err) == NULL ||
        (err[0] == '\0' && err_text[0] != '\0'))
        fail_msg("%s: %d\n%s\n%s", line, got, out_text, err_text);
}

static void list_shows_the_job_that_serves(void **state)
{
    (void)state;
    check("list", 0,
          "CHAIN    USER  PARTITION STATE  LINK JOBID    ENDS NEXT INTERRUPTION REASON\n"
          "abcdefgh alice gpu       active    1    41 1:00:00 1:00         1:15\n"
          "abzzzzzz bob   cpu       parked    -     -       -    -            - three failures\n",
          "");
    check("list --user bob --noheader", 0, "abzzzzzz bob cpu parked - - - - - three failures\n",
          "");
    check("list --parsable2 --user=alice", 0,
          "CHAIN|USER|PARTITION|STATE|LINK|JOBID|ENDS|NEXT|INTERRUPTION|REASON\n"
          "abcdefgh|alice|gpu|active|1|41|1767229200|1767225660|75|\n",
          "");
}

static void why_puts_events_between_the_decisions(void **state)
{
    (void)state;
    check("why abcd", 0,
          "TIME                 LINK ACTION        WAIT REASON\n"
          "2025-12-31T23:00:00Z    2 wait         10:00 wait 10 min < 2 h left\n"
          "2025-12-31T23:16:40Z    - event            - paused?[2J by alice\n"
          "2025-12-31T23:50:00Z    2 would submit     - now\n",
          "");
}

static void why_shows_what_the_last_decision_saw(void **state)
{
    (void)state;
    check("why abz", 0,
          "TIME                 LINK ACTION  WAIT REASON\n"
          "2025-12-31T23:50:00Z    2 wait   10:00 waits\n"
          "\n"
          "Link 2 as of 2025-12-31T23:50:00Z, 32 futures:\n"
          "cost by time of submission, until 2026-01-01T03:50:00Z\n"
          "     h\n"
          "     6 |:::\n"
          "       |:::::::::\n"
          "       |:::::::::::::::\n"
          "   4.5 |:::::::::::::::::::::\n"
          "       |:::::::::::::::::::::::::::                                          ***\n"
          "       |:::::::::::::::::::::::::::::::::                              ******\n"
          "     3 |*****:::::::::::::::::::::::::::::::                     ******\n"
          "       |:::::*********::::::::::::::::::::::               ******\n"
          "       |::::::::::::::*********:::::::::::::         ******\n"
          "   1.5 |:::::::::::::::::::::::*********::::   ******\n"
          "       |      ::::::::::::::::::::::::::*******\n"
          "       |                  ::::::::::::::::::\n"
          "     0 |                              ::::::\n"
          "       ++-----------------+-----------------+----------------+------------------\n"
          "        now               +1 h              +2 h             +3 h\n"
          "        ^ now                               ^ best\n"
          "        * expected cost  : 8 of 10 futures\n"
          "Submitted then: 3.0 h [1.5, 6.0]\n"
          "The best, in 2:00:00: 1.0 h [0.0, 3.0]\n"
          "Its start then hangs on how long these run:\n"
          "  job 1234 (alice, tr?ain), running: +-3.2 h\n"
          "  job 77, waiting: +-1.1 h, the longer the earlier\n",
          "");
    check("why abz --parsable2 --noheader", 0, "1767225000|2|wait|600|waits\n", "");
}

/* Characters, not bytes. */
static size_t longest_line(const char *text)
{
    size_t longest = 0, n = 0;

    for (; *text != '\0'; text++) {
        n = *text == '\n' ? 0 : n + (((unsigned char)*text & 0xc0) != 0x80);
        longest = n > longest ? n : longest;
    }
    return longest;
}

static void print_fan(size_t width, bool utf8)
{
    const struct mir_cli cli = {
        .out = open_memstream(&out_text, &(size_t){0}), .width = width, .utf8 = utf8};
    struct json_object *root = json_tokener_parse("{\"a\":0" FANS "}");

    mir_print_fan(&cli, json_object_array_get_idx(mir_json_list(root, "fans"), 1));
    json_object_put(root);
    fclose(cli.out);
}

static void a_fan_is_as_wide_as_the_terminal(void **state)
{
    (void)state;
    for (size_t width = 60; width <= 120; width += 20) {
        free(out_text);
        print_fan(width, true);
        assert_int_equal(longest_line(out_text), width);
        assert_non_null(strstr(out_text, "\xe2\x97\x8f"));
    }
    free(out_text);
    print_fan(500, false);
    assert_int_equal(longest_line(out_text), 120);
    free(out_text);
    print_fan(0, true); /* into a file */
    assert_int_equal(longest_line(out_text), 80);
    for (const char *c = out_text; *c != '\0'; c++)
        assert_true((unsigned char)*c < 0x80);
}

/* Short jobs, short waits: 0.1 h and 0.2 h would say nothing. */
static void what_costs_minutes_is_told_in_minutes(void **state)
{
    struct mir_cli cli = {.width = 80};
    struct json_object *fan = json_tokener_parse(
        "{\"points\":[{\"submit_at\":0,\"cost_h\":0.1,\"cost_p10_h\":0,\"cost_p90_h\":0.2},"
        "{\"submit_at\":1200,\"cost_h\":0.05,\"cost_p10_h\":0,\"cost_p90_h\":0.1}],\"best\":1,"
        "\"jobs\":[{\"id\":7,\"is_running\":true,\"effect_h\":0.025}]}");

    (void)state;
    free(out_text);
    cli.out = open_memstream(&out_text, &(size_t){0});
    mir_print_fan(&cli, fan);
    json_object_put(fan);
    fclose(cli.out);
    assert_non_null(strstr(out_text, "   min\n    12 |:"));
    assert_non_null(strstr(out_text, " +5 min "));
    assert_non_null(strstr(out_text, "Submitted then: 6.0 min [0.0, 12.0]\n"));
    assert_non_null(strstr(out_text, "The best, in 20:00: 3.0 min [0.0, 6.0]\n"));
    assert_non_null(strstr(out_text, "  job 7, running: +-1.5 min\n"));
}

/* Whatever a daemon of another version sends. */
static void a_fan_that_makes_no_sense_is_not_drawn(void **state)
{
    static const char *const fans[] = {
        "{}",
        "{\"points\":[]}",
        "{\"points\":[1,2]}",
        "{\"best\":7,\"points\":[{\"submit_at\":1}]}",
        "{\"best\":-1,\"points\":[{\"submit_at\":1}]}",
        "{\"points\":[{\"submit_at\":5,\"cost_h\":1},{\"submit_at\":5,\"cost_h\":1}]}",
    };
    struct mir_cli cli = {.width = 80};

    (void)state;
    free(out_text);
    cli.out = open_memstream(&out_text, &(size_t){0});
    for (size_t i = 0; i < N_OF(fans); i++) {
        struct json_object *fan = json_tokener_parse(fans[i]);

        mir_print_fan(&cli, fan);
        json_object_put(fan);
    }
    fclose(cli.out);
    assert_string_equal(out_text, "");
}

/* Costs of every size, and of none: nothing is drawn outside the chart. */
static void any_costs_can_be_drawn(void **state)
{
    static const char *const costs[] = {"0", "1e-9", "0.3", "47.9", "-2", "1e8", "null"};

    (void)state;
    for (size_t i = 0; i < N_OF(costs); i++) {
        char text[512];
        struct mir_cli cli = {.width = 60};
        struct json_object *fan;

        snprintf(text, sizeof(text),
                 "{\"points\":[{\"submit_at\":0,\"cost_h\":%s,\"cost_p10_h\":%s},"
                 "{\"submit_at\":600,\"cost_h\":1,\"cost_p90_h\":%s}]}",
                 costs[i], costs[i], costs[i]);
        free(out_text);
        cli.out = open_memstream(&out_text, &(size_t){0});
        fan = json_tokener_parse(text);
        mir_print_fan(&cli, fan);
        json_object_put(fan);
        fclose(cli.out);
        assert_true(longest_line(out_text) <= 60);
    }
}

static void a_chain_is_named_by_id_beginning_or_job(void **state)
{
    static const char stopped[] = "chain abcdefgh ended\n";

    (void)state;
    check("stop abcdefgh", 0, stopped, "");
    check("stop abc", 0, stopped, "");
    check("stop 40", 0, stopped, "");
    check("stop 41 --keep-successor", 0, stopped, "");
    assert_string_equal(last_post, "{\"keep_successor\":true}");
    check("stop ab", 1, "", "ab is the beginning of several chains");
    check("stop 42", 1, "", "no chain has job 42");
    check("stop xyz", 1, "", "no chain xyz");
    check("stop ../drain", 2, "", "neither a chain nor a job");
}

static void what_the_daemon_refuses_is_told_with_status_1(void **state)
{
    (void)state;
    check("drain", 1, "", "mirage: only admins may drain\n");
    check("undrain", 1, "", "mirage: the daemon answers 500");
    check("resume abcdefgh", 1, "", "no such path");
    assert_int_equal(run("mirage --socket=%/nowhere status"), 3);
    assert_non_null(strstr(err_text, "cannot reach the daemon"));
    assert_int_equal(run("mirage --socket=%/nowhere stop abc"), 3);
}

static void json_is_the_daemons_answer(void **state)
{
    struct json_object *got, *expected = json_tokener_parse(STATUS);

    (void)state;
    check("status --json", 0, NULL, "");
    got = json_tokener_parse(out_text);
    assert_true(json_object_equal(got, expected));
    json_object_put(got);
    json_object_put(expected);
    check("list --json --user bob", 0, NULL, "");
    got = json_tokener_parse(out_text);
    assert_int_equal(mir_json_count(mir_json_list(got, "chains")), 1);
    json_object_put(got);
    check("config", 0, "KEY            VALUE\nmode           act\nbroker.min_uid 1000\n", "");
    check("show 41 --parsable2 --noheader", 0,
          "0|gone|40||1767218000|1767218400||400|||\n"
          "1|running|41|RUNNING|1767221000|1767222000|1767229200|1000|75|0|slurmdbd\n"
          "2|planned|||||||||\n",
          "");
}

static void status_tells_of_futures_and_how_they_kept(void **state)
{
    (void)state;
    check("status", 0, NULL, "");
    assert_non_null(strstr(out_text,
                           "\nFutures     1234 played in 5.7 s of CPU, 61 % of 220 starts "
                           "outside the 90 % band: not trusted, without arrivals (less "
                           "than a day is known)\n"));
}

static void predict_tells_the_wait_and_what_drives_it(void **state)
{
    (void)state;
    check("predict --nodes 8 --time 48h --partition gpu --user alice", 0,
          "Wait         p10 10:00, p50 2:00:00, p90 -\n"
          "Slurm's plan 3:00:00\n"
          "Driven by    ahead_jobs = 12 count: +1:30:00 (jobs ahead)\n"
          "             nodes_free = 3 nodes: -30:00 (idle)\n"
          "Model        xgb-q of history.csv, trained 2025-12-31T00:00:00Z (00112233445566ff)\n"
          "In its range nearly: 1 of its features is not, hour the furthest\n",
          "");
    check("predict --nodes=8 --time=2-00:00:00 --partition=gpu --user=alice --parsable2", 0,
          "KEY|VALUE\nwait_p10_s|600\nwait_p50_s|7200\nwait_p90_s|\nplan_s|10800\nmethod|xgb-q\n"
          "model|00112233445566ff\nout_of_range|false\nnote|\n",
          "");
    check("predict --nodes 8 --time 2880 --partition gpu --user alice --json", 0, NULL, "");
    assert_non_null(strstr(out_text, "\"method\": \"xgb-q\""));
    check("predict --nodes 1 --time 60 --user bob", 0,
          "Wait         p10 0:00, p50 1:00, p90 1:00:00\n"
          "Slurm's plan -\n"
          "Note         no model: waits of the last 20 starts (1 node)\n",
          "");
    check("predict --nodes 1 --time 1h --user a&b", 2, "", "cannot be asked for");
}

static void model_shows_and_changes_the_model(void **state)
{
    (void)state;
    check("model list", 0,
          "MODEL   CHECKSUM         TRAINED              FROM                 TO                   "
          "METHODS        SOURCE\n"
          "current 00112233445566ff 2025-12-31T00:00:00Z 2025-12-01T00:00:00Z 2025-12-31T00:00:00Z "
          "forest-q xgb-q history.csv\n",
          "");
    check(
        "model show", 0,
        "File                           /var/lib/mirage/model/current.model\n"
        "Checksum                       00112233445566ff\n"
        "Methods                        forest-q xgb-q\n"
        "Source                         history.csv\n"
        "Trained                        2025-12-31T00:00:00Z by mirage-train 0.1.0\n"
        "Window                         2025-12-01T00:00:00Z to 2025-12-31T00:00:00Z, 200000 waits "
        "(100 censored), 76 nodes\n"
        "Features                       wait-1\n"
        "Coverage                       1000 waits known, p50 held for 49.0 %, p90 held for 90.2 "
        "%, p95 held for 95.1 %; 7 jobs still wait\n"
        "Score: check from              2025-12-31T00:00:00Z\n"
        "Score: check xgb-q pinball 0.5 0.25 (the one before: 0.3)\n"
        "Score: current learned until   2025-12-24T00:00:00Z\n"
        "Goes by: ahead_jobs            12.5 %\n",
        "");
    check("model install %/socket --force", 0, "model 1 is in use\n", "");
    assert_non_null(strstr(last_post, "{\"file\":\""));
    assert_non_null(strstr(last_post, "socket\",\"force\":true}"));
    check("model install %/nothing", 1, "", "no such file");
    check("model rollback", 1, "", "mirage: previous.model: No such file\n");
}

static void history_is_one_log_of_all_pages(void **state)
{
    (void)state;
    check("history", 0, "# mirage-log 1\nid\n1\n2\n", "");
}

static void a_command_line_that_makes_no_sense_is_told(void **state)
{
    static const struct {
        const char *words[6];
        const char *text;
    } rows[] = {
        {{"predict"}, "--nodes and --time are needed"},
        {{"predict", "--nodes", "0", "--time", "1h"}, "--nodes: expected"},
        {{"predict", "--nodes", "1", "--time", "soon"}, "--time: expected"},
        {{"predict", "--nodes", "1", "--time"}, "--time needs a value"},
        {{"list", "--nodes", "1"}, "unknown option --nodes of list"},
        {{"model"}, "is missing"},
        {{"model", "dance"}, "unknown command 'dance'"},
        {{"model", "install"}, "FILE is missing"},
        {{"model", "show", "x"}, "takes no file"},
        {{"model", "rollback", "--force"}, "takes no file"},
        {{"model", "install", "a", "b"}, "one argument too many"},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++) {
        char *argv[8] = {(char *)"mirage"};
        struct mir_cli_args args;
        struct mir_error err = {{0}};
        int argc = 1;

        for (; argc < 7 && rows[i].words[argc - 1] != NULL; argc++)
            argv[argc] = (char *)rows[i].words[argc - 1];
        if (mir_cli_args_parse(argc, argv, &args, &err) != -EINVAL ||
            strstr(err.text, rows[i].text) == NULL)
            fail_msg("%zu: %s", i, err.text);
    }
}

static void selftest_tells_of_the_model(void **state)
{
    (void)state;
    write_program("MIRAGE_SCONTROL", "scontrol", "");
    check("selftest --noheader --parsable2", 0, NULL, "");
    if (strstr(out_text, "ok|model|trained 1-00:00:00 ago on history.csv; p90 held for 90 % of the "
                         "last 1000 waits\n") == NULL)
        fail_msg("%s", out_text);
}

static void submit_puts_consent_into_the_comment(void **state)
{
    char *args;

    (void)state;
    write_program("MIRAGE_SBATCH", "sbatch", "echo '77;cluster'");
    check("submit --mirage w=0.1 -N 2 %/job.sh a", 0, "Submitted batch job 77, chain abcdefgh\n",
          "");
    args = slurp("sbatch.args");
    assert_non_null(strstr(args, "[--parsable]\n[--comment=mirage:w=0.1]\n[-N]\n[2]\n"));
    assert_non_null(strstr(args, "job.sh]\n[a]\n"));
    free(args);
    assert_string_equal(last_post, "{\"job\":77}");
    check("submit --comment=x --parsable %/job.sh", 0, "Submitted batch job 77, chain abcdefgh\n",
          "");
    args = slurp("sbatch.args");
    assert_non_null(strstr(args, "[--comment=x mirage]\n[--parsable]\n["));
    free(args);
    check("--json submit %/job.sh", 0, NULL, "");
    assert_non_null(strstr(out_text, "\"chain\": \"abcdefgh\""));
}

/* Escapes and the variable's name are the broker's too: act_capture.c reads them. */
static void submit_tells_the_job_its_arguments(void **state)
{
    char *said;

    (void)state;
    write_program("MIRAGE_SBATCH", "sbatch",
                  "printf %s \"${MIRAGE_ARGUMENTS-none}\" >\"${0%/*}/said\"; echo 77");
    check("submit -N 2 %/job.sh a b\tc --comment=d", 0, NULL, "");
    said = slurp("said");
    assert_string_equal(said, "a b%09c --comment=d");
    free(said);
    assert_int_equal(setenv("MIRAGE_ARGUMENTS", "of another job", 1), 0);
    check("submit %/job.sh", 0, NULL, "");
    said = slurp("said");
    assert_string_equal(said, "none");
    free(said);
}

static void submit_keeps_the_comment_of_the_script(void **state)
{
    char path[128], *args;
    FILE *f;

    (void)state;
    snprintf(path, sizeof(path), "%s/job.sh", folder);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs("#!/bin/sh\n#SBATCH --comment='my run'\nsleep 1\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    check("submit %/job.sh", 0, NULL, "");
    args = slurp("sbatch.args");
    assert_non_null(strstr(args, "[--comment=my run mirage]\n"));
    free(args);
}

static void a_failed_sbatch_is_the_exit_status(void **state)
{
    (void)state;
    write_program("MIRAGE_SBATCH", "sbatch", "exit 7");
    check("submit job.sh", 7, "", "");
    write_program("MIRAGE_SBATCH", "sbatch", "echo hello");
    check("submit job.sh", 1, "", "did not say which job");
    assert_int_equal(setenv("MIRAGE_SBATCH", "/nowhere/sbatch", 1), 0);
    check("submit job.sh", 1, "", "/nowhere/sbatch: No such file");
}

static void without_a_daemon_the_job_is_queued_with_a_warning(void **state)
{
    (void)state;
    write_program("MIRAGE_SBATCH", "sbatch", "echo 77");
    assert_int_equal(run("mirage --socket=%/nowhere submit job.sh"), 0);
    assert_string_equal(out_text, "Submitted batch job 77\n");
    assert_non_null(strstr(err_text, "warning: cannot reach the daemon"));
}

static void enroll_writes_the_comment_once(void **state)
{
    char *args;

    (void)state;
    write_program("MIRAGE_SQUEUE", "squeue", "echo '12 my run'");
    write_program("MIRAGE_SCONTROL", "scontrol", "");
    check("enroll 12 links=3", 0, "Enrolled job 12, chain abcdefgh\n", "");
    args = slurp("squeue.args");
    assert_string_equal(args, "[-h]\n[-j]\n[12]\n[-o]\n[%i %k]\n");
    free(args);
    args = slurp("scontrol.args");
    assert_string_equal(args, "[update]\n[JobId=12]\n[Comment=my run mirage:links=3]\n");
    free(args);
    write_program("MIRAGE_SQUEUE", "squeue", "echo '12 (null)'");
    check("enroll 12", 0, NULL, "");
    args = slurp("scontrol.args");
    assert_string_equal(args, "[update]\n[JobId=12]\n[Comment=mirage]\n");
    free(args);
    write_program("MIRAGE_SQUEUE", "squeue", "echo 12");
    check("enroll 12", 0, NULL, "");
    args = slurp("scontrol.args");
    assert_string_equal(args, "[update]\n[JobId=12]\n[Comment=mirage]\n");
    free(args);
    write_program("MIRAGE_SQUEUE", "squeue", "echo '12 x mirage:w=1'");
    write_program("MIRAGE_SCONTROL", "scontrol", "exit 1");
    check("enroll 12", 0, "Enrolled job 12, chain abcdefgh\n", "");
    check("enroll 12 w=2", 1, "", "the comment of job 12 could not be written");
}

static void enroll_refuses_what_is_no_single_job(void **state)
{
    (void)state;
    write_program("MIRAGE_SQUEUE", "squeue", "echo '12_[1-5] x'");
    check("enroll 12", 1, "", "job 12 is neither queued nor running as a job of its own");
    write_program("MIRAGE_SQUEUE", "squeue", ":");
    check("enroll 12", 1, "", "job 12 is neither");
    write_program("MIRAGE_SQUEUE", "squeue", "echo '123 x'");
    check("enroll 12", 1, "", "job 12 is neither");
    write_program("MIRAGE_SQUEUE", "squeue", "echo '12 two'; echo lines");
    check("enroll 12", 1, "", "comment of several lines");
    check("enroll 12_3", 2, "", "not the id of a job");
    check("enroll 0", 2, "", "not the id of a job");
    check("enroll 4294967296", 2, "", "not the id of a job");
}

static void selftest_names_what_is_missing(void **state)
{
    (void)state;
    write_program("MIRAGE_SCONTROL", "scontrol",
                  "echo 'AccountingStoreFlags    = job_comment,job_env'");
    check("selftest --parsable2 --noheader", 0, NULL, "");
    assert_non_null(strstr(out_text, "ok|broker|connected to cluster c1, Slurm 22.05.8\n"));
    assert_non_null(strstr(out_text, "ok|job list|read 0:10 ago\n"));
    assert_non_null(strstr(out_text, "ok|comment|kept in accounting\n"));
    assert_non_null(strstr(out_text, "ok|jobs|can be seen by all users\n"));
    assert_null(strstr(out_text, "FAIL"));
    write_program("MIRAGE_SCONTROL", "scontrol",
                  "echo 'AccountingStoreFlags = (null)'; echo 'PrivateData = accounts,jobs'");
    assert_int_equal(run("mirage --socket=%/nowhere selftest"), 1);
    assert_non_null(strstr(out_text, "FAIL   socket"));
    assert_non_null(strstr(out_text, "FAIL   daemon"));
    assert_non_null(strstr(out_text, "not kept in accounting"));
    assert_non_null(strstr(out_text, "hidden by PrivateData"));
    write_program("MIRAGE_SCONTROL", "scontrol", "exit 1");
    check("selftest --parsable2 --noheader", 0, NULL, "");
    assert_non_null(strstr(out_text, "warn|slurm.conf|cannot be looked at"));
}

static void a_silent_server_is_given_up(void **state)
{
    struct mir_cli_reply reply = {0};
    struct mir_error err = {{0}};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/silent", folder);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(mir_cli_client_ask(address.sun_path, "GET", "/", NULL, 50, &reply, &err),
                     -ETIMEDOUT);
    close(fd);
    assert_int_equal(unlink(address.sun_path), 0);
}

static int finish(void **state)
{
    free(out_text);
    free(err_text);
    return stop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_shows_the_job_that_serves),
        cmocka_unit_test(why_puts_events_between_the_decisions),
        cmocka_unit_test(why_shows_what_the_last_decision_saw),
        cmocka_unit_test(a_fan_is_as_wide_as_the_terminal),
        cmocka_unit_test(what_costs_minutes_is_told_in_minutes),
        cmocka_unit_test(a_fan_that_makes_no_sense_is_not_drawn),
        cmocka_unit_test(any_costs_can_be_drawn),
        cmocka_unit_test(a_chain_is_named_by_id_beginning_or_job),
        cmocka_unit_test(what_the_daemon_refuses_is_told_with_status_1),
        cmocka_unit_test(json_is_the_daemons_answer),
        cmocka_unit_test(status_tells_of_futures_and_how_they_kept),
        cmocka_unit_test(predict_tells_the_wait_and_what_drives_it),
        cmocka_unit_test(model_shows_and_changes_the_model),
        cmocka_unit_test(history_is_one_log_of_all_pages),
        cmocka_unit_test(a_command_line_that_makes_no_sense_is_told),
        cmocka_unit_test(selftest_tells_of_the_model),
        cmocka_unit_test(submit_puts_consent_into_the_comment),
        cmocka_unit_test(submit_tells_the_job_its_arguments),
        cmocka_unit_test(submit_keeps_the_comment_of_the_script),
        cmocka_unit_test(a_failed_sbatch_is_the_exit_status),
        cmocka_unit_test(without_a_daemon_the_job_is_queued_with_a_warning),
        cmocka_unit_test(enroll_writes_the_comment_once),
        cmocka_unit_test(enroll_refuses_what_is_no_single_job),
        cmocka_unit_test(selftest_names_what_is_missing),
        cmocka_unit_test(a_silent_server_is_given_up),
    };

    return cmocka_run_group_tests(tests, start, finish);
}
