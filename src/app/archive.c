/* SPDX-License-Identifier: Apache-2.0 */
#include "app/archive.h"
#include "app/file.h"
#include "pack/tar.h"

#include <zlib.h>

static bool deflate_all(struct wr_arena *arena, struct wr_str in, struct wr_str *out)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.n};
    if (in.n > UINT32_MAX ||
        deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        return false;
    }
    size_t cap = deflateBound(&stream, (uLong)in.n) + 64;
    char *room = wr_arena_alloc(arena, cap, 1);
    stream.next_out = (Bytef *)room;
    stream.avail_out = (uInt)cap;
    bool good = room != NULL && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    *out = wr_str_of(room, cap - stream.avail_out);
    deflateEnd(&stream);
    return good;
}

wr_err wr_archive_write(struct wr_arena *arena, const char *path, const struct wr_pack_file *files,
                        size_t n, size_t *size, struct wr_error *error)
{
    struct wr_buf tar = wr_buf_in(arena, 1 << 20);
    struct wr_str archive = {0};
    wr_err code = wr_tar_write(&tar, files, n, error);
    if (code == WR_OK && (tar.overflow || !deflate_all(arena, wr_buf_view(&tar), &archive))) {
        code = wr_fail(error, WR_E_MEMORY, "no room for the archive");
    }
    *size = archive.n;
    return code == WR_OK ? wr_file_write(path, archive, error) : code;
}
