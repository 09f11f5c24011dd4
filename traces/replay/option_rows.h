/*
 * option_rows.h - reading arguments by tables of options, and printing the tables
 * as help.  A program has a table of its own and may take rows of another's: what
 * mirage-replay needs to open a log, mirage-train needs too.  One thread.
 */
#ifndef MIR_REPLAY_OPTION_ROWS_H
#define MIR_REPLAY_OPTION_ROWS_H

#include <stdio.h>

#include "daemon/core/error.h"

struct mir_replay_options;

/* An option; a table of them ends with a row without a name. */
struct mir_option_row {
    const char *name;
    char letter;       /* 0: none */
    const char *arg;   /* NULL: a switch */
    unsigned verbs;    /* a bit per verb that takes it */
    const char *group; /* heading in the help */
    const char *help;
    /* `options` may be the first member of what a program of another kind keeps. */
    int (*set)(struct mir_replay_options *options, const char *value, struct mir_error *err);
};

enum { MIR_OPTION_TABLES = 2 };

/* What one verb takes: of each table the rows that have any of its bits. */
struct mir_option_list {
    const char *verb;                                       /* for messages; "" for none */
    const struct mir_option_row *tables[MIR_OPTION_TABLES]; /* NULL: no such table */
    unsigned bits[MIR_OPTION_TABLES];
};

/*
 * Give each option of argv (argv[0] is the verb) to its row; `*operand` becomes
 * the number of the first argument that is none, argc where there is none: getopt
 * puts those last.  Returns 0 or -EINVAL with a sentence that names the option.
 */
int mir_option_rows_read(const struct mir_option_list *list,
                         int argc,
                         char **argv,
                         struct mir_replay_options *options,
                         int *operand,
                         struct mir_error *err);

/* All rows of the list under their headings, in the order in which headings first come. */
void mir_option_rows_print(FILE *to, const struct mir_option_list *list);

/* `text` from column `column` of the help on, broken between words; the line has begun. */
void mir_option_print_wrapped(FILE *to, const char *text);

enum { MIR_OPTION_COLUMN = 26 };

#endif
