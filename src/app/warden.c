/* SPDX-License-Identifier: Apache-2.0 */
#include "app/warden_in.h"
#include "app/eval_env.h"
#include "rego/parse.h"
#include "rego/print.h"

#define TARGET              "admission.k8s.gatekeeper.sh"
#define WR_LIMIT_WARDEN_LIB 32 /* library modules of one template */

/* ── the template ───────────────────────────────────────────────────────────────────────────── */

/* {rego, libs}: of the target's list of code by engine, or where older templates have them. */
static struct wr_value code_of(struct wr_value target)
{
    struct wr_value list = WR_KUBE_AT(target, "code");
    for (uint32_t i = 0; list.type == WR_ARRAY && i < list.n; i++) {
        if (wr_str_eq(wr_kube_text(WR_KUBE_AT(list.items[i], "engine")), WR_STR("Rego"))) {
            return WR_KUBE_AT(list.items[i], "source");
        }
    }
    return target;
}

static wr_err check_template(const struct wr_kube_object *t, struct wr_error *error)
{
    struct wr_value targets = WR_KUBE_AT(t->value, "spec", "targets");
    struct wr_str kind = wr_kube_text(WR_KUBE_AT(t->value, "spec", "crd", "spec", "names", "kind"));
    if (!wr_str_eq(t->group, WR_STR("templates.gatekeeper.sh")) ||
        !wr_str_eq(t->kind, WR_STR("ConstraintTemplate"))) {
        return wr_fail(error, WR_E_CONFIG, "this is no ConstraintTemplate of Gatekeeper");
    }
    bool named = kind.n > 0 && kind.n == t->name.n;
    for (size_t i = 0; i < kind.n && named; i++) {
        char lower = kind.p[i] >= 'A' && kind.p[i] <= 'Z' ? (char)(kind.p[i] + 32) : kind.p[i];
        named = lower == t->name.p[i];
    }
    if (!named) {
        return wr_fail(error, WR_E_CONFIG,
                       "the template's name \"%.*s\" is not its kind \"%.*s\" in lower case",
                       WR_FMT(t->name), WR_FMT(kind));
    }
    if (targets.type != WR_ARRAY || targets.n != 1 ||
        !wr_str_eq(wr_kube_text(WR_KUBE_AT(targets.items[0], "target")), WR_STR(TARGET))) {
        return wr_fail(error, WR_E_CONFIG, "spec.targets wants one target, " TARGET);
    }
    return WR_OK;
}

/* data.<package> of the entry module, which must have rules named violation. */
static wr_err find_package(struct wr_warden *warden, struct wr_arena *arena, struct wr_error *error)
{
    const struct wr_ast_module *module = wr_rego_module(warden->program, 0);
    struct wr_buf package = wr_buf_in(arena, 64);
    bool found = false;
    for (uint32_t i = 0; i < module->n_rules && !found; i++) {
        const struct wr_ast_term *const head = module->rules[i]->ref->items[0];
        found = wr_str_eq(head->name, WR_STR("violation"));
    }
    if (!found) {
        return wr_fail(error, WR_E_CONFIG, "the template has no rule violation");
    }
    wr_rego_print_ref(&package, module->package->items, module->package->n_items);
    warden->package = wr_buf_view(&package);
    return WR_OK;
}

static wr_err compile(struct wr_warden *warden, struct wr_arena *arena, struct wr_value target,
                      struct wr_error *error)
{
    struct wr_value code = code_of(target), libs = WR_KUBE_AT(code, "libs");
    struct wr_str text = wr_kube_text(WR_KUBE_AT(code, "rego"));
    struct wr_rego_source sources[1 + WR_LIMIT_WARDEN_LIB] = {{WR_STR("template"), text}};
    struct wr_value data = wr_object_from(NULL, 0);
    struct wr_rego_options how = {0};
    struct wr_rego_errors errors;
    size_t n = 1;
    if (text.n == 0) {
        return wr_fail(error, WR_E_CONFIG, "the template has no Rego code");
    }
    for (uint32_t i = 0; libs.type == WR_ARRAY && i < libs.n; i++) {
        struct wr_buf name = wr_buf_in(arena, 16);
        if (n > WR_LIMIT_WARDEN_LIB) {
            return wr_fail(error, WR_E_LIMIT, "more than %d libs", WR_LIMIT_WARDEN_LIB);
        }
        wr_format(&name, "libs[%u]", i);
        sources[n++] = (struct wr_rego_source){wr_buf_view(&name), wr_kube_text(libs.items[i])};
    }
    wr_rego_errors_init(&errors, arena);
    if (wr_rego_compile(arena, sources, n, &data, &how, &warden->program, &errors) != WR_OK) {
        wr_rego_errors_to_error(&errors, error);
        return WR_E_CONFIG;
    }
    return find_package(warden, arena, error);
}

/* ── the constraint ─────────────────────────────────────────────────────────────────────────── */

/* One expression over `input`, without data. */
static wr_err ask(struct wr_warden *warden, struct wr_arena *arena, const char *text,
                  struct wr_value input, struct wr_value *out, struct wr_error *error)
{
    struct wr_rego_query_options how = {.capture = true};
    struct wr_rego_query *query;
    struct wr_rego_results results = {0};
    struct wr_rego_errors errors;
    struct wr_rego_context context = {.input = &input, .env = wr_eval_env(0)};
    wr_rego_errors_init(&errors, arena);
    wr_err code = wr_rego_prepare(warden->program, arena, wr_str_z(text), &how, &query, &errors);
    if (code != WR_OK) {
        return wr_rego_errors_to_error(&errors, error);
    }
    code = wr_rego_eval(query, &context, arena, &results, error);
    *out = code == WR_OK && results.n > 0 ? results.items[0].values[0] : wr_undefined();
    return code;
}

static wr_err check_parameters(struct wr_warden *warden, struct wr_arena *arena,
                               const struct wr_kube_object *template, bool *invalid,
                               struct wr_error *error)
{
    struct wr_value schema = WR_KUBE_AT(template->value, "spec", "crd", "spec", "validation",
                                        "openAPIV3Schema"),
                    answer;
    if (schema.type != WR_OBJECT) {
        return WR_OK;
    }
    const struct wr_value both[] = {warden->parameters, schema};
    answer = wr_undefined();
    wr_err code = ask(warden, arena, "json.match_schema(input[0], input[1])", wr_array(both, 2),
                      &answer, error);
    if (code != WR_OK || answer.type != WR_ARRAY) {
        return code != WR_OK ? code
                             : wr_fail(error, WR_E_CONFIG, "the template's schema is not one");
    }
    if (wr_is_true(answer.items[0])) {
        return WR_OK;
    }
    struct wr_buf why = wr_buf_in(arena, 256);
    *invalid = true;
    for (uint32_t i = 0; i < answer.items[1].n; i++) {
        wr_format(&why, "%sspec.parameters: %.*s", i > 0 ? "; " : "",
                  WR_FMT(wr_kube_text(WR_KUBE_AT(answer.items[1].items[i], "error"))));
    }
    return wr_fail(error, WR_E_CONFIG, "%.*s", (int)why.n, why.p);
}

static wr_err take_constraint(struct wr_warden *warden, struct wr_arena *arena,
                              const struct wr_kube_object *template,
                              const struct wr_kube_object *constraint, bool *invalid,
                              struct wr_error *error)
{
    struct wr_str kind =
        wr_kube_text(WR_KUBE_AT(template->value, "spec", "crd", "spec", "names", "kind"));
    if (!wr_str_eq(constraint->group, WR_STR("constraints.gatekeeper.sh"))) {
        return wr_fail(error, WR_E_CONFIG, "this is no constraint of Gatekeeper");
    }
    if (!wr_str_eq(constraint->kind, kind)) {
        return wr_fail(error, WR_E_CONFIG, "the constraint is a %.*s, the template makes a %.*s",
                       WR_FMT(constraint->kind), WR_FMT(kind));
    }
    warden->match = WR_KUBE_AT(constraint->value, "spec", "match");
    warden->parameters = WR_KUBE_AT(constraint->value, "spec", "parameters");
    if (warden->parameters.type == WR_UNDEFINED || warden->parameters.type == WR_NULL) {
        warden->parameters = wr_object_from(NULL, 0);
    }
    return check_parameters(warden, arena, template, invalid, error);
}

static wr_err read_one(struct wr_arena *arena, const char *path, struct wr_kube_object *out,
                       struct wr_error *error)
{
    struct wr_kube_objects objects;
    wr_err code = wr_kube_read(arena, path, &objects, error);
    if (code == WR_OK && objects.n != 1) {
        code = wr_fail(error, WR_E_CONFIG, "%s holds %zu objects, one is wanted", path, objects.n);
    }
    if (code == WR_OK) {
        *out = objects.items[0];
    }
    return code;
}

wr_err wr_warden_open(struct wr_arena *arena, const char *template_path,
                      const char *constraint_path, struct wr_warden **out, bool *invalid,
                      struct wr_error *error)
{
    struct wr_kube_object template, constraint;
    struct wr_warden *warden = WR_NEW(arena, struct wr_warden);
    const char *file = template_path;
    *invalid = false;
    *out = warden;
    if (warden == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for a template");
    }
    wr_err code = read_one(arena, template_path, &template, error);
    if (code == WR_OK) {
        code = check_template(&template, error);
    }
    if (code == WR_OK) {
        struct wr_value targets = WR_KUBE_AT(template.value, "spec", "targets");
        code = compile(warden, arena, targets.items[0], error);
    }
    if (code == WR_OK) {
        file = constraint_path;
        code = read_one(arena, constraint_path, &constraint, error);
    }
    if (code == WR_OK) {
        code = take_constraint(warden, arena, &template, &constraint, invalid, error);
    }
    if (code != WR_OK) {
        wr_error_where(error, file, strlen(file));
    }
    return code;
}
