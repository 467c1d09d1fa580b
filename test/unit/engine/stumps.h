/* SPDX-License-Identifier: Apache-2.0 */
/* Small models whose scores can be told by hand, and packs that hold them. */
#ifndef STUMPS_H
#define STUMPS_H

#include "rig.h"

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

#endif
