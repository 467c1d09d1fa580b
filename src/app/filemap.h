/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files as read-only memory: what is not looked at is not read. */
#ifndef WR_FILEMAP_H
#define WR_FILEMAP_H

#include "base/bytes.h"
#include "base/err.h"

/* Maps a file; give back with wr_file_unmap. Do not shorten the file meanwhile: reading beyond its
 * end ends the process. Errors: WR_E_IO naming path and cause, WR_E_LIMIT over size_max. */
wr_err wr_file_map(const char *path, size_t size_max, struct wr_str *out, struct wr_error *error);
void wr_file_unmap(struct wr_str bytes);
/* Gives the whole pages of a range back to the system: of a mapped file they are read anew when
 * they are looked at again, other memory then holds anything. */
void wr_file_release(const void *bytes, size_t n);

#endif
