/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_alloc.c - memory that is never NULL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/core/alloc.h"

static void gives_zeroed_memory(void **state)
{
    unsigned char *p = mir_alloc(100, 7);

    (void)state;
    for (size_t i = 0; i < 700; i++)
        assert_int_equal(p[i], 0);
    free(p);
}

static void gives_a_pointer_for_nothing(void **state)
{
    void *p = mir_alloc(0, 8);
    void *q = mir_alloc(8, 0);
    void *r = mir_realloc(NULL, 0, 8);

    (void)state;
    assert_non_null(p);
    assert_non_null(q);
    assert_non_null(r);
    free(p);
    free(q);
    free(r);
}

/* `size` so large that only overflow can make it small again. */
static void ask_too_much(void *(*how)(size_t n, size_t size))
{
    int status;
    pid_t pid = fork();

    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        struct rlimit no_core = {0, 0};

        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        _exit(how(SIZE_MAX / 4, 8) != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    /* A sanitizer's allocator ends the process in its own way: never with 0 or 1. */
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *realloc_new(size_t n, size_t size)
{
    return mir_realloc(NULL, n, size);
}

static void ends_the_process_on_overflow(void **state)
{
    (void)state;
    ask_too_much(mir_alloc);
    ask_too_much(realloc_new);
}

static void grows_by_half_and_keeps_what_was_there(void **state)
{
    int *p = NULL;
    size_t cap = 0;
    int n_moves = 0;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        size_t before = cap;

        p = mir_grow(p, &cap, (size_t)i + 1, sizeof(*p));
        assert_true(cap > (size_t)i);
        n_moves += cap != before;
        p[i] = i;
    }
    for (int i = 0; i < 100000; i++)
        assert_int_equal(p[i], i);
    assert_in_range(n_moves, 10, 40);
    free(p);
}

static void leaves_what_is_large_enough_alone(void **state)
{
    size_t cap = 0;
    int *p = mir_grow(NULL, &cap, 50, sizeof(*p));
    size_t before = cap;

    (void)state;
    assert_ptr_equal(mir_grow(p, &cap, 50, sizeof(*p)), p);
    assert_int_equal(cap, before);
    free(p);
}

static void copies_a_string(void **state)
{
    char *s = mir_strdup("Großrechner");

    (void)state;
    assert_string_equal(s, "Großrechner");
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_memory),
        cmocka_unit_test(gives_a_pointer_for_nothing),
        cmocka_unit_test(ends_the_process_on_overflow),
        cmocka_unit_test(grows_by_half_and_keeps_what_was_there),
        cmocka_unit_test(leaves_what_is_large_enough_alone),
        cmocka_unit_test(copies_a_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
