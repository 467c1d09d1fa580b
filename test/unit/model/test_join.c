/* SPDX-License-Identifier: Apache-2.0 */
/* Single trees behind one sum: joined when nothing else needs them, and always to the same bits. */
#include "onnx_write.h"

/* ── trees ──────────────────────────────────────────────────────────────────────────────────── */
static void put_integers(struct wr_arena *arena, struct wr_buf *node, const char *name, size_t n,
                         const int *values)
{
    struct wr_buf own = wr_buf_in(arena, 128);
    put_bytes(&own, 1, wr_str_z(name));
    for (size_t i = 0; i < n; i++) {
        put_number(&own, 8, (uint64_t)values[i]);
    }
    put_bytes(node, 5, wr_buf_view(&own));
}

static void put_floats(struct wr_arena *arena, struct wr_buf *node, const char *name, size_t n,
                       const float *values)
{
    struct wr_buf own = wr_buf_in(arena, 128);
    put_bytes(&own, 1, wr_str_z(name));
    put_bytes(&own, 7, wr_str_of((const char *)values, n * sizeof *values));
    put_bytes(node, 5, wr_buf_view(&own));
}

/* out = x[column] <= cut ? low : high */
static void put_stump(struct wr_arena *arena, struct wr_buf *graph, const char *out, int column,
                      const float values[3])
{
    static const char *const modes[] = {"BRANCH_LEQ", "LEAF", "LEAF"};
    struct wr_buf node = wr_buf_in(arena, 1024), names = wr_buf_in(arena, 128);
    put_bytes(&node, 1, WR_STR("x"));
    put_bytes(&node, 2, wr_str_z(out));
    put_bytes(&node, 4, WR_STR("TreeEnsembleRegressor"));
    put_bytes(&node, 7, WR_STR("ai.onnx.ml"));
    put_bytes(&names, 1, WR_STR("nodes_modes"));
    for (size_t i = 0; i < 3; i++) {
        put_bytes(&names, 9, wr_str_z(modes[i]));
    }
    put_bytes(&node, 5, wr_buf_view(&names));
    put_integers(arena, &node, "nodes_treeids", 3, (const int[]){0, 0, 0});
    put_integers(arena, &node, "nodes_nodeids", 3, (const int[]){0, 1, 2});
    put_integers(arena, &node, "nodes_featureids", 3, (const int[]){column, 0, 0});
    put_integers(arena, &node, "nodes_truenodeids", 3, (const int[]){1, 0, 0});
    put_integers(arena, &node, "nodes_falsenodeids", 3, (const int[]){2, 0, 0});
    put_floats(arena, &node, "nodes_values", 3, (const float[]){values[0], 0, 0});
    put_integers(arena, &node, "target_treeids", 2, (const int[]){0, 0});
    put_integers(arena, &node, "target_nodeids", 2, (const int[]){1, 2});
    put_integers(arena, &node, "target_ids", 2, (const int[]){0, 0});
    put_floats(arena, &node, "target_weights", 2, values + 1);
    put_bytes(graph, 1, wr_buf_view(&node));
}

/* ── one graph, joined and not ──────────────────────────────────────────────────────────────── */
static int operators_of(struct test_model *m, const char *name)
{
    struct wr_buf json = wr_buf_in(&m->arena, 65536);
    char wanted[40];
    wr_model_info(m->model, &json);
    wr_buf_char(&json, 0);
    snprintf(wanted, sizeof wanted, "\"%s\":", name);
    const char *operators = strstr(json.p, "\"operators\":");
    const char *at = operators != NULL ? strstr(operators, wanted) : NULL;
    return at != NULL ? atoi(at + strlen(wanted)) : 0;
}

/* Trees a, b, c over x, then the nodes; `trees` ensembles are left. */
static void check(const char *nodes, int trees)
{
    static const float values[3][3] = {{0.25f, 1.5f, -0.1f}, {1, 0.3333f, 7}, {-0.5f, 0, 1e-3f}};
    static const char *const names[] = {"a", "b", "c"};
    struct wr_arena arena;
    struct test_model best, plain;
    wr_arena_init(&arena, &test_memory, 1 << 24);
    struct wr_buf graph = wr_buf_in(&arena, 4096);
    for (int i = 0; i < 3; i++) {
        put_stump(&arena, &graph, names[i], i, values[i]);
    }
    struct wr_str model = onnx_model(&arena, nodes, 1, wr_buf_view(&graph));
    CHECK(test_open(&best, model, NULL));
    CHECK(test_open(&plain, model, &(struct wr_model_options){.plain = true}));
    if (best.model == NULL || plain.model == NULL) {
        fprintf(stderr, "%s: %s\n", nodes, best.error.text);
        return;
    }
    CHECK_INT(operators_of(&plain, "trees"), 3);
    if (operators_of(&best, "trees") != trees) {
        fprintf(stderr, "%s: %d ensembles\n", nodes, operators_of(&best, "trees"));
    }
    CHECK_INT(operators_of(&best, "trees"), trees);
    for (int row = 0; row < 27; row++) {
        best.row[0] = plain.row[0] = row % 3 - 0.75;
        best.row[1] = plain.row[1] = row / 3 % 3;
        best.row[2] = plain.row[2] = row / 9 - 1;
        CHECK(wr_model_score(best.model, best.row, best.outputs, best.scratch) == WR_OK);
        CHECK(wr_model_score(plain.model, plain.row, plain.outputs, plain.scratch) == WR_OK);
        CHECK(memcmp(best.outputs, plain.outputs, 8 * wr_model_n_outputs(best.model)) == 0);
    }
    test_close(&plain);
    test_close(&best);
    wr_arena_deinit(&arena);
}

TEST("trees that only a sum reads become one ensemble, with what is done to each")
{
    check("Sum|a,b,c|y", 1);
    check("Add|b,a|s;Add|c,s|y", 1);
    check("Exp|a|d;Sigmoid|b|e;Mul|e,b|f;Sum|d,f,c|s;Tanh|s|y", 1);
    check("Cast|a|k|to=7;Cast|k|f|to=1;Sum|f,b,c|y", 1);
}

TEST("what else is read stays, and what no leaf can hold")
{
    check("Sum|a,b,c|s;Add|s,a|y", 3);         /* a is read twice */
    check("Add|a,b|s;Add|s,c|t;Mul|t,s|y", 2); /* s is: a and b are joined, c is not */
    check("Neg|c|d;Sum|a,b,d|y", 3);           /* a leaf of -0 */
    check("Log|c|d;Sum|a,b,d|y", 3);           /* a leaf of -infinity */
    check("Sub|a,b|s;Add|s,c|y", 3);           /* no sum */
    check("Add|x,a|s;Sum|b,c,a|t;Add|s,t|y", 3);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
