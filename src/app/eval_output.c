/* SPDX-License-Identifier: Apache-2.0 */
#include "app/eval_output.h"
#include "app/rego_output.h"
#include "app/statistics.h"
#include "app/table.h"
#include "value/json_write.h"

bool wr_eval_format_read(const char *name, enum wr_eval_format *out)
{
    static const char *const names[] = {"json", "pretty",  "values", "bindings",
                                        "raw",  "discard", "source"};
    for (size_t i = 0; i < WR_COUNTOF(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum wr_eval_format)i;
            return true;
        }
    }
    return false;
}

static void value(struct wr_buf *json, const struct wr_value *v)
{
    wr_rego_write_json(json, v, WR_JSON_HTML_SAFE);
}

static void comma(struct wr_buf *json)
{
    if (json->n > 1) {
        wr_buf_char(json, ',');
    }
}

/* ── several runs ───────────────────────────────────────────────────────────────────────────── */
static void write_statistics(struct wr_buf *json, struct wr_arena *arena, int64_t *samples,
                             uint64_t n)
{
    struct wr_statistics s;
    wr_statistics_of(&s, samples, n);
    wr_statistics_json(json, arena, &s);
}

static void write_runs(struct wr_buf *json, const struct wr_eval_output *o)
{
    int64_t *samples = WR_NEW_ARRAY(o->arena, int64_t, o->n_runs);
    wr_buf_str(json, WR_STR("\"aggregated_metrics\":{"));
    for (uint32_t f = 0; samples != NULL && f < o->runs[0].n; f++) {
        for (uint64_t i = 0; i < o->n_runs; i++) {
            samples[i] = o->runs[i].items[f].value;
        }
        wr_format(json, "%s\"%s\":", f > 0 ? "," : "", o->runs[0].items[f].name);
        write_statistics(json, o->arena, samples, o->n_runs);
    }
    wr_buf_char(json, '}');
}

/* ── JSON ───────────────────────────────────────────────────────────────────────────────────── */
static void write_result(struct wr_buf *json, const struct wr_eval_output *o,
                         const struct wr_rego_result *result)
{
    wr_buf_str(json, WR_STR("{\"expressions\":["));
    for (uint32_t i = 0; i < result->n_values; i++) {
        struct wr_ast_loc loc = {0};
        struct wr_str text = wr_rego_query_expr(o->query, i, &loc);
        wr_buf_str(json, i > 0 ? WR_STR(",{\"value\":") : WR_STR("{\"value\":"));
        value(json, &result->values[i]);
        wr_buf_str(json, WR_STR(",\"text\":"));
        wr_json_write_string(json, text, WR_JSON_HTML_SAFE);
        wr_format(json, ",\"location\":{\"row\":%u,\"col\":%u}}", loc.row, loc.col);
    }
    wr_buf_str(json, WR_STR("]"));
    if (result->bindings.n > 0) {
        wr_buf_str(json, WR_STR(",\"bindings\":"));
        value(json, &result->bindings);
    }
    wr_buf_char(json, '}');
}

static void write_metrics(struct wr_buf *json, const struct wr_eval_output *o)
{
    if (o->figures != NULL && o->n_runs > 1) {
        comma(json);
        write_runs(json, o);
    } else if (o->figures != NULL) {
        comma(json);
        wr_buf_str(json, WR_STR("\"metrics\":"));
        wr_figures_json(json, o->figures);
    }
}

static void write_document(struct wr_buf *json, const struct wr_eval_output *o)
{
    wr_buf_char(json, '{');
    if (o->errors != NULL) {
        wr_rego_errors_json(json, o->errors);
    }
    for (uint32_t i = 0; o->results != NULL && i < o->results->n; i++) {
        wr_buf_str(json, i == 0 ? WR_STR("\"result\":[") : WR_STR(","));
        write_result(json, o, &o->results->items[i]);
    }
    wr_buf_str(json, o->results != NULL && o->results->n > 0 ? WR_STR("]") : WR_STR(""));
    write_metrics(json, o);
    if (o->explain_json != NULL) {
        comma(json);
        o->explain_json(json, o->context);
    }
    if (o->profile_json != NULL) {
        comma(json);
        o->profile_json(json, o->context, false);
    }
    wr_buf_char(json, '}');
}

/* The document without its results; members sorted, as Go sorts a map. */
static void write_discarded(struct wr_buf *json, const struct wr_eval_output *o)
{
    wr_buf_char(json, '{');
    if (o->errors != NULL) {
        wr_rego_errors_json(json, o->errors);
    }
    write_metrics(json, o);
    if (o->profile_json != NULL) {
        comma(json);
        o->profile_json(json, o->context, true);
    }
    if (o->results != NULL && o->results->n > 0) {
        comma(json);
        wr_buf_str(json, WR_STR("\"result\":\"discarded\""));
    }
    wr_buf_char(json, '}');
}

/* ── lines ──────────────────────────────────────────────────────────────────────────────────── */
static void print_raw(struct wr_buf *text, const struct wr_eval_output *o)
{
    for (uint32_t i = 0; i < o->results->n; i++) {
        const struct wr_rego_result *result = &o->results->items[i];
        for (uint32_t k = 0; k < result->n_values; k++) {
            wr_buf_str(text, k > 0 ? WR_STR(" ") : WR_STR(""));
            if (result->values[k].type == WR_STRING) {
                wr_buf_str(text, wr_text(result->values[k]));
            } else {
                value(text, &result->values[k]);
            }
        }
        wr_buf_char(text, '\n');
    }
}

static void print_each(const struct wr_eval_output *o, bool bindings, FILE *out)
{
    for (uint32_t i = 0; i < o->results->n; i++) {
        const struct wr_rego_result *result = &o->results->items[i];
        struct wr_value values = wr_array(result->values, result->n_values);
        struct wr_buf json = wr_buf_in(o->arena, 1024);
        value(&json, bindings ? &result->bindings : &values);
        wr_output_json(o->arena, &json, out);
    }
}

/* ── pretty ─────────────────────────────────────────────────────────────────────────────────── */
static struct wr_str cell(const struct wr_eval_output *o, const struct wr_value *v)
{
    struct wr_buf text = wr_buf_in(o->arena, 64);
    value(&text, v);
    if (o->pretty_limit > 0 && text.n > o->pretty_limit) {
        text.n = o->pretty_limit;
        while (text.n > 0 && wr_utf8_invalid_at(text.p, text.n) != text.n) {
            text.n--;
        }
        wr_buf_str(&text, WR_STR("..."));
    }
    return wr_buf_view(&text);
}

static void print_table(const struct wr_eval_output *o, FILE *out)
{
    const struct wr_rego_result *first = &o->results->items[0];
    uint32_t exprs[WR_LIMIT_TABLE_COLUMNS], n_exprs = 0, n_vars = first->bindings.n;
    struct wr_table table;
    for (uint32_t i = 0; i < first->n_values; i++) {
        bool shown = first->values[i].type != WR_BOOL || n_vars == 0;
        if (shown && n_exprs + n_vars < WR_LIMIT_TABLE_COLUMNS) {
            exprs[n_exprs++] = i;
        }
    }
    wr_table_init(&table, o->arena, n_vars + n_exprs);
    for (uint32_t c = 0; c < n_vars; c++) {
        wr_table_header(&table, c, wr_text(first->bindings.pairs[c].key));
    }
    for (uint32_t i = 0; i < n_exprs; i++) {
        struct wr_ast_loc loc;
        wr_table_header(&table, n_vars + i, wr_rego_query_expr(o->query, exprs[i], &loc));
    }
    for (uint32_t r = 0; r < o->results->n; r++) {
        const struct wr_rego_result *row = &o->results->items[r];
        for (uint32_t c = 0; c < n_vars; c++) {
            wr_table_cell(&table, r, c, cell(o, &row->bindings.pairs[c].value));
        }
        for (uint32_t i = 0; i < n_exprs; i++) {
            wr_table_cell(&table, r, n_vars + i, cell(o, &row->values[exprs[i]]));
        }
    }
    wr_table_print(&table, out);
}

static bool all_true_or_false(const struct wr_rego_result *result)
{
    for (uint32_t i = 0; i < result->n_values; i++) {
        if (result->values[i].type != WR_BOOL) {
            return false;
        }
    }
    return true;
}

static void print_results(const struct wr_eval_output *o, FILE *out)
{
    const struct wr_rego_result *first = o->results->items;
    if (o->results->n == 0) {
        fputs("undefined\n", out);
    } else if (o->results->n == 1 && first->bindings.n == 0 &&
               (first->n_values == 1 || all_true_or_false(first))) {
        struct wr_buf json = wr_buf_in(o->arena, 1024);
        value(&json, &first->values[0]);
        wr_output_json(o->arena, &json, out);
    } else {
        print_table(o, out);
    }
}

/* The text of the smallest call, else the statement, at a place of the query. */
struct place {
    uint32_t row, col;
    const struct wr_ast_loc *best;
};

static void look_at_term(struct place *p, const struct wr_ast_term *t)
{
    bool here = t->loc.row == p->row && t->loc.col == p->col && t->kind == WR_AST_CALL;
    if (here && (p->best == NULL || t->loc.n < p->best->n)) {
        p->best = &t->loc;
    }
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR) {
        return;
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        look_at_term(p, t->items[i]);
    }
    for (uint32_t i = 0; t->body != NULL && i < t->body->n; i++) {
        if (t->body->exprs[i]->kind == WR_AST_TERM) {
            look_at_term(p, t->body->exprs[i]->term);
        }
    }
}

static struct wr_str text_at(const struct wr_eval_output *o, uint32_t row, uint32_t col)
{
    struct place p = {row, col, NULL};
    const struct wr_ast_loc *statement = NULL;
    for (uint32_t i = 0; o->body != NULL && i < o->body->n; i++) {
        const struct wr_ast_expr *e = o->body->exprs[i];
        statement = e->loc.row == row && e->loc.col == col ? &e->loc : statement;
        if (e->kind == WR_AST_TERM) {
            look_at_term(&p, e->term);
        }
    }
    const struct wr_ast_loc *loc = p.best != NULL ? p.best : statement;
    return loc != NULL && loc->offset + loc->n <= o->text.n
               ? wr_str_of(o->text.p + loc->offset, loc->n)
               : (struct wr_str){0};
}

/* An error of an evaluation names the query's text where it has no file. */
static void print_errors(const struct wr_eval_output *o, FILE *out)
{
    const struct wr_rego_error *e = &o->errors->items[0];
    bool evaluated = o->query != NULL && o->errors->n == 1 && e->file.n == 0;
    struct wr_str text = evaluated ? text_at(o, e->row, e->col) : (struct wr_str){0};
    if (text.n > 0) {
        fprintf(out, "1 error occurred: %.*s: %.*s: %.*s\n", WR_FMT(text),
                WR_FMT(wr_rego_error_code(e)), WR_FMT(e->message));
    } else {
        wr_rego_errors_print(o->arena, o->errors, false, out);
    }
}

static void print_pretty(const struct wr_eval_output *o, FILE *out)
{
    if (o->explain_text != NULL) {
        struct wr_buf text = wr_buf_in(o->arena, 4096);
        o->explain_text(&text, o->context);
        fwrite(text.p, 1, text.n, out);
    }
    if (o->errors != NULL) {
        print_errors(o, out);
    } else {
        print_results(o, out);
    }
    if (o->figures != NULL) {
        wr_figures_table(o->arena, o->figures, out);
    }
    if (o->profile_table != NULL) {
        o->profile_table(o->context, out);
    }
}

bool wr_eval_print(const struct wr_eval_output *o, enum wr_eval_format format, FILE *out)
{
    struct wr_buf buf = wr_buf_in(o->arena, 4096);
    if (format == WR_EVAL_PRETTY) {
        print_pretty(o, out);
    } else if (format == WR_EVAL_JSON || format == WR_EVAL_DISCARD) {
        (format == WR_EVAL_JSON ? write_document : write_discarded)(&buf, o);
        wr_output_json(o->arena, &buf, out);
    } else if (o->errors != NULL) {
        print_errors(o, out);
    } else if (format == WR_EVAL_RAW) {
        print_raw(&buf, o);
        fwrite(buf.p, 1, buf.n, out);
    } else {
        print_each(o, format == WR_EVAL_BINDINGS, out);
    }
    return !buf.overflow && !wr_arena_failed(o->arena);
}
