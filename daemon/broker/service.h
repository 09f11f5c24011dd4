/*
 * service.h - what the two halves of the server (reading.h, acting.h) share: the
 * settings, the daemon's connection, and the sentences that the server itself
 * says.  One thread.
 */
#ifndef MIR_BROKER_SERVICE_H
#define MIR_BROKER_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/broker.h"
#include "daemon/broker/peer.h"
#include "daemon/broker/question.h"

/* Syslog's priorities. */
enum mir_broker_priority {
    MIR_BROKER_ERROR = 3,
    MIR_BROKER_WARNING = 4,
    MIR_BROKER_NOTICE = 5,
    MIR_BROKER_INFO = 6,
};

/* The children's entry points; broker.h names the real ones. */
struct mir_server_ops {
    int (*reader)(int fd, const struct mir_broker_settings *settings);
    int (*act)(int fd,
               const struct mir_wire_record *question,
               const struct mir_broker_settings *settings);
};

typedef void (*mir_broker_log_f)(void *arg, enum mir_broker_priority priority, const char *text);

struct mir_service {
    const struct mir_broker_settings *settings; /* may change between two looks */
    struct mir_server_ops ops;
    mir_broker_log_f log; /* NULL: nobody wants to know */
    void *log_arg;
    struct mir_peer peer;
    int message_timeout_s; /* as the last `cluster` record said */
    bool stopping;
    int64_t mono_ns; /* of this look */
};

/* How long one reading or act may take. */
int mir_service_deadline_s(const struct mir_service *s);

__attribute__((format(printf, 3, 4))) void
mir_service_log(struct mir_service *s, enum mir_broker_priority priority, const char *fmt, ...);

/* `failed` to whoever asked `q`; `ms`: how long Slurm was busy with it. */
void mir_service_fail(struct mir_service *s,
                      const struct mir_question *q,
                      enum mir_outcome outcome,
                      enum mir_refusal refusal,
                      const char *text,
                      int64_t ms);

#endif
