/* SPDX-License-Identifier: Apache-2.0 */
/* Each node becomes an object; objects and sets in terms are sorted and without duplicates, as OPA
 * keeps them. */
#include "rego/ast_value.h"
#include "rego/annotation.h"

#define DEPTH_MAX (WR_LIMIT_VALUE_DEPTH - 8) /* room for the module around a term */

struct builder {
    struct wr_arena *arena;
    uint32_t depth; /* of the value under construction */
    wr_err err;     /* the first failure; everything after it is undefined */
};

static struct wr_value fail(struct builder *b, wr_err err)
{
    b->err = b->err == WR_OK ? err : b->err;
    return wr_undefined();
}

static bool enter(struct builder *b)
{
    if (b->err == WR_OK && b->depth >= DEPTH_MAX) {
        fail(b, WR_E_LIMIT);
    }
    b->depth++;
    return b->err == WR_OK;
}

static struct wr_value text(const char *s)
{
    return wr_string(wr_str_z(s));
}

struct fields {
    struct wr_pair pairs[8];
    size_t n;
};

static void set(struct fields *f, const char *name, struct wr_value value)
{
    WR_ASSERT(f->n < WR_COUNTOF(f->pairs));
    f->pairs[f->n++] = (struct wr_pair){text(name), value};
}

static struct wr_value object(struct builder *b, const struct fields *f)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(b->arena, struct wr_pair, f->n);
    if (pairs == NULL || b->err != WR_OK) {
        return fail(b, WR_E_MEMORY);
    }
    memcpy(pairs, f->pairs, f->n * sizeof *pairs);
    return wr_object_from(pairs, f->n);
}

static struct wr_value *list(struct builder *b, size_t n)
{
    struct wr_value *items = WR_NEW_ARRAY(b->arena, struct wr_value, n);
    if (items == NULL) {
        fail(b, WR_E_MEMORY);
    }
    return items;
}

static struct wr_value term_value(struct builder *b, const struct wr_ast_term *t);
static struct wr_value body_value(struct builder *b, const struct wr_ast_body *body);

static struct wr_value terms_value(struct builder *b, struct wr_ast_term *const *terms, uint32_t n)
{
    struct wr_value *items = list(b, n);
    for (uint32_t i = 0; items != NULL && i < n; i++) {
        items[i] = term_value(b, terms[i]);
    }
    return items != NULL ? wr_array(items, n) : wr_undefined();
}

/* ── terms ──────────────────────────────────────────────────────────────────────────────────── */

/* Merge sort of groups of `width` items by their first; stable. */
static void sort_groups(struct wr_ast_term **items, struct wr_ast_term **room, size_t n,
                        size_t width)
{
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t low = 0; low < n; low += 2 * run) {
            size_t middle = WR_MIN(low + run, n), high = WR_MIN(low + 2 * run, n);
            size_t i = low, k = middle;
            for (size_t out = low; out < high; out++) {
                bool left = i < middle &&
                            (k >= high || wr_ast_term_cmp(items[k * width], items[i * width]) >= 0);
                size_t from = left ? i++ : k++;
                memcpy(room + out * width, items + from * width, width * sizeof *items);
            }
        }
        memcpy(items, room, n * width * sizeof *items);
    }
}

/* Sorted groups with distinct first items, of equal ones the last; sets *n to their number. */
static struct wr_ast_term **distinct(struct builder *b, const struct wr_ast_term *t, size_t width,
                                     size_t *n)
{
    *n = t->n_items / width;
    struct wr_ast_term **items = WR_NEW_ARRAY(b->arena, struct wr_ast_term *, t->n_items);
    struct wr_ast_term **room = WR_NEW_ARRAY(b->arena, struct wr_ast_term *, t->n_items);
    if (items == NULL || room == NULL) {
        fail(b, WR_E_MEMORY);
        return NULL;
    }
    if (t->n_items == 0) {
        return items;
    }
    memcpy(items, t->items, t->n_items * sizeof *items);
    sort_groups(items, room, *n, width);
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        bool again = kept > 0 && wr_ast_term_cmp(items[(kept - 1) * width], items[i * width]) == 0;
        kept += !again;
        memmove(items + (kept - 1) * width, items + i * width, width * sizeof *items);
    }
    *n = kept;
    return items;
}

static struct wr_value set_value(struct builder *b, const struct wr_ast_term *t)
{
    size_t n;
    struct wr_ast_term **items = distinct(b, t, 1, &n);
    return items != NULL ? terms_value(b, items, (uint32_t)n) : wr_undefined();
}

static struct wr_value pairs_value(struct builder *b, const struct wr_ast_term *t)
{
    size_t n;
    struct wr_ast_term **items = distinct(b, t, 2, &n);
    struct wr_value *pairs = items != NULL ? list(b, n) : NULL;
    for (size_t i = 0; pairs != NULL && i < n; i++) {
        b->depth++;
        pairs[i] = terms_value(b, items + 2 * i, 2);
        b->depth--;
    }
    return pairs != NULL ? wr_array(pairs, n) : wr_undefined();
}

static struct wr_value comprehension_value(struct builder *b, const struct wr_ast_term *t)
{
    struct fields f = {.n = 0};
    if (t->kind == WR_AST_OBJECT_COMPREHENSION) {
        set(&f, "key", term_value(b, t->items[0]));
        set(&f, "value", term_value(b, t->items[1]));
    } else {
        set(&f, "term", term_value(b, t->items[0]));
    }
    set(&f, "body", body_value(b, t->body));
    return object(b, &f);
}

static struct wr_value content(struct builder *b, const struct wr_ast_term *t)
{
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_SCALAR: /* null is {} */
        return t->value.type == WR_NULL ? object(b, &(struct fields){.n = 0}) : t->value;
    case WR_AST_VAR:
        return wr_string(t->name);
    case WR_AST_REF:
    case WR_AST_ARRAY:
    case WR_AST_CALL:
        return terms_value(b, t->items, t->n_items);
    case WR_AST_SET:
        return set_value(b, t);
    case WR_AST_OBJECT:
        return pairs_value(b, t);
    case WR_AST_ARRAY_COMPREHENSION:
    case WR_AST_SET_COMPREHENSION:
    case WR_AST_OBJECT_COMPREHENSION:
        break;
    }
    return comprehension_value(b, t);
}

static struct wr_value term_value(struct builder *b, const struct wr_ast_term *t)
{
    struct fields f = {.n = 0};
    if (!enter(b)) {
        return wr_undefined();
    }
    b->depth++;
    set(&f, "type", text(wr_ast_type_name(t)));
    set(&f, "value", content(b, t));
    b->depth -= 2;
    return object(b, &f);
}

/* ── statements ─────────────────────────────────────────────────────────────────────────────── */

static struct wr_value withs_value(struct builder *b, const struct wr_ast_expr *expr)
{
    struct wr_value *items = list(b, expr->n_with);
    for (uint32_t i = 0; items != NULL && i < expr->n_with; i++) {
        struct fields f = {.n = 0};
        set(&f, "target", term_value(b, expr->with[i].target));
        set(&f, "value", term_value(b, expr->with[i].value));
        items[i] = object(b, &f);
    }
    return items != NULL ? wr_array(items, expr->n_with) : wr_undefined();
}

static struct wr_value expr_terms(struct builder *b, const struct wr_ast_expr *expr)
{
    struct fields f = {.n = 0};
    if (expr->kind == WR_AST_TERM) {
        const struct wr_ast_term *t = expr->term;
        return t->kind == WR_AST_CALL ? terms_value(b, t->items, t->n_items) : term_value(b, t);
    }
    if (expr->kind == WR_AST_SOME) {
        set(&f, "symbols", terms_value(b, expr->terms, expr->n_terms));
        return object(b, &f);
    }
    set(&f, "key", expr->key != NULL ? term_value(b, expr->key) : wr_null());
    set(&f, "value", term_value(b, expr->value));
    set(&f, "domain", term_value(b, expr->domain));
    set(&f, "body", body_value(b, expr->body));
    return object(b, &f);
}

static struct wr_value expr_value(struct builder *b, const struct wr_ast_expr *expr)
{
    struct fields f = {.n = 0};
    set(&f, "index", wr_int(expr->index));
    set(&f, "terms", expr_terms(b, expr));
    if (expr->n_with > 0) {
        set(&f, "with", withs_value(b, expr));
    }
    if (expr->negated) {
        set(&f, "negated", wr_bool(true));
    }
    return object(b, &f);
}

static struct wr_value body_value(struct builder *b, const struct wr_ast_body *body)
{
    struct wr_value *items = list(b, body->n);
    if (!enter(b) || items == NULL) {
        return wr_undefined();
    }
    b->depth += 3; /* the list, the statement, its terms */
    for (uint32_t i = 0; i < body->n; i++) {
        items[i] = expr_value(b, body->exprs[i]);
    }
    b->depth -= 4;
    return wr_array(items, body->n);
}

/* ── rules and modules ──────────────────────────────────────────────────────────────────────── */

static struct wr_value head_value(struct builder *b, const struct wr_ast_rule *rule)
{
    struct fields f = {.n = 0};
    struct wr_ast_term *const *ref = rule->ref->items;
    set(&f, "ref", terms_value(b, ref, rule->ref->n_items));
    if (wr_ast_rule_has_name(rule)) {
        set(&f, "name", wr_string(ref[0]->name));
    }
    if (rule->key != NULL) {
        set(&f, "key", term_value(b, rule->key));
    } else if (wr_ast_rule_has_key(rule)) {
        set(&f, "key", term_value(b, ref[1]));
    }
    if (rule->n_args > 0) {
        set(&f, "args", terms_value(b, rule->args, rule->n_args));
    }
    if (rule->value != NULL) {
        set(&f, "value", term_value(b, rule->value));
    }
    if (rule->assign) {
        set(&f, "assign", wr_bool(true));
    }
    return object(b, &f);
}

/* Else rules from the last to the first, since each holds the next: the depth of the result grows
 * with the chain. */
static struct wr_value rule_value(struct builder *b, const struct wr_ast_rule *rule)
{
    struct wr_value otherwise = wr_undefined();
    uint32_t n = 0;
    for (const struct wr_ast_rule *r = rule; r != NULL; r = r->otherwise) {
        n++;
    }
    const struct wr_ast_rule **chain = WR_NEW_ARRAY(b->arena, const struct wr_ast_rule *, n);
    if (chain == NULL || n > DEPTH_MAX / 2) {
        return fail(b, chain == NULL ? WR_E_MEMORY : WR_E_LIMIT);
    }
    chain[0] = rule;
    for (uint32_t i = 1; i < n; i++) {
        chain[i] = chain[i - 1]->otherwise;
    }
    for (uint32_t i = n; i > 0; i--) {
        struct fields f = {.n = 0};
        b->depth = i;
        set(&f, "head", head_value(b, chain[i - 1]));
        set(&f, "body", body_value(b, chain[i - 1]->body));
        if (chain[i - 1]->is_default) {
            set(&f, "default", wr_bool(true));
        }
        if (i < n) {
            set(&f, "else", otherwise);
        }
        otherwise = object(b, &f);
    }
    b->depth = 0;
    return otherwise;
}

static struct wr_value location_value(struct builder *b, const struct wr_ast_module *module,
                                      const struct wr_ast_loc *loc)
{
    struct fields f = {.n = 0};
    set(&f, "file", wr_string(module->file));
    set(&f, "row", wr_int(loc->row));
    set(&f, "col", wr_int(loc->col));
    return object(b, &f);
}

static struct wr_value base64(struct builder *b, struct wr_str s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct wr_buf out = wr_buf_in(b->arena, s.n / 3 * 4 + 4);
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t left = (uint32_t)WR_MIN(s.n - i, (size_t)3), bits = 0;
        for (uint32_t k = 0; k < 3; k++) {
            bits = bits << 8 | (k < left ? (uint8_t)s.p[i + k] : 0u);
        }
        for (uint32_t k = 0; k < 4; k++) {
            wr_buf_char(&out, k <= left ? digits[bits >> (18 - 6 * k) & 63] : '=');
        }
    }
    return out.overflow ? fail(b, WR_E_MEMORY) : wr_string(wr_buf_view(&out));
}

static struct wr_value comments_value(struct builder *b, const struct wr_ast_module *module)
{
    struct wr_value *items = list(b, module->n_comments);
    for (uint32_t i = 0; items != NULL && i < module->n_comments; i++) {
        struct fields f = {.n = 0};
        struct wr_str s = module->comments[i].text;
        set(&f, "Text", s.n > 0 ? base64(b, s) : wr_null());
        set(&f, "Location", location_value(b, module, &module->comments[i].loc));
        items[i] = object(b, &f);
    }
    return items != NULL ? wr_array(items, module->n_comments) : wr_undefined();
}

static struct wr_value imports_value(struct builder *b, const struct wr_ast_module *module)
{
    struct wr_value *items = list(b, module->n_imports);
    for (uint32_t i = 0; items != NULL && i < module->n_imports; i++) {
        struct fields f = {.n = 0};
        set(&f, "path", term_value(b, module->imports[i].path));
        if (module->imports[i].alias.n > 0) {
            set(&f, "alias", wr_string(module->imports[i].alias));
        }
        items[i] = object(b, &f);
    }
    return items != NULL ? wr_array(items, module->n_imports) : wr_undefined();
}

static struct wr_value annotations_value(struct builder *b, const struct wr_ast_module *module)
{
    struct wr_value *items = list(b, module->n_annotations);
    for (uint32_t i = 0; items != NULL && i < module->n_annotations; i++) {
        items[i] = module->annotations[i]->json;
    }
    return items != NULL ? wr_array(items, module->n_annotations) : wr_undefined();
}

static struct wr_value rules_value(struct builder *b, const struct wr_ast_module *module)
{
    struct wr_value *items = list(b, module->n_rules);
    for (uint32_t i = 0; items != NULL && i < module->n_rules; i++) {
        items[i] = rule_value(b, module->rules[i]);
    }
    return items != NULL ? wr_array(items, module->n_rules) : wr_undefined();
}

static wr_err finish(const struct builder *b, struct wr_value value, struct wr_value *out)
{
    *out = value;
    return b->err;
}

wr_err wr_ast_module_value(struct wr_arena *arena, const struct wr_ast_module *module,
                           struct wr_value *out)
{
    struct builder b = {.arena = arena};
    struct fields package = {.n = 0}, f = {.n = 0};
    set(&package, "path", terms_value(&b, module->package->items, module->package->n_items));
    set(&f, "package", object(&b, &package));
    if (module->n_imports > 0) {
        set(&f, "imports", imports_value(&b, module));
    }
    if (module->n_annotations > 0) {
        set(&f, "annotations", annotations_value(&b, module));
    }
    if (module->n_rules > 0) {
        set(&f, "rules", rules_value(&b, module));
    }
    if (module->n_comments > 0) {
        set(&f, "comments", comments_value(&b, module));
    }
    return finish(&b, object(&b, &f), out);
}

wr_err wr_ast_body_value(struct wr_arena *arena, const struct wr_ast_body *body,
                         struct wr_value *out)
{
    struct builder b = {.arena = arena};
    return finish(&b, body_value(&b, body), out);
}

wr_err wr_ast_term_value(struct wr_arena *arena, const struct wr_ast_term *term,
                         struct wr_value *out)
{
    struct builder b = {.arena = arena};
    return finish(&b, term_value(&b, term), out);
}
