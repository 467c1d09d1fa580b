/* SPDX-License-Identifier: Apache-2.0 */
/* Packs that have decided: kept beside the journal, so that a replay over a change of packs needs
 * nothing else.
 *
 *   <state>/packs/<digest>.tar   the pack's files as an archive; 64 hex digits, the content's name
 *   <state>/packs/order          one digest a line, the last one activated last
 *   <state>/packs/new            a file that was being made
 *
 * At most WR_LIMIT_PACKS_KEPT packs and WR_LIMIT_PACKS_BYTES bytes; the ones longest out of use go
 * first, the newest stays whatever its size. What cannot be kept (a full disk) is told and stops
 * nobody: a replay then asks for the pack by its digest. */
#ifndef WR_PACKS_H
#define WR_PACKS_H

#include "pack/pack.h"
#include "port/port.h"

#define WR_LIMIT_PACKS_KEPT  64
#define WR_LIMIT_PACKS_BYTES (1ull << 30)

/* Keeps a pack, or only moves it to the end of the order. One caller at a time. Errors: WR_E_IO
 * with the path, WR_E_MEMORY. */
WR_NODISCARD wr_err wr_packs_keep(const struct wr_port *port, const char *state_directory,
                                  const struct wr_pack *pack, struct wr_error *error);

#endif
