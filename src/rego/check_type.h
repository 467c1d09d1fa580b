/* SPDX-License-Identifier: Apache-2.0 */
/* Types of Rego, as far as they are known before evaluation.
 *
 *   null boolean number string
 *   array<T, U>[V]          elements by place, then any number of V
 *   object<k: T, l: U>[K: V]  members by key, then any with keys K and values V
 *   set[T]
 *   any<T, U>               one of these, in order; `any` alone is anything
 *   (T, U) => V             functions; rules that are no functions have the type of their value
 *
 * NULL is a type that is not known, "???" in messages. Types are immutable and shared; those nested
 * deeper than WR_LIMIT_REGO_TYPE become `any`. The order of types is that of OPA, since it shows in
 * messages. Every comparison takes steps from a budget, as shared types can be walked exponentially
 * often. */
#ifndef WR_CHECK_TYPE_H
#define WR_CHECK_TYPE_H

#include "base/arena.h"
#include "value/value.h"

#define WR_LIMIT_REGO_TYPE 48 /* nesting of types */

enum wr_type_kind {
    WR_T_NULL,
    WR_T_BOOLEAN,
    WR_T_NUMBER,
    WR_T_STRING,
    WR_T_ARRAY,
    WR_T_OBJECT,
    WR_T_SET,
    WR_T_ANY,
    WR_T_FUNCTION,
};

struct wr_check_type {
    uint8_t kind;
    bool unknown; /* NULL somewhere inside, where OPA looks for it */
    uint16_t depth;
    uint32_t n;
    const struct wr_check_type **of;  /* elements, values of members, alternatives, arguments */
    const struct wr_value *keys;      /* of an object's members, sorted */
    const struct wr_check_type *key;  /* of other members; of a function's further arguments */
    const struct wr_check_type *rest; /* other elements, values of other members, elements of a set,
                                         a function's result */
    const struct wr_str *names;       /* of a builtin's arguments and, last, result; may be NULL */
};

struct wr_check_types {
    struct wr_arena *arena;
    uint64_t steps; /* left */
    bool no_room;
};

extern const struct wr_check_type wr_type_null, wr_type_boolean, wr_type_number, wr_type_string,
    wr_type_any;

const struct wr_check_type *wr_type_array(struct wr_check_types *ts,
                                          const struct wr_check_type **of, uint32_t n,
                                          const struct wr_check_type *rest);
/* Sorts keys and values in place. */
const struct wr_check_type *wr_type_object(struct wr_check_types *ts, struct wr_value *keys,
                                           const struct wr_check_type **of, uint32_t n,
                                           const struct wr_check_type *key,
                                           const struct wr_check_type *rest);
const struct wr_check_type *wr_type_set(struct wr_check_types *ts, const struct wr_check_type *of);
const struct wr_check_type *wr_type_function(struct wr_check_types *ts,
                                             const struct wr_check_type **args, uint32_t n,
                                             const struct wr_check_type *result);
/* any<T> */
const struct wr_check_type *wr_type_alternatives(struct wr_check_types *ts,
                                                 const struct wr_check_type *one);
/* Of a value, as JSON has it: sets are arrays. */
const struct wr_check_type *wr_type_of(struct wr_check_types *ts, const struct wr_value *v);

int wr_type_cmp(struct wr_check_types *ts, const struct wr_check_type *a,
                const struct wr_check_type *b);
/* The type of what is a or b. */
const struct wr_check_type *wr_type_or(struct wr_check_types *ts, const struct wr_check_type *a,
                                       const struct wr_check_type *b);
/* True if some value may have both types. */
bool wr_type_unifies(struct wr_check_types *ts, const struct wr_check_type *a,
                     const struct wr_check_type *b);
/* Of the member under a key; NULL when there can be none. */
const struct wr_check_type *wr_type_select(struct wr_check_types *ts, const struct wr_check_type *t,
                                           const struct wr_value *key);
const struct wr_check_type *wr_type_keys(struct wr_check_types *ts, const struct wr_check_type *t);
const struct wr_check_type *wr_type_values(struct wr_check_types *ts,
                                           const struct wr_check_type *t);
static inline bool wr_type_is_unknown(const struct wr_check_type *t)
{
    return t == NULL || t->unknown;
}

/* As in messages; ends with "..." when that becomes long. */
void wr_type_write(struct wr_buf *buf, const struct wr_check_type *t);
/* "(x: number, y: number)", with the result behind the arguments if so wanted. */
void wr_type_write_arguments(struct wr_buf *buf, const struct wr_check_type *function, bool result);
/* As OPA's JSON has types: {"type":"array","dynamic":{..}}. Ends when that becomes long. */
void wr_type_write_json(struct wr_buf *buf, const struct wr_check_type *t);
/* {"args":[..]}, the arguments with their names and, if so wanted, the result, with a description
 * unless that is NULL. */
void wr_type_write_arguments_json(struct wr_buf *buf, const struct wr_check_type *function,
                                  bool result, const char *description);
/* Reads a builtin's signature (grammar in builtin.h). */
const struct wr_check_type *wr_type_parse_signature(struct wr_check_types *ts, struct wr_str text);

#endif
