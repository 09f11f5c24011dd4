/*
 * compat.h - libslurm 22.05 to 26.05 under one set of names.  The only place that
 * tests Slurm's version; include it instead of <slurm/...>, or compat_db.h where
 * accounting is asked.
 *
 *     22.05          List, ListIterator, hostlist_t are pointers; CTL_CONF_*
 *     from 23.11     list_t *, list_itr_t *, hostlist_t *; CONF_FLAG_*
 *     from 26.05     a job is named by a slurm_step_id_t, passed by value, where it
 *                    was a uint32_t before; so it is in the answer to a submission
 *
 * The last change was seen in 26.05.5 and not in 24.11.5.  Where a release between
 * them has it too, build with -DMIR_SLURM_STEP_IDS=1.
 *
 * job_info.job_id is filled by all of these releases.  What libslurm exports and does
 * not declare (slurm_job_state_string, slurm_job_reason_string) is gone from some:
 * names of states and reasons are our own, in records.h and reasons.h.
 */
#ifndef MIR_BROKER_COMPAT_H
#define MIR_BROKER_COMPAT_H

#include <stdint.h>
#include <sys/types.h>

#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>

#if SLURM_VERSION_NUMBER < SLURM_VERSION_NUM(22, 5, 0)
#error "libslurm 22.05 or later is needed"
#endif

#ifndef MIR_SLURM_STEP_IDS
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
#define MIR_SLURM_STEP_IDS 1
#else
#define MIR_SLURM_STEP_IDS 0
#endif
#endif

/* Lists and host lists, as libslurm hands them out. */
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(23, 11, 0)
typedef list_t *mir_slurm_list;
typedef list_itr_t *mir_slurm_list_iterator;
typedef hostlist_t *mir_slurm_hostlist;
#else
typedef List mir_slurm_list;
typedef ListIterator mir_slurm_list_iterator;
typedef hostlist_t mir_slurm_hostlist;
#endif

/* "The queue is full", until 26.05, where the word is gone. */
#if MIR_SLURM_STEP_IDS
#define MIR_ESLURM_QUEUE_FULL EAGAIN
#else
#define MIR_ESLURM_QUEUE_FULL ESLURM_ERROR_ON_DESC_TO_RECORD_COPY
#endif

/* What a call that names one job takes: slurm_load_job(&msg, JOBID_ARG(id), flags). */
#if MIR_SLURM_STEP_IDS
static inline slurm_step_id_t mir_slurm_job(uint32_t id)
{
    slurm_step_id_t step = SLURM_STEP_ID_INITIALIZER;

    step.job_id = id;
    return step;
}
#define JOBID_ARG(id) mir_slurm_job(id)
#else
#define JOBID_ARG(id) ((uint32_t)(id))
#endif

/* The job id in a submit_response_msg_t. */
#if MIR_SLURM_STEP_IDS
#define SUBMIT_JOBID(response) ((response)->step_id.job_id)
#else
#define SUBMIT_JOBID(response) ((response)->job_id)
#endif

/* What slurm_load_ctl_conf() gives is freed under another name from 26.05 on. */
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
#define slurm_free_ctl_conf slurm_free_conf
#endif

/* AccountingStoreFlags in slurm_conf_t.conf_flags; the bits are the same in all releases. */
#ifdef CONF_FLAG_SJC
#define MIR_CONF_STORES_COMMENT CONF_FLAG_SJC
#define MIR_CONF_STORES_SCRIPT CONF_FLAG_SJS
#define MIR_CONF_STORES_ENVIRONMENT CONF_FLAG_SJE
#else
#define MIR_CONF_STORES_COMMENT CTL_CONF_SJC
#define MIR_CONF_STORES_SCRIPT CTL_CONF_SJS
#define MIR_CONF_STORES_ENVIRONMENT CTL_CONF_SJE
#endif

#endif
