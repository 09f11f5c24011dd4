/*
 * log_cut.h - a log as it was at one instant: what happened later is taken out of
 * memory, so that nothing that learns from the log can see it.
 */
#ifndef MIR_TRAIN_LOG_CUT_H
#define MIR_TRAIN_LOG_CUT_H

#include <stdint.h>

#include "daemon/host/joblog.h"

/*
 * Forget what was not known at `at`: jobs submitted then or later are removed; one
 * that had not started loses its start and its run time, one that still ran loses
 * its end.  What takes its place is the limit, and where there is none, for a
 * running job the time that it had run, which says no more.  Jobs of a log that
 * gives no waits keep their run times: their starts are up to a simulator.
 */
void mir_joblog_forget_after(struct mir_joblog *log, int64_t at);

#endif
