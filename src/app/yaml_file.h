/* SPDX-License-Identifier: Apache-2.0 */
/* YAML files of people (weir.yaml, data.yaml) as JSON values, through libyaml.
 *
 * Scalars follow YAML 1.2's core schema: plain null, true, false and numbers are typed, all else is
 * text. Refused, because they hide what a policy says: anchors, aliases, tags, merge keys, several
 * documents, duplicate keys, keys that are not scalars, nesting over WR_LIMIT_YAML_DEPTH. */
#ifndef WR_YAML_FILE_H
#define WR_YAML_FILE_H

#include "value/value.h"

#define WR_LIMIT_YAML_DEPTH 32

/* Errors: WR_E_CONFIG with row and column. Values live in the arena. An empty text is null. */
wr_err wr_yaml_file_read(struct wr_arena *arena, struct wr_str text, struct wr_value *out,
                         struct wr_error *error);

#endif
