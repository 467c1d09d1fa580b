/* SPDX-License-Identifier: Apache-2.0 */
/* The Rego lexer, parser, printer, formatter, checks and compiler on any bytes. Properties: a
 * module parses, or there is an error with a message, and with a place unless the module is empty
 * or a limit was met; what parses is the same tree after printing and parsing again, and has the
 * same rules after formatting; trees become values; a module compiles or there is an error. The
 * first byte chooses v0, v1 or a query. */
#include "fuzz.h"

#include "rego/ast_value.h"
#include "rego/fmt.h"
#include "rego/parse.h"
#include "rego/print.h"
#include "rego/rego.h"

static void check_errors(const struct wr_rego_errors *errors)
{
    demand(errors->n > 0);
    for (uint32_t i = 0; i < errors->n; i++) {
        const struct wr_rego_error *e = &errors->items[i];
        bool placeless =
            e->code != WR_E_REGO_PARSE || wr_str_eq(e->message, WR_STR("empty module"));
        demand(e->message.n > 0 && (e->row > 0 || placeless));
    }
}

static void check_module(struct wr_arena *arena, struct wr_str text, bool v1,
                         const struct wr_ast_module *module)
{
    struct wr_rego_parse_options options = {.v1 = v1};
    struct wr_buf printed = wr_buf_in(arena, 256);
    struct wr_rego_errors errors;
    struct wr_ast_module *again = NULL;
    struct wr_value value;
    struct wr_str formatted;
    wr_rego_errors_init(&errors, arena);
    wr_rego_print_module(&printed, module);
    demand(wr_rego_parse_module(arena, WR_STR("m"), wr_buf_view(&printed), &options, &again,
                                &errors) == WR_OK);
    demand(wr_ast_module_same(module, again));
    wr_err err = wr_ast_module_value(arena, module, &value);
    demand(err == WR_OK || err == WR_E_LIMIT);
    err = wr_rego_format_text(arena, WR_STR("m"), text, v1 ? WR_FORMAT_V1 : WR_FORMAT_AS_IT_IS,
                              &formatted, &errors);
    demand(err == WR_OK);
}

/* What parses compiles, or there is an error with a message. */
static void compile_module(struct wr_str text, bool v1, bool strict)
{
    struct wr_arena arena;
    struct wr_rego_errors errors;
    struct wr_rego_program *program = NULL;
    struct wr_rego_source source = {WR_STR("m"), text};
    struct wr_rego_options options = {.v1 = v1, .strict = strict};
    wr_arena_init(&arena, &fuzz_memory, (size_t)1 << 29);
    wr_rego_errors_init(&errors, &arena);
    wr_err err = wr_rego_compile(&arena, &source, 1, NULL, &options, &program, &errors);
    demand((err == WR_OK) == (errors.n == 0) && (program != NULL) == (err == WR_OK));
    for (uint32_t i = 0; i < errors.n; i++) {
        demand(errors.items[i].message.n > 0);
    }
    wr_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0) {
        return 0;
    }
    struct wr_str text = wr_str_of((const char *)data + 1, n - 1);
    struct wr_rego_parse_options options = {.v1 = (data[0] & 1) != 0, .annotations = true};
    struct wr_arena arena;
    struct wr_rego_errors errors;
    struct wr_ast_module *module = NULL;
    struct wr_ast_body *body = NULL;
    wr_arena_init(&arena, &fuzz_memory, (size_t)1 << 30);
    wr_rego_errors_init(&errors, &arena);
    if ((data[0] & 2) != 0) {
        options.all_future_keywords = (data[0] & 4) != 0;
        if (wr_rego_parse_body(&arena, WR_STR(""), text, &options, &body, &errors) != WR_OK) {
            check_errors(&errors);
        }
    } else if (wr_rego_parse_module(&arena, WR_STR("m"), text, &options, &module, &errors) ==
               WR_OK) {
        check_module(&arena, text, options.v1, module);
        compile_module(text, options.v1, (data[0] & 4) != 0);
    } else {
        check_errors(&errors);
    }
    wr_arena_deinit(&arena);
    return 0;
}
