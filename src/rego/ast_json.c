/* SPDX-License-Identifier: Apache-2.0 */
#include "rego/ast_json.h"

#include "rego/annotation.h"
#include "value/json_write.h"

struct writer {
    struct wr_buf *json;
    struct wr_arena *arena;
    struct wr_str file;
    const struct wr_ast_module *module; /* NULL: a term or body alone */
    bool locations;
};

static void text(struct writer *w, const char *s)
{
    wr_buf_str(w->json, wr_str_z(s));
}

static void string(struct writer *w, struct wr_str s)
{
    wr_json_write_string(w->json, s, WR_JSON_HTML_SAFE);
}

static void location(struct writer *w, const struct wr_ast_loc *loc)
{
    text(w, "{\"file\":");
    string(w, w->file);
    wr_format(w->json, ",\"row\":%u,\"col\":%u}", loc->row, loc->col);
}

/* ── terms ──────────────────────────────────────────────────────────────────────────────────── */
static void write_term(struct writer *w, const struct wr_ast_term *t);
static void write_body(struct writer *w, const struct wr_ast_body *body);

static void write_terms(struct writer *w, struct wr_ast_term *const *items, uint32_t n)
{
    wr_buf_char(w->json, '[');
    for (uint32_t i = 0; i < n; i++) {
        text(w, i > 0 ? "," : "");
        write_term(w, items[i]);
    }
    wr_buf_char(w->json, ']');
}

/* Elements of a set, or pairs of an object, by OPA's order; the last of equal keys stands. */
static struct wr_ast_term **sorted(struct writer *w, const struct wr_ast_term *t, uint32_t stride,
                                   uint32_t *n)
{
    struct wr_ast_term **out = WR_NEW_ARRAY(w->arena, struct wr_ast_term *, t->n_items + stride);
    *n = 0;
    for (uint32_t i = 0; out != NULL && i < t->n_items; i += stride) {
        uint32_t at = *n;
        while (at > 0 && wr_ast_term_cmp(out[at - stride], t->items[i]) > 0) {
            at -= stride;
        }
        bool same = at > 0 && wr_ast_term_cmp(out[at - stride], t->items[i]) == 0;
        if (same) {
            at -= stride;
        } else {
            memmove(&out[at + stride], &out[at], (*n - at) * sizeof(struct wr_ast_term *));
            *n += stride;
        }
        memcpy(&out[at], &t->items[i], stride * sizeof(struct wr_ast_term *));
    }
    return out;
}

static void write_object(struct writer *w, const struct wr_ast_term *t)
{
    uint32_t n;
    struct wr_ast_term **items = sorted(w, t, 2, &n);
    wr_buf_char(w->json, '[');
    for (uint32_t i = 0; i < n; i += 2) {
        text(w, i > 0 ? "," : "");
        write_terms(w, items + i, 2);
    }
    wr_buf_char(w->json, ']');
}

static void write_set(struct writer *w, const struct wr_ast_term *t)
{
    uint32_t n;
    struct wr_ast_term **items = sorted(w, t, 1, &n);
    write_terms(w, items, n);
}

static void write_comprehension(struct writer *w, const struct wr_ast_term *t)
{
    bool object = t->kind == WR_AST_OBJECT_COMPREHENSION;
    text(w, object ? "{\"key\":" : "{\"term\":");
    write_term(w, t->items[0]);
    if (object) {
        text(w, ",\"value\":");
        write_term(w, t->items[1]);
    }
    text(w, ",\"body\":");
    write_body(w, t->body);
    wr_buf_char(w->json, '}');
}

static void write_scalar(struct writer *w, const struct wr_value *v)
{
    if (v->type == WR_NULL) {
        text(w, "{}");
    } else {
        wr_json_write(w->json, v, WR_JSON_HTML_SAFE);
    }
}

static void write_term(struct writer *w, const struct wr_ast_term *t)
{
    text(w, "{");
    if (w->locations && !t->generated) {
        text(w, "\"location\":");
        location(w, &t->loc);
        text(w, ",");
    }
    wr_format(w->json, "\"type\":\"%s\",\"value\":", wr_ast_type_name(t));
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_SCALAR:
        write_scalar(w, &t->value);
        break;
    case WR_AST_VAR:
        string(w, t->name);
        break;
    case WR_AST_OBJECT:
        write_object(w, t);
        break;
    case WR_AST_SET:
        write_set(w, t);
        break;
    case WR_AST_ARRAY_COMPREHENSION:
    case WR_AST_SET_COMPREHENSION:
    case WR_AST_OBJECT_COMPREHENSION:
        write_comprehension(w, t);
        break;
    case WR_AST_REF:
    case WR_AST_ARRAY:
    case WR_AST_CALL:
        write_terms(w, t->items, t->n_items);
        break;
    }
    wr_buf_char(w->json, '}');
}

/* ── bodies ─────────────────────────────────────────────────────────────────────────────────── */
static void write_every(struct writer *w, const struct wr_ast_expr *e)
{
    text(w, "{\"body\":");
    write_body(w, e->body);
    text(w, ",\"domain\":");
    write_term(w, e->domain);
    text(w, ",\"key\":");
    if (e->key != NULL) {
        write_term(w, e->key);
    } else {
        text(w, "null");
    }
    text(w, ",\"value\":");
    write_term(w, e->value);
    wr_buf_char(w->json, '}');
}

static void write_with(struct writer *w, const struct wr_ast_expr *e)
{
    text(w, ",\"with\":[");
    for (uint32_t i = 0; i < e->n_with; i++) {
        text(w, i > 0 ? ",{\"target\":" : "{\"target\":");
        write_term(w, e->with[i].target);
        text(w, ",\"value\":");
        write_term(w, e->with[i].value);
        wr_buf_char(w->json, '}');
    }
    wr_buf_char(w->json, ']');
}

static void write_expr(struct writer *w, const struct wr_ast_expr *e)
{
    text(w, e->tag == WR_AST_MADE ? "{\"generated\":true," : "{");
    wr_format(w->json, "\"index\":%u,", e->index);
    if (w->locations) {
        text(w, "\"location\":");
        location(w, &e->loc);
        text(w, ",");
    }
    text(w, e->negated ? "\"negated\":true,\"terms\":" : "\"terms\":");
    if (e->kind == WR_AST_SOME) {
        text(w, "{\"symbols\":");
        write_terms(w, e->terms, e->n_terms);
        wr_buf_char(w->json, '}');
    } else if (e->kind == WR_AST_EVERY) {
        write_every(w, e);
    } else if (e->term->kind == WR_AST_CALL) {
        write_terms(w, e->term->items, e->term->n_items);
    } else {
        write_term(w, e->term);
    }
    if (e->n_with > 0) {
        write_with(w, e);
    }
    wr_buf_char(w->json, '}');
}

static void write_body(struct writer *w, const struct wr_ast_body *body)
{
    wr_buf_char(w->json, '[');
    for (uint32_t i = 0; i < body->n; i++) {
        text(w, i > 0 ? "," : "");
        write_expr(w, body->exprs[i]);
    }
    wr_buf_char(w->json, ']');
}

/* ── rules ──────────────────────────────────────────────────────────────────────────────────── */
/* The last item of the reference is the key of p[k] = v. */
static const struct wr_ast_term *head_key(const struct wr_ast_rule *rule)
{
    if (rule->kind == WR_AST_RULE_SET) {
        return rule->key;
    }
    return wr_ast_rule_has_key(rule) ? rule->ref->items[rule->ref->n_items - 1] : NULL;
}

static void write_head(struct writer *w, const struct wr_ast_rule *rule)
{
    const struct wr_ast_term *key = head_key(rule);
    text(w, "{");
    if (wr_ast_rule_has_name(rule)) {
        text(w, "\"name\":");
        string(w, rule->ref->items[0]->name);
        text(w, ",");
    }
    if (rule->n_args > 0) {
        text(w, "\"args\":");
        write_terms(w, rule->args, rule->n_args);
        text(w, ",");
    }
    if (key != NULL) {
        text(w, "\"key\":");
        write_term(w, key);
        text(w, ",");
    }
    if (rule->kind != WR_AST_RULE_SET) {
        text(w, "\"value\":");
        write_term(w, rule->value);
        text(w, ",");
    }
    text(w, rule->assign ? "\"assign\":true,\"ref\":" : "\"ref\":");
    write_terms(w, rule->ref->items, rule->ref->n_items);
    if (w->locations) {
        text(w, ",\"location\":");
        location(w, &rule->head_loc);
    }
    wr_buf_char(w->json, '}');
}

/* Those that stand above the rule itself. */
static void write_rule_annotations(struct writer *w, const struct wr_ast_rule *rule)
{
    bool any = false;
    for (uint32_t i = 0; rule != NULL && w->module != NULL && i < w->module->n_annotations; i++) {
        if (w->module->annotations[i]->rule == rule) {
            text(w, any ? "," : "\"annotations\":[");
            wr_json_write(w->json, &w->module->annotations[i]->json, WR_JSON_HTML_SAFE);
            any = true;
        }
    }
    text(w, any ? "]," : "");
}

/* A rule opens, its else opens within it ...; the heads follow from the innermost out. */
static void write_rule(struct writer *w, const struct wr_ast_rule *rule)
{
    uint32_t depth = 0;
    for (const struct wr_ast_rule *at = rule; at != NULL; at = at->otherwise) {
        text(w, depth > 0 ? ",\"else\":{" : "{");
        write_rule_annotations(w, depth++ > 0 ? NULL : rule);
        text(w, "\"body\":");
        write_body(w, at->body);
        text(w, at->is_default ? ",\"default\":true" : "");
    }
    for (; depth > 0; depth--) {
        const struct wr_ast_rule *at = rule;
        for (uint32_t i = 1; i < depth; i++) {
            at = at->otherwise;
        }
        text(w, ",\"head\":");
        write_head(w, at);
        if (w->locations) {
            text(w, ",\"location\":");
            location(w, &at->loc);
        }
        wr_buf_char(w->json, '}');
    }
}

/* ── modules ────────────────────────────────────────────────────────────────────────────────── */
static void write_imports(struct writer *w, const struct wr_ast_module *m)
{
    for (uint32_t i = 0; i < m->n_imports; i++) {
        const struct wr_ast_import *import = &m->imports[i];
        text(w, i == 0 ? ",\"imports\":[{" : ",{");
        if (import->alias.n > 0) {
            text(w, "\"alias\":");
            string(w, import->alias);
            text(w, ",");
        }
        text(w, "\"path\":");
        write_term(w, import->path);
        wr_buf_char(w->json, '}');
    }
    text(w, m->n_imports > 0 ? "]" : "");
}

static void base64(struct wr_buf *out, struct wr_str s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t v = (uint32_t)(uint8_t)s.p[i] << 16;
        v |= i + 1 < s.n ? (uint32_t)(uint8_t)s.p[i + 1] << 8 : 0;
        v |= i + 2 < s.n ? (uint32_t)(uint8_t)s.p[i + 2] : 0;
        wr_buf_char(out, digits[v >> 18]);
        wr_buf_char(out, digits[v >> 12 & 63]);
        wr_buf_char(out, i + 1 < s.n ? digits[v >> 6 & 63] : '=');
        wr_buf_char(out, i + 2 < s.n ? digits[v & 63] : '=');
    }
}

static void write_comments(struct writer *w, const struct wr_ast_module *m)
{
    for (uint32_t i = 0; i < m->n_comments; i++) {
        text(w, i == 0 ? ",\"comments\":[{\"Text\":\"" : ",{\"Text\":\"");
        base64(w->json, m->comments[i].text);
        text(w, "\",\"Location\":");
        location(w, &m->comments[i].loc);
        wr_buf_char(w->json, '}');
    }
    text(w, m->n_comments > 0 ? "]" : "");
}

static void write_annotations(struct writer *w, const struct wr_ast_module *m)
{
    for (uint32_t i = 0; i < m->n_annotations; i++) {
        text(w, i == 0 ? ",\"annotations\":[" : ",");
        wr_json_write(w->json, &m->annotations[i]->json, WR_JSON_HTML_SAFE);
    }
    text(w, m->n_annotations > 0 ? "]" : "");
}

void wr_rego_module_json(struct wr_buf *json, struct wr_arena *arena,
                         const struct wr_ast_module *module, unsigned parts)
{
    struct writer w = {json, arena, module->file, module, (parts & WR_AST_JSON_LOCATIONS) != 0};
    text(&w, "{\"package\":{\"path\":");
    write_terms(&w, module->package->items, module->package->n_items);
    text(&w, "}");
    write_imports(&w, module);
    write_annotations(&w, module);
    for (uint32_t i = 0; i < module->n_rules; i++) {
        text(&w, i == 0 ? ",\"rules\":[" : ",");
        write_rule(&w, module->rules[i]);
    }
    text(&w, module->n_rules > 0 ? "]" : "");
    if ((parts & WR_AST_JSON_COMMENTS) != 0) {
        write_comments(&w, module);
    }
    wr_buf_char(json, '}');
}

void wr_rego_term_json(struct wr_buf *json, struct wr_arena *arena, const struct wr_ast_term *term)
{
    struct writer w = {.json = json, .arena = arena};
    write_term(&w, term);
}

void wr_rego_body_json(struct wr_buf *json, struct wr_arena *arena, const struct wr_ast_body *body)
{
    struct writer w = {.json = json, .arena = arena};
    write_body(&w, body);
}

void wr_rego_expr_json(struct wr_buf *json, struct wr_arena *arena, const struct wr_ast_expr *expr)
{
    struct writer w = {.json = json, .arena = arena};
    write_expr(&w, expr);
}

void wr_rego_rule_json(struct wr_buf *json, struct wr_arena *arena, const struct wr_ast_rule *rule)
{
    struct writer w = {.json = json, .arena = arena};
    write_rule(&w, rule);
}
