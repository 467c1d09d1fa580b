/* SPDX-License-Identifier: Apache-2.0 */
/* Universal Binary JSON (draft 12), as XGBoost writes model.ubj: bytes to values. */
#ifndef WR_UBJSON_H
#define WR_UBJSON_H

#include "value/value.h"

#define WR_LIMIT_UBJSON_DEPTH 64

/* Reads one document that fills `bytes`, which must outlive the value (strings point into it).
 * Errors: WR_E_MODEL with the byte offset; WR_E_MEMORY.
 * Bound:  memory at most 64 times the bytes and 64 KiB; no recursion. */
WR_NODISCARD wr_err wr_ubjson_read(struct wr_arena *arena, struct wr_str bytes,
                                   struct wr_value *out, struct wr_error *error);

#endif
