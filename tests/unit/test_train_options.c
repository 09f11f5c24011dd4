/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_options.c - the command line of mirage-train. */
#include "models/train/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_ARGS = 48, LINE = 512 };

/* Split at blanks and parse; strings of `*o` live in `line`. */
static int
parse(char line[LINE], const char *text, struct mir_train_options *o, struct mir_error *err)
{
    char *argv[MAX_ARGS], *rest = line;
    enum mir_train_verb verb;
    int argc = 0;

    snprintf(line, LINE, "%s", text);
    while (rest != NULL && argc < MAX_ARGS - 1)
        argv[argc++] = strsep(&rest, " ");
    argv[argc] = NULL;
    err->text[0] = '\0';
    assert_int_equal(mir_train_verb_parse(argv[0], &verb), 0);
    return mir_train_options_parse(verb, argc, argv, o, err);
}

static void reads_its_own_options_beside_those_of_the_scene(void **state)
{
    struct mir_train_options o;
    struct mir_error err;
    char line[LINE];

    (void)state;
    if (parse(line,
              "fit log.txt -o m.model --nodes 76 --from 2023-01-01 --to 2023-02-01 --tz UTC "
              "--set bf_interval=60 --seed 7 --threads 2 --shapes 1,8x48h --every 6h "
              "--probe-every 1h --load-scales 0.9,1.1 --methods rf,forest-q --time-budget 3m "
              "--request partition=gpu,nice=5 --force --no-check -q",
              &o, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(o.scene.log_path, "log.txt");
    assert_string_equal(o.scene.output, "m.model");
    assert_int_equal(o.scene.n_nodes, 76);
    assert_int_equal(o.scene.from_at, 1672531200);
    assert_int_equal(o.scene.to_at, 1675209600);
    assert_int_equal(o.scene.n_sets, 1);
    assert_int_equal(o.scene.seed, 7);
    assert_int_equal(o.scene.n_threads, 2);
    assert_string_equal(o.scene.chain.partition, "gpu");
    assert_int_equal(o.scene.chain.nice, 5);
    assert_int_equal(o.scene.chain.n_nodes, 1);
    assert_true(o.scene.quiet && o.force && o.no_check && !o.in_sample);
    assert_int_equal(o.shapes.n, 2);
    assert_int_equal(o.every_s, 6 * 3600);
    assert_int_equal(o.probe_every_s, 3600);
    assert_int_equal(o.budget_s, 180);
    assert_true(o.methods[MIR_WAIT_RF] && o.methods[MIR_WAIT_FOREST_Q]);
    assert_true(!o.methods[MIR_WAIT_XGB] && !o.methods[MIR_WAIT_XGB_Q]);
    mir_train_options_release(&o);
}

static void the_log_s_own_machine_is_always_learned_from_and_first(void **state)
{
    struct mir_train_options o;
    struct mir_error err;
    char line[LINE];

    (void)state;
    assert_int_equal(parse(line, "fit -o m --load-scales 0.9,1,1.1", &o, &err), 0);
    assert_int_equal(o.n_scales, 3);
    assert_true(o.scales[0] >= 1 && o.scales[0] <= 1);
    assert_true(o.scales[1] < 1 && o.scales[2] > 1);
    mir_train_options_release(&o);
}

static void the_model_in_use_is_a_file_beside_the_new_one(void **state)
{
    struct mir_train_options o;
    struct mir_error err;
    char line[LINE];

    (void)state;
    assert_int_equal(parse(line, "fit log -o new.model --current current.model", &o, &err), 0);
    assert_string_equal(o.current_path, "current.model");
    assert_string_equal(o.scene.output, "new.model");
    mir_train_options_release(&o);
    assert_int_equal(parse(line, "fit log -o new.model", &o, &err), 0);
    assert_null(o.current_path);
    mir_train_options_release(&o);
}

static void refuses_with_the_option_s_name(void **state)
{
    static const struct {
        const char *line, *text;
    } cases[] = {
        {"fit", "-o MODEL"},
        {"fit -o -", "-o"},
        {"fit a b -o m", "one log"},
        {"fit -o m --model x", "fit does not take --model"},
        {"fit -o m --weights 1", "fit does not take --weights"},
        {"fit -o m --current c --no-check", "--current"},
        {"fit -o m --current", "needs a value"},
        {"fit -o m --methods forest", "--methods"},
        {"fit -o m --load-scales 0", "--load-scales"},
        {"fit -o m --load-scales 0.9,x", "--load-scales"},
        {"fit -o m --load-scales .2,.3,.4,.5,.6,.7,.8,.9", "--load-scales: at most"},
        {"fit -o m --shapes 1", "--shapes"},
        {"fit -o m --every 1s", "--every"},
        {"fit -o m --time-budget soon", "--time-budget"},
        {"fit -o m --request nodes=2", "--request"},
        {"fit -o m --request colour=red", "--request: unknown key"},
        {"fit -o m --from 2023-02-01 --to 2023-01-01", "--from"},
        {"fit -o m --nodes 3 --slurm-conf c", "--nodes or --slurm-conf"},
        {"fit -o m --force=yes", "--force takes no value"},
        {"fit -o m --nonsense", "--nonsense"},
        {"fit -o", "needs a value"},
        {"evaluate log", "--model"},
        {"evaluate --model m --csv --json", "--csv or --json"},
        {"evaluate --model m --pending f", "--pending"},
        {"evaluate log --pending f", "--pending"},
        {"evaluate --model m --current c", "evaluate does not take --current"},
        {"inspect", "needs a model"},
        {"inspect a b", "one model"},
        {"inspect m --nodes 3", "unknown option '--nodes'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_train_options o;
        struct mir_error err;
        char line[LINE];

        if (parse(line, cases[i].line, &o, &err) != -EINVAL)
            fail_msg("'%s' is taken", cases[i].line);
        if (strstr(err.text, cases[i].text) == NULL)
            fail_msg("'%s': '%s'", cases[i].line, err.text);
        mir_train_options_release(&o);
    }
}

/* Each row of both tables stands in the help of the verbs that take it, and nowhere else. */
static void helps_with_every_option_of_a_verb(void **state)
{
    (void)state;
    for (int v = 0; v < MIR_TRAIN_N_VERBS; v++) {
        struct mir_option_list list;
        char *text = NULL;
        size_t len;
        FILE *to = open_memstream(&text, &len);

        mir_train_help_verb(to, (enum mir_train_verb)v);
        fclose(to);
        mir_train_option_list((enum mir_train_verb)v, &list);
        for (int t = 0; t < MIR_OPTION_TABLES; t++) {
            const struct mir_option_row *row = list.tables[t];

            for (; row != NULL && row->name != NULL; row++) {
                char word[64];

                snprintf(word, sizeof word, "  --%s", row->name);
                if ((row->verbs & list.bits[t]) != 0 && strstr(text, word) == NULL &&
                    strstr(text, word + 1) == NULL)
                    fail_msg("%s --help is silent on --%s", list.verb, row->name);
            }
        }
        free(text);
    }
}

static void takes_help_before_anything_else(void **state)
{
    struct mir_train_options o;
    struct mir_error err;
    char line[LINE];

    (void)state;
    assert_int_equal(parse(line, "fit --help", &o, &err), 0);
    assert_true(o.scene.help);
    mir_train_options_release(&o);
    assert_int_equal(parse(line, "inspect -h", &o, &err), 0);
    assert_true(o.scene.help);
    mir_train_options_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_its_own_options_beside_those_of_the_scene),
        cmocka_unit_test(the_log_s_own_machine_is_always_learned_from_and_first),
        cmocka_unit_test(the_model_in_use_is_a_file_beside_the_new_one),
        cmocka_unit_test(refuses_with_the_option_s_name),
        cmocka_unit_test(helps_with_every_option_of_a_verb),
        cmocka_unit_test(takes_help_before_anything_else),
    };

    return cmocka_run_group_tests_name("train_options", tests, NULL, NULL);
}
