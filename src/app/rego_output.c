/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rego_output.h"
#include "value/json_layout.h"
#include "value/json_write.h"

void wr_output_json(struct wr_arena *arena, const struct wr_buf *json, FILE *out)
{
    struct wr_buf text = wr_buf_in(arena, json->n * 2 + 64);
    wr_json_lay_out(&text, wr_buf_view(json));
    wr_buf_char(&text, '\n');
    if (!text.overflow && !json->overflow) { /* all of it or nothing */
        fwrite(text.p, 1, text.n, out);
    }
}

void wr_output_location(struct wr_buf *json, struct wr_str file, uint32_t row, uint32_t col)
{
    wr_buf_str(json, WR_STR("{\"file\":"));
    wr_json_write_string(json, file, WR_JSON_HTML_SAFE);
    wr_format(json, ",\"row\":%u,\"col\":%u}", row, col);
}

static void write_error(struct wr_buf *json, const struct wr_rego_error *e)
{
    wr_buf_str(json, WR_STR("{\"message\":"));
    wr_json_write_string(json, e->message, WR_JSON_HTML_SAFE);
    if (e->code == WR_E_IO) { /* of the loader */
        wr_buf_char(json, '}');
        return;
    }
    wr_buf_str(json, WR_STR(",\"code\":"));
    wr_json_write_string(json, wr_rego_error_code(e), WR_JSON_HTML_SAFE);
    if (e->row != 0) {
        wr_buf_str(json, WR_STR(",\"location\":"));
        wr_output_location(json, e->file, e->row, e->col);
    }
    if (e->code == WR_E_REGO_PARSE && e->n_lines > 0) {
        wr_buf_str(json, WR_STR(",\"details\":{\"line\":"));
        wr_json_write_string(json, e->lines[0], WR_JSON_HTML_SAFE);
        wr_format(json, ",\"idx\":%u}", e->caret);
    } else if (e->details.n > 0) {
        wr_format(json, ",\"details\":%.*s", WR_FMT(e->details));
    }
    wr_buf_char(json, '}');
}

void wr_rego_errors_json(struct wr_buf *json, const struct wr_rego_errors *errors)
{
    wr_buf_str(json, WR_STR("\"errors\":["));
    for (uint32_t i = 0; i < errors->n; i++) {
        wr_buf_str(json, i > 0 ? WR_STR(",") : WR_STR(""));
        write_error(json, &errors->items[i]);
    }
    wr_buf_char(json, ']');
}

static void write_text(struct wr_buf *buf, const struct wr_rego_errors *errors, const char *when)
{
    bool loading = errors->n > 0 && errors->items[0].code == WR_E_IO;
    if (!loading && when[0] == '\0') {
        wr_rego_errors_write(buf, errors);
        return;
    }
    if (errors->n > 1) {
        wr_format(buf, "%u errors occurred%s:\n", errors->n, when);
    } else {
        wr_format(buf, "1 error occurred%s: ", when);
    }
    for (uint32_t i = 0; i < errors->n; i++) {
        wr_buf_str(buf, i > 0 ? WR_STR("\n") : WR_STR(""));
        if (errors->items[i].code == WR_E_IO) {
            wr_buf_str(buf, errors->items[i].message);
        } else {
            wr_rego_error_write(buf, &errors->items[i]);
        }
    }
}

void wr_rego_errors_print(struct wr_arena *arena, const struct wr_rego_errors *errors, bool json,
                          FILE *out)
{
    struct wr_buf buf = wr_buf_in(arena, 4096);
    if (json) {
        wr_buf_char(&buf, '{');
        wr_rego_errors_json(&buf, errors);
        wr_buf_char(&buf, '}');
        wr_output_json(arena, &buf, out);
        return;
    }
    write_text(&buf, errors, "");
    wr_buf_char(&buf, '\n');
    fwrite(buf.p, 1, buf.n, out);
}

bool wr_rego_errors_are_of_parse(const struct wr_rego_errors *errors)
{
    return errors->n > 0 && errors->items[0].code == WR_E_REGO_PARSE;
}

void wr_rego_errors_print_loading(struct wr_arena *arena, const struct wr_rego_errors *errors,
                                  FILE *out)
{
    struct wr_buf buf = wr_buf_in(arena, 4096);
    static const struct wr_str bundle = {"loading error: ", 15};
    struct wr_str first = errors->n > 0 ? errors->items[0].message : (struct wr_str){0};
    if (errors->n == 1 && wr_str_starts(first, bundle)) { /* of a bundle: as it is */
        wr_buf_str(&buf, wr_str_of(first.p + bundle.n, first.n - bundle.n));
    } else {
        write_text(&buf, errors, " during loading");
    }
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

void wr_output_duration(struct wr_buf *buf, int64_t ns)
{
    if (ns < 1000) {
        wr_format(buf, "%lldns", (long long)ns);
        return;
    }
    int64_t unit = ns >= 1000000000 ? 1000000000 : ns >= 1000000 ? 1000000 : 1000;
    const char *name = unit == 1000000000 ? "s" : unit == 1000000 ? "ms" : "µs";
    wr_buf_i64(buf, ns / unit);
    int64_t rest = ns % unit;
    if (rest > 0) {
        wr_buf_char(buf, '.');
        for (int64_t digit = unit / 10; rest > 0; digit /= 10) {
            wr_buf_char(buf, (char)('0' + rest / digit));
            rest %= digit;
        }
    }
    wr_buf_str(buf, wr_str_z(name));
}
