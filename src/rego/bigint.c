/* SPDX-License-Identifier: Apache-2.0 */
/* See bigint.h. */
#include "rego/bigint.h"

#define LIMBS_MAX (WR_LIMIT_BIGINT_BITS / 32)

static struct wr_bigint failed(void)
{
    return (struct wr_bigint){.failed = true};
}

static struct wr_bigint make(struct wr_arena *arena, size_t n)
{
    if (n > LIMBS_MAX) {
        return failed();
    }
    struct wr_bigint r = {.limbs = WR_NEW_ARRAY(arena, uint32_t, n + 1), .n = (uint32_t)n};
    r.failed = r.limbs == NULL;
    return r;
}

static struct wr_bigint trim(struct wr_bigint a)
{
    while (a.n > 0 && a.limbs[a.n - 1] == 0) {
        a.n--;
    }
    a.neg = a.neg && a.n != 0;
    return a;
}

static struct wr_bigint from_u64(struct wr_arena *arena, uint64_t v, bool neg)
{
    struct wr_bigint r = make(arena, 2);
    if (!r.failed) {
        r.limbs[0] = (uint32_t)v;
        r.limbs[1] = (uint32_t)(v >> 32);
        r.neg = neg;
        r = trim(r);
    }
    return r;
}

struct wr_bigint wr_bigint_i64(struct wr_arena *arena, int64_t v)
{
    return from_u64(arena, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

struct wr_bigint wr_bigint_float(struct wr_arena *arena, struct wr_float f)
{
    WR_ASSERT(wr_float_is_int(f));
    if (f.m == 0 || f.e < 0) {
        return from_u64(arena, f.m == 0 ? 0 : f.m >> -f.e, f.neg);
    }
    return wr_bigint_shl(arena, from_u64(arena, f.m, f.neg), (uint64_t)f.e);
}

struct wr_bigint wr_bigint_read(struct wr_arena *arena, struct wr_str digits)
{
    size_t i = digits.n > 0 && digits.p[0] == '-' ? 1 : 0;
    struct wr_bigint r = make(arena, digits.n / 9 + 1);
    if (i == digits.n || r.failed) {
        return failed();
    }
    uint32_t used = 0;
    for (; i < digits.n; i++) {
        uint64_t carry = (uint64_t)(digits.p[i] - '0');
        if (digits.p[i] < '0' || digits.p[i] > '9') {
            return failed();
        }
        for (uint32_t k = 0; k < used; k++) {
            carry += (uint64_t)r.limbs[k] * 10;
            r.limbs[k] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry != 0) {
            r.limbs[used++] = (uint32_t)carry;
        }
    }
    r.n = used;
    r.neg = digits.p[0] == '-';
    return trim(r);
}

static int cmp_magnitude(struct wr_bigint a, struct wr_bigint b)
{
    if (a.n != b.n) {
        return a.n < b.n ? -1 : 1;
    }
    for (uint32_t i = a.n; i-- > 0;) {
        if (a.limbs[i] != b.limbs[i]) {
            return a.limbs[i] < b.limbs[i] ? -1 : 1;
        }
    }
    return 0;
}

struct wr_bigint wr_bigint_add(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b)
{
    if (a.failed || b.failed) {
        return failed();
    }
    if (cmp_magnitude(a, b) < 0) {
        struct wr_bigint t = a;
        a = b;
        b = t;
    }
    struct wr_bigint r = make(arena, a.n + 1);
    if (r.failed) {
        return r;
    }
    bool subtract = a.neg != b.neg;
    int64_t carry = 0;
    for (uint32_t i = 0; i < a.n; i++) {
        int64_t y = i < b.n ? b.limbs[i] : 0;
        carry += (int64_t)a.limbs[i] + (subtract ? -y : y);
        r.limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    r.limbs[a.n] = (uint32_t)carry;
    r.neg = a.neg;
    return trim(r);
}

struct wr_bigint wr_bigint_mul(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b)
{
    if (a.failed || b.failed) {
        return failed();
    }
    struct wr_bigint r = make(arena, a.n + b.n);
    if (r.failed) {
        return r;
    }
    for (uint32_t i = 0; i < a.n; i++) {
        uint64_t carry = 0;
        for (uint32_t k = 0; k < b.n; k++) {
            carry += (uint64_t)a.limbs[i] * b.limbs[k] + r.limbs[i + k];
            r.limbs[i + k] = (uint32_t)carry;
            carry >>= 32;
        }
        r.limbs[i + b.n] = (uint32_t)carry;
    }
    r.neg = a.neg != b.neg;
    return trim(r);
}

/* The i-th limb of the two's complement of infinite width. `borrow` starts as 1. */
static uint32_t twos_limb(struct wr_bigint a, uint32_t i, uint32_t *borrow)
{
    uint32_t v = i < a.n ? a.limbs[i] : 0;
    if (!a.neg) {
        return v;
    }
    uint32_t r = ~v + *borrow;
    *borrow = *borrow != 0 && r == 0;
    return r;
}

static struct wr_bigint from_twos(struct wr_bigint r, bool neg)
{
    r.neg = neg;
    if (neg) {
        uint32_t carry = 1;
        for (uint32_t i = 0; i < r.n; i++) {
            r.limbs[i] = ~r.limbs[i] + carry;
            carry = carry != 0 && r.limbs[i] == 0;
        }
    }
    return trim(r);
}

static struct wr_bigint bitwise(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b,
                                char op)
{
    if (a.failed || b.failed) {
        return failed();
    }
    struct wr_bigint r = make(arena, WR_MAX(a.n, b.n) + 1);
    uint32_t borrow_a = 1, borrow_b = 1;
    for (uint32_t i = 0; i < r.n && !r.failed; i++) {
        uint32_t x = twos_limb(a, i, &borrow_a), y = twos_limb(b, i, &borrow_b);
        r.limbs[i] = op == '&' ? x & y : op == '|' ? x | y : x ^ y;
    }
    bool neg = op == '&' ? a.neg && b.neg : op == '|' ? a.neg || b.neg : a.neg != b.neg;
    return r.failed ? r : from_twos(r, neg);
}

struct wr_bigint wr_bigint_and(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b)
{
    return bitwise(arena, a, b, '&');
}

struct wr_bigint wr_bigint_or(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b)
{
    return bitwise(arena, a, b, '|');
}

struct wr_bigint wr_bigint_xor(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b)
{
    return bitwise(arena, a, b, '^');
}

struct wr_bigint wr_bigint_not(struct wr_arena *arena, struct wr_bigint a)
{
    struct wr_bigint r = wr_bigint_add(arena, a, wr_bigint_i64(arena, 1));
    r.neg = !r.neg && r.n != 0;
    return r;
}

struct wr_bigint wr_bigint_shl(struct wr_arena *arena, struct wr_bigint a, uint64_t by)
{
    if (a.failed || a.n == 0) {
        return a;
    }
    if (by > WR_LIMIT_BIGINT_BITS) {
        return failed();
    }
    uint32_t limbs = (uint32_t)(by / 32), bits = (uint32_t)(by % 32);
    struct wr_bigint r = make(arena, (size_t)a.n + limbs + 1);
    for (uint32_t i = 0; i < a.n && !r.failed; i++) {
        uint64_t v = (uint64_t)a.limbs[i] << bits;
        r.limbs[i + limbs] |= (uint32_t)v;
        r.limbs[i + limbs + 1] = (uint32_t)(v >> 32);
    }
    r.neg = a.neg;
    return r.failed ? r : trim(r);
}

struct wr_bigint wr_bigint_shr(struct wr_arena *arena, struct wr_bigint a, uint64_t by)
{
    if (a.failed) {
        return a;
    }
    uint64_t limbs = by / 32;
    uint32_t bits = (uint32_t)(by % 32);
    if (limbs >= a.n) {
        return wr_bigint_i64(arena, a.neg ? -1 : 0);
    }
    bool cut = (a.limbs[limbs] & (((uint32_t)1 << bits) - 1)) != 0;
    for (uint32_t i = 0; i < limbs; i++) {
        cut = cut || a.limbs[i] != 0;
    }
    struct wr_bigint r = make(arena, (size_t)(a.n - limbs));
    for (uint32_t i = 0; i < r.n && !r.failed; i++) {
        uint64_t high = i + limbs + 1 < a.n ? a.limbs[i + limbs + 1] : 0;
        r.limbs[i] = (uint32_t)(((high << 32) | a.limbs[i + limbs]) >> bits);
    }
    if (r.failed) {
        return r;
    }
    r.neg = a.neg;
    r = trim(r);
    return a.neg && cut ? wr_bigint_add(arena, r, wr_bigint_i64(arena, -1)) : r;
}

/* Algorithm D on limbs shifted so that the divisor's top bit is set; leaves the remainder in u. */
static void divide(uint32_t *u, uint32_t un, const uint32_t *v, uint32_t vn)
{
    for (uint32_t j = un - vn; j-- > 0;) {
        uint64_t top = ((uint64_t)u[j + vn] << 32) | u[j + vn - 1];
        uint64_t q = top / v[vn - 1], r = top % v[vn - 1];
        while (q >> 32 != 0 || (vn > 1 && q * v[vn - 2] > ((r << 32) | u[j + vn - 2]))) {
            q--;
            r += v[vn - 1];
            if (r >> 32 != 0) {
                break;
            }
        }
        int64_t borrow = 0;
        uint64_t carry = 0;
        for (uint32_t i = 0; i < vn; i++) {
            carry += q * v[i];
            borrow += (int64_t)u[i + j] - (int64_t)(uint32_t)carry;
            u[i + j] = (uint32_t)borrow;
            borrow >>= 32;
            carry >>= 32;
        }
        borrow += (int64_t)u[j + vn] - (int64_t)carry;
        u[j + vn] = (uint32_t)borrow;
        if (borrow < 0) {
            uint64_t back = 0;
            for (uint32_t i = 0; i < vn; i++) {
                back += (uint64_t)u[i + j] + v[i];
                u[i + j] = (uint32_t)back;
                back >>= 32;
            }
            u[j + vn] += (uint32_t)back;
        }
    }
}

struct wr_bigint wr_bigint_rem(struct wr_arena *arena, struct wr_bigint a, struct wr_bigint b)
{
    if (a.failed || b.failed || cmp_magnitude(a, b) < 0) {
        return b.failed ? b : a;
    }
    WR_ASSERT(b.n != 0);
    uint64_t shift = (uint64_t)__builtin_clz(b.limbs[b.n - 1]);
    struct wr_bigint v = wr_bigint_shl(arena, b, shift), u = make(arena, (size_t)a.n + 1);
    struct wr_bigint shifted = wr_bigint_shl(arena, a, shift);
    if (u.failed || v.failed || shifted.failed) {
        return failed();
    }
    memcpy(u.limbs, shifted.limbs, shifted.n * sizeof(uint32_t));
    divide(u.limbs, u.n, v.limbs, v.n);
    u.n = v.n;
    u = wr_bigint_shr(arena, trim(u), shift);
    u.neg = a.neg && u.n != 0;
    return u;
}

struct wr_str wr_bigint_text(struct wr_arena *arena, struct wr_bigint a, uint32_t base)
{
    size_t cap = (size_t)a.n * 32 + 2, at = cap;
    char *text = a.failed ? NULL : wr_arena_alloc(arena, cap, 1);
    uint32_t *rest = WR_NEW_ARRAY(arena, uint32_t, a.n + 1);
    if (text == NULL || rest == NULL) {
        return wr_str_of(NULL, 0);
    }
    if (a.n != 0) {
        memcpy(rest, a.limbs, a.n * sizeof *rest);
    }
    uint32_t n = a.n;
    do {
        uint64_t digit = 0;
        for (uint32_t i = n; i-- > 0;) {
            digit = (digit << 32) | rest[i];
            rest[i] = (uint32_t)(digit / base);
            digit %= base;
        }
        while (n > 0 && rest[n - 1] == 0) {
            n--;
        }
        text[--at] = "0123456789abcdef"[digit];
    } while (n > 0);
    if (a.neg) {
        text[--at] = '-';
    }
    return wr_str_of(text + at, cap - at);
}
