/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of the tracing evaluator. */
#include "rego/trace_in.h"

/* ── values of terms ────────────────────────────────────────────────────────────────────────── */
struct gather { /* the answers of a comprehension */
    struct trace_next next;
    const struct wr_ast_term *term;
    struct wr_value *items; /* values, or key and value */
    uint32_t n, cap;
};

static enum trace_step gather_one(struct trace_next *self, struct trace_frame *f)
{
    struct gather *g = (struct gather *)self;
    uint32_t width = g->term->n_items;
    wr_trace_body(f, WR_TRACE_EXIT, f->body);
    if (g->n + width > g->cap) {
        uint32_t cap = WR_MAX(2 * g->cap, 16u);
        struct wr_value *items = WR_NEW_ARRAY(f->t->arena, struct wr_value, cap);
        if (items == NULL) {
            return wr_trace_cut(f->t, "no room");
        }
        if (g->n > 0) {
            memcpy(items, g->items, g->n * sizeof items[0]);
        }
        g->items = items;
        g->cap = cap;
    }
    for (uint32_t i = 0; i < width; i++) {
        g->items[g->n + i] = wr_trace_plug(f, g->term->items[i]);
        if (g->items[g->n + i].type == WR_UNDEFINED) {
            return wr_trace_cut(f->t, "a comprehension has no value here");
        }
    }
    g->n += width;
    wr_trace_body(f, WR_TRACE_REDO, f->body);
    return T_ON;
}

static enum trace_step comprehension(struct trace_frame *f, const struct wr_ast_term *term,
                                     struct trace_with_value *next)
{
    struct trace_frame child = wr_trace_child(f, term->body, f->vars, f->file);
    struct gather g = {.next = {gather_one}, .term = term};
    wr_trace_body(&child, WR_TRACE_ENTER, child.body);
    enum trace_step step = wr_trace_eval(&child, 0, &g.next);
    if (step == T_CUT) {
        return step;
    }
    struct wr_value v = term->kind == WR_AST_ARRAY_COMPREHENSION ? wr_array(g.items, g.n)
                        : term->kind == WR_AST_SET_COMPREHENSION
                            ? wr_set_from(g.items, g.n)
                            : wr_object_from((struct wr_pair *)(void *)g.items, g.n / 2);
    return next->run(next, f, &v);
}

enum trace_step wr_trace_values(struct trace_frame *f, const struct wr_ast_term *term,
                                struct trace_with_value *next)
{
    if (term->kind == WR_AST_REF) {
        return wr_trace_ref(f, term, next);
    }
    if (term->body != NULL) {
        return comprehension(f, term, next);
    }
    struct wr_value v = wr_trace_plug(f, term);
    return v.type != WR_UNDEFINED ? next->run(next, f, &v) : T_ON;
}

/* ── unification ────────────────────────────────────────────────────────────────────────────── */
struct against { /* a value must fit the other side */
    struct trace_with_value with;
    const struct wr_ast_term *other;
    struct trace_next *next;
};

static enum trace_step fit(struct trace_frame *f, const struct wr_ast_term *pattern,
                           const struct wr_value *v, struct trace_next *next)
{
    struct wr_str *bound = NULL;
    uint32_t n_bound = 0;
    enum trace_step step = T_ON;
    if (wr_trace_match(f, pattern, v, &bound, &n_bound)) {
        step = next->run(next, f);
    }
    wr_trace_unbind(f, bound, n_bound);
    return step;
}

struct equal_to {
    struct trace_with_value with;
    const struct wr_value *v;
    struct trace_next *next;
};

static enum trace_step when_equal(struct trace_with_value *self, struct trace_frame *f,
                                  const struct wr_value *v)
{
    struct equal_to *e = (struct equal_to *)self;
    return wr_value_eq(v, e->v) ? e->next->run(e->next, f) : T_ON;
}

static bool evaluates(const struct wr_ast_term *t)
{
    return t->kind == WR_AST_REF || t->body != NULL;
}

static enum trace_step fit_other(struct trace_with_value *self, struct trace_frame *f,
                                 const struct wr_value *v)
{
    struct against *a = (struct against *)self;
    if (evaluates(a->other)) {
        struct equal_to equal = {{when_equal}, v, a->next};
        return wr_trace_values(f, a->other, &equal.with);
    }
    return fit(f, a->other, v, a->next);
}

/* Pairs of two arrays, one after the other. */
struct pairwise {
    struct trace_next next;
    const struct wr_ast_term *a, *b;
    uint32_t i;
    struct trace_next *last;
};

static enum trace_step next_pair(struct trace_next *self, struct trace_frame *f)
{
    struct pairwise *p = (struct pairwise *)self;
    if (p->i == p->a->n_items) {
        return p->last->run(p->last, f);
    }
    struct pairwise rest = *p;
    rest.i++;
    if (!wr_trace_dive(f->t)) {
        return T_CUT;
    }
    enum trace_step step = wr_trace_unify(f, p->a->items[p->i], p->b->items[p->i], &rest.next);
    f->t->depth--;
    return step;
}

enum trace_step wr_trace_unify(struct trace_frame *f, const struct wr_ast_term *a,
                               const struct wr_ast_term *b, struct trace_next *next)
{
    if (evaluates(a) || evaluates(b)) {
        struct against other = {{fit_other}, evaluates(a) ? b : a, next};
        return wr_trace_values(f, evaluates(a) ? a : b, &other.with);
    }
    struct wr_value v = wr_trace_plug(f, a);
    if (v.type != WR_UNDEFINED) {
        return fit(f, b, &v, next);
    }
    v = wr_trace_plug(f, b);
    if (v.type != WR_UNDEFINED) {
        return fit(f, a, &v, next);
    }
    if (a->kind == WR_AST_ARRAY && b->kind == WR_AST_ARRAY) {
        struct pairwise pairs = {{next_pair}, a, b, 0, next};
        return a->n_items == b->n_items ? next_pair(&pairs.next, f) : T_ON;
    }
    return wr_trace_cut(f->t, "two unknowns meet");
}

/* ── one statement ──────────────────────────────────────────────────────────────────────────── */
struct follow { /* on with the next statement */
    struct trace_next next;
    struct trace_with_value with;
    const struct wr_ast_expr *expr;
    uint32_t index;
    bool defined;
    struct trace_next *last;
    struct wr_value input, data; /* to go back to, from `with` */
    struct wr_value inner_input, inner_data;
    struct trace_memory *memory, *inner_memory;
};

static void leave_with(struct tracer *t, struct follow *w)
{
    if (w->expr->n_with > 0) {
        w->inner_memory = t->memory;
        t->input = w->input;
        t->data = w->data;
        t->memory = w->memory;
    }
}

static void enter_with(struct tracer *t, struct follow *w)
{
    if (w->expr->n_with > 0) {
        t->input = w->inner_input;
        t->data = w->inner_data;
        t->memory = w->inner_memory;
    }
}

static enum trace_step follow_on(struct trace_next *self, struct trace_frame *f)
{
    struct follow *w = (struct follow *)self;
    w->defined = true;
    leave_with(f->t, w);
    enum trace_step step = wr_trace_eval(f, w->index + 1, w->last);
    enter_with(f->t, w);
    if (step != T_CUT) {
        wr_trace_expr(f, WR_TRACE_REDO, w->expr);
    }
    return step;
}

static enum trace_step follow_true(struct trace_with_value *self, struct trace_frame *f,
                                   const struct wr_value *v)
{
    struct follow *w = (struct follow *)(void *)((char *)self - offsetof(struct follow, with));
    return wr_is_false(*v) ? T_ON : follow_on(&w->next, f);
}

/* A value put at keys below another one. */
static struct wr_value put(struct wr_arena *arena, struct wr_value old, const struct wr_value *keys,
                           uint32_t n, struct wr_value v)
{
    if (n == 0) {
        return v;
    }
    const struct wr_value *at = old.type == WR_OBJECT ? wr_object_get(&old, keys) : NULL;
    uint32_t size = old.type == WR_OBJECT ? old.n : 0;
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, (size_t)size + 1);
    if (pairs == NULL) {
        return old;
    }
    if (size > 0) {
        memcpy(pairs, old.pairs, size * sizeof pairs[0]);
    }
    struct wr_value inner = at != NULL ? *at : wr_undefined();
    pairs[size] = (struct wr_pair){keys[0], put(arena, inner, keys + 1, n - 1, v)};
    return wr_object_from(pairs, (size_t)size + 1);
}

static enum trace_step begin_with(struct trace_frame *f, struct follow *w)
{
    struct tracer *t = f->t;
    w->input = w->inner_input = t->input;
    w->data = w->inner_data = t->data;
    w->memory = t->memory;
    for (uint32_t i = 0; i < w->expr->n_with; i++) {
        const struct wr_ast_term *target = w->expr->with[i].target;
        struct wr_value keys[32], v = wr_trace_plug(f, w->expr->with[i].value);
        bool known = target->kind == WR_AST_REF && target->items[0]->kind == WR_AST_VAR &&
                     target->n_items <= WR_COUNTOF(keys) && v.type != WR_UNDEFINED;
        bool input = known && wr_str_eq(target->items[0]->name, WR_STR("input"));
        bool data = known && wr_str_eq(target->items[0]->name, WR_STR("data"));
        if (!input && !data) {
            return wr_trace_cut(t, "`with` replaces a function");
        }
        for (uint32_t k = 1; k < target->n_items; k++) {
            keys[k - 1] = wr_trace_plug(f, target->items[k]);
        }
        struct wr_value *side = input ? &w->inner_input : &w->inner_data;
        *side = put(t->arena, *side, keys, target->n_items - 1, v);
        for (uint32_t r = 0; r < t->n_rules && data; r++) {
            const struct trace_rules *rules = &t->rules[r];
            bool hides = rules->n_path >= target->n_items - 1;
            for (uint32_t k = 0; hides && k + 1 < target->n_items; k++) {
                hides = wr_value_eq(&rules->path[k], &keys[k]);
            }
            if (hides) {
                return wr_trace_cut(t, "`with` replaces a rule");
            }
        }
    }
    w->inner_memory = NULL; /* nothing is remembered from outside */
    return T_ON;
}

struct once {
    struct trace_next next;
    bool found;
    const struct wr_ast_body *body;
};

static enum trace_step note_once(struct trace_next *self, struct trace_frame *f)
{
    struct once *o = (struct once *)self;
    wr_trace_body(f, WR_TRACE_EXIT, o->body);
    if (f->find_one && f->t->out->n > 0) {
        f->t->out->events[f->t->out->n - 1].message = WR_STR("early");
    }
    o->found = true;
    wr_trace_body(f, WR_TRACE_REDO, o->body);
    return T_ON;
}

/* `not e`: a query of its own that must have no answer. */
static enum trace_step negation(struct trace_frame *f, struct follow *w)
{
    struct wr_ast_expr *plain = WR_NEW(f->t->arena, struct wr_ast_expr);
    struct wr_ast_expr **exprs = WR_NEW_ARRAY(f->t->arena, struct wr_ast_expr *, 1);
    struct wr_ast_body *body = WR_NEW(f->t->arena, struct wr_ast_body);
    if (plain == NULL || exprs == NULL || body == NULL) {
        return wr_trace_cut(f->t, "no room");
    }
    *plain = *w->expr;
    plain->negated = false;
    plain->n_with = 0;
    plain->index = 0;
    exprs[0] = plain;
    *body = (struct wr_ast_body){.exprs = exprs, .n = 1};
    struct trace_frame child = wr_trace_child(f, body, f->vars, f->file);
    struct once once = {{note_once}, false, body};
    wr_trace_body(&child, WR_TRACE_ENTER, body);
    enum trace_step step = wr_trace_eval(&child, 0, &once.next);
    if (step == T_CUT) {
        return step;
    }
    if (once.found) {
        return T_ON;
    }
    w->defined = true;
    leave_with(f->t, w);
    step = wr_trace_eval(f, w->index + 1, w->last);
    enter_with(f->t, w);
    return step;
}

/* ── every ──────────────────────────────────────────────────────────────────────────────────── */
struct each {
    struct trace_with_value with;
    const struct wr_ast_expr *expr;
    struct trace_frame *domain;
    const struct wr_ast_expr *item;
    bool all;
};

static enum trace_step each_item(struct trace_with_value *self, struct trace_frame *f,
                                 const struct wr_value *v)
{
    struct each *e = (struct each *)self;
    struct wr_str *bound = NULL;
    uint32_t n_bound = 0;
    (void)f;
    if (!e->all || !wr_trace_match(e->domain, e->expr->value, v, &bound, &n_bound)) {
        return T_ON;
    }
    struct trace_frame body =
        wr_trace_child(e->domain, e->expr->body, e->domain->vars, e->domain->file);
    struct once once = {{note_once}, false, e->expr->body};
    body.find_one = true;
    wr_trace_body(&body, WR_TRACE_ENTER, e->expr->body);
    enum trace_step step = wr_trace_eval(&body, 0, &once.next);
    wr_trace_unbind(e->domain, bound, n_bound);
    e->all = e->all && once.found;
    if (step != T_CUT) {
        wr_trace_expr(e->domain, WR_TRACE_REDO, e->expr);
        wr_trace_expr(e->domain, WR_TRACE_REDO, e->item);
    }
    return step == T_CUT ? step : T_ON;
}

/* `domain[key] = value`, to be told. */
static struct wr_ast_expr *item_of(struct wr_arena *arena, const struct wr_ast_expr *every,
                                   struct wr_ast_term *ref)
{
    struct wr_ast_expr *e = WR_NEW(arena, struct wr_ast_expr);
    struct wr_ast_term *terms = WR_NEW_ARRAY(arena, struct wr_ast_term, 3);
    struct wr_ast_term **items = WR_NEW_ARRAY(arena, struct wr_ast_term *, 4);
    if (e == NULL || terms == NULL || items == NULL) {
        return NULL;
    }
    terms[0] = (struct wr_ast_term){.kind = WR_AST_VAR, .name = WR_STR("eq"), .loc = every->loc};
    terms[1] = (struct wr_ast_term){
        .kind = WR_AST_REF, .n_items = 1, .items = items + 3, .loc = every->loc};
    terms[2] =
        (struct wr_ast_term){.kind = WR_AST_CALL, .n_items = 3, .items = items, .loc = every->loc};
    items[0] = &terms[1];
    items[1] = ref;
    items[2] = every->value;
    items[3] = &terms[0];
    *e = (struct wr_ast_expr){.kind = WR_AST_TERM, .term = &terms[2], .loc = every->loc};
    return e;
}

static enum trace_step every(struct trace_frame *f, struct follow *w)
{
    struct trace_frame domain = wr_trace_child(f, f->body, f->vars, f->file);
    struct wr_ast_term *pieces[2] = {w->expr->domain, w->expr->key};
    struct wr_ast_term **items = WR_NEW_ARRAY(f->t->arena, struct wr_ast_term *, 2);
    struct wr_ast_term *ref = WR_NEW(f->t->arena, struct wr_ast_term);
    if (items == NULL || ref == NULL) {
        return wr_trace_cut(f->t, "no room");
    }
    memcpy(items, pieces, sizeof pieces);
    *ref =
        (struct wr_ast_term){.kind = WR_AST_REF, .n_items = 2, .items = items, .loc = w->expr->loc};
    struct each each = {{each_item}, w->expr, &domain, item_of(f->t->arena, w->expr, ref), true};
    if (each.item == NULL) {
        return wr_trace_cut(f->t, "no room");
    }
    wr_trace_expr(&domain, WR_TRACE_ENTER, w->expr);
    wr_trace_expr(&domain, WR_TRACE_EVAL, each.item);
    enum trace_step step = wr_trace_ref(&domain, ref, &each.with);
    if (step == T_CUT) {
        return step;
    }
    if (!each.all) {
        wr_trace_expr(&domain, WR_TRACE_FAIL, w->expr);
        return T_ON;
    }
    step = follow_on(&w->next, f);
    wr_trace_expr(&domain, WR_TRACE_EXIT, w->expr);
    return step;
}

static enum trace_step statement(struct trace_frame *f, struct follow *w)
{
    const struct wr_ast_expr *e = w->expr;
    if (e->negated) {
        return negation(f, w);
    }
    if (e->kind == WR_AST_EVERY) {
        return every(f, w);
    }
    if (e->term->kind != WR_AST_CALL) {
        return wr_trace_values(f, e->term, &w->with);
    }
    if (e->term->n_items == 3 && wr_ast_is_call_of(e->term, WR_STR("eq"))) {
        return wr_trace_unify(f, e->term->items[1], e->term->items[2], &w->next);
    }
    return wr_trace_call(f, e->term, &w->next);
}

enum trace_step wr_trace_eval(struct trace_frame *f, uint32_t index, struct trace_next *next)
{
    struct tracer *t = f->t;
    enum trace_step step;
    if (t->fuel-- == 0) {
        t->fuel++;
        return wr_trace_cut(t, "there is too much to be told (WR_LIMIT_TRACE_FUEL)");
    }
    if (t->out->cut != NULL) {
        return T_CUT;
    }
    if (index == f->body->n) {
        step = next->run(next, f);
        return step == T_ON && f->find_one ? T_DONE : step;
    }
    if (!wr_trace_dive(t)) {
        return T_CUT;
    }
    struct follow w = {.next = {follow_on},
                       .with = {follow_true},
                       .expr = f->body->exprs[index],
                       .index = index,
                       .last = next};
    wr_trace_expr(f, WR_TRACE_EVAL, w.expr);
    step = w.expr->n_with > 0 ? begin_with(f, &w) : T_ON;
    if (step == T_ON) {
        enter_with(t, &w);
        step = statement(f, &w);
        leave_with(t, &w);
    }
    t->depth--;
    if (step == T_ON && !w.defined) {
        wr_trace_expr(f, WR_TRACE_FAIL, w.expr);
    }
    return step;
}
