/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text, by Go's layouts: the reference time Mon Jan 2 15:04:05 MST 2006 written in the
 * wanted form. Source: the documentation of Go's package time. */
#ifndef WR_TIME_LAYOUT_H
#define WR_TIME_LAYOUT_H

#include "base/err.h"
#include "rego/zone.h"

/* A layout by name ("RFC3339Nano", "ANSIC", ...), or the text itself. */
struct wr_str wr_time_layout(struct wr_str name_or_layout);
void wr_time_format(struct wr_buf *buf, struct wr_str layout, const struct wr_civil *civil);
/* Seconds since 1970 and nanoseconds of the text; zone names other than UTC count as UTC. The error
 * is WR_E_EVAL_BUILTIN with Go's wording. */
wr_err wr_time_parse(struct wr_str layout, struct wr_str text, int64_t *seconds,
                     int32_t *nanosecond, struct wr_error *error);

#endif
