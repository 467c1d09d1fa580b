/* SPDX-License-Identifier: Apache-2.0 */
#include "port/posix.h"

#include <errno.h>

enum wr_io wr_posix_io(int error)
{
    switch (error) {
    case EAGAIN:
    case EINTR:
    case EINPROGRESS:
        return WR_IO_AGAIN;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
    case ENOTCONN:
    case ETIMEDOUT:
        return WR_IO_CLOSED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return WR_IO_FULL;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return WR_IO_LIMIT;
    case ENOENT:
    case ENOTDIR:
        return WR_IO_ABSENT;
    case EEXIST:
        return WR_IO_EXISTS;
    case EADDRINUSE:
        return WR_IO_BUSY;
    case EACCES:
    case EPERM:
    case EROFS:
        return WR_IO_DENIED;
    case EINVAL:
    case EADDRNOTAVAIL:
    case ENAMETOOLONG:
    case EAFNOSUPPORT:
        return WR_IO_INVALID;
    default:
        return WR_IO_FAILED;
    }
}
