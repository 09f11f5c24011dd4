/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parse_time.c - text to times and back (ISO 8601 as job logs write it). */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "daemon/core/civil.h"
#include "daemon/core/parse.h"
#include "daemon/core/zone.h"

/* What is left to parse. */
struct text {
    const char *s;
    size_t len;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take(struct text *t, char c)
{
    if (t->len == 0 || *t->s != c)
        return false;
    t->s++;
    t->len--;
    return true;
}

/* Exactly `n` digits that make a number from min to max. */
static bool take_digits(struct text *t, size_t n, int min, int max, int *out)
{
    int value = 0;

    if (t->len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(t->s[i]))
            return false;
        value = value * 10 + (t->s[i] - '0');
    }
    t->s += n;
    t->len -= n;
    *out = value;
    return value >= min && value <= max;
}

static bool take_date(struct text *t, int64_t *at)
{
    struct mir_civil date;
    int year;

    if (!take_digits(t, 4, 0, 9999, &year) || !take(t, '-') ||
        !take_digits(t, 2, 1, 12, &date.month) || !take(t, '-') ||
        !take_digits(t, 2, 1, 31, &date.day) || date.day > mir_civil_month_days(year, date.month))
        return false;
    date.year = year;
    *at = mir_civil_to_days(date) * MIR_DAY_S;
    return true;
}

/* HH:MM[:SS[.fff]]; 60 is a leap second, which counts into the next minute as in POSIX. */
static bool take_time_of_day(struct text *t, int64_t *at)
{
    int hour, minute, second = 0;

    if (!take_digits(t, 2, 0, 23, &hour) || !take(t, ':') || !take_digits(t, 2, 0, 59, &minute))
        return false;
    if (take(t, ':')) {
        if (!take_digits(t, 2, 0, 60, &second))
            return false;
        if (take(t, '.')) {
            if (t->len == 0 || !is_digit(*t->s))
                return false;
            while (t->len > 0 && is_digit(*t->s))
                (void)take(t, *t->s);
        }
    }
    *at += (hour * 60 + minute) * 60 + second;
    return true;
}

/* Z, +HH:MM, +HHMM or +HH, to the end of the text. */
static bool take_offset(struct text *t, int64_t *east_s)
{
    bool negative = t->len > 0 && *t->s == '-';
    int hour, minute = 0;

    *east_s = 0;
    if (take(t, 'Z'))
        return t->len == 0;
    if ((!take(t, '+') && !take(t, '-')) || !take_digits(t, 2, 0, 23, &hour))
        return false;
    if (t->len > 0) {
        (void)take(t, ':');
        if (!take_digits(t, 2, 0, 59, &minute))
            return false;
    }
    *east_s = (hour * 60 + minute) * 60;
    if (negative)
        *east_s = -*east_s;
    return t->len == 0;
}

/* "@SECONDS", or nine digits or more: since 1973, and no date looks like that. */
static bool is_epoch(const char *s, size_t len)
{
    if (len > 0 && s[0] == '@')
        return true;
    for (size_t i = 0; i < len; i++)
        if (!is_digit(s[i]))
            return false;
    return len >= 9;
}

int mir_parse_time(const char *s, size_t len, const struct mir_zone *zone, int64_t *out)
{
    struct text t = {s, len};
    int64_t east_s;
    int64_t at;

    if (is_epoch(s, len))
        return s[0] == '@' ? mir_parse_i64(s + 1, len - 1, out) : mir_parse_i64(s, len, out);
    if (!take_date(&t, &at))
        return -EINVAL;
    if (take(&t, 'T') || take(&t, ' ')) {
        if (!take_time_of_day(&t, &at))
            return -EINVAL;
        if (t.len > 0) {
            if (!take_offset(&t, &east_s))
                return -EINVAL;
            *out = at - east_s;
            return 0;
        }
    }
    if (t.len > 0)
        return -EINVAL;
    *out = zone != NULL ? mir_zone_to_utc(zone, at) : at;
    return 0;
}

char *mir_format_time(int64_t at, char buf[32])
{
    int32_t second;
    struct mir_civil date = mir_civil_from_days(mir_civil_split(at, &second));

    (void)snprintf(buf, 32, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", date.year, date.month,
                   date.day, second / 3600, second / 60 % 60, second % 60);
    return buf;
}
