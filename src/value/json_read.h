/* SPDX-License-Identifier: Apache-2.0 */
/* A strict JSON reader (RFC 8259), whole or in pieces.
 *
 * One state machine serves both: wr_json_feed takes the next piece; a token cut by the end of a
 * piece is carried over. Whole = split: any partition of the same bytes gives the same value or the
 * same error at the same byte offset. No recursion: containers are kept on an explicit stack.
 * Refused: a byte order mark, lone surrogates, control characters in strings, invalid UTF-8,
 * leading zeros, numbers beyond the largest double (unless asked for), trailing commas, depth over
 * `depth_max`, more than `size_max` bytes, more than `n_max` values. Duplicate keys: the last one
 * wins, as in OPA. Memory: at most 64 bytes per byte of input, plus 64 KiB. */
#ifndef WR_JSON_READ_H
#define WR_JSON_READ_H

#include "value/value.h"

struct wr_json_limits {
    uint64_t size_max;  /* bytes; 0 = WR_LIMIT_JSON_SIZE */
    uint32_t depth_max; /* containers; 0 = WR_LIMIT_VALUE_DEPTH */
    uint32_t n_max;     /* values; 0 = no other bound than the size */
    bool huge;          /* numbers beyond the largest double are kept as they are written */
};
#define WR_LIMIT_JSON_SIZE (256u * 1024 * 1024)

/* Documents that policies alone look at: any number, as in OPA. */
extern const struct wr_json_limits wr_json_as_opa;

/* Reads one document that fills `text` but for white space. With `borrow`, strings without escapes
 * and TEXT numbers point into `text`, which must then outlive the value.
 * Errors: WR_E_JSON, WR_E_UTF8, WR_E_NUMBER, WR_E_NEED_MORE, WR_E_LIMIT, WR_E_MEMORY, with offset.
 */
wr_err wr_json_read(struct wr_arena *arena, struct wr_str text, bool borrow,
                    const struct wr_json_limits *limits, struct wr_value *out,
                    struct wr_error *error);

/* Reads the first document of `text` and tells how many bytes it took (for JSON lines and streams);
 * what follows is not looked at. WR_E_NEED_MORE when `text` ends within it. */
wr_err wr_json_read_prefix(struct wr_arena *arena, struct wr_str text, bool borrow,
                           const struct wr_json_limits *limits, struct wr_value *out, size_t *used,
                           struct wr_error *error);

/* In pieces. The reader lives in the arena and copies what it keeps. */
struct wr_json_reader;
struct wr_json_reader *wr_json_open(struct wr_arena *arena, const struct wr_json_limits *limits);
wr_err wr_json_feed(struct wr_json_reader *reader, struct wr_str piece, struct wr_error *error);
wr_err wr_json_finish(struct wr_json_reader *reader, struct wr_value *out, struct wr_error *error);

#endif
