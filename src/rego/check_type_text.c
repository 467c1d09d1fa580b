/* SPDX-License-Identifier: Apache-2.0 */
/* Types as text: into messages, and from the signatures of builtins. */
#include "rego/check_type.h"
#include "value/json_write.h"

#define TEXT_MAX 4096 /* of one type in a message; nothing that people write comes near */

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */

static void write_type(struct wr_buf *buf, const struct wr_check_type *t, size_t end);

static void write_list(struct wr_buf *buf, const struct wr_check_type *t, size_t end)
{
    for (uint32_t i = 0; i < t->n && buf->n < end; i++) {
        wr_buf_str(buf, i > 0 ? WR_STR(", ") : WR_STR(""));
        if (t->keys != NULL) {
            if (t->keys[i].type == WR_STRING) {
                wr_buf_str(buf, wr_text(t->keys[i]));
            } else {
                wr_json_write(buf, &t->keys[i], WR_JSON_COMPACT);
            }
            wr_buf_str(buf, WR_STR(": "));
        } else if (t->names != NULL && t->names[i].n > 0) {
            wr_format(buf, "%.*s: ", WR_FMT(t->names[i]));
        }
        write_type(buf, t->of[i], end);
    }
}

static void write_members(struct wr_buf *buf, const char *name, const struct wr_check_type *t,
                          size_t end)
{
    wr_buf_str(buf, wr_str_z(name));
    if (t->n > 0) {
        wr_buf_char(buf, '<');
        write_list(buf, t, end);
        wr_buf_char(buf, '>');
    }
    if (t->rest != NULL || t->kind == WR_T_SET) {
        wr_buf_char(buf, '[');
        if (t->kind == WR_T_OBJECT) {
            write_type(buf, t->key, end);
            wr_buf_str(buf, WR_STR(": "));
        }
        write_type(buf, t->rest, end);
        wr_buf_char(buf, ']');
    }
}

static void write_type(struct wr_buf *buf, const struct wr_check_type *t, size_t end)
{
    static const char *const names[] = {"null",   "boolean", "number", "string", "array",
                                        "object", "set",     "any",    ""};
    if (buf->n >= end) {
        wr_buf_str(buf, WR_STR("..."));
        return;
    }
    if (t == NULL) {
        wr_buf_str(buf, WR_STR("???"));
        return;
    }
    if (t->kind != WR_T_FUNCTION) {
        write_members(buf, names[t->kind], t, end);
        return;
    }
    wr_buf_char(buf, '(');
    write_list(buf, t, end);
    if (t->key != NULL) {
        wr_buf_str(buf, t->n > 0 ? WR_STR(", ") : WR_STR(""));
        write_type(buf, t->key, end);
        wr_buf_str(buf, WR_STR("..."));
    }
    wr_buf_str(buf, WR_STR(") => "));
    write_type(buf, t->rest, end);
}

void wr_type_write(struct wr_buf *buf, const struct wr_check_type *t)
{
    write_type(buf, t, buf->n + TEXT_MAX);
}

void wr_type_write_arguments(struct wr_buf *buf, const struct wr_check_type *function, bool result)
{
    size_t end = buf->n + TEXT_MAX;
    wr_buf_char(buf, '(');
    write_list(buf, function, end);
    if (result && function->rest != NULL) {
        wr_buf_str(buf, function->n > 0 ? WR_STR(", ") : WR_STR(""));
        if (function->names != NULL && function->names[function->n].n > 0) {
            wr_format(buf, "%.*s: ", WR_FMT(function->names[function->n]));
        }
        write_type(buf, function->rest, end);
    }
    if (function->key != NULL) {
        wr_buf_str(buf, function->n > 0 ? WR_STR(", ") : WR_STR(""));
        write_type(buf, function->key, end);
        wr_buf_str(buf, WR_STR("..."));
    }
    wr_buf_char(buf, ')');
}

/* ── as JSON ────────────────────────────────────────────────────────────────────────────────── */

static void json_type(struct wr_buf *buf, const struct wr_check_type *t, struct wr_str name,
                      const char *note, size_t end);

static void json_list(struct wr_buf *buf, const struct wr_check_type *t, size_t end)
{
    wr_buf_char(buf, '[');
    for (uint32_t i = 0; i < t->n; i++) {
        wr_buf_str(buf, i > 0 ? WR_STR(",") : WR_STR(""));
        if (t->keys != NULL) {
            wr_buf_str(buf, WR_STR("{\"key\":"));
            wr_json_write(buf, &t->keys[i], WR_JSON_HTML_SAFE);
            wr_buf_str(buf, WR_STR(",\"value\":"));
        }
        json_type(buf, t->of[i], (struct wr_str){0}, NULL, end);
        wr_buf_str(buf, t->keys != NULL ? WR_STR("}") : WR_STR(""));
    }
    wr_buf_char(buf, ']');
}

/* Members in order of their names. */
static void json_type(struct wr_buf *buf, const struct wr_check_type *t, struct wr_str name,
                      const char *note, size_t end)
{
    static const char *const names[] = {"null",   "boolean", "number", "string",  "array",
                                        "object", "set",     "any",    "function"};
    if (t == NULL || buf->n >= end) {
        wr_buf_str(buf, WR_STR("null"));
        return;
    }
    wr_buf_char(buf, '{');
    if (note != NULL) {
        wr_format(buf, "\"description\":\"%s\",", note);
    }
    if (t->rest != NULL && t->kind == WR_T_ARRAY) {
        wr_buf_str(buf, WR_STR("\"dynamic\":"));
        json_type(buf, t->rest, (struct wr_str){0}, NULL, end);
        wr_buf_char(buf, ',');
    } else if (t->rest != NULL && t->kind == WR_T_OBJECT) {
        wr_buf_str(buf, WR_STR("\"dynamic\":{\"key\":"));
        json_type(buf, t->key, (struct wr_str){0}, NULL, end);
        wr_buf_str(buf, WR_STR(",\"value\":"));
        json_type(buf, t->rest, (struct wr_str){0}, NULL, end);
        wr_buf_str(buf, WR_STR("},"));
    }
    if (name.n > 0) {
        wr_buf_str(buf, WR_STR("\"name\":"));
        wr_json_write_string(buf, name, WR_JSON_HTML_SAFE);
        wr_buf_char(buf, ',');
    }
    if (t->kind == WR_T_SET || (t->kind == WR_T_ANY && t->n > 0)) {
        wr_buf_str(buf, WR_STR("\"of\":"));
        if (t->kind == WR_T_SET) {
            json_type(buf, t->rest, (struct wr_str){0}, NULL, end);
        } else {
            json_list(buf, t, end);
        }
        wr_buf_char(buf, ',');
    } else if (t->n > 0 && t->kind != WR_T_FUNCTION) {
        wr_buf_str(buf, WR_STR("\"static\":"));
        json_list(buf, t, end);
        wr_buf_char(buf, ',');
    }
    if (t->kind == WR_T_FUNCTION) {
        wr_buf_str(buf, WR_STR("\"args\":"));
        json_list(buf, t, end);
        wr_buf_str(buf, WR_STR(",\"result\":"));
        json_type(buf, t->rest, (struct wr_str){0}, NULL, end);
        wr_buf_char(buf, ',');
    }
    wr_format(buf, "\"type\":\"%s\"}", names[t->kind]);
}

void wr_type_write_json(struct wr_buf *buf, const struct wr_check_type *t)
{
    json_type(buf, t, (struct wr_str){0}, NULL, buf->n + TEXT_MAX);
}

void wr_type_write_arguments_json(struct wr_buf *buf, const struct wr_check_type *function,
                                  bool result, const char *note)
{
    size_t end = buf->n + TEXT_MAX;
    const struct wr_str *names = function->names, none = {0};
    uint32_t n = function->n + (result && function->rest != NULL);
    wr_buf_str(buf, n > 0 ? WR_STR("{\"args\":[") : WR_STR("{"));
    for (uint32_t i = 0; i < n; i++) {
        wr_buf_str(buf, i > 0 ? WR_STR(",") : WR_STR(""));
        json_type(buf, i < function->n ? function->of[i] : function->rest,
                  names != NULL ? names[i] : none, i == function->n ? note : NULL, end);
    }
    wr_buf_str(buf, n > 0 ? WR_STR("]") : WR_STR(""));
    if (function->key != NULL) {
        wr_buf_str(buf, n > 0 ? WR_STR(",\"variadic\":") : WR_STR("\"variadic\":"));
        json_type(buf, function->key, none, NULL, end);
    }
    wr_buf_char(buf, '}');
}

/* ── reading signatures ─────────────────────────────────────────────────────────────────────── */

#define PARTS_MAX 24 /* arguments, alternatives or members in the table of builtins */

struct reader {
    struct wr_check_types *ts;
    struct wr_str text;
    size_t at;
};

static bool take(struct reader *r, const char *token)
{
    struct wr_str rest = wr_str_of(r->text.p + r->at, r->text.n - r->at);
    if (!wr_str_starts(rest, wr_str_z(token))) {
        return false;
    }
    r->at += strlen(token);
    return true;
}

static const struct wr_check_type *read_type(struct reader *r);

static const struct wr_check_type **copy_list(struct reader *r,
                                              const struct wr_check_type *const *list, uint32_t n)
{
    const struct wr_check_type **copy = WR_NEW_ARRAY(r->ts->arena, const struct wr_check_type *, n);
    if (copy == NULL) {
        r->ts->no_room = true;
        return NULL;
    }
    if (n > 0) {
        memcpy(copy, list, n * sizeof(copy[0]));
    }
    return copy;
}

static bool is_name_char(char c)
{
    return c == '_' || c == ' ' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

/* A name and ": "; empty when there is none. */
static struct wr_str read_name(struct reader *r)
{
    size_t end = r->at;
    while (end < r->text.n && is_name_char(r->text.p[end])) {
        end++;
    }
    if (end + 1 >= r->text.n || r->text.p[end] != ':' || r->text.p[end + 1] != ' ') {
        return (struct wr_str){0};
    }
    struct wr_str name = wr_str_of(r->text.p + r->at, end - r->at);
    r->at = end + 2;
    return name;
}

static const struct wr_check_type *read_array(struct reader *r)
{
    const struct wr_check_type *of[PARTS_MAX], *rest = NULL;
    uint32_t n = 0;
    if (take(r, "<")) {
        do {
            of[n++] = read_type(r);
        } while (take(r, ", ") && n < PARTS_MAX);
        take(r, ">");
    }
    if (take(r, "[")) {
        rest = read_type(r);
        take(r, "]");
    }
    const struct wr_check_type **list = copy_list(r, of, n);
    return list == NULL ? &wr_type_any : wr_type_array(r->ts, list, n, rest);
}

static const struct wr_check_type *read_object(struct reader *r)
{
    const struct wr_check_type *of[PARTS_MAX], *key = NULL, *rest = NULL;
    struct wr_value *keys = WR_NEW_ARRAY(r->ts->arena, struct wr_value, PARTS_MAX);
    uint32_t n = 0;
    if (keys == NULL) {
        r->ts->no_room = true;
        return &wr_type_any;
    }
    if (take(r, "<")) {
        do {
            keys[n] = wr_string(read_name(r));
            of[n++] = read_type(r);
        } while (take(r, ", ") && n < PARTS_MAX);
        take(r, ">");
    }
    if (take(r, "[")) {
        key = read_type(r);
        take(r, ": ");
        rest = read_type(r);
        take(r, "]");
    }
    const struct wr_check_type **list = copy_list(r, of, n);
    return list == NULL ? &wr_type_any : wr_type_object(r->ts, keys, list, n, key, rest);
}

static const struct wr_check_type *read_set(struct reader *r)
{
    const struct wr_check_type *of = &wr_type_any;
    if (take(r, "[")) {
        of = read_type(r);
        take(r, "]");
    }
    return wr_type_set(r->ts, of);
}

static const struct wr_check_type *read_one(struct reader *r)
{
    if (take(r, "null")) {
        return &wr_type_null;
    }
    if (take(r, "boolean")) {
        return &wr_type_boolean;
    }
    if (take(r, "number")) {
        return &wr_type_number;
    }
    if (take(r, "string")) {
        return &wr_type_string;
    }
    if (take(r, "array")) {
        return read_array(r);
    }
    if (take(r, "object")) {
        return read_object(r);
    }
    if (take(r, "set")) {
        return read_set(r);
    }
    const struct wr_check_type *one = &wr_type_any;
    if (take(r, "any") && take(r, "<")) { /* any of one */
        one = wr_type_alternatives(r->ts, read_one(r));
        take(r, ">");
    }
    return one;
}

static const struct wr_check_type *read_type(struct reader *r)
{
    const struct wr_check_type *t = read_one(r);
    while (take(r, " | ")) {
        t = wr_type_or(r->ts, t, read_one(r));
    }
    return t;
}

const struct wr_check_type *wr_type_parse_signature(struct wr_check_types *ts, struct wr_str text)
{
    struct reader r = {ts, text, 0};
    struct wr_check_type function = {.kind = WR_T_FUNCTION, .depth = 1};
    const struct wr_check_type *args[PARTS_MAX];
    struct wr_str *names = WR_NEW_ARRAY(ts->arena, struct wr_str, PARTS_MAX + 1);
    struct wr_check_type *out = WR_NEW(ts->arena, struct wr_check_type);
    if (names == NULL || out == NULL) {
        ts->no_room = true;
        return NULL;
    }
    take(&r, "(");
    while (r.at < text.n && !take(&r, ")") && function.n < PARTS_MAX) {
        if (take(&r, "...")) {
            function.key = read_type(&r);
        } else {
            names[function.n] = read_name(&r);
            args[function.n++] = read_type(&r);
        }
        take(&r, ", ");
    }
    if (take(&r, " => ")) {
        names[function.n] = read_name(&r);
        function.rest = read_type(&r);
    }
    function.of = copy_list(&r, args, function.n);
    function.names = names;
    *out = function;
    return function.of != NULL ? out : NULL;
}
