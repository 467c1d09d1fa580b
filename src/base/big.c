/* SPDX-License-Identifier: Apache-2.0 */
#include "base/big.h"

void wr_big_set(struct wr_big *big, uint64_t v)
{
    big->n = v != 0;
    big->limb[0] = v;
}

static void push(struct wr_big *big, uint64_t limb)
{
    if (limb != 0) {
        WR_ASSERT(big->n < WR_BIG_LIMBS);
        big->limb[big->n++] = limb;
    }
}

void wr_big_mul_add(struct wr_big *big, uint64_t factor, uint64_t addend)
{
    uint64_t carry = addend;
    for (uint32_t i = 0; i < big->n; i++) {
        wr_u128 product = (wr_u128)big->limb[i] * factor + carry;
        big->limb[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    push(big, carry);
}

void wr_big_mul_pow5(struct wr_big *big, unsigned power)
{
    const uint64_t five_27 = 7450580596923828125U; /* the greatest power below 2^64 */
    for (; power >= 27; power -= 27) {
        wr_big_mul_add(big, five_27, 0);
    }
    uint64_t rest = 1;
    for (; power > 0; power--) {
        rest *= 5;
    }
    wr_big_mul_add(big, rest, 0);
}

void wr_big_shift_left(struct wr_big *big, unsigned bits)
{
    uint32_t limbs = bits / 64;
    unsigned within = bits % 64;
    if (big->n == 0) {
        return;
    }
    WR_ASSERT(big->n + limbs < WR_BIG_LIMBS);
    memmove(big->limb + limbs, big->limb, big->n * sizeof big->limb[0]);
    memset(big->limb, 0, limbs * sizeof big->limb[0]);
    big->n += limbs;
    if (within == 0) {
        return;
    }
    uint64_t carry = 0;
    for (uint32_t i = limbs; i < big->n; i++) {
        uint64_t limb = big->limb[i];
        big->limb[i] = limb << within | carry;
        carry = limb >> (64 - within);
    }
    push(big, carry);
}

int wr_big_cmp(const struct wr_big *a, const struct wr_big *b)
{
    if (a->n != b->n) {
        return a->n < b->n ? -1 : 1;
    }
    for (uint32_t i = a->n; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

uint32_t wr_big_div_1e9(struct wr_big *big)
{
    const uint32_t divisor = 1000000000;
    uint64_t rest = 0;
    for (uint32_t i = big->n; i-- > 0;) {
        uint64_t high = rest << 32 | big->limb[i] >> 32;
        uint64_t low = (high % divisor) << 32 | (big->limb[i] & UINT32_MAX);
        big->limb[i] = (high / divisor) << 32 | low / divisor;
        rest = low % divisor;
    }
    while (big->n > 0 && big->limb[big->n - 1] == 0) {
        big->n--;
    }
    return (uint32_t)rest;
}
