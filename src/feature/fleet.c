/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing, and the tiles of the others. */
#include "feature/fleet_in.h"

#include "base/num.h"

/* ── life ───────────────────────────────────────────────────────────────────────────────────── */
static void *take(struct wr_fleet *fleet, size_t size)
{
    fleet->stats.bytes += size;
    return fleet->memory->take(fleet->memory->context, size);
}

static void give(struct wr_fleet *fleet, void *block, size_t size)
{
    if (block != NULL) {
        fleet->memory->give(fleet->memory->context, block, size);
    }
}

static void derive(struct wr_str secret, const char *purpose, uint8_t out[32])
{
    wr_hmac_sha256(secret.p, secret.n, purpose, strlen(purpose), out);
}

struct wr_hash_key wr_fleet_hash_key(struct wr_str secret)
{
    uint8_t bytes[32];
    derive(secret, "weir fleet entities 1", bytes);
    return (struct wr_hash_key){wr_get64(bytes), wr_get64(bytes + 8)};
}

static bool take_table(struct wr_fleet *fleet, struct wr_fleet_table *table, uint32_t n,
                       size_t item_size)
{
    table->item_size = item_size;
    for (uint32_t i = 0; i < n / WR_FLEET_CHUNK; i++) {
        table->chunks[i] = take(fleet, WR_FLEET_CHUNK * item_size);
        if (table->chunks[i] == NULL) {
            return false;
        }
        table->n_chunks++;
    }
    return true;
}

static void give_table(struct wr_fleet *fleet, struct wr_fleet_table *table)
{
    for (uint32_t i = 0; i < table->n_chunks; i++) {
        give(fleet, table->chunks[i], WR_FLEET_CHUNK * table->item_size);
    }
}

static bool take_tables(struct wr_fleet *fleet)
{
    size_t columns_size = fleet->n_columns * sizeof(struct wr_fleet_totals);
    fleet->own_buckets = take(fleet, WR_FLEET_BUCKETS * sizeof(uint32_t));
    fleet->entity_buckets = take(fleet, WR_FLEET_BUCKETS * sizeof(uint32_t));
    fleet->seen = take(fleet, WR_FLEET_SEEN * sizeof *fleet->seen);
    return take_table(fleet, &fleet->own, WR_LIMIT_FLEET_OWN,
                      sizeof(struct wr_own_tile) + columns_size) &&
           take_table(fleet, &fleet->tiles, WR_LIMIT_FLEET_OTHERS,
                      sizeof(struct wr_other_tile) + columns_size) &&
           take_table(fleet, &fleet->entities, WR_LIMIT_FLEET_ENTITIES, sizeof(struct wr_other)) &&
           fleet->own_buckets != NULL && fleet->entity_buckets != NULL && fleet->seen != NULL;
}

struct wr_fleet *wr_fleet_open(const struct wr_memory *memory, const struct wr_feature_plan *plan,
                               uint64_t node, struct wr_str secret)
{
    struct wr_fleet *fleet = memory->take(memory->context, sizeof *fleet);
    if (fleet == NULL) {
        return NULL;
    }
    WR_ASSERT(plan->fleet != NULL);
    *fleet = (struct wr_fleet){.memory = memory,
                               .feature_plan = plan,
                               .plan = plan->fleet,
                               .node = node,
                               .n_columns = plan->fleet->n_columns,
                               .newest_ms = INT64_MIN / 2,
                               .begin_ms = INT64_MIN,
                               .folding = true,
                               .entity_oldest = WR_FLEET_NONE,
                               .entity_newest = WR_FLEET_NONE,
                               .entities_free = WR_FLEET_NONE};
    derive(secret, "weir fleet tiles 1", fleet->seal);
    if (!take_tables(fleet)) {
        wr_fleet_close(fleet);
        return NULL;
    }
    memset(fleet->seen, 0, WR_FLEET_SEEN * sizeof *fleet->seen);
    wr_fleet_forget(fleet);
    for (uint32_t i = 0; i < WR_FLEET_BUCKETS; i++) {
        fleet->entity_buckets[i] = WR_FLEET_NONE;
    }
    return fleet;
}

void wr_fleet_close(struct wr_fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    give_table(fleet, &fleet->own);
    give_table(fleet, &fleet->tiles);
    give_table(fleet, &fleet->entities);
    give(fleet, fleet->own_buckets, WR_FLEET_BUCKETS * sizeof(uint32_t));
    give(fleet, fleet->entity_buckets, WR_FLEET_BUCKETS * sizeof(uint32_t));
    give(fleet, fleet->seen, WR_FLEET_SEEN * sizeof *fleet->seen);
    fleet->memory->give(fleet->memory->context, fleet, sizeof *fleet);
}

size_t wr_fleet_write_key(const struct wr_fleet *fleet, uint32_t series, struct wr_hash128 key,
                          int64_t period, char out[WR_LIMIT_FLEET_KEY_SIZE])
{
    struct wr_buf buf = wr_buf_fixed(out, WR_LIMIT_FLEET_KEY_SIZE);
    wr_format(&buf, "weir:1:%016llx:%lld:%016llx%016llx",
              (unsigned long long)fleet->plan->series[series].tag, (long long)period,
              (unsigned long long)key.hi, (unsigned long long)key.lo);
    WR_ASSERT(!buf.overflow);
    return buf.n;
}

/* ── tiles of the others ────────────────────────────────────────────────────────────────────── */
static struct wr_other_tile *tile_at(const struct wr_fleet *fleet, uint32_t plus_one)
{
    return wr_fleet_item(&fleet->tiles, plus_one - 1);
}

static void free_tiles(struct wr_fleet *fleet, uint32_t *first)
{
    while (*first != 0) {
        struct wr_other_tile *tile = tile_at(fleet, *first);
        uint32_t next = tile->next;
        tile->next = fleet->tiles_free;
        fleet->tiles_free = *first;
        *first = next;
        fleet->stats.n_others--;
    }
}

/* ── entities of the others ─────────────────────────────────────────────────────────────────── */
static struct wr_other *entity_at(const struct wr_fleet *fleet, uint32_t i)
{
    return wr_fleet_item(&fleet->entities, i);
}

static uint32_t find(const struct wr_fleet *fleet, struct wr_hash128 key, uint32_t series)
{
    uint32_t i = fleet->entity_buckets[wr_fleet_bucket(key, series, 0)];
    while (i != WR_FLEET_NONE) {
        const struct wr_other *entity = entity_at(fleet, i);
        if (entity->series == series && wr_fleet_key_eq(entity->key, key)) {
            break;
        }
        i = entity->next;
    }
    return i;
}

static void leave_order(struct wr_fleet *fleet, const struct wr_other *entity)
{
    if (entity->older != WR_FLEET_NONE) {
        entity_at(fleet, entity->older)->newer = entity->newer;
    } else {
        fleet->entity_oldest = entity->newer;
    }
    if (entity->newer != WR_FLEET_NONE) {
        entity_at(fleet, entity->newer)->older = entity->older;
    } else {
        fleet->entity_newest = entity->older;
    }
}

static void be_newest(struct wr_fleet *fleet, uint32_t i)
{
    struct wr_other *entity = entity_at(fleet, i);
    entity->older = fleet->entity_newest;
    entity->newer = WR_FLEET_NONE;
    if (fleet->entity_newest != WR_FLEET_NONE) {
        entity_at(fleet, fleet->entity_newest)->newer = i;
    } else {
        fleet->entity_oldest = i;
    }
    fleet->entity_newest = i;
}

/* The entity that was fetched longest ago gives way. */
static bool evict(struct wr_fleet *fleet)
{
    uint32_t i = fleet->entity_oldest;
    if (i == WR_FLEET_NONE) {
        return false;
    }
    struct wr_other *entity = entity_at(fleet, i);
    uint32_t *at = &fleet->entity_buckets[wr_fleet_bucket(entity->key, entity->series, 0)];
    while (*at != i) {
        at = &entity_at(fleet, *at)->next;
    }
    *at = entity->next;
    leave_order(fleet, entity);
    free_tiles(fleet, &entity->first);
    entity->next = fleet->entities_free;
    fleet->entities_free = i;
    fleet->stats.n_entities--;
    fleet->stats.n_evicted++;
    return true;
}

static uint32_t make(struct wr_fleet *fleet, struct wr_hash128 key, uint32_t series)
{
    if (fleet->entities_free == WR_FLEET_NONE && fleet->entities_made == WR_LIMIT_FLEET_ENTITIES) {
        (void)evict(fleet); /* there are as many as that */
    }
    uint32_t i = fleet->entities_free;
    if (i != WR_FLEET_NONE) {
        fleet->entities_free = entity_at(fleet, i)->next;
    } else {
        i = fleet->entities_made++;
    }
    uint32_t *bucket = &fleet->entity_buckets[wr_fleet_bucket(key, series, 0)];
    *entity_at(fleet, i) =
        (struct wr_other){.key = key, .next = *bucket, .series = (uint8_t)series};
    *bucket = i;
    fleet->stats.n_entities++;
    be_newest(fleet, i);
    return i;
}

/* ── loading ────────────────────────────────────────────────────────────────────────────────── */
static uint32_t take_tile(struct wr_fleet *fleet)
{
    while (fleet->tiles_free == 0 && fleet->tiles_made == WR_LIMIT_FLEET_OTHERS) {
        if (!evict(fleet)) {
            return 0;
        }
    }
    uint32_t at = fleet->tiles_free;
    if (at != 0) {
        fleet->tiles_free = tile_at(fleet, at)->next;
    } else {
        at = ++fleet->tiles_made;
    }
    fleet->stats.n_others++;
    return at;
}

static uint64_t most(const struct wr_fleet_totals *columns, uint32_t n)
{
    uint64_t found = 0;
    for (uint32_t i = 0; i < n; i++) {
        found = WR_MAX(found, columns[i].n);
    }
    return found;
}

void wr_fleet_load_tile(struct wr_fleet *fleet, struct wr_fleet_load *load, uint32_t series,
                        struct wr_str redis_key, struct wr_str field, struct wr_str value)
{
    struct wr_tile_head head;
    struct wr_fleet_totals columns[WR_LIMIT_FLEET_COLUMNS];
    if (!wr_tile_read(fleet, series, redis_key, field, value, &head, columns) ||
        !wr_tile_is_new(fleet, load, field)) {
        fleet->stats.n_bad_tiles++;
        load->failed = load->failed || ++load->n_bad > WR_LIMIT_FLEET_BAD;
        return;
    }
    uint32_t n_columns = fleet->plan->series[series].n_columns, at = load->first;
    if (head.node == fleet->node || most(columns, n_columns) == 0) {
        return;
    }
    while (at != 0 && tile_at(fleet, at)->slot != head.slot) {
        at = tile_at(fleet, at)->next;
    }
    if (at == 0) {
        at = take_tile(fleet);
        if (at == 0) {
            load->failed = true;
            return;
        }
        struct wr_other_tile *tile = tile_at(fleet, at);
        *tile = (struct wr_other_tile){
            .slot = head.slot, .first_ms = INT64_MAX, .last_ms = INT64_MIN, .next = load->first};
        memset(tile->columns, 0, fleet->n_columns * sizeof tile->columns[0]);
        load->first = at;
    }
    struct wr_other_tile *tile = tile_at(fleet, at);
    tile->first_ms = WR_MIN(tile->first_ms, head.first_ms);
    tile->last_ms = WR_MAX(tile->last_ms, head.last_ms);
    for (uint32_t c = 0; c < n_columns; c++) {
        wr_totals_merge(&tile->columns[c], &columns[c]);
    }
    tile->n = most(tile->columns, n_columns);
}

void wr_fleet_load_drop(struct wr_fleet *fleet, struct wr_fleet_load *load)
{
    free_tiles(fleet, &load->first);
    *load = (struct wr_fleet_load){0};
}

void wr_fleet_load_done(struct wr_fleet *fleet, struct wr_fleet_load *load,
                        const struct wr_fleet_key *key, int64_t now_us)
{
    if (load->failed) {
        wr_fleet_load_drop(fleet, load);
        return;
    }
    uint32_t i = find(fleet, key->key, key->series);
    if (i == WR_FLEET_NONE) {
        i = make(fleet, key->key, key->series);
    } else {
        leave_order(fleet, entity_at(fleet, i));
        be_newest(fleet, i);
    }
    struct wr_other *entity = entity_at(fleet, i);
    free_tiles(fleet, &entity->first);
    entity->first = load->first;
    entity->fetched_us = now_us;
    wr_fleet_periods(&fleet->plan->series[key->series], key->time_ms, &entity->from, &entity->to);
    *load = (struct wr_fleet_load){0};
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────── */
uint32_t wr_fleet_keys_of(const struct wr_fleet *fleet, const struct wr_event *event,
                          struct wr_fleet_key out[WR_LIMIT_FLEET_SERIES])
{
    uint32_t n = 0;
    for (uint32_t s = 0; s < fleet->plan->n_series; s++) {
        uint32_t entity = fleet->plan->series[s].entity;
        if (event->keys[entity].present) {
            out[n++] = (struct wr_fleet_key){s, event->fleet_keys[entity],
                                             wr_fleet_floor(fleet, event->time_ms)};
        }
    }
    return n;
}

void wr_fleet_window_periods(const struct wr_fleet *fleet, const struct wr_fleet_key *key,
                             int64_t *from, int64_t *to)
{
    wr_fleet_periods(&fleet->plan->series[key->series], key->time_ms, from, to);
}

/* The entity, if what is held of it covers the windows of that time. */
static const struct wr_other *held(const struct wr_fleet *fleet, const struct wr_fleet_key *key)
{
    int64_t from, to;
    uint32_t i = find(fleet, key->key, key->series);
    wr_fleet_periods(&fleet->plan->series[key->series], key->time_ms, &from, &to);
    const struct wr_other *entity = i != WR_FLEET_NONE ? entity_at(fleet, i) : NULL;
    return entity != NULL && entity->from <= from && entity->to >= to ? entity : NULL;
}

bool wr_fleet_is_fresh(const struct wr_fleet *fleet, const struct wr_fleet_key *key, int64_t now_us,
                       int64_t age_us)
{
    const struct wr_other *entity = held(fleet, key);
    return entity != NULL && now_us - entity->fetched_us <= age_us;
}

static void read_window(const struct wr_fleet *fleet, const struct wr_other *entity,
                        const struct wr_fleet_feature *feature, int64_t time_ms, int64_t now_us,
                        struct wr_fleet_share *out)
{
    const struct wr_feature *f = &fleet->feature_plan->features[feature->feature];
    int64_t end = time_ms - f->delay_ms, start = end - f->window_ms;
    int64_t age_us = WR_MAX(now_us - entity->fetched_us, 0);
    out->known = true;
    out->stale_ms = (uint32_t)WR_MIN(age_us / 1000, (int64_t)UINT32_MAX - 1);
    for (uint32_t at = entity->first; at != 0;) {
        const struct wr_other_tile *tile = tile_at(fleet, at);
        const struct wr_fleet_totals *totals = &tile->columns[feature->column];
        if (tile->first_ms > start && tile->first_ms <= end) {
            wr_totals_merge(&out->totals, totals);
        } else if (tile->first_ms <= start && tile->last_ms > start) {
            out->edge += totals->n;
        }
        at = tile->next;
    }
}

void wr_fleet_read(const struct wr_fleet *fleet, const struct wr_event *event, int64_t now_us,
                   struct wr_fleet_share *out)
{
    int64_t time_ms = wr_fleet_floor(fleet, event->time_ms);
    for (uint32_t i = 0; i < fleet->plan->n_features; i++) {
        const struct wr_fleet_feature *feature = &fleet->plan->features[i];
        uint32_t entity = fleet->plan->series[feature->series].entity;
        out[i] = (struct wr_fleet_share){0};
        if (!event->keys[entity].present) {
            continue;
        }
        struct wr_fleet_key key = {feature->series, event->fleet_keys[entity], time_ms};
        const struct wr_other *other = held(fleet, &key);
        if (other != NULL) {
            read_window(fleet, other, feature, time_ms, now_us, &out[i]);
        }
    }
}

void wr_fleet_stats(const struct wr_fleet *fleet, struct wr_fleet_stats *out)
{
    *out = fleet->stats;
    out->n_queued += fleet->again_end - fleet->again;
}
