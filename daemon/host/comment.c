/* SPDX-License-Identifier: GPL-3.0-or-later */
/* comment.c - the opt-in and the tag in a job's comment. */
#include "daemon/host/comment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/parse.h"

#define KNOWN_KEYS "w, links, until, lead_max, warmup, stop_file, policy, done"

#define WEIGHT_MAX 1000.0

enum {
    YEAR_S = 365 * 86400,
    QUOTE_MAX = 40,
};

static const int64_t until_max = 253402300799; /* the end of the year 9999 */

/* A piece of the comment. */
struct word {
    const char *s;
    size_t len;
};

/* ---- words */

/* The same in every locale. */
static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The word at or after `s`; its length is 0 at the end. */
static struct word next_word(const char *s)
{
    struct word w;

    while (is_blank(*s))
        s++;
    w.s = s;
    while (*s != '\0' && !is_blank(*s))
        s++;
    w.len = (size_t)(s - w.s);
    return w;
}

static bool starts_with(struct word w, const char *prefix)
{
    size_t len = strlen(prefix);

    return w.len >= len && memcmp(w.s, prefix, len) == 0;
}

static bool equals(struct word w, const char *text)
{
    return w.len == strlen(text) && memcmp(w.s, text, w.len) == 0;
}

static struct word skip(struct word w, size_t n)
{
    return (struct word){w.s + n, w.len - n};
}

/* Fit for a message: cut, and without what a terminal or a log would take for its own. */
static const char *quote(struct word w, char buf[QUOTE_MAX + 4])
{
    size_t n = w.len < QUOTE_MAX ? w.len : QUOTE_MAX;

    for (size_t i = 0; i < n; i++)
        buf[i] = w.s[i] >= 0x20 && w.s[i] < 0x7f ? w.s[i] : '?';
    memcpy(buf + n, n < w.len ? "..." : "", n < w.len ? 4 : 1);
    return buf;
}

/* ---- one option: its value to the field */

static bool parse_weight(struct word v, const struct mir_zone *zone, struct mir_chain_options *o)
{
    double w;

    (void)zone;
    if (mir_parse_f64(v.s, v.len, &w) != 0 || !(w >= 0 && w <= WEIGHT_MAX))
        return false;
    o->weight = w + 0.0; /* -0 becomes 0 */
    return true;
}

static bool parse_links(struct word v, const struct mir_zone *zone, struct mir_chain_options *o)
{
    int64_t links;

    (void)zone;
    if (mir_parse_i64(v.s, v.len, &links) != 0 || links < 1 || links > MIR_MAX_LINKS)
        return false;
    o->links = (int32_t)links;
    return true;
}

static bool parse_until(struct word v, const struct mir_zone *zone, struct mir_chain_options *o)
{
    int64_t at;

    if (mir_parse_time(v.s, v.len, zone, &at) != 0 || at < 1 || at > until_max)
        return false;
    o->until = at;
    return true;
}

/*
 * With its unit, or in one of Slurm's forms.  A bare number is minutes to
 * sbatch and seconds to others; whoever writes one is asked what it means.
 */
static bool is_clear_duration(struct word v)
{
    bool slurm = false;

    if (v.len > 0 && strchr("smhdw", v.s[v.len - 1]) != NULL)
        return true;
    for (size_t i = 0; i < v.len; i++) {
        if (v.s[i] == ':' || v.s[i] == '-')
            slurm = true;
        else if (v.s[i] < '0' || v.s[i] > '9')
            return false;
    }
    return slurm;
}

static bool parse_duration(struct word v, int64_t min_s, int32_t *out_s)
{
    int64_t s;

    if (!is_clear_duration(v) || mir_parse_duration(v.s, v.len, 1, &s) != 0 || s < min_s ||
        s > YEAR_S)
        return false;
    *out_s = (int32_t)s;
    return true;
}

static bool parse_lead_max(struct word v, const struct mir_zone *zone, struct mir_chain_options *o)
{
    (void)zone;
    return parse_duration(v, 1, &o->lead_max_s);
}

static bool parse_warmup(struct word v, const struct mir_zone *zone, struct mir_chain_options *o)
{
    (void)zone;
    return parse_duration(v, 0, &o->warmup_s);
}

/* Is one of the names between slashes ".."? */
static bool goes_up(struct word v)
{
    while (v.len > 0) {
        const char *slash = memchr(v.s, '/', v.len);
        size_t len = slash != NULL ? (size_t)(slash - v.s) : v.len;

        if (equals((struct word){v.s, len}, ".."))
            return true;
        v = skip(v, slash != NULL ? len + 1 : len);
    }
    return false;
}

static bool parse_stop_file(struct word v, const struct mir_zone *zone, struct mir_chain_options *o)
{
    (void)zone;
    if (v.len == 0 || v.len > MIR_STOP_FILE_MAX || v.s[0] == '/' || goes_up(v))
        return false;
    for (size_t i = 0; i < v.len; i++)
        if ((unsigned char)v.s[i] <= 0x20 || v.s[i] == 0x7f)
            return false;
    memcpy(o->stop_file, v.s, v.len);
    o->stop_file[v.len] = '\0';
    return true;
}

static bool is_policy_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_:=.+-", c) != NULL);
}

/* Options of a policy are parted by commas, as ours are; in here a plus stands for one. */
static bool parse_policy(struct word v, const struct mir_zone *zone, struct mir_chain_options *o)
{
    (void)zone;
    if (v.len == 0 || v.len > MIR_POLICY_SPEC_MAX)
        return false;
    for (size_t i = 0; i < v.len; i++)
        if (!is_policy_char(v.s[i]))
            return false;
    for (size_t i = 0; i < v.len; i++)
        o->policy[i] = v.s[i];
    for (size_t i = 0; i < v.len; i++)
        if (o->policy[i] == '+')
            o->policy[i] = ',';
    o->policy[v.len] = '\0';
    return true;
}

static bool parse_done(struct word v, const struct mir_zone *zone, struct mir_chain_options *o)
{
    (void)zone;
    o->done_on_success = equals(v, "exit0");
    return o->done_on_success || equals(v, "never");
}

static const struct option {
    const char *key;
    enum mir_comment_key bit;
    bool (*parse)(struct word v, const struct mir_zone *zone, struct mir_chain_options *o);
    const char *expected;
} options[] = {
    {"w", MIR_OPT_WEIGHT, parse_weight, "a number from 0 to 1000"},
    {"links", MIR_OPT_LINKS, parse_links, "a whole number from 1 to 100000"},
    {"until", MIR_OPT_UNTIL, parse_until, "a time such as 2027-01-01 or 2027-01-01T12:00"},
    {"lead_max", MIR_OPT_LEAD_MAX, parse_lead_max, "a duration with its unit, such as 24h"},
    {"warmup", MIR_OPT_WARMUP, parse_warmup, "a duration with its unit, such as 15m"},
    {"stop_file", MIR_OPT_STOP_FILE, parse_stop_file,
     "a file below the job's working directory, without blanks and '..'"},
    {"policy", MIR_OPT_POLICY, parse_policy,
     "a policy's name and options, such as lead:hours=6 (a-z 0-9 _ : = . + -)"},
    {"done", MIR_OPT_DONE, parse_done, "exit0 or never"},
};

enum { N_OPTIONS = sizeof(options) / sizeof(options[0]) };

static int parse_option(struct word item,
                        const struct mir_zone *zone,
                        struct mir_chain_options *o,
                        struct mir_error *err)
{
    const char *sign = item.len > 0 ? memchr(item.s, '=', item.len) : NULL;
    struct word key = {item.s, sign != NULL ? (size_t)(sign - item.s) : item.len};
    const struct option *option = NULL;
    char shown[QUOTE_MAX + 4];

    for (size_t i = 0; i < N_OPTIONS; i++)
        if (equals(key, options[i].key))
            option = &options[i];
    if (option == NULL)
        return mir_error_set(err, -EINVAL, "unknown option '%s'; known: " KNOWN_KEYS,
                             quote(key, shown));
    if ((o->given & option->bit) != 0)
        return mir_error_set(err, -EINVAL, "%s is given twice", option->key);
    if (sign == NULL)
        return mir_error_set(err, -EINVAL, "%s: expected %s", option->key, option->expected);
    if (!option->parse(skip(item, key.len + 1), zone, o))
        return mir_error_set(err, -EINVAL, "%s: expected %s, not '%s'", option->key,
                             option->expected, quote(skip(item, key.len + 1), shown));
    o->given |= option->bit;
    return 0;
}

static int parse_options(struct word text,
                         const struct mir_zone *zone,
                         struct mir_chain_options *out,
                         struct mir_error *err)
{
    struct mir_chain_options o = {0};
    bool more = text.len > 0;

    while (more) {
        const char *comma = memchr(text.s, ',', text.len);
        size_t len = comma != NULL ? (size_t)(comma - text.s) : text.len;
        int rc = parse_option((struct word){text.s, len}, zone, &o, err);

        if (rc != 0)
            return rc;
        more = comma != NULL;
        text = skip(text, more ? len + 1 : len);
    }
    *out = o;
    return 0;
}

int mir_chain_options_parse(const char *text,
                            const struct mir_zone *zone,
                            struct mir_chain_options *out,
                            struct mir_error *err)
{
    return parse_options((struct word){text, strlen(text)}, zone, out, err);
}

/* ---- and back */

/* As short as can be, and still the same number when it is read again. */
static void format_weight(double w, struct mir_str *out)
{
    char text[40];
    double again = -1;

    for (int digits = 15; digits <= 17 && !(again >= w && again <= w); digits++) {
        int len = snprintf(text, sizeof text, "%.*g", digits, w);

        for (int i = 0; i < len; i++)
            if (text[i] == ',') /* the decimal point of some locales */
                text[i] = '.';
        (void)mir_parse_f64(text, (size_t)len, &again);
    }
    mir_str_addf(out, "w=%s", text);
}

static void format_duration(const char *key, int32_t s, struct mir_str *out)
{
    if (s > 0 && s % 3600 == 0)
        mir_str_addf(out, "%s=%" PRId32 "h", key, s / 3600);
    else if (s > 0 && s % 60 == 0)
        mir_str_addf(out, "%s=%" PRId32 "m", key, s / 60);
    else
        mir_str_addf(out, "%s=%" PRId32 "s", key, s);
}

static void format_policy(const char *spec, struct mir_str *out)
{
    mir_str_add(out, "policy=");
    for (; *spec != '\0'; spec++)
        mir_str_add_n(out, *spec == ',' ? "+" : spec, 1);
}

static void
format_option(const struct mir_chain_options *o, enum mir_comment_key bit, struct mir_str *out)
{
    char text[32];

    switch (bit) {
    case MIR_OPT_WEIGHT:
        format_weight(o->weight, out);
        break;
    case MIR_OPT_LINKS:
        mir_str_addf(out, "links=%" PRId32, o->links);
        break;
    case MIR_OPT_UNTIL:
        mir_str_addf(out, "until=%sZ", mir_format_time(o->until, text));
        break;
    case MIR_OPT_LEAD_MAX:
        format_duration("lead_max", o->lead_max_s, out);
        break;
    case MIR_OPT_WARMUP:
        format_duration("warmup", o->warmup_s, out);
        break;
    case MIR_OPT_STOP_FILE:
        mir_str_addf(out, "stop_file=%s", o->stop_file);
        break;
    case MIR_OPT_POLICY:
        format_policy(o->policy, out);
        break;
    case MIR_OPT_DONE:
        mir_str_add(out, o->done_on_success ? "done=exit0" : "done=never");
        break;
    }
}

void mir_chain_options_format(const struct mir_chain_options *o, struct mir_str *out)
{
    const char *comma = "";

    mir_str_add(out, "");
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if ((o->given & options[i].bit) == 0)
            continue;
        mir_str_add(out, comma);
        format_option(o, options[i].bit, out);
        comma = ",";
    }
}

/* ---- the opt-in */

int mir_comment_opt_in(const char *comment,
                       const struct mir_zone *zone,
                       struct mir_chain_options *out,
                       struct mir_error *err)
{
    struct word found = {0};
    struct mir_chain_options o;
    struct word w;
    int rc;

    if (comment == NULL)
        return 0;
    for (w = next_word(comment); w.len > 0; w = next_word(w.s + w.len)) {
        if (!equals(w, "mirage") && !starts_with(w, "mirage:"))
            continue;
        if (found.len > 0)
            return mir_error_set(err, -EINVAL, "the comment asks for a chain twice");
        found = w;
    }
    if (found.len == 0)
        return 0;
    rc = parse_options(skip(found, strlen(equals(found, "mirage") ? "mirage" : "mirage:")), zone,
                       &o, err);
    if (rc != 0)
        return rc;
    *out = o;
    return 1;
}

/* ---- the tag */

static bool is_tag(struct word w)
{
    return starts_with(w, "mirage=");
}

static bool is_chain_id(struct word w)
{
    for (size_t i = 0; i < w.len; i++)
        if (!(w.s[i] >= 'a' && w.s[i] <= 'z') && !(w.s[i] >= '2' && w.s[i] <= '7'))
            return false;
    return w.len == MIR_CHAIN_ID_LEN;
}

static bool is_token(struct word w)
{
    for (size_t i = 0; i < w.len; i++)
        if (!(w.s[i] >= '0' && w.s[i] <= '9') && !(w.s[i] >= 'a' && w.s[i] <= 'f'))
            return false;
    return w.len == MIR_TOKEN_LEN;
}

/* As we write it and no other way: no sign, no leading zero. */
static bool parse_link(struct word w, int32_t *out)
{
    int64_t link;

    if (w.len == 0 || w.s[0] < '1' || w.s[0] > '9' || mir_parse_i64(w.s, w.len, &link) != 0 ||
        link > INT32_MAX)
        return false;
    *out = (int32_t)link;
    return true;
}

/* What stands before the dot, and the rest behind it; false without a dot. */
static bool cut_at_dot(struct word *rest, struct word *piece)
{
    const char *dot = memchr(rest->s, '.', rest->len);

    if (dot == NULL)
        return false;
    *piece = (struct word){rest->s, (size_t)(dot - rest->s)};
    *rest = skip(*rest, piece->len + 1);
    return true;
}

static bool parse_tag(struct word w, struct mir_tag *out)
{
    struct word rest = skip(w, strlen("mirage="));
    struct word chain, link;
    struct mir_tag tag = {.chain = ""};

    if (!cut_at_dot(&rest, &chain) || !cut_at_dot(&rest, &link) || !is_chain_id(chain) ||
        !is_token(rest) || !parse_link(link, &tag.link))
        return false;
    memcpy(tag.chain, chain.s, chain.len);
    memcpy(tag.token, rest.s, rest.len);
    *out = tag;
    return true;
}

bool mir_comment_tag(const char *comment, struct mir_tag *out)
{
    struct mir_tag tag;
    unsigned n = 0;

    if (comment == NULL)
        return false;
    for (struct word w = next_word(comment); w.len > 0; w = next_word(w.s + w.len)) {
        if (!is_tag(w))
            continue;
        if (n++ > 0 || !parse_tag(w, &tag))
            return false;
    }
    if (n > 0)
        *out = tag;
    return n > 0;
}

/*
 * All words of the tag's form go, malformed ones too, as the new tag must be the
 * only one; each takes one blank with it, the one that we have put before it.
 */
static void add_without_tags(const char *comment, struct mir_str *out)
{
    const char *from = comment; /* not yet copied */
    size_t begin_len = out->len;

    for (struct word w = next_word(comment); w.len > 0; w = next_word(w.s + w.len)) {
        if (!is_tag(w))
            continue;
        mir_str_add_n(out, from, (size_t)(w.s - from));
        from = w.s + w.len;
        if (out->len > begin_len)
            out->text[--out->len] = '\0';
        else if (is_blank(*from))
            from++;
    }
    mir_str_add(out, from);
}

void mir_comment_retag(const char *comment, const struct mir_tag *tag, struct mir_str *out)
{
    size_t begin_len = out->len;

    if (comment != NULL)
        add_without_tags(comment, out);
    mir_str_addf(out, "%smirage=%s.%" PRId32 ".%s", out->len > begin_len ? " " : "", tag->chain,
                 tag->link, tag->token);
}
