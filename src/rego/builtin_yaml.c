/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.*: reading through yaml.h, writing in block style as OPA's writer lays it out: keys in
 * order, lists not indented within maps. Unlike it, long lines are not folded. */
#include "rego/builtin_family.h"
#include "rego/yaml.h"
#include "value/json_write.h"

static wr_err read_yaml(struct wr_builtin_call *call, struct wr_str text, struct wr_value *out)
{
    struct wr_yaml *node = NULL;
    struct wr_yaml_error error = {0};
    WR_TRY(wr_builtin_charge(call, text.n + 16));
    wr_err err = wr_yaml_read(call->arena, text, &node, &error);
    if (err == WR_E_MEMORY) {
        return wr_builtin_no_room(call);
    }
    if (err != WR_OK) {
        return wr_builtin_fail(call, "yaml: line %u: %s", error.line, error.message);
    }
    *out = node == NULL ? wr_null() : wr_yaml_value(call->arena, node);
    if (out->type == WR_UNDEFINED) {
        return wr_arena_failed(call->arena) ? wr_builtin_no_room(call)
                                            : wr_builtin_fail(call, "yaml: a key is no string");
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_yaml_unmarshal)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    return read_yaml(call, wr_text(args[0]), out);
}

WR_BUILTIN_FN(wr_b_yaml_is_valid)
{
    struct wr_value ignored;
    (void)n;
    *out = wr_bool(false);
    if (args[0].type != WR_STRING) {
        return WR_OK;
    }
    struct wr_arena_mark mark = wr_arena_mark(call->arena);
    wr_err err = read_yaml(call, wr_text(args[0]), &ignored);
    wr_arena_rewind(call->arena, mark);
    *out = wr_bool(err == WR_OK);
    return err == WR_OK || err == WR_E_EVAL_BUILTIN ? WR_OK : err;
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */

/* Whether a scalar reads back as this string when it is written without quotes. */
static bool reads_plain(struct wr_builtin_call *call, struct wr_str s)
{
    struct wr_yaml scalar = {.kind = WR_YAML_SCALAR, .plain = true, .text = s};
    (void)call;
    return s.n > 0 && wr_str_eq(wr_str_z(wr_yaml_tag(&scalar)), WR_STR("str"));
}

/* Whether the characters allow a plain scalar at all. */
static bool may_be_plain(struct wr_str s)
{
    if (memchr("-?:,[]{}#&*!|>'\"%@`", s.p[0], 19) != NULL &&
        !(memchr("-?:", s.p[0], 3) != NULL && s.n > 1 && s.p[1] != ' ')) {
        return false;
    }
    if (s.p[0] == ' ' || s.p[s.n - 1] == ' ' || wr_str_eq(s, WR_STR("---")) ||
        wr_str_eq(s, WR_STR("..."))) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        bool colon = s.p[i] == ':' && (i + 1 == s.n || s.p[i + 1] == ' ');
        bool comment = s.p[i] == '#' && i > 0 && s.p[i - 1] == ' ';
        if (colon || comment) {
            return false;
        }
    }
    return true;
}

static bool has_control(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static void indent(struct wr_buf *buf, unsigned spaces)
{
    while (spaces-- > 0) {
        wr_buf_char(buf, ' ');
    }
}

/* Lines as they are, behind "|" and a sign of how many line ends close them. */
static bool write_literal(struct wr_buf *buf, struct wr_str s, unsigned level)
{
    struct wr_str lines = s;
    while (lines.n > 0 && lines.p[lines.n - 1] == '\n') {
        lines.n--;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\n' && ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7f)) {
            return false;
        }
    }
    if (lines.n == 0 || lines.p[0] == ' ' || lines.p[0] == '\n') {
        return false;
    }
    wr_buf_str(buf, s.n == lines.n       ? WR_STR("|-")
                    : s.n == lines.n + 1 ? WR_STR("|")
                                         : WR_STR("|+"));
    size_t at = 0, n = s.n > lines.n ? s.n - 1 : s.n;
    while (at <= n) {
        size_t end = at;
        while (end < n && s.p[end] != '\n') {
            end++;
        }
        wr_buf_char(buf, '\n');
        if (end > at) {
            indent(buf, level + 2);
            wr_buf_add(buf, s.p + at, end - at);
        }
        at = end + 1;
    }
    return true;
}

static void write_string(struct wr_builtin_call *call, struct wr_buf *buf, struct wr_str s,
                         unsigned level)
{
    bool lines = s.n > 0 && memchr(s.p, '\n', s.n) != NULL;
    if (lines && write_literal(buf, s, level)) {
        return;
    }
    if (!reads_plain(call, s) || has_control(s)) {
        wr_json_write_string(buf, s, WR_JSON_COMPACT);
    } else if (may_be_plain(s)) {
        wr_buf_str(buf, s);
    } else {
        wr_buf_char(buf, '\'');
        for (size_t i = 0; i < s.n; i++) {
            wr_buf_add(buf, "''", s.p[i] == '\'' ? 2 : 0);
            wr_buf_add(buf, s.p + i, s.p[i] == '\'' ? 0 : 1);
        }
        wr_buf_char(buf, '\'');
    }
}

static wr_err write_scalar(struct wr_builtin_call *call, struct wr_buf *buf,
                           const struct wr_value *v, unsigned level)
{
    if (v->type == WR_STRING) {
        write_string(call, buf, wr_text(*v), level);
    } else if (v->type == WR_NUMBER) {
        return wr_sprintf(call, buf, WR_STR("%v"), v, 1);
    } else {
        wr_json_write(buf, v, WR_JSON_COMPACT);
    }
    return WR_OK;
}

/* `level`: the column of the entries; the first entry stands where the buffer is. */
static wr_err write_yaml(struct wr_builtin_call *call, struct wr_buf *buf, const struct wr_value *v,
                         unsigned level)
{
    WR_TRY(wr_builtin_deep(call, level / 2));
    WR_TRY(wr_builtin_charge(call, 4));
    WR_TRY(wr_builtin_check(call, buf));
    if (v->type < WR_ARRAY || v->n == 0) {
        return write_scalar(call, buf, v, level);
    }
    for (uint32_t i = 0; i < v->n; i++) {
        const struct wr_value *child = v->type == WR_OBJECT ? &v->pairs[i].value : &v->items[i];
        bool nested = child->type >= WR_ARRAY && child->n > 0;
        if (i > 0) {
            wr_buf_char(buf, '\n');
            indent(buf, level);
        }
        if (v->type != WR_OBJECT) {
            wr_buf_str(buf, WR_STR("- "));
            WR_TRY(write_yaml(call, buf, child, nested ? level + 2 : level));
            continue;
        }
        if (v->pairs[i].key.type == WR_STRING) {
            write_string(call, buf, wr_text(v->pairs[i].key), level);
        } else {
            struct wr_buf key = wr_buf_in(call->arena, 32);
            wr_json_write(&key, &v->pairs[i].key, WR_JSON_COMPACT);
            write_string(call, buf, wr_buf_view(&key), level);
        }
        wr_buf_char(buf, ':');
        if (!nested) {
            wr_buf_char(buf, ' ');
            WR_TRY(write_scalar(call, buf, child, level));
            continue;
        }
        unsigned inner = child->type == WR_OBJECT ? level + 2 : level;
        wr_buf_char(buf, '\n');
        indent(buf, inner);
        WR_TRY(write_yaml(call, buf, child, inner));
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_yaml_marshal)
{
    (void)n;
    struct wr_buf buf = wr_buf_in(call->arena, 64);
    WR_TRY(write_yaml(call, &buf, &args[0], 0));
    wr_buf_char(&buf, '\n');
    return wr_builtin_text(call, &buf, out);
}
