/* SPDX-License-Identifier: Apache-2.0 */
/* What all builtins need: errors with OPA's words, fuel, bounded lists and text, caches. */
#include "base/hash.h"
#include "rego/builtin_family.h"

wr_err wr_builtin_charge(struct wr_builtin_call *call, uint64_t units)
{
    if (call->fuel == NULL) {
        return WR_OK;
    }
    if (*call->fuel < units) {
        *call->fuel = 0;
        return wr_fail(call->error, WR_E_EVAL_CANCEL, "%s: the fuel of this query is used up",
                       call->self->name);
    }
    *call->fuel -= units;
    return WR_OK;
}

static wr_err fail_with(struct wr_builtin_call *call, wr_err code, const char *lead,
                        const char *format, va_list args)
{
    char text[WR_LIMIT_ERROR_TEXT];
    struct wr_buf buf = wr_buf_fixed(text, sizeof text);
    wr_vformat(&buf, format, args);
    return wr_fail(call->error, code, "%s: %s%.*s", call->self->name, lead, (int)buf.n, text);
}

wr_err wr_builtin_fail(struct wr_builtin_call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    wr_err err = fail_with(call, WR_E_EVAL_BUILTIN, "", format, args);
    va_end(args);
    return err;
}

wr_err wr_builtin_operand(struct wr_builtin_call *call, uint32_t i, const char *format, ...)
{
    char lead[32];
    struct wr_buf buf = wr_buf_fixed(lead, sizeof lead - 1);
    wr_format(&buf, "operand %u ", i + 1);
    lead[buf.n] = '\0';
    va_list args;
    va_start(args, format);
    wr_err err = fail_with(call, WR_E_EVAL_TYPE, lead, format, args);
    va_end(args);
    return err;
}

wr_err wr_builtin_want(struct wr_builtin_call *call, const struct wr_value *args, uint32_t i,
                       enum wr_type type)
{
    if (WR_LIKELY(args[i].type == type)) {
        return WR_OK;
    }
    return wr_builtin_operand(call, i, "must be %s but got %s",
                              wr_type_name((struct wr_value){.type = (uint8_t)type}),
                              wr_type_name(args[i]));
}

wr_err wr_builtin_want_mask(struct wr_builtin_call *call, const struct wr_value *args, uint32_t i,
                            unsigned mask, const char *names)
{
    if (WR_LIKELY((mask >> args[i].type & 1) != 0)) {
        return WR_OK;
    }
    return wr_builtin_operand(call, i, "must be one of {%s} but got %s", names,
                              wr_type_name(args[i]));
}

wr_err wr_builtin_want_int(struct wr_builtin_call *call, const struct wr_value *args, uint32_t i,
                           int64_t *out)
{
    WR_TRY(wr_builtin_want(call, args, i, WR_NUMBER));
    if (wr_number_plain_i64(&args[i], out)) {
        return WR_OK;
    }
    return wr_builtin_operand(call, i, "must be integer number but got floating-point number");
}

wr_err wr_builtin_element(struct wr_builtin_call *call, uint32_t i, struct wr_value composite,
                          struct wr_value got, const char *want)
{
    const char *name = wr_type_name(composite);
    return wr_builtin_operand(call, i, "must be %s of %ss but got %s containing %s", name, want,
                              name, wr_type_name(got));
}

wr_err wr_builtin_no_room(struct wr_builtin_call *call)
{
    return wr_fail(call->error, WR_E_MEMORY, "%s: the evaluation's memory is used up",
                   call->self->name);
}

wr_err wr_builtin_too_large(struct wr_builtin_call *call)
{
    if (wr_arena_failed(call->arena)) {
        return wr_builtin_no_room(call);
    }
    return wr_fail(call->error, WR_E_LIMIT,
                   "%s: the result is larger than WR_LIMIT_BUILTIN_OUTPUT (%u bytes) or "
                   "WR_LIMIT_BUILTIN_ITEMS (%u elements)",
                   call->self->name, WR_LIMIT_BUILTIN_OUTPUT, WR_LIMIT_BUILTIN_ITEMS);
}

wr_err wr_builtin_number(struct wr_builtin_call *call, wr_err err)
{
    if (err == WR_OK) {
        return WR_OK;
    }
    if (err == WR_E_MEMORY) {
        return wr_builtin_no_room(call);
    }
    return wr_builtin_fail(call, "a number's exponent is beyond WR_LIMIT_FLOAT_EXPONENT (%d bits)",
                           WR_LIMIT_FLOAT_EXPONENT);
}

/* ── results ────────────────────────────────────────────────────────────────────────────────── */

wr_err wr_builtin_items(struct wr_builtin_call *call, size_t n, struct wr_value **items)
{
    if (n > WR_LIMIT_BUILTIN_ITEMS) {
        return wr_builtin_too_large(call);
    }
    WR_TRY(wr_builtin_charge(call, n + 1));
    *items = wr_arena_alloc(call->arena, n * sizeof(struct wr_value), alignof(struct wr_value));
    return *items == NULL ? wr_builtin_no_room(call) : WR_OK;
}

wr_err wr_builtin_pairs(struct wr_builtin_call *call, size_t n, struct wr_pair **pairs)
{
    if (n > WR_LIMIT_BUILTIN_ITEMS) {
        return wr_builtin_too_large(call);
    }
    WR_TRY(wr_builtin_charge(call, n + 1));
    *pairs = wr_arena_alloc(call->arena, n * sizeof(struct wr_pair), alignof(struct wr_pair));
    return *pairs == NULL ? wr_builtin_no_room(call) : WR_OK;
}

wr_err wr_list_add(struct wr_builtin_call *call, struct wr_list *list, struct wr_value v)
{
    if (list->n == list->cap) {
        size_t cap = list->cap == 0 ? 8 : list->cap * 2;
        struct wr_value *items;
        if (list->n >= WR_LIMIT_BUILTIN_ITEMS) {
            return wr_builtin_too_large(call);
        }
        WR_TRY(wr_builtin_items(call, WR_MIN(cap, WR_LIMIT_BUILTIN_ITEMS), &items));
        if (list->n != 0) {
            memcpy(items, list->items, list->n * sizeof *items);
        }
        list->items = items;
        list->cap = WR_MIN(cap, WR_LIMIT_BUILTIN_ITEMS);
    }
    list->items[list->n++] = v;
    return WR_OK;
}

wr_err wr_builtin_check(struct wr_builtin_call *call, const struct wr_buf *buf)
{
    return buf->overflow || buf->n > WR_LIMIT_BUILTIN_OUTPUT ? wr_builtin_too_large(call) : WR_OK;
}

wr_err wr_builtin_text(struct wr_builtin_call *call, const struct wr_buf *buf, struct wr_value *out)
{
    WR_TRY(wr_builtin_check(call, buf));
    WR_TRY(wr_builtin_charge(call, buf->n / 8 + 1));
    *out = wr_string(wr_buf_view(buf));
    return WR_OK;
}

wr_err wr_builtin_utf8(struct wr_builtin_call *call, struct wr_str s, struct wr_value *out)
{
    struct wr_buf buf = wr_buf_in(call->arena, s.n + 8);
    size_t at = 0;
    while (at < s.n) {
        size_t good = wr_utf8_invalid_at(s.p + at, s.n - at);
        wr_buf_add(&buf, s.p + at, good);
        at += good;
        if (at < s.n) {
            wr_buf_str(&buf, WR_STR("\xef\xbf\xbd"));
            at++;
        }
    }
    return wr_builtin_text(call, &buf, out);
}

struct wr_value wr_string_z(const char *static_text)
{
    return wr_string(wr_str_z(static_text));
}

uint32_t wr_rune_at(struct wr_str s, size_t at, unsigned *len)
{
    uint32_t code_point;
    *len = 1;
    if ((uint8_t)s.p[at] < 0x80) {
        return (uint8_t)s.p[at];
    }
    unsigned n = wr_utf8_decode(s.p + at, s.n - at, &code_point);
    if (n == 0) {
        return 0xfffd;
    }
    *len = n;
    return code_point;
}

size_t wr_rune_count(struct wr_str s)
{
    size_t count = 0;
    unsigned len;
    for (size_t at = 0; at < s.n; at += len) {
        (void)wr_rune_at(s, at, &len);
        count++;
    }
    return count;
}

void wr_values_sort(struct wr_value *items, struct wr_value *scratch, size_t n)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t lo = 0; lo < n; lo += 2 * width) {
            size_t mid = WR_MIN(lo + width, n), hi = WR_MIN(lo + 2 * width, n);
            size_t a = lo, b = mid;
            for (size_t k = lo; k < hi; k++) {
                bool left = b == hi || (a < mid && wr_value_cmp(&items[a], &items[b]) <= 0);
                scratch[k] = left ? items[a++] : items[b++];
            }
        }
        memcpy(items, scratch, n * sizeof *items);
    }
}

wr_err wr_builtin_deep(struct wr_builtin_call *call, unsigned depth)
{
    if (depth <= WR_LIMIT_BUILTIN_DEPTH) {
        return WR_OK;
    }
    return wr_fail(call->error, WR_E_LIMIT, "%s: nested deeper than WR_LIMIT_BUILTIN_DEPTH (%d)",
                   call->self->name, WR_LIMIT_BUILTIN_DEPTH);
}

/* ── caches ─────────────────────────────────────────────────────────────────────────────────── */

#define CACHE_ROWS 256

struct cache_entry {
    struct cache_entry *next;
    struct wr_str key;
    const void *thing;
    enum wr_cached kind;
};

struct wr_builtin_cache {
    struct wr_arena *arena;
    uint32_t n;
    struct cache_entry *rows[CACHE_ROWS];
};

struct wr_builtin_cache *wr_builtin_cache_new(struct wr_arena *arena)
{
    struct wr_builtin_cache *cache = WR_NEW(arena, struct wr_builtin_cache);
    if (cache != NULL) {
        cache->arena = arena;
    }
    return cache;
}

static size_t cache_row(enum wr_cached kind, struct wr_str key)
{
    struct wr_hash_key k = {0x5765697220727573u, (uint64_t)kind};
    return (size_t)(wr_siphash13(k, key.p, key.n) % CACHE_ROWS);
}

static const void *cache_find(const struct wr_builtin_cache *cache, enum wr_cached kind,
                              struct wr_str key)
{
    if (cache == NULL || cache->n == 0) {
        return NULL;
    }
    const struct cache_entry *e = cache->rows[cache_row(kind, key)];
    for (; e != NULL; e = e->next) {
        if (e->kind == kind && wr_str_eq(e->key, key)) {
            return e->thing;
        }
    }
    return NULL;
}

const void *wr_builtin_recall(const struct wr_builtin_call *call, enum wr_cached kind,
                              struct wr_str key)
{
    const void *thing = cache_find(call->prepared, kind, key);
    return thing != NULL ? thing : cache_find(call->cache, kind, key);
}

struct wr_arena *wr_builtin_cache_arena(const struct wr_builtin_call *call)
{
    return call->cache != NULL ? call->cache->arena : call->arena;
}

void wr_builtin_remember(const struct wr_builtin_call *call, enum wr_cached kind, struct wr_str key,
                         const void *thing)
{
    struct wr_builtin_cache *cache = call->cache;
    if (cache == NULL || cache->n >= WR_LIMIT_BUILTIN_CACHE) {
        return;
    }
    struct cache_entry *e = WR_NEW(cache->arena, struct cache_entry);
    struct wr_str copy = wr_str_copy(cache->arena, key);
    if (e == NULL || copy.p == NULL) {
        return;
    }
    size_t row = cache_row(kind, key);
    *e = (struct cache_entry){cache->rows[row], copy, thing, kind};
    cache->rows[row] = e;
    cache->n++;
}

wr_err wr_builtin_prepare(struct wr_builtin_cache *prepared, const struct wr_builtin_env *env,
                          const struct wr_builtin *builtin, const struct wr_value *args, uint32_t n)
{
    struct wr_builtin_call call = {
        .self = builtin, .arena = prepared->arena, .env = env, .cache = prepared};
    if (builtin->fn == wr_b_glob_match && n >= 2 && args[0].type == WR_STRING &&
        args[1].type != WR_UNDEFINED) {
        wr_glob_prepare(&call, args[0], args[1]);
    }
    bool first = builtin->fn == wr_b_regex_match || builtin->fn == wr_b_regex_split ||
                 builtin->fn == wr_b_regex_find_n || builtin->fn == wr_b_regex_find_all;
    if (first && n >= 1 && args[0].type == WR_STRING) {
        wr_regex_prepare(&call, wr_text(args[0]));
    }
    if (builtin->fn == wr_b_regex_replace && n >= 2 && args[1].type == WR_STRING) {
        wr_regex_prepare(&call, wr_text(args[1]));
    }
    return wr_arena_failed(prepared->arena) ? WR_E_MEMORY : WR_OK;
}
