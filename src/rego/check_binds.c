/* SPDX-License-Identifier: Apache-2.0 */
/* Which variables a statement uses, and which it binds once others are bound: the operands of
 * references below something bound, the sides of an equation, the output of a call whose arguments
 * are bound; a negated one binds nothing. */
#include "rego/check_state.h"

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

/* ── what an equation binds ─────────────────────────────────────────────────────────────────── */

#define PATTERN (CHECK_SKIP_REF_HEAD | CHECK_SKIP_OBJECT_KEYS | CHECK_SKIP_CLOSURES)

/* An equation that leaves two variables unknown, or one and some of a pattern, ties them: x = [y,
 * z] makes x known once y and z are, and both once x is. */
struct tie {
    struct tie *next, *next_back; /* of one waiter; of what they wait for */
    struct check_unknown *waiter, *on;
};

struct check_unknown { /* a variable in such ties */
    struct check_unknown *next;
    uint32_t var;
    uint32_t n_left;         /* unknown variables that it waits for */
    bool waits;              /* for all of `ties`; known, it makes them known */
    struct tie *ties, *back; /* those that wait for it */
};

struct unifier {
    struct wr_check *c;
    const struct check_set *safe;
    struct check_set unified;
    struct check_unknown *unknown;
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
    return wr_varset_within(&vars, safe, NULL);
}

static bool is_call_safe(struct unifier *u, const struct wr_ast_term *call)
{
    struct check_set vars = {0};
    wr_check_vars_of_term(u->c, &vars, call, CHECK_SAFETY);
    return wr_varset_within(&vars, u->safe, NULL);
}

/* Marks a variable, then all that this makes known. */
static void mark_safe(struct unifier *u, uint32_t var)
{
    struct check_list todo = {0};
    wr_check_push(u->c, &todo, (void *)(uintptr_t)var);
    while (todo.n > 0 && !u->c->stop) {
        uint32_t v = (uint32_t)(uintptr_t)todo.items[--todo.n];
        struct check_unknown *known = u->unknown != NULL ? u->c->slots[v].unknown : NULL;
        wr_varset_add(u->c, &u->unified, v);
        wr_check_charge(u->c, 1);
        if (known == NULL) {
            continue;
        }
        for (struct tie *t = known->waits ? known->ties : NULL; t != NULL; t = t->next) {
            wr_check_push(u->c, &todo, (void *)(uintptr_t)t->on->var);
        }
        known->waits = false;
        for (struct tie *t = known->back; t != NULL; t = t->next_back) {
            if (t->waiter->waits && --t->waiter->n_left == 0) {
                t->waiter->waits = false;
                wr_check_push(u->c, &todo, (void *)(uintptr_t)t->waiter->var);
            }
        }
        known->back = NULL;
    }
}

static void mark_all_safe(struct unifier *u, const struct wr_ast_term *t)
{
    struct check_set vars = {0};
    wr_check_vars_of_term(u->c, &vars, t, PATTERN);
    for (uint32_t v = 0; wr_varset_from(&vars, &v); v++) {
        mark_safe(u, v);
    }
}

static struct check_unknown *unknown_of(struct unifier *u, uint32_t var)
{
    struct check_slot *slots = wr_check_slots(u->c);
    if (slots == NULL || slots[var].unknown != NULL) {
        return slots != NULL ? slots[var].unknown : NULL;
    }
    struct check_unknown *unknown = WR_NEW(u->c->arena, struct check_unknown);
    if (unknown == NULL) {
        wr_check_no_room(u->c);
        return NULL;
    }
    unknown->var = var;
    unknown->next = u->unknown;
    return slots[var].unknown = u->unknown = unknown;
}

static void mark_waiting(struct unifier *u, uint32_t var, uint32_t on)
{
    struct check_unknown *waiter = unknown_of(u, var), *other = unknown_of(u, on);
    struct tie *tie = WR_NEW(u->c->arena, struct tie);
    if (waiter == NULL || other == NULL || tie == NULL) {
        wr_check_no_room(u->c);
        return;
    }
    wr_check_charge(u->c, 1);
    *tie = (struct tie){waiter->ties, other->back, waiter, other};
    waiter->ties = other->back = tie;
    waiter->waits = true;
    waiter->n_left++;
}

static void forget_unknown(struct unifier *u)
{
    for (; u->unknown != NULL; u->unknown = u->unknown->next) {
        u->c->slots[u->unknown->var].unknown = NULL;
    }
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
    if (wr_varset_within(&vars, u->safe, &u->unified)) {
        mark_safe(u, var);
        return;
    }
    for (uint32_t v = 0; wr_varset_from(&vars, &v); v++) {
        if (!is_safe_var(u, v)) {
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
    if (!wr_varset_within(&inputs, set, safe)) {
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
        if (!wr_varset_within(&vars, safe, NULL)) {
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
        forget_unknown(&u);
        wr_varset_join(c, set, &u.unified);
    } else if (wr_check_is_call(e)) {
        outputs_of_call(c, set, e, safe);
    }
}
