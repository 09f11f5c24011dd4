/*
 * consent.h - the word in a job's comment by which its owner asks for a chain:
 * "mirage" or "mirage:OPTIONS", among words of his own.  What the options mean
 * is the daemon's business.  Any thread.
 */
#ifndef MIR_CLI_CONSENT_H
#define MIR_CLI_CONSENT_H

#include <stdbool.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"

/* Does the comment (NULL: "") have that word? */
bool mir_consent_given(const char *comment);

/*
 * Append the comment with the word to `out`: at its end, or in place of the one
 * that is there.  `options` NULL leaves the user's own word as it is.  All else
 * stays byte by byte.
 */
void mir_consent_add(const char *comment, const char *options, struct mir_str *out);

/* Can `options` stand in a comment: printable, no blank?  0 or -EINVAL. */
int mir_consent_check(const char *options, struct mir_error *err);

#endif
