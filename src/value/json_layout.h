/* SPDX-License-Identifier: Apache-2.0 */
/* Compact JSON laid out for reading: two spaces a level, one value a line, empty containers short;
 * as Go's encoding/json indents, and so OPA. */
#ifndef WR_JSON_LAYOUT_H
#define WR_JSON_LAYOUT_H

#include "base/bytes.h"

/* Appends `json`, which must be compact JSON text, laid out. O(n * depth). */
void wr_json_lay_out(struct wr_buf *out, struct wr_str json);

#endif
