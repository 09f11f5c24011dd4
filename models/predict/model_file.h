/*
 * model_file.h - the envelope of a model on disk: what it is, of which version, how
 * long, whether it arrived whole.  What is in it is model_body.h's.  Any thread.
 *
 *  at       what, little-endian
 *   0       magic, "MIRmodel"
 *   8       u32 version
 *  12       u32 zero
 *  16       u64 bytes of the whole file
 *  24       u64 bytes of the body
 *  32       the body, one zstd frame
 *  end - 8  u64 XXH3-64 of all bytes before it
 */
#ifndef MIR_PREDICT_MODEL_FILE_H
#define MIR_PREDICT_MODEL_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"

enum {
    /* Changes with the envelope, with the body, and with the grid of quantile levels. */
    MIR_MODEL_FILE_VERSION = 1,
    MIR_MODEL_BODY_MAX = 64 << 20, /* decompressed; what a hostile file can make us allocate */
    MIR_MODEL_FILE_MAX = MIR_MODEL_BODY_MAX + (1 << 20),
    MIR_MODEL_FILE_HEADER = 32,
    MIR_MODEL_FILE_TRAILER = 8,
};

/* Append the file that holds `body`.  Returns 0, or -EFBIG when it is over MIR_MODEL_BODY_MAX. */
int mir_model_file_pack(const struct mir_str *body, struct mir_str *out, struct mir_error *err);

/*
 * The body in `bytes`, the whole of a file, appended to `body`, which is released
 * by the caller; `*checksum` is the file's.  Returns 0, -EBADMSG (not a model,
 * truncated, checksum) or -ENOEXEC (another version).
 */
int mir_model_file_unpack(const void *bytes,
                          size_t len,
                          struct mir_str *body,
                          uint64_t *checksum,
                          struct mir_error *err);

/* The bytes of the file at `path`, appended.  Returns 0, -ENOENT, -EFBIG or another errno. */
int mir_model_file_read(const char *path, struct mir_str *out, struct mir_error *err);

/*
 * Write aside in the same folder, fsync, rename, fsync the folder; mode 0644.
 * Returns 0 or a negative errno; then what was at `path` still is, and nothing lies
 * beside it.
 */
int mir_model_file_write(const char *path, const struct mir_str *bytes, struct mir_error *err);

#endif
