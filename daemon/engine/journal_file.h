/*
 * journal_file.h - the journal's file: what it is, its schema, and what SQLite's
 * errors mean.  Only journal*.c include it.  One thread.
 */
#ifndef MIR_ENGINE_JOURNAL_FILE_H
#define MIR_ENGINE_JOURNAL_FILE_H

#include <stdint.h>

#include <sqlite3.h>

#include "daemon/core/error.h"

/* The mode for a file at `path`, or for a file system of that statfs(2) magic. */
const char *mir_journal_file_mode(const char *path);
const char *mir_journal_file_mode_on(uint32_t magic);

/*
 * Open or create, check, migrate, lock.  `mode`: "wal", "truncate" or "memory".
 * On success the caller owns `*out` (sqlite3_close).  Errors as of
 * mir_journal_open().
 */
int mir_journal_file_open(const char *path, const char *mode, sqlite3 **out, struct mir_error *err);

/*
 * The last error of `db` as a negative errno, "`what`: SQLite's words" in `err`.
 * errno must have been 0 before the call that failed: it tells a full disk.
 */
int mir_journal_file_error(sqlite3 *db, const char *what, struct mir_error *err);

#endif
