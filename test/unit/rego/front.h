/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the Rego front end share: parse, print, compare with text. */
#ifndef FRONT_H
#define FRONT_H

#include "check.h"
#include "rego/parse.h"
#include "rego/print.h"
#include "value/json_read.h"
#include <dirent.h>

static const struct wr_memory front_memory = CHECK_MEMORY;
#define FRONT_ARENA_MAX ((size_t)1 << 30)

struct front {
    struct wr_arena arena;
    struct wr_rego_errors errors;
    struct wr_ast_module *module;
    struct wr_ast_body *body;
    wr_err err;
};

static inline void front_begin(struct front *f, size_t cap)
{
    *f = (struct front){.err = WR_OK};
    wr_arena_init(&f->arena, &front_memory, cap);
    wr_rego_errors_init(&f->errors, &f->arena);
}

static inline void front_end(struct front *f)
{
    wr_arena_deinit(&f->arena);
}

static inline void front_module(struct front *f, struct wr_str text, bool v1)
{
    struct wr_rego_parse_options options = {.v1 = v1, .annotations = true};
    f->err =
        wr_rego_parse_module(&f->arena, WR_STR("m.rego"), text, &options, &f->module, &f->errors);
}

static inline void front_query(struct front *f, struct wr_str text, bool keywords)
{
    struct wr_rego_parse_options options = {.all_future_keywords = keywords};
    f->err = wr_rego_parse_body(&f->arena, WR_STR(""), text, &options, &f->body, &f->errors);
}

/* The list of errors as text, with a NUL behind. */
static inline char *front_errors(struct front *f)
{
    struct wr_buf out = wr_buf_in(&f->arena, 256);
    wr_rego_errors_write(&out, &f->errors);
    wr_buf_char(&out, '\0');
    return out.p;
}

/* The whole file in malloc'd memory with a NUL behind, or NULL. `.gz` goes through gzip. */
static inline char *front_slurp(const char *path, size_t *n)
{
    char command[8192];
    size_t len = strlen(path), cap = 1 << 16;
    bool packed = len > 3 && strcmp(path + len - 3, ".gz") == 0;
    snprintf(command, sizeof command, "gzip -dc '%s'", path);
    FILE *file = packed ? popen(command, "r") : fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    char *text = malloc(cap + 1);
    *n = 0;
    for (size_t got; (got = fread(text + *n, 1, cap - *n, file)) > 0;) {
        *n += got;
        if (*n == cap) {
            cap *= 2;
            text = realloc(text, cap + 1);
        }
    }
    text[*n] = '\0';
    packed ? pclose(file) : fclose(file);
    return text;
}

/* Reads a JSON file into a value; *text must be freed after the arena. */
static inline bool front_json(struct wr_arena *arena, const char *path, char **text,
                              struct wr_value *out)
{
    size_t n = 0;
    *text = front_slurp(path, &n);
    struct wr_error error;
    return *text != NULL &&
           wr_json_read(arena, wr_str_of(*text, n), true, NULL, out, &error) == WR_OK;
}

static inline struct wr_str front_text(const struct wr_value *object, const char *key)
{
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(key));
    return v != NULL && v->type == WR_STRING ? wr_text(*v) : WR_STR("");
}

static inline bool front_flag(const struct wr_value *object, const char *key)
{
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(key));
    return v != NULL && wr_is_true(*v);
}

static inline const struct wr_value *front_cases(const struct wr_value *file)
{
    static const struct wr_value none = {.type = WR_ARRAY};
    const struct wr_value *cases = wr_object_get_str(file, WR_STR("cases"));
    return cases != NULL ? cases : &none;
}

#endif
