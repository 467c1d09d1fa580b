/* SPDX-License-Identifier: Apache-2.0 */
/* The copy of a module: names of rules and imports become paths, variables get numbers.
 *
 * A name stands for a rule of the package or an import unless it is an argument, or declared in the
 * body or a comprehension around; declarations hide a name in all of their body. */
#include "rego/check_state.h"
#include "rego/print.h"

/* ── hiding ─────────────────────────────────────────────────────────────────────────────────── */

static void hide(struct wr_check *c, void *context, const struct wr_ast_term *var)
{
    uint32_t *count = wr_name_map_get(&c->ignored, var->name);
    if (count != NULL) {
        (*count)++;
    } else if (!wr_name_map_put(&c->ignored, c->arena, var->name, 1)) {
        wr_check_no_room(c);
    }
    wr_check_push(c, context, (void *)(uintptr_t)var);
}

static void unhide(struct wr_check *c, const struct check_list *hidden)
{
    for (uint32_t i = 0; i < hidden->n; i++) {
        uint32_t *count =
            wr_name_map_get(&c->ignored, ((const struct wr_ast_term *)hidden->items[i])->name);
        if (count != NULL) {
            (*count)--;
        }
    }
}

static bool is_hidden(const struct wr_check *c, struct wr_str name)
{
    const uint32_t *count = wr_name_map_get(&c->ignored, name);
    return count != NULL && *count > 0;
}

/* ── declarations ───────────────────────────────────────────────────────────────────────────── */

typedef void on_var(struct wr_check *, void *, const struct wr_ast_term *);

static void vars_below(struct wr_check *c, const struct wr_ast_term *t, on_var *f, void *context)
{
    if (t->kind == WR_AST_VAR) {
        f(c, context, t);
    } else if (t->kind != WR_AST_SCALAR) {
        for (uint32_t i = 0; i < t->n_items; i++) {
            vars_below(c, t->items[i], f, context);
        }
    }
}

static void declared_by(struct wr_check *c, const struct wr_ast_expr *e, on_var *f, void *context)
{
    if (wr_check_is_call(e) && wr_check_is_op(e->term, "assign") && e->term->n_items == 3) {
        vars_below(c, e->term->items[1], f, context);
    }
    for (uint32_t i = 0; e->kind == WR_AST_SOME && i < e->n_terms; i++) {
        const struct wr_ast_term *t = e->terms[i];
        if (t->kind == WR_AST_VAR) {
            f(c, context, t);
        }
        for (uint32_t k = 1; t->kind == WR_AST_CALL && k + 1 < t->n_items; k++) {
            vars_below(c, t->items[k], f, context);
        }
    }
}

void wr_check_declared(struct wr_check *c, const struct wr_ast_body *body, bool nested, on_var *f,
                       void *context)
{
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        declared_by(c, body->exprs[i], f, context);
        if (nested && body->exprs[i]->kind == WR_AST_EVERY) {
            wr_check_declared(c, body->exprs[i]->body, true, f, context);
        }
    }
}

/* ── names ──────────────────────────────────────────────────────────────────────────────────── */

static uint32_t number_of(struct wr_check *c, struct wr_str name)
{
    uint32_t *known = wr_name_map_get(&c->ids, name);
    if (known != NULL) {
        return *known;
    }
    uint32_t var = wr_check_new_var(c, name);
    if (!wr_name_map_put(&c->ids, c->arena, name, var)) {
        wr_check_no_room(c);
    }
    if (wr_check_is_generated(name) && !wr_name_map_put(&c->generated, c->arena, name, 1)) {
        wr_check_no_room(c);
    }
    return var;
}

static struct wr_ast_term *copy_var(struct wr_check *c, const struct wr_ast_term *t)
{
    return wr_check_var(c, number_of(c, t->name), &t->loc);
}

static struct wr_ast_term *import_ref(struct wr_check *c, const struct wr_ast_term *path,
                                      const struct wr_ast_loc *loc)
{
    uint32_t n = path->kind == WR_AST_REF ? path->n_items : 1;
    struct wr_ast_term *ref = wr_check_new_items(c, WR_AST_REF, loc, n);
    for (uint32_t i = 0; i < ref->n_items && ref != &c->sink; i++) {
        const struct wr_ast_term *item = path->kind == WR_AST_REF ? path->items[i] : path;
        ref->items[i] = wr_check_new(c, (enum wr_ast_kind)item->kind, loc);
        if (item->kind == WR_AST_VAR) {
            ref->items[i]->name = item->name;
            ref->items[i]->tag = number_of(c, item->name);
        } else if (ref->items[i] != &c->sink) {
            ref->items[i]->value = item->value;
        }
    }
    return ref;
}

/* What a name stands for; NULL when it is a variable. */
static struct wr_ast_term *global(struct wr_check *c, struct wr_str name,
                                  const struct wr_ast_loc *loc)
{
    struct check_module *m = c->module;
    if (m == NULL || is_hidden(c, name)) {
        return NULL;
    }
    const uint32_t *import = wr_name_map_get(&m->imports, name);
    if (import != NULL) {
        m->import_used[*import] = true;
        return import_ref(c, m->ast->imports[*import].path, loc);
    }
    if (m->package == NULL || wr_name_map_get(&m->package->names, name) == NULL) {
        return NULL;
    }
    const struct wr_ast_term *package = m->ast->package;
    struct wr_ast_term *ref = import_ref(c, package, loc);
    struct wr_ast_term *out = wr_check_new_items(c, WR_AST_REF, loc, ref->n_items + 1);
    struct wr_ast_term *last = wr_check_new(c, WR_AST_SCALAR, loc);
    if (!c->stop) {
        memcpy(out->items, ref->items, ref->n_items * sizeof(out->items[0]));
        last->value = wr_string(name);
        out->items[ref->n_items] = last;
    }
    return out;
}

/* ── terms ──────────────────────────────────────────────────────────────────────────────────── */

static struct wr_ast_term *resolve(struct wr_check *c, const struct wr_ast_term *t);
static struct wr_ast_body *resolve_body(struct wr_check *c, const struct wr_ast_body *body);

/* The path of a head that stands for one comes in front of the other items. */
static struct wr_ast_term *resolve_ref(struct wr_check *c, const struct wr_ast_term *t)
{
    struct wr_ast_term *front =
        t->items[0]->kind == WR_AST_VAR ? global(c, t->items[0]->name, &t->items[0]->loc) : NULL;
    uint32_t n_front = front != NULL ? front->n_items : 1;
    struct wr_ast_term *ref = wr_check_new_items(c, WR_AST_REF, &t->loc, n_front + t->n_items - 1);
    if (c->stop) {
        return ref;
    }
    if (front != NULL) {
        memcpy(ref->items, front->items, n_front * sizeof(ref->items[0]));
    } else {
        ref->items[0] = resolve(c, t->items[0]);
    }
    for (uint32_t i = 1; i < t->n_items && !c->stop; i++) {
        ref->items[n_front + i - 1] = resolve(c, t->items[i]);
    }
    return ref;
}

static void sift(struct wr_ast_term **items, size_t width, size_t at, size_t n)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n) {
            return;
        }
        if (child + 1 < n &&
            wr_ast_term_cmp(items[child * width], items[(child + 1) * width]) < 0) {
            child++;
        }
        if (wr_ast_term_cmp(items[at * width], items[child * width]) >= 0) {
            return;
        }
        for (size_t k = 0; k < width; k++) {
            struct wr_ast_term *moved = items[at * width + k];
            items[at * width + k] = items[child * width + k];
            items[child * width + k] = moved;
        }
        at = child;
    }
}

/* Sets and objects are walked in order, equal elements are one. */
static void sort_items(struct wr_check *c, struct wr_ast_term *t)
{
    size_t width = t->kind == WR_AST_OBJECT ? 2 : 1, n = t->n_items / width;
    wr_check_charge(c, n * 8);
    for (size_t i = n / 2; i-- > 0;) {
        sift(t->items, width, i, n);
    }
    for (size_t i = n; i-- > 1;) {
        for (size_t k = 0; k < width; k++) {
            struct wr_ast_term *first = t->items[k];
            t->items[k] = t->items[i * width + k];
            t->items[i * width + k] = first;
        }
        sift(t->items, width, 0, i);
    }
    size_t kept = n > 0 ? 1 : 0;
    for (size_t i = 1; i < n; i++) {
        bool same = wr_ast_term_cmp(t->items[(kept - 1) * width], t->items[i * width]) == 0;
        kept -= same && width == 2; /* the later pair wins */
        if (!same || width == 2) {
            memmove(&t->items[kept * width], &t->items[i * width], width * sizeof(t->items[0]));
            kept++;
        }
    }
    t->n_items = (uint32_t)(kept * width);
}

static struct wr_ast_term *resolve_items(struct wr_check *c, const struct wr_ast_term *t)
{
    struct wr_ast_term *out = wr_check_new_items(c, (enum wr_ast_kind)t->kind, &t->loc, t->n_items);
    for (uint32_t i = 0; i < out->n_items && out != &c->sink && !c->stop; i++) {
        out->items[i] = resolve(c, t->items[i]);
    }
    out->infix = t->infix;
    if ((t->kind == WR_AST_SET || t->kind == WR_AST_OBJECT) && !c->stop) {
        sort_items(c, out);
    }
    return out;
}

static struct wr_ast_term *resolve_comprehension(struct wr_check *c, const struct wr_ast_term *t)
{
    struct check_list hidden = {0};
    wr_check_declared(c, t->body, true, hide, &hidden);
    struct wr_ast_term *out = resolve_items(c, t);
    if (out != &c->sink) {
        out->body = resolve_body(c, t->body);
    }
    unhide(c, &hidden);
    return out;
}

static struct wr_ast_term *resolve(struct wr_check *c, const struct wr_ast_term *t)
{
    struct wr_ast_term *path;
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_SCALAR:
        return (struct wr_ast_term *)(uintptr_t)t;
    case WR_AST_VAR:
        path = global(c, t->name, &t->loc);
        return path != NULL ? path : copy_var(c, t);
    case WR_AST_REF:
        return resolve_ref(c, t);
    case WR_AST_ARRAY:
    case WR_AST_OBJECT:
    case WR_AST_SET:
        return wr_ast_is_ground(t) ? (struct wr_ast_term *)(uintptr_t)t : resolve_items(c, t);
    case WR_AST_CALL:
        return resolve_items(c, t);
    case WR_AST_ARRAY_COMPREHENSION:
    case WR_AST_SET_COMPREHENSION:
    case WR_AST_OBJECT_COMPREHENSION:
        return resolve_comprehension(c, t);
    }
    return &c->sink;
}

/* ── statements ─────────────────────────────────────────────────────────────────────────────── */

static struct wr_ast_term *plain_var(struct wr_check *c, const struct wr_ast_term *t)
{
    return t->kind == WR_AST_VAR ? copy_var(c, t) : resolve(c, t);
}

static void resolve_every(struct wr_check *c, struct wr_ast_expr *out, const struct wr_ast_expr *e)
{
    struct check_list hidden = {0};
    if (e->key != NULL) {
        vars_below(c, e->key, hide, &hidden);
        out->key = plain_var(c, e->key);
    }
    vars_below(c, e->value, hide, &hidden);
    out->value = plain_var(c, e->value);
    out->domain = resolve(c, e->domain);
    out->body = resolve_body(c, e->body);
    unhide(c, &hidden);
}

static void resolve_some(struct wr_check *c, struct wr_ast_expr *out, const struct wr_ast_expr *e)
{
    out->terms = WR_NEW_ARRAY(c->arena, struct wr_ast_term *, e->n_terms);
    if (out->terms == NULL) {
        out->n_terms = 0;
        wr_check_no_room(c);
        return;
    }
    for (uint32_t i = 0; i < e->n_terms; i++) {
        out->terms[i] = plain_var(c, e->terms[i]);
    }
}

static struct wr_ast_expr *resolve_expr(struct wr_check *c, const struct wr_ast_expr *e)
{
    struct wr_ast_expr *out = wr_check_new_expr(c, NULL, &e->loc);
    if (out == &c->sink_expr) {
        return out;
    }
    *out = *e;
    out->generated = false;
    if (e->kind == WR_AST_EVERY) {
        resolve_every(c, out, e);
    } else if (e->kind == WR_AST_SOME) {
        resolve_some(c, out, e);
    } else {
        out->term = resolve(c, e->term);
    }
    out->with = WR_NEW_ARRAY(c->arena, struct wr_ast_with, e->n_with);
    if (out->with == NULL) {
        out->n_with = 0;
        wr_check_no_room(c);
    }
    for (uint32_t i = 0; i < out->n_with && !c->stop; i++) {
        out->with[i].loc = e->with[i].loc;
        out->with[i].target = resolve(c, e->with[i].target);
        out->with[i].value = resolve(c, e->with[i].value);
    }
    return out;
}

static struct wr_ast_body *resolve_body(struct wr_check *c, const struct wr_ast_body *body)
{
    struct check_list exprs = {0};
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        wr_check_push(c, &exprs, resolve_expr(c, body->exprs[i]));
    }
    return wr_check_body(c, &exprs, &body->loc);
}

/* ── rules ──────────────────────────────────────────────────────────────────────────────────── */

/* Variables of the arguments as far as these are patterns. False when one would hide a root. */
static bool hide_args(struct wr_check *c, const struct wr_ast_rule *rule,
                      const struct wr_ast_term *t, struct check_list *hidden)
{
    if (t->kind == WR_AST_REF && t->n_items == 1) {
        struct wr_str name = t->items[0]->name;
        wr_check_error(c, WR_E_REGO_COMPILE, &rule->loc,
                       "args must not shadow %.*s (use a different variable name)", WR_FMT(name));
        return false;
    }
    if (t->kind == WR_AST_VAR) {
        hide(c, hidden, t);
        return true;
    }
    if (t->kind != WR_AST_ARRAY && t->kind != WR_AST_OBJECT && t->kind != WR_AST_REF) {
        return true;
    }
    uint32_t step = t->kind == WR_AST_OBJECT ? 2 : 1;
    for (uint32_t i = step - 1; i < t->n_items; i += step) {
        if (!hide_args(c, rule, t->items[i], hidden)) {
            return false;
        }
    }
    return true;
}

static void make_path(struct wr_check *c, struct check_rule *r)
{
    const struct wr_ast_term *package = c->module->ast->package;
    struct wr_ast_term *front = import_ref(c, package, &r->ref->loc);
    struct wr_ast_term *path =
        wr_check_new_items(c, WR_AST_REF, &r->ref->loc, front->n_items + r->ref->n_items);
    struct wr_ast_term *name = wr_check_new(c, WR_AST_SCALAR, &r->ref->loc);
    r->path = path;
    if (c->stop) {
        path->n_items = 0;
        return;
    }
    memcpy(path->items, front->items, front->n_items * sizeof(path->items[0]));
    name->value = wr_string(r->ref->items[0]->name);
    path->items[front->n_items] = name;
    memcpy(&path->items[front->n_items + 1], &r->ref->items[1],
           (r->ref->n_items - 1) * sizeof(path->items[0]));
}

static void resolve_rule(struct wr_check *c, struct check_rule *r)
{
    const struct wr_ast_rule *rule = r->source;
    struct check_list hidden = {0};
    bool fine = true;
    for (uint32_t i = 0; i < rule->n_args && fine; i++) {
        fine = hide_args(c, rule, rule->args[i], &hidden);
    }
    wr_check_declared(c, rule->body, true, hide, &hidden);
    r->args = WR_NEW_ARRAY(c->arena, struct wr_ast_term *, rule->n_args);
    r->ref = wr_check_new_items(c, WR_AST_REF, &rule->head_loc, rule->ref->n_items);
    if (r->args == NULL || r->ref == &c->sink) {
        wr_check_no_room(c);
        return;
    }
    for (uint32_t i = 0; i < rule->n_args; i++) {
        struct check_module *m = c->module;
        c->module = NULL; /* arguments are no references */
        r->args[i] = resolve(c, rule->args[i]);
        c->module = m;
    }
    r->ref->items[0] = (struct wr_ast_term *)(uintptr_t)rule->ref->items[0];
    for (uint32_t i = 1; i < rule->ref->n_items; i++) {
        r->ref->items[i] = resolve(c, rule->ref->items[i]);
    }
    r->key = rule->key != NULL ? resolve(c, rule->key) : NULL;
    r->value = rule->value != NULL ? resolve(c, rule->value) : NULL;
    r->body = resolve_body(c, rule->body);
    unhide(c, &hidden);
    make_path(c, r);
}

static struct check_rule *new_rule(struct wr_check *c, const struct wr_ast_rule *source)
{
    struct check_rule *r = WR_NEW(c->keep, struct check_rule);
    if (r == NULL) {
        wr_check_no_room(c);
        return NULL;
    }
    r->source = source;
    r->module = c->module;
    r->vars = c->vars;
    resolve_rule(c, r);
    return r;
}

/* Fresh variables: `input` and `data` come first. */
static void start_vars(struct wr_check *c)
{
    wr_name_map_clear(&c->ids);
    wr_name_map_clear(&c->ignored);
    c->vars = WR_NEW(c->arena, struct check_vars);
    if (c->vars == NULL) {
        static struct check_vars none;
        c->vars = &none;
        wr_check_no_room(c);
        return;
    }
    number_of(c, WR_STR("input"));
    number_of(c, WR_STR("data"));
}

void wr_check_resolve_rules(struct wr_check *c, struct check_module *m)
{
    m->rules = WR_NEW_ARRAY(c->arena, struct check_rule *, m->ast->n_rules);
    if (m->rules == NULL) {
        wr_check_no_room(c);
        return;
    }
    for (uint32_t i = 0; i < m->ast->n_rules && !c->stop; i++) {
        start_vars(c);
        struct check_rule *r = new_rule(c, m->ast->rules[i]);
        const struct wr_ast_rule *otherwise = m->ast->rules[i]->otherwise;
        m->rules[i] = r;
        m->n_rules = r != NULL ? i + 1 : i;
        for (; otherwise != NULL && r != NULL && !c->stop; otherwise = otherwise->otherwise) {
            r->otherwise = new_rule(c, otherwise);
            r = r->otherwise;
        }
    }
}

struct wr_ast_body *wr_check_resolve_query(struct wr_check *c, const struct wr_ast_body *body)
{
    struct check_list hidden = {0};
    start_vars(c);
    wr_check_declared(c, body, true, hide, &hidden);
    return resolve_body(c, body);
}

/* ── modules ────────────────────────────────────────────────────────────────────────────────── */

static struct wr_str import_name(const struct wr_ast_import *import)
{
    const struct wr_ast_term *path = import->path;
    const struct wr_ast_term *head = path->kind == WR_AST_REF ? path->items[0] : path;
    if (!wr_str_eq(head->name, WR_STR("data")) && !wr_str_eq(head->name, WR_STR("input"))) {
        return (struct wr_str){0}; /* future.keywords, rego.v1 */
    }
    if (import->alias.n > 0 || path->kind != WR_AST_REF || path->n_items == 1) {
        return import->alias.n > 0 ? import->alias : head->name;
    }
    const struct wr_ast_term *last = path->items[path->n_items - 1];
    return wr_ast_is_string(last) ? wr_text(last->value) : (struct wr_str){0};
}

void wr_check_open_module(struct wr_check *c, struct check_module *m)
{
    m->import_used = WR_NEW_ARRAY(c->arena, bool, m->ast->n_imports);
    if (m->import_used == NULL) {
        wr_check_no_room(c);
        return;
    }
    for (uint32_t i = 0; i < m->ast->n_imports; i++) {
        struct wr_str name = import_name(&m->ast->imports[i]);
        if (name.n > 0 && !wr_name_map_put(&m->imports, c->arena, name, i)) {
            wr_check_no_room(c);
        }
    }
}
