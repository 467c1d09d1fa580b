/* SPDX-License-Identifier: Apache-2.0 */
/* All modules of OPA's conformance cases: those that OPA 0.60 runs must parse, and what parses must
 * survive printing: parse(print(parse(x))) is the same tree. Truncations and mutations of them must
 * give a tree or errors with places, never anything else. */
#include "front.h"
#include "rego/fmt.h"

struct counts {
    unsigned modules, parsed, failed, mutants;
};

static void round_trip(struct front *f, bool v1, struct counts *n)
{
    struct wr_buf out = wr_buf_in(&f->arena, 4096);
    struct wr_ast_module *first = f->module;
    wr_rego_print_module(&out, first);
    front_module(f, wr_buf_view(&out), v1);
    if (f->err != WR_OK || !wr_ast_module_same(first, f->module)) {
        fprintf(stderr, "printed:\n%.*s\n%s\n", WR_FMT(out), front_errors(f));
        n->failed++;
    }
}

/* Formatting must keep the rules (it checks that itself) and come to rest. */
static void format(struct front *f, struct wr_str text, bool v1, struct counts *n)
{
    struct wr_str once, twice;
    enum wr_rego_style style = v1 ? WR_FORMAT_V1 : WR_FORMAT_AS_IT_IS;
    if (wr_rego_format_text(&f->arena, WR_STR("m"), text, style, &once, &f->errors) != WR_OK ||
        wr_rego_format_text(&f->arena, WR_STR("m"), once, style, &twice, &f->errors) != WR_OK ||
        !wr_str_eq(once, twice)) {
        fprintf(stderr, "not formatted:\n%.*s\n%s\n", WR_FMT(text), front_errors(f));
        n->failed++;
    }
}

static void one_module(struct wr_str text, bool v1, bool must_parse, struct counts *n)
{
    struct front f;
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f, text, v1);
    n->modules++;
    if (f.err == WR_OK) {
        n->parsed++;
        round_trip(&f, v1, n);
        format(&f, text, v1, n);
    } else if (must_parse) {
        fprintf(stderr, "%.*s\n%s\n", WR_FMT(text), front_errors(&f));
        n->failed++;
    }
    front_end(&f);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Cuts the module, or replaces, removes or doubles a byte. */
static void one_mutant(struct wr_str text, bool v1, uint32_t *random, struct counts *n)
{
    static const char bytes[] = "{}[]().,;:=|\"`#\n \tx1_@\\\x80";
    char *copy = malloc(text.n + 2);
    struct front f;
    if (text.n == 0 || copy == NULL) {
        free(copy);
        return;
    }
    memcpy(copy, text.p, text.n);
    size_t at = next_random(random) % text.n, length = text.n;
    switch (next_random(random) % 4) {
    case 0:
        length = at;
        break;
    case 1:
        copy[at] = bytes[next_random(random) % (sizeof bytes - 1)];
        break;
    case 2:
        memmove(copy + at, copy + at + 1, text.n - at - 1);
        length--;
        break;
    default:
        memmove(copy + at + 1, copy + at, text.n - at);
        length++;
    }
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f, wr_str_of(copy, length), v1);
    if (f.err == WR_OK) {
        round_trip(&f, v1, n);
        format(&f, wr_str_of(copy, length), v1, n);
    } else {
        bool told = f.errors.n > 0 && f.errors.items[0].message.n > 0;
        n->failed += !told;
    }
    n->mutants++;
    front_end(&f);
    free(copy);
}

static void one_file(const char *path, bool v1, struct counts *n)
{
    struct wr_arena arena;
    struct wr_value file;
    char *text = NULL;
    uint32_t random = 1;
    wr_arena_init(&arena, &front_memory, FRONT_ARENA_MAX);
    if (!front_json(&arena, path, &text, &file)) {
        fprintf(stderr, "cannot read %s\n", path);
        n->failed++;
        free(text);
        wr_arena_deinit(&arena);
        return;
    }
    const struct wr_value *cases = front_cases(&file);
    for (uint32_t i = 0; i < cases->n; i++) {
        const struct wr_value *modules = wr_object_get_str(&cases->items[i], WR_STR("modules"));
        bool must_parse = front_flag(&cases->items[i], "opa060");
        for (uint32_t k = 0; modules != NULL && k < modules->n; k++) {
            one_module(wr_text(modules->items[k]), v1, must_parse, n);
            for (int m = 0; m < 8; m++) {
                one_mutant(wr_text(modules->items[k]), v1, &random, n);
            }
        }
    }
    wr_arena_deinit(&arena);
    free(text);
}

static void one_folder(const char *folder, bool v1, unsigned least)
{
    char path[4096];
    struct counts n = {0};
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (strstr(e->d_name, ".json") != NULL) {
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
            one_file(path, v1, &n);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    printf("%s: %u modules, %u parsed, %u mutants\n", folder, n.modules, n.parsed, n.mutants);
    CHECK(n.modules >= least);
    CHECK_INT(n.failed, 0);
}

TEST("modules of the v0 cases parse and print")
{
    one_folder(WEIR_SHARED "/opa-cases/v0", false, 1000);
}

TEST("modules of the v1 cases parse and print")
{
    one_folder(WEIR_SHARED "/opa-cases/v1", true, 1000);
}

TEST("modules of the plan cases parse and print")
{
    one_folder(WEIR_SHARED "/opa-cases/plan", false, 90);
}

int main(int argc, char **argv)
{
    DIR *dir = opendir(WEIR_SHARED "/opa-cases/v0");
    if (dir == NULL) {
        printf("skipped: %s is absent\n", WEIR_SHARED "/opa-cases");
        return 77;
    }
    closedir(dir);
    return check_main(argc, argv);
}
