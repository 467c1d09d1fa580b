/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the tracing evaluator, by their paths, and which of them are entered.
 *
 * That is told by conditions that compare a path of the input or of documents, or an argument,
 * with a constant, as in OPA's index: a rule one of whose conditions does not hold is passed over.
 */
#include "rego/trace_in.h"

#include "value/json_write.h"

/* ── rules by their paths ───────────────────────────────────────────────────────────────────── */
struct trace_rules *wr_trace_rules_at(struct tracer *t, const struct wr_value *path, uint32_t n)
{
    for (uint32_t i = 0; i < t->n_rules; i++) {
        bool same = t->rules[i].n_path == n;
        for (uint32_t k = 0; same && k < n; k++) {
            same = wr_value_eq(&t->rules[i].path[k], &path[k]);
        }
        if (same) {
            return &t->rules[i];
        }
    }
    return NULL;
}

static bool is_plain(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) {
            return false;
        }
    }
    return s.n > 0;
}

static struct wr_str path_text(struct wr_arena *arena, const struct wr_value *path, uint32_t n)
{
    struct wr_buf text = wr_buf_in(arena, 64);
    wr_buf_str(&text, WR_STR("data"));
    for (uint32_t i = 0; i < n; i++) {
        if (path[i].type == WR_STRING && is_plain(wr_text(path[i]))) {
            wr_format(&text, ".%.*s", WR_FMT(wr_text(path[i])));
        } else {
            wr_buf_char(&text, '[');
            wr_rego_write(&text, &path[i]);
            wr_buf_char(&text, ']');
        }
    }
    return wr_buf_view(&text);
}

static bool room_for_rule(struct tracer *t, struct trace_rules *rules)
{
    if (rules->n < rules->cap) {
        return true;
    }
    uint32_t cap = WR_MAX(2 * rules->cap, 4u);
    const struct wr_ast_rule **more = WR_NEW_ARRAY(t->arena, const struct wr_ast_rule *, cap);
    struct wr_str *files = WR_NEW_ARRAY(t->arena, struct wr_str, cap);
    if (more == NULL || files == NULL) {
        return false;
    }
    if (rules->n > 0) {
        memcpy(more, rules->rules, rules->n * sizeof more[0]);
        memcpy(files, rules->files, rules->n * sizeof files[0]);
    }
    rules->rules = more;
    rules->files = files;
    rules->cap = cap;
    return true;
}

static bool add_rule(struct tracer *t, const struct wr_ast_module *m,
                     const struct wr_ast_rule *rule)
{
    struct wr_value *path = WR_NEW_ARRAY(t->arena, struct wr_value, TRACE_PATH_MAX);
    uint32_t n = 0;
    if (path == NULL || m->package->n_items + rule->ref->n_items > TRACE_PATH_MAX) {
        return false;
    }
    for (uint32_t i = 1; i < m->package->n_items; i++) {
        path[n++] = m->package->items[i]->value;
    }
    path[n++] = wr_string(rule->ref->items[0]->name);
    for (uint32_t i = 1; i < rule->ref->n_items && wr_ast_is_string(rule->ref->items[i]); i++) {
        path[n++] = rule->ref->items[i]->value;
    }
    struct trace_rules *rules = wr_trace_rules_at(t, path, n);
    if (rules == NULL) {
        rules = &t->rules[t->n_rules++];
        *rules = (struct trace_rules){.path = path, .n_path = n};
        rules->text = path_text(t->arena, path, n);
    }
    if (!room_for_rule(t, rules)) {
        return false;
    }
    rules->function |= rule->n_args > 0;
    rules->set |= rule->kind == WR_AST_RULE_SET;
    uint32_t n_static = n - (m->package->n_items - 1);
    rules->partial |= rule->kind == WR_AST_RULE_SET || rule->ref->n_items > n_static;
    if (rule->is_default) {
        rules->fallback = rule;
        rules->fallback_file = m->file;
    } else {
        rules->rules[rules->n] = rule;
        rules->files[rules->n++] = m->file;
    }
    return true;
}

bool wr_trace_collect_rules(struct tracer *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->rewritten.n_modules; i++) {
        n += t->rewritten.modules[i]->n_rules;
    }
    t->rules = WR_NEW_ARRAY(t->arena, struct trace_rules, n + 1);
    for (uint32_t i = 0; i < t->rewritten.n_modules; i++) {
        const struct wr_ast_module *m = t->rewritten.modules[i];
        for (uint32_t k = 0; k < m->n_rules && t->rules != NULL; k++) {
            if (!add_rule(t, m, m->rules[k])) {
                return false;
            }
        }
    }
    return t->rules != NULL;
}

/* ── the index ──────────────────────────────────────────────────────────────────────────────── */
static bool is_ground_path(const struct wr_ast_term *t)
{
    if (t->kind != WR_AST_REF || t->items[0]->kind != WR_AST_VAR) {
        return false;
    }
    for (uint32_t i = 1; i < t->n_items; i++) {
        if (t->items[i]->kind != WR_AST_SCALAR) {
            return false;
        }
    }
    return true;
}

/* The document at a path of the input or of base documents; NULL: none; *virtual: rules stand
 * there. */
static const struct wr_value *document(struct tracer *t, const struct wr_ast_term *ref,
                                       bool *is_virtual)
{
    bool input = wr_str_eq(ref->items[0]->name, WR_STR("input"));
    const struct wr_value *v = input ? &t->input : &t->data;
    struct wr_value path[TRACE_PATH_MAX];
    *is_virtual = !input && !wr_str_eq(ref->items[0]->name, WR_STR("data"));
    for (uint32_t i = 1; i < ref->n_items && i < TRACE_PATH_MAX; i++) {
        path[i - 1] = ref->items[i]->value;
        *is_virtual |= !input && wr_trace_rules_at(t, path, i) != NULL;
        v = v != NULL && v->type != WR_UNDEFINED ? wr_value_at(v, &path[i - 1]) : NULL;
    }
    return v != NULL && v->type != WR_UNDEFINED ? v : NULL;
}

struct index_entry {               /* a statement that the index knows */
    const struct wr_ast_term *ref; /* a path; NULL: an argument */
    uint32_t arg;
    const struct wr_ast_term *value; /* a scalar; others: anything may do */
};

static bool side_entry(struct tracer *t, const struct wr_ast_rule *rule,
                       const struct wr_ast_term *a, const struct wr_ast_term *b,
                       struct index_entry *out)
{
    bool is_virtual = false;
    if (b->kind != WR_AST_SCALAR && b->kind != WR_AST_VAR && b->kind != WR_AST_ARRAY) {
        return false;
    }
    for (uint32_t i = 0; b->kind == WR_AST_ARRAY && i < b->n_items; i++) {
        if (b->items[i]->kind != WR_AST_SCALAR && b->items[i]->kind != WR_AST_VAR) {
            return false;
        }
    }
    for (uint32_t i = 0; a->kind == WR_AST_VAR && i < rule->n_args; i++) {
        if (rule->args[i]->kind == WR_AST_VAR && wr_str_eq(rule->args[i]->name, a->name)) {
            *out = (struct index_entry){NULL, i, b};
            return true;
        }
    }
    if (!is_ground_path(a)) {
        return false;
    }
    document(t, a, &is_virtual);
    *out = (struct index_entry){a, 0, b};
    return !is_virtual;
}

static bool entry_of(struct tracer *t, const struct wr_ast_rule *rule, const struct wr_ast_expr *e,
                     struct index_entry *out)
{
    if (e->negated || e->n_with > 0 || e->kind != WR_AST_TERM || e->term->kind != WR_AST_CALL ||
        e->term->n_items != 3 ||
        (!wr_ast_is_call_of(e->term, WR_STR("eq")) &&
         !wr_ast_is_call_of(e->term, WR_STR("equal")))) {
        return false;
    }
    const struct wr_ast_term *a = e->term->items[1], *b = e->term->items[2];
    return side_entry(t, rule, a, b, out) || side_entry(t, rule, b, a, out);
}

static bool may_fit(const struct wr_ast_term *pattern, const struct wr_value *v)
{
    if (pattern->kind == WR_AST_SCALAR) {
        return wr_value_eq(v, &pattern->value);
    }
    if (pattern->kind != WR_AST_ARRAY) {
        return true;
    }
    bool fits = v->type == WR_ARRAY && v->n == pattern->n_items;
    for (uint32_t i = 0; fits && i < v->n; i++) {
        fits = may_fit(pattern->items[i], &v->items[i]);
    }
    return fits;
}

/* False: the statement is a condition of the index, and does not hold. */
static bool may_hold(struct tracer *t, const struct wr_ast_rule *rule, const struct wr_ast_expr *e,
                     const struct wr_value *args)
{
    struct index_entry entry;
    bool is_virtual;
    if (!entry_of(t, rule, e, &entry)) {
        return true;
    }
    const struct wr_value *v = entry.ref == NULL ? (args != NULL ? &args[entry.arg] : NULL)
                                                 : document(t, entry.ref, &is_virtual);
    if (entry.ref == NULL && (v == NULL || v->type == WR_UNDEFINED)) {
        return true;
    }
    return v != NULL && may_fit(entry.value, v);
}

static bool is_candidate(struct tracer *t, const struct wr_ast_rule *rule,
                         const struct wr_value *args)
{
    for (uint32_t i = 0; i < rule->body->n; i++) {
        if (!may_hold(t, rule, rule->body->exprs[i], args)) {
            return false;
        }
    }
    return true;
}

const struct wr_ast_rule *wr_trace_first_candidate(struct tracer *t, const struct wr_ast_rule *rule,
                                                   const struct wr_value *args)
{
    while (rule != NULL && !is_candidate(t, rule, args)) {
        rule = rule->otherwise;
    }
    return rule;
}

enum { KEYS_MAX = 32 };

struct index_key {
    struct index_entry entry;
    uint32_t count;
};

static bool same_key(const struct index_entry *a, const struct index_entry *b)
{
    return (a->ref == NULL) == (b->ref == NULL) &&
           (a->ref == NULL ? a->arg == b->arg : wr_ast_term_cmp(a->ref, b->ref) == 0);
}

/* What the rules of a path are told apart by, most frequent first. */
static uint32_t index_keys(struct tracer *t, const struct trace_rules *rules,
                           struct index_key *keys)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < rules->n; i++) {
        for (const struct wr_ast_rule *rule = rules->rules[i]; rule != NULL;
             rule = rule->otherwise) {
            for (uint32_t k = 0; k < rule->body->n; k++) {
                struct index_entry entry;
                uint32_t at = 0;
                if (!entry_of(t, rule, rule->body->exprs[k], &entry)) {
                    continue;
                }
                while (at < n && !same_key(&keys[at].entry, &entry)) {
                    at++;
                }
                if (at == n && n < KEYS_MAX) {
                    keys[n++] = (struct index_key){entry, 0};
                }
                keys[WR_MIN(at, n - 1)].count++;
            }
        }
    }
    for (uint32_t i = 1; i < n; i++) {
        for (uint32_t k = i; k > 0 && keys[k - 1].count < keys[k].count; k--) {
            struct index_key swap = keys[k];
            keys[k] = keys[k - 1];
            keys[k - 1] = swap;
        }
    }
    return n;
}

/* Where a rule stands in the index: rules that it does not know first, then by each key whether the
 * rule has none (0), takes any value (1) or one (2). Two bits a key. */
static uint64_t index_place(struct tracer *t, const struct wr_ast_rule *rule,
                            const struct index_key *keys, uint32_t n)
{
    uint64_t place = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t class = 0;
        for (uint32_t k = 0; k < rule->body->n; k++) {
            struct index_entry entry;
            if (entry_of(t, rule, rule->body->exprs[k], &entry) &&
                same_key(&entry, &keys[i].entry)) {
                class = entry.value->kind == WR_AST_VAR ? 1 : 2;
            }
        }
        place |= class << (2 * (KEYS_MAX - 1 - i));
    }
    return place;
}

/* In the order in which OPA's index comes to them. */
static void sort_candidates(struct tracer *t, const struct trace_rules *rules,
                            const struct wr_value *args, struct trace_candidates *c)
{
    struct index_key keys[KEYS_MAX];
    uint32_t n = index_keys(t, rules, keys);
    uint64_t *places = WR_NEW_ARRAY(t->arena, uint64_t, c->n + 1);
    for (uint32_t i = 0; places != NULL && i < c->n; i++) {
        const struct wr_ast_rule *rule = c->rules[i];
        struct wr_str file = c->files[i];
        uint64_t place = UINT64_MAX;
        for (; rule != NULL; rule = wr_trace_first_candidate(t, rule->otherwise, args)) {
            place = WR_MIN(place, index_place(t, rule, keys, n));
        }
        uint32_t at = i;
        rule = c->rules[i];
        for (; at > 0 && places[at - 1] > place; at--) {
            places[at] = places[at - 1];
            c->rules[at] = c->rules[at - 1];
            c->files[at] = c->files[at - 1];
        }
        places[at] = place;
        c->rules[at] = rule;
        c->files[at] = file;
    }
}

bool wr_trace_look_up(struct trace_frame *f, const struct trace_rules *rules,
                      const struct wr_value *args, struct trace_candidates *out)
{
    const struct wr_ast_term *value = NULL;
    *out = (struct trace_candidates){.early = true};
    out->rules = WR_NEW_ARRAY(f->t->arena, const struct wr_ast_rule *, rules->n + 1);
    out->files = WR_NEW_ARRAY(f->t->arena, struct wr_str, rules->n + 1);
    if (out->rules == NULL || out->files == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < rules->n; i++) {
        const struct wr_ast_rule *rule = wr_trace_first_candidate(f->t, rules->rules[i], args);
        if (rule == NULL) {
            continue;
        }
        out->rules[out->n] = rule;
        out->files[out->n++] = rules->files[i];
        for (; rule != NULL; rule = wr_trace_first_candidate(f->t, rule->otherwise, args)) {
            bool ground = rule->value != NULL && wr_ast_is_ground(rule->value);
            out->early =
                out->early && ground && (value == NULL || wr_ast_term_cmp(value, rule->value) == 0);
            value = rule->value;
        }
    }
    out->early = out->early && out->n > 0 && !rules->partial;
    if (out->n > 1) {
        sort_candidates(f->t, rules, args, out);
    }
    return true;
}
