/* SPDX-License-Identifier: Apache-2.0 */
/* A host that has nothing: what stands in for the port under WasmEdge where its module's files are
 * linked natively (linked.cmake). It has what port_wasmedge.c has of host.h, and no more. */
#include "port/host.h"

enum wr_io wr_host_open(struct wr_port *port)
{
    (void)port;
    return WR_IO_INVALID;
}

void wr_host_close(void)
{
}

uint32_t wr_host_connections_max(void)
{
    return 0;
}

const char *wr_host_address(void)
{
    return "nowhere";
}
