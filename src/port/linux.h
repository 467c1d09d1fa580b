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

/* One for the process. Closing ends its thread; blocks that are taken stay. */
void wr_linux_memory_open(struct wr_memory *memory);
void wr_linux_memory_close(void);
void wr_linux_memory_touch(void *context, void *block, size_t n);
void wr_linux_memory_ahead(void *context, size_t size, unsigned n);
/* The start is over: from now on blocks that are not small are given back to the system whole. */
void wr_linux_memory_started(void);

void wr_linux_gate_open(struct wr_gate *gate);
void wr_linux_gate_wait(struct wr_gate *gate, int64_t timeout_ns);

#endif
