/* SPDX-License-Identifier: Apache-2.0 */
/* What the flow wants of a pack, resolved once when the pack becomes active: names as values and as
 * JSON, paths of models, lists by class, working memory, and the most that one decision can write.
 */
#include "engine/state.h"

enum { BINDING_CAP = 512 * 1024 * 1024, NUMBER_MAX = 40 };

static wr_err no_room(struct wr_error *error)
{
    return wr_fail(error, WR_E_MEMORY, "no room to make the pack ready");
}

static wr_err bind_names(struct wr_binding *binding, struct wr_error *error)
{
    const struct wr_feature_plan *plan = binding->plan;
    struct wr_arena *arena = &binding->arena;
    binding->feature_keys = WR_NEW_ARRAY(arena, struct wr_value, plan->n_features);
    if (binding->feature_keys == NULL) {
        return no_room(error);
    }
    for (uint32_t k = 0; k < plan->n_features; k++) {
        binding->feature_keys[k] = wr_string(plan->features[binding->pack->by_name[k]].name);
    }
    return WR_OK;
}

static wr_err bind_phrases(struct wr_binding *binding, struct wr_error *error)
{
    binding->condenser =
        wr_arena_alloc(&binding->arena, sizeof *binding->condenser, alignof(struct wr_condenser));
    if (binding->condenser == NULL) {
        return no_room(error);
    }
    wr_err err = wr_phrasebook_make(&binding->arena, binding->pack, &binding->book, error);
    if (err == WR_OK) {
        binding->condenser->tag = wr_phrases_tag(binding->book.table);
    }
    return err;
}

static wr_err bind_paths(struct wr_binding *binding, bool shadow, struct wr_error *error)
{
    const struct wr_pack *pack = binding->pack;
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_model *model = &pack->models[m];
        if (model->is_shadow != shadow) {
            continue;
        }
        binding->first_path[m] = binding->n_paths;
        for (size_t i = 0; i < model->n_inputs; i++) {
            if (model->inputs[i].feature != UINT32_MAX) {
                continue;
            }
            if (binding->n_paths == WR_LIMIT_ENGINE_PATHS) {
                return wr_fail(error, WR_E_LIMIT, "the models read more than %d paths of a request",
                               WR_LIMIT_ENGINE_PATHS);
            }
            binding->paths[binding->n_paths++] = &model->inputs[i];
        }
    }
    return WR_OK;
}

static wr_err bind_models(struct wr_binding *binding, struct wr_error *error)
{
    const struct wr_pack *pack = binding->pack;
    size_t scratch_size = 64;
    binding->n_inputs_max = binding->n_outputs_max = 1;
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_model *model = &pack->models[m];
        scratch_size = WR_MAX(scratch_size, model->scratch_size);
        if (model->explain != NULL) {
            scratch_size = WR_MAX(scratch_size, wr_model_explain_scratch_size(model->model));
        }
        binding->n_inputs_max = WR_MAX(binding->n_inputs_max, model->n_inputs);
        binding->n_outputs_max = WR_MAX(binding->n_outputs_max, model->n_outputs);
    }
    wr_err err = bind_paths(binding, false, error);
    binding->n_paths_live = binding->n_paths;
    err = err != WR_OK ? err : bind_paths(binding, true, error);
    if (err != WR_OK) {
        return err;
    }
    binding->model_scratch = wr_arena_alloc(&binding->arena, scratch_size, 64);
    binding->explained = WR_NEW_ARRAY(&binding->arena, double, 2 * binding->n_inputs_max + 2);
    return binding->model_scratch != NULL && binding->explained != NULL ? WR_OK : no_room(error);
}

static void bind_lists(struct wr_binding *binding)
{
    const struct wr_pack *pack = binding->pack;
    for (int class = WR_LIST_BLOCK_HARD; class < WR_LIST_TAG; class ++) {
        for (uint32_t i = 0; i < pack->n_lists; i++) {
            if ((int)pack->lists[i].class == class) {
                binding->classed[binding->n_classed++] = i;
            }
        }
    }
}

static bool by_engine(const struct wr_feature *feature)
{
    return feature->kind == WR_FEATURE_VALUE || feature->kind == WR_FEATURE_REGO;
}

/* Upper bounds, each escape of JSON counted as six bytes. */
static void bind_sizes(struct wr_binding *binding)
{
    const struct wr_pack *pack = binding->pack;
    size_t features = 2, keep = 64, derived = 64, document = 512;
    for (uint32_t k = 0; k < binding->plan->n_features; k++) {
        const struct wr_feature *feature = &binding->plan->features[pack->by_name[k]];
        bool own = by_engine(feature);
        size_t listed = (size_t)feature->n + 1; /* numbers of last_n, top_n */
        features += binding->book.labels[k].text.n +
                    (own ? 6 * WR_LIMIT_DERIVED_TEXT + 2 : listed * (NUMBER_MAX + 1) + 2);
        keep += (own ? WR_LIMIT_DERIVED_TEXT + 1 : NUMBER_MAX) + listed * 32;
        document += binding->book.labels[k].text.n + 4; /* `approximate` */
    }
    derived += features + wr_binding_fleet_size(binding);
    for (uint32_t i = 0; i < pack->n_lists; i++) {
        derived += pack->lists[i].name.n + 10;
    }
    for (uint32_t i = 0; i < pack->n_places; i++) {
        derived += pack->places[i].name.n + 6 * WR_LIMIT_DERIVED_TEXT + 8;
    }
    for (uint32_t m = 0; m < pack->n_models; m++) {
        derived +=
            2 * pack->models[m].name.n + 4 + NUMBER_MAX + 32; /* a score, or why there is none */
        keep += NUMBER_MAX + 16;
        document += pack->models[m].name.n + 4 + 2 * NUMBER_MAX;
    }
    document += WR_LIMIT_REASON_BYTES + 6 * (2 * WR_LIMIT_REASON_CODE + WR_LIMIT_REASON_TEXT) + 64;
    document += pack->policy.n_outputs != 0 ? WR_LIMIT_OUTPUT_BYTES + 16 : 0;
    document += (3 * pack->n_models + pack->policy.n_outputs + 14) *
                (2 * WR_LIMIT_NAME + WR_LIMIT_PACK_PATH + 64);
    document += 5 * pack->n_models * (WR_LIMIT_NAME + WR_LIMIT_PACK_PATH);
    document += 6 * (pack->revision.n + WR_LIMIT_EVENT_ID);
    binding->keep_size = keep;
    binding->case_size =
        WR_RECORD_HEAD + WR_LIMIT_EVENT_ID + WR_ANCHOR_MAX + derived + 2 * document + features + 16;
    binding->case_size += WR_PHRASE_SLACK;
}

static wr_err bind(struct wr_binding *binding, struct wr_hash_key key, struct wr_hash_key fleet_key,
                   struct wr_error *error)
{
    binding->schema = WR_NEW(&binding->arena, struct wr_schema);
    if (binding->schema == NULL) {
        return no_room(error);
    }
    *binding->schema = *binding->state_pack->schema;
    binding->schema->key = key;
    if (binding->state_pack->plan->fleet != NULL) {
        binding->schema->fleet_key = fleet_key;
        binding->schema->fleet_entities = binding->state_pack->plan->fleet->entities;
    }
    binding->plan = binding->state_pack->plan;
    wr_err err = bind_names(binding, error);
    err = err != WR_OK ? err : bind_phrases(binding, error);
    err = err != WR_OK ? err : bind_models(binding, error);
    if (err == WR_OK) {
        bind_lists(binding);
        bind_sizes(binding);
    }
    return err;
}

wr_err wr_binding_open(const struct wr_memory *memory, const struct wr_pack *pack,
                       const struct wr_pack *state_pack, const struct wr_engine_config *config,
                       struct wr_binding **out, struct wr_error *error)
{
    struct wr_arena arena;
    wr_arena_init(&arena, memory, BINDING_CAP);
    struct wr_binding *binding = WR_NEW(&arena, struct wr_binding);
    *out = NULL;
    if (binding == NULL) {
        wr_arena_deinit(&arena);
        return no_room(error);
    }
    binding->arena = arena;
    binding->pack = pack;
    binding->state_pack = state_pack;
    wr_err err = bind(binding, config->keys[0], config->fleet_key, error);
    if (err != WR_OK) {
        wr_binding_close(binding);
        return err;
    }
    *out = binding;
    return WR_OK;
}

void wr_binding_close(struct wr_binding *binding)
{
    struct wr_arena arena = binding->arena; /* it holds the binding itself */
    wr_arena_deinit(&arena);
}
