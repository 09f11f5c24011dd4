/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_comment.c - the opt-in and the tag in a job's comment. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/parse.h"
#include "daemon/host/comment.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define TAG "mirage=abcdef27.3." TOKEN

static void parses_every_option(void **state)
{
    struct mir_chain_options o;

    (void)state;
    assert_int_equal(
        mir_chain_options_parse("w=0.1,links=20,until=2027-01-01T12:00,lead_max=24h,warmup=15m,"
                                "stop_file=run/DONE,policy=qbets:quantile=0.9+confidence=0.95,"
                                "done=exit0",
                                NULL, &o, NULL),
        0);
    assert_int_equal(o.given, 0xff);
    assert_true(o.weight >= 0.1 && o.weight <= 0.1);
    assert_int_equal(o.links, 20);
    assert_int_equal(o.until, 1798804800);
    assert_int_equal(o.lead_max_s, 86400);
    assert_int_equal(o.warmup_s, 900);
    assert_string_equal(o.stop_file, "run/DONE");
    assert_string_equal(o.policy, "qbets:quantile=0.9,confidence=0.95");
    assert_true(o.done_on_success);
}

static void empty_text_gives_no_option(void **state)
{
    struct mir_chain_options o = {.given = 1};

    (void)state;
    assert_int_equal(mir_chain_options_parse("", NULL, &o, NULL), 0);
    assert_int_equal(o.given, 0);
}

static void reads_until_in_the_site_s_zone(void **state)
{
    struct mir_zone *chicago = NULL;
    struct mir_chain_options o;

    (void)state;
    if (mir_zone_create("America/Chicago", &chicago) != 0)
        skip();
    assert_int_equal(mir_chain_options_parse("until=2027-01-01", chicago, &o, NULL), 0);
    assert_int_equal(o.until, 1798761600 + 6 * 3600);
    mir_zone_destroy(chicago);
}

static void refuses_what_is_no_option_and_names_the_key(void **state)
{
    static const struct {
        const char *text, *begin;
    } cases[] = {
        {"w", "w: expected a number"},
        {"w=", "w: expected"},
        {"w=-0.1", "w: expected"},
        {"w=1001", "w: expected a number from 0 to 1000, not '1001'"},
        {"w=nan", "w: expected"},
        {"w=1,w=1", "w is given twice"},
        {"links=0", "links: expected"},
        {"links=100001", "links: expected"},
        {"links=1.5", "links: expected"},
        {"until=tomorrow", "until: expected"},
        {"until=-5", "until: expected"},
        {"until=@99999999999999", "until: expected"},
        {"lead_max=24", "lead_max: expected a duration with its unit"},
        {"lead_max=1e-3", "lead_max: expected"},
        {"lead_max=0h", "lead_max: expected"},
        {"lead_max=366d", "lead_max: expected"},
        {"lead_max=h", "lead_max: expected"},
        {"warmup=15", "warmup: expected"},
        {"warmup=-5m", "warmup: expected"},
        {"warmup=", "warmup: expected"},
        {"stop_file=", "stop_file: expected"},
        {"stop_file=/etc/passwd", "stop_file: expected"},
        {"stop_file=..", "stop_file: expected"},
        {"stop_file=a/../../b", "stop_file: expected"},
        {"stop_file=a/..", "stop_file: expected"},
        {"stop_file=a b", "stop_file: expected"},
        {"stop_file=a\nb", "stop_file: expected a file below the job's working directory, without "
                           "blanks and '..', not 'a?b'"},
        {"policy=", "policy: expected"},
        {"policy=./evil.so", "policy: expected"},
        {"policy=Lead", "policy: expected"},
        {"policy=a b", "policy: expected"},
        {"done=yes", "done: expected exit0 or never"},
        {"color=red", "unknown option 'color'; known: w, links,"},
        {"=1", "unknown option ''"},
        {",", "unknown option ''"},
        {"w=1,", "unknown option ''"},
        {"w=1,,links=2", "unknown option ''"},
        {"W=1", "unknown option 'W'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_chain_options o = {.given = 77};
        struct mir_error err = {{0}};

        if (mir_chain_options_parse(cases[i].text, NULL, &o, &err) != -EINVAL)
            fail_msg("'%s' was not refused", cases[i].text);
        if (strncmp(err.text, cases[i].begin, strlen(cases[i].begin)) != 0)
            fail_msg("'%s': '%s', expected '%s...'", cases[i].text, err.text, cases[i].begin);
        assert_int_equal(o.given, 77);
    }
}

static void takes_slurm_s_own_durations(void **state)
{
    struct mir_chain_options o;

    (void)state;
    assert_int_equal(mir_chain_options_parse("lead_max=1-00:00:00,warmup=10:00", NULL, &o, NULL),
                     0);
    assert_int_equal(o.lead_max_s, 86400);
    assert_int_equal(o.warmup_s, 600);
    assert_int_equal(mir_chain_options_parse("lead_max=1-12,warmup=0s", NULL, &o, NULL), 0);
    assert_int_equal(o.lead_max_s, 36 * 3600);
    assert_int_equal(o.warmup_s, 0);
}

static void bounds_the_length_of_names(void **state)
{
    char text[MIR_STOP_FILE_MAX + 32] = "stop_file=";
    size_t key = strlen(text);
    struct mir_chain_options o;

    (void)state;
    memset(text + key, 'x', MIR_STOP_FILE_MAX);
    assert_int_equal(mir_chain_options_parse(text, NULL, &o, NULL), 0);
    assert_int_equal(strlen(o.stop_file), MIR_STOP_FILE_MAX);
    text[key + MIR_STOP_FILE_MAX] = 'x';
    assert_int_equal(mir_chain_options_parse(text, NULL, &o, NULL), -EINVAL);
}

static void formats_in_the_order_of_the_keys(void **state)
{
    const char *text = "done=never,policy=lead:hours=6+x=1,stop_file=D,warmup=90s,lead_max=1-0,"
                       "until=2027-01-01,links=2,w=0.10";
    struct mir_chain_options o, again;
    struct mir_str s = {0};

    (void)state;
    assert_int_equal(mir_chain_options_parse(text, NULL, &o, NULL), 0);
    mir_chain_options_format(&o, &s);
    assert_string_equal(s.text, "w=0.1,links=2,until=2027-01-01T00:00:00Z,lead_max=24h,warmup=90s,"
                                "stop_file=D,policy=lead:hours=6+x=1,done=never");
    assert_int_equal(mir_chain_options_parse(s.text, NULL, &again, NULL), 0);
    assert_memory_equal(&o.policy, &again.policy, sizeof o.policy);
    assert_int_equal(o.until, again.until);
    mir_str_release(&s);
    mir_chain_options_format(&(struct mir_chain_options){0}, &s);
    assert_string_equal(s.text, "");
    mir_str_release(&s);
}

static void finds_the_word_that_opts_in(void **state)
{
    static const struct {
        const char *comment;
        int rc;
        unsigned given;
    } cases[] = {
        {NULL, 0, 0},
        {"", 0, 0},
        {"mirage", 1, 0},
        {"mirage:", 1, 0},
        {"  mirage\t", 1, 0},
        {"my job\nmirage:links=3 more words", 1, MIR_OPT_LINKS},
        {"Mirage", 0, 0},
        {"mirages", 0, 0},
        {"mirage;links=3", 0, 0},
        {"xmirage", 0, 0},
        {"no-mirage", 0, 0},
        {TAG, 0, 0},
        {"mirage " TAG, 1, 0},
        {"mirage mirage", -EINVAL, 0},
        {"mirage mirage:w=1", -EINVAL, 0},
        {"mirage:links=0", -EINVAL, 0},
        {"mirage:bogus", -EINVAL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_chain_options o = {.given = 99};
        int rc = mir_comment_opt_in(cases[i].comment, NULL, &o, NULL);

        if (rc != cases[i].rc)
            fail_msg("'%s': %d, expected %d", cases[i].comment, rc, cases[i].rc);
        assert_int_equal(o.given, rc == 1 ? cases[i].given : 99);
    }
}

static void reads_a_tag(void **state)
{
    struct mir_tag tag;

    (void)state;
    assert_true(mir_comment_tag("mine mirage:w=1 " TAG " too", &tag));
    assert_string_equal(tag.chain, "abcdef27");
    assert_int_equal(tag.link, 3);
    assert_string_equal(tag.token, TOKEN);
}

static void refuses_forged_and_malformed_tags(void **state)
{
    static const char *const comments[] = {
        "",
        "mirage",
        "mirage=",
        "mirage=abcdef27",
        "mirage=abcdef27.3",
        "mirage=abcdef27.3.",
        "mirage=abcdef27.3.0123",
        "mirage=abcdef27.3." TOKEN "0",
        "mirage=abcdef27.3." TOKEN ".",
        "mirage=abcdef27.0." TOKEN,
        "mirage=abcdef27.03." TOKEN,
        "mirage=abcdef27.-3." TOKEN,
        "mirage=abcdef27.+3." TOKEN,
        "mirage=abcdef27.2147483648." TOKEN,
        "mirage=abcdef27.99999999999999999999." TOKEN,
        "mirage=abcdef18.3." TOKEN,
        "mirage=ABCDEF27.3." TOKEN,
        "mirage=abcdef2.3." TOKEN,
        "mirage=abcdef277.3." TOKEN,
        "mirage=abcdef27.3.0123456789ABCDEF0123456789abcdef",
        "mirage=abcdef27.3.0123456789abcdeg0123456789abcdef",
        "x" TAG,
        TAG " " TAG,
        TAG " mirage=",
        "mirage= " TAG,
    };

    (void)state;
    for (size_t i = 0; i < sizeof comments / sizeof *comments; i++) {
        struct mir_tag tag = {.link = 42};

        if (mir_comment_tag(comments[i], &tag))
            fail_msg("'%s' was taken for a tag", comments[i]);
        assert_int_equal(tag.link, 42);
    }
    assert_false(mir_comment_tag(NULL, &(struct mir_tag){0}));
}

static void puts_the_new_tag_and_keeps_all_else(void **state)
{
#define NEW "mirage=zzzzzz22.4.ffffffffffffffffffffffffffffffff"
    static const struct {
        const char *comment, *expected;
    } cases[] = {
        {NULL, NEW},
        {"", NEW},
        {"mirage", "mirage " NEW},
        {"mirage " TAG, "mirage " NEW},
        {TAG " mirage", "mirage " NEW},
        {"a  b " TAG "\tc ", "a  b\tc  " NEW},
        {TAG, NEW},
        {TAG " " TAG " a", "a " NEW},
        {"a " TAG " mirage=x b", "a b " NEW},
        {"  ", "   " NEW},
        {" " TAG " ", "  " NEW},
    };
    const struct mir_tag tag = {"zzzzzz22", 4, "ffffffffffffffffffffffffffffffff"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_str s = {0}, again = {0};

        mir_comment_retag(cases[i].comment, &tag, &s);
        assert_string_equal(s.text, cases[i].expected);
        mir_comment_retag(s.text, &tag, &again); /* a hundred links must not make it longer */
        assert_string_equal(again.text, s.text);
        mir_str_release(&s);
        mir_str_release(&again);
    }
#undef NEW
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_every_option),
        cmocka_unit_test(empty_text_gives_no_option),
        cmocka_unit_test(reads_until_in_the_site_s_zone),
        cmocka_unit_test(refuses_what_is_no_option_and_names_the_key),
        cmocka_unit_test(takes_slurm_s_own_durations),
        cmocka_unit_test(bounds_the_length_of_names),
        cmocka_unit_test(formats_in_the_order_of_the_keys),
        cmocka_unit_test(finds_the_word_that_opts_in),
        cmocka_unit_test(reads_a_tag),
        cmocka_unit_test(refuses_forged_and_malformed_tags),
        cmocka_unit_test(puts_the_new_tag_and_keeps_all_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
