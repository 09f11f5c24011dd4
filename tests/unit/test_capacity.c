/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_capacity.c - the capacity file, read and written. */
#include "traces/sim/capacity.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A temporary file that holds `text`; the caller unlinks it. */
static void write_file(char path[64], const char *text, size_t len)
{
    int fd;

    snprintf(path, 64, "/tmp/mirage-capacity-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
}

static int read_text(const char *text, size_t len, struct mir_capacity *out, struct mir_error *err)
{
    char path[64];
    int rc;

    write_file(path, text, len);
    rc = mir_capacity_read(path, out, err);
    unlink(path);
    return rc;
}

static void reads_steps_in_any_order_and_sorts_them(void **state)
{
    static const char text[] = "time,nodes\n# an outage\n\n"
                               "2024-01-02T00:00:00, 40\r\n"
                               "2024-01-01 , 76\n"
                               "@1704240000,76";
    struct mir_capacity c;
    struct mir_error err;

    (void)state;
    assert_int_equal(read_text(text, strlen(text), &c, &err), 0);
    assert_int_equal(c.n_steps, 3);
    assert_int_equal(c.steps[0].at, 1704067200);
    assert_int_equal(c.steps[0].n_nodes, 76);
    assert_int_equal(c.steps[0].node_set, 0);
    assert_int_equal(c.steps[1].at, 1704153600);
    assert_int_equal(c.steps[1].n_nodes, 40);
    assert_int_equal(c.steps[2].at, 1704240000);
    mir_capacity_release(&c);
}

static void refuses_bad_lines_by_place_and_field(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"2024-01-01\n", ":1: line:"},
        {"2024-01-01,1,2,3\n", ":1: line:"},
        {"# x\nyesterday,4\n", ":2: time:"},
        {"2024-01-01,76\n2024-01-02,many\n", ":2: nodes:"},
        {"2024-01-01,-1\n", ":1: nodes:"},
        {"2024-01-01,4294967296\n", ":1: nodes:"},
        {"2024-01-01,7,32\n", ":1: node_set:"},
        {"2024-01-01,7,-1\n", ":1: node_set:"},
        {"2024-01-01,7\ntime,nodes\n", ":2: time:"},
        {"2024-01-01,7\n2024-01-01,8\n", "twice"},
        {"time,nodes\n# nothing\n", "no time,nodes line"},
        {"", "no time,nodes line"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_capacity c = {.n_steps = 12345};
        struct mir_error err = {""};

        assert_int_equal(read_text(cases[i].text, strlen(cases[i].text), &c, &err), -EINVAL);
        assert_non_null(strstr(err.text, cases[i].message));
        assert_int_equal(c.n_steps, 12345);
    }
}

static void refuses_binary_without_crashing(void **state)
{
    static const char text[] = "\x7f"
                               "ELF\0\0\n\0,\0,\xff\n";
    struct mir_capacity c;
    struct mir_error err;

    (void)state;
    assert_int_equal(read_text(text, sizeof text - 1, &c, &err), -EINVAL);
}

static void tells_a_missing_file(void **state)
{
    struct mir_capacity c;
    struct mir_error err;

    (void)state;
    assert_int_equal(mir_capacity_read("/nonexistent/capacity.csv", &c, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/capacity.csv"));
}

static void expect_round_trip(struct mir_capacity_step *steps, size_t n, const char *header)
{
    const struct mir_capacity c = {.steps = steps, .n_steps = n};
    struct mir_capacity back;
    struct mir_error err;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);

    assert_int_equal(mir_capacity_write(to, &c, &err), 0);
    fclose(to);
    assert_memory_equal(text, header, strlen(header));
    assert_int_equal(read_text(text, len, &back, &err), 0);
    assert_int_equal(back.n_steps, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(back.steps[i].at, steps[i].at);
        assert_int_equal(back.steps[i].n_nodes, steps[i].n_nodes);
        assert_int_equal(back.steps[i].node_set, steps[i].node_set);
    }
    mir_capacity_release(&back);
    free(text);
}

static void reads_back_what_it_writes(void **state)
{
    struct mir_capacity_step one[] = {
        {.at = -86400, .n_nodes = 0},
        {.at = 1700000001, .n_nodes = UINT32_MAX},
    };
    struct mir_capacity_step sets[] = {
        {.at = 1700000000, .n_nodes = 3, .node_set = 0},
        {.at = 1700000000, .n_nodes = 4, .node_set = 31},
    };

    (void)state;
    expect_round_trip(one, 2, "time,nodes\n");
    expect_round_trip(sets, 2, "time,nodes,node_set\n");
}

static void reports_a_full_disk(void **state)
{
    struct mir_capacity_step step = {.at = 0, .n_nodes = 1};
    const struct mir_capacity c = {.steps = &step, .n_steps = 1};
    FILE *full = fopen("/dev/full", "w");
    struct mir_error err;

    (void)state;
    if (full == NULL)
        skip();
    setvbuf(full, NULL, _IONBF, 0);
    assert_int_equal(mir_capacity_write(full, &c, &err), -EIO);
    fclose(full);
}

static void releases_a_zeroed_struct(void **state)
{
    struct mir_capacity c = {0};

    (void)state;
    mir_capacity_release(&c);
    assert_null(c.steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_steps_in_any_order_and_sorts_them),
        cmocka_unit_test(refuses_bad_lines_by_place_and_field),
        cmocka_unit_test(refuses_binary_without_crashing),
        cmocka_unit_test(tells_a_missing_file),
        cmocka_unit_test(reads_back_what_it_writes),
        cmocka_unit_test(reports_a_full_disk),
        cmocka_unit_test(releases_a_zeroed_struct),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
