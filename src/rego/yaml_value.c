/* SPDX-License-Identifier: Apache-2.0 */
/* What the scalars of YAML 1.1 mean. */
#include "base/num.h"
#include "rego/yaml.h"
#include "value/json_write.h"

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

enum meaning { TEXT, NOTHING, BOOL, INT, FLOAT };

struct number {
    bool negative;
    bool beyond;    /* FLOAT: infinite, or no number */
    uint64_t whole; /* INT: its magnitude */
    double d;       /* FLOAT */
};

/* 12, -7, 0x1f, 0b11, 0o17, 017, of 64 bits with sign or without */
static bool read_int(struct wr_str s, struct number *out)
{
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
    uint64_t base = 10, value = 0;
    if (s.n > i + 1 && s.p[i] == '0') {
        char mark = (char)(s.p[i + 1] | 0x20);
        base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
        i += mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1;
    }
    if (i == s.n) {
        return false;
    }
    for (; i < s.n; i++) {
        uint64_t digit = (uint64_t)digit_of(s.p[i]);
        if (digit >= base || value > (UINT64_MAX - digit) / base) {
            return false;
        }
        value = value * base + digit;
    }
    out->negative = s.p[0] == '-';
    out->whole = value;
    return !out->negative || value <= (uint64_t)INT64_MAX + 1;
}

static size_t skip_digits(struct wr_str s, size_t i)
{
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') {
        i++;
    }
    return i;
}

/* 1.5, 1., .5, 08, 1e5, -1.5E-7; what is beyond the doubles is a text. The copy is as the grammar
 * of JSON has it. */
static bool read_float(struct wr_str s, double *out)
{
    char room[1024];
    struct wr_buf text = wr_buf_fixed(room, sizeof room);
    size_t sign = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
    size_t point = skip_digits(s, sign), from = sign;
    size_t end = point < s.n && s.p[point] == '.' ? skip_digits(s, point + 1) : point;
    if (end - sign == (end > point)) { /* no digit */
        return false;
    }
    while (from + 1 < point && s.p[from] == '0') {
        from++;
    }
    wr_buf_add(&text, "-0", sign == 1 && s.p[0] == '-');
    wr_buf_add(&text, "0", point == sign);
    wr_buf_add(&text, s.p + from, end > point + 1 ? end - from : point - from);
    if (end < s.n) {
        size_t exponent = end + 1;
        exponent += exponent < s.n && (s.p[exponent] == '-' || s.p[exponent] == '+');
        if ((s.p[end] | 0x20) != 'e' || exponent == s.n || skip_digits(s, exponent) != s.n) {
            return false;
        }
        wr_buf_add(&text, s.p + end, s.n - end);
    }
    return !text.overflow && wr_num_read_double(wr_buf_view(&text), out) && *out - *out == 0;
}

/* .inf, -.Inf, .nan: a number to YAML, none to JSON. */
static bool is_beyond(struct wr_str s)
{
    static const char *const words[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF",
                                        "-.inf", "-.Inf", "-.INF", ".nan",  ".NaN",  ".NAN"};
    return one_of(s, words, WR_COUNTOF(words));
}

static bool is_digit_at(struct wr_str s, size_t i)
{
    return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

/* Underscores may part digits; behind a first point they must stand between two. */
static enum meaning read_number(struct wr_str s, struct number *out)
{
    char room[1024];
    struct wr_buf plain = wr_buf_fixed(room, sizeof room);
    if (is_beyond(s)) {
        out->beyond = true;
        return FLOAT;
    }
    bool pointed = s.p[0] == '.';
    if (!pointed && s.p[0] != '-' && s.p[0] != '+' && !is_digit_at(s, 0)) {
        return TEXT;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (pointed && s.p[i] == '_' && !(is_digit_at(s, i - 1) && is_digit_at(s, i + 1))) {
            return TEXT;
        }
        wr_buf_add(&plain, s.p + i, s.p[i] != '_');
    }
    struct wr_str digits = wr_buf_view(&plain);
    if (plain.overflow) {
        return TEXT;
    }
    return !pointed && read_int(digits, out) ? INT : read_float(digits, &out->d) ? FLOAT : TEXT;
}

static enum meaning meaning_of(const struct wr_yaml *scalar, struct number *out)
{
    if (!scalar->plain) {
        return TEXT;
    }
    if (is_null(scalar->text)) {
        return NOTHING;
    }
    if (is_true(scalar->text) || is_false(scalar->text)) {
        return BOOL;
    }
    return read_number(scalar->text, out);
}

const char *wr_yaml_tag(const struct wr_yaml *scalar)
{
    static const char *const tags[] = {"str", "null", "bool", "int", "float"};
    struct number ignored = {0};
    return tags[meaning_of(scalar, &ignored)];
}

static struct wr_value int_value(struct wr_arena *arena, const struct number *number)
{
    if (number->whole <= INT64_MAX) {
        return wr_int(number->negative ? -(int64_t)number->whole : (int64_t)number->whole);
    }
    struct wr_buf text = wr_buf_in(arena, 24);
    wr_buf_str(&text, number->negative ? WR_STR("-") : WR_STR(""));
    wr_buf_u64(&text, number->whole);
    return text.overflow ? wr_undefined() : wr_number_text(wr_buf_view(&text));
}

/* As Go writes doubles in JSON: below 1e-6 with an exponent. */
static struct wr_value float_value(struct wr_arena *arena, double d)
{
    if (d == 0 || (d < 0 ? -d : d) >= 1e-6) {
        return wr_number_double(arena, d);
    }
    char digits[17];
    int exponent;
    unsigned n = wr_num_shortest(d, digits, &exponent);
    struct wr_buf text = wr_buf_in(arena, 32);
    wr_format(&text, "%s%c%s%.*se%d", d < 0 ? "-" : "", digits[0], n > 1 ? "." : "", (int)n - 1,
              digits + 1, exponent - 1);
    return text.overflow ? wr_undefined() : wr_number_text(wr_buf_view(&text));
}

static struct wr_value scalar_value(struct wr_arena *arena, const struct wr_yaml *node)
{
    struct number number = {0};
    switch (meaning_of(node, &number)) {
    case NOTHING:
        return wr_null();
    case BOOL:
        return wr_bool(is_true(node->text));
    case INT:
        return int_value(arena, &number);
    case FLOAT:
        return number.beyond ? wr_undefined() : float_value(arena, number.d);
    default:
        return wr_string(node->text);
    }
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

/* Keys that are numbers or truths become texts, as in OPA. */
static struct wr_value key_value(struct wr_arena *arena, const struct wr_yaml *node)
{
    struct number number = {0};
    if (node->kind == WR_YAML_SCALAR && meaning_of(node, &number) == FLOAT && number.beyond) {
        bool none = memchr("nN", node->text.p[node->text.n - 1], 2) != NULL;
        return wr_string(none                     ? WR_STR(".nan")
                         : node->text.p[0] == '-' ? WR_STR("-.inf")
                                                  : WR_STR(".inf"));
    }
    struct wr_value key = wr_yaml_value(arena, node);
    if (key.type == WR_BOOL || key.type == WR_NUMBER) {
        struct wr_buf text = wr_buf_in(arena, 24);
        wr_json_write(&text, &key, WR_JSON_COMPACT);
        return text.overflow ? wr_undefined() : wr_string(wr_buf_view(&text));
    }
    return key;
}

static bool is_merge(const struct wr_yaml *key)
{
    return key->kind == WR_YAML_SCALAR && key->plain && wr_str_eq(key->text, WR_STR("<<"));
}

/* Adds the pairs of a map, or of each map of a list, the first of which rules. */
static bool merge(struct wr_arena *arena, const struct wr_yaml *from, bool in_list,
                  struct wr_pair *pairs, size_t *n)
{
    if (from->kind == WR_YAML_LIST && !in_list) {
        bool ok = true;
        for (uint32_t i = from->n; i > 0 && ok; i--) {
            ok = merge(arena, from->items[i - 1], true, pairs, n);
        }
        return ok;
    }
    struct wr_value map = from->kind == WR_YAML_MAP ? wr_yaml_value(arena, from) : wr_undefined();
    if (map.type != WR_OBJECT) {
        return false;
    }
    memcpy(pairs + *n, map.pairs, map.n * sizeof *pairs);
    *n += map.n;
    return true;
}

/* Later pairs replace earlier ones, merged or not, as in OPA. */
static struct wr_value map_value(struct wr_arena *arena, const struct wr_yaml *node)
{
    size_t n = 0; /* never more than there are nodes */
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, node->size);
    bool ok = pairs != NULL;
    for (uint32_t i = 0; i < node->n && ok; i++) {
        const struct wr_yaml *key = node->items[(size_t)2 * i];
        const struct wr_yaml *value = node->items[(size_t)2 * i + 1];
        if (is_merge(key)) {
            ok = merge(arena, value, false, pairs, &n);
            continue;
        }
        pairs[n] = (struct wr_pair){key_value(arena, key), wr_yaml_value(arena, value)};
        ok = pairs[n].key.type == WR_STRING && pairs[n].value.type != WR_UNDEFINED;
        n++;
    }
    return ok ? wr_object_from(pairs, n) : wr_undefined();
}

struct wr_value wr_yaml_value(struct wr_arena *arena, const struct wr_yaml *node)
{
    return node->kind == WR_YAML_SCALAR ? scalar_value(arena, node)
           : node->kind == WR_YAML_LIST ? list_value(arena, node)
                                        : map_value(arena, node);
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
