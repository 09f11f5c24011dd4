/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_broker_child.c - becoming a user for good, and what is refused. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/broker/broker.h"
#include "daemon/broker/child.h"
#include "daemon/core/alloc.h"

enum { NOBODY = 65534 };

/* What a forked process found out; its exit status is the step that went wrong, or 0. */
static int in_child(int (*f)(void))
{
    pid_t pid;
    int status;

    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(f());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void need_root(void)
{
    const struct passwd *p = getpwuid(NOBODY);

    if (getuid() != 0 || !mir_child_may_change_user() || p == NULL || p->pw_gid == 0)
        skip();
}

static gid_t nobodys_gid(void)
{
    return getpwuid(NOBODY)->pw_gid;
}

/* The lines of /proc/self/status that tell of privilege: all zero. */
static bool has_no_capability(void)
{
    static const char *const keys[] = {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"};
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    int n_zero = 0;

    if (f == NULL)
        return false;
    while (fgets(line, sizeof(line), f) != NULL) {
        for (int i = 0; i < 4; i++) {
            if (strncmp(line, keys[i], strlen(keys[i])) == 0)
                n_zero +=
                    strspn(line + strlen(keys[i]), " \t0\n") == strlen(line + strlen(keys[i]));
        }
    }
    fclose(f);
    return n_zero == 4;
}

static int become_nobody(void)
{
    struct rlimit core;
    gid_t groups[64];
    uid_t r, e, s;
    int n;

    if (mir_become_user(NOBODY, nobodys_gid(), 1000, NULL) != 0)
        return 1;
    if (getresuid(&r, &e, &s) != 0 || r != NOBODY || e != NOBODY || s != NOBODY)
        return 2;
    if (getresgid(&r, &e, &s) != 0 || r != nobodys_gid() || e != r || s != r)
        return 3;
    n = getgroups(64, groups);
    for (int i = 0; i < n; i++) {
        if (groups[i] == 0)
            return 4;
    }
    if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0 || setgid(0) == 0)
        return 5;
    if (!has_no_capability())
        return 6;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 7;
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0)
        return 8;
    if (access("/etc/shadow", R_OK) == 0)
        return 9;
    return 0;
}

static void becomes_a_user_for_good(void **state)
{
    (void)state;
    need_root();
    assert_int_equal(in_child(become_nobody), 0);
}

/* As the broker does it: with two capabilities and no more. */
static int confine_and_become(void)
{
    if (mir_child_confine(true, NULL) != 0)
        return 20;
    if (!mir_child_may_change_user())
        return 21;
    if (chroot("/") == 0)
        return 22;
    return become_nobody();
}

static void two_capabilities_are_enough(void **state)
{
    (void)state;
    need_root();
    assert_int_equal(in_child(confine_and_become), 0);
}

static int try_refused(void)
{
    struct mir_error err = {{0}};
    gid_t gid = nobodys_gid();

    if (mir_become_user(0, 0, 0, &err) != -EPERM || mir_become_user(0, gid, 0, &err) != -EPERM)
        return 1;
    if (mir_become_user(NOBODY, 0, 1000, &err) != -EPERM)
        return 2;
    if (mir_become_user(NOBODY, gid, NOBODY + 1, &err) != -EPERM)
        return 3;
    if (strstr(err.text, "min_uid") == NULL)
        return 4;
    if (mir_become_user(4000000123u, 4000000123u, 1000, &err) != -ENOENT)
        return 5;
    if (mir_become_user(NOBODY, 4000000123u, 1000, &err) != -EPERM)
        return 6;
    if (strstr(err.text, "is no group of") == NULL)
        return 7;
    if (mir_become_user((uid_t)-1, gid, 1000, &err) != -EPERM ||
        mir_become_user(NOBODY, (gid_t)-1, 1000, &err) != -EPERM)
        return 8;
    return getuid() == 0 && geteuid() == 0 ? 0 : 9;
}

static void refuses_root_low_unknown_and_foreign_groups(void **state)
{
    (void)state;
    need_root();
    assert_int_equal(in_child(try_refused), 0);
}

static int become_daemon_user(void)
{
    const struct passwd *p = getpwnam("daemon");

    if (p == NULL)
        return 0;
    if (mir_become_user(p->pw_uid, p->pw_gid, 1000, NULL) != -EPERM)
        return 1;
    if (mir_become_system_user(p->pw_uid, p->pw_gid, NULL) != 0)
        return 2;
    return getuid() == p->pw_uid && setuid(0) != 0 ? 0 : 3;
}

static void a_system_user_may_lie_under_the_minimum(void **state)
{
    (void)state;
    need_root();
    assert_int_equal(in_child(become_daemon_user), 0);
}

/* Without the capabilities: only the user that the process is. */
static int stay(void)
{
    uid_t uid = getuid();
    gid_t gid = getgid();

    if (uid == 0) {
        gid = nobodys_gid();
        uid = NOBODY;
        if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
            setresuid(uid, uid, uid) != 0)
            return 1;
    }
    if (mir_child_may_change_user())
        return 2;
    if (mir_become_user(uid + 1, gid, 1, NULL) != -EPERM ||
        mir_become_user(uid, gid + 1, 1, NULL) != -EPERM)
        return 3;
    if (mir_become_user(uid, gid, uid + 1, NULL) != -EPERM)
        return 4;
    return mir_become_user(uid, gid, 1, NULL) == 0 && has_no_capability() ? 0 : 5;
}

static void without_privilege_there_is_one_user_to_be(void **state)
{
    (void)state;
    if (getuid() == 0)
        need_root();
    assert_int_equal(in_child(stay), 0);
}

static void writes_all_of_a_string_to_a_slow_reader(void **state)
{
    enum { SIZE = 3 << 20 };
    struct mir_str s = {0};
    char *block = MIR_NEW_ARRAY(char, SIZE);
    int ends[2], status;
    size_t n = 0;
    pid_t pid;

    (void)state;
    memset(block, 'x', SIZE);
    mir_str_add_n(&s, block, SIZE);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        close(ends[1]);
        _exit(mir_write_all(ends[0], &s) == 0 && s.len == 0 ? 0 : 1);
    }
    close(ends[0]);
    for (ssize_t got; (got = read(ends[1], block, 7919)) > 0;)
        n += (size_t)got;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(n, SIZE);
    close(ends[1]);
    free(block);
    mir_str_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(becomes_a_user_for_good),
        cmocka_unit_test(two_capabilities_are_enough),
        cmocka_unit_test(refuses_root_low_unknown_and_foreign_groups),
        cmocka_unit_test(a_system_user_may_lie_under_the_minimum),
        cmocka_unit_test(without_privilege_there_is_one_user_to_be),
        cmocka_unit_test(writes_all_of_a_string_to_a_slow_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
