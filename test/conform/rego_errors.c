/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that do not compile, against the text that a real OPA 0.60 prints of each
 * (test/golden/rego-errors/compile.json, made by tools/rego_errors.py). OPA's order of errors is
 * not always the same; here they are compared as sets. */
#include "check.h"
#include "rego/rego.h"
#include "value/json_read.h"

static const struct wr_memory memory = CHECK_MEMORY;

#define FILES_MAX 3
#define TEXTS_MAX 16

static const struct wr_value *member(const struct wr_value *object, const char *name)
{
    static const struct wr_value none;
    const struct wr_value *v = wr_object_get_str(object, wr_str_z(name));
    return v != NULL ? v : &none;
}

static int by_text(const void *a, const void *b)
{
    return wr_str_cmp(*(const struct wr_str *)a, *(const struct wr_str *)b);
}

/* "FILE:ROW:COL" of each error, sorted; the golden file has them as [FILE, ROW, COL]. */
static struct wr_str place(struct wr_arena *arena, struct wr_str file, int64_t row, int64_t col)
{
    struct wr_buf buf = wr_buf_in(arena, 32);
    wr_format(&buf, "%.*s:%lld:%lld", WR_FMT(file), (long long)row, (long long)col);
    return wr_buf_view(&buf);
}

static bool same_places(struct wr_arena *arena, const struct wr_rego_errors *errors,
                        const struct wr_value *want)
{
    struct wr_str have[TEXTS_MAX], expected[TEXTS_MAX];
    for (uint32_t i = 0; i < errors->n && i < TEXTS_MAX && i < want->n; i++) {
        const struct wr_rego_error *e = &errors->items[i];
        const struct wr_value *w = want->items[i].items;
        int64_t row = -1, col = -1;
        wr_number_to_i64(&w[1], &row);
        wr_number_to_i64(&w[2], &col);
        have[i] = place(arena, e->file, e->row, e->col);
        expected[i] = place(arena, wr_text(w[0]), row, col);
    }
    if (errors->n != want->n || errors->n > TEXTS_MAX) {
        return false;
    }
    qsort(have, errors->n, sizeof(have[0]), by_text);
    qsort(expected, errors->n, sizeof(have[0]), by_text);
    bool same = true;
    for (uint32_t i = 0; i < errors->n; i++) {
        same = same && wr_str_eq(have[i], expected[i]);
    }
    return same;
}

static bool same_texts(struct wr_arena *arena, const struct wr_rego_errors *errors,
                       const struct wr_value *want)
{
    struct wr_str have[TEXTS_MAX];
    if (errors->n != want->n || errors->n > TEXTS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < errors->n; i++) {
        struct wr_buf buf = wr_buf_in(arena, 256);
        wr_rego_error_write(&buf, &errors->items[i]);
        have[i] = wr_buf_view(&buf);
    }
    qsort(have, errors->n, sizeof(have[0]), by_text);
    bool same = true;
    for (uint32_t i = 0; i < errors->n; i++) {
        same = same && wr_str_eq(have[i], wr_text(want->items[i]));
    }
    return same;
}

static bool one_case(const struct wr_value *c)
{
    static const char *const names[FILES_MAX] = {"m.rego", "n.rego", "o.rego"};
    struct wr_arena arena;
    struct wr_rego_errors errors;
    struct wr_rego_program *program;
    struct wr_rego_source sources[FILES_MAX];
    const struct wr_value *files = member(c, "files");
    struct wr_rego_options options = {.strict = wr_is_true(*member(c, "strict"))};
    wr_arena_init(&arena, &memory, 256u << 20);
    wr_rego_errors_init(&errors, &arena);
    for (uint32_t i = 0; i < files->n && i < FILES_MAX; i++) {
        sources[i] = (struct wr_rego_source){wr_str_z(names[i]), wr_text(files->items[i])};
    }
    wr_rego_compile(&arena, sources, files->n, NULL, &options, &program, &errors);
    bool same = same_texts(&arena, &errors, member(c, "texts")) &&
                same_places(&arena, &errors, member(c, "places"));
    if (!same) {
        struct wr_buf buf = wr_buf_in(&arena, 1024);
        wr_rego_errors_write(&buf, &errors);
        printf("── %.*s\n", WR_FMT(wr_text(*member(c, "note"))));
        for (uint32_t i = 0; i < files->n; i++) {
            printf("%.*s", WR_FMT(wr_text(files->items[i])));
        }
        printf("  got %.*s\n", (int)buf.n, buf.p);
        for (uint32_t i = 0; i < member(c, "texts")->n; i++) {
            printf("  want %.*s\n", WR_FMT(wr_text(member(c, "texts")->items[i])));
        }
    }
    wr_arena_deinit(&arena);
    return same;
}

TEST("every policy that does not compile has OPA's errors: texts, details, places")
{
    struct wr_arena arena;
    struct wr_value doc;
    FILE *f = fopen(WEIR_SOURCE "/test/golden/rego-errors/compile.json", "rb");
    wr_arena_init(&arena, &memory, 64u << 20);
    char *text = malloc(8u << 20);
    size_t n = f != NULL && text != NULL ? fread(text, 1, 8u << 20, f) : 0;
    CHECK(wr_json_read(&arena, wr_str_of(text, n), false, NULL, &doc, NULL) == WR_OK);
    const struct wr_value *cases = member(&doc, "cases");
    unsigned wrong = 0, refused = 0;
    for (uint32_t i = 0; i < cases->n; i++) {
        wrong += !one_case(&cases->items[i]);
        refused += member(&cases->items[i], "texts")->n > 0;
    }
    printf("%u policies, %u of them in error\n", cases->n, refused);
    CHECK(refused >= 200);
    CHECK_INT(wrong, 0);
    if (f != NULL) {
        fclose(f);
    }
    free(text);
    wr_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
