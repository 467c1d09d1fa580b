/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in their order, statements, negation, `every`, `with`, comprehensions. */
#include "rego/lane.h"

bool wr_start_bindings(struct compiler *c, const struct wr_plan_clause *clause)
{
    c->clause = clause;
    c->names = clause->names;
    c->var_register = WR_NEW_ARRAY(c->arena, uint16_t, clause->n_vars);
    c->var_constant = WR_NEW_ARRAY(c->arena, const struct wr_value *, clause->n_vars);
    if (c->var_register == NULL || c->var_constant == NULL ||
        !wr_bindings_init(&c->bindings, c->arena, clause->n_vars, &c->budget)) {
        c->no_room = true;
        return false;
    }
    return true;
}

/* ── unsafe variables ───────────────────────────────────────────────────────────────────────── */

struct report {
    struct compiler *c;
    const struct wr_ast_loc *loc;
};

/* Words that an import would have made keywords. */
static void write_hint(struct wr_buf *buf, const struct compiler *c, struct wr_str name)
{
    static const char *const words[] = {"contains", "every", "if", "in"};
    for (size_t i = 0; i < WR_COUNTOF(words); i++) {
        if (!c->clause->module->ast->v1 && wr_str_eq(name, wr_str_z(words[i]))) {
            wr_format(buf, " (hint: `import future.keywords.%s` to import a future keyword)",
                      words[i]);
        }
    }
}

static void report_var(void *context, uint32_t var, const struct wr_ast_loc *loc)
{
    struct report *report = context;
    struct compiler *c = report->c;
    struct wr_str name = c->names[var];
    wr_bind(&c->bindings, var); /* once for each expression */
    if (name.n > 0 && name.p[0] == '$') {
        name = WR_STR("_");
    }
    if (name.n > 0) {
        char hint[96] = "";
        struct wr_buf buf = wr_buf_fixed(hint, sizeof(hint));
        write_hint(&buf, c, name);
        wr_compile_error(c, WR_E_REGO_UNSAFE, report->loc != NULL ? report->loc : loc,
                         "var %.*s is unsafe%.*s", WR_FMT(name), (int)buf.n, hint);
    }
}

void wr_report_unsafe(struct compiler *c, const struct wr_plan_expr *e,
                      const struct wr_plan_term *t)
{
    struct report report = {c, e != NULL ? e->loc : c->head_loc};
    uint32_t n_bound = c->bindings.n_bound;
    uint32_t before = c->errors->n;
    c->unsafe = false;
    if (c->budget == 0) {
        if (c->errors->n == 0) {
            wr_compile_error(c, WR_E_LIMIT, report.loc,
                             "the order of statements is too hard to find "
                             "(WR_LIMIT_REGO_SAFETY)");
        }
        return;
    }
    wr_unsafe_vars(&c->bindings, e, t, report_var, &report);
    wr_unbind(&c->bindings, n_bound);
    if (c->errors->n == before && !c->errors->full) {
        wr_compile_error(c, WR_E_REGO_UNSAFE, e != NULL ? e->loc : t->loc, "expression is unsafe");
    }
}

/* ── with ───────────────────────────────────────────────────────────────────────────────────── */

static uint32_t with_entry(struct compiler *c, const struct wr_plan_with *w)
{
    return wr_unit_with(c->unit, (struct wr_with_entry){.path = w->path,
                                                        .n_path = w->n_path,
                                                        .node = w->node,
                                                        .builtin = w->builtin,
                                                        .by_function = w->by_function,
                                                        .by_builtin = w->by_builtin});
}

uint32_t wr_enter_with(struct compiler *c, const struct wr_plan_expr *e)
{
    uint32_t before = c->context;
    if (e->n_with == 0) {
        return before;
    }
    uint32_t values = wr_new_registers(c, e->n_with), context = wr_new_register(c);
    for (uint32_t i = 0; i < e->n_with; i++) {
        if (e->with[i].value != NULL) {
            wr_compile_term(c, e->with[i].value, values + i);
        }
    }
    wr_emit(c, WR_OP_WITH, context, 0, 0, 0, NO_LABEL);
    for (uint32_t i = 0; i < e->n_with; i++) {
        const struct wr_plan_with *w = &e->with[i];
        enum wr_opcode op = w->kind == WR_WITH_INPUT  ? WR_OP_WITH_INPUT
                            : w->kind == WR_WITH_DATA ? WR_OP_WITH_DATA
                                                      : WR_OP_WITH_CALL;
        wr_set_place(c, e->loc);
        wr_emit(c, op, context, values + i, 0, with_entry(c, w), NO_LABEL);
    }
    c->context = context;
    wr_emit(c, WR_OP_ENTER, context, 0, 0, 0, NO_LABEL);
    return before;
}

void wr_leave_with(struct compiler *c, uint32_t before)
{
    if (c->context != before) {
        c->context = before;
        wr_emit(c, WR_OP_ENTER, before, 0, 0, 0, NO_LABEL);
    }
}

/* ── conditions ─────────────────────────────────────────────────────────────────────────────── */

/* Makes the access that was emitted last compare its result with a constant. False: it is none, or
 * the constant's number is too large for its operand. */
static bool fuse_compare(struct compiler *c, uint8_t op, uint32_t reg, uint32_t constant)
{
    if (c->n_code == 0 || constant > UINT16_MAX) {
        return false;
    }
    struct wr_insn *last = &c->code[c->n_code - 1];
    uint32_t which = op - WR_OPERATOR_EQUAL;
    if (last->op == WR_OP_INPUT && last->a == reg) {
        last->op = (uint16_t)(WR_OP_INPUT_EQ + which);
        last->b = (uint16_t)constant;
        return true;
    }
    if (last->op == WR_OP_GET_CONST && last->a == reg) {
        last->op = (uint16_t)(WR_OP_GET_EQ + which);
        last->c = (uint16_t)constant;
        return true;
    }
    return false;
}

/* x op y with y constant; false: there is no such instruction. */
static bool compare_const(struct compiler *c, uint8_t op, const struct wr_plan_term *x,
                          const struct wr_plan_term *y)
{
    static const uint16_t ops[] = {
        [WR_OPERATOR_EQUAL] = WR_OP_EQ_CONST, [WR_OPERATOR_NEQ] = WR_OP_NEQ_CONST,
        [WR_OPERATOR_LT] = WR_OP_LT_CONST,    [WR_OPERATOR_LTE] = WR_OP_LTE_CONST,
        [WR_OPERATOR_GT] = WR_OP_GT_CONST,    [WR_OPERATOR_GTE] = WR_OP_GTE_CONST};
    const struct wr_value *known = wr_known(c, y);
    if (known == NULL) {
        return false;
    }
    uint32_t before = c->n_code, reg = wr_compile_term(c, x, WR_NO_REGISTER);
    uint32_t constant = wr_unit_const(c->unit, *known);
    if (c->n_code == before || !fuse_compare(c, op, reg, constant)) {
        wr_emit(c, ops[op], 0, reg, 0, constant, c->fail);
    }
    return true;
}

static uint8_t mirrored(uint8_t op)
{
    switch (op) {
    case WR_OPERATOR_LT:
        return WR_OPERATOR_GT;
    case WR_OPERATOR_LTE:
        return WR_OPERATOR_GTE;
    case WR_OPERATOR_GT:
        return WR_OPERATOR_LT;
    case WR_OPERATOR_GTE:
        return WR_OPERATOR_LTE;
    default:
        return op;
    }
}

/* Makes a base document, read last of what was emitted from `from` on, the second operand of the
 * comparison itself, and input read right before it the first. False: there is none. */
static bool fuse_data(struct compiler *c, uint8_t op, const uint32_t regs[2], uint32_t from)
{
    struct wr_insn *last = &c->code[c->n_code == 0 ? 0 : c->n_code - 1];
    uint32_t which = op - WR_OPERATOR_EQUAL;
    if (c->n_code == from || last->op != WR_OP_DATA || last->a != regs[1] || last->t != c->fail) {
        return false;
    }
    struct wr_insn *before = c->n_code - from > 1 ? last - 1 : last;
    if (before->op == WR_OP_INPUT && before->a == regs[0] && before->t == last->t &&
        last->d <= UINT16_MAX) {
        before->op = (uint16_t)(WR_OP_INPUT_EQ_DATA + which);
        before->b = (uint16_t)last->d;
        c->n_code--;
        return true;
    }
    last->op = (uint16_t)(WR_OP_EQ_DATA + which);
    last->b = (uint16_t)regs[0];
    return true;
}

static void compare(struct compiler *c, uint8_t op, struct wr_plan_term *const *items)
{
    if (compare_const(c, op, items[0], items[1]) ||
        compare_const(c, mirrored(op), items[1], items[0])) {
        return;
    }
    bool in_order = wr_would_be_ready(&c->bindings, items[0]);
    uint32_t regs[2], from = c->n_code;
    for (int i = 0; i < 2; i++) {
        int at = in_order ? i : 1 - i;
        regs[at] = wr_compile_term(c, items[at], WR_NO_REGISTER);
    }
    if (fuse_data(c, op, regs, from)) {
        return;
    }
    bool swap = op == WR_OPERATOR_GT || op == WR_OPERATOR_GTE;
    enum wr_opcode code = op == WR_OPERATOR_EQUAL                        ? WR_OP_EQ
                          : op == WR_OPERATOR_NEQ                        ? WR_OP_NEQ
                          : op == WR_OPERATOR_LT || op == WR_OPERATOR_GT ? WR_OP_LT
                                                                         : WR_OP_LTE;
    wr_emit(c, code, 0, regs[swap ? 1 : 0], regs[swap ? 0 : 1], 0, c->fail);
}

void wr_compile_condition(struct compiler *c, const struct wr_plan_term *t)
{
    wr_set_place(c, t->loc);
    if (t->kind == WR_PLAN_CALL && t->op >= WR_OPERATOR_EQUAL && t->op <= WR_OPERATOR_GTE) {
        compare(c, t->op, t->items);
        return;
    }
    if (t->kind == WR_PLAN_CALL && t->op == WR_OPERATOR_MEMBER) {
        uint32_t first = wr_new_registers(c, 2);
        wr_compile_items(c, t->items, 2, first);
        struct wr_insn *last = &c->code[c->n_code == 0 ? 0 : c->n_code - 1];
        if (c->n_code > 0 && last->op == WR_OP_DATA && last->a == first + 1) {
            last->op = WR_OP_MEMBER_DATA;
            last->b = (uint16_t)first;
        } else {
            wr_emit(c, WR_OP_MEMBER, 0, first, first + 1, 0, c->fail);
        }
        return;
    }
    uint32_t reg = wr_compile_term(c, t, WR_NO_REGISTER);
    if (t->kind == WR_PLAN_CONST && !wr_is_false(t->value)) {
        return;
    }
    wr_emit(c, WR_OP_TRUE, 0, reg, 0, 0, c->fail);
}

/* every: a loop whose body may not fail; when the loop runs out the statement holds. */
static void compile_every(struct compiler *c, const struct wr_plan_expr *e)
{
    uint32_t domain = wr_compile_term(c, e->domain, WR_NO_REGISTER);
    uint32_t fail = c->fail; /* the domain may itself have begun a loop */
    uint32_t n_bound = c->bindings.n_bound, n_local = c->bindings.n_local;
    uint32_t iter = wr_new_registers(c, 2);
    uint32_t key = wr_new_register(c), value = wr_new_register(c);
    uint32_t next = wr_new_label(c), broken = wr_new_label(c), done = wr_new_label(c);
    uint32_t empty = wr_new_label(c);
    wr_emit(c, WR_OP_ITER, iter, domain, 0, 1, empty);
    wr_put_label(c, next);
    wr_emit(c, WR_OP_NEXT, iter, key, value, 0, done);
    if (c->has_with) {
        wr_emit(c, WR_OP_ENTER, c->context, 0, 0, 0, NO_LABEL);
    }
    c->fail = broken;
    if (e->a != NULL) {
        wr_compile_match(c, e->a, key);
    }
    wr_compile_match(c, e->b, value);
    wr_compile_body(c, e->body);
    wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, next);
    wr_put_label(c, broken);
    wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, fail);
    wr_put_label(c, empty); /* nothing to iterate over is no collection at all */
    wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, fail);
    wr_unbind(&c->bindings, n_bound);
    wr_leave_body(&c->bindings, n_local);
    c->fail = fail;
    wr_put_label(c, done);
}

static void compile_plain(struct compiler *c, const struct wr_plan_expr *e)
{
    struct wr_plan_term *sides[2] = {e->a, e->b};
    switch (e->kind) {
    case WR_PLAN_UNIFY:
        wr_compile_unify(c, e->a, e->b);
        break;
    case WR_PLAN_EQUAL:
        compare(c, WR_OPERATOR_EQUAL, sides);
        break;
    case WR_PLAN_EVERY:
        compile_every(c, e);
        break;
    default:
        wr_compile_condition(c, e->a);
        break;
    }
}

/* What is inside fails to where we go on; when it holds, the statement fails. */
static void compile_not(struct compiler *c, const struct wr_plan_expr *e)
{
    uint32_t out, n_bound;
    for (uint32_t i = 0; i < e->n_before; i++) {
        wr_compile_unify(c, e->before[i]->a, e->before[i]->b);
    }
    out = c->fail;
    n_bound = c->bindings.n_bound;
    uint32_t on = wr_new_label(c);
    c->fail = on;
    compile_plain(c, e);
    wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, out);
    wr_unbind(&c->bindings, n_bound);
    c->fail = out;
    wr_put_label(c, on);
}

void wr_compile_expr(struct compiler *c, const struct wr_plan_expr *e)
{
    wr_set_place(c, e->loc);
    uint32_t before = wr_enter_with(c, e);
    if (e->negated) {
        compile_not(c, e);
    } else {
        compile_plain(c, e);
    }
    wr_leave_with(c, before);
}

/* ── cheap tests first ──────────────────────────────────────────────────────────────────────── */

#define GUARD_WINDOW 32 /* bodies longer than this stay in order */

/* A test of a path of the input against constants: it binds nothing and cannot fail with an
 * error. */
static bool is_guard(struct compiler *c, const struct wr_plan_expr *e)
{
    struct wr_test test;
    struct wr_source where;
    const struct wr_plan_term *source;
    return wr_test_of(c, e, &test, &source) && test.form != WR_TEST_PREFIX &&
           wr_direct_source(c, source, &where) && where.kind == WR_SOURCE_INPUT;
}

/* Evaluating the term raises no error and is seen by nobody: no rules, no functions, no builtins
 * but operators and count of a comprehension. */
bool wr_cannot_err(const struct compiler *c, const struct wr_plan_term *t)
{
    if (t->kind == WR_PLAN_CALL) {
        bool fine = t->op >= WR_OPERATOR_EQUAL && t->op <= WR_OPERATOR_GTE;
        bool count = t->builtin != NULL && t->n == 1 && strcmp(t->builtin->name, "count") == 0 &&
                     (t->items[0]->kind == WR_PLAN_ARRAY_OF || t->items[0]->kind == WR_PLAN_SET_OF);
        if (!fine && !count && t->op != WR_OPERATOR_MEMBER) {
            return false;
        }
    } else if (t->kind == WR_PLAN_DATA || t->kind == WR_PLAN_OBJECT_OF) {
        return false;
    } else if (t->kind == WR_PLAN_REF && t->items[0]->kind == WR_PLAN_DATA) {
        const struct wr_rule_node *node = c->tree->root;
        uint32_t i = 1;
        for (; i < t->n && node != NULL && t->items[i]->kind == WR_PLAN_CONST; i++) {
            node = wr_tree_child(node, &t->items[i]->value);
        }
        for (uint32_t k = 1; k < t->n; k++) {
            if (!wr_cannot_err(c, t->items[k])) {
                return false;
            }
        }
        return node == NULL;
    }
    for (uint32_t i = 0; i < t->n; i++) {
        if (!wr_cannot_err(c, t->items[i])) {
            return false;
        }
    }
    return t->body == NULL || wr_cannot_err_body(c, t->body);
}

static bool cannot_err_expr(const struct compiler *c, const struct wr_plan_expr *e)
{
    if (e->negated || e->n_with > 0 || e->kind == WR_PLAN_EVERY) {
        return false;
    }
    return wr_cannot_err(c, e->a) && (e->b == NULL || wr_cannot_err(c, e->b));
}

bool wr_cannot_err_body(const struct compiler *c, const struct wr_plan_body *body)
{
    for (uint32_t i = 0; i < body->n; i++) {
        if (!cannot_err_expr(c, body->exprs[i])) {
            return false;
        }
    }
    return true;
}

/* OPA's index asks whether a path of the input equals a scalar before it evaluates any statement of
 * a rule. Queries and comprehensions have no index. */
static bool asks_index(struct compiler *c, const struct wr_plan_body *body,
                       const struct wr_plan_expr *e)
{
    struct wr_test test;
    const struct wr_plan_term *source;
    bool is_rule = c->clause->ast != NULL && body == c->clause->body;
    return is_rule && is_guard(c, e) && wr_test_of(c, e, &test, &source) &&
           test.form == WR_TEST_EQ && !test.negated && test.value.type < WR_ARRAY;
}

/* Whether one of the first n statements may raise an error or print. */
static bool any_seen(struct compiler *c, const struct wr_plan_body *body, const uint32_t *order,
                     uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct wr_plan_expr *e = body->exprs[order[i]];
        if (!is_guard(c, e) && !cannot_err_expr(c, e)) {
            return true;
        }
    }
    return false;
}

/* Guards move ahead of what costs more and raises no error; those that OPA's index asks, ahead of
 * what may raise one, too. */
static void move_guards(struct compiler *c, const struct wr_plan_body *body, uint32_t *order)
{
    if (body->n > GUARD_WINDOW) {
        return;
    }
    for (uint32_t i = 1; i < body->n; i++) {
        uint32_t guard = order[i], at = i;
        if (!is_guard(c, body->exprs[guard])) {
            continue;
        }
        bool first = asks_index(c, body, body->exprs[guard]) && any_seen(c, body, order, i);
        for (; at > 0; at--) {
            const struct wr_plan_expr *e = body->exprs[order[at - 1]];
            if (first ? asks_index(c, body, e) : is_guard(c, e) || !cannot_err_expr(c, e)) {
                break;
            }
            order[at] = order[at - 1];
        }
        order[at] = guard;
    }
}

uint32_t *wr_order_clause(struct compiler *c, const struct wr_plan_body *body)
{
    uint32_t *order = WR_NEW_ARRAY(c->arena, uint32_t, body->n);
    bool *placed = WR_NEW_ARRAY(c->arena, bool, body->n);
    if (order == NULL || placed == NULL || c->no_room) {
        c->no_room = true;
        return NULL;
    }
    uint32_t n_bound = c->bindings.n_bound;
    wr_enter_body(&c->bindings, body);
    uint32_t n = wr_order_body(&c->bindings, body, order, placed);
    if (n < body->n) {
        for (uint32_t i = 0; i < body->n; i++) {
            if (!placed[i]) {
                wr_report_unsafe(c, body->exprs[i], NULL);
            }
        }
        return NULL;
    }
    wr_unbind(&c->bindings, n_bound);
    move_guards(c, body, order);
    return order;
}

void wr_compile_body(struct compiler *c, const struct wr_plan_body *body)
{
    const uint32_t *order = wr_order_clause(c, body);
    for (uint32_t i = 0; order != NULL && i < body->n; i++) {
        wr_compile_expr(c, body->exprs[order[i]]);
        if (c->unsafe) {
            wr_report_unsafe(c, body->exprs[order[i]], NULL);
        }
    }
    /* Local marks stay: the head is evaluated as part of the body. The caller takes them back. */
}

/* ── comprehensions ─────────────────────────────────────────────────────────────────────────── */

uint32_t wr_compile_comprehension(struct compiler *c, const struct wr_plan_term *t, uint32_t want)
{
    uint32_t kind = t->kind == WR_PLAN_ARRAY_OF ? WR_COLLECT_ARRAY
                    : t->kind == WR_PLAN_SET_OF ? WR_COLLECT_SET
                                                : WR_COLLECT_OBJECT;
    uint32_t reg = want != WR_NO_REGISTER ? want : wr_new_register(c);
    uint32_t collect = wr_new_register(c), out = c->fail, done = wr_new_label(c);
    uint32_t n_bound = c->bindings.n_bound, n_local = c->bindings.n_local;
    wr_emit(c, WR_OP_COLLECT, collect, 0, 0, kind, NO_LABEL);
    c->fail = done;
    uint32_t n_errors = c->errors->n, first = wr_new_registers(c, t->n);
    wr_compile_body(c, t->body);
    if (c->errors->n == n_errors) {
        wr_compile_items(c, t->items, t->n, first);
    }
    wr_set_place(c, t->loc);
    if (t->kind == WR_PLAN_OBJECT_OF) {
        wr_emit(c, WR_OP_PUT, collect, first, first + 1, 0, NO_LABEL);
    } else {
        wr_emit(c, WR_OP_ADD, collect, first, 0, 0, NO_LABEL);
    }
    wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, c->fail);
    if (c->unsafe) {
        for (uint32_t i = 0; i < t->n; i++) {
            wr_report_unsafe(c, NULL, t->items[i]);
        }
    }
    wr_unbind(&c->bindings, n_bound);
    wr_leave_body(&c->bindings, n_local);
    c->fail = out;
    wr_put_label(c, done);
    /* A conflict of keys is told where the key stands. */
    wr_set_place(c, t->kind == WR_PLAN_OBJECT_OF ? t->items[0]->loc : t->loc);
    wr_emit(c, WR_OP_FINISH, reg, collect, 0, 0, NO_LABEL);
    return reg;
}
