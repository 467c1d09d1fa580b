/* SPDX-License-Identifier: Apache-2.0 */
/* Features of scope fleet: several nodes, and between them a store that the test is. */
#include "unit/engine/rig.h"

#include "feature/fleet.h"
#include "pack/parts.h"

enum { NODES = 3, STORE_MAX = 4096, EVENTS_MAX = 2048 };

struct entry {
    char key[WR_LIMIT_FLEET_KEY_SIZE];
    size_t key_n, value_n;
    uint8_t field[WR_FLEET_FIELD_SIZE], value[WR_LIMIT_FLEET_TILE_SIZE];
};

struct seen { /* what the test remembers of the stream */
    int64_t s, units;
    int customer;
    bool online;
};

static struct nodes {
    struct rig rig; /* its engine is that of node 0 */
    struct wr_fleet *fleets[NODES];
    struct wr_engine *engines[NODES];
    struct entry store[STORE_MAX];
    size_t n_store;
    struct seen seen[EVENTS_MAX];
    size_t n_seen;
    struct rig records[NODES]; /* only their records are used */
    uint64_t n_writes;
} w;

#define SECRET WR_STR("between the nodes")

static const char fleet_features[] =
    "\"fleet_n\": {\"entity\": \"customer\", \"count\": true, \"window\": \"1h\", \"scope\": "
    "\"fleet\", \"stale\": \"5s\"},"
    "\"fleet_avg\": {\"entity\": \"customer\", \"avg\": \"transaction.amount\", \"window\": "
    "\"1h\", "
    "\"scope\": \"fleet\"},"
    "\"fleet_max\": {\"entity\": \"customer\", \"max\": \"transaction.amount\", \"window\": "
    "\"1h\", "
    "\"scope\": \"fleet\"},"
    "\"fleet_min\": {\"entity\": \"customer\", \"min\": \"transaction.amount\", \"window\": "
    "\"1h\", "
    "\"scope\": \"fleet\"},"
    "\"fleet_sum\": {\"entity\": \"customer\", \"sum\": \"transaction.amount\", \"window\": "
    "\"6h\", "
    "\"scope\": \"fleet\", \"missing\": \"node\"},"
    "\"fleet_share\": {\"entity\": \"customer\", \"share\": \"input.transaction.online == true\", "
    "\"window\": \"1h\", \"scope\": \"fleet\", \"missing\": 7},"
    "\"is_big\": {";

static void edit_pack(struct rig_files *files)
{
    rig_edit(files, "weir.json", "\"is_big\": {", fleet_features);
    rig_edit(files, "weir.json", "\"allow\": \"approve\",",
             "\"allow\": \"approve\", \"crowd\": \"hold\",");
    rig_put(
        files, "crowd.rego",
        "package risk\nimport rego.v1\n"
        "crowd if { input.fleet.fleet_n.count_max > 3; input.fleet.fleet_n.stale_ms < 2000 }\n");
}

static void nodes_open(void)
{
    memset(&w, 0, sizeof w);
    rig_files_open(&w.rig.files);
    edit_pack(&w.rig.files);
    rig_start(&w.rig);
    for (int i = 0; i < NODES; i++) {
        struct wr_engine_config config = rig_config;
        config.node = (uint64_t)i + 1;
        w.fleets[i] = wr_fleet_open(&w.rig.memory.source, w.rig.pack->plan, config.node, SECRET);
        config.fleet = w.fleets[i];
        config.fleet_key = wr_fleet_hash_key(SECRET);
        config.keys[0].k0 = config.keys[1].k1 = (uint64_t)i * 77; /* each node has secrets */
        CHECK_INT(wr_engine_open(&w.rig.memory.source, w.rig.pack, &config, &w.engines[i], NULL),
                  WR_OK);
        wr_fleet_live(w.fleets[i]);
    }
}

static void nodes_close(void)
{
    for (int i = 0; i < NODES; i++) {
        wr_engine_close(w.engines[i]);
        wr_fleet_close(w.fleets[i]);
        for (size_t k = 0; k < w.records[i].n_records; k++) {
            free(w.records[i].records[k]);
        }
    }
    rig_close(&w.rig);
}

/* ── the store ──────────────────────────────────────────────────────────────────────────────── */
static void put(const struct wr_fleet_write *write)
{
    size_t i = 0;
    while (i < w.n_store && (w.store[i].key_n != write->key_n ||
                             memcmp(w.store[i].key, write->key, write->key_n) != 0 ||
                             memcmp(w.store[i].field, write->field, WR_FLEET_FIELD_SIZE) != 0)) {
        i++;
    }
    CHECK(i < STORE_MAX);
    w.n_store += i == w.n_store;
    memcpy(w.store[i].key, write->key, write->key_n);
    w.store[i].key_n = write->key_n;
    memcpy(w.store[i].field, write->field, WR_FLEET_FIELD_SIZE);
    memcpy(w.store[i].value, write->value, write->value_n);
    w.store[i].value_n = write->value_n;
}

static void write_behind(int node)
{
    struct wr_fleet_write write;
    while (wr_fleet_next_write(w.fleets[node], UINT64_MAX, &write)) {
        put(&write);
        w.n_writes++;
        wr_fleet_wrote(w.fleets[node], &write.id, true);
    }
}

static void fetch(int node, const char *body, int64_t now_us)
{
    struct wr_fleet_key keys[WR_LIMIT_FLEET_SERIES];
    wr_arena_reset(&w.rig.scratch);
    uint32_t n = wr_engine_fleet_keys(w.engines[node], &w.rig.scratch, wr_str_z(body),
                                      RIG_NOW + INT64_C(864000000000), keys);
    CHECK_INT(n, 2); /* windows of 1 h and of 6 h */
    for (uint32_t k = 0; k < n; k++) {
        struct wr_fleet_load load = {0};
        int64_t from, to;
        wr_fleet_periods(&w.rig.pack->plan->fleet->series[keys[k].series], keys[k].time_ms, &from,
                         &to);
        CHECK(to - from <= 1);
        for (int64_t p = from; p <= to; p++) {
            char key[WR_LIMIT_FLEET_KEY_SIZE];
            size_t key_n = wr_fleet_write_key(w.fleets[node], keys[k].series, keys[k].key, p, key);
            for (size_t i = 0; i < w.n_store; i++) {
                struct entry *e = &w.store[i];
                if (e->key_n == key_n && memcmp(e->key, key, key_n) == 0) {
                    wr_fleet_load_tile(w.fleets[node], &load, keys[k].series, wr_str_of(key, key_n),
                                       wr_str_of((char *)e->field, sizeof e->field),
                                       wr_str_of((char *)e->value, e->value_n));
                }
            }
        }
        wr_fleet_load_done(w.fleets[node], &load, &keys[k], now_us);
        CHECK(wr_fleet_is_fresh(w.fleets[node], &keys[k], now_us + 1000, 1000));
        CHECK(!wr_fleet_is_fresh(w.fleets[node], &keys[k], now_us + 1001, 1000));
    }
}

/* ── the stream ─────────────────────────────────────────────────────────────────────────────── */
static char body_room[512];

static const char *body_of(int id, int64_t s, int customer, int64_t units, bool online)
{
    snprintf(body_room, sizeof body_room,
             "{\"transaction\":{\"id\":\"t%d\",\"time\":%lld,\"amount\":%lld.%02lld,\"online\":%s},"
             "\"user\":{\"id\":\"c%d\"}}",
             id, (long long)s, (long long)(units / 100), (long long)(units % 100),
             online ? "true" : "false", customer);
    return body_room;
}

static struct wr_answer *decide(int node, const char *body, int64_t now_us)
{
    struct wr_request request = {.body = wr_str_z(body), .now_us = RIG_NOW + INT64_C(864000000000)};
    wr_arena_reset(&w.rig.scratch);
    wr_engine_set_fleet_now(w.engines[node], now_us);
    CHECK_INT(wr_engine_batch(w.engines[node], &request, 1, &w.rig.scratch, &w.rig.answer, NULL),
              WR_OK);
    CHECK_INT(w.rig.answer.err, WR_OK);
    rig_check_condensed(&w.rig, &w.rig.answer);
    rig_keep(&w.records[node], w.rig.answer.record);
    return &w.rig.answer;
}

static double number_of(struct wr_str features, const char *name, double absent)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    size_t at = wr_str_find(features, wr_str_z(key), 0);
    return at == SIZE_MAX ? absent : strtod(features.p + at + strlen(key), NULL);
}

static struct wr_str fleet_of(const struct wr_answer *answer)
{
    struct wr_record record;
    CHECK_INT(wr_record_decode(answer->record, &record, NULL), WR_OK);
    size_t at = wr_str_find(record.derived, WR_STR("\"fleet\":"), 0);
    CHECK(at != SIZE_MAX);
    return wr_str_of(record.derived.p + at, record.derived.n - at);
}

struct truth {
    int64_t n, n_6h, online, sum_6h, sum, min, max;
};

static struct truth truth_of(int64_t s, int customer)
{
    struct truth t = {.min = INT64_MAX, .max = INT64_MIN};
    for (size_t i = 0; i < w.n_seen; i++) {
        const struct seen *e = &w.seen[i];
        if (e->customer != customer || e->s > s || e->s <= s - 6 * 3600) {
            continue;
        }
        t.n_6h++;
        t.sum_6h += e->units;
        if (e->s > s - 3600) {
            t.n++;
            t.online += e->online;
            t.sum += e->units;
            t.min = WR_MIN(t.min, e->units);
            t.max = WR_MAX(t.max, e->units);
        }
    }
    return t;
}

TEST("windows of the fleet are exact but where a slot is cut in two, and told by count_max there")
{
    nodes_open();
    uint64_t x = 7;
    int64_t s = RIG_START;
    int n_exact = 0, n_edges = 0;
    for (int i = 0; i < 1500; i++) {
        x = wr_mix64(x + (uint64_t)i);
        s += (int64_t)(x % 120);
        int node = (int)(x >> 8 & 0xff) % NODES, customer = (int)(x >> 16 & 3);
        int64_t units = (int64_t)(x >> 24 & 0xffff);
        bool online = (x >> 60 & 1) != 0;
        w.seen[w.n_seen++] = (struct seen){s, units, customer, online};
        const char *body = body_of(i, s, customer, units, online);
        fetch(node, body, 1000000);
        const struct wr_answer *answer = decide(node, body, 1003000);
        write_behind(node);
        struct truth t = truth_of(s, customer);
        double n = number_of(answer->features, "fleet_n", -1);
        double max = number_of(fleet_of(answer), "count_max", -1);
        struct wr_str own = fleet_of(answer);
        size_t at = wr_str_find(own, WR_STR("\"fleet_n\":"), 0);
        CHECK(at != SIZE_MAX);
        max = number_of(wr_str_of(own.p + at, own.n - at), "count_max", -1);
        CHECK_INT((int)number_of(wr_str_of(own.p + at, own.n - at), "stale_ms", -1), 3);
        CHECK(n <= (double)t.n && (double)t.n <= max);
        n_edges += n != max;
        if (n == max) {
            n_exact++;
            CHECK(n == (double)t.n);
            CHECK(number_of(answer->features, "fleet_avg", -1) ==
                  (double)t.sum / ((double)t.n * 100));
            CHECK(number_of(answer->features, "fleet_share", -1) == (double)t.online / (double)t.n);
            CHECK(number_of(answer->features, "fleet_min", -1) == (double)t.min / 100);
            CHECK(number_of(answer->features, "fleet_max", -1) == (double)t.max / 100);
        }
        CHECK(number_of(answer->features, "fleet_sum", -1) <= (double)t.sum_6h / 100);
        CHECK(!rig_has(answer->document, "\"stale\""));
    }
    CHECK(n_exact > 900 && n_edges > 50); /* both were there to be seen */
    nodes_close();
}

TEST("a replay needs nothing but the record")
{
    nodes_open();
    for (int i = 0; i < 60; i++) {
        const char *body = body_of(i, RIG_START + i * 5, i % 2, 100 + i, true);
        if (i % 7 != 0) {
            fetch(i % NODES, body, 1000000);
        }
        const struct wr_answer *answer = decide(i % NODES, body, 1000000 + i * 300000);
        if (i > 20 && i % 7 != 0 && i * 300 < 2000) {
            CHECK_INT(answer->outcome, WR_OUTCOME_HOLD); /* the policy has asked input.fleet */
        }
        write_behind(i % NODES);
    }
    for (int node = 0; node < NODES; node++) {
        struct wr_engine_config config = rig_config;
        config.node = (uint64_t)node + 1;
        config.keys[0].k0 = config.keys[1].k1 = (uint64_t)node * 77;
        struct wr_engine *engine;
        CHECK_INT(wr_engine_open(&w.rig.memory.source, w.rig.pack, &config, &engine, NULL), WR_OK);
        for (size_t i = 0; i < w.records[node].n_records; i++) {
            struct wr_answer answer;
            struct wr_str record = rig_record(&w.records[node], i);
            wr_arena_reset(&w.rig.scratch);
            CHECK_INT(wr_engine_replay(engine, record, &w.rig.scratch, &answer, NULL), WR_OK);
            CHECK(wr_str_eq(answer.record, record));
        }
        wr_engine_close(engine);
    }
    nodes_close();
}

TEST("the policy sees bound and age, and nothing of the fleet when nothing is known")
{
    nodes_open();
    int hold = 0;
    for (int i = 0; i < 12; i++) {
        const char *body = body_of(i, RIG_START + i, 1, 500, true);
        fetch(i % NODES, body, 1000000);
        hold += decide(i % NODES, body, 1000000)->outcome == WR_OUTCOME_HOLD;
        write_behind(i % NODES);
    }
    CHECK_INT(hold, 9); /* from the fourth on */
    const char *body = body_of(100, RIG_START + 20, 1, 500, true);
    const struct wr_answer *late = decide(0, body, 1000000 + 6000000); /* over `stale: 5s` */
    CHECK(late->outcome != WR_OUTCOME_HOLD);
    CHECK_HAS(late->document, "{\"what\":\"fleet\",\"why\":\"stale\"}");
    CHECK_HAS(late->features, "\"fleet_avg\":5"); /* `stale` is 10 s there */
    CHECK(!rig_has(late->features, "fleet_n\""));
    struct wr_record record;
    CHECK_INT(wr_record_decode(late->record, &record, NULL), WR_OK);
    CHECK_HAS(record.derived, "\"fleet_n\":\"stale\"");
    CHECK((record.flags & WR_RECORD_DEGRADED) != 0);
    body = body_of(101, RIG_START + 21, 9, 250, true); /* never fetched */
    const struct wr_answer *unknown = decide(0, body, 1000000);
    CHECK_HAS(unknown->features, "\"fleet_sum\":2.50"); /* missing: node */
    CHECK_HAS(unknown->features, "\"fleet_share\":7");  /* missing: 7 */
    CHECK_HAS(fleet_of(unknown), "\"fleet\":{}");
    nodes_close();
}

TEST("only a request to a pack with such features may not say `fleet`")
{
    nodes_open();
    struct wr_request request = {
        .body = WR_STR("{\"fleet\":1,\"transaction\":{\"id\":1,\"time\":1}}"), .now_us = RIG_NOW};
    wr_arena_reset(&w.rig.scratch);
    CHECK_INT(wr_engine_batch(w.engines[0], &request, 1, &w.rig.scratch, &w.rig.answer, NULL), 0);
    CHECK_INT(w.rig.answer.err, WR_E_RESERVED);
    nodes_close();
    struct rig plain;
    rig_open(&plain);
    CHECK_INT(rig_decide(&plain, request)->err, WR_OK);
    rig_close(&plain);
}

/* ── own tiles ──────────────────────────────────────────────────────────────────────────────── */
/* The tiles of the customer of an event that wait, by series; all others are taken for written. */
static void take_writes(struct wr_fleet *fleet, const char *body, uint64_t parts[2], uint64_t n[2])
{
    struct wr_fleet_key keys[WR_LIMIT_FLEET_SERIES];
    struct wr_fleet_write write;
    wr_arena_reset(&w.rig.scratch);
    CHECK_INT(wr_engine_fleet_keys(w.engines[0], &w.rig.scratch, wr_str_z(body),
                                   RIG_NOW + INT64_C(864000000000), keys),
              2);
    memset(parts, 0, 2 * sizeof *parts);
    while (wr_fleet_next_write(fleet, UINT64_MAX, &write)) {
        for (int k = 0; k < 2; k++) {
            char name[WR_LIMIT_FLEET_KEY_SIZE];
            int64_t from, to;
            wr_fleet_window_periods(fleet, &keys[k], &from, &to);
            size_t size = wr_fleet_write_key(fleet, keys[k].series, keys[k].key, to, name);
            if (size == write.key_n && memcmp(name, write.key, size) == 0) {
                parts[k] = wr_get64(write.field + 8);
                n[k] = write.id.n;
            }
        }
        wr_fleet_wrote(fleet, &write.id, true);
    }
}

/* An engine of the world's pack that knows no other node. */
static struct wr_engine *open_engine(void)
{
    struct wr_engine_config config = rig_config;
    config.keys[0].k0 = config.keys[1].k1 = 0;
    config.fleet_key = wr_fleet_hash_key(SECRET);
    struct wr_engine *engine = NULL;
    CHECK_INT(wr_engine_open(&w.rig.memory.source, w.rig.pack, &config, &engine, NULL), WR_OK);
    return engine;
}

TEST("parts begin with the same events, wherever a fold begins")
{
    enum { OTHERS = 40000 }; /* their tiles of both series fill the table, of one they do not */
    const int64_t begin = RIG_START / 1350 * 1350 + 450; /* within a slot of 6 h, not of 1 h */
    uint64_t live[2], told[2], n[2];
    char body[256];
    struct wr_arena scratch;
    nodes_open();
    wr_arena_init(&scratch, &w.rig.memory.source, 16 << 20);
    struct wr_engine *engine = open_engine();
    struct wr_fleet *fleet = wr_fleet_open(&w.rig.memory.source, w.rig.pack->plan, 1, SECRET);
    wr_engine_set_fleet(engine, fleet);
    wr_fleet_begin_at(fleet, begin * 1000);
    for (int i = 0; i < OTHERS + 2; i++) {
        int customer = i == OTHERS + 1 ? 0 : i;
        snprintf(body, sizeof body, "%s", body_of(i, begin + 1 + i / 1000, customer, 1, true));
        struct wr_str record = decide(0, body, 0)->record;
        CHECK_INT(wr_engine_tell(engine, record, begin * 1000000, &scratch, NULL), WR_OK);
        wr_arena_reset(&scratch);
        w.n_seen = 0;
        if (i == 0) {
            take_writes(w.fleets[0], body, live, n);
            CHECK_INT(live[0], 1);
            CHECK_INT(live[1], 1);
        }
    }
    take_writes(w.fleets[0], body, live, n);
    CHECK_INT(live[0], OTHERS + 2); /* the first tile was given up meanwhile */
    wr_fleet_live(fleet);
    take_writes(fleet, body, told, n);
    CHECK_INT(told[0], live[0]);
    CHECK_INT(n[0], 1);
    CHECK_INT(told[1], 0); /* left alone */
    /* An event of a slot that is left alone begins a part: the one before is in Redis. */
    snprintf(body, sizeof body, "%s", body_of(OTHERS + 2, begin + 60, 0, 1, true));
    CHECK_INT(wr_engine_tell(engine, decide(0, body, 0)->record, begin * 1000000, &scratch, NULL),
              WR_OK);
    take_writes(fleet, body, told, n);
    CHECK_INT(told[0], live[0]);
    CHECK_INT(n[0], 2);
    CHECK_INT(told[1], OTHERS + 3);
    CHECK_INT(n[1], 1);
    wr_arena_deinit(&scratch);
    wr_engine_close(engine);
    wr_fleet_close(fleet);
    nodes_close();
}

TEST("a node that folds its journal writes the very same tiles")
{
    nodes_open();
    for (int i = 0; i < 300; i++) {
        decide(0, body_of(i, RIG_START + i * 20, i % 5, i, i % 2 == 0), 0);
        if (i < 200) {
            write_behind(0);
        }
    }
    size_t before = w.n_store;
    struct entry *copy = malloc(sizeof w.store);
    write_behind(0);
    memcpy(copy, w.store, sizeof w.store);
    size_t n = w.n_store;
    CHECK(n > before);
    /* The process is killed, and its last writes never left. */
    w.n_store = before;
    struct wr_engine_config config = rig_config;
    config.node = 1;
    config.keys[0].k0 = config.keys[1].k1 = 0;
    config.epoch++;
    config.fleet = wr_fleet_open(&w.rig.memory.source, w.rig.pack->plan, config.node, SECRET);
    config.fleet_key = wr_fleet_hash_key(SECRET);
    struct wr_engine *engine;
    CHECK_INT(wr_engine_open(&w.rig.memory.source, w.rig.pack, &config, &engine, NULL), WR_OK);
    for (size_t i = 0; i < w.records[0].n_records; i++) {
        wr_arena_reset(&w.rig.scratch);
        CHECK_INT(wr_engine_fold(engine, rig_record(&w.records[0], i), &w.rig.scratch, NULL),
                  WR_OK);
    }
    wr_fleet_live(config.fleet);
    struct wr_fleet *was = w.fleets[0];
    w.fleets[0] = config.fleet;
    write_behind(0);
    w.fleets[0] = was;
    CHECK_INT(w.n_store, n);
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < w.n_store &&
               (memcmp(copy[i].field, w.store[k].field, WR_FLEET_FIELD_SIZE) != 0 ||
                copy[i].key_n != w.store[k].key_n ||
                memcmp(copy[i].key, w.store[k].key, copy[i].key_n) != 0)) {
            k++;
        }
        CHECK(k < w.n_store && copy[i].value_n == w.store[k].value_n &&
              memcmp(copy[i].value, w.store[k].value, copy[i].value_n) == 0);
    }
    free(copy);
    wr_engine_close(engine);
    wr_fleet_close(config.fleet);
    nodes_close();
}

TEST("a state that was restored is told its tiles again, of the slots that still count")
{
    nodes_open();
    for (int i = 0; i < 100; i++) {
        decide(0, body_of(i, RIG_START + i * 400, i % 3, i, i % 2 == 0), 0);
    }
    struct wr_fleet_stats whole, told;
    wr_fleet_stats(w.fleets[0], &whole);
    for (int part = 0; part < 2; part++) {
        struct wr_engine *engine = open_engine();
        struct wr_fleet *fleet = wr_fleet_open(&w.rig.memory.source, w.rig.pack->plan, 1, SECRET);
        for (size_t i = 0; i < w.records[0].n_records; i++) {
            wr_arena_reset(&w.rig.scratch);
            CHECK_INT(wr_engine_fold(engine, rig_record(&w.records[0], i), &w.rig.scratch, NULL),
                      WR_OK);
        }
        wr_engine_set_fleet(engine, fleet);
        int64_t from_us = part == 0 ? INT64_MIN : (RIG_START + 50 * 400) * 1000000;
        wr_fleet_begin_at(fleet, part == 0 ? INT64_MIN : from_us / 1000);
        for (size_t i = 0; i < w.records[0].n_records; i++) {
            wr_arena_reset(&w.rig.scratch);
            CHECK_INT(
                wr_engine_tell(engine, rig_record(&w.records[0], i), from_us, &w.rig.scratch, NULL),
                WR_OK);
        }
        wr_fleet_stats(fleet, &told);
        CHECK(part == 0 ? told.n_own == whole.n_own
                        : told.n_own < whole.n_own * 6 / 10 && told.n_own > whole.n_own * 4 / 10);
        wr_engine_close(engine);
        wr_fleet_close(fleet);
    }
    nodes_close();
}

TEST("nothing is written before the journal has it, and what failed is written again")
{
    nodes_open();
    struct wr_fleet_write write;
    struct wr_fleet_stats stats;
    decide(0, body_of(1, RIG_START, 1, 1, true), 0);
    decide(0, body_of(2, RIG_START + 1, 1, 1, true), 0);
    CHECK(!wr_fleet_next_write(w.fleets[0], 1, &write));
    CHECK(wr_fleet_next_write(w.fleets[0], 2, &write));
    CHECK_INT(write.id.n, 2);
    CHECK(write.is_new);
    struct wr_fleet_written lost = write.id;
    CHECK(wr_fleet_next_write(w.fleets[0], 2, &write)); /* the other window's */
    CHECK(!wr_fleet_next_write(w.fleets[0], 2, &write));
    wr_fleet_wrote(w.fleets[0], &lost, false);
    CHECK(wr_fleet_next_write(w.fleets[0], 2, &write));
    CHECK_INT(write.id.handle, lost.handle);
    CHECK(write.is_new);
    wr_fleet_wrote(w.fleets[0], &write.id, true);
    wr_fleet_write_all(w.fleets[0]);
    wr_fleet_stats(w.fleets[0], &stats);
    CHECK_INT(stats.n_queued, 2);
    nodes_close();
}

static uint32_t write_what_waits(struct wr_fleet *fleet, uint32_t *n_new)
{
    struct wr_fleet_write write;
    uint32_t n = 0;
    *n_new = 0;
    while (wr_fleet_next_write(fleet, UINT64_MAX, &write)) {
        wr_fleet_wrote(fleet, &write.id, true);
        *n_new += write.is_new;
        n++;
    }
    return n;
}

TEST("after a reconnection each own tile is written once more, with its life")
{
    enum { CUSTOMERS = 5000, BEFORE = 100 };
    nodes_open();
    struct wr_fleet *fleet = w.fleets[0];
    struct wr_fleet_stats stats;
    struct wr_fleet_write write;
    uint32_t n_new;
    for (int i = 0; i < CUSTOMERS; i++) {
        decide(0, body_of(i, RIG_START, i, 1, true), 0);
        w.n_seen = 0;
    }
    CHECK_INT(write_what_waits(fleet, &n_new), 2 * CUSTOMERS);
    wr_fleet_write_all(fleet);
    for (int i = 0; i < BEFORE; i++) {
        CHECK(wr_fleet_next_write(fleet, UINT64_MAX, &write));
        wr_fleet_wrote(fleet, &write.id, true);
    }
    wr_fleet_stats(fleet, &stats);
    CHECK_INT(stats.n_queued, 2 * CUSTOMERS - BEFORE);
    decide(0, body_of(CUSTOMERS, RIG_START, CUSTOMERS - 1, 1, true), 0); /* its turn is to come */
    decide(0, body_of(CUSTOMERS + 1, RIG_START, CUSTOMERS, 1, true), 0); /* new: not once more */
    CHECK_INT(write_what_waits(fleet, &n_new), 2 * CUSTOMERS - BEFORE + 2);
    CHECK_INT(n_new, 2 * CUSTOMERS - BEFORE + 2);
    wr_fleet_stats(fleet, &stats);
    CHECK_INT(stats.n_queued, 0);
    nodes_close();
}

TEST("what cannot be written for long is dropped, the oldest first, and counted")
{
    nodes_open();
    struct wr_fleet_stats stats;
    int n = (int)WR_LIMIT_FLEET_OWN / 2 + 500;
    for (int i = 0; i < n; i++) {
        decide(0, body_of(i, RIG_START, i, 1, true), 0);
        w.n_seen = 0;
    }
    wr_fleet_stats(w.fleets[0], &stats);
    CHECK_INT(stats.n_own, WR_LIMIT_FLEET_OWN);
    CHECK_INT(stats.n_queued, WR_LIMIT_FLEET_OWN);
    CHECK_INT(stats.n_dropped_tiles, 1000);
    CHECK_INT(stats.n_dropped_events, 1000);
    /* One on its way when its tile is given up, and it arrives: not dropped after all. */
    struct wr_fleet_write write;
    CHECK(wr_fleet_next_write(w.fleets[0], UINT64_MAX, &write));
    decide(0, body_of(n, RIG_START, n, 1, true), 0);
    wr_fleet_stats(w.fleets[0], &stats);
    CHECK_INT(stats.n_dropped_events, 1002);
    wr_fleet_wrote(w.fleets[0], &write.id, true);
    wr_fleet_stats(w.fleets[0], &stats);
    CHECK_INT(stats.n_dropped_events, 1001);
    nodes_close();
}

TEST("a late event is on no tape and in no tile")
{
    nodes_open();
    struct wr_fleet_stats before, after;
    decide(0, body_of(1, RIG_START, 1, 1, true), 0);
    wr_fleet_stats(w.fleets[0], &before);
    CHECK(decide(0, body_of(2, RIG_START - 600, 2, 1, true), 0)->late);
    wr_fleet_stats(w.fleets[0], &after);
    CHECK_INT(before.n_own, 2);
    CHECK_INT(after.n_own, 2);
    nodes_close();
}

TEST("slots whose beginning the journal has lost are left alone while it is folded")
{
    nodes_open();
    struct wr_fleet_stats stats;
    for (int i = 0; i < 2; i++) {
        decide(0, body_of(i, RIG_START + i * 7200, 1, 1, true), 0);
    }
    for (int kept_from = 0; kept_from < 2; kept_from++) {
        struct wr_engine_config config = rig_config;
        config.keys[0].k0 = config.keys[1].k1 = 0;
        config.fleet = wr_fleet_open(&w.rig.memory.source, w.rig.pack->plan, 1, SECRET);
        config.fleet_key = wr_fleet_hash_key(SECRET);
        struct wr_engine *engine;
        CHECK_INT(wr_engine_open(&w.rig.memory.source, w.rig.pack, &config, &engine, NULL), WR_OK);
        if (kept_from == 1) { /* an hour behind the first event */
            wr_fleet_begin_at(config.fleet, (RIG_START + 3600) * 1000);
        }
        for (size_t i = 0; i < w.records[0].n_records; i++) {
            wr_arena_reset(&w.rig.scratch);
            CHECK_INT(wr_engine_fold(engine, rig_record(&w.records[0], i), &w.rig.scratch, NULL),
                      WR_OK);
        }
        wr_fleet_stats(config.fleet, &stats);
        CHECK_INT(stats.n_own, kept_from == 0 ? 4 : 2);
        wr_engine_close(engine);
        wr_fleet_close(config.fleet);
    }
    nodes_close();
}

TEST("others are held up to a bound, and those fetched longest ago give way")
{
    nodes_open();
    struct wr_fleet_stats stats;
    struct wr_fleet_key key = {.time_ms = RIG_START * 1000};
    for (uint32_t i = 0; i < WR_LIMIT_FLEET_ENTITIES + 10; i++) {
        struct wr_fleet_load load = {0};
        key.key.lo = i;
        wr_fleet_load_done(w.fleets[0], &load, &key, i);
    }
    wr_fleet_stats(w.fleets[0], &stats);
    CHECK_INT(stats.n_entities, WR_LIMIT_FLEET_ENTITIES);
    CHECK_INT(stats.n_evicted, 10);
    key.key.lo = 9;
    CHECK(!wr_fleet_is_fresh(w.fleets[0], &key, 0, INT64_MAX / 2));
    key.key.lo = 10;
    CHECK(wr_fleet_is_fresh(w.fleets[0], &key, 0, INT64_MAX / 2));
    key.time_ms += 86400000; /* held for other windows */
    CHECK(!wr_fleet_is_fresh(w.fleets[0], &key, 0, INT64_MAX / 2));
    nodes_close();
}

/* ── hostile tiles ──────────────────────────────────────────────────────────────────────────── */
static uint64_t bad_tiles(const struct entry *e, struct wr_str key, struct wr_str field,
                          struct wr_str value)
{
    struct wr_fleet_stats before, after;
    struct wr_fleet_load load = {0};
    (void)e;
    wr_fleet_stats(w.fleets[1], &before);
    wr_fleet_load_tile(w.fleets[1], &load, 0, key, field, value);
    wr_fleet_stats(w.fleets[1], &after);
    CHECK(load.first == 0 || after.n_bad_tiles == before.n_bad_tiles);
    wr_fleet_load_drop(w.fleets[1], &load);
    return after.n_bad_tiles - before.n_bad_tiles;
}

TEST("a tile with any bit changed, of another key, or from nowhere is none")
{
    nodes_open();
    decide(0, body_of(1, RIG_START, 1, 1, true), 0);
    write_behind(0);
    struct entry e = w.store[0];
    struct wr_str key = wr_str_of(e.key, e.key_n);
    struct wr_str field = wr_str_of((char *)e.field, sizeof e.field);
    struct wr_str value = wr_str_of((char *)e.value, e.value_n);
    CHECK_INT(bad_tiles(&e, key, field, value), 0);
    for (size_t i = 0; i < e.value_n * 8; i++) {
        e.value[i / 8] ^= (uint8_t)(1 << i % 8);
        CHECK_INT(bad_tiles(&e, key, field, value), 1);
        e.value[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < sizeof e.field * 8; i++) {
        e.field[i / 8] ^= (uint8_t)(1 << i % 8);
        CHECK_INT(bad_tiles(&e, key, field, value), 1);
        e.field[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t n = 0; n < e.value_n; n++) {
        CHECK_INT(bad_tiles(&e, key, field, wr_str_of(value.p, n)), 1);
    }
    for (size_t n = 0; n < sizeof e.field; n++) {
        CHECK_INT(bad_tiles(&e, key, wr_str_of(field.p, n), value), 1);
    }
    e.key[e.key_n - 1] ^= 1; /* of another card */
    CHECK_INT(bad_tiles(&e, key, field, value), 1);
    nodes_close();
}

TEST("a tile that comes twice in one fetch counts once")
{
    struct wr_fleet_stats stats;
    struct wr_fleet_load load = {0};
    nodes_open();
    decide(0, body_of(1, RIG_START, 1, 1, true), 0);
    write_behind(0);
    const struct entry *e = &w.store[0];
    for (int fetches = 1; fetches <= 3; fetches++) {
        for (int i = 0; i < 4; i++) {
            wr_fleet_load_tile(w.fleets[1], &load, 0, wr_str_of(e->key, e->key_n),
                               wr_str_of((const char *)e->field, sizeof e->field),
                               wr_str_of((const char *)e->value, e->value_n));
        }
        CHECK(load.first != 0);
        wr_fleet_stats(w.fleets[1], &stats);
        CHECK_INT(stats.n_bad_tiles, 3 * fetches);
        wr_fleet_load_drop(w.fleets[1], &load);
    }
    nodes_close();
}

/* ── the pack ───────────────────────────────────────────────────────────────────────────────── */
static void check_refused(const char *feature, const char *why)
{
    struct rig_files files;
    struct wr_arena arena;
    struct wr_pack *pack;
    struct wr_error error = {0};
    char text[512];
    rig_files_open(&files);
    snprintf(text, sizeof text, "\"f\": %s, \"is_big\": {", feature);
    for (char *p = text; *p != 0; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    rig_edit(&files, "weir.json", "\"is_big\": {", text);
    static const struct wr_memory memory = CHECK_MEMORY;
    wr_arena_init(&arena, &memory, 64 << 20);
    CHECK(wr_pack_open(&arena, files.files, files.n, NULL, &pack, &error) != WR_OK);
    CHECK_HAS(wr_str_z(error.text), why);
    CHECK_HAS(wr_str_z(error.text), "f");
    wr_arena_deinit(&arena);
    rig_files_close(&files);
}

TEST("kinds that cannot be put together are refused by name")
{
    static const char *const kinds[] = {"'distinct': 'device.id'",
                                        "'variance': 'transaction.amount'",
                                        "'stddev': 'transaction.amount'",
                                        "'cv': 'transaction.amount'",
                                        "'zscore': 'transaction.amount'",
                                        "'median': 'transaction.amount'",
                                        "'mode': 'transaction.amount'",
                                        "'percentile': 'transaction.amount', 'p': 95",
                                        "'first': 'transaction.amount'",
                                        "'last': 'transaction.amount'",
                                        "'last_n': 'transaction.amount', 'n': 3",
                                        "'top_n': 'transaction.amount', 'n': 3",
                                        "'seconds_since_last': true",
                                        "'delta_to_last': 'transaction.amount'",
                                        "'same_as_now': 'device.id'",
                                        "'seen_before': 'device.id'",
                                        "'first_seen': 'device.id'",
                                        "'links': 'terminal'",
                                        "'rate_change': true, 'baseline': '1d'",
                                        "'speed': ['a.lat', 'a.lon']",
                                        "'distance': ['a.lat', 'a.lon']",
                                        "'home_distance': ['a.lat', 'a.lon']"};
    for (size_t i = 0; i < WR_COUNTOF(kinds); i++) {
        char text[256], name[64];
        snprintf(text, sizeof text, "{'entity': 'customer', 'window': '1h', 'scope': 'fleet', %s}",
                 kinds[i]);
        snprintf(name, sizeof name, "%.*s: cannot be put together",
                 (int)(strchr(kinds[i] + 1, '\'') - kinds[i] - 1), kinds[i] + 1);
        check_refused(text, name);
    }
    check_refused("{'entity': 'customer', 'count': true, 'window': 'day', 'scope': 'fleet'}",
                  "window: of scope fleet needs a duration");
    check_refused("{'entity': 'customer', 'count': true, 'window': 'all', 'scope': 'fleet'}",
                  "window: of scope fleet needs a duration");
    check_refused(
        "{'entity': 'customer', 'share': 'label.fraud', 'window': '1h', 'scope': 'fleet'}",
        "labels");
    check_refused("{'entity': 'customer', 'count': true, 'window': '1h', 'scope': 'world'}",
                  "needs node or fleet");
    check_refused("{'entity': 'customer', 'count': true, 'window': '1h', 'stale': '5s'}",
                  "stale: goes with scope: fleet");
    check_refused("{'entity': 'customer', 'count': true, 'window': '1h', 'missing': 'node'}",
                  "missing: goes with scope: fleet");
    check_refused("{'entity': 'customer', 'count': true, 'window': '1h', 'scope': 'fleet', "
                  "'stale': '2d'}",
                  "up to 1d");
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
