/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flood.c - flood UID GID N COMMENT MINUTES held|free: N small batch jobs for a
 * user, as root, through libslurm: sbatch would take minutes.
 */
#include <slurm/slurm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    static char *environment[] = {"PATH=/usr/bin:/bin", NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    static const char *const passed[] = {"LD_PRELOAD", "FAKETIME", "FAKETIME_SHARED"};
    char texts[3][512];
    uint32_t n_environment = 1;

    if (argc != 7)
        return 2;
    /* The lab's clock, for the jobs too. */
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(passed[i]);

        if (value != NULL) {
            snprintf(texts[i], sizeof(texts[i]), "%s=%s", passed[i], value);
            environment[n_environment++] = texts[i];
        }
    }
    slurm_init(NULL);
    for (long i = 0, n = strtol(argv[3], NULL, 10); i < n; i++) {
        submit_response_msg_t *response = NULL;
        job_desc_msg_t job;

        slurm_init_job_desc_msg(&job);
        job.user_id = (uint32_t)strtoul(argv[1], NULL, 10);
        job.group_id = (uint32_t)strtoul(argv[2], NULL, 10);
        job.name = "flood";
        job.time_limit = (uint32_t)strtoul(argv[5], NULL, 10);
        job.min_nodes = 1;
        job.min_cpus = 1;
        job.num_tasks = 1;
        job.pn_min_memory = 10;
        job.work_dir = "/tmp";
        job.std_out = "/dev/null";
        job.script = "#!/bin/sh\nexec sleep infinity\n";
        job.environment = environment;
        job.env_size = n_environment;
        job.comment = argv[4];
        if (strcmp(argv[6], "held") == 0)
            job.priority = 0;
        if (slurm_submit_batch_job(&job, &response) != 0) {
            slurm_perror("flood");
            return 1;
        }
        slurm_free_submit_response_response_msg(response);
    }
    return 0;
}
