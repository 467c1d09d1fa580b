/* SPDX-License-Identifier: Apache-2.0 */
/* Rego values to JSON values. Recursion is bounded by WR_LIMIT_VALUE_DEPTH. */
#include "rego/rego.h"

static wr_err no_room(struct wr_error *error)
{
    return wr_fail(error, WR_E_MEMORY, "no room left for the result");
}

static wr_err convert(struct wr_arena *arena, const struct wr_value *v, uint32_t depth,
                      struct wr_value *out, struct wr_error *error);

static wr_err convert_items(struct wr_arena *arena, const struct wr_value *v, uint32_t depth,
                            struct wr_value *out, struct wr_error *error)
{
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, v->n);
    if (items == NULL) {
        return no_room(error);
    }
    for (uint32_t i = 0; i < v->n; i++) {
        wr_err err = convert(arena, &v->items[i], depth + 1, &items[i], error);
        if (err != WR_OK) {
            return err;
        }
    }
    *out = wr_array(items, v->n);
    return WR_OK;
}

static bool key_text(struct wr_arena *arena, const struct wr_value *key, struct wr_value *out)
{
    if (key->type == WR_STRING) {
        *out = *key;
        return true;
    }
    struct wr_buf buf = wr_buf_in(arena, 32);
    wr_json_write(&buf, key, WR_JSON_COMPACT);
    *out = wr_string(wr_buf_view(&buf));
    return !buf.overflow;
}

static wr_err convert_pairs(struct wr_arena *arena, const struct wr_value *v, uint32_t depth,
                            struct wr_value *out, struct wr_error *error)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, v->n);
    if (pairs == NULL) {
        return no_room(error);
    }
    for (uint32_t i = 0; i < v->n; i++) {
        if (!key_text(arena, &v->pairs[i].key, &pairs[i].key)) {
            return no_room(error);
        }
        wr_err err = convert(arena, &v->pairs[i].value, depth + 1, &pairs[i].value, error);
        if (err != WR_OK) {
            return err;
        }
    }
    *out = wr_object_from(pairs, v->n);
    return WR_OK;
}

static wr_err convert(struct wr_arena *arena, const struct wr_value *v, uint32_t depth,
                      struct wr_value *out, struct wr_error *error)
{
    if (depth > WR_LIMIT_VALUE_DEPTH) {
        return wr_fail(error, WR_E_LIMIT, "the result nests deeper than %d (WR_LIMIT_VALUE_DEPTH)",
                       WR_LIMIT_VALUE_DEPTH);
    }
    if (v->type == WR_OBJECT) {
        return convert_pairs(arena, v, depth, out, error);
    }
    if (v->type == WR_ARRAY || v->type == WR_SET) {
        return convert_items(arena, v, depth, out, error);
    }
    *out = *v;
    return WR_OK;
}

wr_err wr_rego_to_json(struct wr_arena *arena, const struct wr_value *v, struct wr_value *out,
                       struct wr_error *error)
{
    return convert(arena, v, 0, out, error);
}

/* Keys are in Rego's order of types: the first and the last tell of all. */
static bool has_odd_key(const struct wr_value *v, uint32_t depth)
{
    if (v->type < WR_ARRAY || v->n == 0 || depth > WR_LIMIT_VALUE_DEPTH) {
        return false;
    }
    if (v->type == WR_OBJECT &&
        (v->pairs[0].key.type != WR_STRING || v->pairs[v->n - 1].key.type != WR_STRING)) {
        return true;
    }
    for (uint32_t i = 0; i < v->n; i++) {
        if (has_odd_key(v->type == WR_OBJECT ? &v->pairs[i].value : &v->items[i], depth + 1)) {
            return true;
        }
    }
    return false;
}

void wr_rego_write_json(struct wr_buf *buf, const struct wr_value *v, enum wr_json_style style)
{
    struct wr_value json = *v;
    if (has_odd_key(v, 0) && wr_rego_to_json(buf->arena, v, &json, NULL) != WR_OK) {
        buf->overflow = true;
        return;
    }
    wr_json_write(buf, &json, style);
}
