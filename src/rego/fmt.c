/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, comments, imports, rules. */
#include "rego/fmt_state.h"
#include "rego/lex.h"
#include "rego/parse.h"
#include "rego/print.h"

/* ── lines ──────────────────────────────────────────────────────────────────────────────────── */

void wr_fmt_str(struct wr_fmt *f, struct wr_str text)
{
    wr_buf_str(f->out, text);
}

void wr_fmt_text(struct wr_fmt *f, const char *text)
{
    wr_buf_str(f->out, wr_str_z(text));
}

void wr_fmt_start_line(struct wr_fmt *f)
{
    f->inside_line = true;
    for (uint32_t i = 0; i < f->level; i++) {
        wr_buf_char(f->out, '\t');
    }
}

static struct wr_str comment_text(const struct wr_ast_comment *comment)
{
    struct wr_str text = comment->text;
    while (text.n > 0 && (text.p[text.n - 1] == ' ' ||
                          (text.p[text.n - 1] >= '\t' && text.p[text.n - 1] <= '\r'))) {
        text.n--;
    }
    return text;
}

static void write_comment(struct wr_fmt *f, const struct wr_ast_comment *comment)
{
    wr_buf_char(f->out, '#');
    wr_fmt_str(f, comment_text(comment));
}

void wr_fmt_end_line(struct wr_fmt *f)
{
    f->inside_line = false;
    for (size_t i = 0; !f->delay && i < WR_COUNTOF(f->pending); i++) {
        if (f->pending[i] != NULL) {
            wr_buf_char(f->out, ' ');
            write_comment(f, f->pending[i]);
            f->pending[i] = NULL;
        }
    }
    f->delay = false;
    wr_buf_char(f->out, '\n');
}

void wr_fmt_blank_line(struct wr_fmt *f)
{
    if (f->inside_line) {
        wr_fmt_end_line(f);
    }
    wr_buf_char(f->out, '\n');
}

/* ── comments ───────────────────────────────────────────────────────────────────────────────── */

static void write_comment_line(struct wr_fmt *f, const struct wr_ast_comment *comment)
{
    if (!f->inside_line) {
        wr_fmt_start_line(f);
    }
    write_comment(f, comment);
    wr_fmt_end_line(f);
}

/* Keeps a comment for the end of the line. */
static void keep_pending(struct wr_fmt *f, const struct wr_ast_comment *comment)
{
    size_t i = f->pending[0] == NULL ? 0 : 1;
    if (f->pending[i] != NULL) { /* two are waiting already: this one gets a line of its own */
        wr_fmt_end_line(f);
        i = 0;
    }
    f->pending[i] = comment;
}

void wr_fmt_comments(struct wr_fmt *f, uint32_t row)
{
    uint32_t before = 0, last_row = 0;
    if (row == WR_FMT_NO_ROW) {
        return;
    }
    while (before < f->n_comments && f->comments[before]->loc.row < row) {
        const struct wr_ast_comment *comment = f->comments[before];
        if (before > 0 && comment->loc.row - last_row > 1) {
            wr_fmt_blank_line(f);
        }
        last_row = comment->loc.row;
        write_comment_line(f, comment);
        before++;
    }
    f->comments += before;
    f->n_comments -= before;
    if (before > 0 && row - last_row > 1) {
        wr_fmt_blank_line(f);
    }
    if (f->n_comments > 0 && f->comments[0]->loc.row == row) {
        keep_pending(f, f->comments[0]);
        f->comments++;
        f->n_comments--;
    }
}

/* ── positions ──────────────────────────────────────────────────────────────────────────────── */

/* Moves *i from an opening sign on to the sign that closes it, counting line ends. */
static bool find_close(struct wr_str text, size_t *i, char open, char close, uint32_t *rows)
{
    for (unsigned depth = 1; depth > 0;) {
        if (++*i >= text.n) {
            return false;
        }
        char c = text.p[*i];
        depth += c == open;
        depth -= c == close && depth > 0;
        *rows += c == '\n';
    }
    return true;
}

static bool find_open(struct wr_str text, size_t *i, char open)
{
    while (*i < text.n && text.p[*i] != open) {
        ++*i;
    }
    return *i < text.n;
}

uint32_t wr_fmt_closing_row(const struct wr_fmt *f, const struct wr_ast_loc *loc, const char *skip,
                            char open, char close)
{
    struct wr_str text = wr_str_of(f->module->text.p + loc->offset, loc->n);
    size_t i = 0;
    uint32_t rows = 0;
    if (skip != NULL) {
        find_open(text, &i, skip[0]);
        find_close(text, &i, skip[0], skip[1], &rows);
    }
    if (!find_open(text, &i, open) || !find_close(text, &i, open, close, &rows)) {
        return WR_FMT_NO_ROW;
    }
    return loc->row + rows;
}

/* ── rules ──────────────────────────────────────────────────────────────────────────────────── */

static bool is_true(const struct wr_ast_term *t)
{
    return t->kind == WR_AST_SCALAR && wr_is_true(t->value);
}

/* A body that says nothing is not written: p = 1 { true } is p = 1. */
static bool is_constant(const struct wr_ast_rule *rule)
{
    if (rule->otherwise != NULL || rule->body->n != 1) {
        return false;
    }
    const struct wr_ast_expr *expr = rule->body->exprs[0];
    return expr->kind == WR_AST_TERM && !expr->negated && expr->n_with == 0 && is_true(expr->term);
}

static bool is_any_keyword(struct wr_str word)
{
    return wr_lex_is_keyword(word) || wr_lex_is_future_keyword(word);
}

/* if.x and x.if are references only with their dot. */
static bool has_keyword(const struct wr_fmt *f, struct wr_ast_term *const *items)
{
    return wr_ast_is_string(items[1]) && wr_fmt_was_dotted(f, items[1]) &&
           (is_any_keyword(items[0]->name) || is_any_keyword(wr_text(items[1]->value)));
}

static void write_head_name(struct wr_fmt *f, const struct wr_ast_rule *rule)
{
    struct wr_ast_term *const *items = rule->ref->items;
    uint32_t n = rule->ref->n_items;
    if (f->ref_heads || n == 1 || has_keyword(f, items)) {
        wr_fmt_ref(f, items, n);
        return;
    }
    wr_rego_print_term(f->out, items[0]);
    wr_fmt_text(f, "[");
    wr_rego_print_term(f->out, items[1]);
    wr_fmt_text(f, "]");
}

static void write_head_key(struct wr_fmt *f, const struct wr_ast_rule *rule)
{
    if (rule->key == NULL) {
        return;
    }
    wr_fmt_text(f, f->contains ? " contains " : "[");
    wr_fmt_term(f, rule->key);
    wr_fmt_text(f, f->contains ? "" : "]");
}

/* True if the value was not written in the source and is not needed. */
static bool is_implied(const struct wr_fmt *f, const struct wr_ast_rule *rule, bool is_else)
{
    bool ref_constant = f->v1 && is_constant(rule) && rule->n_args == 0;
    return rule->n_args > 0 && !is_else && is_true(rule->value) && !ref_constant &&
           (rule->chained || (rule->value->generated && !rule->value_generated));
}

static void write_head_value(struct wr_fmt *f, const struct wr_ast_rule *rule, bool is_else)
{
    bool keyed = !is_else && wr_ast_rule_has_key(rule);
    if (rule->value == NULL ||
        !(keyed || !is_true(rule->value) || is_constant(rule) || rule->is_default) ||
        is_implied(f, rule, is_else)) {
        return;
    }
    wr_fmt_text(f, rule->assign || f->v1 ? " := " : " = ");
    const struct wr_ast_loc *loc = is_else ? &rule->loc : wr_fmt_loc(f, &rule->value->loc);
    wr_fmt_term_at(f, rule->value, loc->row);
}

static void write_head(struct wr_fmt *f, const struct wr_ast_rule *rule, bool is_else)
{
    f->forced = rule->chained ? &rule->loc : NULL;
    if (is_else) {
        wr_fmt_text(f, "else");
    } else {
        const struct wr_ast_loc *loc = wr_fmt_loc(f, &rule->head_loc);
        write_head_name(f, rule);
        if (rule->n_args > 0) {
            wr_fmt_text(f, "(");
            wr_fmt_list(f, WR_FMT_ARGUMENTS, rule->args, rule->n_args,
                        wr_fmt_closing_row(f, loc, NULL, '(', ')'));
            wr_fmt_text(f, ")");
        }
        write_head_key(f, rule);
    }
    write_head_value(f, rule, is_else);
    f->forced = NULL;
}

static void write_block(struct wr_fmt *f, const struct wr_ast_rule *rule, bool is_else)
{
    const char *skip = NULL;
    if (!is_else && rule->n_args > 0) {
        skip = "()";
    } else if (!is_else && wr_ast_rule_has_key(rule)) {
        skip = "[]";
    }
    wr_fmt_text(f, " {");
    wr_fmt_end_line(f);
    f->level++;
    wr_fmt_body(f, rule->body);
    f->forced = NULL;
    wr_fmt_comments(f, wr_fmt_closing_row(f, &rule->loc, skip, '{', '}'));
    f->level--;
    wr_fmt_start_line(f);
    wr_fmt_text(f, "}");
}

/* The rule without what is else; false when it has no body to write. */
static void write_one_rule(struct wr_fmt *f, const struct wr_ast_rule *rule, bool is_else)
{
    write_head(f, rule, is_else);
    if (is_constant(rule) || rule->is_default) {
        wr_fmt_end_line(f);
        return;
    }
    bool one_line_else = is_else && rule->one_line_if; /* OPA has lost the places of its nodes */
    f->forced = one_line_else ? &rule->loc : NULL;
    if ((f->v1 || f->if_) && (f->contains || rule->value != NULL)) {
        uint32_t head_row = rule->chained ? rule->loc.row : rule->head_loc.row;
        wr_fmt_text(f, " if");
        if (rule->body->n == 1 && wr_fmt_loc(f, &rule->body->exprs[0]->loc)->row == head_row) {
            wr_fmt_text(f, " ");
            wr_fmt_expr(f, rule->body->exprs[0]);
            wr_fmt_end_line(f);
            f->forced = NULL;
            return;
        }
    }
    write_block(f, rule, is_else);
}

/* Does anything but white space stand before `else` on its line? */
static bool else_is_inline(const struct wr_fmt *f, const struct wr_ast_rule *rule)
{
    size_t start = rule->otherwise->loc.offset;
    if (rule->otherwise->loc.row == rule->loc.row) {
        return false;
    }
    while (start > 0 && f->module->text.p[start - 1] != '\n') {
        start--;
        char c = f->module->text.p[start];
        if (c != ' ' && c != '\t' && c != '\r') {
            return true;
        }
    }
    return false;
}

static void write_rule(struct wr_fmt *f, const struct wr_ast_rule *rule)
{
    wr_fmt_start_line(f);
    wr_fmt_text(f, rule->is_default ? "default " : "");
    write_one_rule(f, rule, false);
    for (; rule->otherwise != NULL; rule = rule->otherwise) {
        uint32_t row = rule->otherwise->loc.row;
        bool was_inline = else_is_inline(f, rule);
        bool comment_above =
            f->pending[0] != NULL || (f->n_comments > 0 && f->comments[0]->loc.row < row);
        if (!comment_above && was_inline) {
            wr_fmt_text(f, " ");
        } else {
            wr_fmt_blank_line(f);
            wr_fmt_start_line(f);
        }
        wr_fmt_comments(f, row);
        if (comment_above && !was_inline) {
            wr_fmt_start_line(f);
        }
        write_one_rule(f, rule->otherwise, true);
    }
}

/* ── imports ────────────────────────────────────────────────────────────────────────────────── */

struct import {
    const struct wr_ast_import *import;
    const struct wr_ast_comment *comment; /* on the same row */
};

static bool starts_with(const struct wr_ast_import *import, struct wr_str root)
{
    const struct wr_ast_term *path = import->path;
    return path->items[0]->kind == WR_AST_VAR && wr_str_eq(path->items[0]->name, root);
}

static bool is_v1_import(const struct wr_ast_import *import)
{
    return starts_with(import, WR_STR("rego")) && import->path->n_items == 2 &&
           wr_ast_is_string(import->path->items[1]) &&
           wr_str_eq(wr_text(import->path->items[1]->value), WR_STR("v1"));
}

static int compare_imports(const struct import *a, const struct import *b)
{
    int order = wr_ast_term_cmp(a->import->path, b->import->path);
    return order != 0 ? order : wr_str_cmp(a->import->alias, b->import->alias);
}

/* Takes the comments that stand on rows of these imports out of the list. */
static void take_import_comments(struct wr_fmt *f, struct import *imports, uint32_t n)
{
    uint32_t kept = 0, i = 0;
    for (uint32_t c = 0; c < f->n_comments; c++) {
        uint32_t row = f->comments[c]->loc.row;
        while (i < n && imports[i].import->loc.row < row) {
            i++;
        }
        if (i < n && imports[i].import->loc.row == row && imports[i].comment == NULL) {
            imports[i].comment = f->comments[c];
        } else {
            f->comments[kept++] = f->comments[c];
        }
    }
    f->n_comments = kept;
}

/* Merge sort: stable, and fast for hostile modules too. */
static void sort_imports(struct import *imports, struct import *room, uint32_t n)
{
    for (uint32_t run = 1; run < n; run *= 2) {
        for (uint32_t low = 0; low < n; low += 2 * run) {
            uint32_t middle = WR_MIN(low + run, n), high = WR_MIN(low + 2 * run, n);
            uint32_t i = low, k = middle;
            for (uint32_t out = low; out < high; out++) {
                bool left =
                    i < middle && (k >= high || compare_imports(&imports[i], &imports[k]) <= 0);
                room[out] = left ? imports[i++] : imports[k++];
            }
        }
        memcpy(imports, room, n * sizeof *imports);
    }
}

static void write_import(struct wr_fmt *f, const struct import *import)
{
    wr_fmt_start_line(f);
    wr_fmt_text(f, "import ");
    wr_rego_print_term(f->out, import->import->path);
    if (import->import->alias.n > 0) {
        wr_fmt_text(f, " as ");
        wr_fmt_str(f, import->import->alias);
    }
    if (import->comment != NULL) {
        wr_fmt_text(f, " ");
        write_comment(f, import->comment);
    }
    wr_fmt_end_line(f);
}

/* Groups are parted by blank lines in the source and sorted in themselves. */
static void write_imports(struct wr_fmt *f, struct import *imports, struct import *room, uint32_t n)
{
    take_import_comments(f, imports, n);
    for (uint32_t start = 0; start < n;) {
        uint32_t end = start + 1;
        while (end < n && imports[end].import->loc.row - imports[end - 1].import->loc.row <= 1) {
            end++;
        }
        wr_fmt_comments(f, imports[start].import->loc.row);
        sort_imports(imports + start, room, end - start);
        for (uint32_t i = start; i < end; i++) {
            write_import(f, &imports[i]);
        }
        wr_fmt_blank_line(f);
        start = end;
    }
}

/* The imports from index `i` on that stand before the offset `end`. */
static uint32_t write_imports_before(struct wr_fmt *f, uint32_t i, size_t end,
                                     enum wr_rego_style style)
{
    const struct wr_ast_module *m = f->module;
    uint32_t n = 0, last = i;
    while (last < m->n_imports && m->imports[last].loc.offset < end) {
        last++;
    }
    if (last == i) {
        return i;
    }
    struct import *imports = WR_NEW_ARRAY(f->arena, struct import, last - i);
    struct import *room = WR_NEW_ARRAY(f->arena, struct import, last - i);
    bool drop_future = style != WR_FORMAT_AS_IT_IS;
    for (; i < last; i++) {
        const struct wr_ast_import *import = &m->imports[i];
        bool drop = (drop_future && starts_with(import, WR_STR("future"))) ||
                    (drop_future && is_v1_import(import));
        if (imports != NULL && !drop) {
            imports[n++].import = import;
        }
    }
    f->failed |= imports == NULL || room == NULL;
    if (!f->failed && n > 0) {
        write_imports(f, imports, room, n);
    }
    return i;
}

/* ── modules ────────────────────────────────────────────────────────────────────────────────── */

static void note_keywords(struct wr_fmt *f, const struct wr_ast_import *import)
{
    const struct wr_ast_term *path = import->path;
    if (is_v1_import(import)) {
        f->contains = f->if_ = f->keywords = true;
    }
    if (!starts_with(import, WR_STR("future"))) {
        return;
    }
    struct wr_str word = path->n_items == 3 ? wr_text(path->items[2]->value) : WR_STR("");
    f->keywords = true;
    f->contains |= word.n == 0 || wr_str_eq(word, WR_STR("contains"));
    f->if_ |= word.n == 0 || wr_str_eq(word, WR_STR("if"));
}

static void prepare(struct wr_fmt *f, enum wr_rego_style style)
{
    const struct wr_ast_module *m = f->module;
    f->v1 = style != WR_FORMAT_AS_IT_IS;
    f->contains = f->if_ = f->keywords = f->v1;
    f->keyword_refs = style == WR_FORMAT_V1;
    for (uint32_t i = 0; i < m->n_imports; i++) {
        note_keywords(f, &m->imports[i]);
    }
    for (uint32_t i = 0; i < m->n_rules; i++) {
        uint32_t n = m->rules[i]->ref->n_items;
        f->ref_heads |= n > 2 || (n == 2 && m->rules[i]->key != NULL);
    }
    f->comments = WR_NEW_ARRAY(f->arena, const struct wr_ast_comment *, m->n_comments);
    for (uint32_t i = 0; f->comments != NULL && i < m->n_comments; i++) {
        f->comments[i] = &m->comments[i];
    }
    f->n_comments = f->comments != NULL ? m->n_comments : 0;
    f->failed = f->comments == NULL;
}

static void write_package(struct wr_fmt *f)
{
    const struct wr_ast_term *path = f->module->package;
    struct wr_str first = wr_text(path->items[1]->value);
    wr_fmt_comments(f, f->module->package_loc.row);
    wr_fmt_start_line(f);
    wr_fmt_text(f, "package ");
    wr_fmt_str(f, first.n > 0 && first.p[0] == '$' ? WR_STR("_") : first);
    for (uint32_t i = 2; i < path->n_items; i++) {
        struct wr_str name = wr_text(path->items[i]->value);
        bool plain = wr_lex_is_name(name) &&
                     (!wr_lex_is_keyword(name) || wr_fmt_was_dotted(f, path->items[i]));
        wr_fmt_text(f, plain ? "." : "[");
        if (plain) {
            wr_fmt_str(f, name);
        } else {
            wr_rego_print_term(f->out, path->items[i]);
            wr_fmt_text(f, "]");
        }
    }
    wr_fmt_blank_line(f);
}

static void write_module(struct wr_fmt *f, enum wr_rego_style style)
{
    const struct wr_ast_module *m = f->module;
    uint32_t import = 0;
    write_package(f);
    if (style == WR_FORMAT_TO_V1) {
        wr_fmt_text(f, "import rego.v1\n\n");
    }
    for (uint32_t i = 0; i < m->n_rules; i++) {
        const struct wr_ast_rule *rule = m->rules[i];
        import = write_imports_before(f, import, rule->loc.offset, style);
        wr_fmt_comments(f, rule->loc.row);
        write_rule(f, rule);
        wr_fmt_blank_line(f);
    }
    write_imports_before(f, import, SIZE_MAX, style);
    while (f->n_comments > 0) {
        write_comment_line(f, f->comments[0]);
        f->comments++;
        f->n_comments--;
    }
}

wr_err wr_rego_format(struct wr_arena *arena, const struct wr_ast_module *module,
                      enum wr_rego_style style, struct wr_buf *out)
{
    struct wr_fmt f = {.out = out, .arena = arena, .module = module};
    size_t start = out->n;
    prepare(&f, style);
    write_module(&f, style);
    while (out->n > start + 1 && out->p[out->n - 1] == '\n' && out->p[out->n - 2] == '\n') {
        out->n--;
    }
    return f.failed || out->overflow ? WR_E_MEMORY : WR_OK;
}

/* ── texts ──────────────────────────────────────────────────────────────────────────────────── */

static wr_err parse(struct wr_arena *arena, struct wr_str file, struct wr_str text,
                    enum wr_rego_style style, struct wr_ast_module **module,
                    struct wr_rego_errors *errors)
{
    struct wr_rego_parse_options options = {.v1 = style == WR_FORMAT_V1};
    return wr_rego_parse_module(arena, file, text, &options, module, errors);
}

static bool rules_same(const struct wr_ast_module *a, const struct wr_ast_module *b)
{
    if (a->n_rules != b->n_rules || !wr_ast_term_same(a->package, b->package)) {
        return false;
    }
    for (uint32_t i = 0; i < a->n_rules; i++) {
        if (!wr_ast_rule_same(a->rules[i], b->rules[i])) {
            return false;
        }
    }
    return true;
}

static wr_err fail_format(struct wr_rego_errors *errors, struct wr_str file, wr_err err)
{
    wr_rego_error_add(errors, err, file, NULL,
                      err == WR_E_MEMORY ? "out of memory"
                                         : "formatted text would read as other rules");
    return err;
}

wr_err wr_rego_format_text(struct wr_arena *arena, struct wr_str file, struct wr_str text,
                           enum wr_rego_style style, struct wr_str *out,
                           struct wr_rego_errors *errors)
{
    struct wr_ast_module *source = NULL, *module = NULL;
    wr_err err = parse(arena, file, text, style, &source, errors);
    if (err != WR_OK) {
        return err;
    }
    module = source;
    for (int pass = 0; pass < WR_LIMIT_FORMAT_PASSES; pass++) {
        struct wr_buf formatted = wr_buf_in(arena, module->text.n + 64);
        struct wr_rego_errors ignored;
        err = wr_rego_format(arena, module, style, &formatted);
        if (err != WR_OK) {
            return fail_format(errors, file, err);
        }
        *out = wr_buf_view(&formatted);
        if (pass > 0 && wr_str_eq(*out, module->text)) {
            return WR_OK;
        }
        wr_rego_errors_init(&ignored, arena);
        err = parse(arena, file, *out, style, &module, &ignored);
        if (err != WR_OK || !rules_same(source, module)) {
            return fail_format(errors, file, err == WR_E_MEMORY ? err : WR_E_REGO_PARSE);
        }
    }
    return WR_OK;
}
