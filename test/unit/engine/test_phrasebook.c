/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/phrasebook.h"

#include "unit/engine/rig.h"

TEST("a pack always gives the same table")
{
    static struct rig rig;
    struct wr_str tables[2];
    struct wr_phrases phrases;
    bool digest = false, label = false;
    rig_open(&rig);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(wr_pack_phrases(&rig.pack_arena, rig.pack, &tables[i], &rig.error), WR_OK);
    }
    CHECK(wr_str_eq(tables[0], tables[1]));
    CHECK_INT(wr_phrases_read(&rig.pack_arena, tables[0], &phrases, &rig.error), WR_OK);
    for (uint32_t i = 0; i < phrases.n; i++) {
        CHECK(phrases.texts[i].n >= WR_PHRASE_MIN);
        label = label || rig_has(phrases.texts[i], wr_pack_feature_name(rig.pack, 0).p);
        digest = digest || (phrases.texts[i].n == 33 &&
                            memcmp(phrases.texts[i].p + 1, wr_pack_digest(rig.pack), 32) == 0);
    }
    CHECK(digest && label);
    rig_close(&rig);
}

TEST("without memory there is no table")
{
    static struct rig rig;
    struct wr_str table;
    static char room[1 << 16];
    wr_err err = WR_E_MEMORY;
    size_t n = 128;
    rig_open(&rig);
    while (err == WR_E_MEMORY && n < sizeof room) {
        struct wr_arena small;
        wr_arena_init_fixed(&small, room, n += 64, NULL, 0);
        err = wr_pack_phrases(&small, rig.pack, &table, &rig.error);
        CHECK(err == WR_OK || table.n == 0);
    }
    CHECK_INT(err, WR_OK);
    CHECK(n > 4096);
    rig_close(&rig);
}

/* The pack with n more reasons, each with a text of text_n bytes. */
static void open_with_reasons(struct rig *rig, int n, int text_n)
{
    static char reasons[6 << 20];
    size_t at = (size_t)snprintf(reasons, sizeof reasons, "\"reasons\": {");
    for (int i = 0; i < n; i++) {
        at += (size_t)snprintf(reasons + at, sizeof reasons - at, "\"R_%06d\": \"%0*d\", ", i,
                               text_n, i);
    }
    memset(rig, 0, sizeof *rig);
    rig_files_open(&rig->files);
    rig_edit(&rig->files, "weir.json", "\"reasons\": {", reasons);
    rig_start(rig);
}

TEST("what is over the limits of a table is left out, and its rows are right")
{
    static const struct {
        int n, text_n;
    } cases[] = {{5000, 10}, {5000, 200}};
    static struct rig rig;
    struct wr_str table;
    struct wr_phrases phrases;
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        open_with_reasons(&rig, cases[i].n, cases[i].text_n);
        CHECK_INT(wr_pack_phrases(&rig.pack_arena, rig.pack, &table, &rig.error), WR_OK);
        CHECK_INT(wr_phrases_read(&rig.pack_arena, table, &phrases, &rig.error), WR_OK);
        CHECK(i == 0 ? phrases.n == WR_LIMIT_PHRASES : phrases.n < WR_LIMIT_PHRASES);
        CHECK(i == 0 || table.n > WR_LIMIT_PHRASE_TABLE - 1000);
        rig_send(&rig, "{\"transaction\":{\"id\":\"a-long-enough-id\",\"time\":1700000000,"
                       "\"amount\":5000},\"user\":{\"id\":1}}");
        CHECK(rig.answer.condensed.n < rig.answer.record.n * 6 / 10);
        rig_close(&rig);
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
