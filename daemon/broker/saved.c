/* SPDX-License-Identifier: GPL-3.0-or-later */
/* saved.c - a helper that reads StateSaveLocation as SlurmUser. */
#include "daemon/broker/saved.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/broker/compat.h"
#include "daemon/core/alloc.h"
#include "daemon/core/str.h"

/* On the socket: a question or answer is this head and `len` bytes. */
struct head {
    int32_t code; /* question: 'e' or 'a'; answer: 0 or a negative errno */
    uint32_t len;
};

enum { QUESTION_MAX = 1 << 20, JOB_STATE_MAX = 1 << 30, HELPER_FD = 3 };

static int transfer(int fd, void *bytes, size_t len, bool out)
{
    char *at = bytes;

    while (len > 0) {
        ssize_t n = out ? send(fd, at, len, MSG_NOSIGNAL) : recv(fd, at, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -EPIPE;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int put(int fd, int code, const char *bytes, size_t len)
{
    struct head head = {.code = code, .len = (uint32_t)len};
    int rc = transfer(fd, &head, sizeof(head), true);

    return rc != 0 || len == 0 ? rc : transfer(fd, (void *)(uintptr_t)bytes, len, true);
}

/* `*bytes` gets a NUL behind it, and is the caller's. */
static int get(int fd, size_t max, int *code, char **bytes, size_t *len)
{
    struct head head;
    int rc = transfer(fd, &head, sizeof(head), false);

    if (rc == 0 && head.len > max)
        rc = -EPROTO;
    if (rc != 0)
        return rc;
    *code = head.code;
    *len = head.len;
    *bytes = mir_alloc((size_t)head.len + 1, 1);
    rc = transfer(fd, *bytes, head.len, false);
    if (rc != 0)
        free(*bytes);
    return rc;
}

/* --- the helper -------------------------------------------------------------------- */

/* The folder, if slurmctld's SlurmUser is who we are: nobody else's files are read. */
static int find_folder(char *folder, size_t size)
{
    slurm_conf_t *conf = NULL;
    int rc = -ENOENT;

    if (slurm_load_ctl_conf(0, &conf) != SLURM_SUCCESS || conf == NULL)
        return -ENOENT;
    if (conf->slurm_user_id == geteuid() && conf->state_save_location != NULL &&
        strlen(conf->state_save_location) < size) {
        snprintf(folder, size, "%s", conf->state_save_location);
        rc = 0;
    }
    slurm_free_ctl_conf(conf);
    return rc;
}

/* A regular file of ours, mapped; `*len` 0 maps nothing. */
static int map_file(const char *path, size_t max, void **bytes, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    int rc = 0;

    if (fd < 0)
        return -ENOENT;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_size <= 0 ||
        (uintmax_t)st.st_size > max) {
        rc = -EBADMSG;
    } else {
        *len = (size_t)st.st_size;
        *bytes = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
        rc = *bytes == MAP_FAILED ? -EIO : 0;
    }
    close(fd);
    return rc;
}

static int answer_environment(int fd, const char *folder, uint32_t job_id)
{
    struct mir_str path = {0};
    void *bytes;
    size_t len;
    int rc;

    mir_str_addf(&path, "%s/hash.%" PRIu32 "/job.%" PRIu32 "/environment", folder, job_id % 10,
                 job_id);
    rc = map_file(path.text, MIR_ENVIRONMENT_MAX, &bytes, &len);
    mir_str_release(&path);
    if (rc != 0)
        return put(fd, rc, NULL, 0);
    rc = put(fd, 0, bytes, len);
    munmap(bytes, len);
    return rc;
}

static int answer_arguments(int fd, const char *folder, const char *command)
{
    struct mir_environment list = {0};
    struct mir_str path = {0}, out = {0};
    void *bytes;
    size_t len;
    int rc;

    mir_str_addf(&path, "%s/job_state", folder);
    rc = map_file(path.text, JOB_STATE_MAX, &bytes, &len);
    mir_str_release(&path);
    if (rc == 0) {
        rc = mir_environment_find_arguments(bytes, len, command, &list);
        munmap(bytes, len);
    }
    for (size_t i = 0; i < list.n; i++)
        mir_str_add_n(&out, list.v[i], strlen(list.v[i]) + 1);
    rc = put(fd, rc, out.text, rc == 0 ? out.len : 0);
    mir_environment_release(&list);
    mir_str_release(&out);
    return rc;
}

static int serve(int fd, const struct mir_broker_settings *settings, uint32_t job_id)
{
    char folder[4096], *command;
    bool ready = false;
    size_t len;
    int code;

    while (get(fd, QUESTION_MAX, &code, &command, &len) == 0) {
        int rc = 0;

        if (!ready) {
            slurm_init(settings->slurm_conf[0] != '\0' ? settings->slurm_conf : NULL);
            rc = find_folder(folder, sizeof(folder));
            ready = rc == 0;
        }
        if (rc != 0)
            rc = put(fd, rc, NULL, 0);
        else if (code == 'e')
            rc = answer_environment(fd, folder, job_id);
        else
            rc = answer_arguments(fd, folder, command);
        free(command);
        if (rc != 0)
            return 1;
    }
    return 0;
}

static int
run(int fd, const struct mir_broker_settings *settings, const struct passwd *pw, uint32_t job_id)
{
    /* Asked again after the change of user, which clears it. */
    if (mir_become_system_user(pw->pw_uid, pw->pw_gid, NULL) != 0)
        return 1;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return 1;
    return serve(fd, settings, job_id);
}

/* --- who asks ---------------------------------------------------------------------- */

int mir_saved_start(const struct mir_broker_settings *settings,
                    uint32_t job_id,
                    struct mir_saved *s,
                    struct mir_error *err)
{
    struct passwd *pw;
    int ends[2];

    *s = (struct mir_saved){.fd = -1};
    if (settings->slurm_user == NULL || settings->slurm_user[0] == '\0')
        return 0;
    pw = getpwnam(settings->slurm_user);
    if (pw == NULL || pw->pw_uid == 0)
        return 0; /* root as SlurmUser: its files stay unread */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return mir_error_set(err, -errno, "socketpair: %s", strerror(errno));
    s->pid = fork();
    if (s->pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return mir_error_set(err, -errno, "fork: %s", strerror(errno));
    }
    if (s->pid == 0) {
        /* Neither the template nor the parent is for SlurmUser. */
        if (dup2(ends[1], HELPER_FD) < 0 || close_range(HELPER_FD + 1, ~0U, 0) != 0)
            _exit(1);
        _exit(run(HELPER_FD, settings, pw, job_id));
    }
    close(ends[1]);
    s->fd = ends[0];
    return 0;
}

static int
ask(struct mir_saved *s, int code, const char *text, size_t max, char **bytes, size_t *len)
{
    int answer, rc;

    if (s->fd < 0)
        return -ENOENT;
    rc = put(s->fd, code, text, strlen(text));
    if (rc == 0)
        rc = get(s->fd, max, &answer, bytes, len);
    if (rc != 0)
        return -ENOENT;
    if (answer != 0)
        free(*bytes);
    return answer;
}

int mir_saved_environment(struct mir_saved *s, struct mir_environment *out, struct mir_error *err)
{
    char *bytes;
    size_t len;
    int rc = ask(s, 'e', "", MIR_ENVIRONMENT_MAX, &bytes, &len);

    if (rc != 0)
        return mir_error_set(err, rc, "StateSaveLocation cannot be read");
    rc = mir_environment_parse_saved(bytes, len, out, err);
    free(bytes);
    return rc;
}

int mir_saved_arguments(struct mir_saved *s,
                        const char *command,
                        struct mir_environment *out,
                        struct mir_error *err)
{
    char *bytes;
    size_t len;
    int rc = ask(s, 'a', command, QUESTION_MAX, &bytes, &len);

    if (rc != 0)
        return mir_error_set(err, rc, "StateSaveLocation does not tell the arguments");
    for (const char *at = bytes; at < bytes + len; at += strlen(at) + 1)
        mir_environment_add(out, at, strlen(at));
    free(bytes);
    return 0;
}

void mir_saved_end(struct mir_saved *s)
{
    if (s->fd < 0)
        return;
    close(s->fd);
    s->fd = -1;
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}
