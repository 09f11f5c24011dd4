/* SPDX-License-Identifier: GPL-3.0-or-later */
/* states.c - job states by name. */
#include "traces/stats/states.h"

#include "daemon/host/job.h"

const char *mir_stats_state_name(int state)
{
    switch (state) {
    case MIR_STATE_PENDING:
        return "PENDING";
    case MIR_STATE_RUNNING:
        return "RUNNING";
    case MIR_STATE_COMPLETED:
        return "COMPLETED";
    case MIR_STATE_CANCELLED:
        return "CANCELLED";
    case MIR_STATE_FAILED:
        return "FAILED";
    case MIR_STATE_TIMEOUT:
        return "TIMEOUT";
    case MIR_STATE_NODE_FAIL:
        return "NODE_FAIL";
    case MIR_STATE_PREEMPTED:
        return "PREEMPTED";
    case MIR_STATE_OUT_OF_MEMORY:
        return "OUT_OF_MEMORY";
    case MIR_STATE_OTHER:
        return "OTHER";
    default:
        return "UNKNOWN";
    }
}
