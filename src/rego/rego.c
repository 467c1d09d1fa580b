/* SPDX-License-Identifier: Apache-2.0 */
/* Policies as their callers see them: compile, prepare, evaluate, ask. */
#include "rego/rego.h"

#include "rego/check.h"
#include "rego/code.h"
#include "rego/parse.h"
#include "rego/vm.h"

#define FIRST_REGISTERS 128
#define FIRST_FRAMES    8

static wr_err no_room(struct wr_rego_errors *errors)
{
    wr_rego_error_add(errors, WR_E_MEMORY, (struct wr_str){0}, NULL,
                      "no room to compile the policy");
    return WR_E_MEMORY;
}

static wr_err first_error(struct wr_rego_errors *errors)
{
    if (errors->n == 0) {
        return WR_OK;
    }
    wr_err code = errors->items[0].code;
    wr_rego_errors_sort(errors);
    return code;
}

/* ── compiling ──────────────────────────────────────────────────────────────────────────────── */

static wr_err parse_all(struct wr_rego_program *program, const struct wr_rego_source *sources,
                        size_t n, struct wr_rego_errors *errors)
{
    struct wr_rego_parse_options options = {.v1 = program->options.v1, .annotations = true};
    for (size_t i = 0; i < n && !errors->full; i++) {
        wr_err err = wr_rego_parse_module(program->arena, sources[i].file, sources[i].text,
                                          &options, &program->asts[i], errors);
        if (err != WR_OK && errors->n == 0) {
            return no_room(errors);
        }
    }
    return first_error(errors);
}

/* a/b/c, as OPA names places of its store. */
static void write_store_path(struct wr_buf *buf, const struct wr_rule_node *node)
{
    const struct wr_rule_node *chain[WR_LIMIT_REGO_HEAD * 2];
    uint32_t n = 0;
    for (; node->parent != NULL && n < WR_COUNTOF(chain); node = node->parent) {
        chain[n++] = node;
    }
    for (uint32_t i = n; i-- > 0;) {
        wr_buf_str(buf, wr_text(chain[i]->key));
        wr_buf_str(buf, i > 0 ? WR_STR("/") : WR_STR(""));
    }
}

/* The first of a node's clauses in the text, its default included. */
static const struct wr_plan_clause *first_clause(const struct wr_rule_node *node)
{
    const struct wr_plan_clause *c = node->clauses, *d = node->fallback;
    if (c == NULL || d == NULL) {
        return c != NULL ? c : d;
    }
    return c->module == d->module && d->ast->loc.offset < c->ast->loc.offset ? d : c;
}

/* A base document where a rule stands is refused, as OPA does. */
static void check_data(const struct wr_rego_program *program, const struct wr_value *data,
                       struct wr_rego_errors *errors)
{
    const struct wr_rule_tree *tree = &program->resolved.tree;
    for (uint32_t i = 0; i < tree->n_nodes && !errors->full; i++) {
        const struct wr_rule_node *node = tree->nodes[i];
        const struct wr_plan_clause *c = first_clause(node);
        if (c != NULL && !node->absorbed && node->kind != WR_NODE_FUNCTION &&
            wr_vm_base(data, node) != NULL) {
            struct wr_buf path = wr_buf_in(program->arena, 64);
            write_store_path(&path, node);
            wr_rego_error_add(errors, WR_E_REGO_COMPILE, c->module->ast->file, &c->ast->loc,
                              "conflicting rule for data path %.*s found", (int)path.n, path.p);
        }
    }
}

#define LONG_LIST 16 /* elements from which on a list is worth a set of its own */

/* Elements of an array, or values of an object, as a set. */
static bool as_set(struct wr_arena *arena, const struct wr_value *list, struct wr_value *out)
{
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, list->n);
    if (items == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < list->n; i++) {
        items[i] = list->type == WR_OBJECT ? list->pairs[i].value : list->items[i];
    }
    *out = wr_set_from(items, list->n);
    return true;
}

/* Lists of the base documents that rules test membership in become sets, once. */
static bool find_members(struct wr_rego_program *program)
{
    const struct wr_unit *unit = &program->unit;
    program->n_members = 0;
    program->members = WR_NEW_ARRAY(program->arena, struct wr_value, unit->data.n);
    struct wr_value *slots = WR_NEW_ARRAY(program->arena, struct wr_value, unit->data.n);
    if (program->members == NULL || slots == NULL) {
        return false;
    }
    memset(slots, VM_UNKNOWN, unit->data.n * sizeof(slots[0]));
    for (uint32_t i = 0; i < unit->n_functions; i++) {
        const struct wr_function *f = &unit->functions[i];
        for (uint32_t k = 0; k < f->n_code; k++) {
            uint32_t path = f->code[k].d;
            if (f->code[k].op != WR_OP_MEMBER_DATA || program->members[path].type != WR_UNDEFINED) {
                continue;
            }
            const struct wr_value *list =
                wr_vm_slot(unit, &unit->data, slots, &program->data, path);
            if ((list->type == WR_ARRAY || list->type == WR_OBJECT) && list->n >= LONG_LIST &&
                !as_set(program->arena, list, &program->members[path])) {
                return false;
            }
        }
    }
    program->n_members = unit->data.n;
    return true;
}

wr_err wr_rego_compile(struct wr_arena *arena, const struct wr_rego_source *sources, size_t n,
                       const struct wr_value *data, const struct wr_rego_options *options,
                       struct wr_rego_program **out, struct wr_rego_errors *errors)
{
    struct wr_rego_program *program = WR_NEW(arena, struct wr_rego_program);
    *out = NULL;
    if (program == NULL || n > UINT32_MAX / 2) {
        return no_room(errors);
    }
    program->arena = arena;
    if (options != NULL) {
        program->options = *options;
    }
    program->data = data != NULL && data->type != WR_UNDEFINED ? *data : wr_object_from(NULL, 0);
    program->asts = WR_NEW_ARRAY(arena, struct wr_ast_module *, n);
    program->n_modules = (uint32_t)n;
    program->prepared = wr_builtin_cache_new(arena);
    if (program->asts == NULL || program->prepared == NULL) {
        return no_room(errors);
    }
    wr_err err = parse_all(program, sources, n, errors);
    if (err == WR_OK) {
        err = wr_check_modules(arena, program->asts, (uint32_t)n, &program->options,
                               &program->check, errors);
    }
    if (err == WR_OK) {
        err = wr_resolve_modules(arena, program->asts, (uint32_t)n, &program->options,
                                 &program->resolved, errors);
    }
    const struct wr_rule_tree *tree = &program->resolved.tree;
    if (err == WR_OK && !wr_unit_init(&program->unit, arena, tree->n_nodes)) {
        return no_room(errors);
    }
    if (err == WR_OK) {
        err = wr_compile_program(program, errors);
    }
    if (err == WR_OK && wr_resolve_recursion(arena, tree, errors) == WR_E_MEMORY) {
        return no_room(errors);
    }
    if (err == WR_OK) {
        check_data(program, &program->data, errors);
    }
    if (err == WR_OK && !find_members(program)) {
        return no_room(errors);
    }
    *out = errors->n == 0 ? program : NULL;
    return first_error(errors);
}

wr_err wr_rego_with_data(struct wr_arena *arena, const struct wr_rego_program *program,
                         const struct wr_value *data, struct wr_rego_program **changed,
                         struct wr_rego_errors *errors)
{
    struct wr_rego_program *copy = WR_NEW(arena, struct wr_rego_program);
    *changed = NULL;
    if (copy == NULL) {
        return no_room(errors);
    }
    *copy = *program;
    copy->arena = arena;
    copy->data = data != NULL && data->type != WR_UNDEFINED ? *data : wr_object_from(NULL, 0);
    check_data(copy, &copy->data, errors);
    if (!find_members(copy)) {
        return no_room(errors);
    }
    *changed = errors->n == 0 ? copy : NULL;
    return first_error(errors);
}

/* ── preparing ──────────────────────────────────────────────────────────────────────────────── */

static struct wr_rego_query *new_query(const struct wr_rego_program *program,
                                       struct wr_arena *arena)
{
    struct wr_rego_query *query = WR_NEW(arena, struct wr_rego_query);
    if (query == NULL || !wr_unit_copy(&query->unit, arena, &program->unit)) {
        return NULL;
    }
    query->program = program;
    return query;
}

/* A module without rules, to resolve a query in: its package and imports. */
static struct wr_plan_module *query_module(struct wr_rego_query *query, struct wr_arena *arena,
                                           const struct wr_rego_query_options *options,
                                           struct wr_rego_errors *errors)
{
    struct wr_buf text = wr_buf_in(arena, 128);
    bool plain = options->package.n == 0;
    wr_buf_str(&text, WR_STR("package "));
    if (plain) {
        wr_buf_str(&text, WR_STR("system.query"));
    } else if (wr_str_starts(options->package, WR_STR("data."))) {
        wr_buf_str(&text, wr_str_of(options->package.p + 5, options->package.n - 5));
    } else {
        wr_buf_str(&text, options->package);
    }
    for (size_t i = 0; i < options->n_imports; i++) {
        wr_buf_str(&text, WR_STR("\nimport "));
        wr_buf_str(&text, options->imports[i]);
    }
    wr_buf_char(&text, '\n');
    struct wr_plan_module *module = WR_NEW(arena, struct wr_plan_module);
    struct wr_ast_module *ast = NULL;
    struct wr_rego_parse_options parse = {.v1 = query->program->options.v1};
    if (module == NULL || text.overflow ||
        wr_rego_parse_module(arena, (struct wr_str){0}, wr_buf_view(&text), &parse, &ast, errors) !=
            WR_OK) {
        return NULL;
    }
    ast->file = options->as != NULL ? options->as->file : (struct wr_str){0};
    module->ast = ast;
    uint32_t n = ast->package->kind == WR_AST_REF ? ast->package->n_items - 1 : 0, used;
    struct wr_value *keys = WR_NEW_ARRAY(arena, struct wr_value, n);
    if (keys == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        keys[i] = ast->package->items[i + 1]->value;
    }
    module->package = keys;
    module->n_package = n;
    struct wr_rule_node *node = wr_tree_walk(&query->program->resolved.tree, keys, n, &used);
    module->node = used == n && !plain ? node : NULL;
    return module;
}

/* Base documents do not change between evaluations: their paths are looked up once. */
static wr_err look_up_data(struct wr_rego_query *query, struct wr_arena *arena,
                           struct wr_rego_errors *errors)
{
    const struct wr_unit *unit = &query->unit;
    query->data_slots = WR_NEW_ARRAY(arena, struct wr_value, unit->data.n);
    query->bases =
        WR_NEW_ARRAY(arena, const struct wr_value *, query->program->resolved.tree.n_nodes);
    if (query->data_slots == NULL || query->bases == NULL) {
        wr_rego_error_add(errors, WR_E_MEMORY, query->text, NULL, "no room left for the query");
        return WR_E_MEMORY;
    }
    memset(query->data_slots, VM_UNKNOWN, unit->data.n * sizeof(query->data_slots[0]));
    for (uint32_t path = 0; path < unit->data.n; path++) {
        wr_vm_slot(unit, &unit->data, query->data_slots, &query->program->data, path);
    }
    const struct wr_rule_tree *tree = &query->program->resolved.tree;
    for (uint32_t i = 0; i < tree->n_nodes; i++) {
        query->bases[i] = wr_vm_base(&query->program->data, tree->nodes[i]);
    }
    return WR_OK;
}

wr_err wr_rego_prepare(const struct wr_rego_program *program, struct wr_arena *arena,
                       struct wr_str text, const struct wr_rego_query_options *options,
                       struct wr_rego_query **out, struct wr_rego_errors *errors)
{
    static const struct wr_rego_query_options none;
    struct wr_rego_query *query = new_query(program, arena);
    struct wr_ast_body *body = NULL;
    *out = NULL;
    options = options != NULL ? options : &none;
    if (query == NULL) {
        return no_room(errors);
    }
    struct wr_rego_parse_options parse = {.v1 = program->options.v1,
                                          .all_future_keywords = program->options.all_keywords};
    struct wr_str file = options->as != NULL ? options->as->file : (struct wr_str){0};
    wr_err err = wr_rego_parse_body(arena, file, text, &parse, &body, errors);
    if (err != WR_OK) {
        return errors->n == 0 ? no_room(errors) : err;
    }
    query->ast = body;
    query->text = text;
    struct wr_plan_module *module = query_module(query, arena, options, errors);
    if (module == NULL) {
        return errors->n == 0 ? no_room(errors) : first_error(errors);
    }
    err = wr_check_query(program->check, arena, module->ast, options->package.n > 0, body,
                         options->capture, errors);
    if (err != WR_OK) {
        return first_error(errors);
    }
    struct wr_rule_tree tree = program->resolved.tree;
    struct wr_rego_options relaxed = program->options;
    relaxed.strict = false; /* of modules only, as in OPA */
    err = wr_resolve_query(arena, &tree, module, body, &relaxed, &query->clause, errors);
    if (err == WR_OK) {
        struct wr_compile_query_options how = {options->capture, options->all_vars};
        err = wr_compile_query(query, arena, &how, errors);
    }
    err = err == WR_OK ? look_up_data(query, arena, errors) : err;
    *out = err == WR_OK ? query : NULL;
    return err == WR_OK ? WR_OK : first_error(errors);
}

/* A reference below data; its terms are made here. */
static struct wr_plan_term *document_ref(struct wr_arena *arena, const struct wr_value *keys,
                                         uint32_t n)
{
    struct wr_plan_term *terms = WR_NEW_ARRAY(arena, struct wr_plan_term, (size_t)n + 2);
    struct wr_plan_term **items = WR_NEW_ARRAY(arena, struct wr_plan_term *, (size_t)n + 1);
    if (terms == NULL || items == NULL) {
        return NULL;
    }
    items[0] = &terms[1];
    terms[1].kind = WR_PLAN_DATA;
    for (uint32_t i = 0; i < n; i++) {
        items[i + 1] = &terms[i + 2];
        terms[i + 2].kind = WR_PLAN_CONST;
        terms[i + 2].value = keys[i];
    }
    terms[0].kind = WR_PLAN_REF;
    terms[0].n = n + 1;
    terms[0].items = items;
    return &terms[0];
}

/* Digits address elements of arrays, as in OPA's URLs. */
static struct wr_value segment_key(struct wr_str s)
{
    bool digits = s.n > 0 && s.n < 10;
    for (size_t i = 0; i < s.n && digits; i++) {
        digits = s.p[i] >= '0' && s.p[i] <= '9';
    }
    if (!digits || (s.n > 1 && s.p[0] == '0')) {
        return wr_string(s);
    }
    int64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        v = v * 10 + (s.p[i] - '0');
    }
    return wr_int(v);
}

wr_err wr_rego_prepare_path(const struct wr_rego_program *program, struct wr_arena *arena,
                            const struct wr_str *segments, size_t n, struct wr_rego_query **out,
                            struct wr_rego_errors *errors)
{
    struct wr_rego_query *query = new_query(program, arena);
    struct wr_value *keys = WR_NEW_ARRAY(arena, struct wr_value, n);
    *out = NULL;
    if (query == NULL || keys == NULL || n > UINT32_MAX / 2) {
        return no_room(errors);
    }
    for (size_t i = 0; i < n; i++) {
        keys[i] = segment_key(segments[i]);
    }
    struct wr_plan_term *ref = document_ref(arena, keys, (uint32_t)n);
    if (ref == NULL) {
        return no_room(errors);
    }
    query->is_path = true;
    wr_err err = wr_compile_documents(query, arena, &ref, 1, errors);
    err = err == WR_OK ? look_up_data(query, arena, errors) : err;
    *out = err == WR_OK ? query : NULL;
    return err;
}

/* Appends the parts of a dotted name to keys; how many, or UINT32_MAX when there are too many. */
static uint32_t split_dots(struct wr_str s, struct wr_value *keys, uint32_t cap)
{
    uint32_t n = 0;
    for (size_t from = 0; from <= s.n;) {
        size_t dot = wr_str_find(s, WR_STR("."), from);
        size_t to = dot == SIZE_MAX ? s.n : dot;
        if (n == cap) {
            return UINT32_MAX;
        }
        keys[n++] = wr_string(wr_str_of(s.p + from, to - from));
        from = to + 1;
    }
    return n;
}

wr_err wr_rego_prepare_entries(const struct wr_rego_program *program, struct wr_arena *arena,
                               struct wr_str package, const struct wr_str *names, size_t n,
                               struct wr_rego_query **out, struct wr_rego_errors *errors)
{
    struct wr_rego_query *query = new_query(program, arena);
    struct wr_plan_term **refs = WR_NEW_ARRAY(arena, struct wr_plan_term *, n);
    struct wr_value keys[WR_LIMIT_REGO_HEAD * 2];
    *out = NULL;
    if (query == NULL || refs == NULL) {
        return no_room(errors);
    }
    uint32_t n_package = split_dots(package, keys, WR_LIMIT_REGO_HEAD);
    for (size_t i = 0; i < n; i++) {
        uint32_t more = n_package == UINT32_MAX
                            ? UINT32_MAX
                            : split_dots(names[i], &keys[n_package], WR_LIMIT_REGO_HEAD);
        if (more == UINT32_MAX) {
            wr_rego_error_add(errors, WR_E_LIMIT, (struct wr_str){0}, NULL,
                              "a rule's path has more than %d items (WR_LIMIT_REGO_HEAD)",
                              WR_LIMIT_REGO_HEAD);
            return WR_E_LIMIT;
        }
        refs[i] = document_ref(arena, keys, n_package + more);
        if (refs[i] == NULL) {
            return no_room(errors);
        }
    }
    wr_err err = wr_compile_documents(query, arena, refs, (uint32_t)n, errors);
    err = err == WR_OK ? look_up_data(query, arena, errors) : err;
    *out = err == WR_OK ? query : NULL;
    return err;
}

bool wr_rego_has_rule(const struct wr_rego_program *program, const struct wr_str *segments,
                      size_t n)
{
    const struct wr_rule_node *node = program->resolved.tree.root;
    for (size_t i = 0; i < n; i++) {
        struct wr_value key = wr_string(segments[i]);
        node = wr_tree_child(node, &key);
        if (node == NULL) {
            return false;
        }
    }
    return node->kind != WR_NODE_INNER || node->n_children > 0;
}

/* ── evaluating ─────────────────────────────────────────────────────────────────────────────── */

/* What every evaluation needs, in one piece: slots behind it. */
struct start {
    struct vm_context context;
    struct vm_block block;
    struct vm_frame frames[FIRST_FRAMES];
    struct wr_value registers[FIRST_REGISTERS];
    struct wr_value slots[];
};

static bool start_vm(struct vm *vm, const struct wr_rego_query *query,
                     const struct wr_rego_context *context, struct wr_arena *scratch,
                     struct wr_error *error)
{
    const struct wr_unit *unit = &query->unit;
    size_t n_slots = (size_t)unit->input.n + unit->n_functions;
    struct start *start =
        wr_arena_alloc(scratch, sizeof(*start) + n_slots * sizeof(struct wr_value), 16);
    *vm = (struct vm){.query = query,
                      .unit = unit,
                      .how = context,
                      .arena = scratch,
                      .error = error,
                      .fuel = context->fuel != 0 ? context->fuel : WR_LIMIT_REGO_FUEL,
                      .function = &query->function};
    if (start == NULL) {
        return false;
    }
    memset(start->slots, VM_UNKNOWN, n_slots * sizeof(struct wr_value));
    start->context = (struct vm_context){
        .input = context->input != NULL ? *context->input : wr_undefined(),
        .data = query->program->data,
        .input_slots = start->slots,
        .data_slots = query->data_slots,
        .memory = start->slots + unit->input.n,
    };
    if (context->fill != NULL) {
        context->fill(context->fill_context, start->slots);
    }
    start->block = (struct vm_block){NULL, start->registers, FIRST_REGISTERS, 0};
    vm->context = &start->context;
    vm->block = &start->block;
    vm->frames = start->frames;
    vm->cap_frames = FIRST_FRAMES;
    vm->call = (struct wr_builtin_call){.arena = scratch,
                                        .env = &context->env,
                                        .prepared = query->program->prepared,
                                        .error = error,
                                        .fuel = &vm->fuel,
                                        .v1 = query->program->options.v1};
    return wr_vm_start(vm);
}

wr_err wr_rego_eval(const struct wr_rego_query *query, const struct wr_rego_context *context,
                    struct wr_arena *scratch, struct wr_rego_results *results,
                    struct wr_error *error)
{
    struct vm vm;
    struct wr_error own;
    *results = (struct wr_rego_results){0};
    error = error != NULL ? error : &own;
    if (!start_vm(&vm, query, context, scratch, error)) {
        return wr_fail(error, WR_E_MEMORY, "no room left for this evaluation");
    }
    uint64_t fuel = vm.fuel;
    wr_err err = wr_vm_run(&vm);
    results->fuel_used = fuel - vm.fuel;
    if (err != WR_OK) {
        return err;
    }
    results->items = vm.results;
    results->n = vm.n_results;
    if (query->is_path) {
        vm.results[0].value = vm.results[0].values[0];
        results->n = vm.results[0].value.type == WR_UNDEFINED ? 0 : 1;
    }
    return WR_OK;
}

void wr_rego_eval_error_write(struct wr_buf *buf, const struct wr_error *error)
{
    if (error->row != 0) {
        struct wr_str where = wr_str_z(error->where);
        if (where.n > 0) {
            wr_format(buf, "%.*s:%u: ", WR_FMT(where), error->row);
        } else {
            wr_format(buf, "%u:%u: ", error->row, error->col);
        }
    }
    wr_format(buf, "%s: %s", wr_err_name(error->code), error->text);
}

/* ── asking ─────────────────────────────────────────────────────────────────────────────────── */

uint32_t wr_rego_query_exprs(const struct wr_rego_query *query)
{
    return query->ast != NULL ? query->ast->n : 0;
}

struct wr_str wr_rego_query_expr(const struct wr_rego_query *query, uint32_t i,
                                 struct wr_ast_loc *loc)
{
    *loc = query->ast->exprs[i]->loc;
    if (loc->offset > query->text.n || loc->n > query->text.n - loc->offset) {
        return (struct wr_str){0};
    }
    return wr_str_of(query->text.p + loc->offset, loc->n);
}

uint32_t wr_rego_rule_count(const struct wr_rego_program *program)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < program->n_modules; i++) {
        n += program->asts[i]->n_rules;
    }
    return n;
}

struct wr_rego_rule_info wr_rego_rule_at(const struct wr_rego_program *program, uint32_t i)
{
    uint32_t m = 0;
    while (i >= program->asts[m]->n_rules) {
        i -= program->asts[m++]->n_rules;
    }
    const struct wr_ast_rule *rule = program->asts[m]->rules[i];
    const struct wr_plan_module *module = &program->resolved.modules[m];
    const struct wr_rule_node *node = module->node;
    for (uint32_t k = 0; k < rule->n_static && node != NULL; k++) {
        const struct wr_ast_term *item = rule->ref->items[k];
        struct wr_value key = k == 0 ? wr_string(item->name) : item->value;
        node = wr_tree_child(node, &key);
    }
    return (struct wr_rego_rule_info){
        .path = node != NULL ? program->unit.functions[node->id].name : (struct wr_str){0},
        .name = rule->ref->items[0]->name,
        .file = program->asts[m]->file,
        .row = rule->loc.row,
        .col = rule->loc.col,
        .function = rule->kind == WR_AST_RULE_FUNCTION,
    };
}

uint32_t wr_rego_module_count(const struct wr_rego_program *program)
{
    return program->n_modules;
}

const struct wr_ast_module *wr_rego_module(const struct wr_rego_program *program, uint32_t i)
{
    return i < program->n_modules ? program->asts[i] : NULL;
}
