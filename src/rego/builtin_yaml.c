/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.*: reading through yaml.h, writing in block style as OPA's writer lays it out: keys in
 * order, lists not indented within maps. */
#include "base/num.h"
#include "rego/builtin_family.h"
#include "rego/yaml.h"
#include "rego/yaml_write.h"
#include "value/json_write.h"

static wr_err read_yaml(struct wr_builtin_call *call, struct wr_str text, struct wr_value *out)
{
    struct wr_yaml *node = NULL;
    struct wr_yaml_error error = {0};
    WR_TRY(wr_builtin_charge(call, text.n + 16));
    wr_err err = wr_yaml_read(call->arena, text, &node, &error);
    if (err == WR_E_MEMORY) {
        return wr_builtin_no_room(call);
    }
    if (err != WR_OK) {
        return error.line == 0
                   ? wr_builtin_fail(call, "yaml: %s", error.message)
                   : wr_builtin_fail(call, "yaml: line %u: %s", error.line, error.message);
    }
    WR_TRY(wr_builtin_charge(call, node->size)); /* aliases counted out */
    *out = wr_yaml_value(call->arena, node);
    if (out->type == WR_UNDEFINED) {
        return wr_arena_failed(call->arena) ? wr_builtin_no_room(call)
                                            : wr_builtin_fail(call, "yaml: a key is no string");
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_yaml_unmarshal)
{
    (void)n;
    WR_TRY(wr_builtin_want(call, args, 0, WR_STRING));
    return read_yaml(call, wr_text(args[0]), out);
}

WR_BUILTIN_FN(wr_b_yaml_is_valid)
{
    struct wr_value ignored;
    (void)n;
    *out = wr_bool(false);
    if (args[0].type != WR_STRING) {
        return WR_OK;
    }
    struct wr_arena_mark mark = wr_arena_mark(call->arena);
    wr_err err = read_yaml(call, wr_text(args[0]), &ignored);
    wr_arena_rewind(call->arena, mark);
    *out = wr_bool(err == WR_OK);
    return err == WR_OK || err == WR_E_EVAL_BUILTIN ? WR_OK : err;
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────── */

/* OPA's numbers pass through a reader of YAML 1.1: what is neither int64 nor uint64 is a double
 * there, and what is beyond the doubles a text. */
static wr_err write_number(struct wr_builtin_call *call, struct wr_buf *buf,
                           const struct wr_value *v, unsigned level)
{
    struct wr_buf room = wr_buf_in(call->arena, 32);
    wr_json_write(&room, v, WR_JSON_COMPACT);
    struct wr_str text = wr_buf_view(&room);
    struct wr_yaml scalar = {.kind = WR_YAML_SCALAR, .plain = true, .text = text};
    struct wr_str tag = wr_str_z(wr_yaml_tag(&scalar));
    uint64_t whole;
    if (wr_str_eq(tag, WR_STR("str"))) {
        wr_yaml_write_string(buf, text, level + 2, false);
    } else if (wr_str_eq(tag, WR_STR("int")) || wr_num_read_u64(text, &whole)) {
        wr_buf_str(buf, text);
    } else {
        bool bare = memchr(text.p, '.', text.n) == NULL && memchr(text.p, 'e', text.n) == NULL;
        wr_buf_str(&room, bare ? WR_STR("e0") : WR_STR(""));
        struct wr_value number = wr_number_text(wr_buf_view(&room));
        return wr_sprintf(call, buf, WR_STR("%v"), &number, 1);
    }
    return WR_OK;
}

static wr_err write_scalar(struct wr_builtin_call *call, struct wr_buf *buf,
                           const struct wr_value *v, unsigned level)
{
    if (v->type == WR_STRING) {
        wr_yaml_write_string(buf, wr_text(*v), level + 2, false);
    } else if (v->type == WR_NUMBER) {
        return write_number(call, buf, v, level);
    } else {
        wr_json_write(buf, v, WR_JSON_COMPACT);
    }
    return WR_OK;
}

struct entry {
    struct wr_str key;
    const struct wr_value *value;
};

/* Stable, by merging runs; `spare` holds as many. */
static void sort_entries(struct entry *entries, struct entry *spare, size_t n)
{
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t from = 0; from < n; from += 2 * run) {
            size_t middle = WR_MIN(from + run, n), end = WR_MIN(from + 2 * run, n);
            for (size_t i = from, a = from, b = middle; i < end; i++) {
                bool second =
                    a == middle || (b < end && wr_yaml_key_before(entries[b].key, entries[a].key));
                spare[i] = entries[second ? b++ : a++];
            }
        }
        memcpy(entries, spare, n * sizeof *entries);
    }
}

/* A map's entries in the order in which they are written; keys that are no strings as JSON. */
static struct entry *entries_of(struct wr_builtin_call *call, const struct wr_value *map)
{
    struct entry *entries = WR_NEW_ARRAY(call->arena, struct entry, 2 * (size_t)map->n);
    for (uint32_t i = 0; entries != NULL && i < map->n; i++) {
        const struct wr_value *key = &map->pairs[i].key;
        struct wr_buf text = wr_buf_in(call->arena, 32);
        if (key->type != WR_STRING) {
            wr_json_write(&text, key, WR_JSON_COMPACT);
        }
        entries[i] = (struct entry){key->type == WR_STRING ? wr_text(*key) : wr_buf_view(&text),
                                    &map->pairs[i].value};
    }
    if (entries != NULL) {
        sort_entries(entries, entries + map->n, map->n);
    }
    return entries;
}

static wr_err write_yaml(struct wr_builtin_call *call, struct wr_buf *buf, const struct wr_value *v,
                         unsigned level);

static void next_line(struct wr_buf *buf, unsigned level)
{
    wr_buf_char(buf, '\n');
    for (unsigned i = 0; i < level; i++) {
        wr_buf_char(buf, ' ');
    }
}

static wr_err write_entry(struct wr_builtin_call *call, struct wr_buf *buf,
                          const struct entry *entry, unsigned level)
{
    bool nested = entry->value->type >= WR_ARRAY && entry->value->n > 0;
    bool simple = wr_yaml_is_simple_key(entry->key);
    if (!simple) {
        wr_buf_str(buf, WR_STR("? "));
    }
    wr_yaml_write_string(buf, entry->key, level + 2, simple);
    if (!simple) {
        next_line(buf, level);
    }
    wr_buf_char(buf, ':');
    if (!nested || !simple) {
        wr_buf_char(buf, ' ');
        return write_yaml(call, buf, entry->value, nested ? level + 2 : level);
    }
    unsigned inner = entry->value->type == WR_OBJECT ? level + 2 : level;
    next_line(buf, inner);
    return write_yaml(call, buf, entry->value, inner);
}

/* `level`: the column of the entries; the first entry stands where the buffer is. */
static wr_err write_yaml(struct wr_builtin_call *call, struct wr_buf *buf, const struct wr_value *v,
                         unsigned level)
{
    WR_TRY(wr_builtin_deep(call, level / 2));
    WR_TRY(wr_builtin_charge(call, 4 + (v->type == WR_STRING ? v->n / 16 : 0)));
    WR_TRY(wr_builtin_check(call, buf));
    if (v->type < WR_ARRAY || v->n == 0) {
        return write_scalar(call, buf, v, level);
    }
    struct entry *entries = v->type == WR_OBJECT ? entries_of(call, v) : NULL;
    if (v->type == WR_OBJECT && entries == NULL) {
        return wr_builtin_no_room(call);
    }
    for (uint32_t i = 0; i < v->n; i++) {
        if (i > 0) {
            next_line(buf, level);
        }
        if (entries != NULL) {
            WR_TRY(write_entry(call, buf, &entries[i], level));
            continue;
        }
        bool nested = v->items[i].type >= WR_ARRAY && v->items[i].n > 0;
        wr_buf_str(buf, WR_STR("- "));
        WR_TRY(write_yaml(call, buf, &v->items[i], nested ? level + 2 : level));
    }
    return WR_OK;
}

WR_BUILTIN_FN(wr_b_yaml_marshal)
{
    (void)n;
    struct wr_buf buf = wr_buf_in(call->arena, 64);
    WR_TRY(write_yaml(call, &buf, &args[0], 0));
    wr_buf_char(&buf, '\n');
    return wr_builtin_text(call, &buf, out);
}
