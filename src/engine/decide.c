/* SPDX-License-Identifier: Apache-2.0 */
/* From what is known about an event to an outcome and its reasons.
 *
 *   a list with a class hits      its outcome stands, the policy is not asked
 *   the budget is `fallback`      the pack's fallback outcome
 *   the policy fails              the pack's outcome for that, reason policy_error
 *   otherwise                     the most severe rule that holds, or the default
 *
 * approve < review < challenge < hold < decline */
#include "engine/state.h"

/* ── reasons ────────────────────────────────────────────────────────────────────────────────── */
static int reason_order(const struct wr_reason *a, const struct wr_reason *b)
{
    int order = wr_str_cmp(a->code, b->code);
    order = order != 0 ? order : wr_str_cmp(a->rule, b->rule);
    return order != 0 ? order : wr_str_cmp(a->text, b->text);
}

/* Cuts a text to its limit between two characters. */
static struct wr_str cut(struct wr_str s, size_t max)
{
    if (s.n <= max) {
        return s;
    }
    while (max > 0 && ((uint8_t)s.p[max] & 0xc0) == 0x80) {
        max--;
    }
    return wr_str_of(s.p, max);
}

/* Keeps the list sorted and free of repeats; when it is full the last in order falls out. */
void wr_verdict_reason(const struct wr_engine *engine, struct wr_verdict *verdict,
                       struct wr_reason reason)
{
    const struct wr_pack *pack = engine->binding->pack;
    const struct wr_pack_reason *known = wr_pack_find_reason(pack, reason.code);
    reason.known = reason.text.n == 0 ? known : NULL;
    if (reason.known != NULL) {
        reason.text = pack->policy.chinese && known->zh.n != 0 ? known->zh : known->en;
    }
    reason.code = cut(reason.code, WR_LIMIT_REASON_CODE);
    reason.text = cut(reason.text, WR_LIMIT_REASON_TEXT);
    reason.rule = cut(reason.rule, WR_LIMIT_REASON_CODE);
    uint32_t at = verdict->n_reasons;
    while (at > 0 && reason_order(&verdict->reasons[at - 1], &reason) > 0) {
        at--;
    }
    if (at == WR_LIMIT_REASONS ||
        (at > 0 && reason_order(&verdict->reasons[at - 1], &reason) == 0)) {
        return;
    }
    uint32_t last = WR_MIN(verdict->n_reasons, (uint32_t)WR_LIMIT_REASONS - 1);
    memmove(&verdict->reasons[at + 1], &verdict->reasons[at], (last - at) * sizeof reason);
    verdict->reasons[at] = reason;
    verdict->n_reasons = last + 1;
}

/* A reason of the engine's own; the pack may give it another text. */
static void add_own(const struct wr_engine *engine, struct wr_verdict *verdict, const char *code,
                    const char *text, struct wr_str rule)
{
    struct wr_reason reason = {.code = wr_str_z(code), .rule = rule};
    if (wr_pack_find_reason(engine->binding->pack, reason.code) == NULL) {
        reason.text = wr_str_z(text);
    }
    wr_verdict_reason(engine, verdict, reason);
}

void wr_verdict_degrade(struct wr_verdict *verdict, const char *what, struct wr_str name,
                        const char *why, struct wr_str detail)
{
    if (verdict->n_degraded < WR_LIMIT_DEGRADED) {
        verdict->degraded[verdict->n_degraded++] = (struct wr_degraded){what, name, why, detail};
    }
}

static struct wr_str text_at(const struct wr_value *object, const char *key)
{
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(key));
    return v != NULL && wr_is(*v, WR_STRING) ? wr_text(*v) : wr_str_of("", 0);
}

/* One element: a code, or {code, text, rule}. */
static bool take_reason(const struct wr_engine *engine, struct wr_verdict *verdict,
                        const struct wr_value *v)
{
    struct wr_reason reason = {.text = WR_STR(""), .rule = WR_STR("")};
    if (wr_is(*v, WR_STRING)) {
        reason.code = wr_text(*v);
    } else if (wr_is(*v, WR_OBJECT)) {
        reason.code = text_at(v, "code");
        reason.text = text_at(v, "text");
        reason.rule = text_at(v, "rule");
    }
    if (!wr_is(*v, WR_STRING) && !wr_is(*v, WR_OBJECT)) {
        return false;
    }
    if (reason.code.n == 0) {
        return false;
    }
    wr_verdict_reason(engine, verdict, reason);
    return true;
}

/* An object from code to text, or to true. */
static bool take_named(const struct wr_engine *engine, struct wr_verdict *verdict,
                       const struct wr_pair *pair)
{
    if (!wr_is(pair->key, WR_STRING) || pair->key.n == 0) {
        return false;
    }
    struct wr_reason reason = {.code = wr_text(pair->key), .text = WR_STR(""), .rule = WR_STR("")};
    if (wr_is(pair->value, WR_STRING)) {
        reason.text = wr_text(pair->value);
    } else if (!wr_is_true(pair->value)) {
        return false;
    }
    wr_verdict_reason(engine, verdict, reason);
    return true;
}

static void take_reasons(const struct wr_engine *engine, struct wr_verdict *verdict,
                         const struct wr_value *v)
{
    bool fine = true;
    switch (v->type) {
    case WR_UNDEFINED:
        return;
    case WR_SET:
    case WR_ARRAY:
        for (uint32_t i = 0; i < v->n; i++) {
            fine = take_reason(engine, verdict, &v->items[i]) && fine;
        }
        break;
    case WR_OBJECT:
        for (uint32_t i = 0; i < v->n; i++) {
            fine = take_named(engine, verdict, &v->pairs[i]) && fine;
        }
        break;
    case WR_STRING:
        fine = take_reason(engine, verdict, v);
        break;
    default:
        fine = false;
    }
    if (!fine) {
        wr_verdict_degrade(verdict, "reasons", WR_STR(""), "type", WR_STR(""));
    }
}

/* ── outcome ────────────────────────────────────────────────────────────────────────────────── */
enum holding { HOLDS_NOT, HOLDS, HOLDS_ODDLY };

static enum holding holds(const struct wr_value *v)
{
    switch (v->type) {
    case WR_UNDEFINED:
        return HOLDS_NOT;
    case WR_BOOL:
        return v->i != 0 ? HOLDS : HOLDS_NOT;
    case WR_ARRAY:
    case WR_OBJECT:
    case WR_SET:
        return v->n != 0 ? HOLDS : HOLDS_NOT;
    default:
        return HOLDS_ODDLY;
    }
}

static void weigh(const struct wr_engine *engine, struct wr_verdict *verdict,
                  const struct wr_value *values)
{
    const struct wr_pack_policy *policy = &engine->binding->pack->policy;
    uint8_t gravest = 0;
    for (uint32_t i = 0; i < policy->n_outcomes; i++) {
        switch (holds(&values[i])) {
        case HOLDS:
            gravest = WR_MAX(gravest, policy->outcomes[i].outcome);
            break;
        case HOLDS_ODDLY:
            gravest = WR_MAX(gravest, policy->default_outcome);
            add_own(engine, verdict, "policy_type",
                    "A rule gave a value that is no answer; the default outcome counts for it.",
                    policy->outcomes[i].rule);
            break;
        case HOLDS_NOT:
            break;
        }
    }
    verdict->outcome = (enum wr_outcome)(gravest != 0 ? gravest : policy->default_outcome);
}

static void fail(struct wr_engine *engine, struct wr_verdict *verdict, wr_err err)
{
    verdict->policy_failed = true;
    verdict->outcome = (enum wr_outcome)engine->binding->pack->policy.on_error;
    add_own(engine, verdict, "policy_error",
            "The policy could not be evaluated; the outcome is the one stated for that.",
            WR_STR(""));
    wr_verdict_degrade(verdict, "policy", WR_STR(""), wr_err_name(err), WR_STR(""));
}

static void ask_policy(struct wr_engine *engine, struct wr_case *c, struct wr_verdict *verdict)
{
    const struct wr_pack_policy *policy = &engine->binding->pack->policy;
    struct wr_rego_results results;
    if (policy->query == NULL) {
        verdict->outcome = (enum wr_outcome)policy->default_outcome;
        return;
    }
    wr_err err = wr_case_ask(engine, c, policy->query, WR_INPUT_POLICY, &policy->reads, &results);
    if (err != WR_OK) {
        fail(engine, verdict, err);
        return;
    }
    uint32_t outputs = policy->n_outcomes + (policy->has_reasons ? 1u : 0u);
    WR_ASSERT(results.n == 1 && results.items[0].n_values == outputs + policy->n_outputs);
    weigh(engine, verdict, results.items[0].values);
    if (policy->has_reasons) {
        take_reasons(engine, verdict, &results.items[0].values[policy->n_outcomes]);
    }
    wr_verdict_outputs(engine, verdict, &results.items[0].values[outputs]);
}

static void obey_list(const struct wr_engine *engine, const struct wr_list *list,
                      struct wr_verdict *verdict)
{
    static const struct {
        enum wr_outcome outcome;
        const char *code, *text;
    } classes[] = {
        [WR_LIST_BLOCK_HARD] = {WR_OUTCOME_DECLINE, "LIST_BLOCK_HARD",
                                "The event is on a list of what is always declined."},
        [WR_LIST_OVERRIDE] = {WR_OUTCOME_APPROVE, "LIST_OVERRIDE",
                              "The event is on a list of what is approved."},
        [WR_LIST_BLOCK] = {WR_OUTCOME_DECLINE, "LIST_BLOCK",
                           "The event is on a list of what is declined."},
    };
    verdict->outcome = classes[list->class].outcome;
    add_own(engine, verdict, classes[list->class].code, classes[list->class].text, list->name);
}

/* ── degradations ───────────────────────────────────────────────────────────────────────────── */
static void tell_fallback(const struct wr_pack *pack, uint32_t m, struct wr_verdict *verdict)
{
    const struct wr_pack_model *model = &pack->models[m];
    if (model->fallback == WR_FALLBACK_MODEL) {
        wr_verdict_degrade(verdict, "fallback", model->name, "model",
                           pack->models[model->fallback_model].name);
    } else {
        wr_verdict_degrade(verdict, "fallback", model->name, "score", WR_STR(""));
    }
}

static void tell_models(const struct wr_engine *engine, const struct wr_case *c,
                        struct wr_verdict *verdict)
{
    const struct wr_pack *pack = engine->binding->pack;
    for (uint32_t m = 0; m < pack->n_models; m++) {
        const struct wr_pack_model *model = &pack->models[m];
        enum wr_model_state state = (enum wr_model_state)c->model_states[m];
        if (state == WR_SCORED || state == WR_SCORE_SKIPPED || state == WR_SCORE_ELSEWHERE) {
            continue;
        }
        if (state != WR_SCORE_ROUTED) { /* else the model that was to score tells */
            wr_verdict_degrade(verdict, "model", model->name, wr_case_score_absence(c, m),
                               state == WR_SCORE_NO_INPUT ? model->inputs[c->model_absent[m]].name
                                                          : WR_STR(""));
        }
        bool routed = state == WR_SCORE_ROUTED && wr_case_has_score(c, c->model_absent[m]);
        if ((c->lent >> m & 1) != 0 && !routed) {
            tell_fallback(pack, m, verdict);
        }
    }
}

/* Said once, whichever features lack news of the other nodes; `missing` names those left out. */
static void tell_fleet(const struct wr_engine *engine, const struct wr_case *c,
                       struct wr_verdict *verdict)
{
    const struct wr_feature_plan *plan = engine->binding->plan;
    for (uint32_t i = 0; i < plan->fleet->n_features; i++) {
        const struct wr_feature *feature = &plan->features[plan->fleet->features[i].feature];
        if (c->event->keys[feature->entity].present && !c->others[i].counted) {
            wr_verdict_degrade(verdict, "fleet", WR_STR(""), "stale", WR_STR(""));
            verdict->stale = true;
            return;
        }
    }
}

enum wr_outcome wr_case_outcome(struct wr_engine *engine, struct wr_case *c)
{
    struct wr_verdict verdict;
    verdict.policy_failed = false;
    verdict.n_reasons = verdict.n_degraded = 0;
    if (c->fixed_by != UINT32_MAX) {
        obey_list(engine, &engine->binding->pack->lists[c->fixed_by], &verdict);
    } else {
        ask_policy(engine, c, &verdict);
    }
    return verdict.outcome;
}

void wr_case_decide(struct wr_engine *engine, struct wr_case *c, struct wr_verdict *verdict)
{
    const struct wr_pack *pack = engine->binding->pack;
    verdict->policy_failed = verdict->stale = false;
    verdict->n_reasons = verdict->n_degraded = 0;
    verdict->outputs = WR_STR("{}");
    if (c->budget == WR_BUDGET_FALLBACK) {
        wr_verdict_degrade(verdict, "budget", WR_STR(""), "deadline", WR_STR(""));
    }
    if (WR_UNLIKELY(c->unrecorded != NULL)) {
        wr_verdict_degrade(verdict, "journal", WR_STR(""), c->unrecorded, WR_STR(""));
    }
    if (c->derive_failed) {
        wr_verdict_degrade(verdict, "derive", WR_STR(""), "policy_error", WR_STR(""));
    }
    if (WR_UNLIKELY(c->others != NULL)) {
        tell_fleet(engine, c, verdict);
    }
    tell_models(engine, c, verdict);
    if (c->fixed_by != UINT32_MAX) {
        obey_list(engine, &pack->lists[c->fixed_by], verdict);
    } else if (c->budget == WR_BUDGET_FALLBACK) {
        verdict->outcome = (enum wr_outcome)pack->policy.fallback;
        add_own(engine, verdict, "deadline",
                "The time was used up; the outcome is the one stated for that.", WR_STR(""));
    } else {
        ask_policy(engine, c, verdict);
        if (!verdict->policy_failed) { /* else the models did not bring the outcome about */
            wr_case_explain(engine, c, verdict);
        }
    }
}
