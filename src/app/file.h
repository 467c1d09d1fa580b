/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the command line: whole files into an arena, directories as sorted lists. */
#ifndef WR_FILE_H
#define WR_FILE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define WR_LIMIT_FILE_DEPTH 16
#define WR_LIMIT_FILES      4096

/* n GiB as the cap of an arena; all there can be where sizes have 32 bits. */
#define WR_GIB(n) ((SIZE_MAX >> 30) < (n) ? SIZE_MAX / 2 : (size_t)(n) << 30)

/* Blocks for arenas from the C library's heap. */
extern const struct wr_memory wr_heap;

/* The whole file, NUL-terminated behind its end; "-" reads standard input. Errors: WR_E_IO naming
 * the path and the cause, WR_E_LIMIT over size_max. */
wr_err wr_file_read(struct wr_arena *arena, const char *path, size_t size_max, struct wr_str *out,
                    struct wr_error *error);
/* Writes to a temporary neighbour, syncs, renames: never half a file. */
wr_err wr_file_write(const char *path, struct wr_str bytes, struct wr_error *error);
bool wr_file_is_directory(const char *path);
bool wr_file_exists(const char *path);

/* All plain files below a directory, as paths relative to it with '/', sorted. A link to a file is
 * that file; links to folders are not followed and names that begin with ".." are passed over: so a
 * mounted ConfigMap, whose files link into a hidden ..data, gives each file once. A link to nothing
 * is an error. */
struct wr_file_list {
    struct wr_str *paths;
    size_t n;
};
wr_err wr_file_walk(struct wr_arena *arena, const char *directory, struct wr_file_list *out,
                    struct wr_error *error);

#endif
