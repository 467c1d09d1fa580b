/* SPDX-License-Identifier: Apache-2.0 */
#include "app/load_answer.h"

#include "app/load.h"
#include "base/num.h"

#include <strings.h>

/* The value of a header whose name is given in lower case with its colon, or an empty view. */
static struct wr_str header(struct wr_str head, const char *name, size_t name_n)
{
    const char *end = head.p + head.n;
    for (const char *line = head.p; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL) {
            break;
        }
        if ((size_t)(stop - line) > name_n && (line[0] | 0x20) == name[0] &&
            strncasecmp(line, name, name_n) == 0) {
            const char *at = line + name_n;
            while (at < stop && *at == ' ') {
                at++;
            }
            return wr_str_of(at, (size_t)(stop - at) - (stop > at && stop[-1] == '\r'));
        }
        line = stop + 1;
    }
    return wr_str_of(NULL, 0);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static wr_err not_http(struct wr_error *error, const char *what)
{
    return wr_fail(error, WR_E_HTTP, "the answer is not HTTP: %s", what);
}

/* Decodes what has come of the chunks; *end is the raw length once the last has. */
static wr_err walk_chunks(struct wr_load_reader *reader, char *raw, size_t n, size_t *end,
                          struct wr_error *error)
{
    for (;;) {
        size_t i = reader->walked, size = 0;
        int digit, digits = 0;
        for (; i < n && (digit = hex_digit(raw[i])) >= 0; i++) {
            size = size * 16 + (size_t)digit;
            if (++digits > 8) {
                return not_http(error, "a chunk's size");
            }
        }
        const char *line_end = i < n ? memchr(raw + i, '\n', n - i) : NULL;
        if (line_end == NULL) {
            return WR_OK;
        }
        if (digits == 0) {
            return not_http(error, "a chunk without a size");
        }
        size_t data = (size_t)(line_end - raw) + 1;
        if (n < data + size + 2) {
            return WR_OK;
        }
        if (size == 0) { /* trailers are not used: the next line ends it */
            *end = data + 2;
            return WR_OK;
        }
        memmove(raw + reader->body_n, raw + data, size);
        reader->body_n += size;
        reader->walked = data + size + 2;
    }
}

static wr_err read_chunked(struct wr_load_reader *reader, char *bytes, size_t n, size_t head_n,
                           struct wr_load_answer *answer, size_t *used, struct wr_error *error)
{
    size_t end = 0;
    wr_err code = walk_chunks(reader, bytes + head_n, n - head_n, &end, error);
    if (code == WR_OK && end != 0) {
        answer->body = wr_str_of(bytes + head_n, reader->body_n);
        *used = head_n + end;
        *reader = (struct wr_load_reader){0};
    }
    return code;
}

wr_err wr_load_answer_read(struct wr_load_reader *reader, char *bytes, size_t n,
                           struct wr_load_answer *answer, size_t *used, struct wr_error *error)
{
    *used = 0;
    const char *blank = n != 0 ? memmem(bytes, n, "\r\n\r\n", 4) : NULL;
    if (blank == NULL) {
        return n < 65536 ? WR_OK : not_http(error, "its head has no end");
    }
    size_t head_n = (size_t)(blank - bytes) + 4;
    uint64_t status, length = 0;
    if (head_n < 16 || memcmp(bytes, "HTTP/1.", 7) != 0 ||
        !wr_num_read_u64(wr_str_of(bytes + 9, 3), &status)) {
        return not_http(error, "its first line");
    }
    const char *line_end = memchr(bytes, '\n', head_n);
    struct wr_str head = wr_str_of(line_end + 1, (size_t)(blank + 2 - line_end) - 1);
    if (status < 200) { /* an interim answer: the real one follows */
        size_t rest;
        wr_err code = wr_load_answer_read(reader, bytes + head_n, n - head_n, answer, &rest, error);
        *used = rest != 0 ? head_n + rest : 0;
        return code;
    }
    answer->status = (int)status;
    struct wr_str text = header(head, "connection:", 11);
    answer->closes = text.n == 5 && strncasecmp(text.p, "close", 5) == 0;
    text = header(head, "content-length:", 15);
    if (text.n == 0 && header(head, "transfer-encoding:", 18).n != 0) {
        return read_chunked(reader, bytes, n, head_n, answer, used, error);
    }
    if (status != 204 && status != 304 && !wr_num_read_u64(text, &length)) {
        return not_http(error, "it has no Content-Length");
    }
    if (length > WR_LIMIT_LOAD_ANSWER - 65536) {
        return wr_fail(error, WR_E_LIMIT, "an answer of %llu bytes is too large",
                       (unsigned long long)length);
    }
    if (n - head_n >= length) {
        answer->body = wr_str_of(bytes + head_n, (size_t)length);
        *used = head_n + (size_t)length;
    }
    return WR_OK;
}
