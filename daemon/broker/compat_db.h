/*
 * compat_db.h - libslurm's accounting calls, for the few files that make them.
 *
 * slurmdb.h has a field called `time`, a word that daemon/core/banned.h poisons, and
 * what is poisoned stays so.  So a file that includes this is built with
 * -DMIR_BEFORE_BANNED='"daemon/broker/compat_db.h"'.
 */
#ifndef MIR_BROKER_COMPAT_DB_H
#define MIR_BROKER_COMPAT_DB_H

#include "daemon/broker/compat.h"

/* Without that flag the header says nothing, so that it still compiles on its own. */
#ifdef MIR_BEFORE_BANNED
#include <slurm/slurmdb.h>
#endif

#endif
