/* SPDX-License-Identifier: Apache-2.0 */
#include "rego/yaml_text.h"

/* Source: YAML 1.1, 5.1 c-printable. */
static bool is_allowed(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0x7e) || c == 0x85 ||
           (c >= 0xa0 && c <= 0xfffd) || c >= 0x10000;
}

/* A byte that may begin what is not allowed or has to change. */
static bool is_plain(char byte)
{
    uint8_t b = (uint8_t)byte;
    return (b >= 0x20 && b != 0x7f && b != 0xc2 && b != 0xef) || b == '\n' || b == '\t';
}

static size_t skip_marks(struct wr_str in)
{
    size_t at = 0; /* OPA's reader takes one off, and its scanner another */
    while (at < 6 && in.n - at >= 3 && memcmp(in.p + at, "\xef\xbb\xbf", 3) == 0) {
        at += 3;
    }
    return at;
}

bool wr_yaml_text(struct wr_arena *arena, struct wr_str in, struct wr_str *text)
{
    size_t at = skip_marks(in), n_plain = at;
    while (n_plain < in.n && is_plain(in.p[n_plain])) {
        n_plain++;
    }
    *text = wr_str_of(in.p + at, in.n - at);
    if (n_plain == in.n) {
        return true;
    }
    char *out = wr_arena_alloc(arena, in.n, 1);
    size_t n = 0;
    while (at < in.n && out != NULL) {
        uint32_t c;
        size_t length = wr_utf8_decode(in.p + at, in.n - at, &c);
        if (length == 0 || !is_allowed(c)) {
            return false;
        }
        if (c == '\r' || c == 0x85) {
            out[n++] = '\n';
            length += c == '\r' && at + 1 < in.n && in.p[at + 1] == '\n';
        } else {
            memcpy(out + n, in.p + at, length);
            n += length;
        }
        at += length;
    }
    *text = wr_str_of(out, n);
    return true;
}
