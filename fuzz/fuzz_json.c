/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader and writer on any bytes. Properties: whole equals split, value and error alike;
 * writing what was read is a fixed point; a copy equals its source and hashes alike; memory stays
 * within 64 bytes a byte and 64 KiB. The first two bytes choose where to split. */
#include "fuzz.h"

#include "value/json_read.h"
#include "value/json_write.h"

static struct wr_str written(struct wr_arena *arena, const struct wr_value *v)
{
    struct wr_buf buf = wr_buf_in(arena, 64);
    wr_json_write(&buf, v, WR_JSON_COMPACT);
    demand(!buf.overflow);
    return wr_buf_view(&buf);
}

static void check_value(struct wr_arena *arena, const struct wr_value *v)
{
    struct wr_value again;
    struct wr_str once = written(arena, v);
    demand(wr_json_read(arena, once, true, NULL, &again, NULL) == WR_OK);
    demand(wr_value_eq(v, &again) && wr_value_hash(v) == wr_value_hash(&again));
    demand(wr_str_eq(once, written(arena, &again)));
    struct wr_value copy = wr_value_copy(arena, *v);
    demand(wr_value_cmp(v, &copy) == 0);
}

static wr_err read_pieces(struct wr_arena *arena, struct wr_str text, size_t head, size_t piece,
                          struct wr_value *out, struct wr_error *error)
{
    struct wr_json_reader *reader = wr_json_open(arena, NULL);
    size_t at = 0, size = head;
    wr_err code = WR_OK;
    while (at < text.n && code == WR_OK) {
        size = WR_MIN(size, text.n - at);
        code = wr_json_feed(reader, wr_str_of(text.p + at, size), error);
        at += size;
        size = piece;
    }
    return code == WR_OK ? wr_json_finish(reader, out, error) : code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2) {
        return 0;
    }
    struct wr_str text = wr_str_of((const char *)data + 2, n - 2);
    size_t head = (size_t)data[0] + 1, piece = (size_t)data[1] + 1;
    struct wr_value whole, split;
    struct wr_error whole_error, split_error;
    struct wr_arena arena, second;
    wr_arena_init(&arena, &fuzz_memory, SIZE_MAX);
    wr_arena_init(&second, &fuzz_memory, SIZE_MAX);
    wr_err code = wr_json_read(&arena, text, true, NULL, &whole, &whole_error);
    demand(arena.taken <= 64 * text.n + 64 * 1024);
    demand(read_pieces(&second, text, head, piece, &split, &split_error) == code);
    demand(second.taken <= 64 * text.n + 64 * 1024);
    if (code == WR_OK) {
        demand(wr_value_eq(&whole, &split));
        check_value(&arena, &whole);
    } else {
        demand(whole_error.offset == split_error.offset && whole_error.offset <= text.n);
        demand(strcmp(whole_error.text, split_error.text) == 0);
    }
    wr_arena_deinit(&second);
    wr_arena_deinit(&arena);
    return 0;
}
