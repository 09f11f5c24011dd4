/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * input.c - bytes to lines.  libarchive's "raw" format takes the compression
 * off, whatever the file is called; what is held is one block and one line.
 */
#include "traces/reader/input.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/alloc.h"

enum {
    PEEK_BYTES = 1 << 16,
    BLOCK_BYTES = 1 << 16,
    LINE_BYTES_MAX = 1 << 30, /* what a few bytes of compression can claim to be a line */
};

struct mir_input {
    struct archive *archive;
    char *name;
    int fd; /* -1: memory */
    uint64_t total;
    char *buf;
    size_t pos, end, cap; /* what is not yet taken: buf[pos, end) */
    size_t searched;      /* no '\n' in buf[pos, searched) */
    bool at_end;
    int failed; /* told once the lines before it are taken */
    struct mir_error why;
};

static int archive_failed(struct mir_input *in)
{
    const char *text = archive_error_string(in->archive);
    int code = archive_errno(in->archive);

    if (code == EIO || code == EISDIR)
        in->failed = mir_error_set(&in->why, -EIO, "%s: %s", in->name, strerror(code));
    else
        in->failed =
            mir_error_set(&in->why, -EBADMSG, "%s: compressed data is cut off or damaged (%s)",
                          in->name, text ? text : "no reason given");
    return in->failed;
}

/*
 * The filters by name, not "all": that would also start outside programs for
 * formats that libarchive cannot take apart itself.
 */
static int new_archive(struct mir_input *in, struct mir_error *err)
{
    in->archive = archive_read_new();
    if (!in->archive || archive_read_support_filter_gzip(in->archive) != ARCHIVE_OK ||
        archive_read_support_filter_bzip2(in->archive) != ARCHIVE_OK ||
        archive_read_support_filter_xz(in->archive) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(in->archive) != ARCHIVE_OK ||
        archive_read_support_format_raw(in->archive) != ARCHIVE_OK ||
        archive_read_support_format_empty(in->archive) != ARCHIVE_OK)
        return mir_error_set(err, -EIO, "libarchive lacks a decompressor");
    return 0;
}

/* After archive_read_open_*(): find the one entry. */
static int begin(struct mir_input *in, int opened, struct mir_error *err)
{
    struct archive_entry *entry;
    int rc = opened == ARCHIVE_OK ? archive_read_next_header(in->archive, &entry) : opened;

    if (rc == ARCHIVE_EOF)
        in->at_end = true;
    else if (rc != ARCHIVE_OK) {
        archive_failed(in);
        return mir_error_set(err, in->failed, "%s", in->why.text);
    }
    return 0;
}

static int open_fd(struct mir_input *in, const char *path, struct mir_error *err)
{
    struct stat st;

    if (strcmp(path, "-") == 0)
        in->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    else
        in->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0 || fstat(in->fd, &st) != 0)
        return mir_error_set(err, -errno, "%s: %s", in->name, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return mir_error_set(err, -EISDIR, "%s: is a directory, not a job log", in->name);
    in->total = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    return 0;
}

static struct mir_input *new_input(const char *name)
{
    struct mir_input *in = MIR_NEW(struct mir_input);

    in->fd = -1;
    in->name = mir_strdup(name);
    return in;
}

int mir_input_open(const char *path, struct mir_input **out, struct mir_error *err)
{
    struct mir_input *in = new_input(strcmp(path, "-") == 0 ? "standard input" : path);
    int rc = open_fd(in, path, err);

    if (rc == 0)
        rc = new_archive(in, err);
    if (rc == 0)
        rc = begin(in, archive_read_open_fd(in->archive, in->fd, BLOCK_BYTES), err);
    if (rc != 0) {
        mir_input_close(in);
        return rc;
    }
    *out = in;
    return 0;
}

int mir_input_open_memory(const char *name,
                          const void *data,
                          size_t len,
                          struct mir_input **out,
                          struct mir_error *err)
{
    struct mir_input *in = new_input(name);
    int rc = new_archive(in, err);

    in->total = len;
    if (rc == 0)
        rc = begin(in, archive_read_open_memory(in->archive, len ? data : "", len), err);
    if (rc != 0) {
        mir_input_close(in);
        return rc;
    }
    *out = in;
    return 0;
}

void mir_input_close(struct mir_input *in)
{
    if (!in)
        return;
    if (in->archive)
        archive_read_free(in->archive);
    if (in->fd >= 0)
        close(in->fd);
    free(in->name);
    free(in->buf);
    free(in);
}

static void append(struct mir_input *in, const void *block, size_t size)
{
    if (in->pos > 0) {
        memmove(in->buf, in->buf + in->pos, in->end - in->pos);
        in->end -= in->pos;
        in->searched -= in->pos;
        in->pos = 0;
    }
    in->buf = mir_grow(in->buf, &in->cap, in->end + size, 1);
    memcpy(in->buf + in->end, block, size);
    in->end += size;
}

/* One block more behind what is there.  Returns 1, 0 at the end, or in->failed. */
static int fill(struct mir_input *in)
{
    const void *block;
    size_t size;
    la_int64_t offset;
    int rc;

    if (in->at_end || in->failed)
        return in->failed;
    if (in->end - in->pos > LINE_BYTES_MAX)
        return in->failed = mir_error_set(&in->why, -EBADMSG, "%s: a line of more than a gigabyte",
                                          in->name);
    rc = archive_read_data_block(in->archive, &block, &size, &offset);
    if (rc == ARCHIVE_EOF) {
        in->at_end = true;
        return 0;
    }
    if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
        return archive_failed(in);
    if (size > 0)
        append(in, block, size);
    return 1;
}

int mir_input_peek(struct mir_input *in, struct mir_span *text, bool *all, struct mir_error *err)
{
    static const char bom[] = "\xef\xbb\xbf";

    while (in->end - in->pos < PEEK_BYTES && fill(in) > 0)
        continue;
    if (in->failed && in->end == in->pos)
        return mir_error_set(err, in->failed, "%s", in->why.text);
    if (in->end - in->pos >= 3 && memcmp(in->buf + in->pos, bom, 3) == 0)
        in->pos = in->searched = in->pos + 3;
    text->s = in->buf ? in->buf + in->pos : "";
    text->len = in->end - in->pos;
    *all = in->at_end || in->failed;
    return 0;
}

int mir_input_next(struct mir_input *in, struct mir_span *line, struct mir_error *err)
{
    char *nl;
    int rc;

    for (;;) {
        nl = in->end > in->searched ? memchr(in->buf + in->searched, '\n', in->end - in->searched)
                                    : NULL;
        if (nl)
            break;
        in->searched = in->end;
        rc = fill(in);
        if (rc < 0)
            return mir_error_set(err, rc, "%s", in->why.text);
        if (rc == 0)
            break;
    }
    if (!nl && in->pos == in->end)
        return 0;
    line->s = in->buf + in->pos;
    line->len = nl ? (size_t)(nl - line->s) : in->end - in->pos;
    in->pos += line->len + (nl ? 1 : 0);
    in->searched = in->pos;
    return 1;
}

void mir_input_progress(const struct mir_input *in, uint64_t *done, uint64_t *total)
{
    la_int64_t n = archive_filter_bytes(in->archive, -1);

    *done = n > 0 ? (uint64_t)n : 0;
    *total = in->total;
}
