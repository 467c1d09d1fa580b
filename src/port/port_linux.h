/* SPDX-License-Identifier: Apache-2.0 */
/* The native port: epoll, TCP and Unix sockets, fdatasync, flock, getrandom, futex. */
#ifndef WR_PORT_LINUX_H
#define WR_PORT_LINUX_H

#include "port/port.h"

struct wr_port_linux; /* one per process */

/* Fills `port` with the native tables; makes the poll set on the first use of `net`.
 * Errors: WR_IO_LIMIT when there is no descriptor or memory. */
enum wr_io wr_port_linux_open(struct wr_port *port, struct wr_port_linux **native);
void wr_port_linux_close(struct wr_port_linux *native);

/* SIGTERM and SIGINT make process.stopping true and wake the loop; SIGPIPE, SIGXFSZ
 * and SIGIO, which tells that somebody wants a file of which we ask whether we have it alone, are
 * ignored. Once per process. */
void wr_port_linux_catch_signals(struct wr_port_linux *native);

/* The calling thread asks to be run soon, not more (port.h, hasten). */
void wr_port_linux_hasten(void);

#endif
