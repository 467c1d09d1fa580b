/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical text. Two manners: as OPA writes terms into messages, and exact, which keeps the
 * order of objects and brackets what may be a keyword, so that it reads back as the same tree. */
#include "rego/print.h"
#include "rego/lex.h"
#include "rego/parse.h"
#include "value/json_write.h"

struct printer {
    struct wr_buf *buf;
    bool exact;
};

static void put(const struct printer *pr, const char *text)
{
    wr_buf_str(pr->buf, wr_str_z(text));
}

static void print_term(const struct printer *pr, const struct wr_ast_term *t);
static void print_body(const struct printer *pr, const struct wr_ast_body *body);

static void print_list(const struct printer *pr, struct wr_ast_term *const *terms, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) {
            put(pr, ", ");
        }
        print_term(pr, terms[i]);
    }
}

/* A word of the language heads a reference (version 1) by the dot behind it. */
static bool after_keyword(struct wr_ast_term *const *items, uint32_t i)
{
    return i == 1 && items[0]->kind == WR_AST_VAR && wr_ast_is_string(items[1]) &&
           (wr_lex_is_keyword(items[0]->name) || wr_lex_is_future_keyword(items[0]->name)) &&
           wr_lex_is_name(wr_text(items[1]->value));
}

static void print_ref(const struct printer *pr, struct wr_ast_term *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct wr_str name = wr_ast_is_string(items[i]) ? wr_text(items[i]->value) : WR_STR("");
        if (i == 0) {
            print_term(pr, items[i]);
        } else if (after_keyword(items, i) || (wr_lex_is_name(name) && !wr_lex_is_keyword(name) &&
                                               !(pr->exact && wr_lex_is_future_keyword(name)))) {
            wr_buf_char(pr->buf, '.');
            wr_buf_str(pr->buf, name);
        } else {
            wr_buf_char(pr->buf, '[');
            print_term(pr, items[i]);
            wr_buf_char(pr->buf, ']');
        }
    }
}

#define SORTED_PAIRS 64 /* larger objects stay in source order */

/* The order of the pairs in messages: by key where all keys are scalars. */
static void sort_pairs(const struct wr_ast_term *t, uint8_t order[SORTED_PAIRS])
{
    uint32_t n = t->n_items / 2;
    for (uint32_t i = 0; i < n; i++) {
        order[i] = (uint8_t)i;
        if (t->items[(size_t)2 * i]->kind != WR_AST_SCALAR) {
            n = 0; /* the loop below has nothing to do, but the order must be filled */
            for (uint32_t k = i; k < t->n_items / 2; k++) {
                order[k] = (uint8_t)k;
            }
        }
    }
    for (uint32_t i = 1; i < n; i++) {
        uint8_t moved = order[i];
        uint32_t k = i;
        for (; k > 0 && wr_value_cmp(&t->items[(size_t)2 * moved]->value,
                                     &t->items[(size_t)2 * order[k - 1]]->value) < 0;
             k--) {
            order[k] = order[k - 1];
        }
        order[k] = moved;
    }
}

static void print_object(const struct printer *pr, const struct wr_ast_term *t)
{
    uint8_t order[SORTED_PAIRS];
    uint32_t n = t->n_items / 2;
    bool sorted = !pr->exact && n <= SORTED_PAIRS;
    if (sorted) {
        sort_pairs(t, order);
    }
    wr_buf_char(pr->buf, '{');
    for (uint32_t i = 0; i < n; i++) {
        size_t pair = (size_t)2 * (sorted ? order[i] : i);
        if (i > 0) {
            put(pr, ", ");
        }
        print_term(pr, t->items[pair]);
        put(pr, ": ");
        print_term(pr, t->items[pair + 1]);
    }
    wr_buf_char(pr->buf, '}');
}

/* Sorted where all members are scalars, but in exact texts. */
static void print_set(const struct printer *pr, const struct wr_ast_term *t)
{
    struct wr_ast_term *items[SORTED_PAIRS];
    bool sorted = !pr->exact && t->n_items <= SORTED_PAIRS;
    for (uint32_t i = 0; sorted && i < t->n_items; i++) {
        struct wr_ast_term *item = t->items[i];
        uint32_t at = i;
        sorted = item->kind == WR_AST_SCALAR;
        for (; sorted && at > 0 && wr_value_cmp(&items[at - 1]->value, &item->value) > 0; at--) {
            items[at] = items[at - 1];
        }
        items[at] = item;
    }
    print_list(pr, sorted ? items : t->items, t->n_items);
}

static void print_comprehension(const struct printer *pr, const struct wr_ast_term *t)
{
    bool array = t->kind == WR_AST_ARRAY_COMPREHENSION;
    wr_buf_char(pr->buf, array ? '[' : '{');
    print_term(pr, t->items[0]);
    if (t->kind == WR_AST_OBJECT_COMPREHENSION) {
        put(pr, ": ");
        print_term(pr, t->items[1]);
    }
    put(pr, " | ");
    print_body(pr, t->body);
    wr_buf_char(pr->buf, array ? ']' : '}');
}

static void print_term(const struct printer *pr, const struct wr_ast_term *t)
{
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_SCALAR:
        wr_json_write(pr->buf, &t->value, WR_JSON_COMPACT);
        break;
    case WR_AST_VAR:
        wr_buf_str(pr->buf, wr_ast_is_wildcard(t) ? WR_STR("_") : t->name);
        break;
    case WR_AST_REF:
        print_ref(pr, t->items, t->n_items);
        break;
    case WR_AST_ARRAY:
        wr_buf_char(pr->buf, '[');
        print_list(pr, t->items, t->n_items);
        wr_buf_char(pr->buf, ']');
        break;
    case WR_AST_SET:
        put(pr, t->n_items > 0 ? "{" : "set(");
        print_set(pr, t);
        put(pr, t->n_items > 0 ? "}" : ")");
        break;
    case WR_AST_OBJECT:
        print_object(pr, t);
        break;
    case WR_AST_ARRAY_COMPREHENSION:
    case WR_AST_SET_COMPREHENSION:
    case WR_AST_OBJECT_COMPREHENSION:
        print_comprehension(pr, t);
        break;
    case WR_AST_CALL:
        print_term(pr, t->items[0]);
        wr_buf_char(pr->buf, '(');
        print_list(pr, t->items + 1, t->n_items - 1);
        wr_buf_char(pr->buf, ')');
        break;
    }
}

static void print_some(const struct printer *pr, const struct wr_ast_expr *expr)
{
    const struct wr_ast_term *first = expr->terms[0];
    put(pr, "some ");
    if (first->kind == WR_AST_CALL && !pr->exact) {
        print_list(pr, first->items + 1, first->n_items - 2);
        put(pr, " in ");
        print_term(pr, first->items[first->n_items - 1]);
    } else {
        print_list(pr, expr->terms, expr->n_terms);
    }
}

static void print_every(const struct printer *pr, const struct wr_ast_expr *expr)
{
    put(pr, "every ");
    if (expr->key != NULL) {
        print_term(pr, expr->key);
        put(pr, ", ");
    }
    print_term(pr, expr->value);
    put(pr, " in ");
    print_term(pr, expr->domain);
    put(pr, " { ");
    print_body(pr, expr->body);
    put(pr, " }");
}

static void print_expr(const struct printer *pr, const struct wr_ast_expr *expr)
{
    if (expr->negated) {
        put(pr, "not ");
    }
    const struct wr_ast_term *t = expr->term;
    if (expr->kind == WR_AST_SOME) {
        print_some(pr, expr);
    } else if (expr->kind == WR_AST_EVERY) {
        print_every(pr, expr);
    } else if (t->n_items == 3 && wr_ast_is_call_of(t, WR_STR("eq"))) {
        print_term(pr, t->items[1]);
        put(pr, " = ");
        print_term(pr, t->items[2]);
    } else {
        print_term(pr, t);
    }
    for (uint32_t i = 0; i < expr->n_with; i++) {
        put(pr, " with ");
        print_term(pr, expr->with[i].target);
        put(pr, " as ");
        print_term(pr, expr->with[i].value);
    }
}

static void print_body(const struct printer *pr, const struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n; i++) {
        if (i > 0) {
            put(pr, "; ");
        }
        print_expr(pr, body->exprs[i]);
    }
}

/* ── rules and modules ──────────────────────────────────────────────────────────────────────── */

static void print_value(const struct printer *pr, const struct wr_ast_rule *rule)
{
    put(pr, rule->assign ? " := " : " = ");
    print_term(pr, rule->value);
}

static void print_head(const struct printer *pr, const struct wr_ast_rule *rule)
{
    print_ref(pr, rule->ref->items, rule->ref->n_items);
    if (rule->n_args > 0) {
        wr_buf_char(pr->buf, '(');
        print_list(pr, rule->args, rule->n_args);
        wr_buf_char(pr->buf, ')');
    }
    if (rule->key != NULL) {
        bool brackets = !rule->with_contains;
        put(pr, brackets ? "[" : " contains ");
        print_term(pr, rule->key);
        put(pr, brackets ? "]" : "");
    }
    if (rule->value != NULL) {
        print_value(pr, rule);
    }
}

static void print_block(const struct printer *pr, const struct wr_ast_rule *rule)
{
    if (rule->is_default || rule->body_generated) {
        return;
    }
    put(pr, rule->with_if ? " if { " : " { ");
    print_body(pr, rule->body);
    put(pr, " }");
}

static void print_rule(const struct printer *pr, const struct wr_ast_rule *rule)
{
    put(pr, rule->is_default ? "default " : "");
    print_head(pr, rule);
    print_block(pr, rule);
    for (const struct wr_ast_rule *r = rule->otherwise; r != NULL; r = r->otherwise) {
        put(pr, " else");
        print_value(pr, r);
        print_block(pr, r);
    }
}

static void print_package(const struct printer *pr, const struct wr_ast_term *package)
{
    put(pr, "package ");
    struct wr_str first = wr_text(package->items[1]->value);
    wr_buf_str(pr->buf, first.n > 0 && first.p[0] == '$' ? WR_STR("_") : first);
    for (uint32_t i = 2; i < package->n_items; i++) {
        struct wr_str name = wr_text(package->items[i]->value);
        if (wr_lex_is_name(name) && !wr_lex_is_keyword(name)) {
            wr_buf_char(pr->buf, '.');
            wr_buf_str(pr->buf, name);
        } else {
            wr_buf_char(pr->buf, '[');
            print_term(pr, package->items[i]);
            wr_buf_char(pr->buf, ']');
        }
    }
    wr_buf_char(pr->buf, '\n');
}

void wr_rego_print_module(struct wr_buf *buf, const struct wr_ast_module *module)
{
    struct printer pr = {buf, true}, imports = {buf, false};
    print_package(&imports, module->package);
    for (uint32_t i = 0; i < module->n_imports; i++) {
        put(&pr, "import ");
        print_term(&imports, module->imports[i].path);
        if (module->imports[i].alias.n > 0) {
            put(&pr, " as ");
            wr_buf_str(buf, module->imports[i].alias);
        }
        wr_buf_char(buf, '\n');
    }
    for (uint32_t i = 0; i < module->n_rules; i++) {
        print_rule(&pr, module->rules[i]);
        wr_buf_char(buf, '\n');
    }
}

void wr_rego_print_term(struct wr_buf *buf, const struct wr_ast_term *term)
{
    print_term(&(struct printer){buf, false}, term);
}

void wr_rego_print_expr(struct wr_buf *buf, const struct wr_ast_expr *expr)
{
    print_expr(&(struct printer){buf, false}, expr);
}

void wr_rego_print_body(struct wr_buf *buf, const struct wr_ast_body *body)
{
    print_body(&(struct printer){buf, false}, body);
}

void wr_rego_print_head(struct wr_buf *buf, const struct wr_ast_rule *rule)
{
    print_head(&(struct printer){buf, false}, rule);
}

void wr_rego_print_rule(struct wr_buf *buf, const struct wr_ast_rule *rule)
{
    print_rule(&(struct printer){buf, false}, rule);
}

void wr_rego_print_ref(struct wr_buf *buf, struct wr_ast_term *const *items, uint32_t n)
{
    print_ref(&(struct printer){buf, false}, items, n);
}
