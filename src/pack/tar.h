/* SPDX-License-Identifier: Apache-2.0 */
/* A strict reader of tar archives (ustar, POSIX.1-1988, with pax and GNU long names): plain files
 * only.
 *
 * Refused by name: links, devices, absolute paths, "..", empty parts, a file twice, bad header
 * checksums, sizes past the end, more than WR_LIMIT_PACK_FILES files or WR_LIMIT_PACK_SIZE bytes.
 * Directories are skipped; a leading "./" or "/" alone (as OPA's bundles have it) is dropped. */
#ifndef WR_TAR_H
#define WR_TAR_H

#include "pack/pack.h"

/* Lists the files of an archive in its order. Owns: the list is in the arena, bytes and short paths
 * borrow `archive`. Errors: WR_E_PACK with the byte offset of the header, WR_E_LIMIT, WR_E_MEMORY.
 */
WR_NODISCARD wr_err wr_tar_read(struct wr_arena *arena, struct wr_str archive,
                                const struct wr_pack_file **files, size_t *n,
                                struct wr_error *error);

/* Writes an archive of plain files (mode 0644, no times): the same files give the same bytes. */
WR_NODISCARD wr_err wr_tar_write(struct wr_buf *out, const struct wr_pack_file *files, size_t n,
                                 struct wr_error *error);

#endif
