/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as annotations, documents and yaml.unmarshal have it: block and flow mappings and sequences,
 * plain, quoted, literal (|) and folded (>) scalars, comments, keys behind "?", anchors and
 * aliases, tags, merge keys. The first document is read. Refused: keys that are collections,
 * !!binary and
 * !!timestamp, tabs as indentation.
 *
 * The result keeps the text of scalars; what a plain scalar means (YAML 1.1, as OPA's reader has
 * it) is decided by wr_yaml_value. Depth is bounded by WR_LIMIT_YAML_DEPTH, also through aliases,
 * and what all aliases stand for by WR_LIMIT_YAML_ALIASED nodes. */
#ifndef WR_REGO_YAML_H
#define WR_REGO_YAML_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "value/value.h"

#define WR_LIMIT_YAML_DEPTH   32
#define WR_LIMIT_YAML_ANCHORS 256
#define WR_LIMIT_YAML_ALIASED 100000 /* nodes */

enum wr_yaml_kind { WR_YAML_SCALAR, WR_YAML_MAP, WR_YAML_LIST };

struct wr_yaml {
    uint8_t kind;
    bool plain;            /* scalar: neither quoted nor a block */
    uint32_t line;         /* from 1 */
    uint32_t n;            /* map: pairs; list: items */
    uint32_t size, height; /* nodes in it and containers above one another, aliases counted out */
    struct wr_str text;
    struct wr_yaml **items; /* map: key, value, key, value, ... */
};

struct wr_yaml_error {
    uint32_t line; /* from 1; 0: of the whole text */
    const char *message;
};

/* Errors: WR_E_CONFIG with *error filled; WR_E_MEMORY. */
wr_err wr_yaml_read(struct wr_arena *arena, struct wr_str text, struct wr_yaml **out,
                    struct wr_yaml_error *error);

/* Scalars by YAML 1.1 (null, true and yes, 12, 0x1f, 1.5), lists and maps with string keys.
 * Undefined when a key is no string or there is no room. */
struct wr_value wr_yaml_value(struct wr_arena *arena, const struct wr_yaml *node);

/* What a scalar resolves to: "null", "bool", "int", "float" or "str". */
const char *wr_yaml_tag(const struct wr_yaml *scalar);

/* The value of a key of a map, or NULL; the last one wins. */
const struct wr_yaml *wr_yaml_get(const struct wr_yaml *map, struct wr_str key);

#endif
