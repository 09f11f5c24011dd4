/* SPDX-License-Identifier: GPL-3.0-or-later */
/* work_folder.c - see work_folder.h. */
#include "models/train/work_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"

/* What the run is, in words: by it a folder is known to be one of ours, and whose. */
static const char RUN[] = "run.txt";
static const char FIRST_LINE[] = "mirage-train work folder\n";

enum { MAX_RUN = 1 << 20, MAX_ROWS = 1 << 26 };

static int refuse(const char *path, int code, struct mir_error *err)
{
    return mir_error_set(err, -code, "%s: %s", path, strerror(code));
}

char *mir_work_folder_path(const struct mir_work_folder *folder, const char *name, char buf[4096])
{
    snprintf(buf, 4096, "%s/%s", folder->path, name);
    return buf;
}

/* ---- Files: written aside, synced, renamed */

/* `parts` follow one another. */
struct part {
    const void *bytes;
    size_t len;
};

static int write_parts(const char *aside, const struct part *parts, size_t n)
{
    FILE *file = fopen(aside, "we");
    int code = 0;

    if (file == NULL)
        return errno;
    for (size_t i = 0; i < n && code == 0; i++) {
        if (parts[i].len > 0 && fwrite(parts[i].bytes, 1, parts[i].len, file) != parts[i].len)
            code = errno;
    }
    if (code == 0 && (fflush(file) != 0 || fsync(fileno(file)) != 0))
        code = errno;
    if (fclose(file) != 0 && code == 0)
        code = errno;
    return code;
}

static int write_file(const struct mir_work_folder *folder,
                      const char *name,
                      const struct part *parts,
                      size_t n,
                      struct mir_error *err)
{
    char aside[4096 + 8], path[4096];
    int code;

    mir_work_folder_path(folder, name, path);
    snprintf(aside, sizeof aside, "%s.new", path);
    code = write_parts(aside, parts, n);
    if (code == 0 && rename(aside, path) != 0)
        code = errno;
    return code == 0 ? 0 : refuse(path, code, err);
}

/* ---- The folder */

/* Everything in it; files only, as we make no folders there. */
static int empty(const struct mir_work_folder *folder)
{
    DIR *dir = opendir(folder->path);
    struct dirent *entry;
    int code = 0;

    if (dir == NULL)
        return errno;
    while ((entry = readdir(dir)) != NULL && code == 0) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(dirfd(dir), entry->d_name, 0) != 0)
            code = errno;
    }
    closedir(dir);
    return code;
}

static bool read_run(const struct mir_work_folder *folder, struct mir_str *out)
{
    char path[4096], buf[4096];
    FILE *file = fopen(mir_work_folder_path(folder, RUN, path), "re");
    size_t n;

    if (file == NULL)
        return false;
    while (out->len < MAX_RUN && (n = fread(buf, 1, sizeof buf, file)) > 0)
        mir_str_add_n(out, buf, n);
    fclose(file);
    return out->len > 0;
}

/* But for what a run left that ended while it wrote its name down. */
static bool is_empty(const struct mir_work_folder *folder)
{
    DIR *dir = opendir(folder->path);
    struct dirent *entry;
    bool nothing = dir != NULL;

    while (nothing && (entry = readdir(dir)) != NULL)
        nothing = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                  strcmp(entry->d_name, "run.txt.new") == 0;
    if (dir != NULL)
        closedir(dir);
    return nothing;
}

/* A folder that is there: ours for this run, ours for another, or somebody else's. */
static int
take_over(struct mir_work_folder *folder, const struct mir_str *wanted, struct mir_error *err)
{
    const struct part run = {wanted->text, wanted->len};
    struct mir_str was = {0};
    bool ours = read_run(folder, &was) && strncmp(was.text, FIRST_LINE, sizeof FIRST_LINE - 1) == 0;
    int code;

    folder->found = ours && strcmp(was.text, wanted->text) == 0;
    mir_str_release(&was);
    if (folder->found)
        return 0;
    if (!ours && !is_empty(folder))
        return mir_error_set(err, -EEXIST, "%s is in the way: it is no work folder of mirage-train",
                             folder->path);
    code = empty(folder);
    if (code != 0)
        return refuse(folder->path, code, err);
    return write_file(folder, RUN, &run, 1, err);
}

int mir_work_folder_open(const char *model_path,
                         const char *run,
                         struct mir_work_folder *out,
                         struct mir_error *err)
{
    struct mir_str path = {0}, wanted = {0};
    int rc;

    mir_str_addf(&path, "%s.work", model_path);
    *out = (struct mir_work_folder){.path = path.text, .fd = -1};
    if (path.len > 3900)
        return refuse(out->path, ENAMETOOLONG, err);
    if (mkdir(out->path, 0777) != 0 && errno != EEXIST)
        return refuse(out->path, errno, err);
    out->fd = open(out->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->fd < 0)
        return refuse(out->path, errno, err);
    if (flock(out->fd, LOCK_EX | LOCK_NB) != 0)
        return mir_error_set(err, -EBUSY, "%s: another mirage-train is at work on it", out->path);
    mir_str_addf(&wanted, "%s%s", FIRST_LINE, run);
    rc = take_over(out, &wanted, err);
    mir_str_release(&wanted);
    return rc;
}

void mir_work_folder_close(struct mir_work_folder *folder)
{
    if (folder->path == NULL)
        return;
    if (folder->fd >= 0)
        close(folder->fd);
    free(folder->path);
    *folder = (struct mir_work_folder){.fd = -1};
}

int mir_work_folder_remove(struct mir_work_folder *folder, struct mir_error *err)
{
    int code = empty(folder);

    if (code == 0 && rmdir(folder->path) != 0)
        code = errno;
    return code == 0 ? 0 : refuse(folder->path, code, err);
}

/* ---- Labels */

struct labels_header {
    char magic[8];
    uint32_t row_size, n_episodes;
    uint64_t n, hash;
};

static const char MAGIC[8] = "MIRLABEL";

/* FNV-1a: against a file cut short, not against anybody. */
static uint64_t hash_of(const void *bytes, size_t len)
{
    const unsigned char *b = bytes;
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        h = (h ^ b[i]) * UINT64_C(0x100000001b3);
    return h;
}

int mir_work_folder_save(const struct mir_work_folder *folder,
                         const char *name,
                         const struct mir_labels *labels,
                         struct mir_error *err)
{
    size_t len = labels->n * sizeof(*labels->rows);
    struct labels_header header = {
        .row_size = sizeof(*labels->rows),
        .n_episodes = labels->n_episodes,
        .n = labels->n,
        .hash = hash_of(labels->rows, len),
    };
    const struct part parts[] = {{&header, sizeof header}, {labels->rows, len}};

    memcpy(header.magic, MAGIC, sizeof MAGIC);
    return write_file(folder, name, parts, 2, err);
}

static bool read_rows(FILE *file, struct mir_labels *out)
{
    struct labels_header header;

    if (fread(&header, sizeof header, 1, file) != 1 ||
        memcmp(header.magic, MAGIC, sizeof MAGIC) != 0 || header.row_size != sizeof(*out->rows) ||
        header.n > MAX_ROWS)
        return false;
    out->rows = mir_alloc(header.n, sizeof(*out->rows));
    out->cap = out->n = (size_t)header.n;
    out->n_episodes = header.n_episodes;
    return fread(out->rows, sizeof(*out->rows), out->n, file) == out->n && getc(file) == EOF &&
           hash_of(out->rows, out->n * sizeof(*out->rows)) == header.hash;
}

bool mir_work_folder_load(const struct mir_work_folder *folder,
                          const char *name,
                          struct mir_labels *out)
{
    char path[4096];
    FILE *file = fopen(mir_work_folder_path(folder, name, path), "re");
    bool whole;

    if (file == NULL)
        return false;
    whole = read_rows(file, out);
    fclose(file);
    if (!whole)
        mir_labels_release(out);
    return whole;
}
