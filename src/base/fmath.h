/* SPDX-License-Identifier: Apache-2.0 */
/* Elementary functions with the same bits on every build.
 *
 * Only + - * / and integer operations on the bit pattern; no tables, no libm, compiled
 * without contraction. Worst errors measured against a long double reference are stated with each
 * function and held by test/unit/model/test_fmath.c. NaN results carry no defined payload. */
#ifndef WR_FMATH_H
#define WR_FMATH_H

#include "base/base.h"

double wr_exp(double x);     /* < 1 ulp; 0 below -745.2, infinity above 709.8 */
double wr_expm1(double x);   /* exp(x) - 1, exact near 0; < 1.5 ulp */
double wr_log(double x);     /* natural; < 1 ulp; -infinity at 0, NaN below */
double wr_log1p(double x);   /* log(1 + x); < 2 ulp */
double wr_tanh(double x);    /* < 3 ulp */
double wr_sigmoid(double x); /* 1 / (1 + exp(-x)), never overflows; < 3 ulp */
double wr_erf(double x);     /* < 3 ulp */
/* x to the power y, by exp(y log x) with the logarithm in two doubles; < 1 ulp where the result is
 * normal. Corner cases as C17 Annex F. */
double wr_pow(double x, double y);

#endif
