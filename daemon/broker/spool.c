/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spool.c - templates on disk. */
#include "daemon/broker/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "daemon/core/str.h"
#include "daemon/host/wire.h"

enum {
    VERSION = 1,
    FILE_MAX = 128 << 20, /* script and environment, all escaped, with room */
    PIECE = 1 << 20,      /* of a script; three times as much when escaped */
    NAME_SIZE = MIR_TEMPLATE_ID_LEN + 1 + 10 + 4 + 1,
};

static const char new_suffix[] = ".new";
static const char sent_suffix[] = ".sent"; /* sent.h */

int mir_template_id_check(const char *id)
{
    size_t n = id == NULL ? 0 : strspn(id, "0123456789abcdef");

    return n == MIR_TEMPLATE_ID_LEN && id[n] == '\0' ? 0 : -EINVAL;
}

void mir_template_release(struct mir_template *t)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        free(t->fields[i].name);
        free(t->fields[i].value);
    }
    for (size_t i = 0; i < t->n_environment; i++)
        free(t->environment[i]);
    free(t->fields);
    free(t->environment);
    free(t->script);
    *t = (struct mir_template){0};
}

/* Room for one more element: at the powers of two only, so that there is no capacity to keep. */
static void *grow_by_one(void *p, size_t n, size_t size)
{
    if ((n & (n - 1)) != 0)
        return p;
    return mir_realloc(p, n == 0 ? 1 : 2 * n, size);
}

void mir_template_add_field(struct mir_template *t, const char *name, const char *value)
{
    t->fields = grow_by_one(t->fields, t->n_fields, sizeof(*t->fields));
    t->fields[t->n_fields++] =
        (struct mir_template_field){.name = mir_strdup(name), .value = mir_strdup(value)};
}

void mir_template_add_variable(struct mir_template *t, const char *variable)
{
    t->environment = grow_by_one(t->environment, t->n_environment, sizeof(*t->environment));
    t->environment[t->n_environment++] = mir_strdup(variable);
}

const char *mir_template_field(const struct mir_template *t, const char *name)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        if (strcmp(t->fields[i].name, name) == 0)
            return t->fields[i].value;
    }
    return NULL;
}

static int check_id(const char *id, struct mir_error *err)
{
    if (mir_template_id_check(id) != 0)
        return mir_error_set(err, -EINVAL, "a template's id is 32 lower-case hex digits");
    return 0;
}

static int open_folder(const char *spool, struct mir_error *err)
{
    int fd = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return mir_error_set(err, -errno, "spool %s: %s", spool, strerror(errno));
    return fd;
}

static void file_name(char name[NAME_SIZE], const char *id, uid_t uid, bool is_new)
{
    snprintf(name, NAME_SIZE, "%s-%" PRIu32 "%s", id, (uint32_t)uid, is_new ? new_suffix : "");
}

static int draw_id(char id[MIR_TEMPLATE_ID_LEN + 1], struct mir_error *err)
{
    unsigned char bits[MIR_TEMPLATE_ID_LEN / 2];

    if (getrandom(bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
        return mir_error_set(err, -EIO, "no random numbers for a template's id");
    for (size_t i = 0; i < sizeof(bits); i++)
        snprintf(id + 2 * i, 3, "%02x", bits[i]);
    return 0;
}

int mir_spool_begin(const char *spool,
                    uid_t uid,
                    char id[MIR_TEMPLATE_ID_LEN + 1],
                    struct mir_error *err)
{
    char name[NAME_SIZE];
    int folder, fd, rc;

    rc = draw_id(id, err);
    if (rc != 0)
        return rc;
    folder = open_folder(spool, err);
    if (folder < 0)
        return folder;
    file_name(name, id, uid, true);
    fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        fd = mir_error_set(err, -errno, "spool %s/%s: %s", spool, name, strerror(errno));
    close(folder);
    return fd;
}

/* --- writing ----------------------------------------------------------------------- */

static int flush(int fd, struct mir_str *s, struct mir_error *err)
{
    size_t done = 0;

    while (done < s->len) {
        ssize_t n = write(fd, s->text + done, s->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return mir_error_set(err, -errno, "write the template: %s", strerror(errno));
        done += (size_t)n;
    }
    s->len = 0;
    return 0;
}

static int check_size(const struct mir_template *t, struct mir_error *err)
{
    if (t->n_fields > MIR_TEMPLATE_FIELDS_MAX || t->n_environment > MIR_TEMPLATE_VARIABLES_MAX)
        return mir_error_set(err, -E2BIG,
                             "job %" PRIu32 ": more fields or variables than a template holds",
                             t->job_id);
    for (size_t i = 0; i < t->n_fields; i++) {
        if (strlen(t->fields[i].value) > MIR_TEMPLATE_VALUE_MAX)
            return mir_error_set(err, -E2BIG, "job %" PRIu32 ": its %s is over %d bytes", t->job_id,
                                 t->fields[i].name, MIR_TEMPLATE_VALUE_MAX);
    }
    for (size_t i = 0; i < t->n_environment; i++) {
        if (strlen(t->environment[i]) > MIR_TEMPLATE_VALUE_MAX)
            return mir_error_set(err, -E2BIG, "job %" PRIu32 ": variable %.64s is over %d bytes",
                                 t->job_id, t->environment[i], MIR_TEMPLATE_VALUE_MAX);
    }
    if (t->script != NULL && strlen(t->script) > MIR_TEMPLATE_SCRIPT_MAX)
        return mir_error_set(err, -E2BIG, "job %" PRIu32 ": its script is over %d bytes", t->job_id,
                             MIR_TEMPLATE_SCRIPT_MAX);
    return 0;
}

static void format_head(const struct mir_template *t, struct mir_str *s)
{
    mir_wire_begin(s, "template");
    mir_wire_add_i64(s, "version", VERSION);
    mir_wire_add_i64(s, "uid", t->uid);
    mir_wire_add_i64(s, "gid", t->gid);
    mir_wire_add_i64(s, "id", t->job_id);
    mir_wire_add_i64(s, "submit_at", t->submit_at);
    mir_wire_add(s, "environment", mir_environment_source_name(t->environment_source));
    mir_wire_add_i64(s, "warn_s", t->warn_s);
    mir_wire_end(s);
}

static void format_field(const struct mir_template_field *f, struct mir_str *s)
{
    mir_wire_begin(s, "field");
    mir_wire_add(s, "name", f->name);
    mir_wire_add(s, "value", f->value);
    mir_wire_end(s);
}

static void format_value(const char *verb, const char *value, size_t len, struct mir_str *s)
{
    mir_wire_begin(s, verb);
    mir_wire_add_n(s, "value", value, len);
    mir_wire_end(s);
}

static int
write_records(int fd, const struct mir_template *t, struct mir_str *s, struct mir_error *err)
{
    size_t len = t->script == NULL ? 0 : strlen(t->script);
    int rc;

    format_head(t, s);
    for (size_t i = 0; i < t->n_fields; i++)
        format_field(&t->fields[i], s);
    for (size_t i = 0; i < t->n_environment; i++) {
        format_value("environment", t->environment[i], strlen(t->environment[i]), s);
        if (s->len > PIECE && (rc = flush(fd, s, err)) != 0)
            return rc;
    }
    for (size_t at = 0; at < len; at += PIECE) {
        format_value("script", t->script + at, len - at < PIECE ? len - at : PIECE, s);
        if ((rc = flush(fd, s, err)) != 0)
            return rc;
    }
    mir_wire_begin(s, "end");
    mir_wire_end(s);
    return flush(fd, s, err);
}

int mir_spool_write(int fd, const struct mir_template *t, struct mir_error *err)
{
    struct mir_str s = {0};
    int rc = check_size(t, err);

    if (rc != 0)
        return rc;
    rc = write_records(fd, t, &s, err);
    mir_str_release(&s);
    if (rc == 0 && fsync(fd) != 0)
        rc = mir_error_set(err, -errno, "fsync the template: %s", strerror(errno));
    return rc;
}

int mir_spool_commit(const char *spool, const char *id, uid_t uid, struct mir_error *err)
{
    char from[NAME_SIZE], to[NAME_SIZE];
    int folder, rc = check_id(id, err);

    if (rc != 0)
        return rc;
    folder = open_folder(spool, err);
    if (folder < 0)
        return folder;
    file_name(from, id, uid, true);
    file_name(to, id, uid, false);
    if (renameat(folder, from, folder, to) != 0 || fsync(folder) != 0)
        rc = mir_error_set(err, -errno, "spool %s: keep %s: %s", spool, to, strerror(errno));
    close(folder);
    return rc;
}

void mir_spool_abort(const char *spool, const char *id, uid_t uid)
{
    char name[NAME_SIZE];
    int folder;

    if (mir_template_id_check(id) != 0 || (folder = open_folder(spool, NULL)) < 0)
        return;
    file_name(name, id, uid, true);
    (void)unlinkat(folder, name, 0);
    close(folder);
}

/* --- parsing ----------------------------------------------------------------------- */

/* Where a file stands: head, then anything, then end and nothing. */
struct reading {
    struct mir_template *t;
    struct mir_str script;
    size_t line;
    bool has_head, has_end;
};

static int damaged(const struct reading *r, const char *what, struct mir_error *err)
{
    return mir_error_set(err, -EBADMSG, "damaged template: line %zu: %s", r->line, what);
}

static int
get(const struct mir_wire_record *record, const char *key, int64_t min, int64_t max, int64_t *out)
{
    return mir_wire_get_i64(record, key, min, max, out, NULL);
}

static int read_head(struct reading *r, const struct mir_wire_record *record, struct mir_error *err)
{
    const char *source = mir_wire_get(record, "environment");
    int64_t version, uid, gid, id, warn_s;

    if (get(record, "version", 0, INT32_MAX, &version) != 0)
        return damaged(r, "no version", err);
    if (version != VERSION)
        return mir_error_set(err, -EBADMSG, "template of version %" PRId64 ", this broker reads %d",
                             version, VERSION);
    if (get(record, "uid", 0, UINT32_MAX, &uid) != 0 ||
        get(record, "gid", 0, UINT32_MAX, &gid) != 0 ||
        get(record, "id", 0, UINT32_MAX, &id) != 0 ||
        get(record, "submit_at", 0, INT64_MAX, &r->t->submit_at) != 0 ||
        get(record, "warn_s", 0, INT32_MAX, &warn_s) != 0 || source == NULL)
        return damaged(r, "not a template's head", err);
    r->t->uid = (uid_t)uid;
    r->t->gid = (gid_t)gid;
    r->t->job_id = (uint32_t)id;
    r->t->warn_s = (int32_t)warn_s;
    r->t->environment_source = mir_environment_source_parse(source);
    r->has_head = true;
    return 0;
}

static int
read_field(struct reading *r, const struct mir_wire_record *record, struct mir_error *err)
{
    const char *name = mir_wire_get(record, "name"), *value = mir_wire_get(record, "value");

    if (name == NULL || value == NULL || r->t->n_fields == MIR_TEMPLATE_FIELDS_MAX)
        return damaged(r, "not a field", err);
    mir_template_add_field(r->t, name, value);
    return 0;
}

static int
read_record(struct reading *r, const struct mir_wire_record *record, struct mir_error *err)
{
    const char *value = mir_wire_get(record, "value");

    if (strcmp(record->verb, "template") == 0)
        return r->has_head ? damaged(r, "a second head", err) : read_head(r, record, err);
    if (!r->has_head)
        return damaged(r, "a template's head expected", err);
    if (strcmp(record->verb, "end") == 0) {
        r->has_end = true;
        return 0;
    }
    if (strcmp(record->verb, "field") == 0)
        return read_field(r, record, err);
    if (value == NULL)
        return damaged(r, "no value", err);
    if (strcmp(record->verb, "environment") == 0) {
        if (r->t->n_environment == MIR_TEMPLATE_VARIABLES_MAX || strchr(value, '=') == NULL)
            return damaged(r, "not a variable", err);
        mir_template_add_variable(r->t, value);
        return 0;
    }
    if (strcmp(record->verb, "script") != 0)
        return damaged(r, "not a record of templates", err);
    mir_str_add(&r->script, value);
    return r->script.len <= MIR_TEMPLATE_SCRIPT_MAX ? 0 : damaged(r, "script too long", err);
}

static int read_lines(struct reading *r, char *bytes, size_t len, struct mir_error *err)
{
    struct mir_wire_record record;

    for (char *at = bytes, *last = bytes + len; at < last;) {
        char *lf = memchr(at, '\n', (size_t)(last - at));
        struct mir_error why = {{0}};
        int rc;

        r->line++;
        if (lf == NULL || r->has_end)
            return damaged(r, lf == NULL ? "cut off" : "text after its end", err);
        if (mir_wire_parse(at, (size_t)(lf - at), &record, &why) != 0)
            return damaged(r, why.text, err);
        rc = read_record(r, &record, err);
        if (rc != 0)
            return rc;
        at = lf + 1;
    }
    return r->has_end ? 0 : damaged(r, "its end is missing", err);
}

int mir_template_parse(char *bytes, size_t len, struct mir_template *out, struct mir_error *err)
{
    struct reading r = {.t = out};
    int rc;

    *out = (struct mir_template){0};
    rc = read_lines(&r, bytes, len, err);
    if (rc != 0) {
        mir_str_release(&r.script);
        return rc;
    }
    out->script = r.script.text != NULL ? r.script.text : mir_strdup("");
    return 0;
}

/* --- reading ----------------------------------------------------------------------- */

/* "<id>-<uid>": the uid, or -1 for any other name. */
static int64_t name_uid(const char *name, const char *id)
{
    int64_t uid;

    if (strncmp(name, id, MIR_TEMPLATE_ID_LEN) != 0 || name[MIR_TEMPLATE_ID_LEN] != '-')
        return -1;
    name += MIR_TEMPLATE_ID_LEN + 1;
    if (mir_parse_i64(name, strlen(name), &uid) != 0 || uid < 0 || uid > UINT32_MAX)
        return -1;
    return uid;
}

/* The name of template `id` in the folder; takes `folder`. */
static int
find_file(int folder, const char *id, char name[NAME_SIZE], uid_t *uid, struct mir_error *err)
{
    DIR *dir = fdopendir(folder);
    struct dirent *entry;
    int rc = -ENOENT;

    if (dir == NULL) {
        close(folder);
        return mir_error_set(err, -EIO, "cannot read the spool");
    }
    while (rc == -ENOENT && (entry = readdir(dir)) != NULL) {
        int64_t found = name_uid(entry->d_name, id);

        if (found < 0)
            continue;
        *uid = (uid_t)found;
        file_name(name, id, *uid, false);
        rc = strcmp(name, entry->d_name) == 0 ? 0 : -ENOENT;
    }
    closedir(dir);
    return rc == 0 ? 0 : mir_error_set(err, rc, "there is no template %s", id);
}

static int read_bytes(int fd, char *bytes, size_t len, struct mir_error *err)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = read(fd, bytes + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return mir_error_set(err, -EBADMSG, "damaged template: it ends early");
        done += (size_t)n;
    }
    return 0;
}

static int read_file(int fd, const char *name, struct mir_template *out, struct mir_error *err)
{
    struct stat st;
    char *bytes;
    int rc;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
        return mir_error_set(err, -EBADMSG, "template %s is not a file of the broker's", name);
    if (st.st_size > FILE_MAX)
        return mir_error_set(err, -EBADMSG, "template %s is over %d bytes", name, FILE_MAX);
    bytes = mir_alloc((size_t)st.st_size, 1);
    rc = read_bytes(fd, bytes, (size_t)st.st_size, err);
    if (rc == 0)
        rc = mir_template_parse(bytes, (size_t)st.st_size, out, err);
    if (rc == 0)
        out->kept_at = st.st_mtime;
    free(bytes);
    return rc;
}

int mir_spool_read(const char *spool,
                   const char *id,
                   uid_t *uid,
                   struct mir_template *out,
                   struct mir_error *err)
{
    char name[NAME_SIZE];
    int folder, fd, rc = check_id(id, err);

    *out = (struct mir_template){0};
    if (rc != 0)
        return rc;
    folder = open_folder(spool, err);
    if (folder < 0)
        return folder;
    rc = find_file(dup(folder), id, name, uid, err);
    if (rc == 0) {
        fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) {
            rc = mir_error_set(err, -errno, "template %s: %s", name, strerror(errno));
        } else {
            rc = read_file(fd, name, out, err);
            close(fd);
        }
    }
    close(folder);
    if (rc == 0 && out->uid != *uid)
        rc = mir_error_set(err, -EBADMSG, "template %s is of uid %" PRIu32, name,
                           (uint32_t)out->uid);
    if (rc != 0)
        mir_template_release(out);
    return rc;
}

int mir_spool_forget(const char *spool, const char *id, struct mir_error *err)
{
    char name[NAME_SIZE];
    uid_t uid;
    int folder, rc = check_id(id, err);

    if (rc != 0)
        return rc;
    folder = open_folder(spool, err);
    if (folder < 0)
        return folder;
    rc = find_file(dup(folder), id, name, &uid, NULL);
    if (rc == 0) {
        char sent[NAME_SIZE + sizeof(sent_suffix)];

        snprintf(sent, sizeof(sent), "%s%s", name, sent_suffix);
        (void)unlinkat(folder, sent, 0);
        if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
            rc = mir_error_set(err, -errno, "forget %s: %s", name, strerror(errno));
    }
    close(folder);
    return rc == -ENOENT ? 0 : rc;
}

/* What a capture leaves behind when it dies; other names are not ours to remove. */
static bool is_left_over(const char *name)
{
    size_t len = strlen(name), suffix = sizeof(new_suffix) - 1;
    char id[MIR_TEMPLATE_ID_LEN + 1];

    if (len <= MIR_TEMPLATE_ID_LEN + suffix || strcmp(name + len - suffix, new_suffix) != 0)
        return false;
    snprintf(id, sizeof(id), "%.*s", MIR_TEMPLATE_ID_LEN, name);
    return mir_template_id_check(id) == 0 && name[MIR_TEMPLATE_ID_LEN] == '-';
}

int mir_spool_sweep(const char *spool, struct mir_error *err)
{
    int folder = open_folder(spool, err);
    struct dirent *entry;
    DIR *dir;
    int rc = 0;

    if (folder < 0)
        return folder;
    dir = fdopendir(folder);
    if (dir == NULL) {
        close(folder);
        return mir_error_set(err, -EIO, "cannot read the spool %s", spool);
    }
    while ((entry = readdir(dir)) != NULL) {
        if (is_left_over(entry->d_name) && unlinkat(dirfd(dir), entry->d_name, 0) != 0)
            rc = mir_error_set(err, -errno, "remove %s: %s", entry->d_name, strerror(errno));
    }
    closedir(dir);
    return rc;
}
