/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_model_file.c - a model survives the disk, and nothing else passes for one. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <xxhash.h>

#include "models/predict/model_body.h"
#include "models/predict/model_file.h"
#include "models/predict/wait_model.h"
#include "tests/unit/wood_fixture.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_model_file.XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static const char *in_folder(char path[128], const char *name)
{
    snprintf(path, 128, "%s/%s", folder, name);
    return path;
}

static unsigned files_in_folder(void)
{
    char command[128], line[16] = "";
    FILE *f;

    snprintf(command, sizeof(command), "ls -A %s | wc -l", folder);
    f = popen(command, "re");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    pclose(f);
    return (unsigned)strtoul(line, NULL, 10);
}

/* ---- Bytes in hand */

static struct mir_str file_of(const struct mir_wait_model *m)
{
    struct mir_str body = {0}, bytes = {0};

    assert_int_equal(mir_model_body_encode(m, &body, NULL), 0);
    assert_int_equal(mir_model_file_pack(&body, &bytes, NULL), 0);
    mir_str_release(&body);
    return bytes;
}

static void put_u64(char *at, uint64_t v, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++)
        at[i] = (char)(unsigned char)(v >> 8 * i);
}

/* As somebody would who wants it to be believed. */
static void make_whole(struct mir_str *bytes)
{
    put_u64(bytes->text + bytes->len - 8, XXH3_64bits(bytes->text, bytes->len - 8), 8);
}

/* From a buffer of exactly that size, so that a sanitizer sees a read past it. */
static int parse(const char *bytes, size_t len, struct mir_error *err)
{
    struct mir_wait_model *const untouched = (void *)folder, *m = untouched;
    char *copy = malloc(len > 0 ? len : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    rc = mir_wait_model_parse(copy, len, "the-name", &m, err);
    free(copy);
    if (rc == 0)
        mir_wait_model_unref(m);
    else
        assert_ptr_equal(m, untouched);
    return rc;
}

static void assert_refused(const struct mir_str *bytes, int rc, const char *text)
{
    struct mir_error err = {{0}};
    int got = parse(bytes->text, bytes->len, &err);

    if (got != rc || strstr(err.text, text) == NULL || strncmp(err.text, "the-name: ", 10) != 0)
        fail_msg("%d, \"%s\"; not %d, \"%s\"", got, err.text, rc, text);
}

/* ---- There and back */

static void assert_same_trees(const struct mir_trees *a, const struct mir_trees *b)
{
    size_t n_values = (size_t)a->n_leaves * mir_trees_values_per_leaf(a);

    assert_int_equal(a->n_features, b->n_features);
    assert_int_equal(a->n_outputs, b->n_outputs);
    assert_int_equal(a->n_trees, b->n_trees);
    assert_int_equal(a->n_nodes, b->n_nodes);
    assert_int_equal(a->n_leaves, b->n_leaves);
    assert_memory_equal(&a->scale, &b->scale, sizeof(a->scale));
    assert_memory_equal(a->base, b->base, sizeof(a->base));
    if (a->n_trees == 0)
        return;
    assert_memory_equal(a->roots, b->roots, a->n_trees * sizeof(*a->roots));
    assert_memory_equal(a->nodes, b->nodes, a->n_nodes * sizeof(*a->nodes));
    assert_memory_equal(a->values, b->values, n_values * sizeof(*a->values));
    assert_true((a->only == NULL) == (b->only == NULL));
    if (a->only != NULL)
        assert_memory_equal(a->only, b->only, a->n_trees);
}

static void assert_same(const struct mir_wait_model *a, const struct mir_wait_model *b)
{
    assert_memory_equal(&a->origin, &b->origin, sizeof(a->origin));
    assert_memory_equal(a->ranges, b->ranges, sizeof(a->ranges));
    assert_memory_equal(a->importance, b->importance, sizeof(a->importance));
    assert_memory_equal(a->scores, b->scores, sizeof(a->scores));
    assert_int_equal(a->n_scores, b->n_scores);
    for (unsigned i = 0; i < MIR_N_WAIT_METHODS; i++)
        assert_same_trees(&a->trees[i], &b->trees[i]);
}

static void assert_survives(struct mir_wait_model *m)
{
    struct mir_wait_model *back = NULL;
    struct mir_error err = {{0}};
    char path[128];
    struct stat st;

    in_folder(path, "survives");
    if (mir_wait_model_save(m, path, &err) != 0 || mir_wait_model_load(path, &back, &err) != 0)
        fail_msg("%s", err.text);
    assert_same(m, back);
    assert_int_equal(back->n_refs, 1);
    assert_true(back->checksum != 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(files_in_folder(), 0);
    mir_wait_model_unref(back);
    mir_wait_model_unref(m);
}

static void comes_back_equal_bit_for_bit(void **state)
{
    mode_t mask = umask(077);

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        assert_survives(wood_model(seed));
    umask(mask);
}

static void comes_back_without_any_method_or_with_one(void **state)
{
    (void)state;
    assert_survives(mir_wait_model_create());
    for (unsigned keep = 0; keep < MIR_N_WAIT_METHODS; keep++) {
        struct mir_wait_model *m = wood_model(keep);

        for (unsigned i = 0; i < MIR_N_WAIT_METHODS; i++)
            if (i != keep)
                mir_trees_release(&m->trees[i]);
        assert_survives(m);
    }
}

static void boosters_of_one_level_each_come_back_narrow(void **state)
{
    struct mir_wait_model *m = wood_model(1), *back = NULL;
    struct mir_trees *t = &m->trees[MIR_WAIT_XGB_Q];
    struct mir_str bytes;

    (void)state;
    wood_keep_one_output(t);
    bytes = file_of(m);
    assert_int_equal(mir_wait_model_parse(bytes.text, bytes.len, "", &back, NULL), 0);
    assert_non_null(back->trees[MIR_WAIT_XGB_Q].only);
    assert_null(back->trees[MIR_WAIT_FOREST_Q].only);
    assert_true(mir_trees_narrow(t));
    assert_same(m, back);
    mir_str_release(&bytes);
    mir_wait_model_unref(back);
    assert_survives(m);
}

static void comes_back_with_as_many_scores_and_as_long_texts_as_there_may_be(void **state)
{
    struct mir_wait_model *m = wood_model(1);

    (void)state;
    memset(m->origin.source, 'x', sizeof(m->origin.source) - 1);
    m->n_scores = MIR_MODEL_SCORES_MAX;
    for (unsigned i = 0; i < MIR_MODEL_SCORES_MAX; i++) {
        memset(m->scores[i].name, '~', sizeof(m->scores[i].name) - 1);
        m->scores[i].value = i % 2 ? (double)NAN : -1e300;
    }
    assert_survives(m);
}

static void the_same_model_makes_the_same_bytes(void **state)
{
    struct mir_wait_model *a = wood_model(9), *b = wood_model(9);
    struct mir_str one = file_of(a), two = file_of(b);

    (void)state;
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.text, two.text, one.len);
    mir_str_release(&one);
    mir_str_release(&two);
    mir_wait_model_unref(a);
    mir_wait_model_unref(b);
}

static void the_checksum_is_that_of_the_file(void **state)
{
    struct mir_wait_model *m = wood_model(1), *back = NULL;
    struct mir_str bytes = file_of(m);

    (void)state;
    assert_int_equal(mir_wait_model_parse(bytes.text, bytes.len, "", &back, NULL), 0);
    assert_int_equal(m->checksum, 0);
    assert_true(back->checksum == XXH3_64bits(bytes.text, bytes.len - 8));
    mir_str_release(&bytes);
    mir_wait_model_unref(m);
    mir_wait_model_unref(back);
}

static void what_is_not_printable_is_saved_as_a_question_mark(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create(), *back = NULL;
    struct mir_str bytes;

    (void)state;
    snprintf(m->origin.source, sizeof(m->origin.source), "a\033[31m\xc3\xa9\n\x7f.log");
    memset(m->origin.program, 'p', sizeof(m->origin.program)); /* not terminated */
    bytes = file_of(m);
    assert_int_equal(mir_wait_model_parse(bytes.text, bytes.len, "", &back, NULL), 0);
    assert_string_equal(back->origin.source, "a?[31m????.log");
    assert_int_equal(strlen(back->origin.program), sizeof(m->origin.program) - 1);
    mir_str_release(&bytes);
    mir_wait_model_unref(m);
    mir_wait_model_unref(back);
}

/* ---- A file that is not one, or not whole */

static void refuses_a_file_cut_anywhere(void **state)
{
    struct mir_wait_model *m = wood_model(1);
    struct mir_str bytes = file_of(m);

    (void)state;
    assert_int_equal(parse(bytes.text, bytes.len, NULL), 0);
    for (size_t len = 0; len < bytes.len; len++) {
        struct mir_error err = {{0}};
        char wanted[64];

        assert_int_equal(parse(bytes.text, len, &err), -EBADMSG);
        if (len >= 40)
            snprintf(wanted, sizeof(wanted), "the-name: truncated: %zu bytes of %zu", len,
                     bytes.len);
        else
            snprintf(wanted, sizeof(wanted), "the-name: truncated: %zu bytes of at least 40", len);
        assert_string_equal(err.text, wanted);
    }
    mir_str_release(&bytes);
    mir_wait_model_unref(m);
}

static void refuses_a_file_with_any_bit_flipped(void **state)
{
    struct mir_wait_model *m = wood_model(1);
    struct mir_str bytes = file_of(m);

    (void)state;
    for (size_t i = 0; i < 8 * bytes.len; i++) {
        bytes.text[i / 8] = (char)(bytes.text[i / 8] ^ 1 << i % 8);
        if (i / 8 >= 24)
            assert_refused(&bytes, -EBADMSG, "damaged: its checksum is wrong");
        else
            assert_true(parse(bytes.text, bytes.len, NULL) < 0);
        bytes.text[i / 8] = (char)(bytes.text[i / 8] ^ 1 << i % 8);
    }
    assert_int_equal(parse(bytes.text, bytes.len, NULL), 0);
    mir_str_release(&bytes);
    mir_wait_model_unref(m);
}

static void refuses_a_file_with_more_behind_it(void **state)
{
    struct mir_wait_model *m = wood_model(1);
    struct mir_str bytes = file_of(m);

    (void)state;
    mir_str_add_n(&bytes, "", 1);
    assert_refused(&bytes, -EBADMSG, "damaged: ");
    mir_str_release(&bytes);
    mir_wait_model_unref(m);
}

static void refuses_other_versions_and_names_both(void **state)
{
    static const uint32_t versions[] = {0, 2, 3, UINT32_MAX};
    struct mir_wait_model *m = wood_model(1);
    struct mir_str bytes = file_of(m);

    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
        char wanted[64];

        put_u64(bytes.text + 8, versions[i], 4);
        make_whole(&bytes);
        snprintf(wanted, sizeof(wanted), "version %" PRIu32 ", this build reads 1", versions[i]);
        assert_refused(&bytes, -ENOEXEC, wanted);
    }
    mir_str_release(&bytes);
    mir_wait_model_unref(m);
}

static void refuses_what_is_not_a_model(void **state)
{
    static const char *const others[] = {
        "M", "MIRmodem and then some", "mirmodel", "\x1f\x8b\x08", "JobID|User|Submit\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        struct mir_str bytes = {0};

        mir_str_add(&bytes, others[i]);
        assert_refused(&bytes, -EBADMSG, i == 0 ? "truncated: 1 bytes" : "not a model of Mirage");
        mir_str_release(&bytes);
    }
}

/* The checksum is right: it guards against accidents, not against intent. */
static void refuses_a_header_that_lies(void **state)
{
    static const struct {
        unsigned at;
        uint64_t value;
        const char *text;
    } cases[] = {
        {12, 1, "values out of range in its header"},
        {24, MIR_MODEL_BODY_MAX + 1, "values out of range in its header"},
        {24, UINT64_MAX, "values out of range in its header"},
        {24, MIR_MODEL_BODY_MAX, "too short"},
        {24, 100, "cannot be decompressed"},
        {24, 0, "cannot be decompressed"},
        {32, 0, "cannot be decompressed"}, /* zstd's own magic */
        {16, UINT64_MAX, "truncated"},
        {16, 1, "damaged"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mir_wait_model *m = wood_model(1);
        struct mir_str bytes = file_of(m);

        put_u64(bytes.text + cases[i].at, cases[i].value, cases[i].at == 12 ? 4 : 8);
        make_whole(&bytes);
        assert_refused(&bytes, -EBADMSG, cases[i].text);
        mir_str_release(&bytes);
        mir_wait_model_unref(m);
    }
}

static void refuses_to_pack_more_than_it_would_unpack(void **state)
{
    struct mir_str body = {.text = mir_alloc(MIR_MODEL_BODY_MAX + 2, 1),
                           .len = MIR_MODEL_BODY_MAX + 1};
    struct mir_str bytes = {0};

    (void)state;
    assert_int_equal(mir_model_file_pack(&body, &bytes, NULL), -EFBIG);
    assert_int_equal(bytes.len, 0);
    mir_str_release(&body);
}

/* The body's own refusals have their tests in test_model_body.c. */
static void names_the_file_whose_body_it_refuses(void **state)
{
    struct mir_wait_model *m = wood_model(1);
    struct mir_str body = {0}, bytes = {0};
    char *set;

    (void)state;
    assert_int_equal(mir_model_body_encode(m, &body, NULL), 0);
    set = memmem(body.text, body.len, MIR_WAIT_FEATURE_SET, strlen(MIR_WAIT_FEATURE_SET));
    assert_non_null(set);
    set[0] = 'W';
    assert_int_equal(mir_model_file_pack(&body, &bytes, NULL), 0);
    assert_refused(&bytes, -ENOEXEC, "trained on feature set \"Wait-1\"");
    mir_str_release(&bytes);
    body.len = 90;
    assert_int_equal(mir_model_file_pack(&body, &bytes, NULL), 0);
    assert_refused(&bytes, -EBADMSG, "values out of range in its origin");
    mir_str_release(&bytes);
    mir_str_release(&body);
    mir_wait_model_unref(m);
}

/* ---- What is not written */

static void importance_above_one(struct mir_wait_model *m)
{
    m->importance[71] = 1.5F;
}

static void importance_nan(struct mir_wait_model *m)
{
    m->importance[0] = NAN;
}

static void range_in_disorder(struct mir_wait_model *m)
{
    m->ranges[3].low = m->ranges[3].high + 1;
}

static void range_half_known(struct mir_wait_model *m)
{
    m->ranges[3].median = NAN;
}

static void iqr_negative(struct mir_wait_model *m)
{
    m->ranges[3].iqr = -1;
}

static void range_infinite(struct mir_wait_model *m)
{
    m->ranges[71].high = INFINITY;
}

static void score_infinite(struct mir_wait_model *m)
{
    m->scores[1].value = (double)INFINITY;
}

static void too_many_scores(struct mir_wait_model *m)
{
    m->n_scores = MIR_MODEL_SCORES_MAX + 1;
}

static void other_features(struct mir_wait_model *m)
{
    m->origin.feature_set[0] = 'W';
}

static void more_censored_than_labels(struct mir_wait_model *m)
{
    m->origin.n_censored = m->origin.n_labels + 1;
}

static void window_backwards(struct mir_wait_model *m)
{
    m->origin.from_at = m->origin.to_at + 1;
}

static void tree_with_a_cycle(struct mir_wait_model *m)
{
    m->trees[MIR_WAIT_XGB].nodes[0].feature = 0;
    m->trees[MIR_WAIT_XGB].nodes[0].left = 0;
}

static void value_nan(struct mir_wait_model *m)
{
    m->trees[MIR_WAIT_XGB_Q].values[0] = NAN;
}

static void one_output_too_few(struct mir_wait_model *m)
{
    m->trees[MIR_WAIT_FOREST_Q].n_outputs--;
}

static void a_save_that_fails_leaves_the_old_file(void **state)
{
    static const struct {
        void (*spoil)(struct mir_wait_model *m);
        const char *text;
    } cases[] = {
        {importance_above_one, "importance of "},
        {importance_nan, "importance of "},
        {range_in_disorder, "range of "},
        {range_half_known, "range of "},
        {iqr_negative, "range of "},
        {range_infinite, "range of "},
        {score_infinite, "score 1 is infinite"},
        {too_many_scores, "129 scores"},
        {other_features, "feature set \"Wait-1\""},
        {more_censored_than_labels, "1001 of 1000 labels"},
        {window_backwards, "window ends before"},
        {tree_with_a_cycle, "xgb: node 0: child 0"},
        {value_nan, "xgb-q: value 0: nan"},
        {one_output_too_few, "forest-q: 72 features and 10 outputs, not 72 and 11"},
    };
    struct mir_wait_model *good = wood_model(1), *back = NULL;
    struct mir_error err = {{0}};
    char path[128];

    (void)state;
    assert_int_equal(mir_wait_model_save(good, in_folder(path, "kept"), NULL), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mir_wait_model *m = wood_model(1);

        cases[i].spoil(m);
        if (mir_wait_model_save(m, path, &err) != -EINVAL ||
            strstr(err.text, cases[i].text) == NULL || strstr(err.text, path) != err.text)
            fail_msg("case %zu: \"%s\"", i, err.text);
        mir_wait_model_unref(m);
    }
    assert_int_equal(mir_wait_model_load(path, &back, NULL), 0);
    assert_same(good, back);
    assert_int_equal(files_in_folder(), 1);
    assert_int_equal(unlink(path), 0);
    mir_wait_model_unref(back);
    mir_wait_model_unref(good);
}

static void a_disk_that_is_full_leaves_the_old_file(void **state)
{
    struct mir_wait_model *old = wood_model(1), *new = wood_model(2), *back = NULL;
    struct rlimit unlimited, small;
    struct mir_error err = {{0}};
    char path[128];
    int rc;

    (void)state;
    assert_int_equal(mir_wait_model_save(old, in_folder(path, "kept"), NULL), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    small = unlimited;
    small.rlim_cur = 100;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    rc = mir_wait_model_save(new, path, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_int_equal(rc, -EFBIG);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(mir_wait_model_load(path, &back, NULL), 0);
    assert_same(old, back);
    assert_int_equal(files_in_folder(), 1);
    assert_int_equal(unlink(path), 0);
    mir_wait_model_unref(back);
    mir_wait_model_unref(old);
    mir_wait_model_unref(new);
}

static void refuses_to_save_where_it_cannot(void **state)
{
    struct mir_wait_model *m = wood_model(1);
    struct mir_error err = {{0}};
    char path[128];

    (void)state;
    assert_int_equal(mir_wait_model_save(m, in_folder(path, "no/such"), &err), -ENOENT);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(mkdir(in_folder(path, "folder"), 0755), 0);
    assert_int_equal(mir_wait_model_save(m, path, &err), -EISDIR);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(files_in_folder(), 1);
    assert_int_equal(rmdir(path), 0);
    mir_wait_model_unref(m);
}

static void replaces_the_old_file(void **state)
{
    struct mir_wait_model *old = wood_model(1), *new = wood_model(2), *back = NULL;
    char path[128];

    (void)state;
    assert_int_equal(mir_wait_model_save(old, in_folder(path, "model"), NULL), 0);
    assert_int_equal(mir_wait_model_save(new, path, NULL), 0);
    assert_int_equal(mir_wait_model_load(path, &back, NULL), 0);
    assert_same(new, back);
    assert_int_equal(files_in_folder(), 1);
    assert_int_equal(unlink(path), 0);
    mir_wait_model_unref(back);
    mir_wait_model_unref(old);
    mir_wait_model_unref(new);
}

static void saves_by_a_bare_name(void **state)
{
    struct mir_wait_model *m = wood_model(1);
    char *here = get_current_dir_name();

    (void)state;
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mir_wait_model_save(m, "bare", NULL), 0);
    assert_int_equal(unlink("bare"), 0);
    assert_int_equal(chdir(here), 0);
    free(here);
    mir_wait_model_unref(m);
}

/* ---- What is not read */

static void assert_not_loaded(const char *path, int rc, const char *text)
{
    struct mir_wait_model *const untouched = (void *)folder, *m = untouched;
    struct mir_error err = {{0}};
    int got = mir_wait_model_load(path, &m, &err);

    if (got != rc || strstr(err.text, text) == NULL || strstr(err.text, path) != err.text)
        fail_msg("%d, \"%s\"; not %d, \"%s\"", got, err.text, rc, text);
    assert_ptr_equal(m, untouched);
    assert_int_equal(mir_wait_model_load(path, &m, NULL), rc);
}

static void refuses_to_load_what_is_not_a_file_of_a_model(void **state)
{
    char path[128];
    int fd;

    (void)state;
    assert_not_loaded(in_folder(path, "nothing"), -ENOENT, "No such file");
    assert_int_equal(mkfifo(in_folder(path, "fifo"), 0600), 0);
    assert_not_loaded(path, -EINVAL, "not a regular file");
    assert_int_equal(unlink(path), 0);
    assert_not_loaded(folder, -EINVAL, "not a regular file");

    fd = open(in_folder(path, "file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_not_loaded(path, -EBADMSG, "truncated: 0 bytes");
    assert_int_equal(write(fd, "MIRmodel\1\0\0", 11), 11);
    assert_not_loaded(path, -EBADMSG, "truncated: 11 bytes");
    assert_int_equal(ftruncate(fd, MIR_MODEL_FILE_MAX + 1), 0);
    assert_not_loaded(path, -EFBIG, "a model has at most");
    close(fd);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_equal_bit_for_bit),
        cmocka_unit_test(comes_back_without_any_method_or_with_one),
        cmocka_unit_test(boosters_of_one_level_each_come_back_narrow),
        cmocka_unit_test(comes_back_with_as_many_scores_and_as_long_texts_as_there_may_be),
        cmocka_unit_test(the_same_model_makes_the_same_bytes),
        cmocka_unit_test(the_checksum_is_that_of_the_file),
        cmocka_unit_test(what_is_not_printable_is_saved_as_a_question_mark),
        cmocka_unit_test(refuses_a_file_cut_anywhere),
        cmocka_unit_test(refuses_a_file_with_any_bit_flipped),
        cmocka_unit_test(refuses_a_file_with_more_behind_it),
        cmocka_unit_test(refuses_other_versions_and_names_both),
        cmocka_unit_test(refuses_what_is_not_a_model),
        cmocka_unit_test(refuses_a_header_that_lies),
        cmocka_unit_test(refuses_to_pack_more_than_it_would_unpack),
        cmocka_unit_test(names_the_file_whose_body_it_refuses),
        cmocka_unit_test(a_save_that_fails_leaves_the_old_file),
        cmocka_unit_test(a_disk_that_is_full_leaves_the_old_file),
        cmocka_unit_test(refuses_to_save_where_it_cannot),
        cmocka_unit_test(replaces_the_old_file),
        cmocka_unit_test(saves_by_a_bare_name),
        cmocka_unit_test(refuses_to_load_what_is_not_a_file_of_a_model),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
