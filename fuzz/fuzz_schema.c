/* SPDX-License-Identifier: Apache-2.0 */
/* json.match_schema and json.verify_schema on any schema and document: a JSON array of two, or as
 * much of one. Properties: a match has no errors and a mismatch has some; text and value of a
 * document are the same to them; a schema that does not verify matches nothing; and where nothing
 * refers to elsewhere, allOf, anyOf and oneOf of one schema are that schema, `not` turns it round,
 * and if/then/else with it chooses by it. */
#include "fuzz_call.h"

static struct wr_value wrap(struct wr_arena *arena, const char *key, struct wr_value schema,
                            bool list)
{
    struct wr_pair *pair = WR_NEW(arena, struct wr_pair);
    struct wr_value *item = WR_NEW(arena, struct wr_value);
    demand(pair != NULL && item != NULL);
    *item = schema;
    *pair = (struct wr_pair){wr_string(wr_str_z(key)), list ? wr_array(item, 1) : schema};
    return wr_object_from(pair, 1);
}

/* 1 a match, 0 none, -1 undefined. */
static int matches(struct wr_arena *arena, struct wr_value document, struct wr_value schema,
                   bool *cut)
{
    struct wr_value args[2] = {document, schema};
    struct wr_value out = fuzz_call(arena, "json.match_schema", args, 2, cut);
    if (out.type == WR_UNDEFINED) {
        return -1;
    }
    demand(out.type == WR_ARRAY && out.n == 2 && out.items[0].type == WR_BOOL);
    demand(out.items[1].type == WR_ARRAY && wr_is_true(out.items[0]) == (out.items[1].n == 0));
    return wr_is_true(out.items[0]);
}

static bool verifies(struct wr_arena *arena, struct wr_value schema, bool *cut)
{
    struct wr_value out = fuzz_call(arena, "json.verify_schema", &schema, 1, cut);
    demand(*cut || out.type == WR_UNDEFINED || (out.type == WR_ARRAY && out.n == 2));
    return out.type == WR_ARRAY && wr_is_true(out.items[0]);
}

/* {"if": schema, "then": true, "else": false}, so to speak: drafts 4 know no such schemas. */
static struct wr_value choose_by(struct wr_arena *arena, struct wr_value schema)
{
    struct wr_pair *pairs = WR_NEW_ARRAY(arena, struct wr_pair, 3);
    struct wr_value anything = wr_object_from(NULL, 0);
    demand(pairs != NULL);
    pairs[0] = (struct wr_pair){wr_string(WR_STR("if")), schema};
    pairs[1] = (struct wr_pair){wr_string(WR_STR("then")), anything};
    pairs[2] = (struct wr_pair){wr_string(WR_STR("else")), wrap(arena, "not", anything, false)};
    return wr_object_from(pairs, 3);
}

static void check_wrapped(struct wr_arena *arena, struct wr_value document, struct wr_value schema,
                          int plain)
{
    static const char *const lists[] = {"allOf", "anyOf", "oneOf"};
    bool cut = false;
    for (size_t i = 0; i < WR_COUNTOF(lists); i++) {
        int got = matches(arena, document, wrap(arena, lists[i], schema, true), &cut);
        demand(cut || got == plain);
    }
    int inverse = matches(arena, document, wrap(arena, "not", schema, false), &cut);
    demand(cut || inverse == !plain);
    int chosen = matches(arena, document, choose_by(arena, schema), &cut);
    demand(cut || chosen == plain);
}

static void check(struct wr_arena *arena, struct wr_str json, const struct wr_value *both)
{
    struct wr_value document = both->items[0], schema = both->items[1];
    struct wr_buf text = wr_buf_in(arena, 256);
    bool cut = false;
    bool good = verifies(arena, schema, &cut);
    int plain = matches(arena, document, schema, &cut);
    if (cut) {
        return;
    }
    bool known = document.type == WR_OBJECT && schema.type == WR_OBJECT;
    demand(good || !known || plain == -1);
    wr_json_write(&text, &document, WR_JSON_COMPACT);
    if (document.type == WR_OBJECT) {
        int again = matches(arena, wr_string(wr_buf_view(&text)), schema, &cut);
        demand(cut || again == plain);
    }
    bool refers = wr_str_find(json, WR_STR("$ref"), 0) != SIZE_MAX ||
                  wr_str_find(json, WR_STR("id"), 0) != SIZE_MAX ||
                  wr_str_find(json, WR_STR("$schema"), 0) != SIZE_MAX ||
                  wr_str_find(json, WR_STR("\\"), 0) != SIZE_MAX;
    if (known && plain >= 0 && !refers) {
        check_wrapped(arena, document, schema, plain);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr_arena arena;
    struct wr_value both;
    struct wr_str json = wr_str_of((const char *)data, size);
    wr_arena_init(&arena, &fuzz_memory, 64u << 20);
    if (wr_json_read(&arena, json, true, NULL, &both, NULL) == WR_OK && both.type == WR_ARRAY &&
        both.n == 2) {
        check(&arena, json, &both);
    }
    wr_arena_deinit(&arena);
    return 0;
}
