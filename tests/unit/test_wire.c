/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_wire.c - records and lines.  Random cases print their seed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/host/wire.h"

/* Parse a copy, which the caller frees. */
static int
parse_copy(const char *line, struct mir_wire_record *r, struct mir_error *err, char **copy)
{
    *copy = mir_strdup(line);
    return mir_wire_parse(*copy, strlen(line), r, err);
}

static void parses_a_verb_and_its_fields(void **state)
{
    struct mir_wire_record r;
    char *copy;

    (void)state;
    assert_int_equal(parse_copy("job id=7 name=a%20b%25 comment= id=8 x_1=k=v", &r, NULL, &copy),
                     0);
    assert_string_equal(r.verb, "job");
    assert_int_equal(r.n_fields, 5);
    assert_string_equal(mir_wire_get(&r, "id"), "7");
    assert_string_equal(mir_wire_get(&r, "name"), "a b%");
    assert_int_equal(r.fields[1].len, 4);
    assert_string_equal(mir_wire_get(&r, "comment"), "");
    assert_string_equal(r.fields[3].value, "8");
    assert_string_equal(mir_wire_get(&r, "x_1"), "k=v");
    assert_null(mir_wire_get(&r, "nam"));
    free(copy);
    assert_int_equal(parse_copy("bye", &r, NULL, &copy), 0);
    assert_int_equal(r.n_fields, 0);
    free(copy);
}

static void reads_hex_digits_of_both_cases(void **state)
{
    struct mir_wire_record r;
    char *copy;

    (void)state;
    assert_int_equal(parse_copy("a b=%0a%0A%fF", &r, NULL, &copy), 0);
    assert_int_equal(r.fields[0].len, 3);
    assert_memory_equal(r.fields[0].value, "\n\n\xff", 4);
    free(copy);
}

static void refuses_what_is_malformed_and_says_where(void **state)
{
    static const struct {
        const char *line, *where;
    } cases[] = {
        {"", "byte 1:"},
        {" a", "byte 1:"},
        {"Job id=1", "byte 1:"},
        {"1job", "byte 1:"},
        {"job=1", "byte 1:"},
        {"job ", "byte 5:"},
        {"job  id=1", "byte 5:"},
        {"job id=1 ", "byte 10:"},
        {"job id", "byte 5:"},
        {"job =1", "byte 5:"},
        {"job iD=1", "byte 5:"},
        {"job 1d=1", "byte 5:"},
        {"job id=%", "byte 8:"},
        {"job id=%4", "byte 8:"},
        {"job id=1%4 x=1", "byte 9:"},
        {"job id=%4g", "byte 8:"},
        {"job id=%00", "byte 8:"},
        {"job id=a%20%0", "byte 12:"},
        {"job\tid=1", "byte 4:"},
        {"job id=\x7f", "byte 8:"},
        {"job id=1\r", "byte 9:"},
        {"job a-b=1", "byte 5:"},
        {"job id=1\njob id=2", "byte 9:"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_error err = {{0}};
        struct mir_wire_record r;
        char *copy;

        if (parse_copy(cases[i].line, &r, &err, &copy) != -EINVAL)
            fail_msg("'%s' was not refused", cases[i].line);
        if (strncmp(err.text, cases[i].where, strlen(cases[i].where)) != 0)
            fail_msg("'%s': expected %s, not '%s'", cases[i].line, cases[i].where, err.text);
        free(copy);
    }
}

static void refuses_a_nul_byte(void **state)
{
    char line[] = "job name=a\0b";
    struct mir_error err = {{0}};
    struct mir_wire_record r;

    (void)state;
    assert_int_equal(mir_wire_parse(line, sizeof line - 1, &r, &err), -EINVAL);
    assert_ptr_equal(strstr(err.text, "byte 11:"), err.text);
}

static void refuses_one_field_too_many(void **state)
{
    struct mir_str s = {0};
    struct mir_wire_record r;

    (void)state;
    mir_wire_begin(&s, "job");
    for (int i = 0; i < MIR_WIRE_MAX_FIELDS; i++)
        mir_wire_add_i64(&s, "k", i);
    char *copy = mir_strdup(s.text);
    assert_int_equal(mir_wire_parse(copy, s.len, &r, NULL), 0);
    assert_int_equal(r.n_fields, MIR_WIRE_MAX_FIELDS);
    free(copy);
    mir_wire_add_i64(&s, "k", 0);
    assert_int_equal(mir_wire_parse(s.text, s.len, &r, NULL), -EINVAL);
    mir_str_release(&s);
}

static void reads_whole_numbers_in_range(void **state)
{
    struct mir_wire_record r;
    struct mir_error err = {{0}};
    int64_t n = 99;
    char *copy;

    (void)state;
    assert_int_equal(
        parse_copy("job a=-5 b=5x c= d=9223372036854775807 e=9223372036854775808", &r, NULL, &copy),
        0);
    assert_int_equal(mir_wire_get_i64(&r, "a", -5, 5, &n, &err), 0);
    assert_int_equal(n, -5);
    assert_int_equal(mir_wire_get_i64(&r, "d", 0, INT64_MAX, &n, &err), 0);
    assert_true(n == INT64_MAX);
    n = 99;
    assert_int_equal(mir_wire_get_i64(&r, "a", -4, 5, &n, &err), -ERANGE);
    assert_string_equal(err.text, "job: a is not from -4 to 5");
    assert_int_equal(mir_wire_get_i64(&r, "b", 0, 5, &n, &err), -EINVAL);
    assert_int_equal(mir_wire_get_i64(&r, "c", 0, 5, &n, &err), -EINVAL);
    assert_int_equal(mir_wire_get_i64(&r, "e", 0, INT64_MAX, &n, &err), -ERANGE);
    assert_int_equal(mir_wire_get_i64(&r, "f", 0, 5, &n, &err), -ENOENT);
    assert_int_equal(n, 99);
    free(copy);
}

static void writes_what_must_be_escaped_in_upper_case(void **state)
{
    struct mir_str s = {0};

    (void)state;
    mir_wire_begin(&s, "job");
    mir_wire_add(&s, "name", "a b\n\x7f%\xc3\xa4\x1f=");
    mir_wire_add(&s, "none", NULL);
    mir_wire_add(&s, "empty", "");
    mir_wire_add_i64(&s, "least", INT64_MIN);
    mir_wire_add_f64(&s, "w", 0.1);
    mir_wire_add_n(&s, "cut", "abc", 2);
    mir_wire_end(&s);
    assert_string_equal(s.text, "job name=a%20b%0A%7F%25\xc3\xa4%1F= empty= "
                                "least=-9223372036854775808 w=0.10000000000000001 cut=ab\n");
    mir_str_release(&s);
}

static void random_values_come_back_byte_by_byte(void **state)
{
    enum { N = 300, N_FIELDS = 20, LEN = 40 };
    const uint64_t seed = 20260101;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, seed);
    print_message("seed %" PRIu64 "\n", seed);
    for (int round = 0; round < N; round++) {
        char value[N_FIELDS][LEN + 1] = {{0}};
        struct mir_str s = {0};
        struct mir_wire_record r;

        mir_wire_begin(&s, "v");
        for (int f = 0; f < N_FIELDS; f++) {
            size_t len = (size_t)mir_rng_below(&rng, LEN + 1);

            for (size_t i = 0; i < len; i++)
                value[f][i] = (char)(1 + mir_rng_below(&rng, mir_rng_below(&rng, 2) ? 255 : 40));
            mir_wire_add(&s, "k", value[f]);
        }
        assert_int_equal(mir_wire_parse(s.text, s.len, &r, NULL), 0);
        assert_int_equal(r.n_fields, N_FIELDS);
        for (int f = 0; f < N_FIELDS; f++) {
            assert_string_equal(r.fields[f].value, value[f]);
            assert_int_equal(r.fields[f].len, strlen(value[f]));
        }
        mir_str_release(&s);
    }
}

/* ---- lines */

static void expect_line(struct mir_wire_input *in, const char *text)
{
    char *line;
    size_t len;

    assert_true(mir_wire_next_line(in, &line, &len));
    assert_int_equal(len, strlen(text));
    assert_memory_equal(line, text, len);
}

static void expect_none(struct mir_wire_input *in)
{
    char *line;
    size_t len;

    assert_false(mir_wire_next_line(in, &line, &len));
}

static int feed(struct mir_wire_input *in, const char *text)
{
    return mir_wire_feed(in, text, strlen(text));
}

static void cuts_lines_wherever_the_bytes_are_split(void **state)
{
    struct mir_wire_input in = {0};

    (void)state;
    expect_none(&in);
    assert_int_equal(feed(&in, "a"), 0);
    expect_none(&in);
    assert_int_equal(feed(&in, "b\n\nc"), 0);
    expect_line(&in, "ab");
    expect_line(&in, "");
    expect_none(&in);
    assert_int_equal(feed(&in, "\nd\ne"), 0);
    expect_line(&in, "c");
    assert_int_equal(feed(&in, "f\n"), 0); /* "d" is still to be taken */
    expect_line(&in, "d");
    expect_line(&in, "ef");
    expect_none(&in);
    mir_wire_release(&in);
}

static void looks_at_no_byte_twice(void **state)
{
    struct mir_wire_input in = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(feed(&in, "0123456789"), 0);
        expect_none(&in);
        assert_int_equal(in.scanned - in.begin, 10 * (i + 1));
    }
    mir_wire_release(&in);
}

static void takes_a_line_of_the_greatest_length_and_none_longer(void **state)
{
    char *bytes = mir_alloc(MIR_WIRE_MAX_LINE + 1, 1);
    struct mir_wire_input in = {0};
    char *line;
    size_t len;

    (void)state;
    memset(bytes, 'x', MIR_WIRE_MAX_LINE + 1);
    bytes[MIR_WIRE_MAX_LINE - 1] = '\n';
    bytes[MIR_WIRE_MAX_LINE] = '\n';
    assert_int_equal(feed(&in, "first\n"), 0); /* not taken yet: it does not count */
    assert_int_equal(mir_wire_feed(&in, bytes, MIR_WIRE_MAX_LINE), 0);
    expect_line(&in, "first");
    assert_true(mir_wire_next_line(&in, &line, &len));
    assert_int_equal(len, MIR_WIRE_MAX_LINE - 1);
    bytes[MIR_WIRE_MAX_LINE - 1] = 'x';
    assert_int_equal(feed(&in, "first\n"), 0);
    assert_int_equal(mir_wire_feed(&in, bytes, MIR_WIRE_MAX_LINE + 1), -EMSGSIZE);
    expect_line(&in, "first");
    expect_none(&in);
    mir_wire_release(&in);
    assert_int_equal(mir_wire_feed(&in, bytes, MIR_WIRE_MAX_LINE), -EMSGSIZE);
    mir_wire_release(&in);
    free(bytes);
}

static void gives_memory_back_after_a_long_line(void **state)
{
    enum { LEN = 4 << 20 };
    char *bytes = mir_alloc(LEN, 1);
    struct mir_wire_input in = {0};
    char *line;
    size_t len;

    (void)state;
    memset(bytes, 'x', LEN);
    bytes[LEN - 3] = '\n';
    assert_int_equal(mir_wire_feed(&in, bytes, LEN), 0);
    assert_true(in.cap >= LEN);
    assert_true(mir_wire_next_line(&in, &line, &len));
    assert_int_equal(feed(&in, "yz\n"), 0);
    assert_true(in.cap < 1 << 20);
    expect_line(&in, "xxyz");
    mir_wire_release(&in);
    free(bytes);
}

static void reads_from_a_descriptor(void **state)
{
    struct mir_wire_input in = {0};
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(mir_wire_read(&in, fds[0]), -EAGAIN);
    assert_int_equal(write(fds[1], "hello a=1\nby", 12), 12);
    assert_int_equal(mir_wire_read(&in, fds[0]), 12);
    expect_line(&in, "hello a=1");
    expect_none(&in);
    assert_int_equal(write(fds[1], "e\n", 2), 2);
    (void)close(fds[1]);
    assert_int_equal(mir_wire_read(&in, fds[0]), 2);
    expect_line(&in, "bye");
    assert_int_equal(mir_wire_read(&in, fds[0]), 0);
    (void)close(fds[0]);
    assert_int_equal(mir_wire_read(&in, fds[0]), -EBADF);
    mir_wire_release(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_a_verb_and_its_fields),
        cmocka_unit_test(reads_hex_digits_of_both_cases),
        cmocka_unit_test(refuses_what_is_malformed_and_says_where),
        cmocka_unit_test(refuses_a_nul_byte),
        cmocka_unit_test(refuses_one_field_too_many),
        cmocka_unit_test(reads_whole_numbers_in_range),
        cmocka_unit_test(writes_what_must_be_escaped_in_upper_case),
        cmocka_unit_test(random_values_come_back_byte_by_byte),
        cmocka_unit_test(cuts_lines_wherever_the_bytes_are_split),
        cmocka_unit_test(looks_at_no_byte_twice),
        cmocka_unit_test(takes_a_line_of_the_greatest_length_and_none_longer),
        cmocka_unit_test(gives_memory_back_after_a_long_line),
        cmocka_unit_test(reads_from_a_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
