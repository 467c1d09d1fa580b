/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/resp.h"

#include "base/num.h"

enum { LONGEST_NUMBER = 24 };

/* The line behind the first byte, without its end; false when its end is not there. */
static bool read_line(struct wr_str bytes, size_t longest, struct wr_str *line)
{
    size_t limit = WR_MIN(bytes.n, longest + 3);
    for (size_t i = 1; i + 1 < limit; i++) {
        if (bytes.p[i] == '\r' && bytes.p[i + 1] == '\n') {
            *line = wr_str_of(bytes.p + 1, i - 1);
            return true;
        }
    }
    return false;
}

/* Digits with perhaps a minus sign, nothing else. */
static bool read_number(struct wr_str text, int64_t *out)
{
    return text.n > 0 && text.p[0] != '+' && wr_num_read_i64(text, out);
}

static enum wr_resp_kind read_bulk(struct wr_str bytes, int64_t size, struct wr_resp_token *out)
{
    if (size == -1) {
        return WR_RESP_NIL;
    }
    if (size < 0 || size > WR_LIMIT_RESP_BULK) {
        return WR_RESP_BAD;
    }
    size_t n = (size_t)size;
    if (bytes.n - out->used < n + 2) {
        return WR_RESP_MORE;
    }
    out->text = wr_str_of(bytes.p + out->used, n);
    out->used += n + 2;
    return bytes.p[out->used - 2] == '\r' && bytes.p[out->used - 1] == '\n' ? WR_RESP_BULK
                                                                            : WR_RESP_BAD;
}

enum wr_resp_kind wr_resp_read(struct wr_str bytes, struct wr_resp_token *out)
{
    struct wr_str line;
    if (bytes.n == 0) {
        return WR_RESP_MORE;
    }
    char kind = bytes.p[0];
    bool counts = kind == ':' || kind == '$' || kind == '*';
    if (!counts && kind != '+' && kind != '-') {
        return WR_RESP_BAD;
    }
    size_t longest = counts ? LONGEST_NUMBER : WR_LIMIT_RESP_LINE;
    if (!read_line(bytes, longest, &line)) {
        return bytes.n >= longest + 3 ? WR_RESP_BAD : WR_RESP_MORE;
    }
    *out = (struct wr_resp_token){.text = line, .used = line.n + 3};
    if (!counts) {
        return kind == '+' ? WR_RESP_SIMPLE : WR_RESP_ERROR;
    }
    if (!read_number(line, &out->integer)) {
        return WR_RESP_BAD;
    }
    if (kind == '$') {
        return read_bulk(bytes, out->integer, out);
    }
    if (kind == ':') {
        return WR_RESP_INTEGER;
    }
    if (out->integer == -1) {
        return WR_RESP_NIL;
    }
    return out->integer >= 0 && out->integer <= WR_LIMIT_RESP_ITEMS ? WR_RESP_ARRAY : WR_RESP_BAD;
}

void wr_resp_write(struct wr_buf *buf, const struct wr_str *arguments, size_t n)
{
    wr_buf_char(buf, '*');
    wr_buf_u64(buf, n);
    wr_buf_str(buf, WR_STR("\r\n"));
    for (size_t i = 0; i < n; i++) {
        wr_buf_char(buf, '$');
        wr_buf_u64(buf, arguments[i].n);
        wr_buf_str(buf, WR_STR("\r\n"));
        wr_buf_str(buf, arguments[i]);
        wr_buf_str(buf, WR_STR("\r\n"));
    }
}
