/* SPDX-License-Identifier: Apache-2.0 */
/* Safety: statements are put in an order in which each finds its variables bound; what is left over
 * is unsafe, and so are names of the head that no statement binds.
 *
 * A statement is safe once its variables are bound or bound by itself. What a statement binds: the
 * operands of references below something bound, the sides of an equation, the output of a call
 * whose arguments are bound; a negated one binds nothing. */
#include "rego/check_state.h"
#include "rego/lex.h"

/* ── variables of things ────────────────────────────────────────────────────────────────────── */

/* Items of a reference, its head too unless it is to be skipped. */
static void vars_of_items(struct wr_check *c, struct check_set *set,
                          struct wr_ast_term *const *items, uint32_t from, uint32_t n,
                          unsigned flags)
{
    for (uint32_t i = from; i < n; i++) {
        wr_check_vars_of_term(c, set, items[i], flags);
    }
}

void wr_check_vars_of_term(struct wr_check *c, struct check_set *set, const struct wr_ast_term *t,
                           unsigned flags)
{
    wr_check_charge(c, 1);
    if (t->kind == WR_AST_SCALAR || c->stop) {
        return;
    }
    if (t->kind == WR_AST_VAR) {
        if (t->tag != UINT32_MAX) {
            wr_varset_add(c, set, t->tag);
        }
        return;
    }
    if (t->body != NULL) {
        if ((flags & CHECK_SKIP_CLOSURES) == 0) {
            vars_of_items(c, set, t->items, 0, t->n_items, flags);
            wr_check_vars_of_body(c, set, t->body, flags);
        }
        return;
    }
    if (t->kind == WR_AST_SET && (flags & CHECK_SKIP_SETS) != 0) {
        return;
    }
    if (t->kind == WR_AST_OBJECT && (flags & CHECK_SKIP_OBJECT_KEYS) != 0) {
        for (uint32_t i = 1; i < t->n_items; i += 2) {
            wr_check_vars_of_term(c, set, t->items[i], flags);
        }
        return;
    }
    uint32_t from = t->kind == WR_AST_REF && (flags & CHECK_SKIP_REF_HEAD) != 0 ? 1 : 0;
    if (t->kind == WR_AST_CALL && (flags & CHECK_SKIP_CALL_HEAD) != 0) {
        vars_of_items(c, set, t->items[0]->items, 1, t->items[0]->n_items, flags);
        from = 1;
    }
    vars_of_items(c, set, t->items, from, t->n_items, flags);
}

static void vars_of_with(struct wr_check *c, struct check_set *set, const struct wr_ast_with *with,
                         unsigned flags)
{
    const struct wr_ast_term *target = with->target, *value = with->value;
    if ((flags & CHECK_SKIP_CALL_HEAD) == 0) {
        wr_check_vars_of_term(c, set, target, flags);
        wr_check_vars_of_term(c, set, value, flags);
        return;
    }
    if (target->kind == WR_AST_REF) {
        vars_of_items(c, set, target->items, 1, target->n_items, flags);
    }
    if (value->kind == WR_AST_REF) {
        vars_of_items(c, set, value->items, 1, value->n_items, flags);
    } else {
        wr_check_vars_of_term(c, set, value, flags);
    }
}

void wr_check_vars_of_expr(struct wr_check *c, struct check_set *set, const struct wr_ast_expr *e,
                           unsigned flags)
{
    if (e->kind == WR_AST_EVERY) {
        wr_check_vars_of_term(c, set, e->domain, flags);
        if ((flags & CHECK_SKIP_CLOSURES) != 0) {
            return;
        }
        wr_check_vars_of_term(c, set, e->key, flags);
        wr_check_vars_of_term(c, set, e->value, flags);
        wr_check_vars_of_body(c, set, e->body, flags);
    } else if (e->term != NULL) {
        wr_check_vars_of_term(c, set, e->term, flags);
    }
    for (uint32_t i = 0; i < e->n_with; i++) {
        vars_of_with(c, set, &e->with[i], flags);
    }
}

void wr_check_vars_of_body(struct wr_check *c, struct check_set *set, const struct wr_ast_body *b,
                           unsigned flags)
{
    for (uint32_t i = 0; i < b->n && !c->stop; i++) {
        wr_check_vars_of_expr(c, set, b->exprs[i], flags);
    }
}

/* Is each variable of a also in b or more? */
static bool is_within(const struct check_set *a, const struct check_set *b,
                      const struct check_set *more)
{
    for (uint32_t i = 0; i < a->n; i++) {
        uint64_t have =
            (i < b->n ? b->words[i] : 0) | (more != NULL && i < more->n ? more->words[i] : 0);
        if ((a->words[i] & ~have) != 0) {
            return false;
        }
    }
    return true;
}

/* ── what an equation binds ─────────────────────────────────────────────────────────────────── */

#define PATTERN (CHECK_SKIP_REF_HEAD | CHECK_SKIP_OBJECT_KEYS | CHECK_SKIP_CLOSURES)

struct waiting { /* a variable that is known once others are */
    struct waiting *next;
    uint32_t var;
    struct check_set on;
};

struct unifier {
    struct wr_check *c;
    const struct check_set *safe;
    struct check_set unified;
    struct waiting *waiting;
};

static bool is_safe_var(const struct unifier *u, uint32_t var)
{
    return wr_varset_has(u->safe, var) || wr_varset_has(&u->unified, var);
}

static bool is_ref_safe(struct wr_check *c, const struct wr_ast_term *ref,
                        const struct check_set *safe)
{
    const struct wr_ast_term *head = ref->items[0];
    if (head->kind == WR_AST_VAR) {
        return head->tag != UINT32_MAX && wr_varset_has(safe, head->tag);
    }
    struct check_set vars = {0};
    wr_check_vars_of_term(c, &vars, head, head->kind == WR_AST_CALL ? CHECK_SAFETY : 0);
    return is_within(&vars, safe, NULL);
}

static bool is_call_safe(struct unifier *u, const struct wr_ast_term *call)
{
    struct check_set vars = {0};
    wr_check_vars_of_term(u->c, &vars, call, CHECK_SAFETY);
    return is_within(&vars, u->safe, NULL);
}

/* Marks a variable, then all that waited for it alone. */
static void mark_safe(struct unifier *u, uint32_t var)
{
    struct check_list todo = {0};
    wr_check_push(u->c, &todo, (void *)(uintptr_t)var);
    while (todo.n > 0 && !u->c->stop) {
        uint32_t v = (uint32_t)(uintptr_t)todo.items[--todo.n];
        wr_varset_add(u->c, &u->unified, v);
        for (struct waiting **at = &u->waiting; *at != NULL;) {
            struct waiting *w = *at;
            wr_check_charge(u->c, 1);
            bool mine = w->var == v;
            wr_varset_remove(&w->on, v);
            if (mine) { /* what it waited for can be had from it */
                for (uint32_t k = 0; k < w->on.n * 64; k++) {
                    if (wr_varset_has(&w->on, k)) {
                        wr_check_push(u->c, &todo, (void *)(uintptr_t)k);
                    }
                }
            } else if (wr_varset_is_empty(&w->on)) {
                wr_check_push(u->c, &todo, (void *)(uintptr_t)w->var);
            }
            if (mine || wr_varset_is_empty(&w->on)) {
                *at = w->next;
            } else {
                at = &w->next;
            }
        }
    }
}

static void mark_all_safe(struct unifier *u, const struct wr_ast_term *t)
{
    struct check_set vars = {0};
    wr_check_vars_of_term(u->c, &vars, t, PATTERN);
    for (uint32_t v = 0; v < vars.n * 64; v++) {
        if (wr_varset_has(&vars, v)) {
            mark_safe(u, v);
        }
    }
}

static void mark_waiting(struct unifier *u, uint32_t var, uint32_t on)
{
    struct waiting *w = u->waiting;
    while (w != NULL && w->var != var) {
        w = w->next;
    }
    if (w == NULL) {
        w = WR_NEW(u->c->arena, struct waiting);
        if (w == NULL) {
            wr_check_no_room(u->c);
            return;
        }
        w->var = var;
        w->next = u->waiting;
        u->waiting = w;
    }
    wr_varset_add(u->c, &w->on, on);
}

/* A variable and an array or object. */
static void unify_all(struct unifier *u, uint32_t var, const struct wr_ast_term *t)
{
    if (is_safe_var(u, var)) {
        mark_all_safe(u, t);
        return;
    }
    struct check_set vars = {0};
    wr_check_vars_of_term(u->c, &vars, t, PATTERN);
    if (is_within(&vars, u->safe, &u->unified)) {
        mark_safe(u, var);
        return;
    }
    for (uint32_t v = 0; v < vars.n * 64; v++) {
        if (wr_varset_has(&vars, v) && !is_safe_var(u, v)) {
            mark_waiting(u, var, v);
        }
    }
}

static void unify(struct unifier *u, const struct wr_ast_term *a, const struct wr_ast_term *b);

static void unify_var(struct unifier *u, const struct wr_ast_term *a, const struct wr_ast_term *b)
{
    switch ((enum wr_ast_kind)b->kind) {
    case WR_AST_VAR:
        if (is_safe_var(u, b->tag)) {
            mark_safe(u, a->tag);
        } else if (is_safe_var(u, a->tag)) {
            mark_safe(u, b->tag);
        } else {
            mark_waiting(u, a->tag, b->tag);
            mark_waiting(u, b->tag, a->tag);
        }
        return;
    case WR_AST_ARRAY:
    case WR_AST_OBJECT:
        unify_all(u, a->tag, b);
        return;
    case WR_AST_REF:
        if (is_ref_safe(u->c, b, u->safe)) {
            mark_safe(u, a->tag);
        }
        return;
    case WR_AST_CALL:
        if (is_call_safe(u, b)) {
            mark_safe(u, a->tag);
        }
        return;
    default:
        mark_safe(u, a->tag);
        return;
    }
}

static void unify_objects(struct unifier *u, const struct wr_ast_term *a,
                          const struct wr_ast_term *b)
{
    if (a->n_items != b->n_items) {
        return;
    }
    for (uint32_t i = 0; i + 1 < a->n_items && !u->c->stop; i += 2) {
        for (uint32_t k = 0; k + 1 < b->n_items; k += 2) {
            wr_check_charge(u->c, 1);
            if (wr_ast_term_cmp(a->items[i], b->items[k]) == 0) {
                unify(u, a->items[i + 1], b->items[k + 1]);
                break;
            }
        }
    }
}

/* Two terms of which the first is an array or object. */
static void unify_collection(struct unifier *u, const struct wr_ast_term *a,
                             const struct wr_ast_term *b)
{
    if (b->kind == WR_AST_VAR) {
        unify_all(u, b->tag, a);
    } else if (b->kind == WR_AST_REF ? is_ref_safe(u->c, b, u->safe)
                                     : b->kind == WR_AST_CALL && is_call_safe(u, b)) {
        mark_all_safe(u, a);
    } else if (b->body != NULL && a->kind == WR_AST_ARRAY) {
        mark_all_safe(u, a);
    } else if (a->kind == WR_AST_OBJECT && b->kind == WR_AST_OBJECT) {
        unify_objects(u, a, b);
    } else if (a->kind == WR_AST_ARRAY && b->kind == WR_AST_ARRAY && a->n_items == b->n_items) {
        for (uint32_t i = 0; i < a->n_items && !u->c->stop; i++) {
            unify(u, a->items[i], b->items[i]);
        }
    }
}

static void unify(struct unifier *u, const struct wr_ast_term *a, const struct wr_ast_term *b)
{
    bool known = false, b_pattern = b->kind == WR_AST_ARRAY || b->kind == WR_AST_OBJECT;
    switch ((enum wr_ast_kind)a->kind) {
    case WR_AST_VAR:
        unify_var(u, a, b);
        return;
    case WR_AST_ARRAY:
    case WR_AST_OBJECT:
        unify_collection(u, a, b);
        return;
    case WR_AST_REF:
        known = is_ref_safe(u->c, a, u->safe);
        break;
    case WR_AST_CALL:
        known = is_call_safe(u, a);
        break;
    case WR_AST_ARRAY_COMPREHENSION:
        known = true;
        b_pattern = b->kind == WR_AST_ARRAY;
        break;
    case WR_AST_OBJECT_COMPREHENSION:
        known = true;
        b_pattern = b->kind == WR_AST_OBJECT;
        break;
    default:
        known = true;
        b_pattern = false;
        break;
    }
    if (known && b->kind == WR_AST_VAR) {
        mark_safe(u, b->tag);
    } else if (known && b_pattern) {
        mark_all_safe(u, b);
    }
}

/* ── what a statement binds ─────────────────────────────────────────────────────────────────── */

/* Operands of references below something bound. */
static void outputs_of_term(struct wr_check *c, struct check_set *set, const struct wr_ast_term *t,
                            const struct check_set *safe)
{
    wr_check_charge(c, 1);
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || t->body != NULL || c->stop) {
        return;
    }
    if (t->kind == WR_AST_REF) {
        if (!is_ref_safe(c, t, safe)) {
            return;
        }
        vars_of_items(c, set, t->items, 1, t->n_items, CHECK_SKIP_REF_HEAD);
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        outputs_of_term(c, set, t->items[i], safe);
    }
}

static void outputs_of_call(struct wr_check *c, struct check_set *set, const struct wr_ast_expr *e,
                            const struct check_set *safe)
{
    const unsigned flags =
        CHECK_SKIP_CLOSURES | CHECK_SKIP_SETS | CHECK_SKIP_OBJECT_KEYS | CHECK_SKIP_REF_HEAD;
    const struct wr_ast_term *call = e->term;
    int arity = wr_check_arity(c, call->items[0]);
    uint32_t n_inputs = (uint32_t)arity + 1;
    struct check_set inputs = {0};
    if (arity < 0 || n_inputs >= call->n_items) {
        return;
    }
    vars_of_items(c, &inputs, call->items, 0, n_inputs, flags);
    if (!is_within(&inputs, set, safe)) {
        *set = (struct check_set){0};
        return;
    }
    vars_of_items(c, set, call->items, n_inputs, call->n_items, flags);
}

void wr_check_outputs(struct wr_check *c, struct check_set *set, const struct wr_ast_expr *e,
                      const struct check_set *safe)
{
    if (e->negated) {
        return;
    }
    for (uint32_t i = 0; i < e->n_with; i++) {
        struct check_set vars = {0};
        vars_of_with(c, &vars, &e->with[i], CHECK_SAFETY);
        if (!is_within(&vars, safe, NULL)) {
            return;
        }
    }
    if (e->kind == WR_AST_EVERY) {
        outputs_of_term(c, set, e->domain, safe);
        return;
    }
    if (wr_check_is_call(e) && !wr_check_is_op(e->term, "eq") &&
        wr_check_arity(c, e->term->items[0]) < 0) {
        return;
    }
    if (e->term != NULL) {
        outputs_of_term(c, set, e->term, safe);
    }
    for (uint32_t i = 0; i < e->n_with; i++) {
        outputs_of_term(c, set, e->with[i].target, safe);
        outputs_of_term(c, set, e->with[i].value, safe);
    }
    if (wr_check_is_call(e) && wr_check_is_op(e->term, "eq") && e->term->n_items == 3) {
        struct check_set known = wr_varset_copy(c, safe);
        wr_varset_join(c, &known, set);
        struct unifier u = {.c = c, .safe = &known};
        unify(&u, e->term->items[1], e->term->items[2]);
        wr_varset_join(c, set, &u.unified);
    } else if (wr_check_is_call(e)) {
        outputs_of_call(c, set, e, safe);
    }
}

/* ── order ──────────────────────────────────────────────────────────────────────────────────── */

struct unsafe_expr {
    struct unsafe_expr *next;
    const struct wr_ast_expr *expr;
    struct check_set vars;
};

struct safety {
    struct wr_check *c;
    struct unsafe_expr *unsafe, **last;
};

static void note_unsafe(struct safety *s, const struct wr_ast_expr *e, const struct check_set *vars)
{
    struct unsafe_expr *u = WR_NEW(s->c->arena, struct unsafe_expr);
    if (u == NULL) {
        wr_check_no_room(s->c);
        return;
    }
    u->expr = e;
    u->vars = wr_varset_copy(s->c, vars);
    *s->last = u;
    s->last = &u->next;
}

/* Variables in comprehensions and bodies of `every`. */
static void vars_in_closures(struct wr_check *c, struct check_set *set, const struct wr_ast_term *t)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || c->stop) {
        return;
    }
    if (t->body != NULL) {
        wr_check_vars_of_term(c, set, t, 0);
        return;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        vars_in_closures(c, set, t->items[i]);
    }
}

static void closed_over(struct wr_check *c, struct check_set *set, const struct wr_ast_expr *e)
{
    if (e->kind == WR_AST_EVERY) {
        wr_check_vars_of_body(c, set, e->body, 0);
    } else if (e->term != NULL) {
        vars_in_closures(c, set, e->term);
    }
    for (uint32_t i = 0; i < e->n_with; i++) {
        vars_in_closures(c, set, e->with[i].value);
    }
}

struct waiter {
    struct wr_ast_expr *expr;
    struct check_set unsafe; /* variables still not bound */
    struct check_set closed; /* by the body, and used inside of closures */
    bool done;
};

static bool same_set(const struct check_set *a, const struct check_set *b)
{
    return is_within(a, b, NULL) && is_within(b, a, NULL);
}

static void keep_common(struct check_set *set, const struct check_set *with,
                        const struct check_set *without)
{
    for (uint32_t i = 0; i < set->n; i++) {
        set->words[i] &= i < with->n ? with->words[i] : 0;
        set->words[i] &= ~(i < without->n ? without->words[i] : 0);
    }
}

static void take_away(struct check_set *set, const struct check_set *a, const struct check_set *b)
{
    for (uint32_t i = 0; i < set->n; i++) {
        set->words[i] &= ~((i < a->n ? a->words[i] : 0) | (i < b->n ? b->words[i] : 0));
    }
}

/* True if the statement can be evaluated now; then what it binds is safe. */
static bool try_one(struct wr_check *c, struct waiter *w, struct check_set *safe)
{
    struct check_set outputs = {0};
    struct wr_arena_mark mark = wr_arena_mark(c->arena);
    wr_check_outputs(c, &outputs, w->expr, safe);
    take_away(&outputs, safe, &(struct check_set){0});
    bool ready = true;
    if (!wr_varset_is_empty(&w->closed)) {
        ready = !same_set(&w->closed, &outputs); /* else it would bind what it closes over */
        if (ready) {
            memset(w->unsafe.words, 0, w->unsafe.n * sizeof(w->unsafe.words[0]));
            wr_varset_join(c, &w->unsafe, &w->closed);
        }
    }
    if (ready) {
        take_away(&w->unsafe, &outputs, safe);
        ready = wr_varset_is_empty(&w->unsafe);
    }
    if (!ready) {
        wr_arena_rewind(c->arena, mark); /* it will be tried again and again */
        return false;
    }
    wr_varset_join(c, safe, &outputs);
    return true;
}

static struct wr_ast_body *reorder(struct safety *s, const struct check_set *globals,
                                   struct wr_ast_body *body);

/* What the term of a comprehension uses must be bound in its body or around. */
static void check_closure(struct safety *s, const struct wr_ast_expr *e, struct wr_ast_term *t,
                          const struct check_set *globals)
{
    struct wr_check *c = s->c;
    struct check_set vars = {0}, bound = wr_varset_copy(c, globals);
    for (uint32_t i = 0; i < t->n_items; i++) {
        wr_check_vars_of_term(c, &vars, t->items[i], 0);
    }
    wr_check_vars_of_body(c, &bound, t->body, CHECK_SAFETY);
    take_away(&vars, &bound, &(struct check_set){0});
    if (!wr_varset_is_empty(&vars)) {
        note_unsafe(s, e, &vars);
    }
    t->body = reorder(s, globals, t->body);
}

static void check_closures(struct safety *s, const struct wr_ast_expr *e, struct wr_ast_term *t,
                           const struct check_set *globals)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || s->c->stop) {
        return;
    }
    if (t->body != NULL) {
        check_closure(s, e, t, globals);
        return;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        check_closures(s, e, t->items[i], globals);
    }
}

static void check_inside(struct safety *s, struct wr_ast_expr *e, struct check_set *globals)
{
    if (e->kind == WR_AST_EVERY) {
        check_closures(s, e, e->domain, globals);
        wr_check_vars_of_term(s->c, globals, e->key, 0);
        wr_check_vars_of_term(s->c, globals, e->value, 0);
        e->body = reorder(s, globals, e->body);
    } else if (e->term != NULL) {
        check_closures(s, e, e->term, globals);
    }
    for (uint32_t i = 0; i < e->n_with; i++) {
        check_closures(s, e, e->with[i].value, globals);
    }
}

static struct waiter *new_waiters(struct safety *s, const struct check_set *globals,
                                  const struct wr_ast_body *body, struct check_set *safe)
{
    struct wr_check *c = s->c;
    struct waiter *waiters = WR_NEW_ARRAY(c->arena, struct waiter, body->n);
    struct check_set all = {0};
    if (waiters == NULL) {
        wr_check_no_room(c);
        return NULL;
    }
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        waiters[i].expr = body->exprs[i];
        wr_check_vars_of_expr(c, &waiters[i].unsafe, body->exprs[i], CHECK_SAFETY);
        wr_varset_join(c, &all, &waiters[i].unsafe);
        closed_over(c, &waiters[i].closed, body->exprs[i]);
    }
    for (uint32_t i = 0; i < body->n && !c->stop; i++) {
        keep_common(&waiters[i].closed, &all, globals);
        take_away(&waiters[i].unsafe, globals, &(struct check_set){0});
        struct check_set room = wr_varset_copy(c, &waiters[i].closed);
        wr_varset_join(c, &room, &waiters[i].unsafe);
        if (!c->stop && room.n > 0) { /* as large as the larger one: it will hold either */
            memset(room.words, 0, room.n * sizeof(room.words[0]));
            wr_varset_join(c, &room, &waiters[i].unsafe);
        }
        waiters[i].unsafe = room;
    }
    wr_varset_join(c, safe, &all);
    keep_common(safe, globals, &(struct check_set){0});
    return waiters;
}

static struct wr_ast_body *reorder(struct safety *s, const struct check_set *globals,
                                   struct wr_ast_body *body)
{
    struct wr_check *c = s->c;
    struct check_set safe = {0};
    struct check_list order = {0};
    struct waiter *waiters = new_waiters(s, globals, body, &safe);
    bool progress = waiters != NULL;
    while (progress && !c->stop) {
        progress = false;
        for (uint32_t i = 0; i < body->n && !c->stop; i++) {
            wr_check_charge(c, 1);
            if (!waiters[i].done && try_one(c, &waiters[i], &safe)) {
                waiters[i].done = progress = true;
                wr_check_push(c, &order, waiters[i].expr);
            }
        }
    }
    if (c->stop) {
        return body;
    }
    bool complete = order.n == body->n;
    for (uint32_t i = 0; i < body->n; i++) {
        if (!waiters[i].done && !wr_varset_is_empty(&waiters[i].unsafe)) {
            note_unsafe(s, waiters[i].expr, &waiters[i].unsafe);
        }
    }
    struct check_set around = wr_varset_copy(c, globals);
    for (uint32_t i = 0; i < order.n && !c->stop; i++) {
        if (i > 0) {
            wr_check_vars_of_expr(c, &around, order.items[i - 1], CHECK_SAFETY);
        }
        check_inside(s, order.items[i], &around);
    }
    return complete ? wr_check_body(c, &order, &body->loc) : body;
}

/* ── reports ────────────────────────────────────────────────────────────────────────────────── */

static int by_place(const struct wr_ast_loc *a, const struct wr_ast_loc *b)
{
    if (a->row != b->row) {
        return a->row < b->row ? -1 : 1;
    }
    return a->col < b->col ? -1 : a->col > b->col;
}

static struct wr_str shown_name(const struct wr_check *c, uint32_t var)
{
    const struct check_var *v = &c->vars->items[var];
    struct wr_str name = v->shown.n > 0 ? v->shown : v->name;
    return name.n > 0 && name.p[0] == '$' ? WR_STR("_") : name;
}

static void report_var(struct wr_check *c, uint32_t var, const struct wr_ast_loc *loc)
{
    struct wr_str name = shown_name(c, var);
    if (wr_lex_is_future_keyword(name)) {
        wr_check_error(c, WR_E_REGO_UNSAFE, loc,
                       "var %.*s is unsafe (hint: `import future.keywords.%.*s` to import a future "
                       "keyword)",
                       WR_FMT(name), WR_FMT(name));
    } else {
        wr_check_error(c, WR_E_REGO_UNSAFE, loc, "var %.*s is unsafe", WR_FMT(name));
    }
}

/* Each variable once, at the first of its statements; false when all are generated. */
static bool report_vars(struct safety *s)
{
    struct wr_check *c = s->c;
    bool any = false;
    const struct wr_ast_loc **places =
        WR_NEW_ARRAY(c->arena, const struct wr_ast_loc *, c->vars->n);
    if (places == NULL) {
        wr_check_no_room(c);
        return true;
    }
    for (const struct unsafe_expr *u = s->unsafe; u != NULL; u = u->next) {
        wr_check_charge(c, c->vars->n);
        for (uint32_t v = 0; v < c->vars->n; v++) {
            if (wr_varset_has(&u->vars, v) &&
                (places[v] == NULL || by_place(&u->expr->loc, places[v]) < 0)) {
                places[v] = &u->expr->loc;
            }
        }
    }
    for (;;) {
        uint32_t first = UINT32_MAX;
        wr_check_charge(c, c->vars->n);
        for (uint32_t v = 0; v < c->vars->n; v++) {
            if (places[v] != NULL &&
                (first == UINT32_MAX || by_place(places[v], places[first]) < 0)) {
                first = v;
            }
        }
        if (first == UINT32_MAX || c->stop) {
            return any;
        }
        if (!wr_check_is_generated(shown_name(c, first))) {
            report_var(c, first, places[first]);
            any = true;
        }
        places[first] = NULL;
    }
}

/* Only generated variables: statements are named instead. */
static void report_exprs(struct safety *s)
{
    struct wr_check *c = s->c;
    struct check_set seen = {0};
    struct check_list done = {0};
    for (;;) {
        const struct unsafe_expr *first = NULL;
        for (const struct unsafe_expr *u = s->unsafe; u != NULL; u = u->next) {
            bool is_done = false;
            wr_check_charge(c, done.n + 1);
            for (uint32_t i = 0; i < done.n && !is_done; i++) {
                is_done = done.items[i] == u;
            }
            if (!is_done && (first == NULL || by_place(&u->expr->loc, &first->expr->loc) < 0)) {
                first = u;
            }
        }
        if (first == NULL || c->stop) {
            return;
        }
        wr_check_push(c, &done, (void *)(uintptr_t)first);
        if (!is_within(&first->vars, &seen, NULL)) {
            wr_varset_join(c, &seen, &first->vars);
            wr_check_error(c, WR_E_REGO_UNSAFE, &first->expr->loc, "expression is unsafe");
        }
    }
}

static struct wr_ast_body *check_body(struct wr_check *c, const struct check_set *globals,
                                      struct wr_ast_body *body)
{
    struct safety s = {.c = c};
    s.last = &s.unsafe;
    struct wr_ast_body *out = reorder(&s, globals, body);
    if (s.unsafe == NULL || c->stop) {
        return out;
    }
    if (!report_vars(&s)) {
        report_exprs(&s);
    }
    return body;
}

/* ── rules ──────────────────────────────────────────────────────────────────────────────────── */

void wr_check_safe_heads(struct wr_check *c, struct check_rule *rule)
{
    struct check_set head = {0}, bound = {0};
    wr_check_vars_of_body(c, &bound, rule->body, CHECK_SAFETY);
    for (uint32_t i = 0; i < rule->source->n_args; i++) {
        wr_check_vars_of_term(c, &bound, rule->args[i], 0);
    }
    for (uint32_t i = 1; i < rule->ref->n_items; i++) {
        wr_check_vars_of_term(c, &head, rule->ref->items[i], 0);
    }
    if (rule->key != NULL) {
        wr_check_vars_of_term(c, &head, rule->key, 0);
    }
    if (rule->value != NULL) {
        wr_check_vars_of_term(c, &head, rule->value, 0);
    }
    for (uint32_t v = 0; v < head.n * 64 && !c->stop; v++) {
        if (wr_varset_has(&head, v) && !wr_varset_has(&bound, v) &&
            !wr_check_is_generated(shown_name(c, v))) {
            wr_check_error(c, WR_E_REGO_UNSAFE, &rule->source->loc, "var %.*s is unsafe",
                           WR_FMT(shown_name(c, v)));
        }
    }
}

void wr_check_safe_bodies(struct wr_check *c, struct check_rule *rule)
{
    struct check_set safe = {0};
    wr_varset_add(c, &safe, VAR_INPUT);
    wr_varset_add(c, &safe, VAR_DATA);
    for (uint32_t i = 0; i < rule->source->n_args; i++) {
        wr_check_vars_of_term(c, &safe, rule->args[i], 0);
    }
    rule->body = check_body(c, &safe, rule->body);
}

struct wr_ast_body *wr_check_safe_query(struct wr_check *c, struct wr_ast_body *body)
{
    struct check_set safe = {0};
    wr_varset_add(c, &safe, VAR_INPUT);
    wr_varset_add(c, &safe, VAR_DATA);
    return check_body(c, &safe, body);
}
