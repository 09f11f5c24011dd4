/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model_file.c - magic, version, length, zstd, checksum; and the disk. */
#include "models/predict/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#include <zstd.h>

#include "daemon/core/alloc.h"

/* Smaller would take seconds: nearly all bytes are thresholds and values of leaves. */
enum { ZSTD_LEVEL = 9 };

static const char magic[8] = {'M', 'I', 'R', 'm', 'o', 'd', 'e', 'l'};

/* ---- The envelope */

static void put(struct mir_str *out, uint64_t v, unsigned n_bytes)
{
    char bytes[8];

    for (unsigned i = 0; i < n_bytes; i++)
        bytes[i] = (char)(unsigned char)(v >> 8 * i);
    mir_str_add_n(out, bytes, n_bytes);
}

static uint64_t get(const unsigned char *at, unsigned n_bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < n_bytes; i++)
        v |= (uint64_t)at[i] << 8 * i;
    return v;
}

static int compress(const struct mir_str *body, char **out, size_t *len, struct mir_error *err)
{
    size_t cap = ZSTD_compressBound(body->len);
    char *bytes = mir_alloc(cap, 1);

    *len = ZSTD_compress(bytes, cap, body->text, body->len, ZSTD_LEVEL);
    if (ZSTD_isError(*len)) {
        free(bytes);
        return mir_error_set(err, -EIO, "compress: %s", ZSTD_getErrorName(*len));
    }
    *out = bytes;
    return 0;
}

int mir_model_file_pack(const struct mir_str *body, struct mir_str *out, struct mir_error *err)
{
    size_t begin = out->len, len;
    char *frame = NULL;
    int rc;

    if (body->len > MIR_MODEL_BODY_MAX)
        return mir_error_set(err, -EFBIG, "%zu bytes, at most %d", body->len, MIR_MODEL_BODY_MAX);
    rc = compress(body, &frame, &len, err);
    if (rc != 0)
        return rc;
    mir_str_add_n(out, magic, sizeof(magic));
    put(out, MIR_MODEL_FILE_VERSION, 4);
    put(out, 0, 4);
    put(out, MIR_MODEL_FILE_HEADER + len + MIR_MODEL_FILE_TRAILER, 8);
    put(out, body->len, 8);
    mir_str_add_n(out, frame, len);
    put(out, XXH3_64bits(out->text + begin, out->len - begin), 8);
    free(frame);
    return 0;
}

/* The version before anything that another one may have elsewhere. */
static int check_kind(const unsigned char *at, size_t len, struct mir_error *err)
{
    size_t n = len < sizeof(magic) ? len : sizeof(magic);

    if (n > 0 && memcmp(at, magic, n) != 0)
        return mir_error_set(err, -EBADMSG, "not a model of Mirage");
    if (len >= 12 && get(at + 8, 4) != MIR_MODEL_FILE_VERSION)
        return mir_error_set(err, -ENOEXEC, "a model of version %" PRIu64 ", this build reads %d",
                             get(at + 8, 4), MIR_MODEL_FILE_VERSION);
    if (len < MIR_MODEL_FILE_HEADER + MIR_MODEL_FILE_TRAILER)
        return mir_error_set(err, -EBADMSG, "truncated: %zu bytes of at least %d", len,
                             MIR_MODEL_FILE_HEADER + MIR_MODEL_FILE_TRAILER);
    return 0;
}

static int
check_whole(const unsigned char *at, size_t len, uint64_t *checksum, struct mir_error *err)
{
    uint64_t should = get(at + 16, 8);

    if (len < should)
        return mir_error_set(err, -EBADMSG, "truncated: %zu bytes of %" PRIu64, len, should);
    if (len > should)
        return mir_error_set(err, -EBADMSG, "damaged: %zu bytes, it was %" PRIu64, len, should);
    *checksum = get(at + len - MIR_MODEL_FILE_TRAILER, 8);
    if (XXH3_64bits(at, len - MIR_MODEL_FILE_TRAILER) != *checksum)
        return mir_error_set(err, -EBADMSG, "damaged: its checksum is wrong");
    return 0;
}

static int
decompress(const unsigned char *at, size_t len, struct mir_str *body, struct mir_error *err)
{
    uint64_t should = get(at + 24, 8);
    size_t n;

    if (get(at + 12, 4) != 0 || should > MIR_MODEL_BODY_MAX)
        return mir_error_set(err, -EBADMSG, "values out of range in its header");
    body->text = mir_grow(body->text, &body->cap, body->len + (size_t)should + 1, 1);
    n = ZSTD_decompress(body->text + body->len, (size_t)should, at + MIR_MODEL_FILE_HEADER,
                        len - MIR_MODEL_FILE_HEADER - MIR_MODEL_FILE_TRAILER);
    if (ZSTD_isError(n) || n != should)
        return mir_error_set(err, -EBADMSG, "cannot be decompressed: %s",
                             ZSTD_isError(n) ? ZSTD_getErrorName(n) : "too short");
    body->len += n;
    return 0;
}

int mir_model_file_unpack(const void *bytes,
                          size_t len,
                          struct mir_str *body,
                          uint64_t *checksum,
                          struct mir_error *err)
{
    int rc = check_kind(bytes, len, err);

    if (rc == 0)
        rc = check_whole(bytes, len, checksum, err);
    if (rc == 0)
        rc = decompress(bytes, len, body, err);
    return rc;
}

/* ---- The disk */

static int read_all(int fd, struct mir_str *out, size_t len, struct mir_error *err)
{
    out->text = mir_grow(out->text, &out->cap, out->len + len + 1, 1);
    while (len > 0) {
        ssize_t n = read(fd, out->text + out->len, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return mir_error_set(err, -errno, "%s", strerror(errno));
        if (n == 0)
            break; /* shorter than it was: its own length tells */
        out->len += (size_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int read_open(int fd, struct mir_str *out, struct mir_error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return mir_error_set(err, -errno, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return mir_error_set(err, -EINVAL, "not a regular file");
    if (st.st_size > MIR_MODEL_FILE_MAX)
        return mir_error_set(err, -EFBIG, "%jd bytes, a model has at most %d", (intmax_t)st.st_size,
                             MIR_MODEL_FILE_MAX);
    return read_all(fd, out, (size_t)st.st_size, err);
}

int mir_model_file_read(const char *path, struct mir_str *out, struct mir_error *err)
{
    /* Not to hang where the name is a fifo's. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return mir_error_set(err, -errno, "%s", strerror(errno));
    rc = read_open(fd, out, err);
    close(fd);
    return rc;
}

static int write_all(int fd, const char *at, size_t len, struct mir_error *err)
{
    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return mir_error_set(err, -errno, "write: %s", strerror(errno));
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* mkostemp() makes files that only their owner reads. */
static int write_aside(int fd, const struct mir_str *bytes, struct mir_error *err)
{
    int rc = write_all(fd, bytes->text, bytes->len, err);

    if (rc == 0 && (fchmod(fd, 0644) != 0 || fsync(fd) != 0))
        rc = mir_error_set(err, -errno, "fsync: %s", strerror(errno));
    return rc;
}

static int sync_folder(const char *path, struct mir_error *err)
{
    char *copy = mir_strdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0 || fsync(fd) != 0)
        rc = mir_error_set(err, -errno, "fsync its folder: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    free(copy);
    return rc;
}

int mir_model_file_write(const char *path, const struct mir_str *bytes, struct mir_error *err)
{
    struct mir_str aside = {0};
    int fd, rc;

    mir_str_addf(&aside, "%s.XXXXXX", path);
    fd = mkostemp(aside.text, O_CLOEXEC);
    if (fd < 0) {
        rc = mir_error_set(err, -errno, "create beside it: %s", strerror(errno));
    } else {
        rc = write_aside(fd, bytes, err);
        if (close(fd) != 0 && rc == 0)
            rc = mir_error_set(err, -errno, "close: %s", strerror(errno));
        if (rc == 0 && rename(aside.text, path) != 0)
            rc = mir_error_set(err, -errno, "rename: %s", strerror(errno));
        if (rc != 0)
            (void)unlink(aside.text);
        else
            rc = sync_folder(path, err);
    }
    mir_str_release(&aside);
    return rc;
}
