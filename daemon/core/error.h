/*
 * error.h - how a failure is told: a negative errno for the caller, one
 * sentence for people.  Any thread; a struct mir_error belongs to one call.
 */
#ifndef MIR_CORE_ERROR_H
#define MIR_CORE_ERROR_H

/* Text of the last failure; empty until mir_error_set() is called on it. */
struct mir_error {
    char text[512];
};

/*
 * Write `fmt` into `err` (may be NULL; cut at the buffer's end) and return
 * `rc`, so that a failing path is one statement:
 *     return mir_error_set(err, -EINVAL, "%s:%zu: ...", path, line);
 */
int mir_error_set(struct mir_error *err, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
