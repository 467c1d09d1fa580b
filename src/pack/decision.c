/* SPDX-License-Identifier: Apache-2.0 */
/* The parts `decision` and `reasons` of weir.json (docs/pack.md). */
#include "pack/parts.h"

/* In order of severity; the numbers are those of enum wr_outcome. */
static const char *const outcomes[] = {NULL, "approve", "review", "challenge", "hold", "decline"};

uint8_t wr_pack_outcome_number(struct wr_str name)
{
    for (uint8_t i = 1; i < WR_COUNTOF(outcomes); i++) {
        if (wr_str_eq(name, wr_str_z(outcomes[i]))) {
            return i;
        }
    }
    return 0;
}

static wr_err read_outcome(const struct wr_keys *keys, const char *key, struct wr_str text,
                           uint8_t *out)
{
    *out = wr_pack_outcome_number(text);
    if (*out != 0) {
        return WR_OK;
    }
    return wr_keys_fail(keys, key,
                        "wanted approve, review, challenge, hold or decline, found \"%.*s\"",
                        WR_FMT(text));
}

static wr_err read_outcome_key(const struct wr_keys *keys, const char *key, uint8_t *out)
{
    struct wr_str text = {0};
    wr_err err = wr_keys_text(keys, key, false, &text);
    return err != WR_OK || text.n == 0 ? err : read_outcome(keys, key, text, out);
}

static wr_err read_rules(struct wr_pack *pack, const struct wr_keys *keys)
{
    const struct wr_value *rules = wr_keys_get(keys, "outcomes");
    struct wr_pack_policy *policy = &pack->policy;
    if (rules == NULL || !wr_is(*rules, WR_OBJECT) || rules->n == 0) {
        return wr_keys_fail(keys, "outcomes", "wanted an object from rule name to outcome");
    }
    if (rules->n > WR_LIMIT_PACK_OUTCOMES) {
        return wr_keys_fail(keys, "outcomes", "more than %d rules", WR_LIMIT_PACK_OUTCOMES);
    }
    wr_err err = WR_OK;
    for (uint32_t i = 0; i < rules->n && err == WR_OK; i++) {
        struct wr_pack_outcome *outcome = &policy->outcomes[policy->n_outcomes++];
        const struct wr_value *v = &rules->pairs[i].value;
        outcome->rule = wr_text(rules->pairs[i].key);
        if (!wr_is(*v, WR_STRING)) {
            return wr_keys_fail(keys, "outcomes", "%.*s: wanted the name of an outcome",
                                WR_FMT(outcome->rule));
        }
        err = read_outcome(keys, "outcomes", wr_text(*v), &outcome->outcome);
    }
    return err;
}

static wr_err read_outputs(struct wr_pack *pack, const struct wr_keys *keys)
{
    const struct wr_value *rules = wr_keys_get(keys, "outputs");
    struct wr_pack_policy *policy = &pack->policy;
    if (rules == NULL) {
        return WR_OK;
    }
    if (!wr_is(*rules, WR_ARRAY) || rules->n > WR_LIMIT_PACK_OUTPUTS) {
        return wr_keys_fail(keys, "outputs", "wanted a list of at most %d rules",
                            WR_LIMIT_PACK_OUTPUTS);
    }
    for (uint32_t i = 0; i < rules->n; i++) {
        if (!wr_is(rules->items[i], WR_STRING) || rules->items[i].n == 0 ||
            rules->items[i].n > WR_LIMIT_NAME) {
            return wr_keys_fail(keys, "outputs",
                                "element %u: wanted a rule's name of 1 to %d bytes", i,
                                WR_LIMIT_NAME);
        }
        struct wr_str rule = wr_text(rules->items[i]);
        for (uint32_t k = 0; k < i; k++) {
            if (wr_str_eq(policy->outputs[k], rule)) {
                return wr_keys_fail(keys, "outputs", "%.*s is named twice", WR_FMT(rule));
            }
        }
        policy->outputs[policy->n_outputs++] = rule;
    }
    return WR_OK;
}

/* The model whose score is the decision's when none is named: the only one that could be meant. */
static uint32_t only_champion(const struct wr_pack *pack)
{
    uint32_t only = UINT32_MAX;
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_model *model = &pack->models[m];
        if (model->is_challenger || model->on_demand) {
            continue;
        }
        if (only != UINT32_MAX) {
            return UINT32_MAX;
        }
        only = m;
    }
    return only;
}

static wr_err read_score(struct wr_pack *pack, const struct wr_keys *keys)
{
    struct wr_pack_policy *policy = &pack->policy;
    wr_err err = wr_keys_text(keys, "score", false, &policy->score_name);
    if (err != WR_OK || policy->score_name.n == 0) {
        policy->score_model = only_champion(pack);
        return err;
    }
    policy->score_model = wr_pack_find_model(pack, policy->score_name);
    if (policy->score_model == UINT32_MAX) {
        return wr_keys_fail(keys, "score", "the pack has no model %.*s",
                            WR_FMT(policy->score_name));
    }
    return pack->models[policy->score_model].is_challenger
               ? wr_keys_fail(keys, "score", "the model %.*s is a challenger",
                              WR_FMT(policy->score_name))
               : WR_OK;
}

static wr_err read_language(struct wr_pack *pack, const struct wr_keys *keys)
{
    struct wr_str language = WR_STR("en");
    wr_err err = wr_keys_text(keys, "language", false, &language);
    pack->policy.chinese = wr_str_eq(language, WR_STR("zh"));
    if (err == WR_OK && !pack->policy.chinese && !wr_str_eq(language, WR_STR("en"))) {
        err = wr_keys_fail(keys, "language", "wanted en or zh");
    }
    return err;
}

static wr_err read_decision(struct wr_pack *pack, const struct wr_keys *keys)
{
    static const char *const known[] = {"package",         "outcomes", "default",  "reasons",
                                        "outputs",         "score",    "deadline", "fallback",
                                        "on_policy_error", "language", "fuel",     "explain_steps",
                                        "shadow_time",     NULL};
    struct wr_pack_policy *policy = &pack->policy;
    wr_err err = wr_keys_check(keys, known);
    err = err != WR_OK ? err : wr_keys_text(keys, "package", true, &policy->package);
    err = err != WR_OK ? err : read_rules(pack, keys);
    err = err != WR_OK ? err : wr_keys_text(keys, "reasons", false, &policy->reasons_rule);
    err = err != WR_OK ? err : read_outputs(pack, keys);
    err = err != WR_OK ? err : read_outcome_key(keys, "default", &policy->default_outcome);
    policy->fallback = policy->on_error = policy->default_outcome;
    err = err != WR_OK ? err : read_outcome_key(keys, "fallback", &policy->fallback);
    err = err != WR_OK ? err : read_outcome_key(keys, "on_policy_error", &policy->on_error);
    err = err != WR_OK ? err : wr_keys_duration(keys, "deadline", &policy->deadline_us);
    err = err != WR_OK ? err : wr_keys_count(keys, "fuel", 1000, WR_LIMIT_REGO_FUEL, &policy->fuel);
    err = err != WR_OK ? err
                       : wr_keys_count(keys, "explain_steps", 0, WR_LIMIT_EXPLAIN_STEPS,
                                       &policy->explain_steps);
    err = err != WR_OK ? err : wr_keys_duration(keys, "shadow_time", &policy->shadow_us);
    if (err == WR_OK && (policy->shadow_us < 1 || policy->shadow_us > WR_LIMIT_SHADOW_US)) {
        err = wr_keys_fail(keys, "shadow_time", "wanted 1us to %dms", WR_LIMIT_SHADOW_US / 1000);
    }
    err = err != WR_OK ? err : read_language(pack, keys);
    policy->has_reasons = policy->reasons_rule.n != 0;
    return err != WR_OK ? err : read_score(pack, keys);
}

/* ── reasons ────────────────────────────────────────────────────────────────────────────────── */
static wr_err read_text(const struct wr_keys *keys, const char *key, struct wr_str *out)
{
    wr_err err = wr_keys_text(keys, key, false, out);
    if (err == WR_OK && out->n > WR_LIMIT_REASON_TEXT) {
        err = wr_keys_fail(keys, key, "a reason's text has at most %d bytes", WR_LIMIT_REASON_TEXT);
    }
    return err;
}

static wr_err read_reason(const struct wr_keys *keys, struct wr_pack_reason *reason)
{
    static const char *const known[] = {"en", "zh", NULL};
    if (reason->code.n == 0 || reason->code.n > WR_LIMIT_REASON_CODE) {
        return wr_keys_fail(keys, NULL, "a code has 1 to %d bytes", WR_LIMIT_REASON_CODE);
    }
    if (wr_is(*keys->at, WR_STRING)) {
        reason->en = wr_text(*keys->at);
        return reason->en.n <= WR_LIMIT_REASON_TEXT
                   ? WR_OK
                   : wr_keys_fail(keys, NULL, "a reason's text has at most %d bytes",
                                  WR_LIMIT_REASON_TEXT);
    }
    wr_err err = wr_keys_check(keys, known);
    err = err != WR_OK ? err : read_text(keys, "en", &reason->en);
    return err != WR_OK ? err : read_text(keys, "zh", &reason->zh);
}

static wr_err read_reasons(struct wr_pack *pack, const struct wr_keys *top)
{
    struct wr_keys reasons;
    bool found;
    wr_err err = wr_keys_enter(top, "reasons", &reasons, &found);
    if (err != WR_OK || !found) {
        return err;
    }
    pack->reasons = WR_NEW_ARRAY(pack->arena, struct wr_pack_reason, reasons.at->n);
    if (pack->reasons == NULL) {
        return wr_fail(top->error, WR_E_MEMORY, "no room for the texts of reasons");
    }
    for (uint32_t i = 0; i < reasons.at->n && err == WR_OK; i++) {
        struct wr_pack_reason *reason = &pack->reasons[pack->n_reasons++];
        struct wr_keys keys = reasons;
        keys.name = reason->code = wr_text(reasons.at->pairs[i].key);
        keys.at = &reasons.at->pairs[i].value;
        err = read_reason(&keys, reason);
    }
    return err;
}

wr_err wr_pack_read_decision(struct wr_pack *pack, const struct wr_keys *top)
{
    enum { REVIEW = 2 };
    struct wr_keys keys;
    bool found;
    pack->policy.default_outcome = pack->policy.fallback = pack->policy.on_error = REVIEW;
    pack->policy.score_model = UINT32_MAX;
    pack->policy.fuel = pack->policy.explain_steps = 1000000;
    pack->policy.shadow_us = 200;
    wr_err err = wr_keys_enter(top, "decision", &keys, &found);
    if (err == WR_OK && !found && !pack->options.policy_optional) {
        err =
            wr_keys_fail(top, "decision", "the key is missing; it names the package that decides");
    }
    if (err == WR_OK && found) {
        err = read_decision(pack, &keys);
    }
    err = err != WR_OK ? err : wr_pack_link_challengers(pack, top);
    err = err != WR_OK ? err : read_reasons(pack, top);
    if (err == WR_OK) {
        wr_pack_warn_explain(pack);
    }
    return err;
}

const struct wr_pack_reason *wr_pack_find_reason(const struct wr_pack *pack, struct wr_str code)
{
    uint32_t low = 0, high = pack->n_reasons;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = wr_str_cmp(pack->reasons[mid].code, code);
        if (order == 0) {
            return &pack->reasons[mid];
        }
        if (order < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return NULL;
}
