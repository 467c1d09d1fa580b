/* SPDX-License-Identifier: Apache-2.0 */
/* Whole texts: package, imports, rules and loose statements in any order, put together to a module;
 * queries and terms. Statements are read first; only a text without a single error in them is put
 * together, which is where OPA finds its second kind of errors. */
#include "rego/parse.h"
#include "rego/annotation.h"
#include "rego/parse_state.h"

enum statement_kind { STATEMENT_PACKAGE, STATEMENT_IMPORT, STATEMENT_RULE, STATEMENT_BODY };

struct statement {
    struct statement *next;
    enum statement_kind kind;
    struct wr_ast_loc loc;
    struct wr_ast_term *package;
    struct wr_ast_import import;
    struct wr_ast_rule *rule;
    struct wr_ast_body *body;
};

struct statements {
    struct statement *first, **end;
};

static struct statement *add(struct wr_parser *p, struct statements *list, enum statement_kind kind,
                             struct wr_ast_loc loc)
{
    struct statement *s = WR_NEW(p->arena, struct statement);
    if (s == NULL) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return NULL;
    }
    s->kind = kind;
    s->loc = loc;
    *list->end = s;
    list->end = &s->next;
    return s;
}

/* ── package and import ─────────────────────────────────────────────────────────────────────── */

static struct wr_ast_term *data_ref(struct wr_parser *p, const struct wr_ast_term *path)
{
    const struct wr_ast_term *head = path->kind == WR_AST_VAR ? path : path->items[0];
    struct wr_ast_term *data = wr_parse_new(p, WR_AST_VAR, head->loc);
    struct wr_ast_term *first = wr_parse_new_string(p, head->name, head->loc);
    if (data == NULL || first == NULL) {
        return NULL;
    }
    data->name = WR_STR("data");
    size_t base = p->n_stack;
    wr_parse_push(p, data);
    wr_parse_push(p, first);
    for (uint32_t i = 1; path->kind == WR_AST_REF && i < path->n_items; i++) {
        wr_parse_push(p, path->items[i]);
    }
    return wr_parse_take_items(p, wr_parse_new(p, WR_AST_REF, path->loc), base);
}

/* False, with an error, at the first operand that is not a string. */
static bool check_strings(struct wr_parser *p, const struct wr_ast_term *path)
{
    for (uint32_t i = 1; path->kind == WR_AST_REF && i < path->n_items; i++) {
        if (!wr_ast_is_string(path->items[i])) {
            wr_parse_error(p, path->items[i]->loc, "unexpected %s token: expecting string",
                           wr_ast_type_name(path->items[i]));
            return false;
        }
    }
    return true;
}

static void parse_package(struct wr_parser *p, struct statements *list)
{
    struct wr_ast_loc loc = wr_parse_loc(p);
    wr_parse_scan(p);
    if (!wr_parse_is(p, WR_TOK_IDENT)) {
        wr_parse_illegal(p, NULL);
        return;
    }
    struct wr_ast_term *path = wr_parse_term(p);
    if (path == NULL) {
        return;
    }
    if (path->kind != WR_AST_VAR && path->kind != WR_AST_REF) {
        wr_parse_illegal(p, NULL);
        return;
    }
    if (path->kind == WR_AST_REF && path->items[0]->kind != WR_AST_VAR) {
        wr_parse_error(p, path->items[0]->loc, "unexpected %s token: expecting var",
                       wr_ast_type_name(path->items[0]));
        return;
    }
    if (!check_strings(p, path)) {
        return;
    }
    struct statement *s = add(p, list, STATEMENT_PACKAGE, loc);
    if (s != NULL) {
        s->loc = wr_parse_span(loc, loc.offset, p->at.last_end);
        s->package = data_ref(p, path);
    }
}

static bool is_operand(const struct wr_ast_term *path, uint32_t i, const char *name)
{
    return path->n_items > i && wr_ast_is_string(path->items[i]) &&
           wr_str_eq(wr_text(path->items[i]->value), wr_str_z(name));
}

static uint8_t keyword_of(struct wr_str word)
{
    static const struct {
        struct wr_str word;
        uint8_t keyword;
    } words[] = {
        {{"in", 2}, WR_REGO_IN},
        {{"every", 5}, WR_REGO_EVERY},
        {{"if", 2}, WR_REGO_IF},
        {{"contains", 8}, WR_REGO_CONTAINS},
    };
    for (size_t i = 0; i < WR_COUNTOF(words); i++) {
        if (wr_str_eq(word, words[i].word)) {
            return words[i].keyword;
        }
    }
    return 0;
}

/* import future.keywords[.word] */
static void import_keywords(struct wr_parser *p, const struct wr_ast_import *import)
{
    const struct wr_ast_term *path = import->path;
    uint8_t keywords = WR_REGO_ALL_KEYWORDS;
    if (!is_operand(path, 1, "keywords")) {
        wr_parse_error(p, path->loc, "invalid import, must be `future.keywords`");
        return;
    }
    if (import->alias.n > 0) {
        wr_parse_error(p, path->loc, "`future` imports cannot be aliased");
        return;
    }
    if (p->rego_v1) {
        wr_parse_error(p, path->loc,
                       "the `rego.v1` import implies `future.keywords`, these are therefore "
                       "mutually exclusive");
        return;
    }
    if (path->n_items == 3) {
        keywords = keyword_of(wr_text(path->items[2]->value));
        if (keywords == 0) {
            wr_parse_error(p, path->loc,
                           "unexpected keyword, must be one of [contains every if in]");
            return;
        }
    }
    p->at.lexer.keywords |= keywords;
}

static void import_v1(struct wr_parser *p, const struct wr_ast_import *import)
{
    const struct wr_ast_term *path = import->path;
    if (p->v1) {
        return;
    }
    if (path->n_items != 2 || !is_operand(path, 1, "v1")) {
        wr_parse_error(p, path->loc, "invalid import, must be `rego.v1`");
    } else if (import->alias.n > 0) {
        wr_parse_error(p, path->loc, "`rego` imports cannot be aliased");
    } else if (p->at.lexer.keywords != 0 && !p->rego_v1) {
        wr_parse_error(p, path->loc,
                       "the `rego.v1` import implies `future.keywords`, these are therefore "
                       "mutually exclusive");
    } else {
        p->rego_v1 = true;
        p->at.lexer.keywords = WR_REGO_ALL_KEYWORDS;
    }
}

/* The path, in which words of future keywords are plain names. */
static struct wr_ast_term *parse_import_path(struct wr_parser *p)
{
    uint8_t keywords = p->at.lexer.keywords;
    p->at.lexer.keywords = 0;
    struct wr_ast_term *path = wr_parse_term(p);
    p->at.lexer.keywords = keywords;
    if (path != NULL && path->kind == WR_AST_VAR) {
        return wr_parse_new_items(p, WR_AST_REF, path->loc, &path, 1);
    }
    if (path == NULL || path->kind != WR_AST_REF) {
        wr_parse_error(p, wr_parse_loc(p), "expected path");
        return NULL;
    }
    return check_strings(p, path) ? path : NULL;
}

static bool check_root(struct wr_parser *p, const struct wr_ast_term *path)
{
    static const char *const roots[] = {"data", "future", "input", "rego"};
    const struct wr_ast_term *head = path->items[0];
    for (size_t i = 0; head->kind == WR_AST_VAR && i < WR_COUNTOF(roots); i++) {
        if (wr_str_eq(head->name, wr_str_z(roots[i]))) {
            return true;
        }
    }
    struct wr_str text = wr_parse_term_text(p, head);
    wr_parse_error(p, path->loc,
                   "unexpected import path, must begin with one of: {data, future, input, rego}, "
                   "got: %.*s",
                   WR_FMT(text));
    return false;
}

/* `as name`; the word is current. */
static bool parse_alias(struct wr_parser *p, struct wr_str *alias)
{
    wr_parse_scan(p);
    struct wr_ast_term *name = wr_parse_is(p, WR_TOK_IDENT) ? wr_parse_term(p) : NULL;
    if (name == NULL || name->kind != WR_AST_VAR) {
        wr_parse_illegal(p, "expected var");
        return false;
    }
    *alias = name->name;
    return true;
}

static void parse_import(struct wr_parser *p, struct statements *list)
{
    struct wr_ast_import import = {.loc = wr_parse_loc(p)};
    wr_parse_scan(p);
    if (!wr_parse_is(p, WR_TOK_IDENT)) {
        wr_parse_error(p, wr_parse_loc(p), "expected ident");
        return;
    }
    import.path = parse_import_path(p);
    if (import.path == NULL || !check_root(p, import.path) ||
        (wr_parse_is(p, WR_TOK_AS) && !parse_alias(p, &import.alias))) {
        return;
    }
    struct wr_str root = import.path->items[0]->name;
    if (wr_str_eq(root, WR_STR("rego"))) {
        import_v1(p, &import);
    } else if (wr_str_eq(root, WR_STR("future"))) {
        import_keywords(p, &import);
    }
    import.loc = wr_parse_span(import.loc, import.loc.offset, p->at.last_end);
    struct statement *s = add(p, list, STATEMENT_IMPORT, import.loc);
    if (s != NULL) {
        s->import = import;
    }
}

/* ── statements ─────────────────────────────────────────────────────────────────────────────── */

static bool add_rules(struct wr_parser *p, struct statements *list)
{
    struct wr_parse_place place = p->at;
    bool found = wr_parse_rules(p);
    for (size_t i = 0; found && i < p->n_stack; i++) {
        struct wr_ast_rule *rule = p->stack[i];
        struct statement *s = add(p, list, STATEMENT_RULE, rule->loc);
        if (s != NULL) {
            s->rule = rule;
        }
    }
    p->n_stack = 0;
    if (!found && p->at.n_errors == 0) {
        wr_parse_restore(p, &place);
    }
    return found;
}

static bool add_body(struct wr_parser *p, struct statements *list)
{
    struct wr_ast_body *body = wr_parse_query(p, true, WR_TOK_EOF);
    p->n_stack = 0;
    struct statement *s = body != NULL ? add(p, list, STATEMENT_BODY, body->loc) : NULL;
    if (s == NULL) {
        return false;
    }
    s->body = body;
    return true;
}

/* All statements, or those up to the first that is wrong. */
static void parse_statements(struct wr_parser *p, bool with_rules, struct statements *list)
{
    list->first = NULL;
    list->end = &list->first;
    while (!wr_parse_is(p, WR_TOK_EOF)) {
        struct statement **end = list->end;
        wr_parse_forget(p);
        if (wr_parse_is(p, WR_TOK_PACKAGE)) {
            parse_package(p, list);
        } else if (wr_parse_is(p, WR_TOK_IMPORT)) {
            parse_import(p, list);
        } else if (!(with_rules && add_rules(p, list)) &&
                   (p->at.n_errors > 0 || !add_body(p, list))) {
            break;
        }
        if (p->at.n_errors > 0 && (list->end == end || !wr_parse_is(p, WR_TOK_PACKAGE))) {
            break;
        }
    }
}

/* ── errors ─────────────────────────────────────────────────────────────────────────────────── */

/* The errors in the order in which they were found. */
static wr_err report(struct wr_parser *p, struct wr_rego_errors *errors)
{
    uint32_t n = p->at.n_errors;
    const struct wr_parse_error **list = WR_NEW_ARRAY(p->arena, const struct wr_parse_error *, n);
    const struct wr_parse_error *e = p->at.errors;
    if (list == NULL || e == NULL) {
        wr_rego_error_add(errors, WR_E_MEMORY, p->file, NULL, "out of memory");
        return WR_E_MEMORY;
    }
    for (uint32_t i = n; i > 0 && e != NULL; i--, e = e->before) {
        list[i - 1] = e;
    }
    errors->limit = WR_MAX(errors->limit, errors->n + n);
    for (uint32_t i = 0; i < n; i++) {
        struct wr_rego_error *error = wr_rego_error_add(
            errors, list[i]->code, p->file, &list[i]->loc, "%.*s", WR_FMT(list[i]->message));
        if (error != NULL && !list[i]->no_details) {
            wr_rego_error_source(errors, error, p->text, list[i]->loc.offset);
        }
    }
    return list[0]->code;
}

/* ── modules ────────────────────────────────────────────────────────────────────────────────── */

/* Puts one statement behind the package into its place. */
static void assemble(struct wr_parser *p, struct wr_ast_module *module, struct statement *s)
{
    switch (s->kind) {
    case STATEMENT_PACKAGE:
        wr_parse_error_late(p, s->loc, "unexpected package");
        break;
    case STATEMENT_IMPORT:
        module->imports[module->n_imports++] = s->import;
        break;
    case STATEMENT_BODY:
        s->rule = wr_parse_rule_of_body(p, s->body);
        if (s->rule == NULL) {
            break;
        }
        s->loc = s->rule->loc;
        module->rules[module->n_rules++] = s->rule;
        break;
    case STATEMENT_RULE:
        module->rules[module->n_rules++] = s->rule;
        break;
    }
}

static bool reserve(struct wr_parser *p, struct wr_ast_module *module,
                    const struct statements *list)
{
    size_t n = 0;
    for (const struct statement *s = list->first; s != NULL; s = s->next) {
        n++;
    }
    size_t n_imports = 0;
    for (const struct statement *s = list->first; s != NULL; s = s->next) {
        n_imports += s->kind == STATEMENT_IMPORT;
    }
    module->imports = WR_NEW_ARRAY(p->arena, struct wr_ast_import, n_imports);
    module->rules = WR_NEW_ARRAY(p->arena, struct wr_ast_rule *, n);
    if (module->imports == NULL || module->rules == NULL) {
        wr_parse_die(p, WR_E_MEMORY, "out of memory");
        return false;
    }
    return true;
}

static void build_module(struct wr_parser *p, struct wr_ast_module *module,
                         const struct statements *list)
{
    const struct statement *first = list->first;
    if (first == NULL) {
        wr_parse_error_late(p, (struct wr_ast_loc){0}, "empty module");
        return;
    }
    if (!reserve(p, module, list)) {
        return;
    }
    if (first->kind == STATEMENT_PACKAGE) {
        module->package = first->package;
        module->package_loc = first->loc;
    } else {
        struct wr_ast_loc loc =
            first->kind == STATEMENT_BODY ? first->body->exprs[0]->loc : first->loc;
        wr_parse_error_late(p, loc, "package expected");
    }
    for (struct statement *s = first->next; s != NULL; s = s->next) {
        assemble(p, module, s);
    }
    module->v1 = p->v1;
    for (uint32_t i = 0; i < module->n_imports; i++) {
        const struct wr_ast_term *path = module->imports[i].path;
        module->v1 |= path->n_items == 2 && is_operand(path, 1, "v1") &&
                      wr_str_eq(path->items[0]->name, WR_STR("rego"));
    }
    for (uint32_t i = 0; module->v1 && i < module->n_rules; i++) {
        wr_parse_check_v1(p, module->rules[i]);
    }
}

wr_err wr_rego_parse_module(struct wr_arena *arena, struct wr_str file, struct wr_str text,
                            const struct wr_rego_parse_options *options,
                            struct wr_ast_module **module, struct wr_rego_errors *errors)
{
    struct wr_parser p;
    struct statements list;
    wr_parse_open(&p, arena, file, text, options);
    struct wr_ast_module *m = WR_NEW(arena, struct wr_ast_module);
    if (m == NULL) {
        wr_parse_die(&p, WR_E_MEMORY, "out of memory");
        return report(&p, errors);
    }
    parse_statements(&p, true, &list);
    m->file = file;
    m->text = text;
    m->comments = p.comments;
    m->n_comments = p.n_comments;
    bool annotated = options != NULL && options->annotations;
    wr_err err = p.at.n_errors > 0 ? report(&p, errors) : WR_OK;
    wr_err err2 = annotated && !p.dead ? wr_rego_annotations_read(arena, m, errors) : WR_OK;
    if (err == WR_OK && err2 == WR_OK) {
        build_module(&p, m, &list);
        err = p.at.n_errors > 0 ? report(&p, errors) : WR_OK;
    }
    err = err != WR_OK ? err : err2;
    if (err == WR_OK && annotated) {
        err = wr_rego_annotations_attach(arena, m, errors);
    }
    if (err == WR_OK) {
        *module = m;
    }
    return err;
}

/* ── queries and terms ──────────────────────────────────────────────────────────────────────── */

static struct wr_ast_body *join_bodies(struct wr_parser *p, const struct statements *list)
{
    struct wr_ast_loc loc = {1, 1, 0, (uint32_t)p->text.n};
    for (const struct statement *s = list->first; s != NULL; s = s->next) {
        if (s->kind != STATEMENT_BODY) {
            wr_parse_error_late(p, s->loc, "expected body but got %s",
                                s->kind == STATEMENT_PACKAGE ? "package" : "import");
            return NULL;
        }
        for (uint32_t i = 0; i < s->body->n; i++) {
            wr_parse_push(p, s->body->exprs[i]);
        }
    }
    return wr_parse_new_body(p, 0, loc);
}

wr_err wr_rego_parse_body(struct wr_arena *arena, struct wr_str file, struct wr_str text,
                          const struct wr_rego_parse_options *options, struct wr_ast_body **body,
                          struct wr_rego_errors *errors)
{
    struct wr_parser p;
    struct statements list;
    wr_parse_open(&p, arena, file, text, options);
    parse_statements(&p, false, &list);
    struct wr_ast_body *joined = p.at.n_errors == 0 ? join_bodies(&p, &list) : NULL;
    if (joined == NULL || p.dead) {
        return report(&p, errors);
    }
    *body = joined;
    return WR_OK;
}

wr_err wr_rego_parse_term(struct wr_arena *arena, struct wr_str file, struct wr_str text,
                          const struct wr_rego_parse_options *options, struct wr_ast_term **term,
                          struct wr_rego_errors *errors)
{
    struct wr_ast_body *body = NULL;
    wr_err err = wr_rego_parse_body(arena, file, text, options, &body, errors);
    if (err != WR_OK) {
        return err;
    }
    const struct wr_ast_expr *expr = body->n == 1 ? body->exprs[0] : NULL;
    if (expr == NULL || expr->kind != WR_AST_TERM || expr->negated || expr->n_with > 0) {
        wr_rego_error_add(errors, WR_E_REGO_PARSE, file, &body->loc, "expected exactly one term");
        return WR_E_REGO_PARSE;
    }
    *term = expr->term;
    return WR_OK;
}

wr_err wr_rego_parse_value(struct wr_arena *arena, struct wr_str text, struct wr_value *value,
                           struct wr_rego_errors *errors)
{
    struct wr_ast_term *term = NULL;
    wr_err err = wr_rego_parse_term(arena, WR_STR(""), text, NULL, &term, errors);
    if (err != WR_OK) {
        return err;
    }
    if (term->height > WR_LIMIT_VALUE_DEPTH) {
        wr_rego_error_add(errors, WR_E_LIMIT, WR_STR(""), &term->loc,
                          "nested deeper than WR_LIMIT_VALUE_DEPTH (128)");
        return WR_E_LIMIT;
    }
    *value = wr_ast_ground_value(arena, term);
    if (value->type == WR_UNDEFINED) {
        bool no_room = wr_arena_failed(arena);
        wr_err code = no_room ? WR_E_MEMORY : WR_E_REGO_PARSE;
        wr_rego_error_add(errors, code, WR_STR(""), &term->loc,
                          no_room ? "out of memory" : "expected a ground term");
        return code;
    }
    return WR_OK;
}
