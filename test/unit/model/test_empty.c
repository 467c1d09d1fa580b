/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of no elements: where a graph makes them, and what may be made of them. */
#include <math.h>

#include "onnx_write.h"

/* ── what comes of them ─────────────────────────────────────────────────────────────────────── */
#define NONE "Slice|x,i1,i1,i1|e;" /* e: [1, 0] */

/* The answer for the row 1, 2, 3. */
static void check_answer(const char *nodes, size_t n, const double *want)
{
    struct wr_arena arena;
    struct test_model m;
    wr_arena_init(&arena, &test_memory, 1 << 24);
    bool open = test_open(&m, onnx_model(&arena, nodes, 1, WR_STR("")), NULL);
    if (!open) {
        fprintf(stderr, "%s: %s\n", nodes, m.error.text);
    }
    CHECK(open);
    if (open) {
        CHECK_INT(wr_model_n_inputs(m.model), 3);
        CHECK_INT(wr_model_n_outputs(m.model), n);
        for (int i = 0; i < 3; i++) {
            m.row[i] = i + 1;
        }
        CHECK(wr_model_score(m.model, m.row, m.outputs, m.scratch) == WR_OK);
        for (size_t i = 0; i < n; i++) {
            if (m.outputs[i] != want[i]) {
                fprintf(stderr, "%s: %zu is %g, not %g\n", nodes, i, m.outputs[i], want[i]);
            }
            CHECK(m.outputs[i] == want[i]);
        }
    }
    test_close(&m);
    wr_arena_deinit(&arena);
}

static void check_refused(const char *nodes, const char *why)
{
    struct wr_arena arena;
    struct test_model m;
    wr_arena_init(&arena, &test_memory, 1 << 24);
    bool open = test_open(&m, onnx_model(&arena, nodes, 1, WR_STR("")), NULL);
    if (open || strstr(m.error.text, why) == NULL) {
        fprintf(stderr, "%s: %s\n", nodes, open ? "taken" : m.error.text);
    }
    CHECK(!open && m.error.code == WR_E_MODEL && strstr(m.error.text, why) != NULL);
    test_close(&m);
    wr_arena_deinit(&arena);
}

TEST("parts without elements vanish where they are joined")
{
    static const double row[3] = {1, 2, 3};
    check_answer(NONE "Concat|e,x,e|y|axis=1", 3, row);
    check_answer("Gather|x,i|e|axis=1;Concat|x,e|y|axis=1", 3, row);
    check_answer("Split|x,i3_0|a,e|axis=1;Concat|e,a|y|axis=1", 3, row);
    check_answer("Tile|x,i1_0|e;Concat|e,x|y|axis=1", 3, row);
    check_answer(NONE "Slice|x,i0,i1,i1|a;Add|e,a|f;Concat|f,x|y|axis=1", 3, row);
    check_answer(NONE "Exp|e|f;Softmax|f|g|axis=1;Concat|g,x|y|axis=1", 3, row);
    check_answer("TopK|x,i0|v,k;Concat|x,v|y|axis=1", 3, row);
    check_answer(NONE "Transpose|e|t;Flatten|t|f|axis=0;Concat|x,f|y|axis=1", 3, row);
}

TEST("shapes keep their zeros")
{
    static const double grown[2] = {0, 3}, other[2] = {0, 5}, first[1] = {1};
    check_answer("Expand|x,i0_3|e;Shape|e|s;Cast|s|y|to=1", 2, grown);
    check_answer(NONE "Reshape|e,i0_5|r|allowzero=1;Shape|r|s;Cast|s|y|to=1", 2, other);
    check_answer("ConstantOfShape|i0_3|e;Shape|e|s;Add|s,i0|t;Cast|t|y|to=1", 2, grown);
    check_answer("Slice|x,i0,i1,i1|a;Reshape|a,i|y", 1, first); /* a scalar */
}

TEST("sums over nothing are 0, products 1")
{
    static const double zero[2] = {0, 0}, one[1] = {1}, low[1] = {-HUGE_VAL}, high[1] = {HUGE_VAL};
    check_answer(NONE "ReduceSum|e,i1|y", 1, zero);
    check_answer(NONE "ReduceProd|e,i1|y", 1, one);
    check_answer(NONE "ReduceMax|e,i1|y", 1, low);
    check_answer(NONE "ReduceMin|e,i1|y", 1, high);
    check_answer(NONE "ConstantOfShape|i0_2|w;MatMul|e,w|y", 2, zero);
    check_answer(NONE "ConstantOfShape|i0_3|w;Gemm|e,w,x|y", 3, (const double[]){1, 2, 3});
}

TEST("what cannot be made of nothing is refused by name")
{
    check_refused(NONE "Gather|e,i0|y|axis=1", "Gather");
    check_refused(NONE "ArgMax|e|y|axis=1", "no elements");
    check_refused(NONE "ReduceMean|e,i1|y", "no elements");
    check_refused(NONE "Scaler|e|y", "its input 0 has no elements");
    check_refused(NONE "Reshape|e,im1_0|y|allowzero=1", "left open");
    check_refused("Reshape|x,i0_3|y|allowzero=1", "cannot take the new shape");
}

TEST("an answer without elements is no column, and the importer says so")
{
    struct wr_arena arena;
    struct test_model m;
    struct wr_model_report report = {0};
    wr_arena_init(&arena, &test_memory, 1 << 24);
    for (unsigned rows = 0; rows < 2; rows++) {
        const char *nodes = rows == 0 ? "Identity|x|y" : "Slice|x,i1,i1,i1|y";
        CHECK(test_open(&m, onnx_model(&arena, nodes, rows, WR_STR("")),
                        &(struct wr_model_options){.report = &report}));
        CHECK_INT(wr_model_n_inputs(m.model), 3 * rows);
        CHECK_INT(wr_model_n_outputs(m.model), 0);
        CHECK(wr_model_score(m.model, m.row, m.outputs, m.scratch) == WR_OK);
        char text[400];
        snprintf(text, sizeof text, "%.*s", WR_FMT(report.warnings));
        CHECK(strstr(text, "ONNX output y") != NULL);
        CHECK((strstr(text, "ONNX input x") != NULL) == (rows == 0));
        test_close(&m);
    }
    wr_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
