/*
 * banned.h - calls that this code does not make; the build includes it before
 * everything else.  Time and randomness are handed in (clock.h, rng.h), text is
 * bounded (str.h, snprintf) and checked (parse.h).  The words are poisoned for
 * the rest of the translation unit, so what mentions them comes first.
 */
#ifndef MIR_CORE_BANNED_H
#define MIR_CORE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

/*
 * A library's header may use one of these words as a field's name (slurmdb.h does);
 * whoever needs that header names it here, in quotes, and only its own files are built so.
 */
#ifdef MIR_BEFORE_BANNED
#include MIR_BEFORE_BANNED
#endif

#pragma GCC poison time rand srand strcpy strcat sprintf vsprintf
#pragma GCC poison atoi atol atoll atof strtok localtime gmtime

#endif
