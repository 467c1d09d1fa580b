/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a YAML stream before it is read. */
#ifndef WR_YAML_TEXT_H
#define WR_YAML_TEXT_H

#include "base/arena.h"
#include "base/bytes.h"

/* Drops a byte order mark at the start and writes CR LF, CR and NEL (U+0085) as LF; a text without
 * these is handed back as it is. Text.p NULL: there is no room. False: it holds a character that
 * YAML does not allow, such as a control character. */
bool wr_yaml_text(struct wr_arena *arena, struct wr_str in, struct wr_str *text);

#endif
