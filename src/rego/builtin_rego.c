/* SPDX-License-Identifier: Apache-2.0 */
/* Builtins that need the front of the compiler. */
#include "rego/ast_value.h"
#include "rego/parse.h"
#include "rego/resolve.h"

/* rego.parse_module(file, text): the tree of a module, as JSON. */
static wr_err parse_module(struct wr_builtin_call *call, const struct wr_value *args, uint32_t n,
                           struct wr_value *out)
{
    struct wr_rego_errors errors;
    struct wr_ast_module *module;
    struct wr_rego_parse_options options = {.annotations = false};
    (void)n;
    for (uint32_t i = 0; i < 2; i++) {
        wr_err err = wr_builtin_want(call, args, i, WR_STRING);
        if (err != WR_OK) {
            return err;
        }
    }
    wr_err err = wr_builtin_charge(call, 1 + args[1].n / 8);
    if (err != WR_OK) {
        return err;
    }
    wr_rego_errors_init(&errors, call->arena);
    if (wr_rego_parse_module(call->arena, wr_text(args[0]), wr_text(args[1]), &options, &module,
                             &errors) != WR_OK) {
        struct wr_buf buf = wr_buf_in(call->arena, 128);
        wr_rego_errors_write(&buf, &errors);
        return buf.overflow ? wr_builtin_no_room(call)
                            : wr_builtin_fail(call, "%.*s", (int)buf.n, buf.p);
    }
    return wr_ast_module_value(call->arena, module, out);
}

static const struct wr_builtin rego_builtins[] = {
    {.name = "rego.parse_module",
     .types = "(filename: string, rego: string) => output: object[string: any]",
     .arity_min = 2,
     .arity_max = 2,
     .cost = WR_COST_HEAVY,
     .fn = parse_module},
};

const struct wr_builtin *wr_resolve_builtin(struct resolver *r, struct wr_str name)
{
    for (size_t i = 0; i < r->options->n_extra; i++) {
        if (wr_str_eq(name, wr_str_z(r->options->extra[i].name))) {
            return &r->options->extra[i];
        }
    }
    for (size_t i = 0; i < WR_COUNTOF(rego_builtins); i++) {
        if (wr_str_eq(name, wr_str_z(rego_builtins[i].name))) {
            return &rego_builtins[i];
        }
    }
    return wr_builtin_find(name);
}
