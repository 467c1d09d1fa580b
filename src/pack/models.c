/* SPDX-License-Identifier: Apache-2.0 */
/* Models of a pack: each input of the module is bound to a feature or a path of the request. What
 * the models are to one another is in roles.c. */
#include "pack/parts.h"

wr_err wr_pack_bind_name(const struct wr_pack *pack, const struct wr_keys *keys, const char *what,
                         struct wr_str name, uint32_t *feature, struct wr_path *path)
{
    *feature = wr_feature_find(pack->plan, name);
    if (*feature != UINT32_MAX) {
        return WR_OK;
    }
    if (name.n > WR_LIMIT_PACK_PATH) {
        return wr_keys_fail(keys, what, "a name is longer than %d bytes", WR_LIMIT_PACK_PATH);
    }
    bool is_path = wr_str_find(name, WR_STR("."), 0) != SIZE_MAX;
    if (!is_path || wr_path_parse(name, path, NULL) != WR_OK) {
        return wr_keys_fail(keys, what,
                            "\"%.*s\" is neither a feature nor a path such as "
                            "transaction.amount",
                            WR_FMT(name));
    }
    for (uint32_t i = 0; i < pack->n_labels; i++) {
        if (pack->labels[i].has_path && wr_str_eq(pack->labels[i].path.text, name)) {
            return wr_keys_fail(keys, what, "\"%.*s\" is a label: no model may read it",
                                WR_FMT(name));
        }
    }
    return WR_OK;
}

static wr_err bind_inputs(struct wr_pack *pack, const struct wr_keys *keys,
                          struct wr_pack_model *model)
{
    const struct wr_value *names = wr_keys_get(keys, "inputs");
    if (names != NULL && (!wr_is(*names, WR_ARRAY) || names->n != model->n_inputs)) {
        return wr_keys_fail(keys, "inputs",
                            "wanted a list of %zu names, one for each input of the "
                            "model",
                            model->n_inputs);
    }
    wr_err err = WR_OK;
    for (size_t i = 0; i < model->n_inputs && err == WR_OK; i++) {
        struct wr_model_input own = wr_model_input_at(model->model, i);
        if (names != NULL && !wr_is(names->items[i], WR_STRING)) {
            return wr_keys_fail(keys, "inputs", "element %zu is not a text", i);
        }
        model->inputs[i].model = model->model;
        model->inputs[i].index = i;
        model->inputs[i].category = own.kind == WR_MODEL_CATEGORY;
        model->inputs[i].name = names != NULL ? wr_text(names->items[i]) : own.name;
        err = wr_pack_bind_name(pack, keys, "inputs", model->inputs[i].name,
                                &model->inputs[i].feature, &model->inputs[i].path);
    }
    return err;
}

static wr_err bind_defaults(const struct wr_keys *keys, struct wr_pack_model *model)
{
    const struct wr_value *defaults = wr_keys_get(keys, "default");
    if (defaults == NULL) {
        return WR_OK;
    }
    if (!wr_is(*defaults, WR_OBJECT)) {
        return wr_keys_fail(keys, "default", "wanted an object from input to number");
    }
    for (uint32_t k = 0; k < defaults->n; k++) {
        struct wr_str name = wr_text(defaults->pairs[k].key);
        const struct wr_value *v = &defaults->pairs[k].value;
        bool used = false;
        if (!wr_is(*v, WR_NUMBER) && !wr_is(*v, WR_BOOL)) {
            return wr_keys_fail(keys, "default", "%.*s: wanted a number", WR_FMT(name));
        }
        for (size_t i = 0; i < model->n_inputs; i++) {
            if (wr_str_eq(model->inputs[i].name, name)) {
                model->inputs[i].has_default = used = true;
                model->inputs[i].fallback =
                    wr_is(*v, WR_BOOL) ? (double)v->i : wr_number_to_double(v);
            }
        }
        if (!used) {
            return wr_keys_fail(keys, "default", "the model has no input %.*s", WR_FMT(name));
        }
    }
    return WR_OK;
}

static wr_err bind_output(const struct wr_keys *keys, struct wr_pack_model *model)
{
    struct wr_str name = {0};
    wr_err err = wr_keys_text(keys, "output", false, &name);
    if (err != WR_OK) {
        return err;
    }
    if (name.n == 0) {
        model->output = wr_model_output_find(model->model, WR_STR("probability"));
        name = WR_STR("score");
    }
    if (model->output == SIZE_MAX) {
        model->output = wr_model_output_find(model->model, name);
    }
    return model->output != SIZE_MAX
               ? WR_OK
               : wr_keys_fail(keys, "output", "the model has no output \"%.*s\"", WR_FMT(name));
}

static wr_err open_module(struct wr_pack *pack, const struct wr_keys *keys,
                          struct wr_pack_model *model)
{
    struct wr_str path = {0};
    wr_err err = wr_keys_text(keys, "file", true, &path);
    if (err != WR_OK) {
        return err;
    }
    const struct wr_pack_file *file = wr_pack_find_file(pack, path);
    if (file == NULL) {
        return wr_keys_fail(keys, "file", "the pack has no file %.*s", WR_FMT(path));
    }
    struct wr_error cause = {0};
    err = wr_model_open(pack->arena, file->bytes, &model->model, &cause);
    if (err != WR_OK) {
        wr_fail_at(keys->error, err, cause.offset, "%.*s: %s", WR_FMT(path), cause.text);
        if (keys->error != NULL) {
            wr_error_where(keys->error, path.p, path.n);
        }
        return err;
    }
    model->n_inputs = wr_model_n_inputs(model->model);
    model->n_outputs = wr_model_n_outputs(model->model);
    model->scratch_size = wr_model_scratch_size(model->model);
    model->takes_missing = wr_model_handles_missing(model->model);
    model->output = SIZE_MAX;
    model->inputs = WR_NEW_ARRAY(pack->arena, struct wr_pack_input, model->n_inputs);
    return model->inputs != NULL ? WR_OK
                                 : wr_fail(keys->error, WR_E_MEMORY, "no room for model inputs");
}

static wr_err read_model(struct wr_pack *pack, const struct wr_keys *keys,
                         struct wr_pack_model *model)
{
    static const char *const known[] = {"file", "inputs",   "default", "output",   "explain",
                                        "role", "champion", "shadow",  "fallback", NULL};
    static const char *const of_segments[] = {"segments", "fallback", NULL};
    if (wr_is(*keys->at, WR_OBJECT) && wr_keys_get(keys, "segments") != NULL) {
        return wr_keys_check(keys, of_segments); /* the rest is read when all models are there */
    }
    wr_err err = wr_keys_check(keys, known);
    err = err != WR_OK ? err : open_module(pack, keys, model);
    err = err != WR_OK ? err : bind_inputs(pack, keys, model);
    err = err != WR_OK ? err : bind_defaults(keys, model);
    err = err != WR_OK ? err : bind_output(keys, model);
    return err != WR_OK ? err : wr_pack_read_explain(pack, keys, model);
}

wr_err wr_pack_read_models(struct wr_pack *pack, const struct wr_keys *top)
{
    struct wr_keys models;
    bool found;
    wr_err err = wr_keys_enter(top, "models", &models, &found);
    if (err != WR_OK || !found) {
        return err;
    }
    if (models.at->n > WR_LIMIT_PACK_MODELS) {
        return wr_keys_fail(&models, NULL, "more than %d models", WR_LIMIT_PACK_MODELS);
    }
    for (uint32_t i = 0; i < models.at->n && err == WR_OK; i++) {
        struct wr_pack_model *model = &pack->models[pack->n_models++];
        struct wr_keys keys = models;
        keys.name = model->name = wr_text(models.at->pairs[i].key);
        keys.at = &models.at->pairs[i].value;
        err = wr_pack_name_is_plain(model->name)
                  ? read_model(pack, &keys, model)
                  : wr_keys_fail(&keys, NULL, "a name has letters, digits, _ and - only");
    }
    return err != WR_OK ? err : wr_pack_read_roles(pack, &models);
}

uint32_t wr_pack_find_model(const struct wr_pack *pack, struct wr_str name)
{
    for (uint32_t m = 0; m < pack->n_models; m++) {
        if (wr_str_eq(pack->models[m].name, name)) {
            return m;
        }
    }
    return UINT32_MAX;
}
