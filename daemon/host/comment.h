/*
 * comment.h - what a job's comment says to Mirage.  A comment is words between
 * blanks; the user's are his own.  Two kinds of word are ours:
 *
 *     mirage, mirage:w=0.1,links=20    the user asks for a chain   (opt-in)
 *     mirage=CHAIN.LINK.TOKEN          Mirage submitted this job   (tag)
 *
 * A tag says which job this is, never who may do what: anyone may write one
 * into his own comment, so it counts only together with uid and submit time.
 * Any thread.
 */
#ifndef MIR_HOST_COMMENT_H
#define MIR_HOST_COMMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"

enum {
    MIR_TOKEN_LEN = 32,   /* hex digits: 128 random bits an intent */
    MIR_CHAIN_ID_LEN = 8, /* [a-z2-7], RFC 4648 base32 in lower case */
    MIR_STOP_FILE_MAX = 255,
    MIR_POLICY_SPEC_MAX = 127,
    MIR_MAX_LINKS = 100000,
};

enum mir_comment_key {
    MIR_OPT_WEIGHT = 1u << 0,
    MIR_OPT_LINKS = 1u << 1,
    MIR_OPT_UNTIL = 1u << 2,
    MIR_OPT_LEAD_MAX = 1u << 3,
    MIR_OPT_WARMUP = 1u << 4,
    MIR_OPT_STOP_FILE = 1u << 5,
    MIR_OPT_POLICY = 1u << 6,
    MIR_OPT_DONE = 1u << 7,
};

/* The options of "mirage:..."; a field counts where its bit is in `given`. */
struct mir_chain_options {
    unsigned given;       /* enum mir_comment_key */
    double weight;        /* w=0.1: of overlap; 0 <= w <= 1000 */
    int32_t links;        /* links=20: jobs of the chain in all, the first included; >= 1 */
    int64_t until;        /* until=2027-01-01[T12:00]: no submission from then on (site's zone) */
    int32_t lead_max_s;   /* lead_max=24h: submit at most this long before the predecessor's end;
                             from 1 s to 365 d, like warmup with its unit */
    int32_t warmup_s;     /* warmup=15m: a successor needs this long before it serves */
    bool done_on_success; /* done=exit0 | done=never: is exit code 0 before the limit the end? */
    char
        stop_file[MIR_STOP_FILE_MAX + 1]; /* stop_file=DONE: ends the chain when it exists; relative
                                              to the job's working directory; no ".." */
    char policy[MIR_POLICY_SPEC_MAX + 1]; /* policy=lead:hours=6; not validated here; no '/'.
                                              In the text '+' stands for the spec's ',' */
};

struct mir_zone; /* daemon/core/parse.h */

/*
 * Parse "w=0.1,links=20,..." (what follows "mirage:"; "" gives no option).
 * Returns 0, or -EINVAL naming the key and what was expected; an unknown key
 * and a key given twice are refused; `*out` stays as it was on failure.  `zone`
 * is for until; NULL is UTC.
 */
int mir_chain_options_parse(const char *text,
                            const struct mir_zone *zone,
                            struct mir_chain_options *out,
                            struct mir_error *err);

/* The same as text, in the order of the enum; "" for none. */
void mir_chain_options_format(const struct mir_chain_options *o, struct mir_str *out);

/*
 * Does the comment (NULL: "") opt in?  Returns 1 with `*out` filled, 0 when it
 * does not, or -EINVAL (it means to, but an option is wrong, or it says so twice).
 */
int mir_comment_opt_in(const char *comment,
                       const struct mir_zone *zone,
                       struct mir_chain_options *out,
                       struct mir_error *err);

struct mir_tag {
    char chain[MIR_CHAIN_ID_LEN + 1];
    int32_t link; /* 0: the first job of a chain; only Mirage's own jobs, 1 and up, have tags */
    char token[MIR_TOKEN_LEN + 1]; /* [0-9a-f] */
};

/* The comment's tag: true and `*out`; false when there is none, two, or a malformed one. */
bool mir_comment_tag(const char *comment, struct mir_tag *out);

/*
 * The successor's comment: the predecessor's (NULL: "") without its tag, or
 * tags, malformed ones too, then " " and the new tag; no " " when nothing is left
 * before it.  All other words stay byte by byte.
 */
void mir_comment_retag(const char *comment, const struct mir_tag *tag, struct mir_str *out);

#endif
