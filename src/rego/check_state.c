/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes, names, lists and sets of the checks. */
#include "rego/check_state.h"
#include "rego/print.h"

void wr_check_no_room(struct wr_check *c)
{
    c->no_room = c->stop = true;
}

void wr_check_charge(struct wr_check *c, uint64_t steps)
{
    if (c->types.steps <= steps) {
        c->types.steps = 0;
        c->too_long = c->stop = true;
        return;
    }
    c->types.steps -= steps;
}

struct wr_rego_error *wr_check_error(struct wr_check *c, wr_err code, const struct wr_ast_loc *loc,
                                     const char *format, ...)
{
    char room[WR_LIMIT_ERROR_TEXT];
    struct wr_buf buf = wr_buf_fixed(room, sizeof(room));
    va_list args;
    va_start(args, format);
    wr_vformat(&buf, format, args);
    va_end(args);
    struct wr_str file = loc != NULL ? c->file : (struct wr_str){0};
    struct wr_rego_error *e =
        wr_rego_error_add(c->errors, code, file, loc, "%.*s", (int)buf.n, buf.p);
    c->stop = c->stop || c->errors->full;
    return e;
}

void wr_check_push(struct wr_check *c, struct check_list *list, void *item)
{
    wr_check_push_in(c, c->arena, list, item);
}

void wr_check_push_in(struct wr_check *c, struct wr_arena *arena, struct check_list *list,
                      void *item)
{
    if (list->n == list->cap) {
        uint32_t cap = list->cap == 0 ? 4 : list->cap * 2;
        void **grown = WR_NEW_ARRAY(arena, void *, cap);
        if (grown == NULL) {
            wr_check_no_room(c);
            return;
        }
        if (list->n > 0) {
            memcpy(grown, list->items, list->n * sizeof(grown[0]));
        }
        list->items = grown;
        list->cap = cap;
    }
    list->items[list->n++] = item;
}

/* ── sets ───────────────────────────────────────────────────────────────────────────────────── */

bool wr_varset_has(const struct check_set *set, uint32_t var)
{
    return var / 64 < set->n && (set->words[var / 64] >> (var % 64) & 1) != 0;
}

static bool grow(struct wr_check *c, struct check_set *set, uint32_t n)
{
    if (n <= set->n) {
        return true;
    }
    uint64_t *words = WR_NEW_ARRAY(c->arena, uint64_t, n);
    if (words == NULL) {
        wr_check_no_room(c);
        return false;
    }
    if (set->n > 0) {
        memcpy(words, set->words, set->n * sizeof(words[0]));
    }
    set->words = words;
    set->n = n;
    return true;
}

void wr_varset_add(struct wr_check *c, struct check_set *set, uint32_t var)
{
    if (grow(c, set, var / 64 + 1)) {
        set->words[var / 64] |= (uint64_t)1 << (var % 64);
    }
}

void wr_varset_remove(struct check_set *set, uint32_t var)
{
    if (var / 64 < set->n) {
        set->words[var / 64] &= ~((uint64_t)1 << (var % 64));
    }
}

void wr_varset_join(struct wr_check *c, struct check_set *set, const struct check_set *more)
{
    wr_check_charge(c, more->n);
    if (grow(c, set, more->n)) {
        for (uint32_t i = 0; i < more->n; i++) {
            set->words[i] |= more->words[i];
        }
    }
}

bool wr_varset_is_empty(const struct check_set *set)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < set->n; i++) {
        any |= set->words[i];
    }
    return any == 0;
}

bool wr_varset_from(const struct check_set *set, uint32_t *v)
{
    uint64_t above = UINT64_MAX << (*v % 64);
    for (uint32_t i = *v / 64; i < set->n; i++, above = UINT64_MAX) {
        uint64_t left = set->words[i] & above;
        if (left != 0) {
            *v = i * 64 + (uint32_t)__builtin_ctzll(left);
            return true;
        }
    }
    return false;
}

static uint64_t word(const struct check_set *set, uint32_t i)
{
    return set != NULL && i < set->n ? set->words[i] : 0;
}

bool wr_varset_within(const struct check_set *a, const struct check_set *b,
                      const struct check_set *more)
{
    uint64_t outside = 0;
    for (uint32_t i = 0; i < a->n; i++) {
        outside |= a->words[i] & ~(word(b, i) | word(more, i));
    }
    return outside == 0;
}

void wr_varset_keep(struct check_set *set, const struct check_set *with,
                    const struct check_set *without)
{
    for (uint32_t i = 0; i < set->n; i++) {
        set->words[i] &= word(with, i) & ~word(without, i);
    }
}

void wr_varset_take(struct check_set *set, const struct check_set *a, const struct check_set *b)
{
    for (uint32_t i = 0; i < set->n; i++) {
        set->words[i] &= ~(word(a, i) | word(b, i));
    }
}

struct check_set wr_varset_copy(struct wr_check *c, const struct check_set *set)
{
    struct check_set copy = {0};
    wr_varset_join(c, &copy, set);
    return copy;
}

/* ── nodes ──────────────────────────────────────────────────────────────────────────────────── */

struct wr_ast_term *wr_check_new(struct wr_check *c, enum wr_ast_kind kind,
                                 const struct wr_ast_loc *loc)
{
    struct wr_ast_term *t = WR_NEW(c->arena, struct wr_ast_term);
    wr_check_charge(c, 1);
    if (t == NULL) {
        wr_check_no_room(c);
        c->sink = (struct wr_ast_term){.kind = WR_AST_SCALAR, .value = wr_null()};
        return &c->sink;
    }
    t->kind = (uint8_t)kind;
    t->loc = *loc;
    return t;
}

struct wr_ast_term *wr_check_new_items(struct wr_check *c, enum wr_ast_kind kind,
                                       const struct wr_ast_loc *loc, uint32_t n)
{
    struct wr_ast_term *t = wr_check_new(c, kind, loc);
    struct wr_ast_term **items = WR_NEW_ARRAY(c->arena, struct wr_ast_term *, (size_t)n + 1);
    if (items == NULL || t == &c->sink) {
        wr_check_no_room(c);
        return &c->sink;
    }
    for (uint32_t i = 0; i < n; i++) {
        items[i] = &c->sink;
    }
    t->items = items;
    t->n_items = n;
    return t;
}

struct wr_ast_term *wr_check_var(struct wr_check *c, uint32_t var, const struct wr_ast_loc *loc)
{
    struct wr_ast_term *t = wr_check_new(c, WR_AST_VAR, loc);
    if (t != &c->sink && var < c->vars->n) {
        t->name = c->vars->items[var].name;
        t->tag = var;
    }
    return t;
}

uint32_t wr_check_new_var(struct wr_check *c, struct wr_str name)
{
    struct check_vars *vars = c->vars;
    if (vars->n == vars->cap) {
        uint32_t cap = vars->cap == 0 ? 8 : vars->cap * 2;
        struct check_var *grown = WR_NEW_ARRAY(c->arena, struct check_var, cap);
        if (grown == NULL) {
            wr_check_no_room(c);
            return VAR_DATA;
        }
        if (vars->n > 0) {
            memcpy(grown, vars->items, vars->n * sizeof(grown[0]));
        }
        vars->items = grown;
        vars->cap = cap;
    }
    vars->items[vars->n] = (struct check_var){.name = name};
    return vars->n++;
}

static struct wr_str local_name(struct wr_check *c, uint32_t number)
{
    char digits[10];
    uint32_t n = 0;
    size_t n_front = strlen("__local") + strlen(c->suffix);
    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    char *text = wr_arena_alloc(c->arena, n_front + n + 2, 1);
    if (text == NULL) {
        wr_check_no_room(c);
        return WR_STR("__local__");
    }
    memcpy(text, "__local", strlen("__local"));
    memcpy(text + strlen("__local"), c->suffix, strlen(c->suffix));
    for (uint32_t i = 0; i < n; i++) {
        text[n_front + i] = digits[n - 1 - i];
    }
    memcpy(text + n_front + n, "__", 2);
    return wr_str_of(text, n_front + n + 2);
}

struct check_slot *wr_check_slots(struct wr_check *c)
{
    if (c->n_slots < c->vars->n) {
        c->n_slots = c->vars->n;
        c->slots = WR_NEW_ARRAY(c->arena, struct check_slot, c->n_slots);
    }
    if (c->slots == NULL) {
        c->n_slots = 0;
        wr_check_no_room(c);
    }
    return c->slots;
}

uint32_t wr_check_generate(struct wr_check *c)
{
    for (;;) {
        struct wr_str name = local_name(c, c->next_local++);
        if (c->stop || c->generated.n == 0 || wr_name_map_get(&c->generated, name) == NULL) {
            return wr_check_new_var(c, name);
        }
    }
}

bool wr_check_is_generated(struct wr_str name)
{
    return wr_str_starts(name, WR_STR("__local"));
}

struct wr_ast_expr *wr_check_new_expr(struct wr_check *c, struct wr_ast_term *term,
                                      const struct wr_ast_loc *loc)
{
    struct wr_ast_expr *e = WR_NEW(c->arena, struct wr_ast_expr);
    wr_check_charge(c, 1);
    if (e == NULL) {
        wr_check_no_room(c);
        c->sink_expr = (struct wr_ast_expr){.kind = WR_AST_TERM, .term = &c->sink};
        return &c->sink_expr;
    }
    e->kind = WR_AST_TERM;
    e->term = term;
    e->loc = *loc;
    return e;
}

struct wr_ast_expr *wr_check_equation(struct wr_check *c, struct wr_ast_term *a,
                                      struct wr_ast_term *b, const struct wr_ast_loc *loc)
{
    struct wr_ast_term *call = wr_check_new_items(c, WR_AST_CALL, loc, 3);
    struct wr_ast_term *name = wr_check_new(c, WR_AST_VAR, loc);
    struct wr_ast_term *operator_ref = wr_check_new_items(c, WR_AST_REF, loc, 1);
    if (c->stop) {
        return wr_check_new_expr(c, &c->sink, loc);
    }
    name->name = WR_STR("eq");
    name->tag = UINT32_MAX;
    operator_ref->items[0] = name;
    call->items[0] = operator_ref;
    call->items[1] = a;
    call->items[2] = b;
    struct wr_ast_expr *e = wr_check_new_expr(c, call, loc);
    e->generated = true;
    return e;
}

struct wr_ast_body *wr_check_body(struct wr_check *c, const struct check_list *exprs,
                                  const struct wr_ast_loc *loc)
{
    struct wr_ast_body *body = WR_NEW(c->arena, struct wr_ast_body);
    if (body == NULL) {
        wr_check_no_room(c);
        c->sink_body = (struct wr_ast_body){0};
        return &c->sink_body;
    }
    body->exprs = (struct wr_ast_expr **)exprs->items;
    body->n = exprs->n;
    body->loc = *loc;
    return body;
}

void wr_check_append(struct wr_check *c, struct wr_ast_body **body, const struct check_list *exprs)
{
    struct check_list all = {0};
    if (exprs->n == 0) {
        return;
    }
    for (uint32_t i = 0; i < (*body)->n; i++) {
        wr_check_push(c, &all, (*body)->exprs[i]);
    }
    for (uint32_t i = 0; i < exprs->n; i++) {
        wr_check_push(c, &all, exprs->items[i]);
    }
    *body = wr_check_body(c, &all, &(*body)->loc);
}

bool wr_check_is_op(const struct wr_ast_term *t, const char *name)
{
    return t->kind == WR_AST_CALL && t->n_items > 0 && t->items[0]->n_items == 1 &&
           wr_str_eq(t->items[0]->items[0]->name, wr_str_z(name));
}

bool wr_check_is_call(const struct wr_ast_expr *e)
{
    return e->kind == WR_AST_TERM && e->term->kind == WR_AST_CALL;
}

void wr_check_each_rule(struct wr_check *c, void (*f)(struct wr_check *, struct check_rule *))
{
    for (uint32_t m = 0; m < c->n_modules && !c->stop; m++) {
        c->module = &c->modules[m];
        c->file = c->module->ast->file;
        for (uint32_t i = 0; i < c->module->n_rules && !c->stop; i++) {
            for (struct check_rule *r = c->module->rules[i]; r != NULL && !c->stop;
                 r = r->otherwise) {
                c->vars = r->vars;
                f(c, r);
            }
        }
    }
}

/* ── names in messages ──────────────────────────────────────────────────────────────────────── */

struct wr_ast_term *wr_check_shown(struct wr_check *c, struct wr_ast_term *t)
{
    if (t->kind == WR_AST_VAR && t->tag < c->vars->n && c->vars->items[t->tag].shown.n > 0) {
        struct wr_ast_term *copy = wr_check_new(c, WR_AST_VAR, &t->loc);
        if (copy != &c->sink) {
            copy->name = c->vars->items[t->tag].shown;
        }
        return copy;
    }
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || t->body != NULL) {
        return t;
    }
    struct wr_ast_term *copy =
        wr_check_new_items(c, (enum wr_ast_kind)t->kind, &t->loc, t->n_items);
    for (uint32_t i = 0; i < copy->n_items && copy != &c->sink; i++) {
        copy->items[i] = wr_check_shown(c, t->items[i]);
    }
    return copy;
}

struct wr_str wr_check_ref_text(struct wr_check *c, struct wr_ast_term *const *items, uint32_t n)
{
    struct wr_ast_term *ref = wr_check_new_items(c, WR_AST_REF, &items[0]->loc, n);
    struct wr_buf buf = wr_buf_in(c->arena, 64);
    for (uint32_t i = 0; i < ref->n_items && ref != &c->sink; i++) {
        ref->items[i] = wr_check_shown(c, items[i]);
    }
    if (ref != &c->sink) {
        wr_rego_print_ref(&buf, ref->items, ref->n_items);
    }
    return wr_buf_view(&buf);
}
