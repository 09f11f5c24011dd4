/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_work_folder.c - what is kept for the next run, and for whom. */
#include "models/train/work_folder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"

static char dir[64], model[96];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/mirage-work-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(model, sizeof model, "%s/m.model", dir);
    return 0;
}

static int remove_dir(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static struct mir_labels some_labels(size_t n)
{
    struct mir_labels labels = {
        .rows = mir_alloc(n, sizeof(struct mir_label)), .n = n, .cap = n, .n_episodes = 5};

    for (size_t i = 0; i < n; i++) {
        labels.rows[i].at = (int64_t)i;
        labels.rows[i].wait_h = (float)i / 3;
        labels.rows[i].features[7] = -1;
    }
    return labels;
}

static void gives_back_to_the_same_run_what_it_kept(void **state)
{
    struct mir_labels labels = some_labels(1000), back = {0};
    struct mir_work_folder folder;
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(mir_work_folder_open(model, "a run\n", &folder, &err), 0);
    assert_false(folder.found);
    assert_false(mir_work_folder_load(&folder, "labels-0", &back));
    assert_int_equal(mir_work_folder_save(&folder, "labels-0", &labels, &err), 0);
    mir_work_folder_close(&folder);

    assert_int_equal(mir_work_folder_open(model, "a run\n", &folder, &err), 0);
    assert_true(folder.found);
    assert_true(mir_work_folder_load(&folder, "labels-0", &back));
    assert_int_equal(back.n, 1000);
    assert_int_equal(back.n_episodes, 5);
    assert_memory_equal(back.rows, labels.rows, 1000 * sizeof(*back.rows));
    assert_int_equal(mir_work_folder_remove(&folder, &err), 0);
    assert_int_not_equal(access(folder.path, F_OK), 0);
    mir_work_folder_close(&folder);
    mir_labels_release(&labels);
    mir_labels_release(&back);
}

static void another_run_begins_anew(void **state)
{
    struct mir_labels labels = some_labels(3), back = {0};
    struct mir_work_folder folder;

    (void)state;
    assert_int_equal(mir_work_folder_open(model, "a run\n", &folder, NULL), 0);
    assert_int_equal(mir_work_folder_save(&folder, "labels-0", &labels, NULL), 0);
    mir_work_folder_close(&folder);
    assert_int_equal(mir_work_folder_open(model, "another run\n", &folder, NULL), 0);
    assert_false(folder.found);
    assert_false(mir_work_folder_load(&folder, "labels-0", &back));
    mir_work_folder_close(&folder);
    mir_labels_release(&labels);
}

static void a_file_that_is_not_whole_is_as_none(void **state)
{
    static const long cuts[] = {0, 7, 31, 40, 400, -1, -300};
    struct mir_labels labels = some_labels(10), back = {0};
    struct mir_work_folder folder;
    char path[4096];
    struct stat st;

    (void)state;
    assert_int_equal(mir_work_folder_open(model, "a run\n", &folder, NULL), 0);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_int_equal(mir_work_folder_save(&folder, "labels-0", &labels, NULL), 0);
        mir_work_folder_path(&folder, "labels-0", path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(truncate(path, cuts[i] < 0 ? st.st_size + cuts[i] : cuts[i]), 0);
        assert_false(mir_work_folder_load(&folder, "labels-0", &back));
        assert_null(back.rows);
    }
    mir_work_folder_close(&folder);
    mir_labels_release(&labels);
}

static void a_byte_that_flipped_is_seen(void **state)
{
    struct mir_labels labels = some_labels(10), back = {0};
    struct mir_work_folder folder;
    char path[4096];
    FILE *file;

    (void)state;
    assert_int_equal(mir_work_folder_open(model, "a run\n", &folder, NULL), 0);
    assert_int_equal(mir_work_folder_save(&folder, "labels-0", &labels, NULL), 0);
    file = fopen(mir_work_folder_path(&folder, "labels-0", path), "r+");
    assert_non_null(file);
    fseek(file, 1000, SEEK_SET);
    putc(99, file);
    fclose(file);
    assert_false(mir_work_folder_load(&folder, "labels-0", &back));
    mir_work_folder_close(&folder);
    mir_labels_release(&labels);
}

static void somebody_else_s_folder_is_left_alone(void **state)
{
    struct mir_work_folder folder;
    struct mir_error err = {{0}};
    char path[128];
    FILE *file;

    (void)state;
    snprintf(path, sizeof path, "%s.work", model);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s.work/thesis.tex", model);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(mir_work_folder_open(model, "a run\n", &folder, &err), -EEXIST);
    assert_non_null(strstr(err.text, "m.model.work"));
    assert_int_equal(access(path, F_OK), 0);
    mir_work_folder_close(&folder);
}

static void one_at_a_time(void **state)
{
    struct mir_work_folder first, second;
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(mir_work_folder_open(model, "a run\n", &first, &err), 0);
    assert_int_equal(mir_work_folder_open(model, "a run\n", &second, &err), -EBUSY);
    mir_work_folder_close(&second);
    mir_work_folder_close(&first);
    assert_int_equal(mir_work_folder_open(model, "a run\n", &second, &err), 0);
    mir_work_folder_close(&second);
}

static void says_where_it_cannot_be_made(void **state)
{
    struct mir_work_folder folder;
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(mir_work_folder_open("/no/such/place/m", "a run\n", &folder, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/no/such/place/m.work"));
    mir_work_folder_close(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_back_to_the_same_run_what_it_kept, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(another_run_begins_anew, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_whole_is_as_none, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_byte_that_flipped_is_seen, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(somebody_else_s_folder_is_left_alone, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(one_at_a_time, make_dir, remove_dir),
        cmocka_unit_test(says_where_it_cannot_be_made),
    };

    return cmocka_run_group_tests_name("train_work_folder", tests, NULL, NULL);
}
