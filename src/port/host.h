/* SPDX-License-Identifier: Apache-2.0 */
/* The port of the system that the program is built for: Linux (host_linux.c) or WASI under WasmEdge
 * (port_wasmedge.c). */
#ifndef WR_HOST_H
#define WR_HOST_H

#include "port/port.h"

/* Opens it, once per process; also asks for termination and reload signals where there are such.
 * Errors: WR_IO_LIMIT when there is no descriptor or memory. */
enum wr_io wr_host_open(struct wr_port *port);
void wr_host_close(void);

/* Most connections that a server should take here; 0: as many as descriptors allow. */
uint32_t wr_host_connections_max(void);

/* The address a server listens on when none is named. */
const char *wr_host_address(void);

#endif
