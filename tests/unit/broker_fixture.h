/*
 * broker_fixture.h - mirage-broker's server on a real socket in a folder of its
 * own, its children (which do as the numbers in a question say), and the daemon's
 * end of the connection.
 */
#ifndef MIR_TESTS_BROKER_FIXTURE_H
#define MIR_TESTS_BROKER_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/broker/server.h"
#include "daemon/broker/spool.h"
#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

enum { NOBODY = 65534, PATIENCE_MS = 30000, NAME_BYTES = 1000 };

/* ---- children that do as the question's numbers say */

enum reader_does {
    READER_ANSWERS = 1,
    READER_HANGS,
    READER_DIES,
    READER_BABBLES,
    READER_FLOODS,
    READER_ANSWERS_ANOTHER,
    READER_HANGS_UP,
    READER_TELLS_UID,
    READER_DIES_IN_THE_MIDDLE,
    READER_GIVES_NO_LF,
};

static inline void put(int fd, const char *text)
{
    struct mir_str s = {0};

    mir_str_add(&s, text);
    if (mir_write_all(fd, &s) != 0)
        _exit(99);
    mir_str_release(&s);
}

__attribute__((format(printf, 2, 3))) static inline void putf(int fd, const char *fmt, ...)
{
    char text[4096];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    put(fd, text);
}

/* As mir_act_run() does before it hands anything to slurmctld. */
static inline void put_sending(int fd, long long ticket)
{
    if (mir_ask_leave(fd, ticket) != 0)
        _exit(98);
}

static inline void flood(int fd, int64_t ticket)
{
    char name[NAME_BYTES + 1];

    memset(name, 'x', NAME_BYTES);
    name[NAME_BYTES] = '\0';
    for (int i = 0; i < 100000; i++)
        putf(fd, "job ticket=%lld id=%d name=%s\n", (long long)ticket, i + 1, name);
}

static inline void put_endless(int fd)
{
    char block[65536];

    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 200; i++) {
        struct mir_str s = {0};

        mir_str_add_n(&s, block, sizeof(block));
        if (mir_write_all(fd, &s) != 0)
            _exit(99);
        mir_str_release(&s);
    }
}

static inline void answer_job(int fd, int64_t ticket, int64_t id)
{
    switch ((enum reader_does)id) {
    case READER_ANSWERS:
        putf(fd, "job ticket=%lld id=1 name=a%%20b\n", (long long)ticket);
        break;
    case READER_HANGS:
        for (;;)
            pause();
    case READER_DIES:
        dprintf(STDERR_FILENO, "fatal: no slurm.conf\n");
        _exit(1);
    case READER_BABBLES:
        put(fd, "this is=%ZZ no record\n");
        break;
    case READER_FLOODS:
        flood(fd, ticket);
        break;
    case READER_ANSWERS_ANOTHER:
        ticket += 1000;
        break;
    case READER_HANGS_UP:
        close(fd);
        for (;;)
            pause();
    case READER_TELLS_UID:
        putf(fd, "job ticket=%lld id=1 uid=%u\n", (long long)ticket, (unsigned)geteuid());
        break;
    case READER_DIES_IN_THE_MIDDLE:
        putf(fd, "job ticket=%lld id=1\njob ticket=%lld i", (long long)ticket, (long long)ticket);
        _exit(0);
    case READER_GIVES_NO_LF:
        put_endless(fd);
        break;
    }
    putf(fd, "done ticket=%lld n=1 ms=3\n", (long long)ticket);
}

static inline void answer_reading(int fd, const struct mir_wire_record *r)
{
    int64_t ticket = 0, n = 0;

    (void)mir_wire_get_i64(r, "ticket", 1, INT64_MAX, &ticket, NULL);
    if (strcmp(r->verb, "job") == 0) {
        (void)mir_wire_get_i64(r, "id", 1, INT64_MAX, &n, NULL);
        answer_job(fd, ticket, n);
    } else if (strcmp(r->verb, "history") == 0) { /* as with a slurmdbd that hangs */
        for (;;)
            pause();
    } else if (strcmp(r->verb, "cluster") == 0) {
        putf(fd, "cluster ticket=%lld message_timeout_s=1\n", (long long)ticket);
        putf(fd, "done ticket=%lld ms=0\n", (long long)ticket);
    } else {
        putf(fd, "unchanged ticket=%lld at=5 ms=1\n", (long long)ticket);
    }
}

static inline int fake_reader(int fd, const struct mir_broker_settings *settings)
{
    struct mir_wire_input in = {0};
    struct mir_wire_record record;
    char *line;
    size_t len;

    (void)settings;
    while (mir_wire_read(&in, fd) > 0) {
        while (mir_wire_next_line(&in, &line, &len)) {
            if (mir_wire_parse(line, len, &record, NULL) != 0)
                return 3;
            answer_reading(fd, &record);
        }
    }
    return 0;
}

enum act_does {
    ACT_SUBMITS = 1,
    ACT_HANGS,
    ACT_DIES,
    ACT_DIES_AFTER_SENDING,
    ACT_BABBLES,
    ACT_GIVES_NO_LF,
    ACT_ANSWERS_ANOTHER,
    ACT_REFUSES,
    ACT_HANGS_AFTER_SENDING,
    ACT_ANSWERS_TWICE,
    ACT_IS_SLOW,
    ACT_SAYS_NOTHING,
    ACT_FINDS_IT_DONE,
};

static inline int fake_submit(int fd, long long ticket, int64_t link)
{
    switch ((enum act_does)link) {
    case ACT_HANGS:
        for (;;)
            pause();
    case ACT_DIES:
        dprintf(STDERR_FILENO, "slurm_init: no such host\n");
        return 3;
    case ACT_DIES_AFTER_SENDING:
        put_sending(fd, ticket);
        abort();
    case ACT_BABBLES:
        putf(fd, "captured ticket=%lld template=" TOKEN "\n", ticket);
        return 0;
    case ACT_GIVES_NO_LF:
        put_endless(fd);
        return 0;
    case ACT_ANSWERS_ANOTHER:
        putf(fd, "submitted ticket=%lld id=77 ms=1\n", ticket + 1);
        return 0;
    case ACT_REFUSES:
        putf(fd, "failed ticket=%lld outcome=refused refusal=limit text=QOS ms=4\n", ticket);
        return 0;
    case ACT_HANGS_AFTER_SENDING:
        put_sending(fd, ticket);
        for (;;)
            pause();
    case ACT_ANSWERS_TWICE:
        putf(fd, "submitted ticket=%lld id=1 ms=1\nsubmitted ticket=%lld id=2 ms=1\n", ticket,
             ticket);
        return 0;
    case ACT_IS_SLOW:
        usleep(1000000);
        break;
    case ACT_SAYS_NOTHING:
        return 0;
    case ACT_FINDS_IT_DONE:
        putf(fd, "submitted ticket=%lld id=77 already=1 ms=1\n", ticket);
        return 0;
    case ACT_SUBMITS:
        break;
    }
    put_sending(fd, ticket);
    if (getenv("TEST_HANDED_IN") != NULL)
        close(open(getenv("TEST_HANDED_IN"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    putf(fd, "job ticket=%lld id=77 submit_at=1700000500\n", ticket);
    putf(fd, "submitted ticket=%lld id=77 ms=1\n", ticket);
    return 0;
}

enum capture_does {
    CAPTURE_DONE = 1,
    CAPTURE_ENDS_BADLY,
    CAPTURE_DIES,
    CAPTURE_INVENTS,
    CAPTURE_REFUSES,
    CAPTURE_NAMES_A_PATH,
    CAPTURE_TELLS_FILES,
};

/* As its owner: which descriptors are open, and may another process of his look in? */
static inline void tell_files(int fd, long long ticket, uid_t uid, gid_t gid)
{
    char path[32], to[256], text[2048] = "";
    struct stat st;

    if (mir_become_user(uid, gid, 1, NULL) != 0)
        _exit(97);
    for (int i = 0; i < 256; i++) {
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
        n = readlink(path, to, sizeof(to) - 1);
        if (n < 0)
            continue;
        to[n] = '\0';
        to[strcspn(to, ":")] = '\0';
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s,",
                 strchr(to, '-') != NULL ? "template" : to);
    }
    assert_int_equal(stat("/proc/self/mem", &st), 0);
    putf(fd, "failed ticket=%lld outcome=refused refusal=other text=%sowner:%u ms=1\n", ticket,
         text, (unsigned)st.st_uid);
}

static inline int fake_capture(int fd, long long ticket, int64_t job, uid_t uid, const char *spool)
{
    char id[MIR_TEMPLATE_ID_LEN + 1] = TOKEN;

    if (job != CAPTURE_INVENTS) {
        int file = mir_spool_begin(spool, uid, id, NULL);

        if (file < 0)
            return 9;
        if (job != CAPTURE_TELLS_FILES)
            close(file);
    }
    if (job == CAPTURE_DIES)
        abort();
    if (job == CAPTURE_TELLS_FILES) {
        tell_files(fd, ticket, uid, getpwuid(uid)->pw_gid);
        return 0;
    }
    if (job == CAPTURE_REFUSES)
        putf(fd, "failed ticket=%lld outcome=refused refusal=not_carried text=het ms=1\n", ticket);
    else
        putf(fd, "captured ticket=%lld template=%s environment=login ms=1\n", ticket,
             job == CAPTURE_NAMES_A_PATH ? "../x" : id);
    return job == CAPTURE_ENDS_BADLY ? 1 : 0;
}

static inline int
fake_act(int fd, const struct mir_wire_record *q, const struct mir_broker_settings *settings)
{
    int64_t ticket = 0, n = 0, uid = 0;

    (void)mir_wire_get_i64(q, "ticket", 1, INT64_MAX, &ticket, NULL);
    if (strcmp(q->verb, "submit") == 0) {
        (void)mir_wire_get_i64(q, "link", 1, INT64_MAX, &n, NULL);
        return fake_submit(fd, (long long)ticket, n);
    }
    (void)mir_wire_get_i64(q, "id", 1, INT64_MAX, &n, NULL);
    (void)mir_wire_get_i64(q, "uid", 1, INT64_MAX, &uid, NULL);
    if (strcmp(q->verb, "capture") == 0)
        return fake_capture(fd, (long long)ticket, n, (uid_t)uid, settings->spool);
    put_sending(fd, (long long)ticket);
    if (n == ACT_DIES_AFTER_SENDING)
        return 1;
    putf(fd, "cancelled ticket=%lld ms=1\n", (long long)ticket);
    return 0;
}

/* ---- the server under test */

struct fixture {
    char folder[64], socket[128], spool[128], kill_file[128], log[128];
    struct mir_broker_settings settings, reloaded;
    uid_t uid; /* the daemon's */
    gid_t gid;
    pid_t server;
    int fd; /* the daemon's end; -1 */
    struct mir_wire_input in;
};

static inline int setup(void **state)
{
    struct fixture *f = MIR_NEW(struct fixture);
    const struct passwd *nobody = getpwuid(NOBODY);

    snprintf(f->folder, sizeof(f->folder), "/tmp/test_broker_server.XXXXXX");
    if (mkdtemp(f->folder) == NULL || chmod(f->folder, 0711) != 0)
        return -1;
    snprintf(f->socket, sizeof(f->socket), "%s/socket", f->folder);
    snprintf(f->spool, sizeof(f->spool), "%s/spool", f->folder);
    snprintf(f->kill_file, sizeof(f->kill_file), "%s/kill", f->folder);
    snprintf(f->log, sizeof(f->log), "%s/log", f->folder);
    f->fd = -1;
    f->uid = getuid();
    f->gid = getgid();
    if (getuid() == 0 && nobody != NULL && nobody->pw_gid != 0) {
        f->uid = NOBODY;
        f->gid = nobody->pw_gid;
    }
    f->settings = (struct mir_broker_settings){
        .socket_path = f->socket,
        .spool = f->spool,
        .slurm_conf = "",
        .kill_file = f->kill_file,
        .daemon_uid = f->uid,
        .daemon_gid = f->gid,
        .min_uid = 1000,
        .user_per_hour = 100,
        .all_per_hour = 1000,
        .deadline_s = 20,
        .slurm_user = "",
    };
    *state = f;
    return 0;
}

static inline int remove_it(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void disconnect(struct fixture *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    mir_wire_release(&f->in);
    f->in = (struct mir_wire_input){0};
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;

    disconnect(f);
    if (f->server > 0) {
        (void)kill(f->server, SIGKILL);
        (void)waitpid(f->server, NULL, 0);
    }
    (void)nftw(f->folder, remove_it, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static inline void write_log(void *arg, enum mir_broker_priority priority, const char *text)
{
    const struct fixture *f = arg;
    int fd = open(f->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd >= 0) {
        dprintf(fd, "<%d>%s\n", (int)priority, text);
        close(fd);
    }
}

static inline const struct mir_broker_settings *reload(void *arg, struct mir_error *err)
{
    struct fixture *f = arg;

    if (access(f->kill_file, F_OK) == 0) {
        mir_error_set(err, -EINVAL, "mirage.conf:3: not today");
        return NULL;
    }
    f->reloaded = f->settings;
    f->reloaded.min_uid = 2000;
    return &f->reloaded;
}

/* The socket listens before the server runs, so that nobody has to wait for it. */
static inline void serve(struct fixture *f)
{
    const struct mir_server_options options = {
        .ops = {.reader = fake_reader, .act = fake_act},
        .slurm_version = "22.05.8",
        .log = write_log,
        .reload = reload,
        .arg = f,
    };
    struct mir_error err = {{0}};
    int spool_fd = mir_server_open_spool(f->spool, &err);
    int fd;

    if (spool_fd < 0)
        fail_msg("%s", err.text);
    fd = mir_server_listen(&f->settings, &err);
    if (fd < 0)
        fail_msg("%s", err.text);
    fflush(NULL);
    f->server = fork();
    assert_true(f->server >= 0);
    if (f->server == 0) {
        int rc = mir_server_run(fd, &f->settings, &options, NULL);

        close(spool_fd);
        exit(rc == 0 ? 0 : 1);
    }
    close(fd);
    close(spool_fd);
}

static inline void stop(struct fixture *f, int expected_status)
{
    int status = -1;

    for (int i = 0; i < PATIENCE_MS / 10; i++) {
        if (waitpid(f->server, &status, WNOHANG) == f->server) {
            f->server = 0;
            assert_int_equal(status, expected_status);
            return;
        }
        usleep(10000);
    }
    fail_msg("the server does not stop");
}

/* SO_PEERCRED is what the process is at connect(). */
static inline int connect_as(const struct fixture *f, uid_t uid, gid_t gid)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;

    memcpy(at.sun_path, f->socket, strlen(f->socket) + 1);
    assert_true(fd >= 0);
    assert_int_equal(setegid(gid), 0);
    assert_int_equal(seteuid(uid), 0);
    rc = connect(fd, (const struct sockaddr *)&at, sizeof(at));
    assert_int_equal(seteuid(getuid()), 0);
    assert_int_equal(setegid(getgid()), 0);
    if (rc == 0)
        return fd;
    close(fd);
    return -1;
}

static inline void say(struct fixture *f, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t n = send(f->fd, text, len, MSG_NOSIGNAL);

        if (n <= 0)
            return; /* the other end has had enough, as some tests want it */
        text += n;
        len -= (size_t)n;
    }
}

/* The next line, or NULL at the end of the connection. */
static inline const char *hear(struct fixture *f)
{
    struct pollfd p = {.fd = f->fd, .events = POLLIN};
    char *line;
    size_t len;

    for (;;) {
        if (mir_wire_next_line(&f->in, &line, &len)) {
            line[len] = '\0';
            return line;
        }
        if (poll(&p, 1, PATIENCE_MS) != 1)
            fail_msg("no answer");
        if (mir_wire_read(&f->in, f->fd) <= 0)
            return NULL;
    }
}

static inline void expect(struct fixture *f, const char *expected)
{
    const char *line = hear(f);

    if (line == NULL || strstr(line, expected) == NULL)
        fail_msg("'%s' where '%s' is expected", line != NULL ? line : "(end)", expected);
}

static inline void expect_end(struct fixture *f)
{
    const char *line = hear(f);

    if (line != NULL)
        fail_msg("'%s' where the end is expected", line);
}

static inline void greet(struct fixture *f)
{
    f->fd = connect_as(f, f->uid, f->gid);
    assert_true(f->fd >= 0);
    expect(f, " slurm=22.05.8");
    say(f, "hello version=1\n");
}

static inline void start(struct fixture *f)
{
    serve(f);
    greet(f);
}

/* A template of the user's, as if captured. */
static inline void keep_template(const struct fixture *f, uid_t uid)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/" TOKEN "-%u", f->spool, (unsigned)uid);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static inline void ask_submit(struct fixture *f, int ticket, uid_t uid, enum act_does does)
{
    char line[512];

    snprintf(line, sizeof(line),
             "submit ticket=%d template=" TOKEN " chain=abcdef27 link=%d token=" TOKEN
             " predecessor=12 predecessor_uid=%u predecessor_submit_at=1700000000\n",
             ticket, (int)does, (unsigned)uid);
    say(f, line);
}

static inline void ask_job(struct fixture *f, int ticket, enum reader_does does)
{
    char line[64];

    snprintf(line, sizeof(line), "job ticket=%d id=%d\n", ticket, (int)does);
    say(f, line);
}

/* Until there is a reader again: no test counts on how soon. */
static inline void wait_for_reader(struct fixture *f)
{
    const char *line;

    for (int i = 0; i < PATIENCE_MS / 50; i++) {
        ask_job(f, 5000, READER_ANSWERS);
        line = hear(f);
        if (line != NULL && strncmp(line, "job ", 4) == 0) {
            expect(f, "done ticket=5000");
            return;
        }
        usleep(50000);
    }
    fail_msg("there is no reader any more");
}

static inline void ask_capture(struct fixture *f, int ticket, enum capture_does does)
{
    char line[128];

    snprintf(line, sizeof(line), "capture ticket=%d id=%d uid=1001 submit_at=7\n", ticket,
             (int)does);
    say(f, line);
}

/* Until the log has it. */
static inline void expect_log(const struct fixture *f, const char *text)
{
    char log[65536];

    for (int i = 0; i < PATIENCE_MS / 10; i++) {
        FILE *file = fopen(f->log, "re");
        size_t n = file != NULL ? fread(log, 1, sizeof(log) - 1, file) : 0;

        if (file != NULL)
            fclose(file);
        log[n] = '\0';
        if (strstr(log, text) != NULL)
            return;
        usleep(10000);
    }
    fail_msg("the log says nothing of '%s' but:\n%s", text, log);
}

static int n_in_spool;

static inline int count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)path;
    (void)st;
    (void)ftw;
    n_in_spool += type == FTW_F;
    return 0;
}

static inline int count_spool(const struct fixture *f)
{
    n_in_spool = 0;
    (void)nftw(f->spool, count_file, 8, FTW_PHYS);
    return n_in_spool;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
