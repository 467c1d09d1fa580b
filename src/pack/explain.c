/* SPDX-License-Identifier: Apache-2.0 */
/* `explain` of a model: which inputs become which reason codes (docs/pack.md). */
#include "pack/parts.h"

/* The place of a code in the model's list, made if new; UINT8_MAX when there are too many. */
static uint8_t code_place(struct wr_pack_explain *explain, struct wr_str code)
{
    for (uint32_t i = 0; i < explain->n_codes; i++) {
        if (wr_str_eq(explain->codes[i], code)) {
            return (uint8_t)i;
        }
    }
    if (explain->n_codes == WR_LIMIT_EXPLAIN_CODES) {
        return UINT8_MAX;
    }
    explain->codes[explain->n_codes] = code;
    return (uint8_t)explain->n_codes++;
}

static wr_err read_codes(const struct wr_keys *keys, struct wr_pack_model *model)
{
    const struct wr_value *reasons = wr_keys_get(keys, "reasons");
    if (reasons == NULL || !wr_is(*reasons, WR_OBJECT) || reasons->n == 0) {
        return wr_keys_fail(keys, "explain.reasons", "wanted an object from input to reason code");
    }
    for (uint32_t k = 0; k < reasons->n; k++) {
        struct wr_str name = wr_text(reasons->pairs[k].key);
        const struct wr_value *v = &reasons->pairs[k].value;
        bool used = false;
        if (!wr_is(*v, WR_STRING) || v->n == 0 || wr_text(*v).n > WR_LIMIT_REASON_CODE) {
            return wr_keys_fail(keys, "explain.reasons", "%.*s: wanted a code of 1 to %d bytes",
                                WR_FMT(name), WR_LIMIT_REASON_CODE);
        }
        uint8_t place = code_place(model->explain, wr_text(*v));
        if (place == UINT8_MAX) {
            return wr_keys_fail(keys, "explain.reasons", "more than %d codes",
                                WR_LIMIT_EXPLAIN_CODES);
        }
        for (size_t i = 0; i < model->n_inputs; i++) {
            if (wr_str_eq(model->inputs[i].name, name)) {
                model->explain->code_of[i] = place;
                used = true;
            }
        }
        if (!used) {
            return wr_keys_fail(keys, "explain.reasons", "the model has no input %.*s",
                                WR_FMT(name));
        }
    }
    return WR_OK;
}

static wr_err read_outcomes(const struct wr_keys *keys, struct wr_pack_explain *explain)
{
    const struct wr_value *list = wr_keys_get(keys, "outcomes");
    if (list == NULL) {
        return WR_OK;
    }
    explain->outcomes = 0;
    for (uint32_t i = 0; wr_is(*list, WR_ARRAY) && i < list->n; i++) {
        uint8_t outcome =
            wr_is(list->items[i], WR_STRING) ? wr_pack_outcome_number(wr_text(list->items[i])) : 0;
        if (outcome == 0) {
            return wr_keys_fail(keys, "explain.outcomes", "element %u is no outcome", i);
        }
        explain->outcomes |= (uint8_t)(1u << outcome);
    }
    return explain->outcomes != 0
               ? WR_OK
               : wr_keys_fail(keys, "explain.outcomes", "wanted a list of outcomes");
}

static wr_err read_adverse(const struct wr_keys *keys, struct wr_pack_explain *explain)
{
    struct wr_str adverse = WR_STR("high");
    wr_err err = wr_keys_text(keys, "adverse", false, &adverse);
    explain->low_is_adverse = wr_str_eq(adverse, WR_STR("low"));
    if (err == WR_OK && !explain->low_is_adverse && !wr_str_eq(adverse, WR_STR("high"))) {
        err = wr_keys_fail(keys, "explain.adverse", "wanted high or low");
    }
    return err;
}

/* Needs the model's inputs and output. */
wr_err wr_pack_read_explain(struct wr_pack *pack, const struct wr_keys *of_model,
                            struct wr_pack_model *model)
{
    static const char *const known[] = {"reasons", "top", "outcomes", "adverse", NULL};
    const struct wr_value *value = wr_keys_get(of_model, "explain");
    struct wr_keys keys = *of_model;
    struct wr_str why;
    if (value == NULL) {
        return WR_OK;
    }
    keys.at = value;
    if (wr_model_explanation(model->model, &why) == WR_MODEL_UNEXPLAINED ||
        !wr_model_explains(model->model, model->output)) {
        return wr_keys_fail(of_model, "explain", "the module holds no explanation: %.*s",
                            WR_FMT(why.n != 0 ? why : WR_STR("not of this output")));
    }
    model->explain = WR_NEW(pack->arena, struct wr_pack_explain);
    uint8_t *code_of = WR_NEW_ARRAY(pack->arena, uint8_t, model->n_inputs);
    if (model->explain == NULL || code_of == NULL) {
        return wr_fail(keys.error, WR_E_MEMORY, "no room for the reasons of a model");
    }
    memset(code_of, UINT8_MAX, model->n_inputs);
    *model->explain = (struct wr_pack_explain){.code_of = code_of,
                                               .top = 3,
                                               .steps = wr_model_explain_steps(model->model),
                                               .outcomes = (uint8_t) ~(1u << 1)};
    wr_err err = wr_keys_check(&keys, known);
    err = err != WR_OK ? err : read_codes(&keys, model);
    err = err != WR_OK ? err
                       : wr_keys_count(&keys, "top", 1, WR_LIMIT_EXPLAIN_TOP, &model->explain->top);
    err = err != WR_OK ? err : read_outcomes(&keys, model->explain);
    return err != WR_OK ? err : read_adverse(&keys, model->explain);
}

void wr_pack_warn_explain(struct wr_pack *pack)
{
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_explain *explain = pack->models[m].explain;
        if (explain == NULL) {
            continue;
        }
        if (explain->steps > pack->policy.explain_steps) {
            wr_pack_warn(pack,
                         "an explanation of the model %.*s takes %llu steps, over "
                         "decision.explain_steps: it will always be left out",
                         WR_FMT(pack->models[m].name), (unsigned long long)explain->steps);
        }
        for (uint32_t i = 0; i < explain->n_codes; i++) {
            if (wr_pack_find_reason(pack, explain->codes[i]) == NULL) {
                wr_pack_warn(pack, "reasons has no text for the code %.*s of the model %.*s",
                             WR_FMT(explain->codes[i]), WR_FMT(pack->models[m].name));
            }
        }
    }
}

uint64_t wr_pack_explain_steps(const struct wr_pack *pack)
{
    uint64_t steps = 0, most = pack->policy.explain_steps;
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_explain *explain = pack->models[m].explain;
        if (explain != NULL && explain->steps <= most - steps) {
            steps += explain->steps;
        }
    }
    return steps;
}

void wr_pack_model_cost(const struct wr_pack *pack, size_t i, struct wr_buf *out)
{
    static const char *const methods[] = {"cannot be explained", "can be explained by its trees",
                                          "can be explained as a sum",
                                          "can be explained by occlusion"};
    WR_ASSERT(i < pack->n_models);
    const struct wr_pack_model *model = &pack->models[i];
    wr_format(out, "%.*s: ", WR_FMT(model->name));
    if (!pack->every_model) {
        wr_pack_tell_role(pack, model, out);
    }
    if (model->model == NULL) {
        return;
    }
    wr_format(out, "%s%zu inputs; %s", pack->every_model ? "" : "; ", model->n_inputs,
              methods[wr_model_explanation(model->model, NULL)]);
    if (model->explain != NULL) {
        wr_format(out, ", and is: %u codes, %llu steps a decision", model->explain->n_codes,
                  (unsigned long long)model->explain->steps);
    }
}
