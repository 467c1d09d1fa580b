/* SPDX-License-Identifier: Apache-2.0 */
#include "port/host.h"
#include "port/port_linux.h"

static struct wr_port_linux *native;

enum wr_io wr_host_open(struct wr_port *port)
{
    enum wr_io result = wr_port_linux_open(port, &native);
    if (result == WR_IO_OK) {
        wr_port_linux_catch_signals(native);
    }
    return result;
}

void wr_host_close(void)
{
    wr_port_linux_close(native);
    native = NULL;
}

uint32_t wr_host_connections_max(void)
{
    return 0;
}

const char *wr_host_address(void)
{
    return "127.0.0.1:8181"; /* from elsewhere only when asked for */
}
