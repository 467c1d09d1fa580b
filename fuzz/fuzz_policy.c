/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler and the machine on policies made from bytes, or on any module. Properties: errors
 * have a message; indexed rules and clause by clause, the jump table and the switch give the same
 * answer or the same error; an input that is cut down to what wr_rego_input_paths says gives it
 * too. First byte: 1 strict errors, 2 any module (4 v1, 8 data.json's place) instead of one of our
 * making. */
#include "fuzz.h"

#include "program/rego_program.h"
#include "program/rego_twins.h"
#include "value/json_read.h"

#include <stdio.h>

static const char input_text[] =
    "{\"a\": 1, \"b\": [1, 2.0, \"x\"], \"s\": \"beta\", \"o\": {\"k\": \"a\", \"n\": 3},"
    "\"xs\": [{\"k\": \"a\", \"n\": 1}, {\"k\": \"b\", \"n\": 2}], \"t\": true, \"z\": null}";
static const char data_text[] = "{\"c\": 2, \"list\": [1, \"b\"], \"map\": {\"a\": true}}";

static struct wr_value read_json(struct wr_arena *arena, struct wr_str text)
{
    struct wr_value v;
    demand(wr_json_read(arena, text, true, NULL, &v, NULL) == WR_OK);
    return v;
}

static void evaluate(struct wr_arena *arena, const struct wr_rego_program *program,
                     const struct wr_value *input, bool strict)
{
    struct wr_rego_errors errors;
    struct wr_rego_query *query;
    wr_rego_errors_init(&errors, arena);
    if (wr_rego_prepare_path(program, arena, NULL, 0, &query, &errors) != WR_OK) {
        demand(errors.n > 0);
        return;
    }
    struct wr_buf answer = wr_buf_in(arena, 256), why = wr_buf_in(arena, 256);
    if (!twins_agree(query, input, strict, arena, &answer, &why)) {
        fprintf(stderr, "%.*s", (int)why.n, why.p);
        demand(false);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct wr_arena arena;
    struct choices choices = {.bytes = data + 1, .n = size - 1};
    struct wr_rego_errors errors;
    struct wr_rego_program *program = NULL;
    bool any = (data[0] & 2) != 0;
    struct wr_rego_options options = {.v1 = any && (data[0] & 4) != 0};
    wr_arena_init(&arena, &fuzz_memory, 256u << 20);
    wr_rego_errors_init(&errors, &arena);
    struct wr_buf text = wr_buf_in(&arena, 4096), in = wr_buf_in(&arena, 256);
    struct wr_buf base = wr_buf_in(&arena, 256);
    if (any) {
        wr_buf_str(&text, wr_str_of((const char *)data + 1, size - 1));
        wr_buf_str(&in, WR_STR(input_text));
        wr_buf_str(&base, (data[0] & 8) != 0 ? WR_STR("{}") : WR_STR(data_text));
    } else {
        write_input(&choices, &in);
        write_data(&choices, &base);
        write_program(&choices, &text);
    }
    struct wr_value input = read_json(&arena, wr_buf_view(&in));
    struct wr_value documents = read_json(&arena, wr_buf_view(&base));
    struct wr_rego_source source = {WR_STR("p.rego"), wr_buf_view(&text)};
    wr_err err = wr_rego_compile(&arena, &source, 1, &documents, &options, &program, &errors);
    demand((err == WR_OK) == (errors.n == 0) && (err == WR_OK || errors.items[0].message.n > 0));
    if (err == WR_OK) {
        evaluate(&arena, program, &input, (data[0] & 1) != 0);
    }
    wr_arena_deinit(&arena);
    return 0;
}
