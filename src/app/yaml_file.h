/* SPDX-License-Identifier: Apache-2.0 */
/* YAML files of people (weir.yaml, data.yaml) as JSON values, through libyaml.
 *
 * Plain scalars mean what every reader of YAML agrees on: null, true, false, decimal numbers, else
 * text. Refused, because they hide what a policy says: scalars that YAML 1.1 (which OPA reads) and
 * 1.2 read differently (no, 010, 0x1F, 1_000, .inf), anchors, aliases, tags, merge keys, several
 * documents, duplicate keys, keys that are not text, nesting over WR_LIMIT_YAML_DEPTH. */
#ifndef WR_YAML_FILE_H
#define WR_YAML_FILE_H

#include "value/value.h"

/* Errors: WR_E_CONFIG with row and column (with a byte offset when the text is not UTF-8). Values
 * live in the arena. An empty text is null. */
wr_err wr_yaml_file_read(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                         struct wr_error *error);

/* The same, but yes, no, on, off, y and n are text, as gator and kustomize read manifests. */
wr_err wr_yaml_manifest_read(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                             struct wr_error *error);

/* The same, but what the readers of YAML 1.1 and 1.2 dispute (y, no, 010) is read as YAML 1.1, as
 * OPA does; a text that both disputes and uses anchors or tags stays an error. */
wr_err wr_yaml_read_either(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                           struct wr_error *error);

#endif
