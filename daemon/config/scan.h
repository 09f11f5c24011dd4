/*
 * scan.h - mirage.conf before libconfuse sees it.  libconfuse counts a line too
 * many after each C comment, takes an unterminated one for the end of
 * the file, swallows stray characters, expands ${NAME} from the environment and
 * lets the last of two assignments win.  So the text is looked through first:
 * what would be misread is refused, comments become blanks, and every
 * assignment is noted with its line.  Private to daemon/config.
 */
#ifndef MIR_CONFIG_SCAN_H
#define MIR_CONFIG_SCAN_H

#include <stddef.h>

#include "daemon/core/error.h"

enum { MIR_CONFIG_ENTRIES_MAX = 4096 };

/* One assignment, or the opening of a section (key: ""). */
struct mir_config_entry {
    char *section; /* "" outside of any */
    char *title;   /* of the section; "" without one */
    char *key;
    int line;
};

struct mir_config_scan {
    char *text; /* same length and lines, comments blanked */
    struct mir_config_entry *entries;
    size_t n_entries, cap;
};

/*
 * Scan `text`, named `name` in errors.  Returns 0 with `*out` to be released, or
 * -EINVAL ("name:line: ...") with nothing to release.
 */
int mir_config_scan(const char *name,
                    const char *text,
                    struct mir_config_scan *out,
                    struct mir_error *err);
void mir_config_scan_release(struct mir_config_scan *scan);

#endif
