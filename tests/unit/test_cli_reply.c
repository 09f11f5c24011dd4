/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cli_reply.c - HTTP replies, whole, in chunks, cut, oversized and false. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/reply.h"
#include "daemon/core/alloc.h"
#include "daemon/core/str.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct {
    const char *text;
    int status;
    const char *body;
    bool needs_end; /* nothing but the end of the connection ends it */
} good[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}", false},
    {"HTTP/1.1 404 Not Found\r\ncontent-length:5 \r\nX: y\r\n\r\nhello", 404, "hello", false},
    {"HTTP/1.0 200 OK\n\nup to the end", 200, "up to the end", true},
    {"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", 503, "", false},
    {CHUNKED "3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n", 200, "abcd", false},
    {CHUNKED "0A\r\n0123456789\r\n000\r\nTrailer: x\r\n\r\n", 200, "0123456789", false},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 1\r\n\r\nx", 202, "x",
     false},
};

static void reads_a_body_by_length_by_chunks_and_to_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(good); i++) {
        struct mir_cli_reply reply = {0};
        struct mir_error err = {{0}};

        if (mir_cli_reply_parse(good[i].text, strlen(good[i].text), true, &reply, &err) != 1)
            fail_msg("%s: %s", good[i].text, err.text);
        assert_int_equal(reply.status, good[i].status);
        assert_string_equal(reply.body, good[i].body);
        assert_int_equal(reply.body_len, strlen(good[i].body));
        free(reply.body);
    }
}

/* Every beginning of a reply is "more" while it may go on, and an error once it cannot. */
static void a_cut_reply_is_never_taken_for_a_whole_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(good); i++) {
        size_t len = strlen(good[i].text);

        for (size_t n = 0; n < len; n++) {
            struct mir_cli_reply reply = {0};
            struct mir_error err = {{0}};
            char *exact = mir_alloc(n, 1); /* exactly so long, for the address sanitizer */

            memcpy(exact, good[i].text, n);
            if (mir_cli_reply_parse(exact, n, false, &reply, &err) != 0)
                fail_msg("%zu of %s: %s", n, good[i].text, err.text);
            if (!good[i].needs_end && mir_cli_reply_parse(exact, n, true, &reply, &err) != -EPROTO)
                fail_msg("%zu of %s was taken for whole", n, good[i].text);
            free(exact);
        }
    }
}

static void refuses_what_is_no_reply(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
        {"SSH-2.0-OpenSSH_9.2\r\n", -EPROTO},
        {"HTTP/2 200 OK\r\n\r\n", -EPROTO},
        {"HTTP/1.1 20 OK\r\n\r\n", -EPROTO},
        {"HTTP/1.1 2000 OK\r\n\r\n", -EPROTO},
        {"HTTP/1.1 999 OK\r\n\r\n", -EPROTO},
        {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", -EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", -EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx", -EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\nx", -EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy", -EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", -EMSGSIZE},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", -EPROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", -EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", -EPROTO},
        {CHUNKED "x\r\n", -EPROTO},
        {CHUNKED "-1\r\n", -EPROTO},
        {CHUNKED "2\r\nabc\r\n0\r\n\r\n", -EPROTO},
        {CHUNKED "ffffffff\r\n", -EMSGSIZE},
        {CHUNKED "fffffffffffffffff\r\n", -EMSGSIZE},
    };

    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct mir_cli_reply reply = {0};
        struct mir_error err = {{0}};
        int rc = mir_cli_reply_parse(cases[i].text, strlen(cases[i].text), false, &reply, &err);

        if (rc != cases[i].rc || err.text[0] == '\0')
            fail_msg("%s: %d %s", cases[i].text, rc, err.text);
    }
}

static void refuses_a_head_without_end(void **state)
{
    struct mir_str text = {0};
    struct mir_cli_reply reply = {0};
    struct mir_error err = {{0}};

    (void)state;
    mir_str_add(&text, "HTTP/1.1 200 OK\r\n");
    while (text.len <= MIR_REPLY_HEAD_MAX)
        mir_str_add(&text, "A: b\r\n");
    assert_int_equal(mir_cli_reply_parse(text.text, text.len, false, &reply, &err), -EMSGSIZE);
    mir_str_release(&text);
    while (text.len <= MIR_REPLY_HEAD_MAX)
        mir_str_add(&text, "no line end ");
    assert_int_equal(mir_cli_reply_parse(text.text, text.len, false, &reply, &err), -EMSGSIZE);
    mir_str_release(&text);
}

static void refuses_a_body_without_bound(void **state)
{
    static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
    size_t len = sizeof(head) - 1 + MIR_REPLY_BODY_MAX + 1;
    char *text = mir_alloc(len, 1);
    struct mir_cli_reply reply = {0};
    struct mir_error err = {{0}};

    (void)state;
    memcpy(text, head, sizeof(head) - 1);
    assert_int_equal(mir_cli_reply_parse(text, len, false, &reply, &err), -EMSGSIZE);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_body_by_length_by_chunks_and_to_the_end),
        cmocka_unit_test(a_cut_reply_is_never_taken_for_a_whole_one),
        cmocka_unit_test(refuses_what_is_no_reply),
        cmocka_unit_test(refuses_a_head_without_end),
        cmocka_unit_test(refuses_a_body_without_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
