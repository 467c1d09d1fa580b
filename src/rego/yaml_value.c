/* SPDX-License-Identifier: Apache-2.0 */
/* What the scalars of YAML 1.1 mean. */
#include "base/num.h"
#include "rego/yaml.h"

static bool one_of(struct wr_str s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (wr_str_eq(s, wr_str_z(words[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_null(struct wr_str s)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    return one_of(s, words, WR_COUNTOF(words));
}

static bool is_true(struct wr_str s)
{
    static const char *const words[] = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                        "True", "TRUE", "on",  "On",  "ON"};
    return one_of(s, words, WR_COUNTOF(words));
}

static bool is_false(struct wr_str s)
{
    static const char *const words[] = {"n",     "N",     "no",  "No",  "NO", "false",
                                        "False", "FALSE", "off", "Off", "OFF"};
    return one_of(s, words, WR_COUNTOF(words));
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 'a' - 'A';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* 12, -7, 0x1f, 0b11, 017, 1_000 */
static bool read_int(struct wr_str s, int64_t *out)
{
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
    bool negative = i == 1 && s.p[0] == '-';
    int64_t base = 10, value = 0;
    if (s.n > i + 2 && s.p[i] == '0' && (s.p[i + 1] == 'x' || s.p[i + 1] == 'b')) {
        base = s.p[i + 1] == 'x' ? 16 : 2;
        i += 2;
    } else if (s.n > i + 1 && s.p[i] == '0') {
        base = 8;
        i++;
    }
    if (i == s.n || s.p[i] == '_') {
        return false;
    }
    for (; i < s.n; i++) {
        if (s.p[i] == '_') {
            continue;
        }
        int digit = digit_of(s.p[i]);
        if (digit >= base || !wr_mul_i64(value, base, &value) ||
            !wr_add_i64(value, negative ? -digit : digit, &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

/* [-+]digits.digits, with an exponent that has a sign; .5 is a number. */
static bool read_float(struct wr_str s, double *out)
{
    char room[64];
    struct wr_buf text = wr_buf_fixed(room, sizeof room);
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
    size_t digits = 0;
    if (i == 1 && s.p[0] == '-') {
        wr_buf_char(&text, '-');
    }
    if (i < s.n && s.p[i] == '.') {
        wr_buf_char(&text, '0');
    }
    while (i + 1 < s.n && s.p[i] == '0' && s.p[i + 1] >= '0' && s.p[i + 1] <= '9') {
        i++;
    }
    for (; i < s.n; i++) {
        char c = s.p[i];
        bool digit = c >= '0' && c <= '9';
        bool sign = (c == '-' || c == '+') && (s.p[i - 1] == 'e' || s.p[i - 1] == 'E');
        bool exponent = (c == 'e' || c == 'E') && digits > 0;
        if (!digit && !sign && !exponent && c != '.') {
            return false;
        }
        digits += digit;
        wr_buf_char(&text, c);
    }
    return digits > 0 && !text.overflow && wr_num_read_double(wr_buf_view(&text), out);
}

const char *wr_yaml_tag(const struct wr_yaml *scalar)
{
    int64_t i;
    double d;
    if (!scalar->plain) {
        return "str";
    }
    if (is_null(scalar->text)) {
        return "null";
    }
    if (is_true(scalar->text) || is_false(scalar->text)) {
        return "bool";
    }
    if (read_int(scalar->text, &i)) {
        return "int";
    }
    return read_float(scalar->text, &d) ? "float" : "str";
}

static struct wr_value scalar_value(struct wr_arena *arena, const struct wr_yaml *node)
{
    int64_t i;
    double d;
    if (!node->plain) {
        return wr_string(node->text);
    }
    if (is_null(node->text)) {
        return wr_null();
    }
    if (is_true(node->text) || is_false(node->text)) {
        return wr_bool(is_true(node->text));
    }
    if (read_int(node->text, &i)) {
        return wr_int(i);
    }
    return read_float(node->text, &d) ? wr_number_double(arena, d) : wr_string(node->text);
}

static struct wr_value list_value(struct wr_arena *arena, const struct wr_yaml *node)
{
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, node->n);
    if (items == NULL) {
        return wr_undefined();
    }
    for (uint32_t i = 0; i < node->n; i++) {
        items[i] = wr_yaml_value(arena, node->items[i]);
        if (items[i].type == WR_UNDEFINED) {
            return wr_undefined();
        }
    }
    return wr_array(items, node->n);
}

struct wr_value wr_yaml_value(struct wr_arena *arena, const struct wr_yaml *node)
{
    if (node->kind == WR_YAML_SCALAR) {
        return scalar_value(arena, node);
    }
    if (node->kind == WR_YAML_LIST) {
        return list_value(arena, node);
    }
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, node->n);
    if (pairs == NULL) {
        return wr_undefined();
    }
    for (uint32_t i = 0; i < node->n; i++) {
        pairs[i].key = wr_yaml_value(arena, node->items[(size_t)2 * i]);
        pairs[i].value = wr_yaml_value(arena, node->items[(size_t)2 * i + 1]);
        if (pairs[i].key.type != WR_STRING || pairs[i].value.type == WR_UNDEFINED) {
            return wr_undefined();
        }
    }
    return wr_object_from(pairs, node->n);
}

const struct wr_yaml *wr_yaml_get(const struct wr_yaml *map, struct wr_str key)
{
    for (uint32_t i = map->n; i > 0; i--) {
        const struct wr_yaml *k = map->items[(size_t)2 * (i - 1)];
        if (k->kind == WR_YAML_SCALAR && wr_str_eq(k->text, key)) {
            return map->items[(size_t)2 * (i - 1) + 1];
        }
    }
    return NULL;
}
