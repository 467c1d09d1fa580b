/* SPDX-License-Identifier: Apache-2.0 */
/* Policy of a pack: modules and data to one program, and from it the three questions that are asked
 * per event: which conditions hold, what the derived features are, what the rules say.
 *
 * Conditions are Rego bodies written in weir.json. They become rules c0, c1 ... of a module of
 * their own in a second program over the same sources, so that data as the policy and OPA see it
 * holds nothing that is not in the pack's files. */
#include "pack/parts.h"

#define CONDITIONS_PACKAGE "weir_conditions"

static wr_err take_errors(const struct wr_rego_errors *errors, struct wr_error *error)
{
    return wr_rego_errors_to_error(errors, error);
}

/* ── sources ────────────────────────────────────────────────────────────────────────────────── */
static bool is_module(struct wr_str path, bool with_tests)
{
    return wr_str_ends(path, WR_STR(".rego")) &&
           (with_tests || !wr_str_ends(path, WR_STR("_test.rego")));
}

/* One more place than there are modules: for the conditions. */
static struct wr_rego_source *list_sources(struct wr_pack *pack, bool with_tests, size_t *n)
{
    struct wr_rego_source *sources =
        WR_NEW_ARRAY(pack->arena, struct wr_rego_source, pack->n_files + 1);
    *n = 0;
    for (size_t i = 0; sources != NULL && i < pack->n_files; i++) {
        if (is_module(pack->files[i].path, with_tests)) {
            sources[*n].file = pack->files[i].path;
            sources[(*n)++].text = pack->files[i].bytes;
        }
    }
    return sources;
}

static struct wr_rego_options compile_options(const struct wr_pack *pack)
{
    return (struct wr_rego_options){.v1 = pack->options.rego_v1, .decision = true};
}

static wr_err compile(struct wr_pack *pack, const struct wr_rego_source *sources, size_t n,
                      struct wr_rego_program **program, struct wr_error *error)
{
    struct wr_rego_options options = compile_options(pack);
    struct wr_rego_errors errors;
    wr_rego_errors_init(&errors, pack->arena);
    wr_err err = wr_rego_compile(pack->arena, sources, n, &pack->data, &options, program, &errors);
    return err == WR_OK ? WR_OK : take_errors(&errors, error);
}

static wr_err no_room(struct wr_error *error)
{
    return wr_fail(error, WR_E_MEMORY, "no room for the policy of the pack");
}

/* ── conditions ─────────────────────────────────────────────────────────────────────────────── */
static struct wr_str condition_name(struct wr_arena *arena, uint32_t i)
{
    struct wr_buf buf = wr_buf_in(arena, 8);
    wr_format(&buf, "c%u", i);
    return wr_buf_view(&buf);
}

/* Each alone first: an error then tells which, and a text cannot reach past its own rule. */
static wr_err check_condition(struct wr_pack *pack, struct wr_str text, struct wr_error *error)
{
    struct wr_rego_query *query;
    struct wr_rego_errors errors;
    struct wr_rego_query_options options = {0};
    wr_rego_errors_init(&errors, pack->arena);
    if (wr_rego_prepare(pack->program, pack->arena, text, &options, &query, &errors) == WR_OK) {
        return WR_OK;
    }
    struct wr_error cause = {0};
    wr_err err = take_errors(&errors, &cause);
    return wr_fail(error, err, "weir.json: the condition \"%.*s\" does not compile: %s",
                   WR_FMT(text), cause.text);
}

static wr_err compile_conditions(struct wr_pack *pack, struct wr_rego_source *sources, size_t n,
                                 struct wr_error *error)
{
    const struct wr_feature_plan *plan = pack->plan;
    struct wr_str names[WR_LIMIT_FEATURE_CONDITIONS];
    struct wr_buf text = wr_buf_in(pack->arena, 1024);
    struct wr_rego_errors errors;
    wr_err err = WR_OK;
    wr_buf_str(&text, WR_STR("package " CONDITIONS_PACKAGE "\n"));
    for (uint32_t i = 0; i < plan->n_conditions && err == WR_OK; i++) {
        names[i] = condition_name(pack->arena, i);
        wr_format(&text, "%.*s %s{\n%.*s\n}\n", WR_FMT(names[i]),
                  pack->options.rego_v1 ? "if " : "", WR_FMT(plan->conditions[i]));
        err = check_condition(pack, plan->conditions[i], error);
    }
    if (err != WR_OK || plan->n_conditions == 0) {
        return err;
    }
    if (text.overflow) {
        return no_room(error);
    }
    sources[n] = (struct wr_rego_source){WR_STR("weir.json"), wr_buf_view(&text)};
    err = compile(pack, sources, n + 1, &pack->conditions_program, error);
    if (err != WR_OK) {
        return err;
    }
    wr_rego_errors_init(&errors, pack->arena);
    err = wr_rego_prepare_entries(pack->conditions_program, pack->arena, WR_STR(CONDITIONS_PACKAGE),
                                  names, plan->n_conditions, &pack->conditions, &errors);
    return err == WR_OK ? WR_OK : take_errors(&errors, error);
}

/* ── derived features ───────────────────────────────────────────────────────────────────────── */
static size_t split_names(struct wr_str path, struct wr_str *names, size_t cap)
{
    size_t n = 0;
    for (size_t start = 0; start <= path.n && n < cap;) {
        size_t end = wr_str_find(path, WR_STR("."), start);
        end = end == SIZE_MAX ? path.n : end;
        names[n++] = wr_str_of(path.p + start, end - start);
        start = end + 1;
    }
    return n;
}

/* Is there a rule at data.<package>.<rule>? */
static bool rule_exists(const struct wr_pack *pack, struct wr_str package, struct wr_str rule)
{
    enum { NAMES_MAX = 32 };
    struct wr_str names[NAMES_MAX];
    size_t n = split_names(package, names, NAMES_MAX / 2);
    n += split_names(rule, names + n, NAMES_MAX / 2);
    return wr_rego_has_rule(pack->program, names, n);
}

/* "data.derive.is_night" is rule is_night of package derive. */
static bool split_source(struct wr_str source, struct wr_str *package, struct wr_str *rule)
{
    size_t dot = source.n;
    while (dot > 0 && source.p[dot - 1] != '.') {
        dot--;
    }
    if (!wr_str_starts(source, WR_STR("data.")) || dot <= 6 || dot == source.n) {
        return false;
    }
    *package = wr_str_of(source.p + 5, dot - 6);
    *rule = wr_str_of(source.p + dot, source.n - dot);
    return true;
}

static wr_err prepare_package(struct wr_pack *pack, struct wr_str package,
                              struct wr_pack_derived *derived, struct wr_error *error)
{
    const struct wr_feature_plan *plan = pack->plan;
    struct wr_rego_errors errors;
    struct wr_str *names = WR_NEW_ARRAY(pack->arena, struct wr_str, plan->n_features);
    derived->features = WR_NEW_ARRAY(pack->arena, uint32_t, plan->n_features);
    if (names == NULL || derived->features == NULL) {
        return no_room(error);
    }
    for (uint32_t i = 0; i < plan->n_features; i++) {
        struct wr_str own, rule;
        if (plan->features[i].kind == WR_FEATURE_REGO &&
            split_source(plan->features[i].source, &own, &rule) && wr_str_eq(own, package)) {
            names[derived->n] = rule;
            derived->features[derived->n++] = i;
        }
    }
    wr_rego_errors_init(&errors, pack->arena);
    wr_err err = wr_rego_prepare_entries(pack->program, pack->arena, package, names, derived->n,
                                         &derived->query, &errors);
    return err == WR_OK ? WR_OK : take_errors(&errors, error);
}

static wr_err fail_source(const struct wr_feature *feature, const char *what,
                          struct wr_error *error)
{
    return wr_fail(error, WR_E_PACK, "weir.json: features.%.*s.rego: %s, found \"%.*s\"",
                   WR_FMT(feature->name), what, WR_FMT(feature->source));
}

static wr_err compile_derived(struct wr_pack *pack, struct wr_error *error)
{
    const struct wr_feature_plan *plan = pack->plan;
    struct wr_str *packages = WR_NEW_ARRAY(pack->arena, struct wr_str, plan->n_features);
    pack->derived = WR_NEW_ARRAY(pack->arena, struct wr_pack_derived, plan->n_features);
    if (packages == NULL || pack->derived == NULL) {
        return no_room(error);
    }
    wr_err err = WR_OK;
    for (uint32_t i = 0; i < plan->n_features && err == WR_OK; i++) {
        const struct wr_feature *feature = &plan->features[i];
        struct wr_str package, rule;
        bool known = false;
        if (feature->kind != WR_FEATURE_REGO) {
            continue;
        }
        if (!split_source(feature->source, &package, &rule)) {
            return fail_source(feature, "wanted data.PACKAGE.RULE", error);
        }
        if (!rule_exists(pack, package, rule)) {
            return fail_source(feature, "no module defines this rule", error);
        }
        for (uint32_t k = 0; k < pack->n_derived; k++) {
            known = known || wr_str_eq(packages[k], package);
        }
        if (!known) {
            packages[pack->n_derived] = package;
            err = prepare_package(pack, package, &pack->derived[pack->n_derived++], error);
        }
    }
    return err;
}

/* ── rules ──────────────────────────────────────────────────────────────────────────────────── */
static wr_err compile_rules(struct wr_pack *pack, struct wr_error *error)
{
    struct wr_pack_policy *policy = &pack->policy;
    struct wr_str names[WR_LIMIT_PACK_OUTCOMES + 1 + WR_LIMIT_PACK_OUTPUTS];
    struct wr_rego_errors errors;
    bool any = false;
    if (policy->n_outcomes == 0) {
        return WR_OK;
    }
    for (uint32_t i = 0; i < policy->n_outcomes; i++) {
        names[i] = policy->outcomes[i].rule;
        bool exists = rule_exists(pack, policy->package, names[i]);
        any = any || exists;
        if (!exists) {
            wr_pack_warn(pack, "decision.outcomes names the rule %.*s, which package %.*s lacks",
                         WR_FMT(names[i]), WR_FMT(policy->package));
        }
    }
    if (!any) {
        return wr_fail(error, WR_E_PACK,
                       "weir.json: decision.package: no module defines any of the outcome rules in "
                       "package %.*s",
                       WR_FMT(policy->package));
    }
    uint32_t n = policy->n_outcomes;
    if (policy->has_reasons) {
        names[n++] = policy->reasons_rule;
    }
    for (uint32_t i = 0; i < policy->n_outputs; i++) {
        names[n++] = policy->outputs[i];
    }
    for (uint32_t i = policy->n_outcomes; i < n; i++) {
        if (!rule_exists(pack, policy->package, names[i])) {
            bool reasons = policy->has_reasons && i == policy->n_outcomes;
            return wr_fail(
                error, WR_E_PACK, "weir.json: decision.%s: package %.*s has no rule %.*s",
                reasons ? "reasons" : "outputs", WR_FMT(policy->package), WR_FMT(names[i]));
        }
    }
    wr_rego_errors_init(&errors, pack->arena);
    wr_err err = wr_rego_prepare_entries(pack->program, pack->arena, policy->package, names, n,
                                         &policy->query, &errors);
    return err == WR_OK ? WR_OK : take_errors(&errors, error);
}

/* ── unused features ────────────────────────────────────────────────────────────────────────── */
static bool reads_feature(const struct wr_rego_input_path *path, struct wr_str name)
{
    bool whole = path->n == 0 || (path->n == 1 && wr_str_eq(path->items[0], WR_STR("features")));
    return whole || (path->n >= 2 && wr_str_eq(path->items[0], WR_STR("features")) &&
                     wr_str_eq(path->items[1], name));
}

static bool segments_read(const struct wr_pack_model *model, uint32_t feature)
{
    for (uint32_t s = 0; s < model->n_segments; s++) {
        for (uint32_t i = 0; i < model->segments[s].n_matches; i++) {
            if (model->segments[s].matches[i].feature == feature) {
                return true;
            }
        }
    }
    return false;
}

static bool model_reads(const struct wr_pack *pack, uint32_t feature)
{
    for (uint32_t m = 0; m < pack->n_models; m++) {
        for (size_t i = 0; i < pack->models[m].n_inputs; i++) {
            if (pack->models[m].inputs[i].feature == feature) {
                return true;
            }
        }
        if (segments_read(&pack->models[m], feature)) {
            return true;
        }
    }
    return false;
}

static bool reads_part(const struct wr_rego_input_path *path, const char *part)
{
    return path->n == 0 || wr_str_eq(path->items[0], wr_str_z(part));
}

/* Is one of the engine's objects asked for as a whole? */
static bool reads_whole(const struct wr_rego_input_path *path)
{
    return path->n == 0 ||
           (path->n == 1 && (reads_part(path, "features") || reads_part(path, "lists") ||
                             reads_part(path, "scores")));
}

static void add_slot(const struct wr_rego_query *query, struct wr_pack_reads *out, const char *root,
                     struct wr_str name, struct wr_pack_slot slot)
{
    const struct wr_str items[2] = {wr_str_z(root), name};
    slot.slot = wr_rego_input_slot(query, items, slot.part == WR_PART_ROOT ? 1 : 2);
    if (slot.slot != UINT32_MAX) {
        struct wr_pack_slot *slots = (struct wr_pack_slot *)(uintptr_t)out->slots;
        slots[out->n_slots++] = slot;
    }
}

/* Slots take the place of objects that would be made for the policy to look into, unless it looks
 * at one of them as a whole, or puts another input in place. */
static wr_err find_slots(struct wr_pack *pack, const struct wr_rego_query *query,
                         struct wr_pack_reads *out, struct wr_error *error)
{
    static const char *const roots[] = {"features", "lists", "scores"};
    uint32_t n_features = pack->plan->n_features;
    out->slots = WR_NEW_ARRAY(pack->arena, struct wr_pack_slot,
                              (size_t)n_features + pack->n_lists + pack->n_models + 3);
    if (out->slots == NULL) {
        return no_room(error);
    }
    for (uint32_t i = 0; i < n_features; i++) {
        add_slot(query, out, "features", pack->plan->features[i].name,
                 (struct wr_pack_slot){.index = i, .part = WR_PART_FEATURE});
    }
    for (size_t i = 0; i < WR_COUNTOF(roots); i++) {
        add_slot(query, out, roots[i], WR_STR(""), (struct wr_pack_slot){.part = WR_PART_ROOT});
    }
    for (uint32_t i = 0; i < pack->n_lists; i++) {
        add_slot(query, out, "lists", pack->lists[i].name,
                 (struct wr_pack_slot){.index = i, .part = WR_PART_LIST});
    }
    for (uint32_t i = 0; i < pack->n_models; i++) {
        add_slot(query, out, "scores", pack->models[i].name,
                 (struct wr_pack_slot){.index = i, .part = WR_PART_SCORE});
    }
    return WR_OK;
}

static wr_err find_reads(struct wr_pack *pack, const struct wr_rego_query *query,
                         struct wr_pack_reads *out, struct wr_error *error)
{
    const struct wr_rego_input_path *paths = NULL;
    uint32_t n = 0, n_features = pack->plan->n_features;
    bool *by_feature = WR_NEW_ARRAY(pack->arena, bool, n_features + 1);
    if (by_feature == NULL ||
        wr_rego_input_paths(pack->program, query, pack->arena, &paths, &n) != WR_OK) {
        return no_room(error);
    }
    out->by_slots = !wr_rego_replaces_input(query);
    for (uint32_t k = 0; k < n; k++) {
        out->by_slots = out->by_slots && !reads_whole(&paths[k]);
        out->features = out->features || reads_part(&paths[k], "features");
        out->fleet = out->fleet || (pack->plan->fleet != NULL && reads_part(&paths[k], "fleet"));
        out->lists = out->lists || reads_part(&paths[k], "lists");
        out->missing = out->missing || reads_part(&paths[k], "missing");
        out->scores = out->scores || reads_part(&paths[k], "scores");
        for (uint32_t i = 0; i < n_features; i++) {
            by_feature[i] = by_feature[i] || reads_feature(&paths[k], pack->plan->features[i].name);
        }
    }
    out->by_feature = by_feature;
    return out->by_slots ? find_slots(pack, query, out, error) : WR_OK;
}

/* The scores of models in shadow never come before the policy: a rule that names one would be
 * silently undefined. */
static wr_err refuse_shadow_reads(const struct wr_pack *pack, struct wr_error *error)
{
    const struct wr_rego_input_path *paths = NULL;
    uint32_t n = 0;
    if (wr_rego_input_paths(pack->program, pack->policy.query, pack->arena, &paths, &n) != WR_OK) {
        return no_room(error);
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t m = paths[k].n >= 2 && wr_str_eq(paths[k].items[0], WR_STR("scores"))
                         ? wr_pack_find_model(pack, paths[k].items[1])
                         : UINT32_MAX;
        if (m != UINT32_MAX && pack->models[m].is_shadow) {
            return wr_fail(error, WR_E_PACK,
                           "weir.json: models.%.*s.shadow: package %.*s reads input.scores.%.*s, "
                           "which a model in shadow never has; say `shadow: false`",
                           WR_FMT(pack->models[m].name), WR_FMT(pack->policy.package),
                           WR_FMT(pack->models[m].name));
        }
    }
    return WR_OK;
}

static wr_err find_all_reads(struct wr_pack *pack, struct wr_error *error)
{
    wr_err err = WR_OK;
    for (uint32_t k = 0; k < pack->n_derived && err == WR_OK; k++) {
        err = find_reads(pack, pack->derived[k].query, &pack->derived[k].reads, error);
    }
    if (err == WR_OK && pack->policy.query != NULL) {
        err = find_reads(pack, pack->policy.query, &pack->policy.reads, error);
        err = err != WR_OK ? err : refuse_shadow_reads(pack, error);
    }
    return err;
}

static wr_err warn_unused(struct wr_pack *pack, struct wr_error *error)
{
    const struct wr_rego_input_path *paths = NULL;
    uint32_t n = 0;
    if (wr_rego_input_paths(pack->program, NULL, pack->arena, &paths, &n) != WR_OK) {
        return no_room(error);
    }
    for (uint32_t i = 0; i < pack->plan->n_features; i++) {
        struct wr_str name = pack->plan->features[i].name;
        bool used = model_reads(pack, i);
        for (uint32_t k = 0; k < n && !used; k++) {
            used = reads_feature(&paths[k], name);
        }
        if (!used) {
            wr_pack_warn(pack, "no model and no rule reads the feature %.*s", WR_FMT(name));
        }
    }
    return WR_OK;
}

wr_err wr_pack_compile(struct wr_pack *pack, struct wr_error *error)
{
    size_t n;
    struct wr_rego_source *sources = list_sources(pack, false, &n);
    if (sources == NULL) {
        return no_room(error);
    }
    wr_err err = compile(pack, sources, n, &pack->program, error);
    err = err != WR_OK ? err : compile_conditions(pack, sources, n, error);
    err = err != WR_OK ? err : compile_derived(pack, error);
    err = err != WR_OK ? err : compile_rules(pack, error);
    err = err != WR_OK ? err : find_all_reads(pack, error);
    err = err != WR_OK ? err : warn_unused(pack, error);
    if (err == WR_OK && pack->options.check_only) {
        wr_pack_warn_costs(pack);
        struct wr_rego_program *with_tests;
        sources = list_sources(pack, true, &n);
        err = sources == NULL ? no_room(error) : compile(pack, sources, n, &with_tests, error);
    }
    return err;
}
