/* SPDX-License-Identifier: Apache-2.0 */
/* Times: 8 bytes of nanoseconds, then a layout, a line end, and a text. Properties: every moment
 * that is formatted in full is read back as itself, by RFC 3339 and by layout; date, clock and
 * weekday say what the text says; adding nothing changes nothing and differences turn round; what a
 * layout writes it reads as a moment that it writes so; a duration is the sum of its parts. */
#include "fuzz_call.h"

static struct wr_value call1(struct wr_arena *arena, const char *name, struct wr_value x)
{
    bool cut = false;
    struct wr_value out = fuzz_call(arena, name, &x, 1, &cut);
    return cut ? wr_undefined() : out;
}

static struct wr_value call2(struct wr_arena *arena, const char *name, struct wr_value x,
                             struct wr_value y)
{
    bool cut = false;
    struct wr_value args[2] = {x, y};
    struct wr_value out = fuzz_call(arena, name, args, 2, &cut);
    return cut ? wr_undefined() : out;
}

static struct wr_value formatted(struct wr_arena *arena, struct wr_value ns, struct wr_str layout)
{
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, 3);
    demand(items != NULL);
    items[0] = ns;
    items[1] = wr_string(WR_STR("UTC"));
    items[2] = wr_string(layout);
    return call1(arena, "time.format", wr_array(items, 3));
}

static int64_t digits(struct wr_str s, size_t from, size_t n)
{
    int64_t v = 0;
    for (size_t i = from; i < from + n; i++) {
        demand(s.p[i] >= '0' && s.p[i] <= '9');
        v = v * 10 + (s.p[i] - '0');
    }
    return v;
}

static void check_three(const struct wr_value *v, int64_t a, int64_t b, int64_t c)
{
    demand(v->type == WR_ARRAY && v->n == 3);
    demand(v->items[0].i == a && v->items[1].i == b && v->items[2].i == c);
}

/* 2006-01-02T15:04:05Z and what else is known about the moment. */
static void check_moment(struct wr_arena *arena, struct wr_value ns)
{
    static const char layout[] = "2006-01-02T15:04:05.000000000Z07:00 Monday";
    struct wr_value text = call1(arena, "time.format", ns);
    demand(text.type == WR_STRING && text.n >= 20);
    struct wr_value back = call1(arena, "time.parse_rfc3339_ns", text);
    demand(fuzz_same(&back, &ns));
    struct wr_value full = formatted(arena, ns, WR_STR(layout));
    demand(full.type == WR_STRING && full.n > 31);
    back = call2(arena, "time.parse_ns", wr_string(WR_STR(layout)), full);
    demand(fuzz_same(&back, &ns));
    struct wr_str t = wr_text(full);
    struct wr_value date = call1(arena, "time.date", ns), clock = call1(arena, "time.clock", ns);
    check_three(&date, digits(t, 0, 4), digits(t, 5, 2), digits(t, 8, 2));
    check_three(&clock, digits(t, 11, 2), digits(t, 14, 2), digits(t, 17, 2));
    struct wr_value day = call1(arena, "time.weekday", ns);
    demand(day.type == WR_STRING && wr_str_eq(wr_text(day), wr_str_of(t.p + 31, t.n - 31)));
    struct wr_value zeros[4] = {ns, wr_int(0), wr_int(0), wr_int(0)};
    bool cut = false;
    struct wr_value same = fuzz_call(arena, "time.add_date", zeros, 4, &cut);
    demand(cut || fuzz_same(&same, &ns));
    struct wr_value epoch = wr_int(0);
    struct wr_value there = call2(arena, "time.diff", epoch, ns);
    struct wr_value here = call2(arena, "time.diff", ns, epoch);
    demand(there.type == WR_ARRAY && there.n == 6 && fuzz_same(&there, &here));
}

static void check_layout(struct wr_arena *arena, struct wr_str layout, struct wr_str text)
{
    struct wr_value ns = call2(arena, "time.parse_ns", wr_string(layout), wr_string(text));
    if (ns.type == WR_UNDEFINED) {
        return;
    }
    demand(ns.type == WR_NUMBER);
    check_moment(arena, ns);
    struct wr_value out = formatted(arena, ns, layout);
    demand(out.type == WR_STRING);
    struct wr_value again = call2(arena, "time.parse_ns", wr_string(layout), out);
    if (again.type != WR_UNDEFINED) {
        struct wr_value text_again = formatted(arena, again, layout);
        demand(fuzz_same(&text_again, &out));
    }
}

static void check_duration(struct wr_arena *arena, struct wr_str text)
{
    struct wr_value ns = call1(arena, "time.parse_duration_ns", wr_string(text));
    if (ns.type == WR_UNDEFINED) {
        return;
    }
    struct wr_buf buf = wr_buf_in(arena, text.n + 8);
    wr_buf_str(&buf, text);
    wr_buf_str(&buf, WR_STR("5s"));
    struct wr_value more = call1(arena, "time.parse_duration_ns", wr_string(wr_buf_view(&buf)));
    bool zero = wr_str_eq(text, WR_STR("0")) || wr_str_eq(text, WR_STR("-0")) ||
                wr_str_eq(text, WR_STR("+0"));
    bool minus = text.n > 0 && text.p[0] == '-';
    int64_t by = minus ? -5000000000 : 5000000000, sum;
    if (more.type != WR_UNDEFINED && !zero) {
        demand(!__builtin_add_overflow(ns.i, by, &sum) && more.i == sum);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t ns;
    if (size < sizeof ns) {
        return 0;
    }
    struct wr_arena arena;
    const char *p = (const char *)data + sizeof ns, *end = (const char *)data + size;
    const char *line = end > p ? memchr(p, '\n', (size_t)(end - p)) : NULL;
    memcpy(&ns, data, sizeof ns);
    wr_arena_init(&arena, &fuzz_memory, 16u << 20);
    check_moment(&arena, wr_int(ns));
    if (line != NULL) {
        struct wr_str text = wr_str_of(line + 1, (size_t)(end - line - 1));
        check_layout(&arena, wr_str_of(p, (size_t)(line - p)), text);
        check_duration(&arena, text);
    }
    wr_arena_deinit(&arena);
    return 0;
}
