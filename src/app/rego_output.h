/* SPDX-License-Identifier: Apache-2.0 */
/* What the Rego commands print, in OPA's shapes. */
#ifndef WR_REGO_OUTPUT_H
#define WR_REGO_OUTPUT_H

#include "rego/rego.h"

#include <stdio.h>

/* Compact JSON text laid out, with a line end. Writes nothing when it does not fit. */
void wr_output_json(struct wr_arena *arena, const struct wr_buf *json, FILE *out);

/* Appends a member's value: {"file":..,"row":..,"col":..}. */
void wr_output_location(struct wr_buf *json, struct wr_str file, uint32_t row, uint32_t col);

/* Appends a duration as Go prints it: 870ns, 87.23µs, 1.5ms, 2.25s, without trailing zeros. */
void wr_output_duration(struct wr_buf *buf, int64_t ns);

/* Appends "errors":[{"message","code","location","details"}]. Errors of the loader (WR_E_IO) have
 * a message alone. */
void wr_rego_errors_json(struct wr_buf *json, const struct wr_rego_errors *errors);
/* {"errors": [..]} laid out, or OPA's text form. */
void wr_rego_errors_print(struct wr_arena *arena, const struct wr_rego_errors *errors, bool json,
                          FILE *out);
/* Modules that do not parse are told as errors of loading, where OPA finds them. */
bool wr_rego_errors_are_of_parse(const struct wr_rego_errors *errors);
/* The text form of errors of loading: "1 error occurred during loading: ...". */
void wr_rego_errors_print_loading(struct wr_arena *arena, const struct wr_rego_errors *errors,
                                  FILE *out);
/* An evaluation's error as such a list of one. */
void wr_rego_errors_of_eval(struct wr_rego_errors *errors, struct wr_arena *arena,
                            const struct wr_error *error);

#endif
