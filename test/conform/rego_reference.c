/* SPDX-License-Identifier: Apache-2.0 */
/* docs/rego-reference.md, written from the tables that the engine itself uses.
 *
 *   rego-reference            prints the page
 *   rego-reference FILE       exits 1 unless FILE is that page */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rego/builtin.h"
#include "rego/check.h"
#include "rego/check_type.h"
#include "rego/opcode.h"
#include "rego/parse.h"
#include "rego/regex.h"
#include "rego/rego.h"
#include "rego/safety.h"
#include "rego/yaml.h"

static const struct wr_memory memory = CHECK_MEMORY;

/* Text in a cell of a table. */
static void cell(struct wr_buf *out, const char *text)
{
    for (; *text != 0; text++) {
        wr_buf_str(out, *text == '|' ? WR_STR("\\|") : wr_str_of(text, 1));
    }
}

static void notes(struct wr_buf *out, const struct wr_builtin *b)
{
    static const struct {
        unsigned flag;
        const char *text;
    } all[] = {
        {WR_BUILTIN_DEPRECATED, "deprecated: refused in version 1 and in strict mode"},
        {WR_BUILTIN_LATER, "came after OPA 0.60"},
        {WR_BUILTIN_NONDET, "the same within one evaluation only"},
        {WR_BUILTIN_NETWORK, "network: refused when it is compiled, unless allowed"},
        {WR_BUILTIN_RELATION, "any number of results"},
    };
    bool any = false;
    for (size_t i = 0; i < WR_COUNTOF(all); i++) {
        if ((b->flags & all[i].flag) != 0) {
            wr_format(out, "%s%s", any ? "; " : "", all[i].text);
            any = true;
        }
    }
    if (b->symbol != NULL) {
        wr_buf_str(out, any ? WR_STR("; ") : WR_STR(""));
        wr_buf_str(out, WR_STR("written `"));
        cell(out, b->symbol);
        wr_buf_char(out, '`');
    }
}

static void builtins(struct wr_buf *out)
{
    wr_buf_str(
        out,
        WR_STR("\n## Builtin functions\n\n| name | arguments and result | |\n|---|---|---|\n"));
    for (size_t i = 0; wr_builtin_at(i) != NULL; i++) {
        const struct wr_builtin *b = wr_builtin_at(i);
        if ((b->flags & WR_BUILTIN_INTERNAL) != 0) {
            continue;
        }
        wr_format(out, "| `%s` | `", b->name);
        cell(out, b->types);
        wr_buf_str(out, WR_STR("` | "));
        notes(out, b);
        wr_buf_str(out, WR_STR(" |\n"));
    }
    wr_buf_str(
        out,
        WR_STR("| `rego.metadata.chain` | `() => chain: array[any]` | a constant of the rule |\n"
               "| `rego.metadata.rule` | `() => output: any` | a constant of the rule |\n"
               "| `rego.parse_module` | `(filename: string, rego: string) => output: "
               "object[string: any]` |  |\n"));
}

static void opcodes(struct wr_buf *out)
{
    wr_buf_str(
        out, WR_STR("\n## Instructions\n\n"
                    "Operands: a b c are registers, k a constant, i j constants, p q paths of "
                    "input and data, x a\nbuiltin, n a number, w an entry of the table of `with`, "
                    "t the instruction to go to.\n\n"
                    "| name | operands | effect | fuel |\n|---|---|---|---|\n"));
    for (unsigned i = 0; i < WR_OPCODES; i++) {
        const struct wr_opcode_info *info = &wr_opcode_infos[i];
        wr_format(out, "| `%s` | `%s` | ", info->name, info->operands);
        cell(out, info->effect);
        wr_format(out, " | %u |\n", info->cost);
    }
}

static void limits(struct wr_buf *out)
{
#define LIMIT(name, what)                                                                          \
    {                                                                                              \
#name, (unsigned long long)(name), what                                                    \
    }
    static const struct {
        const char *name;
        unsigned long long value;
        const char *what;
    } all[] = {
        LIMIT(WR_LIMIT_REGO_SOURCE, "bytes of one module"),
        LIMIT(WR_LIMIT_REGO_DEPTH, "nesting of terms, operators and bodies in a module"),
        LIMIT(WR_LIMIT_REGO_PARSE_ERRORS, "errors that the parse of one module reports"),
        LIMIT(WR_LIMIT_REGO_ERRORS,
              "errors that a compilation reports, then 'error limit reached'"),
        LIMIT(WR_LIMIT_REGO_CHECK, "steps of the checks of a policy or query"),
        LIMIT(WR_LIMIT_REGO_SAFETY, "steps of putting statements in order"),
        LIMIT(WR_LIMIT_REGO_TYPE, "nesting of inferred types; deeper ones are any"),
        LIMIT(WR_LIMIT_REGO_HEAD, "items of the path of a rule"),
        LIMIT(WR_LIMIT_REGO_REGISTERS, "registers of one rule"),
        LIMIT(WR_LIMIT_REGO_CODE, "instructions of one program"),
        LIMIT(WR_LIMIT_REGO_DIMENSIONS, "things that the index of a rule's clauses asks about"),
        LIMIT(WR_LIMIT_REGO_INDEX,
              "bytes of all indexes of one program; what is beyond is tested clause by clause"),
        LIMIT(WR_LIMIT_REGO_CALLS, "rules and functions active at once"),
        LIMIT(WR_LIMIT_REGO_FUEL, "fuel of one evaluation unless the caller gives another"),
        LIMIT(WR_LIMIT_VALUE_DEPTH, "nesting of values"),
        LIMIT(WR_LIMIT_BUILTIN_OUTPUT, "bytes of text that one call of a builtin may make"),
        LIMIT(WR_LIMIT_BUILTIN_ITEMS, "elements that one call of a builtin may make"),
        LIMIT(WR_LIMIT_BUILTIN_CACHE, "patterns and zones kept within one evaluation"),
        LIMIT(WR_LIMIT_REGEX_PROGRAM, "instructions of one regular expression"),
        LIMIT(WR_LIMIT_REGEX_DEPTH, "nested groups of a regular expression"),
        LIMIT(WR_LIMIT_REGEX_REPEAT, "of {n,m}, and the product of nested ones"),
        LIMIT(WR_LIMIT_YAML_DEPTH, "nesting of YAML"),
        LIMIT(WR_LIMIT_YAML_ANCHORS, "anchors of a YAML text"),
        LIMIT(WR_LIMIT_YAML_ALIASED, "nodes that all aliases of a YAML text stand for"),
    };
#undef LIMIT
    wr_buf_str(out, WR_STR("\n## Limits\n\nWhat goes beyond ends with an error that names the "
                           "limit.\n\n| name | value | of what |\n|---|---|---|\n"));
    for (size_t i = 0; i < WR_COUNTOF(all); i++) {
        wr_format(out, "| `%s` | %llu | %s |\n", all[i].name, all[i].value, all[i].what);
    }
}

int main(int argc, char **argv)
{
    struct wr_arena arena;
    wr_arena_init(&arena, &memory, 16u << 20);
    struct wr_buf page = wr_buf_in(&arena, 1u << 16);
    wr_buf_str(&page,
               WR_STR("<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
                      "<!-- Written by ./dev docs from the engine's tables; do not edit. -->\n"
                      "# Rego reference\n\nWhat these mean: [rego.md](rego.md).\n"));
    builtins(&page);
    opcodes(&page);
    limits(&page);
    bool same = true;
    if (argc > 1) {
        char *have = malloc(1u << 20);
        FILE *f = fopen(argv[1], "rb");
        size_t n = f != NULL && have != NULL ? fread(have, 1, 1u << 20, f) : 0;
        same = n == page.n && memcmp(have, page.p, n) == 0;
        if (f != NULL) {
            fclose(f);
        }
        free(have);
        if (!same) {
            fprintf(stderr, "rego-reference: %s is not what the tables say; run ./dev docs\n",
                    argv[1]);
        }
    } else {
        fwrite(page.p, 1, page.n, stdout);
    }
    wr_arena_deinit(&arena);
    return same ? 0 : 1;
}
