/* SPDX-License-Identifier: Apache-2.0 */
/* Small models whose scores can be told by hand, and packs that hold them. */
#ifndef STUMPS_H
#define STUMPS_H

#include "unit/engine/rig.h"

#include "model/model.h"

/* Two stumps of XGBoost over [amount, count]: amount < 100 gives -1 else +1; count < 3 gives -0.5
 * else +0.5. `leaf` is the right leaf of the first. */
static inline void compile_model(struct rig_files *files, const char *path, const char *leaf,
                                 const char *objective, enum wr_model_missing missing)
{
    static const char *const text =
        "{\"learner\":{\"feature_names\":[],\"gradient_booster\":{\"name\":\"gbtree\",\"model\":{"
        "\"gbtree_model_param\":{\"num_parallel_tree\":\"1\",\"num_trees\":\"2\"},"
        "\"tree_info\":[0,0],\"trees\":["
        "{\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],\"split_indices\":[0,0,0],"
        "\"split_conditions\":[100,-1,%s],\"default_left\":[0,0,0],"
        "\"tree_param\":{\"num_nodes\":\"3\"}},"
        "{\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],\"split_indices\":[1,0,0],"
        "\"split_conditions\":[3,-0.5,%s],\"default_left\":[0,0,0],"
        "\"tree_param\":{\"num_nodes\":\"3\"}}]}},"
        "\"learner_model_param\":{\"base_score\":\"0.5\",\"num_class\":\"0\",\"num_feature\":\"2\"}"
        ","
        "\"objective\":{\"name\":\"%s\"}},\"version\":[2,0,0]}";
    char source[2048];
    const char *second = strcmp(leaf, "1") == 0 ? "0.5" : leaf;
    snprintf(source, sizeof source, text, leaf, second, objective);
    static const struct wr_memory memory = CHECK_MEMORY;
    struct wr_arena arena;
    struct wr_error error = {0};
    wr_arena_init(&arena, &memory, 64 << 20);
    struct wr_buf wasm = wr_buf_in(&arena, 1 << 16);
    struct wr_model_options options = {.missing = missing};
    wr_err err = wr_model_compile(&arena, wr_str_z(source), &options, &wasm, &error);
    if (err != WR_OK) {
        fprintf(stderr, "%s\n", error.text);
    }
    CHECK_INT(err, WR_OK);
    rig_put_bytes(files, path, wasm.p, wasm.n);
    wr_arena_deinit(&arena);
}

static inline void add_models(struct rig_files *files, const char *models)
{
    char to[2048];
    snprintf(to, sizeof to, "\"models\": {%s},\n  \"decision\": {", models);
    rig_edit(files, "weir.json", "\"decision\": {", to);
    rig_edit(files, "weir.json", "\"allow\": \"approve\"",
             "\"allow\": \"approve\", \"scored_high\": \"hold\"");
}

/* The small pack with two modules, a: 1 / (1 + exp(-x)) of the two stumps; b: -1 or 2, plus -0.5 or
 * 2, plus 0.5. */
static inline void put_models(struct rig_files *files, const char *models, const char *score)
{
    char key[160];
    compile_model(files, "models/a.wasm", "1", "binary:logistic", WR_MODEL_MISSING_NO);
    compile_model(files, "models/b.wasm", "2", "reg:squarederror", WR_MODEL_MISSING_NO);
    add_models(files, models);
    snprintf(key, sizeof key, "\"reasons\": \"reasons\", \"score\": \"%s\"", score);
    rig_edit(files, "weir.json", "\"reasons\": \"reasons\"", key);
}

static inline void open_pack(struct rig *rig, const char *models, const char *score)
{
    memset(rig, 0, sizeof *rig);
    rig_files_open(&rig->files);
    put_models(&rig->files, models, score);
}

#define MODEL_A(more)                                                                              \
    "{\"file\":\"models/a.wasm\",\"inputs\":[\"transaction.amount\",\"customer_count_1d\"]" more "}"
#define MODEL_B(more)                                                                              \
    "{\"file\":\"models/b.wasm\",\"inputs\":[\"transaction.amount\",\"transaction.count\"]" more "}"

#endif
