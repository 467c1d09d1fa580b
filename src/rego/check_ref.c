/* SPDX-License-Identifier: Apache-2.0 */
/* Types of terms, and references into types.
 *
 * A reference to a rule is followed in the tree of types as far as that goes; where the tree ends
 * (base documents, input) anything may be. */
#include "rego/ast_value.h"
#include "rego/check_infer.h"
#include "rego/print.h"
#include "value/json_write.h"

/* ── types of terms ─────────────────────────────────────────────────────────────────────────── */

static bool is_pattern(const struct wr_ast_term *t)
{
    return t->kind == WR_AST_VAR || t->kind == WR_AST_REF || t->kind == WR_AST_ARRAY ||
           t->kind == WR_AST_OBJECT || t->kind == WR_AST_SET;
}

const struct wr_check_type *wr_infer_extent(struct infer *in, const struct check_node *node)
{
    struct wr_check *c = in->c;
    if (node->type != NULL) {
        return node->type;
    }
    const struct wr_check_type **of =
        WR_NEW_ARRAY(c->keep, const struct wr_check_type *, node->n_children);
    struct wr_value *keys = WR_NEW_ARRAY(c->keep, struct wr_value, node->n_children);
    if (of == NULL || keys == NULL) {
        wr_check_no_room(c);
        return &wr_type_any;
    }
    uint32_t n = 0;
    for (const struct check_node *child = node->child; child != NULL && !c->stop;
         child = child->sibling) {
        wr_check_charge(c, 1);
        if (child->key.type == WR_STRING || child->key.type == WR_NUMBER ||
            child->key.type == WR_BOOL) {
            keys[n] = child->key;
            of[n++] = wr_infer_extent(in, child);
        }
    }
    return wr_type_object(&c->types, keys, of, n, &wr_type_string, &wr_type_any);
}

static const struct wr_check_type *select_path(struct infer *in, const struct wr_check_type *t,
                                               struct wr_ast_term *const *items, uint32_t n)
{
    struct wr_check_types *ts = &in->c->types;
    for (uint32_t i = 0; i < n && t != NULL; i++) {
        if (is_pattern(items[i])) {
            t = wr_type_values(ts, t);
        } else {
            struct wr_value key = wr_check_constant(in->c, items[i]);
            t = key.type == WR_UNDEFINED ? NULL : wr_type_select(ts, t, &key);
        }
    }
    return t;
}

static const struct wr_check_type *data_ref(struct infer *in, struct wr_ast_term *const *items,
                                            uint32_t n)
{
    struct wr_check *c = in->c;
    const struct check_node *node = c->typed.root;
    for (uint32_t i = 1; i < n; i++) {
        struct wr_value key = wr_check_constant(c, items[i]);
        const struct check_node *child = wr_check_child(&c->typed, node, &key);
        if (child == NULL && node->type != NULL) {
            return select_path(in, node->type, items + i, n - i);
        }
        if (child == NULL) {
            return key.type == WR_UNDEFINED
                       ? select_path(in, wr_infer_extent(in, node), items + i, n - i)
                       : &wr_type_any;
        }
        node = child;
    }
    return wr_infer_extent(in, node);
}

const struct wr_check_type *wr_infer_ref(struct infer *in, struct wr_ast_term *const *items,
                                         uint32_t n)
{
    struct wr_check *c = in->c;
    const struct wr_ast_term *head = items[0];
    if (head->kind != WR_AST_VAR) {
        return NULL;
    }
    if (head->tag < c->vars->n && c->vars->items[head->tag].type != NULL) {
        return select_path(in, c->vars->items[head->tag].type, items + 1, n - 1);
    }
    if (head->tag == VAR_DATA && c->typed.root->n_children > 0) {
        return data_ref(in, items, n);
    }
    if (head->tag <= VAR_DATA) {
        return &wr_type_any;
    }
    struct wr_ast_term ref = {
        .kind = WR_AST_REF, .n_items = n, .items = (struct wr_ast_term **)(uintptr_t)items};
    return wr_check_signature(c, &ref);
}

static const struct wr_check_type *array_type(struct infer *in, struct wr_ast_term *t)
{
    struct wr_check *c = in->c;
    const struct wr_check_type **of =
        WR_NEW_ARRAY(c->keep, const struct wr_check_type *, t->n_items);
    if (of == NULL) {
        wr_check_no_room(c);
        return NULL;
    }
    for (uint32_t i = 0; i < t->n_items && !c->stop; i++) {
        of[i] = wr_infer_type(in, t->items[i]);
    }
    return wr_type_array(&c->types, of, t->n_items, t->n_items == 0 ? &wr_type_any : NULL);
}

static const struct wr_check_type *object_type(struct infer *in, struct wr_ast_term *t)
{
    struct wr_check *c = in->c;
    uint32_t n = t->n_items / 2, n_static = 0;
    const struct wr_check_type **of = WR_NEW_ARRAY(c->keep, const struct wr_check_type *, n);
    struct wr_value *keys = WR_NEW_ARRAY(c->keep, struct wr_value, n);
    const struct wr_check_type *key = NULL, *rest = NULL;
    bool other = false;
    if (of == NULL || keys == NULL) {
        wr_check_no_room(c);
        return NULL;
    }
    for (uint32_t i = 0; i < n && !c->stop; i++) {
        struct wr_value constant = wr_check_constant(c, t->items[2 * i]);
        const struct wr_check_type *value = wr_infer_type(in, t->items[2 * i + 1]);
        if (constant.type != WR_UNDEFINED) {
            keys[n_static] = wr_value_copy(c->keep, constant);
            of[n_static++] = value;
        } else {
            key = wr_infer_type(in, t->items[2 * i]);
            rest = value;
            other = true;
        }
    }
    if (n_static == 0 && !other) {
        key = rest = &wr_type_any;
    }
    return wr_type_object(&c->types, keys, of, n_static, key, rest);
}

static const struct wr_check_type *set_type(struct infer *in, struct wr_ast_term *t)
{
    const struct wr_check_type *of = t->n_items == 0 ? &wr_type_any : NULL;
    for (uint32_t i = 0; i < t->n_items && !in->c->stop; i++) {
        of = wr_type_or(&in->c->types, of, wr_infer_type(in, t->items[i]));
    }
    return wr_type_set(&in->c->types, of != NULL ? of : &wr_type_any);
}

const struct wr_check_type *wr_infer_type(struct infer *in, struct wr_ast_term *t)
{
    wr_check_charge(in->c, 1);
    if (in->c->stop) {
        return NULL;
    }
    switch ((enum wr_ast_kind)t->kind) {
    case WR_AST_SCALAR:
        return wr_type_of(&in->c->types, &t->value);
    case WR_AST_VAR:
        return t->tag < in->c->vars->n ? in->c->vars->items[t->tag].type : NULL;
    case WR_AST_REF:
        return wr_infer_ref(in, t->items, t->n_items);
    case WR_AST_ARRAY:
        return array_type(in, t);
    case WR_AST_OBJECT:
        return object_type(in, t);
    case WR_AST_SET:
        return set_type(in, t);
    case WR_AST_ARRAY_COMPREHENSION:
    case WR_AST_SET_COMPREHENSION:
    case WR_AST_OBJECT_COMPREHENSION:
        return wr_infer_comprehension(in, t);
    case WR_AST_CALL:
        break;
    }
    return NULL;
}

/* ── types to terms ─────────────────────────────────────────────────────────────────────────── */

void wr_infer_bind(struct infer *in, uint32_t var, const struct wr_check_type *type)
{
    struct wr_check *c = in->c;
    if (var >= c->vars->n) {
        return;
    }
    wr_check_push(c, &in->bound, (void *)(uintptr_t)var);
    wr_check_push(c, &in->bound, (void *)(uintptr_t)c->vars->items[var].type);
    c->vars->items[var].type = type;
}

/* Members of a collection may be anything. */
static void unify_anything(struct infer *in, struct wr_ast_term *t)
{
    for (uint32_t i = 0; i < t->n_items; i++) {
        wr_infer_unify(in, t->items[i], &wr_type_any, true);
    }
}

static bool unify_members(struct infer *in, struct wr_ast_term *t, const struct wr_check_type *type,
                          bool or)
{
    if (t->kind == WR_AST_ARRAY) {
        if (t->n_items != type->n && type->rest == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < t->n_items; i++) {
            if (!wr_infer_unify(in, t->items[i], i < type->n ? type->of[i] : type->rest, or)) {
                return false;
            }
        }
        return true;
    }
    if (t->kind == WR_AST_SET) {
        for (uint32_t i = 0; i < t->n_items; i++) {
            if (!wr_infer_unify(in, t->items[i], type->rest, or)) {
                return false;
            }
        }
        return true;
    }
    if (t->n_items / 2 != type->n && type->rest == NULL) {
        return false;
    }
    for (uint32_t i = 0; i + 1 < t->n_items; i += 2) {
        struct wr_value key = wr_check_constant(in->c, t->items[i]);
        if (key.type == WR_UNDEFINED) {
            wr_infer_unify(in, t->items[i + 1], &wr_type_any, or);
            continue;
        }
        const struct wr_check_type *value = wr_type_select(&in->c->types, type, &key);
        if (value == NULL || !wr_infer_unify(in, t->items[i + 1], value, or)) {
            return false;
        }
    }
    return true;
}

static bool unify_collection(struct infer *in, struct wr_ast_term *t,
                             const struct wr_check_type *type, bool or)
{
    uint8_t kind = t->kind == WR_AST_ARRAY    ? WR_T_ARRAY
                   : t->kind == WR_AST_OBJECT ? WR_T_OBJECT
                                              : WR_T_SET;
    if (type == NULL || (type->kind != kind && type->kind != WR_T_ANY)) {
        return false;
    }
    if (type->kind == kind) {
        return unify_members(in, t, type, or);
    }
    if (type->n == 0) {
        unify_anything(in, t);
        return true;
    }
    bool unifies = false;
    for (uint32_t i = 0; i < type->n && !in->c->stop; i++) {
        unifies |= wr_infer_unify(in, t, type->of[i], true);
    }
    return unifies;
}

bool wr_infer_unify(struct infer *in, struct wr_ast_term *t, const struct wr_check_type *type,
                    bool or)
{
    struct wr_check *c = in->c;
    wr_check_charge(c, 1);
    if (c->stop) {
        return true;
    }
    if (t->kind == WR_AST_ARRAY || t->kind == WR_AST_OBJECT || t->kind == WR_AST_SET) {
        return unify_collection(in, t, type, or);
    }
    if (t->kind != WR_AST_VAR || t->tag >= c->vars->n) {
        return wr_type_unifies(&c->types, wr_infer_type(in, t), type);
    }
    const struct wr_check_type *have = c->vars->items[t->tag].type;
    if (have != NULL && ! or) {
        return wr_type_unifies(&c->types, have, type);
    }
    wr_infer_bind(in, t->tag, or ? wr_type_or(&c->types, have, type) : type);
    return true;
}

/* ── references ─────────────────────────────────────────────────────────────────────────────── */

static struct wr_str type_text(struct infer *in, const struct wr_check_type *t)
{
    struct wr_buf buf = wr_buf_in(in->c->arena, 64);
    wr_type_write(&buf, t);
    return wr_buf_view(&buf);
}

static void add_value(struct infer *in, struct check_list *list, const struct wr_value *v)
{
    uint32_t at = 0;
    while (at < list->n) {
        int order = wr_value_cmp(list->items[at], v);
        if (order == 0) {
            return;
        }
        if (order > 0) {
            break;
        }
        at++;
    }
    wr_check_charge(in->c, at + 1);
    wr_check_push(in->c, list, NULL);
    for (uint32_t i = list->n; i-- > at + 1;) {
        list->items[i] = list->items[i - 1];
    }
    if (at < list->n) {
        list->items[at] = (void *)(uintptr_t)v;
    }
}

static void keys_of_type(struct infer *in, struct check_list *list, const struct wr_check_type *t)
{
    if (t == NULL || in->c->stop) {
        return;
    }
    for (uint32_t i = 0; t->kind == WR_T_OBJECT && i < t->n; i++) {
        add_value(in, list, &t->keys[i]);
    }
    for (uint32_t i = 0; t->kind == WR_T_ANY && i < t->n; i++) {
        keys_of_type(in, list, t->of[i]);
    }
}

struct wrong_item {
    const struct wr_ast_term *ref;
    uint32_t at;
    const struct wr_check_type *have, *want;
    const struct wr_check_type *of; /* whose keys are possible; NULL: those of the node */
    const struct check_node *node;
};

/* {"ref":[..],"pos":N : what both kinds of details begin with. */
static void details_of_ref(struct infer *in, struct wr_buf *json, const struct wr_ast_term *ref,
                           uint32_t at)
{
    struct wr_check *c = in->c;
    wr_buf_str(json, WR_STR("{\"ref\":["));
    for (uint32_t i = 0; i < ref->n_items; i++) {
        struct wr_value v = wr_null();
        wr_buf_str(json, i > 0 ? WR_STR(",") : WR_STR(""));
        wr_ast_term_value(c->arena, wr_check_shown(c, ref->items[i]), &v);
        wr_json_write(json, &v, WR_JSON_HTML_SAFE);
    }
    wr_format(json, "],\"pos\":%u", at);
}

static struct wr_str details_of_item(struct infer *in, const struct wrong_item *w,
                                     const struct check_list *keys)
{
    struct wr_buf json = wr_buf_in(in->c->arena, 128);
    details_of_ref(in, &json, w->ref, w->at);
    if (w->have != NULL) {
        wr_buf_str(&json, WR_STR(",\"have\":"));
        wr_type_write_json(&json, w->have);
    }
    wr_buf_str(&json, WR_STR(",\"want\":"));
    wr_type_write_json(&json, w->want);
    wr_buf_str(&json, keys->n > 0 ? WR_STR(",\"oneOf\":[") : WR_STR(",\"oneOf\":null"));
    for (uint32_t i = 0; i < keys->n; i++) {
        wr_buf_str(&json, i > 0 ? WR_STR(",") : WR_STR(""));
        wr_json_write(&json, keys->items[i], WR_JSON_HTML_SAFE);
    }
    wr_buf_str(&json, keys->n > 0 ? WR_STR("]}") : WR_STR("}"));
    return wr_buf_view(&json);
}

static void wrong_item(struct infer *in, const struct wrong_item *w)
{
    struct wr_check *c = in->c;
    const struct wr_ast_term *ref = w->ref;
    struct wr_str text = wr_check_ref_text(c, ref->items, ref->n_items);
    struct wr_str front = wr_check_ref_text(c, ref->items, w->at);
    int pad = (int)WR_MIN(front.n + 1, 2000);
    struct type_error *e =
        wr_infer_error(in, &ref->items[0]->loc, "undefined ref: %.*s", WR_FMT(text));
    struct check_list keys = {0};
    struct wr_buf item = wr_buf_in(c->arena, 32), list = wr_buf_in(c->arena, 64);
    char *spaces = wr_arena_alloc(c->arena, (size_t)pad + 1, 1);
    if (e == NULL || spaces == NULL) {
        return;
    }
    memset(spaces, ' ', (size_t)pad);
    wr_infer_detail(in, e, "%.*s", WR_FMT(text));
    wr_infer_detail(in, e, "%.*s^", pad, spaces);
    wr_rego_print_term(&item, wr_check_shown(c, ref->items[w->at]));
    struct wr_str have = w->have != NULL ? type_text(in, w->have) : wr_buf_view(&item);
    wr_infer_detail(in, e, "%.*shave%s: %.*s", pad, spaces, w->have != NULL ? " (type)" : "",
                    WR_FMT(have));
    keys_of_type(in, &keys, w->of);
    for (const struct check_node *child = w->node != NULL ? w->node->child : NULL; child != NULL;
         child = child->sibling) {
        add_value(in, &keys, &child->key);
    }
    for (uint32_t i = 0; i < keys.n && list.n < 2000; i++) {
        struct wr_ast_term t = {.kind = WR_AST_SCALAR, .value = *(struct wr_value *)keys.items[i]};
        wr_buf_str(&list, i > 0 ? WR_STR(" ") : WR_STR(""));
        wr_rego_print_term(&list, &t);
    }
    if (keys.n > 0) {
        wr_infer_detail(in, e, "%.*swant (one of): [%.*s]", pad, spaces, (int)list.n, list.p);
    } else {
        struct wr_str want = type_text(in, w->want);
        wr_infer_detail(in, e, "%.*swant (type): %.*s", pad, spaces, WR_FMT(want));
    }
    e->details = details_of_item(in, w, &keys);
}

/* What stands before item `at` has no members. */
static void no_members(struct infer *in, const struct wr_ast_term *ref, uint32_t at,
                       const struct wr_check_type *have)
{
    struct wr_check *c = in->c;
    struct wr_str text = wr_check_ref_text(c, ref->items, ref->n_items);
    struct wr_str front = wr_check_ref_text(c, ref->items, at), type = type_text(in, have);
    struct type_error *e =
        wr_infer_error(in, &ref->items[0]->loc, "undefined ref: %.*s", WR_FMT(text));
    int n = (int)WR_MIN(front.n, 2000);
    char *carets = wr_arena_alloc(c->arena, (size_t)n + 1, 1);
    if (e == NULL || carets == NULL) {
        return;
    }
    memset(carets, '^', (size_t)n);
    wr_infer_detail(in, e, "%.*s", WR_FMT(text));
    wr_infer_detail(in, e, "%.*s", n, carets);
    wr_infer_detail(in, e, "have: %.*s", WR_FMT(type));
    struct wr_buf json = wr_buf_in(c->arena, 128);
    details_of_ref(in, &json, ref, at - 1);
    wr_buf_str(&json, WR_STR(",\"have\":"));
    wr_type_write_json(&json, have);
    wr_buf_char(&json, '}');
    e->details = wr_buf_view(&json);
}

/* An item of a reference against the keys there are. False with an error. */
static bool check_item(struct infer *in, const struct wr_ast_term *ref, uint32_t at,
                       const struct wr_check_type *t, const struct wr_check_type *keys,
                       const struct wr_check_type **next)
{
    struct wr_check *c = in->c;
    struct wr_ast_term *item = ref->items[at];
    struct wrong_item w = {.ref = ref, .at = at, .want = keys, .of = t};
    *next = NULL;
    if (item->kind == WR_AST_VAR || item->kind == WR_AST_REF) {
        w.have = wr_infer_type(in, item);
        if (w.have != NULL && !wr_type_unifies(&c->types, w.have, keys)) {
            wrong_item(in, &w);
            return false;
        }
        if (w.have == NULL && item->kind == WR_AST_VAR) {
            wr_infer_bind(in, item->tag, keys);
        }
    } else if (item->kind == WR_AST_ARRAY || item->kind == WR_AST_OBJECT ||
               item->kind == WR_AST_SET) {
        if (!wr_infer_unify(in, item, keys, false)) {
            w.have = wr_infer_type(in, item);
            w.of = NULL;
            wrong_item(in, &w);
            return false;
        }
    } else {
        struct wr_value key = wr_check_constant(c, item);
        *next = key.type == WR_UNDEFINED ? NULL : wr_type_select(&c->types, t, &key);
        if (*next == NULL) {
            wrong_item(in, &w);
            return false;
        }
        return true;
    }
    *next = wr_type_values(&c->types, t);
    return true;
}

static void check_members(struct infer *in, const struct wr_ast_term *ref, uint32_t at,
                          const struct wr_check_type *t)
{
    for (; at < ref->n_items && !in->c->stop; at++) {
        const struct wr_check_type *keys = wr_type_keys(&in->c->types, t);
        if (keys == NULL) {
            no_members(in, ref, at, t);
            return;
        }
        if (!check_item(in, ref, at, t, keys, &t)) {
            return;
        }
    }
}

/* Items of a reference below data that stand in the tree of types. False with an error. */
static bool check_in_tree(struct infer *in, const struct wr_ast_term *ref,
                          const struct check_node *node, uint32_t at)
{
    struct wr_check *c = in->c;
    struct wr_ast_term *item = ref->items[at];
    struct wrong_item w = {.ref = ref, .at = at, .want = &wr_type_string, .node = node};
    if (at <= 2 && item->kind != WR_AST_VAR && !wr_ast_is_string(item)) {
        w.have = wr_infer_type(in, item);
        wrong_item(in, &w);
        return false;
    }
    if (item->kind == WR_AST_VAR) {
        w.have = wr_infer_type(in, item);
        w.want = wr_type_keys(&c->types, wr_infer_extent(in, node));
        if (w.have != NULL && !wr_type_unifies(&c->types, w.want, w.have)) {
            wrong_item(in, &w);
            return false;
        }
        if (w.have == NULL) {
            wr_infer_bind(in, item->tag, w.want);
        }
    }
    return true;
}

static void check_data_ref(struct infer *in, const struct wr_ast_term *ref)
{
    struct wr_check *c = in->c;
    const struct check_node *node = c->typed.root;
    for (uint32_t i = 1; i < ref->n_items && !c->stop; i++) {
        if (!check_in_tree(in, ref, node, i)) {
            return;
        }
        struct wr_value key = wr_check_constant(c, ref->items[i]);
        node = wr_check_child(&c->typed, node, &key);
        if (node == NULL) {
            check_members(in, ref, 1, &wr_type_any);
            return;
        }
        if (node->type != NULL) {
            check_members(in, ref, i + 1, node->type);
            return;
        }
    }
}

static void check_ref(struct infer *in, struct wr_ast_term *ref)
{
    struct wr_check *c = in->c;
    const struct wr_check_type *whole = wr_infer_ref(in, ref->items, ref->n_items);
    const struct wr_ast_term *head = ref->items[0];
    if (whole != NULL && whole->kind == WR_T_FUNCTION) {
        no_members(in, ref, ref->n_items, whole);
        return;
    }
    const struct wr_check_type *t =
        head->kind == WR_AST_VAR && head->tag < c->vars->n ? c->vars->items[head->tag].type : NULL;
    if (t != NULL) {
        check_members(in, ref, 1, t);
    } else if (head->kind == WR_AST_VAR && head->tag == VAR_DATA && c->typed.root->n_children > 0) {
        check_data_ref(in, ref);
    } else if (head->kind == WR_AST_VAR && head->tag <= VAR_DATA) {
        check_members(in, ref, 1, &wr_type_any);
    } else {
        check_members(in, ref, 0, &wr_type_any);
    }
}

static void check_refs_in_term(struct infer *in, struct wr_ast_term *t)
{
    if (t->kind == WR_AST_SCALAR || t->kind == WR_AST_VAR || t->body != NULL || in->c->stop) {
        return;
    }
    if (t->kind == WR_AST_REF) {
        uint32_t before = in->errors.n;
        check_ref(in, t);
        if (in->errors.n > before && wr_infer_ref(in, t->items, t->n_items) != NULL &&
            wr_infer_ref(in, t->items, t->n_items)->kind == WR_T_FUNCTION) {
            return;
        }
    }
    for (uint32_t i = 0; i < t->n_items; i++) {
        check_refs_in_term(in, t->items[i]);
    }
}

void wr_infer_check_refs(struct infer *in, const struct wr_ast_expr *e)
{
    if (e->kind == WR_AST_EVERY) {
        check_refs_in_term(in, e->domain);
        for (uint32_t i = 0; i < e->body->n && !in->c->stop; i++) {
            wr_infer_check_refs(in, e->body->exprs[i]);
        }
    } else if (wr_check_is_call(e)) {
        for (uint32_t i = 1; i < e->term->n_items; i++) {
            check_refs_in_term(in, e->term->items[i]);
        }
    } else if (e->term != NULL) {
        check_refs_in_term(in, e->term);
    }
}
