/* SPDX-License-Identifier: Apache-2.0 */
/* Text to number and back, exact, the same on every build; no libc, no locale.
 *
 * Reading rounds to nearest, ties to even, for any number of digits. Writing gives the shortest
 * decimal digits that read back as the same double, the closest such to it. */
#ifndef WR_NUM_H
#define WR_NUM_H

#include "base/bytes.h"

/* Number text taken apart, exactly: the value is (-)0.d1d2...dn * 10^exponent, where the digits
 * stand in two pieces (before and after the point), neither starting nor ending in zero. No digits:
 * zero. The exponent is clamped to +-10^17; texts that differ only beyond it count as equal. */
struct wr_num_text {
    bool negative;
    struct wr_str digits[2];
    int64_t exponent;
};
/* False when the whole view is not a number in JSON's grammar. Borrows the text. O(n). */
bool wr_num_parse(struct wr_str text, struct wr_num_text *out);
/* Exact order of two: -1, 0, 1; "-0" equals "0". O(n). */
int wr_num_text_cmp(const struct wr_num_text *a, const struct wr_num_text *b);

/* Nearest double of JSON-grammar number text (optional '-', digits, fraction, exponent). The whole
 * view must be a number. Overflow gives infinity. Returns false when it is not a number. */
bool wr_num_read_double(struct wr_str text, double *out);

/* Nearest double of mantissa * 10^exponent10. */
double wr_num_from_decimal(uint64_t mantissa, int exponent10);

/* Shortest digits: value = 0.d1d2...dn * 10^exponent10; n <= 17. `d` must be finite and not zero;
 * the sign is ignored. Returns n. */
unsigned wr_num_shortest(double d, char digits[17], int *exponent10);
unsigned wr_num_shortest_float(float f, char digits[9], int *exponent10);
/* The same as an integer: |d| = digits * 10^exponent10, digits not divisible by ten. */
void wr_num_shortest_integer(double d, uint64_t *digits, int *exponent10);

/* Writes the shortest text: plain for 1e-7 <= |d| < 1e21, else exponent form (1e+30 is "1e+30").
 * NaN and infinities write "NaN", "Infinity", "-Infinity" (never into JSON). */
void wr_num_write_double(struct wr_buf *buf, double d);
void wr_num_write_float(struct wr_buf *buf, float f);
/* The same of digits * 10^exponent10, as wr_num_shortest_integer finds them; digits not 0. */
void wr_num_write_digits(struct wr_buf *buf, uint64_t digits, int exponent10);
/* Exactly `decimals` digits (0..17) after the point, rounded to nearest, ties to even on the exact
 * binary value (as C's %.*f). */
void wr_num_write_fixed(struct wr_buf *buf, double d, unsigned decimals);

/* Whole view must be decimal digits with an optional sign; false on overflow or other bytes. */
bool wr_num_read_i64(struct wr_str text, int64_t *out);
bool wr_num_read_u64(struct wr_str text, uint64_t *out);

/* Checked arithmetic: false on overflow. */
static inline bool wr_add_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool wr_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

#endif
