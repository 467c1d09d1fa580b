/* SPDX-License-Identifier: Apache-2.0 */
/* What Go's encoding/json says about text that is not JSON, which is what OPA answers. Nothing here
 * reads values: it is asked only when the reader has refused a text.
 *
 * Source: behaviour of Go 1.21's scanner as OPA 0.60 shows it.                                   */
#ifndef WR_GO_JSON_H
#define WR_GO_JSON_H

#include "base/bytes.h"

#define WR_LIMIT_GO_JSON_DEPTH 512 /* open containers that are told apart */

/* Appends the message for the first document of `text`: "EOF" when there is none, "unexpected EOF"
 * when it is cut, "invalid character 'x' ..." else. False when nothing is wrong with it for Go.
 * O(n). */
bool wr_go_json_complain(struct wr_buf *out, struct wr_str text);

/* The same for what stands behind the first document of `text`: false when nothing does. */
bool wr_go_json_complain_rest(struct wr_buf *out, struct wr_str text);

#endif
