/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities with units, semantic versions, UUIDs. */
#include "base/hash.h"
#include "rego/bigint.h"
#include "rego/builtin_family.h"

/* ── units ──────────────────────────────────────────────────────────────────────────────────── */

#define UNIT_LIMIT_DIGITS 400

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* The size of the number at the start: digits, points, a sign, and an exponent when digits follow.
 */
static size_t number_size(struct wr_str s)
{
    size_t i = 0;
    while (i < s.n && (is_digit(s.p[i]) || s.p[i] == '.' || (i == 0 && s.p[0] == '-'))) {
        i++;
    }
    if (i > 0 && i < s.n && lower(s.p[i]) == 'e') {
        size_t k = i + 1 + (i + 1 < s.n && (s.p[i + 1] == '-' || s.p[i + 1] == '+') ? 1 : 0);
        if (k < s.n && is_digit(s.p[k])) {
            while (k < s.n && is_digit(s.p[k])) {
                k++;
            }
            return k;
        }
    }
    return i;
}

struct amount { /* digits * 10^-places */
    char digits[UNIT_LIMIT_DIGITS];
    size_t n;
    int32_t places;
    bool neg;
};

static bool read_amount(struct wr_str s, struct amount *a, bool *large)
{
    size_t i = s.n > 0 && s.p[0] == '-' ? 1 : 0, seen = 0;
    bool point = false;
    *a = (struct amount){.neg = i == 1};
    *large = false;
    for (; i < s.n && lower(s.p[i]) != 'e'; i++) {
        if (s.p[i] == '.') {
            if (point) {
                return false;
            }
            point = true;
            continue;
        }
        if (a->n == UNIT_LIMIT_DIGITS) {
            return false;
        }
        a->digits[a->n++] = s.p[i];
        a->places += point ? 1 : 0;
        seen++;
    }
    if (i < s.n) {
        bool neg = s.p[i + 1] == '-';
        int32_t e = 0;
        for (i += neg || s.p[i + 1] == '+' ? 2 : 1; i < s.n; i++) {
            e = e > 100000 ? e : e * 10 + (s.p[i] - '0');
        }
        *large = e > 300;
        a->places -= neg ? -e : e;
    }
    return seen > 0;
}

/* digits * factor / 10^places as text: whole when it is, else with `decimals` places, halves away
 * from zero. */
static wr_err amount_value(struct wr_builtin_call *call, const struct amount *a, uint64_t factor,
                           int32_t decimals, struct wr_value *out)
{
    struct wr_arena *arena = call->arena;
    struct wr_bigint d = wr_bigint_read(arena, wr_str_of(a->digits, a->n));
    struct wr_bigint f = wr_bigint_float(arena, wr_float_u64(factor, false));
    struct wr_str text = wr_bigint_text(arena, wr_bigint_mul(arena, d, f), 10);
    struct wr_buf buf = wr_buf_in(arena, text.n + 32);
    if (text.p == NULL) {
        return wr_builtin_no_room(call);
    }
    int32_t places = a->places;
    while (places > 0 && text.n > 0 && text.p[text.n - 1] == '0') {
        text.n--;
        places--;
    }
    places = text.n == 0 ? 0 : places;
    if (places > decimals) { /* round by adding half a unit of the last place kept */
        size_t cut = (size_t)(places - decimals);
        bool up = cut <= text.n && text.p[text.n - cut] >= '5';
        struct wr_str kept = cut < text.n ? wr_str_of(text.p, text.n - cut) : WR_STR("0");
        struct wr_bigint r =
            wr_bigint_add(arena, wr_bigint_read(arena, kept), wr_bigint_i64(arena, up ? 1 : 0));
        text = wr_bigint_text(arena, r, 10);
        places = decimals;
    }
    wr_buf_add(&buf, "-", a->neg && text.n > 0 && text.p[0] != '0' ? 1 : 0);
    size_t fraction = places > 0 ? (size_t)places : 0;
    size_t before = text.n > fraction ? text.n - fraction : 0;
    wr_buf_str(&buf, before == 0 ? WR_STR("0") : wr_str_of(text.p, before));
    for (int32_t i = places; i < 0 && before > 0; i++) {
        wr_buf_char(&buf, '0');
    }
    if (fraction > 0) {
        wr_buf_char(&buf, '.');
        for (size_t i = text.n; i < fraction; i++) {
            wr_buf_char(&buf, '0');
        }
        wr_buf_add(&buf, text.p + before, text.n - before);
        for (size_t i = fraction; i < (size_t)decimals; i++) {
            wr_buf_char(&buf, '0');
        }
    }
    WR_TRY(wr_builtin_check(call, &buf));
    *out = wr_number_text(wr_buf_view(&buf));
    return WR_OK;
}

/* 1000 or 1024 to the power of the prefix; 0 when it is unknown. `bytes`: a final b may follow. */
static uint64_t unit_factor(struct wr_str unit, bool bytes)
{
    static const char prefixes[] = "kmgtpe";
    size_t n = unit.n;
    if (n == 0) {
        return 1;
    }
    const char *prefix = memchr(prefixes, lower(unit.p[0]), 6);
    bool b = bytes && lower(unit.p[n - 1]) == 'b';
    n -= b ? 1 : 0;
    bool binary = n == 2 && lower(unit.p[1]) == 'i';
    if (n == 0 && b) {
        return 1;
    }
    if (prefix == NULL || (n != 1 && !binary)) {
        return 0;
    }
    uint64_t factor = 1;
    for (const char *p = prefixes; p <= prefix; p++) {
        factor *= binary ? 1024 : 1000;
    }
    return factor;
}

static wr_err parse_units(struct wr_builtin_call *call, const struct wr_value *args, bool bytes,
                          struct wr_value *out)
{
    const char *noun = bytes ? "byte amount" : "amount", *name = call->self->name; /* said twice */
    struct amount amount;
    bool large;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    struct wr_buf buf = wr_buf_in(call->arena, args[0].n + 1);
    WR_TRY(wr_builtin_charge(call, args[0].n + 16));
    for (uint32_t i = 0; i < args[0].n; i++) {
        wr_buf_add(&buf, &args[0].text[i], args[0].text[i] == '"' ? 0 : 1);
    }
    struct wr_str s = wr_buf_view(&buf);
    if (wr_str_find(s, WR_STR(" "), 0) != SIZE_MAX) {
        return wr_builtin_fail(call, "%s: spaces not allowed in resource strings", name);
    }
    size_t size = number_size(s);
    if (size == 0) {
        return wr_builtin_fail(call, "%s: no %s provided", name, noun);
    }
    struct wr_str unit = wr_str_of(s.p + size, s.n - size);
    uint64_t factor = unit_factor(unit, bytes);
    bool milli = !bytes && unit.n == 1 && unit.p[0] == 'm';
    if (factor == 0) {
        return wr_builtin_fail(call, "%s: %sunit %.*s not recognized", name, bytes ? "byte " : "",
                               (int)WR_MIN(unit.n, 100u), unit.p);
    }
    if (!read_amount(wr_str_of(s.p, size), &amount, &large)) {
        return wr_builtin_fail(call, "%s: could not parse %s to a number", name, noun);
    }
    if (large) {
        return wr_builtin_fail(call, "%s: exponent too large", name);
    }
    amount.places += milli ? 3 : 0;
    if (!bytes) {
        return amount_value(call, &amount, milli ? 1 : factor, 10, out);
    }
    struct wr_float f;
    WR_TRY(amount_value(call, &amount, factor, 40, out));
    if (out->kind == WR_DEC && out->scale == 0) {
        return WR_OK;
    }
    if (!wr_number_to_float(out, &f)) {
        return wr_builtin_number(call, WR_E_LIMIT);
    }
    bool exact;
    f = wr_float_trunc(f, &exact);
    f.neg = f.neg && f.m != 0;
    return exact ? WR_OK : wr_builtin_number(call, wr_number_from_float(call->arena, f, out));
}

WR_BUILTIN_FN(wr_b_units_parse)
{
    (void)n;
    return parse_units(call, args, false, out);
}

WR_BUILTIN_FN(wr_b_units_parse_bytes)
{
    (void)n;
    return parse_units(call, args, true, out);
}

/* ── semantic versions ──────────────────────────────────────────────────────────────────────── */

struct version {
    int64_t core[3];
    struct wr_str pre;
};

static bool identifiers_ok(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
        if (!plain && c != '.') {
            return false;
        }
    }
    return true;
}

static bool core_number(struct wr_str s, size_t *at, int64_t *out)
{
    size_t from = *at;
    *out = 0;
    while (*at < s.n && is_digit(s.p[*at])) {
        if (*out > INT64_MAX / 10 - 10) {
            return false;
        }
        *out = *out * 10 + (s.p[(*at)++] - '0');
    }
    return *at > from && !(*at - from > 1 && s.p[from] == '0');
}

static bool read_version(struct wr_str s, struct version *v)
{
    size_t at = 0;
    *v = (struct version){0};
    for (int i = 0; i < 3; i++) {
        if ((i > 0 && (at >= s.n || s.p[at++] != '.')) || !core_number(s, &at, &v->core[i])) {
            return false;
        }
    }
    size_t plus = wr_str_find(s, WR_STR("+"), at);
    plus = plus == SIZE_MAX ? s.n : plus;
    if (at < plus && s.p[at] == '-') {
        v->pre = wr_str_of(s.p + at + 1, plus - at - 1);
        at = plus;
        if (v->pre.n == 0) {
            return false;
        }
    }
    struct wr_str meta = plus < s.n ? wr_str_of(s.p + plus + 1, s.n - plus - 1) : WR_STR("x");
    return at == plus && meta.n > 0 && identifiers_ok(v->pre) && identifiers_ok(meta);
}

/* Splits off the part before the next point. */
static struct wr_str next_identifier(struct wr_str *s)
{
    size_t end = wr_str_find(*s, WR_STR("."), 0);
    struct wr_str part = wr_str_of(s->p, end == SIZE_MAX ? s->n : end);
    *s = end == SIZE_MAX ? wr_str_of(s->p + s->n, 0) : wr_str_of(s->p + end + 1, s->n - end - 1);
    return part;
}

static bool is_number(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i])) {
            return false;
        }
    }
    return s.n > 0;
}

static int cmp_identifier(struct wr_str a, struct wr_str b)
{
    bool na = is_number(a), nb = is_number(b);
    if (na != nb) {
        return na ? -1 : 1;
    }
    while (na && a.n > 1 && a.p[0] == '0') {
        a = wr_str_of(a.p + 1, a.n - 1);
    }
    while (nb && b.n > 1 && b.p[0] == '0') {
        b = wr_str_of(b.p + 1, b.n - 1);
    }
    if (na && a.n != b.n) {
        return a.n < b.n ? -1 : 1;
    }
    return wr_str_cmp(a, b);
}

static int cmp_version(const struct version *a, const struct version *b)
{
    for (int i = 0; i < 3; i++) {
        if (a->core[i] != b->core[i]) {
            return a->core[i] < b->core[i] ? -1 : 1;
        }
    }
    if (a->pre.n == 0 || b->pre.n == 0) {
        return (a->pre.n == 0) - (b->pre.n == 0);
    }
    struct wr_str x = a->pre, y = b->pre;
    while (x.n > 0 && y.n > 0) {
        int order = cmp_identifier(next_identifier(&x), next_identifier(&y));
        if (order != 0) {
            return order < 0 ? -1 : 1;
        }
    }
    return (x.n > 0) - (y.n > 0);
}

WR_BUILTIN_FN(wr_b_semver_compare)
{
    struct version v[2];
    (void)n;
    for (uint32_t i = 0; i < 2; i++) {
        WR_TRY(wr_builtin_want(call, args, i, WR_STRING));
        WR_TRY(wr_builtin_charge(call, args[i].n + 1));
        if (!read_version(wr_text(args[i]), &v[i])) {
            return wr_builtin_fail(call, "operand %u: string \"%.*s\" is not a valid SemVer", i + 1,
                                   (int)WR_MIN(args[i].n, 200u), args[i].text);
        }
    }
    *out = wr_int(cmp_version(&v[0], &v[1]));
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_semver_is_valid)
{
    struct version v;
    (void)n;
    WR_TRY(wr_builtin_charge(call, 16));
    *out = wr_bool(args[0].type == WR_STRING && read_version(wr_text(args[0]), &v));
    return WR_OK;
}

/* ── UUIDs (RFC 4122) ───────────────────────────────────────────────────────────────────────── */

static int hex_digit(char c)
{
    c = lower(c);
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Plain, in braces, as urn:uuid:, or 32 digits. */
static bool read_uuid(struct wr_str s, uint8_t id[16])
{
    static const char urn[] = "urn:uuid:";
    bool dashes = s.n != 32;
    if (s.n == 45) {
        for (size_t i = 0; i < 9; i++) {
            if (lower(s.p[i]) != urn[i]) {
                return false;
            }
        }
        s = wr_str_of(s.p + 9, 36);
    } else if (s.n == 38) {
        s = wr_str_of(s.p + 1, 36);
    } else if (s.n != 36 && s.n != 32) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (dashes && (i == 4 || i == 6 || i == 8 || i == 10) && s.p[at++] != '-') {
            return false;
        }
        int high = hex_digit(s.p[at]), low = hex_digit(s.p[at + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        id[i] = (uint8_t)(high * 16 + low);
        at += 2;
    }
    return true;
}

static void write_uuid(struct wr_buf *buf, const uint8_t id[16])
{
    for (size_t i = 0; i < 16; i++) {
        wr_buf_add(buf, "-", i == 4 || i == 6 || i == 8 || i == 10 ? 1 : 0);
        wr_buf_hex(buf, id + i, 1);
    }
}

static int64_t uuid_ns(const uint8_t id[16])
{
    int64_t low = (int64_t)id[0] << 24 | (int64_t)id[1] << 16 | (int64_t)id[2] << 8 | id[3];
    int64_t middle = (int64_t)id[4] << 8 | id[5], high = (int64_t)(id[6] & 15) << 8 | id[7];
    int64_t ticks = low | middle << 32 | high << 48; /* 100 ns since 1582-10-15 */
    return (ticks - INT64_C(122192928000000000)) * 100;
}

static wr_err node_id(struct wr_builtin_call *call, const uint8_t id[16], struct wr_value *out)
{
    struct wr_buf buf = wr_buf_in(call->arena, 20);
    for (size_t i = 10; i < 16; i++) {
        wr_buf_add(&buf, "-", i > 10 ? 1 : 0);
        wr_buf_hex(&buf, id + i, 1);
    }
    return wr_builtin_text(call, &buf, out);
}

WR_BUILTIN_FN(wr_b_uuid_parse)
{
    uint8_t id[16];
    struct wr_pair *pairs;
    size_t k = 0;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    if (!read_uuid(wr_text(args[0]), id)) {
        return wr_builtin_fail(call, "invalid UUID format");
    }
    WR_TRY(wr_builtin_pairs(call, 8, &pairs));
    const char *variant = (id[8] & 0xc0) == 0x80   ? "RFC4122"
                          : (id[8] & 0xe0) == 0xc0 ? "Microsoft"
                          : (id[8] & 0xe0) == 0xe0 ? "Future"
                                                   : "Reserved";
    int version = id[6] >> 4;
    pairs[k++] = (struct wr_pair){wr_string_z("version"), wr_int(version)};
    pairs[k++] = (struct wr_pair){wr_string_z("variant"), wr_string_z(variant)};
    if (version == 1 || version == 2) {
        static const char *const macs[] = {"global:unicast", "global:multicast", "local:unicast",
                                           "local:multicast"};
        struct wr_value node;
        WR_TRY(node_id(call, id, &node));
        pairs[k++] = (struct wr_pair){wr_string_z("time"), wr_int(uuid_ns(id))};
        pairs[k++] = (struct wr_pair){wr_string_z("nodeid"), node};
        pairs[k++] = (struct wr_pair){wr_string_z("macvariables"), wr_string_z(macs[id[10] & 3])};
        pairs[k++] =
            (struct wr_pair){wr_string_z("clocksequence"), wr_int((id[8] & 0x3f) << 8 | id[9])};
    }
    if (version == 2) {
        static const char *const domains[] = {"Person", "Group", "Org"};
        int64_t local = (int64_t)id[0] << 24 | (int64_t)id[1] << 16 | (int64_t)id[2] << 8 | id[3];
        struct wr_buf buf = wr_buf_in(call->arena, 16);
        wr_format(&buf, "Domain%d", (int)id[9]);
        struct wr_value domain =
            id[9] < 3 ? wr_string_z(domains[id[9]]) : wr_string(wr_buf_view(&buf));
        pairs[k++] = (struct wr_pair){wr_string_z("id"), wr_int(local)};
        pairs[k++] = (struct wr_pair){wr_string_z("domain"), domain};
    }
    *out = wr_object_from(pairs, k);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_uuid_rfc4122)
{
    uint8_t id[16];
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    struct wr_hash_key key = {call->env->seed, 0x7575696434ull};
    struct wr_hash128 hash = wr_siphash24_128(key, args[0].text, args[0].n);
    wr_put64(id, hash.lo);
    wr_put64(id + 8, hash.hi);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    struct wr_buf buf = wr_buf_in(call->arena, 40);
    write_uuid(&buf, id);
    return wr_builtin_text(call, &buf, out);
}
