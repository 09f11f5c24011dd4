/*
 * journal_row.h - rows of the journal's tables as C structs: which column is
 * which member.  Only journal*.c include it.  One thread at a time per statement.
 */
#ifndef MIR_ENGINE_JOURNAL_ROW_H
#define MIR_ENGINE_JOURNAL_ROW_H

#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"

enum mir_journal_kind {
    MIR_COLUMN_TEXT,    /* an array of char of `size` bytes */
    MIR_COLUMN_POINTER, /* const char *; read: lent by the statement until its next step */
    MIR_COLUMN_BOOL,
    MIR_COLUMN_U8,
    MIR_COLUMN_I32,
    MIR_COLUMN_U32,
    MIR_COLUMN_ENUM, /* 0 to `max`, of an int's size */
    MIR_COLUMN_I64,
    MIR_COLUMN_U64,   /* up to INT64_MAX */
    MIR_COLUMN_BYTES, /* struct mir_journal_bytes; read: lent by the statement until its next step */
    MIR_COLUMN_F64,   /* not a number is written as -1: SQLite would make it NULL */
};

struct mir_journal_column {
    const char *name;
    enum mir_journal_kind kind;
    size_t offset;
    size_t size;
    int64_t max; /* ENUM */
};

struct mir_journal_table {
    const char *name;
    const struct mir_journal_column *columns;
    size_t n_columns;
};

extern const struct mir_journal_table mir_journal_chain, mir_journal_link, mir_journal_pass,
    mir_journal_decision, mir_journal_start;

/* "a,b,c" */
void mir_journal_add_names(const struct mir_journal_table *t, struct mir_str *sql);

/*
 * Bind `row` to the parameters 1 to n_columns; the texts stay the row's until the
 * statement is reset.  Returns 0, or -ERANGE for what the file could not give back.
 */
int mir_journal_row_bind(sqlite3_stmt *s,
                         const struct mir_journal_table *t,
                         const void *row,
                         struct mir_error *err);

/*
 * Read the columns 0 to n_columns - 1 into `row`.  Returns 0, or -EBADMSG for a
 * value that its member cannot hold.
 */
int mir_journal_row_read(sqlite3_stmt *s,
                         const struct mir_journal_table *t,
                         void *row,
                         struct mir_error *err);

#endif
