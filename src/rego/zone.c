/* SPDX-License-Identifier: Apache-2.0 */
/* See zone.h. */
#include "rego/zone.h"

#define ZONE_LIMIT_TYPES 256
#define SECONDS_A_DAY    86400

struct type {
    int32_t offset;
    bool dst;
    char name[8];
};

enum rule_kind { RULE_MONTH, RULE_JULIAN, RULE_YEARDAY };
struct rule { /* when a change happens each year, in local time before it */
    enum rule_kind kind;
    int month, week, day; /* day alone for the other kinds */
    int32_t time;
};

struct wr_zone {
    int64_t *at;    /* transitions */
    uint8_t *index; /* the type from each on */
    size_t n;
    struct type types[ZONE_LIMIT_TYPES];
    size_t n_types;
    size_t first; /* the type before all transitions */
    bool has_rule, has_dst;
    struct type standard, summer;
    struct rule start, end;
};

/* ── calendar ───────────────────────────────────────────────────────────────────────────────── */

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - (a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0);
}

int64_t wr_days_of_civil(int64_t year, int64_t month, int64_t day)
{
    year += floor_div(month - 1, 12);
    month = month - 1 - floor_div(month - 1, 12) * 12; /* 0..11 */
    int64_t shifted = (month + 10) % 12;               /* March is 0 */
    year -= month < 2 ? 1 : 0;
    int64_t era = floor_div(year, 400), of_era = year - era * 400;
    int64_t of_year = (153 * shifted + 2) / 5;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year + day - 1 - 719468;
}

static void set_date(struct wr_civil *c, int64_t days)
{
    int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    c->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    c->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    c->year = yoe + era * 400 + (c->month <= 2 ? 1 : 0);
    c->weekday = (int)(days + 4 - floor_div(days + 4, 7) * 7);
    c->yearday = (int)(days - wr_days_of_civil(c->year, 1, 1)) + 1;
}

/* ── the rule for later times ───────────────────────────────────────────────────────────────── */

struct reader {
    struct wr_str s;
    size_t at;
    bool bad;
};

static char peek(const struct reader *r)
{
    return r->at < r->s.n ? r->s.p[r->at] : '\0';
}

static bool take(struct reader *r, char c)
{
    bool has = peek(r) == c;
    r->at += has ? 1 : 0;
    return has;
}

static int32_t rule_number(struct reader *r)
{
    size_t from = r->at;
    int32_t v = 0;
    while (peek(r) >= '0' && peek(r) <= '9' && r->at < from + 4) {
        v = v * 10 + (peek(r) - '0');
        r->at++;
    }
    r->bad = r->bad || r->at == from;
    return v;
}

static void rule_name(struct reader *r, char name[8])
{
    bool quoted = take(r, '<');
    size_t n = 0;
    for (char c = peek(r); c != '\0'; c = peek(r)) {
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (quoted ? c == '>' : !letter) {
            break;
        }
        if (n < 7) {
            name[n++] = c;
        }
        r->at++;
    }
    name[n] = '\0';
    r->bad = r->bad || n < 3 || (quoted && !take(r, '>'));
}

/* [+-]hh[:mm[:ss]] as seconds. */
static int32_t rule_time(struct reader *r)
{
    bool neg = take(r, '-');
    if (!neg) {
        (void)take(r, '+');
    }
    int32_t v = rule_number(r) * 3600;
    if (take(r, ':')) {
        v += rule_number(r) * 60;
        if (take(r, ':')) {
            v += rule_number(r);
        }
    }
    return neg ? -v : v;
}

static void rule_date(struct reader *r, struct rule *rule)
{
    r->bad = r->bad || !take(r, ',');
    rule->kind = RULE_YEARDAY;
    rule->time = 7200;
    if (take(r, 'M')) {
        rule->kind = RULE_MONTH;
        rule->month = rule_number(r);
        r->bad = r->bad || !take(r, '.');
        rule->week = rule_number(r);
        r->bad = r->bad || !take(r, '.') || rule->month < 1 || rule->month > 12 || rule->week < 1 ||
                 rule->week > 5;
    } else if (take(r, 'J')) {
        rule->kind = RULE_JULIAN;
    }
    rule->day = rule_number(r);
    r->bad = r->bad || rule->day > 365;
    if (take(r, '/')) {
        rule->time = rule_time(r);
    }
}

static void read_rule(struct wr_zone *zone, struct wr_str text)
{
    struct reader r = {text, 0, false};
    rule_name(&r, zone->standard.name);
    zone->standard.offset = -rule_time(&r);
    zone->summer.offset = zone->standard.offset + 3600;
    zone->summer.dst = true;
    if (!r.bad && peek(&r) != '\0') {
        zone->has_dst = true;
        rule_name(&r, zone->summer.name);
        if (peek(&r) != ',') {
            zone->summer.offset = -rule_time(&r);
        }
        rule_date(&r, &zone->start);
        rule_date(&r, &zone->end);
    }
    zone->has_rule = !r.bad && r.at == text.n;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Seconds since 1970, local, of the change in a year. */
static int64_t rule_seconds(const struct rule *rule, int64_t year)
{
    int64_t days;
    if (rule->kind == RULE_MONTH) {
        days = wr_days_of_civil(year, rule->month, 1);
        int64_t weekday = days + 4 - floor_div(days + 4, 7) * 7;
        int64_t first = (rule->day - weekday + 7) % 7;
        days += first + (rule->week - 1) * 7;
        days -= days >= wr_days_of_civil(year, rule->month + 1, 1) ? 7 : 0;
    } else if (rule->kind == RULE_JULIAN) {
        days = wr_days_of_civil(year, 1, rule->day) + (is_leap(year) && rule->day >= 60 ? 1 : 0);
    } else {
        days = wr_days_of_civil(year, 1, 1) + rule->day;
    }
    return days * SECONDS_A_DAY + rule->time;
}

static const struct type *rule_type(const struct wr_zone *zone, int64_t seconds)
{
    struct wr_civil c;
    if (!zone->has_dst) {
        return &zone->standard;
    }
    set_date(&c, floor_div(seconds + zone->standard.offset, SECONDS_A_DAY));
    int64_t start = rule_seconds(&zone->start, c.year) - zone->standard.offset;
    int64_t end = rule_seconds(&zone->end, c.year) - zone->summer.offset;
    bool summer =
        start < end ? seconds >= start && seconds < end : seconds >= start || seconds < end;
    return summer ? &zone->summer : &zone->standard;
}

/* ── TZif ───────────────────────────────────────────────────────────────────────────────────── */

static uint32_t big32(const char *p)
{
    const uint8_t *b = (const uint8_t *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

struct header {
    size_t n_utc, n_std, n_leap, n_time, n_type, n_char, size; /* size of the data behind it */
};

static bool read_header(struct wr_str s, size_t at, size_t time_size, struct header *h)
{
    if (s.n < at + 44 || memcmp(s.p + at, "TZif", 4) != 0) {
        return false;
    }
    size_t *fields[] = {&h->n_utc, &h->n_std, &h->n_leap, &h->n_time, &h->n_type, &h->n_char};
    for (size_t i = 0; i < WR_COUNTOF(fields); i++) {
        *fields[i] = big32(s.p + at + 20 + 4 * i);
        if (*fields[i] > 100000) {
            return false;
        }
    }
    h->size = h->n_time * (time_size + 1) + h->n_type * 6 + h->n_char +
              h->n_leap * (time_size + 4) + h->n_std + h->n_utc;
    return h->n_type >= 1 && h->n_type <= ZONE_LIMIT_TYPES && s.n >= at + 44 + h->size;
}

static bool read_types(struct wr_zone *zone, const char *types, const struct header *h)
{
    const char *names = types + h->n_type * 6;
    for (size_t i = 0; i < h->n_type; i++) {
        struct type *t = &zone->types[i];
        size_t name = (uint8_t)types[i * 6 + 5];
        t->offset = (int32_t)big32(types + i * 6);
        t->dst = types[i * 6 + 4] != 0;
        for (size_t k = 0; k < 7 && name + k < h->n_char && names[name + k] != '\0'; k++) {
            t->name[k] = names[name + k];
        }
        if (t->offset < -100000 || t->offset > 100000) {
            return false;
        }
    }
    zone->n_types = h->n_type;
    while (zone->first + 1 < h->n_type && zone->types[zone->first].dst) {
        zone->first++;
    }
    return true;
}

struct wr_zone *wr_zone_read(struct wr_arena *arena, struct wr_str s)
{
    struct header h;
    size_t at = 0, time_size = 4;
    if (!read_header(s, 0, 4, &h)) {
        return NULL;
    }
    if (s.p[4] >= '2') {
        at = 44 + h.size;
        time_size = 8;
        if (!read_header(s, at, 8, &h)) {
            return NULL;
        }
    }
    const char *times = s.p + at + 44, *index = times + h.n_time * time_size;
    struct wr_zone *zone = WR_NEW(arena, struct wr_zone);
    if (zone == NULL || !read_types(zone, index + h.n_time, &h)) {
        return NULL;
    }
    zone->at = WR_NEW_ARRAY(arena, int64_t, h.n_time + 1);
    zone->index = WR_NEW_ARRAY(arena, uint8_t, h.n_time + 1);
    if (zone->at == NULL || zone->index == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < h.n_time; i++) {
        const char *p = times + i * time_size;
        zone->at[i] =
            time_size == 4 ? (int32_t)big32(p) : (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4));
        zone->index[i] = (uint8_t)index[i];
        if (zone->index[i] >= h.n_type || (i > 0 && zone->at[i] <= zone->at[i - 1])) {
            return NULL;
        }
    }
    zone->n = h.n_time;
    size_t footer = at + 44 + h.size;
    if (time_size == 8 && footer + 2 < s.n && s.p[footer] == '\n') {
        size_t end = wr_str_find(s, WR_STR("\n"), footer + 1);
        end = end == SIZE_MAX ? s.n : end;
        read_rule(zone, wr_str_of(s.p + footer + 1, end - footer - 1));
    }
    return zone;
}

static const struct type *type_at(const struct wr_zone *zone, int64_t seconds)
{
    size_t lo = 0, hi = zone->n; /* the first transition after `seconds` */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (zone->at[mid] <= seconds) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo == zone->n && zone->has_rule) {
        return rule_type(zone, seconds);
    }
    return &zone->types[lo == 0 ? zone->first : zone->index[lo - 1]];
}

void wr_zone_civil(const struct wr_zone *zone, int64_t seconds, int32_t nanosecond,
                   struct wr_civil *out)
{
    *out = (struct wr_civil){.nanosecond = nanosecond, .abbreviation = "UTC"};
    if (zone != NULL) {
        const struct type *type = type_at(zone, seconds);
        out->offset = type->offset;
        memcpy(out->abbreviation, type->name, sizeof type->name);
    }
    int64_t local = seconds + out->offset, days = floor_div(local, SECONDS_A_DAY);
    int64_t rest = local - days * SECONDS_A_DAY;
    set_date(out, days);
    out->hour = (int)(rest / 3600);
    out->minute = (int)(rest / 60 % 60);
    out->second = (int)(rest % 60);
}

int64_t wr_zone_seconds(const struct wr_zone *zone, const struct wr_civil *c)
{
    int64_t local = wr_days_of_civil(c->year, c->month, c->day) * SECONDS_A_DAY +
                    (int64_t)c->hour * 3600 + (int64_t)c->minute * 60 + c->second;
    if (zone == NULL) {
        return local;
    }
    int32_t offset = type_at(zone, local)->offset;
    int32_t other = type_at(zone, local - offset)->offset;
    if (offset != other) { /* near a change: the guess that agrees with itself */
        offset = type_at(zone, local - other)->offset == other ? other : offset;
    }
    return local - offset;
}
