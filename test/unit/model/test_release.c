/* SPDX-License-Identifier: Apache-2.0 */
/* Large models are in memory once: what the compiler tells to be read for the last time is not read
 * again, and the module is the memory that it was made in. */
#include "onnx_write.h"

#define WIDE 90000u /* floats of 3 rows: over WR_MODEL_RELEASE_FROM */

static struct wr_str weights(struct wr_arena *arena)
{
    char *bytes = wr_arena_alloc(arena, WIDE * 3 * 4, 4);
    for (uint32_t i = 0; bytes != NULL && i < WIDE * 3; i++) {
        float x = (float)(i % 1021) / 512 - 1;
        memcpy(bytes + (size_t)i * 4, &x, sizeof x);
    }
    return wr_str_of(bytes, bytes != NULL ? WIDE * 3 * 4 : 0);
}

static void put_weights(struct wr_arena *arena, struct wr_buf *graph, const char *name,
                        uint64_t rows, uint64_t columns)
{
    struct wr_buf tensor = wr_buf_in(arena, WIDE * 3 * 4 + 64);
    put_number(&tensor, 1, rows);
    put_number(&tensor, 1, columns);
    put_number(&tensor, 2, 1);
    put_bytes(&tensor, 8, wr_str_z(name));
    put_bytes(&tensor, 9, weights(arena));
    put_bytes(graph, 5, wr_buf_view(&tensor));
}

static struct wr_str source;
static size_t n_source, n_own; /* bytes told of */

/* What an unkind system would do: other memory holds anything from now on. */
static void spoil(const void *bytes, size_t n)
{
    const char *p = bytes;
    if (p >= source.p && p < source.p + source.n) {
        n_source += n;
    } else {
        memset((void *)(uintptr_t)bytes, 0xa5, n);
        n_own += n;
    }
}

static struct wr_str network(struct wr_arena *arena)
{
    struct wr_buf before = wr_buf_in(arena, 1 << 20);
    put_weights(arena, &before, "w", 3, WIDE);
    put_weights(arena, &before, "v", WIDE, 3);
    return onnx_model(arena, "MatMul|x,w|a;Relu|a|b;MatMul|b,v|y", 1, wr_buf_view(&before));
}

TEST("what was told to be read for the last time is not read again: the module is the same")
{
    struct wr_arena arena;
    struct test_model kept, spoiled;
    wr_arena_init(&arena, &test_memory, 1 << 28);
    source = network(&arena);
    CHECK(test_open(&kept, source, NULL));
    CHECK(test_open(&spoiled, source, &(struct wr_model_options){.release = spoil}));
    CHECK_INT(n_source, 2 * WIDE * 3 * 4);
    CHECK_INT(n_own, 2 * WIDE * 3 * 4);
    CHECK(wr_str_eq(wr_buf_view(&kept.wasm), wr_buf_view(&spoiled.wasm)));
    test_close(&spoiled);
    test_close(&kept);
    /* With an explanation behind the program. */
    static const double rows[2][3] = {{1, 2, 3}, {-1, 0.5, 2}};
    struct wr_model_options how = {.background = rows[0], .n_background = 2};
    CHECK(test_open(&kept, source, &how));
    how.release = spoil;
    CHECK(test_open(&spoiled, source, &how));
    CHECK(n_own > 4 * WIDE * 3 * 4 && wr_model_explains(spoiled.model, 0));
    CHECK(wr_str_eq(wr_buf_view(&kept.wasm), wr_buf_view(&spoiled.wasm)));
    test_close(&spoiled);
    test_close(&kept);
    wr_arena_deinit(&arena);
}

TEST("constants, program and module take two and a half times the network, rounded up by the arena")
{
    struct wr_arena arena;
    struct test_model m;
    wr_arena_init(&arena, &test_memory, 1 << 28);
    source = network(&arena);
    CHECK(test_open(&m, source, NULL));
    CHECK(m.arena.taken < 5 * source.n);
    test_close(&m);
    wr_arena_deinit(&arena);
}

/* w and v are read as [WIDE, 3] and [3, WIDE]: Gemm has them turned round. */
static struct wr_str turned(struct wr_arena *arena, const char *nodes)
{
    struct wr_buf before = wr_buf_in(arena, 1 << 20);
    put_weights(arena, &before, "w", WIDE, 3);
    put_weights(arena, &before, "v", 3, WIDE);
    return onnx_model(arena, nodes, 1, wr_buf_view(&before));
}

static void check_turned(const char *one, const char *other, bool same_room)
{
    struct wr_arena arena;
    struct test_model a, b;
    wr_arena_init(&arena, &test_memory, 1 << 28);
    CHECK(test_open(&a, turned(&arena, one), NULL));
    CHECK(test_open(&b, turned(&arena, other), NULL));
    for (int i = 0; i < 3; i++) {
        a.row[i] = b.row[i] = i + 0.5;
    }
    CHECK(wr_model_score(a.model, a.row, a.outputs, a.scratch) == WR_OK);
    CHECK(wr_model_score(b.model, b.row, b.outputs, b.scratch) == WR_OK);
    CHECK(wr_model_n_outputs(a.model) == 3 && memcmp(a.outputs, b.outputs, 3 * 8) == 0);
    CHECK(a.arena.taken < 5 * (size_t)WIDE * 3 * 4 * 2);
    CHECK(same_room == (a.arena.taken == b.arena.taken));
    test_close(&b);
    test_close(&a);
    wr_arena_deinit(&arena);
}

TEST("a matrix that one Gemm reads is turned round where it lies; one that others read is not")
{
#define END "Relu|a|b;Gemm|b,v|y|transB=1"
    check_turned("Gemm|x,w|a|transB=1;" END, "Gemm|x,w|a|transB=1;" END, true);
    check_turned("Gemm|x,w|a|transB=1;" END,
                 "Gemm|x,w|a|transB=1;Gemm|x,w|c|transB=1;Min|a,c|d;Relu|d|b;Gemm|b,v|y|transB=1",
                 false);
    check_turned("Gemm|x,w|a|transB=1;" END,
                 "Cast|w|u|to=1;Gemm|x,u|a|transB=1;Gemm|x,u|c|transB=1;Max|a,c|d;"
                 "Relu|d|b;Gemm|b,v|y|transB=1",
                 false);
}

TEST("behind other bytes, or in another arena, the module is the same")
{
    struct wr_arena arena, other;
    struct wr_error error = {0};
    wr_arena_init(&arena, &test_memory, 1 << 28);
    wr_arena_init(&other, &test_memory, 1 << 28);
    source = network(&arena);
    struct wr_buf here = wr_buf_in(&arena, 64), behind = wr_buf_in(&arena, 64);
    struct wr_buf there = wr_buf_in(&other, 64);
    wr_buf_char(&behind, '!');
    CHECK(wr_model_compile(&arena, source, NULL, &here, &error) == WR_OK);
    CHECK(wr_model_compile(&arena, source, NULL, &behind, &error) == WR_OK);
    CHECK(wr_model_compile(&arena, source, NULL, &there, &error) == WR_OK);
    CHECK(wr_str_eq(wr_buf_view(&here), wr_buf_view(&there)));
    CHECK(behind.n == here.n + 1 && behind.p[0] == '!' &&
          memcmp(behind.p + 1, here.p, here.n) == 0);
    wr_arena_deinit(&other);
    wr_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
