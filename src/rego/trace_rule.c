/* SPDX-License-Identifier: Apache-2.0 */
/* References, rules and functions of the tracing evaluator.
 *
 * Which rules are entered is told by conditions that compare a path of the input or of base
 * documents, or an argument, with a constant, as in OPA's index: a rule one of whose conditions
 * does not hold is passed over. */
#include "rego/trace_in.h"

#include "value/json_write.h"

enum { PATH_MAX = 48 };

/* ── rules by their paths ───────────────────────────────────────────────────────────────────── */
static struct trace_rules *rules_at(struct tracer *t, const struct wr_value *path, uint32_t n)
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

static bool add_rule(struct tracer *t, const struct wr_ast_module *m,
                     const struct wr_ast_rule *rule)
{
    struct wr_value *path = WR_NEW_ARRAY(t->arena, struct wr_value, PATH_MAX);
    uint32_t n = 0;
    if (path == NULL || m->package->n_items + rule->ref->n_items > PATH_MAX) {
        return false;
    }
    for (uint32_t i = 1; i < m->package->n_items; i++) {
        path[n++] = m->package->items[i]->value;
    }
    path[n++] = wr_string(rule->ref->items[0]->name);
    for (uint32_t i = 1; i < rule->ref->n_items && wr_ast_is_string(rule->ref->items[i]); i++) {
        path[n++] = rule->ref->items[i]->value;
    }
    struct trace_rules *rules = rules_at(t, path, n);
    if (rules == NULL) {
        rules = &t->rules[t->n_rules++];
        *rules = (struct trace_rules){.path = path, .n_path = n};
        rules->text = path_text(t->arena, path, n);
        rules->rules = WR_NEW_ARRAY(t->arena, const struct wr_ast_rule *, 4096);
        rules->files = WR_NEW_ARRAY(t->arena, struct wr_str, 4096);
    }
    if (rules->rules == NULL || rules->files == NULL || rules->n == 4096) {
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
    struct wr_value path[PATH_MAX];
    *is_virtual = !input && !wr_str_eq(ref->items[0]->name, WR_STR("data"));
    for (uint32_t i = 1; i < ref->n_items && i < PATH_MAX; i++) {
        path[i - 1] = ref->items[i]->value;
        *is_virtual |= !input && rules_at(t, path, i) != NULL;
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

struct candidates {
    const struct wr_ast_rule **rules; /* first links of else chains that may hold */
    struct wr_str *files;
    uint32_t n;
    bool early;
};

/* The first of a rule and its elses that may hold, or NULL. */
static const struct wr_ast_rule *first_candidate(struct tracer *t, const struct wr_ast_rule *rule,
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

static const struct wr_ast_rule *first_candidate(struct tracer *t, const struct wr_ast_rule *rule,
                                                 const struct wr_value *args);

/* In the order in which OPA's index comes to them. */
static void sort_candidates(struct tracer *t, const struct trace_rules *rules,
                            const struct wr_value *args, struct candidates *c)
{
    struct index_key keys[KEYS_MAX];
    uint32_t n = index_keys(t, rules, keys);
    uint64_t *places = WR_NEW_ARRAY(t->arena, uint64_t, c->n + 1);
    for (uint32_t i = 0; places != NULL && i < c->n; i++) {
        const struct wr_ast_rule *rule = c->rules[i];
        struct wr_str file = c->files[i];
        uint64_t place = UINT64_MAX;
        for (; rule != NULL; rule = first_candidate(t, rule->otherwise, args)) {
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

static bool look_up(struct trace_frame *f, const struct trace_rules *rules,
                    const struct wr_value *args, struct candidates *out)
{
    const struct wr_ast_term *value = NULL;
    *out = (struct candidates){.early = true};
    out->rules = WR_NEW_ARRAY(f->t->arena, const struct wr_ast_rule *, rules->n + 1);
    out->files = WR_NEW_ARRAY(f->t->arena, struct wr_str, rules->n + 1);
    if (out->rules == NULL || out->files == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < rules->n; i++) {
        const struct wr_ast_rule *rule = first_candidate(f->t, rules->rules[i], args);
        if (rule == NULL) {
            continue;
        }
        out->rules[out->n] = rule;
        out->files[out->n++] = rules->files[i];
        for (; rule != NULL; rule = first_candidate(f->t, rule->otherwise, args)) {
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

/* ── memory ─────────────────────────────────────────────────────────────────────────────────── */
static struct trace_memory *remembered(struct tracer *t, const struct trace_rules *rules,
                                       const struct wr_value *key)
{
    for (struct trace_memory *m = t->memory; m != NULL; m = m->next) {
        bool same = m->rules == rules && m->key.type == key->type;
        if (same && (key->type == WR_UNDEFINED || wr_value_eq(&m->key, key))) {
            return m;
        }
    }
    return NULL;
}

static void remember(struct tracer *t, const struct trace_rules *rules, struct wr_value key,
                     struct wr_value v)
{
    struct trace_memory *m = WR_NEW(t->arena, struct trace_memory);
    if (m != NULL) {
        *m = (struct trace_memory){rules, key, v, t->memory};
        t->memory = m;
    }
}

/* ── down a value ───────────────────────────────────────────────────────────────────────────── */
struct tail { /* the rest of a reference, below a value that was found */
    struct trace_with_value with;
    const struct wr_ast_term *ref;
    uint32_t at;
    struct trace_with_value *next;
};

static enum trace_step descend(struct trace_frame *f, const struct wr_value *v,
                               const struct wr_ast_term *ref, uint32_t at,
                               struct trace_with_value *next);

/* One element by its key: the key must fit, the rest follows. */
static enum trace_step enter_element(struct trace_frame *f, const struct wr_value *key,
                                     const struct wr_value *v, const struct wr_ast_term *ref,
                                     uint32_t at, struct trace_with_value *next)
{
    struct wr_str *bound = NULL;
    uint32_t n_bound = 0;
    enum trace_step step = T_ON;
    if (wr_trace_match(f, ref->items[at], key, &bound, &n_bound)) {
        step = descend(f, v, ref, at + 1, next);
    }
    wr_trace_unbind(f, bound, n_bound);
    return step;
}

static enum trace_step descend(struct trace_frame *f, const struct wr_value *v,
                               const struct wr_ast_term *ref, uint32_t at,
                               struct trace_with_value *next)
{
    enum trace_step step = T_ON;
    if (at == ref->n_items) {
        return next->run(next, f, v);
    }
    struct wr_value key = wr_trace_plug(f, ref->items[at]);
    if (key.type != WR_UNDEFINED) {
        const struct wr_value *below = wr_value_at(v, &key);
        return below != NULL ? descend(f, below, ref, at + 1, next) : T_ON;
    }
    for (uint32_t i = 0; i < v->n && step == T_ON; i++) {
        if (v->type == WR_OBJECT) {
            step = enter_element(f, &v->pairs[i].key, &v->pairs[i].value, ref, at, next);
        } else if (v->type == WR_ARRAY || v->type == WR_SET) {
            key = v->type == WR_ARRAY ? wr_int(i) : v->items[i];
            step = enter_element(f, &key, &v->items[i], ref, at, next);
        } else {
            break;
        }
    }
    return step;
}

static enum trace_step descend_tail(struct trace_with_value *self, struct trace_frame *f,
                                    const struct wr_value *v)
{
    struct tail *tail = (struct tail *)self;
    return descend(f, v, tail->ref, tail->at, tail->next);
}

/* ── complete rules and functions ───────────────────────────────────────────────────────────── */
struct answer {
    struct trace_next next;
    const struct trace_rules *rules;
    const struct wr_ast_rule *rule;
    struct trace_frame *caller;
    struct wr_value key,
        *previous; /* key: a function's arguments; previous: of an earlier clause */
    struct wr_value result;
    struct trace_with_value *with;
};

static enum trace_step one_answer(struct trace_next *self, struct trace_frame *f)
{
    struct answer *a = (struct answer *)self;
    wr_trace_rule(f, WR_TRACE_EXIT, a->rules, a->rule, f->find_one ? "early" : "");
    struct wr_value v = wr_trace_plug(f, a->rule->value);
    if (v.type == WR_UNDEFINED) {
        return wr_trace_cut(f->t, "a rule has no value here");
    }
    a->result = v;
    if (a->previous->type != WR_UNDEFINED) {
        if (!wr_value_eq(a->previous, &v)) {
            return wr_trace_cut(f->t, "rules give different values");
        }
        wr_trace_rule(f, WR_TRACE_REDO, a->rules, a->rule, "");
        return T_ON;
    }
    *a->previous = v;
    remember(f->t, a->rules, a->key, v);
    enum trace_step step = a->with->run(a->with, a->caller, &v);
    if (step == T_ON) { /* nobody goes back into a rule when one answer was enough */
        wr_trace_rule(f, WR_TRACE_REDO, a->rules, a->rule, "");
    }
    return step;
}

/* One clause; T_DONE stays within: one answer was all that was asked. */
static enum trace_step clause(struct trace_frame *f, const struct wr_ast_rule *rule,
                              struct wr_str file, bool find_one, const struct wr_value *args,
                              struct answer *a)
{
    struct trace_vars vars = {0};
    struct trace_frame child = wr_trace_child(f, rule->body, &vars, file);
    struct wr_str *bound = NULL;
    uint32_t n_bound = 0;
    bool fits = true;
    child.find_one = find_one;
    a->rule = rule;
    a->result = wr_undefined();
    wr_trace_rule(&child, WR_TRACE_ENTER, a->rules, rule, "");
    for (uint32_t i = 0; i < rule->n_args && fits; i++) {
        fits = wr_trace_match(&child, rule->args[i], &args[i], &bound, &n_bound);
    }
    enum trace_step step = fits ? wr_trace_eval(&child, 0, &a->next) : T_ON;
    return step == T_DONE && find_one ? T_ON : step;
}

static enum trace_step clauses(struct trace_frame *f, const struct trace_rules *rules,
                               const struct candidates *found, const struct wr_value *args,
                               struct answer *a)
{
    enum trace_step step = T_ON;
    for (uint32_t i = 0; i < found->n && step == T_ON; i++) {
        const struct wr_ast_rule *rule = found->rules[i];
        step = clause(f, rule, found->files[i], found->early, args, a);
        while (step == T_ON && a->result.type == WR_UNDEFINED &&
               (rule = first_candidate(f->t, rule->otherwise, args)) != NULL) {
            step = clause(f, rule, found->files[i], found->early, args, a);
        }
    }
    if (step == T_ON && rules->fallback != NULL && a->previous->type == WR_UNDEFINED) {
        step = clause(f, rules->fallback, rules->fallback_file, found->early, args, a);
    }
    return step;
}

static enum trace_step complete(struct trace_frame *f, const struct trace_rules *rules,
                                const struct candidates *found, struct trace_with_value *next)
{
    struct wr_value previous = wr_undefined();
    struct answer a = {.next = {one_answer},
                       .rules = rules,
                       .caller = f,
                       .key = wr_undefined(),
                       .previous = &previous,
                       .with = next};
    const struct trace_memory *m = remembered(f->t, rules, &a.key);
    if (m != NULL) {
        return m->value.type != WR_UNDEFINED ? next->run(next, f, &m->value) : T_ON;
    }
    enum trace_step step = clauses(f, rules, found, NULL, &a);
    if (step == T_ON && previous.type == WR_UNDEFINED) {
        remember(f->t, rules, wr_undefined(), wr_undefined());
    }
    return step;
}

/* ── partial rules ──────────────────────────────────────────────────────────────────────────── */
struct member {
    struct trace_next next;
    const struct trace_rules *rules;
    const struct wr_ast_rule *rule;
    struct wr_value *all; /* the document so far */
};

/* The keys of a rule's head behind its path, and its element. */
static bool add_member(struct trace_frame *f, struct member *m, bool *again)
{
    uint32_t n = 0;
    struct wr_value keys[PATH_MAX], v;
    const struct wr_ast_rule *rule = m->rule;
    uint32_t first = 1;
    while (first < rule->ref->n_items && wr_ast_is_string(rule->ref->items[first])) {
        first++;
    }
    for (uint32_t i = first; i < rule->ref->n_items && n < PATH_MAX; i++) {
        keys[n++] = wr_trace_plug(f, rule->ref->items[i]);
    }
    v = wr_trace_plug(f, rule->kind == WR_AST_RULE_SET ? rule->key : rule->value);
    if (v.type == WR_UNDEFINED || n > 1 || (n == 1 && rule->kind == WR_AST_RULE_SET)) {
        return false; /* deeper heads are not traced */
    }
    if (n == 0) {
        struct wr_value *items = WR_NEW_ARRAY(f->t->arena, struct wr_value, (size_t)m->all->n + 1);
        if (items == NULL) {
            return false;
        }
        if (m->all->n > 0) {
            memcpy(items, m->all->items, m->all->n * sizeof items[0]);
        }
        *again = wr_set_has(m->all, &v);
        items[m->all->n] = v;
        *m->all = wr_set_from(items, (size_t)m->all->n + 1);
        return true;
    }
    const struct wr_value *old = wr_object_get(m->all, &keys[0]);
    struct wr_pair *pairs = WR_NEW_ARRAY(f->t->arena, struct wr_pair, (size_t)m->all->n + 1);
    if (pairs == NULL || (old != NULL && !wr_value_eq(old, &v))) {
        return false;
    }
    *again = old != NULL;
    if (m->all->n > 0) {
        memcpy(pairs, m->all->pairs, m->all->n * sizeof pairs[0]);
    }
    pairs[m->all->n] = (struct wr_pair){keys[0], v};
    *m->all = wr_object_from(pairs, (size_t)m->all->n + 1);
    return true;
}

static enum trace_step one_member(struct trace_next *self, struct trace_frame *f)
{
    struct member *m = (struct member *)self;
    bool again = false;
    wr_trace_rule(f, WR_TRACE_EXIT, m->rules, m->rule, "");
    if (!add_member(f, m, &again)) {
        return wr_trace_cut(f->t, "a partial rule gives no element here");
    }
    wr_trace_rule(f, WR_TRACE_REDO, m->rules, m->rule, "");
    return T_ON;
}

/* All rules, or those whose head takes the key. */
static enum trace_step members(struct trace_frame *f, const struct trace_rules *rules,
                               const struct candidates *found, const struct wr_value *key,
                               struct wr_value *all)
{
    enum trace_step step = T_ON;
    *all = rules->set ? wr_set_from(NULL, 0) : wr_object_from(NULL, 0);
    for (uint32_t i = 0; i < found->n && step == T_ON; i++) {
        const struct wr_ast_rule *rule = found->rules[i];
        struct trace_vars vars = {0};
        struct trace_frame child = wr_trace_child(f, rule->body, &vars, found->files[i]);
        struct member m = {{one_member}, rules, rule, all};
        struct wr_str *bound = NULL;
        uint32_t n_bound = 0;
        const struct wr_ast_term *head =
            rule->kind == WR_AST_RULE_SET ? rule->key : rule->ref->items[rule->ref->n_items - 1];
        wr_trace_rule(&child, WR_TRACE_ENTER, rules, rule, "");
        if (key == NULL || wr_trace_match(&child, head, key, &bound, &n_bound)) {
            step = wr_trace_eval(&child, 0, &m.next);
        } else {
            wr_trace_rule(&child, WR_TRACE_FAIL, rules, rule, "");
        }
    }
    return step;
}

static enum trace_step partial(struct trace_frame *f, const struct trace_rules *rules,
                               const struct candidates *found, const struct wr_ast_term *ref,
                               uint32_t at, struct trace_with_value *next)
{
    struct wr_value all, whole = wr_undefined(), key = wr_undefined();
    const struct trace_memory *m = remembered(f->t, rules, &whole);
    if (m == NULL && at < ref->n_items) {
        key = wr_trace_plug(f, ref->items[at]);
        m = key.type != WR_UNDEFINED ? remembered(f->t, rules, &key) : NULL;
    }
    if (m != NULL) {
        return descend(f, &m->value, ref, at, next);
    }
    enum trace_step step = members(f, rules, found, key.type != WR_UNDEFINED ? &key : NULL, &all);
    if (step != T_ON) {
        return step;
    }
    if (key.type == WR_UNDEFINED || wr_value_at(&all, &key) != NULL) {
        remember(f->t, rules, key, all);
    }
    return descend(f, &all, ref, at, next);
}

/* ── the tree of documents ──────────────────────────────────────────────────────────────────── */
static enum trace_step tree(struct trace_frame *f, const struct wr_ast_term *ref,
                            struct wr_value *path, uint32_t n, const struct wr_value *base,
                            struct trace_with_value *next);

static const struct wr_ast_expr *current(const struct trace_frame *f)
{
    const struct wr_trace *trace = f->t->out;
    for (uint32_t i = trace->n; i-- > 0;) {
        if (trace->events[i].query == f->id && trace->events[i].expr != NULL) {
            return trace->events[i].expr;
        }
    }
    return f->body->exprs[0];
}

static enum trace_step virtual_document(struct trace_frame *f, const struct trace_rules *rules,
                                        const struct wr_ast_term *ref, uint32_t at,
                                        struct trace_with_value *next)
{
    struct candidates found;
    struct tail tail = {{descend_tail}, ref, at, next};
    if (!look_up(f, rules, NULL, &found)) {
        return wr_trace_cut(f->t, "no room");
    }
    wr_trace_index(f, current(f), rules, found.n, found.early);
    if (rules->function) {
        return T_ON;
    }
    return rules->partial ? partial(f, rules, &found, ref, at, next)
                          : complete(f, rules, &found, &tail.with);
}

/* Some rule stands at or below a path. */
static bool leads_to_rules(const struct tracer *t, const struct wr_value *path, uint32_t n)
{
    for (uint32_t i = 0; i < t->n_rules; i++) {
        bool below = t->rules[i].n_path >= n;
        for (uint32_t k = 0; below && k < n; k++) {
            below = wr_value_eq(&t->rules[i].path[k], &path[k]);
        }
        if (below) {
            return true;
        }
    }
    return false;
}

struct leaf {
    struct trace_with_value with;
    struct wr_value v;
};

static enum trace_step keep_leaf(struct trace_with_value *self, struct trace_frame *f,
                                 const struct wr_value *v)
{
    (void)f;
    ((struct leaf *)self)->v = *v;
    return T_ON;
}

/* Keys of rules and of base documents below a path, sorted. */
static struct wr_value keys_below(struct tracer *t, const struct wr_value *path, uint32_t n,
                                  const struct wr_value *base)
{
    uint32_t cap = t->n_rules + (base != NULL && base->type == WR_OBJECT ? base->n : 0), k = 0;
    struct wr_value *keys = WR_NEW_ARRAY(t->arena, struct wr_value, cap + 1);
    for (uint32_t i = 0; keys != NULL && i < t->n_rules; i++) {
        bool below = t->rules[i].n_path > n;
        for (uint32_t j = 0; below && j < n; j++) {
            below = wr_value_eq(&t->rules[i].path[j], &path[j]);
        }
        bool hidden = n == 0 && below && t->rules[i].path[0].type == WR_STRING &&
                      wr_str_eq(wr_text(t->rules[i].path[0]), WR_STR("system"));
        if (below && !hidden) {
            keys[k++] = t->rules[i].path[n];
        }
    }
    for (uint32_t i = 0; keys != NULL && base != NULL && base->type == WR_OBJECT && i < base->n;
         i++) {
        keys[k++] = base->pairs[i].key;
    }
    return keys != NULL ? wr_set_from(keys, k) : wr_set_from(NULL, 0);
}

/* The whole document at a path: what rules give, over the base document. */
static enum trace_step extent(struct trace_frame *f, struct wr_value *path, uint32_t n,
                              const struct wr_value *base, struct wr_value *out)
{
    struct wr_value keys = keys_below(f->t, path, n, NULL);
    struct wr_value result =
        base != NULL && base->type == WR_OBJECT ? *base : wr_object_from(NULL, 0);
    bool any = base != NULL;
    for (uint32_t i = 0; i < keys.n; i++) {
        struct leaf leaf = {{keep_leaf}, wr_undefined()};
        const struct wr_value *under =
            base != NULL && base->type == WR_OBJECT ? wr_object_get(base, &keys.items[i]) : NULL;
        path[n] = keys.items[i];
        const struct trace_rules *rules = rules_at(f->t, path, n + 1);
        struct wr_ast_term none = {.kind = WR_AST_REF};
        enum trace_step step = n + 2 >= PATH_MAX ? wr_trace_cut(f->t, "too deep")
                               : rules != NULL   ? virtual_document(f, rules, &none, 0, &leaf.with)
                                                 : extent(f, path, n + 1, under, &leaf.v);
        if (step == T_CUT) {
            return step;
        }
        if (leaf.v.type != WR_UNDEFINED) {
            struct wr_pair *pairs = WR_NEW_ARRAY(f->t->arena, struct wr_pair, (size_t)result.n + 1);
            if (pairs == NULL) {
                return wr_trace_cut(f->t, "no room");
            }
            if (result.n > 0) {
                memcpy(pairs, result.pairs, result.n * sizeof pairs[0]);
            }
            pairs[result.n] = (struct wr_pair){keys.items[i], leaf.v};
            result = wr_object_from(pairs, (size_t)result.n + 1);
        }
        any = true;
    }
    *out = base != NULL && base->type != WR_OBJECT ? *base : any ? result : wr_undefined();
    return T_ON;
}

static enum trace_step enter_child(struct trace_frame *f, const struct wr_ast_term *ref,
                                   struct wr_value *path, uint32_t n, const struct wr_value *base,
                                   struct trace_with_value *next)
{
    const struct trace_rules *rules = rules_at(f->t, path, n);
    const struct wr_value *under = base != NULL ? wr_value_at(base, &path[n - 1]) : NULL;
    if (rules != NULL) {
        return virtual_document(f, rules, ref, n + 1, next);
    }
    return tree(f, ref, path, n, under, next);
}

/* `n` keys of the reference have been walked. */
static enum trace_step tree(struct trace_frame *f, const struct wr_ast_term *ref,
                            struct wr_value *path, uint32_t n, const struct wr_value *base,
                            struct trace_with_value *next)
{
    struct wr_value v;
    if (n + 2 >= PATH_MAX) {
        return wr_trace_cut(f->t, "too deep");
    }
    if (n + 1 == ref->n_items) {
        enum trace_step step = extent(f, path, n, base, &v);
        return step == T_ON && v.type != WR_UNDEFINED ? next->run(next, f, &v) : step;
    }
    if (!leads_to_rules(f->t, path, n)) {
        return base != NULL ? descend(f, base, ref, n + 1, next) : T_ON;
    }
    path[n] = wr_trace_plug(f, ref->items[n + 1]);
    if (path[n].type != WR_UNDEFINED) {
        return enter_child(f, ref, path, n + 1, base, next);
    }
    struct wr_value keys = keys_below(f->t, path, n, base);
    enum trace_step step = T_ON;
    for (uint32_t i = 0; i < keys.n && step == T_ON; i++) {
        struct wr_str *bound = NULL;
        uint32_t n_bound = 0;
        if (wr_trace_match(f, ref->items[n + 1], &keys.items[i], &bound, &n_bound)) {
            path[n] = keys.items[i];
            step = enter_child(f, ref, path, n + 1, base, next);
        }
        wr_trace_unbind(f, bound, n_bound);
    }
    return step;
}

enum trace_step wr_trace_ref(struct trace_frame *f, const struct wr_ast_term *ref,
                             struct trace_with_value *next)
{
    const struct wr_ast_term *head = ref->items[0];
    struct wr_value path[PATH_MAX], v;
    if (f->t->fuel-- == 0) {
        f->t->fuel++;
        return wr_trace_cut(f->t, "the evaluation goes too far to be traced");
    }
    if (head->kind == WR_AST_VAR && wr_str_eq(head->name, WR_STR("data"))) {
        return tree(f, ref, path, 0, &f->t->data, next);
    }
    v = head->kind == WR_AST_VAR && wr_str_eq(head->name, WR_STR("input")) ? f->t->input
                                                                           : wr_trace_plug(f, head);
    return v.type != WR_UNDEFINED ? descend(f, &v, ref, 1, next) : T_ON;
}

/* ── calls ──────────────────────────────────────────────────────────────────────────────────── */
struct output { /* a function's value goes to the last operand */
    struct trace_with_value with;
    const struct wr_ast_term *term; /* NULL: it only must not be false */
    struct trace_next *next;
};

static enum trace_step take_output(struct trace_with_value *self, struct trace_frame *f,
                                   const struct wr_value *v)
{
    struct output *o = (struct output *)self;
    struct wr_str *bound = NULL;
    uint32_t n_bound = 0;
    enum trace_step step = T_ON;
    if (o->term == NULL) {
        return wr_is_false(*v) ? T_ON : o->next->run(o->next, f);
    }
    if (wr_trace_match(f, o->term, v, &bound, &n_bound)) {
        step = o->next->run(o->next, f);
    }
    wr_trace_unbind(f, bound, n_bound);
    return step;
}

static enum trace_step call_function(struct trace_frame *f, const struct trace_rules *rules,
                                     const struct wr_value *args, uint32_t n,
                                     struct trace_with_value *with)
{
    struct candidates found;
    struct wr_value previous = wr_undefined();
    struct answer a = {.next = {one_answer},
                       .rules = rules,
                       .caller = f,
                       .key = wr_array(args, n),
                       .previous = &previous,
                       .with = with};
    if (!look_up(f, rules, args, &found)) {
        return wr_trace_cut(f->t, "no room");
    }
    wr_trace_index(f, current(f), rules, found.n, found.early);
    const struct trace_memory *m = remembered(f->t, rules, &a.key);
    if (m != NULL) {
        return with->run(with, f, &m->value);
    }
    return clauses(f, rules, &found, args, &a);
}

static enum trace_step call_builtin(struct trace_frame *f, const struct wr_builtin *builtin,
                                    struct wr_value *args, uint32_t n,
                                    struct trace_with_value *with)
{
    struct tracer *t = f->t;
    struct wr_value v = wr_undefined();
    if (builtin->fn == NULL) {
        return wr_trace_cut(t, "a builtin of the network");
    }
    if (wr_str_eq(wr_str_z(builtin->name), WR_STR("trace")) && args[0].type == WR_STRING) {
        wr_trace_note(f, current(f), wr_text(args[0]));
        v = wr_bool(true);
        return with->run(with, f, &v);
    }
    struct wr_builtin_call call = {.self = builtin,
                                   .arena = t->arena,
                                   .env = &t->how->env,
                                   .cache = t->cache,
                                   .error = &t->error,
                                   .fuel = &t->fuel};
    wr_err err = builtin->fn(&call, args, n, &v);
    if (err == WR_E_EVAL_TYPE || err == WR_E_EVAL_BUILTIN) {
        return t->how->strict_builtin_errors ? wr_trace_cut(t, "a builtin failed") : T_ON;
    }
    if (err != WR_OK) {
        return wr_trace_cut(t, "a builtin came to a limit");
    }
    if ((builtin->flags & WR_BUILTIN_RELATION) == 0) {
        return v.type != WR_UNDEFINED ? with->run(with, f, &v) : T_ON;
    }
    enum trace_step step = T_ON;
    for (uint32_t i = 0; v.type == WR_ARRAY && i < v.n && step == T_ON; i++) {
        step = with->run(with, f, &v.items[i]);
    }
    return step;
}

enum trace_step wr_trace_call(struct trace_frame *f, const struct wr_ast_term *call,
                              struct trace_next *next)
{
    const struct wr_ast_term *operator= call->items[0];
    struct wr_value path[PATH_MAX], args[16];
    struct wr_buf name = wr_buf_in(f->t->arena, 48);
    for (uint32_t i = 0; i < operator->n_items && i<PATH_MAX; i++) {
        const struct wr_ast_term *item = operator->items[i];
        struct wr_str text = item->kind == WR_AST_VAR ? item->name : wr_text(item->value);
        wr_format(&name, "%s%.*s", i > 0 ? "." : "", WR_FMT(text));
        path[i] = wr_string(text);
    }
    const struct trace_rules *rules = rules_at(f->t, path + 1, operator->n_items - 1);
    const struct wr_builtin *builtin = rules == NULL ? wr_builtin_find(wr_buf_view(&name)) : NULL;
    uint32_t arity = builtin != NULL ? WR_MIN((uint32_t)builtin->arity_max, call->n_items - 1)
                     : rules == NULL ? 0
                     : rules->n > 0  ? rules->rules[0]->n_args
                                     : rules->fallback->n_args;
    if ((rules == NULL && builtin == NULL) || arity > WR_COUNTOF(args)) {
        return wr_trace_cut(f->t, "a function that cannot be traced");
    }
    for (uint32_t i = 0; i < arity; i++) {
        args[i] = wr_trace_plug(f, call->items[i + 1]);
        if (args[i].type == WR_UNDEFINED) {
            return T_ON;
        }
    }
    struct wr_value *kept = WR_NEW_ARRAY(f->t->arena, struct wr_value, arity + 1);
    if (kept == NULL) {
        return wr_trace_cut(f->t, "no room");
    }
    memcpy(kept, args, arity * sizeof args[0]);
    struct output output = {
        {take_output}, call->n_items - 1 > arity ? call->items[arity + 1] : NULL, next};
    return rules != NULL ? call_function(f, rules, kept, arity, &output.with)
                         : call_builtin(f, builtin, kept, arity, &output.with);
}
