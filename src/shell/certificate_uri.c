/* SPDX-License-Identifier: Apache-2.0 */
/* A URI taken apart (RFC 3986) into the fields of Go's url.URL. */
#include "shell/certificate.h"
#include "shell/go_value.h"

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Percent-decoded; false when an escape is broken. */
static bool unescape(struct wr_arena *arena, struct wr_str s, struct wr_value *out, bool *changed)
{
    struct wr_buf buf = wr_buf_in(arena, s.n + 1);
    *changed = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            wr_buf_char(&buf, s.p[i]);
            continue;
        }
        int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
        int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return false;
        }
        wr_buf_char(&buf, (char)(high << 4 | low));
        *changed = true;
        i += 2;
    }
    *out = wr_go_text(arena, wr_buf_view(&buf));
    return !buf.overflow;
}

/* Cuts s at the first `c`; what follows goes to *tail. */
static bool cut(struct wr_str *s, char c, struct wr_str *tail)
{
    const char *at = s->n == 0 ? NULL : memchr(s->p, c, s->n);
    *tail = wr_str_of("", 0);
    if (at == NULL) {
        return false;
    }
    *tail = wr_str_of(at + 1, s->n - (size_t)(at + 1 - s->p));
    s->n = (size_t)(at - s->p);
    return true;
}

/* "scheme:": letters, digits, "+-." after a letter. False when there is a colon without one. */
static bool take_scheme(struct wr_str *s, struct wr_str *scheme)
{
    *scheme = wr_str_of("", 0);
    for (size_t i = 0; i < s->n; i++) {
        char c = s->p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (c == ':') {
            *scheme = wr_str_of(s->p, i);
            *s = wr_str_of(s->p + i + 1, s->n - i - 1);
            return i > 0;
        }
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))) {
            return true;
        }
    }
    return true;
}

static struct wr_value lower(struct wr_arena *arena, struct wr_str s)
{
    struct wr_buf buf = wr_buf_in(arena, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        wr_buf_char(&buf, s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i]);
    }
    return wr_go_text(arena, wr_buf_view(&buf));
}

struct parts {
    struct wr_str scheme, opaque, host, path, query, fragment;
    bool user, force_query;
};

static bool split(struct wr_str s, struct parts *p)
{
    struct wr_str tail;
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7f) {
            return false;
        }
    }
    *p = (struct parts){0};
    cut(&s, '#', &p->fragment);
    if (!take_scheme(&s, &p->scheme)) {
        return false;
    }
    p->force_query = cut(&s, '?', &p->query) && p->query.n == 0;
    if (p->scheme.n > 0 && (s.n == 0 || s.p[0] != '/')) {
        p->opaque = s;
        return true;
    }
    p->path = s;
    if (wr_str_starts(s, WR_STR("//"))) {
        p->host = wr_str_of(s.p + 2, s.n - 2);
        const char *slash = p->host.n == 0 ? NULL : memchr(p->host.p, '/', p->host.n);
        size_t n = slash == NULL ? p->host.n : (size_t)(slash - p->host.p);
        p->path = wr_str_of(p->host.p + n, p->host.n - n);
        p->host.n = n;
        struct wr_str user = p->host;
        if (cut(&user, '@', &tail)) {
            p->user = true;
            p->host = tail;
        }
    }
    return true;
}

bool wr_certificate_uri(struct wr_arena *arena, struct wr_str text, struct wr_value *out)
{
    struct parts p;
    struct wr_value path, host, fragment, none = wr_string(wr_str_of("", 0));
    struct wr_go_object o = {0};
    bool path_changed, changed;
    if (!split(text, &p) || !unescape(arena, p.path, &path, &path_changed) ||
        !unescape(arena, p.host, &host, &changed) ||
        !unescape(arena, p.fragment, &fragment, &changed)) {
        return false;
    }
    wr_go_put(&o, "Scheme", lower(arena, p.scheme));
    wr_go_put(&o, "Opaque", wr_go_text(arena, p.opaque));
    wr_go_put(&o, "User", p.user ? wr_object_from(NULL, 0) : wr_null());
    wr_go_put(&o, "Host", host);
    wr_go_put(&o, "Path", path);
    /* Go keeps the raw path only where its own escaping of the path would differ: "%2F". */
    wr_go_put(&o, "RawPath",
              path_changed && wr_str_find(p.path, WR_STR("%2"), 0) != SIZE_MAX
                  ? wr_go_text(arena, p.path)
                  : none);
    wr_go_put(&o, "OmitHost",
              wr_bool(p.scheme.n > 0 && p.host.n == 0 && !p.user &&
                      wr_str_starts(p.path, WR_STR("/")) &&
                      wr_str_find(text, WR_STR("://"), 0) == SIZE_MAX));
    wr_go_put(&o, "ForceQuery", wr_bool(p.force_query));
    wr_go_put(&o, "RawQuery", wr_go_text(arena, p.query));
    wr_go_put(&o, "Fragment", fragment);
    wr_go_put(&o, "RawFragment", none);
    *out = wr_go_end(arena, &o);
    return true;
}
