/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loop.c - what happens next in miraged. */
#include "daemon/miraged/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/str.h"
#include "daemon/engine/engine.h"
#include "daemon/http/http.h"
#include "daemon/miraged/log.h"
#include "daemon/miraged/settings.h"
#include "daemon/slurm/slurm.h"

enum {
    QUESTION_DEADLINE_S =
        600, /* the broker has its own, shorter ones: this is for a broker that hangs */
    NS_PER_US = 1000,
};

struct loop {
    const char *config_path;
    struct mir_settings *settings;
    struct mir_journal *journal;
    struct mir_view_board *board;
    struct mir_mailbox *mailbox;
    struct mir_http *http;
    struct mir_slurm *slurm;
    struct mir_engine *engine;
    sd_event *event;
    sd_event_source *slurm_io; /* NULL while not connected */
    uint64_t slurm_connection; /* that slurm_io watches */
    bool stopping;
    uint64_t watchdog_us; /* 0: nobody watches */
    int64_t fed_mono_ns;
};

static struct mir_now look_at_clocks(void)
{
    return (struct mir_now){.wall = mir_clock_wall(), .mono_ns = mir_clock_mono_ns()};
}

static void on_slurm_event(void *arg, const struct mir_live_event *event)
{
    struct loop *l = arg;

    mir_engine_event(l->engine, look_at_clocks(), event);
}

static void on_command(void *arg, const struct mir_command *command, struct mir_answer *answer)
{
    struct loop *l = arg;

    mir_engine_command(l->engine, look_at_clocks(), command, answer);
}

/* Fed only while all three go round: decisions, the broker's connection, HTTP. */
static void feed_watchdog(struct loop *l, struct mir_now now)
{
    if (l->watchdog_us == 0 ||
        now.mono_ns - l->fed_mono_ns < (int64_t)(l->watchdog_us * NS_PER_US / 4))
        return;
    if (mir_engine_alive(l->engine, now) && mir_http_alive(l->http)) {
        sd_notify(0, "WATCHDOG=1");
        l->fed_mono_ns = now.mono_ns;
    }
}

/* Whatever it is that has come: the loop goes round. */
static int on_io(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
    (void)source;
    (void)fd;
    (void)revents;
    (void)arg;
    return 0;
}

/* The client makes and breaks its connection by itself: watch what it has now. */
static void watch_slurm(struct loop *l)
{
    int fd = mir_slurm_fd(l->slurm);
    short wanted = mir_slurm_events(l->slurm);
    uint32_t events =
        ((wanted & POLLIN) != 0 ? EPOLLIN : 0u) | ((wanted & POLLOUT) != 0 ? EPOLLOUT : 0u);

    /* By number: a descriptor that is closed and handed out again looks like the old one. */
    if (fd < 0 || mir_slurm_connections(l->slurm) != l->slurm_connection)
        l->slurm_io = sd_event_source_disable_unref(l->slurm_io);
    if (fd < 0)
        return;
    if (l->slurm_io == NULL) {
        l->slurm_connection = mir_slurm_connections(l->slurm);
        (void)sd_event_add_io(l->event, &l->slurm_io, fd, events, on_io, l);
    } else {
        (void)sd_event_source_set_io_events(l->slurm_io, events);
    }
}

/* One round: what came, what is due; returns when to wake up next (monotonic). */
static int64_t go_round(struct loop *l)
{
    int64_t serve_at, tick_at;
    struct mir_now now;

    (void)mir_slurm_serve(l->slurm, mir_clock_mono_ns());
    mir_mailbox_serve(l->mailbox, on_command, l);
    now = look_at_clocks();
    tick_at = mir_engine_tick(l->engine, now);
    /* The tick's questions are written now, not at the next event. */
    serve_at = mir_slurm_serve(l->slurm, mir_clock_mono_ns());
    watch_slurm(l);
    feed_watchdog(l, look_at_clocks());
    return serve_at < tick_at ? serve_at : tick_at;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
    struct loop *l = arg;

    (void)source;
    mir_log(LOG_INFO, "stopping on signal %u; the journal keeps all there is to know",
            info->ssi_signo);
    l->stopping = true;
    return 0;
}

static int start_http(struct loop *l, const struct mir_settings *settings, struct mir_error *err)
{
    return mir_http_create(&settings->http, l->board, l->mailbox, &l->http, err);
}

/* The old server must go before the new one can have its sockets; if that fails, the old comes back. */
static int restart_http(struct loop *l, const struct mir_settings *to, struct mir_error *err)
{
    struct mir_error again = {{0}};
    int rc;

    mir_http_destroy(l->http);
    l->http = NULL;
    rc = start_http(l, to, err);
    if (rc != 0 && start_http(l, l->settings, &again) != 0)
        mir_log(LOG_ERR, "HTTP is down: %s", again.text);
    return rc;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
    struct loop *l = arg;
    struct mir_settings *fresh = NULL;
    struct mir_error err = {{0}};
    int rc = mir_settings_create(l->config_path, &fresh, &err);

    (void)source;
    (void)info;
    sd_notify(0, "RELOADING=1");
    if (rc == 0)
        rc = mir_settings_check_reload(l->settings, fresh, &err);
    if (rc == 0 && !mir_settings_same_http(l->settings, fresh))
        rc = restart_http(l, fresh, &err);
    if (rc == 0) {
        mir_engine_set(l->engine, &fresh->engine);
        mir_settings_destroy(l->settings);
        l->settings = fresh;
        mir_log(LOG_NOTICE, "configuration read again: mode %s, policy %s", fresh->config->mode,
                fresh->config->policy);
    } else {
        mir_settings_destroy(fresh);
        mir_log(LOG_ERR, "configuration not changed: %s", err.text);
    }
    sd_notify(0, "READY=1");
    return 0;
}

static int open_journal(struct loop *l, struct mir_error *err)
{
    struct mir_str path = {0};
    int rc;

    mir_str_addf(&path, "%s/journal.db", l->settings->config->state_dir);
    rc = mir_journal_open(path.text, &l->journal, err);
    mir_str_release(&path);
    if (rc == 0 && strcmp(mir_journal_mode(l->journal), "truncate") == 0)
        mir_log(LOG_WARNING, "%s is on a network file system: journal mode is TRUNCATE",
                l->settings->config->state_dir);
    return rc;
}

static int draw_seed(uint64_t seed[4], struct mir_error *err)
{
    if (getrandom(seed, 4 * sizeof(seed[0]), 0) != (ssize_t)(4 * sizeof(seed[0])))
        return mir_error_set(err, -EIO, "no random numbers from the kernel: %s", strerror(errno));
    return 0;
}

/* A client that reads nothing must not end the daemon. */
static int catch_signals(struct loop *l)
{
    static const int stop[] = {SIGTERM, SIGINT};
    sigset_t set;
    int rc = 0;

    (void)signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    /* Before any thread starts, so that all inherit it. */
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return -EINVAL;
    for (size_t i = 0; i < 2 && rc >= 0; i++)
        rc = sd_event_add_signal(l->event, NULL, stop[i], on_stop, l);
    if (rc >= 0)
        rc = sd_event_add_signal(l->event, NULL, SIGHUP, on_reload, l);
    return rc < 0 ? rc : 0;
}

static int make_loop(struct loop *l, struct mir_error *err)
{
    int rc = sd_event_default(&l->event);

    if (rc >= 0)
        rc = catch_signals(l);
    if (rc >= 0)
        rc = sd_event_add_io(l->event, NULL, mir_mailbox_fd(l->mailbox), EPOLLIN, on_io, l);
    if (rc < 0)
        return mir_error_set(err, rc, "event loop: %s", strerror(-rc));
    if (sd_watchdog_enabled(0, &l->watchdog_us) <= 0)
        l->watchdog_us = 0;
    return 0;
}

static int start(struct loop *l, struct mir_error *err)
{
    uint64_t seed[4];
    int rc = mir_settings_create(l->config_path, &l->settings, err);

    if (rc != 0)
        return rc;
    l->board = mir_view_board_create();
    l->mailbox = mir_mailbox_create();
    rc = make_loop(l, err);
    if (rc == 0)
        rc = open_journal(l, err);
    if (rc == 0)
        rc = draw_seed(seed, err);
    if (rc == 0)
        rc = mir_slurm_create(l->settings->config->broker.socket, QUESTION_DEADLINE_S,
                              on_slurm_event, l, &l->slurm, err);
    if (rc == 0)
        rc = mir_engine_create(&l->settings->engine, l->journal, mir_slurm_live(l->slurm), l->board,
                               seed, look_at_clocks(), mir_log_chain, NULL, &l->engine, err);
    if (rc == 0)
        rc = start_http(l, l->settings, err);
    return rc;
}

/* Threads first, then what they read. */
static void stop(struct loop *l)
{
    mir_http_destroy(l->http);
    mir_slurm_destroy(l->slurm);
    mir_engine_destroy(l->engine);
    mir_journal_close(l->journal);
    l->slurm_io = sd_event_source_disable_unref(l->slurm_io);
    l->event = sd_event_unref(l->event);
    mir_mailbox_destroy(l->mailbox);
    mir_view_board_destroy(l->board);
    mir_settings_destroy(l->settings);
}

static int go_on(struct loop *l, struct mir_error *err)
{
    while (!l->stopping) {
        int64_t wait_ns = go_round(l) - mir_clock_mono_ns();
        int rc = sd_event_run(l->event, wait_ns > 0 ? (uint64_t)wait_ns / NS_PER_US + 1 : 0);

        if (rc < 0)
            return mir_error_set(err, rc, "event loop: %s", strerror(-rc));
    }
    return 0;
}

int mir_loop_run(const char *config_path, struct mir_error *err)
{
    struct loop l = {.config_path = config_path};
    int rc = start(&l, err);

    if (rc == 0) {
        mir_log(LOG_NOTICE, "miraged %s: mode %s, policy %s, journal %s", MIR_VERSION,
                l.settings->config->mode, l.settings->config->policy, mir_journal_mode(l.journal));
        sd_notify(0, "READY=1");
        rc = go_on(&l, err);
        sd_notify(0, "STOPPING=1");
    }
    stop(&l);
    return rc;
}
