/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about the tree, copies and comparison. Recursion is bounded by the trees' heights. */
#include "rego/ast.h"

const char *wr_ast_type_name(const struct wr_ast_term *t)
{
    static const char *const names[] = {
        [WR_AST_VAR] = "var",
        [WR_AST_REF] = "ref",
        [WR_AST_ARRAY] = "array",
        [WR_AST_OBJECT] = "object",
        [WR_AST_SET] = "set",
        [WR_AST_ARRAY_COMPREHENSION] = "arraycomprehension",
        [WR_AST_SET_COMPREHENSION] = "setcomprehension",
        [WR_AST_OBJECT_COMPREHENSION] = "objectcomprehension",
        [WR_AST_CALL] = "call",
    };
    return t->kind == WR_AST_SCALAR ? wr_type_name(t->value) : names[t->kind];
}

bool wr_ast_is_call_of(const struct wr_ast_term *t, struct wr_str dotted_name)
{
    if (t->kind != WR_AST_CALL) {
        return false;
    }
    const struct wr_ast_term *op = t->items[0];
    size_t at = 0;
    for (uint32_t i = 0; i < op->n_items; i++) {
        const struct wr_ast_term *item = op->items[i];
        if (i == 0 ? item->kind != WR_AST_VAR : !wr_ast_is_string(item)) {
            return false;
        }
        struct wr_str part = i == 0 ? item->name : wr_text(item->value);
        if (i > 0 && (at >= dotted_name.n || dotted_name.p[at++] != '.')) {
            return false;
        }
        if (part.n > dotted_name.n - at || memcmp(part.p, dotted_name.p + at, part.n) != 0) {
            return false;
        }
        at += part.n;
    }
    return at == dotted_name.n;
}

bool wr_ast_rule_has_name(const struct wr_ast_rule *rule)
{
    uint32_t n = rule->ref->n_items;
    if (n == 1) {
        return true;
    }
    if (n > 2 || rule->key != NULL || rule->is_default) {
        return false;
    }
    if (rule->with_if) {
        return !rule->value_generated || rule->n_args > 0;
    }
    return rule->n_args == 0;
}

bool wr_ast_rule_has_key(const struct wr_ast_rule *rule)
{
    return rule->key != NULL ||
           (rule->ref->n_items == 2 && !rule->with_if && wr_ast_rule_has_name(rule));
}

bool wr_ast_is_ground(const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_SCALAR) {
        return true;
    }
    if (t->kind != WR_AST_ARRAY && t->kind != WR_AST_OBJECT && t->kind != WR_AST_SET) {
        return false;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        if (!wr_ast_is_ground(t->items[i])) {
            return false;
        }
    }
    return true;
}

static struct wr_value ground_items(struct wr_arena *arena, const struct wr_ast_term *t)
{
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, t->n_items);
    if (items == NULL) {
        return wr_undefined();
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        items[i] = wr_ast_ground_value(arena, t->items[i]);
        if (items[i].type == WR_UNDEFINED) {
            return wr_undefined();
        }
    }
    return t->kind == WR_AST_SET ? wr_set_from(items, t->n_items) : wr_array(items, t->n_items);
}

static struct wr_value ground_pairs(struct wr_arena *arena, const struct wr_ast_term *t)
{
    size_t n = t->n_items / 2;
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, n);
    if (pairs == NULL) {
        return wr_undefined();
    }
    for (size_t i = 0; i < n; i++) {
        pairs[i].key = wr_ast_ground_value(arena, t->items[2 * i]);
        pairs[i].value = wr_ast_ground_value(arena, t->items[2 * i + 1]);
        if (pairs[i].key.type == WR_UNDEFINED || pairs[i].value.type == WR_UNDEFINED) {
            return wr_undefined();
        }
    }
    return wr_object_from(pairs, n);
}

struct wr_value wr_ast_ground_value(struct wr_arena *arena, const struct wr_ast_term *t)
{
    if (t->height > WR_LIMIT_VALUE_DEPTH) {
        return wr_undefined();
    }
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_SCALAR:
        return t->value;
    case WR_AST_ARRAY:
    case WR_AST_SET:
        return ground_items(arena, t);
    case WR_AST_OBJECT:
        return ground_pairs(arena, t);
    case WR_AST_VAR:
    case WR_AST_REF:
    case WR_AST_ARRAY_COMPREHENSION:
    case WR_AST_SET_COMPREHENSION:
    case WR_AST_OBJECT_COMPREHENSION:
    case WR_AST_CALL:
        break;
    }
    return wr_undefined();
}

/* ── copies ─────────────────────────────────────────────────────────────────────────────────── */

static struct wr_ast_body *copy_body(struct wr_arena *arena, const struct wr_ast_body *body);

static struct wr_ast_term *copy_or_null(struct wr_arena *arena, const struct wr_ast_term *t)
{
    return t != NULL ? wr_ast_copy(arena, t) : NULL;
}

static struct wr_ast_term **copy_terms(struct wr_arena *arena, struct wr_ast_term *const *terms,
                                       uint32_t n)
{
    struct wr_ast_term **copies = WR_NEW_ARRAY(arena, struct wr_ast_term *, n);
    for (uint32_t i = 0; copies != NULL && i < n; i++) {
        copies[i] = wr_ast_copy(arena, terms[i]);
    }
    return copies;
}

static struct wr_ast_expr *copy_expr(struct wr_arena *arena, const struct wr_ast_expr *expr)
{
    struct wr_ast_expr *copy = WR_NEW(arena, struct wr_ast_expr);
    if (copy == NULL) {
        return NULL;
    }
    *copy = *expr;
    copy->term = copy_or_null(arena, expr->term);
    copy->key = copy_or_null(arena, expr->key);
    copy->value = copy_or_null(arena, expr->value);
    copy->domain = copy_or_null(arena, expr->domain);
    copy->body = expr->body != NULL ? copy_body(arena, expr->body) : NULL;
    copy->terms = copy_terms(arena, expr->terms, expr->n_terms);
    copy->with = WR_NEW_ARRAY(arena, struct wr_ast_with, expr->n_with);
    for (uint32_t i = 0; copy->with != NULL && i < expr->n_with; i++) {
        copy->with[i] =
            (struct wr_ast_with){wr_ast_copy(arena, expr->with[i].target),
                                 wr_ast_copy(arena, expr->with[i].value), expr->with[i].loc};
    }
    return copy;
}

static struct wr_ast_body *copy_body(struct wr_arena *arena, const struct wr_ast_body *body)
{
    struct wr_ast_body *copy = WR_NEW(arena, struct wr_ast_body);
    struct wr_ast_expr **exprs = WR_NEW_ARRAY(arena, struct wr_ast_expr *, body->n);
    if (copy == NULL || exprs == NULL) {
        return NULL;
    }
    *copy = *body;
    copy->exprs = exprs;
    for (uint32_t i = 0; i < body->n; i++) {
        exprs[i] = copy_expr(arena, body->exprs[i]);
    }
    return copy;
}

struct wr_ast_term *wr_ast_copy(struct wr_arena *arena, const struct wr_ast_term *t)
{
    struct wr_ast_term *copy = WR_NEW(arena, struct wr_ast_term);
    if (copy == NULL) {
        return NULL;
    }
    *copy = *t;
    if (t->kind != WR_AST_SCALAR && t->kind != WR_AST_VAR) {
        copy->items = copy_terms(arena, t->items, t->n_items);
    }
    copy->body = t->body != NULL ? copy_body(arena, t->body) : NULL;
    return wr_arena_failed(arena) ? NULL : copy;
}

/* ── order ──────────────────────────────────────────────────────────────────────────────────── */

static int rank(const struct wr_ast_term *t)
{
    static const uint8_t ranks[] = {
        [WR_AST_SCALAR] = 0,
        [WR_AST_VAR] = 1,
        [WR_AST_REF] = 2,
        [WR_AST_ARRAY] = 3,
        [WR_AST_OBJECT] = 4,
        [WR_AST_SET] = 5,
        [WR_AST_ARRAY_COMPREHENSION] = 6,
        [WR_AST_OBJECT_COMPREHENSION] = 7,
        [WR_AST_SET_COMPREHENSION] = 8,
        [WR_AST_CALL] = 9,
    };
    return ranks[t->kind];
}

int wr_ast_term_cmp(const struct wr_ast_term *a, const struct wr_ast_term *b)
{
    if (a->kind != b->kind) {
        return rank(a) - rank(b);
    }
    if (a->kind == WR_AST_SCALAR) {
        return wr_value_cmp(&a->value, &b->value);
    }
    if (a->kind == WR_AST_VAR) {
        return wr_str_cmp(a->name, b->name);
    }
    uint32_t n = WR_MIN(a->n_items, b->n_items);
    for (uint32_t i = 0; i < n; i++) {
        int order = wr_ast_term_cmp(a->items[i], b->items[i]);
        if (order != 0) {
            return order;
        }
    }
    if (a->n_items != b->n_items) {
        return a->n_items < b->n_items ? -1 : 1;
    }
    if (a->body == NULL || a->loc.offset == b->loc.offset) {
        return 0;
    }
    return a->loc.offset < b->loc.offset ? -1 : 1;
}

/* ── comparison ─────────────────────────────────────────────────────────────────────────────── */

static bool same_or_null(const struct wr_ast_term *a, const struct wr_ast_term *b)
{
    return a == NULL || b == NULL ? a == b : wr_ast_term_same(a, b);
}

static bool terms_same(struct wr_ast_term *const *a, struct wr_ast_term *const *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!wr_ast_term_same(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

/* Scalars are the same when they read the same: 1.0 is not 1. */
static bool scalar_same(struct wr_value a, struct wr_value b)
{
    if (a.type != b.type || !wr_value_eq(&a, &b)) {
        return false;
    }
    char room[2][64];
    struct wr_buf texts[2] = {wr_buf_fixed(room[0], sizeof room[0]),
                              wr_buf_fixed(room[1], sizeof room[1])};
    if (a.type == WR_NUMBER) {
        wr_number_write(&texts[0], &a);
        wr_number_write(&texts[1], &b);
    }
    return wr_str_eq(wr_buf_view(&texts[0]), wr_buf_view(&texts[1]));
}

bool wr_ast_term_same(const struct wr_ast_term *a, const struct wr_ast_term *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    if (a->kind == WR_AST_SCALAR) {
        return scalar_same(a->value, b->value);
    }
    if (a->kind == WR_AST_VAR) {
        return wr_ast_is_wildcard(a) ? wr_ast_is_wildcard(b) : wr_str_eq(a->name, b->name);
    }
    if (a->n_items != b->n_items || (a->body == NULL) != (b->body == NULL)) {
        return false;
    }
    return terms_same(a->items, b->items, a->n_items) &&
           (a->body == NULL || wr_ast_body_same(a->body, b->body));
}

static bool expr_same(const struct wr_ast_expr *a, const struct wr_ast_expr *b)
{
    if (a->kind != b->kind || a->negated != b->negated || a->n_terms != b->n_terms ||
        a->n_with != b->n_with || (a->body == NULL) != (b->body == NULL)) {
        return false;
    }
    if (!same_or_null(a->term, b->term) || !same_or_null(a->key, b->key) ||
        !same_or_null(a->value, b->value) || !same_or_null(a->domain, b->domain) ||
        !terms_same(a->terms, b->terms, a->n_terms)) {
        return false;
    }
    for (uint32_t i = 0; i < a->n_with; i++) {
        if (!wr_ast_term_same(a->with[i].target, b->with[i].target) ||
            !wr_ast_term_same(a->with[i].value, b->with[i].value)) {
            return false;
        }
    }
    return a->body == NULL || wr_ast_body_same(a->body, b->body);
}

bool wr_ast_body_same(const struct wr_ast_body *a, const struct wr_ast_body *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (uint32_t i = 0; i < a->n; i++) {
        if (!expr_same(a->exprs[i], b->exprs[i])) {
            return false;
        }
    }
    return true;
}

static bool one_rule_same(const struct wr_ast_rule *a, const struct wr_ast_rule *b)
{
    return a->kind == b->kind && a->is_default == b->is_default && a->n_args == b->n_args &&
           a->n_static == b->n_static && wr_ast_term_same(a->ref, b->ref) &&
           terms_same(a->args, b->args, a->n_args) && same_or_null(a->key, b->key) &&
           same_or_null(a->value, b->value) && wr_ast_body_same(a->body, b->body);
}

bool wr_ast_rule_same(const struct wr_ast_rule *a, const struct wr_ast_rule *b)
{
    while (a != NULL && b != NULL) {
        if (!one_rule_same(a, b)) {
            return false;
        }
        a = a->otherwise;
        b = b->otherwise;
    }
    return a == b;
}

bool wr_ast_module_same(const struct wr_ast_module *a, const struct wr_ast_module *b)
{
    if (!wr_ast_term_same(a->package, b->package) || a->n_imports != b->n_imports ||
        a->n_rules != b->n_rules) {
        return false;
    }
    for (uint32_t i = 0; i < a->n_imports; i++) {
        if (!wr_ast_term_same(a->imports[i].path, b->imports[i].path) ||
            !wr_str_eq(a->imports[i].alias, b->imports[i].alias)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->n_rules; i++) {
        if (!wr_ast_rule_same(a->rules[i], b->rules[i])) {
            return false;
        }
    }
    return true;
}
