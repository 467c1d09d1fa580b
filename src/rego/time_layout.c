/* SPDX-License-Identifier: Apache-2.0 */
/* See time_layout.h. */
#include "rego/time_layout.h"

enum chunk {
    CHUNK_NONE,
    LONG_MONTH,
    MONTH,
    NUM_MONTH,
    ZERO_MONTH,
    LONG_WEEKDAY,
    WEEKDAY,
    DAY,
    UNDER_DAY,
    ZERO_DAY,
    UNDER_YEARDAY,
    ZERO_YEARDAY,
    HOUR,
    HOUR12,
    ZERO_HOUR12,
    MINUTE,
    ZERO_MINUTE,
    SECOND,
    ZERO_SECOND,
    LONG_YEAR,
    YEAR,
    PM,
    LOWER_PM,
    ZONE_NAME,
    /* offsets: an ISO form writes Z for UTC */
    ISO_TZ,
    ISO_SECONDS_TZ,
    ISO_SHORT_TZ,
    ISO_COLON_TZ,
    ISO_COLON_SECONDS_TZ,
    NUM_TZ,
    NUM_SECONDS_TZ,
    NUM_SHORT_TZ,
    NUM_COLON_TZ,
    NUM_COLON_SECONDS_TZ,
    FRACTION0,
    FRACTION9,
};

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};

struct wr_str wr_time_layout(struct wr_str name)
{
    static const char *const table[][2] = {
        {"ANSIC", "Mon Jan _2 15:04:05 2006"},
        {"UnixDate", "Mon Jan _2 15:04:05 MST 2006"},
        {"RubyDate", "Mon Jan 02 15:04:05 -0700 2006"},
        {"RFC822", "02 Jan 06 15:04 MST"},
        {"RFC822Z", "02 Jan 06 15:04 -0700"},
        {"RFC850", "Monday, 02-Jan-06 15:04:05 MST"},
        {"RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"},
        {"RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"},
        {"RFC3339", "2006-01-02T15:04:05Z07:00"},
        {"RFC3339Nano", "2006-01-02T15:04:05.999999999Z07:00"},
    };
    for (size_t i = 0; i < WR_COUNTOF(table); i++) {
        if (wr_str_eq(wr_str_z(table[i][0]), name)) {
            return wr_str_z(table[i][1]);
        }
    }
    return name;
}

/* ── reading a layout ───────────────────────────────────────────────────────────────────────── */

static bool is_digit(struct wr_str s, size_t at)
{
    return at < s.n && s.p[at] >= '0' && s.p[at] <= '9';
}

static bool lower_at(struct wr_str s, size_t at)
{
    return at < s.n && s.p[at] >= 'a' && s.p[at] <= 'z';
}

/* The chunk that begins at `at`, and its size. Longer forms stand before their prefixes. */
static enum chunk chunk_at(struct wr_str s, size_t at, size_t *size)
{
    static const struct {
        const char *text;
        enum chunk chunk;
        bool word; /* no lower-case letter may follow */
    } table[] = {
        {"January", LONG_MONTH, false},
        {"Jan", MONTH, true},
        {"Monday", LONG_WEEKDAY, false},
        {"Mon", WEEKDAY, true},
        {"MST", ZONE_NAME, false},
        {"01", ZERO_MONTH, false},
        {"002", ZERO_YEARDAY, false},
        {"02", ZERO_DAY, false},
        {"03", ZERO_HOUR12, false},
        {"04", ZERO_MINUTE, false},
        {"05", ZERO_SECOND, false},
        {"06", YEAR, false},
        {"15", HOUR, false},
        {"1", NUM_MONTH, false},
        {"2006", LONG_YEAR, false},
        {"2", DAY, false},
        {"__2", UNDER_YEARDAY, false},
        {"_2", UNDER_DAY, false},
        {"3", HOUR12, false},
        {"4", MINUTE, false},
        {"5", SECOND, false},
        {"PM", PM, false},
        {"pm", LOWER_PM, false},
        {"-070000", NUM_SECONDS_TZ, false},
        {"-07:00:00", NUM_COLON_SECONDS_TZ, false},
        {"-0700", NUM_TZ, false},
        {"-07:00", NUM_COLON_TZ, false},
        {"-07", NUM_SHORT_TZ, false},
        {"Z070000", ISO_SECONDS_TZ, false},
        {"Z07:00:00", ISO_COLON_SECONDS_TZ, false},
        {"Z0700", ISO_TZ, false},
        {"Z07:00", ISO_COLON_TZ, false},
        {"Z07", ISO_SHORT_TZ, false},
    };
    struct wr_str rest = wr_str_of(s.p + at, s.n - at);
    if ((rest.p[0] == '.' || rest.p[0] == ',') && rest.n > 1 &&
        (rest.p[1] == '0' || rest.p[1] == '9')) {
        size_t end = 1;
        while (end < rest.n && rest.p[end] == rest.p[1]) {
            end++;
        }
        *size = end;
        return is_digit(rest, end) ? CHUNK_NONE : rest.p[1] == '0' ? FRACTION0 : FRACTION9;
    }
    if (wr_str_starts(rest, WR_STR("_2006"))) {
        return CHUNK_NONE;
    }
    for (size_t i = 0; i < WR_COUNTOF(table); i++) {
        struct wr_str text = wr_str_z(table[i].text);
        if (wr_str_starts(rest, text) && !(table[i].word && lower_at(rest, text.n))) {
            *size = text.n;
            return table[i].chunk;
        }
    }
    return CHUNK_NONE;
}

/* Splits off the text before the next chunk; false at the end. */
static bool next_chunk(struct wr_str *layout, struct wr_str *before, enum chunk *chunk,
                       size_t *size)
{
    size_t at = 0;
    *chunk = CHUNK_NONE;
    *size = 0;
    for (; at < layout->n; at++) {
        *chunk = chunk_at(*layout, at, size);
        if (*chunk != CHUNK_NONE) {
            break;
        }
    }
    *before = wr_str_of(layout->p, at);
    *size = *chunk == CHUNK_NONE ? 0 : *size;
    *layout = wr_str_of(layout->p + at + *size, layout->n - at - *size);
    return *chunk != CHUNK_NONE;
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */

static void put(struct wr_buf *buf, int64_t v, unsigned width, char fill)
{
    char text[24];
    struct wr_buf digits = wr_buf_fixed(text, sizeof text);
    if (v < 0) {
        wr_buf_char(buf, '-');
        v = -v;
    }
    wr_buf_u64(&digits, (uint64_t)v);
    for (size_t i = digits.n; i < width; i++) {
        wr_buf_char(buf, fill);
    }
    wr_buf_add(buf, text, digits.n);
}

static void put_offset(struct wr_buf *buf, enum chunk chunk, int32_t offset)
{
    bool iso = chunk >= ISO_TZ && chunk <= ISO_COLON_SECONDS_TZ;
    if (iso && offset == 0) {
        wr_buf_char(buf, 'Z');
        return;
    }
    chunk = iso ? (enum chunk)(chunk - ISO_TZ + NUM_TZ) : chunk;
    bool colon = chunk == NUM_COLON_TZ || chunk == NUM_COLON_SECONDS_TZ;
    wr_buf_char(buf, offset < 0 ? '-' : '+');
    offset = offset < 0 ? -offset : offset;
    put(buf, offset / 3600, 2, '0');
    if (chunk == NUM_SHORT_TZ) {
        return;
    }
    wr_buf_add(buf, ":", colon ? 1 : 0);
    put(buf, offset / 60 % 60, 2, '0');
    if (chunk == NUM_SECONDS_TZ || chunk == NUM_COLON_SECONDS_TZ) {
        wr_buf_add(buf, ":", colon ? 1 : 0);
        put(buf, offset % 60, 2, '0');
    }
}

static void put_fraction(struct wr_buf *buf, int32_t nanosecond, size_t size, char point, bool trim)
{
    char digits[9];
    size_t n = WR_MIN(size - 1, 9u);
    for (int i = 8; i >= 0; i--) {
        digits[i] = (char)('0' + nanosecond % 10);
        nanosecond /= 10;
    }
    while (trim && n > 0 && digits[n - 1] == '0') {
        n--;
    }
    if (n > 0) {
        wr_buf_char(buf, point);
        wr_buf_add(buf, digits, n);
    }
}

static void put_name(struct wr_buf *buf, const char *name, bool whole)
{
    wr_buf_str(buf, whole ? wr_str_z(name) : wr_str_of(name, 3));
}

static void put_zone_name(struct wr_buf *buf, const struct wr_civil *c)
{
    if (c->abbreviation[0] != '\0' && c->abbreviation[0] != '+' && c->abbreviation[0] != '-') {
        wr_buf_str(buf, wr_str_z(c->abbreviation));
        return;
    }
    put_offset(buf, c->offset / 60 % 60 == 0 ? NUM_SHORT_TZ : NUM_TZ, c->offset);
}

static void put_chunk(struct wr_buf *buf, enum chunk chunk, const struct wr_civil *c)
{
    int hour12 = c->hour % 12 == 0 ? 12 : c->hour % 12;
    switch (chunk) {
    case LONG_MONTH:
    case MONTH:
        put_name(buf, months[c->month - 1], chunk == LONG_MONTH);
        break;
    case NUM_MONTH:
    case ZERO_MONTH:
        put(buf, c->month, chunk == NUM_MONTH ? 0 : 2, '0');
        break;
    case LONG_WEEKDAY:
    case WEEKDAY:
        put_name(buf, weekdays[c->weekday], chunk == LONG_WEEKDAY);
        break;
    case DAY:
    case UNDER_DAY:
    case ZERO_DAY:
        put(buf, c->day, chunk == DAY ? 0 : 2, chunk == UNDER_DAY ? ' ' : '0');
        break;
    case UNDER_YEARDAY:
    case ZERO_YEARDAY:
        put(buf, c->yearday, 3, chunk == UNDER_YEARDAY ? ' ' : '0');
        break;
    case HOUR:
        put(buf, c->hour, 2, '0');
        break;
    case HOUR12:
    case ZERO_HOUR12:
        put(buf, hour12, chunk == HOUR12 ? 0 : 2, '0');
        break;
    case MINUTE:
    case ZERO_MINUTE:
        put(buf, c->minute, chunk == MINUTE ? 0 : 2, '0');
        break;
    case SECOND:
    case ZERO_SECOND:
        put(buf, c->second, chunk == SECOND ? 0 : 2, '0');
        break;
    case LONG_YEAR:
        put(buf, c->year, 4, '0');
        break;
    case YEAR:
        put(buf, (c->year % 100 + 100) % 100, 2, '0');
        break;
    case PM:
        wr_buf_str(buf, c->hour >= 12 ? WR_STR("PM") : WR_STR("AM"));
        break;
    case LOWER_PM:
        wr_buf_str(buf, c->hour >= 12 ? WR_STR("pm") : WR_STR("am"));
        break;
    case ZONE_NAME:
        put_zone_name(buf, c);
        break;
    default:
        put_offset(buf, chunk, c->offset);
        break;
    }
}

void wr_time_format(struct wr_buf *buf, struct wr_str layout, const struct wr_civil *c)
{
    struct wr_str before;
    enum chunk chunk;
    size_t size;
    while (next_chunk(&layout, &before, &chunk, &size)) {
        wr_buf_str(buf, before);
        if (chunk == FRACTION0 || chunk == FRACTION9) {
            put_fraction(buf, c->nanosecond, size, before.p[before.n], chunk == FRACTION9);
        } else {
            put_chunk(buf, chunk, c);
        }
    }
    wr_buf_str(buf, before);
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */

struct parse {
    struct wr_str layout, text; /* what is left */
    int64_t year, month, day, yearday, hour, minute, second, nanosecond;
    int64_t offset;
    bool pm, pm_set;
    const char *wrong_offset; /* what of it is out of range */
};

static bool number(struct parse *p, size_t min, size_t max, int64_t *out)
{
    size_t n = 0;
    *out = 0;
    while (n < max && is_digit(p->text, n)) {
        *out = *out * 10 + (p->text.p[n++] - '0');
    }
    p->text = wr_str_of(p->text.p + n, p->text.n - n);
    return n >= min;
}

static bool skip(struct parse *p, char c)
{
    bool has = p->text.n > 0 && p->text.p[0] == c;
    p->text = wr_str_of(p->text.p + has, p->text.n - has);
    return has;
}

/* What stands between the parts; spaces stand for any number of spaces. */
static bool skip_literal(struct parse *p, struct wr_str literal)
{
    for (size_t i = 0; i < literal.n; i++) {
        bool space = literal.p[i] == ' ';
        if (space ? p->text.n > 0 && p->text.p[0] != ' ' : !skip(p, literal.p[i])) {
            return false;
        }
        while (space && skip(p, ' ')) {
        }
        while (space && i + 1 < literal.n && literal.p[i + 1] == ' ') {
            i++;
        }
    }
    return true;
}

static bool same_letters(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((a[i] | 0x20) != (b[i] | 0x20)) {
            return false;
        }
    }
    return true;
}

static bool name(struct parse *p, const char *const *names, size_t n, bool whole, int64_t *index)
{
    for (size_t i = 0; i < n; i++) {
        size_t size = whole ? strlen(names[i]) : 3;
        if (p->text.n >= size && same_letters(p->text.p, names[i], size)) {
            *index = (int64_t)i;
            p->text = wr_str_of(p->text.p + size, p->text.n - size);
            return true;
        }
    }
    return false;
}

/* ".123" as nanoseconds; at most nine digits count. */
static bool fraction(struct parse *p, size_t digits)
{
    size_t n = 1;
    int64_t v = 0, scale = 1000000000;
    while (is_digit(p->text, n) && (digits == 0 || n <= digits)) {
        if (scale > 1) {
            scale /= 10;
            v += (p->text.p[n] - '0') * scale;
        }
        n++;
    }
    p->nanosecond = v;
    p->text = wr_str_of(p->text.p + n, p->text.n - n);
    return n > 1 && (digits == 0 || n == digits + 1);
}

static bool is_point(struct wr_str s)
{
    return s.n > 0 && (s.p[0] == '.' || s.p[0] == ',');
}

static bool offset(struct parse *p, enum chunk chunk)
{
    int64_t h, m = 0, s = 0;
    bool iso = chunk >= ISO_TZ && chunk <= ISO_COLON_SECONDS_TZ;
    if (iso && skip(p, 'Z')) {
        p->offset = 0;
        return true;
    }
    chunk = iso ? (enum chunk)(chunk - ISO_TZ + NUM_TZ) : chunk;
    bool neg = skip(p, '-'), colon = chunk == NUM_COLON_TZ || chunk == NUM_COLON_SECONDS_TZ;
    if ((!neg && !skip(p, '+')) || !number(p, 2, 2, &h)) {
        return false;
    }
    if (chunk != NUM_SHORT_TZ && ((colon && !skip(p, ':')) || !number(p, 2, 2, &m))) {
        return false;
    }
    if ((chunk == NUM_SECONDS_TZ || chunk == NUM_COLON_SECONDS_TZ) &&
        ((colon && !skip(p, ':')) || !number(p, 2, 2, &s))) {
        return false;
    }
    p->offset = (h * 3600 + m * 60 + s) * (neg ? -1 : 1);
    p->wrong_offset = h > 24   ? "time zone offset hour" /* more than a day's, as in Go */
                      : m > 60 ? "time zone offset minute"
                      : s > 60 ? "time zone offset second"
                               : NULL;
    return true;
}

/* Bytes of +3, -11: at most 23 hours; 0: none of these. */
static size_t signed_hours(struct wr_str s)
{
    size_t n = 1;
    uint64_t hours = 0;
    if (s.n == 0 || (s.p[0] != '+' && s.p[0] != '-')) {
        return 0;
    }
    for (; is_digit(s, n) && hours <= 23; n++) {
        hours = hours * 10 + (uint64_t)(s.p[n] - '0');
    }
    return n > 1 && hours <= 23 ? n : 0;
}

/* Three to five capital letters, GMT with hours, or hours alone. No name shifts the time, as in Go:
 * not even these hours. */
static bool zone_name(struct parse *p)
{
    struct wr_str s = p->text;
    size_t n = 0;
    if (s.n >= 4 && (memcmp(s.p, "ChST", 4) == 0 || memcmp(s.p, "MeST", 4) == 0)) {
        n = 4;
    } else if (wr_str_starts(s, WR_STR("GMT"))) {
        n = 3 + signed_hours(wr_str_of(s.p + 3, s.n - 3));
    } else if (signed_hours(s) > 0) {
        n = signed_hours(s);
    } else {
        while (n < s.n && n < 6 && s.p[n] >= 'A' && s.p[n] <= 'Z') {
            n++;
        }
        bool good = n == 3 || (n == 4 && wr_str_starts(s, WR_STR("WITA"))) ||
                    ((n == 4 || n == 5) && s.p[n - 1] == 'T');
        n = good ? n : 0;
    }
    p->text = wr_str_of(s.p + n, s.n - n);
    return n > 0 && s.n >= 3;
}

static bool year2(struct parse *p)
{
    bool good = number(p, 2, 2, &p->year);
    p->year += p->year >= 69 ? 1900 : 2000;
    return good;
}

static bool seconds(struct parse *p, enum chunk chunk)
{
    struct wr_str ahead = p->layout, before;
    enum chunk next;
    size_t size;
    if (!number(p, chunk == ZERO_SECOND ? 2 : 1, 2, &p->second)) {
        return false;
    }
    bool has_next = next_chunk(&ahead, &before, &next, &size);
    bool in_layout = has_next && before.n == 0 && (next == FRACTION0 || next == FRACTION9);
    /* a fraction may stand behind the seconds though the layout has none */
    return in_layout || !is_point(p->text) || !is_digit(p->text, 1) || fraction(p, 0);
}

static bool read_chunk(struct parse *p, enum chunk chunk, size_t size)
{
    int64_t ignored;
    switch (chunk) {
    case LONG_MONTH:
    case MONTH:
        if (!name(p, months, 12, chunk == LONG_MONTH, &p->month)) {
            return false;
        }
        p->month++;
        return true;
    case NUM_MONTH:
    case ZERO_MONTH:
        return number(p, chunk == ZERO_MONTH ? 2 : 1, 2, &p->month);
    case LONG_WEEKDAY:
    case WEEKDAY:
        return name(p, weekdays, 7, chunk == LONG_WEEKDAY, &ignored);
    case DAY:
    case UNDER_DAY:
    case ZERO_DAY:
        if (chunk == UNDER_DAY) {
            (void)skip(p, ' ');
        }
        return number(p, chunk == ZERO_DAY ? 2 : 1, 2, &p->day);
    case UNDER_YEARDAY:
    case ZERO_YEARDAY:
        while (chunk == UNDER_YEARDAY && skip(p, ' ')) {
        }
        return number(p, chunk == ZERO_YEARDAY ? 3 : 1, 3, &p->yearday);
    case HOUR:
        return number(p, 1, 2, &p->hour);
    case HOUR12:
    case ZERO_HOUR12:
        return number(p, chunk == ZERO_HOUR12 ? 2 : 1, 2, &p->hour) && p->hour <= 12;
    case MINUTE:
    case ZERO_MINUTE:
        return number(p, chunk == ZERO_MINUTE ? 2 : 1, 2, &p->minute);
    case SECOND:
    case ZERO_SECOND:
        return seconds(p, chunk);
    case LONG_YEAR:
        return number(p, 4, 4, &p->year);
    case YEAR:
        return year2(p);
    case PM:
    case LOWER_PM:
        p->pm = p->text.n >= 2 && p->text.p[0] == (chunk == PM ? 'P' : 'p');
        p->pm_set = true;
        if (!skip(p, chunk == PM ? 'P' : 'p') && !skip(p, chunk == PM ? 'A' : 'a')) {
            return false;
        }
        return skip(p, chunk == PM ? 'M' : 'm');
    case ZONE_NAME:
        return zone_name(p);
    case FRACTION0:
        return is_point(p->text) && fraction(p, size - 1);
    case FRACTION9:
        return !is_point(p->text) || !is_digit(p->text, 1) || fraction(p, 0);
    default:
        return offset(p, chunk);
    }
}

static bool in_range(const struct parse *p, const char **what)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    *what = p->wrong_offset != NULL              ? p->wrong_offset
            : p->month < 1 || p->month > 12      ? "month"
            : p->hour > 23                       ? "hour"
            : p->minute > 59                     ? "minute"
            : p->second > 59                     ? "second"
            : p->yearday < 0 || p->yearday > 366 ? "day-of-year"
                                                 : NULL;
    if (*what == NULL) {
        bool leap = p->year % 4 == 0 && (p->year % 100 != 0 || p->year % 400 == 0);
        int last = days[p->month - 1] + (p->month == 2 && leap ? 1 : 0);
        *what = p->day < 1 || p->day > last ? "day" : NULL;
    }
    return *what == NULL;
}

wr_err wr_time_parse(struct wr_str layout, struct wr_str text, int64_t *out_seconds,
                     int32_t *nanosecond, struct wr_error *error)
{
    struct parse p = {.layout = layout, .text = text, .month = 1, .day = 1};
    struct wr_str before;
    enum chunk chunk;
    size_t size;
    const char *what;
    for (;;) {
        struct wr_str rest = p.layout;
        bool more = next_chunk(&p.layout, &before, &chunk, &size);
        bool good = skip_literal(&p, before);
        struct wr_str wanted = good ? wr_str_of(rest.p + before.n, size) : before, had = p.text;
        good = good && (!more || read_chunk(&p, chunk, size));
        if (!good) {
            return wr_fail(error, WR_E_EVAL_BUILTIN,
                           "parsing time \"%.*s\" as \"%.*s\": cannot parse \"%.*s\" as \"%.*s\"",
                           (int)WR_MIN(text.n, 80u), text.p, (int)WR_MIN(layout.n, 80u), layout.p,
                           (int)WR_MIN(had.n, 80u), had.p, (int)WR_MIN(wanted.n, 80u), wanted.p);
        }
        if (!more) {
            break;
        }
    }
    if (p.text.n != 0) {
        return wr_fail(error, WR_E_EVAL_BUILTIN, "parsing time \"%.*s\": extra text: \"%.*s\"",
                       (int)WR_MIN(text.n, 80u), text.p, (int)WR_MIN(p.text.n, 80u), p.text.p);
    }
    if (p.pm_set && p.hour <= 12) {
        p.hour = p.pm ? (p.hour < 12 ? p.hour + 12 : 12) : p.hour == 12 ? 0 : p.hour;
    }
    if (!in_range(&p, &what)) {
        return wr_fail(error, WR_E_EVAL_BUILTIN, "parsing time \"%.*s\": %s out of range",
                       (int)WR_MIN(text.n, 80u), text.p, what);
    }
    int64_t days = p.yearday > 0 ? wr_days_of_civil(p.year, 1, p.yearday)
                                 : wr_days_of_civil(p.year, p.month, p.day);
    *out_seconds = days * 86400 + p.hour * 3600 + p.minute * 60 + p.second - p.offset;
    *nanosecond = (int32_t)p.nanosecond;
    return WR_OK;
}
