/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_broker_process.c - children of the server: their channels, words and ends. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/broker/child.h"
#include "daemon/broker/process.h"
#include "daemon/core/clock.h"

enum { NOBODY = 65534, STOPPER = 64321, N_STOPPED = 100, KILL_MAX_S = 10 };

static void keep_line(void *arg, const char *line)
{
    mir_str_add(arg, line);
    mir_str_add(arg, "|");
}

/* Until it has ended; false after 20 s. */
static bool wait_for_end(struct mir_process *p)
{
    for (int i = 0; i < 2000; i++) {
        if (mir_process_reap(p))
            return true;
        usleep(10000);
    }
    return false;
}

static int speak(int fd, void *arg)
{
    (void)arg;
    if (write(fd, "hello version=1\n", 16) != 16)
        return 1;
    dprintf(STDERR_FILENO, "first\nsecond\twith a tab\nlast, cut off");
    return 7;
}

static void hears_its_lines_words_and_status(void **state)
{
    struct mir_process p;
    struct mir_str words = {0}, end = {0};
    char *line;
    size_t len;

    (void)state;
    assert_int_equal(mir_process_start(&p, getuid(), 0, speak, NULL, NULL), 0);
    assert_true(wait_for_end(&p));
    assert_true(mir_wire_read(&p.in, p.fd) > 0);
    assert_true(mir_wire_next_line(&p.in, &line, &len));
    assert_int_equal(len, 15);
    mir_process_listen(&p, keep_line, &words, 0);
    assert_string_equal(words.text, "first|second with a tab|last, cut off|");
    mir_process_describe(&p, &end);
    assert_string_equal(end.text, "exited with status 7: last, cut off");
    mir_process_release(&p);
    mir_str_release(&words);
    mir_str_release(&end);
}

static int chatter(int fd, void *arg)
{
    (void)fd;
    (void)arg;
    for (int i = 0; i < 300; i++)
        dprintf(STDERR_FILENO, "line %d\n", i);
    return 0;
}

static void does_not_log_all_that_a_chatterer_says(void **state)
{
    struct mir_process p;
    struct mir_str words = {0};
    size_t n = 0;

    (void)state;
    assert_int_equal(mir_process_start(&p, getuid(), 0, chatter, NULL, NULL), 0);
    assert_true(wait_for_end(&p));
    while (p.err_fd >= 0)
        mir_process_listen(&p, keep_line, &words, 0);
    for (const char *c = words.text; *c != '\0'; c++)
        n += *c == '|';
    assert_int_equal(n, 51);
    assert_string_equal(p.last_words, "line 299");
    mir_process_release(&p);
    mir_str_release(&words);
}

/* Says when it is set up. */
static int hang(int fd, void *arg)
{
    (void)arg;
    if (write(fd, "x\n", 2) != 2)
        return 1;
    for (;;)
        pause();
}

static bool wait_for_word(const struct mir_process *p)
{
    struct pollfd fd = {.fd = p->fd, .events = POLLIN};

    return poll(&fd, 1, 20000) == 1;
}

static void kills_and_says_why(void **state)
{
    struct mir_process p;
    struct mir_str end = {0};

    (void)state;
    assert_int_equal(mir_process_start(&p, getuid(), 0, hang, NULL, NULL), 0);
    assert_false(mir_process_reap(&p));
    mir_process_kill(&p, "no answer within 3 s");
    mir_process_kill(&p, "something else");
    assert_true(wait_for_end(&p));
    mir_process_describe(&p, &end);
    assert_string_equal(end.text, "was ended (no answer within 3 s)");
    mir_process_release(&p);
    mir_str_release(&end);
}

/* SIGTERM to the whole service must not take a submission with it. */
static void is_not_ended_by_sigterm(void **state)
{
    struct mir_process p;

    (void)state;
    assert_int_equal(mir_process_start(&p, getuid(), 0, hang, NULL, NULL), 0);
    assert_true(wait_for_word(&p));
    assert_int_equal(kill(p.pid, SIGTERM), 0);
    usleep(50000);
    assert_false(mir_process_reap(&p));
    mir_process_kill(&p, "enough");
    assert_true(wait_for_end(&p));
    assert_true(WIFSIGNALED(p.status) && WTERMSIG(p.status) == SIGKILL);
    mir_process_release(&p);
}

static void its_lifetime_ends_it_without_us(void **state)
{
    struct mir_process p;
    int64_t began_ns = mir_clock_mono_ns();

    (void)state;
    assert_int_equal(mir_process_start(&p, getuid(), 1, hang, NULL, NULL), 0);
    assert_true(wait_for_end(&p));
    assert_true(WIFSIGNALED(p.status) && WTERMSIG(p.status) == SIGKILL);
    assert_true(mir_clock_mono_ns() - began_ns >= 900000000);
    mir_process_release(&p);
}

static int hang_as_nobody(int fd, void *arg)
{
    (void)arg;
    return setresuid(NOBODY, NOBODY, NOBODY) != 0 ? 1 : hang(fd, NULL);
}

/* What the broker is: root that may only change its user.  Exit status: what went wrong. */
static int kill_without_cap_kill(void)
{
    struct mir_process p;

    if (mir_child_confine(true, NULL) != 0)
        return 1;
    if (mir_process_start(&p, NOBODY, 30, hang_as_nobody, NULL, NULL) != 0)
        return 2;
    if (!wait_for_word(&p))
        return 3;
    if (kill(p.pid, SIGKILL) == 0 || errno != EPERM)
        return 4; /* then this test shows nothing */
    mir_process_kill(&p, "test");
    return wait_for_end(&p) && WIFSIGNALED(p.status) ? 0 : 5;
}

static void kills_another_users_child_without_cap_kill(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    if (getuid() != 0 || !mir_child_may_change_user())
        skip();
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        _exit(kill_without_cap_kill());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/*
 * The owner of an act may stop whatever runs as him: all the time, here.  It ends with
 * its parent: who became its user to end it might be stopped first.
 */
static void start_stopper(void)
{
    pid_t parent = getpid();

    if (fork() != 0)
        return;
    if (setresuid(STOPPER, STOPPER, STOPPER) != 0)
        _exit(1);
    while (getppid() == parent)
        (void)kill(-1, SIGSTOP); /* all of this uid, but not itself */
    _exit(0);
}

static int hang_as_stopped(int fd, void *arg)
{
    if (write(fd, "x", 1) != 1 || setresuid(STOPPER, STOPPER, STOPPER) != 0)
        return 1;
    return hang(-1, arg);
}

/* No kill may wait for a helper that has been stopped; the kernel ends what nobody could. */
static int kill_what_is_stopped(void)
{
    int result = 0;

    start_stopper();
    if (mir_child_confine(true, NULL) != 0)
        return 1;
    for (int i = 0; i < N_STOPPED; i++) {
        struct mir_process p;
        int64_t began_ns;
        char word;

        if (mir_process_start(&p, STOPPER, 1, hang_as_stopped, NULL, NULL) != 0)
            return 2;
        while (read(p.fd, &word, 1) < 0 && errno == EAGAIN)
            usleep(1000);
        began_ns = mir_clock_mono_ns();
        mir_process_kill(&p, "test");
        if (mir_clock_mono_ns() - began_ns > KILL_MAX_S * INT64_C(1000000000))
            result = 3;
        if (!wait_for_end(&p))
            result = 4;
        mir_process_release(&p);
    }
    return result;
}

static void is_not_held_up_by_an_owner_who_stops_its_helper(void **state)
{
    int status = 0;
    pid_t pid;

    (void)state;
    if (getuid() != 0 || !mir_child_may_change_user())
        skip();
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        _exit(kill_what_is_stopped());
    /* The kernel ends each in a second at most: twice that for all. */
    for (int i = 0; i < 200 * N_STOPPED && waitpid(pid, &status, WNOHANG) == 0; i++)
        usleep(10000);
    if (kill(pid, SIGKILL) == 0)
        (void)waitpid(pid, &status, 0); /* it has not ended */
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hears_its_lines_words_and_status),
        cmocka_unit_test(does_not_log_all_that_a_chatterer_says),
        cmocka_unit_test(kills_and_says_why),
        cmocka_unit_test(is_not_ended_by_sigterm),
        cmocka_unit_test(its_lifetime_ends_it_without_us),
        cmocka_unit_test(kills_another_users_child_without_cap_kill),
        cmocka_unit_test(is_not_held_up_by_an_owner_who_stops_its_helper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
