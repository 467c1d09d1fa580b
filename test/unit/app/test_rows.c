/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the packs that come with the product, condensed: they come back as they were, and take
 * the share of their plain bytes that docs/formats.md tells. */
#include "app/cardsim.h"
#include "app/engine_open.h"
#include "app/file.h"
#include "app/simevent.h"
#include "engine/phrasebook.h"

#include "check.h"

enum { BATCH = 16, ROW_MAX = 1 << 16 };

struct totals {
    uint64_t n, plain, condensed;
};

static void check_answer(const struct wr_phrases *phrases, const struct wr_answer *answer,
                         struct totals *totals)
{
    static char plain[ROW_MAX];
    struct wr_str row = answer->record;
    CHECK_INT(answer->err, WR_OK);
    CHECK(row.n <= ROW_MAX && answer->condensed.n != 0);
    CHECK_INT(wr_expanded_size(answer->condensed, ROW_MAX), row.n);
    CHECK_INT(wr_expand(phrases, answer->condensed, plain, row.n, NULL), WR_OK);
    CHECK(memcmp(plain, row.p, row.n) == 0);
    totals->n++;
    totals->plain += row.n;
    totals->condensed += answer->condensed.n;
}

/* Bodies of the card simulator; every 50th is short of time, every 7th has an id with what JSON
 * escapes. */
static size_t make_body(struct wr_simevent *stream, char *room, struct wr_request *request, int i)
{
    struct wr_simline line;
    char made[WR_LIMIT_SIM_LINE];
    struct wr_buf buf = wr_buf_fixed(made, sizeof made);
    CHECK(wr_simevent_next(stream, &line));
    wr_simevent_json(&buf, &line, stream->start_ms);
    static const char id[] = "\"id\":\"";
    size_t at = wr_str_find(wr_buf_view(&buf), WR_STR("\"id\":\""), 0) + sizeof id - 1;
    int n = snprintf(room, WR_LIMIT_SIM_LINE, "%.*s%s%.*s", (int)at, made,
                     i % 7 == 0 ? "tab\\tquote\\\"\\u4e2d-" : "transaction-", (int)(buf.n - at),
                     made + at);
    *request = (struct wr_request){
        .body = wr_str_of(room, (size_t)n),
        .now_us = WR_NOW_IS_EVENT_TIME,
        .want_features = i % 3 == 0,
        .budget = i % 50 == 0 ? WR_BUDGET_FALLBACK : WR_BUDGET_FULL,
    };
    return (size_t)n;
}

static struct totals decide(const char *pack, int n)
{
    static char rooms[BATCH][WR_LIMIT_SIM_LINE];
    static struct wr_answer answers[BATCH];
    struct wr_request requests[BATCH];
    struct wr_arena population, scratch;
    struct wr_opened opened;
    struct wr_simevent stream;
    struct totals totals = {0};
    struct wr_str table;
    struct wr_phrases phrases;
    struct wr_cardsim_config config = {1, 500, 1000, 5.0};
    wr_arena_init(&population, &wr_heap, (size_t)1 << 28);
    wr_arena_init(&scratch, &wr_heap, (size_t)1 << 28);
    CHECK(wr_opened_open(&opened, pack, NULL));
    CHECK_INT(wr_pack_phrases(&opened.arena, opened.pack, &table, NULL), WR_OK);
    CHECK_INT(wr_phrases_read(&opened.arena, table, &phrases, NULL), WR_OK);
    wr_simevent_open(&stream, wr_cardsim_open(&population, &config), 1522540800000, 0, 0, 0);
    for (int at = 0; at < n; at += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            make_body(&stream, rooms[i], &requests[i], at + i);
        }
        CHECK_INT(wr_engine_batch(opened.engine, requests, BATCH, &scratch, answers, NULL), WR_OK);
        for (int i = 0; i < BATCH; i++) {
            check_answer(&phrases, &answers[i], &totals);
        }
        wr_arena_reset(&scratch);
    }
    wr_opened_close(&opened);
    wr_arena_deinit(&population);
    wr_arena_deinit(&scratch);
    return totals;
}

TEST("rows of packs/cards take less than two fifths of their plain bytes")
{
    struct totals totals = decide(WEIR_SOURCE "/packs/cards", 4000);
    printf("packs/cards: %.0f bytes a row, plain %.0f\n",
           (double)totals.condensed / (double)totals.n, (double)totals.plain / (double)totals.n);
    CHECK_INT(totals.n, 4000);
    CHECK(totals.condensed * 5 < totals.plain * 2);
}

TEST("rows of other packs over the same events come back too")
{
    static const char *const packs[] = {WEIR_SOURCE "/packs/rivals", WEIR_SOURCE "/packs/starter"};
    for (size_t i = 0; i < WR_COUNTOF(packs); i++) {
        struct totals totals = decide(packs[i], 800);
        printf("%s: %.0f bytes a row, plain %.0f\n", packs[i],
               (double)totals.condensed / (double)totals.n,
               (double)totals.plain / (double)totals.n);
        CHECK(totals.condensed * 10 < totals.plain * 7);
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
