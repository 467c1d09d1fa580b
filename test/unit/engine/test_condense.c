/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/condense.h"

#include "base/rng.h"
#include "unit/engine/stream.h"

static const struct wr_memory memory = CHECK_MEMORY;

/* ── random rows over a table of random phrases ─────────────────────────────────────────────── */
enum { PHRASES = 200, ROW_MAX = 64 * 1024 };

struct table {
    struct wr_arena arena;
    struct wr_phrases phrases;
    size_t n;
    char bytes[16 * 1024];
};

static void random_bytes(struct wr_rng *rng, char *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = (char)wr_rng_below(rng, 256);
    }
}

static void make_table(struct table *table, struct wr_rng *rng)
{
    size_t at = 4 + 4 * PHRASES;
    wr_put32(table->bytes, PHRASES);
    for (size_t i = 0; i < PHRASES; i++) {
        size_t n = wr_rng_below(rng, 60);
        wr_put32(table->bytes + 4 + 4 * i, (uint32_t)n);
        random_bytes(rng, table->bytes + at, n);
        at += n;
    }
    table->n = at;
    wr_arena_init(&table->arena, &memory, 1 << 20);
    CHECK_INT(wr_phrases_read(&table->arena, wr_str_of(table->bytes, at), &table->phrases, NULL),
              WR_OK);
    CHECK_INT(table->phrases.n, PHRASES);
}

/* Writes a row of n_pieces, telling the condenser of each; returns its bytes. */
static size_t write_row(struct wr_condenser *c, const struct table *table, struct wr_rng *rng,
                        char *row, size_t n_pieces)
{
    size_t n = 0;
    c->tag = table->phrases.tag;
    wr_condense_begin(c, row);
    for (size_t i = 0; i < n_pieces; i++) {
        uint64_t kind = wr_rng_below(rng, 3);
        size_t size = wr_rng_below(rng, wr_rng_below(rng, 8) == 0 ? 500 : 40);
        if (kind == 1) {
            uint32_t k = (uint32_t)wr_rng_below(rng, PHRASES);
            size = table->phrases.texts[k].n;
            wr_condense_phrase(c, row + n, size, k);
            memcpy(row + n, table->phrases.texts[k].p, size);
        } else if (kind == 2 && n >= size) {
            size_t source = wr_rng_below(rng, n - size + 1);
            wr_condense_again(c, row + n, size, row + source);
            memcpy(row + n, row + source, size);
        } else {
            random_bytes(rng, row + n, size);
        }
        n += size;
    }
    return n;
}

static char room[2 * ROW_MAX + WR_CONDENSE_LITERALS]; /* of the last one that was condensed */

static struct wr_str condense(const struct wr_condenser *c, size_t row_n)
{
    size_t n = wr_condensed_size(c, row_n);
    CHECK(n <= sizeof room);
    wr_condense(c, row_n, room);
    return wr_str_of(room, n);
}

/* The bytes in a block of their own, so that a sanitizer sees who reads beyond them, give this row,
 * another one or an error. Returns true when it is this row. */
static bool expands_to(const struct wr_phrases *phrases, struct wr_str bytes, struct wr_str row)
{
    char *block = malloc(bytes.n != 0 ? bytes.n : 1);
    memcpy(block, bytes.p, bytes.n);
    struct wr_str copy = wr_str_of(block, bytes.n);
    size_t n = wr_expanded_size(copy, ROW_MAX);
    char *plain = malloc(n + 1);
    wr_err err = wr_expand(phrases, copy, plain, n, NULL);
    CHECK(err == WR_OK || err == WR_E_JOURNAL);
    bool same = err == WR_OK && wr_str_eq(wr_str_of(plain, n), row);
    free(plain);
    free(block);
    return same;
}

TEST("random rows of phrases, repetitions and other bytes come back as they were")
{
    static struct wr_condenser condenser;
    static struct table table;
    static char row[ROW_MAX + WR_CONDENSE_SLACK];
    struct wr_rng rng;
    wr_rng_seed(&rng, 1);
    for (int i = 0; i < 500; i++) {
        if (i % 50 == 0) {
            make_table(&table, &rng);
        }
        size_t n = write_row(&condenser, &table, &rng, row, wr_rng_below(&rng, 100));
        struct wr_str condensed = condense(&condenser, n);
        CHECK(wr_is_condensed(condensed));
        CHECK_INT(wr_expanded_size(condensed, ROW_MAX), n);
        CHECK_INT(wr_expanded_size(condensed, n - 1), 0);
        CHECK(n == 0 || expands_to(&table.phrases, condensed, wr_str_of(row, n)));
        if (i % 50 == 49) {
            wr_arena_deinit(&table.arena);
        }
    }
}

TEST("a condensed row that is cut short, or has another byte, does no harm")
{
    static struct wr_condenser condenser;
    static struct table table;
    static char row[ROW_MAX + WR_CONDENSE_SLACK];
    struct wr_rng rng;
    wr_rng_seed(&rng, 2);
    make_table(&table, &rng);
    for (int i = 0; i < 20; i++) {
        size_t n = write_row(&condenser, &table, &rng, row, 3 + wr_rng_below(&rng, 12));
        struct wr_str condensed = condense(&condenser, n), plain = wr_str_of(row, n);
        for (size_t k = 0; k < condensed.n; k++) {
            CHECK(!expands_to(&table.phrases, wr_str_of(room, k), plain));
            for (int bit = 0; bit < 8; bit++) {
                room[k] = (char)(room[k] ^ 1 << bit);
                expands_to(&table.phrases, condensed, plain);
                room[k] = (char)(room[k] ^ 1 << bit);
            }
        }
    }
    wr_arena_deinit(&table.arena);
}

static void check_no_table(struct wr_str bytes)
{
    struct wr_arena arena;
    struct wr_phrases got = {.n = 1};
    struct wr_error error = {0};
    wr_arena_init(&arena, &memory, 1 << 20);
    CHECK_INT(wr_phrases_read(&arena, bytes, &got, &error), WR_E_JOURNAL);
    CHECK(got.n == 0 && strstr(error.text, "not a table of phrases") != NULL);
    wr_arena_deinit(&arena);
}

TEST("a table that is cut short, or has another length, is none")
{
    static struct table table;
    struct wr_phrases got = {.n = 1};
    struct wr_rng rng;
    wr_rng_seed(&rng, 3);
    make_table(&table, &rng);
    for (size_t n = 1; n < table.n; n++) {
        char *bytes = malloc(n);
        memcpy(bytes, table.bytes, n);
        check_no_table(wr_str_of(bytes, n));
        free(bytes);
    }
    for (size_t k = 0; k < 4 + 4 * PHRASES; k++) { /* the number of phrases, and the lengths */
        table.bytes[k] ^= 1;
        check_no_table(wr_str_of(table.bytes, table.n));
        table.bytes[k] ^= 1;
    }
    CHECK_INT(wr_phrases_read(&table.arena, WR_STR(""), &got, NULL), WR_OK);
    CHECK_INT(got.n, 0);
    wr_arena_deinit(&table.arena);
}

/* A table of n phrases of `size` bytes each. */
static wr_err read_table(size_t n, size_t size)
{
    struct wr_arena arena;
    struct wr_phrases got;
    size_t total = 4 + n * (4 + size);
    char *bytes = calloc(1, total);
    wr_put32(bytes, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        wr_put32(bytes + 4 + 4 * i, (uint32_t)size);
    }
    wr_arena_init(&arena, &memory, 1 << 20);
    wr_err err = wr_phrases_read(&arena, wr_str_of(bytes, total), &got, NULL);
    wr_arena_deinit(&arena);
    free(bytes);
    return err;
}

TEST("a table has as many phrases and bytes as are allowed, and no more")
{
    CHECK_INT(read_table(WR_LIMIT_PHRASES, 0), WR_OK);
    CHECK_INT(read_table(WR_LIMIT_PHRASES + 1, 0), WR_E_JOURNAL);
    CHECK_INT(read_table(1, WR_LIMIT_PHRASE_TABLE - 8), WR_OK);
    CHECK_INT(read_table(1, WR_LIMIT_PHRASE_TABLE - 7), WR_E_JOURNAL);
}

TEST("what comes after the last cut that is allowed stays in the row")
{
    static struct wr_condenser condenser;
    static char row[ROW_MAX + WR_CONDENSE_SLACK];
    struct wr_str text = WR_STR("0123456789");
    struct wr_phrases phrases = {.n = 1, .texts = &text};
    for (size_t n_cuts = WR_LIMIT_CUTS - 1; n_cuts <= WR_LIMIT_CUTS + 2; n_cuts++) {
        size_t n = 0;
        wr_condense_begin(&condenser, row);
        for (size_t i = 0; i < n_cuts; i++, n += text.n) {
            wr_condense_phrase(&condenser, row + n, text.n, 0);
            memcpy(row + n, text.p, text.n);
        }
        size_t made = WR_MIN(n_cuts, (size_t)WR_LIMIT_CUTS);
        struct wr_str condensed = condense(&condenser, n);
        CHECK_INT(condensed.n, WR_CONDENSED_HEAD + 2 * made + text.n * (n_cuts - made));
        CHECK(expands_to(&phrases, condensed, wr_str_of(row, n)));
        wr_put16(room + 2, WR_LIMIT_CUTS + 1); /* an error of its own */
        CHECK(!expands_to(&phrases, condensed, wr_str_of(row, n)));
    }
}

/* A row of n cuts, each of the phrase of that number, made by hand. */
static wr_err expand_cuts(const struct wr_phrases *phrases, size_t n, uint8_t phrase, size_t row_n)
{
    static char plain[2 * WR_LIMIT_CUTS];
    memcpy(room, "Wc", 2);
    wr_put16(room + 2, (uint16_t)n);
    wr_put32(room + 4, (uint32_t)row_n);
    wr_put32(room + 8, (uint32_t)(2 * n));
    wr_put64(room + 12, phrases->tag);
    for (size_t i = 0; i < n; i++) {
        room[WR_CONDENSED_HEAD + 2 * i] = 0;
        room[WR_CONDENSED_HEAD + 2 * i + 1] = (char)(2 * phrase);
    }
    return wr_expand(phrases, wr_str_of(room, WR_CONDENSED_HEAD + 2 * n), plain, row_n, NULL);
}

TEST("a row does not expand by another table, be it as long and as many")
{
    static struct wr_condenser condenser;
    static char row[ROW_MAX + WR_CONDENSE_SLACK], plain[ROW_MAX];
    static struct table table, other;
    struct wr_rng rng;
    struct wr_error error;
    wr_rng_seed(&rng, 11);
    make_table(&table, &rng);
    memcpy(other.bytes, table.bytes, table.n);
    other.bytes[table.n - 1] ^= 1; /* of the last phrase */
    wr_arena_init(&other.arena, &memory, 1 << 20);
    CHECK_INT(wr_phrases_read(&other.arena, wr_str_of(other.bytes, table.n), &other.phrases, NULL),
              WR_OK);
    size_t n = write_row(&condenser, &table, &rng, row, 20);
    struct wr_str condensed = condense(&condenser, n);
    CHECK_INT(wr_expand(&table.phrases, condensed, plain, n, &error), WR_OK);
    CHECK_INT(wr_expand(&other.phrases, condensed, plain, n, &error), WR_E_JOURNAL);
    for (size_t k = 12; k < 20; k++) { /* each byte of the tag counts */
        room[k] ^= 1;
        CHECK_INT(wr_expand(&table.phrases, condensed, plain, n, &error), WR_E_JOURNAL);
        room[k] ^= 1;
    }
    wr_arena_deinit(&table.arena);
    wr_arena_deinit(&other.arena);
}

TEST("a row has at most so many cuts, and no phrase that is not in the table")
{
    struct wr_str texts[2] = {WR_STR("a"), WR_STR("b")};
    struct wr_phrases phrases = {.n = 1, .texts = texts}; /* the second lies behind the table */
    CHECK_INT(expand_cuts(&phrases, WR_LIMIT_CUTS, 0, WR_LIMIT_CUTS), WR_OK);
    CHECK_INT(expand_cuts(&phrases, WR_LIMIT_CUTS + 1, 0, WR_LIMIT_CUTS + 1), WR_E_JOURNAL);
    CHECK_INT(expand_cuts(&phrases, 3, 0, 3), WR_OK);
    CHECK_INT(expand_cuts(&phrases, 3, 1, 3), WR_E_JOURNAL);
}

TEST("bytes between two cuts are counted against the room for them")
{
    static struct wr_condenser condenser;
    static char row[WR_CONDENSE_LITERALS + 64];
    struct wr_str text = WR_STR("0123456789");
    for (int over = 0; over < 2; over++) {
        size_t before = (size_t)(WR_CONDENSE_LITERALS - 1 + over);
        wr_condense_begin(&condenser, row);
        wr_condense_phrase(&condenser, row + before, text.n, 0);
        CHECK_INT(wr_condensed_size(&condenser, before + text.n),
                  WR_CONDENSED_HEAD + before + (over != 0 ? text.n : 4));
    }
}

TEST("a condenser that is stopped, or taken back, has cut nothing since")
{
    static struct wr_condenser condenser;
    char row[64 + WR_CONDENSE_SLACK] = {0};
    wr_condense_begin(&condenser, row);
    wr_condense_phrase(&condenser, row + 4, 10, 0);
    struct wr_condense_mark mark = wr_condense_mark(&condenser);
    wr_condense_phrase(&condenser, row + 20, 10, 1);
    wr_condense_again(&condenser, row + 40, 20, row);
    wr_condense_rewind(&condenser, mark);
    CHECK_INT(wr_condensed_size(&condenser, 64), WR_CONDENSED_HEAD + 2 + 54);
    wr_condense_stop(&condenser);
    wr_condense_phrase(&condenser, row + 20, 10, 1);
    wr_condense_again(&condenser, row + 40, 20, row);
    struct wr_str condensed = condense(&condenser, 64);
    CHECK_INT(condensed.n, WR_CONDENSED_HEAD + 2 + 54);
    CHECK_INT(wr_get16(condensed.p + 2), 1);
}

TEST("a random stream with labels, late events and changes of lists is condensed and comes back")
{
    static struct rig rig;
    struct wr_rng rng;
    char body[512];
    rig_open(&rig);
    wr_rng_seed(&rng, 7);
    for (int i = 0; i < 1500; i++) {
        body_of(body, sizeof body, &rng, i);
        rig_send(&rig, body);
        if (i % 20 == 19) {
            change_list(&rig, &rng, i);
            CHECK_INT(rig.answer.condensed.n, 0);
            label_one(&rig, &rng);
        }
    }
    rig_close(&rig);
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
