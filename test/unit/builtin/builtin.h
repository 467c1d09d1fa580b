/* SPDX-License-Identifier: Apache-2.0 */
/* Calls builtins by name with arguments in Rego text, and shows what they answer. */
#ifndef TEST_BUILTIN_H
#define TEST_BUILTIN_H

#include "check.h"
#include "rego/builtin.h"
#include "rego/parse.h"
#include "value/json_write.h"

struct row {
    const char *name, *args, *want;
};

static const struct wr_memory test_memory = CHECK_MEMORY;

static bool test_zone(void *context, struct wr_arena *arena, struct wr_str name,
                      struct wr_str *tzif)
{
    char path[256];
    (void)context;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", WR_FMT(name));
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

/* The result as Rego text, "undefined", or "! <error>". `text` is the caller's. */
static wr_err test_call_with(struct wr_arena *arena, const char *name, const char *args_text,
                             uint64_t *fuel, char *text, size_t size)
{
    struct wr_value args = wr_undefined(), out = wr_undefined();
    struct wr_rego_errors errors;
    struct wr_error error = {0};
    struct wr_builtin_env env = {
        .now_ns = 1700000000123456789, .seed = 7, .zones = {test_zone, NULL}};
    struct wr_builtin_call call = {.self = wr_builtin_find(wr_str_z(name)),
                                   .arena = arena,
                                   .env = &env,
                                   .cache = wr_builtin_cache_new(arena),
                                   .error = &error,
                                   .fuel = fuel};
    wr_rego_errors_init(&errors, arena);
    snprintf(text, size, "no such builtin, or bad arguments");
    if (call.self == NULL ||
        wr_rego_parse_value(arena, wr_str_z(args_text), &args, &errors) != WR_OK ||
        args.type != WR_ARRAY) {
        return WR_E_USAGE;
    }
    wr_err err = call.self->fn(&call, args.items, args.n, &out);
    if (err != WR_OK) {
        snprintf(text, size, "! %s", error.text);
    } else if (out.type == WR_UNDEFINED) {
        snprintf(text, size, "undefined");
    } else {
        struct wr_buf buf = wr_buf_in(arena, 256);
        wr_rego_write(&buf, &out);
        snprintf(text, size, "%.*s", (int)buf.n, buf.p);
    }
    return err;
}

static wr_err test_call(const char *name, const char *args, uint64_t *fuel, char *text, size_t size)
{
    struct wr_arena arena;
    wr_arena_init(&arena, &test_memory, 64 << 20);
    wr_err err = test_call_with(&arena, name, args, fuel, text, size);
    wr_arena_deinit(&arena);
    return err;
}

static inline void check_rows(const struct row *rows, size_t n)
{
    char text[4096];
    for (size_t i = 0; i < n; i++) {
        (void)test_call(rows[i].name, rows[i].args, NULL, text, sizeof text);
        if (strcmp(text, rows[i].want) != 0) {
            fprintf(stderr, "%s%s\n", rows[i].name, rows[i].args);
        }
        CHECK_STR(text, rows[i].want);
    }
}

#define ROWS(...)                                                                                  \
    do {                                                                                           \
        static const struct row rows[] = {__VA_ARGS__};                                            \
        check_rows(rows, sizeof rows / sizeof rows[0]);                                            \
    } while (0)

#endif
