/* SPDX-License-Identifier: Apache-2.0 */
/* json.match_schema and json.verify_schema: JSON Schema drafts 4 to 7, with the wording of the
 * validator that OPA uses.
 *
 * Checked: type, enum, const, the bounds of numbers, strings, arrays and objects, multipleOf,
 * pattern, items, additionalItems, contains, uniqueItems, properties, patternProperties,
 * additionalProperties, propertyNames, required, dependencies, allOf, anyOf, oneOf, not,
 * if/then/else, and $ref within the document. `format` is an annotation here: it is not checked.
 * References to other documents are refused. */
#include "rego/builtin_family.h"
#include "rego/regex.h"
#include "value/json_write.h"

#define SCHEMA_LIMIT_DEPTH  96 /* nested schemas that are applied at once */
#define SCHEMA_LIMIT_ERRORS 1000

struct place { /* of a value: the path from the root, innermost first */
    const struct place *outer;
    struct wr_str key;
    uint32_t index;
};

struct check {
    struct wr_builtin_call *call;
    const struct wr_value *root;
    struct wr_list errors;
    unsigned depth;
};

static const char valid_types[] = "array boolean integer number null object string";

static wr_err validate(struct check *c, const struct wr_value *schema, const struct wr_value *v,
                       const struct place *place);

/* ── errors ─────────────────────────────────────────────────────────────────────────────────── */

static void write_place(struct wr_buf *buf, const struct place *place)
{
    const struct place *chain[SCHEMA_LIMIT_DEPTH + 1];
    size_t n = 0;
    for (; place != NULL && n <= SCHEMA_LIMIT_DEPTH; place = place->outer) {
        chain[n++] = place;
    }
    if (n == 0) {
        wr_buf_str(buf, WR_STR("(root)"));
    }
    for (size_t i = n; i-- > 0;) {
        wr_buf_add(buf, ".", i + 1 < n ? 1 : 0);
        if (chain[i]->key.p != NULL) {
            wr_buf_str(buf, chain[i]->key);
        } else {
            wr_buf_u64(buf, chain[i]->index);
        }
    }
}

/* Records {desc, error, field, type}. `desc` holds the text without the field. */
static wr_err add_error(struct check *c, const struct place *place, const char *type,
                        const struct wr_buf *desc)
{
    struct wr_builtin_call *call = c->call;
    struct wr_value desc_v, error_v, field_v;
    struct wr_pair *pairs;
    struct wr_buf field = wr_buf_in(call->arena, 32), error = wr_buf_in(call->arena, 64);
    if (c->errors.n == SCHEMA_LIMIT_ERRORS) {
        return WR_OK;
    }
    write_place(&field, place);
    wr_buf_str(&error, wr_buf_view(&field));
    wr_buf_str(&error, WR_STR(": "));
    wr_buf_str(&error, wr_buf_view(desc));
    WR_TRY(wr_builtin_text(call, desc, &desc_v));
    WR_TRY(wr_builtin_text(call, &error, &error_v));
    WR_TRY(wr_builtin_text(call, &field, &field_v));
    WR_TRY(wr_builtin_pairs(call, 4, &pairs));
    pairs[0] = (struct wr_pair){wr_string_z("desc"), desc_v};
    pairs[1] = (struct wr_pair){wr_string_z("error"), error_v};
    pairs[2] = (struct wr_pair){wr_string_z("field"), field_v};
    pairs[3] = (struct wr_pair){wr_string_z("type"), wr_string_z(type)};
    return wr_list_add(call, &c->errors, wr_object_from(pairs, 4));
}

/* "before VALUE after", the value as JSON, or bare when it is a string. */
static wr_err report(struct check *c, const struct place *place, const char *type,
                     const char *before, const struct wr_value *v, const char *after)
{
    struct wr_buf desc = wr_buf_in(c->call->arena, 64);
    wr_buf_str(&desc, wr_str_z(before));
    if (v != NULL && v->type == WR_STRING) {
        wr_buf_str(&desc, wr_text(*v));
    } else if (v != NULL) {
        wr_json_write(&desc, v, WR_JSON_COMPACT);
    }
    wr_buf_str(&desc, wr_str_z(after));
    return add_error(c, place, type, &desc);
}

/* ── asking a schema ────────────────────────────────────────────────────────────────────────── */

static const struct wr_value *get(const struct wr_value *schema, const char *key)
{
    return wr_object_get_str(schema, wr_str_z(key));
}

static const struct wr_value *get_typed(const struct wr_value *schema, const char *key,
                                        enum wr_type type)
{
    const struct wr_value *v = get(schema, key);
    return v != NULL && v->type == type ? v : NULL;
}

static bool is_int(const struct wr_value *v)
{
    struct wr_float f;
    return v->type == WR_NUMBER && wr_number_to_float(v, &f) && wr_float_is_int(f);
}

static const char *json_type(const struct wr_value *v)
{
    return is_int(v) ? "integer" : v->type == WR_SET ? "array" : wr_type_name(*v);
}

static bool has_type(const struct wr_value *v, const struct wr_value *name)
{
    if (name->type != WR_STRING) {
        return false;
    }
    struct wr_str want = wr_text(*name);
    return wr_str_eq(want, wr_str_z(json_type(v))) ||
           (wr_str_eq(want, WR_STR("number")) && v->type == WR_NUMBER);
}

/* Whether v satisfies a schema, without its errors. */
static wr_err satisfies(struct check *c, const struct wr_value *schema, const struct wr_value *v,
                        const struct place *place, bool *yes)
{
    struct wr_list before = c->errors;
    c->errors = (struct wr_list){0};
    wr_err err = validate(c, schema, v, place);
    *yes = c->errors.n == 0;
    c->errors = before;
    return err;
}

/* ── by type ────────────────────────────────────────────────────────────────────────────────── */

/* Compares a count or a number with a bound of the schema. */
static wr_err bound(struct check *c, const struct wr_value *schema, const char *key,
                    const struct wr_value *v, int bad_order, bool also_equal,
                    const struct place *place, const char *type, const char *text,
                    const char *after)
{
    const struct wr_value *limit = get_typed(schema, key, WR_NUMBER);
    if (limit == NULL) {
        return WR_OK;
    }
    int order = wr_value_cmp(v, limit);
    bool bad = bad_order < 0 ? order < 0 : order > 0;
    return bad || (also_equal && order == 0) ? report(c, place, type, text, limit, after) : WR_OK;
}

static wr_err check_number(struct check *c, const struct wr_value *schema, const struct wr_value *v,
                           const struct place *place)
{
    const struct wr_value *multiple = get_typed(schema, "multipleOf", WR_NUMBER);
    const struct wr_value *low = get(schema, "exclusiveMinimum");
    const struct wr_value *high = get(schema, "exclusiveMaximum");
    if (multiple != NULL && !wr_number_is_zero(multiple)) {
        struct wr_value quotient;
        WR_TRY(wr_builtin_number(c->call, wr_number_div(c->call->arena, v, multiple, &quotient)));
        if (!is_int(&quotient)) {
            WR_TRY(report(c, place, "multiple_of", "Must be a multiple of ", multiple, ""));
        }
    }
    bool low4 = low != NULL && wr_is_true(*low), high4 = high != NULL && wr_is_true(*high);
    WR_TRY(bound(c, schema, "minimum", v, -1, low4, place, low4 ? "number_gt" : "number_gte",
                 low4 ? "Must be greater than " : "Must be greater than or equal to ", ""));
    WR_TRY(bound(c, schema, "maximum", v, 1, high4, place, high4 ? "number_lt" : "number_lte",
                 high4 ? "Must be less than " : "Must be less than or equal to ", ""));
    WR_TRY(bound(c, schema, "exclusiveMinimum", v, -1, true, place, "number_gt",
                 "Must be greater than ", ""));
    return bound(c, schema, "exclusiveMaximum", v, 1, true, place, "number_lt",
                 "Must be less than ", "");
}

static wr_err matches(struct check *c, const struct wr_value *pattern, const struct wr_value *text,
                      bool *yes)
{
    struct wr_value args[2] = {*pattern, *text}, found;
    WR_TRY(wr_b_regex_match(c->call, args, 2, &found));
    *yes = wr_is_true(found);
    return WR_OK;
}

static wr_err check_string(struct check *c, const struct wr_value *schema, const struct wr_value *v,
                           const struct place *place)
{
    struct wr_value length = wr_int((int64_t)wr_rune_count(wr_text(*v)));
    const struct wr_value *pattern = get_typed(schema, "pattern", WR_STRING);
    WR_TRY(bound(c, schema, "minLength", &length, -1, false, place, "string_gte",
                 "String length must be greater than or equal to ", ""));
    WR_TRY(bound(c, schema, "maxLength", &length, 1, false, place, "string_lte",
                 "String length must be less than or equal to ", ""));
    if (pattern != NULL) {
        bool yes;
        WR_TRY(matches(c, pattern, v, &yes));
        if (!yes) {
            return report(c, place, "pattern", "Does not match pattern '", pattern, "'");
        }
    }
    return WR_OK;
}

static wr_err check_unique(struct check *c, const struct wr_value *v, const struct place *place)
{
    WR_TRY(wr_builtin_charge(c->call, (uint64_t)v->n * v->n / 2 + 1));
    for (uint32_t i = 0; i < v->n; i++) {
        for (uint32_t k = i + 1; k < v->n; k++) {
            if (wr_value_eq(&v->items[i], &v->items[k])) {
                struct wr_buf desc = wr_buf_in(c->call->arena, 64);
                wr_format(&desc, "array items[%u,%u] must be unique", i, k);
                return add_error(c, place, "unique", &desc);
            }
        }
    }
    return WR_OK;
}

static wr_err check_items(struct check *c, const struct wr_value *schema, const struct wr_value *v,
                          const struct place *place)
{
    const struct wr_value *items = get(schema, "items"), *rest = get(schema, "additionalItems");
    for (uint32_t i = 0; items != NULL && i < v->n; i++) {
        struct place at = {place, {NULL, 0}, i};
        const struct wr_value *one = items;
        if (items->type == WR_ARRAY) {
            one = i < items->n ? &items->items[i] : rest;
            if (one != NULL && wr_is_false(*one)) {
                return report(c, place, "array_no_additional_items",
                              "No additional items allowed on array", NULL, "");
            }
        }
        if (one != NULL) {
            WR_TRY(validate(c, one, &v->items[i], &at));
        }
    }
    return WR_OK;
}

static wr_err check_array(struct check *c, const struct wr_value *schema, const struct wr_value *v,
                          const struct place *place)
{
    struct wr_value length = wr_int(v->n);
    const struct wr_value *unique = get(schema, "uniqueItems");
    const struct wr_value *contains = get(schema, "contains");
    WR_TRY(check_items(c, schema, v, place));
    WR_TRY(bound(c, schema, "minItems", &length, -1, false, place, "array_min_items",
                 "Array must have at least ", " items"));
    WR_TRY(bound(c, schema, "maxItems", &length, 1, false, place, "array_max_items",
                 "Array must have at most ", " items"));
    if (unique != NULL && wr_is_true(*unique)) {
        WR_TRY(check_unique(c, v, place));
    }
    bool yes = contains == NULL;
    for (uint32_t i = 0; i < v->n && !yes; i++) {
        WR_TRY(satisfies(c, contains, &v->items[i], place, &yes));
    }
    return yes ? WR_OK
               : report(c, place, "contains", "At least one of the items must match", NULL, "");
}

/* One property against properties, patternProperties and additionalProperties. */
static wr_err check_property(struct check *c, const struct wr_value *schema,
                             const struct wr_pair *pair, const struct place *place)
{
    const struct wr_value *properties = get_typed(schema, "properties", WR_OBJECT);
    const struct wr_value *patterns = get_typed(schema, "patternProperties", WR_OBJECT);
    const struct wr_value *others = get(schema, "additionalProperties");
    const struct wr_value *names = get(schema, "propertyNames");
    const struct wr_value *own = properties == NULL ? NULL : wr_object_get(properties, &pair->key);
    struct place at = {place, wr_text(pair->key), 0};
    bool known = own != NULL, yes;
    if (own != NULL) {
        WR_TRY(validate(c, own, &pair->value, &at));
    }
    for (uint32_t i = 0; patterns != NULL && i < patterns->n; i++) {
        WR_TRY(matches(c, &patterns->pairs[i].key, &pair->key, &yes));
        if (yes) {
            known = true;
            WR_TRY(validate(c, &patterns->pairs[i].value, &pair->value, &at));
        }
    }
    if (names != NULL) {
        WR_TRY(satisfies(c, names, &pair->key, place, &yes));
        if (!yes) {
            WR_TRY(report(c, place, "invalid_property_name", "Property name of \"", &pair->key,
                          "\" does not match"));
        }
    }
    if (known || others == NULL) {
        return WR_OK;
    }
    if (wr_is_false(*others)) {
        return report(c, place, "additional_property_not_allowed", "Additional property ",
                      &pair->key, " is not allowed");
    }
    return validate(c, others, &pair->value, &at);
}

static wr_err check_dependencies(struct check *c, const struct wr_value *schema,
                                 const struct wr_value *v, const struct place *place)
{
    const struct wr_value *all = get_typed(schema, "dependencies", WR_OBJECT);
    for (uint32_t i = 0; all != NULL && i < all->n; i++) {
        const struct wr_value *needs = &all->pairs[i].value;
        if (wr_object_get(v, &all->pairs[i].key) == NULL) {
            continue;
        }
        if (needs->type != WR_ARRAY) {
            WR_TRY(validate(c, needs, v, place));
            continue;
        }
        for (uint32_t k = 0; k < needs->n; k++) {
            if (wr_object_get(v, &needs->items[k]) == NULL) {
                WR_TRY(report(c, place, "missing_dependency", "Has a dependency on ",
                              &needs->items[k], ""));
            }
        }
    }
    return WR_OK;
}

static wr_err check_object(struct check *c, const struct wr_value *schema, const struct wr_value *v,
                           const struct place *place)
{
    const struct wr_value *required = get_typed(schema, "required", WR_ARRAY);
    struct wr_value count = wr_int(v->n);
    for (uint32_t i = 0; required != NULL && i < required->n; i++) {
        if (wr_object_get(v, &required->items[i]) == NULL) {
            WR_TRY(report(c, place, "required", "", &required->items[i], " is required"));
        }
    }
    WR_TRY(bound(c, schema, "minProperties", &count, -1, false, place, "array_min_properties",
                 "Must have at least ", " properties"));
    WR_TRY(bound(c, schema, "maxProperties", &count, 1, false, place, "array_max_properties",
                 "Must have at most ", " properties"));
    for (uint32_t i = 0; i < v->n; i++) {
        if (v->pairs[i].key.type == WR_STRING) {
            WR_TRY(check_property(c, schema, &v->pairs[i], place));
        }
    }
    return check_dependencies(c, schema, v, place);
}

/* ── for all types ──────────────────────────────────────────────────────────────────────────── */

static wr_err check_type(struct check *c, const struct wr_value *schema, const struct wr_value *v,
                         const struct place *place, bool *fits)
{
    const struct wr_value *type = get(schema, "type");
    *fits = type == NULL || has_type(v, type);
    for (uint32_t i = 0; type != NULL && type->type == WR_ARRAY && i < type->n; i++) {
        *fits = *fits || has_type(v, &type->items[i]);
    }
    if (*fits) {
        return WR_OK;
    }
    struct wr_buf desc = wr_buf_in(c->call->arena, 64);
    wr_buf_str(&desc, WR_STR("Invalid type. Expected: "));
    if (type->type == WR_STRING) {
        wr_buf_str(&desc, wr_text(*type));
    } else {
        wr_buf_char(&desc, '[');
        for (uint32_t i = 0; i < type->n; i++) {
            wr_buf_add(&desc, ",", i > 0 ? 1 : 0);
            wr_buf_str(&desc, wr_text(type->items[i]));
        }
        wr_buf_char(&desc, ']');
    }
    wr_buf_str(&desc, WR_STR(", given: "));
    wr_buf_str(&desc, wr_str_z(json_type(v)));
    return add_error(c, place, "invalid_type", &desc);
}

static wr_err check_values(struct check *c, const struct wr_value *schema, const struct wr_value *v,
                           const struct place *place)
{
    const struct wr_value *list = get_typed(schema, "enum", WR_ARRAY), *one = get(schema, "const");
    bool found = list == NULL;
    struct wr_buf desc = wr_buf_in(c->call->arena, 64);
    for (uint32_t i = 0; !found && i < list->n; i++) {
        found = wr_value_eq(v, &list->items[i]);
    }
    if (!found) {
        write_place(&desc, place);
        wr_buf_str(&desc, WR_STR(" must be one of the following: "));
        for (uint32_t i = 0; i < list->n; i++) {
            wr_buf_str(&desc, i > 0 ? WR_STR(", ") : WR_STR(""));
            wr_json_write(&desc, &list->items[i], WR_JSON_COMPACT);
        }
        WR_TRY(add_error(c, place, "enum", &desc));
    }
    if (one != NULL && !wr_value_eq(v, one)) {
        desc = wr_buf_in(c->call->arena, 64);
        write_place(&desc, place);
        wr_buf_str(&desc, WR_STR(" does not match: "));
        wr_json_write(&desc, one, WR_JSON_COMPACT);
        WR_TRY(add_error(c, place, "const", &desc));
    }
    return WR_OK;
}

/* How many schemas of a list v satisfies. */
static wr_err count_satisfied(struct check *c, const struct wr_value *list,
                              const struct wr_value *v, const struct place *place, uint32_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < list->n; i++) {
        bool yes;
        WR_TRY(satisfies(c, &list->items[i], v, place, &yes));
        *count += yes ? 1 : 0;
    }
    return WR_OK;
}

static wr_err check_combined(struct check *c, const struct wr_value *schema,
                             const struct wr_value *v, const struct place *place)
{
    const struct wr_value *any = get_typed(schema, "anyOf", WR_ARRAY);
    const struct wr_value *one = get_typed(schema, "oneOf", WR_ARRAY);
    const struct wr_value *all = get_typed(schema, "allOf", WR_ARRAY);
    const struct wr_value *not = get(schema, "not"), *condition = get(schema, "if");
    uint32_t count = 0;
    bool yes;
    if (any != NULL) {
        WR_TRY(count_satisfied(c, any, v, place, &count));
        WR_TRY(count > 0 ? WR_OK
                         : report(c, place, "number_any_of",
                                  "Must validate at least one schema (anyOf)", NULL, ""));
    }
    if (one != NULL) {
        WR_TRY(count_satisfied(c, one, v, place, &count));
        WR_TRY(count == 1 ? WR_OK
                          : report(c, place, "number_one_of",
                                   "Must validate one and only one schema (oneOf)", NULL, ""));
    }
    size_t before = c->errors.n;
    for (uint32_t i = 0; all != NULL && i < all->n; i++) {
        WR_TRY(validate(c, &all->items[i], v, place));
    }
    if (c->errors.n > before) {
        WR_TRY(
            report(c, place, "number_all_of", "Must validate all the schemas (allOf)", NULL, ""));
    }
    if (not != NULL) {
        WR_TRY(satisfies(c, not, v, place, &yes));
        WR_TRY(
            !yes ? WR_OK
                 : report(c, place, "number_not", "Must not validate the schema (not)", NULL, ""));
    }
    if (condition != NULL) {
        WR_TRY(satisfies(c, condition, v, place, &yes));
        const struct wr_value *branch = get(schema, yes ? "then" : "else");
        if (branch != NULL) {
            return validate(c, branch, v, place);
        }
    }
    return WR_OK;
}

/* ── references ─────────────────────────────────────────────────────────────────────────────── */

/* "#", "#/definitions/a": a path from the root. */
static wr_err resolve(struct check *c, const struct wr_value *ref, const struct wr_value **out)
{
    struct wr_str s = wr_text(*ref);
    size_t at = 1;
    *out = c->root;
    if (s.n == 0 || s.p[0] != '#') {
        return wr_builtin_fail(c->call, "remote reference loading disabled: %.*s",
                               (int)WR_MIN(s.n, 200u), s.p);
    }
    while (at < s.n && *out != NULL) {
        struct wr_buf key = wr_buf_in(c->call->arena, 32);
        if (s.p[at++] != '/') {
            *out = NULL;
            break;
        }
        for (; at < s.n && s.p[at] != '/'; at++) {
            bool escape = s.p[at] == '~' && at + 1 < s.n;
            wr_buf_char(&key, !escape ? s.p[at] : s.p[at + 1] == '1' ? '/' : '~');
            at += escape ? 1 : 0;
        }
        int64_t index = 0;
        struct wr_str name = wr_buf_view(&key);
        for (size_t i = 0; i < name.n && index >= 0 && index < 100000; i++) {
            bool digit = name.p[i] >= '0' && name.p[i] <= '9';
            index = digit ? index * 10 + (name.p[i] - '0') : -1; /* no place of an array */
        }
        struct wr_value number = wr_int(index);
        *out = (*out)->type == WR_OBJECT  ? wr_object_get_str(*out, name)
               : (*out)->type == WR_ARRAY ? wr_value_at(*out, &number)
                                          : NULL;
    }
    if (*out == NULL) {
        return wr_builtin_fail(c->call, "Object has no key '%.*s'", (int)WR_MIN(s.n, 200u), s.p);
    }
    return WR_OK;
}

static wr_err validate_inner(struct check *c, const struct wr_value *schema,
                             const struct wr_value *v, const struct place *place)
{
    bool fits;
    if (schema->type == WR_BOOL) {
        return wr_is_true(*schema)
                   ? WR_OK
                   : report(c, place, "false", "False always fails validation", NULL, "");
    }
    if (schema->type != WR_OBJECT) {
        return wr_builtin_fail(c->call, "a schema must be an object or a boolean");
    }
    const struct wr_value *ref = get_typed(schema, "$ref", WR_STRING);
    if (ref != NULL) {
        WR_TRY(resolve(c, ref, &schema));
        return validate(c, schema, v, place);
    }
    WR_TRY(check_type(c, schema, v, place, &fits));
    if (!fits) {
        return WR_OK;
    }
    WR_TRY(check_combined(c, schema, v, place));
    WR_TRY(check_values(c, schema, v, place));
    switch (v->type) {
    case WR_NUMBER:
        return check_number(c, schema, v, place);
    case WR_STRING:
        return check_string(c, schema, v, place);
    case WR_ARRAY:
        return check_array(c, schema, v, place);
    case WR_OBJECT:
        return check_object(c, schema, v, place);
    default:
        return WR_OK;
    }
}

static wr_err validate(struct check *c, const struct wr_value *schema, const struct wr_value *v,
                       const struct place *place)
{
    if (c->depth == SCHEMA_LIMIT_DEPTH) {
        return wr_builtin_fail(c->call, "schemas nest deeper than %d", SCHEMA_LIMIT_DEPTH);
    }
    WR_TRY(wr_builtin_charge(c->call, 32));
    c->depth++;
    wr_err err = validate_inner(c, schema, v, place);
    c->depth--;
    return err;
}

/* ── schemas themselves ─────────────────────────────────────────────────────────────────────── */

static bool is_type_name(struct wr_str name)
{
    struct wr_str all = wr_str_z(valid_types);
    for (size_t at = 0; at < all.n;) {
        size_t end = wr_str_find(all, WR_STR(" "), at);
        end = end == SIZE_MAX ? all.n : end;
        if (wr_str_eq(name, wr_str_of(all.p + at, end - at))) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

static wr_err check_type_name(struct wr_builtin_call *call, const struct wr_value *type)
{
    struct wr_str name = type->type == WR_STRING ? wr_text(*type) : WR_STR("");
    if (is_type_name(name)) {
        return WR_OK;
    }
    return wr_builtin_fail(call,
                           "has a primitive type that is NOT VALID -- given: /%.*s/ Expected valid "
                           "values are:[%s]",
                           (int)WR_MIN(name.n, 200u), name.p, valid_types);
}

static wr_err verify(struct wr_builtin_call *call, const struct wr_value *schema, unsigned depth)
{
    static const char *const inner[] = {
        "items", "additionalItems",     "contains", "propertyNames", "not", "if", "then",
        "else",  "additionalProperties"};
    static const char *const lists[] = {"items", "allOf", "anyOf", "oneOf"};
    static const char *const maps[] = {"properties", "patternProperties", "definitions"};
    WR_TRY(wr_builtin_deep(call, depth));
    WR_TRY(wr_builtin_charge(call, 32));
    if (schema->type == WR_BOOL) {
        return WR_OK;
    }
    if (schema->type != WR_OBJECT) {
        return depth == 0 ? wr_builtin_fail(call, "schema is invalid")
                          : wr_builtin_fail(call, "Invalid type. Expected: valid schema, given: %s",
                                            wr_type_name(*schema));
    }
    const struct wr_value *type = get(schema, "type");
    if (type != NULL && type->type == WR_ARRAY) {
        for (uint32_t i = 0; i < type->n; i++) {
            WR_TRY(check_type_name(call, &type->items[i]));
        }
    } else if (type != NULL) {
        WR_TRY(check_type_name(call, type));
    }
    for (size_t i = 0; i < WR_COUNTOF(inner); i++) {
        const struct wr_value *v = get(schema, inner[i]);
        if (v != NULL && v->type == WR_OBJECT) {
            WR_TRY(verify(call, v, depth + 1));
        }
    }
    for (size_t i = 0; i < WR_COUNTOF(lists); i++) {
        const struct wr_value *v = get_typed(schema, lists[i], WR_ARRAY);
        for (uint32_t k = 0; v != NULL && k < v->n; k++) {
            WR_TRY(verify(call, &v->items[k], depth + 1));
        }
    }
    for (size_t i = 0; i < WR_COUNTOF(maps); i++) {
        const struct wr_value *v = get(schema, maps[i]);
        if (v != NULL && v->type != WR_OBJECT) {
            return wr_builtin_fail(call, "%s must be of type object", maps[i]);
        }
        for (uint32_t k = 0; v != NULL && k < v->n; k++) {
            WR_TRY(verify(call, &v->pairs[k].value, depth + 1));
        }
    }
    return WR_OK;
}

/* A document as a value: an object, or text to be read as JSON. */
static wr_err document(struct wr_builtin_call *call, const struct wr_value *args, uint32_t i,
                       struct wr_value *out)
{
    WR_TRY(wr_builtin_want_mask(call, args, i, WR_MASK(WR_STRING) | WR_MASK(WR_OBJECT),
                                "string, object"));
    *out = args[i];
    if (args[i].type != WR_STRING) {
        return WR_OK;
    }
    wr_err err = wr_json_value(call, wr_text(args[i]), out);
    return err == WR_E_EVAL_BUILTIN ? wr_builtin_fail(call, "invalid JSON string") : err;
}

static wr_err pair(struct wr_builtin_call *call, bool good, struct wr_value second,
                   struct wr_value *out)
{
    struct wr_value *items;
    WR_TRY(wr_builtin_items(call, 2, &items));
    items[0] = wr_bool(good);
    items[1] = second;
    *out = wr_array(items, 2);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_json_match_schema)
{
    struct wr_value v, schema;
    (void)n;
    WR_TRY(document(call, args, 0, &v));
    WR_TRY(document(call, args, 1, &schema));
    WR_TRY(verify(call, &schema, 0));
    struct check c = {.call = call, .root = &schema};
    WR_TRY(validate(&c, &schema, &v, NULL));
    return pair(call, c.errors.n == 0, wr_array(c.errors.items, c.errors.n), out);
}

WR_BUILTIN_FN(wr_b_json_verify_schema)
{
    struct wr_value schema;
    struct wr_error error = {0}, *outer = call->error;
    (void)n;
    call->error = &error;
    wr_err err = document(call, args, 0, &schema);
    err = err == WR_OK ? verify(call, &schema, 0) : err;
    call->error = outer;
    if (err == WR_OK) {
        return pair(call, true, wr_null(), out);
    }
    if (err != WR_E_EVAL_BUILTIN) {
        if (outer != NULL) {
            *outer = error;
        }
        return err;
    }
    struct wr_buf buf = wr_buf_in(call->arena, 128);
    struct wr_value text;
    size_t name_n = strlen(call->self->name) + 2; /* "NAME: " gives way to "jsonschema: " */
    wr_format(&buf, "jsonschema: %s", error.text + WR_MIN(name_n, strlen(error.text)));
    WR_TRY(wr_builtin_text(call, &buf, &text));
    return pair(call, false, text, out);
}
