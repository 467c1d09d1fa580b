/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, inner nodes and queries to functions.
 *
 *   complete rule, function      UNDEF r | each clause: body, value, RESULT r | default | RETURN r
 *   set, partial object          COLLECT r | each clause: body, ADD or PUT | FINISH r | RETURN r
 *   inner node                   COLLECT r | each child: RULE, PUT | FINISH r | MERGE r | RETURN r
 *
 * A clause whose value is constant is left at its first success; when all clauses have one and the
 * same constant value, so is the rule (OPA's early exit, which hides what it never evaluates). */
#include "rego/compile.h"
#include "rego/index.h"

static struct wr_str file_of(const struct wr_rule_node *node)
{
    const struct wr_plan_clause *c = node->clauses != NULL ? node->clauses : node->fallback;
    return c == NULL ? (struct wr_str){0} : c->module->ast->file;
}

static bool all_one_constant(const struct wr_rule_node *node)
{
    const struct wr_value *first = NULL;
    for (const struct wr_plan_clause *c = node->clauses; c != NULL; c = c->next) {
        for (const struct wr_plan_clause *link = c; link != NULL; link = link->otherwise) {
            if (link->value == NULL || link->value->kind != WR_PLAN_CONST) {
                return false;
            }
            if (first != NULL && !wr_value_eq(first, &link->value->value)) {
                return false;
            }
            first = &link->value->value;
        }
    }
    return first != NULL;
}

static bool any_with(const struct wr_rule_node *node)
{
    for (const struct wr_plan_clause *c = node->clauses; c != NULL; c = c->next) {
        if (c->has_with) {
            return true;
        }
    }
    return node->fallback != NULL && node->fallback->has_with;
}

/* Head terms: needs the clause's body to have been compiled. False: unsafe. */
static bool head_items(struct compiler *c, struct wr_plan_term *const *items, uint32_t n,
                       uint32_t first)
{
    wr_compile_items(c, items, n, first);
    if (!c->unsafe) {
        return true;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!wr_would_be_ready(&c->bindings, items[i])) {
            c->head_loc = &c->clause->ast->loc;
            wr_report_unsafe(c, NULL, items[i]);
            c->head_loc = NULL;
        }
    }
    c->unsafe = false;
    return false;
}

/* The register of a head term: a variable's own, or a new one. False: unsafe. */
static bool head_item(struct compiler *c, struct wr_plan_term *t, uint32_t *reg)
{
    if (t->kind == WR_PLAN_VAR && c->bindings.bound[t->var] && wr_known(c, t) == NULL) {
        *reg = c->var_register[t->var];
        return true;
    }
    *reg = wr_new_register(c);
    return head_items(c, &t, 1, *reg);
}

/* Back to the innermost loop, unless what comes out of the clause is known ahead and nothing in it
 * can fail: then once is enough. The clause's own end comes next anyway. */
static bool go_on(struct compiler *c, const struct wr_plan_clause *clause, bool known,
                  uint32_t skip)
{
    bool once = known && wr_cannot_err_body(c, clause->body);
    if (c->fail != skip && !once) {
        wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, c->fail);
    }
    return once;
}

static bool yield_value(struct compiler *c, struct wr_rule_state *s,
                        const struct wr_plan_clause *clause, uint32_t found, uint32_t skip)
{
    uint32_t value;
    if (s->early) {
        wr_compile_term(c, clause->value, s->result);
        wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, s->end);
        return false;
    }
    if (!head_item(c, clause->value, &value)) {
        return false;
    }
    wr_set_place(c, &clause->ast->loc);
    wr_emit(c, WR_OP_RESULT, s->result, value, 0, s->node->kind == WR_NODE_FUNCTION, NO_LABEL);
    if (found != WR_NO_REGISTER) {
        wr_emit(c, WR_OP_MOVE, found, value, 0, 0, NO_LABEL);
    }
    return go_on(c, clause, wr_known(c, clause->value) != NULL, skip);
}

static bool yield_element(struct compiler *c, struct wr_rule_state *s,
                          const struct wr_plan_clause *clause, uint32_t skip)
{
    const struct wr_value *known = wr_known(c, clause->key);
    uint32_t key;
    if (known != NULL) {
        wr_emit(c, WR_OP_ADD_CONST, s->result, 0, 0, wr_unit_const(c->unit, *known), NO_LABEL);
    } else if (head_item(c, clause->key, &key)) {
        wr_emit(c, WR_OP_ADD, s->result, key, 0, 0, NO_LABEL);
        s->open = true;
    }
    return go_on(c, clause, known != NULL, skip);
}

static bool yield_pair(struct compiler *c, struct wr_rule_state *s,
                       const struct wr_plan_clause *clause, uint32_t found, uint32_t skip)
{
    bool element = clause->key != NULL;
    uint32_t n = clause->n_path, first = wr_new_registers(c, n + 1);
    struct wr_plan_term **items = WR_NEW_ARRAY(c->arena, struct wr_plan_term *, n + 1);
    if (items == NULL) {
        c->no_room = true;
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        items[i] = clause->path[i];
    }
    items[n] = element ? clause->key : clause->value;
    if (!head_items(c, items, n + 1, first)) {
        return false;
    }
    wr_set_place(c, &clause->ast->loc);
    if (s->with_keys) {
        wr_emit(c, WR_OP_PUT, s->result, first, first + 1, 0, NO_LABEL);
    } else {
        wr_emit(c, WR_OP_PUT_PATH, s->result, first, n, element, NO_LABEL);
    }
    if (found != WR_NO_REGISTER) {
        wr_emit(c, WR_OP_MOVE, found, first + n, 0, 0, NO_LABEL);
    }
    return go_on(c, clause, false, skip);
}

bool wr_yield(struct compiler *c, struct wr_rule_state *s, const struct wr_plan_clause *clause,
              uint32_t found, uint32_t skip)
{
    return s->node->kind == WR_NODE_SET       ? yield_element(c, s, clause, skip)
           : s->node->kind == WR_NODE_PARTIAL ? yield_pair(c, s, clause, found, skip)
                                              : yield_value(c, s, clause, found, skip);
}

/* One link: arguments, body, head. Falls through to its end label when it is exhausted. */
static void compile_link(struct compiler *c, struct wr_rule_state *s,
                         const struct wr_plan_clause *clause, uint32_t found)
{
    if (!wr_start_bindings(c, clause)) {
        return;
    }
    uint32_t skip = wr_new_label(c), n_errors = c->errors->n;
    c->fail = skip;
    c->file = clause->module->ast->file;
    wr_set_place(c, &clause->ast->loc);
    for (uint32_t i = 0; i < clause->n_args; i++) {
        wr_compile_match(c, clause->args[i], i);
    }
    wr_compile_body(c, clause->body);
    if (c->errors->n == n_errors) {
        wr_yield(c, s, clause, found, skip);
    }
    wr_put_label(c, skip);
}

void wr_compile_chain(struct compiler *c, struct wr_rule_state *s,
                      const struct wr_plan_clause *clause)
{
    uint32_t registers = c->next_register, found = WR_NO_REGISTER, end = wr_new_label(c);
    if (clause->otherwise != NULL && !s->early) {
        found = wr_new_register(c);
        wr_emit(c, WR_OP_UNDEF, found, 0, 0, 0, NO_LABEL);
    }
    uint32_t kept = c->next_register;
    for (; clause != NULL && !c->no_room; clause = clause->otherwise) {
        compile_link(c, s, clause, found);
        c->next_register = kept;
        if (found != WR_NO_REGISTER && clause->otherwise != NULL) {
            wr_emit(c, WR_OP_IF_DEFINED, 0, found, 0, 0, end);
        }
    }
    wr_put_label(c, end);
    c->next_register = registers;
}

static bool single_keys(const struct wr_rule_node *node)
{
    for (const struct wr_plan_clause *c = node->clauses; c != NULL; c = c->next) {
        if (c->n_path != 1 || c->key != NULL) {
            return false;
        }
    }
    return true;
}

/* A set of which every element is known ahead: these are sorted now, and when the rule is evaluated
 * each clause that holds marks its element's rank. `begin` is the COLLECT. */
static void rank_elements(struct compiler *c, uint32_t begin)
{
    struct wr_arena_mark mark = wr_arena_mark(c->arena);
    uint32_t n = 0;
    struct wr_value *items = WR_NEW_ARRAY(c->arena, struct wr_value, c->n_code - begin);
    if (items == NULL) {
        c->no_room = true;
        return;
    }
    for (uint32_t i = begin; i < c->n_code; i++) {
        if (c->code[i].op == WR_OP_ADD_CONST) {
            items[n++] = c->unit->consts[c->code[i].d];
        }
    }
    uint32_t ground = wr_unit_ground(c->unit, items, n);
    if (ground == UINT32_MAX) {
        wr_arena_rewind(c->arena, mark);
        return;
    }
    const struct wr_value *set = &c->unit->grounds[ground];
    for (uint32_t i = begin; i < c->n_code; i++) {
        struct wr_insn *in = &c->code[i];
        if (in->op == WR_OP_ADD_CONST) {
            in->op = WR_OP_MARK;
            in->d = wr_set_rank(set, &c->unit->consts[in->d]);
        }
    }
    c->code[begin].op = WR_OP_GROUND;
    c->code[begin].d = ground;
}

static uint32_t count_clauses(const struct wr_rule_node *node)
{
    uint32_t n = 0;
    for (const struct wr_plan_clause *c = node->clauses; c != NULL; c = c->next) {
        n++;
    }
    return n;
}

static void compile_rule(struct compiler *c, struct wr_rule_node *node)
{
    struct wr_rule_state s = {.node = node};
    bool collects = node->kind == WR_NODE_SET || node->kind == WR_NODE_PARTIAL;
    s.collects = collects;
    wr_emit_start(c, any_with(node), node->arity);
    uint32_t begin = 0;
    s.result = wr_new_register(c);
    s.end = wr_new_label(c);
    s.early = !collects && all_one_constant(node);
    s.with_keys = node->kind == WR_NODE_PARTIAL && single_keys(node);
    if (collects) {
        uint32_t kind = node->kind == WR_NODE_SET ? WR_COLLECT_SET
                        : s.with_keys             ? WR_COLLECT_OBJECT
                                                  : WR_COLLECT_PATHS;
        begin = wr_emit(c, WR_OP_COLLECT, s.result, 0, 0, kind, NO_LABEL);
    } else {
        wr_emit(c, WR_OP_UNDEF, s.result, 0, 0, 0, NO_LABEL);
    }
    uint32_t n_clauses = count_clauses(node);
    if (n_clauses >= WR_INDEX_MIN) {
        wr_compile_clauses(c, &s, n_clauses);
    }
    for (const struct wr_plan_clause *clause = node->clauses;
         n_clauses < WR_INDEX_MIN && clause != NULL && !c->no_room; clause = clause->next) {
        wr_compile_chain(c, &s, clause);
    }
    if (node->fallback != NULL && !collects) {
        wr_emit(c, WR_OP_IF_DEFINED, 0, s.result, 0, 0, s.end);
        s.early = false;
        wr_compile_chain(c, &s, node->fallback);
    }
    wr_put_label(c, s.end);
    if (node->kind == WR_NODE_SET && !s.open && !c->no_room) {
        rank_elements(c, begin);
    }
    if (collects) {
        const struct wr_plan_clause *first = node->clauses;
        if (first != NULL) {
            wr_set_place(c, &first->ast->loc);
        }
        wr_emit(c, WR_OP_FINISH, s.result, s.result, 0, 0, NO_LABEL);
    }
    wr_emit(c, WR_OP_RETURN, 0, s.result, 0, 0, NO_LABEL);
}

static void compile_inner(struct compiler *c, struct wr_rule_node *node)
{
    wr_emit_start(c, false, 0);
    uint32_t result = wr_new_register(c), base = wr_new_register(c);
    uint32_t value = wr_new_register(c), key = wr_new_register(c);
    wr_emit(c, WR_OP_COLLECT, result, 0, 0, WR_COLLECT_SORTED, NO_LABEL);
    for (uint32_t i = 0; i < node->n_children; i++) {
        const struct wr_rule_node *child = node->children[i];
        if (child->kind == WR_NODE_FUNCTION || child->hidden) {
            continue;
        }
        uint32_t skip = wr_new_label(c);
        wr_emit(c, WR_OP_RULE, value, 0, 0, child->id, skip);
        wr_emit(c, WR_OP_CONST, key, 0, 0, wr_unit_const(c->unit, child->key), NO_LABEL);
        wr_emit(c, WR_OP_PUT, result, key, value, 0, NO_LABEL);
        wr_put_label(c, skip);
    }
    wr_emit(c, WR_OP_FINISH, result, result, 0, 0, NO_LABEL);
    wr_emit(c, WR_OP_NODE, base, 0, 0, node->id, NO_LABEL);
    wr_emit(c, WR_OP_MERGE, result, base, 0, 0, NO_LABEL);
    wr_emit(c, WR_OP_RETURN, 0, result, 0, 0, NO_LABEL);
}

static void compile_node(struct compiler *c, struct wr_rule_node *node, struct wr_function *f)
{
    const struct wr_plan_clause *first = node->clauses != NULL ? node->clauses : node->fallback;
    f->node = node;
    f->name = wr_tree_path(c->arena, node);
    f->n_args = node->arity;
    f->file = file_of(node);
    f->row = first != NULL ? first->ast->loc.row : 0;
    f->entered = node->kind != WR_NODE_INNER;
    c->file = f->file;
    c->place = (struct wr_place){f->row, 1};
    if (node->kind == WR_NODE_INNER) {
        compile_inner(c, node);
    } else {
        compile_rule(c, node);
    }
    wr_emit_finish(c, f);
}

static wr_err compile_outcome(struct compiler *c)
{
    if (c->no_room || c->unit->no_room) {
        wr_rego_error_add(c->errors, WR_E_MEMORY, (struct wr_str){0}, NULL,
                          "no room to compile the policy");
    }
    return c->errors->n == 0 ? WR_OK : c->errors->items[0].code;
}

static uint64_t order_steps(const struct wr_rego_options *options)
{
    return options->steps != 0 ? options->steps : WR_LIMIT_REGO_SAFETY;
}

wr_err wr_compile_program(struct wr_rego_program *program, struct wr_rego_errors *errors)
{
    struct wr_rule_tree *tree = &program->resolved.tree;
    struct compiler c = {.arena = program->arena,
                         .unit = &program->unit,
                         .tree = tree,
                         .errors = errors,
                         .prepared = program->prepared,
                         .budget = order_steps(&program->options)};
    for (uint32_t i = 0; i < tree->n_nodes && !c.no_room && !errors->full; i++) {
        if (!tree->nodes[i]->absorbed) {
            compile_node(&c, tree->nodes[i], &program->unit.functions[i]);
        }
    }
    return compile_outcome(&c);
}

/* ── queries ────────────────────────────────────────────────────────────────────────────────── */

static struct compiler query_compiler(struct wr_rego_query *query, struct wr_arena *arena,
                                      struct wr_rego_errors *errors)
{
    return (struct compiler){.arena = arena,
                             .unit = &query->unit,
                             .tree = &query->program->resolved.tree,
                             .errors = errors,
                             .prepared = NULL,
                             .budget = order_steps(&query->program->options)};
}

/* Variables that stand directly in the body and have a name of their own, sorted by name. */
static uint32_t *result_vars(struct compiler *c, struct wr_rego_query *query, bool all)
{
    const struct wr_plan_clause *clause = &query->clause;
    uint32_t *vars = WR_NEW_ARRAY(c->arena, uint32_t, clause->n_vars);
    query->names = WR_NEW_ARRAY(c->arena, struct wr_value, clause->n_vars);
    if (vars == NULL || query->names == NULL) {
        c->no_room = true;
        return NULL;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < clause->n_vars; i++) {
        struct wr_str name = clause->names[i];
        if (!c->bindings.local[i] || name.n == 0 || (name.p[0] == '$' && !all)) {
            continue;
        }
        uint32_t at = n++;
        for (; at > 0 && wr_str_cmp(wr_text(query->names[at - 1]), name) > 0; at--) {
            vars[at] = vars[at - 1];
            query->names[at] = query->names[at - 1];
        }
        vars[at] = i;
        query->names[at] = wr_string(name);
    }
    query->n_names = n;
    return vars;
}

/* The value of a statement that is no unification. */
static void capture_value(struct compiler *c, const struct wr_plan_expr *e, uint32_t reg)
{
    if (e->kind == WR_PLAN_TERM) {
        wr_compile_term(c, e->a, reg);
        return;
    }
    uint32_t first = wr_new_registers(c, 2);
    struct wr_plan_term *sides[2] = {e->a, e->b};
    wr_compile_items(c, sides, 2, first);
    wr_emit(c, WR_OP_COMPARE, reg, first, first + 1, WR_COMPARE_EQ, NO_LABEL);
}

/* A captured expression: its value goes to `reg`; tested too unless it stands alone. */
static void capture(struct compiler *c, const struct wr_plan_expr *e, uint32_t reg, bool test)
{
    if (e->negated || (e->kind != WR_PLAN_TERM && e->kind != WR_PLAN_EQUAL)) {
        wr_compile_expr(c, e);
        wr_emit(c, WR_OP_CONST, reg, 0, 0, wr_unit_const(c->unit, wr_bool(true)), NO_LABEL);
        return;
    }
    uint32_t before = wr_enter_with(c, e);
    capture_value(c, e, reg);
    wr_leave_with(c, before);
    if (test) {
        wr_emit(c, WR_OP_TRUE, 0, reg, 0, 0, c->fail);
    }
}

/* A reference with a free variable anywhere makes several results: then values are tested. */
static bool iterates(struct compiler *c, const struct wr_plan_expr *e)
{
    uint32_t before = c->bindings.n_bound;
    bool more = wr_ready_expr(&c->bindings, e) && c->bindings.n_bound > before;
    wr_unbind(&c->bindings, before);
    return more;
}

/* OPA names the variable that would have captured the value, too. */
static void report_captured(struct compiler *c, const struct wr_plan_expr *e)
{
    bool captured = !e->negated && (e->kind == WR_PLAN_TERM || e->kind == WR_PLAN_EQUAL);
    bool call = e->kind == WR_PLAN_EQUAL || e->a->kind == WR_PLAN_CALL;
    if (captured && call) {
        wr_compile_error(c, WR_E_REGO_UNSAFE, e->loc, "var _ is unsafe");
    }
    wr_report_unsafe(c, e, NULL);
    if (captured && !call) {
        wr_compile_error(c, WR_E_REGO_UNSAFE, e->loc, "var _ is unsafe");
    }
}

static void compile_captured(struct compiler *c, const struct wr_plan_body *body, uint32_t values)
{
    uint32_t *order = WR_NEW_ARRAY(c->arena, uint32_t, body->n);
    bool *placed = WR_NEW_ARRAY(c->arena, bool, body->n);
    if (order == NULL || placed == NULL) {
        c->no_room = true;
        return;
    }
    wr_enter_body(&c->bindings, body);
    bool test = body->n > 1 || (body->n == 1 && iterates(c, body->exprs[0]));
    uint32_t n = wr_order_body(&c->bindings, body, order, placed);
    if (n < body->n) {
        for (uint32_t i = 0; i < body->n; i++) {
            if (!placed[i]) {
                report_captured(c, body->exprs[i]);
            }
        }
        return;
    }
    wr_unbind(&c->bindings, 0);
    for (uint32_t i = 0; i < n; i++) {
        const struct wr_plan_expr *e = body->exprs[order[i]];
        if (e->hidden) {
            wr_compile_expr(c, e);
        } else {
            capture(c, e, values + e->index, test);
        }
    }
}

static void finish_query(struct compiler *c, struct wr_rego_query *query, uint32_t first)
{
    wr_emit(c, WR_OP_EMIT, 0, first, query->n_names, query->n_values, NO_LABEL);
    wr_emit(c, WR_OP_JUMP, 0, 0, 0, 0, c->fail);
}

static void start_query(struct compiler *c, struct wr_rego_query *query, bool has_with,
                        uint32_t *end)
{
    query->function = (struct wr_function){.name = WR_STR("query"), .file = c->file};
    wr_emit_start(c, has_with, 0);
    *end = wr_new_label(c);
    c->fail = *end;
}

static wr_err end_query(struct compiler *c, struct wr_rego_query *query, uint32_t end)
{
    wr_put_label(c, end);
    uint32_t none = wr_new_register(c);
    wr_emit(c, WR_OP_UNDEF, none, 0, 0, 0, NO_LABEL);
    wr_emit(c, WR_OP_RETURN, 0, none, 0, 0, NO_LABEL);
    if (c->errors->n == 0) {
        wr_emit_finish(c, &query->function);
    }
    return compile_outcome(c);
}

wr_err wr_compile_query(struct wr_rego_query *query, struct wr_arena *arena,
                        const struct wr_compile_query_options *options,
                        struct wr_rego_errors *errors)
{
    struct compiler c = query_compiler(query, arena, errors);
    uint32_t end;
    start_query(&c, query, query->clause.has_with, &end);
    if (!wr_start_bindings(&c, &query->clause)) {
        return compile_outcome(&c);
    }
    query->n_values = options->capture ? query->ast->n : 0;
    uint32_t values = wr_new_registers(&c, query->n_values);
    for (uint32_t i = 0; i < query->n_values; i++) { /* `some` declarations: true */
        wr_emit(&c, WR_OP_CONST, values + i, 0, 0, wr_unit_const(c.unit, wr_bool(true)), NO_LABEL);
    }
    if (options->capture) {
        compile_captured(&c, query->clause.body, values);
    } else {
        wr_compile_body(&c, query->clause.body);
    }
    uint32_t *vars = errors->n == 0 ? result_vars(&c, query, options->all_vars) : NULL;
    if (vars != NULL) {
        uint32_t first = wr_new_registers(&c, query->n_names + query->n_values);
        for (uint32_t i = 0; i < query->n_names; i++) {
            struct wr_plan_term var = {.kind = WR_PLAN_VAR, .var = vars[i]};
            wr_compile_term(&c, &var, first + i);
        }
        for (uint32_t i = 0; i < query->n_values; i++) {
            wr_emit(&c, WR_OP_MOVE, first + query->n_names + i, values + i, 0, 0, NO_LABEL);
        }
        finish_query(&c, query, first);
    }
    return end_query(&c, query, end);
}

wr_err wr_compile_documents(struct wr_rego_query *query, struct wr_arena *arena,
                            struct wr_plan_term *const *refs, uint32_t n,
                            struct wr_rego_errors *errors)
{
    struct compiler c = query_compiler(query, arena, errors);
    uint32_t end, first;
    start_query(&c, query, false, &end);
    query->n_values = n;
    first = wr_new_registers(&c, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t skip = wr_new_label(&c);
        wr_emit(&c, WR_OP_UNDEF, first + i, 0, 0, 0, NO_LABEL);
        if (refs[i] != NULL) {
            c.fail = skip;
            wr_compile_ref(&c, refs[i], first + i);
        }
        wr_put_label(&c, skip);
    }
    c.fail = end;
    finish_query(&c, query, first);
    return end_query(&c, query, end);
}
