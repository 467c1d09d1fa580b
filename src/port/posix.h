/* SPDX-License-Identifier: Apache-2.0 */
/* What the ports share that speak POSIX, or the part of it that WASI has. */
#ifndef WR_POSIX_H
#define WR_POSIX_H

#include "port/port.h"

/* Translates errno. */
enum wr_io wr_posix_io(int error);

/* Fills the table of the disk, but for its locks. */
void wr_posix_disk_open(struct wr_port_disk *disk);

#endif
