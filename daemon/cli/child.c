/* SPDX-License-Identifier: GPL-3.0-or-later */
/* child.c - another program, run for its answer. */
#include "daemon/cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20 };

int mir_child_start(const char *const *argv, struct mir_child *out, struct mir_error *err)
{
    posix_spawn_file_actions_t actions;
    int fds[2], rc;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return mir_error_set(err, -errno, "pipe: %s", strerror(errno));
    rc = posix_spawn_file_actions_init(&actions);
    if (rc == 0) {
        (void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
        /* posix_spawn wants char *const *, and leaves the strings alone */
        rc = posix_spawnp(&out->pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
                          environ);
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    (void)close(fds[1]);
    if (rc != 0) {
        (void)close(fds[0]);
        return mir_error_set(err, -rc, "%s: %s", argv[0], strerror(rc));
    }
    out->out = fdopen(fds[0], "r");
    if (out->out == NULL)
        abort(); /* out of memory */
    return 0;
}

int mir_child_wait(struct mir_child *child)
{
    int status;

    (void)fclose(child->out);
    while (waitpid(child->pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int mir_child_read(const char *const *argv, struct mir_str *text, struct mir_error *err)
{
    struct mir_child child;
    char chunk[4096];
    size_t n;
    int rc = mir_child_start(argv, &child, err);

    if (rc != 0)
        return rc;
    mir_str_add(text, "");
    while (text->len < TEXT_MAX && (n = fread(chunk, 1, sizeof(chunk), child.out)) > 0)
        mir_str_add_n(text, chunk, n);
    return mir_child_wait(&child);
}

static bool runs(const char *path)
{
    return access(path, X_OK) == 0;
}

bool mir_child_found(const char *program)
{
    const char *at = getenv("PATH");
    bool found = false;

    if (strchr(program, '/') != NULL)
        return runs(program);
    while (at != NULL && !found) {
        const char *end = strchr(at, ':');
        struct mir_str path = {0};

        mir_str_add_n(&path, at, end != NULL ? (size_t)(end - at) : strlen(at));
        mir_str_addf(&path, "/%s", program);
        found = runs(path.text);
        mir_str_release(&path);
        at = end != NULL ? end + 1 : NULL;
    }
    return found;
}
