/* SPDX-License-Identifier: Apache-2.0 */
/* The Rego parser by hand-made examples: what trees are like, where things stand, what is refused.
 */
#include "front.h"
#include "rego/annotation.h"
#include "rego/ast_value.h"
#include "rego/yaml.h"
#include "value/json_write.h"

/* Checks the canonical text of a query. */
static void check_query(const char *text, const char *want)
{
    struct front f;
    front_begin(&f, FRONT_ARENA_MAX);
    front_query(&f, wr_str_z(text), true);
    CHECK_STR(front_errors(&f), "");
    if (f.err == WR_OK) {
        struct wr_buf out = wr_buf_in(&f.arena, 64);
        wr_rego_print_body(&out, f.body);
        CHECK_TEXT(out.p, out.n, want);
    }
    front_end(&f);
}

static void check_rule(const char *text, enum wr_ast_rule_kind kind, unsigned n_static,
                       const char *want)
{
    char module[512];
    struct front f;
    snprintf(module, sizeof module, "package t\nimport future.keywords\n%s\n", text);
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f, wr_str_z(module), false);
    CHECK_STR(front_errors(&f), "");
    if (f.err == WR_OK && f.module->n_rules > 0) {
        struct wr_buf out = wr_buf_in(&f.arena, 64);
        wr_rego_print_rule(&out, f.module->rules[0]);
        CHECK_TEXT(out.p, out.n, want);
        CHECK_INT(f.module->rules[0]->kind, kind);
        CHECK_INT(f.module->rules[0]->n_static, n_static);
    }
    front_end(&f);
}

static void check_error(const char *text, const char *want)
{
    struct front f;
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f, wr_str_z(text), false);
    CHECK(f.err != WR_OK);
    CHECK_STR(front_errors(&f), want);
    front_end(&f);
}

TEST("operators bind as in OPA")
{
    check_query("x := 1 + 2 * 3", "assign(x, plus(1, mul(2, 3)))");
    check_query("1 - 2 - 3 == -4", "equal(minus(minus(1, 2), 3), -4)");
    check_query("a | b & c < d", "lt(or(a, and(b, c)), d)");
    check_query("x in a | b", "internal.member_2(x, or(a, b))");
    check_query("k, v in c", "internal.member_3(k, v, c)");
    check_query("x = 1 in [true]", "x = internal.member_2(1, [true])");
    check_query("(1 + 2) * 3", "mul(plus(1, 2), 3)");
    check_query("1 in [1] in [true]", "internal.member_2(internal.member_2(1, [1]), [true])");
    check_query("a == b == c", "equal(equal(a, b), c)");
    check_query("x - -1", "minus(x, -1)");
}

TEST("statements keep negation, declarations and modifiers")
{
    check_query("not a with input.x as 1 with data.y as [2]",
                "not a with input.x as 1 with data.y as [2]");
    check_query("some x, y; some k, v in c", "some x, y; some k, v in c");
    check_query("every k, v in [1] { k < v; v != 3 }", "every k, v in [1] { lt(k, v); neq(v, 3) }");
    check_query("a\nb;c", "a; b; c");
    check_query("f(x).y[z]", "f(x).y[z]");
    check_query("[1, 2][i] = {\"a\": 1}.a", "[1, 2][i] = {\"a\": 1}.a");
    check_query("count([x | x := input[_]; x > 1]) == 2",
                "equal(count([x | assign(x, input[_]); gt(x, 1)]), 2)");
    check_query("io.jwt.decode(\"a\", [h, p, s])", "io.jwt.decode(\"a\", [h, p, s])");
}

TEST("a bar is a comprehension first and an operator else")
{
    check_query("x = {a | b}", "x = {a | b}");
    check_query("x = {a | b, c}", "x = {or(a, b), c}");
    check_query("x = [a | b, c | d]", "x = [or(a, b), or(c, d)]");
    check_query("x = {a: b | c}", "x = {a: b | c}");
    check_query("x = {a: b | c, d: e}", "x = {a: or(b, c), d: e}");
    check_query("x = {(a | b)}", "x = {or(a, b)}");
    check_query("set() == {}", "equal(set(), {})");
}

TEST("scalars are read as JSON and raw text")
{
    check_query("x = \"a\\u00e9\\n\\\"\\ud83d\\ude00\"",
                "x = \"a\xc3\xa9\\n\\\"\xf0\x9f\x98\x80\"");
    check_query("x = \"\\ud800\"", "x = \"\xef\xbf\xbd\"");
    check_query("x = `a\\n\"`", "x = \"a\\\\n\\\"\"");
    check_query("x = [1.50, 1e3, 1e400, -0, .5, 01]", "x = [1.50, 1e3, 1e400, -0, 0.5, 1]");
    check_query("x = 123456789012345678901234567890", "x = 123456789012345678901234567890");
}

TEST("heads have the kinds of OPA 0.60")
{
    check_rule("p = 1", WR_AST_RULE_COMPLETE, 1, "p = 1");
    check_rule("p { a }", WR_AST_RULE_COMPLETE, 1, "p = true { a }");
    check_rule("p[x] { x = 1 }", WR_AST_RULE_SET, 1, "p[x] { x = 1 }");
    check_rule("p.q { a }", WR_AST_RULE_SET, 1, "p[\"q\"] { a }");
    check_rule("p contains x if x = 1", WR_AST_RULE_SET, 1, "p contains x if { x = 1 }");
    check_rule("p.q[r] contains x if r = 1", WR_AST_RULE_SET, 2, "p.q[r] contains x if { r = 1 }");
    check_rule("p[x] if x = 1", WR_AST_RULE_OBJECT, 1, "p[x] = true if { x = 1 }");
    check_rule("p[x] = y { x = 1 }", WR_AST_RULE_OBJECT, 1, "p[x] = y { x = 1 }");
    check_rule("p.q.r { a }", WR_AST_RULE_COMPLETE, 3, "p.q.r = true { a }");
    check_rule("a.b[x].c := v if x", WR_AST_RULE_OBJECT, 2, "a.b[x].c := v if { x }");
    check_rule("f(x, [y]) = z { a }", WR_AST_RULE_FUNCTION, 1, "f(x, [y]) = z { a }");
    check_rule("a.f(x) := 1", WR_AST_RULE_FUNCTION, 2, "a.f(x) := 1");
    check_rule("default f(_) := 1", WR_AST_RULE_FUNCTION, 1, "default f(_) := 1");
    check_rule("p := 1 if { a } else := 2 if b else := 3", WR_AST_RULE_COMPLETE, 1,
               "p := 1 if { a } else := 2 if { b } else := 3");
    check_rule("p if { a | b }", WR_AST_RULE_COMPLETE, 1, "p = true if { {a | b} }");
    check_rule("p if { a }", WR_AST_RULE_COMPLETE, 1, "p = true if { a }");
}

TEST("chained bodies are rules of their own with fresh wildcards")
{
    struct front f;
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f, WR_STR("package t\nf(_, x) = 1 { x } { not x }\n"), false);
    CHECK_INT(f.err, WR_OK);
    CHECK_INT(f.module->n_rules, 2);
    const struct wr_ast_rule *first = f.module->rules[0], *second = f.module->rules[1];
    CHECK(!first->chained && second->chained);
    CHECK(!wr_str_eq(first->args[0]->name, second->args[0]->name));
    CHECK(first->args[1] != second->args[1]);
    front_end(&f);
}

TEST("nodes know where they stand")
{
    struct front f;
    struct wr_str text = WR_STR("package t\n\n# c\np {\n\t\xc3\xa9 := input.a[\n  1]\n}\n");
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f, text, false);
    CHECK(f.err != WR_OK); /* a letter beyond ASCII is no name */
    front_end(&f);
    text = WR_STR("package t\n\n# c\np {\n\tx := \"\xc3\xa9\" == input.a[\n  1]\n}\n");
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f, text, false);
    CHECK_INT(f.err, WR_OK);
    const struct wr_ast_rule *rule = f.module->rules[0];
    const struct wr_ast_term *ref = rule->body->exprs[0]->term->items[2]->items[2];
    CHECK_INT(rule->loc.row, 4);
    CHECK_INT(rule->loc.col, 1);
    CHECK_TEXT(text.p + rule->loc.offset, rule->loc.n,
               "p {\n\tx := \"\xc3\xa9\" == input.a[\n  1]\n}");
    CHECK_INT(ref->loc.row, 5);
    CHECK_INT(ref->loc.col, 14); /* code points, not bytes */
    CHECK_TEXT(text.p + ref->loc.offset, ref->loc.n, "input.a[\n  1]");
    CHECK_INT(f.module->n_comments, 1);
    CHECK_TEXT(f.module->comments[0].text.p, f.module->comments[0].text.n, " c");
    front_end(&f);
}

TEST("errors have OPA's words, places and carets")
{
    check_error("", "1 error occurred: m.rego:0: rego_parse_error: empty module");
    check_error("package a\np { a b }",
                "1 error occurred: m.rego:2: rego_parse_error: unexpected identifier token: "
                "expected \\n or ; or }\n\tp { a b }\n\t      ^");
    check_error("package a\nx == 1\n1 = 2",
                "2 errors occurred:\n"
                "m.rego:2: rego_parse_error: rule name conflicts with built-in function\n"
                "m.rego:3: rego_parse_error: number cannot be used for rule name");
    check_error(
        "package a\np { some x in [1] }",
        "1 error occurred: m.rego:2: rego_parse_error: unexpected identifier token: expected "
        "\\n or ; or } (hint: `import future.keywords.in` for `some x in xs` expressions)\n"
        "\tp { some x in [1] }\n\t           ^");
}

TEST("more than ten errors of one module are all told")
{
    char text[2048] = "package a\n";
    struct front f;
    for (int i = 0; i < 30; i++) {
        strcat(text, "1 = 2\n");
    }
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f, wr_str_z(text), false);
    CHECK_INT(f.errors.n, 30);
    front_end(&f);
}

TEST("a list of errors ends at its limit")
{
    struct front f;
    front_begin(&f, FRONT_ARENA_MAX);
    for (int i = 0; i < 20; i++) {
        wr_rego_error_add(&f.errors, WR_E_REGO_COMPILE, WR_STR("f"), NULL, "e%d", i);
    }
    CHECK_INT(f.errors.n, WR_LIMIT_REGO_ERRORS + 1);
    CHECK(f.errors.full);
    CHECK(wr_str_eq(f.errors.items[10].message, WR_STR("error limit reached")));
    front_end(&f);
}

/* n times `open`, then `middle`, then n times `close`. */
static char *nest(const char *open, const char *middle, const char *close, int n)
{
    size_t size = (strlen(open) + strlen(close)) * (size_t)n + strlen(middle) + 1;
    char *text = malloc(size), *at = text;
    for (int i = 0; i < n; i++) {
        at = stpcpy(at, open);
    }
    at = stpcpy(at, middle);
    for (int i = 0; i < n; i++) {
        at = stpcpy(at, close);
    }
    return text;
}

static wr_err parse_nested(const char *open, const char *middle, const char *close, int n)
{
    struct front f;
    char *text = nest(open, middle, close, n);
    front_begin(&f, FRONT_ARENA_MAX);
    front_query(&f, wr_str_z(text), true);
    wr_err err = f.err;
    CHECK(err == WR_OK || f.errors.n == 1);
    front_end(&f);
    free(text);
    return err;
}

TEST("nesting beyond WR_LIMIT_REGO_DEPTH is refused")
{
    static const char *const forms[][3] = {
        {"[", "1", "]"},    {"{", "1", "}"},        {"(", "1", ")"},
        {"{1:", "1", "}"},  {"f(", "1", ")"},       {"[x | x = ", "1", "]"},
        {"x[", "1", "]"},   {"{a | b, ", "1", "}"}, {"every x in y { ", "1", " }"},
        {"1 + ", "1", ""},  {"f(x)[", "1", "]"},    {"{1: {2 | ", "1", "}}"},
        {"1 in ", "1", ""}, {"[x | ", "1", ", 1]"}, {"not a with b as [", "1", "]"},
    };
    for (size_t i = 0; i < WR_COUNTOF(forms); i++) {
        wr_err few = parse_nested(forms[i][0], forms[i][1], forms[i][2], 60);
        wr_err many = parse_nested(forms[i][0], forms[i][1], forms[i][2], 20000);
        bool fits = few == WR_OK || few == WR_E_REGO_PARSE; /* not all forms nest in themselves */
        CHECK(fits);
        CHECK(few != WR_OK || many == WR_E_LIMIT);
    }
}

TEST("a text beyond WR_LIMIT_REGO_SOURCE is refused unread")
{
    struct front f;
    char *text = calloc((size_t)WR_LIMIT_REGO_SOURCE + 1, 1);
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f, wr_str_of(text, (size_t)WR_LIMIT_REGO_SOURCE + 1), false);
    CHECK_INT(f.err, WR_E_LIMIT);
    CHECK_INT(f.errors.n, 1);
    front_end(&f);
    free(text);
}

TEST("at most WR_LIMIT_REGO_PARSE_ERRORS errors of a module are told")
{
    struct front f;
    char *text = nest("1 = 2\n", "", "", WR_LIMIT_REGO_PARSE_ERRORS + 500);
    char *module = malloc(strlen(text) + 16);
    sprintf(module, "package a\n%s", text);
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f, wr_str_z(module), false);
    CHECK_INT(f.errors.n, WR_LIMIT_REGO_PARSE_ERRORS);
    front_end(&f);
    free(module);
    free(text);
}

TEST("annotations nested beyond WR_LIMIT_YAML_DEPTH are refused")
{
    static const int depths[] = {20, 200};
    for (size_t i = 0; i < WR_COUNTOF(depths); i++) {
        struct front f;
        char *list = nest("[", "1", "]", depths[i]);
        char *module = malloc(strlen(list) + 64);
        sprintf(module, "# METADATA\n# custom:\n#   a: %s\npackage a\np = 1", list);
        front_begin(&f, FRONT_ARENA_MAX);
        front_module(&f, wr_str_z(module), false);
        CHECK((f.err == WR_OK) == (depths[i] < WR_LIMIT_YAML_DEPTH));
        front_end(&f);
        free(module);
        free(list);
    }
}

static wr_err read_yaml(const char *text, struct wr_yaml_error *error, struct wr_value *out)
{
    struct front f;
    struct wr_yaml *node;
    front_begin(&f, FRONT_ARENA_MAX);
    wr_err err = wr_yaml_read(&f.arena, wr_str_z(text), &node, error);
    *out = err == WR_OK ? wr_yaml_value(&f.arena, node) : wr_undefined();
    out->items = NULL; /* gone with the arena */
    front_end(&f);
    return err;
}

/* Items with an anchor each, n of them; those of kinds 1 and 2 hold the one before, once or twice.
 */
static void anchored(char *out, unsigned kind, int n)
{
    for (int k = 0; k < n; k++) {
        out += sprintf(out, "- &a%d [", k);
        for (unsigned i = 0; i < kind && k > 0; i++) {
            out += sprintf(out, "*a%d,", k - 1);
        }
        out += sprintf(out, "x]\n");
    }
}

TEST("anchors and what aliases stand for are bounded, in number, size and depth")
{
    static const struct {
        int fits, n;
        const char *error;
    } cases[] = {
        {256, 257, "more anchors than WR_LIMIT_YAML_ANCHORS (256)"},
        {30, 32, "nested deeper than WR_LIMIT_YAML_DEPTH (32)"},
        {14, 17, "document contains excessive aliasing (WR_LIMIT_YAML_ALIASED, 100000)"},
    };
    for (unsigned kind = 0; kind < WR_COUNTOF(cases); kind++) {
        char text[8192];
        struct wr_yaml_error error = {0};
        struct wr_value value;
        anchored(text, kind, cases[kind].fits);
        CHECK_INT(read_yaml(text, &error, &value), WR_OK);
        CHECK_INT(value.n, cases[kind].fits);
        anchored(text, kind, cases[kind].n);
        CHECK_INT(read_yaml(text, &error, &value), WR_E_CONFIG);
        CHECK_STR(error.message, cases[kind].error);
    }
}

TEST("values deeper than WR_LIMIT_VALUE_DEPTH are no values")
{
    struct front f;
    struct wr_value value;
    char *deep = nest("[", "1", "]", WR_LIMIT_VALUE_DEPTH + 1);
    char *fits = nest("[", "1", "]", WR_LIMIT_VALUE_DEPTH - 1);
    front_begin(&f, FRONT_ARENA_MAX);
    CHECK_INT(wr_rego_parse_value(&f.arena, wr_str_z(deep), &value, &f.errors), WR_E_LIMIT);
    CHECK_INT(wr_rego_parse_value(&f.arena, wr_str_z(fits), &value, &f.errors), WR_OK);
    front_end(&f);
    free(deep);
    free(fits);
}

TEST("long lists and long chains of else are no nesting")
{
    struct front f;
    char *text = nest("p := 1 if { false } ", "\n", "", 1);
    char *elses = nest("else := 2 if { false } ", "\n", "", 5000);
    char *module = malloc(strlen(text) + strlen(elses) + 64);
    sprintf(module, "package t\nimport future.keywords\np := 1 if { false } %s", elses);
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f, wr_str_z(module), false);
    CHECK_INT(f.err, WR_OK);
    CHECK_INT(f.module->n_rules, 1);
    front_end(&f);
    free(text);
    free(elses);
    free(module);
}

TEST("ambiguous bars inside each other are read in linear time")
{
    char *text = nest("{a | ", "b", ", c}", 100);
    struct front f;
    front_begin(&f, (size_t)64 << 20);
    front_query(&f, wr_str_z(text), true);
    CHECK_INT(f.err, WR_OK); /* doubling at each level would outlast the universe */
    front_end(&f);
    free(text);
}

TEST("every size of arena gives a tree or a clean refusal")
{
    struct wr_str text =
        WR_STR("package t\nimport future.keywords\n# METADATA\n# title: x\n"
               "p contains {\"a\": [x | some x in input.xs]} if not f(1 + 2) else\n"
               "q := {a | b, c} { d with input as 1 } { e }\n");
    for (size_t cap = 64; cap < 40000; cap += 97) {
        struct front f;
        front_begin(&f, cap);
        front_module(&f, text, false);
        CHECK(f.err != WR_OK);
        front_end(&f);
    }
}

TEST("values are read from ground terms and from nothing else")
{
    struct front f;
    struct wr_value value;
    front_begin(&f, FRONT_ARENA_MAX);
    wr_err err = wr_rego_parse_value(&f.arena, WR_STR("{1, 2, 1.0, {\"a\": {3: [null]}}}"), &value,
                                     &f.errors);
    CHECK_INT(err, WR_OK);
    struct wr_buf out = wr_buf_in(&f.arena, 64);
    wr_rego_write(&out, &value);
    CHECK_TEXT(out.p, out.n, "{1, 2, {\"a\": {3: [null]}}}");
    CHECK(wr_rego_parse_value(&f.arena, WR_STR("[x]"), &value, &f.errors) == WR_E_REGO_PARSE);
    CHECK(wr_rego_parse_value(&f.arena, WR_STR("1 2"), &value, &f.errors) == WR_E_REGO_PARSE);
    CHECK(wr_rego_parse_value(&f.arena, WR_STR(""), &value, &f.errors) == WR_E_REGO_PARSE);
    front_end(&f);
}

TEST("an annotation is read and attached to what follows")
{
    struct front f;
    front_begin(&f, FRONT_ARENA_MAX);
    front_module(&f,
                 WR_STR("# METADATA\n# title: all\npackage t\n\n"
                        "# METADATA\n# description: |\n#   two\n#   lines\n# scope: document\n"
                        "# authors:\n# - Ada  Lovelace <ada@example.org>\n# - {name: Bob}\n"
                        "# schemas:\n# - input.x: schema.y\n"
                        "# custom:\n#   n: 0x10\n#   f: 1.50\n#   list: [a, 'b c', \"d\\n\"]\n"
                        "#   deep:\n#     - k: yes\n#       l: ~\n"
                        "p { true }\n\n# METADATA\n# entrypoint: true\nq := 1\n"),
                 false);
    CHECK_STR(front_errors(&f), "");
    CHECK_INT(f.module->n_annotations, 3);
    struct wr_buf out = wr_buf_in(&f.arena, 64);
    wr_json_write(&out, &f.module->annotations[1]->value, WR_JSON_COMPACT);
    CHECK_TEXT(out.p, out.n,
               "{\"authors\":[{\"email\":\"ada@example.org\",\"name\":\"Ada Lovelace\"},"
               "{\"name\":\"Bob\"}],\"custom\":{\"deep\":[{\"k\":true,\"l\":null}],\"f\":1.5,"
               "\"list\":[\"a\",\"b c\",\"d\\n\"],\"n\":16},\"description\":\"two\\nlines\\n\","
               "\"schemas\":[{\"path\":[\"input\",\"x\"],\"schema\":[\"schema\",\"y\"]}],"
               "\"scope\":\"document\"}");
    CHECK(f.module->annotations[0]->rule == NULL);
    CHECK(f.module->annotations[1]->rule == f.module->rules[0]);
    CHECK(f.module->annotations[2]->rule == f.module->rules[1]);
    CHECK(f.module->annotations[2]->entrypoint);
    CHECK(wr_str_eq(f.module->annotations[0]->scope, WR_STR("package")));
    front_end(&f);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
