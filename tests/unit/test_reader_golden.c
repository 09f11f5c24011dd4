/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_reader_golden.c - small logs of every format against what was read of
 * them once and looked at: tests/golden/logs/NAME beside NAME.expected.
 * MIRAGE_REGENERATE=1 writes the expected files anew.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/str.h"
#include "traces/reader/reader.h"

#define FOLDER MIR_SOURCE_DIR "/tests/golden/logs"

static void note_bad(void *context, const char *text)
{
    mir_str_addf(context, "bad: %s\n", text);
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    char buf[4096];
    struct mir_str s = {0};
    size_t n;

    if (!f)
        return NULL;
    mir_str_add(&s, "");
    while ((n = fread(buf, 1, sizeof buf, f)) > 0)
        mir_str_add_n(&s, buf, n);
    fclose(f);
    return s.text;
}

/* The log as Mirage's CSV, then its bad lines, then the counts. */
static void describe(const char *name, struct mir_str *out)
{
    char path[512];
    char *data;
    struct mir_str bad = {0};
    struct mir_joblog log;
    struct mir_read_result result;
    struct mir_error err = {{0}};
    struct mir_read_options options = {.bad_line = note_bad, .context = &bad};
    char *csv = NULL;
    size_t csv_len = 0;
    FILE *f = open_memstream(&csv, &csv_len);

    snprintf(path, sizeof path, "%s/%s", FOLDER, name);
    data = read_file(path);
    assert_non_null(data);
    mir_joblog_init(&log);
    if (mir_log_read_memory(name, data, strlen(data), &options, &log, &result, &err) != 0)
        fail_msg("%s: %s", name, err.text);
    assert_int_equal(mir_log_write(f, &log, &err), 0);
    fclose(f);
    mir_str_add(out, csv);
    mir_str_add(out, bad.text ? bad.text : "");
    mir_str_addf(out, "read: %s, %llu lines, %llu jobs, %llu bad, %llu skipped\n",
                 mir_log_format_name(result.format), (unsigned long long)result.n_lines,
                 (unsigned long long)result.n_jobs, (unsigned long long)result.n_bad,
                 (unsigned long long)result.n_skipped);
    mir_joblog_release(&log);
    mir_str_release(&bad);
    free(csv);
    free(data);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void check(const char *name)
{
    char path[512];
    struct mir_str got = {0};
    char *expected;

    snprintf(path, sizeof path, "%s/%s.expected", FOLDER, name);
    describe(name, &got);
    if (getenv("MIRAGE_REGENERATE"))
        write_file(path, got.text);
    expected = read_file(path);
    if (!expected)
        fail_msg("%s is missing", path);
    if (strcmp(got.text, expected) != 0)
        fail_msg("%s: expected\n%s\ngot\n%s", name, expected, got.text);
    free(expected);
    mir_str_release(&got);
}

static int is_log(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && !strstr(entry->d_name, ".expected");
}

static void reads_every_small_log_as_it_did_when_looked_at(void **state)
{
    struct dirent **entries;
    int n = scandir(FOLDER, &entries, is_log, alphasort);

    (void)state;
    assert_true(n >= 10);
    for (int i = 0; i < n; i++) {
        check(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_small_log_as_it_did_when_looked_at),
    };

    return cmocka_run_group_tests_name("reader_golden", tests, NULL, NULL);
}
