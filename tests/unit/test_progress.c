/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_progress.c - the bar: counted by many, drawn on a terminal only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/progress.h"

/* Stderr turned to `fd` and back again. */
static int divert_stderr(int fd)
{
    int kept = dup(STDERR_FILENO);

    assert_int_not_equal(kept, -1);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    return kept;
}

static void restore_stderr(int kept)
{
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(kept), 0);
}

static void *count_to_a_hundred_thousand(void *p)
{
    for (int i = 0; i < 100000; i++)
        mir_progress_add(p, 1);
    return NULL;
}

static void counts_what_all_threads_add_and_is_silent_in_a_pipe(void **state)
{
    struct mir_progress p;
    pthread_t threads[4];
    int ends[2];
    int kept;
    char c;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    kept = divert_stderr(ends[1]);
    mir_progress_open(&p, "jobs", 400000, false);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_to_a_hundred_thousand, &p), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    mir_progress_close(&p);
    restore_stderr(kept);
    close(ends[1]);
    assert_int_equal(atomic_load(&p.done), 400000);
    assert_int_equal(read(ends[0], &c, 1), 0);
    close(ends[0]);
}

/* What a terminal got between open and close; empty when nothing came. */
static void draw_on_a_terminal(uint64_t total, bool quiet, char *text, size_t cap)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    int other, kept;
    struct mir_progress p;
    struct pollfd readable = {.fd = terminal, .events = POLLIN};
    ssize_t len = 0;

    if (terminal == -1)
        skip(); /* a place without pseudo-terminals */
    assert_int_equal(grantpt(terminal), 0);
    assert_int_equal(unlockpt(terminal), 0);
    other = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    assert_int_not_equal(other, -1);
    kept = divert_stderr(other);
    mir_progress_open(&p, "jobs", total, quiet);
    /* As if the last drawing were long ago, instead of waiting for it to be. */
    p.began_ns -= 1000000000;
    atomic_store(&p.drawn_ns, p.began_ns);
    mir_progress_add(&p, 50);
    restore_stderr(kept);
    if (poll(&readable, 1, 0) == 1)
        len = read(terminal, text, cap - 1);
    text[len] = '\0';
    close(other);
    close(terminal);
}

static void draws_a_bar_with_the_time_left(void **state)
{
    char text[512];

    (void)state;
    draw_on_a_terminal(100, false, text, sizeof(text));
    assert_non_null(strstr(text, "jobs [###############...............]  50 %, 1 s left"));
}

static void draws_a_counter_without_an_end(void **state)
{
    char text[512];

    (void)state;
    draw_on_a_terminal(0, false, text, sizeof(text));
    assert_non_null(strstr(text, "jobs 50"));
}

static void is_quiet_when_told(void **state)
{
    char text[512];

    (void)state;
    draw_on_a_terminal(100, true, text, sizeof(text));
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_all_threads_add_and_is_silent_in_a_pipe),
        cmocka_unit_test(draws_a_bar_with_the_time_left),
        cmocka_unit_test(draws_a_counter_without_an_end),
        cmocka_unit_test(is_quiet_when_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
