/* SPDX-License-Identifier: Apache-2.0 */
/* Safety: statements are put in an order in which each finds its variables bound; what is left over
 * is unsafe, and so are names of the head that no statement binds.
 *
 * A statement is safe once its variables are bound or bound by itself (check_binds.c). */
#include "rego/check_state.h"
#include "rego/lex.h"

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
    return wr_varset_within(a, b, NULL) && wr_varset_within(b, a, NULL);
}

/* True if the statement can be evaluated now; then what it binds is safe, and *binds. */
static bool try_one(struct wr_check *c, struct waiter *w, struct check_set *safe,
                    struct check_set *binds)
{
    struct check_set outputs = {0};
    struct wr_arena_mark mark = wr_arena_mark(c->arena);
    wr_check_charge(c, 1 + safe->n);
    wr_check_outputs(c, &outputs, w->expr, safe);
    wr_varset_take(&outputs, safe, NULL);
    bool ready = true;
    if (!wr_varset_is_empty(&w->closed)) {
        ready = !same_set(&w->closed, &outputs); /* else it would bind what it closes over */
        if (ready) {
            memset(w->unsafe.words, 0, w->unsafe.n * sizeof(w->unsafe.words[0]));
            wr_varset_join(c, &w->unsafe, &w->closed);
        }
    }
    if (ready) {
        wr_varset_take(&w->unsafe, &outputs, safe);
        ready = wr_varset_is_empty(&w->unsafe);
    }
    if (!ready) {
        wr_arena_rewind(c->arena, mark); /* it will be tried again and again */
        return false;
    }
    wr_varset_join(c, safe, &outputs);
    *binds = outputs;
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
    wr_varset_take(&vars, &bound, NULL);
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
        wr_varset_keep(&waiters[i].closed, &all, globals);
        wr_varset_take(&waiters[i].unsafe, globals, NULL);
        struct check_set room = wr_varset_copy(c, &waiters[i].closed);
        wr_varset_join(c, &room, &waiters[i].unsafe);
        if (!c->stop && room.n > 0) { /* as large as the larger one: it will hold either */
            memset(room.words, 0, room.n * sizeof(room.words[0]));
            wr_varset_join(c, &room, &waiters[i].unsafe);
        }
        waiters[i].unsafe = room;
    }
    wr_varset_join(c, safe, &all);
    wr_varset_keep(safe, globals, NULL);
    return waiters;
}

/* A statement that uses a variable: worth another try once the variable is bound. */
struct check_user {
    struct check_user *next;
    uint32_t statement;
};

/* Notes at each variable the waiting statements that use it; returns the variables. */
static struct check_set open_users(struct wr_check *c, const struct waiter *waiters, uint32_t n)
{
    struct check_set all = {0}, vars = {0};
    for (uint32_t i = 0; i < n && !c->stop; i++) {
        if (waiters[i].done) {
            continue;
        }
        wr_check_vars_of_expr(c, &vars, waiters[i].expr, 0);
        wr_varset_join(c, &all, &vars);
        for (uint32_t v = 0; wr_varset_from(&vars, &v); v++) {
            struct check_user *user = WR_NEW(c->arena, struct check_user);
            if (user == NULL) {
                wr_check_no_room(c);
                return all;
            }
            *user = (struct check_user){c->slots[v].users, i};
            c->slots[v].users = user;
        }
        wr_varset_take(&vars, &vars, NULL);
    }
    return all;
}

/* Tries a statement; where it finds its place, those that use what it binds are due again. */
static void place_one(struct wr_check *c, struct waiter *waiters, uint32_t at,
                      struct check_set *safe, struct check_list *order, struct check_set *due)
{
    struct check_set bound = {0};
    waiters[at].done = try_one(c, &waiters[at], safe, &bound);
    if (!waiters[at].done) {
        return;
    }
    wr_check_push(c, order, waiters[at].expr);
    for (uint32_t v = 0; wr_varset_from(&bound, &v); v++) {
        for (const struct check_user *user = c->slots[v].users; user != NULL; user = user->next) {
            wr_check_charge(c, 1);
            if (!waiters[user->statement].done) {
                wr_varset_add(c, due, user->statement);
            }
        }
    }
}

/* OPA tries all that are left, from the first to the last, again and again. The order here is that
 * one, but from the second round on a statement is not tried when none of its variables was bound
 * since its last try: it would fail again. */
static void find_order(struct wr_check *c, struct waiter *waiters, uint32_t n,
                       struct check_set *safe, struct check_list *order)
{
    struct check_set due = {0};
    for (uint32_t i = 0; i < n && !c->stop; i++) {
        place_one(c, waiters, i, safe, order, &due);
    }
    if (order->n == n || order->n == 0 || c->stop) {
        return;
    }
    struct check_set used = open_users(c, waiters, n);
    for (uint32_t i = n; i-- > 0;) {
        if (!waiters[i].done) {
            wr_varset_add(c, &due, i);
        }
    }
    for (uint32_t i = 0; !wr_varset_is_empty(&due) && !c->stop; i++) {
        if (wr_varset_from(&due, &i)) {
            wr_varset_remove(&due, i);
            place_one(c, waiters, i, safe, order, &due);
        } else {
            i = UINT32_MAX; /* the next round */
        }
    }
    for (uint32_t v = 0; wr_varset_from(&used, &v); v++) {
        c->slots[v].users = NULL;
    }
}

static struct wr_ast_body *reorder(struct safety *s, const struct check_set *globals,
                                   struct wr_ast_body *body)
{
    struct wr_check *c = s->c;
    struct check_set safe = {0};
    struct check_list order = {0};
    struct waiter *waiters = new_waiters(s, globals, body, &safe);
    if (waiters != NULL && wr_check_slots(c) != NULL) {
        find_order(c, waiters, body->n, &safe, &order);
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
        if (!wr_varset_within(&first->vars, &seen, NULL)) {
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
    for (uint32_t v = 0; wr_varset_from(&head, &v); v++) {
        if (!c->stop && !wr_varset_has(&bound, v) && !wr_check_is_generated(shown_name(c, v))) {
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
