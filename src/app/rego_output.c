/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rego_output.h"
#include "value/json_write.h"

struct wr_value wr_output_text(struct wr_arena *arena, struct wr_str s)
{
    return wr_string(wr_str_copy(arena, s));
}

struct wr_value wr_output_object(struct wr_arena *arena, size_t n, const struct wr_pair *from)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, n);
    if (pairs == NULL) {
        return wr_undefined();
    }
    memcpy(pairs, from, n * sizeof *pairs);
    return wr_object_from(pairs, n);
}

struct wr_value wr_output_location(struct wr_arena *arena, struct wr_str file, uint32_t row,
                                   uint32_t col)
{
    struct wr_pair pairs[] = {
        {wr_string(WR_STR("row")), wr_int(row)},
        {wr_string(WR_STR("col")), wr_int(col)},
        {wr_string(WR_STR("file")), wr_output_text(arena, file)},
    };
    return wr_output_object(arena, file.p != NULL ? 3 : 2, pairs);
}

void wr_output_json(struct wr_arena *arena, const struct wr_value *v, FILE *out)
{
    struct wr_buf buf = wr_buf_in(arena, 65536);
    wr_json_write(&buf, v, WR_JSON_PRETTY);
    wr_buf_char(&buf, '\n');
    if (!buf.overflow && !wr_arena_failed(arena)) { /* all of it or nothing */
        fwrite(buf.p, 1, buf.n, out);
    }
}

static void print_json(struct wr_arena *arena, const struct wr_rego_errors *errors, FILE *out)
{
    struct wr_value items[WR_LIMIT_REGO_ERRORS + 1];
    for (uint32_t i = 0; i < errors->n; i++) {
        const struct wr_rego_error *e = &errors->items[i];
        struct wr_pair pairs[] = {
            {wr_string(WR_STR("message")), wr_output_text(arena, e->message)},
            {wr_string(WR_STR("code")), wr_output_text(arena, wr_rego_error_code(e))},
            {wr_string(WR_STR("location")), wr_output_location(arena, e->file, e->row, e->col)},
        };
        bool plain = e->code == WR_E_IO; /* of the loader: neither code nor place */
        items[i] = wr_output_object(arena, plain ? 1 : e->row != 0 ? 3 : 2, pairs);
    }
    struct wr_pair top = {wr_string(WR_STR("errors")), wr_array(items, errors->n)};
    struct wr_value all = wr_output_object(arena, 1, &top);
    wr_output_json(arena, &all, out);
}

static void write_text(struct wr_buf *buf, const struct wr_rego_errors *errors)
{
    if (errors->n == 0 || errors->items[0].code != WR_E_IO) {
        wr_rego_errors_write(buf, errors);
        return;
    }
    if (errors->n > 1) {
        wr_format(buf, "%u errors occurred:\n", errors->n);
    } else {
        wr_buf_str(buf, WR_STR("1 error occurred: "));
    }
    for (uint32_t i = 0; i < errors->n; i++) {
        wr_format(buf, "%s%.*s", i > 0 ? "\n" : "", WR_FMT(errors->items[i].message));
    }
}

void wr_rego_errors_print(struct wr_arena *arena, const struct wr_rego_errors *errors, bool json,
                          FILE *out)
{
    if (json) {
        print_json(arena, errors, out);
        return;
    }
    struct wr_buf buf = wr_buf_in(arena, 4096);
    write_text(&buf, errors);
    wr_buf_char(&buf, '\n');
    fwrite(buf.p, 1, buf.n, out);
}

void wr_rego_errors_of_eval(struct wr_rego_errors *errors, struct wr_arena *arena,
                            const struct wr_error *error)
{
    wr_rego_errors_init(errors, arena);
    struct wr_ast_loc loc = {.row = error->row, .col = error->col};
    struct wr_str file = wr_str_copy(arena, wr_str_z(error->where));
    wr_rego_error_add(errors, error->code, file, &loc, "%s", error->text);
}
