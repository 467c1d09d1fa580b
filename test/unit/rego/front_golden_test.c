/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of malformed modules against what OPA 0.60 says of them (tools/rego_errors.py), and
 * formatted modules against what it makes of them (tools/rego_fmt.py). */
#include "front.h"
#include "rego/fmt.h"

/* OPA's line with the caret's place, from the details as we keep them. */
static bool details_same(const struct wr_rego_error *got, const struct wr_value *want)
{
    const struct wr_value *details = wr_object_get_str(want, WR_STR("details"));
    int64_t idx = 0;
    if (details == NULL) {
        return got->n_lines == 0;
    }
    const struct wr_value *n = wr_object_get_str(details, WR_STR("idx"));
    struct wr_str line = front_text(details, "line");
    while (line.n > 0 && line.p[0] == '\t') {
        line.p++;
        line.n--;
    }
    return got->n_lines == 2 && wr_str_eq(got->lines[0], line) && n != NULL &&
           wr_number_to_i64(n, &idx) && got->caret == idx;
}

static bool error_same(const struct wr_rego_error *got, const struct wr_value *want)
{
    const struct wr_value *place = wr_object_get_str(want, WR_STR("location"));
    int64_t row = 0, col = 0;
    if (place == NULL || !wr_number_to_i64(wr_object_get_str(place, WR_STR("row")), &row) ||
        !wr_number_to_i64(wr_object_get_str(place, WR_STR("col")), &col)) {
        return false;
    }
    return wr_str_eq(got->message, front_text(want, "message")) &&
           wr_str_eq(wr_rego_error_code(got), front_text(want, "code")) && got->row == row &&
           got->col == col && details_same(got, want);
}

TEST("every malformed module has OPA's errors: texts, rows, columns, carets")
{
    struct wr_arena arena;
    struct wr_value file;
    char *text;
    wr_arena_init(&arena, &front_memory, FRONT_ARENA_MAX);
    CHECK(front_json(&arena, WEIR_SOURCE "/test/golden/rego-errors/parse.json", &text, &file));
    const struct wr_value *cases = front_cases(&file);
    CHECK(cases->n >= 200);
    for (uint32_t i = 0; i < cases->n; i++) {
        const struct wr_value *c = &cases->items[i];
        const struct wr_value *errors = wr_object_get_str(c, WR_STR("errors"));
        struct front f;
        front_begin(&f, FRONT_ARENA_MAX);
        front_module(&f, front_text(c, "module"), front_flag(c, "v1"));
        bool same = f.err != WR_OK && f.errors.n == errors->n;
        for (uint32_t k = 0; same && k < errors->n; k++) {
            same = error_same(&f.errors.items[k], &errors->items[k]);
        }
        if (!same) {
            struct wr_str note = front_text(c, "note");
            fprintf(stderr, "%.*s: got %s\n", WR_FMT(note), front_errors(&f));
        }
        CHECK(same);
        front_end(&f);
    }
    wr_arena_deinit(&arena);
    free(text);
}

/* Formats NAME.rego and compares with NAME.want; then the result must not change any more. */
static void one_format(const char *name)
{
    char path[4352];
    size_t n = 0, want_n = 0;
    size_t stem = strlen(name) - strlen(".rego");
    bool v1 = stem > 3 && memcmp(name + stem - 3, "_v1", 3) == 0;
    enum wr_rego_style style = v1 ? WR_FORMAT_V1 : WR_FORMAT_AS_IT_IS;
    struct wr_str once = WR_STR(""), twice = WR_STR("");
    struct front f;
    snprintf(path, sizeof path, WEIR_SOURCE "/test/golden/rego-fmt/%s", name);
    char *text = front_slurp(path, &n);
    snprintf(path, sizeof path, WEIR_SOURCE "/test/golden/rego-fmt/%.*s.want", (int)stem, name);
    char *want = front_slurp(path, &want_n);
    CHECK(text != NULL && want != NULL);
    front_begin(&f, FRONT_ARENA_MAX);
    CHECK_INT(
        wr_rego_format_text(&f.arena, WR_STR("m"), wr_str_of(text, n), style, &once, &f.errors),
        WR_OK);
    CHECK_TEXT(once.p, once.n, want);
    CHECK_INT(wr_rego_format_text(&f.arena, WR_STR("m"), once, style, &twice, &f.errors), WR_OK);
    CHECK(wr_str_eq(once, twice));
    front_end(&f);
    free(text);
    free(want);
}

TEST("modules are formatted as opa fmt formats them")
{
    DIR *dir = opendir(WEIR_SOURCE "/test/golden/rego-fmt");
    int n = 0;
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (strstr(e->d_name, ".rego") != NULL) {
            one_format(e->d_name);
            n++;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    CHECK(n >= 5);
}

TEST("a module is moved to v1")
{
    struct front f;
    struct wr_str out = WR_STR("");
    front_begin(&f, FRONT_ARENA_MAX);
    wr_err err = wr_rego_format_text(
        &f.arena, WR_STR("m"),
        WR_STR(
            "package a\nimport future.keywords.in\np[x] { x := 1 } { x := 2 }\nq = 1 { p[1] }\n"),
        WR_FORMAT_TO_V1, &out, &f.errors);
    CHECK_INT(err, WR_OK);
    CHECK_TEXT(out.p, out.n,
               "package a\n\nimport rego.v1\n\np contains x if x := 1\n\np contains x if x := 2\n\n"
               "q := 1 if p[1]\n");
    err = wr_rego_format_text(&f.arena, WR_STR("m"), WR_STR("package a\np { if := 1; if == 1 }\n"),
                              WR_FORMAT_TO_V1, &out, &f.errors);
    CHECK_INT(err, WR_E_REGO_PARSE); /* `if` cannot be a name there */
    front_end(&f);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
