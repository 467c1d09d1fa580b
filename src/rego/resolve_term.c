/* SPDX-License-Identifier: Apache-2.0 */
/* Terms: names to variables and paths, calls to functions, constants folded. */
#include "rego/resolve.h"

struct wr_plan_term *wr_resolve_new(struct resolver *r, enum wr_plan_kind kind, uint32_t n,
                                    const struct wr_ast_loc *loc)
{
    struct wr_plan_term *t = WR_NEW(r->arena, struct wr_plan_term);
    struct wr_plan_term **items = WR_NEW_ARRAY(r->arena, struct wr_plan_term *, n);
    if (t == NULL || items == NULL) {
        r->no_room = true;
        return NULL;
    }
    t->kind = (uint8_t)kind;
    t->n = n;
    t->items = items;
    t->loc = loc;
    return t;
}

struct wr_plan_term *wr_resolve_const(struct resolver *r, struct wr_value v,
                                      const struct wr_ast_loc *loc)
{
    struct wr_plan_term *t = wr_resolve_new(r, WR_PLAN_CONST, 0, loc);
    if (t != NULL) {
        t->value = v;
    }
    return t;
}

struct wr_plan_term *wr_resolve_var(struct resolver *r, uint32_t var, const struct wr_ast_loc *loc)
{
    struct wr_plan_term *t = wr_resolve_new(r, WR_PLAN_VAR, 0, loc);
    if (t != NULL) {
        t->var = var;
    }
    return t;
}

/* REF below data: keys of the package, and one more unless `last` is undefined. */
static struct wr_plan_term *data_ref(struct resolver *r, const struct wr_value *keys, uint32_t n,
                                     struct wr_value last, const struct wr_ast_loc *loc)
{
    uint32_t more = last.type == WR_UNDEFINED ? 0 : 1;
    struct wr_plan_term *t = wr_resolve_new(r, WR_PLAN_REF, n + more + 1, loc);
    if (t == NULL) {
        return NULL;
    }
    t->items[0] = wr_resolve_new(r, WR_PLAN_DATA, 0, loc);
    for (uint32_t i = 0; i < n; i++) {
        t->items[i + 1] = wr_resolve_const(r, keys[i], loc);
    }
    if (more != 0) {
        t->items[n + 1] = wr_resolve_const(r, last, loc);
    }
    return t;
}

static struct wr_plan_term *import_term(struct resolver *r, uint32_t index,
                                        const struct wr_ast_loc *loc)
{
    const struct wr_ast_term *path = r->module->ast->imports[index].path;
    const struct wr_ast_term *head = path->kind == WR_AST_REF ? path->items[0] : path;
    bool data = wr_str_eq(head->name, WR_STR("data"));
    uint32_t n = path->kind == WR_AST_REF ? path->n_items : 1;
    struct wr_plan_term *root = wr_resolve_new(r, data ? WR_PLAN_DATA : WR_PLAN_INPUT, 0, loc);
    if (n == 1 || root == NULL) {
        return root;
    }
    struct wr_plan_term *t = wr_resolve_new(r, WR_PLAN_REF, n, loc);
    if (t == NULL) {
        return NULL;
    }
    t->items[0] = root;
    for (uint32_t i = 1; i < n; i++) {
        t->items[i] = wr_resolve_const(r, path->items[i]->value, loc);
    }
    return t;
}

/* Imports, rules of the package, input, data; NULL if the name is none of these. */
static struct wr_plan_term *global_term(struct resolver *r, struct wr_str name,
                                        const struct wr_ast_loc *loc)
{
    uint32_t *import = wr_name_map_get(&r->imports, name);
    if (import != NULL) {
        return import_term(r, *import, loc);
    }
    struct wr_value key = wr_string(name);
    if (r->module->node != NULL) {
        const struct wr_rule_node *child = wr_tree_child(r->module->node, &key);
        if (child != NULL && child->exported) {
            return data_ref(r, r->module->package, r->module->n_package, key, loc);
        }
    }
    if (wr_str_eq(name, WR_STR("input"))) {
        return wr_resolve_new(r, WR_PLAN_INPUT, 0, loc);
    }
    if (wr_str_eq(name, WR_STR("data"))) {
        return wr_resolve_new(r, WR_PLAN_DATA, 0, loc);
    }
    return NULL;
}

static struct wr_plan_term *free_var(struct resolver *r, struct wr_str name,
                                     const struct wr_ast_loc *loc)
{
    uint32_t *known = wr_name_map_get(&r->free_vars, name);
    if (known != NULL) {
        return wr_resolve_var(r, *known, loc);
    }
    uint32_t var = wr_resolve_new_var(r, name);
    if (!wr_name_map_put(&r->free_vars, r->arena, name, var)) {
        r->no_room = true;
    }
    return wr_resolve_var(r, var, loc);
}

struct wr_plan_term *wr_resolve_name(struct resolver *r, struct wr_str name,
                                     const struct wr_ast_loc *loc)
{
    uint32_t var;
    bool blocked;
    if (wr_scope_find(r, name, &var, &blocked)) {
        return wr_resolve_var(r, var, loc);
    }
    struct wr_plan_term *global = blocked ? NULL : global_term(r, name, loc);
    return global != NULL ? global : free_var(r, name, loc);
}

static struct wr_plan_term *resolve_ref(struct resolver *r, const struct wr_ast_term *t)
{
    struct wr_plan_term *head = wr_resolve_term(r, t->items[0]);
    if (head == NULL) {
        return NULL;
    }
    bool flatten = head->kind == WR_PLAN_REF;
    uint32_t before = flatten ? head->n : 1;
    struct wr_plan_term *ref = wr_resolve_new(r, WR_PLAN_REF, before + t->n_items - 1, &t->loc);
    if (ref == NULL) {
        return NULL;
    }
    if (flatten) {
        memcpy(ref->items, head->items, before * sizeof(ref->items[0]));
    } else {
        ref->items[0] = head;
    }
    for (uint32_t i = 1; i < t->n_items; i++) {
        ref->items[before + i - 1] = wr_resolve_term(r, t->items[i]);
    }
    return ref->n == 1 ? ref->items[0] : ref;
}

static struct wr_value fold(struct resolver *r, const struct wr_plan_term *t)
{
    struct wr_value *items = WR_NEW_ARRAY(r->arena, struct wr_value, t->n);
    if (items == NULL) {
        r->no_room = true;
        return wr_null();
    }
    for (uint32_t i = 0; i < t->n; i++) {
        items[i] = t->items[i]->value;
    }
    if (t->kind == WR_PLAN_ARRAY) {
        return wr_array(items, t->n);
    }
    return t->kind == WR_PLAN_SET ? wr_set_from(items, t->n)
                                  : wr_object_from((struct wr_pair *)(void *)items, t->n / 2);
}

static struct wr_plan_term *resolve_collection(struct resolver *r, const struct wr_ast_term *t,
                                               enum wr_plan_kind kind)
{
    struct wr_plan_term *out = wr_resolve_new(r, kind, t->n_items, &t->loc);
    bool constant = true;
    if (out == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        out->items[i] = wr_resolve_term(r, t->items[i]);
        constant = constant && out->items[i] != NULL && out->items[i]->kind == WR_PLAN_CONST;
    }
    if (constant) {
        out->value = fold(r, out);
        out->kind = WR_PLAN_CONST;
        out->n = 0;
    }
    return out;
}

static struct wr_plan_term *resolve_comprehension(struct resolver *r, const struct wr_ast_term *t,
                                                  enum wr_plan_kind kind)
{
    struct scope scope = {0};
    struct wr_plan_term *out = wr_resolve_new(r, kind, t->n_items, &t->loc);
    if (out == NULL) {
        return NULL;
    }
    wr_scope_enter_body(r, &scope, t->body);
    out->body = wr_resolve_body(r, t->body);
    for (uint32_t i = 0; i < t->n_items; i++) {
        out->items[i] = wr_resolve_term(r, t->items[i]);
    }
    wr_scope_leave(r, &scope);
    return out;
}

struct wr_str wr_resolve_dotted(struct resolver *r, const struct wr_ast_term *ref)
{
    if (ref->kind == WR_AST_VAR) {
        return ref->name;
    }
    if (ref->n_items == 1) {
        return ref->items[0]->name;
    }
    struct wr_buf buf = wr_buf_in(r->arena, 32);
    for (uint32_t i = 0; i < ref->n_items; i++) {
        const struct wr_ast_term *item = ref->items[i];
        if (i > 0) {
            wr_buf_char(&buf, '.');
        }
        if (item->kind == WR_AST_VAR) {
            wr_buf_str(&buf, item->name);
        } else if (wr_ast_is_string(item)) {
            wr_buf_str(&buf, wr_text(item->value));
        } else {
            wr_buf_char(&buf, '?');
        }
    }
    r->no_room = r->no_room || buf.overflow;
    return wr_buf_view(&buf);
}

const struct wr_value *wr_resolve_path(struct resolver *r, const struct wr_plan_term *t,
                                       uint8_t *root, uint32_t *n)
{
    static const struct wr_value none;
    *n = 0;
    if (t->kind == WR_PLAN_INPUT || t->kind == WR_PLAN_DATA) {
        *root = t->kind;
        return &none;
    }
    if (t->kind != WR_PLAN_REF ||
        (t->items[0]->kind != WR_PLAN_INPUT && t->items[0]->kind != WR_PLAN_DATA)) {
        return NULL;
    }
    *root = t->items[0]->kind;
    struct wr_value *keys = WR_NEW_ARRAY(r->arena, struct wr_value, t->n);
    if (keys == NULL) {
        r->no_room = true;
        return NULL;
    }
    for (uint32_t i = 1; i < t->n; i++) {
        if (t->items[i] == NULL || t->items[i]->kind != WR_PLAN_CONST) {
            return NULL;
        }
        keys[i - 1] = t->items[i]->value;
    }
    *n = t->n - 1;
    return keys;
}

static uint8_t operator_of(struct wr_str name)
{
    static const struct {
        const char *name;
        uint8_t op;
    } table[] = {
        {"equal", WR_OPERATOR_EQUAL}, {"neq", WR_OPERATOR_NEQ},
        {"lt", WR_OPERATOR_LT},       {"lte", WR_OPERATOR_LTE},
        {"gt", WR_OPERATOR_GT},       {"gte", WR_OPERATOR_GTE},
        {"plus", WR_OPERATOR_PLUS},   {"minus", WR_OPERATOR_MINUS},
        {"mul", WR_OPERATOR_MUL},     {"internal.member_2", WR_OPERATOR_MEMBER},
        {"print", WR_OPERATOR_PRINT},
    };
    for (size_t i = 0; i < WR_COUNTOF(table); i++) {
        if (wr_str_eq(name, wr_str_z(table[i].name))) {
            return table[i].op;
        }
    }
    return WR_OPERATOR_NONE;
}

/* The function of the rule tree that an operator names; NULL: it names none. `*is_path` tells that
 * the name can be no builtin. */
static struct wr_rule_node *find_function(struct resolver *r, const struct wr_ast_term *op,
                                          bool *is_path)
{
    const struct wr_ast_term *head = op->kind == WR_AST_REF ? op->items[0] : op;
    uint32_t var;
    bool blocked;
    *is_path = false;
    if (head->kind != WR_AST_VAR) {
        *is_path = true;
        return NULL;
    }
    if (wr_scope_find(r, head->name, &var, &blocked)) {
        *is_path = true;
        return NULL;
    }
    struct wr_plan_term *base = blocked ? NULL : global_term(r, head->name, &op->loc);
    if (base == NULL) {
        return NULL;
    }
    *is_path = true;
    uint8_t root;
    uint32_t n, used;
    const struct wr_value *keys = wr_resolve_path(r, base, &root, &n);
    if (keys == NULL || root != WR_PLAN_DATA) {
        return NULL;
    }
    struct wr_rule_node *node = wr_tree_walk(r->tree, keys, n, &used);
    uint32_t n_items = op->kind == WR_AST_REF ? op->n_items : 1;
    for (uint32_t i = 1; used == n && node != NULL && i < n_items; i++) {
        node =
            op->items[i]->kind == WR_AST_SCALAR ? wr_tree_child(node, &op->items[i]->value) : NULL;
    }
    return used == n && node != NULL && node->kind == WR_NODE_FUNCTION ? node : NULL;
}

/* What was called although there is no such function, resolved as far as it goes. */
static struct wr_str called_name(struct resolver *r, const struct wr_ast_term *op, bool is_path)
{
    const struct wr_ast_term *head = op->kind == WR_AST_REF ? op->items[0] : op;
    struct wr_str dotted = wr_resolve_dotted(r, op);
    if (!is_path || head->kind != WR_AST_VAR || wr_str_eq(head->name, WR_STR("data"))) {
        return dotted;
    }
    struct wr_plan_term *base = global_term(r, head->name, &op->loc);
    if (base == NULL || base->kind != WR_PLAN_REF) {
        return dotted;
    }
    struct wr_buf buf = wr_buf_in(r->arena, 64);
    wr_buf_str(&buf, base->items[0]->kind == WR_PLAN_DATA ? WR_STR("data") : WR_STR("input"));
    for (uint32_t i = 1; i < base->n; i++) {
        wr_buf_char(&buf, '.');
        wr_buf_str(&buf, base->items[i]->value.type == WR_STRING ? wr_text(base->items[i]->value)
                                                                 : WR_STR("?"));
    }
    wr_buf_str(&buf, wr_str_of(dotted.p + head->name.n, dotted.n - head->name.n));
    return wr_buf_view(&buf);
}

static bool refused(struct resolver *r, const struct wr_builtin *b)
{
    struct wr_str name = wr_str_z(b->name);
    bool random = wr_str_eq(name, WR_STR("rand.intn")) || wr_str_eq(name, WR_STR("uuid.rfc4122")) ||
                  wr_str_eq(name, WR_STR("opa.runtime"));
    return (r->options->decision && random) ||
           ((b->flags & WR_BUILTIN_NETWORK) != 0 &&
            (r->options->decision || !r->options->allow_network));
}

/* Checks that a builtin may be called here, and with so many arguments. */
static void check_builtin(struct resolver *r, struct wr_plan_term *call,
                          const struct wr_ast_term *t)
{
    const struct wr_builtin *b = call->builtin;
    if (refused(r, b)) {
        wr_resolve_error(r, WR_E_REGO_TYPE, &t->loc, "%s is not allowed here%s", b->name,
                         r->options->decision ? ": a decision must be replayable" : "");
    }
    if ((b->flags & WR_BUILTIN_DEPRECATED) != 0 && (r->options->strict || r->module->ast->v1)) {
        wr_resolve_error(r, WR_E_REGO_TYPE, &t->loc,
                         "deprecated built-in function calls in expression: %s", b->name);
    }
    if (call->n < b->arity_min ||
        call->n > (uint32_t)b->arity_max + ((b->flags & WR_BUILTIN_VOID) != 0 ? 0 : 1)) {
        struct wr_rego_error *e =
            wr_resolve_error(r, WR_E_REGO_TYPE, &t->loc, "%s: arity mismatch", b->name);
        if (e != NULL) {
            wr_rego_error_detail(r->errors, e, "have: %u argument(s)", call->n);
            wr_rego_error_detail(r->errors, e, "want: %s", b->types);
        }
    }
    call->has_extra = call->n == (uint32_t)b->arity_max + 1;
}

static struct wr_plan_term *resolve_call(struct resolver *r, const struct wr_ast_term *t)
{
    struct wr_plan_term *call = wr_resolve_new(r, WR_PLAN_CALL, t->n_items - 1, &t->loc);
    bool is_path = false;
    if (call == NULL) {
        return NULL;
    }
    const struct wr_ast_term *op = t->items[0];
    struct wr_str name = wr_resolve_dotted(r, op);
    struct wr_value metadata;
    if (!t->infix) {
        call->function = find_function(r, op, &is_path);
    }
    if (!is_path && call->n == 0 && wr_resolve_metadata(r, name, &metadata)) {
        return wr_resolve_const(r, metadata, &t->loc);
    }
    if (call->function != NULL) {
        uint32_t arity = call->function->arity;
        if (call->n != arity && call->n != arity + 1) {
            struct wr_str path = wr_tree_path(r->arena, call->function);
            wr_resolve_error(r, WR_E_REGO_TYPE, &t->loc,
                             "function %.*s has arity %u, got %u argument%s", WR_FMT(path), arity,
                             call->n, call->n == 1 ? "" : "s");
        }
        call->has_extra = call->n == arity + 1;
    } else {
        call->builtin = is_path ? NULL : wr_rego_builtin(r->options, name);
        if (call->builtin == NULL) {
            struct wr_str called = called_name(r, op, is_path);
            wr_resolve_error(r, WR_E_REGO_TYPE, &t->loc, "undefined function %.*s", WR_FMT(called));
        } else {
            check_builtin(r, call, t);
            call->op = call->has_extra ? WR_OPERATOR_NONE : operator_of(name);
        }
    }
    for (uint32_t i = 0; i < call->n; i++) {
        call->items[i] = wr_resolve_term(r, t->items[i + 1]);
    }
    return call;
}

struct wr_plan_term *wr_resolve_term(struct resolver *r, const struct wr_ast_term *t)
{
    switch (t->kind) {
    case WR_AST_SCALAR:
        return wr_resolve_const(r, t->value, &t->loc);
    case WR_AST_VAR:
        return wr_resolve_name(r, t->name, &t->loc);
    case WR_AST_REF:
        return resolve_ref(r, t);
    case WR_AST_ARRAY:
        return resolve_collection(r, t, WR_PLAN_ARRAY);
    case WR_AST_OBJECT:
        return resolve_collection(r, t, WR_PLAN_OBJECT);
    case WR_AST_SET:
        return resolve_collection(r, t, WR_PLAN_SET);
    case WR_AST_ARRAY_COMPREHENSION:
        return resolve_comprehension(r, t, WR_PLAN_ARRAY_OF);
    case WR_AST_SET_COMPREHENSION:
        return resolve_comprehension(r, t, WR_PLAN_SET_OF);
    case WR_AST_OBJECT_COMPREHENSION:
        return resolve_comprehension(r, t, WR_PLAN_OBJECT_OF);
    case WR_AST_CALL:
        return resolve_call(r, t);
    default:
        WR_UNREACHABLE();
    }
}
