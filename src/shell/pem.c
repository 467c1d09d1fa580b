/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/pem.h"
#include "rego/builtin_family.h"

static struct wr_str rest_from(struct wr_str s, size_t at)
{
    return wr_str_of(s.p + at, s.n - at);
}

/* One line without its end; *s moves behind the end. */
static struct wr_str take_line(struct wr_str *s)
{
    size_t n = 0;
    while (n < s->n && s->p[n] != '\n') {
        n++;
    }
    struct wr_str line = wr_str_of(s->p, n);
    *s = rest_from(*s, n < s->n ? n + 1 : n);
    while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' ' ||
                          line.p[line.n - 1] == '\t')) {
        line.n--;
    }
    return line;
}

static bool is_type_line(struct wr_str line, struct wr_str *type)
{
    const struct wr_str lead = WR_STR("-----BEGIN "), tail = WR_STR("-----");
    if (!wr_str_starts(line, lead) || !wr_str_ends(line, tail) || line.n < lead.n + tail.n) {
        return false;
    }
    *type = wr_str_of(line.p + lead.n, line.n - lead.n - tail.n);
    return true;
}

static bool ends_block(struct wr_str line, struct wr_str type)
{
    const struct wr_str lead = WR_STR("-----END "), tail = WR_STR("-----");
    return line.n == lead.n + type.n + tail.n && wr_str_starts(line, lead) &&
           wr_str_ends(line, tail) && wr_str_eq(wr_str_of(line.p + lead.n, type.n), type);
}

static void skip_headers(struct wr_str *s)
{
    for (;;) {
        struct wr_str rest = *s, line = take_line(&rest);
        if (line.n == 0 || memchr(line.p, ':', line.n) == NULL ||
            wr_str_starts(line, WR_STR("-----"))) {
            return;
        }
        *s = rest;
    }
}

/* The lines up to the end line; false when there is no end line before the next such line. */
static bool take_body(struct wr_str *s, struct wr_str type, struct wr_str *body)
{
    struct wr_str rest = *s;
    while (rest.n > 0) {
        *body = wr_str_of(s->p, s->n - rest.n);
        struct wr_str line = take_line(&rest);
        if (ends_block(line, type)) {
            *s = rest;
            return true;
        }
        if (wr_str_starts(line, WR_STR("-----"))) {
            return false;
        }
    }
    return false;
}

/* Base64 with blanks and tabs anywhere. */
static bool decode_body(struct wr_arena *arena, struct wr_str body, struct wr_str *bytes)
{
    size_t bad;
    struct wr_buf dense = wr_buf_in(arena, body.n + 1), buf = wr_buf_in(arena, body.n + 8);
    for (size_t i = 0; i < body.n; i++) {
        if (body.p[i] != ' ' && body.p[i] != '\t') {
            wr_buf_char(&dense, body.p[i]);
        }
    }
    bool ok = wr_base64_read(&buf, wr_buf_view(&dense), false, true, &bad);
    *bytes = wr_buf_view(&buf);
    return ok && !dense.overflow && !buf.overflow;
}

bool wr_pem_next(struct wr_arena *arena, struct wr_str *text, struct wr_pem *block)
{
    struct wr_str rest = *text, body;
    while (rest.n > 0) {
        if (!is_type_line(take_line(&rest), &block->type)) {
            continue;
        }
        struct wr_str behind = rest;
        skip_headers(&behind);
        if (!take_body(&behind, block->type, &body)) {
            continue;
        }
        rest = behind;
        if (decode_body(arena, body, &block->bytes)) {
            *text = rest;
            return true;
        }
    }
    return false;
}
