/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648), hex, URL queries (as Go's net/url reads and writes them), JSON. */
#include "rego/builtin_family.h"
#include "rego/rego.h"
#include "value/json_read.h"
#include "value/json_write.h"

static wr_err want_text(struct wr_builtin_call *call, const struct wr_value *args,
                        struct wr_str *text)
{
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    *text = wr_text(args[0]);
    return wr_builtin_charge(call, text->n / 4 + 1);
}

/* ── base64 ─────────────────────────────────────────────────────────────────────────────────── */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

void wr_base64_write(struct wr_buf *buf, struct wr_str bytes, bool url, bool pad)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t have = WR_MIN(bytes.n - i, 3u);
        uint32_t v = (uint32_t)p[i] << 16;
        v |= have > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        v |= have > 2 ? (uint32_t)p[i + 2] : 0;
        for (size_t k = 0; k < 4; k++) {
            uint32_t digit = v >> (18 - 6 * k) & 63;
            if (k > have) {
                wr_buf_add(buf, "=", pad ? 1 : 0);
            } else if (digit < 62) {
                wr_buf_char(buf, alphabet[digit]);
            } else {
                wr_buf_char(buf, digit == 62 ? (url ? '-' : '+') : (url ? '_' : '/'));
            }
        }
    }
}

static int base64_digit(char c, bool url)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == (url ? '-' : '+')) {
        return 62;
    }
    return c == (url ? '_' : '/') ? 63 : -1;
}

/* What may follow a '=' that is the k-th of its group of four. */
static bool padding_ends(struct wr_str text, size_t at, unsigned k, size_t *bad)
{
    *bad = at;
    if (k < 2) {
        return false;
    }
    at++;
    for (unsigned want = 3 - k; want > 0; at++) {
        bool skip = at < text.n && (text.p[at] == '\n' || text.p[at] == '\r');
        if (!skip && (at >= text.n || text.p[at] != '=')) {
            *bad = WR_MIN(at, text.n);
            return false;
        }
        want -= skip ? 0 : 1;
    }
    while (at < text.n && (text.p[at] == '\n' || text.p[at] == '\r')) {
        at++;
    }
    *bad = at;
    return at == text.n;
}

bool wr_base64_read(struct wr_buf *buf, struct wr_str text, bool url, bool pad, size_t *bad)
{
    uint32_t v = 0;
    unsigned k = 0; /* digits of the group so far */
    size_t group = 0;
    for (size_t at = 0; at < text.n; at++) {
        char c = text.p[at];
        if (c == '\n' || c == '\r') {
            continue;
        }
        group = k == 0 ? at : group;
        if (c == '=' && pad) {
            if (!padding_ends(text, at, k, bad)) {
                return false;
            }
            wr_buf_char(buf, (char)(k == 2 ? v >> 4 : v >> 10));
            wr_buf_add(buf, (char[]){(char)(v >> 2)}, k == 3 ? 1 : 0);
            return true;
        }
        int digit = base64_digit(c, url);
        if (digit < 0) {
            *bad = at;
            return false;
        }
        v = (v << 6 | (uint32_t)digit) & 0xffffff;
        if (++k == 4) {
            char bytes[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
            wr_buf_add(buf, bytes, 3);
            k = 0;
            v = 0;
        }
    }
    *bad = pad ? text.n - k : group;
    if (k == 0) {
        return true;
    }
    if (pad || k == 1) {
        return false;
    }
    wr_buf_char(buf, (char)(k == 2 ? v >> 4 : v >> 10));
    wr_buf_add(buf, (char[]){(char)(v >> 2)}, k == 3 ? 1 : 0);
    return true;
}

static wr_err base64_encode(struct wr_builtin_call *call, const struct wr_value *args, bool url,
                            bool pad, struct wr_value *out)
{
    struct wr_str text;
    WR_TRY(want_text(call, args, &text));
    struct wr_buf buf = wr_buf_in(call->arena, text.n / 3 * 4 + 8);
    wr_base64_write(&buf, text, url, pad);
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_base64_encode)
{
    (void)n;
    return base64_encode(call, args, false, true, out);
}

WR_BUILTIN_FN(wr_b_base64url_encode)
{
    (void)n;
    return base64_encode(call, args, true, true, out);
}

WR_BUILTIN_FN(wr_b_base64url_encode_no_pad)
{
    (void)n;
    return base64_encode(call, args, true, false, out);
}

static wr_err base64_decode(struct wr_builtin_call *call, const struct wr_value *args, bool url,
                            struct wr_value *out)
{
    struct wr_str text;
    size_t bad;
    WR_TRY(want_text(call, args, &text));
    struct wr_buf buf = wr_buf_in(call->arena, text.n / 4 * 3 + 8);
    bool pad = !url || (text.n > 0 && text.p[text.n - 1] == '=');
    if (url && !pad && text.n % 4 == 1) {
        return wr_builtin_fail(call, "illegal base64url string: %.*s", (int)WR_MIN(text.n, 200),
                               text.p);
    }
    if (!wr_base64_read(&buf, text, url, pad, &bad)) {
        return wr_builtin_fail(call, "illegal base64 data at input byte %zu", bad);
    }
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_base64_decode)
{
    (void)n;
    return base64_decode(call, args, false, out);
}

WR_BUILTIN_FN(wr_b_base64url_decode)
{
    (void)n;
    return base64_decode(call, args, true, out);
}

WR_BUILTIN_FN(wr_b_base64_is_valid)
{
    size_t bad;
    (void)n;
    *out = wr_bool(false);
    if (args[0].type == WR_STRING) {
        struct wr_buf buf = wr_buf_in(call->arena, args[0].n + 8);
        WR_TRY(wr_builtin_charge(call, args[0].n / 4 + 1));
        *out = wr_bool(wr_base64_read(&buf, wr_text(args[0]), false, true, &bad));
    }
    return WR_OK;
}

/* ── hex ────────────────────────────────────────────────────────────────────────────────────── */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

WR_BUILTIN_FN(wr_b_hex_encode)
{
    struct wr_str text;
    (void)n;
    WR_TRY(want_text(call, args, &text));
    struct wr_buf buf = wr_buf_in(call->arena, text.n * 2 + 1);
    wr_buf_hex(&buf, text.p, text.n);
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_hex_decode)
{
    struct wr_str text;
    (void)n;
    WR_TRY(want_text(call, args, &text));
    struct wr_buf buf = wr_buf_in(call->arena, text.n / 2 + 1);
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = (uint8_t)text.p[i];
        int digit = hex_digit(text.p[i]);
        if (digit < 0) {
            bool shown = c >= 0x20 && c < 0x7f;
            return wr_builtin_fail(call, "encoding/hex: invalid byte: U+%04X %s%c%s", (unsigned)c,
                                   shown ? "'" : "", shown ? (int)c : '?', shown ? "'" : "");
        }
        if (i % 2 == 1) {
            wr_buf_char(&buf, (char)(hex_digit(text.p[i - 1]) * 16 + digit));
        }
    }
    if (text.n % 2 != 0) {
        return wr_builtin_fail(call, "encoding/hex: odd length hex string");
    }
    return wr_builtin_text(call, &buf, out);
}

/* ── URL queries ────────────────────────────────────────────────────────────────────────────── */

static void query_escape(struct wr_buf *buf, struct wr_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = (uint8_t)text.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) {
            wr_buf_char(buf, (char)c);
        } else if (c == ' ') {
            wr_buf_char(buf, '+');
        } else {
            wr_buf_char(buf, '%');
            wr_buf_char(buf, "0123456789ABCDEF"[c >> 4]);
            wr_buf_char(buf, "0123456789ABCDEF"[c & 15]);
        }
    }
}

static wr_err query_unescape(struct wr_builtin_call *call, struct wr_str text, struct wr_value *out)
{
    struct wr_buf buf = wr_buf_in(call->arena, text.n + 1);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '%') {
            if (i + 2 >= text.n || hex_digit(text.p[i + 1]) < 0 || hex_digit(text.p[i + 2]) < 0) {
                return wr_builtin_fail(call, "invalid URL escape \"%.*s\"",
                                       (int)WR_MIN(text.n - i, 3u), text.p + i);
            }
            wr_buf_char(&buf, (char)(hex_digit(text.p[i + 1]) * 16 + hex_digit(text.p[i + 2])));
            i += 2;
        } else {
            wr_buf_char(&buf, text.p[i] == '+' ? ' ' : text.p[i]);
        }
    }
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_urlquery_encode)
{
    struct wr_str text;
    (void)n;
    WR_TRY(want_text(call, args, &text));
    struct wr_buf buf = wr_buf_in(call->arena, text.n * 2 + 8);
    query_escape(&buf, text);
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_urlquery_decode)
{
    struct wr_str text;
    (void)n;
    WR_TRY(want_text(call, args, &text));
    return query_unescape(call, text, out);
}

static void add_pair(struct wr_buf *buf, struct wr_str key, struct wr_str value)
{
    if (buf->n != 0) {
        wr_buf_char(buf, '&');
    }
    query_escape(buf, key);
    wr_buf_char(buf, '=');
    query_escape(buf, value);
}

WR_BUILTIN_FN(wr_b_urlquery_encode_object)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_OBJECT));
    struct wr_buf buf = wr_buf_in(call->arena, 64);
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct wr_pair *pair = &args[0].pairs[i];
        const struct wr_value *v = &pair->value;
        if (pair->key.type != WR_STRING) {
            return wr_builtin_operand(call, 0, "keys of object must be string but got %s",
                                      wr_type_name(pair->key));
        }
        if (v->type != WR_STRING && !wr_is_list(*v)) {
            return wr_builtin_operand(call, 0, "must be one of {string, array, set} but got %s",
                                      wr_type_name(*v));
        }
        if (v->type == WR_STRING) {
            add_pair(&buf, wr_text(pair->key), wr_text(*v));
        }
        for (uint32_t k = 0; wr_is_list(*v) && k < v->n; k++) {
            if (v->items[k].type != WR_STRING) {
                return wr_builtin_element(call, 0, *v, v->items[k], "string");
            }
            add_pair(&buf, wr_text(pair->key), wr_text(v->items[k]));
        }
        WR_TRY(wr_builtin_check(call, &buf));
    }
    return wr_builtin_text(call, &buf, out);
}

/* Gathers equal keys of sorted pairs into arrays of their values. */
static wr_err group_pairs(struct wr_builtin_call *call, const struct wr_value *keys,
                          const struct wr_value *values, size_t n, struct wr_value *out)
{
    struct wr_pair *pairs;
    struct wr_value *unique;
    WR_TRY(wr_builtin_pairs(call, n, &pairs));
    WR_TRY(wr_builtin_items(call, n, &unique));
    WR_TRY(wr_builtin_charge(call, (uint64_t)n * n / 4));
    if (n != 0) {
        memcpy(unique, keys, n * sizeof *unique);
    }
    struct wr_value set = wr_set_from(unique, n);
    for (uint32_t i = 0; i < set.n; i++) {
        struct wr_list list = {0};
        for (size_t k = 0; k < n; k++) {
            if (wr_value_eq(&keys[k], &set.items[i])) {
                WR_TRY(wr_list_add(call, &list, values[k]));
            }
        }
        pairs[i] = (struct wr_pair){set.items[i], wr_array(list.items, list.n)};
    }
    *out = wr_object_from(pairs, set.n);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_urlquery_decode_object)
{
    struct wr_list keys = {0}, values = {0};
    struct wr_str text;
    (void)n;
    WR_TRY(want_text(call, args, &text));
    for (size_t at = 0; at < text.n;) {
        struct wr_value key, value;
        size_t end = wr_str_find(text, WR_STR("&"), at);
        end = end == SIZE_MAX ? text.n : end;
        struct wr_str part = wr_str_of(text.p + at, end - at);
        at = end + 1;
        if (wr_str_find(part, WR_STR(";"), 0) != SIZE_MAX) {
            return wr_builtin_fail(call, "invalid semicolon separator in query");
        }
        if (part.n == 0) {
            continue;
        }
        size_t equals = wr_str_find(part, WR_STR("="), 0);
        size_t key_n = equals == SIZE_MAX ? part.n : equals;
        struct wr_str rest = equals == SIZE_MAX
                                 ? wr_str_of("", 0)
                                 : wr_str_of(part.p + equals + 1, part.n - equals - 1);
        WR_TRY(query_unescape(call, wr_str_of(part.p, key_n), &key));
        WR_TRY(query_unescape(call, rest, &value));
        WR_TRY(wr_list_add(call, &keys, key));
        WR_TRY(wr_list_add(call, &values, value));
    }
    return group_pairs(call, keys.items, values.items, keys.n, out);
}

/* ── JSON ───────────────────────────────────────────────────────────────────────────────────── */

wr_err wr_json_value(struct wr_builtin_call *call, struct wr_str text, struct wr_value *out)
{
    struct wr_error error = {0};
    WR_TRY(wr_builtin_charge(call, text.n / 4 + 1));
    wr_err err = wr_json_read(call->arena, text, true, &wr_json_as_opa, out, &error);
    if (err == WR_OK) {
        return WR_OK;
    }
    if (err == WR_E_MEMORY) {
        return wr_builtin_no_room(call);
    }
    if (err == WR_E_NEED_MORE || error.offset >= text.n) {
        return wr_builtin_fail(call, "unexpected end of JSON input");
    }
    uint8_t c = (uint8_t)text.p[error.offset];
    if (c < 0x20 || c >= 0x7f) {
        return wr_builtin_fail(call, "invalid character at offset %llu of the JSON text",
                               (unsigned long long)error.offset);
    }
    return wr_builtin_fail(call, "invalid character '%c' at offset %llu of the JSON text", (int)c,
                           (unsigned long long)error.offset);
}

WR_BUILTIN_FN(wr_b_json_marshal)
{
    (void)n;
    struct wr_buf buf = wr_buf_in(call->arena, 64);
    wr_rego_write_json(&buf, &args[0], WR_JSON_HTML_SAFE);
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_json_unmarshal)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    return wr_json_value(call, wr_text(args[0]), out);
}

WR_BUILTIN_FN(wr_b_json_is_valid)
{
    (void)n;
    *out = wr_bool(false);
    if (args[0].type == WR_STRING) {
        struct wr_value ignored;
        struct wr_arena_mark mark = wr_arena_mark(call->arena);
        WR_TRY(wr_builtin_charge(call, args[0].n / 4 + 1));
        wr_err err =
            wr_json_read(call->arena, wr_text(args[0]), true, &wr_json_as_opa, &ignored, NULL);
        wr_arena_rewind(call->arena, mark);
        if (err == WR_E_MEMORY) {
            return wr_builtin_no_room(call);
        }
        *out = wr_bool(err == WR_OK);
    }
    return WR_OK;
}

static void new_line(struct wr_buf *buf, struct wr_str prefix, struct wr_str indent, unsigned depth)
{
    wr_buf_char(buf, '\n');
    wr_buf_str(buf, prefix);
    while (depth-- > 0) {
        wr_buf_str(buf, indent);
    }
}

/* Lays compact JSON out over lines. */
static wr_err lay_out(struct wr_builtin_call *call, struct wr_str json, struct wr_str prefix,
                      struct wr_str indent, struct wr_value *out)
{
    struct wr_buf buf = wr_buf_in(call->arena, json.n * 2 + 16);
    wr_buf_str(&buf, prefix);
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i], next = i + 1 < json.n ? json.p[i + 1] : '\0';
        bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
        if (quoted) {
            wr_buf_char(&buf, c);
            if (c == '\\') {
                wr_buf_char(&buf, next);
                i++;
            }
            quoted = c != '"';
        } else if (opens && (next == '}' || next == ']')) {
            wr_buf_char(&buf, c);
            wr_buf_char(&buf, next);
            i++;
        } else if (opens || c == ',') {
            wr_buf_char(&buf, c);
            depth += opens ? 1 : 0;
            new_line(&buf, prefix, indent, depth);
        } else if (closes) {
            new_line(&buf, prefix, indent, --depth);
            wr_buf_char(&buf, c);
        } else {
            quoted = c == '"';
            wr_buf_char(&buf, c);
            wr_buf_add(&buf, " ", c == ':' ? 1 : 0);
        }
        WR_TRY(wr_builtin_check(call, &buf));
    }
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_json_marshal_with_options)
{
    struct wr_str prefix = WR_STR(""), indent = WR_STR("\t");
    bool pretty = false, chosen = false;
    WR_TRY(wr_builtin_want(call, args, 1, WR_OBJECT));
    for (uint32_t i = 0; i < args[1].n; i++) {
        const struct wr_pair *pair = &args[1].pairs[i];
        struct wr_str key = pair->key.type == WR_STRING ? wr_text(pair->key) : WR_STR("");
        bool flag = wr_str_eq(key, WR_STR("pretty"));
        bool is_prefix = wr_str_eq(key, WR_STR("prefix"));
        if (!flag && !is_prefix && !wr_str_eq(key, WR_STR("indent"))) {
            return wr_builtin_operand(call, 1, "object contained unknown key \"%.*s\"",
                                      WR_FMT(key));
        }
        if (pair->value.type != (flag ? WR_BOOL : WR_STRING)) {
            return wr_builtin_operand(call, 1, "key \"%.*s\" must be a %s but got %s", WR_FMT(key),
                                      flag ? "boolean" : "string", wr_type_name(pair->value));
        }
        if (flag) {
            chosen = true;
            pretty = wr_is_true(pair->value);
        } else {
            *(is_prefix ? &prefix : &indent) = wr_text(pair->value);
            pretty = chosen ? pretty : true;
        }
    }
    WR_TRY(wr_b_json_marshal(call, args, n, out));
    return pretty ? lay_out(call, wr_text(*out), prefix, indent, out) : WR_OK;
}
