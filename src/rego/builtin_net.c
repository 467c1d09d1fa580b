/* SPDX-License-Identifier: Apache-2.0 */
/* net.cidr_*: IPv4 and IPv6 networks (RFC 4291, 4632) as ranges of 128-bit addresses. */
#include "rego/builtin_family.h"

struct ip {
    wr_u128 bits; /* IPv4 in the low 32 */
    bool v4;
};

struct network {
    struct ip first;
    unsigned prefix;
};

static unsigned width(bool v4)
{
    return v4 ? 32 : 128;
}

/* ── text ───────────────────────────────────────────────────────────────────────────────────── */

static bool read_v4(struct wr_str s, uint32_t *out)
{
    size_t at = 0;
    *out = 0;
    for (int i = 0; i < 4; i++) {
        size_t from = at + (i > 0 ? 1 : 0);
        uint32_t v = 0;
        if (i > 0 && (at >= s.n || s.p[at] != '.')) {
            return false;
        }
        for (at = from; at < s.n && s.p[at] >= '0' && s.p[at] <= '9' && at < from + 4; at++) {
            v = v * 10 + (uint32_t)(s.p[at] - '0');
        }
        if (at == from || v > 255 || (at - from > 1 && s.p[from] == '0')) {
            return false;
        }
        *out = *out << 8 | v;
    }
    return at == s.n;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Groups of up to four hex digits, one "::", an IPv4 address as the last two groups. */
static bool read_v6(struct wr_str s, wr_u128 *out)
{
    uint16_t groups[8] = {0};
    int n = 0, gap = -1;
    size_t at = 0;
    if (s.n >= 2 && s.p[0] == ':' && s.p[1] == ':') {
        gap = 0;
        at = 2;
    }
    while (at < s.n) {
        uint32_t v = 0, v4;
        size_t from = at;
        while (at < s.n && hex_digit(s.p[at]) >= 0 && at < from + 4) {
            v = v * 16 + (uint32_t)hex_digit(s.p[at++]);
        }
        if (at < s.n && s.p[at] == '.') {
            if (n > 6 || !read_v4(wr_str_of(s.p + from, s.n - from), &v4)) {
                return false;
            }
            groups[n++] = (uint16_t)(v4 >> 16);
            groups[n++] = (uint16_t)v4;
            at = s.n;
            break;
        }
        if (at == from || n == 8) {
            return false;
        }
        groups[n++] = (uint16_t)v;
        if (at == s.n) {
            break;
        }
        if (s.p[at++] != ':' || at == s.n) {
            return false;
        }
        if (s.p[at] == ':') {
            if (gap >= 0) {
                return false;
            }
            gap = n;
            at++;
        }
    }
    if (gap < 0 ? n != 8 : n > 7) {
        return false;
    }
    *out = 0;
    for (int i = 0; i < 8; i++) {
        int missing = 8 - n;
        int from = gap < 0 || i < gap ? i : i < gap + missing ? -1 : i - missing;
        *out = *out << 16 | (from < 0 ? 0 : groups[from]);
    }
    return true;
}

static bool read_ip(struct wr_str s, struct ip *out)
{
    uint32_t v4;
    if (read_v4(s, &v4)) {
        *out = (struct ip){v4, true};
        return true;
    }
    out->v4 = false;
    if (!read_v6(s, &out->bits)) {
        return false;
    }
    if (out->bits >> 32 == 0xffff) { /* mapped */
        *out = (struct ip){(uint32_t)out->bits, true};
    }
    return true;
}

static wr_u128 host_mask(const struct network *n)
{
    unsigned bits = width(n->first.v4) - n->prefix;
    return bits >= 128 ? ~(wr_u128)0 : ((wr_u128)1 << bits) - 1;
}

static bool read_cidr(struct wr_str s, struct network *out)
{
    size_t slash = wr_str_find(s, WR_STR("/"), 0);
    if (slash == SIZE_MAX || s.n - slash < 2 || s.n - slash > 4) {
        return false;
    }
    unsigned prefix = 0;
    for (size_t i = slash + 1; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        prefix = prefix * 10 + (unsigned)(s.p[i] - '0');
    }
    struct wr_str address = wr_str_of(s.p, slash);
    bool leading_zero = s.p[slash + 1] == '0' && s.n - slash > 2;
    bool colon = memchr(s.p, ':', slash) != NULL;
    if (leading_zero || !read_ip(address, &out->first)) {
        return false;
    }
    if (colon && out->first.v4) { /* a mapped address keeps the prefix of its own notation */
        out->first = (struct ip){(wr_u128)0xffff << 32 | out->first.bits, false};
    }
    out->prefix = prefix;
    if (prefix > width(out->first.v4)) {
        return false;
    }
    out->first.bits &= ~host_mask(out);
    return true;
}

static void write_v6(struct wr_buf *buf, wr_u128 bits)
{
    int best = -1, best_n = 1;
    uint16_t groups[8];
    for (int i = 0; i < 8; i++) {
        groups[i] = (uint16_t)(bits >> (112 - 16 * i));
    }
    for (int i = 0; i < 8; i++) {
        int k = i;
        while (k < 8 && groups[k] == 0) {
            k++;
        }
        if (k - i > best_n) {
            best = i;
            best_n = k - i;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            wr_buf_str(buf, WR_STR("::"));
            i += best_n - 1;
            continue;
        }
        wr_buf_add(buf, ":", i > 0 && i != best + best_n ? 1 : i > 0 && best < 0 ? 1 : 0);
        wr_format(buf, "%x", (unsigned)groups[i]);
    }
}

static void write_ip(struct wr_buf *buf, struct ip ip)
{
    if (!ip.v4) {
        write_v6(buf, ip.bits);
        return;
    }
    uint32_t b = (uint32_t)ip.bits;
    wr_format(buf, "%u.%u.%u.%u", b >> 24, b >> 16 & 255, b >> 8 & 255, b & 255);
}

/* ── operands ───────────────────────────────────────────────────────────────────────────────── */

static wr_err want_network(struct wr_builtin_call *call, const struct wr_value *v,
                           struct network *out)
{
    if (v->type != WR_STRING) {
        return wr_builtin_operand(call, 0, "must be string but got %s", wr_type_name(*v));
    }
    if (!read_cidr(wr_text(*v), out)) {
        return wr_builtin_fail(call, "invalid CIDR address: %.*s", (int)WR_MIN(v->n, 200u),
                               v->text);
    }
    return WR_OK;
}

static bool has_ip(const struct network *n, struct ip ip)
{
    return n->first.v4 == ip.v4 && (ip.bits & ~host_mask(n)) == n->first.bits;
}

static struct ip last_ip(const struct network *n)
{
    return (struct ip){n->first.bits | host_mask(n), n->first.v4};
}

static wr_err contains(struct wr_builtin_call *call, const struct wr_value *a,
                       const struct wr_value *b, bool *yes)
{
    struct network outer, inner;
    struct ip ip;
    WR_TRY(wr_builtin_charge(call, 16));
    WR_TRY(want_network(call, a, &outer));
    if (b->type != WR_STRING) {
        return wr_builtin_operand(call, 0, "must be string but got %s", wr_type_name(*b));
    }
    if (read_ip(wr_text(*b), &ip)) {
        *yes = has_ip(&outer, ip);
        return WR_OK;
    }
    if (!read_cidr(wr_text(*b), &inner)) {
        return wr_builtin_fail(call,
                               "not a valid textual representation of an IP address or CIDR: %.*s",
                               (int)WR_MIN(b->n, 200u), b->text);
    }
    *yes = has_ip(&outer, inner.first) && has_ip(&outer, last_ip(&inner));
    return WR_OK;
}

/* ── the functions ──────────────────────────────────────────────────────────────────────────── */

WR_BUILTIN_FN(wr_b_cidr_contains)
{
    bool yes = false;
    (void)n;
    WR_TRY(contains(call, &args[0], &args[1], &yes));
    *out = wr_bool(yes);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_cidr_intersects)
{
    struct network a, b;
    (void)n;
    WR_TRY(want_network(call, &args[0], &a));
    WR_TRY(want_network(call, &args[1], &b));
    *out = wr_bool(has_ip(&a, b.first) || has_ip(&b, a.first));
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_cidr_is_valid)
{
    struct network network;
    (void)call;
    (void)n;
    *out = wr_bool(args[0].type == WR_STRING && read_cidr(wr_text(args[0]), &network));
    return WR_OK;
}

/* The i-th network of a string, array, set or object, and what names it in the result. */
static wr_err match_term(struct wr_builtin_call *call, const struct wr_value *args,
                         uint32_t operand, uint32_t i, struct wr_value *cidr,
                         struct wr_value *index)
{
    const struct wr_value *v = &args[operand];
    *index = *cidr = *v;
    if (v->type == WR_STRING) {
        return WR_OK;
    }
    *cidr = v->type == WR_OBJECT ? v->pairs[i].value : v->items[i];
    *index = v->type == WR_OBJECT ? v->pairs[i].key : v->type == WR_ARRAY ? wr_int(i) : v->items[i];
    if (cidr->type == WR_ARRAY && cidr->n > 0) {
        *cidr = cidr->items[0];
    } else if (cidr->type != WR_STRING) {
        return wr_builtin_fail(call, "operand %u: element must be string or non-empty array",
                               operand + 1);
    }
    return WR_OK;
}

static uint32_t n_terms(const struct wr_value *v)
{
    return v->type == WR_STRING ? 1 : v->type >= WR_ARRAY ? v->n : 0;
}

WR_BUILTIN_FN(wr_b_cidr_contains_matches)
{
    struct wr_list found = {0};
    (void)n;
    for (uint32_t i = 0; i < n_terms(&args[0]); i++) {
        struct wr_value a, b, index_a, index_b, *both;
        WR_TRY(match_term(call, args, 0, i, &a, &index_a));
        for (uint32_t k = 0; k < n_terms(&args[1]); k++) {
            bool yes = false;
            WR_TRY(match_term(call, args, 1, k, &b, &index_b));
            WR_TRY(contains(call, &a, &b, &yes));
            if (yes) {
                WR_TRY(wr_builtin_items(call, 2, &both));
                both[0] = index_a;
                both[1] = index_b;
                WR_TRY(wr_list_add(call, &found, wr_array(both, 2)));
            }
        }
    }
    *out = wr_set_from(found.items, found.n);
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_cidr_expand)
{
    struct network network;
    struct wr_value *items;
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    WR_TRY(want_network(call, args, &network));
    if (host_mask(&network) >= WR_LIMIT_BUILTIN_ITEMS) {
        return wr_builtin_too_large(call);
    }
    size_t count = (size_t)host_mask(&network) + 1;
    WR_TRY(wr_builtin_items(call, count, &items));
    WR_TRY(wr_builtin_charge(call, (uint64_t)count * 16));
    for (size_t i = 0; i < count; i++) {
        struct wr_buf buf = wr_buf_in(call->arena, 40);
        write_ip(&buf, (struct ip){network.first.bits + i, network.first.v4});
        WR_TRY(wr_builtin_text(call, &buf, &items[i]));
    }
    *out = wr_set_from(items, count);
    return WR_OK;
}

/* ── merging ────────────────────────────────────────────────────────────────────────────────── */

struct range {
    struct ip first, last;
};

static wr_err read_range(struct wr_builtin_call *call, const struct wr_value *v, struct range *out)
{
    struct network network;
    struct ip ip;
    if (v->type != WR_STRING) {
        return wr_builtin_fail(call, "element must be string");
    }
    if (read_ip(wr_text(*v), &ip)) {
        if (!ip.v4) {
            return wr_builtin_fail(call, "IPv6 invalid: needs prefix length");
        }
        unsigned top = (unsigned)(ip.bits >> 24); /* the classes of old: A /8, B /16, else /24 */
        network = (struct network){ip, top < 128 ? 8 : top < 192 ? 16 : 24};
        network.first.bits &= ~host_mask(&network);
    } else if (!read_cidr(wr_text(*v), &network)) {
        return wr_builtin_fail(call, "invalid CIDR address: %.*s", (int)WR_MIN(v->n, 200u),
                               v->text);
    }
    *out = (struct range){network.first, last_ip(&network)};
    return WR_OK;
}

static bool before(const struct range *a, const struct range *b)
{
    if (a->first.v4 != b->first.v4) {
        return a->first.v4;
    }
    return a->first.bits < b->first.bits;
}

static void sort_ranges(struct range *r, struct range *scratch, size_t n)
{
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t lo = 0; lo < n; lo += 2 * run) {
            size_t mid = WR_MIN(lo + run, n), hi = WR_MIN(lo + 2 * run, n), a = lo, b = mid;
            for (size_t k = lo; k < hi; k++) {
                bool right = a == mid || (b < hi && before(&r[b], &r[a]));
                scratch[k] = right ? r[b++] : r[a++];
            }
        }
        memcpy(r, scratch, n * sizeof *r);
    }
}

/* Writes a range as the fewest networks. */
static wr_err add_networks(struct wr_builtin_call *call, struct range r, struct wr_list *list)
{
    unsigned bits = width(r.first.v4);
    for (;;) {
        unsigned host = 0;
        while (host < bits) {
            wr_u128 mask = host + 1 >= 128 ? ~(wr_u128)0 : ((wr_u128)1 << (host + 1)) - 1;
            if ((r.first.bits & mask) != 0 || (r.first.bits | mask) > r.last.bits) {
                break;
            }
            host++;
        }
        struct wr_buf buf = wr_buf_in(call->arena, 48);
        struct wr_value text;
        write_ip(&buf, r.first);
        wr_format(&buf, "/%u", bits - host);
        WR_TRY(wr_builtin_text(call, &buf, &text));
        WR_TRY(wr_list_add(call, list, text));
        wr_u128 end = r.first.bits | (host >= 128 ? ~(wr_u128)0 : ((wr_u128)1 << host) - 1);
        if (end >= r.last.bits) {
            return WR_OK;
        }
        r.first.bits = end + 1;
    }
}

WR_BUILTIN_FN(wr_b_cidr_merge)
{
    struct wr_list list = {0};
    (void)n;
    WR_TRY(wr_builtin_want_mask(call, args, 0, WR_MASK_LIST, "array, set"));
    uint32_t count = args[0].n, kept = 0;
    WR_TRY(wr_builtin_charge(call, (uint64_t)count * 32 + 1));
    struct range *ranges = WR_NEW_ARRAY(call->arena, struct range, count + 1);
    struct range *scratch = WR_NEW_ARRAY(call->arena, struct range, count + 1);
    if (ranges == NULL || scratch == NULL) {
        return wr_builtin_no_room(call);
    }
    for (uint32_t i = 0; i < count; i++) {
        WR_TRY(read_range(call, &args[0].items[i], &ranges[i]));
    }
    sort_ranges(ranges, scratch, count);
    for (uint32_t i = 0; i < count; i++) {
        struct range *last = kept > 0 ? &ranges[kept - 1] : NULL;
        bool joins = last != NULL && last->last.v4 == ranges[i].first.v4 &&
                     (ranges[i].first.bits <= last->last.bits ||
                      ranges[i].first.bits - 1 == last->last.bits);
        if (!joins) {
            ranges[kept++] = ranges[i];
        } else if (ranges[i].last.bits > last->last.bits) {
            last->last = ranges[i].last;
        }
    }
    for (uint32_t i = 0; i < kept; i++) {
        WR_TRY(add_networks(call, ranges[i], &list));
    }
    *out = wr_set_from(list.items, list.n);
    return WR_OK;
}
