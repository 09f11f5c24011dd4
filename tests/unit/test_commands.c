/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_commands.c - the verbs of mirage-replay from arguments to files. */
#include "traces/replay/commands.h"

#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/model_fixture.h"

enum { MAX_ARGS = 32, LINE = 1024 };

static char folder[] = "/tmp/mirage-commands-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    static const char *const files[] = {"log.csv",   "again.csv", "one.json", "two.json",
                                        "r.html",    "run.csv",   "s.csv",    "bad.txt",
                                        "empty.txt", "wait.model"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    return rmdir(folder);
}

/* Run a command line, in which every % stands for the folder. */
static int run(const char *text, struct mir_error *err)
{
    struct mir_replay_options o;
    char line[LINE] = "", *argv[MAX_ARGS], *rest = line;
    enum mir_verb verb;
    int argc = 0, rc;

    for (size_t n = 0; *text != '\0'; text++) {
        int len = snprintf(line + n, sizeof line - n, *text == '%' ? "%s" : "%.1s",
                           *text == '%' ? folder : text);

        n += (size_t)len;
    }
    while (rest != NULL && argc < MAX_ARGS - 1)
        argv[argc++] = strsep(&rest, " ");
    argv[argc] = NULL;
    assert_int_equal(mir_verb_parse(argv[0], &verb), 0);
    if (mir_replay_options_parse(verb, argc, argv, &o, err) != 0)
        fail_msg("%s", err->text);
    switch (verb) {
    case MIR_VERB_RUN:
    case MIR_VERB_TOGETHER:
        rc = mir_command_run(&o, "mirage-replay run ...", err);
        break;
    case MIR_VERB_SCHEDULE:
        rc = mir_command_schedule(&o, err);
        break;
    case MIR_VERB_STATS:
        rc = mir_command_stats(&o, err);
        break;
    case MIR_VERB_CONVERT:
        rc = mir_command_convert(&o, err);
        break;
    default:
        rc = mir_command_generate(&o, err);
        break;
    }
    mir_replay_options_release(&o);
    return rc;
}

static void run_well(const char *text)
{
    struct mir_error err = {{0}};

    if (run(text, &err) != 0)
        fail_msg("%s: %s", text, err.text);
}

/* Without what it prints, which would mix with the tests' own output. */
static void run_silently(const char *text)
{
    struct mir_error err = {{0}};
    int out = dup(STDOUT_FILENO), rc;

    fflush(stdout);
    assert_non_null(freopen("/dev/null", "w", stdout));
    rc = run(text, &err);
    fflush(stdout);
    assert_true(dup2(out, STDOUT_FILENO) >= 0);
    close(out);
    if (rc != 0)
        fail_msg("%s: %s", text, err.text);
}

static char *slurp(const char *name)
{
    char path[128], *text = calloc(1, 1 << 20);
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "r");
    assert_non_null(f);
    n = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    assert_true(n > 0 && n < (1 << 20) - 1);
    return text;
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void need_log(void)
{
    run_well("generate --days 21 --seed 3 -q -o %/log.csv");
}

/* The member at "a.b.c"; fails where there is none. */
static struct json_object *at(struct json_object *o, const char *path)
{
    char copy[128], *rest = copy, *key;

    snprintf(copy, sizeof copy, "%s", path);
    while ((key = strsep(&rest, "/")) != NULL) {
        struct json_object *child = NULL;

        if (!json_object_object_get_ex(o, key, &child))
            fail_msg("no %s in %s", key, path);
        o = child;
    }
    return o;
}

static void assert_number(struct json_object *o, const char *path)
{
    enum json_type type = json_object_get_type(at(o, path));

    if (type != json_type_int && type != json_type_double)
        fail_msg("%s is no number", path);
}

static void check_policy(struct json_object *p)
{
    static const char *const numbers[] = {
        "episodes",           "interruption_h/mean", "interruption_h/p50", "interruption_h/p90",
        "interruption_h/p99", "overlap_h/mean",      "zero_share",         "cost_h/1",
        "cost_h/0.5",         "cost_h/0.1",          "gap_closed/1",
    };
    static const char *const loads[] = {"low", "medium", "heavy"};
    char path[64];

    assert_int_equal(json_object_get_type(at(p, "policy")), json_type_string);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_number(p, numbers[i]);
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        snprintf(path, sizeof path, "by_load/%s", loads[i]);
        assert_number(at(p, path), "episodes");
        at(p, path);
    }
}

static void json_of_a_run_has_the_documented_shape(void **state)
{
    struct json_object *root, *policies;
    char *text;

    (void)state;
    need_log();
    run_well("run %/log.csv --nodes 76 --policy lead:hours=6 --policy quantile --weights 1,0.5,0.1 "
             "--chain nodes=2,limit=24h,links=2 --every 9h -q --json -o %/one.json "
             "--report %/r.html");
    text = slurp("one.json");
    root = json_tokener_parse(text);
    assert_non_null(root);
    policies = at(root, "policies");
    assert_int_equal(json_object_array_length(policies), 3);
    assert_string_equal(
        json_object_get_string(at(json_object_array_get_idx(policies, 0), "policy")), "reactive");
    for (size_t i = 0; i < 3; i++)
        check_policy(json_object_array_get_idx(policies, i));
    assert_number(root, "clairvoyant/cost_h/1");
    assert_number(root, "run/probes");
    assert_int_equal(json_object_get_int(at(root, "run/nodes")), 76);
    assert_int_equal(json_object_get_int(at(root, "run/chain/nodes")), 2);
    assert_int_equal(json_object_get_int(at(root, "run/chain/links")), 2);
    json_object_put(root);
    free(text);
    text = slurp("r.html");
    assert_non_null(strstr(text, "<svg"));
    free(text);
}

static void json_of_chains_together_has_differences_and_no_clairvoyant(void **state)
{
    struct json_object *root, *lead, *clairvoyant = NULL;
    char *text;

    (void)state;
    need_log();
    run_well("together %/log.csv --chains 3 --spread 2h --policy lead:hours=6 --every 70h "
             "--chain nodes=2,limit=24h,links=3 -q --json -o %/one.json");
    text = slurp("one.json");
    root = json_tokener_parse(text);
    assert_non_null(root);
    lead = json_object_array_get_idx(at(root, "policies"), 1);
    assert_number(lead, "cost_minus_reactive/mean_h/0.5");
    assert_int_equal(json_object_array_length(at(lead, "cost_minus_reactive/ci95_h/1")), 2);
    assert_int_equal(json_object_get_int(at(lead, "outcomes")),
                     6 * json_object_get_int(at(root, "run/episodes")));
    assert_true(json_object_object_get_ex(root, "clairvoyant", &clairvoyant));
    assert_null(clairvoyant);
    assert_int_equal(json_object_get_int(at(root, "run/chains")), 3);
    assert_int_equal(json_object_get_int(at(root, "run/spread_s")), 7200);
    assert_int_equal(json_object_get_int(at(root, "run/chain/links")), 3);
    json_object_put(root);
    free(text);
}

/* All of the JSON but what was measured with a clock. */
static char *result_of(const char *name)
{
    char *text = slurp(name), *result;
    struct json_object *root = json_tokener_parse(text), *run_object;

    assert_non_null(root);
    run_object = at(root, "run");
    json_object_object_del(run_object, "wall_s");
    json_object_object_del(run_object, "cpu_s");
    result = strdup(json_object_to_json_string(root));
    json_object_put(root);
    free(text);
    return result;
}

static void the_same_seed_gives_the_same_result(void **state)
{
    char *one, *two;

    (void)state;
    need_log();
    run_well("run %/log.csv --nodes 76 --policy asa --policy avg --every 15h --limit-episodes 9 "
             "--seed 5 --threads 1 -q --json -o %/one.json");
    run_well("run %/log.csv --nodes 76 --policy asa --policy avg --every 15h --limit-episodes 9 "
             "--seed 5 --threads 3 -q --json -o %/two.json");
    one = result_of("one.json");
    two = result_of("two.json");
    assert_string_equal(one, two);
    free(one);
    free(two);
}

static size_t count_lines(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

static void starts_are_written_for_every_job_of_the_window(void **state)
{
    char *log, *starts;

    (void)state;
    need_log();
    run_silently("schedule %/log.csv --nodes 76 --scheduler fcfs -o %/s.csv");
    log = slurp("log.csv");
    starts = slurp("s.csv");
    assert_memory_equal(starts, "job,submit,start,wait\n", 22);
    /* Generated jobs all run, so none is left out. */
    assert_true(count_lines(starts) > 100);
    assert_true(count_lines(starts) <= count_lines(log));
    assert_null(strstr(starts, ",,"));
    free(starts);
    run_silently(
        "schedule %/log.csv --nodes 76 --from 2024-01-03 --to 2024-01-04 --cold -o %/s.csv");
    starts = slurp("s.csv");
    assert_true(count_lines(starts) > 1 && count_lines(starts) < 1000);
    free(starts);
    free(log);
}

static void converting_our_own_csv_changes_nothing(void **state)
{
    char *log, *again;

    (void)state;
    need_log();
    run_well("convert %/log.csv -q -o %/again.csv");
    log = slurp("log.csv");
    again = slurp("again.csv");
    assert_string_equal(log, again);
    free(log);
    free(again);
}

/* ---- A trained model */

static const char WITH_MODEL[] = "run %/log.csv --nodes 76 --model %/wait.model --every 15h "
                                 "--limit-episodes 3 --policy avg --policy xgb-q ";

/* Of the log's first days: trained from `from_at` to `to_at`. */
static void write_model(int64_t from_at, int64_t to_at)
{
    struct mir_wait_model *m = fixture_model();
    struct mir_error err = {{0}};
    char path[128];

    fixture_quantiles(m, MIR_WAIT_XGB_Q, "nodes", 1000, 4, 0);
    m->origin.from_at = from_at;
    m->origin.to_at = to_at;
    snprintf(path, sizeof path, "%s/wait.model", folder);
    if (mir_wait_model_save(m, path, &err) != 0)
        fail_msg("%s", err.text);
    mir_wait_model_unref(m);
}

static int run_with_model(const char *window, const char *options, struct mir_error *err)
{
    char line[LINE];

    snprintf(line, sizeof line, "%.300s%.300s%.300s", WITH_MODEL, window, options);
    return run(line, err);
}

enum { JANUARY_2 = 1704153600, JANUARY_3 = JANUARY_2 + 86400, JANUARY_4 = JANUARY_3 + 86400 };

static void a_model_of_other_days_is_asked_and_named(void **state)
{
    struct mir_error err = {{0}};
    struct json_object *root, *model;
    char *text;

    (void)state;
    need_log();
    write_model(JANUARY_2, JANUARY_3);
    if (run_with_model("--from 2024-01-03 --to 2024-01-05", " -q --json -o %/one.json", &err) != 0)
        fail_msg("%s", err.text);
    text = slurp("one.json");
    root = json_tokener_parse(text);
    model = at(at(root, "run"), "model");
    assert_non_null(strstr(json_object_get_string(at(model, "file")), "wait.model"));
    assert_string_equal(json_object_get_string(at(model, "source")), "a hand");
    assert_string_equal(json_object_get_string(at(model, "from")), "2024-01-02T00:00:00Z");
    assert_string_equal(json_object_get_string(at(model, "to")), "2024-01-03T00:00:00Z");
    json_object_put(root);
    free(text);
}

static void a_model_of_the_runs_own_days_is_refused(void **state)
{
    static const char *const windows[] = {"--from 2024-01-03 --to 2024-01-05",
                                          "--from 2024-01-01 --to 2024-01-02T00:01",
                                          "--from 2024-01-02T01:00 --to 2024-01-02T02:00"};

    (void)state;
    need_log();
    write_model(JANUARY_2, JANUARY_3 + 1);
    for (size_t i = 0; i < 3; i++) {
        struct mir_error err = {{0}};

        assert_int_equal(run_with_model(windows[i], " -q", &err), -EINVAL);
        assert_non_null(strstr(err.text, "wait.model was trained on 2024-01-02 to 2024-01-03"));
        assert_non_null(strstr(err.text, "--in-sample"));
        assert_int_equal(run_with_model(windows[i], " -q --in-sample --csv -o %/run.csv", &err), 0);
    }
}

static void a_broken_model_is_refused_by_name(void **state)
{
    struct mir_error err = {{0}};
    char path[128];

    (void)state;
    need_log();
    write_model(JANUARY_2, JANUARY_3);
    snprintf(path, sizeof path, "%s/wait.model", folder);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(run_with_model("", "-q", &err), -EBADMSG);
    assert_non_null(strstr(err.text, "wait.model"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(run_with_model("", "-q", &err), -ENOENT);
    assert_non_null(strstr(err.text, "wait.model"));
}

static void unusable_input_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *line;
        const char *says;
    } cases[] = {
        {"run %/missing.csv -q", "missing.csv"},
        {"run %/bad.txt -q", "bad.txt"},
        {"run %/empty.txt -q", "empty.txt"},
        {"run %/log.csv --chain nodes=77 --nodes 76 -q", "77"},
        {"run %/log.csv --nodes 76 --from 2030-01-01 --to 2030-01-01T00:00:01 -o %/no/where -q",
         "no/where"},
        {"run %/log.csv --slurm-conf %/missing.conf -q", "missing.conf"},
        {"run %/log.csv --nodes 76 --capacity %/missing.cap -q", "missing.cap"},
        {"run %/log.csv --nodes 76 --capacity %/bad.txt -q", "bad.txt"},
        {"schedule %/log.csv --nodes 76 --from 2030-01-01", "no job"},
        {"schedule %/log.csv --nodes 76 --from 2030-01-01 --cold", "no job"},
        {"stats %/missing.csv", "missing.csv"},
        {"convert %/bad.txt", "bad.txt"},
        {"generate --params %/missing.params", "missing.params"},
        {"generate --params %/bad.txt", "bad.txt"},
        {"generate -o %/no/where", "no/where"},
    };

    (void)state;
    need_log();
    write_file("bad.txt", "Dear all,\nplease find the log attached.\n");
    write_file("empty.txt", "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_error err = {{0}};
        int rc = run(cases[i].line, &err);

        if (rc >= 0 || strstr(err.text, cases[i].says) == NULL)
            fail_msg("%s: %d, \"%s\"", cases[i].line, rc, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_of_a_run_has_the_documented_shape),
        cmocka_unit_test(json_of_chains_together_has_differences_and_no_clairvoyant),
        cmocka_unit_test(the_same_seed_gives_the_same_result),
        cmocka_unit_test(converting_our_own_csv_changes_nothing),
        cmocka_unit_test(a_model_of_other_days_is_asked_and_named),
        cmocka_unit_test(a_model_of_the_runs_own_days_is_refused),
        cmocka_unit_test(a_broken_model_is_refused_by_name),
        cmocka_unit_test(unusable_input_is_refused_with_a_reason),
        cmocka_unit_test(starts_are_written_for_every_job_of_the_window),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
