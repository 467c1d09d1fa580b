/* SPDX-License-Identifier: Apache-2.0 */
#include "value/json_text.h"
#include "base/num.h"

static enum wr_json_scan bad(struct wr_json_token *token, size_t at, wr_err code, const char *why)
{
    token->at = at;
    token->code = code;
    token->why = why;
    return WR_SCAN_BAD;
}

/* ── strings ────────────────────────────────────────────────────────────────────────────────── */

/* Value of four hex digits, or -1 at one that is none; *n_good counts the good ones in front. */
static int32_t hex4(const char *p, size_t n, size_t *n_good)
{
    int32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        *n_good = i;
        if (i == n) {
            return 0;
        }
        char c = p[i];
        int32_t digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    *n_good = 4;
    return value;
}

static bool is_surrogate(int32_t code, int32_t first)
{
    return (code & 0xFC00) == first;
}

/* A \u escape, or a pair of them, at p[i]; goes behind it. */
static enum wr_json_scan scan_unicode(const char *p, size_t n, size_t i,
                                      struct wr_json_token *token)
{
    size_t good;
    int32_t code = hex4(p + i + 2, n - i - 2, &good);
    if (code < 0) {
        return bad(token, i + 2 + good, WR_E_JSON, "not a hexadecimal digit in an escape");
    }
    if (good < 4) {
        return WR_SCAN_MORE;
    }
    if (is_surrogate(code, 0xDC00)) {
        return bad(token, i, WR_E_JSON, "a low surrogate without a high one");
    }
    if (!is_surrogate(code, 0xD800)) {
        token->at = i + 6;
        return WR_SCAN_DONE;
    }
    static const char wanted[2] = {'\\', 'u'};
    for (size_t k = 0; k < 2; k++) {
        if (i + 6 + k == n) {
            return WR_SCAN_MORE;
        }
        if (p[i + 6 + k] != wanted[k]) {
            return bad(token, i, WR_E_JSON, "a high surrogate without a low one");
        }
    }
    code = hex4(p + i + 8, n - i - 8, &good);
    if (code < 0) {
        return bad(token, i + 8 + good, WR_E_JSON, "not a hexadecimal digit in an escape");
    }
    if (good < 4) {
        return WR_SCAN_MORE;
    }
    if (!is_surrogate(code, 0xDC00)) {
        return bad(token, i, WR_E_JSON, "a high surrogate without a low one");
    }
    token->at = i + 12;
    return WR_SCAN_DONE;
}

static enum wr_json_scan scan_escape(const char *p, size_t n, size_t i, struct wr_json_token *token)
{
    token->has_escapes = true;
    if (n - i < 2) {
        return WR_SCAN_MORE;
    }
    switch (p[i + 1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        token->at = i + 2;
        return WR_SCAN_DONE;
    case 'u':
        return scan_unicode(p, n, i, token);
    default:
        return bad(token, i + 1, WR_E_JSON, "an unknown escape");
    }
}

/* One character beyond ASCII. Cut short by the end it may still be completed. */
static enum wr_json_scan scan_utf8(const char *p, size_t n, size_t i, struct wr_json_token *token)
{
    uint32_t code_point;
    unsigned length = wr_utf8_decode(p + i, n - i, &code_point);
    if (length != 0) {
        token->at = i + length;
        return WR_SCAN_DONE;
    }
    uint8_t lead = (uint8_t)p[i];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || n - i >= wanted) {
        return bad(token, i, WR_E_UTF8, "not UTF-8");
    }
    return WR_SCAN_MORE;
}

enum wr_json_scan wr_json_scan_string(const char *p, size_t n, struct wr_json_token *token)
{
    size_t i = token->at == 0 ? 1 : token->at;
    for (;;) {
        i = wr_json_skip_plain(p, n, i);
        token->at = i;
        if (i == n) {
            return WR_SCAN_MORE;
        }
        uint8_t c = (uint8_t)p[i];
        if (c == '"') {
            token->at = i + 1;
            return WR_SCAN_DONE;
        }
        if (c < 0x20) {
            return bad(token, i, WR_E_JSON, "a control character in a string");
        }
        enum wr_json_scan scan =
            c == '\\' ? scan_escape(p, n, i, token) : scan_utf8(p, n, i, token);
        if (scan != WR_SCAN_DONE) {
            return scan;
        }
        i = token->at;
    }
}

static unsigned unescape_one(const char *p, size_t *used, char *out)
{
    static const char letters[] = "b\bf\fn\nr\rt\t";
    *used = 2;
    for (size_t k = 0; k + 1 < sizeof letters; k += 2) {
        if (p[1] == letters[k]) {
            out[0] = letters[k + 1];
            return 1;
        }
    }
    if (p[1] != 'u') { /* quote, slash, backslash */
        out[0] = p[1];
        return 1;
    }
    size_t good;
    uint32_t code = (uint32_t)hex4(p + 2, 4, &good);
    *used = 6;
    if (is_surrogate((int32_t)code, 0xD800)) {
        uint32_t low = (uint32_t)hex4(p + 8, 4, &good);
        code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
        *used = 12;
    }
    return wr_utf8_encode(code, out);
}

size_t wr_json_unescape(const char *p, size_t n, char *out)
{
    size_t written = 0;
    for (size_t i = 0; i < n;) {
        const char *slash = memchr(p + i, '\\', n - i);
        size_t plain = slash != NULL ? (size_t)(slash - (p + i)) : n - i;
        memcpy(out + written, p + i, plain);
        written += plain;
        i += plain;
        if (slash != NULL) {
            size_t used;
            char one[4];
            unsigned length = unescape_one(p + i, &used, one);
            memcpy(out + written, one, length);
            written += length;
            i += used;
        }
    }
    return written;
}

/* ── numbers ────────────────────────────────────────────────────────────────────────────────── */

/* States named by what has been read last; from START the first byte is '-' or a digit. */
enum number_state { START, MINUS, ZERO, WHOLE, POINT, FRACTION, E, E_SIGN, EXPONENT };

static bool may_end(uint8_t state)
{
    return state == ZERO || state == WHOLE || state == FRACTION || state == EXPONENT;
}

/* The state after c, or START when c does not continue the number. */
static uint8_t after(uint8_t state, char c)
{
    bool digit = c >= '0' && c <= '9';
    switch (state) {
    case START:
    case MINUS:
        return c == '-' && state == START ? MINUS : c == '0' ? ZERO : digit ? WHOLE : START;
    case ZERO:
    case WHOLE:
        if (digit) {
            return state == WHOLE ? WHOLE : START;
        }
        return c == '.' ? POINT : (c | 0x20) == 'e' ? E : START;
    case POINT:
    case FRACTION:
        return digit ? FRACTION : state == FRACTION && (c | 0x20) == 'e' ? E : START;
    case E:
        return digit ? EXPONENT : c == '+' || c == '-' ? E_SIGN : START;
    default:
        return digit ? EXPONENT : START;
    }
}

enum wr_json_scan wr_json_scan_number(const char *p, size_t n, bool final,
                                      struct wr_json_token *token)
{
    for (; token->at < n; token->at++) {
        uint8_t next = after(token->state, p[token->at]);
        if (next != START) {
            token->state = next;
            continue;
        }
        if (token->state == ZERO && p[token->at] >= '0' && p[token->at] <= '9') {
            return bad(token, token->at, WR_E_JSON, "a number with a leading zero");
        }
        if (!may_end(token->state)) {
            return bad(token, token->at, WR_E_JSON, "a number that lacks a digit");
        }
        return WR_SCAN_DONE;
    }
    return final && may_end(token->state) ? WR_SCAN_DONE : WR_SCAN_MORE;
}

bool wr_json_is_huge(struct wr_str number)
{
    struct wr_num_text parsed;
    double d = 0;
    bool is_number = wr_num_parse(number, &parsed);
    WR_ASSERT(is_number);
    if (parsed.exponent < 309) { /* below 10^308 */
        return false;
    }
    wr_num_read_double(number, &d);
    return d > 1.7976931348623157e308 || d < -1.7976931348623157e308;
}
