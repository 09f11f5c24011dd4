/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_replay_options.c - the command line of mirage-replay. */
#include "traces/replay/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_ARGS = 48, LINE = 512 };

/* Split at blanks and parse; strings of `*o` live in `line`. */
static int
parse(char line[LINE], const char *text, struct mir_replay_options *o, struct mir_error *err)
{
    char *argv[MAX_ARGS], *rest = line;
    enum mir_verb verb;
    int argc = 0;

    snprintf(line, LINE, "%s", text);
    while (rest != NULL && argc < MAX_ARGS - 1)
        argv[argc++] = strsep(&rest, " ");
    argv[argc] = NULL;
    err->text[0] = '\0';
    assert_int_equal(mir_verb_parse(argv[0], &verb), 0);
    return mir_replay_options_parse(verb, argc, argv, o, err);
}

static void reads_what_the_manual_shows(void **state)
{
    struct mir_replay_options o;
    struct mir_error err;
    char line[LINE];

    (void)state;
    if (parse(
            line,
            "run log.txt --chain nodes=8,limit=48h,links=3 --every 6h --from 2023-02-01 "
            "--to 2023-03-01 --policy reactive --policy lead:hours=6 --weights 1,0.25 --period 5m "
            "--nodes 76 --set bf_interval=60 --truth grid,run-times --threads 2 --json -o out.json "
            "--report r.html -q",
            &o, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(o.log_path, "log.txt");
    assert_int_equal(o.chain.n_nodes, 8);
    assert_int_equal(o.chain.limit_s, 48 * 3600);
    assert_int_equal(o.chain.run_s, MIR_UNKNOWN);
    assert_int_equal(o.chain.n_jobs, 3);
    assert_int_equal(o.every_s, 6 * 3600);
    assert_int_equal(o.from_at, 1675209600);
    assert_int_equal(o.to_at, 1677628800);
    assert_int_equal(o.n_policies, 2);
    assert_string_equal(mir_policy_spec(o.policies[0]), "reactive");
    assert_string_equal(mir_policy_spec(o.policies[1]), "lead:hours=6");
    assert_int_equal(o.n_weights, 2);
    assert_true(o.weights[1] == 0.25);
    assert_int_equal(o.period_s, 300);
    assert_int_equal(o.n_nodes, 76);
    assert_int_equal(o.n_sets, 1);
    assert_string_equal(o.sets[0].key, "bf_interval");
    assert_string_equal(o.sets[0].value, "60");
    assert_int_equal(o.truth, MIR_LOG_TRUTH_GRID | MIR_LOG_TRUTH_RUN_TIMES);
    assert_int_equal(o.n_threads, 2);
    assert_true(o.json && o.quiet && !o.csv);
    assert_string_equal(o.output, "out.json");
    assert_string_equal(o.report, "r.html");
    mir_replay_options_release(&o);
}

static void chains_side_by_side_are_many_and_begin_at_once_by_default(void **state)
{
    struct mir_replay_options o;
    struct mir_error err;
    char line[LINE];

    (void)state;
    assert_int_equal(parse(line, "together log.txt --policy avg", &o, &err), 0);
    assert_int_equal(o.n_chains, 10);
    assert_int_equal(o.spread_s, 0);
    assert_false(o.alone);
    assert_int_equal(o.n_policies, 2);
    mir_replay_options_release(&o);
    assert_int_equal(parse(line, "together --chains 3 --spread 6h --alone", &o, &err), 0);
    assert_int_equal(o.n_chains, 3);
    assert_int_equal(o.spread_s, 6 * 3600);
    assert_true(o.alone);
    assert_int_equal(o.n_policies, 8);
    mir_replay_options_release(&o);
}

static void reactive_is_always_first(void **state)
{
    struct mir_replay_options o;
    struct mir_error err;
    char line[LINE];

    (void)state;
    assert_int_equal(parse(line, "run --policy avg --policy reactive", &o, &err), 0);
    assert_int_equal(o.n_policies, 2);
    assert_string_equal(mir_policy_spec(o.policies[0]), "reactive");
    assert_string_equal(mir_policy_spec(o.policies[1]), "avg");
    mir_replay_options_release(&o);
}

static void compares_eight_policies_by_default(void **state)
{
    struct mir_replay_options o;
    struct mir_error err;
    char line[LINE];

    (void)state;
    assert_int_equal(parse(line, "run", &o, &err), 0);
    assert_int_equal(o.n_policies, 8);
    assert_null(o.log_path);
    assert_string_equal(mir_policy_spec(o.policies[3]), "lead:hours=12");
    assert_int_equal(o.n_weights, 3);
    mir_replay_options_release(&o);
}

static void a_model_adds_the_policies_that_ask_it(void **state)
{
    struct mir_replay_options o;
    struct mir_error err;
    char line[LINE];

    (void)state;
    assert_int_equal(parse(line, "run --model wait.model --in-sample", &o, &err), 0);
    assert_string_equal(o.model, "wait.model");
    assert_true(o.in_sample);
    assert_int_equal(o.n_policies, 10);
    assert_string_equal(mir_policy_spec(o.policies[8]), "forest-q");
    assert_string_equal(mir_policy_spec(o.policies[9]), "xgb-q");
    mir_replay_options_release(&o);
    assert_int_equal(parse(line, "run --model wait.model --policy rf", &o, &err), 0);
    assert_int_equal(o.n_policies, 2);
    assert_false(o.in_sample);
    mir_replay_options_release(&o);
}

static void times_are_read_in_the_zone_wherever_it_stands(void **state)
{
    struct mir_replay_options o;
    struct mir_error err;
    char line[LINE];

    (void)state;
    assert_int_equal(
        parse(line, "schedule a --from 2023-02-01 --tz UTC --to @1677628800", &o, &err), 0);
    assert_int_equal(o.from_at, 1675209600);
    assert_int_equal(o.to_at, 1677628800);
    mir_replay_options_release(&o);
    if (parse(line, "schedule a --from 2023-02-01 --tz America/Chicago", &o, &err) != 0)
        fail_msg("%s (is tzdata installed?)", err.text);
    assert_int_equal(o.from_at, 1675209600 + 6 * 3600);
    mir_replay_options_release(&o);
}

static void wrong_usage_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *line;
        const char *says; /* a part of the message */
    } cases[] = {
        {"run --nonsense", "--nonsense"},
        {"run -z", "-z"},
        {"run --every", "--every"},
        {"run --every 4parsecs", "4parsecs"},
        {"run --every 0", "less than"},
        {"run --every 100000w", "too long"},
        {"run --nodes 0", "--nodes"},
        {"run --nodes many", "many"},
        {"run --chain nodes", "key=value"},
        {"run --chain nodes=", "key=value"},
        {"run --chain nodes=0", "nodes"},
        {"run --chain links=1", "links"},
        {"run --chain colour=red", "colour"},
        {"run --chain limit=1h,run=2h", "longer"},
        {"run --policy oracle9000", "oracle9000"},
        {"run --policy lead", "lead"},
        {"run --policy avg --policy avg", "twice"},
        {"run --in-sample", "--model"},
        {"run --model", "--model needs a value"},
        {"run --policy ./no-such-file.so", "no-such-file"},
        {"run --truth arrivals,runs", "'runs' is none of run-times, arrivals, grid"},
        {"schedule --truth grid", "--truth"},
        {"run --weights 1,two", "two"},
        {"run --weights -1", "-1"},
        {"run --weights 1,1", "twice"},
        {"run --weights 1,,2", "--weights"},
        {"run --weights 1,2,3,4,5,6,7,8,9", "at most 8"},
        {"run --protocol warm", "warm"},
        {"run --protocol cold --cold-warmup 5d", "--cold-warmup"},
        {"run --from yesterday", "yesterday"},
        {"run --from 2023-03-01 --to 2023-02-01", "before"},
        {"run --set bf_nonsense=1", "bf_nonsense"},
        {"run --set =1", "--set"},
        {"run --set bf_interval=soon", "soon"},
        {"run --scheduler lottery", "lottery"},
        {"run --tz Mars/Olympus", "Mars/Olympus"},
        {"run --format floppy", "floppy"},
        {"run --csv --json", "not both"},
        {"run --nodes 4 --slurm-conf f", "not both"},
        {"run --cold", "--cold"},
        {"run --quiet=1", "no value"},
        {"run a b", "one log"},
        {"run --qos high", "high"},
        {"run --threads 0", "--threads"},
        {"schedule a --every 4h", "does not take --every"},
        {"schedule a --node-identity --scheduler fcfs", "easy"},
        {"schedule a --event-order single --scheduler fcfs", "easy"},
        {"schedule --compare", "--compare"},
        {"stats a --chain nodes=1", "does not take --chain"},
        {"convert", "needs a log"},
        {"generate a", "reads no log"},
        {"generate --days 0", "--days"},
        {"generate --days 1.5", "1.5"},
        {"generate --start never", "never"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_replay_options o;
        struct mir_error err;
        char line[LINE];
        int rc = parse(line, cases[i].line, &o, &err);

        if (rc != -EINVAL || strstr(err.text, cases[i].says) == NULL)
            fail_msg("%s: %d, \"%s\"", cases[i].line, rc, err.text);
        mir_replay_options_release(&o);
    }
}

static void every_option_is_in_the_help_of_its_verbs_only(void **state)
{
    (void)state;
    for (int v = 0; v < MIR_N_VERBS; v++) {
        char text[16384] = "", flag[64];
        FILE *to = fmemopen(text, sizeof text, "w");

        mir_replay_help_verb(to, (enum mir_verb)v);
        fclose(to);
        for (const struct mir_option_row *row = mir_option_rows(); row->name != NULL; row++) {
            snprintf(flag, sizeof flag, "  --%s ", row->name);
            if (row->letter != 0)
                snprintf(flag, sizeof flag, "-%c, --%s ", row->letter, row->name);
            if ((strstr(text, flag) != NULL) != ((row->verbs >> v & 1) != 0))
                fail_msg("%s: help and --%s", mir_verb_name((enum mir_verb)v), row->name);
        }
    }
}

static void help_wins_over_whatever_follows(void **state)
{
    struct mir_replay_options o;
    struct mir_error err;
    char line[LINE];

    (void)state;
    assert_int_equal(parse(line, "convert --help", &o, &err), 0);
    assert_true(o.help);
    mir_replay_options_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_manual_shows),
        cmocka_unit_test(chains_side_by_side_are_many_and_begin_at_once_by_default),
        cmocka_unit_test(reactive_is_always_first),
        cmocka_unit_test(compares_eight_policies_by_default),
        cmocka_unit_test(a_model_adds_the_policies_that_ask_it),
        cmocka_unit_test(times_are_read_in_the_zone_wherever_it_stands),
        cmocka_unit_test(wrong_usage_is_refused_with_a_reason),
        cmocka_unit_test(every_option_is_in_the_help_of_its_verbs_only),
        cmocka_unit_test(help_wins_over_whatever_follows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
