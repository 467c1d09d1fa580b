/* SPDX-License-Identifier: Apache-2.0 */
/* What the Rego commands print, in OPA's shapes. */
#ifndef WR_REGO_OUTPUT_H
#define WR_REGO_OUTPUT_H

#include "rego/rego.h"

#include <stdio.h>

/* A string value with a copy of its text; objects from a list of pairs. In the arena. */
struct wr_value wr_output_text(struct wr_arena *arena, struct wr_str s);
struct wr_value wr_output_object(struct wr_arena *arena, size_t n, const struct wr_pair *pairs);
/* {"row", "col"} and, when there is a file, {"file"}. */
struct wr_value wr_output_location(struct wr_arena *arena, struct wr_str file, uint32_t row,
                                   uint32_t col);
/* Writes nothing when it does not fit into the arena, which then has failed. */
void wr_output_json(struct wr_arena *arena, const struct wr_value *v, FILE *out);

/* {"errors": [{"message", "code", "location"}]} or OPA's text form. */
void wr_rego_errors_print(struct wr_arena *arena, const struct wr_rego_errors *errors, bool json,
                          FILE *out);
/* An evaluation's error as such a list of one. */
void wr_rego_errors_of_eval(struct wr_rego_errors *errors, struct wr_arena *arena,
                            const struct wr_error *error);

#endif
