/* SPDX-License-Identifier: Apache-2.0 */
#include "feature/instant.h"

struct cursor {
    const char *p, *end;
};

static bool take_char(struct cursor *c, const char *any_of)
{
    if (c->p == c->end) {
        return false;
    }
    for (const char *want = any_of; *want != '\0'; want++) {
        if (*c->p == *want) {
            c->p++;
            return true;
        }
    }
    return false;
}

static bool take_digits(struct cursor *c, int n, int64_t max, int64_t *out)
{
    int64_t v = 0;
    for (int i = 0; i < n; i++, c->p++) {
        if (c->p == c->end || *c->p < '0' || *c->p > '9') {
            return false;
        }
        v = v * 10 + (*c->p - '0');
    }
    *out = v;
    return v <= max;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March, so that
 * the leap day is the last of its year. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static bool take_date(struct cursor *c, int64_t *days)
{
    int64_t year, month, day;
    if (!take_digits(c, 4, 9999, &year) || !take_char(c, "-") || !take_digits(c, 2, 12, &month) ||
        !take_char(c, "-") || !take_digits(c, 2, 31, &day)) {
        return false;
    }
    if (year < 1 || month < 1 || day < 1 || day > days_of_month(year, month)) {
        return false;
    }
    *days = days_since_1970(year, month, day);
    return true;
}

static bool take_clock(struct cursor *c, int64_t *ms)
{
    int64_t hour, minute, second, fraction = 0;
    if (!take_digits(c, 2, 23, &hour) || !take_char(c, ":") || !take_digits(c, 2, 59, &minute) ||
        !take_char(c, ":") || !take_digits(c, 2, 60, &second)) {
        return false;
    }
    if (take_char(c, ".")) {
        int n = 0;
        for (int64_t digit; take_digits(c, 1, 9, &digit); n++) {
            fraction += n == 0 ? digit * 100 : n == 1 ? digit * 10 : n == 2 ? digit : 0;
        }
        if (n == 0) {
            return false;
        }
    }
    *ms = ((hour * 60 + minute) * 60 + second) * WR_MS_PER_S + fraction;
    return true;
}

static bool take_zone(struct cursor *c, int64_t *offset_ms)
{
    *offset_ms = 0;
    if (take_char(c, "Zz")) {
        return true;
    }
    int64_t sign = c->p != c->end && *c->p == '-' ? -1 : 1, hour, minute;
    if (!take_char(c, "+-") || !take_digits(c, 2, 23, &hour) || !take_char(c, ":") ||
        !take_digits(c, 2, 59, &minute)) {
        return false;
    }
    *offset_ms = sign * (hour * 60 + minute) * 60 * WR_MS_PER_S;
    return true;
}

bool wr_instant_read(struct wr_str text, bool date_only, int64_t *ms)
{
    struct cursor c = {text.p, text.p + text.n};
    int64_t days, clock_ms = 0, offset_ms = 0;
    if (!take_date(&c, &days)) {
        return false;
    }
    bool bare = date_only && c.p == c.end;
    if (!bare &&
        (!take_char(&c, "Tt ") || !take_clock(&c, &clock_ms) || !take_zone(&c, &offset_ms))) {
        return false;
    }
    int64_t v = days * WR_MS_PER_D + clock_ms - offset_ms;
    *ms = v;
    return c.p == c.end && v >= WR_INSTANT_MS_MIN && v <= WR_INSTANT_MS_MAX;
}

bool wr_duration_read(struct wr_str text, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1},
                 {"s", WR_MS_PER_S},
                 {"m", 60 * WR_MS_PER_S},
                 {"h", 3600 * WR_MS_PER_S},
                 {"d", WR_MS_PER_D},
                 {"w", 7 * WR_MS_PER_D}};
    size_t n = 0;
    int64_t v = 0;
    while (n < text.n && n < 15 && text.p[n] >= '0' && text.p[n] <= '9') {
        v = v * 10 + (text.p[n++] - '0');
    }
    struct wr_str unit = wr_str_of(text.p + n, text.n - n);
    for (size_t i = 0; n != 0 && i < WR_COUNTOF(units); i++) {
        if (wr_str_eq(unit, wr_str_z(units[i].unit))) {
            *ms = v * units[i].ms;
            return v <= 10000 * WR_MS_PER_D / units[i].ms;
        }
    }
    return false;
}

/* The date of a day's number, proleptic Gregorian (Hinnant, "chrono-compatible low-level date
 * algorithms", civil_from_days). */
void wr_instant_write(struct wr_buf *out, uint32_t seconds)
{
    uint32_t z = seconds / 86400 + 719468, era = z / 146097, day = z - era * 146097;
    uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint32_t of_year = day - (365 * year + year / 4 - year / 100), m = (5 * of_year + 2) / 153;
    uint32_t month = m < 10 ? m + 3 : m - 9, s = seconds % 86400;
    wr_format(out, "%04u-%02u-%02uT%02u:%02u:%02uZ", year + era * 400 + (month <= 2 ? 1u : 0u),
              month, of_year - (153 * m + 2) / 5 + 1, s / 3600, s / 60 % 60, s % 60);
}
