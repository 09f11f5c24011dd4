/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_pending_log.c - a log of pending jobs: columns by name, rows in order, bad lines. */
#include "models/train/pending_log.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct mir_pending_log *out, struct mir_error *err)
{
    *out = (struct mir_pending_log){0};
    return mir_pending_log_parse("test.csv", text, strlen(text), out, err);
}

static void near(double a, double b)
{
    if (!(fabs(a - b) < 1e-5))
        fail_msg("%.9g, not %.9g", a, b);
}

static void finds_columns_by_their_names(void **state)
{
    struct mir_pending_log log;
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(parse("job_id,limit_s,start,req_nodes,eligible,poll_time,gpu_type,q_jobs\n"
                           "a,3600,200,2,40,100,,7\n"
                           "b,7200,150,1,90,100,x,\n",
                           &log, &err),
                     0);
    assert_int_equal(log.n, 2);
    assert_int_equal(log.n_features, 4);
    assert_string_equal(log.names[0], "limit_s");
    assert_string_equal(log.names[1], "req_nodes");
    assert_string_equal(log.names[2], "q_jobs");
    assert_string_equal(log.names[3], "waited_s");
    assert_int_equal(log.rows[0].start_at, 150); /* the earlier start of one poll first */
    assert_int_equal(log.rows[1].n_nodes, 2);
    assert_int_equal(log.rows[1].limit_s, 3600);
    near((double)log.features[0], 7200);
    assert_true(isnan(log.features[2])); /* missing is missing, not zero */
    near((double)log.features[3], 10);
    near((double)log.features[4 + 2], 7);
    near((double)log.features[4 + 3], 60);
    mir_pending_log_release(&log);
}

static void counts_lines_that_it_cannot_read(void **state)
{
    struct mir_pending_log log;
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(parse("poll_time,start,eligible,limit_s\n"
                           "100,200,50,60\n"
                           "100,90,50,60\n"    /* started before it was seen waiting */
                           "100,200,50\n"      /* too short */
                           "100,200,50,60,7\n" /* too long */
                           "100,never,50,60\n\n"
                           "100,200,50,0\n",
                           &log, &err),
                     0);
    assert_int_equal(log.n, 1);
    assert_int_equal(log.n_bad, 5);
    mir_pending_log_release(&log);
}

static void refuses_what_is_no_such_log(void **state)
{
    static const struct {
        const char *text, *says;
        int rc;
    } cases[] = {
        {"poll_time,start,limit_s\n1,2,3\n", "no column 'eligible'", -EBADMSG},
        {"hello\n", "no column 'poll_time'", -EBADMSG},
        {"poll_time,start,eligible,limit_s\n", "no job", -ENODATA},
        {"poll_time,start,eligible,limit_s\nx,y,z,w\n", "1 bad line", -ENODATA},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_pending_log log;
        struct mir_error err = {{0}};

        assert_int_equal(parse(cases[i].text, &log, &err), cases[i].rc);
        if (strstr(err.text, cases[i].says) == NULL || strstr(err.text, "test.csv") == NULL)
            fail_msg("'%s'", err.text);
        mir_pending_log_release(&log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_columns_by_their_names),
        cmocka_unit_test(counts_lines_that_it_cannot_read),
        cmocka_unit_test(refuses_what_is_no_such_log),
    };

    return cmocka_run_group_tests_name("train_pending_log", tests, NULL, NULL);
}
