/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kill_on_byte.c - kill_on_byte FIFO PID SIGNAL MICROSECONDS: wait for a byte, then
 * for so long, then send the signal.  In real time, whatever the lab's clock says.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char byte;
    int fd;

    if (argc != 5)
        return 2;
    fd = open(argv[1], O_RDWR);
    if (fd < 0 || read(fd, &byte, 1) != 1)
        return 1;
    if (strtol(argv[4], NULL, 10) > 0)
        usleep((unsigned)strtol(argv[4], NULL, 10));
    return kill((pid_t)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10)) == 0 ? 0 : 1;
}
