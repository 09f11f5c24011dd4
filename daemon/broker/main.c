/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main.c - mirage-broker: the part of Mirage that talks to Slurm, and acts as
 * the owners of jobs.
 * Exit codes: 0 stopped as told, or --check found nothing; 1 could not start;
 * 2 wrong usage; 3 the configuration is wrong (a restart will not help).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/broker.h"
#include "daemon/broker/child.h"
#include "daemon/broker/compat.h"
#include "daemon/broker/server.h"
#include "daemon/config/config.h"
#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 3 };
enum { LISTEN_FD = 3 }; /* where systemd puts the first socket that it hands over */

static const char default_config[] = "/etc/mirage/mirage.conf";

/* One reading of the configuration; the settings point into it. */
struct reading {
    struct mir_config *config;
    struct mir_broker_settings settings;
};

struct program {
    char *config_path;
    char *socket, *spool; /* NULL until known; as at the start for good */
    bool same_user, check, help, version;
    struct reading *now, *before; /* a server between two looks may still hold the one before */
};

static const char usage[] =
    "Usage: mirage-broker [OPTION]...\n"
    "Reads Slurm for miraged, and captures, submits and cancels jobs as their owners.\n"
    "\n"
    "  --config FILE  read FILE instead of /etc/mirage/mirage.conf\n"
    "  --socket PATH  listen there, whatever the configuration says\n"
    "  --spool PATH   keep templates there, whatever the configuration says\n"
    "  --same-user    run as an ordinary user, for that user's jobs only\n"
    "  --check        read the configuration and exit\n"
    "  --help         print this\n"
    "  --version      print the version\n"
    "\n"
    "Needs CAP_SETUID and CAP_SETGID and drops all else.  SIGHUP: reads the\n"
    "configuration again (socket and spool stay).  SIGTERM: lets running acts finish.\n"
    "Exit codes: 0 stopped, 1 could not start, 2 wrong usage, 3 wrong configuration.\n";

/* ---- log */

/* systemd reads the priority off each line; a control character must not begin another. */
static void write_log(void *arg, enum mir_broker_priority priority, const char *text)
{
    char line[1024];
    size_t n = 0;

    (void)arg;
    for (; text[n] != '\0' && n < sizeof(line) - 1; n++)
        line[n] = (unsigned char)text[n] < ' ' || text[n] == 0x7f ? ' ' : text[n];
    line[n] = '\0';
    fprintf(stderr, "<%d>%s\n", (int)priority, line);
}

static int give_up(int exit_code, const char *text)
{
    write_log(NULL, MIR_BROKER_ERROR, text);
    return exit_code;
}

/* ---- options */

static int parse_options(int argc, char **argv, struct program *p)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"socket", required_argument, NULL, 's'},
        {"spool", required_argument, NULL, 'p'},  {"same-user", no_argument, NULL, 'u'},
        {"check", no_argument, NULL, 'k'},        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            free(p->config_path);
            p->config_path = mir_strdup(optarg);
            break;
        case 's':
            free(p->socket);
            p->socket = mir_strdup(optarg);
            break;
        case 'p':
            free(p->spool);
            p->spool = mir_strdup(optarg);
            break;
        case 'u':
            p->same_user = true;
            break;
        case 'k':
            p->check = true;
            break;
        case 'h':
            p->help = true;
            break;
        case 'v':
            p->version = true;
            break;
        default:
            return -EINVAL;
        }
    }
    return optind == argc ? 0 : -EINVAL;
}

/* ---- configuration */

static void reading_destroy(struct reading *r)
{
    if (r == NULL)
        return;
    mir_config_destroy(r->config);
    free(r);
}

static int find_daemon(struct mir_broker_settings *settings,
                       const char *name,
                       bool same_user,
                       struct mir_error *err)
{
    const struct passwd *entry;

    if (same_user) {
        settings->daemon_uid = getuid();
        settings->daemon_gid = getgid();
        return 0;
    }
    entry = getpwnam(name);
    if (entry == NULL)
        return mir_error_set(err, -ENOENT, "broker.user: no user '%.100s' on this machine", name);
    settings->daemon_uid = entry->pw_uid;
    settings->daemon_gid = entry->pw_gid;
    return 0;
}

static int read_config(struct program *p, struct reading **out, struct mir_error *err)
{
    struct reading *r = MIR_NEW(struct reading);
    const struct mir_config *c;
    int rc = mir_config_read(p->config_path, &r->config, err);

    if (rc == 0)
        rc = find_daemon(&r->settings, r->config->broker.user, p->same_user, err);
    if (rc != 0) {
        reading_destroy(r);
        return rc;
    }
    c = r->config;
    if (p->socket == NULL)
        p->socket = mir_strdup(c->broker.socket);
    if (p->spool == NULL)
        p->spool = mir_strdup(c->broker.spool);
    r->settings.socket_path = p->socket;
    r->settings.spool = p->spool;
    r->settings.slurm_conf = c->broker.slurm_conf;
    r->settings.kill_file = c->kill_file;
    r->settings.min_uid = c->broker.min_uid;
    r->settings.user_per_hour = c->broker.user_per_hour;
    r->settings.all_per_hour = c->broker.all_per_hour;
    r->settings.deadline_s = c->broker.deadline_s;
    r->settings.slurm_user = strcmp(c->broker.state_save, "never") == 0 ? "" : c->broker.slurm_user;
    *out = r;
    return 0;
}

static const struct mir_broker_settings *reload(void *arg, struct mir_error *err)
{
    struct program *p = arg;
    struct reading *next;

    if (read_config(p, &next, err) != 0)
        return NULL;
    reading_destroy(p->before);
    p->before = p->now;
    p->now = next;
    return &next->settings;
}

/* The process leaves its folder, and reads the file again on SIGHUP. */
static void make_absolute(char **path)
{
    char *full = *path != NULL ? realpath(*path, NULL) : NULL;

    if (full == NULL)
        return; /* whoever opens it says what is wrong */
    free(*path);
    *path = full;
}

/* ---- what the process starts with */

static bool is_number(const char *text, int64_t wanted)
{
    int64_t n;

    return text != NULL && mir_parse_i64(text, strlen(text), &n) == 0 && n == wanted;
}

/* sd_listen_fds(3): a socket handed over by systemd, or -1. */
static int take_listen_fd(void)
{
    bool ours = is_number(getenv("LISTEN_PID"), getpid()) && is_number(getenv("LISTEN_FDS"), 1);
    int listens = 0, domain = 0;
    socklen_t len = sizeof(int);

    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    if (!ours || getsockopt(LISTEN_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 ||
        getsockopt(LISTEN_FD, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || listens == 0 ||
        domain != AF_UNIX)
        return -1;
    (void)fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC);
    return LISTEN_FD;
}

/* What was left open by whoever started us is not for our children. */
static int clean_descriptors(void)
{
    int listen_fd = take_listen_fd();
    int fd;

    (void)close_range(listen_fd < 0 ? LISTEN_FD : LISTEN_FD + 1, ~0U, 0);
    do
        fd = open("/dev/null", O_RDWR); /* fills 0 to 2 where they are closed */
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    return listen_fd;
}

static int drop_privilege(const struct program *p, struct mir_error *err)
{
    bool may = mir_child_may_change_user();

    if (p->same_user && getuid() == 0)
        return mir_error_set(err, -EPERM, "--same-user is not for root: it acts for no root");
    if (!may && !p->same_user)
        return mir_error_set(err, -EPERM,
                             "needs CAP_SETUID and CAP_SETGID to act as the owners of jobs "
                             "(--same-user: for this user's jobs only)");
    (void)umask(077);
    if (chdir("/") != 0)
        return mir_error_set(err, -errno, "chdir /: %s", strerror(errno));
    return mir_child_confine(!p->same_user, err);
}

static void slurm_version(char *buf, size_t size)
{
    snprintf(buf, size, "%d.%02d.%d", SLURM_VERSION_MAJOR(SLURM_VERSION_NUMBER),
             SLURM_VERSION_MINOR(SLURM_VERSION_NUMBER), SLURM_VERSION_MICRO(SLURM_VERSION_NUMBER));
}

static int serve(struct program *p, int listen_fd)
{
    char version[32];
    const struct mir_server_options options = {
        .ops = {.reader = mir_reader_run, .act = mir_act_run},
        .slurm_version = version,
        .log = write_log,
        .reload = reload,
        .arg = p,
    };
    const struct mir_broker_settings *settings = &p->now->settings;
    struct mir_error err = {{0}};
    bool made = listen_fd < 0;
    int spool_fd, rc;

    slurm_version(version, sizeof(version));
    spool_fd = mir_server_open_spool(settings->spool, &err);
    if (spool_fd < 0)
        return give_up(EXIT_FAILED, err.text);
    if (made)
        listen_fd = mir_server_listen(settings, &err);
    rc = listen_fd < 0 ? listen_fd : mir_server_run(listen_fd, settings, &options, &err);
    if (made && listen_fd >= 0)
        (void)unlink(p->socket);
    close(spool_fd);
    return rc == 0 ? EXIT_DONE : give_up(EXIT_FAILED, err.text);
}

static int run(struct program *p)
{
    struct mir_error err = {{0}};
    int listen_fd = clean_descriptors();

    make_absolute(&p->config_path);
    if (p->spool != NULL && p->spool[0] != '/')
        return give_up(EXIT_USAGE, "--spool: not an absolute path");
    if (read_config(p, &p->now, &err) != 0)
        return give_up(EXIT_CONFIG, err.text);
    if (p->check)
        return EXIT_DONE;
    if (drop_privilege(p, &err) != 0)
        return give_up(EXIT_FAILED, err.text);
    return serve(p, listen_fd);
}

int main(int argc, char **argv)
{
    struct program p = {.config_path = mir_strdup(default_config)};
    int exit_code = EXIT_DONE;

    if (parse_options(argc, argv, &p) != 0) {
        fprintf(stderr, "See: mirage-broker --help\n");
        exit_code = EXIT_USAGE;
    } else if (p.help) {
        fputs(usage, stdout);
    } else if (p.version) {
        printf("mirage-broker %s\n", MIR_VERSION);
    } else {
        exit_code = run(&p);
    }
    reading_destroy(p.now);
    reading_destroy(p.before);
    free(p.config_path);
    free(p.socket);
    free(p.spool);
    return exit_code;
}
