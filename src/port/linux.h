/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the native port share; nobody else includes it. */
#ifndef WR_LINUX_H
#define WR_LINUX_H

#include "port/port_linux.h"

struct wr_port_linux {
    int poll_fd;
    int wake_fd;
    bool is_coarse; /* the kernel keeps the time of a poll to a millisecond only */
};

/* Fill their tables; `context` is the native port. */
enum wr_io wr_linux_net_open(struct wr_port_linux *native, struct wr_port_net *net);
void wr_linux_net_close(struct wr_port_linux *native);
void wr_linux_disk_open(struct wr_port_disk *disk);

#endif
