/* SPDX-License-Identifier: Apache-2.0 */
/* Words for results of the port; pure. */
#include "port/port.h"

const char *wr_io_text(enum wr_io result)
{
    switch (result) {
    case WR_IO_OK:
        return "done";
    case WR_IO_AGAIN:
        return "not ready";
    case WR_IO_CLOSED:
        return "connection closed";
    case WR_IO_FULL:
        return "no space left";
    case WR_IO_LIMIT:
        return "out of descriptors or memory";
    case WR_IO_ABSENT:
        return "no such file or directory";
    case WR_IO_EXISTS:
        return "it exists already";
    case WR_IO_BUSY:
        return "in use by another process";
    case WR_IO_DENIED:
        return "permission denied";
    case WR_IO_INVALID:
        return "not a valid address or path";
    case WR_IO_FAILED:
        return "input or output failed";
    }
    return "unknown";
}
