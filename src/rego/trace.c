/* SPDX-License-Identifier: Apache-2.0 */
#include "rego/trace_in.h"

#include "rego/ast_json.h"
#include "rego/parse.h"
#include "rego/print.h"
#include "value/json_write.h"

/* ── the record ─────────────────────────────────────────────────────────────────────────────── */
enum trace_step wr_trace_cut(struct tracer *t, const char *why)
{
    t->out->cut = t->out->cut != NULL ? t->out->cut : why;
    return T_CUT;
}

bool wr_trace_dive(struct tracer *t)
{
    if (t->depth == WR_LIMIT_TRACE_DEPTH) {
        wr_trace_cut(t, "statements nest too deep to be told (WR_LIMIT_TRACE_DEPTH)");
        return false;
    }
    t->depth++;
    return true;
}

static struct wr_trace_event *record(struct trace_frame *f, enum wr_trace_op op,
                                     const struct wr_ast_loc *loc)
{
    struct wr_trace *trace = f->t->out;
    static struct wr_trace_event none;
    if (trace->n == trace->cap) {
        uint32_t cap = WR_MAX(2 * trace->cap, 256u);
        struct wr_trace_event *events = WR_NEW_ARRAY(trace->arena, struct wr_trace_event, cap);
        if (events == NULL || trace->n >= WR_LIMIT_TRACE_EVENTS) {
            wr_trace_cut(f->t, "there are too many steps to be told (WR_LIMIT_TRACE_EVENTS)");
            return &none;
        }
        if (trace->n > 0) {
            memcpy(events, trace->events, trace->n * sizeof events[0]);
        }
        trace->events = events;
        trace->cap = cap;
    }
    struct wr_trace_event *e = &trace->events[trace->n++];
    int64_t (*clock)(void) = f->t->how->clock;
    *e = (struct wr_trace_event){.op = (uint8_t)op,
                                 .ns = clock != NULL ? clock() : 0,
                                 .query = f->id,
                                 .parent = f->parent != NULL ? f->parent->id : 0,
                                 .file = f->file,
                                 .row = loc->row,
                                 .col = loc->col};
    return e;
}

void wr_trace_expr(struct trace_frame *f, enum wr_trace_op op, const struct wr_ast_expr *e)
{
    record(f, op, &e->loc)->expr = e;
}

void wr_trace_body(struct trace_frame *f, enum wr_trace_op op, const struct wr_ast_body *body)
{
    record(f, op, &body->exprs[0]->loc)->body = body;
}

void wr_trace_rule(struct trace_frame *f, enum wr_trace_op op, const struct trace_rules *rules,
                   const struct wr_ast_rule *rule, const char *message)
{
    struct wr_trace_event *e = record(f, op, &rule->loc);
    e->rule = rule;
    e->path = rules->text;
    e->message = wr_str_z(message);
}

void wr_trace_index(struct trace_frame *f, const struct wr_ast_expr *expr,
                    const struct trace_rules *rules, uint32_t n, bool early)
{
    struct wr_buf text = wr_buf_in(f->t->arena, 48);
    struct wr_trace_event *e = record(f, WR_TRACE_INDEX, &expr->loc);
    wr_format(&text, "(matched %u rule%s%s)", n, n == 1 ? "" : "s", early ? ", early exit" : "");
    e->expr = expr;
    e->path = rules->text;
    e->ref = rules->path;
    e->n_ref = rules->n_path;
    e->message = wr_buf_view(&text);
}

void wr_trace_note(struct trace_frame *f, const struct wr_ast_expr *expr, struct wr_str text)
{
    struct wr_trace_event *e = record(f, WR_TRACE_NOTE, &expr->loc);
    e->expr = expr;
    e->message = text;
}

struct trace_frame wr_trace_child(struct trace_frame *of, const struct wr_ast_body *body,
                                  struct trace_vars *vars, struct wr_str file)
{
    return (struct trace_frame){.t = of->t,
                                .parent = of,
                                .id = of->t->next_query++,
                                .body = body,
                                .vars = vars,
                                .file = file};
}

/* ── the query ──────────────────────────────────────────────────────────────────────────────── */
/* A statement's value goes into a variable of its own, as OPA's front ends have it. */
static struct wr_ast_term *capture(struct wr_arena *arena, struct wr_ast_expr *e, uint32_t i,
                                   bool *no_room)
{
    struct wr_ast_term *t = e->term;
    bool call = e->kind == WR_AST_TERM && t->kind == WR_AST_CALL;
    if (e->kind != WR_AST_TERM || e->negated ||
        (call && (wr_ast_is_call_of(t, WR_STR("eq")) || wr_ast_is_call_of(t, WR_STR("assign")) ||
                  wr_ast_is_call_of(t, WR_STR("walk"))))) {
        return NULL;
    }
    struct wr_ast_term *terms = WR_NEW_ARRAY(arena, struct wr_ast_term, 4);
    struct wr_ast_term **items = WR_NEW_ARRAY(arena, struct wr_ast_term *, t->n_items + 4);
    struct wr_buf name = wr_buf_in(arena, 16);
    if (terms == NULL || items == NULL) {
        *no_room = true;
        return NULL;
    }
    wr_format(&name, "$term%u", i + 1);
    terms[0] = (struct wr_ast_term){.kind = WR_AST_VAR, .name = wr_buf_view(&name), .loc = t->loc};
    if (call) {
        memcpy(items, t->items, t->n_items * sizeof items[0]);
        items[t->n_items] = &terms[0];
        terms[1] = *t;
        terms[1].items = items;
        terms[1].n_items = t->n_items + 1;
        e->term = &terms[1];
        return &terms[0];
    }
    terms[1] = (struct wr_ast_term){.kind = WR_AST_VAR, .name = WR_STR("eq"), .loc = t->loc};
    items[0] = &terms[2];
    items[1] = t;
    items[2] = &terms[0];
    items[3] = &terms[1];
    terms[2] =
        (struct wr_ast_term){.kind = WR_AST_REF, .n_items = 1, .items = items + 3, .loc = t->loc};
    terms[3] =
        (struct wr_ast_term){.kind = WR_AST_CALL, .n_items = 3, .items = items, .loc = t->loc};
    e->term = &terms[3];
    return &terms[0];
}

static bool iterates_term(const struct wr_ast_term *t)
{
    bool nested = t->kind == WR_AST_VAR || t->kind == WR_AST_SCALAR || t->body != NULL;
    for (uint32_t i = 0; !nested && i < t->n_items; i++) {
        if ((t->kind == WR_AST_REF && i > 0 && t->items[i]->kind == WR_AST_VAR) ||
            iterates_term(t->items[i])) {
            return true;
        }
    }
    return !nested && t->kind == WR_AST_CALL && wr_ast_is_call_of(t, WR_STR("walk"));
}

static bool iterates_body(const struct wr_ast_body *body)
{
    for (uint32_t i = 0; i < body->n; i++) {
        const struct wr_ast_expr *e = body->exprs[i];
        if (e->kind == WR_AST_TERM ? iterates_term(e->term) : e->kind == WR_AST_SOME) {
            return true;
        }
    }
    return false;
}

static bool parse_query(struct tracer *t, const struct wr_rego_program *program,
                        const struct wr_str *names, struct wr_str text)
{
    struct wr_rego_errors errors;
    struct wr_rego_parse_options options = {.all_future_keywords = true};
    struct wr_ast_body *body = NULL;
    bool no_room = false;
    wr_rego_errors_init(&errors, t->arena);
    if (wr_rego_parse_body(t->arena, (struct wr_str){0}, text, &options, &body, &errors) != WR_OK ||
        body->n == 0) {
        return false;
    }
    uint32_t n = body->n, captured = 0;
    bool check = n > 1 || iterates_body(body);
    struct wr_ast_expr **exprs = WR_NEW_ARRAY(t->arena, struct wr_ast_expr *, 2 * (size_t)n);
    if (exprs == NULL) {
        return false;
    }
    memcpy(exprs, body->exprs, n * sizeof exprs[0]);
    for (uint32_t i = 0; i < n; i++) {
        struct wr_ast_term *value = capture(t->arena, exprs[i], captured, &no_room);
        captured += value != NULL;
        struct wr_ast_expr *holds = value != NULL ? WR_NEW(t->arena, struct wr_ast_expr) : NULL;
        if (holds != NULL && check) {
            *holds = (struct wr_ast_expr){
                .kind = WR_AST_TERM, .term = value, .loc = exprs[i]->loc, .index = body->n};
            exprs[body->n++] = holds;
        }
    }
    body->exprs = exprs;
    return !no_room && wr_rego_rewrite_query(t->arena, program, names,
                                             wr_rego_module_count(program), body, &t->rewritten);
}

struct whole_query {
    struct trace_next next;
    const struct wr_ast_body *body;
};

static enum trace_step found(struct trace_next *self, struct trace_frame *f)
{
    struct whole_query *query = (struct whole_query *)self;
    wr_trace_body(f, WR_TRACE_EXIT, query->body);
    wr_trace_body(f, WR_TRACE_REDO, query->body);
    return T_ON;
}

bool wr_rego_trace(struct wr_arena *arena, const struct wr_rego_program *program,
                   const struct wr_str *names, struct wr_str query, const struct wr_value *data,
                   const struct wr_rego_context *context, struct wr_trace *out)
{
    struct tracer *t = WR_NEW(arena, struct tracer);
    *out = (struct wr_trace){.arena = arena};
    if (t == NULL) {
        return false;
    }
    t->arena = arena;
    t->how = context;
    t->out = out;
    t->fuel = context->fuel > 0 ? WR_MIN(context->fuel, WR_LIMIT_TRACE_FUEL) : WR_LIMIT_TRACE_FUEL;
    t->cache = wr_builtin_cache_new(arena);
    t->input = context->input != NULL ? *context->input : wr_undefined();
    t->data = data != NULL ? *data : wr_object_from(NULL, 0);
    if (t->cache == NULL || !parse_query(t, program, names, query) || !wr_trace_collect_rules(t)) {
        return false;
    }
    out->names = &t->rewritten;
    struct trace_vars vars = {0};
    struct trace_frame frame = {.t = t, .body = t->rewritten.query, .vars = &vars};
    struct whole_query whole = {{found}, t->rewritten.query};
    frame.id = t->next_query++;
    wr_trace_body(&frame, WR_TRACE_ENTER, frame.body);
    enum trace_step step = wr_trace_eval(&frame, 0, &whole.next);
    out->end_ns = context->clock != NULL ? context->clock() : 0;
    return step != T_CUT || out->cut != NULL;
}

/* ── what is kept ───────────────────────────────────────────────────────────────────────────── */
void wr_trace_filter(struct wr_trace *trace, enum wr_trace_filter filter)
{
    uint32_t n_queries = 0, n = 0;
    for (uint32_t i = 0; i < trace->n; i++) {
        n_queries = WR_MAX(n_queries, trace->events[i].query + 1);
    }
    const struct wr_trace_event **last =
        WR_NEW_ARRAY(trace->arena, const struct wr_trace_event *, n_queries);
    struct wr_trace_event *kept = WR_NEW_ARRAY(trace->arena, struct wr_trace_event, trace->n);
    if (filter == WR_TRACE_FULL || last == NULL || kept == NULL) {
        return;
    }
    for (uint32_t i = 0; i < trace->n; i++) {
        const struct wr_trace_event *e = &trace->events[i];
        bool wanted = (e->op == WR_TRACE_NOTE && filter != WR_TRACE_FAILS) ||
                      (e->op == WR_TRACE_FAIL && filter != WR_TRACE_NOTES);
        if (wanted) { /* the way to it, from the outside in */
            uint32_t first = n;
            const struct wr_trace_event *at = last[e->query], *before = NULL;
            for (; at != NULL && at != before && n < trace->n; before = at, at = last[at->parent]) {
                kept[n++] = *at;
            }
            for (uint32_t a = first, b = n; a + 1 < b; a++) {
                struct wr_trace_event swap = kept[a];
                kept[a] = kept[--b];
                kept[b] = swap;
            }
            if (n < trace->n) {
                kept[n++] = *e;
            }
            memset(last, 0, n_queries * sizeof last[0]);
        }
        if ((e->op == WR_TRACE_ENTER || e->op == WR_TRACE_REDO) && e->expr == NULL) {
            last[e->query] = e;
        }
    }
    trace->events = kept;
    trace->n = n;
}

/* ── printing ───────────────────────────────────────────────────────────────────────────────── */
/* Text with locals called what they were. */
static void rename(struct wr_buf *out, const struct wr_rewritten *r, struct wr_str text)
{
    static const struct wr_str prefix = {"__local", 7};
    size_t at = 0;
    for (;;) {
        size_t next = wr_str_find(text, prefix, at);
        size_t end = next == SIZE_MAX ? SIZE_MAX : wr_str_find(text, WR_STR("__"), next + prefix.n);
        if (end == SIZE_MAX) {
            wr_buf_add(out, text.p + at, text.n - at);
            return;
        }
        struct wr_str local = wr_str_of(text.p + next, end + 2 - next), name = local;
        for (uint32_t i = 0; i < r->n_names; i++) {
            name = wr_str_eq(r->names[i].local, local) ? r->names[i].name : name;
        }
        bool unnamed =
            name.p == local.p && next >= 6 && memcmp(text.p + next - 6, "every ", 6) == 0;
        wr_buf_add(out, text.p + at, next - at);
        at = end + 2;
        if (unnamed && at + 2 < text.n && text.p[at] == ',') { /* a key that nobody named */
            at += 2;
            continue;
        }
        wr_buf_str(out, name);
    }
}

static void write_node(struct wr_buf *out, const struct wr_trace *trace,
                       const struct wr_trace_event *e)
{
    struct wr_buf text = wr_buf_in(trace->arena, 128);
    if (e->op == WR_TRACE_NOTE) {
        wr_json_write_string(out, e->message, WR_JSON_COMPACT);
        return;
    }
    if (e->path.n > 0) {
        wr_buf_str(&text, e->path);
    } else if (e->expr != NULL) {
        wr_rego_print_expr(&text, e->expr);
    } else if (e->body != NULL) {
        wr_rego_print_body(&text, e->body);
    }
    rename(out, trace->names, wr_buf_view(&text));
    if (e->message.n > 0) {
        wr_format(out, " %.*s", WR_FMT(e->message));
    }
}

static void write_place(struct wr_buf *out, const struct wr_trace_event *e)
{
    wr_buf_str(out, e->file.n > 0 ? e->file : WR_STR("query"));
    wr_format(out, ":%u", e->row);
}

void wr_trace_write(struct wr_buf *out, const struct wr_trace *trace)
{
    static const char *const ops[] = {"Enter", "Eval", "Index", "Exit",
                                      "Redo",  "Fail", "Note",  "Duplicate"};
    uint32_t n_queries = 1, width = 0;
    for (uint32_t i = 0; i < trace->n; i++) {
        struct wr_buf place = wr_buf_in(trace->arena, 64);
        write_place(&place, &trace->events[i]);
        width = WR_MAX(width, (uint32_t)place.n);
        n_queries = WR_MAX(n_queries, trace->events[i].query + 1);
    }
    uint32_t *depths = WR_NEW_ARRAY(trace->arena, uint32_t, n_queries);
    for (uint32_t i = 0; i < trace->n && depths != NULL; i++) {
        const struct wr_trace_event *e = &trace->events[i];
        size_t start = out->n;
        if (depths[e->query] == 0) {
            depths[e->query] = depths[e->parent] + 1;
        }
        bool outer = e->op == WR_TRACE_ENTER || (e->op == WR_TRACE_REDO && e->expr == NULL);
        write_place(out, e);
        while (out->n < start + width + 5) {
            wr_buf_char(out, ' ');
        }
        for (uint32_t d = outer ? 1 : 0; d < depths[e->query]; d++) {
            wr_buf_str(out, WR_STR("| "));
        }
        wr_format(out, "%s ", ops[e->op]);
        write_node(out, trace, e);
        wr_buf_char(out, '\n');
    }
}

void wr_trace_lines_json(struct wr_buf *json, const struct wr_trace *trace)
{
    struct wr_buf text = wr_buf_in(trace->arena, 4096);
    wr_trace_write(&text, trace);
    struct wr_str lines = wr_buf_view(&text);
    wr_buf_char(json, '[');
    for (size_t at = 0; at < lines.n;) {
        size_t end = wr_str_find(lines, WR_STR("\n"), at);
        if (at > 0) {
            wr_buf_char(json, ',');
        }
        wr_json_write_string(json, wr_str_of(lines.p + at, end - at), WR_JSON_HTML_SAFE);
        at = end + 1;
    }
    wr_buf_char(json, ']');
    json->overflow |= text.overflow;
}

static void write_ref(struct wr_buf *json, const struct wr_value *path, uint32_t n)
{
    wr_buf_str(json, WR_STR("[{\"type\":\"var\",\"value\":\"data\"}"));
    for (uint32_t i = 0; i < n; i++) {
        wr_format(json,
                  ",{\"type\":\"%s\",\"value\":", path[i].type == WR_STRING ? "string" : "number");
        wr_json_write(json, &path[i], WR_JSON_HTML_SAFE);
        wr_buf_char(json, '}');
    }
    wr_buf_char(json, ']');
}

void wr_trace_json(struct wr_buf *json, const struct wr_trace *trace)
{
    static const char *const ops[] = {"Enter", "Eval", "Index", "Exit",
                                      "Redo",  "Fail", "Note",  "Duplicate"};
    wr_buf_char(json, '[');
    for (uint32_t i = 0; i < trace->n; i++) {
        const struct wr_trace_event *e = &trace->events[i];
        wr_format(json, "%s{\"Op\":\"%s\",\"Node\":", i > 0 ? "," : "", ops[e->op]);
        if (e->body != NULL) {
            wr_rego_body_json(json, trace->arena, e->body);
        } else if (e->expr != NULL) {
            wr_rego_expr_json(json, trace->arena, e->expr);
        } else {
            wr_rego_rule_json(json, trace->arena, e->rule);
        }
        wr_buf_str(json, WR_STR(",\"Location\":{\"file\":"));
        wr_json_write_string(json, e->file, WR_JSON_HTML_SAFE);
        wr_format(json, ",\"row\":%u,\"col\":%u},\"QueryID\":%u,\"ParentID\":%u,", e->row, e->col,
                  e->query, e->parent);
        wr_buf_str(json, WR_STR("\"Locals\":null,\"LocalMetadata\":{},\"Message\":"));
        wr_json_write_string(json, e->message, WR_JSON_HTML_SAFE);
        wr_buf_str(json, WR_STR(",\"Ref\":"));
        if (e->ref != NULL) {
            write_ref(json, e->ref, e->n_ref);
        } else {
            wr_buf_str(json, WR_STR("null"));
        }
        wr_buf_char(json, '}');
    }
    wr_buf_char(json, ']');
}
