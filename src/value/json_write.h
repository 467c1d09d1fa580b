/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical JSON: object keys in Rego order, no white space, numbers as they were written.
 *
 * A set becomes an array in order; a key that is not a string becomes its JSON text as a string.
 * read(write(v)) equals v for JSON values, and write is a fixed point of read. */
#ifndef WR_JSON_WRITE_H
#define WR_JSON_WRITE_H

#include "value/value.h"

enum wr_json_style {
    WR_JSON_COMPACT = 0,
    WR_JSON_HTML_SAFE = 1, /* <, >, & and U+2028/9 as \u escapes, as OPA answers over HTTP */
    WR_JSON_PRETTY = 2,    /* two spaces, as OPA's --format json and ?pretty */
};

/* Appends the text; check buf->overflow at the end. Undefined writes nothing. */
void wr_json_write(struct wr_buf *buf, const struct wr_value *v, enum wr_json_style style);
/* Appends a quoted and escaped JSON string. */
void wr_json_write_string(struct wr_buf *buf, struct wr_str s, enum wr_json_style style);
/* Appends Rego text: sets as {1, 2} and set(), "a": b with a space, as sprintf("%v") prints. */
void wr_rego_write(struct wr_buf *buf, const struct wr_value *v);

#endif
