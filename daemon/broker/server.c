/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server.c - the broker's parent process. */
#include "daemon/broker/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/broker/acting.h"
#include "daemon/broker/notify.h"
#include "daemon/broker/reading.h"
#include "daemon/broker/spool.h"
#include "daemon/core/clock.h"

/* A child of its own for slurmdbd: while that hangs, slurmctld is still read. */
enum { READER_CTLD, READER_DBD, N_READERS };

enum {
    FD_SIGNAL,
    FD_LISTEN,
    FD_PEER,
    FD_READERS,
    FD_ACTS = FD_READERS + 2 * N_READERS,
    N_FDS = FD_ACTS + 2 * MIR_ACTS_MAX,
    ACCEPTS_A_LOOK = 8,
    READS_A_LOOK = 4,
    LINES_A_LOOK = 256,     /* each may cost a look through the spool */
    MESSAGE_TIMEOUT_S = 10, /* Slurm's default, until a reading tells */
};

struct server {
    struct mir_service service;
    struct mir_reading readings[N_READERS];
    struct mir_acting acting;
    struct mir_notify notify;
    const struct mir_server_options *options;
    int listen_fd, signal_fd;
    int64_t told_ns; /* when the watchdog was last told */
    bool has_more;   /* of the daemon's lines than were taken at this look */
    bool abandon;    /* a second signal to stop */
};

/* ---- the daemon's connection */

static void drop_peer(struct server *s, const char *bye, const char *why)
{
    if (s->service.peer.fd < 0)
        return;
    mir_service_log(&s->service, MIR_BROKER_WARNING, "connection closed: %s", why);
    mir_peer_detach(&s->service.peer, bye);
    s->has_more = false;
    for (int i = 0; i < N_READERS; i++)
        mir_reading_drop_queue(&s->readings[i]);
    mir_acting_drop_queue(&s->acting);
}

static void say_hello(struct server *s)
{
    struct mir_str line = {0};

    mir_wire_begin(&line, "hello");
    mir_wire_add_i64(&line, "version", MIR_WIRE_VERSION);
    mir_wire_add(&line, "program", MIR_VERSION);
    mir_wire_add(&line, "slurm", s->options->slurm_version);
    mir_wire_end(&line);
    mir_peer_send(&s->service.peer, s->service.peer.connection, line.text, line.len,
                  s->service.mono_ns);
    mir_str_release(&line);
}

/* Whoever may open the socket's file is told why he is not heard. */
static void turn_away(struct server *s, int fd, uid_t uid)
{
    static const char bye[] = "bye text=not%20the%20daemon's%20user\n";

    (void)!send(fd, bye, sizeof(bye) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
    mir_service_log(&s->service, MIR_BROKER_WARNING, "connection of uid %u refused", (unsigned)uid);
}

static void accept_one(struct server *s, int fd)
{
    struct ucred who = {.uid = (uid_t)-1};
    socklen_t len = sizeof(who);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0 ||
        who.uid != s->service.settings->daemon_uid) {
        turn_away(s, fd, who.uid);
        return;
    }
    drop_peer(s, "another connection has taken over", "another one has taken over");
    mir_peer_attach(&s->service.peer, fd, s->service.mono_ns);
    mir_service_log(&s->service, MIR_BROKER_INFO, "connection from pid %d", (int)who.pid);
    say_hello(s);
}

static void accept_some(struct server *s)
{
    for (int i = 0; i < ACCEPTS_A_LOOK && s->listen_fd >= 0; i++) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
            return;
        accept_one(s, fd);
    }
}

/* ---- questions */

static const char *take_hello(struct server *s, char *line, size_t len)
{
    struct mir_wire_record record;
    int64_t version;

    if (mir_wire_parse(line, len, &record, NULL) != 0 || strcmp(record.verb, "hello") != 0 ||
        mir_wire_get_i64(&record, "version", 0, INT64_MAX, &version, NULL) != 0)
        return "expected hello with a version";
    if (version != MIR_WIRE_VERSION)
        return "speaks another version of the protocol";
    s->service.peer.greeted = true;
    return NULL;
}

static bool is_open(const struct server *s, const struct mir_question *q)
{
    for (int i = 0; i < N_READERS; i++) {
        if (mir_reading_has(&s->readings[i], q->connection, q->ticket))
            return true;
    }
    return mir_acting_has(&s->acting, q->connection, q->ticket);
}

static void forget(struct server *s, struct mir_question *q)
{
    struct mir_error err = {{0}};

    if (mir_spool_forget(s->service.settings->spool, q->template_id, &err) != 0)
        mir_service_log(&s->service, MIR_BROKER_WARNING, "forget a template: %s", err.text);
    mir_question_destroy(q);
}

static struct mir_reading *reader_of(struct server *s, const struct mir_question *q)
{
    bool dbd = q->ask == MIR_ASK_HISTORY || q->ask == MIR_ASK_FIND;

    return &s->readings[dbd ? READER_DBD : READER_CTLD];
}

static void dispatch(struct server *s, struct mir_question *q)
{
    if (q->ask == MIR_ASK_FORGET)
        forget(s, q);
    else if (mir_ask_is_reading(q->ask))
        mir_reading_ask(reader_of(s, q), &s->service, q);
    else
        mir_acting_ask(&s->acting, &s->service, q);
}

/* True, or false with why this is not a connection to keep. */
static bool take_question(struct server *s, char *line, size_t len, struct mir_error *err)
{
    struct mir_question *q = NULL;
    int rc = mir_question_parse(line, len, s->service.settings->min_uid, &q, err);

    if (rc == -EPROTO)
        return false;
    q->connection = s->service.peer.connection;
    if (q->ask != MIR_ASK_FORGET && is_open(s, q)) {
        mir_error_set(err, 0, "ticket %llu is open", (unsigned long long)q->ticket);
        mir_question_destroy(q);
        return false;
    }
    if (rc == 0) {
        dispatch(s, q);
        return true;
    }
    mir_service_fail(&s->service, q, MIR_OUTCOME_REFUSED,
                     rc == -EPERM ? MIR_REFUSAL_OWNER : MIR_REFUSAL_OTHER, err->text, 0);
    mir_question_destroy(q);
    return true;
}

/* False: the connection is no more. */
static bool take_line(struct server *s, char *line, size_t len)
{
    struct mir_error err = {{0}};
    const char *wrong;

    if (s->service.peer.greeted) {
        if (take_question(s, line, len, &err))
            return true;
        wrong = err.text;
    } else {
        wrong = take_hello(s, line, len);
        if (wrong == NULL)
            return true;
    }
    drop_peer(s, wrong, wrong);
    return false;
}

static bool is_congested(const struct mir_peer *peer)
{
    return mir_peer_pending(peer) > MIR_PEER_OUT_HIGH;
}

/* Some of what has come; a daemon that floods us keeps nothing else waiting. */
static void take_lines(struct server *s)
{
    struct mir_peer *peer = &s->service.peer;
    char *line;
    size_t len;

    s->has_more = false;
    for (int i = 0; peer->fd >= 0 && mir_wire_next_line(&peer->in, &line, &len); i++) {
        if (!take_line(s, line, len))
            return;
        if (i == LINES_A_LOOK) {
            s->has_more = true;
            return;
        }
    }
}

/* Returns false when there is nothing more to read now. */
static bool hear_peer(struct server *s)
{
    struct mir_peer *peer = &s->service.peer;
    int rc = mir_wire_read(&peer->in, peer->fd);

    if (rc == -EAGAIN || rc == -EINTR)
        return false;
    if (rc > 0)
        take_lines(s);
    else if (rc == -EMSGSIZE)
        drop_peer(s, "a line is too long", "a line is too long");
    else
        drop_peer(s, NULL, rc == 0 ? "the daemon has closed it" : strerror(-rc));
    return rc > 0 && peer->fd >= 0 && !s->has_more;
}

/*
 * A daemon that asks without reading the answers is not heard either; one that
 * reads nothing for as long as an answer may take is let go.
 */
static void serve_peer(struct server *s)
{
    struct mir_peer *peer = &s->service.peer;
    int64_t patience_ns = mir_service_deadline_s(&s->service) * INT64_C(1000000000);

    if (s->has_more && !is_congested(peer))
        take_lines(s);
    for (int i = 0; i < READS_A_LOOK && peer->fd >= 0 && !s->has_more; i++) {
        if (is_congested(peer) || !hear_peer(s))
            break;
    }
    if (peer->fd >= 0 && mir_peer_pending(peer) > 0 &&
        s->service.mono_ns - peer->progress_ns >= patience_ns)
        drop_peer(s, NULL, "the daemon does not read");
}

static void flush_peer(struct server *s)
{
    int rc = mir_peer_flush(&s->service.peer, s->service.mono_ns);

    if (rc != 0)
        drop_peer(s, NULL, rc == -ENOBUFS ? "the daemon does not read" : strerror(-rc));
}

/* ---- signals */

static void stop(struct server *s)
{
    if (s->service.stopping) {
        s->abandon = true;
        return;
    }
    mir_service_log(&s->service, MIR_BROKER_NOTICE, "stops; %zu acts are let finish",
                    mir_acting_n_running(&s->acting));
    mir_notify_send(&s->notify, "STOPPING=1");
    s->service.stopping = true;
    close(s->listen_fd);
    s->listen_fd = -1;
    mir_acting_refuse_queue(&s->acting, &s->service);
}

static void reload(struct server *s)
{
    const struct mir_broker_settings *settings;
    struct mir_error err = {{0}};

    if (s->options->reload == NULL)
        return;
    settings = s->options->reload(s->options->arg, &err);
    if (settings == NULL) {
        mir_service_log(&s->service, MIR_BROKER_ERROR, "configuration kept: %s", err.text);
        return;
    }
    if (settings->daemon_uid != s->service.settings->daemon_uid)
        drop_peer(s, "the daemon's user is another one now", "the daemon's user has changed");
    s->service.settings = settings;
    for (int i = 0; i < N_READERS; i++)
        mir_reading_renew(&s->readings[i]);
    mir_service_log(&s->service, MIR_BROKER_NOTICE, "configuration read again");
}

static void take_signals(struct server *s)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            stop(s);
        else if (info.ssi_signo == SIGHUP)
            reload(s);
        /* SIGCHLD only wakes: each child is waited for by its pid. */
    }
}

/* ---- the loop */

static int64_t min_ns(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int wait_ms(const struct server *s)
{
    const struct mir_peer *peer = &s->service.peer;
    int64_t next_ns = mir_acting_next_ns(&s->acting);
    int64_t now_ns = mir_clock_mono_ns();

    if (s->has_more && !is_congested(peer))
        return 0;
    for (int i = 0; i < N_READERS; i++)
        next_ns = min_ns(next_ns, mir_reading_next_ns(&s->readings[i], &s->service));
    if (s->notify.watchdog_ns > 0)
        next_ns = min_ns(next_ns, s->told_ns + s->notify.watchdog_ns);
    if (peer->fd >= 0 && mir_peer_pending(peer) > 0)
        next_ns = min_ns(next_ns, peer->progress_ns +
                                      mir_service_deadline_s(&s->service) * INT64_C(1000000000));
    if (next_ns == INT64_MAX)
        return -1;
    if (next_ns <= now_ns)
        return 0;
    next_ns = (next_ns - now_ns) / 1000000 + 1;
    return next_ns < 3600000 ? (int)next_ns : 3600000;
}

static short peer_events(const struct mir_peer *peer)
{
    short events = is_congested(peer) ? 0 : POLLIN;

    if (mir_peer_pending(peer) > 0)
        events |= POLLOUT;
    return events;
}

static void watch_reader(const struct server *s, int i, struct pollfd fds[2])
{
    const struct mir_process *reader = &s->readings[i].process;
    short events = mir_reading_events(&s->readings[i], &s->service);

    /* Nothing is waited for: not polled at all, or a reader that hung up would wake us for ever. */
    fds[0] = (struct pollfd){.fd = events != 0 ? reader->fd : -1, .events = events};
    fds[1] = (struct pollfd){.fd = reader->err_fd, .events = POLLIN};
}

static void wait_for_events(struct server *s)
{
    struct pollfd fds[N_FDS];

    fds[FD_SIGNAL] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
    fds[FD_LISTEN] = (struct pollfd){.fd = s->listen_fd, .events = POLLIN};
    fds[FD_PEER] =
        (struct pollfd){.fd = s->service.peer.fd, .events = peer_events(&s->service.peer)};
    for (int i = 0; i < N_READERS; i++)
        watch_reader(s, i, fds + FD_READERS + 2 * i);
    for (int i = 0; i < MIR_ACTS_MAX; i++) {
        const struct mir_process *act = &s->acting.acts[i].process;

        fds[FD_ACTS + 2 * i] = (struct pollfd){.fd = act->fd, .events = POLLIN};
        fds[FD_ACTS + 2 * i + 1] = (struct pollfd){.fd = act->err_fd, .events = POLLIN};
    }
    (void)poll(fds, N_FDS, wait_ms(s));
    s->service.mono_ns = mir_clock_mono_ns();
}

static void tell_watchdog(struct server *s)
{
    if (s->notify.watchdog_ns == 0 || s->service.mono_ns - s->told_ns < s->notify.watchdog_ns)
        return;
    mir_notify_send(&s->notify, "WATCHDOG=1");
    s->told_ns = s->service.mono_ns;
}

/* Everything is tried at every look: non-blocking reads are cheap, and none is forgotten. */
static void look(struct server *s)
{
    take_signals(s);
    accept_some(s);
    serve_peer(s);
    for (int i = 0; i < N_READERS; i++)
        mir_reading_serve(&s->readings[i], &s->service);
    mir_acting_serve(&s->acting, &s->service);
    flush_peer(s);
    tell_watchdog(s);
}

static bool is_over(const struct server *s)
{
    return s->abandon || (s->service.stopping && mir_acting_n_running(&s->acting) == 0);
}

static void loop(struct server *s)
{
    mir_notify_send(&s->notify, "READY=1");
    for (;;) {
        look(s);
        if (is_over(s))
            return;
        wait_for_events(s);
    }
}

/* Blocked, and read from a descriptor: no handler runs, no call is interrupted. */
static int open_signals(sigset_t *before)
{
    sigset_t ours;

    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGTERM);
    (void)sigaddset(&ours, SIGINT);
    (void)sigaddset(&ours, SIGHUP);
    (void)sigaddset(&ours, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &ours, before) != 0)
        return -errno;
    return signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void init(struct server *s,
                 int listen_fd,
                 const struct mir_broker_settings *settings,
                 const struct mir_server_options *options)
{
    *s = (struct server){
        .service =
            {
                .settings = settings,
                .ops = options->ops,
                .log = options->log,
                .log_arg = options->arg,
                .message_timeout_s = MESSAGE_TIMEOUT_S,
                .mono_ns = mir_clock_mono_ns(),
            },
        .options = options,
        .listen_fd = listen_fd,
    };
    mir_peer_init(&s->service.peer);
    mir_reading_init(&s->readings[READER_CTLD], "reader", s->service.mono_ns);
    mir_reading_init(&s->readings[READER_DBD], "reader of slurmdbd", INT64_MAX);
    mir_acting_init(&s->acting);
    mir_notify_open(&s->notify);
}

int mir_server_run(int listen_fd,
                   const struct mir_broker_settings *settings,
                   const struct mir_server_options *options,
                   struct mir_error *err)
{
    struct server s;
    sigset_t before;
    int rc = 0;

    init(&s, listen_fd, settings, options);
    s.signal_fd = open_signals(&before);
    if (s.signal_fd < 0) {
        rc = mir_error_set(err, -errno, "signalfd: %s", strerror(errno));
    } else {
        (void)fcntl(listen_fd, F_SETFL, O_NONBLOCK);
        loop(&s);
        mir_peer_detach(&s.service.peer, "the broker stops");
        close(s.signal_fd);
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
    }
    for (int i = 0; i < N_READERS; i++)
        mir_reading_release(&s.readings[i]);
    mir_acting_release(&s.acting);
    mir_peer_release(&s.service.peer);
    mir_notify_close(&s.notify);
    if (s.listen_fd >= 0)
        close(s.listen_fd);
    return rc;
}
