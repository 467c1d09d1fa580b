/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/card.h"

enum { DIGITS_MIN = 13, DIGITS_MAX = 19, TEXT_MAX = 23 /* 19 digits in groups of four */ };

/* First six digits, and the lengths that go with them. Sources: the networks' published ranges
 * (ISO/IEC 7812 issuer identification numbers), as of 2024. */
struct range {
    uint32_t first, last;
    uint8_t n_min, n_max;
};
static const struct range ranges[] = {
    {220000, 220499, 16, 19}, /* Mir */
    {222100, 272099, 16, 16}, /* Mastercard */
    {300000, 305999, 14, 19}, /* Diners Club */
    {309500, 309599, 14, 19}, /* Diners Club */
    {340000, 349999, 15, 15}, /* American Express */
    {352800, 358999, 16, 19}, /* JCB */
    {360000, 369999, 14, 19}, /* Diners Club */
    {370000, 379999, 15, 15}, /* American Express */
    {380000, 399999, 14, 19}, /* Diners Club */
    {400000, 499999, 13, 19}, /* Visa */
    {500000, 509999, 13, 19}, /* Maestro, RuPay, Elo */
    {510000, 559999, 16, 16}, /* Mastercard */
    {560000, 589999, 13, 19}, /* Maestro */
    {600000, 609999, 16, 19}, /* Discover (6011), RuPay */
    {620000, 629999, 16, 19}, /* UnionPay */
    {630000, 639999, 13, 19}, /* Maestro */
    {644000, 659999, 16, 19}, /* Discover, RuPay */
    {670000, 679999, 13, 19}, /* Maestro */
    {810000, 829999, 16, 19}, /* UnionPay, RuPay */
};

static bool known_issuer(const char *digits, size_t n)
{
    uint32_t head = 0;
    for (size_t i = 0; i < 6; i++) {
        head = head * 10 + (uint32_t)(digits[i] - '0');
    }
    for (size_t i = 0; i < WR_COUNTOF(ranges); i++) {
        if (head >= ranges[i].first && head <= ranges[i].last) {
            return n >= ranges[i].n_min && n <= ranges[i].n_max;
        }
    }
    return false;
}

static bool passes_luhn(const char *digits, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(digits[n - 1 - i] - '0');
        d = i % 2 == 1 ? d * 2 : d;
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

bool wr_card_is_number(struct wr_str text, char digits[19], size_t *n)
{
    size_t count = 0;
    if (text.n < DIGITS_MIN || text.n > TEXT_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c >= '0' && c <= '9' && count < DIGITS_MAX) {
            digits[count++] = c;
        } else if ((c != ' ' && c != '-') || i == 0 || i + 1 == text.n) {
            return false;
        }
    }
    *n = count;
    return count >= DIGITS_MIN && known_issuer(digits, count) && passes_luhn(digits, count);
}

/* Nearly every value is ruled out by its size or its first byte. */
static inline bool may_be_card(const struct wr_value *v)
{
    if (v->type == WR_STRING) {
        return v->n >= DIGITS_MIN && v->n <= TEXT_MAX && v->text[0] >= '2' && v->text[0] <= '8';
    }
    return v->type == WR_NUMBER && (v->kind != WR_DEC || v->i >= INT64_C(1000000000000));
}

static bool value_is_card(const struct wr_value *v, char digits[19], size_t *n)
{
    char room[TEXT_MAX];
    if (!may_be_card(v)) {
        return false;
    }
    if (v->type == WR_STRING) {
        return wr_card_is_number(wr_text(*v), digits, n);
    }
    struct wr_buf buf = wr_buf_fixed(room, sizeof room);
    wr_number_write(&buf, v);
    return !buf.overflow && memchr(room, '-', buf.n) == NULL &&
           wr_card_is_number(wr_buf_view(&buf), digits, n);
}

/* ── walking ────────────────────────────────────────────────────────────────────────────────── */
struct frame {
    const struct wr_value *container;
    uint32_t i;
};
struct walk {
    struct frame frames[WR_LIMIT_REQUEST_DEPTH + 1];
    size_t depth;
};

/* Names the place of the value in hand: "transaction.items[2].pan". */
static wr_err refuse(const struct walk *walk, const char *what, struct wr_error *error)
{
    char room[WR_LIMIT_ERROR_WHERE];
    struct wr_buf path = wr_buf_fixed(room, sizeof room);
    for (size_t k = 0; k < walk->depth; k++) {
        const struct frame *frame = &walk->frames[k];
        if (frame->container->type == WR_ARRAY) {
            wr_format(&path, "[%u]", frame->i - 1);
        } else {
            wr_format(&path, k == 0 ? "%.*s" : ".%.*s",
                      WR_FMT(wr_text(frame->container->pairs[frame->i - 1].key)));
        }
    }
    wr_err err = wr_fail(error, WR_E_CARD_NUMBER, "%.*s: %s", WR_FMT(wr_buf_view(&path)), what);
    if (error != NULL) {
        wr_error_where(error, room, path.n);
    }
    return err;
}

static wr_err replace(struct wr_arena *arena, const struct wr_value *v, struct wr_str key,
                      const char *digits, size_t n, struct wr_error *error)
{
    static const char hex[16] = "0123456789abcdef";
    uint8_t mac[32];
    char *token = wr_arena_alloc(arena, WR_CARD_TOKEN_SIZE, 1);
    if (token == NULL) {
        return wr_fail(error, WR_E_MEMORY, "no room for a card's token");
    }
    wr_hmac_sha256(key.p, key.n, digits, n, mac);
    memcpy(token, "card_", 5);
    for (size_t i = 0; i < 16; i++) {
        token[5 + 2 * i] = hex[mac[i] >> 4];
        token[6 + 2 * i] = hex[mac[i] & 15];
    }
    /* Values are immutable for all but their builder, and the reader that built this document has
     * not handed it on yet. A leaf's order does not matter: objects are sorted by key. */
    *(struct wr_value *)(uintptr_t)v = wr_string(wr_str_of(token, WR_CARD_TOKEN_SIZE));
    return WR_OK;
}

/* The next value below the container on top, or NULL when it is done. */
static const struct wr_value *next_child(struct frame *frame, const struct wr_value **key)
{
    const struct wr_value *container = frame->container;
    *key = NULL;
    if (frame->i == container->n) {
        return NULL;
    }
    if (container->type == WR_OBJECT) {
        *key = &container->pairs[frame->i].key;
        return &container->pairs[frame->i++].value;
    }
    return &container->items[frame->i++];
}

static wr_err check_leaf(struct wr_arena *arena, const struct walk *walk, const struct wr_value *v,
                         const struct wr_value *const exempt[2], struct wr_str key,
                         struct wr_error *error)
{
    char digits[DIGITS_MAX];
    size_t n;
    if (v == exempt[0] || v == exempt[1] || !value_is_card(v, digits, &n)) {
        return WR_OK;
    }
    if (key.n == 0) {
        return refuse(walk, "a card number stands here, and this node has no key to tokenise it",
                      error);
    }
    return replace(arena, v, key, digits, n, error);
}

static bool key_is_card(const struct wr_value *key)
{
    char digits[DIGITS_MAX];
    size_t n;
    return value_is_card(key, digits, &n);
}

wr_err wr_card_tokenise(struct wr_arena *arena, struct wr_value *document,
                        const struct wr_value *const exempt[2], struct wr_str key,
                        struct wr_error *error)
{
    struct walk walk;
    if (document->type != WR_OBJECT && document->type != WR_ARRAY) {
        walk.depth = 0;
        return check_leaf(arena, &walk, document, exempt, key, error);
    }
    walk.frames[0] = (struct frame){document, 0};
    walk.depth = 1;
    while (walk.depth > 0) {
        const struct wr_value *name;
        const struct wr_value *v = next_child(&walk.frames[walk.depth - 1], &name);
        wr_err err = WR_OK;
        if (v == NULL) {
            walk.depth--;
        } else if (name != NULL && may_be_card(name) && key_is_card(name)) {
            walk.depth--; /* the place is the object: its key is the secret */
            return refuse(&walk, "an object here has a card number as a key", error);
        } else if (v->type != WR_OBJECT && v->type != WR_ARRAY) {
            err = may_be_card(v) ? check_leaf(arena, &walk, v, exempt, key, error) : WR_OK;
        } else if (walk.depth == WR_COUNTOF(walk.frames)) {
            err = wr_fail(error, WR_E_LIMIT, "the document is deeper than %d",
                          WR_LIMIT_REQUEST_DEPTH);
        } else {
            walk.frames[walk.depth++] = (struct frame){v, 0};
        }
        if (err != WR_OK) {
            return err;
        }
    }
    return WR_OK;
}
