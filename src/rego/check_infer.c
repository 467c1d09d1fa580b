/* SPDX-License-Identifier: Apache-2.0 */
/* Types of statements and rules. Rules are looked at behind those that they use; a rule with an
 * error may have any type, so that those that use it are not blamed. */
#include "rego/check_infer.h"

/* ── errors ─────────────────────────────────────────────────────────────────────────────────── */

static struct wr_str format_in(struct wr_arena *arena, const char *format, va_list args)
{
    struct wr_buf text = wr_buf_in(arena, 64);
    wr_vformat(&text, format, args);
    return text.overflow ? WR_STR("") : wr_buf_view(&text);
}

struct type_error *wr_infer_error(struct infer *in, const struct wr_ast_loc *loc,
                                  const char *format, ...)
{
    struct type_error *e = WR_NEW(in->c->arena, struct type_error);
    if (e == NULL) {
        wr_check_no_room(in->c);
        return NULL;
    }
    va_list args;
    va_start(args, format);
    e->message = format_in(in->c->arena, format, args);
    va_end(args);
    e->loc = loc;
    e->file = in->c->file;
    wr_check_push(in->c, &in->errors, e);
    return e;
}

void wr_infer_detail(struct infer *in, struct type_error *e, const char *format, ...)
{
    if (e == NULL || e->n_lines == WR_COUNTOF(e->lines)) {
        return;
    }
    va_list args;
    va_start(args, format);
    e->lines[e->n_lines++] = format_in(in->c->arena, format, args);
    va_end(args);
}

static int error_order(const struct type_error *a, const struct type_error *b)
{
    int order = wr_str_cmp(a->file, b->file);
    if (order != 0) {
        return order;
    }
    if (a->loc->row != b->loc->row) {
        return a->loc->row < b->loc->row ? -1 : 1;
    }
    if (a->loc->col != b->loc->col) {
        return a->loc->col < b->loc->col ? -1 : 1;
    }
    return wr_str_cmp(a->message, b->message);
}

/* In order of places; only as many as are reported anyway. */
static void report(struct infer *in)
{
    struct wr_check *c = in->c;
    for (uint32_t i = 0; i < in->errors.n && !c->stop; i++) {
        for (uint32_t k = i + 1; k < in->errors.n; k++) {
            struct type_error *a = in->errors.items[i], *b = in->errors.items[k];
            if (error_order(b, a) < 0) {
                in->errors.items[i] = b, in->errors.items[k] = a;
            }
        }
        struct type_error *e = in->errors.items[i];
        c->file = e->file;
        struct wr_rego_error *out =
            wr_check_error(c, WR_E_REGO_TYPE, e->loc, "%.*s", WR_FMT(e->message));
        for (uint32_t k = 0; k < e->n_lines; k++) {
            wr_rego_error_detail(c->errors, out, "%.*s", WR_FMT(e->lines[k]));
        }
        if (out != NULL) {
            out->details = wr_str_copy(c->errors->arena, e->details);
        }
    }
}

/* ── calls ──────────────────────────────────────────────────────────────────────────────────── */

static void argument_error(struct infer *in, const struct wr_ast_loc *loc,
                           const struct wr_ast_term *ref, const char *what,
                           const struct wr_check_type *const *have, uint32_t n,
                           const struct wr_check_type *function, bool result)
{
    struct wr_check *c = in->c;
    struct wr_ast_term copy = *ref;
    struct wr_str name = wr_check_ref_text(c, copy.items, copy.n_items);
    struct type_error *e = wr_infer_error(in, loc, "%.*s: %s", WR_FMT(name), what);
    struct wr_buf given = wr_buf_in(c->arena, 64), want = wr_buf_in(c->arena, 64);
    for (uint32_t i = 0; i < n && e != NULL; i++) {
        wr_buf_str(&given, i > 0 ? WR_STR(", ") : WR_STR(""));
        wr_type_write(&given, have[i]);
        e->from_unknown |= wr_type_is_unknown(have[i]);
    }
    wr_infer_detail(in, e, "have: (%.*s)", (int)given.n, given.p);
    wr_type_write_arguments(&want, function, result);
    wr_infer_detail(in, e, "want: %.*s", (int)want.n, want.p);
    if (e != NULL) {
        e->details = wr_check_argument_details(c, name, have, n, function, result);
    }
}

static const struct wr_check_type *parameter(const struct wr_check_type *f, uint32_t i)
{
    if (i < f->n) {
        return f->of[i];
    }
    return i == f->n && f->rest != NULL ? f->rest : f->key;
}

static void check_call(struct infer *in, const struct wr_ast_expr *e)
{
    struct wr_check *c = in->c;
    const struct wr_ast_term *call = e->term;
    struct wr_ast_term *ref = call->items[0];
    uint32_t n = call->n_items - 1;
    const struct wr_check_type *f = wr_check_signature(c, ref);
    f = f != NULL ? f : wr_infer_ref(in, ref->items, ref->n_items);
    if (f != NULL && f->kind == WR_T_ANY) {
        return;
    }
    if (f == NULL || f->kind != WR_T_FUNCTION) {
        struct wr_ast_term copy = *ref;
        struct wr_str name = wr_check_ref_text(c, copy.items, copy.n_items);
        wr_infer_error(in, &e->loc, "undefined function %.*s", WR_FMT(name));
        return;
    }
    const struct wr_check_type **have = WR_NEW_ARRAY(c->arena, const struct wr_check_type *, n);
    if (have == NULL) {
        wr_check_no_room(c);
        return;
    }
    const char *wrong = n > f->n + (f->rest != NULL) && f->key == NULL ? "too many arguments"
                        : n < f->n                                     ? "too few arguments"
                                                                       : NULL;
    for (uint32_t i = 0; i < n && wrong == NULL; i++) {
        if (!wr_infer_unify(in, call->items[i + 1], parameter(f, i), false)) {
            wrong = "invalid argument(s)";
        }
    }
    if (wrong == NULL || c->stop) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        have[i] = wr_infer_type(in, call->items[i + 1]);
    }
    argument_error(in, &e->loc, ref, wrong, have, n, f, true);
}

/* ── equations ──────────────────────────────────────────────────────────────────────────────── */

static bool unify_terms(struct infer *in, struct wr_ast_term *a, struct wr_ast_term *b);

static bool unify_objects(struct infer *in, struct wr_ast_term *a, struct wr_ast_term *b)
{
    if (a->n_items != b->n_items) {
        return false;
    }
    for (uint32_t i = 0; i + 1 < a->n_items; i += 2) {
        bool found = false;
        for (uint32_t k = 0; k + 1 < b->n_items && !found && !in->c->stop; k += 2) {
            wr_check_charge(in->c, 1);
            found = wr_ast_term_cmp(a->items[i], b->items[k]) == 0;
            if (found && !unify_terms(in, a->items[i + 1], b->items[k + 1])) {
                return false;
            }
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* An array or object of which not all is known, and something else like that. */
static bool unify_unknown(struct infer *in, struct wr_ast_term *a, struct wr_ast_term *b)
{
    if (b->kind == WR_AST_VAR) {
        return wr_infer_unify(in, a, &wr_type_any, false) &&
               wr_infer_unify(in, b, wr_infer_type(in, a), false);
    }
    if (a->kind == WR_AST_ARRAY && b->kind == WR_AST_ARRAY && a->n_items == b->n_items) {
        for (uint32_t i = 0; i < a->n_items; i++) {
            if (!unify_terms(in, a->items[i], b->items[i])) {
                return false;
            }
        }
        return true;
    }
    return a->kind == WR_AST_OBJECT && b->kind == WR_AST_OBJECT && unify_objects(in, a, b);
}

static bool unify_terms(struct infer *in, struct wr_ast_term *a, struct wr_ast_term *b)
{
    const struct wr_check_type *x = wr_infer_type(in, a), *y = wr_infer_type(in, b);
    bool no_x = wr_type_is_unknown(x), no_y = wr_type_is_unknown(y);
    if (in->c->stop) {
        return true;
    }
    if (no_x && !no_y) {
        return wr_infer_unify(in, a, y, false);
    }
    if (no_y && !no_x) {
        return wr_infer_unify(in, b, x, false);
    }
    if (!no_x) {
        return wr_type_unifies(&in->c->types, x, y);
    }
    if (a->kind == WR_AST_ARRAY || a->kind == WR_AST_OBJECT) {
        return unify_unknown(in, a, b);
    }
    if (a->kind != WR_AST_VAR) {
        return false;
    }
    if (b->kind == WR_AST_ARRAY || b->kind == WR_AST_OBJECT) {
        return unify_unknown(in, b, a);
    }
    return b->kind == WR_AST_VAR && wr_infer_unify(in, a, &wr_type_any, false) &&
           wr_infer_unify(in, b, wr_infer_type(in, a), false);
}

static void check_equation(struct infer *in, const struct wr_ast_expr *e)
{
    struct wr_ast_term *a = e->term->items[1], *b = e->term->items[2];
    const struct wr_check_type *x = wr_infer_type(in, a), *y = wr_infer_type(in, b);
    if (unify_terms(in, a, b)) {
        return;
    }
    struct type_error *error = wr_infer_error(in, &e->loc, "match error");
    struct wr_buf left = wr_buf_in(in->c->arena, 64), right = wr_buf_in(in->c->arena, 64);
    wr_type_write(&left, x);
    wr_type_write(&right, y);
    wr_infer_detail(in, error, "left  : %.*s", (int)left.n, left.p);
    wr_infer_detail(in, error, "right : %.*s", (int)right.n, right.p);
    if (error != NULL) {
        struct wr_buf json = wr_buf_in(in->c->arena, 128);
        wr_buf_str(&json, WR_STR("{\"a\":"));
        wr_type_write_json(&json, x);
        wr_buf_str(&json, WR_STR(",\"b\":"));
        wr_type_write_json(&json, y);
        wr_buf_char(&json, '}');
        error->details = wr_buf_view(&json);
        error->from_unknown = wr_type_is_unknown(x) || wr_type_is_unknown(y);
    }
}

/* ── statements ─────────────────────────────────────────────────────────────────────────────── */

/* False with an error: a function may be replaced by one of the same arguments only. */
static bool check_with(struct infer *in, const struct wr_ast_expr *e)
{
    for (uint32_t i = 0; i < e->n_with; i++) {
        struct wr_ast_term *target = e->with[i].target;
        const struct wr_check_type *t = wr_infer_type(in, target);
        const struct wr_check_type *v = wr_infer_type(in, e->with[i].value);
        if (t != NULL && v != NULL && t->kind == WR_T_FUNCTION && v->kind == WR_T_FUNCTION &&
            !wr_type_unifies(&in->c->types, t, v)) {
            argument_error(in, &e->with[i].loc, target, "arity mismatch", v->of, v->n, t, false);
            return false;
        }
    }
    return true;
}

static void check_body(struct infer *in, const struct wr_ast_body *body);

/* All comprehensions of a statement; of several with errors the last one counts. */
static void check_closures(struct infer *in, struct wr_ast_term *t, uint32_t before)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || in->c->stop) {
        return;
    }
    if (t->body != NULL) {
        struct check_list outer = in->errors;
        in->errors = (struct check_list){0};
        wr_infer_comprehension(in, t);
        struct check_list found = in->errors;
        in->errors = outer;
        if (found.n > 0) {
            in->errors.n = before;
            for (uint32_t i = 0; i < found.n; i++) {
                wr_check_push(in->c, &in->errors, found.items[i]);
            }
        }
        return;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        check_closures(in, t->items[i], before);
    }
}

static void check_closures_of(struct infer *in, const struct wr_ast_expr *e)
{
    uint32_t before = in->errors.n;
    if (e->kind == WR_AST_EVERY) {
        check_closures(in, e->domain, before);
    } else if (e->term != NULL) {
        check_closures(in, e->term, before);
    }
    for (uint32_t i = 0; i < e->n_with; i++) {
        check_closures(in, e->with[i].value, before);
    }
}

static void check_expr(struct infer *in, const struct wr_ast_expr *e)
{
    uint32_t before = in->errors.n;
    check_closures_of(in, e);
    wr_infer_check_refs(in, e);
    uint32_t inner = in->errors.n;
    if (check_with(in, e) && wr_check_is_call(e)) {
        if (!wr_check_is_op(e->term, "eq")) {
            check_call(in, e);
        } else if (e->term->n_items == 3) {
            check_equation(in, e);
        }
    }
    if (in->errors.n > inner && inner > before &&
        ((struct type_error *)in->errors.items[in->errors.n - 1])->from_unknown) {
        in->errors.n = inner;
    }
}

static void check_body(struct infer *in, const struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n && !in->c->stop; i++) {
        check_expr(in, body->exprs[i]);
    }
}

/* Variables back to what they were. */
static void unbind(struct infer *in, uint32_t to)
{
    while (in->bound.n > to) {
        const struct wr_check_type *before = in->bound.items[in->bound.n - 1];
        uint32_t var = (uint32_t)(uintptr_t)in->bound.items[in->bound.n - 2];
        in->c->vars->items[var].type = before;
        in->bound.n -= 2;
    }
}

const struct wr_check_type *wr_infer_comprehension(struct infer *in, struct wr_ast_term *t)
{
    struct wr_check *c = in->c;
    const struct wr_check_type *type = NULL;
    if (t->tag > 0) {
        return in->closures.items[t->tag - 1];
    }
    uint32_t bound = in->bound.n, errors = in->errors.n;
    check_body(in, t->body);
    if (in->errors.n == errors && !c->stop) {
        const struct wr_check_type *first = wr_infer_type(in, t->items[0]);
        if (t->kind == WR_AST_ARRAY_COMPREHENSION) {
            type = wr_type_array(&c->types, NULL, 0, first);
        } else if (t->kind == WR_AST_SET_COMPREHENSION) {
            type = wr_type_set(&c->types, first);
        } else {
            type = wr_type_object(&c->types, NULL, NULL, 0, first, wr_infer_type(in, t->items[1]));
        }
    }
    unbind(in, bound);
    wr_check_push(c, &in->closures, (void *)(uintptr_t)type);
    t->tag = in->closures.n;
    return type;
}

/* ── the tree of types ──────────────────────────────────────────────────────────────────────── */

static bool is_object(const struct wr_check_type *t)
{
    return t != NULL && t->kind == WR_T_OBJECT;
}

/* An object with something more below a path of keys. */
static const struct wr_check_type *insert(struct infer *in, const struct wr_check_type *object,
                                          const struct wr_value *keys, uint32_t n,
                                          const struct wr_check_type *t)
{
    struct wr_check_types *ts = &in->c->types;
    if (n == 0 || in->c->stop) {
        return object;
    }
    const struct wr_check_type *key = wr_type_of(ts, &keys[0]);
    if (n > 1) {
        t = insert(in, wr_type_object(ts, NULL, NULL, 0, NULL, NULL), keys + 1, n - 1, t);
    }
    if (object->rest != NULL) {
        key = wr_type_or(ts, object->key, key);
        t = wr_type_or(ts, object->rest, t);
    }
    return wr_type_object(ts, (struct wr_value *)(uintptr_t)object->keys, object->of, object->n,
                          key, t);
}

static const struct wr_check_type *merge(struct infer *in, const struct wr_check_type *a,
                                         const struct wr_check_type *b)
{
    struct wr_check_types *ts = &in->c->types;
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    if (a->kind == WR_T_ANY && a->n == 0) {
        return a; /* a clause has an error */
    }
    bool open = is_object(a) && is_object(b) && a->n == 0 && b->n == 0;
    if (open && a->rest != NULL && b->rest != NULL) {
        return wr_type_object(ts, NULL, NULL, 0, wr_type_or(ts, a->key, b->key),
                              merge(in, a->rest, b->rest));
    }
    if (a->kind == WR_T_SET && b->kind == WR_T_SET) {
        return wr_type_set(ts, wr_type_or(ts, a->rest, b->rest));
    }
    const struct wr_check_type *any = a->kind == WR_T_ANY ? a : b, *one = any == a ? b : a;
    if (any->kind == WR_T_ANY && one->kind != WR_T_ANY && is_object(one) && one->n == 0) {
        const struct wr_check_type *out = NULL;
        bool merged = false;
        for (uint32_t i = 0; i < any->n; i++) {
            bool fits = !merged && is_object(any->of[i]) && any->of[i]->n == 0;
            out = wr_type_or(ts, out, fits ? merge(in, any->of[i], one) : any->of[i]);
            merged |= fits;
        }
        if (merged) {
            return out;
        }
    }
    return wr_type_or(ts, a, b);
}

/* Types of nodes below go into the object above them. */
static void take_leaves(struct infer *in, struct check_node *top, const struct check_node *node,
                        struct wr_value *keys, uint32_t depth)
{
    for (const struct check_node *child = node->child; child != NULL && !in->c->stop;
         child = child->sibling) {
        keys[depth] = child->key;
        wr_check_charge(in->c, 1);
        if (child->type == NULL && depth + 1 < WR_LIMIT_REGO_HEAD) {
            take_leaves(in, top, child, keys, depth + 1);
        } else if (child->type != NULL && is_object(top->type)) {
            top->type = insert(in, top->type, keys, depth + 1, child->type);
        }
    }
}

static void put_rule(struct infer *in, const struct check_rule *rule, const struct wr_check_type *t,
                     bool merged)
{
    struct wr_check *c = in->c;
    struct check_node *node = c->typed.root;
    uint32_t n = rule->n_ground;
    struct wr_value *keys = WR_NEW_ARRAY(c->arena, struct wr_value, WR_MAX(n, WR_LIMIT_REGO_HEAD));
    if (keys == NULL) {
        wr_check_no_room(c);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        keys[i] = rule->path->items[i]->value;
    }
    for (uint32_t i = 1; i < n && !c->stop; i++) {
        if (merged && node != c->typed.root && is_object(node->type)) {
            node->type = insert(in, node->type, keys + i, n - i, t);
        }
        node = wr_check_add_child(c, &c->typed, node, keys[i]);
    }
    if (t != NULL) {
        node->type = merged ? merge(in, node->type, t) : t;
    }
    if (merged && is_object(t) && is_object(node->type) && node->child != NULL) {
        take_leaves(in, node, node, keys, 0);
    }
}

/* ── rules ──────────────────────────────────────────────────────────────────────────────────── */

static const struct wr_check_type *function_type(struct infer *in, const struct check_rule *rule)
{
    struct wr_check *c = in->c;
    uint32_t n = rule->source->n_args;
    struct check_set vars = {0};
    const struct wr_check_type **of = WR_NEW_ARRAY(c->keep, const struct wr_check_type *, n);
    if (of == NULL) {
        wr_check_no_room(c);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        wr_check_vars_of_term(c, &vars, rule->args[i], 0);
    }
    for (uint32_t v = 0; v < c->vars->n; v++) {
        if (wr_varset_has(&vars, v) && c->vars->items[v].type == NULL) {
            c->vars->items[v].type = &wr_type_any;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        of[i] = wr_infer_type(in, rule->args[i]);
    }
    return wr_type_function(&c->types, of, n,
                            rule->value != NULL ? wr_infer_type(in, rule->value) : NULL);
}

/* Of a rule's document: objects around the value where the head has variables. */
static const struct wr_check_type *document_type(struct infer *in, const struct check_rule *rule)
{
    struct wr_check_types *ts = &in->c->types;
    if (rule->key != NULL) {
        const struct wr_check_type *of = wr_infer_type(in, rule->key);
        bool ground = rule->n_ground == rule->path->n_items;
        return of != NULL && ground ? wr_type_set(ts, of) : NULL;
    }
    const struct wr_check_type *t = rule->value != NULL ? wr_infer_type(in, rule->value) : NULL;
    for (uint32_t i = rule->path->n_items; i-- > rule->n_ground && t != NULL;) {
        const struct wr_check_type *key = wr_infer_type(in, rule->path->items[i]);
        t = key != NULL ? wr_type_object(ts, NULL, NULL, 0, key, t) : NULL;
    }
    return t;
}

static void infer_rule(struct infer *in, struct check_rule *rule)
{
    struct wr_check *c = in->c;
    uint32_t errors = in->errors.n;
    c->vars = rule->vars;
    c->module = rule->module;
    c->file = rule->module->ast->file;
    in->bound.n = 0;
    for (uint32_t v = 0; v < c->vars->n; v++) {
        c->vars->items[v].type = NULL;
    }
    check_body(in, rule->body);
    if (in->errors.n > errors) {
        bool ground = rule->n_ground == rule->path->n_items;
        put_rule(in, rule, ground ? &wr_type_any : NULL, false);
        return;
    }
    const struct wr_check_type *t =
        rule->source->n_args > 0 ? function_type(in, rule) : document_type(in, rule);
    if (t != NULL) {
        put_rule(in, rule, t, true);
    }
}

void wr_check_types(struct wr_check *c)
{
    struct infer in = {.c = c};
    for (uint32_t i = 0; i < c->order.n && !c->stop; i++) {
        infer_rule(&in, c->order.items[i]);
    }
    if (!c->stop) {
        report(&in);
    }
}

void wr_check_types_of_query(struct wr_check *c, const struct wr_ast_body *body)
{
    struct infer in = {.c = c};
    check_body(&in, body);
    if (!c->stop) {
        report(&in);
    }
}
