/* SPDX-License-Identifier: Apache-2.0 */
/* The check of programs at its edges: the last place that fits passes, the next one is refused. */
#include "model/kernel.h"
#include "model/module.h"
#include "model/packed.h"
#include "model/protobuf.h"
#include "model_test.h"

#define DATA WEIR_SOURCE "/test/unit/model/data/"

struct bench { /* a program that may be changed */
    struct wr_arena arena;
    struct test_model m;
    uint8_t *program;
    size_t n;
    struct wr_program head;
};

static void setup(struct bench *b, const char *file)
{
    struct wr_module module;
    wr_arena_init(&b->arena, &test_memory, 1 << 26);
    CHECK(test_open(&b->m, test_file(&b->arena, file), NULL));
    CHECK(wr_module_read(wr_buf_view(&b->m.wasm), &module, NULL) == WR_OK);
    b->n = module.program.n;
    b->program = wr_arena_alloc(&b->arena, b->n, 64);
    memcpy(b->program, module.program.p, b->n);
    memcpy(&b->head, b->program, sizeof b->head);
}

static void teardown(struct bench *b)
{
    test_close(&b->m);
    wr_arena_deinit(&b->arena);
}

static wr_err check(struct bench *b)
{
    struct wr_error error = {0};
    return wr_program_check(&b->arena, b->program, b->n, NULL, &error);
}

/* Byte offset of the first step of a kind, and of its parameters. */
static uint32_t find_step(const struct bench *b, uint32_t kind, uint32_t *params)
{
    uint32_t at = b->head.steps;
    for (uint32_t i = 0; i < b->head.n_steps; i++) {
        uint32_t word = wr_get32(b->program + at);
        if ((word & 0xff) == kind) {
            *params = at + 8 + 8 * ((word >> 16 & 0xff) + (word >> 24));
            return at;
        }
        at += 4 * wr_get32(b->program + at + 4);
    }
    CHECK(false);
    return b->head.steps;
}

static void change(struct bench *b, uint32_t at, uint32_t value, wr_err want)
{
    uint32_t old = wr_get32(b->program + at);
    wr_put32(b->program + at, value);
    CHECK_INT(check(b), want);
    wr_put32(b->program + at, old);
}

TEST("an operand may touch the end of its memory and no further")
{
    struct bench b;
    uint32_t params;
    setup(&b, DATA "tiny-mlp/model.onnx");
    uint32_t step = find_step(&b, WR_STEP_MATMUL, &params), out = step + 8;
    CHECK_INT(check(&b), WR_OK);
    uint32_t count = wr_get32(b.program + out + 4) & WR_PROGRAM_COUNT;
    uint32_t last = (b.head.scratch - 4 * count) & ~7u;
    CHECK(last + 4 * count <= b.head.scratch && last + 8 + 4 * count > b.head.scratch);
    change(&b, out, last + 8, WR_E_WASM);
    change(&b, out, last + 4, WR_E_WASM);                                     /* crooked */
    change(&b, out, b.head.scratch, WR_E_WASM);                               /* past the end */
    change(&b, out, wr_get32(b.program + out) | WR_PROGRAM_CONST, WR_E_WASM); /* not writable */
    change(&b, out + 4, 3u << 28 | count, WR_E_WASM);                         /* no such type */
    change(&b, out + 4, 0, WR_E_WASM);                                        /* no elements */
    change(&b, step + 8 + 8, wr_get32(b.program + out), WR_E_WASM); /* input over output */
    change(&b, step + 4, wr_get32(b.program + step + 4) + 1, WR_E_WASM);
    change(&b, step, 0xff, WR_E_WASM);
    teardown(&b);
}

/* Lets the first group of a side alone have `columns` floats, in scratch memory that holds them. */
static void widen(struct bench *b, uint32_t columns, bool input, wr_err want)
{
    struct wr_program head = b->head;
    uint32_t groups = input ? head.inputs : head.outputs;
    uint32_t meta = wr_get32(b->program + groups + 4), ref = wr_get32(b->program + groups);
    *(input ? &head.n_inputs : &head.n_outputs) = columns;
    *(input ? &head.n_input_groups : &head.n_output_groups) = 1;
    head.scratch = 1u << 20;
    head.n_tests = 0;
    memcpy(b->program, &head, sizeof head);
    wr_put32(b->program + groups, 0);
    wr_put32(b->program + groups + 4, columns);
    CHECK_INT(check(b), want);
    wr_put32(b->program + groups, ref);
    wr_put32(b->program + groups + 4, meta);
    memcpy(b->program, &b->head, sizeof b->head);
}

TEST("a row and an answer are as wide as the limits and no wider")
{
    struct bench b;
    setup(&b, DATA "tiny-mlp/model.onnx");
    widen(&b, WR_LIMIT_MODEL_INPUTS, true, WR_OK);
    widen(&b, WR_LIMIT_MODEL_INPUTS + 1, true, WR_E_WASM);
    widen(&b, WR_LIMIT_MODEL_OUTPUTS, false, WR_OK);
    widen(&b, WR_LIMIT_MODEL_OUTPUTS + 1, false, WR_E_WASM);
    teardown(&b);
}

TEST("trees over constants give every row of a batch what a single row gets")
{
    enum { ROWS = 64 };
    struct bench b;
    struct wr_kernel k;
    uint32_t params;
    setup(&b, DATA "tiny-trees/model.onnx");
    uint32_t operands = find_step(&b, WR_STEP_TREES, &params) + 8;
    /* out, keys, x, nodes: the bytes of the nodes as x */
    wr_put32(b.program + operands + 8 * 2, wr_get32(b.program + operands + 8 * 3));
    CHECK_INT(check(&b), WR_OK);
    double rows[ROWS * 4] = {0}, answers[ROWS * 3];
    for (unsigned level = 0; level <= wr_kernel_best(); level++) {
        wr_kernel_open(&k, b.program, (enum wr_kernel_level)level);
        uint8_t *scratch = wr_arena_alloc(&b.arena, k.scratch, 64);
        CHECK(wr_kernel_score(&k, rows, ROWS, answers, scratch) == WR_KERNEL_OK);
        for (size_t row = 1; row < ROWS; row++) {
            CHECK(memcmp(answers, answers + row * 3, 3 * sizeof *answers) == 0);
        }
    }
    teardown(&b);
}

TEST("a small program may not take long: strides of 0 make no work out of nothing")
{
    struct bench b;
    uint32_t params;
    setup(&b, DATA "tiny-mlp/model.onnx");
    uint32_t step = find_step(&b, WR_STEP_MATMUL, &params);
    uint32_t count = wr_get32(b.program + step + 8 + 4) & WR_PROGRAM_COUNT;
    CHECK_INT(wr_program_work_limit(b.n), WR_LIMIT_PROGRAM_WORK_SMALL);
    CHECK_INT(wr_program_work_limit(1u << 28), WR_LIMIT_PROGRAM_WORK);
    CHECK_INT(wr_program_work_limit(8u << 20), 64ull * (8u << 20));
    wr_put32(b.program + params + 4 * 4, 0); /* of a and b along k */
    wr_put32(b.program + params + 4 * 5, 0);
    uint32_t k = (uint32_t)(WR_LIMIT_PROGRAM_WORK_SMALL / count);
    change(&b, params + 4, k + 1, WR_E_WASM);
    change(&b, params + 4, k - 10000, WR_OK);
    teardown(&b);
}

/* The module of the changed program, opened. */
static wr_err reopen(struct bench *b)
{
    struct wr_arena arena;
    struct wr_error error = {0};
    struct wr_model *model;
    wr_arena_init(&arena, &test_memory, 1 << 26);
    struct wr_buf wasm = wr_buf_in(&arena, 1 << 17);
    struct wr_str program = wr_str_of((const char *)b->program, b->n);
    wr_err code = wr_module_write(program, program, &wasm, &error);
    code = code == WR_OK ? wr_model_open(&arena, wr_buf_view(&wasm), &model, &error) : code;
    wr_arena_deinit(&arena);
    return code;
}

TEST(
    "test vectors are run until they have taken what one row may, and those that are must be right")
{
    struct bench b;
    uint32_t params;
    setup(&b, DATA "tiny-mlp/model.onnx");
    uint32_t step = find_step(&b, WR_STEP_MATMUL, &params);
    uint32_t count = wr_get32(b.program + step + 8 + 4) & WR_PROGRAM_COUNT;
    uint32_t width = b.head.n_inputs + b.head.n_outputs;
    double *vectors = (double *)(void *)(b.program + b.head.tests);
    uint8_t *scratch = wr_arena_zalloc(&b.arena, b.head.scratch, 64);
    CHECK(b.head.n_tests > 3 && reopen(&b) == WR_OK);
    wr_put32(b.program + params + 4 * 4, 0); /* of a and b along k: a row takes half of the limit */
    wr_put32(b.program + params + 4 * 5, 0);
    wr_put32(b.program + params + 4, (uint32_t)(WR_LIMIT_PROGRAM_WORK_SMALL / count / 2) + 10000);
    CHECK(reopen(&b) == WR_E_MODEL); /* the first vector */
    for (uint32_t t = 0; t < 2; t++) {
        double *row = vectors + (size_t)t * width;
        CHECK(wr_kernel_run(b.program, row, row + b.head.n_inputs, scratch) == WR_KERNEL_OK);
    }
    CHECK(reopen(&b) == WR_OK); /* the others are wrong, and are not run */
    vectors[width + b.head.n_inputs] += 1;
    CHECK(reopen(&b) == WR_E_MODEL);
    teardown(&b);
}

TEST("a stride may reach the last element and no further")
{
    struct bench b;
    uint32_t params;
    setup(&b, DATA "tiny-mlp/model.onnx");
    uint32_t step = find_step(&b, WR_STEP_MATMUL, &params), meta = step + 8 + 8 * 2 + 4;
    uint32_t n = wr_get32(b.program + params + 8), stride = wr_get32(b.program + params + 20);
    CHECK_INT(stride, n);
    change(&b, params + 20, n + 1, WR_E_WASM);
    change(&b, params + 20, n - 1, WR_OK);
    change(&b, params + 20, UINT32_MAX, WR_E_WASM);
    change(&b, params, 2, WR_E_WASM);
    change(&b, params + 4, 0, WR_E_WASM);
    change(&b, params + 24, 2, WR_E_WASM);
    change(&b, meta, wr_get32(b.program + meta) - 1, WR_E_WASM); /* b is one element short */
    teardown(&b);
}

TEST("a tree's children may be the last nodes of its region and no further")
{
    struct bench b;
    uint32_t params;
    setup(&b, DATA "tiny-trees/model.onnx");
    uint32_t step = find_step(&b, WR_STEP_TREES, &params);
    /* out, keys, x, nodes, trees, table, base */
    uint32_t nodes_at = wr_get32(b.program + step + 8 + 8 * 3) & ~WR_PROGRAM_CONST;
    uint32_t trees_at = wr_get32(b.program + step + 8 + 8 * 4) & ~WR_PROGRAM_CONST;
    struct wr_tree_node *nodes = (void *)(b.program + nodes_at);
    struct wr_tree_root *roots = (void *)(b.program + trees_at);
    uint32_t end = roots[1].node;
    CHECK_INT(end, 15);
    CHECK_INT(check(&b), WR_OK);
    uint16_t delta = nodes[0].delta, feature = nodes[0].feature;
    nodes[0].delta = (uint16_t)(end - 2);
    CHECK_INT(check(&b), WR_OK);
    nodes[0].delta = (uint16_t)(end - 1);
    CHECK_INT(check(&b), WR_E_WASM);
    nodes[0].delta = 0;
    CHECK_INT(check(&b), WR_E_WASM);
    nodes[0].delta = delta;
    nodes[0].feature = 2 * 4;
    CHECK_INT(check(&b), WR_E_WASM);
    nodes[0].feature = feature;
    int32_t key = nodes[end - 1].key;
    nodes[end - 1].key = WR_KEY_LOWEST;
    CHECK_INT(check(&b), WR_E_WASM);
    nodes[end - 1].key = key;
    uint32_t depth = roots[1].depth_target;
    roots[1].depth_target = depth + 1; /* eight trees share a depth */
    CHECK_INT(check(&b), WR_E_WASM);
    roots[1].depth_target = depth | 1 << 8; /* one target only */
    CHECK_INT(check(&b), WR_E_WASM);
    roots[1].depth_target = depth;
    roots[1].node = 0;
    CHECK_INT(check(&b), WR_E_WASM);
    teardown(&b);
}

TEST("the header's regions and sizes are checked")
{
    struct bench b;
    setup(&b, DATA "tiny-trees/model.onnx");
    for (uint32_t at = 0; at < sizeof b.head; at += 4) {
        change(&b, at, UINT32_MAX, WR_E_WASM);
    }
    change(&b, offsetof(struct wr_program, n_steps), b.head.n_steps - 1, WR_E_WASM);
    change(&b, offsetof(struct wr_program, n_inputs), b.head.n_inputs + 1, WR_E_WASM);
    change(&b, offsetof(struct wr_program, meta_size), (uint32_t)b.n - b.head.meta, WR_OK);
    change(&b, offsetof(struct wr_program, meta_size), (uint32_t)b.n - b.head.meta + 1, WR_E_WASM);
    struct wr_error error;
    CHECK(wr_program_check(&b.arena, b.program, b.n - 64, NULL, &error) == WR_E_WASM);
    CHECK(wr_program_check(&b.arena, b.program, 40, NULL, &error) == WR_E_WASM);
    teardown(&b);
}

TEST("an index that depends on the row is checked when it is used")
{
    /* out[2] = data[3][index[2]] */
    _Alignas(64) uint8_t program[64];
    _Alignas(64) uint8_t scratch[128] = {0};
    float *data = (void *)scratch, *out = (void *)(scratch + 64);
    int64_t *index = (void *)(scratch + 32);
    const uint32_t step[] = {WR_STEP_GATHER | 1 << 16 | 2 << 24, 12, 64, 2, 0, 3, 32,
                             2 | (uint32_t)WR_I64 << 28,         1,  3,  1, 2};
    memset(program, 0, sizeof program);
    data[0] = 10;
    data[2] = 12;
    index[0] = 2;
    index[1] = -3;
    CHECK_INT(wr_kernel_step(program, scratch, step), WR_KERNEL_OK);
    CHECK(out[0] == 12 && out[1] == 10);
    static const int64_t bad[] = {3, -4, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < 4; i++) {
        index[0] = bad[i];
        CHECK_INT(wr_kernel_step(program, scratch, step), WR_KERNEL_INDEX);
    }
}

TEST("changed bytes of a packed program are refused or unpacked, within bounds")
{
    struct wr_arena arena;
    struct test_model m;
    struct wr_module module;
    struct wr_error error;
    unsigned refused = 0, broken = 0;
    uint64_t random = 88172645463325252u;
    wr_arena_init(&arena, &test_memory, (size_t)1 << 30);
    CHECK(test_open(&m, test_file(&arena, DATA "tiny-prepared/model.onnx"),
                    &(struct wr_model_options){.packing = WR_MODEL_PACK_ALWAYS}));
    CHECK(wr_module_read(wr_buf_view(&m.wasm), &module, NULL) == WR_OK);
    size_t n = module.program.n;
    uint8_t *bytes = wr_arena_alloc(&arena, n, 64);
    uint32_t size = ((const struct wr_packed *)(const void *)module.program.p)->image;
    uint8_t *image = wr_arena_zalloc(&arena, size, 64);
    for (unsigned round = 0; round < 20000; round++) {
        memcpy(bytes, module.program.p, n);
        for (unsigned k = 0; k <= round % 3; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            bytes[(random >> 33) % (round % 2 == 0 ? 256 : n)] = (uint8_t)(random >> 24);
        }
        if (((const struct wr_packed *)(const void *)bytes)->image != size) {
            continue; /* its room would be another */
        }
        if (wr_unpack(bytes, n, image) != NULL) {
            refused++;
        } else {
            broken += wr_program_check(&arena, image, size, NULL, &error) != WR_OK;
        }
    }
    CHECK(refused > 1000 && broken > 100);
    CHECK(wr_unpack((const uint8_t *)module.program.p, n, image) == NULL);
    CHECK_INT(wr_program_check(&arena, image, size, NULL, &error), WR_OK);
    test_close(&m);
    wr_arena_deinit(&arena);
}

TEST("a protobuf field may end where its message ends and no further")
{
    static const char fits[] = "\x0a\x02ok", long_by_one[] = "\x0a\x03ok";
    struct wr_protobuf r = wr_protobuf_over(fits, wr_str_of(fits, 4));
    struct wr_field f;
    CHECK(wr_protobuf_next(&r, &f) && f.number == 1 && f.bytes.n == 2);
    CHECK(!wr_protobuf_next(&r, &f) && r.fault == NULL);
    r = wr_protobuf_over(long_by_one, wr_str_of(long_by_one, 4));
    CHECK(!wr_protobuf_next(&r, &f) && r.fault != NULL && r.fault_at == 0);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
