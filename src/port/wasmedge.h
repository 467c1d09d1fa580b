/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the WasmEdge port share, and the imports that wasi-libc does not know.
 *
 * WasmEdge adds sockets to wasi_snapshot_preview1. Its types are declared here exactly: where an
 * import's type does not fit the first version of a function, 0.14.1 silently takes the second.
 * Descriptors are random 31-bit numbers: names, never indexes.
 * Source: WasmEdge 0.14.1, lib/host/wasi/wasimodule.cpp and wasifunc.cpp. */
#ifndef WR_WASMEDGE_H
#define WR_WASMEDGE_H

#include "port/port.h"

#define WR_LIMIT_WASM_CONNECTIONS 256u /* every poll touches each of them: 1.7 us a piece */

/* Fills the table of the network. WASI's errors are wasi-libc's errno. */
void wr_wasmedge_net_open(struct wr_port_net *net);

/* A socket that listens on a port of the loopback interface and never accepts. It serves as
 * a lock, since it dies with its owner: BUSY when somebody has it. */
enum wr_io wr_wasmedge_hold_port(uint16_t number, int32_t *sock);

#endif
