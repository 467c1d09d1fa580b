/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of an annotation, from YAML to values in both forms. */
#include "rego/annotation_state.h"
#include "rego/ast_value.h"
#include "rego/parse.h"

bool wr_note_is_null(const struct wr_yaml *node)
{
    return node == NULL ||
           (node->kind == WR_YAML_SCALAR && wr_str_eq(wr_str_z(wr_yaml_tag(node)), WR_STR("null")));
}

struct wr_str wr_note_read_text(struct wr_note *b, const struct wr_yaml *node)
{
    if (wr_note_is_null(node)) {
        return WR_STR("");
    }
    if (node->kind != WR_YAML_SCALAR) {
        wr_note_fail_type(b, node, "string");
        return WR_STR("");
    }
    return node->text;
}

void wr_note_read_text_field(struct wr_note *b, const struct wr_yaml *root, const char *name,
                             struct wr_note_fields *value, struct wr_note_fields *json)
{
    struct wr_str text = wr_note_read_text(b, wr_yaml_get(root, wr_str_z(name)));
    if (text.n > 0) {
        wr_note_set(value, name, wr_string(text));
        wr_note_set(json, name, wr_string(text));
    }
}

/* The list under a name, or NULL when there is none, it is empty or an error. */
static const struct wr_yaml *read_list(struct wr_note *b, const struct wr_yaml *root,
                                       const char *name, const char *type)
{
    const struct wr_yaml *node = wr_yaml_get(root, wr_str_z(name));
    if (wr_note_is_null(node)) {
        return NULL;
    }
    if (node->kind != WR_YAML_LIST) {
        wr_note_fail_type(b, node, type);
        return NULL;
    }
    return node->n > 0 ? node : NULL;
}

static struct wr_value *new_list(struct wr_note *b, uint32_t n)
{
    struct wr_value *items = WR_NEW_ARRAY(b->arena, struct wr_value, n);
    if (items == NULL) {
        wr_note_fail(b, "out of memory");
    }
    return items;
}

void wr_note_read_organizations(struct wr_note *b, const struct wr_yaml *root,
                                struct wr_note_fields *value, struct wr_note_fields *json)
{
    const struct wr_yaml *list = read_list(b, root, "organizations", "[]string");
    struct wr_value *items = list != NULL ? new_list(b, list->n) : NULL;
    for (uint32_t i = 0; items != NULL && i < list->n; i++) {
        items[i] = wr_string(wr_note_read_text(b, list->items[i]));
    }
    if (items != NULL) {
        wr_note_set(value, "organizations", wr_array(items, list->n));
        wr_note_set(json, "organizations", wr_array(items, list->n));
    }
}

struct wr_str wr_note_trim(struct wr_str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r'))) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || (s.p[s.n - 1] >= '\t' && s.p[s.n - 1] <= '\r'))) {
        s.n--;
    }
    return s;
}

/* A string of a map, trimmed; other types count as missing. */
static struct wr_str member(const struct wr_yaml *map, const char *name)
{
    const struct wr_yaml *node = wr_yaml_get(map, wr_str_z(name));
    bool text = node != NULL && node->kind == WR_YAML_SCALAR &&
                wr_str_eq(wr_str_z(wr_yaml_tag(node)), WR_STR("str"));
    return text ? wr_note_trim(node->text) : WR_STR("");
}

/* A node as OPA shows it in messages: map[a:b c:d], [a b], text. The depth is that of the YAML. */
static void show(struct wr_buf *out, const struct wr_yaml *node)
{
    bool map = node->kind == WR_YAML_MAP;
    if (node->kind == WR_YAML_SCALAR) {
        wr_buf_str(out, node->text);
        return;
    }
    wr_buf_str(out, map ? WR_STR("map[") : WR_STR("["));
    for (uint32_t i = 0; i < node->n; i++) {
        wr_buf_str(out, i > 0 ? WR_STR(" ") : WR_STR(""));
        show(out, node->items[map ? (size_t)2 * i : i]);
        if (map) {
            wr_buf_char(out, ':');
            show(out, node->items[(size_t)2 * i + 1]);
        }
    }
    wr_buf_char(out, ']');
}

static void fail_definition(struct wr_note *b, const char *what, const struct wr_yaml *node,
                            const char *why)
{
    struct wr_buf message = wr_buf_in(b->arena, 64);
    wr_format(&message, "invalid %s definition ", what);
    show(&message, node);
    wr_format(&message, ": %s", why);
    if (!b->failed) {
        wr_note_complain(b, true, wr_buf_view(&message));
    }
}

static struct wr_value read_resource(struct wr_note *b, const struct wr_yaml *node)
{
    struct wr_note_fields f = {.n = 0};
    if (node->kind == WR_YAML_SCALAR && wr_str_eq(wr_str_z(wr_yaml_tag(node)), WR_STR("str"))) {
        if (node->text.n == 0) {
            fail_definition(b, "related-resource", node, "ref URL may not be empty string");
        }
        wr_note_set(&f, "ref", wr_string(node->text));
        return wr_note_object(b, &f);
    }
    if (node->kind != WR_YAML_MAP) {
        fail_definition(b, "related-resource", node, "invalid value type, must be string or map");
        return wr_undefined();
    }
    struct wr_str ref = member(node, "ref"), description = member(node, "description");
    if (ref.n == 0) {
        fail_definition(b, "related-resource", node, "'ref' value required in object");
    }
    wr_note_set(&f, "ref", wr_string(ref));
    if (description.n > 0) {
        wr_note_set(&f, "description", wr_string(description));
    }
    return wr_note_object(b, &f);
}

void wr_note_read_resources(struct wr_note *b, const struct wr_yaml *root,
                            struct wr_note_fields *value, struct wr_note_fields *json)
{
    const struct wr_yaml *list = read_list(b, root, "related_resources", "[]interface {}");
    struct wr_value *items = list != NULL ? new_list(b, list->n) : NULL;
    for (uint32_t i = 0; items != NULL && i < list->n; i++) {
        items[i] = read_resource(b, list->items[i]);
    }
    if (items != NULL) {
        wr_note_set(value, "related_resources", wr_array(items, list->n));
        wr_note_set(json, "related_resources", wr_array(items, list->n));
    }
}

/* "Ada Lovelace <ada@example.org>": name and address; inner white space becomes one space. */
static void split_author(struct wr_note *b, struct wr_str text, struct wr_str *name,
                         struct wr_str *email)
{
    struct wr_buf words = wr_buf_in(b->arena, text.n + 1);
    size_t last = 0; /* where the last word begins in `words` */
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != ' ' && !(text.p[i] >= '\t' && text.p[i] <= '\r')) {
            wr_buf_char(&words, text.p[i]);
        } else if (words.n > 0 && words.p[words.n - 1] != ' ') {
            wr_buf_char(&words, ' ');
            last = words.n;
        }
    }
    struct wr_str all = wr_note_trim(wr_buf_view(&words));
    if (last >= all.n) {
        last = 0;
        for (size_t i = 0; i < all.n; i++) {
            last = all.p[i] == ' ' ? i + 1 : last;
        }
    }
    *name = all;
    *email = WR_STR("");
    if (all.n >= last + 2 && all.p[last] == '<' && all.p[all.n - 1] == '>') {
        *email = wr_str_of(all.p + last + 1, all.n - last - 2);
        *name = wr_str_of(all.p, last > 0 ? last - 1 : 0);
    }
}

static void read_author(struct wr_note *b, const struct wr_yaml *node, struct wr_value *value,
                        struct wr_value *json)
{
    struct wr_str name = WR_STR(""), email = WR_STR("");
    if (node->kind == WR_YAML_MAP) {
        name = member(node, "name");
        email = member(node, "email");
        if (name.n + email.n == 0) {
            fail_definition(b, "author", node, "'name' and/or 'email' values required in object");
        }
    } else if (node->kind == WR_YAML_SCALAR &&
               wr_str_eq(wr_str_z(wr_yaml_tag(node)), WR_STR("str"))) {
        split_author(b, node->text, &name, &email);
        if (name.n + email.n == 0) {
            fail_definition(b, "author", node, "author is an empty string");
        }
    } else {
        fail_definition(b, "author", node, "invalid value type, must be string or map");
    }
    struct wr_note_fields v = {.n = 0}, j = {.n = 0};
    if (name.n > 0) {
        wr_note_set(&v, "name", wr_string(name));
    }
    wr_note_set(&j, "name", wr_string(name));
    if (email.n > 0) {
        wr_note_set(&v, "email", wr_string(email));
        wr_note_set(&j, "email", wr_string(email));
    }
    *value = wr_note_object(b, &v);
    *json = wr_note_object(b, &j);
}

void wr_note_read_authors(struct wr_note *b, const struct wr_yaml *root,
                          struct wr_note_fields *value, struct wr_note_fields *json)
{
    const struct wr_yaml *list = read_list(b, root, "authors", "[]interface {}");
    struct wr_value *values = list != NULL ? new_list(b, list->n) : NULL;
    struct wr_value *jsons = list != NULL ? new_list(b, list->n) : NULL;
    if (values == NULL || jsons == NULL) {
        return;
    }
    for (uint32_t i = 0; i < list->n; i++) {
        read_author(b, list->items[i], &values[i], &jsons[i]);
    }
    wr_note_set(value, "authors", wr_array(values, list->n));
    wr_note_set(json, "authors", wr_array(jsons, list->n));
}

/* ── schemas ────────────────────────────────────────────────────────────────────────────────── */

static struct wr_ast_term *parse_ref(struct wr_note *b, struct wr_str text)
{
    struct wr_rego_errors ignored;
    struct wr_ast_term *term = NULL;
    wr_rego_errors_init(&ignored, b->arena);
    if (wr_rego_parse_term(b->arena, WR_STR(""), text, NULL, &term, &ignored) != WR_OK) {
        return NULL;
    }
    return term;
}

/* The items of a reference as terms (JSON) and as strings (values). */
static void set_ref(struct wr_note *b, const char *name, const struct wr_ast_term *t,
                    struct wr_note_fields *value, struct wr_note_fields *json)
{
    uint32_t n = t->kind == WR_AST_REF ? t->n_items : 1;
    struct wr_value *strings = new_list(b, n), *terms = new_list(b, n);
    for (uint32_t i = 0; strings != NULL && terms != NULL && i < n; i++) {
        const struct wr_ast_term *item = t->kind == WR_AST_REF ? t->items[i] : t;
        strings[i] = item->kind == WR_AST_VAR ? wr_string(item->name) : item->value;
        if (wr_ast_term_value(b->arena, item, &terms[i]) != WR_OK) {
            wr_note_fail(b, "out of memory");
        }
    }
    if (strings != NULL && terms != NULL) {
        wr_note_set(value, name, wr_array(strings, n));
        wr_note_set(json, name, wr_array(terms, n));
    }
}

static bool is_plain_ref(const struct wr_ast_term *t)
{
    for (uint32_t i = 1; t->kind == WR_AST_REF && i < t->n_items; i++) {
        if (!wr_ast_is_string(t->items[i])) {
            return false;
        }
    }
    return t->kind == WR_AST_VAR || (t->kind == WR_AST_REF && t->items[0]->kind == WR_AST_VAR);
}

static bool read_schema_source(struct wr_note *b, const struct wr_yaml *key,
                               const struct wr_yaml *source, struct wr_note_fields *value,
                               struct wr_note_fields *json)
{
    if (source->kind == WR_YAML_MAP) {
        struct wr_value definition = wr_yaml_value(b->arena, source);
        if (definition.type == WR_UNDEFINED) {
            wr_note_fail(b, "invalid schema definition: invalid map key type(s)");
            return false;
        }
        wr_note_set(value, "definition", definition);
        wr_note_set(json, "definition", definition);
        return true;
    }
    if (source->kind != WR_YAML_SCALAR ||
        !wr_str_eq(wr_str_z(wr_yaml_tag(source)), WR_STR("str"))) {
        struct wr_buf message = wr_buf_in(b->arena, 64);
        wr_format(&message, "invalid schema declaration for path \"%.*s\"", WR_FMT(key->text));
        wr_note_complain(b, true, wr_buf_view(&message));
        return false;
    }
    const struct wr_ast_term *schema = parse_ref(b, source->text);
    const struct wr_ast_term *head =
        schema != NULL && schema->kind == WR_AST_REF ? schema->items[0] : schema;
    if (schema == NULL || !is_plain_ref(schema) || head->kind != WR_AST_VAR ||
        !wr_str_eq(head->name, WR_STR("schema"))) {
        wr_note_fail(b, "invalid schema reference");
        return false;
    }
    set_ref(b, "schema", schema, value, json);
    return true;
}

static bool read_schema(struct wr_note *b, const struct wr_yaml *node, struct wr_value *value,
                        struct wr_value *json)
{
    struct wr_note_fields v = {.n = 0}, j = {.n = 0};
    if (node->kind != WR_YAML_MAP || node->n == 0) {
        wr_note_fail_type(b, node, "ast.rawSchemaAnnotation");
        return false;
    }
    const struct wr_yaml *key = node->items[0], *source = node->items[1];
    const struct wr_ast_term *path = key->kind == WR_YAML_SCALAR ? parse_ref(b, key->text) : NULL;
    if (path == NULL || path->kind != WR_AST_REF || !is_plain_ref(path)) {
        wr_note_fail(b, "invalid document reference");
        return false;
    }
    set_ref(b, "path", path, &v, &j);
    if (!read_schema_source(b, key, source, &v, &j)) {
        return false;
    }
    *value = wr_note_object(b, &v);
    *json = wr_note_object(b, &j);
    return true;
}

void wr_note_read_schemas(struct wr_note *b, const struct wr_yaml *root,
                          struct wr_note_fields *value, struct wr_note_fields *json)
{
    const struct wr_yaml *list = read_list(b, root, "schemas", "[]ast.rawSchemaAnnotation");
    struct wr_value *values = list != NULL ? new_list(b, list->n) : NULL;
    struct wr_value *jsons = list != NULL ? new_list(b, list->n) : NULL;
    if (values == NULL || jsons == NULL) {
        return;
    }
    for (uint32_t i = 0; i < list->n; i++) {
        if (!read_schema(b, list->items[i], &values[i], &jsons[i])) {
            return;
        }
    }
    wr_note_set(value, "schemas", wr_array(values, list->n));
    wr_note_set(json, "schemas", wr_array(jsons, list->n));
}

void wr_note_read_custom(struct wr_note *b, const struct wr_yaml *root,
                         struct wr_note_fields *value, struct wr_note_fields *json)
{
    const struct wr_yaml *node = wr_yaml_get(root, WR_STR("custom"));
    if (wr_note_is_null(node)) {
        return;
    }
    if (node->kind != WR_YAML_MAP) {
        wr_note_fail_type(b, node, "map[string]interface {}");
        return;
    }
    struct wr_pair *pairs = WR_NEW_ARRAY(b->arena, struct wr_pair, node->n);
    for (uint32_t i = 0; pairs != NULL && i < node->n; i++) {
        const struct wr_yaml *key = node->items[(size_t)2 * i];
        pairs[i].key = wr_string(key->text); /* here, and not deeper, any scalar is a name */
        pairs[i].value = wr_yaml_value(b->arena, node->items[(size_t)2 * i + 1]);
        if (pairs[i].value.type == WR_UNDEFINED) {
            struct wr_buf message = wr_buf_in(b->arena, 64);
            wr_format(&message, "invalid map key type(s): %.*s", WR_FMT(key->text));
            if (!b->failed) {
                wr_note_complain(b, true, wr_buf_view(&message));
            }
            return;
        }
    }
    if (pairs != NULL && node->n > 0) {
        struct wr_value custom = wr_object_from(pairs, node->n);
        wr_note_set(value, "custom", custom);
        wr_note_set(json, "custom", custom);
    }
}

bool wr_note_read_entrypoint(struct wr_note *b, const struct wr_yaml *root)
{
    const struct wr_yaml *node = wr_yaml_get(root, WR_STR("entrypoint"));
    if (wr_note_is_null(node)) {
        return false;
    }
    struct wr_value value =
        node->kind == WR_YAML_SCALAR ? wr_yaml_value(b->arena, node) : wr_undefined();
    if (value.type != WR_BOOL) {
        wr_note_fail_type(b, node, "bool");
    }
    return wr_is_true(value);
}
