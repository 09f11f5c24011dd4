/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sent.c - what was made of a template last. */
#include "daemon/broker/sent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/broker/spool.h"
#include "daemon/core/str.h"
#include "daemon/host/wire.h"

enum { SIZE = 512 }; /* the record is under 100 bytes */

static void path_of(struct mir_str *path, const char *spool, const char *id, uid_t uid)
{
    mir_str_addf(path, "%s/%s-%u.sent", spool, id, (unsigned)uid);
}

static void format(const struct mir_sent *sent, struct mir_str *s)
{
    mir_wire_begin(s, "sent");
    mir_wire_add(s, "chain", sent->chain);
    mir_wire_add_i64(s, "link", sent->link);
    mir_wire_add_i64(s, "id", sent->job_id);
    mir_wire_add_i64(s, "submit_at", sent->submit_at);
    mir_wire_end(s);
}

static int write_file(const char *path, const struct mir_str *s, struct mir_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = 0;

    if (fd < 0)
        return mir_error_set(err, -errno, "%s: %s", path, strerror(errno));
    if (write(fd, s->text, s->len) != (ssize_t)s->len || fsync(fd) != 0)
        rc = mir_error_set(err, -EIO, "%s: not written: %s", path, strerror(errno));
    close(fd);
    return rc;
}

int mir_sent_note(const char *spool,
                  const char *id,
                  uid_t uid,
                  const struct mir_sent *sent,
                  struct mir_error *err)
{
    struct mir_str path = {0}, aside = {0}, record = {0};
    int rc;

    if (mir_template_id_check(id) != 0)
        return mir_error_set(err, -EINVAL, "not a template's id");
    path_of(&path, spool, id, uid);
    mir_str_addf(&aside, "%s.new", path.text);
    format(sent, &record);
    rc = write_file(aside.text, &record, err);
    if (rc == 0 && rename(aside.text, path.text) != 0)
        rc = mir_error_set(err, -errno, "%s: %s", path.text, strerror(errno));
    mir_str_release(&path);
    mir_str_release(&aside);
    mir_str_release(&record);
    return rc;
}

static int parse(char *line, size_t len, struct mir_sent *out)
{
    struct mir_wire_record r;
    const char *chain;
    int64_t link, id;

    if (len == 0 || line[len - 1] != '\n' || mir_wire_parse(line, len - 1, &r, NULL) != 0)
        return -EBADMSG;
    chain = mir_wire_get(&r, "chain");
    if (strcmp(r.verb, "sent") != 0 || chain == NULL || strlen(chain) != MIR_CHAIN_ID_LEN ||
        mir_wire_get_i64(&r, "link", 1, MIR_MAX_LINKS, &link, NULL) != 0 ||
        mir_wire_get_i64(&r, "id", 1, UINT32_MAX, &id, NULL) != 0 ||
        mir_wire_get_i64(&r, "submit_at", 1, INT64_MAX, &out->submit_at, NULL) != 0)
        return -EBADMSG;
    memcpy(out->chain, chain, MIR_CHAIN_ID_LEN + 1);
    out->link = (int32_t)link;
    out->job_id = (uint32_t)id;
    return 0;
}

int mir_sent_read(const char *spool,
                  const char *id,
                  uid_t uid,
                  struct mir_sent *out,
                  struct mir_error *err)
{
    struct mir_str path = {0};
    char line[SIZE];
    ssize_t len;
    int fd, rc;

    *out = (struct mir_sent){0};
    if (mir_template_id_check(id) != 0)
        return mir_error_set(err, -EINVAL, "not a template's id");
    path_of(&path, spool, id, uid);
    fd = open(path.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    rc = fd < 0 ? -errno : 0;
    if (rc == 0) {
        len = read(fd, line, sizeof(line));
        rc = len < 0 ? -errno : parse(line, (size_t)len, out);
        close(fd);
    }
    if (rc != 0) {
        *out = (struct mir_sent){0};
        mir_error_set(err, rc, "%s: %s", path.text, strerror(-rc));
    }
    mir_str_release(&path);
    return rc;
}
