/* SPDX-License-Identifier: Apache-2.0 */
/* sprintf with any format: the format up to the first line end, then a JSON array of arguments.
 * Properties: a format without a verb stands for itself, with what is left over named behind it; a
 * format that uses its arguments up, one after the other and without complaint, may be followed by
 * another one and gives the two results in a row; the text is bounded and written twice alike. */
#include "fuzz_call.h"

static struct wr_str print(struct wr_arena *arena, struct wr_str format, struct wr_value args,
                           bool *cut)
{
    struct wr_value both[2] = {wr_string(format), args};
    struct wr_value out = fuzz_call(arena, "sprintf", both, 2, cut);
    demand(*cut || out.type == WR_STRING);
    return *cut ? wr_str_of("", 0) : wr_text(out);
}

static struct wr_str join(struct wr_arena *arena, struct wr_str a, struct wr_str b)
{
    struct wr_buf buf = wr_buf_in(arena, a.n + b.n + 1);
    wr_buf_str(&buf, a);
    wr_buf_str(&buf, b);
    demand(!buf.overflow);
    return wr_buf_view(&buf);
}

/* No explicit indexes or stars, and no complaint: each verb took the next argument. */
static bool is_in_order(struct wr_str format, struct wr_str out)
{
    return wr_str_find(format, WR_STR("["), 0) == SIZE_MAX &&
           wr_str_find(format, WR_STR("*"), 0) == SIZE_MAX &&
           wr_str_find(out, WR_STR("%!"), 0) == SIZE_MAX;
}

static void check_row(struct wr_arena *arena, struct wr_str format, struct wr_value args,
                      struct wr_str out)
{
    static const struct wr_value seven = {.type = WR_NUMBER, .i = 7};
    bool cut = false;
    struct wr_value *more = WR_NEW_ARRAY(arena, struct wr_value, (size_t)args.n + 1);
    if (more == NULL) {
        return;
    }
    if (args.n > 0) {
        memcpy(more, args.items, args.n * sizeof *more);
    }
    more[args.n] = seven;
    struct wr_value all = wr_array(more, (size_t)args.n + 1);
    struct wr_str row = print(arena, join(arena, format, WR_STR("<%03d>")), all, &cut);
    demand(cut || wr_str_eq(row, join(arena, out, WR_STR("<007>"))));
    struct wr_str extra = print(arena, format, all, &cut);
    demand(cut || wr_str_eq(extra, join(arena, out, WR_STR("%!(EXTRA int=7)"))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr_arena arena;
    struct wr_value args;
    const char *p = (const char *)data;
    const char *line = size == 0 ? NULL : memchr(p, '\n', size);
    if (line == NULL) {
        return 0;
    }
    struct wr_str format = wr_str_of(p, (size_t)(line - p));
    struct wr_str json = wr_str_of(line + 1, size - format.n - 1);
    bool cut = false;
    wr_arena_init(&arena, &fuzz_memory, 64u << 20);
    if (wr_utf8_invalid_at(format.p, format.n) == format.n &&
        wr_json_read(&arena, json, true, NULL, &args, NULL) == WR_OK && args.type == WR_ARRAY) {
        struct wr_str out = print(&arena, format, args, &cut);
        struct wr_str again = print(&arena, format, args, &cut);
        demand(cut || wr_str_eq(out, again));
        if (!cut && memchr(p, '%', format.n) == NULL) {
            demand(wr_str_starts(out, format) && (out.n == format.n) == (args.n == 0));
        }
        bool ends_open = format.n > 0 && format.p[format.n - 1] == '%';
        if (!cut && !ends_open && is_in_order(format, out)) {
            check_row(&arena, format, args, out);
        }
    }
    wr_arena_deinit(&arena);
    return 0;
}
