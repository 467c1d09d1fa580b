/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a map's keys in YAML: x9 before x10, signs before letters. */
#include "rego/builtin_family.h"
#include "rego/unicode.h"
#include "rego/yaml_write.h"

static bool in_category(uint32_t c, struct wr_str name)
{
    size_t place = 0;
    uint32_t lo, hi;
    while (wr_unicode_class_range(name, &place, &lo, &hi)) {
        if (c >= lo && c <= hi) {
            return true;
        }
    }
    return false;
}

static bool is_digit(uint32_t c)
{
    return c < 0x80 ? c >= '0' && c <= '9' : in_category(c, WR_STR("Nd"));
}

static bool is_letter(uint32_t c)
{
    return c < 0x80 ? (c | 0x20) >= 'a' && (c | 0x20) <= 'z' : in_category(c, WR_STR("L"));
}

/* The number at s[at], behind `before`; its digits count code points, the number wraps. */
static int64_t number_at(struct wr_str s, size_t at, int64_t before, size_t *digits)
{
    uint64_t value = (uint64_t)before;
    unsigned n;
    *digits = 0;
    for (; at < s.n; at += n, ++*digits) {
        uint32_t c = wr_rune_at(s, at, &n);
        if (!is_digit(c)) {
            break;
        }
        value = value * 10 + (c - '0');
    }
    return (int64_t)value;
}

/* Whether a digit that is not 0 stands in the number that s[at] goes on with. */
static bool number_began(struct wr_str s, size_t at)
{
    while (at > 0) {
        size_t from = at - 1;
        unsigned n;
        while (from > 0 && (s.p[from] & 0xC0) == 0x80) {
            from--;
        }
        uint32_t c = wr_rune_at(s, from, &n);
        if (!is_digit(c)) {
            return false;
        }
        if (c != '0') {
            return true;
        }
        at = from;
    }
    return false;
}

bool wr_yaml_key_before(struct wr_str a, struct wr_str b)
{
    unsigned n, m;
    for (size_t at = 0; at < a.n && at < b.n; at += n) {
        uint32_t x = wr_rune_at(a, at, &n), y = wr_rune_at(b, at, &m);
        if (x == y) {
            continue;
        }
        bool x_letter = is_letter(x), y_letter = is_letter(y);
        if (x_letter != y_letter) {
            return y_letter;
        }
        if (x_letter) {
            return x < y;
        }
        size_t x_digits, y_digits;
        int64_t before = (x == '0' || y == '0') && number_began(a, at);
        int64_t x_number = number_at(a, at, before, &x_digits);
        int64_t y_number = number_at(b, at, before, &y_digits);
        return x_number != y_number   ? x_number < y_number
               : x_digits != y_digits ? x_digits < y_digits
                                      : x < y;
    }
    return a.n < b.n;
}
