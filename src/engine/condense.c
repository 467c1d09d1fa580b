/* SPDX-License-Identifier: Apache-2.0 */
/* See condense.h. */
#include "engine/condense.h"

enum { AT_CUTS = 2, AT_PLAIN = 4, AT_CODES = 8, HEAD = WR_CONDENSED_HEAD, LEB_MAX = 5 };

/* ── tables ─────────────────────────────────────────────────────────────────────────────────── */
static wr_err no_table(struct wr_error *error)
{
    return wr_fail(error, WR_E_JOURNAL, "not a table of phrases");
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
    *out = (struct wr_phrases){n, texts};
    return WR_OK;
}

/* ── condensing ─────────────────────────────────────────────────────────────────────────────── */
static inline size_t leb_size(uint32_t v)
{
    return v < 1u << 7 ? 1 : v < 1u << 14 ? 2 : v < 1u << 21 ? 3 : v < 1u << 28 ? 4 : 5;
}

static inline uint8_t *put_leb(uint8_t *to, uint32_t v)
{
    while (v >= 128) {
        *to++ = (uint8_t)(v | 128);
        v >>= 7;
    }
    *to++ = (uint8_t)v;
    return to;
}

static inline bool is_back(const struct wr_cut *cut)
{
    return (cut->source & WR_CUT_BACK) != 0;
}

static inline uint32_t distance_of(const struct wr_cut *cut)
{
    return cut->at - (cut->source & ~WR_CUT_BACK);
}

size_t wr_condensed_size(struct wr_str row, const struct wr_cut *cuts, uint32_t n_cuts)
{
    size_t n = HEAD + row.n;
    uint32_t end = 0; /* of the last cut */
    for (uint32_t i = 0; i < n_cuts; i++) {
        const struct wr_cut *cut = &cuts[i];
        n += leb_size(cut->at - end);
        n += is_back(cut) ? leb_size(2 * distance_of(cut) + 1) + leb_size(cut->n)
                          : leb_size(2 * cut->source);
        n -= cut->n;
        end = cut->at + cut->n;
    }
    return n;
}

void wr_condense(char *out, size_t n, struct wr_str row, const struct wr_cut *cuts, uint32_t n_cuts)
{
    size_t n_literal = row.n;
    for (uint32_t i = 0; i < n_cuts; i++) {
        n_literal -= cuts[i].n;
    }
    uint8_t *code = (uint8_t *)out + HEAD;
    char *literal = out + n - n_literal;
    uint32_t end = 0;
    for (uint32_t i = 0; i < n_cuts; i++) {
        const struct wr_cut *cut = &cuts[i];
        uint32_t before = cut->at - end;
        WR_ASSERT(cut->at >= end && cut->at + cut->n <= row.n);
        code = put_leb(code, before);
        if (is_back(cut)) {
            code = put_leb(code, 2 * distance_of(cut) + 1);
            code = put_leb(code, cut->n);
        } else {
            code = put_leb(code, 2 * cut->source);
        }
        wr_bytes_copy(literal, row.p + end, before);
        literal += before;
        end = cut->at + cut->n;
    }
    memcpy(literal, row.p + end, row.n - end);
    size_t n_codes = n - n_literal - HEAD;
    WR_ASSERT(n_cuts <= WR_LIMIT_CUTS && (size_t)(code - (uint8_t *)out) == HEAD + n_codes);
    uint8_t *head = (uint8_t *)out;
    head[0] = 'W';
    head[1] = 'c';
    wr_put16(head + AT_CUTS, (uint16_t)n_cuts);
    wr_put32(head + AT_PLAIN, (uint32_t)row.n);
    wr_put32(head + AT_CODES, (uint32_t)n_codes);
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
    good = good && n_cuts <= WR_LIMIT_CUTS && n_codes <= row.n - HEAD;
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
