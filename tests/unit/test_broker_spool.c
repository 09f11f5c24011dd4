/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_broker_spool.c - templates survive the disk, and nothing else passes for one. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/broker/sent.h"
#include "daemon/broker/spool.h"
#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/core/str.h"

static char spool[64];

static int make_spool(void **state)
{
    (void)state;
    snprintf(spool, sizeof(spool), "/tmp/test_spool.XXXXXX");
    return mkdtemp(spool) != NULL ? 0 : -1;
}

static int remove_spool(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", spool);
    return system(command);
}

static void fill(struct mir_template *t, const char *script)
{
    *t = (struct mir_template){
        .uid = 1001,
        .gid = 1002,
        .job_id = 77,
        .submit_at = 1700000000,
        .environment_source = MIR_ENVIRONMENT_STATE_SAVE,
        .warn_s = 120,
        .script = mir_strdup(script),
    };
    mir_template_add_field(t, "job-name", "two\nlines, 100% \x7f and a tab\t");
    mir_template_add_field(t, "comment", "");
    mir_template_add_field(t, "argument", "a b");
    mir_template_add_field(t, "argument", "");
    mir_template_add_variable(t, "PATH=/bin");
    mir_template_add_variable(t, "F=() {\n  echo =\n}\n");
    mir_template_add_variable(t, "EMPTY=");
}

static void assert_same(const struct mir_template *a, const struct mir_template *b)
{
    assert_int_equal(a->uid, b->uid);
    assert_int_equal(a->gid, b->gid);
    assert_int_equal(a->job_id, b->job_id);
    assert_int_equal(a->submit_at, b->submit_at);
    assert_int_equal(a->environment_source, b->environment_source);
    assert_int_equal(a->warn_s, b->warn_s);
    assert_int_equal(a->n_fields, b->n_fields);
    for (size_t i = 0; i < a->n_fields; i++) {
        assert_string_equal(a->fields[i].name, b->fields[i].name);
        assert_string_equal(a->fields[i].value, b->fields[i].value);
    }
    assert_int_equal(a->n_environment, b->n_environment);
    for (size_t i = 0; i < a->n_environment; i++)
        assert_string_equal(a->environment[i], b->environment[i]);
    assert_true(strcmp(a->script, b->script) == 0);
}

static void keep(const struct mir_template *t, char id[MIR_TEMPLATE_ID_LEN + 1])
{
    int fd = mir_spool_begin(spool, t->uid, id, NULL);

    assert_true(fd >= 0);
    assert_int_equal(mir_spool_write(fd, t, NULL), 0);
    close(fd);
    assert_int_equal(mir_spool_commit(spool, id, t->uid, NULL), 0);
}

static void assert_survives(const char *script)
{
    char id[MIR_TEMPLATE_ID_LEN + 1];
    struct mir_template a, b;
    uid_t uid = 0;

    fill(&a, script);
    keep(&a, id);
    assert_int_equal(mir_spool_read(spool, id, &uid, &b, NULL), 0);
    assert_int_equal(uid, 1001);
    assert_same(&a, &b);
    assert_int_equal(mir_spool_forget(spool, id, NULL), 0);
    mir_template_release(&a);
    mir_template_release(&b);
}

static void keeps_newlines_blanks_and_percent_signs(void **state)
{
    (void)state;
    assert_survives("#!/bin/sh\necho \"100%\"\t\r\n\n");
}

static void keeps_a_script_of_4_mb_that_is_all_escapes(void **state)
{
    char *script = mir_alloc((4 << 20) + 1, 1);

    (void)state;
    memset(script, '\n', 4 << 20);
    memcpy(script, "#!", 2);
    assert_survives(script);
    free(script);
}

static void refuses_a_script_over_the_limit(void **state)
{
    char *script = mir_alloc(MIR_TEMPLATE_SCRIPT_MAX + 2, 1), id[MIR_TEMPLATE_ID_LEN + 1];
    struct mir_error err = {{0}};
    struct mir_template t;
    int fd;

    (void)state;
    memset(script, 'x', MIR_TEMPLATE_SCRIPT_MAX + 1);
    fill(&t, script);
    fd = mir_spool_begin(spool, t.uid, id, NULL);
    assert_int_equal(mir_spool_write(fd, &t, &err), -E2BIG);
    assert_non_null(strstr(err.text, "script"));
    close(fd);
    mir_spool_abort(spool, id, t.uid);
    mir_template_release(&t);
    free(script);
}

static void does_not_read_what_was_not_committed(void **state)
{
    char id[MIR_TEMPLATE_ID_LEN + 1];
    struct mir_template t, out;
    uid_t uid;
    int fd;

    (void)state;
    fill(&t, "#!/bin/sh\n");
    fd = mir_spool_begin(spool, t.uid, id, NULL);
    assert_int_equal(mir_spool_write(fd, &t, NULL), 0);
    close(fd);
    assert_int_equal(mir_spool_read(spool, id, &uid, &out, NULL), -ENOENT);
    assert_int_equal(mir_spool_sweep(spool, NULL), 0);
    assert_int_not_equal(mir_spool_commit(spool, id, t.uid, NULL), 0);
    mir_template_release(&t);
}

/* The name is the broker's word; the content is a user's. */
static void refuses_a_template_that_names_another_user(void **state)
{
    char id[MIR_TEMPLATE_ID_LEN + 1];
    struct mir_template t, out;
    uid_t uid;
    int fd;

    (void)state;
    fill(&t, "#!/bin/sh\n");
    fd = mir_spool_begin(spool, 1003, id, NULL);
    assert_int_equal(mir_spool_write(fd, &t, NULL), 0);
    close(fd);
    assert_int_equal(mir_spool_commit(spool, id, 1003, NULL), 0);
    assert_int_equal(mir_spool_read(spool, id, &uid, &out, NULL), -EBADMSG);
    assert_null(out.script);
    mir_template_release(&t);
}

static void refuses_a_link_in_place_of_a_template(void **state)
{
    char from[128], to[128], id[MIR_TEMPLATE_ID_LEN + 1];
    struct mir_template t, out;
    uid_t uid;

    (void)state;
    fill(&t, "#!/bin/sh\n");
    keep(&t, id);
    snprintf(from, sizeof(from), "%s/%s-1001", spool, id);
    snprintf(to, sizeof(to), "%s/elsewhere", spool);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(symlink(to, from), 0);
    assert_int_not_equal(mir_spool_read(spool, id, &uid, &out, NULL), 0);
    mir_template_release(&t);
}

static void refuses_ids_that_are_none(void **state)
{
    static const char *const ids[] = {"",
                                      "..",
                                      "../../etc/passwd",
                                      "0123456789abcdef0123456789abcde",
                                      "0123456789abcdef0123456789abcdef0",
                                      "0123456789ABCDEF0123456789abcdef",
                                      "0123456789abcdef/123456789abcdef"};
    struct mir_template out;
    uid_t uid;

    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        assert_int_equal(mir_spool_read(spool, ids[i], &uid, &out, NULL), -EINVAL);
        assert_int_equal(mir_spool_commit(spool, ids[i], 1, NULL), -EINVAL);
        assert_int_equal(mir_spool_forget(spool, ids[i], NULL), -EINVAL);
    }
    assert_int_equal(mir_spool_read(spool, NULL, &uid, &out, NULL), -EINVAL);
}

static void forgets_what_is_not_there(void **state)
{
    (void)state;
    assert_int_equal(mir_spool_forget(spool, "0123456789abcdef0123456789abcdef", NULL), 0);
}

static const char an_id[] = "0123456789abcdef0123456789abcdef";

static void write_sent(const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s-7.sent", spool, an_id);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void keeps_the_last_successor_until_the_template_goes(void **state)
{
    struct mir_sent first = {"abcdef27", 1, 7, 100}, second = {"abcdef27", 2, 8, 200}, out;
    char id[MIR_TEMPLATE_ID_LEN + 1];
    struct mir_template t;

    (void)state;
    fill(&t, "#!/bin/sh\n");
    keep(&t, id);
    assert_int_equal(mir_sent_read(spool, id, t.uid, &out, NULL), -ENOENT);
    assert_int_equal(mir_sent_note(spool, id, t.uid, &first, NULL), 0);
    assert_int_equal(mir_sent_note(spool, id, t.uid, &second, NULL), 0);
    assert_int_equal(mir_sent_read(spool, id, t.uid, &out, NULL), 0);
    assert_string_equal(out.chain, "abcdef27");
    assert_int_equal(out.link, 2);
    assert_int_equal(out.job_id, 8);
    assert_int_equal(out.submit_at, 200);
    assert_int_equal(mir_sent_read(spool, id, t.uid + 1, &out, NULL), -ENOENT);
    assert_int_equal(mir_spool_forget(spool, id, NULL), 0);
    assert_int_equal(mir_sent_read(spool, id, t.uid, &out, NULL), -ENOENT);
    mir_template_release(&t);
}

static void a_damaged_note_of_a_successor_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        "sent chain=abcdef27 link=2 id=8 submit_at=200",
        "sent chain=abcdef2 link=2 id=8 submit_at=200\n",
        "sent chain=abcdef27 link=0 id=8 submit_at=200\n",
        "sent chain=abcdef27 link=2 id=8\n",
        "kept chain=abcdef27 link=2 id=8 submit_at=200\n",
    };
    struct mir_sent out;

    (void)state;
    write_sent("sent chain=abcdef27 link=2 id=8 submit_at=200\n");
    assert_int_equal(mir_sent_read(spool, an_id, 7, &out, NULL), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        write_sent(bad[i]);
        assert_int_equal(mir_sent_read(spool, an_id, 7, &out, NULL), -EBADMSG);
        assert_int_equal(out.job_id, 0);
    }
    assert_int_equal(mir_sent_read(spool, "..", 7, &out, NULL), -EINVAL);
    assert_int_equal(mir_sent_note(spool, "..", 7, &out, NULL), -EINVAL);
}

static const char good[] =
    "template version=1 uid=1 gid=2 id=3 submit_at=4 environment=login warn_s=0\n"
    "field name=chdir value=/tmp\n"
    "environment value=A=1\n"
    "script value=#!/bin/sh%0A\n"
    "end\n";

static int parse(const char *text, size_t len)
{
    char *copy = mir_alloc(len + 1, 1);
    struct mir_template t;
    int rc;

    memcpy(copy, text, len);
    rc = mir_template_parse(copy, len, &t, NULL);
    mir_template_release(&t);
    free(copy);
    return rc;
}

static void refuses_a_template_cut_anywhere(void **state)
{
    (void)state;
    assert_int_equal(parse(good, sizeof(good) - 1), 0);
    for (size_t len = 0; len < sizeof(good) - 1; len++)
        assert_int_equal(parse(good, len), -EBADMSG);
}

static void refuses_damaged_templates(void **state)
{
    static const char *const bad[] = {
        "end\n",
        "template version=2 uid=1 gid=2 id=3 submit_at=4 environment=login warn_s=0\nend\n",
        "template version=1 uid=-1 gid=2 id=3 submit_at=4 environment=login warn_s=0\nend\n",
        "template version=1 uid=1 gid=2 id=3 submit_at=4 environment=login\nend\n",
        "template version=1 uid=1 gid=2 id=3 submit_at=4 environment=login warn_s=0\nend\nend\n",
        "template version=1 uid=1 gid=2 id=3 submit_at=4 environment=login warn_s=0\n"
        "template version=1 uid=1 gid=2 id=3 submit_at=4 environment=login warn_s=0\nend\n",
        "template version=1 uid=1 gid=2 id=3 submit_at=4 environment=login warn_s=0\n"
        "environment value=novalue\nend\n",
        "template version=1 uid=1 gid=2 id=3 submit_at=4 environment=login warn_s=0\n"
        "shell value=1\nend\n",
        "template version=1 uid=1 gid=2 id=3 submit_at=4 environment=login warn_s=0\n"
        "field name=a\nend\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(parse(bad[i], strlen(bad[i])), -EBADMSG);
}

static void survives_flipped_bytes(void **state)
{
    const uint64_t seed = 20;
    struct mir_rng rng;
    char text[sizeof(good)];

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    mir_rng_init(&rng, seed);
    for (int i = 0; i < 2000; i++) {
        memcpy(text, good, sizeof(good));
        text[mir_rng_below(&rng, sizeof(good) - 1)] = (char)mir_rng_below(&rng, 256);
        (void)parse(text, sizeof(good) - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_newlines_blanks_and_percent_signs),
        cmocka_unit_test(keeps_a_script_of_4_mb_that_is_all_escapes),
        cmocka_unit_test(refuses_a_script_over_the_limit),
        cmocka_unit_test(does_not_read_what_was_not_committed),
        cmocka_unit_test(refuses_a_template_that_names_another_user),
        cmocka_unit_test(refuses_a_link_in_place_of_a_template),
        cmocka_unit_test(refuses_ids_that_are_none),
        cmocka_unit_test(forgets_what_is_not_there),
        cmocka_unit_test(keeps_the_last_successor_until_the_template_goes),
        cmocka_unit_test(a_damaged_note_of_a_successor_is_none),
        cmocka_unit_test(refuses_a_template_cut_anywhere),
        cmocka_unit_test(refuses_damaged_templates),
        cmocka_unit_test(survives_flipped_bytes),
    };

    return cmocka_run_group_tests(tests, make_spool, remove_spool);
}
