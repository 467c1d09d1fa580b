/* SPDX-License-Identifier: Apache-2.0 */
/* See access.h. */
#include "shell/access.h"

#include "base/hash.h"

static const struct {
    const char *name;
    unsigned scope;
} scopes[] = {{"decide", WR_SCOPE_DECIDE}, {"label", WR_SCOPE_LABEL}, {"read", WR_SCOPE_READ},
              {"list", WR_SCOPE_LIST},     {"drain", WR_SCOPE_DRAIN}, {"admin", WR_SCOPE_ADMIN}};

const char *wr_scope_name(unsigned scope)
{
    for (size_t i = 0; i < WR_COUNTOF(scopes); i++) {
        if (scopes[i].scope == scope) {
            return scopes[i].name;
        }
    }
    return "?";
}

/* ── the file ───────────────────────────────────────────────────────────────────────────────── */
static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next word of a line; empty at its end. */
static struct wr_str next_word(struct wr_str *line)
{
    while (line->n > 0 && is_blank(line->p[0])) {
        line->p++;
        line->n--;
    }
    size_t n = 0;
    while (n < line->n && !is_blank(line->p[n])) {
        n++;
    }
    struct wr_str word = wr_str_of(line->p, n);
    line->p += n;
    line->n -= n;
    return word;
}

static bool read_scopes(struct wr_str list, unsigned *out)
{
    *out = 0;
    while (list.n > 0) {
        const char *comma = memchr(list.p, ',', list.n);
        size_t n = comma != NULL ? (size_t)(comma - list.p) : list.n;
        unsigned found = 0;
        for (size_t i = 0; i < WR_COUNTOF(scopes); i++) {
            if (wr_str_eq(wr_str_of(list.p, n), wr_str_z(scopes[i].name))) {
                found = scopes[i].scope;
            }
        }
        if (found == 0) {
            return false;
        }
        *out |= found;
        n += comma != NULL;
        list = wr_str_of(list.p + n, list.n - n);
    }
    *out |= (*out & WR_SCOPE_ADMIN) != 0 ? WR_SCOPE_DRAIN | WR_SCOPE_LIST : 0U;
    return *out != 0;
}

static bool read_hex(struct wr_str hex, uint8_t out[32])
{
    if (hex.n != 64) {
        return false;
    }
    for (size_t i = 0; i < 64; i++) {
        char c = hex.p[i];
        bool is_digit = c >= '0' && c <= '9', is_letter = c >= 'a' && c <= 'f';
        if (!is_digit && !is_letter) {
            return false;
        }
        uint8_t half = (uint8_t)(is_digit ? c - '0' : c - 'a' + 10);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? half << 4 : out[i / 2] | half);
    }
    return true;
}

static wr_err bad_line(uint32_t number, const char *what, struct wr_error *error)
{
    wr_err err = wr_fail(error, WR_E_CONFIG, "line %u: %s", number, what);
    if (error != NULL) {
        error->row = number;
        error->col = 1;
    }
    return err;
}

static wr_err read_line(struct wr_str line, uint32_t number, struct wr_principal *out,
                        struct wr_error *error)
{
    static const struct wr_str by_digest = {"sha256:", 7}, by_uri = {"uri:", 4};
    out->name = next_word(&line);
    struct wr_str list = next_word(&line), key = next_word(&line);
    if (next_word(&line).n != 0 || key.n == 0) {
        return bad_line(number, "wants NAME SCOPES sha256:HEX or uri:URI", error);
    }
    if (!read_scopes(list, &out->scopes)) {
        return bad_line(number,
                        "scopes are decide, label, list, read, drain and admin, joined by commas",
                        error);
    }
    if (wr_str_starts(key, by_uri) && key.n > by_uri.n) {
        out->uri = wr_str_of(key.p + by_uri.n, key.n - by_uri.n);
        return WR_OK;
    }
    if (!wr_str_starts(key, by_digest) ||
        !read_hex(wr_str_of(key.p + by_digest.n, key.n - by_digest.n), out->digest)) {
        return bad_line(number, "wants sha256: and 64 lower-case hex digits, or uri:", error);
    }
    return WR_OK;
}

wr_err wr_access_read(struct wr_arena *arena, struct wr_str text, struct wr_access *out,
                      struct wr_error *error)
{
    *out = (struct wr_access){.principals =
                                  WR_NEW_ARRAY(arena, struct wr_principal, WR_LIMIT_PRINCIPALS)};
    if (out->principals == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for the access file");
    }
    wr_err err = WR_OK;
    for (uint32_t number = 1; text.n > 0 && err == WR_OK; number++) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end != NULL ? (size_t)(end - text.p) : text.n;
        struct wr_str line = wr_str_of(text.p, n), rest = line;
        struct wr_str word = next_word(&rest);
        text = wr_str_of(text.p + n + (end != NULL), text.n - n - (end != NULL));
        if (word.n == 0 || word.p[0] == '#') {
            continue;
        }
        if (out->n == WR_LIMIT_PRINCIPALS) {
            return bad_line(number, "more than 1024 principals", error);
        }
        err = read_line(line, number, &out->principals[out->n++], error);
    }
    return err == WR_OK && out->n == 0 ? wr_fail(error, WR_E_CONFIG, "it names no principal") : err;
}

/* ── questions ──────────────────────────────────────────────────────────────────────────────── */
unsigned wr_access_token(const struct wr_access *access, struct wr_str token)
{
    uint8_t digest[32];
    unsigned found = 0;
    if (token.n < WR_LIMIT_TOKEN_LEAST || token.n > WR_LIMIT_TOKEN) {
        return 0;
    }
    wr_sha256_of(token.p, token.n, digest);
    for (uint32_t i = 0; i < access->n; i++) {
        const struct wr_principal *principal = &access->principals[i];
        unsigned differs = principal->uri.n != 0;
        for (size_t k = 0; k < sizeof digest; k++) {
            differs |= (unsigned)(digest[k] ^ principal->digest[k]);
        }
        unsigned same = (differs - 1U) >> 31; /* 1 when nothing differs, without a branch */
        found |= (0U - same) & principal->scopes;
    }
    return found;
}

unsigned wr_access_uri(const struct wr_access *access, struct wr_str uri)
{
    unsigned found = 0;
    for (uint32_t i = 0; uri.n > 0 && i < access->n; i++) {
        if (wr_str_eq(access->principals[i].uri, uri)) {
            found |= access->principals[i].scopes;
        }
    }
    return found;
}

struct wr_str wr_access_bearer(const struct wr_h1_head *head)
{
    static const char scheme[] = "bearer ";
    struct wr_str value = wr_h1_field(head, WR_STR("authorization"));
    if (value.p == NULL || value.n < sizeof scheme - 1) {
        return wr_str_of(NULL, 0);
    }
    for (size_t i = 0; i < sizeof scheme - 1; i++) {
        char c = value.p[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != scheme[i]) {
            return wr_str_of(NULL, 0);
        }
    }
    size_t n = sizeof scheme - 1;
    while (n < value.n && value.p[n] == ' ') {
        n++;
    }
    return wr_str_of(value.p + n, value.n - n);
}

unsigned wr_access_needed(const struct wr_h1_head *head)
{
    bool reads = head->method == WR_H1_GET || head->method == WR_H1_HEAD;
    bool posts = head->method == WR_H1_POST;
    if (wr_str_eq(head->path, WR_STR("/drain"))) {
        return WR_SCOPE_DRAIN;
    }
    if (reads) {
        bool health = wr_str_eq(head->path, WR_STR("/health")) ||
                      wr_str_starts(head->path, WR_STR("/health/"));
        return health ? 0 : WR_SCOPE_READ;
    }
    if (posts && wr_str_eq(head->path, WR_STR("/v1/labels"))) {
        return WR_SCOPE_LABEL;
    }
    if (wr_str_starts(head->path, WR_STR("/v1/lists/"))) {
        return WR_SCOPE_LIST;
    }
    if (posts &&
        (wr_str_starts(head->path, WR_STR("/v1/decisions")) ||
         wr_str_starts(head->path, WR_STR("/v1/data")) ||
         wr_str_starts(head->path, WR_STR("/v0/data")) ||
         wr_str_eq(head->path, WR_STR("/v1/query")) ||
         wr_str_eq(head->path, WR_STR("/v1/compile")) || wr_str_eq(head->path, WR_STR("/")))) {
        return WR_SCOPE_DECIDE;
    }
    return WR_SCOPE_ADMIN; /* whatever else there is or will be */
}
