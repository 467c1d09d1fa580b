/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of packs and bundles: .tar.gz, the same files give the same bytes. */
#ifndef WR_ARCHIVE_H
#define WR_ARCHIVE_H

#include "pack/pack.h"

/* Writes the files to `path`, whole or not at all; *size is that of the archive. Errors: those of
 * wr_tar_write and wr_file_write. */
wr_err wr_archive_write(struct wr_arena *arena, const char *path, const struct wr_pack_file *files,
                        size_t n, size_t *size, struct wr_error *error);

#endif
