/* SPDX-License-Identifier: Apache-2.0 */
/* Writing base documents over OPA's API: PUT, PATCH and DELETE /v1/data. */
#include "shell/opa.h"

#include "value/json_write.h"

/* ── edits ──────────────────────────────────────────────────────────────────────────────────── */
static void write_store_path(struct wr_buf *out, const struct wr_str *path, size_t n)
{
    wr_buf_str(out, n == 0 ? WR_STR("/") : WR_STR(""));
    for (size_t i = 0; i < n; i++) {
        wr_buf_char(out, '/');
        for (size_t k = 0; k < path[i].n; k++) { /* as url.PathEscape has it */
            char c = path[i].p[k];
            bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                         (c != 0 && memchr("-_.~$&+=:@", c, 10) != NULL);
            wr_format(out, plain ? "%c" : "%%%02X", (unsigned char)c);
        }
    }
}

static enum wr_opa_outcome missing(struct wr_buf *message, const struct wr_str *path, size_t n,
                                   const char *why)
{
    wr_buf_str(message, WR_STR("storage_not_found_error: "));
    write_store_path(message, path, n);
    wr_format(message, ": %s", why);
    return WR_OPA_MISSING;
}

/* A whole number as Go's Atoi reads it; false: it is none. */
static bool read_index(struct wr_str s, int64_t *out)
{
    size_t at = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
    int64_t v = 0;
    if (s.n == at || s.n > 15) {
        return false;
    }
    for (size_t i = at; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        v = v * 10 + (s.p[i] - '0');
    }
    *out = s.p[0] == '-' ? -v : v;
    return true;
}

static const struct wr_value *element(const struct wr_value *array, const struct wr_str *path,
                                      size_t n, size_t at, struct wr_buf *message)
{
    int64_t i;
    bool number = read_index(path[at], &i);
    if (!number || i < 0 || i >= array->n) {
        missing(message, path, n,
                number ? "array index out of range" : "array index must be integer");
        return NULL;
    }
    return &array->items[i];
}

/* One step down, or NULL with the message written. */
static const struct wr_value *step(const struct wr_value *at, const struct wr_str *path, size_t n,
                                   size_t i, struct wr_buf *message)
{
    if (at->type == WR_ARRAY) {
        return element(at, path, n, i, message);
    }
    const struct wr_value *next = at->type == WR_OBJECT ? wr_object_get_str(at, path[i]) : NULL;
    if (next == NULL) {
        missing(message, path, n, "document does not exist");
    }
    return next;
}

const struct wr_value *wr_opa_read(const struct wr_value *root, const struct wr_str *path, size_t n,
                                   struct wr_buf *message)
{
    for (size_t i = 0; i < n && root != NULL; i++) {
        root = step(root, path, n, i, message);
    }
    return root;
}

/* An object with a key set, replaced or gone; undefined without room. */
static struct wr_value with_key(struct wr_arena *arena, const struct wr_value *object,
                                struct wr_str key, const struct wr_value *value)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, (size_t)object->n + 1);
    size_t n = 0;
    if (pairs == NULL) {
        return wr_undefined();
    }
    for (uint32_t i = 0; i < object->n; i++) {
        if (!wr_str_eq(wr_text(object->pairs[i].key), key)) {
            pairs[n++] = object->pairs[i];
        }
    }
    if (value != NULL) {
        struct wr_str kept = wr_str_copy(arena, key);
        pairs[n++] = (struct wr_pair){wr_string(kept), *value};
    }
    return wr_object_from(pairs, n);
}

/* An array without `cut` items at `at`, and with a value put there if there is one. */
static struct wr_value with_item(struct wr_arena *arena, const struct wr_value *array, size_t at,
                                 size_t cut, const struct wr_value *value)
{
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, (size_t)array->n + 1);
    size_t n = 0;
    if (items == NULL) {
        return wr_undefined();
    }
    for (size_t i = 0; i <= array->n; i++) {
        if (i == at && value != NULL) {
            items[n++] = *value;
        }
        if (i < array->n && (i < at || i >= at + cut)) {
            items[n++] = array->items[i];
        }
    }
    return wr_array(items, n);
}

static enum wr_opa_outcome edit_array(struct wr_arena *arena, const struct wr_value *array,
                                      enum wr_opa_edit edit, const struct wr_str *path, size_t n,
                                      const struct wr_value *value, struct wr_value *out,
                                      struct wr_buf *message)
{
    struct wr_str last = path[n - 1];
    int64_t i;
    if (wr_str_eq(last, WR_STR("-")) || (read_index(last, &i) && i == array->n)) {
        if (edit != WR_OPA_ADD) {
            wr_buf_str(message, WR_STR("storage_invalid_patch_error: "));
            write_store_path(message, path, n);
            wr_buf_str(message, WR_STR(": invalid patch path"));
            return WR_OPA_INVALID;
        }
        *out = with_item(arena, array, array->n, 0, value);
        return WR_OPA_DONE;
    }
    const struct wr_value *old = element(array, path, n, n - 1, message);
    if (old == NULL) {
        return WR_OPA_MISSING;
    }
    *out = with_item(arena, array, (size_t)(old - array->items), edit != WR_OPA_ADD,
                     edit != WR_OPA_REMOVE ? value : NULL);
    return WR_OPA_DONE;
}

static enum wr_opa_outcome edit_leaf(struct wr_arena *arena, const struct wr_value *parent,
                                     enum wr_opa_edit edit, const struct wr_str *path, size_t n,
                                     const struct wr_value *value, struct wr_value *out,
                                     struct wr_buf *message)
{
    if (parent->type == WR_ARRAY) {
        return edit_array(arena, parent, edit, path, n, value, out, message);
    }
    if (parent->type != WR_OBJECT ||
        (edit != WR_OPA_ADD && wr_object_get_str(parent, path[n - 1]) == NULL)) {
        return missing(message, path, n, "document does not exist");
    }
    *out = with_key(arena, parent, path[n - 1], edit != WR_OPA_REMOVE ? value : NULL);
    return WR_OPA_DONE;
}

static enum wr_opa_outcome edit_root(struct wr_value *root, enum wr_opa_edit edit,
                                     struct wr_value value, struct wr_buf *message)
{
    if (edit == WR_OPA_REMOVE || value.type != WR_OBJECT) {
        wr_format(message, "storage_invalid_patch_error: root %s",
                  edit == WR_OPA_REMOVE ? "cannot be removed" : "must be object");
        return WR_OPA_INVALID;
    }
    *root = value;
    return WR_OPA_DONE;
}

enum wr_opa_outcome wr_opa_edit(struct wr_opa *opa, struct wr_value *root, enum wr_opa_edit edit,
                                const struct wr_str *path, size_t n, struct wr_value value,
                                struct wr_buf *message)
{
    struct wr_arena *arena = &opa->documents->arena;
    const struct wr_value *above[WR_LIMIT_OPA_SEGMENTS + 1] = {root};
    struct wr_value kept = wr_value_copy(arena, value), changed;
    if (n == 0) {
        return wr_arena_failed(arena) ? WR_OPA_NO_ROOM : edit_root(root, edit, kept, message);
    }
    WR_ASSERT(n <= WR_LIMIT_OPA_SEGMENTS);
    for (size_t i = 0; i + 1 < n; i++) {
        above[i + 1] = step(above[i], path, n, i, message);
        if (above[i + 1] == NULL) {
            return WR_OPA_MISSING;
        }
    }
    enum wr_opa_outcome outcome =
        edit_leaf(arena, above[n - 1], edit, path, n, &kept, &changed, message);
    for (size_t i = n - 1; i-- > 0 && outcome == WR_OPA_DONE;) { /* rebuild upwards */
        const struct wr_value *parent = above[i];
        size_t at = (size_t)(above[i + 1] - parent->items);
        changed = parent->type == WR_ARRAY ? with_item(arena, parent, at, 1, &changed)
                                           : with_key(arena, parent, path[i], &changed);
    }
    if (wr_arena_failed(arena)) {
        return WR_OPA_NO_ROOM;
    }
    *root = outcome == WR_OPA_DONE ? changed : *root;
    return outcome;
}

enum wr_opa_outcome wr_opa_make_parents(struct wr_opa *opa, struct wr_value *root,
                                        const struct wr_str *path, size_t n, struct wr_buf *message)
{
    char room[WR_LIMIT_OPA_PATH];
    for (size_t depth = 1; depth < n; depth++) {
        struct wr_buf ignored = wr_buf_fixed(room, sizeof room);
        const struct wr_value *v = wr_opa_read(root, path, depth, &ignored);
        if (v != NULL && v->type == WR_OBJECT) {
            continue;
        }
        const struct wr_value *above = wr_opa_read(root, path, depth - 1, &ignored);
        if (v != NULL || above == NULL || above->type != WR_OBJECT) {
            wr_buf_str(message, WR_STR("storage_write_conflict_error: "));
            write_store_path(message, path, v != NULL ? depth : depth - 1);
            return WR_OPA_CONFLICT;
        }
        enum wr_opa_outcome made =
            wr_opa_edit(opa, root, WR_OPA_ADD, path, depth, wr_object_from(NULL, 0), message);
        if (made != WR_OPA_DONE) {
            return made;
        }
    }
    return WR_OPA_DONE;
}

/* ── requests ───────────────────────────────────────────────────────────────────────────────── */
struct write {
    struct wr_opa_call *call;
    struct wr_arena_mark mark; /* of the documents' arena, to go back to */
    struct wr_value root;
    struct wr_str path[WR_LIMIT_OPA_SEGMENTS];
    size_t n;
    struct wr_buf message;
};

static bool begin(struct write *w, struct wr_opa_call *call)
{
    *w = (struct write){.call = call,
                        .mark = wr_arena_mark(&call->opa->documents->arena),
                        .root = call->opa->documents->root,
                        .message = wr_buf_in(&call->server->scratch, 256)};
    if (!wr_opa_segments(call, call->path, w->path, &w->n)) {
        wr_opa_fail(call, 400, "invalid_parameter", "bad path: %.*s", WR_FMT(call->path));
        return false;
    }
    return true;
}

/* Answers a write that failed, and forgets what it made. */
static void refuse(struct write *w, enum wr_opa_outcome outcome)
{
    struct wr_opa *opa = w->call->opa;
    wr_arena_rewind(&opa->documents->arena, w->mark);
    opa->documents->arena.failed = false;
    if (outcome == WR_OPA_NO_ROOM) {
        wr_opa_fail(w->call, 413, "invalid_parameter",
                    "the documents of this server would outgrow their limit");
        return;
    }
    wr_opa_fail(w->call, outcome == WR_OPA_INVALID ? 400 : 404,
                outcome == WR_OPA_INVALID    ? "invalid_parameter"
                : outcome == WR_OPA_CONFLICT ? "resource_conflict"
                                             : "resource_not_found",
                "%.*s", (int)w->message.n, w->message.p);
}

static bool owned(struct write *w, const struct wr_str *path, size_t n)
{
    if (!wr_opa_is_owned(w->call->opa, path, n, &w->message)) {
        return false;
    }
    refuse(w, WR_OPA_INVALID);
    return true;
}

static void commit(struct write *w)
{
    struct wr_opa_call *call = w->call;
    struct wr_rego_errors errors;
    wr_rego_errors_init(&errors, &call->server->scratch);
    if (wr_opa_commit(call->opa, w->root, &errors) != WR_OK) {
        wr_rego_errors_write(&w->message, &errors);
        refuse(w, WR_OPA_INVALID);
        return;
    }
    if (!call->metrics) {
        wr_opa_reply(call, 204, WR_STR(""), WR_STR(""));
        return;
    }
    struct wr_buf json = wr_buf_in(&call->server->scratch, 256);
    wr_opa_figure(call, "timer_server_handler_ns", wr_opa_now_ns(call) - call->begun_ns);
    wr_buf_char(&json, '{');
    wr_opa_write_metrics(&json, call);
    wr_buf_char(&json, '}');
    wr_opa_document(call, 200, wr_buf_view(&json), false);
}

/* The body as JSON; false when it has answered. */
static bool read_value(struct wr_opa_call *call, struct wr_value *out)
{
    struct wr_buf message = wr_buf_in(&call->server->scratch, 256);
    int64_t before = wr_opa_now_ns(call);
    bool good = wr_opa_read_json(call, call->request->body, out, &message);
    if (!good) {
        wr_opa_fail(call, 400, "invalid_parameter", "%.*s", (int)message.n, message.p);
    }
    wr_opa_figure(call, "timer_rego_input_parse_ns", wr_opa_now_ns(call) - before);
    return good;
}

void wr_opa_put_data(struct wr_opa_call *call)
{
    struct write w;
    struct wr_value value;
    char room[WR_LIMIT_OPA_PATH];
    struct wr_buf ignored = wr_buf_fixed(room, sizeof room);
    if (!read_value(call, &value) || !begin(&w, call) || owned(&w, w.path, w.n)) {
        return;
    }
    struct wr_str unless = call->request->head->known[WR_H1_IF_NONE_MATCH];
    if (wr_opa_read(&w.root, w.path, w.n, &ignored) != NULL) {
        if (unless.p != NULL && wr_str_eq(unless, WR_STR("*"))) {
            wr_opa_reply(call, 304, WR_STR(""), WR_STR(""));
            return;
        }
    }
    enum wr_opa_outcome outcome = wr_opa_make_parents(call->opa, &w.root, w.path, w.n, &w.message);
    if (outcome == WR_OPA_DONE) {
        outcome = wr_opa_edit(call->opa, &w.root, WR_OPA_ADD, w.path, w.n, value, &w.message);
    }
    if (outcome != WR_OPA_DONE) {
        refuse(&w, outcome);
        return;
    }
    commit(&w);
}

void wr_opa_delete_data(struct wr_opa_call *call)
{
    struct write w;
    if (!begin(&w, call) || owned(&w, w.path, w.n)) {
        return;
    }
    if (wr_opa_read(&w.root, w.path, w.n, &w.message) == NULL) {
        refuse(&w, WR_OPA_MISSING);
        return;
    }
    enum wr_opa_outcome outcome =
        wr_opa_edit(call->opa, &w.root, WR_OPA_REMOVE, w.path, w.n, wr_null(), &w.message);
    if (outcome != WR_OPA_DONE) {
        refuse(&w, outcome);
        return;
    }
    commit(&w);
}

/* ── patches (RFC 6902, as far as OPA goes) ─────────────────────────────────────────────────── */
/* ~1 and ~0 of a JSON pointer, in place: the segment lies in the scratch arena. */
static struct wr_str unpointer(struct wr_opa_call *call, struct wr_str s)
{
    char *out = wr_arena_alloc(&call->server->scratch, s.n, 1);
    size_t n = 0;
    for (size_t i = 0; out != NULL && i < s.n; i++) {
        bool escape = s.p[i] == '~' && i + 1 < s.n && (s.p[i + 1] == '0' || s.p[i + 1] == '1');
        out[n++] = !escape ? s.p[i] : s.p[i + 1] == '1' ? '/' : '~';
        i += escape;
    }
    return out != NULL ? wr_str_of(out, n) : s;
}

static struct wr_str text_of(const struct wr_value *op, const char *name)
{
    const struct wr_value *v = wr_object_get_str(op, wr_str_z(name));
    return v != NULL && v->type == WR_STRING ? wr_text(*v) : WR_STR("");
}

static enum wr_opa_outcome bad_operation(struct write *w, struct wr_str op)
{
    wr_format(&w->message, "bad patch operation: %.*s", WR_FMT(op));
    return WR_OPA_INVALID;
}

static enum wr_opa_outcome apply(struct write *w, const struct wr_value *op)
{
    struct wr_str more[WR_LIMIT_OPA_SEGMENTS], kind = text_of(op, "op"),
                                               pointer = text_of(op, "path");
    const struct wr_value *value = wr_object_get_str(op, WR_STR("value"));
    size_t n = w->n, n_more;
    enum wr_opa_edit edit = WR_OPA_ADD;
    if (wr_str_eq(kind, WR_STR("remove"))) {
        edit = WR_OPA_REMOVE;
    } else if (wr_str_eq(kind, WR_STR("replace"))) {
        edit = WR_OPA_REPLACE;
    } else if (!wr_str_eq(kind, WR_STR("add"))) {
        return bad_operation(w, kind);
    }
    if (!wr_opa_segments(w->call, pointer, more, &n_more) || n + n_more > WR_LIMIT_OPA_SEGMENTS) {
        wr_format(&w->message, "bad patch path: %.*s", WR_FMT(pointer));
        return WR_OPA_INVALID;
    }
    for (size_t i = 0; i < n_more; i++) {
        w->path[n++] = unpointer(w->call, more[i]);
    }
    if (wr_opa_is_owned(w->call->opa, w->path, n, &w->message)) {
        return WR_OPA_INVALID;
    }
    return wr_opa_edit(w->call->opa, &w->root, edit, w->path, n, value != NULL ? *value : wr_null(),
                       &w->message);
}

/* OPA looks at every operation's name before it does the first. */
static enum wr_opa_outcome check_operations(struct write *w, const struct wr_value *ops)
{
    for (uint32_t i = 0; i < ops->n; i++) {
        struct wr_str kind = text_of(&ops->items[i], "op");
        if (!wr_str_eq(kind, WR_STR("add")) && !wr_str_eq(kind, WR_STR("remove")) &&
            !wr_str_eq(kind, WR_STR("replace"))) {
            return bad_operation(w, kind);
        }
    }
    return WR_OPA_DONE;
}

static bool read_patches(struct wr_opa_call *call, struct wr_value *ops)
{
    if (!read_value(call, ops)) {
        return false;
    }
    if (ops->type == WR_NULL) {
        *ops = wr_array(NULL, 0);
    }
    const struct wr_value *odd = ops->type != WR_ARRAY ? ops : NULL;
    const char *type = "[]types.PatchV1";
    for (uint32_t i = 0; odd == NULL && i < ops->n; i++) {
        odd = ops->items[i].type != WR_OBJECT ? &ops->items[i] : NULL;
        type = "types.PatchV1";
    }
    if (odd != NULL) {
        wr_opa_fail(call, 400, "invalid_parameter",
                    "json: cannot unmarshal %s into Go value of type %s", wr_opa_go_type(odd),
                    type);
        return false;
    }
    if (ops->n > WR_LIMIT_OPA_PATCHES) {
        wr_opa_fail(call, 400, "invalid_parameter", "more than %u operations",
                    WR_LIMIT_OPA_PATCHES);
        return false;
    }
    return true;
}

void wr_opa_patch_data(struct wr_opa_call *call)
{
    struct write w;
    struct wr_value ops;
    if (!read_patches(call, &ops) || !begin(&w, call)) {
        return;
    }
    enum wr_opa_outcome outcome = check_operations(&w, &ops);
    for (uint32_t i = 0; i < ops.n && outcome == WR_OPA_DONE; i++) {
        outcome = apply(&w, &ops.items[i]);
    }
    if (outcome != WR_OPA_DONE) {
        refuse(&w, outcome);
        return;
    }
    commit(&w);
}
