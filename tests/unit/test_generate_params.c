/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_generate_params.c - the generator's parameters as a file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "traces/generate/generate.h"

static int parse(const char *text, struct mir_generate_params *out, struct mir_error *err)
{
    return mir_generate_params_parse("p.txt", text, strlen(text), out, err);
}

static void default_is_sound_and_normal(void **state)
{
    struct mir_generate_params p, q;
    struct mir_error err;

    (void)state;
    mir_generate_default(&p);
    assert_int_equal(mir_generate_check(&p, &err), 0);
    q = p;
    mir_generate_normalise(&q);
    assert_memory_equal(&p, &q, sizeof p);
    assert_true(mir_generate_offered_load(&p) > 0.7 && mir_generate_offered_load(&p) < 0.9);
}

static void reads_back_what_it_writes(void **state)
{
    struct mir_generate_params p, q;
    struct mir_error err;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);

    (void)state;
    mir_generate_default(&p);
    p.jobs_per_day = 1.0 / 3;
    p.user_zipf = 0.1 + 0.2;
    p.hour_factor[3] = 1e-7;
    p.shapes[0].limit_s = 61;
    p.shapes[1].share = 5e-324;
    assert_int_equal(mir_generate_params_write(to, &p, &err), 0);
    fclose(to);
    assert_int_equal(mir_generate_params_parse("p.txt", text, len, &q, &err), 0);
    assert_memory_equal(&p, &q, sizeof p);
    free(text);
}

static void an_empty_file_is_the_default(void **state)
{
    struct mir_generate_params p, q;
    struct mir_error err;

    (void)state;
    mir_generate_default(&p);
    assert_int_equal(parse("", &q, &err), 0);
    assert_memory_equal(&p, &q, sizeof p);
    assert_int_equal(parse("# nothing\n\n   \t\r\n", &q, &err), 0);
    assert_memory_equal(&p, &q, sizeof p);
}

static void one_shape_replaces_all_of_the_default(void **state)
{
    struct mir_generate_params p;
    struct mir_error err;

    (void)state;
    assert_int_equal(parse("nodes=4 # small\nshape = 4 1-12 1 0 0 0.5 0.1", &p, &err), 0);
    assert_int_equal(p.n_nodes, 4);
    assert_int_equal(p.n_shapes, 1);
    assert_int_equal(p.shapes[0].limit_s, 36 * 3600);
}

static void refuses_bad_lines_by_place_and_key(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"nodes 76\n", "p.txt:1: not key = value"},
        {"= 76\n", "p.txt:1: not key = value"},
        {"\nnods = 76\n", "p.txt:2: nods: no such parameter"},
        {"nodes = many\n", "p.txt:1: nodes: not a number"},
        {"nodes = 1 2\n", "p.txt:1: nodes: not a number"},
        {"nodes =\n", "p.txt:1: nodes: not a number"},
        {"nodes = 1.5\n", "p.txt:1: nodes: not a whole number"},
        {"nodes = 0\n", "p.txt:1: nodes: not between"},
        {"nodes = -3\n", "p.txt:1: nodes: not between"},
        {"jobs_per_day = nan\n", "p.txt:1: jobs_per_day: not a number"},
        {"batch_mean = 0.5\n", "p.txt:1: batch_mean: not between"},
        {"hour_factor = 1 2 3\n", "p.txt:1: hour_factor: not the right number"},
        {"weekday_factor = 1 1 1 1 1 1 x\n", "p.txt:1: weekday_factor: not a number"},
        {"weekday_factor = 0 0 0 0 0 0 0\n", "p.txt: weekday_factor: the factors are all 0"},
        {"weekday_factor = 1 1 1 1 1 1 -1\n", "p.txt: weekday_factor: a factor is negative"},
        {"shape = 1 1h 1 0 0 0.5\n", "p.txt:1: shape: expected"},
        {"shape = 0 1h 1 0 0 0.5 0.1\n", "p.txt:1: shape: not a number of nodes"},
        {"shape = 1 soon 1 0 0 0.5 0.1\n", "p.txt:1: shape: not a limit"},
        {"shape = 1 0 1 0 0 0.5 0.1\n", "p.txt:1: shape: not a limit"},
        {"shape = 1 1h 1 0.7 0.7 0.5 0.1\n", "p.txt:1: shape: hit and fail"},
        {"shape = 1 1h -1 0 0 0.5 0.1\n", "p.txt:1: shape: share is negative"},
        {"shape = 1 1h 1 0 0 0.5 0.6\n", "p.txt:1: shape: no run/limit ratio"},
        {"shape = 1 1h 0 0 0 0.5 0.1\n", "p.txt: shape: the shares are all 0"},
        {"nodes = 4\nshape = 5 1h 1 0 0 0.5 0.1\n", "p.txt: shape 1: more nodes"},
        {"hour_factor = 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n",
         "p.txt:1: hour_factor: not the right number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_generate_params p = {.n_nodes = 12345};
        struct mir_error err = {""};

        assert_int_equal(parse(cases[i].text, &p, &err), -EINVAL);
        if (strstr(err.text, cases[i].message) != err.text)
            fail_msg("'%s' gives '%s'", cases[i].text, err.text);
        assert_int_equal(p.n_nodes, 12345);
    }
}

static void refuses_more_shapes_than_it_holds(void **state)
{
    enum { N = MIR_GENERATE_MAX_SHAPES + 1 };
    static const char line[] = "shape = 1 1h 1 0 0 0.5 0.1\n";
    struct mir_generate_params p;
    struct mir_error err;
    char *text = malloc(N * sizeof line);
    size_t len = 0;

    (void)state;
    for (int i = 0; i < N; i++) {
        memcpy(text + len, line, sizeof line - 1);
        len += sizeof line - 1;
    }
    assert_int_equal(mir_generate_params_parse("p", text, len, &p, &err), -EINVAL);
    assert_non_null(strstr(err.text, "too many shapes"));
    len -= sizeof line - 1;
    assert_int_equal(mir_generate_params_parse("p", text, len, &p, &err), 0);
    free(text);
}

static void tells_a_missing_file(void **state)
{
    struct mir_generate_params p;
    struct mir_error err;

    (void)state;
    assert_int_equal(mir_generate_params_read("/nonexistent/p", &p, &err), -ENOENT);
    assert_int_equal(mir_generate_params_read("/", &p, &err), -EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_is_sound_and_normal),
        cmocka_unit_test(reads_back_what_it_writes),
        cmocka_unit_test(an_empty_file_is_the_default),
        cmocka_unit_test(one_shape_replaces_all_of_the_default),
        cmocka_unit_test(refuses_bad_lines_by_place_and_key),
        cmocka_unit_test(refuses_more_shapes_than_it_holds),
        cmocka_unit_test(tells_a_missing_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
