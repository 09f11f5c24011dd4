/* SPDX-License-Identifier: GPL-3.0-or-later */
/* child.c - become a user for good; capabilities. */
#include "daemon/broker/child.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/broker/broker.h"
#include "daemon/core/alloc.h"

enum { GROUPS_MAX = 65536, PASSWD_BYTES_MAX = 1 << 20 };

/* Two words of 32 capabilities: _LINUX_CAPABILITY_VERSION_3. */
static int read_capabilities(struct __user_cap_data_struct data[2])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capget, &header, data) == 0 ? 0 : -errno;
}

/* No call of the C library: libcap is one more thing to trust. */
static int limit_capabilities(uint32_t keep)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    if (read_capabilities(data) != 0)
        return -errno;
    for (int i = 0; i < 2; i++) {
        uint32_t mask = i == 0 ? keep : 0;

        data[i].permitted &= mask;
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

bool mir_child_may_change_user(void)
{
    const uint32_t both = (1u << CAP_SETUID) | (1u << CAP_SETGID);
    struct __user_cap_data_struct data[2];

    return read_capabilities(data) == 0 && (data[0].effective & both) == both;
}

/* no_new_privs makes the bounding set idle; it is emptied as well where the kernel lets us. */
static void empty_bounding_set(uint32_t keep)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        if (cap >= 32 || (keep & (1u << cap)) == 0)
            (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    }
}

int mir_child_confine(bool keep_setuid, struct mir_error *err)
{
    const uint32_t keep = keep_setuid ? (1u << CAP_SETUID) | (1u << CAP_SETGID) : 0;
    const struct rlimit none = {0, 0};

    empty_bounding_set(keep);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (limit_capabilities(keep) != 0)
        return mir_error_set(err, -EPERM, "drop capabilities: %s", strerror(errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return mir_error_set(err, -EPERM, "set no_new_privs: %s", strerror(errno));
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return mir_error_set(err, -EPERM, "forbid core dumps: %s", strerror(errno));
    return 0;
}

/* The user's name and own group; the name is the caller's to free. */
static int find_user(uid_t uid, char **name, gid_t *gid, struct mir_error *err)
{
    struct passwd entry, *found = NULL;
    size_t size = 1024;
    char *buf = mir_alloc(size, 1);
    int rc;

    while ((rc = getpwuid_r(uid, &entry, buf, size, &found)) == ERANGE && size < PASSWD_BYTES_MAX) {
        size *= 2;
        buf = mir_realloc(buf, size, 1);
    }
    if (found == NULL) {
        free(buf);
        return mir_error_set(err, -ENOENT, "uid %u: %s", (unsigned)uid,
                             rc != 0 ? strerror(rc) : "no such user on this machine");
    }
    *name = mir_strdup(entry.pw_name);
    *gid = entry.pw_gid;
    free(buf);
    return 0;
}

/* All groups of the user, the caller's to free; NULL when there are too many. */
static gid_t *list_groups(const char *name, gid_t own, int *n)
{
    int cap = 64;
    gid_t *groups = MIR_NEW_ARRAY(gid_t, (size_t)cap);

    for (;;) {
        *n = cap;
        if (getgrouplist(name, own, groups, n) >= 0)
            return groups;
        if (cap >= GROUPS_MAX) {
            free(groups);
            return NULL;
        }
        cap *= 2;
        groups = mir_realloc(groups, (size_t)cap, sizeof(*groups));
    }
}

/* Group 0 is left out of what a user brings along: it opens root's files. */
static bool find_and_clean(gid_t *groups, int *n, gid_t gid)
{
    bool found = false;
    int n_kept = 0;

    for (int i = 0; i < *n; i++) {
        found |= groups[i] == gid;
        if (groups[i] != 0)
            groups[n_kept++] = groups[i];
    }
    *n = n_kept;
    return found;
}

static int change_groups(uid_t uid, gid_t gid, struct mir_error *err)
{
    char *name = NULL;
    gid_t *groups = NULL, own = 0;
    int n = 0;
    int rc = find_user(uid, &name, &own, err);

    if (rc != 0)
        return rc;
    groups = list_groups(name, own, &n);
    if (groups == NULL)
        rc = mir_error_set(err, -EPERM, "%s is in more than %d groups", name, GROUPS_MAX);
    else if (!find_and_clean(groups, &n, gid))
        rc = mir_error_set(err, -EPERM, "gid %u is no group of %s", (unsigned)gid, name);
    else if (setgroups((size_t)n, groups) != 0)
        rc = mir_error_set(err, -EPERM, "setgroups for %s: %s", name, strerror(errno));
    free(groups);
    free(name);
    return rc;
}

/* Trust nothing: read back, and try the way home. */
static bool is_for_good(uid_t uid, gid_t gid)
{
    uid_t ruid, euid, suid;
    gid_t rgid, egid, sgid;

    if (getresuid(&ruid, &euid, &suid) != 0 || getresgid(&rgid, &egid, &sgid) != 0)
        return false;
    if (ruid != uid || euid != uid || suid != uid || rgid != gid || egid != gid || sgid != gid)
        return false;
    return setuid(0) != 0 && seteuid(0) != 0 && setgid(0) != 0 && setegid(0) != 0;
}

static int change_user(uid_t uid, gid_t gid, struct mir_error *err)
{
    int rc = change_groups(uid, gid, err);

    if (rc != 0)
        return rc;
    if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return mir_error_set(err, -EPERM, "become uid %u: %s", (unsigned)uid, strerror(errno));
    return 0;
}

/* Without the capabilities there is one user to be: the one that we are. */
static int stay_user(uid_t uid, gid_t gid, struct mir_error *err)
{
    if (uid != getuid() || uid != geteuid())
        return mir_error_set(err, -EPERM,
                             "acts only for its own uid %u, not for %u: it has no CAP_SETUID",
                             (unsigned)getuid(), (unsigned)uid);
    if (gid != getgid() || gid != getegid())
        return mir_error_set(err, -EPERM, "acts only with its own gid %u, not %u",
                             (unsigned)getgid(), (unsigned)gid);
    return 0;
}

int mir_become_system_user(uid_t uid, gid_t gid, struct mir_error *err)
{
    int rc;

    if (uid == 0 || gid == 0 || uid == (uid_t)-1 || gid == (gid_t)-1)
        return mir_error_set(err, -EPERM, "never acts as uid %u, gid %u", (unsigned)uid,
                             (unsigned)gid);
    rc = mir_child_may_change_user() ? change_user(uid, gid, err) : stay_user(uid, gid, err);
    if (rc != 0)
        return rc;
    rc = mir_child_confine(false, err);
    if (rc != 0)
        return rc;
    if (!is_for_good(uid, gid))
        return mir_error_set(err, -EPERM, "uid %u could go back to root", (unsigned)uid);
    return 0;
}

int mir_become_user(uid_t uid, gid_t gid, uid_t min_uid, struct mir_error *err)
{
    if (uid != 0 && uid < min_uid)
        return mir_error_set(err, -EPERM, "uid %u is under min_uid %u", (unsigned)uid,
                             (unsigned)min_uid);
    return mir_become_system_user(uid, gid, err);
}

int mir_write_all(int fd, struct mir_str *s)
{
    size_t done = 0;

    while (done < s->len) {
        ssize_t n = write(fd, s->text + done, s->len - done);

        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};

            (void)poll(&p, 1, -1);
        } else if (n < 0 && errno != EINTR) {
            return -errno;
        }
    }
    s->len = 0;
    return 0;
}

int mir_ask_leave(int fd, int64_t ticket)
{
    static const char leave[] = "go\n";
    struct mir_str s = {0};
    char answer[sizeof(leave) - 1];
    size_t done = 0;
    int rc;

    mir_wire_begin(&s, "sending");
    mir_wire_add_i64(&s, "ticket", ticket);
    mir_wire_end(&s);
    rc = mir_write_all(fd, &s);
    mir_str_release(&s);
    while (rc == 0 && done < sizeof(answer)) {
        ssize_t n = read(fd, answer + done, sizeof(answer) - done);

        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            rc = -ECANCELED;
    }
    return rc != 0 || memcmp(answer, leave, sizeof(answer)) != 0 ? -ECANCELED : 0;
}
