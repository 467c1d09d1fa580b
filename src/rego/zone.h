/* SPDX-License-Identifier: Apache-2.0 */
/* Calendar and time zones: days and civil dates, TZif files (RFC 8536) with their POSIX rule for
 * times after the last transition. Proleptic Gregorian calendar, no leap seconds. */
#ifndef WR_ZONE_H
#define WR_ZONE_H

#include "base/bytes.h"

struct wr_civil { /* a time as a wall clock in a zone shows it */
    int64_t year;
    int month, day; /* from 1 */
    int hour, minute, second;
    int32_t nanosecond;
    int weekday;    /* 0 is Sunday */
    int yearday;    /* from 1 */
    int32_t offset; /* seconds east of UTC */
    char abbreviation[8];
};

/* Days since 1970-01-01; month and day may lie outside their ranges and are carried over. */
int64_t wr_days_of_civil(int64_t year, int64_t month, int64_t day);

struct wr_zone;
/* Reads a TZif file; NULL when it is malformed or there is no room. Copies what it keeps. */
struct wr_zone *wr_zone_read(struct wr_arena *arena, struct wr_str tzif);
/* The wall clock at a number of seconds since 1970; zone NULL is UTC. */
void wr_zone_civil(const struct wr_zone *zone, int64_t seconds, int32_t nanosecond,
                   struct wr_civil *out);
/* Seconds since 1970 of a wall clock time in a zone. A time that does not exist or exists twice is
 * resolved as Go's time.Date does. */
int64_t wr_zone_seconds(const struct wr_zone *zone, const struct wr_civil *civil);

#endif
