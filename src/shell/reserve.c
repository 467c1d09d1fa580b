/* SPDX-License-Identifier: Apache-2.0 */
/* See reserve.h. */
#include "shell/reserve.h"

#include "base/bytes.h"

enum { PATH = 320 };

static void path_of(const char *directory, char out[PATH])
{
    struct wr_buf path = wr_buf_fixed(out, PATH);
    wr_format(&path, "%s/reserve%c", directory, 0);
}

uint64_t wr_reserve_keep(const struct wr_port *port, const char *directory, uint64_t most)
{
    const struct wr_port_disk *disk = &port->disk;
    char path[PATH];
    int32_t file;
    path_of(directory, path);
    if (disk->reserve == NULL ||
        disk->open(disk->context, path, WR_DISK_WRITE | WR_DISK_CREATE, &file) != WR_IO_OK) {
        return 0;
    }
    uint64_t size = most;
    enum wr_io io = disk->reserve(disk->context, file, 0, size);
    while (io == WR_IO_FULL && size / 4 >= WR_RESERVE_LEAST) {
        (void)disk->truncate(disk->context, file, 0); /* a part may be there */
        size /= 4;
        io = disk->reserve(disk->context, file, 0, size);
    }
    disk->close(disk->context, file);
    if (io != WR_IO_OK) {
        (void)disk->remove(disk->context, path);
    }
    return io == WR_IO_OK ? size : 0;
}

bool wr_reserve_may_grow(const struct wr_port *port, const char *directory)
{
    const struct wr_port_disk *disk = &port->disk;
    return disk->room != NULL && disk->room(disk->context, directory) >= 2 * WR_RESERVE_SIZE;
}

bool wr_reserve_is_there(const struct wr_port *port, const char *directory)
{
    char path[PATH];
    path_of(directory, path);
    return port->disk.exists(port->disk.context, path) == WR_IO_OK;
}

bool wr_reserve_give(const struct wr_port *port, const char *directory)
{
    char path[PATH];
    path_of(directory, path);
    return port->disk.remove(port->disk.context, path) == WR_IO_OK;
}
