/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_config.c - mirage.conf: what it says, what is refused and in which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config/config.h"
#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/core/str.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

static struct mir_config *parse(const char *text)
{
    struct mir_config *config = NULL;
    struct mir_error err = {{0}};

    if (mir_config_parse("t.conf", text, &config, &err) != 0)
        fail_msg("%s\n%s", err.text, text);
    return config;
}

static void has_the_documented_defaults(void **state)
{
    struct mir_config *c = NULL;
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(mir_config_read(NULL, &c, &err), 0);
    assert_string_equal(c->mode, "observe");
    assert_string_equal(c->policy, "avg");
    assert_true(c->weight > 0.999 && c->weight < 1.001);
    assert_int_equal(c->period_s, 600);
    assert_int_equal(c->poll_s, 60);
    assert_int_equal(c->lead_max_s, 0);
    assert_int_equal(c->lookahead_cpu_s, 5);
    assert_int_equal(c->fail_within_s, 300);
    assert_int_equal(c->finish_margin_s, 600);
    assert_true(c->done_on_success && c->enroll_by_comment && !c->show_users);
    assert_null(c->admins[0]);
    assert_null(c->canary_users[0]);
    assert_string_equal(c->listen, "127.0.0.1:8642");
    assert_string_equal(c->socket, "/run/mirage/mirage.sock");
    assert_string_equal(c->broker.slurm_user, "slurm");
    assert_int_equal(c->broker.min_uid, 1000);
    assert_int_equal(c->history_max, 500000);
    assert_int_equal(c->n_partitions, 0);
    mir_config_destroy(c);
}

static void reads_every_kind_of_value(void **state)
{
    struct mir_config *c = parse("# a comment with } and \" and =\n"
                                 "mode = canary /* over\n two lines */\n"
                                 "policy = \"lead:hours=6,x=\\\"y\\\"\"\n"
                                 "weight = 2.5e-1\n"
                                 "period = 1-00:00:00 poll = 90\n"
                                 "admins = {root, 'bob'} // and no more\n"
                                 "canary { users = {alice} accounts = {} }\n"
                                 "partition gpu { policy = asa weight = 0.5 }\n"
                                 "partition bigmem {}\n"
                                 "listen = ''\n"
                                 "show_users = on\n"
                                 "broker { min_uid = 500 deadline = 2m }");

    (void)state;
    assert_string_equal(c->mode, "canary");
    assert_string_equal(c->policy, "lead:hours=6,x=\"y\"");
    assert_true(fabs(c->weight - 0.25) < 1e-12);
    assert_int_equal(c->period_s, 86400);
    assert_int_equal(c->poll_s, 90);
    assert_string_equal(c->admins[0], "root");
    assert_string_equal(c->admins[1], "bob");
    assert_null(c->admins[2]);
    assert_string_equal(c->canary_users[0], "alice");
    assert_null(c->canary_accounts[0]);
    assert_int_equal(c->n_partitions, 2);
    assert_string_equal(c->partitions[0].name, "gpu");
    assert_string_equal(c->partitions[0].policy, "asa");
    assert_true(fabs(c->partitions[0].weight - 0.5) < 1e-12);
    assert_null(c->partitions[1].policy);
    assert_true(isnan(c->partitions[1].weight));
    assert_string_equal(c->listen, "");
    assert_true(c->show_users);
    assert_int_equal(c->broker.min_uid, 500);
    assert_int_equal(c->broker.deadline_s, 120);
    mir_config_destroy(c);
}

static void refuses_by_file_line_and_name(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"polcy = avg\n", "t.conf:1: no such option 'polcy'"},
        {"# one\n/* two\n three */ /* four */\nmode = sing\n",
         "t.conf:4: mode: expected observe, canary or act, not 'sing'"},
        {"\nmode = ''\n", "t.conf:2: mode: expected observe, canary or act, not ''"},
        {"policy = \"\"\n", "t.conf:1: policy: expected a policy"},
        {"weight = heavy", "t.conf:1: weight: expected a number from 0 to 1000, not 'heavy'"},
        {"weight = -1", "t.conf:1: weight: expected a number"},
        {"weight = nan", "t.conf:1: weight: expected a number"},
        {"period = 0", "t.conf:1: period: expected a duration from 1s to 1d, not '0'"},
        {"period = 2d", "t.conf:1: period: expected a duration"},
        {"period = 10 m", "t.conf:1: no such option 'm'"},
        {"poll = 99999999999999999999d", "t.conf:1: poll: expected a duration"},
        {"links_max = 1.5", "t.conf:1: links_max: expected a whole number"},
        {"chains_per_user = 0", "t.conf:1: chains_per_user: expected a whole number from 1"},
        {"show_users = 1", "t.conf:1: show_users: expected true or false, not '1'"},
        {"mode = act\npoll = 60s\nmode = act\n",
         "t.conf:3: 'mode' is given twice, first in line 1"},
        {"admins = {a}\nadmins = {}\n", "t.conf:2: 'admins' is given twice"},
        {"admins = {}\nadmins = {a}\n", "t.conf:2: 'admins' is given twice"},
        {"admins += {a}\n", "t.conf:1: unexpected character '+'"},
        {"broker { user = a\n user = b }", "t.conf:2: 'user' is given twice"},
        {"broker { }\nbroker { user = b }", "t.conf:2: 'broker' is given twice, first in line 1"},
        {"partition a { }\n\npartition 'a' { }", "t.conf:3: 'partition a' is given twice"},
        {"partition { }", "t.conf:1: missing title for section 'partition'"},
        {"partition '' { }", "t.conf:1: expected the name of a partition"},
        {"partition a {\n mode = act\n}", "t.conf:2: no such option 'mode'"},
        {"broker {\n policy = avg\n}", "t.conf:2: no such option 'policy'"},
        {"broker|user = x\n", "t.conf:1: no such option 'broker|user'"},
        {"broker {\n broker { } }", "t.conf:2: unexpected '{'"},
        {"include('/etc/passwd')", "t.conf:1: unexpected character '('"},
        {"mode = { act }", "t.conf:1: unexpected token '{'"},
        {"mode act", "t.conf:1: missing equal sign after option 'mode'"},
        {"mode =\n", "t.conf:2: premature end of file"},
        {"mode = = act", "t.conf:1: unexpected '='"},
        {"\nbroker { user = a\n", "t.conf:2: this section has no end"},
        {"}", "t.conf:1: unexpected closing brace"},
        {"'' = 1", "t.conf:1: syntax error"},
        {"policy = \"avg\n\"", "t.conf:1: this string does not end in its line"},
        {"policy = 'a\x01'", "t.conf:1: control character in a string"},
        {"policy = \"a\\x00b\"", "t.conf:1: only a quote or a backslash"},
        {"policy = \"${HOME}\"", "t.conf:1: the environment is not used here"},
        {"policy = ${HOME}", "t.conf:1: a value with //, /* or ${"},
        {"policy = avg\n\n/* no end\n\n", "t.conf:3: this comment has no end"},
        {"state_dir = var/lib", "t.conf:1: state_dir: expected an absolute path, not 'var/lib'"},
        {"state_dir = /a/../b", "t.conf:1: state_dir: expected an absolute path"},
        {"kill_file = ''", "t.conf:1: kill_file: expected an absolute path, not ''"},
        {"broker { slurm_conf = slurm.conf }", "t.conf:1: slurm_conf: expected an absolute path"},
        {"listen = 0.0.0.0:8642", "t.conf:1: listen: expected a loopback address"},
        {"listen = 127.0.0.1", "t.conf:1: listen: expected a loopback"},
        {"listen = 127.0.0.1:0", "t.conf:1: listen: expected a loopback"},
        {"listen = 127.0.0:80", "t.conf:1: listen: expected a loopback"},
        {"listen = 127.0.0.1.1:80", "t.conf:1: listen: expected a loopback"},
        {"listen = 127.0.0.256:80", "t.conf:1: listen: expected a loopback"},
        {"listen = 128.0.0.1:80", "t.conf:1: listen: expected a loopback"},
        {"listen = '[::]:80'", "t.conf:1: listen: expected a loopback"},
        {"listen = example.org:80", "t.conf:1: listen: expected a loopback"},
        {"admins = {a, '', b}", "t.conf:1: admins: an empty name"},
        {"admins = {'a b'}", "t.conf:1: admins: expected a name, not 'a b'"},
        {"hosts = {'a/b'}", "t.conf:1: hosts: expected a name, not 'a/b'"},
        {"time_zone = Mars/Olympus", "t.conf:1: time_zone: expected a time zone"},
        {"time_zone = ../../etc/passwd", "t.conf:1: time_zone: expected a time zone"},
        {"broker { min_uid = 0 }", "t.conf:1: min_uid: expected a whole number from 1"},
        {"broker { state_save = always }", "t.conf:1: state_save: expected auto or never"},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct mir_config *config = NULL;
        struct mir_error err = {{0}};
        int rc = mir_config_parse("t.conf", cases[i].text, &config, &err);

        if (rc != -EINVAL || config != NULL ||
            strncmp(err.text, cases[i].expected, strlen(cases[i].expected)) != 0)
            fail_msg("%s\nexpected: %s\ngot %d:   %s", cases[i].text, cases[i].expected, rc,
                     err.text);
    }
}

static void accepts_loopback_addresses(void **state)
{
    static const char *const good[] = {"127.0.0.1:80", "127.255.3.4:65535", "'[::1]:8642'",
                                       "localhost:1", "\"\""};

    (void)state;
    for (size_t i = 0; i < N_OF(good); i++) {
        struct mir_str text = {0};

        mir_str_addf(&text, "listen = %s", good[i]);
        mir_config_destroy(parse(text.text));
        mir_str_release(&text);
    }
}

static void survives_very_long_lines(void **state)
{
    static const char *const forms[] = {"%s",
                                        "mode = %s",
                                        "mode = '%s'",
                                        "# %s\nmode = act",
                                        "admins = {%s}",
                                        "partition %s { }",
                                        "/* %s */"};
    enum { LONG = 10240 };
    char *word = mir_alloc(LONG + 1, 1);

    (void)state;
    memset(word, 'x', LONG);
    for (size_t i = 0; i < N_OF(forms); i++) {
        struct mir_config *config = NULL;
        struct mir_error err = {{0}};
        struct mir_str text = {0};
        const char *mark = strstr(forms[i], "%s");

        mir_str_add_n(&text, forms[i], (size_t)(mark - forms[i]));
        mir_str_add(&text, word);
        mir_str_add(&text, mark + 2);
        if (mir_config_parse("t.conf", text.text, &config, &err) != 0 &&
            strncmp(err.text, "t.conf:1: ", 10) != 0)
            fail_msg("%zu: %s", i, err.text);
        mir_config_destroy(config);
        mir_str_release(&text);
    }
    free(word);
}

/* The listing as a file again: sections from the dots. */
static void add_line(void *arg, const char *key, const char *value)
{
    const char *dot = strchr(key, '.'), *last = strrchr(key, '.');

    if (dot == NULL)
        mir_str_addf(arg, "%s = %s\n", key, value);
    else if (dot != last)
        mir_str_addf(arg, "partition '%.*s' { %s = %s }\n", (int)(last - dot - 1), dot + 1,
                     last + 1, value);
    else
        mir_str_addf(arg, "%.*s.%s = %s\n", (int)(dot - key), key, dot + 1, value);
}

/* "broker.user = x" lines gathered into one section each. */
static void gather(const char *flat, struct mir_str *out)
{
    static const char *const sections[] = {"", "broker", "canary"};

    for (size_t i = 0; i < N_OF(sections); i++) {
        size_t len = strlen(sections[i]);

        if (len > 0)
            mir_str_addf(out, "%s {\n", sections[i]);
        for (const char *line = flat; *line != '\0'; line = strchr(line, '\n') + 1) {
            const char *end = strchr(line, '\n') + 1;
            bool other = strncmp(line, "broker.", 7) == 0 || strncmp(line, "canary.", 7) == 0;

            if (len == 0 ? other : strncmp(line, sections[i], len) != 0 || line[len] != '.')
                continue;
            mir_str_add_n(out, line + (len > 0 ? len + 1 : 0),
                          (size_t)(end - line) - (len > 0 ? len + 1 : 0));
        }
        if (len > 0)
            mir_str_add(out, "}\n");
    }
}

static void prints_values_as_they_would_stand_in_the_file(void **state)
{
    struct mir_config *first = parse("policy = 'lead:hours=6' weight = 0.1 poll = 90 mode = act\n"
                                     "admins = {a, b} canary { users = {c} }\n"
                                     "partition gpu { policy = 'x\\\\y \\'z\\'' }\n"
                                     "broker { min_uid = 4000000000 } hosts = {'[::1]:80'}\n");
    struct mir_str flat = {0}, file = {0}, again = {0};
    struct mir_config *second;

    (void)state;
    mir_config_each(first, add_line, &flat);
    assert_non_null(strstr(flat.text, "policy = 'lead:hours=6'\nweight = 0.1\nperiod = 10m\n"));
    assert_non_null(strstr(flat.text, "poll = 90s\n"));
    assert_non_null(strstr(flat.text, "admins = {a, b}\n"));
    assert_non_null(strstr(flat.text, "broker.min_uid = 4000000000\n"));
    gather(flat.text, &file);
    second = parse(file.text);
    mir_config_each(second, add_line, &again);
    assert_string_equal(flat.text, again.text);
    mir_config_destroy(first);
    mir_config_destroy(second);
    mir_str_release(&flat);
    mir_str_release(&file);
    mir_str_release(&again);
}

/* Every "# key = value" of the example taken out of its comment must be what counts anyway. */
static void the_example_says_the_defaults(void **state)
{
    struct mir_str example = {0}, active = {0}, expected = {0}, got = {0};
    struct mir_config *defaults = parse(""), *commented, *uncommented;

    (void)state;
    mir_config_example(&example);
    commented = parse(example.text);
    for (char *line = example.text; *line != '\0'; line = strchr(line, '\n') + 1) {
        char *hash = strstr(line, "# "), *end = strchr(line, '\n'), *equal;

        equal = hash != NULL && hash < end ? strstr(hash, " = ") : NULL;
        if (equal != NULL && equal < end &&
            memchr(hash + 2, ' ', (size_t)(equal - hash - 2)) == NULL)
            *hash = ' ';
        assert_true(end - line <= 100);
    }
    mir_str_add(&active, example.text);
    uncommented = parse(active.text);
    mir_config_each(defaults, add_line, &expected);
    mir_config_each(commented, add_line, &got);
    assert_string_equal(expected.text, got.text);
    mir_str_release(&got);
    mir_config_each(uncommented, add_line, &got);
    assert_string_equal(expected.text, got.text);
    assert_null(strstr(example.text, "# mode = "));
    mir_config_destroy(defaults);
    mir_config_destroy(commented);
    mir_config_destroy(uncommented);
    mir_str_release(&example);
    mir_str_release(&active);
    mir_str_release(&expected);
    mir_str_release(&got);
}

static void the_model_lies_in_state_dir_unless_it_is_told_otherwise(void **state)
{
    static const struct {
        const char *text, *model;
    } rows[] = {
        {"", "/var/lib/mirage/model/current.model"},
        {"state_dir = /srv/mirage", "/srv/mirage/model/current.model"},
        {"state_dir = /srv/mirage\nmodel = /x/y.model", "/x/y.model"},
        {"model = /var/lib/mirage/model/current.model\nstate_dir = /srv/mirage",
         "/var/lib/mirage/model/current.model"},
        {"model = \"\"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mir_config *config = parse(rows[i].text);

        assert_string_equal(config->model, rows[i].model);
        mir_config_destroy(config);
    }
}

#define MANUAL MIR_SOURCE_DIR "/daemon/config/mirage.conf.5.scd"

static void check_documented(void *arg, const char *key, const char *value)
{
    const char *last = strrchr(key, '.');
    struct mir_str entry = {0};

    (void)value;
    mir_str_addf(&entry, "\n*%s* = ", last != NULL ? last + 1 : key);
    if (strstr(arg, entry.text) == NULL)
        fail_msg("mirage.conf.5.scd does not explain %s", key);
    mir_str_release(&entry);
}

static void the_manual_explains_every_key(void **state)
{
    struct mir_config *config = parse("partition a { policy = b weight = 1 }");
    FILE *f = fopen(MANUAL, "r");
    char *text = mir_alloc(1 << 18, 1);

    (void)state;
    assert_non_null(f);
    assert_true(fread(text, 1, (1 << 18) - 1, f) > 0);
    (void)fclose(f);
    mir_config_each(config, check_documented, text);
    mir_config_destroy(config);
    free(text);
}

static void check_file(const char *path, int rc, const char *text)
{
    struct mir_config *config = NULL;
    struct mir_error err = {{0}};
    int got = mir_config_read(path, &config, &err);

    if (got != rc || strstr(err.text, text) == NULL)
        fail_msg("%s: %d %s", path, got, err.text);
    mir_config_destroy(config);
}

static void reads_only_a_regular_file_that_others_cannot_write(void **state)
{
    char folder[] = "/tmp/mirage-config-XXXXXX", path[64], pipe_path[64];
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/a.conf", folder);
    snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", folder);
    check_file(path, -ENOENT, "No such file");
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs("\nmode = fly\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0644), 0);
    check_file(path, -EINVAL, "a.conf:2: mode: expected");
    assert_int_equal(chmod(path, 0646), 0);
    check_file(path, -EACCES, "writable by others");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    check_file(pipe_path, -EINVAL, "not a regular file");
    check_file(folder, -EINVAL, "not a regular file");
    assert_int_equal(chmod(path, 0600), 0);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite("mode = act\0\n", 1, 12, f), 12);
    assert_int_equal(fclose(f), 0);
    check_file(path, -EINVAL, "a NUL byte");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(pipe_path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* A damaged file is read or refused with its line, and the next one is read as ever. */
static void a_damaged_file_leaves_nothing_behind(void **state)
{
    static const char bytes[] = "{}\"'=#/*\n\\ ,x";
    uint64_t seed = 7;
    struct mir_str example = {0};
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, seed);
    mir_config_example(&example);
    for (int i = 0; i < 200; i++) {
        struct mir_config *config = NULL;
        struct mir_error err = {{0}};
        size_t at = mir_rng_below(&rng, example.len);
        char kept = example.text[at];

        example.text[at] = bytes[mir_rng_below(&rng, sizeof(bytes) - 1)];
        if (mir_config_parse("t.conf", example.text, &config, &err) != 0 &&
            strncmp(err.text, "t.conf:", 7) != 0)
            fail_msg("seed %llu, case %d: %s", (unsigned long long)seed, i, err.text);
        mir_config_destroy(config);
        example.text[at] = kept;
        mir_config_destroy(parse("mode = act"));
    }
    mir_str_release(&example);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_documented_defaults),
        cmocka_unit_test(reads_every_kind_of_value),
        cmocka_unit_test(refuses_by_file_line_and_name),
        cmocka_unit_test(accepts_loopback_addresses),
        cmocka_unit_test(survives_very_long_lines),
        cmocka_unit_test(prints_values_as_they_would_stand_in_the_file),
        cmocka_unit_test(the_example_says_the_defaults),
        cmocka_unit_test(the_manual_explains_every_key),
        cmocka_unit_test(the_model_lies_in_state_dir_unless_it_is_told_otherwise),
        cmocka_unit_test(reads_only_a_regular_file_that_others_cannot_write),
        cmocka_unit_test(a_damaged_file_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
