/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/bytes.h"

struct err_row {
    wr_err code;
    int http;
    const char *name, *text, *remedy;
};

static const struct err_row rows[] = {
#define ERR_ROW(symbol, number, name, http, text, remedy) {WR_E_##symbol, http, name, text, remedy},
    WR_ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

static const struct err_row *row_of(wr_err code)
{
    for (size_t i = 0; i < WR_COUNTOF(rows); i++) {
        if (rows[i].code == code) {
            return &rows[i];
        }
    }
    return NULL;
}

/* What a message quotes may be no UTF-8, and a message may be cut within a character; it goes into
 * JSON all the same. */
static void make_utf8(char *text, size_t n)
{
    for (size_t i = wr_utf8_invalid_at(text, n); i < n; i += wr_utf8_invalid_at(text + i, n - i)) {
        text[i] = '?';
    }
}

static void record(struct wr_error *error, wr_err code, uint64_t offset, const char *format,
                   va_list args)
{
    if (error == NULL) {
        return;
    }
    error->code = code;
    error->offset = offset;
    error->row = 0;
    error->col = 0;
    error->where[0] = '\0';
    struct wr_buf text = wr_buf_fixed(error->text, sizeof error->text - 1);
    wr_vformat(&text, format, args);
    make_utf8(error->text, text.n);
    error->text[text.n] = '\0';
}

wr_err wr_fail(struct wr_error *error, wr_err code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(error, code, WR_NO_OFFSET, format, args);
    va_end(args);
    return code;
}

wr_err wr_fail_at(struct wr_error *error, wr_err code, uint64_t offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(error, code, offset, format, args);
    va_end(args);
    return code;
}

void wr_error_where(struct wr_error *error, const char *where, size_t n)
{
    if (error == NULL) {
        return;
    }
    n = WR_MIN(n, sizeof error->where - 1);
    memcpy(error->where, where, n);
    make_utf8(error->where, n);
    error->where[n] = '\0';
}

const char *wr_err_name(wr_err code)
{
    const struct err_row *row = row_of(code);
    return row != NULL ? row->name : "ok";
}

int wr_err_http(wr_err code)
{
    const struct err_row *row = row_of(code);
    return row != NULL ? row->http : 200;
}

const char *wr_err_text(wr_err code)
{
    const struct err_row *row = row_of(code);
    return row != NULL ? row->text : "";
}

const char *wr_err_remedy(wr_err code)
{
    const struct err_row *row = row_of(code);
    return row != NULL ? row->remedy : "";
}

bool wr_err_at(size_t i, wr_err *code)
{
    if (i >= WR_COUNTOF(rows)) {
        return false;
    }
    *code = rows[i].code;
    return true;
}
