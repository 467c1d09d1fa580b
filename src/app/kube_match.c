/* SPDX-License-Identifier: Apache-2.0 */
/* spec.match of a constraint, criterion by criterion, in Gatekeeper's order. */
#include "app/kube.h"

struct subject {
    struct wr_value match;
    const struct wr_kube_object *object, *space;
    struct wr_error *error;
};

static bool is_namespace(const struct wr_kube_object *object)
{
    return object->group.n == 0 && wr_str_eq(object->kind, WR_STR("Namespace"));
}

static bool has(struct wr_value list, struct wr_str text, bool star)
{
    for (uint32_t i = 0; list.type == WR_ARRAY && i < list.n; i++) {
        struct wr_str item = wr_kube_text(list.items[i]);
        if (wr_str_eq(item, text) || (star && wr_str_eq(item, WR_STR("*")))) {
            return true;
        }
    }
    return false;
}

static bool is_empty(struct wr_value list)
{
    return list.type != WR_ARRAY || list.n == 0;
}

static bool by_kinds(const struct subject *s)
{
    struct wr_value kinds = WR_KUBE_AT(s->match, "kinds");
    if (is_empty(kinds)) {
        return true;
    }
    for (uint32_t i = 0; i < kinds.n; i++) {
        struct wr_value names = WR_KUBE_AT(kinds.items[i], "kinds");
        struct wr_value groups = WR_KUBE_AT(kinds.items[i], "apiGroups");
        if ((is_empty(names) || has(names, s->object->kind, true)) &&
            (is_empty(groups) || has(groups, s->object->group, true))) {
            return true;
        }
    }
    return false;
}

static bool by_scope(const struct subject *s)
{
    struct wr_str scope = wr_kube_text(WR_KUBE_AT(s->match, "scope"));
    bool within = s->object->space.n > 0 || s->space != NULL;
    if (wr_str_eq(scope, WR_STR("Cluster"))) {
        return is_namespace(s->object) || !within;
    }
    return !wr_str_eq(scope, WR_STR("Namespaced")) || (!is_namespace(s->object) && within);
}

/* A name, or one with a star at an end or both. */
static bool wild(struct wr_str pattern, struct wr_str text)
{
    bool front = wr_str_starts(pattern, WR_STR("*")), back = wr_str_ends(pattern, WR_STR("*"));
    if (front) {
        pattern = wr_str_of(pattern.p + 1, pattern.n - 1);
    }
    if (back && pattern.n > 0) {
        pattern.n--;
    }
    if (front && back) {
        return wr_str_find(text, pattern, 0) != SIZE_MAX;
    }
    return front  ? wr_str_ends(text, pattern)
           : back ? wr_str_starts(text, pattern)
                  : wr_str_eq(text, pattern);
}

/* The namespace's name that namespaces and excludedNamespaces ask for; false: any will do. */
static bool space_name(const struct subject *s, struct wr_str *name)
{
    *name = is_namespace(s->object) ? s->object->name
            : s->space != NULL      ? s->space->name
                                    : s->object->space;
    return name->n > 0;
}

static bool among(struct wr_value list, struct wr_str name)
{
    for (uint32_t i = 0; i < list.n; i++) {
        if (wild(wr_kube_text(list.items[i]), name)) {
            return true;
        }
    }
    return false;
}

static bool by_namespaces(const struct subject *s)
{
    struct wr_value wanted = WR_KUBE_AT(s->match, "namespaces");
    struct wr_value unwanted = WR_KUBE_AT(s->match, "excludedNamespaces");
    struct wr_str name;
    if (!space_name(s, &name)) {
        return true;
    }
    return (is_empty(wanted) || among(wanted, name)) &&
           (is_empty(unwanted) || !among(unwanted, name));
}

static wr_err by_name(const struct subject *s, bool *matches)
{
    struct wr_str name = wr_kube_text(WR_KUBE_AT(s->match, "name"));
    struct wr_str generated =
        wr_kube_text(WR_KUBE_AT(s->object->value, "metadata", "generateName"));
    *matches = name.n == 0 || wild(name, s->object->name) ||
               (wr_str_ends(name, WR_STR("*")) && wild(name, generated));
    return WR_OK;
}

/* ── selectors ──────────────────────────────────────────────────────────────────────────────── */
static wr_err one_expression(struct wr_value labels, struct wr_value wanted, bool *matches,
                             struct wr_error *error)
{
    struct wr_str key = wr_kube_text(WR_KUBE_AT(wanted, "key"));
    struct wr_str how = wr_kube_text(WR_KUBE_AT(wanted, "operator"));
    struct wr_value values = WR_KUBE_AT(wanted, "values");
    const struct wr_value *label =
        labels.type == WR_OBJECT ? wr_object_get_str(&labels, key) : NULL;
    bool listed = label != NULL && has(values, wr_kube_text(*label), false);
    if (wr_str_eq(how, WR_STR("In"))) {
        *matches = listed;
    } else if (wr_str_eq(how, WR_STR("NotIn"))) {
        *matches = !listed;
    } else if (wr_str_eq(how, WR_STR("Exists"))) {
        *matches = label != NULL;
    } else if (wr_str_eq(how, WR_STR("DoesNotExist"))) {
        *matches = label == NULL;
    } else {
        return wr_fail(error, WR_E_CONFIG, "\"%.*s\" is not a valid label selector operator",
                       WR_FMT(how));
    }
    return WR_OK;
}

static wr_err by_selector(struct wr_value selector, struct wr_value labels, bool *matches,
                          struct wr_error *error)
{
    struct wr_value pairs = WR_KUBE_AT(selector, "matchLabels");
    struct wr_value expressions = WR_KUBE_AT(selector, "matchExpressions");
    *matches = true;
    for (uint32_t i = 0; pairs.type == WR_OBJECT && i < pairs.n; i++) {
        const struct wr_value *label =
            labels.type == WR_OBJECT ? wr_object_get(&labels, &pairs.pairs[i].key) : NULL;
        *matches = *matches && label != NULL && wr_value_eq(label, &pairs.pairs[i].value);
    }
    for (uint32_t i = 0; expressions.type == WR_ARRAY && i < expressions.n; i++) {
        bool this_one = false;
        wr_err code = one_expression(labels, expressions.items[i], &this_one, error);
        if (code != WR_OK) {
            return code;
        }
        *matches = *matches && this_one;
    }
    return WR_OK;
}

static wr_err by_labels(const struct subject *s, bool *matches)
{
    return by_selector(WR_KUBE_AT(s->match, "labelSelector"),
                       WR_KUBE_AT(s->object->value, "metadata", "labels"), matches, s->error);
}

static wr_err by_space_labels(const struct subject *s, bool *matches)
{
    struct wr_value selector = WR_KUBE_AT(s->match, "namespaceSelector");
    const struct wr_kube_object *carrier = is_namespace(s->object) ? s->object : s->space;
    *matches = true;
    if (selector.type != WR_OBJECT || (carrier == NULL && s->object->space.n == 0)) {
        return WR_OK;
    }
    if (carrier == NULL) {
        return wr_fail(s->error, WR_E_CONFIG,
                       "namespace selector for namespace-scoped object but missing Namespace");
    }
    return by_selector(selector, WR_KUBE_AT(carrier->value, "metadata", "labels"), matches,
                       s->error);
}

/* What a suite reviews is an original, nothing that was expanded from a template. */
static wr_err by_source(const struct subject *s, bool *matches)
{
    struct wr_str source = wr_kube_text(WR_KUBE_AT(s->match, "source"));
    bool original = wr_str_eq(source, WR_STR("Original"));
    *matches = source.n == 0 || original || wr_str_eq(source, WR_STR("All"));
    if (!*matches && !wr_str_eq(source, WR_STR("Generated"))) {
        return wr_fail(s->error, WR_E_CONFIG, "invalid source field \"%.*s\"", WR_FMT(source));
    }
    return WR_OK;
}

wr_err wr_kube_match(struct wr_value match, const struct wr_kube_object *object,
                     const struct wr_kube_object *space, bool *matches, struct wr_error *error)
{
    struct subject s = {match, object, space, error};
    static wr_err (*const asked[])(const struct subject *, bool *) = {by_labels, by_space_labels,
                                                                      by_name, by_source};
    *matches = by_kinds(&s) && by_scope(&s) && by_namespaces(&s);
    for (size_t i = 0; i < WR_COUNTOF(asked) && *matches; i++) {
        wr_err code = asked[i](&s, matches);
        if (code != WR_OK) {
            return code;
        }
    }
    return WR_OK;
}
