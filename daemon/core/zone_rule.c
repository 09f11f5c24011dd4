/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_rule.c - POSIX TZ rules, with the extensions of RFC 8536 (hours of -167 to 167). */
#include "daemon/core/zone_rule.h"

#include <errno.h>

#include "daemon/core/civil.h"

/* What is left to parse. */
struct text {
    const char *s;
    const char *end;
};

static bool take(struct text *t, char c)
{
    if (t->s == t->end || *t->s != c)
        return false;
    t->s++;
    return true;
}

static bool take_number(struct text *t, int min, int max, int *out)
{
    const char *begin = t->s;
    int value = 0;

    for (; t->s < t->end && *t->s >= '0' && *t->s <= '9' && t->s - begin < 4; t->s++)
        value = value * 10 + (*t->s - '0');
    *out = value;
    return t->s > begin && value >= min && value <= max;
}

/* "CST" or "<+03>": three characters at least, which nobody needs here. */
static bool skip_name(struct text *t)
{
    const char *begin = t->s;

    if (take(t, '<')) {
        while (t->s < t->end && *t->s != '>')
            t->s++;
        return take(t, '>');
    }
    while (t->s < t->end && ((*t->s >= 'A' && *t->s <= 'Z') || (*t->s >= 'a' && *t->s <= 'z')))
        t->s++;
    return t->s - begin >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_clock(struct text *t, int32_t *out)
{
    bool negative = take(t, '-');
    int hour, minute = 0, second = 0;

    if (!negative)
        (void)take(t, '+');
    if (!take_number(t, 0, 167, &hour))
        return false;
    if (take(t, ':') && !take_number(t, 0, 59, &minute))
        return false;
    if (take(t, ':') && !take_number(t, 0, 59, &second))
        return false;
    *out = (hour * 60 + minute) * 60 + second;
    if (negative)
        *out = -*out;
    return true;
}

/* POSIX counts west of Greenwich as positive. */
static bool take_offset(struct text *t, int32_t *east_s)
{
    int32_t west_s;

    if (!take_clock(t, &west_s) || west_s > 25 * 3600 || west_s < -25 * 3600)
        return false;
    *east_s = -west_s;
    return true;
}

static bool take_change(struct text *t, struct mir_zone_change *out)
{
    out->second = 2 * 3600;
    if (!take(t, ','))
        return false;
    if (take(t, 'M')) {
        out->kind = MIR_ZONE_DAY_MONTH;
        if (!take_number(t, 1, 12, &out->month) || !take(t, '.') ||
            !take_number(t, 1, 5, &out->week) || !take(t, '.') || !take_number(t, 0, 6, &out->day))
            return false;
    } else if (take(t, 'J')) {
        out->kind = MIR_ZONE_DAY_NO_LEAP;
        if (!take_number(t, 1, 365, &out->day))
            return false;
    } else {
        out->kind = MIR_ZONE_DAY_ZERO_BASED;
        if (!take_number(t, 0, 365, &out->day))
            return false;
    }
    return !take(t, '/') || take_clock(t, &out->second);
}

int mir_zone_rule_parse(const char *s, size_t len, struct mir_zone_rule *out)
{
    struct text t = {s, s + len};
    struct mir_zone_rule rule = {0};

    if (!skip_name(&t) || !take_offset(&t, &rule.standard_s))
        return -EINVAL;
    if (t.s < t.end) {
        rule.has_summer = true;
        rule.summer_s = rule.standard_s + 3600;
        if (!skip_name(&t) || (t.s < t.end && *t.s != ',' && !take_offset(&t, &rule.summer_s)) ||
            !take_change(&t, &rule.begin) || !take_change(&t, &rule.end) || t.s != t.end)
            return -EINVAL;
    }
    *out = rule;
    return 0;
}

static int64_t change_day(const struct mir_zone_change *change, int64_t year)
{
    int64_t first = mir_civil_to_days((struct mir_civil){year, 1, 1});
    int day;

    if (change->kind == MIR_ZONE_DAY_ZERO_BASED)
        return first + change->day;
    if (change->kind == MIR_ZONE_DAY_NO_LEAP)
        return first + change->day - 1 + (change->day >= 60 && mir_civil_is_leap(year));
    first = mir_civil_to_days((struct mir_civil){year, change->month, 1});
    day = (change->day - mir_civil_weekday(first) + 7) % 7 + 7 * (change->week - 1);
    while (day >= mir_civil_month_days(year, change->month))
        day -= 7;
    return first + day;
}

int32_t mir_zone_rule_offset_at(const struct mir_zone_rule *rule, int64_t at)
{
    int64_t begin_at, end_at, year;
    int32_t second;
    bool summer;

    if (!rule->has_summer)
        return rule->standard_s;
    year = mir_civil_from_days(mir_civil_split(at + rule->standard_s, &second)).year;
    begin_at = change_day(&rule->begin, year) * MIR_DAY_S + rule->begin.second - rule->standard_s;
    end_at = change_day(&rule->end, year) * MIR_DAY_S + rule->end.second - rule->summer_s;
    if (begin_at < end_at)
        summer = at >= begin_at && at < end_at;
    else /* south of the equator summer spans the new year */
        summer = at >= begin_at || at < end_at;
    return summer ? rule->summer_s : rule->standard_s;
}
