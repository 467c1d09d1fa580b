/* SPDX-License-Identifier: Apache-2.0 */
/* What the models of a pack are to one another (docs/pack.md): champions and challengers, which of
 * them scores a transaction, and what stands in for a score that cannot be had. */
#include "pack/parts.h"

static struct wr_keys keys_of(const struct wr_keys *models, uint32_t m)
{
    struct wr_keys keys = *models;
    keys.name = wr_text(models->at->pairs[m].key);
    keys.at = &models->at->pairs[m].value;
    return keys;
}

/* A model that another one names under `key`: it has a module, and is no challenger. */
static wr_err find_helper(const struct wr_pack *pack, const struct wr_keys *keys, const char *key,
                          struct wr_str name, uint32_t *out)
{
    *out = wr_pack_find_model(pack, name);
    if (*out == UINT32_MAX) {
        return wr_keys_fail(keys, key, "the pack has no model %.*s", WR_FMT(name));
    }
    if (pack->models[*out].model == NULL || wr_str_eq(name, keys->name)) {
        return wr_keys_fail(keys, key, "wanted another model with a file, found %.*s",
                            WR_FMT(name));
    }
    return pack->models[*out].is_challenger
               ? wr_keys_fail(keys, key, "%.*s is a challenger: it scores nothing that counts",
                              WR_FMT(name))
               : WR_OK;
}

/* ── role ───────────────────────────────────────────────────────────────────────────────────── */
static wr_err read_role(const struct wr_keys *keys, struct wr_pack_model *model)
{
    struct wr_str role = WR_STR("champion");
    const struct wr_value *shadow = wr_keys_get(keys, "shadow");
    wr_err err = wr_keys_text(keys, "role", false, &role);
    if (err != WR_OK) {
        return err;
    }
    model->is_challenger = wr_str_eq(role, WR_STR("challenger"));
    if (!model->is_challenger && !wr_str_eq(role, WR_STR("champion"))) {
        return wr_keys_fail(keys, "role", "wanted champion or challenger, found \"%.*s\"",
                            WR_FMT(role));
    }
    if (shadow != NULL && !wr_is(*shadow, WR_BOOL)) {
        return wr_keys_fail(keys, "shadow", "wanted true or false");
    }
    model->is_shadow = model->is_challenger && (shadow == NULL || shadow->i != 0);
    static const char *const of_challengers[] = {"shadow", "champion"};
    for (size_t i = 0; i < WR_COUNTOF(of_challengers) && !model->is_challenger; i++) {
        if (wr_keys_get(keys, of_challengers[i]) != NULL) {
            return wr_keys_fail(keys, of_challengers[i],
                                "only a model of `role: challenger` has it");
        }
    }
    if (model->is_challenger && wr_keys_get(keys, "fallback") != NULL) {
        return wr_keys_fail(keys, "fallback",
                            "a challenger has none: what it cannot score is told");
    }
    return model->is_shadow && model->explain != NULL
               ? wr_keys_fail(keys, "explain", "nobody is told the reasons of a model in shadow")
               : WR_OK;
}

/* ── segments ───────────────────────────────────────────────────────────────────────────────── */
static bool is_scalar(const struct wr_value *v)
{
    return wr_is(*v, WR_STRING) || wr_is(*v, WR_NUMBER) || wr_is(*v, WR_BOOL);
}

static wr_err read_match(const struct wr_pack *pack, const struct wr_keys *keys,
                         const struct wr_pair *pair, struct wr_pack_match *match)
{
    bool list = wr_is(pair->value, WR_ARRAY);
    match->name = wr_text(pair->key);
    match->values = list ? pair->value.items : &pair->value;
    match->n_values = list ? pair->value.n : 1;
    bool fine = match->n_values > 0;
    for (uint32_t i = 0; i < match->n_values; i++) {
        fine = fine && is_scalar(&match->values[i]);
    }
    if (!fine) {
        return wr_keys_fail(keys, "segments",
                            "when.%.*s: wanted a text, a number, true or false, "
                            "or a list of them",
                            WR_FMT(match->name));
    }
    if (match->n_values > WR_LIMIT_SEGMENT_VALUES) {
        return wr_keys_fail(keys, "segments", "when.%.*s: more than %d values", WR_FMT(match->name),
                            WR_LIMIT_SEGMENT_VALUES);
    }
    return wr_pack_bind_name(pack, keys, "segments", match->name, &match->feature, &match->path);
}

static wr_err read_when(const struct wr_pack *pack, const struct wr_keys *keys,
                        const struct wr_value *when, struct wr_pack_segment *segment)
{
    if (when == NULL) {
        return WR_OK;
    }
    if (!wr_is(*when, WR_OBJECT) || when->n == 0) {
        return wr_keys_fail(keys, "segments",
                            "when: wanted an object from a feature or a path to "
                            "the values that fit");
    }
    if (when->n > WR_LIMIT_SEGMENT_NAMES) {
        return wr_keys_fail(keys, "segments", "when: more than %d names", WR_LIMIT_SEGMENT_NAMES);
    }
    wr_err err = WR_OK;
    for (uint32_t i = 0; i < when->n && err == WR_OK; i++) {
        err = read_match(pack, keys, &when->pairs[i], &segment->matches[segment->n_matches++]);
    }
    return err;
}

static wr_err read_segment(struct wr_pack *pack, const struct wr_keys *keys,
                           const struct wr_value *value, struct wr_pack_segment *segment)
{
    static const char *const known[] = {"when", "model", NULL};
    struct wr_keys below = *keys;
    struct wr_str name = {0};
    below.at = value;
    wr_err err = wr_keys_check(&below, known);
    err = err != WR_OK ? err : read_when(pack, keys, wr_keys_get(&below, "when"), segment);
    err = err != WR_OK ? err : wr_keys_text(&below, "model", true, &name);
    err = err != WR_OK ? err : find_helper(pack, keys, "segments", name, &segment->model);
    if (err == WR_OK) {
        pack->models[segment->model].on_demand = true;
    }
    return err;
}

static wr_err read_segments(struct wr_pack *pack, const struct wr_keys *keys,
                            struct wr_pack_model *model)
{
    const struct wr_value *list = wr_keys_get(keys, "segments");
    if (list == NULL) {
        return WR_OK;
    }
    if (!wr_is(*list, WR_ARRAY) || list->n == 0 || list->n > WR_LIMIT_PACK_SEGMENTS) {
        return wr_keys_fail(keys, "segments", "wanted a list of 1 to %d of {when, model}",
                            WR_LIMIT_PACK_SEGMENTS);
    }
    model->segments = WR_NEW_ARRAY(pack->arena, struct wr_pack_segment, list->n);
    if (model->segments == NULL) {
        return wr_fail(keys->error, WR_E_MEMORY, "no room for the segments of a model");
    }
    for (uint32_t i = 0; i < list->n; i++) {
        if (i != 0 && model->segments[i - 1].n_matches == 0) {
            return wr_keys_fail(keys, "segments",
                                "what follows a segment without `when` is never "
                                "reached");
        }
        wr_err err = read_segment(pack, keys, &list->items[i], &model->segments[i]);
        if (err != WR_OK) {
            return err;
        }
        model->n_segments++;
    }
    return WR_OK;
}

/* ── fallback ───────────────────────────────────────────────────────────────────────────────── */
static wr_err read_tell(struct wr_pack *pack, const struct wr_keys *keys,
                        struct wr_pack_model *model)
{
    model->fallback = WR_FALLBACK_TELL;
    return wr_feature_find(pack->plan, model->name) == UINT32_MAX
               ? WR_OK
               : wr_keys_fail(keys, "fallback",
                              "a feature has this name too: input.missing.%.*s "
                              "could mean either",
                              WR_FMT(model->name));
}

static wr_err read_fallback(struct wr_pack *pack, const struct wr_keys *keys,
                            struct wr_pack_model *model)
{
    static const char *const known[] = {"model", "score", NULL};
    const struct wr_value *value = wr_keys_get(keys, "fallback");
    struct wr_keys below = *keys;
    if (value == NULL) {
        return WR_OK;
    }
    if (wr_is(*value, WR_STRING) && wr_str_eq(wr_text(*value), WR_STR("undefined"))) {
        return read_tell(pack, keys, model);
    }
    if (!wr_is(*value, WR_OBJECT) || value->n != 1) {
        return wr_keys_fail(keys, "fallback", "wanted undefined, {model: NAME} or {score: NUMBER}");
    }
    below.at = value;
    wr_err err = wr_keys_check(&below, known);
    const struct wr_value *score = wr_keys_get(&below, "score");
    if (err == WR_OK && score != NULL) {
        model->fallback = WR_FALLBACK_SCORE;
        if (wr_is(*score, WR_NUMBER)) {
            model->fallback_score = wr_number_double(pack->arena, wr_number_to_double(score));
        }
        return wr_is(model->fallback_score, WR_NUMBER)
                   ? WR_OK
                   : wr_keys_fail(keys, "fallback.score", "wanted a number");
    }
    struct wr_str name = {0};
    err = err != WR_OK ? err : wr_keys_text(&below, "model", true, &name);
    err = err != WR_OK ? err : find_helper(pack, keys, "fallback", name, &model->fallback_model);
    if (err == WR_OK && model->segments != NULL) {
        err = wr_keys_fail(keys, "fallback",
                           "the models of the segments have fallbacks, this one "
                           "has none but undefined or a score");
    }
    if (err == WR_OK) {
        model->fallback = WR_FALLBACK_MODEL;
        pack->models[model->fallback_model].on_demand = true;
    }
    return err;
}

/* ── order ──────────────────────────────────────────────────────────────────────────────────── */
/* How many models at most fall back on one another before each one; over n_models: in a circle. */
static uint32_t deepest(const struct wr_pack *pack, uint32_t depths[WR_LIMIT_PACK_MODELS])
{
    uint32_t most = 0;
    memset(depths, 0, WR_LIMIT_PACK_MODELS * sizeof *depths);
    for (uint32_t round = 0; round <= pack->n_models; round++) {
        for (uint32_t m = 0; m < pack->n_models; m++) {
            const struct wr_pack_model *model = &pack->models[m];
            if (model->fallback == WR_FALLBACK_MODEL) {
                uint32_t *depth = &depths[model->fallback_model];
                *depth = WR_MAX(*depth, depths[m] + 1);
                most = WR_MAX(most, *depth);
            }
        }
    }
    return most;
}

static wr_err set_order(struct wr_pack *pack, const struct wr_keys *models)
{
    uint32_t depths[WR_LIMIT_PACK_MODELS];
    uint32_t most = deepest(pack, depths);
    if (most >= WR_MAX(pack->n_models, 1u)) {
        return wr_keys_fail(models, NULL, "the fallbacks of the models form a circle");
    }
    pack->every_model = true;
    for (uint32_t depth = 0; depth <= most; depth++) {
        for (uint32_t m = 0; m < pack->n_models; m++) {
            const struct wr_pack_model *model = &pack->models[m];
            if (depths[m] == depth && model->model != NULL && !model->is_shadow) {
                pack->in_line[pack->n_in_line++] = m;
            }
        }
    }
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_model *model = &pack->models[m];
        pack->every_model = pack->every_model && model->model != NULL && !model->is_shadow &&
                            !model->on_demand && model->fallback == WR_FALLBACK_NONE;
        pack->tells_scores = pack->tells_scores || model->fallback == WR_FALLBACK_TELL;
        pack->n_challengers += model->is_challenger;
    }
    return WR_OK;
}

wr_err wr_pack_read_roles(struct wr_pack *pack, const struct wr_keys *models)
{
    wr_err err = WR_OK;
    for (uint32_t m = 0; m < pack->n_models && err == WR_OK; m++) {
        struct wr_keys keys = keys_of(models, m);
        err = read_role(&keys, &pack->models[m]);
    }
    for (uint32_t m = 0; m < pack->n_models && err == WR_OK; m++) {
        struct wr_keys keys = keys_of(models, m);
        err = read_segments(pack, &keys, &pack->models[m]);
        err = err != WR_OK ? err : read_fallback(pack, &keys, &pack->models[m]);
    }
    return err != WR_OK ? err : set_order(pack, models);
}

/* ── challengers ────────────────────────────────────────────────────────────────────────────── */
static wr_err link_challenger(struct wr_pack *pack, const struct wr_keys *keys,
                              struct wr_pack_model *model)
{
    struct wr_str name = {0};
    wr_err err = wr_keys_text(keys, "champion", false, &name);
    if (err != WR_OK) {
        return err;
    }
    model->champion = name.n != 0 ? wr_pack_find_model(pack, name) : pack->policy.score_model;
    if (model->champion == UINT32_MAX) {
        return name.n != 0
                   ? wr_keys_fail(keys, "champion", "the pack has no model %.*s", WR_FMT(name))
                   : wr_keys_fail(keys, "champion",
                                  "the key is missing, and decision.score names "
                                  "no model either");
    }
    return pack->models[model->champion].is_challenger
               ? wr_keys_fail(keys, "champion", "%.*s is a challenger itself", WR_FMT(name))
               : WR_OK;
}

wr_err wr_pack_link_challengers(struct wr_pack *pack, const struct wr_keys *top)
{
    struct wr_keys models;
    bool found;
    wr_err err = wr_keys_enter(top, "models", &models, &found);
    for (uint32_t m = 0; m < pack->n_models && err == WR_OK; m++) {
        if (pack->models[m].is_challenger) {
            struct wr_keys keys = keys_of(&models, m);
            err = link_challenger(pack, &keys, &pack->models[m]);
        }
    }
    return err;
}

/* ── telling ────────────────────────────────────────────────────────────────────────────────── */
static void tell_values(struct wr_buf *out, const struct wr_pack_match *match)
{
    for (uint32_t i = 0; i < match->n_values; i++) {
        wr_buf_str(out, i == 0 ? WR_STR(" = ") : WR_STR("|"));
        const struct wr_value *v = &match->values[i];
        if (wr_is(*v, WR_STRING)) {
            wr_buf_str(out, wr_text(*v));
        } else if (wr_is(*v, WR_BOOL)) {
            wr_buf_str(out, v->i != 0 ? WR_STR("true") : WR_STR("false"));
        } else {
            wr_number_write(out, v);
        }
    }
}

static void tell_segments(const struct wr_pack *pack, const struct wr_pack_model *model,
                          struct wr_buf *out)
{
    for (uint32_t s = 0; s < model->n_segments; s++) {
        const struct wr_pack_segment *segment = &model->segments[s];
        wr_buf_str(out, s == 0 ? WR_STR(": ") : WR_STR("; "));
        for (uint32_t i = 0; i < segment->n_matches; i++) {
            wr_format(out, "%s%.*s", i == 0 ? "" : " and ", WR_FMT(segment->matches[i].name));
            tell_values(out, &segment->matches[i]);
        }
        wr_format(out, "%s -> %.*s", segment->n_matches == 0 ? "all else" : "",
                  WR_FMT(pack->models[segment->model].name));
    }
}

void wr_pack_tell_role(const struct wr_pack *pack, const struct wr_pack_model *model,
                       struct wr_buf *out)
{
    if (model->segments != NULL) {
        wr_format(out, "by segment");
        tell_segments(pack, model, out);
    } else if (model->is_challenger) {
        wr_format(out, "challenger of %.*s%s", WR_FMT(pack->models[model->champion].name),
                  model->is_shadow ? " in shadow" : "");
    } else {
        wr_format(out, "champion%s", model->on_demand ? " where asked for" : "");
    }
    if (model->fallback == WR_FALLBACK_MODEL) {
        wr_format(out, "; falls back on %.*s", WR_FMT(pack->models[model->fallback_model].name));
    } else if (model->fallback == WR_FALLBACK_SCORE) {
        wr_format(out, "; falls back on the score ");
        wr_number_write(out, &model->fallback_score);
    } else if (model->fallback == WR_FALLBACK_TELL) {
        wr_format(out, "; undefined with a reason when it cannot score");
    }
}
