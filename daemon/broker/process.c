/* SPDX-License-Identifier: GPL-3.0-or-later */
/* process.c - a child of the server. */
#include "daemon/broker/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/core/str.h"

enum { TOLD_PER_MINUTE = 50, CHILD_FD = 3, HELPER_LIFETIME_S = 10 };

void mir_process_init(struct mir_process *p)
{
    *p = (struct mir_process){.fd = -1, .err_fd = -1};
}

static void reset_signals(void)
{
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++)
        (void)signal(sig, SIG_DFL); /* fails for those that have no other */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * A timer of the kernel's outlives the parent and every change of uid: a
 * submission that hangs is never handed in long after all have given it up.
 */
static int limit_lifetime(int lifetime_s)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    const struct itimerspec when = {.it_value.tv_sec = lifetime_s};
    timer_t timer;

    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        return -errno;
    return timer_settime(timer, 0, &when, NULL) == 0 ? 0 : -errno;
}

static void move_descriptors(int fd, int err_fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, 0) < 0 || dup2(err_fd, 1) < 0 || dup2(err_fd, 2) < 0 ||
        dup2(fd, CHILD_FD) < 0 || close_range(CHILD_FD + 1, ~0U, 0) != 0)
        _exit(126);
}

static _Noreturn void live(int fd, int err_fd, int lifetime_s, mir_process_main_f run, void *arg)
{
    reset_signals();
    move_descriptors(fd, err_fd);
    if (lifetime_s > 0 && limit_lifetime(lifetime_s) != 0)
        _exit(126);
    _exit(run(CHILD_FD, arg) & 0xff);
}

/* Ours do not block; the child's do. */
static int make_channels(int channel[2], int err_pipe[2])
{
    int saved;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0)
        return -errno;
    if (pipe2(err_pipe, O_CLOEXEC) != 0) {
        saved = errno;
        close(channel[0]);
        close(channel[1]);
        return -saved;
    }
    (void)fcntl(channel[0], F_SETFL, O_NONBLOCK);
    (void)fcntl(err_pipe[0], F_SETFL, O_NONBLOCK);
    return 0;
}

int mir_process_start(struct mir_process *p,
                      uid_t uid,
                      int lifetime_s,
                      mir_process_main_f run,
                      void *arg,
                      struct mir_error *err)
{
    int channel[2], err_pipe[2];
    int rc = make_channels(channel, err_pipe);
    pid_t pid;

    if (rc != 0)
        return mir_error_set(err, rc, "make a channel for a child: %s", strerror(-rc));
    pid = fork();
    if (pid == 0)
        live(channel[1], err_pipe[1], lifetime_s, run, arg);
    rc = -errno;
    close(channel[1]);
    close(err_pipe[1]);
    if (pid < 0) {
        close(channel[0]);
        close(err_pipe[0]);
        return mir_error_set(err, rc, "fork: %s", strerror(-rc));
    }
    mir_process_init(p);
    p->pid = pid;
    p->uid = uid;
    p->fd = channel[0];
    p->err_fd = err_pipe[0];
    return 0;
}

/*
 * Root without CAP_KILL may not signal another's process, but a process of that user
 * may.  He may also stop it: so nobody waits for it, the kernel ends it, and it knows
 * its target by a descriptor, which never comes to mean another process.
 */
static void kill_as(uid_t uid, int pid_fd)
{
    if (fork() != 0)
        _exit(0);
    (void)limit_lifetime(HELPER_LIFETIME_S);
    if (setresuid(uid, uid, uid) == 0)
        (void)syscall(SYS_pidfd_send_signal, pid_fd, SIGKILL, NULL, 0);
    _exit(0);
}

void mir_process_kill(struct mir_process *p, const char *why)
{
    pid_t helper;
    int pid_fd;

    if (p->pid == 0)
        return;
    if (p->killed_for[0] == '\0')
        snprintf(p->killed_for, sizeof(p->killed_for), "%s", why);
    if (kill(p->pid, SIGKILL) == 0 || errno != EPERM)
        return;
    pid_fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    helper = pid_fd >= 0 ? fork() : -1;
    if (helper == 0)
        kill_as(p->uid, pid_fd);
    /* The one that is waited for is still who we are: nobody else stops it. */
    while (helper > 0 && waitpid(helper, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (pid_fd >= 0)
        close(pid_fd);
}

bool mir_process_reap(struct mir_process *p)
{
    int status;

    if (p->pid == 0 || waitpid(p->pid, &status, WNOHANG) != p->pid)
        return false;
    p->status = status;
    p->pid = 0;
    return true;
}

static void end_line(struct mir_process *p, mir_process_line_f f, void *arg)
{
    if (p->n_words == 0)
        return;
    p->words[p->n_words] = '\0';
    memcpy(p->last_words, p->words, p->n_words + 1);
    p->n_words = 0;
    if (p->n_told++ < TOLD_PER_MINUTE)
        f(arg, p->last_words);
    else if (p->n_told == TOLD_PER_MINUTE + 1)
        f(arg, "(says more than is logged)");
}

static void
take_words(struct mir_process *p, const char *bytes, size_t len, mir_process_line_f f, void *arg)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (c == '\n')
            end_line(p, f, arg);
        else if (p->n_words < MIR_PROCESS_WORDS_MAX)
            p->words[p->n_words++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
    }
}

void mir_process_listen(struct mir_process *p, mir_process_line_f f, void *arg, int64_t mono_ns)
{
    char bytes[4096];
    ssize_t n = 0;

    if (mono_ns - p->told_from_ns >= INT64_C(60000000000)) {
        p->told_from_ns = mono_ns;
        p->n_told = 0;
    }
    /* A few reads a look: who floods waits, the others do not. */
    for (int i = 0; i < 4 && p->err_fd >= 0; i++) {
        n = read(p->err_fd, bytes, sizeof(bytes));
        if (n > 0) {
            take_words(p, bytes, (size_t)n, f, arg);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            end_line(p, f, arg);
            close(p->err_fd);
            p->err_fd = -1;
        } else {
            break;
        }
    }
}

void mir_process_describe(const struct mir_process *p, struct mir_str *out)
{
    if (WIFSIGNALED(p->status) && p->killed_for[0] != '\0')
        mir_str_addf(out, "was ended (%s)", p->killed_for);
    else if (WIFSIGNALED(p->status))
        mir_str_addf(out, "died of signal %d", WTERMSIG(p->status));
    else
        mir_str_addf(out, "exited with status %d", WEXITSTATUS(p->status));
    if (p->last_words[0] != '\0')
        mir_str_addf(out, ": %s", p->last_words);
}

void mir_process_release(struct mir_process *p)
{
    if (p->fd >= 0)
        close(p->fd);
    if (p->err_fd >= 0)
        close(p->err_fd);
    mir_wire_release(&p->in);
    mir_process_init(p);
}
