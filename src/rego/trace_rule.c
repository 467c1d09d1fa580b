/* SPDX-License-Identifier: Apache-2.0 */
/* References, rules and functions of the tracing evaluator. */
#include "rego/trace_in.h"

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

static enum trace_step each_element(struct trace_frame *f, const struct wr_value *v,
                                    const struct wr_ast_term *ref, uint32_t at,
                                    struct trace_with_value *next)
{
    enum trace_step step = T_ON;
    bool collection = v->type == WR_OBJECT || v->type == WR_ARRAY || v->type == WR_SET;
    if (!wr_trace_dive(f->t)) {
        return T_CUT;
    }
    for (uint32_t i = 0; collection && i < v->n && step == T_ON; i++) {
        if (v->type == WR_OBJECT) {
            step = enter_element(f, &v->pairs[i].key, &v->pairs[i].value, ref, at, next);
        } else {
            struct wr_value key = v->type == WR_ARRAY ? wr_int(i) : v->items[i];
            step = enter_element(f, &key, &v->items[i], ref, at, next);
        }
    }
    f->t->depth--;
    return step;
}

static enum trace_step descend(struct trace_frame *f, const struct wr_value *v,
                               const struct wr_ast_term *ref, uint32_t at,
                               struct trace_with_value *next)
{
    for (; at < ref->n_items; at++) {
        struct wr_value key = wr_trace_plug(f, ref->items[at]);
        if (key.type == WR_UNDEFINED) {
            return each_element(f, v, ref, at, next);
        }
        v = wr_value_at(v, &key);
        if (v == NULL) {
            return T_ON;
        }
    }
    return next->run(next, f, v);
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
                               const struct trace_candidates *found, const struct wr_value *args,
                               struct answer *a)
{
    enum trace_step step = T_ON;
    for (uint32_t i = 0; i < found->n && step == T_ON; i++) {
        const struct wr_ast_rule *rule = found->rules[i];
        step = clause(f, rule, found->files[i], found->early, args, a);
        while (step == T_ON && a->result.type == WR_UNDEFINED &&
               (rule = wr_trace_first_candidate(f->t, rule->otherwise, args)) != NULL) {
            step = clause(f, rule, found->files[i], found->early, args, a);
        }
    }
    if (step == T_ON && rules->fallback != NULL && a->previous->type == WR_UNDEFINED) {
        step = clause(f, rules->fallback, rules->fallback_file, found->early, args, a);
    }
    return step;
}

static enum trace_step complete(struct trace_frame *f, const struct trace_rules *rules,
                                const struct trace_candidates *found, struct trace_with_value *next)
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
struct gathered { /* a document so far: elements in any order, or keys and values sorted */
    struct wr_value *items;
    uint32_t n, cap;
};

struct member {
    struct trace_next next;
    const struct trace_rules *rules;
    const struct wr_ast_rule *rule;
    struct gathered *all;
};

/* Puts an element, or a key and a value, before the entry that stands there. */
static bool put_entry(struct wr_arena *arena, struct gathered *g, uint32_t at,
                      const struct wr_value *entry, uint32_t width)
{
    if (g->n == g->cap) {
        uint32_t cap = WR_MAX(2 * g->cap, 8u);
        struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, (size_t)cap * width);
        if (items == NULL) {
            return false;
        }
        if (g->n > 0) {
            memcpy(items, g->items, (size_t)g->n * width * sizeof items[0]);
        }
        g->items = items;
        g->cap = cap;
    }
    struct wr_value *to = g->items + (size_t)at * width;
    memmove(to + width, to, (size_t)(g->n - at) * width * sizeof to[0]);
    memcpy(to, entry, width * sizeof to[0]);
    g->n++;
    return true;
}

/* False without room, or when the key has another value. */
static bool put_pair(struct wr_arena *arena, struct gathered *g, const struct wr_value pair[2])
{
    uint32_t low = 0, high = g->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = wr_value_cmp(&g->items[2 * (size_t)middle], &pair[0]);
        if (order == 0) {
            return wr_value_eq(&g->items[2 * (size_t)middle + 1], &pair[1]);
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return put_entry(arena, g, low, pair, 2);
}

/* The key of a rule's head behind its path, and its element. */
static bool add_member(struct trace_frame *f, struct member *m)
{
    const struct wr_ast_rule *rule = m->rule;
    bool set = rule->kind == WR_AST_RULE_SET;
    uint32_t first = 1;
    while (first < rule->ref->n_items && wr_ast_is_string(rule->ref->items[first])) {
        first++;
    }
    struct wr_value v = wr_trace_plug(f, set ? rule->key : rule->value);
    if (v.type == WR_UNDEFINED || rule->ref->n_items - first != (set ? 0 : 1)) {
        return false; /* deeper heads are not traced */
    }
    if (set) {
        return put_entry(f->t->arena, m->all, m->all->n, &v, 1);
    }
    const struct wr_value pair[2] = {wr_trace_plug(f, rule->ref->items[first]), v};
    return pair[0].type != WR_UNDEFINED && put_pair(f->t->arena, m->all, pair);
}

static enum trace_step one_member(struct trace_next *self, struct trace_frame *f)
{
    struct member *m = (struct member *)self;
    wr_trace_rule(f, WR_TRACE_EXIT, m->rules, m->rule, "");
    if (!add_member(f, m)) {
        return wr_trace_cut(f->t, "a partial rule gives no element here");
    }
    wr_trace_rule(f, WR_TRACE_REDO, m->rules, m->rule, "");
    return T_ON;
}

/* All rules, or those whose head takes the key. */
static enum trace_step members(struct trace_frame *f, const struct trace_rules *rules,
                               const struct trace_candidates *found, const struct wr_value *key,
                               struct wr_value *all)
{
    enum trace_step step = T_ON;
    struct gathered gathered = {0};
    for (uint32_t i = 0; i < found->n && step == T_ON; i++) {
        const struct wr_ast_rule *rule = found->rules[i];
        struct trace_vars vars = {0};
        struct trace_frame child = wr_trace_child(f, rule->body, &vars, found->files[i]);
        struct member m = {{one_member}, rules, rule, &gathered};
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
    *all = rules->set ? wr_set_from(gathered.items, gathered.n)
                      : wr_object_from((struct wr_pair *)(void *)gathered.items, gathered.n);
    return step;
}

static enum trace_step partial(struct trace_frame *f, const struct trace_rules *rules,
                               const struct trace_candidates *found, const struct wr_ast_term *ref,
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
    struct trace_candidates found;
    struct tail tail = {{descend_tail}, ref, at, next};
    if (!wr_trace_look_up(f, rules, NULL, &found)) {
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
    uint32_t n_pairs = base != NULL && base->type == WR_OBJECT ? base->n : 0;
    struct wr_pair *pairs = WR_NEW_ARRAY(f->t->arena, struct wr_pair, (size_t)n_pairs + keys.n + 1);
    if (pairs == NULL || !wr_trace_dive(f->t)) {
        return wr_trace_cut(f->t, "no room");
    }
    if (n_pairs > 0) {
        memcpy(pairs, base->pairs, n_pairs * sizeof pairs[0]);
    }
    for (uint32_t i = 0; i < keys.n; i++) {
        struct leaf leaf = {{keep_leaf}, wr_undefined()};
        const struct wr_value *under =
            base != NULL && base->type == WR_OBJECT ? wr_object_get(base, &keys.items[i]) : NULL;
        path[n] = keys.items[i];
        const struct trace_rules *rules = wr_trace_rules_at(f->t, path, n + 1);
        struct wr_ast_term none = {.kind = WR_AST_REF};
        enum trace_step step = n + 2 >= TRACE_PATH_MAX ? wr_trace_cut(f->t, "too deep")
                               : rules != NULL ? virtual_document(f, rules, &none, 0, &leaf.with)
                                               : extent(f, path, n + 1, under, &leaf.v);
        if (step == T_CUT) {
            return step;
        }
        if (leaf.v.type != WR_UNDEFINED) {
            pairs[n_pairs++] = (struct wr_pair){keys.items[i], leaf.v};
        }
    }
    f->t->depth--;
    *out = base != NULL && base->type != WR_OBJECT ? *base
           : base != NULL || keys.n > 0            ? wr_object_from(pairs, n_pairs)
                                                   : wr_undefined();
    return T_ON;
}

/* Below each key that a variable may take. */
static enum trace_step each_child(struct trace_frame *f, const struct wr_ast_term *ref,
                                  struct wr_value *path, uint32_t n, const struct wr_value *base,
                                  struct trace_with_value *next)
{
    struct wr_value keys = keys_below(f->t, path, n, base);
    enum trace_step step = T_ON;
    if (!wr_trace_dive(f->t)) {
        return T_CUT;
    }
    for (uint32_t i = 0; i < keys.n && step == T_ON; i++) {
        struct wr_str *bound = NULL;
        uint32_t n_bound = 0;
        if (wr_trace_match(f, ref->items[n + 1], &keys.items[i], &bound, &n_bound)) {
            path[n] = keys.items[i];
            const struct wr_value *under = base != NULL ? wr_value_at(base, &path[n]) : NULL;
            const struct trace_rules *rules = wr_trace_rules_at(f->t, path, n + 1);
            step = rules != NULL ? virtual_document(f, rules, ref, n + 2, next)
                                 : tree(f, ref, path, n + 1, under, next);
        }
        wr_trace_unbind(f, bound, n_bound);
    }
    f->t->depth--;
    return step;
}

/* `n` keys of the reference have been walked. */
static enum trace_step tree(struct trace_frame *f, const struct wr_ast_term *ref,
                            struct wr_value *path, uint32_t n, const struct wr_value *base,
                            struct trace_with_value *next)
{
    for (; n + 2 < TRACE_PATH_MAX; n++) {
        if (n + 1 == ref->n_items) {
            struct wr_value v;
            enum trace_step step = extent(f, path, n, base, &v);
            return step == T_ON && v.type != WR_UNDEFINED ? next->run(next, f, &v) : step;
        }
        if (!leads_to_rules(f->t, path, n)) {
            return base != NULL ? descend(f, base, ref, n + 1, next) : T_ON;
        }
        path[n] = wr_trace_plug(f, ref->items[n + 1]);
        if (path[n].type == WR_UNDEFINED) {
            return each_child(f, ref, path, n, base, next);
        }
        const struct trace_rules *rules = wr_trace_rules_at(f->t, path, n + 1);
        if (rules != NULL) {
            return virtual_document(f, rules, ref, n + 2, next);
        }
        base = base != NULL ? wr_value_at(base, &path[n]) : NULL;
    }
    return wr_trace_cut(f->t, "too deep");
}

enum trace_step wr_trace_ref(struct trace_frame *f, const struct wr_ast_term *ref,
                             struct trace_with_value *next)
{
    const struct wr_ast_term *head = ref->items[0];
    struct wr_value path[TRACE_PATH_MAX], v;
    if (f->t->fuel-- == 0) {
        f->t->fuel++;
        return wr_trace_cut(f->t, "there is too much to be told (WR_LIMIT_TRACE_FUEL)");
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
    struct trace_candidates found;
    struct wr_value previous = wr_undefined();
    struct answer a = {.next = {one_answer},
                       .rules = rules,
                       .caller = f,
                       .key = wr_array(args, n),
                       .previous = &previous,
                       .with = with};
    if (!wr_trace_look_up(f, rules, args, &found)) {
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
    struct wr_value path[TRACE_PATH_MAX], args[16];
    struct wr_buf name = wr_buf_in(f->t->arena, 48);
    for (uint32_t i = 0; i < operator->n_items && i<TRACE_PATH_MAX; i++) {
        const struct wr_ast_term *item = operator->items[i];
        struct wr_str text = item->kind == WR_AST_VAR ? item->name : wr_text(item->value);
        wr_format(&name, "%s%.*s", i > 0 ? "." : "", WR_FMT(text));
        path[i] = wr_string(text);
    }
    const struct trace_rules *rules = wr_trace_rules_at(f->t, path + 1, operator->n_items - 1);
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
