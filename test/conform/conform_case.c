/* SPDX-License-Identifier: Apache-2.0 */
/* One case, run and judged as the README of OPA's cases says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conform_case.h"
#include "rego/parse.h"
#include "rego/rego.h"
#include "value/json_read.h"
#include "value/json_write.h"

/* ── host functions that some cases name ────────────────────────────────────────────────────── */

static wr_err test_sleep(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                         struct wr_value *out)
{
    (void)call, (void)args, (void)n;
    *out = wr_null();
    return WR_OK;
}

static wr_err custom_plus_one(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                              struct wr_value *out)
{
    int64_t i = 0;
    (void)call, (void)n;
    if (!wr_number_to_i64(&args[0], &i)) {
        return WR_OK;
    }
    *out = wr_int(i + 1);
    return WR_OK;
}

static wr_err custom_impure(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                            struct wr_value *out)
{
    (void)call, (void)args, (void)n;
    *out = wr_string(WR_STR("foo"));
    return WR_OK;
}

static wr_err custom_hundred(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                             struct wr_value *out)
{
    (void)call, (void)args, (void)n;
    *out = wr_int(100);
    return WR_OK;
}

/* The cases ask for addresses, which are their own, and for this host. */
static wr_err lookup_ip_addr(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                             struct wr_value *out)
{
    struct wr_value *item = WR_NEW_ARRAY(call->arena, struct wr_value, 1);
    (void)n;
    if (item == NULL) {
        return WR_E_MEMORY;
    }
    *item =
        wr_str_eq(wr_text(args[0]), WR_STR("localhost")) ? wr_string(WR_STR("127.0.0.1")) : args[0];
    *out = wr_set_from(item, 1);
    return WR_OK;
}

static const struct wr_builtin host_functions[] = {
    {.name = "net.lookup_ip_addr",
     .types = "(string) => set[string]",
     .arity_min = 1,
     .arity_max = 1,
     .fn = lookup_ip_addr,
     .flags = WR_BUILTIN_NONDET},
    {.name = "test.sleep",
     .types = "(any) => any",
     .arity_min = 1,
     .arity_max = 1,
     .fn = test_sleep},
    {.name = "custom_builtin_test",
     .types = "(any) => any",
     .arity_min = 1,
     .arity_max = 1,
     .fn = custom_plus_one},
    {.name = "custom_builtin_test_impure",
     .types = "() => any",
     .fn = custom_impure,
     .flags = WR_BUILTIN_NONDET},
    {.name = "custom_builtin_test_memoization",
     .types = "() => any",
     .fn = custom_hundred,
     .flags = WR_BUILTIN_NONDET},
};

static bool load_zone(void *context, struct wr_arena *arena, struct wr_str name,
                      struct wr_str *tzif)
{
    char path[256];
    (void)context;
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.*s", WR_FMT(name));
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return false;
    }
    char *room = wr_arena_alloc(arena, 1 << 16, 1);
    size_t n = room == NULL ? 0 : fread(room, 1, 1 << 16, f);
    fclose(f);
    *tzif = wr_str_of(room, n);
    return n > 0;
}

/* ── public-key cryptography: the shell's, counted; none in a build of the core alone ───────────
 */

static unsigned crypto_calls;

unsigned conform_crypto_calls(void)
{
    return crypto_calls;
}

#ifdef __wasi__
static const struct wr_crypto_table *public_key_cryptography(void)
{
    return NULL;
}
#else
#include "shell/crypto.h"

static wr_err verify(void *context, enum wr_crypto_alg alg, const struct wr_crypto_key *key,
                     struct wr_str message, struct wr_str signature, bool *valid,
                     struct wr_error *error)
{
    crypto_calls++;
    return wr_crypto_table()->verify(context, alg, key, message, signature, valid, error);
}

static wr_err sign(void *context, struct wr_arena *arena, enum wr_crypto_alg alg,
                   const struct wr_crypto_key *key, struct wr_str message, struct wr_str *signature,
                   struct wr_error *error)
{
    crypto_calls++;
    return wr_crypto_table()->sign(context, arena, alg, key, message, signature, error);
}

static wr_err x509(void *context, struct wr_arena *arena, enum wr_x509_op op,
                   const struct wr_value *args, uint32_t n, struct wr_value *out,
                   struct wr_error *error)
{
    crypto_calls++;
    return wr_crypto_table()->x509(context, arena, op, args, n, out, error);
}

static const struct wr_crypto_table *public_key_cryptography(void)
{
    static struct wr_crypto_table counted = {verify, sign, x509, NULL};
    counted.context = wr_crypto_table()->context;
    return &counted;
}
#endif

bool conform_has_crypto(void)
{
    return public_key_cryptography() != NULL;
}

bool conform_lacks_crypto(const struct outcome *o)
{
    return o->is_error && strstr(o->error, "this build has no public-key cryptography") != NULL;
}

/* ── one case ───────────────────────────────────────────────────────────────────────────────── */

struct wr_value conform_field(const struct wr_value *object, const char *name)
{
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(name));
    return v != NULL ? *v : wr_undefined();
}

static void set_error(struct outcome *o, const char *code, const struct wr_buf *text)
{
    o->is_error = true;
    o->code = code;
    snprintf(o->error, sizeof(o->error), "%.*s", (int)text->n, text->p);
}

static void set_errors(struct outcome *o, struct wr_arena *arena,
                       const struct wr_rego_errors *errors)
{
    struct wr_buf buf = wr_buf_in(arena, 256);
    wr_rego_errors_write(&buf, errors);
    set_error(o, errors->n > 0 ? wr_err_name(errors->items[0].code) : "none", &buf);
}

/* Sets to arrays, keys to text: through JSON and back. */
static struct wr_value as_json(struct wr_arena *arena, const struct wr_value *v)
{
    struct wr_buf buf = wr_buf_in(arena, 256);
    struct wr_value out = wr_undefined();
    wr_json_write(&buf, v, WR_JSON_COMPACT);
    wr_json_read(arena, wr_buf_view(&buf), false, NULL, &out, NULL);
    return out;
}

static bool input_of(struct wr_arena *arena, const struct wr_value *c, struct wr_value *input)
{
    struct wr_value term = conform_field(c, "input_term");
    struct wr_rego_errors errors;
    *input = conform_field(c, "input");
    if (term.type != WR_STRING) {
        return true;
    }
    wr_rego_errors_init(&errors, arena);
    return wr_rego_parse_value(arena, wr_text(term), input, &errors) == WR_OK;
}

void conform_run(struct wr_arena *arena, const struct wr_value *c, bool v1, bool strict,
                 struct outcome *o)
{
    struct wr_value modules = conform_field(c, "modules"), data = conform_field(c, "data");
    struct wr_value input, text = conform_field(c, "query");
    struct wr_rego_source sources[64];
    char names[64][32];
    struct wr_rego_errors errors;
    wr_rego_errors_init(&errors, arena);
    uint32_t n = modules.type == WR_ARRAY ? modules.n : 0;
    for (uint32_t i = 0; i < n && i < 64; i++) {
        snprintf(names[i], sizeof(names[i]), "test-%u.rego", i);
        sources[i] = (struct wr_rego_source){wr_str_z(names[i]), wr_text(modules.items[i])};
    }
    struct wr_rego_options how = {.v1 = v1,
                                  .allow_network = true,
                                  .all_keywords = v1,
                                  .extra = host_functions,
                                  .n_extra = WR_COUNTOF(host_functions)};
    struct wr_rego_program *program;
    struct wr_rego_query *query;
    if (data.type != WR_OBJECT) {
        data = wr_object_from(NULL, 0);
    }
    if (wr_rego_compile(arena, sources, n, &data, &how, &program, &errors) != WR_OK ||
        wr_rego_prepare(program, arena, wr_text(text), NULL, &query, &errors) != WR_OK ||
        !input_of(arena, c, &input)) {
        set_errors(o, arena, &errors);
        return;
    }
    struct wr_rego_context context = {
        .input = &input,
        .env = {.now_ns = (int64_t)time(NULL) * 1000000000,
                .seed = 7,
                .zones = {load_zone, NULL},
                .crypto = public_key_cryptography()},
        .strict_builtin_errors = strict || wr_is_true(conform_field(c, "strict_error")),
    };
    struct wr_rego_results results;
    struct wr_error error = {0};
    if (wr_rego_eval(query, &context, arena, &results, &error) != WR_OK) {
        struct wr_buf buf = wr_buf_in(arena, 256);
        wr_rego_eval_error_write(&buf, &error);
        set_error(o, wr_err_name(error.code), &buf);
        return;
    }
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, results.n);
    for (uint32_t i = 0; i < results.n; i++) {
        items[i] = as_json(arena, &results.items[i].bindings);
    }
    o->results = wr_array(items, results.n);
}

/* ── judging ────────────────────────────────────────────────────────────────────────────────── */

static int by_order(const void *a, const void *b)
{
    return wr_value_cmp(a, b);
}

/* The results as a set, each bound array sorted first if so wanted. */
static struct wr_value as_set(struct wr_arena *arena, const struct wr_value *list, bool sort)
{
    struct wr_value *items = WR_NEW_ARRAY(arena, struct wr_value, list->n);
    for (uint32_t i = 0; i < list->n; i++) {
        items[i] = wr_value_copy(arena, list->items[i]);
        for (uint32_t k = 0; sort && items[i].type == WR_OBJECT && k < items[i].n; k++) {
            struct wr_value v = items[i].pairs[k].value;
            if (v.type == WR_ARRAY && v.n > 0) {
                qsort((void *)(uintptr_t)v.items, v.n, sizeof(v), by_order);
            }
        }
    }
    return wr_set_from(items, list->n);
}

/* The planner's "FILE:ROW:COL: var assignment conflict" stands for a conflict at that row. */
static bool is_conflict_at(const struct outcome *o, struct wr_str planner)
{
    char place[64];
    size_t colon = wr_str_find(planner, WR_STR(":"), 0);
    snprintf(place, sizeof(place), ":%d: eval_conflict_error", atoi(planner.p + colon + 1));
    return strstr(o->error, place) != NULL;
}

bool conform_judge(struct wr_arena *arena, const struct wr_value *c, const struct outcome *o)
{
    struct wr_value error = conform_field(c, "want_error");
    struct wr_value code = conform_field(c, "want_error_code");
    struct wr_value want = conform_field(c, "want_result");
    struct wr_value defined = conform_field(c, "want_defined");
    if (error.type == WR_STRING || code.type == WR_STRING) {
        if (!o->is_error) {
            return false;
        }
        if (code.type == WR_STRING && !wr_str_eq(wr_text(code), wr_str_z(o->code))) {
            return false;
        }
        if (error.type == WR_STRING &&
            wr_str_find(wr_text(error), WR_STR(": var assignment conflict"), 0) != SIZE_MAX) {
            return is_conflict_at(o, wr_text(error));
        }
        return error.type != WR_STRING ||
               wr_str_find(wr_str_z(o->error), wr_text(error), 0) != SIZE_MAX;
    }
    if (o->is_error) {
        return false;
    }
    if (defined.type == WR_BOOL) {
        return wr_is_true(defined) == (o->results.n > 0);
    }
    if (want.type != WR_ARRAY) {
        return o->results.n == 0;
    }
    bool sort = wr_is_true(conform_field(c, "sort_bindings"));
    struct wr_value a = as_set(arena, &want, sort), b = as_set(arena, &o->results, sort);
    return wr_value_eq(&a, &b);
}
