/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and positions for the kernel's steps: typed loads and stores, rounding, the odometer that
 * walks strided tensors. Private to the kernel's files. */
#ifndef WR_KERNEL_NUMBER_H
#define WR_KERNEL_NUMBER_H

#include "model/program.h"

static inline double wr_number_infinity(void)
{
    const uint64_t bits = 0x7ff0000000000000u;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double wr_number_sqrt(double x)
{
    return __builtin_sqrt(x);
}

/* Toward zero; out of range: the nearest integer there is; NaN: 0. */
static inline int64_t wr_number_integer(double x)
{
    if (x >= 9223372036854775807.0) {
        return INT64_MAX;
    }
    if (x <= -9223372036854775808.0) {
        return INT64_MIN;
    }
    return x == x ? (int64_t)x : 0;
}

static inline double wr_number_floor(double x)
{
    double whole;
    if (!(x > -0x1p52 && x < 0x1p52)) {
        return x;
    }
    whole = (double)(int64_t)x;
    whole = whole > x ? whole - 1 : whole;
    return whole == 0 && x <= 0 && x == whole ? x : whole;
}

/* To the nearest, ties to even. */
static inline double wr_number_round(double x)
{
    if (!(x > -0x1p52 && x < 0x1p52)) {
        return x;
    }
    return x < 0 ? (x - 0x1p52) + 0x1p52 : (x + 0x1p52) - 0x1p52;
}

static inline double wr_number_load(const void *from, unsigned type, uint32_t i)
{
    switch (type) {
    case WR_F32:
        return (double)((const float *)from)[i];
    case WR_F64:
        return ((const double *)from)[i];
    default:
        return (double)((const int64_t *)from)[i];
    }
}

static inline void wr_number_store(void *to, unsigned type, uint32_t i, double x)
{
    switch (type) {
    case WR_F32:
        ((float *)to)[i] = (float)x;
        break;
    case WR_F64:
        ((double *)to)[i] = x;
        break;
    default:
        ((int64_t *)to)[i] = wr_number_integer(x);
    }
}

/* A double among a step's parameters: two words. */
static inline double wr_number_param(const uint32_t *words)
{
    uint64_t bits = words[0] | (uint64_t)words[1] << 32;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Counts through `dims`, last fastest, and keeps the place in up to three strided tensors. Starts
 * at zero; at[] may be preset. */
struct wr_odometer {
    uint32_t rank, n;
    const uint32_t *dims;
    const int32_t *const *strides;
    uint32_t index[WR_LIMIT_PROGRAM_RANK], at[3];
};

/* Steps on; false when all positions have been seen. */
static inline bool wr_odometer_next(struct wr_odometer *o)
{
    for (uint32_t d = o->rank; d-- > 0;) {
        bool carry = ++o->index[d] == o->dims[d];
        for (uint32_t k = 0; k < o->n; k++) {
            uint32_t stride = (uint32_t)o->strides[k][d];
            o->at[k] += carry ? stride - stride * o->dims[d] : stride;
        }
        if (!carry) {
            return true;
        }
        o->index[d] = 0;
    }
    return false;
}

#endif
