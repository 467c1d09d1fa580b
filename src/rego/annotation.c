/* SPDX-License-Identifier: Apache-2.0 */
/* From comments to values, and from values to rules. */
#include "rego/annotation.h"
#include "rego/ast_value.h"
#include "rego/parse.h"

struct block { /* comments[first] is METADATA, the rest up to `end` its lines */
    struct wr_ast_module *module;
    struct wr_arena *arena;
    struct wr_rego_errors *errors;
    uint32_t first, end;
    struct wr_ast_loc loc; /* for errors */
    bool failed;
};

struct fields {
    struct wr_pair pairs[10];
    size_t n;
};

static void set(struct fields *f, const char *name, struct wr_value value)
{
    WR_ASSERT(f->n < WR_COUNTOF(f->pairs));
    f->pairs[f->n++] = (struct wr_pair){wr_string(wr_str_z(name)), value};
}

static struct wr_value object(struct block *b, const struct fields *f)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(b->arena, struct wr_pair, f->n);
    if (pairs == NULL) {
        return wr_undefined();
    }
    if (f->n > 0) {
        memcpy(pairs, f->pairs, f->n * sizeof *pairs);
    }
    return wr_object_from(pairs, f->n);
}

static void complain(struct block *b, bool with_source, struct wr_str message)
{
    struct wr_rego_error *error = wr_rego_error_add(b->errors, WR_E_REGO_PARSE, b->module->file,
                                                    &b->loc, "%.*s", WR_FMT(message));
    b->failed = true;
    if (with_source) {
        wr_rego_error_source(b->errors, error, b->module->text, b->loc.offset);
    }
}

static void fail(struct block *b, const char *message)
{
    if (!b->failed) {
        complain(b, true, wr_str_z(message));
    }
}

/* ── errors of the YAML ─────────────────────────────────────────────────────────────────────── */

/* The first character of `part` as a quoted rune, in ASCII. */
static void quote_first(struct wr_buf *out, struct wr_str part)
{
    uint32_t code_point = 0;
    unsigned n = wr_utf8_decode(part.p, part.n, &code_point);
    if (n == 1) {
        wr_format(out, "'%c'", (int)code_point);
    } else {
        wr_format(out, code_point > 0xFFFF ? "'\\U%08x'" : "'\\u%04x'",
                  n > 0 ? code_point : 0xFFFDu);
    }
}

/* The characters that stand right behind colons where a space is missing; nothing when any colon of
 * the line is in order. */
static bool list_bad_separators(struct wr_buf *out, struct wr_str text)
{
    size_t at = wr_str_find(text, WR_STR(":"), 0);
    bool any = false;
    while (at != SIZE_MAX) {
        size_t next = wr_str_find(text, WR_STR(":"), at + 1);
        struct wr_str part =
            wr_str_of(text.p + at + 1, (next == SIZE_MAX ? text.n : next) - at - 1);
        if (part.n == 0 ? next == SIZE_MAX : part.p[0] == ' ' || part.p[0] == '\t') {
            return false;
        }
        wr_buf_str(out, any ? WR_STR(" ") : WR_STR(""));
        quote_first(out, part);
        any = true;
        at = next;
    }
    return any;
}

static void fail_yaml(struct block *b, uint32_t line, struct wr_buf *message)
{
    if (line > 0 && b->end > b->first + 1) {
        uint32_t index = WR_MIN(b->first + line, b->end - 1);
        b->loc = b->module->comments[index].loc;
    }
    for (uint32_t i = b->first + 1; i < b->end; i++) {
        const struct wr_ast_comment *comment = &b->module->comments[i];
        struct wr_buf list = wr_buf_in(b->arena, 32);
        if (list_bad_separators(&list, comment->text)) {
            struct wr_str signs = wr_buf_view(&list);
            wr_format(message,
                      "\n  Hint: on line %u, symbol(s) [%.*s] immediately following a key/value "
                      "separator ':' is not a legal yaml space character",
                      comment->loc.row, WR_FMT(signs));
        }
    }
    if (!b->failed) {
        complain(b, true, wr_buf_view(message));
    }
}

/* A node of the wrong kind. */
static void fail_type(struct block *b, const struct wr_yaml *node, const char *wanted)
{
    struct wr_buf message = wr_buf_in(b->arena, 64);
    wr_format(&message, "yaml: unmarshal errors:\n  line %u: cannot unmarshal ", node->line);
    if (node->kind == WR_YAML_SCALAR) {
        bool cut = node->text.n > 10;
        struct wr_str text = wr_str_of(node->text.p, cut ? 7 : node->text.n);
        wr_format(&message, "!!%s `%.*s%s` into %s", wr_yaml_tag(node), WR_FMT(text),
                  cut ? "..." : "", wanted);
    } else {
        wr_format(&message, "!!%s into %s", node->kind == WR_YAML_LIST ? "seq" : "map", wanted);
    }
    fail_yaml(b, node->line, &message);
}

/* ── fields ─────────────────────────────────────────────────────────────────────────────────── */

static bool is_null(const struct wr_yaml *node)
{
    return node == NULL ||
           (node->kind == WR_YAML_SCALAR && wr_str_eq(wr_str_z(wr_yaml_tag(node)), WR_STR("null")));
}

static struct wr_str read_text(struct block *b, const struct wr_yaml *node)
{
    if (is_null(node)) {
        return WR_STR("");
    }
    if (node->kind != WR_YAML_SCALAR) {
        fail_type(b, node, "string");
        return WR_STR("");
    }
    return node->text;
}

static void read_text_field(struct block *b, const struct wr_yaml *root, const char *name,
                            struct fields *value, struct fields *json)
{
    struct wr_str text = read_text(b, wr_yaml_get(root, wr_str_z(name)));
    if (text.n > 0) {
        set(value, name, wr_string(text));
        set(json, name, wr_string(text));
    }
}

/* The list under a name, or NULL when there is none, it is empty or an error. */
static const struct wr_yaml *read_list(struct block *b, const struct wr_yaml *root,
                                       const char *name, const char *type)
{
    const struct wr_yaml *node = wr_yaml_get(root, wr_str_z(name));
    if (is_null(node)) {
        return NULL;
    }
    if (node->kind != WR_YAML_LIST) {
        fail_type(b, node, type);
        return NULL;
    }
    return node->n > 0 ? node : NULL;
}

static struct wr_value *new_list(struct block *b, uint32_t n)
{
    struct wr_value *items = WR_NEW_ARRAY(b->arena, struct wr_value, n);
    if (items == NULL) {
        fail(b, "out of memory");
    }
    return items;
}

static void read_organizations(struct block *b, const struct wr_yaml *root, struct fields *value,
                               struct fields *json)
{
    const struct wr_yaml *list = read_list(b, root, "organizations", "[]string");
    struct wr_value *items = list != NULL ? new_list(b, list->n) : NULL;
    for (uint32_t i = 0; items != NULL && i < list->n; i++) {
        items[i] = wr_string(read_text(b, list->items[i]));
    }
    if (items != NULL) {
        set(value, "organizations", wr_array(items, list->n));
        set(json, "organizations", wr_array(items, list->n));
    }
}

static struct wr_str trim(struct wr_str s)
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
    return text ? trim(node->text) : WR_STR("");
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

static void fail_definition(struct block *b, const char *what, const struct wr_yaml *node,
                            const char *why)
{
    struct wr_buf message = wr_buf_in(b->arena, 64);
    wr_format(&message, "invalid %s definition ", what);
    show(&message, node);
    wr_format(&message, ": %s", why);
    if (!b->failed) {
        complain(b, true, wr_buf_view(&message));
    }
}

static struct wr_value read_resource(struct block *b, const struct wr_yaml *node)
{
    struct fields f = {.n = 0};
    if (node->kind == WR_YAML_SCALAR && wr_str_eq(wr_str_z(wr_yaml_tag(node)), WR_STR("str"))) {
        if (node->text.n == 0) {
            fail_definition(b, "related-resource", node, "ref URL may not be empty string");
        }
        set(&f, "ref", wr_string(node->text));
        return object(b, &f);
    }
    if (node->kind != WR_YAML_MAP) {
        fail_definition(b, "related-resource", node, "invalid value type, must be string or map");
        return wr_undefined();
    }
    struct wr_str ref = member(node, "ref"), description = member(node, "description");
    if (ref.n == 0) {
        fail_definition(b, "related-resource", node, "'ref' value required in object");
    }
    set(&f, "ref", wr_string(ref));
    if (description.n > 0) {
        set(&f, "description", wr_string(description));
    }
    return object(b, &f);
}

static void read_resources(struct block *b, const struct wr_yaml *root, struct fields *value,
                           struct fields *json)
{
    const struct wr_yaml *list = read_list(b, root, "related_resources", "[]interface {}");
    struct wr_value *items = list != NULL ? new_list(b, list->n) : NULL;
    for (uint32_t i = 0; items != NULL && i < list->n; i++) {
        items[i] = read_resource(b, list->items[i]);
    }
    if (items != NULL) {
        set(value, "related_resources", wr_array(items, list->n));
        set(json, "related_resources", wr_array(items, list->n));
    }
}

/* "Ada Lovelace <ada@example.org>": name and address; inner white space becomes one space. */
static void split_author(struct block *b, struct wr_str text, struct wr_str *name,
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
    struct wr_str all = trim(wr_buf_view(&words));
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

static void read_author(struct block *b, const struct wr_yaml *node, struct wr_value *value,
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
    struct fields v = {.n = 0}, j = {.n = 0};
    if (name.n > 0) {
        set(&v, "name", wr_string(name));
    }
    set(&j, "name", wr_string(name));
    if (email.n > 0) {
        set(&v, "email", wr_string(email));
        set(&j, "email", wr_string(email));
    }
    *value = object(b, &v);
    *json = object(b, &j);
}

static void read_authors(struct block *b, const struct wr_yaml *root, struct fields *value,
                         struct fields *json)
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
    set(value, "authors", wr_array(values, list->n));
    set(json, "authors", wr_array(jsons, list->n));
}

/* ── schemas ────────────────────────────────────────────────────────────────────────────────── */

static struct wr_ast_term *parse_ref(struct block *b, struct wr_str text)
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
static void set_ref(struct block *b, const char *name, const struct wr_ast_term *t,
                    struct fields *value, struct fields *json)
{
    uint32_t n = t->kind == WR_AST_REF ? t->n_items : 1;
    struct wr_value *strings = new_list(b, n), *terms = new_list(b, n);
    for (uint32_t i = 0; strings != NULL && terms != NULL && i < n; i++) {
        const struct wr_ast_term *item = t->kind == WR_AST_REF ? t->items[i] : t;
        strings[i] = item->kind == WR_AST_VAR ? wr_string(item->name) : item->value;
        if (wr_ast_term_value(b->arena, item, &terms[i]) != WR_OK) {
            fail(b, "out of memory");
        }
    }
    if (strings != NULL && terms != NULL) {
        set(value, name, wr_array(strings, n));
        set(json, name, wr_array(terms, n));
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

static bool read_schema_source(struct block *b, const struct wr_yaml *key,
                               const struct wr_yaml *source, struct fields *value,
                               struct fields *json)
{
    if (source->kind == WR_YAML_MAP) {
        struct wr_value definition = wr_yaml_value(b->arena, source);
        if (definition.type == WR_UNDEFINED) {
            fail(b, "invalid schema definition: invalid map key type(s)");
            return false;
        }
        set(value, "definition", definition);
        set(json, "definition", definition);
        return true;
    }
    if (source->kind != WR_YAML_SCALAR ||
        !wr_str_eq(wr_str_z(wr_yaml_tag(source)), WR_STR("str"))) {
        struct wr_buf message = wr_buf_in(b->arena, 64);
        wr_format(&message, "invalid schema declaration for path \"%.*s\"", WR_FMT(key->text));
        complain(b, true, wr_buf_view(&message));
        return false;
    }
    const struct wr_ast_term *schema = parse_ref(b, source->text);
    const struct wr_ast_term *head =
        schema != NULL && schema->kind == WR_AST_REF ? schema->items[0] : schema;
    if (schema == NULL || !is_plain_ref(schema) || head->kind != WR_AST_VAR ||
        !wr_str_eq(head->name, WR_STR("schema"))) {
        fail(b, "invalid schema reference");
        return false;
    }
    set_ref(b, "schema", schema, value, json);
    return true;
}

static bool read_schema(struct block *b, const struct wr_yaml *node, struct wr_value *value,
                        struct wr_value *json)
{
    struct fields v = {.n = 0}, j = {.n = 0};
    if (node->kind != WR_YAML_MAP || node->n == 0) {
        fail_type(b, node, "ast.rawSchemaAnnotation");
        return false;
    }
    const struct wr_yaml *key = node->items[0], *source = node->items[1];
    const struct wr_ast_term *path = key->kind == WR_YAML_SCALAR ? parse_ref(b, key->text) : NULL;
    if (path == NULL || path->kind != WR_AST_REF || !is_plain_ref(path)) {
        fail(b, "invalid document reference");
        return false;
    }
    set_ref(b, "path", path, &v, &j);
    if (!read_schema_source(b, key, source, &v, &j)) {
        return false;
    }
    *value = object(b, &v);
    *json = object(b, &j);
    return true;
}

static void read_schemas(struct block *b, const struct wr_yaml *root, struct fields *value,
                         struct fields *json)
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
    set(value, "schemas", wr_array(values, list->n));
    set(json, "schemas", wr_array(jsons, list->n));
}

static void read_custom(struct block *b, const struct wr_yaml *root, struct fields *value,
                        struct fields *json)
{
    const struct wr_yaml *node = wr_yaml_get(root, WR_STR("custom"));
    if (is_null(node)) {
        return;
    }
    if (node->kind != WR_YAML_MAP) {
        fail_type(b, node, "map[string]interface {}");
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
                complain(b, true, wr_buf_view(&message));
            }
            return;
        }
    }
    if (pairs != NULL && node->n > 0) {
        struct wr_value custom = wr_object_from(pairs, node->n);
        set(value, "custom", custom);
        set(json, "custom", custom);
    }
}

static bool read_entrypoint(struct block *b, const struct wr_yaml *root)
{
    const struct wr_yaml *node = wr_yaml_get(root, WR_STR("entrypoint"));
    if (is_null(node)) {
        return false;
    }
    struct wr_value value =
        node->kind == WR_YAML_SCALAR ? wr_yaml_value(b->arena, node) : wr_undefined();
    if (value.type != WR_BOOL) {
        fail_type(b, node, "bool");
    }
    return wr_is_true(value);
}

/* ── blocks ─────────────────────────────────────────────────────────────────────────────────── */

static struct wr_str block_text(struct block *b)
{
    struct wr_buf text = wr_buf_in(b->arena, 128);
    for (uint32_t i = b->first + 1; i < b->end; i++) {
        struct wr_str line = b->module->comments[i].text;
        bool space = line.n > 0 && line.p[0] == ' ';
        wr_buf_add(&text, line.p + space, line.n - space);
        wr_buf_char(&text, '\n');
    }
    return wr_buf_view(&text);
}

static struct wr_yaml *read_yaml(struct block *b)
{
    struct wr_str text = block_text(b);
    struct wr_yaml *root = NULL;
    struct wr_yaml_error why;
    if (trim(text).n == 0) {
        fail(b, "expected METADATA block, found whitespace");
        return NULL;
    }
    wr_err err = wr_yaml_read(b->arena, text, &root, &why);
    if (err == WR_E_CONFIG) {
        struct wr_buf message = wr_buf_in(b->arena, 64);
        bool with_line = why.line > 1; /* OPA's reader names no line for troubles in the first */
        wr_buf_str(&message, WR_STR("yaml: "));
        if (with_line) {
            wr_format(&message, "line %u: ", why.line);
        }
        wr_buf_str(&message, wr_str_z(why.message));
        fail_yaml(b, with_line ? why.line : 0, &message);
        return NULL;
    }
    if (err != WR_OK) {
        fail(b, "out of memory");
        return NULL;
    }
    if (root->kind != WR_YAML_MAP && !is_null(root)) {
        fail_type(b, root, "ast.rawAnnotation");
        return NULL;
    }
    return root;
}

static struct wr_annotation *read_block(struct block *b)
{
    struct wr_annotation *a = WR_NEW(b->arena, struct wr_annotation);
    struct fields value = {.n = 0}, json = {.n = 0};
    b->loc = b->module->comments[b->first].loc;
    struct wr_yaml *root = read_yaml(b);
    if (root == NULL || a == NULL) {
        return NULL;
    }
    a->loc = b->loc;
    a->last_row = b->module->comments[b->end - 1].loc.row;
    a->scope = read_text(b, wr_yaml_get(root, WR_STR("scope")));
    read_text_field(b, root, "title", &value, &json);
    a->entrypoint = read_entrypoint(b, root);
    if (a->entrypoint) {
        set(&value, "entrypoint", wr_bool(true));
        set(&json, "entrypoint", wr_bool(true));
    }
    read_text_field(b, root, "description", &value, &json);
    read_organizations(b, root, &value, &json);
    read_resources(b, root, &value, &json);
    read_authors(b, root, &value, &json);
    read_schemas(b, root, &value, &json);
    read_custom(b, root, &value, &json);
    a->value = object(b, &value);
    a->json = object(b, &json);
    return b->failed ? NULL : a;
}

static bool is_metadata(struct wr_str comment)
{
    return wr_str_starts(trim(comment), WR_STR("METADATA"));
}

/* The end of the block that begins with the comment `first`. */
static uint32_t block_end(const struct wr_ast_module *module, uint32_t first)
{
    const struct wr_ast_comment *comments = module->comments;
    uint32_t i = first + 1;
    while (i < module->n_comments && comments[i].loc.row == comments[i - 1].loc.row + 1 &&
           comments[i].loc.col == 1) {
        i++;
    }
    return i;
}

wr_err wr_rego_annotations_read(struct wr_arena *arena, struct wr_ast_module *module,
                                struct wr_rego_errors *errors)
{
    uint32_t n = 0;
    bool failed = false;
    for (uint32_t i = 0; i < module->n_comments; i++) {
        n += is_metadata(module->comments[i].text);
    }
    module->annotations = WR_NEW_ARRAY(arena, struct wr_annotation *, n);
    errors->limit = WR_MAX(errors->limit, errors->n + WR_MIN(n, WR_LIMIT_REGO_PARSE_ERRORS));
    for (uint32_t i = 0; n > 0 && module->annotations != NULL && i < module->n_comments;) {
        if (!is_metadata(module->comments[i].text)) {
            i++;
            continue;
        }
        struct block b = {.module = module,
                          .arena = arena,
                          .errors = errors,
                          .first = i,
                          .end = block_end(module, i)};
        struct wr_annotation *a = read_block(&b);
        if (a != NULL) {
            module->annotations[module->n_annotations++] = a;
        }
        failed |= b.failed;
        i = b.end;
    }
    if (wr_arena_failed(arena)) {
        wr_rego_error_add(errors, WR_E_MEMORY, module->file, NULL, "out of memory");
        return WR_E_MEMORY;
    }
    return failed ? WR_E_REGO_PARSE : WR_OK;
}

/* ── attaching ──────────────────────────────────────────────────────────────────────────────── */

struct target {
    const char *what; /* "package", "import", "rule"; NULL: nothing follows */
    uint32_t row;
    struct wr_ast_rule *rule;
};

static void consider(struct target *t, const char *what, uint32_t row, struct wr_ast_rule *rule,
                     uint32_t above)
{
    if (row > above && (t->what == NULL || row < t->row)) {
        *t = (struct target){what, row, rule};
    }
}

/* The index of the first of n places below the row; they stand in order of rows. */
static uint32_t first_below(const struct wr_ast_module *m, bool imports, uint32_t row)
{
    uint32_t low = 0, high = imports ? m->n_imports : m->n_rules;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t here = imports ? m->imports[middle].loc.row : m->rules[middle]->loc.row;
        if (here > row) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* The statement that follows the row. */
static struct target find_target(const struct wr_ast_module *m, uint32_t above)
{
    struct target t = {0};
    uint32_t import = first_below(m, true, above), rule = first_below(m, false, above);
    consider(&t, "package", m->package_loc.row, NULL, above);
    if (import < m->n_imports) {
        consider(&t, "import", m->imports[import].loc.row, NULL, above);
    }
    if (rule < m->n_rules) {
        consider(&t, "rule", m->rules[rule]->loc.row, m->rules[rule], above);
    }
    return t;
}

static bool is_scope(const struct wr_annotation *a, const char *scope)
{
    return wr_str_eq(a->scope, wr_str_z(scope));
}

static void check_scope(struct wr_ast_module *module, struct wr_rego_errors *errors,
                        const struct wr_annotation *a, const struct target *t)
{
    bool for_rule = is_scope(a, "rule") || is_scope(a, "document");
    bool for_package = is_scope(a, "package") || is_scope(a, "subpackages");
    const char *want = for_rule ? "rule" : "package";
    if (!for_rule && !for_package) {
        wr_rego_error_add(errors, WR_E_REGO_PARSE, module->file, &a->loc,
                          "invalid annotation scope '%.*s'. Use one of 'rule', 'document', "
                          "'package', or 'subpackages'",
                          WR_FMT(a->scope));
    } else if (t->what == NULL) {
        wr_rego_error_add(errors, WR_E_REGO_PARSE, module->file, &a->loc,
                          "annotation scope '%.*s' must be applied to %s", WR_FMT(a->scope), want);
    } else if (!wr_str_eq(wr_str_z(t->what), wr_str_z(want))) {
        wr_rego_error_add(errors, WR_E_REGO_PARSE, module->file, &a->loc,
                          "annotation scope '%.*s' must be applied to %s (have %s)",
                          WR_FMT(a->scope), want, t->what);
    }
    if (a->entrypoint && !is_scope(a, "rule") && !is_scope(a, "package")) {
        wr_rego_error_add(errors, WR_E_REGO_PARSE, module->file, &a->loc,
                          "annotation entrypoint applied to non-rule or package scope '%.*s'",
                          WR_FMT(a->scope));
    }
}

/* The value with its scope. */
static struct wr_value with_scope(struct wr_arena *arena, struct wr_value value,
                                  struct wr_str scope)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, (size_t)value.n + 1);
    if (pairs == NULL) {
        return wr_undefined();
    }
    if (value.n > 0) {
        memcpy(pairs, value.pairs, value.n * sizeof *pairs);
    }
    pairs[value.n] = (struct wr_pair){wr_string(WR_STR("scope")), wr_string(scope)};
    return wr_object_from(pairs, (size_t)value.n + 1);
}

wr_err wr_rego_annotations_attach(struct wr_arena *arena, struct wr_ast_module *module,
                                  struct wr_rego_errors *errors)
{
    uint32_t before = errors->n;
    uint32_t most = WR_MIN(2 * module->n_annotations, WR_LIMIT_REGO_PARSE_ERRORS);
    errors->limit = WR_MAX(errors->limit, before + most);
    for (uint32_t i = 0; i < module->n_annotations; i++) {
        struct wr_annotation *a = module->annotations[i];
        struct target t = find_target(module, a->loc.row);
        a->rule = t.rule;
        if (a->scope.n == 0 && t.what != NULL) {
            a->scope = wr_str_z(t.what);
        }
        check_scope(module, errors, a, &t);
        a->value = with_scope(arena, a->value, a->scope);
        a->json = with_scope(arena, a->json, a->scope);
    }
    if (wr_arena_failed(arena)) {
        wr_rego_error_add(errors, WR_E_MEMORY, module->file, NULL, "out of memory");
        return WR_E_MEMORY;
    }
    return errors->n > before ? WR_E_REGO_PARSE : WR_OK;
}
