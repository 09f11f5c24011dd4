/* SPDX-License-Identifier: GPL-3.0-or-later */
/* journal_file.c - opens, checks and locks the journal's file. */
#include "daemon/engine/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "daemon/core/str.h"
#include "daemon/engine/journal.h"

enum { APPLICATION_ID = 0x4d697261 }; /* "Mira" */

/* Whole rows are replaced, so most columns need no default; CHECKs are what quick_check looks at. */
static const char schema[] =
    "CREATE TABLE chain(\n"
    "  id TEXT NOT NULL PRIMARY KEY, state INTEGER NOT NULL CHECK(state BETWEEN 0 AND 5),\n"
    "  reason TEXT NOT NULL, uid INTEGER NOT NULL, user TEXT NOT NULL, account TEXT NOT NULL,\n"
    "  partition TEXT NOT NULL, qos TEXT NOT NULL, name TEXT NOT NULL, cluster TEXT NOT NULL,\n"
    "  options_given INTEGER NOT NULL, weight REAL NOT NULL, links INTEGER NOT NULL,\n"
    "  until INTEGER NOT NULL, lead_max_s INTEGER NOT NULL, warmup_s INTEGER NOT NULL,\n"
    "  done_on_success INTEGER NOT NULL, stop_file TEXT NOT NULL, policy TEXT NOT NULL,\n"
    "  by_comment INTEGER NOT NULL, enrolled_at INTEGER NOT NULL, ended_at INTEGER NOT NULL,\n"
    "  failures INTEGER NOT NULL, not_before_at INTEGER NOT NULL\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE link(\n"
    "  chain TEXT NOT NULL, number INTEGER NOT NULL,\n"
    "  state INTEGER NOT NULL CHECK(state BETWEEN 0 AND 6), job_id INTEGER NOT NULL,\n"
    "  job_uid INTEGER NOT NULL, job_submit_at INTEGER NOT NULL, job_token TEXT NOT NULL,\n"
    "  restarts INTEGER NOT NULL, template_id TEXT NOT NULL, environment INTEGER NOT NULL,\n"
    "  warn_s INTEGER NOT NULL, limit_s INTEGER NOT NULL, n_nodes INTEGER NOT NULL,\n"
    "  policy TEXT NOT NULL, planned_at INTEGER NOT NULL, decided_at INTEGER NOT NULL,\n"
    "  sent_at INTEGER NOT NULL, confirmed_at INTEGER NOT NULL, start_at INTEGER NOT NULL,\n"
    "  end_at INTEGER NOT NULL, job_state INTEGER NOT NULL, exit_code INTEGER NOT NULL,\n"
    "  exit_signal INTEGER NOT NULL, decided_wait_s REAL NOT NULL, would_at INTEGER NOT NULL,\n"
    "  n_sent INTEGER NOT NULL, PRIMARY KEY(chain, number)\n"
    ") STRICT, WITHOUT ROWID;\n"
    /* AUTOINCREMENT: a decision never points to a later pass that got its pass's number. */
    "CREATE TABLE pass(\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, n_nodes INTEGER NOT NULL,\n"
    "  n_nodes_free INTEGER NOT NULL, n_history INTEGER NOT NULL, queue BLOB\n"
    ") STRICT;\n"
    "CREATE INDEX pass_at ON pass(at);\n"
    "CREATE TABLE decision(\n"
    "  id INTEGER PRIMARY KEY, pass INTEGER NOT NULL, chain TEXT NOT NULL,\n"
    "  link INTEGER NOT NULL, at INTEGER NOT NULL, action INTEGER NOT NULL,\n"
    "  acted INTEGER NOT NULL, wait_s REAL NOT NULL, predecessor_submit_at INTEGER NOT NULL,\n"
    "  predecessor_start_at INTEGER NOT NULL, predecessor_end_at INTEGER NOT NULL,\n"
    "  policy TEXT NOT NULL, reason TEXT NOT NULL\n"
    ") STRICT;\n"
    "CREATE INDEX decision_chain ON decision(chain, id);\n"
    "CREATE INDEX decision_at ON decision(at);\n"
    "CREATE TABLE event(\n"
    "  id INTEGER PRIMARY KEY, chain TEXT NOT NULL, link INTEGER NOT NULL,\n"
    "  at INTEGER NOT NULL, text TEXT NOT NULL\n"
    ") STRICT;\n"
    "CREATE INDEX event_chain ON event(chain, id);\n"
    "CREATE INDEX event_at ON event(at);\n"
    "CREATE TABLE start(\n"
    "  id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL, uid INTEGER NOT NULL,\n"
    "  n_nodes INTEGER NOT NULL, limit_s INTEGER NOT NULL, exit_code INTEGER NOT NULL,\n"
    "  exit_signal INTEGER NOT NULL, state INTEGER NOT NULL, submit_at INTEGER NOT NULL,\n"
    "  eligible_at INTEGER NOT NULL, start_at INTEGER NOT NULL, end_at INTEGER NOT NULL,\n"
    "  user TEXT NOT NULL, account TEXT NOT NULL, partition TEXT NOT NULL, qos TEXT NOT NULL,\n"
    "  comment TEXT NOT NULL\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX start_job ON start(start_at, job_id, submit_at);\n"
    "CREATE TABLE fact(key TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL)\n"
    "  STRICT, WITHOUT ROWID;\n";

/* What each version added to the one before; the first is the schema above. */
static const char *const steps[MIR_JOURNAL_VERSION] = {
    [1] = "ALTER TABLE start ADD COLUMN name TEXT NOT NULL DEFAULT '';\n"
          "CREATE TABLE blob(key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT;\n",
    [2] = "ALTER TABLE decision ADD COLUMN fan BLOB;\n",
};

/* ---- errors */

static bool is_out_of_space(int system_errno)
{
    return system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG;
}

/*
 * SQLite does not keep the system's errno of a failed step: `left` is what the
 * failed call left there, whose maker set it to 0 before.
 */
static int errno_of(sqlite3 *db, int left)
{
    int system_errno = sqlite3_system_errno(db);

    switch (sqlite3_errcode(db) & 0xff) {
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_IOERR: /* a quota and a file size limit arrive as this */
        return is_out_of_space(system_errno) || is_out_of_space(left) ? -ENOSPC : -EIO;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EBADMSG;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_CANTOPEN:
        return system_errno > 0 ? -system_errno : -EIO;
    case SQLITE_TOOBIG:
        return -EMSGSIZE;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CONSTRAINT:
        return -EINVAL;
    default:
        return -EIO;
    }
}

int mir_journal_file_error(sqlite3 *db, const char *what, struct mir_error *err)
{
    int rc = errno_of(db, errno);
    const char *path = sqlite3_db_filename(db, "main");

    if (path == NULL || path[0] == '\0')
        path = "journal";
    if (rc == -EBUSY)
        return mir_error_set(err, rc, "%s: another process holds it (%s)", path, what);
    return mir_error_set(err, rc, "%s: %s: %s", path, what, sqlite3_errmsg(db));
}

static int run(sqlite3 *db, const char *what, const char *sql, struct mir_error *err)
{
    errno = 0;
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return mir_journal_file_error(db, what, err);
    return 0;
}

/* The first column of the first row of `sql`. */
static int ask_number(sqlite3 *db, const char *sql, int64_t *out, struct mir_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = 0;

    errno = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    else
        rc = mir_journal_file_error(db, "read", err);
    sqlite3_finalize(s);
    return rc;
}

/* The same as text, which must be `wanted`. */
static int
ask_text(sqlite3 *db, const char *sql, const char *wanted, int wrong, struct mir_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = 0;

    errno = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW) {
        rc = mir_journal_file_error(db, sql, err);
    } else {
        const char *text = (const char *)sqlite3_column_text(s, 0);

        if (text == NULL || strcmp(text, wanted) != 0)
            rc = mir_error_set(err, wrong, "%s: %s: %s", sqlite3_db_filename(db, "main"), sql,
                               text != NULL ? text : "no answer");
    }
    sqlite3_finalize(s);
    return rc;
}

/* ---- what file is it? */

/*
 * File systems of other machines: WAL wants memory that all its users share, and
 * a mapped file is not that there.
 */
const char *mir_journal_file_mode_on(uint32_t magic)
{
    static const uint32_t magics[] = {
        0x6969,     /* nfs */
        0x517b,     /* smb */
        0xff534d42, /* cifs */
        0xfe534d42, /* smb2 */
        0x65735546, /* fuse: sshfs, glusterfs, and what else */
        0x0bd00bd0, /* lustre */
        0x47504653, /* gpfs */
        0x19830326, /* beegfs */
        0x00c36400, /* ceph */
        0x01021997, /* 9p */
        0x5346414f, /* afs */
        0x6b414653, /* afs of the kernel */
        0xaad7aaea, /* panfs */
        0x01161970, /* gfs2 */
        0x7461636f, /* ocfs2 */
        0x786f4256, /* vboxsf */
    };

    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        if (magics[i] == magic)
            return "truncate";
    }
    return "wal";
}

/* The file need not exist yet: its folder then tells. */
const char *mir_journal_file_mode(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct mir_str folder = {0};
    struct statfs fs;
    int rc;

    if (strcmp(path, ":memory:") == 0)
        return "memory";
    if (slash != NULL)
        mir_str_add_n(&folder, path, (size_t)(slash - path) + 1);
    mir_str_add(&folder, ".");
    rc = statfs(path, &fs) == 0 ? 0 : statfs(folder.text, &fs);
    mir_str_release(&folder);
    /* Where it cannot be told, the mode that works everywhere. */
    return rc == 0 ? mir_journal_file_mode_on((uint32_t)fs.f_type) : "truncate";
}

/*
 * SQLite would create it readable to all who pass the umask; comments and names
 * are nobody else's.  Only a file that is made here is opened here: closing a
 * descriptor of a file drops all of this process's locks on it.
 */
static int create_private(const char *path, struct mir_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno != EEXIST)
        return mir_error_set(err, -errno, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return 0;
}

/* *version: that of the file; 0 when nothing is in it yet. */
static int identify(sqlite3 *db, int64_t *version, struct mir_error *err)
{
    const char *path = sqlite3_db_filename(db, "main");
    int64_t id = 0, n_tables = 0;
    int rc = ask_number(db, "PRAGMA application_id", &id, err);

    if (rc == 0)
        rc = ask_number(db, "PRAGMA user_version", version, err);
    if (rc == 0)
        rc = ask_number(db, "SELECT count(*) FROM sqlite_schema", &n_tables, err);
    if (rc != 0)
        return rc;
    if (id == 0 && *version == 0 && n_tables == 0)
        return 0;
    if (id != APPLICATION_ID || *version < 1)
        return mir_error_set(err, -EBADMSG,
                             "%s: not a journal of Mirage (application id %08llx, version %lld)",
                             path, (unsigned long long)(id & 0xffffffff), (long long)*version);
    if (*version > MIR_JOURNAL_VERSION)
        return mir_error_set(err, -EPROTO, "%s: version %lld; this program reads up to %d", path,
                             (long long)*version, MIR_JOURNAL_VERSION);
    return ask_text(db, "PRAGMA quick_check(1)", "ok", -EBADMSG, err);
}

/*
 * EXCLUSIVE even where nothing is to be done: with locking_mode=EXCLUSIVE the
 * lock that this takes is kept, which is what keeps a second daemon out.
 */
static int migrate(sqlite3 *db, int64_t version, struct mir_error *err)
{
    char *sql = sqlite3_mprintf("PRAGMA application_id=%d;PRAGMA user_version=%d", APPLICATION_ID,
                                MIR_JOURNAL_VERSION);
    int rc = sql != NULL ? run(db, "lock", "BEGIN EXCLUSIVE", err) : -ENOMEM;

    if (rc != 0) {
        sqlite3_free(sql);
        return rc;
    }
    if (version == 0)
        rc = run(db, "create", schema, err);
    for (int64_t i = version == 0 ? 1 : version; i < MIR_JOURNAL_VERSION && rc == 0; i++)
        rc = run(db, "migrate", steps[i], err);
    if (rc == 0 && version < MIR_JOURNAL_VERSION)
        rc = run(db, "create", sql, err);
    sqlite3_free(sql);
    if (rc == 0)
        rc = run(db, "create", "COMMIT", err);
    if (rc != 0)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/*
 * The schema is made before the switch to WAL, so that the main file alone says
 * what it is.
 */
static int set_up(sqlite3 *db, const char *mode, struct mir_error *err)
{
    const char *sql = "PRAGMA journal_mode=TRUNCATE";
    int64_t version = 0;
    int rc;

    if (strcmp(mode, "wal") == 0)
        sql = "PRAGMA journal_mode=WAL";
    else if (strcmp(mode, "memory") == 0)
        sql = "PRAGMA journal_mode=MEMORY";
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    rc = run(db, "set up",
             "PRAGMA locking_mode=EXCLUSIVE;PRAGMA synchronous=FULL;PRAGMA trusted_schema=OFF;"
             "PRAGMA cell_size_check=ON;PRAGMA journal_size_limit=16777216",
             err);
    if (rc == 0)
        rc = identify(db, &version, err);
    if (rc == 0)
        rc = migrate(db, version, err);
    if (rc == 0)
        rc = ask_text(db, sql, mode, -EIO, err);
    return rc;
}

int mir_journal_file_open(const char *path, const char *mode, sqlite3 **out, struct mir_error *err)
{
    bool in_memory = strcmp(path, ":memory:") == 0;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    sqlite3 *db = NULL;
    int rc = in_memory ? 0 : create_private(path, err);

    if (rc != 0)
        return rc;
    if (in_memory)
        flags |= SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY;
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
        rc = db != NULL ? mir_journal_file_error(db, "open", err) : -ENOMEM;
    } else {
        rc = set_up(db, mode, err);
    }
    if (rc != 0)
        sqlite3_close(db);
    else
        *out = db;
    return rc;
}
