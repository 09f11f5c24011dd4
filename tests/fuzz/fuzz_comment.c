/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_comment.c - any comment: read it, put a tag into it, lose no other word. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/host/comment.h"

#define BLANKS " \t\n\v\f\r"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next word that is no tag, or of length 0 at the end. */
static const char *next_other_word(const char *s, size_t *len)
{
    do {
        s += strspn(s, BLANKS);
        *len = strcspn(s, BLANKS);
        if (strncmp(s, "mirage=", 7) != 0)
            break;
        s += *len;
    } while (*len > 0);
    return s;
}

static void compare_other_words(const char *a, const char *b)
{
    size_t a_len, b_len;

    do {
        a = next_other_word(a, &a_len);
        b = next_other_word(b, &b_len);
        if (a_len != b_len || memcmp(a, b, a_len) != 0)
            abort();
        a += a_len;
        b += b_len;
    } while (a_len > 0);
}

static void retag(const char *comment)
{
    const struct mir_tag tag = {"abcdef27", 12, "0123456789abcdef0123456789abcdef"};
    struct mir_tag found;
    struct mir_str s = {0}, again = {0};

    mir_comment_retag(comment, &tag, &s);
    if (!mir_comment_tag(s.text, &found) || strcmp(found.chain, tag.chain) != 0 ||
        found.link != tag.link || strcmp(found.token, tag.token) != 0)
        abort();
    compare_other_words(comment, s.text);
    mir_comment_retag(s.text, &tag, &again);
    if (strcmp(s.text, again.text) != 0)
        abort();
    mir_str_release(&s);
    mir_str_release(&again);
}

/* What was understood, written and read again, is the same. */
static void round_trip(const struct mir_chain_options *o)
{
    struct mir_chain_options again;
    struct mir_str s = {0}, twice = {0};

    mir_chain_options_format(o, &s);
    if (mir_chain_options_parse(s.text, NULL, &again, NULL) != 0)
        abort();
    mir_chain_options_format(&again, &twice);
    if (strcmp(s.text, twice.text) != 0 || o->given != again.given || o->links != again.links ||
        o->weight < again.weight || o->weight > again.weight || o->until != again.until ||
        o->lead_max_s != again.lead_max_s || o->warmup_s != again.warmup_s ||
        o->done_on_success != again.done_on_success || strcmp(o->policy, again.policy) != 0 ||
        strcmp(o->stop_file, again.stop_file) != 0)
        abort();
    mir_str_release(&s);
    mir_str_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *comment = mir_alloc(size + 1, 1);
    struct mir_chain_options o;
    struct mir_error err = {{0}};
    struct mir_tag tag;

    if (size > 0)
        memcpy(comment, data, size);
    if (mir_comment_opt_in(comment, NULL, &o, &err) == 1)
        round_trip(&o);
    if (mir_chain_options_parse(comment, NULL, &o, &err) == 0)
        round_trip(&o);
    if (mir_comment_tag(comment, &tag) && (tag.link < 1 || strlen(tag.token) != MIR_TOKEN_LEN ||
                                           strlen(tag.chain) != MIR_CHAIN_ID_LEN))
        abort();
    retag(comment);
    free(comment);
    return 0;
}
