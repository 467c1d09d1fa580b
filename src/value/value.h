/* SPDX-License-Identifier: Apache-2.0 */
/* JSON and Rego values: 16 bytes, immutable, ordered, never owning.
 *
 *   byte 0      1      2..3    4..7   8..15
 *       type | kind | scale |  n   | payload
 *
 *   type     payload                              n                kind, scale
 *   null     -                                    -
 *   bool     integer 0 or 1                       -
 *   number   DEC: integer m, the number is        -                DEC: scale = digits after the
 *            m / 10^scale, written so                              point, 0..18
 *            TEXT: its source text                bytes            TEXT
 *            BINARY: mantissa m                   exponent e       BINARY: scale = 1 when negative
 *   string   UTF-8 text                           bytes
 *   array    values                               elements
 *   object   pairs, sorted by key, keys unique    pairs
 *   set      values, sorted, unique               elements
 *
 * Numbers keep the text they came with, as OPA does: "1.50" is DEC m=150 scale=2 and prints as
 * 1.50; what DEC cannot hold to the letter (exponents, "-0", over 18 digits) is TEXT. BINARY is
 * what the arithmetic of policies gives: m * 2^e with a mantissa of 64 bits, no integer; its text,
 * the shortest digits that read back as it, is made only when somebody looks. Equality and order
 * are by the exact value of the text all the same: 1 == 1.0 == 1e0.
 *
 * Order: undefined < null < false < true < numbers < strings (bytes) < arrays < objects < sets.
 *
 * A value borrows its payload from the arena or buffer it was built in and lives as long. Depth of
 * nesting is at most WR_LIMIT_VALUE_DEPTH, kept by all builders of input, so walking functions may
 * use a stack of that size. */
#ifndef WR_VALUE_H
#define WR_VALUE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define WR_LIMIT_VALUE_DEPTH 128

enum wr_type {
    WR_UNDEFINED = 0, /* no value at all: never inside another value */
    WR_NULL,
    WR_BOOL,
    WR_NUMBER,
    WR_STRING,
    WR_ARRAY,
    WR_OBJECT,
    WR_SET,
};

enum wr_number_kind { WR_DEC = 0, WR_TEXT = 1, WR_BINARY = 2 };

struct wr_pair;

struct wr_value {
    uint8_t type;
    uint8_t kind;
    uint16_t scale;
    uint32_t n;
    union {
        int64_t i;
        const char *text;
        const struct wr_value *items;
        const struct wr_pair *pairs;
    };
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct wr_value) == 16, "a value is 16 bytes");

struct wr_pair {
    struct wr_value key, value;
};

/* ── making ─────────────────────────────────────────────────────────────────────────────────── */
static inline struct wr_value wr_undefined(void)
{
    return (struct wr_value){.type = WR_UNDEFINED};
}
static inline struct wr_value wr_null(void)
{
    return (struct wr_value){.type = WR_NULL};
}
static inline struct wr_value wr_bool(bool b)
{
    return (struct wr_value){.type = WR_BOOL, .i = b};
}
static inline struct wr_value wr_int(int64_t i)
{
    return (struct wr_value){.type = WR_NUMBER, .kind = WR_DEC, .i = i};
}
/* mantissa / 10^scale, scale 0..18; prints with exactly `scale` digits after the point. A mantissa
 * of 0 with a sign cannot be written so. */
static inline struct wr_value wr_decimal(int64_t mantissa, unsigned scale)
{
    return (struct wr_value){
        .type = WR_NUMBER, .kind = WR_DEC, .scale = (uint16_t)scale, .i = mantissa};
}
static inline struct wr_value wr_string(struct wr_str s)
{
    return (struct wr_value){.type = WR_STRING, .n = (uint32_t)s.n, .text = s.p};
}
static inline struct wr_value wr_array(const struct wr_value *items, size_t n)
{
    return (struct wr_value){.type = WR_ARRAY, .n = (uint32_t)n, .items = items};
}
/* From JSON number text (RFC 8259 grammar, already checked); borrows the text when it is TEXT. */
struct wr_value wr_number_text(struct wr_str text);
/* The shortest text that reads back as the same double (DEC where it fits without exponent, else
 * TEXT in the arena; exponent form only outside 1e-7 .. 1e21). NaN and infinities: undefined. */
struct wr_value wr_number_double(struct wr_arena *arena, double d);
/* Sorts (stable, last duplicate key wins) in place and returns the object. */
struct wr_value wr_object_from(struct wr_pair *pairs, size_t n);
/* Sorts and drops duplicates in place and returns the set. */
struct wr_value wr_set_from(struct wr_value *items, size_t n);
/* Deep copy into the arena; undefined with arena->failed set when there is no room. */
struct wr_value wr_value_copy(struct wr_arena *arena, struct wr_value v);

/* ── asking ─────────────────────────────────────────────────────────────────────────────────── */
static inline bool wr_is(struct wr_value v, enum wr_type type)
{
    return v.type == type;
}
static inline bool wr_is_true(struct wr_value v)
{
    return v.type == WR_BOOL && v.i != 0;
}
static inline bool wr_is_false(struct wr_value v)
{
    return v.type == WR_BOOL && v.i == 0;
}
static inline struct wr_str wr_text(struct wr_value v) /* of a string, or a TEXT number */
{
    return wr_str_of(v.text, v.n);
}
const char *wr_type_name(struct wr_value v); /* "boolean", as Rego's type_name; "undefined" */

/* Total order; equality. Iterative or depth-bounded; O(size). */
int wr_value_cmp(const struct wr_value *a, const struct wr_value *b);
bool wr_value_eq(const struct wr_value *a, const struct wr_value *b);
/* Equal values hash equally (also 1 and 1.0). */
uint64_t wr_value_hash(const struct wr_value *v);

/* The value under a key, or NULL. Short objects are scanned, long ones searched by halving. */
const struct wr_value *wr_object_get(const struct wr_value *object, const struct wr_value *key);
const struct wr_value *wr_object_get_str(const struct wr_value *object, struct wr_str key);
bool wr_set_has(const struct wr_value *set, const struct wr_value *element);
/* Object by key, array by non-negative integer, set by element (gives the element); else NULL. */
const struct wr_value *wr_value_at(const struct wr_value *v, const struct wr_value *key);

/* ── numbers ────────────────────────────────────────────────────────────────────────────────── */
/* Exact integer value if the number is an integer within int64 (1.0 and 1e3 are). */
bool wr_number_to_i64(const struct wr_value *number, int64_t *out);
/* number * 10^scale if that is an exact integer within int64 (money: 57.16 at scale 2 is 5716). */
bool wr_number_to_scaled(const struct wr_value *number, unsigned scale, int64_t *out);
/* Nearest double, ties to even; overflow gives infinity. */
double wr_number_to_double(const struct wr_value *number);
/* The text as it will be printed. */
void wr_number_write(struct wr_buf *buf, const struct wr_value *number);

#endif
