/* SPDX-License-Identifier: Apache-2.0 */
/* time.*: nanoseconds since 1970 in 64 bits; zones come through the environment. */
#include "rego/builtin_family.h"
#include "rego/time_layout.h"
#include "rego/zone.h"

#define NS_A_SECOND 1000000000

static const char operand_types[] = "either number (ns) or [number (ns), string (tz)]";

static wr_err ns_of(struct wr_builtin_call *call, wr_i128 seconds, int64_t nanosecond,
                    struct wr_value *out)
{
    wr_i128 ns = seconds * NS_A_SECOND + nanosecond;
    if (ns < INT64_MIN || ns > INT64_MAX) {
        return wr_builtin_fail(call, "time outside of valid range");
    }
    *out = wr_int((int64_t)ns);
    return WR_OK;
}

static wr_err want_ns(struct wr_builtin_call *call, const struct wr_value *v, int64_t *out)
{
    WR_TRY(wr_builtin_want(call, v, 0, WR_NUMBER));
    return wr_number_to_i64(v, out) ? WR_OK : wr_builtin_fail(call, "timestamp too big");
}

/* ── zones ──────────────────────────────────────────────────────────────────────────────────── */

static bool safe_name(struct wr_str name)
{
    char last = '/';
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-' || c == '+';
        if (!plain && (c != '/' || last == '/')) {
            return false;
        }
        last = c;
    }
    return name.n > 0 && name.n < 64 && last != '/';
}

static wr_err get_zone(struct wr_builtin_call *call, struct wr_str name, const struct wr_zone **out)
{
    struct wr_str tzif;
    struct wr_zone *zone = NULL;
    *out = NULL;
    if (name.n == 0 || wr_str_eq(name, WR_STR("UTC")) || wr_str_eq(name, WR_STR("Local"))) {
        return WR_OK;
    }
    *out = wr_builtin_recall(call, WR_CACHED_ZONE, name);
    if (*out != NULL) {
        return WR_OK;
    }
    struct wr_arena *arena = wr_builtin_cache_arena(call);
    const struct wr_zone_source *source = &call->env->zones;
    WR_TRY(wr_builtin_charge(call, 1000));
    if (safe_name(name) && source->load != NULL &&
        source->load(source->context, call->arena, name, &tzif)) {
        zone = wr_zone_read(arena, tzif);
    }
    if (zone == NULL) {
        return wr_arena_failed(arena) ? wr_builtin_no_room(call)
                                      : wr_builtin_fail(call, "unknown time zone %.*s",
                                                        (int)WR_MIN(name.n, 100u), name.p);
    }
    wr_builtin_remember(call, WR_CACHED_ZONE, name, zone);
    *out = zone;
    return WR_OK;
}

struct moment {
    int64_t ns;
    const struct wr_zone *zone;
    struct wr_str layout; /* .n is 0 when not given */
};

/* ns, [ns], [ns, zone] or [ns, zone, layout]. */
static wr_err want_moment(struct wr_builtin_call *call, const struct wr_value *v,
                          struct moment *out)
{
    *out = (struct moment){0};
    if (v->type == WR_NUMBER) {
        return want_ns(call, v, &out->ns);
    }
    if (v->type != WR_ARRAY || v->n == 0) {
        return wr_builtin_operand(call, 0, "must be %s but got %s", operand_types,
                                  wr_type_name(*v));
    }
    WR_TRY(wr_builtin_want(call, v->items, 0, WR_NUMBER));
    for (uint32_t i = 1; i < v->n && i < 3; i++) {
        if (v->items[i].type != WR_STRING) {
            return wr_builtin_operand(call, 0, "must be string but got %s",
                                      wr_type_name(v->items[i]));
        }
    }
    if (v->n > 1) {
        WR_TRY(get_zone(call, wr_text(v->items[1]), &out->zone));
    }
    if (v->n > 2) {
        out->layout = wr_time_layout(wr_text(v->items[2]));
    }
    return want_ns(call, &v->items[0], &out->ns);
}

static void civil_of(const struct moment *m, struct wr_civil *out)
{
    int64_t seconds = m->ns / NS_A_SECOND, rest = m->ns % NS_A_SECOND;
    if (rest < 0) {
        rest += NS_A_SECOND;
        seconds--;
    }
    wr_zone_civil(m->zone, seconds, (int32_t)rest, out);
}

static wr_err ints(struct wr_builtin_call *call, const int64_t *values, size_t n,
                   struct wr_value *out)
{
    struct wr_value *items;
    WR_TRY(wr_builtin_items(call, n, &items));
    for (size_t i = 0; i < n; i++) {
        items[i] = wr_int(values[i]);
    }
    *out = wr_array(items, n);
    return WR_OK;
}

/* ── the functions ──────────────────────────────────────────────────────────────────────────── */

WR_BUILTIN_FN(wr_b_time_now_ns)
{
    (void)args;
    (void)n;
    *out = wr_int(call->env->now_ns);
    return WR_OK;
}

static wr_err parse(struct wr_builtin_call *call, struct wr_str layout, struct wr_str text,
                    struct wr_value *out)
{
    struct wr_error error = {0};
    int64_t seconds;
    int32_t nanosecond;
    WR_TRY(wr_builtin_charge(call, (uint64_t)layout.n * 4 + text.n + 1));
    if (wr_time_parse(layout, text, &seconds, &nanosecond, &error) != WR_OK) {
        return wr_builtin_fail(call, "%s", error.text);
    }
    return ns_of(call, seconds, nanosecond, out);
}

WR_BUILTIN_FN(wr_b_time_parse_ns)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    WR_TRY(wr_builtin_want(call, args, 1, WR_STRING));
    return parse(call, wr_time_layout(wr_text(args[0])), wr_text(args[1]), out);
}

WR_BUILTIN_FN(wr_b_time_parse_rfc3339_ns)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    return parse(call, wr_time_layout(WR_STR("RFC3339")), wr_text(args[0]), out);
}

/* Nanoseconds of a unit; 0 when there is no such. */
static int64_t unit_ns(struct wr_str unit)
{
    static const struct {
        const char *name;
        int64_t ns;
    } table[] = {{"ns", 1},
                 {"us", 1000},
                 {"\xc2\xb5s", 1000},
                 {"\xce\xbcs", 1000},
                 {"ms", 1000000},
                 {"s", NS_A_SECOND},
                 {"m", 60 * (int64_t)NS_A_SECOND},
                 {"h", 3600 * (int64_t)NS_A_SECOND},
                 {"d", 86400 * (int64_t)NS_A_SECOND},
                 {"w", 7 * 86400 * (int64_t)NS_A_SECOND},
                 {"y", 365 * 86400 * (int64_t)NS_A_SECOND}};
    for (size_t i = 0; i < WR_COUNTOF(table); i++) {
        if (wr_str_eq(wr_str_z(table[i].name), unit)) {
            return table[i].ns;
        }
    }
    return 0;
}

/* One "1.5h" of a duration; false when it is malformed or too large. Fractions go through doubles,
 * as in Go. */
static bool duration_part(struct wr_str s, size_t *at, wr_i128 *total)
{
    wr_i128 whole = 0;
    int64_t fraction = 0;
    double scale = 1;
    size_t from = *at, digits = 0;
    for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; (*at)++, digits++) {
        whole = whole * 10 + (s.p[*at] - '0');
        if (whole > INT64_MAX) {
            return false;
        }
    }
    if (*at < s.n && s.p[*at] == '.') {
        for ((*at)++; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; (*at)++, digits++) {
            if (fraction < INT64_MAX / 10 - 10) {
                fraction = fraction * 10 + (s.p[*at] - '0');
                scale *= 10;
            }
        }
    }
    size_t unit = *at;
    while (*at < s.n && s.p[*at] != '.' && (s.p[*at] < '0' || s.p[*at] > '9')) {
        (*at)++;
    }
    int64_t ns = unit_ns(wr_str_of(s.p + unit, *at - unit));
    *total += whole * ns + (int64_t)((double)fraction * ((double)ns / scale));
    return digits > 0 && ns != 0 && *at > from && *total <= (wr_i128)INT64_MAX + 1;
}

WR_BUILTIN_FN(wr_b_time_parse_duration_ns)
{
    wr_i128 total = 0;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    struct wr_str s = wr_text(args[0]);
    WR_TRY(wr_builtin_charge(call, s.n + 1));
    size_t at = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
    bool neg = at == 1 && s.p[0] == '-', good = at < s.n;
    if (s.n - at == 1 && s.p[at] == '0') {
        *out = wr_int(0);
        return WR_OK;
    }
    while (good && at < s.n) {
        good = duration_part(s, &at, &total);
    }
    total = neg ? -total : total;
    if (!good || total > INT64_MAX) {
        return wr_builtin_fail(call, "time: invalid duration \"%.*s\"", (int)WR_MIN(s.n, 100u),
                               s.p);
    }
    *out = wr_int((int64_t)total);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_time_date)
{
    struct moment m;
    struct wr_civil c;
    (void)n;
    WR_TRY(want_moment(call, args, &m));
    civil_of(&m, &c);
    return ints(call, (int64_t[]){c.year, c.month, c.day}, 3, out);
}

WR_BUILTIN_FN(wr_b_time_clock)
{
    struct moment m;
    struct wr_civil c;
    (void)n;
    WR_TRY(want_moment(call, args, &m));
    civil_of(&m, &c);
    return ints(call, (int64_t[]){c.hour, c.minute, c.second}, 3, out);
}

WR_BUILTIN_FN(wr_b_time_weekday)
{
    struct moment m;
    struct wr_civil c;
    (void)n;
    WR_TRY(want_moment(call, args, &m));
    civil_of(&m, &c);
    struct wr_buf buf = wr_buf_in(call->arena, 16);
    wr_time_format(&buf, WR_STR("Monday"), &c);
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_time_format)
{
    struct moment m;
    struct wr_civil c;
    (void)n;
    WR_TRY(want_moment(call, args, &m));
    civil_of(&m, &c);
    struct wr_str layout = m.layout.n != 0 ? m.layout : wr_time_layout(WR_STR("RFC3339Nano"));
    struct wr_buf buf = wr_buf_in(call->arena, 64);
    WR_TRY(wr_builtin_charge(call, (uint64_t)layout.n * 4));
    wr_time_format(&buf, layout, &c);
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_time_add_date)
{
    struct moment m = {0};
    struct wr_civil c;
    int64_t add[3];
    (void)n;
    WR_TRY(want_ns(call, &args[0], &m.ns));
    for (uint32_t i = 0; i < 3; i++) {
        WR_TRY(wr_builtin_want_int(call, args, i + 1, &add[i]));
        if (add[i] < -100000000 || add[i] > 100000000) {
            return wr_builtin_fail(call, "time outside of valid range");
        }
    }
    civil_of(&m, &c);
    int64_t days = wr_days_of_civil(c.year + add[0], c.month + add[1], c.day + add[2]);
    wr_i128 seconds = (wr_i128)days * 86400 + c.hour * 3600 + c.minute * 60 + c.second;
    return ns_of(call, seconds, c.nanosecond, out);
}

/* Takes one of the next larger unit for each that is missing. */
static void borrow(int64_t *unit, int64_t *larger, int64_t size)
{
    if (*unit < 0) {
        *unit += size;
        (*larger)--;
    }
}

WR_BUILTIN_FN(wr_b_time_diff)
{
    struct moment a, b;
    struct wr_civil x, y;
    (void)n;
    WR_TRY(want_moment(call, &args[0], &a));
    WR_TRY(want_moment(call, &args[1], &b));
    b.zone = a.zone;
    if (a.ns > b.ns) {
        struct moment t = a;
        a = b;
        b = t;
    }
    civil_of(&a, &x);
    civil_of(&b, &y);
    int64_t d[6] = {y.year - x.year, y.month - x.month,   y.day - x.day,
                    y.hour - x.hour, y.minute - x.minute, y.second - x.second};
    borrow(&d[5], &d[4], 60);
    borrow(&d[4], &d[3], 60);
    borrow(&d[3], &d[2], 24);
    borrow(&d[2], &d[1],
           wr_days_of_civil(x.year, x.month + 1, 1) - wr_days_of_civil(x.year, x.month, 1));
    borrow(&d[1], &d[0], 12);
    return ints(call, d, 6, out);
}
