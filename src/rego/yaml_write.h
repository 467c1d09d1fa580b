/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars and the order of keys as the writer of YAML within OPA 0.60 has them (block style, 80
 * columns, YAML 1.1). */
#ifndef WR_REGO_YAML_WRITE_H
#define WR_REGO_YAML_WRITE_H

#include "base/bytes.h"

/* Writes s plain, quoted or as a literal block, whichever keeps it a string and fits best; lines
 * that are folded or belong to a block are indented by `indent` columns. A `key` stays on one
 * line. */
void wr_yaml_write_string(struct wr_buf *buf, struct wr_str s, unsigned indent, bool key);

/* Whether a key can stand before a colon; others are written behind "? ". */
bool wr_yaml_is_simple_key(struct wr_str s);

/* Whether key a is written before key b: numbers within them are compared as numbers, and letters
 * come behind all else. */
bool wr_yaml_key_before(struct wr_str a, struct wr_str b);

#endif
