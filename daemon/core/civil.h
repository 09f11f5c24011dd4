/*
 * civil.h - days and calendar dates, in the proleptic Gregorian calendar.
 * Without localtime() and friends: no zone files, no locks.  Any thread.
 */
#ifndef MIR_CORE_CIVIL_H
#define MIR_CORE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

enum { MIR_DAY_S = 86400 };

struct mir_civil {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

/* Days since 1970-01-01; `date` must be a valid one (day 0 is not checked). */
int64_t mir_civil_to_days(struct mir_civil date);

struct mir_civil mir_civil_from_days(int64_t days);

/* `at` split into whole days since the epoch (rounded down) and seconds of that day. */
int64_t mir_civil_split(int64_t at, int32_t *second_of_day);

/* 0 is Sunday. */
int mir_civil_weekday(int64_t days);

bool mir_civil_is_leap(int64_t year);

/* Days of `month` (1 to 12). */
int mir_civil_month_days(int64_t year, int month);

#endif
