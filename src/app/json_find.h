/* SPDX-License-Identifier: Apache-2.0 */
/* Finding one value in the text of a JSON object without reading the rest into memory. */
#ifndef WR_JSON_FIND_H
#define WR_JSON_FIND_H

#include "base/bytes.h"

/* Where the value at a dotted path ("transaction.id") lies, without the space around it. False when
 * it is not there. The text must be JSON; keys with escapes are not found. O(bytes). */
bool wr_json_find(struct wr_str json, const char *path, size_t *at, size_t *n);

#endif
