/* SPDX-License-Identifier: Apache-2.0 */
/* What the files builtin_*.c share: the functions of the table, and helpers for operands, lists,
 * text and the caches. Nobody else includes this. */
#ifndef WR_BUILTIN_FAMILY_H
#define WR_BUILTIN_FAMILY_H

#include "rego/builtin.h"
#include "rego/number.h"

#define WR_BUILTIN_FN(fn)                                                                          \
    wr_err fn(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,               \
              struct wr_value *out)

#define WR_TRY(expression)                                                                         \
    do {                                                                                           \
        wr_err wr_try_ = (expression);                                                             \
        if (WR_UNLIKELY(wr_try_ != WR_OK)) {                                                       \
            return wr_try_;                                                                        \
        }                                                                                          \
    } while (0)

/* ── operands ───────────────────────────────────────────────────────────────────────────────── */
#define WR_MASK(type) (1u << (type))
#define WR_MASK_LIST  (WR_MASK(WR_ARRAY) | WR_MASK(WR_SET))
/* One of the types of the mask, else "operand i must be one of {<names>} but got ...". */
wr_err wr_builtin_want_mask(struct wr_builtin_call *call, const struct wr_value *args, uint32_t i,
                            unsigned mask, const char *names);
/* A number written as a plain integer: "must be integer number but got floating-point number". */
wr_err wr_builtin_want_int(struct wr_builtin_call *call, const struct wr_value *args, uint32_t i,
                           int64_t *out);
/* "operand i must be array of strings but got array containing number". */
wr_err wr_builtin_element(struct wr_builtin_call *call, uint32_t i, struct wr_value composite,
                          struct wr_value got, const char *want);
/* Reports what number.h could not do. */
wr_err wr_builtin_number(struct wr_builtin_call *call, wr_err err);

static inline bool wr_is_list(struct wr_value v)
{
    return v.type == WR_ARRAY || v.type == WR_SET;
}

/* ── results ────────────────────────────────────────────────────────────────────────────────── */
/* Room for n values, charged and checked against WR_LIMIT_BUILTIN_ITEMS. */
wr_err wr_builtin_items(struct wr_builtin_call *call, size_t n, struct wr_value **items);
wr_err wr_builtin_pairs(struct wr_builtin_call *call, size_t n, struct wr_pair **pairs);

struct wr_list { /* grows by doubling in the call's arena */
    struct wr_value *items;
    size_t n, cap;
};
wr_err wr_list_add(struct wr_builtin_call *call, struct wr_list *list, struct wr_value v);

/* A string of what the buffer holds, checked against WR_LIMIT_BUILTIN_OUTPUT. */
wr_err wr_builtin_text(struct wr_builtin_call *call, const struct wr_buf *buf,
                       struct wr_value *out);
/* A string that copies s; bytes that are not UTF-8 become U+FFFD each, as Go does. */
wr_err wr_builtin_utf8(struct wr_builtin_call *call, struct wr_str s, struct wr_value *out);
/* For loops that may write much: WR_OK while the buffer is within its bounds. */
wr_err wr_builtin_check(struct wr_builtin_call *call, const struct wr_buf *buf);
struct wr_value wr_string_z(const char *static_text);
/* The code point at s[at]; its length goes to *len, 1 with U+FFFD for a byte that is not UTF-8. */
uint32_t wr_rune_at(struct wr_str s, size_t at, unsigned *len);
size_t wr_rune_count(struct wr_str s);
/* Sorts by Rego order, stable; `scratch` holds as many. */
void wr_values_sort(struct wr_value *items, struct wr_value *scratch, size_t n);
/* Recursion of builtins over nested values stops here, with WR_E_LIMIT. */
#define WR_LIMIT_BUILTIN_DEPTH (2 * WR_LIMIT_VALUE_DEPTH)
wr_err wr_builtin_deep(struct wr_builtin_call *call, unsigned depth);

/* ── caches ─────────────────────────────────────────────────────────────────────────────────── */
enum wr_cached {
    WR_CACHED_REGEX,
    WR_CACHED_GLOB,
    WR_CACHED_ZONE,
};
const void *wr_builtin_recall(const struct wr_builtin_call *call, enum wr_cached kind,
                              struct wr_str key);
/* Where to build what is to be remembered. */
struct wr_arena *wr_builtin_cache_arena(const struct wr_builtin_call *call);
void wr_builtin_remember(const struct wr_builtin_call *call, enum wr_cached kind, struct wr_str key,
                         const void *thing);
/* For wr_builtin_prepare. */
void wr_regex_prepare(struct wr_builtin_call *call, struct wr_str pattern);
void wr_glob_prepare(struct wr_builtin_call *call, struct wr_value pattern,
                     struct wr_value delimiters);

/* ── shared between families ────────────────────────────────────────────────────────────────── */
/* Base64 (RFC 4648) with either alphabet; `bad` gets the offset of the first bad byte. */
void wr_base64_write(struct wr_buf *buf, struct wr_str bytes, bool url, bool pad);
bool wr_base64_read(struct wr_buf *buf, struct wr_str text, bool url, bool pad, size_t *bad);
/* Go's fmt.Sprintf over Rego values. */
wr_err wr_sprintf(struct wr_builtin_call *call, struct wr_buf *buf, struct wr_str format,
                  const struct wr_value *items, size_t n);
/* A JSON document as a value; the error's text is that of Go's encoding/json where a case needs it.
 */
wr_err wr_json_value(struct wr_builtin_call *call, struct wr_str text, struct wr_value *out);

/* ── the functions of the table ─────────────────────────────────────────────────────────────── */
/* builtin_arith.c */
WR_BUILTIN_FN(wr_b_plus);
WR_BUILTIN_FN(wr_b_minus);
WR_BUILTIN_FN(wr_b_mul);
WR_BUILTIN_FN(wr_b_div);
WR_BUILTIN_FN(wr_b_rem);
WR_BUILTIN_FN(wr_b_abs);
WR_BUILTIN_FN(wr_b_ceil);
WR_BUILTIN_FN(wr_b_floor);
WR_BUILTIN_FN(wr_b_round);
WR_BUILTIN_FN(wr_b_bits_and);
WR_BUILTIN_FN(wr_b_bits_or);
WR_BUILTIN_FN(wr_b_bits_xor);
WR_BUILTIN_FN(wr_b_bits_negate);
WR_BUILTIN_FN(wr_b_bits_lsh);
WR_BUILTIN_FN(wr_b_bits_rsh);
WR_BUILTIN_FN(wr_b_numbers_range);
WR_BUILTIN_FN(wr_b_numbers_range_step);
WR_BUILTIN_FN(wr_b_format_int);
WR_BUILTIN_FN(wr_b_rand_intn);
/* builtin_type.c */
WR_BUILTIN_FN(wr_b_eq);
WR_BUILTIN_FN(wr_b_neq);
WR_BUILTIN_FN(wr_b_lt);
WR_BUILTIN_FN(wr_b_lte);
WR_BUILTIN_FN(wr_b_gt);
WR_BUILTIN_FN(wr_b_gte);
WR_BUILTIN_FN(wr_b_member_2);
WR_BUILTIN_FN(wr_b_member_3);
WR_BUILTIN_FN(wr_b_is_array);
WR_BUILTIN_FN(wr_b_is_boolean);
WR_BUILTIN_FN(wr_b_is_null);
WR_BUILTIN_FN(wr_b_is_number);
WR_BUILTIN_FN(wr_b_is_object);
WR_BUILTIN_FN(wr_b_is_set);
WR_BUILTIN_FN(wr_b_is_string);
WR_BUILTIN_FN(wr_b_type_name);
WR_BUILTIN_FN(wr_b_to_number);
WR_BUILTIN_FN(wr_b_cast_array);
WR_BUILTIN_FN(wr_b_cast_boolean);
WR_BUILTIN_FN(wr_b_cast_null);
WR_BUILTIN_FN(wr_b_cast_object);
WR_BUILTIN_FN(wr_b_cast_set);
WR_BUILTIN_FN(wr_b_cast_string);
WR_BUILTIN_FN(wr_b_opa_runtime);
WR_BUILTIN_FN(wr_b_trace);
WR_BUILTIN_FN(wr_b_print);
WR_BUILTIN_FN(wr_b_internal_print);
/* builtin_collection.c */
WR_BUILTIN_FN(wr_b_count);
WR_BUILTIN_FN(wr_b_sum);
WR_BUILTIN_FN(wr_b_product);
WR_BUILTIN_FN(wr_b_max);
WR_BUILTIN_FN(wr_b_min);
WR_BUILTIN_FN(wr_b_sort);
WR_BUILTIN_FN(wr_b_all);
WR_BUILTIN_FN(wr_b_any);
WR_BUILTIN_FN(wr_b_array_concat);
WR_BUILTIN_FN(wr_b_array_flatten);
WR_BUILTIN_FN(wr_b_array_reverse);
WR_BUILTIN_FN(wr_b_array_slice);
WR_BUILTIN_FN(wr_b_and);
WR_BUILTIN_FN(wr_b_or);
WR_BUILTIN_FN(wr_b_set_diff);
WR_BUILTIN_FN(wr_b_intersection);
WR_BUILTIN_FN(wr_b_union);
WR_BUILTIN_FN(wr_b_walk);
WR_BUILTIN_FN(wr_b_graph_reachable);
WR_BUILTIN_FN(wr_b_graph_reachable_paths);
/* builtin_object.c */
WR_BUILTIN_FN(wr_b_object_get);
WR_BUILTIN_FN(wr_b_object_keys);
WR_BUILTIN_FN(wr_b_object_remove);
WR_BUILTIN_FN(wr_b_object_filter);
WR_BUILTIN_FN(wr_b_object_subset);
WR_BUILTIN_FN(wr_b_object_union);
WR_BUILTIN_FN(wr_b_object_union_n);
WR_BUILTIN_FN(wr_b_json_filter);
WR_BUILTIN_FN(wr_b_json_remove);
/* builtin_patch.c */
WR_BUILTIN_FN(wr_b_json_patch);
/* builtin_string.c */
WR_BUILTIN_FN(wr_b_concat);
WR_BUILTIN_FN(wr_b_contains);
WR_BUILTIN_FN(wr_b_endswith);
WR_BUILTIN_FN(wr_b_startswith);
WR_BUILTIN_FN(wr_b_indexof);
WR_BUILTIN_FN(wr_b_indexof_n);
WR_BUILTIN_FN(wr_b_lower);
WR_BUILTIN_FN(wr_b_upper);
WR_BUILTIN_FN(wr_b_replace);
WR_BUILTIN_FN(wr_b_replace_n);
WR_BUILTIN_FN(wr_b_split);
WR_BUILTIN_FN(wr_b_split_n);
WR_BUILTIN_FN(wr_b_strings_count);
WR_BUILTIN_FN(wr_b_any_prefix_match);
WR_BUILTIN_FN(wr_b_any_suffix_match);
WR_BUILTIN_FN(wr_b_strings_reverse);
WR_BUILTIN_FN(wr_b_substring);
WR_BUILTIN_FN(wr_b_trim);
WR_BUILTIN_FN(wr_b_trim_left);
WR_BUILTIN_FN(wr_b_trim_right);
WR_BUILTIN_FN(wr_b_trim_prefix);
WR_BUILTIN_FN(wr_b_trim_suffix);
WR_BUILTIN_FN(wr_b_trim_space);
/* builtin_sprintf.c, builtin_template.c */
WR_BUILTIN_FN(wr_b_sprintf);
WR_BUILTIN_FN(wr_b_render_template);
WR_BUILTIN_FN(wr_b_template_string);
/* builtin_encoding.c, builtin_yaml.c */
WR_BUILTIN_FN(wr_b_base64_encode);
WR_BUILTIN_FN(wr_b_base64_decode);
WR_BUILTIN_FN(wr_b_base64_is_valid);
WR_BUILTIN_FN(wr_b_base64url_encode);
WR_BUILTIN_FN(wr_b_base64url_encode_no_pad);
WR_BUILTIN_FN(wr_b_base64url_decode);
WR_BUILTIN_FN(wr_b_hex_encode);
WR_BUILTIN_FN(wr_b_hex_decode);
WR_BUILTIN_FN(wr_b_urlquery_encode);
WR_BUILTIN_FN(wr_b_urlquery_decode);
WR_BUILTIN_FN(wr_b_urlquery_encode_object);
WR_BUILTIN_FN(wr_b_urlquery_decode_object);
WR_BUILTIN_FN(wr_b_json_marshal);
WR_BUILTIN_FN(wr_b_json_marshal_with_options);
WR_BUILTIN_FN(wr_b_json_unmarshal);
WR_BUILTIN_FN(wr_b_json_is_valid);
WR_BUILTIN_FN(wr_b_yaml_marshal);
WR_BUILTIN_FN(wr_b_yaml_unmarshal);
WR_BUILTIN_FN(wr_b_yaml_is_valid);
/* builtin_regex.c, builtin_glob.c */
WR_BUILTIN_FN(wr_b_regex_match);
WR_BUILTIN_FN(wr_b_regex_is_valid);
WR_BUILTIN_FN(wr_b_regex_split);
WR_BUILTIN_FN(wr_b_regex_find_n);
WR_BUILTIN_FN(wr_b_regex_find_all);
WR_BUILTIN_FN(wr_b_regex_replace);
WR_BUILTIN_FN(wr_b_regex_template_match);
WR_BUILTIN_FN(wr_b_regex_globs_match);
WR_BUILTIN_FN(wr_b_glob_match);
WR_BUILTIN_FN(wr_b_glob_quote_meta);
/* builtin_time.c */
WR_BUILTIN_FN(wr_b_time_now_ns);
WR_BUILTIN_FN(wr_b_time_parse_ns);
WR_BUILTIN_FN(wr_b_time_parse_rfc3339_ns);
WR_BUILTIN_FN(wr_b_time_parse_duration_ns);
WR_BUILTIN_FN(wr_b_time_date);
WR_BUILTIN_FN(wr_b_time_clock);
WR_BUILTIN_FN(wr_b_time_weekday);
WR_BUILTIN_FN(wr_b_time_add_date);
WR_BUILTIN_FN(wr_b_time_diff);
WR_BUILTIN_FN(wr_b_time_format);
/* builtin_unit.c */
WR_BUILTIN_FN(wr_b_units_parse);
WR_BUILTIN_FN(wr_b_units_parse_bytes);
WR_BUILTIN_FN(wr_b_semver_compare);
WR_BUILTIN_FN(wr_b_semver_is_valid);
WR_BUILTIN_FN(wr_b_uuid_parse);
WR_BUILTIN_FN(wr_b_uuid_rfc4122);
/* builtin_net.c, builtin_uri.c */
WR_BUILTIN_FN(wr_b_cidr_contains);
WR_BUILTIN_FN(wr_b_cidr_contains_matches);
WR_BUILTIN_FN(wr_b_cidr_expand);
WR_BUILTIN_FN(wr_b_cidr_intersects);
WR_BUILTIN_FN(wr_b_cidr_is_valid);
WR_BUILTIN_FN(wr_b_cidr_merge);
/* builtin_crypto.c, builtin_jwt.c */
WR_BUILTIN_FN(wr_b_crypto_md5);
WR_BUILTIN_FN(wr_b_crypto_sha1);
WR_BUILTIN_FN(wr_b_crypto_sha256);
WR_BUILTIN_FN(wr_b_hmac_md5);
WR_BUILTIN_FN(wr_b_hmac_sha1);
WR_BUILTIN_FN(wr_b_hmac_sha256);
WR_BUILTIN_FN(wr_b_hmac_sha512);
WR_BUILTIN_FN(wr_b_hmac_equal);
WR_BUILTIN_FN(wr_b_x509);
WR_BUILTIN_FN(wr_b_jwt_decode);
WR_BUILTIN_FN(wr_b_jwt_verify);
WR_BUILTIN_FN(wr_b_jwt_decode_verify);
WR_BUILTIN_FN(wr_b_jwt_encode_sign);
WR_BUILTIN_FN(wr_b_jwt_encode_sign_raw);
/* builtin_schema.c */
WR_BUILTIN_FN(wr_b_json_match_schema);
WR_BUILTIN_FN(wr_b_json_verify_schema);

#endif
