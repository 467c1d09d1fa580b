/* SPDX-License-Identifier: Apache-2.0 */
/* What Redis may say. Properties of the reader: a token takes at least one byte and no more than
 * there are; given fewer bytes it asks for more or gives the same token; an array is within its
 * limit. Tiles: bytes that no node sealed are none, under any key. */
#include "fuzz.h"

#include "feature/fleet.h"
#include "value/json_read.h"
#include "wire/resp.h"

static const char pack[] =
    "{\"entities\":{\"card\":\"card\"},\"features\":{\"n\":{\"entity\":\"card\",\"count\":true,"
    "\"window\":\"1h\",\"scope\":\"fleet\"},\"s\":{\"entity\":\"card\",\"sum\":\"x\",\"window\":"
    "\"1h\",\"scope\":\"fleet\"}}}";

static struct wr_fleet *open_tables(void)
{
    static struct wr_arena arena;
    struct wr_value document;
    struct wr_schema *schema;
    struct wr_feature_plan *plan;
    wr_arena_init(&arena, &fuzz_memory, (size_t)16 << 20);
    demand(wr_json_read(&arena, wr_str_z(pack), true, NULL, &document, NULL) == WR_OK);
    demand(wr_schema_open(&arena, &document, &schema, NULL) == WR_OK);
    demand(wr_feature_plan_open(&arena, schema, &document, &plan, NULL) == WR_OK);
    return wr_fleet_open(&fuzz_memory, plan, 1, WR_STR("a secret of the fleet"));
}

static void read_tokens(struct wr_str bytes)
{
    while (bytes.n > 0) {
        struct wr_resp_token token, part;
        enum wr_resp_kind kind = wr_resp_read(bytes, &token);
        if (kind <= WR_RESP_BAD) {
            return;
        }
        demand(token.used > 0 && token.used <= bytes.n);
        demand(kind != WR_RESP_ARRAY ||
               (token.integer >= 0 && token.integer <= WR_LIMIT_RESP_ITEMS));
        demand(wr_resp_read(wr_str_of(bytes.p, token.used), &part) == kind);
        demand(wr_resp_read(wr_str_of(bytes.p, token.used - 1), &part) == WR_RESP_MORE);
        bytes = wr_str_of(bytes.p + token.used, bytes.n - token.used);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wr_fleet *fleet;
    struct wr_fleet_load load = {0};
    struct wr_fleet_stats before, after;
    struct wr_str bytes = wr_str_of((const char *)data, size);
    fleet = fleet != NULL ? fleet : open_tables();
    read_tokens(bytes);
    size_t field = size < WR_FLEET_FIELD_SIZE ? size : WR_FLEET_FIELD_SIZE;
    wr_fleet_stats(fleet, &before);
    wr_fleet_load_tile(fleet, &load, 0, WR_STR("weir:1:0:0:0"), wr_str_of(bytes.p, field),
                       wr_str_of(bytes.p + field, size - field));
    wr_fleet_stats(fleet, &after);
    demand(load.first == 0 && after.n_bad_tiles == before.n_bad_tiles + 1);
    return 0;
}
