/* SPDX-License-Identifier: Apache-2.0 */
/* Forests in blocks against the scalar walk: every number of columns, depth and trees around the
 * edges of the layout, with and without missing values, one sum and several. */
#include "same_bits.h"

enum { ROWS = 70, TEXT = 1 << 22 };

static uint64_t state;

static uint32_t next(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) % below);
}

/* Few different values, so that rows meet thresholds exactly. */
static double value(void)
{
    return ((int)next(41) - 20) / 8.0;
}

struct forest {
    uint32_t columns, depth, trees, classes;
};

struct node {
    int left;
    uint32_t column, missing_left;
    double value;
};

static int grow(struct node *nodes, const struct forest *f)
{
    int from = 0, end = 1;
    for (uint32_t level = 0; level <= f->depth; level++) {
        for (int to = end; from < to; from++) {
            bool spine = from + 1 == to; /* one way goes down all the depth */
            bool leaf = level == f->depth || (!spine && level > 0 && next(4) == 0);
            nodes[from] = (struct node){leaf ? -1 : end, next(f->columns), next(2),
                                        leaf ? value() + 0.01 : value()};
            end += leaf ? 0 : 2;
        }
    }
    return end;
}

static size_t put_list(char *out, size_t at, const char *name, const struct node *nodes, int n,
                       int which)
{
    at += (size_t)sprintf(out + at, "\"%s\":[", name);
    for (int i = 0; i < n; i++) {
        const struct node *p = &nodes[i];
        double v = which == 0   ? p->left
                   : which == 1 ? (p->left < 0 ? -1 : p->left + 1)
                   : which == 2 ? (p->left < 0 ? 0 : p->column)
                   : which == 3 ? p->value
                                : p->missing_left;
        at += (size_t)sprintf(out + at, "%s%.9g", i == 0 ? "" : ",", v);
    }
    return at + (size_t)sprintf(out + at, "],");
}

static char *write_forest(const struct forest *f)
{
    static const char *const names[] = {"left_children", "right_children", "split_indices",
                                        "split_conditions", "default_left"};
    static char text[TEXT];
    static struct node nodes[2048];
    size_t at = (size_t)sprintf(text, "{\"learner\":{\"feature_names\":[],\"gradient_booster\":{"
                                      "\"name\":\"gbtree\",\"model\":{\"tree_info\":[");
    for (uint32_t t = 0; t < f->trees; t++) {
        at += (size_t)sprintf(text + at, "%s%u", t == 0 ? "" : ",", t % f->classes);
    }
    at += (size_t)sprintf(text + at, "],\"trees\":[");
    for (uint32_t t = 0; t < f->trees; t++) {
        int n = grow(nodes, f);
        at += (size_t)sprintf(text + at, "%s{", t == 0 ? "" : ",");
        for (int k = 0; k < 5; k++) {
            at = put_list(text, at, names[k], nodes, n, k);
        }
        at += (size_t)sprintf(text + at - 1, "}") - 1;
        CHECK(at < TEXT - (1 << 18));
    }
    sprintf(text + at,
            "]}},\"learner_model_param\":{\"base_score\":\"0.5\",\"num_class\":\"%u\","
            "\"num_feature\":\"%u\"},\"objective\":{\"name\":\"%s\"}},\"version\":[2,0,0]}",
            f->classes > 1 ? f->classes : 0, f->columns,
            f->classes > 1 ? "multi:softprob" : "reg:squarederror");
    return text;
}

/* Blocks of all forests in `most` bytes: how many there are, and their bytes. */
static size_t blocks_within(struct test_model *m, const uint8_t *program, size_t most, uint32_t *n)
{
    struct wr_kernel k;
    wr_kernel_open(&k, program, wr_kernel_best());
    CHECK(wr_blocks_make(&k, &m->arena, most) == WR_OK);
    *n = 0;
    for (uint32_t i = 0; k.blocks != NULL && i < ((const struct wr_program *)program)->n_steps;
         i++) {
        *n += k.blocks[i] != NULL;
    }
    return wr_blocks_size(&k);
}

static uint32_t count_blocks(struct test_model *m)
{
    bool packed;
    uint32_t n;
    blocks_within(m, (const void *)program_in(m, &packed).p, WR_LIMIT_MODEL_BLOCKS, &n);
    return n;
}

static void check_forest(const struct forest *f)
{
    static double rows[ROWS * 70];
    struct test_model m;
    struct wr_model_options how = {.no_explain = true};
    bool fine = test_open(&m, wr_str_z(write_forest(f)), &how);
    if (!fine) {
        fprintf(stderr, "%s\n", m.error.text);
    }
    CHECK(fine);
    bool fits = f->columns <= WR_BLOCK_COLUMNS && f->depth <= 2 * WR_BLOCK_DEPTH;
    CHECK_INT(count_blocks(&m), wr_kernel_best() == WR_KERNEL_AVX512 && fits ? 1 : 0);
    for (uint32_t i = 0; i < ROWS * f->columns; i++) {
        uint32_t row = i / f->columns;
        bool missing = row % 3 == 1 ? next(4) == 0 : row % 3 == 2 && next(40) == 0;
        rows[i] = missing ? (double)NAN : value();
        rows[i] = row == 0   ? -0.0
                  : row == 3 ? (double)INFINITY
                  : row == 6 ? -(double)INFINITY
                             : rows[i];
    }
    check_levels(&m, rows, ROWS);
    test_close(&m);
}

TEST("every depth, around every number of trees that a group may have")
{
    static const uint32_t trees[] = {1, 15, 16, 17, 33};
    state = 20261128;
    for (uint32_t depth = 1; depth <= 9; depth++) {
        for (size_t i = 0; i < WR_COUNTOF(trees); i++) {
            check_forest(&(struct forest){30, depth, trees[i], 1});
        }
    }
}

TEST("every number of columns that registers hold, and more")
{
    state = 42;
    for (uint32_t columns = 1; columns <= 67; columns++) {
        check_forest(&(struct forest){columns, 3 + columns % 6, 18, 1});
    }
}

TEST("the blocks of all forests of a model are bounded together, and their bytes are told")
{
    struct wr_arena arena;
    struct test_model m;
    bool packed;
    uint32_t all, half, none;
    char told[64];
    if (!test_exists(WEIR_SHARED "/models") || wr_kernel_best() != WR_KERNEL_AVX512) {
        check_skip("no ../shared/models or no AVX-512: blocks of many forests were not bounded");
        return;
    }
    wr_arena_init(&arena, &test_memory, 64 << 20);
    struct wr_str file = test_file(&arena, WEIR_SHARED "/models/fraud-iforest/model.onnx");
    CHECK(test_open(&m, file, &(struct wr_model_options){.plain = true})); /* a forest a tree */
    const uint8_t *program = (const void *)program_in(&m, &packed).p;
    size_t size = blocks_within(&m, program, WR_LIMIT_MODEL_BLOCKS, &all);
    CHECK(all > 10 && size > all * 16 * 16 * 9);
    CHECK(blocks_within(&m, program, size / 2, &half) <= size / 2);
    CHECK(half > 0 && half < all);
    CHECK_INT(blocks_within(&m, program, size / all / 10, &none), 0);
    struct wr_buf json = wr_buf_in(&m.arena, 65536);
    wr_model_info(m.model, &json);
    snprintf(told, sizeof told, "\"block_bytes\":%zu,", size);
    CHECK(wr_str_find(wr_buf_view(&json), wr_str_z(told), 0) != SIZE_MAX);
    test_close(&m);
    wr_arena_deinit(&arena);
}

TEST("several sums")
{
    state = 7;
    for (uint32_t depth = 2; depth <= 8; depth += 3) {
        check_forest(&(struct forest){20, depth, 36, 3});
        check_forest(&(struct forest){40, depth, 48, 4});
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
