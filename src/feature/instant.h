/* SPDX-License-Identifier: Apache-2.0 */
/* Instants and durations in text: RFC 3339 to milliseconds since 1970, "7d" to milliseconds. */
#ifndef WR_FEATURE_INSTANT_H
#define WR_FEATURE_INSTANT_H

#include "base/bytes.h"

#define WR_MS_PER_S 1000
#define WR_MS_PER_D ((int64_t)86400 * 1000)

/* Instants outside the years 0001..9999 are refused, so that sums of instant and window fit. */
#define WR_INSTANT_MS_MIN INT64_C(-62135596800000)
#define WR_INSTANT_MS_MAX INT64_C(253402300799999)

/* "2018-04-01T00:00:31.250Z", "...+02:00", lower-case t and z, blank for T (RFC 3339 5.6); a leap
 * second :60 counts as the second after. Digits finer than a millisecond are cut off. With
 * `date_only`, "2018-04-01" is accepted too. False when it is none of these. */
bool wr_instant_read(struct wr_str text, bool date_only, int64_t *ms);

/* Seconds since 1970 as "2018-04-01T00:00:31Z". */
void wr_instant_write(struct wr_buf *out, uint32_t seconds);

/* A whole number and a unit: ms, s, m, h, d, w. False on anything else or above 10,000 days. */
bool wr_duration_read(struct wr_str text, int64_t *ms);

#endif
