/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parse.c - text to numbers and durations. */
#include "daemon/core/parse.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer numbers than this do not occur; they are refused, not cut. */
enum { NUMBER_LEN_MAX = 400 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int mir_parse_i64(const char *s, size_t len, int64_t *out)
{
    bool negative = len > 0 && s[0] == '-';
    size_t i = len > 0 && (s[0] == '-' || s[0] == '+');
    int64_t value = 0;
    bool fits = true;

    if (i == len)
        return -EINVAL;
    for (; i < len; i++) {
        int64_t digit = s[i] - '0';

        if (!is_digit(s[i]))
            return -EINVAL;
        /* Counted down: the negative numbers are one more. */
        fits = fits && !__builtin_mul_overflow(value, 10, &value) &&
               !__builtin_sub_overflow(value, digit, &value);
    }
    if (!fits || (!negative && value == INT64_MIN))
        return -ERANGE;
    *out = negative ? value : -value;
    return 0;
}

/* A decimal number taken apart: digits * 10^exponent. */
struct decimal {
    uint64_t digits;
    int64_t exponent;
    bool exact; /* no digit was left out of `digits` */
    bool negative;
};

/* [+-]digits[.digits]; returns where it ends, or 0 when there is no digit. */
static size_t scan_mantissa(const char *s, size_t len, struct decimal *d)
{
    size_t i = len > 0 && (s[0] == '-' || s[0] == '+');
    size_t n_digits = 0;
    bool fraction = false;

    d->negative = len > 0 && s[0] == '-';
    d->exact = true;
    for (; i < len; i++) {
        if (s[i] == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (!is_digit(s[i]))
            break;
        n_digits++;
        if (d->digits > (UINT64_MAX - 9) / 10) {
            d->exact = false;
            continue;
        }
        d->digits = d->digits * 10 + (uint64_t)(s[i] - '0');
        d->exponent -= fraction;
    }
    return n_digits > 0 ? i : 0;
}

static bool scan_exponent(const char *s, size_t len, struct decimal *d)
{
    int64_t exponent;

    if (len < 2 || (s[0] != 'e' && s[0] != 'E') || mir_parse_i64(s + 1, len - 1, &exponent) != 0)
        return false;
    if (exponent > 100000 || exponent < -100000)
        d->exact = false;
    else
        d->exponent += exponent;
    return true;
}

static locale_t c_locale;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* The general case: correctly rounded by the C library, with the point a point. */
static int convert_slowly(const char *s, size_t len, double *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char copy[NUMBER_LEN_MAX + 1];
    double value;

    if (len > NUMBER_LEN_MAX)
        return -ERANGE;
    memcpy(copy, s, len);
    copy[len] = '\0';
    (void)pthread_once(&once, make_c_locale);
    value = strtod_l(copy, NULL, c_locale);
    if (!isfinite(value))
        return -ERANGE;
    *out = value; /* too small to be told from zero is zero */
    return 0;
}

int mir_parse_f64(const char *s, size_t len, double *out)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct decimal d = {0};
    size_t end = scan_mantissa(s, len, &d);
    double value;

    if (end == 0 || (end < len && !scan_exponent(s + end, len - end, &d)))
        return -EINVAL;
    /* Clinger 1990: both factors exact in a double, so one rounding and the right one. */
    if (!d.exact || d.digits > (1ull << 53) || d.exponent > 22 || d.exponent < -22)
        return convert_slowly(s, len, out);
    value = (double)d.digits;
    value = d.exponent < 0 ? value / power[-d.exponent] : value * power[d.exponent];
    *out = d.negative ? -value : value;
    return 0;
}

/* Up to three numbers between colons: as many as there are, or -EINVAL, -ERANGE. */
static int split_colons(const char *s, size_t len, int64_t part[3])
{
    int n = 0;

    for (;;) {
        const char *colon = memchr(s, ':', len);
        size_t part_len = colon != NULL ? (size_t)(colon - s) : len;
        int rc;

        if (n == 3 || part_len == 0 || !is_digit(s[0]))
            return -EINVAL;
        rc = mir_parse_i64(s, part_len, &part[n++]);
        if (rc != 0)
            return rc;
        if (colon == NULL)
            return n;
        s = colon + 1;
        len -= part_len + 1;
    }
}

static bool add_scaled(int64_t *sum, int64_t n, int64_t scale)
{
    return !__builtin_mul_overflow(n, scale, &n) && !__builtin_add_overflow(*sum, n, sum);
}

/*
 * Slurm's forms.  Like Slurm's own time_str2secs(), fields are not held to 59
 * or 23: "0:90:00" is an hour and a half, and stands in real slurm.conf files.
 */
static int parse_slurm_duration(const char *s, size_t len, int64_t *out_s)
{
    const char *dash = memchr(s, '-', len);
    int64_t part[3] = {0};
    int64_t days = 0;
    int64_t sum = 0;
    int n, rc;

    if (dash != NULL) {
        size_t days_len = (size_t)(dash - s);

        if (days_len == 0 || !is_digit(s[0]))
            return -EINVAL;
        rc = mir_parse_i64(s, days_len, &days);
        if (rc != 0)
            return rc;
        s = dash + 1;
        len -= days_len + 1;
    }
    n = split_colons(s, len, part);
    if (n < 0)
        return n;
    if (dash == NULL && n == 2) { /* minutes:seconds; after days it is hours:minutes */
        part[2] = part[1];
        part[1] = part[0];
        part[0] = 0;
    }
    if (!add_scaled(&sum, days, 86400) || !add_scaled(&sum, part[0], 3600) ||
        !add_scaled(&sum, part[1], 60) || !add_scaled(&sum, part[2], 1))
        return -ERANGE;
    *out_s = sum;
    return 0;
}

/* Seconds in a unit's letter, or 0. */
static int64_t unit_seconds(char c)
{
    switch (c) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 604800;
    default:
        return 0;
    }
}

int mir_parse_duration(const char *s, size_t len, int64_t unit_s, int64_t *out_s)
{
    int64_t whole, unit;
    double value;
    int rc;

    if (len == 0 || s[0] == '-' || s[0] == '+')
        return -EINVAL;
    if (memchr(s, ':', len) != NULL)
        return parse_slurm_duration(s, len, out_s);
    unit = unit_seconds(s[len - 1]);
    if (unit != 0) {
        unit_s = unit;
        len--;
    }
    rc = mir_parse_i64(s, len, &whole);
    if (rc == 0) {
        if (__builtin_mul_overflow(whole, unit_s, &whole))
            return -ERANGE;
        *out_s = whole;
        return 0;
    }
    rc = mir_parse_f64(s, len, &value);
    if (rc != 0) /* "1-12", but neither "1e-3" nor "1-12h" */
        return unit == 0 && rc == -EINVAL ? parse_slurm_duration(s, len, out_s) : rc;
    value = nearbyint(value * (double)unit_s);
    if (value >= 0x1p63)
        return -ERANGE;
    *out_s = (int64_t)value;
    return 0;
}

char *mir_format_duration(int64_t s, char buf[32])
{
    double x = s < 0 ? -(double)s : (double)s;
    const char *sign = s < 0 ? "-" : "";

    if (x < 60)
        (void)snprintf(buf, 32, "%s%.0f s", sign, x);
    else if (x < 3570) /* 59.5 min on would read "60 min" */
        (void)snprintf(buf, 32, "%s%.0f min", sign, x / 60);
    else if (x < 48 * 3600)
        (void)snprintf(buf, 32, "%s%.1f h", sign, x / 3600);
    else
        (void)snprintf(buf, 32, "%s%.1f d", sign, x / 86400);
    return buf;
}
