/* SPDX-License-Identifier: Apache-2.0 */
/* What Gatekeeper's webhook does with one request, for one constraint. */
#include "app/bundle.h"
#include "app/eval_env.h"
#include "app/warden_in.h"

#define KEY(literal) wr_string(WR_STR(literal))

/* The request that the webhook would get: that of an AdmissionReview, or one around an object. */
static struct wr_value request_of(struct wr_arena *arena, const struct wr_kube_object *object,
                                  struct wr_value given)
{
    const struct wr_value none = wr_string(WR_STR("")), empty = wr_object_from(NULL, 0);
    const struct wr_pair kind[] = {{KEY("group"), wr_string(object->group)},
                                   {KEY("version"), wr_string(object->version)},
                                   {KEY("kind"), wr_string(object->kind)}};
    const struct wr_pair resource[] = {
        {KEY("group"), none}, {KEY("version"), none}, {KEY("resource"), none}};
    const struct wr_pair fields[] = {
        {KEY("uid"), none},
        {KEY("kind"), wr_kube_new(arena, kind, 3)},
        {KEY("resource"), wr_kube_new(arena, resource, 3)},
        {KEY("name"), object->name.n > 0 ? wr_string(object->name) : wr_undefined()},
        {KEY("namespace"), object->space.n > 0 ? wr_string(object->space) : wr_undefined()},
        {KEY("operation"), none},
        {KEY("userInfo"), empty},
        {KEY("object"), object->value},
        {KEY("oldObject"), wr_null()},
        {KEY("options"), wr_null()},
    };
    struct wr_pair all[64];
    size_t n = 0;
    if (given.type != WR_OBJECT) {
        return wr_kube_new(arena, fields, WR_COUNTOF(fields));
    }
    for (size_t i = 0; i < WR_COUNTOF(fields); i++) { /* what the request says goes before */
        bool said = wr_object_get(&given, &fields[i].key) != NULL;
        if (!said) {
            all[n++] = fields[i];
        }
    }
    for (uint32_t i = 0; i < given.n && n < WR_COUNTOF(all); i++) {
        all[n++] = given.pairs[i];
    }
    return wr_kube_new(arena, all, n);
}

static const struct wr_kube_object *namespace_of(const struct wr_kube_object *inventory, size_t n,
                                                 struct wr_str name)
{
    for (size_t i = 0; i < n && name.n > 0; i++) {
        if (inventory[i].group.n == 0 && wr_str_eq(inventory[i].kind, WR_STR("Namespace")) &&
            wr_str_eq(inventory[i].name, name)) {
            return &inventory[i];
        }
    }
    return NULL;
}

/* data.inventory: {cluster: {VERSION: {KIND: {NAME: object}}}, namespace: {SPACE: {...}}}. */
static struct wr_value inventory_of(struct wr_arena *arena, const struct wr_kube_object *items,
                                    size_t n)
{
    struct wr_value all = wr_object_from(NULL, 0);
    for (size_t i = 0; i < n; i++) {
        struct wr_str path[6] = {WR_STR("inventory")};
        size_t depth = 1;
        struct wr_value value = items[i].value;
        if (items[i].space.n > 0) {
            path[depth++] = WR_STR("namespace");
            path[depth++] = items[i].space;
        } else {
            path[depth++] = WR_STR("cluster");
        }
        path[depth++] = wr_kube_text(WR_KUBE_AT(value, "apiVersion"));
        path[depth++] = items[i].kind;
        const struct wr_pair named = {wr_string(items[i].name), value};
        value = wr_kube_new(arena, &named, 1);
        while (depth > 0) {
            const struct wr_pair pair = {wr_string(path[--depth]), value};
            value = wr_kube_new(arena, &pair, 1);
        }
        if (!wr_data_merge(arena, &all, &value, &all)) {
            return wr_undefined();
        }
    }
    return all;
}

/* Each different {msg, details} once; members without a msg are no violations. */
static void collect(struct wr_arena *arena, struct wr_value set, struct wr_warden_answer *out)
{
    struct wr_warden_violation *items = WR_NEW_ARRAY(arena, struct wr_warden_violation, set.n + 1);
    struct wr_value *kept = WR_NEW_ARRAY(arena, struct wr_value, set.n + 1);
    bool holds = set.type == WR_SET && items != NULL && kept != NULL;
    out->items = items;
    for (uint32_t i = 0; holds && i < set.n; i++) {
        struct wr_value message = WR_KUBE_AT(set.items[i], "msg");
        struct wr_value details = WR_KUBE_AT(set.items[i], "details");
        const struct wr_pair pairs[] = {
            {KEY("msg"), message},
            {KEY("details"), details.type == WR_UNDEFINED ? wr_object_from(NULL, 0) : details}};
        if (message.type != WR_STRING) {
            continue;
        }
        kept[out->n] = wr_kube_new(arena, pairs, 2);
        bool again = false;
        for (size_t k = 0; k < out->n && !again; k++) {
            again = wr_value_eq(&kept[k], &kept[out->n]);
        }
        if (!again) {
            items[out->n++].message = wr_text(message);
        }
    }
}

static wr_err evaluate(struct wr_warden *warden, struct wr_arena *arena, struct wr_value review,
                       struct wr_value data, struct wr_warden_answer *out, struct wr_error *error)
{
    const struct wr_pair pairs[] = {{KEY("review"), review},
                                    {KEY("parameters"), warden->parameters}};
    struct wr_value input = wr_kube_new(arena, pairs, 2);
    struct wr_rego_program *program;
    struct wr_rego_query *query;
    struct wr_rego_results results = {0};
    struct wr_rego_errors errors;
    struct wr_rego_context context = {.input = &input, .env = wr_eval_env(0)};
    struct wr_buf text = wr_buf_in(arena, 64);
    wr_format(&text, "%.*s.violation", WR_FMT(warden->package));
    wr_rego_errors_init(&errors, arena);
    struct wr_rego_query_options how = {.capture = true};
    if (wr_rego_with_data(arena, warden->program, &data, &program, &errors) != WR_OK ||
        wr_rego_prepare(program, arena, wr_buf_view(&text), &how, &query, &errors) != WR_OK) {
        return wr_rego_errors_to_error(&errors, error);
    }
    wr_err code = wr_rego_eval(query, &context, arena, &results, error);
    if (code == WR_OK && results.n > 0) {
        collect(arena, results.items[0].values[0], out);
    }
    return code;
}

/* A request that no selector can answer is refused with that as its message. */
static void refuse(struct wr_arena *arena, const struct wr_error *error,
                   struct wr_warden_answer *out)
{
    struct wr_warden_violation *one = WR_NEW(arena, struct wr_warden_violation);
    struct wr_buf text = wr_buf_in(arena, 128);
    wr_format(&text, "unable to match constraints: %s", error->text);
    if (one != NULL) {
        one->message = wr_buf_view(&text);
        *out = (struct wr_warden_answer){one, 1};
    }
}

static wr_err matches(struct wr_warden *warden, const struct wr_kube_object *const objects[2],
                      const struct wr_kube_object *space, bool *any, struct wr_error *error)
{
    *any = warden->match.type != WR_OBJECT;
    for (size_t i = 0; i < 2 && !*any; i++) {
        wr_err code = WR_OK;
        if (objects[i] != NULL) {
            code = wr_kube_match(warden->match, objects[i], space, any, error);
        }
        if (code != WR_OK) {
            return code;
        }
    }
    return WR_OK;
}

/* The object with one member replaced. */
static struct wr_value with_member(struct wr_arena *arena, struct wr_value object,
                                   struct wr_str key, struct wr_value value)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, object.n + 1);
    struct wr_value name = wr_string(key);
    size_t n = 0;
    for (uint32_t i = 0; i < object.n && pairs != NULL; i++) {
        if (!wr_value_eq(&object.pairs[i].key, &name)) {
            pairs[n++] = object.pairs[i];
        }
    }
    if (pairs == NULL) {
        return wr_undefined();
    }
    pairs[n++] = (struct wr_pair){name, value};
    return wr_object_from(pairs, n);
}

/* The objects that an AdmissionReview's request is about; in a deletion the old one is also the
 * new one, as Gatekeeper hands it to templates. */
static wr_err take_apart(struct wr_arena *arena, struct wr_value *request,
                         struct wr_kube_object at[2], const struct wr_kube_object *objects[2],
                         struct wr_error *error)
{
    struct wr_str operation = wr_kube_text(WR_KUBE_AT(*request, "operation"));
    struct wr_value old = WR_KUBE_AT(*request, "oldObject");
    if (wr_str_eq(operation, WR_STR("DELETE"))) {
        if (old.type != WR_OBJECT) {
            return wr_fail(error, WR_E_CONFIG, "a deletion wants an oldObject");
        }
        *request = with_member(arena, *request, WR_STR("object"), old);
    }
    const struct wr_value both[] = {WR_KUBE_AT(*request, "object"), old};
    objects[0] = objects[1] = NULL;
    for (size_t i = 0; i < 2; i++) {
        wr_err code = both[i].type == WR_OBJECT ? wr_kube_object_of(both[i], &at[i], error) : WR_OK;
        if (code != WR_OK) {
            return code;
        }
        objects[i] = both[i].type == WR_OBJECT ? &at[i] : NULL;
    }
    if (objects[0] == NULL && objects[1] == NULL) {
        return wr_fail(error, WR_E_CONFIG, "the AdmissionReview's request has no object");
    }
    return WR_OK;
}

wr_err wr_warden_review(struct wr_warden *warden, struct wr_arena *arena,
                        const struct wr_kube_object *object, const struct wr_kube_object *inventory,
                        size_t n_inventory, struct wr_warden_answer *out, struct wr_error *error)
{
    struct wr_kube_object taken[2];
    const struct wr_kube_object *objects[2] = {object, NULL};
    struct wr_value request = wr_undefined();
    struct wr_str space = object->space;
    bool any;
    *out = (struct wr_warden_answer){0};
    if (wr_str_eq(object->group, WR_STR("admission.k8s.io")) &&
        wr_str_eq(object->kind, WR_STR("AdmissionReview"))) {
        request = WR_KUBE_AT(object->value, "request");
        if (request.type != WR_OBJECT) {
            return wr_fail(error, WR_E_CONFIG, "the AdmissionReview has no request");
        }
        space = wr_kube_text(WR_KUBE_AT(request, "namespace"));
        wr_err code = take_apart(arena, &request, taken, objects, error);
        if (code != WR_OK) {
            return code;
        }
    }
    if (matches(warden, objects, namespace_of(inventory, n_inventory, space), &any, error) !=
        WR_OK) {
        refuse(arena, error, out);
        return WR_OK;
    }
    if (!any) {
        return WR_OK;
    }
    struct wr_value data = inventory_of(arena, inventory, n_inventory);
    if (data.type != WR_OBJECT) {
        return wr_fail(error, WR_E_CONFIG, "the inventory's objects do not fit together");
    }
    const struct wr_kube_object *subject = objects[0] != NULL ? objects[0] : objects[1];
    return evaluate(warden, arena, request_of(arena, subject, request), data, out, error);
}
