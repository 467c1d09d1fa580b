/* SPDX-License-Identifier: Apache-2.0 */
/* See condense.h. */
#include "engine/condense.h"

#include "base/hash.h"

enum {
    AT_CUTS = 2,
    AT_PLAIN = 4,
    AT_CODES = 8,
    AT_TAG = 12,
    HEAD = WR_CONDENSED_HEAD,
    LEB_MAX = WR_CONDENSE_NUMBER
};

/* ── tables ─────────────────────────────────────────────────────────────────────────────────── */
static wr_err no_table(struct wr_error *error)
{
    return wr_fail(error, WR_E_JOURNAL, "not a table of phrases");
}

uint64_t wr_phrases_tag(struct wr_str table)
{
    uint8_t sum[32];
    wr_sha256_of(table.p, table.n, sum);
    return wr_get64(sum);
}

wr_err wr_phrases_read(struct wr_arena *arena, struct wr_str table, struct wr_phrases *out,
                       struct wr_error *error)
{
    const uint8_t *p = (const uint8_t *)table.p;
    *out = (struct wr_phrases){0};
    if (table.n == 0) {
        return WR_OK;
    }
    uint32_t n = table.n >= 4 ? wr_get32(p) : UINT32_MAX;
    if (table.n > WR_LIMIT_PHRASE_TABLE || n > WR_LIMIT_PHRASES || 4 + 4 * (size_t)n > table.n) {
        return no_table(error);
    }
    struct wr_str *texts = WR_NEW_ARRAY(arena, struct wr_str, n + 1);
    if (texts == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no memory for a table of phrases");
    }
    size_t at = 4 + 4 * (size_t)n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t length = wr_get32(p + 4 + 4 * (size_t)i);
        if (length > table.n - at) {
            return no_table(error);
        }
        texts[i] = wr_str_of(table.p + at, length);
        at += length;
    }
    if (at != table.n) {
        return no_table(error);
    }
    *out = (struct wr_phrases){n, wr_phrases_tag(table), texts};
    return WR_OK;
}

/* ── condensing ─────────────────────────────────────────────────────────────────────────────── */
static inline uint8_t *put_leb(uint8_t *to, size_t v)
{
    while (v >= 128) {
        *to++ = (uint8_t)(v | 128);
        v >>= 7;
    }
    *to++ = (uint8_t)v;
    return to;
}

void wr_condense_begin(struct wr_condenser *c, const char *row)
{
    c->row = c->end = row;
    c->n_left = WR_LIMIT_CUTS;
    c->n_more = 0;
    c->code = c->codes;
    c->literal = c->literals;
}

void wr_condense_stop(struct wr_condenser *c)
{
    c->n_more += c->n_left;
    c->n_left = 0;
}

/* The literal bytes up to `at`, then what stands for the n bytes there; false without room. */
static bool begin_cut(struct wr_condenser *c, const char *at, size_t n)
{
    size_t before = (size_t)(at - c->end);
    size_t more = before / WR_CONDENSE_PORTION;
    if (more >= c->n_left) {
        return false;
    }
    c->n_left -= 1 + (uint32_t)more;
    c->n_more += (uint32_t)more;
    c->code = put_leb(c->code, before);
    memcpy(c->literal, c->end, before);
    c->literal += before;
    c->end = at + n;
    return true;
}

void wr_condense_phrase_slowly(struct wr_condenser *c, const char *at, size_t n, uint32_t phrase)
{
    if (begin_cut(c, at, n)) {
        c->code = put_leb(c->code, 2 * phrase);
    }
}

void wr_condense_again(struct wr_condenser *c, const char *at, size_t n, const char *source)
{
    WR_ASSERT(at >= c->end && source >= c->row && source + n <= at);
    if (begin_cut(c, at, n)) {
        c->code = put_leb(c->code, 2 * (size_t)(at - source) + 1);
        c->code = put_leb(c->code, n);
    }
}

static size_t n_codes(const struct wr_condenser *c)
{
    return (size_t)(c->code - c->codes);
}

static size_t n_literal(const struct wr_condenser *c)
{
    return (size_t)(c->literal - c->literals);
}

static size_t n_cut_off(const struct wr_condenser *c)
{
    return (size_t)(c->end - c->row);
}

size_t wr_condensed_size(const struct wr_condenser *c, size_t row_n)
{
    return HEAD + n_codes(c) + n_literal(c) + row_n - n_cut_off(c);
}

void wr_condense(const struct wr_condenser *c, size_t row_n, char *out)
{
    uint8_t *head = (uint8_t *)out;
    WR_ASSERT(n_cut_off(c) <= row_n);
    head[0] = 'W';
    head[1] = 'c';
    wr_put16(head + AT_CUTS, (uint16_t)(WR_LIMIT_CUTS - c->n_left - c->n_more));
    wr_put32(head + AT_PLAIN, (uint32_t)row_n);
    wr_put32(head + AT_CODES, (uint32_t)n_codes(c));
    wr_put64(head + AT_TAG, c->tag);
    out += HEAD;
    memcpy(out, c->codes, n_codes(c));
    out += n_codes(c);
    memcpy(out, c->literals, n_literal(c));
    memcpy(out + n_literal(c), c->end, row_n - n_cut_off(c));
}

/* ── expanding ──────────────────────────────────────────────────────────────────────────────── */
size_t wr_expanded_size(struct wr_str row, size_t max)
{
    if (!wr_is_condensed(row) || row.n < HEAD) {
        return 0;
    }
    size_t n = wr_get32((const uint8_t *)row.p + AT_PLAIN);
    return n <= max ? n : 0;
}

struct reader {
    const uint8_t *code, *codes_end;
    const char *literal, *literals_end;
    char *out, *at, *out_end;
};

static bool get_leb(struct reader *r, uint32_t *out)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < LEB_MAX && r->code < r->codes_end; i++) {
        uint8_t byte = *r->code++;
        if (i == LEB_MAX - 1 && byte > 15) {
            return false;
        }
        v |= (uint32_t)(byte & 127) << 7 * i;
        if (byte < 128) {
            *out = v;
            return true;
        }
    }
    return false;
}

static bool copy(struct reader *r, const char *from, size_t n)
{
    if (n > (size_t)(r->out_end - r->at)) {
        return false;
    }
    wr_bytes_copy(r->at, from, n);
    r->at += n;
    return true;
}

static bool copy_literal(struct reader *r, size_t n)
{
    if (n > (size_t)(r->literals_end - r->literal) || !copy(r, r->literal, n)) {
        return false;
    }
    r->literal += n;
    return true;
}

static bool expand_one(struct reader *r, const struct wr_phrases *phrases)
{
    uint32_t before, source, n;
    if (!get_leb(r, &before) || !copy_literal(r, before) || !get_leb(r, &source)) {
        return false;
    }
    if (source % 2 == 0) {
        return source / 2 < phrases->n &&
               copy(r, phrases->texts[source / 2].p, phrases->texts[source / 2].n);
    }
    uint32_t distance = source / 2;
    return get_leb(r, &n) && n <= distance && distance <= (size_t)(r->at - r->out) &&
           copy(r, r->at - distance, n);
}

wr_err wr_expand(const struct wr_phrases *phrases, struct wr_str row, char *out, size_t n,
                 struct wr_error *error)
{
    const uint8_t *head = (const uint8_t *)row.p;
    bool good = n != 0 && wr_expanded_size(row, n) == n;
    uint32_t n_cuts = good ? wr_get16(head + AT_CUTS) : 0;
    uint32_t n_codes = good ? wr_get32(head + AT_CODES) : 0;
    good = good && wr_get64(head + AT_TAG) == phrases->tag && n_cuts <= WR_LIMIT_CUTS &&
           n_codes <= row.n - HEAD;
    if (good) {
        struct reader r = {
            head + HEAD, head + HEAD + n_codes, row.p + HEAD + n_codes, row.p + row.n, out, out,
            out + n};
        for (uint32_t i = 0; i < n_cuts && good; i++) {
            good = expand_one(&r, phrases);
        }
        good = good && r.code == r.codes_end &&
               copy_literal(&r, (size_t)(r.literals_end - r.literal)) && r.at == r.out_end;
    }
    return good ? WR_OK : wr_fail(error, WR_E_JOURNAL, "a condensed row that does not expand");
}
