/*
 * file.h - the bytes of mirage.conf, from a file that only its owner writes.
 * Private to daemon/config.
 */
#ifndef MIR_CONFIG_FILE_H
#define MIR_CONFIG_FILE_H

#include "daemon/core/error.h"

/*
 * The text of the regular file `path`, at most 1 MiB, to be freed.  Returns 0,
 * -ENOENT, -EACCES (may not be read, or is writable by others: whoever writes
 * this file decides what is submitted for everyone), -EINVAL (no regular file, a
 * NUL byte, too long) or -EIO.
 */
int mir_config_file_read(const char *path, char **out, struct mir_error *err);

#endif
