/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_broker_question.c - what the daemon may ask, key by key. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/broker/question.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define SUBMIT                                                                                     \
    "submit ticket=5 template=" TOKEN " chain=abcdef27 link=1 token=" TOKEN                        \
    " predecessor=12 predecessor_uid=1001 predecessor_submit_at=1700000000"

enum { MIN_UID = 1000 };

static int parse(const char *line, struct mir_question **q, struct mir_error *err)
{
    *q = NULL;
    return mir_question_parse(line, strlen(line), MIN_UID, q, err);
}

static void understands_every_question(void **state)
{
    static const struct {
        const char *line;
        enum mir_ask ask;
        uint64_t ticket;
        uid_t uid;
    } rows[] = {
        {"jobs ticket=1 since=0", MIR_ASK_JOBS, 1, 0},
        {"jobs ticket=1", MIR_ASK_JOBS, 1, 0},
        {"job ticket=2 id=77", MIR_ASK_JOB, 2, 0},
        {"cluster ticket=9223372036854775807", MIR_ASK_CLUSTER, INT64_MAX, 0},
        {"history ticket=4 from=10 to=20", MIR_ASK_HISTORY, 4, 0},
        {"find ticket=4 uid=0 token=" TOKEN " from=10", MIR_ASK_FIND, 4, 0},
        {"capture ticket=4 id=5 uid=1001 submit_at=7", MIR_ASK_CAPTURE, 4, 1001},
        {"capture ticket=4 id=5 uid=1001 token=" TOKEN, MIR_ASK_CAPTURE, 4, 1001},
        {"capture ticket=4 id=5 uid=1001 submit_at=7 token= environment=MUNGE%0A:", MIR_ASK_CAPTURE,
         4, 1001},
        {SUBMIT, MIR_ASK_SUBMIT, 5, 1001},
        {SUBMIT " predecessor_token=" TOKEN " stop_file=DONE", MIR_ASK_SUBMIT, 5, 1001},
        {"cancel ticket=4 id=5 uid=1001 submit_at=7 token=" TOKEN, MIR_ASK_CANCEL, 4, 1001},
        {"forget template=" TOKEN, MIR_ASK_FORGET, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mir_error err = {{0}};
        struct mir_question *q;
        int rc = parse(rows[i].line, &q, &err);

        if (rc != 0)
            fail_msg("%s: %d %s", rows[i].line, rc, err.text);
        assert_int_equal(q->ask, rows[i].ask);
        assert_true(q->ticket == rows[i].ticket);
        assert_int_equal(q->uid, rows[i].uid);
        assert_string_equal(q->record.verb, mir_ask_name(q->ask));
        mir_question_destroy(q);
    }
}

static void ends_the_connection_over_what_is_no_question(void **state)
{
    static const char *const lines[] = {
        "",
        " ",
        "jobs",
        "jobs ticket=0",
        "jobs ticket=-1",
        "jobs ticket=x",
        "jobs ticket=9223372036854775808",
        "jobs ticket=1 ticket=2",
        "jobs ticket=1 colour=red",
        "jobs ticket=1 since=1 since=2",
        "jobs  ticket=1",
        "JOBS ticket=1",
        "hello version=1",
        "sending ticket=1",
        "cluster ticket=1 since=0",
        "cancel ticket=1 id=5 uid=1001 submit_at=7 template=" TOKEN,
        SUBMIT " script=#!/bin/sh",
        SUBMIT " environment=LD_PRELOAD",
        SUBMIT " gid=0",
        "forget",
        "forget template=../../../../etc/passwd",
        "forget ticket=1 template=" TOKEN,
        "job ticket=1 id=%0",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct mir_error err = {{0}};
        struct mir_question *q;
        int rc = parse(lines[i], &q, &err);

        if (rc != -EPROTO || err.text[0] == '\0')
            fail_msg("%s: %d %s", lines[i], rc, err.text);
        assert_null(q);
    }
}

/* 64 readings and 256 acts may wait: not one of them is to bring megabytes along. */
static void only_a_capture_may_be_long(void **state)
{
    struct mir_error err = {{0}};
    struct mir_question *q = NULL;
    struct mir_str line = {0};

    (void)state;
    mir_str_add(&line, "job ticket=1 id=");
    while (line.len < 5000)
        mir_str_add(&line, "0");
    mir_str_add(&line, "7");
    assert_int_equal(parse(line.text, &q, &err), -EPROTO);
    line.len = 0;
    mir_str_add(&line, "capture ticket=1 id=7 uid=1001 submit_at=7 environment=");
    while (line.len < 5000)
        mir_str_add(&line, "A");
    assert_int_equal(parse(line.text, &q, &err), 0);
    mir_question_destroy(q);
    mir_str_release(&line);
}

static void refuses_values_that_have_not_their_form(void **state)
{
    static const char *const lines[] = {
        "jobs ticket=1 since=-1",
        "jobs ticket=1 since=",
        "job ticket=1",
        "job ticket=1 id=0",
        "job ticket=1 id=4294967294", /* NO_VAL */
        "job ticket=1 id=4294967295",
        "history ticket=1 from=1",
        "find ticket=1 uid=1001",
        "find ticket=1 uid=1001 token=" TOKEN "0",
        "find ticket=1 uid=1001 token=0123456789ABCDEF0123456789abcdef",
        "find ticket=1 uid=1001 token=%2A123456789abcdef0123456789abcdef",
        "capture ticket=1 id=5 uid=1001",
        "capture ticket=1 id=5 uid=1001 submit_at=0 token=",
        "capture ticket=1 id=5 uid=4294967295 submit_at=1",
        "capture ticket=1 id=5 submit_at=1",
        "cancel ticket=1 id=5 uid=1001 submit_at=7 token=abc",
        "submit ticket=1",
        "submit ticket=5 template=" TOKEN " chain=ABCDEF27 link=1 token=" TOKEN
        " predecessor=12 predecessor_uid=1001 predecessor_submit_at=1",
        "submit ticket=5 template=" TOKEN " chain=abcdef1 link=1 token=" TOKEN
        " predecessor=12 predecessor_uid=1001 predecessor_submit_at=1",
        "submit ticket=5 template=" TOKEN " chain=abcdef27 link=0 token=" TOKEN
        " predecessor=12 predecessor_uid=1001 predecessor_submit_at=1",
        "submit ticket=5 template=" TOKEN " chain=abcdef27 link=100001 token=" TOKEN
        " predecessor=12 predecessor_uid=1001 predecessor_submit_at=1",
        "submit ticket=5 template=..%2F..%2Fetc%2Fpasswd chain=abcdef27 link=1 token=" TOKEN
        " predecessor=12 predecessor_uid=1001 predecessor_submit_at=1",
        "submit ticket=5 template=" TOKEN " chain=abcdef27 link=1 token=" TOKEN
        " predecessor=12 predecessor_uid=1001",
        SUBMIT " predecessor_token=x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct mir_error err = {{0}};
        struct mir_question *q;
        int rc = parse(lines[i], &q, &err);

        if (rc != -EINVAL || err.text[0] == '\0')
            fail_msg("%s: %d %s", lines[i], rc, err.text);
        assert_non_null(q);
        assert_true(q->ticket > 0);
        mir_question_destroy(q);
    }
}

static void refuses_a_stop_file_that_is_too_long(void **state)
{
    char line[1024], name[300];
    struct mir_question *q;

    (void)state;
    memset(name, 'x', sizeof(name));
    snprintf(line, sizeof(line), SUBMIT " stop_file=%.*s", MIR_STOP_FILE_MAX, name);
    assert_int_equal(parse(line, &q, NULL), 0);
    mir_question_destroy(q);
    snprintf(line, sizeof(line), SUBMIT " stop_file=%.*s", MIR_STOP_FILE_MAX + 1, name);
    assert_int_equal(parse(line, &q, NULL), -EINVAL);
    mir_question_destroy(q);
}

static void refuses_root_and_low_uids(void **state)
{
    static const char *const lines[] = {
        "capture ticket=1 id=5 uid=0 submit_at=7",
        "capture ticket=1 id=5 uid=999 submit_at=7",
        "cancel ticket=1 id=5 uid=0 submit_at=7",
        "submit ticket=5 template=" TOKEN " chain=abcdef27 link=1 token=" TOKEN
        " predecessor=12 predecessor_uid=0 predecessor_submit_at=1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct mir_question *q;

        assert_int_equal(parse(lines[i], &q, NULL), -EPERM);
        mir_question_destroy(q);
    }
    /* Root is refused even where the minimum is 0. */
    {
        struct mir_question *q = NULL;

        assert_int_equal(mir_question_parse(lines[0], strlen(lines[0]), 0, &q, NULL), -EPERM);
        mir_question_destroy(q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(understands_every_question),
        cmocka_unit_test(ends_the_connection_over_what_is_no_question),
        cmocka_unit_test(only_a_capture_may_be_long),
        cmocka_unit_test(refuses_values_that_have_not_their_form),
        cmocka_unit_test(refuses_a_stop_file_that_is_too_long),
        cmocka_unit_test(refuses_root_and_low_uids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
