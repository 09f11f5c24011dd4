/*
 * work_folder.h - MODEL.work, beside the model that is being made: what is finished
 * is kept there, so that a run that was killed goes on where it was.  The files are
 * for the same program on the same machine; each is written aside, synced, renamed,
 * and has a checksum.  One process at a time, by a lock.
 */
#ifndef MIR_TRAIN_WORK_FOLDER_H
#define MIR_TRAIN_WORK_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/train/labels.h"

struct mir_work_folder {
    char *path; /* owned */
    int fd;     /* of the folder, locked; -1: none */
    bool found; /* it was there, made for the very same run */
};

/*
 * Make or find the folder for `model_path`.  `run` tells in words everything that
 * the result depends on: what was kept for another run is removed.  The caller ends
 * `*out` with mir_work_folder_close(), also after a failure.  Returns 0, -EBUSY
 * (another process is at it), -EEXIST (there is something else of that name), or
 * another errno with the path.
 */
int mir_work_folder_open(const char *model_path,
                         const char *run,
                         struct mir_work_folder *out,
                         struct mir_error *err);

/* Unlock; what is in it stays. */
void mir_work_folder_close(struct mir_work_folder *folder);

/* Remove it: the work is done.  To be closed all the same. */
int mir_work_folder_remove(struct mir_work_folder *folder, struct mir_error *err);

/* The path of a file in it; returns buf. */
char *mir_work_folder_path(const struct mir_work_folder *folder, const char *name, char buf[4096]);

/* Keep labels under a name ("labels-0").  Returns 0 or a negative errno. */
int mir_work_folder_save(const struct mir_work_folder *folder,
                         const char *name,
                         const struct mir_labels *labels,
                         struct mir_error *err);

/* True: `*out` ({0} before) has what was kept; false: nothing whole is there. */
bool mir_work_folder_load(const struct mir_work_folder *folder,
                          const char *name,
                          struct mir_labels *out);

#endif
