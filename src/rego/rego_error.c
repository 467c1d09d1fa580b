/* SPDX-License-Identifier: Apache-2.0 */
/* The list of a policy's errors and its text. */
#include "rego/rego_error.h"

#define FIRST_ERRORS 4

void wr_rego_errors_init(struct wr_rego_errors *errors, struct wr_arena *arena)
{
    *errors = (struct wr_rego_errors){.arena = arena, .limit = WR_LIMIT_REGO_ERRORS};
}

/* Room for one more, or NULL. */
static struct wr_rego_error *grow(struct wr_rego_errors *errors)
{
    if (errors->n == errors->cap) {
        uint32_t cap = errors->cap == 0 ? FIRST_ERRORS : errors->cap * 2;
        struct wr_rego_error *grown = WR_NEW_ARRAY(errors->arena, struct wr_rego_error, cap);
        if (grown == NULL) {
            errors->full = true;
            return NULL;
        }
        if (errors->n > 0) {
            memcpy(grown, errors->items, errors->n * sizeof *grown);
        }
        errors->items = grown;
        errors->cap = cap;
    }
    struct wr_rego_error *error = &errors->items[errors->n++];
    memset(error, 0, sizeof *error);
    return error;
}

static struct wr_str format_text(struct wr_arena *arena, const char *format, va_list args)
{
    struct wr_buf text = wr_buf_in(arena, 64);
    wr_vformat(&text, format, args);
    return text.overflow ? WR_STR("") : wr_buf_view(&text);
}

struct wr_rego_error *wr_rego_error_add(struct wr_rego_errors *errors, wr_err code,
                                        struct wr_str file, const struct wr_ast_loc *loc,
                                        const char *format, ...)
{
    if (errors->full) {
        return NULL;
    }
    struct wr_rego_error *error = grow(errors);
    if (error == NULL) {
        return NULL;
    }
    if (errors->n > errors->limit) {
        errors->full = true;
        error->code = WR_E_REGO_COMPILE;
        error->message = WR_STR("error limit reached");
        return NULL;
    }
    va_list args;
    va_start(args, format);
    error->message = format_text(errors->arena, format, args);
    va_end(args);
    error->code = error->message.n > 0 ? code : WR_E_MEMORY;
    error->file = wr_str_copy(errors->arena, file); /* modules may be gone before their errors */
    if (loc != NULL) {
        error->row = loc->row;
        error->col = loc->col;
    }
    return error;
}

void wr_rego_error_detail(struct wr_rego_errors *errors, struct wr_rego_error *error,
                          const char *format, ...)
{
    if (error == NULL) {
        return;
    }
    struct wr_str *lines = WR_NEW_ARRAY(errors->arena, struct wr_str, error->n_lines + 1);
    if (lines == NULL) {
        return;
    }
    if (error->n_lines > 0) {
        memcpy(lines, error->lines, error->n_lines * sizeof *lines);
    }
    va_list args;
    va_start(args, format);
    lines[error->n_lines] = format_text(errors->arena, format, args);
    va_end(args);
    error->lines = lines;
    error->n_lines++;
}

#define CARET_COLUMN_MAX 4096 /* no caret line for positions further right */

static bool is_newline(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The source line of the offset, or of the text before it, with a caret below. */
void wr_rego_error_source(struct wr_rego_errors *errors, struct wr_rego_error *error,
                          struct wr_str text, size_t offset)
{
    if (error == NULL || text.n == 0) {
        return;
    }
    offset = WR_MIN(offset, text.n - 1);
    while (offset > 0 && is_space(text.p[offset])) {
        offset--;
    }
    size_t begin = offset, end = offset;
    while (begin > 0 && !is_newline(text.p[begin])) {
        begin--;
    }
    begin += is_newline(text.p[begin]);
    while (end < text.n && !is_newline(text.p[end])) {
        end++;
    }
    begin = WR_MIN(begin, end);
    error->caret = offset > begin ? (uint32_t)(offset - begin) : 0;
    error->lines = WR_NEW_ARRAY(errors->arena, struct wr_str, 2);
    if (error->lines == NULL) {
        return;
    }
    size_t tabs = begin;
    while (tabs < end && text.p[tabs] == '\t') {
        tabs++;
    }
    error->lines[0] = wr_str_copy(errors->arena, wr_str_of(text.p + tabs, end - tabs));
    error->n_lines = 1;
    size_t indent = begin + error->caret > tabs ? begin + error->caret - tabs : 0;
    char *caret = indent <= CARET_COLUMN_MAX ? wr_arena_alloc(errors->arena, indent + 1, 1) : NULL;
    if (caret != NULL) {
        memset(caret, ' ', indent);
        caret[indent] = '^';
        error->lines[1] = wr_str_of(caret, indent + 1);
        error->n_lines = 2;
    }
}

static int compare(const struct wr_rego_error *a, const struct wr_rego_error *b)
{
    if ((a->row == 0 && a->file.n == 0) != (b->row == 0 && b->file.n == 0)) {
        return a->row == 0 && a->file.n == 0 ? 1 : -1; /* errors without a place come last */
    }
    int order = wr_str_cmp(a->file, b->file);
    if (order != 0) {
        return order;
    }
    if (a->row != b->row) {
        return a->row < b->row ? -1 : 1;
    }
    if (a->col != b->col) {
        return a->col < b->col ? -1 : 1;
    }
    order = wr_str_cmp(wr_rego_error_code(a), wr_rego_error_code(b));
    return order != 0 ? order : wr_str_cmp(a->message, b->message);
}

void wr_rego_errors_sort(struct wr_rego_errors *errors)
{
    for (uint32_t i = 1; i < errors->n; i++) { /* at most WR_LIMIT_REGO_PARSE_ERRORS */
        struct wr_rego_error moved = errors->items[i];
        uint32_t k = i;
        for (; k > 0 && compare(&moved, &errors->items[k - 1]) < 0; k--) {
            errors->items[k] = errors->items[k - 1];
        }
        errors->items[k] = moved;
    }
}

struct wr_str wr_rego_error_code(const struct wr_rego_error *error)
{
    return wr_str_z(wr_err_name(error->code));
}

void wr_rego_error_write(struct wr_buf *buf, const struct wr_rego_error *error)
{
    if (error->file.n > 0) {
        wr_format(buf, "%.*s:%u: ", WR_FMT(error->file), error->row);
    } else if (error->row > 0) {
        wr_format(buf, "%u:%u: ", error->row, error->col);
    }
    wr_buf_str(buf, wr_rego_error_code(error));
    wr_buf_str(buf, WR_STR(": "));
    wr_buf_str(buf, error->message);
    for (uint32_t i = 0; i < error->n_lines; i++) {
        wr_buf_str(buf, WR_STR("\n\t"));
        wr_buf_str(buf, error->lines[i]);
    }
}

void wr_rego_errors_write(struct wr_buf *buf, const struct wr_rego_errors *errors)
{
    if (errors->n == 1) {
        wr_buf_str(buf, WR_STR("1 error occurred: "));
        wr_rego_error_write(buf, &errors->items[0]);
    } else if (errors->n > 1) {
        wr_buf_u64(buf, errors->n);
        wr_buf_str(buf, WR_STR(" errors occurred:"));
        for (uint32_t i = 0; i < errors->n; i++) {
            wr_buf_char(buf, '\n');
            wr_rego_error_write(buf, &errors->items[i]);
        }
    }
}

wr_err wr_rego_errors_to_error(const struct wr_rego_errors *errors, struct wr_error *error)
{
    if (errors->n == 0) {
        return wr_fail(error, WR_E_MEMORY, "out of memory");
    }
    const struct wr_rego_error *first = &errors->items[0];
    if (error == NULL) {
        return first->code;
    }
    *error = (struct wr_error){
        .code = first->code, .row = first->row, .col = first->col, .offset = WR_NO_OFFSET};
    wr_error_where(error, first->file.n > 0 ? first->file.p : "", first->file.n);
    struct wr_buf text = wr_buf_fixed(error->text, sizeof error->text - 1);
    wr_rego_errors_write(&text, errors);
    error->text[text.n] = '\0';
    return first->code;
}
