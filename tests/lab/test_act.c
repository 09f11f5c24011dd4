/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_act.c - capture, submit and cancel on a real slurmctld.  Run as root with
 * SLURM_CONF set to a cluster that may be played with, whose users alice and bob have
 * accounts (77: skipped).  TAP on stdout.
 *
 *     test_act FOLDER     where jobs may write; must be alice's to enter and write
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/broker/broker.h"
#include "daemon/broker/compat.h"
#include "daemon/broker/sent.h"
#include "daemon/broker/spool.h"
#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "daemon/core/str.h"
#include "daemon/host/wire.h"

static int n_tests, n_failed;
static char folder[3072], spool[4096];
static struct mir_broker_settings settings;
static uid_t alice, bob;

__attribute__((format(printf, 2, 3))) static bool ok(bool good, const char *fmt, ...)
{
    va_list args;

    n_tests++;
    n_failed += !good;
    printf("%s %d - ", good ? "ok" : "not ok", n_tests);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
    return good;
}

/* --- asking ------------------------------------------------------------------------ */

/* What one act said: all its records, and the last one that is not a job. */
struct said {
    char *text;
    char *closing;
    struct mir_wire_record r;
    bool sending;
    int status;
};

static void said_release(struct said *s)
{
    free(s->text);
    free(s->closing);
    *s = (struct said){0};
}

/* In a child that may drop its privilege for good, as under the server. */
static void act_child(int fd, const char *question)
{
    struct mir_wire_record r;
    char *line = mir_strdup(question);

    if (mir_wire_parse(line, strlen(line), &r, NULL) != 0)
        _exit(3);
    _exit(mir_act_run(fd, &r, &settings));
}

static void act(const char *question, struct said *out)
{
    struct mir_str all = {0};
    char bytes[4096];
    int ends[2];
    pid_t pid;
    ssize_t n;

    *out = (struct said){0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 || (pid = fork()) < 0)
        abort();
    if (pid == 0)
        act_child(ends[1], question);
    close(ends[1]);
    mir_str_add(&all, "");
    while ((n = read(ends[0], bytes, sizeof(bytes))) > 0) {
        mir_str_add_n(&all, bytes, (size_t)n);
        if (!out->sending && strncmp(all.text, "sending ", 8) == 0) {
            out->sending = true;
            if (write(ends[0], "go\n", 3) != 3)
                abort();
        }
    }
    close(ends[0]);
    waitpid(pid, &out->status, 0);
    out->text = all.text;
    for (char *at = all.text, *lf; (lf = strchr(at, '\n')) != NULL; at = lf + 1) {
        *lf = '\0';
        free(out->closing);
        out->closing = mir_strdup(at);
    }
    if (out->closing == NULL ||
        mir_wire_parse(out->closing, strlen(out->closing), &out->r, NULL) != 0)
        out->r = (struct mir_wire_record){.verb = "nothing"};
}

static const char *get(const struct said *s, const char *key)
{
    const char *value = mir_wire_get(&s->r, key);

    return value != NULL ? value : "";
}

static bool refused(const struct said *s, const char *refusal)
{
    bool good = strcmp(s->r.verb, "failed") == 0 && strcmp(get(s, "outcome"), "refused") == 0 &&
                strcmp(get(s, "refusal"), refusal) == 0;

    if (!good)
        printf("# said %s %s %s: %s\n", s->r.verb, get(s, "outcome"), get(s, "refusal"),
               get(s, "text"));
    return good;
}

static int64_t number(const struct said *s, const char *key)
{
    int64_t n = 0;

    (void)mir_wire_get_i64(&s->r, key, 0, INT64_MAX, &n, NULL);
    return n;
}

/* --- sbatch ------------------------------------------------------------------------ */

/* Run `command` as `user` in the folder; the first number that it prints. */
static uint32_t run_as(const char *user, const char *command)
{
    struct mir_str line = {0};
    char text[256] = "";
    int64_t id = 0;
    FILE *f;

    mir_str_addf(&line, "cd '%s' && setpriv --reuid=%s --regid=%s --init-groups env ", folder, user,
                 user);
    mir_str_addf(&line, "HOME=/ SLURM_CONF='%s' sh -c '%s'", getenv("SLURM_CONF"), command);
    f = popen(line.text, "r");
    mir_str_release(&line);
    if (f == NULL)
        return 0;
    if (fgets(text, sizeof(text), f) == NULL)
        text[0] = '\0';
    text[strcspn(text, "\n;")] = '\0';
    pclose(f);
    return mir_parse_i64(text, strlen(text), &id) == 0 ? (uint32_t)id : 0;
}

/* Is that the number, in half a minute at most? */
static bool comes_to(const char *user, const char *command, uint32_t wanted)
{
    for (int i = 0; i < 300; i++) {
        if (run_as(user, command) == wanted)
            return true;
        usleep(100000);
    }
    return false;
}

static job_info_msg_t *load(uint32_t id)
{
    job_info_msg_t *msg = NULL;

    return slurm_load_job(&msg, JOBID_ARG(id), SHOW_DETAIL) == SLURM_SUCCESS ? msg : NULL;
}

static int64_t submit_time(uint32_t id)
{
    job_info_msg_t *msg = load(id);
    int64_t at = msg != NULL ? msg->job_array[0].submit_time : 0;

    slurm_free_job_info_msg(msg);
    return at;
}

static bool wait_for_state(uint32_t id, uint32_t state)
{
    for (int i = 0; i < 600; i++) {
        job_info_msg_t *msg = load(id);
        bool there = msg != NULL && (msg->job_array[0].job_state & JOB_STATE_BASE) == state;

        slurm_free_job_info_msg(msg);
        if (there)
            return true;
        usleep(50000);
    }
    return false;
}

/* --- questions --------------------------------------------------------------------- */

static void capture_once(uint32_t id, uid_t uid, int64_t submit_at, struct said *out)
{
    struct mir_str q = {0};

    mir_wire_begin(&q, "capture");
    mir_wire_add_i64(&q, "ticket", 1);
    mir_wire_add_i64(&q, "id", id);
    mir_wire_add_i64(&q, "uid", uid);
    mir_wire_add_i64(&q, "submit_at", submit_at);
    act(q.text, out);
    mir_str_release(&q);
    if (strcmp(out->r.verb, "captured") == 0)
        ok(mir_spool_commit(spool, get(out, "template"), uid, NULL) == 0,
           "template of job %u is kept", id);
}

/* As the engine does: slurmdbd and the saved state are seconds behind. */
static void capture(uint32_t id, uid_t uid, int64_t submit_at, struct said *out)
{
    for (int i = 0; i < 30; i++) {
        capture_once(id, uid, submit_at, out);
        if (strcmp(get(out, "outcome"), "unavailable") != 0)
            return;
        printf("# %s\n", get(out, "text"));
        said_release(out);
        sleep(1);
    }
    capture_once(id, uid, submit_at, out);
}

struct successor {
    const char *template_id, *token, *stop_file, *chain;
    int link;
    uint32_t predecessor;
    uid_t uid;
    int64_t submit_at;
};

static void submit(const struct successor *s, struct said *out)
{
    struct mir_str q = {0};

    mir_wire_begin(&q, "submit");
    mir_wire_add_i64(&q, "ticket", 2);
    mir_wire_add(&q, "template", s->template_id);
    mir_wire_add(&q, "chain", s->chain != NULL ? s->chain : "abcdefgh");
    mir_wire_add_i64(&q, "link", s->link > 0 ? s->link : 1);
    mir_wire_add(&q, "token", s->token);
    mir_wire_add_i64(&q, "predecessor", s->predecessor);
    mir_wire_add_i64(&q, "predecessor_uid", s->uid);
    mir_wire_add_i64(&q, "predecessor_submit_at", s->submit_at);
    mir_wire_add(&q, "stop_file", s->stop_file);
    act(q.text, out);
    mir_str_release(&q);
}

static void cancel(uint32_t id, uid_t uid, int64_t submit_at, const char *token, struct said *out)
{
    struct mir_str q = {0};

    mir_wire_begin(&q, "cancel");
    mir_wire_add_i64(&q, "ticket", 3);
    mir_wire_add_i64(&q, "id", id);
    mir_wire_add_i64(&q, "uid", uid);
    mir_wire_add_i64(&q, "submit_at", submit_at);
    mir_wire_add(&q, "token", token);
    act(q.text, out);
    mir_str_release(&q);
}

/* --- field by field ---------------------------------------------------------------- */

struct column {
    const char *name;
    size_t offset, size; /* 0: a string */
};
#define S(f)                                                                                       \
    {                                                                                              \
#f, offsetof(slurm_job_info_t, f), 0                                                       \
    }
#define N(f)                                                                                       \
    {                                                                                              \
#f, offsetof(slurm_job_info_t, f), sizeof(((slurm_job_info_t *)0)->f)                      \
    }

/*
 * Every field of 22.05's record but these, which are another job's own:
 *   ids, times, states, priority       one job's life
 *   comment                            has the new tag; tested by itself
 *   alloc_node, alloc_sid              where the submission came from
 *   bitflags                           the options among them are compared, by mask
 *   *_str, nodes, batch_host, gres_*   what was allotted
 */
static const struct column columns[] = {
    S(account),
    S(batch_features),
    N(batch_flag),
    N(boards_per_node),
    S(burst_buffer),
    S(cluster),
    S(cluster_features),
    S(command),
    S(container),
    N(contiguous),
    N(core_spec),
    N(cores_per_socket),
    N(cpus_per_task),
    N(cpu_freq_min),
    N(cpu_freq_max),
    N(cpu_freq_gov),
    S(cpus_per_tres),
    N(deadline),
    N(delay_boot),
    S(exc_nodes),
    S(features),
    N(group_id),
    S(licenses),
    N(mail_type),
    S(mail_user),
    N(max_cpus),
    S(mcs_label),
    S(mem_per_tres),
    S(name),
    S(network),
    N(nice),
    N(ntasks_per_core),
    N(ntasks_per_tres),
    N(ntasks_per_node),
    N(ntasks_per_socket),
    N(ntasks_per_board),
    N(num_tasks),
    S(partition),
    S(prefer),
    N(pn_min_memory),
    N(pn_min_cpus),
    N(pn_min_tmp_disk),
    N(profile),
    S(qos),
    N(reboot),
    S(req_nodes),
    N(req_switch),
    N(requeue),
    S(resv_name),
    S(selinux_context),
    N(shared),
    N(sockets_per_board),
    N(sockets_per_node),
    S(std_err),
    S(std_in),
    S(std_out),
    N(time_limit),
    N(time_min),
    N(threads_per_core),
    S(tres_bind),
    S(tres_freq),
    S(tres_per_job),
    S(tres_per_node),
    S(tres_per_socket),
    S(tres_per_task),
    S(tres_req_str),
    N(user_id),
    N(wait4switch),
    S(wckey),
    S(work_dir),
};
/* Only while both wait: a running job's record has what it got. */
static const struct column pending_columns[] = {N(max_nodes), N(num_cpus), N(num_nodes)};

static const uint64_t option_flags = KILL_INV_DEP | NO_KILL_INV_DEP | GRES_ENFORCE_BIND |
                                     GRES_DISABLE_BIND | SPREAD_JOB | USE_MIN_NODES |
                                     JOB_NTASKS_SET | JOB_CPUS_SET | JOB_MEM_SET;

static const char *text_at(const slurm_job_info_t *job, size_t offset)
{
    const char *text;

    memcpy(&text, (const char *)job + offset, sizeof(text));
    return text != NULL ? text : "";
}

static void compare_columns(const struct column *c,
                            size_t n,
                            const slurm_job_info_t *a,
                            const slurm_job_info_t *b)
{
    for (size_t i = 0; i < n; i++) {
        const char *pa = (const char *)a + c[i].offset, *pb = (const char *)b + c[i].offset;
        bool same;

        if (c[i].size == 0) {
            same = strcmp(text_at(a, c[i].offset), text_at(b, c[i].offset)) == 0;
            if (!same)
                printf("# [%s] [%s]\n", text_at(a, c[i].offset), text_at(b, c[i].offset));
        } else {
            same = memcmp(pa, pb, c[i].size) == 0;
            if (!same && c[i].size == 4)
                printf("# %u %u\n", *(const uint32_t *)(const void *)pa,
                       *(const uint32_t *)(const void *)pb);
        }
        ok(same, "%s is the same", c[i].name);
    }
}

static void compare(uint32_t a_id, uint32_t b_id, bool pending)
{
    job_info_msg_t *a = load(a_id), *b = load(b_id);

    if (!ok(a != NULL && b != NULL, "both jobs can be read"))
        abort();
    compare_columns(columns, sizeof(columns) / sizeof(*columns), a->job_array, b->job_array);
    if (pending)
        compare_columns(pending_columns, 3, a->job_array, b->job_array);
    if (!ok(((a->job_array->bitflags ^ b->job_array->bitflags) & option_flags) == 0,
            "the flags are the same"))
        printf("# %" PRIx64 " %" PRIx64 "\n", a->job_array->bitflags, b->job_array->bitflags);
    slurm_free_job_info_msg(a);
    slurm_free_job_info_msg(b);
}

/* --- the tests --------------------------------------------------------------------- */

/* Fresh in every run: a token names one job for as long as slurmctld remembers it. */
static char tokens[8][MIR_TOKEN_LEN + 1];

static void draw_tokens(void)
{
    unsigned char bits[MIR_TOKEN_LEN / 2];

    for (size_t t = 0; t < sizeof(tokens) / sizeof(tokens[0]); t++) {
        if (getrandom(bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
            abort();
        for (size_t i = 0; i < sizeof(bits); i++)
            snprintf(tokens[t] + 2 * i, 3, "%02x", bits[i]);
    }
}

static void write_file(const char *name, const char *text, size_t n_times)
{
    struct mir_str path = {0};
    FILE *f;

    mir_str_addf(&path, "%s/%s", folder, name);
    f = fopen(path.text, "w");
    for (size_t i = 0; f != NULL && i < n_times; i++)
        fputs(text, f);
    if (f != NULL)
        fclose(f);
    (void)chmod(path.text, 0755);
    mir_str_release(&path);
}

/* sbatch's answer to an option that this cluster's plugins do not know would end the test. */
#define EVERY_OPTION                                                                               \
    "-A acct1 -c 2 -C fast -n 4 -N 2-3 --ntasks-per-node=2 --mem-per-cpu=100 "                     \
    "--gpus-per-node=1 --gpu-bind=closest --gpu-freq=high --gres-flags=enforce-binding "           \
    "--mincpus=3 --tmp=100 --prefer=ib --mail-type=END,FAIL,TIME_LIMIT_80 "                        \
    "--mail-user=a@example.org --nice=50 --open-mode=append --no-kill --requeue --profile=task "   \
    "--switches=1@10 --wait-all-nodes=1 --acctg-freq=30 -m block:cyclic --use-min-nodes "          \
    "--kill-on-invalid-dep=yes --cpu-freq=low-high:OnDemand --delay-boot=5 --time-min=3 -t 9 "     \
    "--exclude=n08 --nodelist=n01 --contiguous --wckey=wk --power=level "                          \
    "--threads-per-core=1 --signal=B:USR1@120 -e err-%j.txt -o out-%j.txt -J \"a name\" "          \
    "--qos=normal -p main,short "

static void carries_every_option(void)
{
    uint32_t id = run_as(
        "alice", "sbatch --parsable --comment=\"my  100% mirage:links=20 words\" " EVERY_OPTION
                 "every.sh one two");
    struct said c, s;
    int64_t at = submit_time(id);

    if (!ok(id != 0, "sbatch takes every option"))
        return;
    capture(id, alice, at, &c);
    if (!ok(strcmp(c.r.verb, "captured") == 0, "captured: %s", get(&c, "text")))
        return;
    printf("# environment: %s\n", get(&c, "environment"));
    ok(number(&c, "warn_s") == 120, "--signal is found");
    submit(&(struct successor){.template_id = get(&c, "template"),
                               .token = tokens[0],
                               .predecessor = id,
                               .uid = alice,
                               .submit_at = at},
           &s);
    if (ok(strcmp(s.r.verb, "submitted") == 0 && s.sending, "submitted: %s", get(&s, "text"))) {
        uint32_t next = (uint32_t)number(&s, "id");
        job_info_msg_t *msg = load(next);
        struct mir_str comment = {0};

        compare(id, next, true);
        mir_str_addf(&comment, "my  100%% mirage:links=20 words mirage=abcdefgh.1.%s", tokens[0]);
        ok(msg != NULL && strcmp(msg->job_array->comment, comment.text) == 0,
           "the comment has the tag and all else");
        mir_str_release(&comment);
        slurm_free_job_info_msg(msg);
        said_release(&s);
        submit(&(struct successor){.template_id = get(&c, "template"),
                                   .token = tokens[0],
                                   .predecessor = id,
                                   .uid = alice,
                                   .submit_at = at},
               &s);
        ok(number(&s, "id") == next && number(&s, "already") == 1 && !s.sending,
           "the same token again is the same job");
        said_release(&s);
        submit(&(struct successor){.template_id = get(&c, "template"),
                                   .token = tokens[1],
                                   .predecessor = id,
                                   .uid = alice,
                                   .submit_at = at},
               &s);
        ok(refused(&s, "other"), "another job for the same link is refused: %s", get(&s, "text"));
        said_release(&s);
        cancel(next, alice, submit_time(next), tokens[1], &s);
        ok(refused(&s, "identity"), "a forged token cancels nothing");
        said_release(&s);
        cancel(next, alice, submit_time(next) + 1, tokens[0], &s);
        ok(refused(&s, "identity"), "another submit time cancels nothing");
        said_release(&s);
        cancel(next, alice, submit_time(next), tokens[0], &s);
        ok(strcmp(s.r.verb, "cancelled") == 0, "a pending successor is cancelled: %s",
           get(&s, "text"));
        ok(wait_for_state(next, JOB_CANCELLED), "and is gone");
    }
    said_release(&s);
    said_release(&c);
}

/* Options that exclude each other, or that not every cluster takes. */
static void carries_other_options(void)
{
    static const char *const options[] = {
        "--mem=0 -O -n 4 -N1 --exclusive",
        "-L matlab:2",
        "-N2 --gpus-per-node=1 --gpus-per-task=1 -n2 --gpus-per-socket=1 --sockets-per-node=1 "
        "--cores-per-socket=2 --threads-per-core=1 -c 2 --mem=500 --cpu-freq=2000000",
        "-n4 --ntasks-per-gpu=2 --spread-job",
        "--gpus=2 --cpus-per-gpu=2 --mem-per-gpu=100 --oversubscribe -t 1-0 "
        "--kill-on-invalid-dep=no",
        "--exclusive=user -n 3 --ntasks-per-core=1 --ntasks-per-socket=1 --no-requeue",
        "-i /dev/zero --network=x --gres-flags=disable-binding --wait-all-nodes=0 --thread-spec=1",
        "--bb=capacity=3",
    };

    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        struct mir_str command = {0};
        struct said c, s;
        uint32_t id;
        int64_t at;

        mir_str_addf(&command, "sbatch --parsable --comment=mirage %s plain.sh 2>&1", options[i]);
        id = run_as("alice", command.text);
        mir_str_release(&command);
        printf("# %s%s\n", options[i], id == 0 ? ": this cluster does not take them" : "");
        if (id == 0)
            continue;
        draw_tokens();
        at = submit_time(id);
        capture(id, alice, at, &c);
        submit(&(struct successor){.template_id = get(&c, "template"),
                                   .token = tokens[0],
                                   .chain = "dddddddd",
                                   .predecessor = id,
                                   .uid = alice,
                                   .submit_at = at},
               &s);
        if (ok(strcmp(s.r.verb, "submitted") == 0, "submitted: %s%s", get(&c, "text"),
               get(&s, "text"))) {
            uint32_t next = (uint32_t)number(&s, "id");

            compare(id, next, true);
            said_release(&s);
            cancel(next, alice, submit_time(next), tokens[0], &s);
        }
        said_release(&s);
        said_release(&c);
    }
}

/* A running job, its successor running too: output, arguments and environment as they arrive. */
static void carries_a_running_job(void)
{
    uint32_t id =
        run_as("alice", "VALUE=\"two\nlines\" sbatch --parsable --comment=mirage -t 5 -N 1-2 -n 2 "
                        "-p short,main --signal=USR1@90 show.sh \"a b\" c");
    int64_t at = submit_time(id);
    struct said c = {0}, s = {0};

    ok(id != 0 && wait_for_state(id, JOB_RUNNING), "job %u runs", id);
    capture(id, alice, at, &c);
    if (!ok(strcmp(c.r.verb, "captured") == 0, "captured: %s", get(&c, "text")))
        return;
    ok(number(&c, "warn_s") == 90, "--signal is found");
    printf("# environment: %s\n", get(&c, "environment"));
    submit(&(struct successor){.template_id = get(&c, "template"),
                               .token = tokens[2],
                               .chain = "bbbbbbbb",
                               .predecessor = id,
                               .uid = alice,
                               .submit_at = at},
           &s);
    if (ok(strcmp(s.r.verb, "submitted") == 0, "submitted: %s", get(&s, "text"))) {
        uint32_t next = (uint32_t)number(&s, "id");
        struct mir_str command = {0};
        struct said k;

        ok(wait_for_state(next, JOB_RUNNING), "the successor runs");
        cancel(next, alice, submit_time(next), tokens[2], &k);
        ok(refused(&k, "identity") && !k.sending, "a running job is not cancelled: %s",
           get(&k, "text"));
        said_release(&k);
        compare(id, next, false);
        /* The last that the script prints, so all before it is there, too. */
        mir_str_addf(&command, "grep -c MIRAGE slurm-%u.out", next);
        ok(comes_to("alice", command.text, 5), "the chain's own variables arrive");
        command.len = 0;
        /* The first job may have variables of ours from where it was submitted: not carried. */
        mir_str_addf(&command,
                     "grep -v MIRAGE slurm-%u.out >first; "
                     "grep -v MIRAGE slurm-%u.out | cmp - first && echo 1",
                     id, next);
        ok(run_as("alice", command.text) == 1, "and arguments and environment");
        mir_str_release(&command);
    }
    said_release(&s);
    said_release(&c);
}

static void refuses_what_is_not_asked_for(void)
{
    uint32_t plain = run_as("alice", "sbatch --parsable -H plain.sh");
    uint32_t asked = run_as("alice", "sbatch --parsable -H --comment=mirage plain.sh");
    uint32_t foreign = run_as("bob", "sbatch --parsable -H --comment=mirage -o /dev/null plain.sh");
    uint32_t array = run_as("alice", "sbatch --parsable -H --comment=mirage -a 1-2 plain.sh");
    uint32_t dependent, deadline;
    struct mir_str command = {0};
    struct said s;

    mir_str_addf(&command, "sbatch --parsable -d afterok:%u --comment=mirage plain.sh", asked);
    dependent = run_as("alice", command.text);
    mir_str_release(&command);
    deadline =
        run_as("alice", "sbatch --parsable -H --deadline=now+2hours --comment=mirage plain.sh");
    capture(plain, alice, submit_time(plain), &s);
    ok(refused(&s, "identity"), "no opt-in: %s", get(&s, "text"));
    said_release(&s);
    capture(foreign, alice, submit_time(foreign), &s);
    ok(refused(&s, "identity"), "another user's job: %s", get(&s, "text"));
    said_release(&s);
    capture(asked, alice, submit_time(asked) + 1, &s);
    ok(refused(&s, "identity"), "another submit time: %s", get(&s, "text"));
    said_release(&s);
    capture(4000000, alice, 1, &s);
    ok(refused(&s, "identity"), "no such job: %s", get(&s, "text"));
    said_release(&s);
    capture(asked, 0, submit_time(asked), &s);
    ok(refused(&s, "owner"), "uid 0: %s", get(&s, "text"));
    said_release(&s);
    capture(asked, 1, submit_time(asked), &s);
    ok(refused(&s, "owner"), "under min_uid: %s", get(&s, "text"));
    said_release(&s);
    capture(array, alice, submit_time(array), &s);
    ok(strcmp(get(&s, "outcome"), "refused") == 0, "an array: %s", get(&s, "text"));
    said_release(&s);
    if (dependent != 0) {
        capture(dependent, alice, submit_time(dependent), &s);
        ok(refused(&s, "not_carried"), "a dependency: %s", get(&s, "text"));
        said_release(&s);
    }
    if (deadline != 0) {
        capture(deadline, alice, submit_time(deadline), &s);
        ok(refused(&s, "not_carried"), "a deadline: %s", get(&s, "text"));
        said_release(&s);
    }
}

/* Root may submit with any group: such a job must not be captured. */
static void refuses_gid_0(void)
{
    job_desc_msg_t desc;
    submit_response_msg_t *response = NULL;
    char name[] = "gid0", script[] = "#!/bin/sh\nsleep 100\n", comment[] = "mirage",
         variable[] = "A=1";
    char *environment[] = {variable};
    struct said s;

    slurm_init_job_desc_msg(&desc);
    desc.user_id = alice;
    desc.group_id = 0;
    desc.name = name;
    desc.script = script;
    desc.comment = comment;
    desc.work_dir = folder;
    desc.environment = environment;
    desc.env_size = 1;
    desc.priority = 0;
    if (!ok(slurm_submit_batch_job(&desc, &response) == SLURM_SUCCESS && response != NULL,
            "slurmctld takes root's word for gid 0"))
        return;
    capture(SUBMIT_JOBID(response), alice, submit_time(SUBMIT_JOBID(response)), &s);
    ok(refused(&s, "owner"), "gid 0: %s", get(&s, "text"));
    said_release(&s);
    slurm_free_submit_response_response_msg(response);
}

static void submits_only_where_it_may(void)
{
    uint32_t id = run_as("alice", "sbatch --parsable -H --comment=mirage big.sh");
    int64_t at = submit_time(id);
    struct successor next = {
        .token = tokens[3], .chain = "cccccccc", .predecessor = id, .uid = alice, .submit_at = at};
    struct mir_str command = {0};
    struct said c, s;

    capture(id, alice, at, &c);
    if (!ok(strcmp(c.r.verb, "captured") == 0, "a script of 4 MB: %s", get(&c, "text")))
        return;
    next.template_id = get(&c, "template");
    next.stop_file = "DONE";
    write_file("DONE", "", 1);
    submit(&next, &s);
    ok(refused(&s, "stop_file"), "stop file: %s", get(&s, "text"));
    said_release(&s);
    next.stop_file = "../DONE";
    submit(&next, &s);
    ok(refused(&s, "other"), "a stop file elsewhere: %s", get(&s, "text"));
    said_release(&s);
    next.stop_file = NULL;
    next.uid = bob;
    submit(&next, &s);
    ok(refused(&s, "template"), "another user's template: %s", get(&s, "text"));
    said_release(&s);
    next.uid = alice;
    next.template_id = "0123456789abcdef0123456789abcdef";
    submit(&next, &s);
    ok(refused(&s, "template"), "no such template: %s", get(&s, "text"));
    said_release(&s);
    next.template_id = get(&c, "template");
    mir_str_addf(&command, "scontrol update job=%u comment=none && echo 1", id);
    run_as("alice", command.text);
    submit(&next, &s);
    ok(refused(&s, "identity") && !s.sending, "consent withdrawn: %s", get(&s, "text"));
    said_release(&s);
    command.len = 0;
    mir_str_addf(&command, "scontrol update job=%u comment=mirage && echo 1", id);
    run_as("alice", command.text);
    submit(&next, &s);
    ok(strcmp(s.r.verb, "submitted") == 0, "and given again: %s", get(&s, "text"));
    said_release(&s);
    said_release(&c);
    mir_str_release(&command);
}

/* --- what is left of the owner's word ---------------------------------------------- */

static void say_as_alice(const char *command, uint32_t id, const char *rest)
{
    struct mir_str line = {0};

    mir_str_addf(&line, "%s%u%s", command, id, rest);
    run_as("alice", line.text);
    mir_str_release(&line);
}

static void set_comment(uint32_t id, const char *comment)
{
    char rest[256];

    snprintf(rest, sizeof(rest), " comment=\"%s\"", comment);
    say_as_alice("scontrol update job=", id, rest);
}

static uint32_t hold(const char *arguments)
{
    struct mir_str command = {0};
    uint32_t id;

    mir_str_addf(&command, "sbatch --parsable -H --comment=mirage %s", arguments);
    id = run_as("alice", command.text);
    mir_str_release(&command);
    return id;
}

static void runs_only_what_the_predecessor_runs(void)
{
    uint32_t one = hold("plain.sh"), same = hold("plain.sh"), other = hold("show.sh");
    struct successor next = {.token = tokens[4],
                             .chain = "dddddddd",
                             .predecessor = other,
                             .uid = alice,
                             .submit_at = submit_time(other)};
    struct said c, s;

    capture(one, alice, submit_time(one), &c);
    next.template_id = get(&c, "template");
    submit(&next, &s);
    ok(refused(&s, "template") && !s.sending, "another job's template: %s", get(&s, "text"));
    said_release(&s);
    next.predecessor = same;
    next.submit_at = submit_time(same);
    set_comment(same, "mirage:links=1");
    submit(&next, &s);
    ok(refused(&s, "other") && !s.sending, "more links than asked for: %s", get(&s, "text"));
    said_release(&s);
    set_comment(same, "mirage:stop_file=HALT");
    write_file("HALT", "", 1);
    submit(&next, &s);
    ok(refused(&s, "stop_file") && !s.sending, "a stop file that nobody told us of: %s",
       get(&s, "text"));
    said_release(&s);
    set_comment(same, "mirage mirage=eeeeeeee.1.0123456789abcdef0123456789abcdef");
    submit(&next, &s);
    ok(refused(&s, "identity") && !s.sending, "of another chain: %s", get(&s, "text"));
    said_release(&s);
    set_comment(same, "mirage:links=2");
    submit(&next, &s);
    ok(strcmp(s.r.verb, "submitted") == 0, "an earlier link's template: %s", get(&s, "text"));
    said_release(&s);
    said_release(&c);
}

static bool wait_for_purge(uint32_t id)
{
    for (int i = 0; i < 300; i++) {
        job_info_msg_t *msg = load(id);

        if (msg == NULL)
            return true;
        slurm_free_job_info_msg(msg);
        sleep(1);
    }
    return false;
}

/*
 * The successor was never captured itself, and its template does not name the chain:
 * the broker's note of what it made of that template does.
 */
static void goes_on_from_what_it_has_made(struct successor *next, uint32_t made)
{
    struct mir_sent sent = {.link = 1, .job_id = made, .submit_at = submit_time(made)};
    struct said s;

    memcpy(sent.chain, next->chain, MIR_CHAIN_ID_LEN + 1);
    /* As the broker does, whose children these acts are. */
    ok(mir_sent_note(spool, next->template_id, alice, &sent, NULL) == 0, "it is noted");
    next->submit_at = sent.submit_at;
    next->predecessor = made;
    next->link = 2;
    ok(wait_for_purge(made), "the successor is purged");
    next->chain = "gggggggg";
    submit(next, &s);
    ok(refused(&s, "identity") && !s.sending, "it is of another chain: %s", get(&s, "text"));
    said_release(&s);
    next->chain = "ffffffff";
    next->token = tokens[6];
    submit(next, &s);
    ok(strcmp(s.r.verb, "submitted") == 0, "it was the last of its template: %s", get(&s, "text"));
    said_release(&s);
}

/*
 * slurmctld's state was set back, and bob has got the id since: as if it were purged.  Only
 * with the broker's own note, or with slurmdbd's word, was there ever such a job.
 */
static void goes_on_where_its_id_is_anothers(void)
{
    uint32_t held = hold("plain.sh"), id = run_as("bob", "sbatch --parsable -H plain.sh");
    struct mir_sent sent = {
        .chain = "hhhhhhhh", .link = 1, .job_id = id, .submit_at = submit_time(id) - 60};
    struct successor next = {.token = tokens[7],
                             .chain = "hhhhhhhh",
                             .link = 2,
                             .predecessor = id,
                             .uid = alice,
                             .submit_at = sent.submit_at};
    job_info_msg_t *msg;
    struct said c, s;

    capture(held, alice, submit_time(held), &c);
    next.template_id = get(&c, "template");
    submit(&next, &s);
    ok(refused(&s, "identity") && !s.sending, "bob's, and never alice's: %s", get(&s, "text"));
    said_release(&s);
    ok(mir_sent_note(spool, next.template_id, alice, &sent, NULL) == 0, "it is noted");
    next.submit_at += 60;
    submit(&next, &s);
    ok(refused(&s, "identity") && !s.sending, "bob's, submitted just then: %s", get(&s, "text"));
    said_release(&s);
    next.submit_at -= 60;
    submit(&next, &s);
    ok(strcmp(s.r.verb, "submitted") == 0, "alice's was the last of its template: %s",
       get(&s, "text"));
    msg = load((uint32_t)number(&s, "id"));
    ok(msg != NULL && msg->job_array[0].user_id == alice, "the successor is alice's");
    slurm_free_job_info_msg(msg);
    msg = load(id);
    ok(msg != NULL && msg->job_array[0].user_id == bob &&
           (msg->job_array[0].job_state & JOB_STATE_BASE) == JOB_PENDING,
       "bob's job waits as before");
    slurm_free_job_info_msg(msg);
    said_release(&s);
    said_release(&c);
}

/* slurmctld has forgotten both; slurmdbd knows which of them its owner had cancelled. */
static void remembers_what_slurmctld_has_purged(void)
{
    uint32_t cancelled = hold("plain.sh"), finished = hold("-o /dev/null -t 1 quick.sh");
    struct successor next = {.token = tokens[5], .chain = "ffffffff", .uid = alice};
    int64_t cancelled_at = submit_time(cancelled), finished_at = submit_time(finished);
    struct said c, f, s;

    capture(cancelled, alice, cancelled_at, &c);
    capture(finished, alice, finished_at, &f);
    say_as_alice("scancel ", cancelled, "");
    say_as_alice("scontrol release ", finished, "");
    ok(wait_for_purge(cancelled) && wait_for_purge(finished), "both are purged");
    next.template_id = get(&c, "template");
    next.predecessor = cancelled;
    next.submit_at = cancelled_at;
    submit(&next, &s);
    ok(refused(&s, "identity") && !s.sending, "cancelled, then purged: %s", get(&s, "text"));
    said_release(&s);
    next.template_id = get(&f, "template");
    submit(&next, &s);
    ok(refused(&s, "identity") && !s.sending, "purged, and another's template: %s",
       get(&s, "text"));
    said_release(&s);
    next.predecessor = finished;
    next.submit_at = finished_at;
    submit(&next, &s);
    ok(strcmp(s.r.verb, "submitted") == 0, "finished, then purged: %s", get(&s, "text"));
    goes_on_from_what_it_has_made(&next, (uint32_t)number(&s, "id"));
    said_release(&s);
    said_release(&c);
    said_release(&f);
}

/* A cancellation that dies after `delay_us`; it must not have left the job held. */
static void cancel_and_die(useconds_t delay_us)
{
    uint32_t id;
    struct mir_str q = {0};
    job_info_msg_t *msg;
    char bytes[256];
    int ends[2];
    pid_t pid;

    id = run_as("alice", "sbatch --parsable --dependency=afterany:$(sbatch --parsable -H plain.sh) "
                         "--comment=\"mirage mirage=aaaaaaaa.1.0123456789abcdef0123456789abcdef\" "
                         "plain.sh");
    mir_wire_begin(&q, "cancel");
    mir_wire_add_i64(&q, "ticket", 3);
    mir_wire_add_i64(&q, "id", id);
    mir_wire_add_i64(&q, "uid", alice);
    mir_wire_add_i64(&q, "submit_at", submit_time(id));
    mir_wire_add(&q, "token", "0123456789abcdef0123456789abcdef");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 || (pid = fork()) < 0)
        abort();
    if (pid == 0)
        act_child(ends[1], q.text);
    close(ends[1]);
    if (read(ends[0], bytes, sizeof(bytes)) > 0 && write(ends[0], "go\n", 3) == 3)
        usleep(delay_us);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ends[0]);
    mir_str_release(&q);
    usleep(50000);
    msg = load(id);
    ok(msg != NULL && ((msg->job_array[0].job_state & JOB_STATE_BASE) == JOB_CANCELLED ||
                       msg->job_array[0].priority != 0),
       "dead %u us after it began, a cancellation leaves no job held", (unsigned)delay_us);
    slurm_free_job_info_msg(msg);
}

static void a_dying_cancellation_holds_nothing(void)
{
    for (useconds_t delay_us = 0; delay_us < 12000; delay_us += 500)
        cancel_and_die(delay_us);
}

/*
 * A partition that is down takes jobs and starts none: both records stay those of
 * waiting jobs.  (A held job's num_nodes is not yet what slurmctld makes of it.)
 */
static void set_partitions(const char *partition_state)
{
    static const char *const names[] = {"main", "short"};

    for (size_t i = 0; i < 2; i++) {
        char command[128];

        snprintf(command, sizeof(command), "scontrol update partitionname=%s state=%s", names[i],
                 partition_state);
        ok(system(command) == 0, "partition %s is %s", names[i], partition_state);
    }
}

static void clean_up(void)
{
    run_as("alice", "scancel -u alice; echo 0");
    run_as("bob", "scancel -u bob; echo 0");
}

int main(int argc, char **argv)
{
    const struct passwd *pw;

    if (argc != 2 || getenv("SLURM_CONF") == NULL || geteuid() != 0 ||
        access(getenv("SLURM_CONF"), R_OK) != 0) {
        printf("1..0 # SKIP needs root, SLURM_CONF and a folder\n");
        return 77;
    }
    if ((pw = getpwnam("alice")) != NULL)
        alice = pw->pw_uid;
    if ((pw = getpwnam("bob")) != NULL)
        bob = pw->pw_uid;
    snprintf(folder, sizeof(folder), "%s", argv[1]);
    snprintf(spool, sizeof(spool), "%s/spool", folder);
    (void)mkdir(spool, 0700);
    settings = (struct mir_broker_settings){
        .spool = spool, .slurm_conf = "", .kill_file = "", .min_uid = 1000, .slurm_user = "slurm"};
    write_file("plain.sh", "#!/bin/sh\nsleep 300\n", 1);
    write_file("quick.sh", "#!/bin/sh\ntrue\n", 1);
    write_file("every.sh", "#!/bin/sh\n#SBATCH --comment=not-this\nsleep 300\n", 1);
    write_file(
        "show.sh",
        "#!/bin/bash\nprintf \"[%s]\\n\" \"$@\" \"$VALUE\"\nenv | grep ^MIRAGE_\nsleep 300\n", 1);
    write_file("big.sh", "#!/bin/sh\n", 1);
    {
        struct mir_str text = {0};

        mir_str_add(&text, "#!/bin/sh\nsleep 300\n");
        while (text.len < (4 << 20) - 100)
            mir_str_add(&text, "# one line of many, with % and a tab\t.\n");
        write_file("big.sh", text.text, 1);
        mir_str_release(&text);
    }
    draw_tokens();
    slurm_init(NULL);
    set_partitions("down");
    carries_every_option();
    carries_other_options();
    set_partitions("up");
    draw_tokens();
    carries_a_running_job();
    refuses_what_is_not_asked_for();
    refuses_gid_0();
    submits_only_where_it_may();
    draw_tokens();
    runs_only_what_the_predecessor_runs();
    goes_on_where_its_id_is_anothers();
    a_dying_cancellation_holds_nothing();
    remembers_what_slurmctld_has_purged();
    clean_up();
    printf("1..%d\n", n_tests);
    return n_failed == 0 ? 0 : 1;
}
