/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of a policy on texts that are made to be slow, deep or large: they end, in bounded
 * memory, with an answer or with an error that names a limit. What they say of ordinary errors is
 * held against OPA in test/conform/rego_errors.c. */
#include "check.h"
#include "rego/rego.h"

static const struct wr_memory memory = CHECK_MEMORY;

#define ROOM ((size_t)512 << 20)

static char *text;
static size_t n_text;

static WR_PRINTF(1, 2) void put(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    n_text += (size_t)vsnprintf(text + n_text, (4u << 20) - n_text, format, args);
    va_end(args);
}

static void begin(void)
{
    text = malloc(4u << 20);
    n_text = 0;
    put("package t\n");
}

static struct wr_rego_options options; /* of the next compilation only */

/* Compiles the text; `first` gets the first error. */
static wr_err compile(char *first, size_t size)
{
    struct wr_arena arena;
    struct wr_rego_errors errors;
    struct wr_rego_program *program;
    struct wr_rego_source source = {WR_STR("t.rego"), wr_str_of(text, n_text)};
    wr_arena_init(&arena, &memory, ROOM);
    wr_rego_errors_init(&errors, &arena);
    wr_err err = wr_rego_compile(&arena, &source, 1, NULL, &options, &program, &errors);
    options = (struct wr_rego_options){0};
    first[0] = 0;
    if (errors.n > 0) {
        snprintf(first, size, "%.*s", WR_FMT(errors.items[0].message));
    }
    wr_arena_deinit(&arena);
    free(text);
    return err;
}

TEST("types that double with each rule are cut at WR_LIMIT_REGO_TYPE")
{
    char first[200];
    begin();
    put("r0 = 1\n");
    for (int i = 1; i < 100; i++) {
        put("r%d = [r%d, {\"a\": r%d}]\n", i, i - 1, i - 1);
    }
    put("p { r99[0][1].a[0] = r98[1].a; r99 = r98; r50[0].x }\n");
    CHECK(compile(first, sizeof(first)) == WR_E_REGO_TYPE);
    CHECK(strstr(first, "undefined ref: data.t.r50[0].x") != NULL);
}

TEST("comprehensions in comprehensions are checked once each")
{
    char first[200];
    begin();
    put("p = ");
    for (int i = 0; i < 100; i++) {
        put("[x%d | x%d := ", i, i);
    }
    put("1");
    for (int i = 0; i < 100; i++) {
        put("]");
    }
    put("\n");
    CHECK(compile(first, sizeof(first)) == WR_OK);
}

static void put_reversed(int n)
{
    begin();
    put("p { ");
    for (int i = 0; i < n; i++) {
        put("x%d = x%d + 1\n", i, i + 1);
    }
    put("x%d = 1 }\n", n);
}

TEST("a body in the worst order is put right, in steps near to its length")
{
    char first[200];
    put_reversed(3000);
    CHECK(compile(first, sizeof(first)) == WR_OK);
    put_reversed(1000);
    options.steps = 2500000;
    CHECK(compile(first, sizeof(first)) == WR_OK);
}

TEST("a body that would take too long ends with the limit of steps")
{
    char first[200];
    put_reversed(3000);
    options.steps = 2000000;
    CHECK(compile(first, sizeof(first)) == WR_E_LIMIT);
    CHECK(strstr(first, "more than 2000000 steps (as many as are allowed here)") != NULL);
    begin(); /* each unsafe variable is looked for among all, in each statement */
    put("p { ");
    for (int i = 0; i < 15000; i++) {
        put("x%d > 1\n", i);
    }
    put("}\n");
    CHECK(compile(first, sizeof(first)) == WR_E_LIMIT);
    CHECK(strstr(first, "WR_LIMIT_REGO_CHECK") != NULL);
}

TEST("a long chain of rules needs no deep stack")
{
    char first[200];
    begin();
    for (int i = 0; i < 20000; i++) {
        put("r%d { r%d }\n", i, i + 1);
    }
    put("r20000 { true }\n");
    CHECK(compile(first, sizeof(first)) == WR_OK);
}

TEST("a long cycle of rules is found, and what only leads to it is not blamed")
{
    char first[200];
    begin();
    for (int i = 0; i < 3000; i++) {
        put("a%d { r0 }\n", i);
    }
    for (int i = 0; i < 3000; i++) {
        put("r%d { r%d }\n", i, (i + 1) % 3000);
    }
    CHECK(compile(first, sizeof(first)) == WR_E_REGO_RECURSION);
    CHECK(strstr(first, "rule data.t.r0 is recursive: data.t.r0 -> data.t.r1") != NULL);
}

TEST("thousands of unsafe statements end with ten errors")
{
    char first[200];
    begin();
    put("p { ");
    for (int i = 0; i < 5000; i++) {
        put("f(g(y%d))\n", i);
    }
    put("}\nf(x) = x\ng(x) = x\n");
    CHECK(compile(first, sizeof(first)) == WR_E_REGO_UNSAFE);
    CHECK(strstr(first, "var y0 is unsafe") != NULL);
}

TEST("an object of many keys of many types")
{
    char first[200];
    begin();
    put("o = {");
    for (int i = 0; i < 5000; i++) {
        put("%s\"k%d\": {\"v%d\": %d}", i > 0 ? ", " : "", i, i % 50, i);
    }
    put("}\np { x := o[_]; x.v7 == 1; o.k17.v17 == 17; o.zz }\n");
    CHECK(compile(first, sizeof(first)) == WR_E_REGO_TYPE);
    CHECK(strstr(first, "undefined ref: data.t.o.zz") != NULL);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
